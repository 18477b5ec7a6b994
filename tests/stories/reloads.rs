//! A reload is no outage, whichever way the daemon does it: a new process that takes over, a master
//! that replaces itself, or a parent that replaces its children.

use contract::Fact;

use crate::harness::{Config, Peer, Router, Vrwatch, eventually, kinds};

/// Kills it after its reloads: exactly that is told, of the process that the last reload left.
fn only_the_kill_after_the_reloads_is_told_of(
    router: &Router,
    mut vrwatch: Vrwatch<'_>,
    peer: Peer,
) {
    let last = router.kill9(peer);
    vrwatch.until_told(peer, &["service_down", "restarted"]);
    let events = vrwatch.told_in_all(peer);
    assert_eq!(kinds(&events), ["service_down", "restarted"], "{events:#?}");
    let Fact::ServiceDown { last_pid, .. } = &events[0].fact else {
        unreachable!()
    };
    assert_eq!(*last_pid, Some(last));
}

#[test]
fn a_reload_of_haproxy_is_no_event_and_its_new_process_is_watched_from_then_on() {
    let peer = Peer::Haproxy;
    let router = Router::running(&[peer]);
    let vrwatch = Vrwatch::start(&router, &[peer], &Config::short());
    for _ in 0..3 {
        let old = router.pid_of(peer).unwrap();
        router.service(peer, "reload").expect_success();
        eventually(
            "the old process hands over and ends",
            || (!router.is_alive(old)).then_some(()),
            || router.processes(),
        );
        assert_ne!(router.until_it_answers(peer), old);
    }
    only_the_kill_after_the_reloads_is_told_of(&router, vrwatch, peer);
}

#[test]
fn a_reload_of_a_haproxy_with_a_master_is_no_event() {
    let peer = Peer::Haproxy;
    let router = Router::boot();
    // As systemd runs it on a router of today: a master that starts itself anew on SIGUSR2.
    let master = format!(
        "setsid haproxy -Ws -f {} -p {} >/var/log/haproxy.log 2>&1 &",
        peer.config_file(),
        peer.pid_file()
    );
    router.run(["sh", "-c", &master]).expect_success();
    let master = router.until_it_answers(peer);
    let vrwatch = Vrwatch::start(&router, &[peer], &Config::short());
    for _ in 0..3 {
        let workers = router.pids_named(peer.process());
        router.signal(master, "USR2");
        eventually(
            "a new worker has taken over from the old one",
            || {
                let now = router.pids_named(peer.process());
                let kept = now.iter().filter(|pid| workers.contains(pid)).count();
                (now.len() == 2 && kept == 1).then_some(())
            },
            || router.processes(),
        );
        assert_eq!(router.until_it_answers(peer), master);
    }
    // A worker whose master was killed ends by itself.
    only_the_kill_after_the_reloads_is_told_of(&router, vrwatch, peer);
}

#[test]
fn a_graceful_reload_of_apache2_is_no_event() {
    let peer = Peer::Apache2;
    let router = Router::running(&[peer]);
    let vrwatch = Vrwatch::start(&router, &[peer], &Config::short());
    let parent = router.pid_of(peer).unwrap();
    for _ in 0..3 {
        let children = router.pids_named(peer.process());
        router.service(peer, "reload").expect_success();
        eventually(
            "new children have replaced the old ones",
            || {
                let now = router.pids_named(peer.process());
                let kept = now.iter().filter(|pid| children.contains(pid)).count();
                (now.len() > 1 && kept == 1).then_some(())
            },
            || router.processes(),
        );
        assert_eq!(router.until_it_answers(peer), parent);
    }
    only_the_kill_after_the_reloads_is_told_of(&router, vrwatch, peer);
}

#[test]
fn a_reload_of_sshd_is_no_event() {
    let peer = Peer::Sshd;
    let router = Router::running(&[peer]);
    let vrwatch = Vrwatch::start(&router, &[peer], &Config::short());
    for _ in 0..3 {
        router.service(peer, "reload").expect_success();
        router.until_it_answers(peer);
    }
    only_the_kill_after_the_reloads_is_told_of(&router, vrwatch, peer);
}
