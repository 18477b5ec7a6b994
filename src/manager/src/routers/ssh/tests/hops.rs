//! The way through the host, and what arguments look like at its end.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::super::sshd::until;
use super::{LONG, World, run};
use crate::routers::shell::{ReachError, Shell as _};
use crate::routers::ssh::{Session, Way};

const HERE: &str = "jump.router_key = \"here\"";

#[tokio::test]
async fn the_key_on_the_host_opens_the_router() {
    let world = World::new();
    let mut session = world.visit(&world.through(), "").await.unwrap();
    let answer = run(&mut session, "sh", &["-c", "echo $MACHINE; cat; exit 4"]).await;
    assert_eq!(
        (answer.exit, answer.output.as_slice()),
        (Some(4), &b"router\n"[..])
    );
    let input: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let answer = session.run("cat", &[], &input, LONG).await.unwrap();
    assert!(answer.is_well() && answer.output == input);
    assert_eq!(
        run(&mut session, "sh", &["-c", "exit 255"]).await.exit,
        Some(255)
    );
    Box::new(session).close().await;
    until("nobody has a session left", || {
        world.host.sessions().is_empty() && world.router.sessions().is_empty()
    });
}

#[tokio::test]
async fn with_the_key_here_the_host_only_passes_the_connection_on() {
    let world = World::new();
    let mut session = world.visit(&world.through(), HERE).await.unwrap();
    assert_eq!(
        run(&mut session, "printenv", &["MACHINE"]).await.output,
        b"router\n"
    );
    let known = world.keys.known_hosts();
    assert!(known.contains("127.0.0.2 ssh-ed25519 ") && known.contains("r-1-vm ssh-ed25519 "));
    drop(session);
    until("nobody has a session left", || {
        world.host.sessions().is_empty() && world.router.sessions().is_empty()
    });
}

#[tokio::test]
async fn a_router_that_is_away_is_told_apart_from_its_host() {
    let mut world = World::new();
    let mut session = world.visit(&world.through(), "").await.unwrap();
    world.router.stop();
    let away = session.run("true", &[], &[], LONG).await;
    assert!(
        matches!(&away, Err(ReachError::Away(words)) if words.contains("Connection refused")),
        "{away:?}"
    );
    drop(session);
    for more in ["", HERE] {
        let away = world.visit(&world.through(), more).await.map(drop);
        if more.is_empty() {
            // Its key is known, so only the first call meets it.
            assert_eq!(away, Ok(()));
        } else {
            assert!(matches!(away, Err(ReachError::Away(_))), "{away:?}");
        }
    }
}

async fn told(session: &mut Session, words: &[String]) -> Vec<u8> {
    let mut arguments = vec![r"%s\0"];
    arguments.extend(words.iter().map(String::as_str));
    let answer = run(session, "printf", &arguments).await;
    assert!(answer.is_well() && answer.errors.is_empty(), "{answer:?}");
    answer.output
}

fn expected(words: &[String]) -> Vec<u8> {
    words
        .iter()
        .flat_map(|word| [word.as_bytes(), &[0]].concat())
        .collect()
}

async fn arguments_arrive(world: &World, way: &Way) {
    let mut session = world.visit(way, "").await.unwrap();
    let every: Vec<String> = (1..0x250_u32)
        .filter_map(char::from_u32)
        .map(String::from)
        .collect();
    assert_eq!(told(&mut session, &every).await, expected(&every));
    let nul = session.run("true", &["a\0b"], &[], LONG).await;
    assert!(matches!(nul, Err(ReachError::Refused(_))));
    let words = proptest::collection::vec(
        proptest::collection::vec(
            prop_oneof![
                Just('\''),
                Just('\\'),
                Just('$'),
                Just('`'),
                Just('"'),
                Just('\n'),
                any::<char>()
            ],
            0..20,
        )
        .prop_map(|letters| {
            letters
                .into_iter()
                .filter(|letter| *letter != '\0')
                .collect::<String>()
        }),
        1..40,
    );
    let mut runner = TestRunner::default();
    for _ in 0..16 {
        let words = words.new_tree(&mut runner).unwrap().current();
        assert_eq!(
            told(&mut session, &words).await,
            expected(&words),
            "{words:?}"
        );
    }
}

#[tokio::test]
async fn arguments_arrive_as_they_are_over_one_connection() {
    let world = World::new();
    arguments_arrive(&world, &world.direct()).await;
}

#[tokio::test]
async fn arguments_arrive_as_they_are_through_two_shells() {
    let world = World::new();
    arguments_arrive(&world, &world.through()).await;
}
