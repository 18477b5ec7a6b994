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

    /// How long until one may go out.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        match self.sent.front() {
            Some(oldest) if self.left(now) == 0 => {
                (*oldest + self.rate.within).saturating_duration_since(now)
            }
            _ => Duration::ZERO,
        }
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
        assert_eq!(allowance.wait(at(9)), Duration::from_secs(1));
        assert_eq!(allowance.left(at(10)), 1);
        assert_eq!(allowance.wait(at(10)), Duration::ZERO);
        for second in 10..1000 {
            allowance.used(at(second));
        }
        assert_eq!(allowance.sent.len(), 2);
        assert_eq!(allowance.left(at(1000)), 0);
        assert_eq!(allowance.left(at(2000)), 2);
    }
}
