//! Leaving a service alone, by our own decision or an operator's, and watching it again.

use std::time::Duration;

use contract::{Cause, Ended, Fact, Failure, LookedAgain, UnmonitoredReason};

use super::State;
use super::stage::{Sighting, Stage};
use super::turn::Turn;
use crate::Moment;

/// The shortest hold-off, whatever the policy says: each one is told.
const SHORTEST_HOLD_OFF: Duration = Duration::from_millis(100);
/// How many characters of an operator's reason are kept.
const LONGEST_REASON: usize = 1000;

impl State {
    /// Of a service that is left alone until `until` on the monotonic clock because restarting it
    /// was futile. For a hold-off that was remembered elsewhere than in a state.
    #[must_use]
    pub fn held_off(service: &str, until: Duration) -> Self {
        let mut state = Self::new(service);
        state.stage = Stage::HeldOff {
            until,
            reason: UnmonitoredReason::RestartFailed,
        };
        state
    }
}

impl Turn<'_> {
    /// Restarting is futile: leave it alone for a while.
    pub(super) fn give_up(
        &mut self,
        attempts: u32,
        failure: Failure,
        reason: UnmonitoredReason,
    ) -> Stage {
        let wait = self.policy.hold_off.max(SHORTEST_HOLD_OFF);
        self.emit(Fact::RestartFailed { attempts, failure });
        self.emit(Fact::Unmonitored {
            until: Some(self.now.wall.saturating_add(wait)),
            reason: reason.clone(),
        });
        self.state.history.clear();
        Stage::HeldOff {
            until: self.now.monotonic.saturating_add(wait),
            reason,
        }
    }

    /// An operator wants it left alone. An outage that nobody was told of ends without a word.
    pub(super) fn held(&mut self, until: Option<Duration>, reason: String) {
        let reason = match reason.char_indices().nth(LONGEST_REASON) {
            Some((end, _)) => reason[..end].to_owned(),
            None => reason,
        };
        let hold = Stage::Held {
            until,
            reason: reason.clone(),
        };
        if self.state.stage == hold {
            return;
        }
        self.state.stage = hold;
        self.state.asked = None;
        self.state.outage.take_if(|outage| !outage.told);
        let now = self.now;
        self.emit(Fact::Unmonitored {
            until: until.map(|until| now.wall.saturating_add(until.saturating_sub(now.monotonic))),
            reason: UnmonitoredReason::Held { reason },
        });
    }

    /// An operator wants it watched again: every hold ends now, and what is seen next decides.
    pub(super) fn released(&mut self) {
        let now = self.now.monotonic;
        match &mut self.state.stage {
            Stage::Held { until, .. } => *until = Some(now),
            Stage::HeldOff { until, .. } => *until = now,
            _ => return,
        }
        self.look();
    }

    /// Whether this is a hold that has run out.
    pub(super) fn is_over(&self, stage: &Stage) -> bool {
        match stage {
            Stage::HeldOff { until, .. }
            | Stage::Held {
                until: Some(until), ..
            } => *until <= self.now.monotonic,
            _ => false,
        }
    }

    /// The first look after a hold found it up: an outage that was open is over.
    pub(super) fn watched_again_up(&mut self, here: Sighting) -> Stage {
        self.emit(Fact::Remonitored {
            found: LookedAgain::Up {
                pid: here.process.pid,
            },
        });
        self.state.outage = None;
        Stage::Up(here)
    }

    /// The first look after a hold found it down. An outage that was told goes on, without
    /// looking again first: it was down before the hold.
    pub(super) fn watched_again_down(
        &mut self,
        cause: Cause,
        ended: Ended,
        noticed: Moment,
    ) -> Stage {
        self.emit(Fact::Remonitored {
            found: LookedAgain::Down,
        });
        match &mut self.state.outage {
            Some(outage) => {
                outage.learn(cause, ended);
                self.begin_round()
            }
            None => self.begin_outage(cause, ended, noticed),
        }
    }
}
