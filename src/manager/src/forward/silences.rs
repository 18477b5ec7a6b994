//! What silences withhold. Pure: what becomes of each alert follows from what waits, the silences
//! and the database's clock.
//!
//! - A silence holds what it matches while it is in force; while several match, until the last of
//!   them ends. What is of its time and comes late is held too, and looked at again at once.
//! - The end of an outage that was told is told whatever is silent: nobody is left with an alert
//!   that stays red. The end of one that was not told ends what is held of it: all of that is
//!   withheld for good.
//! - What a silence held is decided anew when it has ended: it is told unless it is over by then.
//! - What follows a held alert waits behind it.

use std::collections::HashMap;

use contract::{Event, Fact, Timestamp};

use crate::store::{Decision, Queue, Silence, Standing, Waiting};

/// What becomes of what waits, one decision for each.
#[must_use]
pub fn decide(queue: &Queue) -> Vec<Decision> {
    let silences = Silences::of(queue);
    let mut standings: HashMap<(&str, &str), Standing> = HashMap::new();
    let mut decided = Vec::with_capacity(queue.waiting.len());
    for waiting in &queue.waiting {
        let Some(outage) = &waiting.outage else {
            decided.push(decide_alone(&silences, waiting));
            continue;
        };
        let standing = standings.entry((&waiting.router, outage));
        let standing = standing.or_insert(waiting.standing);
        let decision = decide_one(&silences, waiting, *standing);
        follow(standing, waiting, &decision);
        decided.push(decision);
    }
    decided
}

/// What becomes of an alert that belongs to no outage: nothing says that it is over, but that it
/// was a test or that its router is gone.
fn decide_alone(silences: &Silences<'_>, waiting: &Waiting) -> Decision {
    let standing = waiting.standing;
    if let Some(silence) = standing.released_by.filter(|_| standing.over) {
        return Decision::Withhold { silence };
    }
    match silences.holding(waiting) {
        Some(silence) if matches!(waiting.event.fact, Fact::Test { .. }) => {
            Decision::Withhold { silence }
        }
        Some(silence) => Decision::Hold { silence },
        None => Decision::Tell { storm: None },
    }
}

fn decide_one(silences: &Silences<'_>, waiting: &Waiting, standing: Standing) -> Decision {
    let released_by = waiting.standing.released_by;
    if waiting.event.fact.ends_outage() {
        if standing.told {
            return Decision::Tell { storm: None };
        }
        let silence = standing.held_by.or(standing.withheld_by);
        return match silence.or_else(|| silences.holding(waiting)) {
            Some(silence) => Decision::Withhold { silence },
            None => Decision::Tell { storm: None },
        };
    }
    if let Some(silence) = released_by.filter(|_| waiting.standing.over) {
        return Decision::Withhold { silence };
    }
    // What was let go itself need not wait for what follows it.
    let before = standing.held_by.filter(|_| released_by.is_none());
    match before.or_else(|| silences.holding(waiting)) {
        Some(silence) => Decision::Hold { silence },
        None => Decision::Tell { storm: None },
    }
}

/// How the outage stands when that is decided.
fn follow(standing: &mut Standing, waiting: &Waiting, decision: &Decision) {
    let ends = waiting.event.fact.ends_outage();
    match decision {
        Decision::Tell { .. } => standing.told = !ends,
        Decision::Hold { silence } => standing.held_by = Some(*silence),
        Decision::Withhold { silence } => standing.withheld_by = Some(*silence),
    }
    if ends {
        standing.withheld_by = standing.withheld_by.or(standing.held_by);
        standing.held_by = None;
    }
}

/// The silences by what is quick to look up.
struct Silences<'a> {
    now: Timestamp,
    by_router: HashMap<&'a str, Vec<&'a Silence>>,
    by_zone: HashMap<&'a str, Vec<&'a Silence>>,
    others: Vec<&'a Silence>,
}

impl<'a> Silences<'a> {
    fn of(queue: &'a Queue) -> Self {
        let mut silences = Self {
            now: queue.now,
            by_router: HashMap::new(),
            by_zone: HashMap::new(),
            others: Vec::new(),
        };
        for one in &queue.silences {
            match (&one.silence.router, &one.silence.zone) {
                (Some(router), _) => silences.by_router.entry(router).or_default().push(one),
                (None, Some(zone)) => silences.by_zone.entry(zone).or_default().push(one),
                (None, None) => silences.others.push(one),
            }
        }
        silences
    }

    /// The silence that holds an alert; of several the one that ends last.
    fn holding(&self, waiting: &Waiting) -> Option<i64> {
        let zone = waiting.zone.as_deref();
        let of_router = self.by_router.get(waiting.router.as_str());
        let of_zone = zone.and_then(|zone| self.by_zone.get(zone));
        let candidates = of_router.into_iter().chain(of_zone).flatten();
        candidates
            .chain(&self.others)
            .filter(|one| matches(one, zone, &waiting.event) && self.is_its_time(one, waiting))
            .max_by_key(|one| (one.silence.ends, one.id))
            .map(|one| one.id)
    }

    /// Whether the silence is in force, or has ended and the alert is of its time and was not held
    /// yet.
    fn is_its_time(&self, one: &Silence, waiting: &Waiting) -> bool {
        let during = |time| one.silence.starts <= time && time < one.silence.ends;
        let late = one.silence.ends <= self.now && waiting.standing.released_by.is_none();
        during(self.now) || late && during(waiting.event.time)
    }
}

/// Whether a silence of this router is about the event.
fn matches(one: &Silence, zone: Option<&str>, event: &Event) -> bool {
    let same = |wanted: Option<&str>, is: Option<&str>| wanted.is_none() || wanted == is;
    same(one.silence.zone.as_deref(), zone)
        && same(one.silence.service.as_deref(), event.service.as_deref())
}

#[cfg(test)]
mod tests;
