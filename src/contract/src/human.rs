//! Durations and sizes as people write them: `3m`, `1h30m`, `500ms`, `16MiB`. A bare number is
//! refused, because nobody remembers which unit it was in; mistakes are told in plain words.

use std::fmt;
use std::str::FromStr;
use std::time;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of time as it stands in a config file or a message.
///
/// Reads `500ms`, `1s`, `3m`, `2h`, `1d` and sums of them, largest unit first (`1h30m`, `1h 30m`);
/// prints the same way with a space between the units. At most 36500 days; parts of a
/// millisecond are not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(pub time::Duration);

/// A number of bytes as it stands in a config file or a message.
///
/// Reads `512B`, `64KiB`, `16MiB`, `1GiB` (powers of 1024) and `1KB`, `1MB`, `1GB` (powers of
/// 1000); prints the largest unit that divides it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(pub u64);

/// Why a text is no duration or size, in words for whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HumanError(String);

/// The units of time and their milliseconds, largest first.
const TIME_UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// The longest duration that is taken: a hundred years. It keeps every sum far from overflow.
const LONGEST_MILLIS: u64 = 36_500 * 86_400_000;

/// The units of size and their bytes; the powers of 1024 come first, so that printing finds them.
const SIZE_UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1000),
    ("B", 1),
];

const DURATION_EXAMPLES: &str = "a duration such as \"500ms\", \"5s\", \"3m\" or \"1h30m\"";
const SIZE_EXAMPLES: &str = "a size such as \"64KiB\" or \"16MiB\"";

impl Duration {
    /// A duration of so many milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(time::Duration::from_millis(millis))
    }
}

impl FromStr for Duration {
    type Err = HumanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(HumanError(format!("empty: write {DURATION_EXAMPLES}")));
        }
        let mut total: u64 = 0;
        let mut smaller_than = u64::MAX;
        while !rest.is_empty() {
            let (number, unit, tail) = next_part(rest).ok_or_else(|| not_a(text, "duration"))?;
            if unit.is_empty() {
                return Err(HumanError(format!(
                    "`{}` has no unit: write {DURATION_EXAMPLES}",
                    shown(text)
                )));
            }
            let Some((_, millis)) = TIME_UNITS.iter().find(|(name, _)| *name == unit) else {
                return Err(HumanError(format!(
                    "`{}` has the unknown unit `{}`: use ms, s, m, h or d",
                    shown(text),
                    shown(unit)
                )));
            };
            if *millis >= smaller_than {
                return Err(HumanError(format!(
                    "`{}` must name each unit once, the largest first",
                    shown(text)
                )));
            }
            smaller_than = *millis;
            total = number
                .parse::<u64>()
                .ok()
                .and_then(|number| number.checked_mul(*millis))
                .and_then(|part| part.checked_add(total))
                .filter(|total| *total <= LONGEST_MILLIS)
                .ok_or_else(|| HumanError(format!("`{}` is more than 36500 days", shown(text))))?;
            rest = tail;
        }
        Ok(Self::from_millis(total))
    }
}

impl FromStr for Size {
    type Err = HumanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let trimmed = text.trim();
        let Some((number, unit, "")) = next_part(trimmed) else {
            return Err(not_a(text, "size"));
        };
        if unit.is_empty() {
            return Err(HumanError(format!(
                "`{}` has no unit: write {SIZE_EXAMPLES}",
                shown(text)
            )));
        }
        let Some((_, bytes)) = SIZE_UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(HumanError(format!(
                "`{}` has the unknown unit `{}`: use B, KiB, MiB, GiB, KB, MB or GB",
                shown(text),
                shown(unit)
            )));
        };
        number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(*bytes))
            .map(Self)
            .ok_or_else(|| HumanError(format!("`{}` is too large", shown(text))))
    }
}

/// Splits off one number with its unit: `("1", "h", "30m")` from `1h 30m`. `None` when the text
/// does not start with a digit.
fn next_part(text: &str) -> Option<(&str, &str, &str)> {
    let digits = text
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(text.len());
    if digits == 0 {
        return None;
    }
    let (number, rest) = text.split_at(digits);
    let rest = rest.trim_start();
    let letters = rest
        .find(|letter: char| !letter.is_alphabetic())
        .unwrap_or(rest.len());
    let (unit, tail) = rest.split_at(letters);
    if unit.is_empty() && !tail.is_empty() && !tail.starts_with(|next: char| next.is_ascii_digit())
    {
        return None;
    }
    Some((number, unit, tail.trim_start()))
}

fn not_a(text: &str, what: &str) -> HumanError {
    let examples = if what == "size" {
        SIZE_EXAMPLES
    } else {
        DURATION_EXAMPLES
    };
    HumanError(format!(
        "`{}` is no {what}: write whole numbers with units, {examples}",
        shown(text)
    ))
}

/// What was written, cut to a length that fits a message, and without control characters.
fn shown(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(40)
        .map(|letter| if letter.is_control() { '?' } else { letter })
        .collect();
    if text.chars().nth(40).is_some() {
        shown.push('…');
    }
    shown
}

impl fmt::Display for Duration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_millis();
        if rest == 0 {
            return formatter.write_str("0s");
        }
        let mut gap = "";
        for (unit, millis) in TIME_UNITS {
            let count = rest / u128::from(millis);
            if count > 0 {
                write!(formatter, "{gap}{count}{unit}")?;
                gap = " ";
                rest %= u128::from(millis);
            }
        }
        Ok(())
    }
}

impl fmt::Display for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, bytes) = SIZE_UNITS
            .into_iter()
            .find(|(_, bytes)| self.0 >= *bytes && self.0.is_multiple_of(*bytes))
            .unwrap_or(("B", 1));
        write!(formatter, "{}{unit}", self.0 / bytes)
    }
}

impl From<Duration> for time::Duration {
    fn from(duration: Duration) -> Self {
        duration.0
    }
}

impl From<time::Duration> for Duration {
    fn from(duration: time::Duration) -> Self {
        Self(duration)
    }
}

/// Reads either type from a string, and says what to write instead of a bare number.
struct Visitor<T> {
    examples: &'static str,
    marker: std::marker::PhantomData<T>,
}

impl<T: FromStr<Err = HumanError>> de::Visitor<'_> for Visitor<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.examples)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        Err(E::custom(format_args!(
            "`{number}` has no unit: write {}",
            self.examples
        )))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        Err(E::custom(format_args!(
            "`{number}` has no unit: write {}",
            self.examples
        )))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        Err(E::custom(format_args!(
            "`{number}` has no unit: write {}",
            self.examples
        )))
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor {
            examples: DURATION_EXAMPLES,
            marker: std::marker::PhantomData,
        })
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor {
            examples: SIZE_EXAMPLES,
            marker: std::marker::PhantomData,
        })
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests;
