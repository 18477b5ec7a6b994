//! The journal's size is kept, and what that costs each sink is counted to the event.

use tokio::sync::Semaphore;

use super::*;

/// A receiver that waits until it is let.
struct Gate {
    open: Arc<Semaphore>,
    heard: Heard,
}

#[async_trait]
impl Sink for Gate {
    async fn deliver(&mut self, batch: &[Event]) -> Result<(), DeliverError> {
        self.heard
            .offers
            .lock()
            .unwrap()
            .push((Instant::now(), batch.len()));
        drop(self.open.acquire().await);
        self.heard.taken.lock().unwrap().extend_from_slice(batch);
        Ok(())
    }
}

#[tokio::test]
async fn every_event_is_delivered_or_counted_as_dropped_and_never_both() {
    let folder = folder();
    let mut settings = settings(&folder);
    settings.max_size = 16 * 1024;
    let limits = Limits {
        tail_events: 20,
        ..small()
    };
    let (channel, _) = Channel::open_within(settings.clone(), "r".into(), limits).unwrap();
    let open = Arc::new(Semaphore::new(0));
    let slow = Heard::default();
    let gate = Gate {
        open: Arc::clone(&open),
        heard: slow.clone(),
    };
    channel.start_sink("slow", Box::new(gate), ON_DISK);
    let (quick, sink) = willing();
    channel.start_sink("quick", sink, ON_DISK);
    channel.publish(events(5));
    soon("the slow one holds a batch", || slow.offers().len() == 1).await;
    for _ in 0..100 {
        channel.publish(events(3));
        let last = channel.status().journal.last_seq;
        soon("the quick one keeps up", || {
            quick.seqs().len() as u64 >= last
        })
        .await;
    }
    soon("the journal shrinks", || {
        channel.status().journal.bytes <= settings.max_size
    })
    .await;
    open.add_permits(1_000_000);
    soon("every event is accounted for", || {
        let status = channel.status();
        let slow = &status.sinks[1];
        slow.delivered + slow.dropped == status.journal.last_seq
            && told_lost(&quick.taken(), Some("slow")) == slow.dropped
            && status.sinks[0].pending == 0
    })
    .await;
    let status = channel.status();
    let (quick_status, slow_status) = (&status.sinks[0], &status.sinks[1]);
    let total = status.journal.last_seq;
    assert_eq!(quick_status.dropped, 0);
    assert_eq!(quick.seqs(), (1..=total).collect::<Vec<_>>());
    assert!(slow_status.dropped > 50);
    assert_eq!(slow_status.delivered + slow_status.dropped, total);
    assert_eq!(slow.seqs().len() as u64, slow_status.delivered);
    assert_eq!(told_lost(&quick.taken(), Some("slow")), slow_status.dropped);
    // The runs that are told are exactly the gaps.
    let mut missing: Vec<u64> = Vec::new();
    for event in quick.taken() {
        if let Fact::AlertsDropped {
            first_seq,
            last_seq,
            count,
            ..
        } = event.fact
        {
            assert_eq!(count, last_seq - first_seq + 1);
            missing.extend(first_seq..=last_seq);
        }
    }
    let mut all = slow.seqs();
    all.extend(missing);
    all.sort_unstable();
    assert_eq!(all, (1..=total).collect::<Vec<_>>());
}

#[tokio::test]
async fn reports_of_loss_do_not_push_each_other_out_for_ever() {
    let folder = folder();
    let mut settings = settings(&folder);
    settings.max_size = 8 * 1024;
    let (channel, _) = Channel::open_within(settings.clone(), "r".into(), small()).unwrap();
    for name in ["a", "b", "c", "d", "e"] {
        let (_, sink) = receiver(|_| Answer::Silence);
        channel.start_sink(name, sink, ON_DISK);
    }
    for _ in 0..300 {
        channel.publish(events(1));
        tokio::task::yield_now().await;
    }
    soon("the journal shrinks", || {
        channel.status().journal.bytes <= settings.max_size
    })
    .await;
    assert!(channel.sync());
    let settled = channel.status().journal.last_seq;
    assert!(settled < 3000, "{settled}");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(channel.status().journal.last_seq, settled);
}
