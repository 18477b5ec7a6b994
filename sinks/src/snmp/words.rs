//! Puts trouble into words that say what to do next. A wrong user, password or protocol often looks
//! like a receiver that is away, because it answers nothing, so every silence names all of them.

use std::fmt;
use std::io;

use contract::human;

use super::config::{Config, NotificationKind, Security, User};
use super::session::{Refusal, Trouble};

/// A trouble with a receiver, in words.
pub(super) struct Words<'a> {
    pub(super) config: &'a Config,
    pub(super) trouble: &'a Trouble,
}

impl fmt::Display for Words<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { config, trouble } = self;
        let target = format_args!("udp:{}", config.target.0);
        let limit = human::Duration(config.timeout);
        match trouble {
            Trouble::NotFound => write!(
                formatter,
                "{target} did not say within {limit} which SNMPv3 engine it is: it is away, a \
                 firewall drops UDP, or no SNMPv3 receiver listens there"
            ),
            Trouble::Unanswered => match &config.security {
                Security::Community { file } => write!(
                    formatter,
                    "{target} did not acknowledge within {limit}: it is away, a firewall drops \
                     UDP, or it does not take the community in {} (which looks the same)",
                    file.display()
                ),
                Security::User(user) => write!(
                    formatter,
                    "{target} is there, but did not acknowledge within {limit}: {} looks the same \
                     as a receiver that is busy",
                    suspects(user)
                ),
            },
            Trouble::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                write!(formatter, "nobody listens on {target}")
            }
            Trouble::Io(error) => write!(formatter, "cannot send to {target}: {error}"),
            Trouble::Refused(refusal) => match &config.security {
                Security::User(user) => {
                    write!(formatter, "{target} {}", refused(*refusal, user))
                }
                Security::Community { .. } => {
                    write!(formatter, "{target} refuses the message: {refusal:?}")
                }
            },
            Trouble::Status(status) => write!(
                formatter,
                "{target} answered {} with the error {status}",
                match config.kind {
                    NotificationKind::Inform => "the inform",
                    NotificationKind::Trap => "the trap",
                }
            ),
            Trouble::TooLarge { excess } => write!(
                formatter,
                "the message is {excess} bytes too large for {target} even with its texts cut"
            ),
            Trouble::Other(words) => write!(formatter, "{target}: {words}"),
        }
    }
}

/// Whatever may be wrong when a v3 receiver is there and silent.
fn suspects(user: &User) -> String {
    let auth = format!(
        "a wrong user (`{}`), a wrong password in {} or another auth protocol than {}",
        user.name,
        user.auth.password_file.0.display(),
        name(user.auth.protocol)
    );
    match &user.privacy {
        Some(privacy) => format!(
            "{auth}, a wrong password in {} or another priv protocol than {}",
            privacy.password_file.0.display(),
            name(privacy.protocol)
        ),
        None => format!("{auth} (or it wants encryption: give `priv`)"),
    }
}

fn refused(refusal: Refusal, user: &User) -> String {
    let User {
        name: user_name,
        auth,
        privacy,
        ..
    } = user;
    match refusal {
        Refusal::UnknownUser => format!("does not know the user `{user_name}`"),
        Refusal::WrongDigest => format!(
            "refuses the signature of `{user_name}`: it has another password than the one in {}, \
             or another auth protocol than {}",
            auth.password_file.0.display(),
            name(auth.protocol)
        ),
        Refusal::CannotDecrypt => match privacy {
            Some(privacy) => format!(
                "cannot decrypt what `{user_name}` sends: it has another password than the one in \
                 {}, or another priv protocol than {}",
                privacy.password_file.0.display(),
                name(privacy.protocol)
            ),
            None => format!(
                "cannot decrypt what `{user_name}` sends, which is not encrypted: if it wants \
                 encryption, give `priv`"
            ),
        },
        Refusal::Level => format!(
            "does not let `{user_name}` sign with {}{}",
            name(auth.protocol),
            privacy.as_ref().map_or_else(
                || " alone: it may want encryption, give `priv`".to_owned(),
                |privacy| format!(" and encrypt with {}", name(privacy.protocol))
            )
        ),
        Refusal::TimeWindow => "says that our message is out of its time window, twice".into(),
        Refusal::UnknownEngine => "has just become another SNMPv3 engine".into(),
    }
}

/// A protocol as the configuration writes it.
fn name(protocol: impl fmt::Debug) -> String {
    match format!("{protocol:?}").as_str() {
        "Aes256Cisco" => "aes256-cisco".into(),
        other => other.to_ascii_lowercase(),
    }
}
