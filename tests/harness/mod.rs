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

use std::path::PathBuf;

/// The built `vrwatch`. Other packages' stories have it too, from where it is built: beside them.
pub(crate) fn program() -> PathBuf {
    let beside = || {
        let test = std::env::current_exe().unwrap();
        test.ancestors().nth(2).unwrap().join("vrwatch")
    };
    let program = option_env!("CARGO_BIN_EXE_vrwatch").map_or_else(beside, PathBuf::from);
    let shown = program.display();
    assert!(program.exists(), "{shown} is missing: run tests/all");
    program
}
