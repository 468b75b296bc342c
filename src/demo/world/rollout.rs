//! The controllers of the kinds Deployment and ReplicaSet: new pods for a new template, within the bounds of the strategy.

use serde_json::{Value, json};

use crate::demo::clock::rfc3339;
use crate::demo::store::Key;
use crate::demo::world::birth;
use crate::demo::world::life;
use crate::demo::world::notes::{Note, note};
use crate::demo::world::objects::replica_set;
use crate::demo::world::pods::{Birth, owner_key};
use crate::demo::world::seed::template_hash;
use crate::demo::world::sets::{count, is_ready, live, number, ready_count, replicas, told};
use crate::demo::world::sim::{PodId, Sim};

fn revision(object: &Value) -> u32 {
    let text = object["metadata"]["annotations"]["deployment.kubernetes.io/revision"].as_str();
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

pub fn deployment(sim: &mut Sim, key: &Key, object: &Value) {
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

#[derive(Clone, Copy)]
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
pub fn set(sim: &mut Sim, key: &Key, object: &Value) {
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
        told(sim, key, object, &format!("Created pod: {}", birth.name));
        birth::create(sim, &birth, key.clone(), ordinal);
    }
    let mut spare = pods;
    // Those that do not serve go first, then the youngest.
    spare.sort_by_key(|id| (sim.pods.get(id).is_some_and(is_ready), std::cmp::Reverse(*id)));
    let surplus = spare.len().saturating_sub(desired as usize);
    for id in spare.into_iter().take(surplus) {
        let name = sim.pods.get(&id).map(|pod| pod.key.name.clone()).unwrap_or_default();
        told(sim, key, object, &format!("Deleted pod: {name}"));
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
    (0..=taken.len())
        .find(|ordinal| !taken.contains(ordinal))
        .unwrap_or_default()
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
        let available = if available {
            Says {
                kind: "Available",
                status: "True",
                reason: "MinimumReplicasAvailable",
                message: "Deployment has minimum availability.".to_owned(),
            }
        } else {
            Says {
                kind: "Available",
                status: "False",
                reason: "MinimumReplicasUnavailable",
                message: "Deployment does not have minimum availability.".to_owned(),
            }
        };
        let (reason, message) = if complete {
            (
                "NewReplicaSetAvailable",
                format!("ReplicaSet \"{}\" has successfully progressed.", new.name),
            )
        } else {
            (
                "ReplicaSetUpdated",
                format!("ReplicaSet \"{}\" is progressing.", new.name),
            )
        };
        let progressing = Says {
            kind: "Progressing",
            status: "True",
            reason,
            message,
        };
        let conditions = &deployment["status"]["conditions"];
        status["conditions"] = json!([
            condition(conditions, &available, &now),
            condition(conditions, &progressing, &now)
        ]);
        deployment["status"] = status;
    });
}

/// What a condition says.
struct Says {
    kind: &'static str,
    status: &'static str,
    reason: &'static str,
    message: String,
}

/// A condition of a Deployment; its times move only with what it says.
fn condition(old: &Value, says: &Says, now: &str) -> Value {
    let Says {
        kind,
        status,
        reason,
        message,
    } = says;
    let before = old
        .as_array()
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == *kind);
    let same = before.filter(|one| one["status"] == *status);
    let since = same.map_or_else(|| json!(now), |one| one["lastTransitionTime"].clone());
    let updated = same.filter(|one| one["reason"] == *reason && one["message"] == *message);
    let updated = updated.map_or_else(|| json!(now), |one| one["lastUpdateTime"].clone());
    json!({
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": since, "lastUpdateTime": updated,
    })
}
