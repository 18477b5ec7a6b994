//! Reads the journal from any process, while the daemon writes it and when it is stopped.

use std::io;
use std::path::Path;

use contract::Event;

/// A read-only view of the journal.
#[derive(Debug)]
pub struct Reader {}

impl Reader {
    /// Opens the journal below `directory`.
    ///
    /// # Errors
    /// When there is no readable journal.
    pub fn open(_directory: &Path) -> io::Result<Self> {
        todo!()
    }

    /// At most `limit` events with a sequence number above `seq`, in order.
    ///
    /// # Errors
    /// When the folder or a segment cannot be read.
    pub fn after(&mut self, _seq: u64, _limit: usize) -> io::Result<Vec<Event>> {
        todo!()
    }
}
