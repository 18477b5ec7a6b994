//! The section `[sink.NAME.http]`: read, checked, and only then a [`Config`].

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use contract::human;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::address::Address;
use super::cloudstack::Account;
use super::signature;
use crate::{BuildError, tls};

/// The least and the most that `timeout` may be: the worker gives a sink a minute.
const TIMEOUTS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(50));
/// The most secrets at once: the new one, the old one, and some room.
const MOST_SECRETS: usize = 4;

/// Where to tell, and how. Cannot be made but from a section that passed every check.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub(super) struct Config {
    pub(super) url: Address,
    pub(super) format: Format,
    pub(super) timeout: Duration,
    pub(super) proxy: Option<Address>,
    /// Present when, and only when, TLS is spoken: to the receiver or to the proxy.
    pub(super) tls: Option<tls::Settings>,
}

/// What is posted.
#[derive(Clone, Debug)]
pub(super) enum Format {
    CloudEvents {
        secrets: Vec<PathBuf>,
        compress: bool,
    },
    Alertmanager,
    CloudStack(Account),
}

/// The section as it was written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    url: Address,
    #[serde(default)]
    format: FormatName,
    timeout: Option<human::Duration>,
    secret_file: Option<Paths>,
    compress: Option<Compress>,
    api_key: Option<String>,
    secret_key_file: Option<PathBuf>,
    zone: Option<String>,
    pod: Option<String>,
    proxy: Option<Address>,
    ca_file: Option<PathBuf>,
    certificate_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FormatName {
    #[default]
    CloudEvents,
    Alertmanager,
    CloudStack,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Compress {
    Gzip,
    None,
}

/// One path, or a list of them.
struct Paths(Vec<PathBuf>);

/// Why a section is refused as a whole, in words for whoever wrote it.
#[derive(Debug, thiserror::Error)]
enum ConfigError {
    #[error("`timeout` is {}: use 100ms to 50s", human::Duration(*.0))]
    Timeout(Duration),
    #[error("`{key}` goes with format = \"{of}\", but the format is \"{is}\": remove the key")]
    OtherFormat {
        key: &'static str,
        of: FormatName,
        is: FormatName,
    },
    #[error("format = \"cloudstack\" needs `{0}`")]
    Missing(&'static str),
    #[error("`{key}` says how to speak TLS, but `url` is \"http://…\": remove the key")]
    OnlyTls { key: &'static str },
    #[error("`{0}` must be an absolute path")]
    Relative(&'static str),
    #[error("`secret_file` names {0} files: name one, or the new and the old one")]
    SecretCount(usize),
    #[error(transparent)]
    Tls(#[from] tls::LoadError),
}

impl Config {
    /// Reads once what is read for every batch, so that a wrong file is told with its place in the
    /// configuration.
    pub(super) fn check_files(&self) -> Result<(), BuildError> {
        match &self.format {
            Format::CloudEvents { secrets, .. } => {
                signature::Keys::read(secrets).map_err(BuildError::file)?;
            }
            Format::CloudStack(account) => {
                account.key().map_err(BuildError::file)?;
            }
            Format::Alertmanager => {}
        }
        self.tls.as_ref().map_or(Ok(()), tls::Settings::check_files)
    }
}

impl TryFrom<Written> for Config {
    type Error = ConfigError;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let timeout = written
            .timeout
            .map_or(Duration::from_secs(20), |timeout| timeout.0);
        if timeout < TIMEOUTS.0 || timeout > TIMEOUTS.1 {
            return Err(ConfigError::Timeout(timeout));
        }
        written.refuse_keys_of_other_formats()?;
        let format = written.format()?;
        let keys = tls::Keys {
            authorities: written.ca_file,
            certificate: written.certificate_file,
            key: written.key_file,
        };
        let encrypted =
            written.url.speaks_tls() || written.proxy.as_ref().is_some_and(Address::speaks_tls);
        let tls = match keys.first_given() {
            _ if encrypted => Some(tls::Settings::checked(keys)?),
            Some(key) => return Err(ConfigError::OnlyTls { key }),
            None => None,
        };
        Ok(Self {
            url: match format {
                Format::Alertmanager => written.url.with_path("/api/v2/alerts"),
                _ => written.url,
            },
            format,
            timeout,
            proxy: written.proxy,
            tls,
        })
    }
}

impl Written {
    fn refuse_keys_of_other_formats(&self) -> Result<(), ConfigError> {
        use FormatName::{CloudEvents, CloudStack};
        let owned = [
            ("secret_file", CloudEvents, self.secret_file.is_some()),
            ("compress", CloudEvents, self.compress.is_some()),
            ("api_key", CloudStack, self.api_key.is_some()),
            (
                "secret_key_file",
                CloudStack,
                self.secret_key_file.is_some(),
            ),
            ("zone", CloudStack, self.zone.is_some()),
            ("pod", CloudStack, self.pod.is_some()),
        ];
        let is = self.format;
        match owned.into_iter().find(|(_, of, given)| *given && *of != is) {
            Some((key, of, _)) => Err(ConfigError::OtherFormat { key, of, is }),
            None => Ok(()),
        }
    }

    fn format(&self) -> Result<Format, ConfigError> {
        match self.format {
            FormatName::CloudEvents => {
                let secrets = match &self.secret_file {
                    None => Vec::new(),
                    Some(paths) => paths.0.clone(),
                };
                let given = self.secret_file.is_some();
                if given && !(1..=MOST_SECRETS).contains(&secrets.len()) {
                    return Err(ConfigError::SecretCount(secrets.len()));
                }
                if secrets.iter().any(|path| !path.is_absolute()) {
                    return Err(ConfigError::Relative("secret_file"));
                }
                Ok(Format::CloudEvents {
                    secrets,
                    compress: self.compress != Some(Compress::None),
                })
            }
            FormatName::Alertmanager => Ok(Format::Alertmanager),
            FormatName::CloudStack => {
                let text = |key, value: &Option<String>| match value {
                    Some(value) if !value.trim().is_empty() => Ok(value.trim().to_owned()),
                    _ => Err(ConfigError::Missing(key)),
                };
                let secret_key = self
                    .secret_key_file
                    .clone()
                    .ok_or(ConfigError::Missing("secret_key_file"))?;
                if !secret_key.is_absolute() {
                    return Err(ConfigError::Relative("secret_key_file"));
                }
                Ok(Format::CloudStack(Account {
                    api_key: text("api_key", &self.api_key)?,
                    secret_key,
                    zone: text("zone", &self.zone)?,
                    pod: text("pod", &self.pod)?,
                }))
            }
        }
    }
}

impl fmt::Display for FormatName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::CloudEvents => "cloudevents",
            Self::Alertmanager => "alertmanager",
            Self::CloudStack => "cloudstack",
        })
    }
}

impl<'de> Deserialize<'de> for Paths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // By hand: an untagged enum says neither what is wrong nor where.
        struct OneOrMore;
        impl<'de> Visitor<'de> for OneOrMore {
            type Value = Paths;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a path or a list of paths")
            }

            fn visit_str<E: de::Error>(self, path: &str) -> Result<Paths, E> {
                Ok(Paths(vec![path.into()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Paths, A::Error> {
                let mut paths = Vec::new();
                while let Some(path) = list.next_element::<PathBuf>()? {
                    paths.push(path);
                }
                Ok(Paths(paths))
            }
        }
        deserializer.deserialize_any(OneOrMore)
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
