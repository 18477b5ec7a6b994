//! Ends what a dead service left behind: after a kill -9 of apache2's parent, its children live on
//! and hold the port, so a plain restart fails.
//!
//! A process is a left-over only if it carries the dead one's name *and* is proven to be its kin. The
//! name alone proves nothing.

use std::time::Duration;

use rustix::io::Errno;
use rustix::process::Signal;

use super::KILL_WAIT;
use super::adopt::now;
use super::held::{Held, all_ended};
use crate::Process;
use crate::proc::{self, Kin, ProcError, Stat};

/// How long left-overs get between SIGTERM and SIGKILL.
///
/// apache2's event workers let SIGTERM pass when their parent is dead: they go on serving for the
/// whole of it, and are then killed.
const GRACE: Duration = Duration::from_secs(5);

/// The most that are ended at a time, and how often the rest is looked for.
const MOST_AT_A_TIME: usize = 256;
const ROUNDS: usize = 4;

/// The most ancestors followed; a chain that is longer is not of this world.
const MOST_ANCESTORS: usize = 64;

/// Ends the left-overs of the process that `kin` describes, provided that it is dead. `still_up`
/// says whether the service is up again in a process group: that one is spared.
pub(super) async fn end(kin: &Kin, still_up: impl Fn(u32) -> bool) {
    if !is_dead(kin.process) {
        return;
    }
    let own_cgroup = proc::cgroup(std::process::id());
    let search = Search::new(kin, own_cgroup.as_deref());
    for _ in 0..ROUNDS {
        let found = search.take_all(&still_up);
        if found.is_empty() {
            return;
        }
        let list = list(&found);
        tracing::info!(
            dead = kin.process.pid,
            left_overs = list,
            "ending what the service left behind"
        );
        for held in &found {
            held.signal(Signal::TERM);
        }
        if all_ended(&found, GRACE).await {
            continue;
        }
        for held in &found {
            held.signal(Signal::KILL);
        }
        if !all_ended(&found, KILL_WAIT).await {
            tracing::warn!(left_overs = list, "a left-over outlives SIGKILL for now");
            return;
        }
    }
}

/// Whether the process has verifiably ended.
fn is_dead(process: Process) -> bool {
    match proc::stat(process.pid) {
        Ok(stat) => stat.process() != process || !stat.is_alive(),
        Err(ProcError::Gone) => true,
        Err(_) => false,
    }
}

/// What is looked for.
pub(super) struct Search<'kin> {
    kin: &'kin Kin,
    /// Only what started before this is left over; since boot.
    before: Duration,
    /// pid 1, we, and those we descend from.
    never: Vec<u32>,
    /// The dead one's, if sharing it proves anything.
    cgroup: Option<&'kin str>,
}

impl<'kin> Search<'kin> {
    /// A search for the left-overs of `kin`, by a vrwatch whose own cgroup is `own_cgroup`.
    pub(super) fn new(kin: &'kin Kin, own_cgroup: Option<&str>) -> Self {
        // One that others share proves nothing: the root, a user's slice, or our own.
        let proves = |theirs: &&str| {
            theirs.ends_with(".service") && own_cgroup.is_some_and(|own| own != *theirs)
        };
        Self {
            kin,
            before: now(),
            never: us_and_above(),
            cgroup: kin.cgroup.as_deref().filter(proves),
        }
    }

    fn take_all(&self, still_up: impl Fn(u32) -> bool) -> Vec<Held> {
        let mut held = Vec::new();
        let mut spared = None;
        for pid in proc::pids() {
            let Ok(stat) = proc::stat(pid) else { continue };
            if !self.is_left_over(&stat, proc::cgroup) || spared == Some(stat.group) {
                continue;
            }
            if still_up(stat.group) {
                spared = Some(stat.group);
                continue;
            }
            match Held::take(&stat, |now| self.is_left_over(now, proc::cgroup)) {
                Ok(one) => held.push(one),
                Err(Errno::SRCH) => {}
                Err(error) => {
                    tracing::warn!(pid, %error, "cannot end a left-over safely: left alone");
                }
            }
            if held.len() == MOST_AT_A_TIME {
                break;
            }
        }
        held
    }

    /// Whether a process is a left-over; `cgroup` tells a pid's cgroup.
    pub(super) fn is_left_over(
        &self,
        stat: &Stat,
        cgroup: impl FnOnce(u32) -> Option<String>,
    ) -> bool {
        stat.is_alive()
            && stat.name == self.kin.name
            && stat.started <= self.before
            && !self.never.contains(&stat.pid)
            && stat.process() != self.kin.process
            && self.is_kin(stat, cgroup)
    }

    fn is_kin(&self, stat: &Stat, cgroup: impl FnOnce(u32) -> Option<String>) -> bool {
        let dead = self.kin.process.pid;
        let same_group = dead == self.kin.group && stat.group == dead;
        let same_session = dead == self.kin.session && stat.session == dead;
        // A number that the kernel gave out anew says nothing about the one who had it before.
        ((same_group || same_session) && self.number_is_free())
            || self
                .cgroup
                .is_some_and(|theirs| cgroup(stat.pid).as_deref() == Some(theirs))
    }

    /// Whether nobody else leads by the dead one's pid.
    fn number_is_free(&self) -> bool {
        match proc::stat(self.kin.process.pid) {
            Ok(stat) => stat.process() == self.kin.process,
            Err(ProcError::Gone) => true,
            Err(_) => false,
        }
    }
}

fn us_and_above() -> Vec<u32> {
    let mut never = vec![0, 1];
    let mut pid = std::process::id();
    for _ in 0..MOST_ANCESTORS {
        never.push(pid);
        match proc::stat(pid) {
            Ok(stat) if stat.parent > 1 => pid = stat.parent,
            _ => break,
        }
    }
    never
}

fn list(held: &[Held]) -> String {
    let words: Vec<String> = held
        .iter()
        .take(16)
        .map(|one| format!("{} ({})", one.process.pid, one.name))
        .collect();
    let more = held.len().saturating_sub(words.len());
    if more == 0 {
        words.join(", ")
    } else {
        format!("{} and {more} more", words.join(", "))
    }
}
