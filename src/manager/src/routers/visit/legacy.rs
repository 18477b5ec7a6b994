//! What CloudStack's own `getRouterAlerts.sh` prints, and the events that its lines tell. A line has
//! the same event id whenever and by whomever it is read, so that asking again from a little earlier
//! loses nothing and stores nothing twice.
//!
//! Source: `cloudstack.md` section 3.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use contract::{Cause, Draft, Ended, Event, Fact, Failure, Severity, Timestamp, Value};

use super::ids::id;
use super::stamp::Stamp;
use crate::acceptable;

/// What stands between two entries and behind the last: a backslash and an n.
const BETWEEN: &str = "\\n";
/// What is said when there are none.
const NONE: &str = "No Alerts";
/// How many restarts `monitorServices.py` tries before it says that they failed.
const ATTEMPTS: u32 = 5;
/// The most of a line that is kept; characters.
const LONGEST_LINE: usize = 2000;
/// The most strange lines that are shown, and of each.
const MOST_NOTES: usize = 5;
const LONGEST_NOTE: usize = 120;
/// Which service of CloudStack's default rows a process belongs to. Source: section 2.
const SERVICES: [(&str, &str); 4] = [
    ("sshd", "ssh"),
    ("dnsmasq", "dhcp"),
    ("haproxy", "loadbalancing"),
    ("apache2", "webserver"),
];

/// One line with its stamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its second.
    pub(super) stamp: Stamp,
    /// When exactly.
    pub(super) time: Timestamp,
    /// The whole line, cleaned.
    pub(super) line: String,
    /// Its number among lines that are equal to it.
    pub(super) occurrence: usize,
}

/// What the script printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Printed {
    /// Its entries, oldest first.
    pub(super) entries: Vec<Entry>,
    /// How many lines had no stamp.
    pub(super) strange: usize,
    /// Some of those, cut.
    pub(super) notes: Vec<String>,
}

/// Reads what the script printed, whichever way round it is.
#[must_use]
pub(super) fn read(output: &[u8]) -> Printed {
    let text = String::from_utf8_lossy(output);
    let mut printed = Printed::default();
    let lines = text
        .split(BETWEEN)
        .flat_map(str::lines)
        .map(|line| contract::clean::line(line).trim().to_owned())
        .filter(|line| !line.is_empty() && line != NONE);
    for line in lines {
        if let Some((stamp, time)) = stamped(&line) {
            printed.entries.push(Entry {
                stamp,
                time,
                line,
                occurrence: 0,
            });
        } else {
            printed.strange += 1;
            if printed.notes.len() < MOST_NOTES {
                printed
                    .notes
                    .push(line.chars().take(LONGEST_NOTE).collect());
            }
        }
    }
    let entries = &mut printed.entries;
    if let (Some(first), Some(last)) = (entries.first(), entries.last())
        && first.time > last.time
    {
        entries.reverse();
    }
    // Stable: what has the same time stays in its order.
    entries.sort_by_key(|entry| entry.time);
    let mut seen: HashMap<String, usize> = HashMap::new();
    for entry in entries {
        let number = seen.entry(entry.line.clone()).or_default();
        entry.occurrence = *number;
        *number += 1;
    }
    printed
}

/// The stamp that a line begins with: `2026-11-22 11:47:33,207`.
fn stamped(line: &str) -> Option<(Stamp, Timestamp)> {
    let stamp: Stamp = line.get(..19)?.parse().ok()?;
    let rest = line.get(19..)?;
    let millis = match rest.strip_prefix(',') {
        Some(rest) => rest
            .get(..3)
            .and_then(|digits| digits.parse().ok())
            .unwrap_or(0),
        None if rest.is_empty() || rest.starts_with(' ') => 0,
        None => return None,
    };
    let time = stamp.begins().saturating_add(Duration::from_millis(millis));
    Some((stamp, time))
}

/// The events that the entries tell. `open` are the outages of this router that go on, by process:
/// what follows belongs to them.
#[must_use]
pub(super) fn events(
    router: &str,
    entries: &[Entry],
    open: &BTreeMap<String, String>,
) -> Vec<Event> {
    let mut open: BTreeMap<String, (String, Option<Timestamp>)> = open
        .iter()
        .map(|(process, outage)| (process.clone(), (outage.clone(), None)))
        .collect();
    entries
        .iter()
        .map(|entry| event(router, entry, &mut open))
        .collect()
}

fn event(
    router: &str,
    entry: &Entry,
    open: &mut BTreeMap<String, (String, Option<Timestamp>)>,
) -> Event {
    let occurrence = entry.occurrence.to_string();
    let name = id("line", &[router, &entry.line, &occurrence]);
    let behind = entry.line.get(19..).unwrap_or_default();
    let process = process(behind);
    let began = process
        .and_then(|process| open.get(process))
        .and_then(|(_, began)| *began);
    let fact = fact(entry, behind, began);
    let known = matches!(
        fact,
        Fact::ServiceDown { .. } | Fact::RestartFailed { .. } | Fact::Restarted { .. }
    );
    let outage = process.filter(|_| known).map(|process| {
        if fact.ends_outage() {
            // An end without a beginning is an outage of its own: the beginning was never seen.
            let ended = open.remove(process);
            return ended.map_or_else(|| name.clone(), |(outage, _)| outage);
        }
        let (outage, began) = open
            .entry(process.to_owned())
            .or_insert_with(|| (name.clone(), Some(entry.time)));
        began.get_or_insert(entry.time);
        outage.clone()
    });
    let draft = Draft {
        service: process.map(|process| service(process).to_owned()),
        process: process.map(ToOwned::to_owned),
        outage,
        time: entry.time,
        fact,
    };
    // Zero: no journal has it.
    let mut event = Event::new(draft, name, 0, router.to_owned());
    if !known && behind.contains("[ALERT]") {
        event.severity = Severity::Major;
    }
    event
}

fn fact(entry: &Entry, behind: &str, began: Option<Timestamp>) -> Fact {
    match said(behind) {
        Some(Said::Down) => Fact::ServiceDown {
            noticed: entry.time,
            last_pid: None,
            cause: Cause::Unknown,
            ended: Ended::Unknown,
        },
        Some(Said::Failed) => Fact::RestartFailed {
            attempts: ATTEMPTS,
            failure: Failure {
                reason: "the router's own script gave up".into(),
                exit: None,
                output: String::new(),
            },
        },
        Some(Said::Up) => Fact::Restarted {
            pid: 0,
            attempts: 0,
            downtime: began.map_or(Duration::ZERO, |began| entry.time.saturating_since(began)),
        },
        None => Fact::Unknown {
            kind: "legacy_alert".into(),
            detail: Some(Value::Text(entry.line.chars().take(LONGEST_LINE).collect())),
        },
    }
}

/// What a line says of its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Down,
    Failed,
    Up,
}

/// The words of `monitorServices.py`, and those that scripts of operators write in its place; the
/// first that a line holds counts.
const WORDS: [(&str, Said); 14] = [
    (" is not running trying recover", Said::Down),
    (" recover failed", Said::Failed),
    (" is recovered successfully", Said::Up),
    ("restart failed", Said::Failed),
    ("failed to start", Said::Failed),
    ("failed to restart", Said::Failed),
    ("could not be started", Said::Failed),
    ("could not be restarted", Said::Failed),
    (" is not running", Said::Down),
    (" stopped", Said::Down),
    (" is down", Said::Down),
    (" failed", Said::Down),
    (" restarted", Said::Up),
    (" is running again", Said::Up),
];

fn said(behind: &str) -> Option<Said> {
    process(behind)?;
    let lower = behind.to_lowercase();
    let found = WORDS.iter().find(|(words, _)| lower.contains(words));
    found.map(|(_, said)| *said)
}

/// The process that a line is about: `The process dnsmasq …`; or one of CloudStack's, by its own name
/// or its service's.
fn process(behind: &str) -> Option<&str> {
    if let Some((_, rest)) = behind.split_once("The process ") {
        let name = rest.split([' ', ']']).next()?;
        return (!name.is_empty() && acceptable::is_name(name)).then_some(name);
    }
    let apart = |letter: char| !letter.is_ascii_alphanumeric() && letter != '-' && letter != '_';
    behind.split(apart).find_map(|word| {
        let known = SERVICES.into_iter();
        let mut known = known.filter(|(process, service)| *process == word || *service == word);
        known.next().map(|(process, _)| process)
    })
}

fn service(process: &str) -> &str {
    SERVICES
        .into_iter()
        .find_map(|(known, service)| (known == process).then_some(service))
        .unwrap_or(process)
}

#[cfg(test)]
#[path = "legacy_tests.rs"]
mod tests;
