//! Finds a restart command that an earlier daemon started and did not live to see the end of, and
//! waits for it: two restarts of one service never run at once, not even across a kill -9.

use std::fs::File;
use std::io::Read;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::{Instant, sleep};

use super::command::TOKEN_VARIABLE;
use super::held::Held;
use super::{group, spared, timed_out};
use crate::Process;
use crate::judge::Outcome;
use crate::proc::{self, Stat};

/// How often an adopted command is looked at. It is no child of ours, so nobody tells.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The most that is read of a process's environment, in bytes.
const ENVIRONMENT_LIMIT: u64 = 64 * 1024;

/// A restart command of an earlier daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    /// Its first process, which leads its group.
    pub process: Process,
}

/// A restart command that an earlier daemon (killed meanwhile) started and that still runs.
///
/// Found by the token in its environment. What it starts inherits that, so only a process that leads
/// its group but not its session is meant: a daemon leads its own session, or nothing at all.
#[must_use]
pub fn find_running(token: &str) -> Option<Running> {
    if token.is_empty() {
        return None;
    }
    proc::pids()
        .filter(|pid| *pid != std::process::id())
        .filter_map(|pid| proc::stat(pid).ok())
        .filter(leads_its_group_only)
        .filter(|stat| is_marked(stat.pid, token))
        // Again, for the pid may have changed hands while the environment was read.
        .filter(|stat| proc::stat(stat.pid).is_ok_and(|now| now.process() == stat.process()))
        .min_by_key(|stat| stat.started)
        .map(|stat| Running {
            process: stat.process(),
        })
}

/// Waits for an earlier daemon's command to end. The time limit counts from the command's start; at
/// that limit its group is ended by the rules of [`run`](super::run).
///
/// Without pidfds (before Linux 5.3) it is left running then: nothing could prove that the signal
/// would hit the right process.
pub async fn adopt(running: Running, timeout: Duration, still_up: impl Fn(u32) -> bool) -> Outcome {
    let leader = running.process;
    let remaining = timeout.saturating_sub(now().saturating_sub(leader.started));
    let deadline = Instant::now().checked_add(remaining);
    while look(leader).is_some() {
        if deadline.is_none_or(|deadline| Instant::now() < deadline) {
            sleep(LOOK_EVERY).await;
            continue;
        }
        if still_up(leader.pid) {
            return because(spared(timeout));
        }
        return because(end(leader, timeout).await);
    }
    because("started by an earlier run of vrwatch; its exit status is not known".to_owned())
}

async fn end(leader: Process, limit: Duration) -> String {
    let held = look(leader)
        .map(|stat| Held::take(&stat, leads_its_group_only))
        .transpose();
    match held {
        Ok(Some(held)) => {
            tracing::warn!(
                pid = leader.pid,
                "an earlier restart command takes too long: ending it"
            );
            group::end_adopted(&held).await;
            timed_out(limit)
        }
        Ok(None) | Err(rustix::io::Errno::SRCH) => timed_out(limit),
        Err(error) => {
            tracing::warn!(pid = leader.pid, %error, "cannot end an earlier restart command");
            format!("{}, and is still running: {error}", timed_out(limit))
        }
    }
}

fn because(reason: String) -> Outcome {
    Outcome {
        reason: Some(reason),
        ..Outcome::default()
    }
}

/// The state of the process, while it runs.
fn look(process: Process) -> Option<Stat> {
    proc::stat(process.pid)
        .ok()
        .filter(|stat| stat.process() == process && stat.is_alive())
}

fn leads_its_group_only(stat: &Stat) -> bool {
    stat.is_alive() && stat.pid == stat.group && stat.session != stat.pid
}

fn is_marked(pid: u32, token: &str) -> bool {
    let mut environment = Vec::new();
    let read = File::open(format!("/proc/{pid}/environ"))
        .and_then(|file| file.take(ENVIRONMENT_LIMIT).read_to_end(&mut environment));
    read.is_ok()
        && environment.split(|byte| *byte == 0).any(|variable| {
            variable
                .strip_prefix(TOKEN_VARIABLE.as_bytes())
                .and_then(|rest| rest.strip_prefix(b"="))
                == Some(token.as_bytes())
        })
}

/// Time since boot, as processes' start times count it.
pub(super) fn now() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}
