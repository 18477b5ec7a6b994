//! Which of the kernel's means are used.

use rustix::io::Errno;

use super::poller;

/// By which means deaths are noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// By pidfd and inotify, at once. Where the kernel has no pidfd (before Linux 5.3), or a
    /// sandbox forbids it, the same as [`Means::SweepOnly`].
    Auto,
    /// By looking, and nothing else.
    SweepOnly,
}

impl Means {
    /// What is left of the wish on this kernel.
    pub(super) fn in_force(self) -> Self {
        if self == Self::SweepOnly {
            return self;
        }
        match poller::open(std::process::id()) {
            Ok(_) | Err(Errno::MFILE | Errno::NFILE | Errno::NOMEM) => Self::Auto,
            Err(error) => {
                tracing::warn!(
                    error = %std::io::Error::from(error),
                    "the kernel gives no pidfd: deaths are noticed by sweeps only"
                );
                Self::SweepOnly
            }
        }
    }
}
