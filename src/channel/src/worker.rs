//! One worker a sink: takes what comes next, hands it over, and waits with back-off when the far
//! side does not take it. A refused batch is taken apart to find the events that are refused.

use std::sync::Arc;
use std::time::Duration;

use contract::{DeliverError, Event, Fact, Timestamp};

use crate::backoff::Backoff;
use crate::ends::Ends;
use crate::flood::Condenser;
use crate::lost::Lost;
use crate::lost::told;
use crate::next::Next;
use crate::refresh::Refreshing;
use crate::shared::Shared;
use crate::{Reader, trim};

/// What carries events to one sink.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) name: String,
    pub(crate) generation: u64,
    pub(crate) sink: Box<dyn contract::Sink>,
    pub(crate) condenser: Option<Condenser>,
    /// The open outages that the sink was told of.
    pub(crate) ends: Ends,
    /// What the sink is reminded of before anything else.
    pub(crate) open: Vec<Event>,
    /// Where the sink stands, when that has to be looked up in the journal.
    pub(crate) behind: Option<u64>,
    /// Open while the worker is behind the tail.
    pub(crate) reader: Option<Reader>,
    pub(crate) backoff: Backoff,
    pub(crate) refreshing: Refreshing,
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
        self.recall().await;
        while let Some(next) = self.next().await {
            match next {
                Next::Batch(batch) => {
                    let plan = self.condense(batch);
                    self.carry_out(plan).await;
                }
                Next::SumUp(closed) => {
                    let plan = self.sum_up(closed);
                    self.carry_out(plan).await;
                }
                Next::Refresh => self.refresh().await,
            }
        }
    }

    /// Hands one batch over, however long it takes.
    pub(crate) async fn hand_over(&mut self, batch: &[Event]) {
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

    /// Counts refused events, and tells of them when that is due. The cursor stays before what is
    /// not told.
    fn tell(&self, refused: Option<Refused>) {
        let Some(refused) = refused else {
            return;
        };
        self.shared.with_sink(&self.name, self.generation, |sink| {
            sink.answered(refused.cause.clone());
            sink.lost(refused.last_seq, refused.count);
            sink.failing_since = None;
            sink.refused.add(refused.told, refused.cause);
        });
        self.shared.moved();
        self.shared.tell_refused(&self.name, self.generation, false);
    }

    /// The far side cannot take it now: waits, unless somebody drains.
    pub(crate) async fn wait(&mut self, cause: String, wish: Option<Duration>) {
        let wait = self.backoff.next(wish);
        // Made before the failure is known, so that no drain that begins later is missed.
        let hurry = self.shared.hurry.notified();
        let (first, cause) = self.failed(&cause);
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
        self.shared.tell_refused(&self.name, self.generation, false);
    }

    /// Shows a failure in the sink's status. Says whether it is the first in a row, and the cause
    /// as it is shown.
    pub(crate) fn failed(&self, cause: &str) -> (bool, String) {
        let cause = short(cause);
        let mut state = self.shared.lock();
        let drains = state.drains;
        let first = state
            .sinks
            .get_mut(&self.name)
            .filter(|sink| sink.generation == self.generation)
            .is_some_and(|sink| {
                sink.answered(cause.clone());
                sink.failed_in = drains;
                let first = sink.failing_since.is_none();
                sink.failing_since.get_or_insert_with(Timestamp::now);
                first
            });
        (first, cause)
    }
}

/// A sink's words, kept to a length that fits an event and a status line.
fn short(cause: &str) -> String {
    cause.chars().take(256).collect()
}
