//! A document that a real `vrwatch poll` printed, and what may be wrong with one.

use serde_json::{Value, json};

use super::*;

const RECORDED: &str = include_str!("recorded/poll.json");

fn recorded() -> Value {
    serde_json::from_str(RECORDED).unwrap()
}

fn now() -> Timestamp {
    "2026-11-24T18:30:00Z".parse().unwrap()
}

fn read_value(value: &Value) -> Result<Document, DocumentError> {
    read(
        value.to_string().as_bytes(),
        "r-42-VM",
        Some("1.2.00"),
        now(),
    )
}

#[test]
fn what_vrwatch_prints_is_read_whole() {
    let document = read(RECORDED.as_bytes(), "r-42-VM", None, now()).unwrap();
    assert_eq!(document.cursor, "1.3.37263e7e46f71976");
    assert!(!document.more);
    let kinds: Vec<_> = document
        .events
        .iter()
        .map(|event| event.fact.kind())
        .collect();
    assert_eq!(kinds, ["service_down", "restart_failed", "unmonitored"]);
    assert_eq!(document.own, []);
    assert_eq!(document.usage.len(), 3);
    assert_eq!(
        document.usage[0],
        UsageSample {
            time: now(),
            interface: "eth0".into(),
            bytes_received: 859_379_718,
            bytes_sent: 2_313_580,
        }
    );
}

#[test]
fn a_router_speaks_only_for_itself() {
    assert!(matches!(
        read(RECORDED.as_bytes(), "r-43-VM", None, now()),
        Err(DocumentError::OtherRouter(name)) if name == "r-42-VM"
    ));
    let mut value = recorded();
    value["events"][1]["router"] = json!("r-43-VM");
    let document = read_value(&value).unwrap();
    assert_eq!(document.events.len(), 2);
    assert!(matches!(
        &document.own[0].fact,
        Fact::AlertsDropped { count: 1, reason, .. } if reason.contains("another router")
    ));
}

#[test]
fn an_event_that_cannot_be_taken_keeps_no_other_back_and_is_counted() {
    for (path, bad) in [
        ("id", json!("")),
        ("id", json!(["x"])),
        ("seq", json!(u64::MAX)),
        ("time", json!("yesterday")),
        ("service", json!("a\nb")),
        ("outage", json!("é".repeat(300))),
        ("router", Value::Null),
    ] {
        let mut value = recorded();
        value["events"][0][path] = bad;
        let document = read_value(&value).unwrap();
        assert_eq!(document.events.len(), 2, "{path}");
        let again = read_value(&value).unwrap();
        assert_eq!(document.own.len(), 1, "{path}");
        assert_eq!(document.own[0].id, again.own[0].id);
        assert_eq!(document.own[0].fact.kind(), "alerts_dropped");
    }
    let mut value = recorded();
    value["events"][0]["detail"]["cause"] = json!("x".repeat(acceptable::LARGEST_EVENT));
    assert_eq!(read_value(&value).unwrap().events.len(), 2);
}

#[test]
fn fields_kinds_and_interfaces_of_a_newer_version_are_passed_over() {
    let mut value = recorded();
    value["colour"] = json!({"deep": [1, 2]});
    value["events"][0]["kind"] = json!("service_tired");
    value["usage"]["interfaces"][" strange "] = value["usage"]["interfaces"]["eth0"].clone();
    value["usage"]["interfaces"]["eth0"]["colour"] = json!("green");
    let document = read_value(&value).unwrap();
    assert_eq!(document.events[0].fact.kind(), "service_tired");
    assert_eq!(document.usage.len(), 3);
    value["usage"] = json!({});
    value["events"] = json!([]);
    assert_eq!(read_value(&value).unwrap().usage, []);
}

#[test]
fn a_loss_is_told_once_with_the_numbers_that_are_known() {
    let mut value = recorded();
    value["missed"] = json!(5);
    for number in 0..3 {
        value["events"][number]["seq"] = json!(10 + number);
    }
    let document = read_value(&value).unwrap();
    assert!(matches!(
        document.own[0].fact,
        Fact::AlertsDropped {
            count: 5,
            first_seq: 5,
            last_seq: 9,
            ..
        }
    ));
    value["missed"] = json!(0);
    value["reset"] = json!(true);
    let reset = read_value(&value).unwrap();
    assert_eq!(reset.own.len(), 1);
    assert_eq!(reset.own[0].severity, Severity::Warning);
    assert_ne!(reset.own[0].id, document.own[0].id);
}

#[test]
fn what_is_no_document_is_refused_in_words() {
    let mut newer = recorded();
    newer["format"] = json!(2);
    assert_eq!(read_value(&newer), Err(DocumentError::Newer(2)));
    for (field, bad) in [
        ("cursor", json!("x".repeat(2000))),
        ("cursor", json!("a\nb")),
        ("cursor", Value::Null),
        ("missed", json!(-1)),
        ("events", json!({})),
    ] {
        let mut value = recorded();
        value[field] = bad;
        assert!(
            matches!(read_value(&value), Err(DocumentError::Unreadable(_))),
            "{field}"
        );
    }
    for text in [
        "",
        "{",
        "[]",
        "null",
        "vrwatch: the journal cannot be read",
        "\u{0}",
    ] {
        assert!(matches!(
            read(text.as_bytes(), "r-42-VM", None, now()),
            Err(DocumentError::Unreadable(_))
        ));
    }
    let deep = "[".repeat(100_000);
    assert!(read(deep.as_bytes(), "r-42-VM", None, now()).is_err());
    let cut = &RECORDED.as_bytes()[..RECORDED.len() / 2];
    assert!(read(cut, "r-42-VM", None, now()).is_err());
}
