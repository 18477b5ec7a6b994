//! What stands where a receiver should be.

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

use crate::harness::{Router, Server};

/// What is wrong with a receiver.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Nobody listens.
    Down,
    /// Somebody listens and never says a word.
    Silent,
    /// Whoever comes is told this, and then the connection ends.
    Says(&'static str),
}

/// A fault that lasts until this is dropped.
pub(crate) enum Lasting {
    Down,
    Tcp { _server: Server },
    Udp { _socket: UdpSocket },
}

impl Fault {
    /// Takes the place of a receiver on a TCP port.
    #[track_caller]
    pub(crate) fn on_tcp(self, router: &Router, port: u16) -> Lasting {
        match self {
            Self::Down => Lasting::Down,
            Self::Silent => Lasting::Tcp {
                _server: Server::start(router, port, |stream| read_until_quiet(&stream, None)),
            },
            Self::Says(words) => Lasting::Tcp {
                _server: Server::start(router, port, move |stream| {
                    // Unread input would turn the end into a reset, and that may overtake the words.
                    read_until_quiet(&stream, Some(Duration::from_millis(100)));
                    let _ = (&stream).write_all(words.as_bytes());
                }),
            },
        }
    }

    /// Takes the place of a receiver on a UDP port, where nothing can be said.
    #[track_caller]
    pub(crate) fn on_udp(self, router: &Router, port: u16) -> Lasting {
        match self {
            Self::Down => Lasting::Down,
            Self::Silent => Lasting::Udp {
                _socket: router
                    .open_in_its_network(|| UdpSocket::bind(("127.0.0.1", port)).unwrap()),
            },
            Self::Says(_) => panic!("nothing can be said over UDP"),
        }
    }
}

/// Reads until the other side ends, or says nothing for so long.
fn read_until_quiet(mut stream: &TcpStream, limit: Option<Duration>) {
    stream.set_read_timeout(limit).unwrap();
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).is_ok_and(|count| count > 0) {}
}
