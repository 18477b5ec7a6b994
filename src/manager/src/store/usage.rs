//! How many bytes the routers' interfaces have carried: counters, as visits read them.

use contract::Timestamp;

use super::Store;
use super::database::Transaction;
use super::dialect::{Dialect, places};
use super::error::Result;
use super::incoming::SIZES;
use super::statement::sql;

/// An interface's counters at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct UsageSample {
    /// When they were read.
    pub time: Timestamp,
    /// The interface's name.
    pub interface: String,
    /// Since the interface came up.
    pub bytes_received: u64,
    /// Since the interface came up.
    pub bytes_sent: u64,
}

/// The most samples that are read at once.
const LARGEST_READ: u32 = 10_000;

/// Adds samples; one of the same moment is replaced.
pub(super) async fn insert(
    transaction: &mut Transaction,
    dialect: Dialect,
    router: i64,
    samples: &[UsageSample],
) -> Result<()> {
    let number = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    for part in super::parts(samples, &SIZES) {
        let mut statement = sql(format!(
            "INSERT INTO usage_samples (router, interface, time, bytes_received, bytes_sent) VALUES {} {} {}",
            places("(?, ?, ?, ?, ?)", part.len()),
            dialect.on_conflict("router, interface, time"),
            dialect.take(&["bytes_received", "bytes_sent"]),
        ));
        for sample in part {
            statement = statement
                .bind(router)
                .bind(&sample.interface)
                .bind(sample.time.unix_millis())
                .bind(number(sample.bytes_received))
                .bind(number(sample.bytes_sent));
        }
        transaction.run(statement).await?;
    }
    Ok(())
}

impl Store {
    /// A router's samples from `since` on, oldest first, at most `limit`.
    ///
    /// # Errors
    /// The database's.
    pub async fn usage(
        &self,
        router: &str,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<UsageSample>> {
        let rows = self
            .0
            .database
            .rows(
                sql("SELECT u.time, u.interface, u.bytes_received, u.bytes_sent FROM usage_samples u \
                     JOIN routers r ON r.number = u.router WHERE r.name = ? AND u.time >= ? \
                     ORDER BY u.time, u.interface LIMIT ?")
                .bind(router)
                .bind(since.unix_millis())
                .bind(limit.min(LARGEST_READ)),
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(UsageSample {
                    time: row.time(0)?,
                    interface: row.text(1)?,
                    bytes_received: u64::try_from(row.integer(2)?).unwrap_or(0),
                    bytes_sent: u64::try_from(row.integer(3)?).unwrap_or(0),
                })
            })
            .collect()
    }
}
