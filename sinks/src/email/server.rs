//! Which mail server: `smtp://HOST[:PORT]` or `smtps://HOST[:PORT]`.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::clean;
use crate::peer::{Peer, PeerError};

/// A mail server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Server {
    pub(super) scheme: Scheme,
    pub(super) peer: Peer,
}

/// How a conversation begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// In the clear; STARTTLS may follow.
    Smtp,
    /// With TLS from the first byte, RFC 8314 §3.3.
    Smtps,
}

/// Why a text is no mail server, in words for whoever wrote it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ServerError {
    #[error(
        "`{0}` is no mail server: write \"smtps://HOST[:PORT]\" (TLS from the start, port 465) or \"smtp://HOST[:PORT]\" (STARTTLS, port 25)"
    )]
    Scheme(String),
    #[error(
        "a mail server's address holds no user and no password: use `user` and `password_file`"
    )]
    User,
    #[error("{0}")]
    Peer(#[from] PeerError),
}

impl FromStr for Server {
    type Err = ServerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // First of all, so that a password is never shown.
        if text.contains('@') {
            return Err(ServerError::User);
        }
        let shown = || clean::cut(&clean::line(text), 80);
        let (scheme, rest) = match text.split_once("://") {
            Some(("smtp", rest)) => (Scheme::Smtp, rest),
            Some(("smtps", rest)) => (Scheme::Smtps, rest),
            _ => return Err(ServerError::Scheme(shown())),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let end_of_host = rest.rfind(']').unwrap_or(0);
        let peer = if rest[end_of_host..].contains(':') {
            Peer::parse(rest, shown)?
        } else {
            Peer::parse(&format!("{rest}:{}", scheme.port()), shown)?
        };
        Ok(Self { scheme, peer })
    }
}

impl TryFrom<String> for Server {
    type Error = ServerError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl Scheme {
    const fn port(self) -> u16 {
        match self {
            Self::Smtp => 25,
            Self::Smtps => 465,
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Smtp => "smtp",
            Scheme::Smtps => "smtps",
        };
        write!(formatter, "{scheme}://{}", self.peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_server_is_read() {
        for (text, read) in [
            ("smtp://mail.example", "smtp://mail.example:25"),
            ("smtps://mail.example/", "smtps://mail.example:465"),
            ("smtp://192.0.2.1:587", "smtp://192.0.2.1:587"),
            ("smtps://[2001:db8::1]", "smtps://[2001:db8::1]:465"),
            ("smtp://[2001:db8::1]:2525", "smtp://[2001:db8::1]:2525"),
        ] {
            assert_eq!(text.parse::<Server>().unwrap().to_string(), read);
        }
    }

    #[test]
    fn what_is_no_server_is_refused_and_a_password_in_it_never_shown() {
        let refused = |text: &str| text.parse::<Server>().unwrap_err();
        for text in [
            "mail.example",
            "http://mail.example",
            "smtp:mail.example",
            "",
        ] {
            assert_eq!(refused(text), ServerError::Scheme(text.into()));
        }
        for (text, words) in [
            ("smtp://a:0", "has a bad port"),
            ("smtp://a:", "has a bad port"),
            ("smtp://[::1]:65536", "has a bad port"),
            ("smtp://", "has no port"),
            ("smtp://a b", "has a bad host"),
            ("smtp://[a]", "has a bad host"),
            ("smtp://a/b", "has a bad host"),
            ("smtp://[::1]x", "has a bad host"),
        ] {
            let told = refused(text).to_string();
            assert!(told.starts_with(&format!("`{text}` {words}")), "{told}");
        }
        let words = refused("smtps://me:hunter2@mail.example").to_string();
        assert!(!words.contains("hunter2"), "{words}");
    }
}
