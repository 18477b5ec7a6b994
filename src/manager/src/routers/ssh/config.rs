//! What `[ssh]` may say.

use std::path::PathBuf;
use std::time::Duration;

use contract::human;
use serde::Deserialize;

/// The `[ssh]` table: how routers are reached. Absent keys have their defaults.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the table [ssh]")]
pub struct Ssh {
    /// As whom to log in on routers.
    pub user: Word,
    /// The routers' port.
    pub port: u16,
    /// The private key that opens routers, here; and hosts, unless those have one of their own.
    pub key_file: FilePath,
    /// Where host keys are kept, one line each, under the name of the router or the address of the
    /// host. Nobody else's file.
    pub known_hosts: FilePath,
    /// What to do about a router or host whose key is not known yet. A key that changed is always
    /// refused.
    pub first_contact: FirstContact,
    /// How long a connection may take to come about.
    pub connect_timeout: Span,
    /// How long a whole visit may take.
    pub visit_timeout: Span,
    /// How often a silent connection is asked whether it lives; three times without an answer end it.
    pub alive_every: Span,
    /// How hosts are reached, and routers from there.
    pub jump: Jump,
}

/// The `[ssh.jump]` table: the way through the hypervisor host.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the table [ssh.jump]")]
pub struct Jump {
    /// As whom to log in on hosts.
    pub user: Word,
    /// The hosts' port.
    pub port: u16,
    /// The private key that opens hosts, here; absent: the same as for routers.
    pub key_file: Option<FilePath>,
    /// Where the key that opens routers lies.
    pub router_key: RouterKey,
    /// That key's file on the host. Source: `cloudstack.md` section 6.
    pub host_key_file: FilePath,
}

/// Where the key that opens a router lies, when the way leads through its host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouterKey {
    /// On the host, where `CloudStack` puts it: the host's own ssh goes on to the router.
    #[default]
    OnHost,
    /// Here, in `ssh.key_file`: the host only passes the connection on.
    Here,
}

/// What to do about a host key that is not known yet; ssh's own words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FirstContact {
    /// Take it, keep it, and insist on it from then on.
    #[default]
    AcceptNew,
    /// Insist on knowing it before.
    Yes,
}

/// The path of a file that can stand in ssh's configuration as it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct FilePath(String);

/// A name of a user.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Word(String);

/// A duration between a second and an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "human::Duration")]
pub struct Span(Duration);

impl Default for Ssh {
    fn default() -> Self {
        Self {
            user: Word("root".to_owned()),
            port: 3922,
            key_file: FilePath("/var/cloudstack/management/.ssh/id_rsa".to_owned()),
            known_hosts: FilePath("/var/lib/vrwatch-manager/known_hosts".to_owned()),
            first_contact: FirstContact::default(),
            connect_timeout: Span(Duration::from_secs(10)),
            visit_timeout: Span(Duration::from_mins(2)),
            alive_every: Span(Duration::from_secs(5)),
            jump: Jump::default(),
        }
    }
}

impl Default for Jump {
    fn default() -> Self {
        Self {
            user: Word("root".to_owned()),
            port: 22,
            key_file: None,
            router_key: RouterKey::default(),
            host_key_file: FilePath("/root/.ssh/id_rsa.cloud".to_owned()),
        }
    }
}

impl FilePath {
    /// A path that the program itself knows.
    pub(crate) fn fixed(path: &str) -> Self {
        Self(path.to_owned())
    }

    /// The path, from `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same, for files that are here.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        PathBuf::from(&self.0)
    }
}

impl Word {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Span {
    /// A duration that the program itself knows.
    pub(crate) const fn fixed(duration: Duration) -> Self {
        Self(duration)
    }

    /// The duration.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl TryFrom<String> for FilePath {
    type Error = String;

    /// ssh's configuration splits at spaces, and reads `%`, `$`, `~` and quotes its own way.
    fn try_from(text: String) -> Result<Self, String> {
        let plain = |letter: char| letter.is_alphanumeric() || "/._-+,@:=".contains(letter);
        if !text.starts_with('/') || text.ends_with('/') {
            Err("write the whole path of a file, from /".to_owned())
        } else if text.len() > 1024 || !text.chars().all(plain) {
            Err(
                "ssh would misread this path: use letters, digits and . _ - + , @ : = only"
                    .to_owned(),
            )
        } else {
            Ok(Self(text))
        }
    }
}

impl TryFrom<String> for Word {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        if text.is_empty() || text.len() > 64 || text.starts_with('-') || !text.chars().all(plain) {
            return Err("this is no name of a user".to_owned());
        }
        Ok(Self(text))
    }
}

impl TryFrom<human::Duration> for Span {
    type Error = String;

    fn try_from(duration: human::Duration) -> Result<Self, String> {
        if (Duration::from_secs(1)..=Duration::from_hours(1)).contains(&duration.0) {
            Ok(Self(duration.0))
        } else {
            Err("write a duration between 1s and 1h".to_owned())
        }
    }
}
