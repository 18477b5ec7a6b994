//! Where a syslog receiver is: `unix:PATH`, `udp:HOST:PORT`, `tcp:HOST:PORT` or `tls:HOST:PORT`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

pub(super) use crate::peer::Peer;
use crate::peer::PeerError;

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

/// Why a text is no target, in words for whoever wrote it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TargetError {
    #[error(
        "`{0}` is no target: write \"unix:PATH\", \"udp:HOST:PORT\", \"tcp:HOST:PORT\" or \"tls:HOST:PORT\""
    )]
    Scheme(String),
    #[error("`{0}` must be an absolute path of at most 107 bytes, such as \"unix:/dev/log\"")]
    Path(String),
    #[error("{0}")]
    Peer(#[from] PeerError),
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
            Some(("udp", peer)) => Ok(Self::Udp(Peer::parse(peer, shown)?)),
            Some(("tcp", peer)) => Ok(Self::Tcp(Peer::parse(peer, shown)?)),
            Some(("tls", peer)) => Ok(Self::Tls(Peer::parse(peer, shown)?)),
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
            ("udp:host", PeerError::NoPort(shown("udp:host")).into()),
            ("udp::514", PeerError::NoPort(shown("udp::514")).into()),
            ("udp:host:0", PeerError::BadPort(shown("udp:host:0")).into()),
            (
                "tcp:host:65536",
                PeerError::BadPort(shown("tcp:host:65536")).into(),
            ),
            (
                "tcp:::1:514",
                PeerError::BadHost(shown("tcp:::1:514")).into(),
            ),
            (
                "tcp:[::1:514",
                PeerError::BadHost(shown("tcp:[::1:514")).into(),
            ),
            (
                "tcp:[1.2.3.4]:5",
                PeerError::BadHost(shown("tcp:[1.2.3.4]:5")).into(),
            ),
            (
                "tcp:a b:514",
                PeerError::BadHost(shown("tcp:a b:514")).into(),
            ),
            (
                "tcp:a..b:514",
                PeerError::BadHost(shown("tcp:a..b:514")).into(),
            ),
        ] {
            assert_eq!(text.parse::<Target>(), Err(error), "{text}");
        }
        let long = format!("unix:/{}", "x".repeat(100_000));
        assert!(long.parse::<Target>().unwrap_err().to_string().len() < 200);
    }
}
