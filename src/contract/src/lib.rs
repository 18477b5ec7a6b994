//! The vocabulary that every part of vrwatch shares: events, their severity, and the seam behind
//! which a sink lives. No I/O and no runtime: whoever depends on this crate can still be tested
//! without a clock, a disk or a network.

#![forbid(unsafe_code)]

pub mod clean;
mod event;
mod fact;
pub mod human;
mod millis;
mod severity;
mod sink;
mod timestamp;
mod value;

pub use event::{Draft, Event};
pub use fact::{Cause, Ended, Fact, Failure, LookedAgain, UnmonitoredReason};
pub use severity::Severity;
pub use sink::{DeliverError, Sink};
pub use timestamp::{ParseTimestampError, Timestamp};
pub use value::Value;
