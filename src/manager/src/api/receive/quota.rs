//! How much one router may store: a bucket for each, that fills again with time. What is too much is
//! answered 429 and comes again later, so that nothing is lost; one router that was taken over, or
//! has gone mad, fills no disk. Pure: the time is given. Bounded: only routers that have proven who
//! they are have a bucket, and full ones are forgotten.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

/// So many bytes count as one alert: who sends large ones may send fewer.
const BYTES: usize = 4096;
/// The most routers that are remembered.
const MOST: usize = 100_000;

/// The table `[receive]`: how much each router may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written", expecting = "the table [receive]")]
pub struct Limits {
    /// Alerts a minute, on and on.
    pub alerts_per_minute: u32,
    /// Alerts at once: what a router has kept while nobody answered it.
    pub burst: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the table [receive]")]
struct Written {
    alerts_per_minute: u32,
    burst: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            alerts_per_minute: 600,
            burst: 10_000,
        }
    }
}

impl Default for Written {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            alerts_per_minute: limits.alerts_per_minute,
            burst: limits.burst,
        }
    }
}

impl TryFrom<Written> for Limits {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        if !(1..=1_000_000).contains(&written.alerts_per_minute) {
            Err("`alerts_per_minute` must be between 1 and 1000000")
        } else if !(2000..=10_000_000).contains(&written.burst) {
            Err("`burst` must be between 2000 and 10000000: a batch has up to 1000 alerts")
        } else {
            Ok(Self {
                alerts_per_minute: written.alerts_per_minute,
                burst: written.burst,
            })
        }
    }
}

/// What each router may still send.
#[derive(Debug, Default)]
pub(super) struct Quota {
    limits: Limits,
    buckets: Mutex<HashMap<String, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Alerts.
    left: f64,
    at: Instant,
}

impl Quota {
    /// All buckets are full.
    #[must_use]
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            buckets: Mutex::default(),
        }
    }

    /// What a batch of so many alerts and bytes counts.
    pub(super) fn cost(&self, alerts: usize, bytes: usize) -> u32 {
        let cost = alerts.max(bytes.div_ceil(BYTES));
        u32::try_from(cost)
            .unwrap_or(u32::MAX)
            .min(self.limits.burst)
    }

    /// Whether the router may send anything at all just now.
    ///
    /// # Errors
    /// When it may come again.
    pub(super) fn check(&self, router: &str, now: Instant) -> Result<(), Duration> {
        match self.buckets().get(router) {
            Some(bucket) => self.enough(1, self.left(bucket, now)),
            None => Ok(()),
        }
    }

    /// Takes what a batch costs.
    ///
    /// # Errors
    /// When it may come again.
    pub(super) fn take(&self, router: &str, cost: u32, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.buckets();
        if buckets.len() >= MOST && !buckets.contains_key(router) {
            buckets.retain(|_, bucket| self.left(bucket, now) < self.full());
            if buckets.len() >= MOST {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(router.to_owned()).or_insert(Bucket {
            left: self.full(),
            at: now,
        });
        let left = self.left(bucket, now);
        self.enough(cost, left)?;
        *bucket = Bucket {
            left: left - f64::from(cost),
            at: now,
        };
        Ok(())
    }

    /// It was not stored after all.
    pub(super) fn give_back(&self, router: &str, cost: u32) {
        if let Some(bucket) = self.buckets().get_mut(router) {
            bucket.left = (bucket.left + f64::from(cost)).min(self.full());
        }
    }

    fn enough(&self, cost: u32, left: f64) -> Result<(), Duration> {
        let lacking = f64::from(cost) - left;
        if lacking > 0.0 {
            return Err(Duration::from_secs_f64(lacking / self.each_second()));
        }
        Ok(())
    }

    fn left(&self, bucket: &Bucket, now: Instant) -> f64 {
        let gone = now.saturating_duration_since(bucket.at).as_secs_f64();
        (bucket.left + gone * self.each_second()).min(self.full())
    }

    fn full(&self) -> f64 {
        f64::from(self.limits.burst)
    }

    fn each_second(&self) -> f64 {
        f64::from(self.limits.alerts_per_minute) / 60.0
    }

    fn buckets(&self) -> MutexGuard<'_, HashMap<String, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_router_that_was_cut_off_for_long_comes_in_whole_and_one_that_never_ends_waits() {
        let quota = Quota::default();
        let mut now = Instant::now();
        for _ in 0..10 {
            quota.take("r-1-VM", quota.cost(1000, 1000), now).unwrap();
        }
        let wait = quota
            .take("r-1-VM", quota.cost(100, 1000), now)
            .unwrap_err();
        assert_eq!(wait, Duration::from_secs(10));
        // Another one's matter not.
        quota.take("r-2-VM", 1000, now).unwrap();
        now += wait;
        quota.take("r-1-VM", 100, now).unwrap();
        assert!(quota.take("r-1-VM", 1, now).is_err());
        quota.give_back("r-1-VM", 100);
        quota.take("r-1-VM", 100, now).unwrap();
        // A day later all is well.
        now += Duration::from_hours(24);
        quota.take("r-1-VM", 10_000, now).unwrap();
    }

    #[test]
    fn large_alerts_count_as_several_and_no_batch_is_too_large_for_ever() {
        let quota = Quota::default();
        assert_eq!(quota.cost(1, 100), 1);
        assert_eq!(quota.cost(1, 40_000), 10);
        assert_eq!(quota.cost(1, usize::MAX), 10_000);
    }

    #[test]
    fn limits_that_no_batch_fits_in_are_refused_in_words() {
        let limits: Limits = toml::from_str("burst = 5000").unwrap();
        assert_eq!((limits.alerts_per_minute, limits.burst), (600, 5000));
        for (text, word) in [
            ("burst = 100", "burst"),
            ("alerts_per_minute = 0", "alerts_per_minute"),
            ("per_hour = 7", "per_hour"),
        ] {
            let refused = toml::from_str::<Limits>(text).unwrap_err().to_string();
            assert!(refused.contains(word), "{refused}");
        }
    }
}
