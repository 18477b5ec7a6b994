//! `vrwatch alerts`: reads the journal, whether the daemon runs or not.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use channel::Reader;
use contract::{Event, Timestamp};
use sinks::LocalTime;

use super::{CommandError, Done, places};

/// How often `--follow` looks for more.
const FOLLOW_EVERY: Duration = Duration::from_millis(250);

/// How many events are taken from the journal at a time.
const PAGE: usize = 512;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only events after this sequence number.
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    after: u64,
    /// Only events at or after this RFC 3339 time.
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// At most so many events.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    /// Wait for more until interrupted.
    #[arg(long)]
    follow: bool,
}

pub(super) fn run(path: &Path, arguments: &Arguments) -> Result<Done, CommandError> {
    let directory = places(path)?.journal;
    let unreadable = |problem: String| {
        CommandError::Failed(format!(
            "{}: the journal cannot be read: {problem}; has `vrwatch run` ever run with this configuration, and are you root?",
            directory.display()
        ))
    };
    let mut reader = Reader::open(&directory).map_err(|problem| unreadable(problem.to_string()))?;
    let mut after = arguments.after;
    let mut left = arguments.limit.unwrap_or(u64::MAX);
    let zone = LocalTime::system();
    let mut out = std::io::stdout().lock();
    loop {
        let page = reader
            .after(after, PAGE)
            .map_err(|problem| unreadable(problem.to_string()))?;
        let ended = page.len() < PAGE;
        for event in page {
            after = after.max(event.seq);
            if arguments.since.is_some_and(|since| event.time < since) {
                continue;
            }
            if left == 0 {
                return Ok(Done::Well);
            }
            left -= 1;
            if print(&mut out, &event, arguments.json, &zone).is_err() {
                // Whoever read has gone away: that is how `| head` ends.
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

fn print(out: &mut impl Write, event: &Event, json: bool, zone: &LocalTime) -> std::io::Result<()> {
    if json {
        serde_json::to_writer(&mut *out, event)?;
        writeln!(out)?;
    } else {
        writeln!(
            out,
            "{:>6}  {}  {:13}  {:15}  {}",
            event.seq,
            event.time,
            event.severity,
            event.service.as_deref().unwrap_or("-"),
            sinks::wording::sentence(event, zone)
        )?;
    }
    out.flush()
}
