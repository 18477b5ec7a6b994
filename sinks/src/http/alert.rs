//! Alertmanager's alerts, and which event fires or resolves which. Pure: clocks come in from outside.
//!
//! An alert's labels are its identity, so they hold nothing that changes while an outage lasts:
//! neither the outage's id nor the last pid. A severity is a label because receivers are chosen
//! by it; so each severity of an outage is an alert of its own, and the end resolves them all.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::{Event, Fact, Timestamp, UnmonitoredReason};
use serde::Serialize;
use tokio::time::Instant;

use crate::{LocalTime, wording};

/// The most alerts that are remembered.
const MOST: usize = 1000;
/// How long an alert that ended is told again.
const RESOLVED: Duration = Duration::from_mins(5);
/// How long an alert fires that nothing ends: a loss, a test.
const LOSS: Duration = Duration::from_hours(1);
const TEST: Duration = Duration::from_mins(5);

/// An alert, as `POST /api/v2/alerts` takes it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Alert {
    labels: BTreeMap<&'static str, String>,
    annotations: BTreeMap<&'static str, String>,
    #[serde(rename = "startsAt")]
    starts: Timestamp,
    /// Absent while it fires: then Alertmanager's `resolve_timeout` counts from our last word.
    #[serde(rename = "endsAt", skip_serializing_if = "Option::is_none")]
    ends: Option<Timestamp>,
    /// From when on it needs no more telling.
    #[serde(skip)]
    until: Option<Instant>,
}

/// What tells our alerts apart: the router, the service (or the sink that lost something), the name.
type Key = (String, String, Name);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    ServiceDown,
    RestartFailed,
    Unmonitored,
    AlertsDropped,
    RouterUnreachable,
    Storm,
    Test,
}

impl Name {
    const fn text(self) -> &'static str {
        match self {
            Self::ServiceDown => "VrwatchServiceDown",
            Self::RestartFailed => "VrwatchRestartFailed",
            Self::Unmonitored => "VrwatchUnmonitored",
            Self::AlertsDropped => "VrwatchAlertsDropped",
            Self::RouterUnreachable => "VrwatchRouterUnreachable",
            Self::Storm => "VrwatchStorm",
            Self::Test => "VrwatchTest",
        }
    }
}

/// Everything that fires, and what ended a short while ago.
#[derive(Clone, Debug, Default)]
pub(super) struct Board(BTreeMap<Key, Alert>);

impl Board {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything that has to be told again; forgets what need not be.
    pub(super) fn current(&mut self, now: Instant) -> Vec<Alert> {
        self.forget(now);
        self.0.values().cloned().collect()
    }

    pub(super) fn forget(&mut self, now: Instant) {
        self.0
            .retain(|_, alert| alert.until.is_none_or(|until| now < until));
    }

    /// Takes note of the events; gives the alerts that they changed, each as it is in the end.
    pub(super) fn apply(&mut self, batch: &[Event], now: Instant, wall: Timestamp) -> Vec<Alert> {
        let zone = LocalTime::system().naming_its_offset();
        let mut changed = BTreeMap::new();
        for event in batch {
            for (key, alert) in self.changes(event, now, wall, &zone) {
                changed.insert(key.clone(), alert.clone());
                self.remember(key, alert);
            }
        }
        changed.into_values().collect()
    }

    fn changes(
        &self,
        event: &Event,
        now: Instant,
        wall: Timestamp,
        zone: &LocalTime,
    ) -> Vec<(Key, Alert)> {
        let fires = |name, starts, lasts: Option<Duration>| {
            let key = key(event, name);
            let starts = match self.0.get(&key) {
                Some(old) if old.until.is_none() => old.starts,
                _ => starts,
            };
            let alert = Alert {
                labels: labels(event, name),
                annotations: annotations(event, zone),
                starts,
                ends: lasts.map(|lasts| wall.max(event.time).saturating_add(lasts)),
                until: lasts.map(|lasts| now + lasts),
            };
            vec![(key, alert)]
        };
        match &event.fact {
            fact if fact.ends_outage() => self.ends(event, now, zone),
            Fact::ServiceDown { noticed, .. } => fires(Name::ServiceDown, *noticed, None),
            Fact::RestartFailed { .. } => fires(Name::RestartFailed, event.time, None),
            Fact::Unmonitored {
                reason: UnmonitoredReason::Removed,
                ..
            } => Vec::new(),
            Fact::Unmonitored { .. } => fires(Name::Unmonitored, event.time, None),
            Fact::AlertsDropped { .. } => fires(Name::AlertsDropped, event.time, Some(LOSS)),
            Fact::RouterUnreachable { .. } => fires(Name::RouterUnreachable, event.time, None),
            Fact::StormBegan { since, .. } => fires(Name::Storm, *since, None),
            Fact::Test { .. } => fires(Name::Test, event.time, Some(TEST)),
            _ => Vec::new(),
        }
    }

    /// Ends whatever fires for the event's service. Where nothing does (it came back before it was
    /// judged down, or vrwatch has forgotten), the end of the first alert of an outage is told, which
    /// Alertmanager passes over unless that alert fires.
    fn ends(&self, event: &Event, now: Instant, zone: &LocalTime) -> Vec<(Key, Alert)> {
        let names: &[Name] = match &event.fact {
            Fact::StormEnded { .. } => &[Name::Storm],
            _ if wording::is_about_the_router(event) => &[Name::RouterUnreachable],
            _ => &[Name::ServiceDown, Name::RestartFailed, Name::Unmonitored],
        };
        let mut ended: Vec<_> = names
            .iter()
            .filter_map(|name| self.0.get_key_value(&key(event, *name)))
            .filter(|(_, alert)| alert.until.is_none())
            .map(|(key, alert)| (key.clone(), alert.clone()))
            .collect();
        if let (true, Some(first)) = (ended.is_empty(), names.first().copied()) {
            let alert = Alert {
                labels: labels(event, first),
                annotations: BTreeMap::new(),
                starts: began(event),
                ends: None,
                until: None,
            };
            ended.push((key(event, first), alert));
        }
        for (_, alert) in &mut ended {
            alert.annotations = annotations(event, zone);
            alert.ends = Some(event.time.max(alert.starts));
            alert.until = Some(now + RESOLVED);
        }
        ended
    }

    /// Remembers, in bounded memory: what ended goes first, then a newcomer is told but not again.
    fn remember(&mut self, key: Key, alert: Alert) {
        if self.0.len() >= MOST && !self.0.contains_key(&key) {
            let over = self.0.iter().find(|(_, alert)| alert.until.is_some());
            let Some(over) = over.map(|(key, _)| key.clone()) else {
                tracing::warn!(
                    most = MOST,
                    "too many alerts fire at once; Alertmanager is not reminded of the newest"
                );
                return;
            };
            self.0.remove(&over);
        }
        self.0.insert(key, alert);
    }
}

fn key(event: &Event, name: Name) -> Key {
    let about = match &event.fact {
        Fact::AlertsDropped { sink, .. } if !event.sums_up() => sink.clone(),
        _ => event.service.clone(),
    };
    (event.router.clone(), about.unwrap_or_default(), name)
}

fn labels(event: &Event, name: Name) -> BTreeMap<&'static str, String> {
    let severity = match name {
        Name::ServiceDown => contract::Severity::Major,
        Name::RestartFailed
        | Name::Unmonitored
        | Name::AlertsDropped
        | Name::RouterUnreachable
        | Name::Storm => contract::Severity::Critical,
        Name::Test => contract::Severity::Indeterminate,
    };
    let mut labels = BTreeMap::from([
        ("alertname", name.text().to_owned()),
        ("router", event.router.clone()),
        ("severity", severity.name().to_owned()),
    ]);
    let mut add = |label, value: Option<&String>| {
        // Alertmanager knows no empty label.
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            labels.insert(label, value.clone());
        }
    };
    add("service", event.service.as_ref());
    add("process", event.process.as_ref());
    add("zone", event.zone.as_ref());
    if let Fact::AlertsDropped { sink, .. } = &event.fact {
        add("sink", sink.as_ref());
    }
    labels
}

fn annotations(event: &Event, zone: &LocalTime) -> BTreeMap<&'static str, String> {
    let subject = wording::subject(event);
    let sentence = wording::sentence(event, zone);
    let whose = if wording::is_about_the_router(event) {
        event.router.clone()
    } else if event.fact.is_about_a_zone() {
        subject.to_string()
    } else {
        format!("{subject} on {}", event.router)
    };
    let mut annotations = BTreeMap::from([
        (
            "summary",
            format!("{whose}: {}", event.fact.kind().replace('_', " ")),
        ),
        ("description", format!("{subject} {sentence}")),
        ("event_id", event.id.clone()),
    ]);
    if let Some(outage) = &event.outage {
        annotations.insert("outage", outage.clone());
    }
    annotations
}

/// When an outage began, as its end tells it.
fn began(event: &Event) -> Timestamp {
    let downtime = match &event.fact {
        Fact::Recovered { noticed, .. } => return *noticed,
        Fact::Restarted { downtime, .. } => *downtime,
        Fact::RouterReachable { downtime } => downtime.unwrap_or_default(),
        Fact::StormEnded { duration, .. } => *duration,
        _ => Duration::ZERO,
    };
    let millis = i64::try_from(downtime.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_unix_millis(event.time.unix_millis().saturating_sub(millis))
        .unwrap_or(event.time)
}

#[cfg(test)]
#[path = "alert_tests.rs"]
mod tests;
