//! The way to a receiver: one connection a batch, one time limit for all of it, and errors that
//! say at which step it failed. Nothing is kept between batches, so a receiver may vanish and come
//! back as it likes.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use contract::human;
use tokio::net::{TcpStream, UdpSocket, UnixDatagram, UnixStream};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::config::{Config, Confirm, Tls};
use super::stream::{self, Framing, StreamError};
use super::target::{Peer, Target};
use crate::resolve::Resolver;
use crate::tls;

/// A way to one receiver.
#[derive(Debug)]
pub(super) struct Transport {
    target: Target,
    timeout: Duration,
    confirm: Confirm,
    tls: Option<Tls>,
    resolver: Resolver,
}

/// Why the receiver did not get the batch. All of it can heal.
#[derive(Debug, thiserror::Error)]
#[error("{target}: {why}")]
pub(super) struct TransportError {
    target: Target,
    why: Why,
}

#[derive(Debug, thiserror::Error)]
enum Why {
    #[error("{step} took longer than {}{}", human::Duration(*limit), step.hint())]
    TimedOut { step: Step, limit: Duration },
    #[error("{}", no_listener(*.0))]
    NoListener(io::ErrorKind),
    #[error("{step} failed: {source}")]
    Io { step: Step, source: io::Error },
    #[error("{0}")]
    Stream(#[from] StreamError),
    #[error("{0}; it may speak TLS there (`tls:`)")]
    Plain(StreamError),
    #[error("{0}")]
    Load(#[from] tls::LoadError),
    #[error("{0}")]
    Tls(String),
}

/// What was being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Resolve,
    Connect,
    Handshake,
    Send,
    Write,
    Confirm,
    Acknowledge,
}

impl Transport {
    pub(super) fn new(config: Config) -> Self {
        Self {
            target: config.target,
            timeout: config.timeout,
            confirm: config.confirm,
            tls: config.tls,
            resolver: Resolver::default(),
        }
    }

    /// Whether anybody says that the lines have come: over UDP nobody does.
    pub(super) const fn confirms(&self) -> bool {
        !matches!(self.target, Target::Udp(_))
    }

    /// Hands the lines over. Over TCP and TLS, `Ok` means that the receiver has read all of them
    /// (see [`Confirm`]); over a datagram socket, that the kernel has taken them for it.
    pub(super) async fn send(&mut self, lines: &[Vec<u8>]) -> Result<(), TransportError> {
        if lines.is_empty() {
            return Ok(());
        }
        let limit = Limit {
            whole: self.timeout,
            end: Instant::now() + self.timeout,
        };
        let sent = match &self.target {
            Target::Unix(path) => unix(path, lines, self.confirm, limit).await,
            Target::Udp(peer) => match limit
                .of(
                    Step::Resolve,
                    self.resolver.addresses(&peer.host, peer.port),
                )
                .await
            {
                Ok(addresses) => udp(&addresses, lines, limit).await,
                Err(why) => Err(why),
            },
            Target::Tcp(peer) => match connect(&mut self.resolver, peer, limit).await {
                Ok(stream) => tcp(stream, lines, self.confirm, limit).await,
                Err(why) => Err(why),
            },
            Target::Tls(peer) => {
                match (&self.tls, connect(&mut self.resolver, peer, limit).await) {
                    (Some(tls), Ok(stream)) => {
                        encrypted(stream, tls, lines, self.confirm, limit).await
                    }
                    (None, _) => Err(Why::Tls("no TLS settings".into())),
                    (_, Err(why)) => Err(why),
                }
            }
        };
        sent.map_err(|why| TransportError {
            target: self.target.clone(),
            why,
        })
    }
}

/// One time limit for all the steps of a batch.
#[derive(Clone, Copy)]
struct Limit {
    whole: Duration,
    end: Instant,
}

impl Limit {
    async fn of<T>(self, step: Step, work: impl Future<Output = io::Result<T>>) -> Result<T, Why> {
        match timeout_at(self.end, work).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(source)) => Err(Why::Io { step, source }),
            Err(_) => Err(self.passed(step)),
        }
    }

    async fn of_stream(
        self,
        step: Step,
        work: impl Future<Output = Result<(), StreamError>>,
    ) -> Result<(), Why> {
        match timeout_at(self.end, work).await {
            Ok(done) => Ok(done?),
            Err(_) => Err(self.passed(step)),
        }
    }

    fn passed(self, step: Step) -> Why {
        Why::TimedOut {
            step,
            limit: self.whole,
        }
    }
}

/// A local daemon listens for datagrams, or for a stream: then each line ends in NUL, as libc does
/// it.
async fn unix(path: &Path, lines: &[Vec<u8>], confirm: Confirm, limit: Limit) -> Result<(), Why> {
    let socket = UnixDatagram::unbound().map_err(|source| Why::Io {
        step: Step::Connect,
        source,
    })?;
    match socket.connect(path) {
        Ok(()) => {
            for line in lines {
                limit.of(Step::Send, socket.send(line)).await?;
            }
            Ok(())
        }
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::PROTOTYPE.raw_os_error()) => {
            let stream = limit.of(Step::Connect, UnixStream::connect(path)).await?;
            hand_over(stream, lines, Framing::NulTerminated, confirm, limit).await
        }
        Err(error) => Err(match error.kind() {
            kind @ (io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                Why::NoListener(kind)
            }
            _ => Why::Io {
                step: Step::Connect,
                source: error,
            },
        }),
    }
}

/// A connected socket, because only that learns of the receiver's "port unreachable": with the
/// next send, or from the socket's error at the end.
async fn udp(addresses: &[SocketAddr], lines: &[Vec<u8>], limit: Limit) -> Result<(), Why> {
    let mut refused = None;
    for address in addresses {
        match udp_to(*address, lines, limit).await {
            Err(Why::Io { step, source }) => refused = Some(Why::Io { step, source }),
            done => return done,
        }
    }
    refused.map_or(Ok(()), Err)
}

async fn udp_to(address: SocketAddr, lines: &[Vec<u8>], limit: Limit) -> Result<(), Why> {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = limit.of(Step::Connect, UdpSocket::bind(any)).await?;
    limit.of(Step::Connect, socket.connect(address)).await?;
    for line in lines {
        limit.of(Step::Send, socket.send(line)).await?;
    }
    match socket.take_error() {
        Ok(None) => Ok(()),
        Ok(Some(source)) | Err(source) => Err(Why::Io {
            step: Step::Send,
            source,
        }),
    }
}

/// Tries the receiver's addresses in turn; each gets its share of the time that is left.
async fn connect(resolver: &mut Resolver, peer: &Peer, limit: Limit) -> Result<TcpStream, Why> {
    let addresses = limit
        .of(Step::Resolve, resolver.addresses(&peer.host, peer.port))
        .await?;
    let mut why = limit.passed(Step::Connect);
    for (index, address) in addresses.iter().enumerate() {
        let left = limit.end.saturating_duration_since(Instant::now());
        let shares = u32::try_from(addresses.len() - index).unwrap_or(1);
        let share = Limit {
            end: Instant::now() + left / shares,
            ..limit
        };
        match share.of(Step::Connect, TcpStream::connect(address)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => why = error,
        }
    }
    Err(why)
}

async fn tcp(
    stream: TcpStream,
    lines: &[Vec<u8>],
    confirm: Confirm,
    limit: Limit,
) -> Result<(), Why> {
    hand_over(stream, lines, Framing::OctetCounted, confirm, limit)
        .await
        .map_err(|why| match why {
            Why::Stream(error) => Why::Plain(error),
            other => other,
        })
}

async fn encrypted(
    stream: TcpStream,
    tls: &Tls,
    lines: &[Vec<u8>],
    confirm: Confirm,
    limit: Limit,
) -> Result<(), Why> {
    let loading = {
        let settings = tls.settings.clone();
        tokio::task::spawn_blocking(move || settings.load())
    };
    let loaded = limit
        .of(Step::Handshake, async { Ok(loading.await?) })
        .await?;
    let connector = TlsConnector::from(Arc::new(loaded?));
    let explain = |why| match why {
        Why::Io { source, .. } | Why::Stream(StreamError::Io(source)) => {
            Why::Tls(explain(&source, tls))
        }
        other => other,
    };
    let name = tls.server_name.clone();
    let stream = limit
        .of(Step::Handshake, connector.connect(name, stream))
        .await
        .map_err(explain)?;
    hand_over(stream, lines, Framing::OctetCounted, confirm, limit)
        .await
        .map_err(explain)
}

fn explain(error: &io::Error, tls: &Tls) -> String {
    tls::explain(error, &tls.settings, &tls.server_name.to_str()).unwrap_or_else(|| {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                "the receiver ended the TLS connection without a word".into()
            }
            _ => error.to_string(),
        }
    })
}

async fn hand_over(
    mut stream: impl stream::Connection,
    lines: &[Vec<u8>],
    framing: Framing,
    confirm: Confirm,
    limit: Limit,
) -> Result<(), Why> {
    let writing = stream::write(&mut stream, lines, framing);
    limit.of_stream(Step::Write, writing).await?;
    match confirm {
        Confirm::Close => {
            let closing = stream::closed_by_peer(&mut stream);
            limit.of_stream(Step::Confirm, closing).await
        }
        Confirm::None => {
            let acknowledging = stream::acknowledged(&stream);
            limit.of_stream(Step::Acknowledge, acknowledging).await
        }
    }
}

fn no_listener(kind: io::ErrorKind) -> &'static str {
    if kind == io::ErrorKind::NotFound {
        "no syslog daemon runs: its socket does not exist"
    } else {
        "no syslog daemon runs: nobody listens on its socket"
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Resolve => "looking up the name",
            Self::Connect => "connecting",
            Self::Handshake => "the TLS handshake",
            Self::Send => "sending",
            Self::Write => "writing",
            Self::Confirm => "waiting for the receiver to confirm by closing",
            Self::Acknowledge => "waiting for the receiver's machine to acknowledge",
        })
    }
}

impl Step {
    /// What may be behind a step that takes too long.
    const fn hint(self) -> &'static str {
        match self {
            Self::Resolve => "; is the name server reachable?",
            Self::Connect => "; a firewall may drop it",
            Self::Handshake => "; the receiver may not speak TLS there",
            Self::Send | Self::Write | Self::Acknowledge => "; the receiver does not read",
            Self::Confirm => "; if it never closes, set confirm = \"none\"",
        }
    }
}
