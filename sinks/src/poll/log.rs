//! The log file: appended to, synced, rotated. Opened afresh for every batch, so that whoever
//! rotates or deletes it under us only gets what was written before.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::OFlags;

use super::held;
use super::line::{Line, MOST_LINE};

/// What a new log may be read by: its owner and group, as Debian has it in `/var/log`.
const MODE: u32 = 0o640;
/// The most zeros at its end that are read one by one; bytes.
const MOST_ZEROS: u64 = 4 << 20;
/// How often, and how far apart, the log is tried while another process writes it.
const TRIES: u32 = 40;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// A log at a path.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    /// The log before the last rotation.
    before: PathBuf,
    max_size: u64,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Appended {
    /// How many lines were there already.
    pub(super) found: usize,
}

/// Why a batch is not in the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum LogError {
    #[error("{} is a symbolic link, and those are not followed: remove it, or name the file it leads to", .0.display())]
    Link(PathBuf),
    #[error("{} is no regular file: move it away", .0.display())]
    NotRegular(PathBuf),
    #[error("{}: there is no such folder: make it", .0.display())]
    NoFolder(PathBuf),
    #[error("{} is being written by another process", .0.display())]
    Busy(PathBuf),
    #[error("{}: cannot {what}: {source}", path.display())]
    Io {
        path: PathBuf,
        what: &'static str,
        source: io::Error,
    },
}

/// Why the log was not opened.
enum OpenError {
    /// Whoever rotates was quicker.
    Again,
    Log(LogError),
}

impl From<LogError> for OpenError {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}

impl Log {
    pub(super) fn new(path: PathBuf, max_size: u64) -> Self {
        let mut before = path.clone().into_os_string();
        before.push(".1");
        Self {
            path,
            before: before.into(),
            max_size,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends the lines that are not there yet, and returns once they are on disk. With `search`
    /// the whole log is searched for them, else they are known to be new.
    ///
    /// # Errors
    /// All of the batch is to come again; what was written of it is found then.
    pub(super) fn append(&self, lines: &[Line], search: bool) -> Result<Appended, LogError> {
        let mut file = self.open()?;
        let mut length = self.heal(&file, lines)?;
        let held = if search {
            held::ids(&[&self.before, &self.path], self.max_size, lines)
                .map_err(|source| self.io("search it", source))?
        } else {
            held::Ids::default()
        };
        let mut bytes = Vec::new();
        let mut found = 0;
        for line in lines {
            if line.ids.iter().all(|id| held.contains(id.as_str())) {
                found += 1;
            } else {
                bytes.extend_from_slice(line.text.as_bytes());
            }
        }
        if bytes.is_empty() {
            // They may have been written by a life that was killed before it synced them.
            self.sync(&file)?;
            return Ok(Appended { found });
        }
        if length > 0 && length + bytes.len() as u64 > self.max_size {
            self.sync(&file)?;
            fs::rename(&self.path, &self.before)
                .map_err(|source| self.io("rename it to .1", source))?;
            // The lock on the old one is kept until the new one is there.
            let new = self.open()?;
            length = self.heal(&new, lines)?;
            file = new;
        }
        if let Err(source) = (&file).write_all(&bytes) {
            // A full disk takes a part of it. If it cannot be cut off, the next batch does.
            let _ = file.set_len(length);
            return Err(self.io("write to it", source));
        }
        self.sync(&file)?;
        Ok(Appended { found })
    }

    /// The log, locked against others who write it as we do.
    fn open(&self) -> Result<File, LogError> {
        for _ in 0..TRIES {
            match self.try_open() {
                Ok(file) => return Ok(file),
                Err(OpenError::Again) => std::thread::sleep(BETWEEN_TRIES),
                Err(OpenError::Log(error)) => return Err(error),
            }
        }
        Err(LogError::Busy(self.path.clone()))
    }

    fn try_open(&self) -> Result<File, OpenError> {
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let mut options = OpenOptions::new();
        options.read(true).append(true).custom_flags(flags);
        let file = match options.open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => self.create(&mut options)?,
            Err(error) => return Err(self.refused(error).into()),
        };
        let metadata = file
            .metadata()
            .map_err(|source| self.io("look at it", source))?;
        if !metadata.is_file() {
            return Err(LogError::NotRegular(self.path.clone()).into());
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::Again),
            Err(TryLockError::Error(source)) => return Err(self.io("lock it", source).into()),
        }
        // Between the two it may have been rotated away.
        let there = self.path.symlink_metadata().ok();
        let same = there
            .is_some_and(|there| there.dev() == metadata.dev() && there.ino() == metadata.ino());
        if same {
            Ok(file)
        } else {
            Err(OpenError::Again)
        }
    }

    fn create(&self, options: &mut OpenOptions) -> Result<File, OpenError> {
        let file = match options.create_new(true).mode(MODE).open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(OpenError::Again),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(LogError::NoFolder(self.folder().to_owned()).into());
            }
            Err(error) => return Err(self.refused(error).into()),
        };
        // Whatever the umask is.
        file.set_permissions(Permissions::from_mode(MODE))
            .and_then(|()| File::open(self.folder())?.sync_all())
            .map_err(|source| self.io("make it", source))?;
        Ok(file)
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// Puts a last line right that was not written to its end: cut off when it is the beginning of
    /// a line that is about to be written, ended otherwise. Returns the length of the log then.
    fn heal(&self, file: &File, lines: &[Line]) -> Result<u64, LogError> {
        let failed = |source| self.io("put its last line right", source);
        let whole = file.metadata().map_err(failed)?.len();
        // A power cut may leave room that was never filled.
        let mut length = whole;
        let mut window = [0; 2 * MOST_LINE];
        let tail = loop {
            let start = length.saturating_sub(window.len() as u64);
            let size = usize::try_from(length - start).unwrap_or(window.len());
            file.read_exact_at(&mut window[..size], start)
                .map_err(failed)?;
            match window[..size].iter().rposition(|byte| *byte != 0) {
                Some(last) => {
                    length = start + last as u64 + 1;
                    break &window[..=last];
                }
                None if start == 0 => return self.cut(file, whole, 0),
                // We write nothing beyond the largest size: so much of nothing is not searched.
                None if whole - start > MOST_ZEROS => length = start.min(self.max_size),
                None => length = start,
            }
        };
        if tail.ends_with(b"\n") {
            return self.cut(file, whole, length);
        }
        let start = tail
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let torn = &tail[start..];
        let ours = torn.len() < MOST_LINE
            && lines
                .iter()
                .any(|line| line.text.as_bytes().starts_with(torn));
        if ours {
            return self.cut(file, whole, length - torn.len() as u64);
        }
        let length = self.cut(file, whole, length)?;
        let mut file = file;
        file.write_all(b"\n").map_err(failed)?;
        Ok(length + 1)
    }

    fn cut(&self, file: &File, whole: u64, length: u64) -> Result<u64, LogError> {
        if length < whole {
            file.set_len(length)
                .map_err(|source| self.io("put its last line right", source))?;
        }
        Ok(length)
    }

    fn sync(&self, file: &File) -> Result<(), LogError> {
        file.sync_data()
            .map_err(|source| self.io("bring it to the disk", source))
    }

    fn refused(&self, source: io::Error) -> LogError {
        let is = |errno: rustix::io::Errno| source.raw_os_error() == Some(errno.raw_os_error());
        if is(rustix::io::Errno::LOOP) {
            LogError::Link(self.path.clone())
        } else if is(rustix::io::Errno::NXIO) || is(rustix::io::Errno::ISDIR) {
            LogError::NotRegular(self.path.clone())
        } else {
            self.io("open it", source)
        }
    }

    fn io(&self, what: &'static str, source: io::Error) -> LogError {
        LogError::Io {
            path: self.path.clone(),
            what,
            source,
        }
    }
}
