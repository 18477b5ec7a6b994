//! Any sequence of observations under any policy, sane or absurd, keeps the laws.

use std::time::Duration;

use contract::{Ended, Fact, Timestamp};
use proptest::prelude::*;

use super::court::{Court, Step, policies, steps, stories, waits};
use crate::judge::{Decision, Phase, Policy};

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
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

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
        story in proptest::collection::vec((policies(), waits(), steps()), 1..40),
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
            let decided = right.step(step).iter().map(timeless).collect::<Vec<_>>();
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
            court.step(match up {
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
