//! The world the stories play in: a router in a box with the real daemons, `vrwatch` in it, and a
//! real syslog server. Everything is private to one test and ends with it.

mod debian;
#[path = "../../sinks/tests/shared/interpreter.rs"]
mod interpreter;
mod peer;
pub(crate) mod receivers;
mod router;
mod sleepers;
pub(crate) mod syslog;
mod vrwatch;
mod wait;

pub(crate) use debian::Debian;
pub(crate) use peer::Peer;
pub(crate) use receivers::Server;
pub(crate) use router::{Outcome, Router};
pub(crate) use sleepers::Sleepers;
pub(crate) use syslog::Syslog;
pub(crate) use vrwatch::{
    CONFIG, Config, MONITOR_CONF, OPTIONS, Vrwatch, about, ask, events, kinds,
};
pub(crate) use wait::eventually;
