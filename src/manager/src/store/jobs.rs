//! Jobs of which only one manager may do each: forwarding, retention. The lease ends by the
//! database's clock; its epoch rises with each new holder and is checked in the transaction that
//! commits the work.

use std::time::Duration;

use super::Store;
use super::database::Transaction;
use super::error::{Result, StoreError};
use super::names::check;
use super::retry::retry;
use super::statement::sql;
use super::visits::{furthest, millis};

/// A job that is ours until the lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobLease {
    /// The job's name.
    pub job: String,
    /// Who does it.
    pub holder: String,
    /// Rises with each new holder.
    pub epoch: i64,
}

impl Store {
    /// Takes the job, or keeps it for another while; `None` while another holds it. A holder must
    /// name itself as no other process does.
    ///
    /// # Errors
    /// The database's.
    pub async fn hold_job(
        &self,
        job: &str,
        holder: &str,
        lease: Duration,
    ) -> Result<Option<JobLease>> {
        check("a job's name", job)?;
        check("a lease's holder", holder)?;
        let dialect = self.dialect();
        let make = format!(
            "INSERT INTO job_leases (job, holder, epoch, ends) VALUES (?, '', 0, 0) {} job = job_leases.job",
            dialect.on_conflict("job")
        );
        let read = format!(
            "SELECT holder, epoch, CASE WHEN ends > {now} AND ends <= {now} + ? THEN 1 ELSE 0 END \
             FROM job_leases WHERE job = ?{}",
            dialect.for_update(),
            now = dialect.now(),
        );
        let take = format!(
            "UPDATE job_leases SET holder = ?, epoch = ?, ends = {} + ? WHERE job = ?",
            dialect.now()
        );
        retry(async || {
            let mut transaction = self.begin().await?;
            transaction.run(sql(make.as_str()).bind(job)).await?;
            let row = transaction
                .row(sql(read.as_str()).bind(furthest(lease)).bind(job))
                .await?
                .ok_or(StoreError::Outrun)?;
            let ours = row.text(0)? == holder;
            if !ours && row.flag(2)? {
                return Ok(None);
            }
            let epoch = row.integer(1)? + i64::from(!ours);
            transaction
                .run(
                    sql(take.as_str())
                        .bind(holder)
                        .bind(epoch)
                        .bind(millis(lease))
                        .bind(job),
                )
                .await?;
            transaction.commit().await?;
            Ok(Some(JobLease {
                job: job.to_owned(),
                holder: holder.to_owned(),
                epoch,
            }))
        })
        .await
    }

    /// Gives the job back, so that another need not wait for the lease's end. One that was taken
    /// over in the meantime is left alone.
    ///
    /// # Errors
    /// The database's.
    pub async fn release_job(&self, lease: &JobLease) -> Result<()> {
        retry(async || {
            let mut transaction = self.begin().await?;
            transaction
                .run(
                    // Whoever takes it next, the same holder included, gets a new epoch.
                    sql("UPDATE job_leases SET holder = '', ends = 0 WHERE job = ? AND holder = ? AND epoch = ?")
                        .bind(&lease.job)
                        .bind(&lease.holder)
                        .bind(lease.epoch),
                )
                .await?;
            transaction.commit().await
        })
        .await
    }

    /// Lets the transaction go on only while nobody has taken the job over, and keeps others from
    /// taking it until it ends.
    pub(super) async fn fence_job(
        &self,
        transaction: &mut Transaction,
        lease: &JobLease,
    ) -> Result<()> {
        let held = format!(
            "SELECT epoch FROM job_leases WHERE job = ? AND holder = ? AND epoch = ?{}",
            self.dialect().for_update(),
        );
        let held = sql(held)
            .bind(&lease.job)
            .bind(&lease.holder)
            .bind(lease.epoch);
        match transaction.row(held).await? {
            Some(_) => Ok(()),
            None => Err(StoreError::Outrun),
        }
    }
}
