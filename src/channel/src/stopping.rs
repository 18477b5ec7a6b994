//! The end: every sink gets a last chance, sinks are stopped, and all that was published gets to
//! the disk.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::shared::Shared;
use crate::state::{Health, State};
use crate::writer::Writer;
use crate::{SinkStatus, keeper};

/// How many stopped sinks are remembered.
const MAX_PARKED: usize = 256;

impl Shared {
    /// Stops a sink's worker and remembers where it had come to.
    pub(crate) fn stop_sink(&self, name: &str) -> Option<SinkStatus> {
        let mut state = self.lock();
        let mut sink = state.sinks.remove(name)?;
        if let Some(task) = &sink.task {
            task.abort();
        }
        if state.parked.len() >= MAX_PARKED {
            state.parked.pop_first();
        }
        let refused = std::mem::take(&mut sink.refused);
        let settled = sink.settled(&state);
        state.parked.insert(name.to_owned(), (settled, sink.saved));
        let status = sink.status(name, &state);
        drop(state);
        self.tell_last_refused(name, refused);
        self.moved();
        Some(status)
    }

    pub(crate) fn stop_all_sinks(&self) {
        let names: Vec<String> = self.lock().sinks.keys().cloned().collect();
        for name in names {
            self.stop_sink(&name);
        }
    }

    /// Waits until every sink has everything, at most `limit`; true when that is so. False as soon
    /// as there is nothing to hope for: each sink that lacks something failed since now.
    pub(crate) async fn drain(&self, limit: Duration) -> bool {
        let (drain, rounds) = {
            let mut state = self.lock();
            state.drains += 1;
            state.draining += 1;
            state.retry_now();
            (state.drains, state.rounds)
        };
        let _draining = Draining(self);
        self.work.notify_one();
        self.hurry.notify_waiters();
        let drained = async {
            loop {
                let mut moved = std::pin::pin!(self.progress.notified());
                moved.as_mut().enable();
                if let Some(drained) = outcome(&self.lock(), drain, rounds) {
                    return drained;
                }
                moved.await;
            }
        };
        tokio::time::timeout(limit, drained).await.unwrap_or(false)
    }

    /// Waits until all is on disk; false when the disk fails.
    pub(crate) fn sync(&self) -> bool {
        let mut state = self.lock();
        state.retry_now();
        let start = state.rounds;
        loop {
            match state.health {
                Health::Memory => return true,
                _ if state.stopping => return false,
                Health::Closed => return state.waiting.is_empty(),
                // One more try was made, or several, and it still fails.
                Health::Failing { retry_at, .. }
                    if state.rounds > start && retry_at > Instant::now() =>
                {
                    return false;
                }
                Health::Failing { .. } => {}
                Health::Good => {
                    let synced = state.waiting.is_empty()
                        && state.writer.as_ref().is_none_or(Writer::is_synced);
                    if synced && keeper::unsaved(&state).is_none() {
                        return true;
                    }
                    let cursors_fail = state.rounds > start
                        && state.cursors_retry_at.is_some_and(|at| at > Instant::now());
                    if synced && cursors_fail {
                        return false;
                    }
                }
            }
            self.work.notify_one();
            state = self
                .kept
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Somebody drains, as long as this lives.
struct Draining<'a>(&'a Shared);

impl Drop for Draining<'_> {
    fn drop(&mut self) {
        self.0.lock().draining -= 1;
    }
}

/// Whether every sink has everything; `None` while one that lacks something may still get it.
fn outcome(state: &State, drain: u64, rounds: u64) -> Option<bool> {
    let disk_fails = state.rounds > rounds
        && matches!(state.health, Health::Failing { retry_at, .. } if retry_at > Instant::now());
    let mut drained = true;
    for sink in state.sinks.values() {
        let sums_up = sink.has_untold();
        if sums_up || sink.position < state.last_seq {
            drained = false;
            let waits_for_disk = !sums_up && sink.position >= state.visible(sink.needs_disk);
            if sink.failed_in < drain && !(disk_fails && waits_for_disk) {
                return None;
            }
        }
    }
    Some(drained)
}
