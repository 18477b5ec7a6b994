//! Sinks from sections, and events to deliver.

use std::path::Path;
use std::time::{Duration, Instant};

use contract::{Cause, DeliverError, Draft, Ended, Event, Fact, Failure, Sink, UnmonitoredReason};
use sinks::{Host, Section};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The sink that a section describes; it keeps its file in `directory`.
pub(crate) fn sink(section: &str, directory: &Path) -> Box<dyn Sink> {
    let build = || {
        let table = DeTable::parse(section)?;
        let section = Spanned::new(table.span(), DeValue::Table(table.into_inner()));
        let kind = sinks::kind("email").unwrap();
        let host = Host::new("r-42-VM", directory.join("sinks")).for_sink("admins");
        (kind.build)(Section::from(section), &host)
    };
    build().unwrap_or_else(|error: sinks::BuildError| panic!("{error}\n{section}"))
}

/// An event of an outage of `process`.
pub(crate) fn event(seq: u64, process: &str, fact: Fact) -> Event {
    let draft = Draft {
        service: Some(format!("the {process} service")),
        process: Some(process.into()),
        outage: Some(format!("outage-of-{process}")),
        time: "2026-11-02T11:47:33.207Z".parse().unwrap(),
        fact,
    };
    Event::new(draft, format!("id{seq:06}"), seq, "r-42-VM".into())
}

pub(crate) fn down() -> Fact {
    Fact::ServiceDown {
        noticed: "2026-11-02T11:47:28.201Z".parse().unwrap(),
        last_pid: Some(812),
        cause: Cause::Gone { pid: 812 },
        ended: Ended::Signal(9),
    }
}

pub(crate) fn failed(output: &str) -> Fact {
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
        until: Some("2026-11-02T12:17:33Z".parse().unwrap()),
        reason: UnmonitoredReason::RestartFailed,
    }
}

pub(crate) fn restarted() -> Fact {
    Fact::Restarted {
        pid: 901,
        attempts: 1,
        downtime: Duration::from_secs(5),
    }
}

/// What happens when haproxy dies and its configuration is broken.
pub(crate) fn outage() -> Vec<Event> {
    vec![
        event(1, "haproxy", down()),
        event(
            2,
            "haproxy",
            failed("parsing [haproxy.cfg:7]\nunknown <keyword> naïve"),
        ),
        event(3, "haproxy", unmonitored()),
    ]
}

async fn deliver(sink: &mut dyn Sink, batch: &[Event]) -> Result<(), DeliverError> {
    tokio::time::timeout(Duration::from_mins(1), sink.deliver(batch))
        .await
        .expect("the sink never gives up")
}

/// Delivers and expects `Later`; gives its words.
pub(crate) async fn later(sink: &mut dyn Sink, batch: &[Event]) -> String {
    match deliver(sink, batch).await {
        Err(DeliverError::Later { cause, .. }) => cause,
        other => panic!("{other:?} instead of Later"),
    }
}

/// Delivers and expects `Never`; gives its words.
pub(crate) async fn never(sink: &mut dyn Sink, batch: &[Event]) -> String {
    match deliver(sink, batch).await {
        Err(DeliverError::Never { cause }) => cause,
        other => panic!("{other:?} instead of Never"),
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
        std::thread::sleep(Duration::from_millis(5));
    }
}
