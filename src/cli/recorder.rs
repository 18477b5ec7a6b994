//! Where the monitor meets the channel: what the engine establishes goes into the journal, events
//! and states together.

use channel::{Channel, Transaction};
use contract::Draft;
use monitor::Record;

/// Publishes what the engine puts down.
pub(super) struct Recorder(pub(super) Channel);

impl Record for Recorder {
    fn record(&mut self, drafts: Vec<Draft>, notes: Vec<(String, Option<serde_json::Value>)>) {
        self.0.publish(Transaction { drafts, notes });
    }
}
