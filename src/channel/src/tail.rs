//! The newest events in memory, so that a worker that keeps up never reads the disk.

use std::collections::VecDeque;
use std::sync::Arc;

use contract::Event;

/// The newest events: every event from `from` on that still exists is here.
#[derive(Debug)]
pub(crate) struct Tail {
    events: VecDeque<(Arc<Event>, usize)>,
    bytes: usize,
    from: u64,
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
        self.events.push_back((event, size));
    }

    pub(crate) fn exceeds(&self, events: usize, bytes: usize) -> bool {
        self.events.len() > events || (self.bytes > bytes && self.events.len() > 1)
    }

    /// The sequence number of the oldest event.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.events.front().map(|(event, _)| event.seq)
    }

    /// Drops the oldest event.
    pub(crate) fn forget_oldest(&mut self) {
        if let Some((event, size)) = self.events.pop_front() {
            self.bytes -= size;
            self.from = event.seq + 1;
        }
        if self.events.is_empty() {
            self.events.shrink_to_fit();
        }
    }

    /// Takes lost events out: they exist no longer.
    pub(crate) fn remove(&mut self, first: u64, last: u64) {
        let start = self.events.partition_point(|(event, _)| event.seq < first);
        let end = self.events.partition_point(|(event, _)| event.seq <= last);
        for (_, size) in self.events.drain(start..end.max(start)) {
            self.bytes -= size;
        }
    }

    /// Gives every event a number that is `by` higher.
    pub(crate) fn shift(&mut self, by: u64) {
        for (event, _) in &mut self.events {
            Arc::make_mut(event).seq += by;
        }
        self.from += by;
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
        let start = self.events.partition_point(|(event, _)| event.seq <= after);
        let mut batch = Vec::new();
        let mut bytes = 0;
        for (event, size) in self.events.range(start..) {
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
