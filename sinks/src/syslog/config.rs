//! The section `[sink.NAME.syslog]`: read, checked, and only then a [`Config`].

use std::path::PathBuf;
use std::time::Duration;

use contract::human;
use rustls::pki_types::ServerName;
use serde::Deserialize;

use super::target::Target;
use crate::tls;

/// The least and the most that `timeout` may be.
const TIMEOUTS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_mins(10));

/// Where to tell, and how. Cannot be made but from a section that passed every check.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub(super) struct Config {
    pub(super) target: Target,
    pub(super) format: Format,
    pub(super) facility: Facility,
    pub(super) tag: Tag,
    pub(super) timeout: Duration,
    pub(super) confirm: Confirm,
    /// Present when, and only when, the target is `tls:`.
    pub(super) tls: Option<Tls>,
}

/// How to speak TLS, RFC 5425.
#[derive(Clone, Debug)]
pub(super) struct Tls {
    pub(super) settings: tls::Settings,
    /// Whom the receiver's certificate must name.
    pub(super) server_name: ServerName<'static>,
}

/// How a line is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    /// What most local daemons expect: local time, no structured data.
    #[default]
    Rfc3164,
    /// UTC, with structured data.
    Rfc5424,
}

/// When a batch counts as handed over, where the transport is a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Confirm {
    /// The receiver closed the connection after our end of it: it has read everything.
    #[default]
    Close,
    /// The receiver's kernel acknowledged everything; for receivers that never close.
    None,
}

/// Who speaks, for the receiver's filters.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Facility(pub(super) syslog::Facility);

/// The program name that stands before every line.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Tag(pub(super) String);

/// The section as it was written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    target: Option<Target>,
    #[serde(default)]
    format: Format,
    facility: Option<Facility>,
    tag: Option<Tag>,
    timeout: Option<human::Duration>,
    confirm: Option<Confirm>,
    ca_file: Option<PathBuf>,
    server_name: Option<String>,
    certificate_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
}

/// Why a section is refused as a whole, in words for whoever wrote it.
#[derive(Debug, thiserror::Error)]
enum ConfigError {
    #[error("`timeout` is {}: use 100ms to 10m", human::Duration(*.0))]
    Timeout(Duration),
    #[error(
        "`{key}` says how to speak TLS, but the target is `{target}`: use \"tls:HOST:PORT\" or remove the key"
    )]
    OnlyTls { key: &'static str, target: Target },
    #[error(
        "`confirm` has no meaning over UDP, which confirms nothing: use \"tcp:…\" or \"tls:…\", or remove the key"
    )]
    UdpConfirms,
    #[error("`server_name` is no host name and no address")]
    ServerName,
    #[error("{0}")]
    Tls(#[from] tls::LoadError),
}

impl TryFrom<Written> for Config {
    type Error = ConfigError;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let target = written
            .target
            .clone()
            .unwrap_or_else(|| Target::Unix("/dev/log".into()));
        let timeout = written
            .timeout
            .map_or(Duration::from_secs(10), |timeout| timeout.0);
        if timeout < TIMEOUTS.0 || timeout > TIMEOUTS.1 {
            return Err(ConfigError::Timeout(timeout));
        }
        if written.confirm.is_some() && matches!(target, Target::Udp(_)) {
            return Err(ConfigError::UdpConfirms);
        }
        Ok(Self {
            format: written.format,
            facility: written
                .facility
                .unwrap_or(Facility(syslog::Facility::LOG_DAEMON)),
            tag: written.tag.clone().unwrap_or_else(|| Tag("monit".into())),
            timeout,
            confirm: written.confirm.unwrap_or_default(),
            tls: written.tls(&target)?,
            target,
        })
    }
}

impl Written {
    fn tls(self, target: &Target) -> Result<Option<Tls>, ConfigError> {
        let keys = tls::Keys {
            authorities: self.ca_file,
            certificate: self.certificate_file,
            key: self.key_file,
        };
        let Target::Tls(peer) = target else {
            let named = self.server_name.is_some().then_some("server_name");
            return match keys.first_given().or(named) {
                Some(key) => Err(ConfigError::OnlyTls {
                    key,
                    target: target.clone(),
                }),
                None => Ok(None),
            };
        };
        let server_name = self.server_name.unwrap_or_else(|| peer.host.clone());
        Ok(Some(Tls {
            server_name: ServerName::try_from(server_name).map_err(|_| ConfigError::ServerName)?,
            settings: tls::Settings::checked(keys)?,
        }))
    }
}

impl TryFrom<String> for Facility {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self).map_err(|()| {
            format!(
                "`{}` is no facility: use daemon, user, auth, authpriv, cron, syslog, or local0 to local7",
                crate::clean::cut(&crate::clean::line(&text), 40)
            )
        })
    }
}

impl TryFrom<String> for Tag {
    type Error = &'static str;

    /// At most 32 characters, as RFC 3164 §4.1.3 has it, of those that no parser ends a tag at.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
        if (1..=32).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text))
        } else {
            Err("a tag has 1 to 32 letters, digits, `-`, `_`, `.` or `/`, such as \"monit\"")
        }
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
