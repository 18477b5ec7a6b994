//! Walks over the journal and reads of each event only what tells it apart, so that whoever needs a
//! few of a hundred thousand does not pay for all of them. As `Reader`, it works from any process.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use contract::{Event, Severity, Timestamp};
use serde::Deserialize;

use crate::head::Heads;
use crate::record::Payload;
use crate::scan::{Scanner, Step};
use crate::segment;

/// An event of which only the head was read.
#[derive(Debug, Deserialize)]
pub struct Glance<'a> {
    /// Stable and globally unique.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// Its position in the journal.
    pub seq: u64,
    /// When it was judged, by the wall clock.
    pub time: Timestamp,
    /// How bad it is.
    pub severity: Severity,
    /// Starts with all of it; what follows is something else.
    #[serde(skip)]
    pub(crate) json: &'a [u8],
}

impl Glance<'_> {
    /// All of it; `None` when that cannot be read.
    #[must_use]
    pub fn event(&self) -> Option<Event> {
        let mut values = serde_json::Deserializer::from_slice(self.json).into_iter();
        match values.next()? {
            Ok(event) => Some(event),
            Err(error) => {
                let seq = self.seq;
                tracing::warn!(seq, %error, "an event in the journal cannot be read and is passed over");
                None
            }
        }
    }
}

/// Shows the events with a sequence number above `after`, in order, each once, until `look` breaks
/// off. What it shows is on disk: the segments are synced, where the file system allows that.
///
/// # Errors
/// When there is no readable journal, or its newest segment cannot be read.
pub fn glance(
    directory: &Path,
    after: u64,
    mut look: impl FnMut(&Glance<'_>) -> ControlFlow<()>,
) -> io::Result<()> {
    let journal = segment::journal_folder(directory);
    let names = segment::list(&journal)?;
    // Every event behind `after` is in the last segment that starts before it, or later.
    let behind = names.partition_point(|name| name.first <= after.saturating_add(1));
    let names = &names[behind.saturating_sub(1)..];
    let mut reached = after;
    let mut looked_into = Vec::new();
    let heads = Heads::new();
    for (index, name) in names.iter().enumerate() {
        let Some(file) = segment::open(&name.path(&journal))? else {
            // It was deleted since, and so were its events.
            continue;
        };
        let before = reached;
        let mut scanner = Scanner::new(file);
        match walk(&mut scanner, &heads, &mut reached, &mut look) {
            Ok(flow) => {
                if reached > before {
                    looked_into.push(scanner.into_file());
                }
                if flow.is_break() {
                    break;
                }
            }
            // A bad sector must not hide the segments behind it.
            Err(error) if index + 1 == names.len() => return Err(error),
            Err(_) => {}
        }
        // What is older than the one before has long been synced by its writer.
        if looked_into.len() > 2 {
            looked_into.remove(0);
        }
    }
    sync(&looked_into, &journal);
    Ok(())
}

fn walk(
    scanner: &mut Scanner,
    heads: &Heads,
    reached: &mut u64,
    look: &mut impl FnMut(&Glance<'_>) -> ControlFlow<()>,
) -> io::Result<ControlFlow<()>> {
    let mut show = |glance: &Glance<'_>| {
        if glance.seq <= *reached {
            return ControlFlow::Continue(());
        }
        *reached = glance.seq;
        look(glance)
    };
    loop {
        match scanner.step()? {
            Step::Record { offset, length } => {
                let payload = scanner.payload(offset, length)?;
                let flow = match heads.only_event(payload) {
                    Some(glance) => show(&glance),
                    None => each(payload, &mut show),
                };
                if flow.is_break() {
                    return Ok(flow);
                }
            }
            Step::Damage { .. } => {}
            Step::Torn { .. } | Step::End { .. } => return Ok(ControlFlow::Continue(())),
        }
    }
}

/// Reads a payload by the book.
fn each(payload: &[u8], show: &mut impl FnMut(&Glance<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
    let events = Payload::parse(payload).map_or_else(Vec::new, |payload| payload.events);
    for text in events {
        let Ok(mut glance) = serde_json::from_str::<Glance<'_>>(text.get()) else {
            tracing::warn!("an event in the journal cannot be read and is passed over");
            continue;
        };
        glance.json = text.get().as_bytes();
        show(&glance)?;
    }
    ControlFlow::Continue(())
}

/// Best effort: a read-only file system has nothing to sync.
fn sync(files: &[File], journal: &Path) {
    for file in files {
        let _ = file.sync_data();
    }
    if !files.is_empty() {
        let _ = segment::sync_folder(journal);
    }
}
