//! Silences as sinks see them: nothing of what is withheld, the rest when they are over, whichever
//! manager's turn it is and however it ends.

use std::collections::{BTreeMap, BTreeSet};

use contract::Timestamp;
use manager::store::{NewSilence, Store};

use crate::receiver::{Manager, Receiver, SHORT, soon};
use crate::world::{World, deliver, down, on_both, restarted, test_event};

on_both!(
    a_sink_is_told_what_goes_on_when_a_silence_is_over,
    managers_that_are_killed_while_a_silence_ends_lose_nothing_of_it,
);

async fn begin(store: &Store, router: &str) -> i64 {
    let silence = NewSilence {
        zone: None,
        router: Some(router.to_owned()),
        service: None,
        starts: Timestamp::now(),
        ends: "2199-01-01T00:00:00Z".parse().unwrap(),
        reason: "new disks".into(),
    };
    store.add_silence("anna", &silence).await.unwrap()
}

/// Waits until nothing waits to be decided.
async fn decided(store: &Store) {
    for _ in 0..12_000 {
        if store.counts().await.unwrap().waiting == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("nobody decides");
}

async fn a_sink_is_told_what_goes_on_when_a_silence_is_over(world: World) {
    world.add_routers(&["r-1", "r-2"]).await;
    let store = &world.store;
    let sink = Receiver::default();
    let folder = world.directory.path();
    let first = Manager::start("m1", store, folder, vec![sink.target("a")]);
    let silence = begin(store, "r-1").await;
    deliver(store, "r-1", vec![down("r-1", "down", 1, "o-1")]).await;
    deliver(store, "r-1", vec![down("r-1", "short", 2, "o-2")]).await;
    decided(store).await;
    // The next one knows what is held.
    first.end().await;
    let second = Manager::start("m2", store, folder, vec![sink.target("a")]);
    deliver(store, "r-1", vec![restarted("r-1", "over", 3, "o-2")]).await;
    deliver(store, "r-2", vec![test_event("r-2", "test")]).await;
    sink.told_at_least(1).await;
    decided(store).await;
    store.end_silence("anna", silence).await.unwrap();
    sink.told_at_least(2).await;
    deliver(store, "r-1", vec![restarted("r-1", "up", 4, "o-1")]).await;
    sink.told_at_least(3).await;
    assert_eq!(sink.ids(), ["r-2 test", "r-1 down", "r-1 up"]);
    second.end().await;
}

async fn managers_that_are_killed_while_a_silence_ends_lose_nothing_of_it(world: World) {
    const OUTAGES: u64 = 1500;
    world.add_routers(&["r-1"]).await;
    let other = world.another_manager().await;
    let stores = [&world.store, &other];
    let sink = Receiver::default();
    let folder = world.directory.path();
    let start = |number: usize| {
        let name = format!("m{number}");
        Manager::leased(
            &name,
            stores[number % 2],
            folder,
            vec![sink.target("a")],
            SHORT,
        )
    };
    let mut manager = start(0);
    let silence = begin(&world.store, "r-1").await;
    let outage = |number: u64| format!("o-{number}");
    let begins = (0..OUTAGES).map(|n| down("r-1", &format!("down {n}"), n, &outage(n)));
    deliver(&world.store, "r-1", begins.collect()).await;
    decided(&world.store).await;
    // Every third of them ends before the silence does.
    let ends = |of: fn(u64) -> bool| {
        let over = (0..OUTAGES).filter(move |n| of(*n));
        over.map(|n| restarted("r-1", &format!("up {n}"), OUTAGES + n, &format!("o-{n}")))
            .collect::<Vec<_>>()
    };
    deliver(&world.store, "r-1", ends(|n| n % 3 == 0)).await;
    decided(&world.store).await;
    assert_eq!(sink.told(), []);
    world.store.end_silence("anna", silence).await.unwrap();
    for round in 1..4 {
        let told = sink.told().len();
        soon("it tells", || {
            let now = sink.told().len();
            now > told || now as u64 >= OUTAGES * 2 / 3
        })
        .await;
        let next = start(round);
        manager.kill().await;
        manager = next;
    }
    deliver(&world.store, "r-1", ends(|n| n % 3 == 1)).await;
    let both = |n: u64| {
        let up = (n % 3 == 1).then(|| format!("r-1 up {n}"));
        std::iter::once(format!("r-1 down {n}")).chain(up)
    };
    let expected: BTreeSet<String> = (0..OUTAGES).filter(|n| n % 3 != 0).flat_map(both).collect();
    soon("all is told", || {
        expected == sink.ids().into_iter().collect()
    })
    .await;
    // What comes again after a kill comes before its end does.
    let mut last: BTreeMap<String, usize> = BTreeMap::new();
    for (place, id) in sink.ids().into_iter().enumerate() {
        last.insert(id, place);
    }
    let first = |id: &String| sink.ids().iter().position(|other| other == id).unwrap();
    for id in expected.iter().filter(|id| id.contains("up")).take(20) {
        assert!(first(&id.replace("up", "down")) < last[id]);
    }
    manager.end().await;
}
