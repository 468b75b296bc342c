//! What the claims about one pattern add up to: `only`, `more`, `less`, `missing`, `same`, or `unknown` with the reason.

use std::sync::Arc;

use crate::model::{ContextId, Span};

use super::claims::{Candidate, ClaimKind, Evidence, Limits};
use super::counts::{Counts, Slices};
use super::evidence::Known;
use super::exposure::Watched;
use super::finding::{Cell, CellState, Finding, Verdict};
use super::lens::Lens;
use super::sample::Sample;
use super::silence::Silence;

/// How the clusters lie for one pattern.
struct Sides {
    present: Vec<usize>,
    absent: Vec<usize>,
    blocked: Vec<usize>,
    more: Vec<(usize, f64)>,
    less: Vec<(usize, f64)>,
}

/// One pattern, all that is known of it.
pub struct Case<'a> {
    pub sample: &'a Sample<'a>,
    pub contexts: &'a [Watched],
    pub names: &'a [Arc<str>],
    pub silences: &'a [Option<Silence>],
    /// The claims about it that stand.
    pub standing: &'a [Candidate],
    /// Those that might be made.
    pub candidates: &'a [Candidate],
    pub limits: &'a Limits,
    pub scatter: f64,
    pub lens: Lens,
    pub basis: Evidence,
}

impl Case<'_> {
    pub fn finding(&self, counts: &Counts, slices: Slices) -> Finding {
        let waits: Vec<_> = (0..self.contexts.len()).map(|place| self.wait(place)).collect();
        let sides = self.sides();
        let (verdict, evidence) = self.verdict(&sides, &waits);
        let subject = &self.sample.subject;
        Finding {
            pattern: subject.pattern,
            template: subject.template.to_owned(),
            level: subject.level,
            workload: self.sample.workload.clone(),
            verdict,
            cells: (0..self.contexts.len())
                .filter_map(|place| self.cell(place, &waits, counts, slices))
                .collect(),
            evidence,
            first_seen: self.sample.first,
            last_seen: self.sample.last,
            example: subject.example,
            variant_of: None,
        }
    }

    fn sides(&self) -> Sides {
        let mut sides = Sides {
            present: (0..self.contexts.len())
                .filter(|place| self.sample.is_present(*place))
                .collect(),
            absent: Vec::new(),
            blocked: Vec::new(),
            more: Vec::new(),
            less: Vec::new(),
        };
        for claim in self.standing {
            match claim.kind {
                ClaimKind::Absent => sides.absent.push(claim.place),
                ClaimKind::More => sides.more.push((claim.place, claim.bound)),
                ClaimKind::Less => sides.less.push((claim.place, claim.bound)),
            }
        }
        for (place, silence) in self.silences.iter().enumerate() {
            if silence.is_some_and(|silence| silence.blocks()) && !sides.absent.contains(&place) {
                sides.blocked.push(place);
            }
        }
        sides
    }

    fn verdict(&self, sides: &Sides, waits: &[Option<Span>]) -> (Verdict, String) {
        let known = Known {
            names: self.names,
            sample: self.sample,
            silences: self.silences,
            waits,
            lens: self.lens,
        };
        if self.contexts.len() < 2 {
            return (Verdict::Unknown, "only one cluster is open".to_owned());
        }
        if !sides.absent.is_empty() {
            return self.by_absence(sides, &known);
        }
        let ratio = (sides.present.len() > 1)
            .then(|| self.by_ratio(sides, &known))
            .flatten();
        if let Some(ratio) = ratio {
            return ratio;
        }
        if !sides.blocked.is_empty() {
            (Verdict::Unknown, known.doubt(&sides.blocked))
        } else if sides.present.len() < 2 {
            (Verdict::Unknown, known.alone())
        } else {
            (Verdict::Same, known.same(&sides.present))
        }
    }

    /// What is missing in a few clusters is missing there, whatever those that cannot tell would say. That it is only in
    /// a few can be said when all others have told; as long as they may still tell it is unknown, and when nothing more
    /// comes it is missing where it is.
    fn by_absence(&self, sides: &Sides, known: &Known<'_>) -> (Verdict, String) {
        if sides.absent.len() < sides.present.len() {
            (
                Verdict::Missing(self.ids(&sides.absent)),
                known.missing(&sides.absent, &sides.blocked),
            )
        } else if sides.blocked.is_empty() {
            (Verdict::Only(self.ids(&sides.present)), known.only(&sides.absent))
        } else {
            let verdict = match self.basis {
                Evidence::Live => Verdict::Unknown,
                Evidence::Frozen => Verdict::Missing(self.ids(&sides.absent)),
            };
            (verdict, known.only_among(&sides.present, &sides.absent, &sides.blocked))
        }
    }

    /// More here or less there is often the same thing said twice; the smaller side is the odd one.
    fn by_ratio(&self, sides: &Sides, known: &Known<'_>) -> Option<(Verdict, String)> {
        let places = |claims: &[(usize, f64)]| claims.iter().map(|(place, _)| *place).collect::<Vec<_>>();
        let (more, less) = (places(&sides.more), places(&sides.less));
        if !more.is_empty() && (less.is_empty() || more.len() <= less.len()) {
            let least = sides.more.iter().map(|(_, bound)| *bound).fold(f64::INFINITY, f64::min);
            Some((Verdict::More(self.ids(&more)), known.more(&more, least)))
        } else if !less.is_empty() {
            let most = sides.less.iter().map(|(_, bound)| *bound).fold(0.0, f64::max);
            Some((Verdict::Less(self.ids(&less)), known.less(&less, most)))
        } else {
            None
        }
    }

    fn ids(&self, places: &[usize]) -> Vec<ContextId> {
        places
            .iter()
            .filter_map(|place| self.contexts.get(*place))
            .map(|context| context.id)
            .collect()
    }

    /// How much longer to watch a silent cluster before its silence may be claimed.
    fn wait(&self, place: usize) -> Option<Span> {
        let Some(Some(Silence::Expected(expected))) = self.silences.get(place) else {
            return None;
        };
        let candidate = self.candidates.iter().find(|candidate| candidate.place == place);
        expected.wait_for(self.limits.enough(candidate, expected.evidence, self.scatter))
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "episodes were counted as whole numbers"
    )]
    fn cell(&self, place: usize, waits: &[Option<Span>], counts: &Counts, slices: Slices) -> Option<Cell> {
        let context = self.contexts.get(place)?.id;
        let exposed = self.sample.cells.get(place)?;
        Some(Cell {
            context,
            count: exposed.records,
            episodes: exposed.episodes as u64,
            watched: exposed.watched(),
            state: self.state(place, waits),
            trend: counts.trend(self.sample.subject.pattern, context, slices),
        })
    }

    fn state(&self, place: usize, waits: &[Option<Span>]) -> CellState {
        if let Some(claim) = self.standing.iter().find(|claim| claim.place == place) {
            return match claim.kind {
                ClaimKind::Absent => CellState::Absent(claim.bound),
                ClaimKind::More => CellState::More(claim.bound),
                ClaimKind::Less => CellState::Less(claim.bound),
            };
        }
        match self.silences.get(place).copied().flatten() {
            None => CellState::Present,
            Some(Silence::NotWatched) => CellState::NotWatched,
            Some(Silence::Forbidden) => CellState::Forbidden,
            Some(Silence::NotDeployed) => CellState::NotDeployed,
            Some(Silence::Gaps) => CellState::Gap,
            Some(Silence::Expected(_)) => CellState::Unknown(waits.get(place).copied().flatten()),
            Some(
                Silence::Settling
                | Silence::NoStream
                | Silence::Before
                | Silence::NoStart
                | Silence::TooRare(_)
                | Silence::Mixture,
            ) => CellState::Unknown(None),
        }
    }
}
