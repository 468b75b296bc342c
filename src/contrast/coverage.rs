//! How much of a container's log was really watched: stretches of time without what was lost, and what they add up to.

use crate::model::{Span, Time};

/// Length of a bin. What a container instance writes within one bin is one episode: bursts count once.
pub const BIN: Span = Span::from_secs(10);

/// The longest time that can be looked back through a window: so long it is kept bin by bin what was seen when.
pub const LONGEST_WINDOW: Span = Span::from_secs(4 * 3600);

/// Upper ends of the age classes. An age is the time since the container instance started, so that what is written
/// at a start is compared with other starts and not with long quiet lives.
pub const AGES: [i64; AGE_CLASSES - 1] = [10, 20, 40, 80, 160, 320, 640];

/// The last class is every age, also an unknown one.
pub const AGE_CLASSES: usize = 8;
pub const ANY_AGE: usize = AGE_CLASSES - 1;

/// The oldest age that can be asked for: what is written later is not kept bin by bin for ever.
pub const OLDEST_AGE: Span = Span::from_secs(640);

/// A start counts as seen if coverage begins at most this much later: the API gives starts in whole seconds.
const START_SLACK: Span = Span::from_secs(1);

/// Disjoint stretches kept for one instance; above it the oldest is forgotten, which only makes claims harder.
const STRETCHES: usize = 512;

/// From when to when something was watched, disjoint and ascending.
pub type Stretches = Vec<(Time, Time)>;

/// What of an instance counts. By default all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clip {
    pub from: Option<Time>,
    /// Only so long after its start.
    pub age: Option<Span>,
}

/// How much was watched, per age class; a class includes the younger ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    /// Bins in which an instance was watched at any moment.
    pub bins: [u32; AGE_CLASSES],
    /// Time watched, nanoseconds.
    pub nanos: [i64; AGE_CLASSES],
    /// Instances of which the start was watched.
    pub starts: u32,
    /// Gaps that took something away.
    pub gaps: u32,
    /// Instances that were watched at all.
    pub instances: u32,
    /// First and last moment watched.
    pub span: Option<(Time, Time)>,
}

/// Ends of stretches of many instances, for telling how much was watched after any moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edges {
    time: Ends,
    bins: Ends,
}

/// Begins and ends of half-open intervals, each ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ends {
    begins: Vec<i64>,
    ends: Vec<i64>,
}

/// How much was watched after any moment.
#[derive(Clone, Debug, Default)]
pub struct Stairs {
    time: Steps,
    bins: Steps,
}

/// Ends, each with the sum of those from there on.
#[derive(Clone, Debug, Default)]
struct Steps {
    begins: Vec<(i64, i128)>,
    ends: Vec<(i64, i128)>,
}

impl Measure {
    /// Of one instance.
    pub fn of(stretches: &[(Time, Time)], started: Option<Time>, gaps: usize) -> Self {
        let mut measure = Self {
            gaps: u32::try_from(gaps).unwrap_or(u32::MAX),
            instances: u32::from(!stretches.is_empty()),
            span: stretches.first().zip(stretches.last()).map(|(a, b)| (a.0, b.1)),
            ..Self::default()
        };
        (measure.bins[ANY_AGE], measure.nanos[ANY_AGE]) = extent(stretches, Time::MAX);
        let (Some(started), Some(first)) = (started, stretches.first()) else {
            return measure;
        };
        measure.starts = u32::from(first.0 <= started + START_SLACK);
        for (class, secs) in AGES.iter().enumerate() {
            (measure.bins[class], measure.nanos[class]) = extent(stretches, started + Span::from_secs(*secs));
        }
        measure
    }

    pub fn add(&mut self, other: &Self) {
        for class in 0..AGE_CLASSES {
            self.bins[class] += other.bins[class];
            self.nanos[class] += other.nanos[class];
        }
        self.starts += other.starts;
        self.gaps += other.gaps;
        self.instances += other.instances;
        self.span = match (self.span, other.span) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, other) => one.or(other),
        };
    }

    /// Takes back what was added; the span stays, it only ever grows.
    pub fn take(&mut self, other: &Self) {
        for class in 0..AGE_CLASSES {
            self.bins[class] -= other.bins[class];
            self.nanos[class] -= other.nanos[class];
        }
        self.starts -= other.starts;
        self.gaps -= other.gaps;
        self.instances -= other.instances;
    }
}

impl Edges {
    /// Adds the stretches of one instance. A bin that two of them touch is one bin.
    pub fn add(&mut self, stretches: &[(Time, Time)]) {
        for (from, to) in stretches {
            self.time.add(from.nanos(), to.nanos());
        }
        for (first, last) in bins_of(stretches) {
            self.bins.add(first, last);
        }
    }

    /// Takes back what was added.
    pub fn take(&mut self, stretches: &[(Time, Time)]) {
        for (from, to) in stretches {
            self.time.take(from.nanos(), to.nanos());
        }
        for (first, last) in bins_of(stretches) {
            self.bins.take(first, last);
        }
    }

    pub fn stairs(&self) -> Stairs {
        Stairs {
            time: self.time.steps(),
            bins: self.bins.steps(),
        }
    }
}

impl Ends {
    fn add(&mut self, begin: i64, end: i64) {
        for (list, at) in [(&mut self.begins, begin), (&mut self.ends, end)] {
            let place = match list.last() {
                Some(last) if *last > at => list.partition_point(|known| *known <= at),
                _ => list.len(),
            };
            list.insert(place, at);
        }
    }

    fn take(&mut self, begin: i64, end: i64) {
        for (list, at) in [(&mut self.begins, begin), (&mut self.ends, end)] {
            if let Ok(place) = list.binary_search(&at) {
                list.remove(place);
            }
        }
    }

    fn steps(&self) -> Steps {
        let sums = |list: &[i64]| {
            let mut steps: Vec<(i64, i128)> = list.iter().map(|at| (*at, i128::from(*at))).collect();
            let mut sum = 0;
            for (_, step) in steps.iter_mut().rev() {
                sum += *step;
                *step = sum;
            }
            steps
        };
        Steps {
            begins: sums(&self.begins),
            ends: sums(&self.ends),
        }
    }
}

impl Stairs {
    /// Nanoseconds watched after a moment, of all instances together.
    pub fn nanos_after(&self, time: Time) -> i64 {
        self.time.after(time.nanos())
    }

    /// The same in bins.
    pub fn bins_after(&self, time: Time) -> i64 {
        self.bins.after(bin_of(time))
    }
}

impl Steps {
    fn after(&self, at: i64) -> i64 {
        let beyond = |steps: &[(i64, i128)]| {
            let first = steps.partition_point(|(step, _)| *step <= at);
            let count = i128::try_from(steps.len() - first).unwrap_or(i128::MAX);
            let sum = steps.get(first).map_or(0, |(_, sum)| *sum);
            sum - count * i128::from(at)
        };
        i64::try_from(beyond(&self.ends) - beyond(&self.begins)).unwrap_or(i64::MAX)
    }
}

impl Clip {
    /// What is left of an instance's stretches.
    pub fn clip(self, mut stretches: Stretches, started: Option<Time>) -> Stretches {
        let from = self.from.unwrap_or(Time::MIN);
        let to = match (self.age, started) {
            (None, _) => Time::MAX,
            (Some(age), Some(started)) => started + age,
            (Some(_), None) => Time::MIN,
        };
        for (begin, end) in &mut stretches {
            *begin = (*begin).max(from);
            *end = (*end).min(to);
        }
        stretches.retain(|(begin, end)| begin < end);
        stretches
    }
}

/// The bins that the stretches touch, as disjoint intervals.
fn bins_of(stretches: &[(Time, Time)]) -> impl Iterator<Item = (i64, i64)> {
    let mut next_bin = i64::MIN;
    stretches.iter().filter_map(move |(from, to)| {
        let (first, end) = (bin_of(*from).max(next_bin), bin_of(*to - Span(1)) + 1);
        next_bin = next_bin.max(end);
        (first < end).then_some((first, end))
    })
}

/// Bins touched and time covered by the stretches, as far as they lie before `end`.
fn extent(stretches: &[(Time, Time)], end: Time) -> (u32, i64) {
    let (mut bins, mut nanos, mut next_bin) = (0_i64, 0_i64, i64::MIN);
    for (from, to) in stretches.iter().take_while(|(from, _)| *from < end) {
        let to = (*to).min(end);
        nanos = nanos.saturating_add(to.since(*from).nanos());
        let (first, last) = (bin_of(*from).max(next_bin), bin_of(to - Span(1)));
        bins += (last - first + 1).max(0);
        next_bin = next_bin.max(last + 1);
    }
    (u32::try_from(bins).unwrap_or(u32::MAX / 2), nanos)
}

pub fn bin_of(time: Time) -> i64 {
    time.nanos().div_euclid(BIN.nanos())
}

/// Adds a stretch, joining those it meets.
pub fn cover(stretches: &mut Vec<(Time, Time)>, from: Time, to: Time) {
    if to <= from {
        return;
    }
    let start = stretches.partition_point(|(_, end)| *end < from);
    let end = stretches.partition_point(|(begin, _)| *begin <= to);
    let met = stretches.get(start..end).unwrap_or_default();
    let joined = (
        met.first().map_or(from, |(begin, _)| from.min(*begin)),
        met.last().map_or(to, |(_, end)| to.max(*end)),
    );
    stretches.splice(start..end.max(start), [joined]);
    if stretches.len() > STRETCHES {
        stretches.remove(0);
    }
}

/// The stretches with the lost ones cut out; both ascending.
pub fn without(stretches: Vec<(Time, Time)>, lost: &[(Time, Time)]) -> Vec<(Time, Time)> {
    if lost.is_empty() {
        return stretches;
    }
    let mut left = Vec::with_capacity(stretches.len());
    for (mut from, to) in stretches {
        for (gone_from, gone_to) in lost.iter().filter(|(begin, _)| *begin < to) {
            if *gone_to <= from {
                continue;
            }
            if *gone_from > from {
                left.push((from, *gone_from));
            }
            from = from.max(*gone_to);
        }
        if from < to {
            left.push((from, to));
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secs(secs: i64) -> Time {
        Time::from_secs(secs)
    }

    #[test]
    fn a_clip_leaves_the_window_and_the_young_age() {
        let check = |from: Option<i64>, age: Option<i64>, started: Option<i64>, expected: &[(i64, i64)]| {
            let clip = Clip {
                from: from.map(secs),
                age: age.map(Span::from_secs),
            };
            let left = clip.clip(vec![(secs(0), secs(50)), (secs(60), secs(100))], started.map(secs));
            let expected: Vec<_> = expected.iter().map(|(a, b)| (secs(*a), secs(*b))).collect();
            assert_eq!(left, expected);
        };
        check(None, None, None, &[(0, 50), (60, 100)]);
        check(Some(40), None, None, &[(40, 50), (60, 100)]);
        check(None, Some(20), Some(50), &[(0, 50), (60, 70)]);
        check(None, Some(20), None, &[]);
    }

    proptest! {
        /// Against one flag per second.
        #[test]
        fn stretches_are_sets_of_seconds(
            adds in prop::collection::vec((0_i64..300, 1_i64..60), 0..20),
            cuts in prop::collection::vec((0_i64..300, 1_i64..60), 0..10),
        ) {
            let mut model = vec![false; 400];
            let (mut stretches, mut lost) = (Vec::new(), Vec::new());
            for (from, len) in adds {
                cover(&mut stretches, secs(from), secs(from + len));
                model[usize::try_from(from).unwrap()..usize::try_from(from + len).unwrap()].fill(true);
            }
            for (from, len) in cuts {
                cover(&mut lost, secs(from), secs(from + len));
                model[usize::try_from(from).unwrap()..usize::try_from(from + len).unwrap()].fill(false);
            }
            let left = without(stretches, &lost);
            let watched = model.iter().filter(|watched| **watched).count();
            let bins = model.chunks(10).filter(|bin| bin.contains(&true)).count();
            let (got_bins, nanos): (u32, i64) = extent(&left, Time::MAX);
            prop_assert_eq!(nanos, i64::try_from(watched).unwrap() * 1_000_000_000);
            prop_assert_eq!(got_bins as usize, bins);
            let mut edges = Edges::default();
            edges.add(&[(secs(7), secs(1000))]);
            edges.add(&left);
            edges.take(&[(secs(7), secs(1000))]);
            let stairs = edges.stairs();
            for from in [0_usize, 10, 70, 200, 390] {
                let watched = model[from..].iter().filter(|watched| **watched).count();
                let bins = model[from..].chunks(10).filter(|bin| bin.contains(&true)).count();
                let at = secs(i64::try_from(from).unwrap());
                prop_assert_eq!(stairs.nanos_after(at), i64::try_from(watched).unwrap() * 1_000_000_000);
                prop_assert_eq!(usize::try_from(stairs.bins_after(at)).unwrap(), bins);
            }
        }
    }
}
