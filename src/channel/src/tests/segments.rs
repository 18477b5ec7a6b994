//! Segments come and go; notes and numbers outlive them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::segment;

#[test]
fn notes_survive_the_deletion_of_every_segment_that_was_written_when_they_changed() {
    let folder = folder();
    let mut settings = settings(&folder);
    settings.max_size = 8 * 1024;
    let (channel, _) = Channel::open_within(settings.clone(), "r".into(), small()).unwrap();
    channel.publish(Transaction {
        drafts: vec![],
        notes: vec![
            note("kept", "from the start"),
            note("changed", 1),
            note("gone", true),
        ],
    });
    channel.publish(Transaction {
        drafts: vec![draft("x")],
        notes: vec![note("changed", 2), ("gone".into(), None)],
    });
    for _ in 0..200 {
        channel.publish(events(1));
    }
    until("the old segments go", || {
        channel.status().journal.bytes <= settings.max_size
    });
    assert!(channel.close());
    assert!(segment::list(&folder.path().join("journal")).unwrap()[0].first > 2);
    let (channel, opened) = Channel::open_within(settings, "r".into(), small()).unwrap();
    let expected = [note("changed", 2), note("kept", "from the start")]
        .map(|(key, value)| (key, value.unwrap()));
    assert_eq!(opened.notes, expected.into());
    assert_eq!(opened.last_seq, 201);
    assert_eq!(channel.publish(events(1))[0].seq, 202);
}

#[test]
fn more_notes_than_one_record_holds_are_all_kept() {
    let folder = folder();
    let (channel, _) = open(&folder);
    let long = "x".repeat(10_000);
    for key in 0..200 {
        channel.publish(Transaction {
            drafts: vec![],
            notes: vec![note(&format!("{key}"), long.as_str())],
        });
    }
    assert!(channel.close());
    let (channel, opened) = open(&folder);
    assert_eq!(opened.notes.len(), 200);
    channel.publish(Transaction {
        drafts: vec![draft("x")],
        notes: (0..200)
            .map(|key| note(&format!("{key}"), long.as_str()))
            .collect(),
    });
    drop(channel);
    let (_, opened) = open(&folder);
    assert_eq!((opened.notes.len(), opened.last_seq), (200, 1));
}

#[test]
fn an_over_long_note_is_refused_and_the_rest_of_its_transaction_kept() {
    let folder = folder();
    let (channel, _) = open(&folder);
    channel.publish(Transaction {
        drafts: vec![draft("x")],
        notes: vec![
            note("long", "x".repeat(70_000)),
            note(&"k".repeat(300), 1),
            note("short", 1),
        ],
    });
    drop(channel);
    let (_, opened) = open(&folder);
    assert_eq!(opened.last_seq, 1);
    assert_eq!(opened.notes.into_keys().collect::<Vec<_>>(), ["short"]);
}

#[test]
fn numbers_go_on_when_only_an_empty_segment_is_left_and_start_at_one_when_nothing_is() {
    let folder = folder();
    let (channel, opened) = open(&folder);
    assert_eq!(opened, Opened::default());
    assert_eq!(channel.publish(events(3))[2].seq, 3);
    drop(channel);
    let journal = folder.path().join("journal");
    for name in segment::list(&journal).unwrap() {
        fs::remove_file(name.path(&journal)).unwrap();
    }
    fs::write(segment::Name::new(18).path(&journal), "").unwrap();
    let (channel, opened) = open(&folder);
    assert_eq!(opened.last_seq, 17);
    assert_eq!(channel.publish(events(1))[0].seq, 18);
}

#[test]
fn nobody_but_the_owner_can_read_what_is_written() {
    let folder = folder();
    let (channel, _) = open(&folder);
    channel.publish(events(1));
    drop(channel);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let journal = folder.path().join("journal");
    assert_eq!(mode(&journal), 0o700);
    assert_eq!(mode(&folder.path().join("cursors")), 0o700);
    assert_eq!(
        mode(&segment::list(&journal).unwrap()[0].path(&journal)),
        0o600
    );
}

#[test]
fn a_second_writer_is_refused_until_the_first_lets_go() {
    let folder = folder();
    let (first, _) = open(&folder);
    let second = Channel::open_within(settings(&folder), "r".into(), small());
    assert!(matches!(second, Err(crate::OpenError::Locked { .. })));
    let clone = first.clone();
    assert!(first.close());
    // Whoever still holds a handle may publish; it stays in memory.
    assert_eq!(clone.publish(events(1))[0].seq, 1);
    let (second, opened) = open(&folder);
    assert_eq!(opened.last_seq, 0);
    assert_eq!(second.publish(events(1))[0].seq, 1);
}

#[test]
fn a_journal_after_a_failed_sync_is_written_once_more_and_read_once() {
    let folder = folder();
    let (channel, _) = open(&folder);
    let mut published = Vec::new();
    for round in 0..20 {
        published.extend(channel.publish(events(3)));
        {
            let mut state = channel.state();
            published.extend(state.publish(Transaction {
                drafts: vec![draft("x"), draft("y")],
                notes: vec![note("round", round)],
            }));
            // As when fsync fails: nothing unconfirmed can be trusted.
            state.writer.as_mut().unwrap().abandon();
            state.fail(&std::io::Error::other("fsync failed"));
        }
        published.extend(channel.publish(events(2)));
        assert!(channel.sync());
        assert!(channel.status().journal.on_disk);
        assert_eq!(read_all(&folder), published);
    }
    drop(channel);
    let (_, opened) = open(&folder);
    assert_eq!(opened.report, crate::Recovery::default());
    assert_eq!(opened.notes, [("round".to_owned(), Note::from(19))].into());
    assert_eq!(read_all(&folder), published);
}

#[test]
fn while_an_fsync_hangs_memory_stays_bounded_and_nothing_is_lost() {
    let folder = folder();
    let limits = Limits {
        tail_events: 20,
        waiting_records: 30,
        ..small()
    };
    let (channel, _) = Channel::open_within(settings(&folder), "r".into(), limits).unwrap();
    let mut published = Vec::new();
    {
        // The keeper cannot confirm anything while this lock is held.
        let mut state = channel.state();
        for n in 0..500 {
            published.extend(state.publish(Transaction {
                notes: vec![note(&format!("key {}", n % 7), n)],
                ..events(2)
            }));
            assert!(state.waiting.len() <= 30);
            assert!(!state.tail.exceeds(20, usize::MAX));
        }
        assert_eq!(state.lost.count, 0);
    }
    assert!(channel.close());
    assert_eq!(read_all(&folder), published);
    let (_, opened) = open(&folder);
    assert_eq!(opened.notes.len(), 7);
    assert_eq!(opened.notes["key 2"], 499);
}

#[test]
fn a_journal_that_is_deleted_or_cut_behind_our_back_goes_on_with_its_notes_and_numbers() {
    for damage in [
        (|journal| fs::remove_dir_all(journal).unwrap()) as fn(&std::path::Path),
        |journal| {
            for name in segment::list(journal).unwrap() {
                fs::write(name.path(journal), "").unwrap();
            }
        },
    ] {
        let folder = folder();
        let (channel, _) = open(&folder);
        channel.publish(Transaction {
            notes: vec![note("hold-off", 7)],
            ..events(3)
        });
        assert!(channel.sync());
        damage(&folder.path().join("journal"));
        assert_eq!(channel.publish(events(2))[0].seq, 4);
        assert!(channel.close());
        let (channel, opened) = open(&folder);
        assert_eq!(
            opened.notes,
            [note("hold-off", 7)]
                .map(|(key, value)| (key, value.unwrap()))
                .into()
        );
        assert_eq!(opened.last_seq, 5);
        drop(channel);
        let mut reader = crate::Reader::open(folder.path()).unwrap();
        let seqs: Vec<u64> = reader
            .after(0, 10)
            .unwrap()
            .iter()
            .map(|event| event.seq)
            .collect();
        assert_eq!(seqs, [4, 5]);
    }
}
