//! What the channel is told: where the journal lives, how large it may grow, and what each sink
//! needs.

use std::path::PathBuf;

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
}
