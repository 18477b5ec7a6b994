//! The configuration's proxy is used, and the environment's is not.

use std::net::SocketAddr;
use std::process::Command;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::certificates::Authority;
use crate::events::{deliver, later, service_down, sink};
use crate::hostile_tls;
use crate::peer::{self, Peer};

const TAKEN: &str = "HTTP/1.1 204 No Content\r\n\r\n";

#[tokio::test]
async fn plain_http_goes_to_the_proxy_with_the_whole_address() {
    let proxy = Peer::always(TAKEN).await;
    let section = format!(
        "url = \"http://manager.invalid:81/hook\"\nproxy = \"http://{}\"",
        proxy.address
    );
    deliver(sink(&section).as_mut(), &[service_down(1)])
        .await
        .unwrap();
    let heads = proxy.heads();
    assert!(
        heads[0].starts_with("POST http://manager.invalid:81/hook HTTP/1.1"),
        "{heads:?}"
    );
}

/// A proxy that connects whomever it is asked for to `address`.
async fn tunnel(address: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let (head, _) = peer::request(&mut near).await.unwrap();
            if head.starts_with("CONNECT manager.example:444 ") {
                let mut far = TcpStream::connect(address).await.unwrap();
                near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            } else {
                near.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n")
                    .await
                    .unwrap();
            }
        }
    });
    proxy
}

#[tokio::test]
async fn https_goes_through_the_proxy_and_trusts_only_the_receiver() {
    let folder = tempfile::tempdir().unwrap();
    let ours = Authority::new(folder.path(), "ours");
    let leaf = ours.leaf(folder.path(), "manager.example", 2100);
    let proxy = tunnel(hostile_tls::receiver(&leaf, None).await).await;
    let through = format!("proxy = \"http://{proxy}\"");
    let section = |port| hostile_tls::section("manager.example", port, &ours, &through);
    deliver(sink(&section(444)).as_mut(), &[service_down(1)])
        .await
        .unwrap();
    let (words, _) = later(sink(&section(445)).as_mut(), &[service_down(1)]).await;
    assert!(
        words.contains("connecting failed: ") && words.contains("tunnel"),
        "{words}"
    );
}

/// Says in its own process that there is a proxy in the environment.
const MARK: &str = "VRWATCH_TEST_WITH_PROXY";

#[tokio::test]
async fn the_environments_proxy_is_not_asked() {
    let peer = Peer::always(TAKEN).await;
    if std::env::var_os(MARK).is_some() {
        let section = format!("url = \"http://{}/\"", peer.address);
        deliver(sink(&section).as_mut(), &[service_down(1)])
            .await
            .unwrap();
        assert_eq!(peer.heads().len(), 1);
        return;
    }
    let proxy = Peer::always(TAKEN).await;
    let address = format!("http://{}", proxy.address);
    let mut again = Command::new(std::env::current_exe().unwrap());
    again
        .args(["--exact", "proxies::the_environments_proxy_is_not_asked"])
        .env(MARK, "1");
    for name in [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ] {
        again.env(name, &address);
    }
    let output = tokio::task::spawn_blocking(move || again.output())
        .await
        .unwrap()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert!(proxy.heads().is_empty());
}
