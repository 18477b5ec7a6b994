//! A sink that refuses batch after batch, as with a wrong address: every loss is told, in few
//! reports, and never to the sink itself.

use super::*;
use crate::cursor;

/// The reports of loss: when each was heard of, and what it says.
fn reports(events: &[Event]) -> Vec<(u64, u64, u64)> {
    let report = |event: &Event| match &event.fact {
        Fact::AlertsDropped {
            count,
            first_seq,
            last_seq,
            ..
        } => Some((*count, *first_seq, *last_seq)),
        _ => None,
    };
    events.iter().filter_map(report).collect()
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_refuses_all_day_has_it_told_in_sums_that_become_rarer() {
    let channel = Channel::in_memory("r".into());
    let (mistaken, sink) = receiver(|batch| {
        let own = |event: &Event| matches!(event.fact, Fact::AlertsDropped { .. });
        assert!(!batch.iter().any(own), "told of its own refusal");
        Answer::Never("it answers 404")
    });
    channel.start_sink("mistaken", sink, ON_DISK);
    let (heard, sink) = willing();
    channel.start_sink("other", sink, ON_DISK);
    for minute in 1..=24 * 60_u64 {
        channel.publish(events(2));
        tokio::time::sleep(Duration::from_mins(1)).await;
        let told = reports(&heard.taken()).len();
        let expected = match minute {
            1..=9 => 1,
            11..=29 => 2,
            31..=69 => 3,
            71..=129 => 4,
            _ => continue,
        };
        assert_eq!(told, expected, "after {minute} minutes");
    }
    assert!(channel.drain(Duration::from_hours(1)).await);
    let reports = reports(&heard.taken());
    assert!(reports.len() <= 28, "{}", reports.len());
    let counted: u64 = reports.iter().map(|(count, ..)| count).sum();
    assert_eq!(counted, 2 * 24 * 60);
    assert!(reports.windows(2).all(|two| two[0].2 < two[1].1));
    let status = channel.status();
    let sink = &status.sinks[0];
    assert_eq!((sink.delivered, sink.dropped, sink.pending), (0, 2880, 0));
    assert!(!mistaken.offers().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_next_mistake_after_a_quiet_time_is_told_at_once_again() {
    let channel = Channel::in_memory("r".into());
    let (_, sink) = receiver(|_| Answer::Never("no"));
    channel.start_sink("strict", sink, ON_DISK);
    let (heard, sink) = willing();
    channel.start_sink("other", sink, ON_DISK);
    for round in 1..=3 {
        channel.publish(events(1));
        tokio::time::sleep(Duration::from_hours(3)).await;
        assert_eq!(reports(&heard.taken()).len(), round);
    }
}

#[tokio::test]
async fn what_was_refused_and_not_told_is_told_when_its_sink_is_stopped() {
    let folder = folder();
    let (channel, _) = open(&folder);
    let (_, sink) = receiver(|_| Answer::Never("no"));
    channel.start_sink("strict", sink, ON_DISK);
    for count in 1..=3 {
        channel.publish(events(1));
        soon("it is refused", || {
            channel.status().sinks[0].dropped == count
        })
        .await;
    }
    assert_eq!(told_lost(&read_all(&folder), Some("strict")), 1);
    channel.stop_sink("strict");
    assert_eq!(told_lost(&read_all(&folder), Some("strict")), 3);
    assert!(channel.close());
    let cursor = cursor::read(&cursor::path(folder.path(), "strict"));
    assert!(matches!(cursor, cursor::Cursor::At(4..)), "{cursor:?}");
}

#[tokio::test]
async fn what_was_refused_and_not_told_is_before_the_cursor_should_the_daemon_be_killed() {
    let folder = folder();
    let (channel, _) = open(&folder);
    let (_, sink) = receiver(|_| Answer::Never("no"));
    channel.start_sink("strict", sink, ON_DISK);
    let dropped = |channel: &Channel| channel.status().sinks[0].dropped;
    channel.publish(events(1));
    soon("the first is refused", || dropped(&channel) == 1).await;
    channel.publish(events(1));
    soon("the second is refused", || dropped(&channel) == 2).await;
    let path = cursor::path(folder.path(), "strict");
    // 1 is told by 2; 3 is not told.
    soon("the cursor is written", || {
        channel.sync() && cursor::read(&path) == cursor::Cursor::At(2)
    })
    .await;
}

#[tokio::test]
async fn what_was_refused_is_told_before_the_journal_forgets_it() {
    let folder = folder();
    let settings = Settings {
        max_size: 8 * 1024,
        ..settings(&folder)
    };
    let (channel, _) = Channel::open_within(settings, "r".into(), small()).unwrap();
    let (_, sink) = receiver(|_| Answer::Never("no"));
    channel.start_sink("strict", sink, ON_DISK);
    let (heard, sink) = willing();
    channel.start_sink("other", sink, ON_DISK);
    channel.publish(events(1));
    soon("the first is told", || !reports(&heard.taken()).is_empty()).await;
    channel.publish(events(1));
    soon("the second is refused", || {
        channel.status().sinks[1].dropped == 2
    })
    .await;
    let told = || reports(&heard.taken()).len();
    assert_eq!(told(), 1);
    soon("it is told", || {
        channel.publish(events(1));
        told() > 1
    })
    .await;
    let newest = channel.status().journal.last_seq;
    assert!(newest < 500, "told only after {newest} events");
}
