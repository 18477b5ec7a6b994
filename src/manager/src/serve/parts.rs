//! The parts that work by themselves: each is started again when it fails, ever later, and whoever
//! asks sees which one does not work.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, timeout};

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
    stop: watch::Sender<bool>,
}

/// Is told when the manager ends.
#[derive(Clone)]
pub(super) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Returns when the manager ends.
    pub(super) async fn told(&mut self) {
        // Without a sender it has ended.
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    /// For a part that comes to its end by itself.
    pub(super) fn receiver(self) -> watch::Receiver<bool> {
        self.0
    }

    /// Does the work until the manager ends, and then breaks it off.
    pub(super) async fn or(mut self, work: impl Future<Output = String>) -> String {
        tokio::select! {
            () = self.told() => String::new(),
            why = work => why,
        }
    }
}

impl Parts {
    pub(super) fn new(board: Board) -> Self {
        Self {
            board,
            running: JoinSet::new(),
            stop: watch::Sender::new(false),
        }
    }

    /// Starts a part; `work` ends when it is told to stop, or when it fails, and then says why.
    pub(super) fn start<W, F>(&mut self, name: &'static str, work: W)
    where
        W: Fn(Stop) -> F + Send + 'static,
        F: Future<Output = String> + Send + 'static,
    {
        let board = self.board.clone();
        let mut stop = Stop(self.stop.subscribe());
        self.running.spawn(async move {
            let mut wait = FIRST;
            loop {
                board.works(name);
                let started = Instant::now();
                // In a task of its own, so that a panic is a failure like others; when this one is
                // aborted, so is that.
                let mut task = JoinSet::new();
                task.spawn(work(stop.clone()));
                let why = match task.join_next().await {
                    Some(Ok(why)) => why,
                    Some(Err(error)) => error.to_string(),
                    None => "it did not start".to_owned(),
                };
                if *stop.0.borrow() {
                    return;
                }
                if started.elapsed() >= PROVEN {
                    wait = FIRST;
                }
                tracing::error!(part = name, why, again_in = ?wait, "a part failed");
                board.failed(name);
                tokio::select! {
                    () = stop.told() => return,
                    () = sleep(wait) => {}
                }
                wait = (wait * 2).min(LONGEST);
            }
        });
    }

    /// Tells systemd as often as it wants that this process is alive.
    pub(super) fn feed_watchdog(&mut self) {
        let Some(limit) = sd_notify::watchdog_enabled() else {
            return;
        };
        let mut stop = Stop(self.stop.subscribe());
        self.running.spawn(async move {
            let mut beat = interval(limit / 2);
            loop {
                tokio::select! {
                    () = stop.told() => return,
                    _ = beat.tick() => super::notify(&[NotifyState::Watchdog]),
                }
            }
        });
    }

    /// Tells all of them to end, without waiting for it.
    pub(super) fn stopper(&self) -> watch::Sender<bool> {
        self.stop.clone()
    }

    /// Ends all: waits so long for them to come to their end, then breaks them off. What they hold
    /// by lease is taken over when that ends.
    pub(super) async fn end(mut self, limit: Duration) {
        let _ = self.stop.send(true);
        let ended = async { while self.running.join_next().await.is_some() {} };
        if timeout(limit, ended).await.is_err() {
            self.running.shutdown().await;
        }
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
        parts.start("flaky", move |_| {
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
        parts.end(Duration::from_secs(1)).await;
    }
}
