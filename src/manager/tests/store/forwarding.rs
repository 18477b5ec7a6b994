//! Forwarding: what is stored waits, is numbered by one manager alone, and is removed when every
//! sink has it.

use std::time::Duration;

use contract::Fact;
use manager::store::{Decision, JobLease, Queue, Store, StoreError, Waiting};

use crate::world::{World, deliver, down, event, on_both, test_event};

const LONG: Duration = Duration::from_mins(10);

on_both!(
    large_alerts_are_numbered_and_read_in_parts_that_fit_into_memory,
    stored_alerts_are_numbered_without_a_gap_and_in_their_order,
    only_one_manager_holds_a_job_until_its_lease_ends,
    whoever_lost_the_job_numbers_and_saves_nothing,
    what_every_sink_has_is_removed,
    two_managers_numbering_in_turn_lose_and_repeat_nothing,
    each_alert_is_told_with_its_storm_or_withheld_as_is_decided,
    an_alert_that_cannot_be_read_keeps_no_other_from_being_told,
);

async fn hold(store: &Store, holder: &str) -> JobLease {
    store
        .hold_job("forward", holder, LONG)
        .await
        .unwrap()
        .unwrap()
}

async fn stored_alerts_are_numbered_without_a_gap_and_in_their_order(world: World) {
    world.add_routers(&["r-1-VM", "r-2-VM"]).await;
    let store = &world.store;
    for round in 0..5 {
        for router in ["r-1-VM", "r-2-VM"] {
            let events = (0..3)
                .map(|seq| down(router, &format!("{round}-{seq}"), round * 3 + seq, "o"))
                .collect::<Vec<_>>();
            // What is known already is not forwarded again.
            world.deliver(router, events.clone()).await;
            world.deliver(router, events).await;
        }
    }
    let lease = hold(store, "m1").await;
    assert!(store.outgoing_after(0, 10).await.unwrap().is_empty());
    assert_eq!(
        store
            .number_outgoing(&lease, 7, Queue::tell_all)
            .await
            .unwrap(),
        7
    );
    assert_eq!(
        store
            .number_outgoing(&lease, 1000, Queue::tell_all)
            .await
            .unwrap(),
        23
    );
    assert_eq!(
        store
            .number_outgoing(&lease, 1000, Queue::tell_all)
            .await
            .unwrap(),
        0
    );
    let outgoing = store.outgoing_after(0, 1000).await.unwrap();
    let positions: Vec<i64> = outgoing.iter().map(|one| one.position).collect();
    assert_eq!(positions, (1..=30).collect::<Vec<i64>>());
    for router in ["r-1-VM", "r-2-VM"] {
        let seqs: Vec<u64> = outgoing
            .iter()
            .filter(|one| one.event.router == router)
            .map(|one| one.event.seq)
            .collect();
        assert_eq!(seqs, (0..15).collect::<Vec<u64>>());
    }
    assert_eq!(outgoing[0].zone.as_deref(), Some("zone-1"));
    assert_eq!(store.outgoing_after(28, 1).await.unwrap()[0].position, 29);
}

async fn large_alerts_are_numbered_and_read_in_parts_that_fit_into_memory(world: World) {
    const COUNT: u64 = 1200;
    world.add_routers(&["r-1-VM"]).await;
    let text = "x".repeat(40_000);
    for part in 0..COUNT / 100 {
        let large = |number: u64| {
            let fact = Fact::Test { text: text.clone() };
            event("r-1-VM", &format!("e-{part}-{number}"), 1, None, fact)
        };
        world.deliver("r-1-VM", (0..100).map(large).collect()).await;
    }
    let store = &world.store;
    let lease = hold(store, "m1").await;
    let mut numbered = 0;
    loop {
        let count = store
            .number_outgoing(&lease, 5000, Queue::tell_all)
            .await
            .unwrap();
        assert!(count < 900, "{count}");
        if count == 0 {
            break;
        }
        numbered += count;
    }
    assert_eq!(numbered, COUNT);
    let (mut position, mut read) = (0, 0);
    loop {
        let outgoing = store.outgoing_after(position, 5000).await.unwrap();
        assert!(outgoing.len() < 900, "{}", outgoing.len());
        let Some(last) = outgoing.last() else { break };
        position = last.position;
        read += outgoing.len() as u64;
    }
    assert_eq!(read, COUNT);
}

async fn only_one_manager_holds_a_job_until_its_lease_ends(world: World) {
    let store = &world.store;
    let first = hold(store, "m1").await;
    assert_eq!(store.hold_job("forward", "m2", LONG).await.unwrap(), None);
    assert!(store.hold_job("trim", "m2", LONG).await.unwrap().is_some());
    // Renewed by its holder, the epoch stays; a lease of no length ends at once.
    let renewed = store
        .hold_job("forward", "m1", Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(renewed.as_ref(), Some(&first));
    let second = hold(store, "m2").await;
    assert!(second.epoch > first.epoch);
    // The old holder gives back what is no longer its own: nothing happens.
    store.release_job(&first).await.unwrap();
    assert_eq!(store.hold_job("forward", "m1", LONG).await.unwrap(), None);
    store.release_job(&second).await.unwrap();
    assert!(hold(store, "m1").await.epoch > second.epoch);
}

async fn whoever_lost_the_job_numbers_and_saves_nothing(world: World) {
    world.add_routers(&["r-1-VM"]).await;
    world
        .deliver("r-1-VM", vec![test_event("r-1-VM", "a")])
        .await;
    let store = &world.store;
    let old = store
        .hold_job("forward", "m1", Duration::ZERO)
        .await
        .unwrap()
        .unwrap();
    let new = hold(store, "m2").await;
    assert!(matches!(
        store.number_outgoing(&old, 10, Queue::tell_all).await,
        Err(StoreError::Outrun)
    ));
    let cursors = [("mail".to_owned(), 1)];
    assert!(matches!(
        store.save_forward_cursors(&old, &cursors).await,
        Err(StoreError::Outrun)
    ));
    assert!(store.forward_cursors().await.unwrap().is_empty());
    assert_eq!(
        store
            .number_outgoing(&new, 10, Queue::tell_all)
            .await
            .unwrap(),
        1
    );
}

async fn what_every_sink_has_is_removed(world: World) {
    world.add_routers(&["r-1-VM"]).await;
    let store = &world.store;
    let events = (0..10)
        .map(|n| test_event("r-1-VM", &n.to_string()))
        .collect();
    world.deliver("r-1-VM", events).await;
    let lease = hold(store, "m1").await;
    store
        .number_outgoing(&lease, 100, Queue::tell_all)
        .await
        .unwrap();
    let cursors = [("mail".to_owned(), 9), ("syslog".to_owned(), 4)];
    store.save_forward_cursors(&lease, &cursors).await.unwrap();
    assert_eq!(store.forward_cursors().await.unwrap(), cursors);
    assert_eq!(store.outgoing_after(0, 100).await.unwrap()[0].position, 5);
    // Positions go on where they were, also when everything is gone.
    store
        .save_forward_cursors(&lease, &[("mail".to_owned(), 10)])
        .await
        .unwrap();
    assert!(store.outgoing_after(0, 100).await.unwrap().is_empty());
    world
        .deliver("r-1-VM", vec![test_event("r-1-VM", "last")])
        .await;
    store
        .number_outgoing(&lease, 100, Queue::tell_all)
        .await
        .unwrap();
    assert_eq!(store.outgoing_after(0, 100).await.unwrap()[0].position, 11);
}

async fn two_managers_numbering_in_turn_lose_and_repeat_nothing(world: World) {
    world.add_routers(&["r-1-VM", "r-2-VM"]).await;
    let other = world.another_manager().await;
    let stores = [world.store.clone(), other];
    let mut writers = Vec::new();
    for (store, router) in stores.iter().cloned().zip(["r-1-VM", "r-2-VM"]) {
        writers.push(tokio::spawn(async move {
            for n in 0..30 {
                let events = (0..5)
                    .map(|m| test_event(router, &format!("{n}-{m}")))
                    .collect();
                deliver(&store, router, events).await;
            }
        }));
    }
    let mut seen = Vec::new();
    let mut turn = 0;
    while seen.len() < 300 {
        turn += 1;
        let store = &stores[turn % 2];
        let lease = hold(store, &format!("m{turn}")).await;
        store
            .number_outgoing(&lease, 13, Queue::tell_all)
            .await
            .unwrap();
        let after = seen.last().map_or(0, |(position, _)| *position);
        for one in store.outgoing_after(after, 100).await.unwrap() {
            seen.push((one.position, (one.event.router, one.event.id)));
        }
        store.release_job(&lease).await.unwrap();
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let positions: Vec<i64> = seen.iter().map(|(position, _)| *position).collect();
    assert_eq!(positions, (1..=300).collect::<Vec<i64>>());
    let ids: std::collections::HashSet<_> = seen.into_iter().map(|(_, id)| id).collect();
    assert_eq!(ids.len(), 300);
}

async fn each_alert_is_told_with_its_storm_or_withheld_as_is_decided(world: World) {
    world.add_routers(&["r-1-VM"]).await;
    let store = &world.store;
    let events = (0..1000)
        .map(|n| test_event("r-1-VM", &n.to_string()))
        .collect();
    world.deliver("r-1-VM", events).await;
    let lease = hold(store, "m1").await;
    let decide = |queue: &Queue| {
        let decide = |waiting: &Waiting| match waiting.event.id.parse::<u32>().unwrap() % 3 {
            0 => Decision::Tell { storm: None },
            1 => Decision::Tell {
                storm: Some(format!("storm {}", waiting.event.id)),
            },
            _ => Decision::Hold { silence: 1 },
        };
        // Of the last one nothing is said: it is told.
        queue.waiting[..999].iter().map(decide).collect::<Vec<_>>()
    };
    let numbered = store.number_outgoing(&lease, 5000, decide).await.unwrap();
    assert_eq!(numbered, 1000);
    let told = store.outgoing_after(0, 5000).await.unwrap();
    let positions: Vec<i64> = told.iter().map(|one| one.position).collect();
    assert_eq!(positions, (1..=667).collect::<Vec<i64>>());
    for one in &told {
        let third = one.event.id.parse::<u32>().unwrap() % 3;
        let expected = (third == 1).then(|| format!("storm {}", one.event.id));
        assert_eq!((&one.storm, third == 2), (&expected, false));
    }
    // Neither comes again.
    let numbered = store
        .number_outgoing(&lease, 5000, Queue::tell_all)
        .await
        .unwrap();
    assert_eq!(numbered, 0);
}

async fn an_alert_that_cannot_be_read_keeps_no_other_from_being_told(world: World) {
    world.add_routers(&["r-1-VM"]).await;
    let store = &world.store;
    let lease = hold(store, "m1").await;
    for name in ["a", "b", "c", "d", "e"] {
        world
            .deliver("r-1-VM", vec![test_event("r-1-VM", name)])
            .await;
    }
    world
        .damage("UPDATE alerts SET event = 'x' WHERE event_id IN ('a', 'b')")
        .await;
    let number = async || {
        let numbered = store.number_outgoing(&lease, 2, Queue::tell_all).await;
        numbered.unwrap()
    };
    assert_eq!((number().await, number().await, number().await), (2, 2, 1));
    world
        .damage("UPDATE alerts SET event = '{}' WHERE event_id = 'c'")
        .await;
    let told = store.outgoing_after(0, 1).await.unwrap();
    let ids: Vec<&str> = told.iter().map(|one| one.event.id.as_str()).collect();
    assert_eq!(ids, ["d"]);
}
