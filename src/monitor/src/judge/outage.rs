//! One outage: from the moment a death was noticed until the service is up again or no longer
//! ours to watch. Every event about it carries its id.

use std::time::Duration;

use contract::{Cause, Ended, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Moment, Process};

/// A successor that ran this shortly after the death was noticed was already on its way when the
/// old process ended: twice the clock tick in which the kernel keeps start times, and some slack
/// for a `fork` right before the `exit`.
const HAND_OVER: Duration = Duration::from_millis(50);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Outage {
    pub(super) id: String,
    /// When it began, as printed.
    pub(super) noticed: Timestamp,
    /// When it began (or the machine booted), on the monotonic clock of this boot.
    since: Duration,
    /// How long it had lasted before this boot.
    before: Duration,
    /// The process that was watched; told, so it survives a reboot, unlike `old`.
    pub(super) last_pid: Option<u32>,
    /// The same process for comparing; nothing compares across a reboot.
    old: Option<Process>,
    /// A successor started by then took over; nothing takes over across a reboot.
    hand_over_until: Option<Duration>,
    pub(super) cause: Cause,
    pub(super) ended: Ended,
    /// Whether `ServiceDown` has been published.
    pub(super) told: bool,
}

impl Outage {
    /// Begins an outage. `number` makes the id unique where the wall clock does not.
    pub(super) fn begin(
        service: &str,
        number: u64,
        old: Option<Process>,
        cause: Cause,
        ended: Ended,
        noticed: Moment,
    ) -> Self {
        Self {
            id: format!("{service}-{:x}-{number}", noticed.wall.unix_millis()),
            noticed: noticed.wall,
            since: noticed.monotonic,
            before: Duration::ZERO,
            last_pid: old.map(|process| process.pid),
            old,
            hand_over_until: Some(noticed.monotonic.saturating_add(HAND_OVER)),
            cause,
            ended,
            told: false,
        }
    }

    /// Takes in what a later look found; how the process ended is never unlearnt.
    pub(super) fn learn(&mut self, cause: Cause, ended: Ended) {
        self.cause = cause;
        self.learn_end(ended);
    }

    /// Takes in how the process ended.
    pub(super) fn learn_end(&mut self, ended: Ended) {
        if ended != Ended::Unknown {
            self.ended = ended;
        }
    }

    /// Whether `successor` makes this no outage at all: the very same process, or one that took
    /// over from a process that left of its own accord, as a reload does.
    pub(super) fn was_a_hand_over(&self, successor: Process) -> bool {
        let left_by_itself = !matches!(self.ended, Ended::Signal(_));
        self.old == Some(successor)
            || left_by_itself
                && self
                    .hand_over_until
                    .is_some_and(|until| successor.started <= until)
    }

    /// How long it lasted when it ended at `end`, on the monotonic clock.
    pub(super) fn downtime(&self, end: Duration) -> Duration {
        self.before.saturating_add(end.saturating_sub(self.since))
    }

    /// Carries on after a reboot: `saved` and `now` are on the clocks of two different boots.
    pub(super) fn rebase(&mut self, saved: Duration, now: Duration, elapsed: Duration) {
        self.before = self.downtime(saved).saturating_add(elapsed);
        self.since = now;
        self.old = None;
        self.hand_over_until = None;
    }
}
