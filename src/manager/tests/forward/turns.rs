//! Who forwards, what happens when it ends, and what sinks get that are dead, new or gone.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use contract::Severity;
use manager::store::Store;

use crate::receiver::{Manager, Receiver, SHORT, soon};
use crate::world::{World, deliver, down, on_both, restarted, test_event};

on_both!(
    what_is_stored_is_told_once_and_in_order_to_every_sink,
    a_dead_sink_delays_no_other_and_misses_nothing_though_the_turns_change,
    a_sink_that_hangs_delays_no_other,
    when_one_is_killed_another_goes_on_and_nothing_is_lost,
    a_new_sink_is_told_from_now_on_and_one_that_is_gone_is_forgotten,
    an_end_passes_the_filter_of_a_sink_that_an_earlier_manager_told_of_the_outage,
);

async fn tests(store: &Store, router: &str, numbers: std::ops::Range<u32>) {
    let events = numbers
        .map(|n| test_event(router, &format!("{n:05}")))
        .collect();
    deliver(store, router, events).await;
}

/// Waits until every sink has all the alerts that were ever stored.
async fn settled(store: &Store, stored: i64) {
    for _ in 0..10_000 {
        let cursors = store.forward_cursors().await.unwrap();
        if !cursors.is_empty() && cursors.iter().all(|(_, position)| *position == stored) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the sinks do not get everything");
}

async fn begun(store: &Store) {
    for _ in 0..10_000 {
        if !store.forward_cursors().await.unwrap().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nobody forwards");
}

async fn what_is_stored_is_told_once_and_in_order_to_every_sink(world: World) {
    world.add_routers(&["r-1", "r-2"]).await;
    let (mail, log) = (Receiver::default(), Receiver::default());
    let targets = vec![mail.target("mail"), log.target("log")];
    let manager = Manager::start("m1", &world.store, world.directory.path(), targets);
    begun(&world.store).await;
    for n in 0..20 {
        for router in ["r-1", "r-2"] {
            tests(&world.store, router, n * 50..(n + 1) * 50).await;
        }
    }
    settled(&world.store, 2000).await;
    for sink in [&mail, &log] {
        for router in ["r-1", "r-2"] {
            let all = (0..1000).map(|n| format!("{router} {n:05}"));
            let told = sink.ids().into_iter().filter(|id| id.starts_with(router));
            assert!(told.eq(all));
        }
    }
    assert!(world.store.outgoing_after(0, 10).await.unwrap().is_empty());
    manager.end().await;
}

async fn a_dead_sink_delays_no_other_and_misses_nothing_though_the_turns_change(world: World) {
    world.add_routers(&["r-1"]).await;
    let (dead, well) = (Receiver::default(), Receiver::default());
    let targets = || vec![dead.target("dead"), well.target("well")];
    dead.die(true);
    let folder = world.directory.path();
    let first = Manager::start("m1", &world.store, folder, targets());
    begun(&world.store).await;
    tests(&world.store, "r-1", 0..3000).await;
    well.told_at_least(3000).await;
    first.end().await;
    let cursors = world.store.forward_cursors().await.unwrap();
    assert_eq!(cursors, [("dead".to_owned(), 0), ("well".to_owned(), 3000)]);
    // The next begins where the dead one is, and tells the other only what is new.
    let second = Manager::start("m2", &world.store, folder, targets());
    tests(&world.store, "r-1", 3000..3010).await;
    well.told_at_least(3010).await;
    dead.die(false);
    settled(&world.store, 3010).await;
    let all: Vec<String> = (0..3010).map(|n| format!("r-1 {n:05}")).collect();
    assert!(well.ids() == all, "{} are told", well.ids().len());
    assert!(dead.ids() == all, "{} are told", dead.ids().len());
    second.end().await;
}

async fn a_sink_that_hangs_delays_no_other(world: World) {
    world.add_routers(&["r-1"]).await;
    let (hung, well) = (Receiver::default(), Receiver::default());
    hung.hang(true);
    let targets = vec![hung.target("hung"), well.target("well")];
    let manager = Manager::start("m1", &world.store, world.directory.path(), targets);
    begun(&world.store).await;
    tests(&world.store, "r-1", 0..5000).await;
    tests(&world.store, "r-1", 5000..10_000).await;
    well.told_at_least(10_000).await;
    assert!(hung.told().is_empty());
    manager.kill().await;
}

async fn when_one_is_killed_another_goes_on_and_nothing_is_lost(world: World) {
    world.add_routers(&["r-1"]).await;
    let sinks = [Receiver::default(), Receiver::default()];
    let targets = || vec![sinks[0].target("a"), sinks[1].target("b")];
    let folder = world.directory.path();
    let other = world.another_manager().await;
    let stores = [&world.store, &other];
    let mut manager = Manager::leased("m0", stores[0], folder, targets(), SHORT);
    begun(&world.store).await;
    let mut repeated = 0;
    for round in 0..3_u32 {
        tests(&world.store, "r-1", round * 400..round * 400 + 200).await;
        settled(&world.store, i64::from(round) * 400 + 200).await;
        let told = sinks[0].told().len();
        // It is killed in the midst of what it tells; the other waits for its turn already.
        tests(&world.store, "r-1", round * 400 + 200..round * 400 + 400).await;
        soon("it tells", || sinks[0].told().len() > told).await;
        let next = 1 + round as usize;
        let following = Manager::leased(
            &format!("m{next}"),
            stores[next % 2],
            folder,
            targets(),
            SHORT,
        );
        manager.kill().await;
        manager = following;
        settled(&world.store, i64::from(round + 1) * 400).await;
        for sink in &sinks {
            let mut counts: HashMap<String, usize> = HashMap::new();
            for id in sink.ids() {
                *counts.entry(id).or_default() += 1;
            }
            assert_eq!(counts.len(), (round as usize + 1) * 400);
            repeated = repeated.max(counts.values().filter(|count| **count > 1).count());
        }
        // What was saved before is never told again: only these 200 could be.
        assert!(repeated <= (round as usize + 1) * 200, "{repeated}");
    }
    let first: HashSet<String> = sinks[0].ids().into_iter().collect();
    for n in 0..3 {
        // Settled, and so saved, before the kill.
        for saved in n * 400..n * 400 + 200 {
            let id = format!("r-1 {saved:05}");
            assert!(first.contains(&id));
            assert_eq!(sinks[0].ids().iter().filter(|told| **told == id).count(), 1);
        }
    }
    manager.end().await;
}

async fn a_new_sink_is_told_from_now_on_and_one_that_is_gone_is_forgotten(world: World) {
    world.add_routers(&["r-1"]).await;
    let folder = world.directory.path();
    tests(&world.store, "r-1", 0..10).await;
    let (old, new) = (Receiver::default(), Receiver::default());
    let manager = Manager::start("m1", &world.store, folder, vec![old.target("old")]);
    begun(&world.store).await;
    tests(&world.store, "r-1", 10..20).await;
    old.told_at_least(10).await;
    manager.end().await;
    tests(&world.store, "r-1", 20..30).await;
    let manager = Manager::start("m2", &world.store, folder, vec![new.target("new")]);
    let named = |cursors: Vec<(String, i64)>| cursors.into_iter().map(|(name, _)| name);
    while named(world.store.forward_cursors().await.unwrap()).ne(["new".to_owned()]) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tests(&world.store, "r-1", 30..40).await;
    new.told_at_least(10).await;
    settled(&world.store, 40).await;
    assert_eq!((old.ids().len(), new.ids().len()), (10, 10));
    assert_eq!(
        (old.ids()[0].as_str(), new.ids()[0].as_str()),
        ("r-1 00010", "r-1 00030")
    );
    manager.end().await;
}

async fn an_end_passes_the_filter_of_a_sink_that_an_earlier_manager_told_of_the_outage(
    world: World,
) {
    world.add_routers(&["r-1", "r-2"]).await;
    let sink = Receiver::wanting(Severity::Major);
    let folder = world.directory.path();
    let first = Manager::start("m1", &world.store, folder, vec![sink.target("a")]);
    begun(&world.store).await;
    deliver(&world.store, "r-1", vec![down("r-1", "down", 1, "o-1")]).await;
    sink.told_at_least(1).await;
    settled(&world.store, 1).await;
    first.end().await;
    let second = Manager::start("m2", &world.store, folder, vec![sink.target("a")]);
    // Of the other router's outage it was told nothing but an end.
    deliver(&world.store, "r-2", vec![restarted("r-2", "up", 1, "o-2")]).await;
    deliver(&world.store, "r-1", vec![restarted("r-1", "up", 2, "o-1")]).await;
    sink.told_at_least(2).await;
    settled(&world.store, 3).await;
    assert_eq!(sink.ids(), ["r-1 down", "r-1 up"]);
    second.end().await;
}
