//! vrwatch under a real systemd, installed as on a router: units that systemd restarts by itself,
//! units that it does not, and vrwatch's own unit.

use contract::Event;

use crate::harness::{Config, Debian, Peer, about, events, eventually, kinds};

const BACK: [&str; 2] = ["service_down", "restarted"];

fn boot(config: &Config) -> Debian {
    let sections = [Peer::Dnsmasq, Peer::Haproxy].map(Peer::monitor_conf);
    Debian::boot(&sections.concat(), config)
}

/// Times as they are without a configuration: that is what units are made for.
fn config() -> Config {
    Config::default().and("[sink.local.syslog]\ntarget = \"unix:/dev/log\"")
}

/// Waits until this is all that was told of a daemon.
#[track_caller]
fn until_told(debian: &Debian, peer: Peer, expected: &[&str]) -> Vec<Event> {
    eventually(
        &format!("{peer:?}: {expected:?}"),
        || {
            let told = about(&events(&debian.router), peer);
            (kinds(&told) == expected).then_some(told)
        },
        || debian.journal(),
    )
}

#[test]
fn what_systemd_brings_back_is_told_as_recovered_and_what_it_does_not_is_restarted() {
    let debian = boot(&config());
    debian.systemctl(&["start", "vrwatch"]);
    assert_eq!(debian.property("haproxy", "Restart"), "always");
    assert_eq!(debian.property("dnsmasq", "Restart"), "no");
    let before = debian.property("dnsmasq", "MainPID");
    debian.systemctl(&["kill", "--signal=KILL", "haproxy", "dnsmasq"]);
    until_told(&debian, Peer::Haproxy, &["recovered"]);
    until_told(&debian, Peer::Dnsmasq, &BACK);
    assert_eq!(debian.property("haproxy", "NRestarts"), "1", "by systemd");
    assert_eq!(debian.property("dnsmasq", "ActiveState"), "active");
    assert_ne!(debian.property("dnsmasq", "MainPID"), before);
    eventually(
        "systemctl shows how things stand",
        || (debian.property("vrwatch", "StatusText") == "2 up, 0 down, 0 left alone").then_some(()),
        || debian.journal(),
    );
    // Debian's journal is its syslog.
    let journal = debian.journal();
    for words in [
        "[ALERT] [dnsmasq]",
        "[dnsmasq] restarted as process",
        "[haproxy]",
    ] {
        assert!(journal.contains(words), "no `{words}` in:\n{journal}");
    }
    debian.systemctl(&["stop", "vrwatch"]);
    assert_eq!(debian.property("vrwatch", "Result"), "success");
    assert_eq!(debian.property("dnsmasq", "ActiveState"), "active");
    let told = events(&debian.router);
    assert_eq!(told.len(), 3, "{told:#?}");
    assert_eq!(told[0].router, "r-42-VM");
}

#[test]
fn a_vrwatch_that_stands_still_is_ended_by_systemds_watchdog_and_the_next_one_makes_up_for_it() {
    let debian = boot(&config());
    debian.router.write(
        "/etc/systemd/system/vrwatch.service.d/impatient.conf",
        "[Service]\nWatchdogSec=2s\n",
    );
    debian.systemctl(&["daemon-reload"]);
    debian.systemctl(&["start", "vrwatch"]);
    let before = debian.property("vrwatch", "MainPID");
    debian.systemctl(&["kill", "--signal=STOP", "vrwatch"]);
    debian.systemctl(&["kill", "--signal=KILL", "dnsmasq"]);
    until_told(&debian, Peer::Dnsmasq, &BACK);
    assert_ne!(debian.property("vrwatch", "MainPID"), before);
    assert_eq!(debian.property("vrwatch", "NRestarts"), "1");
    assert!(
        debian
            .journal()
            .contains("vrwatch.service: Watchdog timeout"),
        "{}",
        debian.journal()
    );
}

#[test]
fn a_service_that_vrwatch_started_itself_lives_on_when_vrwatch_is_stopped_or_killed() {
    let start = "#!/bin/sh\nsleep 1000000 </dev/null >/dev/null 2>&1 &\n\
        while grep -qvx sleep /proc/$!/comm; do :; done\necho $! >/run/nap.pid\n";
    let debian = boot(&config().and(
        "[[service]]\nname = \"nap\"\nprocess = \"sleep\"\npidfile = \"/run/nap.pid\"\n\
         restart = { command = [\"/usr/local/bin/start-nap\"], settle = \"200ms\" }",
    ));
    debian.router.write("/usr/local/bin/start-nap", start);
    debian
        .router
        .run(["chmod", "+x", "/usr/local/bin/start-nap"])
        .expect_success();
    // It was never there: vrwatch starts it, within its own control group.
    debian.systemctl(&["start", "vrwatch"]);
    let told = || {
        let told = events(&debian.router);
        told.into_iter()
            .filter(|event| event.service.as_deref() == Some("nap"))
            .collect::<Vec<_>>()
    };
    eventually(
        "it is started",
        || (kinds(&told()) == BACK).then_some(()),
        || debian.journal(),
    );
    let pid = debian.router.pid_in("/run/nap.pid").unwrap();
    debian.systemctl(&["kill", "--signal=KILL", "--kill-who=main", "vrwatch"]);
    eventually(
        "systemd starts vrwatch again",
        || {
            let again = debian.property("vrwatch", "NRestarts") == "1"
                && debian.property("vrwatch", "ActiveState") == "active";
            again.then_some(())
        },
        || debian.journal(),
    );
    debian.systemctl(&["reload", "vrwatch"]);
    eventually(
        "a reload reads the configuration again",
        || {
            debian
                .journal()
                .contains("is in force why=\"SIGHUP\"")
                .then_some(())
        },
        || debian.journal(),
    );
    debian.systemctl(&["restart", "vrwatch"]);
    debian.systemctl(&["stop", "vrwatch"]);
    assert_eq!(debian.router.pid_in("/run/nap.pid"), Some(pid));
    assert_eq!(kinds(&told()), BACK, "nothing has happened to it");
}
