//! When a sink whose far side forgets is to say again what is still so, and how that goes. New
//! events come first: they cut a refresh short.

use std::time::Duration;

use contract::DeliverError;
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::calls::answer;
use crate::worker::Worker;

/// However often a sink wants to be refreshed, not more often than this.
const LEAST: Duration = Duration::from_secs(1);

/// When the next refresh is due.
#[derive(Debug, Default)]
pub(crate) struct Refreshing {
    /// The last refresh, or when the sink began to want any.
    since: Option<Instant>,
    /// After a failure.
    retry_at: Option<Instant>,
    backoff: Backoff,
}

impl Refreshing {
    /// When it is due for a sink that wants it this often.
    pub(crate) fn due(&mut self, every: Option<Duration>) -> Option<Instant> {
        let Some(every) = every else {
            *self = Self::default();
            return None;
        };
        let since = *self.since.get_or_insert_with(Instant::now);
        self.retry_at
            .or_else(|| since.checked_add(every.max(LEAST)))
    }
}

impl Worker {
    /// Lets the sink say again what is still so; stops as soon as there is something to deliver.
    pub(crate) async fn refresh(&mut self) {
        let Self {
            shared,
            name,
            generation,
            sink,
            ..
        } = self;
        let refreshed = tokio::select! {
            biased;
            () = shared.pending(name, *generation) => return,
            answer = answer(async move { sink.refresh().await }) => answer,
        };
        let now = Instant::now();
        self.refreshing.since = Some(now);
        let (cause, wish) = match refreshed {
            Ok(()) => {
                self.refreshing.retry_at = None;
                self.refreshing.backoff.reset();
                let name = &self.name;
                let works = self
                    .shared
                    .with_sink(name, self.generation, crate::sinks::Sink::works);
                if works == Some(true) {
                    tracing::info!(sink = self.name, "the sink works again");
                }
                return;
            }
            Err(DeliverError::Later { cause, wait }) => (cause, wait),
            Err(DeliverError::Never { cause }) => (cause, None),
        };
        self.refreshing.retry_at = now.checked_add(self.refreshing.backoff.next(wish));
        let (first, cause) = self.failed(&cause);
        if first {
            tracing::warn!(
                sink = self.name,
                cause,
                "the sink fails while there is nothing to tell it; it is tried again"
            );
        }
    }
}
