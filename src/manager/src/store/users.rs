//! Who may log in, and who has. Only hashes are kept: of passwords (argon2id, made by the caller)
//! and of session tokens.

use std::fmt;
use std::time::Duration;

use contract::Timestamp;

use super::Store;
use super::audit;
use super::database::Transaction;
use super::error::{Result, StoreError};
use super::names::{check, check_short};
use super::retry::retry;
use super::statement::{Row, sql};
use super::visits::millis;

/// Somebody who may log in.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The name; upper and lower case differ.
    pub name: String,
    /// The password's hash, in PHC's form.
    pub password_hash: String,
    /// What the user may do; the caller's word.
    pub role: String,
    /// Since when.
    pub created: Timestamp,
}

impl fmt::Debug for User {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("User")
            .field("name", &self.name)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// Somebody who has logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The user's name.
    pub user: String,
    /// The user's role, as it is now.
    pub role: String,
    /// When it ends by itself.
    pub ends: Timestamp,
}

const USER: &str = "SELECT name, password_hash, role, created FROM users";
const LONGEST_HASH: usize = 4000;

impl Store {
    /// Adds a user.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when there is one of that name, or the database's.
    pub async fn add_user(
        &self,
        actor: &str,
        name: &str,
        password_hash: &str,
        role: &str,
    ) -> Result<()> {
        let new = New::checked(name, password_hash, role)?;
        retry(async || {
            let mut transaction = self.begin().await?;
            if is_there(&mut transaction, name).await? {
                return Err(StoreError::Refused(format!(
                    "there is a user {name} already"
                )));
            }
            new.insert(&mut transaction, actor).await?;
            transaction.commit().await
        })
        .await
    }

    /// Adds the first user of all; whether it did: `false` when anybody is there already. For the
    /// one-time password at the first start, also with several managers that start at once.
    ///
    /// # Errors
    /// The database's.
    pub async fn add_first_user(
        &self,
        name: &str,
        password_hash: &str,
        role: &str,
    ) -> Result<bool> {
        let new = New::checked(name, password_hash, role)?;
        // Both managers insert the same name; the slower one is told so, tries again, and sees it.
        retry(async || {
            let mut transaction = self.begin().await?;
            if transaction
                .row(sql("SELECT name FROM users LIMIT 1"))
                .await?
                .is_some()
            {
                return Ok(false);
            }
            new.insert(&mut transaction, "first start").await?;
            transaction.commit().await?;
            Ok(true)
        })
        .await
    }

    /// The user of that name.
    ///
    /// # Errors
    /// The database's.
    pub async fn user(&self, name: &str) -> Result<Option<User>> {
        let one = sql(format!("{USER} WHERE name = ?")).bind(name);
        let found = self
            .0
            .database
            .row(one)
            .await?
            .as_ref()
            .map(user)
            .transpose()?;
        // MySQL's comparison passes over trailing spaces.
        Ok(found.filter(|user| user.name == name))
    }

    /// All users, by name.
    ///
    /// # Errors
    /// The database's.
    pub async fn users(&self) -> Result<Vec<User>> {
        let all = sql(format!("{USER} ORDER BY name"));
        self.0.database.rows(all).await?.iter().map(user).collect()
    }

    /// Another password; all sessions of the user end. Whether there is such a user.
    ///
    /// # Errors
    /// The database's.
    pub async fn set_password(&self, actor: &str, name: &str, password_hash: &str) -> Result<bool> {
        check_short("a password's hash", password_hash, LONGEST_HASH)?;
        retry(async || {
            let mut transaction = self.begin().await?;
            let done = transaction
                .run(
                    sql("UPDATE users SET password_hash = ? WHERE name = ?")
                        .bind(password_hash)
                        .bind(name),
                )
                .await?;
            end_sessions(&mut transaction, name).await?;
            audit::record(&mut transaction, actor, "set_password", name, "").await?;
            transaction.commit().await?;
            Ok(done.rows > 0)
        })
        .await
    }

    /// Removes a user and ends all of its sessions; whether it was there.
    ///
    /// # Errors
    /// The database's.
    pub async fn remove_user(&self, actor: &str, name: &str) -> Result<bool> {
        retry(async || {
            let mut transaction = self.begin().await?;
            let done = transaction
                .run(sql("DELETE FROM users WHERE name = ?").bind(name))
                .await?;
            end_sessions(&mut transaction, name).await?;
            if done.rows > 0 {
                audit::record(&mut transaction, actor, "remove_user", name, "").await?;
            }
            transaction.commit().await?;
            Ok(done.rows > 0)
        })
        .await
    }

    /// Begins a session that ends by itself; `token_hash` is a hash of its token.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when there is no such user, or the database's.
    pub async fn begin_session(
        &self,
        name: &str,
        token_hash: &str,
        lifetime: Duration,
    ) -> Result<()> {
        check("a token's hash", token_hash)?;
        retry(async || {
            let mut transaction = self.begin().await?;
            if !is_there(&mut transaction, name).await? {
                return Err(StoreError::Refused(format!("there is no user {name}")));
            }
            let now = transaction.now().await?;
            transaction
                .run(
                    sql("INSERT INTO sessions (token_hash, user_name, created, ends) VALUES (?, ?, ?, ?)")
                        .bind(token_hash)
                        .bind(name)
                        .bind(now)
                        .bind(now + millis(lifetime)),
                )
                .await?;
            audit::record(&mut transaction, name, "log_in", name, "").await?;
            transaction.commit().await
        })
        .await
    }

    /// The session of that token, unless it has ended.
    ///
    /// # Errors
    /// The database's.
    pub async fn session(&self, token_hash: &str) -> Result<Option<Session>> {
        let one = format!(
            "SELECT u.name, u.role, s.ends FROM sessions s JOIN users u ON u.name = s.user_name \
             WHERE s.token_hash = ? AND s.ends > {}",
            self.dialect().now()
        );
        let row = self.0.database.row(sql(one).bind(token_hash)).await?;
        row.map(|row| {
            Ok(Session {
                user: row.text(0)?,
                role: row.text(1)?,
                ends: row.time(2)?,
            })
        })
        .transpose()
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_session(&self, token_hash: &str) -> Result<()> {
        retry(async || {
            let mut transaction = self.begin().await?;
            transaction
                .run(sql("DELETE FROM sessions WHERE token_hash = ?").bind(token_hash))
                .await?;
            transaction.commit().await
        })
        .await
    }
}

/// A user to be added.
struct New<'a> {
    name: &'a str,
    password_hash: &'a str,
    role: &'a str,
}

impl<'a> New<'a> {
    fn checked(name: &'a str, password_hash: &'a str, role: &'a str) -> Result<Self> {
        check("a user's name", name)?;
        check("a role", role)?;
        check_short("a password's hash", password_hash, LONGEST_HASH)?;
        Ok(Self {
            name,
            password_hash,
            role,
        })
    }

    async fn insert(&self, transaction: &mut Transaction, actor: &str) -> Result<()> {
        let now = transaction.now().await?;
        transaction
            .run(
                sql("INSERT INTO users (name, password_hash, role, created) VALUES (?, ?, ?, ?)")
                    .bind(self.name)
                    .bind(self.password_hash)
                    .bind(self.role)
                    .bind(now),
            )
            .await?;
        audit::record(transaction, actor, "add_user", self.name, self.role).await
    }
}

async fn is_there(transaction: &mut Transaction, name: &str) -> Result<bool> {
    let there = sql("SELECT name FROM users WHERE name = ?").bind(name);
    Ok(transaction.row(there).await?.is_some())
}

async fn end_sessions(transaction: &mut Transaction, name: &str) -> Result<()> {
    transaction
        .run(sql("DELETE FROM sessions WHERE user_name = ?").bind(name))
        .await
        .map(drop)
}

fn user(row: &Row) -> Result<User> {
    Ok(User {
        name: row.text(0)?,
        password_hash: row.text(1)?,
        role: row.text(2)?,
        created: row.time(3)?,
    })
}
