//! Stories about the whole channel, and what they share: small limits, events to publish, and
//! receivers that answer as they are told.

mod cap;
mod cursors;
mod damage;
mod disk;
mod drain;
mod flood;
mod forward;
mod gather;
mod glances;
mod kill;
mod left_out;
mod memory;
mod readers;
mod recall;
mod refresh;
mod refused;
mod segments;
mod speed;
mod workers;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use contract::{DeliverError, Draft, Event, Fact, Sink, Timestamp};
use tokio::time::Instant;

use crate::settings::Limits;
use crate::{Channel, Note, Opened, Reader, Settings, SinkOptions, Transaction};

const ON_DISK: SinkOptions = SinkOptions {
    needs_disk: true,
    flood: None,
};
const AT_ONCE: SinkOptions = SinkOptions {
    needs_disk: false,
    flood: None,
};

/// Small segments, and a failing disk is tried again soon.
fn small() -> Limits {
    Limits {
        smallest_size: 1,
        segment_bytes: (2048, 2048),
        retry_every: Duration::from_millis(20),
        ..Limits::default()
    }
}

/// A folder in memory where there is one: thousands of openings cost little there.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

fn settings(folder: &tempfile::TempDir) -> Settings {
    Settings {
        directory: folder.path().to_path_buf(),
        ..Settings::default()
    }
}

fn open(folder: &tempfile::TempDir) -> (Channel, Opened) {
    Channel::open_within(settings(folder), "r-1-VM".into(), small()).unwrap()
}

fn draft(text: &str) -> Draft {
    Draft {
        service: Some("dhcp".into()),
        process: Some("dnsmasq".into()),
        outage: None,
        time: Timestamp::now(),
        fact: Fact::Unknown {
            kind: text.into(),
            detail: None,
        },
    }
}

fn events(count: usize) -> Transaction {
    Transaction {
        drafts: (0..count).map(|_| draft("story")).collect(),
        notes: Vec::new(),
    }
}

fn note(key: &str, value: impl Into<Note>) -> (String, Option<Note>) {
    (key.to_owned(), Some(value.into()))
}

fn read_all(folder: &tempfile::TempDir) -> Vec<Event> {
    Reader::open(folder.path())
        .unwrap()
        .after(0, usize::MAX)
        .unwrap()
}

fn seqs(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.seq).collect()
}

/// Polls until it is so; a test that waits a minute has failed.
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !so() {
        assert!(start.elapsed() < Duration::from_mins(1), "never: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The same without holding up the workers.
async fn soon(what: &str, mut so: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !so() {
        assert!(start.elapsed() < Duration::from_mins(1), "never: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Waits until every sink has everything, however often it fails before; a test that waits a day
/// of the paused clock has failed.
async fn caught_up(channel: &Channel) {
    let start = Instant::now();
    while channel.status().sinks.iter().any(|sink| sink.pending > 0) {
        assert!(
            start.elapsed() < Duration::from_hours(24),
            "never caught up"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What a receiver answers.
enum Answer {
    Take,
    Later(Option<Duration>),
    Never(&'static str),
    Silence,
    Panic,
}

/// What a receiver heard and took, and when each batch was offered.
#[derive(Clone, Default)]
struct Heard {
    taken: Arc<Mutex<Vec<Event>>>,
    offers: Arc<Mutex<Vec<(Instant, usize)>>>,
}

impl Heard {
    fn seqs(&self) -> Vec<u64> {
        seqs(&self.taken.lock().unwrap())
    }

    fn taken(&self) -> Vec<Event> {
        self.taken.lock().unwrap().clone()
    }

    fn offers(&self) -> Vec<(Instant, usize)> {
        self.offers.lock().unwrap().clone()
    }
}

struct Receiver<F> {
    heard: Heard,
    answer: F,
}

#[async_trait]
impl<F: FnMut(&[Event]) -> Answer + Send> Sink for Receiver<F> {
    async fn deliver(&mut self, batch: &[Event]) -> Result<(), DeliverError> {
        self.heard
            .offers
            .lock()
            .unwrap()
            .push((Instant::now(), batch.len()));
        match (self.answer)(batch) {
            Answer::Take => {
                self.heard.taken.lock().unwrap().extend_from_slice(batch);
                Ok(())
            }
            Answer::Later(wait) => Err(DeliverError::Later {
                cause: "busy".into(),
                wait,
            }),
            Answer::Never(cause) => Err(DeliverError::Never {
                cause: cause.into(),
            }),
            Answer::Silence => std::future::pending().await,
            Answer::Panic => panic!("the receiver's own mistake"),
        }
    }
}

/// A receiver that answers as it is told.
fn receiver<F>(answer: F) -> (Heard, Box<dyn Sink>)
where
    F: FnMut(&[Event]) -> Answer + Send + 'static,
{
    let heard = Heard::default();
    let receiver = Receiver {
        heard: heard.clone(),
        answer,
    };
    (heard, Box::new(receiver))
}

/// A receiver that takes everything.
fn willing() -> (Heard, Box<dyn Sink>) {
    receiver(|_| Answer::Take)
}

/// The counts of all reports of loss for one sink.
fn told_lost(events: &[Event], of: Option<&str>) -> u64 {
    events
        .iter()
        .map(|event| match &event.fact {
            Fact::AlertsDropped { count, sink, .. } if sink.as_deref() == of => *count,
            _ => 0,
        })
        .sum()
}
