//! `vrwatch legacy-alerts`: what CloudStack's `getRouterAlerts.sh` prints, from the journal instead of
//! the log. Nothing is hidden by a shared second, a rotation, a strange line or a clock that is put
//! right. `stamps` has the rule, `memory` what was handed out, `answer` puts both together.

mod answer;
mod memory;
mod stamps;

use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::path::Path;

use channel::Glance;
use contract::{Event, Severity, Timestamp};

use self::answer::{Journal, Question, Seen};
use self::memory::Memory;
use self::stamps::{Dial, Stamp};
use super::{CommandError, Done, log, places};

/// What the server takes for "nothing".
const NONE: &str = "No Alerts";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only what came after this stamp of an earlier answer: yyyy-MM-dd and HH:mm:ss, two words.
    /// Anything else counts as the beginning.
    #[arg(allow_hyphen_values = true)]
    date: Option<OsString>,
    /// See DATE.
    #[arg(allow_hyphen_values = true)]
    time: Option<OsString>,
    /// Further words are passed over; options behind the stamp are not.
    #[arg(hide = true)]
    more: Vec<OsString>,
    /// For management servers up to 4.13, which take only hours from 01 to 12.
    #[arg(long)]
    twelve_hour: bool,
    /// What is over, or only worth knowing, as well: the server makes an alert of it.
    #[arg(long)]
    info: bool,
    /// At most so many entries; the server gets the rest when it asks again.
    #[arg(long, value_name = "N", default_value_t = 2000,
          value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// Whatever goes wrong is said on stderr only: the server knows but one answer and one exit status.
#[expect(
    clippy::unnecessary_wraps,
    reason = "every command has this signature; this one never fails"
)]
pub(super) fn run(path: &Path, arguments: &Arguments) -> Result<Done, CommandError> {
    let told = told(path, arguments).unwrap_or_else(|error| {
        log::say(&format!("vrwatch: {error}"));
        NONE.to_owned()
    });
    // Whoever asked may have gone away.
    let _ = io::stdout().write_all(format!("{told}\n").as_bytes());
    Ok(Done::Well)
}

fn told(path: &Path, arguments: &Arguments) -> Result<String, CommandError> {
    let directory = places(path)?.journal;
    let mut memory = Memory::read(&directory);
    let question = Question {
        after: asked(arguments.date.as_deref(), arguments.time.as_deref()),
        dial: if arguments.twelve_hour {
            Dial::Twelve
        } else {
            Dial::TwentyFour
        },
        info: arguments.info,
        limit: usize::try_from(arguments.limit).unwrap_or(usize::MAX),
        now: Stamp::of(Timestamp::now()),
    };
    let answer = answer::answer(&OnDisk(&directory), &memory, &question).map_err(|problem| {
        CommandError::Failed(format!(
            "{}: the journal cannot be read: {problem}; has `vrwatch run` ever run with this configuration, and are you root?",
            directory.display()
        ))
    })?;
    let mut news = false;
    for given in answer.given {
        if memory.of(given.stamp) != Some(&given) {
            memory.note(question.after, given);
            news = true;
        }
    }
    if news {
        // Before it is printed: the server may come back with it at once. Without it the stamps
        // alone have to do.
        if let Err(error) = memory.write(&directory) {
            tracing::warn!(%error, "what was handed out cannot be remembered");
        }
    }
    Ok(line(&answer.entries))
}

/// The output: entries joined and ended by a backslash and an n, which the server splits at.
fn line(entries: &[String]) -> String {
    if entries.is_empty() {
        return NONE.to_owned();
    }
    let mut line = entries.join("\\n");
    line.push_str("\\n");
    line
}

/// The stamp in two words.
fn asked(date: Option<&OsStr>, time: Option<&OsStr>) -> Stamp {
    let text = |word: Option<&OsStr>| word.and_then(OsStr::to_str).unwrap_or_default().to_owned();
    Stamp::parse(&text(date), &text(time))
}

/// The journal below a folder.
struct OnDisk<'a>(&'a Path);

impl Journal for OnDisk<'_> {
    fn walk(
        &self,
        after: u64,
        look: &mut dyn FnMut(&dyn Seen) -> ControlFlow<()>,
    ) -> io::Result<()> {
        channel::glance(self.0, after, |glance| look(glance))
    }
}

impl Seen for Glance<'_> {
    fn seq(&self) -> u64 {
        self.seq
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn time(&self) -> Timestamp {
        self.time
    }

    fn severity(&self) -> Severity {
        self.severity
    }

    fn event(&self) -> Option<Event> {
        Glance::event(self)
    }
}

#[cfg(test)]
mod tests;
