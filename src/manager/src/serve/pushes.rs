//! Sends what waits to be sent: claims pushes, plans, sends, and keeps what came of each. Several
//! managers share the queue; what one of them had claimed when it died is claimed again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::sleep;

use crate::plan::inventory::{Inventory, MonitoringService, Router};
use crate::plan::{Plan, Policy};
use crate::routers::push::config::Push;
use crate::routers::push::{Files, Job, Outcome, PushError, Record, push_all};
use crate::routers::shell::Reach;
use crate::store::{PushLease, Store, StoreError};

/// How often is looked for more.
const EVERY: Duration = Duration::from_secs(2);
/// Beyond the time of one push: for those before it in the same claim, and to keep the result.
const SPARE: Duration = Duration::from_mins(1);

/// Who sends, and how.
#[derive(Clone)]
pub struct Sender {
    /// Where pushes wait.
    pub store: Store,
    /// The way to routers.
    pub reach: Arc<dyn Reach>,
    /// How they are sent to.
    pub settings: Arc<Push>,
    /// What is decided for all routers.
    pub policy: Policy,
    /// Who holds the leases.
    pub holder: String,
}

/// What came of one push, and the digest of what was sent.
type Come = Result<(String, String), String>;

/// Works until it fails; says why.
pub(super) async fn work(sender: Sender) -> String {
    loop {
        match sender.some().await {
            Ok(0) => sleep(EVERY).await,
            Ok(_) => {}
            Err(error) => return error.to_string(),
        }
    }
}

impl Sender {
    /// Claims as many as may be sent at a time, and sends them; how many.
    ///
    /// # Errors
    /// The database's.
    pub async fn some(&self) -> Result<usize, StoreError> {
        let at_once = self.settings.concurrency.get();
        let lease = self.settings.limit.get() + SPARE;
        let most = u32::try_from(at_once).unwrap_or(u32::MAX);
        let claimed = self.store.claim_pushes(&self.holder, most, lease).await?;
        if claimed.is_empty() {
            return Ok(0);
        }
        let count = claimed.len();
        let inventory = self.store.inventory().await?;
        let services = self.store.services().await?;
        let mut jobs = Vec::with_capacity(count);
        let mut sent = HashMap::with_capacity(count);
        for lease in claimed {
            match self.plan(&inventory, &services, &lease.router) {
                Ok((job, digest)) => {
                    jobs.push(job);
                    sent.insert(lease.router.clone(), (lease, digest));
                }
                Err(words) => finish(&self.store, &lease, Err(words)).await,
            }
        }
        let record = Kept {
            store: self.store.clone(),
            sent: Mutex::new(sent),
        };
        push_all(
            jobs,
            Arc::clone(&self.reach),
            Arc::clone(&self.settings),
            Arc::new(record),
        )
        .await;
        Ok(count)
    }

    fn plan(
        &self,
        inventory: &Inventory,
        services: &[MonitoringService],
        name: &str,
    ) -> Result<(Job, String), String> {
        let plan =
            Plan::of(inventory, services, name, self.policy).map_err(|error| error.to_string())?;
        let router = inventory.routers.iter().find(|router| router.name == name);
        let router = router
            .cloned()
            .ok_or_else(|| format!("there is no router {name}"))?;
        let services = plan.monitor_conf().map_err(|error| error.to_string())?;
        let digest = plan.etag().trim_matches('"').to_owned();
        let files = Files {
            services: Some(services),
            ..Files::default()
        };
        Ok((Job { router, files }, digest))
    }
}

struct Kept {
    store: Store,
    sent: Mutex<HashMap<String, (PushLease, String)>>,
}

#[async_trait]
impl Record for Kept {
    async fn record(&self, router: &Router, result: Result<Outcome, PushError>) {
        let sent = {
            let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
            sent.remove(&router.name)
        };
        let Some((lease, digest)) = sent else { return };
        let come = result
            .map(|outcome| (digest, outcome.to_string()))
            .map_err(|error| error.to_string());
        finish(&self.store, &lease, come).await;
    }
}

/// A result that cannot be kept is told on the log; the push is claimed and done again later.
async fn finish(store: &Store, lease: &PushLease, come: Come) {
    let done = come.is_ok();
    let (digest, words) = match come {
        Ok((digest, words)) => (Some(digest), words),
        Err(words) => (None, words),
    };
    tracing::info!(router = lease.router, done, outcome = words, "pushed");
    let kept = store
        .finish_push(lease, done, digest.as_deref(), &words)
        .await;
    if let Err(error) = kept {
        tracing::warn!(router = lease.router, %error, "what came of a push is not kept");
    }
}
