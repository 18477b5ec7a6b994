//! Which refusals get a line of their own in the audit trail: so many a minute, of the rest the sum,
//! so that nobody fills the trail by being refused. Pure: the time is given.

use std::time::Duration;

use tokio::time::Instant;

/// So many lines in each window.
const MOST: u32 = 20;
/// How long a window is, and how long a sum waits to be written.
pub(in crate::api) const WINDOW: Duration = Duration::from_mins(1);

/// The refusals of a window.
#[derive(Debug, Default)]
pub struct Tally {
    since: Option<Instant>,
    lines: u32,
    unsaid: u64,
}

/// What becomes of one refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It has a line of its own.
    Alone,
    /// It is the first of a sum: somebody has to ask for that after the window.
    FirstOfSum,
    /// It is in the sum.
    InSum,
}

impl Tally {
    /// Somebody was refused.
    pub fn refused(&mut self, now: Instant) -> Said {
        let over = |since: Instant| now.saturating_duration_since(since) >= WINDOW;
        if self.since.is_none_or(over) {
            self.since = Some(now);
            self.lines = 0;
        }
        if self.lines < MOST {
            self.lines += 1;
            return Said::Alone;
        }
        self.unsaid = self.unsaid.saturating_add(1);
        if self.unsaid == 1 {
            Said::FirstOfSum
        } else {
            Said::InSum
        }
    }

    /// How many had no line of their own; they have one now.
    pub fn sum(&mut self) -> u64 {
        std::mem::take(&mut self.unsaid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_has_twenty_lines_a_minute_and_a_sum() {
        let mut tally = Tally::default();
        let now = Instant::now();
        let said: Vec<Said> = (0..100).map(|_| tally.refused(now)).collect();
        assert!(said[..20].iter().all(|said| *said == Said::Alone));
        assert_eq!(said[20], Said::FirstOfSum);
        assert!(said[21..].iter().all(|said| *said == Said::InSum));
        assert_eq!((tally.sum(), tally.sum()), (80, 0));
        assert_eq!(tally.refused(now), Said::FirstOfSum);
        assert_eq!(tally.refused(now + WINDOW), Said::Alone);
    }
}
