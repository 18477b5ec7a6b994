//! Random days of silences and outages, told by the database and by a few lines that say what the
//! manual says.

use std::collections::{BTreeMap, BTreeSet};

use contract::Fact;

use crate::silences::{Turn, begin};
use crate::world::{World, down, event, on_both, restarted};

on_both!(random_days_end_as_the_manual_says);

/// What the manual says, alert by alert.
#[derive(Default)]
struct Manual {
    /// The services of routers that are silent, by silence; all when there is none.
    silent: BTreeMap<i64, (Option<&'static str>, Option<&'static str>)>,
    told: Vec<String>,
    begun: BTreeSet<String>,
    held: BTreeMap<String, Vec<String>>,
}

impl Manual {
    fn is_silent(&self, router: &str) -> bool {
        let fits = |wanted: Option<&str>, is: &str| wanted.is_none_or(|wanted| wanted == is);
        let mut all = self.silent.values();
        all.any(|(of, service)| fits(*of, router) && fits(*service, "dhcp"))
    }

    fn comes(&mut self, router: &str, outage: &str, id: &str, ends: bool) {
        let silent = self.is_silent(router);
        let held = self.held.remove(outage);
        if ends && !self.begun.contains(outage) && (held.is_some() || silent) {
            return;
        }
        if silent && !ends {
            let mut held = held.unwrap_or_default();
            held.push(id.to_owned());
            // Eight of one outage: the first, and the newest of each kind.
            if held.len() > 8 {
                held.remove(1);
            }
            self.held.insert(outage.to_owned(), held);
            return;
        }
        self.begun.insert(outage.to_owned());
        self.told.push(id.to_owned());
    }

    /// A silence ended.
    fn ends(&mut self, router_of: impl Fn(&str) -> &'static str) {
        let held = std::mem::take(&mut self.held);
        for (outage, held) in held {
            if self.is_silent(router_of(&outage)) {
                self.held.insert(outage, held);
            } else {
                self.begun.insert(outage);
                self.told.extend(held);
            }
        }
    }
}

async fn random_days_end_as_the_manual_says(world: World) {
    const ROUTERS: [&str; 3] = ["r-1", "r-2", "r-3"];
    world.add_routers(&ROUTERS).await;
    let store = &world.store;
    let mut random = fastrand::Rng::with_seed(fastrand::u64(..));
    let seed = random.get_seed();
    let mut turn = Turn::begin(store).await;
    let mut manual = Manual::default();
    let mut told: Vec<String> = Vec::new();
    let mut open = [const { None::<String> }; 3];
    for number in 1..250_u64 {
        match random.u32(..12) {
            0 | 1 if manual.silent.len() < 4 => {
                let router = random.bool().then(|| ROUTERS[random.usize(..3)]);
                let service = random.bool().then_some("dhcp");
                let id = begin(store, router, service).await;
                manual.silent.insert(id, (router, service));
            }
            2 | 3 if !manual.silent.is_empty() => {
                let which = random.usize(..manual.silent.len());
                let id = *manual.silent.keys().nth(which).unwrap();
                assert!(store.end_silence("anna", id).await.unwrap());
                manual.silent.remove(&id);
                manual.ends(|outage| ROUTERS[outage.len() - outage.trim_end_matches('+').len()]);
            }
            _ => {
                let which = random.usize(..3);
                let router = ROUTERS[which];
                let (id, known) = (number.to_string(), open[which].take());
                let ends = known.is_some() && random.bool();
                // The router can be told from the name.
                let outage = known
                    .clone()
                    .unwrap_or_else(|| format!("o-{number}{}", "+".repeat(which)));
                let one = if ends {
                    restarted(router, &id, number, &outage)
                } else if known.is_some() {
                    // One of each kind, so that none is withheld for a newer one.
                    let kind = format!("kind {number}");
                    event(
                        router,
                        &id,
                        number,
                        Some(&outage),
                        Fact::Unknown { kind, detail: None },
                    )
                } else {
                    down(router, &id, number, &outage)
                };
                world.deliver(router, vec![one]).await;
                manual.comes(router, &outage, &id, ends);
                open[which] = (!ends).then_some(outage);
            }
        }
        told.extend(turn.step().await);
        let (mut is, mut should) = (told.clone(), manual.told.clone());
        is.sort();
        should.sort();
        assert_eq!(is, should, "at {number} of the story {seed}");
    }
    assert_eq!(told.iter().collect::<BTreeSet<_>>().len(), told.len());
}
