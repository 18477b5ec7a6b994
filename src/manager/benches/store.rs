//! How many alerts a second the store takes, durably, as group commits hand them over: many
//! batches of one, and batches of a hundred. `cargo bench -p manager --bench store`.
//!
//! `SQLite` stands in the directory that `TMPDIR` names; `MariaDB` is started for the occasion.

#[path = "../tests/peers/mariadb.rs"]
mod mariadb;

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use contract::{Cause, Draft, Ended, Event, Fact, Timestamp};
use manager::plan::inventory::{Change, Hypervisor, Router};
use manager::store::{Batch, Store, Via};

const ROUTERS: usize = 1_000;
const EACH: Duration = Duration::from_secs(4);

fn main() {
    // `cargo test --benches` passes this: building is all it wants.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("manager.db").display());
    let key = directory.path().join("sealing.key");
    println!("SQLite");
    runtime.block_on(measure(&url, &key));
    println!("MariaDB");
    let server = mariadb::MariaDb::start();
    let key = directory.path().join("sealing-too.key");
    runtime.block_on(measure(&server.url(), &key));
}

async fn measure(url: &str, key: &std::path::Path) {
    let store = Store::open(url, key).await.unwrap();
    let routers: Vec<Change> = (0..ROUTERS).map(|n| Change::SetRouter(router(n))).collect();
    store.apply("bench", &routers).await.unwrap();
    for (batches, events) in [(1, 1), (200, 1), (1, 100), (10, 100), (40, 100)] {
        let mut sum = Sum::default();
        while sum.spent < EACH {
            let given: Vec<Batch> = (0..batches).map(|_| batch(events)).collect();
            sum.add(&store, &given).await;
        }
        sum.print(&format!("{batches} x {events}"));
    }
    let given: Vec<Batch> = (0..10).map(|_| batch(100)).collect();
    store.store_batches(&given).await.unwrap();
    let mut sum = Sum::default();
    while sum.spent < EACH {
        sum.add(&store, &given).await;
    }
    sum.print("10 x 100 known");
    store.close().await;
}

/// What calls have cost so far, without the making of the events.
#[derive(Default)]
struct Sum {
    rows: u64,
    calls: u32,
    spent: Duration,
    /// Of this process: without `MariaDB`'s own.
    processor: Duration,
}

impl Sum {
    async fn add(&mut self, store: &Store, batches: &[Batch]) {
        let (start, processor) = (Instant::now(), processor_time());
        for told in store.store_batches(batches).await.unwrap() {
            let told = told.unwrap();
            self.rows += told.new + told.known;
        }
        self.spent += start.elapsed();
        self.processor += processor_time().saturating_sub(processor);
        self.calls += 1;
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "printed with few digits behind the point"
    )]
    fn print(&self, what: &str) {
        let rate = self.rows as f64 / self.spent.as_secs_f64();
        let call = self.spent.as_secs_f64() * 1e3 / f64::from(self.calls);
        let processor = self.processor.as_secs_f64() * 1e6 / self.rows as f64;
        println!(
            "  {what:>14}: {rate:>7.0} rows/s, {call:>6.2} ms a transaction, \
             {processor:>5.1} µs of a processor a row"
        );
    }
}

/// What this process has used of the processors.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

fn router(number: usize) -> Router {
    Router {
        name: format!("r-{number}-VM"),
        id: None,
        zone: "zone-1".into(),
        pod: None,
        hypervisor: Hypervisor::Kvm,
        host: None,
        address: None,
        vpc: None,
        redundant: false,
        running: true,
        nics: Vec::new(),
        excluded: std::collections::BTreeSet::new(),
        source: None,
    }
}

fn batch(events: usize) -> Batch {
    let router = format!("r-{}-VM", fastrand::usize(..ROUTERS));
    let mut outage = String::new();
    let events = (0..events)
        .map(|n| {
            if n % 2 == 0 {
                outage = uuid::Uuid::now_v7().to_string();
            }
            event(&router, &outage, n % 2 == 0)
        })
        .collect();
    Batch {
        router,
        events,
        via: Via::Http,
    }
}

fn event(router: &str, outage: &str, down: bool) -> Event {
    let noticed = Timestamp::now();
    let fact = if down {
        Fact::ServiceDown {
            noticed,
            last_pid: Some(4711),
            cause: Cause::Gone { pid: 4711 },
            ended: Ended::Signal(9),
        }
    } else {
        Fact::Restarted {
            pid: 4712,
            attempts: 1,
            downtime: Duration::from_millis(5_100),
        }
    };
    let draft = Draft {
        service: Some("dhcp".into()),
        process: Some("dnsmasq".into()),
        outage: Some(outage.into()),
        time: noticed,
        fact,
    };
    Event::new(draft, uuid::Uuid::now_v7().to_string(), 17, router.into())
}
