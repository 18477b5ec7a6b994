//! Notes: the publisher's keyed blobs, as JSON text, and how changes add up.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::cut;
use crate::record::Record;

/// The latest value of each note, as JSON text.
pub(crate) type Notes = BTreeMap<Box<str>, Arc<str>>;

/// Changed notes in order; `None` deletes.
pub(crate) type Changes = Vec<(Box<str>, Option<Arc<str>>)>;

/// The longest note that is taken, as JSON, in bytes.
pub(crate) const MAX_NOTE: usize = 64 * 1024;

/// Applies changes to the notes.
pub(crate) fn apply(
    changes: impl IntoIterator<Item = (Box<str>, Option<Arc<str>>)>,
    to: &mut Notes,
) {
    for (key, note) in changes {
        match note {
            Some(note) => to.insert(key, note),
            None => to.remove(&key),
        };
    }
}

/// The notes as of before a record.
pub(crate) fn before<'a>(
    notes: &'a Notes,
    waiting: &'a VecDeque<Record>,
    number: u64,
) -> BTreeMap<&'a str, &'a str> {
    let mut all: BTreeMap<&str, &str> = notes
        .iter()
        .map(|(key, note)| (key.as_ref(), note.as_ref()))
        .collect();
    for record in waiting.iter().take_while(|record| record.number < number) {
        for (key, note) in &record.notes {
            match note {
                Some(note) => all.insert(key, note),
                None => all.remove(key.as_ref()),
            };
        }
    }
    all
}

/// A note as JSON text, or why it is not taken.
pub(crate) fn as_text(
    key: &str,
    note: Option<&serde_json::Value>,
) -> Result<Option<Arc<str>>, &'static str> {
    if key.len() > cut::MAX_NAME {
        return Err("its key is too long");
    }
    match note {
        None | Some(serde_json::Value::Null) => Ok(None),
        Some(note) => match serde_json::to_string(note) {
            Ok(text) if text.len() <= MAX_NOTE => Ok(Some(text.into())),
            Ok(_) => Err("it is too long"),
            Err(_) => Err("it cannot be written as JSON"),
        },
    }
}
