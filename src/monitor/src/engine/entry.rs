//! One service as the engine holds it: what is configured, how it stands, and what of it is on disk
//! already.

use contract::{Draft, Fact, Timestamp};

use super::handle::ServiceStatus;
use super::note::Note;
use crate::judge::{Phase, State};
use crate::{Moment, Service};

/// One watched service.
pub(crate) struct Entry {
    pub(crate) service: Service,
    pub(crate) state: State,
    /// Marks the restart command that runs; `None` when none does.
    pub(crate) token: Option<String>,
    /// The configuration no longer names it; it goes as soon as its restart command has ended.
    pub(crate) retiring: bool,
    /// Since when it is in its phase, by the wall clock.
    pub(crate) since: Timestamp,
    /// What was last put down; for most services nothing.
    pub(crate) noted: Option<Box<Note>>,
}

impl Entry {
    pub(crate) fn new(service: Service, now: Moment) -> Self {
        Self {
            state: State::new(&service.name),
            service,
            token: None,
            retiring: false,
            since: now.wall,
            noted: None,
        }
    }

    /// The event that says `fact` about this service.
    pub(crate) fn draft(&self, outage: Option<String>, time: Timestamp, fact: Fact) -> Draft {
        Draft {
            service: Some(self.service.name.clone()),
            process: Some(self.service.target.process.clone()),
            outage,
            time,
            fact,
        }
    }

    pub(crate) fn status(&self, now: Moment) -> ServiceStatus {
        let (state, until, detail) = match self.state.phase() {
            Phase::Unknown => ("unknown", None, None),
            Phase::Up { .. } => ("up", None, None),
            Phase::Checking => ("checking", None, None),
            Phase::Restarting { attempt } => {
                ("restarting", None, Some(format!("attempt {attempt}")))
            }
            Phase::Settling { attempt } => ("settling", None, Some(format!("attempt {attempt}"))),
            Phase::HeldOff { until, reason } => ("held_off", Some(until), Some(reason.to_string())),
            Phase::Held { until, reason } => ("held", until, Some(reason)),
        };
        ServiceStatus {
            name: self.service.name.clone(),
            process: self.service.target.process.clone(),
            pid_file: self.service.target.pid_file.clone(),
            state: state.to_owned(),
            pid: self.state.last_process().map(|process| process.pid),
            since: self.since,
            restarts: self.state.restarts(),
            hold_off_until: until
                .map(|until| now.wall.saturating_add(until.saturating_sub(now.monotonic))),
            outage: self.state.outage().map(str::to_owned),
            detail,
        }
    }
}
