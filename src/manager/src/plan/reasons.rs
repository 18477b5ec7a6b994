//! Why a service is watched or not: each reason once, and of many networks only the first few.

use std::fmt::Write as _;

/// How many of the networks that ask for a service are named as its reason.
const MOST_REASONS: usize = 3;

/// Reasons, each once; only the first few are kept.
#[derive(Default)]
pub(super) struct Reasons {
    first: Vec<String>,
    more: usize,
}

impl Reasons {
    pub(super) fn add(&mut self, reason: String) {
        if self.first.contains(&reason) {
            return;
        }
        if self.first.len() < MOST_REASONS {
            self.first.push(reason);
        } else {
            self.more += 1;
        }
    }

    pub(super) fn words(&self) -> String {
        let mut words = self.first.join("; ");
        if self.more > 0 {
            let _ = write!(words, "; and {} more", self.more);
        }
        words
    }
}
