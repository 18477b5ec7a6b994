//! Which position in the database each number of the journal stands for. Pure.
//!
//! The journal numbers what it is fed and what it says itself; the database knows positions only.
//! Runs of both that rise together are kept as one, so that a sink far behind costs little.

use std::collections::VecDeque;

/// Numbers and positions that rise together.
#[derive(Clone, Copy, Debug)]
struct Run {
    seq: u64,
    position: i64,
    length: u32,
}

impl Run {
    fn end(&self) -> u64 {
        self.seq + u64::from(self.length)
    }
}

/// What was fed, and where.
#[derive(Debug)]
pub(super) struct Places {
    runs: VecDeque<Run>,
    /// Up to here everything was fed, or needs no feeding.
    fed: i64,
}

impl Places {
    pub(super) const fn new(from: i64) -> Self {
        Self {
            runs: VecDeque::new(),
            fed: from,
        }
    }

    pub(super) const fn fed(&self) -> i64 {
        self.fed
    }

    /// The row at `position` got the number `seq`.
    pub(super) fn take(&mut self, seq: u64, position: i64) {
        match self.runs.back_mut() {
            Some(run)
                if run.end() == seq
                    && run.position + i64::from(run.length) == position
                    && run.length < u32::MAX =>
            {
                run.length += 1;
            }
            _ => self.runs.push_back(Run {
                seq,
                position,
                length: 1,
            }),
        }
        self.pass(position);
    }

    /// The row at `position` needs no number.
    pub(super) fn pass(&mut self, position: i64) {
        self.fed = self.fed.max(position);
    }

    /// Up to which position whoever has everything up to `seq` has everything.
    pub(super) fn of(&self, seq: u64) -> i64 {
        let behind = self.runs.partition_point(|run| run.seq <= seq);
        let Some(run) = behind.checked_sub(1).and_then(|index| self.runs.get(index)) else {
            // Before the first row, and nobody asks for what is forgotten.
            return self.runs.front().map_or(self.fed, |next| next.position - 1);
        };
        match (seq + 1).checked_sub(run.end()) {
            // The whole run: what follows it up to the next needed no number.
            Some(_) => self
                .runs
                .get(behind)
                .map_or(self.fed, |next| next.position - 1),
            None => run.position + i64::try_from(seq - run.seq).unwrap_or(0),
        }
    }

    /// Nobody asks for less than `seq` any more.
    pub(super) fn forget(&mut self, seq: u64) {
        while self.runs.get(1).is_some_and(|second| second.seq <= seq) {
            self.runs.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is fed, passed over and said by the journal itself: whoever has everything up to
        /// a number stands before the first row that came later, and behind all that came before.
        #[test]
        fn a_number_stands_for_exactly_what_was_fed_up_to_it(
            story in proptest::collection::vec(0..4_u8, 1..200),
            forgotten in 0..100_u64,
        ) {
            let mut places = Places::new(1000);
            let (mut seq, mut position) = (0, 1000);
            let mut rows = Vec::new();
            for step in story {
                match step {
                    0 => seq += 1,
                    1 => { position += 1; places.pass(position); }
                    _ => {
                        seq += 1;
                        position += 1;
                        places.take(seq, position);
                        rows.push((seq, position));
                    }
                }
            }
            let forgotten = forgotten.min(seq);
            places.forget(forgotten);
            prop_assert_eq!(places.fed(), position);
            for at in forgotten..=seq {
                let next = rows.iter().find(|(seq, _)| *seq > at);
                prop_assert_eq!(places.of(at), next.map_or(position, |(_, next)| next - 1));
            }
        }
    }

    #[test]
    fn a_long_row_without_gaps_costs_one_entry() {
        let mut places = Places::new(0);
        for n in 1..=100_000 {
            places.take(n, i64::try_from(n).unwrap());
        }
        assert_eq!(places.runs.len(), 1);
        assert_eq!(places.of(77_000), 77_000);
    }
}
