//! The manager is killed two hundred times while a hundred routers deliver: what it acknowledged is
//! stored, and stored once.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use contract::{Cause, DeliverError, Draft, Ended, Event, Fact, Sink, Timestamp};
use manager::plan::inventory::{Change, Hypervisor, Router};
use manager::store::{Store, Via};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::program::Program;
use crate::reporter::reporter;
use crate::stored;

const ROUTERS: usize = 100;
/// What each router delivers, one after the other: an outage and its end.
const BATCHES: usize = 60;
const KILLS: usize = 200;

/// What is acknowledged so far.
#[derive(Default)]
struct Progress {
    batches: AtomicUsize,
    more: Notify,
}

impl Progress {
    fn add_one(&self) {
        self.batches.fetch_add(1, Ordering::SeqCst);
        self.more.notify_one();
    }

    /// Waits until that many batches are acknowledged.
    async fn reach(&self, batches: usize) {
        while self.batches.load(Ordering::SeqCst) < batches {
            self.more.notified().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_kills_in_a_storm_lose_and_repeat_nothing_that_was_acknowledged() {
    let address = address_of_its_own();
    let program = Program::written(|place| {
        format!(
            "[http]\nlisten = \"{address}\"\n[database]\nurl = \"sqlite:{place}/manager.db\"\n\
             [secrets]\nkey_file = \"{place}/sealing.key\"\n[state]\ndirectory = \"{place}\"\n"
        )
    });
    let url = format!("sqlite:{}", program.path("manager.db").display());
    let store = Store::open(&url, &program.path("sealing.key"))
        .await
        .unwrap();
    let progress = Arc::new(Progress::default());
    let mut routers = JoinSet::new();
    for sink in sinks(&store, address, &program.path("")).await {
        routers.spawn(deliver(sink.0, sink.1, Arc::clone(&progress)));
    }
    let mut server = program.serve();
    for kill in 1..=KILLS {
        progress.reach(ROUTERS * BATCHES * kill / (KILLS + 1)).await;
        // Not a wait for anything: the kill is to come at any moment of a transaction.
        tokio::time::sleep(Duration::from_micros(fastrand::u64(..20_000))).await;
        // To let go of it is to kill it, with -9.
        drop(server);
        server = program.serve();
    }
    let mut refused = 0;
    while let Some(router) = routers.join_next().await {
        refused += router.unwrap();
    }
    drop(server);
    assert!(refused >= KILLS, "only {refused} attempts met a dead one");
    each_is_stored_once(&store).await;
}

/// An address that nobody else gets by chance, also while nothing listens there.
pub(crate) fn address_of_its_own() -> SocketAddr {
    let [_, second, third, fourth] = std::process::id().to_be_bytes();
    SocketAddr::from(([127, second | 64, third, fourth], 8080))
}

fn name(router: usize) -> String {
    format!("r-{router}-VM")
}

async fn sinks(store: &Store, address: SocketAddr, folder: &Path) -> Vec<(String, Box<dyn Sink>)> {
    let known: Vec<Change> = (0..ROUTERS)
        .map(|number| Change::SetRouter(router(&name(number))))
        .collect();
    store.apply("test", &known).await.unwrap();
    let mut sinks = Vec::new();
    for number in 0..ROUTERS {
        let name = name(number);
        let key = store.issue_key("test", &name).await.unwrap();
        let sink = reporter(address, folder, &name, &[&key]);
        sinks.push((name, sink));
    }
    sinks
}

/// A router that is not visited.
pub(crate) fn router(name: &str) -> Router {
    Router {
        name: name.to_owned(),
        id: None,
        zone: "zone-1".to_owned(),
        pod: None,
        hypervisor: Hypervisor::Other,
        host: None,
        address: None,
        vpc: None,
        redundant: false,
        running: false,
        nics: Vec::new(),
        excluded: std::collections::BTreeSet::new(),
        source: None,
    }
}

/// Delivers every batch until it is acknowledged; how many attempts were not.
async fn deliver(router: String, mut sink: Box<dyn Sink>, progress: Arc<Progress>) -> usize {
    let mut failed = 0;
    for batch in 0..BATCHES {
        let events = outage(&router, batch);
        loop {
            match sink.deliver(&events).await {
                Ok(()) => break,
                Err(DeliverError::Later { .. }) => failed += 1,
                Err(error) => panic!("{router}: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(fastrand::u64(10..50))).await;
        }
        progress.add_one();
    }
    failed
}

pub(crate) fn outage(router: &str, batch: usize) -> Vec<Event> {
    let facts = [
        Fact::ServiceDown {
            noticed: Timestamp::now(),
            last_pid: Some(7),
            cause: Cause::NoPidFile,
            ended: Ended::Signal(9),
        },
        Fact::Restarted {
            pid: 8,
            attempts: 1,
            downtime: Duration::from_secs(5),
        },
    ];
    let numbered = facts.into_iter().zip(0..);
    numbered
        .map(|(fact, part)| {
            let seq = batch as u64 * 2 + part + 1;
            let draft = Draft {
                service: Some("webserver".to_owned()),
                process: Some("apache2".to_owned()),
                outage: Some(format!("{router}-{batch}")),
                time: Timestamp::now(),
                fact,
            };
            Event::new(draft, format!("{router}-{seq}"), seq, router.to_owned())
        })
        .collect()
}

async fn each_is_stored_once(store: &Store) {
    let mut alerts = stored::alerts(store, None).await;
    // So many routers in trouble are a storm of their zone, which the manager tells itself.
    alerts.retain(|alert| alert.via != Via::Manager);
    for alert in &alerts {
        assert_eq!(alert.via, Via::Http);
        assert!(alert.event.id.starts_with(&alert.event.router));
    }
    let mut times = stored::times_stored(&alerts);
    for router in (0..ROUTERS).map(name) {
        for seq in 1..=BATCHES * 2 {
            let id = format!("{router}-{seq}");
            assert_eq!(times.remove(id.as_str()), Some(1), "{id}");
        }
    }
    assert!(times.is_empty(), "never sent: {times:?}");
    let mut outages = stored::outages(store, None).await;
    outages.retain(|outage| outage.service.is_some());
    assert_eq!(outages.len(), ROUTERS * BATCHES);
    for outage in outages {
        assert!(outage.alerts == 2 && outage.ended.is_some(), "{outage:?}");
    }
}
