//! Decides what belongs to which storm: a pure function of what was decided before, what waits, and
//! the database's time. Each alert is judged by when it was stored, so that it makes no difference
//! when, in how many parts and by which manager that is done.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use contract::Event;

use super::one::Storm;
use super::{Begun, Change, Millis, Row, Settings, Told};
use crate::routers::visit::id;
use crate::store::millis;

/// The most outages of a zone that are remembered while there is no storm.
const MOST_RECENT: usize = 4_000;
/// The most storms of a zone at the same time; of more the oldest is over.
const MOST_STORMS: usize = 8;

/// An alert that waits to be numbered.
#[derive(Clone, Copy, Debug)]
pub struct Sighting<'a> {
    /// Its number.
    pub alert: i64,
    /// When it was stored.
    pub stored: Millis,
    /// The zone of its router; a router without one is part of no storm.
    pub zone: Option<&'a str>,
    /// The event.
    pub event: &'a Event,
    /// Whether sinks are told. What is withheld makes no storm, but what ends, ends.
    pub told: bool,
}

/// What was decided about alerts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// For each alert the storm that it belongs to.
    pub storms: Vec<Option<String>>,
    /// What is to be stored with that, in this order.
    pub changes: Vec<Change>,
    /// What is to be told, in this order.
    pub told: Vec<Told>,
}

/// What is known of all storms, and of the outages that may become one.
#[derive(Clone, Debug)]
pub struct Judge {
    settings: Settings,
    zones: BTreeMap<String, Zone>,
    /// Goes back only where the database's clock does.
    now: Millis,
}

#[derive(Clone, Debug, Default)]
struct Zone {
    /// Outages that began a short while ago and belong to no storm; the oldest first.
    recent: VecDeque<Begun>,
    storms: Vec<Storm>,
}

impl Judge {
    /// One that knows of nothing.
    #[must_use]
    pub const fn new(settings: Settings) -> Self {
        Self {
            settings,
            zones: BTreeMap::new(),
            now: Millis::MIN,
        }
    }

    /// One that goes on where another ended: with the storms that were stored, their outages, and
    /// those outages, by zone and in the order of their alerts, that began since [`Judge::since`].
    #[must_use]
    pub fn restored(
        settings: Settings,
        storms: Vec<(Row, Vec<Begun>)>,
        recent: Vec<(String, Begun)>,
    ) -> Self {
        let mut judge = Self::new(settings);
        for (row, outages) in storms {
            let zone = judge.zones.entry(row.zone.clone()).or_default();
            zone.storms.push(Storm::restored(row, outages));
        }
        for zone in judge.zones.values_mut() {
            zone.storms.sort_by_key(|storm| storm.row.noticed);
        }
        for (zone, begun) in recent {
            let zone = judge.zones.entry(zone).or_default();
            judge.now = judge.now.max(begun.at);
            if !zone
                .storms
                .iter()
                .any(|one| one.has(&begun.router, &begun.outage))
            {
                zone.remember(begun);
            }
        }
        judge
    }

    /// Outages that began before this are no part of a storm that is yet to come.
    #[must_use]
    pub fn since(settings: &Settings, now: Millis) -> Millis {
        now - millis(settings.within)
    }

    /// How many storms there are.
    #[must_use]
    pub fn storms(&self) -> usize {
        self.zones.values().map(|zone| zone.storms.len()).sum()
    }

    /// Router and outage of all that belongs to a storm, and its id.
    pub fn outages(&self) -> impl Iterator<Item = (&(String, String), &str)> {
        let storms = self.zones.values().flat_map(|zone| &zone.storms);
        storms.flat_map(|storm| storm.outages().map(|key| (key, storm.row.id.as_str())))
    }

    /// When there is something to tell, if nothing more happens.
    #[must_use]
    pub fn due(&self) -> Option<Millis> {
        let storms = self.zones.values().flat_map(|zone| &zone.storms);
        storms.map(|storm| self.next(storm)).min()
    }

    fn next(&self, storm: &Storm) -> Millis {
        let end = storm.due_to_end(&self.settings);
        storm.due_to_tell(&self.settings).unwrap_or(end).min(end)
    }

    /// Judges what waits, in its order, and what is due by `now`.
    pub fn judge(&mut self, waiting: &[Sighting<'_>], now: Millis) -> Judged {
        let mut judged = Judged {
            storms: vec![None; waiting.len()],
            ..Judged::default()
        };
        if now < self.now {
            self.go_back(now);
        }
        for (index, sighting) in waiting.iter().enumerate() {
            self.pass(sighting.stored.min(now), &mut judged);
            self.see(index, waiting, &mut judged);
        }
        self.pass(now, &mut judged);
        judged
    }

    /// The database's clock was set back: what seems to be yet to come is no longer recent, or all
    /// that follows would seem to happen at once.
    fn go_back(&mut self, now: Millis) {
        self.now = now;
        for zone in self.zones.values_mut() {
            zone.recent.retain(|begun| begun.at <= now);
        }
    }

    /// Time goes by: tells what is due, at the time when it was.
    fn pass(&mut self, now: Millis, judged: &mut Judged) {
        self.now = self.now.max(now);
        while let Some((due, zone, index)) = self.first_due() {
            self.carry_out(due, &zone, index, judged);
        }
        let since = Self::since(&self.settings, self.now);
        self.zones.retain(|_, zone| {
            while zone.recent.front().is_some_and(|begun| begun.at < since) {
                zone.recent.pop_front();
            }
            !(zone.recent.is_empty() && zone.storms.is_empty())
        });
    }

    fn first_due(&self) -> Option<(Millis, String, usize)> {
        let mut first: Option<(Millis, &str, usize)> = None;
        for (name, zone) in &self.zones {
            for (index, storm) in zone.storms.iter().enumerate() {
                let due = self.next(storm);
                if due <= self.now && first.is_none_or(|(earliest, ..)| due < earliest) {
                    first = Some((due, name, index));
                }
            }
        }
        first.map(|(due, zone, index)| (due, zone.to_owned(), index))
    }

    fn carry_out(&mut self, due: Millis, zone: &str, index: usize, judged: &mut Judged) {
        let settings = self.settings;
        let Some(zone) = self.zones.get_mut(zone) else {
            return;
        };
        let Some(storm) = zone.storms.get_mut(index) else {
            return;
        };
        if !storm.row.told {
            storm.row.told = true;
            judged.told.push(storm.began(due));
            judged.changes.push(Change::Set(storm.row.clone()));
        }
        if storm.due_to_end(&settings) <= due {
            let storm = zone.storms.remove(index);
            judged.told.push(storm.ended(due));
            judged.changes.push(Change::Forget {
                storm: storm.row.id,
            });
        }
    }

    /// One alert.
    fn see(&mut self, index: usize, waiting: &[Sighting<'_>], judged: &mut Judged) {
        let Some(sighting) = waiting.get(index) else {
            return;
        };
        let event = sighting.event;
        let (Some(zone), Some(outage)) = (sighting.zone, event.outage.as_deref()) else {
            return;
        };
        if zone.is_empty() || event.fact.is_about_a_zone() {
            return;
        }
        let (settings, now) = (self.settings, self.now);
        let begins = sighting.told && event.fact.opens_outage();
        let known = match self.zones.get_mut(zone) {
            Some(known) => known,
            None if begins => self.zones.entry(zone.to_owned()).or_default(),
            None => return,
        };
        let ends = event.fact.ends_outage();
        let has = |storm: &&mut Storm| storm.has(&event.router, outage);
        if let Some(storm) = known.storms.iter_mut().find(has) {
            judged.storms[index] = Some(storm.row.id.clone());
            if ends && let Some(alert) = storm.end(&event.router, outage, now) {
                judged.changes.push(Change::Over { alert });
                judged.changes.push(Change::Set(storm.row.clone()));
            }
            return;
        }
        let same = |begun: &&mut Begun| begun.outage == outage && begun.router == event.router;
        if let Some(begun) = known.recent.iter_mut().find(same) {
            begun.ended |= ends;
            return;
        }
        if !begins {
            return;
        }
        let begun = Begun {
            alert: sighting.alert,
            at: now,
            router: event.router.clone(),
            outage: outage.to_owned(),
            service: event.service.clone(),
            ended: ends,
        };
        if let Some(storm) = known
            .storms
            .last_mut()
            .filter(|it| it.rages(&settings, now))
        {
            judged.storms[index] = Some(storm.row.id.clone());
            if storm.take(begun.clone()) {
                judged.changes.push(Change::Take {
                    storm: storm.row.id.clone(),
                    begun,
                    before: false,
                });
            }
            judged.changes.push(Change::Set(storm.row.clone()));
            return;
        }
        known.remember(begun);
        if known.routers() >= settings.routers as usize {
            self.begin(zone, index, waiting, judged);
        }
    }

    /// What happened a short while ago is a storm.
    fn begin(&mut self, zone: &str, index: usize, waiting: &[Sighting<'_>], judged: &mut Judged) {
        let now = self.now;
        let Some(known) = self.zones.get_mut(zone) else {
            return;
        };
        let recent = std::mem::take(&mut known.recent);
        let Some((first, last)) = recent.front().zip(recent.back()) else {
            return;
        };
        let row = Row {
            id: id(
                "storm",
                &[zone, &last.router, &last.outage, &now.to_string()],
            ),
            zone: zone.to_owned(),
            since: first.at,
            noticed: now,
            told: false,
            last_begin: now,
            last_end: first.at,
            more: 0,
        };
        let storm = row.id.clone();
        // The alerts that are judged with it: they are not numbered yet.
        let earlier = waiting.get(..=index).unwrap_or_default();
        let together: BTreeSet<i64> = earlier.iter().map(|one| one.alert).collect();
        judged.changes.push(Change::Set(row.clone()));
        for begun in &recent {
            judged.changes.push(Change::Take {
                storm: storm.clone(),
                begun: begun.clone(),
                before: !together.contains(&begun.alert),
            });
        }
        let one = Storm::restored(row, recent.into());
        for (mark, sighting) in judged.storms.iter_mut().zip(earlier) {
            let event = sighting.event;
            let outage = event.outage.as_deref().unwrap_or_default();
            if mark.is_none() && sighting.zone == Some(zone) && one.has(&event.router, outage) {
                *mark = Some(storm.clone());
            }
        }
        if known.storms.len() >= MOST_STORMS {
            let oldest = known.storms.remove(0);
            if !oldest.row.told {
                judged.told.push(oldest.began(now));
            }
            judged.told.push(oldest.ended(now));
            judged.changes.push(Change::Forget {
                storm: oldest.row.id,
            });
        }
        known.storms.push(one);
    }
}

impl Zone {
    fn remember(&mut self, begun: Begun) {
        if self.recent.len() >= MOST_RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(begun);
    }

    fn routers(&self) -> usize {
        let routers: BTreeSet<&str> = self.recent.iter().map(|it| it.router.as_str()).collect();
        routers.len()
    }
}
