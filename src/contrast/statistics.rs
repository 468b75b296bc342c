//! The arithmetic of verdicts: how surprising a silence is, how clusters differ in traffic and in scatter, and how many
//! claims may be made at once. Numbers only.

/// Scatter between clusters that is assumed until enough patterns tell.
const SCATTER: f64 = 0.12;

/// Episodes as expected that each cluster is credited with, so that its traffic is never nought.
const PRIOR: f64 = 1.0;

/// Patterns that must be common to tell the scatter.
const COMMON: usize = 10;

/// Episodes to be expected in a cluster for its rate to tell anything about the scatter.
const TELLING: f64 = 5.0;

/// One pattern's counts for `Balance`: per cluster its episodes and the exposure in bins, `None` where it could not be.
pub type Row = Vec<Option<(f64, f64)>>;

/// How clusters differ for all patterns alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Balance {
    /// Variance of a pattern's rate between clusters, relative to its square (negative-binomial dispersion).
    pub scatter: f64,
    /// Relative traffic of each cluster; only ratios mean anything.
    fit: Fit,
}

/// The probability of no episode where `expected` were to be expected from `evidence` episodes elsewhere: the
/// negative-binomial predictive distribution. At most one independent episode less than was seen may be given as
/// `evidence`, because the pattern would not be looked at had it not been seen once.
pub fn silence(expected: f64, evidence: f64, scatter: f64) -> f64 {
    let k = 1.0 / (scatter + 1.0 / evidence);
    (1.0 + expected / k).powf(-k)
}

/// How many episodes must be expected for `silence` to be as small as `wanted`.
pub fn expected_for(wanted: f64, evidence: f64, scatter: f64) -> f64 {
    let k = 1.0 / (scatter + 1.0 / evidence);
    k * (wanted.powf(-1.0 / k) - 1.0)
}

/// The largest p-value that may be claimed when a share of at most `q` of all claims may be wrong, after Benjamini and
/// Hochberg (1995). Negative if none may.
pub fn claimable_by_rank(mut p: Vec<f64>, q: f64) -> f64 {
    p.sort_by(f64::total_cmp);
    let all = count(p.len());
    p.iter()
        .enumerate()
        .rev()
        .find(|(rank, p)| **p <= q * count(rank + 1) / all)
        .map_or(-1.0, |(_, p)| *p)
}

/// The probability that a standard normal variable is above `z`, to seven digits in all its range (Press et al.,
/// Numerical Recipes, `erfcc`).
pub fn upper_tail(z: f64) -> f64 {
    const C: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * x);
    let series = C.iter().rev().fold(0.0, |sum, c| sum * t + c);
    let tail = 0.5 * t * (series - x * x).exp();
    if z >= 0.0 { tail } else { 1.0 - tail }
}

#[expect(clippy::cast_precision_loss, reason = "counts of patterns and clusters are small")]
fn count(n: usize) -> f64 {
    n as f64
}

impl Balance {
    pub fn of(rows: &[Row], clusters: usize) -> Self {
        let mut fit = Fit {
            traffic: vec![1.0; clusters],
            basis: Vec::new(),
            seen: Vec::new(),
            expected: Vec::new(),
        };
        for _ in 0..6 {
            fit.improve(rows);
        }
        let scatter = scatter(rows, &fit.traffic);
        Self { scatter, fit }
    }

    /// The traffic as the other patterns tell it: a pattern that is judged by it must not have its own say.
    pub fn traffic_without(&self, row: &Row) -> Vec<f64> {
        let mut traffic = self.fit.basis.clone();
        let own = Own::of(row, &self.fit.basis);
        for (place, traffic) in traffic.iter_mut().enumerate() {
            let (seen, expected) = own.as_ref().map_or((0.0, 0.0), |own| own.share(row, place, *traffic));
            // What is left is the prior at least, but for rounding.
            *traffic = limited(
                (self.fit.seen[place] - seen).max(PRIOR),
                (self.fit.expected[place] - expected).max(PRIOR),
            );
        }
        traffic
    }
}

/// Fits `episodes = rate of the pattern x traffic of the cluster x exposure` by weighted iteration. Zeros count, so that
/// a quiet cluster is known as one even if it shows none of the patterns; the weights keep a few loud patterns from
/// deciding alone.
#[derive(Clone, Debug, PartialEq)]
struct Fit {
    traffic: Vec<f64>,
    /// The traffic that `seen` and `expected` were weighted by, one step earlier.
    basis: Vec<f64>,
    seen: Vec<f64>,
    expected: Vec<f64>,
}

impl Fit {
    fn improve(&mut self, rows: &[Row]) {
        self.basis.clone_from(&self.traffic);
        self.seen = vec![PRIOR; self.traffic.len()];
        self.expected = vec![PRIOR; self.traffic.len()];
        for row in rows {
            let Some(own) = Own::of(row, &self.traffic) else {
                continue;
            };
            for place in 0..self.traffic.len() {
                let (seen, expected) = own.share(row, place, self.traffic[place]);
                self.seen[place] += seen;
                self.expected[place] += expected;
            }
        }
        for (place, traffic) in self.traffic.iter_mut().enumerate() {
            *traffic = limited(self.seen[place], self.expected[place]);
        }
    }
}

fn limited(seen: f64, expected: f64) -> f64 {
    (seen / expected.max(f64::MIN_POSITIVE)).clamp(1e-4, 1e4)
}

/// What one pattern says about traffic.
struct Own {
    rate: f64,
}

impl Own {
    /// `None` if it was seen too seldom or runs in one cluster only.
    fn of(row: &Row, traffic: &[f64]) -> Option<Self> {
        let (mut clusters, mut episodes, mut exposure) = (0, 0.0, 0.0);
        for (cell, traffic) in row.iter().zip(traffic) {
            if let Some((n, bins)) = cell {
                clusters += 1;
                episodes += n;
                exposure += bins * traffic;
            }
        }
        (clusters > 1 && episodes >= 3.0).then(|| Self {
            rate: episodes / exposure.max(f64::MIN_POSITIVE),
        })
    }

    /// Weighted episodes seen, and expected at a traffic of one.
    fn share(&self, row: &Row, place: usize, traffic: f64) -> (f64, f64) {
        let Some(Some((n, bins))) = row.get(place) else {
            return (0.0, 0.0);
        };
        let weight = 1.0 / (1.0 + SCATTER * self.rate * bins * traffic);
        (weight * n, weight * self.rate * bins)
    }
}

/// The median over patterns that are common in several clusters, of the variance of their rates between these.
fn scatter(rows: &[Row], traffic: &[f64]) -> f64 {
    let mut found: Vec<f64> = rows.iter().filter_map(|row| scatter_of(row, traffic)).collect();
    if found.len() < COMMON {
        return SCATTER;
    }
    found.sort_by(f64::total_cmp);
    found[found.len() / 2].clamp(0.02, 1.0)
}

/// Relative to the square of the rate. A single one is a scaled chi-squared variable; it is divided by the median of
/// such a variable (Wilson and Hilferty), so that the median of many is the truth.
fn scatter_of(row: &Row, traffic: &[f64]) -> Option<f64> {
    let cells = row.iter().zip(traffic);
    let cells = cells.filter_map(|(cell, traffic)| cell.map(|(n, bins)| (n, bins * traffic)));
    let rate = Own::of(row, traffic)?.rate;
    let cells: Vec<_> = cells.filter(|(n, e)| *n >= 1.0 && rate * e >= TELLING).collect();
    if cells.len() < 2 {
        return None;
    }
    let all = count(cells.len());
    let mean = cells.iter().map(|(n, e)| n / e).sum::<f64>() / all;
    let variance = cells.iter().map(|(n, e)| (n / e - mean).powi(2)).sum::<f64>() / (all - 1.0);
    let of_counting = cells.iter().map(|(n, e)| n / e / e).sum::<f64>() / all;
    let median = (1.0 - 2.0 / (9.0 * (all - 1.0))).powi(3);
    Some((variance / median - of_counting) / (mean * mean))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, wanted: f64, within: f64) {
        assert!((got - wanted).abs() <= within, "{got} is not {wanted}");
    }

    #[test]
    fn silence_grows_telling_with_what_was_expected() {
        close(silence(0.0, 5.0, 0.25), 1.0, 1e-12);
        assert!(silence(60.0, 5.0, 0.25) < 1e-3);
        assert!(
            silence(60.0, 1.0, 0.25) > 0.01,
            "one repetition never proves an absence"
        );
        close(silence(expected_for(0.01, 4.0, 0.2), 4.0, 0.2), 0.01, 1e-9);
    }

    #[test]
    fn few_small_among_many_large_may_be_claimed() {
        close(claimable_by_rank(vec![0.5, 0.001, 0.004, 0.9], 0.01), 0.004, 1e-12);
        assert!(claimable_by_rank(vec![0.5, 0.006, 0.007, 0.9], 0.01) < 0.0);
        assert!(claimable_by_rank(Vec::new(), 0.01) < 0.0);
    }

    #[test]
    fn tails_agree_with_tables() {
        close(upper_tail(0.0), 0.5, 1e-6);
        close(upper_tail(1.644_853_6), 0.05, 1e-6);
        close(upper_tail(-1.959_964), 0.975, 1e-6);
        close(upper_tail(5.0) / 2.866_516e-7, 1.0, 1e-5);
    }

    #[test]
    fn a_quiet_cluster_is_known_by_its_zeros() {
        let rows: Vec<Row> = (0..40)
            .map(|n| {
                let busy = 3.0 + f64::from(n % 7);
                vec![
                    Some((busy, 100.0)),
                    Some((f64::from(u8::from(n % 8 == 0)), 100.0)),
                    None,
                ]
            })
            .collect();
        let balance = Balance::of(&rows, 3);
        let ratio = balance.fit.traffic[1] / balance.fit.traffic[0];
        assert!((0.01..0.06).contains(&ratio), "{balance:?}");
        close(balance.scatter, SCATTER, 1e-12);
    }

    #[test]
    fn a_pattern_has_no_say_about_the_traffic_it_is_judged_by() {
        let row: Row = vec![Some((50.0, 100.0)), Some((0.0, 100.0))];
        let balance = Balance::of(std::slice::from_ref(&row), 2);
        for traffic in balance.traffic_without(&row) {
            close(traffic, 1.0, 1e-9);
        }
    }

    #[test]
    fn scatter_is_read_from_common_patterns() {
        let rows: Vec<Row> = (0..30)
            .map(|n| {
                let even = f64::from(40 + n);
                vec![Some((even, 1000.0)), Some((even, 1000.0)), Some((even, 1000.0))]
            })
            .collect();
        close(Balance::of(&rows, 3).scatter, 0.02, 1e-12);
    }
}
