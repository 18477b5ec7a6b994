//! Lines as CloudStack's routers write them, both ways round, cut, doubled and strange.

use proptest::prelude::*;

use super::*;

const DOWN: &str =
    "2026-11-22 11:47:29,154 [INFO] [The process dnsmasq is not running trying recover ] dnsmasq";
const FAILED: &str =
    "2026-11-22 11:47:33,207 [ALERT] [The process dnsmasq recover failed ] dnsmasq";
const UP: &str =
    "2026-11-22 11:48:00,830 [INFO] [dnsmasq] The process dnsmasq is recovered successfully";

fn printed(lines: &[&str]) -> Vec<u8> {
    format!("{}\\n", lines.join("\\n")).into_bytes()
}

fn told(lines: &[&str]) -> Vec<Event> {
    events("r-42-VM", &read(&printed(lines)).entries, &BTreeMap::new())
}

#[test]
fn a_failed_restart_and_its_end_are_one_outage_of_the_service() {
    let events = told(&[DOWN, FAILED, UP]);
    let kinds: Vec<_> = events.iter().map(|event| event.fact.kind()).collect();
    assert_eq!(kinds, ["service_down", "restart_failed", "restarted"]);
    for event in &events {
        assert_eq!(event.router, "r-42-VM");
        assert_eq!(event.service.as_deref(), Some("dhcp"));
        assert_eq!(event.process.as_deref(), Some("dnsmasq"));
        assert_eq!(event.outage.as_deref(), Some(events[0].id.as_str()));
        assert_eq!(acceptable::problem(event), None);
        let json = serde_json::to_string(event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), *event);
    }
    assert_eq!(events[1].time.to_string(), "2026-11-22T11:47:33.207Z");
    let Fact::Restarted { downtime, .. } = events[2].fact else {
        panic!("{:?}", events[2]);
    };
    assert_eq!(downtime, Duration::from_millis(31_676));
}

#[test]
fn newest_first_and_newest_last_tell_the_same() {
    let other = "2026-11-22 11:47:33,207 [ALERT] [The process haproxy recover failed ] haproxy";
    assert_eq!(
        told(&[DOWN, FAILED, other, UP]),
        told(&[UP, other, FAILED, DOWN])
    );
}

#[test]
fn no_alerts_are_no_events() {
    for none in ["No Alerts", "No Alerts\n", "", "\\n", " \n"] {
        assert_eq!(read(none.as_bytes()), Printed::default(), "{none:?}");
    }
}

#[test]
fn the_same_line_twice_is_two_events_and_read_again_the_same_two() {
    let twice = told(&[FAILED, FAILED]);
    assert_ne!(twice[0].id, twice[1].id);
    assert_eq!(twice, told(&[FAILED, FAILED]));
    assert_eq!(told(&[FAILED])[0].id, twice[0].id);
    let elsewhere = events(
        "r-43-VM",
        &read(&printed(&[FAILED])).entries,
        &BTreeMap::new(),
    );
    assert_ne!(elsewhere[0].id, twice[0].id);
}

#[test]
fn an_outage_that_goes_on_is_gone_on_with() {
    let open = BTreeMap::from([("dnsmasq".to_owned(), "outage-1".to_owned())]);
    let entries = read(&printed(&[
        FAILED,
        UP,
        "2026-11-22 12:00:00,000 [ALERT] [The process dnsmasq recover failed ] dnsmasq",
    ]))
    .entries;
    let events = events("r-42-VM", &entries, &open);
    let outages: Vec<_> = events.iter().map(|event| event.outage.as_deref()).collect();
    assert_eq!(
        outages,
        [
            Some("outage-1"),
            Some("outage-1"),
            Some(events[2].id.as_str())
        ]
    );
}

#[test]
fn a_line_of_another_form_is_passed_on_and_one_without_a_stamp_is_noted() {
    let disk = "2026-11-22 11:47:33,207 [ALERT] [Disk] Available: 3%";
    let answer = read(&printed(&[
        disk,
        "Traceback (most recent call last):",
        "2026-13-22 11:47:33,207 x",
    ]));
    assert_eq!(answer.strange, 2);
    assert_eq!(answer.notes[0], "Traceback (most recent call last):");
    let events = events("r-42-VM", &answer.entries, &BTreeMap::new());
    assert_eq!(events[0].fact.kind(), "legacy_alert");
    assert_eq!(events[0].severity, Severity::Major);
    assert_eq!((&events[0].outage, &events[0].process), (&None, &None));
    let info = told(&["2026-11-22 11:47:33 [INFO] [cron] said something"]);
    assert_eq!(info[0].severity, Severity::Indeterminate);
}

#[test]
fn lines_in_other_words_are_about_their_service_all_the_same() {
    for (line, service, kind) in [
        ("[ALERT] Service dnsmasq stopped", "dhcp", "service_down"),
        ("[ALERT] [haproxy] is down", "loadbalancing", "service_down"),
        (
            "[ALERT] webserver: failed to restart",
            "webserver",
            "restart_failed",
        ),
        ("[INFO] [sshd] Service restarted", "ssh", "restarted"),
        ("[ALERT] [dnsmasq] out of leases", "dhcp", "legacy_alert"),
    ] {
        let told = told(&[&format!("2026-11-22 11:47:33,207 {line}")]);
        assert_eq!(told[0].service.as_deref(), Some(service), "{line}");
        assert_eq!(told[0].fact.kind(), kind, "{line}");
        assert_eq!(acceptable::problem(&told[0]), None);
        if line.starts_with("[ALERT]") {
            assert!(told[0].severity >= Severity::Major, "{line}");
        }
    }
}

proptest! {
    #[test]
    fn whatever_a_router_prints_is_bounded_and_takable(output in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut output = output;
        output.extend_from_slice(b"\\n2026-11-22 11:47:33,2\xff7 [ALERT] [The process \xff recover failed ]");
        let printed = read(&output);
        prop_assert!(printed.notes.len() <= MOST_NOTES);
        for event in events("r-42-VM", &printed.entries, &BTreeMap::new()) {
            prop_assert_eq!(acceptable::problem(&event), None);
        }
    }
}
