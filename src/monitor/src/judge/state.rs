//! What the judge remembers about one service between two observations.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::outage::Outage;
use super::stage::Stage;
use super::turn::Turn;
use super::{Decision, Observation, Phase, Policy};
use crate::{Moment, Process, brief};

/// A look that was asked for and not answered is asked for again after this long: a daemon that
/// crashed between the two must not leave the service waiting for ever.
const LOOK_PATIENCE: Duration = Duration::from_secs(1);

/// Everything the judge knows about one service. Serialized, it survives the daemon and, with
/// [`State::rebase`], the boot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub(super) service: String,
    pub(super) stage: Stage,
    /// The outage that is open, told or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) outage: Option<Outage>,
    /// Outages begun; numbers them.
    #[serde(default, skip_serializing_if = "brief::is_default")]
    pub(super) outages: u64,
    /// Restarts that succeeded.
    #[serde(default, skip_serializing_if = "brief::is_default")]
    pub(super) restarts: u64,
    /// When the latest of them did, oldest first, on the monotonic clock; bounded.
    #[serde(
        default,
        skip_serializing_if = "VecDeque::is_empty",
        serialize_with = "brief::times"
    )]
    pub(super) history: VecDeque<Duration>,
    /// The process that was last seen up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seen: Option<Process>,
    /// A restart command runs, whatever the stage: a hold does not end it.
    #[serde(default, skip_serializing_if = "brief::is_default")]
    pub(super) restart_running: bool,
    /// When a look was asked for that has not been answered.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "brief::time_if_any"
    )]
    pub(super) asked: Option<Duration>,
}

impl State {
    /// Of a service that has not been looked at yet.
    #[must_use]
    pub fn new(service: &str) -> Self {
        Self {
            service: service.to_owned(),
            stage: Stage::Unknown,
            outage: None,
            outages: 0,
            restarts: 0,
            history: VecDeque::new(),
            seen: None,
            restart_running: false,
            asked: None,
        }
    }

    /// Weighs one observation: what is known from now on, and what is to be done, in that order.
    ///
    /// Observations may come at any time in any order; whatever makes no sense changes nothing.
    /// [`Decision::Restart`] is only ever the answer to [`Observation::Down`].
    #[must_use]
    pub fn judge(
        self,
        policy: &Policy,
        observation: Observation,
        now: Moment,
    ) -> (Self, Vec<Decision>) {
        let mut turn = Turn::new(self, policy, now);
        match observation {
            Observation::Up { process, ended } => turn.up(process, ended),
            Observation::Down {
                cause,
                ended,
                noticed,
            } => turn.down(cause, ended, noticed),
            Observation::RestartEnded(outcome) => turn.restart_ended(outcome),
            Observation::TimePassed => turn.time_passed(),
            Observation::Held { until, reason } => turn.held(until, reason),
            Observation::Released => turn.released(),
            Observation::Removed => turn.removed(),
        }
        turn.end()
    }

    /// When [`Observation::TimePassed`] must be given, on the monotonic clock.
    ///
    /// Moves on with every look that is asked for, so giving it at once when due never spins.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        match self.asked {
            Some(asked) => Some(asked.saturating_add(LOOK_PATIENCE)),
            None => self.stage.due(),
        }
    }

    /// Where the service stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.stage.phase()
    }

    /// The id of the outage that is open; while [`Phase::Checking`] nothing has been told of it.
    #[must_use]
    pub fn outage(&self) -> Option<&str> {
        self.outage.as_ref().map(|outage| outage.id.as_str())
    }

    /// Whether an outage was told of and its end was not.
    #[must_use]
    pub fn owes_an_end(&self) -> bool {
        self.outage.as_ref().is_some_and(|outage| outage.told)
    }

    /// How many restarts succeeded since this state began.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// The process that was last seen up.
    #[must_use]
    pub fn last_process(&self) -> Option<Process> {
        self.seen
    }

    /// Whether nothing is in progress: no re-check, no restart, no look that is still to come now.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let at_rest = match self.stage {
            Stage::Unknown | Stage::Up(_) | Stage::HeldOff { .. } | Stage::Held { .. } => true,
            Stage::Checking { .. }
            | Stage::Restarting { .. }
            | Stage::Settling(_)
            | Stage::Waiting { .. } => false,
        };
        at_rest && !self.restart_running && self.asked.is_none()
    }

    /// Whether this state must survive a crash of the daemon: whatever a fresh look at the
    /// service would not bring back.
    #[must_use]
    pub fn must_be_kept(&self) -> bool {
        let plain = matches!(self.stage, Stage::Unknown | Stage::Up(_));
        !plain || self.restart_running || !self.history.is_empty()
    }

    /// Whether a daemon that only remembers `noted` would go on differently: told twice or not at
    /// all, restarted twice, or left alone for another time. What the next look brings back anyway
    /// is not worth the disk: how many looks there were, when the next one is, what was found.
    #[must_use]
    pub fn is_worth_noting_after(&self, noted: &Self) -> bool {
        // Named one by one, so that whoever adds a field decides about it here.
        let Self {
            service,
            stage,
            outage,
            outages,
            restarts,
            history,
            seen,
            restart_running,
            // A daemon that starts looks at everything.
            asked: _,
        } = self;
        let other_outage = match (outage, &noted.outage) {
            (Some(outage), Some(noted)) => outage.is_worth_noting_after(noted),
            (None, None) => false,
            _ => true,
        };
        other_outage
            || stage.is_worth_noting_after(&noted.stage)
            || *service != noted.service
            || *outages != noted.outages
            || *restarts != noted.restarts
            || *history != noted.history
            || *seen != noted.seen
            || *restart_running != noted.restart_running
    }

    /// Whether a restart command runs.
    #[must_use]
    pub fn restart_running(&self) -> bool {
        self.restart_running
    }
}
