//! Brings a database's tables to this version. The two sets say the same in two dialects; the
//! tests of the store run on both.

use std::borrow::Cow;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{MySqlConnection, MySqlPool, SqlSafeStr as _, SqlitePool};

use super::error::{Result, StoreError};

/// A name and its statements; the place in the list, from 1, is the version.
type Migrations = &'static [(&'static str, &'static str)];

const SQLITE: Migrations = &[(
    "first",
    include_str!("../../migrations/sqlite/0001_first.sql"),
)];

const MYSQL: Migrations = &[(
    "first",
    include_str!("../../migrations/mysql/0001_first.sql"),
)];

/// How long to wait for another manager that is at it.
const PATIENCE: Duration = Duration::from_mins(1);

/// One lock a database: names are the server's, and not longer than 64 characters.
const LOCK: &str = "SELECT GET_LOCK(CONCAT('vrwatch-migrations-', MD5(DATABASE())), ?)";
const UNLOCK: &str = "SELECT RELEASE_LOCK(CONCAT('vrwatch-migrations-', MD5(DATABASE())))";

/// Runs those that have not run yet.
pub(super) async fn sqlite(writer: &SqlitePool) -> Result<()> {
    let migrator = migrator(SQLITE);
    // There is no lock against two that begin at the same moment, and the slower one fails once.
    if migrator.run(writer).await.is_ok() {
        return Ok(());
    }
    migrator.run(writer).await.map_err(explain)
}

/// Runs those that have not run yet, as one of all managers: `MariaDB` ends a transaction at each
/// change of a table, so that two at once would leave the database between two versions. The
/// driver's own lock waits for ever, which `MariaDB` refuses to do.
pub(super) async fn mysql(pool: &MySqlPool) -> Result<()> {
    let mut connection = pool.acquire().await?;
    let locked: Option<i64> = sqlx::query_scalar(LOCK)
        .bind(PATIENCE.as_secs())
        .fetch_one(&mut *connection)
        .await?;
    if locked != Some(1) {
        return Err(StoreError::Unavailable(format!(
            "another manager has been making its tables for {PATIENCE:?}"
        )));
    }
    let done = migrated(&mut connection).await;
    // With the connection the lock ends too.
    if sqlx::query(UNLOCK).execute(&mut *connection).await.is_err() {
        let _ = connection.close().await;
    }
    done
}

async fn migrated(connection: &mut MySqlConnection) -> Result<()> {
    let mut migrator = migrator(MYSQL);
    migrator.set_locking(false);
    migrator.run(connection).await.map_err(explain)
}

fn migrator(migrations: Migrations) -> Migrator {
    let migrations = (1..)
        .zip(migrations)
        .map(|(version, (name, text))| {
            Migration::new(
                version,
                Cow::Borrowed(name),
                MigrationType::Simple,
                (*text).into_sql_str(),
                false,
            )
        })
        .collect();
    Migrator::with_migrations(migrations)
}

fn explain(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) => error.into(),
        MigrateError::VersionMissing(version) => StoreError::Broken(format!(
            "the database is of a newer vrwatch-manager (it has migration {version}); upgrade this one"
        )),
        MigrateError::Dirty(1) => StoreError::Broken(
            "the database's tables were never finished, so there is nothing in them: drop the \
             database and create it again"
                .to_owned(),
        ),
        MigrateError::Dirty(version) => StoreError::Broken(format!(
            "migration {version} of the database did not finish; restore it from a backup"
        )),
        error => StoreError::Broken(format!(
            "the database's tables cannot be brought to this version: {error}"
        )),
    }
}
