//! Silences, alert by alert, and days of them in milliseconds.

use std::time::Duration;

use contract::{Cause, Draft, Ended, LookedAgain};

use super::*;
use crate::store::NewSilence;

mod book;
mod days;
mod story;

const ROUTERS: [(&str, &str); 3] = [("r-1", "z-1"), ("r-2", "z-1"), ("r-3", "z-2")];
const SERVICES: [&str; 2] = ["dhcp", "dns"];
/// As long as the store remembers a silence that ended.
const LATE: u64 = 3600;

fn at(seconds: u64) -> Timestamp {
    Timestamp::EPOCH.saturating_add(Duration::from_secs(seconds))
}

fn fact(ends: bool, follows: bool) -> Fact {
    let noticed = at(0);
    match (ends, follows) {
        (true, _) => Fact::Restarted {
            pid: 1,
            attempts: 1,
            downtime: Duration::ZERO,
        },
        (false, true) => Fact::Remonitored {
            found: LookedAgain::Down,
        },
        (false, false) => Fact::ServiceDown {
            noticed,
            last_pid: None,
            cause: Cause::NoPidFile,
            ended: Ended::Unknown,
        },
    }
}

fn event(router: &str, service: &str, outage: Option<&str>, time: u64, fact: Fact) -> Event {
    let draft = Draft {
        service: Some(service.into()),
        process: None,
        outage: outage.map(Into::into),
        time: at(time),
        fact,
    };
    Event::new(draft, String::new(), 0, router.into())
}

fn silence(id: i64, of: [Option<&str>; 3], span: (u64, u64)) -> Silence {
    let [zone, router, service] = of.map(|name| name.map(str::to_owned));
    Silence {
        id,
        silence: NewSilence {
            zone,
            router,
            service,
            starts: at(span.0),
            ends: at(span.1),
            reason: String::new(),
        },
        created_by: String::new(),
        held: 0,
        told: 0,
    }
}

/// A queue of one alert.
fn queue(silences: Vec<Silence>, now: u64, waiting: Waiting) -> Queue {
    Queue {
        now: at(now),
        silences,
        waiting: vec![waiting],
    }
}

fn waiting(service: &str, outage: Option<&str>, time: u64, fact: Fact) -> Waiting {
    Waiting {
        id: 1,
        router: "r-1".into(),
        zone: Some("z-1".into()),
        outage: outage.map(Into::into),
        event: event("r-1", service, outage, time, fact),
        stored: 0,
        standing: Standing::default(),
    }
}

const TELL: Decision = Decision::Tell { storm: None };

#[test]
fn a_silence_is_about_what_all_of_its_words_fit_from_its_beginning_until_before_its_end() {
    for (of, holds) in [
        ([None, None, None], true),
        ([Some("z-1"), Some("r-1"), Some("dhcp")], true),
        ([Some("z-2"), Some("r-1"), None], false),
        ([None, Some("r-2"), None], false),
        ([Some("z-1"), None, Some("dns")], false),
    ] {
        for (now, in_force) in [(99, false), (100, true), (199, true), (200, false)] {
            let silences = vec![silence(7, of, (100, 200))];
            let down = waiting("dhcp", Some("o"), 0, fact(false, false));
            let expected = if holds && in_force {
                Decision::Hold { silence: 7 }
            } else {
                TELL
            };
            assert_eq!(
                decide(&queue(silences, now, down)),
                [expected],
                "{of:?} {now}"
            );
        }
    }
}

#[test]
fn of_several_silences_the_one_that_ends_last_holds() {
    let silences =
        [(1, 150), (2, 300), (3, 200)].map(|(id, ends)| silence(id, [None; 3], (100, ends)));
    let down = waiting("dhcp", Some("o"), 0, fact(false, false));
    let decided = decide(&queue(silences.to_vec(), 120, down));
    assert_eq!(decided, [Decision::Hold { silence: 2 }]);
}

#[test]
fn what_comes_late_and_is_of_a_silence_s_time_is_held_once() {
    let silences = vec![silence(7, [None; 3], (100, 200))];
    let mut late = waiting("dhcp", Some("o"), 150, fact(false, false));
    assert_eq!(
        decide(&queue(silences.clone(), 300, late.clone())),
        [Decision::Hold { silence: 7 }]
    );
    late.standing.released_by = Some(7);
    assert_eq!(decide(&queue(silences.clone(), 300, late.clone())), [TELL]);
    late.standing.over = true;
    assert_eq!(
        decide(&queue(silences, 300, late)),
        [Decision::Withhold { silence: 7 }]
    );
}

#[test]
fn a_test_is_withheld_for_good_and_a_loss_is_told_when_all_is_over() {
    let silences = vec![silence(7, [None; 3], (100, 200))];
    let test = waiting(
        "dhcp",
        None,
        150,
        Fact::Test {
            text: String::new(),
        },
    );
    assert_eq!(
        decide(&queue(silences.clone(), 150, test)),
        [Decision::Withhold { silence: 7 }]
    );
    let lost = Fact::AlertsDropped {
        count: 1,
        first_seq: 1,
        last_seq: 1,
        sink: None,
        reason: String::new(),
    };
    let mut lost = waiting("dhcp", None, 150, lost);
    assert_eq!(
        decide(&queue(silences.clone(), 150, lost.clone())),
        [Decision::Hold { silence: 7 }]
    );
    lost.standing.released_by = Some(7);
    assert_eq!(decide(&queue(silences, 250, lost)), [TELL]);
}
