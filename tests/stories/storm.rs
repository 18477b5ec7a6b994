//! `vrwatch` is killed at two hundred random moments while services die all around it: every event
//! is in the journal once, the numbers have no hole, and no hold-off is forgotten.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use contract::{Event, Fact};

use crate::harness::{Config, Router, Sleepers, Vrwatch, eventually};

const KILLS: u32 = 200;
/// The longest that `vrwatch` lives; it needs a part of it to start.
const LONGEST_LIFE: Duration = Duration::from_millis(250);
const SERVICES: [&str; 4] = ["tide-0", "tide-1", "tide-2", "tide-3"];

/// Kills one service after the other, until it is ended itself.
const STORM: &str = "#!/bin/bash\n\
    while :; do\n\
        kill -9 $(</run/tide-$((RANDOM % 4)).pid) 2>/dev/null\n\
        sleep 0.$((RANDOM % 200 + 100))\n\
    done\n";

fn services(router: &Router) -> Config {
    Sleepers::start(router, &SERVICES);
    router.write("/run/box/bin/storm", STORM);
    router
        .run(["chmod", "+x", "/run/box/bin/storm"])
        .expect_success();
    let stuck = "[[service]]\nname = \"stuck\"\nprocess = \"stuck\"\npidfile = \"/run/stuck.pid\"\n\
                 restart = { command = [\"false\"], attempts = 2 }\n";
    Config::short()
        .and(&format!("{}{stuck}", Sleepers::tables(&SERVICES)))
        .and("[monitor]\nhold_off = \"30m\"\nrestart = { attempts = 100 }")
}

#[test]
fn two_hundred_kills_in_a_storm_of_deaths_lose_and_repeat_nothing() {
    let seed = fastrand::get_seed();
    println!("seed {seed}");
    let router = Router::boot();
    let config = services(&router);
    let mut vrwatch = Vrwatch::start(&router, &[], &config);
    vrwatch.until("the stuck one is given up", |events| {
        events
            .iter()
            .any(|event| event.fact.kind() == "unmonitored")
    });
    let mut storm = router.command(["/run/box/bin/storm"]).spawn().unwrap();
    for _ in 0..KILLS {
        vrwatch.kill9();
        vrwatch.launch();
        std::thread::sleep(LONGEST_LIFE.mul_f64(fastrand::f64()));
    }
    router
        .run(["pkill", "-KILL", "-x", "storm"])
        .expect_success();
    storm.wait().unwrap();

    vrwatch.kill9();
    vrwatch.start_again();
    eventually(
        "all are up again, and the stuck one is still left alone",
        || {
            let status = vrwatch.status()?;
            let services = status["services"].as_array()?;
            services
                .iter()
                .all(|service| (service["state"] == "up") == (service["name"] != "stuck"))
                .then_some(())
        },
        || vrwatch.failure(),
    );
    assert!(vrwatch.term().success());
    let events = vrwatch.events();
    assert!(events.len() > 100, "that was no storm: {}", events.len());
    numbers_have_no_hole_and_ids_are_unique(&events);
    let still_open = outages_are_opened_and_closed_once(&events);
    assert_eq!(still_open, ["stuck"]);
    let given_up = |kind| {
        events
            .iter()
            .filter(|event| event.fact.kind() == kind)
            .count()
    };
    assert_eq!(
        (given_up("restart_failed"), given_up("unmonitored")),
        (1, 1)
    );
}

fn numbers_have_no_hole_and_ids_are_unique(events: &[Event]) {
    let numbers: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, (1..=events.len() as u64).collect::<Vec<_>>());
    let ids: HashSet<&str> = events.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(ids.len(), events.len());
}

/// Follows each service through its events; returns those whose last outage is still open.
fn outages_are_opened_and_closed_once(events: &[Event]) -> Vec<&str> {
    let mut open: HashMap<&str, &str> = HashMap::new();
    let mut seen: HashSet<&str> = HashSet::new();
    for event in events {
        let service = event.service.as_deref().unwrap();
        let outage = event.outage.as_deref().unwrap();
        if let Some(running) = open.get(service) {
            assert_eq!(*running, outage, "one outage at a time: {event:#?}");
            assert_ne!(event.fact.kind(), "service_down", "told once: {event:#?}");
        } else {
            let begins = matches!(
                event.fact,
                Fact::ServiceDown { .. } | Fact::Recovered { .. }
            );
            assert!(begins, "an outage begins with these: {event:#?}");
            assert!(seen.insert(outage), "an outage begins once: {event:#?}");
            open.insert(service, outage);
        }
        if event.fact.ends_outage() {
            open.remove(service);
        }
    }
    open.into_keys().collect()
}
