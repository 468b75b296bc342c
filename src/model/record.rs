//! Log lines as they leave an API server, and what a log stream is a stream of.

use std::sync::Arc;

use bytes::Bytes;

use super::ids::{ContainerKind, SourceId, Target, WorkloadKey};
use super::time::Time;

/// One line of a log, without its end of line. The bytes are as the container wrote them: any encoding, any escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The kubelet's stamp, nanoseconds.
    pub time: Time,
    pub bytes: Bytes,
}

/// What a log stream reads: one *instance* of a container. A restarted container is a new source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub id: SourceId,
    pub target: Target,
    pub kind: ContainerKind,
    pub workload: WorkloadKey,
    /// How often the container had restarted before this instance.
    pub restarts: u32,
    /// When this instance started, if the API said so.
    pub started: Option<Time>,
    /// The image as declared, for telling versions apart.
    pub image: Arc<str>,
}

/// Severity of a record, ascending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Level {
    /// The record does not say.
    #[default]
    None,
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

impl Level {
    /// The name as it is printed in headless output and understood in queries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }

    /// One letter, so that a level is seen without colour; blank if the record does not say.
    pub const fn mark(self) -> &'static str {
        match self {
            Self::None => " ",
            Self::Trace => "T",
            Self::Debug => "D",
            Self::Info => "I",
            Self::Warn => "W",
            Self::Error => "E",
            Self::Fatal => "F",
        }
    }

    /// Whether the record tells of a failure.
    pub const fn is_error(self) -> bool {
        matches!(self, Self::Error | Self::Fatal)
    }
}
