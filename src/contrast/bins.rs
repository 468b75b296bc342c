//! In which bins one instance showed a pattern: a compact set, exact for the longest window that can be looked through.

/// Bins in a word.
const WIDTH: i64 = 64;

/// Words that are kept at the front: what is written near a start stays known, however long the instance lives.
const FIRST: usize = 2;

/// Words that are kept at the end: four hours and a little of ten-second bins.
const LAST: usize = 24;

/// A set of bins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bins {
    /// Ascending, by place.
    words: Vec<Word>,
    /// Bins of words that are not kept, and where the last of them was.
    folded: u32,
    folded_to: Option<i32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word {
    place: i32,
    bits: u64,
}

impl Bins {
    /// Whether it is a new one. A bin among the folded ones is taken as seen, so that none counts twice.
    pub fn add(&mut self, bin: i64) -> bool {
        let (place, bit) = split(bin);
        let at = match self.words.last() {
            Some(last) if last.place == place => self.words.len() - 1,
            Some(last) if last.place < place => self.words.len(),
            _ => self.words.partition_point(|word| word.place < place),
        };
        match self.words.get_mut(at) {
            Some(word) if word.place == place => {
                let new = word.bits & bit == 0;
                word.bits |= bit;
                new
            }
            _ if at >= FIRST && self.folded_to.is_some_and(|to| place <= to) => false,
            _ => {
                self.words.insert(at, Word { place, bits: bit });
                self.fold();
                true
            }
        }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        u64::from(self.folded)
            + self
                .words
                .iter()
                .map(|word| u64::from(word.bits.count_ones()))
                .sum::<u64>()
    }

    /// How many of those kept lie in `from..to`.
    pub fn count_in(&self, from: i64, to: i64) -> u64 {
        union_in(&[self], from, to)
    }

    fn fold(&mut self) {
        if self.words.len() <= FIRST + LAST {
            return;
        }
        let word = self.words.remove(FIRST);
        self.folded += word.bits.count_ones();
        self.folded_to = self.folded_to.max(Some(word.place));
    }
}

/// How many bins any of the sets holds. What was folded may be counted more than once.
pub fn union(sets: &[&Bins]) -> u64 {
    let folded: u64 = sets.iter().map(|set| u64::from(set.folded)).sum();
    folded + union_in(sets, i64::MIN, i64::MAX)
}

/// How many bins in `from..to` any of the sets holds, of those that are kept.
pub fn union_in(sets: &[&Bins], from: i64, to: i64) -> u64 {
    let within = |word: &Word| {
        let begin = i64::from(word.place) * WIDTH;
        let (low, high) = (
            from.saturating_sub(begin).clamp(0, WIDTH),
            to.saturating_sub(begin).clamp(0, WIDTH),
        );
        if low < high {
            ones(high) & !ones(low) & word.bits
        } else {
            0
        }
    };
    if let [one] = sets {
        return one.words.iter().map(|word| u64::from(within(word).count_ones())).sum();
    }
    let mut words: Vec<_> = sets
        .iter()
        .flat_map(|set| &set.words)
        .map(|word| (word.place, within(word)))
        .collect();
    words.sort_unstable_by_key(|(place, _)| *place);
    words
        .chunk_by(|(a, _), (b, _)| a == b)
        .map(|same| u64::from(same.iter().fold(0, |bits, (_, more)| bits | more).count_ones()))
        .sum()
}

/// The lowest `n` bits.
const fn ones(n: i64) -> u64 {
    if n >= WIDTH { u64::MAX } else { (1 << n) - 1 }
}

/// The word of a bin and its bit. Times are 64 bits of nanoseconds, so ten-second bins always fit.
fn split(bin: i64) -> (i32, u64) {
    let limit = if bin < 0 { i32::MIN } else { i32::MAX };
    (
        i32::try_from(bin.div_euclid(WIDTH)).unwrap_or(limit),
        1 << bin.rem_euclid(WIDTH),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_endless_set_is_bounded_and_its_start_is_kept() {
        let mut bins = Bins::default();
        for bin in 1000..100_000 {
            assert!(bins.add(bin));
        }
        assert_eq!(bins.count(), 99_000);
        assert!(bins.words.len() <= FIRST + LAST);
        assert_eq!(bins.count_in(1000, 1060), 60);
        assert_eq!(bins.count_in(100_000 - 1440, 100_000), 1440);
        assert!(!bins.add(50_000), "a very late one does not count twice");
        assert!(bins.add(999));
    }

    proptest! {
        #[test]
        fn it_is_a_set(
            adds in prop::collection::vec((0_usize..3, -200_i64..1000), 0..200),
            from in -300_i64..1000, len in 0_i64..700,
        ) {
            let mut sets = [Bins::default(), Bins::default(), Bins::default()];
            let mut model = [const { BTreeSet::new() }; 3];
            for (n, bin) in adds {
                prop_assert_eq!(sets[n].add(bin), model[n].insert(bin));
            }
            let within = |set: &BTreeSet<i64>| set.range(from..from + len).count() as u64;
            prop_assert_eq!(sets[0].count(), model[0].len() as u64);
            prop_assert_eq!(sets[0].count_in(from, from + len), within(&model[0]));
            let all: BTreeSet<i64> = model.iter().flatten().copied().collect();
            let sets: Vec<_> = sets.iter().collect();
            prop_assert_eq!(union(&sets), all.len() as u64);
            prop_assert_eq!(union_in(&sets, from, from + len), within(&all));
        }
    }
}
