//! A router fetches its plan.

use std::collections::BTreeMap;

use crate::api::trial::{Answer, KEY, NOW, Request, World, signature};

const PATH: &str = "/api/v1/routers/r-42-VM/services";

fn fetch(path: &str, key: &[u8]) -> Request {
    let mut request = Request::alerts(key, path);
    request.start = format!("GET {path} HTTP/1.1");
    request.remove("content-type");
    request.body.clear();
    request
}

/// Whether the answer is signed with the router's key, for this request.
fn is_signed(answer: &Answer) -> bool {
    let header = |name: &str| answer.headers[name].as_str();
    let content = format!("{}.{}", header("etag"), answer.body);
    assert_eq!(header("webhook-id"), "batch_1");
    assert_eq!(header("webhook-timestamp"), NOW.to_string());
    header("webhook-signature") == signature(&KEY, "batch_1", NOW, content.as_bytes())
}

#[tokio::test]
async fn a_router_fetches_its_plan_and_then_only_what_changed() {
    let world = World::new();
    let answer = world.send(&fetch(PATH, &KEY)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(is_signed(&answer));
    let told: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(told["router"], "r-42-VM");
    assert_eq!(told["services"][0]["process_name"], "dnsmasq");
    let conf = told["monitor_conf"].as_str().unwrap();
    assert!(conf.contains("[dhcp]\nprocessname=dnsmasq\n"), "{conf}");

    let etag = answer.headers["etag"].clone();
    for known in [
        etag.clone(),
        format!("W/{etag}"),
        format!("\"x\", {etag}"),
        "*".into(),
    ] {
        let mut again = fetch(PATH, &KEY);
        again.set("if-none-match", &known);
        let answer = world.send(&again).await;
        assert_eq!((answer.status, &*answer.body), (304, ""), "{known}");
        assert!(is_signed(&answer));
        assert_eq!(answer.headers["etag"], etag);
    }
    world
        .memory
        .change_services(|services| services[1].pidfile = "/run/other.pid".into());
    let mut again = fetch(PATH, &KEY);
    again.set("if-none-match", &etag);
    let changed = world.send(&again).await;
    assert_eq!(changed.status, 200);
    assert!(changed.body.contains("/run/other.pid"));
    assert_ne!(changed.headers["etag"], etag);
}

#[tokio::test]
async fn only_the_router_itself_is_told_and_nobody_learns_who_there_is() {
    let world = World::new();
    let mut answers = Vec::new();
    for path in [
        PATH,
        "/api/v1/routers/r-43-VM/services",
        "/api/v1/routers/r-99-VM/services",
    ] {
        let mut answer = world.send(&fetch(path, &[1; 32])).await;
        answer.headers = BTreeMap::new();
        answers.push(answer);
    }
    // What was signed for one path is no good for another.
    let mut other = fetch("/api/v1/routers/r-43-VM/services", &[8; 32]);
    other.start = format!("GET {PATH} HTTP/1.1");
    let mut answer = world.send(&other).await;
    answer.headers = BTreeMap::new();
    answers.push(answer);
    assert_eq!(answers[0].status, 401);
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    let mut unsigned = fetch(PATH, &KEY);
    unsigned.remove("webhook-signature");
    assert_eq!(world.send(&unsigned).await.status, 401);
    for path in [
        "/api/v1/routers/r%0a/services",
        "/api/v1/routers/%ff/services",
        &format!("{PATH}?x"),
    ] {
        assert_eq!(world.send(&fetch(path, &KEY)).await.status, 400, "{path}");
    }
}

#[tokio::test]
async fn a_plan_that_cannot_be_made_is_told_in_words() {
    let world = World::new();
    world
        .memory
        .change_inventory(|inventory| inventory.offerings.clear());
    let answer = world.send(&fetch(PATH, &KEY)).await;
    assert_eq!(answer.status, 409);
    assert!(answer.error().contains("offering"), "{answer:?}");
    world.memory.set_away(true);
    assert_eq!(world.send(&fetch(PATH, &KEY)).await.status, 503);
}
