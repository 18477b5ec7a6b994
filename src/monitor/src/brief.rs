//! Short forms for what is written into the journal: a time takes half the room as a pair than as an
//! object with named fields, and reading takes either.

use std::collections::VecDeque;
use std::time::Duration;

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

/// A time as `[seconds, nanoseconds]`.
#[derive(Clone, Copy)]
struct Pair(Duration);

impl Serialize for Pair {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.0.as_secs(), self.0.subsec_nanos()).serialize(serializer)
    }
}

pub(crate) fn time<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    Pair(*time).serialize(serializer)
}

#[allow(
    clippy::ref_option,
    reason = "serde hands over a reference to the field"
)]
pub(crate) fn time_if_any<S: Serializer>(
    time: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(Pair).serialize(serializer)
}

pub(crate) fn times<S: Serializer>(
    times: &VecDeque<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut sequence = serializer.serialize_seq(Some(times.len()))?;
    for time in times {
        sequence.serialize_element(&Pair(*time))?;
    }
    sequence.end()
}

/// For what need not be written because reading assumes it.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Times {
        #[serde(serialize_with = "time")]
        one: Duration,
        #[serde(default, serialize_with = "time_if_any")]
        perhaps: Option<Duration>,
        #[serde(serialize_with = "times")]
        many: VecDeque<Duration>,
    }

    #[test]
    fn times_are_written_as_pairs_and_read_in_either_form() {
        let times = Times {
            one: Duration::MAX,
            perhaps: Some(Duration::from_millis(1500)),
            many: [Duration::ZERO, Duration::from_nanos(1)].into(),
        };
        let short = serde_json::json!({
            "one": [u64::MAX, 999_999_999], "perhaps": [1, 500_000_000], "many": [[0, 0], [0, 1]],
        });
        let long = serde_json::json!({
            "one": {"secs": u64::MAX, "nanos": 999_999_999},
            "perhaps": {"secs": 1, "nanos": 500_000_000},
            "many": [{"secs": 0, "nanos": 0}, {"secs": 0, "nanos": 1}],
        });
        assert_eq!(serde_json::to_value(&times).unwrap(), short);
        for written in [short, long] {
            assert_eq!(serde_json::from_value::<Times>(written).unwrap(), times);
        }
    }
}
