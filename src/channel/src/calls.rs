//! What a worker asks of its sink, each with an end to patience and to panics: no sink takes its
//! worker down.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use contract::{DeliverError, Event, Sink};

use crate::worker::Worker;

/// How long a sink may take for one batch.
const PATIENCE: Duration = Duration::from_mins(1);

impl Worker {
    /// Whether the sink is told the next event: what it wants, and the end of what it was told,
    /// unless another tells it.
    pub(crate) fn admits(&mut self, event: &Event) -> bool {
        let left_out = self.ask(|sink| sink.leaves_out(event)).unwrap_or(false);
        let wanted = !left_out && self.ask(|sink| sink.wants(event)).unwrap_or(true);
        self.ends.admit(event, wanted) && !left_out
    }

    /// How long events gather.
    pub(crate) fn gathers_for(&mut self) -> Duration {
        self.ask(|sink| sink.gathers_for()).unwrap_or_default()
    }

    /// How often the sink wants to be refreshed.
    pub(crate) fn refreshes_every(&mut self) -> Option<Duration> {
        self.ask(|sink| sink.refreshes_every()).flatten()
    }

    /// One try.
    pub(crate) async fn deliver(&mut self, batch: &[Event]) -> Result<(), DeliverError> {
        let sink = &mut self.sink;
        answer(async move { sink.deliver(batch).await }).await
    }

    pub(crate) fn ask<T>(&mut self, what: impl FnOnce(&mut dyn Sink) -> T) -> Option<T> {
        let sink = self.sink.as_mut();
        catch_unwind(AssertUnwindSafe(|| what(sink)))
            .inspect_err(|_| tracing::error!(sink = self.name, "the sink broke down (it panicked)"))
            .ok()
    }
}

/// What comes of a call.
pub(crate) async fn answer(
    call: impl Future<Output = Result<(), DeliverError>> + Send,
) -> Result<(), DeliverError> {
    let later = |cause: String| Err(DeliverError::Later { cause, wait: None });
    let mut call = pin!(call);
    let guarded = poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context)))
            .unwrap_or_else(|_| Poll::Ready(later("the sink broke down (it panicked)".to_owned())))
    });
    match tokio::time::timeout(PATIENCE, guarded).await {
        Ok(answer) => answer,
        Err(_) => later(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}
