//! The section `[sink.NAME.email]`: read, checked, and only then a [`Config`].

use std::path::PathBuf;
use std::time::Duration;

use contract::human;
use lettre::transport::smtp::authentication::Mechanism;
use rustls::pki_types::ServerName;
use serde::Deserialize;

use super::address::Recipient;
use super::login::Login;
use super::server::{Scheme, Server};
use crate::peer::is_host_name;
use crate::{BuildError, tls};

/// The most recipients.
const MOST_RECIPIENTS: usize = 32;
/// The least and the most that `timeout` may be: the worker waits for a minute.
const TIMEOUTS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(50));
/// The most that `digest` may be.
const LONGEST_DIGEST: Duration = Duration::from_hours(1);

/// Whom to write to, and how. Cannot be made but from a section that passed every check.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub(super) struct Config {
    pub(super) server: Server,
    /// `None`: in the clear.
    pub(super) tls: Option<Tls>,
    pub(super) login: Option<Login>,
    /// How we introduce ourselves, where a server insists on something.
    pub(super) helo: Option<String>,
    pub(super) from: Recipient,
    /// Never empty.
    pub(super) to: Vec<Recipient>,
    pub(super) digest: Duration,
    pub(super) rate: Rate,
    pub(super) timeout: Duration,
}

/// How to speak TLS; whether from the start or after STARTTLS, the server's scheme says.
#[derive(Clone, Debug)]
pub(super) struct Tls {
    pub(super) settings: tls::Settings,
    /// Whom the server's certificate must name.
    pub(super) server_name: ServerName<'static>,
}

/// How many mails may go out within a while before everything that comes at once is put into one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WrittenRate")]
pub(super) struct Rate {
    pub(super) mails: usize,
    pub(super) within: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRate {
    mails: usize,
    within: human::Duration,
}

/// What a conversation without TLS may do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StartTls {
    /// No mail without it.
    Required,
    /// Everything in the clear, for a relay on the same machine or network.
    Never,
}

/// How to prove who we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Auth {
    Plain,
    Login,
}

/// The section as it was written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    server: Server,
    starttls: Option<StartTls>,
    ca_file: Option<PathBuf>,
    server_name: Option<String>,
    certificate_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    user: Option<String>,
    password_file: Option<PathBuf>,
    auth: Option<Auth>,
    allow_plaintext_password: Option<bool>,
    helo: Option<String>,
    from: Recipient,
    to: Vec<Recipient>,
    digest: Option<human::Duration>,
    rate: Option<Rate>,
    timeout: Option<human::Duration>,
}

/// Why a section is refused as a whole, in words for whoever wrote it.
#[derive(Debug, thiserror::Error)]
enum ConfigError {
    #[error("`timeout` is {}: use 100ms to 50s", human::Duration(*.0))]
    Timeout(Duration),
    #[error("`digest` is {}: use 0s (no waiting) to 1h", human::Duration(*.0))]
    Digest(Duration),
    #[error("`to` must name 1 to 32 recipients; a mailing list takes more")]
    Recipients,
    #[error("`to` names {0} twice")]
    Twice(String),
    #[error("`starttls` has no meaning with \"smtps://\", which speaks TLS from the start")]
    StartTls,
    #[error("`{key}` says how to speak TLS, but `starttls` is \"never\": remove one of the two")]
    OnlyTls { key: &'static str },
    #[error("`user` and `password_file` belong together: give both or none")]
    HalfLogin,
    #[error("`{key}` says how to log in, but there is no `user`")]
    OnlyLogin { key: &'static str },
    #[error("`user` must have 1 to 256 characters and no control characters")]
    User,
    #[error("`password_file` must be an absolute path, such as \"/etc/vrwatch/mail.password\"")]
    Relative,
    #[error(
        "without TLS anybody on the way could read the password: use \"smtps://\" or starttls = \"required\", or set allow_plaintext_password = true"
    )]
    Plaintext,
    #[error(
        "`allow_plaintext_password` has no meaning here: the password only travels through TLS"
    )]
    NeedlessPlaintext,
    #[error("`helo` must be a host name, such as \"router.example\"")]
    Helo,
    #[error("`server_name` is no host name and no address")]
    ServerName,
    #[error("{0}")]
    Tls(#[from] tls::LoadError),
}

impl Config {
    /// Reads once what is read for every connection, so that a wrong file is told with its place in
    /// the configuration.
    pub(super) fn check_files(&self) -> Result<(), BuildError> {
        if let Some(tls) = &self.tls {
            tls.settings.check_files()?;
        }
        if let Some(login) = &self.login {
            login.password().map_err(BuildError::file)?;
        }
        Ok(())
    }
}

impl TryFrom<Written> for Config {
    type Error = ConfigError;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let timeout = written
            .timeout
            .map_or(Duration::from_secs(30), |timeout| timeout.0);
        if timeout < TIMEOUTS.0 || timeout > TIMEOUTS.1 {
            return Err(ConfigError::Timeout(timeout));
        }
        let digest = written
            .digest
            .map_or(Duration::from_mins(1), |digest| digest.0);
        if digest > LONGEST_DIGEST {
            return Err(ConfigError::Digest(digest));
        }
        if written.to.is_empty() || written.to.len() > MOST_RECIPIENTS {
            return Err(ConfigError::Recipients);
        }
        for (index, one) in written.to.iter().enumerate() {
            if written.to[..index]
                .iter()
                .any(|other| other.address() == one.address())
            {
                return Err(ConfigError::Twice(one.address().to_string()));
            }
        }
        if written
            .helo
            .as_ref()
            .is_some_and(|name| !is_host_name(name))
        {
            return Err(ConfigError::Helo);
        }
        let tls = written.tls()?;
        Ok(Self {
            login: written.login(tls.is_some())?,
            tls,
            server: written.server,
            helo: written.helo,
            from: written.from,
            to: written.to,
            digest,
            rate: written.rate.unwrap_or(Rate {
                mails: 10,
                within: Duration::from_mins(10),
            }),
            timeout,
        })
    }
}

impl Written {
    fn tls(&self) -> Result<Option<Tls>, ConfigError> {
        if self.server.scheme == Scheme::Smtps && self.starttls.is_some() {
            return Err(ConfigError::StartTls);
        }
        let keys = tls::Keys {
            authorities: self.ca_file.clone(),
            certificate: self.certificate_file.clone(),
            key: self.key_file.clone(),
        };
        if self.starttls == Some(StartTls::Never) {
            let named = self.server_name.is_some().then_some("server_name");
            return match keys.first_given().or(named) {
                Some(key) => Err(ConfigError::OnlyTls { key }),
                None => Ok(None),
            };
        }
        let name = self.server_name.as_ref().unwrap_or(&self.server.peer.host);
        Ok(Some(Tls {
            server_name: ServerName::try_from(name.clone()).map_err(|_| ConfigError::ServerName)?,
            settings: tls::Settings::checked(keys)?,
        }))
    }

    fn login(&self, encrypted: bool) -> Result<Option<Login>, ConfigError> {
        let plaintext = self.allow_plaintext_password.unwrap_or(false);
        let (user, password_file) = match (&self.user, &self.password_file) {
            (Some(user), Some(file)) => (user, file),
            (None, None) => {
                return match (self.auth, plaintext) {
                    (Some(_), _) => Err(ConfigError::OnlyLogin { key: "auth" }),
                    (None, true) => Err(ConfigError::OnlyLogin {
                        key: "allow_plaintext_password",
                    }),
                    (None, false) => Ok(None),
                };
            }
            _ => return Err(ConfigError::HalfLogin),
        };
        if user.is_empty() || user.chars().count() > 256 || user.contains(char::is_control) {
            return Err(ConfigError::User);
        }
        if !password_file.is_absolute() {
            return Err(ConfigError::Relative);
        }
        match (encrypted, plaintext) {
            (false, false) => return Err(ConfigError::Plaintext),
            (true, true) => return Err(ConfigError::NeedlessPlaintext),
            _ => {}
        }
        Ok(Some(Login {
            user: user.clone(),
            password_file: password_file.clone(),
            mechanisms: match self.auth {
                None => &[Mechanism::Plain, Mechanism::Login],
                Some(Auth::Plain) => &[Mechanism::Plain],
                Some(Auth::Login) => &[Mechanism::Login],
            },
        }))
    }
}

impl TryFrom<WrittenRate> for Rate {
    type Error = &'static str;

    fn try_from(written: WrittenRate) -> Result<Self, Self::Error> {
        let within = written.within.0;
        if (1..=1000).contains(&written.mails)
            && (Duration::from_secs(1)..=Duration::from_hours(24)).contains(&within)
        {
            Ok(Self {
                mails: written.mails,
                within,
            })
        } else {
            Err(
                "a rate is 1 to 1000 mails within 1s to 24h, such as { mails = 10, within = \"10m\" }",
            )
        }
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
