//! A judge before a ledger of laws, and the random stories that are told to it.

use std::time::Duration;

use contract::{Cause, Ended, Timestamp};
use proptest::prelude::*;

use super::laws::{Before, Ledger};
use crate::judge::{Attempts, CrashLoop, Decision, Observation, Outcome, Phase, Policy, State};
use crate::{Moment, Process};

/// What happens next, after a wait.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Up {
        pid: u32,
        age: Duration,
        ended: Ended,
    },
    Down {
        late: Duration,
        ended: Ended,
    },
    CommandEnds {
        exit: Option<i32>,
    },
    TimePasses,
    Hold {
        length: Option<Duration>,
    },
    Release,
    Remove,
    /// The daemon dies and reads its state back.
    Crash,
    /// The machine boots, with any time on its wall clock.
    Reboot {
        wall: i64,
    },
}

pub(super) fn durations() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        (0..5000_u64).prop_map(Duration::from_millis),
        (0..5000_u64).prop_map(Duration::from_secs),
        Just(Duration::MAX),
        Just(Duration::from_secs(u64::MAX)),
    ]
}

pub(super) fn counts() -> impl Strategy<Value = u32> {
    prop_oneof![3 => 0..6_u32, 1 => Just(u32::MAX)]
}

prop_compose! {
    pub(super) fn policies()(
        recheck in (counts(), durations()),
        restart in (counts(), durations()),
        crash_loop in (counts(), durations()),
        settle in durations(),
        hold_off in durations(),
    ) -> Policy {
        Policy {
            recheck: Attempts { attempts: recheck.0, every: recheck.1 },
            restart: Attempts { attempts: restart.0, every: restart.1 },
            crash_loop: CrashLoop { restarts: crash_loop.0, within: crash_loop.1 },
            settle,
            hold_off,
        }
    }
}

pub(super) fn endings() -> impl Strategy<Value = Ended> {
    prop_oneof![
        Just(Ended::Unknown),
        Just(Ended::Exit(0)),
        Just(Ended::Signal(9))
    ]
}

pub(super) fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..4_u32, durations(), endings())
            .prop_map(|(pid, age, ended)| Step::Up { pid, age, ended }),
        9 => (durations(), endings()).prop_map(|(late, ended)| Step::Down { late, ended }),
        5 => proptest::option::of(0..2_i32).prop_map(|exit| Step::CommandEnds { exit }),
        9 => Just(Step::TimePasses),
        1 => proptest::option::of(durations()).prop_map(|length| Step::Hold { length }),
        1 => Just(Step::Release),
        1 => Just(Step::Remove),
        1 => Just(Step::Crash),
        1 => any::<i64>().prop_map(|wall| Step::Reboot { wall }),
    ]
}

/// Waits: often until what is due, often not at all, seldom longer.
pub(super) fn waits() -> impl Strategy<Value = Option<Duration>> {
    prop_oneof![
        4 => Just(None),
        4 => (0..3_u64).prop_map(|millis| Some(Duration::from_millis(millis))),
        2 => (0..100_000_u64).prop_map(|millis| Some(Duration::from_millis(millis))),
    ]
}

pub(super) fn stories() -> impl Strategy<Value = Vec<(Option<Duration>, Step)>> {
    proptest::collection::vec((waits(), steps()), 1..60)
}

/// A judge, its ledger and its clocks.
pub(super) struct Court {
    pub(super) state: State,
    pub(super) policy: Policy,
    pub(super) ledger: Ledger,
    pub(super) monotonic: Duration,
    pub(super) wall: Timestamp,
}

impl Court {
    pub(super) fn new(policy: Policy, wall: &str) -> Self {
        Self {
            state: State::new("dhcp"),
            policy,
            ledger: Ledger::default(),
            monotonic: Duration::from_secs(1000),
            wall: wall.parse().unwrap(),
        }
    }

    fn now(&self) -> Moment {
        Moment {
            monotonic: self.monotonic,
            wall: self.wall.saturating_add(self.monotonic),
        }
    }

    fn give(&mut self, observation: Observation) -> Vec<Decision> {
        let now = self.now();
        let seen = observation.clone();
        let before = Before::of(&self.state);
        let state = std::mem::replace(&mut self.state, State::new(""));
        let (state, decisions) = state.judge(&self.policy, observation, now);
        self.state = state;
        let verdict = self
            .ledger
            .enter(&before, &seen, now, &self.state, &decisions);
        assert!(
            verdict.is_ok(),
            "{verdict:?} at {now:?}: {seen:?} led to {decisions:?} and {:?}",
            self.state
        );
        decisions
    }

    pub(super) fn wait(&mut self, wait: Option<Duration>) {
        let limit = self
            .monotonic
            .saturating_add(Duration::from_secs(1_000_000));
        self.monotonic = match wait {
            Some(wait) => self.monotonic.saturating_add(wait),
            None => self
                .state
                .due()
                .unwrap_or_default()
                .clamp(self.monotonic, limit),
        };
    }

    pub(super) fn step(&mut self, step: Step) -> Vec<Decision> {
        let now = self.now();
        match step {
            Step::Up { pid, age, ended } => {
                let started = self.monotonic.saturating_sub(age);
                self.give(Observation::Up {
                    process: Process { pid, started },
                    ended,
                })
            }
            Step::Down { late, ended } => self.give(Observation::Down {
                cause: Cause::Gone { pid: 7 },
                ended,
                noticed: Moment {
                    monotonic: self.monotonic.saturating_sub(late),
                    wall: now.wall,
                },
            }),
            Step::CommandEnds { exit } => self.give(Observation::RestartEnded(Outcome {
                exit,
                ..Outcome::default()
            })),
            Step::TimePasses => self.give(Observation::TimePassed),
            Step::Hold { length } => self.give(Observation::Held {
                until: length.map(|length| self.monotonic.saturating_add(length)),
                reason: "mine".into(),
            }),
            Step::Release => self.give(Observation::Released),
            Step::Remove => self.give(Observation::Removed),
            Step::Crash => {
                let json = serde_json::to_string(&self.state).unwrap();
                let read = serde_json::from_str::<State>(&json).unwrap();
                assert_eq!(read, self.state);
                if !read.must_be_kept() {
                    assert_eq!(read.outage(), None);
                }
                Vec::new()
            }
            Step::Reboot { wall } => {
                let left = self
                    .state
                    .due()
                    .map(|due| due.saturating_sub(self.monotonic));
                let now = Moment {
                    monotonic: Duration::from_secs(20),
                    wall: Timestamp::from_unix_millis(wall).unwrap_or(Timestamp::EPOCH),
                };
                self.state.rebase(self.now(), now, Duration::MAX);
                self.monotonic = now.monotonic;
                self.ledger.rebooted(&self.state);
                if let (Phase::HeldOff { until, .. }, Some(left)) = (self.state.phase(), left) {
                    assert!(
                        until.saturating_sub(now.monotonic) <= left.max(Duration::from_mins(30))
                    );
                }
                Vec::new()
            }
        }
    }
}
