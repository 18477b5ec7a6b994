//! The section `[http]`: where the server listens, and what it puts up with.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use contract::human;
use serde::Deserialize;

/// Where the server listens, and its limits.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The address and port; sockets that systemd hands over are taken instead.
    pub listen: SocketAddr,
    /// The certificate; absent: plain HTTP.
    pub tls: Option<Tls>,
    /// Whether plain HTTP may be spoken where others than this machine can listen, because something
    /// before it encrypts.
    pub insecure: bool,
    /// The most connections at a time. When there are more, the one that has been idle longest is
    /// closed.
    pub connections: usize,
    /// The same for each client address (for IPv6: each /64).
    pub connections_per_address: usize,
    /// How long a client may take for the first byte, the TLS handshake, or the head of a request.
    pub head_timeout: human::Duration,
    /// How long a whole request may take, from its head to the end of the work on it.
    pub request_timeout: human::Duration,
    /// How long a connection is kept between two requests.
    pub idle_timeout: human::Duration,
    /// How long requests that are under way may go on when the server stops.
    pub stop_timeout: human::Duration,
}

/// The server's certificate.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM with the certificate and those between it and the authority. Read again when it changes.
    pub certificate_file: PathBuf,
    /// PEM with its key, mode 0600.
    pub key_file: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            tls: None,
            insecure: false,
            connections: 4096,
            connections_per_address: 1024,
            head_timeout: human::Duration(Duration::from_secs(10)),
            request_timeout: human::Duration(Duration::from_secs(30)),
            idle_timeout: human::Duration(Duration::from_secs(75)),
            stop_timeout: human::Duration(Duration::from_secs(5)),
        }
    }
}
