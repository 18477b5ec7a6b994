//! The outages that are open, and what was told of each: pairs the events of a service by their
//! outage. A sink that starts is reminded of those that it was told of and knows no end of.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use contract::Event;

/// The most outages that are remembered.
pub(crate) const MAX_OUTAGES: usize = 1000;
/// The most that all their events may take, in bytes of JSON.
const MAX_BYTES: usize = 256 * 1024;
/// The most events of one outage: the first, and the newest of each kind.
const MAX_EVENTS: usize = 8;

/// The open outages, and those that ended behind the position of some sink. `T` is an event: text
/// while a journal is read, so that only the few that stay are ever parsed.
#[derive(Debug)]
pub(crate) struct Outages<T> {
    services: BTreeMap<Box<str>, VecDeque<Outage<T>>>,
    /// Whether events are of many routers. Otherwise a router that got another name is the same.
    many_routers: bool,
    /// Where keys are made, so that none costs memory of its own.
    key: String,
    size: Size,
}

/// What they add up to.
#[derive(Debug, Default)]
struct Size {
    outages: usize,
    ended: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Outage<T> {
    id: Box<str>,
    /// The number of the event that ended it.
    ended: Option<u64>,
    /// In order; never empty.
    events: Vec<Kept<T>>,
}

#[derive(Debug)]
struct Kept<T> {
    seq: u64,
    kind: Box<str>,
    bytes: usize,
    event: T,
}

/// What is asked of an event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    pub(crate) seq: u64,
    pub(crate) router: &'a str,
    pub(crate) service: &'a str,
    pub(crate) outage: &'a str,
    pub(crate) kind: &'a str,
    /// Length of its JSON.
    pub(crate) bytes: usize,
    /// Whether the outage is over with it.
    pub(crate) ends: bool,
}

impl<T> Default for Outages<T> {
    fn default() -> Self {
        Self {
            services: BTreeMap::new(),
            many_routers: false,
            key: String::new(),
            size: Size::default(),
        }
    }
}

impl<T> Outages<T> {
    pub(crate) fn new(many_routers: bool) -> Self {
        Self {
            many_routers,
            ..Self::default()
        }
    }

    /// Takes the next event. An outage that is over is kept while a sink stands inside it:
    /// `positions` are theirs.
    pub(crate) fn take(&mut self, head: Head<'_>, event: impl FnOnce() -> T, positions: &[u64]) {
        let router = if self.many_routers { head.router } else { "" };
        name(router, head.service, &mut self.key);
        let outages = match self.services.get_mut(self.key.as_str()) {
            Some(outages) => outages,
            None if head.ends => return,
            None => self.services.entry(self.key.as_str().into()).or_default(),
        };
        // A service has one outage at a time: were there another, its end went missing.
        for outage in outages.iter_mut().filter(|o| o.ended.is_none()) {
            if head.ends || *outage.id != *head.outage {
                outage.ended = Some(head.seq);
                self.size.ended += 1;
            }
        }
        if !head.ends {
            let kept = Kept {
                seq: head.seq,
                kind: head.kind.into(),
                bytes: head.bytes,
                event: event(),
            };
            self.size.bytes += kept.bytes;
            if let Some(outage) = outages.back_mut().filter(|o| *o.id == *head.outage) {
                self.size.ended -= usize::from(outage.ended.take().is_some());
                outage.push(kept, &mut self.size);
            } else {
                self.size.outages += 1;
                outages.push_back(Outage {
                    id: head.outage.into(),
                    ended: None,
                    events: vec![kept],
                });
            }
        }
        retain(outages, &mut self.size, |outage| {
            outage.is_needed(positions)
        });
        if outages.is_empty() {
            self.services.remove(self.key.as_str());
        }
        while self.size.outages > MAX_OUTAGES || self.size.bytes > MAX_BYTES {
            self.forget_one();
        }
    }

    /// Lets go of what is over for every sink.
    pub(crate) fn settle(&mut self, positions: &[u64]) {
        if self.size.ended > 0 {
            self.retain(|outage| outage.is_needed(positions));
        }
    }

    /// What is over goes first, then what is oldest.
    fn forget_one(&mut self) {
        let all = self.services.values().flatten();
        let order = |outage: &Outage<T>| (outage.ended.is_none(), outage.first());
        if let Some(first) = all.map(order).min() {
            self.retain(|outage| order(outage) != first);
        }
    }

    fn retain(&mut self, mut stays: impl FnMut(&Outage<T>) -> bool) {
        let size = &mut self.size;
        self.services.retain(|_, outages| {
            retain(outages, size, &mut stays);
            !outages.is_empty()
        });
    }
}

/// Makes the key of a router's service.
pub(crate) fn name(router: &str, service: &str, key: &mut String) {
    key.clear();
    key.push_str(router);
    key.push('\0');
    key.push_str(service);
}

fn retain<T>(
    outages: &mut VecDeque<Outage<T>>,
    size: &mut Size,
    mut stays: impl FnMut(&Outage<T>) -> bool,
) {
    outages.retain(|outage| {
        let stays = stays(outage);
        if !stays {
            size.outages -= 1;
            size.ended -= usize::from(outage.ended.is_some());
            size.bytes -= outage.events.iter().map(|kept| kept.bytes).sum::<usize>();
        }
        stays
    });
}

impl<T> Outage<T> {
    fn first(&self) -> u64 {
        self.events.first().map_or(0, |kept| kept.seq)
    }

    fn is_open_at(&self, position: u64) -> bool {
        self.first() <= position && self.ended.is_none_or(|ended| position < ended)
    }

    fn is_needed(&self, positions: &[u64]) -> bool {
        self.ended.is_none() || positions.iter().any(|at| self.is_open_at(*at))
    }

    fn push(&mut self, kept: Kept<T>, size: &mut Size) {
        let mut rest = self.events.iter().skip(1);
        let same = rest.position(|other| other.kind == kept.kind);
        let excess = (self.events.len() >= MAX_EVENTS).then_some(0);
        if let Some(older) = same.or(excess) {
            size.bytes -= self.events.remove(older + 1).bytes;
        }
        self.events.push(kept);
    }
}

impl Outages<Arc<Event>> {
    /// Takes the next event of those that belong to an outage.
    pub(crate) fn take_event(&mut self, event: &Arc<Event>, bytes: usize, positions: &[u64]) {
        if let Some(outage) = &event.outage {
            let head = Head {
                seq: event.seq,
                router: &event.router,
                service: event.service.as_deref().unwrap_or_default(),
                outage,
                kind: event.fact.kind(),
                bytes,
                ends: event.fact.ends_outage(),
            };
            self.take(head, || Arc::clone(event), positions);
        }
    }

    /// The events, oldest first, of the outages that are open for a sink that has everything up to
    /// `position` and nothing else.
    pub(crate) fn open_at(&self, position: u64) -> Vec<Event> {
        let outages = self.services.values().flatten();
        let mut events: Vec<Event> = outages
            .filter(|outage| outage.is_open_at(position))
            .flat_map(|outage| &outage.events)
            .filter(|kept| kept.seq <= position)
            .map(|kept| kept.event.as_ref().clone())
            .collect();
        events.sort_by_key(|event| event.seq);
        events
    }
}

impl Outages<Box<str>> {
    /// Parses what stayed; what cannot be read is left out.
    pub(crate) fn parse(self) -> Outages<Arc<Event>> {
        let many_routers = self.many_routers;
        let mut parsed = Outages::new(many_routers);
        for outage in self.services.into_values().flatten() {
            let events: Vec<Kept<Arc<Event>>> = outage
                .events
                .into_iter()
                .filter_map(|kept| {
                    Some(Kept {
                        seq: kept.seq,
                        kind: kept.kind,
                        bytes: kept.bytes,
                        event: Arc::new(serde_json::from_str(&kept.event).ok()?),
                    })
                })
                .collect();
            let Some(first) = events.first() else {
                continue;
            };
            let service = first.event.service.as_deref().unwrap_or_default();
            let id = first.event.outage.as_deref().unwrap_or_default().into();
            let router = Some(first.event.router.as_str()).filter(|_| many_routers);
            name(router.unwrap_or_default(), service, &mut parsed.key);
            let key = parsed.key.as_str().into();
            let outages: &mut VecDeque<_> = parsed.services.entry(key).or_default();
            parsed.size.outages += 1;
            parsed.size.ended += usize::from(outage.ended.is_some());
            parsed.size.bytes += events.iter().map(|kept| kept.bytes).sum::<usize>();
            outages.push_back(Outage {
                id,
                ended: outage.ended,
                events,
            });
        }
        parsed
    }
}

#[cfg(test)]
mod tests;
