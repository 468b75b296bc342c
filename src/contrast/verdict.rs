//! From counts to verdicts: which patterns are only in certain clusters, more there, or missing, and which cannot be
//! told yet. A claim needs evidence; without it the verdict is `Unknown`, never a claim about the other clusters.
//!
//! * Absent: nothing was seen where, at the others' rate, enough was to be expected (`silence`, `statistics`).
//! * More or less: the ratio of rates is above two or below a half beyond doubt, with both sides seen.
//! * All claims of one moment are taken together so that at most one in a hundred is wrong (Benjamini and Hochberg),
//!   errors apart from the rest so that a thousand quiet patterns do not drown one error.
//! * A claim is made only when two looks in a row agree, and is taken back at once.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::model::{ContextId, Level, PatternId, Span, Time};

use super::counts::Counts;
use super::evidence::Known;
use super::exposure::{Ledger, Survey, Watched, bin_of};
use super::finding::{Cell, CellState, Finding, Verdict};
use super::rank::rank;
use super::sample::{Alignment, Exposed, Sample, Subject};
use super::silence::{LEAST_EXPECTED, Silence, Yardstick};
use super::statistics::{Balance, Row, claimable, expected_for, upper_tail};

/// The share of all claims that may be wrong.
const WRONG: f64 = 0.01;

/// A claim that was made stays while its probability is below this, so that it does not flicker.
const KEPT: f64 = 0.05;

/// Looks closer together than this count as one.
const LOOK: Span = Span::from_millis(400);

/// Looks in a row that must agree.
const LOOKS: u8 = 2;

/// Slices of a trend.
const SLICES: usize = 32;

/// The longest stretch of time that a trend shows, bins.
const TREND_BINS: i64 = 180;

/// Makes findings, look after look. Holds what was claimed before.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    claims: HashMap<(PatternId, ContextId), Claim>,
    looked: Option<Time>,
}

/// What was found at so many looks in a row.
#[derive(Clone, Copy, Debug)]
struct Claim {
    kind: ClaimKind,
    looks: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClaimKind {
    Absent,
    More,
    Less,
}

/// What may be claimed of one pattern in one cluster, before all are taken together.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    sample: usize,
    place: usize,
    kind: ClaimKind,
    p: f64,
    /// For more and less: the 95 % bound of the ratio.
    bound: f64,
    is_error: bool,
}

/// How the clusters lie for one pattern.
struct Sides {
    present: Vec<usize>,
    absent: Vec<usize>,
    blocked: Vec<usize>,
    more: Vec<(usize, f64)>,
    less: Vec<(usize, f64)>,
}

impl Judge {
    /// All findings, the most telling first.
    pub fn look(&mut self, ledger: &Ledger, counts: &Counts, subjects: &[Subject<'_>], now: Time) -> Vec<Finding> {
        let survey = ledger.survey(now);
        let samples: Vec<_> = subjects
            .iter()
            .filter_map(|subject| Sample::of(*subject, counts.pattern(subject.pattern)?, &survey))
            .collect();
        let contexts = ledger.contexts();
        let rows: Vec<_> = samples.iter().map(row).collect();
        let balance = Balance::of(&rows, contexts.len());
        let yards: Vec<_> = rows
            .iter()
            .map(|row| Yardstick {
                traffic: balance.traffic_without(row),
                scatter: balance.scatter,
            })
            .collect();
        let silences: Vec<_> = samples
            .iter()
            .zip(&yards)
            .map(|(sample, yard)| silences(sample, contexts, yard, now))
            .collect();
        let candidates = candidates(&samples, &silences, &yards);
        let limits = Limits::of(&candidates);
        let is_new_look = self.looked.is_none_or(|last| now.since(last) >= LOOK);
        if is_new_look {
            self.looked = Some(now);
        }
        let standing = self.settle(&samples, contexts, &candidates, &limits, is_new_look);
        let names: Vec<_> = contexts.iter().map(|context| context.name.clone()).collect();
        let slices = Slices::of(&survey);
        let mut found = Vec::with_capacity(samples.len());
        let mut standing = standing.as_slice();
        for (n, sample) in samples.iter().enumerate() {
            let of_it = standing.iter().take_while(|candidate| candidate.sample == n).count();
            let (own, rest) = standing.split_at(of_it);
            standing = rest;
            let case = Case {
                sample,
                contexts,
                names: &names,
                silences: silences.get(n).map_or(&[], Vec::as_slice),
                standing: own,
                limits: &limits,
            };
            found.push(case.finding(counts, &slices, balance.scatter));
        }
        rank(&mut found, now);
        found
    }

    /// Whether it was claimed that this pattern is absent here: if it is seen now, the claim must go at once.
    pub fn contradicts(&self, pattern: PatternId, context: ContextId) -> bool {
        self.claims
            .get(&(pattern, context))
            .is_some_and(|claim| claim.kind == ClaimKind::Absent)
    }

    /// Whether a candidate waits for a second look.
    pub fn is_waiting(&self) -> bool {
        self.claims.values().any(|claim| claim.looks < LOOKS)
    }

    /// Remembers what was found at this look; returns the claims that stand, in the order of the candidates.
    fn settle(
        &mut self,
        samples: &[Sample<'_>],
        contexts: &[Watched],
        candidates: &[Candidate],
        limits: &Limits,
        is_new_look: bool,
    ) -> Vec<Candidate> {
        let mut claims = HashMap::new();
        let mut standing = Vec::new();
        for candidate in candidates {
            let Some(key) = samples
                .get(candidate.sample)
                .zip(contexts.get(candidate.place))
                .map(|(sample, context)| (sample.subject.pattern, context.id))
            else {
                continue;
            };
            let before = self
                .claims
                .get(&key)
                .filter(|claim| claim.kind == candidate.kind)
                .map_or(0, |claim| claim.looks);
            let stands = before >= LOOKS && candidate.p <= KEPT;
            if !stands && candidate.p > limits.of_kind(candidate) {
                continue;
            }
            let looks = (before + u8::from(is_new_look || before == 0)).min(LOOKS);
            claims.insert(
                key,
                Claim {
                    kind: candidate.kind,
                    looks,
                },
            );
            if looks >= LOOKS {
                standing.push(*candidate);
            }
        }
        self.claims = claims;
        standing
    }
}

/// The largest p-values that may be claimed.
struct Limits {
    absent: [f64; 2],
    ratio: [f64; 2],
    /// Silent clusters weighed, errors and others.
    weighed: [f64; 2],
}

impl Limits {
    #[expect(clippy::cast_precision_loss, reason = "a count of candidates")]
    fn of(candidates: &[Candidate]) -> Self {
        let of = |absent: bool, error: bool| -> Vec<f64> {
            candidates
                .iter()
                .filter(|candidate| (candidate.kind == ClaimKind::Absent) == absent && candidate.is_error == error)
                .map(|candidate| candidate.p)
                .collect()
        };
        let absent = [of(true, false), of(true, true)];
        Self {
            weighed: [absent[0].len() as f64, absent[1].len() as f64],
            absent: absent.map(|p| claimable(p, WRONG)),
            ratio: [of(false, false), of(false, true)].map(|p| claimable(p, WRONG)),
        }
    }

    fn of_kind(&self, candidate: &Candidate) -> f64 {
        let limits = match candidate.kind {
            ClaimKind::Absent => &self.absent,
            ClaimKind::More | ClaimKind::Less => &self.ratio,
        };
        limits[usize::from(candidate.is_error)]
    }

    /// The p-value to reach for a claim of absence, for telling how much longer to watch.
    fn to_reach(&self, level: Level) -> f64 {
        let stratum = usize::from(level.is_error());
        self.absent[stratum].max(WRONG / self.weighed[stratum].max(1.0))
    }
}

/// What the clusters' general differences are read from: patterns that any watched moment may show.
fn row(sample: &Sample<'_>) -> Row {
    let cell = |cell: &Exposed| {
        let fair = sample.alignment == Alignment::AnyTime && cell.time > 0.0;
        fair.then_some((cell.episodes, cell.bins))
    };
    sample.cells.iter().map(cell).collect()
}

fn silences(sample: &Sample<'_>, contexts: &[Watched], yard: &Yardstick, now: Time) -> Vec<Option<Silence>> {
    contexts
        .iter()
        .enumerate()
        .map(|(place, context)| {
            let silent = !sample.is_present(place);
            silent.then(|| Silence::of(sample, place, context, yard, now))
        })
        .collect()
}

fn candidates(samples: &[Sample<'_>], silences: &[Vec<Option<Silence>>], yards: &[Yardstick]) -> Vec<Candidate> {
    let mut all = Vec::new();
    for (n, ((sample, silences), yard)) in samples.iter().zip(silences).zip(yards).enumerate() {
        for (place, silence) in silences.iter().enumerate() {
            match silence {
                Some(Silence::Expected(expected)) if expected.mean >= LEAST_EXPECTED => all.push(Candidate {
                    sample: n,
                    place,
                    kind: ClaimKind::Absent,
                    p: expected.p,
                    bound: 0.0,
                    is_error: sample.subject.level.is_error(),
                }),
                Some(_) => {}
                None => all.extend(ratio(n, sample, place, yard)),
            }
        }
    }
    all
}

/// Whether a cluster that shows a pattern shows it markedly more or less often than all others together, of which at
/// least one must show it too.
fn ratio(n: usize, sample: &Sample<'_>, place: usize, yard: &Yardstick) -> Option<Candidate> {
    let here = sample.cells.get(place)?;
    let (mut seen, mut exposure, mut clusters) = (0.0, 0.0, 1.0);
    for (other, (cell, traffic)) in sample.cells.iter().zip(&yard.traffic).enumerate() {
        if other != place && cell.bins > 0.0 {
            seen += cell.episodes;
            exposure += cell.bins * traffic;
            clusters += 1.0;
        }
    }
    if seen < 1.0 || here.bins <= 0.0 {
        return None;
    }
    let traffic = yard.traffic.get(place)?;
    let log_ratio = (here.episodes / (here.bins * traffic)).ln() - ((seen + 0.5) / exposure).ln();
    let variance = 1.0 / here.episodes + 1.0 / (seen + 0.5) + yard.scatter * (1.0 + 1.0 / (clusters - 1.0));
    let deviation = variance.sqrt();
    let (kind, beyond, bound) = if log_ratio > 0.0 {
        (ClaimKind::More, log_ratio - 2_f64.ln(), log_ratio - 1.645 * deviation)
    } else {
        (ClaimKind::Less, -log_ratio - 2_f64.ln(), log_ratio + 1.645 * deviation)
    };
    Some(Candidate {
        sample: n,
        place,
        kind,
        p: upper_tail(beyond / deviation),
        bound: bound.exp(),
        is_error: sample.subject.level.is_error(),
    })
}

/// How trends are cut: at fixed moments, so that they do not tremble.
struct Slices {
    width: i64,
    end: i64,
}

impl Slices {
    fn of(survey: &Survey<'_>) -> Self {
        let end = bin_of(survey.at);
        let begin = survey.began().map_or(end, bin_of);
        let bins = (end - begin + 1).clamp(1, TREND_BINS);
        let slices = i64::try_from(SLICES).unwrap_or(i64::MAX);
        Self {
            width: (bins + slices - 1) / slices,
            end,
        }
    }
}

/// One pattern, all that is known of it.
struct Case<'a> {
    sample: &'a Sample<'a>,
    contexts: &'a [Watched],
    names: &'a [Arc<str>],
    silences: &'a [Option<Silence>],
    /// The claims about it that stand.
    standing: &'a [Candidate],
    limits: &'a Limits,
}

impl Case<'_> {
    fn finding(&self, counts: &Counts, slices: &Slices, scatter: f64) -> Finding {
        let waits: Vec<_> = (0..self.contexts.len())
            .map(|place| self.wait(place, scatter))
            .collect();
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
        };
        if self.contexts.len() < 2 {
            return (Verdict::Unknown, "only one cluster is open".to_owned());
        }
        let ratio = (sides.present.len() > 1)
            .then(|| self.by_ratio(sides, &known))
            .flatten();
        if !sides.blocked.is_empty() {
            return ratio.unwrap_or_else(|| (Verdict::Unknown, known.doubt(&sides.blocked)));
        }
        if !sides.absent.is_empty() {
            let evidence = known.absence(&sides.absent);
            return if sides.absent.len() < sides.present.len() {
                (Verdict::Missing(self.ids(&sides.absent)), evidence)
            } else {
                (Verdict::Only(self.ids(&sides.present)), evidence)
            };
        }
        if sides.present.len() < 2 {
            return (Verdict::Unknown, known.alone());
        }
        ratio.unwrap_or_else(|| (Verdict::Same, known.same(&sides.present)))
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
    fn wait(&self, place: usize, scatter: f64) -> Option<Span> {
        let Some(Some(Silence::Expected(expected))) = self.silences.get(place) else {
            return None;
        };
        let enough = expected_for(
            self.limits.to_reach(self.sample.subject.level),
            expected.evidence,
            scatter,
        );
        expected.wait_for(enough.max(LEAST_EXPECTED))
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "episodes were counted as whole numbers"
    )]
    fn cell(&self, place: usize, waits: &[Option<Span>], counts: &Counts, slices: &Slices) -> Option<Cell> {
        let context = self.contexts.get(place)?.id;
        let exposed = self.sample.cells.get(place)?;
        let trend = counts
            .pattern(self.sample.subject.pattern)
            .map(|count| count.trend(context, SLICES, slices.width, slices.end));
        Some(Cell {
            context,
            count: exposed.records,
            episodes: exposed.episodes as u64,
            watched: exposed.watched(),
            state: self.state(place, waits),
            trend: trend.unwrap_or_default(),
        })
    }

    fn state(&self, place: usize, waits: &[Option<Span>]) -> CellState {
        if let Some(claim) = self.standing.iter().find(|claim| claim.place == place) {
            return match claim.kind {
                ClaimKind::Absent => CellState::Absent(claim.p),
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contrast::counts::Occurrence;
    use crate::contrast::exposure::Watching;
    use crate::contrast::sample::SubjectKind;
    use crate::model::{ContainerKind, PodKey, RecordId, Source, SourceId, Target, WorkloadKey, WorkloadKind};

    const NOW: i64 = 10_000;
    const NAMES: [&str; 4] = ["dev", "staging", "prod", "edge"];

    /// A few clusters of which everything is told by hand, in seconds.
    struct World {
        ledger: Ledger,
        counts: Counts,
        judge: Judge,
        level: Level,
        sources: Vec<SourceId>,
        /// Of the workload `api`.
        namespace: &'static str,
    }

    fn context(place: usize) -> ContextId {
        ContextId(u16::try_from(place).unwrap())
    }

    impl World {
        fn new(clusters: usize, level: Level) -> Self {
            let mut ledger = Ledger::default();
            let names = NAMES.iter().take(clusters).enumerate();
            ledger.open_contexts(names.map(|(n, name)| (context(n), Arc::from(*name))).collect());
            Self {
                ledger,
                counts: Counts::default(),
                judge: Judge::default(),
                level,
                sources: Vec::new(),
                namespace: "shop",
            }
        }

        fn watch(&mut self, cluster: usize) {
            let since = Watching::Since(Time::from_secs(NOW - 100));
            self.ledger.watch_changed(context(cluster), since);
        }

        fn namespace(&mut self, cluster: usize, watching: Watching) {
            let namespace = self.namespace.into();
            self.ledger.namespace_changed(context(cluster), namespace, watching);
        }

        /// An instance of `api`, read from `from` on.
        fn instance(&mut self, cluster: usize, started: i64, from: i64) -> SourceId {
            let context = context(cluster);
            let n = u32::try_from(self.sources.len()).unwrap();
            let source = Source {
                id: SourceId { context, n },
                target: Target {
                    pod: PodKey {
                        context,
                        namespace: self.namespace.into(),
                        name: format!("api-{n}").into(),
                        uid: "u".into(),
                    },
                    container: "api".into(),
                },
                kind: ContainerKind::Main,
                workload: WorkloadKey {
                    namespace: self.namespace.into(),
                    kind: WorkloadKind::Deployment,
                    name: "api".into(),
                },
                restarts: 0,
                started: Some(Time::from_secs(started)),
                image: "i".into(),
            };
            self.ledger.opened(&source);
            self.ledger.coverage_began(source.id, Time::from_secs(from));
            self.sources.push(source.id);
            source.id
        }

        fn pods(&mut self, cluster: usize, pods: usize, started: i64, from: i64) -> Vec<SourceId> {
            self.watch(cluster);
            (0..pods).map(|_| self.instance(cluster, started, from)).collect()
        }

        fn write(&mut self, pattern: u32, source: SourceId, secs: i64) -> bool {
            let at = Time::from_secs(secs);
            let lane = self.ledger.lane_of(source).unwrap();
            let age = self.ledger.age_class(source, at);
            self.ledger.wrote(source, at);
            self.counts.add(Occurrence {
                pattern: PatternId(pattern),
                source,
                lane,
                at,
                age,
            })
        }

        /// Instances that live for a second, with their last words.
        fn crashes(&mut self, cluster: usize, pattern: u32, starts: &[i64]) {
            self.watch(cluster);
            for start in starts {
                let source = self.instance(cluster, *start, *start);
                self.write(pattern, source, *start);
                self.ledger.source_ended(source, Time::from_secs(*start + 1));
            }
        }

        fn look(&mut self, millis: i64) -> Finding {
            let subject = Subject {
                pattern: PatternId(0),
                template: "boom",
                level: self.level,
                example: RecordId(1),
                kind: SubjectKind::Pattern,
            };
            let now = Time::from_millis(NOW * 1000 + millis);
            let mut found = self.judge.look(&self.ledger, &self.counts, &[subject], now);
            assert_eq!(found.len(), 1);
            found.remove(0)
        }

        /// After as many looks as a claim needs.
        fn verdict(&mut self) -> Finding {
            self.look(0);
            self.look(500)
        }
    }

    fn only(place: usize) -> Verdict {
        Verdict::Only(vec![context(place)])
    }

    fn says(finding: &Finding, words: &str) {
        assert!(finding.evidence.contains(words), "{}", finding.evidence);
    }

    #[test]
    fn a_crash_loop_is_only_there_even_if_no_start_was_seen_elsewhere() {
        let mut world = World::new(3, Level::Error);
        world.pods(0, 3, NOW - 90_000, NOW - 1800);
        world.pods(1, 3, NOW - 300, NOW - 300);
        world.crashes(2, 0, &[NOW - 200, NOW - 190, NOW - 180, NOW - 100, NOW - 90, NOW - 80]);
        assert_eq!(world.look(0).verdict, Verdict::Unknown, "one look is not enough");
        assert_eq!(world.look(100).verdict, Verdict::Unknown, "nor are two at once");
        let finding = world.look(500);
        assert_eq!(finding.verdict, only(2), "{finding:?}");
        says(&finding, "never in dev");
        says(&finding, "no start was seen in dev");
        assert!(matches!(finding.cells[0].state, CellState::Absent(_)));
    }

    #[test]
    fn start_up_lines_are_compared_with_starts() {
        let mut world = World::new(3, Level::Info);
        world.pods(0, 3, NOW - 90_000, NOW - 1800);
        world.pods(1, 3, NOW - 90_000, NOW - 1800);
        world.crashes(2, 0, &[NOW - 200, NOW - 190, NOW - 180, NOW - 100, NOW - 90, NOW - 80]);
        let finding = world.verdict();
        assert_eq!(finding.verdict, Verdict::Unknown);
        says(&finding, "no start was seen in dev");
    }

    #[test]
    fn an_error_that_is_survived_is_not_fatal() {
        let mut world = World::new(2, Level::Error);
        world.pods(0, 3, NOW - 90_000, NOW - 1800);
        for source in world.pods(1, 6, NOW - 300, NOW - 300) {
            world.write(0, source, NOW - 299);
        }
        assert_eq!(world.verdict().verdict, Verdict::Unknown);
    }

    #[test]
    fn few_episodes_prove_nothing() {
        let mut world = World::new(2, Level::Error);
        world.pods(0, 3, NOW - 90_000, NOW - 1800);
        world.crashes(1, 0, &[NOW - 200, NOW - 100]);
        let finding = world.verdict();
        assert_eq!(finding.verdict, Verdict::Unknown);
        says(&finding, "needs about 1 more");
    }

    #[test]
    fn a_late_line_takes_the_claim_back_at_once() {
        let mut world = World::new(2, Level::Error);
        let quiet = world.pods(0, 3, NOW - 90_000, NOW - 1800);
        world.crashes(1, 0, &[NOW - 200, NOW - 190, NOW - 180, NOW - 100, NOW - 90, NOW - 80]);
        assert_eq!(world.verdict().verdict, only(1));
        assert!(world.judge.contradicts(PatternId(0), context(0)));
        world.write(0, quiet[0], NOW - 1);
        assert_ne!(world.look(510).verdict, only(1));
    }

    /// A cluster that proves nothing blocks the claim, whatever the reason.
    #[test]
    fn a_quiet_cluster_gives_unknown_and_says_why() {
        let check = |prepare: fn(&mut World), state: CellState, words| {
            let mut world = World::new(3, Level::Error);
            world.pods(0, 3, NOW - 90_000, NOW - 1800);
            world.crashes(2, 0, &[NOW - 200, NOW - 190, NOW - 180, NOW - 100, NOW - 90, NOW - 80]);
            prepare(&mut world);
            let finding = world.verdict();
            assert_eq!(finding.verdict, Verdict::Unknown, "{words}");
            says(&finding, words);
            assert_eq!(finding.cells[1].state, state, "{words}");
        };
        check(|_| {}, CellState::NotWatched, "staging is not connected");
        check(
            |world| {
                world.pods(1, 3, NOW - 900, NOW - 900);
                world.ledger.watch_changed(context(1), Watching::Forbidden);
            },
            CellState::Forbidden,
            "forbidden in staging",
        );
        check(
            |world| {
                world.watch(1);
                world.namespace(1, Watching::Forbidden);
            },
            CellState::Forbidden,
            "forbidden in staging",
        );
        check(
            |world| {
                world.pods(1, 3, NOW - 900, NOW - 900);
                world.namespace(1, Watching::Forbidden);
            },
            CellState::Forbidden,
            "forbidden in staging",
        );
        check(
            |world| {
                world.namespace(1, Watching::Forbidden);
                world
                    .ledger
                    .watch_changed(context(1), Watching::Until(Time::from_secs(NOW - 500)));
            },
            CellState::Forbidden,
            "forbidden in staging",
        );
        check(
            |world| {
                world.watch(1);
                world.namespace(1, Watching::Until(Time::from_secs(NOW - 90)));
            },
            CellState::Unknown(None),
            "staging was not watched at that time",
        );
        check(
            |world| {
                world.watch(1);
                world.namespace(1, Watching::Forbidden);
                world.namespace(1, Watching::Since(Time::from_secs(NOW - 2)));
            },
            CellState::Unknown(None),
            "staging was only just connected",
        );
        check(
            |world| {
                let since = Watching::Since(Time::from_secs(NOW - 2));
                world.ledger.watch_changed(context(1), since);
            },
            CellState::Unknown(None),
            "staging was only just connected",
        );
        check(
            |world| {
                let gap = crate::model::Gap {
                    from: Time::from_secs(0),
                    to: Time::from_secs(NOW * 2),
                    cause: crate::model::GapCause::Rotated,
                };
                for source in world.pods(1, 3, NOW - 900, NOW - 900) {
                    world.ledger.gap_found(source, &gap);
                }
            },
            CellState::Gap,
            "staging was watched only with gaps",
        );
        check(
            |world| {
                for source in world.pods(1, 3, NOW - 900, NOW - 900) {
                    world.ledger.coverage_ended(source, Time::from_secs(NOW - 500));
                }
                world
                    .ledger
                    .watch_changed(context(1), Watching::Until(Time::from_secs(NOW - 500)));
            },
            CellState::Unknown(None),
            "staging was not watched at that time",
        );
    }

    #[test]
    fn a_namespace_that_is_allowed_again_or_another_one_does_not_block() {
        let mut world = World::new(3, Level::Error);
        world.pods(0, 3, NOW - 90_000, NOW - 1800);
        world.crashes(2, 0, &[NOW - 200, NOW - 190, NOW - 180, NOW - 100, NOW - 90, NOW - 80]);
        world.watch(1);
        world.namespace(1, Watching::Forbidden);
        world
            .ledger
            .namespace_changed(context(1), "billing".into(), Watching::Forbidden);
        assert_eq!(world.verdict().verdict, Verdict::Unknown);
        world.namespace(1, Watching::Since(Time::from_secs(NOW - 60)));
        world.look(1000);
        let finding = world.look(1500);
        assert_eq!(finding.verdict, only(2), "{finding:?}");
        assert_eq!(finding.cells[1].state, CellState::NotDeployed);
    }

    /// What is watched of a pattern in one namespace does not speak for the other one that writes it elsewhere.
    #[test]
    fn a_pattern_of_two_namespaces_is_unknown_where_one_of_them_is_not_seen() {
        let check = |watching: Option<Watching>, verdict: Verdict| {
            let mut world = World::new(2, Level::Error);
            for namespace in ["billing", "shop"] {
                world.namespace = namespace;
                world.crashes(1, 0, &[NOW - 200, NOW - 190, NOW - 180, NOW - 100, NOW - 90, NOW - 80]);
            }
            world.pods(0, 3, NOW - 90_000, NOW - 1800);
            world.namespace = "billing";
            if let Some(watching) = watching {
                world.namespace(0, watching);
            }
            let finding = world.verdict();
            assert_eq!(finding.verdict, verdict, "{watching:?} {finding:?}");
        };
        check(None, only(1));
        check(Some(Watching::Forbidden), Verdict::Unknown);
        check(Some(Watching::Until(Time::from_secs(NOW - 500))), Verdict::Unknown);
        check(Some(Watching::Since(Time::from_secs(NOW - 1))), Verdict::Unknown);
        check(Some(Watching::Since(Time::from_secs(NOW - 50))), only(1));
    }

    #[test]
    fn a_forbidden_namespace_is_neither_missing_it_nor_the_same() {
        for every in [60, 0] {
            let mut world = World::new(3, Level::Info);
            for (cluster, every) in [60, 60, every].into_iter().enumerate() {
                for source in world.pods(cluster, 3, NOW - 90_000, NOW - 1800) {
                    let times = (0..1800).filter(|n| every > 0 && n % every == 0);
                    times.for_each(|n| {
                        world.write(0, source, NOW - 1800 + n);
                    });
                }
            }
            let expected = if every > 0 {
                Verdict::Same
            } else {
                Verdict::Missing(vec![context(2)])
            };
            assert_eq!(world.verdict().verdict, expected);
            let mut world = World::new(3, Level::Info);
            for cluster in [0, 1] {
                for source in world.pods(cluster, 3, NOW - 90_000, NOW - 1800) {
                    (0..30).for_each(|n| {
                        world.write(0, source, NOW - 1800 + n * 60);
                    });
                }
            }
            world.pods(2, usize::from(every > 0), NOW - 90_000, NOW - 1800);
            world.namespace(2, Watching::Forbidden);
            let finding = world.verdict();
            assert_eq!(finding.verdict, Verdict::Unknown, "{finding:?}");
            assert_eq!(finding.cells[2].state, CellState::Forbidden);
        }
    }

    #[test]
    fn a_cluster_watched_too_briefly_is_told_how_long_to_wait() {
        let mut world = World::new(3, Level::Error);
        world.pods(0, 3, NOW - 90_000, NOW - 1800);
        world.pods(1, 1, NOW - 90_000, NOW - 20);
        for source in world.pods(2, 2, NOW - 90_000, NOW - 1800) {
            for n in 0..5 {
                world.write(0, source, NOW - 1700 + n * 300);
            }
        }
        let finding = world.verdict();
        assert_eq!(finding.verdict, Verdict::Unknown);
        assert!(matches!(finding.cells[1].state, CellState::Unknown(Some(wait)) if wait > Span::from_secs(60)));
        says(&finding, "staging was watched for 20s, needs about");
    }

    #[test]
    fn where_it_does_not_run_it_neither_blocks_nor_confirms() {
        let mut world = World::new(3, Level::Error);
        world.watch(1);
        world.crashes(2, 0, &[NOW - 200, NOW - 190, NOW - 180, NOW - 100, NOW - 90, NOW - 80]);
        let dev = World::pods;
        world.watch(0);
        let finding = world.verdict();
        assert_eq!(finding.verdict, Verdict::Unknown);
        says(&finding, "no other cluster runs shop/api");
        dev(&mut world, 0, 3, NOW - 90_000, NOW - 1800);
        let finding = world.verdict();
        world.look(1000);
        assert_eq!(world.look(1500).verdict, only(2), "{finding:?}");
    }

    #[test]
    fn one_cluster_alone_is_never_compared() {
        let mut world = World::new(1, Level::Error);
        world.crashes(0, 0, &[NOW - 200, NOW - 190, NOW - 180, NOW - 100]);
        let finding = world.verdict();
        assert_eq!(finding.verdict, Verdict::Unknown);
        says(&finding, "only one cluster is open");
    }

    #[test]
    fn missing_more_and_same_are_told() {
        let check = |every: [i64; 3], verdict: Verdict| {
            let mut world = World::new(3, Level::Info);
            // A second pattern that is alike everywhere tells that the clusters are alike.
            for (cluster, every) in every.into_iter().enumerate() {
                for source in world.pods(cluster, 3, NOW - 90_000, NOW - 1800) {
                    for n in 0..1800 {
                        if every > 0 && n % every == 0 {
                            world.write(0, source, NOW - 1800 + n);
                        }
                        if n % 60 == 0 {
                            (1..8).for_each(|pattern| {
                                world.write(pattern, source, NOW - 1800 + n);
                            });
                        }
                    }
                }
            }
            let subjects: Vec<_> = (0..8)
                .map(|n| Subject {
                    pattern: PatternId(n),
                    template: "t",
                    level: Level::Info,
                    example: RecordId(1),
                    kind: SubjectKind::Pattern,
                })
                .collect();
            let mut found = Vec::new();
            for look in 0..2 {
                let now = Time::from_secs(NOW + look);
                found = world.judge.look(&world.ledger, &world.counts, &subjects, now);
            }
            let finding = found.iter().find(|finding| finding.pattern == PatternId(0)).unwrap();
            assert_eq!(finding.verdict, verdict, "{} {:?}", finding.evidence, finding.cells);
        };
        check([60, 60, 60], Verdict::Same);
        check([60, 60, 0], Verdict::Missing(vec![context(2)]));
        check([600, 600, 20], Verdict::More(vec![context(2)]));
        check([20, 20, 600], Verdict::Less(vec![context(2)]));
        check([60, 0, 0], Verdict::Only(vec![context(0)]));
        check([60, 0, 60], Verdict::Missing(vec![context(1)]));
    }

    #[test]
    fn a_canary_is_not_claimed_too_early() {
        let mut world = World::new(2, Level::Warn);
        world.pods(0, 2, NOW - 90_000, NOW - 1800);
        let canary = world.pods(1, 2, NOW - 90_000, NOW - 1800);
        let mut claimed_at = None;
        for n in 0..24 {
            world.write(0, canary[0], NOW - 1700 + n * 70);
            let look = n * 1000;
            if world.look(look).verdict == only(1) && claimed_at.is_none() {
                claimed_at = Some(n + 1);
            }
        }
        let claimed_at = claimed_at.unwrap();
        assert!((6..24).contains(&claimed_at), "after {claimed_at} warnings");
    }

    proptest! {
        /// Whatever was seen elsewhere: while a cluster that runs the workload was not watched at all, nothing is
        /// claimed to be only elsewhere or missing.
        #[test]
        fn no_absence_is_claimed_beside_an_unwatched_cluster(
            writes in prop::collection::vec((0_usize..3, 0_usize..3, 0_i64..1700), 0..80),
            unwatched in 0_usize..3,
            how in 0_u8..5,
            error in any::<bool>(),
        ) {
            let mut world = World::new(3, if error { Level::Error } else { Level::Info });
            let mut pods = Vec::new();
            for cluster in 0..3 {
                let of_it = world.pods(cluster, 3, NOW - 1800, NOW - 1800);
                if cluster == unwatched {
                    for source in &of_it {
                        world.ledger.coverage_ended(*source, Time::from_secs(NOW - 1800));
                    }
                    match how {
                        0 => world.ledger.watch_changed(context(cluster), Watching::Never),
                        1 => world.ledger.watch_changed(context(cluster), Watching::Forbidden),
                        2 => world.namespace(cluster, Watching::Forbidden),
                        3 => world.namespace(cluster, Watching::Until(Time::from_secs(NOW - 1799))),
                        _ => world.ledger.watch_changed(context(cluster), Watching::Until(Time::from_secs(NOW - 1799))),
                    }
                }
                pods.push(of_it);
            }
            world.write(0, pods[(unwatched + 1) % 3][0], NOW - 1700);
            for (cluster, pod, at) in writes {
                if cluster != unwatched {
                    world.write(0, pods[cluster][pod], NOW - 1700 + at);
                }
            }
            let finding = world.verdict();
            prop_assert!(!matches!(finding.verdict, Verdict::Only(_) | Verdict::Missing(_)), "{:?}", finding);
        }
    }
}
