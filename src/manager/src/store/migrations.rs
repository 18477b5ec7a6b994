//! Brings a database's tables to this version. The two sets say the same in two dialects; the
//! tests of the store run on both.

use std::borrow::Cow;
use std::ops::Deref;

use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::{Acquire, SqlSafeStr as _};

use super::error::{Result, StoreError};

/// A name and its statements; the place in the list, from 1, is the version.
type Migrations = &'static [(&'static str, &'static str)];

pub(super) const SQLITE: Migrations = &[(
    "first",
    include_str!("../../migrations/sqlite/0001_first.sql"),
)];

pub(super) const MYSQL: Migrations = &[(
    "first",
    include_str!("../../migrations/mysql/0001_first.sql"),
)];

/// Runs those that have not run yet.
pub(super) async fn run<'a, A>(pool: A, migrations: Migrations) -> Result<()>
where
    A: Acquire<'a> + Clone,
    <A::Connection as Deref>::Target: Migrate,
{
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
    let migrator = Migrator::with_migrations(migrations);
    // `MySQL` has a lock against two that begin at the same moment; `SQLite` has none, and the
    // slower one fails once.
    if migrator.run(pool.clone()).await.is_ok() {
        return Ok(());
    }
    match migrator.run(pool).await {
        Ok(()) => Ok(()),
        Err(MigrateError::Execute(error)) => Err(error.into()),
        Err(MigrateError::VersionMissing(version)) => Err(StoreError::Broken(format!(
            "the database is of a newer vrwatch-manager (it has migration {version}); upgrade this one"
        ))),
        Err(MigrateError::Dirty(version)) => Err(StoreError::Broken(format!(
            "migration {version} of the database did not finish; restore it from a backup"
        ))),
        Err(error) => Err(StoreError::Broken(format!(
            "the database's tables cannot be brought to this version: {error}"
        ))),
    }
}
