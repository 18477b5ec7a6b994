//! The one lock: `run` and `once` exclude each other, and two cron runs never overlap. The kernel
//! lets go of it when its holder ends, however that ends.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, OFlags, flock};

/// How often a held lock is tried again, and how far apart.
const TRIES: u32 = 100;
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

/// Held as long as it lives.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Why the lock was not had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// Another instance works.
    #[error("{}: another vrwatch holds the lock{}; one at a time", .path.display(), .holder.as_ref().map_or_else(String::new, |pid| format!(" (process {pid})")))]
    Held {
        path: PathBuf,
        holder: Option<String>,
    },
    /// The lock file cannot be used.
    #[error("{}: the lock file cannot be used: {cause}; run as root, or set [control] socket to a folder you may write", .path.display())]
    Unusable { path: PathBuf, cause: io::Error },
}

impl Lock {
    /// Takes the lock, or gives up within about a second.
    ///
    /// # Errors
    /// [`LockError::Held`] when another process has it.
    pub(crate) fn take(path: &Path) -> Result<Self, LockError> {
        let unusable = |cause| LockError::Unusable {
            path: path.to_owned(),
            cause,
        };
        if let Some(directory) = path.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(directory)
                .map_err(unusable)?;
        }
        // What stands in its place is neither followed nor waited for.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(flags.bits().cast_signed())
            .open(path)
            .map_err(unusable)?;
        if !file.metadata().map_err(unusable)?.is_file() {
            let cause = "something that is no regular file has this name; it is left alone";
            return Err(unusable(io::Error::new(
                io::ErrorKind::AlreadyExists,
                cause,
            )));
        }
        match try_for_a_moment(&file) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut holder = String::new();
                let read = (&mut file).take(16).read_to_string(&mut holder);
                let holder = holder.trim().to_owned();
                return Err(LockError::Held {
                    path: path.to_owned(),
                    holder: (read.is_ok() && !holder.is_empty()).then_some(holder),
                });
            }
            Err(errno) => return Err(unusable(errno.into())),
        }
        // Who holds it is a help to people only: a full disk must not stop us.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}

/// Tries for a second: a restart command that a daemon was starting when it was killed holds the
/// daemon's open files, and so its lock, from its fork until its exec.
fn try_for_a_moment(file: &File) -> rustix::io::Result<()> {
    let mut tries = 0;
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) if tries < TRIES => {
                tries += 1;
                std::thread::sleep(BETWEEN_TRIES);
            }
            answer => return answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_to_ask_is_told_who_holds_the_lock() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run/lock");
        let lock = Lock::take(&path).unwrap();
        let refused = Lock::take(&path).unwrap_err();
        assert!(
            refused
                .to_string()
                .contains(&std::process::id().to_string()),
            "{refused}"
        );
        drop(lock);
        Lock::take(&path).unwrap();
    }

    #[test]
    fn a_lock_file_that_is_a_link_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
        assert!(matches!(Lock::take(&path), Err(LockError::Unusable { .. })));
    }

    #[test]
    fn a_fifo_in_its_place_is_refused_at_once() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        let refused = Lock::take(&path).unwrap_err();
        assert!(refused.to_string().contains("no regular file"), "{refused}");
        assert!(matches!(refused, LockError::Unusable { .. }));
    }
}
