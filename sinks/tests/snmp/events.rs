//! Sinks from sections, events to deliver, and the wait for a condition.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use contract::{
    Cause, DeliverError, Draft, Ended, Event, Fact, Failure, LookedAgain, Sink, UnmonitoredReason,
};
use sinks::{Host, Section};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The sink that a section describes, with its own files in `folder`.
pub(crate) fn sink(section: &str, folder: &Path) -> Box<dyn Sink> {
    try_sink(section, folder).unwrap_or_else(|error| panic!("{error}\n{section}"))
}

pub(crate) fn try_sink(section: &str, folder: &Path) -> Result<Box<dyn Sink>, sinks::BuildError> {
    let table = DeTable::parse(section)?;
    let section = Spanned::new(table.span(), DeValue::Table(table.into_inner()));
    let kind = sinks::kind("snmp").unwrap();
    let host = Host::new("r-42-VM", folder.join("sinks")).for_sink("nms");
    (kind.build)(Section::from(section), &host)
}

/// Where that sink keeps its engine.
pub(crate) fn engine_file(folder: &Path) -> PathBuf {
    folder.join("sinks/nms.engine")
}

/// A file with a secret, closed to others.
pub(crate) fn secret_file(folder: &Path, name: &str, secret: &str) -> PathBuf {
    let file = folder.join(name);
    fs::write(&file, secret).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    file
}

pub(crate) fn event(seq: u64, fact: Fact) -> Event {
    let draft = Draft {
        service: Some("dhcp".into()),
        process: Some("dnsmasq".into()),
        outage: Some("outage-7".into()),
        time: "2026-11-02T11:47:33.207Z".parse().unwrap(),
        fact,
    };
    Event::new(draft, format!("id{seq:06}"), seq, "r-42-VM".into())
}

pub(crate) fn test_event(seq: u64) -> Event {
    event(
        seq,
        Fact::Test {
            text: format!("number {seq}"),
        },
    )
}

/// One event of every kind, numbered from 1.
pub(crate) fn every_kind() -> Vec<Event> {
    let noticed = "2026-11-02T11:47:28.201Z".parse().unwrap();
    let facts = vec![
        Fact::ServiceDown {
            noticed,
            last_pid: Some(812),
            cause: Cause::Gone { pid: 812 },
            ended: Ended::Signal(9),
        },
        Fact::Restarted {
            pid: 901,
            attempts: 2,
            downtime: Duration::from_millis(5170),
        },
        Fact::RestartFailed {
            attempts: 5,
            failure: Failure {
                reason: "the command failed".into(),
                exit: Some(1),
                output: "dnsmasq: unknown \"option\"\u{1b}[0m\nnaïve line".into(),
            },
        },
        Fact::Unmonitored {
            until: Some("2026-11-02T12:17:33Z".parse().unwrap()),
            reason: UnmonitoredReason::RestartFailed,
        },
        Fact::Recovered {
            noticed,
            last_pid: None,
            pid: 902,
            downtime: Duration::from_millis(1250),
            ended: Ended::Exit(3),
        },
        Fact::Remonitored {
            found: LookedAgain::Up { pid: 903 },
        },
        Fact::AlertsDropped {
            count: 3,
            first_seq: 4,
            last_seq: 6,
            sink: None,
            reason: "the journal is full".into(),
        },
        Fact::Test {
            text: "hello".into(),
        },
        Fact::Unknown {
            kind: "service_tired".into(),
            detail: None,
        },
        Fact::RouterUnreachable {
            misses: 3,
            last_seen: None,
            reason: "no answer".into(),
        },
        Fact::RouterReachable {
            downtime: Some(Duration::from_mins(17)),
        },
        Fact::StormBegan {
            zone: "zone-1".into(),
            routers: 200,
            services: 611,
            since: noticed,
        },
        Fact::StormEnded {
            zone: "zone-1".into(),
            routers: 200,
            services: 611,
            outages: 640,
            duration: Duration::from_mins(23),
            still_down: 3,
            still_down_first: vec!["r-7-VM dhcp".into()],
        },
    ];
    (1..)
        .zip(facts)
        .map(|(seq, fact)| event(seq, fact))
        .collect()
}

/// Delivers and expects success.
pub(crate) async fn delivered(sink: &mut dyn Sink, batch: &[Event]) {
    tokio::time::timeout(Duration::from_mins(1), sink.deliver(batch))
        .await
        .expect("the sink never gives up")
        .unwrap();
}

/// Delivers and expects `Later`; gives its words.
pub(crate) async fn later(sink: &mut dyn Sink, batch: &[Event]) -> String {
    let outcome = tokio::time::timeout(Duration::from_mins(1), sink.deliver(batch))
        .await
        .expect("the sink never gives up");
    match outcome {
        Err(DeliverError::Later { cause, .. }) => cause,
        other => panic!("{other:?} instead of Later"),
    }
}

/// Waits until `condition` gives something; panics with `what` after a generous time.
pub(crate) fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(start.elapsed() < Duration::from_mins(1), "never: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
