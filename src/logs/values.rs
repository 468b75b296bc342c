//! What stood in place of a pattern's variables, counted per cluster, read back from the records that are held.

mod kind;

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use hashbrown::{HashMap, HashSet};

use crate::model::{ContextId, Line, PatternId, Time};
use crate::text::join::Joiner;

use super::filter::Filter;
use super::pattern::Shape;
use super::record::Record;
use super::snapshot::Snapshot;

pub use kind::ValueKind;

/// Values of one cluster that are told.
const MOST_TOP: usize = 8;

/// Different values of one variable that are counted.
const MOST_DISTINCT: usize = 1000;

/// One variable of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// What most of its values look like.
    pub kind: ValueKind,
    /// Different values seen, up to a bound of 1,000.
    pub distinct: usize,
    /// The most frequent values of each cluster with how often each was seen; raw words from outside, 120 bytes at
    /// most.
    pub top: BTreeMap<ContextId, Vec<(String, u32)>>,
}

/// The variables of one pattern in the order in which they stand in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// Records that were read back.
    pub records: usize,
    pub slots: Vec<Slot>,
}

/// The values of a pattern in its newest held records, `most` of each cluster at most.
pub fn values(snapshot: &Snapshot, pattern: PatternId, most: usize) -> Values {
    let root = snapshot.root(pattern);
    let Some(shape) = snapshot.shapes.get(&root) else {
        return Values::default();
    };
    let mut counts: Vec<Count> = vec![Count::default(); shape.variables()];
    let mut read: BTreeMap<ContextId, usize> = snapshot.tallies.keys().map(|context| (*context, 0)).collect();
    let mut records = 0;
    let filter = Filter {
        pattern: Some(root),
        ..Filter::default()
    };
    for record in snapshot.before(&filter, Bound::Unbounded) {
        let of_context = read.entry(record.source.context).or_default();
        if *of_context < most {
            *of_context += 1;
            if let Some(values) = values_of(shape, record) {
                records += 1;
                for (count, value) in counts.iter_mut().zip(values) {
                    count.add(record.source.context, value);
                }
            }
        }
        if read.values().all(|read| *read >= most) {
            break;
        }
    }
    Values {
        records,
        slots: counts.into_iter().map(Count::slot).collect(),
    }
}

/// Parsed again, by the same rules by which it was mined.
fn values_of(shape: &Shape, record: &Record) -> Option<Vec<String>> {
    let lines: Vec<Bytes> = record.lines().map(Bytes::copy_from_slice).collect();
    let mut joiner = Joiner::new();
    let mut records = Vec::new();
    let first = Line {
        time: Time(0),
        bytes: lines.first()?.clone(),
    };
    joiner.push(first, Time(0), &mut records);
    joiner.flush(&mut records);
    shape.values(&records.first()?.header, &lines)
}

/// What was seen of one variable.
#[derive(Clone, Debug, Default)]
struct Count {
    distinct: HashSet<String>,
    kinds: BTreeMap<ValueKind, usize>,
    of_contexts: BTreeMap<ContextId, HashMap<String, u32>>,
}

impl Count {
    fn add(&mut self, context: ContextId, value: String) {
        *self.kinds.entry(ValueKind::of(&value)).or_default() += 1;
        if !self.distinct.contains(&value) {
            if self.distinct.len() >= MOST_DISTINCT {
                return;
            }
            self.distinct.insert(value.clone());
        }
        *self.of_contexts.entry(context).or_default().entry(value).or_default() += 1;
    }

    fn slot(self) -> Slot {
        let kind = self.kinds.iter().max_by_key(|(kind, count)| (**count, **kind));
        let top = |counts: HashMap<String, u32>| {
            let mut top: Vec<_> = counts.into_iter().collect();
            top.sort_unstable_by(|(one, a), (other, b)| b.cmp(a).then_with(|| one.cmp(other)));
            top.truncate(MOST_TOP);
            top
        };
        Slot {
            kind: kind.map_or(ValueKind::Text, |(kind, _)| *kind),
            distinct: self.distinct.len(),
            top: self
                .of_contexts
                .into_iter()
                .map(|(context, counts)| (context, top(counts)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::logs::engine::{Engine, EngineConfig};
    use crate::model::{ContainerKind, Ingest, PodKey, Source, SourceId, Target, WorkloadKey, WorkloadKind};

    fn source(context: u16) -> Source {
        let context = ContextId(context);
        Source {
            id: SourceId { context, n: 1 },
            target: Target {
                pod: PodKey {
                    context,
                    namespace: "shop".into(),
                    name: "api-1".into(),
                    uid: "u".into(),
                },
                container: "main".into(),
            },
            kind: ContainerKind::Main,
            workload: WorkloadKey {
                namespace: "shop".into(),
                kind: WorkloadKind::Deployment,
                name: "api".into(),
            },
            restarts: 0,
            started: None,
            image: "i".into(),
        }
    }

    fn snapshot(texts: &[(u16, &str)]) -> Arc<Snapshot> {
        let mut engine = Engine::new(EngineConfig::default());
        engine.open_contexts(vec![(ContextId(0), "a".into()), (ContextId(1), "b".into())]);
        for context in [0, 1] {
            engine.apply(Ingest::SourceOpened(source(context)), Time(0));
        }
        for (n, (context, text)) in texts.iter().enumerate() {
            let lines = text.split('\n').map(|line| Line {
                time: Time(i64::try_from(n).unwrap()),
                bytes: Bytes::copy_from_slice(line.as_bytes()),
            });
            let lines = Ingest::Lines {
                source: source(*context).id,
                lines: lines.collect(),
            };
            engine.apply(lines, Time(0));
        }
        engine.finish(Time(1));
        engine.snapshot(Time(1))
    }

    fn top(values: &Values, slot: usize, context: u16) -> Vec<(&str, u32)> {
        let of_context = values.slots[slot].top.get(&ContextId(context));
        of_context
            .into_iter()
            .flatten()
            .map(|(value, count)| (value.as_str(), *count))
            .collect()
    }

    fn pattern_of(snapshot: &Snapshot, text: &str) -> PatternId {
        let mut records = snapshot.records.after(Bound::Unbounded);
        let record = records.find(|record| record.bytes() == text.as_bytes());
        record.and_then(Record::pattern).unwrap()
    }

    #[test]
    fn values_are_counted_for_each_cluster() {
        let snapshot = snapshot(&[
            (0, "INFO order 17 shipped to 10.0.0.1:80 in 5ms"),
            (0, "INFO order 17 shipped to 10.0.0.2:80 in 6ms"),
            (0, "INFO order 18 shipped to 10.0.0.1:80 in 7ms"),
            (1, "INFO order 99 shipped to 10.9.0.1:80 in 8ms"),
            (1, "INFO something else"),
        ]);
        let pattern = pattern_of(&snapshot, "INFO order 99 shipped to 10.9.0.1:80 in 8ms");
        let found = values(&snapshot, pattern, 100);
        assert_eq!((found.records, found.slots.len()), (4, 3));
        let kinds: Vec<_> = found.slots.iter().map(|slot| slot.kind).collect();
        assert_eq!(kinds, [ValueKind::Number, ValueKind::Address, ValueKind::Duration]);
        assert_eq!(top(&found, 0, 0), [("17", 2), ("18", 1)]);
        assert_eq!(top(&found, 1, 1), [("10.9.0.1:80", 1)]);
        assert_eq!(found.slots[2].distinct, 4);
        // The newest of each cluster.
        let newest = values(&snapshot, pattern, 1);
        assert_eq!((newest.records, top(&newest, 0, 0)), (2, vec![("18", 1)]));
    }

    #[test]
    fn names_of_several_words_are_values_too() {
        let names = [
            "alpha",
            "big river",
            "delta",
            "red stone hill",
            "lotus",
            "maple",
            "nimbus",
        ];
        let texts: Vec<_> = names
            .iter()
            .map(|name| format!("INFO the queue {name} was flushed again"))
            .collect();
        let records: Vec<_> = texts.iter().map(|text| (0, text.as_str())).collect();
        let snapshot = snapshot(&records);
        let found = values(&snapshot, pattern_of(&snapshot, &texts[3]), 100);
        assert_eq!((found.records, found.slots.len()), (7, 1));
        assert!(top(&found, 0, 0).contains(&("red stone hill", 1)), "{found:?}");
    }

    #[test]
    fn a_pattern_without_variables_or_unknown_has_none() {
        let snapshot = snapshot(&[(0, "INFO ready")]);
        assert_eq!(values(&snapshot, pattern_of(&snapshot, "INFO ready"), 9).slots, []);
        assert_eq!(values(&snapshot, PatternId(77), 9), Values::default());
    }
}
