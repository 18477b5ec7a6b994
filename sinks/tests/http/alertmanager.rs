//! Debian's Alertmanager: an alert fires, resolves, and comes back after Alertmanager has forgotten
//! everything.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use contract::Sink;
use serde_json::Value;

use crate::events::{
    deliver, event, later, never, restart_failed, restarted, service_down, sink, unmonitored,
    wait_for,
};
use crate::peer::Peer;

const PROGRAM: &str = "/usr/bin/prometheus-alertmanager";

/// How many there have been in this process.
static COUNT: AtomicU8 = AtomicU8::new(1);

/// An Alertmanager that tells a webhook of ours what it would tell people.
struct Alertmanager {
    folder: tempfile::TempDir,
    address: String,
    child: Child,
    told: Peer,
}

impl Alertmanager {
    async fn started() -> Self {
        assert!(
            Path::new(PROGRAM).exists(),
            "{PROGRAM} is missing: run tests/all, which installs what the tests need"
        );
        let told =
            Peer::answering(|_, _| b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "route:\n  receiver: test\n  group_by: ['...']\n  group_wait: 1ms\n  group_interval: 1s\n\
             receivers:\n- name: test\n  webhook_configs:\n  - url: http://{}/\n    send_resolved: true\n",
            told.address
        );
        fs::write(folder.path().join("config.yml"), config).unwrap();
        // 127.128.0.0/10, by pid and by test within the process: no port is another test's.
        let pid = std::process::id();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let address = format!("127.{}.{}.{count}:9093", 128 + (pid >> 8) % 64, pid & 0xff);
        let child = spawn(folder.path(), &address);
        let alertmanager = Self {
            folder,
            address,
            child,
            told,
        };
        alertmanager.wait_until_it_listens();
        alertmanager
    }

    fn wait_until_it_listens(&self) {
        wait_for("Alertmanager listens", || {
            TcpStream::connect(&self.address).ok()
        });
    }

    /// Ends it without a chance to save anything, and starts it with an empty disk.
    fn forget_everything(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let _ = fs::remove_dir_all(self.folder.path().join("data"));
        self.child = spawn(self.folder.path(), &self.address);
        self.wait_until_it_listens();
    }

    fn sink(&self) -> Box<dyn Sink> {
        sink(&format!(
            "url = \"http://{}\"\nformat = \"alertmanager\"",
            self.address
        ))
    }

    /// The names of the alerts that fire.
    async fn firing(&self) -> Vec<String> {
        let tls = rustls_without_roots();
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_backend_preconfigured(tls);
        let alerts = client
            .build()
            .unwrap()
            .get(format!("http://{}/api/v2/alerts", self.address))
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        let alerts: Vec<Value> = serde_json::from_slice(&alerts).unwrap();
        let mut names: Vec<_> = alerts
            .iter()
            .map(|alert| alert["labels"]["alertname"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    }

    /// Waits until people were told of `name` in this state.
    async fn wait_until_told(&self, name: &str, status: &str) -> Value {
        for _ in 0..6000 {
            let found = self.told.bodies().iter().find_map(|body| {
                let message: Value = serde_json::from_slice(body).ok()?;
                let alerts = message["alerts"].as_array()?.clone();
                alerts
                    .into_iter()
                    .find(|alert| alert["labels"]["alertname"] == name && alert["status"] == status)
            });
            if let Some(alert) = found {
                return alert;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nobody was told that {name} is {status}");
    }
}

fn rustls_without_roots() -> rustls::ClientConfig {
    rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

fn spawn(folder: &Path, address: &str) -> Child {
    let errors = fs::File::create(folder.join("stderr")).unwrap();
    Command::new(PROGRAM)
        .arg(format!(
            "--config.file={}",
            folder.join("config.yml").display()
        ))
        .arg(format!("--storage.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address={address}"))
        .arg("--cluster.listen-address=")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(errors)
        .spawn()
        .unwrap()
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn an_outage_fires_and_its_end_resolves_every_alert_of_it() {
    let alertmanager = Alertmanager::started().await;
    let mut sink = alertmanager.sink();
    assert_eq!(sink.refreshes_every(), None);
    deliver(sink.as_mut(), &[service_down(1)]).await.unwrap();
    let fired = alertmanager
        .wait_until_told("VrwatchServiceDown", "firing")
        .await;
    assert_eq!(fired["labels"]["service"], "dhcp");
    assert_eq!(fired["labels"]["severity"], "major");
    assert_eq!(fired["annotations"]["event_id"], "id000001");

    deliver(sink.as_mut(), &[restart_failed(2, "no"), unmonitored(3)])
        .await
        .unwrap();
    alertmanager
        .wait_until_told("VrwatchUnmonitored", "firing")
        .await;
    assert_eq!(
        alertmanager.firing().await,
        [
            "VrwatchRestartFailed",
            "VrwatchServiceDown",
            "VrwatchUnmonitored"
        ]
    );

    deliver(sink.as_mut(), &[restarted(4)]).await.unwrap();
    for name in [
        "VrwatchServiceDown",
        "VrwatchRestartFailed",
        "VrwatchUnmonitored",
    ] {
        let resolved = alertmanager.wait_until_told(name, "resolved").await;
        assert_eq!(
            resolved["annotations"]["event_id"], "id000004",
            "{resolved}"
        );
    }
    assert!(alertmanager.firing().await.is_empty());
    assert_eq!(sink.refreshes_every(), Some(Duration::from_mins(1)));
}

#[tokio::test]
async fn an_alertmanager_that_forgot_everything_is_reminded_also_by_a_vrwatch_that_was_started_anew()
 {
    let mut alertmanager = Alertmanager::started().await;
    let mut sink = alertmanager.sink();
    let down = service_down(1);
    deliver(sink.as_mut(), std::slice::from_ref(&down))
        .await
        .unwrap();
    assert_eq!(alertmanager.firing().await, ["VrwatchServiceDown"]);

    alertmanager.forget_everything();
    assert!(alertmanager.firing().await.is_empty());
    sink.refresh().await.unwrap();
    assert_eq!(alertmanager.firing().await, ["VrwatchServiceDown"]);

    alertmanager.forget_everything();
    let mut anew = alertmanager.sink();
    anew.recall(std::slice::from_ref(&down));
    assert_eq!(anew.refreshes_every(), Some(Duration::from_mins(1)));
    anew.refresh().await.unwrap();
    assert_eq!(alertmanager.firing().await, ["VrwatchServiceDown"]);

    deliver(anew.as_mut(), &[restarted(2)]).await.unwrap();
    alertmanager
        .wait_until_told("VrwatchServiceDown", "resolved")
        .await;
}

#[tokio::test]
async fn a_test_is_shown_and_a_batch_that_was_not_taken_changes_nothing() {
    let alertmanager = Alertmanager::started().await;
    let fact = contract::Fact::Test {
        text: "hello".into(),
    };
    let shown = event(1, fact);
    deliver(alertmanager.sink().as_mut(), &[shown])
        .await
        .unwrap();
    let shown = alertmanager.wait_until_told("VrwatchTest", "firing").await;
    assert_eq!(
        shown["annotations"]["description"],
        "dnsmasq test alert: hello"
    );

    let away =
        Peer::answering(|_, _| b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
    let mut sink = sink(&format!(
        "url = \"http://{}\"\nformat = \"alertmanager\"",
        away.address
    ));
    later(sink.as_mut(), &[service_down(1)]).await;
    assert_eq!(sink.refreshes_every(), None);
}

#[tokio::test]
async fn an_end_that_is_refused_for_good_does_not_leave_the_alert_firing() {
    let peer = Peer::answering(|number, _| {
        let status = if number == 1 {
            "400 Bad Request"
        } else {
            "200 OK"
        };
        format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").into_bytes()
    })
    .await;
    let mut sink = sink(&format!(
        "url = \"http://{}\"\nformat = \"alertmanager\"",
        peer.address
    ));
    deliver(sink.as_mut(), &[service_down(1)]).await.unwrap();
    never(sink.as_mut(), &[restarted(2)]).await;
    sink.refresh().await.unwrap();
    let told: Value = serde_json::from_slice(&peer.bodies()[2]).unwrap();
    assert!(told[0]["endsAt"].is_string(), "{told}");
}
