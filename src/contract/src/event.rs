//! The event: one fact about one service, with everything a receiver needs to tell it apart, order
//! it and attach it to its outage.

use serde::{Deserialize, Serialize};

use crate::{Fact, Severity, Timestamp, Value};

/// What the monitor hands to the channel: an event that has no number yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The service's name in the configuration; `None` for events about vrwatch itself.
    pub service: Option<String>,
    /// The process name that is watched.
    pub process: Option<String>,
    /// The outage it belongs to.
    pub outage: Option<String>,
    /// When it was judged, by the wall clock.
    pub time: Timestamp,
    /// What was established.
    pub fact: Fact,
}

/// One fact about one service.
///
/// On the wire it is the JSON of `interface.md`: `kind` and `detail` come from the fact. An unknown
/// kind reads as [`Fact::Unknown`], unknown fields are passed over.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Stable and globally unique: the same event has the same id however often it is delivered.
    pub id: String,
    /// Position in this router's journal; rises by one, from 1. Zero: never journalled (a test).
    pub seq: u64,
    /// The router's name.
    pub router: String,
    /// The service's name in the configuration; `None` for events about vrwatch itself.
    pub service: Option<String>,
    /// The process name that is watched.
    pub process: Option<String>,
    /// The outage it belongs to.
    pub outage: Option<String>,
    /// When it was judged, by the wall clock.
    pub time: Timestamp,
    /// How bad it is.
    pub severity: Severity,
    /// What was established.
    pub fact: Fact,
    /// The zone of its router. Only the management server says so, to its own sinks.
    pub zone: Option<String>,
    /// The storm it belongs to, by the outage of its [`Fact::StormBegan`]. Only the management
    /// server says so, to its own sinks.
    pub storm: Option<String>,
}

impl Event {
    /// Numbers a draft.
    #[must_use]
    pub fn new(draft: Draft, id: String, seq: u64, router: String) -> Self {
        Self {
            id,
            seq,
            router,
            service: draft.service,
            process: draft.process,
            outage: draft.outage,
            time: draft.time,
            severity: draft.fact.severity(),
            fact: draft.fact,
            zone: None,
            storm: None,
        }
    }

    /// Whether it tells one sink in sum what that was not told one by one, because a service
    /// flaps: nothing is lost then. It is about a service and no single outage of it; reports of
    /// loss are about vrwatch.
    #[must_use]
    pub const fn sums_up(&self) -> bool {
        matches!(self.fact, Fact::AlertsDropped { .. })
            && self.service.is_some()
            && self.outage.is_none()
    }
}

/// The flat form on the wire.
#[derive(Serialize, Deserialize)]
struct Wire<T> {
    id: String,
    seq: u64,
    router: String,
    #[serde(default)]
    service: Option<String>,
    #[serde(default)]
    process: Option<String>,
    #[serde(default)]
    outage: Option<String>,
    time: Timestamp,
    severity: Severity,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    storm: Option<String>,
    #[serde(flatten)]
    body: T,
}

/// The fact, or what is left of it when this version does not know the kind.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Body {
    Known(Fact),
    Unknown {
        kind: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<Value>,
    },
}

impl Serialize for Event {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire {
            id: self.id.clone(),
            seq: self.seq,
            router: self.router.clone(),
            service: self.service.clone(),
            process: self.process.clone(),
            outage: self.outage.clone(),
            time: self.time,
            severity: self.severity,
            zone: self.zone.clone(),
            storm: self.storm.clone(),
            body: match &self.fact {
                Fact::Unknown { kind, detail } => Body::Unknown {
                    kind: kind.clone(),
                    detail: detail.clone(),
                },
                fact => Body::Known(fact.clone()),
            },
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::<Body>::deserialize(deserializer)?;
        Ok(Self {
            id: wire.id,
            seq: wire.seq,
            router: wire.router,
            service: wire.service,
            process: wire.process,
            outage: wire.outage,
            time: wire.time,
            severity: wire.severity,
            zone: wire.zone,
            storm: wire.storm,
            fact: match wire.body {
                Body::Known(fact) => fact,
                Body::Unknown { kind, detail } => Fact::Unknown { kind, detail },
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Cause, Ended, Failure, LookedAgain, UnmonitoredReason};

    fn every_fact() -> Vec<Fact> {
        let noticed = "2026-11-22T11:47:28.201Z".parse().unwrap();
        vec![
            Fact::ServiceDown {
                noticed,
                last_pid: Some(7),
                cause: Cause::OtherProcess {
                    pid: 7,
                    name: "cron".into(),
                },
                ended: Ended::Signal(9),
            },
            Fact::Restarted {
                pid: 8,
                attempts: 1,
                downtime: Duration::from_millis(5100),
            },
            Fact::RestartFailed {
                attempts: 5,
                failure: Failure {
                    reason: "exit 1".into(),
                    exit: Some(1),
                    output: "dnsmasq: unknown option".into(),
                },
            },
            Fact::Unmonitored {
                until: Some(noticed),
                reason: UnmonitoredReason::Held {
                    reason: "upgrade".into(),
                },
            },
            Fact::Recovered {
                noticed,
                last_pid: None,
                pid: 9,
                downtime: Duration::ZERO,
                ended: Ended::Unknown,
            },
            Fact::Remonitored {
                found: LookedAgain::Up { pid: 9 },
            },
            Fact::AlertsDropped {
                count: 3,
                first_seq: 1,
                last_seq: 3,
                sink: Some("local".into()),
                reason: "the journal is full".into(),
            },
            Fact::Test {
                text: "hello".into(),
            },
            Fact::RouterUnreachable {
                misses: 3,
                last_seen: Some(noticed),
                reason: "no answer".into(),
            },
            Fact::RouterReachable {
                downtime: Some(Duration::from_millis(900_100)),
            },
            Fact::RouterReachable { downtime: None },
            Fact::StormBegan {
                zone: "zone-1".into(),
                routers: 200,
                services: 611,
                since: noticed,
            },
            Fact::StormEnded {
                zone: "zone-1".into(),
                routers: 200,
                services: 611,
                outages: 640,
                duration: Duration::from_millis(900_100),
                still_down: 2,
                still_down_first: vec!["r-1 dhcp".into(), "r-2 dhcp".into()],
            },
        ]
    }

    fn event(fact: Fact) -> Event {
        Event::new(
            Draft {
                service: Some("dhcp".into()),
                process: Some("dnsmasq".into()),
                outage: Some("o-1".into()),
                time: "2026-11-22T11:47:33.207Z".parse().unwrap(),
                fact,
            },
            "e-1".into(),
            17,
            "r-42-VM".into(),
        )
    }

    #[test]
    fn every_kind_of_event_survives_the_way_through_json() {
        for fact in every_fact() {
            let event = event(fact);
            let json = serde_json::to_string(&event).unwrap();
            assert_eq!(
                serde_json::from_str::<Event>(&json).unwrap(),
                event,
                "{json}"
            );
            let value: serde_json::Value = serde_json::from_str(&json).unwrap();
            assert_eq!(value["kind"], event.fact.kind());
            assert_eq!(value["severity"], event.severity.name());
        }
    }

    #[test]
    fn the_json_has_the_shape_that_scripts_hold_on_to() {
        let json = serde_json::to_value(event(every_fact().remove(0))).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "id": "e-1", "seq": 17, "router": "r-42-VM", "service": "dhcp", "process": "dnsmasq",
                "outage": "o-1", "time": "2026-11-22T11:47:33.207Z", "severity": "major",
                "kind": "service_down",
                "detail": {
                    "noticed": "2026-11-22T11:47:28.201Z", "last_pid": 7,
                    "cause": {"found": "other_process", "pid": 7, "name": "cron"},
                    "ended": {"signal": 9},
                },
            })
        );
    }

    #[test]
    fn zone_and_storm_are_there_for_whoever_wants_them_and_cost_others_nothing() {
        let mut event = event(every_fact().remove(0));
        let plain = serde_json::to_string(&event).unwrap();
        assert!(!plain.contains("zone") && !plain.contains("storm"));
        (event.zone, event.storm) = (Some("zone-1".into()), Some("storm-1".into()));
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(
            (&value["zone"], &value["storm"]),
            (&"zone-1".into(), &"storm-1".into())
        );
    }

    #[test]
    fn a_kind_tells_the_end_of_an_outage_as_the_whole_fact_does_or_leaves_it_open() {
        let mut open = Vec::new();
        for fact in every_fact() {
            match Fact::kind_ends_outage(fact.kind()) {
                Some(ends) => assert_eq!(ends, fact.ends_outage(), "{fact:?}"),
                None => open.push(fact.kind().to_owned()),
            }
        }
        assert_eq!(open, ["unmonitored", "remonitored"]);
        assert_eq!(Fact::kind_ends_outage("service_tired"), Some(false));
    }

    #[test]
    fn a_sum_is_about_a_service_and_a_loss_is_not() {
        for fact in every_fact() {
            let dropped = matches!(fact, Fact::AlertsDropped { .. });
            let mut event = event(fact);
            assert!(!event.sums_up());
            event.outage = None;
            assert_eq!(event.sums_up(), dropped);
            event.service = None;
            assert!(!event.sums_up());
        }
    }

    #[test]
    fn a_kind_and_fields_of_a_newer_version_are_read_and_passed_on_unharmed() {
        let json = serde_json::json!({
            "id": "e", "seq": 1, "router": "r", "service": null, "process": null, "outage": null,
            "time": "2030-01-01T00:00:00.000Z", "severity": "minor", "colour": "green",
            "kind": "service_tired", "detail": {"yawns": 3, "since": null, "deep": [1, -2, 0.5, "x", true]},
        });
        let event: Event = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(event.fact.kind(), "service_tired");
        let mut expected = json;
        expected.as_object_mut().unwrap().remove("colour");
        assert_eq!(serde_json::to_value(&event).unwrap(), expected);
    }
}
