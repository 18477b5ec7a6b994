//! The thread `journal-sync`: one fsync for all that waits, the cursors, the size of the journal,
//! and the way back after the disk failed. It sleeps when there is nothing to do.

use std::io;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crate::lost::told;
use crate::recover::{Plan, adopt};
use crate::segment;
use crate::shared::Shared;
use crate::state::{Health, State};
use crate::trim::Surplus;
use crate::writer::Unsynced;
use crate::{Settings, cursor, open};

/// Its stack, in bytes.
const STACK: usize = 128 * 1024;

/// What is to be done without the lock.
enum Job {
    Sync {
        unsynced: Unsynced,
        number: u64,
        seq: u64,
    },
    Open,
    Recover(Plan),
    Trim(Surplus),
    Cursor {
        sink: String,
        seq: u64,
    },
    Stop,
}

/// The thread's own memory.
struct Keeper {
    shared: Arc<Shared>,
    settings: Settings,
    /// Whether the next look goes to the sync first, so that neither starves the other.
    sync_next: bool,
}

/// Starts the thread.
///
/// # Errors
/// When the system has no thread left.
pub(crate) fn start(
    shared: Arc<Shared>,
    settings: Settings,
) -> io::Result<std::thread::JoinHandle<()>> {
    let keeper = Keeper {
        shared,
        settings,
        sync_next: true,
    };
    std::thread::Builder::new()
        .name("journal-sync".to_owned())
        .stack_size(STACK)
        .spawn(move || keeper.run())
}

impl Keeper {
    fn run(mut self) {
        loop {
            match self.next_job() {
                Job::Sync {
                    unsynced,
                    number,
                    seq,
                } => self.sync(&unsynced, number, seq),
                Job::Open => self.open(),
                Job::Recover(plan) => self.recover(plan),
                Job::Trim(surplus) => surplus.remove(&self.shared),
                Job::Cursor { sink, seq } => self.write_cursor(&sink, seq),
                Job::Stop => break,
            }
            let mut state = self.shared.lock();
            state.rounds += 1;
            drop(state);
            self.shared.kept.notify_all();
            self.shared.progress.notify_waiters();
        }
        self.shared.kept.notify_all();
    }

    /// Waits until there is something to do.
    fn next_job(&mut self) -> Job {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        loop {
            if state.stopping {
                return Job::Stop;
            }
            if let Some(job) = self.find_job(&mut state) {
                return job;
            }
            state = match Self::next_look(&state) {
                None => shared
                    .work
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(wait) => {
                    shared
                        .work
                        .wait_timeout(state, wait)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
    }

    fn find_job(&mut self, state: &mut State) -> Option<Job> {
        self.sync_next = !self.sync_next;
        let first = if self.sync_next {
            sync_job(state)
        } else {
            self.housekeeping(state)
        };
        first
            .or_else(|| sync_job(state))
            .or_else(|| self.housekeeping(state))
    }

    fn housekeeping(&self, state: &mut State) -> Option<Job> {
        if let Health::Failing { retry_at, .. } = &state.health
            && *retry_at <= Instant::now()
        {
            return if state.writer.is_some() {
                Plan::new(state).map(Job::Recover)
            } else {
                Some(Job::Open)
            };
        }
        if let Some(surplus) = Surplus::take(state, self.settings.max_size) {
            return Some(Job::Trim(surplus));
        }
        if state
            .cursors_retry_at
            .is_some_and(|until| until > Instant::now())
        {
            return None;
        }
        unsaved(state).map(|(sink, seq)| Job::Cursor { sink, seq })
    }

    /// How long to sleep at most; `None` until woken.
    fn next_look(state: &State) -> Option<Duration> {
        let retry = match &state.health {
            Health::Failing { retry_at, .. } => Some(*retry_at),
            _ => None,
        };
        let cursors = state.cursors_retry_at.filter(|_| unsaved(state).is_some());
        let next = match (retry, cursors) {
            (Some(retry), Some(cursors)) => retry.min(cursors),
            (retry, cursors) => retry.or(cursors)?,
        };
        Some(
            next.saturating_duration_since(Instant::now())
                .max(Duration::from_millis(1)),
        )
    }

    fn sync(&self, unsynced: &Unsynced, number: u64, seq: u64) {
        let mut synced = Ok(());
        for file in &unsynced.files {
            synced = synced.and_then(|()| file.sync_data());
        }
        if unsynced.folder {
            let journal = segment::journal_folder(&self.settings.directory);
            synced = synced.and_then(|()| segment::sync_folder(&journal));
        }
        let mut state = self.shared.lock();
        match synced {
            Ok(()) => {
                if let (Some(writer), Some(newest)) = (&mut state.writer, unsynced.newest) {
                    writer.confirm(newest);
                }
                state.confirm(number, seq);
            }
            Err(error) => {
                // The page cache may have dropped what it could not write: write it once more.
                if let Some(writer) = &mut state.writer {
                    writer.abandon();
                }
                state.fail(&error);
            }
        }
    }

    fn open(&self) {
        let limits = self.shared.lock().limits;
        match open::open(&self.settings, &limits, false) {
            Ok(journal) => {
                for words in &journal.report.words {
                    tracing::warn!("{words}");
                }
                let mut state = self.shared.lock();
                adopt(journal, &self.settings.directory, &mut state);
                // The plan follows at once.
                state.retry_now();
            }
            Err(error) => {
                let mut state = self.shared.lock();
                state.fail(&io::Error::other(error));
            }
        }
    }

    fn recover(&self, plan: Plan) {
        let made = plan.carry_out();
        let mut state = self.shared.lock();
        match made {
            Err(error) => plan.give_up(&error, &mut state),
            Ok(made) => {
                let Health::Failing { cause, .. } = &state.health else {
                    return;
                };
                let cause = cause.clone();
                plan.finish(made, &mut state);
                if !matches!(state.health, Health::Good) {
                    return;
                }
                let lost = std::mem::take(&mut state.lost);
                if lost.count > 0 {
                    // Before anybody sees that the disk is back: whoever drains waits for it.
                    let reason = format!(
                        "the journal could not be written ({cause}) and the memory for alerts was full"
                    );
                    state.publish(told(lost, None, reason));
                }
                state.wake(|_| true);
                drop(state);
                tracing::info!(
                    lost = lost.count,
                    "the journal can be written again; what waited in memory is on disk"
                );
            }
        }
    }

    fn write_cursor(&self, name: &str, seq: u64) {
        let path = cursor::path(&self.settings.directory, name);
        match cursor::write(&path, seq) {
            Ok(()) => {
                let mut state = self.shared.lock();
                state.cursors_retry_at = None;
                if let Some(sink) = state.sinks.get_mut(name) {
                    sink.saved = Some(seq);
                } else if let Some((_, saved)) = state.parked.get_mut(name) {
                    *saved = Some(seq);
                }
            }
            Err(error) => {
                let mut state = self.shared.lock();
                let retry_at = Instant::now() + state.limits.retry_every;
                let first = state.cursors_retry_at.replace(retry_at).is_none();
                drop(state);
                if first {
                    tracing::error!(
                        %error, sink = name,
                        "the cursor of a sink cannot be written; after a restart it may get alerts again"
                    );
                }
            }
        }
    }
}

/// What is written and not synced.
fn sync_job(state: &mut State) -> Option<Job> {
    let writer = state.writer.as_mut()?;
    (!writer.is_synced()).then(|| Job::Sync {
        unsynced: writer.take_unsynced(),
        number: state.written_number,
        seq: state.written_seq,
    })
}

/// A sink whose cursor on disk is not where it is. No cursor runs ahead of the synced journal:
/// after a power cut the number could belong to another event.
pub(crate) fn unsaved(state: &State) -> Option<(String, u64)> {
    let sinks = state
        .sinks
        .iter()
        .map(|(name, sink)| (name, sink.settled(state), sink.saved));
    let parked = state
        .parked
        .iter()
        .map(|(name, (position, saved))| (name, *position, *saved));
    state.writer.as_ref()?;
    sinks
        .chain(parked)
        .map(|(name, position, saved)| (name, position.min(state.synced_seq), saved))
        .find(|(_, position, saved)| *saved != Some(*position))
        .map(|(name, position, _)| (name.clone(), position))
}
