//! A server on loopback for tests, with a store in memory, a clock that is set by hand, and a
//! client that can misbehave in every way.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::{Draft, Event, Fact, Timestamp};
use ring::hmac;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::clock::Clock;
use super::receive::{self, Archive, Committer, Desk, Metrics};
use super::server::{Config, Server};
use super::signed::{Keyring, Verifier};
use crate::store::{Batch, RouterKey, StoreError, Stored};

/// More than anything takes on a machine that does other things too.
pub(super) const GENEROUS: Duration = Duration::from_mins(1);
/// What the clock of a world says at first: 2026-11-22, in seconds.
pub(super) const NOW: i64 = 1_795_348_053;

/// A store in memory.
#[derive(Debug, Default)]
pub(super) struct Memory {
    keys: Mutex<HashMap<String, Vec<[u8; 32]>>>,
    events: Mutex<BTreeMap<(String, String), Event>>,
    /// How many events each transaction had.
    pub(super) commits: Mutex<Vec<usize>>,
    pub(super) looks: AtomicUsize,
    /// Held to keep transactions from ending.
    pub(super) gate: tokio::sync::Mutex<()>,
    away: Mutex<bool>,
    /// Ids that make a whole transaction fail.
    poison: Mutex<HashSet<String>>,
}

impl Memory {
    pub(super) fn set_keys(&self, router: &str, keys: &[[u8; 32]]) {
        self.keys.lock().unwrap().insert(router.into(), keys.into());
    }

    pub(super) fn set_away(&self, away: bool) {
        *self.away.lock().unwrap() = away;
    }

    pub(super) fn poison(&self, id: &str) {
        self.poison.lock().unwrap().insert(id.into());
    }

    pub(super) fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().values().cloned().collect()
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.events().into_iter().map(|event| event.id).collect()
    }

    fn available(&self) -> Result<(), StoreError> {
        if *self.away.lock().unwrap() {
            return Err(StoreError::Unavailable("secret of the inside".into()));
        }
        Ok(())
    }
}

#[async_trait]
impl Archive for Memory {
    async fn keys(&self, router: &str) -> Result<Option<Vec<RouterKey>>, StoreError> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.available()?;
        let keys = self.keys.lock().unwrap();
        Ok(keys.get(router).map(|keys| {
            let numbered = (1..).zip(keys);
            numbered
                .map(|(id, key)| RouterKey {
                    id,
                    secret: key.to_vec(),
                })
                .collect()
        }))
    }

    async fn store_batches(
        &self,
        batches: &[Batch],
    ) -> Result<Vec<Result<Stored, StoreError>>, StoreError> {
        let _open = self.gate.lock().await;
        self.available()?;
        let poison = self.poison.lock().unwrap();
        let mut all = batches.iter().flat_map(|batch| &batch.events);
        if all.any(|event| poison.contains(&event.id)) {
            return Err(StoreError::Broken("poison".into()));
        }
        let count = batches.iter().map(|batch| batch.events.len()).sum();
        self.commits.lock().unwrap().push(count);
        let mut events = self.events.lock().unwrap();
        let keys = self.keys.lock().unwrap();
        let one = |batch: &Batch| {
            if !keys.contains_key(&batch.router) {
                return Err(StoreError::NoSuchRouter(batch.router.clone()));
            }
            let mut stored = Stored { new: 0, known: 0 };
            for event in &batch.events {
                let key = (batch.router.clone(), event.id.clone());
                match events.insert(key, event.clone()) {
                    None => stored.new += 1,
                    Some(_) => stored.known += 1,
                }
            }
            Ok(stored)
        };
        Ok(batches.iter().map(one).collect())
    }
}

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
        memory.set_keys("r-42-VM", &[KEY]);
        memory.set_keys("r-43-VM", &[[8; 32]]);
        let archive: Arc<dyn Archive> = Arc::clone(&memory) as _;
        let metrics = Arc::new(Metrics::default());
        let (committer, _) = Committer::start(Arc::clone(&archive), Arc::clone(&metrics));
        let verifier = Arc::new(Verifier::new(Keyring::new(archive)).unwrap());
        let now = Arc::new(AtomicI64::new(NOW));
        let told = Arc::clone(&now);
        let clock = Clock::of(move || {
            Timestamp::from_unix_millis(told.load(Ordering::Relaxed) * 1000).unwrap()
        });
        let desk = Desk::new(verifier, committer, Arc::clone(&metrics), clock);
        let mut world = Self::serving(config, receive::routes(Arc::new(desk)));
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

/// A request, good at first, to be spoilt.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) start: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// Posts `json`, signed with `key` now.
    pub(super) fn alerts(key: &[u8], json: impl Into<Vec<u8>>) -> Self {
        Self::alerts_at(NOW, key, json)
    }

    pub(super) fn alerts_at(time: i64, key: &[u8], json: impl Into<Vec<u8>>) -> Self {
        let json = json.into();
        let mut request = Self {
            start: "POST /api/v1/alerts HTTP/1.1".into(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        request.set("content-type", "application/cloudevents-batch+json");
        request.set("webhook-id", "batch_1");
        request.set("webhook-timestamp", &time.to_string());
        let signature = signature(key, "batch_1", time, &json);
        request.set("webhook-signature", &signature);
        request.body = json;
        request
    }

    /// Replaces a header.
    pub(super) fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.remove(name);
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(super) fn remove(&mut self, name: &str) -> &mut Self {
        self.headers.retain(|(other, _)| other != name);
        self
    }

    pub(super) fn head(&self) -> String {
        let mut head = format!("{}\r\nhost: localhost\r\n", self.start);
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let length = self.body.len();
        let mut bytes = self.head();
        let _ = write!(
            bytes,
            "content-length: {length}\r\nconnection: close\r\n\r\n"
        );
        let mut bytes = bytes.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// An answer as it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

impl Answer {
    /// Reads one answer; status 0 when the server closes without a word.
    pub(super) async fn read(stream: &mut TcpStream) -> Self {
        let reading = async {
            let mut all = Vec::new();
            loop {
                if let Some(answer) = Self::parsed(&all) {
                    return answer;
                }
                let mut bytes = [0; 4096];
                match stream.read(&mut bytes).await {
                    Ok(0) | Err(_) => {
                        assert!(all.is_empty(), "{}", String::from_utf8_lossy(&all));
                        return Self {
                            status: 0,
                            headers: BTreeMap::new(),
                            body: String::new(),
                        };
                    }
                    Ok(count) => all.extend_from_slice(&bytes[..count]),
                }
            }
        };
        timeout(GENEROUS, reading).await.unwrap()
    }

    fn parsed(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let headers: BTreeMap<_, _> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let length: usize = headers.get("content-length")?.parse().unwrap();
        (body.len() >= length).then(|| Self {
            status: status.parse().unwrap(),
            headers,
            body: body[..length].to_owned(),
        })
    }

    /// The words of a refusal.
    pub(super) fn error(&self) -> String {
        let json: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        json["error"].as_str().unwrap().to_owned()
    }
}

/// One value of `webhook-signature`.
pub(super) fn signature(key: &[u8], id: &str, time: i64, content: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let signed = [format!("{id}.{time}.").as_bytes(), content].concat();
    format!("v1,{}", STANDARD.encode(hmac::sign(&key, &signed)))
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
