//! The control socket: how `status`, `hold` and `release` reach the running daemon. One JSON line
//! asks, one JSON line answers; root only.

mod client;
mod server;

use contract::Timestamp;
use monitor::ServiceStatus;
use serde::{Deserialize, Serialize};

pub(crate) use client::ask;
pub(crate) use server::{Listener, Respond};

/// Longest request line, in bytes.
const REQUEST_LIMIT: u64 = 4096;

/// What may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Request {
    /// How everything stands.
    Status,
    /// Stop watching a service.
    Hold {
        service: String,
        /// Milliseconds; absent: until released.
        for_ms: Option<u64>,
        #[serde(default)]
        reason: String,
    },
    /// Watch it again.
    Release { service: String },
}

/// What is answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    Status(Box<Status>),
    Done(String),
    Refused(String),
}

/// How everything stands; also the output of `vrwatch status --json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) router: String,
    pub(crate) version: String,
    pub(crate) pid: u32,
    pub(crate) since: Timestamp,
    /// How deaths are noticed: `pidfd` or `sweep`.
    pub(crate) watch: String,
    /// Why the configuration on disk is not the one in force.
    pub(crate) config_error: Option<String>,
    pub(crate) services: Vec<ServiceStatus>,
    pub(crate) sinks: Vec<Sink>,
    pub(crate) journal: Journal,
}

/// How one sink stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sink {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) pending: u64,
    pub(crate) delivered: u64,
    pub(crate) dropped: u64,
    pub(crate) failing_since: Option<Timestamp>,
    pub(crate) last_error: Option<String>,
}

/// How the journal stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Journal {
    pub(crate) last_seq: u64,
    pub(crate) bytes: u64,
    /// False while the disk cannot be written; what waits in memory then counts in `waiting`.
    pub(crate) on_disk: bool,
    pub(crate) waiting: u64,
    /// Why it cannot be written.
    #[serde(default)]
    pub(crate) error: Option<String>,
}
