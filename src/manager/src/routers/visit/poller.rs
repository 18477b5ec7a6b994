//! Who is visited when: claims routers that are due, as many as there are free hands, and lets no
//! router that is away delay another. Several managers share the work by their leases.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::book::Book;
use super::config::Poll;
use super::judge::Presence;
use super::walk::{Brought, VisitError, Walk};
use crate::clock::Clock;
use crate::routers::shell::Reach;
use crate::store::{Due, StoreError};

/// How often is looked for routers that are due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long is waited after the database did not answer, at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long the end of a session may take.
const POLITENESS: Duration = Duration::from_secs(5);
/// How long visits under way may take to end when the manager does.
const DRAIN: Duration = Duration::from_secs(10);

/// Why a router was not visited.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// The visit failed; it has been counted.
    #[error("{0}")]
    Missed(String),
    /// Another visit to it is under way.
    #[error("it is being visited right now")]
    Busy,
    /// The database: what the visit brought is stored up to its last commit, the rest comes again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What has happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Visits that succeeded.
    pub visits: u64,
    /// Visits that failed.
    pub misses: u64,
    /// Alerts that were new.
    pub alerts: u64,
}

/// Visits routers. Cheap to clone.
#[derive(Clone)]
pub struct Poller(Arc<Inner>);

struct Inner {
    book: Arc<dyn Book>,
    reach: Arc<dyn Reach>,
    settings: Poll,
    clock: Clock,
    holder: String,
    visits: AtomicU64,
    misses: AtomicU64,
    alerts: AtomicU64,
}

impl fmt::Debug for Poller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Poller");
        shown.field("holder", &self.0.holder);
        shown.finish_non_exhaustive()
    }
}

impl Poller {
    /// One that visits over `reach` and keeps what it finds in `book`. `holder` names this process as
    /// no other is named.
    #[must_use]
    pub fn new(
        book: Arc<dyn Book>,
        reach: Arc<dyn Reach>,
        settings: Poll,
        clock: Clock,
        holder: String,
    ) -> Self {
        Self(Arc::new(Inner {
            book,
            reach,
            settings,
            clock,
            holder,
            visits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            alerts: AtomicU64::new(0),
        }))
    }

    /// What has happened since the start.
    #[must_use]
    pub fn tally(&self) -> Tally {
        Tally {
            visits: self.0.visits.load(Ordering::Relaxed),
            misses: self.0.misses.load(Ordering::Relaxed),
            alerts: self.0.alerts.load(Ordering::Relaxed),
        }
    }

    /// Visits whoever is due, until `stop`; then lets the visits under way end, for a while.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut visits = JoinSet::new();
        tokio::select! {
            () = stop => {}
            () = self.visit_due(&mut visits) => {}
        }
        let ended = async { while visits.join_next().await.is_some() {} };
        if timeout(DRAIN, ended).await.is_err() {
            tracing::info!(
                "visits that were under way are given up; their routers are visited again"
            );
        }
    }

    /// Never ends.
    async fn visit_due(&self, visits: &mut JoinSet<()>) {
        let inner = &self.0;
        let mut pause = LOOK_EVERY;
        loop {
            while visits.try_join_next().is_some() {}
            let free = inner.settings.concurrency.saturating_sub(visits.len());
            if free == 0 {
                visits.join_next().await;
                continue;
            }
            let due = match self.due(free).await {
                Ok(due) => {
                    pause = LOOK_EVERY;
                    due
                }
                Err(error) => {
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    tracing::warn!(%error, "no router can be claimed for a visit; tries again");
                    Vec::new()
                }
            };
            let all_hands = due.len() >= free;
            for due in due {
                let poller = self.clone();
                visits.spawn(async move {
                    let router = due.router.name.clone();
                    if let Err(PollError::Store(error)) = poller.visit(due).await {
                        tracing::warn!(router, %error, "a visit could not be stored; it is made again");
                    }
                });
            }
            if !all_hands {
                sleep(pause).await;
            }
        }
    }

    /// Claims as many as may be visited at once. Another manager may plan by longer intervals: its
    /// plans are left alone until they are twice as far ahead.
    async fn due(&self, free: usize) -> Result<Vec<Due>, StoreError> {
        let inner = &self.0;
        let far = inner.settings.furthest() * 2;
        let brought = inner.book.bring_forward(far).await?;
        if brought > 0 {
            tracing::warn!(
                routers = brought,
                "visits were planned too far ahead: the clock was put back, or the interval was \
                 shortened; they are made now"
            );
        }
        let limit = u32::try_from(free).unwrap_or(u32::MAX);
        let lease = inner.settings.lease();
        inner.book.claim_due(&inner.holder, limit, lease).await
    }

    /// Visits one router now, due or not.
    ///
    /// # Errors
    /// When it is being visited already, or the visit fails.
    pub async fn poll_once(&self, router: &str) -> Result<Brought, PollError> {
        let inner = &self.0;
        let lease = inner.settings.lease();
        match inner.book.claim(&inner.holder, router, lease).await? {
            Some(due) => self.visit(due).await,
            None => Err(PollError::Busy),
        }
    }

    /// Visits all routers that should be running now, due or not; tells each outcome as it comes.
    ///
    /// # Errors
    /// When the database does not say which routers there are.
    pub async fn poll_all(
        &self,
        mut tell: impl FnMut(&str, Result<Brought, PollError>) + Send,
    ) -> Result<(), StoreError> {
        let mut waiting = self.0.book.running().await?.into_iter();
        let mut visits = JoinSet::new();
        loop {
            while visits.len() < self.0.settings.concurrency
                && let Some(router) = waiting.next()
            {
                let poller = self.clone();
                visits.spawn(async move {
                    let outcome = poller.poll_once(&router).await;
                    (router, outcome)
                });
            }
            match visits.join_next().await {
                Some(Ok((router, outcome))) => tell(&router, outcome),
                Some(Err(error)) => tracing::error!(%error, "a visit broke off"),
                None => return Ok(()),
            }
        }
    }

    /// Makes a visit and stores how it went.
    async fn visit(&self, due: Due) -> Result<Brought, PollError> {
        let inner = &self.0;
        let router = due.router.name.as_str();
        let next = inner.settings.next_visit(fastrand::f64());
        let mut presence = Presence::of(&due);
        let was_away = presence.unreachable.is_some();
        let error = match self.make(&due, &mut presence, next).await {
            Ok(brought) => {
                inner.visits.fetch_add(1, Ordering::Relaxed);
                inner.alerts.fetch_add(brought.new, Ordering::Relaxed);
                if was_away {
                    tracing::info!(router, "a router is reachable again");
                }
                return Ok(brought);
            }
            Err(VisitError::Store(error)) => return Err(PollError::Store(error)),
            Err(error) => error,
        };
        inner.misses.fetch_add(1, Ordering::Relaxed);
        let reason = error.to_string();
        let now = inner.clock.now();
        let told = presence.missed(router, &reason, inner.settings.misses, now);
        inner
            .book
            .store_miss(&due.lease, &reason, told.as_ref(), next)
            .await?;
        if told.is_some() {
            tracing::warn!(router, reason, "a router is unreachable");
        } else {
            tracing::debug!(router, reason, "a visit failed");
        }
        Err(PollError::Missed(reason))
    }

    async fn make(
        &self,
        due: &Due,
        presence: &mut Presence,
        next: Duration,
    ) -> Result<Brought, VisitError> {
        let inner = &self.0;
        let limits = (inner.settings.timeout, next);
        let walk = Walk::of(inner.book.as_ref(), due, presence, &inner.clock, limits);
        let mut shell = walk.open(inner.reach.as_ref()).await?;
        let outcome = walk.go(shell.as_mut()).await;
        let _ = timeout(POLITENESS, shell.close()).await;
        outcome
    }
}
