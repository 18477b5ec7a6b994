//! What a sink is reminded of when it starts: the outages that it was told of and knows no end of.

use contract::{Cause, Ended, Failure, LookedAgain};

use super::*;

/// A receiver that remembers what it is reminded of, and in which order that comes.
struct Reminded {
    receiver: Box<dyn Sink>,
    order: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl Sink for Reminded {
    async fn deliver(&mut self, batch: &[Event]) -> Result<(), DeliverError> {
        self.order.lock().unwrap().push("deliver".into());
        self.receiver.deliver(batch).await
    }

    fn recall(&mut self, open: &[Event]) {
        let open: Vec<String> = open.iter().map(|e| e.seq.to_string()).collect();
        let words = format!("recall {}", open.join(" "));
        self.order.lock().unwrap().push(words);
    }
}

/// Starts a sink, waits until it has everything, and says what it was asked in order.
async fn start(channel: &Channel, name: &str) -> Vec<String> {
    let order = Arc::default();
    let (_, receiver) = willing();
    let sink = Reminded {
        receiver,
        order: Arc::clone(&order),
    };
    channel.start_sink(name, Box::new(sink), ON_DISK);
    soon("it is reminded and has everything", || {
        let mut sinks = channel.status().sinks.into_iter();
        let pending = sinks.find(|sink| sink.name == name).unwrap().pending;
        pending == 0 && !order.lock().unwrap().is_empty()
    })
    .await;
    channel.stop_sink(name);
    let order = order.lock().unwrap();
    order.clone()
}

fn about(service: &str, outage: &str, fact: Fact) -> Draft {
    Draft {
        service: Some(service.into()),
        process: None,
        outage: Some(outage.into()),
        time: Timestamp::now(),
        fact,
    }
}

fn down() -> Fact {
    Fact::ServiceDown {
        noticed: Timestamp::now(),
        last_pid: Some(7),
        cause: Cause::Gone { pid: 7 },
        ended: Ended::Unknown,
    }
}

fn failed() -> Fact {
    Fact::RestartFailed {
        attempts: 5,
        failure: Failure {
            reason: "exit 1".into(),
            exit: Some(1),
            output: String::new(),
        },
    }
}

fn restarted() -> Fact {
    Fact::Restarted {
        pid: 8,
        attempts: 1,
        downtime: Duration::from_secs(5),
    }
}

fn looked_again(found: LookedAgain) -> Fact {
    Fact::Remonitored { found }
}

fn publish(channel: &Channel, drafts: Vec<Draft>) {
    channel.publish(Transaction {
        drafts,
        notes: Vec::new(),
    });
}

#[tokio::test]
async fn a_sink_is_reminded_once_and_before_anything_else_of_what_is_open() {
    let folder = folder();
    let (channel, _) = open(&folder);
    assert_eq!(start(&channel, "a").await, ["recall "]);
    publish(
        &channel,
        vec![
            about("dhcp", "1", down()),
            about("dns \"x\"", "2", down()),
            about("dhcp", "1", failed()),
            about("dns \"x\"", "2", restarted()),
            about("web", "3", down()),
            draft("no outage"),
        ],
    );
    assert_eq!(start(&channel, "a").await, ["recall ", "deliver"]);
    assert_eq!(start(&channel, "a").await, ["recall 1 3 5"]);
    assert!(channel.sync());
    drop(channel);
    let (channel, _) = open(&folder);
    assert_eq!(start(&channel, "a").await, ["recall 1 3 5"]);
    publish(
        &channel,
        vec![
            about("dhcp", "1", looked_again(LookedAgain::Down)),
            about("web", "3", looked_again(LookedAgain::Up { pid: 4 })),
        ],
    );
    assert_eq!(start(&channel, "a").await, ["recall 1 3 5", "deliver"]);
    assert_eq!(start(&channel, "a").await, ["recall 1 3 7"]);
    drop(channel);
    let (channel, _) = open(&folder);
    assert_eq!(start(&channel, "a").await, ["recall 1 3 7"]);
}

#[tokio::test]
async fn each_sink_is_reminded_of_what_was_open_where_it_stands() {
    let folder = folder();
    let (channel, _) = open(&folder);
    let pause = |_: &[Event]| Answer::Later(Some(Duration::from_hours(1)));
    assert_eq!(start(&channel, "behind").await, ["recall "]);
    assert_eq!(start(&channel, "ahead").await, ["recall "]);
    publish(&channel, vec![about("dhcp", "1", down())]);
    start(&channel, "behind").await;
    let (_, busy) = receiver(pause);
    channel.start_sink("behind", busy, ON_DISK);
    publish(
        &channel,
        vec![
            about("dhcp", "1", restarted()),
            about("dhcp", "2", down()),
            about("dhcp", "2", restarted()),
            about("dhcp", "3", down()),
        ],
    );
    start(&channel, "ahead").await;
    // In the same life and in the next.
    assert_eq!(start(&channel, "behind").await[0], "recall 1");
    assert_eq!(start(&channel, "ahead").await, ["recall 5"]);
    drop(channel);
    crate::cursor::write(&crate::cursor::path(folder.path(), "behind"), 1).unwrap();
    let (channel, _) = open(&folder);
    assert_eq!(start(&channel, "ahead").await, ["recall 5"]);
    assert_eq!(start(&channel, "behind").await, ["recall 1", "deliver"]);
    assert_eq!(start(&channel, "behind").await, ["recall 5"]);
    assert_eq!(
        start(&channel, "new").await,
        ["recall 5"],
        "it stands at the end"
    );
}

#[tokio::test]
async fn a_journal_that_is_found_later_reminds_as_well() {
    let folder = folder();
    let (channel, _) = open(&folder);
    publish(&channel, vec![about("dhcp", "1", down()), draft("x")]);
    drop(channel);
    let error = crate::OpenError::Locked {
        path: folder.path().to_path_buf(),
    };
    let limits = Limits {
        retry_every: Duration::from_hours(1),
        ..small()
    };
    let (channel, _) = Channel::degraded_within(settings(&folder), "r".into(), &error, limits);
    publish(&channel, vec![about("web", "2", down())]);
    assert_eq!(start(&channel, "a").await, ["recall 1 3"]);
    assert!(channel.sync());
    publish(&channel, vec![about("dhcp", "1", restarted())]);
    assert_eq!(start(&channel, "a").await, ["recall 1 3", "deliver"]);
    assert_eq!(start(&channel, "a").await, ["recall 3"]);
}

#[tokio::test]
async fn memory_for_outages_stays_bounded_and_the_newest_are_remembered() {
    let channel = Channel::in_memory("r".into());
    for number in 1..=1500 {
        let name = format!("s{number}");
        publish(&channel, vec![about(&name, &name, down())]);
    }
    let order = start(&channel, "a").await;
    let open: Vec<u64> = order[0][7..]
        .split(' ')
        .map(|seq| seq.parse().unwrap())
        .collect();
    assert!(open.len() > 500 && open.len() <= 1000, "{}", open.len());
    assert_eq!(open.last(), Some(&1500));
    // One outage that goes on for ever keeps its beginning and its newest events.
    for _ in 0..100 {
        publish(
            &channel,
            vec![
                about("s1500", "s1500", failed()),
                about("s1500", "s1500", looked_again(LookedAgain::Down)),
            ],
        );
    }
    let order = start(&channel, "b").await;
    assert!(order[0].ends_with(" 1499 1500 1699 1700"), "{}", order[0]);
}

/// A receiver behind a filter that lets failed restarts through and nothing else.
struct ForEmergencies(Box<dyn Sink>);

#[async_trait]
impl Sink for ForEmergencies {
    async fn deliver(&mut self, batch: &[Event]) -> Result<(), DeliverError> {
        self.0.deliver(batch).await
    }

    fn wants(&self, event: &Event) -> bool {
        matches!(event.fact, Fact::RestartFailed { .. })
    }
}

/// What such a sink is told of all there is.
async fn told_of_emergencies(channel: &Channel) -> Vec<u64> {
    let (heard, sink) = willing();
    channel.start_sink("admins", Box::new(ForEmergencies(sink)), ON_DISK);
    assert!(channel.drain(Duration::from_mins(1)).await);
    heard.seqs()
}

#[tokio::test]
async fn a_sink_that_was_told_of_an_outage_is_told_its_end_whatever_its_filter_and_after_a_restart()
{
    let folder = folder();
    let (channel, _) = open(&folder);
    assert_eq!(told_of_emergencies(&channel).await, Vec::<u64>::new());
    publish(
        &channel,
        vec![
            about("dhcp", "1", down()),
            about("web", "2", down()),
            about("dhcp", "1", failed()),
            about("web", "2", restarted()),
            about("ssh", "3", down()),
            about("ssh", "3", failed()),
        ],
    );
    assert!(channel.drain(Duration::from_mins(1)).await);
    publish(
        &channel,
        vec![
            about("dhcp", "1", looked_again(LookedAgain::Down)),
            about("dhcp", "1", restarted()),
            about("dhcp", "4", down()),
            about("dhcp", "4", restarted()),
        ],
    );
    // The last two before it are told by another worker than what they belong to.
    assert_eq!(told_of_emergencies(&channel).await, [8]);
    assert!(channel.sync());
    drop(channel);
    let (channel, _) = open(&folder);
    assert_eq!(told_of_emergencies(&channel).await, Vec::<u64>::new());
    publish(
        &channel,
        vec![about("ssh", "3", looked_again(LookedAgain::Up { pid: 4 }))],
    );
    assert!(channel.drain(Duration::from_mins(1)).await);
    drop(channel);
    let (channel, _) = open(&folder);
    assert_eq!(told_of_emergencies(&channel).await, Vec::<u64>::new());
    assert_eq!(seqs(&read_all(&folder)), (1..=11).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_sink_that_is_exchanged_while_it_is_behind_is_told_the_end_of_what_is_over_already() {
    let folder = folder();
    let (channel, _) = open(&folder);
    let (_, away) = receiver(|_| Answer::Later(Some(Duration::from_hours(1))));
    channel.start_sink("admins", Box::new(ForEmergencies(away)), ON_DISK);
    let mut drafts = vec![about("dhcp", "1", down()), about("dhcp", "1", failed())];
    // So many that the end comes in a batch of its own.
    drafts.extend((0..98).map(|_| draft("of no outage")));
    drafts.push(about("dhcp", "1", restarted()));
    publish(&channel, drafts);
    let mut calls = 0;
    let (heard, once) = receiver(move |_| {
        calls += 1;
        if calls == 1 {
            Answer::Take
        } else {
            Answer::Later(Some(Duration::from_hours(1)))
        }
    });
    channel.start_sink("admins", Box::new(ForEmergencies(once)), ON_DISK);
    soon("the end is offered", || heard.offers().len() == 2).await;
    assert_eq!(heard.seqs(), [2]);
    assert_eq!(told_of_emergencies(&channel).await, [101]);
}
