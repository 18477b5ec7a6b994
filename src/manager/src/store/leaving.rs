//! Routers that are stopped or removed. What is told of them then ends outages that nobody else would
//! end: nobody visits a stopped router, and nobody hears of a removed one any more.

use contract::{Draft, Event, Fact, Timestamp, UnmonitoredReason};

use super::alerts::Via;
use super::database::Transaction;
use super::dialect::Dialect;
use super::error::{Result, StoreError};
use super::incoming::{Incoming, Look, insert};
use super::routers::number_of;
use super::statement::sql;

/// The most outages of a router that are ended; a router has a handful of services.
const MOST_OUTAGES: u32 = 1000;

/// Which outages end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// Those of the router as a whole: that it is unreachable. What its services suffer from it tells
    /// itself when it runs again.
    OfTheRouter,
    All,
}

/// The router, whose row is written already, is not to run: it is not unreachable then.
pub(super) async fn stop(
    transaction: &mut Transaction,
    dialect: Dialect,
    number: i64,
    name: &str,
) -> Result<()> {
    end_outages(transaction, dialect, (number, name), Ended::OfTheRouter).await?;
    let forget =
        "UPDATE op_router_monitoring_services SET misses = 0, unreachable = 0 WHERE vm_id = ?";
    transaction.run(sql(forget).bind(number)).await.map(drop)
}

/// Removes the router, if it is there.
pub(super) async fn remove(
    transaction: &mut Transaction,
    dialect: Dialect,
    name: &str,
) -> Result<()> {
    let Some(number) = number_of(transaction, name).await? else {
        return Ok(());
    };
    let removed = format!(
        "UPDATE routers SET removed = {} WHERE number = ?",
        dialect.now()
    );
    transaction.run(sql(removed).bind(number)).await?;
    for statement in [
        "DELETE FROM router_keys WHERE router = ?",
        "DELETE FROM router_nics WHERE router = ?",
        "DELETE FROM op_router_monitoring_services WHERE vm_id = ?",
        "DELETE FROM pushes WHERE router = ? AND finished IS NULL",
    ] {
        transaction.run(sql(statement).bind(number)).await?;
    }
    end_outages(transaction, dialect, (number, name), Ended::All).await
}

/// Stores an event for each that says that it is over because nobody looks any more. After the row
/// that a visit locks before it says that a router is unreachable: so none comes later.
async fn end_outages(
    transaction: &mut Transaction,
    dialect: Dialect,
    (number, name): (i64, &str),
    which: Ended,
) -> Result<()> {
    let only = match which {
        Ended::OfTheRouter => " AND service IS NULL AND process IS NULL",
        Ended::All => "",
    };
    let open = format!(
        "SELECT outage, service, process FROM outages WHERE router = ? AND ended IS NULL{only} \
         ORDER BY outage LIMIT ?{}",
        dialect.for_update()
    );
    let open = sql(open).bind(number).bind(MOST_OUTAGES);
    let rows = transaction.rows(open).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let now = transaction.now().await?;
    let time = Timestamp::from_unix_millis(now)
        .ok_or_else(|| StoreError::Broken(format!("the database's clock says {now}")))?;
    let events = rows.iter().map(|row| {
        let draft = Draft {
            service: row.text_or_null(1)?,
            process: row.text_or_null(2)?,
            outage: Some(row.text(0)?),
            time,
            fact: Fact::Unmonitored {
                until: None,
                reason: UnmonitoredReason::Removed,
            },
        };
        // Zero: no journal has it.
        let id = uuid::Uuid::now_v7().to_string();
        Ok(Event::new(draft, id, 0, name.to_owned()))
    });
    let events = events.collect::<Result<Vec<Event>>>()?;
    let incoming = Incoming::all_of(&events, Via::Manager)?;
    let incoming = [(number, incoming.as_slice())];
    insert(transaction, dialect, Look::First, &incoming)
        .await
        .map(drop)
}
