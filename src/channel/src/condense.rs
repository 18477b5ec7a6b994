//! What a worker hands over of what it took: nothing that its sink does not want (but the end of what
//! it was told), nothing that is summed up, and the sums when they are due. The cursor stays before
//! what is not told yet.

use std::collections::BTreeSet;

use contract::{Event, Timestamp};
use tokio::time::Instant;

use crate::flood::{Closed, Condenser, Verdict, is_summary_for_another};
use crate::worker::Worker;

/// What is handed over, and how far the sink has come then.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// What goes together; never empty ones.
    batches: Vec<Vec<Event>>,
    /// Whether the next event may join the last batch.
    joins: bool,
    reaches: u64,
    /// Rows of events that are told with it, by their first, and the event that sums each up.
    told: Vec<(u64, Option<u64>)>,
}

/// The events that a sink passed without being told.
#[derive(Debug, Default)]
pub(crate) struct Untold {
    /// The first event of each row that is being summed up.
    rows: BTreeSet<u64>,
    /// The first event of those whose sum is published, and the event that is the last of these
    /// sums: not before it is on disk may a cursor pass.
    published: Option<(u64, u64)>,
}

impl Untold {
    /// The number that a cursor may not pass.
    pub(crate) fn limit(&self, synced: u64) -> u64 {
        let published = self.published.filter(|(_, sum)| *sum > synced);
        let rows = self.rows.first().copied();
        let first = published.map(|(first, _)| first).into_iter().chain(rows);
        first
            .min()
            .map_or(u64::MAX, |first| first.saturating_sub(1))
    }

    /// A row begins with `first`.
    pub(crate) fn hold(&mut self, first: u64) {
        self.rows.insert(first);
    }

    /// Whether anything is being summed up.
    pub(crate) fn any(&self) -> bool {
        !self.rows.is_empty()
    }

    /// What was numbered without a journal is numbered again.
    pub(crate) fn shift(&mut self, by: u64) {
        self.rows = self.rows.iter().map(|first| first + by).collect();
        self.published = self.published.map(|(first, sum)| (first + by, sum + by));
    }

    /// The row that begins with `first` is told, by the event `sum` if there is one.
    pub(crate) fn tell(&mut self, first: u64, sum: Option<u64>, synced: u64) {
        self.rows.remove(&first);
        self.published.take_if(|(_, sum)| *sum <= synced);
        if let Some(sum) = sum {
            let (before, last) = self.published.unwrap_or((first, sum));
            self.published = Some((before.min(first), last.max(sum)));
        }
    }
}

impl Plan {
    /// In the order of events.
    fn push(&mut self, event: Event) {
        match self.batches.last_mut().filter(|_| self.joins) {
            Some(batch) => batch.push(event),
            None => self.batches.push(vec![event]),
        }
        self.joins = true;
    }
}

impl Worker {
    /// Decides what of a batch is handed over.
    pub(crate) fn condense(&mut self, batch: Vec<Event>) -> Plan {
        let mut plan = Plan::default();
        for event in batch {
            plan.reaches = event.seq;
            let admitted = self.admits(&event);
            let own = self.shared.with_sink(&self.name, self.generation, |sink| {
                sink.refused.is_own_report(&event)
            });
            if !admitted || own == Some(true) || is_summary_for_another(&event, &self.name) {
                continue;
            }
            let (closed, verdict) = match &mut self.condenser {
                Some(condenser) => condenser.take(&event, Instant::now()),
                None => (None, Verdict::Pass),
            };
            self.tell_sums(closed, &mut plan);
            if verdict == Verdict::Pass {
                plan.push(event);
            }
        }
        self.hold_back(&plan);
        plan
    }

    /// What is handed over of what was summed up.
    pub(crate) fn sum_up(&self, closed: Vec<Closed>) -> Plan {
        let mut plan = Plan::default();
        self.tell_sums(closed, &mut plan);
        plan
    }

    /// Hands it all over, however long it takes.
    pub(crate) async fn carry_out(&mut self, plan: Plan) {
        for batch in &plan.batches {
            self.hand_over(batch).await;
        }
        let mut state = self.shared.lock();
        let (synced, passing) = (state.synced_seq, state.passing);
        if let Some(sink) = state
            .sinks
            .get_mut(&self.name)
            .filter(|sink| sink.generation == self.generation)
        {
            let kept = sink.kept(synced, passing);
            for (first, sum) in plan.told {
                sink.untold_rows.tell(first, sum, kept);
            }
            sink.position = sink.position.max(plan.reaches);
        }
        drop(state);
        self.shared.moved();
    }

    /// Publishes the sums: they are numbered, kept and delivered as any other event. Told first: a
    /// crash between tells twice rather than never.
    fn tell_sums(&self, closed: impl IntoIterator<Item = Closed>, plan: &mut Plan) {
        for closed in closed {
            let sum = closed.summary.map(|summary| {
                let events = summary.events;
                let event = summary.event(&self.name, Timestamp::now());
                let sum = self.shared.forward(vec![event]);
                self.shared.with_sink(&self.name, self.generation, |sink| {
                    sink.summed_up += events;
                });
                sum
            });
            plan.told.push((closed.first_seq, sum));
            if !closed.open.is_empty() {
                plan.batches.push(closed.open);
                plan.joins = false;
            }
        }
    }

    /// Keeps the cursor before all that this plan passes and does not tell yet.
    fn hold_back(&self, plan: &Plan) {
        let now = self.condenser.iter().flat_map(Condenser::first_seqs);
        let rows: Vec<u64> = now
            .chain(plan.told.iter().map(|(first, _)| *first))
            .collect();
        if !rows.is_empty() {
            self.shared.with_sink(&self.name, self.generation, |sink| {
                sink.untold_rows.rows.extend(rows);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_stays_before_every_row_until_its_sum_is_on_disk() {
        let mut untold = Untold::default();
        assert_eq!((untold.limit(0), untold.any()), (u64::MAX, false));
        untold.rows.extend([5, 9]);
        assert_eq!((untold.limit(99), untold.any()), (4, true));
        untold.tell(5, Some(20), 19);
        assert_eq!((untold.limit(19), untold.limit(20)), (4, 8));
        untold.tell(9, Some(25), 19);
        assert_eq!((untold.limit(24), untold.limit(25)), (4, u64::MAX));
        assert!(!untold.any());
        untold.rows.insert(30);
        untold.tell(30, Some(40), 30);
        assert_eq!((untold.limit(39), untold.limit(40)), (29, u64::MAX));
        untold.rows.insert(50);
        untold.tell(50, None, 45);
        assert_eq!(untold.limit(45), u64::MAX);
    }
}
