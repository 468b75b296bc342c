//! Pod objects: their spec from a template, and their status as a kubelet reports it.

use serde_json::{Value, json};

use crate::demo::clock::{SECOND, rfc3339};
use crate::demo::store::Key;
use crate::demo::world::seed::digest;
use crate::demo::world::sim::{Duty, Ended, Part, Pod, Sim, State};

/// Who makes a pod, and what it is called.
pub struct Birth<'a> {
    pub name: String,
    pub generate_name: Option<String>,
    /// The template of the owner: labels, annotations, spec.
    pub template: &'a Value,
    /// Labels besides those of the template, such as `pod-template-hash`.
    pub labels: Vec<(&'a str, String)>,
    pub owner_kind: &'a str,
    pub owner_api: &'a str,
    pub owner: &'a Value,
    /// A DaemonSet's pod has its node from the start.
    pub node: Option<usize>,
}

/// The pod object as the controller creates it: not bound, nothing running.
pub fn pod_object(sim: &Sim, birth: &Birth<'_>, uid: &str) -> Value {
    let owner = &birth.owner["metadata"];
    let mut metadata = json!({
        "name": birth.name,
        "namespace": owner["namespace"],
        "uid": uid,
        "generation": 1,
        "creationTimestamp": rfc3339(sim.clock),
        "labels": birth.template["metadata"]["labels"],
        "ownerReferences": [{
            "apiVersion": birth.owner_api,
            "kind": birth.owner_kind,
            "name": owner["name"],
            "uid": owner["uid"],
            "controller": true,
            "blockOwnerDeletion": true,
        }],
    });
    if let Some(annotations) = birth.template["metadata"]["annotations"]
        .as_object()
        .filter(|all| !all.is_empty())
    {
        metadata["annotations"] = json!(annotations);
    }
    for (label, value) in &birth.labels {
        metadata["labels"][*label] = json!(value);
    }
    if let Some(name) = &birth.generate_name {
        metadata["generateName"] = json!(name);
    }
    let mut spec = birth.template["spec"].clone();
    complete_spec(sim, &mut spec, uid);
    json!({
        "metadata": metadata,
        "spec": spec,
        "status": {"phase": "Pending", "qosClass": qos(&spec)},
    })
}

/// What admission adds to a pod's spec: the service account's volume and the tolerations.
fn complete_spec(sim: &Sim, spec: &mut Value, uid: &str) {
    let volume = format!("kube-api-access-{}", sim.seed.suffix(&["volume", uid]));
    let access = json!({
        "name": volume,
        "projected": {
            "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                {"downwardAPI": {"items": [
                    {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
                ]}},
            ],
            "defaultMode": 420,
        },
    });
    push(&mut spec["volumes"], access);
    for container in containers_mut(spec) {
        let mount =
            json!({"name": volume, "readOnly": true, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"});
        push(&mut container["volumeMounts"], mount);
    }
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let toleration = json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
        push(&mut spec["tolerations"], toleration);
    }
    spec["priority"] = json!(0);
    spec["preemptionPolicy"] = json!("PreemptLowerPriority");
    spec["enableServiceLinks"] = json!(true);
}

/// Init and main containers.
fn containers_mut(spec: &mut Value) -> impl Iterator<Item = &mut Value> {
    let lists = spec.as_object_mut().into_iter().flatten();
    let lists = lists.filter(|(name, _)| *name == "containers" || *name == "initContainers");
    lists.filter_map(|(_, list)| list.as_array_mut()).flatten()
}

fn push(list: &mut Value, item: Value) {
    if let Some(items) = list.as_array_mut() {
        items.push(item);
    } else {
        *list = json!([item]);
    }
}

/// `Guaranteed`, `Burstable` or `BestEffort`, by the rules of the API.
fn qos(spec: &Value) -> &'static str {
    let containers = spec["containers"].as_array();
    let resources: Vec<&Value> = containers
        .into_iter()
        .flatten()
        .map(|container| &container["resources"])
        .collect();
    let none = |resources: &&Value| resources["requests"].is_null() && resources["limits"].is_null();
    let full = |resources: &&Value| {
        ["cpu", "memory"].iter().all(|kind| {
            let limit = &resources["limits"][*kind];
            !limit.is_null() && *limit == resources["requests"][*kind]
        })
    };
    if resources.iter().all(none) {
        "BestEffort"
    } else if resources.iter().all(full) {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

/// Writes a pod's status as its kubelet sees it now.
pub fn report(sim: &Sim, id: u64) {
    let Some(pod) = sim.pods.get(&id) else {
        return;
    };
    if sim.cluster.trouble().has_lost(sim.node_name(pod)) {
        // It cannot reach the server; all it has to say is said when it can again.
        return;
    }
    let node_ip = node_ip(pod.node.unwrap_or_default());
    sim.cluster.store().update(&pod.key, |object| {
        if !object["status"].is_object() {
            object["status"] = json!({});
        }
        let spec = object["spec"].clone();
        let status = &mut object["status"];
        let job = spec["restartPolicy"] != "Always";
        let phase = phase(pod, job);
        status["observedGeneration"] = json!(1);
        status["phase"] = json!(phase);
        conditions(sim, pod, phase, &mut status["conditions"]);
        if let Some(started) = pod.started {
            status["startTime"] = json!(rfc3339(started));
            status["hostIP"] = json!(node_ip);
            status["hostIPs"] = json!([{"ip": node_ip}]);
        }
        if let Some(ip) = &pod.ip {
            status["podIP"] = json!(ip);
            status["podIPs"] = json!([{"ip": ip}]);
        }
        for (duty, field) in [
            (Duty::Init, "initContainerStatuses"),
            (Duty::Main, "containerStatuses"),
            (Duty::Ephemeral, "ephemeralContainerStatuses"),
        ] {
            if pod.started.is_some() && pod.containers.iter().any(|part| part.duty == duty) {
                status[field] = statuses(sim, pod, &spec, duty);
            }
        }
    });
}

/// The address of a node; loopback would be the truth, but a cluster has one address for each node.
pub fn node_ip(node: usize) -> String {
    format!("172.18.0.{}", node + 2)
}

fn phase(pod: &Pod, job: bool) -> &'static str {
    let main = || pod.containers.iter().filter(|part| part.duty == Duty::Main);
    let codes: Vec<Option<i32>> = main().map(Part::code).collect();
    let ended = (job || pod.deleting) && !codes.is_empty() && codes.iter().all(Option::is_some);
    if ended && codes.iter().all(|code| *code == Some(0)) {
        "Succeeded"
    } else if ended {
        "Failed"
    } else if main().any(Part::has_run) {
        "Running"
    } else {
        "Pending"
    }
}

fn conditions(sim: &Sim, pod: &Pod, phase: &str, conditions: &mut Value) {
    let names = |wanted: fn(&&Part) -> bool| -> Vec<&str> {
        pod.containers
            .iter()
            .filter(wanted)
            .map(|part| part.name.as_str())
            .collect()
    };
    let unready = names(|part| part.duty == Duty::Main && !part.ready);
    let incomplete = names(|part| part.duty == Duty::Init && !part.is_done());
    let waiting = (
        "ContainersNotReady",
        format!("containers with unready status: [{}]", unready.join(" ")),
    );
    let completed = ("PodCompleted", String::new());
    let up = pod.containers.iter().any(Part::has_run);
    let ready = match phase {
        "Succeeded" => Err(completed.clone()),
        _ if unready.is_empty() => Ok(()),
        _ => Err(waiting),
    };
    let initialized = match phase {
        "Succeeded" => Err(completed),
        _ if incomplete.is_empty() => Ok(()),
        _ => {
            let message = format!("containers with incomplete status: [{}]", incomplete.join(" "));
            Err(("ContainersNotInitialized", message))
        }
    };
    let sandbox = if up && phase != "Succeeded" {
        Ok(())
    } else {
        Err(("", String::new()))
    };
    let mut list = Vec::new();
    if pod.started.is_some() {
        list.push(("PodReadyToStartContainers", sandbox));
        list.push(("Initialized", initialized));
        list.push(("Ready", ready.clone()));
        list.push(("ContainersReady", ready));
    }
    if pod.node.is_some() {
        list.push(("PodScheduled", Ok(())));
    }
    let old = conditions.take();
    *conditions = list
        .into_iter()
        .map(|(kind, state)| condition(sim, &old, kind, state))
        .collect();
}

/// One condition; its time moves only when its status does.
fn condition(sim: &Sim, old: &Value, kind: &str, state: Result<(), (&str, String)>) -> Value {
    let status = if state.is_ok() { "True" } else { "False" };
    let before = old
        .as_array()
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == kind);
    let since = before
        .filter(|condition| condition["status"] == status)
        .map(|one| one["lastTransitionTime"].clone());
    let mut condition = json!({
        "type": kind,
        "observedGeneration": 1,
        "status": status,
        "lastProbeTime": null,
        "lastTransitionTime": since.unwrap_or_else(|| json!(rfc3339(sim.clock))),
    });
    if let Err((reason, message)) = state {
        if !reason.is_empty() {
            condition["reason"] = json!(reason);
        }
        if !message.is_empty() {
            condition["message"] = json!(message);
        }
    }
    condition
}

fn statuses(sim: &Sim, pod: &Pod, spec: &Value, duty: Duty) -> Value {
    let parts = pod.containers.iter().filter(|part| part.duty == duty);
    let status = |part: &Part| {
        let specs = spec[duty.list()].as_array().into_iter().flatten();
        let spec_of = specs.into_iter().find(|one| one["name"] == part.name.as_str());
        status_of(sim, pod, part, spec_of.unwrap_or(&Value::Null))
    };
    parts.map(status).collect()
}

fn status_of(sim: &Sim, pod: &Pod, part: &Part, container: &Value) -> Value {
    let build = sim.planned(pod, part).map_or("", |container| container.build.as_str());
    let running = matches!(part.state, State::Running { .. });
    let made = part.has_run() || part.restarts > 0;
    let mut status = json!({
        "name": part.name,
        "state": state(pod, part),
        "lastState": part.last.as_ref().map_or_else(|| json!({}), |ended| json!({"terminated": terminated(ended)})),
        "ready": part.ready,
        "restartCount": part.restarts,
        "image": part.image,
        "imageID": if made { format!("{}@{}", repository(&part.image), digest(&part.image, build)) } else { String::new() },
    });
    let current = sim.cluster.current(&pod.key.namespace, &pod.key.name, &part.name);
    if let Some(instance) = current.filter(|_| made) {
        status["containerID"] = json!(instance.id);
    }
    if part.duty != Duty::Ephemeral {
        status["started"] = json!(running);
    }
    if made {
        status["resources"] = container["resources"].clone();
        if let Some(requests) = container["resources"]["requests"].as_object() {
            status["allocatedResources"] = json!(requests);
        }
        let mounts = container["volumeMounts"].as_array().into_iter().flatten().map(|mount| {
            let mut mount = mount.clone();
            if mount["readOnly"] == true {
                mount["recursiveReadOnly"] = json!("Disabled");
            }
            mount
        });
        let mounts: Vec<Value> = mounts.collect();
        if !mounts.is_empty() {
            status["volumeMounts"] = json!(mounts);
        }
        status["user"] = json!({"linux": {"uid": 0, "gid": 0, "supplementalGroups": [0]}});
    }
    status
}

/// An image's name without its tag.
fn repository(image: &str) -> &str {
    let slash = image.rfind('/').unwrap_or(0);
    let colon = image.rfind(':').filter(|colon| *colon > slash).unwrap_or(image.len());
    image
        .split_at_checked(colon)
        .map_or(image, |(repository, _)| repository)
}

fn state(pod: &Pod, part: &Part) -> Value {
    match &part.state {
        State::Creating => {
            let init = pod.containers.iter().any(|other| other.duty == Duty::Init);
            let waits = init && part.duty == Duty::Main || part.duty == Duty::Init && !is_next(pod, part);
            json!({"waiting": {"reason": if waits { "PodInitializing" } else { "ContainerCreating" }}})
        }
        State::Stuck { reason, message } => json!({"waiting": {"reason": reason, "message": message}}),
        State::Running { since } => json!({"running": {"startedAt": rfc3339(*since)}}),
        State::Ended(ended) => json!({"terminated": terminated(ended)}),
        State::BackOff => json!({"waiting": {"reason": "CrashLoopBackOff", "message": format!(
            "back-off {} restarting failed container={} pod={}_{}({})",
            written(part.pause), part.name, pod.key.name, pod.key.namespace, pod.uid
        )}}),
    }
}

/// Whether this init container is the one whose turn it is.
fn is_next(pod: &Pod, part: &Part) -> bool {
    let next = pod
        .containers
        .iter()
        .find(|other| other.duty == Duty::Init && !other.is_done());
    next.is_some_and(|next| next.name == part.name)
}

/// A pause as Go writes it: `10s`, `1m20s`, `5m0s`.
fn written(nanos: i64) -> String {
    let seconds = nanos / SECOND;
    if seconds < 60 {
        format!("{seconds}s")
    } else {
        format!("{}m{}s", seconds / 60, seconds % 60)
    }
}

fn terminated(ended: &Ended) -> Value {
    json!({
        "exitCode": ended.code,
        "reason": ended.reason,
        "startedAt": rfc3339(ended.started),
        "finishedAt": rfc3339(ended.finished),
        "containerID": ended.id,
    })
}

/// The containers of a pod's spec, as their kubelet starts out with them, in the order in which they start.
pub fn parts(spec: &Value) -> Vec<Part> {
    let of = |duty: Duty| {
        let list = spec[duty.list()].as_array().into_iter().flatten();
        list.map(move |container| Part::new(container, duty))
    };
    of(Duty::Init).chain(of(Duty::Main)).collect()
}

/// The entry of one container in a pod object.
pub fn container_spec(object: &Value, name: &str) -> Value {
    let duties = [Duty::Main, Duty::Init, Duty::Ephemeral].into_iter();
    let mut all = duties
        .filter_map(|duty| object["spec"][duty.list()].as_array())
        .flatten();
    all.find(|container| container["name"] == name)
        .cloned()
        .unwrap_or_else(|| json!({}))
}

/// The names that a pod's owner has: kind and name.
pub fn owner(object: &Value) -> Option<(&str, &str)> {
    let owners = object["metadata"]["ownerReferences"].as_array()?;
    let owner = owners.iter().find(|owner| owner["controller"] == true)?;
    Some((owner["kind"].as_str()?, owner["name"].as_str()?))
}

/// The object key of whatever controls this object.
pub fn owner_key(object: &Value) -> Option<Key> {
    let (kind, name) = owner(object)?;
    let resource = match kind {
        "ReplicaSet" => "replicasets",
        "Deployment" => "deployments",
        "StatefulSet" => "statefulsets",
        "DaemonSet" => "daemonsets",
        "Job" => "jobs",
        _ => return None,
    };
    Some(Key::new(resource, object["metadata"]["namespace"].as_str()?, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_of_service_follows_the_resources() {
        let spec = |resources: Value| json!({"containers": [{"resources": resources}]});
        assert_eq!(qos(&spec(json!({}))), "BestEffort");
        assert_eq!(
            qos(&spec(json!({"requests": {"cpu": "1", "memory": "1Gi"}}))),
            "Burstable"
        );
        let same = json!({"cpu": "1", "memory": "1Gi"});
        assert_eq!(qos(&spec(json!({"requests": same, "limits": same}))), "Guaranteed");
    }

    #[test]
    fn a_repository_has_no_tag() {
        assert_eq!(
            repository("registry.example:5000/shop/api:1.2"),
            "registry.example:5000/shop/api"
        );
        assert_eq!(
            repository("registry.example:5000/shop/api"),
            "registry.example:5000/shop/api"
        );
        assert_eq!(repository("busybox"), "busybox");
    }

    #[test]
    fn pauses_are_written_as_go_does() {
        let check = |seconds, expected| assert_eq!(written(seconds * SECOND), expected);
        check(10, "10s");
        check(80, "1m20s");
        check(300, "5m0s");
    }
}
