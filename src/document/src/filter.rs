//! The keys that every sink's section may have: which events it is told, and from when on those of
//! a service that flaps are summed up.

use std::pin::Pin;
use std::time::Duration;

use channel::Flood;
use contract::{DeliverError, Event, Fact, Severity, Sink};
use serde::{Deserialize, Deserializer, de};

use super::flood::Flooding;
use super::tree::meant;

/// The keys, which a sink itself never sees.
pub const KEYS: [&str; 4] = ["min_severity", "kinds", "services", "flood"];

/// The kinds of events that can be asked for.
const KINDS: [&str; 11] = [
    "service_down",
    "restarted",
    "restart_failed",
    "unmonitored",
    "recovered",
    "remonitored",
    "alerts_dropped",
    "router_unreachable",
    "router_reachable",
    "storm_began",
    "storm_ended",
];

/// Which events a sink is told; absent keys let everything through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table of filters")]
pub struct Filter {
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
    /// Whether the sink is told this event for its own sake; the end of an outage is also told when
    /// anything of that outage was. Tests always pass, and so does the sum of what passed before.
    #[must_use]
    pub fn admits(&self, event: &Event) -> bool {
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
    #[must_use]
    pub const fn flood(&self) -> Option<Flood> {
        self.flood.0
    }

    /// The services that are named, to be compared with those that exist.
    #[must_use]
    pub fn services(&self) -> &[String] {
        self.services.as_deref().unwrap_or_default()
    }

    /// `sink`, told only what passes.
    #[must_use]
    pub fn before(&self, sink: Box<dyn Sink>) -> Box<dyn Sink> {
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
    #[must_use]
    pub fn describe(&self) -> String {
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
        parts.extend(self.flood.describe());
        parts.join("; ")
    }
}

/// A sink behind a filter: the channel's worker asks it which events it wants.
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
        // The channel has asked what is wanted, and knows which ends belong to it.
        self.sink.deliver(batch)
    }

    fn wants(&self, event: &Event) -> bool {
        self.filter.admits(event) && self.sink.wants(event)
    }

    fn gathers_for(&self) -> Duration {
        self.sink.gathers_for()
    }

    fn confirms(&self) -> bool {
        self.sink.confirms()
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
mod tests;
