//! From a full pod to its slim row. The pod is dropped at once: a row is a hundredth of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{
    Container, ContainerState as ApiState, ContainerStateTerminated, ContainerStatus, Pod, PodSpec, PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{OwnerReference, Time as ApiTime};

use super::owner::{Owner, workload};
use crate::model::{
    ContainerKind, ContainerRow, ContainerState, ContextId, PodKey, PodRow, Termination, Time, WorkloadKey,
};

const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";
const VERSION: &str = "app.kubernetes.io/version";
const TEMPLATE_HASH: &str = "pod-template-hash";

/// The row of a pod; nothing if it lacks what makes it one, which no server does.
pub(super) fn pod_row(context: ContextId, pod: Pod) -> Option<PodRow> {
    let Pod { metadata, spec, status } = pod;
    let (spec, status) = (spec.unwrap_or_default(), status.unwrap_or_default());
    let key = PodKey {
        context,
        namespace: metadata.namespace?.into(),
        name: metadata.name?.into(),
        uid: metadata.uid?.into(),
    };
    let labels = metadata.labels.unwrap_or_default();
    let annotations = metadata.annotations.unwrap_or_default();
    let default_container = annotations.get(DEFAULT_CONTAINER).map(String::as_str);
    let default_container: Arc<str> = default_container
        .or_else(|| spec.containers.first().map(|first| first.name.as_str()))
        .unwrap_or_default()
        .into();
    let containers = container_rows(&spec, &status);
    let version = labels.get(VERSION).map(String::as_str).or_else(|| {
        containers
            .iter()
            .find(|container| container.name == default_container)
            .and_then(|container| tag(&container.image))
    });
    let owner = controller(metadata.owner_references.as_deref().unwrap_or_default());
    let (kind, name) = workload(&key.name, owner, labels.get(TEMPLATE_HASH).map(String::as_str));
    Some(PodRow {
        workload: WorkloadKey {
            namespace: Arc::clone(&key.namespace),
            kind,
            name: name.into(),
        },
        version: version.unwrap_or_default().into(),
        labels: Arc::new(shared(labels)),
        node: text(spec.node_name),
        phase: text(status.phase),
        reason: text(status.reason),
        ready: status
            .conditions
            .iter()
            .flatten()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True"),
        deleting: metadata.deletion_timestamp.is_some(),
        created: metadata
            .creation_timestamp
            .map(|stamp| time(&stamp))
            .unwrap_or_default(),
        default_container,
        containers,
        key,
    })
}

fn controller(owners: &[OwnerReference]) -> Option<Owner<'_>> {
    let owner = owners
        .iter()
        .find(|owner| owner.controller == Some(true))
        .or_else(|| owners.first())?;
    Some(Owner {
        kind: &owner.kind,
        name: &owner.name,
    })
}

fn container_rows(spec: &PodSpec, status: &PodStatus) -> Vec<ContainerRow> {
    let init = spec.init_containers.iter().flatten().map(|container| {
        let sidecar = container.restart_policy.as_deref() == Some("Always");
        (
            if sidecar {
                ContainerKind::Sidecar
            } else {
                ContainerKind::Init
            },
            named(container),
        )
    });
    let main = spec
        .containers
        .iter()
        .map(|container| (ContainerKind::Main, named(container)));
    let ephemeral = spec.ephemeral_containers.iter().flatten();
    let ephemeral = ephemeral.map(|container| {
        (
            ContainerKind::Ephemeral,
            (container.name.as_str(), container.image.as_deref()),
        )
    });
    init.chain(main)
        .chain(ephemeral)
        .map(|(kind, (name, image))| container_row(kind, name, image, status))
        .collect()
}

fn named(container: &Container) -> (&str, Option<&str>) {
    (&container.name, container.image.as_deref())
}

fn container_row(kind: ContainerKind, name: &str, image: Option<&str>, status: &PodStatus) -> ContainerRow {
    let statuses = match kind {
        ContainerKind::Init | ContainerKind::Sidecar => &status.init_container_statuses,
        ContainerKind::Main => &status.container_statuses,
        ContainerKind::Ephemeral => &status.ephemeral_container_statuses,
    };
    let status = statuses.iter().flatten().find(|status| status.name == name);
    ContainerRow {
        name: name.into(),
        kind,
        image: image.unwrap_or_default().into(),
        ready: status.is_some_and(|status| status.ready),
        restarts: status.map_or(0, |status| u32::try_from(status.restart_count).unwrap_or(0)),
        id: status
            .and_then(|status| status.container_id.as_deref())
            .unwrap_or_default()
            .into(),
        state: status.map_or(ContainerState::Unknown, state),
        last: status
            .and_then(|status| status.last_state.as_ref()?.terminated.as_ref())
            .map(termination),
    }
}

fn state(status: &ContainerStatus) -> ContainerState {
    let Some(ApiState {
        running,
        terminated,
        waiting,
    }) = &status.state
    else {
        return ContainerState::Unknown;
    };
    if let Some(running) = running {
        let since = running.started_at.as_ref().map(time).unwrap_or_default();
        return ContainerState::Running { since };
    }
    if let Some(terminated) = terminated {
        return ContainerState::Terminated(termination(terminated));
    }
    match waiting {
        Some(waiting) => ContainerState::Waiting {
            reason: waiting.reason.as_deref().unwrap_or_default().into(),
            message: waiting.message.as_deref().unwrap_or_default().into(),
        },
        None => ContainerState::Unknown,
    }
}

fn termination(end: &ContainerStateTerminated) -> Termination {
    Termination {
        id: end.container_id.as_deref().unwrap_or_default().into(),
        exit_code: end.exit_code,
        signal: end.signal.unwrap_or(0),
        reason: end.reason.as_deref().unwrap_or_default().into(),
        message: end.message.as_deref().unwrap_or_default().into(),
        started: end.started_at.as_ref().map(time).unwrap_or_default(),
        finished: end.finished_at.as_ref().map(time).unwrap_or_default(),
    }
}

/// The tag of an image's name, without registry, port and digest.
fn tag(image: &str) -> Option<&str> {
    let image = image.split_once('@').map_or(image, |(name, _)| name);
    let last = image.rsplit_once('/').map_or(image, |(_, last)| last);
    last.split_once(':').map(|(_, tag)| tag)
}

fn shared(labels: BTreeMap<String, String>) -> BTreeMap<Arc<str>, Arc<str>> {
    labels
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

fn text(text: Option<String>) -> Arc<str> {
    text.unwrap_or_default().into()
}

/// The API's time as ours; a year beyond our range becomes its end.
pub(super) fn time(stamp: &ApiTime) -> Time {
    of_jiff(stamp.0)
}

pub(super) fn of_jiff(stamp: jiff::Timestamp) -> Time {
    let nanos = stamp.as_nanosecond();
    Time(i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::WorkloadKind;

    fn row(pod: Value) -> PodRow {
        pod_row(ContextId(2), serde_json::from_value(pod).unwrap()).unwrap()
    }

    fn api_pod(status: &Value) -> Value {
        json!({
            "metadata": {
                "name": "api-54b7848d46-sdfsg", "namespace": "shop", "uid": "u1", "creationTimestamp": "2026-11-22T15:26:54Z",
                "labels": {"app": "api", "pod-template-hash": "54b7848d46"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "api-54b7848d46", "uid": "r", "controller": true}]
            },
            "spec": {
                "nodeName": "node-1",
                "initContainers": [{"name": "wait", "image": "busybox"}, {"name": "proxy", "image": "envoy:1", "restartPolicy": "Always"}],
                "containers": [{"name": "api", "image": "reg.example:5000/shop/api:1.5.0@sha256:00"}],
                "ephemeralContainers": [{"name": "debug", "image": "busybox:1.37"}]
            },
            "status": status
        })
    }

    #[test]
    fn a_row_keeps_what_tables_need() {
        let row = row(api_pod(&json!({
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "api", "image": "", "imageID": "", "ready": true, "restartCount": 4,
                "containerID": "containerd://b", "state": {"running": {"startedAt": "2026-11-22T15:28:42Z"}}}]
        })));
        assert_eq!(
            row.workload,
            WorkloadKey {
                namespace: "shop".into(),
                kind: WorkloadKind::Deployment,
                name: "api".into()
            }
        );
        assert_eq!(
            (&*row.version, &*row.node, &*row.default_container, row.ready),
            ("1.5.0", "node-1", "api", true)
        );
        let kinds: Vec<_> = row
            .containers
            .iter()
            .map(|container| (&*container.name, container.kind))
            .collect();
        assert_eq!(
            kinds,
            [
                ("wait", ContainerKind::Init),
                ("proxy", ContainerKind::Sidecar),
                ("api", ContainerKind::Main),
                ("debug", ContainerKind::Ephemeral)
            ]
        );
        assert_eq!(row.restarts(), 4);
        assert_eq!(row.container("wait").unwrap().state, ContainerState::Unknown);
        assert_eq!(
            row.container("api").unwrap().state,
            ContainerState::Running {
                since: Time::from_secs(1_795_361_322)
            }
        );
    }

    /// The states of one crash-looping container in the order in which a watch of a real cluster showed them.
    #[test]
    fn a_crash_loop_is_seen_through_its_moments() {
        let last = json!({"terminated": {"exitCode": 1, "reason": "Error", "containerID": "containerd://a",
            "startedAt": "2026-11-22T15:27:47Z", "finishedAt": "2026-11-22T15:27:48Z"}});
        let moments = [
            (json!({"waiting": {"reason": "CrashLoopBackOff"}}), "CrashLoopBackOff"),
            (json!({"running": {"startedAt": "2026-11-22T15:28:42Z"}}), "Running"),
            (
                json!({"terminated": {"exitCode": 1, "reason": "Error", "containerID": "containerd://b"}}),
                "Error",
            ),
            (
                json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}}),
                "OOMKilled",
            ),
        ];
        for (state, expected) in moments {
            let row = row(api_pod(&json!({
                "phase": "Running",
                "containerStatuses": [{"name": "api", "image": "", "imageID": "", "ready": false, "restartCount": 3,
                    "containerID": "containerd://a", "state": state, "lastState": last}]
            })));
            assert_eq!(row.status(), expected);
            let ended = row.container("api").unwrap().last.clone().unwrap();
            assert_eq!(
                (&*ended.id, ended.exit_code, ended.finished.floor_secs()),
                ("containerd://a", 1, 1_795_361_268)
            );
        }
    }

    #[test]
    fn the_tag_is_found_behind_ports_and_digests() {
        assert_eq!(tag("api:1.5"), Some("1.5"));
        assert_eq!(tag("reg:5000/api"), None);
        assert_eq!(tag("reg:5000/api:v2@sha256:ab"), Some("v2"));
        assert_eq!(tag("api@sha256:ab"), None);
    }

    #[test]
    fn a_pod_without_a_name_is_no_row() {
        assert_eq!(pod_row(ContextId(0), Pod::default()), None);
    }
}
