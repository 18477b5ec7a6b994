//! The disk is full, once: nothing that was acknowledged is lost, and as soon as there is room
//! again all goes on, without a restart.

use std::time::Duration;

use contract::{Event, Fact};
use manager::store::{AlertFilter, Batch, Page, Store, StoreError, Via};

use super::mariadb::MariaDb;
use super::small_disk::SmallDisk;
use super::world::{World, event, router};

const LARGE_ENOUGH: u32 = 400;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_goes_on_by_itself_once_its_full_disk_has_room() {
    let disk = SmallDisk::new(4);
    let url = format!("sqlite:{}/manager.db", disk.path().display());
    let world = World::at(url, None).await;
    until_full_and_on(&world, &disk, 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_goes_on_by_itself_once_its_full_disk_has_room() {
    // What an empty server takes, and a little.
    let disk = SmallDisk::new(LARGE_ENOUGH);
    let server = MariaDb::start_in(disk.path());
    let url = server.url();
    let world = World::at(url, Some(server)).await;
    disk.resize(used(&disk) + 12);
    until_full_and_on(&world, &disk, 200).await;
}

async fn until_full_and_on(world: &World, disk: &SmallDisk, size: usize) {
    let store = &world.store;
    world.add_routers(&["r-1-VM"]).await;
    let mut acknowledged = 0;
    let refusal = loop {
        match deliver(store, acknowledged, size).await {
            Ok(()) => acknowledged += size,
            Err(refusal) => break refusal,
        }
    };
    assert!(acknowledged > 0);
    // Whoever sends it keeps it and sends it again: this may heal.
    assert!(matches!(refusal, StoreError::Unavailable(_)), "{refusal:?}");
    for _ in 0..3 {
        let refusal = deliver(store, acknowledged, size).await.unwrap_err();
        assert!(matches!(refusal, StoreError::Unavailable(_)), "{refusal:?}");
    }
    if world.url.starts_with("sqlite:") {
        // Reading goes on, and shows nothing of what was refused. MariaDB sorts on the same disk.
        assert_eq!(stored(store).await, acknowledged);
    }

    disk.resize(LARGE_ENOUGH);
    deliver(store, acknowledged, size).await.unwrap();
    let lease = store.hold_job("forward", "here", Duration::from_secs(5));
    assert!(lease.await.unwrap().is_some());
    world
        .store
        .apply(
            "test",
            &[manager::plan::inventory::Change::SetRouter(router(
                "r-2-VM",
            ))],
        )
        .await
        .unwrap();
    assert_eq!(stored(store).await, acknowledged + size);
}

async fn deliver(store: &Store, first: usize, count: usize) -> Result<(), StoreError> {
    let events = (first..first + count).map(large).collect();
    let batch = Batch {
        router: "r-1-VM".into(),
        events,
        via: Via::Http,
    };
    store.store_batches(&[batch]).await?.remove(0).map(drop)
}

fn large(number: usize) -> Event {
    let text = "x".repeat(1000);
    let id = format!("large-{number}");
    event("r-1-VM", &id, 0, None, Fact::Test { text })
}

async fn stored(store: &Store) -> usize {
    let mut count = 0;
    let mut page = Page::default();
    loop {
        let alerts = store.alerts(&AlertFilter::default(), page).await.unwrap();
        count += alerts.rows.len();
        match alerts.next {
            Some(next) => page.before = Some(next),
            None => return count,
        }
    }
}

/// MiB.
fn used(disk: &SmallDisk) -> u32 {
    let at = rustix::fs::statvfs(disk.path()).unwrap();
    let used = (at.f_blocks - at.f_bfree) * at.f_frsize;
    u32::try_from(used.div_ceil(1 << 20)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alerts_wait_before_the_disk_is_full_and_all_else_goes_on() {
    let disk = SmallDisk::new(20);
    let url = format!("sqlite:{}/manager.db", disk.path().display());
    let world = World::at(url, None).await;
    let store = &world.store;
    world.add_routers(&["r-1-VM"]).await;
    deliver(store, 0, 20).await.unwrap();
    store.keep_free(20 << 20);
    let refusal = deliver(store, 20, 20).await.unwrap_err();
    assert!(matches!(refusal, StoreError::Unavailable(_)), "{refusal:?}");
    assert!(refusal.to_string().contains("20MiB"), "{refusal}");
    assert!(store.check_writing().await.is_err());
    world.add_routers(&["r-2-VM"]).await;
    assert_eq!(stored(store).await, 20);
    disk.resize(60);
    deliver(store, 20, 20).await.unwrap();
    store.check_writing().await.unwrap();
    assert_eq!(stored(store).await, 40);
}
