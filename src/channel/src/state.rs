//! Everything the channel knows, behind one lock that is never held during an fsync: the numbering,
//! what waits for the disk, the tail, and the sinks.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Instant;

use contract::Event;

use crate::lost::Lost;
use crate::notes::{Notes, apply, as_text, before};
use crate::outages::Outages;
use crate::record::{Builder, Record, snapshot};
use crate::settings::Limits;
use crate::sinks::Sink;
use crate::tail::Tail;
use crate::transaction::new_id;
use crate::writer::Writer;
use crate::{Note, Transaction, cut};

/// How the disk is doing.
#[derive(Debug)]
pub(crate) enum Health {
    /// There is none, by choice.
    Memory,
    /// It takes what is written.
    Good,
    /// It does not; tried again at a time of the keeper's.
    Failing { cause: String, retry_at: Instant },
    /// The journal was let go of.
    Closed,
}

/// Everything the channel knows.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) router: String,
    /// The journal is gone with this process: what is only there counts as kept once it is told.
    pub(crate) passing: bool,
    pub(crate) limits: Limits,
    pub(crate) health: Health,
    /// Absent in memory, and until a journal that could not be opened is.
    pub(crate) writer: Option<Writer>,
    /// The newest event.
    pub(crate) last_seq: u64,
    /// The newest event that is written, synced or not.
    pub(crate) written_seq: u64,
    /// The newest event that is confirmed on disk.
    pub(crate) synced_seq: u64,
    /// What the newest event was taken to be when the journal could not be opened.
    pub(crate) assumed_seq: u64,
    next_number: u64,
    /// The newest record that is written, synced or not.
    pub(crate) written_number: u64,
    /// The notes as of before the first waiting record.
    pub(crate) notes: Notes,
    /// Notes of records that had to go while the ones before them could not be applied yet.
    pub(crate) deferred: BTreeMap<Box<str>, Option<Arc<str>>>,
    /// What is not confirmed on disk.
    pub(crate) waiting: VecDeque<Record>,
    pub(crate) waiting_bytes: usize,
    /// Up to which record the keeper is writing right now.
    pub(crate) recovering_to: Option<u64>,
    /// Events that left the memory before the disk came back.
    pub(crate) lost: Lost,
    pub(crate) tail: Tail,
    pub(crate) outages: Outages<Arc<Event>>,
    pub(crate) sinks: BTreeMap<String, Sink>,
    /// Where stopped sinks had come to, and what their cursors on disk say.
    pub(crate) parked: BTreeMap<String, (u64, Option<u64>)>,
    pub(crate) next_generation: u64,
    /// How often somebody began to drain.
    pub(crate) drains: u64,
    /// How many drain right now.
    pub(crate) draining: usize,
    /// How many jobs the keeper finished.
    pub(crate) rounds: u64,
    /// The last cursor could not be written; when that is tried again.
    pub(crate) cursors_retry_at: Option<Instant>,
    /// The keeper is to end.
    pub(crate) stopping: bool,
}

impl State {
    pub(crate) fn new(router: String, limits: Limits, health: Health, last_seq: u64) -> Self {
        Self {
            router,
            passing: false,
            limits,
            health,
            writer: None,
            last_seq,
            written_seq: last_seq,
            synced_seq: last_seq,
            assumed_seq: last_seq,
            next_number: 1,
            written_number: 0,
            notes: Notes::new(),
            deferred: BTreeMap::new(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            recovering_to: None,
            lost: Lost::default(),
            tail: Tail::new(last_seq + 1),
            outages: Outages::default(),
            sinks: BTreeMap::new(),
            parked: BTreeMap::new(),
            next_generation: 1,
            drains: 0,
            draining: 0,
            rounds: 0,
            cursors_retry_at: None,
            stopping: false,
        }
    }

    /// Makes events of the drafts, and takes them.
    pub(crate) fn publish(&mut self, transaction: Transaction) -> Vec<Event> {
        let mut published = Vec::with_capacity(transaction.drafts.len());
        let router = self.router.clone();
        let drafts = transaction.drafts.into_iter();
        let events = drafts.map(|draft| Event::new(draft, new_id(), 0, router.clone()));
        self.take(events, transaction.notes, |event| {
            published.push(event.clone());
        });
        published
    }

    /// Takes what others established: it stays as it is, but for its number.
    pub(crate) fn forward(&mut self, events: Vec<Event>) {
        self.take(events.into_iter(), Vec::new(), |_| ());
    }

    /// Numbers the events and writes them with the notes, or keeps them until the disk is back.
    fn take(
        &mut self,
        events: impl Iterator<Item = Event>,
        notes: Vec<(String, Option<Note>)>,
        mut taken: impl FnMut(&Event),
    ) {
        let mut record = Builder::default();
        let parked = self.parked.values().map(|(position, _)| *position);
        let sinks = self.sinks.values().map(|sink| sink.settled(self));
        let positions: Vec<u64> = sinks.chain(parked).collect();
        self.outages.settle(&positions);
        for mut event in events {
            if record.is_full() {
                self.append(std::mem::take(&mut record));
            }
            cut::cut(&mut event);
            self.last_seq += 1;
            event.seq = self.last_seq;
            taken(&event);
            let event = Arc::new(event);
            let size = record.push_event(Arc::clone(&event));
            self.outages.take_event(&event, size, &positions);
            self.tail.push(event, size);
        }
        for (key, note) in notes {
            if record.is_full() {
                self.append(std::mem::take(&mut record));
            }
            match as_text(&key, note.as_ref()) {
                Ok(text) => record.push_note(key.into(), text),
                Err(problem) => tracing::error!(problem, "a note was not kept"),
            }
        }
        if !record.is_empty() {
            self.append(record);
        }
        self.trim_tail();
    }

    fn append(&mut self, record: Builder) {
        let number = self.next_number;
        self.next_number += 1;
        let mut sealed = Vec::new();
        let record = record.finish(number, &mut sealed);
        match self.health {
            Health::Memory | Health::Closed => {
                self.synced_seq = self.last_seq;
                return;
            }
            Health::Good => {
                if let Err(error) = self.write(&record, &sealed) {
                    self.fail(&error);
                }
            }
            Health::Failing { .. } => {}
        }
        self.waiting_bytes += record.size;
        self.waiting.push_back(record);
        self.shed();
    }

    /// Writes one record behind all others.
    pub(crate) fn write(&mut self, record: &Record, sealed: &[u8]) -> io::Result<()> {
        let Some(writer) = &mut self.writer else {
            return Err(io::Error::other("the journal is not open"));
        };
        writer.notice_loss();
        if writer.wants_new_segment(sealed.len()) {
            let first = record
                .events
                .first()
                .map_or(self.written_seq + 1, |event| event.seq);
            // Notes without events may as well come with the snapshot already.
            let number = record.number + u64::from(record.events.is_empty());
            let notes = before(&self.notes, &self.waiting, number);
            writer.start_segment(first, &snapshot(notes.into_iter()))?;
        }
        let last_seq = record.last_seq().unwrap_or(self.written_seq);
        writer.append(sealed, last_seq)?;
        self.written_seq = last_seq;
        self.written_number = record.number;
        Ok(())
    }

    /// The disk failed; says so once.
    pub(crate) fn fail(&mut self, error: &io::Error) {
        let retry_at = Instant::now() + self.limits.retry_every;
        if !matches!(self.health, Health::Failing { .. }) {
            tracing::error!(
                %error,
                "the journal cannot be written; alerts go to syslog only and wait in memory"
            );
        }
        self.health = Health::Failing {
            cause: error.to_string(),
            retry_at,
        };
    }

    /// The keeper is to try a failing disk without waiting.
    pub(crate) fn retry_now(&mut self) {
        if let Some(retry_at) = &mut self.cursors_retry_at {
            *retry_at = Instant::now();
        }
        if let Health::Failing { retry_at, .. } = &mut self.health {
            *retry_at = Instant::now();
        }
    }

    /// Keeps what waits within its bounds: the oldest go first.
    fn shed(&mut self) {
        while self.waiting.len() > self.limits.waiting_records
            || self.waiting_bytes > self.limits.waiting_bytes
        {
            let recovering_to = self.recovering_to.unwrap_or(0);
            let index = self
                .waiting
                .partition_point(|record| record.number <= recovering_to);
            let Some(record) = self.waiting.remove(index) else {
                return;
            };
            self.waiting_bytes -= record.size;
            let in_order = self.recovering_to.is_none() && self.writer.is_some();
            if in_order {
                apply(record.notes, &mut self.notes);
            } else {
                self.deferred.extend(record.notes);
            }
            // What is written already can still be read; it only cannot be written once more.
            let written = record.number <= self.written_number;
            if let (false, Some(first), Some(last)) =
                (written, record.events.first(), record.events.last())
            {
                self.lose(first.seq, last.seq);
            }
        }
    }

    /// These events left the memory and never reached the disk.
    fn lose(&mut self, first: u64, last: u64) {
        self.lost.add(first, last);
        self.tail.remove(first, last);
        for sink in self.sinks.values_mut() {
            sink.dropped += last.saturating_sub(sink.reach().max(first - 1));
        }
    }

    /// All records up to `number` are on disk, and all events up to `seq`.
    pub(crate) fn confirm(&mut self, number: u64, seq: u64) {
        while self
            .waiting
            .front()
            .is_some_and(|record| record.number <= number)
        {
            if let Some(record) = self.waiting.pop_front() {
                self.waiting_bytes -= record.size;
                apply(record.notes, &mut self.notes);
            }
        }
        if self.waiting.is_empty() {
            self.waiting.shrink_to(64);
        }
        self.synced_seq = self.synced_seq.max(seq);
        self.trim_tail();
        self.wake(|sink| sink.needs_disk);
    }

    /// Keeps the tail within its bounds; what is nowhere else stays, unless there is no disk.
    fn trim_tail(&mut self) {
        let memory = matches!(self.health, Health::Memory | Health::Closed);
        // While an fsync hangs, what is written can be read from the page cache.
        let elsewhere = match self.health {
            Health::Good => self.written_seq.max(self.synced_seq),
            _ => self.synced_seq,
        };
        while self
            .tail
            .exceeds(self.limits.tail_events, self.limits.tail_bytes)
        {
            let Some(oldest) = self.tail.oldest() else {
                return;
            };
            if memory {
                for sink in self.sinks.values_mut() {
                    if sink.reach() < oldest {
                        sink.untold.add(oldest, oldest);
                        sink.lost(oldest, 1);
                    }
                }
            } else if oldest > elsewhere {
                return;
            }
            self.tail.forget_oldest();
        }
    }

    /// Tells workers that there may be more for them.
    pub(crate) fn wake(&self, whom: impl Fn(&Sink) -> bool) {
        for sink in self.sinks.values().filter(|sink| whom(sink)) {
            sink.wake.notify_one();
        }
    }

    /// What a sink may see.
    pub(crate) const fn visible(&self, needs_disk: bool) -> u64 {
        if needs_disk {
            self.synced_seq
        } else {
            self.last_seq
        }
    }
}
