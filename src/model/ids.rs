//! Names of things. Every name of a thing in a cluster carries its context: an object is never looked up in the
//! wrong cluster because its name was rebuilt without it.

use std::sync::Arc;

/// A kubeconfig context that was opened; the number is its column on the screen, in the order asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContextId(pub u16);

/// One log stream's identity: one container instance of one pod of one context. The actor of the context counts `n`,
/// so it is unique without a common counter. Never reused within a run of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId {
    pub context: ContextId,
    pub n: u32,
}

/// A record in the store: its place in the order of arrival. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(pub u64);

/// A pattern of the miner. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PatternId(pub u32);

/// A pane of the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaneId(pub u32);

/// A pod by name, and by uid so that its successor of the same name is another pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodKey {
    pub context: ContextId,
    pub namespace: Arc<str>,
    pub name: Arc<str>,
    pub uid: Arc<str>,
}

/// What a log stream or an exec session attaches to: one container of one pod in one context.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    pub pod: PodKey,
    pub container: Arc<str>,
}

/// Where a container is declared in its pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContainerKind {
    Init,
    /// A restartable init container.
    Sidecar,
    Main,
    Ephemeral,
}

/// The kind of owner that a user thinks in. A pod's `ReplicaSet` is looked through to its `Deployment`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkloadKind {
    Deployment,
    StatefulSet,
    DaemonSet,
    Job,
    CronJob,
    /// A pod without an owner is its own workload.
    Pod,
    /// Any other owner, by its kind as the API spells it.
    Other(Arc<str>),
}

impl WorkloadKind {
    /// The kind as the API spells it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
            Self::Pod => "Pod",
            Self::Other(kind) => kind,
        }
    }
}

/// The identity of a workload *across* clusters: it deliberately has no context.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadKey {
    pub namespace: Arc<str>,
    pub kind: WorkloadKind,
    pub name: Arc<str>,
}

/// Any object of one cluster, by kind as the API spells it. `namespace` is empty for cluster-wide kinds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    pub context: ContextId,
    pub kind: Arc<str>,
    pub namespace: Arc<str>,
    pub name: Arc<str>,
}
