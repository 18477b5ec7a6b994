//! The end: every sink gets one more try at once, and nobody waits where there is nothing to hope
//! for.

use super::*;

const LIMIT: Duration = Duration::from_secs(9);

/// A sink that takes what it gets, but only after a while.
struct Slow {
    heard: Heard,
    takes: Duration,
}

#[async_trait]
impl Sink for Slow {
    async fn deliver(&mut self, batch: &[Event]) -> Result<(), DeliverError> {
        tokio::time::sleep(self.takes).await;
        self.heard.taken.lock().unwrap().extend_from_slice(batch);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_sink_does_not_hold_up_the_end() {
    let channel = Channel::in_memory("r".into());
    let (dead, sink) = receiver(|_| Answer::Later(Some(Duration::from_mins(5))));
    channel.start_sink("dead", sink, ON_DISK);
    let (heard, sink) = willing();
    channel.start_sink("willing", sink, ON_DISK);
    assert!(channel.drain(LIMIT).await, "nothing is pending");
    channel.publish(events(3));
    let start = Instant::now();
    assert!(!channel.drain(LIMIT).await);
    assert_eq!((dead.offers().len(), heard.seqs().len()), (1, 3));
    assert!(!channel.drain(LIMIT).await);
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(dead.offers().len(), 2, "one more try each time");
}

#[tokio::test(start_paused = true)]
async fn a_slow_sink_is_waited_for_though_another_is_dead() {
    let channel = Channel::in_memory("r".into());
    let (_, sink) = receiver(|_| Answer::Later(None));
    channel.start_sink("dead", sink, ON_DISK);
    let heard = Heard::default();
    let slow = Slow {
        heard: heard.clone(),
        takes: Duration::from_secs(4),
    };
    channel.start_sink("slow", Box::new(slow), ON_DISK);
    channel.publish(events(150));
    let start = Instant::now();
    assert!(!channel.drain(LIMIT).await);
    assert_eq!(heard.seqs().len(), 150, "both batches");
    let elapsed = start.elapsed();
    assert!(elapsed >= Duration::from_secs(8) && elapsed < LIMIT);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_sink_is_waited_for_until_the_limit() {
    let channel = Channel::in_memory("r".into());
    let (_, sink) = receiver(|_| Answer::Silence);
    channel.start_sink("hanging", sink, ON_DISK);
    channel.publish(events(1));
    let start = Instant::now();
    assert!(!channel.drain(LIMIT).await);
    let elapsed = start.elapsed();
    assert!(elapsed >= LIMIT && elapsed < LIMIT + Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_sink_in_a_long_back_off_whose_receiver_is_back_is_told_at_once() {
    let channel = Channel::in_memory("r".into());
    let begun = Instant::now();
    let (heard, sink) = receiver(move |_| {
        if begun.elapsed() < Duration::from_secs(10) {
            Answer::Later(Some(Duration::from_mins(5)))
        } else {
            Answer::Take
        }
    });
    channel.start_sink("back", sink, ON_DISK);
    channel.publish(events(2));
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(heard.offers().len(), 1);
    let start = Instant::now();
    assert!(channel.drain(LIMIT).await);
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(heard.seqs(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_failed_and_then_comes_forward_is_waited_for() {
    let channel = Channel::in_memory("r".into());
    let (_, sink) = receiver(|_| Answer::Silence);
    channel.start_sink("hanging", sink, ON_DISK);
    let mut offers = 0;
    let (heard, sink) = receiver(move |_| {
        offers += 1;
        if offers == 1 {
            Answer::Later(None)
        } else {
            Answer::Take
        }
    });
    channel.start_sink("shaky", sink, ON_DISK);
    channel.publish(events(300));
    assert!(!channel.drain(LIMIT).await);
    assert_eq!(heard.seqs().len(), 300);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_lives_on_after_a_drain_goes_on_with_its_back_off() {
    let channel = Channel::in_memory("r".into());
    let (heard, sink) = receiver(|_| Answer::Later(Some(Duration::from_mins(5))));
    channel.start_sink("dead", sink, ON_DISK);
    channel.publish(events(1));
    assert!(!channel.drain(LIMIT).await);
    assert!(!channel.drain(LIMIT).await);
    tokio::time::sleep(Duration::from_mins(16)).await;
    let offers = heard.offers();
    assert_eq!(offers.len(), 5);
    for two in offers[1..].windows(2) {
        assert!(two[1].0 - two[0].0 >= Duration::from_mins(5));
    }
}

#[tokio::test]
async fn a_disk_that_fails_holds_up_the_end_for_one_more_try_only() {
    let folder = folder();
    let limits = Limits {
        retry_every: Duration::from_hours(1),
        ..small()
    };
    let (channel, _) = Channel::open_within(settings(&folder), "r".into(), limits).unwrap();
    let (at_once, sink) = willing();
    channel.start_sink("local", sink, AT_ONCE);
    let (heard, sink) = willing();
    channel.start_sink("far", sink, ON_DISK);
    {
        let mut state = channel.state();
        state.fail(&std::io::Error::other("no space left"));
        state.writer.as_mut().unwrap().abandon();
    }
    // No segment can be made where the folder is not.
    let journal = folder.path().join("journal");
    std::fs::rename(&journal, folder.path().join("away")).unwrap();
    channel.publish(events(2));
    assert!(!channel.drain(Duration::from_hours(1)).await);
    assert_eq!(at_once.seqs(), [1, 2]);
    assert_eq!(heard.seqs(), Vec::<u64>::new());
    std::fs::rename(folder.path().join("away"), &journal).unwrap();
    assert!(channel.drain(Duration::from_hours(1)).await);
    assert_eq!(heard.seqs(), [1, 2]);
}
