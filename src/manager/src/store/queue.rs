//! What is decided about each alert that waits to be told, and what is known when it is. Plain
//! data: whoever decides is a pure function of it.

use contract::{Event, Timestamp};

use super::silences::Silence;
use crate::forward::storm::{Change, Told};

/// What waits, read in one transaction with all that the decision needs.
#[derive(Clone, Debug)]
pub struct Queue {
    /// The database's clock.
    pub now: Timestamp,
    /// The silences that have begun and are in force, or ended less than an hour ago.
    pub silences: Vec<Silence>,
    /// The alerts, in the order in which they were stored.
    pub waiting: Vec<Waiting>,
}

/// An alert that waits.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// Its number.
    pub id: i64,
    /// Its router's name.
    pub router: String,
    /// The zone of its router.
    pub zone: Option<String>,
    /// The outage that it belongs to.
    pub outage: Option<String>,
    /// The event.
    pub event: Event,
    /// When it was stored, in milliseconds.
    pub stored: i64,
    /// How its outage stands.
    pub standing: Standing,
}

/// How the outage of an alert stands, before anything that waits is decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Its beginning was told, and its end was not.
    pub told: bool,
    /// The silence that withholds alerts of it until it ends.
    pub held_by: Option<i64>,
    /// A silence that withheld any of it, also for good.
    pub withheld_by: Option<i64>,
    /// The silence that withheld this alert until now.
    pub released_by: Option<i64>,
    /// For one that was withheld until now: its end is stored.
    pub over: bool,
}

/// What becomes of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It gets its position, and every sink is told.
    Tell {
        /// The storm that it is a part of.
        storm: Option<String>,
    },
    /// It is withheld until a silence ends.
    Hold {
        /// The number of the silence.
        silence: i64,
    },
    /// It is told to nobody: a silence withheld it, and it is over.
    Withhold {
        /// The number of the silence.
        silence: i64,
    },
}

/// All that is decided at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What becomes of each alert.
    pub decisions: Vec<Decision>,
    /// What changes of storms.
    pub changes: Vec<Change>,
    /// What everybody is to be told of storms.
    pub told: Vec<Told>,
}

impl From<Vec<Decision>> for Verdict {
    fn from(decisions: Vec<Decision>) -> Self {
        Self {
            decisions,
            ..Self::default()
        }
    }
}

impl Queue {
    /// Everything is told. What there is to decide without silences and storms.
    #[must_use]
    pub fn tell_all(&self) -> Vec<Decision> {
        let tell = Decision::Tell { storm: None };
        vec![tell; self.waiting.len()]
    }
}
