//! The box itself: Debian's own scripts run the real daemons in it, and it leaves nothing behind.
//! When one of these fails, no other story's verdict is worth anything.

use crate::harness::{Peer, Router, Syslog, eventually, syslog};

fn debians_script_starts_restarts_and_stops(peer: Peer) {
    let router = Router::boot();
    let first = router.start(peer);
    router.service(peer, "restart").expect_success();
    let second = router.until_it_answers(peer);
    assert_ne!(first, second);
    router.service(peer, "stop").expect_success();
    eventually(
        "it has stopped",
        || router.pids_named(peer.process()).is_empty().then_some(()),
        || router.processes(),
    );
}

#[test]
fn debians_script_starts_restarts_and_stops_dnsmasq() {
    debians_script_starts_restarts_and_stops(Peer::Dnsmasq);
}

#[test]
fn debians_script_starts_restarts_and_stops_haproxy() {
    debians_script_starts_restarts_and_stops(Peer::Haproxy);
}

#[test]
fn debians_script_starts_restarts_and_stops_sshd() {
    debians_script_starts_restarts_and_stops(Peer::Sshd);
}

#[test]
fn debians_script_starts_restarts_and_stops_apache2() {
    debians_script_starts_restarts_and_stops(Peer::Apache2);
}

/// Restarted with a spoiled configuration it stays down and says why; mended, it comes back.
fn a_spoiled_configuration_keeps_it_down(peer: Peer) {
    let router = Router::running(&[peer]);
    peer.spoil(&router);
    router.kill9(peer);
    if peer == Peer::Apache2 {
        router.run(["pkill", "-KILL", "-x", "apache2"]);
    }
    eventually(
        "all of it is gone",
        || router.pids_named(peer.process()).is_empty().then_some(()),
        || router.processes(),
    );
    let restart = router.service(peer, "restart");
    assert!(!router.answers(peer), "{restart:?}");
    assert_eq!(restart.status.code(), Some(1), "{restart:#?}");
    assert!(restart.output().contains(peer.complaint()), "{restart:#?}");
    peer.mend(&router);
    router.service(peer, "restart").expect_success();
    router.until_it_answers(peer);
}

#[test]
fn a_spoiled_configuration_keeps_dnsmasq_down() {
    a_spoiled_configuration_keeps_it_down(Peer::Dnsmasq);
}

#[test]
fn a_spoiled_configuration_keeps_haproxy_down() {
    a_spoiled_configuration_keeps_it_down(Peer::Haproxy);
}

#[test]
fn a_spoiled_configuration_keeps_sshd_down() {
    a_spoiled_configuration_keeps_it_down(Peer::Sshd);
}

#[test]
fn a_spoiled_configuration_keeps_apache2_down() {
    a_spoiled_configuration_keeps_it_down(Peer::Apache2);
}

#[test]
fn a_reload_of_haproxy_swaps_the_process_and_one_of_apache2_keeps_it() {
    let router = Router::running(&[Peer::Haproxy, Peer::Apache2]);
    let before = Peer::ALL.map(|peer| router.pid_of(peer));
    for peer in [Peer::Haproxy, Peer::Apache2] {
        router.service(peer, "reload").expect_success();
        router.until_it_answers(peer);
    }
    let after = Peer::ALL.map(|peer| router.pid_of(peer));
    assert_ne!(
        before[2], after[2],
        "haproxy's reload hands over to a new process"
    );
    assert_eq!(before[3], after[3], "apache2's reload keeps the parent");
}

#[test]
fn after_a_kill_of_apache2s_parent_its_children_stand_in_the_way_of_a_plain_restart() {
    let router = Router::running(&[Peer::Apache2]);
    assert!(
        router.pids_named("apache2").len() > 2,
        "a parent and several children"
    );
    router.kill9(Peer::Apache2);
    let restart = router.service(Peer::Apache2, "restart");
    assert!(!restart.status.success());
    assert!(
        restart.output().contains("do not match your pid file"),
        "{restart:#?}"
    );
}

#[test]
fn an_orphan_that_ends_is_collected_unless_the_router_has_no_reaper() {
    let orphan = "sleep 600 & echo $!";
    for (router, stays) in [
        (Router::boot(), false),
        (Router::boot_without_reaper(), true),
    ] {
        let pid: u32 = router
            .run(["sh", "-c", orphan])
            .stdout
            .trim()
            .parse()
            .unwrap();
        router.signal(pid, "KILL");
        eventually(
            "it has ended",
            || match router.state(pid) {
                None => (!stays).then_some(()),
                Some(state) => (stays && state == 'Z').then_some(()),
            },
            || router.processes(),
        );
    }
}

#[test]
fn two_routers_know_nothing_of_each_other_and_the_machine_sees_neither() {
    let (one, other) = (Router::running(&[Peer::Sshd]), Router::boot());
    assert!(other.pid_of(Peer::Sshd).is_none());
    assert!(!other.answers(Peer::Sshd));
    other.start(Peer::Sshd);
    let pid = one.kill9(Peer::Sshd);
    eventually(
        "it has ended",
        || (!one.is_alive(pid)).then_some(()),
        || one.processes(),
    );
    assert!(other.answers(Peer::Sshd));
    other.write("/etc/vrwatch-story", "inside");
    assert!(!std::path::Path::new("/etc/vrwatch-story").exists());
}

#[test]
fn a_real_syslog_server_takes_lines_over_every_transport_and_keeps_them_over_a_restart() {
    let router = Router::boot();
    let syslog = Syslog::start(&router);
    let port = syslog::PORT.to_string();
    let remote = ["-n", "127.0.0.1", "-P", &port, "-t", "story"];
    let send = |how: &[&str]| {
        let argv = ["logger"].iter().chain(&remote).chain(how);
        router.run(argv).expect_success();
    };
    router
        .run(["logger", "-t", "story", "by socket"])
        .expect_success();
    send(&["--udp", "--rfc3164", "by udp"]);
    send(&["--tcp", "--octet-count", "--rfc5424", "by tcp"]);
    let client = format!(
        "printf '<13>Nov 24 12:00:00 r-42-VM story: by tls\\n' | \
         openssl s_client -quiet -no_ign_eof -verify_return_error -CAfile {} -connect 127.0.0.1:{}",
        syslog::AUTHORITY,
        syslog::TLS_PORT
    );
    router.run(["sh", "-c", &client]).expect_success();
    for text in ["by socket", "by udp", "by tcp", "by tls"] {
        let line = syslog.until(1, text).remove(0);
        assert!(line.contains("|notice|story|"), "{line}");
    }
    syslog.stop();
    syslog.start_again();
    router
        .run(["logger", "-t", "story", "once more"])
        .expect_success();
    syslog.until(1, "once more");
    assert_eq!(syslog.until(5, "|story|").len(), 5);
}

#[test]
fn a_number_of_an_ended_process_can_be_given_to_a_stranger() {
    let router = Router::running(&[Peer::Sshd]);
    let pid = router.kill9(Peer::Sshd);
    eventually(
        "it has ended",
        || router.state(pid).is_none().then_some(()),
        || router.processes(),
    );
    router.stranger_as(pid);
    assert_eq!(router.pids_named("sleep"), [pid]);
    assert!(router.pids_named("sshd").is_empty());
}
