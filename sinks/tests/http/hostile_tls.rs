//! Receivers whose TLS is wrong, and ours towards them: each is told in words to act on.

use std::net::SocketAddr;
use std::path::Path;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::acceptor::acceptor;
use crate::certificates::{Authority, Leaf};
use crate::events::{deliver, later, service_down, sink};
use crate::peer::{self, Peer};

/// A TLS receiver that takes everything; with `clients`, one that wants a certificate of ours.
pub(crate) async fn receiver(leaf: &Leaf, clients: Option<&Authority>) -> SocketAddr {
    let acceptor = acceptor(leaf, clients);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await
                && peer::request(&mut stream).await.is_some()
            {
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
                let _ = stream.shutdown().await;
            }
        }
    });
    address
}

pub(crate) fn section(host: &str, port: u16, authority: &Authority, more: &str) -> String {
    format!(
        "url = \"https://{host}:{port}/hook\"\nca_file = \"{}\"\ntimeout = \"2s\"\n{more}",
        authority.file.display()
    )
}

async fn refusal(section: &str) -> String {
    later(sink(section).as_mut(), &[service_down(1)]).await.0
}

fn identity(leaf: &Leaf) -> String {
    let text = |path: &Path| path.display().to_string();
    format!(
        "certificate_file = {:?}\nkey_file = {:?}",
        text(&leaf.certificate),
        text(&leaf.key)
    )
}

#[tokio::test]
async fn a_certificate_that_cannot_be_trusted_is_told_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let ours = Authority::new(folder.path(), "ours");
    let theirs = Authority::new(folder.path(), "theirs");

    let port = receiver(&ours.leaf(folder.path(), "localhost", 2100), None)
        .await
        .port();
    deliver(
        sink(&section("localhost", port, &ours, "")).as_mut(),
        &[service_down(1)],
    )
    .await
    .unwrap();

    let words = refusal(&section("localhost", port, &theirs, "")).await;
    assert!(
        words.starts_with(&format!("https://localhost:{port}: ")),
        "{words}"
    );
    assert!(words.contains("is signed by nobody whom"), "{words}");

    let words = refusal(&section("127.0.0.1", port, &ours, "")).await;
    assert!(
        words.ends_with("is for another name than `127.0.0.1`"),
        "{words}"
    );

    let expired = receiver(&ours.leaf(folder.path(), "localhost", 2002), None)
        .await
        .port();
    let words = refusal(&section("localhost", expired, &ours, "")).await;
    assert!(
        words.contains("the receiver's certificate has expired"),
        "{words}"
    );
}

#[tokio::test]
async fn a_receiver_that_wants_our_certificate_gets_it_or_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let ours = Authority::new(folder.path(), "ours");
    let theirs = Authority::new(folder.path(), "theirs");
    let leaf = ours.leaf(folder.path(), "localhost", 2100);
    let port = receiver(&leaf, Some(&ours)).await.port();

    let words = refusal(&section("localhost", port, &ours, "")).await;
    assert!(
        words.contains("it may want a client certificate"),
        "{words}"
    );

    let unknown = identity(&theirs.leaf(folder.path(), "unknown", 2100));
    let words = refusal(&section("localhost", port, &ours, &unknown)).await;
    assert!(
        words.contains("it may not trust `certificate_file`"),
        "{words}"
    );

    let known = identity(&ours.leaf(folder.path(), "router", 2100));
    deliver(
        sink(&section("localhost", port, &ours, &known)).as_mut(),
        &[service_down(1)],
    )
    .await
    .unwrap();
}

#[tokio::test]
async fn a_peer_without_tls_and_a_certificate_file_that_vanished_are_told_and_can_heal() {
    let folder = tempfile::tempdir().unwrap();
    let ours = Authority::new(folder.path(), "ours");
    let plain = Peer::always("HTTP/1.1 204 No Content\r\n\r\n").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let talker = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"220 mail.example ESMTP\r\n").await;
        }
    });
    let words = refusal(&section("localhost", talker, &ours, "")).await;
    assert!(
        words.ends_with("the receiver does not speak TLS there: check the port"),
        "{words}"
    );

    let mut sink = sink(&section("localhost", plain.address.port(), &ours, ""));
    std::fs::remove_file(&ours.file).unwrap();
    let (words, _) = later(sink.as_mut(), &[service_down(1)]).await;
    assert!(words.contains("`ca_file`: cannot read"), "{words}");
}
