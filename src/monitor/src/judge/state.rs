//! What the judge remembers about one service between two observations.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Decision, Observation, Phase, Policy};
use crate::{Moment, Process};

/// Everything the judge knows about one service. Serialized, it survives the daemon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    service: String,
    restarts: u64,
    seen: Option<Process>,
    restart_running: bool,
}

impl State {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(service: &str) -> Self {
        Self {
            service: service.to_owned(),
            restarts: 0,
            seen: None,
            restart_running: false,
        }
    }
    /// Weighs one observation.
    #[must_use]
    pub fn judge(
        self,
        policy: &Policy,
        observation: Observation,
        now: Moment,
    ) -> (Self, Vec<Decision>) {
        let _ = (policy, observation, now, &self.service);
        (self, Vec::new())
    }
    /// When `TimePassed` must be given, on the monotonic clock.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        None
    }
    /// Where the service stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        Phase::Unknown
    }
    /// The outage that is open.
    #[must_use]
    pub fn outage(&self) -> Option<&str> {
        None
    }
    /// How many restarts succeeded.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.restarts
    }
    /// The process that was last seen up.
    #[must_use]
    pub fn last_process(&self) -> Option<Process> {
        self.seen
    }
    /// Nothing is in progress.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        true
    }
    /// Must this survive a crash of the daemon?
    #[must_use]
    pub fn must_be_kept(&self) -> bool {
        false
    }
    /// A restart command runs.
    #[must_use]
    pub fn restart_running(&self) -> bool {
        self.restart_running
    }
    /// After a reboot.
    pub fn rebase(&mut self, saved_at: Moment, now: Moment, longest: Duration) {
        let _ = (saved_at, now, longest);
    }
}
