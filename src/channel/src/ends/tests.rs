//! An end is told exactly when anything before it was, wherever the sink begins anew.

use std::sync::Arc;
use std::time::Duration;

use contract::{Cause, Draft, Ended, Fact, Failure, LookedAgain, Timestamp, UnmonitoredReason};
use proptest::prelude::*;

use super::*;
use crate::outages::Outages;

/// What can happen to a service; the last four end an outage.
fn facts() -> [Fact; 8] {
    let unmonitored = |reason| Fact::Unmonitored {
        until: None,
        reason,
    };
    [
        Fact::ServiceDown {
            noticed: Timestamp::EPOCH,
            last_pid: None,
            cause: Cause::NoPidFile,
            ended: Ended::Unknown,
        },
        Fact::RestartFailed {
            attempts: 5,
            failure: Failure {
                reason: "exit 1".into(),
                exit: Some(1),
                output: String::new(),
            },
        },
        unmonitored(UnmonitoredReason::RestartFailed),
        Fact::Remonitored {
            found: LookedAgain::Down,
        },
        Fact::Restarted {
            pid: 8,
            attempts: 1,
            downtime: Duration::ZERO,
        },
        Fact::Recovered {
            noticed: Timestamp::EPOCH,
            last_pid: None,
            pid: 9,
            downtime: Duration::ZERO,
            ended: Ended::Unknown,
        },
        Fact::Remonitored {
            found: LookedAgain::Up { pid: 9 },
        },
        unmonitored(UnmonitoredReason::Removed),
    ]
}

fn event(seq: u64, service: usize, outage: usize, fact: &Fact) -> Event {
    let draft = Draft {
        service: Some(format!("s{service}")),
        process: None,
        outage: Some(format!("{service}-{outage}")),
        time: Timestamp::EPOCH,
        fact: fact.clone(),
    };
    Event::new(draft, format!("e{seq}"), seq, "r".into())
}

/// Outages of a few services, one at a time each.
fn history(steps: &[(usize, usize)]) -> Vec<Event> {
    let facts = facts();
    let mut outages = [0; 4];
    let mut history = Vec::new();
    for (seq, (service, what)) in (1..).zip(steps) {
        let event = event(seq, *service, outages[*service], &facts[*what]);
        outages[*service] += usize::from(event.fact.ends_outage());
        history.push(event);
    }
    history
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_end_is_told_exactly_when_anything_of_its_outage_was(
        steps in prop::collection::vec((0..4_usize, 0..8_usize), 0..60),
        wanted in prop::collection::vec(any::<bool>(), 8),
        restarts in prop::collection::vec(0..60_u64, 0..4),
    ) {
        let history = history(&steps);
        let wants = |event: &Event| {
            facts().iter().zip(&wanted).any(|(fact, wanted)| {
                *wanted && fact.kind() == event.fact.kind()
            })
        };
        let expected: Vec<bool> = history
            .iter()
            .map(|event| {
                let mut before = history.iter().take_while(|other| other.seq < event.seq);
                let of_it = |other: &Event| other.outage == event.outage && wants(other);
                wants(event) || event.fact.ends_outage() && before.any(of_it)
            })
            .collect();
        let mut told = Vec::new();
        let mut ends = Ends::default();
        for event in &history {
            if restarts.contains(&event.seq) {
                // The process ended after the event before: what it knew is gone.
                let position = event.seq - 1;
                let mut outages: Outages<Arc<Event>> = Outages::default();
                for event in &history {
                    outages.take_event(&Arc::new(event.clone()), 100, &[position]);
                }
                ends = Ends::default();
                for event in outages.open_at(position) {
                    ends.admit(&event, wants(&event));
                }
            }
            told.push(ends.admit(event, wants(event)));
        }
        prop_assert_eq!(told, expected);
    }
}

#[test]
fn memory_stays_bounded_and_the_newest_outages_end() {
    let [down, .., removed] = facts();
    let mut ends = Ends::default();
    for number in 0..10_000 {
        assert!(ends.admit(&event(1, number, 0, &down), true));
        assert!(ends.admit(&event(1, number, 0, &down), true));
    }
    assert_eq!(ends.told.len(), MAX_OUTAGES);
    assert!(ends.admit(&event(2, 9_999, 0, &removed), false));
    assert!(ends.admit(&event(2, 9_100, 0, &removed), false));
    assert!(!ends.admit(&event(2, 0, 0, &removed), false));
    assert_eq!(ends.told.len(), MAX_OUTAGES - 2);
}
