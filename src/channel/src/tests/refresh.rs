//! Sinks whose far side forgets: they are asked to say again what is still so, and nobody else
//! notices.

use super::*;

const EVERY: Duration = Duration::from_mins(1);

/// A receiver that wants to be refreshed while anything it took is open.
struct Forgetful<F> {
    receiver: Box<dyn Sink>,
    heard: Heard,
    refreshes: Arc<Mutex<Vec<Instant>>>,
    answer: F,
}

#[async_trait]
impl<F: FnMut() -> Answer + Send> Sink for Forgetful<F> {
    async fn deliver(&mut self, batch: &[Event]) -> Result<(), DeliverError> {
        self.receiver.deliver(batch).await
    }

    fn refreshes_every(&self) -> Option<Duration> {
        let taken = self.heard.taken();
        (taken.last()?.fact.kind() != "over").then_some(EVERY)
    }

    async fn refresh(&mut self) -> Result<(), DeliverError> {
        self.refreshes.lock().unwrap().push(Instant::now());
        match (self.answer)() {
            Answer::Take => Ok(()),
            Answer::Later(wait) => Err(DeliverError::Later {
                cause: "forgot who you are".into(),
                wait,
            }),
            Answer::Never(cause) => Err(DeliverError::Never {
                cause: cause.into(),
            }),
            Answer::Silence => std::future::pending().await,
            Answer::Panic => panic!("the receiver's own mistake"),
        }
    }
}

/// What it took, when it was refreshed, and the sink.
fn forgetful(
    answer: impl FnMut() -> Answer + Send + 'static,
) -> (Heard, Arc<Mutex<Vec<Instant>>>, Box<dyn Sink>) {
    let (heard, receiver) = willing();
    let refreshes = Arc::default();
    let sink = Forgetful {
        receiver,
        heard: heard.clone(),
        refreshes: Arc::clone(&refreshes),
        answer,
    };
    (heard, refreshes, Box::new(sink))
}

fn publish(channel: &Channel, kind: &str) {
    channel.publish(Transaction {
        drafts: vec![draft(kind)],
        notes: Vec::new(),
    });
}

#[tokio::test(start_paused = true)]
async fn a_sink_is_refreshed_as_often_as_it_wants_and_no_longer_than_it_wants() {
    let channel = Channel::in_memory("r".into());
    let (_, refreshes, sink) = forgetful(|| Answer::Take);
    channel.start_sink("alertmanager", sink, ON_DISK);
    tokio::time::sleep(EVERY * 10).await;
    assert!(refreshes.lock().unwrap().is_empty(), "nothing is open");
    let start = Instant::now();
    publish(&channel, "down");
    tokio::time::sleep(EVERY * 3 + EVERY / 2).await;
    publish(&channel, "over");
    tokio::time::sleep(EVERY * 10).await;
    let waits: Vec<u64> = refreshes
        .lock()
        .unwrap()
        .iter()
        .map(|at| (*at - start).as_secs())
        .collect();
    assert_eq!(waits, [60, 120, 180]);
}

#[tokio::test(start_paused = true)]
async fn many_events_do_not_put_a_refresh_off() {
    let channel = Channel::in_memory("r".into());
    let (_, refreshes, sink) = forgetful(|| Answer::Take);
    channel.start_sink("alertmanager", sink, ON_DISK);
    for _ in 0..100 {
        publish(&channel, "down");
        tokio::time::sleep(EVERY / 10).await;
    }
    assert_eq!(refreshes.lock().unwrap().len(), 9);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_fails_is_shown_backs_off_and_holds_no_event_up() {
    let channel = Channel::in_memory("r".into());
    let fails = Arc::new(Mutex::new(true));
    let failing = Arc::clone(&fails);
    let (heard, refreshes, sink) = forgetful(move || {
        if *failing.lock().unwrap() {
            Answer::Later(Some(Duration::from_secs(200)))
        } else {
            Answer::Take
        }
    });
    channel.start_sink("alertmanager", sink, ON_DISK);
    publish(&channel, "down");
    tokio::time::sleep(EVERY + Duration::from_secs(1)).await;
    let status = channel.status().sinks.remove(0);
    assert_eq!(status.last_error.as_deref(), Some("forgot who you are"));
    assert!(status.failing_since.is_some());
    let start = Instant::now();
    publish(&channel, "down");
    caught_up(&channel).await;
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(heard.seqs(), [1, 2]);
    tokio::time::sleep(Duration::from_secs(198)).await;
    assert_eq!(refreshes.lock().unwrap().len(), 1, "as the far side wishes");
    tokio::time::sleep(Duration::from_hours(1)).await;
    let tries = refreshes.lock().unwrap().len();
    assert!((10..=19).contains(&tries), "{tries}");
    *fails.lock().unwrap() = false;
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!(channel.status().sinks[0].failing_since, None);
    assert!(refreshes.lock().unwrap().len() > tries + 4);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_hangs_or_panics_holds_no_event_up() {
    let channel = Channel::in_memory("r".into());
    let mut calls = 0;
    let (heard, refreshes, sink) = forgetful(move || {
        calls += 1;
        match calls {
            1 | 2 => Answer::Silence,
            3 => Answer::Panic,
            4 => Answer::Never("gone"),
            _ => Answer::Take,
        }
    });
    channel.start_sink("alertmanager", sink, ON_DISK);
    publish(&channel, "down");
    tokio::time::sleep(EVERY + Duration::from_secs(5)).await;
    assert_eq!(refreshes.lock().unwrap().len(), 1);
    let start = Instant::now();
    publish(&channel, "down");
    caught_up(&channel).await;
    assert!(start.elapsed() < Duration::from_secs(1), "cut short");
    assert_eq!(heard.seqs(), [1, 2]);
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert_eq!(channel.status().sinks[0].last_error, None);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let error = channel.status().sinks[0].last_error.clone();
    assert!(
        [
            "no answer within 60 s",
            "the sink broke down (it panicked)",
            "gone"
        ]
        .contains(&error.as_deref().unwrap()),
    );
    tokio::time::sleep(Duration::from_mins(10)).await;
    let status = channel.status().sinks.remove(0);
    assert_eq!(status.failing_since, None);
    assert_eq!(status.last_error.as_deref(), Some("gone"));
}

#[tokio::test(start_paused = true)]
async fn a_sink_without_refresh_lets_the_daemon_sleep() {
    let channel = Channel::in_memory("r".into());
    let (_, sink) = willing();
    channel.start_sink("local", sink, ON_DISK);
    channel.publish(events(1));
    assert!(channel.drain(Duration::from_secs(1)).await);
    let metrics = tokio::runtime::Handle::current().metrics();
    let start = metrics.worker_park_count(0);
    // The clock jumps from timer to timer: a worker that had one would wake the runtime then.
    tokio::time::sleep(Duration::from_hours(1000)).await;
    let with = metrics.worker_park_count(0) - start;
    assert!(channel.stop_sink("local").is_some());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let start = metrics.worker_park_count(0);
    tokio::time::sleep(Duration::from_hours(1000)).await;
    let without = metrics.worker_park_count(0) - start;
    assert!(with <= without + 3, "{with} with, {without} without");
}
