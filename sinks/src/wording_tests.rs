//! What each kind of event reads like, and that no hostile text gets through.

use std::time::Duration;

use contract::{Cause, Ended, Fact, Failure, LookedAgain, UnmonitoredReason, Value};

use super::*;
use crate::examples::{at, event, events, restart_failed, service_down, unmonitored};

fn say(fact: Fact) -> String {
    sentence(&event(1, fact), &LocalTime::utc())
}

#[test]
fn every_kind_of_event_is_told_in_plain_words() {
    let words: Vec<_> = events()
        .iter()
        .map(|event| {
            format!(
                "[{}] [{}] {}",
                marker(event),
                subject(event),
                sentence(event, &LocalTime::utc())
            )
        })
        .collect();
    assert_eq!(
        words,
        [
            "[ALERT] [dnsmasq] is down: process 812 is gone (ended by SIGKILL); noticed at 11:47:28",
            "[INFO] [dnsmasq] restarted as process 901 after 1 attempt; it was down for 5.1s",
            "[ALERT] [dnsmasq] restart failed after 5 attempts (exit 1: \"dnsmasq: unknown option\")",
            "[ALERT] [dnsmasq] unmonitored until 12:17:33 (restart failed)",
            "[INFO] [dnsmasq] came back by itself as process 901 after 1.2s; process 812 was gone (exit 0); noticed at 11:47:28",
            "[INFO] [dnsmasq] monitored again: it runs as process 901",
            "[ALERT] [dnsmasq] 3 alerts lost (events 4 to 6): the journal is full; sink `local` did not get them",
            "[INFO] [dnsmasq] test alert: hello",
            "[INFO] [dnsmasq] event `service_tired` of a newer vrwatch: 3",
            "[ALERT] [router] is unreachable: 3 visits failed; last visited at 11:30:00; no answer within 10s",
            "[INFO] [router] is reachable again; the last visit before was 17m ago",
            "[ALERT] [zone zone-1] is in a storm: 200 routers, 611 services failed since 11:46:50; what belongs to it is summed up when it is over",
            "[INFO] [zone zone-1] is over its storm of 23m: 200 routers, 611 services failed, in 640 outages; 3 outages go on: r-7-VM dhcp, r-9-VM router and 1 more",
        ]
    );
}

#[test]
fn a_restart_by_cloudstacks_own_script_claims_no_more_than_it_tells() {
    let told = |downtime| {
        say(Fact::Restarted {
            pid: 0,
            attempts: 0,
            downtime,
        })
    };
    assert_eq!(told(Duration::ZERO), "was restarted");
    assert_eq!(
        told(Duration::from_secs(31)),
        "was restarted; it was down for 31.0s"
    );
}

#[test]
fn a_failed_restart_and_its_hold_off_are_one_sentence() {
    let failed = event(1, restart_failed("dnsmasq: unknown option"));
    let held = event(2, unmonitored());
    assert_eq!(
        joined(&failed, &held, &LocalTime::utc()).unwrap(),
        "restart failed after 5 attempts (exit 1: \"dnsmasq: unknown option\"); unmonitored until 12:17:33"
    );
    assert_eq!(joined(&held, &failed, &LocalTime::utc()), None);
    let mut elsewhere = held.clone();
    elsewhere.outage = Some("outage-2".into());
    assert_eq!(joined(&failed, &elsewhere, &LocalTime::utc()), None);
    elsewhere.outage = None;
    let mut outside = failed.clone();
    outside.outage = None;
    assert_eq!(joined(&outside, &elsewhere, &LocalTime::utc()), None);
}

#[test]
fn a_time_of_day_is_local_and_names_its_day_when_that_is_another() {
    let berlin = LocalTime::named("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
    assert_eq!(
        sentence(&event(1, unmonitored()), &berlin),
        "unmonitored until 13:17:33 (restart failed)"
    );
    let late = Fact::Unmonitored {
        until: Some(at("2026-11-22T23:17:33Z")),
        reason: UnmonitoredReason::CrashLoop,
    };
    assert_eq!(
        sentence(&event(1, late), &berlin),
        "unmonitored until 2026-11-23 00:17:33 (it dies again after every restart)"
    );
}

#[test]
fn each_reason_for_leaving_a_service_alone_is_told() {
    let say = |until, reason| say(Fact::Unmonitored { until, reason });
    let held = |reason: &str| UnmonitoredReason::Held {
        reason: reason.into(),
    };
    assert_eq!(
        say(None, held("kernel\nupgrade")),
        "unmonitored until released (held by an operator: kernel upgrade)"
    );
    assert_eq!(
        say(None, held(" ")),
        "unmonitored until released (held by an operator)"
    );
    assert_eq!(
        say(None, UnmonitoredReason::Removed),
        "no longer monitored (the configuration no longer names it)"
    );
    assert_eq!(
        say(None, UnmonitoredReason::Unknown),
        "unmonitored until released"
    );
}

#[test]
fn each_cause_of_an_outage_is_told_once() {
    let say = |cause, last_pid, ended| {
        say(Fact::ServiceDown {
            noticed: at("2026-11-22T11:47:28Z"),
            last_pid,
            cause,
            ended,
        })
    };
    assert_eq!(
        say(Cause::NoPidFile, Some(7), Ended::Exit(3)),
        "is down: there is no pid file; it was process 7 (exit 3); noticed at 11:47:28"
    );
    assert_eq!(
        say(Cause::Zombie { pid: 7 }, Some(7), Ended::Unknown),
        "is down: process 7 has ended (not yet reaped); noticed at 11:47:28"
    );
    let other = Cause::OtherProcess {
        pid: 7,
        name: "evil\n[ALERT]".into(),
    };
    assert_eq!(
        say(other, None, Ended::Signal(64)),
        "is down: process 7 is now `evil [ALERT]` (ended by signal 64); noticed at 11:47:28"
    );
}

#[test]
fn why_a_restart_failed_is_told_with_or_without_a_status() {
    let say = |attempts, reason: &str, exit, output: &str| {
        say(Fact::RestartFailed {
            attempts,
            failure: Failure {
                reason: reason.into(),
                exit,
                output: output.into(),
            },
        })
    };
    assert_eq!(
        say(1, "it took longer than 60s", None, ""),
        "restart failed after 1 attempt (it took longer than 60s)"
    );
    assert_eq!(
        say(2, "it did not stay up", Some(0), "ok\nstarted \"x\"\n"),
        "restart failed after 2 attempts (it did not stay up: \"ok / started 'x'\")"
    );
    assert_eq!(
        say(0, "5 restarts within 10m", None, ""),
        "was not restarted (5 restarts within 10m)"
    );
    assert_eq!(say(5, "", None, ""), "restart failed after 5 attempts");
}

#[test]
fn other_kinds_have_their_second_forms() {
    assert_eq!(
        say(Fact::Remonitored {
            found: LookedAgain::Down
        }),
        "monitored again: it is still down and is restarted now"
    );
    assert_eq!(
        say(Fact::Restarted {
            pid: 9,
            attempts: 2,
            downtime: Duration::from_millis(182_900)
        }),
        "restarted as process 9 after 2 attempts; it was down for 3m 2s"
    );
    assert_eq!(
        say(Fact::AlertsDropped {
            count: 1,
            first_seq: 4,
            last_seq: 4,
            sink: None,
            reason: "the disk is full".into()
        }),
        "1 alert lost (events 4 to 4): the disk is full"
    );
}

#[test]
fn a_router_that_is_away_is_told_with_what_is_known_of_it() {
    let away = |last_seen| Fact::RouterUnreachable {
        misses: 3,
        last_seen,
        reason: "no answer within 10s\n".into(),
    };
    assert_eq!(
        say(away(Some(at("2026-11-22T11:30:00Z")))),
        "is unreachable: 3 visits failed; last visited at 11:30:00; no answer within 10s"
    );
    assert_eq!(
        say(away(None)),
        "is unreachable: 3 visits failed; it has never been visited; no answer within 10s"
    );
    assert_eq!(
        say(Fact::RouterReachable {
            downtime: Some(Duration::from_mins(17))
        }),
        "is reachable again; the last visit before was 17m ago"
    );
    assert_eq!(
        say(Fact::RouterReachable { downtime: None }),
        "is reachable for the first time"
    );
    assert_eq!(subject(&event(1, away(None))), "router");
    let mut left = event(
        1,
        Fact::Unmonitored {
            until: None,
            reason: UnmonitoredReason::Removed,
        },
    );
    (left.service, left.process) = (None, None);
    assert_eq!(
        format!("{} {}", subject(&left), sentence(&left, &LocalTime::utc())),
        "router no longer monitored (the configuration no longer names it)"
    );
    assert_eq!(
        say(Fact::AlertsDropped {
            count: 0,
            first_seq: 0,
            last_seq: 0,
            sink: None,
            reason: "the journal was begun anew".into()
        }),
        "alerts may be lost: the journal was begun anew"
    );
}

#[test]
fn a_sum_of_what_flaps_says_so_and_claims_no_loss() {
    let mut sum = event(
        90,
        Fact::AlertsDropped {
            count: 74,
            first_seq: 12,
            last_seq: 85,
            sink: Some("local".into()),
            reason: "summed up: dhcp went down and came back 37 times".into(),
        },
    );
    sum.outage = None;
    assert_eq!(
        sentence(&sum, &LocalTime::utc()),
        "summed up: dhcp went down and came back 37 times (events 12 to 85)"
    );
}

#[test]
fn hostile_text_stays_in_its_place() {
    let hostile =
        "\u{feff}\u{1b}]0;x\u{7}\n[ALERT] [sshd] is down\r\n\u{202e}\"; drop \u{0}é".repeat(600);
    let facts = [
        restart_failed(&hostile),
        Fact::Test {
            text: hostile.clone(),
        },
        Fact::Unknown {
            kind: hostile.clone(),
            detail: Some(Value::Text(hostile.clone())),
        },
        Fact::AlertsDropped {
            count: 1,
            first_seq: 1,
            last_seq: 1,
            sink: Some(hostile.clone()),
            reason: hostile.clone(),
        },
        Fact::Unmonitored {
            until: None,
            reason: UnmonitoredReason::Held {
                reason: hostile.clone(),
            },
        },
        Fact::ServiceDown {
            noticed: at("2026-11-22T11:47:28Z"),
            last_pid: None,
            cause: Cause::BadPidFile {
                problem: hostile.clone(),
            },
            ended: Ended::Unknown,
        },
    ];
    for fact in facts {
        let words = say(fact);
        assert!(words.len() < 700, "{} bytes", words.len());
        assert!(!words.contains(char::is_control), "{words:?}");
        assert!(!words.contains(['\u{feff}', '\u{202e}']), "{words:?}");
    }
    let mut event = event(1, service_down());
    event.process = Some("x] [sshd\n".into());
    assert_eq!(subject(&event), "x) (sshd ");
    event.process = None;
    assert_eq!(subject(&event), "dhcp");
    event.service = None;
    assert_eq!(subject(&event), "vrwatch");
}

#[test]
fn a_time_of_day_carries_its_offset_for_those_who_read_it_elsewhere() {
    let down = crate::examples::event(1, crate::examples::service_down());
    for (zone, offset) in [
        (LocalTime::utc(), "Z"),
        (LocalTime::named("CET-1").unwrap(), "+01:00"),
        (LocalTime::named("NST3:30").unwrap(), "-03:30"),
    ] {
        let plain = sentence(&down, &zone);
        let told = sentence(&down, &zone.naming_its_offset());
        assert_eq!(told, format!("{plain}{offset}"));
    }
}
