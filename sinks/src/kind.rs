//! How a sink introduces itself: its name, its help, its sample and how it is built from its part
//! of the configuration. Whoever composes sinks needs nothing else from them.

use std::fmt;
use std::path::PathBuf;

use contract::Sink;

/// The body of one `[sink.NAME.KIND]` table, filters taken out, as the `toml` crate read it.
///
/// Made with `Section::from(spanned_value)` from `toml::de::DeTable::parse`, so that the span of
/// a [`SectionError`] refers to the text of the configuration file.
pub type Section<'text> = toml::de::ValueDeserializer<'text>;

/// What is wrong with a section: `message()` in plain words, `span()` in the file's text.
pub type SectionError = toml::de::Error;

/// How a sink is made from its section.
pub type Build = fn(Section<'_>, &Host) -> Result<Box<dyn Sink>, BuildError>;

/// Why a sink was not made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BuildError {
    /// The section's text is wrong: whoever wrote it has to correct it.
    #[error("{}", .0.message())]
    Section(#[from] SectionError),
    /// A file that the section names cannot be used as it is. It may be mended at any time, and
    /// nothing but this sink depends on it. Never holds a part of it.
    #[error("{0}")]
    File(String),
}

impl BuildError {
    /// What is wrong with a file.
    pub(crate) fn file(error: impl fmt::Display) -> Self {
        Self::File(error.to_string())
    }
}

/// What every sink is told about where it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Host {
    /// The router's name, as events carry it.
    pub router: String,
    /// The sink's name in `[sink.NAME.KIND]`: what its own files are called by.
    pub sink: String,
    /// A folder where a sink may keep a small file of its own, such as SNMP's engine boots. It may
    /// not exist yet. Made only by a sink that needs it, mode 0700, and never while being built.
    pub directory: PathBuf,
}

impl Host {
    /// A host whose router goes by this name.
    #[must_use]
    pub fn new(router: impl Into<String>, directory: impl Into<PathBuf>) -> Self {
        Self {
            router: router.into(),
            sink: String::new(),
            directory: directory.into(),
        }
    }

    /// The same host for the sink of this name.
    #[must_use]
    pub fn for_sink(&self, sink: impl Into<String>) -> Self {
        Self {
            sink: sink.into(),
            ..self.clone()
        }
    }
}

/// A kind of sink.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The name in `[sink.NAME.KIND]`.
    pub name: &'static str,
    /// One line for `--help` and the manual.
    pub summary: &'static str,
    /// The body of a `[sink.NAME.KIND]` table that works, every key explained.
    pub sample: &'static str,
    /// Whether it may see an event only once that is on disk.
    pub needs_disk: bool,
    /// Whether people read every message: of a storm they want one, and not each alert.
    pub for_people: bool,
    /// Reads its section and makes the sink; opens no connection. Refuses what cannot work.
    pub build: Build,
    /// What the contract kit needs to try it.
    #[cfg(test)]
    pub(crate) trial: &'static dyn crate::kit::Trial,
}
