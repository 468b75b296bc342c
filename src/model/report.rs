//! What the edges tell the rest: `Report` goes to the loop, `Ingest` to the engine. Past tense: it has happened.

use std::fmt;
use std::sync::Arc;

use super::health::{Access, ClusterState, StreamState};
use super::ids::{ContextId, PodKey, SourceId, WorkloadKey};
use super::object::{EventRow, PodRow};
use super::record::{Line, Source};
use super::time::{Span, Time};

/// News of one context for the screen.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    StateChanged {
        context: ContextId,
        state: ClusterState,
    },
    /// The server's version, as `v1.36.2`.
    VersionLearned {
        context: ContextId,
        version: Arc<str>,
    },
    /// A full list after (re)connecting: everything not in it is gone.
    PodsListed {
        context: ContextId,
        pods: Vec<PodRow>,
    },
    PodApplied(PodRow),
    PodDeleted(PodKey),
    EventsListed {
        context: ContextId,
        events: Vec<EventRow>,
    },
    EventApplied {
        context: ContextId,
        event: EventRow,
    },
    SourceOpened(Source),
    StreamChanged {
        source: SourceId,
        state: StreamState,
    },
    /// One thing of several is refused or failing (say, events are forbidden) while the cluster as a whole is live.
    Limited {
        context: ContextId,
        what: Arc<str>,
        cause: Arc<str>,
    },
    /// What was said of it does not hold any more.
    LimitLifted {
        context: ContextId,
        what: Arc<str>,
    },
    /// How far the clocks of a cluster's nodes are ahead of ours; negative: behind. Told anew when it has changed
    /// enough to matter; `None` when it is not known any more.
    SkewEstimated {
        context: ContextId,
        ahead: Option<Span>,
    },
    /// Whether the pods of a namespace can be seen, while the cluster as a whole is live. Until this is said, they can.
    NamespaceChanged {
        context: ContextId,
        namespace: Arc<str>,
        access: Access,
    },
}

/// News of one context for the engine: what was read and, as important, what was and was not watched.
#[derive(Clone, Debug, PartialEq)]
pub enum Ingest {
    /// Log access to this context was gained (`true`) or lost. Before the first of these a context is not watched.
    /// With a namespace it is about that one alone, which until then is watched as its context is; a namespace that
    /// was forbidden or lost stays so, whatever becomes of its context, until it is watched again itself.
    Watched {
        context: ContextId,
        namespace: Option<Arc<str>>,
        at: Time,
        watched: bool,
    },
    /// The context as a whole, or one namespace of it, or their logs, are refused; nothing can be concluded from its
    /// silence.
    Forbidden {
        context: ContextId,
        /// `None`: the whole context.
        namespace: Option<Arc<str>>,
        at: Time,
    },
    /// The logs of one workload are refused, and stay so; nothing can be concluded from its silence there.
    WorkloadForbidden {
        context: ContextId,
        workload: WorkloadKey,
        at: Time,
    },
    /// From now on the clocks of this context are taken to be ahead of ours by this much; zero until it is told. What is
    /// told of its logs, and only that, is in the time of its clocks.
    ClockEstimated {
        context: ContextId,
        ahead: Span,
    },
    SourceOpened(Source),
    /// The stream is live: from `from` on (an event time, at or before now) every line is being delivered.
    CoverageBegan {
        source: SourceId,
        from: Time,
    },
    /// Coverage ended at `at`: the stream broke or the container ended.
    CoverageEnded {
        source: SourceId,
        at: Time,
    },
    Lines {
        source: SourceId,
        lines: Vec<Line>,
    },
    GapFound {
        source: SourceId,
        gap: Gap,
    },
    /// The container instance ended; no further line will come, so an open record is complete.
    SourceEnded {
        source: SourceId,
        at: Time,
    },
}

/// An interval of a stream that is known to be lost. Always shown, never silent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The last line known before it.
    pub from: Time,
    /// The first line known after it.
    pub to: Time,
    pub cause: GapCause,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GapCause {
    /// The last line shown was not served again on resume: the kubelet rotated its file.
    Rotated,
    /// The container restarted this many times unseen.
    Restarted(u32),
    /// The server could not serve the log; its words.
    Unreadable(Arc<str>),
    /// Lines dropped by us, counted.
    Dropped(u64),
}

/// Why lines are lost, in a few words; the same wherever it is told. May hold the server's own, raw.
impl fmt::Display for GapCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rotated => f.write_str("the kubelet rotated its file"),
            Self::Restarted(1) => f.write_str("1 restart not seen"),
            Self::Restarted(times) => write!(f, "{times} restarts not seen"),
            Self::Unreadable(words) => write!(f, "the log could not be read: {words}"),
            Self::Dropped(1) => f.write_str("1 line dropped to keep up"),
            Self::Dropped(lines) => write!(f, "{lines} lines dropped to keep up"),
        }
    }
}
