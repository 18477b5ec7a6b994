//! A process held by a pidfd: whatever is done to it cannot hit another that got its pid meanwhile.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::time::{Instant, sleep};

use crate::Process;
use crate::proc::{self, Stat};

/// How often held processes are looked at while waiting for their end.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A process that cannot be mistaken for another.
pub(super) struct Held {
    /// Who it is.
    pub(super) process: Process,
    /// Its `comm`, for the log.
    pub(super) name: String,
    pidfd: OwnedFd,
}

impl Held {
    /// Holds the process that `seen` describes, provided that it is still there and still `is_it`
    /// after it was got hold of: only then the pidfd is proven to be of the process that was seen.
    ///
    /// # Errors
    /// The kernel's: [`Errno::SRCH`] when the process is gone or is no longer the one looked for,
    /// [`Errno::NOSYS`] before Linux 5.3.
    pub(super) fn take(seen: &Stat, is_it: impl FnOnce(&Stat) -> bool) -> Result<Self, Errno> {
        let pidfd = pidfd_open(pid(seen.pid)?, PidfdFlags::empty())?;
        let now = proc::stat(seen.pid).map_err(|_| Errno::SRCH)?;
        if now.process() == seen.process() && now.is_alive() && is_it(&now) {
            Ok(Self {
                process: now.process(),
                name: now.name,
                pidfd,
            })
        } else {
            Err(Errno::SRCH)
        }
    }

    /// Sends a signal; to a process that has ended it does nothing.
    pub(super) fn signal(&self, signal: Signal) {
        match pidfd_send_signal(&self.pidfd, signal) {
            Ok(()) | Err(Errno::SRCH) => {}
            Err(error) => tracing::warn!(
                pid = self.process.pid,
                name = self.name,
                ?signal,
                %error,
                "cannot signal a process"
            ),
        }
    }

    /// Whether it has ended, reaped or not.
    pub(super) fn has_ended(&self) -> bool {
        let mut watched = [PollFd::new(&self.pidfd, PollFlags::IN)];
        let at_once = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        matches!(poll(&mut watched, Some(&at_once)), Ok(1..))
    }

    /// Its state now; `None` when it has ended.
    pub(super) fn stat(&self) -> Option<Stat> {
        let stat = proc::stat(self.process.pid).ok()?;
        (stat.process() == self.process && !self.has_ended()).then_some(stat)
    }
}

/// Waits until all have ended, or for `limit`. Says whether all have.
pub(super) async fn all_ended(held: &[Held], limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if held.iter().all(Held::has_ended) {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        sleep(LOOK_EVERY).await;
    }
}

/// A pid as rustix wants it.
///
/// # Errors
/// [`Errno::SRCH`] when no process can have it.
pub(super) fn pid(raw: u32) -> Result<Pid, Errno> {
    i32::try_from(raw)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or(Errno::SRCH)
}
