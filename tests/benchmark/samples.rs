//! What was measured, and what is said of it: the median and the 99th percentile, by nearest rank.

/// Measured values in one unit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(Vec<u64>);

impl From<Vec<u64>> for Samples {
    fn from(values: Vec<u64>) -> Self {
        Self(values)
    }
}

impl Samples {
    pub(crate) fn push(&mut self, value: u64) {
        self.0.push(value);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn median(&self) -> u64 {
        self.percentile(50)
    }

    /// The largest value when there are fewer than a hundred.
    pub(crate) fn p99(&self) -> u64 {
        self.percentile(99)
    }

    /// What ninety-nine of a hundred exceed: the bad end where more is better.
    pub(crate) fn p1(&self) -> u64 {
        self.percentile(1)
    }

    fn percentile(&self, percent: usize) -> u64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100);
        sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
    }
}
