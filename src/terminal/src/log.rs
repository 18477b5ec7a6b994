//! The log on stderr. It never fails and never waits: whoever reads it may have stopped reading, its
//! disk may be full, and the services are to be watched all the same. What cannot be taken at once
//! is dropped and counted.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};

use clap::ValueEnum;
use rustix::event::{PollFd, PollFlags, Timespec};
use tracing::level_filters::LevelFilter;

/// The longest line, in bytes. A pipe that is ready takes so much at once. Source: `PIPE_BUF`,
/// pipe(7).
const LONGEST: usize = 4096;

/// How much is logged.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogLevel {
    /// What went wrong.
    Error,
    /// And what is doubtful.
    Warn,
    /// And what is done.
    Info,
    /// And why.
    Debug,
    /// And everything.
    Trace,
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

/// What became of the lines so far.
static LOST: Mutex<Lost> = Mutex::new(Lost {
    lines: 0,
    mid_line: false,
});

struct Lost {
    /// Lines dropped and not yet told.
    lines: u64,
    /// The last one was written in part.
    mid_line: bool,
}

/// Sentences with fields on stderr; the journal of systemd puts its own stamps on them.
pub fn start(level: LevelFilter) {
    let builder = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(|| Stderr)
        .log_internal_errors(false)
        .with_ansi(false)
        .with_target(false);
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        builder.without_time().init();
    } else {
        builder.init();
    }
}

/// Writes text to stderr, line by line, without what could steer a terminal.
pub fn say(text: &str) {
    let mut lost = LOST.lock().unwrap_or_else(PoisonError::into_inner);
    let stderr = io::stderr();
    for line in contract::clean::text(text).lines() {
        lost.put(line, |bytes| offer(&stderr, bytes));
    }
}

/// Where tracing writes.
struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        say(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lost {
    /// Writes a line, after a word about those that were dropped before it.
    fn put(&mut self, line: &str, mut offer: impl FnMut(&[u8]) -> usize) {
        if self.lines > 0 {
            let start = if self.mid_line { "\n" } else { "" };
            let (count, were) = match self.lines {
                1 => ("1 log line".to_owned(), "was"),
                lines => (format!("{lines} log lines"), "were"),
            };
            let words = format!("{start}{count} {were} dropped: nobody took them\n");
            let taken = offer(words.as_bytes());
            if taken > 0 {
                self.mid_line = taken < words.len();
            }
            if taken < words.len() {
                self.lines = self.lines.saturating_add(1);
                return;
            }
            self.lines = 0;
        }
        let mut whole = line[..line.floor_char_boundary(LONGEST - 1)].to_owned();
        whole.push('\n');
        let taken = offer(whole.as_bytes());
        self.mid_line = taken > 0 && taken < whole.len();
        if taken < whole.len() {
            self.lines = 1;
        }
    }
}

/// Writes if that can be done at once; says how many bytes were taken.
fn offer(file: &impl AsFd, bytes: &[u8]) -> usize {
    let mut ready = [PollFd::new(file, PollFlags::OUT)];
    let at_once = Timespec::default();
    let asked = rustix::io::retry_on_intr(|| rustix::event::poll(&mut ready, Some(&at_once)));
    if asked.is_err() || !ready[0].revents().contains(PollFlags::OUT) {
        return 0;
    }
    rustix::io::retry_on_intr(|| rustix::io::write(file, bytes)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a reader gets of these lines when it takes so many bytes of each write.
    fn read(lines: &[(&str, usize)]) -> String {
        let mut lost = Lost {
            lines: 0,
            mid_line: false,
        };
        let mut read = Vec::new();
        for (line, most) in lines {
            lost.put(line, |bytes| {
                let taken = bytes.len().min(*most);
                read.extend_from_slice(&bytes[..taken]);
                taken
            });
        }
        String::from_utf8(read).unwrap()
    }

    #[test]
    fn what_nobody_takes_is_counted_and_told_with_the_next_line_that_gets_through() {
        assert_eq!(read(&[("one", 99), ("two", 99)]), "one\ntwo\n");
        assert_eq!(
            read(&[("one", 0), ("two", 99), ("three", 99)]),
            "1 log line was dropped: nobody took them\ntwo\nthree\n"
        );
        assert_eq!(
            read(&[("one", 0), ("two", 0), ("three", 0), ("four", 99)]),
            "3 log lines were dropped: nobody took them\nfour\n"
        );
    }

    #[test]
    fn a_line_written_in_part_is_ended_before_the_next() {
        assert_eq!(
            read(&[("one", 2), ("two", 0), ("three", 99)]),
            "on\n2 log lines were dropped: nobody took them\nthree\n"
        );
    }

    #[test]
    fn a_line_is_cut_where_a_character_ends() {
        let long = "é".repeat(LONGEST);
        let read = read(&[(&long, usize::MAX)]);
        assert_eq!(read.len(), LONGEST - 1);
        assert!(read.ends_with("é\n"));
    }

    #[test]
    fn a_full_pipe_is_not_waited_for_and_an_unread_one_not_minded() {
        let (reader, writer) = io::pipe().unwrap();
        let line = [b'x'; LONGEST];
        let mut lines = 0;
        while offer(&writer, &line) > 0 {
            lines += 1;
        }
        assert!(lines > 0, "a pipe takes something");
        drop(reader);
        assert_eq!(offer(&writer, &line), 0);
    }
}
