//! A poller's place in the journal: the last event it has, by number and by name. The name tells
//! whether a number is still that event's, or that of a journal that was begun anew.

use std::fmt;
use std::str::FromStr;

use contract::Event;
use serde::{Serialize, Serializer};

/// The longest cursor that is looked at, in bytes.
const LONGEST: usize = 100;

/// Prints as `1.17.9f86d081884c7d65`: form, number, name. Opaque to pollers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    seq: u64,
    name: u64,
}

/// The text is no cursor of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoCursor;

impl Cursor {
    /// Before the oldest event.
    pub(super) const OLDEST: Self = Self { seq: 0, name: 0 };

    /// Behind this event.
    pub(super) fn at(event: &Event) -> Self {
        Self {
            seq: event.seq,
            name: name(&event.id),
        }
    }

    pub(super) const fn seq(self) -> u64 {
        self.seq
    }

    /// Whether this is the event that it stands behind.
    pub(super) fn names(self, event: &Event) -> bool {
        self == Self::at(event)
    }
}

/// FNV-1a, 64 bits: it must only stay the same for ever.
fn name(id: &str) -> u64 {
    id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "1.{}.{:016x}", self.seq, self.name)
    }
}

impl FromStr for Cursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        let parse = || {
            let (seq, name) = text
                .get(..LONGEST.min(text.len()))?
                .strip_prefix("1.")?
                .split_once('.')?;
            Some(Self {
                seq: seq.parse().ok()?,
                name: u64::from_str_radix(name, 16).ok()?,
            })
        };
        parse()
            .filter(|cursor| cursor.to_string() == text)
            .ok_or(NoCursor)
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_as_it_prints_and_nothing_else_is_one() {
        for cursor in [
            Cursor::OLDEST,
            Cursor {
                seq: u64::MAX,
                name: u64::MAX,
            },
        ] {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for text in [
            "",
            "17",
            "1.17",
            "1.17.9f86",
            "1.+7.9f86d081884c7d65",
            "2.17.9f86d081884c7d65",
            "1.17.9F86D081884C7D65",
            "1.17.9f86d081884c7d65 ",
            "1.99999999999999999999.9f86d081884c7d65",
            "é",
            &"1.".repeat(500),
            &"é".repeat(500),
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(NoCursor), "{text}");
        }
    }
}
