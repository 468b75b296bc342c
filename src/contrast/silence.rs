//! What it means that a cluster did not show a pattern: nothing, for one of many reasons, or that it is not there.

use crate::model::{Span, Time};

use super::coverage::{BIN, Clip};
use super::exposure::{Survey, Watched, Watching};
use super::sample::{Alignment, Exposed, Sample, SubjectKind};
use super::statistics::{Balance, Row, silence};

/// Episodes to be expected before their absence is considered at all.
pub const LEAST_EXPECTED: f64 = 3.0;

/// Episodes to be seen elsewhere before anything is concluded from them.
pub const LEAST_SEEN: f64 = 3.0;

/// How many times the rate of the others makes a cluster no standard for them.
const LOUD: f64 = 3.0;

/// After log access was gained, streams open one by one; until then, what has not opened may still.
const SETTLED: Span = Span::from_secs(5);

/// The same in a context where nothing at all has opened yet: its first list may be slow.
const SETTLED_EMPTY: Span = Span::from_secs(15);

/// Why nothing was seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Silence {
    NotWatched,
    Forbidden,
    NotDeployed,
    /// Just connected: the workload may not have been found yet.
    Settling,
    /// It runs there, but no stream of it is or was open.
    NoStream,
    Gaps,
    /// It was not watched any more when the pattern was first seen elsewhere.
    Before,
    /// It is written near a start, and no start was watched here.
    NoStart,
    /// Too rare where it is seen: this many more episodes are needed.
    TooRare(u32),
    /// Something can be said: so many episodes were to be expected.
    Expected(Expectation),
    /// The pattern is a mixture of many.
    Mixture,
}

/// What silence is weighed with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expectation {
    /// Episodes expected here at the rate of the others.
    pub mean: f64,
    /// Episodes that this rests on.
    pub evidence: f64,
    /// The probability of seeing none.
    pub p: f64,
    /// By how many the mean grows each second from now on.
    pub growth: f64,
}

/// How clusters differ, as far as one pattern has no say in it.
#[derive(Clone, Debug)]
pub struct Yardstick {
    /// Relative traffic of each cluster.
    pub traffic: Vec<f64>,
    /// `Balance::scatter`.
    pub scatter: f64,
}

impl Yardstick {
    /// Of one pattern, which must not have a say in what it is judged by.
    pub fn of(balance: &Balance, row: &Row) -> Self {
        Self {
            traffic: balance.traffic_without(row),
            scatter: balance.scatter,
        }
    }
}

impl Expectation {
    /// How long to watch on until `wanted` episodes were to be expected, if that can be said.
    pub fn wait_for(&self, wanted: f64) -> Option<Span> {
        const LONGEST: f64 = 7.0 * 24.0 * 3600.0;
        let secs = (wanted - self.mean).max(1.0e-9) / self.growth;
        (self.growth > 0.0 && secs < LONGEST).then(|| whole_secs(secs))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "at most a week of seconds")]
fn whole_secs(secs: f64) -> Span {
    Span::from_secs(secs.ceil() as i64)
}

impl Silence {
    /// Why the cluster `place`, where the sample has no record, is silent.
    pub fn of(sample: &Sample<'_>, place: usize, yard: &Yardstick, survey: &Survey<'_>) -> Self {
        let (Some(cell), Some(context)) = (sample.cells.get(place), survey.ledger.contexts().get(place)) else {
            return Self::NotWatched;
        };
        if sample.subject.kind == SubjectKind::Rest {
            return Self::Mixture;
        }
        unseen_part(sample, place, context, survey)
            .or_else(|| (!cell.deployed).then_some(Self::NotDeployed))
            .or_else(|| not_watched_enough(sample, cell, survey.clip))
            .unwrap_or_else(|| expectation(sample, place, yard))
    }

    pub const fn blocks(&self) -> bool {
        !matches!(self, Self::NotDeployed)
    }
}

/// What hides some of those that write it: while one of them cannot be seen here, the others' silence proves nothing.
fn unseen_part(sample: &Sample<'_>, place: usize, context: &Watched, survey: &Survey<'_>) -> Option<Silence> {
    let reasons = sample.parts.iter().filter_map(|part| {
        let deployed = part.cells.get(place).is_some_and(|cell| cell.deployed);
        match survey.places(part.emitter).get(place)?.watching {
            Watching::Never => Some(Silence::NotWatched),
            Watching::Forbidden => Some(Silence::Forbidden),
            Watching::Since(since) if !deployed => Some(not_deployed(context, since, survey.at)),
            Watching::Until(_) if !deployed => Some(Silence::Before),
            Watching::Since(_) | Watching::Until(_) => None,
        }
    });
    // What a person can do something about is said first.
    reasons
        .filter(Silence::blocks)
        .min_by_key(|reason| *reason != Silence::Forbidden)
}

fn not_deployed(context: &Watched, since: Time, now: Time) -> Silence {
    let settled = if context.has_sources { SETTLED } else { SETTLED_EMPTY };
    if now.since(since) < settled {
        Silence::Settling
    } else {
        Silence::NotDeployed
    }
}

fn not_watched_enough(sample: &Sample<'_>, cell: &Exposed, clip: Clip) -> Option<Silence> {
    if cell.watched <= 0 && clip.age.is_some() {
        Some(Silence::NoStart)
    } else if cell.watched <= 0 && clip.from.is_some() {
        Some(Silence::Before)
    } else if cell.watched <= 0 {
        Some(if cell.gaps > 0 {
            Silence::Gaps
        } else {
            Silence::NoStream
        })
    } else if !cell.overlaps {
        Some(Silence::Before)
    } else if cell.time <= 0.0 && cell.gaps > 0 && sample.alignment != Alignment::SinceStart {
        Some(Silence::Gaps)
    } else if cell.time <= 0.0 {
        Some(match sample.alignment {
            Alignment::SinceStart => Silence::NoStart,
            Alignment::AnyTime | Alignment::Fatal => Silence::NoStream,
        })
    } else {
        None
    }
}

/// The others' rate, of those emitters that run here, applied to what was watched here.
fn expectation(sample: &Sample<'_>, place: usize, yard: &Yardstick) -> Silence {
    let traffic = yard.traffic.get(place).copied().unwrap_or(1.0);
    let mut seen = vec![(0.0, 0.0); yard.traffic.len()];
    let (mut here, mut open) = (0.0, 0);
    for part in &sample.parts {
        let Some(cell) = part.cells.get(place).filter(|cell| cell.time > 0.0) else {
            continue;
        };
        here += cell.time * traffic;
        open += cell.open;
        for (sum, (other, traffic)) in seen.iter_mut().zip(part.cells.iter().zip(&yard.traffic)) {
            if other.episodes > 0.0 {
                *sum = (sum.0 + other.episodes, sum.1 + other.bins * traffic);
            }
        }
    }
    let (seen, exposure) = usual_rate(&seen);
    if seen < LEAST_SEEN {
        return Silence::TooRare(missing_episodes(seen));
    }
    let evidence = seen - 1.0;
    let rate = evidence / exposure.max(f64::MIN_POSITIVE);
    let mean = rate * here;
    let grows = match sample.alignment {
        // The time of the next start is not known.
        Alignment::SinceStart => 0.0,
        Alignment::AnyTime | Alignment::Fatal => f64::from(open) / BIN.as_secs_f64(),
    };
    Silence::Expected(Expectation {
        mean,
        evidence,
        p: silence(mean, evidence, yard.scatter),
        growth: rate * traffic * grows,
    })
}

/// Episodes and exposure of the clusters together; without the loudest if it is far louder than the rest, for a
/// cluster where something is wrong is no standard for the others.
fn usual_rate(clusters: &[(f64, f64)]) -> (f64, f64) {
    let sum = |but: Option<usize>| {
        let some = clusters.iter().enumerate().filter(|(n, _)| Some(*n) != but);
        some.fold((0.0, 0.0), |sum, (_, (seen, exposure))| {
            (sum.0 + seen, sum.1 + exposure)
        })
    };
    let rate = |(seen, exposure): &(f64, f64)| if *exposure > 0.0 { seen / exposure } else { 0.0 };
    let loudest = (0..clusters.len()).max_by(|a, b| rate(&clusters[*a]).total_cmp(&rate(&clusters[*b])));
    let Some(loudest) = loudest else { return (0.0, 0.0) };
    let rest = sum(Some(loudest));
    if rest.0 >= LEAST_SEEN && rate(&clusters[loudest]) > LOUD * rate(&rest) {
        rest
    } else {
        sum(None)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between one and three"
)]
fn missing_episodes(seen: f64) -> u32 {
    (LEAST_SEEN - seen).max(1.0) as u32
}
