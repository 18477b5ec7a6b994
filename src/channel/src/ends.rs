//! An outage that was told is told over: what ends it goes to a sink that was told anything of it,
//! also where a filter would keep that away. Pure: what is decided follows from the events of the
//! outage alone, so whoever reads them again decides the same.

use std::collections::VecDeque;

use contract::Event;

/// The most outages that are remembered for one sink, as many as it is reminded of when it starts.
/// The oldest go first.
const MAX_OUTAGES: usize = crate::outages::MAX_OUTAGES;

/// The outages that a sink was told of and that are not over; the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    told: VecDeque<Box<str>>,
}

impl Ends {
    /// Whether the next event is told, when it is `wanted` for itself or not.
    pub(crate) fn admit(&mut self, event: &Event, wanted: bool) -> bool {
        let Some(outage) = event.outage.as_deref() else {
            return wanted;
        };
        // The newest is what most events are about.
        let known = self.told.iter().rposition(|told| **told == *outage);
        if event.fact.ends_outage() {
            let told = known.and_then(|index| self.told.remove(index));
            return wanted || told.is_some();
        }
        if wanted && known.is_none() {
            if self.told.len() >= MAX_OUTAGES {
                self.told.pop_front();
            }
            self.told.push_back(outage.into());
        }
        wanted
    }
}

#[cfg(test)]
mod tests;
