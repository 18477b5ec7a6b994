//! The stamps that CloudStack's management server keeps: whole seconds, one alert each, always rising. It keeps
//! the last one it was given and sends it back unread, so a stamp is a place in the journal that
//! looks like a time.

use std::fmt;

use contract::Timestamp;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

/// `1970-01-01 00:00:00`: what the server asks with when it has nothing yet.
const NOTHING_YET: i64 = 0;
/// 9000-01-01: a clock beyond it counts as standing there, so that stamps never run out.
const FURTHEST: i64 = 221_845_392_000;
const DAY: i64 = 86_400;
const HOUR: i64 = 3600;

/// Seconds since 1970-01-01 00:00:00, UTC; prints as `yyyy-MM-dd HH:mm:ss`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Stamp(i64);

/// Which hours the server takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dial {
    /// 00 to 23: `HH`.
    TwentyFour,
    /// 01 to 12: servers up to 4.13 read `hh`, and refuse everything else for good. The hours that
    /// there are not are passed over: what comes after noon is stamped from 01:00:00 of the next day on.
    Twelve,
}

impl Stamp {
    pub(super) const NOTHING_YET: Self = Self(NOTHING_YET);

    /// The second of an instant, within what can be a stamp.
    pub(super) fn of(time: Timestamp) -> Self {
        Self(time.unix_millis().div_euclid(1000).clamp(1, FURTHEST))
    }

    /// Reads `yyyy-MM-dd` and `HH:mm:ss`; anything else, and whatever is before 1970, counts as
    /// nothing yet: repeating is better than losing.
    pub(super) fn parse(date: &str, time: &str) -> Self {
        parse(date, time)
            .filter(|second| *second > NOTHING_YET)
            .map_or(Self::NOTHING_YET, Self)
    }

    /// The stamp of an event that was judged at `wall`, the one before it having this stamp. It
    /// depends on nothing else, so the same journal has the same stamps whenever it is asked. A
    /// clock that is put back makes stamps rise by a second an event, until it has caught up.
    pub(super) fn next(self, wall: Self, dial: Dial) -> Self {
        dial.from(wall.max(Self(self.0 + 1)))
    }

    /// Seconds between the two.
    pub(super) const fn distance(self, other: Self) -> u64 {
        self.0.abs_diff(other.0)
    }
}

impl Dial {
    /// The first stamp from this one on that the server takes.
    fn from(self, stamp: Stamp) -> Stamp {
        let second = stamp.0.rem_euclid(DAY);
        match self {
            Self::Twelve if second < HOUR => Stamp(stamp.0 - second + HOUR),
            Self::Twelve if second >= 13 * HOUR => Stamp(stamp.0 - second + DAY + HOUR),
            Self::Twelve | Self::TwentyFour => stamp,
        }
    }

    /// Whether the server takes it.
    pub(super) fn has(self, stamp: Stamp) -> bool {
        self.from(stamp) == stamp
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time =
            OffsetDateTime::from_unix_timestamp(self.0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (year, month, day) = time.to_calendar_date();
        let (hour, minute, second) = time.to_hms();
        let month = u8::from(month);
        write!(
            formatter,
            "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"
        )
    }
}

fn parse(date: &str, time: &str) -> Option<i64> {
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let small = |number: u16| u8::try_from(number).ok();
    let month = Month::try_from(small(month)?).ok()?;
    let date = Date::from_calendar_date(i32::from(year), month, small(day)?).ok()?;
    let time = Time::from_hms(small(hour)?, small(minute)?, small(second)?).ok()?;
    Some(
        PrimitiveDateTime::new(date, time)
            .assume_utc()
            .unix_timestamp(),
    )
}

/// Three numbers of exactly so many digits.
fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[u16; 3]> {
    let mut parts = text.split(between);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next()?;
        if part.len() != digits || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stamp(text: &str) -> Stamp {
        let (date, time) = text.split_once(' ').unwrap();
        Stamp::parse(date, time)
    }

    #[test]
    fn a_stamp_is_a_second_and_reads_as_it_prints() {
        for text in [
            "1970-01-01 00:00:00",
            "2026-11-22 11:47:33",
            "2028-02-29 23:59:59",
            "9000-01-01 00:00:00",
        ] {
            assert_eq!(stamp(text).to_string(), text);
        }
        let time = "2026-11-22T11:47:33.999Z".parse().unwrap();
        assert_eq!(Stamp::of(time).to_string(), "2026-11-22 11:47:33");
    }

    #[test]
    fn what_is_no_stamp_counts_as_nothing_yet() {
        for text in [
            " ",
            "2026-11-22 ",
            "2026-11-22 24:00:00",
            "2026-11-22 11:60:00",
            "2026-11-22 11:47:60",
            "2026-02-29 11:47:33",
            "2026-11-22 11:47:3",
            "2026-11-22 11:47:33,207",
            "2026-11-22 11:47:33 ",
            "26-11-22 11:47:33",
            "+026-11-22 11:47:33",
            "2026-11-22T11:47:33 x",
            "1969-12-31 23:59:59",
            "\u{662}026-11-22 11:47:33",
        ] {
            assert_eq!(stamp(text), Stamp::NOTHING_YET, "{text}");
        }
    }

    #[test]
    fn afternoons_and_the_hour_after_midnight_are_passed_over_for_old_servers() {
        let next =
            |before: &str, wall: &str| stamp(before).next(stamp(wall), Dial::Twelve).to_string();
        let long_ago = "2026-01-01 01:00:00";
        for (wall, given) in [
            ("2026-11-22 00:00:00", "2026-11-22 01:00:00"),
            ("2026-11-22 00:59:59", "2026-11-22 01:00:00"),
            ("2026-11-22 01:00:00", "2026-11-22 01:00:00"),
            ("2026-11-22 12:59:59", "2026-11-22 12:59:59"),
            ("2026-11-22 13:00:00", "2026-11-23 01:00:00"),
            ("2026-12-31 23:59:59", "2027-01-01 01:00:00"),
        ] {
            assert_eq!(next(long_ago, wall), given, "{wall}");
        }
        assert_eq!(
            next("2026-11-22 12:59:59", "2026-11-22 12:59:59"),
            "2026-11-23 01:00:00"
        );
        assert_eq!(
            next("2026-11-23 01:00:00", "2026-11-22 14:00:00"),
            "2026-11-23 01:00:01"
        );
    }

    proptest! {
        #[test]
        fn stamps_rise_whatever_the_clock_does_and_every_server_takes_them(
            walls in proptest::collection::vec(any::<i64>(), 1..50), twelve: bool,
        ) {
            let dial = if twelve { Dial::Twelve } else { Dial::TwentyFour };
            let mut before = Stamp::NOTHING_YET;
            for millis in walls {
                let wall = Timestamp::from_unix_millis(millis).unwrap_or(Timestamp::EPOCH);
                let next = before.next(Stamp::of(wall), dial);
                prop_assert!(next > before && dial.has(next));
                prop_assert_eq!(stamp(&next.to_string()), next);
                before = next;
            }
        }
    }
}
