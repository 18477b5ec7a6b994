//! What the time limit ends, and what it spares.

use super::*;

const SHORT: Duration = Duration::from_secs(1);

#[tokio::test]
async fn the_time_limit_ends_the_whole_group_but_no_daemon() {
    let world = World::new();
    let outcome = world
        .run(
            "setsid sh -c 'echo $$ > '$D'/daemon; exec sleep 1000' > /dev/null 2>&1 &
            sh -c 'echo $$ > '$D'/child; sh -c \"echo \\$\\$ > '$D'/grandchild; sleep 1000; :\"; :' &
            echo $$ > $D/leader
            echo working; sleep 1000",
            SHORT,
        )
        .await;
    assert_eq!(outcome.exit, None);
    assert_eq!(outcome.reason.as_deref(), Some("timed out after 1s"));
    assert_eq!(outcome.output, "working");
    let leader = world.pid("leader").await;
    assert!(is_gone(leader));
    assert!(!is_alive(world.pid("child").await));
    assert!(!is_alive(world.pid("grandchild").await));
    assert!(is_alive(world.pid("daemon").await));
}

#[tokio::test]
async fn a_command_that_ignores_sigterm_is_killed() {
    let world = World::new();
    let outcome = world
        .run(
            "trap '' TERM; echo $$ > $D/leader; while :; do sleep 0.1; done",
            SHORT,
        )
        .await;
    assert_eq!(outcome.reason.as_deref(), Some("timed out after 1s"));
    assert!(is_gone(world.pid("leader").await));
}

#[tokio::test]
async fn a_child_that_ignores_sigterm_is_killed_though_the_leader_went_at_once() {
    let world = World::new();
    world
        .run(
            "sh -c 'trap \"\" TERM; echo $$ > '$D'/child; while :; do sleep 0.1; done' &
            echo $$ > $D/leader
            sleep 1000",
            SHORT,
        )
        .await;
    assert!(is_gone(world.pid("leader").await));
    let child = world.pid("child").await;
    until("the child is dead", || !is_alive(child)).await;
}

#[tokio::test]
async fn a_command_that_is_the_service_itself_is_left_alone_and_reaped_when_it_ends() {
    let world = World::new();
    let settings = Settings {
        command: world.script("echo $$ > $D/service; echo serving; exec sleep 1000"),
        timeout: SHORT,
        end_leftovers: false,
    };
    let is_service = |group: u32| {
        let pid = std::fs::read_to_string(world.path("service")).unwrap();
        pid.trim().parse() == Ok(group)
    };
    let outcome = run(&settings, &world.token, None, is_service).await;
    assert_eq!(outcome.exit, None);
    assert_eq!(
        outcome.reason.as_deref(),
        Some("still running after 1s, as the service itself; left alone")
    );
    assert_eq!(outcome.output, "serving");
    let service = world.pid("service").await;
    assert!(is_alive(service));
    kill(service);
    until("it is reaped", || is_gone(service)).await;
}
