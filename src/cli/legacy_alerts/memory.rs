//! Which stamps were handed out for which events. The server comes back with one of them, and with
//! this the answer goes on behind that very event, whatever the clock did and whatever has left the
//! journal since. Without it stamps are compared, which is as good while the journal is whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::stamps::Stamp;

/// How many are remembered. One server asks with the last; the rest is for servers that did not get
/// the answer, for several of them, and for people who try it by hand.
const MOST: usize = 64;
/// A larger file than this is not ours; bytes.
const LARGEST: u64 = 64 * 1024;

/// The last stamp of an answer, and the event that has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Given {
    pub(super) stamp: Stamp,
    pub(super) seq: u64,
    pub(super) id: String,
}

/// What was handed out, the latest last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Memory {
    given: Vec<Given>,
}

impl Memory {
    /// What is remembered in this folder; nothing when that cannot be read.
    pub(super) fn read(directory: &Path) -> Self {
        let read = || -> io::Result<Self> {
            let mut text = Vec::new();
            open(&file(directory), OpenOptions::new().read(true))?
                .take(LARGEST)
                .read_to_end(&mut text)?;
            Ok(serde_json::from_slice(&text)?)
        };
        read().unwrap_or_default()
    }

    /// The event that was handed out with this stamp.
    pub(super) fn of(&self, stamp: Stamp) -> Option<&Given> {
        self.given.iter().find(|given| given.stamp == stamp)
    }

    /// The last that was handed out up to this stamp.
    pub(super) fn up_to(&self, stamp: Stamp) -> Option<&Given> {
        self.given
            .iter()
            .filter(|given| given.stamp <= stamp)
            .max_by_key(|given| given.stamp)
    }

    /// All of it, in the order of the journal.
    pub(super) fn in_order(&self) -> Vec<&Given> {
        let mut given: Vec<_> = self.given.iter().collect();
        given.sort_by_key(|given| (given.seq, given.stamp));
        given
    }

    /// Notes an answer to whoever asked with the stamp `asked`.
    pub(super) fn note(&mut self, asked: Stamp, given: Given) {
        if let Some(at) = self.given.iter().position(|given| given.stamp == asked) {
            // The one that is asked with is the last to be forgotten.
            let asked = self.given.remove(at);
            self.given.push(asked);
        }
        self.given.retain(|before| before.stamp != given.stamp);
        self.given.push(given);
        let surplus = self.given.len().saturating_sub(MOST);
        self.given.drain(..surplus);
    }

    /// Keeps it in this folder: beside, then renamed.
    ///
    /// # Errors
    /// When the system refuses, or another command does the same right now; then the old one
    /// stands.
    pub(super) fn write(&self, directory: &Path) -> io::Result<()> {
        let path = file(directory);
        let beside = path.with_extension("tmp");
        let mut file = open(
            &beside,
            OpenOptions::new().write(true).create(true).mode(0o600),
        )?;
        file.try_lock()?;
        let (mine, there) = (file.metadata()?, beside.symlink_metadata()?);
        if (mine.dev(), mine.ino()) != (there.dev(), there.ino()) {
            return Err(io::Error::other("another command was quicker"));
        }
        file.set_len(0)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_data()?;
        fs::rename(&beside, &path)?;
        File::open(directory)?.sync_all()
    }
}

fn file(directory: &Path) -> PathBuf {
    directory.join("legacy-alerts.json")
}

/// Opens a regular file; a link is not followed and a pipe holds nothing up.
fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = options.custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("no regular file"))
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (date, time) = text.split_once(' ').unwrap_or_default();
        match Self::parse(date, time) {
            Self::NOTHING_YET => Err(de::Error::custom("no stamp")),
            stamp => Ok(stamp),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(second: u8) -> Stamp {
        Stamp::parse("2026-11-22", &format!("11:47:{second:02}"))
    }

    fn given(second: u8) -> Given {
        Given {
            stamp: stamp(second),
            seq: u64::from(second),
            id: format!("event-{second}"),
        }
    }

    #[test]
    fn what_was_handed_out_is_remembered_across_commands() {
        let folder = tempfile::tempdir().unwrap();
        let mut memory = Memory::read(folder.path());
        memory.note(Stamp::NOTHING_YET, given(1));
        memory.note(stamp(1), given(2));
        memory.write(folder.path()).unwrap();
        memory.write(folder.path()).unwrap();
        let again = Memory::read(folder.path());
        assert_eq!(again, memory);
        assert_eq!(again.of(stamp(2)), Some(&given(2)));
        assert_eq!(again.of(stamp(3)), None);
    }

    #[test]
    fn the_oldest_are_forgotten_but_not_the_one_that_is_asked_with() {
        let mut memory = Memory::default();
        memory.note(Stamp::NOTHING_YET, given(0));
        for round in 0..5 {
            for second in 1..60 {
                memory.note(stamp(0), given(second));
                let mut later = given(second);
                later.stamp = Stamp::parse("2027-01-01", &format!("0{round}:00:{second:02}"));
                memory.note(stamp(0), later);
            }
        }
        assert_eq!(memory.given.len(), MOST);
        assert_eq!(memory.of(stamp(0)), Some(&given(0)));
    }

    #[test]
    fn a_damaged_or_strange_file_is_no_memory_and_never_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path());
        for text in [
            "",
            "{",
            "{\"given\":[{\"stamp\":\"x\",\"seq\":1,\"id\":\"\"}]}",
            "\u{7f}",
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(Memory::read(folder.path()), Memory::default());
        }
        fs::remove_file(&path).unwrap();
        let elsewhere = folder.path().join("elsewhere");
        let mut memory = Memory::default();
        memory.note(Stamp::NOTHING_YET, given(1));
        fs::write(&elsewhere, serde_json::to_vec(&memory).unwrap()).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        assert_eq!(Memory::read(folder.path()), Memory::default());
        std::os::unix::fs::symlink(&elsewhere, path.with_extension("tmp")).unwrap();
        assert!(Memory::default().write(folder.path()).is_err());
        assert!(fs::read(&elsewhere).unwrap().len() > 20);
    }
}
