//! One storm: its outages, whether it still takes in new ones, and when it is over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Begun, Millis, News, Row, Settings, Told};
use crate::store::millis;

/// The most outages that are remembered one by one; of more it is only known how many began.
const MOST: usize = 100_000;
/// The most outages that are named at the end.
const NAMED: usize = 20;

/// A storm that is not over.
#[derive(Clone, Debug)]
pub(super) struct Storm {
    pub(super) row: Row,
    /// By router and outage.
    outages: BTreeMap<(String, String), Begun>,
    /// How many of these go on.
    open: usize,
}

impl Storm {
    /// As it was stored.
    pub(super) fn restored(row: Row, outages: Vec<Begun>) -> Self {
        let mut storm = Self {
            row,
            outages: BTreeMap::new(),
            open: 0,
        };
        for begun in outages {
            storm.insert(begun);
        }
        storm
    }

    fn insert(&mut self, begun: Begun) {
        self.open += usize::from(!begun.ended);
        let key = (begun.router.clone(), begun.outage.clone());
        self.outages.insert(key, begun);
    }

    /// Takes an outage in; `false` when it is one too many to be remembered.
    pub(super) fn take(&mut self, begun: Begun) -> bool {
        self.row.last_begin = self.row.last_begin.max(begun.at);
        if begun.ended {
            self.row.last_end = self.row.last_end.max(begun.at);
        }
        if self.outages.len() >= MOST {
            self.row.more = self.row.more.saturating_add(1);
            return false;
        }
        self.insert(begun);
        true
    }

    pub(super) fn has(&self, router: &str, outage: &str) -> bool {
        // A map that is asked by pairs of references would need a key of its own.
        self.outages
            .contains_key(&(router.to_owned(), outage.to_owned()))
    }

    /// One of its outages is over; the alert that began it, unless that is known.
    pub(super) fn end(&mut self, router: &str, outage: &str, now: Millis) -> Option<i64> {
        let key = (router.to_owned(), outage.to_owned());
        let begun = self.outages.get_mut(&key).filter(|begun| !begun.ended)?;
        begun.ended = true;
        self.open -= 1;
        self.row.last_end = self.row.last_end.max(now);
        Some(begun.alert)
    }

    /// Whether an outage that begins now belongs to it.
    pub(super) fn rages(&self, settings: &Settings, now: Millis) -> bool {
        now < self.row.last_begin + millis(settings.quiet)
    }

    /// When its beginning is to be told.
    pub(super) fn due_to_tell(&self, settings: &Settings) -> Option<Millis> {
        (!self.row.told).then(|| self.row.noticed + millis(settings.told_after()))
    }

    /// When it is over, if nothing more happens.
    pub(super) fn due_to_end(&self, settings: &Settings) -> Millis {
        let latest = self.row.noticed + millis(settings.longest);
        // Nine of ten.
        if self.open * 10 > self.outages.len() {
            return latest;
        }
        let last = self.row.last_begin.max(self.row.last_end);
        latest.min(last + millis(settings.quiet))
    }

    pub(super) fn began(&self, at: Millis) -> Told {
        let since = self.row.since;
        self.told(at, News::Began { since })
    }

    pub(super) fn ended(&self, at: Millis) -> Told {
        let open = || self.outages.values().filter(|begun| !begun.ended);
        let first = open().take(NAMED).map(|begun| {
            let what = begun.service.as_deref().unwrap_or("unreachable");
            format!("{} {what}", begun.router)
        });
        let until = if self.open > 0 { at } else { self.row.last_end };
        let lasted = u64::try_from(until - self.row.since).unwrap_or(0);
        let outages = number(self.outages.len()).saturating_add(self.row.more);
        let news = News::Ended {
            outages,
            lasted: Duration::from_millis(lasted),
            still_down: number(self.open),
            first: first.collect(),
        };
        self.told(at, news)
    }

    fn told(&self, at: Millis, news: News) -> Told {
        let all = || self.outages.values();
        let routers: BTreeSet<&str> = all().map(|begun| begun.router.as_str()).collect();
        let services: BTreeSet<(&str, &str)> = all()
            .filter_map(|begun| Some((begun.router.as_str(), begun.service.as_deref()?)))
            .collect();
        Told {
            storm: self.row.id.clone(),
            zone: self.row.zone.clone(),
            routers: number(routers.len()),
            services: number(services.len()),
            at,
            news,
        }
    }

    /// Router and outage of all that is known of it.
    pub(super) fn outages(&self) -> impl Iterator<Item = &(String, String)> {
        self.outages.keys()
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
