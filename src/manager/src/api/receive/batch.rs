//! A batch of `CloudEvents` as JSON: first only whose it says it is, and once that is proven, its
//! events. Pure, and without recursion of our own; borrowed from the body where possible.

use std::borrow::Cow;
use std::fmt;

use axum::http::StatusCode;
use contract::Event;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::acceptable::{self, HEAVIEST, is_name};
use crate::api::refusal::Refusal;
use crate::api::text::percent_decoded;

/// The most events in one batch.
pub(super) const MOST_EVENTS: usize = 1000;
/// What every `source` begins with; the router's name follows, percent-encoded.
const SOURCE: &str = "/vrwatch/";

/// How events are put together. Source: `CloudEvents` 1.0, JSON format, §3 and §4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One event.
    Single,
    /// A list of them.
    Batch,
}

/// The one thing that is believed before the signature is checked, and only in order to check it.
#[derive(Deserialize)]
struct Claim<'json> {
    #[serde(borrow)]
    source: Cow<'json, str>,
}

/// One event in its wrapping.
#[derive(Deserialize)]
struct Wrapped<'json> {
    #[serde(borrow)]
    specversion: Cow<'json, str>,
    #[serde(borrow)]
    id: Cow<'json, str>,
    #[serde(borrow)]
    source: Cow<'json, str>,
    #[serde(borrow)]
    data: &'json RawValue,
}

impl Form {
    /// The form that a `content-type` names.
    pub(super) fn of(content_type: &str) -> Option<Self> {
        let (name, parameters) = match content_type.split_once(';') {
            Some((name, parameters)) => (name, parameters.trim()),
            None => (content_type, ""),
        };
        let utf_8 = ["", "charset=utf-8", "charset=\"utf-8\""];
        if !utf_8
            .iter()
            .any(|known| parameters.eq_ignore_ascii_case(known))
        {
            return None;
        }
        match name.trim().to_ascii_lowercase().as_str() {
            "application/cloudevents-batch+json" => Some(Self::Batch),
            "application/cloudevents+json" => Some(Self::Single),
            _ => None,
        }
    }
}

/// The router that the first event says it is of; `None` for an empty batch.
pub(super) fn claimed_router(json: &[u8], form: Form) -> Result<Option<String>, Refusal> {
    let mut first = json.trim_ascii_start();
    if form == Form::Batch {
        first = first
            .strip_prefix(b"[")
            .ok_or_else(|| Refusal::bad("the body is no JSON list"))?
            .trim_ascii_start();
        if first.first() == Some(&b']') {
            return Ok(None);
        }
    }
    let mut events = serde_json::Deserializer::from_slice(first).into_iter::<Claim<'_>>();
    match events.next() {
        Some(Ok(claim)) => router_of(&claim.source).map(Some),
        Some(Err(error)) => Err(no_event(0, &error)),
        None => Err(Refusal::bad("the body is empty")),
    }
}

/// All events of a batch that `router` has signed, and what they weigh together.
pub(super) fn events(
    json: &[u8],
    form: Form,
    router: &str,
) -> Result<(Vec<Event>, usize), Refusal> {
    let no_json = |error: serde_json::Error| Refusal::bad(format!("the body is wrong: {error}"));
    let wrapped = match form {
        Form::Single => vec![serde_json::from_slice::<Wrapped<'_>>(json).map_err(no_json)?],
        Form::Batch => {
            let Some(list) = serde_json::from_slice::<Bounded<'_>>(json)
                .map_err(no_json)?
                .0
            else {
                return Err(Refusal::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    format!("there are more than {MOST_EVENTS} events in the batch"),
                ));
            };
            list
        }
    };
    let proven = wrapped.first().map(|wrapped| wrapped.source.clone());
    let mut weight = 0;
    let one = |(number, wrapped): (usize, &Wrapped<'_>)| {
        let same = proven.as_ref() == Some(&wrapped.source) && number > 0;
        if !same && router_of(&wrapped.source)? != router {
            return Err(other_router(number));
        }
        let event = event(number, wrapped, router)?;
        weight += acceptable::weight_of(&event, wrapped.data.get());
        if weight > HEAVIEST {
            return Err(Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "there is too much in the batch: send fewer events at a time",
            ));
        }
        Ok(event)
    };
    let events: Result<_, _> = wrapped.iter().enumerate().map(one).collect();
    Ok((events?, weight))
}

fn event(number: usize, wrapped: &Wrapped<'_>, router: &str) -> Result<Event, Refusal> {
    let wrong = |words: &str| Err(Refusal::bad(format!("event {number}: {words}")));
    if wrapped.specversion != "1.0" {
        return wrong("`specversion` is not 1.0");
    }
    if let Some(words) = acceptable::too_large(wrapped.data.get()) {
        return Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("event {number}: {words}"),
        ));
    }
    let event: Event =
        serde_json::from_str(wrapped.data.get()).map_err(|error| no_event(number, &error))?;
    if event.router != router {
        return Err(other_router(number));
    }
    if event.id != wrapped.id {
        return wrong("its `id` and that of its `data` differ");
    }
    if let Some(problem) = acceptable::problem(&event) {
        return wrong(problem);
    }
    Ok(event)
}

/// The name in a `source`.
fn router_of(source: &str) -> Result<String, Refusal> {
    let no_router = || Refusal::bad("a `source` is not `/vrwatch/` and a router's name");
    let encoded = source.strip_prefix(SOURCE).ok_or_else(no_router)?;
    let name = percent_decoded(encoded).ok_or_else(no_router)?;
    if name.is_empty() || !is_name(&name) {
        return Err(no_router());
    }
    Ok(name)
}

fn no_event(number: usize, error: &serde_json::Error) -> Refusal {
    Refusal::bad(format!("event {number}: {error}"))
}

/// 403, which can heal, and not 400: a router that was renamed still has events of its old name.
fn other_router(number: usize) -> Refusal {
    Refusal::new(
        StatusCode::FORBIDDEN,
        format!("event {number} is of another router than the one whose key signs the batch"),
    )
}

/// A list of at most [`MOST_EVENTS`]; `None` when there are more.
struct Bounded<'json>(Option<Vec<Wrapped<'json>>>);

impl<'de> Deserialize<'de> for Bounded<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Bounded<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of CloudEvents")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Bounded<'de>, A::Error> {
                let mut wrapped = Vec::new();
                while let Some(event) = list.next_element::<Wrapped<'de>>()? {
                    if wrapped.len() == MOST_EVENTS {
                        // To the end, for what follows must still be JSON.
                        while list.next_element::<serde::de::IgnoredAny>()?.is_some() {}
                        return Ok(Bounded(None));
                    }
                    wrapped.push(event);
                }
                Ok(Bounded(Some(wrapped)))
            }
        }
        deserializer.deserialize_seq(List).map_err(D::Error::custom)
    }
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
