//! The parts that work by themselves: each is started again when it fails, ever later, and whoever
//! asks sees which one does not work.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep};

use crate::api::health::Board;

/// The first and the longest wait before a part is started again.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);
/// A part that worked so long is started again as if for the first time.
const PROVEN: Duration = Duration::from_mins(5);

/// The parts that run.
pub(super) struct Parts {
    board: Board,
    running: JoinSet<()>,
}

impl Parts {
    pub(super) fn new(board: Board) -> Self {
        Self {
            board,
            running: JoinSet::new(),
        }
    }

    /// Starts a part; `work` ends only when it fails, and says why.
    pub(super) fn start<W, F>(&mut self, name: &'static str, work: W)
    where
        W: Fn() -> F + Send + 'static,
        F: Future<Output = String> + Send + 'static,
    {
        let board = self.board.clone();
        self.running.spawn(async move {
            let mut wait = FIRST;
            loop {
                board.works(name);
                let started = Instant::now();
                // In a task of its own, so that a panic is a failure like others; when this one is
                // aborted, so is that.
                let mut task = JoinSet::new();
                task.spawn(work());
                let why = match task.join_next().await {
                    Some(Ok(why)) => why,
                    Some(Err(error)) => error.to_string(),
                    None => "it did not start".to_owned(),
                };
                if started.elapsed() >= PROVEN {
                    wait = FIRST;
                }
                tracing::error!(part = name, why, again_in = ?wait, "a part failed");
                board.failed(name, why);
                sleep(wait).await;
                wait = (wait * 2).min(LONGEST);
            }
        });
    }

    /// Tells systemd as often as it wants that this process is alive.
    pub(super) fn feed_watchdog(&mut self) {
        let Some(limit) = sd_notify::watchdog_enabled() else {
            return;
        };
        self.running.spawn(async move {
            let mut beat = interval(limit / 2);
            loop {
                beat.tick().await;
                super::notify(&[NotifyState::Watchdog]);
            }
        });
    }

    /// Ends all. What they hold by lease is taken over when that ends.
    pub(super) async fn end(mut self) {
        self.running.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_part_that_fails_is_started_again_ever_later_and_is_seen_to_fail() {
        let board = Board::default();
        let mut parts = Parts::new(board.clone());
        let starts = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&starts);
        parts.start("flaky", move || {
            let count = Arc::clone(&count);
            async move {
                assert!(count.fetch_add(1, Ordering::Relaxed) != 1, "a panic");
                "no luck".to_owned()
            }
        });
        // At 0, 1, 3, 7, 15, 31, 63 and 123 s.
        sleep(Duration::from_secs(100)).await;
        assert_eq!(starts.load(Ordering::Relaxed), 7);
        assert_eq!(board.failures(), [("flaky", 7)]);
        parts.end().await;
    }
}
