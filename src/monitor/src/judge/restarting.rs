//! From `ServiceDown` to `Restarted` or to the hold-off: attempts, settling, crash loops.

use std::time::Duration;

use contract::{Cause, Ended, Fact, Failure, UnmonitoredReason, human};

use super::stage::{PEEK_EVERY, Round, Settling, Sighting, Stage};
use super::turn::{Turn, earlier};
use super::{Decision, Outcome};

/// How long a service may take to come up after its restart command, however short it settles.
const COMES_UP_WITHIN: Duration = Duration::from_secs(1);
/// How often the process may change while settling before the attempt has failed.
const MOST_CHANGES: u32 = 5;
/// How many restarts are remembered at most.
const LONGEST_HISTORY: u32 = 256;

impl Turn<'_> {
    /// Still down at the last look: the outage is told, and something is done about it.
    pub(super) fn judged_down(&mut self) -> Stage {
        if let Some(outage) = &mut self.state.outage {
            outage.told = true;
            let fact = Fact::ServiceDown {
                noticed: outage.noticed,
                last_pid: outage.last_pid,
                cause: outage.cause.clone(),
                ended: outage.ended,
            };
            self.emit(fact);
        }
        match self.crash_loop() {
            Some(failure) => self.give_up(0, failure, UnmonitoredReason::CrashLoop),
            None => self.begin_round(),
        }
    }

    /// The first restart of a round.
    pub(super) fn begin_round(&mut self) -> Stage {
        if self.policy.restart.attempts == 0 {
            let failure = Failure {
                reason: "the configuration allows no restart".to_owned(),
                exit: None,
                output: String::new(),
            };
            return self.give_up(0, failure, UnmonitoredReason::RestartFailed);
        }
        self.restart(Round::default())
    }

    /// Restarts the service. A command that still runs (a hold came and went over it) is adopted:
    /// there are never two at once.
    pub(super) fn restart(&mut self, mut round: Round) -> Stage {
        round.restarts = round.restarts.saturating_add(1);
        if !self.state.restart_running {
            self.state.restart_running = true;
            self.decide(Decision::Restart {
                attempt: round.restarts,
            });
        }
        Stage::Restarting {
            round,
            sighted: None,
        }
    }

    /// The restart command is over; what it said proves nothing.
    pub(super) fn restart_ended(&mut self, command: Outcome) {
        let was_running = std::mem::take(&mut self.state.restart_running);
        match self.state.stage {
            Stage::Restarting { round, sighted } => {
                let wait = self.policy.settle.max(COMES_UP_WITHIN);
                self.state.stage = Stage::Settling(Settling {
                    round,
                    command,
                    sighted,
                    up: None,
                    changes: 0,
                    give_up: self.now.monotonic.saturating_add(wait),
                    next_look: self.now.monotonic,
                });
                self.look();
            }
            // It was left running by a hold that is over by now; it may have changed anything.
            Stage::Unknown | Stage::Up(_) | Stage::Checking { .. } if was_running => self.look(),
            _ => {}
        }
    }

    /// Seen up after the restart command.
    pub(super) fn settling_up(&mut self, mut settling: Settling, here: Sighting) -> Stage {
        let now = self.now.monotonic;
        match settling.up {
            Some((before, until)) if before.process == here.process => {
                if now < until {
                    return Stage::Settling(settling);
                }
                return self.restarted(settling.round, before);
            }
            Some(_) => {
                settling.changes = settling.changes.saturating_add(1);
                if settling.changes > MOST_CHANGES {
                    let reason = "its process changes again and again while settling".to_owned();
                    return self.attempt_failed(settling.round, settling.command, reason);
                }
            }
            None => {}
        }
        let first = settling
            .sighted
            .map_or(here, |sighted| earlier(sighted, here));
        if self.policy.settle.is_zero() {
            return self.restarted(settling.round, first);
        }
        settling.up = Some((first, now.saturating_add(self.policy.settle)));
        Stage::Settling(settling)
    }

    /// Seen down after the restart command.
    pub(super) fn settling_down(
        &mut self,
        mut settling: Settling,
        cause: &Cause,
        ended: Ended,
    ) -> Stage {
        settling.sighted = None;
        if settling.up.is_some() {
            let mut reason = "died again while settling".to_owned();
            if ended != Ended::Unknown {
                reason = format!("{reason} ({ended})");
            }
            return self.attempt_failed(settling.round, settling.command, reason);
        }
        if settling.give_up <= self.now.monotonic {
            let reason = why_not_up(&settling.command, cause);
            return self.attempt_failed(settling.round, settling.command, reason);
        }
        settling.next_look = self.after(self.now.monotonic, PEEK_EVERY);
        Stage::Settling(settling)
    }

    /// Up although the attempt was given up already: it may still settle.
    pub(super) fn came_up_late(&mut self, round: Round, command: Outcome, here: Sighting) -> Stage {
        let now = self.now.monotonic;
        let settling = Settling {
            round,
            command,
            sighted: None,
            up: None,
            changes: 0,
            give_up: now,
            next_look: now,
        };
        self.settling_up(settling, here)
    }

    fn restarted(&mut self, round: Round, settled: Sighting) -> Stage {
        let downtime = self
            .state
            .outage
            .as_ref()
            .map(|outage| outage.downtime(settled.at.monotonic))
            .unwrap_or_default();
        self.emit(Fact::Restarted {
            pid: settled.process.pid,
            attempts: round.restarts,
            downtime,
        });
        self.state.outage = None;
        self.state.restarts = self.state.restarts.saturating_add(1);
        self.state.history.push_back(self.now.monotonic);
        self.forget_old_restarts();
        Stage::Up(settled)
    }

    fn attempt_failed(&mut self, mut round: Round, command: Outcome, reason: String) -> Stage {
        round.failures = round.failures.saturating_add(1);
        if round.failures < self.policy.restart.attempts {
            return Stage::Waiting {
                round,
                command,
                next_look: self.after(self.now.monotonic, self.policy.restart.every),
            };
        }
        let failure = Failure {
            reason,
            exit: command.exit,
            output: command.output,
        };
        self.give_up(round.restarts, failure, UnmonitoredReason::RestartFailed)
    }

    /// Whether restarting has proven futile.
    fn crash_loop(&self) -> Option<Failure> {
        let limit = self.policy.crash_loop.restarts.min(LONGEST_HISTORY) as usize;
        let restarts = self.state.history.len();
        (limit > 0 && restarts >= limit).then(|| Failure {
            reason: format!(
                "crash loop: restarted {restarts} times within {} and died again",
                human::Duration(self.policy.crash_loop.within)
            ),
            exit: None,
            output: String::new(),
        })
    }

    /// Keeps the restarts that can still make a crash loop, and no more than it takes to make one.
    pub(super) fn forget_old_restarts(&mut self) {
        let limits = self.policy.crash_loop;
        let most = limits.restarts.min(LONGEST_HISTORY) as usize;
        let history = &mut self.state.history;
        let excess = history.len().saturating_sub(most);
        history.drain(..excess);
        let now = self.now.monotonic;
        history.retain(|at| now.saturating_sub(*at) <= limits.within);
    }
}

/// Why a restart command that is over has not brought the service up, in plain words.
fn why_not_up(command: &Outcome, cause: &Cause) -> String {
    match (&command.reason, command.exit) {
        (Some(reason), _) => reason.clone(),
        (None, Some(0)) => format!("exit 0, but {cause}"),
        (None, Some(status)) => format!("exit {status}"),
        (None, None) => format!("the restart command left no exit status, and {cause}"),
    }
}
