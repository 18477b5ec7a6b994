//! The sinks: one folder each, and the list of them. Nothing outside this crate knows a sink by
//! name; all of it derives from [`KINDS`]. `README.md` says how to add one.

#![forbid(unsafe_code)]

mod clean;
mod clock;
mod email;
#[cfg(test)]
mod examples;
pub mod file;
mod http;
mod kind;
#[cfg(test)]
mod kit;
pub mod legacy;
mod peer;
mod poll;
mod resolve;
mod snmp;
mod syslog;
mod tls;
pub mod wording;

pub use clock::LocalTime;
/// CloudStack's API for whoever else calls it: the signature, the way there and the words for what
/// goes wrong are those of the sink.
pub use http::api as cloudstack;
/// What the management server wants a router to watch: it is fetched the way the sink posts.
pub use http::plan;
pub use kind::{Build, BuildError, Host, Kind, Section, SectionError};

/// Every kind of sink there is.
pub const KINDS: &[Kind] = &[
    syslog::KIND,
    http::KIND, //
    email::KIND,
    snmp::KIND,
    poll::KIND,
];

/// The kind of this name.
#[must_use]
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}
