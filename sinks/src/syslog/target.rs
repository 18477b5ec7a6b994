//! Where a syslog receiver is: `unix:PATH`, `udp:HOST:PORT`, `tcp:HOST:PORT` or `tls:HOST:PORT`.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

/// Where a receiver is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum Target {
    /// A socket of this machine.
    Unix(PathBuf),
    /// Datagrams.
    Udp(Peer),
    /// RFC 6587 over plain TCP.
    Tcp(Peer),
    /// RFC 5425.
    Tls(Peer),
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    /// A name or an address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

/// Why a text is no target, in words for whoever wrote it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TargetError {
    #[error(
        "`{0}` is no target: write \"unix:PATH\", \"udp:HOST:PORT\", \"tcp:HOST:PORT\" or \"tls:HOST:PORT\""
    )]
    Scheme(String),
    #[error("`{0}` must be an absolute path of at most 107 bytes, such as \"unix:/dev/log\"")]
    Path(String),
    #[error("`{0}` has no port: write HOST:PORT, such as \"udp:logs.example:514\"")]
    NoPort(String),
    #[error("`{0}` has a bad port: use a number from 1 to 65535")]
    BadPort(String),
    #[error("`{0}` has a bad host: write a name, an IPv4 address, or an IPv6 address in brackets")]
    BadHost(String),
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shown = || crate::clean::cut(&crate::clean::line(text), 80);
        match text.split_once(':') {
            Some(("unix", path)) => {
                // sun_path holds 108 bytes with the NUL that ends it: unix(7).
                if path.starts_with('/') && path.len() <= 107 && !path.contains('\0') {
                    Ok(Self::Unix(path.into()))
                } else {
                    Err(TargetError::Path(shown()))
                }
            }
            Some(("udp", peer)) => Peer::parse(peer, shown).map(Self::Udp),
            Some(("tcp", peer)) => Peer::parse(peer, shown).map(Self::Tcp),
            Some(("tls", peer)) => Peer::parse(peer, shown).map(Self::Tls),
            _ => Err(TargetError::Scheme(shown())),
        }
    }
}

impl TryFrom<String> for Target {
    type Error = TargetError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl Peer {
    fn parse(text: &str, shown: impl Fn() -> String) -> Result<Self, TargetError> {
        let (host, port) = text
            .rsplit_once(':')
            .filter(|(host, _)| !host.is_empty())
            .ok_or_else(|| TargetError::NoPort(shown()))?;
        let port = port
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or_else(|| TargetError::BadPort(shown()))?;
        let host = match host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            Some(inner) if matches!(inner.parse(), Ok(IpAddr::V6(_))) => inner,
            None if is_host_name(host) => host,
            _ => return Err(TargetError::BadHost(shown())),
        };
        Ok(Self {
            host: host.into(),
            port,
        })
    }
}

/// A DNS name or an IPv4 address. Source: RFC 1123 §2.1, and `_`, which real names contain.
fn is_host_name(text: &str) -> bool {
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

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
            Self::Udp(peer) => write!(formatter, "udp:{peer}"),
            Self::Tcp(peer) => write!(formatter, "tcp:{peer}"),
            Self::Tls(peer) => write!(formatter, "tls:{peer}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_target_reads_and_prints_as_it_was_written() {
        for text in [
            "unix:/dev/log",
            "udp:logs.example:514",
            "tcp:192.0.2.1:601",
            "tls:[2001:db8::1]:6514",
            "tls:my_host-1:6514",
        ] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_target_is_refused_in_words() {
        let shown = |text: &str| text.to_owned();
        for (text, error) in [
            ("/dev/log", TargetError::Scheme(shown("/dev/log"))),
            ("relp:a:1", TargetError::Scheme(shown("relp:a:1"))),
            ("unix:log", TargetError::Path(shown("unix:log"))),
            ("udp:host", TargetError::NoPort(shown("udp:host"))),
            ("udp::514", TargetError::NoPort(shown("udp::514"))),
            ("udp:host:0", TargetError::BadPort(shown("udp:host:0"))),
            (
                "tcp:host:65536",
                TargetError::BadPort(shown("tcp:host:65536")),
            ),
            ("tcp:::1:514", TargetError::BadHost(shown("tcp:::1:514"))),
            ("tcp:[::1:514", TargetError::BadHost(shown("tcp:[::1:514"))),
            (
                "tcp:[1.2.3.4]:5",
                TargetError::BadHost(shown("tcp:[1.2.3.4]:5")),
            ),
            ("tcp:a b:514", TargetError::BadHost(shown("tcp:a b:514"))),
            ("tcp:a..b:514", TargetError::BadHost(shown("tcp:a..b:514"))),
        ] {
            assert_eq!(text.parse::<Target>(), Err(error), "{text}");
        }
        let long = format!("unix:/{}", "x".repeat(100_000));
        assert!(long.parse::<Target>().unwrap_err().to_string().len() < 200);
    }
}
