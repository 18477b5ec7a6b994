//! The HTTP server: axum's router behind hyper, with a limit on everything that a client could
//! take too much of: connections, header bytes, time for each phase of a request.
//!
//! Bodies are bounded where they are read, since only there is known how large they may be.

mod config;
mod connection;
mod crowd;
mod stream;
mod tls;
mod watch;

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

pub use self::config::{Config, Tls as TlsConfig};
use self::connection::Shared;
use self::crowd::Crowd;
pub(in crate::api) use self::crowd::neighbourhood;
use self::tls::Tls;
pub use self::tls::{TlsError, check as check_tls};
use self::watch::Patience;

/// How many connections the kernel keeps ready; a storm of all routers at once must not be lost.
const BACKLOG: u32 = 4096;
/// Files that are not connections: database, logs, connections to routers.
const OTHER_FILES: u64 = 512;
/// How long is waited when the system has no more files or memory for a connection.
const OUT_OF_FILES: Duration = Duration::from_millis(50);
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
    content-length: 41\r\nretry-after: 5\r\nconnection: close\r\n\r\n\
    {\"error\":\"too many requests at one time\"}";

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be had.
    #[error("cannot listen on {address} (`[http]` `listen`): {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A socket of systemd is of no use.
    #[error("the socket that systemd hands over cannot be used: {0}")]
    HandedOver(io::Error),
    /// The certificate is of no use.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A server that listens, but does not answer yet.
pub struct Server {
    listeners: Vec<TcpListener>,
    tls: Option<Tls>,
    config: Config,
}

impl Server {
    /// Listens as configured. Call it within a tokio runtime.
    ///
    /// # Errors
    /// [`StartError`] when the address is taken or the certificate is of no use.
    pub fn bind(config: Config) -> Result<Self, StartError> {
        let tls = config.tls.clone().map(Tls::load).transpose()?;
        let mut listeners = handed_over().map_err(StartError::HandedOver)?;
        if listeners.is_empty() {
            let address = config.listen;
            listeners
                .push(listen(address).map_err(|source| StartError::Listen { address, source })?);
        }
        Ok(Self {
            listeners,
            tls,
            config,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let addresses = self.listeners.iter().map(TcpListener::local_addr);
        addresses.filter_map(Result::ok).collect()
    }

    /// Answers until `stop` is ready; requests that are under way may then end within
    /// `stop_timeout`.
    pub async fn serve(self, app: Router, stop: impl Future<Output = ()>) {
        let (tell_stop, stopping) = tokio::sync::watch::channel(false);
        let config = self.config;
        let shared = Arc::new(Shared {
            app,
            tls: self.tls,
            patience: Patience {
                head: config.head_timeout.0,
                idle: config.idle_timeout.0,
                request: config.request_timeout.0,
            },
            stopping,
        });
        let most = affordable(config.connections);
        let crowd = Crowd::new(most, config.connections_per_address);
        let mut doors = JoinSet::new();
        for listener in self.listeners {
            doors.spawn(accept(listener, Arc::clone(&shared), Arc::clone(&crowd)));
        }
        stop.await;
        let _ = tell_stop.send(true);
        let ended = async { while doors.join_next().await.is_some() {} };
        if timeout(config.stop_timeout.0, ended).await.is_err() {
            tracing::warn!(connections = crowd.count(), "stopped amid requests");
        }
    }
}

/// The sockets that systemd hands over.
fn handed_over() -> io::Result<Vec<TcpListener>> {
    let mut handed = listenfd::ListenFd::from_env();
    let mut listeners = Vec::new();
    for number in 0..handed.len() {
        if let Some(listener) = handed.take_tcp_listener(number)? {
            listeners.push(unblocked(listener)?);
        }
    }
    Ok(listeners)
}

fn unblocked(listener: StdListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// As many connections as wished, if this process may open so many files: each is one.
fn affordable(wished: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let Some(files) = files else {
        return wished;
    };
    let most = usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX);
    if most < wished {
        tracing::warn!(
            wished,
            most,
            "this process may not open files enough for `connections`: raise LimitNOFILE"
        );
    }
    // A quarter more may be on their way out.
    wished.min(most / 5 * 4).max(1)
}

/// Takes connections until the server stops, then waits for those there are.
async fn accept(listener: TcpListener, shared: Arc<Shared>, crowd: Arc<Crowd>) {
    let mut connections = JoinSet::new();
    let mut stopping = shared.stopping.clone();
    let mut complaint: Option<Instant> = None;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let _ = stream.set_nodelay(true);
                    match crowd.admit(peer.ip()) {
                        Some(place) => {
                            let shared = Arc::clone(&shared);
                            connections.spawn(connection::serve(shared, stream, peer, place));
                        }
                        None => turn_away(&stream, shared.tls.is_some()),
                    }
                }
                Err(error) => {
                    if complaint.is_none_or(|last| last.elapsed() > Duration::from_mins(1)) {
                        tracing::warn!(%error, "a connection could not be taken");
                        complaint = Some(Instant::now());
                    }
                    sleep(OUT_OF_FILES).await;
                }
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            () = connection::stops(&mut stopping) => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Says why without waiting, where that can be said.
fn turn_away(stream: &TcpStream, encrypted: bool) {
    if !encrypted {
        let _ = stream.try_write(FULL);
    }
}

#[cfg(test)]
mod tests;
