//! Two findings that tell one difference: one cluster says in other words what another says, so neither lacks anything.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use crate::model::WorkloadKey;

use super::finding::{CellState, Finding, Verdict};

/// The share of equal words, of both texts together, above which two texts say the same.
const ALIKE: f64 = 0.8;

/// Words that must be equal at least; a few are equal by chance.
const LEAST_WORDS: usize = 3;

/// Words of a text that are compared.
const MOST_WORDS: usize = 256;

/// Findings of one workload that are compared with each other, the most telling ones.
const MOST_FINDINGS: usize = 64;

/// Letters of the other text that are quoted.
const QUOTED: usize = 80;

/// Names the counterpart of a finding, in `ranked` order: the lesser one is a variant of the more telling one, and the
/// evidence of both says so.
pub fn join_variants(ranked: &mut [Finding], names: &[Arc<str>]) {
    let mut differing: HashMap<&WorkloadKey, Vec<usize>> = HashMap::new();
    for (n, finding) in ranked.iter().enumerate() {
        if let Some(workload) = finding.workload.as_ref().filter(|_| differs(finding)) {
            let of_workload = differing.entry(workload).or_default();
            if of_workload.len() < MOST_FINDINGS {
                of_workload.push(n);
            }
        }
    }
    let mut pairs = Vec::new();
    for of_workload in differing.into_values().filter(|findings| findings.len() > 1) {
        pairs.extend(pairs_of(ranked, &of_workload));
    }
    pairs.sort_unstable();
    for (whole, variant) in pairs {
        let (said, other) = (quote(ranked, whole, names), quote(ranked, variant, names));
        if let Some(finding) = ranked.get_mut(whole) {
            finding.evidence.push_str(&other);
        }
        let pattern = ranked.get(whole).map(|finding| finding.pattern);
        if let Some(finding) = ranked.get_mut(variant) {
            finding.variant_of = pattern;
            finding.evidence.push_str(&said);
        }
    }
}

fn pairs_of(ranked: &[Finding], of_workload: &[usize]) -> Vec<(usize, usize)> {
    let of: Vec<_> = of_workload
        .iter()
        .filter_map(|n| ranked.get(*n).map(|finding| (*n, finding, words(&finding.template))))
        .collect();
    let mut taken = HashSet::new();
    let mut pairs = Vec::new();
    for (n, (whole, one, words)) in of.iter().enumerate() {
        if taken.contains(whole) {
            continue;
        }
        let found = of.iter().skip(n + 1).find(|(variant, other, of_other)| {
            !taken.contains(variant)
                && one.level.is_error() == other.level.is_error()
                && are_reciprocal(one, other)
                && are_alike(words, of_other)
        });
        if let Some((variant, _, _)) = found {
            taken.extend([*whole, *variant]);
            pairs.push((*whole, *variant));
        }
    }
    pairs
}

/// Whether anything is claimed to be absent.
fn differs(finding: &Finding) -> bool {
    let claims = match finding.verdict {
        Verdict::Only(_) | Verdict::Missing(_) | Verdict::Unknown => true,
        Verdict::More(_) | Verdict::Less(_) | Verdict::Same => false,
    };
    claims
        && finding
            .cells
            .iter()
            .any(|cell| matches!(cell.state, CellState::Absent(_)))
}

/// Whether each is absent somewhere where the other is seen, and nowhere both are seen.
fn are_reciprocal(one: &Finding, other: &Finding) -> bool {
    let is_absent_beside = |absent: &Finding, seen: &Finding| {
        let mut cells = absent.cells.iter().zip(&seen.cells);
        cells.any(|(absent, seen)| matches!(absent.state, CellState::Absent(_)) && seen.count > 0)
    };
    let mut cells = one.cells.iter().zip(&other.cells);
    cells.all(|(one, other)| one.count == 0 || other.count == 0)
        && is_absent_beside(one, other)
        && is_absent_beside(other, one)
}

/// The constant words, sorted; versions are one word, because another version is no other text.
fn words(template: &str) -> Vec<&str> {
    let is_odd = |c: char| !c.is_alphanumeric() && !"._-".contains(c);
    let words = template.split("<*>").flat_map(|part| part.split(is_odd));
    let mut words: Vec<_> = words
        .filter(|word| !word.is_empty())
        .map(|word| if is_version(word) { "1.0" } else { word })
        .take(MOST_WORDS)
        .collect();
    words.sort_unstable();
    words
}

/// `1.2`, `v1.2.3-rc1`: begins as a number and has a dot between digits.
fn is_version(word: &str) -> bool {
    let digits = word.strip_prefix('v').unwrap_or(word);
    let mut parts = digits.split('.');
    let mut is_number = || {
        let part = parts.next()?;
        Some(part.starts_with(|c: char| c.is_ascii_digit()))
    };
    is_number() == Some(true) && is_number() == Some(true)
}

/// Of two sorted lists.
#[expect(clippy::cast_precision_loss, reason = "a few hundred words")]
fn are_alike(one: &[&str], other: &[&str]) -> bool {
    let (mut a, mut b, mut equal) = (0, 0, 0);
    while let (Some(left), Some(right)) = (one.get(a), other.get(b)) {
        match left.cmp(right) {
            std::cmp::Ordering::Less => a += 1,
            std::cmp::Ordering::Greater => b += 1,
            std::cmp::Ordering::Equal => (a, b, equal) = (a + 1, b + 1, equal + 1),
        }
    }
    equal >= LEAST_WORDS && 2.0 * equal as f64 >= ALIKE * (one.len() + other.len()) as f64
}

/// `; dev writes it as: ...`
fn quote(ranked: &[Finding], of: usize, names: &[Arc<str>]) -> String {
    let Some(finding) = ranked.get(of) else {
        return String::new();
    };
    let seen: Vec<_> = finding
        .cells
        .iter()
        .zip(names)
        .filter(|(cell, _)| cell.count > 0)
        .map(|(_, name)| &**name)
        .collect();
    let (who, writes) = match seen.as_slice() {
        [] => return String::new(),
        [one] => ((*one).to_owned(), "writes"),
        [all @ .., last] => (format!("{} and {last}", all.join(", ")), "write"),
    };
    let line = finding.template.lines().next().unwrap_or_default();
    let mut text: String = line.chars().take(QUOTED).collect();
    if text.len() < line.len() {
        text.push('…');
    }
    format!("; {who} {writes} it as: {text}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contrast::finding::Cell;
    use crate::model::{ContextId, Level, PatternId, RecordId, Span, Time, WorkloadKind};

    fn finding(pattern: u32, template: &str, counts: [u64; 2]) -> Finding {
        let cell = |(n, count): (usize, u64)| Cell {
            context: ContextId(u16::try_from(n).unwrap()),
            count,
            episodes: count,
            watched: Span::ZERO,
            state: if count > 0 {
                CellState::Present
            } else {
                CellState::Absent(1e-3)
            },
            trend: vec![],
        };
        Finding {
            pattern: PatternId(pattern),
            template: template.to_owned(),
            level: Level::Error,
            workload: Some(WorkloadKey {
                namespace: "shop".into(),
                kind: WorkloadKind::Deployment,
                name: "api".into(),
            }),
            verdict: Verdict::Only(vec![]),
            cells: counts.into_iter().enumerate().map(cell).collect(),
            evidence: "never".to_owned(),
            first_seen: Time(0),
            last_seen: Time(0),
            example: RecordId(0),
            variant_of: None,
        }
    }

    fn check(one: (&str, [u64; 2]), other: (&str, [u64; 2]), is_variant: bool) {
        let mut ranked = vec![
            finding(5, "something else altogether", [3, 0]),
            finding(7, one.0, one.1),
            finding(3, other.0, other.1),
        ];
        join_variants(&mut ranked, &["dev".into(), "prod".into()]);
        let expected = is_variant.then_some(PatternId(7));
        assert_eq!(ranked[2].variant_of, expected, "{one:?} {other:?}");
        assert_eq!((ranked[0].variant_of, ranked[1].variant_of), (None, None));
        if is_variant {
            assert_eq!(ranked[1].evidence, format!("never; prod writes it as: {}", other.0));
            assert_eq!(ranked[2].evidence, format!("never; dev writes it as: {}", one.0));
        }
    }

    #[test]
    fn the_same_in_other_words_is_a_variant() {
        let (here, there) = ([3, 0], [0, 3]);
        let text = "cannot reach the queue <*> after <*> attempts";
        check(
            (text, here),
            ("cannot reach the queue <*> after <*> tries", there),
            true,
        );
        check((text, here), ("cannot open the file <*>", there), false);
        check(
            (text, here),
            ("cannot reach the queue <*> after <*> tries", here),
            false,
        );
        check(
            (text, here),
            ("cannot reach the queue <*> after <*> tries", [3, 3]),
            false,
        );
        check(
            ("client v1.2.3 is too old", here),
            ("client v1.10 is too old", there),
            true,
        );
        check(("up 1", here), ("up 2", there), false);
    }

    #[test]
    fn clusters_are_named_in_the_plural() {
        let mut ranked = vec![
            finding(1, "one two three four", [2, 0]),
            finding(2, "one two three four", [0, 2]),
        ];
        for finding in &mut ranked {
            let mut third = finding.cells[1].clone();
            third.context = ContextId(2);
            finding.cells.push(third);
        }
        join_variants(&mut ranked, &["dev".into(), "prod".into(), "edge".into()]);
        assert_eq!(
            ranked[0].evidence,
            "never; prod and edge write it as: one two three four"
        );
    }
}
