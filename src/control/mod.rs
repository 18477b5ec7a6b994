//! The control socket: how `status`, `hold` and `release` reach the running daemon. One JSON line
//! asks, one JSON line answers; root only.

mod client;
mod server;

use std::time::Duration;

use contract::Timestamp;
use monitor::ServiceStatus;
use serde::{Deserialize, Serialize};

pub(crate) use client::ask;
pub(crate) use server::{Control, Listener, Respond};

/// Longest request line, in bytes.
const REQUEST_LIMIT: u64 = 4096;

/// What may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Request {
    /// How everything stands. With braces, or unknown keys would be passed over.
    Status {},
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

/// The longest hold that can be asked for: as long as any duration of the configuration.
const LONGEST_HOLD: Duration = Duration::from_hours(36_500 * 24);

/// For how long a service is to be left alone; `None`: until released.
///
/// # Errors
/// Words for whoever asked for no time, or for more than can be meant.
pub(crate) fn hold_time(for_ms: Option<u64>) -> Result<Option<Duration>, String> {
    let duration = for_ms.map(Duration::from_millis);
    match duration {
        Some(Duration::ZERO) => {
            Err("a hold of no time is no hold; say for how long, such as 10m".to_owned())
        }
        Some(long) if long > LONGEST_HOLD => Err(
            "a hold of more than 36500 days; say for how long, such as 10m, or nothing to hold until released"
                .to_owned(),
        ),
        duration => Ok(duration),
    }
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
    pub(crate) services: Vec<Service>,
    pub(crate) sinks: Vec<Sink>,
    pub(crate) journal: Journal,
    /// How fetching what is watched goes; absent when nothing is fetched.
    #[serde(default)]
    pub(crate) manager: Option<Manager>,
}

/// How fetching what is watched from the management server goes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Manager {
    /// Where the management server is.
    pub(crate) url: String,
    /// The file that its list is put into.
    pub(crate) into: String,
    /// When it last answered, be it that nothing is new.
    pub(crate) fetched: Option<Timestamp>,
    /// When it last sent another list.
    pub(crate) changed: Option<Timestamp>,
    /// What it calls the list.
    pub(crate) etag: Option<String>,
    pub(crate) failing_since: Option<Timestamp>,
    pub(crate) last_error: Option<String>,
}

/// How one service stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) process: String,
    /// The file that holds its pid.
    #[serde(default)]
    pub(crate) pid_file: String,
    /// `unknown`, `up`, `checking`, `restarting`, `settling`, `held_off` or `held`.
    pub(crate) state: String,
    /// The process that runs; absent unless the state is `up`.
    pub(crate) pid: Option<u32>,
    /// The process that was last seen up.
    #[serde(default)]
    pub(crate) last_pid: Option<u32>,
    pub(crate) since: Timestamp,
    pub(crate) restarts: u64,
    pub(crate) hold_off_until: Option<Timestamp>,
    /// The outage that is open.
    pub(crate) outage: Option<String>,
    /// Why it is left alone, or what was found, in plain words.
    pub(crate) detail: Option<String>,
}

impl From<ServiceStatus> for Service {
    fn from(status: ServiceStatus) -> Self {
        Self {
            pid: status.pid.filter(|_| status.state == "up"),
            last_pid: status.pid,
            name: status.name,
            process: status.process,
            pid_file: status.pid_file.display().to_string(),
            state: status.state,
            since: status.since,
            restarts: status.restarts,
            hold_off_until: status.hold_off_until,
            outage: status.outage,
            detail: status.detail,
        }
    }
}

/// How one sink stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sink {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) pending: u64,
    pub(crate) delivered: u64,
    pub(crate) dropped: u64,
    /// Of outages of a service that flaps, told as a sum.
    #[serde(default)]
    pub(crate) summed_up: u64,
    pub(crate) failing_since: Option<Timestamp>,
    pub(crate) last_error: Option<String>,
    /// Since when that is over; absent while it fails.
    #[serde(default)]
    pub(crate) over_since: Option<Timestamp>,
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
