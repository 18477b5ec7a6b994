//! Events for tests: one of every kind, of one outage of dnsmasq.

use std::time::Duration;

use contract::{
    Cause, Draft, Ended, Event, Fact, Failure, LookedAgain, Timestamp, UnmonitoredReason, Value,
};

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// An event of that outage, judged at 11:47:33 UTC.
pub(crate) fn event(seq: u64, fact: Fact) -> Event {
    let draft = Draft {
        service: Some("dhcp".into()),
        process: Some("dnsmasq".into()),
        outage: Some("outage-1".into()),
        time: at("2026-11-22T11:47:33.207Z"),
        fact,
    };
    Event::new(draft, format!("event-{seq}"), seq, "r-42-VM".into())
}

pub(crate) fn service_down() -> Fact {
    Fact::ServiceDown {
        noticed: at("2026-11-22T11:47:28.201Z"),
        last_pid: Some(812),
        cause: Cause::Gone { pid: 812 },
        ended: Ended::Signal(9),
    }
}

pub(crate) fn restarted() -> Fact {
    Fact::Restarted {
        pid: 901,
        attempts: 1,
        downtime: Duration::from_millis(5170),
    }
}

pub(crate) fn restart_failed(output: &str) -> Fact {
    Fact::RestartFailed {
        attempts: 5,
        failure: Failure {
            reason: "the command failed".into(),
            exit: Some(1),
            output: output.into(),
        },
    }
}

pub(crate) fn unmonitored() -> Fact {
    Fact::Unmonitored {
        until: Some(at("2026-11-22T12:17:33Z")),
        reason: UnmonitoredReason::RestartFailed,
    }
}

pub(crate) fn storm_began() -> Fact {
    Fact::StormBegan {
        zone: "zone-1".into(),
        routers: 200,
        services: 611,
        since: at("2026-11-22T11:46:50Z"),
    }
}

/// One fact of every kind.
pub(crate) fn facts() -> Vec<Fact> {
    vec![
        service_down(),
        restarted(),
        restart_failed("dnsmasq: unknown option"),
        unmonitored(),
        Fact::Recovered {
            noticed: at("2026-11-22T11:47:28Z"),
            last_pid: Some(812),
            pid: 901,
            downtime: Duration::from_millis(1250),
            ended: Ended::Exit(0),
        },
        Fact::Remonitored {
            found: LookedAgain::Up { pid: 901 },
        },
        Fact::AlertsDropped {
            count: 3,
            first_seq: 4,
            last_seq: 6,
            sink: Some("local".into()),
            reason: "the journal is full".into(),
        },
        Fact::Test {
            text: "hello".into(),
        },
        Fact::Unknown {
            kind: "service_tired".into(),
            detail: Some(Value::Unsigned(3)),
        },
        Fact::RouterUnreachable {
            misses: 3,
            last_seen: Some(at("2026-11-22T11:30:00Z")),
            reason: "no answer within 10s".into(),
        },
        Fact::RouterReachable {
            downtime: Some(Duration::from_mins(17)),
        },
        storm_began(),
        Fact::StormEnded {
            zone: "zone-1".into(),
            routers: 200,
            services: 611,
            outages: 640,
            duration: Duration::from_mins(23),
            still_down: 3,
            still_down_first: vec!["r-7-VM dhcp".into(), "r-9-VM router".into()],
        },
    ]
}

/// One event of every kind, numbered from 1.
pub(crate) fn events() -> Vec<Event> {
    (1..)
        .zip(facts())
        .map(|(seq, fact)| event(seq, fact))
        .collect()
}
