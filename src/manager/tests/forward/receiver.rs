//! Sinks that remember, and managers that forward to them.

use std::future::pending;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use contract::{DeliverError, Event, Severity, Sink};
use manager::forward::{Config, Forwarder, Rules, Seen, Target};
use manager::store::Store;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Where nobody is killed no lease ends, however busy the machine is.
const LONG: Duration = Duration::from_mins(2);
/// After a kill its end is waited for.
pub(crate) const SHORT: Duration = Duration::from_secs(6);

/// What one sink was told, whichever manager told it.
#[derive(Clone, Default)]
pub(crate) struct Receiver {
    told: Arc<Mutex<Vec<Event>>>,
    dead: Arc<AtomicBool>,
    hangs: Arc<AtomicBool>,
    least: Option<Severity>,
    sums_storms: bool,
}

impl Receiver {
    /// One that wants no milder event for itself.
    pub(crate) fn wanting(least: Severity) -> Self {
        Self {
            least: Some(least),
            ..Self::default()
        }
    }

    /// One that is told of storms alone.
    pub(crate) fn summing() -> Self {
        Self {
            sums_storms: true,
            ..Self::default()
        }
    }

    /// From now on it takes nothing, or again.
    pub(crate) fn die(&self, dead: bool) {
        self.dead.store(dead, Ordering::SeqCst);
    }

    /// From now on it answers nothing, or again.
    pub(crate) fn hang(&self, hangs: bool) {
        self.hangs.store(hangs, Ordering::SeqCst);
    }

    pub(crate) fn told(&self) -> Vec<Event> {
        self.told.lock().unwrap().clone()
    }

    /// Router and id of what it was told, in order.
    pub(crate) fn ids(&self) -> Vec<String> {
        let told = self.told.lock().unwrap();
        told.iter()
            .map(|event| format!("{} {}", event.router, event.id))
            .collect()
    }

    /// Waits until it was told so many.
    pub(crate) async fn told_at_least(&self, count: usize) {
        soon(&format!("{count} are told"), || {
            self.told.lock().unwrap().len() >= count
        })
        .await;
    }

    /// As a manager is to know it.
    pub(crate) fn target(&self, name: &str) -> Target {
        let receiver = self.clone();
        Target {
            name: name.to_owned(),
            flood: None,
            sums_storms: self.sums_storms,
            build: Arc::new(move || Ok(Box::new(receiver.clone()))),
        }
    }
}

#[async_trait]
impl Sink for Receiver {
    async fn deliver(&mut self, batch: &[Event]) -> Result<(), DeliverError> {
        if self.hangs.load(Ordering::SeqCst) {
            pending::<()>().await;
        }
        if self.dead.load(Ordering::SeqCst) {
            return Err(DeliverError::Later {
                cause: "dead".into(),
                wait: Some(Duration::from_millis(50)),
            });
        }
        self.told.lock().unwrap().extend_from_slice(batch);
        Ok(())
    }

    fn wants(&self, event: &Event) -> bool {
        self.least.is_none_or(|least| event.severity >= least)
    }
}

/// Polls until it is so; a test that waits two minutes has failed.
pub(crate) async fn soon(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < Duration::from_mins(2), "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A manager that forwards.
pub(crate) struct Manager {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    forwarder: Forwarder,
}

impl Manager {
    pub(crate) fn start(name: &str, store: &Store, folder: &Path, targets: Vec<Target>) -> Self {
        Self::leased(name, store, folder, targets, LONG)
    }

    pub(crate) fn leased(
        name: &str,
        store: &Store,
        folder: &Path,
        targets: Vec<Target>,
        lease: Duration,
    ) -> Self {
        let config = Config {
            lease,
            ..Config::default()
        };
        let directory = folder.join(name);
        let forwarder = Forwarder::new(
            store.clone(),
            name.to_owned(),
            directory,
            config,
            Rules::default(),
            targets,
        );
        Self::of(forwarder)
    }

    pub(crate) fn of(forwarder: Forwarder) -> Self {
        let (stop, stopped) = watch::channel(false);
        let forwards = forwarder.clone();
        let task = tokio::spawn(async move { forwards.run(stopped, |_| ()).await });
        Self {
            stop,
            task,
            forwarder,
        }
    }

    /// How its turn goes.
    pub(crate) fn seen(&self) -> Option<Seen> {
        self.forwarder.seen()
    }

    /// Ends as a manager does that is told to.
    pub(crate) async fn end(self) {
        self.stop.send(true).unwrap();
        self.task.await.unwrap();
    }

    /// Ends without a word, as by kill -9: nothing is saved and no lease given back.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}
