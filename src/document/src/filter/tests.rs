//! What passes a filter, and how a wrong one is refused.

use std::sync::{Arc, Mutex};

use contract::{Draft, LookedAgain, Timestamp};
use serde_json::json;

use super::*;

struct Heard(Arc<Mutex<Vec<String>>>);

impl Sink for Heard {
    fn deliver<'sink, 'batch, 'future>(
        &'sink mut self,
        batch: &'batch [Event],
    ) -> Pin<Box<dyn Future<Output = Result<(), DeliverError>> + Send + 'future>>
    where
        'sink: 'future,
        'batch: 'future,
        Self: 'future,
    {
        self.0.lock().unwrap().extend(ids("", batch));
        Box::pin(async { Ok(()) })
    }

    fn gathers_for(&self) -> Duration {
        Duration::from_secs(7)
    }

    fn refreshes_every(&self) -> Option<Duration> {
        Some(Duration::from_secs(8))
    }

    fn refresh<'sink, 'future>(
        &'sink mut self,
    ) -> Pin<Box<dyn Future<Output = Result<(), DeliverError>> + Send + 'future>>
    where
        'sink: 'future,
        Self: 'future,
    {
        self.0.lock().unwrap().push("refreshed".to_owned());
        Box::pin(async { Ok(()) })
    }

    fn recall(&mut self, open: &[Event]) {
        self.0.lock().unwrap().extend(ids("open: ", open));
    }
}

fn ids(before: &str, events: &[Event]) -> Vec<String> {
    let words = |event: &Event| format!("{before}{}", event.id);
    events.iter().map(words).collect()
}

fn event(id: &str, service: Option<&str>, fact: Fact) -> Event {
    let draft = Draft {
        service: service.map(str::to_owned),
        process: None,
        outage: None,
        time: Timestamp::EPOCH,
        fact,
    };
    Event::new(draft, id.to_owned(), 1, "r".to_owned())
}

fn batch() -> Vec<Event> {
    vec![
        event(
            "remonitored",
            Some("dhcp"),
            Fact::Remonitored {
                found: LookedAgain::Down,
            },
        ),
        event(
            "unmonitored",
            Some("ssh"),
            Fact::Unmonitored {
                until: None,
                reason: contract::UnmonitoredReason::CrashLoop,
            },
        ),
        event(
            "dropped",
            None,
            Fact::AlertsDropped {
                count: 1,
                first_seq: 1,
                last_seq: 1,
                sink: None,
                reason: "full".into(),
            },
        ),
        event("test", None, Fact::Test { text: "x".into() }),
    ]
}

fn run<T>(what: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(what)
}

/// An outage that needs a person, and one that does not, each with its end.
fn outages() -> Vec<Draft> {
    let draft = |outage: &str, fact| Draft {
        service: Some(outage.to_owned()),
        process: None,
        outage: Some(outage.to_owned()),
        time: Timestamp::EPOCH,
        fact,
    };
    let down = Fact::ServiceDown {
        noticed: Timestamp::EPOCH,
        last_pid: None,
        cause: contract::Cause::NoPidFile,
        ended: contract::Ended::Unknown,
    };
    let failed = Fact::Unmonitored {
        until: None,
        reason: contract::UnmonitoredReason::RestartFailed,
    };
    let restarted = Fact::Restarted {
        pid: 1,
        attempts: 1,
        downtime: Duration::ZERO,
    };
    let up = Fact::Remonitored {
        found: LookedAgain::Up { pid: 1 },
    };
    vec![
        draft("dhcp", down.clone()),
        draft("ssh", down),
        draft("dhcp", failed),
        draft("ssh", restarted),
        draft("dhcp", up),
    ]
}

#[test]
fn an_outage_that_was_told_is_told_over_whatever_the_filter() {
    for (filter, expected) in [
        (json!({"min_severity": "critical"}), vec![3, 5]),
        (json!({"min_severity": "major"}), vec![1, 2, 3, 4, 5]),
        (json!({"kinds": ["service_down"]}), vec![1, 2, 4, 5]),
        (json!({"kinds": ["unmonitored"]}), vec![3, 5]),
        (json!({"kinds": ["restarted"]}), vec![4]),
        (json!({"kinds": ["restart_failed"]}), vec![]),
        (
            json!({"kinds": ["service_down"], "services": ["ssh"]}),
            vec![2, 4],
        ),
    ] {
        let filter: Filter = serde_json::from_value(filter).unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let sink = filter.before(Box::new(Heard(Arc::clone(&heard))));
        let published = run(async {
            let channel = channel::Channel::in_memory("r".into());
            let options = channel::SinkOptions {
                needs_disk: false,
                flood: None,
            };
            channel.start_sink("x", sink, options);
            let published = channel.publish(channel::Transaction {
                drafts: outages(),
                notes: Vec::new(),
            });
            assert!(channel.drain(Duration::from_mins(1)).await);
            published
        });
        let mut told = published;
        told.retain(|event| expected.contains(&event.seq));
        assert_eq!(*heard.lock().unwrap(), ids("", &told), "{filter:?}");
    }
}

#[test]
fn only_what_passes_the_filter_reaches_the_sink() {
    for (filter, expected) in [
        (
            json!({}),
            vec!["remonitored", "unmonitored", "dropped", "test"],
        ),
        (
            json!({"min_severity": "critical"}),
            vec!["unmonitored", "dropped", "test"],
        ),
        (
            json!({"kinds": ["remonitored"]}),
            vec!["remonitored", "test"],
        ),
        (
            json!({"services": ["ssh"]}),
            vec!["unmonitored", "dropped", "test"],
        ),
        (
            json!({"services": ["ssh"], "kinds": ["restarted"]}),
            vec!["test"],
        ),
    ] {
        let filter: Filter = serde_json::from_value(filter).unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let mut sink = filter.before(Box::new(Heard(Arc::clone(&heard))));
        let mut wanted = batch();
        wanted.retain(|event| sink.wants(event));
        run(sink.deliver(&wanted)).unwrap();
        assert_eq!(*heard.lock().unwrap(), expected, "{filter:?}");
    }
}

#[test]
fn a_filter_changes_nothing_else_about_its_sink() {
    let filter: Filter = serde_json::from_value(json!({"services": ["ssh"]})).unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let mut sink = filter.before(Box::new(Heard(Arc::clone(&heard))));
    let wanted: Vec<bool> = batch().iter().map(|event| sink.wants(event)).collect();
    assert_eq!(wanted, [false, true, true, true]);
    assert_eq!(sink.gathers_for(), Duration::from_secs(7));
    assert_eq!(sink.refreshes_every(), Some(Duration::from_secs(8)));
    sink.recall(&batch()[..2]);
    run(sink.refresh()).unwrap();
    assert_eq!(*heard.lock().unwrap(), ["open: unmonitored", "refreshed"]);
}

#[test]
fn a_wrong_kind_or_severity_is_refused_with_what_is_right() {
    let error = |value| {
        serde_json::from_value::<Filter>(value)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        error(json!({"kinds": ["restart_fail"]})),
        "`restart_fail` is no kind of event; did you mean `restart_failed`?"
    );
    assert_eq!(
        error(json!({"min_severity": "bad"})),
        "`bad` is no severity; use critical, major, minor, warning, indeterminate or cleared"
    );
}

#[test]
fn outages_are_summed_up_unless_that_is_refused() {
    let read = |value| {
        serde_json::from_value::<Filter>(value)
            .map(|filter| {
                let flood = filter.flood();
                let words = filter.describe();
                (flood.map(|f| (f.outages, f.within.as_secs())), words)
            })
            .map_err(|error| error.to_string())
    };
    let is = |flood, words: &str| Ok((flood, words.to_owned()));
    assert_eq!(read(json!({})), is(Some((10, 600)), ""));
    assert_eq!(read(json!({"flood": true})), is(Some((10, 600)), ""));
    assert_eq!(read(json!({"flood": false})), is(None, "never summed up"));
    assert_eq!(
        read(json!({"flood": {"outages": 3, "within": "1h"}})),
        is(
            Some((3, 3600)),
            "summed up beyond 3 outages of a service within 1h"
        )
    );
    for (flood, words) in [
        (
            json!({"outages": 0}),
            "must be from 1 to 1000, and 0 is not",
        ),
        (
            json!({"within": "5s"}),
            "must be from 10s to 1d, and `5s` is not",
        ),
        (
            json!({"outage": 5}),
            "unknown field `outage`, expected `outages` or `within`",
        ),
        (
            json!("off"),
            "invalid type: string \"off\", expected a table such as { outages = 10, within = \"10m\" }, or false",
        ),
    ] {
        assert_eq!(read(json!({"flood": flood})), Err(words.to_owned()));
    }
}

#[test]
fn a_sum_passes_every_filter() {
    let filter = json!({"kinds": ["restarted"], "min_severity": "critical"});
    let filter: Filter = serde_json::from_value(filter).unwrap();
    let dropped = batch().remove(2);
    assert!(!filter.admits(&dropped));
    let sum = event("sum", Some("dhcp"), dropped.fact);
    assert!(filter.admits(&sum));
}

#[test]
fn every_kind_that_an_event_can_have_can_be_asked_for() {
    for event in batch() {
        let kind = event.fact.kind().to_owned();
        assert!(kind == "test" || KINDS.contains(&kind.as_str()), "{kind}");
    }
}
