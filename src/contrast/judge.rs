//! From counts to claims, look after look: which patterns are absent, more or less frequent in certain clusters, and
//! since when that holds. A claim needs evidence; without it nothing is said of the cluster.
//!
//! * Absent: nothing was seen where, at the others' rate, enough was to be expected (`silence`), and all silences
//!   together make chance an unlikely reason (`absence`).
//! * More or less: the ratio of rates is above two or below a half beyond doubt, with both sides seen. These claims are
//!   taken together so that few of them are wrong (Benjamini and Hochberg), errors apart from the rest so that a
//!   thousand quiet patterns do not drown one error.
//! * While clusters are watched a claim is made only when two looks in a row agree, and is taken back at once.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::model::{ContextId, Level, PatternId, Span, Time};

use super::absence::{Silent, Usual, Weights, weigh};
use super::claims::{Candidate, ClaimKind, Evidence, Limits, ratio};
use super::counts::{Counts, Cut, Slices};
use super::coverage::{BIN, Clip, LONGEST_WINDOW, OLDEST_AGE, bin_of};
use super::exposure::{Ledger, Survey, Watched};
use super::finding::Finding;
use super::lens::{Align, Lens};
use super::rank::rank;
use super::sample::{Alignment, Exposed, Sample, Subject};
use super::silence::{LEAST_EXPECTED, Silence, Yardstick};
use super::statistics::{Balance, Row};
use super::variant::join_variants;
use super::verdict::Case;

/// Looks closer together than this count as one.
const LOOK: Span = Span::from_millis(400);

/// Looks in a row that must agree.
const LOOKS: u8 = 2;

/// Silences where less than this was to be expected tell nothing, not even together.
const TELLING: f64 = 0.3;

/// Slices of a trend.
const SLICES: usize = 32;

/// The longest stretch of time that a trend shows without a window, bins.
const TREND_BINS: i64 = 180;

/// Makes findings, look after look. Holds what was claimed before.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    evidence: Evidence,
    lens: Lens,
    claims: HashMap<(PatternId, ContextId), Claim>,
    looked: Option<Time>,
    /// Another question is asked than at the last look.
    is_asked_anew: bool,
    usual: Usual,
    /// Of each cluster, as of the last look.
    traffic: Option<Vec<f64>>,
}

/// What was found at so many looks in a row.
#[derive(Clone, Copy, Debug)]
struct Claim {
    kind: ClaimKind,
    looks: u8,
}

impl Judge {
    pub fn new(evidence: Evidence) -> Self {
        Self {
            evidence,
            ..Self::default()
        }
    }

    /// Asks another question of the same counts. Nothing was claimed of it before; and because it is asked once and
    /// not again and again, its first answer stands.
    pub fn set_lens(&mut self, lens: Lens) {
        if self.lens != lens {
            self.lens = lens;
            self.claims.clear();
            self.looked = None;
            self.traffic = None;
            self.is_asked_anew = true;
        }
    }

    /// All findings, the most telling first.
    pub fn look(&mut self, ledger: &Ledger, counts: &mut Counts, subjects: &[Subject<'_>], now: Time) -> Vec<Finding> {
        let (clip, cut) = self.clip(now);
        counts.sum_up(subjects.iter().map(|subject| subject.pattern), cut, |source| {
            ledger.started(source)
        });
        let survey = ledger.survey(now, clip);
        let samples = self.samples(subjects, counts, &survey);
        let rows: Vec<_> = samples.iter().map(row).collect();
        let balance = Balance::of(&rows, ledger.contexts().len(), self.traffic.as_deref());
        self.traffic = Some(balance.traffic().to_vec());
        let yards: Vec<_> = rows.iter().map(|row| Yardstick::of(&balance, row)).collect();
        let silences: Vec<_> = samples
            .iter()
            .zip(&yards)
            .map(|(sample, yard)| silences(sample, yard, &survey))
            .collect();
        let candidates = self.candidates(&samples, &silences, &yards);
        let limits = Limits::of(&candidates, self.evidence);
        let standing = self.settle(&samples, ledger.contexts(), &candidates, &limits, now);
        let names: Vec<Arc<str>> = ledger.contexts().iter().map(|context| context.name.clone()).collect();
        let slices = slices(&survey);
        let mut found = Vec::with_capacity(samples.len());
        let (mut standing, mut candidates) = (standing.as_slice(), candidates.as_slice());
        for (n, sample) in samples.iter().enumerate() {
            let case = Case {
                sample,
                contexts: ledger.contexts(),
                names: &names,
                silences: silences.get(n).map_or(&[], Vec::as_slice),
                standing: split_off(&mut standing, n),
                candidates: split_off(&mut candidates, n),
                limits: &limits,
                scatter: balance.scatter,
                lens: self.lens,
                basis: self.evidence,
            };
            found.push(case.finding(counts, slices));
        }
        rank(&mut found, now);
        join_variants(&mut found, &names);
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

    /// A pattern is one row on the screen, whoever writes it. In a report each workload is compared with itself alone.
    fn samples<'a>(&self, subjects: &[Subject<'a>], counts: &Counts, survey: &Survey<'_>) -> Vec<Sample<'a>> {
        let (subjects, align) = (subjects.iter(), self.lens.align);
        match self.evidence {
            Evidence::Live => subjects
                .filter_map(|subject| Sample::of(*subject, counts, survey, align))
                .collect(),
            Evidence::Frozen => subjects
                .flat_map(|subject| Sample::by_workload(*subject, counts, survey, align))
                .collect(),
        }
    }

    /// What the lens leaves of exposure and of counts: the same bins of both.
    fn clip(&self, now: Time) -> (Clip, Cut) {
        let age = match self.lens.align {
            Align::SinceStart(age) => Some(age.min(OLDEST_AGE)),
            Align::Fitting | Align::WallClock => None,
        };
        let from = self.lens.window.map(|window| bin_of(now - window.min(LONGEST_WINDOW)));
        let clip = Clip {
            from: from.map(begin_of),
            age,
        };
        (clip, Cut { from, age })
    }

    fn candidates(
        &mut self,
        samples: &[Sample<'_>],
        silences: &[Vec<Option<Silence>>],
        yards: &[Yardstick],
    ) -> Vec<Candidate> {
        let mut silent = Vec::new();
        let mut of_sample = Vec::new();
        let mut everywhere = [0; 2];
        for (n, ((sample, silences), yard)) in samples.iter().zip(silences).zip(yards).enumerate() {
            let means = telling(silences);
            if let Some(evidence) = means.iter().map(|(_, _, evidence)| *evidence).min_by(f64::total_cmp) {
                let weights = Weights {
                    present: sample.present(),
                    evidence,
                    scatter: yard.scatter,
                    level: sample.subject.level,
                };
                let means: Vec<_> = means.iter().map(|(_, mean, _)| *mean).collect();
                silent.push(Silent::new(weights, &means));
                of_sample.push(n);
            } else {
                everywhere[usize::from(sample.subject.level < Level::Warn)] += 1;
            }
        }
        let chances = weigh(&silent, everywhere, &mut self.usual);
        let mut chances = of_sample.into_iter().zip(chances).peekable();
        let mut all = Vec::new();
        for (n, ((sample, silences), yard)) in samples.iter().zip(silences).zip(yards).enumerate() {
            let of_it = chances.next_if(|(of, _)| *of == n).map(|(_, chances)| chances);
            let mut of_it = of_it.unwrap_or_default().into_iter();
            for (place, silence) in silences.iter().enumerate() {
                match silence {
                    Some(Silence::Expected(expected)) if expected.mean >= TELLING => {
                        let doubt = of_it.next().unwrap_or(1.0);
                        all.extend((expected.mean >= LEAST_EXPECTED).then_some(Candidate {
                            sample: n,
                            place,
                            kind: ClaimKind::Absent,
                            doubt,
                            bound: expected.p,
                            is_error: sample.subject.level.is_error(),
                        }));
                    }
                    Some(_) => {}
                    None => all.extend(ratio(n, sample, place, yard)),
                }
            }
        }
        all
    }

    /// Remembers what was found at this look; returns the claims that stand, in the order of the candidates.
    fn settle(
        &mut self,
        samples: &[Sample<'_>],
        contexts: &[Watched],
        candidates: &[Candidate],
        limits: &Limits,
        now: Time,
    ) -> Vec<Candidate> {
        let is_new_look = self.looked.is_none_or(|last| now.since(last) >= LOOK);
        if is_new_look {
            self.looked = Some(now);
        }
        let answers_at_once = self.evidence == Evidence::Frozen || std::mem::take(&mut self.is_asked_anew);
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
                .filter(|claim| claim.kind == candidate.kind && !answers_at_once)
                .map_or(0, |claim| claim.looks);
            let stands = before >= LOOKS && candidate.doubt <= candidate.kind.kept();
            if !stands && candidate.doubt > limits.of_kind(candidate) {
                continue;
            }
            let looks = if answers_at_once {
                LOOKS
            } else {
                (before + u8::from(is_new_look || before == 0)).min(LOOKS)
            };
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

/// The candidates of one sample off the front.
fn split_off<'a>(candidates: &mut &'a [Candidate], sample: usize) -> &'a [Candidate] {
    let of_it = candidates
        .iter()
        .take_while(|candidate| candidate.sample == sample)
        .count();
    let (own, rest) = candidates.split_at(of_it);
    *candidates = rest;
    own
}

fn begin_of(bin: i64) -> Time {
    Time(bin.saturating_mul(BIN.nanos()))
}

/// What the clusters' general differences are read from: patterns that any watched moment may show.
fn row(sample: &Sample<'_>) -> Row {
    let cell = |cell: &Exposed| {
        let fair = sample.alignment == Alignment::AnyTime && cell.time > 0.0;
        fair.then_some((cell.rate * cell.bins, cell.bins))
    };
    sample.cells.iter().map(cell).collect()
}

fn silences(sample: &Sample<'_>, yard: &Yardstick, survey: &Survey<'_>) -> Vec<Option<Silence>> {
    let of_place = |place| (!sample.is_present(place)).then(|| Silence::of(sample, place, yard, survey));
    (0..sample.cells.len()).map(of_place).collect()
}

/// The silences that tell something: place, episodes expected, and those that this rests on.
fn telling(silences: &[Option<Silence>]) -> Vec<(usize, f64, f64)> {
    let places = silences.iter().enumerate();
    places
        .filter_map(|(place, silence)| match silence {
            Some(Silence::Expected(expected)) if expected.mean >= TELLING => {
                Some((place, expected.mean, expected.evidence))
            }
            _ => None,
        })
        .collect()
}

/// How trends are cut: the window, or as much of what was watched as is shown.
fn slices(survey: &Survey<'_>) -> Slices {
    let end = bin_of(survey.at);
    let longest = match survey.clip.from {
        Some(from) => end - bin_of(from),
        None => TREND_BINS,
    };
    let begin = survey.began().map_or(end, bin_of);
    let bins = (end - begin + 1).clamp(1, longest.max(1));
    let count = i64::try_from(SLICES).unwrap_or(i64::MAX);
    Slices {
        count: SLICES,
        width: (bins + count - 1) / count,
        end,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contrast::counts::Occurrence;
    use crate::contrast::exposure::Watching;
    use crate::contrast::finding::{CellState, Verdict};
    use crate::contrast::sample::SubjectKind;
    use crate::model::{
        ContainerKind, Gap, GapCause, PodKey, RecordId, Source, SourceId, Target, WorkloadKey, WorkloadKind,
    };

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

        fn subjects(&self) -> [Subject<'static>; 1] {
            [Subject {
                pattern: PatternId(0),
                template: "boom",
                level: self.level,
                example: RecordId(1),
                kind: SubjectKind::Pattern,
            }]
        }

        fn look(&mut self, millis: i64) -> Finding {
            let subjects = self.subjects();
            let now = Time::from_millis(NOW * 1000 + millis);
            let mut found = self.judge.look(&self.ledger, &mut self.counts, &subjects, now);
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
        says(&finding, "1 more must be seen");
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
        says(&finding, "staging was watched for 20 container-seconds, needs about");
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
                found = world.judge.look(&world.ledger, &mut world.counts, &subjects, now);
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
        for n in 0..40 {
            world.write(0, canary[0], NOW - 1700 + n * 40);
            let look = n * 1000;
            if world.look(look).verdict == only(1) && claimed_at.is_none() {
                claimed_at = Some(n + 1);
            }
        }
        let claimed_at = claimed_at.unwrap();
        assert!((6..40).contains(&claimed_at), "after {claimed_at} warnings");
    }

    /// A pattern that three pods of `prod` write every minute, and nobody else.
    fn written_in_prod(level: Level) -> World {
        let mut world = World::new(3, level);
        world.pods(0, 3, NOW - 90_000, NOW - 1800);
        world.pods(1, 3, NOW - 90_000, NOW - 1800);
        for source in world.pods(2, 3, NOW - 90_000, NOW - 1800) {
            (0..30).for_each(|minute| {
                world.write(0, source, NOW - 1800 + minute * 60);
            });
        }
        world
    }

    #[test]
    fn a_window_counts_only_what_lies_in_it_and_is_answered_at_once() {
        let mut world = written_in_prod(Level::Error);
        world.judge.set_lens(Lens {
            window: Some(Span::from_secs(600)),
            align: Align::Fitting,
        });
        let finding = world.look(0);
        assert_eq!(finding.verdict, only(2), "{finding:?}");
        assert_eq!((finding.cells[2].count, finding.cells[2].episodes), (30, 30));
        assert_eq!(finding.cells[0].watched, Span::from_secs(1800));
        assert_eq!(finding.cells[2].trend.iter().sum::<u32>(), 30);
        assert_eq!(finding.first_seen, Time::from_secs(NOW - 1800));
        says(
            &finding,
            "seen 30 times in prod in the last 10 min; never in dev (30 container-minutes watched",
        );
        world.judge.set_lens(Lens::default());
        let finding = world.look(100);
        assert_eq!((finding.verdict, finding.cells[2].count), (only(2), 90));
    }

    #[test]
    fn a_window_in_which_nothing_was_seen_shows_nothing() {
        let mut world = World::new(2, Level::Error);
        world.pods(0, 1, NOW - 90_000, NOW - 1800);
        let source = world.pods(1, 1, NOW - 90_000, NOW - 1800)[0];
        world.write(0, source, NOW - 1000);
        world.judge.set_lens(Lens {
            window: Some(Span::from_secs(300)),
            align: Align::Fitting,
        });
        let (subjects, now) = (world.subjects(), Time::from_secs(NOW));
        let found = world.judge.look(&world.ledger, &mut world.counts, &subjects, now);
        assert_eq!(found, []);
    }

    #[test]
    fn a_lens_on_starts_compares_starts() {
        let mut world = World::new(3, Level::Info);
        world.pods(0, 3, NOW - 90_000, NOW - 1800);
        for n in 0..40 {
            world.watch(1);
            world.instance(1, NOW - 1000 + n, NOW - 1000 + n);
        }
        world.watch(2);
        for n in 0..40 {
            let source = world.instance(2, NOW - 1000 + n, NOW - 1000 + n);
            world.write(0, source, NOW - 1000 + n + 5);
            world.write(0, source, NOW - 500);
        }
        world.judge.set_lens(Lens {
            window: None,
            align: Align::SinceStart(Span::from_secs(60)),
        });
        let finding = world.look(0);
        assert_eq!(finding.cells[2].episodes, 40);
        assert!(matches!(finding.cells[1].state, CellState::Absent(_)), "{finding:?}");
        assert_eq!(finding.cells[1].watched, Span::from_secs(2400));
        assert_eq!(finding.verdict, Verdict::Unknown);
        says(
            &finding,
            "no start was seen in dev; only prod among the 2 that can tell: 40 times, never in staging",
        );
        says(&finding, "within 60 s of a start");
    }

    #[test]
    fn one_blocked_cluster_does_not_hide_what_the_others_show() {
        let mut world = written_in_prod(Level::Error);
        world.ledger.watch_changed(context(1), Watching::Forbidden);
        let finding = world.verdict();
        assert_eq!(finding.verdict, Verdict::Unknown);
        says(
            &finding,
            "its logs are forbidden in staging; only prod among the 2 that can tell: 90 times, never in dev (",
        );
        world.judge = Judge::new(Evidence::Frozen);
        assert_eq!(world.look(1000).verdict, Verdict::Missing(vec![context(0)]));
    }

    #[test]
    fn an_error_that_one_cluster_lacks_is_told_as_such() {
        let mut world = written_in_prod(Level::Error);
        for source in world.pods(1, 3, NOW - 90_000, NOW - 1800) {
            (0..30).for_each(|minute| {
                world.write(0, source, NOW - 1800 + minute * 60);
            });
        }
        let finding = world.verdict();
        assert_eq!(finding.verdict, Verdict::Missing(vec![context(0)]));
        says(
            &finding,
            "an error that dev does not have: seen 180 times in staging and prod; never in dev (",
        );
    }

    #[test]
    fn longer_watching_only_makes_a_claim_surer() {
        let mut last = 1.0;
        for minutes in [5, 10, 20, 30, 60, 120] {
            let mut world = World::new(2, Level::Error);
            world.pods(0, 2, NOW - 90_000, NOW - minutes * 60);
            for source in world.pods(1, 2, NOW - 90_000, NOW - 1800) {
                (0..15).for_each(|n| {
                    world.write(0, source, NOW - 1800 + n * 120);
                });
            }
            let state = world.verdict().cells.remove(0).state;
            let p = if let CellState::Absent(p) = state { p } else { 1.0 };
            assert!(p <= last, "{minutes}: {p} after {last}");
            last = p;
        }
        assert!(last < 1e-3);
    }

    proptest! {
        /// Whatever happens, nothing is claimed of a cluster that is forbidden, was never watched or does not run it,
        /// and a claim of absence does not survive a record.
        #[test]
        fn nothing_is_claimed_of_what_was_not_seen(
            steps in prop::collection::vec((0_u8..9, 0_usize..3, 0_i64..1700), 0..120),
            writes in 0_usize..200,
            frozen in any::<bool>(),
        ) {
            let mut world = World::new(3, Level::Error);
            if frozen {
                world.judge = Judge::new(Evidence::Frozen);
            }
            let (mut watched, mut runs, mut forbidden) = ([false; 3], [false; 3], [false; 3]);
            let writer = world.pods(2, 1, NOW - 90_000, NOW - 1800)[0];
            (watched[2], runs[2]) = (true, true);
            for n in 0..i64::try_from(writes).unwrap() {
                world.write(0, writer, NOW - 1700 + n * 8);
            }
            for (what, cluster, at) in steps {
                let time = Time::from_secs(NOW - 1700 + at);
                let known: Vec<_> = world.sources.iter().copied().filter(|id| id.context == context(cluster)).collect();
                match what {
                    0 => {
                        world.ledger.watch_changed(context(cluster), Watching::Since(time));
                        watched[cluster] = true;
                    }
                    1 | 2 => {
                        world.instance(cluster, NOW - 90_000, NOW - 1700 + at);
                        runs[cluster] = true;
                    }
                    3 if cluster != 2 => {
                        world.ledger.workload_forbidden(context(cluster), &WorkloadKey {
                            namespace: "shop".into(),
                            kind: WorkloadKind::Deployment,
                            name: "api".into(),
                        });
                        forbidden[cluster] = true;
                    }
                    4 => known.iter().for_each(|id| world.ledger.coverage_ended(*id, time)),
                    5 => known.iter().for_each(|id| world.ledger.source_ended(*id, time)),
                    6 => {
                        let gap = Gap { from: time, to: time + Span::from_secs(60), cause: GapCause::Dropped(9) };
                        for id in known {
                            world.ledger.gap_found(id, &gap);
                        }
                    }
                    7 => known.iter().for_each(|id| world.ledger.coverage_began(*id, time)),
                    _ => {}
                }
            }
            if writes == 0 {
                return Ok(());
            }
            let finding = world.verdict();
            for place in 0..3 {
                let cell = &finding.cells[place];
                let is_blind = !watched[place] || !runs[place] || forbidden[place];
                let is_claimed = matches!(cell.state, CellState::Absent(_) | CellState::More(_) | CellState::Less(_));
                prop_assert!(!(is_blind && is_claimed), "{:?}", finding);
                if matches!(finding.verdict, Verdict::Only(_)) {
                    prop_assert!(watched[place] && !forbidden[place], "{:?}", finding);
                }
            }
            let absent = (0..3).find(|place| matches!(finding.cells[*place].state, CellState::Absent(_)));
            if let Some(place) = absent {
                let source = *world.sources.iter().find(|id| id.context == context(place)).unwrap();
                world.write(0, source, NOW - 10);
                prop_assert!(!matches!(world.look(600).cells[place].state, CellState::Absent(_)));
            }
        }

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
