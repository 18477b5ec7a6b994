//! Judges a queue: what is told of it belongs to a storm or does not.

use super::{Judge, Sighting};
use crate::store::{Decision, Queue, Verdict};

impl Judge {
    /// Adds what is decided about storms to what is decided about each alert.
    pub fn decide(&mut self, queue: &Queue, mut decisions: Vec<Decision>) -> Verdict {
        let tell = Decision::Tell { storm: None };
        decisions.resize(queue.waiting.len(), tell);
        let sightings: Vec<Sighting<'_>> = queue
            .waiting
            .iter()
            .zip(&decisions)
            .map(|(waiting, decision)| Sighting {
                alert: waiting.id,
                stored: waiting.stored,
                zone: waiting.zone.as_deref(),
                event: &waiting.event,
                told: matches!(decision, Decision::Tell { .. }),
            })
            .collect();
        let judged = self.judge(&sightings, queue.now.unix_millis());
        for (decision, belongs) in decisions.iter_mut().zip(judged.storms) {
            if let Decision::Tell { storm } = decision {
                *storm = belongs;
            }
        }
        Verdict {
            decisions,
            changes: judged.changes,
            told: judged.told,
        }
    }
}
