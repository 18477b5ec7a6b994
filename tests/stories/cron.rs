//! `vrwatch once`, as cron runs it every three minutes: it looks, restarts, tells and exits, and
//! keeps what the next run must know.

use crate::harness::{
    CONFIG, Config, Outcome, Peer, Router, Syslog, Vrwatch, about, events, kinds,
};

fn once(router: &Router) -> Outcome {
    router.run(["vrwatch", "--config", CONFIG, "once"])
}

#[test]
fn a_run_of_once_restarts_what_is_down_and_tells_of_it() {
    let router = Router::running(&Peer::ALL);
    let syslog = Syslog::start(&router);
    Vrwatch::install(&router, &Peer::ALL, &Config::short());
    assert_eq!(once(&router).expect_success().status.code(), Some(0));
    let killed = router.kill9(Peer::Dnsmasq);
    once(&router).expect_success();
    assert_ne!(router.until_it_answers(Peer::Dnsmasq), killed);
    let told = events(&router);
    assert_eq!(kinds(&told), ["service_down", "restarted"]);
    assert_eq!(about(&told, Peer::Dnsmasq).len(), 2);
    // It had delivered before it ended.
    assert!(
        syslog
            .lines()
            .iter()
            .any(|line| line.contains("[ALERT] [dnsmasq]"))
    );
    once(&router).expect_success();
    assert_eq!(events(&router).len(), 2, "nothing happened since");
}

#[test]
fn the_runs_of_once_during_a_hold_off_try_nothing_and_repeat_nothing() {
    let peer = Peer::Sshd;
    let router = Router::running(&[peer]);
    let syslog = Syslog::start(&router);
    Vrwatch::install(&router, &[peer], &Config::short());
    once(&router).expect_success();
    peer.spoil(&router);
    router.kill9(peer);
    for _ in 0..3 {
        let run = once(&router);
        assert_eq!(run.status.code(), Some(1), "it stays down: {run:#?}");
        let told = events(&router);
        assert_eq!(
            kinds(&told),
            ["service_down", "restart_failed", "unmonitored"]
        );
    }
    assert_eq!(syslog.until(1, "[sshd] restart failed").len(), 1);
}

#[test]
fn once_does_nothing_while_the_daemon_runs() {
    let router = Router::running(&[Peer::Sshd]);
    let vrwatch = Vrwatch::start(&router, &[Peer::Sshd], &Config::short());
    let run = once(&router);
    assert_eq!(run.status.code(), Some(75), "{run:#?}");
    assert!(!run.stderr.is_empty());
    assert!(router.is_alive(vrwatch.pid()));
}
