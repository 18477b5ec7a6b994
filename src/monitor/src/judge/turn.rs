//! One observation being weighed: who may answer what in which stage.

use std::mem;
use std::time::Duration;

use contract::{Cause, Ended, Fact};

use super::outage::Outage;
use super::stage::{Sighting, Stage};
use super::{Decision, Policy, State};
use crate::{Moment, Process};

/// The shortest wait between two looks, whatever the policy says: nothing spins.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);

/// A state on its way from one observation to the next.
pub(super) struct Turn<'a> {
    pub(super) state: State,
    pub(super) policy: &'a Policy,
    pub(super) now: Moment,
    decisions: Vec<Decision>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(state: State, policy: &'a Policy, now: Moment) -> Self {
        let mut turn = Self {
            state,
            policy,
            now,
            decisions: Vec::new(),
        };
        turn.forget_old_restarts();
        turn
    }

    pub(super) fn end(self) -> (State, Vec<Decision>) {
        (self.state, self.decisions)
    }

    /// The service was seen up.
    pub(super) fn up(&mut self, process: Process, ended: Ended) {
        self.state.asked = None;
        self.state.seen = Some(process);
        let here = Sighting {
            process,
            at: self.now,
        };
        self.state.stage = match mem::replace(&mut self.state.stage, Stage::Unknown) {
            Stage::Unknown => Stage::Up(here),
            Stage::Up(before) => Stage::Up(earlier(before, here)),
            Stage::Checking { .. } => self.came_back(here, ended),
            Stage::Restarting { round, sighted } => Stage::Restarting {
                round,
                sighted: Some(sighted.map_or(here, |before| earlier(before, here))),
            },
            Stage::Settling(settling) => self.settling_up(settling, here),
            Stage::Waiting { round, command, .. } => self.came_up_late(round, command, here),
            hold if self.is_over(&hold) => self.watched_again_up(here),
            hold => hold,
        };
    }

    /// The service was seen down.
    pub(super) fn down(&mut self, cause: Cause, ended: Ended, noticed: Moment) {
        self.state.asked = None;
        self.state.stage = match mem::replace(&mut self.state.stage, Stage::Unknown) {
            Stage::Unknown | Stage::Up(_) => self.begin_outage(cause, ended, noticed),
            Stage::Checking { looks, next_look } => self.still_down(looks, next_look, cause, ended),
            Stage::Restarting { round, .. } => Stage::Restarting {
                round,
                sighted: None,
            },
            Stage::Settling(settling) => self.settling_down(settling, &cause, ended),
            Stage::Waiting {
                round, next_look, ..
            } if next_look <= self.now.monotonic => self.restart(round),
            hold if self.is_over(&hold) => self.watched_again_down(cause, ended, noticed),
            stage => stage,
        };
    }

    /// Time never decides by itself: it only makes us look, and what is seen decides.
    pub(super) fn time_passed(&mut self) {
        if self
            .state
            .due()
            .is_some_and(|due| due <= self.now.monotonic)
        {
            self.look();
        }
    }

    /// The configuration no longer names the service. Whoever relies on its being watched hears of
    /// it; an outage that was told is thereby over, and one that was not never was.
    pub(super) fn removed(&mut self) {
        self.state.outage.take_if(|outage| !outage.told);
        if !matches!(self.state.stage, Stage::Unknown) {
            self.emit(Fact::Unmonitored {
                until: None,
                reason: contract::UnmonitoredReason::Removed,
            });
        }
        let mut fresh = State::new(&self.state.service);
        fresh.outages = self.state.outages;
        fresh.restarts = self.state.restarts;
        // The command does not end because the configuration changed.
        fresh.restart_running = self.state.restart_running;
        self.state = fresh;
    }

    /// A death was noticed.
    pub(super) fn begin_outage(&mut self, cause: Cause, ended: Ended, noticed: Moment) -> Stage {
        self.state.outages = self.state.outages.saturating_add(1);
        self.state.outage = Some(Outage::begin(
            &self.state.service,
            self.state.outages,
            self.state.seen,
            cause,
            ended,
            noticed,
        ));
        if self.policy.recheck.attempts == 0 {
            return self.judged_down();
        }
        Stage::Checking {
            looks: 0,
            next_look: self.after(noticed.monotonic, self.policy.recheck.every),
        }
    }

    /// Only the looks on schedule count; in between, another witness adds to what is known.
    fn still_down(&mut self, looks: u32, next_look: Duration, cause: Cause, ended: Ended) -> Stage {
        if let Some(outage) = &mut self.state.outage {
            outage.learn(cause, ended);
        }
        if self.now.monotonic < next_look {
            return Stage::Checking { looks, next_look };
        }
        let looks = looks.saturating_add(1);
        if looks >= self.policy.recheck.attempts {
            return self.judged_down();
        }
        Stage::Checking {
            looks,
            next_look: self.after(next_look, self.policy.recheck.every),
        }
    }

    /// Up again before anything was told.
    fn came_back(&mut self, here: Sighting, ended: Ended) -> Stage {
        if let Some(outage) = &mut self.state.outage {
            outage.learn_end(ended);
            if !outage.was_a_hand_over(here.process) {
                let fact = Fact::Recovered {
                    noticed: outage.noticed,
                    last_pid: outage.last_pid,
                    pid: here.process.pid,
                    downtime: outage.downtime(here.at.monotonic),
                    ended: outage.ended,
                };
                self.emit(fact);
            }
        }
        self.state.outage = None;
        Stage::Up(here)
    }

    /// Asks for a look. Whatever is seen next answers it, wherever it comes from.
    pub(super) fn look(&mut self) {
        self.state.asked = Some(self.now.monotonic);
        self.decisions.push(Decision::Look);
    }

    pub(super) fn decide(&mut self, decision: Decision) {
        self.decisions.push(decision);
    }

    /// Publishes a fact about the open outage, if there is one.
    pub(super) fn emit(&mut self, fact: Fact) {
        let outage = self.state.outage().map(str::to_owned);
        self.decisions.push(Decision::Emit { outage, fact });
    }

    /// `every` after `last`; after now when that has already passed, so that looks which were
    /// missed (a busy daemon, or none) are not made up for in a burst.
    pub(super) fn after(&self, last: Duration, every: Duration) -> Duration {
        let every = every.max(SHORTEST_WAIT);
        let next = last.min(self.now.monotonic).saturating_add(every);
        if next > self.now.monotonic {
            next
        } else {
            self.now.monotonic.saturating_add(every)
        }
    }
}

/// When the process is the same, the earlier sighting counts.
pub(super) fn earlier(before: Sighting, here: Sighting) -> Sighting {
    if before.process == here.process {
        before
    } else {
        here
    }
}
