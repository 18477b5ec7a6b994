//! The secrets that an SNMP section names: a community, or a user's passwords. Read afresh for every
//! batch, so that a replaced file counts at once; never shown.

use std::fmt;
use std::path::{Path, PathBuf};

use super::config::Security;
use crate::file::{self, FileError};

/// The most that a secret may have; bytes.
const LARGEST: u64 = 1024;
/// The least that a password may have. Source: RFC 3414 §11.2.
const SHORTEST_PASSWORD: usize = 8;

/// A secret. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(Vec<u8>);

/// The secrets of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Secrets {
    Community(Secret),
    User {
        auth: Secret,
        privacy: Option<Secret>,
    },
}

/// Why a secret cannot be used. Never holds a part of it.
#[derive(Debug, thiserror::Error)]
pub(super) enum SecretError {
    #[error("{0}")]
    File(#[from] FileError),
    #[error("the community in {} is empty", .0.display())]
    NoCommunity(PathBuf),
    #[error(
        "the password in {} has fewer than {SHORTEST_PASSWORD} bytes, which SNMPv3 does not allow",
        .0.display()
    )]
    Short(PathBuf),
}

impl Secret {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The file's content without the line end that editors put there.
    fn read(path: &Path) -> Result<Self, FileError> {
        let mut content = file::read_secret(path, LARGEST)?;
        if content.last() == Some(&b'\n') {
            content.pop();
            if content.last() == Some(&b'\r') {
                content.pop();
            }
        }
        Ok(Self(content))
    }

    fn password(path: &Path) -> Result<Self, SecretError> {
        let password = Self::read(path)?;
        if password.0.len() < SHORTEST_PASSWORD {
            return Err(SecretError::Short(path.into()));
        }
        Ok(password)
    }
}

/// Reads the secrets that a section names.
pub(super) fn read(security: &Security) -> Result<Secrets, SecretError> {
    match security {
        Security::Community { file } => {
            let community = Secret::read(file)?;
            if community.0.is_empty() {
                return Err(SecretError::NoCommunity(file.clone()));
            }
            Ok(Secrets::Community(community))
        }
        Security::User(user) => Ok(Secrets::User {
            auth: Secret::password(&user.auth.password_file.0)?,
            privacy: user
                .privacy
                .as_ref()
                .map(|privacy| Secret::password(&privacy.password_file.0))
                .transpose()?,
        }),
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(secret)")
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn community(content: &str) -> Result<Secrets, SecretError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("community");
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        read(&Security::Community { file })
    }

    #[test]
    fn the_line_end_of_a_file_is_no_part_of_its_secret() {
        for content in ["hunter2", "hunter2\n", "hunter2\r\n"] {
            let secrets = community(content).unwrap();
            assert_eq!(
                secrets,
                Secrets::Community(Secret(b"hunter2".to_vec())),
                "{content:?}"
            );
            assert!(!format!("{secrets:?}").contains("hunter2"));
        }
    }

    #[test]
    fn an_empty_community_is_refused() {
        assert!(matches!(community("\n"), Err(SecretError::NoCommunity(_))));
    }
}
