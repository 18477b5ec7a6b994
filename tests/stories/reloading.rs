//! The configuration changes while the daemon runs, in every way in which files are changed: what is
//! new takes effect, what stays keeps its state, and what is broken changes nothing.

mod mistakes;

use contract::{Event, Fact, UnmonitoredReason};

use crate::harness::syslog::PORT;
use crate::harness::{
    CONFIG, Config, MONITOR_CONF, Router, Sleepers, Syslog, Vrwatch, about, eventually, kinds,
};

const BACK: [&str; 2] = ["service_down", "restarted"];
const GIVEN_UP: [&str; 3] = ["service_down", "restart_failed", "unmonitored"];
const SWITCH: &str = "/etc/cloudstack/monitorservice.json";

/// The daemon over CloudStack's list of these.
fn watching<'router>(router: &'router Router, names: &[&str]) -> Vrwatch<'router> {
    router.write(MONITOR_CONF, &Sleepers::monitor_conf(names));
    let config = config();
    Vrwatch::start_over(router, &config)
}

fn config() -> Config {
    Config::short().and(Sleepers::settings())
}

/// Writes a file aside and renames it into place.
fn replace(router: &Router, file: &str, text: &str) {
    let aside = format!("{file}.new");
    router.write(&aside, text);
    std::fs::rename(router.path(&aside), router.path(file)).unwrap();
}

fn list(router: &Router, names: &[&str]) {
    replace(router, MONITOR_CONF, &Sleepers::monitor_conf(names));
}

/// What is said of a service that was watched and no longer is.
fn removed() -> Fact {
    Fact::Unmonitored {
        until: None,
        reason: UnmonitoredReason::Removed,
    }
}

#[track_caller]
fn until_watched(vrwatch: &Vrwatch<'_>, names: &[&str]) {
    eventually(
        &format!("watched are {names:?}"),
        || {
            let status = vrwatch.status()?;
            let services = status["services"].as_array()?;
            let watched: Vec<_> = services
                .iter()
                .map(|service| service["name"].as_str().unwrap())
                .collect();
            (watched == names).then_some(())
        },
        || vrwatch.failure(),
    );
}

#[test]
fn a_service_new_in_the_list_is_watched_and_one_that_is_gone_from_it_is_not() {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["gone", "new", "stays"]);
    let mut vrwatch = watching(&router, &["gone", "stays"]);
    list(&router, &["new", "stays"]);
    until_watched(&vrwatch, &["new", "stays"]);
    sleepers.kill9("gone");
    for name in ["new", "stays"] {
        sleepers.kill9(name);
        vrwatch.until_told(name, &BACK);
    }
    assert_eq!(sleepers.pid_of("gone"), None, "nobody restarts it");
    let told = vrwatch.told_in_all("gone");
    assert_eq!(kinds(&told), ["unmonitored"]);
    assert_eq!((&told[0].fact, &told[0].outage), (&removed(), &None));
}

#[test]
fn a_file_written_in_place_takes_effect_too() {
    let router = Router::boot();
    Sleepers::start(&router, &["one", "other", "third"]);
    let vrwatch = watching(&router, &["one"]);
    router.write(MONITOR_CONF, &Sleepers::monitor_conf(&["one", "other"]));
    until_watched(&vrwatch, &["one", "other"]);
    let more = config().and(&Sleepers::tables(&["third"]));
    router.write(CONFIG, &more.text());
    until_watched(&vrwatch, &["one", "other", "third"]);
    // An appended line, as CloudStack from 4.6 on writes.
    let appended = format!(
        "{}{}",
        router.read(MONITOR_CONF),
        Sleepers::monitor_conf(&["fourth"])
    );
    router.write(MONITOR_CONF, &appended);
    until_watched(&vrwatch, &["fourth", "one", "other", "third"]);
}

#[test]
fn an_open_outage_of_a_service_that_is_removed_is_told_as_unmonitored() {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["gone", "stays"]);
    let mut vrwatch = watching(&router, &["gone", "stays"]);
    sleepers.spoil("gone");
    sleepers.kill9("gone");
    vrwatch.until_told("gone", &GIVEN_UP);
    list(&router, &["stays"]);
    let told = [&GIVEN_UP[..], &["unmonitored"]].concat();
    vrwatch.until_told("gone", &told);
    let events = vrwatch.told_in_all("gone");
    assert_eq!(events[3].fact, removed());
    assert_eq!(events[3].outage, events[0].outage);
    assert_eq!(kinds(&events), told);
}

#[test]
fn what_stays_keeps_its_hold_off_its_outage_and_its_count_of_restarts() {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["busy", "stuck"]);
    let mut vrwatch = watching(&router, &["busy", "stuck"]);
    let mut told = Vec::new();
    for _ in 0..2 {
        sleepers.until_it_lives("busy");
        sleepers.kill9("busy");
        told.extend(BACK);
        vrwatch.until_told("busy", &told);
    }
    sleepers.spoil("stuck");
    sleepers.kill9("stuck");
    vrwatch.until_told("stuck", &GIVEN_UP);
    let known = |name| {
        let status = vrwatch.status_of(name).unwrap();
        ["state", "pid", "restarts", "outage", "since", "detail"].map(|key| status[key].clone())
    };
    let before = [known("busy"), known("stuck")];
    assert_eq!((&before[0][0], &before[0][2]), (&"up".into(), &2.into()));
    assert_eq!(before[1][0], "held_off");

    list(&router, &["busy", "new", "stuck"]);
    until_watched(&vrwatch, &["busy", "new", "stuck"]);
    assert_eq!([known("busy"), known("stuck")], before);
    let longer = config().and("[monitor]\nsweep_every = \"5m\"\nhold_off = \"1h\"");
    replace(&router, CONFIG, &longer.text());
    let in_force = "is in force";
    eventually(
        "it was read again",
        || (vrwatch.stderr().matches(in_force).count() == 2).then_some(()),
        || vrwatch.stderr(),
    );
    assert_eq!([known("busy"), known("stuck")], before);
    router.signal(vrwatch.pid(), "HUP");
    eventually(
        "it was read once more",
        || (vrwatch.stderr().matches(in_force).count() == 3).then_some(()),
        || vrwatch.stderr(),
    );
    assert_eq!([known("busy"), known("stuck")], before);
    assert_eq!(kinds(&vrwatch.told_in_all("stuck")), GIVEN_UP);
}

#[test]
fn a_sink_that_is_added_changed_or_removed_takes_effect() {
    let router = Router::boot();
    let syslog = Syslog::start(&router);
    let sleepers = Sleepers::start(&router, &["one"]);
    let vrwatch = watching(&router, &["one"]);
    // Which of the server's doors a line about an outage came through.
    let mut outages = 0;
    let mut doors = |sinks: usize| -> Vec<String> {
        let before = syslog.lines().len();
        sleepers.kill_and_see_it_back(&vrwatch, "one");
        outages += 1;
        vrwatch.until_told("one", &BACK.repeat(outages));
        eventually(
            "each sink has told both events",
            || (syslog.lines().len() >= before + 2 * sinks).then_some(()),
            || syslog.lines().join("\n"),
        );
        let mut doors: Vec<String> = syslog.lines()[before..]
            .iter()
            .map(|line| line.split('|').next().unwrap().to_owned())
            .collect();
        doors.sort();
        doors.dedup();
        doors
    };
    let until_sinks = |names: &[&str], changes: usize| {
        eventually(
            &format!("sinks are {names:?}"),
            || {
                let status = vrwatch.status()?;
                let sinks = status["sinks"].as_array()?;
                let found: Vec<_> = sinks
                    .iter()
                    .map(|sink| sink["name"].as_str().unwrap())
                    .collect();
                let changed = vrwatch.stderr().matches("a sink is new or changed").count();
                (found == names && changed == changes).then_some(())
            },
            || vrwatch.failure(),
        );
    };
    assert_eq!(doors(1), ["imuxsock"]);
    let second = |target| {
        config().and(&format!(
            "[sink.second.syslog]\ntarget = \"{target}:127.0.0.1:{PORT}\""
        ))
    };
    replace(&router, CONFIG, &second("udp").text());
    until_sinks(&["local", "second"], 1);
    assert_eq!(doors(2), ["imudp", "imuxsock"]);
    replace(&router, CONFIG, &second("tcp").text());
    until_sinks(&["local", "second"], 2);
    assert_eq!(doors(2), ["imtcp", "imuxsock"]);
    replace(&router, CONFIG, &config().text());
    until_sinks(&["local"], 2);
    assert_eq!(doors(1), ["imuxsock"]);
}

#[test]
fn a_file_that_never_rests_is_read_all_the_same() {
    let router = Router::boot();
    Sleepers::start(&router, &["one"]);
    let vrwatch = watching(&router, &["one"]);
    let second = config().and(&format!(
        "[sink.second.syslog]\ntarget = \"udp:127.0.0.1:{PORT}\""
    ));
    let mut writes = 0;
    eventually(
        "the new sink is there while the file is written again and again",
        || {
            writes += 1;
            replace(&router, CONFIG, &format!("{}\n# {writes}\n", second.text()));
            let status = vrwatch.status()?;
            (status["sinks"].as_array()?.len() == 2).then_some(())
        },
        || vrwatch.failure(),
    );
}

#[test]
fn a_sink_that_is_renamed_is_said_to_be_a_new_one() {
    let router = Router::boot();
    Sleepers::start(&router, &["one"]);
    let vrwatch = watching(&router, &["one"]);
    let named = |name: &str| {
        config().and(&format!(
            "[sink.{name}.syslog]\ntarget = \"tcp:127.0.0.1:{PORT}\""
        ))
    };
    replace(&router, CONFIG, &named("first").text());
    let said = |words: &str| {
        eventually(
            words,
            || vrwatch.stderr().contains(words).then_some(()),
            || vrwatch.failure(),
        );
    };
    said("a sink is new or changed");
    replace(&router, CONFIG, &named("second").text());
    said("a sink was renamed, and is a new one by that");
}

#[test]
fn what_a_sink_could_not_deliver_reaches_the_target_that_it_is_given() {
    let router = Router::boot();
    let syslog = Syslog::start(&router);
    let sleepers = Sleepers::start(&router, &["one"]);
    let to = |port: u16| {
        config().and(&Sleepers::tables(&["one"])).and(&format!(
            "[sink.local.syslog]\ntarget = \"tcp:127.0.0.1:{port}\"\nformat = \"rfc5424\""
        ))
    };
    // Nobody listens there.
    let vrwatch = Vrwatch::start_over(&router, &to(9));
    for _ in 0..3 {
        sleepers.kill_and_see_it_back(&vrwatch, "one");
    }
    vrwatch.until_told("one", &BACK.repeat(3));
    let sink = vrwatch.status().unwrap()["sinks"][0].clone();
    assert_eq!(
        (&sink["pending"], &sink["delivered"]),
        (&6.into(), &0.into())
    );
    let error = sink["last_error"].as_str().unwrap();
    assert!(error.contains("127.0.0.1:9"), "{error}");
    replace(&router, CONFIG, &to(PORT).text());
    let events = vrwatch.events();
    let ids: Vec<String> = events.into_iter().map(|event| event.id).collect();
    eventually(
        "all of it arrives there",
        || (syslog.ids() == ids).then_some(()),
        || vrwatch.failure(),
    );
}

#[test]
fn cloudstacks_switch_turns_watching_off_and_on_again_with_a_fresh_look() {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["fine", "stuck"]);
    let mut vrwatch = watching(&router, &["fine", "stuck"]);
    sleepers.spoil("stuck");
    sleepers.kill9("stuck");
    vrwatch.until_told("stuck", &GIVEN_UP);
    // The folder is not there before CloudStack first writes the file.
    replace_with_folder(
        &router,
        r#"{"type": "monitorservice", "disable_monitoring": true}"#,
    );
    until_watched(&vrwatch, &[]);
    let off = [&GIVEN_UP[..], &["unmonitored"]].concat();
    vrwatch.until_told("stuck", &off);
    sleepers.kill9("fine");
    // Whoever switches it on again wants to know how things stand now: the hold-off is not kept.
    replace_with_folder(
        &router,
        r#"{"type": "monitorservice", "disable_monitoring": false}"#,
    );
    until_watched(&vrwatch, &["fine", "stuck"]);
    vrwatch.until_told("fine", &[&["unmonitored"], &BACK[..]].concat());
    vrwatch.until_told("stuck", &[&off[..], &GIVEN_UP].concat());
    let events: Vec<Event> = vrwatch.told_in_all("stuck");
    assert_eq!(events[3].outage, events[0].outage);
    assert_ne!(events[4].outage, events[0].outage, "the old one was closed");
    let fine = about(&vrwatch.events(), "fine");
    assert_eq!((fine.len(), &fine[0].fact), (3, &removed()));
}

fn replace_with_folder(router: &Router, text: &str) {
    let folder = std::path::Path::new(SWITCH).parent().unwrap();
    std::fs::create_dir_all(router.path(folder.to_str().unwrap())).unwrap();
    replace(router, SWITCH, text);
}
