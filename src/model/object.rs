//! The slim rows that are kept of objects: what tables and matching need, a hundredth of the full object. Strings are
//! raw words of the API server: `text::display` before they are shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ids::{ContainerKind, ObjectRef, PodKey, WorkloadKey};
use super::time::Time;

/// One pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodRow {
    pub key: PodKey,
    pub workload: WorkloadKey,
    pub labels: Arc<BTreeMap<Arc<str>, Arc<str>>>,
    pub node: Arc<str>,
    /// `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`.
    pub phase: Arc<str>,
    /// Pod-level reason (`Evicted`, `NodeLost`), empty if none.
    pub reason: Arc<str>,
    pub ready: bool,
    pub deleting: bool,
    pub created: Time,
    /// The `app.kubernetes.io/version` label, else the tag of the default container's image, else empty.
    pub version: Arc<str>,
    /// The container a shell opens by default: the `kubectl.kubernetes.io/default-container` annotation or the first.
    pub default_container: Arc<str>,
    pub containers: Vec<ContainerRow>,
}

/// One container of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerRow {
    pub name: Arc<str>,
    pub kind: ContainerKind,
    pub image: Arc<str>,
    pub ready: bool,
    pub restarts: u32,
    /// The runtime's id of the current instance, empty before the first start.
    pub id: Arc<str>,
    pub state: ContainerState,
    pub last: Option<Termination>,
}

/// What one container is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerState {
    Waiting { reason: Arc<str>, message: Arc<str> },
    Running { since: Time },
    Terminated(Termination),
    Unknown,
}

/// How a container instance ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Termination {
    pub id: Arc<str>,
    pub exit_code: i32,
    pub signal: i32,
    pub reason: Arc<str>,
    pub message: Arc<str>,
    pub started: Time,
    pub finished: Time,
}

/// One Kubernetes event, merged by its own `count`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    pub uid: Arc<str>,
    pub about: ObjectRef,
    pub warning: bool,
    pub reason: Arc<str>,
    pub message: Arc<str>,
    pub source: Arc<str>,
    pub count: u32,
    pub first: Time,
    pub last: Time,
}

impl PodRow {
    /// Restarts of all its containers together.
    pub fn restarts(&self) -> u32 {
        self.containers.iter().map(|c| c.restarts).sum()
    }

    /// What `kubectl get pods` prints in its STATUS column: the worst thing that can be said in one word.
    pub fn status(&self) -> &str {
        if self.deleting {
            return "Terminating";
        }
        if !self.reason.is_empty() {
            return &self.reason;
        }
        self.containers
            .iter()
            .filter(|c| c.kind != ContainerKind::Ephemeral)
            .find_map(ContainerRow::trouble)
            .unwrap_or(&self.phase)
    }

    pub fn container(&self, name: &str) -> Option<&ContainerRow> {
        self.containers.iter().find(|c| &*c.name == name)
    }
}

impl ContainerRow {
    /// What is wrong with it in one word, if anything. A restarting container counts as wrong between its crashes:
    /// the API shows `CrashLoopBackOff` only for moments, `terminated` or a fresh `running` otherwise.
    pub fn trouble(&self) -> Option<&str> {
        match &self.state {
            ContainerState::Waiting { reason, .. }
                if !matches!(&**reason, "ContainerCreating" | "PodInitializing" | "") =>
            {
                Some(reason)
            }
            ContainerState::Terminated(end) if end.exit_code != 0 || end.signal != 0 => {
                Some(if end.reason.is_empty() { "Error" } else { &end.reason })
            }
            ContainerState::Waiting { .. }
            | ContainerState::Running { .. }
            | ContainerState::Terminated(_)
            | ContainerState::Unknown => None,
        }
    }
}
