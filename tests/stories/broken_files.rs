//! A file that one way to be told needs is away or badly kept: everything else goes on, whoever
//! looks is told what is wrong, and once the file is mended nobody has to say so.

use crate::harness::receivers::{Webhook, webhook};
use crate::harness::syslog::AUTHORITY;
use crate::harness::{CONFIG, Config, Router, Sleepers, Syslog, Vrwatch, eventually};

const KEY_FILE: &str = "/etc/vrwatch/router.key";

fn config(names: &[&str]) -> Config {
    Config::short().and(&Sleepers::tables(names)).and(&format!(
        "[sink.management.http]\nurl = \"https://localhost:{}/take\"\n\
             secret_file = \"{KEY_FILE}\"\nca_file = \"{AUTHORITY}\"\n",
        webhook::PORT
    ))
}

/// How the sink that needs the file stands.
fn sink(vrwatch: &Vrwatch<'_>) -> Option<serde_json::Value> {
    let status = vrwatch.status()?;
    let mut sinks = status["sinks"].as_array()?.iter();
    sinks.find(|sink| sink["name"] == "management").cloned()
}

#[track_caller]
fn until_failing(vrwatch: &Vrwatch<'_>, words: &str) {
    eventually(
        &format!("the sink fails with {words:?}"),
        || {
            let sink = sink(vrwatch)?;
            let error = sink["last_error"].as_str()?;
            (error.contains(words) && !sink["failing_since"].is_null()).then_some(())
        },
        || vrwatch.failure(),
    );
}

#[track_caller]
fn until_it_works(vrwatch: &Vrwatch<'_>) {
    eventually(
        "the sink works",
        || sink(vrwatch)?["failing_since"].is_null().then_some(()),
        || vrwatch.failure(),
    );
}

#[test]
fn a_secret_that_is_away_stops_no_watching_and_is_used_once_it_is_there() {
    let router = Router::boot();
    let _syslog = Syslog::start(&router);
    let webhook = Webhook::start(&router);
    let sleepers = Sleepers::start(&router, &["one"]);
    let mut vrwatch = Vrwatch::start_over(&router, &config(&["one"]));
    // Nothing has happened yet, and it is seen all the same.
    until_failing(&vrwatch, "sink.management.http: `secret_file`: cannot read");
    let checked = vrwatch.ask(&["check-config"]);
    assert_eq!(checked.status.code(), Some(2), "{}", checked.output());
    assert!(
        checked
            .output()
            .contains("sink.management.http: `secret_file`")
    );
    sleepers.kill_and_see_it_back(&vrwatch, "one");
    let events = vrwatch.until_told("one", &["service_down", "restarted"]);
    router.write_secret(KEY_FILE, webhook::SECRET);
    until_it_works(&vrwatch);
    eventually(
        "the receiver has what waited",
        || {
            let posted = webhook.events().into_iter().map(|event| event.id);
            let posted: Vec<String> = posted.collect();
            events
                .iter()
                .all(|event| posted.contains(&event.id))
                .then_some(())
        },
        || vrwatch.failure(),
    );
    assert_eq!(vrwatch.term().code(), Some(0));
    let log = vrwatch.stderr();
    assert_eq!(
        log.matches("`secret_file`: cannot read").count(),
        1,
        "{log}"
    );
}

#[test]
fn a_reload_with_a_secret_that_others_may_read_takes_the_rest_into_force() {
    let router = Router::boot();
    let _syslog = Syslog::start(&router);
    let _webhook = Webhook::start(&router);
    let sleepers = Sleepers::start(&router, &["one", "other"]);
    let plain = Config::short().and(&Sleepers::tables(&["one"]));
    let mut vrwatch = Vrwatch::start_over(&router, &plain);
    router.write(KEY_FILE, webhook::SECRET);
    router.run(["chmod", "0644", KEY_FILE]).expect_success();
    router.write(CONFIG, &config(&["one", "other"]).text());
    until_failing(&vrwatch, "run chmod 0600 on it");
    assert!(vrwatch.status().unwrap()["config_error"].is_null());
    sleepers.kill_and_see_it_back(&vrwatch, "other");
    router.run(["chmod", "0600", KEY_FILE]).expect_success();
    until_it_works(&vrwatch);
    assert_eq!(vrwatch.term().code(), Some(0));
}
