//! The document of `vrwatch poll`, as it comes from a router: read tolerantly, believed only about
//! the router that was visited. What a newer version adds is passed over; an event that cannot be
//! taken is counted, so that it keeps none of the others back.

use std::collections::BTreeMap;

use contract::{Event, Fact, Severity, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::ids::own_id;
use super::own;
use crate::acceptable::{self, HEAVIEST};
use crate::store::UsageSample;

/// The form that is read here.
const FORMAT: u64 = 1;
/// The longest cursor that is kept; bytes.
const LONGEST_CURSOR: usize = 1000;
/// The most interfaces of one router whose counters are kept.
const MOST_INTERFACES: usize = 256;

/// Why a document is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It is none, or not a whole one.
    #[error("what `vrwatch poll` printed is no such document: {0}")]
    Unreadable(String),
    /// A newer form.
    #[error(
        "its vrwatch is newer than this manager (document format {0}): upgrade the manager first"
    )]
    Newer(u64),
    /// It is about another router.
    #[error(
        "it calls itself {0:?}: correct `[router] name` in its vrwatch.toml, or the address in the inventory"
    )]
    OtherRouter(String),
}

/// What one `vrwatch poll` told.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Document {
    /// For the next `--after`.
    pub(super) cursor: String,
    /// There are more events now.
    pub(super) more: bool,
    /// The router's events, in its order.
    pub(super) events: Vec<Event>,
    /// What the manager has to say about events that did not come.
    pub(super) own: Vec<Event>,
    /// The counters, as if read `now`.
    pub(super) usage: Vec<UsageSample>,
}

#[derive(Deserialize)]
struct Written<'json> {
    format: u64,
    router: String,
    cursor: String,
    #[serde(default)]
    reset: bool,
    #[serde(default)]
    missed: u64,
    #[serde(default)]
    more: bool,
    #[serde(borrow, default)]
    events: Vec<&'json RawValue>,
    #[serde(default)]
    usage: Usage,
}

#[derive(Default, Deserialize)]
struct Usage {
    #[serde(default)]
    interfaces: BTreeMap<String, Counters>,
}

#[derive(Deserialize)]
struct Counters {
    received_bytes: u64,
    sent_bytes: u64,
}

/// Reads what `router` printed when it was asked for what is behind `after`.
///
/// # Errors
/// When it cannot be believed as a whole: then nothing of it is.
pub(super) fn read(
    json: &[u8],
    router: &str,
    after: Option<&str>,
    now: Timestamp,
) -> Result<Document, DocumentError> {
    let unreadable = |problem: &dyn std::fmt::Display| {
        let problem = contract::clean::line(&problem.to_string());
        DocumentError::Unreadable(problem.chars().take(200).collect())
    };
    let written: Written<'_> = serde_json::from_slice(json).map_err(|error| unreadable(&error))?;
    if written.format != FORMAT {
        return Err(DocumentError::Newer(written.format));
    }
    if written.router != router {
        return Err(DocumentError::OtherRouter(
            written.router.chars().take(64).collect(),
        ));
    }
    if written.cursor.len() > LONGEST_CURSOR || written.cursor.chars().any(char::is_control) {
        return Err(unreadable(&"its cursor is too long or no plain text"));
    }
    let mut events = Vec::with_capacity(written.events.len());
    let mut refused: Vec<String> = Vec::new();
    let mut weight = 0;
    for json in &written.events {
        match event(json, router) {
            Ok(event) => {
                weight += acceptable::weight_of(&event, json.get());
                if weight > HEAVIEST {
                    refused.push("there is too much in one answer".into());
                    continue;
                }
                events.push(event);
            }
            Err(problem) => refused.push(problem),
        }
    }
    // The same answer gives the same names; the next one has another cursor.
    let name = |what| own_id(what, &[router, after.unwrap_or_default(), &written.cursor]);
    let mut own = Vec::new();
    if written.reset {
        let fact = Fact::AlertsDropped {
            count: 0,
            first_seq: 0,
            last_seq: 0,
            sink: None,
            reason: "the router's journal was begun anew after the last visit".into(),
        };
        let mut event = own::event(name("reset"), router, None, now, fact);
        // A router that was made anew lost what nobody needs any more; usually.
        event.severity = Severity::Warning;
        own.push(event);
    }
    if written.missed > 0 {
        let next = events.first().map_or(written.missed + 1, |event| event.seq);
        let fact = Fact::AlertsDropped {
            count: written.missed,
            first_seq: next.saturating_sub(written.missed),
            last_seq: next.saturating_sub(1),
            sink: None,
            reason: "they left the router's journal before a visit could read them".into(),
        };
        own.push(own::event(name("missed"), router, None, now, fact));
    }
    if let Some(first) = refused.first() {
        let fact = Fact::AlertsDropped {
            count: refused.len() as u64,
            first_seq: 0,
            last_seq: 0,
            sink: None,
            reason: format!("the manager cannot take them: {first}"),
        };
        own.push(own::event(name("refused"), router, None, now, fact));
    }
    Ok(Document {
        cursor: written.cursor,
        more: written.more,
        events,
        own,
        usage: usage(written.usage, now),
    })
}

fn event(json: &RawValue, router: &str) -> Result<Event, String> {
    if let Some(words) = acceptable::too_large(json.get()) {
        return Err(format!("of one: {words}"));
    }
    let event: Event = serde_json::from_str(json.get()).map_err(|error| {
        let problem = contract::clean::line(&error.to_string());
        problem.chars().take(200).collect::<String>()
    })?;
    if event.router != router {
        return Err("one is of another router".into());
    }
    match acceptable::problem(&event) {
        Some(problem) => Err(problem.into()),
        None => Ok(event),
    }
}

fn usage(usage: Usage, now: Timestamp) -> Vec<UsageSample> {
    usage
        .interfaces
        .into_iter()
        .filter(|(name, _)| !name.is_empty() && name.trim() == name && acceptable::is_name(name))
        .take(MOST_INTERFACES)
        .map(|(interface, counters)| UsageSample {
            time: now,
            interface,
            bytes_received: counters.received_bytes,
            bytes_sent: counters.sent_bytes,
        })
        .collect()
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
