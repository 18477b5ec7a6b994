//! A manager is killed in the middle of visits, on a real database: alerts and cursor are of one
//! transaction, so that what is stored is exactly what lies before the cursor.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use contract::Event;
use manager::clock::Clock;
use manager::plan::inventory::{Change, Router};
use manager::routers::shell::{Answer, Reach, ReachError, Shell};
use manager::routers::visit::{Book, Poller};
use manager::store::{Due, Result, Store, Stored, Visit, WorkLease};
use serde_json::json;

use crate::kills;
use crate::mariadb::MariaDb;
use crate::stored;

const NAME: &str = "r-1-VM";
const ROUNDS: usize = 25;
/// So many outages has the router in its journal; more than any child has the time for.
const OUTAGES: usize = 40_000;
/// Events in one document.
const PAGE: usize = 6;

const URL: &str = "VISITS_URL";
const KEY: &str = "VISITS_KEY";

#[tokio::test]
async fn a_visit_that_is_killed_leaves_what_lies_before_its_cursor_with_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("manager.db").display());
    visits_are_killed(&url, folder.path()).await;
}

#[tokio::test]
async fn a_visit_that_is_killed_leaves_what_lies_before_its_cursor_with_mariadb() {
    let database = MariaDb::start();
    let folder = tempfile::tempdir().unwrap();
    visits_are_killed(&database.url(), folder.path()).await;
}

/// The manager that is killed: this test program once more, told so by its environment.
#[tokio::test]
async fn visits_until_it_is_killed_where_the_environment_says_so() {
    let Ok(url) = std::env::var(URL) else {
        return;
    };
    let key = std::env::var(KEY).unwrap();
    let store = Store::open(&url, key.as_ref()).await.unwrap();
    eprintln!("visits");
    while visit(&store).await {}
    eprintln!("has read everything");
}

async fn visits_are_killed(url: &str, folder: &Path) {
    let key = folder.join("sealing.key");
    let store = Store::open(url, &key).await.unwrap();
    let mut router = kills::router(NAME);
    router.running = true;
    store
        .apply("test", &[Change::SetRouter(router)])
        .await
        .unwrap();
    let mut stops = Vec::new();
    for round in 0..ROUNDS {
        kill_one(url, &key);
        // Whoever claims it waits for what the database still does for a client that is gone.
        let lease = Duration::ZERO;
        let due = store.claim("the test", NAME, lease).await.unwrap().unwrap();
        let cursor: usize = due.cursor.vrwatch.map_or(0, |it| it.parse().unwrap());
        let alerts = stored::alerts(&store, None).await;
        let mut seqs: Vec<u64> = alerts.iter().map(|alert| alert.event.seq).collect();
        seqs.sort_unstable();
        assert!(
            seqs.iter().copied().eq(1..=cursor as u64),
            "round {round}: {cursor}, {seqs:?}"
        );
        let outages = stored::outages(&store, None).await;
        let counted: i64 = outages.iter().map(|outage| outage.alerts).sum();
        assert_eq!(usize::try_from(counted), Ok(cursor), "round {round}");
        stops.push(cursor);
    }
    // It went on each time from where it had come to.
    assert!(
        stops.is_sorted() && stops[0] < stops[ROUNDS - 1],
        "{stops:?}"
    );
    println!("killed behind {stops:?}");
}

/// Lets a manager visit for a while and kills it.
fn kill_one(url: &str, key: &Path) {
    let mut child = Killed(
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("visits::visits_until_it_is_killed_where_the_environment_says_so")
            .env(URL, url)
            .env(KEY, key)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let words = BufReader::new(child.0.stderr.take().unwrap());
    let mut said = words.lines().map_while(std::result::Result::ok);
    assert!(said.any(|line| line == "visits"));
    // Not a wait for anything: the kill is to come at some moment of a visit.
    std::thread::sleep(Duration::from_micros(fastrand::u64(..150_000)));
    child.0.kill().unwrap();
    assert!(
        said.all(|line| line != "has read everything"),
        "give it more to read"
    );
}

/// Ends the child however the test ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Visits once; whether there is more.
async fn visit(store: &Store) -> bool {
    let holder = format!("{}:{:x}", std::process::id(), fastrand::u64(..));
    let book = Arc::new(Impatient(store.clone()));
    let poll = toml::from_str("").unwrap();
    let poller = Poller::new(book, Arc::new(Journal), poll, Clock::system(), holder);
    poller.poll_once(NAME).await.unwrap().more
}

/// The store, with leases that end at once: nobody waits for those of the dead.
struct Impatient(Store);

#[async_trait]
impl Book for Impatient {
    async fn claim_due(&self, holder: &str, limit: u32, _: Duration) -> Result<Vec<Due>> {
        self.0
            .claim_due(holder, limit, Duration::from_millis(1))
            .await
    }

    async fn bring_forward(&self, furthest: Duration) -> Result<u64> {
        self.0.bring_forward(furthest).await
    }

    async fn claim(&self, holder: &str, router: &str, _: Duration) -> Result<Option<Due>> {
        self.0.claim(holder, router, Duration::from_millis(1)).await
    }

    async fn store_visit(&self, visit: &Visit) -> Result<Stored> {
        self.0.store_visit(visit).await
    }

    async fn store_miss(
        &self,
        lease: &WorkLease,
        reason: &str,
        unreachable: Option<&Event>,
        next_visit: Duration,
    ) -> Result<()> {
        let store = &self.0;
        store
            .store_miss(lease, reason, unreachable, next_visit)
            .await
    }

    async fn open_outages(&self, router: &str) -> Result<BTreeMap<String, String>> {
        Book::open_outages(&self.0, router).await
    }

    async fn running(&self) -> Result<Vec<String>> {
        Book::running(&self.0).await
    }
}

/// A router's journal as `vrwatch poll` prints it; the cursor is the number of the last event.
struct Journal;

#[async_trait]
impl Reach for Journal {
    async fn open(&self, _: &Router) -> std::result::Result<Box<dyn Shell>, ReachError> {
        Ok(Box::new(Self))
    }
}

#[async_trait]
impl Shell for Journal {
    async fn run(
        &mut self,
        _: &str,
        arguments: &[&str],
        _: &[u8],
        _: Duration,
    ) -> std::result::Result<Answer, ReachError> {
        let after: usize = arguments.get(2).map_or(0, |after| after.parse().unwrap());
        let end = (after + PAGE).min(OUTAGES * 2);
        // Each outage has two.
        let events: Vec<Event> = (after / 2..end / 2)
            .flat_map(|outage| kills::outage(NAME, outage))
            .collect();
        let document = json!({
            "format": 1, "router": NAME, "cursor": end.to_string(), "more": end < OUTAGES * 2,
            "events": events,
        });
        Ok(Answer {
            exit: Some(0),
            output: document.to_string().into_bytes(),
            errors: Vec::new(),
        })
    }

    async fn close(self: Box<Self>) {}
}
