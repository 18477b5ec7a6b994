//! What is to be forwarded. An alert waits, without a number, from the transaction that stored it;
//! the holder of the job `forward` numbers what waits: transactions of several managers commit in
//! no particular order, and a number given at once would let a reader pass over a late one.

use contract::Event;

use super::Store;
use super::error::{Result, StoreError};
use super::jobs::JobLease;
use super::names::check;
use super::retry::retry;
use super::statement::{Row, from_json, sql};

/// A stored alert to forward, in the gapless total order of `position`.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// From 1.
    pub position: i64,
    /// The zone of its router, by its id.
    pub zone: Option<String>,
    /// The event, with the name of that zone and the storm.
    pub event: Event,
    /// The storm that it is a part of.
    pub storm: Option<String>,
}

pub(super) const LAST_POSITION: &str = "last_position";
/// The most rows of one call, and what their events weigh at most, but for the last of them.
pub(super) const LARGEST: u32 = 5_000;
pub(super) const HEAVIEST: usize = 32 << 20;

impl Store {
    /// The alerts after a position, in order, at most `limit`; fewer when they are large. None: there
    /// is none.
    ///
    /// # Errors
    /// The database's.
    pub async fn outgoing_after(&self, position: i64, limit: u32) -> Result<Vec<Outgoing>> {
        let mut after = position;
        loop {
            let statement = sql(
                "SELECT o.position, r.zone, a.event, o.storm, z.name FROM forward_outgoing o \
                 LEFT JOIN alerts a ON a.id = o.alert LEFT JOIN routers r ON r.number = a.router \
                 LEFT JOIN zones z ON z.id = r.zone WHERE o.position > ? ORDER BY o.position LIMIT ?",
            );
            let statement = statement.bind(after).bind(limit.min(LARGEST));
            let database = &self.0.database;
            let rows = database.some_rows(statement, 2, HEAVIEST).await?.rows;
            let outgoing: Vec<Outgoing> = rows.iter().filter_map(readable).collect();
            // Rows of which none can be read must not hide those behind them.
            match rows.last() {
                Some(last) if outgoing.is_empty() => after = last.integer(0)?,
                _ => return Ok(outgoing),
            }
        }
    }

    /// The last position that was given.
    ///
    /// # Errors
    /// The database's.
    pub async fn last_position(&self) -> Result<i64> {
        let last = sql("SELECT value FROM settings WHERE name = ?").bind(LAST_POSITION);
        let row = self.0.database.row(last).await?;
        let row = row.ok_or_else(|| StoreError::Broken("the last position is not there".into()))?;
        from_json(&row.text(0)?)
    }

    /// The newest `limit` alerts (fewer when they are large), oldest first, that every sink has and
    /// whose outage goes on, or ended with an alert that some sink does not have. Their position is 0.
    ///
    /// # Errors
    /// The database's.
    pub async fn told_of_open_outages(&self, limit: u32) -> Result<Vec<Outgoing>> {
        let pending = |table: &str| {
            format!(
                "SELECT p.router, p.outage FROM {table} f JOIN alerts p ON p.id = f.alert \
                 WHERE p.outage IS NOT NULL"
            )
        };
        let statement = format!(
            "SELECT 0, r.zone, a.event, NULL, z.name FROM \
             (SELECT router, outage FROM outages WHERE ended IS NULL UNION {} UNION {}) o \
             JOIN alerts a ON a.router = o.router AND a.outage = o.outage \
             JOIN routers r ON r.number = a.router LEFT JOIN zones z ON z.id = r.zone \
             WHERE a.id NOT IN (SELECT alert FROM forward_outgoing) \
             AND a.id NOT IN (SELECT alert FROM forward_waiting) \
             AND a.id NOT IN (SELECT alert FROM forward_held) ORDER BY a.id DESC LIMIT ?",
            pending("forward_outgoing"),
            pending("forward_waiting"),
        );
        let statement = sql(statement).bind(limit.min(LARGEST));
        let database = &self.0.database;
        let rows = database.some_rows(statement, 2, HEAVIEST).await?.rows;
        Ok(rows.iter().rev().filter_map(readable).collect())
    }

    /// Each sink's name, and up to which position it has delivered.
    ///
    /// # Errors
    /// The database's.
    pub async fn forward_cursors(&self) -> Result<Vec<(String, i64)>> {
        let rows = self
            .0
            .database
            .rows(sql(
                "SELECT sink, position FROM forward_cursors ORDER BY sink",
            ))
            .await?;
        rows.iter()
            .map(|row| Ok((row.text(0)?, row.integer(1)?)))
            .collect()
    }

    /// Saves how far the sinks are, forgets sinks that are not given, and removes what all of them
    /// have; with no sink at all, everything that is numbered.
    ///
    /// # Errors
    /// [`StoreError::Outrun`] when the job was taken over, or the database's.
    pub async fn save_forward_cursors(
        &self,
        lease: &JobLease,
        cursors: &[(String, i64)],
    ) -> Result<()> {
        for (sink, _) in cursors {
            check("a sink's name", sink)?;
        }
        let done = cursors
            .iter()
            .map(|(_, position)| *position)
            .min()
            .unwrap_or(i64::MAX);
        retry(async || {
            let mut transaction = self.begin().await?;
            self.fence_job(&mut transaction, lease).await?;
            transaction.run(sql("DELETE FROM forward_cursors")).await?;
            for (sink, position) in cursors {
                transaction
                    .run(
                        sql("INSERT INTO forward_cursors (sink, position) VALUES (?, ?)")
                            .bind(sink)
                            .bind(*position),
                    )
                    .await?;
            }
            transaction
                .run(sql("DELETE FROM forward_outgoing WHERE position <= ?").bind(done))
                .await?;
            transaction.commit().await
        })
        .await
    }
}

/// What a row says; nothing when it cannot be read: one that is damaged must not keep the others
/// from being told.
fn readable(row: &Row) -> Option<Outgoing> {
    let read = || {
        let (zone, storm) = (row.text_or_null(1)?, row.text_or_null(3)?);
        let name = row.text_or_null(4)?.filter(|name| !name.is_empty());
        let event: Event = row.json(2)?;
        Ok(Outgoing {
            position: row.integer(0)?,
            event: Event {
                zone: name.or_else(|| zone.clone()),
                storm: storm.clone(),
                ..event
            },
            zone,
            storm,
        })
    };
    read()
        .inspect_err(|error: &StoreError| {
            tracing::error!(%error, "an alert cannot be read; nobody is told of it");
        })
        .ok()
}
