//! Reading back: alerts and outages, filtered, page by page.

use contract::{Event, Fact, Severity};
use manager::store::{AlertFilter, OutageFilter, Page, Via};

use crate::world::{World, at, down, event, on_both, restarted, test_event};

on_both!(
    alerts_are_read_back_whole,
    alerts_are_filtered,
    pages_neither_repeat_nor_hide_anything,
    large_alerts_come_in_pages_that_fit_into_memory,
    an_outage_is_summed_up_whatever_order_its_alerts_arrive_in,
    an_outage_is_acknowledged_by_whoever_is_first,
);

fn page(before: Option<i64>, limit: u32) -> Page {
    Page { before, limit }
}

/// Four alerts of two routers, and they themselves.
async fn four_alerts(world: &World) -> [Event; 4] {
    world.add_routers(&["r-1-VM", "r-2-VM"]).await;
    let mut other = test_event("r-2-VM", "d");
    other.service = Some("ssh \u{1f642} ' \\ % _ \0".into());
    let events = [
        down("r-1-VM", "a", 1, "o1"),
        restarted("r-1-VM", "b", 2, "o1"),
        down("r-1-VM", "c", 3, "o2"),
        other,
    ];
    for event in &events {
        world.deliver(&event.router, vec![event.clone()]).await;
    }
    events
}

async fn large_alerts_come_in_pages_that_fit_into_memory(world: World) {
    const COUNT: usize = 300;
    world.add_routers(&["r-1-VM"]).await;
    let text = "x".repeat(40_000);
    for part in 0..COUNT / 100 {
        let large = |number: usize| {
            let id = format!("e-{}", part * 100 + number);
            let fact = Fact::Test { text: text.clone() };
            event("r-1-VM", &id, 1, None, fact)
        };
        world.deliver("r-1-VM", (0..100).map(large).collect()).await;
    }
    let mut read = 0;
    let mut before = None;
    loop {
        let paged = world
            .store
            .alerts(&AlertFilter::default(), page(before, 1000))
            .await
            .unwrap();
        assert!(
            paged.rows.len() * text.len() < 5 << 20,
            "{}",
            paged.rows.len()
        );
        for alert in &paged.rows {
            read += 1;
            assert_eq!(alert.event.id, format!("e-{}", COUNT - read));
        }
        before = paged.next;
        if before.is_none() {
            break;
        }
        assert!(!paged.rows.is_empty());
    }
    assert_eq!(read, COUNT);
}

async fn alerts_are_read_back_whole(world: World) {
    let events = four_alerts(&world).await;
    let everything = AlertFilter::default();
    let all = world
        .store
        .alerts(&everything, Page::default())
        .await
        .unwrap();
    let read: Vec<Event> = all
        .rows
        .iter()
        .rev()
        .map(|alert| alert.event.clone())
        .collect();
    assert_eq!(read, events);
    assert!(
        all.rows
            .iter()
            .all(|alert| alert.via == Via::Http && alert.zone == "zone-1")
    );
    let one = world.store.alert(all.rows[0].id).await.unwrap().unwrap();
    assert_eq!(one, all.rows[0]);
    assert!(world.store.alert(-1).await.unwrap().is_none());
}

async fn alerts_are_filtered(world: World) {
    let events = four_alerts(&world).await;
    let find = async |set: &dyn Fn(&mut AlertFilter)| -> String {
        let mut filter = AlertFilter::default();
        set(&mut filter);
        let found = world.store.alerts(&filter, Page::default()).await.unwrap();
        found.rows.into_iter().map(|alert| alert.event.id).collect()
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(find(&|filter| filter.router = text("r-1-VM")).await, "cba");
    assert_eq!(find(&|filter| filter.router = text("r-9-VM")).await, "");
    assert_eq!(find(&|filter| filter.zone = text("zone-1")).await, "dcba");
    assert_eq!(find(&|filter| filter.zone = text("' OR 1=1 --")).await, "");
    assert_eq!(
        find(&|filter| filter.service.clone_from(&events[3].service)).await,
        "d"
    );
    assert_eq!(
        find(&|filter| filter.kind = text("service_down")).await,
        "ca"
    );
    assert_eq!(find(&|filter| filter.outage = text("o1")).await, "ba");
    let major = Some(Severity::Major);
    assert_eq!(find(&|filter| filter.min_severity = major).await, "ca");
    assert_eq!(
        find(&|filter| (filter.since, filter.until) = (Some(at(1)), Some(at(3)))).await,
        "ba"
    );
}

async fn pages_neither_repeat_nor_hide_anything(world: World) {
    world.add_routers(&["r-1-VM"]).await;
    let events = (0..25)
        .map(|n| test_event("r-1-VM", &n.to_string()))
        .collect();
    world.deliver("r-1-VM", events).await;
    let mut read = Vec::new();
    let mut before = None;
    loop {
        let filter = AlertFilter {
            router: Some("r-1-VM".into()),
            ..AlertFilter::default()
        };
        let part = world.store.alerts(&filter, page(before, 10)).await.unwrap();
        read.extend(part.rows.into_iter().map(|alert| alert.event.id));
        // What arrives in between is above, not on the next page.
        world
            .deliver(
                "r-1-VM",
                vec![test_event("r-1-VM", &format!("late{}", read.len()))],
            )
            .await;
        before = part.next;
        if before.is_none() {
            break;
        }
    }
    let expected: Vec<String> = (0..25).rev().map(|n| n.to_string()).collect();
    assert_eq!(read, expected);
}

async fn an_outage_is_summed_up_whatever_order_its_alerts_arrive_in(world: World) {
    world.add_routers(&["r-1-VM", "r-2-VM"]).await;
    let story = |router: &str| {
        let failed = Fact::RestartFailed {
            attempts: 5,
            failure: contract::Failure {
                reason: "exit 1".into(),
                exit: Some(1),
                output: String::new(),
            },
        };
        vec![
            down(router, "a", 1, "o"),
            event(router, "b", 2, Some("o"), failed),
            restarted(router, "c", 3, "o"),
        ]
    };
    world.deliver("r-1-VM", story("r-1-VM")).await;
    for event in story("r-2-VM").into_iter().rev() {
        world.deliver("r-2-VM", vec![event.clone()]).await;
        world.deliver("r-2-VM", vec![event]).await;
    }
    world
        .deliver("r-2-VM", vec![down("r-2-VM", "d", 4, "open")])
        .await;
    let find = async |filter| {
        world
            .store
            .outages(&filter, Page::default())
            .await
            .unwrap()
            .rows
    };
    let all = find(OutageFilter::default()).await;
    assert_eq!(all.len(), 3);
    for outage in &all[1..] {
        assert_eq!(outage.outage, "o");
        assert_eq!(
            (outage.opened, outage.ended, outage.last),
            (at(1), Some(at(3)), at(3))
        );
        assert_eq!(
            (outage.worst, outage.severity),
            (Severity::Critical, Severity::Cleared)
        );
        assert_eq!((outage.kind.as_str(), outage.alerts), ("restarted", 3));
        assert_eq!(outage.service.as_deref(), Some("dhcp"));
    }
    let open = find(OutageFilter {
        open: Some(true),
        ..OutageFilter::default()
    })
    .await;
    assert_eq!(open, all[..1]);
    assert_eq!(open[0].router, "r-2-VM");
    let ended = OutageFilter {
        open: Some(false),
        router: Some("r-1-VM".into()),
        min_severity: Some(Severity::Critical),
        zone: Some("zone-1".into()),
        service: Some("dhcp".into()),
        acknowledged: Some(false),
        since: Some(at(1)),
        until: Some(at(2)),
    };
    assert_eq!(find(ended).await, all[2..]);
    assert_eq!(world.store.counts().await.unwrap().open_outages, 1);
}

async fn an_outage_is_acknowledged_by_whoever_is_first(world: World) {
    world.add_routers(&["r-1-VM"]).await;
    world
        .deliver("r-1-VM", vec![down("r-1-VM", "a", 1, "o")])
        .await;
    let store = &world.store;
    let id = store
        .outages(&OutageFilter::default(), page(None, 1))
        .await
        .unwrap()
        .rows[0]
        .id;
    let first = store.acknowledge(id, "anna").await.unwrap().unwrap();
    assert_eq!(first.acknowledged_by.as_deref(), Some("anna"));
    assert_eq!(store.acknowledge(id, "bert").await.unwrap().unwrap(), first);
    assert!(store.acknowledge(id + 1, "bert").await.unwrap().is_none());
    // Later alerts leave it acknowledged.
    world
        .deliver("r-1-VM", vec![restarted("r-1-VM", "b", 2, "o")])
        .await;
    let filter = OutageFilter {
        acknowledged: Some(true),
        ..OutageFilter::default()
    };
    let acknowledged = store.outages(&filter, Page::default()).await.unwrap().rows;
    assert_eq!(acknowledged[0].acknowledged, first.acknowledged);
    assert_eq!(acknowledged[0].ended, Some(at(2)));
}
