//! What a sink refused for good, told in sums: the first at once, and then one sum within a time
//! that grows while it goes on. Else one sink with a wrong address would have a report published
//! for every batch, to all others.

use std::collections::VecDeque;
use std::time::Duration;

use contract::Event;
use tokio::time::Instant;

use crate::condense::Untold;
use crate::lost::{Lost, told};
use crate::shared::Shared;

/// After the first report.
const FIRST_WINDOW: Duration = Duration::from_mins(10);
/// However long it goes on.
const LONGEST_WINDOW: Duration = Duration::from_hours(1);
/// How many reports are known as the sink's own; it had to lag behind a day of them to forget one.
const MAX_REPORTS: usize = 24;

/// What one sink refused.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    lost: Lost,
    cause: String,
    window: Duration,
    /// When the next report may go.
    due: Option<Instant>,
    /// Keeps the cursor before what is counted and not told: after a crash it is handed over again.
    pub(crate) rows: Untold,
    /// The reports that the sink itself is not told, by their ids.
    reports: VecDeque<String>,
}

impl Refusals {
    /// Counts.
    pub(crate) fn add(&mut self, lost: Lost, cause: String) {
        if lost.count > 0 {
            self.lost.merge(lost);
            self.rows.hold(self.lost.first);
            self.cause = cause;
        }
    }

    /// When what is counted is to be told.
    pub(crate) fn due(&self) -> Option<Instant> {
        (self.lost.count > 0).then(|| self.due.unwrap_or_else(Instant::now))
    }

    /// What is to be told: when it is due, or all the same.
    fn take(&mut self, now: Instant, all: bool) -> Option<(Lost, String)> {
        self.due().filter(|due| all || *due <= now)?;
        // Nothing was refused for a whole window: this is another mistake.
        let quiet = self.due.is_none_or(|due| now > due + self.window);
        self.window = if quiet {
            FIRST_WINDOW
        } else {
            (self.window * 2).min(LONGEST_WINDOW)
        };
        self.due = Some(now + self.window);
        Some((
            std::mem::take(&mut self.lost),
            std::mem::take(&mut self.cause),
        ))
    }

    fn told(&mut self, first: u64, report: &Event, synced: u64) {
        self.rows.tell(first, Some(report.seq), synced);
        if self.reports.len() >= MAX_REPORTS {
            self.reports.pop_front();
        }
        self.reports.push_back(report.id.clone());
    }

    /// What was numbered without a journal is numbered again.
    pub(crate) fn shift(&mut self, by: u64) {
        self.rows.shift(by);
        if self.lost.count > 0 {
            self.lost.first += by;
            self.lost.last += by;
        }
    }

    /// Whether an event is a report that this sink is not told.
    pub(crate) fn is_own_report(&mut self, event: &Event) -> bool {
        let found = self.reports.iter().position(|id| *id == event.id);
        found.is_some_and(|index| self.reports.remove(index).is_some())
    }
}

impl Shared {
    /// Tells what a sink refused when that is due, or all the same.
    pub(crate) fn tell_refused(&self, name: &str, generation: u64, all: bool) {
        let now = Instant::now();
        let taken = self.with_sink(name, generation, |sink| sink.refused.take(now, all));
        let Some((lost, cause)) = taken.flatten() else {
            return;
        };
        let report = self.publish_refused(name, lost, cause);
        let mut state = self.lock();
        let synced = state.synced_seq;
        if let Some(sink) = state.sinks.get_mut(name)
            && let Some(report) = report
            && sink.generation == generation
        {
            sink.refused.told(lost.first, &report, synced);
        }
    }

    /// Tells what any sink refused up to `seq`: after a crash it cannot be handed over again.
    pub(crate) fn tell_refused_up_to(&self, seq: u64) {
        let early = |refused: &Refusals| refused.due().is_some() && refused.lost.first <= seq;
        let sinks: Vec<(String, u64)> = {
            let state = self.lock();
            let early = state.sinks.iter().filter(|(_, sink)| early(&sink.refused));
            early
                .map(|(name, sink)| (name.clone(), sink.generation))
                .collect()
        };
        for (name, generation) in sinks {
            self.tell_refused(&name, generation, true);
        }
    }

    /// Tells what a sink refused that is being stopped.
    pub(crate) fn tell_last_refused(&self, name: &str, mut refused: Refusals) {
        if let Some((lost, cause)) = refused.take(Instant::now(), true) {
            self.publish_refused(name, lost, cause);
        }
    }

    fn publish_refused(&self, name: &str, lost: Lost, cause: String) -> Option<Event> {
        tracing::warn!(
            sink = name,
            count = lost.count,
            cause,
            "alerts were refused for good"
        );
        self.publish(told(lost, Some(name), cause)).pop()
    }
}
