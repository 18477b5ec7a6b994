//! What stands in a subject, for one outage, for several and for storms.

use super::*;
use crate::examples::{event, facts, restart_failed, restarted, service_down, unmonitored};

fn of(service: &str, fact: Fact) -> Event {
    let mut event = event(1, fact);
    event.process = Some(service.into());
    event.outage = Some(format!("outage of {service}"));
    event
}

fn say(events: &[Event]) -> String {
    subject(&events.iter().collect::<Vec<_>>())
}

#[test]
fn one_outage_is_told_as_a_story() {
    assert_eq!(
        say(&[
            of("haproxy", service_down()),
            of("haproxy", restart_failed("")),
            of("haproxy", unmonitored()),
        ]),
        "[vrwatch] r-42-VM: haproxy down, restart failed"
    );
    assert_eq!(
        say(&[of("haproxy", unmonitored())]),
        "[vrwatch] r-42-VM: haproxy unmonitored"
    );
}

#[test]
fn several_are_told_by_how_they_stand_the_worst_first() {
    let events = [
        of("dnsmasq", service_down()),
        of("haproxy", service_down()),
        of("dnsmasq", restarted()),
        of("haproxy", restart_failed("")),
        of("haproxy", unmonitored()),
        of("sshd", service_down()),
    ];
    assert_eq!(
        say(&events),
        "[vrwatch] r-42-VM: 3 services: haproxy restart failed, sshd down, dnsmasq restarted"
    );
    let mut elsewhere = of("sshd", service_down());
    elsewhere.router = "r-43-VM".into();
    assert_eq!(
        say(&[of("sshd", restarted()), elsewhere]),
        "[vrwatch] 2 routers: r-43-VM sshd down, r-42-VM sshd restarted"
    );
}

#[test]
fn a_service_that_flaps_is_told_once_as_it_stands_now() {
    let mut second = of("haproxy", restart_failed(""));
    second.outage = Some("another".into());
    assert_eq!(
        say(&[of("haproxy", restarted()), second]),
        "[vrwatch] r-42-VM: haproxy restart failed"
    );
}

#[test]
fn every_kind_of_event_has_its_phrase() {
    let told: Vec<_> = facts()
        .into_iter()
        .filter(|fact| !fact.is_about_a_zone())
        .map(|fact| say(&[of("x", fact)]))
        .collect();
    assert_eq!(
        told.iter()
            .map(|told| {
                let told = told.strip_prefix("[vrwatch] r-42-VM: ").unwrap();
                told.strip_prefix("x ")
                    .or(told.strip_prefix("router "))
                    .unwrap_or(told)
            })
            .collect::<Vec<_>>(),
        [
            "down",
            "restarted",
            "restart failed",
            "unmonitored",
            "came back by itself",
            "monitored again",
            "3 alerts lost",
            "test alert",
            "service_tired",
            "unreachable",
            "reachable again",
        ]
    );
    let mut test = event(
        0,
        Fact::Test {
            text: String::new(),
        },
    );
    (test.process, test.service) = (None, None);
    assert_eq!(say(&[test]), "[vrwatch] r-42-VM: test alert");
}

#[test]
fn a_router_is_named_with_its_zone_where_that_is_known() {
    let in_zone = |router: &str, zone: &str| {
        let mut event = of("haproxy", service_down());
        (event.router, event.zone) = (router.into(), Some(zone.into()));
        event
    };
    assert_eq!(
        say(&[in_zone("r-1-VM", "Zürich")]),
        "[vrwatch] r-1-VM (Zürich): haproxy down"
    );
    assert_eq!(
        say(&[in_zone("r-1-VM", "z"), in_zone("r-2-VM", "z")]),
        "[vrwatch] 2 routers in z: r-1-VM haproxy down, r-2-VM haproxy down"
    );
    let (first, mut second) = (in_zone("r-1-VM", "z"), in_zone("r-1-VM", "z"));
    (second.process, second.outage) = (Some("sshd".into()), Some("another".into()));
    assert_eq!(
        say(&[first.clone(), second]),
        "[vrwatch] r-1-VM (z): 2 services: haproxy down, sshd down"
    );
    assert_eq!(
        say(&[first, in_zone("r-3-VM", "other")]),
        "[vrwatch] 2 routers in 2 zones: r-1-VM haproxy down, r-3-VM haproxy down"
    );
}

#[test]
fn a_storm_heads_whatever_is_told_with_it() {
    let [began, ended] = facts()
        .into_iter()
        .filter(Fact::is_about_a_zone)
        .map(|fact| {
            let mut event = event(9, fact);
            (event.service, event.process) = (None, None);
            event.outage = Some("storm".into());
            event.router = "zone:zone-1".into();
            event
        })
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    assert_eq!(
        say(std::slice::from_ref(&began)),
        "[vrwatch] zone zone-1: storm: 200 routers, 611 services failed"
    );
    assert_eq!(
        say(std::slice::from_ref(&ended)),
        "[vrwatch] zone zone-1: storm over: 200 routers, 611 services had failed; 3 outages go on"
    );
    assert_eq!(
        say(&[of("haproxy", service_down()), began.clone()]),
        "[vrwatch] zone zone-1: storm: 200 routers, 611 services failed; r-42-VM: haproxy down"
    );
    let others: Vec<_> = ["dnsmasq", "sshd"]
        .map(|service| of(service, service_down()))
        .into_iter()
        .chain([began])
        .collect();
    assert_eq!(
        say(&others),
        "[vrwatch] zone zone-1: storm: 200 routers, 611 services failed; r-42-VM: 2 services: dnsmasq down, sshd down"
    );
}

#[test]
fn a_subject_is_short_and_no_encoded_word() {
    let many: Vec<_> = (0..100)
        .map(|number| of(&format!("service-{number}"), service_down()))
        .collect();
    let told = say(&many);
    assert!(told.len() <= LONGEST && told.ends_with('…'), "{told}");
    assert!(told.starts_with("[vrwatch] r-42-VM: 100 services: service-0 down, "));
    let told = say(&[of("=?utf-8?q?evil?=", service_down())]);
    assert!(!told.contains("=?"), "{told}");
}
