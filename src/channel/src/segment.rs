//! The segments' names and how they are found and opened. A name is the first sequence number that
//! the segment may hold; a segment that repeats the end of a broken one carries a rising suffix.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// More segments than this are not looked at: the oldest are passed over.
const MAX_SEGMENTS: usize = 8192;

/// A segment's name; the order of names is the order of segments.
///
/// Every event from `first` on is in this segment or in a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) first: u64,
    pub(crate) generation: u32,
}

impl Name {
    pub(crate) const fn new(first: u64) -> Self {
        Self {
            first,
            generation: 0,
        }
    }

    /// The next name that sorts behind this one without claiming later events.
    pub(crate) const fn successor(self) -> Self {
        Self {
            first: self.first,
            generation: self.generation.saturating_add(1),
        }
    }

    fn parse(name: &str) -> Option<Self> {
        let stem = name.strip_suffix(".log")?;
        let (first, generation) = match stem.split_once('-') {
            Some((first, generation)) => (first, Some(generation)),
            None => (stem, None),
        };
        if first.len() != 20 || !first.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let name = Self {
            // The highest bit stays free, so that counting on from a name never overflows.
            first: first.parse().ok().filter(|first| *first <= u64::MAX / 2)?,
            generation: generation.map_or(Some(0), |text| text.parse().ok())?,
        };
        (name.file_name() == format!("{stem}.log")).then_some(name)
    }

    fn file_name(self) -> String {
        if self.generation == 0 {
            format!("{:020}.log", self.first)
        } else {
            format!("{:020}-{}.log", self.first, self.generation)
        }
    }

    pub(crate) fn path(self, journal: &Path) -> PathBuf {
        journal.join(self.file_name())
    }
}

/// The journal's folder below the directory.
pub(crate) fn journal_folder(directory: &Path) -> PathBuf {
    directory.join("journal")
}

/// Every segment, in order.
///
/// # Errors
/// When the folder cannot be read.
pub(crate) fn list(journal: &Path) -> io::Result<Vec<Name>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(journal)? {
        if let Some(name) = entry?.file_name().to_str().and_then(Name::parse) {
            names.push(name);
        }
    }
    names.sort_unstable();
    if names.len() > MAX_SEGMENTS {
        names.drain(..names.len() - MAX_SEGMENTS);
    }
    Ok(names)
}

/// Opens a regular file for reading; `None` when it is gone or something else. A FIFO does not
/// block and a link is not followed.
///
/// # Errors
/// When the system refuses for another reason.
pub(crate) fn open(path: &Path) -> io::Result<Option<File>> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path);
    match opened {
        Ok(file) => Ok(file.metadata()?.is_file().then_some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error)
            if [
                rustix::io::Errno::LOOP.raw_os_error(),
                rustix::io::Errno::NXIO.raw_os_error(),
            ]
            .contains(&error.raw_os_error().unwrap_or(0)) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Makes a file that did not exist, for appending, readable by its owner alone.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Makes a folder for its owner alone, unless it exists.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).recursive(true).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made,
    }
}

/// Makes names in a folder last.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_they_were_written_and_foreign_files_are_no_segments() {
        let name = Name::new(17);
        assert_eq!(name.file_name(), "00000000000000000017.log");
        assert_eq!(Name::parse(&name.file_name()), Some(name));
        let again = name.successor();
        assert_eq!(again.file_name(), "00000000000000000017-1.log");
        assert_eq!(Name::parse(&again.file_name()), Some(again));
        assert!(name < again && again < Name::new(18));
        for foreign in [
            "17.log",
            "00000000000000000017.log.tmp",
            "0000000000000000001x.log",
            "18446744073709551615.log",
            "99999999999999999999.log",
            "00000000000000000017-0.log",
            "00000000000000000017-01.log",
            "00000000000000000017-.log",
            "+0000000000000000017.log",
            ".log",
        ] {
            assert_eq!(Name::parse(foreign), None, "{foreign}");
        }
    }
}
