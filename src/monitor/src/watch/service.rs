//! One watched service: what its pid file and `/proc` say now, and what is remembered between two
//! looks. The verdict is reached here; nothing here waits.
//!
//! A pid proves nothing by itself. A pidfd is opened first and `/proc/PID/stat` read after it: if
//! the pidfd has not ended by then, what was read is about the very process it holds.

use contract::{Cause, Ended};

use super::examine::{Found, Looker};
use super::poller::{Armed, Poller};
use super::{Id, Sight, Target, Verdict};
use crate::Moment;
use crate::pid_file::{self, PidFile};
use crate::proc::Kin;

/// A watched service.
#[derive(Debug)]
pub(super) struct Service {
    id: Id,
    target: Target,
    /// The process last seen up. Survives its end.
    last: Option<Kin>,
    /// The pidfd on `last`, from its being seen up until its end is explained.
    armed: Option<Armed>,
    /// When the pidfd told that `last` ended.
    fired: Option<Moment>,
    /// Whether the last verdict was up.
    up: bool,
    /// When the present outage was first known.
    down_since: Option<Moment>,
    /// How `last` ended, as far as the kernel told.
    ended: Ended,
    /// In how many looks running the pid file was missing or unusable while the process lived.
    without_pid_file: u32,
}

impl Service {
    pub(super) fn new(id: Id, target: Target) -> Self {
        Self {
            id,
            target,
            last: None,
            armed: None,
            fired: None,
            up: false,
            down_since: None,
            ended: Ended::Unknown,
            without_pid_file: 0,
        }
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    pub(super) fn kin(&self) -> Option<&Kin> {
        self.last.as_ref()
    }

    /// Takes `kin` for the process last seen up. What is known at first hand stays.
    pub(super) fn remember(&mut self, kin: Kin) {
        if self.last.is_none() {
            self.last = Some(kin);
            self.up = true;
        }
    }

    /// Notes that the pidfd with this serial number fired; says whether it was the present one.
    pub(super) fn note_death(&mut self, serial: u32, now: Moment) -> bool {
        let present = self
            .armed
            .as_ref()
            .is_some_and(|armed| armed.serial == serial);
        if present {
            self.fired.get_or_insert(now);
        }
        present
    }

    /// Takes the service out of the poller.
    pub(super) fn disarm(&mut self, poller: Option<&Poller>) {
        if let (Some(armed), Some(poller)) = (self.armed.take(), poller) {
            poller.disarm(&armed);
        }
    }

    /// Looks now.
    pub(super) fn look(&mut self, poller: Option<&mut Poller>, now: Moment) -> Sight {
        match self.find(poller.as_deref()) {
            Ok(found) => self.seen_up(found, poller, now),
            Err(cause) => self.seen_down(cause, poller.as_deref(), now),
        }
    }

    fn find(&mut self, poller: Option<&Poller>) -> Result<Found, Cause> {
        let looker = Looker {
            wanted: &self.target.process,
            last: self.last.as_ref(),
            armed: self.armed.as_ref(),
            poller,
        };
        let mut file = pid_file::read(&self.target.pid_file);
        let mut named = looker.named_in(&file);
        if let Some(Err(_)) = named {
            // It may have been swapped under our eyes; the second reading is believed.
            let again = pid_file::read(&self.target.pid_file);
            if again != file {
                named = looker.named_in(&again);
                file = again;
            }
        }
        if let Some(verdict) = named {
            self.without_pid_file = 0;
            return verdict;
        }
        // Nobody says that another process is meant, so the one that was up still counts.
        if let Some(found) = self.up.then(|| looker.last()).flatten() {
            self.without_pid_file = self.without_pid_file.saturating_add(1);
            // A reload may leave the file out for a moment; what lasts is worth a word.
            if self.without_pid_file == 2 {
                tracing::warn!(
                    process = self.target.process,
                    pid = found.process().pid,
                    pid_file = %self.target.pid_file.display(),
                    problem = problem(&file),
                    "the process runs, but its pid file does not say so"
                );
            }
            return Ok(found);
        }
        Err(match file {
            PidFile::Unusable(problem) => Cause::BadPidFile { problem },
            PidFile::Missing | PidFile::Pids(_) => Cause::NoPidFile,
        })
    }

    fn seen_up(&mut self, found: Found, poller: Option<&mut Poller>, now: Moment) -> Sight {
        let mut sight = Sight {
            verdict: Verdict::Up(found.process()),
            ended: Ended::Unknown,
            noticed: now,
        };
        match found {
            Found::Same { pidfd, .. } => {
                if let (Some(pidfd), Some(poller)) = (pidfd, poller) {
                    self.arm(pidfd, poller);
                }
            }
            Found::New { kin, pidfd } => {
                self.note_end(now);
                if let Some(since) = self.fired.or(self.down_since) {
                    sight.noticed = since;
                    sight.ended = self.explain();
                }
                self.last = Some(kin);
                self.fired = None;
                if let Some(poller) = poller {
                    self.disarm(Some(&*poller));
                    if let Some(pidfd) = pidfd {
                        self.arm(pidfd, poller);
                    }
                }
            }
        }
        self.up = true;
        self.down_since = None;
        self.ended = Ended::Unknown;
        sight
    }

    fn seen_down(&mut self, cause: Cause, poller: Option<&Poller>, now: Moment) -> Sight {
        if !self.note_end(now) {
            // If it lives, it no longer stands for the service: its end would explain nothing.
            self.disarm(poller);
        }
        self.up = false;
        self.without_pid_file = 0;
        let noticed = *self.down_since.get_or_insert(self.fired.unwrap_or(now));
        Sight {
            verdict: Verdict::Down(cause),
            ended: self.explain(),
            noticed,
        }
    }

    /// Whether the process last seen up has ended, as its pidfd shows.
    fn note_end(&mut self, now: Moment) -> bool {
        let ended = self.armed.as_ref().is_some_and(Armed::has_ended);
        if ended {
            self.fired.get_or_insert(now);
        }
        ended
    }

    /// How the process last seen up ended, if the kernel tells by now.
    fn explain(&mut self) -> Ended {
        if let Some(ended) = self.armed.as_ref().and_then(Armed::ended) {
            self.ended = ended;
            self.armed = None;
        }
        self.ended
    }

    fn arm(&mut self, pidfd: std::os::fd::OwnedFd, poller: &mut Poller) {
        match poller.arm(self.id, pidfd) {
            Ok(armed) => self.armed = Some(armed),
            Err(error) => poller.complain(error),
        }
    }
}

fn problem(file: &PidFile) -> &str {
    match file {
        PidFile::Unusable(problem) => problem,
        PidFile::Missing | PidFile::Pids(_) => "it is missing",
    }
}
