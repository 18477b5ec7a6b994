//! What the channel tells about itself: how it found the journal, and how the journal and each
//! sink are doing.

use std::collections::BTreeMap;

use contract::Timestamp;

use crate::Note;

/// What was found when the journal was opened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Opened {
    /// The latest value of each note.
    pub notes: BTreeMap<String, Note>,
    /// What had to be repaired.
    pub report: Recovery,
    /// The sequence number of the newest event; 0 when there never was one.
    pub last_seq: u64,
}

/// What had to be repaired at opening.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Bytes of an unfinished or broken record cut off the journal's end.
    pub truncated_bytes: u64,
    /// Broken records in the middle that were set aside in `quarantine/`.
    pub quarantined: u64,
    /// Events known to be lost with them. The loss is also published as `AlertsDropped`.
    pub lost_events: u64,
    /// The same for an operator, one sentence a finding; empty when all was well.
    pub words: Vec<String>,
}

/// How the journal and every sink are doing.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The journal.
    pub journal: JournalStatus,
    /// Every sink, by name.
    pub sinks: Vec<SinkStatus>,
}

/// How the journal is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalStatus {
    /// The sequence number of the newest event; 0 when there never was one.
    pub last_seq: u64,
    /// The newest event that is confirmed on disk (after fsync).
    pub synced_seq: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// False while the disk is full or broken, and for a channel in memory.
    pub on_disk: bool,
    /// Events that wait in memory for the disk to come back.
    pub waiting_in_memory: u64,
    /// Why the journal cannot be written.
    pub error: Option<String>,
}

/// How one sink is doing.
#[derive(Clone, Debug, PartialEq)]
pub struct SinkStatus {
    /// Its name in the configuration.
    pub name: String,
    /// Events it has not taken yet.
    pub pending: u64,
    /// The newest event up to which it needs none again: it took them, or lost them for good.
    pub settled: u64,
    /// Events it took since it was started.
    pub delivered: u64,
    /// Events it was told of in sum since it was started, not one by one.
    pub summed_up: u64,
    /// Events it lost since it was started: refused for good, or gone before it took them.
    pub dropped: u64,
    /// What it last answered when it did not take a batch.
    pub last_error: Option<String>,
    /// When it did.
    pub last_error_at: Option<Timestamp>,
    /// Since when nothing gets through; absent while all is well.
    pub failing_since: Option<Timestamp>,
    /// Since when it works again; absent while it fails, and when it never did.
    pub over_since: Option<Timestamp>,
}
