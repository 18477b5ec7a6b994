//! `vrwatch alerts` reads the journal while the daemon writes it, when it is stopped, and whatever
//! an admin asks for.

use std::fs;
use std::process::Stdio;

use contract::Event;

use crate::harness::{Config, Outcome, Router, Sleepers, Vrwatch, ask, eventually};

const BACK: [&str; 2] = ["service_down", "restarted"];

fn config() -> Config {
    Config::short().and(&Sleepers::tables(&["one"]))
}

#[track_caller]
fn parse(outcome: Outcome) -> Vec<Event> {
    let text = outcome.expect_success().stdout;
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Three outages: six events; and the daemon that saw them.
fn after_three_outages<'router>(
    router: &'router Router,
    sleepers: &Sleepers<'_>,
) -> Vrwatch<'router> {
    let vrwatch = Vrwatch::start_over(router, &config());
    for outages in 1..=3 {
        sleepers.kill_and_see_it_back(&vrwatch, "one");
        vrwatch.until_told("one", &BACK.repeat(outages));
    }
    vrwatch
}

#[test]
fn any_part_of_the_journal_can_be_asked_for() {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["one"]);
    let mut vrwatch = after_three_outages(&router, &sleepers);
    let all = vrwatch.events();
    let time = all[3].time.to_string();
    let from_time = all.iter().position(|event| event.time >= all[3].time);
    let from_time = from_time.unwrap();
    let asks = |running: &str| {
        let part =
            |arguments: &[&str]| parse(ask(&router, &[&["alerts", "--json"], arguments].concat()));
        assert_eq!(part(&[]), all, "{running}");
        assert_eq!(part(&["--after", "2"]), all[2..], "{running}");
        assert_eq!(part(&["--after", "99"]), [], "{running}");
        assert_eq!(part(&["--limit", "3"]), all[3..], "{running}");
        assert_eq!(part(&["--limit", "99"]), all, "{running}");
        assert_eq!(
            part(&["--after", "0", "--limit", "3"]),
            all[..3],
            "{running}"
        );
        assert_eq!(part(&["--since", "1h"]), all, "{running}");
        assert_eq!(
            part(&["--since", "1h", "--limit", "2"]),
            all[4..],
            "{running}"
        );
        assert_eq!(part(&["--limit", "0"]), [], "{running}");
        assert_eq!(
            part(&["--after", "1", "--limit", "2"]),
            all[1..3],
            "{running}"
        );
        assert_eq!(part(&["--since", &time]), all[from_time..], "{running}");
        assert_eq!(part(&["--since", "2999-01-01T00:00:00Z"]), [], "{running}");
        let people = ask(&router, &["alerts", "--after", "5"])
            .expect_success()
            .stdout;
        assert_eq!(people.lines().count(), 1, "{people}");
        assert!(people.trim_start().starts_with("6  20"), "{people}");
        assert!(
            people.contains("one") && people.contains("restarted"),
            "{people}"
        );
    };
    asks("while the daemon runs");
    assert!(vrwatch.term().success());
    asks("with the daemon stopped");
    for wrong in [
        ["--since", "yesterday"],
        ["--since", "1"],
        ["--after", "-1"],
        ["--limit", "many"],
    ] {
        let refused = ask(&router, &[&["alerts"], &wrong[..]].concat());
        assert_eq!(refused.status.code(), Some(2), "{refused:#?}");
    }
}

#[test]
fn who_follows_sees_every_event_once_over_a_kill_of_vrwatch() {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["one"]);
    let mut vrwatch = after_three_outages(&router, &sleepers);
    let seen = router.path("/tmp/seen");
    let mut follower = router
        .command(["vrwatch", "alerts", "--follow", "--json", "--after", "4"])
        .stdout(fs::File::create(&seen).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let until_seen = |count: usize| {
        eventually(
            &format!("the follower has seen {count} events"),
            || (router.read("/tmp/seen").lines().count() == count).then_some(()),
            || router.read("/tmp/seen"),
        );
    };
    until_seen(2);
    sleepers.kill_and_see_it_back(&vrwatch, "one");
    until_seen(4);
    vrwatch.kill9();
    vrwatch.start_again();
    sleepers.kill_and_see_it_back(&vrwatch, "one");
    until_seen(6);
    follower.kill().unwrap();
    follower.wait().unwrap();
    let seen: Vec<Event> = router
        .read("/tmp/seen")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(seen, vrwatch.events()[4..]);
}

#[test]
fn who_follows_begins_with_the_newest() {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["one"]);
    let mut vrwatch = after_three_outages(&router, &sleepers);
    for outages in 4..=6 {
        sleepers.kill_and_see_it_back(&vrwatch, "one");
        vrwatch.until_told("one", &BACK.repeat(outages));
    }
    let followers = [
        (&["--limit", "3"][..], 3),
        (&[][..], 10),
        (&["--since", "1h"], 12),
    ]
    .map(|(arguments, newest)| {
        let seen = format!("/tmp/seen.{newest}");
        let follower = router
            .command(
                ["vrwatch", "alerts", "--follow", "--json"]
                    .iter()
                    .chain(arguments),
            )
            .stdout(fs::File::create(router.path(&seen)).unwrap())
            .spawn()
            .unwrap();
        eventually(
            &format!("the newest {newest} are shown"),
            || (router.read(&seen).lines().count() == newest).then_some(()),
            || router.read(&seen),
        );
        (follower, seen, newest)
    });
    sleepers.kill_and_see_it_back(&vrwatch, "one");
    assert!(vrwatch.term().success());
    let all = vrwatch.events();
    for (mut follower, seen, newest) in followers {
        eventually(
            "what is new is shown too",
            || (router.read(&seen).lines().count() == newest + 2).then_some(()),
            || router.read(&seen),
        );
        follower.kill().unwrap();
        follower.wait().unwrap();
        let first: Event =
            serde_json::from_str(router.read(&seen).lines().next().unwrap()).unwrap();
        assert_eq!(first, all[12 - newest]);
    }
}

#[test]
fn without_a_journal_it_says_what_is_missing() {
    let router = Router::boot();
    Vrwatch::install(&router, &[], &config());
    let outcome = ask(&router, &["alerts"]);
    assert_eq!(outcome.status.code(), Some(1), "{outcome:#?}");
    assert!(outcome.stderr.contains("/var/lib/vrwatch"), "{outcome:#?}");
    assert!(
        outcome.stderr.contains("has `vrwatch run` ever run"),
        "{outcome:#?}"
    );
    let outcome = router.run(["vrwatch", "--config", "/etc/other.toml", "alerts"]);
    assert_eq!(outcome.status.code(), Some(2), "{outcome:#?}");
    assert!(outcome.stderr.contains("/etc/other.toml"), "{outcome:#?}");
}
