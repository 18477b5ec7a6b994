//! One transaction as it waits in memory and as the JSON that goes into its record; and the
//! snapshot of all notes that every segment starts with, so that older segments may go.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use contract::{Event, Fact};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::frame::{MAX_PAYLOAD, seal};
use crate::notes::Changes;
use crate::outages::Head;

/// From here on a transaction or a snapshot is continued in another record.
pub(crate) const FULL_PAYLOAD: usize = MAX_PAYLOAD / 2;

/// One transaction that is not confirmed on disk yet.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// Order of publication; never falls.
    pub(crate) number: u64,
    pub(crate) events: Vec<Arc<Event>>,
    pub(crate) notes: Changes,
    /// Length of its JSON in bytes.
    pub(crate) size: usize,
}

impl Record {
    /// The sequence number of its last event.
    pub(crate) fn last_seq(&self) -> Option<u64> {
        self.events.last().map(|event| event.seq)
    }

    /// Appends the record's bytes to `out`.
    pub(crate) fn seal_into(&self, out: &mut Vec<u8>) {
        let mut draft = Builder::default();
        for event in &self.events {
            draft.push_event(Arc::clone(event));
        }
        for (key, note) in &self.notes {
            draft.push_note(key.clone(), note.clone());
        }
        draft.finish(self.number, out);
    }
}

/// A record that is being put together, with its JSON.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    events: Vec<Arc<Event>>,
    events_json: Vec<u8>,
    notes: Changes,
    notes_json: Vec<u8>,
}

impl Builder {
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.notes.is_empty()
    }

    /// Whether the next event or note belongs into another record.
    pub(crate) fn is_full(&self) -> bool {
        self.events_json.len() + self.notes_json.len() > FULL_PAYLOAD
    }

    /// Adds an event, and says how long its JSON is.
    pub(crate) fn push_event(&mut self, event: Arc<Event>) -> usize {
        if !self.events_json.is_empty() {
            self.events_json.push(b',');
        }
        let start = self.events_json.len();
        append_json(event.as_ref(), &mut self.events_json);
        self.events.push(event);
        self.events_json.len() - start
    }

    /// Adds a changed note.
    pub(crate) fn push_note(&mut self, key: Box<str>, note: Option<Arc<str>>) {
        append_note(&key, note.as_deref(), &mut self.notes_json);
        self.notes.push((key, note));
    }

    /// The record, and its sealed bytes at the end of `out`.
    pub(crate) fn finish(self, number: u64, out: &mut Vec<u8>) -> Record {
        let mut payload = Vec::with_capacity(self.events_json.len() + self.notes_json.len() + 24);
        payload.extend_from_slice(br#"{"events":["#);
        payload.extend_from_slice(&self.events_json);
        payload.push(b']');
        if !self.notes.is_empty() {
            payload.extend_from_slice(br#","notes":{"#);
            payload.extend_from_slice(&self.notes_json);
            payload.push(b'}');
        }
        payload.push(b'}');
        if !seal(&payload, out) {
            tracing::error!(
                bytes = payload.len(),
                "a transaction is too long for the journal and was left out"
            );
        }
        Record {
            number,
            events: self.events,
            notes: self.notes,
            size: payload.len(),
        }
    }
}

/// Notes alone, in as few records as they fit in, all with the same number.
pub(crate) fn records_of_notes(
    changes: BTreeMap<Box<str>, Option<Arc<str>>>,
    number: u64,
) -> Vec<Record> {
    let mut records = Vec::new();
    let mut draft = Builder::default();
    for (key, note) in changes {
        if draft.is_full() {
            records.push(std::mem::take(&mut draft).finish(number, &mut Vec::new()));
        }
        draft.push_note(key, note);
    }
    if !draft.is_empty() {
        records.push(draft.finish(number, &mut Vec::new()));
    }
    records
}

/// The sealed records of a snapshot of all notes: one or more parts.
pub(crate) fn snapshot<'a>(notes: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut parts: Vec<Vec<(&str, &str)>> = vec![Vec::new()];
    let mut size = 0;
    for (key, note) in notes {
        let cost = 2 * key.len() + note.len() + 8;
        if size > 0 && size + cost > FULL_PAYLOAD {
            parts.push(Vec::new());
            size = 0;
        }
        size += cost;
        if let Some(part) = parts.last_mut() {
            part.push((key, note));
        }
    }
    let of = parts.len();
    let mut sealed = Vec::new();
    for (index, part) in parts.into_iter().enumerate() {
        let mut payload = Vec::new();
        payload.extend_from_slice(br#"{"snapshot":"#);
        append_json(
            &Part {
                part: index + 1,
                of,
            },
            &mut payload,
        );
        payload.extend_from_slice(br#","notes":{"#);
        let mut notes = Vec::new();
        for (key, note) in part {
            append_note(key, Some(note), &mut notes);
        }
        payload.extend_from_slice(&notes);
        payload.extend_from_slice(b"}}");
        if !seal(&payload, &mut sealed) {
            tracing::error!("a part of the notes is too long for the journal and was left out");
        }
    }
    sealed
}

/// Which part of a snapshot a record is; from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) part: usize,
    pub(crate) of: usize,
}

/// A payload as it is read: the events stay text until somebody wants them.
#[derive(Debug, Deserialize)]
pub(crate) struct Payload<'a> {
    #[serde(default, borrow)]
    pub(crate) events: Vec<&'a RawValue>,
    #[serde(default, borrow)]
    pub(crate) notes: BTreeMap<Cow<'a, str>, Option<&'a RawValue>>,
    #[serde(default)]
    pub(crate) snapshot: Option<Part>,
}

impl<'a> Payload<'a> {
    /// `None` when it is no payload of ours.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// The sequence numbers of the events.
    #[cfg(test)]
    pub(crate) fn seqs(&self) -> impl Iterator<Item = u64> + '_ {
        self.events.iter().filter_map(|event| seq_of(event))
    }

    /// The same, and whether each is itself a report of loss.
    pub(crate) fn seqs_and_reports(&self) -> impl Iterator<Item = (u64, bool)> + '_ {
        #[derive(Deserialize)]
        struct Kind<'a> {
            #[serde(borrow)]
            kind: Cow<'a, str>,
        }
        self.events.iter().filter_map(|event| {
            let kind = serde_json::from_str::<Kind<'_>>(event.get());
            let report = kind.is_ok_and(|kind| kind.kind == "alerts_dropped");
            Some((seq_of(event)?, report))
        })
    }
}

/// The sequence number of an event that is still text.
pub(crate) fn seq_of(event: &RawValue) -> Option<u64> {
    #[derive(Deserialize)]
    struct Numbered {
        seq: u64,
    }
    serde_json::from_str::<Numbered>(event.get())
        .ok()
        .map(|numbered| numbered.seq)
}

/// The number of an event that is still text, and what tells its outage: as JSON, for comparison
/// only.
pub(crate) fn heading(event: &RawValue) -> Option<(u64, Option<Head<'_>>)> {
    #[derive(Deserialize)]
    struct Headed<'a> {
        seq: u64,
        #[serde(default, borrow)]
        router: Option<&'a RawValue>,
        #[serde(default, borrow)]
        service: Option<&'a RawValue>,
        #[serde(default, borrow)]
        outage: Option<&'a RawValue>,
        #[serde(default, borrow)]
        kind: Option<&'a RawValue>,
    }
    let text = event.get();
    let headed: Headed<'_> = serde_json::from_str(text).ok()?;
    let head = headed.outage.map(|outage| {
        let kind = headed.kind.map_or("", |kind| kind.get());
        Head {
            seq: headed.seq,
            router: headed.router.map_or("", |router| router.get()),
            service: headed.service.map_or("", |service| service.get()),
            outage: outage.get(),
            kind,
            bytes: text.len(),
            ends: ends_outage(kind, text),
        }
    });
    Some((headed.seq, head))
}

/// Whether the outage of an event is over with it; `kind` is still JSON. Few are parsed for that.
fn ends_outage(kind: &str, event: &str) -> bool {
    Fact::kind_ends_outage(kind.trim_matches('"')).unwrap_or_else(|| {
        serde_json::from_str::<Event>(event).is_ok_and(|event| event.fact.ends_outage())
    })
}

fn append_note(key: &str, note: Option<&str>, out: &mut Vec<u8>) {
    if !out.is_empty() {
        out.push(b',');
    }
    append_json(key, out);
    out.push(b':');
    out.extend_from_slice(note.unwrap_or("null").as_bytes());
}

/// Our types have text keys and go into memory, so this cannot fail; were it to, `null` keeps the
/// record readable.
fn append_json<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    let start = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(start);
        out.extend_from_slice(b"null");
    }
}
