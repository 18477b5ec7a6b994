//! What a worker does next: it takes a batch, lets events gather first, refreshes its sink, or
//! sleeps. Without anything to come no timer runs.

use std::sync::Arc;

use contract::Event;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::Reader;
use crate::flood::{Closed, Condenser};
use crate::shared::Shared;
use crate::tail::Take;
use crate::worker::Worker;

/// The most events in one batch.
pub(crate) const MAX_EVENTS: usize = 100;
/// The most bytes of JSON in one batch, unless a single event is longer.
const MAX_BYTES: usize = 256 * 1024;

/// What is due.
pub(crate) enum Next {
    Batch(Vec<Event>),
    /// What was summed up is told.
    SumUp(Vec<Closed>),
    Refresh,
}

/// What a look at the channel's state says.
enum Look {
    /// The sink is no longer this worker's.
    Gone,
    Batch(Vec<Event>),
    /// There is nothing; whether somebody drains, and when what was refused is to be told.
    Idle(Arc<Notify>, bool, Option<Instant>),
    /// What the sink refused is to be told.
    Refused,
    /// There is something that need not go before then.
    Gathering(Arc<Notify>, Instant),
    /// What comes behind the first number is no longer in memory; up to the second it may be read.
    OnDisk(u64, u64),
    Again,
}

impl Worker {
    /// Waits for what is due; `None` when the sink is no longer this worker's.
    pub(crate) async fn next(&mut self) -> Option<Next> {
        let shared = Arc::clone(&self.shared);
        loop {
            // Made before the look, so that no drain that begins behind it is missed.
            let hurry = shared.hurry.notified();
            let sum_due = self.condenser.as_ref().and_then(Condenser::due);
            if sum_due.is_some_and(|due| due <= Instant::now()) {
                return self.sum_up_due(false);
            }
            match self.look() {
                Look::Gone => return None,
                Look::Again => {}
                Look::Refused => self.shared.tell_refused(&self.name, self.generation, true),
                Look::Batch(batch) => return Some(Next::Batch(batch)),
                Look::Gathering(wake, until) => {
                    tokio::select! {
                        () = wake.notified() => {}
                        () = hurry => {}
                        () = tokio::time::sleep_until(until) => {}
                    }
                }
                Look::Idle(_, true, _) if sum_due.is_some() => return self.sum_up_due(true),
                Look::Idle(wake, _, refused) => {
                    let every = self.refreshes_every();
                    let due = self.refreshing.due(every);
                    if due.is_some_and(|due| due <= Instant::now()) {
                        return Some(Next::Refresh);
                    }
                    tokio::select! {
                        () = wake.notified() => {}
                        () = hurry, if sum_due.is_some() || refused.is_some() => {}
                        () = until(earlier(refused, earlier(due, sum_due))) => {}
                    }
                }
                Look::OnDisk(after, visible) => match self.read(after, visible) {
                    Ok(Some(batch)) => return Some(Next::Batch(batch)),
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

    fn sum_up_due(&mut self, all: bool) -> Option<Next> {
        let condenser = self.condenser.as_mut()?;
        Some(Next::SumUp(if all {
            condenser.close_all()
        } else {
            condenser.close(Instant::now())
        }))
    }

    fn look(&mut self) -> Look {
        let window = self.gathers_for();
        let mut state = self.shared.lock();
        let state = &mut *state;
        let Some(sink) = state
            .sinks
            .get_mut(&self.name)
            .filter(|sink| sink.generation == self.generation)
        else {
            return Look::Gone;
        };
        let after = sink.position;
        let visible = if sink.needs_disk {
            state.synced_seq
        } else {
            state.last_seq
        };
        let refused = sink.refused.due();
        let idle = after >= visible;
        if refused.is_some_and(|due| due <= Instant::now() || idle && state.draining > 0) {
            return Look::Refused;
        }
        if idle {
            self.reader = None;
            return Look::Idle(Arc::clone(&sink.wake), state.draining > 0, refused);
        }
        if !window.is_zero() && state.draining == 0 {
            let waiting = state.tail.waiting(after, visible, MAX_EVENTS, MAX_BYTES);
            let until = waiting
                .filter(|waiting| !waiting.full)
                .and_then(|waiting| waiting.since.checked_add(window));
            if let Some(until) = until.filter(|until| *until > Instant::now()) {
                return Look::Gathering(Arc::clone(&sink.wake), until);
            }
        }
        match state.tail.take(after, visible, MAX_EVENTS, MAX_BYTES) {
            Take::Events(batch) => {
                self.reader = None;
                sink.held = batch.last().map_or(after, |last| last.seq);
                Look::Batch(batch)
            }
            Take::Nothing => {
                sink.position = visible;
                self.shared.moved();
                Look::Again
            }
            Take::OnDisk => Look::OnDisk(after, visible),
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
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}

/// Sleeps until then; without a time no timer runs.
async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

impl Shared {
    /// Resolves once there is something for a sink, or it is no longer this worker's.
    pub(crate) async fn pending(&self, name: &str, generation: u64) {
        loop {
            let wake = {
                let state = self.lock();
                match state.sinks.get(name) {
                    Some(sink) if sink.generation == generation => {
                        if sink.position < state.visible(sink.needs_disk) {
                            return;
                        }
                        Arc::clone(&sink.wake)
                    }
                    _ => return,
                }
            };
            wake.notified().await;
        }
    }
}
