//! A service that flaps: its outages are summed up for each sink, and nothing of it is lost.

use contract::{Cause, Ended, Failure, UnmonitoredReason};

use super::*;
use crate::Flood;

const THREE_IN_TEN_MINUTES: SinkOptions = SinkOptions {
    needs_disk: true,
    flood: Some(Flood {
        outages: 3,
        within: Duration::from_mins(10),
    }),
};

/// When the wall clock of these stories starts.
fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn at(second: u64, outage: &str, fact: Fact) -> Draft {
    Draft {
        service: Some("dhcp".into()),
        process: Some("dnsmasq".into()),
        outage: Some(outage.into()),
        time: noon().saturating_add(Duration::from_secs(second)),
        fact,
    }
}

fn down() -> Fact {
    Fact::ServiceDown {
        noticed: noon(),
        last_pid: Some(7),
        cause: Cause::Gone { pid: 7 },
        ended: Ended::Signal(9),
    }
}

fn restarted() -> Fact {
    Fact::Restarted {
        pid: 8,
        attempts: 1,
        downtime: Duration::from_secs(5),
    }
}

fn restart_failed() -> Fact {
    Fact::RestartFailed {
        attempts: 5,
        failure: Failure {
            reason: "exit 1".into(),
            exit: Some(1),
            output: String::new(),
        },
    }
}

fn publish(channel: &Channel, drafts: Vec<Draft>) -> Vec<Event> {
    channel.publish(Transaction {
        drafts,
        notes: Vec::new(),
    })
}

/// Outages that begin at these seconds, each over at once.
fn flap(channel: &Channel, seconds: impl IntoIterator<Item = u64>) -> Vec<Event> {
    let outages = seconds.into_iter().flat_map(|second| {
        let id = format!("o{second}");
        [at(second, &id, down()), at(second + 1, &id, restarted())]
    });
    publish(channel, outages.collect())
}

/// The sums that a receiver was told: `(count, first, last, reason)`.
fn sums(heard: &Heard) -> Vec<(u64, u64, u64, String)> {
    heard
        .taken()
        .into_iter()
        .filter_map(|event| match event.fact {
            Fact::AlertsDropped {
                count,
                first_seq,
                last_seq,
                reason,
                ..
            } => Some((count, first_seq, last_seq, reason)),
            _ => None,
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn of_a_flapping_service_some_outages_are_told_and_the_rest_in_one_event() {
    let channel = Channel::in_memory("r".into());
    let (heard, sink) = willing();
    channel.start_sink("local", sink, THREE_IN_TEN_MINUTES);
    let start = Instant::now();
    flap(&channel, (0..40).map(|n| n * 10));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(heard.seqs(), [1, 2, 3, 4, 5, 6]);
    let status = channel.status().sinks.remove(0);
    assert_eq!((status.pending, status.dropped), (0, 0));
    tokio::time::sleep(Duration::from_mins(9)).await;
    assert_eq!(heard.seqs().len(), 6, "not before its time");
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(heard.seqs(), [1, 2, 3, 4, 5, 6, 81]);
    assert_eq!(
        sums(&heard),
        [(
            74,
            7,
            80,
            "summed up: dhcp went down and came back 37 times between \
             2026-11-22T12:00:30.000Z and 2026-11-22T12:06:31.000Z; \
             last: process 7 is gone (ended by signal 9)"
                .to_owned()
        )]
    );
    let sum = heard.taken().pop().unwrap();
    assert_eq!((sum.service.as_deref(), sum.outage), (Some("dhcp"), None));
    assert!(start.elapsed() < Duration::from_mins(11));
    let status = channel.status().sinks.remove(0);
    assert_eq!((status.delivered, status.summed_up), (7, 74));
    // The flood is over: the next outage is told as any other.
    flap(&channel, [4000]);
    caught_up(&channel).await;
    assert_eq!(heard.seqs()[7..], [82, 83]);
}

#[tokio::test(start_paused = true)]
async fn a_flood_that_goes_on_is_told_once_in_each_time() {
    let channel = Channel::in_memory("r".into());
    let (heard, sink) = willing();
    channel.start_sink("local", sink, THREE_IN_TEN_MINUTES);
    for minute in 0..120 {
        flap(&channel, [minute * 60]);
        tokio::time::sleep(Duration::from_mins(1)).await;
    }
    tokio::time::sleep(Duration::from_mins(10)).await;
    let sums = sums(&heard);
    assert!((11..=13).contains(&sums.len()), "{}", sums.len());
    let told = heard.seqs().len() as u64 - sums.len() as u64;
    let counted: u64 = sums.iter().map(|(count, ..)| count).sum();
    assert_eq!(told + counted, 240, "nothing is lost");
    assert!(told <= 10, "{told}");
}

#[tokio::test(start_paused = true)]
async fn the_outage_that_is_open_when_the_summing_up_ends_is_told() {
    let channel = Channel::in_memory("r".into());
    let (heard, sink) = willing();
    channel.start_sink("local", sink, THREE_IN_TEN_MINUTES);
    flap(&channel, [0, 10, 20, 30, 40]);
    let open = publish(&channel, vec![at(50, "open", down())]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(heard.seqs().len(), 6);
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!(heard.taken()[6], open[0]);
    assert_eq!(sums(&heard)[0].0, 4, "without the open one");
    // What follows of it is told as well.
    let over = publish(&channel, vec![at(700, "open", restarted())]);
    caught_up(&channel).await;
    assert_eq!(heard.taken().last(), over.first());
    assert_eq!(heard.seqs().len(), 9);
}

#[tokio::test(start_paused = true)]
async fn what_needs_a_person_is_told_at_once_with_how_it_began() {
    let channel = Channel::in_memory("r".into());
    let (heard, sink) = willing();
    channel.start_sink("local", sink, THREE_IN_TEN_MINUTES);
    flap(&channel, [0, 10, 20, 30, 40]);
    let unmonitored = Fact::Unmonitored {
        until: None,
        reason: UnmonitoredReason::RestartFailed,
    };
    let bad = publish(
        &channel,
        vec![
            at(50, "bad", down()),
            at(55, "bad", restart_failed()),
            at(55, "bad", unmonitored),
        ],
    );
    caught_up(&channel).await;
    assert_eq!(heard.taken()[6..9], bad);
    assert_eq!(sums(&heard)[0].0, 4);
    assert_eq!(seqs(&heard.taken()[6..]), [11, 12, 13, 14], "in order");
}

#[tokio::test(start_paused = true)]
async fn each_sink_is_told_its_own_sums_and_no_other() {
    let channel = Channel::in_memory("r".into());
    let (one, sink) = willing();
    channel.start_sink("one", sink, THREE_IN_TEN_MINUTES);
    let (two, sink) = willing();
    channel.start_sink("two", sink, THREE_IN_TEN_MINUTES);
    let (all, sink) = willing();
    channel.start_sink("all", sink, ON_DISK);
    flap(&channel, [0, 10, 20, 30, 40]);
    assert!(
        channel.drain(Duration::from_secs(9)).await,
        "at the end at once"
    );
    assert_eq!(all.seqs(), (1..=10).collect::<Vec<_>>());
    for (name, heard) in [("one", one), ("two", two)] {
        assert_eq!(heard.seqs().len(), 7);
        assert_eq!(told_lost(&heard.taken(), Some(name)), 4);
    }
    assert_eq!(channel.status().journal.last_seq, 12);
}

#[tokio::test(start_paused = true)]
async fn only_what_a_sink_wants_is_told_and_counted() {
    struct Picky(Box<dyn Sink>);

    #[async_trait]
    impl Sink for Picky {
        async fn deliver(&mut self, batch: &[Event]) -> Result<(), DeliverError> {
            self.0.deliver(batch).await
        }

        fn wants(&self, event: &Event) -> bool {
            !matches!(event.fact, Fact::ServiceDown { .. })
        }
    }

    let channel = Channel::in_memory("r".into());
    let (heard, sink) = willing();
    channel.start_sink("picky", Box::new(Picky(sink)), THREE_IN_TEN_MINUTES);
    flap(&channel, [0, 10, 20, 30, 40]);
    assert!(channel.drain(Duration::from_secs(9)).await);
    assert_eq!(heard.seqs(), [2, 4, 6, 11]);
    assert_eq!(sums(&heard)[0].0, 2);
    assert_eq!(channel.status().sinks[0].delivered, 4);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_is_down_meanwhile_is_told_in_sum_when_it_is_back() {
    let channel = Channel::in_memory("r".into());
    let begun = Instant::now();
    let (heard, sink) = receiver(move |_| {
        if begun.elapsed() < Duration::from_hours(5) {
            Answer::Later(None)
        } else {
            Answer::Take
        }
    });
    channel.start_sink("far", sink, THREE_IN_TEN_MINUTES);
    for second in (0..18_000).step_by(100) {
        flap(&channel, [second]);
        tokio::time::sleep(Duration::from_secs(100)).await;
    }
    caught_up(&channel).await;
    tokio::time::sleep(Duration::from_mins(11)).await;
    let sums = sums(&heard);
    let told = heard.seqs().len() - sums.len();
    let counted: u64 = sums.iter().map(|(count, ..)| count).sum();
    assert_eq!(told as u64 + counted, 360);
    assert!(heard.seqs().len() < 60, "{}", heard.seqs().len());
}

#[tokio::test]
async fn a_process_that_ends_before_the_sum_is_told_begins_again_before_it() {
    let folder = folder();
    let (channel, _) = open(&folder);
    let (heard, sink) = willing();
    channel.start_sink("local", sink, THREE_IN_TEN_MINUTES);
    let mut published = flap(&channel, (0..20).map(|n| n * 10));
    let mut other = draft("of no service");
    other.service = None;
    published.extend(publish(&channel, vec![other]));
    soon("the other event is heard", || {
        heard.seqs().last() == Some(&41)
    })
    .await;
    assert!(channel.sync());
    assert_eq!(channel.status().sinks[0].pending, 0);
    let cursor = crate::cursor::path(folder.path(), "local");
    assert_eq!(crate::cursor::read(&cursor), crate::cursor::Cursor::At(6));
    drop(channel);
    let (channel, _) = open(&folder);
    let (again, sink) = willing();
    channel.start_sink("local", sink, THREE_IN_TEN_MINUTES);
    assert!(channel.drain(Duration::from_mins(1)).await);
    assert!(channel.sync());
    assert_eq!(crate::cursor::read(&cursor), crate::cursor::Cursor::At(42));
    assert_eq!(again.seqs(), [7, 8, 9, 10, 11, 12, 41, 42]);
    assert_eq!(sums(&again)[0].0, 28);
    assert_eq!(read_all(&folder)[..41], published, "the journal keeps all");
    drop(channel);
    let (channel, _) = open(&folder);
    let (nothing, sink) = willing();
    channel.start_sink("local", sink, THREE_IN_TEN_MINUTES);
    assert!(channel.drain(Duration::from_mins(1)).await);
    assert_eq!(nothing.seqs(), Vec::<u64>::new());
}

#[tokio::test]
async fn no_cursor_passes_a_row_before_its_sum_is_on_disk() {
    let folder = folder();
    let (channel, _) = open(&folder);
    let (heard, sink) = willing();
    let at_once = SinkOptions {
        needs_disk: false,
        ..THREE_IN_TEN_MINUTES
    };
    channel.start_sink("local", sink, at_once);
    flap(&channel, [0, 10, 20, 30, 40]);
    assert!(channel.sync());
    {
        // Not tried again within this test.
        let mut state = channel.state();
        state.writer.as_mut().unwrap().abandon();
        state.health = crate::state::Health::Failing {
            cause: "fsync failed".into(),
            retry_at: std::time::Instant::now() + Duration::from_hours(1),
        };
    }
    flap(&channel, [2000]);
    soon("the sum is heard", || heard.seqs().len() == 9).await;
    assert_eq!(heard.seqs()[6..], [11, 12, 13]);
    let cursor = crate::cursor::path(folder.path(), "local");
    soon("the cursor is written", || {
        crate::cursor::read(&cursor) == crate::cursor::Cursor::At(6)
    })
    .await;
    assert!(channel.sync());
    assert_eq!(crate::cursor::read(&cursor), crate::cursor::Cursor::At(13));
}

#[tokio::test(start_paused = true)]
async fn a_replaced_sink_is_told_what_the_one_before_had_not_summed_up_yet() {
    let channel = Channel::in_memory("r".into());
    let (_, sink) = willing();
    channel.start_sink("local", sink, THREE_IN_TEN_MINUTES);
    flap(&channel, [0, 10, 20, 30, 40]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (heard, sink) = willing();
    channel.start_sink("local", sink, THREE_IN_TEN_MINUTES);
    caught_up(&channel).await;
    assert_eq!(heard.seqs(), [7, 8, 9, 10]);
}
