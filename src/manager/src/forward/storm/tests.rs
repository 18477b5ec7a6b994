//! What is a storm and what belongs to it: by table, and for stories that nobody thought of.

use std::collections::{BTreeMap, BTreeSet};

use contract::{Draft, Event, Fact, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::store::millis;

pub(super) const SETTINGS: Settings = Settings {
    routers: 3,
    within: Duration::from_mins(1),
    quiet: Duration::from_mins(5),
    longest: Duration::from_hours(2),
};

const SECOND: Millis = 1000;
const MINUTE: Millis = 60 * SECOND;

/// An alert that waits.
#[derive(Clone, Debug)]
pub(super) struct Alert {
    pub(super) id: i64,
    pub(super) stored: Millis,
    pub(super) zone: String,
    pub(super) event: Event,
}

impl Alert {
    pub(super) fn sighting(&self) -> Sighting<'_> {
        Sighting {
            alert: self.id,
            stored: self.stored,
            zone: Some(&self.zone),
            event: &self.event,
            told: true,
        }
    }
}

pub(super) fn down() -> Fact {
    Fact::RouterUnreachable {
        misses: 3,
        last_seen: None,
        reason: "no answer".into(),
    }
}

pub(super) fn up() -> Fact {
    Fact::RouterReachable { downtime: None }
}

fn again() -> Fact {
    Fact::RestartFailed {
        attempts: 1,
        failure: contract::Failure {
            reason: "exit 1".into(),
            exit: None,
            output: String::new(),
        },
    }
}

pub(super) fn alert(
    id: i64,
    stored: Millis,
    (zone, router, service, outage): (&str, &str, Option<&str>, &str),
    fact: Fact,
) -> Alert {
    let draft = Draft {
        service: service.map(Into::into),
        process: None,
        outage: Some(outage.into()),
        time: Timestamp::from_unix_millis(stored).unwrap(),
        fact,
    };
    Alert {
        id,
        stored,
        zone: zone.into(),
        event: Event::new(draft, format!("event-{id}"), 0, router.into()),
    }
}

/// What a database keeps of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    storms: BTreeMap<String, (Row, BTreeMap<i64, Begun>)>,
    begun: Vec<(String, Begun)>,
    pub(super) taken: BTreeSet<(i64, String)>,
}

impl Book {
    pub(super) fn keep(&mut self, batch: &[Alert], changes: &[Change]) {
        for alert in batch {
            let event = &alert.event;
            let outage = event.outage.clone().unwrap();
            if event.fact.opens_outage() {
                let begun = Begun {
                    alert: alert.id,
                    at: alert.stored,
                    router: event.router.clone(),
                    outage: outage.clone(),
                    service: event.service.clone(),
                    ended: false,
                };
                self.begun.push((alert.zone.clone(), begun));
            }
            if event.fact.ends_outage() {
                for (_, begun) in &mut self.begun {
                    begun.ended |= begun.router == event.router && begun.outage == outage;
                }
            }
        }
        for change in changes {
            match change {
                Change::Set(row) => {
                    let entry = self.storms.entry(row.id.clone());
                    entry.or_insert_with(|| (row.clone(), BTreeMap::new())).0 = row.clone();
                }
                Change::Take { storm, begun, .. } => {
                    assert!(self.taken.insert((begun.alert, storm.clone())));
                    let (_, outages) = self.storms.get_mut(storm).unwrap();
                    outages.insert(begun.alert, begun.clone());
                }
                Change::Over { alert } => {
                    for (_, outages) in self.storms.values_mut() {
                        if let Some(begun) = outages.get_mut(alert) {
                            begun.ended = true;
                        }
                    }
                }
                Change::Forget { storm } => {
                    self.storms.remove(storm).unwrap();
                }
            }
        }
    }

    pub(super) fn restore(&self, settings: Settings, now: Millis) -> Judge {
        let storms = self.storms.values().cloned();
        let since = Judge::since(&settings, now);
        let recent = self.begun.iter().filter(|(_, begun)| begun.at >= since);
        Judge::restored(
            settings,
            storms
                .map(|(row, outages)| (row, outages.into_values().collect()))
                .collect(),
            recent.cloned().collect(),
        )
    }
}

/// All that came of a story.
#[derive(Debug, Default)]
struct Outcome {
    marks: BTreeMap<i64, String>,
    told: Vec<Told>,
    book: Book,
}

/// Judges a story in batches of these sizes; after a batch whose number is in `restarts` another
/// manager goes on.
fn judge(story: &[Alert], sizes: &[usize], restarts: bool) -> Outcome {
    let mut outcome = Outcome::default();
    let mut judge = Judge::new(SETTINGS);
    let mut rest = story;
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let size = (*sizes.next().unwrap()).clamp(1, rest.len());
        let (batch, behind) = rest.split_at(size);
        rest = behind;
        step(
            &mut outcome,
            &mut judge,
            batch,
            batch.last().unwrap().stored,
        );
        if restarts {
            judge = outcome.book.restore(SETTINGS, batch.last().unwrap().stored);
        }
    }
    let end = story.last().map_or(0, |last| last.stored) + millis(SETTINGS.longest) * 2;
    step(&mut outcome, &mut judge, &[], end);
    assert_eq!((judge.storms(), judge.due()), (0, None));
    outcome
}

fn step(outcome: &mut Outcome, judge: &mut Judge, batch: &[Alert], now: Millis) {
    let sightings: Vec<Sighting<'_>> = batch.iter().map(Alert::sighting).collect();
    let judged = judge.judge(&sightings, now);
    outcome.book.keep(batch, &judged.changes);
    outcome.told.extend(judged.told);
    for (alert, mark) in batch.iter().zip(judged.storms) {
        if let Some(storm) = mark {
            outcome.marks.insert(alert.id, storm);
        }
    }
}

/// What may happen to one of a few routers.
#[derive(Clone, Copy, Debug)]
struct Step {
    wait: Millis,
    zone: usize,
    router: usize,
    service: usize,
    kind: u8,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wait = prop_oneof![
        8 => 0..5 * SECOND,
        4 => 5 * SECOND..40 * SECOND,
        1 => MINUTE..20 * MINUTE,
    ];
    let step = (wait, 0..2_usize, 0..6_usize, 0..2_usize, 0..6_u8).prop_map(
        |(wait, zone, router, service, kind)| Step {
            wait,
            zone,
            router,
            service,
            kind,
        },
    );
    proptest::collection::vec(step, 1..120)
}

/// A service is down and then up again, or tells in between that it is still down.
fn story(steps: &[Step], routers: [usize; 2]) -> Vec<Alert> {
    let (mut now, mut count) = (1_000_000, 0);
    let mut open: BTreeMap<(usize, usize, usize), String> = BTreeMap::new();
    let mut story = Vec::new();
    for step in steps {
        now += step.wait;
        let router = step.router % routers[step.zone];
        let key = (step.zone, router, step.service);
        let (fact, outage) = match (open.remove(&key), step.kind) {
            (Some(outage), 0..=2) => (up(), outage),
            (Some(outage), _) => {
                open.insert(key, outage.clone());
                (again(), outage)
            }
            (None, 5) => {
                let fact = Fact::Recovered {
                    noticed: Timestamp::EPOCH,
                    last_pid: None,
                    pid: 1,
                    downtime: Duration::ZERO,
                    ended: contract::Ended::Unknown,
                };
                (fact, format!("outage-{count}"))
            }
            (None, _) => {
                let outage = format!("outage-{count}");
                open.insert(key, outage.clone());
                (down(), outage)
            }
        };
        count += 1;
        let zone = format!("zone-{}", step.zone);
        let name = format!("z{}-r{router}", step.zone);
        let service = ["dhcp", "dns"][step.service];
        story.push(alert(
            count,
            now,
            (&zone, &name, Some(service), &outage),
            fact,
        ));
    }
    story
}

proptest! {
    #[test]
    fn whoever_judges_it_in_however_many_parts_the_same_is_told(
        steps in steps(),
        sizes in proptest::collection::vec(1..20_usize, 1..10),
    ) {
        let story = story(&steps, [6, 6]);
        let one_by_one = judge(&story, &[1], false);
        for (sizes, restarts) in [(&[1][..], true), (&sizes[..], false), (&sizes[..], true)] {
            let other = judge(&story, sizes, restarts);
            prop_assert_eq!(&other.told, &one_by_one.told);
            prop_assert_eq!(&other.book.taken, &one_by_one.book.taken);
            // Together with others more is known of the first ones.
            for (alert, storm) in &one_by_one.marks {
                prop_assert_eq!(other.marks.get(alert), Some(storm));
            }
        }
    }

    #[test]
    fn a_zone_in_which_few_routers_fail_has_no_storm(
        steps in steps(),
        sizes in proptest::collection::vec(1..20_usize, 1..10),
    ) {
        let story = story(&steps, [2, 6]);
        let outcome = judge(&story, &sizes, false);
        prop_assert!(outcome.told.iter().all(|told| told.zone == "zone-1"));
        for alert in story.iter().filter(|alert| alert.zone == "zone-0") {
            prop_assert_eq!(outcome.marks.get(&alert.id), None);
        }
    }

    #[test]
    fn every_storm_begins_once_ends_once_and_has_outages_of_its_zone_alone(
        steps in steps(),
        sizes in proptest::collection::vec(1..20_usize, 1..10),
    ) {
        let story = story(&steps, [6, 6]);
        let outcome = judge(&story, &sizes, true);
        let mut begun = BTreeSet::new();
        let mut ended = BTreeSet::new();
        for told in &outcome.told {
            match &told.news {
                News::Began { since } => {
                    prop_assert!(begun.insert(&told.storm) && *since <= told.at);
                    prop_assert!(told.routers >= SETTINGS.routers);
                }
                News::Ended { outages, still_down, first, .. } => {
                    prop_assert!(begun.contains(&told.storm) && ended.insert(&told.storm));
                    prop_assert!(still_down <= outages && first.len() <= 20);
                    let of_it = outcome.book.taken.iter().filter(|(_, storm)| *storm == told.storm);
                    prop_assert_eq!(of_it.count(), *outages as usize);
                }
            }
        }
        prop_assert_eq!(&begun, &ended);
        // Never more than one message for so many outages, and no outage in two storms.
        let begins = story.iter().filter(|alert| alert.event.fact.opens_outage()).count();
        prop_assert!(begun.len() * SETTINGS.routers as usize <= begins);
        let alerts: BTreeSet<i64> = outcome.book.taken.iter().map(|(alert, _)| *alert).collect();
        prop_assert_eq!(alerts.len(), outcome.book.taken.len());
        for (alert, storm) in &outcome.marks {
            let alert = &story[usize::try_from(*alert).unwrap() - 1];
            let of_zone = |told: &Told| told.storm == *storm && told.zone == alert.zone;
            prop_assert!(outcome.told.iter().any(of_zone));
        }
    }
}

/// So many routers of a zone go down, each a second after the other.
fn wave(first: i64, at: Millis, routers: i64) -> Vec<Alert> {
    let router = |n: i64| {
        let (name, outage) = (format!("r-{n}"), format!("o-{n}-{at}"));
        alert(
            first + n,
            at + n * SECOND,
            ("z", &name, None, &outage),
            down(),
        )
    };
    (0..routers).map(router).collect()
}

fn back(first: i64, at: Millis, of: &[Alert]) -> Vec<Alert> {
    let back = |(n, one): (i64, &Alert)| Alert {
        id: first + n,
        stored: at + n * SECOND,
        event: Event {
            fact: up(),
            ..one.event.clone()
        },
        ..one.clone()
    };
    (0..).zip(of).map(back).collect()
}

fn news(outcome: &Outcome) -> Vec<(Millis, &News)> {
    outcome
        .told
        .iter()
        .map(|told| (told.at, &told.news))
        .collect()
}

#[test]
fn a_storm_is_told_when_it_has_shown_its_size_and_when_all_is_quiet() {
    let down = wave(1, MINUTE, 10);
    let back = back(11, 11 * MINUTE, &down);
    let outcome = judge(&[down, back].concat(), &[1], false);
    let ended = News::Ended {
        outages: 10,
        lasted: Duration::from_mins(10) + Duration::from_secs(9),
        still_down: 0,
        first: vec![],
    };
    assert_eq!(
        news(&outcome),
        [
            // The third router made it one, ten seconds before.
            (MINUTE + 12 * SECOND, &News::Began { since: MINUTE }),
            (16 * MINUTE + 9 * SECOND, &ended)
        ]
    );
    assert_eq!((outcome.told[0].routers, outcome.told[0].services), (10, 0));
    // The first two were numbered before anybody knew.
    let marked: Vec<i64> = outcome.marks.keys().copied().collect();
    assert_eq!(marked, (3..=20).collect::<Vec<_>>());
    assert_eq!(outcome.book.taken.len(), 10);
}

#[test]
fn what_is_still_down_is_named_and_is_told_as_ever_from_then_on() {
    let down = wave(1, MINUTE, 20);
    let back = back(21, 11 * MINUTE, &down);
    let mut story = [down, back].concat();
    let last = story.pop().unwrap();
    let late = Alert {
        stored: MINUTE * 60,
        ..last
    };
    story.push(late.clone());
    let outcome = judge(&story, &[40], false);
    let (
        _,
        News::Ended {
            still_down, first, ..
        },
    ) = news(&outcome)[1]
    else {
        panic!("{outcome:?}");
    };
    assert_eq!(
        (*still_down, first.as_slice()),
        (1, &["r-19 unreachable".to_owned()][..])
    );
    assert!(!outcome.marks.contains_key(&late.id));
}

#[test]
fn a_zone_that_stays_down_does_not_hide_what_fails_later() {
    let down = wave(1, MINUTE, 10);
    // Much later than any outage of it.
    let single = alert(
        11,
        30 * MINUTE,
        ("z", "r-77", Some("dhcp"), "o-77"),
        again(),
    );
    let single = Alert {
        event: Event {
            fact: tests::down(),
            ..single.event
        },
        ..single
    };
    let second = wave(12, 60 * MINUTE, 10);
    let outcome = judge(&[down, vec![single], second].concat(), &[1], false);
    assert!(!outcome.marks.contains_key(&11));
    let kinds: Vec<bool> = outcome
        .told
        .iter()
        .map(|told| matches!(told.news, News::Began { .. }))
        .collect();
    // Another wave is another storm; each is over after the longest time.
    assert_eq!(kinds, [true, true, false, false]);
    assert!(matches!(
        outcome.told[2].news,
        News::Ended { still_down: 10, lasted, .. } if lasted > SETTINGS.longest
    ));
}

#[test]
fn routers_without_a_zone_and_withheld_alerts_make_no_storm() {
    let story = wave(1, MINUTE, 10);
    for (zone, told) in [(None, true), (Some(""), true), (Some("z"), false)] {
        let mut judge = Judge::new(SETTINGS);
        let sightings: Vec<Sighting<'_>> = story
            .iter()
            .map(|alert| Sighting {
                zone,
                told,
                ..alert.sighting()
            })
            .collect();
        let judged = judge.judge(&sightings, MINUTE);
        assert!(judged.changes.is_empty() && judged.storms.iter().all(Option::is_none));
        assert_eq!(judge.due(), None);
    }
}

#[test]
fn a_clock_that_is_set_back_makes_no_storm_of_what_happens_one_by_one() {
    let mut judge = Judge::new(SETTINGS);
    let hour = 60 * MINUTE;
    let single = |id: i64, stored| {
        let (name, outage) = (format!("r-{id}"), format!("o-{id}"));
        alert(id, stored, ("z", &name, None, &outage), down())
    };
    let mut judge = |alert: Alert| {
        let judged = judge.judge(&[alert.sighting()], alert.stored);
        assert!(judged.changes.is_empty(), "{judged:?}");
    };
    judge(single(1, 2 * hour));
    judge(single(2, 2 * hour + SECOND));
    // Every two minutes one, an hour earlier.
    for n in 3..30 {
        judge(single(n, hour + n * 2 * MINUTE));
    }
}

#[test]
fn an_end_that_is_withheld_ends_all_the_same() {
    let down = wave(1, MINUTE, 10);
    let back = back(11, 11 * MINUTE, &down);
    let mut judge = Judge::new(SETTINGS);
    let begun: Vec<Sighting<'_>> = down.iter().map(Alert::sighting).collect();
    judge.judge(&begun, 2 * MINUTE);
    let ends: Vec<Sighting<'_>> = back
        .iter()
        .map(|alert| Sighting {
            told: false,
            ..alert.sighting()
        })
        .collect();
    judge.judge(&ends, 12 * MINUTE);
    assert_eq!(judge.due(), Some(16 * MINUTE + 9 * SECOND));
}
