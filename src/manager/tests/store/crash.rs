//! A manager that is killed in the middle of storing leaves all of a transaction or nothing of it,
//! and everything that it had acknowledged.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use manager::store::{AlertFilter, Batch, OutageFilter, Page, Store, Via};

use crate::world::{World, down, on_both};

const ROUTERS: [&str; 3] = ["r-1-VM", "r-2-VM", "r-3-VM"];
const EVENTS: u64 = 100;
/// What a transaction stores.
const WHOLE: u64 = EVENTS * 3;
const ROUNDS: u64 = 8;

const URL: &str = "STORE_CRASH_URL";
const KEY: &str = "STORE_CRASH_KEY";
const ROUND: &str = "STORE_CRASH_ROUND";

on_both!(a_kill_leaves_all_or_nothing_of_a_transaction);

/// The manager that is killed: this test program once more, told so by its environment. Prints the
/// number of each transaction that was acknowledged.
#[tokio::test]
async fn stores_until_it_is_killed_where_the_environment_says_so() {
    let Ok(url) = std::env::var(URL) else {
        return;
    };
    let round = std::env::var(ROUND).unwrap();
    let store = Store::open(&url, std::env::var(KEY).unwrap().as_ref())
        .await
        .unwrap();
    for transaction in 0_u64.. {
        let batches: Vec<Batch> = ROUTERS
            .iter()
            .map(|router| Batch {
                router: (*router).into(),
                events: (0..EVENTS)
                    .map(|n| {
                        let id = format!("{round}-{transaction}-{n}");
                        let mut event = down(router, &id, transaction, &round);
                        event.service = Some(transaction.to_string());
                        event
                    })
                    .collect(),
                via: Via::Http,
            })
            .collect();
        for told in store.store_batches(&batches).await.unwrap() {
            assert_eq!(told.unwrap().new, EVENTS);
        }
        eprintln!("acknowledged {transaction}");
    }
}

/// Ends the child however the test ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn a_kill_leaves_all_or_nothing_of_a_transaction(world: World) {
    world.add_routers(&ROUTERS).await;
    let mut stored = 0;
    for round in 0..ROUNDS {
        let acknowledged = kill_one(&world, round);
        let counts = alerts_of(&world.store, round).await;
        for transaction in 0..=acknowledged {
            assert_eq!(
                counts.get(&transaction),
                Some(&WHOLE),
                "{transaction} of {round}"
            );
        }
        assert!(counts.values().all(|count| *count == WHOLE), "{counts:?}");
        let before = stored;
        stored += counts.values().sum::<u64>();
        // The server may still be at the commit of a client that is gone: look until all agree.
        let mut looks = 0;
        while in_outages_and_waiting(&world.store).await != (stored, stored) {
            looks += 1;
            assert!(looks < 500, "alerts, outages and what waits never agree");
            tokio::time::sleep(Duration::from_millis(20)).await;
            let again = alerts_of(&world.store, round).await;
            stored = before + again.values().sum::<u64>();
        }
    }
}

/// How many alerts the outages count, and how many wait to be forwarded.
async fn in_outages_and_waiting(store: &Store) -> (u64, u64) {
    let filter = OutageFilter::default();
    let outages = store.outages(&filter, Page::default()).await.unwrap();
    let counted: i64 = outages.rows.iter().map(|outage| outage.alerts).sum();
    let waiting = store.counts().await.unwrap().waiting;
    (counted.unsigned_abs(), waiting.unsigned_abs())
}

/// Lets a manager store for a while and kills it; the last transaction that it acknowledged.
fn kill_one(world: &World, round: u64) -> u64 {
    let mut child = Killed(
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("crash::stores_until_it_is_killed_where_the_environment_says_so")
            .env(URL, &world.url)
            .env(KEY, world.key_file())
            .env(ROUND, round.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let words = child.0.stderr.take().unwrap();
    let mut acknowledged = None;
    for line in BufReader::new(words).lines() {
        let line = line.unwrap();
        let Some(transaction) = line.strip_prefix("acknowledged ") else {
            continue;
        };
        acknowledged = transaction.parse().ok();
        // Already killed, what it had said before is still read to the end.
        if acknowledged == Some(1) {
            // Not a wait for anything: the kill is to come at some moment of a transaction.
            std::thread::sleep(Duration::from_micros(fastrand::u64(..20_000)));
            let _ = child.0.kill();
        }
    }
    acknowledged.expect("the child stored nothing")
}

/// How many alerts of each transaction are stored.
async fn alerts_of(store: &Store, round: u64) -> HashMap<u64, u64> {
    let filter = AlertFilter {
        outage: Some(round.to_string()),
        ..AlertFilter::default()
    };
    let mut counts = HashMap::new();
    let mut page = Page {
        before: None,
        limit: 1000,
    };
    loop {
        let found = store.alerts(&filter, page).await.unwrap();
        for alert in found.rows {
            let transaction = alert.event.service.unwrap().parse().unwrap();
            *counts.entry(transaction).or_default() += 1;
        }
        page.before = found.next;
        if page.before.is_none() {
            return counts;
        }
    }
}
