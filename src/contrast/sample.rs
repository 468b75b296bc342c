//! One pattern's counts beside what was watched of the workloads that emit it, cluster by cluster: what a verdict is
//! made from.
//!
//! What is fair to compare depends on when the pattern is written:
//! * `AnyTime`: all that was watched of the workload since the pattern was first seen anywhere. Nothing that was
//!   watched before that counts, so that a cluster lost before the trouble began is not called free of it.
//! * `SinceStart`: seen only up to a certain age of its containers, such as start-up lines. Only the same ages count
//!   elsewhere; a cluster whose starts were not seen proves nothing, however long its containers lived on.
//! * `Fatal`: an error near the start that the container died of, each time. A container that lives on, wherever and
//!   whenever it started, shows that this error did not occur there, so all its watched time counts.

use std::sync::Arc;

use crate::model::{Level, PatternId, RecordId, Span, Time, WorkloadKey};

use super::counts::{DYING, LaneCount, PatternCount};
use super::exposure::{ANY_AGE, BIN, EmitterId, Lane, Survey};

/// An instance that still lives this long after an error did not die of it.
const SURVIVED: Span = Span::from_secs(60);

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
    /// Where it runs, the same in every cluster.
    pub namespace: Arc<str>,
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
    /// It was watched when the pattern was seen, or later.
    pub overlaps: bool,
}

impl<'a> Sample<'a> {
    /// `None` if the pattern was never counted.
    pub fn of(subject: Subject<'a>, count: &PatternCount, survey: &Survey<'_>) -> Option<Self> {
        let (first, last) = count.span?;
        let age = count.lanes.iter().map(|lane| lane.age).max().unwrap_or(ANY_AGE);
        let alignment = alignment(subject.level, age, count, survey);
        let class = if alignment == Alignment::SinceStart {
            age
        } else {
            ANY_AGE
        };
        let mut parts: Vec<Part> = Vec::with_capacity(1);
        for lane in &count.lanes {
            let Some(known) = survey.ledger.lane(lane.lane) else {
                continue;
            };
            if parts.iter().all(|part| part.emitter != known.emitter) {
                parts.push(part(known, survey, first, class, alignment));
            }
        }
        for lane in &count.lanes {
            add_counts(&mut parts, lane, survey);
        }
        let mut cells = vec![Exposed::default(); survey.ledger.contexts().len()];
        for part in &parts {
            for (sum, cell) in cells.iter_mut().zip(&part.cells) {
                sum.add(cell);
            }
        }
        Some(Self {
            subject,
            first,
            last,
            alignment,
            parts,
            cells,
            workload: one_workload(count, survey),
        })
    }

    pub fn is_present(&self, place: usize) -> bool {
        self.cells.get(place).is_some_and(|cell| cell.records > 0)
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
        self.overlaps |= other.overlaps;
    }

    pub fn watched(&self) -> Span {
        Span(self.watched)
    }
}

fn alignment(level: Level, age: usize, count: &PatternCount, survey: &Survey<'_>) -> Alignment {
    if age == ANY_AGE {
        Alignment::AnyTime
    } else if level.is_error() && is_fatal(count, survey) {
        Alignment::Fatal
    } else {
        Alignment::SinceStart
    }
}

/// Whether every instance of which it can be told ended with it.
fn is_fatal(count: &PatternCount, survey: &Survey<'_>) -> bool {
    let mut died = count
        .lanes
        .iter()
        .flat_map(|lane| &lane.witnesses)
        .filter_map(|(source, at)| match survey.ledger.ended_after(*source, *at, DYING) {
            Some(died) => Some(died),
            None => (survey.at.since(*at) > SURVIVED).then_some(false),
        })
        .peekable();
    died.peek().is_some() && died.all(|died| died)
}

#[expect(clippy::cast_precision_loss, reason = "bins and nanoseconds as quantities")]
fn part(lane: &Lane, survey: &Survey<'_>, first: Time, class: usize, alignment: Alignment) -> Part {
    let emitter = lane.emitter;
    let cell = |context: &super::exposure::Watched| {
        let Some(id) = survey.ledger.lane_in(emitter, context.id) else {
            return Exposed::default();
        };
        let measure = survey.measure(id);
        let overlaps = measure.span.is_some_and(|(_, end)| end >= first);
        let share = match alignment {
            Alignment::AnyTime | Alignment::Fatal => measure.share_after(first),
            Alignment::SinceStart => f64::from(u8::from(overlaps)),
        };
        Exposed {
            records: 0,
            episodes: 0.0,
            bins: f64::from(measure.bins[class]) * share,
            time: measure.nanos[class] as f64 / BIN.nanos() as f64 * share,
            watched: measure.nanos[ANY_AGE],
            deployed: true,
            open: survey
                .ledger
                .lane(id)
                .map_or(0, |lane| u32::try_from(lane.open()).unwrap_or(u32::MAX)),
            starts: measure.starts,
            gaps: measure.gaps,
            overlaps,
        }
    };
    Part {
        emitter,
        namespace: Arc::clone(&lane.workload.namespace),
        cells: survey.ledger.contexts().iter().map(cell).collect(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of episodes as a quantity")]
fn add_counts(parts: &mut [Part], count: &LaneCount, survey: &Survey<'_>) {
    let Some(lane) = survey.ledger.lane(count.lane) else {
        return;
    };
    let place = survey
        .ledger
        .contexts()
        .iter()
        .position(|known| known.id == lane.context);
    let part = parts.iter_mut().find(|part| part.emitter == lane.emitter);
    if let Some(cell) = part.zip(place).and_then(|(part, place)| part.cells.get_mut(place)) {
        cell.records += count.records;
        cell.episodes += count.episodes as f64;
        // It was seen, so it could be seen.
        cell.bins = cell.bins.max(cell.episodes);
    }
}

fn one_workload(count: &PatternCount, survey: &Survey<'_>) -> Option<WorkloadKey> {
    let mut workloads = count
        .lanes
        .iter()
        .filter_map(|lane| survey.ledger.lane(lane.lane))
        .map(|lane| &lane.workload);
    let first = workloads.next()?;
    workloads.all(|other| other == first).then(|| first.clone())
}
