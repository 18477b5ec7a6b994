//! A cursor a sink: at least once, with the same ids, whatever becomes of the cursor.

use std::fs;

use super::*;
use crate::cursor;

async fn hear(folder: &tempfile::TempDir, name: &str) -> Vec<Event> {
    let (channel, _) = open(folder);
    let (heard, sink) = willing();
    channel.start_sink(name, sink, ON_DISK);
    assert!(channel.drain(Duration::from_mins(1)).await);
    assert!(channel.close());
    heard.taken()
}

#[tokio::test]
async fn what_a_sink_did_not_take_it_gets_after_a_restart_with_the_same_ids() {
    let folder = folder();
    assert_eq!(hear(&folder, "local").await, []);
    let (channel, _) = open(&folder);
    let (heard, sink) = receiver(|batch| {
        if batch[0].seq <= 3 {
            Answer::Take
        } else {
            Answer::Later(None)
        }
    });
    channel.start_sink("local", sink, ON_DISK);
    let mut published = channel.publish(events(3));
    soon("three are taken", || heard.seqs().len() == 3).await;
    published.extend(channel.publish(events(400)));
    drop(channel);
    assert_eq!(hear(&folder, "local").await, published[3..]);
    assert_eq!(hear(&folder, "local").await, []);
}

#[tokio::test]
async fn a_sink_that_was_never_seen_starts_with_the_next_event() {
    let folder = folder();
    let (channel, _) = open(&folder);
    channel.publish(events(10));
    let (heard, sink) = willing();
    channel.start_sink("new", sink, ON_DISK);
    channel.publish(events(2));
    assert!(channel.drain(Duration::from_mins(1)).await);
    assert_eq!(heard.seqs(), [11, 12]);
    drop(channel);
    let (channel, _) = open(&folder);
    channel.publish(events(1));
    drop(channel);
    assert_eq!(seqs(&hear(&folder, "new").await), [13]);
}

#[tokio::test]
async fn a_corrupt_cursor_starts_over_and_one_from_the_future_waits_for_the_next_event() {
    let folder = folder();
    let (channel, _) = open(&folder);
    let published = channel.publish(events(300));
    drop(channel);
    fs::write(cursor::path(folder.path(), "broken"), "seq 20\ncrc 0\n").unwrap();
    assert_eq!(hear(&folder, "broken").await, published);
    cursor::write(&cursor::path(folder.path(), "ahead"), 999).unwrap();
    assert_eq!(hear(&folder, "ahead").await, []);
    let (channel, _) = open(&folder);
    let next = channel.publish(events(1));
    drop(channel);
    assert_eq!(hear(&folder, "ahead").await, next);
}

#[tokio::test]
async fn a_sink_far_behind_reads_the_disk_and_catches_up_in_order() {
    let folder = folder();
    let limits = Limits {
        tail_events: 10,
        ..small()
    };
    let (channel, _) = Channel::open_within(settings(&folder), "r".into(), limits).unwrap();
    let (heard, sink) = willing();
    channel.start_sink("a", sink, ON_DISK);
    let (at_once, sink) = willing();
    channel.start_sink("b", sink, AT_ONCE);
    for _ in 0..500 {
        channel.publish(events(3));
    }
    assert!(channel.drain(Duration::from_mins(1)).await);
    let all: Vec<u64> = (1..=1500).collect();
    assert_eq!(heard.seqs(), all);
    assert_eq!(at_once.seqs(), all);
}

#[tokio::test]
async fn neither_a_cursor_nor_any_sink_but_syslog_runs_ahead_of_what_is_synced() {
    let folder = folder();
    let (channel, _) = open(&folder);
    let (remote, sink) = willing();
    channel.start_sink("remote", sink, ON_DISK);
    let (heard, sink) = willing();
    channel.start_sink("local", sink, AT_ONCE);
    {
        let mut state = channel.state();
        state.publish(events(3));
        state.writer.as_mut().unwrap().abandon();
        state.fail(&std::io::Error::other("fsync failed"));
        // Not tried again within this test.
        state.health = crate::state::Health::Failing {
            cause: "fsync failed".into(),
            retry_at: std::time::Instant::now() + Duration::from_hours(1),
        };
        state.wake(|_| true);
    }
    soon("all are heard", || heard.seqs() == [1, 2, 3]).await;
    soon("the cursor is written", || {
        cursor::read(&cursor::path(folder.path(), "local")) == cursor::Cursor::At(0)
    })
    .await;
    assert_eq!(remote.offers().len(), 0);
    assert!(channel.sync());
    soon("the other hears them too", || remote.seqs() == [1, 2, 3]).await;
    assert_eq!(
        cursor::read(&cursor::path(folder.path(), "local")),
        cursor::Cursor::At(3)
    );
}
