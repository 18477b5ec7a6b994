//! Any sequence of observations under any policy, sane or absurd, keeps the laws.

use std::time::Duration;

use contract::{Cause, Ended, Fact, Timestamp};
use proptest::prelude::*;

use super::laws::{Before, Ledger};
use crate::judge::{Attempts, CrashLoop, Decision, Observation, Outcome, Phase, Policy, State};
use crate::{Moment, Process};

/// What happens next, after a wait.
#[derive(Clone, Debug)]
enum Step {
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

fn durations() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        (0..5000_u64).prop_map(Duration::from_millis),
        (0..5000_u64).prop_map(Duration::from_secs),
        Just(Duration::MAX),
        Just(Duration::from_secs(u64::MAX)),
    ]
}

fn counts() -> impl Strategy<Value = u32> {
    prop_oneof![3 => 0..6_u32, 1 => Just(u32::MAX)]
}

prop_compose! {
    fn policies()(
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

fn endings() -> impl Strategy<Value = Ended> {
    prop_oneof![
        Just(Ended::Unknown),
        Just(Ended::Exit(0)),
        Just(Ended::Signal(9))
    ]
}

fn steps() -> impl Strategy<Value = Step> {
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
fn waits() -> impl Strategy<Value = Option<Duration>> {
    prop_oneof![
        4 => Just(None),
        4 => (0..3_u64).prop_map(|millis| Some(Duration::from_millis(millis))),
        2 => (0..100_000_u64).prop_map(|millis| Some(Duration::from_millis(millis))),
    ]
}

fn stories() -> impl Strategy<Value = Vec<(Option<Duration>, Step)>> {
    proptest::collection::vec((waits(), steps()), 1..60)
}

/// A judge, its ledger and its clocks.
struct Court {
    state: State,
    policy: Policy,
    ledger: Ledger,
    monotonic: Duration,
    wall: Timestamp,
}

impl Court {
    fn new(policy: Policy, wall: &str) -> Self {
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
        let before = Before::of(&self.state);
        let state = std::mem::replace(&mut self.state, State::new(""));
        let (state, decisions) = state.judge(&self.policy, observation.clone(), now);
        self.state = state;
        let verdict = self
            .ledger
            .enter(&before, &observation, now, &self.state, &decisions);
        assert!(
            verdict.is_ok(),
            "{verdict:?} at {now:?}: {observation:?} led to {decisions:?} and {:?}",
            self.state
        );
        decisions
    }

    fn wait(&mut self, wait: Option<Duration>) {
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

    fn step(&mut self, step: Step) -> Vec<Decision> {
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
                        until.saturating_sub(now.monotonic) <= left.max(Duration::from_secs(1800))
                    );
                }
                Vec::new()
            }
        }
    }
}

/// A decision without what the wall clock put into it.
fn timeless(decision: &Decision) -> String {
    match decision.clone() {
        Decision::Emit { outage, fact } => {
            let fact = match fact {
                Fact::ServiceDown {
                    last_pid,
                    cause,
                    ended,
                    ..
                } => {
                    format!("{last_pid:?} {cause:?} {ended:?}")
                }
                Fact::Recovered {
                    last_pid,
                    pid,
                    downtime,
                    ended,
                    ..
                } => {
                    format!("{last_pid:?} {pid} {downtime:?} {ended:?}")
                }
                Fact::Unmonitored { reason, until } => format!("{} {reason:?}", until.is_some()),
                other => format!("{other:?}"),
            };
            format!("{} {fact}", outage.is_some())
        }
        other => format!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_observations_breaks_a_law(policy in policies(), story in stories()) {
        let mut court = Court::new(policy, "2026-11-22T11:00:00Z");
        for (wait, step) in story {
            court.wait(wait);
            court.step(step);
        }
    }

    #[test]
    fn a_policy_that_changes_all_the_time_breaks_no_law(
        story in proptest::collection::vec((policies(), waits(), steps()), 1..60),
    ) {
        let mut court = Court::new(Policy::default(), "2026-11-22T11:00:00Z");
        for (policy, wait, step) in story {
            court.policy = policy;
            court.wait(wait);
            court.step(step);
        }
    }

    #[test]
    fn the_wall_clock_changes_nothing_but_printed_times(
        policy in policies(),
        story in proptest::collection::vec((waits(), steps(), any::<i64>()), 1..60),
    ) {
        let mut right = Court::new(policy.clone(), "2026-11-22T11:00:00Z");
        let mut mad = Court::new(policy, "1970-01-01T00:00:00Z");
        for (wait, step, wall) in story {
            if matches!(step, Step::Reboot { .. }) {
                continue;
            }
            mad.wall = Timestamp::from_unix_millis(wall).unwrap_or(Timestamp::EPOCH);
            right.wait(wait);
            mad.wait(wait);
            let decided = right.step(step.clone()).iter().map(timeless).collect::<Vec<_>>();
            let madly = mad.step(step).iter().map(timeless).collect::<Vec<_>>();
            prop_assert_eq!(decided, madly);
            prop_assert_eq!(right.state.due(), mad.state.due());
        }
    }

    #[test]
    fn from_wherever_it_is_a_service_that_runs_ends_up_watched_with_no_outage(
        policy in policies(),
        story in stories(),
    ) {
        let mut court = Court::new(policy, "2026-11-22T11:00:00Z");
        for (wait, step) in story {
            court.wait(wait);
            court.step(step);
        }
        let up = Step::Up { pid: 99, age: Duration::ZERO, ended: Ended::Unknown };
        let started = court.monotonic;
        court.policy = Policy::default();
        court.step(Step::Release);
        for _ in 0..4 {
            if court.state.restart_running() {
                court.step(Step::CommandEnds { exit: Some(0) });
            }
            let age = court.monotonic.saturating_sub(started);
            court.step(match up.clone() {
                Step::Up { pid, ended, .. } => Step::Up { pid, age, ended },
                other => other,
            });
            court.wait(None);
            court.step(Step::TimePasses);
        }
        prop_assert!(matches!(court.state.phase(), Phase::Up { .. }), "{:?}", court.state);
        prop_assert_eq!(court.state.outage(), None);
        prop_assert!(court.state.is_quiet());
    }

    #[test]
    fn from_wherever_it_is_a_hopeless_service_ends_up_told_and_left_alone(story in stories()) {
        let mut court = Court::new(Policy::default(), "2026-11-22T11:00:00Z");
        for (wait, step) in story {
            court.wait(wait);
            court.step(step);
        }
        court.step(Step::Release);
        let mut told = 0;
        for _ in 0..200 {
            if court.state.restart_running() {
                court.step(Step::CommandEnds { exit: Some(1) });
            }
            let decisions = court.step(Step::Down { late: Duration::ZERO, ended: Ended::Unknown });
            told += decisions
                .iter()
                .filter(|decision| matches!(decision, Decision::Emit { fact: Fact::RestartFailed { .. }, .. }))
                .count();
            if matches!(court.state.phase(), Phase::HeldOff { .. }) {
                break;
            }
            court.wait(None);
            court.step(Step::TimePasses);
        }
        let held_off = matches!(court.state.phase(), Phase::HeldOff { .. });
        prop_assert!(held_off && told == 1, "{:?}", court.state);
    }
}
