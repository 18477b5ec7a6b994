//! Maintenance: what is not to be forwarded for a while. It is stored all the same. What that
//! means for each alert is decided in `forward`.

use contract::Timestamp;

use super::Store;
use super::audit;
use super::database::Transaction;
use super::error::{Result, StoreError};
use super::names::{check, check_short};
use super::page::{Page, Paged};
use super::retry::retry;
use super::statement::{Row, sql, to_time};

/// A silence to begin; what is absent does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSilence {
    /// The zone's id.
    pub zone: Option<String>,
    /// The router's name.
    pub router: Option<String>,
    /// The service.
    pub service: Option<String>,
    /// From when.
    pub starts: Timestamp,
    /// Until when.
    pub ends: Timestamp,
    /// Why.
    pub reason: String,
}

/// A silence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// Its number.
    pub id: i64,
    /// What it silences, and when.
    pub silence: NewSilence,
    /// Who began it.
    pub created_by: String,
    /// How many alerts it has withheld.
    pub held: i64,
    /// How many of these were told when it was over.
    pub told: i64,
}

const SILENCE: &str =
    "SELECT id, zone, router, service, starts, ends, reason, created_by, held, told FROM silences";
const LONGEST_REASON: usize = 4000;
/// More silences at once than anybody can oversee.
const LARGEST: i64 = 10_000;

impl Store {
    /// Begins a silence; its number.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when it ends before it starts or a text does not fit, or the
    /// database's.
    pub async fn add_silence(&self, actor: &str, silence: &NewSilence) -> Result<i64> {
        check("a user's name", actor)?;
        for text in [&silence.zone, &silence.router, &silence.service]
            .into_iter()
            .flatten()
        {
            check("a silence's zone, router or service", text)?;
        }
        check_short("a silence's reason", &silence.reason, LONGEST_REASON)?;
        if silence.ends <= silence.starts {
            return Err(StoreError::Refused(
                "a silence must end after it starts".into(),
            ));
        }
        retry(async || {
            let mut transaction = self.begin().await?;
            let done = transaction
                .run(
                    sql("INSERT INTO silences (zone, router, service, starts, ends, reason, created_by) \
                         VALUES (?, ?, ?, ?, ?, ?, ?)")
                    .bind(silence.zone.as_deref())
                    .bind(silence.router.as_deref())
                    .bind(silence.service.as_deref())
                    .bind(silence.starts.unix_millis())
                    .bind(silence.ends.unix_millis())
                    .bind(&silence.reason)
                    .bind(actor),
                )
                .await?;
            let subject = done.id.to_string();
            audit::record(&mut transaction, actor, "add_silence", &subject, &silence.reason).await?;
            transaction.commit().await?;
            Ok(done.id)
        })
        .await
    }

    /// Ends a silence now; whether there was one that had not ended.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_silence(&self, actor: &str, id: i64) -> Result<bool> {
        retry(async || {
            let mut transaction = self.begin().await?;
            let now = transaction.now().await?;
            let done = transaction
                .run(
                    sql("UPDATE silences SET ends = ? WHERE id = ? AND ends > ?")
                        .bind(now)
                        .bind(id)
                        .bind(now),
                )
                .await?;
            if done.rows > 0 {
                audit::record(&mut transaction, actor, "end_silence", &id.to_string(), "").await?;
            }
            transaction.commit().await?;
            Ok(done.rows > 0)
        })
        .await
    }

    /// The silences that have not ended, those that have yet to start included.
    ///
    /// # Errors
    /// The database's.
    pub async fn open_silences(&self) -> Result<Vec<Silence>> {
        let open = format!(
            "{SILENCE} WHERE ends > {} ORDER BY id LIMIT ?",
            self.dialect().now()
        );
        let rows = self.0.database.rows(sql(open).bind(LARGEST)).await?;
        rows.iter().map(silence).collect()
    }

    /// All silences, newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn silences(&self, page: Page) -> Result<Paged<Silence>> {
        let statement = super::filter::Filter::default().page(SILENCE, "id", page);
        let rows = self.0.database.rows(statement).await?;
        page.cut(&rows, silence, |silence| silence.id)
    }
}

/// How long a silence that ended is remembered for alerts of its time that come late, in
/// milliseconds.
const LATE: i64 = 60 * 60 * 1000;

/// The database's clock, and when they are `wanted` the silences that have begun and are in force or
/// ended of late.
pub(super) async fn begun(
    transaction: &mut Transaction,
    wanted: bool,
) -> Result<(Timestamp, Vec<Silence>)> {
    let now = transaction.now().await?;
    if !wanted {
        return Ok((to_time(now)?, Vec::new()));
    }
    let begun = format!("{SILENCE} WHERE ends > ? AND starts <= ? ORDER BY ends DESC LIMIT ?");
    let begun = sql(begun).bind(now - LATE).bind(now).bind(LARGEST);
    let rows = transaction.rows(begun).await?;
    let silences = rows.iter().map(silence).collect::<Result<_>>()?;
    Ok((to_time(now)?, silences))
}

fn silence(row: &Row) -> Result<Silence> {
    Ok(Silence {
        id: row.integer(0)?,
        silence: NewSilence {
            zone: row.text_or_null(1)?,
            router: row.text_or_null(2)?,
            service: row.text_or_null(3)?,
            starts: row.time(4)?,
            ends: row.time(5)?,
            reason: row.text(6)?,
        },
        created_by: row.text(7)?,
        held: row.integer(8)?,
        told: row.integer(9)?,
    })
}
