//! A daemon whose configuration is spoiled cannot be restarted: that is told once, with the
//! daemon's own words; then it is left alone for a while, looked at again, and restarted.

use contract::{Fact, LookedAgain, UnmonitoredReason};

use crate::harness::{Config, Peer, Router, Syslog, Vrwatch, kinds};

const GIVEN_UP: [&str; 3] = ["service_down", "restart_failed", "unmonitored"];
const ALL_OF_IT: [&str; 5] = [
    "service_down",
    "restart_failed",
    "unmonitored",
    "remonitored",
    "restarted",
];

/// Long enough to mend a file in, short enough to wait for.
fn short_hold_off() -> Config {
    Config::short().and("[monitor]\nhold_off = \"6s\"")
}

fn it_is_given_up_with_its_own_words_and_restarted_after_the_hold_off(peer: Peer) {
    let router = Router::running(&[peer]);
    let syslog = Syslog::start(&router);
    let mut vrwatch = Vrwatch::start(&router, &[peer], &short_hold_off());
    peer.spoil(&router);
    router.kill9(peer);
    let events = vrwatch.until_told(peer, &GIVEN_UP);
    peer.mend(&router);

    let Fact::RestartFailed { attempts, failure } = &events[1].fact else {
        unreachable!()
    };
    assert_eq!(*attempts, 2);
    assert_eq!(failure.exit, Some(1), "{failure:#?}");
    assert!(failure.output.contains(peer.complaint()), "{failure:#?}");
    let Fact::Unmonitored { until, reason } = &events[2].fact else {
        unreachable!()
    };
    assert_eq!(*reason, UnmonitoredReason::RestartFailed);
    assert!(until.is_some());
    syslog.until(1, peer.complaint());

    vrwatch.until_told(peer, &ALL_OF_IT);
    let runs = router.until_it_answers(peer);
    let events = vrwatch.told_in_all(peer);
    assert_eq!(kinds(&events), ALL_OF_IT, "{events:#?}");
    let found = LookedAgain::Down;
    assert_eq!(events[3].fact, Fact::Remonitored { found });
    assert!(
        matches!(events[4].fact, Fact::Restarted { pid, .. } if pid == runs),
        "{events:#?}"
    );
    assert!(
        events.iter().all(|event| event.outage == events[0].outage),
        "one outage from the death to the return: {events:#?}"
    );
}

#[test]
fn a_spoiled_dnsmasq_is_given_up_with_its_own_words_and_restarted_after_the_hold_off() {
    it_is_given_up_with_its_own_words_and_restarted_after_the_hold_off(Peer::Dnsmasq);
}

#[test]
fn a_spoiled_haproxy_is_given_up_with_its_own_words_and_restarted_after_the_hold_off() {
    it_is_given_up_with_its_own_words_and_restarted_after_the_hold_off(Peer::Haproxy);
}

#[test]
fn a_spoiled_sshd_is_given_up_with_its_own_words_and_restarted_after_the_hold_off() {
    it_is_given_up_with_its_own_words_and_restarted_after_the_hold_off(Peer::Sshd);
}

#[test]
fn a_spoiled_apache2_is_given_up_with_its_own_words_and_restarted_after_the_hold_off() {
    it_is_given_up_with_its_own_words_and_restarted_after_the_hold_off(Peer::Apache2);
}

#[test]
fn what_an_operator_repairs_by_hand_during_the_hold_off_is_found_up_after_it() {
    let peer = Peer::Haproxy;
    let router = Router::running(&[peer]);
    let mut vrwatch = Vrwatch::start(&router, &[peer], &short_hold_off());
    peer.spoil(&router);
    router.kill9(peer);
    vrwatch.until_told(peer, &GIVEN_UP);
    peer.mend(&router);
    let pid = router.start(peer);
    let told = [
        "service_down",
        "restart_failed",
        "unmonitored",
        "remonitored",
    ];
    vrwatch.until_told(peer, &told);
    let events = vrwatch.told_in_all(peer);
    let found = LookedAgain::Up { pid };
    assert_eq!(events[3].fact, Fact::Remonitored { found });
}

#[test]
fn a_hold_off_survives_a_kill_of_vrwatch() {
    let peer = Peer::Sshd;
    let router = Router::running(&[peer]);
    let mut vrwatch = Vrwatch::start(&router, &[peer], &Config::short());
    peer.spoil(&router);
    router.kill9(peer);
    vrwatch.until_told(peer, &GIVEN_UP);
    let before = vrwatch.state_of(peer);
    vrwatch.kill9();
    vrwatch.start_again();
    assert_eq!(vrwatch.state_of(peer), before, "it is still left alone");
    // Released, it is looked at again at once, and the outage goes on where it stood.
    peer.mend(&router);
    vrwatch.release(peer).expect_success();
    vrwatch.until_told(peer, &ALL_OF_IT);
    let events = vrwatch.told_in_all(peer);
    assert_eq!(kinds(&events), ALL_OF_IT, "{events:#?}");
    assert_eq!(events[0].outage, events[4].outage);
}
