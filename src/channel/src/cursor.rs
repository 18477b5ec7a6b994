//! How far each sink has come, one small file a sink: written beside and renamed, with a checksum.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::segment;

/// More cursors than this are not looked at.
const MAX_CURSORS: usize = 256;

/// The longest file name made from a sink's name, in bytes.
const MAX_FILE_NAME: usize = 128;

/// What a cursor's file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cursor {
    /// There is none: the sink is new.
    Missing,
    /// The sink has everything up to this sequence number.
    At(u64),
    /// There is one, but it cannot be believed.
    Corrupt,
}

/// The folder of all cursors below the directory.
pub(crate) fn folder(directory: &Path) -> PathBuf {
    directory.join("cursors")
}

/// The file of a sink's cursor. Whatever the name holds, the file lies in the cursors' folder, and
/// no two names share one.
pub(crate) fn path(directory: &Path, sink: &str) -> PathBuf {
    let mut name = String::new();
    for byte in sink.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' {
            name.push(char::from(byte));
        } else {
            name.extend(['%', hex_digit(byte >> 4), hex_digit(byte & 15)]);
        }
    }
    if name.is_empty() || name.len() > MAX_FILE_NAME {
        name.truncate(MAX_FILE_NAME);
        name.push('%');
        name.push_str(&crc32fast::hash(sink.as_bytes()).to_string());
    }
    folder(directory).join(name)
}

fn hex_digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or('0')
}

/// What every cursor says that can be believed; of a folder that is too full, some.
pub(crate) fn all(directory: &Path) -> Vec<u64> {
    let Ok(entries) = fs::read_dir(folder(directory)) else {
        return Vec::new();
    };
    entries
        .flatten()
        .take(MAX_CURSORS)
        .filter_map(|entry| match read(&entry.path()) {
            Cursor::At(seq) => Some(seq),
            Cursor::Missing | Cursor::Corrupt => None,
        })
        .collect()
}

/// Reads a cursor. One that cannot be read is corrupt: repeating is better than losing.
pub(crate) fn read(path: &Path) -> Cursor {
    match segment::open(path) {
        Ok(None) if path.symlink_metadata().is_err() => Cursor::Missing,
        Ok(Some(file)) => {
            let mut text = String::new();
            let read = file.take(256).read_to_string(&mut text).ok();
            read.and_then(|_| parse(&text))
                .map_or(Cursor::Corrupt, Cursor::At)
        }
        Ok(None) | Err(_) => Cursor::Corrupt,
    }
}

/// Writes a cursor so that after a crash there is the old or the new one, whole.
///
/// # Errors
/// When the system refuses; then the old one stands.
pub(crate) fn write(path: &Path, seq: u64) -> io::Result<()> {
    let beside = path.with_extension("tmp");
    if let Some(folder) = path.parent() {
        segment::make_folder(folder)?;
    }
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = segment::create(&beside)?;
    file.write_all(format(seq).as_bytes())?;
    file.sync_data()?;
    fs::rename(&beside, path)?;
    path.parent().map_or(Ok(()), segment::sync_folder)
}

fn format(seq: u64) -> String {
    let line = format!("seq {seq}");
    format!("{line}\ncrc {:08x}\n", crc32fast::hash(line.as_bytes()))
}

fn parse(text: &str) -> Option<u64> {
    let seq = text.lines().next()?.strip_prefix("seq ")?.parse().ok()?;
    (text == format(seq)).then_some(seq)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_believed_only_when_every_byte_of_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("local");
        assert_eq!(read(&path), Cursor::Missing);
        write(&path, 17).unwrap();
        write(&path, 18).unwrap();
        assert_eq!(read(&path), Cursor::At(18));
        let good = fs::read(&path).unwrap();
        for bit in 0..good.len() * 8 {
            let mut flipped = good.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &flipped).unwrap();
            assert_eq!(read(&path), Cursor::Corrupt, "bit {bit}");
        }
        for length in 0..good.len() {
            fs::write(&path, &good[..length]).unwrap();
            assert_eq!(read(&path), Cursor::Corrupt, "length {length}");
        }
    }

    #[test]
    fn a_folder_or_a_link_in_place_of_a_cursor_is_corrupt_and_never_followed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        write(&target, 9).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert_eq!(read(&link), Cursor::Corrupt);
        assert_eq!(read(folder.path()), Cursor::Corrupt);
    }

    #[test]
    fn no_name_of_a_sink_leads_out_of_the_folder_or_onto_another_cursor() {
        let directory = Path::new("/d");
        let long = "x".repeat(500);
        let names = [
            "local",
            "Local",
            "",
            ".",
            "..",
            "../../etc/passwd",
            "a/b",
            "a%2fb",
            "a.tmp",
            "\0",
            "é",
            &long,
        ];
        let mut paths: Vec<_> = names.iter().map(|name| path(directory, name)).collect();
        for path in &paths {
            assert_eq!(path.parent(), Some(Path::new("/d/cursors")));
            assert!(path.file_name().is_some_and(|name| name.len() < 200));
        }
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), names.len());
    }
}
