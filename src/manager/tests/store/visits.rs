//! Visits: one visitor a router, and nothing of one whose lease was taken over.

use std::collections::HashSet;
use std::time::Duration;

use contract::{Event, Fact};
use manager::plan::inventory::Change;
use manager::store::{
    AlertFilter, Cursor, Due, OutageFilter, Page, Store, StoreError, Stored, UsageSample, Via,
    Visit,
};

use crate::world::{World, at, down, event, on_both, router, test_event};

const LONG: Duration = Duration::from_mins(10);

on_both!(
    nothing_waits_for_a_time_that_a_wrong_clock_set,
    a_due_router_is_claimed_once_and_comes_back_when_its_visit_is_due,
    a_visit_stores_alerts_usage_and_cursor_together,
    a_visitor_whose_lease_was_taken_over_stores_nothing,
    misses_are_counted_until_a_visit_succeeds,
    routers_that_are_stopped_or_removed_are_not_visited,
    a_router_that_is_stopped_while_it_is_away_is_away_no_longer,
    a_router_that_is_removed_has_no_outage_any_more,
    a_miss_that_comes_after_the_stop_says_nothing,
    two_claimers_never_hold_the_same_router,
);

fn visit(due: &Due, events: Vec<Event>, next_visit: Duration) -> Visit {
    Visit {
        router: due.router.name.clone(),
        lease: due.lease.clone(),
        events,
        via: Via::Visit,
        cursor: Cursor {
            vrwatch: Some("cursor-1".into()),
            legacy_stamp: Some("2026-11-22 11:47:33".into()),
        },
        usage: vec![UsageSample {
            time: at(0),
            interface: "eth0".into(),
            bytes_received: 12,
            bytes_sent: 13,
        }],
        own: Vec::new(),
        next_visit: Some(next_visit),
    }
}

async fn due(store: &Store, holder: &str, lease: Duration) -> Due {
    store.claim_due(holder, 10, lease).await.unwrap().remove(0)
}

async fn a_due_router_is_claimed_once_and_comes_back_when_its_visit_is_due(world: World) {
    world.add_routers(&["r-1-VM"]).await;
    let store = &world.store;
    let first = due(store, "m1", LONG).await;
    assert_eq!(first.router, router("r-1-VM"));
    assert!(store.claim_due("m2", 10, LONG).await.unwrap().is_empty());
    assert!(store.claim("m2", "r-1-VM", LONG).await.unwrap().is_none());
    store
        .store_visit(&visit(&first, vec![], LONG))
        .await
        .unwrap();
    // Not due, but whoever asks for it gets it.
    assert!(store.claim_due("m2", 10, LONG).await.unwrap().is_empty());
    let second = store.claim("m2", "r-1-VM", LONG).await.unwrap().unwrap();
    store
        .store_visit(&visit(&second, vec![], Duration::ZERO))
        .await
        .unwrap();
    assert!(due(store, "m1", LONG).await.lease.token > second.lease.token);
    assert!(matches!(
        store.claim("m1", "r-2-VM", LONG).await,
        Err(StoreError::NoSuchRouter(_))
    ));
}

async fn a_visit_stores_alerts_usage_and_cursor_together(world: World) {
    world.add_routers(&["r-1-VM"]).await;
    let store = &world.store;
    world
        .deliver("r-1-VM", vec![down("r-1-VM", "a", 1, "o")])
        .await;
    let first = due(store, "m1", LONG).await;
    assert_eq!(first.cursor, Cursor::default());
    assert_eq!(first.last_seen, None);
    let events = vec![down("r-1-VM", "a", 1, "o"), test_event("r-1-VM", "b")];
    let made = visit(&first, events, Duration::ZERO);
    assert_eq!(
        store.store_visit(&made).await.unwrap(),
        Stored { new: 1, known: 1 }
    );
    let second = due(store, "m1", LONG).await;
    assert_eq!(second.cursor, made.cursor);
    assert!(second.last_seen.is_some());
    assert_eq!(store.usage("r-1-VM", at(0), 10).await.unwrap(), made.usage);
    assert!(store.usage("r-1-VM", at(1), 10).await.unwrap().is_empty());
    // The same visit again: its lease has ended.
    assert!(matches!(
        store.store_visit(&made).await,
        Err(StoreError::Outrun)
    ));
}

async fn a_visitor_whose_lease_was_taken_over_stores_nothing(world: World) {
    world.add_routers(&["r-1-VM"]).await;
    let store = &world.store;
    let slow = due(store, "m1", Duration::ZERO).await;
    let fast = due(store, "m2", LONG).await;
    let late = visit(&slow, vec![test_event("r-1-VM", "a")], LONG);
    assert!(matches!(
        store.store_visit(&late).await,
        Err(StoreError::Outrun)
    ));
    assert!(matches!(
        store.store_miss(&slow.lease, "away", None, LONG).await,
        Err(StoreError::Outrun)
    ));
    let made = visit(&fast, vec![test_event("r-1-VM", "a")], LONG);
    assert_eq!(
        store.store_visit(&made).await.unwrap(),
        Stored { new: 1, known: 0 }
    );
}

async fn misses_are_counted_until_a_visit_succeeds(world: World) {
    world.add_routers(&["r-1-VM"]).await;
    let store = &world.store;
    let unreachable = test_event("r-1-VM", "unreachable");
    for (misses, event) in [(0, None), (1, Some(&unreachable)), (2, None)] {
        let due = due(store, "m1", LONG).await;
        assert_eq!(due.misses, misses);
        assert_eq!(due.unreachable, (misses > 1).then_some(unreachable.time));
        store
            .store_miss(&due.lease, "no route to host", event, Duration::ZERO)
            .await
            .unwrap();
    }
    let third = due(store, "m1", LONG).await;
    assert_eq!(third.unreachable, Some(unreachable.time));
    store
        .store_visit(&visit(&third, vec![unreachable], Duration::ZERO))
        .await
        .unwrap();
    let fourth = due(store, "m1", LONG).await;
    assert_eq!((fourth.misses, fourth.unreachable), (0, None));
}

async fn routers_that_are_stopped_or_removed_are_not_visited(world: World) {
    world.add_routers(&["r-1-VM", "r-2-VM"]).await;
    let store = &world.store;
    let changes = [stopped("r-1-VM"), Change::RemoveRouter("r-2-VM".into())];
    store.apply("test", &changes).await.unwrap();
    assert!(store.claim_due("m1", 10, LONG).await.unwrap().is_empty());
    world.add_routers(&["r-1-VM"]).await;
    assert_eq!(due(store, "m1", LONG).await.router.name, "r-1-VM");
}

fn stopped(name: &str) -> Change {
    Change::SetRouter(manager::plan::inventory::Router {
        running: false,
        ..router(name)
    })
}

/// A visit fails, and the router is said to be unreachable.
async fn is_away(store: &Store, seconds: u64) -> Event {
    let mut event = event(
        "r-1-VM",
        &format!("away-{seconds}"),
        0,
        Some("away"),
        away(),
    );
    (event.service, event.process, event.time) = (None, None, at(seconds));
    event.outage = Some(format!("away-since-{seconds}"));
    let due = due(store, "m1", LONG).await;
    store
        .store_miss(&due.lease, "no answer", Some(&event), Duration::ZERO)
        .await
        .unwrap();
    event
}

fn away() -> Fact {
    Fact::RouterUnreachable {
        misses: 3,
        last_seen: None,
        reason: "no answer".into(),
    }
}

/// The outages of the router that go on.
async fn open(store: &Store) -> Vec<String> {
    let filter = OutageFilter {
        open: Some(true),
        ..OutageFilter::default()
    };
    let outages = store.outages(&filter, Page::default()).await.unwrap();
    outages.rows.into_iter().map(|one| one.outage).collect()
}

/// What the manager has said of it, the last first.
async fn said(store: &Store) -> Vec<Event> {
    let everything = AlertFilter::default();
    let alerts = store.alerts(&everything, Page::default()).await.unwrap();
    let own = alerts
        .rows
        .into_iter()
        .filter(|one| one.via == Via::Manager);
    own.map(|alert| alert.event).collect()
}

async fn a_router_that_is_stopped_while_it_is_away_is_away_no_longer(world: World) {
    world.add_routers(&["r-1-VM"]).await;
    let store = &world.store;
    let dhcp = down("r-1-VM", "a", 1, "of-dhcp");
    world.deliver("r-1-VM", vec![dhcp]).await;
    let away = is_away(store, 10).await;
    assert_eq!(open(store).await, ["away-since-10", "of-dhcp"]);
    // Every import says it again; it is told once.
    for _ in 0..2 {
        store.apply("test", &[stopped("r-1-VM")]).await.unwrap();
    }
    // What its services suffer from it tells itself when it runs again.
    assert_eq!(open(store).await, ["of-dhcp"]);
    let told = said(store).await;
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[0].fact.ends_outage());
    assert_eq!(
        (&told[0].outage, &told[0].service, &told[0].process),
        (&away.outage, &None, &None)
    );
    assert_eq!(store.counts().await.unwrap().unreachable, 0);
    // Started again and still away, that is another absence.
    world.add_routers(&["r-1-VM"]).await;
    let again = due(store, "m1", LONG).await;
    assert_eq!((again.misses, again.unreachable), (0, None));
    store
        .store_miss(&again.lease, "no answer", None, Duration::ZERO)
        .await
        .unwrap();
    is_away(store, 20).await;
    assert_eq!(open(store).await, ["away-since-20", "of-dhcp"]);
}

async fn a_router_that_is_removed_has_no_outage_any_more(world: World) {
    world.add_routers(&["r-1-VM"]).await;
    let store = &world.store;
    let dhcp = down("r-1-VM", "a", 1, "of-dhcp");
    world.deliver("r-1-VM", vec![dhcp.clone()]).await;
    is_away(store, 10).await;
    let remove = [Change::RemoveRouter("r-1-VM".into())];
    store.apply("test", &remove).await.unwrap();
    assert_eq!(open(store).await, Vec::<String>::new());
    let told = said(store).await;
    assert_eq!(told.len(), 3, "{told:#?}");
    let of_dhcp = &told[0];
    assert_eq!(
        (&of_dhcp.outage, &of_dhcp.service, &of_dhcp.process),
        (&dhcp.outage, &dhcp.service, &dhcp.process)
    );
    assert!(told[..2].iter().all(|event| event.fact.ends_outage()));
    store.apply("test", &remove).await.unwrap();
    assert_eq!(said(store).await.len(), 3);
}

async fn a_miss_that_comes_after_the_stop_says_nothing(world: World) {
    world.add_routers(&["r-1-VM"]).await;
    let store = &world.store;
    let visited = due(store, "m1", LONG).await;
    store.apply("test", &[stopped("r-1-VM")]).await.unwrap();
    let mut event = event("r-1-VM", "away", 0, Some("away"), away());
    (event.service, event.process) = (None, None);
    store
        .store_miss(&visited.lease, "no answer", Some(&event), Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(said(store).await, []);
    world.add_routers(&["r-1-VM"]).await;
    assert_eq!(due(store, "m1", LONG).await.unreachable, None);
}

async fn two_claimers_never_hold_the_same_router(world: World) {
    let names: Vec<String> = (0..60).map(|n| format!("r-{n}-VM")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    world.add_routers(&names).await;
    let stores = [world.store.clone(), world.another_manager().await];
    let mut claimers = Vec::new();
    for claimer in 0..6 {
        let store = stores[claimer % 2].clone();
        claimers.push(tokio::spawn(async move {
            let mut held = Vec::new();
            while held.len() < 60 {
                let claimed = store
                    .claim_due(&format!("m{claimer}"), 3, LONG)
                    .await
                    .unwrap();
                // Locked rows are passed over, so an empty answer need not be the end.
                if claimed.is_empty() {
                    break;
                }
                held.extend(claimed.into_iter().map(|due| due.router.name));
            }
            held
        }));
    }
    let mut all = Vec::new();
    for claimer in claimers {
        all.extend(claimer.await.unwrap());
    }
    all.extend(store_rest(&stores[0]).await);
    let distinct: HashSet<&String> = all.iter().collect();
    assert_eq!(distinct.len(), all.len());
    assert_eq!(all.len(), 60);
}

async fn store_rest(store: &Store) -> Vec<String> {
    let claimed = store.claim_due("last", 100, LONG).await.unwrap();
    claimed.into_iter().map(|due| due.router.name).collect()
}

/// As a clock leaves it that was a year ahead and has been put right.
async fn nothing_waits_for_a_time_that_a_wrong_clock_set(world: World) {
    let store = &world.store;
    world.add_routers(&["r-1-VM", "r-2-VM"]).await;
    assert_eq!(store.claim_due("m1", 10, LONG).await.unwrap().len(), 2);
    assert!(
        store
            .hold_job("forward", "m1", LONG)
            .await
            .unwrap()
            .is_some()
    );
    store
        .request_pushes("test", &["r-1-VM".to_owned()])
        .await
        .unwrap();
    assert_eq!(store.claim_pushes("m1", 10, LONG).await.unwrap().len(), 1);
    // What others hold by a right clock stays theirs.
    assert!(store.claim_due("m2", 10, LONG).await.unwrap().is_empty());
    assert!(
        store
            .hold_job("forward", "m2", LONG)
            .await
            .unwrap()
            .is_none()
    );
    assert!(store.claim_pushes("m2", 10, LONG).await.unwrap().is_empty());

    for ahead in [
        "UPDATE op_router_monitoring_services SET lease_ends = lease_ends + 31536000000",
        "UPDATE op_router_monitoring_services SET next_visit = lease_ends WHERE router_name = 'r-1-VM'",
        "UPDATE job_leases SET ends = ends + 31536000000",
        "UPDATE pushes SET lease_ends = lease_ends + 31536000000",
    ] {
        world.damage(ahead).await;
    }
    assert!(
        store
            .hold_job("forward", "m2", LONG)
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(store.claim_pushes("m2", 10, LONG).await.unwrap().len(), 1);
    let due = store.claim_due("m2", 10, LONG).await.unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!(store.bring_forward(LONG).await.unwrap(), 1);
    assert_eq!(store.bring_forward(LONG).await.unwrap(), 0);
    assert_eq!(store.claim_due("m2", 10, LONG).await.unwrap().len(), 1);
    assert!(store.claim_due("m3", 10, LONG).await.unwrap().is_empty());
}
