//! The pinned host keys: one file in ssh's own format, every key under the router's name (addresses
//! pass from one router to the next) or its host's address. ssh checks and adds; this module finds,
//! adds what was learnt through a host, and forgets.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The largest file that is read, in bytes: a hundred thousand keys.
const LARGEST: u64 = 32 << 20;
/// The most keys that one name has: more than there are kinds.
const MOST_KEYS: usize = 16;
/// The longest key, in characters; RSA of 16384 bits has fewer.
const LONGEST_KEY: usize = 4096;

/// A host key: its kind and itself, as ssh writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostKey {
    kind: String,
    key: String,
}

impl HostKey {
    /// The line that pins this key to `name`.
    #[must_use]
    pub fn line(&self, name: &str) -> String {
        format!("{name} {} {}\n", self.kind, self.key)
    }
}

/// Reads a line of `known_hosts` or of ssh-keyscan: the names, and the key. `None` for comments,
/// markers and what is no key.
fn parse(line: &str) -> Option<(&str, HostKey)> {
    let mut fields = line.split_ascii_whitespace();
    let (names, kind, key) = (fields.next()?, fields.next()?, fields.next()?);
    let kind_is_plain = kind
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || "@.-".contains(letter));
    let key_is_plain = key
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || "+/=".contains(letter));
    let sound = !names.starts_with(['#', '@']) && kind_is_plain && key_is_plain;
    (sound && kind.len() <= 64 && key.len() <= LONGEST_KEY).then(|| {
        let key = HostKey {
            kind: kind.to_owned(),
            key: key.to_owned(),
        };
        (names, key)
    })
}

/// The keys that a scan found, whatever name it gave them.
#[must_use]
pub fn scanned(text: &str) -> Vec<HostKey> {
    let keys = text.lines().filter_map(parse).map(|(_, key)| key);
    keys.take(MOST_KEYS).collect()
}

/// The keys pinned to `name`.
///
/// # Errors
/// When the file is there but cannot be read.
pub fn pinned(file: &Path, name: &str) -> io::Result<Vec<HostKey>> {
    let lines = read(file)?;
    let keys = lines
        .lines()
        .filter_map(parse)
        .filter(|(names, _)| names.split(',').any(|one| one.eq_ignore_ascii_case(name)));
    Ok(keys.map(|(_, key)| key).take(MOST_KEYS).collect())
}

/// Makes the file when it is not there, so that ssh can add to it: ssh only grumbles when it cannot,
/// and would take any key the next time.
///
/// # Errors
/// When it cannot be made, or not be written.
pub fn ensure(file: &Path) -> io::Result<()> {
    appending(file).map(drop)
}

/// Pins keys to `name`.
///
/// # Errors
/// When they cannot be written.
pub fn pin(file: &Path, name: &str, keys: &[HostKey]) -> io::Result<()> {
    let lines: String = keys.iter().map(|key| key.line(name)).collect();
    let mut file = appending(file)?;
    // One write: others append to the same file.
    file.write_all(lines.as_bytes())?;
    file.sync_data()
}

/// Forgets the keys of `name`: of a router that was made anew. Says whether there were any.
///
/// # Errors
/// When the file cannot be read, or not be written anew.
pub fn forget(file: &Path, name: &str) -> io::Result<bool> {
    let text = read(file)?;
    let (mut kept, mut found) = (String::with_capacity(text.len()), false);
    for line in text.split_inclusive('\n') {
        match parse(line) {
            Some((names, key)) if names.split(',').any(|one| one.eq_ignore_ascii_case(name)) => {
                found = true;
                let others: Vec<&str> = names
                    .split(',')
                    .filter(|one| !one.eq_ignore_ascii_case(name))
                    .collect();
                if !others.is_empty() {
                    kept.push_str(&key.line(&others.join(",")));
                }
            }
            _ => kept.push_str(line),
        }
    }
    if found {
        let folder = file.parent().unwrap_or(Path::new("/"));
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        new.write_all(kept.as_bytes())?;
        new.as_file().sync_all()?;
        new.persist(file)?;
    }
    Ok(found)
}

fn appending(file: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(file)
}

fn read(file: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    match File::open(file) {
        Ok(file) => file.take(LARGEST + 1).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LARGEST {
        let problem = format!("it is larger than {LARGEST} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::{forget, pin, pinned, scanned};

    #[test]
    fn keys_are_found_under_their_name_and_forgotten_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("known_hosts");
        let keys = scanned(
            "# 10.1.1.1:3922 SSH-2.0-OpenSSH\n[10.1.1.1]:3922 ssh-ed25519 AAAAC3Nz\n[10.1.1.1]:3922 ssh-rsa AAAAB3==\n",
        );
        assert_eq!(keys.len(), 2);
        assert_eq!(pinned(&file, "r-1-VM").unwrap(), []);
        pin(&file, "r-1-VM", &keys).unwrap();
        pin(&file, "r-10-VM,r-1-VM", &keys[..1]).unwrap();
        assert_eq!(pinned(&file, "r-1-VM").unwrap().len(), 3);
        assert_eq!(pinned(&file, "r-1").unwrap(), []);
        assert!(forget(&file, "R-1-vm").unwrap());
        assert_eq!(pinned(&file, "r-1-VM").unwrap(), []);
        assert_eq!(pinned(&file, "r-10-VM").unwrap(), keys[..1]);
        assert!(!forget(&file, "r-1-VM").unwrap());
    }

    #[test]
    fn what_a_scan_says_can_smuggle_nothing_into_the_file() {
        let nasty =
            "x ssh-ed25519 AAAA;rm\nx ssh\u{1b}[0m AAAA\n@cert-authority * ssh-rsa AAAA\nx y\n";
        assert_eq!(scanned(nasty), []);
    }
}
