//! How long to wait before the next try: exponential with full jitter, so that a thousand routers
//! that lost the same receiver do not come back in step.

use std::time::Duration;

/// The bound of the first wait.
const BASE: Duration = Duration::from_secs(1);
/// The bound of every wait.
const CAP: Duration = Duration::from_mins(5);
/// The longest wish of a far side that is honoured.
const LONGEST_WISH: Duration = Duration::from_hours(1);

/// The state of one row of failures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// It worked: the next failure is the first again.
    pub(crate) const fn reset(&mut self) {
        self.failures = 0;
    }

    /// How long to wait now, at least as long as the far side wishes.
    pub(crate) fn next(&mut self, wish: Option<Duration>) -> Duration {
        let bound = BASE
            .saturating_mul(2_u32.saturating_pow(self.failures.min(16)))
            .min(CAP);
        self.failures = self.failures.saturating_add(1);
        let jitter = bound.mul_f64(fastrand::f64());
        wish.map_or(jitter, |wish| jitter.max(wish.min(LONGEST_WISH)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_spread_over_the_whole_bound_that_doubles_from_a_second_to_five_minutes() {
        for failures in 0..20 {
            let bound = f64::from((1_u32 << failures).min(300));
            let waits: Vec<f64> = (0..2000)
                .map(|_| Backoff { failures }.next(None).as_secs_f64() / bound)
                .collect();
            assert!(waits.iter().all(|wait| (0.0..=1.0).contains(wait)));
            for tenth in 0..10 {
                let low = f64::from(tenth) / 10.0;
                let within = waits
                    .iter()
                    .filter(|w| (low..low + 0.1).contains(*w))
                    .count();
                assert!(within > 100, "failures {failures}, from {low}: {within}");
            }
        }
    }

    #[test]
    fn a_wish_is_honoured_up_to_an_hour_and_a_success_starts_over() {
        let mut backoff = Backoff::default();
        let wish = Some(Duration::from_secs(1000));
        assert_eq!(backoff.next(wish), Duration::from_secs(1000));
        assert_eq!(backoff.next(Some(Duration::MAX)), LONGEST_WISH);
        for _ in 0..100 {
            assert!(backoff.next(None) <= CAP);
        }
        backoff.reset();
        assert!(backoff.next(None) <= BASE);
    }
}
