//! The controllers of the kinds StatefulSet, DaemonSet and Job, and what every controller needs to know of pods.

use serde_json::{Value, json};

use crate::demo::clock::rfc3339;
use crate::demo::store::Key;
use crate::demo::world::birth;
use crate::demo::world::life;
use crate::demo::world::notes::{Note, note};
use crate::demo::world::pods::Birth;
use crate::demo::world::seed::template_hash;
use crate::demo::world::sim::{Duty, Pod, PodId, Sim};

/// The pods of one owner that are not being deleted, oldest first.
pub fn live(sim: &Sim, owner: &Key) -> Vec<PodId> {
    let of_owner = sim
        .pods
        .iter()
        .filter(|(_, pod)| pod.owner.as_ref() == Some(owner) && !pod.deleting);
    of_owner.map(|(id, _)| *id).collect()
}

pub fn is_ready(pod: &Pod) -> bool {
    pod.containers.iter().all(|part| part.duty != Duty::Main || part.ready)
}

pub fn ready_count(sim: &Sim, pods: &[PodId]) -> u32 {
    count(pods.iter().filter(|id| sim.pods.get(id).is_some_and(is_ready)).count())
}

pub fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

pub fn number(value: &Value) -> u32 {
    value
        .as_u64()
        .and_then(|number| u32::try_from(number).ok())
        .unwrap_or(0)
}

/// Pods of one owner at most; a real cluster would leave more of them unscheduled.
const MOST_PODS: u32 = 500;

/// Whether the controllers can work on an object: the parts that they write into are there, or can be made.
pub fn is_sound(object: &Value) -> bool {
    let maps = [
        "/metadata/annotations",
        "/metadata/labels",
        "/status",
        "/spec/template/metadata",
        "/spec/template/metadata/annotations",
        "/spec/template/metadata/labels",
    ];
    let is_map = |place: &&str| {
        object
            .pointer(place)
            .is_none_or(|value| value.is_null() || value.is_object())
    };
    let containers = |list: &str| {
        object.pointer(list).is_none_or(|list| match list {
            Value::Array(list) => list.iter().all(Value::is_object),
            other => other.is_null(),
        })
    };
    object["spec"].is_object()
        && object.pointer("/spec/template").is_none_or(Value::is_object)
        && object.pointer("/spec/template/spec").is_none_or(Value::is_object)
        && maps.iter().all(is_map)
        && containers("/spec/template/spec/containers")
        && containers("/spec/template/spec/initContainers")
}

/// The desired number of pods; the API's default is one.
pub fn replicas(object: &Value) -> u32 {
    let desired = &object["spec"]["replicas"];
    if desired.is_null() {
        1
    } else {
        number(desired).min(MOST_PODS)
    }
}

/// A controller says that it has created or deleted a pod, or that a Job is done.
pub fn told(sim: &mut Sim, key: &Key, owner: &Value, message: &str) {
    let reason = match message.split(' ').next() {
        Some("Created" | "create") => "SuccessfulCreate",
        Some("Job") => "Completed",
        _ => "SuccessfulDelete",
    };
    let (kind, api_version, component) = match key.resource {
        "replicasets" => ("ReplicaSet", "apps/v1", "replicaset-controller"),
        "statefulsets" => ("StatefulSet", "apps/v1", "statefulset-controller"),
        "daemonsets" => ("DaemonSet", "apps/v1", "daemonset-controller"),
        _ => ("Job", "batch/v1", "job-controller"),
    };
    let said = Note {
        kind,
        api_version,
        object: owner,
        field: None,
        reason,
        message: message.to_owned(),
        warning: false,
        component,
        host: "",
    };
    note(sim, &said);
}

fn has_label(sim: &Sim, id: PodId, label: &str, value: &str) -> bool {
    let object = sim.pods.get(&id).and_then(|pod| sim.cluster.store().get(&pod.key));
    object.is_some_and(|object| object["metadata"]["labels"][label] == value)
}

pub fn stateful_set(sim: &mut Sim, key: &Key, object: &Value) {
    let desired = replicas(object) as usize;
    let template = &object["spec"]["template"];
    let revision = format!("{}-{}", key.name, template_hash(&template.to_string()));
    // One that is being deleted still has its name.
    let all: Vec<(PodId, usize)> = sim
        .pods
        .iter()
        .filter(|(_, pod)| pod.owner.as_ref() == Some(key))
        .map(|(id, pod)| (*id, pod.ordinal))
        .collect();
    let waiting = all
        .iter()
        .any(|(id, _)| sim.pods.get(id).is_none_or(|pod| pod.deleting || !is_ready(pod)));
    let missing = (0..desired).find(|ordinal| all.iter().all(|(_, taken)| taken != ordinal));
    let surplus = all
        .iter()
        .filter(|(_, ordinal)| *ordinal >= desired)
        .max_by_key(|(_, ordinal)| *ordinal);
    let outdated = all
        .iter()
        .filter(|(id, _)| !has_label(sim, *id, "controller-revision-hash", &revision));
    let outdated = outdated.max_by_key(|(_, ordinal)| *ordinal).map(|(id, _)| *id);
    if let Some(ordinal) = missing.filter(|_| !waiting) {
        let birth = Birth {
            name: format!("{}-{ordinal}", key.name),
            generate_name: Some(format!("{}-", key.name)),
            template,
            labels: vec![
                ("controller-revision-hash", revision.clone()),
                ("statefulset.kubernetes.io/pod-name", format!("{}-{ordinal}", key.name)),
                ("apps.kubernetes.io/pod-index", ordinal.to_string()),
            ],
            owner_kind: "StatefulSet",
            owner_api: "apps/v1",
            owner: object,
            node: None,
        };
        let message = format!("create Pod {} in StatefulSet {} successful", birth.name, key.name);
        told(sim, key, object, &message);
        birth::create(sim, &birth, key.clone(), ordinal);
    } else if let Some((id, ordinal)) = surplus.copied() {
        let message = format!(
            "delete Pod {}-{ordinal} in StatefulSet {} successful",
            key.name, key.name
        );
        told(sim, key, object, &message);
        life::delete(sim, id, 30);
    } else if let Some(id) = outdated.filter(|_| !waiting) {
        life::delete(sim, id, 30);
    }
    let pods = live(sim, key);
    let updated = pods
        .iter()
        .filter(|id| has_label(sim, **id, "controller-revision-hash", &revision))
        .count();
    let ready = ready_count(sim, &pods);
    sim.cluster.store().update(key, |set| {
        set["status"] = json!({
            "observedGeneration": set["metadata"]["generation"], "replicas": pods.len(), "readyReplicas": ready,
            "availableReplicas": ready, "currentReplicas": updated, "updatedReplicas": updated,
            "currentRevision": revision, "updateRevision": revision, "collisionCount": 0,
        });
    });
}

pub fn daemon_set(sim: &mut Sim, key: &Key, object: &Value) {
    let nodes = sim.plan.cluster.nodes.len();
    let template = &object["spec"]["template"];
    let hash = template_hash(&template.to_string());
    let pods = live(sim, key);
    for node in 0..nodes {
        if pods
            .iter()
            .any(|id| sim.pods.get(id).is_some_and(|pod| pod.ordinal == node))
        {
            continue;
        }
        let nth = sim.count(&format!("of {}/{}", key.namespace, key.name));
        let suffix = sim.seed.suffix(&["pod", &key.namespace, &key.name, &nth.to_string()]);
        let birth = Birth {
            name: format!("{}-{suffix}", key.name),
            generate_name: Some(format!("{}-", key.name)),
            template,
            labels: vec![
                ("controller-revision-hash", hash.clone()),
                (
                    "pod-template-generation",
                    number(&object["metadata"]["generation"]).to_string(),
                ),
            ],
            owner_kind: "DaemonSet",
            owner_api: "apps/v1",
            owner: object,
            node: Some(node),
        };
        told(sim, key, object, &format!("Created pod: {}", birth.name));
        birth::create(sim, &birth, key.clone(), node);
    }
    let pods = live(sim, key);
    let ready = ready_count(sim, &pods);
    let outdated = pods
        .iter()
        .find(|id| !has_label(sim, **id, "controller-revision-hash", &hash))
        .copied();
    if let Some(id) = outdated.filter(|_| ready as usize == nodes) {
        life::delete(sim, id, 30);
    }
    let updated = pods
        .iter()
        .filter(|id| has_label(sim, **id, "controller-revision-hash", &hash))
        .count();
    sim.cluster.store().update(key, |set| {
        set["status"] = json!({
            "currentNumberScheduled": pods.len(), "desiredNumberScheduled": nodes, "numberMisscheduled": 0,
            "numberReady": ready, "numberAvailable": ready, "updatedNumberScheduled": updated,
            "observedGeneration": set["metadata"]["generation"],
        });
        if nodes > ready as usize {
            set["status"]["numberUnavailable"] = json!(nodes - ready as usize);
        }
    });
}

pub fn job(sim: &mut Sim, key: &Key, object: &Value) {
    let status = &object["status"];
    if !status["completionTime"].is_null() {
        return;
    }
    let pods = live(sim, key);
    let code = |id: &PodId| {
        let pod = sim.pods.get(id)?;
        pod.containers.iter().find(|part| part.duty == Duty::Main)?.code()
    };
    let codes: Vec<Option<i32>> = pods.iter().map(code).collect();
    let active = codes.iter().filter(|code| code.is_none()).count();
    let failed = codes.iter().filter(|code| code.is_some_and(|code| code != 0)).count();
    let succeeded = codes.iter().filter(|code| **code == Some(0)).count();
    if active == 0 && succeeded == 0 && failed <= number(&object["spec"]["backoffLimit"]) as usize {
        let suffix = sim
            .seed
            .suffix(&["pod", &key.namespace, &key.name, &failed.to_string()]);
        let birth = Birth {
            name: format!("{}-{suffix}", key.name),
            generate_name: Some(format!("{}-", key.name)),
            template: &object["spec"]["template"],
            labels: vec![],
            owner_kind: "Job",
            owner_api: "batch/v1",
            owner: object,
            node: None,
        };
        told(sim, key, object, &format!("Created pod: {}", birth.name));
        birth::create(sim, &birth, key.clone(), failed);
        return job_status(
            sim,
            key,
            &Tally {
                active: 1,
                succeeded,
                failed,
            },
        );
    }
    if succeeded > 0 {
        told(sim, key, object, "Job completed");
    }
    job_status(
        sim,
        key,
        &Tally {
            active,
            succeeded,
            failed,
        },
    );
}

/// How many pods of a Job are in which state.
struct Tally {
    active: usize,
    succeeded: usize,
    failed: usize,
}

fn job_status(sim: &mut Sim, key: &Key, tally: &Tally) {
    let Tally {
        active,
        succeeded,
        failed,
    } = *tally;
    let now = rfc3339(sim.clock);
    let ready = ready_count(sim, &live(sim, key));
    sim.cluster.store().update(key, |job| {
        let started = job["status"]["startTime"].as_str().map_or_else(|| now.clone(), str::to_owned);
        let mut status = json!({"startTime": started, "terminating": 0, "ready": ready, "uncountedTerminatedPods": {}});
        for (field, value) in [("active", active), ("succeeded", succeeded), ("failed", failed)] {
            if value > 0 {
                status[field] = json!(value);
            }
        }
        if succeeded > 0 {
            let condition = |kind: &str| {
                json!({
                    "type": kind, "status": "True", "reason": "CompletionsReached",
                    "message": "Reached expected number of succeeded pods", "lastProbeTime": now, "lastTransitionTime": now,
                })
            };
            status["conditions"] = json!([condition("SuccessCriteriaMet"), condition("Complete")]);
            status["completionTime"] = json!(now);
        }
        job["status"] = status;
    });
}
