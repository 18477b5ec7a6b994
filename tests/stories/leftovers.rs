//! The children of a killed apache2 live on and keep its port. They are ended before the restart;
//! a process that is only called the same is not.

use crate::harness::{Config, Peer, Router, Vrwatch, eventually, kinds};

#[test]
fn the_children_of_a_killed_apache2_are_ended_before_its_restart() {
    let peer = Peer::Apache2;
    let router = Router::running(&[peer]);
    let mut vrwatch = Vrwatch::start(&router, &[peer], &Config::short());
    let parent = router.pid_of(peer).unwrap();
    let mut children = router.pids_named(peer.process());
    children.retain(|&pid| pid != parent);
    assert!(children.len() > 1);
    router.kill9(peer);
    vrwatch.until_told(peer, &["service_down", "restarted"]);
    router.until_it_answers(peer);
    for child in children {
        assert!(!router.is_alive(child), "{}", router.processes());
    }
    let events = vrwatch.told_in_all(peer);
    assert_eq!(kinds(&events), ["service_down", "restarted"], "{events:#?}");
}

#[test]
fn a_stranger_of_the_same_name_is_left_alone() {
    let peer = Peer::Apache2;
    let router = Router::running(&[peer]);
    let stranger = "cp /usr/bin/sleep /tmp/apache2; setsid /tmp/apache2 600 & echo $!";
    let stranger = router.run(["sh", "-c", stranger]).expect_success();
    let stranger: u32 = stranger.stdout.trim().parse().unwrap();
    eventually(
        "the stranger bears the name",
        || {
            let named = router.pids_named(peer.process());
            named.contains(&stranger).then_some(())
        },
        || router.processes(),
    );
    let mut vrwatch = Vrwatch::start(&router, &[peer], &Config::short());
    router.kill9(peer);
    vrwatch.until_told(peer, &["service_down", "restarted"]);
    assert!(router.is_alive(stranger), "{}", router.processes());
    let events = vrwatch.told_in_all(peer);
    assert_eq!(kinds(&events), ["service_down", "restarted"], "{events:#?}");
}
