//! Reads a TOML file so that a mistake names file, line, key and the nearest right key, and one
//! mistake does not hide the next; and in it the sinks' tables with their filters, which both
//! binaries have. What else such a file holds is its reader's own affair.
//!
//! [`file::read`] the bytes, make [`text`] of them, [`Document::parse`] it, take the tables out with
//! [`Document::table`] and the sinks with [`sink::read`]. All that is wrong gathers in a [`List`].

#![forbid(unsafe_code)]

pub mod file;
pub mod filter;
mod flood;
mod nearest;
mod problem;
pub mod sink;
mod tree;
mod waiting;

pub use self::nearest::nearest;
pub use self::problem::{List, Problem, Problems, shown};
pub use self::sink::SinkSpec;
pub use self::tree::{Document, Value, meant, text};
