//! The database server is killed under two managers: they go on, lose nothing,
//! and tell whoever asks; routers are told to come again.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use manager::store::{Outage, Store};
use tokio::runtime::Runtime;

use crate::couple::{Couple, counted_at, in_the_end, times, until_all_is_forwarded};
use crate::fleet::Fleet;
use crate::harness::Router;
use crate::harness::receivers::Catcher;
use crate::mariadb::MariaDb;
use crate::ssh::Keys;
use crate::stored;
use crate::storm::Storm;

const KILLS: usize = 3;
const VISITED: u8 = 2;
const POSTING: usize = 6;
const COUNTED_AT: u16 = 9099;
const SETTINGS: &str = "[poll]\ninterval = \"1s\"\ntimeout = \"10s\"\nmisses = 3\n\
     [forward]\nstorm = false\nlease = \"4s\"\n";

#[test]
fn a_database_that_is_killed_and_comes_again_costs_nothing_but_time() {
    tell(async |mut world| {
        for _ in 0..KILLS {
            world.go_on().await;
            world.database.kill9();
            world.until_it_is_away().await;
            world.database.start_again();
            world.until_it_is_back().await;
        }
        world.end(1 + KILLS).await;
    });
}

fn tell(story: impl AsyncFnOnce(World<'_>) + Send) {
    let host = Router::boot();
    host.open_in_its_network(|| {
        let runtime = Runtime::new().unwrap();
        runtime.block_on(async { story(World::begin(&host).await).await });
    });
}

struct World<'host> {
    database: MariaDb,
    couple: Couple,
    store: Store,
    fleet: Fleet,
    storm: Storm,
    counter: Catcher<'host>,
    _keys: Keys,
}

impl<'host> World<'host> {
    async fn begin(host: &'host Router) -> Self {
        let keys = Keys::new();
        let counter = Catcher::start(host, COUNTED_AT);
        let database = MariaDb::start();
        let listen = [8443, 8444].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let more = format!(
            "{}{SETTINGS}{}",
            Fleet::settings(&keys),
            counted_at(COUNTED_AT)
        );
        let couple = Couple::start(&database.url(), listen, &more);
        let store = couple.store(&database.url()).await;
        let fleet = Fleet::start(1..=VISITED, &keys);
        store.apply("test", &fleet.changes()).await.unwrap();
        let posting = Storm::begin(POSTING, &store, listen, &couple.folder()).await;
        Self {
            database,
            couple,
            store,
            fleet,
            storm: posting,
            counter,
            _keys: keys,
        }
    }

    /// Until much more is acknowledged, and the visited routers have something to tell.
    async fn go_on(&mut self) {
        let before = self.storm.acknowledged();
        in_the_end("more is acknowledged", async || {
            (self.storm.acknowledged() >= before + 150).then_some(())
        })
        .await;
        for router in &mut self.fleet.routers {
            router.has_an_outage();
        }
    }

    /// Until both managers say so, and routers are told to come again.
    async fn until_it_is_away(&mut self) {
        self.until_both_answer(503, "\"database\":\"away\"").await;
        let before = self.storm.told_to_come_again();
        in_the_end("routers are told to come again", async || {
            (self.storm.told_to_come_again() > before).then_some(())
        })
        .await;
    }

    async fn until_it_is_back(&mut self) {
        self.until_both_answer(200, "\"database\":\"works\"").await;
    }

    async fn until_both_answer(&mut self, status: u16, word: &str) {
        for which in 0..2 {
            let server = self.couple.server(which);
            in_the_end(word, async || {
                let ready = server.ask("GET /readyz", "");
                (ready.0 == status && ready.1.contains(word)).then_some(())
            })
            .await;
        }
    }

    /// Everything is there once, and was told at least once and at most so often.
    async fn end(self, most: usize) {
        let mut all: BTreeSet<String> = self.storm.end().await.into_iter().collect();
        for router in &self.fleet.routers {
            all.extend(router.told.iter().cloned());
        }
        in_the_end("what the visited routers have is stored", async || {
            let alerts = stored::alerts(&self.store, None).await;
            (alerts.len() >= all.len()).then_some(())
        })
        .await;
        until_all_is_forwarded(&self.store).await;
        let alerts = stored::alerts(&self.store, None).await;
        // Nobody was said to be unreachable, because the database was.
        let ids: Vec<String> = alerts.iter().map(|it| it.event.id.clone()).collect();
        assert!(times(&ids).into_values().all(|times| times == 1));
        assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), all);
        let outages = stored::outages(&self.store, None).await;
        let whole = |outage: &Outage| outage.alerts == 2 && outage.ended.is_some();
        assert!(outages.iter().all(whole) && outages.len() * 2 == all.len());
        for router in &self.fleet.routers {
            router.was_visited_by_one_at_a_time();
        }
        let told = times(&self.counter.ids());
        assert_eq!(told.keys().cloned().collect::<BTreeSet<_>>(), all);
        let again: usize = told.values().map(|times| times - 1).sum();
        println!("{} alerts told, {again} of them again", told.len());
        assert!(told.values().all(|times| *times <= most));
    }
}
