//! What may be claimed of one pattern in one cluster, and how doubtful a claim may be when all are taken together.

use super::absence::claimable;
use super::sample::{Exposed, Sample};
use super::silence::{LEAST_EXPECTED, Yardstick};
use super::statistics::{claimable_by_rank, expected_for, upper_tail};

/// Deviations of a bound that holds with 95 %.
const Z95: f64 = 1.645;

/// What the counts are evidence of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Evidence {
    /// More comes, and is looked at again and again.
    #[default]
    Live,
    /// All there is; it is looked at once.
    Frozen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimKind {
    Absent,
    More,
    Less,
}

impl ClaimKind {
    /// A claim that was made stays while its doubt is below this, so that it does not flicker.
    pub const fn kept(self) -> f64 {
        match self {
            Self::Absent => 0.1,
            Self::More | Self::Less => 0.005,
        }
    }
}

/// What may be claimed of one pattern in one cluster, before all are taken together.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    pub sample: usize,
    pub place: usize,
    pub kind: ClaimKind,
    /// The chance that it is wrong (absent), or the p-value (more, less).
    pub doubt: f64,
    /// Absent: the probability of seeing nothing if it were there. More and less: the 95 % bound of the ratio.
    pub bound: f64,
    pub is_error: bool,
}

/// The most doubt with which a claim is made.
pub struct Limits {
    absent: f64,
    /// Of ratios of others and of errors.
    ratio: [f64; 2],
}

impl Evidence {
    /// The share of all claims of more or less that may be wrong.
    const fn wrong_ratio(self) -> f64 {
        match self {
            Self::Live => 0.002,
            Self::Frozen => 0.01,
        }
    }

    /// The share of all claims of absence that may be wrong.
    const fn wrong(self) -> f64 {
        match self {
            Self::Live => 0.01,
            Self::Frozen => 0.03,
        }
    }

    /// The most doubtful claim of absence that is made at all.
    const fn most_doubt(self) -> f64 {
        match self {
            Self::Live => 0.05,
            Self::Frozen => 0.3,
        }
    }
}

impl Limits {
    pub fn of(candidates: &[Candidate], evidence: Evidence) -> Self {
        let of = |kind: fn(&Candidate) -> bool| -> Vec<f64> {
            let some = candidates.iter().filter(|candidate| kind(candidate));
            some.map(|candidate| candidate.doubt).collect()
        };
        let ratio = [
            of(|it| it.kind != ClaimKind::Absent && !it.is_error),
            of(|it| it.kind != ClaimKind::Absent && it.is_error),
        ];
        Self {
            absent: claimable(
                of(|it| it.kind == ClaimKind::Absent),
                evidence.wrong(),
                evidence.most_doubt(),
            )
            .max(evidence.most_doubt() / 2.0),
            ratio: ratio.map(|p| claimable_by_rank(p, evidence.wrong_ratio())),
        }
    }

    pub fn of_kind(&self, candidate: &Candidate) -> f64 {
        match candidate.kind {
            ClaimKind::Absent => self.absent,
            ClaimKind::More | ClaimKind::Less => self.ratio[usize::from(candidate.is_error)],
        }
    }

    /// How many episodes must be expected for this silence to be claimed, for telling how much longer to watch: its
    /// doubt must shrink by as much as the probability of its silence does.
    pub fn enough(&self, candidate: Option<&Candidate>, evidence: f64, scatter: f64) -> f64 {
        let odds = |chance: f64| chance / (1.0 - chance).max(f64::MIN_POSITIVE);
        let wanted = match candidate {
            Some(candidate) => odds(self.absent) / odds(candidate.doubt.min(0.999_9)) * candidate.bound,
            None => self.absent,
        };
        expected_for(wanted.clamp(1e-12, 0.5), evidence, scatter).max(LEAST_EXPECTED)
    }
}

/// Whether a cluster that shows a pattern shows it markedly more or less often than the others do on average, each
/// counting alike: the rate is twice theirs or half of it beyond doubt, and by more than clusters usually differ. Where it was not seen it may run all the same: that makes no `more`, but may unmake a `less`.
pub fn ratio(n: usize, sample: &Sample<'_>, place: usize, yard: &Yardstick) -> Option<Candidate> {
    let rate = |cell: &Exposed, traffic: f64| (cell.rate() / traffic, cell.variance());
    let here = sample.cells.get(place).filter(|cell| cell.episodes > 0.0)?;
    let (own, own_variance) = rate(here, *yard.traffic.get(place)?);
    let (mut sum, mut variance, mut seen, mut silent) = (0.0, 0.0, 0.0, 0.0);
    for (other, (cell, traffic)) in sample.cells.iter().zip(&yard.traffic).enumerate() {
        if other == place || cell.bins <= 0.0 {
            continue;
        }
        if cell.episodes > 0.0 {
            let (rate, of_rate) = rate(cell, *traffic);
            sum += rate;
            variance += rate * rate * of_rate;
            seen += 1.0;
        } else {
            silent += 1.0;
        }
    }
    if seen < 1.0 {
        return None;
    }
    let kind = if own > sum / seen {
        ClaimKind::More
    } else {
        ClaimKind::Less
    };
    let others = if kind == ClaimKind::Less { seen + silent } else { seen };
    let log_ratio = (own / (sum / others)).ln();
    let others_variance = variance / (sum * sum);
    let (beyond, sign) = match kind {
        ClaimKind::Less => (-log_ratio, -1.0),
        ClaimKind::More | ClaimKind::Absent => (log_ratio, 1.0),
    };
    // By counting, a rate is this far from theirs, from twice theirs, and at its bound.
    let own = |beyond: f64| deviation(1.0 / own_variance, sign * beyond).powi(2);
    let marked = beyond - 2_f64.ln();
    let is_marked = upper_tail(marked / (own(marked) + others_variance).sqrt());
    let scatter = yard.scatter * (1.0 + 1.0 / others);
    let is_unusual = upper_tail(beyond / (own(beyond) + others_variance + scatter).sqrt());
    let bound = log_ratio - sign * Z95 * (own(beyond) + others_variance).sqrt();
    Some(Candidate {
        sample: n,
        place,
        kind,
        doubt: is_marked.max(is_unusual),
        bound: bound.exp(),
        is_error: sample.subject.level.is_error(),
    })
}

/// The standard deviation of the logarithm of a count, so that a mean that lies `log_ratio` below it (above it, if
/// negative) is as far away in deviations as by the exact Poisson limits, which a few counts stray far from (after
/// Wilson and Hilferty).
fn deviation(count: f64, log_ratio: f64) -> f64 {
    let count = if log_ratio < 0.0 { count + 1.0 } else { count };
    let away = 3.0 * count.sqrt() * ((1.0 - 1.0 / (9.0 * count)) - (-log_ratio / 3.0).exp());
    let plain = count.sqrt().recip();
    let exact = log_ratio / away;
    if exact.is_finite() && exact > plain {
        exact
    } else {
        plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_counts_are_less_sure_than_their_root_says() {
        // The chance of five or more where half a one is expected is 1.7e-4, that is 3.6 deviations.
        let away = 10_f64.ln() / deviation(5.0, 10_f64.ln());
        assert!((3.2..3.9).contains(&away), "{away}");
        assert!((deviation(1e4, 0.5) - 0.01).abs() < 2e-3);
        assert!(deviation(3.0, -1.0) >= 0.5);
    }
}
