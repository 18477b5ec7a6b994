//! From the decision what is watched to the mail about an outage: a management host and two routers
//! with real daemons, of which one reports by itself and the other cannot.

use std::fs;

use contract::Timestamp;
use manager::store::{Alert, Store, Via};
use tokio::runtime::{Builder, Runtime};

use crate::harness::receivers::exim::{Exim, PASSWORD_FILE};
use crate::harness::syslog::{ADDRESS, AUTHORITY};
use crate::harness::{Peer, Router, Syslog, Vrwatch, eventually, kinds};
use crate::mariadb::MariaDb;
use crate::network::{End, connect, let_in, manager, reporting};
use crate::ssh::Keys;
use crate::stored;

/// Reports by itself.
pub(crate) const TELLS: &str = "r-1-VM";
/// Has no route to the manager.
pub(crate) const MUTE: &str = "r-2-VM";
/// Where the first one is visited; it reports from another address.
const VISITED_AT: &str = "10.99.1.3/24";

pub(crate) const INVENTORY: &str = r#"
    [[zones]]
    id = "zone-1"
    name = "Frankfurt"
    network_type = "advanced"
    [[offerings]]
    id = "isolated"
    name = "isolated"
    services = { Dhcp = ["VirtualRouter"], Dns = ["VirtualRouter"], Lb = ["VirtualRouter"] }
    [[networks]]
    id = "guest"
    name = "guest"
    zone = "zone-1"
    offering = "isolated"
    kind = "advanced_isolated"
    [[routers]]
    name = "r-1-VM"
    zone = "zone-1"
    hypervisor = "vmware"
    address = "10.99.1.3"
    nics = [{ traffic = "guest", network = "guest" }]
    [[routers]]
    name = "r-2-VM"
    zone = "zone-1"
    hypervisor = "vmware"
    address = "10.99.2.2"
    nics = [{ traffic = "guest", network = "guest" }]
"#;

#[test]
fn outages_of_two_routers_are_told_and_visited_for_and_stored_and_mailed_once() {
    let host = Router::boot();
    host.open_in_its_network(|| story(&host, None));
}

#[test]
fn the_same_with_mariadb() {
    let host = Router::boot();
    host.open_in_its_network(|| {
        let database = MariaDb::start();
        story(&host, Some(&database.url()));
    });
}

/// What the manager has in its database.
struct Database {
    runtime: Runtime,
    store: Store,
}

impl Database {
    /// What is stored about dnsmasq of this router, in the order in which it happened.
    fn alerts(&self, router: &str) -> Vec<Alert> {
        let mut alerts = self
            .runtime
            .block_on(stored::alerts(&self.store, Some(router)));
        alerts.retain(|alert| alert.event.service.as_deref() == Some(Peer::Dnsmasq.section()));
        alerts.sort_by_key(|alert| alert.event.seq);
        alerts
    }

    /// How many samples of the routers' interfaces there are.
    fn samples(&self, router: &str) -> usize {
        let since = Timestamp::from_unix_millis(0).unwrap();
        let samples = self.store.usage(router, since, 10_000);
        self.runtime.block_on(samples).unwrap().len()
    }

    #[track_caller]
    fn until_visited_again(&self, router: &str, vrwatch: &Vrwatch<'_>) {
        let before = self.samples(router);
        eventually(
            &format!("{router} is visited"),
            || (self.samples(router) > before).then_some(()),
            || vrwatch.failure(),
        );
    }

    /// Waits until an outage and its end have been brought this way; their ids.
    #[track_caller]
    fn until_outage_is_stored(&self, router: &str, via: Via, vrwatch: &Vrwatch<'_>) -> Vec<String> {
        let alerts = eventually(
            &format!("the outage of {router} is stored"),
            || Some(self.alerts(router)).filter(|alerts| alerts.len() == 2),
            || vrwatch.failure(),
        );
        assert!(alerts.iter().all(|alert| alert.via == via), "{alerts:#?}");
        alerts.into_iter().map(|alert| alert.event.id).collect()
    }

    /// There is one outage, with its beginning and its end.
    #[track_caller]
    fn has_one_outage(&self, router: &str) {
        let events: Vec<_> = self.alerts(router).into_iter().map(|it| it.event).collect();
        assert_eq!(kinds(&events), ["service_down", "restarted"]);
        assert_eq!(events[0].outage, events[1].outage);
        let outages = self
            .runtime
            .block_on(stored::outages(&self.store, Some(router)));
        assert_eq!(outages.len(), 1, "{outages:#?}");
        assert!(outages[0].ended.is_some() && outages[0].alerts == 2);
    }
}

/// Runs in the management host's network.
fn story(host: &Router, database: Option<&str>) {
    let keys = Keys::new();
    let loopback = ["ip", "address", "add", ADDRESS, "dev", "lo"];
    host.run(loopback).expect_success();
    Syslog::start(host);
    let mails = Exim::start(host);
    let [tells, mute] = ["1", "2"].map(|number| router(host, &keys, number));
    let second = ["ip", "address", "add", VISITED_AT, "dev", "uplink"];
    tells.run(second).expect_success();
    let route = ["ip", "route", "add", ADDRESS, "via", "10.99.1.1"];
    tells.run(route).expect_success();
    assert!(!mute.run(["ip", "route", "get", ADDRESS]).status.success());

    let in_host = |text: String, path: &str| text.replace(path, host.path(path).to_str().unwrap());
    let section = in_host(Exim::section("127.0.0.1"), AUTHORITY);
    let program = manager(
        host,
        &keys,
        database,
        &format!(
            "connect_timeout = \"2s\"\nalive_every = \"1s\"\n\
             [poll]\ninterval = \"2s\"\ntimeout = \"20s\"\nmisses = 1000\n\
             [sink.admins.email]\n{}",
            in_host(section, PASSWORD_FILE)
        ),
    );
    let server = program.serve();
    let url = database.map_or_else(
        || format!("sqlite:{}", program.path("manager.db").display()),
        str::to_owned,
    );
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let opened = runtime.block_on(Store::open(&url, &program.path("sealing.key")));
    let store = opened.unwrap();
    let database = Database { runtime, store };

    let inventory = program.path("inventory.toml");
    fs::write(&inventory, INVENTORY).unwrap();
    let inventory = inventory.to_str().unwrap();
    let shown = program.says(&["import", inventory]);
    assert!(shown.contains("nothing is changed yet"), "{shown}");
    program.says(&["import", inventory, "--yes"]);
    let plan = program.says(&["plan", MUTE]);
    for peer in Peer::ALL {
        assert!(plan.contains(peer.section()), "{plan}");
    }

    let authority = host.read(AUTHORITY);
    let [of_tells, of_mute] = [(TELLS, &tells), (MUTE, &mute)].map(|(name, router)| {
        let key = program.says(&["router", "key", name]);
        let config = reporting(router, name, &key, &authority);
        Vrwatch::start(router, &[], &config)
    });
    let pushed = program.says(&["push", "--all"]);
    assert_eq!(pushed.matches("in force").count(), 2, "{pushed}");
    for vrwatch in [&of_tells, &of_mute] {
        for peer in Peer::ALL {
            eventually(
                &format!("{peer:?} is watched"),
                || (vrwatch.state_of(peer)? == "up").then_some(()),
                || vrwatch.failure(),
            );
        }
    }
    database.until_visited_again(TELLS, &of_tells);
    database.until_visited_again(MUTE, &of_mute);

    // Where it is visited it is away for as long as that takes.
    tells
        .run(["ip", "address", "del", VISITED_AT, "dev", "uplink"])
        .expect_success();
    tells.kill9(Peer::Dnsmasq);
    let mut told = database.until_outage_is_stored(TELLS, Via::Http, &of_tells);
    tells.run(second).expect_success();
    mute.kill9(Peer::Dnsmasq);
    told.extend(database.until_outage_is_stored(MUTE, Via::Visit, &of_mute));

    // Visits bring again what was reported, and what was brought already; nothing comes of it.
    for _ in 0..2 {
        database.until_visited_again(TELLS, &of_tells);
        database.until_visited_again(MUTE, &of_mute);
    }
    database.has_one_outage(TELLS);
    database.has_one_outage(MUTE);
    told.sort();
    let mailed = eventually(
        "all of it is mailed",
        || {
            let mut ids = mails.ids();
            ids.retain(|id| told.contains(id));
            ids.sort();
            (ids.len() >= told.len()).then_some(ids)
        },
        || format!("{}\n{}", mails.log(), program.says(&["alerts"])),
    );
    assert_eq!(mailed, told);
    let status = of_mute.status().unwrap();
    let sinks = status["sinks"].as_array().unwrap();
    let management = sinks.iter().find(|sink| sink["name"] == "management");
    assert_eq!(management.unwrap()["delivered"], 0, "{status:#}");
    assert_eq!(server.end(), Some(0));
}

/// A router with all daemons, that the management host reaches at 10.99.NUMBER.2.
pub(crate) fn router(host: &Router, keys: &Keys, number: &str) -> Router {
    let router = Router::boot();
    connect(
        &End {
            machine: host,
            interface: &format!("to-{number}"),
            address: &format!("10.99.{number}.1/24"),
        },
        &End {
            machine: &router,
            interface: "uplink",
            address: &format!("10.99.{number}.2/24"),
        },
    );
    let_in(&router, keys, "manager");
    for peer in [Peer::Dnsmasq, Peer::Haproxy, Peer::Apache2] {
        router.start(peer);
    }
    router
}
