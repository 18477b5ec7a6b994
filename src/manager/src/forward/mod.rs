//! Forwarding: what is stored is told to the sinks, by one manager at a time. The holder of the job
//! `forward` feeds the stored alerts to a journal of its own and saves how far each sink is; when it
//! ends, however it ends, another goes on from there.

pub mod config;
mod number;
mod places;
pub mod rules;
pub mod silences;
pub mod storm;
mod target;
mod turn;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use channel::SinkStatus;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

pub use self::config::Config;
pub use self::rules::Rules;
pub use self::target::Target;
use self::turn::Turn;
use crate::store::{Result, Store, StoreError};

/// Who tells what no router told: the manager itself.
const NAME: &str = "vrwatch-manager";
const JOB: &str = "forward";
/// How often is looked for what is to be told, and how far the sinks are is saved.
const EVERY: Duration = Duration::from_millis(200);
/// How often is tried to take the lease from another.
const TAKE_EVERY: Duration = Duration::from_secs(1);

/// Forwards what is stored; cheap to clone.
#[derive(Clone)]
pub struct Forwarder {
    store: Store,
    holder: String,
    directory: PathBuf,
    config: Config,
    rules: Arc<Rules>,
    targets: Arc<Vec<Target>>,
    seen: Arc<Mutex<Option<Seen>>>,
}

/// How forwarding goes, while it is this manager's turn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// How each sink is doing, since the turn began.
    pub sinks: Vec<SinkStatus>,
    /// How many storms are not over.
    pub storms: usize,
}

impl Forwarder {
    /// One that names itself `holder`, as no other process does, and keeps its journal in
    /// `directory`, which nobody else uses.
    #[must_use]
    pub fn new(
        store: Store,
        holder: String,
        directory: PathBuf,
        config: Config,
        rules: Rules,
        mut targets: Vec<Target>,
    ) -> Self {
        if let Some(summed) = &config.storm.summed {
            for target in &mut targets {
                target.sums_storms = summed.contains(&target.name);
            }
        }
        Self {
            store,
            holder,
            directory,
            config,
            rules: Arc::new(rules),
            targets: Arc::new(targets),
            seen: Arc::default(),
        }
    }

    /// How it goes; nothing while another manager forwards.
    #[must_use]
    pub fn seen(&self) -> Option<Seen> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note(&self, seen: Option<Seen>) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    /// Forwards whenever it is this manager's turn, until `stop` says so or is gone. What fails is
    /// said and tried again; `tell` is told whether it works.
    pub async fn run(&self, mut stop: watch::Receiver<bool>, tell: impl Fn(bool)) {
        let mut failed = false;
        loop {
            let mut works = || {
                if std::mem::take(&mut failed) {
                    tell(true);
                }
            };
            let turn = self.take_turn(&mut stop, &mut works).await;
            self.note(None);
            match turn {
                Ok(()) => works(),
                Err(StoreError::Outrun) => {
                    tracing::warn!("another manager forwards now");
                }
                Err(error) if !failed => {
                    failed = true;
                    tell(false);
                    tracing::error!(%error, "nothing is forwarded; tried again every second");
                }
                Err(_) => {}
            }
            tokio::select! {
                () = stopped(&mut stop) => return,
                () = sleep(TAKE_EVERY) => {}
            }
        }
    }

    /// Forwards as long as the lease holds; at once back while another holds it.
    /// `works` is called once it has begun.
    async fn take_turn(
        &self,
        stop: &mut watch::Receiver<bool>,
        works: &mut impl FnMut(),
    ) -> Result<()> {
        let asked = Instant::now();
        let lease = self.config.lease;
        let taken = tokio::select! {
            () = stopped(stop) => return Ok(()),
            taken = self.store.hold_job(JOB, &self.holder, lease) => taken?,
        };
        let Some(taken) = taken else {
            return Ok(());
        };
        tracing::info!(epoch = taken.epoch, "this manager forwards what is stored");
        let begun = timeout_at(asked + lease, Turn::begin(self, taken, asked)).await;
        let mut turn = begun.map_err(|_| outlasted())??;
        works();
        loop {
            let until = turn.held_until();
            let done = timeout_at(until, turn.step()).await;
            self.note(Some(turn.seen()));
            if let Err(error) = done.unwrap_or_else(|_| Err(outlasted())) {
                if matches!(error, StoreError::Unavailable(_)) && Instant::now() < until {
                    // The lease holds and the sinks go on; the database may come back in time.
                    tracing::warn!(%error, "what is stored cannot be read");
                } else {
                    turn.close().await;
                    return Err(error);
                }
            }
            tokio::select! {
                () = stopped(stop) => {
                    return timeout_at(turn.held_until(), turn.end())
                        .await
                        .unwrap_or_else(|_| Err(outlasted()));
                }
                () = sleep(EVERY) => {}
            }
        }
    }
}

fn outlasted() -> StoreError {
    StoreError::Unavailable("it took longer than the lease to forward".to_owned())
}

/// Resolves once it is to end.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Whoever let go of the other end wants it to end too.
    let _ = stop.wait_for(|stop| *stop).await;
}
