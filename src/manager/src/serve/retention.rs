//! Forgets what is old, as one of all managers.

use std::time::Duration;

use tokio::time::sleep;

use crate::config::Retention;
use crate::store::{Store, StoreError};

const JOB: &str = "retention";
/// How often is looked.
const EVERY: Duration = Duration::from_mins(10);
/// Between two parts of one look, so that nobody waits behind it.
const BREATH: Duration = Duration::from_millis(50);
const LEASE: Duration = Duration::from_mins(15);

/// Works until it fails; says why.
pub(super) async fn work((store, kept, holder): (Store, Retention, String)) -> String {
    loop {
        if let Err(error) = once(&store, kept, &holder).await {
            return error.to_string();
        }
        sleep(EVERY).await;
    }
}

async fn once(store: &Store, kept: Retention, holder: &str) -> Result<(), StoreError> {
    if store.hold_job(JOB, holder, LEASE).await?.is_none() {
        return Ok(());
    }
    let (mut alerts, mut others) = (0, 0);
    loop {
        let trimmed = store.trim(&kept.into()).await?;
        alerts += trimmed.alerts;
        others += trimmed.others;
        if !trimmed.more {
            break;
        }
        sleep(BREATH).await;
        if store.hold_job(JOB, holder, LEASE).await?.is_none() {
            break;
        }
    }
    if alerts + others > 0 {
        tracing::info!(alerts, others, "forgot what is older than it is kept");
    }
    Ok(())
}
