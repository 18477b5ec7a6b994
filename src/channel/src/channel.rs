//! The handle that the rest of the daemon holds.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use contract::{Event, Sink};

use crate::backoff::Backoff;
use crate::cursor::{self, Cursor};
use crate::ends::Ends;
use crate::flood::Condenser;
use crate::lost::told;
use crate::notes::Notes;
use crate::outages::Outages;
use crate::recover::start_position;
use crate::refresh::Refreshing;
use crate::settings::Limits;
use crate::shared::Shared;
use crate::state::{Health, State};
use crate::worker::Worker;
use crate::writer::Writer;
use crate::{
    JournalStatus, Note, OpenError, Opened, Settings, SinkOptions, SinkStatus, Status, Transaction,
    cut, keeper, open, sinks,
};

/// A handle on the channel; cheap to clone. The last one to go closes the journal.
#[derive(Clone, Debug)]
pub struct Channel {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    keeper: Mutex<Option<JoinHandle<()>>>,
}

#[allow(
    clippy::must_use_candidate,
    reason = "publish, stop_sink, sync and close are called for their effect"
)]
impl Channel {
    /// Opens the journal, repairs it, and starts the thread that syncs it.
    ///
    /// # Errors
    /// When the folder cannot be used or another process writes there.
    pub fn open(settings: Settings, router: String) -> Result<(Self, Opened), OpenError> {
        Self::open_within(settings, router, Limits::default())
    }

    /// Begins a journal that holds nothing yet, whatever an earlier one left in the folder, for
    /// events that are kept elsewhere. What is only in this journal (the sums of what flaps) may
    /// be lost with it, so [`SinkStatus::settled`] stays before that until it is told.
    ///
    /// # Errors
    /// As [`Channel::open`].
    pub fn begin_anew(mut settings: Settings, router: String) -> Result<Self, OpenError> {
        let limits = Limits::default();
        settings.max_size = settings.max_size.max(limits.smallest_size);
        let journal = open::open(&settings, &limits, true)?;
        let mut state = State::new(short(router), limits, Health::Good, 0);
        state.passing = true;
        state.outages = Outages::new(true);
        state.writer = Some(journal.writer);
        Self::start(state, Some(settings.clone()))
            .map_err(|source| OpenError::unusable(settings.directory, source))
    }

    pub(crate) fn open_within(
        mut settings: Settings,
        router: String,
        limits: Limits,
    ) -> Result<(Self, Opened), OpenError> {
        settings.max_size = settings.max_size.max(limits.smallest_size);
        let journal = open::open(&settings, &limits, false)?;
        let lost = journal.replay.lost;
        let mut opened = Opened {
            notes: values(&journal.replay.notes),
            report: journal.report,
            last_seq: journal.replay.last_seq,
        };
        let mut state = State::new(short(router), limits, Health::Good, journal.replay.last_seq);
        state.notes = journal.replay.notes;
        state.outages = journal.replay.outages.parse();
        state.writer = Some(journal.writer);
        let channel = Self::start(state, Some(settings.clone()))
            .map_err(|source| OpenError::unusable(settings.directory, source))?;
        if lost.count > 0 {
            let reason = "broken records in the journal were set aside".to_owned();
            let told = channel.publish(told(lost, None, reason));
            opened.last_seq = told.last().map_or(opened.last_seq, |event| event.seq);
        }
        Ok((channel, opened))
    }

    /// Starts without a usable disk: as on a full disk, and opening is tried again and again.
    /// What can be read of an existing journal is read, so that hold-offs are not forgotten.
    #[must_use]
    pub fn degraded(settings: Settings, router: String, error: &OpenError) -> (Self, Opened) {
        Self::degraded_within(settings, router, error, Limits::default())
    }

    pub(crate) fn degraded_within(
        mut settings: Settings,
        router: String,
        error: &OpenError,
        limits: Limits,
    ) -> (Self, Opened) {
        settings.max_size = settings.max_size.max(limits.smallest_size);
        let replay = open::peek(&settings);
        let cause = error.to_string();
        tracing::error!(
            error = cause,
            "the journal cannot be written; alerts go to syslog only and wait in memory"
        );
        let health = Health::Failing {
            cause,
            retry_at: Instant::now() + limits.retry_every,
        };
        let opened = Opened {
            notes: values(&replay.notes),
            last_seq: replay.last_seq,
            ..Opened::default()
        };
        let router = short(router);
        let mut state = State::new(router.clone(), limits, health, replay.last_seq);
        state.outages = replay.outages.parse();
        let channel = Self::start(state, Some(settings)).unwrap_or_else(|error| {
            tracing::error!(%error, "no thread can be started; alerts stay in memory");
            let memory = State::new(router, limits, Health::Memory, replay.last_seq);
            Self::without_keeper(memory)
        });
        (channel, opened)
    }

    /// A channel with nothing on disk.
    #[must_use]
    pub fn in_memory(router: String) -> Self {
        Self::in_memory_within(router, Limits::default())
    }

    pub(crate) fn in_memory_within(router: String, limits: Limits) -> Self {
        Self::without_keeper(State::new(short(router), limits, Health::Memory, 0))
    }

    fn start(state: State, settings: Option<Settings>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::new(state, settings.clone()));
        let keeper = match settings {
            Some(settings) => Some(keeper::start(Arc::clone(&shared), settings)?),
            None => None,
        };
        Ok(Self {
            inner: Arc::new(Inner {
                shared,
                keeper: Mutex::new(keeper),
            }),
        })
    }

    fn without_keeper(state: State) -> Self {
        Self {
            inner: Arc::new(Inner {
                shared: Arc::new(Shared::new(state, None)),
                keeper: Mutex::new(None),
            }),
        }
    }

    /// Numbers the events and writes them with the notes, so that they survive the end of this
    /// process. Never waits for fsync or for a sink.
    ///
    /// All of it is one record on disk, there wholly or not at all, as long as it is below half a
    /// mebibyte of JSON. Over-long texts are cut; a note above 64 KiB is refused and logged.
    pub fn publish(&self, transaction: Transaction) -> Vec<Event> {
        self.inner.shared.publish(transaction)
    }

    /// Takes events that others established, such as those a management server received: they keep
    /// their id, router and time, only the number is this journal's own. Says the number of the
    /// last; theirs follow each other. Otherwise as [`Channel::publish`].
    pub fn forward(&self, events: Vec<Event>) -> u64 {
        self.inner.shared.forward(events)
    }

    /// Starts a sink's worker on the current tokio runtime; replaces one of the same name. A sink
    /// that was never seen before starts with the next event.
    pub fn start_sink(&self, name: &str, sink: Box<dyn Sink>, options: SinkOptions) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            tracing::error!(sink = name, "a sink was not started: no runtime is running");
            return;
        };
        self.stop_sink(name);
        let shared = &self.inner.shared;
        let cursor = match &shared.settings {
            Some(settings) => cursor::read(&cursor::path(&settings.directory, name)),
            None => Cursor::Missing,
        };
        let mut state = shared.lock();
        let parked = state.parked.remove(name);
        if parked.is_none()
            && cursor == Cursor::Missing
            && state.last_seq > 0
            && shared.settings.is_some()
            // Whoever passes on begins its journal anew, and knows itself which sinks are new.
            && !state.passing
        {
            tracing::info!(
                sink = name,
                "the sink is new: it is told what happens from now on"
            );
        }
        let exchanged = parked.is_some();
        let (position, saved) = parked.unwrap_or_else(|| start_position(cursor, state.last_seq));
        let generation = state.next_generation;
        state.next_generation += 1;
        let mut entry = sinks::Sink::new(generation, options.needs_disk, position, saved);
        let worker = Worker {
            shared: Arc::clone(shared),
            name: name.to_owned(),
            generation,
            sink,
            condenser: options.flood.map(Condenser::new),
            ends: Ends::default(),
            open: state.outages.open_at(position),
            behind: (exchanged && position < state.last_seq && position <= state.synced_seq)
                .then_some(position),
            reader: None,
            backoff: Backoff::default(),
            refreshing: Refreshing::default(),
        };
        entry.task = Some(runtime.spawn(worker.run()).abort_handle());
        state.sinks.insert(name.to_owned(), entry);
        drop(state);
        shared.moved();
    }

    /// Stops a sink's worker; its cursor stays. `None` when there is no such sink.
    pub fn stop_sink(&self, name: &str) -> Option<SinkStatus> {
        self.inner.shared.stop_sink(name)
    }

    /// How the journal and every sink are doing.
    #[must_use]
    pub fn status(&self) -> Status {
        let state = self.inner.shared.lock();
        let (error, waiting) = match &state.health {
            Health::Failing { cause, .. } => (
                Some(cause.clone()),
                state.waiting.iter().map(|r| r.events.len() as u64).sum(),
            ),
            _ => (None, 0),
        };
        Status {
            journal: JournalStatus {
                last_seq: state.last_seq,
                synced_seq: state.synced_seq,
                bytes: state.writer.as_ref().map_or(0, Writer::bytes),
                on_disk: matches!(state.health, Health::Good),
                waiting_in_memory: waiting,
                error,
            },
            sinks: state
                .sinks
                .iter()
                .map(|(name, sink)| sink.status(name, &state))
                .collect(),
        }
    }

    /// Waits until every sink has everything; true when that is so.
    ///
    /// Every sink is tried at once, whatever its back-off. False after `limit`, or as soon as
    /// every sink that still lacks something has failed: it goes on with its usual back-off.
    pub async fn drain(&self, limit: Duration) -> bool {
        self.inner.shared.drain(limit).await
    }

    /// Waits until all that was published and every cursor is on disk; false when the disk fails.
    /// Blocks the thread for as long as the disk takes.
    pub fn sync(&self) -> bool {
        self.inner.shared.sync()
    }

    /// Stops the workers, syncs, and lets go of the journal, whoever else holds a handle. False
    /// when not everything is on disk. Blocks the thread for as long as the disk takes.
    pub fn close(self) -> bool {
        self.inner.close()
    }
}

#[cfg(test)]
impl Channel {
    /// For tests of what no real disk does on demand.
    pub(crate) fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.inner.shared.lock()
    }
}

impl Inner {
    fn close(&self) -> bool {
        self.shared.stop_all_sinks();
        let synced = self.shared.sync();
        self.shared.lock().stopping = true;
        self.shared.work.notify_all();
        let keeper = self
            .keeper
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(keeper) = keeper
            && keeper.join().is_err()
        {
            tracing::error!("the journal's thread broke down");
        }
        let mut state = self.shared.lock();
        if !matches!(state.health, Health::Memory) {
            state.health = Health::Closed;
            state.writer = None;
        }
        synced
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

fn short(mut router: String) -> String {
    cut::keep_start(&mut router, cut::MAX_NAME);
    router
}

fn values(notes: &Notes) -> std::collections::BTreeMap<String, Note> {
    notes
        .iter()
        .filter_map(|(key, text)| Some((key.to_string(), serde_json::from_str(text).ok()?)))
        .collect()
}
