//! `vrwatch alerts`: reads the journal, whether the daemon runs or not.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use channel::Reader;
use contract::{Event, Timestamp, human};
use sinks::LocalTime;

use super::output::{self, Audience, OutputError};
use super::{CommandError, Done, places};

/// How often `--follow` looks for more.
const FOLLOW_EVERY: Duration = Duration::from_millis(250);

/// How many events are taken from the journal at a time.
const PAGE: usize = 512;

/// With how many of the newest events `--follow` begins, as `tail -f` does.
const FOLLOW_FROM: usize = 10;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only events after this sequence number.
    #[arg(long, value_name = "SEQ")]
    after: Option<u64>,
    /// Only events at or after this time: RFC 3339, or how long ago, such as 1h.
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Timestamp>,
    /// Only the N newest of these events; with --after the first N, to go on page by page.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    /// Wait for more until interrupted; begins with the last 10 unless told where to begin.
    #[arg(long)]
    follow: bool,
}

/// A moment, or how long ago it was.
fn since(text: &str) -> Result<Timestamp, String> {
    if let Ok(moment) = text.parse() {
        return Ok(moment);
    }
    let long: human::Duration = text.parse().map_err(|_| {
        "write a time such as 2026-11-22T11:47:33Z, or how long ago such as 1h".to_owned()
    })?;
    i64::try_from(long.0.as_millis())
        .ok()
        .and_then(|long| Timestamp::from_unix_millis(Timestamp::now().unix_millis() - long))
        .ok_or_else(|| "that is too long ago".to_owned())
}

pub(super) fn run(path: &Path, arguments: &Arguments) -> Result<Done, CommandError> {
    let mut journal = Journal::open(places(path)?.journal, arguments.since)?;
    let newest = match (arguments.after, arguments.limit) {
        (Some(_), _) => None,
        (None, Some(limit)) => Some(limit),
        (None, None) => (arguments.follow && arguments.since.is_none()).then_some(FOLLOW_FROM),
    };
    let mut after = match newest {
        Some(count) => journal.before_the_newest(count)?,
        None => arguments.after.unwrap_or(0),
    };
    let mut left = match newest {
        Some(_) if arguments.follow => usize::MAX,
        Some(count) => count,
        None => arguments.limit.unwrap_or(usize::MAX),
    };
    // As the event's own time.
    let zone = LocalTime::utc().naming_its_offset();
    loop {
        let (page, ended) = journal.page(&mut after)?;
        for event in page {
            if left == 0 {
                return Ok(Done::Well);
            }
            left -= 1;
            if show(&event, arguments.json, &zone)? == Audience::Left {
                return Ok(Done::Well);
            }
        }
        if left == 0 || (ended && !arguments.follow) {
            return Ok(Done::Well);
        }
        if ended {
            std::thread::sleep(FOLLOW_EVERY);
        }
    }
}

fn show(event: &Event, json: bool, zone: &LocalTime) -> Result<Audience, OutputError> {
    if json {
        return output::print_json(event);
    }
    output::print(&format!(
        "{:>6}  {}  {:13}  {:15}  {}\n",
        event.seq,
        event.time,
        event.severity,
        event.service.as_deref().unwrap_or("-"),
        sinks::wording::sentence(event, zone)
    ))
}

/// The journal, and which of its events are asked for.
struct Journal {
    directory: PathBuf,
    reader: Reader,
    since: Option<Timestamp>,
}

impl Journal {
    fn open(directory: PathBuf, since: Option<Timestamp>) -> Result<Self, CommandError> {
        match Reader::open(&directory) {
            Ok(reader) => Ok(Self {
                directory,
                reader,
                since,
            }),
            Err(problem) => Err(unreadable(&directory, &problem)),
        }
    }

    /// The next events, moves `after` behind them, and whether these were the last for now.
    fn page(&mut self, after: &mut u64) -> Result<(Vec<Event>, bool), CommandError> {
        let mut page = self
            .reader
            .after(*after, PAGE)
            .map_err(|problem| unreadable(&self.directory, &problem))?;
        let ended = page.len() < PAGE;
        if let Some(last) = page.last() {
            *after = last.seq;
        }
        page.retain(|event| self.since.is_none_or(|since| event.time >= since));
        Ok((page, ended))
    }

    /// The sequence number behind which the `count` newest events are. Only numbers are kept: a
    /// journal is larger than a router's memory may be.
    fn before_the_newest(&mut self, count: usize) -> Result<u64, CommandError> {
        let mut newest = VecDeque::new();
        let mut after = 0;
        loop {
            let (page, ended) = self.page(&mut after)?;
            for event in page {
                newest.push_back(event.seq);
                if newest.len() > count {
                    newest.pop_front();
                }
            }
            if ended {
                return Ok(newest
                    .front()
                    .map_or(after, |first| first.saturating_sub(1)));
            }
        }
    }
}

fn unreadable(directory: &Path, problem: &dyn std::fmt::Display) -> CommandError {
    CommandError::Failed(format!(
        "{}: the journal cannot be read: {problem}; has `vrwatch run` ever run with this configuration, and are you root?",
        directory.display()
    ))
}
