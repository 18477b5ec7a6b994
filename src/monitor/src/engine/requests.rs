//! What others ask of the running engine.

use super::handle::{Request, RequestError};
use super::{Engine, Record};
use crate::judge::Observation;
use crate::watch::Id;

impl<R: Record> Engine<R> {
    pub(super) fn answer(&mut self, request: Request) {
        // Whoever asked may have gone away meanwhile; the deed stands all the same.
        match request {
            Request::Status(reply) => {
                let now = self.clock.now();
                let mut services: Vec<_> = self
                    .entries
                    .values()
                    .filter(|entry| !entry.retiring)
                    .map(|entry| entry.status(now))
                    .collect();
                services.sort_by(|one, other| one.name.cmp(&other.name));
                let _ = reply.send(services);
            }
            Request::Hold {
                service,
                duration,
                reason,
                reply,
            } => {
                let until =
                    duration.map(|duration| self.clock.now().monotonic.saturating_add(duration));
                let answer = self.find(&service).map(|id| {
                    self.observe(id, Observation::Held { until, reason });
                });
                let _ = reply.send(answer);
            }
            Request::Release { service, reply } => {
                let answer = self
                    .find(&service)
                    .map(|id| self.observe(id, Observation::Released));
                let _ = reply.send(answer);
            }
            Request::Reconfigure {
                services,
                sweep_every,
                reply,
            } => {
                self.reconfigure(services, sweep_every);
                let _ = reply.send(());
            }
            Request::Stop => {}
        }
    }

    pub(super) fn find(&self, name: &str) -> Result<Id, RequestError> {
        self.ids
            .get(name)
            .copied()
            .ok_or_else(|| RequestError::NoSuchService {
                asked: name.chars().take(64).collect(),
                known: {
                    let mut known: Vec<String> = self.ids.keys().take(32).cloned().collect();
                    known.sort();
                    known
                },
            })
    }
}
