//! `vrwatch poll`, as a poller sees it.

use serde_json::Value;

use crate::world::{World, now};

fn poll(world: &World, arguments: &[&str]) -> Value {
    let said = world.says(&[&["poll"], arguments].concat());
    assert_eq!(said.lines().count(), 1);
    serde_json::from_str(&said).unwrap()
}

fn seqs(document: &Value) -> Vec<u64> {
    let events = document["events"].as_array().unwrap();
    events
        .iter()
        .map(|event| event["seq"].as_u64().unwrap())
        .collect()
}

#[test]
fn a_poller_gets_events_usage_and_the_next_cursor_in_one_document() {
    let world = World::new();
    let empty = poll(&world, &[]);
    assert_eq!(empty["events"], serde_json::json!([]));
    world.publish((0..5).map(|index| (now(), format!("{index}"))));
    let first = poll(&world, &["--limit", "3"]);
    assert_eq!(first["router"], "r-42-VM");
    assert_eq!(
        (seqs(&first), &first["more"]),
        (vec![1, 2, 3], &Value::Bool(true))
    );
    assert_eq!(first["status"], Value::Null, "no daemon runs");
    assert!(first["usage"]["boot"].is_string());
    assert!(first["usage"]["interfaces"].is_object());
    let cursor = first["cursor"].as_str().unwrap();
    let second = poll(&world, &["--after", cursor]);
    assert_eq!(seqs(&second), [4, 5]);
    assert_eq!(
        poll(&world, &["--after", cursor])["events"],
        second["events"]
    );
    let reset = poll(&world, &["--after", "-x"]);
    assert_eq!(
        (seqs(&reset).len(), &reset["reset"]),
        (5, &Value::Bool(true))
    );
    let from_empty = poll(&world, &["--after", empty["cursor"].as_str().unwrap()]);
    assert_eq!(
        (seqs(&from_empty).len(), &from_empty["reset"]),
        (5, &Value::Bool(false))
    );
}

#[test]
fn wrong_usage_is_exit_code_2_and_a_journal_that_cannot_be_read_1() {
    let world = World::new();
    assert_eq!(
        world.vrwatch(&["poll", "--limit", "0"]).status.code(),
        Some(2)
    );
    std::fs::create_dir_all(world.path("state")).unwrap();
    std::fs::write(world.path("state/journal"), "").unwrap();
    let output = world.vrwatch(&["poll"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    std::fs::remove_file(world.config()).unwrap();
    assert_eq!(world.vrwatch(&["poll"]).status.code(), Some(2));
}
