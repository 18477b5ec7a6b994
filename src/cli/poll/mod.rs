//! `vrwatch poll`: one JSON document for whoever visits the router every few minutes: what happened
//! behind a cursor, how the services stand, and how much went over each interface. Works with the
//! daemon stopped. Nothing is kept for the poller: asking again with the same cursor gives the same events.

mod cursor;
mod usage;

use std::io;
use std::path::Path;

use channel::Reader;
use contract::{Event, Timestamp};
use serde::Serialize;

use self::cursor::Cursor;
use self::usage::Usage;
use super::{CommandError, Done, output, places};
use crate::control::{self, Reply, Request, Status};

/// The most bytes of events in one document, but at least one event.
const MOST_BYTES: usize = 1 << 20;
/// How many events are taken from the journal at a time.
const PAGE: usize = 64;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The cursor of the document before; without it, from the oldest event.
    #[arg(long, value_name = "CURSOR", allow_hyphen_values = true)]
    after: Option<String>,
    /// At most so many events; `more` says that there are others.
    #[arg(long, value_name = "N", default_value_t = 500,
          value_parser = clap::value_parser!(u16).range(1..=5000))]
    limit: u16,
}

/// What is printed. Fields may be added.
#[derive(Debug, Serialize)]
struct Document {
    /// The form of this document.
    format: u8,
    router: String,
    version: &'static str,
    time: Timestamp,
    /// For the next `--after`.
    cursor: Cursor,
    /// The cursor that was asked with is none of this journal's: these are its oldest events.
    reset: bool,
    /// How many events behind the cursor have left the journal before they were asked for.
    missed: u64,
    /// There are more events now: ask again at once.
    more: bool,
    events: Vec<Event>,
    usage: Usage,
    /// As `vrwatch status --json` has it; absent when the daemon does not answer.
    status: Option<Box<Status>>,
}

pub(super) fn run(path: &Path, arguments: &Arguments) -> Result<Done, CommandError> {
    let places = places(path)?;
    let found = events(
        &places.journal,
        arguments.after.as_deref(),
        usize::from(arguments.limit),
    )
    .map_err(|problem| {
        CommandError::Failed(format!(
            "{}: the journal cannot be read: {problem}; are you root?",
            places.journal.display()
        ))
    })?;
    let status = match control::ask(&places.control_socket, &Request::Status {}) {
        Ok(Reply::Status(status)) => Some(status),
        _ => None,
    };
    let document = Document {
        format: 1,
        router: places.router,
        version: env!("CARGO_PKG_VERSION"),
        time: Timestamp::now(),
        cursor: found.cursor,
        reset: found.reset,
        missed: found.missed,
        more: found.more,
        events: found.events,
        usage: Usage::now(),
        status,
    };
    output::print_json(&document)?;
    Ok(Done::Well)
}

/// What the journal has behind a cursor.
#[derive(Debug)]
struct Found {
    events: Vec<Event>,
    cursor: Cursor,
    reset: bool,
    missed: u64,
    more: bool,
}

/// Reads what is behind the cursor. A journal that is not there yet, or not any more, is empty.
fn events(directory: &Path, after: Option<&str>, limit: usize) -> io::Result<Found> {
    let mut reader = match Reader::open(directory) {
        Ok(reader) => Some(reader),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let mut read = |seq: u64, limit: usize| match &mut reader {
        Some(reader) => reader.after(seq, limit),
        None => Ok(Vec::new()),
    };
    let asked = after.map(str::parse::<Cursor>);
    let mut cursor = Cursor::OLDEST;
    let mut reset = matches!(asked, Some(Err(_)));
    if let Some(Ok(asked)) = asked {
        // The event that the cursor names tells whether this is still its journal. It may have
        // left it; then what follows it has not.
        let first = match asked.seq() {
            0 => None,
            seq => read(seq - 1, 1)?.pop(),
        };
        let known = match first {
            Some(first) => first.seq > asked.seq() || asked.names(&first),
            None => asked.seq() == 0,
        };
        if known {
            cursor = asked;
        } else {
            reset = true;
        }
    }
    let start = cursor.seq();
    let mut events: Vec<Event> = Vec::new();
    let mut bytes = 0;
    let mut more = false;
    'pages: loop {
        let reached = events.last().map_or(start, |event| event.seq);
        let page = read(reached, PAGE)?;
        if page.is_empty() {
            break;
        }
        for event in page {
            let size = serde_json::to_vec(&event).map_or(0, |json| json.len());
            if events.len() >= limit || (bytes > 0 && bytes + size > MOST_BYTES) {
                more = true;
                break 'pages;
            }
            bytes += size;
            events.push(event);
        }
    }
    let missed = match (start, events.first()) {
        (0, _) | (_, None) => 0,
        (start, Some(first)) => first.seq - start - 1,
    };
    if let Some(last) = events.last() {
        cursor = Cursor::at(last);
    } else if reset {
        cursor = Cursor::OLDEST;
    }
    Ok(Found {
        events,
        cursor,
        reset,
        missed,
        more,
    })
}

#[cfg(test)]
mod tests;
