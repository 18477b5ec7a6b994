//! Appends records to the newest segment and starts new ones. Never syncs: it says what there is
//! to sync, and the keeper does that without holding anybody up.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::segment::{self, Name};

/// One segment on disk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    pub(crate) name: Name,
    pub(crate) length: u64,
    /// The newest sequence number in it or before it.
    pub(crate) last_seq: u64,
    /// Whether its snapshot is confirmed on disk, so that older segments may go.
    pub(crate) synced: bool,
}

/// The segment that is appended to.
#[derive(Debug)]
struct Current {
    file: Arc<File>,
    snapshot_length: u64,
}

/// What has to be synced before the records written so far are confirmed.
#[derive(Debug, Default)]
pub(crate) struct Unsynced {
    pub(crate) files: Vec<Arc<File>>,
    /// Whether a segment was made.
    pub(crate) folder: bool,
    /// The newest segment, whose snapshot is then on disk.
    pub(crate) newest: Option<Name>,
}

/// The one writer of a journal; holds its lock.
#[derive(Debug)]
pub(crate) struct Writer {
    journal: PathBuf,
    /// Held for its lock alone.
    _lock: File,
    segments: VecDeque<Segment>,
    current: Option<Current>,
    unsynced: Unsynced,
    segment_bytes: u64,
}

impl Writer {
    pub(crate) fn new(
        journal: PathBuf,
        lock: File,
        segments: VecDeque<Segment>,
        segment_bytes: u64,
    ) -> Self {
        Self {
            journal,
            _lock: lock,
            segments,
            current: None,
            unsynced: Unsynced::default(),
            segment_bytes,
        }
    }

    pub(crate) fn journal(&self) -> &Path {
        &self.journal
    }

    /// Bytes of all segments.
    pub(crate) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.length).sum()
    }

    /// Goes on in the newest segment, as it was found whole.
    ///
    /// # Errors
    /// When it cannot be opened for writing.
    pub(crate) fn resume(&mut self, snapshot_length: u64) -> io::Result<()> {
        let Some(newest) = self.segments.back() else {
            return Ok(());
        };
        let file = Arc::new(
            fs::OpenOptions::new()
                .append(true)
                .open(newest.name.path(&self.journal))?,
        );
        self.current = Some(Current {
            file,
            snapshot_length,
        });
        Ok(())
    }

    /// Sees whether the newest segment was deleted or cut by somebody else. Then the next record
    /// starts a new one, with a snapshot: the state of the services and the numbers go on.
    pub(crate) fn notice_loss(&mut self) {
        let (Some(current), Some(newest)) = (&self.current, self.segments.back()) else {
            return;
        };
        let is_intact = |found: fs::Metadata| found.nlink() > 0 && found.len() == newest.length;
        if current.file.metadata().is_ok_and(is_intact) {
            return;
        }
        tracing::error!(
            segment = %newest.name.path(&self.journal).display(),
            "the journal's newest segment was deleted or cut by somebody else: what it held is gone, a new one is begun"
        );
        self.current = None;
        self.segments
            .retain(|segment| segment.name.path(&self.journal).exists());
        // The segment that follows says why when this does not help.
        let _ = segment::make_folder(&self.journal);
    }

    /// Whether the next record belongs into a new segment.
    pub(crate) fn wants_new_segment(&self, bytes: usize) -> bool {
        let (Some(current), Some(newest)) = (&self.current, self.segments.back()) else {
            return true;
        };
        let records = newest.length.saturating_sub(current.snapshot_length);
        records > 0 && records + bytes as u64 > self.segment_bytes
    }

    /// Appends sealed bytes to the newest segment. After an error they are not there.
    ///
    /// # Errors
    /// When the system does not take all of them.
    pub(crate) fn append(&mut self, bytes: &[u8], last_seq: u64) -> io::Result<()> {
        let (Some(current), Some(newest)) = (&self.current, self.segments.back_mut()) else {
            return Err(io::Error::other("no segment is open"));
        };
        if let Err(error) = (&*current.file).write_all(bytes) {
            if current.file.set_len(newest.length).is_err() {
                // Readers step over the broken end; nothing more may follow it here.
                self.current = None;
            }
            return Err(error);
        }
        newest.length += bytes.len() as u64;
        newest.last_seq = newest.last_seq.max(last_seq);
        if !self
            .unsynced
            .files
            .iter()
            .any(|file| Arc::ptr_eq(file, &current.file))
        {
            self.unsynced.files.push(Arc::clone(&current.file));
        }
        Ok(())
    }

    /// Starts a new segment with a sealed snapshot; its events start at `first_seq`.
    ///
    /// # Errors
    /// When it cannot be made or the snapshot not be written; then there is no new segment.
    pub(crate) fn start_segment(&mut self, first_seq: u64, snapshot: &[u8]) -> io::Result<()> {
        let name = self.next_name(first_seq);
        let path = name.path(&self.journal);
        let file = segment::create(&path)?;
        if let Err(error) = (&file).write_all(snapshot) {
            // An empty or half segment harms no reader; without it the name is free again.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        self.install(name, file, snapshot.len() as u64, snapshot.len() as u64);
        self.unsynced.folder = true;
        Ok(())
    }

    /// The name for a new segment with events from `first_seq` on, behind all others.
    pub(crate) fn next_name(&self, first_seq: u64) -> Name {
        let wanted = Name::new(first_seq);
        let mut name = match self.segments.back() {
            Some(newest) if newest.name >= wanted => newest.name.successor(),
            _ => wanted,
        };
        while name.path(&self.journal).symlink_metadata().is_ok() && name.generation < u32::MAX {
            name = name.successor();
        }
        name
    }

    /// Goes on in a segment that was made beside.
    pub(crate) fn install(&mut self, name: Name, file: File, length: u64, snapshot_length: u64) {
        let last_seq = self.segments.back().map_or(0, |newest| newest.last_seq);
        self.segments.push_back(Segment {
            name,
            length,
            last_seq: last_seq.max(name.first.saturating_sub(1)),
            synced: false,
        });
        let file = Arc::new(file);
        self.unsynced.files.push(Arc::clone(&file));
        self.current = Some(Current {
            file,
            snapshot_length,
        });
    }

    /// Raises the newest segment's last sequence number.
    pub(crate) fn holds_up_to(&mut self, seq: u64) {
        if let Some(newest) = self.segments.back_mut() {
            newest.last_seq = newest.last_seq.max(seq);
        }
    }

    pub(crate) fn is_synced(&self) -> bool {
        self.unsynced.files.is_empty()
    }

    /// Hands over what there is to sync.
    pub(crate) fn take_unsynced(&mut self) -> Unsynced {
        let mut unsynced = std::mem::take(&mut self.unsynced);
        unsynced.newest = self.segments.back().map(|segment| segment.name);
        unsynced
    }

    /// All up to this segment is on disk.
    pub(crate) fn confirm(&mut self, newest: Name) {
        for segment in &mut self.segments {
            segment.synced |= segment.name <= newest;
        }
    }

    /// Nothing of the newest segment can be trusted any more: the next record needs a new one.
    pub(crate) fn abandon(&mut self) {
        self.current = None;
        self.unsynced = Unsynced::default();
    }

    /// The oldest segment, if the journal is larger than `max_size` and can do without it.
    pub(crate) fn surplus(&self, max_size: u64) -> Option<Segment> {
        let oldest = self.segments.front()?;
        let next_holds_all_notes = self.segments.get(1)?.synced;
        (next_holds_all_notes && self.bytes() > max_size).then_some(*oldest)
    }

    /// The oldest segment is gone.
    pub(crate) fn forget_oldest(&mut self) {
        self.segments.pop_front();
    }
}
