//! What the channel is told: where the journal lives, how large it may grow, and what each sink
//! needs.

use std::path::PathBuf;
use std::time::Duration;

use crate::Flood;

/// Where the journal lives and how large it may grow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The folder that holds `journal/`, `cursors/` and `quarantine/`.
    pub directory: PathBuf,
    /// How many bytes the journal may take; the oldest segments go first. At least 256 KiB count.
    pub max_size: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("/var/lib/vrwatch"),
            max_size: 16 * 1024 * 1024,
        }
    }
}

/// What one sink needs from the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SinkOptions {
    /// Whether it may only see what is on disk. False for syslog alone, which is told even when
    /// the disk is full.
    pub needs_disk: bool,
    /// From when on the outages of a service that flaps are summed up; `None` for never.
    pub flood: Option<Flood>,
}

/// Bounds that are no matter of taste; tests make them small.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Events that stay in memory for workers that keep up.
    pub(crate) tail_events: usize,
    /// The same in bytes of JSON.
    pub(crate) tail_bytes: usize,
    /// Transactions that wait in memory for the disk.
    pub(crate) waiting_records: usize,
    /// The same in bytes of JSON.
    pub(crate) waiting_bytes: usize,
    /// How often a disk that failed is tried again.
    pub(crate) retry_every: Duration,
    /// The least that counts as the journal's size, in bytes.
    pub(crate) smallest_size: u64,
    /// The smallest and the largest segment, in bytes, not counting its snapshot.
    pub(crate) segment_bytes: (u64, u64),
}

impl Limits {
    /// How long a segment of a journal of this size grows, in bytes.
    pub(crate) fn segment_bytes(&self, max_size: u64) -> u64 {
        let (smallest, largest) = self.segment_bytes;
        (max_size / 16).clamp(smallest, largest)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tail_events: 1024,
            tail_bytes: 1024 * 1024,
            waiting_records: 2048,
            waiting_bytes: 2 * 1024 * 1024,
            retry_every: Duration::from_secs(5),
            smallest_size: 256 * 1024,
            segment_bytes: (64 * 1024, 1024 * 1024),
        }
    }
}
