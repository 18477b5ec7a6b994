//! Finds out which of a batch's events the log tells already. Reads in pieces: whoever puts a huge
//! file or an endless line there costs time, not memory.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use super::line::{self, Line, MOST_LINE};

/// Ids of events.
pub(super) type Ids = HashSet<String>;

/// How much is read at once, in bytes.
const WINDOW: usize = 64 * 1024;

/// The ids of these lines' events that are in the last `limit` bytes of one of the files. A file that is
/// not there, or no regular one, tells nothing.
pub(super) fn ids(files: &[&Path], limit: u64, lines: &[Line]) -> io::Result<Ids> {
    let wanted: HashSet<&str> = lines
        .iter()
        .flat_map(|line| line.ids.iter().map(String::as_str))
        .collect();
    let mut held = Ids::new();
    for file in files {
        search(file, limit, |line| {
            held.extend(
                line::ids(line)
                    .filter(|id| wanted.contains(id))
                    .map(str::to_owned),
            );
        })?;
    }
    Ok(held)
}

/// Calls `with` for every whole line.
fn search(path: &Path, limit: u64, mut with: impl FnMut(&str)) -> io::Result<()> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let mut file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(());
    }
    file.seek(SeekFrom::Start(metadata.len().saturating_sub(limit)))?;
    let mut reader = BufReader::with_capacity(WINDOW, file.take(limit));
    let mut line = Vec::with_capacity(MOST_LINE);
    let mut too_long = false;
    loop {
        let window = reader.fill_buf()?;
        if window.is_empty() {
            return Ok(());
        }
        let size = window.len();
        for piece in window.split_inclusive(|byte| *byte == b'\n') {
            if line.len() + piece.len() > MOST_LINE {
                too_long = true;
            } else {
                line.extend_from_slice(piece);
            }
            if piece.ends_with(b"\n") {
                if !too_long && let Ok(text) = std::str::from_utf8(&line[..line.len() - 1]) {
                    with(text);
                }
                line.clear();
                too_long = false;
            }
        }
        reader.consume(size);
    }
}
