//! Carrying a state over a reboot: the monotonic clock starts anew, and no process lives on.

use std::time::Duration;

use super::stage::{Settling, Stage};
use super::{Outcome, State};
use crate::Moment;

/// How long a restart that the reboot interrupted has to show a result.
const COMES_UP_WITHIN: Duration = Duration::from_secs(1);

impl State {
    /// Moves a state that was written before a reboot to the clocks of this boot.
    ///
    /// Deadlines move by the wall time that went by since `saved_at`; a clock that now shows an
    /// earlier time (no battery, 1970) counts as if only the time since boot had gone by. No wait
    /// gets longer than it was, none but an operator's hold longer than `longest`.
    ///
    /// A restart command that ran is gone: what is seen next decides, as if it had just ended.
    pub fn rebase(&mut self, saved_at: Moment, now: Moment, longest: Duration) {
        let elapsed = now.wall.saturating_since(saved_at.wall).max(now.monotonic);
        let shift = |deadline: Duration, longest: Duration| {
            let left = deadline.saturating_sub(saved_at.monotonic).min(longest);
            now.monotonic.saturating_add(left.saturating_sub(elapsed))
        };
        let settle_anew = |round, command| {
            Stage::Settling(Settling {
                round,
                command,
                sighted: None,
                up: None,
                changes: 0,
                give_up: now.monotonic.saturating_add(COMES_UP_WITHIN),
                next_look: now.monotonic,
            })
        };
        self.stage = match std::mem::replace(&mut self.stage, Stage::Unknown) {
            Stage::Unknown | Stage::Up(_) => Stage::Unknown,
            Stage::Checking { looks, next_look } => Stage::Checking {
                looks,
                next_look: shift(next_look, longest),
            },
            Stage::Restarting { round, .. } => settle_anew(
                round,
                Outcome {
                    exit: None,
                    reason: Some("the machine was rebooted meanwhile".to_owned()),
                    output: String::new(),
                },
            ),
            Stage::Settling(settling) => settle_anew(settling.round, settling.command),
            Stage::Waiting {
                round,
                command,
                next_look,
            } => Stage::Waiting {
                round,
                command,
                next_look: shift(next_look, longest),
            },
            Stage::HeldOff { until, reason } => Stage::HeldOff {
                until: shift(until, longest),
                reason,
            },
            Stage::Held { until, reason } => Stage::Held {
                until: until.map(|until| shift(until, Duration::MAX)),
                reason,
            },
        };
        self.restart_running = false;
        self.seen = None;
        self.asked = None;
        if let Some(outage) = &mut self.outage {
            outage.rebase(saved_at.monotonic, now.monotonic, elapsed);
        }
        // A restart before this boot has no time on this boot's clock; it counts as one at boot,
        // unless it is too long ago to matter.
        self.history.retain_mut(|at| {
            let age = saved_at
                .monotonic
                .saturating_sub(*at)
                .saturating_add(elapsed);
            *at = now.monotonic.saturating_sub(age);
            age <= longest
        });
    }
}
