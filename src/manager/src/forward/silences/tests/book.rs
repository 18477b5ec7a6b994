//! A book that does what the store does with decisions, under a clock of its own.

use std::collections::{BTreeMap, BTreeSet};

use contract::Event;

use super::super::decide;
use super::{LATE, ROUTERS, at};
use crate::store::{Decision, Queue, Silence, Standing, Waiting};

/// An alert as the store has it.
#[derive(Clone)]
pub(super) struct Alert {
    pub(super) router: &'static str,
    pub(super) zone: &'static str,
    pub(super) event: Event,
}

impl Alert {
    pub(super) fn key(&self) -> (&'static str, String) {
        (self.router, self.event.outage.clone().unwrap_or_default())
    }
}

/// What the store knows.
#[derive(Default)]
pub(super) struct Book {
    pub(super) now: u64,
    pub(super) silences: Vec<Silence>,
    pub(super) alerts: Vec<Alert>,
    /// Alerts, and the silence that let them go.
    pub(super) waiting: BTreeMap<usize, Option<i64>>,
    /// Alerts, their silence, and whether it is for good.
    pub(super) held: BTreeMap<usize, (i64, bool)>,
    pub(super) outages_told: BTreeSet<(&'static str, String)>,
    pub(super) told: Vec<usize>,
}

impl Book {
    pub(super) fn store(&mut self, router: usize, event: Event) {
        let (router, zone) = ROUTERS[router];
        self.waiting.insert(self.alerts.len(), None);
        self.alerts.push(Alert {
            router,
            zone,
            event,
        });
    }

    pub(super) fn of_outage(&self, number: usize) -> Vec<(i64, bool)> {
        let key = self.alerts[number].key();
        let held = self.held.iter();
        held.filter(|(other, _)| self.alerts[**other].key() == key)
            .map(|(_, held)| *held)
            .collect()
    }

    pub(super) fn is_over(&self, number: usize) -> bool {
        let key = self.alerts[number].key();
        let all = self.alerts.iter();
        all.filter(|other| other.key() == key)
            .any(|other| other.event.fact.ends_outage())
    }

    pub(super) fn queue(&self, limit: usize) -> Queue {
        let begun = self.silences.iter().filter(|one| {
            one.silence.starts <= at(self.now)
                && one.silence.ends > at(self.now.saturating_sub(LATE))
        });
        let waiting = self.waiting.iter().take(limit);
        Queue {
            now: at(self.now),
            silences: begun.cloned().collect(),
            waiting: waiting
                .map(|(number, released_by)| {
                    let alert = &self.alerts[*number];
                    let held = self.of_outage(*number);
                    let with_outage = alert.event.outage.is_some();
                    let held_by = held.iter().filter(|(_, settled)| !settled);
                    let none = Standing::default();
                    let standing = Standing {
                        told: self.outages_told.contains(&alert.key()),
                        held_by: held_by.map(|(silence, _)| *silence).max(),
                        withheld_by: held.iter().map(|(silence, _)| *silence).max(),
                        ..none
                    };
                    Waiting {
                        id: i64::try_from(*number).unwrap(),
                        router: alert.router.to_owned(),
                        zone: Some(alert.zone.to_owned()),
                        outage: alert.event.outage.clone(),
                        event: alert.event.clone(),
                        stored: 0,
                        standing: Standing {
                            released_by: *released_by,
                            over: released_by.is_some() && with_outage && self.is_over(*number),
                            ..if with_outage { standing } else { none }
                        },
                    }
                })
                .collect(),
        }
    }

    /// One step of whoever forwards: a few at a time, so that outages are cut in the middle.
    pub(super) fn step(&mut self, limit: usize) {
        let over: BTreeSet<i64> = self
            .silences
            .iter()
            .filter(|one| one.silence.ends <= at(self.now))
            .map(|one| one.id)
            .collect();
        let released = self
            .held
            .iter()
            .filter(|(_, (silence, settled))| !settled && over.contains(silence));
        let released: Vec<(usize, i64)> = released
            .take(limit)
            .map(|(number, (silence, _))| (*number, *silence))
            .collect();
        for (number, silence) in released {
            self.held.remove(&number);
            assert!(self.waiting.insert(number, Some(silence)).is_none());
        }
        let queue = self.queue(limit);
        let decided = decide(&queue);
        assert_eq!(decided.len(), queue.waiting.len());
        for (waiting, decision) in queue.waiting.into_iter().zip(decided) {
            let number = usize::try_from(waiting.id).unwrap();
            let ends = waiting.event.fact.ends_outage();
            let key = self.alerts[number].key();
            self.waiting.remove(&number);
            match decision {
                Decision::Tell { .. } => {
                    self.told.push(number);
                    if ends {
                        self.outages_told.remove(&key);
                    } else if waiting.outage.is_some() {
                        self.outages_told.insert(key.clone());
                    }
                }
                Decision::Hold { silence } => drop(self.held.insert(number, (silence, false))),
                Decision::Withhold { silence } => drop(self.held.insert(number, (silence, true))),
            }
            if ends {
                let alerts = &self.alerts;
                let held = self.held.iter_mut();
                for (_, (_, settled)) in held.filter(|(other, _)| alerts[**other].key() == key) {
                    *settled = true;
                }
            }
        }
    }

    pub(super) fn settle(&mut self, limit: usize) {
        for _ in 0..10_000 {
            let before = (self.told.len(), self.held.len(), self.waiting.len());
            self.step(limit);
            if self.waiting.is_empty() && before == (self.told.len(), self.held.len(), 0) {
                return;
            }
        }
        panic!("it never comes to rest");
    }
}
