//! The table `[forward]`: how what is stored gets to the sinks.

use std::time::Duration;

use contract::human;
use serde::{Deserialize, Deserializer, de};

use super::storm::Storms;

/// How what is stored gets to the sinks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the table [forward]")]
pub struct Config {
    /// How much waits for a sink that does not take it, in bytes; the oldest go first.
    #[serde(deserialize_with = "journal_size")]
    pub journal_size: u64,
    /// How long a manager that ended without a word keeps another from going on.
    #[serde(deserialize_with = "lease")]
    pub lease: Duration,
    /// What is told as the storm of a whole zone.
    pub storm: Storms,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            journal_size: 64 << 20,
            lease: Duration::from_secs(15),
            storm: Storms::default(),
        }
    }
}

fn journal_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let size = human::Size::deserialize(deserializer)?;
    within(size, &human::Size(1 << 20), &human::Size(4 << 30)).map(|size| size.0)
}

fn lease<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = |seconds: u64| human::Duration::from_millis(seconds * 1000);
    let lease = human::Duration::deserialize(deserializer)?;
    within(lease, &seconds(2), &seconds(600)).map(|lease| lease.0)
}

/// `value`, unless it is outside of what makes sense.
pub(super) fn within<T: PartialOrd + std::fmt::Display, E: de::Error>(
    value: T,
    least: &T,
    most: &T,
) -> Result<T, E> {
    if value < *least || value > *most {
        return Err(E::custom(format_args!(
            "must be from {least} to {most}, and `{value}` is not"
        )));
    }
    Ok(value)
}
