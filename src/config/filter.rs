//! The keys that every sink's section may have: which events it is told.

use std::pin::Pin;

use contract::{DeliverError, Event, Fact, Severity, Sink};
use serde::{Deserialize, Deserializer, de};

use super::document::meant;

/// The keys, which a sink itself never sees.
pub(crate) const KEYS: [&str; 3] = ["min_severity", "kinds", "services"];

/// The kinds of events that can be asked for.
const KINDS: [&str; 7] = [
    "service_down",
    "restarted",
    "restart_failed",
    "unmonitored",
    "recovered",
    "remonitored",
    "alerts_dropped",
];

/// Which events a sink is told; absent keys let everything through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table of filters")]
pub(crate) struct Filter {
    /// No milder than this; `cleared` is the mildest.
    min_severity: Option<MinSeverity>,
    /// Of these kinds only.
    kinds: Option<Vec<Kind>>,
    /// About these services only; events about vrwatch itself always pass.
    services: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MinSeverity(Severity);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Kind(String);

impl<'de> Deserialize<'de> for MinSeverity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if KINDS.contains(&text.as_str()) {
            return Ok(Self(text));
        }
        let hint = meant(&text, &KINDS);
        Err(de::Error::custom(format_args!(
            "`{text}` is no kind of event; {hint}"
        )))
    }
}

impl Filter {
    /// Whether the sink is told this event. Tests always pass.
    pub(crate) fn admits(&self, event: &Event) -> bool {
        if matches!(event.fact, Fact::Test { .. }) {
            return true;
        }
        self.min_severity
            .is_none_or(|MinSeverity(least)| event.severity >= least)
            && self
                .kinds
                .as_ref()
                .is_none_or(|kinds| kinds.iter().any(|Kind(kind)| kind == event.fact.kind()))
            && self.services.as_ref().is_none_or(|services| {
                event
                    .service
                    .as_ref()
                    .is_none_or(|service| services.contains(service))
            })
    }

    /// The services that are named, to be compared with those that exist.
    pub(crate) fn services(&self) -> &[String] {
        self.services.as_deref().unwrap_or_default()
    }

    /// `sink`, told only what passes.
    pub(crate) fn before(&self, sink: Box<dyn Sink>) -> Box<dyn Sink> {
        if *self == Self::default() {
            return sink;
        }
        Box::new(Filtered {
            filter: self.clone(),
            sink,
        })
    }

    /// The filter in words; empty when everything passes.
    pub(crate) fn describe(&self) -> String {
        let mut parts = Vec::new();
        if let Some(MinSeverity(least)) = self.min_severity {
            parts.push(format!("{least} and worse"));
        }
        if let Some(kinds) = &self.kinds {
            let kinds: Vec<&str> = kinds.iter().map(|Kind(kind)| kind.as_str()).collect();
            parts.push(kinds.join(", "));
        }
        if let Some(services) = &self.services {
            parts.push(format!("about {}", services.join(", ")));
        }
        parts.join("; ")
    }
}

/// A sink behind a filter.
struct Filtered {
    filter: Filter,
    sink: Box<dyn Sink>,
}

impl Sink for Filtered {
    // What `#[async_trait]` makes of `async fn deliver`.
    fn deliver<'sink, 'batch, 'future>(
        &'sink mut self,
        batch: &'batch [Event],
    ) -> Pin<Box<dyn Future<Output = Result<(), DeliverError>> + Send + 'future>>
    where
        'sink: 'future,
        'batch: 'future,
        Self: 'future,
    {
        Box::pin(async move {
            if batch.iter().all(|event| self.filter.admits(event)) {
                return self.sink.deliver(batch).await;
            }
            let admitted: Vec<Event> = batch
                .iter()
                .filter(|event| self.filter.admits(event))
                .cloned()
                .collect();
            if admitted.is_empty() {
                return Ok(());
            }
            self.sink.deliver(&admitted).await
        })
    }
}

#[cfg(test)]
mod tests {
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
            let mut heard = self.0.lock().unwrap();
            heard.extend(batch.iter().map(|event| event.id.clone()));
            Box::pin(async { Ok(()) })
        }
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
            tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap()
                .block_on(sink.deliver(&batch()))
                .unwrap();
            assert_eq!(*heard.lock().unwrap(), expected, "{filter:?}");
        }
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
    fn every_kind_that_an_event_can_have_can_be_asked_for() {
        for event in batch() {
            let kind = event.fact.kind().to_owned();
            assert!(kind == "test" || KINDS.contains(&kind.as_str()), "{kind}");
        }
    }
}
