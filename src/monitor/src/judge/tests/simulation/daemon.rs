//! The daemon as the engine runs it: judge, write down, then do. It may die between any two steps.

use contract::{Cause, Fact, UnmonitoredReason};

use super::super::laws::{Before, Verdict};
use super::weather::{LONGEST_HOLD_OFF, MINUTE, SECOND};
use super::world::{Happening, World};
use crate::Moment;
use crate::judge::{Decision, Observation, Outcome, Phase, Policy, State};

/// The daemon's memory.
pub(super) struct Watch {
    /// Absent while the configuration does not name the service.
    pub(super) state: Option<State>,
    pub(super) policy: Policy,
    /// Moves with every step of the judge; older deadlines are void.
    version: u64,
}

/// What is on disk.
pub(super) struct Saved {
    state: State,
    at: Moment,
    boot: u64,
    /// When it was written, in true time.
    time: u64,
}

impl World {
    /// Examines the service and tells the judge.
    pub(super) fn sweep(&mut self) -> Verdict {
        if self.watch.is_none() || !self.configured {
            return Ok(());
        }
        let observation = match self.service {
            Some(process) => {
                self.noticed = None;
                Observation::Up {
                    process,
                    ended: self.ended,
                }
            }
            None => Observation::Down {
                cause: Cause::NoPidFile,
                ended: self.ended,
                noticed: self.notice_now(),
            },
        };
        self.observe(observation)
    }

    /// When this daemon first knew.
    fn notice_now(&mut self) -> Moment {
        let now = self.now();
        *self.noticed.get_or_insert(now)
    }

    pub(super) fn due(&mut self, version: u64) -> Verdict {
        if self
            .watch
            .as_ref()
            .is_none_or(|watch| watch.version != version)
        {
            return Ok(());
        }
        self.observe(Observation::TimePassed)
    }

    /// One step of the judge, under the eyes of the law.
    pub(super) fn observe(&mut self, observation: Observation) -> Verdict {
        let now = self.now();
        let Some(watch) = &mut self.watch else {
            return Ok(());
        };
        let Some(state) = watch.state.take() else {
            return Ok(());
        };
        let before = Before::of(&state);
        let was_kept = state.must_be_kept();
        let seen = observation.clone();
        let (state, decisions) = state.judge(&watch.policy, observation, now);
        let verdict = self.ledger.enter(&before, &seen, now, &state, &decisions);
        if state.must_be_kept() {
            let known = self.disk.as_ref().is_some_and(|saved| {
                saved.boot == self.boots && !state.is_worth_noting_after(&saved.state)
            });
            if !known {
                self.disk = Some(Saved {
                    state: state.clone(),
                    at: now,
                    boot: self.boots,
                    time: self.time,
                });
            }
        } else if was_kept {
            self.disk = None;
        }
        watch.version = watch.version.wrapping_add(1);
        let version = watch.version;
        if let Some(due) = state.due() {
            let wait = due.saturating_sub(now.monotonic).as_millis();
            let wait = u64::try_from(wait).unwrap_or(u64::MAX);
            self.after(wait, Happening::Due { version });
        }
        self.note(|| format!("  {seen:?} ->  {decisions:?} {state:?}"));
        let phase = state.phase();
        if let Some(watch) = &mut self.watch {
            watch.state = Some(state);
        }
        verdict?;
        self.law_of_true_time(&seen, &phase, &decisions)?;
        self.carry_out(decisions)
    }

    /// The wall clock may lie and the daemon may die: a hold-off still lasts.
    fn law_of_true_time(
        &mut self,
        observation: &Observation,
        phase: &Phase,
        decisions: &[Decision],
    ) -> Verdict {
        if matches!(observation, Observation::Released | Observation::Removed) {
            self.rest_until = None;
        }
        for decision in decisions {
            let Decision::Emit { fact, outage } = decision else {
                continue;
            };
            self.count(fact.kind());
            match fact {
                Fact::Unmonitored {
                    reason: UnmonitoredReason::Removed,
                    ..
                } => self.count(match outage {
                    Some(_) => "removed with an outage open",
                    None => "removed without an outage",
                }),
                Fact::Unmonitored { reason, .. } => {
                    if *reason == UnmonitoredReason::CrashLoop {
                        self.count("crash loop");
                    }
                    self.rest_until = Some(self.true_end(phase));
                }
                Fact::Restarted { pid, .. } => self.has_settled(*pid)?,
                Fact::Remonitored { .. } => {
                    let end = self.rest_until.take();
                    if end.is_some_and(|end| self.time < end) {
                        return Err("no hold-off is shortened".into());
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A restart that is told has brought up a process that lives, and has for long enough.
    fn has_settled(&self, pid: u32) -> Verdict {
        let Some(process) = self.service.filter(|process| process.pid == pid) else {
            return Err(format!("what was restarted is up, but {pid} is not"));
        };
        let lived = self.monotonic().saturating_sub(process.started);
        // A policy that changed while it settled may ask for more than was asked then.
        let steady = self.time - self.policy_since > 5 * MINUTE;
        let settle = self.watch.as_ref().map(|watch| watch.policy.settle);
        if steady && settle.is_some_and(|settle| lived < settle) {
            return Err(format!(
                "a restart is told when it has settled, not after {lived:?}"
            ));
        }
        Ok(())
    }

    /// When a rest ends in true time.
    fn true_end(&self, phase: &Phase) -> u64 {
        let end = match phase {
            Phase::HeldOff { until, .. }
            | Phase::Held {
                until: Some(until), ..
            } => u64::try_from(until.as_millis()).unwrap_or(u64::MAX),
            _ => u64::MAX,
        };
        self.booted.unwrap_or(self.time).saturating_add(end)
    }

    fn carry_out(&mut self, decisions: Vec<Decision>) -> Verdict {
        for decision in decisions {
            if self.chance(300) {
                self.count("crash between decisions");
                self.daemon_dies();
                return Ok(());
            }
            match decision {
                Decision::Look => self.sweep()?,
                Decision::Restart { .. } => self.run_command()?,
                Decision::Emit { .. } => {}
            }
        }
        if !self.configured
            && let Some(watch) = &mut self.watch
        {
            // What is no longer configured is forgotten once its command is over.
            watch.state.take_if(|state| !state.restart_running());
        }
        Ok(())
    }

    pub(super) fn daemon_dies(&mut self) {
        let Some(watch) = self.watch.take() else {
            return;
        };
        if let (Some(state), Some(saved)) = (&watch.state, &self.disk)
            && *state != saved.state
        {
            self.count("daemon died knowing more than its note");
        }
        self.count("daemon crash");
        if self.ledger.outage().is_some() {
            self.count("outage open when the daemon died");
        }
        self.noticed = None;
        if self.command.is_some() {
            if self.rng.bool() {
                self.command = None;
            } else {
                self.count("command outlived the daemon");
            }
        }
        let wait = if self.rng.bool() {
            self.rng.u64(0..5 * SECOND)
        } else {
            self.rng.u64(0..20 * MINUTE)
        };
        self.note(|| "the daemon dies".into());
        self.after(wait, Happening::DaemonStarts);
    }

    pub(super) fn daemon_starts(&mut self) -> Verdict {
        if self.booted.is_none() || self.watch.is_some() {
            return Ok(());
        }
        let state = match self.disk.take() {
            Some(saved) => self.read_back(&saved)?,
            None => State::new("dhcp"),
        };
        if state.outage() != self.ledger.outage() {
            return Err("an outage open when the daemon died goes on".into());
        }
        self.ledger.crashed(&state);
        self.note(|| format!("the daemon starts with {state:?}"));
        let lost = state.restart_running() && self.command.is_none();
        self.watch = Some(Watch {
            policy: self.policy.clone(),
            version: self.time.wrapping_mul(1_000_000),
            state: Some(state),
        });
        if !self.configured {
            self.observe(Observation::Removed)?;
        }
        if lost {
            self.count("command lost with the daemon");
            self.observe(Observation::RestartEnded(Outcome {
                exit: None,
                reason: Some("the daemon was restarted meanwhile".into()),
                output: String::new(),
            }))?;
        } else {
            self.observe(Observation::TimePassed)?;
        }
        self.sweep()
    }

    /// Reads the state back, and carries it over a reboot if there was one.
    fn read_back(&mut self, saved: &Saved) -> Result<State, String> {
        let json = serde_json::to_string(&saved.state).map_err(|error| error.to_string())?;
        let mut state: State = serde_json::from_str(&json).map_err(|error| error.to_string())?;
        if state != saved.state {
            return Err("a state reads back as it was written".into());
        }
        if saved.boot != self.boots {
            if state.outage().is_some() {
                self.count("outage open at a reboot");
            }
            let left = |state: &State, now: Moment| match state.phase() {
                Phase::HeldOff { until, .. } => Some(until.saturating_sub(now.monotonic)),
                Phase::Held { until, .. } => until.map(|until| until.saturating_sub(now.monotonic)),
                _ => None,
            };
            let now = self.now();
            let before = left(&state, saved.at);
            let longest = std::time::Duration::from_millis(LONGEST_HOLD_OFF);
            state.rebase(saved.at, now, longest);
            let after = left(&state, now);
            if before.is_some() {
                self.count("hold-off open at a reboot");
            }
            if before.is_some() != after.is_some() || after > before {
                return Err(format!(
                    "a reboot makes no wait longer: {before:?}, {after:?}"
                ));
            }
            // A clock that was wrong over the reboot may end a hold-off early; one that was right
            // may not. Nothing else excuses an early end.
            let shown = now.wall.unix_millis() - saved.at.wall.unix_millis();
            let ahead = shown > self.truly_elapsed(saved);
            if self.rest_until.is_some() && ahead {
                self.rest_until = None;
            }
            self.ledger.rebooted(&state);
        }
        self.disk = Some(Saved {
            state: state.clone(),
            at: self.now(),
            boot: self.boots,
            time: self.time,
        });
        Ok(state)
    }

    /// How much later it truly is than when this was saved.
    fn truly_elapsed(&self, saved: &Saved) -> i64 {
        i64::try_from(self.time.saturating_sub(saved.time)).unwrap_or(i64::MAX)
    }

    pub(super) fn remove(&mut self) -> Verdict {
        self.configured = false;
        self.noticed = None;
        let wait = self.rng.u64(0..10 * MINUTE);
        self.after(wait, Happening::AddedAgain);
        self.observe(Observation::Removed)?;
        self.carry_out(Vec::new())
    }

    pub(super) fn added_again(&mut self) -> Verdict {
        self.configured = true;
        if let Some(watch) = &mut self.watch {
            watch.state.get_or_insert_with(|| State::new("dhcp"));
        }
        self.sweep()
    }
}
