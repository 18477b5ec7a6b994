//! A server on loopback for tests, with a store in memory, a clock that is set by hand, and a
//! client that can misbehave in every way.

mod exchange;
mod memory;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::Router;
use contract::{Draft, Event, Fact, Timestamp};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::clock::Clock;
use super::receive::{self, Archive, Committer, Desk, Metrics};
use super::server::{Config, Server};
use super::services::{self, Plans};
use super::signed::{Keyring, Verifier};
use crate::plan::Policy;
pub(super) use exchange::{Answer, Request, signature};
pub(super) use memory::Memory;

/// More than anything takes on a machine that does other things too.
pub(super) const GENEROUS: Duration = Duration::from_mins(1);
/// What the clock of a world says at first: 2026-11-22, in seconds.
pub(super) const NOW: i64 = 1_795_348_053;

/// A server that serves a store in memory.
pub(super) struct World {
    pub(super) address: SocketAddr,
    pub(super) memory: Arc<Memory>,
    pub(super) metrics: Arc<Metrics>,
    now: Arc<AtomicI64>,
    pub(super) stop: Option<oneshot::Sender<()>>,
    pub(super) served: JoinHandle<()>,
}

/// The configuration of a server that tests can have many of.
pub(super) fn config() -> Config {
    Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        ..Config::default()
    }
}

/// The key of `r-42-VM`.
pub(super) const KEY: [u8; 32] = [7; 32];

impl World {
    pub(super) fn new() -> Self {
        Self::with(config())
    }

    pub(super) fn with(config: Config) -> Self {
        let memory = Arc::new(Memory::default());
        memory.set_cloud();
        memory.set_keys("r-42-VM", &[KEY]);
        memory.set_keys("r-43-VM", &[[8; 32]]);
        let archive: Arc<dyn Archive> = Arc::clone(&memory) as _;
        let metrics = Arc::new(Metrics::default());
        let (committer, _) = Committer::start(Arc::clone(&archive), Arc::clone(&metrics));
        let keyring = Keyring::new(Arc::clone(&archive));
        let verifier = Arc::new(Verifier::new(keyring).unwrap());
        let now = Arc::new(AtomicI64::new(NOW));
        let told = Arc::clone(&now);
        let clock = Clock::of(move || {
            Timestamp::from_unix_millis(told.load(Ordering::Relaxed) * 1000).unwrap()
        });
        let plans = Plans::new(
            Arc::clone(&verifier),
            archive,
            Policy::default(),
            clock.clone(),
        );
        let desk = Desk::new(verifier, committer, Arc::clone(&metrics), clock)
            .within(receive::Limits::default());
        let app = receive::routes(Arc::new(desk)).merge(services::routes(Arc::new(plans)));
        let mut world = Self::serving(config, app);
        (world.memory, world.metrics, world.now) = (memory, metrics, now);
        world
    }

    /// A server of other routes.
    pub(super) fn serving(config: Config, app: Router) -> Self {
        let bound = Server::bind(config).unwrap();
        let address = bound.addresses()[0];
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(bound.serve(app, async {
            let _ = stopped.await;
        }));
        Self {
            address,
            memory: Arc::default(),
            metrics: Arc::default(),
            now: Arc::default(),
            stop: Some(stop),
            served,
        }
    }

    pub(super) fn set_now(&self, seconds: i64) {
        self.now.store(seconds, Ordering::Relaxed);
    }

    pub(super) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends a request on a connection of its own.
    pub(super) async fn send(&self, request: &Request) -> Answer {
        let mut stream = self.connect().await;
        stream.write_all(&request.bytes()).await.unwrap();
        Answer::read(&mut stream).await
    }
}

/// An event of a router.
pub(super) fn event(router: &str, id: &str) -> Event {
    let draft = Draft {
        service: Some("dhcp".into()),
        process: Some("dnsmasq".into()),
        outage: Some("o-1".into()),
        time: "2026-11-22T11:47:33.207Z".parse().unwrap(),
        fact: Fact::Test {
            text: "it's; DROP TABLE alerts; --\r\nx: y".into(),
        },
    };
    Event::new(draft, id.into(), 17, router.into())
}

/// The same as a `CloudEvent`.
pub(super) fn wrapped(event: &Event) -> serde_json::Value {
    serde_json::json!({
        "specversion": "1.0",
        "id": event.id,
        "source": format!("/vrwatch/{}", event.router),
        "type": format!("org.vrwatch.{}.v1", event.fact.kind()),
        "time": event.time,
        "datacontenttype": "application/json",
        "data": event,
    })
}

/// A batch of events of `r-42-VM` with these ids.
pub(super) fn batch(ids: &[&str]) -> Vec<u8> {
    let events: Vec<_> = ids
        .iter()
        .map(|id| wrapped(&event("r-42-VM", id)))
        .collect();
    serde_json::to_vec(&events).unwrap()
}

/// Polls until `condition` holds.
pub(super) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let holds = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(GENEROUS, holds)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}
