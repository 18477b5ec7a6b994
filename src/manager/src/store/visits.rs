//! Who visits which router, and until when. A lease ends by the database's clock, the only one that
//! all managers share; its token rises with each claim, so that a visitor who was too slow commits
//! nothing.

use std::time::Duration;

use contract::{Event, Timestamp};

use super::Store;
use super::alerts::{Stored, Via};
use super::database::Transaction;
use super::dialect::places;
use super::error::{Result, StoreError};
use super::incoming::{Incoming, Look, insert};
use super::inventory::{ROUTER, ROUTER_NUMBER, read_routers};
use super::names::{check, check_short, check_text};
use super::retry::retry;
use super::routers::{number_of, required_number_of};
use super::statement::{Row, sql};
use super::usage::{self, UsageSample};
use crate::plan::inventory::Router;

/// How far a router's alerts have been read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The cursor of `vrwatch poll`.
    pub vrwatch: Option<String>,
    /// CloudStack's `last_alert_timestamp`.
    pub legacy_stamp: Option<String>,
}

/// A whole visit, committed at once: alerts with cursor.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The router's name.
    pub router: String,
    /// The lease under which it was made.
    pub lease: WorkLease,
    /// What it brought.
    pub events: Vec<Event>,
    /// How.
    pub via: Via,
    /// What the manager itself has to say about the router.
    pub own: Vec<Event>,
    /// The new cursor, as a whole: carry over the part that did not move.
    pub cursor: Cursor,
    /// Counters, as they were read.
    pub usage: Vec<UsageSample>,
    /// When to come again; absent: the visit goes on, and with it the lease.
    pub next_visit: Option<Duration>,
}

/// A router that is ours until the lease ends; `token` fences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkLease {
    /// The router's name.
    pub router: String,
    /// Who holds it.
    pub holder: String,
    /// Rises with each claim.
    pub token: i64,
}

/// A router to visit.
#[derive(Clone, Debug)]
pub struct Due {
    /// The lease.
    pub lease: WorkLease,
    /// How to reach it.
    pub router: Router,
    /// Where to read on.
    pub cursor: Cursor,
    /// How many visits in a row have failed.
    pub misses: u32,
    /// When a visit last succeeded.
    pub last_seen: Option<Timestamp>,
    /// Since when it is said to be unreachable.
    pub unreachable: Option<Timestamp>,
}

const LONGEST_CURSOR: usize = 4000;
const LONGEST_REASON: usize = 4000;
/// The most routers of one claim.
const LARGEST_CLAIM: u32 = 512;

impl Store {
    /// Leases up to `limit` running routers whose visit is due, the longest waiting first.
    ///
    /// # Errors
    /// The database's.
    pub async fn claim_due(&self, holder: &str, limit: u32, lease: Duration) -> Result<Vec<Due>> {
        let dialect = self.dialect();
        let due = format!(
            "SELECT vm_id FROM op_router_monitoring_services WHERE running = 1 AND next_visit <= {now} \
             AND {free} ORDER BY next_visit LIMIT ?{}",
            dialect.skip_locked(),
            now = dialect.now(),
            free = is_free(dialect.now()),
        );
        retry(async || {
            let mut transaction = self.begin().await?;
            let rows = transaction
                .rows(
                    sql(due.as_str())
                        .bind(furthest(lease))
                        .bind(limit.min(LARGEST_CLAIM)),
                )
                .await?;
            let numbers: Vec<i64> = rows
                .iter()
                .map(|row| row.integer(0))
                .collect::<Result<_>>()?;
            self.lease(transaction, holder, &numbers, lease).await
        })
        .await
    }

    /// Makes due what is planned later than any visit is: when the database's clock was put back.
    /// How many routers that were.
    ///
    /// # Errors
    /// The database's.
    pub async fn bring_forward(&self, furthest: Duration) -> Result<u64> {
        let far = format!(
            "UPDATE op_router_monitoring_services SET next_visit = {now} \
             WHERE running = 1 AND next_visit > {now} + ?",
            now = self.dialect().now(),
        );
        retry(async || {
            let mut transaction = self.begin().await?;
            let done = transaction
                .run(sql(far.as_str()).bind(millis(furthest)))
                .await?;
            transaction.commit().await?;
            Ok(done.rows)
        })
        .await
    }

    /// Leases one router at once, due or not; `None` while somebody else visits it.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRouter`], or the database's.
    pub async fn claim(&self, holder: &str, router: &str, lease: Duration) -> Result<Option<Due>> {
        let dialect = self.dialect();
        let free = format!(
            "SELECT vm_id FROM op_router_monitoring_services WHERE vm_id = ? AND {}{}",
            is_free(dialect.now()),
            dialect.for_update(),
        );
        retry(async || {
            let mut transaction = self.begin().await?;
            let number = required_number_of(&mut transaction, router).await?;
            let free = sql(free.as_str()).bind(number).bind(furthest(lease));
            let rows = transaction.rows(free).await?;
            let numbers: Vec<i64> = rows
                .iter()
                .map(|row| row.integer(0))
                .collect::<Result<_>>()?;
            let mut leased = self.lease(transaction, holder, &numbers, lease).await?;
            Ok(leased.pop())
        })
        .await
    }

    /// Leases routers whose rows the transaction has locked, and commits.
    async fn lease(
        &self,
        mut transaction: Transaction,
        holder: &str,
        numbers: &[i64],
        lease: Duration,
    ) -> Result<Vec<Due>> {
        check_text("a lease's holder", holder)?;
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let take = format!(
            "UPDATE op_router_monitoring_services SET lease_holder = ?, lease_token = lease_token + 1, \
             lease_ends = {} + ? WHERE vm_id IN ({})",
            self.dialect().now(),
            places("?", numbers.len()),
        );
        transaction
            .run(
                sql(take)
                    .bind(holder)
                    .bind(millis(lease))
                    .bind_all(numbers.iter().copied()),
            )
            .await?;
        let read = format!(
            "SELECT {ROUTER}, o.lease_token, o.vrwatch_cursor, o.last_alert_timestamp, o.misses, \
             o.last_seen, o.unreachable FROM routers r \
             JOIN op_router_monitoring_services o ON o.vm_id = r.number \
             WHERE r.number IN ({}) ORDER BY o.next_visit",
            places("?", numbers.len()),
        );
        let rows = transaction
            .rows(sql(read).bind_all(numbers.iter().copied()))
            .await?;
        transaction.commit().await?;
        let nics = self.nics(numbers).await?;
        let routers = read_routers(&rows, 0, &nics)?;
        rows.iter()
            .zip(routers)
            .map(|(row, router)| due(row, router, holder))
            .collect()
    }

    /// Stores alerts, usage and cursor and ends the lease (unless the visit goes on), in one
    /// transaction.
    ///
    /// # Errors
    /// [`StoreError::Outrun`] when the lease is no longer ours, [`StoreError::Refused`] for events
    /// that do not fit, or the database's: then nothing was stored.
    pub async fn store_visit(&self, visit: &Visit) -> Result<Stored> {
        if !visit.events.is_empty() {
            self.0.room.check()?;
        }
        let mut incoming = Incoming::all_of(&visit.events, visit.via)?;
        incoming.extend(Incoming::all_of(&visit.own, Via::Manager)?);
        let cursor = &visit.cursor;
        for text in [&cursor.vrwatch, &cursor.legacy_stamp]
            .into_iter()
            .flatten()
        {
            check_short("a cursor", text, LONGEST_CURSOR)?;
        }
        if let Some(stamp) = &cursor.legacy_stamp {
            check_text("an alert's stamp", stamp)?;
        }
        for sample in &visit.usage {
            check("an interface's name", &sample.interface)?;
        }
        let end = format!(
            "UPDATE op_router_monitoring_services SET vrwatch_cursor = ?, last_alert_timestamp = ?, \
             next_visit = CASE WHEN ? = 1 THEN {now} + ? ELSE next_visit END, \
             lease_ends = CASE WHEN ? = 1 THEN 0 ELSE lease_ends END, \
             misses = 0, last_seen = {now}, unreachable = 0 WHERE vm_id = ?",
            now = self.dialect().now(),
        );
        let ends = visit.next_visit.is_some();
        let next_visit = millis(visit.next_visit.unwrap_or_default());
        retry(async || {
            let mut transaction = self.begin().await?;
            let (number, _) = self.fence(&mut transaction, &visit.lease).await?;
            let stored = insert(
                &mut transaction,
                self.dialect(),
                Look::First,
                &[(number, &incoming)],
            )
            .await?;
            usage::insert(&mut transaction, self.dialect(), number, &visit.usage).await?;
            transaction
                .run(
                    sql(end.as_str())
                        .bind(cursor.vrwatch.as_deref())
                        .bind(cursor.legacy_stamp.as_deref())
                        .bind(ends)
                        .bind(next_visit)
                        .bind(ends)
                        .bind(number),
                )
                .await?;
            transaction.commit().await?;
            Ok(stored.into_iter().next().unwrap_or_default())
        })
        .await
    }

    /// Counts a visit that failed and ends the lease. `unreachable`, an event of the manager's own,
    /// is stored with it when given; but not of a router that was stopped during the visit.
    ///
    /// # Errors
    /// As for [`Self::store_visit`].
    pub async fn store_miss(
        &self,
        lease: &WorkLease,
        reason: &str,
        unreachable: Option<&Event>,
        next_visit: Duration,
    ) -> Result<()> {
        let incoming =
            Incoming::all_of(unreachable.map_or(&[], std::slice::from_ref), Via::Manager)?;
        let reason: String = reason.chars().take(LONGEST_REASON).collect();
        let end = format!(
            "UPDATE op_router_monitoring_services SET misses = misses + 1, last_miss = ?, \
             next_visit = {} + ?, lease_ends = 0, unreachable = COALESCE(?, unreachable) WHERE vm_id = ?",
            self.dialect().now(),
        );
        retry(async || {
            let mut transaction = self.begin().await?;
            let (number, running) = self.fence(&mut transaction, lease).await?;
            if running {
                let incoming = [(number, incoming.as_slice())];
                insert(&mut transaction, self.dialect(), Look::First, &incoming).await?;
            }
            let since = unreachable.filter(|_| running);
            let since = since.map(|event| event.time.unix_millis());
            transaction
                .run(
                    sql(end.as_str())
                        .bind(&reason)
                        .bind(millis(next_visit))
                        .bind(since)
                        .bind(number),
                )
                .await?;
            transaction.commit().await
        })
        .await
    }

    /// The router's number and whether it should be running, its row locked, while the lease has not
    /// been taken over.
    async fn fence(&self, transaction: &mut Transaction, lease: &WorkLease) -> Result<(i64, bool)> {
        let number = number_of(transaction, &lease.router)
            .await?
            .ok_or(StoreError::Outrun)?;
        // An ended lease that nobody took is still ours. One that was given back (0) is not.
        let held = format!(
            "SELECT running FROM op_router_monitoring_services \
             WHERE vm_id = ? AND lease_holder = ? AND lease_token = ? AND lease_ends > 0{}",
            self.dialect().for_update(),
        );
        let held = sql(held).bind(number).bind(&lease.holder).bind(lease.token);
        match transaction.row(held).await? {
            Some(row) => Ok((number, row.flag(0)?)),
            None => Err(StoreError::Outrun),
        }
    }
}

fn due(row: &Row, router: Router, holder: &str) -> Result<Due> {
    let first = ROUTER_NUMBER + 1;
    Ok(Due {
        lease: WorkLease {
            router: router.name.clone(),
            holder: holder.to_owned(),
            token: row.integer(first)?,
        },
        cursor: Cursor {
            vrwatch: row.text_or_null(first + 1)?,
            legacy_stamp: row.text_or_null(first + 2)?,
        },
        misses: u32::try_from(row.integer(first + 3)?).unwrap_or(u32::MAX),
        last_seen: row.time_or_null(first + 4)?,
        unreachable: match row.integer(first + 5)? {
            0 => None,
            _ => Some(row.time(first + 5)?),
        },
        router,
    })
}

/// Whether a lease has ended, or ends later than any can: then the database's clock was put back
/// since. [`furthest`] is to be bound.
pub(super) fn is_free(now: &str) -> String {
    format!("(lease_ends <= {now} OR lease_ends > {now} + ?)")
}

/// How far ahead the end of a lease may lie, with room for managers that take longer ones.
pub(super) fn furthest(lease: Duration) -> i64 {
    millis(lease * 2 + Duration::from_mins(10))
}

/// A duration in milliseconds.
pub(crate) fn millis(duration: Duration) -> i64 {
    // Far beyond any use, and far from overflow when added to a time.
    i64::try_from(duration.as_millis())
        .unwrap_or(i64::MAX)
        .min(1 << 50)
}
