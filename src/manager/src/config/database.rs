//! The table `[database]`: where everything is kept. Its address may hold a password, so that
//! nothing here shows more than the part before it.

use std::fmt;
use std::path::{Path, PathBuf};

use contract::human;
use serde::Deserialize;
use sinks::file;

/// The default: one file, no set-up.
const DEFAULT: &str = "sqlite:/var/lib/vrwatch-manager/manager.db";
/// Enough for the log of a large transaction, and for what is done to make room.
const MIN_FREE: human::Size = human::Size(64 << 20);
/// The longest password file that is read, in bytes.
const LONGEST_PASSWORD: u64 = 4096;

/// Where everything is kept.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the table [database]")]
pub struct Database {
    url: Address,
    /// A file (0600) with the password, so that it need not stand in the URL.
    password_file: Option<PathBuf>,
    /// How much stays free on the disk of an `SQLite` file: with less, no alerts are taken.
    min_free: human::Size,
}

#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Address(String);

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let scheme = text.split(':').next().unwrap_or_default();
        if !text.contains(':') || !["sqlite", "mysql", "mariadb"].contains(&scheme) {
            // What was written may hold a password: it is not repeated.
            return Err(
                "write `sqlite:/path/to/manager.db` or `mysql://user@host/name`".to_owned(),
            );
        }
        Ok(Self(match text.strip_prefix("mariadb:") {
            Some(rest) => format!("mysql:{rest}"),
            None => text,
        }))
    }
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: Address(DEFAULT.to_owned()),
            password_file: None,
            min_free: MIN_FREE,
        }
    }
}

impl Database {
    /// How much stays free on the disk of an `SQLite` file, in bytes.
    #[must_use]
    pub const fn min_free(&self) -> u64 {
        self.min_free.0
    }

    /// The whole address, with the password.
    ///
    /// # Errors
    /// What is wrong with the password's file, in words.
    pub fn url(&self) -> Result<String, String> {
        let Some(path) = &self.password_file else {
            return Ok(self.url.0.clone());
        };
        let wrong = |what: &dyn fmt::Display| format!("`[database]` `password_file`: {what}");
        let bytes = file::read_secret(path, LONGEST_PASSWORD).map_err(|error| wrong(&error))?;
        let text = std::str::from_utf8(&bytes).map_err(|_| wrong(&"it holds no text"))?;
        let password = text.trim_end_matches(['\r', '\n']);
        let (scheme, rest) = self
            .url
            .0
            .split_once("://")
            .ok_or_else(|| wrong(&"`url` is of a database that takes no password"))?;
        let (user, place) = rest
            .split_once('@')
            .filter(|(user, _)| !user.is_empty() && !user.contains(':'))
            .ok_or_else(|| wrong(&"`url` must name a user, and no password of its own"))?;
        Ok(format!("{scheme}://{user}:{}@{place}", encoded(password)))
    }

    /// The address as it is written, which may lack the password.
    pub(super) fn without_password(&self) -> &str {
        &self.url.0
    }

    /// The address without its password, for people.
    #[must_use]
    pub fn shown(&self) -> String {
        let Some((before, place)) = self.url.0.rsplit_once('@') else {
            return self.url.0.clone();
        };
        let (scheme, user) = before.split_once("://").unwrap_or((before, ""));
        let user = user.split(':').next().unwrap_or_default();
        format!("{scheme}://{user}@{place}")
    }

    /// The file in which everything is kept, where it is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        let rest = self.url.0.strip_prefix("sqlite:")?;
        let path = rest.strip_prefix("//").unwrap_or(rest);
        let path = path.split('?').next().unwrap_or_default();
        (!path.is_empty()).then(|| Path::new(path))
    }

    /// Whether several management servers can share it.
    #[must_use]
    pub fn can_be_shared(&self) -> bool {
        !self.url.0.starts_with("sqlite:")
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Database({:?})", self.shown())
    }
}

/// Percent-encodes all but what every part of a URL takes.
fn encoded(text: &str) -> String {
    use fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn at(url: &str) -> Database {
        Database {
            url: Address::try_from(url.to_owned()).unwrap(),
            ..Database::default()
        }
    }

    #[test]
    fn a_password_in_the_address_is_shown_nowhere() {
        for url in [
            "mysql://vrwatch:s3cret@db.example/cloud",
            "mysql://vrwatch:s3cret@x@db.example/cloud",
        ] {
            let database = at(url);
            assert_eq!(database.shown(), "mysql://vrwatch@db.example/cloud");
            assert!(!format!("{database:?}").contains("s3cret"));
            assert_eq!(database.url().unwrap(), url);
        }
        let refused = Address::try_from("postgres://me:s3cret@h".to_owned()).err();
        assert!(!refused.unwrap().contains("s3cret"));
    }

    #[test]
    fn a_password_from_a_file_goes_into_the_address_whatever_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        fs::write(&path, "p@ss/w:ö#\n").unwrap();
        let mut database = at("mariadb://vrwatch@db.example:3307/cloud");
        database.password_file = Some(path.clone());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let refused = database.url().unwrap_err();
        assert!(
            refused.starts_with("`[database]` `password_file`: "),
            "{refused}"
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(
            database.url().unwrap(),
            "mysql://vrwatch:p%40ss%2Fw%3A%C3%B6%23@db.example:3307/cloud"
        );
        for url in ["sqlite:/tmp/x", "mysql://db.example/x", "mysql://a:b@h/x"] {
            database.url = Address::try_from(url.to_owned()).unwrap();
            assert!(database.url().is_err(), "{url}");
        }
    }
}
