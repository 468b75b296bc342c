//! The one writer of what was read: lines to records, records to patterns, counts to findings, all as snapshots. It
//! has no thread and no clock; who owns it gives it batches and the time.

mod examples;
mod intake;
mod tally;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashMap;

use crate::contrast::exposure::LaneId;
use crate::contrast::{Aliases, Counts, Evidence, Finding, Judge, Ledger, Lens, Subject, SubjectKind, Watching};
use crate::model::{ContextId, Ingest, PatternId, RecordId, Source, SourceId, Span, Time};
use crate::text::join::{Joined, Joiner};

use super::holdback::Arrived;
use super::pattern::{Guard, MOST_PATTERNS, Miner, PatternKind, Regrouped, Shape};
use super::record::{Position, Record};
use super::snapshot::{Snapshot, Tally};
use super::store::Records;
use examples::Examples;
use tally::Rates;

/// How often findings are made anew at most, while there is news.
const REFRESH: Span = Span::from_millis(500);

/// How often findings are made anew without news: what is watched grows with time alone.
const REFRESH_IDLE: Span = Span::from_secs(2);

/// What the engine may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineConfig {
    /// Bytes that the kept records may cost. The oldest go.
    pub memory: usize,
    /// Patterns that are told apart.
    pub patterns: usize,
    /// Whether every record is kept for `Engine::take_fresh`, beside the store.
    pub fresh: Fresh,
    /// Workloads that have another name in some cluster.
    pub aliases: Aliases,
    /// Whether more is to come.
    pub evidence: Evidence,
}

/// Whether finished records are handed out one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fresh {
    Kept,
    NotKept,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            memory: 256 * 1024 * 1024,
            patterns: MOST_PATTERNS,
            fresh: Fresh::NotKept,
            aliases: Aliases::default(),
            evidence: Evidence::Live,
        }
    }
}

/// Takes batches, gives snapshots.
pub struct Engine {
    config: EngineConfig,
    sources: Arc<BTreeMap<SourceId, Arc<Source>>>,
    streams: HashMap<SourceId, Stream>,
    /// Streams with an open record, by when it must be closed.
    due: BTreeSet<(Time, SourceId)>,
    miner: Miner,
    records: Records,
    next_id: u64,
    ledger: Ledger,
    /// How far the clocks of contexts are ahead of ours, where they are wrong.
    clocks: BTreeMap<ContextId, Span>,
    counts: Counts,
    judge: Judge,
    lens: Lens,
    examples: Examples,
    /// The first record of each leaf in each lane; kept for a report alone.
    firsts: HashMap<(PatternId, LaneId), RecordId>,
    merged: Arc<BTreeMap<PatternId, PatternId>>,
    shapes: Arc<BTreeMap<PatternId, Shape>>,
    coarse: Arc<BTreeSet<SourceId>>,
    tallies: BTreeMap<ContextId, Tally>,
    rates: Rates,
    fresh: Vec<Arrived>,
    findings: Arc<Vec<Finding>>,
    news: News,
    refreshed: Option<Time>,
    published: Option<Arc<Snapshot>>,
    joined: Vec<Joined>,
}

/// What has changed since the last snapshot and the last findings.
#[derive(Clone, Copy, Debug, Default)]
struct News {
    /// The snapshot is out of date.
    any: bool,
    /// The findings are out of date.
    counts: bool,
    /// The findings claim what is known to be false.
    urgent: bool,
}

/// One source: its open record, and where it is counted.
struct Stream {
    joiner: Joiner,
    due: Option<Time>,
    /// When the first line of the open record arrived.
    begun: Time,
    /// When its log was followed first.
    followed: Time,
    lane: LaneId,
    guard: Guard,
}

impl Engine {
    pub fn new(config: EngineConfig) -> Self {
        let mut ledger = Ledger::default();
        ledger.set_aliases(config.aliases.clone());
        Self {
            miner: Miner::new(config.patterns),
            judge: Judge::new(config.evidence),
            config,
            sources: Arc::default(),
            streams: HashMap::new(),
            due: BTreeSet::new(),
            records: Records::default(),
            next_id: 1,
            ledger,
            clocks: BTreeMap::new(),
            counts: Counts::default(),
            lens: Lens::default(),
            examples: Examples::default(),
            firsts: HashMap::new(),
            merged: Arc::default(),
            shapes: Arc::default(),
            coarse: Arc::default(),
            tallies: BTreeMap::new(),
            rates: Rates::default(),
            fresh: Vec::new(),
            findings: Arc::default(),
            news: News::default(),
            refreshed: None,
            published: None,
            joined: Vec::new(),
        }
    }

    /// The contexts that were asked for, in their order on the screen, each with its name. One that is never heard of
    /// again is not watched: nothing is concluded from its silence.
    pub fn open_contexts(&mut self, contexts: Vec<(ContextId, Arc<str>)>) {
        for (context, _) in &contexts {
            self.tallies.entry(*context).or_default();
        }
        self.ledger.open_contexts(contexts);
        self.news_of_exposure();
    }

    /// From now on findings are made through this lens.
    pub fn set_lens(&mut self, lens: Lens) {
        if self.lens != lens {
            self.lens = lens;
            self.judge.set_lens(lens);
            self.news_of_exposure();
        }
    }

    pub fn apply(&mut self, ingest: Ingest, now: Time) {
        match ingest {
            Ingest::Watched {
                context,
                namespace,
                at,
                watched: true,
            } => self.watch_changed(context, namespace, Watching::Since(at)),
            Ingest::Watched {
                context,
                namespace,
                at,
                watched: false,
            } => self.watch_changed(context, namespace, Watching::Until(at)),
            Ingest::Forbidden { context, namespace, .. } => {
                self.watch_changed(context, namespace, Watching::Forbidden);
            }
            Ingest::WorkloadForbidden { context, workload, .. } => {
                self.tallies.entry(context).or_default();
                self.ledger.workload_forbidden(context, &workload);
                self.news_of_exposure();
            }
            Ingest::ClockEstimated { context, ahead } => self.set_clock(context, ahead),
            Ingest::SourceOpened(source) => self.open(source),
            Ingest::CoverageBegan { source, from } => {
                if let Some(stream) = self.streams.get_mut(&source) {
                    stream.followed = stream.followed.min(now);
                }
                self.ledger.coverage_began(source, self.ours(source, from));
                self.news.counts = true;
            }
            Ingest::CoverageEnded { source, at } => {
                self.ledger.coverage_ended(source, self.ours(source, at));
                self.news.counts = true;
            }
            Ingest::Lines { source, lines } => self.read(source, lines, now),
            Ingest::GapFound { source, gap } => self.gap_found(source, gap, now),
            Ingest::SourceEnded { source, at } => {
                self.close_record(source, now);
                self.ledger.source_ended(source, self.ours(source, at));
                self.news.counts = true;
            }
        }
    }

    /// Closes the records whose time has come and makes findings anew if they are due.
    pub fn tick(&mut self, now: Time) {
        while let Some((at, source)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, source));
            let mut joined = std::mem::take(&mut self.joined);
            if let Some(stream) = self.streams.get_mut(&source) {
                stream.due = None;
                stream.joiner.flush_due(now, &mut joined);
            }
            self.take_in(source, &mut joined, now);
            self.joined = joined;
            self.wait_for(source);
        }
        self.refresh_if_due(now);
    }

    /// Completes everything that is open: nothing more will come.
    pub fn finish(&mut self, now: Time) {
        let open: Vec<SourceId> = self.due.iter().map(|(_, source)| *source).collect();
        for source in open {
            self.close_record(source, now);
        }
        self.tick(now);
    }

    /// When `tick` has something to do again, if no batch comes before.
    pub fn next_due(&self) -> Option<Time> {
        let record = self.due.first().map(|(at, _)| *at);
        [record, self.refresh_due(), self.rates.next_move()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Everything up to now. The same as before if nothing has changed.
    pub fn snapshot(&mut self, now: Time) -> Arc<Snapshot> {
        self.tick(now);
        self.news.any |= self.rates.moves(now);
        let generation = match &self.published {
            Some(published) if !self.news.any => return published.clone(),
            Some(published) => published.generation + 1,
            None => 1,
        };
        self.news.any = false;
        let mut tallies = self.tallies.clone();
        for (context, tally) in &mut tallies {
            tally.rate = self.rates.of(*context, now);
        }
        let snapshot = Arc::new(Snapshot {
            generation,
            at: now,
            tallies: Arc::new(tallies),
            sources: self.sources.clone(),
            findings: self.findings.clone(),
            lens: self.lens,
            coarse: self.coarse.clone(),
            records: self.records.clone(),
            merged: self.merged.clone(),
            shapes: self.shapes.clone(),
        });
        self.published = Some(snapshot.clone());
        snapshot
    }

    /// The records finished since the last call, in the order in which they were finished: those of a source in the
    /// order of its log. Only with `Fresh::Kept`.
    pub fn take_fresh(&mut self) -> Vec<Arrived> {
        std::mem::take(&mut self.fresh)
    }

    /// What was opened.
    pub fn source(&self, id: SourceId) -> Option<&Arc<Source>> {
        self.sources.get(&id)
    }

    /// Of the whole context, or of one namespace.
    fn watch_changed(&mut self, context: ContextId, namespace: Option<Arc<str>>, watching: Watching) {
        self.tallies.entry(context).or_default();
        match namespace {
            Some(namespace) => self.ledger.namespace_changed(context, namespace, watching),
            None => self.ledger.watch_changed(context, watching),
        }
        self.news_of_exposure();
    }

    fn open(&mut self, source: Source) {
        self.tallies.entry(source.id.context).or_default();
        let lane = self.note_source(&source);
        let id = source.id;
        Arc::make_mut(&mut self.sources).insert(id, Arc::new(source));
        self.streams.entry(id).or_insert_with(|| Stream {
            joiner: Joiner::new(),
            due: None,
            begun: Time::MIN,
            followed: Time::MAX,
            lane,
            guard: Guard::new(),
        });
        self.news.any = true;
        self.news.counts = true;
    }

    /// Tells the ledger of a source, in our time.
    fn note_source(&mut self, source: &Source) -> LaneId {
        let started = source.started.map(|started| self.ours(source.id, started));
        self.ledger.opened(&Source {
            started,
            ..source.clone()
        })
    }

    /// The clocks of a context are found to be wrong by so much. What was counted before stays where it is.
    fn set_clock(&mut self, context: ContextId, ahead: Span) {
        if self.clocks.insert(context, ahead).unwrap_or_default() == ahead {
            return;
        }
        let sources = Arc::clone(&self.sources);
        for source in sources.values().filter(|source| source.id.context == context) {
            self.note_source(source);
        }
        self.news_of_exposure();
    }

    /// A time of the log of this source by our clock: exposure and counts of all clusters are held in one time.
    /// Records keep their stamps.
    fn ours(&self, source: SourceId, time: Time) -> Time {
        let ahead = self.clocks.get(&source.context).copied().unwrap_or_default();
        time - ahead
    }

    fn news_of_exposure(&mut self) {
        self.news = News {
            any: true,
            counts: true,
            urgent: true,
        };
    }

    /// Takes over how the miner groups its leaves now.
    fn regroup(&mut self) {
        self.miner.regroup_for_a_look();
        if let Some(shapes) = self.miner.take_shapes() {
            self.shapes = Arc::new(shapes.collect());
        }
        let regrouped = self.miner.take_regrouped();
        if regrouped.is_empty() {
            return;
        }
        let miner = &self.miner;
        self.counts.regroup(|leaf| miner.root(leaf));
        let merged = Arc::make_mut(&mut self.merged);
        for Regrouped { leaf, root } in regrouped {
            if leaf == root {
                merged.remove(&leaf);
            } else {
                merged.insert(leaf, root);
            }
        }
    }

    fn keep(&mut self, record: Record, at: Time) {
        if self.config.fresh == Fresh::Kept {
            let followed = self.streams.get(&record.source).map(|stream| stream.followed);
            let history = followed.is_none_or(|followed| self.ours(record.source, record.time) < followed);
            let record = record.clone();
            self.fresh.push(Arrived { record, at, history });
        }
        self.records.insert(record);
        self.news.any = true;
    }

    fn new_id(&mut self) -> RecordId {
        let id = RecordId(self.next_id);
        self.next_id += 1;
        id
    }

    fn refresh_if_due(&mut self, now: Time) {
        if self.refresh_due().is_some_and(|due| due <= now) {
            self.refresh(now);
        }
    }

    fn refresh_due(&self) -> Option<Time> {
        let Some(last) = self.refreshed else {
            return (self.news.counts || self.news.urgent).then_some(Time::MIN);
        };
        if self.news.urgent {
            Some(Time::MIN)
        } else if self.news.counts || self.judge.is_waiting() {
            Some(last + REFRESH)
        } else if self.ledger.is_listening() {
            Some(last + REFRESH_IDLE)
        } else {
            None
        }
    }

    /// Of several workloads that write a pattern, each is shown by a record of its own, if one is held.
    fn show_own_examples(&self, found: &mut [Finding]) {
        for finding in found {
            let Some(workload) = finding.workload.as_ref() else {
                continue;
            };
            let lanes = self.ledger.lanes_of(workload);
            let leaves = self.counts.leaves(&finding.pattern);
            let own = leaves
                .iter()
                .flat_map(|leaf| lanes.iter().map(|lane| (*leaf, *lane)))
                .filter_map(|of| self.firsts.get(&of).copied())
                .filter(|id| self.records.position(*id).is_some());
            finding.example = own.min().unwrap_or(finding.example);
        }
    }

    fn refresh(&mut self, now: Time) {
        self.regroup();
        let oldest = self.records.oldest().unwrap_or(Position::MAX);
        self.examples.forget_before(oldest);
        let subjects: Vec<_> = self
            .miner
            .patterns()
            .iter()
            .filter(|pattern| pattern.stands())
            .map(|pattern| Subject {
                pattern: pattern.id,
                template: pattern.text(),
                level: pattern.level,
                example: self.examples.first(self.counts.leaves(&pattern.id)),
                kind: match pattern.kind {
                    PatternKind::Pattern => SubjectKind::Pattern,
                    PatternKind::Rest => SubjectKind::Rest,
                },
            })
            .collect();
        let mut found = self.judge.look(&self.ledger, &mut self.counts, &subjects, now);
        if self.config.evidence == Evidence::Frozen {
            self.show_own_examples(&mut found);
        }
        self.findings = Arc::new(found);
        self.refreshed = Some(now);
        self.news = News {
            any: true,
            counts: false,
            urgent: false,
        };
    }
}
