//! The `[journal]` table as people write it.

use std::fmt;
use std::path::PathBuf;

use contract::human;
use serde::{Deserialize, Deserializer, de};

use crate::Settings;

/// The `[journal]` table. Absent keys have their defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the table [journal]")]
pub struct Journal {
    directory: Option<Directory>,
    max_size: Option<MaxSize>,
}

/// An absolute path.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Directory(PathBuf);

/// Bytes, within what makes sense on a router.
#[derive(Clone, Debug, PartialEq, Eq)]
struct MaxSize(u64);

impl MaxSize {
    /// Below this there is no room for the segments to take turns.
    const LEAST: human::Size = human::Size(256 << 10);
    const MOST: human::Size = human::Size(4 << 30);
}

impl<'de> Deserialize<'de> for Directory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(DirectoryVisitor)
    }
}

struct DirectoryVisitor;

impl de::Visitor<'_> for DirectoryVisitor {
    type Value = Directory;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an absolute path")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Directory, E> {
        if text.chars().any(char::is_control) {
            return Err(E::custom("the path holds control characters"));
        }
        if !text.starts_with('/') {
            return Err(E::custom(format_args!(
                "`{text}` is not absolute: write the whole path, from /"
            )));
        }
        Ok(Directory(PathBuf::from(text)))
    }
}

impl<'de> Deserialize<'de> for MaxSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let size = human::Size::deserialize(deserializer)?;
        if size < Self::LEAST || size > Self::MOST {
            return Err(de::Error::custom(format_args!(
                "must be from {} to {}, and `{size}` is not",
                Self::LEAST,
                Self::MOST
            )));
        }
        Ok(Self(size.0))
    }
}

impl From<Journal> for Settings {
    fn from(journal: Journal) -> Self {
        let default = Self::default();
        Self {
            directory: journal
                .directory
                .map_or(default.directory, |Directory(path)| path),
            max_size: journal
                .max_size
                .map_or(default.max_size, |MaxSize(bytes)| bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: serde_json::Value) -> Result<Settings, String> {
        serde_json::from_value::<Journal>(value)
            .map(Settings::from)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_table_has_the_documented_defaults() {
        let settings = read(json!({})).unwrap();
        assert_eq!(settings, Settings::default());
        assert_eq!(settings.directory, PathBuf::from("/var/lib/vrwatch"));
        assert_eq!(settings.max_size, 16 << 20);
    }

    #[test]
    fn what_is_written_is_taken() {
        let settings = read(json!({"directory": "/data", "max_size": "1MiB"})).unwrap();
        assert_eq!(settings.directory, PathBuf::from("/data"));
        assert_eq!(settings.max_size, 1 << 20);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_in_words() {
        for (value, words) in [
            (
                json!({"directory": "data"}),
                "`data` is not absolute: write the whole path, from /",
            ),
            (
                json!({"directory": "/a\0"}),
                "the path holds control characters",
            ),
            (
                json!({"directory": 5}),
                "invalid type: integer `5`, expected an absolute path",
            ),
            (
                json!({"max_size": "255KiB"}),
                "must be from 256KiB to 4GiB, and `255KiB` is not",
            ),
            (
                json!({"max_size": "5GiB"}),
                "must be from 256KiB to 4GiB, and `5GiB` is not",
            ),
            (
                json!({"max_size": 16}),
                "`16` has no unit: write a size such as \"64KiB\" or \"16MiB\"",
            ),
        ] {
            assert_eq!(read(value.clone()).unwrap_err(), words, "{value}");
        }
    }
}
