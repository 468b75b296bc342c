//! What the engine publishes at most once a frame: everything that was read, as immutable shared values.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use crate::contrast::{Finding, Lens};
use crate::model::{ContextId, PatternId, RecordId, Source, SourceId, Time};

use super::filter::{Filter, Scope};
use super::pattern::Shape;
use super::record::{Position, Record};
use super::store::{Masks, Records, Summary};

/// What was opened, shared.
pub type Sources = Arc<BTreeMap<SourceId, Arc<Source>>>;

/// All that was read up to one moment. Cheap to clone, to send and to keep.
#[derive(Clone, Default)]
pub struct Snapshot {
    /// Counts up; two snapshots of one engine with the same generation are the same.
    pub generation: u64,
    pub at: Time,
    pub tallies: Arc<BTreeMap<ContextId, Tally>>,
    pub sources: Sources,
    /// Ranked, the most telling first.
    pub findings: Arc<Vec<Finding>>,
    /// What the findings were looked at through.
    pub lens: Lens,
    /// Sources that write ever new text, so that their patterns are taken coarser.
    pub coarse: Arc<BTreeSet<SourceId>>,
    pub records: Records,
    /// Patterns that were found to be part of another. Their records keep the number they were given.
    pub merged: Arc<BTreeMap<PatternId, PatternId>>,
    /// The constants and variables of each pattern that stands.
    pub shapes: Arc<BTreeMap<PatternId, Shape>>,
}

/// How much was read from one context.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    pub lines: u64,
    pub bytes: u64,
    pub records: u64,
    /// Records of level error and above.
    pub errors: u64,
    /// Lines per second over the last five seconds.
    pub rate: f64,
    /// Known gaps in its streams.
    pub gaps: u64,
}

/// A filter with its scope looked up once, for walks over many records.
struct Wanted<'a> {
    filter: &'a Filter,
    /// The sources that the scope holds, if it does not hold all.
    sources: Option<BTreeSet<SourceId>>,
    /// The numbers of the pattern, if one is wanted.
    patterns: BTreeSet<PatternId>,
    masks: Masks,
}

impl Snapshot {
    pub fn matches(&self, filter: &Filter, record: &Record) -> bool {
        let is_wanted = |pattern| filter.pattern.map(|wanted| self.root(wanted)) == Some(self.root(pattern));
        filter.wants(record, is_wanted)
            && (filter.scope == Scope::All
                || self
                    .sources
                    .get(&record.source)
                    .is_some_and(|source| filter.scope.holds(source)))
    }

    /// The matching records from there on, ascending.
    pub fn after<'a>(&'a self, filter: &'a Filter, from: Bound<Position>) -> impl Iterator<Item = &'a Record> {
        let wanted = Arc::new(self.wanted(filter));
        let of_chunk = wanted.clone();
        self.records
            .after_in(from, move |summary| of_chunk.may_be_in(summary))
            .filter(move |record| wanted.is(record))
    }

    /// The matching records from there back, descending.
    pub fn before<'a>(&'a self, filter: &'a Filter, to: Bound<Position>) -> impl Iterator<Item = &'a Record> {
        let wanted = Arc::new(self.wanted(filter));
        let of_chunk = wanted.clone();
        self.records
            .before_in(to, move |summary| of_chunk.may_be_in(summary))
            .filter(move |record| wanted.is(record))
    }

    /// Where a record stands; `None` if it is no longer held.
    pub fn position(&self, id: RecordId) -> Option<Position> {
        self.records.position(id)
    }

    /// The finding about a pattern, or about the one that it is part of.
    pub fn finding(&self, pattern: PatternId) -> Option<&Finding> {
        let root = self.root(pattern);
        self.findings.iter().find(|finding| finding.pattern == root)
    }

    /// The pattern that this one is part of; itself if it stands alone.
    pub fn root(&self, pattern: PatternId) -> PatternId {
        let mut at = pattern;
        while let Some(into) = self.merged.get(&at) {
            at = *into;
        }
        at
    }

    /// Whether a record shows this pattern, or a part of it.
    pub fn is_of(&self, record: &Record, pattern: PatternId) -> bool {
        record.pattern().is_some_and(|own| self.root(own) == self.root(pattern))
    }

    fn wanted<'a>(&self, filter: &'a Filter) -> Wanted<'a> {
        let sources = (filter.scope != Scope::All).then(|| {
            let of_context = |id: &SourceId| filter.context.is_none_or(|context| context == id.context);
            self.sources
                .iter()
                .filter(|(id, source)| of_context(id) && filter.scope.holds(source))
                .map(|(id, _)| *id)
                .collect::<BTreeSet<_>>()
        });
        let patterns = filter
            .pattern
            .map_or_else(BTreeSet::new, |pattern| self.parts_of(pattern));
        let mut masks = Masks::default();
        if let Some(sources) = &sources {
            masks.want_sources(sources.iter().copied());
        }
        if filter.pattern.is_some() {
            masks.want_patterns(patterns.iter().copied());
        }
        Wanted {
            filter,
            sources,
            patterns,
            masks,
        }
    }

    /// All numbers of the pattern that this one is part of.
    fn parts_of(&self, pattern: PatternId) -> BTreeSet<PatternId> {
        let root = self.root(pattern);
        let parts = self.merged.keys().copied().filter(|part| self.root(*part) == root);
        parts.chain([root]).collect()
    }
}

impl Wanted<'_> {
    fn is(&self, record: &Record) -> bool {
        self.filter.wants(record, |pattern| self.patterns.contains(&pattern))
            && self.sources.as_ref().is_none_or(|ids| ids.contains(&record.source))
    }

    fn may_be_in(&self, summary: &Summary) -> bool {
        summary.may_hold(self.filter, &self.masks)
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Snapshot {
    fn eq(&self, other: &Self) -> bool {
        self.generation == other.generation
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::logs::record::Content;
    use crate::model::{ContainerKind, Level, PodKey, Target, WorkloadKey, WorkloadKind};

    fn source(context: u16, n: u32, workload: &str) -> Arc<Source> {
        let context = ContextId(context);
        Arc::new(Source {
            id: SourceId { context, n },
            target: Target {
                pod: PodKey {
                    context,
                    namespace: "shop".into(),
                    name: format!("{workload}-{n}").into(),
                    uid: "u".into(),
                },
                container: "main".into(),
            },
            kind: ContainerKind::Main,
            workload: WorkloadKey {
                namespace: "shop".into(),
                kind: WorkloadKind::Deployment,
                name: workload.into(),
            },
            restarts: 0,
            started: None,
            image: "i".into(),
        })
    }

    #[test]
    fn scopes_are_walked_and_matched_alike() {
        let sources = [source(0, 1, "api"), source(0, 2, "web"), source(1, 1, "api")];
        let mut records = Records::default();
        for id in 1..2000_u64 {
            let source = &sources[usize::try_from(id).unwrap() % 3];
            records.insert(Record {
                id: RecordId(id),
                source: source.id,
                time: Time(i64::try_from(id * 7919 % 2000).unwrap()),
                content: Content::Text {
                    level: Level::Info,
                    pattern: PatternId(1),
                    bytes: Bytes::new(),
                },
            });
        }
        let snapshot = Snapshot {
            sources: Arc::new(sources.iter().map(|source| (source.id, source.clone())).collect()),
            records,
            ..Snapshot::default()
        };
        let check = |scope: Scope, context| {
            let filter = Filter {
                context,
                scope,
                ..Filter::default()
            };
            let one_by_one: Vec<_> = snapshot
                .records
                .after(Bound::Unbounded)
                .filter(|record| snapshot.matches(&filter, record))
                .map(|record| record.id)
                .collect();
            let mut walked: Vec<_> = snapshot.after(&filter, Bound::Unbounded).map(|r| r.id).collect();
            assert_eq!(walked, one_by_one);
            walked.reverse();
            assert_eq!(
                snapshot
                    .before(&filter, Bound::Unbounded)
                    .map(|r| r.id)
                    .collect::<Vec<_>>(),
                walked
            );
            walked.len()
        };
        let [api, web, _] = &sources;
        assert_eq!(check(Scope::All, None), 1999);
        assert_eq!(check(Scope::Workload(api.workload.clone()), None), 1332);
        assert_eq!(check(Scope::Workload(api.workload.clone()), Some(ContextId(1))), 666);
        assert_eq!(check(Scope::Pod(web.target.pod.clone()), None), 667);
        assert_eq!(check(Scope::Container(web.target.clone()), Some(ContextId(1))), 0);
    }
}
