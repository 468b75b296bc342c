//! Tells equal lines apart: the second of two that have the same stamp and the same bytes is another line than the
//! first. A resume is served all lines of a stamp or none, so counting them from the first one gives the same numbers
//! again.

use hashbrown::HashMap;

use crate::model::Time;

/// More different lines of one stamp are not remembered: a stamp that so many share says nothing.
const MOST: usize = 8192;

/// The lines of the stamp that is being read.
#[derive(Debug, Default)]
pub(super) struct Twins {
    time: Option<Time>,
    /// The first line of this stamp, mostly the only one.
    first: (u64, u64),
    others: HashMap<u64, u64>,
}

impl Twins {
    /// A response begins.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// How many lines of this stamp and these bytes have come before, without another stamp in between.
    pub(super) fn count(&mut self, time: Time, hash: u64) -> u64 {
        if self.time != Some(time) {
            self.time = Some(time);
            self.first = (hash, 0);
            if !self.others.is_empty() {
                self.others = HashMap::new();
            }
            return 0;
        }
        if self.first.0 == hash {
            self.first.1 += 1;
            return self.first.1;
        }
        if self.others.len() >= MOST && !self.others.contains_key(&hash) {
            return 0;
        }
        let next = self.others.entry(hash).or_insert(0);
        *next += 1;
        *next - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[(i64, u64)], expected: &[u64]) {
        let mut twins = Twins::default();
        let found: Vec<u64> = lines
            .iter()
            .map(|(time, hash)| twins.count(Time(*time), *hash))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn equal_lines_of_a_stamp_are_numbered() {
        check(&[(1, 7), (1, 7), (1, 8), (1, 7), (1, 8)], &[0, 1, 0, 2, 1]);
        check(&[(1, 7), (2, 7), (2, 7), (1, 7)], &[0, 0, 1, 0]);
    }

    #[test]
    fn a_stamp_that_all_share_takes_bounded_memory() {
        let mut twins = Twins::default();
        for n in 0..50_000 {
            assert_eq!(twins.count(Time(1), n), 0);
        }
        assert!(twins.others.len() <= MOST);
    }
}
