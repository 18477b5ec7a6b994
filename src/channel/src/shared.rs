//! What the handles, the workers and the keeper share: the state behind its lock, and the ways to
//! wake one another.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use contract::Event;
use tokio::sync::Notify;

use crate::sinks::Sink;
use crate::state::{Health, State};
use crate::{Settings, Transaction};

/// What all parts share.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Absent in memory.
    pub(crate) settings: Option<Settings>,
    /// Wakes the keeper.
    pub(crate) work: Condvar,
    /// Tells those who wait for the disk that the keeper finished something.
    pub(crate) kept: Condvar,
    /// Tells those who drain that a sink came forward or failed.
    pub(crate) progress: Notify,
    /// Wakes workers out of their back-off.
    pub(crate) hurry: Notify,
}

impl Shared {
    pub(crate) fn new(state: State, settings: Option<Settings>) -> Self {
        Self {
            state: Mutex::new(state),
            settings,
            work: Condvar::new(),
            kept: Condvar::new(),
            progress: Notify::new(),
            hurry: Notify::new(),
        }
    }

    /// A holder that panicked leaves whole records behind it, so its lock is taken all the same.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn publish(&self, transaction: Transaction) -> Vec<Event> {
        self.change(|state| state.publish(transaction))
    }

    /// The number of the last one.
    pub(crate) fn forward(&self, events: Vec<Event>) -> u64 {
        self.change(|state| {
            state.forward(events);
            state.last_seq
        })
    }

    fn change<T>(&self, publish: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let published = publish(&mut state);
        let memory = matches!(state.health, Health::Memory | Health::Closed);
        state.wake(|sink| memory || !sink.needs_disk);
        drop(state);
        self.work.notify_one();
        published
    }

    /// Does something with a sink, if this worker still is its worker.
    pub(crate) fn with_sink<T>(
        &self,
        name: &str,
        generation: u64,
        act: impl FnOnce(&mut Sink) -> T,
    ) -> Option<T> {
        let mut state = self.lock();
        let sink = state
            .sinks
            .get_mut(name)
            .filter(|sink| sink.generation == generation)?;
        let done = act(sink);
        drop(state);
        Some(done)
    }

    /// A sink came forward: its cursor is to be written, and somebody may wait for it.
    pub(crate) fn moved(&self) {
        self.work.notify_one();
        self.progress.notify_waiters();
    }
}
