//! Who is trusted: host keys and log-ins, and machines that do not answer.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use super::super::known_hosts::forget;
use super::super::sshd::Sshd;
use super::{LONG, World, refusal, run};
use crate::routers::shell::{ReachError, Shell as _};
use crate::routers::ssh::{Session, Ssh, Way};

#[tokio::test]
async fn a_first_contact_pins_the_key_under_the_routers_name() {
    let world = World::new();
    for way in [world.direct(), world.through(), world.direct()] {
        drop(world.visit(&way, "").await.unwrap());
    }
    let known = world.keys.known_hosts();
    assert_eq!(known.matches("r-1-vm ssh-ed25519 ").count(), 1, "{known}");
    assert_eq!(
        known.matches("127.0.0.2 ssh-ed25519 ").count(),
        1,
        "{known}"
    );
}

#[tokio::test]
async fn a_key_learnt_through_the_host_is_pinned_here_and_told_to_the_host() {
    let world = World::new();
    drop(world.visit(&world.through(), "").await.unwrap());
    let known = world.keys.known_hosts();
    assert!(known.contains("r-1-vm ssh-ed25519 "), "{known}");
    let on_host = fs::read_to_string(world.keys.path("known_hosts.vrwatch.r-1-vm")).unwrap();
    assert!(known.contains(on_host.trim()), "{on_host}");
    // Insisted on from now on, by either way.
    for way in [world.through(), world.direct()] {
        let mut session = world.visit(&way, "first_contact = \"yes\"").await.unwrap();
        assert!(run(&mut session, "true", &[]).await.is_well());
    }
}

#[tokio::test]
async fn an_unknown_key_is_refused_where_it_must_be_known() {
    let world = World::new();
    let yes = "first_contact = \"yes\"";
    let words = refusal(world.visit(&world.direct(), yes).await);
    assert!(
        words.contains("the host key of r-1-VM is not known"),
        "{words}"
    );
    let words = refusal(world.visit(&world.through(), yes).await);
    assert!(
        words.contains("the host key of 127.0.0.2 is not known"),
        "{words}"
    );
    drop(world.visit(&world.through(), "").await.unwrap());
    forget(&world.keys.path("known_hosts"), "r-1-VM").unwrap();
    let words = refusal(world.visit(&world.through(), yes).await);
    assert!(
        words.contains("the host key of r-1-VM is not known"),
        "{words}"
    );
}

#[tokio::test]
async fn a_changed_key_of_a_router_is_refused_until_it_is_forgotten() {
    let mut world = World::new();
    drop(world.visit(&world.direct(), "").await.unwrap());
    world.router.make_anew();
    let words = refusal(world.visit(&world.direct(), "").await);
    assert!(
        words.contains("r-1-VM has another host key") && words.contains("forget-host-key r-1-VM"),
        "{words}"
    );
    let here = "jump.router_key = \"here\"";
    let words = refusal(world.visit(&world.through(), here).await);
    assert!(words.contains("r-1-VM has another host key"), "{words}");
    let mut session = world.visit(&world.through(), "").await.unwrap();
    let refused = session.run("true", &[], &[], LONG).await;
    assert!(
        matches!(&refused, Err(ReachError::Refused(words)) if words.contains("r-1-VM has another host key")),
        "{refused:?}"
    );
    assert!(forget(&world.keys.path("known_hosts"), "r-1-VM").unwrap());
    for way in [world.direct(), world.through()] {
        let mut session = world.visit(&way, "").await.unwrap();
        assert!(run(&mut session, "true", &[]).await.is_well());
    }
}

#[tokio::test]
async fn a_changed_key_of_the_host_is_refused() {
    let mut world = World::new();
    drop(world.visit(&world.through(), "").await.unwrap());
    world.host.make_anew();
    for more in ["", "jump.router_key = \"here\""] {
        let words = refusal(world.visit(&world.through(), more).await);
        assert!(words.contains("127.0.0.2 has another host key"), "{words}");
    }
}

#[tokio::test]
async fn a_host_key_that_cannot_be_kept_is_not_trusted() {
    let world = World::new();
    fs::create_dir(world.keys.path("known_hosts")).unwrap();
    let words = refusal(world.visit(&world.direct(), "").await);
    assert!(words.contains("cannot be kept in"), "{words}");
}

#[tokio::test]
async fn a_wrong_key_is_refused_in_words() {
    let mut world = World::new();
    world.router = Sshd::start("router", &world.keys, &["stranger"]);
    let words = refusal(world.visit(&world.direct(), "").await);
    assert!(
        words.contains("r-1-VM does not let the manager in"),
        "{words}"
    );
    let mut session = world.visit(&world.through(), "").await.unwrap();
    let refused = session.run("true", &[], &[], LONG).await;
    assert!(
        matches!(refused, Err(ReachError::Refused(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_key_file_that_others_may_read_is_refused_in_words() {
    use std::os::unix::fs::PermissionsExt as _;

    let world = World::new();
    let mode = fs::Permissions::from_mode(0o644);
    fs::set_permissions(world.keys.path("manager"), mode).unwrap();
    let words = refusal(world.visit(&world.direct(), "").await);
    assert!(words.contains("too open"), "{words}");
}

#[tokio::test]
async fn an_sshd_that_says_nothing_costs_the_time_limit_and_no_more() {
    let world = World::new();
    let mute = TcpListener::bind("127.0.0.3:0").unwrap();
    let port = mute.local_addr().unwrap().port();
    let settings = world
        .keys
        .settings(port, world.host.port, "connect_timeout = \"1s\"");
    let result = Ssh::new(settings).visit("r-1-VM", &world.direct()).await;
    assert!(matches!(result, Err(ReachError::TimedOut(limit)) if limit <= Duration::from_secs(3)));
}

#[tokio::test]
async fn a_router_that_is_not_there_is_away() {
    let mut world = World::new();
    world.router.stop();
    let result: Result<Session, _> = world.visit(&world.direct(), "").await;
    assert!(matches!(result, Err(ReachError::Away(words)) if words.contains("Connection refused")));
    let nobody = Way::Through {
        host: "no-such-host.invalid".to_owned(),
        address: [127, 0, 0, 3].into(),
    };
    assert!(matches!(
        world.visit(&nobody, "").await,
        Err(ReachError::Away(_))
    ));
    let evil = Ssh::new(world.settings(""))
        .visit("r-1\nHost *", &world.direct())
        .await;
    assert!(refusal(evil).contains("cannot be reached by ssh"));
}
