//! Where a service stands in the judge's own terms, and when each stage wants the next look.

use std::time::Duration;

use contract::UnmonitoredReason;
use serde::{Deserialize, Serialize};

use super::{Outcome, Phase};
use crate::{Moment, Process, brief};

/// How often a service that does not come up after the restart command is looked at.
pub(super) const PEEK_EVERY: Duration = Duration::from_millis(250);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Stage {
    Unknown,
    Up(Sighting),
    /// Found down, not told yet.
    Checking {
        /// Scheduled looks that found it down.
        #[serde(default, skip_serializing_if = "brief::is_default")]
        looks: u32,
        #[serde(serialize_with = "brief::time")]
        next_look: Duration,
    },
    /// The restart command runs.
    Restarting {
        #[serde(default, skip_serializing_if = "brief::is_default")]
        round: Round,
        /// The process that was seen up while the command ran.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sighted: Option<Sighting>,
    },
    /// The restart command is over; the service has to prove itself.
    Settling(Settling),
    /// An attempt failed; the next one follows.
    Waiting {
        #[serde(default, skip_serializing_if = "brief::is_default")]
        round: Round,
        #[serde(default, skip_serializing_if = "brief::is_default")]
        command: Outcome,
        #[serde(serialize_with = "brief::time")]
        next_look: Duration,
    },
    HeldOff {
        #[serde(serialize_with = "brief::time")]
        until: Duration,
        reason: UnmonitoredReason,
    },
    Held {
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            serialize_with = "brief::time_if_any"
        )]
        until: Option<Duration>,
        reason: String,
    },
}

/// A process, and when it was first seen up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Sighting {
    pub(super) process: Process,
    pub(super) at: Moment,
}

/// The restarts between a service's death and its return or the next hold-off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Round {
    /// Restart commands begun.
    #[serde(default, skip_serializing_if = "brief::is_default")]
    pub(super) restarts: u32,
    /// Attempts failed. Apart from `restarts`, because a service that comes up late and dies
    /// again has failed without another command: what bounds the round is this.
    #[serde(default, skip_serializing_if = "brief::is_default")]
    pub(super) failures: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Settling {
    #[serde(default, skip_serializing_if = "brief::is_default")]
    pub(super) round: Round,
    #[serde(default, skip_serializing_if = "brief::is_default")]
    pub(super) command: Outcome,
    /// The process that was seen up while the command ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sighted: Option<Sighting>,
    /// The process that is settling, and when it has settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) up: Option<(Sighting, Duration)>,
    /// How often the process changed under our eyes.
    #[serde(default, skip_serializing_if = "brief::is_default")]
    pub(super) changes: u32,
    /// When the attempt has failed if nothing is up by then.
    #[serde(serialize_with = "brief::time")]
    pub(super) give_up: Duration,
    #[serde(serialize_with = "brief::time")]
    pub(super) next_look: Duration,
}

impl Stage {
    /// Whether a daemon that only remembers `noted` would decide differently. How often and when it
    /// looks again does not matter: what it sees then decides.
    pub(super) fn is_worth_noting_after(&self, noted: &Self) -> bool {
        match (self, noted) {
            (Self::Checking { .. }, Self::Checking { .. }) => false,
            (Self::Settling(settling), Self::Settling(noted)) => {
                settling.is_worth_noting_after(noted)
            }
            _ => self != noted,
        }
    }

    /// When this stage wants the service looked at, on the monotonic clock.
    pub(super) fn due(&self) -> Option<Duration> {
        match self {
            Self::Unknown | Self::Up(_) | Self::Restarting { .. } => None,
            Self::Checking { next_look, .. } | Self::Waiting { next_look, .. } => Some(*next_look),
            Self::Settling(settling) => Some(match settling.up {
                Some((_, until)) => until,
                None => settling.next_look.min(settling.give_up),
            }),
            Self::HeldOff { until, .. } => Some(*until),
            Self::Held { until, .. } => *until,
        }
    }

    pub(super) fn phase(&self) -> Phase {
        match self {
            Self::Unknown => Phase::Unknown,
            Self::Up(sighting) => Phase::Up {
                process: sighting.process,
                since: sighting.at,
            },
            Self::Checking { .. } => Phase::Checking,
            Self::Restarting { round, .. } => Phase::Restarting {
                attempt: round.restarts,
            },
            Self::Waiting { round, .. } => Phase::Restarting {
                attempt: round.restarts.saturating_add(1),
            },
            Self::Settling(settling) => Phase::Settling {
                attempt: settling.round.restarts,
            },
            Self::HeldOff { until, reason } => Phase::HeldOff {
                until: *until,
                reason: reason.clone(),
            },
            Self::Held { until, reason } => Phase::Held {
                until: *until,
                reason: reason.clone(),
            },
        }
    }
}

impl Settling {
    fn is_worth_noting_after(&self, noted: &Self) -> bool {
        let Self {
            round,
            command,
            sighted,
            up,
            changes,
            give_up,
            next_look: _,
        } = self;
        *round != noted.round
            || *command != noted.command
            || *sighted != noted.sighted
            || *up != noted.up
            || *changes != noted.changes
            || *give_up != noted.give_up
    }
}
