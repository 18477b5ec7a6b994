//! `CloudEvents` to a receiver that checks every signature with the independent Python library.

use std::fs;
use std::path::Path;
use std::time::Duration;

use contract::Event;
use serde_json::Value;

use crate::certificates::Authority;
use crate::events::{
    OTHER_SECRET, SECRET, deliver, large_batch, later, restarted, secret_file, service_down, sink,
};
use crate::python::Receiver;

struct Webhook {
    folder: tempfile::TempDir,
    receiver: Receiver,
    authority: Authority,
}

impl Webhook {
    fn started() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path(), "authority");
        let leaf = authority.leaf(folder.path(), "localhost", 2100);
        let text = |path: &Path| path.display().to_string();
        let receiver = Receiver::start(
            "webhook.py",
            &[&text(&leaf.certificate), &text(&leaf.key), SECRET],
            folder.path(),
        );
        Self {
            folder,
            receiver,
            authority,
        }
    }

    /// A section that posts to `path`, signed with these secrets.
    fn section(&self, path: &str, secrets: &[&str]) -> String {
        let files: Vec<_> = (0..)
            .zip(secrets)
            .map(|(index, secret)| {
                secret_file(self.folder.path(), &format!("key-{index}"), secret)
                    .display()
                    .to_string()
            })
            .collect();
        format!(
            "url = \"https://localhost:{}{path}\"\nsecret_file = {files:?}\nca_file = \"{}\"",
            self.receiver.port,
            self.authority.file.display()
        )
    }
}

fn header<'request>(request: &'request Value, name: &str) -> &'request str {
    request["headers"][name].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_small_batch_arrives_signed_and_uncompressed() {
    let webhook = Webhook::started();
    let event = service_down(1);
    deliver(
        sink(&webhook.section("/take", &[SECRET])).as_mut(),
        std::slice::from_ref(&event),
    )
    .await
    .unwrap();
    let requests = webhook.receiver.wait_for(1);
    let request = &requests[0];
    assert_eq!(request["status"], 204, "{request}");
    assert_eq!(
        header(request, "content-type"),
        "application/cloudevents-batch+json"
    );
    assert_eq!(header(request, "content-encoding"), "");
    assert_eq!(
        request["events"],
        serde_json::json!([{
            "specversion": "1.0", "id": "id000001", "source": "/vrwatch/r-42-VM",
            "type": "org.vrwatch.service_down.v1", "time": event.time.to_string(),
            "subject": "dhcp", "datacontenttype": "application/json",
            "data": serde_json::to_value(&event).unwrap(),
        }])
    );
}

#[tokio::test]
async fn a_large_batch_arrives_compressed_and_whole() {
    let webhook = Webhook::started();
    let batch = large_batch();
    deliver(sink(&webhook.section("/take", &[SECRET])).as_mut(), &batch)
        .await
        .unwrap();
    let requests = webhook.receiver.wait_for(1);
    assert_eq!(requests[0]["status"], 204, "{}", requests[0]);
    assert_eq!(header(&requests[0], "content-encoding"), "gzip");
    let events: Vec<Event> = requests[0]["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| serde_json::from_value(event["data"].clone()).unwrap())
        .collect();
    assert_eq!(events, batch);
}

#[tokio::test]
async fn a_batch_that_comes_again_has_the_same_webhook_id_and_another_has_its_own() {
    let webhook = Webhook::started();
    let mut sink = sink(&webhook.section("/busy-once", &[SECRET]));
    let batch = [service_down(1), restarted(2)];
    let (words, wait) = later(sink.as_mut(), &batch).await;
    assert!(
        words.contains("it answers 503 Service Unavailable"),
        "{words}"
    );
    assert_eq!(wait, Some(Duration::from_secs(7)));
    deliver(sink.as_mut(), &batch).await.unwrap();
    later(sink.as_mut(), &[service_down(3)]).await;
    let requests = webhook.receiver.wait_for(3);
    let id = |index: usize| header(&requests[index], "webhook-id");
    assert!(!id(0).is_empty());
    assert_eq!(id(0), id(1));
    assert_ne!(id(0), id(2));
    assert!(
        requests
            .iter()
            .all(|request| request.get("error").is_none())
    );
}

#[tokio::test]
async fn while_a_key_is_replaced_both_sign_and_a_wrong_key_is_told() {
    let webhook = Webhook::started();
    for secrets in [&[OTHER_SECRET, SECRET], &[SECRET, OTHER_SECRET]] {
        deliver(
            sink(&webhook.section("/take", secrets)).as_mut(),
            &[service_down(1)],
        )
        .await
        .unwrap();
    }
    let mut sink = sink(&webhook.section("/take", &[OTHER_SECRET]));
    let (words, _) = later(sink.as_mut(), &[service_down(1)]).await;
    assert!(
        words.contains("it answers 401 Unauthorized; does `secret_file` hold the key"),
        "{words}"
    );
    // The right key heals it without a reload.
    fs::write(webhook.folder.path().join("key-0"), SECRET).unwrap();
    deliver(sink.as_mut(), &[service_down(1)]).await.unwrap();
}

#[tokio::test]
async fn a_receiver_that_cannot_read_gzip_gets_plain_json_and_is_not_asked_twice() {
    let webhook = Webhook::started();
    for (path, status) in [("/no-gzip", 415), ("/blind-to-gzip", 400)] {
        let before = webhook.receiver.requests().len();
        let mut sink = sink(&webhook.section(path, &[SECRET]));
        for _ in 0..2 {
            deliver(sink.as_mut(), &large_batch()).await.unwrap();
        }
        let requests = webhook.receiver.wait_for(before + 3);
        let statuses: Vec<_> = requests[before..]
            .iter()
            .map(|it| it["status"].clone())
            .collect();
        assert_eq!(statuses, [status, 204, 204]);
    }
}
