//! Numbers what waits: each alert gets its position, or is withheld, as is decided about it; one
//! transaction for thousands of them, in statements of many rows.

use contract::Timestamp;

use super::Store;
use super::database::Transaction;
use super::dialect::places;
use super::error::{Result, StoreError};
use super::incoming::SIZES;
use super::jobs::JobLease;
use super::outgoing::{HEAVIEST, LARGEST, LAST_POSITION};
use super::queue::{Decision, Queue, Verdict, Waiting};
use super::retry::retry;
use super::statement::{Row, from_json, sql};
use super::storms;

/// An alert that was decided about.
struct Told {
    alert: i64,
    storm: Option<String>,
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
            let (queue, alerts) = waiting(&mut transaction, limit.min(LARGEST)).await?;
            if alerts.is_empty() && due.is_none_or(|due| queue.now.unix_millis() < due) {
                return Ok(0);
            }
            let verdict: Verdict = decide(&queue).into();
            carry_out(&mut transaction, queue, verdict.decisions).await?;
            // Behind: what was numbered before may belong to a storm too.
            storms::keep(
                &mut transaction,
                self.dialect(),
                &verdict.changes,
                &verdict.told,
            )
            .await?;
            remove_waiting(&mut transaction, &alerts).await?;
            transaction.commit().await?;
            Ok(alerts.len() as u64)
        })
        .await
    }
}

/// What waits, and the numbers of all of it, also of what cannot be read.
async fn waiting(transaction: &mut Transaction, limit: u32) -> Result<(Queue, Vec<i64>)> {
    let statement = sql(
        "SELECT w.alert, r.name, r.zone, a.outage, a.event, a.stored FROM \
         (SELECT alert FROM forward_waiting ORDER BY alert LIMIT ?) w \
         LEFT JOIN alerts a ON a.id = w.alert LEFT JOIN routers r ON r.number = a.router \
         ORDER BY w.alert",
    )
    .bind(limit);
    let rows = transaction.some_rows(statement, 4, HEAVIEST).await?.rows;
    let mut alerts = Vec::with_capacity(rows.len());
    let now = transaction.now().await?;
    let mut queue = Queue {
        now: Timestamp::from_unix_millis(now).unwrap_or(Timestamp::EPOCH),
        waiting: Vec::with_capacity(rows.len()),
    };
    for row in &rows {
        let id = row.integer(0)?;
        alerts.push(id);
        match read(id, row) {
            Ok(waiting) => queue.waiting.push(waiting),
            Err(error) => {
                tracing::error!(alert = id, %error, "an alert cannot be read; nobody is told of it");
            }
        }
    }
    Ok((queue, alerts))
}

fn read(id: i64, row: &Row) -> Result<Waiting> {
    Ok(Waiting {
        id,
        router: row.text(1)?,
        zone: row.text_or_null(2)?,
        outage: row.text_or_null(3)?,
        event: row.json(4)?,
        stored: row.integer(5)?,
    })
}

async fn carry_out(
    transaction: &mut Transaction,
    queue: Queue,
    decided: Vec<Decision>,
) -> Result<()> {
    let decided = decided.into_iter().map(Some).chain(std::iter::repeat(None));
    let mut told = Vec::with_capacity(queue.waiting.len());
    let mut held = Vec::new();
    for (waiting, decision) in queue.waiting.into_iter().zip(decided) {
        match decision.unwrap_or(Decision::Tell { storm: None }) {
            Decision::Tell { storm } => told.push(Told {
                alert: waiting.id,
                storm,
            }),
            Decision::Hold { silence } => held.push((waiting.id, silence)),
        }
    }
    number(transaction, &told).await?;
    hold(transaction, &held).await
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
        for one in part {
            position += 1;
            number = number
                .bind(position)
                .bind(one.alert)
                .bind(one.storm.as_deref());
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

/// Withholds alerts, each by its silence.
async fn hold(transaction: &mut Transaction, held: &[(i64, i64)]) -> Result<()> {
    for part in super::parts(held, &SIZES) {
        let cases = places("WHEN ? THEN ?", part.len()).replace(", ", " ");
        let insert = format!(
            "INSERT INTO forward_held (alert, silence, router, outage, kind, settled) \
             SELECT id, CASE id {cases} END, router, outage, kind, 0 FROM alerts WHERE id IN ({})",
            places("?", part.len())
        );
        let mut statement = sql(insert);
        for (alert, silence) in part {
            statement = statement.bind(*alert).bind(*silence);
        }
        let statement = statement.bind_all(part.iter().map(|(alert, _)| *alert));
        transaction.run(statement).await?;
    }
    Ok(())
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
