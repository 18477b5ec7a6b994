//! Receivers on the network that misbehave: each is told apart in words, within the time limit.

use std::net::SocketAddr;

use contract::Event;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::events::{later, numbered, sink};

/// A peer that treats every connection the same way.
async fn peer<F, Work>(treat: F) -> SocketAddr
where
    F: Fn(TcpStream) -> Work + Send + 'static,
    Work: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(treat(stream));
        }
    });
    address
}

fn section(address: SocketAddr, more: &str) -> String {
    format!("target = \"tcp:{address}\"\ntimeout = \"300ms\"\n{more}")
}

/// More than the socket buffers of both sides hold.
fn flood() -> Vec<Event> {
    (1..=60_000).map(numbered).collect()
}

async fn for_ever() {
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn one_that_accepts_and_stays_silent_has_not_taken_it() {
    let address = peer(|stream| async move {
        for_ever().await;
        drop(stream);
    })
    .await;
    let words = later(sink(&section(address, "")).as_mut(), &[numbered(1)]).await;
    assert_eq!(
        words,
        format!(
            "tcp:{address}: waiting for the receiver to confirm by closing took longer than 300ms; if it never closes, set confirm = \"none\""
        )
    );
}

#[tokio::test]
async fn one_that_does_not_read_a_flood_has_not_taken_it() {
    let address = peer(|stream| async move {
        for_ever().await;
        drop(stream);
    })
    .await;
    for more in ["", "confirm = \"none\""] {
        let words = later(sink(&section(address, more)).as_mut(), &flood()).await;
        assert!(
            words.ends_with("writing took longer than 300ms; the receiver does not read"),
            "{words}"
        );
    }
    // This much goes into our own kernel, but not on into the receiver's.
    let batch: Vec<_> = (1..=4000).map(numbered).collect();
    let mut trusting = sink(&section(address, "confirm = \"none\""));
    let words = later(trusting.as_mut(), &batch).await;
    assert!(
        words.contains("took longer than 300ms; the receiver does not read"),
        "{words}"
    );
}

#[tokio::test]
async fn one_that_reads_but_never_closes_is_taken_at_its_kernels_word_if_told_so() {
    let address = peer(|mut stream| async move {
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all).await;
        for_ever().await;
        drop(stream);
    })
    .await;
    let batch = [numbered(1), numbered(2)];
    let words = later(sink(&section(address, "")).as_mut(), &batch).await;
    assert!(words.ends_with("set confirm = \"none\""), "{words}");
    let mut trusting = sink(&section(address, "confirm = \"none\""));
    for _ in 0..20 {
        trusting.deliver(&batch).await.unwrap();
    }
}

#[tokio::test]
async fn one_that_resets_in_the_middle_has_not_taken_it() {
    let address = peer(|mut stream| async move {
        let mut some = [0; 1000];
        let _ = stream.read_exact(&mut some).await;
        // Dropped with the rest unread: the kernel resets the connection.
    })
    .await;
    for more in ["", "confirm = \"none\""] {
        for batch in [flood(), (1..=50).map(numbered).collect()] {
            let words = later(sink(&section(address, more)).as_mut(), &batch).await;
            assert!(words.contains("before it had read everything"), "{words}");
        }
    }
}

#[tokio::test]
async fn one_that_closes_at_once_has_not_taken_it() {
    let address = peer(|stream| async move { drop(stream) }).await;
    let mut sink = sink(&section(address, "").replace("300ms", "20s"));
    for _ in 0..200 {
        let words = later(sink.as_mut(), &[numbered(1)]).await;
        assert!(words.contains("before it had read everything"), "{words}");
    }
}

#[tokio::test]
async fn one_that_ends_its_side_before_we_end_ours_confirms_nothing_by_it() {
    let address = peer(|mut stream| async move {
        let _ = stream.shutdown().await;
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all).await;
    })
    .await;
    let patient = section(address, "").replace("300ms", "20s");
    let words = later(sink(&patient).as_mut(), &flood()).await;
    assert!(words.contains("before it had read everything"), "{words}");
}

#[tokio::test]
async fn one_that_answers_is_no_syslog_receiver() {
    let address = peer(|mut stream| async move {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await;
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all).await;
    })
    .await;
    let words = later(sink(&section(address, "")).as_mut(), &[numbered(1)]).await;
    assert!(
        words.ends_with("does: check the port; it may speak TLS there (`tls:`)"),
        "{words}"
    );
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_told() {
    let mut sink = sink("target = \"udp:nowhere.invalid:514\"\ntimeout = \"20s\"");
    let words = later(sink.as_mut(), &[numbered(1)]).await;
    assert!(
        words.starts_with("udp:nowhere.invalid:514: looking up the name"),
        "{words}"
    );
}
