//! What happens in a day: time that passes, clocks that jump, silences, and services that go down
//! and come back.

use std::collections::BTreeMap;

use contract::Fact;
use proptest::prelude::*;

use super::book::Book;
use super::{ROUTERS, SERVICES, at, event, fact, silence};

/// What happens.
#[derive(Clone, Copy, Debug)]
pub(super) enum Happening {
    Passes(u64),
    /// The database's clock is set, so many seconds forward or back.
    Jumps(i64),
    /// Zone, router, service; from in how many seconds, for how many.
    Silence([bool; 3], usize, usize, u64, u64),
    EndsSilence(usize),
    /// A service of a router: it goes down, something follows, or it comes back.
    Changes(usize, usize, bool),
    /// What happened so many seconds ago arrives now.
    Lags(u64),
    Test(usize),
}

pub(super) fn happening(jumps: bool) -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => (1..900_u64).prop_map(Happening::Passes),
        u32::from(jumps) => (-4000..4000_i64).prop_map(Happening::Jumps),
        2 => (any::<[bool; 3]>(), 0..3_usize, 0..2_usize, 0..300_u64, 1..3000_u64)
            .prop_map(|(of, router, service, from, lasts)| Happening::Silence(of, router, service, from, lasts)),
        1 => any::<usize>().prop_map(Happening::EndsSilence),
        8 => (0..3_usize, 0..2_usize, any::<bool>())
            .prop_map(|(router, service, ends)| Happening::Changes(router, service, ends)),
        1 => (0..600_u64).prop_map(Happening::Lags),
        1 => (0..3_usize).prop_map(Happening::Test),
    ]
}

/// What is needed to tell a story.
pub(super) struct Story {
    pub(super) book: Book,
    pub(super) lag: u64,
    /// The open outage of each service, and the time when its beginning arrived.
    pub(super) open: BTreeMap<(usize, usize), String>,
    pub(super) outages: usize,
}

impl Story {
    pub(super) fn new() -> Self {
        let book = Book {
            now: 100_000,
            ..Book::default()
        };
        Self {
            book,
            lag: 0,
            open: BTreeMap::new(),
            outages: 0,
        }
    }

    pub(super) fn happens(&mut self, happening: Happening) {
        let book = &mut self.book;
        match happening {
            Happening::Passes(seconds) => book.now += seconds,
            Happening::Jumps(seconds) => book.now = book.now.saturating_add_signed(seconds),
            Happening::Silence(of, router, service, from, lasts) => {
                let (name, zone) = ROUTERS[router];
                let of = [
                    of[0].then_some(zone),
                    of[1].then_some(name),
                    of[2].then_some(SERVICES[service]),
                ];
                let id = i64::try_from(book.silences.len()).unwrap() + 1;
                let span = (book.now + from, book.now + from + lasts);
                book.silences.push(silence(id, of, span));
            }
            Happening::EndsSilence(which) => {
                let open = book.silences.iter_mut();
                let mut open: Vec<_> = open.filter(|one| one.silence.ends > at(book.now)).collect();
                if !open.is_empty() {
                    let which = which % open.len();
                    open[which].silence.ends = at(book.now);
                }
            }
            Happening::Changes(router, service, ends) => {
                let key = (router, service);
                let known = self.open.get(&key).cloned();
                let outage = known.clone().unwrap_or_else(|| {
                    self.outages += 1;
                    format!("o-{}", self.outages)
                });
                let ends = ends && known.is_some();
                let fact = fact(ends, known.is_some());
                let time = book.now.saturating_sub(self.lag);
                let event = event(
                    ROUTERS[router].0,
                    SERVICES[service],
                    Some(&outage),
                    time,
                    fact,
                );
                book.store(router, event);
                if ends {
                    self.open.remove(&key);
                } else {
                    self.open.insert(key, outage);
                }
            }
            Happening::Lags(seconds) => self.lag = seconds,
            Happening::Test(router) => {
                let fact = Fact::Test {
                    text: String::new(),
                };
                book.store(
                    router,
                    event(ROUTERS[router].0, "dhcp", None, book.now, fact),
                );
            }
        }
    }
}
