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
#[path = "headline_tests.rs"]
mod tests;
