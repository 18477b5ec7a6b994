//! The seam behind which a sink lives: one method, and an error whose variant decides what happens
//! next.

use std::time::Duration;

use async_trait::async_trait;

use crate::Event;

/// Somewhere that events are told to.
#[async_trait]
pub trait Sink: Send {
    /// Hands over a batch; returns once the far side owns it. Never retries, sleeps or stores:
    /// the channel's worker does.
    ///
    /// The future may be dropped at any await (the worker limits its time); the next call then
    /// starts afresh.
    ///
    /// # Errors
    /// [`DeliverError::Later`] for what can heal, [`DeliverError::Never`] for what cannot.
    async fn deliver(&mut self, batch: &[Event]) -> Result<(), DeliverError>;

    /// How long events may gather before a batch is handed over, counted from the first of them;
    /// zero for at once. An e-mail digest waits, nothing else should.
    fn gathers_for(&self) -> Duration {
        Duration::ZERO
    }

    /// How often [`Sink::refresh`] wants to be called while there is nothing to deliver; `None` for
    /// never. Asked again after every call, so it may depend on what is open.
    fn refreshes_every(&self) -> Option<Duration> {
        None
    }

    /// Says again what is still so, for a far side that forgets (Alertmanager). A failure is
    /// shown in the sink's status; the next call comes in time.
    ///
    /// # Errors
    /// As for [`Sink::deliver`].
    async fn refresh(&mut self) -> Result<(), DeliverError> {
        Ok(())
    }

    /// Whether it is for this sink at all, whatever came before. What it does not want it is never
    /// handed, but for the end of an outage of which it wanted anything. This is for a filter
    /// before a sink; a sink itself wants everything.
    fn wants(&self, _event: &Event) -> bool {
        true
    }

    /// Whether another event tells this sink what this one says, or will. Then it is not told, not
    /// even where it ends an outage of which the sink was told.
    fn leaves_out(&self, _event: &Event) -> bool {
        false
    }

    /// Whether the far side says that it has what it was handed. Where it does not (a datagram),
    /// [`Sink::deliver`] says `Ok` once it was sent.
    fn confirms(&self) -> bool {
        true
    }

    /// Called once, before anything else: the events, oldest first, of the outages that are open
    /// as far as this sink has been told. What a sink that refreshes has to go on with.
    fn recall(&mut self, _open: &[Event]) {}
}

/// Why a batch was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliverError {
    /// Keep it. `wait` is the far side's wish (HTTP `Retry-After`).
    #[error("not taken yet: {cause}")]
    Later {
        /// In words an operator can act on; never holds a secret.
        cause: String,
        /// How long the far side asks us to wait.
        wait: Option<Duration>,
    },
    /// Drop it and count the loss.
    #[error("refused for good: {cause}")]
    Never {
        /// In words an operator can act on; never holds a secret.
        cause: String,
    },
}
