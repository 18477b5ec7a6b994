//! The connections: one writer and a few readers for `SQLite`, a pool for `MySQL` and `MariaDB`;
//! and the transaction that hides which of them it is. No other file names a database.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection, Executor as _, MySql, MySqlPool, Sqlite, SqlitePool};

use super::dialect::Dialect;
use super::error::{Result, StoreError};
use super::statement::{Row, Statement, sql};
use crate::owner::make_private;

/// How long to wait for a connection or a lock before saying that the database does not answer.
const PATIENCE: Duration = Duration::from_secs(10);
const READERS: u32 = 4;
const MYSQL_CONNECTIONS: u32 = 10;
const CACHED_STATEMENTS: usize = 256;

/// What every `MySQL` session agrees on: values that do not fit are refused, never cut; each
/// statement sees what is committed, and no gaps are locked.
const MYSQL_SESSION: &str = "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', \
     SESSION innodb_lock_wait_timeout = 10";
const MYSQL_ISOLATION: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";

/// The connections.
#[derive(Clone)]
pub(super) enum Database {
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
    MySql(MySqlPool),
}

/// Whether this can be the URL of a database; opens none.
///
/// # Errors
/// What is wrong with it, in words that do not repeat it.
pub(crate) fn check_url(url: &str) -> Result<()> {
    if url.starts_with("sqlite:") {
        let path = sqlite_options(url)?.get_filename().to_owned();
        if path.is_dir() {
            return Err(unopened(&format_args!("{} is a folder", path.display())));
        }
        return Ok(());
    }
    mysql_options(url).map(drop)
}

fn unopened(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Broken(format!("the database cannot be opened: {error}"))
}

fn sqlite_options(url: &str) -> Result<SqliteConnectOptions> {
    let options = SqliteConnectOptions::from_str(url).map_err(|error| unopened(&error))?;
    let nameless = options.get_filename().as_os_str().is_empty();
    if nameless || url.contains(":memory:") || url.contains("mode=memory") {
        return Err(unopened(&"a database in memory keeps nothing; name a file"));
    }
    Ok(options)
}

fn mysql_options(url: &str) -> Result<MySqlConnectOptions> {
    // `Display` of a URL error names the fault alone, not the URL.
    MySqlConnectOptions::from_str(url)
        .map_err(|error| StoreError::Broken(format!("the database URL cannot be read: {error}")))
}

/// What a statement did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done {
    /// Rows changed; for `MySQL` rows found.
    pub(super) rows: u64,
    /// The id of the last row inserted (`SQLite`), or of the first (`MySQL`).
    pub(super) id: i64,
}

/// Rows within a bound.
pub(super) struct Bounded {
    pub(super) rows: Vec<Row>,
    /// Whether there are, or may be, more.
    pub(super) is_full: bool,
    column: usize,
    left: usize,
}

impl Bounded {
    fn new(column: usize, most: usize) -> Self {
        Self {
            rows: Vec::new(),
            is_full: false,
            column,
            left: most,
        }
    }

    /// Takes a row; an error ends the reading.
    fn take(&mut self, row: Row) -> std::result::Result<(), sqlx::Error> {
        let weight = row.weight(self.column);
        self.rows.push(row);
        self.is_full = weight > self.left;
        self.left = self.left.saturating_sub(weight);
        if self.is_full {
            // Any will do: nobody sees it.
            return Err(sqlx::Error::RowNotFound);
        }
        Ok(())
    }

    fn read(self, read: std::result::Result<Vec<()>, sqlx::Error>) -> Result<Self> {
        match read {
            Err(error) if !self.is_full => Err(error.into()),
            _ => Ok(self),
        }
    }
}

impl Database {
    /// Opens and migrates.
    pub(super) async fn open(url: &str) -> Result<Self> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Self::open_sqlite(url).await,
            Some("mysql" | "mariadb") => Self::open_mysql(url).await,
            // The URL may hold a password: never repeat it.
            _ => Err(StoreError::Broken(
                "the database URL is neither sqlite:/path/manager.db nor mysql://user@host/name"
                    .into(),
            )),
        }
    }

    async fn open_sqlite(url: &str) -> Result<Self> {
        let options = sqlite_options(url)?;
        let path = options.get_filename().to_owned();
        // `SQLite` gives its log the same owner and mode.
        make_private(&path)
            .map_err(|error| unopened(&format_args!("{}: {error}", path.display())))?;
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(PATIENCE)
            .foreign_keys(false)
            .statement_cache_capacity(CACHED_STATEMENTS)
            .pragma("temp_store", "MEMORY")
            .disable_statement_logging();
        let pool = || {
            SqlitePoolOptions::new()
                .acquire_timeout(PATIENCE)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
                .before_acquire(|connection, _| Box::pin(async move { Ok(is_idle(connection)) }))
        };
        let writer = pool()
            .max_connections(1)
            .connect_with(
                options
                    .clone()
                    .pragma("wal_autocheckpoint", "4000")
                    .pragma("cache_size", "-16384"),
            )
            .await?;
        super::migrations::sqlite(&writer).await?;
        let readers = pool()
            .max_connections(READERS)
            .connect_lazy_with(options.pragma("query_only", "1"));
        Ok(Self::Sqlite { writer, readers })
    }

    async fn open_mysql(url: &str) -> Result<Self> {
        let options = mysql_options(url)?
            .charset("utf8mb4")
            .statement_cache_capacity(CACHED_STATEMENTS)
            .disable_statement_logging();
        let pool = MySqlPoolOptions::new()
            .max_connections(MYSQL_CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .before_acquire(|connection, _| Box::pin(async move { Ok(is_idle(connection)) }))
            .after_connect(|connection, _| {
                Box::pin(async move {
                    connection.execute(MYSQL_SESSION).await?;
                    connection.execute(MYSQL_ISOLATION).await?;
                    Ok(())
                })
            })
            .connect_with(options)
            .await?;
        super::migrations::mysql(&pool).await?;
        Ok(Self::MySql(pool))
    }

    pub(super) const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite { .. } => Dialect::Sqlite,
            Self::MySql(_) => Dialect::MySql,
        }
    }

    /// Begins to write. Dropped without [`Transaction::commit`] it leaves nothing behind.
    pub(super) async fn begin(&self) -> Result<Transaction> {
        Ok(match self {
            // IMMEDIATE: a reader that becomes a writer half-way could not wait its turn.
            Self::Sqlite { writer, .. } => {
                Transaction::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?)
            }
            Self::MySql(pool) => Transaction::MySql(pool.begin().await?),
        })
    }

    /// Reads outside any transaction.
    pub(super) async fn rows(&self, statement: Statement<'_>) -> Result<Vec<Row>> {
        Ok(match self {
            Self::Sqlite { readers, .. } => {
                let rows = statement.for_sqlite().fetch_all(readers).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Self::MySql(pool) => {
                let rows = statement.for_mysql().fetch_all(pool).await?;
                rows.into_iter().map(Row::MySql).collect()
            }
        })
    }

    /// The same up to the row with which the JSON in `column` weighs more than `most` together.
    pub(super) async fn some_rows(
        &self,
        statement: Statement<'_>,
        column: usize,
        most: usize,
    ) -> Result<Bounded> {
        let mut some = Bounded::new(column, most);
        let read = match self {
            Self::Sqlite { readers, .. } => {
                let query = statement.for_sqlite();
                let rows = query.try_map(|row| some.take(Row::Sqlite(row)));
                rows.fetch_all(readers).await
            }
            Self::MySql(pool) => {
                let query = statement.for_mysql();
                let rows = query.try_map(|row| some.take(Row::MySql(row)));
                rows.fetch_all(pool).await
            }
        };
        some.read(read)
    }

    /// The first row, if any.
    pub(super) async fn row(&self, statement: Statement<'_>) -> Result<Option<Row>> {
        Ok(self.rows(statement).await?.into_iter().next())
    }

    /// Ends every connection; for `SQLite` the log is folded into the file.
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::MySql(pool) => pool.close().await,
        }
    }
}

/// A transaction that writes.
pub(super) enum Transaction {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    MySql(sqlx::Transaction<'static, MySql>),
}

impl Transaction {
    pub(super) async fn run(&mut self, statement: Statement<'_>) -> Result<Done> {
        Ok(match self {
            Self::Sqlite(transaction) => {
                let done = statement.for_sqlite().execute(&mut **transaction).await?;
                Done {
                    rows: done.rows_affected(),
                    id: done.last_insert_rowid(),
                }
            }
            Self::MySql(transaction) => {
                let done = statement.for_mysql().execute(&mut **transaction).await?;
                Done {
                    rows: done.rows_affected(),
                    id: i64::try_from(done.last_insert_id()).unwrap_or(i64::MAX),
                }
            }
        })
    }

    pub(super) async fn rows(&mut self, statement: Statement<'_>) -> Result<Vec<Row>> {
        Ok(match self {
            Self::Sqlite(transaction) => {
                let rows = statement.for_sqlite().fetch_all(&mut **transaction).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Self::MySql(transaction) => {
                let rows = statement.for_mysql().fetch_all(&mut **transaction).await?;
                rows.into_iter().map(Row::MySql).collect()
            }
        })
    }

    /// See [`Database::some_rows`].
    pub(super) async fn some_rows(
        &mut self,
        statement: Statement<'_>,
        column: usize,
        most: usize,
    ) -> Result<Bounded> {
        let mut some = Bounded::new(column, most);
        let read = match self {
            Self::Sqlite(transaction) => {
                let query = statement.for_sqlite();
                let rows = query.try_map(|row| some.take(Row::Sqlite(row)));
                rows.fetch_all(&mut **transaction).await
            }
            Self::MySql(transaction) => {
                let query = statement.for_mysql();
                let rows = query.try_map(|row| some.take(Row::MySql(row)));
                rows.fetch_all(&mut **transaction).await
            }
        };
        some.read(read)
    }

    /// The first row, if any.
    pub(super) async fn row(&mut self, statement: Statement<'_>) -> Result<Option<Row>> {
        Ok(self.rows(statement).await?.into_iter().next())
    }

    /// The database's clock, in milliseconds since 1970.
    pub(super) async fn now(&mut self) -> Result<i64> {
        let dialect = match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::MySql(_) => Dialect::MySql,
        };
        let row = self.row(sql(format!("SELECT {}", dialect.now()))).await?;
        row.ok_or_else(|| StoreError::Broken("the database has no clock".into()))?
            .integer(0)
    }

    /// Makes it last.
    pub(super) async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await?,
            Self::MySql(transaction) => transaction.commit().await?,
        }
        Ok(())
    }
}

/// Whether the connection is in no transaction. A disk that is full, and some other errors, have
/// `SQLite` end a transaction by itself; then the rollback fails, and the driver goes on counting a
/// transaction that nobody can end: such a connection is closed, and another takes its place.
fn is_idle<C: Connection>(connection: &C) -> bool {
    !connection.is_in_transaction()
}
