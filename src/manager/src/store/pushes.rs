//! Sending a configuration to a router: asked for, claimed by one manager, finished with a result
//! that is kept.

use std::collections::HashSet;
use std::time::Duration;

use contract::Timestamp;
use serde::{Deserialize, Serialize};

use super::Store;
use super::audit;
use super::database::Transaction;
use super::dialect::places;
use super::error::{Result, StoreError};
use super::filter::Filter;
use super::names::{check, check_text};
use super::page::{Page, Paged};
use super::retry::retry;
use super::routers::required_number_of;
use super::statement::{Row, sql, to_word};
use super::visits::{furthest, is_free, millis};

/// How far a push is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushState {
    /// Asked for; nobody has begun, or whoever began was lost.
    Queued,
    /// A manager is at it.
    Running,
    /// The router has the configuration.
    Done,
    /// It has not.
    Failed,
}

/// A push, past or to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// Rises with each.
    pub id: i64,
    /// The router's name.
    pub router: String,
    /// When it was asked for.
    pub requested: Timestamp,
    /// By whom.
    pub requested_by: String,
    /// How far it is.
    pub state: PushState,
    /// When it was done or had failed.
    pub finished: Option<Timestamp>,
    /// The digest of what was sent.
    pub digest: Option<String>,
    /// What came of it, in words.
    pub outcome: Option<String>,
}

/// A push that is ours until the lease ends; `token` fences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushLease {
    /// The push.
    pub id: i64,
    /// The router's name.
    pub router: String,
    /// Who holds it.
    pub holder: String,
    /// Rises with each claim.
    pub token: i64,
}

/// Which pushes; what is absent does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushFilter {
    /// The router's name.
    pub router: Option<String>,
    /// How far they are.
    pub state: Option<PushState>,
}

const PUSH: &str = "SELECT p.id, r.name, p.requested, p.requested_by, p.state, p.finished, p.digest, p.outcome \
     FROM pushes p JOIN routers r ON r.number = p.router";
const LARGEST_CLAIM: u32 = 512;
const LONGEST_OUTCOME: usize = 4000;

impl Store {
    /// Asks for pushes to routers; their ids, in the order of the names, each router once. A router
    /// that waits for one already gets no second.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRouter`], or the database's.
    pub async fn request_pushes(&self, actor: &str, routers: &[String]) -> Result<Vec<i64>> {
        check("a user's name", actor)?;
        retry(async || {
            let mut transaction = self.begin().await?;
            let now = transaction.now().await?;
            let mut ids = Vec::with_capacity(routers.len());
            let mut seen = HashSet::new();
            for router in routers.iter().filter(|name| seen.insert(name.as_str())) {
                let number = required_number_of(&mut transaction, router).await?;
                ids.push(request(&mut transaction, now, actor, number).await?);
                audit::record(&mut transaction, actor, "push", router, "").await?;
            }
            transaction.commit().await?;
            Ok(ids)
        })
        .await
    }

    /// Leases up to `limit` pushes that wait, or whose manager was lost; the oldest first. A router is
    /// sent to by one at a time, in the order in which that was asked for: what is sent last stays.
    ///
    /// # Errors
    /// The database's.
    pub async fn claim_pushes(
        &self,
        holder: &str,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<PushLease>> {
        check("a lease's holder", holder)?;
        let now = self.dialect().now();
        let free = format!(
            "SELECT p.id FROM pushes p WHERE p.state IN ('queued', 'running') AND {} \
             AND NOT EXISTS (SELECT 1 FROM pushes q WHERE q.router = p.router AND q.id < p.id \
             AND q.state IN ('queued', 'running')) ORDER BY p.id LIMIT ?{}",
            is_free(now),
            self.dialect().skip_locked()
        );
        retry(async || {
            let mut transaction = self.begin().await?;
            let rows = transaction
                .rows(
                    sql(free.as_str())
                        .bind(furthest(lease))
                        .bind(limit.min(LARGEST_CLAIM)),
                )
                .await?;
            let ids: Vec<i64> = rows.iter().map(|row| row.integer(0)).collect::<Result<_>>()?;
            if ids.is_empty() {
                return Ok(Vec::new());
            }
            let ours = places("?", ids.len());
            let take = format!(
                "UPDATE pushes SET state = 'running', lease_holder = ?, lease_token = lease_token + 1, \
                 lease_ends = {now} + ? WHERE id IN ({ours})"
            );
            let take = sql(take).bind(holder).bind(millis(lease));
            transaction.run(take.bind_all(ids.iter().copied())).await?;
            let read = format!(
                "SELECT p.id, r.name, p.lease_token FROM pushes p JOIN routers r ON r.number = p.router \
                 WHERE p.id IN ({ours}) ORDER BY p.id"
            );
            let rows = transaction.rows(sql(read).bind_all(ids)).await?;
            transaction.commit().await?;
            rows.iter()
                .map(|row| {
                    Ok(PushLease {
                        id: row.integer(0)?,
                        router: row.text(1)?,
                        holder: holder.to_owned(),
                        token: row.integer(2)?,
                    })
                })
                .collect()
        })
        .await
    }

    /// Keeps what came of a push.
    ///
    /// # Errors
    /// [`StoreError::Outrun`] when the push was taken over, or the database's.
    pub async fn finish_push(
        &self,
        lease: &PushLease,
        done: bool,
        digest: Option<&str>,
        outcome: &str,
    ) -> Result<()> {
        check_text("a digest", digest.unwrap_or_default())?;
        let outcome: String = outcome.chars().take(LONGEST_OUTCOME).collect();
        let state = if done {
            PushState::Done
        } else {
            PushState::Failed
        };
        let end = format!(
            "UPDATE pushes SET state = ?, finished = {}, digest = ?, outcome = ?, lease_ends = 0 \
             WHERE id = ? AND state = 'running' AND lease_holder = ? AND lease_token = ?",
            self.dialect().now()
        );
        retry(async || {
            let mut transaction = self.begin().await?;
            let done = transaction
                .run(
                    sql(end.as_str())
                        .bind(to_word(&state)?)
                        .bind(digest)
                        .bind(&outcome)
                        .bind(lease.id)
                        .bind(&lease.holder)
                        .bind(lease.token),
                )
                .await?;
            if done.rows == 0 {
                return Err(StoreError::Outrun);
            }
            transaction.commit().await
        })
        .await
    }

    /// The pushes that fit, newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn pushes(&self, filter: &PushFilter, page: Page) -> Result<Paged<Push>> {
        let state = filter.state.as_ref().map(to_word).transpose()?;
        let statement = Filter::default()
            .when(
                "p.router = (SELECT number FROM routers WHERE name = ?)",
                filter.router.as_deref(),
            )
            .when("p.state = ?", state)
            .page(PUSH, "p.id", page);
        let rows = self.0.database.rows(statement).await?;
        page.cut(&rows, push, |push| push.id)
    }
}

async fn request(transaction: &mut Transaction, now: i64, actor: &str, router: i64) -> Result<i64> {
    let waiting =
        sql("SELECT id FROM pushes WHERE router = ? AND state = 'queued' AND lease_ends = 0")
            .bind(router);
    if let Some(row) = transaction.row(waiting).await? {
        return row.integer(0);
    }
    let done = transaction
        .run(
            sql("INSERT INTO pushes (router, requested, requested_by, state) VALUES (?, ?, ?, 'queued')")
                .bind(router)
                .bind(now)
                .bind(actor),
        )
        .await?;
    Ok(done.id)
}

fn push(row: &Row) -> Result<Push> {
    Ok(Push {
        id: row.integer(0)?,
        router: row.text(1)?,
        requested: row.time(2)?,
        requested_by: row.text(3)?,
        state: row.word(4)?,
        finished: row.time_or_null(5)?,
        digest: row.text_or_null(6)?,
        outcome: row.text_or_null(7)?,
    })
}
