//! One pattern's counts beside what was watched of the workloads that emit it, cluster by cluster: what a verdict is
//! made from.
//!
//! What is fair to compare depends on when the pattern is written:
//! * `AnyTime`: all that was watched of the workload.
//! * `SinceStart`: seen only up to a certain age of its containers, such as start-up lines. Only the same ages count
//!   elsewhere; a cluster whose starts were not seen proves nothing, however long its containers lived on.
//! * `Fatal`: an error near the start that the container died of, each time. A container that lives on, wherever and
//!   whenever it started, shows that this error did not occur there, so all its watched time counts.
//!
//! What was watched before the pattern was first seen anywhere counts only while the pattern may have been there all
//! along: if it should have been seen earlier where it is seen now, something has begun with its first record.

use std::collections::BTreeSet;

use crate::model::{Level, PatternId, RecordId, Span, Time, WorkloadKey};

use super::counts::{Counts, DYING, LaneCount};
use super::coverage::{ANY_AGE, BIN};
use super::exposure::{EmitterId, Place, Survey};
use super::lens::Align;

/// An instance that still lives this long after an error did not die of it.
const SURVIVED: Span = Span::from_secs(60);

/// Episodes that were to be expected before the first one, above which something has begun with it.
const BEGUN: f64 = 3.0;

/// A pattern as the miner knows it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub pattern: PatternId,
    pub template: &'a str,
    pub level: Level,
    pub example: RecordId,
    pub kind: SubjectKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectKind {
    Pattern,
    /// Everything that found no room among the patterns. Its presence or absence says nothing of any one of them.
    Rest,
}

/// Which exposure is fair to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alignment {
    AnyTime,
    SinceStart,
    Fatal,
}

/// One pattern in all clusters.
#[derive(Clone, Debug)]
pub struct Sample<'a> {
    pub subject: Subject<'a>,
    pub first: Time,
    pub last: Time,
    pub alignment: Alignment,
    /// One per emitter.
    pub parts: Vec<Part>,
    /// The sum of all parts, per cluster in their order on the screen.
    pub cells: Vec<Exposed>,
    pub workload: Option<WorkloadKey>,
}

/// One emitter's share, per cluster.
#[derive(Clone, Debug)]
pub struct Part {
    pub emitter: EmitterId,
    pub cells: Vec<Exposed>,
}

/// Counts and exposure.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Exposed {
    pub records: u64,
    pub episodes: f64,
    /// Bins in which it could have been seen, of those that are fair to compare: for the rate where it was seen.
    pub bins: f64,
    /// The time of these bins that was really watched, in bins: for the weight of a silence. Less than `bins` where
    /// instances are short-lived.
    pub time: f64,
    /// All that was watched of the emitters, nanoseconds.
    pub watched: i64,
    pub deployed: bool,
    /// Instances being read now.
    pub open: u32,
    pub starts: u32,
    pub gaps: u32,
    /// Instances that were watched.
    pub instances: u32,
    /// It was watched when the pattern was seen, or later.
    pub overlaps: bool,
    /// How often it happens, per bin in which it could have been seen.
    pub rate: f64,
    /// The relative variance of `rate` by counting alone.
    pub variance: f64,
}

impl<'a> Sample<'a> {
    /// Of all that write the pattern; `None` if nothing of it was counted.
    pub fn of(subject: Subject<'a>, counts: &Counts, survey: &Survey<'_>, align: Align) -> Option<Self> {
        let total = counts.total(subject.pattern)?;
        Self::of_lanes(subject, (total.span, total.lanes), counts, survey, align)
    }

    /// One for each workload that writes the pattern.
    pub fn by_workload(subject: Subject<'a>, counts: &Counts, survey: &Survey<'_>, align: Align) -> Vec<Self> {
        let Some(total) = counts.total(subject.pattern) else {
            return Vec::new();
        };
        let workload = |lane: &LaneCount| survey.ledger.workload(survey.ledger.lane(lane.lane)?.emitter);
        let workloads: BTreeSet<_> = total.lanes.iter().filter_map(workload).collect();
        let one = |of: &WorkloadKey| {
            let lanes = total.lanes.iter().filter(|lane| workload(lane) == Some(of));
            let lanes: Vec<_> = lanes.copied().collect();
            Self::of_lanes(subject, (total.span, &lanes), counts, survey, align)
        };
        workloads.into_iter().filter_map(one).collect()
    }

    fn of_lanes(
        subject: Subject<'a>,
        ((first, last), lanes): ((Time, Time), &[LaneCount]),
        counts: &Counts,
        survey: &Survey<'_>,
        align: Align,
    ) -> Option<Self> {
        if lanes.iter().all(|lane| lane.records == 0) {
            return None;
        }
        let age = lanes.iter().map(|lane| lane.age).max().unwrap_or(ANY_AGE);
        let alignment = match align {
            Align::WallClock => Alignment::AnyTime,
            Align::SinceStart(_) => Alignment::SinceStart,
            Align::Fitting => fitting(&subject, age, counts, survey),
        };
        let when = When {
            // The survey was clipped to the ages that count.
            class: match (alignment, align) {
                (Alignment::SinceStart, Align::Fitting) => age,
                _ => ANY_AGE,
            },
            alignment,
            first,
            last,
            begin: beginning(lanes, survey, first),
        };
        let mut parts: Vec<Part> = Vec::with_capacity(1);
        for lane in lanes.iter().filter(|lane| lane.records > 0) {
            let Some(known) = survey.ledger.lane(lane.lane) else {
                continue;
            };
            if parts.iter().all(|part| part.emitter != known.emitter) {
                parts.push(part(known.emitter, survey, &when));
            }
        }
        for lane in lanes {
            add_counts(&mut parts, lane, survey);
        }
        let mut cells = vec![Exposed::default(); survey.ledger.contexts().len()];
        for part in &parts {
            for (sum, cell) in cells.iter_mut().zip(&part.cells) {
                sum.add(cell);
            }
        }
        for cell in &mut cells {
            cell.settle();
        }
        Some(Self {
            subject,
            first,
            last,
            alignment,
            workload: one_workload(&parts, survey),
            parts,
            cells,
        })
    }

    pub fn is_present(&self, place: usize) -> bool {
        self.cells.get(place).is_some_and(|cell| cell.records > 0)
    }

    /// Clusters where it was seen.
    #[expect(clippy::cast_precision_loss, reason = "a few clusters")]
    pub fn present(&self) -> f64 {
        self.cells.iter().filter(|cell| cell.records > 0).count() as f64
    }

    pub fn episodes(&self) -> f64 {
        self.cells.iter().map(|cell| cell.episodes).sum()
    }
}

impl Exposed {
    fn add(&mut self, other: &Self) {
        self.records += other.records;
        self.episodes += other.episodes;
        self.bins += other.bins;
        self.time += other.time;
        self.watched = self.watched.saturating_add(other.watched);
        self.deployed |= other.deployed;
        self.open += other.open;
        self.starts += other.starts;
        self.gaps += other.gaps;
        self.instances += other.instances;
        self.overlaps |= other.overlaps;
    }

    /// Several records within one bin.
    #[expect(clippy::cast_precision_loss, reason = "a comparison of counts")]
    pub fn is_bursty(&self) -> bool {
        self.records as f64 > self.episodes
    }

    pub fn watched(&self) -> Span {
        Span(self.watched)
    }

    /// What happens several times within one bin is seen as one episode, so a share of the bins is taken back to the
    /// rate of a Poisson process.
    fn settle(&mut self) {
        if self.episodes <= 0.0 || self.bins <= 0.0 {
            return;
        }
        // Never all of the bins, however often it is seen.
        let share = (self.episodes / self.bins).min(1.0 - 0.5 / self.bins.max(1.0));
        self.rate = -(-share).ln_1p();
        self.variance = share / (1.0 - share) / (self.rate * self.rate) / self.bins;
    }
}

/// When a pattern is written, and from when on it is compared.
struct When {
    class: usize,
    alignment: Alignment,
    first: Time,
    last: Time,
    begin: Time,
}

fn fitting(subject: &Subject<'_>, age: usize, counts: &Counts, survey: &Survey<'_>) -> Alignment {
    if age == ANY_AGE {
        Alignment::AnyTime
    } else if subject.level.is_error() && is_fatal(subject.pattern, counts, survey) {
        Alignment::Fatal
    } else {
        Alignment::SinceStart
    }
}

/// Whether every instance of which it can be told ended with it.
fn is_fatal(pattern: PatternId, counts: &Counts, survey: &Survey<'_>) -> bool {
    let witnesses = counts.witnesses(pattern);
    let mut died = witnesses
        .iter()
        .filter_map(|(source, at)| match survey.ledger.ended_after(*source, *at, DYING) {
            Some(died) => Some(died),
            None => (survey.at.since(*at) > SURVIVED).then_some(false),
        })
        .peekable();
    died.peek().is_some() && died.all(|died| died)
}

/// From when on silence counts: from the first record if, where it is seen, it should have been seen before.
#[expect(clippy::cast_precision_loss, reason = "bins as quantities")]
fn beginning(lanes: &[LaneCount], survey: &Survey<'_>, first: Time) -> Time {
    let (mut episodes, mut before, mut after) = (0.0, 0.0, 0.0);
    for lane in lanes.iter().filter(|lane| lane.episodes > 0) {
        let Some(stairs) = survey.stairs(lane.lane) else {
            continue;
        };
        let since = stairs.bins_after(first) as f64;
        episodes += lane.episodes as f64;
        before += stairs.bins_after(Time::MIN) as f64 - since;
        after += since;
    }
    let expected = (episodes - 1.0) / after.max(1.0) * before;
    if expected >= BEGUN { first } else { Time::MIN }
}

#[expect(clippy::cast_precision_loss, reason = "bins and nanoseconds as quantities")]
fn part(emitter: EmitterId, survey: &Survey<'_>, when: &When) -> Part {
    let cell = |place: &Place| {
        let found = place
            .lane
            .and_then(|id| Some((survey.measure(id)?, survey.stairs(id)?, survey.ledger.lane(id)?)));
        let Some((measure, stairs, lane)) = found else {
            return Exposed::default();
        };
        let overlaps = measure.span.is_some_and(|(_, end)| end >= when.first);
        // Of what was lost while it was seen elsewhere, nobody knows whether it was there. Then only that silence counts
        // which was listened to in the same time: no gap makes it seem to be only elsewhere.
        let meanwhile = stairs.nanos_after(when.first) - stairs.nanos_after(when.last + Span(1));
        let is_lost = lane.has_lost(when.first, when.last);
        let (bins, nanos) = match when.alignment {
            Alignment::AnyTime | Alignment::Fatal if is_lost => (stairs.bins_after(when.begin), meanwhile),
            Alignment::AnyTime | Alignment::Fatal => (stairs.bins_after(when.begin), stairs.nanos_after(when.begin)),
            Alignment::SinceStart if is_lost && meanwhile <= 0 => (0, 0),
            Alignment::SinceStart if overlaps => (i64::from(measure.bins[when.class]), measure.nanos[when.class]),
            Alignment::SinceStart => (0, 0),
        };
        Exposed {
            records: 0,
            episodes: 0.0,
            bins: bins as f64,
            time: nanos as f64 / BIN.nanos() as f64,
            watched: measure.nanos[ANY_AGE],
            deployed: true,
            open: u32::try_from(lane.open()).unwrap_or(u32::MAX),
            starts: measure.starts,
            gaps: measure.gaps,
            instances: measure.instances,
            overlaps,
            rate: 0.0,
            variance: 0.0,
        }
    };
    Part {
        emitter,
        cells: survey.places(emitter).iter().map(cell).collect(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of episodes as a quantity")]
fn add_counts(parts: &mut [Part], count: &LaneCount, survey: &Survey<'_>) {
    let Some(lane) = survey.ledger.lane(count.lane) else {
        return;
    };
    let contexts = survey.ledger.contexts();
    let place = contexts.iter().position(|known| known.id == lane.context);
    let part = parts.iter_mut().find(|part| part.emitter == lane.emitter);
    if let Some(cell) = part.zip(place).and_then(|(part, place)| part.cells.get_mut(place)) {
        cell.records += count.records;
        cell.episodes += count.episodes as f64;
        // It was seen, so it could be seen.
        cell.bins = cell.bins.max(cell.episodes);
    }
}

fn one_workload(parts: &[Part], survey: &Survey<'_>) -> Option<WorkloadKey> {
    let mut workloads = parts.iter().filter_map(|part| survey.ledger.workload(part.emitter));
    let first = workloads.next()?;
    workloads.all(|other| other == first).then(|| first.clone())
}
