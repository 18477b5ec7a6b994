//! What receiving needs of the store, so that it can be tested without one.

use async_trait::async_trait;

use crate::store::{Batch, RouterKey, Store, StoreError, Stored};

/// Where keys are and alerts go.
#[async_trait]
pub trait Archive: Send + Sync + 'static {
    /// See [`Store::keys`].
    async fn keys(&self, router: &str) -> Result<Option<Vec<RouterKey>>, StoreError>;

    /// See [`Store::store_batches`].
    async fn store_batches(
        &self,
        batches: &[Batch],
    ) -> Result<Vec<Result<Stored, StoreError>>, StoreError>;
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
}
