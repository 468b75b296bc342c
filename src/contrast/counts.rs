//! How often each pattern was seen, by whom and when. Counts only: what they mean is `verdict`'s business.
//!
//! A record is counted for its leaf: the pattern that it was given when it was read. Leaves are grouped to patterns
//! by the miner, which may change its mind, so sums over the leaves of a group are made at each look. What one instance
//! wrote within one bin is one episode of the group, however many of its leaves it shows.

use hashbrown::HashMap;

use crate::model::{ContextId, PatternId, SourceId, Span, Time};

use super::bins::{Bins, union, union_in};
use super::coverage::{BIN, LONGEST_WINDOW, bin_of};
use super::exposure::LaneId;
use super::trend::Trend;

/// Instances remembered per pattern and lane, to see whether they died of it.
const WITNESSES: usize = 8;

/// Pairs of leaf and instance remembered before those long past are let go. Their sums stay.
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

/// Which occurrences count. By default all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Only from this bin on.
    pub from: Option<i64>,
    /// Only this long after the start of the instance.
    pub age: Option<Span>,
}

/// All counts.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    leaves: Vec<Leaf>,
    marks: HashMap<(PatternId, SourceId), u32>,
    /// The leaves of each pattern that has several.
    groups: HashMap<PatternId, Group>,
    /// Sums of single leaves, as far as they are not those of the leaf itself.
    cut: HashMap<PatternId, Sum>,
    sweep_at: usize,
    newest: i64,
}

/// One leaf's counts.
#[derive(Clone, Debug, Default)]
struct Leaf {
    records: u64,
    span: Option<(Time, Time)>,
    lanes: Vec<LaneCount>,
    marks: Vec<Mark>,
    trends: Vec<(ContextId, Trend)>,
}

/// One leaf in one instance.
#[derive(Clone, Debug)]
struct Mark {
    source: SourceId,
    lane: LaneId,
    records: u64,
    bins: Bins,
    last: Time,
}

/// One pattern in one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneCount {
    pub lane: LaneId,
    pub context: ContextId,
    pub records: u64,
    /// Distinct (instance, bin) pairs.
    pub episodes: u64,
    /// The highest age class it was ever seen at.
    pub age: usize,
    /// Episodes of instances that are not remembered one by one any more.
    past: u64,
}

#[derive(Clone, Debug)]
struct Group {
    leaves: Vec<PatternId>,
    sum: Option<Sum>,
}

/// The sum over the leaves of a pattern.
#[derive(Clone, Debug, Default)]
struct Sum {
    /// What it was made from: the leaves' records and the cut.
    of: (u64, Cut),
    span: Option<(Time, Time)>,
    lanes: Vec<LaneCount>,
}

/// One pattern's counts, as far as they were asked for.
#[derive(Clone, Copy, Debug)]
pub struct Total<'a> {
    /// First and last occurrence ever, in event time.
    pub span: (Time, Time),
    /// Lanes without any that counts are left out or empty.
    pub lanes: &'a [LaneCount],
}

impl Counts {
    /// Counts it, and says whether the leaf is new in its context.
    pub fn add(&mut self, occurrence: Occurrence) -> bool {
        let Occurrence { pattern, source, .. } = occurrence;
        let index = index(pattern);
        if self.leaves.len() <= index {
            self.leaves.resize_with(index + 1, Leaf::default);
        }
        let leaf = &mut self.leaves[index];
        let bin = bin_of(occurrence.at);
        self.newest = self.newest.max(bin);
        let mark = *self
            .marks
            .entry((pattern, source))
            .or_insert_with(|| leaf.mark(&occurrence));
        let is_new_here = leaf.add(&occurrence, bin, mark);
        if self.marks.len() > self.sweep_at.max(PAIRS) {
            self.sweep();
        }
        is_new_here
    }

    /// Takes over which leaf is part of which pattern.
    pub fn regroup(&mut self, root: impl Fn(PatternId) -> PatternId) {
        let mut groups: HashMap<PatternId, Group> = HashMap::new();
        for n in 0..self.leaves.len() {
            let leaf = PatternId(u32::try_from(n).unwrap_or(u32::MAX));
            let group = groups.entry(root(leaf)).or_insert_with(|| Group {
                leaves: Vec::new(),
                sum: None,
            });
            group.leaves.push(leaf);
        }
        groups.retain(|root, group| group.leaves.as_slice() != [*root]);
        for (root, group) in &mut groups {
            if let Some(before) = self.groups.get_mut(root).filter(|before| before.leaves == group.leaves) {
                group.sum = before.sum.take();
            }
        }
        self.groups = groups;
        self.cut.clear();
    }

    /// The leaves of a pattern.
    pub fn leaves<'a>(&'a self, pattern: &'a PatternId) -> &'a [PatternId] {
        self.groups
            .get(pattern)
            .map_or(std::slice::from_ref(pattern), |group| &group.leaves)
    }

    /// Makes the sums of these patterns; `started` is when an instance started.
    pub fn sum_up(
        &mut self,
        patterns: impl Iterator<Item = PatternId>,
        cut: Cut,
        started: impl Fn(SourceId) -> Option<Time>,
    ) {
        if cut == Cut::default() {
            self.cut.clear();
        }
        for pattern in patterns {
            if let Some(group) = self.groups.get_mut(&pattern) {
                let records = group.leaves.iter().filter_map(|leaf| self.leaves.get(index(*leaf)));
                let of = (records.map(|leaf| leaf.records).sum(), cut);
                if group.sum.as_ref().is_none_or(|sum| sum.of != of) {
                    group.sum = Some(sum(&self.leaves, &group.leaves, of, &started));
                }
            } else if cut != Cut::default() {
                let records = self.leaves.get(index(pattern)).map_or(0, |leaf| leaf.records);
                let known = self.cut.entry(pattern).or_default();
                if known.of != (records, cut) {
                    *known = sum(&self.leaves, &[pattern], (records, cut), &started);
                }
            }
        }
    }

    /// What `sum_up` found of a pattern; `None` if it was never seen.
    pub fn total(&self, pattern: PatternId) -> Option<Total<'_>> {
        let sum = match self.groups.get(&pattern) {
            Some(group) => group.sum.as_ref(),
            None => self.cut.get(&pattern),
        };
        if let Some(sum) = sum {
            return Some(Total {
                span: sum.span?,
                lanes: &sum.lanes,
            });
        }
        let leaf = self.leaves.get(index(pattern))?;
        Some(Total {
            span: leaf.span?,
            lanes: &leaf.lanes,
        })
    }

    /// The latest instances that showed a pattern in each lane, each with its last time.
    pub fn witnesses(&self, pattern: PatternId) -> Vec<(SourceId, Time)> {
        let mut latest: Vec<(LaneId, SourceId, Time)> = Vec::new();
        for leaf in self
            .leaves(&pattern)
            .iter()
            .filter_map(|leaf| self.leaves.get(index(*leaf)))
        {
            for mark in leaf.marks.iter().rev() {
                let same = latest.iter_mut().find(|(_, source, _)| *source == mark.source);
                if let Some((_, _, last)) = same {
                    *last = mark.last.max(*last);
                } else if latest.iter().filter(|(lane, _, _)| *lane == mark.lane).count() < WITNESSES {
                    latest.push((mark.lane, mark.source, mark.last));
                }
            }
        }
        latest.into_iter().map(|(_, source, last)| (source, last)).collect()
    }

    /// Records per slice of `width` bins, the last slice being the one that holds bin `end`.
    pub fn trend(&self, pattern: PatternId, context: ContextId, slices: Slices) -> Vec<u32> {
        let mut trend = vec![0; slices.count];
        for leaf in self
            .leaves(&pattern)
            .iter()
            .filter_map(|leaf| self.leaves.get(index(*leaf)))
        {
            if let Some((_, of_context)) = leaf.trends.iter().find(|(of, _)| *of == context) {
                of_context.cut(&mut trend, slices.width, slices.end);
            }
        }
        trend
    }

    /// Forgets the pairs of which nothing can be asked any more, and the older half of all if that is not enough.
    fn sweep(&mut self) {
        let mut before = self.newest - LONGEST_WINDOW.nanos() / BIN.nanos();
        let past = |leaves: &[Leaf], before: i64| {
            let marks = leaves.iter().flat_map(|leaf| &leaf.marks);
            marks.filter(|mark| bin_of(mark.last) < before).count()
        };
        if past(&self.leaves, before) < self.marks.len() / 4 {
            let mut last: Vec<_> = self
                .leaves
                .iter()
                .flat_map(|leaf| &leaf.marks)
                .map(|mark| bin_of(mark.last))
                .collect();
            let middle = last.len() / 2;
            before = *last.select_nth_unstable(middle).1 + 1;
        }
        self.marks.clear();
        for (n, leaf) in self.leaves.iter_mut().enumerate() {
            leaf.forget(before);
            let pattern = PatternId(u32::try_from(n).unwrap_or(u32::MAX));
            for (at, mark) in leaf.marks.iter().enumerate() {
                self.marks
                    .insert((pattern, mark.source), u32::try_from(at).unwrap_or(u32::MAX));
            }
        }
        self.sweep_at = self.marks.len() * 2;
    }
}

/// How trends are cut: at fixed moments, so that they do not tremble.
#[derive(Clone, Copy, Debug)]
pub struct Slices {
    pub count: usize,
    /// Bins in each.
    pub width: i64,
    /// The last bin.
    pub end: i64,
}

fn index(pattern: PatternId) -> usize {
    usize::try_from(pattern.0).unwrap_or(usize::MAX)
}

impl Leaf {
    fn mark(&mut self, occurrence: &Occurrence) -> u32 {
        self.marks.push(Mark {
            source: occurrence.source,
            lane: occurrence.lane,
            records: 0,
            bins: Bins::default(),
            last: occurrence.at,
        });
        u32::try_from(self.marks.len() - 1).unwrap_or(u32::MAX)
    }

    fn add(&mut self, occurrence: &Occurrence, bin: i64, mark: u32) -> bool {
        let Occurrence {
            source, at, lane, age, ..
        } = *occurrence;
        self.records += 1;
        self.span = Some(
            self.span
                .map_or((at, at), |(first, last)| (first.min(at), last.max(at))),
        );
        let mut new_bin = false;
        if let Some(mark) = usize::try_from(mark).ok().and_then(|mark| self.marks.get_mut(mark)) {
            mark.records += 1;
            mark.last = mark.last.max(at);
            new_bin = mark.bins.add(bin);
        }
        let count = self.lane(lane, source.context);
        count.records += 1;
        count.episodes += u64::from(new_bin);
        count.age = count.age.max(age);
        self.add_to_trend(source.context, bin)
    }

    fn add_to_trend(&mut self, context: ContextId, bin: i64) -> bool {
        let known = self.trends.iter_mut().find(|(of, _)| *of == context);
        let is_new = known.is_none();
        if let Some((_, trend)) = known {
            trend.add(bin, 1);
        } else {
            let mut trend = Trend::default();
            trend.add(bin, 1);
            self.trends.push((context, trend));
        }
        is_new
    }

    fn lane(&mut self, lane: LaneId, context: ContextId) -> &mut LaneCount {
        lane_in(&mut self.lanes, lane, context)
    }

    fn forget(&mut self, before: i64) {
        let mut kept = Vec::with_capacity(self.marks.len() / 2);
        for mark in std::mem::take(&mut self.marks) {
            if bin_of(mark.last) >= before {
                kept.push(mark);
            } else if let Some(count) = self.lanes.iter_mut().find(|count| count.lane == mark.lane) {
                count.past += mark.bins.count();
            }
        }
        self.marks = kept;
    }
}

fn lane_in(lanes: &mut Vec<LaneCount>, lane: LaneId, context: ContextId) -> &mut LaneCount {
    let at = lanes.iter().position(|count| count.lane == lane).unwrap_or_else(|| {
        lanes.push(LaneCount {
            lane,
            context,
            records: 0,
            episodes: 0,
            age: 0,
            past: 0,
        });
        lanes.len() - 1
    });
    &mut lanes[at]
}

fn sum(leaves: &[Leaf], of_group: &[PatternId], of: (u64, Cut), started: &impl Fn(SourceId) -> Option<Time>) -> Sum {
    let cut = of.1;
    let mut sum = Sum { of, ..Sum::default() };
    let mut marks: Vec<&Mark> = Vec::new();
    for leaf in of_group.iter().filter_map(|leaf| leaves.get(index(*leaf))) {
        sum.span = match (sum.span, leaf.span) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, other) => one.or(other),
        };
        for count in &leaf.lanes {
            let total = lane_in(&mut sum.lanes, count.lane, count.context);
            total.age = total.age.max(count.age);
            if cut == Cut::default() {
                total.records += count.records;
                total.past += count.past;
                total.episodes += count.past;
            }
        }
        marks.extend(&leaf.marks);
    }
    if of_group.len() > 1 {
        marks.sort_by_key(|mark| mark.source);
    }
    for same in marks.chunk_by(|a, b| a.source == b.source) {
        let Some(one) = same.first() else { continue };
        let Some((from, to)) = cut.bins_of(|| started(one.source)) else {
            continue;
        };
        let sets: Vec<_> = same.iter().map(|mark| &mark.bins).collect();
        let total = lane_in(&mut sum.lanes, one.lane, one.source.context);
        if cut == Cut::default() {
            total.episodes += union(&sets);
        } else {
            total.episodes += union_in(&sets, from, to);
            total.records += same.iter().map(|mark| mark.records_in(from, to)).sum::<u64>();
        }
    }
    if let Cut {
        from: Some(from),
        age: None,
    } = cut
    {
        records_from_trends(leaves, of_group, from, &mut sum.lanes);
    }
    sum
}

/// Exact records of a window, where the lane is the only one of its context; else they stay shares of all records.
fn records_from_trends(leaves: &[Leaf], of_group: &[PatternId], from: i64, lanes: &mut [LaneCount]) {
    for n in 0..lanes.len() {
        let context = lanes[n].context;
        if lanes.iter().filter(|count| count.context == context).count() > 1 {
            continue;
        }
        let of_group = of_group.iter().filter_map(|leaf| leaves.get(index(*leaf)));
        let trends = of_group.flat_map(|leaf| &leaf.trends).filter(|(of, _)| *of == context);
        let records: u64 = trends.map(|(_, trend)| trend.since(from)).sum();
        // The window's first minute may be counted in part only.
        lanes[n].records = if lanes[n].episodes == 0 {
            0
        } else {
            records.max(lanes[n].episodes)
        };
    }
}

impl Cut {
    /// The bins of an instance that count, `None` if there are none.
    fn bins_of(self, started: impl Fn() -> Option<Time>) -> Option<(i64, i64)> {
        let from = self.from.unwrap_or(i64::MIN);
        let Some(age) = self.age else {
            return Some((from, i64::MAX));
        };
        let started = started()?;
        Some((from.max(bin_of(started)), bin_of(started + age - Span(1)) + 1))
    }
}

impl Mark {
    /// Its records in these bins, taken as spread evenly over all its bins.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a count"
    )]
    fn records_in(&self, from: i64, to: i64) -> u64 {
        let (all, some) = (self.bins.count(), self.bins.count_in(from, to));
        if some == all {
            return self.records;
        }
        ((self.records as f64 * some as f64 / all.max(1) as f64).ceil() as u64).max(some)
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

    /// Records and episodes of a pattern.
    fn total(counts: &mut Counts, pattern: u32, cut: Cut) -> (u64, u64) {
        let pattern = PatternId(pattern);
        counts.sum_up([pattern].into_iter(), cut, |_| Some(Time::from_secs(1000)));
        let total = counts.total(pattern);
        let lanes = total.map_or(&[][..], |total| total.lanes);
        (
            lanes.iter().map(|lane| lane.records).sum(),
            lanes.iter().map(|lane| lane.episodes).sum(),
        )
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
        assert_eq!(total(&mut counts, 3, Cut::default()), (9, 5));
        let span = (Time::from_secs(1), Time::from_secs(2000));
        assert_eq!(counts.total(PatternId(3)).map(|total| total.span), Some(span));
        assert!(counts.total(PatternId(2)).is_none());
    }

    #[test]
    fn a_group_counts_shared_bins_once_and_can_be_split_again() {
        let mut counts = Counts::default();
        for (pattern, secs) in [(0, 5), (1, 6), (1, 25), (2, 26), (2, 35)] {
            counts.add(seen(pattern, 0, secs));
        }
        counts.add(seen(2, 1, 35));
        counts.regroup(|_| PatternId(0));
        assert_eq!(total(&mut counts, 0, Cut::default()), (6, 4));
        counts.add(seen(1, 0, 45));
        assert_eq!(total(&mut counts, 0, Cut::default()), (7, 5));
        let slices = Slices {
            count: 5,
            width: 1,
            end: 4,
        };
        assert_eq!(counts.trend(PatternId(0), ContextId(0), slices), [2, 0, 2, 2, 1]);
        counts.regroup(|pattern| pattern.min(PatternId(1)));
        assert_eq!(total(&mut counts, 0, Cut::default()), (1, 1));
        assert_eq!(total(&mut counts, 1, Cut::default()), (6, 5));
    }

    #[test]
    fn a_window_counts_what_lies_in_it() {
        let mut counts = Counts::default();
        for secs in 1000..2000 {
            counts.add(seen(0, 0, secs));
            counts.add(seen(1, 0, secs));
        }
        let last = |secs: i64| Cut {
            from: Some((2000 - secs) / 10),
            age: None,
        };
        assert_eq!(total(&mut counts, 0, last(200)), (200, 20));
        assert_eq!(total(&mut counts, 0, last(0)), (0, 0));
        let young = Cut {
            from: None,
            age: Some(Span::from_secs(60)),
        };
        assert_eq!(total(&mut counts, 0, young), (60, 6));
        counts.regroup(|_| PatternId(0));
        assert_eq!(total(&mut counts, 0, last(200)), (400, 20));
        assert_eq!(total(&mut counts, 0, young), (120, 6));
        assert_eq!(total(&mut counts, 0, Cut::default()), (2000, 100));
    }

    #[test]
    fn endless_instances_are_bounded_and_nothing_is_lost() {
        let mut counts = Counts::default();
        let many = u32::try_from(PAIRS).unwrap() + 1000;
        for n in 0..many {
            counts.add(seen(0, n, i64::from(n)));
        }
        assert!(counts.marks.len() <= PAIRS);
        assert_eq!(
            total(&mut counts, 0, Cut::default()),
            (u64::from(many), u64::from(many))
        );
        counts.add(seen(1, 0, 5));
        counts.regroup(|_| PatternId(0));
        let all = u64::from(many) + 1;
        assert_eq!(total(&mut counts, 0, Cut::default()), (all, all));
    }

    #[test]
    fn the_latest_witnesses_are_remembered() {
        let mut counts = Counts::default();
        for n in 0..20 {
            counts.add(seen(0, n, i64::from(n) * 10));
        }
        counts.add(seen(0, 19, 500));
        let witnesses = counts.witnesses(PatternId(0));
        assert_eq!(witnesses.len(), WITNESSES);
        assert_eq!((witnesses[0].0.n, witnesses[0].1), (19, Time::from_secs(500)));
    }
}
