//! The handle that the rest of the daemon holds.

use std::time::Duration;

use contract::{Event, Sink};

use crate::{OpenError, Opened, Settings, SinkOptions, SinkStatus, Status, Transaction};

/// A handle on the channel; cheap to clone.
#[derive(Clone, Debug)]
pub struct Channel {}

impl Channel {
    /// Opens the journal, repairs it, and starts the thread that syncs it.
    ///
    /// # Errors
    /// When the folder cannot be used or another process writes there.
    pub fn open(_settings: Settings, _router: String) -> Result<(Self, Opened), OpenError> {
        todo!()
    }

    /// Starts without a usable disk: as on a full disk, and opening is tried again and again.
    /// What can be read of an existing journal is read.
    #[must_use]
    pub fn degraded(_settings: Settings, _router: String, _error: OpenError) -> (Self, Opened) {
        todo!()
    }

    /// A channel with nothing on disk.
    #[must_use]
    pub fn in_memory(_router: String) -> Self {
        todo!()
    }

    /// Numbers the events and writes them with the notes. Never waits for fsync or a sink.
    pub fn publish(&self, _transaction: Transaction) -> Vec<Event> {
        todo!()
    }

    /// Starts a sink's worker on the current tokio runtime; replaces one of the same name.
    pub fn start_sink(&self, _name: &str, _sink: Box<dyn Sink>, _options: SinkOptions) {
        todo!()
    }

    /// Stops a sink's worker; its cursor stays. `None` when there is no such sink.
    pub fn stop_sink(&self, _name: &str) -> Option<SinkStatus> {
        todo!()
    }

    /// How the journal and every sink are doing.
    #[must_use]
    pub fn status(&self) -> Status {
        todo!()
    }

    /// Waits until every sink has everything, at most `limit`; true when that is so.
    pub async fn drain(&self, _limit: Duration) -> bool {
        todo!()
    }

    /// Waits until all that was published and every cursor is on disk; false when the disk fails.
    pub fn sync(&self) -> bool {
        todo!()
    }

    /// Stops the workers, syncs, and lets go of the journal.
    pub fn close(self) -> bool {
        todo!()
    }
}
