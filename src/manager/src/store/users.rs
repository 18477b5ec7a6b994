//! Who may log in, and who has. Only hashes are kept: of passwords (argon2id, made by the caller)
//! and of session tokens.

use std::fmt;
use std::time::Duration;

use contract::Timestamp;

use super::Store;
use super::audit;
use super::database::Transaction;
use super::error::{Result, StoreError};
use super::names::{check, check_person, check_short};
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
        let found = self.0.database.row(one).await?;
        found.as_ref().map(user).transpose()
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
        self.replace_password(actor, name, password_hash, None)
            .await
    }

    /// The same by the user, who proved to know the password of the hash `believed`; whether that
    /// was still the one. So a password that lets in once does, however many present it at once.
    ///
    /// # Errors
    /// The database's.
    pub async fn change_password(
        &self,
        name: &str,
        believed: &str,
        password_hash: &str,
    ) -> Result<bool> {
        self.replace_password(name, name, password_hash, Some(believed))
            .await
    }

    async fn replace_password(
        &self,
        actor: &str,
        name: &str,
        password_hash: &str,
        believed: Option<&str>,
    ) -> Result<bool> {
        check_short("a password's hash", password_hash, LONGEST_HASH)?;
        let condition = believed.map_or("", |_| " AND password_hash = ?");
        let statement = format!("UPDATE users SET password_hash = ? WHERE name = ?{condition}");
        retry(async || {
            let mut transaction = self.begin().await?;
            let done = transaction
                .run(
                    sql(statement.as_str())
                        .bind(password_hash)
                        .bind(name)
                        .bind_all(believed),
                )
                .await?;
            if done.rows == 0 {
                return Ok(false);
            }
            end_sessions(&mut transaction, name).await?;
            audit::record(&mut transaction, actor, "set_password", name, "").await?;
            transaction.commit().await?;
            Ok(true)
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

    /// Begins a session that ends by itself, of a user who proved to know the password of the hash
    /// `believed`; `token_hash` is a hash of its token.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when there is no such user, or the password is another by now; or
    /// the database's.
    pub async fn begin_session(
        &self,
        name: &str,
        believed: &str,
        token_hash: &str,
        lifetime: Duration,
    ) -> Result<()> {
        check("a token's hash", token_hash)?;
        // Locked: a password that changes meanwhile ends this session too, or lets none begin.
        let there = format!(
            "SELECT name FROM users WHERE name = ? AND password_hash = ?{}",
            self.dialect().for_update()
        );
        retry(async || {
            let mut transaction = self.begin().await?;
            let there = sql(there.as_str()).bind(name).bind(believed);
            if transaction.row(there).await?.is_none() {
                return Err(StoreError::Refused(format!(
                    "there is no user {name} of this password"
                )));
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

    /// Ends a session: its user logs out.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_session(&self, user: &str, token_hash: &str) -> Result<()> {
        retry(async || {
            let mut transaction = self.begin().await?;
            let done = transaction
                .run(
                    sql("DELETE FROM sessions WHERE token_hash = ? AND user_name = ?")
                        .bind(token_hash)
                        .bind(user),
                )
                .await?;
            if done.rows > 0 {
                audit::record(&mut transaction, user, "log_out", user, "").await?;
            }
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
        check_person(name)?;
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
