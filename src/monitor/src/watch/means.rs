//! Which of the kernel's means are used, and how many files they may take.

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

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

/// More files than this are never asked for: programs that close every possible descriptor inherit
/// the limit when they are restarted by us, and would take long.
const ENOUGH_FILES: u64 = 16_384;

/// Raises this process's soft limit of open files to the hard one, since every service takes one.
/// A failure is logged: the services beyond the limit are then swept only.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let Some(current) = limit.current else { return };
    let wanted = limit.maximum.unwrap_or(u64::MAX).min(ENOUGH_FILES);
    if wanted <= current {
        return;
    }
    let raised = Rlimit {
        current: Some(wanted),
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(
            current,
            wanted,
            error = %std::io::Error::from(error),
            "the limit of open files cannot be raised"
        );
    }
}
