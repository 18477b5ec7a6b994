//! The lines byte by byte, and by properties: whatever an event holds, its line parses and keeps
//! to the limits.

use contract::Fact;
use proptest::prelude::*;

use super::*;
use crate::examples::{at, event, events, facts, restart_failed, service_down, unmonitored};
use parser::parse_5424;

#[path = "parser.rs"]
mod parser;

fn layout(section: &str, router: &str) -> Layout {
    Layout::new(&toml::from_str(section).unwrap(), router)
}

fn texts(layout: &Layout, batch: &[Event]) -> Vec<String> {
    layout
        .lines(batch, &LocalTime::named("CET-1").unwrap())
        .unwrap()
        .into_iter()
        .map(|line| {
            String::from_utf8(line)
                .unwrap()
                .replace(&format!("[{}]", std::process::id()), "[PID]")
                .replace(&format!(" {} ", std::process::id()), " PID ")
        })
        .collect()
}

const RFC5424: &str = "target = \"udp:h:514\"\nformat = \"rfc5424\"";

#[test]
fn the_local_daemon_gets_rfc_3164_in_local_time_and_without_a_host_name() {
    assert_eq!(
        texts(&layout("", "r-42-VM"), &[event(1, service_down())]),
        [
            "<26>Nov 22 12:47:33 monit[PID]: [ALERT] [dnsmasq] is down: process 812 is gone (ended by SIGKILL); noticed at 12:47:28"
        ]
    );
}

#[test]
fn a_remote_receiver_gets_the_router_as_host_and_the_day_padded_with_a_blank() {
    let mut event = event(1, service_down());
    event.time = at("2026-11-02T23:00:00Z");
    let lines = texts(
        &layout(
            "target = \"udp:h:514\"\nfacility = \"local3\"\ntag = \"vr\"",
            "r 42",
        ),
        &[event],
    );
    assert!(
        lines[0].starts_with("<154>Nov  3 00:00:00 r?42 vr[PID]: [ALERT]"),
        "{lines:?}"
    );
}

#[test]
fn rfc_5424_carries_the_alarm_and_what_identifies_the_event() {
    assert_eq!(
        texts(&layout(RFC5424, "r-42-VM"), &[event(17, service_down())]),
        [concat!(
            "<26>1 2026-11-22T11:47:33.207Z r-42-VM monit PID service_down ",
            "[alarm eventType=\"processingErrorAlarm\" perceivedSeverity=\"major\" ",
            "probableCause=\"softwareProgramAbnormallyTerminated\" resource=\"dhcp\"]",
            "[vrwatch@32473 id=\"event-17\" kind=\"service_down\" outage=\"outage-1\" ",
            "process=\"dnsmasq\" router=\"r-42-VM\" seq=\"17\" service=\"dhcp\"] ",
            "[ALERT] [dnsmasq] is down: process 812 is gone (ended by SIGKILL); noticed at 12:47:28",
        )]
    );
}

#[test]
fn a_failed_restart_and_its_hold_off_share_a_line_that_names_both_events() {
    let batch = [
        event(1, service_down()),
        event(2, restart_failed("dnsmasq: unknown option")),
        event(3, unmonitored()),
    ];
    let lines = texts(&layout("", "r"), &batch);
    assert_eq!(lines.len(), 2);
    assert_eq!(
        lines[1],
        "<25>Nov 22 12:47:33 monit[PID]: [ALERT] [dnsmasq] restart failed after 5 attempts (exit 1: \"dnsmasq: unknown option\"); unmonitored until 13:17:33"
    );
    let lines = texts(&layout(RFC5424, "r"), &batch);
    let line = parse_5424(lines[1].as_bytes()).unwrap();
    let own = &line.data["vrwatch@32473"];
    assert_eq!(own["id"], "event-2");
    assert_eq!(own["and_id"], "event-3");
    assert_eq!(own["and_seq"], "3");
    assert_eq!(own["and_kind"], "unmonitored");
    assert_eq!(line.data["alarm"]["trendIndication"], "moreSevere");
    assert_eq!(texts(&layout("", "r"), &batch[2..]).len(), 1);
}

#[test]
fn the_priority_is_the_one_of_rfc_5674_for_every_kind() {
    let lines = texts(&layout(RFC5424, "r"), &events());
    let priorities: Vec<_> = lines
        .iter()
        .map(|line| {
            let line = parse_5424(line.as_bytes()).unwrap();
            (line.id, line.priority % 8, line.data.contains_key("alarm"))
        })
        .collect();
    let expected = [
        ("service_down", 2, true),
        ("restarted", 5, true),
        ("restart_failed", 1, true),
        ("recovered", 5, true),
        ("remonitored", 5, true),
        ("alerts_dropped", 1, true),
        ("test", 5, false),
        ("service_tired", 5, false),
        ("router_unreachable", 1, true),
        ("router_reachable", 5, true),
        ("storm_began", 1, true),
        ("storm_ended", 5, true),
    ];
    assert_eq!(
        priorities,
        expected.map(|(kind, severity, alarm)| (kind.to_owned(), severity, alarm))
    );
}

#[test]
fn a_message_that_is_not_ascii_starts_with_a_byte_order_mark_and_no_other_does() {
    let say = |text: &str| {
        texts(
            &layout(RFC5424, "r"),
            &[event(1, Fact::Test { text: text.into() })],
        )
        .remove(0)
    };
    assert!(say("naïve").contains("] \u{feff}[INFO]"));
    assert!(say("plain").contains("] [INFO]"));
}

#[test]
fn ten_kilobytes_of_output_are_cut_where_a_character_ends() {
    let output = "é".repeat(10_000);
    for section in ["", RFC5424] {
        let lines = layout(section, "r")
            .lines(&[event(1, restart_failed(&output))], &LocalTime::utc())
            .unwrap();
        let limit = if section.is_empty() { 1024 } else { 2048 };
        assert!(lines[0].len() <= limit);
        let text = String::from_utf8(lines[0].clone()).unwrap();
        assert!(text.ends_with("…\")"), "{text}");
    }
}

prop_compose! {
    /// An event whose every text is arbitrary, and seldom short.
    fn any_event()(
        texts in proptest::collection::vec("\\PC{0,40}|[\\x00-\\x7f]{0,300}|[\"\\\\\\]é]{0,2000}", 8),
        which in 0_usize..12,
        seq in any::<u64>(),
    ) -> Event {
        let mut texts = texts.into_iter();
        let mut text = || texts.next().unwrap_or_default();
        let fact = match which {
            9 => restart_failed(&text()),
            10 => Fact::Unknown { kind: text(), detail: Some(contract::Value::Text(text())) },
            11 => Fact::Test { text: text() },
            which => facts().swap_remove(which),
        };
        let mut event = event(seq, fact);
        event.id = text();
        event.router = text();
        event.service = Some(text());
        event.process = Some(text());
        event.outage = Some(text());
        event
    }
}

proptest! {
    #[test]
    fn whatever_an_event_holds_its_rfc_5424_line_parses_and_keeps_to_the_limit(
        first in any_event(), second in any_event(), router in "\\PC{0,400}"
    ) {
        let batch = [first, second];
        for line in layout(RFC5424, &router).lines(&batch, &LocalTime::utc()).unwrap() {
            prop_assert!(line.len() <= 2048, "{} octets", line.len());
            let parsed = parse_5424(&line);
            prop_assert!(parsed.is_ok(), "{:?} in {}", parsed, String::from_utf8_lossy(&line));
            let parsed = parsed.unwrap();
            prop_assert!(parsed.data.contains_key("vrwatch@32473"));
            prop_assert!(!parsed.message.contains(char::is_control));
        }
    }

    #[test]
    fn whatever_an_event_holds_its_rfc_3164_line_is_one_line_within_the_limit(
        event in any_event(), router in "\\PC{0,400}"
    ) {
        let section = "target = \"tcp:h:514\"";
        for line in layout(section, &router).lines(&[event], &LocalTime::utc()).unwrap() {
            prop_assert!(line.len() <= 1024, "{} octets", line.len());
            let text = String::from_utf8(line).unwrap();
            prop_assert!(!text.contains(char::is_control), "{text:?}");
            let body = format!(" monit[{}]: [", std::process::id());
            prop_assert!(text.contains(&body), "{text}");
        }
    }
}
