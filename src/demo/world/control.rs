//! The controllers' desk: who looks at which object, what goes when an owner is gone, what the scenario has happen.

use serde_json::{Value, json};

use crate::demo::clock::rfc3339;
use crate::demo::scenario::shape::Action;
use crate::demo::store::Key;
use crate::demo::world::birth;
use crate::demo::world::life;
use crate::demo::world::objects::declare;
use crate::demo::world::pods::owner_key;
use crate::demo::world::rollout::{deployment, set};
use crate::demo::world::sets::{daemon_set, is_sound, job, number, stateful_set};
use crate::demo::world::sim::{PodId, Sim};

/// A workload of the plan comes into being.
pub fn install(sim: &mut Sim, index: usize) {
    let plan = sim.plan.clone();
    if let Some(planned) = plan.workloads.get(index) {
        let first = if planned.change_at.is_some() {
            &planned.plain
        } else {
            &planned.workload
        };
        let key = declare(sim, first);
        sim.dirty.insert(key);
    }
}

/// What is different about a workload in this cluster comes, and is rolled out.
pub fn change(sim: &mut Sim, index: usize) {
    let plan = sim.plan.clone();
    if let Some(planned) = plan.workloads.get(index) {
        sim.changed.insert(index);
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
    if !is_sound(&object) {
        return;
    }
    match key.resource {
        "deployments" => deployment(sim, key, &object),
        "replicasets" => set(sim, key, &object),
        "statefulsets" => stateful_set(sim, key, &object),
        "daemonsets" => daemon_set(sim, key, &object),
        "jobs" => job(sim, key, &object),
        "pods" => birth::adopt(sim, key),
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
    let Some(key) = keys
        .into_iter()
        .find(|key| sim.cluster.store().get(key).is_some_and(|object| is_sound(&object)))
    else {
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
