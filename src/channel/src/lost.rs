//! Loss, counted: the numbers of events that somebody did not get, and the event that tells of it.

use contract::{Draft, Fact, Timestamp};

use crate::Transaction;

/// A count of lost events, and between which numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) count: u64,
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl Lost {
    /// Counts the events `first` to `last`.
    pub(crate) fn add(&mut self, first: u64, last: u64) {
        if last < first {
            return;
        }
        if self.count == 0 {
            self.first = first;
        }
        self.first = self.first.min(first);
        self.last = self.last.max(last);
        self.count = self.count.saturating_add(last - first + 1);
    }

    /// Counts another loss as well.
    pub(crate) fn merge(&mut self, other: Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = other;
            return;
        }
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.count = self.count.saturating_add(other.count);
    }
}

/// The transaction that tells of lost events.
pub(crate) fn told(lost: Lost, sink: Option<&str>, reason: String) -> Transaction {
    Transaction {
        drafts: vec![Draft {
            service: None,
            process: None,
            outage: None,
            time: Timestamp::now(),
            fact: Fact::AlertsDropped {
                count: lost.count,
                first_seq: lost.first,
                last_seq: lost.last,
                sink: sink.map(str::to_owned),
                reason,
            },
        }],
        notes: Vec::new(),
    }
}
