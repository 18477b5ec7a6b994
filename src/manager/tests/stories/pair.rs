//! Two managers on one `MariaDB` are killed again and again, in the middle of receiving, visiting,
//! sending and forwarding: the other goes on, nothing is lost, and nothing is stored twice.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fastrand::Rng;
use manager::plan::inventory::Change;
use manager::store::Store;
use tokio::runtime::Runtime;

use crate::couple::{Couple, counted_at, in_the_end, times, until_all_is_forwarded};
use crate::end_to_end::{self, INVENTORY, MUTE, TELLS};
use crate::ended::Ended;
use crate::fleet::{self, Fleet, Visited};
use crate::harness::receivers::Catcher;
use crate::harness::receivers::exim::{Exim, PASSWORD_FILE};
use crate::harness::syslog::{ADDRESS, AUTHORITY};
use crate::harness::{Config, Peer, Router, Syslog, Vrwatch, eventually};
use crate::mariadb::MariaDb;
use crate::ssh::Keys;
use crate::stored;
use crate::storm::Storm;

const ROUNDS: usize = 24;
const VISITED: u8 = 8;
const POSTING: usize = 8;
/// Where the sink listens that counts.
const COUNTED_AT: u16 = 9099;
/// Where a router is away at first.
const AWAY: u8 = 99;
const ROUTER_KEY: &str = "/etc/vrwatch/router.key";

/// Short, so that many of them end while the story is told.
const SETTINGS: &str = "[poll]\ninterval = \"2s\"\ntimeout = \"5s\"\nmisses = 3\n\
     [push]\nlimit = \"10s\"\n[forward]\nstorm = false\nlease = \"2s\"\n";

#[test]
fn two_managers_that_are_killed_in_turn_lose_nothing_and_store_nothing_twice() {
    let host = Router::boot();
    host.open_in_its_network(|| story(&host));
}

/// Runs in the management host's network.
fn story(host: &Router) {
    let keys = Keys::new();
    let loopback = ["ip", "address", "add", ADDRESS, "dev", "lo"];
    host.run(loopback).expect_success();
    Syslog::start(host);
    let mails = Exim::start(host);
    let counter = Catcher::start(host, COUNTED_AT);
    let real = ["1", "2"].map(|number| end_to_end::router(host, &keys, number));
    let visited_at = ["ip", "address", "add", "10.99.1.3/24", "dev", "uplink"];
    real[0].run(visited_at).expect_success();
    let route = ["ip", "route", "add", ADDRESS, "via", "10.99.1.1"];
    real[0].run(route).expect_success();

    let database = MariaDb::start();
    let listen = [8443, 8444].map(|port| SocketAddr::new(ADDRESS.parse().unwrap(), port));
    let in_host = |text: String, path: &str| text.replace(path, host.path(path).to_str().unwrap());
    let mailed = in_host(
        in_host(Exim::section("127.0.0.1"), AUTHORITY),
        PASSWORD_FILE,
    );
    let more = format!(
        "{}{SETTINGS}{}[sink.admins.email]\n{mailed}flood = false\nservices = [\"{}\"]\n",
        Fleet::settings(&keys),
        counted_at(COUNTED_AT),
        Peer::Dnsmasq.section(),
    );
    let mut couple = Couple::start(&database.url(), listen, &more);
    let inventory = couple.programs[0].path("inventory.toml");
    fs::write(&inventory, INVENTORY).unwrap();
    couple.programs[0].says(&["import", inventory.to_str().unwrap(), "--yes"]);
    let watches = [(TELLS, &real[0]), (MUTE, &real[1])].map(|(name, router)| {
        let key = couple.programs[0].says(&["router", "key", name]);
        Vrwatch::start(router, &[], &reporting(router, name, &key, listen))
    });
    couple.programs[0].says(&["push", "--all"]);
    for watch in &watches {
        eventually(
            "dnsmasq is watched",
            || (watch.state_of(Peer::Dnsmasq)? == "up").then_some(()),
            || watch.failure(),
        );
    }
    let runtime = Runtime::new().unwrap();
    let store = runtime.block_on(couple.store(&database.url()));
    let fleet = Fleet::start(1..=VISITED, &keys);
    let mut known = fleet.changes();
    known.push(fleet::known(&fleet::name(AWAY), fleet::address(AWAY)));
    runtime.block_on(store.apply("test", &known)).unwrap();
    let folder = couple.folder();
    let posting = runtime.block_on(Storm::begin(POSTING, &store, listen, &folder));
    couple.next_turn(0);

    let mut world = World {
        random: seeded(),
        couple,
        store,
        fleet,
        storm: posting,
        told_before: HashMap::new(),
        turns_killed: 0,
        takeovers: Vec::new(),
    };
    for round in 0..ROUNDS {
        if round % 4 == 1 {
            let router = &real[round / 4 % 2];
            router.until_it_answers(Peer::Dnsmasq);
            router.kill9(Peer::Dnsmasq);
        }
        runtime.block_on(world.play(round, &counter));
    }
    let (world, mut ids) = runtime.block_on(world.end(&keys));
    for ((watch, router), name) in watches.iter().zip(&real).zip([TELLS, MUTE]) {
        ids.extend(until_stored(&world, &runtime, watch));
        let decided = world.couple.programs[0].says(&["plan", name, "--form", "monitor.conf"]);
        assert_eq!(router.read("/etc/monitor.conf"), decided);
    }
    runtime.block_on(until_all_is_forwarded(&world.store));
    runtime.block_on(world.each_is_stored_once(&ids, &fleet::name(AWAY)));
    runtime.block_on(world.each_is_told(&counter, &mails));
}

/// The ids of all that this router has told, once all of it is stored.
fn until_stored(world: &Ended, runtime: &Runtime, watch: &Vrwatch<'_>) -> Vec<String> {
    eventually(
        "what the router told is stored",
        || {
            let told: Vec<String> = watch.events().into_iter().map(|it| it.id).collect();
            let stored = runtime.block_on(stored::alerts(&world.store, None));
            let stored: BTreeSet<_> = stored.into_iter().map(|it| it.event.id).collect();
            told.iter().all(|id| stored.contains(id)).then_some(told)
        },
        || watch.failure(),
    )
}

/// A router that reports to both.
fn reporting(router: &Router, name: &str, key: &str, managers: [SocketAddr; 2]) -> Config {
    router.write_secret(ROUTER_KEY, key.trim());
    let sinks = ["first", "second"].into_iter().zip(managers);
    let config = Config::short().and(&format!("[router]\nname = \"{name}\"\n"));
    sinks.fold(config, |config, (sink, address)| {
        config.and(&format!(
            "[sink.{sink}.http]\nurl = \"http://{address}/api/v1/alerts\"\n\
             secret_file = \"{ROUTER_KEY}\"\n"
        ))
    })
}

struct World {
    random: Rng,
    couple: Couple,
    store: Store,
    fleet: Fleet,
    storm: Storm,
    /// How often the sink had been told of each, when all that was told was saved as told.
    told_before: HashMap<String, usize>,
    /// How many who forwarded were killed.
    turns_killed: usize,
    /// How long it took until the other forwarded.
    takeovers: Vec<Duration>,
}

impl World {
    /// Work of every kind, and a kill in the midst of it.
    async fn play(&mut self, round: usize, counter: &Catcher<'_>) {
        if round % 6 == 5 {
            self.settle(counter).await;
        }
        self.watch_something_else(round).await;
        let work = Duration::from_millis(self.random.u64(200..2500));
        self.go_on_for(work).await;
        let victim = self.random.usize(..2);
        let last = *self.couple.turns().last().unwrap();
        self.couple.kill(victim);
        let killed = Instant::now();
        if last.1 == victim {
            self.turns_killed += 1;
        }
        if last.1 == victim && self.random.bool() {
            self.couple.next_turn(last.0);
            self.takeovers.push(killed.elapsed());
        } else {
            let dead = Duration::from_millis(self.random.u64(..1000));
            self.go_on_for(dead).await;
        }
        self.couple.start_again(victim);
    }

    /// Decides for both real routers that they watch a service more, or less, and has it sent.
    async fn watch_something_else(&self, round: usize) {
        let mut routers = self.store.inventory().await.unwrap().routers;
        routers.retain(|router| [TELLS, MUTE].contains(&router.name.as_str()));
        for router in &mut routers {
            router.excluded = match round % 2 {
                0 => BTreeSet::from([Peer::Haproxy.section().to_owned()]),
                _ => BTreeSet::new(),
            };
        }
        let names: Vec<String> = routers.iter().map(|it| it.name.clone()).collect();
        let changes: Vec<Change> = routers.into_iter().map(Change::SetRouter).collect();
        self.store.apply("test", &changes).await.unwrap();
        self.store.request_pushes("test", &names).await.unwrap();
    }

    /// The visited routers have outages; the posting ones have theirs by themselves.
    async fn go_on_for(&mut self, time: Duration) {
        // Not a wait for anything: the kill is to come at any moment of the work.
        let end = Instant::now() + time;
        while Instant::now() < end {
            let which = self.random.usize(..self.fleet.routers.len());
            self.fleet.routers[which].has_an_outage();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until everything is told and saved as told: none of it is told once more.
    async fn settle(&mut self, counter: &Catcher<'_>) {
        self.storm.pause().await;
        in_the_end("the sinks have everything", async || {
            let counts = self.store.counts().await.ok()?;
            (counts.waiting == 0 && counts.outgoing == 0).then_some(())
        })
        .await;
        let told = times(&counter.ids());
        // What a visit brings in this very moment may be told and not yet saved.
        let counts = self.store.counts().await.unwrap();
        if counts.waiting == 0 && counts.outgoing == 0 {
            self.told_before = told;
        }
        self.storm.go_on();
    }

    /// The storm ends, the router that was away comes, and what the dead held is taken over. The
    /// ids of all that was acknowledged, or is in the journal of one that is visited.
    async fn end(self, keys: &Keys) -> (Ended, BTreeSet<String>) {
        let refused = self.storm.refused();
        let mut ids: BTreeSet<String> = self.storm.end().await.into_iter().collect();
        let last_kill = Instant::now();
        let open_pushes = async || Some(self.store.counts().await.ok()?.open_pushes);
        in_the_end("every push comes to its end", async || {
            (open_pushes().await? == 0).then_some(())
        })
        .await;
        let pushes = last_kill.elapsed();
        let away = Fleet::start(AWAY..=AWAY, keys);
        for router in &self.fleet.routers {
            ids.extend(router.told.iter().cloned());
        }
        in_the_end(
            "what the visited routers have is stored, and nobody is away",
            async || {
                let alerts = stored::alerts(&self.store, None).await;
                let times = stored::times_stored(&alerts);
                let all = ids.iter().all(|id| times.contains_key(id.as_str()));
                (all && self.store.counts().await.ok()?.unreachable == 0).then_some(())
            },
        )
        .await;
        println!(
            "{} events of posting and visited routers; {refused} posts were refused; \
             {} kills hit who forwarded, takeovers took {:?}; the last pushes took {pushes:?}, \
             the last visits {:?}; the longest between two visits {:?}",
            ids.len(),
            self.turns_killed,
            self.takeovers,
            last_kill.elapsed(),
            self.fleet.routers.iter().map(Visited::longest_wait).max(),
        );
        let ended = Ended {
            store: self.store,
            told_before: self.told_before,
            turns_killed: self.turns_killed,
            couple: self.couple,
            fleets: [self.fleet, away],
        };
        (ended, ids)
    }
}

/// The same story again: with what it printed as `STORY_SEED`.
fn seeded() -> Rng {
    let seed = std::env::var("STORY_SEED");
    let seed = seed.map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("STORY_SEED={seed}");
    Rng::with_seed(seed)
}
