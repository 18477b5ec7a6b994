//! Any sequence of transactions, with any ids again and again, leaves each (router, id) once, in
//! the order of its router, and counts it right.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use manager::store::{AlertFilter, Batch, Page, Store, Stored, Via};
use proptest::collection::vec;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::world::{World, down, on_both};

const ROUTERS: [&str; 3] = ["r-1-VM", "r-2-VM", "r-3-VM"];

on_both!(any_sequence_of_batches_stores_each_alert_once);

/// A router and the ids of its events.
type Delivery = (usize, Vec<u8>);

async fn any_sequence_of_batches_stores_each_alert_once(world: World) {
    world.add_routers(&ROUTERS).await;
    let delivery = (0..ROUTERS.len(), vec(0_u8..12, 0..20));
    let transactions = vec(vec(delivery, 0..5), 1..6);
    let case = AtomicUsize::new(0);
    let config = Config {
        cases: 40,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&transactions, |transactions| {
            // The case's own ids and outage keep it apart from the others in the same database.
            let case = case.fetch_add(1, Ordering::Relaxed).to_string();
            block_in_place(|| {
                Handle::current().block_on(check(&world.store, &case, &transactions));
            });
            Ok(())
        })
        .unwrap();
}

async fn check(store: &Store, case: &str, transactions: &[Vec<Delivery>]) {
    let waiting = store.counts().await.unwrap().waiting;
    let mut first_seen: Vec<(&str, String)> = Vec::new();
    let mut known = HashSet::new();
    for transaction in transactions {
        let mut batches = Vec::new();
        let mut expected = Vec::new();
        for (router, ids) in transaction {
            let router = ROUTERS[*router];
            let mut stored = Stored::default();
            let mut events = Vec::new();
            for id in ids {
                let id = format!("{case}-{id}");
                if known.insert((router, id.clone())) {
                    first_seen.push((router, id.clone()));
                    stored.new += 1;
                } else {
                    stored.known += 1;
                }
                events.push(down(router, &id, 1, case));
            }
            expected.push(stored);
            batches.push(Batch {
                router: router.into(),
                events,
                via: Via::Http,
            });
        }
        let told = store.store_batches(&batches).await.unwrap();
        let told: Vec<Stored> = told.into_iter().map(Result::unwrap).collect();
        assert_eq!(told, expected);
    }
    let filter = AlertFilter {
        outage: Some(case.into()),
        ..AlertFilter::default()
    };
    let found = store.alerts(&filter, Page::default()).await.unwrap();
    let found: Vec<(String, String)> = found
        .rows
        .into_iter()
        .rev()
        .map(|alert| (alert.event.router, alert.event.id))
        .collect();
    for router in ROUTERS {
        let of = |pairs: &mut dyn Iterator<Item = (&str, &str)>| -> Vec<String> {
            pairs
                .filter(|(of, _)| *of == router)
                .map(|(_, id)| id.to_owned())
                .collect()
        };
        let expected = of(&mut first_seen.iter().map(|(of, id)| (*of, id.as_str())));
        let stored = of(&mut found.iter().map(|(of, id)| (of.as_str(), id.as_str())));
        assert_eq!(stored, expected);
    }
    let now_waiting = store.counts().await.unwrap().waiting;
    assert_eq!(
        now_waiting - waiting,
        i64::try_from(first_seen.len()).unwrap()
    );
}
