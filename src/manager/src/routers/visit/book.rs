//! What visits need of the store: claims, and commits of what they bring. A seam, so that a
//! simulation of weeks needs no database.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::Event;

use crate::store::{Due, OutageFilter, Page, Result, Store, Stored, Visit, WorkLease};

/// Where it is kept who is visited when, and what came of it.
#[async_trait::async_trait]
pub trait Book: Send + Sync {
    /// Leases routers whose visit is due.
    ///
    /// # Errors
    /// The store's, as for all of these.
    async fn claim_due(&self, holder: &str, limit: u32, lease: Duration) -> Result<Vec<Due>>;

    /// Makes due what is planned later than any visit is; how many routers that were.
    async fn bring_forward(&self, furthest: Duration) -> Result<u64>;

    /// Leases one router, due or not; `None` while somebody else visits it.
    async fn claim(&self, holder: &str, router: &str, lease: Duration) -> Result<Option<Due>>;

    /// Stores a visit, or a part of it, at once.
    async fn store_visit(&self, visit: &Visit) -> Result<Stored>;

    /// Counts a visit that failed, with what is to be said of it.
    async fn store_miss(
        &self,
        lease: &WorkLease,
        reason: &str,
        unreachable: Option<&Event>,
        next_visit: Duration,
    ) -> Result<()>;

    /// The outages of a router that go on, by process.
    async fn open_outages(&self, router: &str) -> Result<BTreeMap<String, String>>;

    /// The names of all routers that should be running.
    async fn running(&self) -> Result<Vec<String>>;
}

#[async_trait::async_trait]
impl Book for Store {
    async fn claim_due(&self, holder: &str, limit: u32, lease: Duration) -> Result<Vec<Due>> {
        Self::claim_due(self, holder, limit, lease).await
    }

    async fn bring_forward(&self, furthest: Duration) -> Result<u64> {
        Self::bring_forward(self, furthest).await
    }

    async fn claim(&self, holder: &str, router: &str, lease: Duration) -> Result<Option<Due>> {
        Self::claim(self, holder, router, lease).await
    }

    async fn store_visit(&self, visit: &Visit) -> Result<Stored> {
        Self::store_visit(self, visit).await
    }

    async fn store_miss(
        &self,
        lease: &WorkLease,
        reason: &str,
        unreachable: Option<&Event>,
        next_visit: Duration,
    ) -> Result<()> {
        Self::store_miss(self, lease, reason, unreachable, next_visit).await
    }

    async fn open_outages(&self, router: &str) -> Result<BTreeMap<String, String>> {
        let filter = OutageFilter {
            router: Some(router.to_owned()),
            open: Some(true),
            ..OutageFilter::default()
        };
        // A router has a handful of services; the newest page holds the outages that go on.
        let outages = self.outages(&filter, Page::default()).await?;
        let open = outages.rows.into_iter().rev();
        Ok(open
            .filter_map(|outage| Some((outage.process?, outage.outage)))
            .collect())
    }

    async fn running(&self) -> Result<Vec<String>> {
        let routers = self.inventory().await?.routers.into_iter();
        Ok(routers
            .filter(|router| router.running)
            .map(|router| router.name)
            .collect())
    }
}
