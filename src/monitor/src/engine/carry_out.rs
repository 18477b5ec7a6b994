//! One observation's way: to the judge, its words onto the disk, its decisions into deeds. In this
//! order, so that a daemon that is killed in between is continued and not repeated.

use std::collections::VecDeque;

use contract::Draft;
use tracing::{error, info};

use super::note::Note;
use super::{Engine, Record};
use crate::judge::{Decision, Observation, Outcome};
use crate::watch::Id;
use crate::{Moment, restart};

/// Rounds of look and judgement that one observation may cause; the judge needs three.
const ROUNDS: usize = 32;

impl<R: Record> Engine<R> {
    /// One observation to the judge; its words onto the disk; then its decisions into deeds.
    pub(super) fn observe(&mut self, id: Id, observation: Observation) {
        let mut waiting = VecDeque::from([observation]);
        for _ in 0..ROUNDS {
            let Some(observation) = waiting.pop_front() else {
                return;
            };
            let now = self.clock.now();
            let Some(entry) = self.entries.get_mut(&id) else {
                return;
            };
            let before = std::mem::discriminant(&entry.state.phase());
            let (state, decisions) =
                entry
                    .state
                    .clone()
                    .judge(&entry.service.policy, observation, now);
            entry.state = state;
            if std::mem::discriminant(&entry.state.phase()) != before {
                entry.since = now.wall;
            }
            let mut drafts = Vec::new();
            let mut deeds = Vec::new();
            for decision in decisions {
                match decision {
                    Decision::Emit { outage, fact } => {
                        drafts.push(entry.draft(outage, now.wall, fact));
                    }
                    deed => deeds.push(deed),
                }
            }
            if deeds
                .iter()
                .any(|deed| matches!(deed, Decision::Restart { .. }))
            {
                entry.token = Some(format!(
                    "{}/{}",
                    entry.state.outage().unwrap_or(&entry.service.name),
                    now.monotonic.as_nanos()
                ));
            } else if !entry.state.restart_running() {
                entry.token = None;
            }
            self.put_down(id, drafts, now);
            for deed in deeds {
                match deed {
                    Decision::Look => waiting.push_back(self.look(id)),
                    Decision::Restart { attempt } => self.restart(id, attempt),
                    Decision::Emit { .. } => {}
                }
            }
        }
        error!(
            id,
            "the judge asks for look after look about one service; it is left until its next turn"
        );
    }

    /// Puts events and the new state down when either is worth it.
    pub(super) fn put_down(&mut self, id: Id, drafts: Vec<Draft>, now: Moment) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        // Whose left-overs may be ended must be known to the next daemon too.
        let kin = if entry.service.restart.end_leftovers {
            self.watcher.kin(id).cloned()
        } else {
            None
        };
        let keep = kin.is_some() || entry.state.must_be_kept();
        let note = keep.then(|| {
            Box::new(Note::new(
                self.boot.clone(),
                now,
                entry.state.clone(),
                kin,
                entry.token.clone(),
            ))
        });
        let same = match (&note, &entry.noted) {
            (Some(new), Some(old)) => !new.is_worth_writing_after(old),
            (None, None) => true,
            _ => false,
        };
        if same {
            if !drafts.is_empty() {
                self.record.record(drafts, Vec::new());
            }
            return;
        }
        let value = note.as_ref().and_then(|note| {
            serde_json::to_value(note)
                .inspect_err(|problem| error!(%problem, "a service's state cannot be written down"))
                .ok()
        });
        let name = entry.service.name.clone();
        entry.noted = note;
        self.record.record(drafts, vec![(name, value)]);
    }

    pub(super) fn restart(&mut self, id: Id, attempt: u32) {
        let Some(entry) = self.entries.get(&id) else {
            return;
        };
        let settings = entry.service.restart.clone();
        let target = entry.service.target.clone();
        let token = entry.token.clone().unwrap_or_default();
        let kin = self.watcher.kin(id).cloned();
        info!(
            service = entry.service.name,
            attempt,
            command = ?settings.command,
            "restarts a service"
        );
        let report = self.report_end.clone();
        tokio::spawn(async move {
            let outcome = restart::run(&settings, &token, kin.as_ref(), |group| {
                target.is_up_in_group(group)
            })
            .await;
            // The receiver is gone only when the engine is.
            let _ = report.send((id, outcome)).await;
        });
    }

    pub(super) fn restart_ended(&mut self, id: Id, outcome: Outcome) {
        if self.entries.get(&id).is_some_and(|entry| entry.retiring) {
            self.forget(id);
        } else {
            self.observe(id, Observation::RestartEnded(outcome));
        }
    }
}
