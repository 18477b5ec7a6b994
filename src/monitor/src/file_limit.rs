//! How many files the daemon may have open: one for each watched service, so more than the usual
//! 1,024. What it starts gets the usual limit back, because some programs size themselves by it
//! (haproxy) or close every descriptor up to it.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::OnceLock;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More files than this are never asked for.
const ENOUGH_FILES: u64 = 16_384;

/// The limit as it was before it was raised.
static BEFORE: OnceLock<Rlimit> = OnceLock::new();

/// Raises this process's soft limit of open files to the hard one.
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
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => {
            BEFORE.get_or_init(|| limit);
        }
        Err(error) => tracing::warn!(
            current,
            wanted,
            error = %std::io::Error::from(error),
            "the limit of open files cannot be raised"
        ),
    }
}

/// Gives a file that stays open for long a number beyond the limit from before, once half of that is
/// used: the lower numbers are needed where a command is started.
pub(crate) fn out_of_the_way(file: OwnedFd) -> OwnedFd {
    let before = BEFORE.get().and_then(|before| before.current);
    let beyond = before.and_then(|before| RawFd::try_from(before).ok());
    beyond
        .filter(|beyond| file.as_raw_fd() > beyond / 2)
        .and_then(|beyond| fcntl_dupfd_cloexec(&file, beyond).ok())
        .unwrap_or(file)
}

/// Does something under the limit that vrwatch itself was started with. A child has it from its
/// birth then; given to it later, what it had started by that time would keep the raised one. Files
/// beyond the limit stay open, but none can be opened there meanwhile: see [`out_of_the_way`].
pub(crate) fn with_limit_from_before<T>(work: impl FnOnce() -> T) -> T {
    let raised = getrlimit(Resource::Nofile);
    let lowered = BEFORE.get().is_some_and(|before| {
        let limit = Rlimit {
            current: before.current,
            maximum: raised.maximum,
        };
        setrlimit(Resource::Nofile, limit).is_ok()
    });
    let result = work();
    if lowered && let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(
            error = %std::io::Error::from(error),
            "the limit of open files cannot be raised again"
        );
    }
    result
}
