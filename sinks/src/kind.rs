//! How a sink introduces itself: its name, its help, its sample and how it is built from its part
//! of the configuration. Whoever composes sinks needs nothing else from them.

use contract::Sink;

/// The body of one `[sink.NAME.KIND]` table, filters taken out, as the `toml` crate read it.
///
/// Made with `Section::from(spanned_value)` from `toml::de::DeTable::parse`, so that the span of
/// a [`SectionError`] refers to the text of the configuration file.
pub type Section<'text> = toml::de::ValueDeserializer<'text>;

/// What is wrong with a section: `message()` in plain words, `span()` in the file's text.
pub type SectionError = toml::de::Error;

/// How a sink is made from its section.
pub type Build = fn(Section<'_>, &Host) -> Result<Box<dyn Sink>, SectionError>;

/// What every sink is told about where it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Host {
    /// The router's name, as events carry it.
    pub router: String,
}

impl Host {
    /// A host whose router goes by this name.
    #[must_use]
    pub fn new(router: impl Into<String>) -> Self {
        Self {
            router: router.into(),
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
    /// Reads its section and makes the sink; opens no connection. Refuses what cannot work.
    pub build: Build,
    /// What the contract kit needs to try it.
    #[cfg(test)]
    pub(crate) trial: &'static dyn crate::kit::Trial,
}
