//! Numbers for `/metrics`: only what an index or a small table answers, so that being watched
//! costs nothing.

use super::Store;
use super::error::{Result, StoreError};
use super::statement::sql;

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Routers known.
    pub routers: i64,
    /// Routers that should run and cannot be visited.
    pub unreachable: i64,
    /// Outages that go on.
    pub open_outages: i64,
    /// Alerts that have no position yet.
    pub waiting: i64,
    /// Alerts that some sink has yet to take.
    pub outgoing: i64,
    /// Alerts that silences withhold until they end.
    pub held: i64,
    /// Alerts that the silences on record have withheld, and of these those told in the end.
    pub silenced: (i64, i64),
    /// Pushes asked for and not finished.
    pub open_pushes: i64,
}

impl Store {
    /// Counts.
    ///
    /// # Errors
    /// The database's.
    pub async fn counts(&self) -> Result<Counts> {
        let integer = self.dialect().integer();
        let row = self
            .0
            .database
            .row(sql(format!("SELECT (SELECT COUNT(*) FROM routers WHERE removed IS NULL), \
                 (SELECT COUNT(*) FROM op_router_monitoring_services WHERE running = 1 AND unreachable > 0), \
                 (SELECT COUNT(*) FROM outages WHERE ended IS NULL), \
                 (SELECT COUNT(*) FROM forward_waiting), \
                 (SELECT COUNT(*) FROM forward_outgoing), \
                 (SELECT COUNT(*) FROM pushes WHERE state IN ('queued', 'running')), \
                 (SELECT COUNT(*) FROM forward_held WHERE settled = 0), \
                 (SELECT CAST(COALESCE(SUM(held), 0) AS {integer}) FROM silences), \
                 (SELECT CAST(COALESCE(SUM(told), 0) AS {integer}) FROM silences)")))
            .await?
            .ok_or_else(|| StoreError::Broken("the database counts nothing".into()))?;
        Ok(Counts {
            routers: row.integer(0)?,
            unreachable: row.integer(1)?,
            open_outages: row.integer(2)?,
            waiting: row.integer(3)?,
            outgoing: row.integer(4)?,
            open_pushes: row.integer(5)?,
            held: row.integer(6)?,
            silenced: (row.integer(7)?, row.integer(8)?),
        })
    }
}
