//! Reads the small files that a sink's settings name: certificates, keys, secrets. Bounded, never
//! hanging on a pipe or a device, and strict about who may read a secret.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Why a file was not read. Never holds a part of its content.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system refuses.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A pipe, a device, a folder.
    #[error("{} is not a regular file", .0.display())]
    NotRegular(PathBuf),
    /// Longer than any such file is.
    #[error("{} is larger than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most it may hold; bytes.
        limit: u64,
    },
    /// Others may read a secret.
    #[error(
        "{} holds a secret, but others may read it (mode {mode:04o}): run chmod 0600 on it",
        path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
}

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// [`FileError`] says why it was not read.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    read_open(open(path)?, path, limit)
}

/// What tells a file from the one that was at its place before, and from what it held before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    file: (u64, u64),
    length: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl Version {
    fn of(metadata: &Metadata) -> Self {
        Self {
            file: (metadata.dev(), metadata.ino()),
            length: metadata.len(),
            written: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Opens a regular file of at most `limit` bytes, to be read piece by piece. What is read may be
/// newer than the version, never older.
pub(crate) fn reader(path: &Path, limit: u64) -> Result<(impl Read + use<>, Version), FileError> {
    let file = open(path)?;
    let metadata = file.metadata().map_err(|source| FileError::Io {
        path: path.into(),
        source,
    })?;
    if metadata.len() > limit {
        return Err(FileError::TooLarge {
            path: path.into(),
            limit,
        });
    }
    Ok((file.take(limit), Version::of(&metadata)))
}

/// Reads a file that only its owner may read.
///
/// # Errors
/// [`FileError`] says why it was not read.
pub fn read_secret(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let file = open(path)?;
    let mode = file
        .metadata()
        .map_err(|source| FileError::Io {
            path: path.into(),
            source,
        })?
        .mode()
        & 0o7777;
    if mode & 0o077 != 0 {
        return Err(FileError::Exposed {
            path: path.into(),
            mode,
        });
    }
    read_open(file, path, limit)
}

/// Replaces a file of ours as a whole, and has it on disk; makes its folder. What somebody put in the
/// place of the new file (a link, a pipe) is neither followed nor waited for.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    File::open(folder)?.sync_all()
}

/// Opens a regular file. `O_NONBLOCK`: a FIFO must not hold us up before it is refused.
fn open(path: &Path) -> Result<File, FileError> {
    let io = |source| FileError::Io {
        path: path.into(),
        source,
    };
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(nonblocking)
        .open(path)
        .map_err(io)?;
    if file.metadata().map_err(io)?.is_file() {
        Ok(file)
    } else {
        Err(FileError::NotRegular(path.into()))
    }
}

fn read_open(file: File, path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let mut content = Vec::new();
    file.take(limit + 1)
        .read_to_end(&mut content)
        .map_err(|source| FileError::Io {
            path: path.into(),
            source,
        })?;
    if content.len() as u64 > limit {
        return Err(FileError::TooLarge {
            path: path.into(),
            limit,
        });
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_secret_that_others_may_read_is_refused_without_showing_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "hunter2").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let error = read_secret(&path, 100).unwrap_err();
        assert!(error.to_string().contains("mode 0640"), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read_secret(&path, 100).unwrap(), b"hunter2");
    }

    #[test]
    fn a_link_or_a_pipe_where_a_new_file_is_written_is_neither_followed_nor_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sinks/engine");
        replace(&path, b"first").unwrap();
        let (fresh, victim) = (
            folder.path().join("sinks/engine.new"),
            folder.path().join("v"),
        );
        fs::write(&victim, "mine").unwrap();
        symlink(&victim, &fresh).unwrap();
        replace(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read(&victim).unwrap(), b"mine");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fresh, rustix::fs::Mode::RWXU).unwrap();
        replace(&path, b"third").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"third");
        assert!(!fresh.exists());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_device_a_folder_and_a_huge_file_are_refused_at_once() {
        assert!(matches!(
            read(Path::new("/dev/zero"), 10),
            Err(FileError::NotRegular(_))
        ));
        assert!(matches!(
            read(Path::new("/"), 10),
            Err(FileError::NotRegular(_))
        ));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        fs::write(&path, "x".repeat(11)).unwrap();
        assert!(matches!(read(&path, 10), Err(FileError::TooLarge { .. })));
    }
}
