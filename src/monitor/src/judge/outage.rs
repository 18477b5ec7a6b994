//! One outage: from the moment a death was noticed until the service is up again or no longer
//! ours to watch. Every event about it carries its id.

use std::time::Duration;

use contract::{Cause, Ended, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Moment, Process, brief};

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
    #[serde(serialize_with = "brief::time")]
    since: Duration,
    /// How long it had lasted before this boot.
    #[serde(
        default,
        skip_serializing_if = "Duration::is_zero",
        serialize_with = "brief::time"
    )]
    before: Duration,
    /// The process that was watched; told, so it survives a reboot, unlike `old`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last_pid: Option<u32>,
    /// The same process for comparing; nothing compares across a reboot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    old: Option<Process>,
    /// A successor started by then took over; nothing takes over across a reboot.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "brief::time_if_any"
    )]
    hand_over_until: Option<Duration>,
    pub(super) cause: Cause,
    #[serde(default = "unknown", skip_serializing_if = "is_unknown")]
    pub(super) ended: Ended,
    /// Whether `ServiceDown` has been published.
    #[serde(default, skip_serializing_if = "brief::is_default")]
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

    /// Whether more is known, or told, than `noted` says. What was found is found again before it
    /// is told; how the process ended may be learnt only once.
    pub(super) fn is_worth_noting_after(&self, noted: &Self) -> bool {
        let Self {
            id,
            noticed,
            since,
            before,
            last_pid,
            old,
            hand_over_until,
            cause: _,
            ended,
            told,
        } = self;
        *id != noted.id
            || *noticed != noted.noticed
            || *since != noted.since
            || *before != noted.before
            || *last_pid != noted.last_pid
            || *old != noted.old
            || *hand_over_until != noted.hand_over_until
            || *ended != noted.ended
            || *told != noted.told
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

fn unknown() -> Ended {
    Ended::Unknown
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference to the field"
)]
fn is_unknown(ended: &Ended) -> bool {
    *ended == Ended::Unknown
}
