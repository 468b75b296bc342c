//! Which finding is the most telling: claims before questions before agreement, errors first in each, then by strength.

use std::cmp::Ordering;

use crate::model::{Level, Span, Time};

use super::finding::{CellState, Finding, Verdict};

/// Younger patterns count twice: what has just begun is what somebody is looking for.
const NEW: Span = Span::from_secs(15 * 60);

/// Sorts the most telling first. Equal ones keep a fixed order, so that a screen does not dance.
pub fn rank(findings: &mut [Finding], now: Time) {
    let mut keyed: Vec<_> = findings
        .iter()
        .enumerate()
        .map(|(n, finding)| (class(finding), score(finding, now), finding.pattern, n))
        .collect();
    keyed.sort_by(|a, b| {
        (a.0.cmp(&b.0))
            .then_with(|| b.1.partial_cmp(&a.1).unwrap_or(Ordering::Equal))
            .then_with(|| a.2.cmp(&b.2))
    });
    let mut place = vec![0; findings.len()];
    for (to, (_, _, _, from)) in keyed.iter().enumerate() {
        place[*from] = to;
    }
    for n in 0..findings.len() {
        while place[n] != n {
            let to = place[n];
            findings.swap(n, to);
            place.swap(n, to);
        }
    }
}

/// Lower is more telling. What differs comes first, also where it is not known yet how far the difference reaches.
fn class(finding: &Finding) -> u8 {
    let severity = match finding.level {
        Level::Error | Level::Fatal => 0,
        Level::Warn => 1,
        Level::None | Level::Trace | Level::Debug | Level::Info => 2,
    };
    let differs = match &finding.verdict {
        Verdict::Only(_) | Verdict::More(_) | Verdict::Less(_) | Verdict::Missing(_) => true,
        Verdict::Unknown => finding.cells.iter().any(|cell| strength(&cell.state).is_some()),
        Verdict::Same => false,
    };
    match (differs, &finding.verdict, severity) {
        (true, _, severity) => severity,
        (false, Verdict::Same, 0) => 5,
        (false, Verdict::Same, 1) => 6,
        (false, Verdict::Same, _) => 8,
        (false, _, 0) => 3,
        (false, _, 1) => 4,
        (false, _, _) => 7,
    }
}

/// How sure a claim about one cluster is, or how large the difference is at least; on a common scale of logarithms.
fn strength(state: &CellState) -> Option<f64> {
    match state {
        CellState::Absent(p) => Some(-p.max(1e-12).ln()),
        CellState::More(times) => Some(times.max(1.0).ln()),
        CellState::Less(times) => Some(-times.clamp(1e-12, 1.0).ln()),
        CellState::Present
        | CellState::Unknown(_)
        | CellState::NotDeployed
        | CellState::Forbidden
        | CellState::NotWatched
        | CellState::Gap => None,
    }
}

/// Evidence, frequency and freshness. A claim of absence is as strong as its weakest cluster, one of a ratio as its
/// strongest.
fn score(finding: &Finding, now: Time) -> f64 {
    let strengths = |wanted: fn(&CellState) -> bool| {
        let cells = finding.cells.iter().filter(move |cell| wanted(&cell.state));
        cells.filter_map(|cell| strength(&cell.state))
    };
    let absent = strengths(|state| matches!(state, CellState::Absent(_))).reduce(f64::min);
    let ratio = strengths(|state| !matches!(state, CellState::Absent(_))).reduce(f64::max);
    let strength = absent.or(ratio).unwrap_or(1.0);
    let episodes: u64 = finding.cells.iter().map(|cell| cell.episodes).sum();
    let new = if now.since(finding.first_seen) < NEW { 2.0 } else { 1.0 };
    strength.min(8.0) * episodes_weight(episodes) * new
}

#[expect(clippy::cast_precision_loss, reason = "a weight needs no precision")]
fn episodes_weight(episodes: u64) -> f64 {
    (episodes as f64).ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contrast::finding::Cell;
    use crate::model::{ContextId, PatternId, RecordId};

    fn finding(pattern: u32, level: Level, verdict: Verdict, p: f64) -> Finding {
        Finding {
            pattern: PatternId(pattern),
            template: String::new(),
            level,
            workload: None,
            verdict,
            cells: vec![
                Cell {
                    context: ContextId(1),
                    count: 0,
                    episodes: 0,
                    watched: Span::ZERO,
                    state: CellState::Absent(p),
                    trend: vec![],
                },
                Cell {
                    context: ContextId(0),
                    count: 10,
                    episodes: 10,
                    watched: Span::ZERO,
                    state: CellState::Present,
                    trend: vec![],
                },
            ],
            evidence: String::new(),
            first_seen: Time(0),
            last_seen: Time(0),
            example: RecordId(0),
            variant_of: None,
        }
    }

    #[test]
    fn claims_come_first_and_errors_before_them_all() {
        let only = || Verdict::Only(vec![ContextId(0)]);
        let mut findings = vec![
            finding(0, Level::Info, Verdict::Same, 1.0),
            finding(1, Level::Error, Verdict::Same, 1.0),
            finding(2, Level::Warn, only(), 1e-6),
            finding(3, Level::Error, Verdict::Unknown, 1.0),
            finding(4, Level::Error, only(), 1e-3),
            finding(5, Level::Fatal, only(), 1e-6),
            finding(6, Level::Info, only(), 1e-9),
            finding(7, Level::Error, only(), 1e-6),
            finding(8, Level::Error, Verdict::Unknown, 1e-7),
        ];
        for n in [1, 3] {
            findings[n].cells[0].state = CellState::Unknown(None);
        }
        rank(&mut findings, Time::from_secs(3600));
        let order: Vec<_> = findings.iter().map(|finding| finding.pattern.0).collect();
        assert_eq!(order, [5, 7, 8, 4, 2, 6, 3, 1, 0]);
    }
}
