//! Sinks that let events gather (a digest): counted from the first, and never for ever.

use super::*;

const WINDOW: Duration = Duration::from_mins(1);

/// A receiver that wants its events in digests.
struct Digest(Box<dyn Sink>);

#[async_trait]
impl Sink for Digest {
    async fn deliver(&mut self, batch: &[Event]) -> Result<(), DeliverError> {
        self.0.deliver(batch).await
    }

    fn gathers_for(&self) -> Duration {
        WINDOW
    }
}

fn digest(answer: impl FnMut(&[Event]) -> Answer + Send + 'static) -> (Heard, Box<dyn Sink>) {
    let (heard, sink) = receiver(answer);
    (heard, Box::new(Digest(sink)))
}

/// When each batch came, and how many events it held.
fn offers(heard: &Heard, start: Instant) -> Vec<(u64, usize)> {
    let offers = heard.offers();
    offers
        .iter()
        .map(|(at, size)| ((*at - start).as_secs(), *size))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn events_gather_from_the_first_of_them_and_go_as_one_batch() {
    let channel = Channel::in_memory("r".into());
    let (heard, sink) = digest(|_| Answer::Take);
    channel.start_sink("mail", sink, ON_DISK);
    let start = Instant::now();
    for _ in 0..7 {
        channel.publish(events(2));
        tokio::time::sleep(Duration::from_secs(25)).await;
    }
    // 0, 25 and 50 s make the first; 75, 100 and 125 s the second; 150 s waits for more.
    assert_eq!(offers(&heard, start), [(60, 6), (135, 6)]);
    caught_up(&channel).await;
    assert_eq!(offers(&heard, start).last(), Some(&(210, 2)));
}

#[tokio::test(start_paused = true)]
async fn a_whole_batch_goes_at_once_and_only_the_rest_waits() {
    let channel = Channel::in_memory("r".into());
    let (heard, sink) = digest(|_| Answer::Take);
    channel.start_sink("mail", sink, ON_DISK);
    let start = Instant::now();
    channel.publish(events(99));
    tokio::time::sleep(Duration::from_secs(10)).await;
    channel.publish(events(260));
    caught_up(&channel).await;
    assert_eq!(
        offers(&heard, start),
        [(10, 100), (10, 100), (10, 100), (70, 59)]
    );
}

#[tokio::test(start_paused = true)]
async fn what_waited_longer_than_the_window_already_does_not_wait_again() {
    let channel = Channel::in_memory("r".into());
    let start = Instant::now();
    let (heard, sink) = digest(move |_| {
        if start.elapsed() < Duration::from_mins(10) {
            Answer::Later(Some(Duration::from_mins(10)))
        } else {
            Answer::Take
        }
    });
    channel.start_sink("mail", sink, ON_DISK);
    channel.publish(events(1));
    tokio::time::sleep(Duration::from_mins(5)).await;
    channel.publish(events(3));
    caught_up(&channel).await;
    assert_eq!(offers(&heard, start), [(60, 1), (660, 1), (660, 3)]);
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_the_window_for_what_is_there_and_for_what_comes() {
    let channel = Channel::in_memory("r".into());
    let (heard, sink) = digest(|_| Answer::Take);
    channel.start_sink("mail", sink, ON_DISK);
    let (_, hanging) = receiver(|_| Answer::Silence);
    channel.start_sink("hanging", hanging, ON_DISK);
    let start = Instant::now();
    channel.publish(events(2));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let later = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        channel.publish(events(1));
    };
    let (drained, ()) = tokio::join!(channel.drain(Duration::from_secs(9)), later);
    assert!(!drained, "the other one hangs");
    assert_eq!(offers(&heard, start), [(1, 2), (3, 1)]);
    channel.stop_sink("hanging");
    channel.publish(events(1));
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(heard.seqs().len(), 3, "the channel lives on and gathers");
    assert!(channel.drain(Duration::from_secs(9)).await);
    assert_eq!(heard.seqs().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_backlog_from_an_earlier_life_goes_at_once() {
    let folder = folder();
    let (channel, _) = open(&folder);
    let (_, sink) = willing();
    channel.start_sink("mail", sink, ON_DISK);
    assert!(channel.sync());
    drop(channel);
    let (channel, _) = open(&folder);
    channel.publish(events(3));
    assert!(channel.sync());
    drop(channel);
    let (channel, _) = open(&folder);
    let (heard, sink) = digest(|_| Answer::Take);
    let start = Instant::now();
    channel.start_sink("mail", sink, ON_DISK);
    caught_up(&channel).await;
    assert_eq!(offers(&heard, start), [(0, 3)]);
}
