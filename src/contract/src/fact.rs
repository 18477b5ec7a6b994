//! What can be established about a service: the closed set of facts behind every event, and the
//! reasons that go with them.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Severity, Timestamp, Value};

/// A fact the monitor established; never an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "detail", rename_all = "snake_case")]
pub enum Fact {
    /// The process named by the pid file ended and did not come back within the re-checks.
    ServiceDown {
        /// When the death was noticed; the event's own time is when it was judged.
        noticed: Timestamp,
        /// The process that was watched until then.
        last_pid: Option<u32>,
        /// What was found.
        cause: Cause,
        /// How the process ended, where the kernel tells.
        ended: Ended,
    },
    /// It runs again, by our doing.
    Restarted {
        /// The process that runs now.
        pid: u32,
        /// How many restarts it took.
        attempts: u32,
        /// From the moment the death was noticed until the new process was up; milliseconds.
        #[serde(rename = "downtime_ms", with = "crate::millis")]
        downtime: Duration,
    },
    /// No attempt brought it back.
    RestartFailed {
        /// How many attempts were made; zero when a crash loop forbade any.
        attempts: u32,
        /// Why the last one failed.
        failure: Failure,
    },
    /// It is left alone for a while.
    Unmonitored {
        /// Until when, as the wall clock stood when this was decided; absent: until released.
        until: Option<Timestamp>,
        /// Why.
        reason: UnmonitoredReason,
    },
    /// It came back by itself within the re-checks; nothing was restarted.
    Recovered {
        /// When the death was noticed.
        noticed: Timestamp,
        /// The process that was watched until then.
        last_pid: Option<u32>,
        /// The process that runs now.
        pid: u32,
        /// From the moment the death was noticed until it was seen up; milliseconds.
        #[serde(rename = "downtime_ms", with = "crate::millis")]
        downtime: Duration,
        /// How the old process ended, where the kernel tells.
        ended: Ended,
    },
    /// It is watched again after a hold-off or a hold.
    Remonitored {
        /// What the first look found.
        found: LookedAgain,
    },
    /// Alerts were lost before a sink could take them.
    AlertsDropped {
        /// How many; zero when that is not known.
        count: u64,
        /// The first sequence number lost.
        first_seq: u64,
        /// The last sequence number lost.
        last_seq: u64,
        /// The sink that did not get them; absent: nobody did.
        sink: Option<String>,
        /// Why.
        reason: String,
    },
    /// The management server could not visit the router, several times in a row.
    RouterUnreachable {
        /// How many visits in a row failed.
        misses: u32,
        /// When one last succeeded; absent: never.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_seen: Option<Timestamp>,
        /// Why the last one failed.
        reason: String,
    },
    /// The management server could visit it again.
    RouterReachable {
        /// From the last visit that succeeded before; absent: none ever had. Milliseconds.
        #[serde(
            rename = "downtime_ms",
            with = "crate::millis::optional",
            default,
            skip_serializing_if = "Option::is_none"
        )]
        downtime: Option<Duration>,
    },
    /// Many routers of one zone failed within a short while, as their management server sees it. It
    /// is an outage of the zone: what belongs to it is told by this and by its end.
    StormBegan {
        /// The zone.
        zone: String,
        /// How many routers have failed so far.
        routers: u32,
        /// How many of their services; none where the routers cannot be reached at all.
        services: u32,
        /// When the first of them failed.
        since: Timestamp,
    },
    /// Nothing more of it happens, and most of it is over.
    StormEnded {
        /// The zone.
        zone: String,
        /// How many routers failed.
        routers: u32,
        /// How many of their services.
        services: u32,
        /// How many outages these had.
        outages: u32,
        /// From the first failure until the last of them was over; while some go on, until now.
        /// Milliseconds.
        #[serde(rename = "duration_ms", with = "crate::millis")]
        duration: Duration,
        /// How many of the outages go on.
        #[serde(default)]
        still_down: u32,
        /// The first of those, by router and service; at most 20.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        still_down_first: Vec<String>,
    },
    /// Somebody tries the sinks out.
    Test {
        /// What to show.
        text: String,
    },
    /// A kind that a newer version wrote; passed on as it is.
    #[serde(skip)]
    Unknown {
        /// Its name on the wire.
        kind: String,
        /// Its detail, untouched.
        detail: Option<Value>,
    },
}

/// Why a service was judged down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "found")]
pub enum Cause {
    /// The process is gone: nothing has that pid.
    Gone {
        /// The pid in the pid file.
        pid: u32,
    },
    /// The process ended, but its parent has not collected it.
    Zombie {
        /// The pid in the pid file.
        pid: u32,
    },
    /// The pid belongs to a process of another name.
    OtherProcess {
        /// The pid in the pid file.
        pid: u32,
        /// What that process is called.
        name: String,
    },
    /// There is no pid file.
    NoPidFile,
    /// The pid file cannot be used; says why.
    BadPidFile {
        /// What is wrong with it.
        problem: String,
    },
    /// A cause that a newer version wrote.
    #[serde(other)]
    Unknown,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The kernel does not tell (before Linux 6.15, or the process was never seen alive).
    #[default]
    Unknown,
    /// It exited with this status.
    Exit(i32),
    /// This signal ended it.
    Signal(i32),
}

/// Why a restart attempt failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// In plain words, without the output.
    pub reason: String,
    /// The restart command's exit status; absent when it was killed, timed out or never ran.
    #[serde(default)]
    pub exit: Option<i32>,
    /// The last output of the command, cleaned of control characters; at most 4 KiB.
    #[serde(default)]
    pub output: String,
}

/// Why a service is not watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnmonitoredReason {
    /// Every restart attempt failed.
    RestartFailed,
    /// It dies again after every restart.
    CrashLoop,
    /// An operator said so (`vrwatch hold`).
    Held {
        /// The operator's words.
        reason: String,
    },
    /// The configuration no longer names it.
    Removed,
    /// A reason that a newer version wrote.
    #[serde(other)]
    Unknown,
}

/// What the first look after a hold-off found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookedAgain {
    /// It runs.
    Up {
        /// Its process.
        pid: u32,
    },
    /// It does not run; a restart follows.
    Down,
}

impl Fact {
    /// The kind's name on the wire.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::ServiceDown { .. } => "service_down",
            Self::Restarted { .. } => "restarted",
            Self::RestartFailed { .. } => "restart_failed",
            Self::Unmonitored { .. } => "unmonitored",
            Self::Recovered { .. } => "recovered",
            Self::Remonitored { .. } => "remonitored",
            Self::AlertsDropped { .. } => "alerts_dropped",
            Self::RouterUnreachable { .. } => "router_unreachable",
            Self::RouterReachable { .. } => "router_reachable",
            Self::StormBegan { .. } => "storm_began",
            Self::StormEnded { .. } => "storm_ended",
            Self::Test { .. } => "test",
            Self::Unknown { kind, .. } => kind,
        }
    }

    /// The severity that goes with the kind. Source: ITU-T X.733.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self {
            Self::ServiceDown { .. } => Severity::Major,
            Self::RestartFailed { .. }
            | Self::Unmonitored { .. }
            | Self::AlertsDropped { .. }
            | Self::RouterUnreachable { .. }
            | Self::StormBegan { .. } => Severity::Critical,
            Self::Restarted { .. }
            | Self::Recovered { .. }
            | Self::RouterReachable { .. }
            | Self::StormEnded { .. } => Severity::Cleared,
            Self::Remonitored { .. } | Self::Test { .. } | Self::Unknown { .. } => {
                Severity::Indeterminate
            }
        }
    }

    /// Whether nothing is told about an outage before this.
    #[must_use]
    pub const fn opens_outage(&self) -> bool {
        matches!(
            self,
            Self::ServiceDown { .. }
                | Self::Recovered { .. }
                | Self::RouterUnreachable { .. }
                | Self::StormBegan { .. }
        )
    }

    /// Whether it is about a whole zone, as its management server sees it.
    #[must_use]
    pub const fn is_about_a_zone(&self) -> bool {
        matches!(self, Self::StormBegan { .. } | Self::StormEnded { .. })
    }

    /// Whether the outage this fact belongs to is over with it.
    #[must_use]
    pub const fn ends_outage(&self) -> bool {
        matches!(
            self,
            Self::Restarted { .. }
                | Self::Recovered { .. }
                | Self::RouterReachable { .. }
                | Self::StormEnded { .. }
                | Self::Remonitored {
                    found: LookedAgain::Up { .. }
                }
                | Self::Unmonitored {
                    reason: UnmonitoredReason::Removed,
                    ..
                }
        )
    }

    /// The same for whoever knows no more than the kind's name on the wire; `None` where that is
    /// not enough.
    #[must_use]
    pub fn kind_ends_outage(kind: &str) -> Option<bool> {
        match kind {
            "restarted" | "recovered" | "router_reachable" | "storm_ended" => Some(true),
            "remonitored" | "unmonitored" => None,
            _ => Some(false),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone { pid } => write!(formatter, "process {pid} is gone"),
            Self::Zombie { pid } => write!(formatter, "process {pid} has ended (not yet reaped)"),
            Self::OtherProcess { pid, name } => {
                write!(formatter, "process {pid} is now `{name}`")
            }
            Self::NoPidFile => formatter.write_str("there is no pid file"),
            Self::BadPidFile { problem } => {
                write!(formatter, "the pid file cannot be used: {problem}")
            }
            Self::Unknown => formatter.write_str("cause unknown"),
        }
    }
}

impl fmt::Display for UnmonitoredReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RestartFailed => formatter.write_str("restart failed"),
            Self::CrashLoop => formatter.write_str("crash loop"),
            Self::Held { reason } if reason.is_empty() => formatter.write_str("held by hand"),
            Self::Held { reason } => write!(formatter, "held by hand: {reason}"),
            Self::Removed => formatter.write_str("removed from the configuration"),
            Self::Unknown => formatter.write_str("reason unknown"),
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => formatter.write_str("how it ended is unknown"),
            Self::Exit(status) => write!(formatter, "exit {status}"),
            Self::Signal(number) => write!(formatter, "ended by signal {number}"),
        }
    }
}
