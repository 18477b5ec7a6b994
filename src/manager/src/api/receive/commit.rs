//! Group commit: what waits is stored in one transaction, and everybody is answered once that is
//! done. The queue is bounded in batches, events and bytes; a client that went away harms nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::archive::Archive;
use super::metrics::Metrics;
use crate::store::{Batch, StoreError, Stored};

/// The most batches that wait.
const MOST_WAITING: usize = 8192;
/// The most bytes of JSON that wait or are being stored, in units of [`UNIT`].
const MOST_UNITS: usize = 64 * 1024;
/// What bytes are counted in: a semaphore counts no more than 2³² at a time.
const UNIT: usize = 1024;
/// The most batches and events in one transaction.
const MOST_BATCHES: usize = 1024;
const MOST_EVENTS: usize = 2000;
/// How long a transaction may take until the database counts as away. Routers wait 20 s for an
/// answer, unless they are told otherwise: they are to hear this one.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why a batch is not stored.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommitError {
    /// More comes in than the database takes.
    #[error("more comes in than can be stored")]
    Full,
    /// The store refuses, for this batch or for all.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// The manager stops.
    #[error("the manager is stopping")]
    Stopped,
}

/// Where batches are handed in.
#[derive(Clone, Debug)]
pub struct Committer {
    queue: mpsc::Sender<Waiting>,
    units: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct Waiting {
    batch: Batch,
    answer: oneshot::Sender<Result<Stored, CommitError>>,
    units: OwnedSemaphorePermit,
}

impl Committer {
    /// Starts the task that stores. It ends when the last of the committers is dropped and all
    /// that waited is stored.
    pub fn start(archive: Arc<dyn Archive>, metrics: Arc<Metrics>) -> (Self, JoinHandle<()>) {
        let (queue, waiting) = mpsc::channel(MOST_WAITING);
        let task = tokio::spawn(work(archive, waiting, Arc::clone(&metrics)));
        let units = Arc::new(Semaphore::new(MOST_UNITS));
        let committer = Self {
            queue,
            units,
            metrics,
        };
        (committer, task)
    }

    /// Stores a batch whose JSON has so many bytes; returns once it is committed.
    ///
    /// # Errors
    /// [`CommitError`] when it is not stored, or was not known to be when this had to return.
    pub async fn store(&self, batch: Batch, bytes: usize) -> Result<Stored, CommitError> {
        let units = u32::try_from(bytes.div_ceil(UNIT).max(1)).unwrap_or(u32::MAX);
        let Ok(units) = Arc::clone(&self.units).try_acquire_many_owned(units) else {
            return Err(CommitError::Full);
        };
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting {
            batch,
            answer,
            units,
        };
        self.queue.try_send(waiting).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => CommitError::Full,
            mpsc::error::TrySendError::Closed(_) => CommitError::Stopped,
        })?;
        self.metrics
            .queued(self.queue.max_capacity() - self.queue.capacity());
        answered.await.unwrap_or(Err(CommitError::Stopped))
    }
}

async fn work(
    archive: Arc<dyn Archive>,
    mut waiting: mpsc::Receiver<Waiting>,
    metrics: Arc<Metrics>,
) {
    let mut held_over = None;
    loop {
        let first = match held_over.take() {
            Some(first) => first,
            None => match waiting.recv().await {
                Some(first) => first,
                None => return,
            },
        };
        let mut events = first.batch.events.len();
        let (mut batches, mut answers) = (vec![first.batch], vec![(first.answer, first.units)]);
        while batches.len() < MOST_BATCHES && held_over.is_none() {
            let Ok(next) = waiting.try_recv() else { break };
            events += next.batch.events.len();
            if events > MOST_EVENTS {
                held_over = Some(next);
                break;
            }
            batches.push(next.batch);
            answers.push((next.answer, next.units));
        }
        let outcomes = store(&*archive, &batches, &metrics).await;
        for ((answer, units), outcome) in answers.into_iter().zip(outcomes) {
            if let Ok(stored) = &outcome {
                metrics.stored(*stored);
            }
            // Whoever asked may have gone.
            let _ = answer.send(outcome);
            drop(units);
        }
    }
}

/// Stores them in one transaction. When the store finds one of them impossible, in several, so
/// that it fails alone.
async fn store(
    archive: &dyn Archive,
    batches: &[Batch],
    metrics: &Metrics,
) -> Vec<Result<Stored, CommitError>> {
    let mut outcomes = Vec::with_capacity(batches.len());
    let mut parts = vec![batches];
    while let Some(part) = parts.pop() {
        let began = Instant::now();
        let stored = match timeout(PATIENCE, archive.store_batches(part)).await {
            Ok(stored) => stored,
            Err(_) => Err(StoreError::Unavailable("it takes too long".to_owned())),
        };
        metrics.committed(began.elapsed());
        match stored {
            Ok(each) if each.len() == part.len() => {
                let told = |one: Result<_, StoreError>| {
                    one.map_err(|error| CommitError::Store(Arc::new(error)))
                };
                outcomes.extend(each.into_iter().map(told));
            }
            Ok(_) => fail(
                &mut outcomes,
                part.len(),
                StoreError::Broken("it answers for other batches than it was given".to_owned()),
            ),
            Err(StoreError::Broken(_)) if part.len() > 1 => {
                let (left, right) = part.split_at(part.len() / 2);
                // The last is taken first, and outcomes are in the order of the batches.
                parts.extend([right, left]);
            }
            Err(error) => fail(&mut outcomes, part.len(), error),
        }
    }
    outcomes
}

fn fail(outcomes: &mut Vec<Result<Stored, CommitError>>, count: usize, error: StoreError) {
    let error = CommitError::Store(Arc::new(error));
    outcomes.extend((0..count).map(|_| Err(error.clone())));
}

#[cfg(test)]
#[path = "commit_tests.rs"]
mod tests;
