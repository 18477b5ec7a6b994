//! Reads the journal from any process, while the daemon writes it and when it is stopped: it
//! tolerates a record that is being written, a segment that is deleted, and damage.

use std::io;
use std::path::{Path, PathBuf};

use contract::Event;

use crate::record::{Payload, seq_of};
use crate::scan::{Scanner, Step};
use crate::segment::{self, Name};

/// A read-only view of the journal.
#[derive(Debug)]
pub struct Reader {
    journal: PathBuf,
    place: Option<Place>,
    /// All events up to here were handed out, or do not exist.
    reached: u64,
}

/// Where the next record is looked for.
#[derive(Debug)]
struct Place {
    name: Name,
    scanner: Scanner,
    /// A newer segment was seen, so nothing more is appended to this one.
    finished: bool,
}

impl Reader {
    /// Opens the journal below `directory`.
    ///
    /// # Errors
    /// When there is no readable journal.
    pub fn open(directory: &Path) -> io::Result<Self> {
        let journal = segment::journal_folder(directory);
        segment::list(&journal)?;
        Ok(Self {
            journal,
            place: None,
            reached: 0,
        })
    }

    /// At most `limit` events with a sequence number above `seq`, in order, each once. What it
    /// returns is on disk: the segment is synced first, where the file system allows that.
    ///
    /// # Errors
    /// When the folder or the newest segment cannot be read.
    pub fn after(&mut self, seq: u64, limit: usize) -> io::Result<Vec<Event>> {
        let events = self.read(seq, limit, usize::MAX)?;
        if let (false, Some(place)) = (events.is_empty(), &self.place) {
            // Best effort: a read-only file system has nothing to sync.
            let _ = place.scanner.file().sync_data();
            let _ = segment::sync_folder(&self.journal);
        }
        Ok(events.into_iter().map(|(event, _)| event).collect())
    }

    /// The same without sync, and with the length of each event's JSON.
    pub(crate) fn read(
        &mut self,
        after: u64,
        max_events: usize,
        max_bytes: usize,
    ) -> io::Result<Vec<(Event, usize)>> {
        if self.reached != after || self.place.is_none() {
            self.seek(after)?;
        }
        let mut batch = Batch {
            events: Vec::new(),
            bytes: 0,
            max_events,
            max_bytes,
        };
        while let Some(place) = &mut self.place {
            match place.scanner.step() {
                Ok(Step::Record { offset, length }) => {
                    let payload = place.scanner.payload(offset, length)?;
                    if !batch.take(payload, &mut self.reached) {
                        place.scanner.go_to(offset);
                        break;
                    }
                }
                Ok(Step::Damage { .. }) => {}
                Ok(Step::Torn { .. } | Step::End { .. }) => {
                    if !self.go_on()? {
                        break;
                    }
                }
                Err(error) => {
                    // A bad sector must not hide the segments behind it.
                    place.finished = true;
                    if !self.go_on()? {
                        return Err(error);
                    }
                }
            }
        }
        Ok(batch.events)
    }

    /// Goes to the last segment that may hold the event behind `after`.
    fn seek(&mut self, after: u64) -> io::Result<()> {
        self.reached = after;
        self.place = None;
        let names = segment::list(&self.journal)?;
        let behind = names.partition_point(|name| name.first <= after.saturating_add(1));
        self.enter_first_of(&names[behind.saturating_sub(1)..])?;
        Ok(())
    }

    /// At the end of a segment: goes to the next. False when this is the newest.
    fn go_on(&mut self) -> io::Result<bool> {
        let Some(place) = &mut self.place else {
            return Ok(false);
        };
        let current = place.name;
        let names = segment::list(&self.journal)?;
        let newer = names.partition_point(|name| *name <= current);
        if newer == names.len() {
            return Ok(false);
        }
        if !place.finished {
            // More may have been appended between the last look and the birth of the newer one.
            place.finished = true;
            return Ok(true);
        }
        self.enter_first_of(&names[newer..])
    }

    /// Opens the first of the segments that is still there.
    fn enter_first_of(&mut self, names: &[Name]) -> io::Result<bool> {
        for name in names {
            if let Some(file) = segment::open(&name.path(&self.journal))? {
                self.place = Some(Place {
                    name: *name,
                    scanner: Scanner::new(file),
                    finished: false,
                });
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// What was collected so far.
struct Batch {
    events: Vec<(Event, usize)>,
    bytes: usize,
    max_events: usize,
    max_bytes: usize,
}

impl Batch {
    /// Takes the events behind `reached`; false when not all of them fit.
    fn take(&mut self, payload: &[u8], reached: &mut u64) -> bool {
        let Some(payload) = Payload::parse(payload) else {
            return true;
        };
        for text in payload.events {
            let Some(seq) = seq_of(text).filter(|seq| *seq > *reached) else {
                continue;
            };
            let length = text.get().len();
            let fits = self.events.is_empty() || self.bytes + length <= self.max_bytes;
            if self.events.len() >= self.max_events || !fits {
                return false;
            }
            match serde_json::from_str(text.get()) {
                Ok(event) => {
                    self.bytes += length;
                    self.events.push((event, length));
                }
                Err(error) => {
                    tracing::warn!(seq, %error, "an event in the journal cannot be read and is passed over");
                }
            }
            *reached = seq;
        }
        true
    }
}
