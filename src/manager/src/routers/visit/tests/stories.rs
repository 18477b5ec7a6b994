//! One router at a time.

use contract::{Fact, Severity};

use super::fleet::Mood;
use super::*;
use crate::routers::visit::{Book, PollError};
use crate::store::{StoreError, Via, WorkLease};

const R: &str = "r-1-VM";

#[tokio::test(start_paused = true)]
async fn a_visit_brings_alerts_and_usage_and_the_next_one_what_is_new() {
    let world = World::of(&[R]);
    let manager = world.manager("m1");
    world.fleet.publish(R, 3);
    let brought = manager.poll_once(R).await.unwrap();
    assert_eq!(
        (brought.new, brought.usage, brought.via),
        (3, 1, Via::Visit)
    );
    world.fleet.publish(R, 2);
    let brought = manager.poll_once(R).await.unwrap();
    assert_eq!((brought.new, brought.known, brought.more), (2, 0, false));
    assert_eq!(world.model.ids(R), world.fleet.journal_ids(R));
    let asked = world.fleet.with(R, |fake| fake.asked.clone());
    assert_eq!(asked, ["vrwatch poll", "vrwatch poll --after 3"]);
    assert_eq!(manager.tally().alerts, 5);
}

#[tokio::test(start_paused = true)]
async fn a_backlog_is_committed_document_by_document_in_one_session() {
    let world = World::of(&[R]);
    world.fleet.publish(R, 25);
    world.fleet.with(R, |fake| fake.page = 10);
    let brought = world.manager("m1").poll_once(R).await.unwrap();
    assert_eq!((brought.new, brought.usage), (25, 1));
    assert_eq!(world.fleet.with(R, |fake| fake.opened), 1);
    assert_eq!(world.model.row(R, |row| row.ends.len()), 1);
    assert_eq!(world.model.ids(R), world.fleet.journal_ids(R));
}

#[tokio::test(start_paused = true)]
async fn a_backlog_beyond_what_one_visit_reads_comes_with_the_next_and_soon() {
    let world = World::of(&[R]);
    world.fleet.publish(R, 100);
    world.fleet.with(R, |fake| fake.page = 1);
    let manager = world.manager("m1");
    let brought = manager.poll_once(R).await.unwrap();
    assert_eq!((brought.new, brought.more), (64, true));
    tokio::select! {
        () = manager.run(std::future::pending()) => {}
        () = pass(Duration::from_secs(20)) => {}
    }
    assert_eq!(world.model.ids(R), world.fleet.journal_ids(R));
}

#[tokio::test(start_paused = true)]
async fn a_router_that_tells_without_end_is_read_bit_by_bit() {
    let world = World::of(&[R]);
    world.fleet.publish(R, 30_000);
    world.fleet.with(R, |fake| fake.page = 1000);
    let manager = world.manager("m1");
    let brought = manager.poll_once(R).await.unwrap();
    assert_eq!((brought.new, brought.more), (10_000, true));
    // The next one is as far away as any, and brings no more than that.
    tokio::select! {
        () = manager.run(std::future::pending()) => {}
        () = pass(Duration::from_mins(4)) => {}
    }
    assert_eq!(world.model.ids(R).len(), 10_000);
    tokio::select! {
        () = manager.run(std::future::pending()) => {}
        () = pass(Duration::from_mins(12)) => {}
    }
    assert_eq!(world.model.ids(R), world.fleet.journal_ids(R));
}

#[tokio::test(start_paused = true)]
async fn three_misses_are_one_alert_and_the_visit_after_ends_it() {
    let mut world = World::of(&[R]);
    world.settings = settings("timeout = \"10s\"");
    let manager = world.manager("m1");
    manager.poll_once(R).await.unwrap();
    for mood in [
        Mood::Away,
        Mood::Silent,
        Mood::Away,
        Mood::Silent,
        Mood::Away,
    ] {
        world.fleet.with(R, |fake| fake.mood = mood);
        let missed = manager.poll_once(R).await;
        assert!(matches!(missed, Err(PollError::Missed(_))), "{missed:?}");
    }
    assert_eq!(world.model.kinds(R), ["router_unreachable"]);
    // Another manager goes on with it.
    world.fleet.with(R, |fake| fake.mood = Mood::Well);
    world.fleet.publish(R, 1);
    let other = world.manager("m2");
    other.poll_once(R).await.unwrap();
    other.poll_once(R).await.unwrap();
    assert_eq!(
        world.model.kinds(R),
        ["router_unreachable", "test", "router_reachable"]
    );
    world.model.row(R, |row| {
        let (away, back) = (&row.alerts[0], &row.alerts[2]);
        assert_eq!(away.outage, back.outage);
        assert_eq!(
            (away.severity, back.severity),
            (Severity::Critical, Severity::Cleared)
        );
        assert!(matches!(
            &away.fact,
            Fact::RouterUnreachable {
                misses: 3,
                last_seen: Some(_),
                ..
            }
        ));
    });
    assert_eq!(manager.tally().misses, 5);
}

#[tokio::test(start_paused = true)]
async fn a_router_that_calls_itself_otherwise_is_not_believed() {
    let world = World::of(&[R]);
    world.fleet.publish(R, 1);
    world.fleet.with(R, |fake| fake.name = "r-2-VM".into());
    let missed = world.manager("m1").poll_once(R).await.unwrap_err();
    assert!(
        missed.to_string().contains("calls itself \"r-2-VM\""),
        "{missed}"
    );
    assert!(world.model.ids(R).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_router_without_vrwatch_is_asked_as_cloudstack_does_it_and_loses_no_second() {
    let world = World::of(&[R]);
    let manager = world.manager("m1");
    let line = |words: &str| {
        format!("2026-11-24 12:00:07,100 [ALERT] [The process haproxy recover failed ] {words}")
    };
    world.fleet.with(R, |fake| {
        fake.has_vrwatch = false;
        fake.log.push(line("one"));
    });
    let brought = manager.poll_once(R).await.unwrap();
    assert_eq!(
        (brought.new, brought.usage, brought.via),
        (1, 1, Via::Legacy)
    );
    // In the second that was read already.
    world.fleet.with(R, |fake| fake.log.push(line("two")));
    let brought = manager.poll_once(R).await.unwrap();
    assert_eq!((brought.new, brought.known), (1, 1));
    let asked = world.fleet.with(R, |fake| fake.asked.clone());
    assert_eq!(
        asked[1],
        "/opt/cloud/bin/getRouterAlerts.sh 1970-01-01 00:00:00"
    );
    assert_eq!(
        asked[4],
        "/opt/cloud/bin/getRouterAlerts.sh 2026-11-24 11:58:07"
    );
    world.model.row(R, |row| {
        assert_eq!(
            row.cursor.legacy_stamp.as_deref(),
            Some("2026-11-24 12:00:07")
        );
        assert_eq!(row.alerts[0].outage, row.alerts[1].outage);
        assert_eq!(
            (row.usage[0].bytes_sent, row.usage[0].bytes_received),
            (40, 60)
        );
    });
    // It gets vrwatch.
    world.fleet.with(R, |fake| fake.has_vrwatch = true);
    world.fleet.publish(R, 1);
    let brought = manager.poll_once(R).await.unwrap();
    assert_eq!((brought.new, brought.via), (1, Via::Visit));
}

#[tokio::test(start_paused = true)]
async fn a_line_from_the_future_hides_no_later_one() {
    let world = World::of(&[R]);
    let manager = world.manager("m1");
    let say = |line: &str| {
        world.fleet.with(R, |fake| {
            fake.has_vrwatch = false;
            fake.log.push(line.into());
        });
    };
    say("2099-01-01 00:00:00,000 [ALERT] [The process sshd recover failed ] sshd");
    manager.poll_once(R).await.unwrap();
    pass(Duration::from_hours(20)).await;
    say("2026-11-25 08:00:00,000 [ALERT] [The process sshd recover failed ] sshd");
    let brought = manager.poll_once(R).await.unwrap();
    assert_eq!((brought.new, brought.known), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn thousands_of_old_lines_come_in_parts_and_once() {
    let world = World::of(&[R]);
    world.fleet.with(R, |fake| {
        fake.has_vrwatch = false;
        fake.log = (0..3000)
            .map(|number| {
                let (minute, second) = (number / 60, number % 60);
                format!(
                    "2026-11-23 {:02}:{:02}:{second:02},000 [ALERT] [Disk] {number}",
                    minute / 60,
                    minute % 60
                )
            })
            .collect();
    });
    let manager = world.manager("m1");
    assert_eq!(manager.poll_once(R).await.unwrap().new, 3000);
    let again = manager.poll_once(R).await.unwrap();
    assert_eq!((again.new, again.usage), (0, 1));
    assert_eq!(world.model.row(R, |row| row.alerts.len()), 3000);
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_was_begun_anew_is_read_whole_and_said_to_be_new() {
    let world = World::of(&[R]);
    let manager = world.manager("m1");
    world.fleet.publish(R, 5);
    manager.poll_once(R).await.unwrap();
    world.fleet.with(R, |fake| {
        fake.journal.truncate(2);
        for event in &mut fake.journal {
            event.id.push_str("-anew");
        }
    });
    let brought = manager.poll_once(R).await.unwrap();
    assert_eq!(brought.new, 2);
    assert_eq!(
        world.model.kinds(R)[5..],
        ["test", "test", "alerts_dropped"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_router_that_is_being_visited_is_not_visited_twice() {
    let world = World::of(&[R]);
    world.fleet.with(R, |fake| fake.mood = Mood::Silent);
    let manager = world.manager("m1");
    let first = manager.poll_once(R);
    let second = async {
        pass(Duration::from_secs(1)).await;
        world.manager("m2").poll_once(R).await
    };
    let (first, second) = tokio::join!(first, second);
    assert!(matches!(first, Err(PollError::Missed(reason)) if reason.contains("no answer within")));
    assert!(matches!(second, Err(PollError::Busy)));
}

#[tokio::test(start_paused = true)]
async fn who_was_too_slow_stores_nothing() {
    let world = World::of(&[R]);
    world.fleet.publish(R, 1);
    // Held up between the claim and its visit for longer than its lease.
    world.model.fuse.set(2);
    let manager = world.manager("m1");
    let slow = tokio::spawn({
        let manager = manager.clone();
        async move { manager.poll_once(R).await }
    });
    pass(Duration::from_mins(10)).await;
    world.model.fuse.set(0);
    world.manager("m2").poll_once(R).await.unwrap();
    assert_eq!(world.model.ids(R), world.fleet.journal_ids(R));
    slow.abort();
    let lease = WorkLease {
        router: R.into(),
        holder: "m1".into(),
        token: 1,
    };
    let refused = world
        .model
        .store_miss(&lease, "late", None, Duration::ZERO)
        .await;
    assert!(matches!(refused, Err(StoreError::Outrun)));
}

#[tokio::test(start_paused = true)]
async fn all_are_visited_and_each_outcome_is_told() {
    let world = World::of(&["r-1-VM", "r-2-VM", "r-3-VM", "r-4-VM"]);
    world.fleet.with("r-2-VM", |fake| fake.mood = Mood::Away);
    world.model.row("r-3-VM", |row| row.running(false));
    let mut told = Vec::new();
    let manager = world.manager("m1");
    manager
        .poll_all(|router, outcome| told.push((router.to_owned(), outcome.is_ok())))
        .await
        .unwrap();
    told.sort();
    let expected = [("r-1-VM", true), ("r-2-VM", false), ("r-4-VM", true)];
    assert_eq!(
        told,
        expected.map(|(router, well)| (router.to_owned(), well))
    );
}
