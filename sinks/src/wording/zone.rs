//! What a management server says of a whole zone.

use std::fmt::Write as _;

use contract::{Event, Fact};

use crate::clean;
use crate::clock::LocalTime;

/// `zone zone-1`, where the event is about a whole zone.
#[must_use]
pub fn zone_itself(fact: &Fact) -> Option<String> {
    match fact {
        Fact::StormBegan { zone, .. } | Fact::StormEnded { zone, .. } => {
            Some(format!("zone {}", clean::name(zone, 64)))
        }
        _ => None,
    }
}

/// How many failed: `200 routers, 611 services`.
#[must_use]
pub fn extent(routers: u32, services: u32) -> String {
    let routers = super::count(u64::from(routers), "router");
    match services {
        0 => routers,
        services => format!(
            "{routers}, {}",
            super::count(u64::from(services), "service")
        ),
    }
}

/// How a zone as a whole stands.
pub(super) fn storm(event: &Event, clock: &LocalTime) -> String {
    match &event.fact {
        Fact::StormBegan {
            routers,
            services,
            since,
            ..
        } => format!(
            "is in a storm: {} failed since {}; what belongs to it is summed up when it is over",
            extent(*routers, *services),
            super::time_of_day(*since, event.time, clock)
        ),
        Fact::StormEnded {
            routers,
            services,
            outages,
            duration,
            still_down,
            still_down_first,
            ..
        } => {
            let mut words = format!(
                "is over its storm of {}: {} failed, in {}; ",
                super::seconds(*duration),
                extent(*routers, *services),
                super::count(u64::from(*outages), "outage")
            );
            if *still_down == 0 {
                words.push_str("all of them are over");
                return words;
            }
            let goes = if *still_down == 1 { "goes" } else { "go" };
            let _ = write!(
                words,
                "{} {goes} on",
                super::count(u64::from(*still_down), "outage")
            );
            let named: Vec<String> = still_down_first
                .iter()
                .map(|name| super::text(name))
                .collect();
            if !named.is_empty() {
                let _ = write!(words, ": {}", named.join(", "));
            }
            match u64::from(*still_down).saturating_sub(named.len() as u64) {
                0 => {}
                more => {
                    let _ = write!(words, " and {more} more");
                }
            }
            words
        }
        _ => String::new(),
    }
}
