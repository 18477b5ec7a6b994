//! Routers that post: each delivers outages one after the other, always to either manager, until
//! they are acknowledged.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use contract::{DeliverError, Sink};
use manager::plan::inventory::Change;
use manager::store::Store;
use tokio::task::JoinSet;

use crate::kills;
use crate::reporter::reporter;

/// Who posts, and how far they are.
pub(crate) struct Storm {
    names: Vec<String>,
    posting: JoinSet<(String, usize)>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    ended: AtomicBool,
    paused: AtomicBool,
    /// How many are between two batches, now that there is a pause.
    resting: AtomicUsize,
    refused: AtomicUsize,
    /// How many of these with 503.
    again: AtomicUsize,
    acknowledged: AtomicUsize,
}

impl Storm {
    /// So many routers begin to post.
    pub(crate) async fn begin(
        count: usize,
        store: &Store,
        managers: [SocketAddr; 2],
        folder: &Path,
    ) -> Self {
        let names: Vec<String> = (0..count).map(|number| format!("s-{number}-VM")).collect();
        let known: Vec<Change> = names
            .iter()
            .map(|name| Change::SetRouter(kills::router(name)))
            .collect();
        store.apply("test", &known).await.unwrap();
        let shared = Arc::new(Shared::default());
        let mut posting = JoinSet::new();
        for name in &names {
            let key = store.issue_key("test", name).await.unwrap();
            let sinks = managers.map(|address| reporter(address, folder, name, &[&key]));
            posting.spawn(post(name.clone(), sinks, Arc::clone(&shared)));
        }
        Self {
            names,
            posting,
            shared,
        }
    }

    /// Everybody has come to the end of a batch and posts nothing, until [`Self::go_on`].
    pub(crate) async fn pause(&self) {
        self.shared.paused.store(true, Ordering::SeqCst);
        crate::couple::in_the_end("the storm pauses", async || {
            let resting = self.shared.resting.load(Ordering::SeqCst);
            (resting == self.names.len()).then_some(())
        })
        .await;
    }

    pub(crate) fn go_on(&self) {
        self.shared.paused.store(false, Ordering::SeqCst);
    }

    /// How many batches are acknowledged so far.
    pub(crate) fn acknowledged(&self) -> usize {
        self.shared.acknowledged.load(Ordering::SeqCst)
    }

    /// How many attempts were not taken so far.
    pub(crate) fn refused(&self) -> usize {
        self.shared.refused.load(Ordering::SeqCst)
    }

    /// How many of these attempts were answered with 503.
    pub(crate) fn told_to_come_again(&self) -> usize {
        self.shared.again.load(Ordering::SeqCst)
    }

    /// Ends it when every batch that was begun is acknowledged; the ids of all events.
    pub(crate) async fn end(mut self) -> Vec<String> {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.go_on();
        let mut ids = Vec::new();
        while let Some(done) = self.posting.join_next().await {
            let (name, batches) = done.unwrap();
            ids.extend((1..=batches * 2).map(|seq| format!("{name}-{seq}")));
        }
        ids
    }
}

/// How many batches of this router were acknowledged.
async fn post(name: String, mut sinks: [Box<dyn Sink>; 2], shared: Arc<Shared>) -> (String, usize) {
    let mut batches = 0;
    while !shared.ended.load(Ordering::SeqCst) {
        if shared.paused.load(Ordering::SeqCst) {
            shared.resting.fetch_add(1, Ordering::SeqCst);
            while shared.paused.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            shared.resting.fetch_sub(1, Ordering::SeqCst);
        }
        let events = kills::outage(&name, batches);
        while let Err(error) = sinks[fastrand::usize(..2)].deliver(&events).await {
            let DeliverError::Later { cause, .. } = error else {
                panic!("{name}: {error}");
            };
            if cause.contains("503") {
                shared.again.fetch_add(1, Ordering::SeqCst);
            }
            shared.refused.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(fastrand::u64(10..50))).await;
        }
        batches += 1;
        shared.acknowledged.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(fastrand::u64(20..80))).await;
    }
    (name, batches)
}
