//! How often each pattern was seen, by whom and when. Counts only: what they mean is `verdict`'s business.

use hashbrown::HashMap;

use crate::model::{ContextId, PatternId, SourceId, Span, Time};

use super::exposure::{LaneId, bin_of};

/// Bins of the trend that are kept; half an hour and a little.
const TREND_BINS: i64 = 192;

/// Instances remembered per pattern and lane, to see whether they died of it.
const WITNESSES: usize = 8;

/// Pairs of pattern and instance remembered before those long past are let go.
const PAIRS: usize = 200_000;

/// One occurrence of a pattern.
#[derive(Clone, Copy, Debug)]
pub struct Occurrence {
    pub pattern: PatternId,
    pub source: SourceId,
    pub lane: LaneId,
    pub at: Time,
    /// `Ledger::age_class` of it.
    pub age: usize,
}

/// All counts.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    patterns: Vec<PatternCount>,
    seen: HashMap<(PatternId, SourceId), Bins>,
    sweep_at: usize,
}

/// One pattern's counts.
#[derive(Clone, Debug, Default)]
pub struct PatternCount {
    pub lanes: Vec<LaneCount>,
    /// First and last occurrence, in event time.
    pub span: Option<(Time, Time)>,
    trends: Vec<(ContextId, Trend)>,
}

/// One pattern in one lane.
#[derive(Clone, Debug)]
pub struct LaneCount {
    pub lane: LaneId,
    pub context: ContextId,
    pub records: u64,
    /// Distinct (instance, bin) pairs.
    pub episodes: u64,
    /// The highest age class it was seen at.
    pub age: usize,
    /// The latest instances that showed it, each with its last time.
    pub witnesses: Vec<(SourceId, Time)>,
}

/// Which of the last 64 bins of one instance showed a pattern.
#[derive(Clone, Copy, Debug)]
struct Bins {
    newest: i64,
    mask: u64,
}

/// Records per bin, ascending, only bins with any.
#[derive(Clone, Debug, Default)]
struct Trend(Vec<(i64, u32)>);

impl Counts {
    /// Counts it, and says whether the pattern is new in its context.
    pub fn add(&mut self, occurrence: Occurrence) -> bool {
        let Occurrence {
            pattern, source, at, ..
        } = occurrence;
        let bin = bin_of(at);
        let mut new_instance = false;
        let bins = self.seen.entry((pattern, source)).or_insert_with(|| {
            new_instance = true;
            Bins { newest: bin, mask: 0 }
        });
        let new_bin = bins.add(bin);
        if self.seen.len() > self.sweep_at.max(PAIRS) {
            self.sweep(bin);
        }
        let index = usize::try_from(pattern.0).unwrap_or(usize::MAX);
        if self.patterns.len() <= index {
            self.patterns.resize_with(index + 1, PatternCount::default);
        }
        self.patterns[index].add(&occurrence, bin, new_instance, new_bin)
    }

    pub fn pattern(&self, pattern: PatternId) -> Option<&PatternCount> {
        self.patterns.get(usize::try_from(pattern.0).ok()?)
    }

    /// Counts one pattern as part of another from now on. What one instance wrote of both within one bin stays two
    /// episodes.
    pub fn merge(&mut self, from: PatternId, into: PatternId) {
        let index = |pattern: PatternId| usize::try_from(pattern.0).unwrap_or(usize::MAX);
        let Some(part) = self.patterns.get_mut(index(from)).map(std::mem::take) else {
            return;
        };
        if self.patterns.len() <= index(into) {
            self.patterns.resize_with(index(into) + 1, PatternCount::default);
        }
        self.patterns[index(into)].take(part);
    }

    /// Forgets pairs that nothing can be written to any more but by a very late line, which would count twice at worst.
    fn sweep(&mut self, bin: i64) {
        self.seen.retain(|_, bins| bins.newest > bin - 64);
        self.sweep_at = self.seen.len() * 2;
    }
}

impl PatternCount {
    pub fn records(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.records).sum()
    }

    /// Records per slice of `width` bins, the last slice being the one that holds bin `end`.
    pub fn trend(&self, context: ContextId, slices: usize, width: i64, end: i64) -> Vec<u32> {
        let mut trend = vec![0_u32; slices];
        let Some((_, bins)) = self.trends.iter().find(|(of, _)| *of == context) else {
            return trend;
        };
        let last = end.div_euclid(width);
        for (bin, records) in bins.0.iter().rev() {
            let Ok(back) = usize::try_from(last - bin.div_euclid(width)) else {
                continue;
            };
            let Some(slice) = slices.checked_sub(back + 1) else {
                break;
            };
            trend[slice] = trend[slice].saturating_add(*records);
        }
        trend
    }

    fn take(&mut self, part: Self) {
        self.span = match (self.span, part.span) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, other) => one.or(other),
        };
        for lane in part.lanes {
            match self.lanes.iter_mut().find(|known| known.lane == lane.lane) {
                Some(known) => known.take(lane),
                None => self.lanes.push(lane),
            }
        }
        for (context, trend) in part.trends {
            match self.trends.iter_mut().find(|(known, _)| *known == context) {
                Some((_, known)) => trend.0.into_iter().for_each(|(bin, records)| known.add(bin, records)),
                None => self.trends.push((context, trend)),
            }
        }
    }

    fn add(&mut self, occurrence: &Occurrence, bin: i64, new_instance: bool, new_bin: bool) -> bool {
        let Occurrence { source, at, .. } = *occurrence;
        self.span = Some(
            self.span
                .map_or((at, at), |(first, last)| (first.min(at), last.max(at))),
        );
        let new_context = self.add_to_trend(source.context, bin);
        let lane = self.lane(occurrence);
        lane.records += 1;
        lane.episodes += u64::from(new_bin);
        lane.age = lane.age.max(occurrence.age);
        if new_instance && !lane.witnesses.iter().any(|(witness, _)| *witness == source) {
            if lane.witnesses.len() >= WITNESSES {
                lane.witnesses.remove(0);
            }
            lane.witnesses.push((source, at));
        } else if new_bin || lane.records.is_multiple_of(16) {
            lane.renew_witness(source, at);
        }
        new_context
    }

    fn add_to_trend(&mut self, context: ContextId, bin: i64) -> bool {
        if let Some((_, trend)) = self.trends.iter_mut().find(|(of, _)| *of == context) {
            trend.add(bin, 1);
            return false;
        }
        self.trends.push((context, Trend(vec![(bin, 1)])));
        true
    }

    fn lane(&mut self, occurrence: &Occurrence) -> &mut LaneCount {
        let lane = occurrence.lane;
        let at = self
            .lanes
            .iter()
            .position(|count| count.lane == lane)
            .unwrap_or_else(|| {
                self.lanes.push(LaneCount {
                    lane,
                    context: occurrence.source.context,
                    records: 0,
                    episodes: 0,
                    age: 0,
                    witnesses: Vec::new(),
                });
                self.lanes.len() - 1
            });
        &mut self.lanes[at]
    }
}

impl LaneCount {
    fn take(&mut self, part: Self) {
        self.records += part.records;
        self.episodes += part.episodes;
        self.age = self.age.max(part.age);
        self.witnesses.extend(part.witnesses);
        let surplus = self.witnesses.len().saturating_sub(WITNESSES);
        self.witnesses.drain(..surplus);
    }

    fn renew_witness(&mut self, source: SourceId, at: Time) {
        if let Some((_, last)) = self.witnesses.iter_mut().find(|(witness, _)| *witness == source) {
            *last = at.max(*last);
        }
    }
}

impl Bins {
    /// Whether the bin is a new one.
    fn add(&mut self, bin: i64) -> bool {
        let ahead = bin.saturating_sub(self.newest);
        if ahead > 0 {
            self.mask = if ahead < 64 { self.mask << ahead | 1 } else { 1 };
            self.newest = bin;
            return true;
        }
        // A bin out of sight was seen or not; taken as seen, so that no episode is counted twice.
        if ahead <= -64 {
            return false;
        }
        let bit = 1_u64 << -ahead;
        let new = self.mask & bit == 0;
        self.mask |= bit;
        new
    }
}

impl Trend {
    fn add(&mut self, bin: i64, more: u32) {
        match self.0.last_mut() {
            Some((last, records)) if *last == bin => *records = records.saturating_add(more),
            Some((last, _)) if *last > bin => match self.0.binary_search_by_key(&bin, |(bin, _)| *bin) {
                Ok(at) => self.0[at].1 = self.0[at].1.saturating_add(more),
                Err(at) => self.0.insert(at, (bin, more)),
            },
            _ => {
                self.0.push((bin, more));
                if self.0.len() > 256 {
                    self.0.retain(|(kept, _)| *kept > bin - TREND_BINS);
                }
            }
        }
        if self.0.len() > 512 {
            self.0.drain(..256);
        }
    }
}

/// How long after its last words an instance may still end of them.
pub const DYING: Span = Span::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(pattern: u32, instance: u32, secs: i64) -> Occurrence {
        Occurrence {
            pattern: PatternId(pattern),
            source: SourceId {
                context: ContextId(0),
                n: instance,
            },
            lane: LaneId(0),
            at: Time::from_secs(secs),
            age: 0,
        }
    }

    #[test]
    fn a_burst_is_one_episode() {
        let mut counts = Counts::default();
        let new: Vec<_> = [
            (0, 1),
            (0, 2),
            (0, 9),
            (0, 10),
            (1, 10),
            (0, 3),
            (0, 2000),
            (0, 1990),
            (0, 1),
        ]
        .map(|(instance, secs)| counts.add(seen(3, instance, secs)))
        .into();
        assert_eq!(new, [true, false, false, false, false, false, false, false, false]);
        let count = counts.pattern(PatternId(3)).unwrap();
        assert_eq!((count.records(), count.lanes[0].episodes), (9, 5));
        assert_eq!(count.span, Some((Time::from_secs(1), Time::from_secs(2000))));
        assert_eq!(counts.pattern(PatternId(2)).map(PatternCount::records), Some(0));
    }

    #[test]
    fn a_trend_is_cut_in_equal_slices() {
        let mut counts = Counts::default();
        for secs in [5, 15, 25, 26, 35, 39, 1] {
            counts.add(seen(0, 0, secs));
        }
        let count = counts.pattern(PatternId(0)).unwrap();
        assert_eq!(count.trend(ContextId(0), 4, 1, 4), [1, 2, 2, 0]);
        assert_eq!(count.trend(ContextId(0), 3, 2, 3), [0, 3, 4]);
        assert_eq!(count.trend(ContextId(1), 2, 2, 3), [0, 0]);
    }

    #[test]
    fn a_merged_pattern_has_the_counts_of_its_parts() {
        let mut counts = Counts::default();
        counts.add(seen(0, 0, 5));
        counts.add(seen(1, 0, 25));
        counts.add(seen(1, 0, 26));
        counts.merge(PatternId(1), PatternId(0));
        let count = counts.pattern(PatternId(0)).unwrap();
        assert_eq!((count.records(), count.lanes[0].episodes), (3, 2));
        assert_eq!(count.trend(ContextId(0), 3, 1, 2), [1, 0, 2]);
        assert_eq!(count.span, Some((Time::from_secs(5), Time::from_secs(26))));
        assert_eq!(counts.pattern(PatternId(1)).map(PatternCount::records), Some(0));
    }

    #[test]
    fn an_endless_pattern_keeps_a_bounded_trend() {
        let mut counts = Counts::default();
        for bin in 0..5000 {
            counts.add(seen(0, 0, bin * 10));
            counts.add(seen(0, 1, bin * 10 - 5000));
        }
        let count = counts.pattern(PatternId(0)).unwrap();
        assert!(count.trends[0].1.0.len() <= 512);
        assert_eq!(count.lanes[0].episodes, 10_000);
    }
}
