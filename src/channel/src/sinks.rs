//! What the channel knows of each sink: how far it has come, and how it is doing.

use std::sync::Arc;

use contract::Timestamp;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::SinkStatus;
use crate::condense::Untold;
use crate::lost::Lost;
use crate::refused::Refusals;
use crate::state::State;

/// One sink.
#[derive(Debug)]
pub(crate) struct Sink {
    /// Tells this worker from an earlier one of the same name.
    pub(crate) generation: u64,
    /// Whether it may only see what is on disk.
    pub(crate) needs_disk: bool,
    /// It has everything up to here, or lost it.
    pub(crate) position: u64,
    /// The last event of the batch that its worker holds; those are not lost with the journal.
    pub(crate) held: u64,
    /// What its cursor on disk says.
    pub(crate) saved: Option<u64>,
    /// Loss that is counted but not told yet.
    pub(crate) untold: Lost,
    /// What its worker passed without telling it yet.
    pub(crate) untold_rows: Untold,
    /// What it refused for good.
    pub(crate) refused: Refusals,
    pub(crate) delivered: u64,
    pub(crate) summed_up: u64,
    pub(crate) dropped: u64,
    pub(crate) last_error: Option<String>,
    pub(crate) last_error_at: Option<Timestamp>,
    pub(crate) failing_since: Option<Timestamp>,
    /// Since when the last error is over.
    pub(crate) over_since: Option<Timestamp>,
    /// How many drains had begun when it last failed; 0 since it took something.
    pub(crate) failed_in: u64,
    /// Tells the worker that there may be more.
    pub(crate) wake: Arc<Notify>,
    pub(crate) task: Option<AbortHandle>,
}

impl Sink {
    pub(crate) fn new(
        generation: u64,
        needs_disk: bool,
        position: u64,
        saved: Option<u64>,
    ) -> Self {
        Self {
            generation,
            needs_disk,
            position,
            held: position,
            saved,
            untold: Lost::default(),
            untold_rows: Untold::default(),
            refused: Refusals::default(),
            delivered: 0,
            summed_up: 0,
            dropped: 0,
            last_error: None,
            last_error_at: None,
            failing_since: None,
            over_since: None,
            failed_in: 0,
            wake: Arc::new(Notify::new()),
            task: None,
        }
    }

    /// Nothing up to here can be lost to it any more.
    pub(crate) fn reach(&self) -> u64 {
        self.position.max(self.held)
    }

    /// Up to where nothing has to be read again: what its cursor is to say once that is on disk.
    pub(crate) fn settled(&self, state: &State) -> u64 {
        let kept = self.kept(state.synced_seq, state.passing);
        self.position
            .min(self.untold_rows.limit(kept))
            .min(self.refused.rows.limit(kept))
    }

    /// Up to where what was published needs no keeping any more.
    pub(crate) fn kept(&self, synced: u64, passing: bool) -> u64 {
        if passing { self.position } else { synced }
    }

    /// Whether anything is counted that is still to be told.
    pub(crate) fn has_untold(&self) -> bool {
        self.untold_rows.any() || self.refused.due().is_some()
    }

    /// The sink took `count` events, the last of them `seq`.
    pub(crate) fn took(&mut self, seq: u64, count: u64) {
        self.delivered += count;
        self.position = self.position.max(seq);
        self.works();
        self.failed_in = 0;
    }

    /// What it was asked it has done. Says whether it failed before.
    pub(crate) fn works(&mut self) -> bool {
        let failed = self.failing_since.take().is_some();
        if failed {
            self.over_since = Some(Timestamp::now());
        }
        failed
    }

    /// The sink lost `count` events, the last of them `seq`.
    pub(crate) fn lost(&mut self, seq: u64, count: u64) {
        self.dropped += count;
        self.position = self.position.max(seq);
    }

    pub(crate) fn answered(&mut self, error: String) {
        self.last_error = Some(error);
        self.last_error_at = Some(Timestamp::now());
        self.over_since = None;
    }

    pub(crate) fn status(&self, name: &str, state: &State) -> SinkStatus {
        SinkStatus {
            name: name.to_owned(),
            pending: state.last_seq.saturating_sub(self.position),
            settled: self.settled(state),
            delivered: self.delivered,
            summed_up: self.summed_up,
            dropped: self.dropped,
            last_error: self.last_error.clone(),
            last_error_at: self.last_error_at,
            failing_since: self.failing_since,
            over_since: self.over_since,
        }
    }
}
