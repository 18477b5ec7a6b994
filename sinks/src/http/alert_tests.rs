use super::*;
use crate::examples::{at, event, restart_failed, restarted, service_down, unmonitored};

const WALL: &str = "2026-11-22T11:47:40Z";

fn json(alerts: &[Alert]) -> serde_json::Value {
    serde_json::to_value(alerts).unwrap()
}

fn apply(board: &mut Board, batch: &[Event]) -> Vec<Alert> {
    board.apply(batch, Instant::now(), at(WALL))
}

#[tokio::test(start_paused = true)]
async fn an_alert_fires_with_labels_that_do_not_change_and_its_end_carries_the_same() {
    let mut board = Board::default();
    let fired = apply(&mut board, &[event(1, service_down())]);
    assert_eq!(
        json(&fired),
        serde_json::json!([{
            "labels": {
                "alertname": "VrwatchServiceDown", "router": "r-42-VM", "service": "dhcp",
                "process": "dnsmasq", "severity": "major",
            },
            "annotations": {
                "summary": "dnsmasq on r-42-VM: service down",
                "description": fired[0].annotations["description"],
                "event_id": "event-1",
                "outage": "outage-1",
            },
            "startsAt": "2026-11-22T11:47:28.201Z",
        }])
    );
    assert!(
        fired[0].annotations["description"].starts_with("dnsmasq is down: process 812 is gone")
    );

    let ended = apply(&mut board, &[event(2, restarted())]);
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].labels, fired[0].labels);
    assert_eq!(ended[0].starts, fired[0].starts);
    assert_eq!(ended[0].ends, Some(at("2026-11-22T11:47:33.207Z")));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_outage_ends_each_of_its_alerts() {
    let mut board = Board::default();
    let outage = [
        event(1, service_down()),
        event(2, restart_failed("")),
        event(3, unmonitored()),
    ];
    let fired = apply(&mut board, &outage);
    let names: Vec<_> = fired
        .iter()
        .map(|alert| alert.labels["alertname"].as_str())
        .collect();
    assert_eq!(
        names,
        [
            "VrwatchServiceDown",
            "VrwatchRestartFailed",
            "VrwatchUnmonitored"
        ]
    );
    assert_eq!(fired[1].labels["severity"], "critical");
    let ended = apply(&mut board, &[event(4, restarted())]);
    assert_eq!(ended.len(), 3);
    assert!(ended.iter().all(|alert| alert.ends.is_some()));
}

#[tokio::test(start_paused = true)]
async fn a_router_that_is_away_fires_until_it_is_reachable_and_its_services_neither_end_nor_start_it()
 {
    let mut board = Board::default();
    let of_the_router = |seq, fact| {
        let mut event = event(seq, fact);
        (event.service, event.process) = (None, None);
        event
    };
    let away = Fact::RouterUnreachable {
        misses: 3,
        last_seen: None,
        reason: "no answer".into(),
    };
    let fired = apply(&mut board, &[of_the_router(0, away.clone())]);
    assert_eq!(fired[0].labels["alertname"], "VrwatchRouterUnreachable");
    assert_eq!(
        fired[0].annotations["summary"],
        "r-42-VM: router unreachable"
    );
    let other = apply(
        &mut board,
        &[event(1, service_down()), event(2, restarted())],
    );
    assert_eq!(other.len(), 1);
    let back = Fact::RouterReachable {
        downtime: Some(Duration::from_mins(17)),
    };
    let ended = apply(&mut board, &[of_the_router(0, back)]);
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].labels, fired[0].labels);
    assert!(ended[0].ends.is_some());
    // Nobody looks any more: it was stopped or removed.
    apply(&mut board, &[of_the_router(0, away)]);
    let removed = Fact::Unmonitored {
        until: None,
        reason: UnmonitoredReason::Removed,
    };
    let ended = apply(&mut board, &[of_the_router(0, removed)]);
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].labels, fired[0].labels);
    assert!(ended[0].ends.is_some());
}

#[tokio::test(start_paused = true)]
async fn what_ended_is_told_for_five_minutes_more_and_what_fires_for_ever() {
    let mut board = Board::default();
    apply(&mut board, &[event(1, service_down())]);
    tokio::time::advance(Duration::from_hours(24)).await;
    assert_eq!(board.current(Instant::now()).len(), 1);
    apply(&mut board, &[event(2, restarted())]);
    tokio::time::advance(Duration::from_secs(299)).await;
    assert_eq!(board.current(Instant::now()).len(), 1);
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(board.current(Instant::now()).is_empty());
    assert!(board.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_outage_that_began_and_ended_in_one_batch_is_told_as_ended() {
    let mut board = Board::default();
    let alerts = apply(
        &mut board,
        &[event(1, service_down()), event(2, restarted())],
    );
    assert_eq!(alerts.len(), 1);
    assert!(alerts[0].ends.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_comes_twice_changes_nothing_more() {
    let mut board = Board::default();
    let batch = [event(1, service_down()), event(2, restart_failed("no"))];
    let once = apply(&mut board, &batch);
    assert_eq!(apply(&mut board, &batch), once);
}

#[tokio::test(start_paused = true)]
async fn an_end_without_a_beginning_is_the_end_of_the_first_alert_of_an_outage() {
    let mut board = Board::default();
    let ended = apply(&mut board, &[event(2, restarted())]);
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].labels["alertname"], "VrwatchServiceDown");
    assert_eq!(ended[0].starts, at("2026-11-22T11:47:28.037Z"));
    assert_eq!(ended[0].ends, Some(at("2026-11-22T11:47:33.207Z")));
}

#[tokio::test(start_paused = true)]
async fn a_loss_and_a_test_end_by_themselves_and_a_removed_service_resolves() {
    let mut board = Board::default();
    let test = Fact::Test {
        text: "hello".into(),
    };
    let tested = apply(&mut board, &[event(1, test)]);
    assert_eq!(tested[0].ends, Some(at("2026-11-22T11:52:40Z")));

    apply(&mut board, &[event(2, service_down())]);
    let removed = Fact::Unmonitored {
        until: None,
        reason: UnmonitoredReason::Removed,
    };
    let ended = apply(&mut board, &[event(3, removed)]);
    assert_eq!(ended[0].labels["alertname"], "VrwatchServiceDown");
    assert!(ended[0].ends.is_some());
}

#[tokio::test(start_paused = true)]
async fn however_many_services_fail_memory_is_bounded() {
    let mut board = Board::default();
    let mut outages = (0..MOST as u64 + 50).map(|seq| {
        let mut event = event(seq, service_down());
        event.service = Some(format!("service-{seq}"));
        event
    });
    let all: Vec<_> = outages.by_ref().collect();
    assert_eq!(apply(&mut board, &all).len(), MOST + 50);
    assert_eq!(board.current(Instant::now()).len(), MOST);
}
