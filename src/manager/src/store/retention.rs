//! Forgets what is old, a little at a time, so that nobody waits behind it. What still has to be
//! forwarded is never forgotten.

use std::time::Duration;

use super::Store;
use super::database::Transaction;
use super::dialect::places;
use super::error::{Result, StoreError};
use super::incoming::SIZES;
use super::retry::retry;
use super::statement::{Row, Statement, sql};
use super::visits::millis;

/// How long things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Alerts, by when they were stored, and ended outages, by when they ended.
    pub alerts: Duration,
    /// Usage samples.
    pub usage: Duration,
    /// The audit trail, finished pushes and ended silences.
    pub audit: Duration,
}

/// What a call of [`Store::trim`] removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// Alerts.
    pub alerts: u64,
    /// Rows of any other table.
    pub others: u64,
    /// Whether there is more to remove: call again.
    pub more: bool,
}

/// Rows of one table in one transaction.
const AT_ONCE: i64 = 1_000;

/// The last of the oldest alerts that are old enough and forwarded: those up to it go. What is held
/// stays, and holds up no other.
const OLD_ALERTS: &str = "SELECT MAX(id) FROM (SELECT id, stored FROM alerts a \
     WHERE NOT EXISTS (SELECT 1 FROM forward_held h WHERE h.alert = a.id AND h.settled = 0) \
     ORDER BY id LIMIT ?) oldest \
     WHERE stored < ? AND id < COALESCE((SELECT MIN(alert) FROM forward_waiting), 9223372036854775807) \
     AND id < COALESCE((SELECT MIN(alert) FROM forward_outgoing), 9223372036854775807)";

/// Looked at once more: what was held may wait again by now.
const END_OF_ALERTS: &str = "DELETE FROM alerts WHERE id <= ? AND stored < ? \
     AND NOT EXISTS (SELECT 1 FROM forward_held h WHERE h.alert = alerts.id AND h.settled = 0) \
     AND NOT EXISTS (SELECT 1 FROM forward_waiting w WHERE w.alert = alerts.id) \
     AND NOT EXISTS (SELECT 1 FROM forward_outgoing o WHERE o.alert = alerts.id)";
const END_OF_HELD: &str = "DELETE FROM forward_held WHERE alert <= ? AND settled = 1 \
     AND NOT EXISTS (SELECT 1 FROM alerts a WHERE a.id = forward_held.alert)";
/// Outages whose end was told before their beginning, or never came.
const END_OF_TOLD: &str = "DELETE FROM forward_told WHERE NOT EXISTS (SELECT 1 FROM outages o \
     WHERE o.router = forward_told.router AND o.outage = forward_told.outage \
     AND (o.ended IS NULL OR o.ended >= ?))";

/// The tables whose old rows go by their ids, and which those are.
const OLD_ROWS: [(&str, &str, Kept); 6] = [
    (
        "SELECT id FROM outages WHERE ended < ? ORDER BY id LIMIT ?",
        "DELETE FROM outages WHERE id IN",
        Kept::Alerts,
    ),
    // When an outage ended is what its router says: of one that ends in the future, and of what is
    // left open of a removed router, the last alert decides.
    (
        "SELECT id FROM outages o WHERE (ended > ? OR (ended IS NULL AND EXISTS \
         (SELECT 1 FROM routers r WHERE r.number = o.router AND r.removed IS NOT NULL))) \
         AND NOT EXISTS (SELECT 1 FROM alerts a WHERE a.router = o.router AND a.outage = o.outage) \
         ORDER BY id LIMIT ?",
        "DELETE FROM outages WHERE id IN",
        Kept::Future,
    ),
    (
        "SELECT id FROM audit_trail WHERE time < ? ORDER BY id LIMIT ?",
        "DELETE FROM audit_trail WHERE id IN",
        Kept::Audit,
    ),
    (
        "SELECT id FROM pushes WHERE finished < ? ORDER BY id LIMIT ?",
        "DELETE FROM pushes WHERE id IN",
        Kept::Audit,
    ),
    (
        "SELECT id FROM silences WHERE ends < ? ORDER BY id LIMIT ?",
        "DELETE FROM silences WHERE id IN",
        Kept::Audit,
    ),
    // Removed routers of which nothing speaks any more.
    (
        "SELECT number FROM routers r WHERE removed < ? \
         AND NOT EXISTS (SELECT 1 FROM alerts a WHERE a.router = r.number) \
         AND NOT EXISTS (SELECT 1 FROM outages o WHERE o.router = r.number) \
         AND NOT EXISTS (SELECT 1 FROM usage_samples u WHERE u.router = r.number) \
         AND NOT EXISTS (SELECT 1 FROM pushes p WHERE p.router = r.number) LIMIT ?",
        "DELETE FROM routers WHERE removed IS NOT NULL AND number IN",
        Kept::Alerts,
    ),
];

/// As long as what.
#[derive(Clone, Copy)]
enum Kept {
    Alerts,
    Audit,
    /// Its time has not come yet.
    Future,
}

impl Store {
    /// Removes what is older than it is kept, at most 1,000 rows a table.
    ///
    /// # Errors
    /// The database's.
    pub async fn trim(&self, retention: &Retention) -> Result<Trimmed> {
        let now = self.now().await?;
        let alerts = now - millis(retention.alerts);
        let audit = now - millis(retention.audit);
        // Looked for by readers: the writer only removes.
        let old = self.one(sql(OLD_ALERTS).bind(AT_ONCE).bind(alerts)).await?;
        let old_alert = old.integer_or_null(0)?;
        let mut removals = Vec::new();
        for (select, delete, kept) in OLD_ROWS {
            let before = match kept {
                Kept::Alerts => alerts,
                Kept::Audit => audit,
                Kept::Future => now,
            };
            let rows = self
                .0
                .database
                .rows(sql(select).bind(before).bind(AT_ONCE))
                .await?;
            let ids: Vec<i64> = rows
                .iter()
                .map(|row| row.integer(0))
                .collect::<Result<_>>()?;
            removals.push((delete, ids));
        }
        let before = now - millis(retention.usage);
        let usage = self
            .0
            .database
            .rows(sql(OLD_USAGE).bind(before).bind(AT_ONCE))
            .await?;
        retry(async || {
            let mut transaction = self.begin().await?;
            let mut trimmed = Trimmed::default();
            if let Some(last) = old_alert {
                let end = sql(END_OF_ALERTS).bind(last).bind(alerts);
                trimmed.alerts = transaction.run(end).await?.rows;
                let end = sql(END_OF_HELD).bind(last);
                trimmed.others += transaction.run(end).await?.rows;
            }
            let end = sql(END_OF_TOLD).bind(alerts);
            trimmed.others += transaction.run(end).await?.rows;
            for (delete, ids) in &removals {
                for part in super::parts(ids, &SIZES) {
                    let end = format!("{delete} ({})", places("?", part.len()));
                    let end = sql(end).bind_all(part.iter().copied());
                    trimmed.others += transaction.run(end).await?.rows;
                }
            }
            // A session that has ended lets nobody in: it need not be kept at all.
            let ended = sql("DELETE FROM sessions WHERE ends < ?").bind(now);
            trimmed.others += transaction.run(ended).await?.rows;
            trimmed.others += remove_usage(&mut transaction, &usage, before).await?;
            transaction.commit().await?;
            let full = AT_ONCE.unsigned_abs();
            trimmed.more = trimmed.alerts >= full || trimmed.others >= full;
            Ok(trimmed)
        })
        .await
    }

    /// The database's clock, in milliseconds since 1970.
    async fn now(&self) -> Result<i64> {
        let now = format!("SELECT {}", self.dialect().now());
        self.one(sql(now)).await?.integer(0)
    }

    /// The one row that an aggregate always gives.
    async fn one(&self, statement: Statement<'_>) -> Result<Row> {
        let row = self.0.database.row(statement).await?;
        row.ok_or_else(|| StoreError::Broken("the database counts nothing".into()))
    }
}

/// Usage has no id of its own: interface by interface, whose oldest sample is old.
const OLD_USAGE: &str = "SELECT router, interface FROM usage_samples GROUP BY router, interface \
     HAVING MIN(time) < ? LIMIT ?";

async fn remove_usage(transaction: &mut Transaction, of: &[Row], before: i64) -> Result<u64> {
    let mut removed = 0;
    for row in of {
        let interface = row.text(1)?;
        let old = sql("DELETE FROM usage_samples WHERE router = ? AND interface = ? AND time < ?")
            .bind(row.integer(0)?)
            .bind(&interface)
            .bind(before);
        removed += transaction.run(old).await?.rows;
    }
    Ok(removed)
}
