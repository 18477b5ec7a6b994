//! The server under clients that take too much: too long, too many, too loud.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use contract::human;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;
use crate::api::trial::{Answer, GENEROUS, KEY, Request, World, batch, config, eventually};

const HELLO: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

fn app() -> Router {
    Router::new()
        .route("/", get(async || "hello"))
        .route("/never", get(std::future::pending::<()>))
        .route("/echo", get(async |body: axum::body::Bytes| body))
}

fn impatient() -> Config {
    Config {
        head_timeout: human::Duration::from_millis(200),
        request_timeout: human::Duration::from_millis(400),
        idle_timeout: human::Duration::from_millis(300),
        stop_timeout: human::Duration::from_millis(300),
        ..config()
    }
}

async fn hello(stream: &mut TcpStream) -> u16 {
    if stream.write_all(HELLO).await.is_err() {
        return 0;
    }
    Answer::read(stream).await.status
}

/// Whether the server closes it in time.
async fn is_closed(stream: &mut TcpStream) -> bool {
    matches!(
        timeout(GENEROUS, stream.read(&mut [0; 1])).await.unwrap(),
        Ok(0) | Err(_)
    )
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_cut_in_time_and_told_so() {
    let world = World::serving(impatient(), app());
    let stream = world.connect().await;
    let (mut reading, mut writing) = stream.into_split();
    let dripping = tokio::spawn(async move {
        for byte in HELLO.iter().cycle() {
            if writing.write_all(&[*byte | 0x20]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut answer = String::new();
    timeout(GENEROUS, reading.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap_or_default();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.ends_with("in time\"}"), "{answer}");
    timeout(GENEROUS, dripping).await.unwrap().unwrap();
}

#[tokio::test]
async fn the_silent_the_idle_and_the_slow_are_cut() {
    let world = World::serving(impatient(), app());
    let mut silent = world.connect().await;
    assert!(is_closed(&mut silent).await);
    let mut idle = world.connect().await;
    assert_eq!(hello(&mut idle).await, 200);
    assert!(is_closed(&mut idle).await);
    let mut slow = world.connect().await;
    slow.write_all(b"GET /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nslow")
        .await
        .unwrap();
    assert_eq!(Answer::read(&mut slow).await.status, 408);
    assert!(is_closed(&mut slow).await);
    let mut endless = world.connect().await;
    endless
        .write_all(b"GET /never HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let answer = Answer::read(&mut endless).await;
    assert_eq!(answer.status, 503);
    assert!(answer.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn garbage_is_told_so_and_never_taken_for_a_request() {
    let world = World::serving(config(), app());
    let long = |name: &str, length: usize| {
        format!(
            "GET / HTTP/1.1\r\nhost: x\r\n{name}: {}\r\n\r\n",
            "y".repeat(length)
        )
    };
    let many = "a: b\r\n".repeat(100);
    for (garbage, status) in [
        (b"\x16\x03\x01\x02\x00\x01\x00".to_vec(), 400),
        (b"\0\0\0\0\r\n\r\n".to_vec(), 400),
        (b"GET / HTTP/9.9\r\n\r\n".to_vec(), 400),
        (b"GET /\r\n\r\n".to_vec(), 400),
        (b"GET / HTTP/1.1\r\nx y: z\r\n\r\n".to_vec(), 400),
        (
            b"GET / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n".to_vec(),
            400,
        ),
        (
            b"GET / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n".to_vec(),
            400,
        ),
        (long("x", 40_000).into_bytes(), 431),
        (format!("GET / HTTP/1.1\r\n{many}\r\n").into_bytes(), 431),
        (
            format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(70_000)).into_bytes(),
            431,
        ),
    ] {
        let mut stream = world.connect().await;
        let _ = stream.write_all(&garbage).await;
        let answer = Answer::read(&mut stream).await;
        let shown = String::from_utf8_lossy(&garbage[..garbage.len().min(60)]).into_owned();
        assert!(answer.status == status, "{shown}: {answer:?}");
        // Pipelined behind a good request.
        let mut stream = world.connect().await;
        let _ = stream.write_all(&[HELLO, &garbage].concat()).await;
        assert_eq!(Answer::read(&mut stream).await.status, 200, "{shown}");
        assert!(is_closed_after_an_answer(&mut stream).await, "{shown}");
    }
}

/// Reads whatever comes until the end.
async fn is_closed_after_an_answer(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    timeout(GENEROUS, stream.read_to_end(&mut rest))
        .await
        .is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_idle_connections_starve_nobody() {
    let world = World::with(Config {
        connections_per_address: 5_000,
        ..config()
    });
    let mut idle = Vec::new();
    for number in 0..10_000 {
        let mut stream = world.connect().await;
        if number % 2 == 0 {
            // Half of them begin a request.
            let _ = stream.write_all(b"POST /api/v1/alerts HT").await;
        }
        idle.push(stream);
        if number % 500 == 0 {
            let id = format!("e-{number:05}");
            let honest = Request::alerts(&KEY, batch(&[&id]));
            assert_eq!(world.send(&honest).await.status, 200, "{number}");
        }
    }
    assert_eq!(world.memory.ids().len(), 20);
    // The oldest of them had to go.
    assert!(is_closed(&mut idle[1]).await);
}

#[tokio::test]
async fn one_address_has_its_share_and_others_theirs() {
    let mut config = config();
    config.connections_per_address = 2;
    config.listen = "0.0.0.0:0".parse().unwrap();
    let world = World::serving(config, app());
    let port = world.address.port();
    let mut never = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream
            .write_all(b"GET /never HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        never.push(stream);
    }
    // Once both are being answered there is no place for a third, until one of them goes.
    let mut third = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let status = loop {
        let status = hello(&mut third).await;
        if status == 503 || status == 0 {
            break status;
        }
        third = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    };
    assert!(status == 503 || status == 0, "{status}");
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut other = socket.connect(address).await.unwrap();
    assert_eq!(hello(&mut other).await, 200);
}

#[tokio::test]
async fn a_request_that_is_under_way_is_answered_though_the_server_stops() {
    let mut world = World::new();
    let closed = world.memory.gate.lock().await;
    let mut busy = world.connect().await;
    let request = Request::alerts(&KEY, batch(&["e-1"]));
    busy.write_all(&request.bytes()).await.unwrap();
    eventually("it is being stored", || world.memory.is_storing()).await;
    let mut idle = world.connect().await;
    let (stop, served) = (world.stop.take().unwrap(), &mut world.served);
    stop.send(()).unwrap();
    assert!(is_closed(&mut idle).await);
    assert!(!served.is_finished());
    drop(closed);
    assert_eq!(Answer::read(&mut busy).await.status, 200);
    timeout(GENEROUS, served).await.unwrap().unwrap();
    assert!(TcpStream::connect(world.address).await.is_err());
}

#[tokio::test]
async fn a_server_that_stops_waits_for_nobody_for_ever() {
    let mut world = World::serving(impatient(), app());
    let mut endless = world.connect().await;
    endless
        .write_all(b"GET /never HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    world.stop();
    timeout(GENEROUS, &mut world.served).await.unwrap().unwrap();
    assert!(is_closed_after_an_answer(&mut endless).await);
}

mod taking;
mod tls;
