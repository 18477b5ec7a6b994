//! The journal is damaged while no daemon runs: a torn end, a flipped bit at the end, a flipped bit
//! in the middle. The next start repairs it, says so, and keeps whatever is whole.

use std::fs;
use std::path::PathBuf;

use contract::{Event, Fact};

use crate::harness::syslog::SOCKET_5424;
use crate::harness::{Config, Router, Sleepers, Syslog, Vrwatch, events};

const BACK: [&str; 2] = ["service_down", "restarted"];

/// A router on which a few outages have been; its daemon has ended in order.
struct World {
    router: Router,
    /// What was in the journal then.
    before: Vec<Event>,
}

impl World {
    fn after_outages(count: usize) -> Self {
        let router = Router::boot();
        Syslog::start(&router);
        let sleepers = Sleepers::start(&router, &["one"]);
        let mut vrwatch = Vrwatch::start_over(&router, &config());
        for outages in 1..=count {
            sleepers.kill_and_see_it_back(&vrwatch, "one");
            vrwatch.until_told("one", &BACK.repeat(outages));
        }
        let before = vrwatch.told_in_all("one");
        drop(vrwatch);
        Self { router, before }
    }

    /// The newest segment of the journal.
    fn segment(&self) -> PathBuf {
        let folder = self.router.path("/var/lib/vrwatch/journal");
        let files = fs::read_dir(folder).unwrap();
        let segments = files.map(|file| file.unwrap().path());
        segments
            .filter(|path| path.extension().is_some_and(|end| end == "log"))
            .max()
            .unwrap()
    }

    /// Flips a bit of the record of this event.
    fn flip(&self, event: &Event) {
        let mut bytes = fs::read(self.segment()).unwrap();
        let id = event.id.as_bytes();
        let at = bytes
            .windows(id.len())
            .position(|window| window == id)
            .unwrap();
        bytes[at] ^= 1;
        fs::write(self.segment(), bytes).unwrap();
    }

    /// The next daemon starts, sees one more outage, and ends; returns all that is there then.
    fn one_more_outage(&self, words: &str) -> Vec<Event> {
        let before = events(&self.router).len();
        let sleepers = Sleepers::over(&self.router);
        let mut vrwatch = Vrwatch::start_over(&self.router, &config());
        assert!(vrwatch.stderr().contains(words), "{}", vrwatch.stderr());
        sleepers.kill_and_see_it_back(&vrwatch, "one");
        vrwatch.until("one more outage", |events| events.len() >= before + 2);
        assert!(vrwatch.term().success());
        vrwatch.events()
    }
}

fn config() -> Config {
    Config::short()
        .and(&Sleepers::tables(&["one"]))
        .and(&format!(
            "[sink.local.syslog]\ntarget = \"unix:{SOCKET_5424}\"\nformat = \"rfc5424\""
        ))
}

#[test]
fn half_a_record_at_the_end_is_cut_off_and_nothing_is_missing() {
    let world = World::after_outages(2);
    let mut bytes = fs::read(world.segment()).unwrap();
    bytes.extend_from_within(..20);
    fs::write(world.segment(), bytes).unwrap();
    assert_eq!(
        events(&world.router),
        world.before,
        "it is read all the same"
    );
    let after = world.one_more_outage("an unfinished record of 20 bytes was cut off");
    assert_eq!(after[..4], world.before);
    let numbers: Vec<u64> = after.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_flipped_bit_in_the_middle_costs_that_record_alone_and_everybody_is_told() {
    let world = World::after_outages(3);
    world.flip(&world.before[2]);
    let after = world.one_more_outage("were set aside in /var/lib/vrwatch/quarantine");
    assert_eq!(after[..2], world.before[..2]);
    let rest = after.iter().filter(|event| event.seq > 3).cloned();
    let rest: Vec<Event> = rest.collect();
    assert_eq!(rest[..3], world.before[3..]);
    let dropped = rest.iter().find_map(|event| match &event.fact {
        Fact::AlertsDropped {
            count,
            first_seq,
            last_seq,
            sink,
            ..
        } => Some((*count, *first_seq, *last_seq, sink.clone())),
        _ => None,
    });
    assert_eq!(dropped, Some((1, 3, 3, None)), "{after:#?}");
    let kept = fs::read_dir(world.router.path("/var/lib/vrwatch/quarantine")).unwrap();
    assert_eq!(kept.count(), 1, "for whoever wants to look into it");
    let collected = Syslog::of(&world.router).until(1, "kind=\"alerts_dropped\"");
    assert_eq!(collected.len(), 1);
}

#[test]
fn a_flipped_bit_in_the_last_record_costs_that_record_alone_and_no_number_is_used_twice() {
    let world = World::after_outages(2);
    world.flip(&world.before[3]);
    let after = world.one_more_outage("was cut off the end of the journal");
    assert_eq!(after[..3], world.before[..3]);
    // Syslog has seen number 4, so no other event may ever be called that; and the outage whose end
    // is lost ends once more.
    let told: Vec<(u64, &str)> = after
        .iter()
        .map(|event| (event.seq, event.fact.kind()))
        .collect();
    assert_eq!(
        told[3..],
        [
            (5, "alerts_dropped"),
            (6, "restarted"),
            (7, "service_down"),
            (8, "restarted")
        ]
    );
    assert_eq!(after[4].outage, after[2].outage);
    let mut ids: Vec<&str> = after.iter().map(|event| event.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), after.len());
}
