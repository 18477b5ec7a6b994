//! How it stands with every router: its keys, and what came of the last visits.

use std::collections::BTreeMap;

use contract::Timestamp;
use serde::Serialize;

use super::Store;
use super::error::Result;
use super::statement::sql;

/// How it stands with a router.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RouterState {
    /// How many valid keys it has.
    pub keys: i64,
    /// When a visit was made last.
    pub last_seen: Option<Timestamp>,
    /// How many visits have failed since.
    pub misses: i64,
    /// Whether that was told as unreachable.
    pub unreachable: bool,
}

impl Store {
    /// Of every router, by name.
    ///
    /// # Errors
    /// The database's.
    pub async fn router_states(&self) -> Result<BTreeMap<String, RouterState>> {
        let rows = self
            .0
            .database
            .rows(sql(
                "SELECT r.name, (SELECT COUNT(*) FROM router_keys k WHERE k.router = r.number), \
                 o.last_seen, o.misses, o.unreachable FROM routers r \
                 JOIN op_router_monitoring_services o ON o.vm_id = r.number WHERE r.removed IS NULL",
            ))
            .await?;
        rows.iter()
            .map(|row| {
                let state = RouterState {
                    keys: row.integer(1)?,
                    last_seen: row.time_or_null(2)?,
                    misses: row.integer(3)?,
                    unreachable: row.flag(4)?,
                };
                Ok((row.text(0)?, state))
            })
            .collect()
    }
}
