//! One worker a sink: nobody waits for anybody, what can heal is tried for ever, and what cannot
//! is counted and told.

use super::*;

const LONG: Duration = Duration::from_hours(24);

#[tokio::test(start_paused = true)]
async fn a_dead_sink_delays_no_other() {
    let channel = Channel::in_memory("r".into());
    let (silent, sink) = receiver(|_| Answer::Silence);
    channel.start_sink("silent", sink, ON_DISK);
    let (busy, sink) = receiver(|_| Answer::Later(None));
    channel.start_sink("busy", sink, ON_DISK);
    let (heard, sink) = willing();
    channel.start_sink("willing", sink, ON_DISK);
    let start = Instant::now();
    for _ in 0..300 {
        channel.publish(events(1));
        tokio::task::yield_now().await;
    }
    while heard.seqs().len() < 300 {
        tokio::task::yield_now().await;
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(heard.seqs(), (1..=300).collect::<Vec<_>>());
    assert!(silent.seqs().is_empty() && busy.seqs().is_empty());
    let status = channel.status();
    let pending: Vec<_> = status
        .sinks
        .iter()
        .map(|s| (s.name.as_str(), s.pending))
        .collect();
    assert_eq!(pending, [("busy", 300), ("silent", 300), ("willing", 0)]);
}

#[tokio::test(start_paused = true)]
async fn an_alert_raised_while_the_receiver_is_down_arrives_once_when_it_returns() {
    let channel = Channel::in_memory("r".into());
    let start = Instant::now();
    let (heard, sink) = receiver(move |_| {
        if start.elapsed() < Duration::from_secs(90) {
            Answer::Later(None)
        } else {
            Answer::Take
        }
    });
    channel.start_sink("local", sink, ON_DISK);
    let published = channel.publish(events(2));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let status = channel.status().sinks.remove(0);
    assert_eq!(status.last_error.as_deref(), Some("busy"));
    assert!(status.failing_since.is_some() && status.last_error_at.is_some());
    caught_up(&channel).await;
    assert_eq!(heard.taken(), published);
    let status = channel.status().sinks.remove(0);
    assert_eq!(
        (status.delivered, status.dropped, status.pending),
        (2, 0, 0)
    );
    assert_eq!(status.failing_since, None);
    assert!(status.over_since.is_some());
}

#[tokio::test(start_paused = true)]
async fn waits_grow_to_five_minutes_and_never_beyond() {
    let channel = Channel::in_memory("r".into());
    let (heard, sink) = receiver(|_| Answer::Later(None));
    channel.start_sink("local", sink, ON_DISK);
    channel.publish(events(1));
    tokio::time::sleep(Duration::from_hours(50)).await;
    let offers = heard.offers();
    let waits: Vec<Duration> = offers.windows(2).map(|two| two[1].0 - two[0].0).collect();
    for (failures, wait) in waits.iter().enumerate() {
        let bound = Duration::from_secs(1 << failures.min(16)).min(Duration::from_mins(5));
        // The clock of the runtime counts whole milliseconds.
        assert!(
            *wait <= bound + Duration::from_millis(1),
            "{failures}: {wait:?}"
        );
    }
    assert!(waits.iter().any(|wait| *wait > Duration::from_mins(4)));
    assert!(offers.len() > 500, "{} tries in 50 hours", offers.len());
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_asks_for_time_gets_it() {
    let channel = Channel::in_memory("r".into());
    let (heard, sink) = receiver(|_| Answer::Later(Some(Duration::from_mins(20))));
    channel.start_sink("local", sink, ON_DISK);
    channel.publish(events(1));
    tokio::time::sleep(Duration::from_mins(61)).await;
    let offers = heard.offers();
    assert_eq!(offers.len(), 4);
    for two in offers.windows(2) {
        assert!(two[1].0 - two[0].0 >= Duration::from_mins(20));
    }
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_says_nothing_is_asked_again_after_a_minute() {
    let channel = Channel::in_memory("r".into());
    let mut first = true;
    let (heard, sink) = receiver(move |_| {
        if std::mem::take(&mut first) {
            Answer::Silence
        } else {
            Answer::Take
        }
    });
    channel.start_sink("local", sink, ON_DISK);
    channel.publish(events(1));
    caught_up(&channel).await;
    let offers = heard.offers();
    assert!(offers[1].0 - offers[0].0 >= Duration::from_mins(1));
    let error = channel.status().sinks.remove(0).last_error;
    assert_eq!(error.as_deref(), Some("no answer within 60 s"));
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_panics_is_tried_again_and_takes_nobody_down() {
    let channel = Channel::in_memory("r".into());
    let mut panics = 3;
    let (heard, sink) = receiver(move |_| {
        if panics > 0 {
            panics -= 1;
            Answer::Panic
        } else {
            Answer::Take
        }
    });
    channel.start_sink("local", sink, ON_DISK);
    channel.publish(events(2));
    caught_up(&channel).await;
    assert_eq!(heard.seqs(), [1, 2]);
    let error = channel.status().sinks.remove(0).last_error;
    assert_eq!(error.as_deref(), Some("the sink broke down (it panicked)"));
}

#[tokio::test(start_paused = true)]
async fn of_a_refused_batch_only_the_refused_events_are_lost_and_they_are_told() {
    let channel = Channel::in_memory("r".into());
    let (heard, sink) = receiver(|batch| {
        let bad = |event: &Event| [4, 5, 9].contains(&event.seq);
        if batch.iter().any(bad) {
            Answer::Never("malformed")
        } else {
            Answer::Take
        }
    });
    channel.start_sink("strict", sink, ON_DISK);
    let (other, sink) = willing();
    channel.start_sink("other", sink, ON_DISK);
    channel.publish(events(10));
    assert!(channel.drain(LONG).await);
    // It is not told what it refused itself.
    assert_eq!(heard.seqs(), [1, 2, 3, 6, 7, 8, 10]);
    assert_eq!(other.seqs(), (1..=12).collect::<Vec<_>>());
    let reports: Vec<Fact> = other.taken().into_iter().skip(10).map(|e| e.fact).collect();
    let report = |count, first_seq, last_seq| Fact::AlertsDropped {
        count,
        first_seq,
        last_seq,
        sink: Some("strict".into()),
        reason: "malformed".into(),
    };
    assert_eq!(reports, [report(2, 4, 5), report(1, 9, 9)]);
    let strict = channel.status().sinks.pop().unwrap();
    assert_eq!((strict.delivered, strict.dropped), (7, 3));
}

#[tokio::test(start_paused = true)]
async fn two_sinks_that_refuse_everything_do_not_feed_each_other_for_ever() {
    let channel = Channel::in_memory("r".into());
    for name in ["one", "two"] {
        let (_, sink) = receiver(|_| Answer::Never("no"));
        channel.start_sink(name, sink, ON_DISK);
    }
    channel.publish(events(50));
    assert!(channel.drain(LONG).await);
    let status = channel.status();
    assert_eq!(status.journal.last_seq, 52);
    for sink in status.sinks {
        assert_eq!((sink.dropped, sink.delivered), (51, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_test_event_is_counted_and_not_told() {
    let channel = Channel::in_memory("r".into());
    let (_, sink) = receiver(|_| Answer::Never("no"));
    channel.start_sink("strict", sink, ON_DISK);
    let mut test = draft("x");
    test.fact = Fact::Test { text: "hi".into() };
    channel.publish(Transaction {
        drafts: vec![test],
        notes: vec![],
    });
    assert!(channel.drain(LONG).await);
    let status = channel.status();
    assert_eq!(status.journal.last_seq, 1);
    assert_eq!(status.sinks[0].dropped, 1);
}

#[tokio::test(start_paused = true)]
async fn batches_hold_at_most_a_hundred_events_and_a_quarter_of_a_mebibyte() {
    let channel = Channel::in_memory("r".into());
    let (heard, sink) = receiver(|batch| {
        let bytes = serde_json::to_vec(batch).unwrap().len();
        assert!(bytes <= 257 * 1024, "{bytes}");
        Answer::Take
    });
    channel.start_sink("local", sink, ON_DISK);
    channel.publish(events(250));
    assert!(channel.drain(LONG).await);
    let sizes: Vec<usize> = heard.offers().iter().map(|offer| offer.1).collect();
    assert_eq!(sizes, [100, 100, 50]);
    let mut long = draft("x");
    long.fact = Fact::Test {
        text: "\u{1}".repeat(4096),
    };
    channel.publish(Transaction {
        drafts: vec![long; 30],
        notes: vec![],
    });
    assert!(channel.drain(LONG).await);
    assert_eq!(heard.seqs().len(), 280);
    assert!(heard.offers().len() > 5);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_sink_hears_nothing_and_goes_on_where_it_was() {
    let channel = Channel::in_memory("r".into());
    let (heard, sink) = willing();
    channel.start_sink("local", sink, ON_DISK);
    channel.publish(events(2));
    assert!(channel.drain(LONG).await);
    assert_eq!(channel.stop_sink("local").unwrap().delivered, 2);
    assert_eq!(channel.stop_sink("local"), None);
    channel.publish(events(2));
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(heard.seqs(), [1, 2]);
    let (heard, sink) = willing();
    channel.start_sink("local", sink, ON_DISK);
    assert!(channel.drain(LONG).await);
    assert_eq!(heard.seqs(), [3, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_replaced_sink_hands_its_place_over_even_while_it_hangs() {
    let channel = Channel::in_memory("r".into());
    let (silent, sink) = receiver(|_| Answer::Silence);
    channel.start_sink("local", sink, ON_DISK);
    channel.publish(events(3));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(silent.offers().len(), 1);
    let (heard, sink) = willing();
    channel.start_sink("local", sink, ON_DISK);
    assert!(channel.drain(LONG).await);
    assert_eq!(heard.seqs(), [1, 2, 3]);
    tokio::time::sleep(Duration::from_hours(2)).await;
    assert_eq!(silent.offers().len(), 1);
}
