//! Going on where an earlier daemon was ended: what is remembered of each service, also of those that
//! are not configured, or not yet.

use std::collections::BTreeMap;

use contract::Draft;
use tracing::{debug, warn};

use super::note::Note;
use super::{Engine, Record};
use crate::judge::{Decision, Observation, Policy};
use crate::watch::Id;
use crate::{Moment, Service};

impl<R: Record> Engine<R> {
    /// Says that not all services are known yet, because the list of them cannot be read: what is
    /// remembered of the others is kept until [`Handle::reconfigure`](super::Handle::reconfigure).
    pub fn expect_more(&mut self) {
        self.more_to_come = true;
    }

    /// Takes up the services and what is remembered of them.
    pub(super) fn resume(
        &mut self,
        services: Vec<Service>,
        notes: BTreeMap<String, serde_json::Value>,
    ) {
        let now = self.clock.now();
        for (name, value) in notes {
            match serde_json::from_value::<Note>(value) {
                Ok(note) => {
                    self.absent.insert(name, note);
                }
                Err(problem) => {
                    warn!(service = name, %problem, "what was remembered of a service cannot be read; it starts anew");
                }
            }
        }
        for service in services {
            let id = self.add(service, now);
            self.recall(id, now);
        }
    }

    /// Lets a service go on from what is remembered of it; false when nothing is.
    pub(super) fn recall(&mut self, id: Id, now: Moment) -> bool {
        let Some(entry) = self.entries.get_mut(&id) else {
            return false;
        };
        let Some(note) = self.absent.remove(&entry.service.name) else {
            return false;
        };
        let note = note.resumed(&self.boot, now, entry.service.policy.hold_off);
        if let Some(kin) = note.kin.clone() {
            self.watcher.remember(id, kin);
        }
        entry.state = note.state.clone();
        entry.token.clone_from(&note.token);
        entry.noted = Some(Box::new(note));
        true
    }

    /// Removed from the configuration while no daemon ran: an outage that was told is closed in
    /// words. Others are not taken leave of: of most of them there is no note.
    pub(super) fn forget_absent(&mut self) {
        let now = self.clock.now();
        for (name, note) in std::mem::take(&mut self.absent) {
            let outage = note.state.outage().map(str::to_owned);
            let decisions = if note.state.owes_an_end() {
                let removed = Observation::Removed;
                note.state.judge(&Policy::default(), removed, now).1
            } else {
                Vec::new()
            };
            let drafts = decisions
                .into_iter()
                .filter_map(|decision| match decision {
                    Decision::Emit { outage, fact } => Some(Draft {
                        service: Some(name.clone()),
                        process: None,
                        outage,
                        time: now.wall,
                        fact,
                    }),
                    Decision::Look | Decision::Restart { .. } => None,
                })
                .collect();
            debug!(
                service = name,
                ?outage,
                "forgets a service that is no longer configured"
            );
            self.record.record(drafts, vec![(name, None)]);
        }
    }
}
