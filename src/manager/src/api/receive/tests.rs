//! Stories of routers that deliver alerts, well or with evil intent.

mod hostile;

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::Sink;
use flate2::Compression;
use flate2::write::GzEncoder;
use sinks::Host;

use crate::api::clock::Clock;
use crate::api::trial::{
    GENEROUS, KEY, NOW, Request, World, batch, event, eventually, signature, wrapped,
};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_batch_is_stored_once_and_a_retry_is_answered_as_the_first_time() {
    let world = World::new();
    let request = Request::alerts(&KEY, batch(&["e-1", "e-2"]));
    for _ in 0..3 {
        let answer = world.send(&request).await;
        assert_eq!((answer.status, &*answer.body), (200, r#"{"accepted":2}"#));
    }
    assert_eq!(world.memory.ids(), ["e-1", "e-2"]);
    let counted = world.metrics.snapshot();
    assert_eq!((counted.events_new, counted.events_known), (2, 4));
    // What is stored is what was sent, whatever it looks like.
    assert_eq!(world.memory.events()[0], event("r-42-VM", "e-1"));
}

#[tokio::test]
async fn a_single_event_and_a_compressed_batch_are_taken_too() {
    let world = World::new();
    let list = batch(&["e-1"]);
    let mut single = Request::alerts(&KEY, &list[1..list.len() - 1]);
    single.set(
        "content-type",
        "Application/CloudEvents+JSON; charset=UTF-8",
    );
    assert_eq!(world.send(&single).await.status, 200);

    let mut compressed = Request::alerts(&KEY, batch(&["e-2"]));
    compressed.body = gzip(&compressed.body);
    compressed.set("content-encoding", "gzip");
    assert_eq!(world.send(&compressed).await.status, 200);
    assert_eq!(world.memory.ids(), ["e-1", "e-2"]);
}

#[tokio::test]
async fn while_a_key_is_replaced_the_old_and_the_new_are_good() {
    let world = World::new();
    let (old, new, other) = ([1; 32], [2; 32], [3; 32]);
    world.memory.set_keys("r-42-VM", &[old, new]);
    let json = batch(&["e-1"]);
    for key in [old, new] {
        assert_eq!(world.send(&Request::alerts(&key, &*json)).await.status, 200);
    }
    let mut both = Request::alerts(&other, &*json);
    let signatures = [
        "v1a,c29tZSBlZDI1NTE5".to_owned(),
        signature(&other, "batch_1", NOW, &json),
        signature(&new, "batch_1", NOW, &json),
    ];
    both.set("webhook-signature", &signatures.join(" "));
    assert_eq!(world.send(&both).await.status, 200);
}

#[tokio::test]
async fn alerts_come_later_while_the_store_is_away_and_the_reason_stays_inside() {
    let world = World::new();
    let request = Request::alerts(&KEY, batch(&["e-1"]));
    world.memory.set_away(true);
    let answer = world.send(&request).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.headers["retry-after"], "5");
    assert!(!answer.body.contains("secret"), "{}", answer.body);
    world.memory.set_away(false);
    assert_eq!(world.send(&request).await.status, 200);
    // The keys are kept; this time it is the transaction that fails.
    world.memory.set_away(true);
    assert_eq!(world.send(&request).await.status, 503);
    assert_eq!(world.metrics.snapshot().turned_away, 2);
}

#[tokio::test]
async fn a_router_that_sends_without_end_is_told_to_wait_and_others_are_not() {
    let world = World::new();
    let mut stored = 0;
    let refused = loop {
        let ids: Vec<String> = (stored..stored + 500).map(|id| format!("e-{id}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let answer = world.send(&Request::alerts(&KEY, batch(&ids))).await;
        if answer.status != 200 {
            break answer;
        }
        stored += 500;
    };
    assert_eq!(refused.status, 429);
    assert!(refused.headers["retry-after"].parse::<u64>().unwrap() > 0);
    assert!(stored >= 10_000, "{stored}");
    assert_eq!(world.memory.ids().len(), stored);
    let json = serde_json::to_string(&[wrapped(&event("r-43-VM", "e-1"))]);
    let other = Request::alerts(&[8; 32], json.unwrap());
    assert_eq!(world.send(&other).await.status, 200);
}

#[tokio::test]
async fn a_client_that_goes_away_before_its_answer_harms_nobody() {
    use tokio::io::AsyncWriteExt as _;
    let world = World::new();
    let closed = world.memory.gate.lock().await;
    let mut gone = world.connect().await;
    let request = Request::alerts(&KEY, batch(&["e-1"]));
    gone.write_all(&request.bytes()).await.unwrap();
    eventually("the batch is being stored", || world.memory.is_storing()).await;
    drop(gone);
    drop(closed);
    let other = Request::alerts(&KEY, batch(&["e-2"]));
    assert_eq!(world.send(&other).await.status, 200);
    assert_eq!(world.memory.ids(), ["e-1", "e-2"]);
}

/// The routers' own client, of the crate `sinks`.
#[tokio::test]
async fn every_event_that_the_http_sink_delivers_is_stored_once() {
    let mut world = World::new();
    world.memory.set_keys("r 42/ü", &[KEY]);
    // It signs by the system's clock.
    world.set_now(Clock::system().now().unix_millis() / 1000);
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    fs::write(&key, format!("whsec_{}\n", STANDARD.encode(KEY))).unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    let text = format!(
        "url = \"http://{}/api/v1/alerts\"\nsecret_file = \"{}\"\n",
        world.address,
        key.display()
    );
    let section = toml::de::ValueDeserializer::from(toml::Spanned::new(
        0..text.len(),
        toml::de::DeValue::Table(toml::de::DeTable::parse(&text).unwrap().into_inner()),
    ));
    let kind = sinks::kind("http").unwrap();
    let mut sink: Box<dyn Sink> =
        (kind.build)(section, &Host::new("r-42-VM", folder.path())).unwrap();
    for router in ["r-42-VM", "r 42/ü"] {
        for batch in [0..1, 1..2, 2..100, 50..100] {
            let events: Vec<_> = batch
                .map(|number| event(router, &format!("e-{number:03}")))
                .collect();
            sink.deliver(&events).await.unwrap();
        }
    }
    let stored = world.memory.events();
    assert_eq!(stored.len(), 200);
    assert!(
        stored
            .iter()
            .all(|stored| *stored == event(&stored.router, &stored.id))
    );

    world.memory.set_keys("r-42-VM", &[[9; 32]]);
    world.memory.set_keys("r 42/ü", &[[9; 32]]);
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    let error = sink.deliver(&[event("r-99-VM", "e-1")]).await.unwrap_err();
    assert!(error.to_string().contains("401"), "{error}");
    world.stop();
    tokio::time::timeout(GENEROUS, &mut world.served)
        .await
        .unwrap()
        .unwrap();
    let _ = Arc::strong_count(&world.memory);
}
