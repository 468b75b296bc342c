//! The result of a contrast: what the counts of one pattern say about the clusters, and why. Data only.

use crate::model::{ContextId, Level, PatternId, RecordId, Span, Time, WorkloadKey};

/// What the counts of one pattern say about the clusters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Present here, and confirmed absent in every other cluster that could show it.
    Only(Vec<ContextId>),
    /// Markedly more often here.
    More(Vec<ContextId>),
    /// Markedly less often here.
    Less(Vec<ContextId>),
    /// Absent here, where it was to be expected; elsewhere it is present, or it is not known.
    Missing(Vec<ContextId>),
    /// No marked difference.
    Same,
    /// Too little was watched to say; the cells tell what is still needed.
    Unknown,
}

/// One pattern with its verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub pattern: PatternId,
    /// The pattern's text with `<*>` for its variables; raw words from outside, possibly several lines.
    pub template: String,
    pub level: Level,
    /// The workload that emits it, if it is one workload.
    pub workload: Option<WorkloadKey>,
    pub verdict: Verdict,
    /// One per context, in their order on the screen. Also beside `Unknown` they may tell of a difference.
    pub cells: Vec<Cell>,
    /// The reason for the verdict in plain words, one sentence.
    pub evidence: String,
    pub first_seen: Time,
    pub last_seen: Time,
    /// A record of this pattern, the first one that is held.
    pub example: RecordId,
    /// The finding of which this one is the counterpart with other words: both tell one difference.
    pub variant_of: Option<PatternId>,
}

/// One pattern in one cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    pub context: ContextId,
    /// Records of this pattern.
    pub count: u64,
    /// Distinct (pod, 10 s) bins in which it appeared: bursts count once.
    pub episodes: u64,
    /// How long the workloads that emit it were really watched here, container-seconds.
    pub watched: Span,
    pub state: CellState,
    /// Records per equal slice of the window, oldest first; for a sparkline.
    pub trend: Vec<u32>,
}

/// What is known of one pattern in one cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum CellState {
    Present,
    /// At least this many times as often as in the others (95 % lower bound).
    More(f64),
    /// At most this fraction of the others' rate (95 % upper bound).
    Less(f64),
    /// Confirmed absent; the probability of seeing nothing if it were there.
    Absent(f64),
    /// Seen nothing, which proves nothing yet; how much longer to watch, if that is known.
    Unknown(Option<Span>),
    NotDeployed,
    Forbidden,
    /// Never connected, so never watched.
    NotWatched,
    /// Watched, but only with gaps where it could have been.
    Gap,
}
