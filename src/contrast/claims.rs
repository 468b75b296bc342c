//! What may be claimed of one pattern in one cluster, and how doubtful a claim may be when all are taken together.

use super::absence::claimable;
use super::sample::Sample;
use super::silence::{LEAST_EXPECTED, Yardstick};
use super::statistics::{claimable_by_rank, expected_for, upper_tail};

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
    /// The share of all claims that may be wrong.
    const fn wrong(self) -> f64 {
        match self {
            Self::Live => 0.005,
            Self::Frozen => 0.02,
        }
    }

    /// The most doubtful claim of absence that is made at all.
    const fn most_doubt(self) -> f64 {
        match self {
            Self::Live => 0.03,
            Self::Frozen => 0.1,
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
            .max(evidence.wrong()),
            ratio: ratio.map(|p| claimable_by_rank(p, evidence.wrong())),
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

/// Whether a cluster that shows a pattern shows it markedly more or less often than all others that show it.
pub fn ratio(n: usize, sample: &Sample<'_>, place: usize, yard: &Yardstick) -> Option<Candidate> {
    let here = sample.cells.get(place)?;
    let (mut seen, mut exposure, mut variance, mut clusters) = (0.0, 0.0, 0.0, 0.0);
    for (other, (cell, traffic)) in sample.cells.iter().zip(&yard.traffic).enumerate() {
        if other != place && cell.episodes > 0.0 && cell.bins > 0.0 {
            let rate = cell.rate() * cell.bins;
            seen += rate;
            variance += cell.variance() * rate * rate;
            exposure += cell.bins * traffic;
            clusters += 1.0;
        }
    }
    if clusters < 1.0 || here.bins <= 0.0 {
        return None;
    }
    let traffic = yard.traffic.get(place)?;
    let log_ratio = (here.rate() / traffic).ln() - ((seen + 0.5) / exposure).ln();
    let counting = here.variance() + (variance + 0.5) / ((seen + 0.5) * (seen + 0.5));
    let deviation = (counting + yard.scatter * (1.0 + 1.0 / clusters)).sqrt();
    let (kind, beyond, bound) = if log_ratio > 0.0 {
        (ClaimKind::More, log_ratio - 2_f64.ln(), log_ratio - 1.645 * deviation)
    } else {
        (ClaimKind::Less, -log_ratio - 2_f64.ln(), log_ratio + 1.645 * deviation)
    };
    Some(Candidate {
        sample: n,
        place,
        kind,
        doubt: upper_tail(beyond / deviation),
        bound: bound.exp(),
        is_error: sample.subject.level.is_error(),
    })
}
