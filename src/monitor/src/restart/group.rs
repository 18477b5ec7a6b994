//! Ends a process group: SIGTERM, some grace, SIGKILL.
//!
//! A group's number is free for reuse as soon as its last member is reaped. So a group is signalled
//! by number only while its leader is our own child and not yet reaped; a group whose leader is
//! somebody else's child is ended member by member, each held by a pidfd.

use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Signal, kill_process_group};
use tokio::process::Child;
use tokio::time::{Instant, sleep, timeout};

use super::held::{self, Held, all_ended};
use super::{GROUP_GRACE, KILL_WAIT};
use crate::proc::{self, Stat};

/// How often the group is looked for while it gets its grace.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The most members ended at a time, and how often the rest is looked for.
const MOST_MEMBERS: usize = 256;
const ROUNDS: usize = 8;

/// Ends the group that our own child `leader` leads. It must not have been reaped.
pub(super) async fn end_own(child: &mut Child, leader: u32) {
    signal_own(leader, Signal::TERM);
    let deadline = Instant::now() + GROUP_GRACE;
    while Instant::now() < deadline && members(leader).next().is_some() {
        sleep(LOOK_EVERY).await;
    }
    // The leader is at worst a zombie until the `wait` below: the number is still its group's.
    signal_own(leader, Signal::KILL);
    match timeout(KILL_WAIT, child.wait()).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::warn!(pid = leader, %error, "cannot reap a restart command"),
        Err(_) => tracing::warn!(
            pid = leader,
            "a restart command outlives SIGKILL for now; it is reaped when it ends"
        ),
    }
}

fn signal_own(leader: u32, signal: Signal) {
    // Where vrwatch was started with SIGCHLD ignored, the kernel reaps without our asking.
    let still_ours = proc::stat(leader)
        .is_ok_and(|stat| stat.parent == std::process::id() && stat.group == leader);
    if !still_ours {
        return;
    }
    let sent = held::pid(leader).and_then(|group| kill_process_group(group, signal));
    if let Err(error) = sent
        && error != Errno::SRCH
    {
        tracing::warn!(group = leader, ?signal, %error, "cannot signal a restart command");
    }
}

/// Ends the group that `leader`, a child of somebody else, leads.
pub(super) async fn end_adopted(leader: &Held) {
    let group = leader.process.pid;
    let leads = || leader.stat().is_some_and(|stat| stat.group == group);
    let mut known = take_members(group);
    // It led its group after the members were held: they are members of its group.
    if !leads() {
        return;
    }
    for member in &known {
        member.signal(Signal::TERM);
    }
    all_ended(&known, GROUP_GRACE).await;
    for _ in 0..ROUNDS {
        let found = take_members(group);
        // One that is known to be of the group is in it still: so are those just found. And who
        // left the group in the meantime (a daemon on its way) is not among them.
        let proven = known
            .iter()
            .any(|member| member.stat().is_some_and(|stat| stat.group == group));
        if !proven {
            return;
        }
        for member in &found {
            member.signal(Signal::KILL);
        }
        known = found;
        if !all_ended(&known, KILL_WAIT).await {
            tracing::warn!(group, "part of a restart command outlives SIGKILL for now");
            return;
        }
    }
}

/// The members of a group that run.
fn members(group: u32) -> impl Iterator<Item = Stat> {
    proc::pids()
        .filter_map(|pid| proc::stat(pid).ok())
        .filter(move |stat| stat.group == group && stat.is_alive())
}

fn take_members(group: u32) -> Vec<Held> {
    members(group)
        .filter_map(|stat| Held::take(&stat, |now| now.group == group).ok())
        .take(MOST_MEMBERS)
        .collect()
}
