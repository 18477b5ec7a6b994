//! Inserting alerts: hundreds of rows a statement, because what each statement costs by itself is
//! what limits how many alerts a second can be stored.

use std::collections::HashSet;

use contract::Event;

use super::alerts::{Stored, Via};
use super::database::Transaction;
use super::dialect::{Dialect, places};
use super::error::{Result, StoreError};
use super::names::{check, check_text};
use super::outages;
use super::statement::{sql, to_json};
use crate::acceptable::LARGEST_EVENT;

/// Rows a statement: few distinct sizes, so that each is prepared once. Times the columns they stay
/// below `SQLite`'s 32,766 and `MySQL`'s 65,535 parameters.
pub(super) const SIZES: [usize; 4] = [512, 64, 8, 1];
/// `MariaDB` takes 16 MiB a statement by default.
const LARGEST_STATEMENT: usize = 4 << 20;

const COLUMNS: &str =
    "router, event_id, time, severity, kind, service, outage, via, stored, receipt, event";
const ROW: &str = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// An event ready to be stored.
pub(super) struct Incoming<'a> {
    pub(super) event: &'a Event,
    json: String,
    via: Via,
}

impl<'a> Incoming<'a> {
    /// All events of a batch, or why it cannot be stored.
    pub(super) fn all_of(events: &'a [Event], via: Via) -> Result<Vec<Self>> {
        events.iter().map(|event| Self::of(event, via)).collect()
    }

    fn of(event: &'a Event, via: Via) -> Result<Self> {
        check("an event's id", &event.id)?;
        check_text("an event's kind", event.fact.kind())?;
        if let Some(outage) = &event.outage {
            check("an event's outage", outage)?;
        }
        for text in [&event.service, &event.process].into_iter().flatten() {
            check_text("an event's service or process", text)?;
        }
        let json = match (&event.zone, &event.storm) {
            (None, None) => to_json(event)?,
            // Both are for the manager to say, when it forwards.
            _ => to_json(&Event {
                zone: None,
                storm: None,
                ..event.clone()
            })?,
        };
        if json.len() > LARGEST_EVENT {
            return Err(StoreError::Refused(format!(
                "an event has more than {LARGEST_EVENT} bytes"
            )));
        }
        Ok(Self { event, json, via })
    }
}

/// An event that is not stored yet, and its router.
struct New<'a> {
    router: i64,
    incoming: &'a Incoming<'a>,
}

/// Whether to look first for what is known already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    First,
    /// Most alerts are new. One that is not makes the whole transaction fail, as
    /// [`StoreError::Unavailable`]: then look first.
    Never,
}

/// Stores each router's events in order; how much was new, one by one.
pub(super) async fn insert(
    transaction: &mut Transaction,
    dialect: Dialect,
    look: Look,
    batches: &[(i64, &[Incoming<'_>])],
) -> Result<Vec<Stored>> {
    let known = match look {
        Look::First => known(transaction, dialect, batches).await?,
        Look::Never => HashSet::new(),
    };
    let mut seen = HashSet::new();
    let mut new = Vec::new();
    let mut stored = Vec::with_capacity(batches.len());
    for (router, events) in batches {
        let before = new.len();
        for incoming in *events {
            let key = (*router, incoming.event.id.as_str());
            if seen.insert(key) && !(known.contains(&(*router, incoming.event.id.clone()))) {
                new.push(New {
                    router: *router,
                    incoming,
                });
            }
        }
        let added = new.len() - before;
        stored.push(Stored {
            new: added as u64,
            known: (events.len() - added) as u64,
        });
    }
    if !new.is_empty() {
        insert_new(transaction, dialect, &new).await?;
        let facts = new.iter().map(|new| (new.router, new.incoming.event));
        outages::update(transaction, dialect, facts).await?;
    }
    Ok(stored)
}

/// Those that are stored already.
async fn known(
    transaction: &mut Transaction,
    dialect: Dialect,
    batches: &[(i64, &[Incoming<'_>])],
) -> Result<HashSet<(i64, String)>> {
    let keys: Vec<(i64, &str)> = batches
        .iter()
        .flat_map(|(router, events)| {
            events
                .iter()
                .map(|incoming| (*router, incoming.event.id.as_str()))
        })
        .collect();
    let mut known = HashSet::new();
    for part in super::parts(&keys, &SIZES) {
        let mut statement = sql(format!(
            "SELECT router, event_id FROM alerts WHERE (router, event_id) IN {}",
            dialect.pairs(part.len())
        ));
        for (router, id) in part {
            statement = statement.bind(*router).bind(*id);
        }
        for row in transaction.rows(statement).await? {
            known.insert((row.integer(0)?, row.text(1)?));
        }
    }
    Ok(known)
}

async fn insert_new(
    transaction: &mut Transaction,
    dialect: Dialect,
    new: &[New<'_>],
) -> Result<()> {
    let now = transaction.now().await?;
    // Tells this transaction's rows from those that others insert at the same moment.
    let receipt = fastrand::i64(1..);
    let mut first = i64::MAX;
    let mut rest = new;
    while !rest.is_empty() {
        let (part, behind) = rest.split_at(rows_that_fit(rest));
        rest = behind;
        let mut statement = sql(format!(
            "INSERT INTO alerts ({COLUMNS}) VALUES {}",
            places(ROW, part.len())
        ));
        for New { router, incoming } in part {
            let event = incoming.event;
            statement = statement
                .bind(*router)
                .bind(&event.id)
                .bind(event.time.unix_millis())
                .bind(outages::rank(event.severity))
                .bind(event.fact.kind())
                .bind(event.service.as_deref())
                .bind(event.outage.as_deref())
                .bind(incoming.via.number())
                .bind(now)
                .bind(receipt)
                .bind(&incoming.json);
        }
        let done = transaction.run(statement).await?;
        first = first.min(match dialect {
            // The last one's; the one writer's follow each other.
            Dialect::Sqlite => done.id - i64::try_from(part.len()).unwrap_or(i64::MAX) + 1,
            // The first one's. Others may insert in between: hence the receipt.
            Dialect::MySql => done.id,
        });
    }
    transaction
        .run(
            sql("INSERT INTO forward_waiting (alert) SELECT id FROM alerts WHERE id >= ? AND receipt = ?")
                .bind(first)
                .bind(receipt),
        )
        .await
        .map(drop)
}

/// How many rows the next statement takes.
fn rows_that_fit(rest: &[New<'_>]) -> usize {
    SIZES
        .into_iter()
        .filter(|size| *size <= rest.len())
        .find(|size| {
            let bytes: usize = rest[..*size]
                .iter()
                .map(|new| new.incoming.json.len())
                .sum();
            bytes <= LARGEST_STATEMENT
        })
        .unwrap_or(1)
}
