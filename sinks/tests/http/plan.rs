//! What a router is to watch, fetched from a manager that means well and from peers that do not.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::human;
use ring::hmac;
use sinks::plan::{FetchError, Fetched, Settings, Source, Written};
use tempfile::TempDir;

use crate::peer::Peer;

const KEY: [u8; 32] = [7; 32];
/// Milliseconds that nothing here takes.
const LONG: u64 = 20_000;
const ETAG: &str = "\"1\"";
const CONF: &str = "[dhcp]\nprocessname=dnsmasq\n";

/// A router with this key that asks there.
fn source(address: SocketAddr, timeout: u64, folder: &TempDir) -> Source {
    let secret_file = folder.path().join("router.key");
    fs::write(&secret_file, format!("whsec_{}", STANDARD.encode(KEY))).unwrap();
    fs::set_permissions(&secret_file, Permissions::from_mode(0o600)).unwrap();
    let settings = Settings::try_from(Written {
        url: format!("http://{address}"),
        secret_file,
        timeout: Some(human::Duration::from_millis(timeout)),
        ..Written::default()
    })
    .unwrap();
    Source::new(settings, "r-42-VM")
}

fn header<'head>(head: &'head str, name: &str) -> &'head str {
    let prefix = format!("{name}: ");
    head.lines()
        .find_map(|line| line.strip_prefix(&prefix))
        .unwrap_or_default()
}

fn signature(key: &[u8], content: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    format!(
        "v1,{}",
        STANDARD.encode(hmac::sign(&key, content.as_bytes()))
    )
}

/// An answer to the request with this id, signed with this key.
fn signed(status: &str, key: &[u8], id: &str, etag: &str, body: &str) -> Vec<u8> {
    let signature = signature(key, &format!("{id}.1795348053.{etag}.{body}"));
    format!(
        "HTTP/1.1 {status}\r\netag: {etag}\r\nwebhook-id: {id}\r\nwebhook-timestamp: 1795348053\r\n\
         webhook-signature: {signature}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn told(router: &str, conf: &str) -> String {
    serde_json::json!({ "router": router, "monitor_conf": conf, "services": [], "more": 1 })
        .to_string()
}

/// As the manager answers.
fn manager(head: &str) -> Vec<u8> {
    let id = header(head, "webhook-id");
    if header(head, "if-none-match") == ETAG {
        signed("304 Not Modified", &KEY, id, ETAG, "")
    } else {
        signed("200 OK", &KEY, id, ETAG, &told("r-42-VM", CONF))
    }
}

/// What comes of an answer that is made of the request's head, when the list `"1"` is known.
async fn against(
    answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
) -> Result<Fetched, FetchError> {
    let peer = Peer::answering(move |_, head| answer(head)).await;
    let folder = tempfile::tempdir().unwrap();
    source(peer.address, LONG, &folder).fetch(Some(ETAG)).await
}

#[tokio::test]
async fn a_list_is_fetched_once_and_then_only_asked_about() {
    let peer = Peer::answering(|_, head| manager(head)).await;
    let folder = tempfile::tempdir().unwrap();
    let source = source(peer.address, LONG, &folder);
    let list = Fetched::List {
        etag: ETAG.into(),
        monitor_conf: CONF.into(),
    };
    assert_eq!(source.fetch(None).await, Ok(list.clone()));
    assert_eq!(source.fetch(Some("\"0\"")).await, Ok(list));
    assert_eq!(source.fetch(Some(ETAG)).await, Ok(Fetched::Same));
    let heads = peer.heads();
    let path = "/api/v1/routers/r-42-VM/services";
    for head in &heads {
        assert!(
            head.starts_with(&format!("GET {path} HTTP/1.1\r\n")),
            "{head}"
        );
        let (id, time) = (
            header(head, "webhook-id"),
            header(head, "webhook-timestamp"),
        );
        let right = signature(&KEY, &format!("{id}.{time}.{path}"));
        assert_eq!(header(head, "webhook-signature"), right);
    }
    assert_ne!(
        header(&heads[0], "webhook-id"),
        header(&heads[1], "webhook-id")
    );
    let file = folder.path().join("router.key");
    fs::write(file, format!("whsec_{}", STANDARD.encode([8; 32]))).unwrap();
    let error = source.fetch(None).await.unwrap_err().to_string();
    assert!(
        error.contains("is not signed with this router's key"),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_that_is_not_the_managers_to_this_very_request_is_not_believed() {
    let good = told("r-42-VM", CONF);
    let not_ours = "is not signed with this router's key for this request";
    let body = good.clone();
    let other_key = move |head: &str| {
        signed(
            "200 OK",
            &[1; 32],
            header(head, "webhook-id"),
            "\"2\"",
            &body,
        )
    };
    let body = good.clone();
    let other_id = move |_: &str| signed("200 OK", &KEY, "fetch_old", "\"2\"", &body);
    let body = good.clone();
    let tampered = move |head: &str| {
        let answer = signed("200 OK", &KEY, header(head, "webhook-id"), "\"2\"", &body);
        let text = String::from_utf8(answer).unwrap();
        text.replace("dnsmasq", "dnsmask").into_bytes()
    };
    let body = good.clone();
    let other_etag = move |head: &str| {
        let answer = signed("200 OK", &KEY, header(head, "webhook-id"), "\"2\"", &body);
        let text = String::from_utf8(answer).unwrap();
        text.replace("etag: \"2\"", "etag: \"3\"").into_bytes()
    };
    let unsigned_same = |_: &str| b"HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\n\r\n".to_vec();
    let other_same = |head: &str| {
        signed(
            "304 Not Modified",
            &KEY,
            header(head, "webhook-id"),
            "\"2\"",
            "",
        )
    };
    let other_router = |head: &str| {
        let id = header(head, "webhook-id");
        signed("200 OK", &KEY, id, "\"2\"", &told("r-43-VM", CONF))
    };
    let garbage = |head: &str| {
        signed(
            "200 OK",
            &KEY,
            header(head, "webhook-id"),
            "\"2\"",
            "{\"router\":",
        )
    };
    let long_etag = |head: &str| {
        let etag = format!("\"{}\"", "x".repeat(1000));
        signed("200 OK", &KEY, header(head, "webhook-id"), &etag, "{}")
    };
    for (outcome, expected) in [
        (against(other_key).await, not_ours),
        (against(other_id).await, not_ours),
        (against(tampered).await, not_ours),
        (against(other_etag).await, not_ours),
        (
            against(unsigned_same).await,
            "is not signed, or has no ETag",
        ),
        (against(other_same).await, "means another list"),
        (against(other_router).await, "it answers for another router"),
        (against(garbage).await, "signed but cannot be read"),
        (against(long_etag).await, "is not signed, or has no ETag"),
    ] {
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    // Nobody has said that there is anything to be the same as.
    let peer = Peer::answering(|_, head| {
        signed(
            "304 Not Modified",
            &KEY,
            header(head, "webhook-id"),
            ETAG,
            "",
        )
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let error = source(peer.address, LONG, &folder)
        .fetch(None)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("it answers 304"), "{error}");
}

#[tokio::test]
async fn a_refusal_a_redirect_and_a_huge_answer_are_told_in_words_and_bring_nothing() {
    for (answer, expected, wait) in [
        (
            "HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno",
            "it answers 401 Unauthorized: no; does `secret_file` hold this router's key",
            None,
        ),
        (
            "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            "it answers 500",
            None,
        ),
        (
            "HTTP/1.1 503 Service Unavailable\r\nretry-after: 700\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            "it answers 503",
            Some(Duration::from_secs(700)),
        ),
        (
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            "redirects are not followed",
            None,
        ),
        (
            "HTTP/1.1 200 OK\r\n\r\nhello",
            "is `url` the address of vrwatch-manager?",
            None,
        ),
        ("SSH-2.0-OpenSSH_9.2\r\n", "the call failed", None),
        ("", "the call failed", None),
    ] {
        let peer = Peer::always(answer).await;
        let folder = tempfile::tempdir().unwrap();
        let error = source(peer.address, LONG, &folder)
            .fetch(Some(ETAG))
            .await
            .unwrap_err();
        let words = error.to_string();
        let origin = format!("http://{}: ", peer.address);
        assert!(
            words.starts_with(&origin) && words.contains(expected),
            "{words}"
        );
        assert_eq!(error.wait, wait, "{words}");
        assert_eq!(peer.heads().len(), 1);
    }
    let huge = |head: &str| {
        let body = "x".repeat(256 * 1024 + 1);
        signed("200 OK", &KEY, header(head, "webhook-id"), "\"2\"", &body)
    };
    let error = against(huge).await.unwrap_err().to_string();
    assert!(error.contains("is larger than 262144 bytes"), "{error}");
    let cut = |head: &str| {
        let mut answer = signed(
            "200 OK",
            &KEY,
            header(head, "webhook-id"),
            "\"2\"",
            &told("r-42-VM", CONF),
        );
        answer.pop();
        answer
    };
    let error = against(cut).await.unwrap_err().to_string();
    assert!(error.contains("the answer was cut off"), "{error}");
}

#[tokio::test]
async fn a_manager_that_never_answers_is_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let address = listener.local_addr().unwrap();
    let error = source(address, 100, &folder).fetch(None).await.unwrap_err();
    assert!(
        error.to_string().contains("no whole answer within 100ms"),
        "{error}"
    );
}
