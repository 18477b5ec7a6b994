//! The hold-off file of minimal mode, in the format of CloudStack's own monitor: which services were
//! given up, and since when. `dhcp:1795348044,loadbalancing:1795348044,`: the section's name and the
//! Unix time in seconds at which the hold-off began.
//!
//! It is read leniently, since other programs write it too, and written so that a crash leaves
//! either the old or the new.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use document::Problem;
use document::file::{self, ReadError};
use monitor::config::{MOST_SERVICES, Name};

/// When each held-off service was given up, in Unix seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HoldOffs(pub(crate) BTreeMap<String, u64>);

impl HoldOffs {
    /// Reads the file; absent means none. What cannot be understood is passed over and counted in
    /// one warning, and times after `now` (Unix seconds) count as now, so that a clock that was
    /// wrong delays nothing.
    ///
    /// # Errors
    /// The file is there but cannot be read, or is no regular file of bounded size.
    pub(crate) fn read(path: &Path, now: u64) -> Result<(Self, Option<Problem>), Problem> {
        let bytes = match file::read(path) {
            Ok(contents) => contents.bytes,
            Err(ReadError::Absent) => return Ok((Self::default(), None)),
            Err(ReadError::Unusable(problem)) => return Err(problem),
        };
        let (held, passed_over) = Self::parse(&bytes, now);
        let warning = (passed_over > 0).then(|| {
            let message = format!("{passed_over} entries are no hold-offs and are passed over");
            Problem::of_file(path, message).hint("the file is written anew")
        });
        Ok((held, warning))
    }

    /// The hold-offs, and how many entries are none.
    fn parse(bytes: &[u8], now: u64) -> (Self, usize) {
        let mut began = BTreeMap::new();
        let mut passed_over = 0;
        for entry in bytes.split(|byte| *byte == b',' || *byte == b'\n') {
            let parts = std::str::from_utf8(entry)
                .ok()
                .and_then(|entry| entry.rsplit_once(':'));
            let Some((name, since)) = parts else {
                passed_over += usize::from(!entry.trim_ascii().is_empty());
                continue;
            };
            let name = name.trim().to_owned();
            let (Ok(_), Ok(since)) = (Name::try_from(name.clone()), since.trim().parse::<u64>())
            else {
                passed_over += 1;
                continue;
            };
            if began.len() < MOST_SERVICES || began.contains_key(&name) {
                let latest = began.entry(name).or_insert(0);
                *latest = since.min(now).max(*latest);
            }
        }
        (Self(began), passed_over)
    }

    /// Replaces the file as a whole, mode 0644; without hold-offs there is no file, as in the
    /// original.
    ///
    /// # Errors
    /// What the file system says, or that something else has this name; what was there before is
    /// then still there.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        match fs::metadata(path) {
            Ok(found) if !found.is_file() => {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    "something that is no regular file has this name; it is left alone",
                ));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        if self.0.is_empty() {
            return match fs::remove_file(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                other => other,
            };
        }
        let beside = beside(path)?;
        // A crash may have left one; what it holds is worth nothing.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let written = self
            .write_new(&beside)
            .and_then(|()| fs::rename(&beside, path));
        if let Err(error) = written {
            // The first error is the one to tell.
            let _ = fs::remove_file(&beside);
            return Err(error);
        }
        fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    fn write_new(&self, path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        let text: String = self
            .0
            .iter()
            .flat_map(|(name, since)| [name.clone(), format!(":{since},")])
            .collect();
        file.write_all(text.as_bytes())?;
        file.set_permissions(fs::Permissions::from_mode(0o644))?;
        file.sync_all()
    }
}

/// `.NAME.new` in the same folder.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(".new");
    Ok(path.with_file_name(hidden))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &[u8]) -> Vec<(String, u64)> {
        HoldOffs::parse(text, 1_795_350_000)
            .0
            .0
            .into_iter()
            .collect()
    }

    fn pairs(pairs: &[(&str, u64)]) -> Vec<(String, u64)> {
        pairs
            .iter()
            .map(|(name, since)| ((*name).to_owned(), *since))
            .collect()
    }

    #[test]
    fn the_originals_format_is_read() {
        assert_eq!(
            parsed(b"dhcp:1795348044,loadbalancing:1795348045,"),
            pairs(&[("dhcp", 1_795_348_044), ("loadbalancing", 1_795_348_045)])
        );
    }

    #[test]
    fn garbage_is_passed_over_and_the_rest_is_read() {
        for (text, expected) in [
            (&b""[..], vec![]),
            (b",,,\n,", vec![]),
            (
                b" dhcp : 17 \n, ssh:18\n",
                pairs(&[("dhcp", 17), ("ssh", 18)]),
            ),
            (b"dhcp:x,ssh:18", pairs(&[("ssh", 18)])),
            (b"dhcp,:5,ssh:18:,ssh:18", pairs(&[("ssh", 18)])),
            (b"dhcp:-5,ssh:99999999999999999999999", vec![]),
            (b"\xff\xfe:5,ssh:18,\0:4", pairs(&[("ssh", 18)])),
            (b"../x:5,a b:6", vec![]),
            (b"dhcp:7,dhcp:9,dhcp:8", pairs(&[("dhcp", 9)])),
            (b"dhcp:99999999999", pairs(&[("dhcp", 1_795_350_000)])),
        ] {
            assert_eq!(parsed(text), expected, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn what_is_written_is_what_the_original_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("unmonit_psList.txt");
        let held = HoldOffs(pairs(&[("dhcp", 17), ("ssh", 18)]).into_iter().collect());
        held.write(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"dhcp:17,ssh:18,");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
            0o644
        );
        assert_eq!(HoldOffs::read(&path, 100).unwrap(), (held, None));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        HoldOffs::default().write(&path).unwrap();
        assert!(!path.exists());
        HoldOffs::default().write(&path).unwrap();
        assert_eq!(
            HoldOffs::read(&path, 100).unwrap(),
            (HoldOffs::default(), None)
        );
    }

    #[test]
    fn rubbish_is_told_once_however_much_of_it_there_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        fs::write(&path, "nonsense,ssh:18,x:y,\n,").unwrap();
        let (held, warning) = HoldOffs::read(&path, 100).unwrap();
        assert_eq!(held.0.len(), 1);
        assert_eq!(
            warning.unwrap().message,
            "2 entries are no hold-offs and are passed over"
        );
    }

    #[test]
    fn a_fifo_in_its_place_is_left_alone() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        assert!(HoldOffs::read(&path, 1).is_err());
        for held in [
            HoldOffs::default(),
            HoldOffs(pairs(&[("ssh", 1)]).into_iter().collect()),
        ] {
            let refused = held.write(&path).unwrap_err();
            assert!(refused.to_string().contains("left alone"), "{refused}");
        }
        assert!(path.exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_left_over_of_a_crash_is_in_nobodys_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        let outside = folder.path().join("outside");
        fs::write(&outside, "precious").unwrap();
        std::os::unix::fs::symlink(&outside, folder.path().join(".list.new")).unwrap();
        let held = HoldOffs(pairs(&[("dhcp", 17)]).into_iter().collect());
        held.write(&path).unwrap();
        assert_eq!(fs::read(&outside).unwrap(), b"precious");
        assert_eq!(fs::read(&path).unwrap(), b"dhcp:17,");
    }

    #[test]
    fn a_folder_in_its_place_is_refused_in_words_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let problem = HoldOffs::read(folder.path(), 1).unwrap_err();
        assert_eq!(problem.message, "is a directory, not a regular file");
        let held = HoldOffs(pairs(&[("dhcp", 17)]).into_iter().collect());
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        assert!(held.write(&inner).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            HoldOffs::parse(&bytes, 5);
        }

        #[test]
        fn nearly_right_text_makes_no_future_hold_off(text in "([a-z]{0,3}:[0-9]{0,22},?){0,9}") {
            let (held, _) = HoldOffs::parse(text.as_bytes(), 5);
            prop_assert!(held.0.values().all(|since| *since <= 5));
        }
    }
}
