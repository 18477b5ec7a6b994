//! Sends to many routers at a time: in the order given, each within its own time, so that dead ones
//! hold up no more than their own places.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::config::Push;
use super::{Files, Outcome, PushError, push};
use crate::plan::inventory::Router;
use crate::routers::shell::{Reach, ReachError};

/// One router and what it is sent.
#[derive(Clone, Debug)]
pub struct Job {
    /// The router.
    pub router: Router,
    /// What it is sent.
    pub files: Files,
}

/// Who keeps what came of each.
#[async_trait::async_trait]
pub trait Record: Send + Sync {
    /// One router is done with.
    async fn record(&self, router: &Router, result: Result<Outcome, PushError>);
}

/// Sends to all; returns when the last one is recorded. Dropped, it gives up what is under way.
pub async fn push_all(
    jobs: Vec<Job>,
    reach: Arc<dyn Reach>,
    settings: Arc<Push>,
    record: Arc<dyn Record>,
) {
    let workers = settings.concurrency.get().min(jobs.len());
    let jobs = Arc::new(Mutex::new(VecDeque::from(jobs)));
    let mut working = JoinSet::new();
    for _ in 0..workers {
        let (jobs, reach) = (Arc::clone(&jobs), Arc::clone(&reach));
        let (settings, record) = (Arc::clone(&settings), Arc::clone(&record));
        working.spawn(async move {
            while let Some(job) = next(&jobs) {
                let result = one(&job, reach.as_ref(), &settings).await;
                record.record(&job.router, result).await;
            }
        });
    }
    while let Some(ended) = working.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a sender of files ended before its time");
        }
    }
}

fn next(jobs: &Mutex<VecDeque<Job>>) -> Option<Job> {
    jobs.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .pop_front()
}

/// Opens a session, sends, and closes it.
async fn one(job: &Job, reach: &dyn Reach, settings: &Push) -> Result<Outcome, PushError> {
    let limit = settings.limit.get();
    let mut shell = timeout(limit, reach.open(&job.router))
        .await
        .map_err(|_| ReachError::TimedOut(limit))??;
    let result = push(shell.as_mut(), &job.files, settings).await;
    shell.close().await;
    result
}
