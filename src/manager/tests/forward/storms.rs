//! A zone that fails as a whole: told as one to those who want that, whoever's turn it is, and with
//! a real mail server.

use std::path::Path;
use std::time::Duration;

use contract::{Event, Fact};
use document::SinkSpec;
use manager::forward::storm::{Settings, Storms};
use manager::forward::{Config, Forwarder, Rules, Target};
use manager::plan::inventory::{Change, Zone, ZoneType};
use manager::store::{AlertFilter, Batch, OutageFilter, Page, Store, Via};

use crate::exim::Exim;
use crate::receiver::{Manager, Receiver, SHORT, soon};
use crate::world::{World, down, event, on_both, restarted, router};

on_both!(
    a_zone_that_fails_is_told_as_one_to_those_who_want_that,
    what_was_told_before_it_was_a_storm_is_ended_by_its_summary,
    when_the_manager_is_killed_in_mid_storm_it_begins_and_ends_once_all_the_same,
    a_zone_that_goes_down_and_comes_back_is_two_mails,
);

/// Storms that are over soon.
fn quick(quiet: Duration) -> Storms {
    Storms {
        settings: Some(Settings {
            routers: 20,
            within: quiet,
            quiet,
            longest: Duration::from_hours(1),
        }),
        summed: None,
    }
}

fn config(quiet: Duration, lease: Duration) -> Config {
    Config {
        lease,
        storm: quick(quiet),
        ..Config::default()
    }
}

const LONG: Duration = Duration::from_mins(2);
const QUIET: Duration = Duration::from_secs(2);

fn start(
    name: &str,
    store: &Store,
    folder: &Path,
    config: Config,
    targets: Vec<Target>,
) -> Manager {
    let forwarder = Forwarder::new(
        store.clone(),
        name.to_owned(),
        folder.join(name),
        config,
        Rules::default(),
        targets,
    );
    Manager::of(forwarder)
}

/// Routers `r-FIRST` to before `r-LAST` in the zone `zone-1`, which people call Berlin; `elsewhere`
/// in another.
async fn fleet(world: &World, numbers: std::ops::Range<u32>) {
    let zone = |id: &str, name: &str| {
        Change::SetZone(Zone {
            id: id.into(),
            name: name.into(),
            network_type: ZoneType::Advanced,
            monitoring: None,
            source: None,
        })
    };
    let mut changes = vec![zone("zone-1", "Berlin"), zone("zone-2", "Hamburg")];
    changes.extend(numbers.map(|n| Change::SetRouter(router(&format!("r-{n}")))));
    let mut elsewhere = router("elsewhere");
    elsewhere.zone = "zone-2".into();
    changes.push(Change::SetRouter(elsewhere));
    world.store.apply("test", &changes).await.unwrap();
}

/// All at once: one time of storing.
async fn deliver(store: &Store, events: Vec<Event>) {
    let batches: Vec<Batch> = events
        .into_iter()
        .map(|event| Batch {
            router: event.router.clone(),
            events: vec![event],
            via: Via::Http,
        })
        .collect();
    for stored in store.store_batches(&batches).await.unwrap() {
        stored.unwrap();
    }
}

async fn fail(store: &Store, numbers: std::ops::Range<u32>) {
    let all = numbers.map(|n| down(&format!("r-{n}"), "down", 1, &format!("o-{n}")));
    deliver(store, all.collect()).await;
}

async fn come_back(store: &Store, numbers: std::ops::Range<u32>) {
    let all = numbers.map(|n| restarted(&format!("r-{n}"), "up", 2, &format!("o-{n}")));
    deliver(store, all.collect()).await;
}

fn kinds(receiver: &Receiver) -> Vec<String> {
    let told = receiver.told();
    told.iter()
        .map(|event| event.fact.kind().to_owned())
        .collect()
}

async fn hears(receiver: &Receiver, kind: &str) {
    soon(&format!("{kind} is told"), || {
        kinds(receiver).iter().any(|told| told == kind)
    })
    .await;
}

async fn begun(store: &Store) {
    while store.forward_cursors().await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until every sink has everything.
async fn settled(store: &Store) {
    loop {
        let counts = store.counts().await.unwrap();
        if (counts.waiting, counts.outgoing) == (0, 0) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn a_zone_that_fails_is_told_as_one_to_those_who_want_that(world: World) {
    fleet(&world, 0..50).await;
    let (each, summing) = (Receiver::default(), Receiver::summing());
    let targets = vec![each.target("each"), summing.target("summing")];
    let store = &world.store;
    let folder = world.directory.path();
    let manager = start("m1", store, folder, config(QUIET, LONG), targets);
    begun(store).await;
    let single = down("elsewhere", "down", 1, "o");
    deliver(store, vec![single]).await;
    fail(store, 0..50).await;
    // What follows of it belongs to it.
    let again = event("r-7", "again", 2, Some("o-7"), failed_again());
    deliver(store, vec![again]).await;
    hears(&summing, "storm_began").await;
    soon("a storm is seen", || {
        manager.seen().is_some_and(|seen| seen.storms == 1)
    })
    .await;
    come_back(store, 0..49).await;
    hears(&summing, "storm_ended").await;
    // It is not over, and named in the sum: from now on it is told as ever.
    come_back(store, 49..50).await;
    hears(&summing, "restarted").await;
    each.told_at_least(1 + 50 + 1 + 50 + 2).await;
    settled(store).await;
    let told = ["service_down", "storm_began", "storm_ended", "restarted"];
    assert_eq!(kinds(&summing), told);
    let told = summing.told();
    assert_eq!(
        (told[0].zone.as_deref(), &told[0].storm),
        (Some("Hamburg"), &None)
    );
    let Fact::StormBegan {
        zone,
        routers,
        services,
        ..
    } = &told[1].fact
    else {
        panic!("{told:?}");
    };
    assert_eq!((zone.as_str(), *routers, *services), ("Berlin", 50, 50));
    assert_eq!(told[1].zone.as_deref(), Some("Berlin"));
    let Fact::StormEnded {
        outages,
        still_down,
        still_down_first,
        ..
    } = &told[2].fact
    else {
        panic!("{told:?}");
    };
    assert_eq!((*outages, *still_down), (50, 1));
    assert_eq!(still_down_first, &["r-49 dhcp"]);
    assert_eq!(told[2].outage, told[1].outage);
    let each = each.told();
    assert_eq!(each.len(), 104);
    let marked = each.iter().filter(|event| event.storm == told[1].outage);
    assert_eq!(marked.count(), 50 + 1 + 49);
    // It is an outage of the zone that is over, and nothing of it is left.
    let filter = OutageFilter {
        router: Some("zone:zone-1".into()),
        ..OutageFilter::default()
    };
    let outages = store.outages(&filter, Page::default()).await.unwrap();
    assert_eq!(outages.rows.len(), 1);
    assert!(outages.rows[0].ended.is_some());
    let known = store.known_storms(Duration::ZERO).await.unwrap();
    assert!(known.storms.is_empty());
    assert!(
        manager
            .seen()
            .unwrap()
            .sinks
            .iter()
            .all(|sink| sink.pending == 0)
    );
    manager.end().await;
}

fn failed_again() -> Fact {
    Fact::RestartFailed {
        attempts: 5,
        failure: contract::Failure {
            reason: "exit 1".into(),
            exit: Some(1),
            output: String::new(),
        },
    }
}

async fn what_was_told_before_it_was_a_storm_is_ended_by_its_summary(world: World) {
    fleet(&world, 0..40).await;
    let summing = Receiver::summing();
    let store = &world.store;
    let targets = vec![summing.target("summing")];
    let settings = config(Duration::from_secs(20), LONG);
    let manager = start("m1", store, world.directory.path(), settings, targets);
    begun(store).await;
    fail(store, 0..15).await;
    summing.told_at_least(15).await;
    fail(store, 15..40).await;
    come_back(store, 0..40).await;
    hears(&summing, "storm_ended").await;
    settled(store).await;
    let mut told = vec!["service_down"; 15];
    told.extend(["storm_began", "storm_ended"]);
    assert_eq!(kinds(&summing), told);
    manager.end().await;
}

async fn when_the_manager_is_killed_in_mid_storm_it_begins_and_ends_once_all_the_same(
    world: World,
) {
    fleet(&world, 0..30).await;
    let (each, summing) = (Receiver::default(), Receiver::summing());
    let targets = || vec![each.target("each"), summing.target("summing")];
    let other = world.another_manager().await;
    let store = &world.store;
    let folder = world.directory.path();
    let settings = || config(QUIET, SHORT);
    let first = start("m1", store, folder, settings(), targets());
    begun(store).await;
    fail(store, 0..30).await;
    // It is a storm, and nobody is told of it yet.
    soon("a storm is seen", || {
        first.seen().is_some_and(|seen| seen.storms == 1)
    })
    .await;
    first.kill().await;
    let second = start("m2", &other, folder, settings(), targets());
    hears(&summing, "storm_began").await;
    settled(store).await;
    second.kill().await;
    // In the meantime most of it is over.
    come_back(store, 0..29).await;
    let third = start("m3", store, folder, settings(), targets());
    hears(&summing, "storm_ended").await;
    settled(store).await;
    assert_eq!(kinds(&summing), ["storm_began", "storm_ended"]);
    let storms = |kind: &str| kinds(&each).iter().filter(|told| *told == kind).count();
    assert_eq!((storms("storm_began"), storms("storm_ended")), (1, 1));
    let told = summing.told();
    let Fact::StormEnded {
        routers,
        outages,
        still_down,
        ..
    } = told[1].fact
    else {
        panic!("{told:?}");
    };
    assert_eq!((routers, outages, still_down), (30, 30, 1));
    let filter = AlertFilter {
        router: Some("zone:zone-1".into()),
        ..AlertFilter::default()
    };
    let alerts = store.alerts(&filter, Page::default()).await.unwrap();
    assert_eq!(alerts.rows.len(), 2);
    third.end().await;
}

async fn a_zone_that_goes_down_and_comes_back_is_two_mails(world: World) {
    fleet(&world, 0..200).await;
    let exim = Exim::started();
    let text = format!("[sink.admins.email]\n{}digest = \"3s\"\n", exim.section());
    let targets = sinks(&text, &world.directory.path().join("sinks"));
    let store = &world.store;
    let settings = config(Duration::from_secs(8), LONG);
    let manager = start("m1", store, world.directory.path(), settings, targets);
    begun(store).await;
    fail(store, 0..200).await;
    soon("the first mail is there", || !exim.mails().is_empty()).await;
    come_back(store, 0..200).await;
    soon("the second mail is there", || exim.mails().len() >= 2).await;
    settled(store).await;
    manager.end().await;
    let mails = exim.mails();
    assert_eq!(mails.len(), 2, "{mails:#?}");
    for (mail, subject) in mails.iter().zip([
        "Subject: [vrwatch] zone Berlin: storm: 200 routers, 200 services failed\n",
        "Subject: [vrwatch] zone Berlin: storm over: 200 routers, 200 services had failed\n",
    ]) {
        assert!(mail.contains(subject), "{mail}");
    }
    assert!(mails[0].contains("\nZone: Berlin\n"), "{}", mails[0]);
    let header = |mail: &str, name: &str| {
        let line = mail
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_default();
        line.split_once(": ").map(|(_, value)| value.to_owned())
    };
    assert_eq!(
        header(&mails[1], "In-Reply-To"),
        header(&mails[0], "Message-ID")
    );
}

/// The sinks of a configuration.
fn sinks(text: &str, folder: &Path) -> Vec<Target> {
    let file = folder.with_extension("toml");
    std::fs::write(&file, text).unwrap();
    let loaded = manager::config::load(Some(&file)).unwrap();
    let specs: Vec<SinkSpec> = loaded.config.sinks;
    specs.into_iter().map(Target::from).collect()
}
