//! Reads a configuration file without ever hanging or filling the memory: only a regular file of
//! bounded size is read, and what anyone may write to is said.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use contract::human;
use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::problem::Problem;

/// The largest configuration file that is read, in bytes.
pub const LARGEST: u64 = 1024 * 1024;

/// What reading a file gave.
#[derive(Debug)]
pub struct Contents {
    /// Its bytes, as many as were allowed.
    pub bytes: Vec<u8>,
    /// A doubt about its permissions.
    pub warning: Option<Problem>,
}

/// Why a file was not read.
#[derive(Debug)]
pub enum ReadError {
    /// There is none.
    Absent,
    /// There is one that cannot be used.
    Unusable(Problem),
}

/// Reads a whole regular file of at most [`LARGEST`] bytes.
///
/// # Errors
/// [`ReadError`] when there is none, or none that can be used.
pub fn read(path: &Path) -> Result<Contents, ReadError> {
    read_within(path, LARGEST)
}

/// Reads a whole regular file of at most `limit` bytes.
///
/// # Errors
/// [`ReadError`] when there is none, or none that can be used.
pub fn read_within(path: &Path, limit: u64) -> Result<Contents, ReadError> {
    let stat = rustix::fs::stat(path).map_err(|errno| failed(path, errno))?;
    check(path, &stat, limit)?;
    // Between the two looks the file may have been swapped: not to wait on a FIFO takes NONBLOCK,
    // and the second look decides.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| failed(path, errno))?;
    let stat = rustix::fs::fstat(&file).map_err(|errno| failed(path, errno))?;
    check(path, &stat, limit)?;
    let mut bytes = Vec::new();
    File::from(file)
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unusable(path, format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > limit {
        let limit = human::Size(limit);
        return Err(unusable(
            path,
            format!("grows beyond {limit} while it is read"),
        ));
    }
    let mode = Mode::from_raw_mode(stat.st_mode);
    let warning = mode.contains(Mode::WOTH).then(|| {
        Problem::of_file(path, "anyone may write to it")
            .hint(format!("run `chmod o-w {}`", path.display()))
    });
    Ok(Contents { bytes, warning })
}

fn check(path: &Path, stat: &Stat, limit: u64) -> Result<(), ReadError> {
    let what = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {
            let size = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
            return if size > limit {
                Err(unusable(
                    path,
                    format!(
                        "is {size} bytes long, and no more than {} is read",
                        human::Size(limit)
                    ),
                ))
            } else {
                Ok(())
            };
        }
        FileType::Directory => "a directory",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        _ => "something else",
    };
    Err(unusable(path, format!("is {what}, not a regular file")))
}

fn failed(path: &Path, errno: Errno) -> ReadError {
    if errno == Errno::NOENT {
        ReadError::Absent
    } else {
        unusable(
            path,
            format!("cannot be opened: {}", io::Error::from(errno)),
        )
    }
}

fn unusable(path: &Path, message: impl Into<String>) -> ReadError {
    ReadError::Unusable(Problem::of_file(path, message))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn message(path: &Path) -> String {
        match read(path) {
            Err(ReadError::Unusable(problem)) => problem.message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_no_regular_file_is_refused_in_words_without_hanging() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(message(folder.path()), "is a directory, not a regular file");
        let fifo = folder.path().join("fifo");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &fifo,
            FileType::Fifo,
            Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        assert_eq!(message(&fifo), "is a FIFO, not a regular file");
        assert_eq!(
            message(Path::new("/dev/zero")),
            "is a device, not a regular file"
        );
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert_eq!(message(&socket), "is a socket, not a regular file");
        let turn = folder.path().join("loop");
        std::os::unix::fs::symlink(&turn, &turn).unwrap();
        assert!(message(&turn).starts_with("cannot be opened: "));
    }

    #[test]
    fn a_hundred_megabytes_are_refused_by_their_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("big");
        File::create(&path).unwrap().set_len(100_000_000).unwrap();
        assert_eq!(
            message(&path),
            "is 100000000 bytes long, and no more than 1MiB is read"
        );
    }

    #[test]
    fn a_file_that_anyone_may_write_to_is_read_with_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("open");
        std::fs::write(&path, "x").unwrap();
        assert_eq!(read(&path).unwrap().warning, None);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        let contents = read(&path).unwrap();
        assert_eq!(contents.bytes, b"x");
        assert_eq!(contents.warning.unwrap().message, "anyone may write to it");
    }

    #[test]
    fn an_absent_file_is_told_from_an_unusable_one() {
        assert!(matches!(
            read(Path::new("/nonexistent/file")),
            Err(ReadError::Absent)
        ));
    }
}
