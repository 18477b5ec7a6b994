//! What goes into the judge and what comes out of it.

use std::time::Duration;

use contract::{Cause, Ended, Fact, UnmonitoredReason};

use crate::{Moment, Process};

/// Something that was seen, or that somebody did.
#[derive(Clone, Debug, PartialEq)]
pub enum Observation {
    /// The service runs.
    Up {
        /// Its process.
        process: Process,
        /// How the previously watched process ended, if that is known by now.
        ended: Ended,
    },
    /// The service does not run.
    Down {
        /// What was found instead.
        cause: Cause,
        /// How the watched process ended, if that is known by now.
        ended: Ended,
        /// When the watch first knew.
        noticed: Moment,
    },
    /// The restart command is over, or was found gone after a crash of the daemon.
    RestartEnded(Outcome),
    /// [`State::due`](super::State::due) has been reached.
    TimePassed,
    /// An operator wants the service left alone.
    Held {
        /// Until then on the monotonic clock; absent: until released.
        until: Option<Duration>,
        /// The operator's words.
        reason: String,
    },
    /// An operator wants the service watched again.
    Released,
    /// The configuration no longer names the service. Told once, if it was watched until now.
    Removed,
}

/// How a restart command ended. Proves nothing by itself: only a process that is up does.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Outcome {
    /// Its exit status; absent when it was killed, timed out or never ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// What else went wrong, in plain words: `timed out after 60s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its last output, cleaned; at most 4 KiB.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
}

/// What is to be done, in the order given.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Examine the service now and report `Up` or `Down`.
    Look,
    /// Run the restart command and report exactly one `RestartEnded`.
    Restart {
        /// The how-manieth of this round, from 1.
        attempt: u32,
    },
    /// Publish an event.
    Emit {
        /// The outage it belongs to.
        outage: Option<String>,
        /// What was established.
        fact: Fact,
    },
}

/// Where a service stands, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not looked at yet.
    Unknown,
    /// It runs.
    Up {
        /// Its process.
        process: Process,
        /// When this process was first seen.
        since: Moment,
    },
    /// It was found down; looked at again before anything is said.
    Checking,
    /// A restart command runs, or the next one is about to.
    Restarting {
        /// The how-manieth attempt, from 1.
        attempt: u32,
    },
    /// The restart command is over; whether the service stays up is being waited for.
    Settling {
        /// The how-manieth attempt, from 1.
        attempt: u32,
    },
    /// Restarting was futile; left alone for a while.
    HeldOff {
        /// Until then on the monotonic clock.
        until: Duration,
        /// Why.
        reason: UnmonitoredReason,
    },
    /// An operator wants it left alone.
    Held {
        /// Until then on the monotonic clock; absent: until released.
        until: Option<Duration>,
        /// The operator's words.
        reason: String,
    },
}
