//! One epoll instance for everything that can happen to the services: a pidfd for each, and one
//! inotify descriptor. Tokio sees a single descriptor, so a thousand services cost it no more than
//! one, and nothing runs while nothing happens.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags};
use tokio::io::unix::AsyncFd;

use super::Id;
use crate::{file_limit, kernel};

/// How many events are taken at once. What does not fit comes with the next call.
const BATCH: usize = 64;

/// The serial number that no pidfd gets: the event is inotify's.
const INOTIFY: u32 = 0;

/// Descriptors that stay free for everything else the daemon does. Pidfds stop short of them.
const SPARE_FILES: u64 = 64;

const AT_ONCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

/// What epoll reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// The process that was armed for `id` under this serial number ended.
    Death { id: Id, serial: u32 },
    /// There are inotify events to read.
    Inotify,
}

/// A pidfd in the epoll set.
#[derive(Debug)]
pub(super) struct Armed {
    pidfd: OwnedFd,
    /// Tells this arming from an earlier one of the same service.
    pub(super) serial: u32,
}

impl Armed {
    pub(super) fn has_ended(&self) -> bool {
        has_ended(&self.pidfd)
    }

    /// See [`kernel::ended`].
    pub(super) fn ended(&self) -> Option<contract::Ended> {
        kernel::ended(&self.pidfd)
    }
}

#[derive(Debug)]
pub(super) struct Poller {
    epoll: AsyncFd<OwnedFd>,
    serial: u32,
    /// A pidfd with this number or a greater one would eat into [`SPARE_FILES`].
    too_many: u64,
    /// Whether the lack of a pidfd was already complained of.
    complained: AtomicBool,
}

impl Poller {
    pub(super) fn new() -> io::Result<Self> {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        Ok(Self {
            epoll: kernel::register(epoll::create(CreateFlags::CLOEXEC)?)?,
            serial: INOTIFY,
            too_many: limit
                .current
                .unwrap_or(u64::MAX)
                .saturating_sub(SPARE_FILES),
            complained: AtomicBool::new(false),
        })
    }

    /// Lets no descriptor numbered `number` or higher be used for a pidfd.
    #[cfg(test)]
    pub(super) fn allow_files_below(&mut self, number: u64) {
        self.too_many = number;
    }

    pub(super) fn add_inotify(&self, inotify: &OwnedFd) -> io::Result<()> {
        let flags = EventFlags::IN;
        epoll::add(self.epoll.get_ref(), inotify, data(0, INOTIFY), flags)?;
        Ok(())
    }

    /// Opens a pidfd.
    pub(super) fn open(&self, pid: u32) -> Result<OwnedFd, Errno> {
        use std::os::fd::AsRawFd;

        let pidfd = open(pid)?;
        match u64::try_from(pidfd.as_raw_fd()) {
            Ok(number) if number < self.too_many => Ok(pidfd),
            _ => Err(Errno::MFILE),
        }
    }

    /// Reports the end of the process behind `pidfd`, once, also when it has ended already.
    pub(super) fn arm(&mut self, id: Id, pidfd: OwnedFd) -> Result<Armed, Errno> {
        self.serial = self.serial.checked_add(1).unwrap_or(INOTIFY + 1);
        // One shot: a dead process's pidfd stays readable and would wake us for ever.
        let flags = EventFlags::IN | EventFlags::ONESHOT;
        epoll::add(self.epoll.get_ref(), &pidfd, data(id, self.serial), flags)?;
        Ok(Armed {
            pidfd,
            serial: self.serial,
        })
    }

    /// Says once that there are services without a pidfd, which only sweeps look after.
    pub(super) fn complain(&self, error: Errno) {
        if !self.complained.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                error = %io::Error::from(error),
                "no pidfd for a service: its death is noticed by sweeps only"
            );
        }
    }

    /// Takes a pidfd out of the set, before it is closed: closing alone is not enough while a child
    /// that was just forked still shares the descriptor.
    pub(super) fn disarm(&self, armed: &Armed) {
        // Failing means that it is out already.
        let _ = epoll::delete(self.epoll.get_ref(), &armed.pidfd);
    }

    /// Waits until something happened. Cancelling loses nothing: there is no await after the events
    /// were taken.
    ///
    /// # Errors
    /// Only when the runtime shuts down or the descriptor was closed behind our back.
    pub(super) async fn wait(&self) -> io::Result<Vec<Woken>> {
        loop {
            let mut ready = self.epoll.readable().await?;
            let mut events = [Event {
                flags: EventFlags::empty(),
                data: EventData::new_u64(0),
            }; BATCH];
            match epoll::wait(ready.get_inner(), &mut events, Some(&AT_ONCE)) {
                // Tokio's readiness is kept while epoll still has something to say: the next call
                // asks again, and only an empty answer lets us sleep.
                Ok(0) => ready.clear_ready(),
                Ok(count) => {
                    ready.retain_ready();
                    return Ok(events[..count].iter().map(woken).collect());
                }
                Err(Errno::INTR) => ready.retain_ready(),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn data(id: Id, serial: u32) -> EventData {
    EventData::new_u64(u64::from(serial) << 32 | u64::from(id))
}

fn woken(event: &Event) -> Woken {
    let data = event.data.u64();
    let low = |value: u64| u32::try_from(value & u64::from(u32::MAX)).unwrap_or(0);
    match low(data >> 32) {
        INOTIFY => Woken::Inotify,
        serial => Woken::Death {
            id: low(data),
            serial,
        },
    }
}

/// Opens a pidfd.
///
/// # Errors
/// `ESRCH` when there is no such process, `EINVAL` or `ENOENT` when the pid is a mere thread's.
pub(super) fn open(pid: u32) -> Result<OwnedFd, Errno> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pidfd = rustix::process::pidfd_open(pid.ok_or(Errno::SRCH)?, PidfdFlags::empty())?;
    Ok(file_limit::out_of_the_way(pidfd))
}

/// Whether the process behind `pidfd` has ended, collected or not.
pub(super) fn has_ended(pidfd: impl AsFd) -> bool {
    let mut poll = [PollFd::new(&pidfd, PollFlags::IN)];
    match rustix::event::poll(&mut poll, Some(&AT_ONCE)) {
        Ok(_) => poll[0].revents().contains(PollFlags::IN),
        // Nothing was learnt, and what is not known to be dead is not called dead.
        Err(_) => false,
    }
}
