//! Finding and awaiting a command that an earlier daemon started.

use super::*;
use crate::restart::{adopt, find_running};

const UNKNOWN: &str = "started by an earlier run of vrwatch; its exit status is not known";

/// Starts a restart command that nobody waits for, as after a kill -9 of vrwatch.
fn start_and_forget(world: &World, body: &str) -> Started {
    let script = world.script(body);
    world.start(Path::new(&script[0]), &[])
}

#[tokio::test]
async fn a_command_that_outlived_its_daemon_is_found_and_awaited() {
    let world = World::new();
    let _command = start_and_forget(
        &world,
        "setsid sh -c 'echo $$ > '$D'/daemon; exec sleep 1000' &
        sleep 1000 &
        echo $! > $D/child
        while [ ! -s $D/daemon ]; do sleep 0.02; done
        echo $$ > $D/leader
        while [ ! -e $D/go ]; do sleep 0.02; done; kill $(cat $D/child)",
    );
    let leader = world.pid("leader").await;
    let daemon = world.pid("daemon").await;
    let running = find_running(&world.token).unwrap();
    assert_eq!(running.process, stat(leader).process());
    let go = async {
        std::fs::write(world.path("go"), "").unwrap();
    };
    let (outcome, ()) = tokio::join!(adopt(running, LONG, |_| false), go);
    assert_eq!(outcome.exit, None);
    assert_eq!(outcome.reason.as_deref(), Some(UNKNOWN));
    assert_eq!(outcome.output, "");
    assert!(!is_alive(leader));
    // The daemon inherited the mark and is not taken for the command.
    assert!(is_alive(daemon));
    assert_eq!(find_running(&world.token), None);
}

#[tokio::test]
async fn nothing_is_found_by_another_token_or_an_empty_one() {
    let world = World::new();
    let _command = start_and_forget(&world, "echo $$ > $D/leader; exec sleep 1000");
    world.pid("leader").await;
    assert!(find_running(&world.token).is_some());
    assert_eq!(find_running(&world.token[..world.token.len() - 1]), None);
    assert_eq!(find_running(&format!("{}0", world.token)), None);
    assert_eq!(find_running(""), None);
}

#[tokio::test]
async fn an_adopted_command_is_ended_at_its_time_limit_with_its_group_but_no_daemon() {
    let world = World::new();
    let _command = start_and_forget(
        &world,
        "setsid sh -c 'echo $$ > '$D'/daemon; exec sleep 1000' &
        sh -c 'trap \"\" TERM; echo $$ > '$D'/child; while :; do sleep 0.1; done' &
        echo $$ > $D/leader; wait",
    );
    let leader = world.pid("leader").await;
    let child = world.pid("child").await;
    let daemon = world.pid("daemon").await;
    let running = find_running(&world.token).unwrap();
    let outcome = adopt(running, Duration::from_secs(1), |_| false).await;
    assert_eq!(outcome.reason.as_deref(), Some("timed out after 1s"));
    assert!(!is_alive(leader));
    assert!(!is_alive(child));
    assert!(is_alive(daemon));
}

#[tokio::test]
async fn an_adopted_command_that_is_the_service_itself_is_left_alone() {
    let world = World::new();
    let _command = start_and_forget(&world, "echo $$ > $D/leader; exec sleep 1000");
    let leader = world.pid("leader").await;
    let running = find_running(&world.token).unwrap();
    let outcome = adopt(running, Duration::ZERO, |group| group == leader).await;
    assert_eq!(
        outcome.reason.as_deref(),
        Some("still running after 0ns, as the service itself; left alone")
    );
    assert!(is_alive(leader));
}

#[tokio::test]
async fn a_pid_that_changed_hands_is_not_the_command() {
    let world = World::new();
    let other = world.start(Path::new("sleep"), &["1000"]);
    let mut running = crate::restart::Running {
        process: stat(other.id()).process(),
    };
    running.process.started -= Duration::from_millis(10);
    let outcome = adopt(running, Duration::ZERO, |_| false).await;
    assert_eq!(outcome.reason.as_deref(), Some(UNKNOWN));
    assert!(is_alive(other.id()));
}
