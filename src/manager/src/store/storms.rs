//! Storms as they are stored: what is known of those that are not over, for whoever forwards next,
//! and what changes of them, in the transaction that numbers what belongs to them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Store;
use super::alerts::Via;
use super::database::Transaction;
use super::dialect::{Dialect, places};
use super::error::{Result, StoreError};
use super::incoming::{Incoming, Look, SIZES, insert};
use super::statement::{Row, sql, to_word};
use super::visits::millis;
use crate::forward::storm::{Begun, Change, Row as Storm, Told};
use crate::plan::inventory::Hypervisor;

/// How many of the newest alerts are looked through for outages that began a short while ago.
const NEWEST: i64 = 20_000;

/// What is stored of storms.
#[derive(Clone, Debug, Default)]
pub struct KnownStorms {
    /// Those that are not over, with their outages.
    pub storms: Vec<(Storm, Vec<Begun>)>,
    /// The outages that began a short while ago and belong to none, with their zones.
    pub recent: Vec<(String, Begun)>,
}

impl Store {
    /// What a manager goes on with that begins to forward: storms, and the outages of which was
    /// decided `within` before.
    ///
    /// # Errors
    /// The database's.
    pub async fn known_storms(&self, within: Duration) -> Result<KnownStorms> {
        let mut transaction = self.begin().await?;
        let mut outages = outages(&mut transaction).await?;
        let rows = transaction
            .rows(sql(
                "SELECT id, zone, since, noticed, told, last_begin, last_end, more FROM storms \
                 ORDER BY noticed, id",
            ))
            .await?;
        let storms = rows
            .iter()
            .map(|row| {
                let storm = storm(row)?;
                let outages = outages.remove(&storm.id).unwrap_or_default();
                Ok((storm, outages))
            })
            .collect::<Result<_>>()?;
        let since = transaction.now().await? - millis(within);
        let rows = transaction
            .rows(
                sql("SELECT a.id, a.stored, r.name, a.outage, a.service, \
                     CASE WHEN o.ended IS NULL THEN 0 ELSE 1 END, r.zone FROM alerts a \
                     JOIN routers r ON r.number = a.router \
                     JOIN outages o ON o.router = a.router AND o.outage = a.outage \
                     WHERE a.id > (SELECT COALESCE(MAX(id), 0) - ? FROM alerts) AND a.stored >= ? \
                     AND a.kind IN ('service_down', 'recovered', 'router_unreachable') \
                     AND a.id NOT IN (SELECT alert FROM forward_waiting) \
                     AND a.id NOT IN (SELECT alert FROM forward_held) \
                     AND a.id NOT IN (SELECT alert FROM storm_outages) ORDER BY a.id")
                .bind(NEWEST)
                .bind(since),
            )
            .await?;
        let recent = rows
            .iter()
            .map(|row| Ok((row.text(6)?, begun(row)?)))
            .collect::<Result<_>>()?;
        transaction.commit().await?;
        Ok(KnownStorms { storms, recent })
    }
}

/// The outages of all storms.
async fn outages(transaction: &mut Transaction) -> Result<BTreeMap<String, Vec<Begun>>> {
    let rows = transaction
        .rows(sql(
            "SELECT a.id, a.stored, r.name, a.outage, a.service, s.ended, s.storm \
             FROM storm_outages s JOIN alerts a ON a.id = s.alert \
             JOIN routers r ON r.number = a.router WHERE a.outage IS NOT NULL ORDER BY a.id",
        ))
        .await?;
    let mut outages: BTreeMap<String, Vec<Begun>> = BTreeMap::new();
    for row in &rows {
        outages.entry(row.text(6)?).or_default().push(begun(row)?);
    }
    Ok(outages)
}

fn begun(row: &Row) -> Result<Begun> {
    Ok(Begun {
        alert: row.integer(0)?,
        at: row.integer(1)?,
        router: row.text(2)?,
        outage: row.text(3)?,
        service: row.text_or_null(4)?,
        ended: row.flag(5)?,
    })
}

fn storm(row: &Row) -> Result<Storm> {
    Ok(Storm {
        id: row.text(0)?,
        zone: row.text(1)?,
        since: row.integer(2)?,
        noticed: row.integer(3)?,
        told: row.flag(4)?,
        last_begin: row.integer(5)?,
        last_end: row.integer(6)?,
        more: u32::try_from(row.integer(7)?).unwrap_or(u32::MAX),
    })
}

/// Stores what was decided about storms, and what is to be told of them.
pub(super) async fn keep(
    transaction: &mut Transaction,
    dialect: Dialect,
    changes: &[Change],
    told: &[Told],
) -> Result<()> {
    let mut storms: BTreeMap<&str, Option<&Storm>> = BTreeMap::new();
    let mut taken: BTreeMap<&str, Vec<(&Begun, bool)>> = BTreeMap::new();
    let mut over = Vec::new();
    for change in changes {
        match change {
            Change::Set(storm) => drop(storms.insert(&storm.id, Some(storm))),
            Change::Forget { storm } => drop(storms.insert(storm, None)),
            Change::Over { alert } => over.push(*alert),
            Change::Take {
                storm,
                begun,
                before,
            } => taken.entry(storm).or_default().push((begun, *before)),
        }
    }
    for (storm, outages) in &taken {
        take(transaction, storm, outages).await?;
    }
    for part in super::parts(&over, &SIZES) {
        let end = format!(
            "UPDATE storm_outages SET ended = 1 WHERE alert IN ({})",
            places("?", part.len())
        );
        let end = sql(end).bind_all(part.iter().copied());
        transaction.run(end).await?;
    }
    for (id, storm) in storms {
        match storm {
            Some(storm) => set(transaction, dialect, storm).await?,
            None => forget(transaction, id).await?,
        }
    }
    for told in told {
        tell(transaction, dialect, told).await?;
    }
    Ok(())
}

async fn take(
    transaction: &mut Transaction,
    storm: &str,
    outages: &[(&Begun, bool)],
) -> Result<()> {
    for part in super::parts(outages, &SIZES) {
        let mut statement = sql(format!(
            "INSERT INTO storm_outages (alert, storm, ended) VALUES {}",
            places("(?, ?, ?)", part.len())
        ));
        for (begun, _) in part {
            statement = statement.bind(begun.alert).bind(storm).bind(begun.ended);
        }
        transaction.run(statement).await?;
    }
    let before = outages.iter().filter(|(_, before)| *before);
    let before: Vec<i64> = before.map(|(begun, _)| begun.alert).collect();
    for part in super::parts(&before, &SIZES) {
        let mark = format!(
            "UPDATE forward_outgoing SET storm = ? WHERE alert IN ({})",
            places("?", part.len())
        );
        let mark = sql(mark).bind(storm).bind_all(part.iter().copied());
        transaction.run(mark).await?;
    }
    Ok(())
}

async fn set(transaction: &mut Transaction, dialect: Dialect, storm: &Storm) -> Result<()> {
    let statement = format!(
        "INSERT INTO storms (id, zone, since, noticed, told, last_begin, last_end, more) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) {} {}",
        dialect.on_conflict("id"),
        dialect.take(&["told", "last_begin", "last_end", "more"]),
    );
    let statement = sql(statement)
        .bind(&storm.id)
        .bind(&storm.zone)
        .bind(storm.since)
        .bind(storm.noticed)
        .bind(storm.told)
        .bind(storm.last_begin)
        .bind(storm.last_end)
        .bind(i64::from(storm.more));
    transaction.run(statement).await.map(drop)
}

async fn forget(transaction: &mut Transaction, storm: &str) -> Result<()> {
    for statement in [
        "DELETE FROM storm_outages WHERE storm = ?",
        "DELETE FROM storms WHERE id = ?",
    ] {
        transaction.run(sql(statement).bind(storm)).await?;
    }
    Ok(())
}

/// Stores an alert of the manager's own, of the zone.
async fn tell(transaction: &mut Transaction, dialect: Dialect, told: &Told) -> Result<()> {
    let name = sql("SELECT name FROM zones WHERE id = ?").bind(&told.zone);
    let name = transaction.row(name).await?;
    let name = name.map(|row| row.text(0)).transpose()?;
    let zone = name.filter(|name| !name.is_empty());
    let event = told.event(zone.as_deref().unwrap_or(&told.zone));
    let number = teller(transaction, dialect, told).await?;
    let incoming = Incoming::all_of(std::slice::from_ref(&event), Via::Manager)?;
    insert(transaction, dialect, Look::First, &[(number, &incoming)])
        .await
        .map(drop)
}

/// The number of the router that stands for the zone: one that is not there, so that nobody visits
/// it or sends it anything.
async fn teller(transaction: &mut Transaction, dialect: Dialect, told: &Told) -> Result<i64> {
    let teller = told.teller();
    let statement = format!(
        "INSERT INTO routers (name, zone, hypervisor, redundant, running, excluded, removed) \
         VALUES (?, ?, ?, 0, 0, '[]', {}) {} {}",
        dialect.now(),
        dialect.on_conflict("name"),
        dialect.take(&["zone"]),
    );
    let statement = sql(statement)
        .bind(&teller)
        .bind(&told.zone)
        .bind(to_word(&Hypervisor::Other)?);
    transaction.run(statement).await?;
    let number = sql("SELECT number FROM routers WHERE name = ?").bind(&teller);
    let row = transaction.row(number).await?;
    row.ok_or_else(|| StoreError::Broken("a zone just written is not there".into()))?
        .integer(0)
}
