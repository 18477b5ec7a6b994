//! Wall-clock times as the people of this machine read them. The `time` crate refuses to look up
//! the local offset once a process may have several threads, because `localtime_r` reads the
//! environment; so the time zone file is read here, without libc.

use std::io;

use contract::Timestamp;
use time::{OffsetDateTime, UtcOffset};
use tz::timezone::{TimeZone, TimeZoneSettings};

/// The largest zone file that is read. The largest in tzdata has 4 kB.
const LARGEST_ZONE_FILE: u64 = 256 * 1024;

/// A time zone: what the clock on the wall shows at an instant.
#[derive(Clone, Debug)]
pub struct LocalTime {
    zone: TimeZone,
    /// Whether times of day are told with the offset.
    names_offset: bool,
}

impl LocalTime {
    /// The machine's zone as it is now: `TZ` when set, else `/etc/localtime`; UTC when neither can
    /// be read. Cheap enough to ask before every batch, so that a changed zone is seen.
    #[must_use]
    pub fn system() -> Self {
        let name = std::env::var("TZ").unwrap_or_else(|_| "localtime".into());
        Self::named(&name).unwrap_or_else(Self::utc)
    }

    /// The zone that a value of `TZ` stands for (POSIX: `CET-1CEST,M3.5.0,M10.5.0/3`, or a name
    /// from the zone database); `None` when there is no such zone.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        TimeZoneSettings::new(TimeZoneSettings::DEFAULT_DIRECTORIES, |path| {
            crate::file::read(path.as_ref(), LARGEST_ZONE_FILE)
                .map_err(|error| io::Error::other(error).into())
        })
        .parse_posix_tz(name)
        .ok()
        .map(Self::of)
    }

    const fn of(zone: TimeZone) -> Self {
        Self {
            zone,
            names_offset: false,
        }
    }

    /// The same zone, whose times of day are told with the offset: for those who read them
    /// elsewhere, or beside times of another zone.
    #[must_use]
    pub fn naming_its_offset(mut self) -> Self {
        self.names_offset = true;
        self
    }

    /// What stands behind a time of day: nothing, `Z` or `+01:00`.
    pub(crate) fn offset_of(&self, time: OffsetDateTime) -> String {
        let offset = time.offset();
        if !self.names_offset {
            return String::new();
        }
        if offset.is_utc() {
            return "Z".to_owned();
        }
        let (hours, minutes, _) = offset.as_hms();
        let sign = if offset.is_negative() { '-' } else { '+' };
        format!("{sign}{:02}:{:02}", hours.abs(), minutes.abs())
    }

    /// Coordinated universal time.
    #[must_use]
    pub fn utc() -> Self {
        Self::of(TimeZone::utc())
    }

    /// The instant, with the offset that holds at that instant.
    #[must_use]
    pub fn at(&self, instant: Timestamp) -> OffsetDateTime {
        let utc = instant.to_utc();
        self.zone
            .find_local_time_type(utc.unix_timestamp())
            .ok()
            .and_then(|kind| UtcOffset::from_whole_seconds(kind.ut_offset()).ok())
            .and_then(|offset| utc.checked_to_offset(offset))
            .unwrap_or(utc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_is_the_one_that_holds_at_the_instant_and_not_today() {
        let berlin = LocalTime::named("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let winter = berlin.at("2026-11-22T11:47:33Z".parse().unwrap());
        let summer = berlin.at("2026-07-22T11:47:33Z".parse().unwrap());
        assert_eq!((winter.hour(), summer.hour()), (12, 13));
    }

    #[test]
    fn the_machines_zone_is_the_one_that_date_shows() {
        let instant: Timestamp = "2026-07-22T11:47:33Z".parse().unwrap();
        let date = std::process::Command::new("date")
            .args(["-d", "@1784720853", "+%z"])
            .output()
            .unwrap();
        let (hours, minutes, _) = LocalTime::system().at(instant).offset().as_hms();
        let sign = if hours < 0 || minutes < 0 { '-' } else { '+' };
        assert_eq!(
            String::from_utf8(date.stdout).unwrap().trim(),
            format!("{sign}{:02}{:02}", hours.abs(), minutes.abs())
        );
    }

    #[test]
    fn a_zone_that_does_not_exist_is_no_zone() {
        assert!(LocalTime::named("Mars/Olympus_Mons").is_none());
        assert!(LocalTime::named("").is_none());
        assert!(LocalTime::named("../../../../etc/passwd").is_none());
    }

    #[test]
    fn an_instant_far_away_stays_an_instant() {
        let far = Timestamp::EPOCH.saturating_add(std::time::Duration::MAX);
        let east = LocalTime::named("<+14>-14").unwrap();
        assert_eq!(east.at(far).to_offset(UtcOffset::UTC), far.to_utc());
    }
}
