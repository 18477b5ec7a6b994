//! Retention: what is old goes, but nothing that still has to be forwarded.

use std::time::Duration;

use manager::plan::inventory::Change;
use manager::store::{AlertFilter, OutageFilter, Page, Queue, Retention, Trimmed};

use crate::world::{World, down, on_both, restarted, test_event};

const LONG: Duration = Duration::from_hours(24 * 365);
/// Older than nothing: whatever was stored a millisecond ago goes.
const NOW: Retention = Retention {
    alerts: Duration::ZERO,
    usage: Duration::ZERO,
    audit: Duration::ZERO,
};

on_both!(
    what_is_young_or_not_forwarded_stays,
    old_alerts_go_a_thousand_at_a_time_and_open_outages_stay,
    a_removed_router_goes_with_the_last_that_speaks_of_it,
    an_outage_that_ends_in_the_future_goes_with_its_last_alert,
);

async fn forward_everything(world: &World) {
    let lease = world
        .store
        .hold_job("forward", "m1", LONG)
        .await
        .unwrap()
        .unwrap();
    while world
        .store
        .number_outgoing(&lease, 5_000, Queue::tell_all)
        .await
        .unwrap()
        > 0
    {}
    world.store.save_forward_cursors(&lease, &[]).await.unwrap();
}

/// Trims until nothing more goes: rows stored in this very millisecond are not old yet.
async fn trim_all(world: &World, alerts: u64) -> Trimmed {
    let mut sum = Trimmed::default();
    while sum.alerts < alerts {
        let trimmed = world.store.trim(&NOW).await.unwrap();
        assert!(trimmed.alerts <= 1000);
        sum.alerts += trimmed.alerts;
        sum.others += trimmed.others;
    }
    sum
}

async fn what_is_young_or_not_forwarded_stays(world: World) {
    world.add_routers(&["r-1-VM"]).await;
    world
        .deliver("r-1-VM", vec![test_event("r-1-VM", "a")])
        .await;
    let young = Retention {
        alerts: LONG,
        usage: LONG,
        audit: LONG,
    };
    assert_eq!(world.store.trim(&young).await.unwrap(), Trimmed::default());
    // Until it has moved on from waiting and from the outgoing ones, it stays however old.
    assert_eq!(world.store.trim(&NOW).await.unwrap().alerts, 0);
    let lease = world
        .store
        .hold_job("forward", "m1", LONG)
        .await
        .unwrap()
        .unwrap();
    world
        .store
        .number_outgoing(&lease, 10, Queue::tell_all)
        .await
        .unwrap();
    assert_eq!(world.store.trim(&NOW).await.unwrap().alerts, 0);
    assert_eq!(world.store.outgoing_after(0, 10).await.unwrap().len(), 1);
    forward_everything(&world).await;
    assert_eq!(trim_all(&world, 1).await.alerts, 1);
}

async fn old_alerts_go_a_thousand_at_a_time_and_open_outages_stay(world: World) {
    world.add_routers(&["r-1-VM"]).await;
    let mut events: Vec<_> = (0..2498)
        .map(|n| test_event("r-1-VM", &n.to_string()))
        .collect();
    events.push(down("r-1-VM", "x", 1, "open"));
    events.push(down("r-1-VM", "y", 2, "ended"));
    events.push(restarted("r-1-VM", "z", 3, "ended"));
    world.deliver("r-1-VM", events).await;
    forward_everything(&world).await;
    assert_eq!(trim_all(&world, 2501).await.alerts, 2501);
    let store = &world.store;
    let left = store
        .alerts(&AlertFilter::default(), Page::default())
        .await
        .unwrap();
    assert!(left.rows.is_empty());
    // By the event's own time, not by when it was stored.
    let outages = store
        .outages(&OutageFilter::default(), Page::default())
        .await
        .unwrap();
    assert!(outages.rows.iter().any(|outage| outage.outage == "open"));
}

async fn a_removed_router_goes_with_the_last_that_speaks_of_it(world: World) {
    world.add_routers(&["r-1-VM"]).await;
    world
        .deliver("r-1-VM", vec![test_event("r-1-VM", "a")])
        .await;
    let remove = [Change::RemoveRouter("r-1-VM".into())];
    world.store.apply("test", &remove).await.unwrap();
    forward_everything(&world).await;
    trim_all(&world, 1).await;
    // Once more: the router is looked for before the alerts go.
    while world.store.trim(&NOW).await.unwrap().others > 0 {}
    world.add_routers(&["r-1-VM"]).await;
    let stored = world
        .deliver("r-1-VM", vec![test_event("r-1-VM", "a")])
        .await;
    assert_eq!(stored.new, 1);
}

async fn an_outage_that_ends_in_the_future_goes_with_its_last_alert(world: World) {
    world.add_routers(&["r-1-VM"]).await;
    let mut end = restarted("r-1-VM", "b", 2, "o1");
    end.time = "9999-01-01T00:00:00Z".parse().unwrap();
    let begin = down("r-1-VM", "a", 1, "o1");
    world.deliver("r-1-VM", vec![begin, end]).await;
    let outages = async || {
        let all = OutageFilter::default();
        let found = world.store.outages(&all, Page::default()).await.unwrap();
        found.rows.len()
    };
    world.store.trim(&NOW).await.unwrap();
    assert_eq!(outages().await, 1, "its alerts have yet to be forwarded");
    forward_everything(&world).await;
    trim_all(&world, 2).await;
    world.store.trim(&NOW).await.unwrap();
    assert_eq!(outages().await, 0);
}
