//! Sums up the outages of a service that flaps. Pure: what it decides follows from the events and
//! the time it is given, so a crash loses no more than what has to be read again.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::time::Duration;

use contract::{Draft, Ended, Event, Fact, Timestamp};
use tokio::time::Instant;

use crate::outages;
use crate::transaction::new_id;

/// The most services that are watched for flapping; the others are told one by one.
const MAX_SERVICES: usize = 256;
/// The most outages that are told one by one, whatever the settings say.
const MAX_OUTAGES: u32 = 1000;
/// The most events of an outage that is not over yet.
const MAX_OPEN: usize = 4;

/// How many outages of one service a sink is told one by one; more of them within the time are
/// summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flood {
    /// How many; at most 1,000 count.
    pub outages: u32,
    /// Within which time. At least as often what was summed up is told.
    pub within: Duration,
}

impl Default for Flood {
    fn default() -> Self {
        Self {
            outages: 10,
            within: Duration::from_mins(10),
        }
    }
}

/// What is known of the services of one sink.
#[derive(Debug)]
pub(crate) struct Condenser {
    flood: Flood,
    services: BTreeMap<Box<str>, Service>,
    /// Where keys are made, so that none costs memory of its own.
    key: String,
}

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is told.
    Pass,
    /// It is summed up.
    Fold,
}

/// What was summed up and is to be told now.
#[derive(Debug, PartialEq)]
pub(crate) struct Closed {
    /// The first event that was not told, which the sink's cursor must not pass before.
    pub(crate) first_seq: u64,
    /// Absent when no outage but the open one was summed up.
    pub(crate) summary: Option<Summary>,
    /// The events of the outage that is still open: they are told after all.
    pub(crate) open: Vec<Event>,
}

/// Outages of one service that are over.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Summary {
    router: String,
    service: String,
    process: Option<String>,
    outages: u64,
    pub(crate) events: u64,
    first_seq: u64,
    last_seq: u64,
    from: Timestamp,
    to: Timestamp,
    cause: Option<String>,
}

#[derive(Debug, Default)]
struct Service {
    /// When its newest outages began.
    began: VecDeque<Timestamp>,
    /// The newest outage.
    outage: String,
    /// Whether that is summed up.
    folds: bool,
    fold: Option<Fold>,
}

/// What is being summed up.
#[derive(Debug)]
struct Fold {
    first_seq: u64,
    from: Timestamp,
    due: Instant,
    summary: Option<Summary>,
    /// The events of the newest outage until it is over.
    open: Vec<Event>,
}

impl Condenser {
    pub(crate) fn new(flood: Flood) -> Self {
        Self {
            flood: Flood {
                outages: flood.outages.min(MAX_OUTAGES),
                ..flood
            },
            services: BTreeMap::new(),
            key: String::new(),
        }
    }

    /// Decides about the next event; what is closed by it is to be told before it.
    pub(crate) fn take(&mut self, event: &Event, now: Instant) -> (Option<Closed>, Verdict) {
        let (Some(name), Some(outage)) = (&event.service, &event.outage) else {
            return (None, Verdict::Pass);
        };
        let flood = self.flood;
        let Some(service) = self.service(&event.router, name) else {
            return (None, Verdict::Pass);
        };
        let mut closed = None;
        if service.outage != *outage {
            service.begin(outage, event.time, &flood);
            let lasts = service.fold.as_ref().is_some_and(|fold| {
                service.folds && event.time.saturating_since(fold.from) < flood.within
            });
            if !lasts {
                closed = service.close();
            }
        }
        if !service.folds {
            return (closed, Verdict::Pass);
        }
        if !is_foldable(&event.fact) {
            service.folds = false;
            return (closed.or_else(|| service.close()), Verdict::Pass);
        }
        let fold = service.fold.get_or_insert_with(|| Fold {
            first_seq: event.seq,
            from: event.time,
            due: now.checked_add(flood.within).unwrap_or(now),
            summary: None,
            open: Vec::new(),
        });
        fold.add(event);
        (closed, Verdict::Fold)
    }

    /// The first event of each row that is being summed up.
    pub(crate) fn first_seqs(&self) -> impl Iterator<Item = u64> + '_ {
        self.folds().map(|fold| fold.first_seq)
    }

    /// When the next is to be told.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.folds().map(|fold| fold.due).min()
    }

    /// Closes what is due.
    pub(crate) fn close(&mut self, now: Instant) -> Vec<Closed> {
        self.services
            .values_mut()
            .filter(|service| service.fold.as_ref().is_some_and(|fold| fold.due <= now))
            .filter_map(Service::close)
            .collect()
    }

    /// Closes everything.
    pub(crate) fn close_all(&mut self) -> Vec<Closed> {
        let services = self.services.values_mut();
        services.filter_map(Service::close).collect()
    }

    fn folds(&self) -> impl Iterator<Item = &Fold> + '_ {
        self.services.values().filter_map(|s| s.fold.as_ref())
    }

    /// What is known of a service; `None` when there is no room to know anything.
    fn service(&mut self, router: &str, name: &str) -> Option<&mut Service> {
        outages::name(router, name, &mut self.key);
        let key = self.key.as_str();
        if !self.services.contains_key(key) {
            if self.services.len() >= MAX_SERVICES {
                let idle = self.services.iter().filter(|(_, s)| s.fold.is_none());
                let quiet = idle.min_by_key(|(_, service)| service.began.back().copied());
                let quiet = quiet.map(|(key, _)| key.clone())?;
                self.services.remove(&quiet);
            }
            self.services.insert(key.into(), Service::default());
        }
        self.services.get_mut(key)
    }
}

impl Service {
    /// An outage begins.
    fn begin(&mut self, outage: &str, time: Timestamp, flood: &Flood) {
        let full = self.began.len() >= flood.outages as usize;
        let first = self.began.front().filter(|_| full);
        // Were the clock set back meanwhile, no time would have passed.
        self.folds = full && first.is_none_or(|at| time.saturating_since(*at) < flood.within);
        if full {
            self.began.pop_front();
        }
        self.began.push_back(time);
        outage.clone_into(&mut self.outage);
        if let Some(fold) = &mut self.fold {
            fold.finish();
        }
    }

    /// Ends the summing up. The outage that is open is told from now on.
    fn close(&mut self) -> Option<Closed> {
        let fold = self.fold.take()?;
        self.folds &= fold.open.is_empty();
        Some(Closed {
            first_seq: fold.first_seq,
            summary: fold.summary,
            open: fold.open,
        })
    }
}

impl Fold {
    fn add(&mut self, event: &Event) {
        self.open.push(event.clone());
        if event.fact.ends_outage() {
            self.finish();
        } else if self.open.len() > MAX_OPEN {
            let middle = self.open.remove(1);
            self.count(&middle);
        }
    }

    /// The newest outage is over.
    fn finish(&mut self) {
        let events = std::mem::take(&mut self.open);
        for event in &events {
            self.count(event);
        }
        if let (false, Some(summary)) = (events.is_empty(), &mut self.summary) {
            summary.outages += 1;
        }
    }

    fn count(&mut self, event: &Event) {
        let summary = self.summary.get_or_insert_with(|| Summary {
            router: event.router.clone(),
            service: event.service.clone().unwrap_or_default(),
            process: event.process.clone(),
            outages: 0,
            events: 0,
            first_seq: event.seq,
            last_seq: event.seq,
            from: event.time,
            to: event.time,
            cause: None,
        });
        summary.events += 1;
        summary.last_seq = event.seq;
        summary.to = event.time;
        if let Some(cause) = cause(&event.fact) {
            summary.cause = Some(cause);
        }
    }
}

impl Summary {
    /// The event that tells it to a sink, about the router that it is about.
    pub(crate) fn event(self, sink: &str, time: Timestamp) -> Event {
        let mut reason = format!("summed up: {} ", self.service);
        // Writing to a text cannot fail.
        let _ = match self.outages {
            0 => write!(reason, "went on being down at {}", self.from),
            1 => write!(reason, "went down and came back at {}", self.from),
            many => write!(
                reason,
                "went down and came back {many} times between {} and {}",
                self.from, self.to
            ),
        };
        if let Some(cause) = &self.cause {
            let _ = write!(reason, "; last: {cause}");
        }
        let draft = Draft {
            service: Some(self.service),
            process: self.process,
            outage: None,
            time,
            fact: Fact::AlertsDropped {
                count: self.events,
                first_seq: self.first_seq,
                last_seq: self.last_seq,
                sink: Some(sink.to_owned()),
                reason,
            },
        };
        Event::new(draft, new_id(), 0, self.router)
    }
}

/// Whether an event sums up what another sink was not told one by one.
pub(crate) fn is_summary_for_another(event: &Event, sink: &str) -> bool {
    event.sums_up()
        && matches!(&event.fact, Fact::AlertsDropped { sink: Some(of), .. } if of != sink)
}

/// What needs a person is never summed up.
const fn is_foldable(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::ServiceDown { .. }
            | Fact::Restarted { .. }
            | Fact::Recovered { .. }
            | Fact::Remonitored { .. }
    )
}

/// Why it went down, in words.
fn cause(fact: &Fact) -> Option<String> {
    match fact {
        Fact::ServiceDown {
            cause,
            ended: Ended::Unknown,
            ..
        } => Some(cause.to_string()),
        Fact::ServiceDown { cause, ended, .. } => Some(format!("{cause} ({ended})")),
        Fact::Recovered { ended, .. } if *ended != Ended::Unknown => Some(ended.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
