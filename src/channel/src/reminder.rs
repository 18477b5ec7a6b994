//! What a sink is reminded of before anything else: the events of the outages that are open where it
//! stands. A sink that refreshes goes on with them, and they say which ends it is to be told.

use tokio::task::spawn_blocking;

use crate::replay::replay;
use crate::segment;
use crate::worker::Worker;

impl Worker {
    /// Reminds the sink of what is open as far as it knows.
    pub(crate) async fn recall(&mut self) {
        self.look_up().await;
        let open = std::mem::take(&mut self.open);
        for event in &open {
            self.admits(event);
        }
        self.ask(|sink| sink.recall(&open));
    }

    /// What is over is remembered only for where sinks stood when it ended. A sink that was
    /// exchanged while it was behind may stand inside of what is forgotten; the journal knows.
    async fn look_up(&mut self) {
        let (Some(position), Some(settings)) = (self.behind.take(), &self.shared.settings) else {
            return;
        };
        let journal = segment::journal_folder(&settings.directory);
        let passing = self.shared.lock().passing;
        let open = spawn_blocking(move || {
            let replay = replay(&journal, &[position], passing).ok()?;
            Some(replay.outages.parse().open_at(position))
        });
        if let Ok(Some(open)) = open.await {
            self.open = open;
        }
    }
}
