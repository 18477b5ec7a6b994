//! What goes over the wire, whatever the events hold.

use contract::Fact;
use proptest::prelude::*;

use super::*;
use crate::email::plan;
use crate::examples::{event, restart_failed, restarted, service_down, unmonitored};

fn write(events: &[Event]) -> String {
    let events: Vec<&Event> = events.iter().collect();
    let from = Recipient::try_from("vrwatch <vrwatch@example>".to_owned()).unwrap();
    let to = [Recipient::try_from("ops@example".to_owned()).unwrap()];
    let letterhead = Letterhead {
        from: &from,
        to: &to,
    };
    let mail = plan::mails(&events, 0, true).remove(0);
    let message = letterhead
        .message(&mail, &events, &LocalTime::utc())
        .unwrap();
    String::from_utf8(message).unwrap()
}

/// The names of the headers, and where the body begins.
fn header_names(message: &str) -> Vec<&str> {
    let (headers, _) = message.split_once("\r\n\r\n").unwrap();
    headers
        .split("\r\n")
        .filter(|line| !line.starts_with([' ', '\t']))
        .map(|line| line.split_once(':').unwrap().0)
        .collect()
}

const NAMES: [&str; 11] = [
    "From",
    "Date",
    "Subject",
    "Message-ID",
    "To",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "X-Vrwatch-Id",
    "X-Vrwatch-Router",
    "MIME-Version",
    "Content-Type",
];

#[test]
fn a_mail_has_its_headers_and_one_that_follows_answers() {
    let opening = write(&[event(1, service_down()), event(2, restart_failed(""))]);
    assert_eq!(header_names(&opening), NAMES);
    assert!(opening.contains("\r\nX-Vrwatch-Id: event-1 event-2\r\n"));
    let following = write(&[event(3, restarted())]);
    let value = |message: &str, name: &str| {
        let start = message.find(&format!("\r\n{name}: ")).unwrap() + name.len() + 4;
        message[start..].split("\r\n").next().unwrap().to_owned()
    };
    let id = value(&opening, "Message-ID");
    assert!(id.ends_with("@example>"), "{id}");
    assert_eq!(value(&following, "In-Reply-To"), id);
    assert_eq!(value(&following, "References"), id);
}

fn hostile_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\r\nBcc: evil@example\r\n".to_owned()),
        Just("\r\n\r\n<script>alert(1)</script>".to_owned()),
        Just("\r\n.\r\nMAIL FROM:<evil@example>\r\n".to_owned()),
        Just("=?utf-8?q?=0D=0ABcc:_evil?=".to_owned()),
        Just("\u{2028}\u{85}\u{b}\u{c}\0\u{7f}".to_owned()),
        Just("<img src=x onerror=y>&\"'".to_owned()),
        Just("x".repeat(3000)),
        Just("é".repeat(300)),
        ".{0,40}",
    ];
    proptest::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn nothing_in_an_event_ends_a_header_or_a_mail(
        router in hostile_text(),
        service in hostile_text(),
        process in hostile_text(),
        outage in hostile_text(),
        id in hostile_text(),
        output in hostile_text(),
        kind in hostile_text(),
    ) {
        let mut events = vec![
            event(1, service_down()),
            event(2, restart_failed(&output)),
            event(3, unmonitored()),
            event(4, Fact::Unknown { kind, detail: None }),
            event(5, Fact::Test { text: output.clone() }),
        ];
        for event in &mut events {
            event.router.clone_from(&router);
            event.service = Some(service.clone());
            event.process = Some(process.clone());
            event.outage = Some(outage.clone());
            event.id = format!("{id}{}", event.seq);
        }
        events[4].outage = None;
        for events in [&events[..3], &events[..]] {
            let message = write(events);
            prop_assert_eq!(header_names(&message), NAMES);
            prop_assert!(message.is_ascii());
            prop_assert!(message.split("\r\n").all(|line| line.len() <= 998));
            prop_assert!(!message.replace("\r\n", "").contains(['\r', '\n', '\0']));
            // The marks of an encoded word stand only where lettre has put them.
            let (headers, _) = message.split_once("\r\n\r\n").unwrap();
            prop_assert!(!headers.contains("=?utf-8?q?"), "{}", headers);
            let events: Vec<&Event> = events.iter().collect();
            let html = layout::html(&Content::new(&events, &LocalTime::utc()));
            prop_assert!(!html.contains("<script") && !html.contains("<img"), "{}", html);
        }
    }
}

#[test]
fn the_largest_batch_makes_a_mail_of_bounded_size() {
    let events: Vec<Event> = (1..=100)
        .map(|seq| {
            let mut event = event(seq, restart_failed(&"<é>".repeat(1000)));
            event.outage = Some(format!("outage-{seq}"));
            event
        })
        .collect();
    let size = write(&events).len();
    assert!(size < 1024 * 1024, "{size} bytes");
    let size = write(&events[..1]).len();
    assert!(size < 64 * 1024, "{size} bytes");
}
