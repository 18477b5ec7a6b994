//! The channel between those who establish events and those who are told: one journal on disk, one
//! cursor and one worker a sink, and back-off. A publisher never waits for a sink or for an fsync;
//! a slow or dead sink delays no other. `Reader` reads the same journal from any other process.

#![forbid(unsafe_code)]

mod backoff;
mod calls;
mod channel;
mod condense;
pub mod config;
mod cursor;
mod cut;
mod ends;
mod errors;
mod flood;
mod frame;
mod glance;
mod head;
mod keeper;
mod lost;
mod next;
mod notes;
mod open;
mod outages;
mod reader;
mod record;
mod recover;
mod refresh;
mod refused;
mod reminder;
mod repair;
mod replay;
mod scan;
mod segment;
mod settings;
mod shared;
mod sinks;
mod state;
mod status;
mod stopping;
mod tail;
#[cfg(test)]
mod tests;
mod transaction;
mod trim;
mod worker;
mod writer;

pub use channel::Channel;
pub use errors::OpenError;
pub use flood::Flood;
pub use glance::{Glance, glance};
pub use reader::Reader;
pub use settings::{Settings, SinkOptions};
pub use status::{JournalStatus, Opened, Recovery, SinkStatus, Status};
pub use transaction::{Note, Transaction};
