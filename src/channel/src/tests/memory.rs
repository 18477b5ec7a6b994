//! The channel with nothing on disk: bounded, and what its bound costs is counted and told.

use super::*;

#[tokio::test(start_paused = true)]
async fn in_memory_the_oldest_go_first_and_the_sink_is_told_how_many_it_lost() {
    let limits = Limits {
        tail_events: 50,
        ..Limits::default()
    };
    let channel = Channel::in_memory_within("r".into(), limits);
    let mut down = true;
    let (heard, sink) = receiver(move |_| {
        if std::mem::take(&mut down) {
            Answer::Later(Some(Duration::from_mins(10)))
        } else {
            Answer::Take
        }
    });
    channel.start_sink("local", sink, AT_ONCE);
    channel.publish(events(20));
    tokio::time::sleep(Duration::from_secs(1)).await;
    // The worker holds 1 to 20; of 180 more the last 50 fit.
    for _ in 0..180 {
        channel.publish(events(1));
    }
    caught_up(&channel).await;
    let mut expected: Vec<u64> = (1..=20).chain(151..=201).collect();
    assert_eq!(heard.seqs(), std::mem::take(&mut expected));
    assert_eq!(told_lost(&heard.taken(), Some("local")), 130);
    assert_eq!(channel.status().sinks[0].dropped, 130);
    assert!(!channel.status().journal.on_disk);
}

#[tokio::test(start_paused = true)]
async fn without_sinks_memory_stays_bounded_and_numbers_rise() {
    let channel = Channel::in_memory("r".into());
    let mut last = 0;
    for _ in 0..100 {
        for event in channel.publish(events(100)) {
            assert_eq!(event.seq, last + 1);
            last = event.seq;
        }
    }
    let (heard, sink) = willing();
    channel.start_sink("late", sink, AT_ONCE);
    assert!(channel.drain(Duration::from_secs(1)).await);
    assert_eq!(heard.seqs(), Vec::<u64>::new());
    assert!(channel.sync() && channel.close());
}
