//! The local socket vanishes and returns, is a stream, or is not read.

use std::io::Read;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;

use crate::events::{later, numbered, outage, sink};

fn section(path: &Path) -> String {
    format!("target = \"unix:{}\"\ntimeout = \"300ms\"", path.display())
}

fn next(socket: &UnixDatagram) -> String {
    let mut line = [0; 4096];
    let length = socket.recv(&mut line).unwrap();
    String::from_utf8(line[..length].to_vec()).unwrap()
}

#[tokio::test]
async fn the_socket_may_vanish_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut sink = sink(&section(&path));
    let words = later(sink.as_mut(), &outage()).await;
    assert!(words.ends_with("its socket does not exist"), "{words}");
    for _ in 0..3 {
        let daemon = UnixDatagram::bind(&path).unwrap();
        sink.deliver(&outage()).await.unwrap();
        assert!(next(&daemon).contains("[ALERT] [dnsmasq] is down"));
        drop(daemon);
        let words = later(sink.as_mut(), &outage()).await;
        assert!(words.ends_with("nobody listens on its socket"), "{words}");
        std::fs::remove_file(&path).unwrap();
    }
}

#[tokio::test]
async fn a_daemon_that_does_not_read_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let daemon = UnixDatagram::bind(&path).unwrap();
    let mut sink = sink(&section(&path));
    let flood: Vec<_> = (1..=5000).map(numbered).collect();
    let words = later(sink.as_mut(), &flood).await;
    assert!(
        words.contains("sending took longer than 300ms; the receiver does not read"),
        "{words}"
    );
    let reader = std::thread::spawn(move || while !next(&daemon).contains("<id005001>") {});
    sink.deliver(&[numbered(5001)]).await.unwrap();
    reader.join().unwrap();
}

#[tokio::test]
async fn a_daemon_that_listens_for_a_stream_gets_lines_that_end_in_nul() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let daemon = UnixListener::bind(&path).unwrap();
    let mut sink = sink(&section(&path));
    let reader = std::thread::spawn(move || {
        let mut all = String::new();
        daemon.accept().unwrap().0.read_to_string(&mut all).unwrap();
        all
    });
    sink.deliver(&outage()).await.unwrap();
    let all = reader.join().unwrap();
    assert_eq!(all.matches('\0').count(), 3, "{all:?}");
    assert!(all.ends_with('\0') && all.starts_with("<26>"), "{all:?}");
}

#[tokio::test]
async fn a_stream_daemon_that_closes_without_reading_did_not_take_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let daemon = UnixListener::bind(&path).unwrap();
    let mut sink = sink(&section(&path));
    let closer = std::thread::spawn(move || drop(daemon.accept().unwrap()));
    later(sink.as_mut(), &outage()).await;
    closer.join().unwrap();
}
