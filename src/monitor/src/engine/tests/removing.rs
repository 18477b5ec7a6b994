//! A service that the configuration no longer names.

use std::process::Command;

use contract::UnmonitoredReason;
use serde_json::Value;

use super::notes::OLDER;
use super::*;

fn removed() -> Fact {
    Fact::Unmonitored {
        until: None,
        reason: UnmonitoredReason::Removed,
    }
}

impl World {
    fn facts(&self) -> Vec<Fact> {
        let written = self.journal.written();
        written.into_iter().flat_map(|one| one.facts).collect()
    }
}

#[tokio::test]
async fn whoever_relied_on_a_watched_service_hears_once_that_it_no_longer_is() {
    let world = World::new();
    let path = |name: &str| world.directory.path().join(name);
    let mut daemon = Command::new(path("served")).arg("1000").spawn().unwrap();
    fs::write(path("pid"), format!("{}\n", daemon.id())).unwrap();
    let (engine, handle) = world.engine(vec![world.service()]);
    let story = async {
        for _ in 0..2 {
            handle.reconfigure(Vec::new(), LONG).await.unwrap();
        }
        assert_eq!(handle.status().await.unwrap(), []);
    };
    tokio::select! {
        () = engine.run() => panic!("the engine stopped"),
        () = story => {}
    }
    assert_eq!(world.facts(), [removed()]);
    let last = world.journal.written().pop().unwrap();
    assert_eq!(last.notes, [None], "nothing is remembered of it");
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

/// What an engine says that finds this note of a service that it is not given.
async fn said_after(note: Value) -> Vec<Fact> {
    let world = World::new();
    let notes = [("served".to_owned(), note)].into();
    let (engine, _handle) = world.engine_after(notes, Vec::new());
    engine.run_once().await;
    let last = world.journal.written().pop().unwrap();
    assert_eq!(last.notes, [None], "nothing is remembered of it");
    world.facts()
}

#[tokio::test]
async fn of_what_was_removed_while_no_daemon_ran_only_a_told_outage_is_closed() {
    let mut note: Value = serde_json::from_str(OLDER).unwrap();
    assert_eq!(said_after(note.clone()).await, [removed()]);
    note["state"]["outage"] = Value::Null;
    assert_eq!(said_after(note).await, []);
}
