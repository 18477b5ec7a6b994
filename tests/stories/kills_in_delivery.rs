//! `vrwatch` is killed at two hundred random moments while it tells a webhook and writes
//! CloudStack's log: the webhook knows exactly what the journal holds once it removes equal ids, and
//! the log has each event once.

use std::collections::HashSet;
use std::time::Duration;

use contract::Event;

use crate::harness::receivers::{Catcher, PollLog, missing, without_repetitions};
use crate::harness::{Config, Router, Sleepers, Vrwatch, eventually};

const KILLS: u32 = 200;
/// The longest that `vrwatch` lives; it needs a part of it to start.
const LONGEST_LIFE: Duration = Duration::from_millis(300);
const SERVICES: [&str; 4] = ["tide-0", "tide-1", "tide-2", "tide-3"];
const PORT: u16 = 8081;

/// Kills one service after the other, until it is ended itself.
const STORM: &str = "#!/bin/bash\n\
    while :; do\n\
        kill -9 $(</run/tide-$((RANDOM % 4)).pid) 2>/dev/null\n\
        sleep 0.0$((RANDOM % 90 + 10))\n\
    done\n";

fn config() -> Config {
    Config::short()
        .and(&Sleepers::tables(&SERVICES))
        .and("[monitor]\nrestart = { attempts = 100 }")
        .and(&format!(
            r#"
            [sink.management.http]
            url = "http://127.0.0.1:{PORT}/"
            compress = "none"
            flood = false
            [sink.legacy.poll]
            flood = false
            {}
            "#,
            PollLog::section()
        ))
}

#[test]
fn two_hundred_kills_in_the_middle_of_deliveries_lose_and_invent_nothing() {
    let seed = fastrand::get_seed();
    println!("seed {seed}");
    let router = Router::boot();
    // An answer takes a while, so that many a kill falls between the event's arrival and it.
    let webhook = Catcher::answering(&router, PORT, |_| {
        std::thread::sleep(Duration::from_millis(fastrand::u64(0..30)));
        "204 No Content\r\n\r\n".to_owned()
    });
    let log = PollLog::of(&router);
    Sleepers::start(&router, &SERVICES);
    router.write("/run/box/bin/storm", STORM);
    router
        .run(["chmod", "+x", "/run/box/bin/storm"])
        .expect_success();
    let mut vrwatch = Vrwatch::start_over(&router, &config());
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
        "all are up again and everybody is told",
        || {
            let status = vrwatch.status()?;
            let up = |it: &serde_json::Value| it["state"] == "up";
            let told = |it: &serde_json::Value| it["pending"] == 0;
            let all_up = status["services"].as_array()?.iter().all(up);
            (all_up && status["sinks"].as_array()?.iter().all(told)).then_some(())
        },
        || vrwatch.failure(),
    );
    assert!(vrwatch.term().success());
    let events = vrwatch.events();
    assert!(events.len() > 100, "that was no storm: {}", events.len());
    let posted = webhook.ids();
    println!("{} events, {} posted", events.len(), posted.len());
    holds_exactly(&events, &without_repetitions(&posted));
    assert!(posted.len() > events.len(), "no kill hit a delivery");
    let written = log.ids();
    let once: HashSet<&String> = written.iter().collect();
    assert_eq!(once.len(), written.len(), "the log has each once");
    holds_exactly(&events, &without_repetitions(&written));
}

/// All of the events, nothing else.
#[track_caller]
fn holds_exactly(events: &[Event], ids: &[&str]) {
    let told: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    assert_eq!(missing(events, &told), Vec::<&Event>::new());
    let known: HashSet<&str> = events.iter().map(|event| event.id.as_str()).collect();
    let invented = ids.iter().filter(|id| !known.contains(*id));
    assert_eq!(invented.count(), 0, "the journal does not know them");
}
