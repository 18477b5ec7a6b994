//! How a journal that could not be written comes back: everything that waits goes into a segment
//! made beside, synced, and only then put in its place. Also how a journal that could not even be
//! opened is taken over.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::condense::Untold;
use crate::cursor::{self, Cursor};
use crate::open::Journal;
use crate::record::{Record, records_of_notes, snapshot};
use crate::segment::{self, Name};
use crate::state::{Health, State};

/// What is to be written, taken under the lock and carried out without it.
#[derive(Debug)]
pub(crate) struct Plan {
    journal: PathBuf,
    name: Name,
    snapshot: Vec<u8>,
    records: Vec<Record>,
    number: u64,
}

/// A segment that holds all of a plan, on disk.
#[derive(Debug)]
pub(crate) struct Made {
    file: File,
    length: u64,
}

impl Plan {
    /// Everything that waits now.
    pub(crate) fn new(state: &mut State) -> Option<Self> {
        let writer = state.writer.as_ref()?;
        let records: Vec<Record> = state.waiting.iter().cloned().collect();
        let first = records
            .iter()
            .find_map(|record| record.events.first())
            .map_or(state.last_seq + 1, |event| event.seq);
        let notes = state.notes.iter();
        let plan = Self {
            journal: writer.journal().to_path_buf(),
            name: writer.next_name(first),
            snapshot: snapshot(notes.map(|(key, note)| (key.as_ref(), note.as_ref()))),
            number: records.last().map_or(0, |record| record.number),
            records,
        };
        state.recovering_to = Some(plan.number);
        Some(plan)
    }

    /// Writes and syncs it all.
    ///
    /// # Errors
    /// When the disk still fails; then nothing of it is left.
    pub(crate) fn carry_out(&self) -> io::Result<Made> {
        let path = self.name.path(&self.journal);
        let beside = path.with_extension("tmp");
        let made = self.make(&beside, &path);
        if made.is_err() {
            // Already renamed or never made: then there is nothing to remove.
            let _ = fs::remove_file(&beside);
        }
        made
    }

    fn make(&self, beside: &Path, path: &Path) -> io::Result<Made> {
        match fs::remove_file(beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = segment::create(beside)?;
        file.write_all(&self.snapshot)?;
        let mut length = self.snapshot.len() as u64;
        let mut sealed = Vec::new();
        for record in &self.records {
            sealed.clear();
            record.seal_into(&mut sealed);
            file.write_all(&sealed)?;
            length += sealed.len() as u64;
        }
        file.sync_all()?;
        fs::rename(beside, path)?;
        segment::sync_folder(&self.journal)?;
        Ok(Made { file, length })
    }

    /// The disk still fails: all waits as it did.
    pub(crate) fn give_up(self, error: &io::Error, state: &mut State) {
        state.recovering_to = None;
        put_back_deferred(state, self.number);
        state.fail(error);
    }

    /// The journal goes on behind what was made.
    pub(crate) fn finish(self, made: Made, state: &mut State) {
        state.recovering_to = None;
        let last_seq = self.records.iter().rev().find_map(Record::last_seq);
        if let Some(writer) = &mut state.writer {
            writer.abandon();
            writer.install(
                self.name,
                made.file,
                made.length,
                self.snapshot.len() as u64,
            );
            writer.holds_up_to(last_seq.unwrap_or(0));
        }
        if let Some(last_seq) = last_seq {
            state.written_seq = last_seq;
        }
        state.written_number = state.written_number.max(self.number);
        state.confirm(self.number, last_seq.unwrap_or(0));
        state.health = Health::Good;
        put_back_deferred(state, self.number);
        write_the_rest(state);
    }
}

/// Notes whose records had to go while the keeper wrote the ones up to `number` come right behind
/// those, before all that still waits.
fn put_back_deferred(state: &mut State, number: u64) {
    let index = state
        .waiting
        .partition_point(|record| record.number <= number);
    let deferred = std::mem::take(&mut state.deferred);
    for record in records_of_notes(deferred, number).into_iter().rev() {
        state.waiting_bytes += record.size;
        state.waiting.insert(index, record);
    }
}

/// What was published meanwhile.
fn write_the_rest(state: &mut State) {
    let rest: Vec<Record> = state.waiting.iter().cloned().collect();
    let mut sealed = Vec::new();
    for record in rest {
        sealed.clear();
        record.seal_into(&mut sealed);
        if let Err(error) = state.write(&record, &sealed) {
            state.fail(&error);
            return;
        }
    }
}

/// Takes over a journal that could not be opened before. What was numbered without knowing it is
/// numbered again behind its last event; the ids stay.
pub(crate) fn adopt(journal: Journal, directory: &Path, state: &mut State) {
    let known = journal.replay.last_seq;
    let by = known.saturating_sub(state.assumed_seq);
    if by > 0 {
        for record in &mut state.waiting {
            for event in &mut record.events {
                std::sync::Arc::make_mut(event).seq += by;
            }
        }
        state.tail.shift(by);
        state.last_seq += by;
        state.lost.first += by;
        state.lost.last += by;
        for (name, sink) in &mut state.sinks {
            if sink.needs_disk {
                let cursor = cursor::read(&cursor::path(directory, name));
                let (position, saved) = start_position(cursor, known);
                sink.position = position;
                sink.held = position;
                sink.saved = saved;
                sink.untold_rows = Untold::default();
            } else {
                sink.position += by;
                sink.held += by;
                sink.untold_rows.shift(by);
                sink.refused.shift(by);
            }
        }
        for (position, _) in state.parked.values_mut() {
            *position += by;
        }
    }
    state.outages = journal.replay.outages.parse();
    for record in &state.waiting {
        let bytes = record.size / record.events.len().max(1);
        for event in &record.events {
            state.outages.take_event(event, bytes, &[]);
        }
    }
    state.notes = journal.replay.notes;
    state.synced_seq = known;
    state.written_seq = known;
    state.assumed_seq = known;
    state.writer = Some(journal.writer);
    put_back_deferred(state, 0);
}

/// Where a sink starts, and what its cursor on disk is known to say.
pub(crate) fn start_position(cursor: Cursor, last_seq: u64) -> (u64, Option<u64>) {
    match cursor {
        Cursor::At(seq) if seq <= last_seq => (seq, Some(seq)),
        // The journal was deleted or lost its end; or the sink is new: no flood of old alerts.
        Cursor::At(_) | Cursor::Missing => (last_seq, None),
        // Repeating is better than losing; the ids are the same.
        Cursor::Corrupt => (0, None),
    }
}
