//! What stood in place of a pattern's variables, counted per cluster, read back from the records that are held.

use std::collections::BTreeMap;

use crate::model::{ContextId, PatternId};

use super::snapshot::Snapshot;

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueKind {
    Number,
    Duration,
    Size,
    Address,
    Uuid,
    Path,
    Url,
    Hex,
    Time,
    Quoted,
    /// A word or anything else.
    Text,
}

/// One variable of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// What most of its values look like.
    pub kind: ValueKind,
    /// Different values seen, up to a bound.
    pub distinct: usize,
    /// The most frequent values of each cluster with how often each was seen; raw words from outside.
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
pub fn values(_snapshot: &Snapshot, _pattern: PatternId, _most: usize) -> Values {
    Values::default()
}
