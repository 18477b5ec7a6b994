//! The keys that every sink's section may have: which events it is told, and from when on those of
//! a service that flaps are summed up.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use channel::Flood;

use contract::{DeliverError, Event, Fact, Severity, Sink, human};
use serde::{Deserialize, Deserializer, de};

use super::document::meant;

/// The keys, which a sink itself never sees.
pub(crate) const KEYS: [&str; 4] = ["min_severity", "kinds", "services", "flood"];

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
    /// How many outages of a service are told one by one; the rest is summed up.
    flood: Flooding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MinSeverity(Severity);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Kind(String);

/// `false`, or a table whose absent keys have their defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Flooding(Option<Flood>);

impl Default for Flooding {
    fn default() -> Self {
        Self(Some(Flood::default()))
    }
}

/// The table as people write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenFlood {
    outages: Outages,
    within: Within,
}

impl Default for WrittenFlood {
    fn default() -> Self {
        let Flood { outages, within } = Flood::default();
        Self {
            outages: Outages(outages),
            within: Within(within),
        }
    }
}

struct Outages(u32);

impl Outages {
    const MOST: u32 = 1000;
}

struct Within(Duration);

impl Within {
    const LEAST: human::Duration = human::Duration::from_millis(10_000);
    const MOST: human::Duration = human::Duration::from_millis(86_400_000);
}

impl<'de> Deserialize<'de> for Outages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let outages = i64::deserialize(deserializer)?;
        u32::try_from(outages)
            .ok()
            .filter(|outages| (1..=Self::MOST).contains(outages))
            .map(Self)
            .ok_or_else(|| {
                de::Error::custom(format_args!(
                    "must be from 1 to {}, and {outages} is not",
                    Self::MOST
                ))
            })
    }
}

impl<'de> Deserialize<'de> for Within {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let within = human::Duration::deserialize(deserializer)?;
        if within < Self::LEAST || within > Self::MOST {
            return Err(de::Error::custom(format_args!(
                "must be from {} to {}, and `{within}` is not",
                Self::LEAST,
                Self::MOST
            )));
        }
        Ok(Self(within.0))
    }
}

impl<'de> Deserialize<'de> for Flooding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FloodingVisitor)
    }
}

struct FloodingVisitor;

impl<'de> de::Visitor<'de> for FloodingVisitor {
    type Value = Flooding;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a table such as { outages = 10, within = \"10m\" }, or false")
    }

    fn visit_bool<E: de::Error>(self, on: bool) -> Result<Flooding, E> {
        Ok(if on {
            Flooding::default()
        } else {
            Flooding(None)
        })
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Flooding, A::Error> {
        let written = WrittenFlood::deserialize(de::value::MapAccessDeserializer::new(map))?;
        Ok(Flooding(Some(Flood {
            outages: written.outages.0,
            within: written.within.0,
        })))
    }
}

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
    /// Whether the sink is told this event. Tests always pass, and so does the sum of what passed
    /// before.
    pub(crate) fn admits(&self, event: &Event) -> bool {
        if event.sums_up() || matches!(event.fact, Fact::Test { .. }) {
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

    /// From when on the outages of a service are summed up.
    pub(crate) const fn flood(&self) -> Option<Flood> {
        self.flood.0
    }

    /// The services that are named, to be compared with those that exist.
    pub(crate) fn services(&self) -> &[String] {
        self.services.as_deref().unwrap_or_default()
    }

    /// `sink`, told only what passes.
    pub(crate) fn before(&self, sink: Box<dyn Sink>) -> Box<dyn Sink> {
        let flood = self.flood;
        if *self
            == (Self {
                flood,
                ..Self::default()
            })
        {
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
        match self.flood.0 {
            None => parts.push("never summed up".to_owned()),
            Some(flood) if flood != Flood::default() => parts.push(format!(
                "summed up beyond {} outages of a service within {}",
                flood.outages,
                human::Duration(flood.within)
            )),
            Some(_) => {}
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

    fn wants(&self, event: &Event) -> bool {
        self.filter.admits(event) && self.sink.wants(event)
    }

    fn gathers_for(&self) -> Duration {
        self.sink.gathers_for()
    }

    fn refreshes_every(&self) -> Option<Duration> {
        self.sink.refreshes_every()
    }

    fn refresh<'sink, 'future>(
        &'sink mut self,
    ) -> Pin<Box<dyn Future<Output = Result<(), DeliverError>> + Send + 'future>>
    where
        'sink: 'future,
        Self: 'future,
    {
        self.sink.refresh()
    }

    fn recall(&mut self, open: &[Event]) {
        let admitted: Vec<Event> = open
            .iter()
            .filter(|event| self.filter.admits(event))
            .cloned()
            .collect();
        self.sink.recall(&admitted);
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
    fn a_filter_changes_nothing_else_about_its_sink() {
        let filter: Filter = serde_json::from_value(json!({"services": ["ssh"]})).unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let mut sink = filter.before(Box::new(Heard(Arc::clone(&heard))));
        let wanted: Vec<bool> = batch().iter().map(|event| sink.wants(event)).collect();
        assert_eq!(wanted, [false, true, true, true]);
        assert_eq!(sink.gathers_for(), Duration::from_secs(7));
        assert_eq!(sink.refreshes_every(), Some(Duration::from_secs(8)));
        sink.recall(&batch()[..2]);
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(sink.refresh())
            .unwrap();
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
}
