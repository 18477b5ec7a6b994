//! What silences withhold, in either database: what is told while they are in force and when they
//! end, what is shown of it, and what becomes of it when routers go and alerts grow old.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::{Event, Fact, LookedAgain, Timestamp};
use manager::forward::silences::decide;
use manager::plan::inventory::Change;
use manager::store::{
    AlertFilter, JobLease, NewSilence, OutageFilter, Page, Retention, Store, StoreError,
};

use crate::world::{World, down, event, on_both, restarted, test_event};

const LONG: Duration = Duration::from_mins(10);

on_both!(
    what_is_still_down_when_a_silence_ends_is_told_and_nothing_else_of_it,
    the_end_of_what_was_told_is_told_in_the_midst_of_a_silence,
    what_two_silences_hold_is_held_until_both_have_ended,
    a_long_outage_in_a_silence_keeps_its_first_alert_and_the_newest_of_each_kind,
    what_a_removed_router_has_held_is_told_to_nobody,
    what_is_held_outlives_retention_and_holds_up_no_other,
    whoever_lost_the_job_releases_nothing,
);

async fn hold(store: &Store, holder: &str) -> JobLease {
    store
        .hold_job("forward", holder, LONG)
        .await
        .unwrap()
        .unwrap()
}

pub(crate) async fn begin(store: &Store, router: Option<&str>, service: Option<&str>) -> i64 {
    let silence = NewSilence {
        zone: None,
        router: router.map(Into::into),
        service: service.map(Into::into),
        // Not before: nothing of its time comes late.
        starts: Timestamp::now(),
        ends: "2199-01-01T00:00:00Z".parse().unwrap(),
        reason: "new disks".into(),
    };
    store.add_silence("anna", &silence).await.unwrap()
}

/// Whoever forwards, by hand.
pub(crate) struct Turn<'a> {
    store: &'a Store,
    lease: JobLease,
    told: i64,
}

impl<'a> Turn<'a> {
    pub(crate) async fn begin(store: &'a Store) -> Self {
        Self {
            store,
            lease: hold(store, "m1").await,
            told: 0,
        }
    }

    /// Does all there is to do; the ids of what is told.
    pub(crate) async fn step(&mut self) -> Vec<String> {
        loop {
            let released = self.store.release_held(&self.lease, 3).await.unwrap();
            let numbered = self.store.number_outgoing(&self.lease, 7, decide).await;
            if released + numbered.unwrap() == 0 {
                break;
            }
        }
        let told = self.store.outgoing_after(self.told, 5000).await.unwrap();
        self.told = told.last().map_or(self.told, |last| last.position);
        told.into_iter().map(|one| one.event.id).collect()
    }
}

/// How many alerts it withheld, and how many were told in the end.
async fn counted(store: &Store, id: i64) -> (i64, i64) {
    let all = store.silences(Page::default()).await.unwrap().rows;
    let one = all.iter().find(|one| one.id == id).unwrap();
    (one.held, one.told)
}

/// The ids of alerts and the silences that withhold them.
async fn silenced(store: &Store) -> BTreeMap<String, i64> {
    let all = store.alerts(&AlertFilter::default(), Page::default()).await;
    let all = all.unwrap().rows.into_iter();
    all.filter_map(|alert| Some((alert.event.id, alert.silence?)))
        .collect()
}

async fn what_is_still_down_when_a_silence_ends_is_told_and_nothing_else_of_it(world: World) {
    world.add_routers(&["r-1", "r-2"]).await;
    let store = &world.store;
    let mut turn = Turn::begin(store).await;
    let silence = begin(store, Some("r-1"), None).await;
    world
        .deliver("r-1", vec![down("r-1", "a", 1, "over")])
        .await;
    world
        .deliver("r-1", vec![down("r-1", "b", 2, "open")])
        .await;
    world
        .deliver("r-2", vec![down("r-2", "c", 1, "other")])
        .await;
    world.deliver("r-1", vec![test_event("r-1", "d")]).await;
    assert_eq!(turn.step().await, ["c"]);
    assert_eq!(store.counts().await.unwrap().held, 2);
    world
        .deliver("r-1", vec![restarted("r-1", "e", 3, "over")])
        .await;
    assert_eq!(turn.step().await, [""; 0]);
    assert_eq!(counted(store, silence).await, (4, 0));
    let all = ["a", "b", "d", "e"].map(|id| (id.to_owned(), silence));
    assert_eq!(silenced(store).await, BTreeMap::from(all));
    let outages = store
        .outages(&OutageFilter::default(), Page::default())
        .await;
    let outages = outages.unwrap().rows.into_iter();
    let withheld: Vec<_> = outages.map(|one| (one.outage, one.withheld)).collect();
    let expected = [("other", 0), ("open", 1), ("over", 2)];
    assert_eq!(
        withheld,
        expected.map(|(outage, count)| (outage.to_owned(), count))
    );
    assert!(store.end_silence("anna", silence).await.unwrap());
    assert_eq!(turn.step().await, ["b"]);
    assert_eq!(counted(store, silence).await, (4, 1));
    assert!(!silenced(store).await.contains_key("b"));
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.held, counts.silenced), (0, (4, 1)));
    world
        .deliver("r-1", vec![restarted("r-1", "f", 4, "open")])
        .await;
    assert_eq!(turn.step().await, ["f"]);
    // Whoever is reminded of what is open is not reminded of what was withheld.
    store.save_forward_cursors(&turn.lease, &[]).await.unwrap();
    let told = store.told_of_open_outages(100).await.unwrap();
    let told: Vec<String> = told.into_iter().map(|one| one.event.id).collect();
    assert_eq!(told, ["c"]);
}

async fn the_end_of_what_was_told_is_told_in_the_midst_of_a_silence(world: World) {
    world.add_routers(&["r-1"]).await;
    let mut turn = Turn::begin(&world.store).await;
    world.deliver("r-1", vec![down("r-1", "a", 1, "o")]).await;
    assert_eq!(turn.step().await, ["a"]);
    let silence = begin(&world.store, None, Some("dhcp")).await;
    world.deliver("r-1", vec![down("r-1", "b", 2, "o")]).await;
    assert_eq!(turn.step().await, [""; 0]);
    world
        .deliver("r-1", vec![restarted("r-1", "c", 3, "o")])
        .await;
    assert_eq!(turn.step().await, ["c"]);
    world.store.end_silence("anna", silence).await.unwrap();
    assert_eq!(turn.step().await, [""; 0]);
    assert_eq!(counted(&world.store, silence).await, (1, 0));
}

async fn what_two_silences_hold_is_held_until_both_have_ended(world: World) {
    world.add_routers(&["r-1"]).await;
    let store = &world.store;
    let mut turn = Turn::begin(store).await;
    let first = begin(store, Some("r-1"), None).await;
    world.deliver("r-1", vec![down("r-1", "a", 1, "o")]).await;
    assert_eq!(turn.step().await, [""; 0]);
    let second = begin(store, None, None).await;
    store.end_silence("anna", first).await.unwrap();
    world.deliver("r-1", vec![down("r-1", "b", 2, "o")]).await;
    assert_eq!(turn.step().await, [""; 0]);
    store.end_silence("anna", second).await.unwrap();
    assert_eq!(turn.step().await, ["a", "b"]);
    assert_eq!(counted(store, first).await, (1, 0));
    assert_eq!(counted(store, second).await, (2, 2));
}

fn follows(id: &str, seq: u64, down: bool) -> Event {
    let fact = if down {
        Fact::Remonitored {
            found: LookedAgain::Down,
        }
    } else {
        Fact::Unmonitored {
            until: None,
            reason: contract::UnmonitoredReason::RestartFailed,
        }
    };
    event("r-1", id, seq, Some("o"), fact)
}

async fn a_long_outage_in_a_silence_keeps_its_first_alert_and_the_newest_of_each_kind(
    world: World,
) {
    world.add_routers(&["r-1"]).await;
    let store = &world.store;
    let mut turn = Turn::begin(store).await;
    let silence = begin(store, None, None).await;
    let mut events = vec![down("r-1", "first", 1, "o")];
    events.extend((2..200).map(|n| follows(&n.to_string(), n, n % 2 == 0)));
    for part in events.chunks(30) {
        world.deliver("r-1", part.to_vec()).await;
        assert_eq!(turn.step().await, [""; 0]);
    }
    assert_eq!(store.counts().await.unwrap().held, 3);
    store.end_silence("anna", silence).await.unwrap();
    assert_eq!(turn.step().await, ["first", "198", "199"]);
    assert_eq!(counted(store, silence).await, (199, 3));
}

async fn what_a_removed_router_has_held_is_told_to_nobody(world: World) {
    world.add_routers(&["r-1", "r-2"]).await;
    let store = &world.store;
    let mut turn = Turn::begin(store).await;
    let silence = begin(store, None, None).await;
    for router in ["r-1", "r-2"] {
        world
            .deliver(router, vec![down(router, router, 1, "o")])
            .await;
    }
    assert_eq!(turn.step().await, [""; 0]);
    let gone = [Change::RemoveRouter("r-1".into())];
    store.apply("anna", &gone).await.unwrap();
    store.end_silence("anna", silence).await.unwrap();
    assert_eq!(turn.step().await, ["r-2"]);
    assert!(silenced(store).await.contains_key("r-1"));
}

async fn what_is_held_outlives_retention_and_holds_up_no_other(world: World) {
    world.add_routers(&["r-1"]).await;
    let store = &world.store;
    let mut turn = Turn::begin(store).await;
    let silence = begin(store, None, None).await;
    let mut events = vec![down("r-1", "held", 1, "o")];
    events.extend((0..1500).map(|n| test_event("r-1", &format!("test {n}"))));
    world.deliver("r-1", events).await;
    assert_eq!(turn.step().await, [""; 0]);
    let now = Retention {
        alerts: Duration::ZERO,
        usage: Duration::ZERO,
        audit: Duration::ZERO,
    };
    let mut gone = 0;
    while gone < 1500 {
        gone += store.trim(&now).await.unwrap().alerts;
    }
    assert_eq!(gone, 1500);
    assert_eq!(
        silenced(store).await.into_keys().collect::<Vec<_>>(),
        ["held"]
    );
    store.end_silence("anna", silence).await.unwrap();
    // It waits again, and was told of by nobody yet.
    assert_eq!(store.release_held(&turn.lease, 10).await.unwrap(), 1);
    store.trim(&now).await.unwrap();
    assert_eq!(turn.step().await, ["held"]);
}

async fn whoever_lost_the_job_releases_nothing(world: World) {
    world.add_routers(&["r-1"]).await;
    let store = &world.store;
    let mut turn = Turn::begin(store).await;
    let silence = begin(store, None, None).await;
    world.deliver("r-1", vec![down("r-1", "a", 1, "o")]).await;
    assert_eq!(turn.step().await, [""; 0]);
    store.end_silence("anna", silence).await.unwrap();
    store.release_job(&turn.lease).await.unwrap();
    let released = store.release_held(&turn.lease, 10).await;
    assert!(matches!(released, Err(StoreError::Outrun)));
    turn.lease = hold(store, "m2").await;
    assert_eq!(turn.step().await, ["a"]);
}
