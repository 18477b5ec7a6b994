//! The file that a fetched list is put into: whole or not at all, and on the disk before it counts, so
//! that a router that starts without its manager watches what it watched before.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use document::file;
use rustix::fs::OFlags;

/// Like that of CloudStack's own file, whatever the daemon's umask.
const MODE: u32 = 0o644;

/// Whether the file holds exactly this. Not when it cannot be read.
pub(super) fn holds(path: &Path, text: &str) -> bool {
    let limit = text.len() as u64;
    file::read_within(path, limit).is_ok_and(|contents| contents.bytes == text.as_bytes())
}

/// Writes the text beside the file, and then renames it there.
///
/// # Errors
/// When the disk or the folder refuses; the file is as it was then.
pub(super) fn put(path: &Path, text: &str) -> io::Result<()> {
    let beside = beside(path)?;
    let written = write(&beside, text).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    // A link that somebody put there is not followed, and a pipe not waited for.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.set_permissions(Permissions::from_mode(MODE))?;
    file.sync_all()
}

/// Always the same name, so that what a kill leaves behind is written over the next time.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::other("this is no name of a file"))?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(".vrwatch");
    Ok(path.with_file_name(hidden))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_put_in_place_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("monitor.conf");
        assert!(!holds(&path, ""));
        fs::write(folder.path().join(".monitor.conf.vrwatch"), "half of a li").unwrap();
        for text in ["[a]\n", "", "[a]\npidfile=/run/a.pid\n"] {
            put(&path, text).unwrap();
            assert!(holds(&path, text) && !holds(&path, "[b]\n"));
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o7777, MODE);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_put_in_place_leaves_everything_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("monitor.conf");
        fs::create_dir(&path).unwrap();
        assert!(put(&path, "[a]\n").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(put(&folder.path().join("no/folder"), "").is_err());
        let other = folder.path().join("other");
        fs::write(&other, "precious").unwrap();
        std::os::unix::fs::symlink(&other, folder.path().join(".list.vrwatch")).unwrap();
        assert!(put(&folder.path().join("list"), "").is_err());
        assert_eq!(fs::read_to_string(&other).unwrap(), "precious");
    }
}
