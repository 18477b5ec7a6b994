//! Weeks of a fleet: single faults every few minutes, and now and then a zone that fails as a whole.

use std::collections::BTreeMap;

use super::tests::{Alert, alert, down, up};
use super::*;

const ROUTERS: u64 = 1000;
const ZONES: u64 = 5;
const MINUTE: Millis = 60_000;
const HOUR: Millis = 60 * MINUTE;
const WEEKS: Millis = 4 * 7 * 24 * HOUR;

#[derive(Clone, Copy)]
struct Happening {
    router: u64,
    /// Absent: the router itself.
    service: Option<&'static str>,
    outage: u64,
    begins: bool,
}

struct Fleet {
    random: fastrand::Rng,
    /// By when they happen, and in the order in which they were made.
    coming: BTreeMap<(Millis, u64), Happening>,
    made: u64,
}

impl Fleet {
    /// A router's service (or the router) fails then, for so long.
    fn fault(&mut self, at: Millis, router: u64, service: Option<&'static str>, lasts: Millis) {
        self.made += 1;
        let outage = self.made;
        for (at, begins) in [(at, true), (at + lasts, false)] {
            self.made += 1;
            let happening = Happening {
                router,
                service,
                outage,
                begins,
            };
            self.coming.insert((at, self.made), happening);
        }
    }

    fn within(&mut self, span: Millis) -> Millis {
        self.random.i64(0..span)
    }

    fn story(mut self) -> Vec<Alert> {
        let coming = std::mem::take(&mut self.coming);
        (1..)
            .zip(coming)
            .map(|(id, ((at, _), it))| {
                let zone = format!("zone-{}", it.router % ZONES);
                let (name, outage) = (format!("r-{}", it.router), format!("o-{}", it.outage));
                let fact = if it.begins { down() } else { up() };
                alert(id, at, (&zone, &name, it.service, &outage), fact)
            })
            .collect()
    }
}

#[test]
fn in_weeks_of_a_fleet_each_failure_of_a_zone_is_two_messages_and_single_faults_are_told() {
    let mut fleet = Fleet {
        random: fastrand::Rng::with_seed(7),
        coming: BTreeMap::new(),
        made: 0,
    };
    // A single fault every three minutes somewhere in the fleet.
    let mut singles = 0;
    let mut at = HOUR;
    while at < WEEKS {
        at += fleet.within(6 * MINUTE);
        let router = fleet.random.u64(0..ROUTERS);
        let lasts = 5_000 + fleet.within(5 * MINUTE);
        fleet.fault(at, router, Some("dhcp"), lasts);
        singles += 1;
    }
    // Every second day a zone: its services within seconds, its routers within the polls that miss.
    let mut failures = 0;
    for day in (1..27).step_by(2) {
        let (zone, at) = (fleet.random.u64(0..ZONES), day * 24 * HOUR);
        for router in (zone..ROUTERS).step_by(usize::try_from(ZONES).unwrap()) {
            for service in ["dhcp", "dns", "loadbalancing"] {
                let begins = at + fleet.within(10_000);
                let lasts = 2 * HOUR + fleet.within(5 * MINUTE);
                fleet.fault(begins, router, Some(service), lasts);
            }
            let begins = at + fleet.within(5 * MINUTE);
            let lasts = 2 * HOUR + fleet.within(5 * MINUTE);
            fleet.fault(begins, router, None, lasts);
        }
        failures += 1;
    }
    let story = fleet.story();
    let mut judge = Judge::new(Settings::default());
    let (mut told, mut single, mut first) = (Vec::new(), 0, 0);
    for batch in story.chunk_by(|one, other| one.stored / 200 == other.stored / 200) {
        let sightings: Vec<Sighting<'_>> = batch.iter().map(Alert::sighting).collect();
        let judged = judge.judge(&sightings, batch.last().unwrap().stored);
        for (alert, storm) in batch.iter().zip(&judged.storms) {
            if storm.is_none() && alert.event.fact.opens_outage() {
                single += 1;
            }
        }
        let before = |change: &&Change| matches!(change, Change::Take { before: true, .. });
        first += judged.changes.iter().filter(before).count();
        told.extend(judged.told);
    }
    told.extend(judge.judge(&[], WEEKS * 2).told);
    assert_eq!(told.len(), 2 * failures);
    for pair in told.chunks(2) {
        let [began, ended] = pair else {
            panic!("{pair:?}");
        };
        assert_eq!(began.storm, ended.storm);
        // All services fail within the seconds before it is told.
        assert!(began.routers == 200 && began.services == 600, "{began:?}");
        let News::Ended {
            outages,
            still_down,
            ..
        } = ended.news
        else {
            panic!("{ended:?}");
        };
        assert!(
            (800..820).contains(&outages) && still_down == 0,
            "{ended:?}"
        );
    }
    // What is told one by one is what a storm does not have: all but a few single faults, and of
    // each storm the few that were told before it was one.
    let alone = single - first;
    assert!(
        alone <= singles && alone > singles - 10 * failures,
        "{alone} of {singles}"
    );
    assert!(first < 20 * failures * 2, "{first}");
}
