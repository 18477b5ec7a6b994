//! Carries a restart out: ends the dead service's left-overs, runs the command, keeps the end of
//! what it says. Everything here waits without blocking, so a slow restart delays nobody else.
//!
//! Whether the service came back is not decided here: exit status 0 is no proof.

mod adopt;
mod capture;
mod clean;
mod command;
mod group;
mod held;
mod keeper;
mod leftovers;

use std::time::Duration;

use tokio::process::Child;
use tokio::time::timeout;

use crate::judge::Outcome;
use crate::proc::Kin;

pub use adopt::{Running, adopt, find_running};

/// How long an ended group gets between SIGTERM and SIGKILL.
const GROUP_GRACE: Duration = Duration::from_secs(3);

/// How long to wait for what was sent SIGKILL: the kernel may keep it until a device answers.
const KILL_WAIT: Duration = Duration::from_secs(2);

/// How a service is restarted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The program and its arguments, placeholders already replaced. See [`fill`].
    pub command: Vec<String>,
    /// How long the command may take.
    pub timeout: Duration,
    /// Whether what the dead process left behind is ended first.
    pub end_leftovers: bool,
}

/// The command with every `{service}` replaced by the service's name. Nothing else is special: the
/// command runs without a shell.
#[must_use]
pub fn fill(template: &[String], service: &str) -> Vec<String> {
    template
        .iter()
        .map(|part| part.replace("{service}", service))
        .collect()
}

/// Runs the restart: ends left-overs first when so configured, then the command, to its end or to
/// the time limit.
///
/// `token` marks the command's environment, so that a later daemon finds it: [`find_running`].
/// `kin` is what was known of the process that died. `still_up` says whether the service is up as a
/// member of a process group: then the command itself is the service, and the time limit spares it.
///
/// The command outlives this future when that is dropped.
pub async fn run(
    settings: &Settings,
    token: &str,
    kin: Option<&Kin>,
    still_up: impl Fn(u32) -> bool,
) -> Outcome {
    if settings.end_leftovers
        && let Some(kin) = kin
    {
        leftovers::end(kin, &still_up).await;
    }
    let command::Started { mut child, capture } = match command::start(&settings.command, token) {
        Ok(started) => started,
        Err(error) => {
            return Outcome {
                reason: Some(error.to_string()),
                ..Outcome::default()
            };
        }
    };
    let (exit, reason) = finish(&mut child, settings.timeout, &still_up).await;
    let output = match capture {
        Some(capture) => capture.finish().await,
        None => String::new(),
    };
    Outcome {
        exit,
        reason,
        output,
    }
}

/// Waits for the command, up to the time limit. Says its exit status, or what happened to it.
async fn finish(
    child: &mut Child,
    limit: Duration,
    still_up: impl Fn(u32) -> bool,
) -> (Option<i32>, Option<String>) {
    // Known until the child is reaped, which only `wait` does: from here to its return nobody else
    // can get this pid or this process group.
    let leader = child.id();
    match timeout(limit, child.wait()).await {
        Ok(Ok(status)) => {
            use std::os::unix::process::ExitStatusExt;
            let reason = status
                .signal()
                .map(|signal| format!("ended by signal {signal}"));
            (status.code(), reason)
        }
        Ok(Err(error)) => (
            None,
            Some(format!("cannot wait for the restart command: {error}")),
        ),
        Err(_) => {
            let Some(leader) = leader else {
                return (None, Some(timed_out(limit)));
            };
            if still_up(leader) {
                return (None, Some(spared(limit)));
            }
            tracing::warn!(
                pid = leader,
                "the restart command takes too long: ending it"
            );
            group::end_own(child, leader).await;
            (None, Some(timed_out(limit)))
        }
    }
}

fn timed_out(limit: Duration) -> String {
    format!("timed out after {limit:?}")
}

fn spared(limit: Duration) -> String {
    format!("still running after {limit:?}, as the service itself; left alone")
}

#[cfg(test)]
mod tests;
