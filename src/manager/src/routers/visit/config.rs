//! What `[poll]` may say.

use std::time::Duration;

use contract::human;
use serde::Deserialize;

/// The `[poll]` table: how routers are visited. Absent keys have their defaults.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Written", expecting = "the table [poll]")]
pub struct Poll {
    pub(super) interval: Duration,
    pub(super) concurrency: usize,
    pub(super) timeout: Duration,
    pub(super) misses: u32,
    pub(super) jitter: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the table [poll]")]
struct Written {
    /// Between two visits to a router: CloudStack's `router.stats.interval`.
    interval: human::Duration,
    /// How many routers are visited at a time.
    concurrency: usize,
    /// How long a visit may take.
    timeout: human::Duration,
    /// How many visits in a row fail until a router is unreachable.
    misses: u32,
    /// By what part of it each interval may be longer or shorter.
    jitter: f64,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            interval: human::Duration(Duration::from_mins(5)),
            concurrency: 32,
            timeout: human::Duration(Duration::from_mins(1)),
            misses: 3,
            jitter: 0.1,
        }
    }
}

impl Default for Poll {
    fn default() -> Self {
        Self::from(&Written::default())
    }
}

impl From<&Written> for Poll {
    fn from(written: &Written) -> Self {
        Self {
            interval: written.interval.0,
            concurrency: written.concurrency,
            timeout: written.timeout.0,
            misses: written.misses,
            jitter: written.jitter,
        }
    }
}

impl TryFrom<Written> for Poll {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let interval = Duration::from_secs(1)..=Duration::from_hours(24);
        let timeout = Duration::from_secs(1)..=Duration::from_hours(1);
        if !interval.contains(&written.interval.0) {
            Err("`interval` must be between 1s and 24h")
        } else if !timeout.contains(&written.timeout.0) {
            Err("`timeout` must be between 1s and 1h")
        } else if !(1..=512).contains(&written.concurrency) {
            Err("`concurrency` must be between 1 and 512")
        } else if !(2..=1000).contains(&written.misses) {
            Err("`misses` must be between 2 and 1000: one failed visit says little")
        } else if !(0.0..=0.5).contains(&written.jitter) {
            Err("`jitter` must be between 0 and 0.5")
        } else {
            Ok(Self::from(&written))
        }
    }
}

impl Poll {
    /// How long a visit belongs to its visitor: longer than it may take, with room for storing it.
    pub(super) fn lease(&self) -> Duration {
        self.timeout + Duration::from_mins(1)
    }

    /// Later than this no visit is planned.
    pub(super) fn furthest(&self) -> Duration {
        self.interval.mul_f64(1.0 + self.jitter)
    }

    /// When to come again; `dice` is anything from 0 to 1.
    pub(super) fn next_visit(&self, dice: f64) -> Duration {
        let factor = 1.0 + self.jitter * (2.0 * dice.clamp(0.0, 1.0) - 1.0);
        self.interval.mul_f64(factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Poll, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn absent_keys_have_their_defaults() {
        let poll = read("").unwrap();
        assert_eq!(poll, Poll::default());
        assert_eq!(poll.interval, Duration::from_mins(5));
        let poll = read("interval = \"30s\"\nmisses = 5\n").unwrap();
        assert_eq!((poll.interval, poll.misses), (Duration::from_secs(30), 5));
    }

    #[test]
    fn what_cannot_be_is_refused_in_words() {
        for (text, word) in [
            ("interval = \"0s\"", "interval"),
            ("interval = 300", "unit"),
            ("timeout = \"2h\"", "timeout"),
            ("concurrency = 0", "concurrency"),
            ("misses = 1", "misses"),
            ("jitter = 0.9", "jitter"),
            ("jitter = nan", "jitter"),
            ("every = \"5m\"", "every"),
        ] {
            let refused = read(text).unwrap_err();
            assert!(refused.contains(word), "{text}: {refused}");
        }
    }

    #[test]
    fn visits_are_spread_by_a_tenth_either_way() {
        let poll = Poll::default();
        assert_eq!(poll.next_visit(0.0), Duration::from_secs(270));
        assert_eq!(poll.next_visit(0.5), Duration::from_mins(5));
        assert_eq!(poll.next_visit(1.0), Duration::from_secs(330));
    }
}
