//! Which silences are absences: all silent clusters of all patterns weighed together.
//!
//! Most patterns run in every cluster that runs their workload; a few run in some clusters only. How many, and in how
//! many clusters those few are absent, is read from all patterns at once (empirical Bayes, by expectation and
//! maximisation), so that one silence weighs more beside others of the same pattern. Each silence gets its chance of
//! being wrong (Efron's local false discovery rate), and the surest are claimed as long as their mean chance stays
//! below what may be wrong.
//!
//! For one pattern, with its rate r spread as a gamma distribution around what was seen:
//! * runs everywhere (1 - `some`): every silent cluster is silent by chance, `z(r) = (1 + phi m r)^(-1/phi)` each;
//! * runs in some clusters only (`some`): each cluster is absent with the chance `absent`, else silent by chance;
//! * runs everywhere, but is loud where it was seen: the others are silent by chance at a tenth of the rate.

use crate::model::Level;

/// Points at which the unknown rate is tried.
const RATES: usize = 12;

/// Patterns that the starting values count for, so that a few patterns do not tell what is usual.
const PRIOR_PATTERNS: f64 = 40.0;
const PRIOR_CELLS: f64 = 20.0;

/// How often a pattern is loud in some clusters, for each one that runs in some only; in which share of them, and how
/// many times as loud.
const LOUD: f64 = 0.25;
const LOUD_IN: f64 = 0.3;
const TIMES: f64 = 10.0;

/// Steps of the iteration at one look; it goes on from the last look.
const STEPS: usize = 2;

/// What is usual among patterns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usual {
    /// The share of patterns that run in some clusters only: of warnings and errors, and of others.
    pub some: [f64; 2],
    /// The share of clusters in which such a pattern is absent.
    pub absent: f64,
}

/// The silent clusters of one pattern, as far as their silence can be weighed.
#[derive(Clone, Debug)]
pub struct Silent {
    stratum: usize,
    /// Clusters where it was seen.
    present: f64,
    /// Of each rate tried: its weight, and whether all are silent by chance at it.
    weights: [f64; RATES],
    /// Of each silent cluster, the chance of its silence at each rate.
    chances: Vec<[f64; RATES]>,
    /// The chance that all are silent where the pattern is loud elsewhere.
    quiet: f64,
}

/// What silence is weighed with.
#[derive(Clone, Copy, Debug)]
pub struct Weights {
    /// Clusters where it was seen.
    pub present: f64,
    /// Episodes that the rate rests on.
    pub evidence: f64,
    /// The scatter of rates between clusters.
    pub scatter: f64,
    /// Warnings and errors tell of what is wrong somewhere, so they run in some clusters only more often than others.
    pub level: Level,
}

impl Default for Usual {
    fn default() -> Self {
        Self {
            some: [0.15, 0.05],
            absent: 0.5,
        }
    }
}

impl Silent {
    /// `means` are the episodes expected in each silent cluster at the rate of the others.
    pub fn new(weights: Weights, means: &[f64]) -> Self {
        let Weights {
            present,
            evidence,
            scatter,
            level,
        } = weights;
        // A gamma distribution of this shape, with one as its mean.
        let shape = 1.0 / (1.0 / evidence + scatter / present.max(1.0));
        let deviation = shape.sqrt().recip();
        let (low, high) = (-3.5 * deviation - deviation * deviation, 2.5 * deviation);
        let mut rates = [0.0; RATES];
        let mut of_rates = [0.0; RATES];
        let mut at = low;
        for (rate, weight) in rates.iter_mut().zip(&mut of_rates) {
            *rate = at.exp();
            *weight = (shape * (at + 1.0 - *rate)).exp();
            at += (high - low) / STEPS_BETWEEN;
        }
        let sum: f64 = of_rates.iter().sum();
        for weight in &mut of_rates {
            *weight /= sum;
        }
        let chance = |mean: &f64| {
            rates
                .map(|rate| (1.0 + scatter * mean * rate).ln() / -scatter)
                .map(f64::exp)
        };
        let quiet = |n: usize, rate: f64| -> f64 {
            let all: f64 = means
                .iter()
                .map(|mean| (1.0 + scatter * mean * rate / TIMES).ln())
                .sum();
            of_rates[n] * (all / -scatter).exp()
        };
        Self {
            stratum: usize::from(level < Level::Warn),
            present,
            weights: of_rates,
            chances: means.iter().map(chance).collect(),
            quiet: rates.iter().enumerate().map(|(n, rate)| quiet(n, *rate)).sum(),
        }
    }

    /// The chance that the pattern runs in some clusters only, and that each silent cluster is silent by chance.
    fn weigh(&self, usual: Usual, by_chance: &mut Vec<f64>) -> f64 {
        by_chance.clear();
        let of_some = usual.some[self.stratum];
        let runs_where_seen = of_some * (1.0 - usual.absent).powf(self.present);
        let silent = count(self.chances.len());
        let loud = of_some * LOUD * LOUD_IN.powf(self.present) * (1.0 - LOUD_IN).powf(silent) * self.quiet;
        let (mut everywhere, mut somewhere) = (0.0, 0.0);
        by_chance.resize(self.chances.len(), loud);
        for (n, weight) in self.weights.iter().enumerate() {
            let (mut all, mut some) = (weight * (1.0 - of_some), weight * runs_where_seen);
            for chances in &self.chances {
                all *= chances[n];
                some *= usual.absent + (1.0 - usual.absent) * chances[n];
            }
            everywhere += all;
            somewhere += some;
            for (sum, chances) in by_chance.iter_mut().zip(&self.chances) {
                let runs = (1.0 - usual.absent) * chances[n];
                *sum += all + some * runs / (usual.absent + runs);
            }
        }
        let whole = (everywhere + somewhere + loud).max(f64::MIN_POSITIVE);
        for sum in by_chance {
            *sum /= whole;
        }
        somewhere / whole
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of patterns and clusters are small")]
fn count(n: usize) -> f64 {
    n as f64
}

#[expect(clippy::cast_precision_loss, reason = "a dozen")]
const STEPS_BETWEEN: f64 = (RATES - 1) as f64;

/// The chance that each silence is one by chance, pattern by pattern, and what is usual now. `everywhere` are the
/// patterns without silence, by the same strata as `Usual::some`.
pub fn weigh(silent: &[Silent], everywhere: [usize; 2], usual: &mut Usual) -> Vec<Vec<f64>> {
    let start = Usual::default();
    let mut by_chance = Vec::new();
    for _ in 0..STEPS {
        let mut some = start.some.map(|share| share * PRIOR_PATTERNS);
        let mut patterns = everywhere.map(|patterns| count(patterns) + PRIOR_PATTERNS);
        let (mut absent, mut cells) = (start.absent * PRIOR_CELLS, PRIOR_CELLS);
        for pattern in silent {
            let share = pattern.weigh(*usual, &mut by_chance);
            some[pattern.stratum] += share;
            patterns[pattern.stratum] += 1.0;
            absent += by_chance.iter().map(|chance| 1.0 - chance).sum::<f64>();
            cells += share * (pattern.present + count(pattern.chances.len()));
        }
        *usual = Usual {
            some: [some[0] / patterns[0], some[1] / patterns[1]].map(|share| share.clamp(0.002, 0.5)),
            absent: (absent / cells).clamp(0.1, 0.8),
        };
    }
    silent
        .iter()
        .map(|pattern| {
            let mut by_chance = Vec::new();
            pattern.weigh(*usual, &mut by_chance);
            by_chance
        })
        .collect()
}

/// The largest chance of being wrong that may be claimed, so that of all claims a share of at most `wrong` is wrong on
/// average, and none is more doubtful than `doubt`. Negative if none may.
pub fn claimable(mut chances: Vec<f64>, wrong: f64, doubt: f64) -> f64 {
    chances.retain(|chance| *chance <= doubt);
    chances.sort_by(f64::total_cmp);
    let (mut sum, mut all, mut limit) = (0.0, 0.0, -1.0);
    for chance in chances {
        sum += chance;
        all += 1.0;
        if sum <= wrong * all {
            limit = chance;
        }
    }
    limit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(evidence: f64, means: &[f64]) -> Silent {
        let weights = Weights {
            present: 1.0,
            evidence,
            scatter: 0.1,
            level: Level::Info,
        };
        Silent::new(weights, means)
    }

    fn chances(evidence: f64, means: &[f64]) -> Vec<f64> {
        let mut found = Vec::new();
        of(evidence, means).weigh(Usual::default(), &mut found);
        found
    }

    #[test]
    fn silence_where_little_was_expected_is_chance() {
        assert!(chances(30.0, &[0.1])[0] > 0.9);
        assert!(chances(30.0, &[100.0])[0] < 1e-2);
        assert!(chances(1.0, &[8.0])[0] > 0.2, "one repetition never proves an absence");
    }

    #[test]
    fn silences_of_one_pattern_support_each_other() {
        let alone = chances(4.0, &[10.0])[0];
        let together = chances(4.0, &[10.0, 10.0, 10.0])[0];
        assert!(together < alone / 2.0, "{together} {alone}");
    }

    #[test]
    fn more_watching_never_weakens_a_silence() {
        let mut last = 1.0;
        for mean in [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 1000.0] {
            let chance = chances(6.0, &[mean])[0];
            assert!(chance <= last, "{mean}: {chance} after {last}");
            last = chance;
        }
    }

    #[test]
    fn what_is_usual_is_read_from_all() {
        let check = |absent: usize, low: f64, high: f64| {
            let mut all: Vec<_> = (0..absent).map(|_| of(50.0, &[40.0, 40.0])).collect();
            all.extend((absent..100).map(|_| of(5.0, &[0.4])));
            let mut usual = Usual::default();
            for _ in 0..10 {
                weigh(&all, [0, 300], &mut usual);
            }
            assert!((low..high).contains(&usual.some[1]), "{usual:?}");
        };
        check(0, 0.0, 0.03);
        check(60, 0.12, 0.3);
    }

    #[test]
    fn the_surest_are_claimed() {
        let close = |got: f64, wanted: f64| assert!((got - wanted).abs() < 1e-12, "{got}");
        close(claimable(vec![0.001, 0.015, 0.9, 0.002], 0.01, 0.1), 0.015);
        close(claimable(vec![0.001, 0.04, 0.9], 0.01, 0.1), 0.001);
        close(
            claimable(vec![0.0; 1000].into_iter().chain([0.3]).collect(), 0.01, 0.1),
            0.0,
        );
        close(claimable(vec![0.02], 0.01, 0.1), -1.0);
    }
}
