//! A transaction that fell victim to another one is tried again: a few times, after a random wait
//! that grows, so that two victims do not meet again.

use std::time::Duration;

use super::error::{Result, StoreError};

const ATTEMPTS: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_millis(10);
/// A database that has not finished by then has gone away without a word.
const LONGEST: Duration = Duration::from_mins(1);

/// Runs `work` until it is done or fails for another reason than the database's being busy.
pub(super) async fn retry<T, F>(work: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let mut attempt = 1;
    loop {
        let done = tokio::time::timeout(LONGEST, work())
            .await
            .unwrap_or_else(|_| Err(StoreError::Unavailable("it took too long".into())));
        match done {
            Err(StoreError::Unavailable(cause)) if attempt < ATTEMPTS => {
                tracing::debug!(attempt, cause, "a transaction is tried again");
            }
            done => return done,
        }
        let most = FIRST_WAIT * 2_u32.pow(attempt);
        tokio::time::sleep(most.mul_f64(fastrand::f64())).await;
        attempt += 1;
    }
}
