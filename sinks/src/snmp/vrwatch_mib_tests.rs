//! The notifications against the MIB file that receivers read, and against the limits of a packet.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::Failure;
use proptest::prelude::*;

use super::*;
use crate::examples;

const MIB: &str = include_str!("../../../config/VRWATCH-MIB.txt");

/// What the file says, by `snmptrapd`-like reading of its plain layout: the number of every name
/// directly below a branch.
fn numbers(branch: &str) -> BTreeMap<&'static str, u32> {
    let mut named = BTreeMap::new();
    let mut name = "";
    for line in MIB.lines() {
        if let Some((first, "OBJECT-TYPE" | "NOTIFICATION-TYPE")) = line.split_once(' ') {
            name = first;
        }
        let number = line
            .trim()
            .strip_prefix("::= { ")
            .and_then(|rest| rest.strip_prefix(branch))
            .and_then(|rest| rest.trim().strip_suffix(" }"));
        if let Some(number) = number {
            named.insert(name, number.parse().unwrap());
        }
    }
    named
}

/// The objects of a notification, in the file's order.
fn objects_of(notification: &str) -> Vec<&'static str> {
    let (_, rest) = MIB
        .split_once(&format!("\n{notification} NOTIFICATION-TYPE"))
        .unwrap();
    let (_, rest) = rest.split_once("OBJECTS {").unwrap();
    let (list, _) = rest.split_once('}').unwrap();
    list.split(',').map(str::trim).collect()
}

fn told(event: &Event) -> Notification {
    notification(event, &LocalTime::utc())
}

fn value(notification: &Notification, object: Object) -> Value {
    let name = below(OBJECTS, &[object as u32, 0]);
    let (_, value) = notification
        .values
        .iter()
        .find(|(named, _)| *named == name)
        .unwrap();
    value.clone()
}

/// One of every kind, and a sum, which has a notification of its own.
fn events() -> Vec<Event> {
    let mut events = examples::events();
    let dropped = events.iter().find(|event| number(event) == 7);
    let mut sum = dropped.unwrap().clone();
    sum.outage = None;
    events.push(sum);
    events
}

#[test]
fn every_kind_carries_exactly_what_the_mib_lists_in_its_order() {
    let objects = numbers("vrwatchObjects");
    let notifications = numbers("vrwatchNotifications");
    assert_eq!(notifications.len(), events().len());
    for event in events() {
        let told = told(&event);
        let last = told.name.last().unwrap();
        let (name, _) = notifications.iter().find(|it| it.1 == last).unwrap();
        let listed: Vec<_> = objects_of(name)
            .into_iter()
            .map(|object| below(OBJECTS, &[objects[object], 0]))
            .collect();
        let carried: Vec<_> = told.values.iter().map(|it| it.0.clone()).collect();
        assert_eq!(carried, listed, "{name}");
    }
}

#[test]
fn the_notification_is_called_like_the_kind() {
    let notifications = numbers("vrwatchNotifications");
    for event in events() {
        let kind = match &event.fact {
            Fact::Unknown { .. } => "other",
            _ if event.sums_up() => "summed_up",
            known => known.kind(),
        };
        let name = kind.split('_').fold("vrwatch".to_owned(), |name, word| {
            let (first, rest) = word.split_at(1);
            name + &first.to_uppercase() + rest
        });
        assert_eq!(notifications[name.as_str()], number(&event), "{name}");
    }
}

#[test]
fn the_objects_have_the_numbers_of_the_mib() {
    let numbers = numbers("vrwatchObjects");
    for (name, object) in [
        ("vrwatchEventId", Object::EventId),
        ("vrwatchSentence", Object::Sentence),
        ("vrwatchLastPid", Object::LastPid),
        ("vrwatchPid", Object::Pid),
        ("vrwatchAttempts", Object::Attempts),
        ("vrwatchDowntime", Object::Downtime),
        ("vrwatchNoticed", Object::Noticed),
        ("vrwatchUntil", Object::Until),
        ("vrwatchReason", Object::Reason),
        ("vrwatchExitStatus", Object::ExitStatus),
        ("vrwatchSignal", Object::Signal),
        ("vrwatchOutput", Object::Output),
        ("vrwatchLostCount", Object::LostCount),
        ("vrwatchFirstSeq", Object::FirstSeq),
        ("vrwatchLastSeq", Object::LastSeq),
        ("vrwatchSink", Object::Sink),
        ("vrwatchKind", Object::Kind),
        ("vrwatchSummedCount", Object::SummedCount),
        ("vrwatchZone", Object::Zone),
        ("vrwatchStillDown", Object::StillDown),
        ("vrwatchMisses", Object::Misses),
        ("vrwatchLastSeen", Object::LastSeen),
    ] {
        assert_eq!(numbers[name], object as u32, "{name}");
    }
}

#[test]
fn a_clear_carries_the_id_of_its_raise() {
    let raise = told(&examples::event(1, examples::service_down()));
    let clear = told(&examples::event(2, examples::restarted()));
    assert_eq!(value(&raise, Object::Severity), Value::Integer(4));
    assert_eq!(value(&clear, Object::Severity), Value::Integer(1));
    assert_eq!(
        value(&raise, Object::Outage),
        Value::Text("outage-1".into())
    );
    assert_eq!(value(&raise, Object::Outage), value(&clear, Object::Outage));
}

#[test]
fn a_sum_tells_how_many_events_it_stands_for_and_of_no_loss() {
    let sum = told(&events().pop().unwrap());
    assert_eq!(value(&sum, Object::SummedCount), Value::Counter(3));
    assert_eq!(value(&sum, Object::FirstSeq), Value::Counter(4));
    let objects: Vec<_> = sum.values.iter().map(|it| &it.0).collect();
    for lost in [Object::LostCount, Object::Sink] {
        let name = below(OBJECTS, &[lost as u32, 0]);
        assert!(!objects.contains(&&name), "{lost:?}");
    }
}

#[test]
fn the_fields_of_an_outage_come_as_they_are() {
    let down = told(&examples::event(7, examples::service_down()));
    assert_eq!(value(&down, Object::EventId), Value::Text("event-7".into()));
    assert_eq!(value(&down, Object::Seq), Value::Counter(7));
    assert_eq!(value(&down, Object::LastPid), Value::Unsigned(812));
    assert_eq!(value(&down, Object::Signal), Value::Integer(9));
    assert_eq!(value(&down, Object::ExitStatus), Value::Integer(-1));
    assert_eq!(
        value(&down, Object::Time),
        Value::Octets(vec![0x07, 0xea, 11, 22, 11, 47, 33, 2, b'+', 0, 0])
    );
    let restarted = told(&examples::event(8, examples::restarted()));
    assert_eq!(value(&restarted, Object::Downtime), Value::Unsigned(5170));
    let held = told(&examples::event(
        9,
        Fact::Unmonitored {
            until: None,
            reason: UnmonitoredReason::Held {
                reason: "upgrade\n".into(),
            },
        },
    ));
    assert_eq!(value(&held, Object::Until), Value::Octets(vec![0; 8]));
    assert_eq!(
        value(&held, Object::Reason),
        Value::Text("held by an operator: upgrade".into())
    );
}

#[test]
fn a_time_carries_the_offset_of_the_zone() {
    let newfoundland = LocalTime::named("NST3:30").unwrap();
    let at = examples::at("2026-11-22T11:47:33.999Z");
    assert_eq!(
        date_and_time(at, &newfoundland),
        Value::Octets(vec![0x07, 0xea, 11, 22, 8, 17, 33, 9, b'-', 3, 30])
    );
}

fn long_event(text: &str) -> Vec<Event> {
    let text = text.repeat(2000);
    examples::facts()
        .into_iter()
        .map(|fact| match fact {
            Fact::RestartFailed { .. } => Fact::RestartFailed {
                attempts: u32::MAX,
                failure: Failure {
                    reason: text.clone(),
                    exit: Some(i32::MIN),
                    output: text.clone(),
                },
            },
            Fact::Restarted { pid, attempts, .. } => Fact::Restarted {
                pid,
                attempts,
                downtime: Duration::MAX,
            },
            Fact::AlertsDropped { .. } => Fact::AlertsDropped {
                count: u64::MAX,
                first_seq: u64::MAX,
                last_seq: u64::MAX,
                sink: Some(text.clone()),
                reason: text.clone(),
            },
            other => other,
        })
        .map(|fact| {
            let mut event = examples::event(u64::MAX, fact);
            event.router = text.clone();
            event.service = Some(text.clone());
            event.process = Some(text.clone());
            event.outage = Some(text.clone());
            event
        })
        .collect()
}

proptest! {
    #[test]
    fn whatever_an_event_holds_its_texts_are_short_and_harmless(text in "\\PC{1,8}|[\\x00-\\x1f]{1,8}") {
        for event in long_event(&text) {
            let told = told(&event);
            for (_, value) in &told.values {
                if let Value::Text(text) = value {
                    prop_assert!(!text.contains(char::is_control));
                    prop_assert!(text.len() <= MOST_SENTENCE);
                }
            }
        }
    }
}
