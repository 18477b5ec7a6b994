//! Sends a router what it is to watch: written beside, checked by the router's own vrwatch, renamed,
//! and seen to be in force. Whatever goes wrong, the router has the old file or the new one, whole.

mod all;
pub mod config;
mod daemon;
mod files;
mod outcome;

#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::time::timeout;

pub use self::all::{Job, Record, push_all};
use self::config::{Push, WithoutDaemon};
use self::files::{Old, Placed};
pub use self::outcome::{Checked, InForce, Outcome, PushError, Sent};
use super::shell::{ReachError, Shell};

/// How long tidying up may take after the time is over.
const TIDYING: Duration = Duration::from_secs(15);

/// What a router is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// The text of `monitor.conf`.
    pub services: Option<String>,
    /// The text of `monitorservice.json`.
    pub monitorservice: Option<String>,
}

/// Sends `files` over an open session, within the configured time.
///
/// # Errors
/// When the router does not have them afterwards, or is not known to.
pub async fn push(
    shell: &mut dyn Shell,
    files: &Files,
    settings: &Push,
) -> Result<Outcome, PushError> {
    let mut placed = Placed::default();
    let limit = settings.limit.get();
    let result = timeout(limit, steps(shell, files, settings, &mut placed))
        .await
        .unwrap_or(Err(PushError::Reach(ReachError::TimedOut(limit))));
    if result.is_err() {
        // Where the router is gone this fails too; the next push takes away what is left.
        let _ = timeout(TIDYING, placed.tidy(shell, settings)).await;
    }
    result
}

async fn steps(
    shell: &mut dyn Shell,
    files: &Files,
    settings: &Push,
    placed: &mut Placed,
) -> Result<Outcome, PushError> {
    let wanted = [
        (&settings.monitorservice, &files.monitorservice),
        (&settings.services, &files.services),
    ];
    files::sweep(shell, settings, wanted.map(|(path, _)| path.as_str())).await?;
    for (path, text) in wanted {
        let Some(text) = text else { continue };
        let old = files::read(shell, settings, path.as_str()).await?;
        if !matches!(&old, Old::Is(bytes) if bytes == text.as_bytes()) {
            placed
                .write(shell, settings, path.as_str(), text, old)
                .await?;
        }
    }
    if placed.is_empty() {
        return Ok(Outcome::Unchanged);
    }
    let checked = daemon::check(shell, settings, files, placed).await?;
    if !matches!(checked, Checked::ByVrwatch { .. })
        && settings.without_vrwatch == WithoutDaemon::Refuse
    {
        return Err(PushError::Unchecked);
    }
    placed.rename(shell, settings).await?;
    let in_force = match &checked {
        Checked::ByVrwatch { expected, .. } => {
            match daemon::until_in_force(shell, settings, expected).await {
                Err(error @ PushError::NotTaken(_)) => {
                    let back = placed.put_back(shell, settings).await;
                    return Err(error.and(back));
                }
                seen => seen?,
            }
        }
        Checked::NoVrwatch | Checked::NotConfigured => InForce::NobodyToAsk,
    };
    Ok(Outcome::Sent(Sent {
        files: placed.done(),
        checked,
        in_force,
    }))
}
