//! Whether a router is unreachable: a pure function of what is stored about it and how a visit went.
//! What it says is stored in the transaction that stores the visit, so that an absence is told once
//! however many managers there are and whenever one of them dies.

use contract::{Event, Fact, Timestamp};

use super::ids::own_id;
use super::own;
use crate::store::Due;

/// What is stored about a router's presence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Presence {
    /// How many visits in a row have failed.
    pub(super) misses: u32,
    /// When one last succeeded.
    pub(super) last_seen: Option<Timestamp>,
    /// Since when it is said to be unreachable.
    pub(super) unreachable: Option<Timestamp>,
}

impl Presence {
    /// As the claim found it.
    #[must_use]
    pub(super) const fn of(due: &Due) -> Self {
        Self {
            misses: due.misses,
            last_seen: due.last_seen,
            unreachable: due.unreachable,
        }
    }

    /// A visit failed: what is to be said, if anything. `most` misses in a row are an absence.
    #[must_use]
    pub(super) fn missed(
        &self,
        router: &str,
        reason: &str,
        most: u32,
        now: Timestamp,
    ) -> Option<Event> {
        let misses = self.misses.saturating_add(1);
        if self.unreachable.is_some() || misses < most {
            return None;
        }
        let fact = Fact::RouterUnreachable {
            misses,
            last_seen: self.last_seen,
            reason: reason.to_owned(),
        };
        Some(event(router, "unreachable", fact, now, now))
    }

    /// A visit succeeded: what is to be said, if anything.
    #[must_use]
    pub(super) fn seen(&self, router: &str, now: Timestamp) -> Option<Event> {
        self.unreachable.map(|since| {
            let downtime = self.last_seen.map(|seen| now.saturating_since(seen));
            let fact = Fact::RouterReachable { downtime };
            event(router, "reachable", fact, since, now)
        })
    }
}

/// The moment at which it was said names the absence. Not the last visit before: an absence may be
/// ended without a visit, when the router is stopped, and another one begin.
fn event(router: &str, what: &str, fact: Fact, since: Timestamp, now: Timestamp) -> Event {
    let since = since.unix_millis().to_string();
    let parts = [router, since.as_str()];
    own::event(
        own_id(what, &parts),
        router,
        Some(own_id("away", &parts)),
        now,
        fact,
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use contract::Severity;
    use proptest::prelude::*;

    use super::*;
    use crate::acceptable;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::EPOCH.saturating_add(Duration::from_secs(seconds))
    }

    /// What the store does with an outcome.
    fn step(presence: &mut Presence, succeeds: bool, now: Timestamp) -> Option<Event> {
        if succeeds {
            let told = presence.seen("r-1-VM", now);
            *presence = Presence {
                last_seen: Some(now),
                ..Presence::default()
            };
            told
        } else {
            let told = presence.missed("r-1-VM", "no answer", 3, now);
            presence.misses += 1;
            if let Some(event) = &told {
                presence.unreachable = Some(event.time);
            }
            told
        }
    }

    #[test]
    fn the_third_miss_in_a_row_is_an_absence_and_the_next_visit_ends_it() {
        let mut presence = Presence::default();
        assert_eq!(step(&mut presence, true, at(10)), None);
        assert_eq!(step(&mut presence, false, at(20)), None);
        assert_eq!(step(&mut presence, false, at(30)), None);
        let away = step(&mut presence, false, at(40)).unwrap();
        assert_eq!(
            away.fact,
            Fact::RouterUnreachable {
                misses: 3,
                last_seen: Some(at(10)),
                reason: "no answer".into()
            }
        );
        assert_eq!(away.severity, Severity::Critical);
        assert_eq!(step(&mut presence, false, at(50)), None);
        let back = step(&mut presence, true, at(60)).unwrap();
        assert_eq!(
            back.fact,
            Fact::RouterReachable {
                downtime: Some(Duration::from_secs(50))
            }
        );
        assert_eq!(
            (&back.outage, back.fact.ends_outage()),
            (&away.outage, true)
        );
        assert_ne!(back.id, away.id);
        assert_eq!(step(&mut presence, true, at(70)), None);
    }

    #[test]
    fn a_router_that_was_never_seen_is_told_too() {
        let presence = Presence {
            misses: 2,
            ..Presence::default()
        };
        let away = presence.missed("r-1-VM", "refused", 3, at(1)).unwrap();
        let known = Presence {
            unreachable: Some(away.time),
            misses: 3,
            last_seen: None,
        };
        let back = known.seen("r-1-VM", at(9)).unwrap();
        assert_eq!(back.fact, Fact::RouterReachable { downtime: None });
        assert_eq!(back.outage, away.outage);
    }

    #[test]
    fn an_absence_that_begins_anew_without_a_visit_is_another_one() {
        let presence = Presence {
            misses: 2,
            last_seen: Some(at(5)),
            unreachable: None,
        };
        let one = presence.missed("r-1-VM", "no answer", 3, at(50)).unwrap();
        // It was stopped and started again in between.
        let two = presence.missed("r-1-VM", "no answer", 3, at(90)).unwrap();
        assert_ne!((&one.id, &one.outage), (&two.id, &two.outage));
        let other = presence.missed("r-2-VM", "no answer", 3, at(50)).unwrap();
        assert_ne!((&one.id, &one.outage), (&other.id, &other.outage));
    }

    #[test]
    fn what_the_manager_says_no_router_can_have_said_before() {
        let presence = Presence {
            misses: 2,
            ..Presence::default()
        };
        let mut away = presence.missed("r-1-VM", "no answer", 3, at(50)).unwrap();
        assert!(acceptable::problem(&away).is_some());
        away.fact = Fact::Test {
            text: "forged".into(),
        };
        assert!(acceptable::problem(&away).is_some(), "its id");
        away.id = "e-1".into();
        assert!(acceptable::problem(&away).is_some(), "its outage");
        away.outage = None;
        assert_eq!(acceptable::problem(&away), None);
    }

    proptest! {
        #[test]
        fn every_absence_is_told_once_and_ended_once(outcomes in prop::collection::vec(any::<bool>(), 0..60)) {
            let mut presence = Presence::default();
            let told: Vec<Event> = (1_u64..)
                .zip(&outcomes)
                .filter_map(|(second, succeeds)| step(&mut presence, *succeeds, at(second * 10)))
                .collect();
            let mut away = 0;
            let mut absences = 0;
            for succeeds in &outcomes {
                away = if *succeeds { 0 } else { away + 1 };
                absences += usize::from(away == 3);
            }
            let begins = told.iter().filter(|event| event.severity == Severity::Critical).count();
            prop_assert_eq!(begins, absences);
            for pair in told.chunks(2) {
                prop_assert_eq!(pair[0].severity, Severity::Critical);
                if let Some(end) = pair.get(1) {
                    prop_assert_eq!(end.severity, Severity::Cleared);
                    prop_assert_eq!(&end.outage, &pair[0].outage);
                }
            }
            let ids: std::collections::BTreeSet<_> = told.iter().map(|event| &event.id).collect();
            prop_assert_eq!(ids.len(), told.len());
        }
    }
}
