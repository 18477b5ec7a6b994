//! Where a receiver is on the network: `HOST:PORT`, IPv6 in brackets.

use std::fmt;
use std::net::IpAddr;

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// A name or an address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// Why a text names no peer, in words for whoever wrote it. Holds the text as it is to be shown.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PeerError {
    #[error("`{0}` has no port: write HOST:PORT")]
    NoPort(String),
    #[error("`{0}` has a bad port: use a number from 1 to 65535")]
    BadPort(String),
    #[error("`{0}` has a bad host: write a name, an IPv4 address, or an IPv6 address in brackets")]
    BadHost(String),
}

impl Peer {
    /// Reads `HOST:PORT`; `shown` is what an error shows of the text.
    pub(crate) fn parse(text: &str, shown: impl Fn() -> String) -> Result<Self, PeerError> {
        let (host, port) = text
            .rsplit_once(':')
            .filter(|(host, _)| !host.is_empty())
            .ok_or_else(|| PeerError::NoPort(shown()))?;
        let port = port
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or_else(|| PeerError::BadPort(shown()))?;
        let host = match host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            Some(inner) if matches!(inner.parse(), Ok(IpAddr::V6(_))) => inner,
            None if is_host_name(host) => host,
            _ => return Err(PeerError::BadHost(shown())),
        };
        Ok(Self {
            host: host.into(),
            port,
        })
    }
}

/// A DNS name or an IPv4 address. Source: RFC 1123 §2.1, and `_`, which real names contain.
pub(crate) fn is_host_name(text: &str) -> bool {
    text.len() <= 253
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        })
}

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}
