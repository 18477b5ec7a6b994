//! What receiving counts. Whoever renders metrics reads [`Metrics::snapshot`].

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;

use crate::store::Stored;

/// The upper bounds of the histogram of commits, in seconds.
const SECONDS: [f64; 9] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0];

/// Counters since the start.
#[derive(Debug)]
pub struct Metrics {
    batches_accepted: AtomicU64,
    events_new: AtomicU64,
    events_known: AtomicU64,
    unauthorized: AtomicU64,
    refused: AtomicU64,
    turned_away: AtomicU64,
    commits: AtomicU64,
    queue_highest: AtomicU64,
    commit_seconds: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            batches_accepted: AtomicU64::default(),
            events_new: AtomicU64::default(),
            events_known: AtomicU64::default(),
            unauthorized: AtomicU64::default(),
            refused: AtomicU64::default(),
            turned_away: AtomicU64::default(),
            commits: AtomicU64::default(),
            queue_highest: AtomicU64::default(),
            commit_seconds: Histogram::new(SECONDS),
        }
    }
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Batches that were committed.
    pub batches_accepted: u64,
    /// Events that were stored.
    pub events_new: u64,
    /// Events that had been stored before.
    pub events_known: u64,
    /// Requests that no router's key had signed, or not just now (401).
    pub unauthorized: u64,
    /// Requests that were refused for another fault of theirs (4xx).
    pub refused: u64,
    /// Requests that may come again: the store is away or the queue full (5xx).
    pub turned_away: u64,
    /// Transactions.
    pub commits: u64,
    /// The most batches that ever waited.
    pub queue_highest: u64,
}

impl Metrics {
    /// The counters now.
    pub fn snapshot(&self) -> Snapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Snapshot {
            batches_accepted: read(&self.batches_accepted),
            events_new: read(&self.events_new),
            events_known: read(&self.events_known),
            unauthorized: read(&self.unauthorized),
            refused: read(&self.refused),
            turned_away: read(&self.turned_away),
            commits: read(&self.commits),
            queue_highest: read(&self.queue_highest),
        }
    }

    pub(super) fn stored(&self, stored: Stored) {
        add(&self.batches_accepted, 1);
        add(&self.events_new, stored.new);
        add(&self.events_known, stored.known);
    }

    pub(super) fn refused_with(&self, status: u16) {
        add(
            match status {
                401 => &self.unauthorized,
                500.. => &self.turned_away,
                _ => &self.refused,
            },
            1,
        );
    }

    /// How long transactions took, in seconds.
    #[must_use]
    pub fn commit_seconds(&self) -> Histogram {
        self.commit_seconds.clone()
    }

    pub(super) fn committed(&self, took: Duration) {
        add(&self.commits, 1);
        self.commit_seconds.observe(took.as_secs_f64());
    }

    pub(super) fn queued(&self, length: usize) {
        self.queue_highest
            .fetch_max(length as u64, Ordering::Relaxed);
    }
}

fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}
