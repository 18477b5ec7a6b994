//! The two things that cannot be asked of the kernel in safe Rust: to wake a tokio task for a file
//! descriptor of ours, and to tell how a process that is no child of ours ended.
//!
//! This is the one module with `unsafe`; nothing in it decides anything.

#![allow(
    unsafe_code,
    reason = "registering a descriptor with tokio and a numbered ioctl are unsafe calls by nature"
)]

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use contract::Ended;
use rustix::io::Errno;
use rustix::ioctl::{Updater, ioctl, opcode};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Registers a descriptor for readability with the current tokio runtime.
///
/// # Errors
/// What epoll answers; the descriptor is closed then.
///
/// # Panics
/// Outside a tokio runtime with its I/O driver switched on, as everything of tokio's.
pub(crate) fn register(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is open, returns the same number every time and is closed by its owner
    // alone, which from here on is the `AsyncFd`: it hands out shared references only.
    let registered = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
    registered.map_err(|error| error.into_parts().1)
}

/// The first published form of `struct pidfd_info`, all that is needed here.
///
/// Source: `include/uapi/linux/pidfd.h`. The kernel takes the size from the request's number and
/// copies no more than that, so later, longer forms do not matter.
#[repr(C)]
#[derive(Default)]
struct PidfdInfo {
    mask: u64,
    cgroup_id: u64,
    pid: u32,
    thread_group: u32,
    parent: u32,
    real_user: u32,
    real_group: u32,
    effective_user: u32,
    effective_group: u32,
    saved_user: u32,
    saved_group: u32,
    filesystem_user: u32,
    filesystem_group: u32,
    /// As wait(2) has it. Spare, and zero, before Linux 6.15.
    exit_code: i32,
}

const _: () = assert!(size_of::<PidfdInfo>() == 64);

const PIDFD_INFO_EXIT: u64 = 1 << 3;
const PIDFD_GET_INFO: rustix::ioctl::Opcode = opcode::read_write::<PidfdInfo>(0xff, 11);

/// How the process behind `pidfd` ended. `None` while that is not decided: it runs, or its parent
/// has not collected it; ask again later. `Some(Ended::Unknown)` where the kernel will never tell:
/// before Linux 6.15.
pub(crate) fn ended(pidfd: impl AsFd) -> Option<Ended> {
    let mut info = PidfdInfo {
        mask: PIDFD_INFO_EXIT,
        ..PidfdInfo::default()
    };
    // SAFETY: the request's number carries the size of `PidfdInfo`, and the kernel writes at most
    // that much into it; every bit pattern is a valid value of its fields. On a descriptor that is
    // no pidfd, or on an older kernel, the number is unknown or refused and nothing is written.
    let answer = unsafe {
        let request = Updater::<PIDFD_GET_INFO, PidfdInfo>::new(&mut info);
        ioctl(pidfd, request)
    };
    match answer {
        Ok(()) if info.mask & PIDFD_INFO_EXIT != 0 => Some(from_wait_status(info.exit_code)),
        // The kernel knows the request but has no exit to tell of: not collected yet. It is also
        // what 6.13 and 6.14 answer, which never tell; after the collection they say ESRCH.
        Ok(()) | Err(Errno::INTR) => None,
        Err(_) => Some(Ended::Unknown),
    }
}

/// Source: wait(2); the low seven bits hold the signal, the next eight the exit status.
fn from_wait_status(status: i32) -> Ended {
    match status & 0x7f {
        0 => Ended::Exit((status >> 8) & 0xff),
        signal => Ended::Signal(signal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_status_is_an_exit_or_a_signal_whether_or_not_it_left_a_core() {
        assert_eq!(from_wait_status(0), Ended::Exit(0));
        assert_eq!(from_wait_status(0xff00), Ended::Exit(255));
        assert_eq!(from_wait_status(9), Ended::Signal(9));
        assert_eq!(from_wait_status(0x80 | 0x0b), Ended::Signal(11));
    }

    #[test]
    fn a_descriptor_that_is_no_pidfd_tells_nothing() {
        let file = std::fs::File::open("/dev/null").unwrap();
        assert_eq!(ended(&file), Some(Ended::Unknown));
    }
}
