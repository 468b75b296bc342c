//! What the engine publishes at most once a frame: everything that was read, as immutable shared values.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::contrast::Finding;
use crate::model::{ContextId, Source, SourceId, Time};

/// All that was read up to one moment. Cheap to clone, to send and to keep.
#[derive(Clone, Default)]
pub struct Snapshot {
    /// Counts up; two snapshots of one engine with the same generation are the same.
    pub generation: u64,
    pub at: Time,
    pub tallies: Arc<BTreeMap<ContextId, Tally>>,
    pub sources: Arc<BTreeMap<SourceId, Arc<Source>>>,
    /// Ranked, the most telling first.
    pub findings: Arc<Vec<Finding>>,
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
