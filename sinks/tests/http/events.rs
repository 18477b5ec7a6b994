//! Sinks from sections, events to deliver, and the wait for a condition.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use contract::UnmonitoredReason;
use contract::{Cause, DeliverError, Draft, Ended, Event, Fact, Failure, Sink, Timestamp};
use sinks::{Host, Section};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A Standard Webhooks secret, and another one.
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub(crate) const OTHER_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// The sink that a section describes.
pub(crate) fn sink(section: &str) -> Box<dyn Sink> {
    let table = DeTable::parse(section).unwrap_or_else(|error| panic!("{error}\n{section}"));
    let value = Spanned::new(table.span(), DeValue::Table(table.into_inner()));
    let kind = sinks::kind("http").unwrap();
    (kind.build)(Section::from(value), &Host::new("r-42-VM", "/nonexistent"))
        .unwrap_or_else(|error| panic!("{error}\n{section}"))
}

/// A file with a secret in it.
pub(crate) fn secret_file(folder: &Path, name: &str, content: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path
}

/// An event of an outage of dnsmasq that is judged now.
pub(crate) fn event(seq: u64, fact: Fact) -> Event {
    let draft = Draft {
        service: Some("dhcp".into()),
        process: Some("dnsmasq".into()),
        outage: Some("outage-7".into()),
        time: Timestamp::now(),
        fact,
    };
    Event::new(draft, format!("id{seq:06}"), seq, "r-42-VM".into())
}

pub(crate) fn service_down(seq: u64) -> Event {
    event(
        seq,
        Fact::ServiceDown {
            noticed: Timestamp::now(),
            last_pid: Some(812),
            cause: Cause::Gone { pid: 812 },
            ended: Ended::Signal(9),
        },
    )
}

pub(crate) fn restart_failed(seq: u64, output: &str) -> Event {
    event(
        seq,
        Fact::RestartFailed {
            attempts: 5,
            failure: Failure {
                reason: "the command failed".into(),
                exit: Some(1),
                output: output.into(),
            },
        },
    )
}

pub(crate) fn unmonitored(seq: u64) -> Event {
    event(
        seq,
        Fact::Unmonitored {
            until: Some(Timestamp::now().saturating_add(Duration::from_mins(30))),
            reason: UnmonitoredReason::RestartFailed,
        },
    )
}

pub(crate) fn restarted(seq: u64) -> Event {
    event(
        seq,
        Fact::Restarted {
            pid: 901,
            attempts: 1,
            downtime: Duration::from_secs(5),
        },
    )
}

/// A batch well above what is compressed.
pub(crate) fn large_batch() -> Vec<Event> {
    (1..=20)
        .map(|seq| restart_failed(seq, "naïve \u{1b}[31m \"quoted\""))
        .collect()
}

/// Delivers; panics where a sink never gives up.
pub(crate) async fn deliver(sink: &mut dyn Sink, batch: &[Event]) -> Result<(), DeliverError> {
    tokio::time::timeout(Duration::from_mins(1), sink.deliver(batch))
        .await
        .expect("the sink never gives up")
}

/// Delivers and expects `Later`; gives its words and the wish to wait.
pub(crate) async fn later(sink: &mut dyn Sink, batch: &[Event]) -> (String, Option<Duration>) {
    match deliver(sink, batch).await {
        Err(DeliverError::Later { cause, wait }) => {
            assert_harmless(&cause);
            (cause, wait)
        }
        other => panic!("{other:?} instead of Later"),
    }
}

/// Delivers and expects `Never`; gives its words.
pub(crate) async fn never(sink: &mut dyn Sink, batch: &[Event]) -> String {
    match deliver(sink, batch).await {
        Err(DeliverError::Never { cause }) => {
            assert_harmless(&cause);
            cause
        }
        other => panic!("{other:?} instead of Never"),
    }
}

fn assert_harmless(cause: &str) {
    assert!(!cause.contains(char::is_control), "{cause:?}");
    for secret in [&SECRET[6..], &OTHER_SECRET[6..], "hunter2"] {
        assert!(!cause.contains(secret), "{cause}");
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
