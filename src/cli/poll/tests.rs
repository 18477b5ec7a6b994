//! The cursor protocol over a real journal.

use channel::{Channel, Settings, Transaction};
use contract::{Draft, Fact};

use super::*;

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn publish(&self, count: usize, text: &str) {
        let settings = Settings {
            directory: self.folder.path().into(),
            max_size: 256 << 10,
        };
        let (channel, _) = Channel::open(settings, "r-42-VM".into()).unwrap();
        for _ in 0..count {
            let draft = Draft {
                service: None,
                process: None,
                outage: None,
                time: Timestamp::now(),
                fact: Fact::Test { text: text.into() },
            };
            channel.publish(Transaction {
                drafts: vec![draft],
                notes: Vec::new(),
            });
        }
    }

    fn poll(&self, after: Option<&Cursor>, limit: usize) -> Found {
        let after = after.map(ToString::to_string);
        events(self.folder.path(), after.as_deref(), limit).unwrap()
    }
}

fn seqs(found: &Found) -> Vec<u64> {
    found.events.iter().map(|event| event.seq).collect()
}

#[test]
fn cursors_lead_through_all_events_once_and_an_old_one_gives_the_same_again() {
    let world = World::new();
    world.publish(10, "x");
    let first = world.poll(None, 4);
    assert_eq!(
        (seqs(&first), first.more, first.reset),
        (vec![1, 2, 3, 4], true, false)
    );
    let second = world.poll(Some(&first.cursor), 4);
    let again = world.poll(Some(&first.cursor), 4);
    assert_eq!(seqs(&second), [5, 6, 7, 8]);
    assert_eq!(
        (&second.events, second.cursor),
        (&again.events, again.cursor)
    );
    let third = world.poll(Some(&second.cursor), 4);
    assert_eq!((seqs(&third), third.more), (vec![9, 10], false));
    let none = world.poll(Some(&third.cursor), 4);
    assert_eq!((seqs(&none), none.more, none.reset), (vec![], false, false));
    assert_eq!(none.cursor, third.cursor);
    world.publish(1, "x");
    assert_eq!(seqs(&world.poll(Some(&none.cursor), 4)), [11]);
}

#[test]
fn a_cursor_that_is_none_starts_again_and_says_so() {
    let world = World::new();
    world.publish(3, "x");
    for after in [
        "",
        "17",
        "1.17.0000000000000000",
        "1.2.0000000000000000",
        "garbage",
    ] {
        let found = events(world.folder.path(), Some(after), 10).unwrap();
        assert_eq!(
            (seqs(&found), found.reset),
            (vec![1, 2, 3], true),
            "{after}"
        );
        assert!(!world.poll(Some(&found.cursor), 10).reset);
    }
}

#[test]
fn a_journal_that_was_begun_anew_is_recognised_even_when_it_has_grown_as_long() {
    let world = World::new();
    world.publish(3, "x");
    let old = world.poll(None, 10);
    std::fs::remove_dir_all(world.folder.path().join("journal")).unwrap();
    let empty = world.poll(Some(&old.cursor), 10);
    assert_eq!((seqs(&empty), empty.reset), (vec![], true));
    assert_eq!(empty.cursor, Cursor::OLDEST);
    std::fs::remove_dir_all(world.folder.path().join("cursors")).unwrap();
    for count in [1, 2, 2] {
        world.publish(count, "y");
        let found = world.poll(Some(&old.cursor), 10);
        assert!(found.reset && found.events[0].seq == 1, "{found:?}");
    }
    assert!(
        !world.poll(Some(&empty.cursor), 10).reset,
        "it has had nothing yet"
    );
}

#[test]
fn events_that_have_left_the_journal_unasked_are_counted() {
    let world = World::new();
    world.publish(3, "x");
    let old = world.poll(None, 10);
    let text = "x".repeat(1500);
    // What is published at once may be written at once, into one segment.
    for _ in 0..8 {
        world.publish(50, &text);
    }
    let found = world.poll(Some(&old.cursor), 10);
    let first = found.events[0].seq;
    assert!(first > 4, "nothing has left the journal");
    assert_eq!((found.missed, found.reset), (first - 4, false));
}

#[test]
fn a_document_stays_below_a_megabyte_of_events() {
    let world = World::new();
    let settings = Settings {
        directory: world.folder.path().into(),
        max_size: 16 << 20,
    };
    let (channel, _) = Channel::open(settings, "r-42-VM".into()).unwrap();
    for _ in 0..1000 {
        channel.publish(Transaction {
            drafts: vec![Draft {
                service: None,
                process: None,
                outage: None,
                time: Timestamp::now(),
                fact: Fact::Test {
                    text: "x".repeat(2000),
                },
            }],
            notes: Vec::new(),
        });
    }
    let found = world.poll(None, 5000);
    assert!(found.more);
    let bytes = serde_json::to_vec(&found.events).unwrap().len();
    assert!(
        bytes > MOST_BYTES * 9 / 10 && bytes < MOST_BYTES * 11 / 10,
        "{bytes}"
    );
}
