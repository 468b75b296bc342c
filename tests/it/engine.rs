//! Batches in, snapshots out, across text, logs and contrast.

use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use proptest::prelude::*;

use kontrast::contrast::{Aliases, Align, CellState, Evidence, Finding, Lens, Verdict};
use kontrast::logs::{Direction, Engine, EngineConfig, Filter, Fresh, Position, Query, Scope, Snapshot, search};
use kontrast::model::{
    ContainerKind, ContextId, Gap, GapCause, Ingest, Level, Line, PodKey, Source, SourceId, Span, Target, Time,
    WorkloadKey, WorkloadKind,
};

/// When the viewing begins, seconds.
const NOW: i64 = 1_800_000_000;

/// How far back logs are fetched, seconds.
const SINCE: i64 = 1800;

const DEV: usize = 0;
const STAGING: usize = 1;
const PROD: usize = 2;

const NAMES: [&str; 3] = ["dev", "staging", "prod"];

/// An engine and the clusters that feed it.
struct Night {
    engine: Engine,
    now: Time,
    sources: u32,
    /// How far the clocks of each cluster are ahead: all that it tells of its logs is in their time.
    ahead: [Span; 3],
}

/// The same as a cluster tells it whose clocks are ahead by so much.
fn shifted(ingest: Ingest, by: Span) -> Ingest {
    match ingest {
        Ingest::SourceOpened(source) => Ingest::SourceOpened(Source {
            started: source.started.map(|started| started + by),
            ..source
        }),
        Ingest::CoverageBegan { source, from } => Ingest::CoverageBegan {
            source,
            from: from + by,
        },
        Ingest::CoverageEnded { source, at } => Ingest::CoverageEnded { source, at: at + by },
        Ingest::SourceEnded { source, at } => Ingest::SourceEnded { source, at: at + by },
        Ingest::Lines { source, lines } => {
            let lines = lines.into_iter().map(|line| Line {
                time: line.time + by,
                ..line
            });
            Ingest::Lines {
                source,
                lines: lines.collect(),
            }
        }
        other => other,
    }
}

fn source_of(ingest: &Ingest) -> Option<SourceId> {
    match ingest {
        Ingest::SourceOpened(source) => Some(source.id),
        Ingest::CoverageBegan { source, .. }
        | Ingest::CoverageEnded { source, .. }
        | Ingest::SourceEnded { source, .. }
        | Ingest::Lines { source, .. } => Some(*source),
        _ => None,
    }
}

fn context(cluster: usize) -> ContextId {
    ContextId(u16::try_from(cluster).expect("few clusters"))
}

fn at(secs: i64) -> Time {
    Time::from_secs(secs)
}

fn line(secs: i64, text: &str) -> Line {
    Line {
        time: at(secs),
        bytes: Bytes::copy_from_slice(text.as_bytes()),
    }
}

impl Night {
    fn new(config: EngineConfig) -> Self {
        let mut engine = Engine::new(config);
        let names = NAMES.iter().enumerate();
        engine.open_contexts(names.map(|(n, name)| (context(n), Arc::from(*name))).collect());
        Self {
            engine,
            now: at(NOW),
            sources: 0,
            ahead: [Span::ZERO; 3],
        }
    }

    fn apply(&mut self, ingest: Ingest) {
        let ahead = source_of(&ingest).map(|source| self.ahead[usize::from(source.context.0)]);
        self.engine.apply(shifted(ingest, ahead.unwrap_or_default()), self.now);
    }

    fn connect(&mut self, cluster: usize) {
        self.apply(Ingest::Watched {
            context: context(cluster),
            namespace: None,
            at: self.now,
            watched: true,
        });
    }

    /// A container instance whose log is read from its start, or as far back as logs are fetched.
    fn open(&mut self, cluster: usize, workload: &str, started: i64) -> SourceId {
        self.open_in("shop", cluster, workload, started)
    }

    fn open_in(&mut self, namespace: &str, cluster: usize, workload: &str, started: i64) -> SourceId {
        let context = context(cluster);
        let n = self.sources;
        self.sources += 1;
        let id = SourceId { context, n };
        self.apply(Ingest::SourceOpened(Source {
            id,
            target: Target {
                pod: PodKey {
                    context,
                    namespace: namespace.into(),
                    name: format!("{workload}-{n}").into(),
                    uid: n.to_string().into(),
                },
                container: workload.into(),
            },
            kind: ContainerKind::Main,
            workload: WorkloadKey {
                namespace: namespace.into(),
                kind: WorkloadKind::Deployment,
                name: workload.into(),
            },
            restarts: 0,
            started: Some(at(started)),
            image: "registry/api:1".into(),
        }));
        self.apply(Ingest::CoverageBegan {
            source: id,
            from: at(started.max(NOW - SINCE)),
        });
        id
    }

    fn write(&mut self, source: SourceId, lines: Vec<Line>) {
        self.apply(Ingest::Lines { source, lines });
    }

    fn end(&mut self, source: SourceId, secs: i64) {
        self.apply(Ingest::SourceEnded { source, at: at(secs) });
    }

    /// Three `api` pods that serve requests, and noise that is alike in all clusters.
    fn healthy(&mut self, cluster: usize, started: i64) -> Vec<SourceId> {
        self.connect(cluster);
        self.noise(cluster);
        let pods: Vec<_> = (0..3).map(|_| self.open(cluster, "api", started)).collect();
        for pod in &pods {
            let from = started.max(NOW - SINCE);
            if from == started {
                self.write(*pod, start_lines(started));
            }
            let served = (from + 5..NOW).step_by(7);
            let lines = served.map(|secs| line(secs, &format!("INFO retrieved {} projects", secs % 50)));
            self.write(*pod, lines.collect());
        }
        pods
    }

    fn noise(&mut self, cluster: usize) {
        let source = self.open(cluster, "worker", NOW - 90_000);
        let lines = (NOW - SINCE..NOW).step_by(4).map(|secs| match secs % 12 {
            0 => line(secs, &format!("INFO job {secs} done in {} ms", secs % 91)),
            4 => line(secs, &format!("WARN queue is {} long", secs % 17)),
            _ => line(secs, &format!("INFO picked up job {secs} of tenant t{}", secs % 5)),
        });
        self.write(source, lines.collect());
    }

    fn crash(&mut self, cluster: usize, started: i64) {
        let source = self.open(cluster, "api", started);
        let mut lines = start_lines(started);
        lines.extend(TRACEBACK.lines().map(|text| line(started, text)));
        lines.push(line(
            started,
            "ERROR:api:failed to retrieve the complete list of projects from the server",
        ));
        self.write(source, lines);
        self.end(source, started + 1);
    }

    fn crash_loop(&mut self, cluster: usize) {
        self.connect(cluster);
        self.noise(cluster);
        for started in [NOW - 280, NOW - 275, NOW - 270, NOW - 40, NOW - 35, NOW - 30] {
            self.crash(cluster, started);
        }
    }

    /// Lets time pass as the owner of the engine does.
    fn wait(&mut self, span: Span) -> Arc<Snapshot> {
        let end = self.now + span;
        while self.now < end {
            self.now = self.now + Span::from_millis(100);
            self.engine.tick(self.now);
        }
        self.engine.snapshot(self.now)
    }
}

const TRACEBACK: &str = "Traceback (most recent call last):
  File \"/app/api.py\", line 3, in <module>
    import requests
ModuleNotFoundError: No module named 'requests'";

fn start_lines(started: i64) -> Vec<Line> {
    [
        "INFO Starting server",
        "INFO Listening at http://0.0.0.0:8000",
        "INFO Booting worker with pid 7",
    ]
    .map(|text| line(started, text))
    .into()
}

fn find<'a>(snapshot: &'a Snapshot, words: &str) -> &'a Finding {
    snapshot
        .findings
        .iter()
        .find(|finding| finding.template.contains(words))
        .unwrap_or_else(|| panic!("no pattern with {words}"))
}

fn only(cluster: usize) -> Verdict {
    Verdict::Only(vec![context(cluster)])
}

fn is_claim(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Only(_) | Verdict::Missing(_))
}

#[test]
fn works_in_staging_dies_in_prod() {
    let mut night = Night::new(EngineConfig::default());
    night.healthy(DEV, NOW - 86_000);
    night.healthy(STAGING, NOW - 400);
    night.crash_loop(PROD);
    let snapshot = night.wait(Span::from_secs(3));
    let [first, second, ..] = snapshot.findings.as_slice() else {
        panic!("too few findings")
    };
    let templates = [&first.template, &second.template];
    assert!(
        templates
            .iter()
            .any(|text| text.starts_with("ModuleNotFoundError: No module named 'requests'")),
        "{templates:?}"
    );
    assert!(
        templates.iter().any(|text| text.contains("complete list of projects")),
        "{templates:?}"
    );
    for finding in [first, second] {
        assert_eq!(finding.verdict, only(PROD), "{}", finding.evidence);
        assert_eq!(finding.level, Level::Error);
        assert_eq!(finding.workload.as_ref().map(|workload| &*workload.name), Some("api"));
        assert!(finding.evidence.contains("never in dev"), "{}", finding.evidence);
        assert!(
            finding.evidence.contains("no start was seen in dev"),
            "{}",
            finding.evidence
        );
    }
    // The start lines appear at every start, in prod too often; that is not a difference of their own.
    for words in ["Starting server", "Booting worker", "Listening at"] {
        assert!(!is_claim(&find(&snapshot, words).verdict), "{words}");
    }
    assert_eq!(find(&snapshot, "queue is").verdict, Verdict::Same);

    // Enter shows the first record in its context.
    let at = snapshot.position(first.example).expect("the example is held");
    let everything = Filter::default();
    let around: Vec<_> = snapshot.before(&everything, Bound::Included(at)).take(5).collect();
    assert_eq!(around[0].pattern(), Some(first.pattern));
    assert_eq!(around[0].source.context, context(PROD));
    let of_it = Filter {
        pattern: Some(first.pattern),
        ..Filter::default()
    };
    assert_eq!(snapshot.after(&of_it, Bound::Unbounded).count(), 6);
}

/// Clocks that are wrong by an hour change nothing of what is found, once that is known.
#[test]
fn wrong_clocks_that_are_known_change_no_verdict() {
    let found = |ahead: [i64; 3]| {
        let mut night = Night::new(EngineConfig::default());
        night.ahead = ahead.map(Span::from_secs);
        for (cluster, ahead) in night.ahead.into_iter().enumerate() {
            let context = context(cluster);
            night.apply(Ingest::ClockEstimated { context, ahead });
        }
        night.healthy(DEV, NOW - 86_000);
        night.healthy(STAGING, NOW - 400);
        night.crash_loop(PROD);
        let snapshot = night.wait(Span::from_secs(3));
        let findings = snapshot.findings.iter();
        findings
            .map(|finding| {
                (
                    finding.template.clone(),
                    finding.verdict.clone(),
                    finding.evidence.clone(),
                )
            })
            .collect::<Vec<_>>()
    };
    let right = found([0, 0, 0]);
    assert_eq!(right[0].1, only(PROD));
    assert_eq!(found([0, 0, 3600]), right);
    assert_eq!(found([3600, -3600, 0]), right);
    assert_eq!(found([0, 3600, -3600]), right);
}

#[test]
fn a_traceback_is_one_record() {
    let mut night = Night::new(EngineConfig {
        fresh: Fresh::Kept,
        ..EngineConfig::default()
    });
    night.connect(PROD);
    night.crash(PROD, NOW - 10);
    let records = night.engine.take_fresh();
    let records: Vec<_> = records.into_iter().map(|arrived| arrived.record).collect();
    let lines: Vec<_> = records.iter().map(|record| record.lines().count()).collect();
    assert_eq!(lines, [1, 1, 1, 4, 1]);
    assert_eq!(records[3].level(), Level::Error);
    assert_eq!(records[3].bytes(), TRACEBACK.as_bytes());
    assert!(night.engine.take_fresh().is_empty());
}

#[test]
fn a_record_that_is_open_comes_out_when_its_time_has_come() {
    let mut night = Night::new(EngineConfig::default());
    night.connect(DEV);
    let source = night.open(DEV, "api", NOW - 10);
    night.write(source, vec![line(NOW, "Traceback (most recent call last):")]);
    let before = night.engine.snapshot(night.now);
    assert_eq!(before.records.len(), 0);
    let due = night.engine.next_due().expect("an open record waits");
    night.now = night.now.max(due) + Span::from_secs(1);
    night.engine.tick(night.now);
    assert_eq!(night.engine.snapshot(night.now).records.len(), 1);
}

/// The quiet cluster: whatever keeps staging from being watched, nothing is claimed and the reason is given.
#[test]
fn a_quiet_cluster_is_never_said_to_be_free_of_an_error() {
    let check = |prepare: fn(&mut Night), words: &str| {
        let mut night = Night::new(EngineConfig::default());
        night.healthy(DEV, NOW - 86_000);
        night.crash_loop(PROD);
        prepare(&mut night);
        for _ in 0..6 {
            let snapshot = night.wait(Span::from_millis(500));
            for finding in snapshot.findings.iter() {
                assert!(!is_claim(&finding.verdict), "{words}: {finding:?}");
            }
            let evidence = &find(&snapshot, "ModuleNotFoundError").evidence;
            assert!(evidence.contains(words), "{evidence}");
        }
    };
    check(|_| {}, "staging is not connected");
    check(
        |night| {
            night.healthy(STAGING, NOW - 400);
            night.apply(Ingest::Forbidden {
                context: context(STAGING),
                namespace: None,
                at: at(NOW),
            });
        },
        "forbidden in staging",
    );
    check(|night| night.connect(STAGING), "staging was only just connected");
    check(
        |night| {
            for pod in night.healthy(STAGING, NOW - 400) {
                let gap = Gap {
                    from: at(NOW - 1800),
                    to: at(NOW + 60),
                    cause: GapCause::Rotated,
                };
                night.apply(Ingest::GapFound { source: pod, gap });
            }
        },
        "staging was watched only with gaps",
    );
}

/// Prod gives access to `shop` alone; what dev writes in `kube-system` may be written in prod too.
#[test]
fn a_forbidden_namespace_is_never_said_to_be_free_of_an_error() {
    let mut night = Night::new(EngineConfig::default());
    for cluster in [DEV, STAGING, PROD] {
        night.healthy(cluster, NOW - 86_000);
    }
    for cluster in [DEV, STAGING] {
        let source = night.open_in("kube-system", cluster, "dns", NOW - 86_000);
        let (quiet, secs) = (cluster == STAGING, NOW - SINCE..NOW);
        let lines = secs.step_by(9).map(|secs| match secs % 2 {
            0 if !quiet => line(secs, &format!("ERROR no answer for query {secs}")),
            _ => line(secs, &format!("INFO answered query {secs}")),
        });
        night.write(source, lines.collect());
    }
    let access = |namespace: &str, watched: Option<bool>, night: &Night| {
        let (context, namespace, at) = (context(PROD), Some(namespace.into()), night.now);
        match watched {
            None => Ingest::Forbidden { context, namespace, at },
            Some(watched) => Ingest::Watched {
                context,
                namespace,
                at,
                watched,
            },
        }
    };
    let check = |night: &mut Night, words: &str, state: CellState| {
        for _ in 0..20 {
            let snapshot = night.wait(Span::from_millis(500));
            let finding = find(&snapshot, "no answer");
            assert_eq!(finding.verdict, Verdict::Unknown, "{}", finding.evidence);
            assert_eq!(finding.cells[PROD].state, state);
            assert!(finding.evidence.contains(words), "{}", finding.evidence);
            let answered = &find(&snapshot, "answered query").verdict;
            assert!(!is_claim(answered) && *answered != Verdict::Same, "{answered:?}");
            assert_eq!(find(&snapshot, "queue is").verdict, Verdict::Same, "shop is seen");
        }
    };
    let refused = access("kube-system", None, &night);
    night.apply(refused);
    check(&mut night, "forbidden in prod", CellState::Forbidden);
    let lost = access("kube-system", Some(false), &night);
    night.apply(lost);
    check(
        &mut night,
        "prod was not watched at that time",
        CellState::Unknown(None),
    );
    let allowed = access("kube-system", Some(true), &night);
    night.apply(allowed);
    // Nothing of it runs there, as is known as soon as its pods had time to show.
    let snapshot = night.wait(Span::from_secs(8));
    let finding = find(&snapshot, "no answer");
    assert_eq!(finding.verdict, only(DEV), "{}", finding.evidence);
    assert_eq!(finding.cells[PROD].state, CellState::NotDeployed);
}

#[test]
fn a_cluster_that_does_not_run_it_does_not_count() {
    let mut night = Night::new(EngineConfig::default());
    night.healthy(DEV, NOW - 86_000);
    night.connect(STAGING);
    night.noise(STAGING);
    night.crash_loop(PROD);
    let snapshot = night.wait(Span::from_secs(8));
    let finding = find(&snapshot, "ModuleNotFoundError");
    assert_eq!(finding.verdict, only(PROD), "{}", finding.evidence);
    assert_eq!(finding.cells[STAGING].state, CellState::NotDeployed);
}

#[test]
fn a_late_error_takes_the_claim_back_at_once() {
    let mut night = Night::new(EngineConfig::default());
    let dev = night.healthy(DEV, NOW - 86_000);
    night.healthy(STAGING, NOW - 400);
    night.crash_loop(PROD);
    let snapshot = night.wait(Span::from_secs(3));
    assert_eq!(find(&snapshot, "ModuleNotFoundError").verdict, only(PROD));
    let lines = TRACEBACK.lines().map(|text| line(NOW + 3, text)).collect();
    night.write(dev[0], lines);
    night.end(dev[0], NOW + 4);
    let snapshot = night.engine.snapshot(night.now);
    let finding = find(&snapshot, "ModuleNotFoundError");
    assert!(!matches!(&finding.verdict, Verdict::Only(clusters) if *clusters == [context(PROD)]));
    assert_eq!(finding.cells[DEV].count, 1);
}

#[test]
fn a_canary_at_a_low_rate_is_not_claimed_too_early() {
    let mut night = Night::new(EngineConfig::default());
    night.healthy(DEV, NOW - 86_000);
    night.healthy(STAGING, NOW - 86_000);
    let prod = night.healthy(PROD, NOW - 86_000);
    let mut claimed = None;
    for n in 1..=30 {
        let secs = night.now.floor_secs();
        night.write(prod[0], vec![line(secs, &format!("WARN cache miss ratio {n} is high"))]);
        let snapshot = night.wait(Span::from_secs(60));
        let verdict = &find(&snapshot, "cache miss").verdict;
        if *verdict == only(PROD) {
            claimed.get_or_insert(n);
        }
        if claimed.is_some() {
            assert_eq!(*verdict, only(PROD), "the claim stays, after {n}");
        }
    }
    let claimed = claimed.expect("it is found in the end");
    assert!((5..=20).contains(&claimed), "after {claimed}");
}

#[test]
fn nothing_new_is_the_same_snapshot() {
    let mut night = Night::new(EngineConfig::default());
    night.connect(DEV);
    let source = night.open(DEV, "api", NOW - 10);
    night.write(source, vec![line(NOW, "one")]);
    night.end(source, NOW + 1);
    let one = night.wait(Span::from_secs(8));
    let other = night.engine.snapshot(night.now);
    assert!(Arc::ptr_eq(&one, &other));
    assert_eq!(night.engine.next_due(), None, "nothing is open, nothing will change");
    night.connect(STAGING);
    assert!(night.engine.snapshot(night.now).generation > one.generation);
}

#[test]
fn the_rate_of_a_cluster_that_went_silent_falls_to_nothing() {
    let mut night = Night::new(EngineConfig::default());
    night.connect(DEV);
    let source = night.open(DEV, "api", NOW - 10);
    night.write(source, (0..10).map(|n| line(NOW, &format!("line {n}"))).collect());
    night.end(source, NOW + 1);
    let rate = |snapshot: &Snapshot| snapshot.tallies.get(&context(DEV)).map(|tally| tally.rate);
    assert_eq!(rate(&night.engine.snapshot(night.now)), Some(2.0));
    // Nothing arrives any more: only what the engine itself wants to do is done.
    while let Some(due) = night.engine.next_due() {
        night.now = night.now.max(due);
        night.engine.tick(night.now);
        night.engine.snapshot(night.now);
    }
    assert_eq!(rate(&night.engine.snapshot(night.now)), Some(0.0));
}

#[test]
fn names_made_of_letters_are_no_difference() {
    let names = [
        ["alpha", "bravo", "delta", "ember"],
        ["falcon", "lotus", "maple", "river"],
        ["stone", "tundra", "velvet", "willow"],
    ];
    let mut night = Night::new(EngineConfig::default());
    for (cluster, names) in names.iter().enumerate() {
        night.connect(cluster);
        let source = night.open(cluster, "worker", NOW - 90_000);
        let times = (NOW - SINCE..NOW).step_by(20).zip(names.iter().cycle());
        let lines = times.map(|(secs, name)| line(secs, &format!("INFO Queue {name} was flushed")));
        night.write(source, lines.collect());
    }
    let snapshot = night.wait(Span::from_secs(3));
    let [finding] = snapshot.findings.as_slice() else {
        panic!("{:?}", snapshot.findings)
    };
    assert_eq!(finding.template, "Queue <*> was flushed");
    assert_eq!(finding.verdict, Verdict::Same, "{}", finding.evidence);
    assert_eq!(finding.cells.iter().map(|cell| cell.count).sum::<u64>(), 270);
    let of_it = Filter {
        pattern: Some(finding.pattern),
        ..Filter::default()
    };
    assert_eq!(snapshot.after(&of_it, Bound::Unbounded).count(), 270);
    for record in snapshot.records.after(Bound::Unbounded) {
        assert!(snapshot.matches(&of_it, record));
        let pattern = record.pattern().expect("a text");
        assert_eq!(
            snapshot.finding(pattern).map(|found| found.pattern),
            Some(finding.pattern)
        );
    }
}

#[test]
fn memory_is_bounded_and_what_went_is_counted() {
    let mut night = Night::new(EngineConfig {
        memory: 1_000_000,
        ..EngineConfig::default()
    });
    night.connect(DEV);
    let source = night.open(DEV, "api", NOW - 10);
    for n in 0..100 {
        let lines = (0..1000)
            .map(|m| line(NOW + n, &format!("INFO job {n} {m} done")))
            .collect();
        night.write(source, lines);
    }
    let snapshot = night.wait(Span::from_secs(1));
    assert!(snapshot.records.bytes() <= 1_000_000);
    assert!(snapshot.records.dropped() > 90_000);
    assert_eq!(snapshot.tallies[&context(DEV)].records, 100_000);
    let finding = find(&snapshot, "job");
    assert!(snapshot.position(finding.example).is_some(), "an example is held");
    assert_eq!(finding.cells[DEV].count, 100_000, "counts are of all that was read");
}

#[test]
fn a_gap_is_a_row_at_its_place() {
    let mut night = Night::new(EngineConfig::default());
    night.connect(DEV);
    let source = night.open(DEV, "api", NOW - 100);
    night.write(source, vec![line(NOW - 50, "before"), line(NOW - 10, "after")]);
    let gap = Gap {
        from: at(NOW - 50),
        to: at(NOW - 10),
        cause: GapCause::Rotated,
    };
    night.apply(Ingest::GapFound { source, gap });
    let snapshot = night.wait(Span::from_secs(1));
    let rows: Vec<_> = snapshot
        .records
        .after(Bound::Unbounded)
        .map(|record| record.pattern().is_some())
        .collect();
    assert_eq!(rows, [true, false, true]);
    assert_eq!(snapshot.tallies[&context(DEV)].gaps, 1);
}

#[test]
fn search_sees_what_a_filter_shows() {
    let mut night = Night::new(EngineConfig::default());
    night.healthy(DEV, NOW - 86_000);
    night.crash_loop(PROD);
    let snapshot = night.wait(Span::from_secs(1));
    let api = &snapshot
        .sources
        .values()
        .find(|source| &*source.workload.name == "api")
        .expect("api")
        .workload;
    let filter = Filter {
        scope: Scope::Workload(api.clone()),
        least: Level::Warn,
        ..Filter::default()
    };
    let query = Query::parse("projects|requests").expect("a query");
    let found = search(
        &snapshot,
        &filter,
        &query,
        Position::MIN,
        Direction::Forward,
        &AtomicBool::new(false),
    );
    assert_eq!(found.counts.get(&context(PROD)), Some(&12));
    assert_eq!(found.counts.get(&context(DEV)), None);
    assert!(found.hit.is_some());
}

/// An error that three `api` pods of prod write every half a minute; all three clusters run `api`.
fn with_an_error_in_prod(night: &mut Night) {
    for cluster in [DEV, STAGING, PROD] {
        for pod in night.healthy(cluster, NOW - 86_000) {
            if cluster == PROD {
                let failed = (NOW - SINCE..NOW).step_by(30);
                let lines = failed.map(|secs| line(secs, &format!("ERROR cannot reach the bank after {secs} s")));
                night.write(pod, lines.collect());
            }
        }
    }
}

#[test]
fn another_lens_is_answered_at_once() {
    let mut night = Night::new(EngineConfig::default());
    with_an_error_in_prod(&mut night);
    night.wait(Span::from_secs(2));
    let lens = Lens {
        window: Some(Span::from_secs(600)),
        align: Align::WallClock,
    };
    night.engine.set_lens(lens);
    let snapshot = night.engine.snapshot(night.now);
    assert_eq!(snapshot.lens, lens);
    let finding = find(&snapshot, "cannot reach the bank");
    assert_eq!(finding.verdict, only(PROD), "{}", finding.evidence);
    assert!(finding.evidence.contains("in the last 10 min"), "{}", finding.evidence);
    assert!(
        (57..=60).contains(&finding.cells[PROD].count),
        "{:?}",
        finding.cells[PROD]
    );
    night.engine.set_lens(Lens::default());
    let snapshot = night.engine.snapshot(night.now);
    assert!(find(&snapshot, "cannot reach the bank").cells[PROD].count > 60);
}

#[test]
fn a_forbidden_workload_is_forbidden_for_its_own_patterns_alone() {
    let mut night = Night::new(EngineConfig::default());
    with_an_error_in_prod(&mut night);
    night.apply(Ingest::WorkloadForbidden {
        context: context(DEV),
        workload: WorkloadKey {
            namespace: "shop".into(),
            kind: WorkloadKind::Deployment,
            name: "api".into(),
        },
        at: at(NOW),
    });
    let snapshot = night.wait(Span::from_secs(2));
    let finding = find(&snapshot, "cannot reach the bank");
    assert_eq!(finding.verdict, Verdict::Unknown, "{}", finding.evidence);
    assert_eq!(finding.cells[DEV].state, CellState::Forbidden);
    assert!(
        finding.evidence.contains("forbidden in dev; only prod among the 2"),
        "{}",
        finding.evidence
    );
    assert_eq!(find(&snapshot, "queue is").verdict, Verdict::Same);
    assert_eq!(
        snapshot.findings[0].pattern, finding.pattern,
        "what differs comes first"
    );
}

#[test]
fn renamed_workloads_are_compared_as_one() {
    let check = |aliases: &[&str], state: fn(&CellState) -> bool| {
        let config = EngineConfig {
            aliases: Aliases::new(aliases.iter().map(|alias| Aliases::parse(alias).unwrap()).collect()),
            evidence: Evidence::Frozen,
            ..EngineConfig::default()
        };
        let mut night = Night::new(config);
        for cluster in [DEV, STAGING, PROD] {
            night.connect(cluster);
            let namespace = if cluster == PROD { "shop-prod" } else { "shop" };
            let source = night.open_in(namespace, cluster, "bank", NOW - 86_000);
            let what = if cluster == PROD { "ERROR lost" } else { "INFO kept" };
            let secs = (NOW - SINCE..NOW).step_by(20);
            night.write(
                source,
                secs.map(|secs| line(secs, &format!("{what} the ledger of day {secs}")))
                    .collect(),
            );
        }
        // Until streams that may still open have opened.
        let snapshot = night.wait(Span::from_secs(20));
        let finding = find(&snapshot, "lost the ledger");
        assert!(state(&finding.cells[DEV].state), "{aliases:?} {finding:?}");
    };
    check(&[], |state| *state == CellState::NotDeployed);
    check(&["shop-prod/*=shop/*"], |state| matches!(state, CellState::Absent(_)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// However the batches of different sources interleave: the same records in the same order, the same patterns with
    /// the same counts, the same verdicts.
    #[test]
    fn what_is_found_does_not_depend_on_how_sources_interleave(order in prop::collection::vec(0_usize..6, 0..120)) {
        let run = |order: &[usize]| {
            let mut night = Night::new(EngineConfig::default());
            let mut sources = Vec::new();
            for cluster in 0..3 {
                night.connect(cluster);
                for _ in 0..2 {
                    let source = night.open(cluster, "api", NOW - 90_000);
                    let texts: Vec<_> = (0..20)
                        .map(|n| {
                            let secs = NOW - 1000 + n * 10;
                            let text = match n % 4 {
                                0 => format!("ERROR failed in cluster {cluster}"),
                                1 => format!("INFO job {n} done"),
                                2 => "Traceback (most recent call last):\n  File \"/a.py\", line 1, in x\nKeyError: 'a'".to_owned(),
                                _ => format!("WARN user u{n} is slow"),
                            };
                            text.lines().map(|text| line(secs, text)).collect::<Vec<_>>()
                        })
                        .collect();
                    sources.push((source, texts.into_iter()));
                }
            }
            for turn in order.iter().copied().chain((0..6).cycle().take(600)) {
                let (source, batches) = &mut sources[turn];
                if let Some(batch) = batches.next() {
                    night.engine.apply(Ingest::Lines { source: *source, lines: batch }, night.now);
                }
            }
            let snapshot = night.wait(Span::from_secs(2));
            let mut records: Vec<_> = snapshot
                .records
                .after(Bound::Unbounded)
                .map(|record| (record.time, record.source, record.bytes().to_vec()))
                .collect();
            let times: Vec<_> = records.iter().map(|record| record.0).collect();
            assert!(times.is_sorted());
            records.sort();
            let mut findings: Vec<_> = snapshot
                .findings
                .iter()
                .map(|finding| {
                    let counts: Vec<_> = finding.cells.iter().map(|cell| (cell.count, cell.episodes)).collect();
                    (finding.template.clone(), counts, format!("{:?}", finding.verdict))
                })
                .collect();
            findings.sort();
            (records, findings)
        };
        prop_assert_eq!(run(&order), run(&[]));
    }
}

/// Prod fails for a while, and what staging wrote in that time is lost: nobody knows whether it failed too.
#[test]
fn a_gap_over_all_occurrences_is_never_a_claim() {
    let (from, to) = (NOW - 1500, NOW - 300);
    let check = |cause: Option<GapCause>| {
        let mut night = Night::new(EngineConfig::default());
        night.healthy(DEV, NOW - 86_000);
        let staging = night.healthy(STAGING, NOW - 86_000);
        for (n, pod) in (0..).zip(night.healthy(PROD, NOW - 86_000)) {
            let failures = (from + n..to).step_by(40);
            night.write(pod, failures.map(|secs| line(secs, "ERROR payments refused")).collect());
        }
        for source in staging {
            if let Some(cause) = &cause {
                let gap = Gap {
                    from: at(from - 5),
                    to: at(to + 5),
                    cause: cause.clone(),
                };
                night.apply(Ingest::GapFound { source, gap });
            }
        }
        let snapshot = night.wait(Span::from_secs(3));
        let finding = find(&snapshot, "payments refused");
        (finding.verdict.clone(), finding.evidence.clone())
    };
    let (verdict, evidence) = check(None);
    assert_eq!(verdict, only(PROD), "without a gap there is no doubt: {evidence}");
    let causes = [
        GapCause::Rotated,
        GapCause::Restarted(2),
        GapCause::Unreadable("unable to retrieve container logs".into()),
        GapCause::Dropped(400),
    ];
    for cause in causes {
        let (verdict, evidence) = check(Some(cause));
        assert!(!is_claim(&verdict), "{verdict:?}: {evidence}");
    }
}
