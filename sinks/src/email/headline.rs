//! The subject: who, what, and how it stands, in so few words that a telephone shows them.

use std::borrow::Cow;

use contract::{Event, Fact, LookedAgain, UnmonitoredReason};

use super::plan::{self, Group};
use crate::clean;
use crate::wording;

/// The longest subject; bytes.
const LONGEST: usize = 150;
/// The longest name of a router in it; bytes.
const LONGEST_ROUTER: usize = 64;

/// The subject of a mail that tells these events: `[vrwatch] r-42-VM: haproxy down, restart failed`.
pub(super) fn subject(events: &[&Event]) -> String {
    let subject = format!("[vrwatch] {}", summary(events));
    // Text from elsewhere must not be taken for an encoded word (RFC 2047 §2).
    clean::cut(&subject.replace("=?", "= ?"), LONGEST)
}

/// What the subject says, without the mark.
pub(super) fn summary(events: &[&Event]) -> String {
    let groups = plan::groups(events);
    let (storms, groups): (Vec<_>, Vec<_>) = groups.into_iter().partition(is_about_a_zone);
    let mut told: Vec<String> = storms.iter().map(whole).collect();
    match groups.as_slice() {
        [] => {}
        [group] => told.push(whole(group)),
        _ => told.push(digest(&groups)),
    }
    told.join("; ")
}

/// Whether it tells how a whole zone stands.
pub(super) fn is_about_a_zone(group: &Group<'_>) -> bool {
    group
        .first()
        .is_some_and(|event| event.fact.is_about_a_zone())
}

/// All of one group: `r-42-VM: haproxy down`.
fn whole(group: &Group<'_>) -> String {
    format!("{}: {}", place(group), story(group))
}

/// Where it happened: `r-42-VM`, with its zone where that is known, or a zone.
pub(super) fn place(group: &Group<'_>) -> String {
    let Some(first) = group.first() else {
        return String::new();
    };
    if let Some(zone) = wording::zone_itself(&first.fact) {
        return zone;
    }
    match zone(first) {
        Some(zone) => format!("{} ({zone})", router(group)),
        None => router(group),
    }
}

/// The zone of the event's router.
pub(super) fn zone(event: &Event) -> Option<String> {
    let zone = event.zone.as_deref().filter(|zone| !zone.is_empty())?;
    Some(clean::name(zone, LONGEST_ROUTER))
}

/// The router of a group.
fn router(group: &Group<'_>) -> String {
    let name = group.first().map_or("", |event| event.router.as_str());
    clean::name(name, LONGEST_ROUTER)
}

/// What one group tells: `haproxy down, restart failed`.
pub(super) fn story(group: &Group<'_>) -> String {
    let mut phrases: Vec<Cow<'_, str>> = Vec::new();
    for event in group {
        if follows_from_failure(event, group) {
            continue;
        }
        let phrase = phrase(event);
        if phrases.last() != Some(&phrase) {
            phrases.push(phrase);
        }
    }
    format!("{}{}", who(group), phrases.join(", "))
}

/// `haproxy `, or nothing for what vrwatch says about itself.
fn who(group: &Group<'_>) -> String {
    match group.first() {
        Some(event) if event.fact.is_about_a_zone() => String::new(),
        Some(event) if event.process.is_some() || event.service.is_some() => {
            format!("{} ", wording::subject(event))
        }
        _ => String::new(),
    }
}

/// How several groups stand, the worst first: `r-42-VM: 3 services: haproxy restart failed, …`.
fn digest(groups: &[Group<'_>]) -> String {
    let mut routers: Vec<String> = Vec::new();
    let mut zones: Vec<Option<String>> = Vec::new();
    // A service that has several outages is told once, as it stands now.
    let mut subjects: Vec<(String, &Event, &Group<'_>)> = Vec::new();
    for group in groups {
        let router = router(group);
        let Some(last) = last(group) else { continue };
        let zone = zone(last);
        if !zones.contains(&zone) {
            zones.push(zone);
        }
        let whose = format!("{router}\n{}", who(group));
        match subjects.iter_mut().find(|(known, ..)| *known == whose) {
            Some(known) => (known.1, known.2) = (last, group),
            None => subjects.push((whose, last, group)),
        }
        if !routers.contains(&router) {
            routers.push(router);
        }
    }
    subjects.sort_by_key(|(_, last, _)| std::cmp::Reverse(last.severity));
    let several = routers.len() > 1;
    let told: Vec<String> = subjects
        .iter()
        .map(|(_, last, group)| {
            let whose = if several {
                format!("{} ", router(group))
            } else {
                String::new()
            };
            format!("{whose}{}{}", who(group), phrase(last))
        })
        .collect();
    let told = told.join(", ");
    let services = match subjects.len() {
        1 => String::new(),
        several => format!("{several} services: "),
    };
    match routers.as_slice() {
        [_] => {
            let place = groups.first().map_or_else(String::new, place);
            format!("{place}: {services}{told}")
        }
        routers => {
            let places = match zones.as_slice() {
                [None] => String::new(),
                [Some(zone)] => format!(" in {zone}"),
                zones => format!(" in {} zones", zones.len()),
            };
            format!("{} routers{places}: {told}", routers.len())
        }
    }
}

/// The last event of a group that says how it stands.
fn last<'batch>(group: &Group<'batch>) -> Option<&'batch Event> {
    let says_most = |event: &&&Event| !follows_from_failure(event, group);
    group.iter().rev().find(says_most).or(group.last()).copied()
}

/// A hold-off goes without saying where the failure stands that led to it.
fn follows_from_failure(event: &Event, group: &Group<'_>) -> bool {
    let failed = |other: &&Event| matches!(other.fact, Fact::RestartFailed { .. });
    matches!(
        event.fact,
        Fact::Unmonitored {
            reason: UnmonitoredReason::RestartFailed | UnmonitoredReason::CrashLoop,
            ..
        }
    ) && group.iter().any(failed)
}

fn phrase(event: &Event) -> Cow<'static, str> {
    Cow::Borrowed(match &event.fact {
        Fact::ServiceDown { .. } => "down",
        Fact::Restarted { .. } => "restarted",
        Fact::RestartFailed { attempts: 0, .. } => "not restarted",
        Fact::RestartFailed { .. } => "restart failed",
        Fact::Unmonitored { reason, .. } => match reason {
            UnmonitoredReason::Held { .. } => "held by an operator",
            UnmonitoredReason::Removed => "no longer monitored",
            _ => "unmonitored",
        },
        Fact::Recovered { .. } => "came back by itself",
        Fact::Remonitored {
            found: LookedAgain::Up { .. },
        } => "monitored again",
        Fact::Remonitored {
            found: LookedAgain::Down,
        } => "still down",
        Fact::AlertsDropped { .. } if event.sums_up() => "flaps",
        Fact::AlertsDropped { count: 0, .. } => "alerts may be lost",
        Fact::AlertsDropped { count, .. } => {
            let plural = if *count == 1 { "" } else { "s" };
            return Cow::Owned(format!("{count} alert{plural} lost"));
        }
        Fact::RouterUnreachable { .. } => "unreachable",
        Fact::RouterReachable { .. } => "reachable again",
        Fact::StormBegan {
            routers, services, ..
        } => {
            return Cow::Owned(format!(
                "storm: {} failed",
                wording::extent(*routers, *services)
            ));
        }
        Fact::StormEnded {
            routers,
            services,
            still_down,
            ..
        } => {
            let rest = match still_down {
                0 => String::new(),
                1 => "; 1 outage goes on".into(),
                several => format!("; {several} outages go on"),
            };
            let extent = wording::extent(*routers, *services);
            return Cow::Owned(format!("storm over: {extent} had failed{rest}"));
        }
        Fact::Test { .. } => "test alert",
        Fact::Unknown { kind, .. } => return Cow::Owned(clean::name(kind, 40)),
    })
}

#[cfg(test)]
mod tests {
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
}
