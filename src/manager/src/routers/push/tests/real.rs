//! A router with the real vrwatch.

use std::fs;

use super::super::{Checked, Files, InForce, Outcome, PushError, Sent, push};
use super::{World, list};

fn sent(result: Result<Outcome, PushError>) -> Sent {
    match result {
        Ok(Outcome::Sent(sent)) => sent,
        other => panic!("not sent: {other:?}"),
    }
}

#[tokio::test]
async fn what_is_sent_is_seen_in_force_and_sent_again_is_unchanged() {
    let mut world = World::with_vrwatch(&list(&["one"]));
    world.run_daemon();
    let new = list(&["one", "two"]);
    let outcome = world.push(&new, "").await;
    let words = outcome.as_ref().unwrap().to_string();
    assert!(words.ends_with("; watches one, two; in force"), "{words}");
    assert_eq!(sent(outcome).in_force, InForce::Seen);
    assert_eq!(world.monitor_conf(), new);
    assert_eq!(world.push(&new, "").await, Ok(Outcome::Unchanged));
    // Only a pid file differs: seen nevertheless.
    let moved = new.replace("/two.pid", "/zwei.pid");
    assert_eq!(sent(world.push(&moved, "").await).in_force, InForce::Seen);
    // Nothing to watch can be meant, and be in force.
    let nothing = list(&[]);
    assert_eq!(sent(world.push(&nothing, "").await).in_force, InForce::Seen);
    assert_eq!(world.monitor_conf(), nothing);
    assert!(!world.has_leftovers());
}

#[tokio::test]
async fn the_switch_is_sent_with_the_services() {
    let mut world = World::with_vrwatch(&list(&["one"]));
    world.run_daemon();
    let mut files = Files {
        services: Some(list(&["one", "two"])),
        monitorservice: Some(r#"{"disable_monitoring":true}"#.to_owned()),
    };
    let mut session = world.session().await;
    let settings = world.settings("");
    let off = sent(push(&mut session, &files, &settings).await);
    assert_eq!((off.files.len(), off.in_force), (2, InForce::Seen));
    assert!(
        matches!(&off.checked, Checked::ByVrwatch { expected, .. } if expected.to_string() == "watches nothing"),
        "{off:?}"
    );
    // On again: the check looks at the new switch, not at the one that is still there.
    files.monitorservice = Some(r#"{"disable_monitoring":false}"#.to_owned());
    let on = sent(push(&mut session, &files, &settings).await);
    assert_eq!((on.files.len(), on.in_force), (1, InForce::Seen));
    assert!(!world.has_leftovers());
}

#[tokio::test]
async fn what_vrwatch_would_not_watch_is_refused_and_the_old_file_stays() {
    let old = list(&["one"]);
    let mut world = World::with_vrwatch(&old);
    world.run_daemon();
    let spoilt = "[two]\nprocessname=two\npidfile=not/absolute\n";
    let refused = world.push(spoilt, "").await;
    assert!(
        matches!(&refused, Err(PushError::Refused(words)) if words.contains("monitor.conf.vrwatch-new")),
        "{refused:?}"
    );
    assert_eq!(world.monitor_conf(), old);
    fs::write(world.keys.path("vrwatch.toml"), "[monitr]\n").unwrap();
    let refused = world.push(&list(&["two"]), "").await;
    assert!(
        matches!(&refused, Err(PushError::Refused(words)) if words.contains("monitr")),
        "{refused:?}"
    );
    assert_eq!(world.monitor_conf(), old);
    assert!(!world.has_leftovers());
}

#[tokio::test]
async fn what_the_daemon_does_not_take_is_put_back() {
    let old = list(&["one"]);
    let mut world = World::with_vrwatch(&old);
    fs::write(world.keys.path("other.conf"), list(&["other"])).unwrap();
    world.configure("other.conf");
    world.run_daemon();
    let path = world.keys.path("monitor.conf");
    let large = format!("{old}{}", "# filling\n".repeat(500_000));
    for (before, told) in [
        (Some(&old), "monitor.conf was put back"),
        (
            None,
            "monitor.conf, which was not there before, was removed",
        ),
        (
            Some(&large),
            "monitor.conf stays, for the old one could not be read",
        ),
    ] {
        match before {
            Some(text) => fs::write(&path, text).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let new = list(&["two"]);
        let not_taken = world.push(&new, "settle = \"1s\"").await;
        let Err(error @ PushError::NotTaken(_)) = not_taken else {
            panic!("{not_taken:?}");
        };
        assert!(error.to_string().contains(told), "{error}");
        let now = fs::read_to_string(&path).ok();
        let expected = if before == Some(&large) {
            Some(&new)
        } else {
            before
        };
        assert_eq!(now.as_ref(), expected);
        assert!(!world.has_leftovers());
    }
}

#[tokio::test]
async fn without_a_daemon_the_file_is_checked_and_waits() {
    let world = World::with_vrwatch(&list(&["one"]));
    let outcome = world.push(&list(&["two"]), "").await;
    let words = outcome.as_ref().unwrap().to_string();
    assert!(
        words.ends_with("watches two; no daemon runs that would have it in force"),
        "{words}"
    );
    assert_eq!(world.monitor_conf(), list(&["two"]));
}

#[tokio::test]
async fn a_router_without_vrwatch_is_sent_to_unchecked_or_left_as_it_is() {
    let old = list(&["one"]);
    let world = World::bare(&old);
    let refuse = "without_vrwatch = \"refuse\"";
    assert_eq!(
        world.push(&list(&["two"]), refuse).await,
        Err(PushError::Unchecked)
    );
    assert_eq!(world.monitor_conf(), old);
    assert!(!world.has_leftovers());
    let outcome = world.push(&list(&["two"]), "").await;
    let words = outcome.as_ref().unwrap().to_string();
    assert!(
        words.ends_with("; unchecked, the router has no vrwatch"),
        "{words}"
    );
    assert_eq!(world.monitor_conf(), list(&["two"]));
    let world = World::with_vrwatch(&old);
    fs::remove_file(world.keys.path("vrwatch.toml")).unwrap();
    let sent = sent(world.push(&list(&["two"]), "").await);
    assert_eq!(sent.checked, Checked::NotConfigured);
    assert_eq!(world.monitor_conf(), list(&["two"]));
}

#[tokio::test]
async fn a_file_that_cannot_be_written_or_renamed_is_told_and_nothing_is_left() {
    let world = World::bare(&list(&["one"]));
    fs::create_dir(world.keys.path("folder")).unwrap();
    let folder = world.keys.folder.path().display().to_string();
    for (services, word) in [("no-such/monitor.conf", "writing"), ("folder", "renaming")] {
        let mut settings = world.settings("");
        settings.services = format!("{folder}/{services}").try_into().unwrap();
        let mut session = world.session().await;
        let failed = push(&mut session, &super::services("#\n"), &settings).await;
        assert!(
            matches!(&failed, Err(PushError::Failed { step, .. }) if step.starts_with(word)),
            "{failed:?}"
        );
        assert!(!world.has_leftovers());
    }
}
