//! A CloudStack whose check of signatures was written independently, in Python.

use std::time::Duration;

use serde_json::Value;

use crate::events::{
    deliver, large_batch, later, restart_failed, restarted, secret_file, service_down, sink,
    unmonitored,
};
use crate::python::Receiver;

struct CloudStack {
    folder: tempfile::TempDir,
    receiver: Receiver,
}

impl CloudStack {
    fn started() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let receiver = Receiver::start("cloudstack.py", &["Key-1_~a", "hunter2"], folder.path());
        Self { folder, receiver }
    }

    fn section(&self, zone: &str, secret: &str) -> String {
        let file = secret_file(self.folder.path(), "secret", secret);
        format!(
            "url = \"http://127.0.0.1:{}/client/api\"\nformat = \"cloudstack\"\napi_key = \"Key-1_~a\"\n\
             secret_key_file = \"{}\"\nzone = \"{zone}\"\npod = \"pod-1\"\ntimeout = \"2s\"",
            self.receiver.port,
            file.display()
        )
    }

    /// The requests with this command.
    fn commands(&self, command: &str) -> Vec<Value> {
        let mut requests = self.receiver.requests();
        requests.retain(|request| request["parameters"]["command"] == command);
        requests
    }
}

#[tokio::test]
async fn an_alert_is_signed_made_and_followed_until_its_job_is_done() {
    let cloudstack = CloudStack::started();
    let batch = [
        service_down(1),
        restart_failed(2, "é & + = % ~ * / \"x\" <b>\nline"),
        unmonitored(3),
        restarted(4),
    ];
    deliver(
        sink(&cloudstack.section("zone-good", "hunter2\n")).as_mut(),
        &batch,
    )
    .await
    .unwrap();
    let made = cloudstack.commands("generateAlert");
    assert_eq!(made.len(), 1, "{made:?}");
    let parameters = &made[0]["parameters"];
    assert_eq!(made[0]["status"], 200);
    assert_eq!(parameters["type"], "9");
    assert_eq!(parameters["name"], "ALERT.SERVICE.DOMAINROUTER");
    assert_eq!(parameters["podid"], "pod-1");
    let description = parameters["description"].as_str().unwrap();
    for words in [
        "r-42-VM dnsmasq is down",
        "é & + = % ~ *",
        "id000001",
        "id000002",
        "id000003",
    ] {
        assert!(description.contains(words), "{description}");
    }
    assert!(!description.contains("restarted as"), "{description}");
    assert_eq!(cloudstack.commands("queryAsyncJobResult").len(), 2);
}

#[tokio::test]
async fn what_cloudstack_refuses_is_told_with_its_words_and_kept() {
    let cloudstack = CloudStack::started();
    for (zone, secret, expected) in [
        (
            "zone-good",
            "wrong",
            "it answers 401 Unauthorized: {\"generatealertresponse\"",
        ),
        (
            "zone-unknown",
            "hunter2",
            "Invalid parameter zoneid value=zone-unknown",
        ),
        (
            "zone-fails",
            "hunter2",
            "CloudStack could not make the alert: Failed to generate alert",
        ),
        (
            "zone-cut",
            "hunter2",
            "the answer is no whole JSON document",
        ),
    ] {
        let mut sink = sink(&cloudstack.section(zone, secret));
        let (words, _) = later(sink.as_mut(), &[service_down(1)]).await;
        assert!(words.contains(expected), "{words}");
    }
}

#[tokio::test]
async fn a_job_that_is_not_done_is_asked_for_again_and_no_second_alert_is_made() {
    let cloudstack = CloudStack::started();
    let mut sink = sink(&cloudstack.section("zone-slow", "hunter2"));
    let batch = [service_down(1)];
    for _ in 0..2 {
        let (words, wait) = later(sink.as_mut(), &batch).await;
        assert!(
            words.ends_with("CloudStack's job job-1 is not done; it is asked for again"),
            "{words}"
        );
        assert_eq!(wait, None::<Duration>);
    }
    assert_eq!(cloudstack.commands("generateAlert").len(), 1);
}

#[tokio::test]
async fn a_job_that_never_ends_is_not_waited_for_for_ever() {
    let cloudstack = CloudStack::started();
    let mut sink = sink(&cloudstack.section("zone-slow", "hunter2"));
    let batch = [service_down(1)];
    later(sink.as_mut(), &batch).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_mins(10)).await;
    tokio::time::resume();
    deliver(sink.as_mut(), &batch).await.unwrap();
    assert_eq!(cloudstack.commands("generateAlert").len(), 1);
}

#[tokio::test]
async fn an_api_key_that_cloudstack_repeats_is_not_told() {
    let cloudstack = CloudStack::started();
    let section = cloudstack.section("zone-unknown-Key-1_~a", "hunter2");
    let (words, _) = later(sink(&section).as_mut(), &[service_down(1)]).await;
    assert!(words.contains("value=zone-unknown-…"), "{words}");
}

#[tokio::test]
async fn a_job_that_cloudstack_has_forgotten_is_made_anew() {
    let cloudstack = CloudStack::started();
    let mut sink = sink(&cloudstack.section("zone-forgets", "hunter2"));
    let batch = [service_down(1)];
    let (words, _) = later(sink.as_mut(), &batch).await;
    assert!(words.contains("Unable to find job by id"), "{words}");
    deliver(sink.as_mut(), &batch).await.unwrap();
    assert_eq!(cloudstack.commands("generateAlert").len(), 2);
}

#[tokio::test]
async fn a_batch_of_several_alerts_goes_on_where_it_was_interrupted() {
    let cloudstack = CloudStack::started();
    let mut sink = sink(&cloudstack.section("zone-trips", "hunter2"));
    let batch = large_batch();
    let (words, _) = later(sink.as_mut(), &batch).await;
    assert!(words.contains("it answers 530"), "{words}");
    // As often as the pauses between questions about jobs need within the section's time.
    while deliver(sink.as_mut(), &batch).await.is_err() {}
    let mut made = cloudstack.commands("generateAlert");
    made.retain(|request| request["status"] == 200);
    let all: String = made
        .iter()
        .map(|it| it["parameters"]["description"].to_string())
        .collect();
    for event in &batch {
        assert_eq!(all.matches(&event.id).count(), 1, "{}", event.id);
    }
}

#[tokio::test]
async fn a_recovery_alone_is_not_worth_an_alert() {
    let cloudstack = CloudStack::started();
    let mut sink = sink(&cloudstack.section("zone-good", "hunter2"));
    deliver(sink.as_mut(), &[restarted(1)]).await.unwrap();
    assert!(cloudstack.receiver.requests().is_empty());
}
