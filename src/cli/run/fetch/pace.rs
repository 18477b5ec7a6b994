//! When the manager is asked next. Never twice at the same distance: thousands of routers that were
//! started together must not come together for ever.

use std::time::Duration;

/// How soon after a failure it is tried again at first, unless it is asked more often anyway.
const FIRST_RETRY: Duration = Duration::from_secs(10);

/// How often, and how it went so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    every: Duration,
    /// The attempts that failed since the last that did not.
    failures: u32,
}

impl Pace {
    pub(super) const fn new(every: Duration) -> Self {
        Self { every, failures: 0 }
    }

    /// From the start to the first attempt. Chances are from 0 to 1.
    pub(super) fn first(self, chance: f64) -> Duration {
        self.every.mul_f64(chance / 10.0)
    }

    /// To the next attempt, after one that worked: the usual time, a tenth more or less.
    pub(super) fn worked(&mut self, chance: f64) -> Duration {
        self.failures = 0;
        self.every.mul_f64(0.9 + chance / 5.0)
    }

    /// To the next attempt, after one that failed: soon, then ever later, until it is as rare as
    /// usual; and never sooner than the manager wishes.
    pub(super) fn failed(&mut self, wish: Option<Duration>, chance: f64) -> Duration {
        let grown = FIRST_RETRY.saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        let pause = grown.min(self.every).mul_f64(0.5 + chance / 2.0);
        pause.max(wish.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_mins(5);

    #[test]
    fn failures_are_retried_soon_and_then_ever_later_until_it_is_as_rare_as_usual() {
        let mut pace = Pace::new(EVERY);
        let pauses: Vec<u64> = (0..7).map(|_| pace.failed(None, 1.0).as_secs()).collect();
        assert_eq!(pauses, [10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(pace.worked(0.5), EVERY);
        assert_eq!(pace.failed(None, 0.0), Duration::from_secs(5));
        pace.failures = u32::MAX;
        assert_eq!(pace.failed(None, 1.0), EVERY);
    }

    #[test]
    fn the_managers_wish_is_heeded_and_no_two_routers_stay_in_step() {
        let mut pace = Pace::new(EVERY);
        let wish = Duration::from_mins(20);
        assert_eq!(pace.failed(Some(wish), 1.0), wish);
        assert_eq!(pace.worked(0.0), EVERY.mul_f64(0.9));
        assert_eq!(pace.worked(1.0), EVERY.mul_f64(1.1));
        assert_eq!(pace.first(0.0), Duration::ZERO);
        assert_eq!(pace.first(1.0), EVERY / 10);
    }
}
