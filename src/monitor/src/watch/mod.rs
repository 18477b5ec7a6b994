//! Watches services: is the process that the pid file names alive, and when does that change?
//!
//! A look examines the pid file, `/proc` and a pidfd; nothing is believed that cannot be checked.
//! Between looks the kernel reports deaths (pidfd) and changed pid files (inotify) through one
//! epoll instance. What it cannot report, the sweep finds: every notice is only a reason to look.

mod directories;
mod examine;
mod files;
mod means;
mod poller;
mod service;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::PathBuf;

use contract::{Cause, Ended};

pub use files::FileWatch;
pub use means::Means;

use self::directories::Directories;
use self::poller::{Poller, Woken};
use self::service::Service;
use crate::pid_file::{self, PidFile};
use crate::proc::{self, Kin};
use crate::{Clock, Moment, Process, SystemClock};

/// Stands for a service; whoever adds it chooses the number.
pub type Id = u32;

/// What is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The name that the process must carry, see [`crate::proc::is_named`].
    pub process: String,
    /// The absolute path of the file that holds its pid.
    pub pid_file: PathBuf,
}

impl Target {
    /// Whether the service is up as a member of the process group `group`: a restart command that
    /// does not end may be the service itself.
    #[must_use]
    pub fn is_up_in_group(&self, group: u32) -> bool {
        match pid_file::read(&self.pid_file) {
            PidFile::Pids(pids) => pids.iter().any(|&pid| {
                proc::stat(pid).is_ok_and(|stat| {
                    stat.group == group && stat.is_alive() && proc::is_named(&stat, &self.process)
                })
            }),
            PidFile::Missing | PidFile::Unusable(_) => false,
        }
    }
}

/// What a look found.
#[derive(Clone, Debug, PartialEq)]
pub struct Sight {
    /// Whether the service is up.
    pub verdict: Verdict,
    /// How the process that was watched before ended, if it did and the kernel tells by now. A
    /// process is explained only after its parent collected it, so a later look may know more.
    pub ended: Ended,
    /// When its end was first known: when the pidfd told, else at the first look that found it.
    /// The time of this look when nothing ended.
    pub noticed: Moment,
}

/// Whether a service is up.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// This process does its work.
    Up(Process),
    /// None does.
    Down(Cause),
}

/// A reason to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The process of this service ended.
    Died(Id),
    /// The pid file of this service may have changed.
    PidFile(Id),
    /// Notices were lost: look at all.
    Everything,
}

/// A service and the notices about it that were not handed out yet.
#[derive(Debug)]
struct Watched {
    service: Service,
    died: bool,
    touched: bool,
}

/// Watches services. Neither its memory nor its queue grows beyond what the services need.
#[derive(Debug)]
pub struct Watcher {
    poller: Option<Poller>,
    directories: Option<Directories>,
    services: HashMap<Id, Watched>,
    /// At most two entries a service, kept so by the flags in [`Watched`].
    queue: VecDeque<Change>,
    everything: bool,
}

impl Watcher {
    /// A watcher without services. Call it inside a tokio runtime, and after
    /// [`crate::raise_file_limit`].
    ///
    /// # Errors
    /// When the kernel or the runtime refuses an epoll instance.
    pub fn new(means: Means) -> io::Result<Self> {
        let (poller, directories) = match means.in_force() {
            Means::SweepOnly => (None, None),
            Means::Auto => {
                let poller = Poller::new()?;
                let directories = watch_directories(&poller);
                (Some(poller), directories)
            }
        };
        Ok(Self {
            poller,
            directories,
            services: HashMap::new(),
            queue: VecDeque::new(),
            everything: false,
        })
    }

    /// The means in force, which [`Means::Auto`] need not be.
    #[must_use]
    pub fn means(&self) -> Means {
        match self.poller {
            Some(_) => Means::Auto,
            None => Means::SweepOnly,
        }
    }

    /// Watches `target` as `id`, from the next look on. What was known of `id` is forgotten.
    pub fn add(&mut self, id: Id, target: Target) {
        self.remove(id);
        if let Some(directories) = &mut self.directories {
            directories.add(id, &target.pid_file);
        }
        let watched = Watched {
            service: Service::new(id, target),
            died: false,
            touched: false,
        };
        self.services.insert(id, watched);
    }

    /// Watches `id` no longer.
    pub fn remove(&mut self, id: Id) {
        let Some(mut watched) = self.services.remove(&id) else {
            return;
        };
        watched.service.disarm(self.poller.as_ref());
        if let Some(directories) = &mut self.directories {
            directories.remove(id, &watched.service.target().pid_file);
        }
        self.queue
            .retain(|change| !matches!(change, Change::Died(other) | Change::PidFile(other) if *other == id));
    }

    /// Looks at `id` now, and has the death of the process found be noticed. Never blocks.
    ///
    /// An `id` that is not watched is down for an unknown cause.
    pub fn look(&mut self, id: Id, now: Moment) -> Sight {
        let Some(watched) = self.services.get_mut(&id) else {
            return Sight {
                verdict: Verdict::Down(Cause::Unknown),
                ended: Ended::Unknown,
                noticed: now,
            };
        };
        if let Some(directories) = &mut self.directories {
            // Before the pid file is read, so that nothing falls in between.
            directories.check(&watched.service.target().pid_file, now.monotonic);
        }
        watched.service.look(self.poller.as_mut(), now)
    }

    /// What tells the left-overs of the process last seen up; taken while it was alive.
    #[must_use]
    pub fn kin(&self, id: Id) -> Option<&Kin> {
        self.services.get(&id)?.service.kin()
    }

    /// Gives back what [`Watcher::kin`] told an earlier run of the daemon, before the first look.
    /// It is checked, not believed.
    pub fn remember(&mut self, id: Id, kin: Kin) {
        if let Some(watched) = self.services.get_mut(&id) {
            watched.service.remember(kin);
        }
    }

    /// Waits for the next reason to look; for ever when only sweeps are in force. May be cancelled
    /// at any time without losing one. Several notices of one kind about one service are one.
    pub async fn changed(&mut self) -> Change {
        loop {
            if let Some(change) = self.next_queued() {
                return change;
            }
            let Some(poller) = &self.poller else {
                return std::future::pending().await;
            };
            match poller.wait().await {
                Ok(events) => self.take_in(&events),
                Err(error) => {
                    tracing::error!(%error, "the kernel's notices are lost: only sweeps go on");
                    return std::future::pending().await;
                }
            }
        }
    }

    fn next_queued(&mut self) -> Option<Change> {
        if std::mem::take(&mut self.everything) {
            self.queue.clear();
            for watched in self.services.values_mut() {
                watched.died = false;
                watched.touched = false;
            }
            return Some(Change::Everything);
        }
        let change = self.queue.pop_front()?;
        if let Change::Died(id) | Change::PidFile(id) = change
            && let Some(watched) = self.services.get_mut(&id)
        {
            match change {
                Change::Died(_) => watched.died = false,
                _ => watched.touched = false,
            }
        }
        Some(change)
    }

    fn take_in(&mut self, events: &[Woken]) {
        let now = SystemClock.now();
        for event in events {
            match *event {
                Woken::Death { id, serial } => {
                    if let Some(watched) = self.services.get_mut(&id)
                        && watched.service.note_death(serial, now)
                        && !std::mem::replace(&mut watched.died, true)
                    {
                        self.queue.push_back(Change::Died(id));
                    }
                }
                Woken::Inotify => self.read_directories(),
            }
        }
    }

    fn read_directories(&mut self) {
        let Some(directories) = &mut self.directories else {
            return;
        };
        let news = directories.read();
        self.everything |= news.everything;
        for id in news.touched {
            if let Some(watched) = self.services.get_mut(&id)
                && !std::mem::replace(&mut watched.touched, true)
            {
                self.queue.push_back(Change::PidFile(id));
            }
        }
    }
}

/// Inotify in the poller's set, if the kernel grants it; deaths are noticed without it.
fn watch_directories(poller: &Poller) -> Option<Directories> {
    let made = Directories::new().and_then(|directories| {
        poller.add_inotify(directories.descriptor())?;
        Ok(directories)
    });
    made.inspect_err(|error| {
        tracing::warn!(%error, "no inotify: changed pid files are noticed by sweeps only");
    })
    .ok()
}

#[cfg(test)]
mod tests;
