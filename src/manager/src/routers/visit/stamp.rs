//! `2026-11-22 11:47:33`, as CloudStack's routers stamp their lines: the router's own clock, which
//! its system VM template keeps in UTC.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use contract::Timestamp;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

/// A second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp(PrimitiveDateTime);

/// The text does not begin with a stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoStamp;

impl Stamp {
    /// What CloudStack asks with the first time.
    pub(super) const FIRST: Self = Self(PrimitiveDateTime::new(
        OffsetDateTime::UNIX_EPOCH.date(),
        Time::MIDNIGHT,
    ));

    /// The second that an instant lies in.
    #[must_use]
    pub(super) fn of(instant: Timestamp) -> Self {
        let utc = instant.to_utc();
        let time = utc.time().replace_nanosecond(0).unwrap_or(Time::MIDNIGHT);
        Self(PrimitiveDateTime::new(utc.date(), time))
    }

    /// The instant at which it begins.
    #[must_use]
    pub(super) fn begins(self) -> Timestamp {
        Timestamp::from(self.0.assume_utc())
    }

    /// This much earlier, but not before the first.
    #[must_use]
    pub(super) fn earlier(self, duration: Duration) -> Self {
        let duration = time::Duration::try_from(duration).unwrap_or(time::Duration::MAX);
        self.0
            .checked_sub(duration)
            .map_or(Self::FIRST, |earlier| Self(earlier).max(Self::FIRST))
    }

    /// The date and the time of day, as the router's script takes them.
    #[must_use]
    pub(super) fn words(self) -> (String, String) {
        let (hour, minute, second) = self.0.as_hms();
        let (year, month, day) = self.0.date().to_calendar_date();
        (
            format!("{year:04}-{:02}-{day:02}", u8::from(month)),
            format!("{hour:02}:{minute:02}:{second:02}"),
        )
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, time) = self.words();
        write!(formatter, "{date} {time}")
    }
}

impl FromStr for Stamp {
    type Err = NoStamp;

    /// Takes exactly nineteen characters, and no hour 24 or 30th of February.
    fn from_str(text: &str) -> Result<Self, NoStamp> {
        let parse = || {
            let bytes: &[u8; 19] = text.as_bytes().try_into().ok()?;
            let marks = [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':')];
            if marks.iter().any(|(place, mark)| bytes[*place] != *mark) {
                return None;
            }
            let number = |from: usize, to: usize| {
                bytes[from..to].iter().try_fold(0_u16, |number, byte| {
                    let digit = byte.is_ascii_digit().then(|| u16::from(byte - b'0'))?;
                    Some(number * 10 + digit)
                })
            };
            let small = |from: usize| u8::try_from(number(from, from + 2)?).ok();
            let month = Month::try_from(small(5)?).ok()?;
            let date = Date::from_calendar_date(i32::from(number(0, 4)?), month, small(8)?).ok()?;
            let time = Time::from_hms(small(11)?, small(14)?, small(17)?).ok()?;
            Some(Self(PrimitiveDateTime::new(date, time)))
        };
        parse().ok_or(NoStamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_reads_as_it_prints_and_nothing_else_is_one() {
        for text in [
            "1970-01-01 00:00:00",
            "2026-11-22 23:59:59",
            "2028-02-29 12:00:00",
        ] {
            assert_eq!(text.parse::<Stamp>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "2026-11-22",
            "2026-02-29 00:00:00",
            "2026-11-22 24:00:00",
            "2026-11-22T11:47:33",
            "2026-11-22 11:47:3x",
            "2026-11-22 11:47:33,",
            "2026-1é-2 11:47:33",
        ] {
            assert_eq!(text.parse::<Stamp>(), Err(NoStamp), "{text}");
        }
    }

    #[test]
    fn nothing_is_earlier_than_the_first() {
        let stamp: Stamp = "1970-01-01 00:00:30".parse().unwrap();
        assert_eq!(
            stamp.earlier(Duration::from_secs(20)).to_string(),
            "1970-01-01 00:00:10"
        );
        assert_eq!(stamp.earlier(Duration::MAX), Stamp::FIRST);
        assert_eq!(Stamp::of(Timestamp::EPOCH), Stamp::FIRST);
    }
}
