//! Routers deliver to a whole manager, from the `http` sink to the database, on `SQLite` and on a
//! real `MariaDB`.

mod fetching;
#[path = "../peers/mariadb.rs"]
mod mariadb;
#[path = "../peers/reporter.rs"]
mod reporter;
#[allow(dead_code, reason = "the stories of the store use the rest")]
#[path = "../store/world.rs"]
mod world;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use contract::Event;
use manager::api::clock::Clock;
use manager::api::receive::{self, Archive, Committer, Desk, Metrics};
use manager::api::server::{Config, Server};
use manager::api::signed::{Keyring, Verifier};
use manager::store::{Queue, Store};
use tokio::task::JoinHandle;

use reporter::reporter;
use world::{World, on_both, test_event};

on_both!(
    what_many_routers_deliver_at_a_time_is_stored_once,
    a_key_is_replaced_without_a_gap,
    text_that_looks_like_sql_is_mere_text,
);

/// A manager that takes alerts in; ends with the test's runtime.
fn manager(store: &Store) -> (SocketAddr, Arc<Metrics>) {
    let archive: Arc<dyn Archive> = Arc::new(store.clone());
    let metrics = Arc::new(Metrics::default());
    let (committer, _) = Committer::start(Arc::clone(&archive), Arc::clone(&metrics));
    let verifier = Arc::new(Verifier::new(Keyring::new(archive)).unwrap());
    let desk = Desk::new(verifier, committer, Arc::clone(&metrics), Clock::system());
    let (address, _) = serving(receive::routes(Arc::new(desk)));
    (address, metrics)
}

/// A server on loopback, until it is aborted.
fn serving(app: axum::Router) -> (SocketAddr, JoinHandle<()>) {
    let server = Server::bind(Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        ..Config::default()
    })
    .unwrap();
    let address = server.addresses()[0];
    (
        address,
        tokio::spawn(server.serve(app, std::future::pending())),
    )
}

/// Everything that is stored, in the order of forwarding.
async fn stored(store: &Store) -> Vec<Event> {
    let lease = store
        .hold_job("forward", "test", Duration::from_mins(10))
        .await
        .unwrap()
        .unwrap();
    while store
        .number_outgoing(&lease, 5000, Queue::tell_all)
        .await
        .unwrap()
        > 0
    {}
    let outgoing = store.outgoing_after(0, 5000).await.unwrap();
    // The zone is told with it, and is not what came in.
    let told = outgoing.into_iter().map(|one| one.event);
    told.map(|event| Event {
        zone: None,
        ..event
    })
    .collect()
}

async fn what_many_routers_deliver_at_a_time_is_stored_once(world: World) {
    let names: Vec<String> = (0..20).map(|number| format!("r-{number}-VM")).collect();
    let borrowed: Vec<&str> = names.iter().map(String::as_str).collect();
    world.add_routers(&borrowed).await;
    let (address, metrics) = manager(&world.store);
    let mut routers = Vec::new();
    for name in names {
        let key = world.store.issue_key("test", &name).await.unwrap();
        let mut sink = reporter(address, world.directory.path(), &name, &[&key]);
        routers.push(tokio::spawn(async move {
            for batch in 0..5 {
                // The same ids at every router: they are told apart by the router.
                let events: Vec<Event> = (batch * 10..(batch + 1) * 10)
                    .map(|number| test_event(&name, &format!("e-{number}")))
                    .collect();
                sink.deliver(&events).await.unwrap();
                // The answer was lost on its way, say.
                sink.deliver(&events).await.unwrap();
            }
        }));
    }
    for router in routers {
        router.await.unwrap();
    }
    let stored = stored(&world.store).await;
    let ids: HashSet<_> = stored
        .iter()
        .map(|event| (&event.router, &event.id))
        .collect();
    assert_eq!((stored.len(), ids.len()), (1000, 1000));
    assert!(
        stored
            .iter()
            .all(|event| *event == test_event(&event.router, &event.id))
    );
    let counted = metrics.snapshot();
    assert_eq!((counted.events_new, counted.events_known), (1000, 1000));
    assert!(counted.commits < 200, "{counted:?}");
}

async fn a_key_is_replaced_without_a_gap(world: World) {
    world.add_routers(&["r-1"]).await;
    let (address, _) = manager(&world.store);
    let folder = world.directory.path();
    let old = world.store.issue_key("test", "r-1").await.unwrap();
    let mut with_old = reporter(address, folder, "r-1", &[&old]);
    with_old.deliver(&[test_event("r-1", "e-1")]).await.unwrap();
    let new = world.store.issue_key("test", "r-1").await.unwrap();
    let mut with_both = reporter(address, folder, "r-1", &[&new, &old]);
    with_both
        .deliver(&[test_event("r-1", "e-2")])
        .await
        .unwrap();
    world
        .store
        .retire_keys("test", "r-1", new.id)
        .await
        .unwrap();
    let (elsewhere, _) = manager(&world.another_manager().await);
    let mut with_new = reporter(elsewhere, folder, "r-1", &[&new]);
    with_new.deliver(&[test_event("r-1", "e-3")]).await.unwrap();
    let mut with_old = reporter(elsewhere, folder, "r-1", &[&old]);
    let error = with_old
        .deliver(&[test_event("r-1", "e-4")])
        .await
        .unwrap_err();
    assert!(error.to_string().contains("401"), "{error}");
    assert_eq!(stored(&world.store).await.len(), 3);
}

async fn text_that_looks_like_sql_is_mere_text(world: World) {
    world.add_routers(&["r-1"]).await;
    let (address, _) = manager(&world.store);
    let key = world.store.issue_key("test", "r-1").await.unwrap();
    let mut sink = reporter(address, world.directory.path(), "r-1", &[&key]);
    let evil = "x'); DROP TABLE alerts; -- \\' \" ` ü 🦀";
    let mut event = test_event("r-1", "';DROP/**/TABLE/**/alerts;--");
    event.service = Some(evil.into());
    event.process = Some(evil.into());
    event.outage = Some("'OR'1'='1".into());
    event.fact = contract::Fact::Test { text: evil.into() };
    sink.deliver(std::slice::from_ref(&event)).await.unwrap();
    assert_eq!(stored(&world.store).await, [event]);
    let unknown = "' OR '1'='1";
    let error = sink
        .deliver(&[test_event(unknown, "e-1")])
        .await
        .unwrap_err();
    assert!(error.to_string().contains("401"), "{error}");
}
