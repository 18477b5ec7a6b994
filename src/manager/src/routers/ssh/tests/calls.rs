//! What a call brings back, and how it is bounded.

use std::fs;
use std::time::Duration;

use super::super::call::LARGEST_ANSWER;
use super::super::sshd::until;
use super::{LONG, World, run};
use crate::routers::shell::{ReachError, Shell as _};

#[tokio::test]
async fn a_call_brings_back_output_complaints_and_exit_code() {
    let world = World::new();
    let mut session = world.visit(&world.direct(), "").await.unwrap();
    let answer = run(
        &mut session,
        "sh",
        &["-c", "echo $MACHINE; echo no >&2; exit 3"],
    )
    .await;
    assert_eq!(answer.exit, Some(3));
    assert_eq!(answer.output, b"router\n");
    assert_eq!(answer.errors, b"no\n");
    let input: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let answer = session.run("cat", &[], &input, LONG).await.unwrap();
    assert!(answer.is_well() && answer.output == input);
    Box::new(session).close().await;
    until("the router has no session left", || {
        world.router.sessions().is_empty()
    });
}

#[tokio::test]
async fn the_exit_code_that_is_sshs_own_and_an_end_by_signal_are_told_apart() {
    let world = World::new();
    let mut session = world.visit(&world.direct(), "").await.unwrap();
    assert_eq!(
        run(&mut session, "sh", &["-c", "exit 255"]).await.exit,
        Some(255)
    );
    assert_eq!(
        run(&mut session, "sh", &["-c", "kill -9 $$"]).await.exit,
        None
    );
    assert_eq!(
        run(&mut session, "no-such-program", &[]).await.exit,
        Some(127)
    );
}

#[tokio::test]
async fn a_flood_is_refused_and_the_session_goes_on() {
    let world = World::new();
    let mut session = world.visit(&world.direct(), "").await.unwrap();
    let flood = session.run("cat", &["/dev/zero"], &[], LONG).await;
    assert_eq!(flood, Err(ReachError::TooMuch(LARGEST_ANSWER)));
    let complaints = run(&mut session, "sh", &["-c", "head -c 3000000 /dev/zero >&2"]).await;
    assert!(complaints.is_well());
    assert_eq!(complaints.errors.len(), 64 << 10);
}

#[tokio::test]
async fn a_program_that_hangs_ends_here_at_once_and_there_by_itself() {
    let world = World::new();
    let mut session = world.visit(&world.direct(), "").await.unwrap();
    let limit = Duration::from_secs(1);
    let hung = session.run("sleep", &["86399"], &[], limit).await;
    assert_eq!(hung, Err(ReachError::TimedOut(limit)));
    assert!(sleeping("86399"));
    drop(session);
    until("the program on the router has ended too", || {
        !sleeping("86399")
    });
}

#[tokio::test]
async fn a_visit_ends_at_its_time_whatever_its_calls_may_take() {
    let world = World::new();
    let mut session = world
        .visit(&world.direct(), "visit_timeout = \"2s\"")
        .await
        .unwrap();
    let hung = session.run("sleep", &["60"], &[], LONG).await;
    assert!(matches!(hung, Err(ReachError::TimedOut(_))), "{hung:?}");
    let late = session.run("true", &[], &[], LONG).await;
    assert_eq!(late, Err(ReachError::TimedOut(Duration::from_secs(2))));
}

#[tokio::test]
async fn a_visit_that_is_given_up_leaves_nothing_behind() {
    let world = World::new();
    let mut session = world.visit(&world.direct(), "").await.unwrap();
    let folder = session.master.folder().to_owned();
    assert!(folder.join("m").exists());
    let given_up = tokio::time::timeout(
        Duration::from_millis(300),
        session.run("cat", &[], &[0; 100], LONG),
    );
    let _ = given_up.await;
    drop(session);
    assert!(!folder.exists());
    let config = folder.join("config").to_str().unwrap().to_owned();
    until("no ssh of this visit runs", || !anybody_has(&config));
    until("the router has no session left", || {
        world.router.sessions().is_empty()
    });
}

#[tokio::test]
async fn a_lost_connection_is_told_as_such_and_not_as_an_answer() {
    let world = World::new();
    let mut session = world.visit(&world.direct(), "").await.unwrap();
    let cut = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.router.cut();
    };
    let (lost, ()) = tokio::join!(session.run("sleep", &["20"], &[], LONG), cut);
    assert!(
        matches!(&lost, Err(ReachError::Away(words)) if words.contains("lost")),
        "{lost:?}"
    );
    let after = session.run("true", &[], &[], LONG).await;
    assert!(matches!(after, Err(ReachError::Away(_))), "{after:?}");
}

/// Whether a `sleep` of so many seconds runs on this machine.
fn sleeping(seconds: &str) -> bool {
    commands().any(|command| command == format!("sleep\0{seconds}\0"))
}

fn anybody_has(word: &str) -> bool {
    commands().any(|command| command.split('\0').any(|one| one == word))
}

fn commands() -> impl Iterator<Item = String> {
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok())
        .map(|command| String::from_utf8_lossy(&command).into_owned())
}
