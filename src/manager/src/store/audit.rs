//! Who changed what, and when: written in the transaction that makes the change.

use contract::Timestamp;

use super::Store;
use super::database::Transaction;
use super::error::Result;
use super::page::{Page, Paged};
use super::statement::{Row, sql};

/// A line of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Rises with time.
    pub id: i64,
    /// By the database's clock.
    pub time: Timestamp,
    /// The user, or the command line's.
    pub actor: String,
    /// What was done: `issue_key`.
    pub action: String,
    /// To what: a router's name, say.
    pub subject: String,
    /// In words; may be empty.
    pub detail: String,
}

/// The longest text of each column, in characters.
const LONGEST: usize = 255;
const LONGEST_DETAIL: usize = 4000;

/// Writes a line.
pub(super) async fn record(
    transaction: &mut Transaction,
    actor: &str,
    action: &'static str,
    subject: &str,
    detail: &str,
) -> Result<()> {
    let cut = |text: &str, longest| text.chars().take(longest).collect::<String>();
    let now = transaction.now().await?;
    transaction
        .run(
            sql("INSERT INTO audit_trail (time, actor, action, subject, detail) VALUES (?, ?, ?, ?, ?)")
                .bind(now)
                .bind(cut(actor, LONGEST))
                .bind(action)
                .bind(cut(subject, LONGEST))
                .bind(cut(detail, LONGEST_DETAIL)),
        )
        .await?;
    Ok(())
}

impl Store {
    /// Writes a line about something that changes no table: a log-in that failed, say.
    ///
    /// # Errors
    /// The database's.
    pub async fn audit(
        &self,
        actor: &str,
        action: &'static str,
        subject: &str,
        detail: &str,
    ) -> Result<()> {
        super::retry::retry(async || {
            let mut transaction = self.begin().await?;
            record(&mut transaction, actor, action, subject, detail).await?;
            transaction.commit().await
        })
        .await
    }

    /// The audit trail, newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn audit_trail(&self, page: Page) -> Result<Paged<AuditEntry>> {
        let rows = self
            .0
            .database
            .rows(
                sql(
                    "SELECT id, time, actor, action, subject, detail FROM audit_trail WHERE id < ? \
                     ORDER BY id DESC LIMIT ?",
                )
                .bind(page.before())
                .bind(page.one_more()),
            )
            .await?;
        page.cut(&rows, entry, |entry| entry.id)
    }
}

fn entry(row: &Row) -> Result<AuditEntry> {
    Ok(AuditEntry {
        id: row.integer(0)?,
        time: row.time(1)?,
        actor: row.text(2)?,
        action: row.text(3)?,
        subject: row.text(4)?,
        detail: row.text(5)?,
    })
}
