//! How many more mails may go out now. Monotonic time decides.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::config::Rate;

/// When the last mails went out.
#[derive(Debug)]
pub(super) struct Allowance {
    rate: Rate,
    /// At most `rate.mails` moments, oldest first.
    sent: VecDeque<Instant>,
}

impl Allowance {
    pub(super) const fn new(rate: Rate) -> Self {
        Self {
            rate,
            sent: VecDeque::new(),
        }
    }

    /// A mail went out.
    pub(super) fn used(&mut self, now: Instant) {
        if self.sent.len() == self.rate.mails {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
    }

    /// How many may go out now.
    pub(super) fn left(&self, now: Instant) -> usize {
        let counted = self
            .sent
            .iter()
            .filter(|sent| now.saturating_duration_since(**sent) < self.rate.within)
            .count();
        self.rate.mails - counted
    }

    /// How long events are to gather: not at all, or, while no mail may go out, for so long that the
    /// rate holds with one mail each time.
    pub(super) fn gathers_for(&self, now: Instant) -> Duration {
        if self.left(now) > 0 {
            return Duration::ZERO;
        }
        let mails = u32::try_from(self.rate.mails).unwrap_or(u32::MAX);
        self.rate.within / mails
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mails_are_counted_within_a_sliding_while() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut allowance = Allowance::new(Rate {
            mails: 2,
            within: Duration::from_secs(10),
        });
        assert_eq!(allowance.left(at(0)), 2);
        allowance.used(at(0));
        allowance.used(at(4));
        assert_eq!(allowance.left(at(9)), 0);
        assert_eq!(allowance.gathers_for(at(9)), Duration::from_secs(5));
        assert_eq!(allowance.left(at(10)), 1);
        assert_eq!(allowance.gathers_for(at(10)), Duration::ZERO);
        for second in 10..1000 {
            allowance.used(at(second));
        }
        assert_eq!(allowance.sent.len(), 2);
        assert_eq!(allowance.left(at(1000)), 0);
        assert_eq!(allowance.left(at(2000)), 2);
    }
}
