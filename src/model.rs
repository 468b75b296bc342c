//! The nouns that every room shares. Plain values: nothing here waits, reads a clock or knows a Kubernetes type.
//!
//! May use: nothing.
//! Crates: none.

pub mod time;
pub mod ids;
pub mod health;
pub mod object;
pub mod record;
pub mod report;
pub mod exec;

pub use exec::{ExecEnd, ExecRequest};
pub use health::{Access, ClusterState, Insecure, StreamState, UnknownPlugin};
pub use ids::{
    ContainerKind, ContextId, ObjectRef, PaneId, PatternId, PodKey, RecordId, SourceId, Target, WorkloadKey,
    WorkloadKind,
};
pub use object::{ContainerRow, ContainerState, EventRow, PodRow, Termination};
pub use record::{Level, Line, Source};
pub use report::{Gap, GapCause, Ingest, Report};
pub use time::{Span, Time};
