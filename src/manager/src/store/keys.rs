//! The keys with which routers sign what they send; sealed at rest, shown once.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Store;
use super::audit;
use super::database::Transaction;
use super::error::{Result, StoreError};
use super::retry::retry;
use super::routers::required_number_of;
use super::statement::sql;

const SECRET_BYTES: usize = 32;

/// A router's key.
#[derive(Clone, PartialEq, Eq)]
pub struct RouterKey {
    /// Tells the router's keys apart; newer ones are greater.
    pub id: i64,
    /// The bytes that sign.
    pub secret: Vec<u8>,
}

impl RouterKey {
    /// The secret as it is handed to the router: `whsec_` and Base64. Source: Standard Webhooks.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("whsec_{}", STANDARD.encode(&self.secret))
    }
}

impl fmt::Debug for RouterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RouterKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// A new 32-byte key for the router, to be shown once; older ones stay valid until retired.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRouter`], or the database's.
    pub async fn issue_key(&self, actor: &str, router: &str) -> Result<RouterKey> {
        let secret = self.0.sealing.random::<SECRET_BYTES>()?.to_vec();
        let sealed = self.0.sealing.seal(router, &secret)?;
        let id = retry(async || {
            let mut transaction = self.begin().await?;
            let number = required_number_of(&mut transaction, router).await?;
            let id = insert_key(&mut transaction, number, &sealed).await?;
            audit::record(&mut transaction, actor, "issue_key", router, "").await?;
            transaction.commit().await?;
            Ok(id)
        })
        .await?;
        Ok(RouterKey { id, secret })
    }

    /// The router's valid keys, oldest first; `None`: there is no such router.
    ///
    /// # Errors
    /// The database's, or a key that the sealing key does not open.
    pub async fn keys(&self, router: &str) -> Result<Option<Vec<RouterKey>>> {
        // One statement, so that a router without keys and no router are told apart.
        let rows = self
            .0
            .database
            .rows(
                sql("SELECT k.id, k.sealed FROM routers r LEFT JOIN router_keys k ON k.router = r.number \
                     WHERE r.name = ? AND r.removed IS NULL ORDER BY k.id")
                .bind(router),
            )
            .await?;
        let mut keys = None;
        for row in rows {
            let keys = keys.get_or_insert_with(Vec::new);
            if let (Some(id), Some(sealed)) = (row.integer_or_null(0)?, row.text_or_null(1)?) {
                let secret = self.0.sealing.open_seal(router, &sealed)?;
                keys.push(RouterKey { id, secret });
            }
        }
        Ok(keys)
    }

    /// Ends all keys of the router but one; how many.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRouter`], [`StoreError::Refused`] when the one to keep is not there, or
    /// the database's.
    pub async fn retire_keys(&self, actor: &str, router: &str, all_but: i64) -> Result<u64> {
        retry(async || {
            let mut transaction = self.begin().await?;
            let number = required_number_of(&mut transaction, router).await?;
            let kept = sql("SELECT id FROM router_keys WHERE router = ? AND id = ?")
                .bind(number)
                .bind(all_but);
            if transaction.row(kept).await?.is_none() {
                return Err(StoreError::Refused(format!(
                    "{router} has no key {all_but} to keep"
                )));
            }
            let done = transaction
                .run(
                    sql("DELETE FROM router_keys WHERE router = ? AND id <> ?")
                        .bind(number)
                        .bind(all_but),
                )
                .await?;
            let detail = format!("all but {all_but}");
            audit::record(&mut transaction, actor, "retire_keys", router, &detail).await?;
            transaction.commit().await?;
            Ok(done.rows)
        })
        .await
    }
}

async fn insert_key(transaction: &mut Transaction, router: i64, sealed: &str) -> Result<i64> {
    let now = transaction.now().await?;
    let done = transaction
        .run(
            sql("INSERT INTO router_keys (router, sealed, created) VALUES (?, ?, ?)")
                .bind(router)
                .bind(sealed)
                .bind(now),
        )
        .await?;
    Ok(done.id)
}
