//! A service as the monitor is given it: what to watch, how to judge it, how to restart it.

use crate::judge::Policy;
use crate::restart;
use crate::watch::Target;

/// One service that is to be kept running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// What it is called in events, commands and files; unique.
    pub name: String,
    /// The process that must run.
    pub target: Target,
    /// How it is judged.
    pub policy: Policy,
    /// How it is restarted.
    pub restart: restart::Settings,
}
