//! How much an outage costs the disk.

use super::*;
use crate::engine::note::Note;

/// Writes of an outage that ends well, however often is looked: the death, the end of the command,
/// a process seen while the command runs or once it is over, and room for one of each again. Beside
/// them are the two that tell something.
const MOST_WRITES: usize = 8;

#[tokio::test]
async fn looks_that_teach_nothing_are_not_written_down() {
    let world = World::new();
    let mut service = world.service();
    service.policy.recheck.attempts = 40;
    let (engine, _handle) = world.engine(vec![service]);
    let story = async {
        world.until_told(&["service_down", "restarted"]).await;
        world.kill();
        let told = ["service_down", "restarted", "service_down", "restarted"];
        world.until_told(&told).await;
    };
    tokio::select! {
        () = engine.run() => panic!("the engine stopped"),
        () = story => {}
    }
    let written = world.journal.written();
    let told = |one: &Written| one.kinds == ["restarted"];
    let first = written.iter().position(told).unwrap() + 1;
    for outage in [&written[..first], &written[first..]] {
        assert!(outage.len() <= MOST_WRITES, "{outage:#?}");
        for note in outage.iter().flat_map(|one| &one.notes).flatten() {
            assert!(note.to_string().len() < 1000, "{note}");
        }
    }
}

/// With every field and the long form of every time.
pub(super) const OLDER: &str = r#"{"at":{"monotonic":{"nanos":94891091,"secs":7388},"wall":"2026-11-24T15:35:12.710Z"},
    "boot":"ca0f5682-4f82-48d0-b781-ec194e3c760c",
    "kin":{"cgroup":"/","group":2132,"name":"served","process":{"pid":2470,"started":{"nanos":80000000,"secs":7387}},"session":2132},
    "state":{"asked":{"nanos":94891091,"secs":7388},"history":[{"nanos":328342125,"secs":7386}],
    "outage":{"before":{"nanos":0,"secs":0},"cause":{"found":"zombie","pid":1424},"ended":"unknown",
    "hand_over_until":{"nanos":411925216,"secs":7386},"id":"served-1a20e325b81-2","last_pid":1424,
    "noticed":"2026-11-24T15:35:10.977Z","old":{"pid":1424,"started":{"nanos":300000000,"secs":7385}},
    "since":{"nanos":361925216,"secs":7386},"told":true},"outages":2,"restart_running":false,"restarts":1,
    "seen":{"pid":2470,"started":{"nanos":80000000,"secs":7387}},"service":"served",
    "stage":{"Settling":{"changes":0,"command":{"exit":0,"output":"","reason":null},
    "give_up":{"nanos":480414415,"secs":7387},"next_look":{"nanos":241536397,"secs":7387},
    "round":{"failures":0,"restarts":1},"sighted":null,
    "up":[{"at":{"monotonic":{"nanos":93519134,"secs":7387},"wall":"2026-11-24T15:35:11.709Z"},
    "process":{"pid":2470,"started":{"nanos":80000000,"secs":7387}}},{"nanos":93519134,"secs":7388}]}}}}"#;

#[test]
fn a_note_in_the_longer_form_of_earlier_versions_says_the_same_as_the_short_one() {
    let older: Note = serde_json::from_str(OLDER).unwrap();
    let state = &older.state;
    assert_eq!(state.outage(), Some("served-1a20e325b81-2"));
    assert_eq!((state.restarts(), state.restart_running()), (1, false));
    let due = state.due().unwrap();
    assert_eq!(
        due,
        Duration::new(7389, 94_891_091),
        "a second after it asked"
    );
    let short = serde_json::to_string(&older).unwrap();
    assert_eq!(serde_json::from_str::<Note>(&short).unwrap(), older);
    let long = serde_json::from_str::<serde_json::Value>(OLDER).unwrap();
    let long = long.to_string().len();
    assert!(
        short.len() * 5 < long * 4,
        "{} of {long}: {short}",
        short.len()
    );
}
