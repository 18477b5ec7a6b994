//! SKETCH for the store's owner: split into files (alerts, leases, keys, …) and replace.
use crate::plan::inventory::{Change, Inventory, MonitoringService, Router};
use contract::{Event, Timestamp};
use std::{path::Path, time::Duration};

/// Everything that is kept; cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// May heal: database away, locked, deadlock victim.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    #[error("{0}")]
    Broken(String),
    #[error("there is no router {0}")]
    NoSuchRouter(String),
    /// Compare-and-set failed: somebody else was faster (cursor moved, lease taken over).
    #[error("somebody else was faster")]
    Outrun,
}
pub type Result<T> = std::result::Result<T, StoreError>;

/// How an alert came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    Http,
    Visit,
    Legacy,
    Manager,
}

/// What one router delivered at once. Equal (router, event id) is stored once.
#[derive(Clone, Debug)]
pub struct Batch {
    pub router: String,
    pub events: Vec<Event>,
    pub via: Via,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    pub new: u64,
    pub known: u64,
}

/// A whole visit, committed at once, alerts with cursor.
#[derive(Clone, Debug)]
pub struct Visit {
    pub router: String,
    pub lease: WorkLease,
    pub events: Vec<Event>,
    pub via: Via,
    /// The new cursor: of `vrwatch poll`, or CloudStack's last_alert_timestamp.
    pub cursor: Cursor,
    pub usage: Vec<UsageSample>,
    pub next_visit: Duration,
}
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    pub vrwatch: Option<String>,
    pub legacy_stamp: Option<String>,
}
#[derive(Clone, Debug, PartialEq)]
pub struct UsageSample {
    pub time: Timestamp,
    pub interface: String,
    pub bytes_received: u64,
    pub bytes_sent: u64,
}

/// A router that is due and now ours until the lease ends; `token` fences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkLease {
    pub router: String,
    pub holder: String,
    pub token: i64,
}
#[derive(Clone, Debug)]
pub struct Due {
    pub lease: WorkLease,
    pub router: Router,
    pub cursor: Cursor,
    pub misses: u32,
    pub last_seen: Option<Timestamp>,
    pub unreachable: bool,
}

/// A lease on a job of which only one manager may do it (forwarding, retention). `epoch` rises with each new holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobLease {
    pub job: String,
    pub holder: String,
    pub epoch: i64,
}

/// A stored alert that waits to be forwarded, in the gapless total order of `position`.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub position: i64,
    pub zone: Option<String>,
    pub event: Event,
}

#[derive(Clone)]
pub struct RouterKey {
    pub id: i64,
    pub secret: Vec<u8>,
}

#[allow(unused_variables)]
impl Store {
    /// `sqlite:/path/manager.db` or `mysql://user@host/db`; runs the migrations. `sealing_key`: file (0600, made when absent) whose key encrypts router keys at rest.
    pub async fn open(url: &str, sealing_key: &Path) -> Result<Self> {
        todo!()
    }
    pub async fn ping(&self) -> Result<()> {
        todo!()
    }

    pub async fn services(&self) -> Result<Vec<MonitoringService>> {
        todo!()
    }
    pub async fn set_service(&self, actor: &str, service: &MonitoringService) -> Result<()> {
        todo!()
    }
    pub async fn remove_service(&self, actor: &str, service: &str) -> Result<bool> {
        todo!()
    }

    pub async fn inventory(&self) -> Result<Inventory> {
        todo!()
    }
    /// Zones, offerings, networks and services one router's plan follows from.
    pub async fn inventory_of(&self, router: &str) -> Result<Inventory> {
        todo!()
    }
    pub async fn apply(&self, actor: &str, changes: &[Change]) -> Result<()> {
        todo!()
    }

    /// A new 32-byte key for the router, shown once; older ones stay valid until retired.
    pub async fn issue_key(&self, actor: &str, router: &str) -> Result<RouterKey> {
        todo!()
    }
    /// All valid keys (callers cache; `None`: no such router).
    pub async fn keys(&self, router: &str) -> Result<Option<Vec<RouterKey>>> {
        todo!()
    }
    pub async fn retire_keys(&self, actor: &str, router: &str, all_but: i64) -> Result<u64> {
        todo!()
    }

    /// Stores many batches in ONE transaction (group commit): alerts (unique by router and event id), outages, outbox rows for forwarding. An unknown router's batch is told per item.
    pub async fn store_batches(&self, batches: &[Batch]) -> Result<Vec<Result<Stored>>> {
        todo!()
    }
    /// Alerts, usage, cursor and the end of the lease in one transaction; `Outrun` when the lease is no longer ours.
    pub async fn store_visit(&self, visit: &Visit) -> Result<Stored> {
        todo!()
    }
    /// A visit that failed: counts the miss, ends the lease; `unreachable` (an event of the manager's own) is stored when given, in the same transaction.
    pub async fn store_miss(
        &self,
        lease: &WorkLease,
        reason: &str,
        unreachable: Option<&Event>,
        next_visit: Duration,
    ) -> Result<()> {
        todo!()
    }
    /// Leases up to `limit` due, running routers for `lease`. By the DATABASE's clock.
    pub async fn claim_due(&self, holder: &str, limit: u32, lease: Duration) -> Result<Vec<Due>> {
        todo!()
    }
    /// One router at once (`poll ROUTER`), `None` while somebody else visits it.
    pub async fn claim(&self, holder: &str, router: &str, lease: Duration) -> Result<Option<Due>> {
        todo!()
    }

    /// Takes or renews; `None` while another holds it. By the DATABASE's clock.
    pub async fn hold_job(
        &self,
        job: &str,
        holder: &str,
        lease: Duration,
    ) -> Result<Option<JobLease>> {
        todo!()
    }
    pub async fn release_job(&self, lease: &JobLease) -> Result<()> {
        todo!()
    }

    /// Gives rows without position the next ones, fenced by the lease's epoch; how many.
    pub async fn number_outgoing(&self, lease: &JobLease, limit: u32) -> Result<u64> {
        todo!()
    }
    pub async fn outgoing_after(&self, position: i64, limit: u32) -> Result<Vec<Outgoing>> {
        todo!()
    }
    /// Sink name → delivered up to.
    pub async fn forward_cursors(&self) -> Result<Vec<(String, i64)>> {
        todo!()
    }
    /// Saves cursors and removes outgoing rows that every given sink has; fenced by the epoch.
    pub async fn save_forward_cursors(
        &self,
        lease: &JobLease,
        cursors: &[(String, i64)],
    ) -> Result<()> {
        todo!()
    }
    // ... and, for the REST: alerts(filter, page), outages(filter, page), acknowledge(outage, user), usage(router, …), pushes (record, list), users
    // (add, verify data, sessions by token hash), silences, audit(…), trim(retention).
}
