//! Opens a journal for writing: makes the folders, takes the lock, replays, repairs, and goes on
//! behind the last good record.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::cursor;
use crate::lost::Lost;
use crate::record::snapshot;
use crate::repair::repair;
use crate::replay::{Replay, replay};
use crate::segment;
use crate::settings::Limits;
use crate::writer::{Segment, Writer};
use crate::{OpenError, Recovery, Settings};

/// A journal that is ready to be written.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) writer: Writer,
    pub(crate) replay: Replay,
    pub(crate) report: Recovery,
}

/// Opens the journal of `settings`; `anew` without what an earlier life left there.
///
/// # Errors
/// When the folder cannot be used or another process writes there.
pub(crate) fn open(settings: &Settings, limits: &Limits, anew: bool) -> Result<Journal, OpenError> {
    let directory = &settings.directory;
    let journal = segment::journal_folder(directory);
    let unusable = |path: &Path| {
        let path = path.to_path_buf();
        move |source: io::Error| OpenError::unusable(path, source)
    };
    for folder in [directory, &journal, &cursor::folder(directory)] {
        segment::make_folder(folder).map_err(unusable(folder))?;
    }
    let lock = File::open(&journal).map_err(unusable(&journal))?;
    match try_for_a_moment(&lock) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(OpenError::Locked { path: journal }),
        Err(TryLockError::Error(source)) => return Err(unusable(&journal)(source)),
    }
    for folder in [&journal, &cursor::folder(directory)] {
        if anew {
            remove_files(folder).map_err(unusable(folder))?;
        } else {
            remove_leftovers(folder);
        }
    }
    let mut replay =
        replay(&journal, &cursor::all(directory), false).map_err(unusable(&journal))?;
    let mut report = repair(directory, &mut replay).map_err(unusable(&journal))?;
    if report.truncated_bytes > 0 || report.quarantined > 0 {
        continue_above_cursors(directory, &mut replay);
        report.lost_events = replay.lost.count;
    }
    sync_all(&journal, &replay).map_err(unusable(&journal))?;
    let resumable = replay
        .segments
        .last()
        .is_some_and(|newest| newest.damaged == 0 && newest.torn.is_none());
    let snapshot_length = replay.segments.last().map_or(0, |s| s.snapshot_length);
    let segments = replay
        .segments
        .iter()
        .map(|found| Segment {
            name: found.name,
            length: found.length,
            last_seq: found.last_seq,
            synced: false,
        })
        .collect();
    let mut writer = Writer::new(
        journal.clone(),
        lock,
        segments,
        limits.segment_bytes(settings.max_size),
    );
    if resumable && snapshot_length > 0 {
        writer.resume(snapshot_length).map_err(unusable(&journal))?;
    } else {
        let notes = replay.notes.iter();
        let sealed = snapshot(notes.map(|(key, note)| (key.as_ref(), note.as_ref())));
        writer
            .start_segment(replay.last_seq + 1, &sealed)
            .map_err(unusable(&journal))?;
    }
    Ok(Journal {
        writer,
        replay,
        report,
    })
}

/// Reads what can be read of a journal that cannot be opened.
pub(crate) fn peek(settings: &Settings) -> Replay {
    let journal = segment::journal_folder(&settings.directory);
    replay(&journal, &cursor::all(&settings.directory), false).unwrap_or_default()
}

/// What an earlier life wrote and could not sync any more is on disk before any sink sees it.
fn sync_all(journal: &Path, replay: &Replay) -> io::Result<()> {
    for found in &replay.segments {
        if let Some(file) = segment::open(&found.name.path(journal))? {
            file.sync_data()?;
        }
    }
    segment::sync_folder(journal)
}

/// When records were cut off or set aside, the number of one that a sink already had must not be
/// given to another event: its cursor remembers it.
fn continue_above_cursors(directory: &Path, replay: &mut Replay) {
    for seq in cursor::all(directory) {
        if seq > replay.last_seq && seq <= u64::MAX / 2 {
            replay.lost = Lost {
                last: seq,
                first: if replay.lost.count == 0 {
                    replay.last_seq + 1
                } else {
                    replay.lost.first
                },
                count: replay.lost.count + (seq - replay.last_seq),
            };
            replay.last_seq = seq;
        }
    }
}

/// Removes what a crash left half written.
fn remove_leftovers(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|end| end == "tmp") {
            // If it cannot go it does no harm: nobody reads it.
            let _ = fs::remove_file(path);
        }
    }
}

/// Removes every file.
fn remove_files(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Tries for a second: a command that the last daemon was starting when it was killed holds the
/// daemon's open files, and so its lock, from its fork until its exec.
fn try_for_a_moment(lock: &File) -> Result<(), TryLockError> {
    for _ in 0..100 {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
            answer => return answer,
        }
    }
    lock.try_lock()
}
