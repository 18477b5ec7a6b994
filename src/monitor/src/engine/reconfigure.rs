//! A changed list of services: what stays keeps its state, what goes is told as gone, and a restart
//! command that runs is never joined by a second one.

use std::collections::HashMap;
use std::time::Duration;

use tracing::info;

use super::{Engine, Record};
use crate::Service;
use crate::judge::{Observation, Phase};
use crate::watch::Id;

impl<R: Record> Engine<R> {
    pub(super) fn reconfigure(&mut self, services: Vec<Service>, sweep_every: Duration) {
        let now = self.clock.now();
        self.sweep_every = sweep_every;
        self.next_sweep = self
            .next_sweep
            .min(now.monotonic.saturating_add(sweep_every));
        let mut gone: HashMap<String, Id> = self.ids.clone();
        for service in services {
            let Some(id) = gone.remove(&service.name) else {
                info!(
                    service = service.name,
                    "a service is new in the configuration"
                );
                let id = match self.retiring(&service.name) {
                    Some(id) => self.take_back(id, service),
                    None => self.add(service, now),
                };
                if self.recall(id, now) {
                    self.find_left_running(id);
                }
                self.look_and_judge(id);
                continue;
            };
            let Some(entry) = self.entries.get_mut(&id) else {
                continue;
            };
            let moved = entry.service.target != service.target;
            entry.service = service;
            if moved {
                info!(
                    service = entry.service.name,
                    "a service's process name or pid file changed in the configuration"
                );
                let target = entry.service.target.clone();
                self.watcher.remove(id);
                self.watcher.add(id, target);
                // What it is held off for may be mended with this; a hold by hand stays.
                if matches!(entry.state.phase(), Phase::HeldOff { .. }) {
                    self.observe(id, Observation::Released);
                }
                self.look_and_judge(id);
            }
        }
        for (name, id) in gone {
            info!(
                service = name,
                "a service is no longer in the configuration"
            );
            self.observe(id, Observation::Removed);
            let Some(entry) = self.entries.get_mut(&id) else {
                continue;
            };
            self.ids.remove(&name);
            self.watcher.remove(id);
            if entry.state.restart_running() {
                entry.retiring = true;
            } else {
                self.forget(id);
            }
        }
        self.forget_absent();
    }

    pub(super) fn retiring(&self, name: &str) -> Option<Id> {
        self.entries
            .iter()
            .find(|(_, entry)| entry.retiring && entry.service.name == name)
            .map(|(&id, _)| id)
    }

    /// A service that came back into the configuration before its restart command had ended.
    pub(super) fn take_back(&mut self, id: Id, service: Service) -> Id {
        self.watcher.add(id, service.target.clone());
        self.ids.insert(service.name.clone(), id);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.service = service;
            entry.retiring = false;
        }
        id
    }

    pub(super) fn forget(&mut self, id: Id) {
        if let Some(entry) = self.entries.remove(&id)
            && entry.noted.is_some()
        {
            self.record
                .record(Vec::new(), vec![(entry.service.name, None)]);
        }
    }
}
