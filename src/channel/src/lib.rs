//! The channel between those who establish events and those who are told: one journal on disk, one
//! cursor and one worker a sink, and back-off. A publisher never waits for a sink or for an fsync;
//! a slow or dead sink delays no other. `Reader` reads the same journal from any other process.

#![forbid(unsafe_code)]

mod channel;
pub mod config;
mod errors;
mod reader;
mod settings;
mod status;
mod transaction;

pub use channel::Channel;
pub use errors::OpenError;
pub use reader::Reader;
pub use settings::{Settings, SinkOptions};
pub use status::{JournalStatus, Opened, Recovery, SinkStatus, Status};
pub use transaction::{Note, Transaction};
