//! What the journal holds, found by reading it from end to end: the notes, the newest sequence
//! number, the open outages, and where it is damaged. Changes nothing.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::lost::Lost;
use crate::notes::{Notes, apply};
use crate::outages::Outages;
use crate::record::{Part, Payload, heading};
use crate::scan::{Scanner, Step};
use crate::segment::{self, Name};

/// What the journal holds.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    pub(crate) notes: Notes,
    /// The newest sequence number; 0 when there never was an event.
    pub(crate) last_seq: u64,
    pub(crate) segments: Vec<Found>,
    /// Runs of sequence numbers that are missing where a segment is damaged.
    pub(crate) lost: Lost,
    /// As text.
    pub(crate) outages: Outages<Box<str>>,
}

/// One segment as it was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) name: Name,
    /// Its length in bytes.
    pub(crate) length: u64,
    /// The newest sequence number in it or before it.
    pub(crate) last_seq: u64,
    /// How many bytes the snapshot at its start takes.
    pub(crate) snapshot_length: u64,
    /// Broken places with something good behind them.
    pub(crate) damaged: u64,
    /// Where the last good record ends, and how many bytes follow that are none.
    pub(crate) torn: Option<(u64, u64)>,
}

/// Reads the journal. `positions` are those of the sinks; `many_routers` says whether it holds events
/// of more than one.
///
/// # Errors
/// When the folder cannot be read or a segment not be opened. Content never is an error.
pub(crate) fn replay(journal: &Path, positions: &[u64], many_routers: bool) -> io::Result<Replay> {
    let mut replay = Replay {
        outages: Outages::new(many_routers),
        ..Replay::default()
    };
    let mut damaged_since = false;
    for name in segment::list(journal)? {
        let Some(file) = segment::open(&name.path(journal))? else {
            continue;
        };
        if replay.segments.is_empty() {
            // Older segments are gone; they are counted elsewhere.
            replay.last_seq = name.first.saturating_sub(1);
        } else if name.first > replay.last_seq + 1 {
            // The name tells what the broken end before it held.
            if damaged_since {
                replay.lost.add(replay.last_seq + 1, name.first - 1);
                damaged_since = false;
            }
            replay.last_seq = name.first - 1;
        }
        let found = read_segment(name, file, &mut replay, positions, &mut damaged_since)?;
        replay.segments.push(found);
    }
    Ok(replay)
}

fn read_segment(
    name: Name,
    file: std::fs::File,
    replay: &mut Replay,
    positions: &[u64],
    damaged_since: &mut bool,
) -> io::Result<Found> {
    let mut found = Found {
        name,
        length: file.metadata()?.len(),
        last_seq: replay.last_seq,
        snapshot_length: 0,
        damaged: 0,
        torn: None,
    };
    let mut scanner = Scanner::new(file);
    let mut snapshot = Snapshot::default();
    loop {
        let Ok(step) = scanner.step() else {
            // A bad sector: what lies behind it in this segment cannot be told.
            found.damaged += 1;
            *damaged_since = true;
            break;
        };
        match step {
            Step::Record { offset, length } => {
                let bytes = scanner.payload(offset, length).unwrap_or_default();
                let Some(payload) = Payload::parse(bytes) else {
                    found.damaged += 1;
                    *damaged_since = true;
                    continue;
                };
                let changes = payload.notes.iter().map(|(key, note)| {
                    (
                        Box::from(key.as_ref()),
                        note.map(|note| Arc::from(note.get())),
                    )
                });
                if let Some(part) = payload.snapshot {
                    found.snapshot_length += length as u64;
                    snapshot.take(part, changes, &mut replay.notes);
                } else {
                    apply(changes, &mut replay.notes);
                }
                for event in payload.events {
                    let Some((seq, head)) = heading(event) else {
                        continue;
                    };
                    if seq <= replay.last_seq || seq > u64::MAX / 2 {
                        continue;
                    }
                    if *damaged_since {
                        replay.lost.add(replay.last_seq + 1, seq - 1);
                        *damaged_since = false;
                    }
                    replay.last_seq = seq;
                    if let Some(head) = head {
                        let text = || Box::from(event.get());
                        replay.outages.take(head, text, positions);
                    }
                }
            }
            Step::Damage { .. } => {
                found.damaged += 1;
                *damaged_since = true;
            }
            Step::Torn { offset, length } => {
                found.torn = Some((offset, length));
                *damaged_since = true;
                break;
            }
            Step::End { .. } => break,
        }
    }
    snapshot.finish(&mut replay.notes);
    found.last_seq = replay.last_seq;
    Ok(found)
}

/// A snapshot whose parts are being collected. It takes the place of the notes only when it is
/// complete: a torn one must not hide what older segments still tell.
#[derive(Default)]
struct Snapshot {
    collected: Notes,
    parts: usize,
}

impl Snapshot {
    fn take(
        &mut self,
        part: Part,
        changes: impl Iterator<Item = (Box<str>, Option<Arc<str>>)>,
        notes: &mut Notes,
    ) {
        apply(changes, &mut self.collected);
        self.parts += 1;
        if part.part == part.of {
            let collected = std::mem::take(&mut self.collected);
            if self.parts == part.of {
                *notes = collected;
            } else {
                notes.extend(collected);
            }
            self.parts = 0;
        }
    }

    /// The end of the segment: of an incomplete snapshot, what older segments do not tell better.
    fn finish(self, notes: &mut Notes) {
        for (key, note) in self.collected {
            notes.entry(key).or_insert(note);
        }
    }
}
