//! `vrwatch once --minimal`, the behaviour of `CloudStack` 4.3: `CloudStack`'s file alone, syslog alone,
//! and nothing on disk but the list of services that are left alone.

use crate::harness::{Config, MONITOR_CONF, Outcome, Peer, Router, Syslog, Vrwatch};

const HOLD_OFFS: &str = "/etc/unmonit_psList.txt";

fn once(router: &Router) -> Outcome {
    router.run([
        "vrwatch",
        "once",
        "--minimal",
        "--services",
        "/etc/monitor.conf",
    ])
}

/// A router of that time: `CloudStack`'s file, and no configuration of vrwatch's own.
fn router_of_old(peers: &[Peer]) -> Router {
    let router = Router::running(peers);
    Vrwatch::install(&router, peers, &Config::short());
    std::fs::remove_dir_all(router.path("/etc/vrwatch")).unwrap();
    router
}

#[test]
fn a_minimal_run_restarts_and_tells_syslog_and_leaves_nothing_on_disk() {
    let router = router_of_old(&Peer::ALL);
    let syslog = Syslog::start(&router);
    let killed = router.kill9(Peer::Dnsmasq);
    once(&router).expect_success();
    assert_ne!(router.until_it_answers(Peer::Dnsmasq), killed);
    let lines = syslog.until(2, "[dnsmasq]");
    assert!(lines[0].contains("[ALERT] [dnsmasq]"), "{lines:#?}");
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(!router.path("/var/lib/vrwatch").exists());
    assert!(!router.path("/etc/vrwatch").exists());
    assert_eq!(router.read(HOLD_OFFS).trim(), "");
}

#[test]
fn a_minimal_run_notes_what_it_gave_up_in_the_originals_format() {
    let peer = Peer::Sshd;
    let router = router_of_old(&[peer]);
    let syslog = Syslog::start(&router);
    peer.spoil(&router);
    router.kill9(peer);
    assert_eq!(once(&router).status.code(), Some(1));
    let noted = router.read(HOLD_OFFS);
    let stamp = noted
        .trim()
        .strip_prefix("ssh:")
        .and_then(|rest| rest.strip_suffix(','))
        .unwrap_or_else(|| panic!("`{noted}`"));
    assert!(stamp.parse::<u64>().is_ok(), "`{noted}`");
    let told = syslog.until(1, peer.complaint()).len() + syslog.lines().len();
    // The next runs leave it alone and say nothing new.
    assert_eq!(once(&router).status.code(), Some(1));
    assert_eq!(
        syslog.until(1, peer.complaint()).len() + syslog.lines().len(),
        told
    );
    assert_eq!(router.read(HOLD_OFFS), noted);
    // Its time is over: it is looked at again, and this time it starts.
    peer.mend(&router);
    router.write(HOLD_OFFS, "ssh:1385000000,");
    once(&router).expect_success();
    router.until_it_answers(peer);
    assert_eq!(router.read(HOLD_OFFS).trim(), "");
}

#[test]
fn a_list_of_given_up_services_that_cannot_be_used_keeps_nothing_from_being_watched() {
    let peer = Peer::Sshd;
    let router = router_of_old(&[peer]);
    let syslog = Syslog::start(&router);
    for (told, make) in [
        "rm -f F; mkfifo F",
        "rm F; mkdir F",
        "rmdir F; truncate -s 2M F",
    ]
    .iter()
    .enumerate()
    {
        router
            .run(["sh", "-c", &make.replace('F', HOLD_OFFS)])
            .expect_success();
        let killed = router.kill9(peer);
        let kind = |router: &Router| router.run(["stat", "-c", "%F %s", HOLD_OFFS]).stdout;
        let before = kind(&router);
        let outcome = once(&router);
        assert_eq!(outcome.status.code(), Some(1), "{make}: {outcome:#?}");
        assert!(outcome.stderr.contains(HOLD_OFFS), "{make}: {outcome:#?}");
        assert_ne!(router.until_it_answers(peer), killed);
        syslog.until(told + 1, "restarted as process");
        assert_eq!(kind(&router), before, "it is left alone");
    }
    router
        .run(["sh", "-c", &format!("echo rubbish,more >{HOLD_OFFS}")])
        .expect_success();
    let outcome = once(&router).expect_success();
    assert_eq!(
        outcome.stderr.matches("no hold-offs").count(),
        1,
        "{outcome:#?}"
    );
}

#[test]
fn without_a_list_of_services_a_minimal_run_fails_and_forgets_nothing() {
    let router = router_of_old(&[]);
    Syslog::start(&router);
    router.write(HOLD_OFFS, "ssh:1385000000,");
    for make in ["rm -f F", "mkdir F"] {
        router
            .run(["sh", "-c", &make.replace('F', MONITOR_CONF)])
            .expect_success();
        let outcome = once(&router);
        assert_eq!(outcome.status.code(), Some(1), "{make}: {outcome:#?}");
        assert!(
            outcome
                .stderr
                .contains("vrwatch: /etc/monitor.conf: without this list nothing is watched"),
            "{make}: {outcome:#?}"
        );
        assert!(!outcome.stderr.contains("(command line)"), "{outcome:#?}");
        assert_eq!(router.read(HOLD_OFFS), "ssh:1385000000,");
    }
}
