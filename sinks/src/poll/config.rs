//! The section `[sink.NAME.poll]`: read, checked, and only then a [`Config`].

use std::path::PathBuf;

use contract::human;
use serde::Deserialize;

/// Where CloudStack's own script writes.
const LOG: &str = "/var/log/routerServiceMonitor.log";

/// What to write, and where. Cannot be made but from a section that passed every check.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub(super) struct Config {
    pub(super) log: PathBuf,
    /// Bytes.
    pub(super) max_size: u64,
    pub(super) info: bool,
}

/// The path of a file.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct LogPath(PathBuf);

/// Bytes, within what makes sense on a router.
#[derive(Deserialize)]
#[serde(try_from = "human::Size")]
struct MaxSize(u64);

impl MaxSize {
    /// A whole batch fits in, twice.
    const LEAST: human::Size = human::Size(256 << 10);
    const MOST: human::Size = human::Size(1 << 30);
    const DEFAULT: Self = Self(1 << 20);
}

/// The section as it was written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    log: Option<LogPath>,
    max_size: Option<MaxSize>,
    #[serde(default)]
    info: bool,
}

impl From<Written> for Config {
    fn from(written: Written) -> Self {
        Self {
            log: written.log.map_or_else(|| LOG.into(), |path| path.0),
            max_size: written.max_size.unwrap_or(MaxSize::DEFAULT).0,
            info: written.info,
        }
    }
}

impl TryFrom<String> for LogPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let problem = if !text.starts_with('/') || text.ends_with('/') || text.ends_with("/..") {
            "write the whole path of a file, from /"
        } else if text.chars().any(char::is_control) {
            "it holds control characters"
        } else {
            return Ok(Self(text.into()));
        };
        let shown = crate::clean::cut(&crate::clean::line(&text), 80);
        Err(format!("`{shown}` cannot be the log: {problem}"))
    }
}

impl TryFrom<human::Size> for MaxSize {
    type Error = String;

    fn try_from(size: human::Size) -> Result<Self, Self::Error> {
        if size < Self::LEAST || size > Self::MOST {
            return Err(format!(
                "must be from {} to {}, and `{size}` is not",
                Self::LEAST,
                Self::MOST
            ));
        }
        Ok(Self(size.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(section: &str) -> Result<Config, String> {
        toml::from_str(section).map_err(|error: toml::de::Error| error.message().to_owned())
    }

    #[test]
    fn an_empty_section_is_what_the_sample_shows() {
        assert_eq!(
            read("").unwrap(),
            read(include_str!("sample.toml")).unwrap()
        );
        assert_eq!(read("").unwrap().log, PathBuf::from(LOG));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_in_words() {
        for (section, words) in [
            (
                "log = \"var/log\"",
                "`var/log` cannot be the log: write the whole path of a file, from /",
            ),
            (
                "log = \"/var/log/\"",
                "`/var/log/` cannot be the log: write the whole path of a file, from /",
            ),
            (
                "log = \"/var/\\u0007\"",
                "`/var/` cannot be the log: it holds control characters",
            ),
            (
                "max_size = \"255KiB\"",
                "must be from 256KiB to 1GiB, and `255KiB` is not",
            ),
        ] {
            assert_eq!(read(section).unwrap_err(), words);
        }
    }
}
