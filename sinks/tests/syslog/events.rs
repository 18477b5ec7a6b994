//! Sinks from sections, events to deliver, and the wait for a condition.

use std::time::{Duration, Instant};

use contract::{Cause, DeliverError, Draft, Ended, Event, Fact, Failure, Sink, UnmonitoredReason};
use sinks::{Host, Section};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The sink that a section describes.
pub(crate) fn sink(section: &str) -> Box<dyn Sink> {
    try_sink(section).unwrap_or_else(|error| panic!("{error}\n{section}"))
}

pub(crate) fn try_sink(section: &str) -> Result<Box<dyn Sink>, sinks::BuildError> {
    let table = DeTable::parse(section)?;
    let section = Spanned::new(table.span(), DeValue::Table(table.into_inner()));
    let kind = sinks::kind("syslog").unwrap();
    (kind.build)(
        Section::from(section),
        &Host::new("r-42-VM", "/nonexistent"),
    )
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

/// An event whose text names its number, so that it can be found in any format.
pub(crate) fn numbered(seq: u64) -> Event {
    let text = format!("<id{seq:06}> {}", "é".repeat(60));
    event(seq, Fact::Test { text })
}

/// What happens when dnsmasq dies and its configuration is broken.
pub(crate) fn outage() -> Vec<Event> {
    vec![
        event(
            1,
            Fact::ServiceDown {
                noticed: "2026-11-02T11:47:28.201Z".parse().unwrap(),
                last_pid: Some(812),
                cause: Cause::Gone { pid: 812 },
                ended: Ended::Signal(9),
            },
        ),
        event(
            2,
            Fact::RestartFailed {
                attempts: 5,
                failure: Failure {
                    reason: "the command failed".into(),
                    exit: Some(1),
                    output: "dnsmasq: unknown \"option\" ]\u{1b}[0m\nnaïve \\ line".into(),
                },
            },
        ),
        event(
            3,
            Fact::Unmonitored {
                until: Some("2026-11-02T12:17:33Z".parse().unwrap()),
                reason: UnmonitoredReason::RestartFailed,
            },
        ),
        event(
            4,
            Fact::Restarted {
                pid: 901,
                attempts: 1,
                downtime: Duration::from_secs(5),
            },
        ),
    ]
}

/// Delivers and expects `Later`; gives its words.
pub(crate) async fn later(sink: &mut dyn Sink, batch: &[Event]) -> String {
    let outcome = tokio::time::timeout(Duration::from_secs(30), sink.deliver(batch))
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
