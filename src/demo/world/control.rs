//! The controllers: they make pods follow the objects that own them, and write how far they have come.

use serde_json::{Value, json};

use crate::demo::clock::rfc3339;
use crate::demo::scenario::shape::Action;
use crate::demo::store::Key;
use crate::demo::world::life;
use crate::demo::world::notes::{Note, note};
use crate::demo::world::objects::{declare, replica_set};
use crate::demo::world::pods::{Birth, owner_key};
use crate::demo::world::seed::template_hash;
use crate::demo::world::sim::{Pod, PodId, Sim, State};

/// A workload of the plan comes into being.
pub fn install(sim: &mut Sim, index: usize) {
    let plan = sim.plan.clone();
    if let Some(planned) = plan.workloads.get(index) {
        let key = declare(sim, &planned.workload);
        sim.dirty.insert(key);
    }
}

/// Lets the controllers look at every object whose pods or spec have changed, until all is settled.
pub fn settle(sim: &mut Sim) {
    while let Some(key) = sim.dirty.pop_first() {
        reconcile(sim, &key);
    }
}

fn reconcile(sim: &mut Sim, key: &Key) {
    let Some(object) = sim.cluster.store().get(key) else {
        orphans(sim, key);
        return;
    };
    match key.resource {
        "deployments" => deployment(sim, key, &object),
        "replicasets" => set(sim, key, &object),
        "statefulsets" => stateful_set(sim, key, &object),
        "daemonsets" => daemon_set(sim, key, &object),
        "jobs" => job(sim, key, &object),
        "pods" => life::adopt(sim, key),
        _ => {}
    }
}

/// The owner is gone: what it owned goes too, as the garbage collector has it.
fn orphans(sim: &mut Sim, key: &Key) {
    let pods: Vec<PodId> = sim
        .pods
        .iter()
        .filter(|(_, pod)| pod.owner.as_ref() == Some(key))
        .map(|(id, _)| *id)
        .collect();
    for pod in pods {
        life::delete(sim, pod, 30);
    }
    let (sets, _) = sim.cluster.store().list("replicasets", Some(&key.namespace));
    for set in sets.iter().filter(|set| owner_key(set).as_ref() == Some(key)) {
        let set = Key::of("replicasets", set);
        sim.cluster.store().remove(&set);
        sim.dirty.insert(set);
    }
}

/// The pods of one owner that are not being deleted, oldest first.
fn live(sim: &Sim, owner: &Key) -> Vec<PodId> {
    let of_owner = sim
        .pods
        .iter()
        .filter(|(_, pod)| pod.owner.as_ref() == Some(owner) && !pod.deleting);
    of_owner.map(|(id, _)| *id).collect()
}

fn is_ready(pod: &Pod) -> bool {
    pod.containers.iter().all(|part| part.ephemeral || part.ready)
}

fn ready_count(sim: &Sim, pods: &[PodId]) -> u32 {
    count(pods.iter().filter(|id| sim.pods.get(id).is_some_and(is_ready)).count())
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn number(value: &Value) -> u32 {
    value
        .as_u64()
        .and_then(|number| u32::try_from(number).ok())
        .unwrap_or(0)
}

/// The desired number of pods; the API's default is one.
fn replicas(object: &Value) -> u32 {
    if object["spec"]["replicas"].is_null() {
        1
    } else {
        number(&object["spec"]["replicas"])
    }
}

fn revision(object: &Value) -> u32 {
    let text = object["metadata"]["annotations"]["deployment.kubernetes.io/revision"].as_str();
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn deployment(sim: &mut Sim, key: &Key, object: &Value) {
    let template = &object["spec"]["template"];
    let name = format!("{}-{}", key.name, template_hash(&template.to_string()));
    let (all, _) = sim.cluster.store().list("replicasets", Some(&key.namespace));
    let sets: Vec<&Value> = all
        .iter()
        .map(|set| &**set)
        .filter(|set| owner_key(set).as_ref() == Some(key))
        .collect();
    let newest = sets
        .iter()
        .map(|set| revision(set))
        .chain([revision(object)])
        .max()
        .unwrap_or(0);
    let new = Key::new("replicasets", &key.namespace, &name);
    let next = match sets.iter().find(|set| set["metadata"]["name"] == name.as_str()) {
        None => {
            let set = replica_set(sim, object, template, newest + 1, 0);
            sim.cluster.store().put("replicasets", set);
            newest + 1
        }
        // Back to an old template: its ReplicaSet becomes the newest again.
        Some(set) if revision(set) < newest => newest + 1,
        Some(_) => newest,
    };
    let old: Vec<Key> = sets
        .iter()
        .map(|set| Key::of("replicasets", set))
        .filter(|set| *set != new)
        .collect();
    for revised in [key, &new] {
        sim.cluster.store().update(revised, |object| {
            object["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = json!(next.to_string());
        });
    }
    if object["spec"]["strategy"]["type"] == "Recreate" {
        recreate(sim, object, &new, &old);
    } else {
        roll(sim, object, &new, &old);
    }
    deployment_status(sim, key, &new, &old);
}

/// All old pods stop before the first new one starts.
fn recreate(sim: &mut Sim, object: &Value, new: &Key, old: &[Key]) {
    for set in old {
        scale(sim, object, set, 0);
    }
    let left = sim
        .pods
        .values()
        .any(|pod| pod.owner.as_ref().is_some_and(|owner| old.contains(owner)));
    if !left {
        scale(sim, object, new, replicas(object));
    }
}

/// New pods come and old ones go within the bounds of the strategy.
fn roll(sim: &mut Sim, object: &Value, new: &Key, old: &[Key]) {
    let desired = replicas(object);
    let bounds = &object["spec"]["strategy"]["rollingUpdate"];
    let surge = bound(&bounds["maxSurge"], desired, Rounding::Up);
    let unavailable = bound(&bounds["maxUnavailable"], desired, Rounding::Down);
    // Both zero would never move; the API refuses that, percentages of few replicas can give it.
    let unavailable = if surge == 0 { unavailable.max(1) } else { unavailable };
    let of_set = |sim: &Sim, set: &Key| sim.cluster.store().get(set).map_or(0, |set| replicas(&set));
    let old_total: u32 = old.iter().map(|set| of_set(sim, set)).sum();
    let now_new = of_set(sim, new);
    let room = (desired + surge).saturating_sub(old_total + now_new);
    let target = if old_total == 0 {
        desired
    } else {
        desired.min(now_new + room)
    };
    scale(sim, object, new, target);
    let new_ready = ready_count(sim, &live(sim, new));
    let mut spare =
        (old_total + target).saturating_sub(desired.saturating_sub(unavailable) + (target - new_ready.min(target)));
    for set in old {
        let size = of_set(sim, set);
        let fewer = size.min(spare);
        spare -= fewer;
        scale(sim, object, set, size - fewer);
    }
}

enum Rounding {
    Up,
    Down,
}

/// A bound of a rolling update: a number, or a percentage of the replicas; 25 % if it is not given.
fn bound(value: &Value, replicas: u32, rounding: Rounding) -> u32 {
    if value.is_u64() {
        return number(value);
    }
    let percent: u32 = value
        .as_str()
        .and_then(|text| text.strip_suffix('%')?.parse().ok())
        .unwrap_or(25);
    let hundredths = replicas.saturating_mul(percent);
    match rounding {
        Rounding::Up => hundredths.div_ceil(100),
        Rounding::Down => hundredths / 100,
    }
}

/// Gives a ReplicaSet a new size, and has its own controller look at it.
fn scale(sim: &mut Sim, deployment: &Value, key: &Key, size: u32) {
    let Some(set) = sim.cluster.store().get(key) else {
        return;
    };
    let before = replicas(&set);
    if before != size {
        sim.cluster.store().update(key, |set| {
            set["spec"]["replicas"] = json!(size);
            set["metadata"]["generation"] = json!(number(&set["metadata"]["generation"]) + 1);
            set["metadata"]["annotations"]["deployment.kubernetes.io/desired-replicas"] =
                deployment["spec"]["replicas"]
                    .as_u64()
                    .map_or_else(|| json!(size.to_string()), |replicas| json!(replicas.to_string()));
        });
        let verb = if before < size { "up" } else { "down" };
        let said = Note {
            kind: "Deployment",
            api_version: "apps/v1",
            object: deployment,
            field: None,
            reason: "ScalingReplicaSet",
            message: format!("Scaled {verb} replica set {} from {before} to {size}", key.name),
            warning: false,
            component: "deployment-controller",
            host: "",
        };
        note(sim, &said);
    }
    if let Some(set) = sim.cluster.store().get(key) {
        follow(sim, key, &set);
    }
}

/// A ReplicaSet's pods have changed: first its own controller looks, then that of its Deployment.
fn set(sim: &mut Sim, key: &Key, object: &Value) {
    follow(sim, key, object);
    if let Some(owner) = owner_key(object) {
        sim.dirty.insert(owner);
    }
}

/// Makes the number of pods that of the ReplicaSet.
fn follow(sim: &mut Sim, key: &Key, object: &Value) {
    let desired = replicas(object);
    let pods = live(sim, key);
    for _ in count(pods.len())..desired {
        let nth = sim.count(&format!("of {}/{}", key.namespace, key.name));
        let suffix = sim.seed.suffix(&["pod", &key.namespace, &key.name, &nth.to_string()]);
        let birth = Birth {
            name: format!("{}-{suffix}", key.name),
            generate_name: Some(format!("{}-", key.name)),
            template: &object["spec"]["template"],
            labels: vec![],
            owner_kind: "ReplicaSet",
            owner_api: "apps/v1",
            owner: object,
            node: None,
        };
        let ordinal = free_ordinal(sim, key);
        told(
            sim,
            "ReplicaSet",
            "replicaset-controller",
            object,
            &format!("Created pod: {}", birth.name),
        );
        life::create(sim, &birth, key.clone(), ordinal);
    }
    let mut spare = pods;
    // Those that do not serve go first, then the youngest.
    spare.sort_by_key(|id| (sim.pods.get(id).is_some_and(is_ready), std::cmp::Reverse(*id)));
    let surplus = spare.len().saturating_sub(desired as usize);
    for id in spare.into_iter().take(surplus) {
        let name = sim.pods.get(&id).map(|pod| pod.key.name.clone()).unwrap_or_default();
        told(
            sim,
            "ReplicaSet",
            "replicaset-controller",
            object,
            &format!("Deleted pod: {name}"),
        );
        life::delete(sim, id, 30);
    }
    let pods = live(sim, key);
    let (all, ready) = (count(pods.len()), ready_count(sim, &pods));
    sim.cluster.store().update(key, |set| {
        let mut status = json!({"replicas": all, "observedGeneration": set["metadata"]["generation"]});
        for (field, value) in [
            ("fullyLabeledReplicas", all),
            ("readyReplicas", ready),
            ("availableReplicas", ready),
        ] {
            if value > 0 {
                status[field] = json!(value);
            }
        }
        set["status"] = status;
    });
}

/// The smallest number that no pod of this owner has.
fn free_ordinal(sim: &Sim, owner: &Key) -> usize {
    let taken: Vec<usize> = sim
        .pods
        .values()
        .filter(|pod| pod.owner.as_ref() == Some(owner) && !pod.deleting)
        .map(|pod| pod.ordinal)
        .collect();
    (0..).find(|ordinal| !taken.contains(ordinal)).unwrap_or_default()
}

/// A controller says that it has created or deleted a pod.
fn told(sim: &mut Sim, kind: &str, component: &str, owner: &Value, message: &str) {
    let reason = if message.starts_with("Created") || message.starts_with("create") {
        "SuccessfulCreate"
    } else if message.starts_with("Job") {
        "Completed"
    } else {
        "SuccessfulDelete"
    };
    let said = Note {
        kind,
        api_version: if kind == "Job" { "batch/v1" } else { "apps/v1" },
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

fn deployment_status(sim: &mut Sim, key: &Key, new: &Key, old: &[Key]) {
    let pods: Vec<PodId> = old.iter().chain([new]).flat_map(|set| live(sim, set)).collect();
    let updated = count(live(sim, new).len());
    let (all, ready) = (count(pods.len()), ready_count(sim, &pods));
    let now = rfc3339(sim.clock);
    sim.cluster.store().update(key, |deployment| {
        let desired = replicas(deployment);
        let bounds = &deployment["spec"]["strategy"]["rollingUpdate"];
        let may_miss = if bounds.is_null() {
            0
        } else {
            bound(&bounds["maxUnavailable"], desired, Rounding::Down)
        };
        let mut status = json!({"observedGeneration": deployment["metadata"]["generation"]});
        let missing = desired.saturating_sub(ready);
        for (field, value) in [
            ("replicas", all),
            ("updatedReplicas", updated),
            ("readyReplicas", ready),
            ("availableReplicas", ready),
            ("unavailableReplicas", missing),
        ] {
            if value > 0 {
                status[field] = json!(value);
            }
        }
        let available = ready >= desired.saturating_sub(may_miss);
        let complete = updated == desired && ready == desired && all == desired;
        let conditions = &deployment["status"]["conditions"];
        status["conditions"] = json!([
            if available {
                condition(
                    conditions,
                    "Available",
                    "True",
                    "MinimumReplicasAvailable",
                    "Deployment has minimum availability.",
                    &now,
                )
            } else {
                let message = "Deployment does not have minimum availability.";
                condition(
                    conditions,
                    "Available",
                    "False",
                    "MinimumReplicasUnavailable",
                    message,
                    &now,
                )
            },
            if complete {
                let message = format!("ReplicaSet \"{}\" has successfully progressed.", new.name);
                condition(
                    conditions,
                    "Progressing",
                    "True",
                    "NewReplicaSetAvailable",
                    &message,
                    &now,
                )
            } else {
                let message = format!("ReplicaSet \"{}\" is progressing.", new.name);
                condition(conditions, "Progressing", "True", "ReplicaSetUpdated", &message, &now)
            },
        ]);
        deployment["status"] = status;
    });
}

/// A condition of a Deployment; its times move only with what it says.
fn condition(old: &Value, kind: &str, status: &str, reason: &str, message: &str, now: &str) -> Value {
    let before = old
        .as_array()
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == kind);
    let same = before.filter(|one| one["status"] == status);
    let since = same.map_or_else(|| json!(now), |one| one["lastTransitionTime"].clone());
    let updated = same.filter(|one| one["reason"] == reason && one["message"] == message);
    let updated = updated.map_or_else(|| json!(now), |one| one["lastUpdateTime"].clone());
    json!({
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": since, "lastUpdateTime": updated,
    })
}

fn stateful_set(sim: &mut Sim, key: &Key, object: &Value) {
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
        told(sim, "StatefulSet", "statefulset-controller", object, &message);
        life::create(sim, &birth, key.clone(), ordinal);
    } else if let Some((id, ordinal)) = surplus.copied() {
        let message = format!(
            "delete Pod {}-{ordinal} in StatefulSet {} successful",
            key.name, key.name
        );
        told(sim, "StatefulSet", "statefulset-controller", object, &message);
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

fn has_label(sim: &Sim, id: PodId, label: &str, value: &str) -> bool {
    let object = sim.pods.get(&id).and_then(|pod| sim.cluster.store().get(&pod.key));
    object.is_some_and(|object| object["metadata"]["labels"][label] == value)
}

fn daemon_set(sim: &mut Sim, key: &Key, object: &Value) {
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
        told(
            sim,
            "DaemonSet",
            "daemonset-controller",
            object,
            &format!("Created pod: {}", birth.name),
        );
        life::create(sim, &birth, key.clone(), node);
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

fn job(sim: &mut Sim, key: &Key, object: &Value) {
    let status = &object["status"];
    if !status["completionTime"].is_null() {
        return;
    }
    let pods = live(sim, key);
    let code = |id: &PodId| {
        sim.pods
            .get(id)
            .and_then(|pod| pod.containers.first())
            .and_then(|part| match &part.state {
                State::Ended(ended) => Some(ended.code),
                State::Creating | State::Running { .. } | State::BackOff => None,
            })
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
        told(
            sim,
            "Job",
            "job-controller",
            object,
            &format!("Created pod: {}", birth.name),
        );
        life::create(sim, &birth, key.clone(), failed);
        return job_status(sim, key, 1, 0, failed);
    }
    if succeeded > 0 {
        told(sim, "Job", "job-controller", object, "Job completed");
    }
    job_status(sim, key, active, succeeded, failed);
}

fn job_status(sim: &mut Sim, key: &Key, active: usize, succeeded: usize, failed: usize) {
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

/// An event of the scenario.
pub fn happen(sim: &mut Sim, index: usize) {
    let plan = sim.plan.clone();
    let Some(event) = plan.events.get(index) else {
        return;
    };
    let Some((namespace, name)) = event.workload.split_once('/') else {
        return;
    };
    let resources = ["deployments", "statefulsets", "daemonsets"];
    let keys = resources
        .into_iter()
        .map(|resource| Key::new(resource, namespace, name));
    let Some(key) = keys.into_iter().find(|key| sim.cluster.store().get(key).is_some()) else {
        return;
    };
    let now = rfc3339(sim.clock);
    let changed = |object: &mut Value| {
        object["metadata"]["generation"] = json!(number(&object["metadata"]["generation"]) + 1);
    };
    match event.action {
        Action::Rollout => {
            sim.cluster.store().update(&key, |object| {
                changed(object);
                let template = &mut object["spec"]["template"];
                match &event.image {
                    Some(image) => template["spec"]["containers"][0]["image"] = json!(image),
                    None => template["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = json!(now),
                }
            });
        }
        Action::Scale => {
            let replicas = event.replicas.unwrap_or(1);
            sim.cluster.store().update(&key, |object| {
                changed(object);
                object["spec"]["replicas"] = json!(replicas);
            });
        }
        Action::DeletePod => {
            let workload = sim.workload_of(key.resource, namespace, name);
            let pod = sim
                .pods
                .iter()
                .find(|(_, pod)| pod.workload == workload && !pod.deleting)
                .map(|(id, _)| *id);
            if let Some(pod) = pod {
                life::delete(sim, pod, 30);
            }
        }
    }
    sim.dirty.insert(key);
}
