//! One worker a sink: takes what comes next, hands it over, and waits with back-off when the far
//! side does not take it. A refused batch is taken apart to find the events that are refused.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use contract::{DeliverError, Event, Fact, Timestamp};

use crate::backoff::Backoff;
use crate::lost::Lost;
use crate::lost::told;
use crate::shared::Shared;
use crate::tail::Take;
use crate::{Reader, trim};

/// The most events in one batch.
pub(crate) const MAX_EVENTS: usize = 100;
/// The most bytes of JSON in one batch, unless a single event is longer.
const MAX_BYTES: usize = 256 * 1024;
/// How long a sink may take for one batch.
const PATIENCE: Duration = Duration::from_mins(1);

/// What carries events to one sink.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) name: String,
    pub(crate) generation: u64,
    pub(crate) sink: Box<dyn contract::Sink>,
    /// Open while the worker is behind the tail.
    pub(crate) reader: Option<Reader>,
    pub(crate) backoff: Backoff,
}

/// Events in a row that were refused for the same cause.
struct Refused {
    cause: String,
    count: u64,
    last_seq: u64,
    /// Those that are told; a refused report or test is only counted, or it would go on for ever.
    told: Lost,
}

impl Worker {
    /// Runs until its sink is stopped or replaced.
    pub(crate) async fn run(mut self) {
        while let Some(batch) = self.next_batch().await {
            self.hand_over(&batch).await;
        }
    }

    /// Waits for events; `None` when the sink is no longer this worker's.
    async fn next_batch(&mut self) -> Option<Vec<Event>> {
        loop {
            let (after, visible) = {
                let mut state = self.shared.lock();
                let state = &mut *state;
                let sink = state.sinks.get(&self.name)?;
                if sink.generation != self.generation {
                    return None;
                }
                let (after, visible) = (sink.position, state.visible(sink.needs_disk));
                if after >= visible {
                    let wake = Arc::clone(&sink.wake);
                    self.reader = None;
                    (Err(wake), visible)
                } else {
                    match state.tail.take(after, visible, MAX_EVENTS, MAX_BYTES) {
                        Take::Events(batch) => {
                            self.reader = None;
                            if let (Some(sink), Some(last)) =
                                (state.sinks.get_mut(&self.name), batch.last())
                            {
                                sink.held = last.seq;
                            }
                            return Some(batch);
                        }
                        Take::Nothing => {
                            if let Some(sink) = state.sinks.get_mut(&self.name) {
                                sink.position = visible;
                            }
                            self.shared.moved();
                            continue;
                        }
                        Take::OnDisk => (Ok(after), visible),
                    }
                }
            };
            match after {
                Err(wake) => wake.notified().await,
                Ok(after) => match self.read(after, visible) {
                    Ok(Some(batch)) => return Some(batch),
                    Ok(None) => {}
                    Err(error) => {
                        self.reader = None;
                        self.wait(format!("the journal cannot be read: {error}"), None)
                            .await;
                    }
                },
            }
        }
    }

    /// Reads what comes next from disk. `None`: look again.
    fn read(&mut self, after: u64, visible: u64) -> std::io::Result<Option<Vec<Event>>> {
        let Some(settings) = &self.shared.settings else {
            return Ok(None);
        };
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => none.insert(Reader::open(&settings.directory)?),
        };
        let mut batch: Vec<Event> = reader
            .read(after, MAX_EVENTS, MAX_BYTES)?
            .into_iter()
            .map(|(event, _)| event)
            .collect();
        batch.retain(|event| event.seq <= visible);
        let mut state = self.shared.lock();
        let end_of_disk = visible.min(state.tail.from().saturating_sub(1));
        let Some(sink) = state
            .sinks
            .get_mut(&self.name)
            .filter(|sink| sink.generation == self.generation && sink.position == after)
        else {
            // The segment went while it was read, and the loss is counted.
            return Ok(None);
        };
        if let Some(last) = batch.last() {
            sink.held = last.seq;
            Ok(Some(batch))
        } else {
            // What once had these numbers is gone for good.
            sink.position = end_of_disk.max(after + 1).min(visible);
            drop(state);
            self.shared.moved();
            Ok(None)
        }
    }

    /// Hands one batch over, however long it takes.
    async fn hand_over(&mut self, batch: &[Event]) {
        let mut rest = batch;
        let mut singly = false;
        let mut refused: Option<Refused> = None;
        while let (Some(first), Some(last)) = (rest.first(), rest.last()) {
            let (now, later, last) = if singly {
                let (now, later) = rest.split_at(1);
                (now, later, first)
            } else {
                (rest, &rest[rest.len()..], last)
            };
            match self.deliver(now).await {
                Ok(()) => {
                    self.tell(refused.take());
                    self.took(last.seq, now.len() as u64);
                    rest = later;
                }
                Err(DeliverError::Never { .. }) if now.len() > 1 => singly = true,
                Err(DeliverError::Never { cause }) => {
                    let other_cause = |before: &Refused| before.cause != short(&cause);
                    if refused.as_ref().is_some_and(other_cause) {
                        self.tell(refused.take());
                    }
                    let refused = refused.get_or_insert_with(|| Refused {
                        cause: short(&cause),
                        count: 0,
                        last_seq: 0,
                        told: Lost::default(),
                    });
                    refused.count += 1;
                    refused.last_seq = last.seq;
                    if !matches!(last.fact, Fact::AlertsDropped { .. } | Fact::Test { .. }) {
                        refused.told.add(last.seq, last.seq);
                    }
                    self.backoff.reset();
                    rest = later;
                }
                Err(DeliverError::Later { cause, wait }) => {
                    self.tell(refused.take());
                    self.wait(cause, wait).await;
                }
            }
        }
        self.tell(refused);
    }

    /// One try, with an end to patience and to panics.
    async fn deliver(&mut self, batch: &[Event]) -> Result<(), DeliverError> {
        let later = |cause: String| Err(DeliverError::Later { cause, wait: None });
        let mut delivery = self.sink.deliver(batch);
        let guarded = poll_fn(|context| {
            catch_unwind(AssertUnwindSafe(|| delivery.as_mut().poll(context))).unwrap_or_else(
                |_| Poll::Ready(later("the sink broke down (it panicked)".to_owned())),
            )
        });
        match tokio::time::timeout(PATIENCE, guarded).await {
            Ok(answer) => answer,
            Err(_) => later(format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }

    /// The sink took everything up to `seq`.
    fn took(&mut self, seq: u64, count: u64) {
        self.backoff.reset();
        let (failed, untold) = {
            let mut state = self.shared.lock();
            let oldest = state.tail.oldest().unwrap_or(0);
            let Some(sink) = state
                .sinks
                .get_mut(&self.name)
                .filter(|sink| sink.generation == self.generation)
            else {
                return;
            };
            let failed = sink.failing_since.is_some();
            sink.took(seq, count);
            // Not before there is room, or the report itself would push an event out.
            let room = sink.position >= oldest;
            let untold = room.then(|| std::mem::take(&mut sink.untold));
            (failed, untold.unwrap_or_default())
        };
        self.shared.moved();
        if failed {
            tracing::info!(sink = self.name, "the sink takes alerts again");
        }
        if untold.count > 0 {
            let reason = match self.shared.settings {
                Some(_) => trim::REASON,
                None => "the memory for alerts was full before the sink took them",
            };
            self.shared
                .publish(told(untold, Some(&self.name), reason.to_owned()));
        }
    }

    /// Counts refused events, and tells of them. Told first: a crash between tells twice rather
    /// than never.
    fn tell(&self, refused: Option<Refused>) {
        let Some(refused) = refused else {
            return;
        };
        tracing::warn!(
            sink = self.name,
            count = refused.count,
            cause = refused.cause,
            "alerts were refused for good"
        );
        if refused.told.count > 0 {
            let cause = refused.cause.clone();
            self.shared
                .publish(told(refused.told, Some(&self.name), cause));
        }
        self.shared.with_sink(&self.name, self.generation, |sink| {
            sink.answered(refused.cause);
            sink.lost(refused.last_seq, refused.count);
            sink.failing_since = None;
        });
        self.shared.moved();
    }

    /// The far side cannot take it now: waits, unless somebody drains.
    async fn wait(&mut self, cause: String, wish: Option<Duration>) {
        let wait = self.backoff.next(wish);
        let cause = short(&cause);
        // Made before the failure is known, so that no drain that begins later is missed.
        let hurry = self.shared.hurry.notified();
        let first = {
            let mut state = self.shared.lock();
            let drains = state.drains;
            state
                .sinks
                .get_mut(&self.name)
                .filter(|sink| sink.generation == self.generation)
                .is_some_and(|sink| {
                    sink.answered(cause.clone());
                    sink.failed_in = drains;
                    let first = sink.failing_since.is_none();
                    sink.failing_since.get_or_insert_with(Timestamp::now);
                    first
                })
        };
        if first {
            tracing::warn!(
                sink = self.name,
                cause,
                "the sink does not take alerts; they wait in the journal"
            );
        }
        self.shared.progress.notify_waiters();
        // Whether the time is up or somebody drains, the next try is due.
        let _ = tokio::time::timeout(wait, hurry).await;
    }
}

/// A sink's words, kept to a length that fits an event and a status line.
fn short(cause: &str) -> String {
    cause.chars().take(256).collect()
}
