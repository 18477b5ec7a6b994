//! The engine: takes what the watch sees to the judge, puts the judge's words down, and only then
//! carries its decisions out. One task, so that nothing about one service ever happens twice at
//! once; the restart commands run in tasks of their own, so that a slow one delays nobody.

mod carry_out;
mod entry;
mod handle;
mod note;
mod reconfigure;
mod requests;
mod resume;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use contract::Draft;
use tokio::sync::mpsc;
use tracing::info;

use self::entry::Entry;
use self::handle::Request;
pub use self::handle::{Handle, RequestError, ServiceStatus};
use self::note::Note;
use crate::judge::{Observation, Outcome, Phase, State};
use crate::watch::{Change, Id, Means, Verdict, Watcher};
use crate::{Clock, Moment, Service, restart};

/// How long a stopping engine waits for restart commands that run.
const STOP_GRACE: Duration = Duration::from_secs(7);

/// Where the engine puts down what it establishes.
pub trait Record: Send {
    /// Puts down events and states, together or not at all, so that they outlive the process once
    /// this returns. Never waits for a sink. `None` forgets a state.
    fn record(&mut self, drafts: Vec<Draft>, notes: Vec<(String, Option<serde_json::Value>)>);
}

/// How many services are how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Watched and up.
    pub up: usize,
    /// Down, being looked at again or being restarted.
    pub down: usize,
    /// Left alone: held off or held.
    pub left_alone: usize,
}

/// Is told that the engine's loop goes round, and what it holds.
pub struct Heartbeat {
    /// How often at least; `None`: only when the summary changes.
    pub every: Option<Duration>,
    /// Called from the loop itself, so that a loop that is stuck falls silent.
    pub beat: Box<dyn FnMut(Summary) + Send>,
}

/// Watches, judges and restarts until told to stop.
pub struct Engine<R> {
    clock: Arc<dyn Clock>,
    boot: String,
    record: R,
    watcher: Watcher,
    /// Boxed: a map's nodes have room for eleven and are half empty.
    entries: BTreeMap<Id, Box<Entry>>,
    ids: HashMap<String, Id>,
    /// What is remembered of services that are not configured.
    absent: BTreeMap<String, Note>,
    /// Whether those may be configured later all the same.
    more_to_come: bool,
    next_id: Id,
    sweep_every: Duration,
    next_sweep: Duration,
    requests: mpsc::Receiver<Request>,
    ended: mpsc::Receiver<(Id, Outcome)>,
    report_end: mpsc::Sender<(Id, Outcome)>,
    heartbeat: Heartbeat,
    next_beat: Option<Duration>,
    last_summary: Option<Summary>,
}

impl Heartbeat {
    /// For an engine that nobody waits to hear from.
    #[must_use]
    pub fn none() -> Self {
        Self {
            every: None,
            beat: Box::new(|_| {}),
        }
    }
}

impl<R: Record> Engine<R> {
    /// Builds an engine that goes on from `notes`, which an earlier one left behind.
    ///
    /// # Errors
    /// When the kernel's means of watching cannot be had at all.
    pub fn new(
        services: Vec<Service>,
        sweep_every: Duration,
        means: Means,
        clock: Arc<dyn Clock>,
        record: R,
        notes: BTreeMap<String, serde_json::Value>,
        heartbeat: Heartbeat,
    ) -> io::Result<(Self, Handle)> {
        let (handle, requests) = Handle::new();
        let (report_end, ended) = mpsc::channel(64);
        let mut engine = Self {
            boot: clock.boot(),
            record,
            watcher: Watcher::new(means)?,
            entries: BTreeMap::new(),
            ids: HashMap::new(),
            absent: BTreeMap::new(),
            more_to_come: false,
            next_id: 0,
            sweep_every,
            next_sweep: Duration::ZERO,
            requests,
            ended,
            report_end,
            heartbeat,
            next_beat: None,
            last_summary: None,
            clock,
        };
        engine.resume(services, notes);
        Ok((engine, handle))
    }

    /// The means of watching in force.
    #[must_use]
    pub fn means(&self) -> Means {
        self.watcher.means()
    }

    /// Lets a service go on from `state`, which was remembered elsewhere than in the notes.
    pub fn set_state(&mut self, service: &str, state: State) {
        if let Some(entry) = self
            .ids
            .get(service)
            .and_then(|id| self.entries.get_mut(id))
        {
            entry.state = state;
        }
    }

    /// Runs until [`Handle::stop`] is called or every handle is gone.
    pub async fn run(mut self) {
        self.begin();
        while self.turn(true).await {}
        self.wind_down().await;
    }

    /// Looks at every service once and stays until each is up again or left alone.
    /// Returns whether every service is up.
    pub async fn run_once(mut self) -> (bool, Vec<(Service, State)>) {
        self.begin();
        while !self.entries.values().all(|entry| entry.state.is_quiet()) {
            self.turn(false).await;
        }
        let all_up = self
            .entries
            .values()
            .all(|entry| matches!(entry.state.phase(), Phase::Up { .. } | Phase::Held { .. }));
        let states = self
            .entries
            .into_values()
            .map(|entry| (entry.service, entry.state))
            .collect();
        (all_up, states)
    }

    fn add(&mut self, service: Service, now: Moment) -> Id {
        let id = self.next_id;
        self.next_id += 1;
        self.watcher.add(id, service.target.clone());
        self.ids.insert(service.name.clone(), id);
        self.entries.insert(id, Box::new(Entry::new(service, now)));
        id
    }

    /// The first look at everything, and at restart commands that an earlier daemon left running.
    fn begin(&mut self) {
        if !self.more_to_come {
            self.forget_absent();
        }
        let ids: Vec<Id> = self.entries.keys().copied().collect();
        for &id in &ids {
            self.find_left_running(id);
        }
        for id in ids {
            self.look_and_judge(id);
        }
        self.next_sweep = self.clock.now().monotonic.saturating_add(self.sweep_every);
        self.pulse();
    }

    fn find_left_running(&mut self, id: Id) {
        let Some(entry) = self.entries.get(&id) else {
            return;
        };
        if !entry.state.restart_running() {
            return;
        }
        let timeout = entry.service.restart.timeout;
        let target = entry.service.target.clone();
        match entry.token.as_deref().and_then(restart::find_running) {
            Some(running) => {
                info!(
                    service = entry.service.name,
                    "a restart command that an earlier run started is still running; waits for it"
                );
                let report = self.report_end.clone();
                tokio::spawn(async move {
                    let outcome =
                        restart::adopt(running, timeout, |group| target.is_up_in_group(group))
                            .await;
                    // The receiver is gone only when the engine is.
                    let _ = report.send((id, outcome)).await;
                });
            }
            None => self.observe(
                id,
                Observation::RestartEnded(Outcome {
                    exit: None,
                    reason: Some(
                        "vrwatch itself was ended while the restart command ran".to_owned(),
                    ),
                    output: String::new(),
                }),
            ),
        }
    }

    /// Waits for the next thing that happens and deals with it. False: stop.
    async fn turn(&mut self, sweeps: bool) -> bool {
        let wait = self
            .next_deadline(sweeps)
            .map(|deadline| deadline.saturating_sub(self.clock.now().monotonic));
        let sleep = async {
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            change = self.watcher.changed() => self.follow(change),
            Some((id, outcome)) = self.ended.recv() => self.restart_ended(id, outcome),
            request = self.requests.recv() => match request {
                Some(Request::Stop) | None => return false,
                Some(request) => self.answer(request),
            },
            () = sleep => {}
        }
        self.pass_time(sweeps);
        self.pulse();
        true
    }

    /// Lets restart commands that run end, so that they are not cut off from their output.
    async fn wind_down(&mut self) {
        let ends = tokio::time::sleep(STOP_GRACE);
        tokio::pin!(ends);
        while self
            .entries
            .values()
            .any(|entry| entry.state.restart_running())
        {
            tokio::select! {
                Some((id, outcome)) = self.ended.recv() => self.restart_ended(id, outcome),
                () = &mut ends => break,
            }
        }
    }

    fn next_deadline(&self, sweeps: bool) -> Option<Duration> {
        self.entries
            .values()
            .filter_map(|entry| entry.state.due())
            .chain(sweeps.then_some(self.next_sweep))
            .chain(self.next_beat)
            .min()
    }

    /// Everything whose time has come.
    fn pass_time(&mut self, sweeps: bool) {
        let now = self.clock.now().monotonic;
        let due: Vec<Id> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.state.due().is_some_and(|due| due <= now))
            .map(|(&id, _)| id)
            .collect();
        for id in due {
            self.observe(id, Observation::TimePassed);
        }
        if sweeps && self.next_sweep <= now {
            self.look_at_all();
            self.next_sweep = self.clock.now().monotonic.saturating_add(self.sweep_every);
        }
    }

    fn follow(&mut self, change: Change) {
        match change {
            Change::Died(id) | Change::PidFile(id) => self.look_and_judge(id),
            Change::Everything => self.look_at_all(),
        }
    }

    fn look_at_all(&mut self) {
        let ids: Vec<Id> = self.entries.keys().copied().collect();
        for id in ids {
            self.look_and_judge(id);
        }
    }

    fn look_and_judge(&mut self, id: Id) {
        if self.entries.get(&id).is_some_and(|entry| !entry.retiring) {
            let observation = self.look(id);
            self.observe(id, observation);
        }
    }

    fn look(&mut self, id: Id) -> Observation {
        let sight = self.watcher.look(id, self.clock.now());
        match sight.verdict {
            Verdict::Up(process) => Observation::Up {
                process,
                ended: sight.ended,
            },
            Verdict::Down(cause) => Observation::Down {
                cause,
                ended: sight.ended,
                noticed: sight.noticed,
            },
        }
    }

    /// Tells that the loop goes round: when the summary changed, and when it is time to.
    fn pulse(&mut self) {
        let now = self.clock.now().monotonic;
        let mut summary = Summary::default();
        for entry in self.entries.values() {
            match entry.state.phase() {
                Phase::Up { .. } => summary.up += 1,
                Phase::HeldOff { .. } | Phase::Held { .. } => summary.left_alone += 1,
                _ => summary.down += 1,
            }
        }
        let due = self.next_beat.is_some_and(|beat| beat <= now);
        if due || self.last_summary != Some(summary) {
            (self.heartbeat.beat)(summary);
            self.last_summary = Some(summary);
            self.next_beat = self.heartbeat.every.map(|every| now.saturating_add(every));
        }
    }
}

#[cfg(test)]
mod tests;
