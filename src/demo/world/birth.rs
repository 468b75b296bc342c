//! How a pod comes to be on a node: created by a controller or a user, bound by the scheduler, admitted by the kubelet.

use serde_json::json;

use crate::demo::clock::MILLISECOND;
use crate::demo::store::Key;
use crate::demo::world::notes::{Note, note};
use crate::demo::world::pods::{Birth, owner_key, parts, pod_object, report};
use crate::demo::world::sim::{Duty, Part, Pod, PodId, Sim, State, Step};

/// Creates the pod object and plans its binding.
pub fn create(sim: &mut Sim, birth: &Birth<'_>, owner: Key, ordinal: usize) {
    let workload = workload_of(sim, birth);
    let namespace = owner.namespace.clone();
    let nth = sim.count(&format!("pods of {namespace}/{}", birth.name)).to_string();
    let uid = sim.seed.uid(&["pod", &namespace, &birth.name, &nth]);
    let object = sim.cluster.store().put("pods", pod_object(sim, birth, &uid));
    let id = sim.count("pod ids");
    let pod = Pod {
        key: Key::of("pods", &object),
        uid,
        owner: Some(owner),
        workload,
        ordinal,
        node: birth.node,
        ip: None,
        started: None,
        containers: parts(&object["spec"]),
        deleting: false,
    };
    sim.pods.insert(id, pod);
    sim.after(15 * MILLISECOND, Step::Bind(id));
}

/// The planned workload behind a pod's owner; a ReplicaSet's is that of its Deployment.
fn workload_of(sim: &Sim, birth: &Birth<'_>) -> Option<usize> {
    let namespace = birth.owner["metadata"]["namespace"].as_str()?;
    let key = match birth.owner_kind {
        "ReplicaSet" => owner_key(birth.owner)?,
        "StatefulSet" => Key::new("statefulsets", namespace, birth.owner["metadata"]["name"].as_str()?),
        "DaemonSet" => Key::new("daemonsets", namespace, birth.owner["metadata"]["name"].as_str()?),
        _ => Key::new("jobs", namespace, birth.owner["metadata"]["name"].as_str()?),
    };
    sim.workload_of(key.resource, namespace, &key.name)
}

/// Takes up a pod that a user created: it is bound and run like any other.
pub fn adopt(sim: &mut Sim, key: &Key) {
    let Some(object) = sim.cluster.store().get(key) else {
        return;
    };
    if sim.pod_named(&key.namespace, &key.name).is_some() {
        return;
    }
    let id = sim.count("pod ids");
    let node = object["spec"]["nodeName"].as_str();
    let pod = Pod {
        key: key.clone(),
        uid: object["metadata"]["uid"].as_str().unwrap_or_default().to_owned(),
        owner: None,
        workload: None,
        ordinal: 0,
        node: node.and_then(|name| sim.plan.cluster.nodes.iter().position(|node| node == name)),
        ip: None,
        started: None,
        containers: parts(&object["spec"]),
        deleting: false,
    };
    sim.pods.insert(id, pod);
    sim.after(15 * MILLISECOND, Step::Bind(id));
}

/// The scheduler picks a node: pods of one workload go round the nodes.
pub fn bind(sim: &mut Sim, id: PodId) {
    let nodes = sim.plan.cluster.nodes.clone();
    let Some(pod) = sim.pods.get_mut(&id) else {
        return;
    };
    if sim.cluster.store().get(&pod.key).is_none() {
        // Deleted before it had a node: no kubelet will confirm its end.
        changed(sim, id);
        sim.pods.remove(&id);
        return;
    }
    let workload = pod.workload.unwrap_or_default();
    let node = pod.node.unwrap_or((workload + pod.ordinal) % nodes.len().max(1));
    pod.node = Some(node);
    let (key, name) = (pod.key.clone(), nodes.get(node).cloned().unwrap_or_default());
    sim.cluster
        .store()
        .update(&key, |object| object["spec"]["nodeName"] = json!(name));
    report(sim, id);
    let message = format!("Successfully assigned {}/{} to {name}", key.namespace, key.name);
    tell(sim, id, &Telling::normal("Scheduled", message, None));
    let wait = jitter(sim, id, "admit", 30, 120);
    sim.after(wait, Step::Admit(id));
}

/// The kubelet takes the pod up.
pub fn admit(sim: &mut Sim, id: PodId) {
    let clock = sim.clock;
    let Some(pod) = sim.pods.get_mut(&id).filter(|pod| !pod.deleting) else {
        return;
    };
    pod.started = Some(clock);
    report(sim, id);
    start_next(sim, id);
}

/// Has the images of the next init container pulled, or of all the others once there is none left.
pub fn start_next(sim: &mut Sim, id: PodId) {
    let Some(pod) = sim.pods.get(&id) else {
        return;
    };
    let waiting = |duty: Duty| {
        let parts = pod.containers.iter().enumerate();
        parts.filter(move |(_, part)| part.duty == duty && part.state == State::Creating)
    };
    let init: Vec<_> = waiting(Duty::Init).take(1).collect();
    let next = if init.is_empty() {
        waiting(Duty::Main).collect()
    } else {
        init
    };
    let next: Vec<(usize, Option<i64>)> = next
        .into_iter()
        .map(|(place, part)| (place, pull(sim, pod, part)))
        .collect();
    for (container, pull) in next {
        if pull.is_some() {
            let message = format!("Pulling image \"{}\"", image(sim, id, container));
            tell(sim, id, &Telling::normal("Pulling", message, Some(container)));
        }
        let wait = jitter(sim, id, "create", 350, 900);
        sim.after(pull.unwrap_or(0) + wait, Step::Begin { pod: id, container });
    }
}

/// How long this pod's image is pulled; `None` if the node has it.
pub fn pull(sim: &Sim, pod: &Pod, part: &Part) -> Option<i64> {
    let pulls = &sim.planned(pod, part)?.pull;
    pulls.get(pod.ordinal).or(pulls.last()).map(|span| span.nanos)
}

pub fn image(sim: &Sim, id: PodId, container: usize) -> String {
    let part = sim.pods.get(&id).and_then(|pod| pod.containers.get(container));
    part.map(|part| part.image.clone()).unwrap_or_default()
}

/// The owner's controller wants to know.
pub fn changed(sim: &mut Sim, id: PodId) {
    if let Some(owner) = sim.pods.get(&id).and_then(|pod| pod.owner.clone()) {
        sim.dirty.insert(owner);
    }
}

/// What the scheduler or the kubelet says of a pod.
pub struct Telling<'a> {
    reason: &'a str,
    message: String,
    /// Index of the container that it is about.
    part: Option<usize>,
    warning: bool,
}

impl<'a> Telling<'a> {
    pub fn normal(reason: &'a str, message: String, part: Option<usize>) -> Self {
        Self {
            reason,
            message,
            part,
            warning: false,
        }
    }

    pub fn warning(reason: &'a str, message: String, part: Option<usize>) -> Self {
        Self {
            reason,
            message,
            part,
            warning: true,
        }
    }
}

/// Writes an event about a pod.
pub fn tell(sim: &mut Sim, id: PodId, telling: &Telling<'_>) {
    let Some(pod) = sim.pods.get(&id) else {
        return;
    };
    let Some(object) = sim.cluster.store().get(&pod.key) else {
        return;
    };
    let part = telling.part.and_then(|part| pod.containers.get(part));
    let host = sim.node_name(pod).to_owned();
    let by_kubelet = telling.reason != "Scheduled";
    let said = Note {
        kind: "Pod",
        api_version: "v1",
        object: &object,
        field: part.map(|part| format!("spec.{}{{{}}}", part.duty.list(), part.name)),
        reason: telling.reason,
        message: telling.message.clone(),
        warning: telling.warning,
        component: if by_kubelet { "kubelet" } else { "default-scheduler" },
        host: if by_kubelet { &host } else { "" },
    };
    note(sim, &said);
}

/// Milliseconds from a range, in nanoseconds, from the seed.
pub fn jitter(sim: &Sim, id: PodId, purpose: &str, low: i64, high: i64) -> i64 {
    let uid = sim.pods.get(&id).map_or("", |pod| pod.uid.as_str());
    sim.seed.rng(&["jitter", purpose, uid]).i64(low..high) * MILLISECOND
}
