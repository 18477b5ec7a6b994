//! Large answers and those who do not take them.

use axum::routing::get;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};

use super::*;
use crate::api::server::Config;
use crate::api::trial::{Answer, World, config, eventually};

/// More than all buffers of a connection.
const LARGE: usize = 32 << 20;

fn app() -> Router {
    bounded(
        Router::new()
            .route("/large", get(async || vec![b'x'; LARGE]))
            .route("/small", get(async || "small")),
    )
}

fn asked(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").into_bytes()
}

#[tokio::test]
async fn who_leaves_large_answers_lying_keeps_no_other_address_waiting() {
    let world = World::serving(
        Config {
            listen: "0.0.0.0:0".parse().unwrap(),
            ..config()
        },
        app(),
    );
    let port = world.address.port();
    let mut lying = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(&asked("/large")).await.unwrap();
        lying.push(stream);
    }
    let begun = || {
        let mut begun = 0;
        for stream in &lying {
            begun += usize::from(matches!(stream.try_read(&mut [0; 1]), Ok(1)));
        }
        begun
    };
    let mut seen = 0;
    eventually("as many as there may be are answered", || {
        seen += begun();
        seen >= OF_AN_ADDRESS
    })
    .await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = socket
        .connect(SocketAddr::from(([127, 0, 0, 1], port)))
        .await
        .unwrap();
    other.write_all(&asked("/large")).await.unwrap();
    let answer = Answer::read(&mut other).await;
    assert_eq!((answer.status, answer.body.len()), (200, LARGE));
    other.write_all(&asked("/small")).await.unwrap();
    assert_eq!(Answer::read(&mut other).await.body, "small");
    // Once one of them is gone, the next is answered.
    drop(lying);
    let mut again = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    again.write_all(&asked("/large")).await.unwrap();
    assert_eq!(Answer::read(&mut again).await.body.len(), LARGE);
}
