//! Numbers what waits: each alert gets its position, or is withheld, as is decided about it; one
//! transaction for thousands of them, in statements of many rows.

use std::collections::BTreeMap;

use super::Store;
use super::database::Transaction;
use super::dialect::{Dialect, places};
use super::error::{Result, StoreError};
use super::held::{self, Withheld};
use super::incoming::SIZES;
use super::jobs::JobLease;
use super::outgoing::{HEAVIEST, LARGEST, LAST_POSITION};
use super::queue::{Decision, Queue, Standing, Verdict, Waiting};
use super::retry::retry;
use super::silences;
use super::statement::{Row, from_json, sql};
use super::storms;

/// An alert that is told, and its storm.
type Told = (i64, Option<String>);
/// An outage: its router's number, and its id.
pub(super) type OutageKey = (i64, String);

/// What waits, with what only this module needs.
struct Read {
    queue: Queue,
    /// The routers' numbers, one for each alert of the queue.
    routers: Vec<i64>,
    /// All that was read, also what cannot be understood.
    all: Vec<i64>,
}

impl Store {
    /// Does with up to `limit` waiting alerts (fewer when they are large) what `decide` says of each,
    /// in their order; how many it were. What nothing is decided about is told. An alert that cannot
    /// be read is told to nobody and keeps nobody waiting.
    ///
    /// # Errors
    /// [`StoreError::Outrun`] when the job was taken over, or the database's.
    pub async fn number_outgoing<V: Into<Verdict>>(
        &self,
        lease: &JobLease,
        limit: u32,
        decide: impl Fn(&Queue) -> V,
    ) -> Result<u64> {
        self.number_due(lease, limit, None, decide).await
    }

    /// The same; decides also while nothing waits, when something is `due` by the database's clock,
    /// in milliseconds.
    ///
    /// # Errors
    /// As above.
    pub async fn number_due<V: Into<Verdict>>(
        &self,
        lease: &JobLease,
        limit: u32,
        due: Option<i64>,
        decide: impl Fn(&Queue) -> V,
    ) -> Result<u64> {
        retry(async || {
            let mut transaction = self.begin().await?;
            self.fence_job(&mut transaction, lease).await?;
            let read = read_waiting(&mut transaction, limit.min(LARGEST)).await?;
            if read.all.is_empty() && due.is_none_or(|due| read.queue.now.unix_millis() < due) {
                return Ok(0);
            }
            let verdict: Verdict = decide(&read.queue).into();
            let all = read.all.clone();
            carry_out(&mut transaction, self.dialect(), read, verdict.decisions).await?;
            // Behind: what was numbered before may belong to a storm too.
            storms::keep(
                &mut transaction,
                self.dialect(),
                &verdict.changes,
                &verdict.told,
            )
            .await?;
            remove_waiting(&mut transaction, &all).await?;
            transaction.commit().await?;
            Ok(all.len() as u64)
        })
        .await
    }
}

/// What waits.
async fn read_waiting(transaction: &mut Transaction, limit: u32) -> Result<Read> {
    let held = |silence: &str| {
        format!(
            "(SELECT MAX({silence}) FROM forward_held h WHERE h.router = a.router AND h.outage = a.outage)"
        )
    };
    let statement = format!(
        "SELECT w.alert, r.name, r.zone, a.outage, a.event, a.router, \
         CASE WHEN t.router IS NULL THEN 0 ELSE 1 END, {}, {}, w.released, \
         CASE WHEN w.released IS NULL THEN 0 ELSE \
         (SELECT COUNT(*) FROM outages o WHERE o.router = a.router AND o.outage = a.outage \
         AND o.ended IS NOT NULL) END, a.stored FROM \
         (SELECT alert, released FROM forward_waiting ORDER BY alert LIMIT ?) w \
         LEFT JOIN alerts a ON a.id = w.alert LEFT JOIN routers r ON r.number = a.router \
         LEFT JOIN forward_told t ON t.router = a.router AND t.outage = a.outage \
         ORDER BY w.alert",
        held("CASE WHEN h.settled = 0 THEN h.silence END"),
        held("h.silence"),
    );
    let statement = sql(statement).bind(limit);
    let rows = transaction.some_rows(statement, 4, HEAVIEST).await?.rows;
    // Behind what waits: a silence that began before an alert was stored is seen with it.
    let (now, silences) = silences::begun(transaction, !rows.is_empty()).await?;
    let mut read = Read {
        queue: Queue {
            now,
            silences,
            waiting: Vec::with_capacity(rows.len()),
        },
        routers: Vec::with_capacity(rows.len()),
        all: Vec::with_capacity(rows.len()),
    };
    for row in &rows {
        let id = row.integer(0)?;
        read.all.push(id);
        match waiting(id, row).and_then(|waiting| Ok((waiting, row.integer(5)?))) {
            Ok((waiting, router)) => {
                read.queue.waiting.push(waiting);
                read.routers.push(router);
            }
            Err(error) => {
                tracing::error!(alert = id, %error, "an alert cannot be read; nobody is told of it");
            }
        }
    }
    Ok(read)
}

fn waiting(id: i64, row: &Row) -> Result<Waiting> {
    Ok(Waiting {
        id,
        router: row.text(1)?,
        zone: row.text_or_null(2)?,
        outage: row.text_or_null(3)?,
        event: row.json(4)?,
        stored: row.integer(11)?,
        standing: Standing {
            told: row.flag(6)?,
            held_by: row.integer_or_null(7)?,
            withheld_by: row.integer_or_null(8)?,
            released_by: row.integer_or_null(9)?,
            over: row.flag(10)?,
        },
    })
}

async fn carry_out(
    transaction: &mut Transaction,
    dialect: Dialect,
    read: Read,
    decided: Vec<Decision>,
) -> Result<()> {
    let decided = decided.into_iter().map(Some).chain(std::iter::repeat(None));
    let waiting = read.queue.waiting.into_iter().zip(read.routers);
    let mut told = Vec::with_capacity(read.all.len());
    let mut withheld = Withheld::default();
    // Whether each outage was told of, before and after.
    let mut outages: BTreeMap<OutageKey, (bool, bool)> = BTreeMap::new();
    for ((waiting, router), decision) in waiting.zip(decided) {
        let ends = waiting.event.fact.ends_outage();
        let standing = waiting.standing;
        let outage = waiting.outage.map(|outage| (router, outage));
        match decision.unwrap_or(Decision::Tell { storm: None }) {
            Decision::Tell { storm } => {
                told.push((waiting.id, storm));
                withheld.tell(standing.released_by);
                if let Some(outage) = &outage {
                    let known = outages.entry(outage.clone());
                    known.or_insert((standing.told, false)).1 = !ends;
                }
            }
            Decision::Hold { silence } => {
                withheld.hold(waiting.id, silence, standing.released_by, outage.clone());
            }
            Decision::Withhold { silence } => {
                withheld.settle(waiting.id, silence, standing.released_by);
            }
        }
        if let Some(outage) = outage.filter(|_| ends) {
            withheld.end(outage, standing.held_by.is_some());
        }
    }
    number(transaction, &told).await?;
    remember_told(transaction, dialect, &outages).await?;
    held::withhold(transaction, dialect, &withheld).await
}

/// Gives positions, behind all that were given.
async fn number(transaction: &mut Transaction, told: &[Told]) -> Result<()> {
    if told.is_empty() {
        return Ok(());
    }
    let last = transaction
        .row(sql("SELECT value FROM settings WHERE name = ?").bind(LAST_POSITION))
        .await?
        .ok_or_else(|| StoreError::Broken("the last position is not there".into()))?;
    let mut position: i64 = from_json(&last.text(0)?)?;
    for part in super::parts(told, &SIZES) {
        let mut number = sql(format!(
            "INSERT INTO forward_outgoing (position, alert, storm) VALUES {}",
            places("(?, ?, ?)", part.len())
        ));
        for (alert, storm) in part {
            position += 1;
            number = number.bind(position).bind(*alert).bind(storm.as_deref());
        }
        transaction.run(number).await?;
    }
    transaction
        .run(
            sql("UPDATE settings SET value = ? WHERE name = ?")
                .bind(position.to_string())
                .bind(LAST_POSITION),
        )
        .await
        .map(drop)
}

/// Writes down which outages somebody was told of: only what is another than before.
async fn remember_told(
    transaction: &mut Transaction,
    dialect: Dialect,
    outages: &BTreeMap<OutageKey, (bool, bool)>,
) -> Result<()> {
    let changed = |to: bool| {
        let changed = outages.iter().filter(|(_, known)| **known == (!to, to));
        changed.map(|(outage, _)| outage).collect::<Vec<_>>()
    };
    for part in super::parts(&changed(true), &SIZES) {
        let insert = format!(
            "INSERT INTO forward_told (router, outage) VALUES {} {} router = forward_told.router",
            places("(?, ?)", part.len()),
            dialect.on_conflict("router, outage"),
        );
        transaction.run(bind_outages(insert, part)).await?;
    }
    for part in super::parts(&changed(false), &SIZES) {
        let delete = format!(
            "DELETE FROM forward_told WHERE (router, outage) IN {}",
            dialect.pairs(part.len())
        );
        transaction.run(bind_outages(delete, part)).await?;
    }
    Ok(())
}

/// The statement, with a pair of values for each outage.
pub(super) fn bind_outages<'a>(
    text: String,
    outages: &[&'a OutageKey],
) -> super::statement::Statement<'a> {
    let mut statement = sql(text);
    for (router, outage) in outages {
        statement = statement.bind(*router).bind(outage);
    }
    statement
}

async fn remove_waiting(transaction: &mut Transaction, alerts: &[i64]) -> Result<()> {
    for part in super::parts(alerts, &SIZES) {
        let end = format!(
            "DELETE FROM forward_waiting WHERE alert IN ({})",
            places("?", part.len())
        );
        let end = sql(end).bind_all(part.iter().copied());
        transaction.run(end).await?;
    }
    Ok(())
}
