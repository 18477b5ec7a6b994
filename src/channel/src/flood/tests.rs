//! Tables and properties of what is summed up.

use contract::{Cause, Failure};
use proptest::prelude::*;

use super::*;

fn event(seq: u64, second: u64, service: &str, outage: &str, fact: Fact) -> Event {
    let draft = Draft {
        service: Some(service.to_owned()),
        process: None,
        outage: Some(outage.to_owned()),
        time: Timestamp::EPOCH.saturating_add(Duration::from_secs(second)),
        fact,
    };
    Event::new(draft, format!("e{seq}"), seq, "r".to_owned())
}

fn down() -> Fact {
    Fact::ServiceDown {
        noticed: Timestamp::EPOCH,
        last_pid: None,
        cause: Cause::NoPidFile,
        ended: Ended::Unknown,
    }
}

fn up() -> Fact {
    Fact::Restarted {
        pid: 1,
        attempts: 1,
        downtime: Duration::ZERO,
    }
}

fn failed() -> Fact {
    Fact::RestartFailed {
        attempts: 1,
        failure: Failure {
            reason: String::new(),
            exit: None,
            output: String::new(),
        },
    }
}

fn two_in_a_minute() -> Condenser {
    Condenser::new(Flood {
        outages: 2,
        within: Duration::from_mins(1),
    })
}

/// `(outage, second, fact)` to `(passes, events told by what it closed, events counted)`.
fn run(condenser: &mut Condenser, story: &[(&str, u64, Fact)]) -> Vec<(bool, u64, u64)> {
    let now = Instant::now();
    (1..)
        .zip(story)
        .map(|(seq, (outage, second, fact))| {
            let event = event(seq, *second, "dhcp", outage, fact.clone());
            let (closed, verdict) = condenser.take(&event, now);
            let open = closed.as_ref().map_or(0, |closed| closed.open.len() as u64);
            let counted = closed.and_then(|closed| Some(closed.summary?.events));
            (verdict == Verdict::Pass, open, counted.unwrap_or(0))
        })
        .collect()
}

#[test]
fn what_is_told_and_what_is_summed_up_follows_from_the_times_of_the_outages() {
    const PASS: (bool, u64, u64) = (true, 0, 0);
    const FOLD: (bool, u64, u64) = (false, 0, 0);
    for (name, story, expected) in [
        (
            "as many as are told",
            vec![("a", 0, down()), ("a", 1, up()), ("b", 2, down())],
            vec![PASS, PASS, PASS],
        ),
        (
            "one more, and what belongs to the one before is still told",
            vec![
                ("a", 0, down()),
                ("b", 2, down()),
                ("b", 9, up()),
                ("c", 59, down()),
            ],
            vec![PASS, PASS, PASS, FOLD],
        ),
        (
            "one more, but late enough",
            vec![("a", 0, down()), ("b", 2, down()), ("c", 60, down())],
            vec![PASS, PASS, PASS],
        ),
        (
            "the clock was set back",
            vec![("a", 500, down()), ("b", 501, down()), ("c", 1, down())],
            vec![PASS, PASS, FOLD],
        ),
        (
            "the flood ends",
            vec![
                ("a", 0, down()),
                ("b", 1, down()),
                ("c", 2, up()),
                ("d", 90, down()),
            ],
            vec![PASS, PASS, FOLD, (true, 0, 1)],
        ),
        (
            "the flood goes on beyond its time",
            vec![
                ("a", 0, down()),
                ("b", 1, down()),
                ("c", 2, up()),
                ("d", 30, up()),
                ("e", 55, up()),
                ("f", 62, up()),
            ],
            vec![PASS, PASS, FOLD, FOLD, FOLD, (false, 0, 3)],
        ),
        (
            "a restart fails",
            vec![
                ("a", 0, down()),
                ("b", 1, down()),
                ("c", 2, down()),
                ("c", 3, up()),
                ("d", 4, down()),
                ("d", 5, failed()),
                ("d", 6, up()),
                ("e", 7, down()),
            ],
            vec![PASS, PASS, FOLD, FOLD, FOLD, (true, 1, 2), PASS, FOLD],
        ),
        (
            "an outage that began with what needs a person",
            vec![
                ("a", 0, down()),
                ("b", 1, down()),
                ("c", 2, failed()),
                ("c", 3, up()),
            ],
            vec![PASS, PASS, PASS, PASS],
        ),
    ] {
        assert_eq!(run(&mut two_in_a_minute(), &story), expected, "{name}");
    }
}

#[test]
fn what_has_no_service_or_no_outage_is_always_told() {
    let mut condenser = Condenser::new(Flood {
        outages: 0,
        within: Duration::from_hours(1),
    });
    let now = Instant::now();
    let mut event = event(1, 0, "dhcp", "a", down());
    assert_eq!(condenser.take(&event, now), (None, Verdict::Fold));
    event.outage = None;
    assert_eq!(condenser.take(&event, now), (None, Verdict::Pass));
    event.outage = Some("b".to_owned());
    event.service = None;
    assert_eq!(condenser.take(&event, now), (None, Verdict::Pass));
}

#[test]
fn memory_for_services_is_bounded_and_what_is_summed_up_stays() {
    let mut condenser = Condenser::new(Flood {
        outages: 1,
        within: Duration::from_hours(1),
    });
    let now = Instant::now();
    for seq in 0..2000 {
        let name = format!("s{}", seq / 2);
        let outage = format!("o{seq}");
        condenser.take(&event(seq, seq, &name, &outage, down()), now);
    }
    assert_eq!(condenser.services.len(), MAX_SERVICES);
    assert_eq!(condenser.close(now), []);
    assert_eq!(condenser.close_all().len(), MAX_SERVICES);
    assert_eq!(condenser.first_seqs().count(), 0);
    let quiet = event(5000, 5000, "late", "o", down());
    assert_eq!(condenser.take(&quiet, now).1, Verdict::Pass);
    assert_eq!(condenser.services.len(), MAX_SERVICES);
}

proptest! {
    /// Whatever happens, each event is told, told late or counted, once.
    #[test]
    fn no_event_is_lost_or_told_twice(
        story in prop::collection::vec((0_u8..3, 0_u64..40, 0_u8..4, prop::bool::ANY), 1..200)
    ) {
        let mut condenser = two_in_a_minute();
        let now = Instant::now();
        let (mut second, mut outages) = (0, [0; 3]);
        let (mut told, mut counted) = (Vec::new(), 0);
        let mut take = |closed: Vec<Closed>, told: &mut Vec<u64>| {
            for closed in closed {
                counted += closed.summary.map_or(0, |summary| summary.events);
                told.extend(closed.open.iter().map(|event| event.seq));
            }
        };
        for (seq, (service, wait, fact, next)) in (1..).zip(&story) {
            second += wait;
            let outage = &mut outages[usize::from(*service)];
            *outage += u64::from(*next);
            let fact = [down(), up(), failed(), down()][usize::from(*fact)].clone();
            let name = service.to_string();
            let event = event(seq, second, &name, &outage.to_string(), fact);
            let (closed, verdict) = condenser.take(&event, now);
            take(closed.into_iter().collect(), &mut told);
            if verdict == Verdict::Pass {
                told.push(seq);
            }
            if seq % 50 == 0 {
                take(condenser.close(now + Duration::from_mins(1)), &mut told);
                prop_assert!(condenser.due().is_none());
            }
        }
        take(condenser.close_all(), &mut told);
        prop_assert_eq!(told.len() as u64 + counted, story.len() as u64);
        told.sort_unstable();
        told.dedup();
        prop_assert_eq!(told.len() as u64 + counted, story.len() as u64);
    }
}
