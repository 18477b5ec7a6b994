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
    /// What the server will ask with the next time.
    pub(super) last: Option<Given>,
}

/// Where an answer starts.
#[derive(Clone, Copy, Debug)]
enum Start {
    /// Behind this event, which was handed out with the stamp that is asked with.
    Behind(u64),
    /// At the oldest event; stamps rise from this one on.
    Oldest(Stamp),
    /// At the first event with a later stamp than the one that is asked with.
    Later,
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
    if asked == Stamp::NOTHING_YET {
        return Ok(collect(journal, memory, question, Start::Oldest(asked))?.answer);
    }
    let known = memory.of(asked);
    let start = known.map_or(Start::Later, |given| Start::Behind(given.seq));
    let collected = collect(journal, memory, question, start)?;
    // Either the journal is not the one that the stamp was handed out for; or a clock that was wrong
    // by then handed it out, and nobody remembers for what. Something may be told twice, nothing
    // is left out.
    let another_journal = known.is_some_and(|given| collected.found.as_ref() != Some(&given.id));
    let unknown = known.is_none() && asked > question.now && asked > collected.reached;
    if another_journal || unknown {
        return Ok(collect(journal, memory, question, Start::Oldest(asked))?.answer);
    }
    Ok(collected.answer)
}

/// An answer that is being put together.
struct Collected {
    answer: Answer,
    /// The last stamp that was looked at.
    reached: Stamp,
    /// The id of the event that was handed out with the stamp that is asked with.
    found: Option<String>,
}

fn collect(
    journal: &impl Journal,
    memory: &Memory,
    question: &Question,
    start: Start,
) -> io::Result<Collected> {
    let asked = question.after;
    let given = memory.in_order();
    let mut given = given.into_iter().peekable();
    let (after, mut reached) = match start {
        Start::Behind(seq) => (seq.saturating_sub(1), asked),
        Start::Oldest(stamp) => (0, stamp),
        Start::Later => (0, Stamp::NOTHING_YET),
    };
    let mut found = None;
    let mut entries = Entries::new(question);
    journal.walk(after, &mut |seen| {
        while let Some(before) = given.next_if(|given| given.seq < seen.seq()) {
            // Whatever has left the journal: no stamp is handed out twice.
            reached = reached.max(before.stamp);
        }
        if let Start::Behind(seq) = start
            && found.is_none()
        {
            if seen.seq() == seq {
                found = Some(seen.id().to_owned());
                return match memory.of(asked) {
                    Some(given) if given.id == seen.id() => ControlFlow::Continue(()),
                    _ => ControlFlow::Break(()),
                };
            }
            // It has left the journal, as the oldest do.
            found = memory.of(asked).map(|given| given.id.clone());
        }
        let pinned = given
            .peek()
            .filter(|given| given.seq == seen.seq() && given.id == seen.id())
            .map(|given| given.stamp)
            .filter(|stamp| question.dial.has(*stamp));
        let stamp = pinned.unwrap_or_else(|| reached.next(Stamp::of(seen.time()), question.dial));
        reached = reached.max(stamp);
        if stamp > asked {
            entries.take(seen, stamp)
        } else {
            ControlFlow::Continue(())
        }
    })?;
    Ok(Collected {
        answer: entries.finish(),
        reached,
        found,
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
        self.answer.last = Some(Given {
            stamp,
            seq: last.seq,
            id: last.id.clone(),
        });
    }

    fn finish(mut self) -> Answer {
        self.flush();
        self.answer
    }
}
