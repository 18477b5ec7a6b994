//! The section `[sink.NAME.snmp]`: read, checked, and only then a [`Config`].

use std::path::PathBuf;
use std::time::Duration;

use contract::human;
use serde::Deserialize;

use super::engine_id::EngineId;
use crate::peer::{Peer, PeerError};

/// The least and the most that `timeout` may be. The most leaves room for a look-up, a discovery
/// and a notification within the worker's minute.
const TIMEOUTS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(15));

/// Where to tell, and how. Cannot be made but from a section that passed every check.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub(super) struct Config {
    pub(super) target: Target,
    pub(super) security: Security,
    pub(super) kind: NotificationKind,
    pub(super) mib: Mib,
    /// How long an answer may take, repetitions included.
    pub(super) timeout: Duration,
}

/// A receiver on UDP.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Target(pub(super) Peer);

/// Whether the receiver answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum NotificationKind {
    /// It does: what it has not acknowledged comes again.
    #[default]
    Inform,
    /// It does not.
    Trap,
}

/// In whose words an event is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mib {
    Vrwatch,
    Cloudstack(Place),
}

/// Where the router is, by `CloudStack`'s numbers; zero for not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) data_center: u32,
    pub(super) pod: u32,
    pub(super) cluster: u32,
}

/// How the receiver knows us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Security {
    /// `SNMPv2c`: by a word that everybody on the way can read.
    Community { file: PathBuf },
    /// `SNMPv3`'s user-based model.
    User(User),
}

/// A user of `SNMPv3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) auth: Auth,
    pub(super) privacy: Option<Privacy>,
    /// Ours, for traps; absent: made at random and kept.
    pub(super) engine_id: Option<EngineId>,
}

/// How messages are signed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Auth {
    pub(super) protocol: AuthProtocol,
    pub(super) password_file: AbsolutePath,
}

/// How messages are encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Privacy {
    pub(super) protocol: PrivacyProtocol,
    pub(super) password_file: AbsolutePath,
}

/// Source: RFC 3414 (SHA-1), RFC 7860. MD5 is left out: it proves nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum AuthProtocol {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// Source: RFC 3826, and for 256 bits draft-blumenthal-aes-usm-04 as net-snmp has it. With SHA-1
/// and SHA-224, whose keys are too short for 256 bits, Cisco makes the key longer in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum PrivacyProtocol {
    Aes128,
    Aes256,
    #[serde(rename = "aes256-cisco")]
    Aes256Cisco,
}

/// The name of a file, independent of any folder.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "PathBuf")]
pub(super) struct AbsolutePath(pub(super) PathBuf);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Version {
    V2c,
    V3,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum MibName {
    #[default]
    Vrwatch,
    Cloudstack,
}

/// The section as it was written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    target: Target,
    version: Version,
    #[serde(default)]
    kind: NotificationKind,
    #[serde(default)]
    mib: MibName,
    timeout: Option<human::Duration>,
    community_file: Option<AbsolutePath>,
    user: Option<String>,
    auth: Option<Auth>,
    #[serde(rename = "priv")]
    privacy: Option<Privacy>,
    engine_id: Option<EngineId>,
    data_center_id: Option<u32>,
    pod_id: Option<u32>,
    cluster_id: Option<u32>,
}

/// Why a section is refused as a whole, in words for whoever wrote it.
#[derive(Debug, thiserror::Error)]
enum ConfigError {
    #[error("`timeout` is {}: use 100ms to 15s", human::Duration(*.0))]
    Timeout(Duration),
    #[error("version \"{version}\" needs `{key}`")]
    Missing {
        version: &'static str,
        key: &'static str,
    },
    #[error("`{key}` has no meaning with version \"{version}\": remove it")]
    Foreign {
        version: &'static str,
        key: &'static str,
    },
    #[error("`{0}` has a meaning only with mib = \"cloudstack\": remove it")]
    OnlyCloudstack(&'static str),
    #[error("`user` has 1 to 32 bytes")]
    User,
    #[error(
        "`engine_id` has no meaning with kind = \"inform\", where the receiver's engine counts: remove it"
    )]
    EngineOfInform,
}

impl TryFrom<Written> for Config {
    type Error = ConfigError;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let timeout = written
            .timeout
            .map_or(Duration::from_secs(5), |timeout| timeout.0);
        if timeout < TIMEOUTS.0 || timeout > TIMEOUTS.1 {
            return Err(ConfigError::Timeout(timeout));
        }
        Ok(Self {
            target: written.target.clone(),
            kind: written.kind,
            mib: written.mib()?,
            timeout,
            security: written.security()?,
        })
    }
}

impl Written {
    fn mib(&self) -> Result<Mib, ConfigError> {
        match self.mib {
            MibName::Cloudstack => Ok(Mib::Cloudstack(Place {
                data_center: self.data_center_id.unwrap_or(0),
                pod: self.pod_id.unwrap_or(0),
                cluster: self.cluster_id.unwrap_or(0),
            })),
            MibName::Vrwatch => first_given(&[
                ("data_center_id", self.data_center_id.is_some()),
                ("pod_id", self.pod_id.is_some()),
                ("cluster_id", self.cluster_id.is_some()),
            ])
            .map_or(Ok(Mib::Vrwatch), |key| {
                Err(ConfigError::OnlyCloudstack(key))
            }),
        }
    }

    fn security(self) -> Result<Security, ConfigError> {
        let version = match self.version {
            Version::V2c => "v2c",
            Version::V3 => "v3",
        };
        let foreign = match self.version {
            Version::V2c => first_given(&[
                ("user", self.user.is_some()),
                ("auth", self.auth.is_some()),
                ("priv", self.privacy.is_some()),
                ("engine_id", self.engine_id.is_some()),
            ]),
            Version::V3 => first_given(&[("community_file", self.community_file.is_some())]),
        };
        if let Some(key) = foreign {
            return Err(ConfigError::Foreign { version, key });
        }
        let missing = |key| ConfigError::Missing { version, key };
        if self.version == Version::V2c {
            let file = self.community_file.ok_or(missing("community_file"))?.0;
            return Ok(Security::Community { file });
        }
        let name = self.user.ok_or(missing("user"))?;
        // RFC 3414 §5, usmUserName.
        if !(1..=32).contains(&name.len()) {
            return Err(ConfigError::User);
        }
        if self.engine_id.is_some() && self.kind == NotificationKind::Inform {
            return Err(ConfigError::EngineOfInform);
        }
        Ok(Security::User(User {
            name,
            auth: self.auth.ok_or(missing("auth"))?,
            privacy: self.privacy,
            engine_id: self.engine_id,
        }))
    }
}

/// The first of the keys that was given.
fn first_given(keys: &[(&'static str, bool)]) -> Option<&'static str> {
    keys.iter().find_map(|(key, given)| given.then_some(*key))
}

impl TryFrom<String> for Target {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let shown = || crate::clean::cut(&crate::clean::line(&text), 80);
        let peer = text.strip_prefix("udp:").ok_or_else(|| {
            format!(
                "`{}` is no target: write \"udp:HOST:PORT\", such as \"udp:nms.example:162\"",
                shown()
            )
        })?;
        Peer::parse(peer, shown)
            .map(Self)
            .map_err(|error: PeerError| error.to_string())
    }
}

impl TryFrom<PathBuf> for AbsolutePath {
    type Error = &'static str;

    fn try_from(path: PathBuf) -> Result<Self, Self::Error> {
        if path.is_absolute() {
            Ok(Self(path))
        } else {
            Err("must be an absolute path, such as \"/etc/vrwatch/snmp.auth\"")
        }
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
