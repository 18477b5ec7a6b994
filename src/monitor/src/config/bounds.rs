//! Numbers and durations that cannot be out of range: the range is part of the type, so a mistake
//! is found where the file is read, with its line.

use std::fmt;
use std::time::Duration;

use contract::human;
use serde::{Deserialize, Deserializer, de};

pub(crate) const SECOND: u64 = 1000;
pub(crate) const HOUR: u64 = 3600 * SECOND;
pub(crate) const DAY: u64 = 24 * HOUR;

/// A duration from `MIN` to `MAX` milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Between<const MIN: u64, const MAX: u64>(pub(crate) Duration);

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count<const MIN: u32, const MAX: u32>(pub(crate) u32);

impl<'de, const MIN: u64, const MAX: u64> Deserialize<'de> for Between<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let human::Duration(duration) = human::Duration::deserialize(deserializer)?;
        let (least, most) = (
            human::Duration::from_millis(MIN),
            human::Duration::from_millis(MAX),
        );
        if duration < least.0 || duration > most.0 {
            return Err(de::Error::custom(format_args!(
                "must be from {least} to {most}, and `{}` is not",
                human::Duration(duration)
            )));
        }
        Ok(Self(duration))
    }
}

impl<'de, const MIN: u32, const MAX: u32> Deserialize<'de> for Count<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountVisitor::<MIN, MAX>)
    }
}

struct CountVisitor<const MIN: u32, const MAX: u32>;

impl<const MIN: u32, const MAX: u32> de::Visitor<'_> for CountVisitor<MIN, MAX> {
    type Value = Count<MIN, MAX>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a whole number from {MIN} to {MAX}")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        u32::try_from(number)
            .ok()
            .filter(|number| (MIN..=MAX).contains(number))
            .map(Count)
            .ok_or_else(|| out_of_range::<E, MIN, MAX>(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        u32::try_from(number)
            .ok()
            .filter(|number| (MIN..=MAX).contains(number))
            .map(Count)
            .ok_or_else(|| out_of_range::<E, MIN, MAX>(number))
    }
}

fn out_of_range<E: de::Error, const MIN: u32, const MAX: u32>(number: impl fmt::Display) -> E {
    E::custom(format_args!(
        "must be from {MIN} to {MAX}, and `{number}` is not"
    ))
}
