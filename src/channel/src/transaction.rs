//! What a publisher hands over: events and notes that reach the disk together or not at all.

use contract::Draft;

/// A keyed blob that the publisher wants back after a restart, such as the monitor's state of one
/// service.
pub type Note = serde_json::Value;

/// Events and notes that are atomic on disk: one frame, one checksum.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transaction {
    /// The events, in order.
    pub drafts: Vec<Draft>,
    /// The new value of each note by its key; `None` deletes it.
    pub notes: Vec<(String, Option<Note>)>,
}

/// The id of a new event.
pub(crate) fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
