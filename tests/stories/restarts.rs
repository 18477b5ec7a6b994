//! A real daemon is killed: `vrwatch` has Debian's own script restart it, and tells of it once, in
//! order, in the journal and to syslog.

use contract::{Cause, Ended, Fact};

use crate::harness::{Config, Peer, Router, Syslog, Vrwatch, kinds};

/// All four run and are watched; one is killed.
fn it_comes_back_and_is_told_of_once_in_order(peer: Peer) {
    let router = Router::running(&Peer::ALL);
    let syslog = Syslog::start(&router);
    let mut vrwatch = Vrwatch::start(&router, &Peer::ALL, &Config::short());
    let killed = router.kill9(peer);
    vrwatch.until_told(peer, &["service_down", "restarted"]);
    let runs = router.until_it_answers(peer);

    let events = vrwatch.told_in_all(peer);
    assert_eq!(kinds(&events), ["service_down", "restarted"], "{events:#?}");
    assert_eq!(vrwatch.events().len(), 2, "the other three had no event");
    let [down, back] = &events[..] else {
        unreachable!()
    };
    let Fact::ServiceDown {
        last_pid,
        cause,
        ended,
        ..
    } = &down.fact
    else {
        unreachable!()
    };
    assert_eq!(*last_pid, Some(killed));
    assert_eq!(*cause, Cause::Gone { pid: killed });
    // Only newer kernels tell how a process that is not our child ended.
    assert!(
        matches!(ended, Ended::Unknown | Ended::Signal(9)),
        "{ended}"
    );
    let Fact::Restarted { pid, attempts, .. } = &back.fact else {
        unreachable!()
    };
    assert_eq!((*pid, *attempts), (runs, 1));

    assert!(down.outage.is_some());
    assert_eq!(down.outage, back.outage);
    assert!(down.seq < back.seq);
    assert_ne!(down.id, back.id);
    assert_eq!(down.router, "r-42-VM");
    assert_eq!(down.process.as_deref(), Some(peer.process()));

    let told = format!("[{}]", peer.process());
    let lines = syslog.until(2, &told);
    let [down, back] = &lines[..] else {
        panic!("{lines:#?}")
    };
    assert!(down.contains(&format!("[ALERT] {told} is down")), "{down}");
    assert!(back.contains(&format!("[INFO] {told} restarted")), "{back}");
}

#[test]
fn a_killed_dnsmasq_comes_back_and_is_told_of_once_in_order() {
    it_comes_back_and_is_told_of_once_in_order(Peer::Dnsmasq);
}

#[test]
fn a_killed_haproxy_comes_back_and_is_told_of_once_in_order() {
    it_comes_back_and_is_told_of_once_in_order(Peer::Haproxy);
}

#[test]
fn a_killed_sshd_comes_back_and_is_told_of_once_in_order() {
    it_comes_back_and_is_told_of_once_in_order(Peer::Sshd);
}

#[test]
fn an_apache2_whose_parent_was_killed_comes_back_and_is_told_of_once_in_order() {
    it_comes_back_and_is_told_of_once_in_order(Peer::Apache2);
}

#[test]
fn four_daemons_killed_at_once_all_come_back() {
    let router = Router::running(&Peer::ALL);
    let mut vrwatch = Vrwatch::start(&router, &Peer::ALL, &Config::short());
    for peer in Peer::ALL {
        router.kill9(peer);
    }
    for peer in Peer::ALL {
        vrwatch.until_told(peer, &["service_down", "restarted"]);
        router.until_it_answers(peer);
    }
    assert!(vrwatch.term().success());
    let numbers: Vec<_> = vrwatch.events().iter().map(|event| event.seq).collect();
    assert_eq!(
        numbers,
        (1..=8).collect::<Vec<u64>>(),
        "two events each, no hole"
    );
}

#[test]
fn a_daemon_that_was_down_before_vrwatch_started_is_started() {
    let router = Router::running(&[Peer::Sshd]);
    let mut vrwatch = Vrwatch::start(&router, &[Peer::Sshd, Peer::Dnsmasq], &Config::short());
    vrwatch.until_told(Peer::Dnsmasq, &["service_down", "restarted"]);
    router.until_it_answers(Peer::Dnsmasq);
    let events = vrwatch.told_in_all(Peer::Dnsmasq);
    let Fact::ServiceDown {
        last_pid, cause, ..
    } = &events[0].fact
    else {
        panic!("{events:#?}")
    };
    assert_eq!((*last_pid, cause), (None, &Cause::NoPidFile));
}
