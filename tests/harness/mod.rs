//! The world the stories play in: a router in a box with the real daemons, `vrwatch` in it, and a
//! real syslog server. Everything is private to one test and ends with it.

mod peer;
mod router;
mod wait;

pub(crate) use peer::Peer;
pub(crate) use router::{Outcome, Router};
pub(crate) use wait::{LIMIT, eventually};
