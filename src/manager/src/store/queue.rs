//! What is decided about each alert that waits to be told, and what is known when it is. Plain
//! data: whoever decides is a pure function of it.

use contract::Event;

/// What waits, read in one transaction with all that the decision needs.
#[derive(Clone, Debug, Default)]
pub struct Queue {
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
}

/// What becomes of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It gets its position, and every sink is told.
    Tell {
        /// The storm that it is a part of.
        storm: Option<String>,
    },
    /// It is withheld.
    Hold {
        /// The number of the silence.
        silence: i64,
    },
}

impl Queue {
    /// Everything is told. What there is to decide without silences and storms.
    #[must_use]
    pub fn tell_all(&self) -> Vec<Decision> {
        let tell = Decision::Tell { storm: None };
        vec![tell; self.waiting.len()]
    }
}
