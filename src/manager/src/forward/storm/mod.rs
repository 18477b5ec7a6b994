//! Storms: a whole zone that fails is told as one, at its beginning and at its end. Pure; whoever
//! numbers what is to be forwarded asks, and stores what is answered in the same transaction.
//!
//! A storm is a set of outages. It takes in every outage that begins in its zone while it rages, and
//! those just before it that made it one; whatever is told of these belongs to it. Other outages of
//! the zone, older or newer, are told as ever.

mod config;
mod judge;
mod news;
mod one;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
mod verdict;

use std::time::Duration;

pub use self::config::Storms;
pub use self::judge::{Judge, Judged, Sighting};

/// Milliseconds since 1970, by the database's clock: the only one that all managers share.
pub type Millis = i64;

/// When many outages are a storm, and when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// So many routers of one zone fail …
    pub routers: u32,
    /// … within so long.
    pub within: Duration,
    /// It takes in no more outages when none began for so long, and is over when also none ended
    /// for so long and nearly all have.
    pub quiet: Duration,
    /// It is over in any case after so long.
    pub longest: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            routers: 20,
            within: Duration::from_mins(1),
            quiet: Duration::from_mins(10),
            longest: Duration::from_hours(24),
        }
    }
}

impl Settings {
    /// How long after it was noticed a storm is told: until then it has shown how large it is.
    #[must_use]
    pub fn told_after(&self) -> Duration {
        (self.within / 6).min(Duration::from_secs(10))
    }
}

/// An outage that began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The alert that told so.
    pub alert: i64,
    /// When that was stored.
    pub at: Millis,
    /// The router's name.
    pub router: String,
    /// The outage.
    pub outage: String,
    /// The service; absent when it is the router itself.
    pub service: Option<String>,
    /// Whether it is over.
    pub ended: bool,
}

/// A storm, as it is stored beside its outages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name, and that of the outage that its own alerts belong to.
    pub id: String,
    /// The zone's id.
    pub zone: String,
    /// When its first outage began.
    pub since: Millis,
    /// When it was noticed.
    pub noticed: Millis,
    /// Whether its beginning is told.
    pub told: bool,
    /// When its last outage began.
    pub last_begin: Millis,
    /// When one of its outages last ended; the same as `since` before.
    pub last_end: Millis,
    /// Outages beyond the most that are remembered one by one.
    pub more: u32,
}

/// What is to be stored about storms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A storm that is new, or not as it was.
    Set(Row),
    /// An outage belongs to the storm of this id. `before`: what was told of it is numbered already.
    Take {
        /// The storm.
        storm: String,
        /// The outage.
        begun: Begun,
        /// Whether it was numbered before the storm was noticed.
        before: bool,
    },
    /// The outage that this alert began is over.
    Over {
        /// The alert.
        alert: i64,
    },
    /// The storm is over: it and its outages need not be known any longer.
    Forget {
        /// The storm.
        storm: String,
    },
}

/// What everybody is to know about a storm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The storm.
    pub storm: String,
    /// The zone's id.
    pub zone: String,
    /// How many routers failed.
    pub routers: u32,
    /// How many of their services.
    pub services: u32,
    /// When it was told.
    pub at: Millis,
    /// What.
    pub news: News,
}

/// Beginning or end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It began.
    Began {
        /// When its first outage began.
        since: Millis,
    },
    /// It is over.
    Ended {
        /// How many outages it had.
        outages: u32,
        /// From its first outage until the last that ended.
        lasted: Duration,
        /// How many outages go on.
        still_down: u32,
        /// The first of these, by router and service.
        first: Vec<String>,
    },
}
