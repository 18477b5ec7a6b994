//! What the API for routers needs of the store, so that it can be tested without one.

use async_trait::async_trait;

use crate::plan::inventory::{Inventory, MonitoringService};
use crate::store::{Batch, RouterKey, Store, StoreError, Stored};

/// Where keys and plans come from and alerts go.
#[async_trait]
pub trait Archive: Send + Sync + 'static {
    /// See [`Store::keys`].
    async fn keys(&self, router: &str) -> Result<Option<Vec<RouterKey>>, StoreError>;

    /// See [`Store::store_batches`].
    async fn store_batches(
        &self,
        batches: &[Batch],
    ) -> Result<Vec<Result<Stored, StoreError>>, StoreError>;

    /// See [`Store::inventory_of`].
    async fn inventory_of(&self, router: &str) -> Result<Inventory, StoreError>;

    /// See [`Store::services`].
    async fn services(&self) -> Result<Vec<MonitoringService>, StoreError>;
}

#[async_trait]
impl Archive for Store {
    async fn keys(&self, router: &str) -> Result<Option<Vec<RouterKey>>, StoreError> {
        self.keys(router).await
    }

    async fn store_batches(
        &self,
        batches: &[Batch],
    ) -> Result<Vec<Result<Stored, StoreError>>, StoreError> {
        self.store_batches(batches).await
    }

    async fn inventory_of(&self, router: &str) -> Result<Inventory, StoreError> {
        self.inventory_of(router).await
    }

    async fn services(&self) -> Result<Vec<MonitoringService>, StoreError> {
        self.services().await
    }
}
