//! Peers that are down, silent, busy, broken or hostile: each gets the right verdict in words to act
//! on, within the section's time.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::events::{SECRET, deliver, later, never, secret_file, service_down, sink};
use crate::peer::Peer;

fn section(address: impl std::fmt::Display) -> String {
    format!("url = \"http://{address}/hook?token=hunter2\"\ntimeout = \"1s\"")
}

/// Delivers to a peer that always answers this.
async fn told_later(answer: &'static str) -> (String, Option<Duration>) {
    let peer = Peer::always(answer).await;
    let told = later(sink(&section(peer.address)).as_mut(), &[service_down(1)]).await;
    assert!(
        told.0.starts_with(&format!("http://{}: ", peer.address)),
        "{}",
        told.0
    );
    told
}

#[tokio::test]
async fn what_can_heal_is_told_later_and_the_peers_wish_is_passed_on() {
    for (answer, words, wait) in [
        (
            "HTTP/1.1 500 Oops\r\n\r\nno database",
            "it answers 500 Internal Server Error: no database",
            None,
        ),
        (
            "HTTP/1.1 429 Too Many\r\nretry-after: 120\r\n\r\n",
            "it answers 429 Too Many Requests",
            Some(Duration::from_mins(2)),
        ),
        (
            "HTTP/1.1 503 Busy\r\nretry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
             date: Sun, 06 Nov 1994 08:48:37 GMT\r\ncontent-type: text/html\r\n\r\n<html>",
            "it answers 503 Service Unavailable",
            Some(Duration::from_mins(1)),
        ),
        (
            "HTTP/1.1 403 No\r\n\r\n",
            "and are both clocks right?",
            None,
        ),
        (
            "HTTP/1.1 500 No\r\n\r\n\u{1b}[31mred\r\n",
            "500 Internal Server Error: red",
            None,
        ),
    ] {
        let (told, wish) = told_later(answer).await;
        assert!(told.ends_with(words), "{told}");
        assert_eq!(wish, wait, "{told}");
    }
}

#[tokio::test]
async fn what_cannot_heal_is_told_never() {
    for status in [
        "400 Bad Request",
        "404 Not Found",
        "413 Content Too Large",
        "422 Unprocessable Content",
    ] {
        let status = status.to_owned();
        let line = status.clone();
        let peer =
            Peer::answering(move |_, _| format!("HTTP/1.1 {line}\r\n\r\nno").into_bytes()).await;
        let words = never(sink(&section(peer.address)).as_mut(), &[service_down(1)]).await;
        let code = &status[..3];
        assert!(words.contains(&format!("it answers {code} ")), "{words}");
    }
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_not_called_again() {
    let peer = Peer::always("HTTP/1.1 410 Gone\r\n\r\n").await;
    let mut sink = sink(&section(peer.address));
    let words = never(sink.as_mut(), &[service_down(1)]).await;
    assert!(words.ends_with("it answers 410 Gone"), "{words}");
    let words = never(sink.as_mut(), &[service_down(1)]).await;
    assert!(
        words.contains("is not called again by this vrwatch: correct `url`"),
        "{words}"
    );
    assert_eq!(peer.heads().len(), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Peer::always("HTTP/1.1 204 No Content\r\n\r\n").await;
    let to = elsewhere.address;
    let peer = Peer::answering(move |_, _| {
        format!("HTTP/1.1 307 Elsewhere\r\nlocation: http://{to}/?token=hunter2\r\n\r\n")
            .into_bytes()
    })
    .await;
    let (words, _) = later(sink(&section(peer.address)).as_mut(), &[service_down(1)]).await;
    assert!(
        words.ends_with(&format!(
            "it answers 307 Temporary Redirect and points to http://{to}/; redirects are not followed: set `url` to where the receiver is"
        )),
        "{words}"
    );
    assert!(elsewhere.heads().is_empty());
}

#[tokio::test]
async fn an_answer_that_is_cut_in_its_head_is_none_and_one_cut_in_its_body_is() {
    let (words, _) = told_later("HTTP/1.1 20").await;
    assert!(words.contains("the call failed: "), "{words}");
    let (words, _) = told_later("").await;
    assert!(words.contains("the call failed: "), "{words}");
    let peer = Peer::always("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhal").await;
    deliver(sink(&section(peer.address)).as_mut(), &[service_down(1)])
        .await
        .unwrap();
}

#[tokio::test]
async fn an_endless_answer_fills_no_memory_and_takes_no_longer_than_the_batch_may() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let flood = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                crate::peer::request(&mut stream).await;
                let _ = stream.write_all(b"HTTP/1.1 500 No\r\n\r\n").await;
                while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
            });
        }
    });
    let (words, _) = later(sink(&section(address)).as_mut(), &[service_down(1)]).await;
    assert!(
        words.contains("500 Internal Server Error: xxx") && words.len() < 400,
        "{words}"
    );
    flood.abort();
}

#[tokio::test]
async fn a_peer_that_hangs_is_given_up_in_time() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let (words, _) = later(sink(&section(address)).as_mut(), &[service_down(1)]).await;
    assert_eq!(
        words,
        format!("http://{address}: it did not answer within 1s")
    );
}

#[tokio::test]
async fn a_peer_that_is_down_and_a_name_that_nobody_knows_are_told_apart() {
    let gone = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let (words, _) = later(sink(&section(gone)).as_mut(), &[service_down(1)]).await;
    assert!(
        words.contains("connecting failed: ") && words.contains("Connection refused"),
        "{words}"
    );

    // Where no name server answers at all, it is the time limit that ends it.
    let (words, _) = later(
        sink(&section("nobody.invalid")).as_mut(),
        &[service_down(1)],
    )
    .await;
    assert!(
        words.contains("looking up `nobody.invalid` failed")
            || words.contains("the name server may be away"),
        "{words}"
    );
}

#[tokio::test]
async fn a_secret_that_others_may_read_or_that_vanishes_is_told_and_not_used() {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    let peer = Peer::always("HTTP/1.1 204 No Content\r\n\r\n").await;
    let folder = tempfile::tempdir().unwrap();
    let file = secret_file(folder.path(), "key", SECRET);
    let mut sink = sink(&format!(
        "{}\nsecret_file = {file:?}",
        section(peer.address)
    ));
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    let (words, _) = later(sink.as_mut(), &[service_down(1)]).await;
    assert!(words.contains("(mode 0644): run chmod 0600"), "{words}");
    fs::remove_file(&file).unwrap();
    let (words, _) = later(sink.as_mut(), &[service_down(1)]).await;
    assert!(words.contains("cannot read"), "{words}");
    assert!(peer.heads().is_empty());
}
