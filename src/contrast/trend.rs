//! How many records of one pattern one cluster wrote when: fine for the last half hour, by the minute for four hours.

/// Bins that are kept one by one.
const FINE: i64 = 192;

/// Bins in a minute.
const COARSE: i64 = 6;

/// Minutes that are kept.
const MINUTES: i64 = 252;

/// Records per bin, only bins with any.
#[derive(Clone, Debug, Default)]
pub struct Trend {
    /// Ascending, by bin.
    fine: Vec<(i32, u32)>,
    /// Ascending, by minute; earlier than all of `fine`.
    coarse: Vec<(i32, u32)>,
}

impl Trend {
    pub fn add(&mut self, bin: i64, records: u32) {
        if self
            .coarse
            .last()
            .is_some_and(|(minute, _)| bin < (i64::from(*minute) + 1) * COARSE)
        {
            put(&mut self.coarse, bin.div_euclid(COARSE), records);
            return;
        }
        put(&mut self.fine, bin, records);
        if self.fine.len() > usize::try_from(FINE * 3 / 2).unwrap_or(usize::MAX) {
            self.coarsen();
        }
    }

    /// Records in bin `from` and later; by the minute where it is coarse.
    pub fn since(&self, from: i64) -> u64 {
        let minute = from.div_euclid(COARSE);
        let after = |list: &[(i32, u32)], from: i64| -> u64 {
            let recent = list.iter().rev().take_while(|(at, _)| i64::from(*at) >= from);
            recent.map(|(_, records)| u64::from(*records)).sum()
        };
        after(&self.fine, from) + after(&self.coarse, minute)
    }

    /// Adds it to slices of `width` bins, the last slice being the one that holds bin `end`.
    pub fn cut(&self, slices: &mut [u32], width: i64, end: i64) {
        let last = end.div_euclid(width);
        let coarse = self
            .coarse
            .iter()
            .map(|(minute, records)| (i64::from(*minute) * COARSE, *records));
        let fine = self.fine.iter().map(|(bin, records)| (i64::from(*bin), *records));
        let count = slices.len();
        for (bin, records) in coarse.chain(fine).rev() {
            let Ok(back) = usize::try_from(last - bin.div_euclid(width)) else {
                continue;
            };
            let Some(slice) = count.checked_sub(back + 1).and_then(|at| slices.get_mut(at)) else {
                break;
            };
            *slice = slice.saturating_add(records);
        }
    }

    /// Moves all but the last of the fine bins, by whole minutes.
    fn coarsen(&mut self) {
        let Some(newest) = self.fine.last().map(|(bin, _)| i64::from(*bin)) else {
            return;
        };
        // Bins far apart need no room, so they may stay fine for longer; half of them go at least.
        let half = self
            .fine
            .get(self.fine.len() / 2)
            .map_or(newest, |(bin, _)| i64::from(*bin));
        let keep = (newest - FINE).max(half).div_euclid(COARSE) * COARSE;
        let old = self.fine.partition_point(|(bin, _)| i64::from(*bin) < keep);
        for (bin, records) in self.fine.drain(..old) {
            put(&mut self.coarse, i64::from(bin).div_euclid(COARSE), records);
        }
        let first = newest.div_euclid(COARSE) - MINUTES;
        let gone = self.coarse.partition_point(|(minute, _)| i64::from(*minute) < first);
        self.coarse.drain(..gone);
    }
}

fn put(list: &mut Vec<(i32, u32)>, place: i64, records: u32) {
    let limit = if place < 0 { i32::MIN } else { i32::MAX };
    let place = i32::try_from(place).unwrap_or(limit);
    let found = match list.last() {
        Some((newest, _)) if *newest >= place => list.binary_search_by_key(&place, |(known, _)| *known),
        _ => Err(list.len()),
    };
    match found {
        Ok(n) => list[n].1 = list[n].1.saturating_add(records),
        Err(n) => list.insert(n, (place, records)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_is_cut_in_equal_slices() {
        let mut trend = Trend::default();
        for secs in [5, 15, 25, 26, 35, 39, 1] {
            trend.add(secs / 10, 1);
        }
        let check = |slices: usize, width, end, expected: &[u32]| {
            let mut cut = vec![0; slices];
            trend.cut(&mut cut, width, end);
            assert_eq!(cut, expected);
        };
        check(4, 1, 4, &[1, 2, 2, 0]);
        check(3, 2, 3, &[0, 3, 4]);
    }

    #[test]
    fn an_endless_one_is_bounded_and_exact_for_four_hours() {
        let mut trend = Trend::default();
        for bin in 0..50_000 {
            trend.add(bin, 2);
        }
        trend.add(10, 1);
        assert!(trend.fine.len() + trend.coarse.len() < 600);
        assert_eq!(trend.since(50_000 - 90), 180);
        assert_eq!(trend.since(48_564), 2872);
    }

    proptest! {
        /// Late bins may come in any order; nothing of the last half hour is lost or doubled.
        #[test]
        fn nothing_recent_is_lost(bins in prop::collection::vec(0_i64..2000, 1..600), back in 0_i64..180) {
            let mut trend = Trend::default();
            for bin in &bins {
                trend.add(*bin, 1);
            }
            let newest = bins.iter().max().copied().unwrap_or(0);
            let from = (newest - back).div_euclid(COARSE) * COARSE;
            let expected = bins.iter().filter(|bin| **bin >= from).count() as u64;
            prop_assert_eq!(trend.since(from), expected);
        }
    }
}
