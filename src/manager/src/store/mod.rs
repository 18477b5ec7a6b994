//! Everything that is kept, behind plain methods: `SQLite` in one file, or `MySQL`/`MariaDB` for
//! several management servers side by side. No SQL stands anywhere else.
//!
//! `database` and `dialect` know which database it is; every other file is written once for both.

mod alerts;
mod apply;
mod audit;
mod counts;
mod database;
mod dialect;
mod error;
mod filter;
mod held;
mod history;
mod incoming;
mod inventory;
mod jobs;
mod keys;
mod leaving;
mod migrations;
mod names;
mod numbering;
mod outages;
mod outgoing;
mod page;
mod pushes;
mod queue;
mod retention;
mod retry;
mod room;
mod routers;
mod sealing;
mod services;
mod silences;
mod statement;
mod states;
mod storms;
mod usage;
mod users;
mod visits;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

pub use alerts::{Batch, Stored, Via};
pub(crate) use apply::storable;
pub use audit::AuditEntry;
pub use counts::Counts;
pub(crate) use database::check_url;
pub use error::{Result, StoreError};
pub use history::{Alert, AlertFilter, Outage, OutageFilter};
pub use jobs::JobLease;
pub use keys::RouterKey;
pub use outgoing::Outgoing;
pub use page::{LARGEST_PAGE, Page, Paged};
pub use pushes::{Push, PushFilter, PushLease, PushState};
pub use queue::{Decision, Queue, Standing, Verdict, Waiting};
pub use retention::{Retention, Trimmed};
pub use silences::{NewSilence, Silence};
pub use states::RouterState;
pub use storms::KnownStorms;
pub use usage::UsageSample;
pub use users::{Session, User};
pub(crate) use visits::millis;
pub use visits::{Cursor, Due, Visit, WorkLease};

use database::{Database, Transaction};
use dialect::Dialect;
use room::Room;
use sealing::Sealing;
use statement::sql;

/// Everything that is kept; cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    database: Database,
    sealing: Sealing,
    room: Room,
    /// How many transactions have yet to look first for alerts that are known; see `alerts`.
    looks: AtomicU32,
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Store")
            .field(&self.dialect())
            .finish()
    }
}

/// Sealed with the key file at the first start, so that a wrong one is noticed at the next.
const SEAL_CHECK: &str = "sealing_check";
/// When it was last tried whether the database takes what is written.
const WRITTEN: &str = "written";

impl Store {
    /// Opens `sqlite:/path/manager.db` or `mysql://user@host/name` and brings its tables to this
    /// version. `sealing_key` is the file (0600, made when absent) whose key seals the routers'
    /// keys at rest.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] while the database is away; [`StoreError::Broken`] for a URL, a
    /// database or a key file that cannot be used.
    pub async fn open(url: &str, sealing_key: &Path) -> Result<Self> {
        let database = Database::open(url).await?;
        let check = database
            .row(sql("SELECT value FROM settings WHERE name = ?").bind(SEAL_CHECK))
            .await?
            .map(|row| row.text(0))
            .transpose()?;
        let sealing = Sealing::open(sealing_key, check.is_none())?;
        let store = Self(Arc::new(Inner {
            room: Room::of(url),
            database,
            sealing,
            looks: AtomicU32::new(0),
        }));
        let check = match check {
            Some(check) => check,
            None => store.first_seal_check().await?,
        };
        if store.0.sealing.open_seal(SEAL_CHECK, &check).is_err() {
            return Err(StoreError::Broken(format!(
                "the sealing key file {} is not the one that this database's keys are sealed with",
                sealing_key.display()
            )));
        }
        Ok(store)
    }

    /// Writes the check unless another manager was faster; gives the one that stands.
    async fn first_seal_check(&self) -> Result<String> {
        let sealed = self.0.sealing.seal(SEAL_CHECK, b"")?;
        let statement = format!(
            "INSERT INTO settings (name, value) VALUES (?, ?) {} name = name",
            self.dialect().on_conflict("name"),
        );
        retry::retry(async || {
            let mut transaction = self.begin().await?;
            transaction
                .run(sql(statement.as_str()).bind(SEAL_CHECK).bind(&sealed))
                .await?;
            let row = transaction
                .row(sql("SELECT value FROM settings WHERE name = ?").bind(SEAL_CHECK))
                .await?;
            let check = row
                .ok_or_else(|| StoreError::Broken("a setting just written is not there".into()))?
                .text(0)?;
            transaction.commit().await?;
            Ok(check)
        })
        .await
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it does not.
    pub async fn ping(&self) -> Result<()> {
        self.0.database.rows(sql("SELECT 1")).await.map(drop)
    }

    /// Whether the database takes what is written: a small row is, and lasts when this returns.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn check_writing(&self) -> Result<()> {
        let mut transaction = self.begin().await?;
        let now = transaction.now().await?.to_string();
        let statement = format!(
            "INSERT INTO settings (name, value) VALUES (?, ?) {} {}",
            self.dialect().on_conflict("name"),
            self.dialect().take(&["value"]),
        );
        transaction
            .run(sql(statement).bind(WRITTEN).bind(now))
            .await?;
        transaction.commit().await?;
        self.0.room.check()
    }

    /// Takes no alerts while less than this is free, in bytes, on the disk where `SQLite` keeps its
    /// file: so there is room to mend what fills it. Has no effect on other databases.
    pub fn keep_free(&self, bytes: u64) {
        self.0.room.keep_free(bytes);
    }

    /// Ends every connection; what is under way ends first.
    pub async fn close(&self) {
        self.0.database.close().await;
    }

    fn dialect(&self) -> Dialect {
        self.0.database.dialect()
    }

    async fn begin(&self) -> Result<Transaction> {
        self.0.database.begin().await
    }
}

/// Cuts `items` into parts of few distinct sizes (falling, the last of them 1): statements of equal
/// length are prepared once.
fn parts<'a, T>(items: &'a [T], sizes: &'a [usize]) -> impl Iterator<Item = &'a [T]> {
    let mut rest = items;
    std::iter::from_fn(move || {
        let size = *sizes.iter().find(|size| **size <= rest.len())?;
        let (part, behind) = rest.split_at(size);
        rest = behind;
        Some(part)
    })
}
