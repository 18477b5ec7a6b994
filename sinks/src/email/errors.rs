//! Why a conversation with a mail server failed, in words an operator can act on, and the answers
//! of a server sorted by what follows from them.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::time::Duration;

use contract::human;
use lettre::transport::smtp::Error as SmtpError;

use super::login::{LoginError, Secrets};
use super::server::Server;
use super::wire::StartTlsError;
use crate::clean;
use crate::tls::LoadError;

/// The most of a server's answer that is shown; bytes.
const MOST_WORDS: usize = 300;

/// Why a conversation came to nothing. All of it can heal: servers return, certificates are
/// renewed, passwords are put right.
#[derive(Debug, thiserror::Error)]
#[error("{server}: {why}")]
pub(super) struct SessionError {
    pub(super) server: Server,
    pub(super) why: Why,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Why {
    #[error("{step} took longer than {}{}", human::Duration(*limit), step.hint())]
    TimedOut { step: Step, limit: Duration },
    #[error("{step} failed: {}", clean::without_manual(&source.to_string()))]
    Io { step: Step, source: io::Error },
    #[error("{0}")]
    StartTls(StartTlsError),
    #[error("{0}")]
    Load(#[from] LoadError),
    #[error("{0}")]
    Login(#[from] LoginError),
    #[error("{0}")]
    Tls(String),
    #[error("{step} failed: {words}")]
    Smtp { step: Step, words: String },
}

/// What was being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Resolve,
    Connect,
    Handshake,
    Greet,
    LogIn,
    Envelope,
    Send,
}

/// A server's "no".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Not now.
    Later(String),
    /// Not this, ever.
    Never(String),
    /// Nothing that concerns this mail alone: the conversation is over.
    Over(String),
}

impl Answer {
    /// What an error from `lettre` means. `secrets` are kept out of the words.
    pub(super) fn new(error: &SmtpError, secrets: &Secrets) -> Self {
        let words = words(error, secrets);
        match error.status().map(u16::from) {
            // 421: the server closes. 530 to 538: it wants us to log in, or better (RFC 4954 §6).
            Some(421 | 530 | 534 | 535 | 538) | None => Self::Over(words),
            // RFC 5321 §4.5.3.1.10: long taken for "too many recipients" and "mailbox full".
            Some(552) => Self::Later(words),
            Some(_) if error.is_transient() => Self::Later(words),
            Some(_) => Self::Never(words),
        }
    }
}

/// An error and all its causes on one line, without control characters and secrets.
pub(super) fn words(error: &SmtpError, secrets: &Secrets) -> String {
    let mut words = match error.status() {
        Some(code) => code.to_string(),
        None => String::new(),
    };
    let mut source = error.source();
    if words.is_empty() && source.is_none() {
        words = error.to_string();
    }
    while let Some(cause) = source {
        if !words.is_empty() {
            words.push_str(if error.status().is_some() { " " } else { ": " });
        }
        words.push_str(clean::without_manual(&cause.to_string()));
        source = cause.source();
    }
    shown(words, secrets)
}

/// The codes alone of an answer (`535 5.7.8`, RFC 2034). An answer to AUTH may repeat the password in
/// more forms than can be looked for, or a part of it.
pub(super) fn bare_code(words: &str) -> String {
    let is_enhanced = |word: &&str| {
        let mut parts = word.split('.');
        let number = |part: &str| matches!(part.len(), 1..=3) && part.parse::<u16>().is_ok();
        parts.by_ref().take(3).filter(|part| number(part)).count() == 3 && parts.next().is_none()
    };
    let mut words = words.split(' ');
    let code = words.next().unwrap_or_default();
    match words.next().filter(is_enhanced) {
        Some(enhanced) => format!("{code} {enhanced}"),
        None => code.into(),
    }
}

/// A server's words as they may be shown.
pub(super) fn shown(words: String, secrets: &Secrets) -> String {
    clean::cut(clean::line(&secrets.kept_out_of(words)).trim(), MOST_WORDS)
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Resolve => "looking up the name",
            Self::Connect => "connecting",
            Self::Handshake => "the TLS handshake",
            Self::Greet => "greeting the server",
            Self::LogIn => "logging in",
            Self::Envelope => "naming sender and recipients",
            Self::Send => "sending the mail",
        })
    }
}

impl Step {
    /// What may be behind a step that takes too long.
    const fn hint(self) -> &'static str {
        match self {
            Self::Resolve => "; is the name server reachable?",
            Self::Connect => "; a firewall may drop it",
            Self::Handshake => {
                "; the server may not speak TLS there: with \"smtp://\" it comes later"
            }
            Self::Greet => "; the server may wait for TLS: see \"smtps://\"",
            Self::LogIn | Self::Envelope | Self::Send => "; the server does not answer",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_answer_to_a_log_in_only_the_codes_are_shown() {
        for (words, shown) in [
            ("535 5.7.8 no hunter2", "535 5.7.8"),
            ("535 hunter2", "535"),
            ("535 5.7.8.hunter2 no", "535"),
            ("535 5.7 no", "535"),
            ("535 5..8 no", "535"),
            ("535", "535"),
            ("", ""),
        ] {
            assert_eq!(bare_code(words), shown, "{words}");
        }
    }
}
