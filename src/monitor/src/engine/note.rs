//! What of one service is written into the journal, so that the next daemon goes on where this one
//! was ended: the judge's state, who the watched process was, and the restart command that runs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Moment;
use crate::judge::State;
use crate::proc::Kin;

/// One service's memory on disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Note {
    /// The boot that `at` and every deadline in `state` belong to.
    boot: String,
    /// When this was written.
    at: Moment,
    /// The judge's state.
    pub(crate) state: State,
    /// The process last seen up, and what proves others to be its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kin: Option<Kin>,
    /// Marks the restart command that runs, in its environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
}

impl Note {
    pub(crate) fn new(
        boot: String,
        at: Moment,
        state: State,
        kin: Option<Kin>,
        token: Option<String>,
    ) -> Self {
        Self {
            boot,
            at,
            state,
            kin,
            token,
        }
    }

    /// Whether the next daemon would go on differently from this than from `written`.
    pub(crate) fn is_worth_writing_after(&self, written: &Self) -> bool {
        self.state.is_worth_noting_after(&written.state)
            || self.kin != written.kin
            || self.token != written.token
            || self.boot != written.boot
    }

    /// The note as it is worth after a restart of the daemon or a reboot: after a reboot every pid
    /// means something else and the monotonic clock has started anew.
    pub(crate) fn resumed(mut self, boot: &str, now: Moment, longest: Duration) -> Self {
        if self.boot != boot {
            self.state.rebase(self.at, now, longest);
            self.kin = None;
            self.token = None;
        }
        self
    }
}
