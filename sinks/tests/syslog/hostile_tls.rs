//! Receivers whose TLS is wrong, and ours towards them: each is told in words to act on.

use std::net::SocketAddr;
use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::acceptor::acceptor;
use crate::certificates::{Authority, Leaf};
use crate::events::{later, numbered, sink, try_sink};

/// A TLS receiver with this certificate; with `clients`, one that wants a certificate of ours.
async fn receiver(leaf: &Leaf, clients: Option<&Authority>) -> SocketAddr {
    let acceptor = acceptor(leaf, clients);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let mut all = Vec::new();
                let _ = stream.read_to_end(&mut all).await;
                let _ = stream.shutdown().await;
            }
        }
    });
    address
}

fn section(address: SocketAddr, authority: &Authority, more: &str) -> String {
    format!(
        "target = \"tls:{address}\"\nca_file = \"{}\"\ntimeout = \"2s\"\n{more}",
        authority.file.display()
    )
}

async fn refusal(section: &str) -> String {
    later(sink(section).as_mut(), &[numbered(1)]).await
}

fn identity(leaf: &Leaf) -> String {
    format!(
        "certificate_file = \"{}\"\nkey_file = \"{}\"",
        leaf.certificate.display(),
        leaf.key.display()
    )
}

#[tokio::test]
async fn a_certificate_that_cannot_be_trusted_is_told_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let ours = Authority::new(folder.path(), "ours");
    let theirs = Authority::new(folder.path(), "theirs");

    let address = receiver(&ours.leaf(folder.path(), "127.0.0.1", 2100), None).await;
    sink(&section(address, &ours, ""))
        .deliver(&[numbered(1)])
        .await
        .unwrap();

    let words = refusal(&section(address, &theirs, "")).await;
    assert!(words.contains("is signed by nobody whom"), "{words}");

    let words = refusal(&section(address, &ours, "server_name = \"logs.example\"")).await;
    assert!(
        words.ends_with("is for another name than `logs.example`"),
        "{words}"
    );

    let expired = receiver(&ours.leaf(folder.path(), "127.0.0.1", 2002), None).await;
    let words = refusal(&section(expired, &ours, "")).await;
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
    let address = receiver(&ours.leaf(folder.path(), "127.0.0.1", 2100), Some(&ours)).await;

    let words = refusal(&section(address, &ours, "")).await;
    assert!(
        words.contains("it may want a client certificate"),
        "{words}"
    );

    let unknown = identity(&theirs.leaf(folder.path(), "unknown", 2100));
    let words = refusal(&section(address, &ours, &unknown)).await;
    assert!(
        words.contains("it may not trust `certificate_file`"),
        "{words}"
    );

    let known = identity(&ours.leaf(folder.path(), "router", 2100));
    sink(&section(address, &ours, &known))
        .deliver(&[numbered(1)])
        .await
        .unwrap();
}

#[tokio::test]
async fn a_plain_text_peer_on_the_tls_port_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let ours = Authority::new(folder.path(), "ours");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut talks, _) = listener.accept().await.unwrap();
        let _ = talks.write_all(b"220 mail.example ESMTP\r\n").await;
        let (waits, _) = listener.accept().await.unwrap();
        let (ends, _) = listener.accept().await.unwrap();
        drop(ends);
        std::future::pending::<()>().await;
        drop((talks, waits));
    });
    let section = section(address, &ours, "");
    let words = refusal(&section).await;
    assert!(
        words.contains("the receiver does not speak TLS there"),
        "{words}"
    );
    let words = refusal(&section).await;
    assert!(
        words.ends_with(
            "the TLS handshake took longer than 2s; the receiver may not speak TLS there"
        ),
        "{words}"
    );
    let words = refusal(&section).await;
    assert!(words.starts_with(&format!("tls:{address}: ")), "{words}");
}

fn config_error(section: &str) -> String {
    try_sink(section).err().unwrap().to_string()
}

#[test]
fn files_that_are_of_no_use_are_refused_before_anything_runs_and_never_shown() {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let ours = Authority::new(folder.path(), "ours");
    let leaf = ours.leaf(folder.path(), "router", 2100);
    let other = ours.leaf(folder.path(), "other", 2100);
    let address = "127.0.0.1:6514".parse().unwrap();
    let with = |leaf: &Leaf| section(address, &ours, &identity(leaf));
    assert!(try_sink(&with(&leaf)).is_ok());

    let crossed = Leaf {
        certificate: leaf.certificate.clone(),
        key: other.key.clone(),
    };
    let words = config_error(&with(&crossed));
    assert!(
        words.starts_with("`key_file` does not belong to"),
        "{words}"
    );

    let set = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    set(&leaf.key, 0o644);
    let words = config_error(&with(&leaf));
    assert!(words.contains("(mode 0644): run chmod 0600"), "{words}");
    set(&leaf.key, 0o600);

    fs::write(&leaf.key, "PRIVATE hunter2").unwrap();
    let words = config_error(&with(&leaf));
    assert!(
        words.ends_with("holds no private key in PEM form"),
        "{words}"
    );
    assert!(!words.contains("hunter2"));

    fs::write(&ours.file, "").unwrap();
    let words = config_error(&section(address, &ours, ""));
    assert!(
        words.ends_with("holds no certificate in PEM form"),
        "{words}"
    );
}
