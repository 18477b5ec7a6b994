//! What is told to a management server that asks with a stamp. Reads the journal once, and only
//! the part that can matter.

use std::fmt::Write as _;
use std::io;
use std::ops::ControlFlow;

use contract::{Event, Severity, Timestamp};
use sinks::{LocalTime, legacy};

use super::memory::{Given, Memory};
use super::stamps::{Dial, Stamp};

/// The most bytes of one answer; the rest comes with the next.
const MOST_BYTES: usize = 1 << 20;
/// From so many seconds on the true time is told beside the stamp.
const FAR: u64 = 10;

/// Where events are looked up.
pub(super) trait Journal {
    /// Shows the events behind `after`, in order, until `look` breaks off.
    fn walk(
        &self,
        after: u64,
        look: &mut dyn FnMut(&dyn Seen) -> ControlFlow<()>,
    ) -> io::Result<()>;
}

/// An event that is looked at.
pub(super) trait Seen {
    fn seq(&self) -> u64;
    fn id(&self) -> &str;
    fn time(&self) -> Timestamp;
    fn severity(&self) -> Severity;
    /// All of it; `None` when it cannot be read.
    fn event(&self) -> Option<Event>;
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) after: Stamp,
    pub(super) dial: Dial,
    /// Whether what is no alert is told as well.
    pub(super) info: bool,
    /// The most entries.
    pub(super) limit: usize,
    /// What the clock shows.
    pub(super) now: Stamp,
}

/// What is answered.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// One line a alert, oldest first.
    pub(super) entries: Vec<String>,
    /// What is worth remembering; the last is what the server will ask with the next time.
    pub(super) given: Vec<Given>,
}

/// Answers a question.
///
/// # Errors
/// When the journal cannot be read.
pub(super) fn answer(
    journal: &impl Journal,
    memory: &Memory,
    question: &Question,
) -> io::Result<Answer> {
    let asked = question.after;
    let from_oldest = || collect(journal, memory, question, Start::Oldest(asked));
    if asked == Stamp::NOTHING_YET {
        return Ok(from_oldest()?.answer);
    }
    let base = memory.up_to(asked);
    let known = base.is_some_and(|base| base.stamp == asked);
    let mut collected = match base {
        Some(base) => collect(journal, memory, question, Start::Behind(base))?,
        None => collect(journal, memory, question, Start::Oldest(Stamp::NOTHING_YET))?,
    };
    if collected.another_journal {
        if known {
            // Begun anew since: all of it is news.
            return Ok(from_oldest()?.answer);
        }
        collected = collect(journal, memory, question, Start::Oldest(Stamp::NOTHING_YET))?;
    }
    if !known && asked > question.now && asked > collected.reached {
        // A clock that was wrong by then handed it out, and nobody remembers for what. Something
        // may be told twice, nothing is left out.
        return Ok(from_oldest()?.answer);
    }
    if !known && let Some(before) = collected.before {
        // Next time there is nothing to search.
        collected.answer.given.insert(0, before);
    }
    Ok(collected.answer)
}

/// Where an answer starts.
#[derive(Clone, Copy, Debug)]
enum Start<'a> {
    /// Behind this event.
    Behind(&'a Given),
    /// At the oldest event; stamps rise from this one on.
    Oldest(Stamp),
}

/// An answer that is being put together.
struct Collected {
    answer: Answer,
    /// The last stamp that was looked at.
    reached: Stamp,
    /// The last event up to the stamp that is asked with, under that stamp.
    before: Option<Given>,
    /// The event to start behind is not in this journal, and not because it has left it.
    another_journal: bool,
}

fn collect(
    journal: &impl Journal,
    memory: &Memory,
    question: &Question,
    start: Start<'_>,
) -> io::Result<Collected> {
    let given = memory.in_order();
    let mut given = given.iter().peekable();
    let (after, mut reached, mut base) = match start {
        Start::Behind(base) => (base.seq.saturating_sub(1), base.stamp, Some(base)),
        Start::Oldest(stamp) => (0, stamp, None),
    };
    let mut another_journal = base.is_some();
    let (mut before_seq, mut before_id) = (0, String::new());
    let mut entries = Entries::new(question);
    journal.walk(after, &mut |seen| {
        while let Some(before) = given.next_if(|given| given.seq < seen.seq()) {
            // Whatever has left the journal: no stamp is handed out twice.
            reached = reached.max(before.stamp);
        }
        if let Some(base) = base.take() {
            // What comes first is younger when the oldest have left the journal.
            another_journal = seen.seq() == base.seq && seen.id() != base.id;
            if another_journal {
                return ControlFlow::Break(());
            }
            if seen.seq() == base.seq {
                before_seq = base.seq;
                before_id.clone_from(&base.id);
                return ControlFlow::Continue(());
            }
        }
        // Not one that was handed out to somebody who asked with an earlier stamp: stamps rise for
        // everybody who asks, or an alert would seem to be an old one.
        let pinned = given
            .clone()
            .take_while(|given| given.seq == seen.seq())
            .filter(|given| given.id == seen.id())
            .map(|given| given.stamp)
            .find(|stamp| *stamp > reached && question.dial.has(*stamp));
        let stamp = pinned.unwrap_or_else(|| reached.next(Stamp::of(seen.time()), question.dial));
        reached = reached.max(stamp);
        if stamp > question.after {
            return entries.take(seen, stamp);
        }
        before_seq = seen.seq();
        before_id.clear();
        before_id.push_str(seen.id());
        ControlFlow::Continue(())
    })?;
    Ok(Collected {
        answer: entries.finish(),
        reached,
        before: (before_seq > 0).then_some(Given {
            stamp: question.after,
            seq: before_seq,
            id: before_id,
        }),
        another_journal,
    })
}

/// The entries of an answer. The last event waits for the next, which may belong to it.
struct Entries<'a> {
    question: &'a Question,
    zone: LocalTime,
    answer: Answer,
    bytes: usize,
    waiting: Option<(Event, Stamp)>,
}

impl<'a> Entries<'a> {
    fn new(question: &'a Question) -> Self {
        Self {
            question,
            // As the stamps.
            zone: LocalTime::utc(),
            answer: Answer::default(),
            bytes: 0,
            waiting: None,
        }
    }

    fn take(&mut self, seen: &dyn Seen, stamp: Stamp) -> ControlFlow<()> {
        if !self.question.info && !legacy::is_alert(seen.severity()) {
            return ControlFlow::Continue(());
        }
        let Some(event) = seen.event() else {
            return ControlFlow::Continue(());
        };
        if let Some((first, _)) = self
            .waiting
            .take_if(|(first, _)| legacy::belong_together(first, &event))
        {
            self.push(&first, Some(&event), stamp);
            return ControlFlow::Continue(());
        }
        self.flush();
        if self.answer.entries.len() >= self.question.limit || self.bytes >= MOST_BYTES {
            return ControlFlow::Break(());
        }
        self.waiting = Some((event, stamp));
        ControlFlow::Continue(())
    }

    fn flush(&mut self) {
        if let Some((event, stamp)) = self.waiting.take() {
            self.push(&event, None, stamp);
        }
    }

    fn push(&mut self, event: &Event, second: Option<&Event>, stamp: Stamp) {
        let last = second.unwrap_or(event);
        let mut entry = format!(
            "{stamp},{:03} {}",
            event.time.unix_millis().rem_euclid(1000),
            legacy::text(event, second, &self.zone)
        );
        let wall = Stamp::of(last.time);
        if wall.distance(stamp) > FAR {
            // Writing to a String cannot fail.
            let _ = write!(entry, " (at {wall})");
        }
        self.bytes += entry.len();
        self.answer.entries.push(entry);
        self.answer.given = vec![Given {
            stamp,
            seq: last.seq,
            id: last.id.clone(),
        }];
    }

    fn finish(mut self) -> Answer {
        self.flush();
        self.answer
    }
}
