//! What must hold whatever happens. Properties and simulation show every step of the judge to one
//! of these ledgers; it knows nothing of the judge's inside.

use std::collections::BTreeSet;
use std::time::Duration;

use contract::{Ended, Fact, LookedAgain, UnmonitoredReason};

use crate::judge::{Decision, Observation, Phase, State};
use crate::{Moment, Process};

/// A law was broken; says which and how.
pub(super) type Verdict = Result<(), String>;

/// Everything that was told about one service.
#[derive(Default)]
pub(super) struct Ledger {
    /// The outage that is open.
    outage: Option<Open>,
    /// Ids of outages that are over.
    over: BTreeSet<String>,
    /// Set while `Unmonitored` is the last word.
    rest: Option<Rest>,
    seen: Option<Process>,
}

struct Open {
    id: String,
    told: bool,
    /// What makes a successor a hand-over; `None` once a reboot lies between.
    old: Option<(Option<Process>, Duration)>,
    signalled: bool,
}

struct Rest {
    until: Option<Duration>,
    released: bool,
}

/// What is worth knowing of the state before a step.
pub(super) struct Before {
    restart_running: bool,
    watched: bool,
}

impl Before {
    pub(super) fn of(state: &State) -> Self {
        Self {
            restart_running: state.restart_running(),
            watched: state.phase() != Phase::Unknown,
        }
    }
}

fn demand(law: bool, what: &str) -> Verdict {
    if law { Ok(()) } else { Err(what.to_owned()) }
}

impl Ledger {
    pub(super) fn outage(&self) -> Option<&str> {
        self.outage.as_ref().map(|open| open.id.as_str())
    }

    /// The machine was rebooted, and `state` moved to its clocks.
    pub(super) fn rebooted(&mut self, state: &State) {
        self.seen = None;
        if let Some(open) = &mut self.outage {
            open.old = None;
        }
        if let Some(rest) = &mut self.rest {
            rest.until = hold_until(&state.phase());
        }
    }

    /// The daemon forgot what it need not keep.
    pub(super) fn crashed(&mut self, state: &State) {
        self.seen = state.last_process();
    }

    /// One step of the judge.
    pub(super) fn enter(
        &mut self,
        before: &Before,
        observation: &Observation,
        now: Moment,
        after: &State,
        decisions: &[Decision],
    ) -> Verdict {
        demand(
            decisions.len() <= 5,
            "a step has a bounded number of decisions",
        )?;
        let leaves = decisions.iter().filter(|decision| is_leave(decision));
        let expected = matches!(observation, Observation::Removed) && before.watched;
        demand(
            leaves.count() == usize::from(expected),
            "leave is taken once, of what was watched",
        )?;
        let none_open = self.outage.is_none();
        self.note_observation(observation, none_open, after);
        let mut previous = None;
        for decision in decisions {
            match decision {
                Decision::Look => demand(previous.is_none(), "a look stands alone")?,
                Decision::Restart { .. } => self.restart(before, observation, after)?,
                Decision::Emit { outage, fact } => {
                    self.event(outage.as_deref(), fact, previous, observation, now, after)?;
                }
            }
            previous = Some(decision);
        }
        if let Some(Decision::Emit { fact, .. }) = previous {
            demand(
                !matches!(fact, Fact::RestartFailed { .. }),
                "RestartFailed is followed by Unmonitored",
            )?;
        }
        self.outage_vanishes_only_for_a_reason(observation, after)?;
        if let Observation::Up { process, .. } = observation {
            self.seen = Some(*process);
        }
        if matches!(observation, Observation::Removed) {
            self.seen = None;
            self.rest = None;
        }
        self.state_is_sound(observation, now, after)
    }

    fn note_observation(&mut self, observation: &Observation, none_open: bool, after: &State) {
        if let Observation::Released = observation
            && let Some(rest) = &mut self.rest
        {
            rest.released = true;
        }
        if let (Observation::Down { ended, noticed, .. }, true, Some(id)) =
            (observation, none_open, after.outage())
        {
            self.outage = Some(Open {
                id: id.to_owned(),
                told: false,
                old: Some((self.seen, noticed.monotonic)),
                signalled: matches!(ended, Ended::Signal(_)),
            });
        }
        if let (Some(open), Observation::Up { ended, .. } | Observation::Down { ended, .. }) =
            (&mut self.outage, observation)
            && *ended != Ended::Unknown
        {
            open.signalled = matches!(ended, Ended::Signal(_));
        }
    }

    fn restart(&self, before: &Before, observation: &Observation, after: &State) -> Verdict {
        demand(
            matches!(observation, Observation::Down { .. }),
            "a restart is the reply to Down",
        )?;
        demand(
            !before.restart_running && after.restart_running(),
            "never two restarts at once",
        )?;
        demand(self.rest.is_none(), "no restart during a hold-off")?;
        let told = self.outage.as_ref().is_some_and(|open| open.told);
        demand(told, "nothing is restarted before its outage is told")
    }

    fn event(
        &mut self,
        outage: Option<&str>,
        fact: &Fact,
        previous: Option<&Decision>,
        observation: &Observation,
        now: Moment,
        after: &State,
    ) -> Verdict {
        if let (
            Fact::Unmonitored {
                reason: UnmonitoredReason::Held { .. } | UnmonitoredReason::Removed,
                ..
            },
            Some(false),
        ) = (fact, self.outage.as_ref().map(|open| open.told))
        {
            // A hold or a removal ends in silence what nobody was told of.
            self.close();
        }
        let told = self.outage.as_ref().is_some_and(|open| open.told);
        // What begins after a hold that ended with this very look is not yet told.
        let begins = matches!(fact, Fact::Remonitored { .. }) && !told;
        let expected = if begins { None } else { self.outage() };
        demand(outage == expected, "an event carries the open outage's id")?;
        let resting = self.rest.is_some();
        let after_failure = matches!(
            previous,
            Some(Decision::Emit {
                fact: Fact::RestartFailed { .. },
                ..
            })
        );
        match fact {
            Fact::ServiceDown { .. } => {
                demand(!told && !resting, "ServiceDown is told once, at the start")?;
                if let Some(open) = &mut self.outage {
                    open.told = true;
                }
            }
            Fact::Recovered { .. } => {
                let Observation::Up { process, .. } = observation else {
                    return Err("Recovered is the reply to Up".into());
                };
                demand(
                    !told && !resting,
                    "Recovered is told instead of ServiceDown",
                )?;
                demand(!self.is_hand_over(*process), "a hand-over is no recovery")?;
                self.close();
            }
            Fact::Restarted { attempts, .. } => {
                demand(told && !resting, "Restarted ends an outage that was told")?;
                demand(*attempts > 0, "Restarted is our doing")?;
                demand(
                    matches!(observation, Observation::Up { .. }) && !after.restart_running(),
                    "Restarted is the reply to Up, when the command is over",
                )?;
                self.close();
            }
            Fact::RestartFailed { .. } => {
                demand(told && !resting, "RestartFailed once in an outage's round")?;
            }
            Fact::Unmonitored { reason, .. } => match reason {
                UnmonitoredReason::RestartFailed | UnmonitoredReason::CrashLoop => {
                    demand(
                        after_failure && !resting,
                        "Unmonitored follows RestartFailed",
                    )?;
                    self.rest_until(after);
                }
                UnmonitoredReason::Held { .. } => {
                    demand(
                        matches!(observation, Observation::Held { .. }),
                        "held by hand",
                    )?;
                    self.rest_until(after);
                }
                UnmonitoredReason::Removed => {
                    self.close();
                }
                UnmonitoredReason::Unknown => return Err("a reason is known".into()),
            },
            Fact::Remonitored { found } => {
                let rest = self.rest.take().ok_or("Remonitored follows Unmonitored")?;
                demand(
                    rest.released || rest.until.is_some_and(|until| until <= now.monotonic),
                    "no hold-off is shortened",
                )?;
                match (found, observation) {
                    (LookedAgain::Up { .. }, Observation::Up { .. }) => self.close(),
                    (LookedAgain::Down, Observation::Down { .. }) => {}
                    _ => return Err("Remonitored says what was found".into()),
                }
            }
            _ => return Err("a kind that is not the judge's".into()),
        }
        Ok(())
    }

    fn rest_until(&mut self, after: &State) {
        self.rest = Some(Rest {
            until: hold_until(&after.phase()),
            released: false,
        });
    }

    fn close(&mut self) {
        if let Some(open) = self.outage.take() {
            self.over.insert(open.id);
        }
    }

    /// An outage that is gone without a word must have been a hand-over, held or removed.
    fn outage_vanishes_only_for_a_reason(
        &mut self,
        observation: &Observation,
        after: &State,
    ) -> Verdict {
        if let (Some(open), None) = (&self.outage, after.outage()) {
            let excused = match observation {
                Observation::Up { process, .. } => self.is_hand_over(*process),
                Observation::Held { .. } | Observation::Removed => true,
                _ => false,
            };
            demand(excused && !open.told, "no outage ends without a word")?;
            self.close();
        }
        demand(
            self.outage() == after.outage(),
            "an outage keeps its id until it is over",
        )?;
        demand(
            after.outage().is_none_or(|id| !self.over.contains(id)),
            "an outage that is over stays over",
        )
    }

    fn is_hand_over(&self, successor: Process) -> bool {
        self.outage.as_ref().is_some_and(|open| {
            open.old.is_some_and(|(old, noticed)| {
                let overlaps =
                    successor.started <= noticed.saturating_add(Duration::from_millis(50));
                old == Some(successor) || overlaps && !open.signalled
            })
        })
    }

    fn state_is_sound(&self, observation: &Observation, now: Moment, after: &State) -> Verdict {
        if *observation == Observation::TimePassed {
            let later = after.due().is_none_or(|due| due > now.monotonic);
            demand(later, "time that passed is never due again at once")?;
        }
        let waits_for_due = match after.phase() {
            Phase::Unknown | Phase::Up { .. } | Phase::Held { until: None, .. } => false,
            Phase::Restarting { .. } => !after.restart_running(),
            Phase::Checking
            | Phase::Settling { .. }
            | Phase::HeldOff { .. }
            | Phase::Held { until: Some(_), .. } => true,
        };
        demand(
            !waits_for_due || after.due().is_some(),
            "whatever waits has a deadline: every hold-off ends with a look",
        )?;
        let resting = matches!(after.phase(), Phase::HeldOff { .. } | Phase::Held { .. });
        demand(
            resting == self.rest.is_some(),
            "resting is told, and so is its end",
        )?;
        let worth_keeping = resting || after.outage().is_some() || after.restart_running();
        demand(
            !worth_keeping || after.must_be_kept(),
            "outages, holds and commands survive the daemon",
        )
    }
}

/// Whether this says that the configuration no longer names the service.
fn is_leave(decision: &Decision) -> bool {
    matches!(
        decision,
        Decision::Emit {
            fact: Fact::Unmonitored {
                reason: UnmonitoredReason::Removed,
                ..
            },
            ..
        }
    )
}

fn hold_until(phase: &Phase) -> Option<Duration> {
    match phase {
        Phase::HeldOff { until, .. } => Some(*until),
        Phase::Held { until, .. } => *until,
        _ => None,
    }
}
