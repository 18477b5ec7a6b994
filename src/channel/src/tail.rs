//! The newest events in memory, so that a worker that keeps up never reads the disk.

use std::collections::VecDeque;
use std::sync::Arc;

use contract::Event;
use tokio::time::Instant;

/// The newest events: every event from `from` on that still exists is here.
#[derive(Debug)]
pub(crate) struct Tail {
    events: VecDeque<Entry>,
    bytes: usize,
    from: u64,
}

#[derive(Debug)]
struct Entry {
    event: Arc<Event>,
    /// Length of its JSON in bytes.
    size: usize,
    published: Instant,
}

/// What waits behind a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// When the first of them was published.
    pub(crate) since: Instant,
    /// Whether it is a whole batch or more.
    pub(crate) full: bool,
}

/// What there is behind a position.
#[derive(Debug, PartialEq)]
pub(crate) enum Take {
    /// These come next.
    Events(Vec<Event>),
    /// There is none up to where the worker may see.
    Nothing,
    /// It is no longer in memory.
    OnDisk,
}

impl Tail {
    pub(crate) const fn new(from: u64) -> Self {
        Self {
            events: VecDeque::new(),
            bytes: 0,
            from,
        }
    }

    /// Everything from here on is in memory.
    pub(crate) const fn from(&self) -> u64 {
        self.from
    }

    pub(crate) fn push(&mut self, event: Arc<Event>, size: usize) {
        self.bytes += size;
        self.events.push_back(Entry {
            event,
            size,
            published: Instant::now(),
        });
    }

    pub(crate) fn exceeds(&self, events: usize, bytes: usize) -> bool {
        self.events.len() > events || (self.bytes > bytes && self.events.len() > 1)
    }

    /// The sequence number of the oldest event.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.events.front().map(|entry| entry.event.seq)
    }

    /// Drops the oldest event.
    pub(crate) fn forget_oldest(&mut self) {
        if let Some(oldest) = self.events.pop_front() {
            self.bytes -= oldest.size;
            self.from = oldest.event.seq + 1;
        }
        if self.events.is_empty() {
            self.events.shrink_to_fit();
        }
    }

    /// Takes lost events out: they exist no longer.
    pub(crate) fn remove(&mut self, first: u64, last: u64) {
        let start = self.events.partition_point(|entry| entry.event.seq < first);
        let end = self.events.partition_point(|entry| entry.event.seq <= last);
        for lost in self.events.drain(start..end.max(start)) {
            self.bytes -= lost.size;
        }
    }

    /// Gives every event a number that is `by` higher.
    pub(crate) fn shift(&mut self, by: u64) {
        for entry in &mut self.events {
            Arc::make_mut(&mut entry.event).seq += by;
        }
        self.from += by;
    }

    /// What waits behind `after`, up to `visible`; `None` when the first of it is not in memory.
    pub(crate) fn waiting(
        &self,
        after: u64,
        visible: u64,
        max_events: usize,
        max_bytes: usize,
    ) -> Option<Waiting> {
        if after.saturating_add(1) < self.from {
            return None;
        }
        let start = self
            .events
            .partition_point(|entry| entry.event.seq <= after);
        let mut waiting = self
            .events
            .range(start..)
            .take_while(|entry| entry.event.seq <= visible)
            .take(max_events);
        let first = waiting.next()?;
        let (mut events, mut bytes) = (1, first.size);
        for entry in waiting {
            events += 1;
            bytes += entry.size;
        }
        Some(Waiting {
            since: first.published,
            full: events >= max_events || bytes > max_bytes,
        })
    }

    /// The next events behind `after`, up to `visible`.
    pub(crate) fn take(
        &self,
        after: u64,
        visible: u64,
        max_events: usize,
        max_bytes: usize,
    ) -> Take {
        if after.saturating_add(1) < self.from {
            return Take::OnDisk;
        }
        let start = self
            .events
            .partition_point(|entry| entry.event.seq <= after);
        let mut batch = Vec::new();
        let mut bytes = 0;
        for Entry { event, size, .. } in self.events.range(start..) {
            bytes += size;
            let full = batch.len() >= max_events || (bytes > max_bytes && !batch.is_empty());
            if event.seq > visible || full {
                break;
            }
            batch.push(event.as_ref().clone());
        }
        if batch.is_empty() {
            Take::Nothing
        } else {
            Take::Events(batch)
        }
    }
}
