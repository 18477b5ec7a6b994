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
