//! One visit: asks until there is nothing more, and commits each answer with its cursor before the
//! next is asked for. What was committed stays, however the visit ends.

use std::time::Duration;

use contract::{Event, Fact, Timestamp};
use tokio::time::{Instant, timeout_at};

use super::book::Book;
use super::document::{self, DocumentError};
use super::ids::own_id;
use super::judge::Presence;
use super::{own, scripts};
use crate::clock::Clock;
use crate::routers::shell::{Answer, Reach, ReachError, Shell};
use crate::store::{Cursor, Due, StoreError, UsageSample, Via, Visit};

/// How often a router is asked in one visit; the rest comes with the next.
const MOST_ROUNDS: usize = 64;
/// How many new alerts a visit stores, and a part of it more; the rest comes with the next.
const MOST_NEW: u64 = 10_000;
/// When there is more, the next visit comes so much later for each alert that this one stored, up to
/// the interval: a router that tells without end fills no disk.
const EACH: Duration = Duration::from_millis(100);
/// The most of what a program complains about that is told; characters.
const LONGEST_COMPLAINT: usize = 200;

/// What a visit brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brought {
    /// Alerts that were not stored before.
    pub new: u64,
    /// Alerts that were.
    pub known: u64,
    /// How many interfaces' counters.
    pub usage: usize,
    /// How it was asked.
    pub via: Via,
    /// Whether there is more, for which it is visited again soon.
    pub more: bool,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Why a visit failed.
#[derive(Debug, thiserror::Error)]
pub enum VisitError {
    /// It could not be reached.
    #[error(transparent)]
    Reach(#[from] ReachError),
    /// What it told cannot be believed.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A program on it failed.
    #[error("{program}: {complaint}")]
    Failed {
        /// The program.
        program: &'static str,
        /// How it ended, and what it said.
        complaint: String,
    },
    /// It has neither.
    #[error("it has neither vrwatch nor CloudStack's getRouterAlerts.sh")]
    Nothing,
    /// The database: not the router's fault.
    #[error(transparent)]
    Store(StoreError),
}

/// A visit under way.
pub(super) struct Walk<'a> {
    pub(super) book: &'a dyn Book,
    pub(super) due: &'a Due,
    /// What is stored about its presence; moves with each commit.
    pub(super) presence: &'a mut Presence,
    pub(super) clock: &'a Clock,
    /// How long all calls together may take, and until when that is. What is stored is not broken
    /// off: it would not be known whether it is.
    pub(super) limit: Duration,
    pub(super) deadline: Instant,
    /// When to come again.
    pub(super) next: Duration,
    pub(super) brought: Brought,
}

/// What is committed at once.
#[derive(Default)]
pub(super) struct Step {
    pub(super) events: Vec<Event>,
    pub(super) own: Vec<Event>,
    pub(super) cursor: Cursor,
    pub(super) usage: Vec<UsageSample>,
    /// Whether the visit goes on.
    pub(super) more: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn of(
        book: &'a dyn Book,
        due: &'a Due,
        presence: &'a mut Presence,
        clock: &'a Clock,
        (limit, next): (Duration, Duration),
    ) -> Self {
        Self {
            deadline: Instant::now() + limit,
            book,
            due,
            presence,
            clock,
            limit,
            next,
            brought: Brought {
                new: 0,
                known: 0,
                usage: 0,
                via: Via::Visit,
                more: false,
                notes: Vec::new(),
            },
        }
    }

    /// Asks and commits, to the end.
    pub(super) async fn go(mut self, shell: &mut dyn Shell) -> Result<Brought, VisitError> {
        let router = self.due.router.name.as_str();
        let mut cursor = self.due.cursor.clone();
        for round in 1..=MOST_ROUNDS {
            let after = cursor.vrwatch.clone();
            let mut arguments = vec!["poll"];
            if let Some(after) = &after {
                arguments.extend(["--after", after]);
            }
            let answer = self.ask(shell, "vrwatch", &arguments).await?;
            if is_absent(&answer) && round == 1 {
                return scripts::go(self, shell).await;
            }
            if !answer.is_well() {
                return Err(failed("vrwatch poll", &answer));
            }
            let document =
                document::read(&answer.output, router, after.as_deref(), self.clock.now())?;
            let moved = after.as_ref() != Some(&document.cursor);
            let more = document.more && moved;
            cursor.vrwatch = Some(document.cursor);
            let goes_on = more && round < MOST_ROUNDS && !self.is_enough(document.events.len());
            let step = Step {
                events: document.events,
                own: document.own,
                cursor: cursor.clone(),
                usage: if more { Vec::new() } else { document.usage },
                more: goes_on,
            };
            self.brought.more = more;
            self.commit(step).await?;
            if !goes_on {
                break;
            }
        }
        Ok(self.brought)
    }

    /// Whether this visit has stored all that it may once it has stored so many more.
    pub(super) fn is_enough(&self, more: usize) -> bool {
        self.brought.new + more as u64 >= MOST_NEW
    }

    /// Opens a session.
    pub(super) async fn open(&self, reach: &dyn Reach) -> Result<Box<dyn Shell>, VisitError> {
        self.in_time(reach.open(&self.due.router)).await
    }

    /// Runs a program on the router.
    pub(super) async fn ask(
        &self,
        shell: &mut dyn Shell,
        program: &str,
        arguments: &[&str],
    ) -> Result<Answer, VisitError> {
        self.in_time(shell.run(program, arguments, b"", self.limit))
            .await
    }

    async fn in_time<T>(
        &self,
        call: impl Future<Output = Result<T, ReachError>>,
    ) -> Result<T, VisitError> {
        timeout_at(self.deadline, call)
            .await
            .unwrap_or(Err(ReachError::TimedOut(self.limit)))
            .map_err(VisitError::Reach)
    }

    /// Stores a step. That the router is there again is told with the first of them.
    pub(super) async fn commit(&mut self, step: Step) -> Result<(), VisitError> {
        let router = &self.due.router.name;
        let now = self.clock.now();
        let mut own = step.own;
        own.extend(self.presence.seen(router, now));
        let next_visit = if step.more {
            None
        } else if self.brought.more {
            let stored = self.brought.new + step.events.len() as u64;
            let stored = u32::try_from(stored).unwrap_or(u32::MAX);
            Some(EACH.saturating_mul(stored).min(self.next))
        } else {
            Some(self.next)
        };
        let mut visit = Visit {
            router: router.clone(),
            lease: self.due.lease.clone(),
            events: step.events,
            via: self.brought.via,
            own,
            cursor: step.cursor,
            usage: step.usage,
            next_visit,
        };
        let stored = match self.book.store_visit(&visit).await {
            Err(StoreError::Refused(reason)) => {
                // Else the same answer would be refused for ever, and with it all that follows.
                visit.own.push(refused(&visit, &reason, now));
                visit.events.clear();
                visit.usage.clear();
                self.brought.notes.push(reason);
                self.book.store_visit(&visit).await
            }
            other => other,
        }
        .map_err(VisitError::Store)?;
        *self.presence = Presence {
            last_seen: Some(now),
            ..Presence::default()
        };
        self.brought.new += stored.new;
        self.brought.known += stored.known;
        self.brought.usage += visit.usage.len();
        Ok(())
    }
}

fn refused(visit: &Visit, reason: &str, now: Timestamp) -> Event {
    let seqs = || visit.events.iter().map(|event| event.seq);
    let fact = Fact::AlertsDropped {
        count: visit.events.len() as u64,
        first_seq: seqs().min().unwrap_or(0),
        last_seq: seqs().max().unwrap_or(0),
        sink: None,
        reason: format!("the database refused them: {reason}"),
    };
    let cursor = format!("{:?}", visit.cursor);
    let name = own_id("refused", &[&visit.router, &cursor]);
    own::event(name, &visit.router, None, now, fact)
}

/// Whether a shell's exit status says that there is no such program.
pub(super) fn is_absent(answer: &Answer) -> bool {
    matches!(answer.exit, Some(126 | 127))
}

/// What went wrong, in the program's own words.
pub(super) fn failed(program: &'static str, answer: &Answer) -> VisitError {
    let said = String::from_utf8_lossy(&answer.errors);
    let said = contract::clean::line(said.trim());
    let how = answer.exit.map_or_else(
        || "a signal ended it".to_owned(),
        |exit| format!("exit {exit}"),
    );
    let said: String = said.chars().take(LONGEST_COMPLAINT).collect();
    let between = if said.is_empty() { "" } else { ": " };
    VisitError::Failed {
        program,
        complaint: format!("{how}{between}{said}"),
    }
}
