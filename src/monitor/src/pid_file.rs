//! Reads a pid file and trusts nothing about it: whoever may write there could have put a pipe, a
//! device, a loop of links or a gigabyte in its place. Reading never blocks and never takes more
//! than 4 KiB.

use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

/// The longest pid file that is read, in bytes.
const MAX_BYTES: usize = 4096;

/// The most pids that are taken from one file; haproxy's has one a process.
const MAX_PIDS: usize = 64;

/// The greatest pid. Source: `PID_MAX_LIMIT`, proc(5).
const MAX_PID: u32 = 4_194_304;

/// What a pid file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PidFile {
    /// There is none, or only a link to nowhere.
    Missing,
    /// There is something, but no process can be learnt from it; says why, in words that follow
    /// "the pid file cannot be used:".
    Unusable(String),
    /// The pids in it, in order, at least one, none of them zero.
    Pids(Vec<u32>),
}

/// Reads the pid file at `path`, following links.
pub(crate) fn read(path: &Path) -> PidFile {
    let mut buffer = [0; MAX_BYTES + 1];
    match read_into(path, &mut buffer) {
        Ok(text) => parse(text),
        Err(Problem::Errno(Errno::NOENT | Errno::NOTDIR)) => PidFile::Missing,
        Err(Problem::Errno(Errno::LOOP)) => {
            PidFile::Unusable("it is a loop of symbolic links".to_owned())
        }
        Err(Problem::Errno(error)) => PidFile::Unusable(std::io::Error::from(error).to_string()),
        Err(Problem::Kind(what)) => PidFile::Unusable(format!("it is {what}")),
    }
}

/// The pids in the text of a pid file: one a line, white space around it allowed. Lines that hold
/// anything else are passed over as long as one line holds a pid.
fn parse(text: &[u8]) -> PidFile {
    if text.len() > MAX_BYTES {
        return PidFile::Unusable(format!("it is longer than {MAX_BYTES} bytes"));
    }
    if text.iter().all(u8::is_ascii_whitespace) {
        return PidFile::Unusable("it is empty".to_owned());
    }
    let pids: Vec<u32> = text
        .split(|byte| *byte == b'\n')
        .filter_map(parse_line)
        .take(MAX_PIDS)
        .collect();
    if pids.is_empty() {
        return PidFile::Unusable("it holds no process id".to_owned());
    }
    PidFile::Pids(pids)
}

fn parse_line(line: &[u8]) -> Option<u32> {
    let digits = line.trim_ascii();
    // `parse` alone would take a leading plus sign.
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let pid = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (1..=MAX_PID).contains(&pid).then_some(pid)
}

enum Problem {
    Errno(Errno),
    Kind(&'static str),
}

impl From<Errno> for Problem {
    fn from(error: Errno) -> Self {
        Self::Errno(error)
    }
}

fn read_into<'buffer>(path: &Path, buffer: &'buffer mut [u8]) -> Result<&'buffer [u8], Problem> {
    // Opening a device can already do something (a watchdog starts to count), so what is no file
    // is not opened. What is put there in between is refused after the opening.
    must_be_a_file(rustix::fs::stat(path)?.st_mode)?;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    must_be_a_file(stat.st_mode)?;
    let size = usize::try_from(stat.st_size).unwrap_or(usize::MAX);
    let mut filled = 0;
    while filled < buffer.len() {
        match rustix::io::read(&file, &mut buffer[filled..]) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        // Spares the second call that would only say that this was all.
        if filled == size {
            break;
        }
    }
    Ok(&buffer[..filled])
}

fn must_be_a_file(mode: rustix::fs::RawMode) -> Result<(), Problem> {
    Err(Problem::Kind(match FileType::from_raw_mode(mode) {
        FileType::RegularFile => return Ok(()),
        FileType::Directory => "a directory",
        FileType::Fifo => "a named pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        _ => "no regular file",
    }))
}

#[cfg(test)]
mod tests;
