//! The life of a container in a pod: started, ready, crashed, restarted after ever longer pauses, stopped, removed.
//!
//! Transitions come in the order and with the conditions that a kubelet 1.36 reports.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::watch;

use crate::demo::clock::{MILLISECOND, SECOND, rfc3339};
use crate::demo::cluster::Instance;
use crate::demo::log::{Account, Log};
use crate::demo::record::Numbered;
use crate::demo::world::birth::{Telling, changed, image, jitter, pull, start_next, tell};
use crate::demo::world::chatter;
use crate::demo::world::inside::inside;
use crate::demo::world::pods::{container_spec, node_ip, report};
use crate::demo::world::seed::image_size;
use crate::demo::world::sim::{Duty, Ended, Part, Place, Pod, PodId, Run, RunId, Sim, State, Step};

/// The pause before the second restart; the first has none, each later one doubles it.
const FIRST_PAUSE: i64 = 10 * SECOND;

/// A container that ran this long starts again without a pause.
const HEALTHY: i64 = 600 * SECOND;

/// Exit status of a process that SIGKILL ended.
const KILLED: i32 = 137;

/// A container starts.
pub fn begin(sim: &mut Sim, id: PodId, container: usize) {
    address(sim, id);
    if stuck(sim, id, container) {
        return;
    }
    let Some(run) = new_run(sim, id, container) else {
        return;
    };
    let (run_id, restarted) = (run.id, run.id.run > 0);
    let (clock, instance) = (sim.clock, Arc::clone(&run.instance));
    let probed = run
        .behaviour
        .and_then(|behaviour| behaviour.container(&sim.plan)?.ready_after);
    let Some(pod) = sim.pods.get_mut(&id) else {
        return;
    };
    let (namespace, name, deleting) = (pod.key.namespace.clone(), pod.key.name.clone(), pod.deleting);
    let Some(part) = pod.containers.get_mut(container).filter(|_| !deleting) else {
        return;
    };
    if let State::Ended(ended) = &part.state {
        part.last = Some(ended.clone());
    }
    part.state = State::Running { since: clock };
    part.ready = probed.is_none() && part.duty == Duty::Main;
    part.run = Some(run);
    let part_name = part.name.clone();
    sim.cluster.begin(&namespace, &name, &part_name, instance);
    tell_start(sim, id, container, restarted);
    report(sim, id);
    changed(sim, id);
    if let Some(ready) = probed {
        sim.after(ready.nanos, Step::Ready(run_id));
    }
    let began = chatter::start(sim, run_id);
    plan_exit(sim, run_id, began);
    if !restarted {
        plan_notices(sim, id, container);
    }
}

/// Reports a container that the scenario never lets start; says whether it is one.
fn stuck(sim: &mut Sim, id: PodId, container: usize) -> bool {
    let Some(pod) = sim.pods.get(&id) else {
        return false;
    };
    let planned = pod.containers.get(container).and_then(|part| sim.planned(pod, part));
    let Some(stuck) = planned.and_then(|planned| planned.stuck.clone()) else {
        return false;
    };
    if let Some(part) = sim.pods.get_mut(&id).and_then(|pod| pod.containers.get_mut(container)) {
        part.state = State::Stuck {
            reason: stuck.reason.clone(),
            message: stuck.message,
        };
    }
    report(sim, id);
    tell(
        sim,
        id,
        &Telling::warning("Failed", format!("Error: {}", stuck.reason), Some(container)),
    );
    true
}

fn plan_exit(sim: &mut Sim, id: RunId, began: i64) {
    let plan = sim.plan.clone();
    let behaviour = sim.run(id).and_then(|run| run.behaviour);
    if let Some(exit) = behaviour.and_then(|behaviour| behaviour.container(&plan)?.exit.as_ref()) {
        let end = chatter::last_words(sim, id, began + exit.after.nanos);
        sim.after(
            end + 2 * MILLISECOND,
            Step::Exit {
                run: id,
                code: i32::from(exit.code),
            },
        );
    }
}

/// A pod's notices begin with its first main container.
fn plan_notices(sim: &mut Sim, id: PodId, container: usize) {
    let first = sim
        .pods
        .get(&id)
        .and_then(|pod| pod.containers.iter().position(|part| part.duty == Duty::Main));
    if first != Some(container) {
        return;
    }
    let plan = sim.plan.clone();
    let workload = sim.pods.get(&id).and_then(|pod| plan.workloads.get(pod.workload?));
    let notices = workload.map_or(&[][..], |planned| &planned.workload.notices);
    for (index, notice) in notices.iter().enumerate() {
        let every = notice.every.nanos.max(SECOND);
        // Events are kept for an hour: older repetitions would only be counted.
        let first = sim.clock.max(sim.now - 3600 * SECOND);
        let wait = sim.seed.rng(&["notice", &id.to_string(), &notice.reason]).i64(0..every);
        sim.at(first + wait, Step::Notice { pod: id, notice: index });
    }
}

/// An event that the scenario gives a workload's pods.
pub fn notice(sim: &mut Sim, id: PodId, index: usize) {
    let plan = sim.plan.clone();
    let Some(pod) = sim.pods.get(&id).filter(|pod| !pod.deleting) else {
        return;
    };
    let workload = pod.workload.and_then(|workload| plan.workloads.get(workload));
    let Some(notice) = workload.and_then(|planned| planned.workload.notices.get(index)) else {
        return;
    };
    let message = sim.render_for(pod, &notice.message, &["notice", &pod.key.name]);
    let said = if notice.warning {
        Telling::warning(&notice.reason, message, Some(0))
    } else {
        Telling::normal(&notice.reason, message, Some(0))
    };
    tell(sim, id, &said);
    sim.after(notice.every.nanos.max(SECOND), Step::Notice { pod: id, notice: index });
}

/// A pod gets its address with its sandbox, before its first container starts.
fn address(sim: &mut Sim, id: PodId) {
    let Some(pod) = sim.pods.get(&id).filter(|pod| pod.ip.is_none()) else {
        return;
    };
    let node = pod.node.unwrap_or_default();
    let object = sim.cluster.store().get(&pod.key);
    let host = object.is_some_and(|object| object["spec"]["hostNetwork"] == true);
    let ip = if host {
        node_ip(node)
    } else {
        let nth = sim.count(&format!("addresses of node {node}"));
        format!("10.244.{node}.{}", 2 + nth % 250)
    };
    if let Some(pod) = sim.pods.get_mut(&id) {
        pod.ip = Some(ip);
    }
}

fn new_run(sim: &Sim, id: PodId, container: usize) -> Option<Run> {
    let pod = sim.pods.get(&id)?;
    let part = pod.containers.get(container)?;
    let object = sim.cluster.store().get(&pod.key)?;
    let spec = container_spec(&object, &part.name);
    let number = part.restarts.to_string();
    let exit = watch::Sender::new(None);
    let behaviour = sim.behaviour(pod, part);
    let is_numbered = behaviour
        .and_then(|behaviour| behaviour.container(&sim.plan))
        .is_some_and(|container| container.numbered);
    let instance = Instance {
        id: sim.seed.container_id(&[&pod.uid, &part.name, &number]),
        inside: Arc::new(inside(sim, pod, part, &spec)),
        log: Log::with(sim.plan.rotation, is_numbered.then(Account::default)),
        exit: exit.subscribe(),
    };
    if is_numbered {
        sim.cluster.trouble().book().enter(Numbered {
            namespace: pod.key.namespace.clone(),
            pod: pod.key.name.clone(),
            container: part.name.clone(),
            run: u64::from(part.restarts),
            id: instance.id.clone(),
            log: instance.log.clone(),
        });
    }
    Some(Run {
        id: RunId {
            pod: id,
            container,
            run: u64::from(part.restarts),
        },
        instance: Arc::new(instance),
        exit,
        started: sim.clock,
        rng: sim.seed.rng(&["run", &pod.uid, &part.name, &number]),
        seq: 0,
        is_numbered,
        place: Place {
            namespace: pod.key.namespace.clone(),
            pod: pod.key.name.clone(),
            pod_ip: pod.ip.clone().unwrap_or_default(),
            node: sim.node_name(pod).to_owned(),
            container: part.name.clone(),
        },
        behaviour,
    })
}

fn tell_start(sim: &mut Sim, id: PodId, container: usize, restarted: bool) {
    let Some(pod) = sim.pods.get(&id) else {
        return;
    };
    let pulled = pod
        .containers
        .get(container)
        .and_then(|part| pull(sim, pod, part))
        .filter(|_| !restarted);
    let image = image(sim, id, container);
    let message = match pulled {
        Some(nanos) => {
            let (seconds, millis) = (nanos / SECOND, nanos % SECOND / MILLISECOND);
            let took = format!("{seconds}.{millis:03}s");
            let size = image_size(&image);
            format!(
                "Successfully pulled image \"{image}\" in {took} ({took} including waiting). Image size: {size} bytes."
            )
        }
        None => format!("Container image \"{image}\" already present on machine and can be accessed by the pod"),
    };
    tell(sim, id, &Telling::normal("Pulled", message, Some(container)));
    for (reason, message) in [("Created", "Container created"), ("Started", "Container started")] {
        tell(sim, id, &Telling::normal(reason, message.to_owned(), Some(container)));
    }
}

/// The readiness probe succeeds.
pub fn ready(sim: &mut Sim, id: RunId) {
    if sim.run(id).is_none() {
        return;
    }
    if let Some(part) = sim.container(id) {
        part.ready = true;
    }
    report(sim, id.pod);
    changed(sim, id.pod);
}

/// The process of a container ends by itself.
pub fn exit(sim: &mut Sim, id: RunId, code: i32) {
    if sim.run(id).is_none() {
        return;
    }
    let ran = end_run(sim, id, code);
    report(sim, id.pod);
    changed(sim, id.pod);
    let job = sim
        .pods
        .get(&id.pod)
        .and_then(|pod| pod.owner.as_ref())
        .is_some_and(|owner| owner.resource == "jobs");
    if sim.container(id).is_some_and(|part| part.is_done()) {
        start_next(sim, id.pod);
        return;
    }
    let max = sim.plan.backoff_max;
    let Some(part) = sim.container(id).filter(|part| !job && part.duty != Duty::Ephemeral) else {
        return;
    };
    part.pause = match part.pause {
        _ if part.restarts == 0 || ran >= HEALTHY => 0,
        0 => FIRST_PAUSE.min(max),
        pause => (pause * 2).min(max),
    };
    let pause = part.pause;
    let wait = pause + jitter_of(sim, id, "restart", 200, 700);
    // The kubelet reports the back-off when it next looks at the pod, 70 to 90 seconds later; a shorter pause is
    // over by then.
    let look = jitter_of(sim, id, "look", 70_000, 90_000);
    if look < wait {
        sim.after(look, Step::BackOff(id));
    }
    if pause > 0 {
        tell_back_off(sim, id);
    }
    sim.after(wait, Step::Restart(id));
}

/// The process of a container ends and the kubelet starts it without a pause; gives the new run.
pub fn restart_at_once(sim: &mut Sim, id: RunId, code: i32) -> RunId {
    end_run(sim, id, code);
    if let Some(part) = sim.container(id) {
        part.restarts += 1;
    }
    begin(sim, id.pod, id.container);
    RunId { run: id.run + 1, ..id }
}

/// The kubelet removes what it has of a container that ended.
pub fn collect(sim: &Sim, id: RunId) {
    let Some(pod) = sim.pods.get(&id.pod) else {
        return;
    };
    if let Some(part) = pod.containers.get(id.container) {
        sim.cluster.collect(&pod.key.namespace, &pod.key.name, &part.name);
    }
}

/// Ends a run; gives how long it ran, in nanoseconds.
fn end_run(sim: &mut Sim, id: RunId, code: i32) -> i64 {
    let (clock, plan) = (sim.clock, sim.plan.clone());
    let Some(part) = sim.container(id) else {
        return 0;
    };
    let Some(run) = part.run.take() else {
        return 0;
    };
    // An init container is ready once it has done its work.
    part.ready = part.duty == Duty::Init && code == 0;
    let planned = run
        .behaviour
        .and_then(|behaviour| behaviour.container(&plan)?.exit.as_ref());
    let planned = planned
        .filter(|exit| i32::from(exit.code) == code)
        .and_then(|exit| exit.reason.clone());
    part.state = State::Ended(Ended {
        code,
        reason: planned.unwrap_or_else(|| if code == 0 { "Completed" } else { "Error" }.to_owned()),
        started: run.started,
        finished: clock,
        id: run.instance.id.clone(),
    });
    run.instance.log.end();
    run.exit.send_replace(Some(code));
    clock - run.started
}

/// The kubelet looks at a crashed pod and finds it backing off.
pub fn back_off(sim: &mut Sim, id: RunId) {
    if !sim.is_newest(id) {
        return;
    }
    if let Some(part) = sim.container(id)
        && let State::Ended(ended) = &part.state
    {
        part.last = Some(ended.clone());
        part.state = State::BackOff;
        report(sim, id.pod);
        tell_back_off(sim, id);
    }
}

/// The pause is over: the kubelet reports the back-off if it has not, and starts the container in the same second.
pub fn restart(sim: &mut Sim, id: RunId) {
    if sim.pods.get(&id.pod).is_none_or(|pod| pod.deleting) || !sim.is_newest(id) {
        return;
    }
    let paused = sim.container(id).is_some_and(|part| part.pause > 0);
    if paused {
        back_off(sim, id);
    }
    if let Some(part) = sim.container(id) {
        part.restarts += 1;
    }
    begin(sim, id.pod, id.container);
}

fn tell_back_off(sim: &mut Sim, id: RunId) {
    let Some(pod) = sim.pods.get(&id.pod) else {
        return;
    };
    let Some(part) = pod.containers.get(id.container) else {
        return;
    };
    let Pod { key, uid, .. } = pod;
    let message = format!(
        "Back-off restarting failed container {} in pod {}_{}({uid})",
        part.name, key.name, key.namespace
    );
    tell(sim, id.pod, &Telling::warning("BackOff", message, Some(id.container)));
}

/// Marks a pod for deletion and has its containers stopped.
pub fn delete(sim: &mut Sim, id: PodId, grace_seconds: u32) {
    let clock = sim.clock;
    let Some(pod) = sim.pods.get_mut(&id) else {
        return;
    };
    if std::mem::replace(&mut pod.deleting, true) && grace_seconds > 0 {
        return;
    }
    let key = pod.key.clone();
    let running: Vec<(usize, String)> = pod
        .containers
        .iter()
        .enumerate()
        .filter(|(_, part)| part.run.is_some())
        .map(|(place, part)| (place, part.name.clone()))
        .collect();
    sim.cluster.store().update(&key, |object| {
        let metadata = &mut object["metadata"];
        // The API may have written it already, with the time that it answered.
        if metadata["deletionTimestamp"].is_null() {
            metadata["deletionTimestamp"] = json!(rfc3339(clock + i64::from(grace_seconds) * SECOND));
            metadata["deletionGracePeriodSeconds"] = json!(grace_seconds);
        }
    });
    for (container, name) in running {
        let message = format!("Stopping container {name}");
        tell(sim, id, &Telling::normal("Killing", message, Some(container)));
    }
    changed(sim, id);
    if grace_seconds == 0 {
        remove(sim, id);
    } else {
        let wait = jitter(sim, id, "stop", 400, 1400).min(i64::from(grace_seconds) * SECOND);
        sim.after(wait, Step::Stopped(id));
    }
}

/// The containers of a pod that is being deleted have obeyed SIGTERM.
pub fn stopped(sim: &mut Sim, id: PodId) {
    end_all(sim, id, 0);
    report(sim, id);
    changed(sim, id);
    let wait = jitter(sim, id, "remove", 80, 400);
    sim.after(wait, Step::Remove(id));
}

/// The pod object goes, and with it whatever its node kept.
pub fn remove(sim: &mut Sim, id: PodId) {
    end_all(sim, id, KILLED);
    changed(sim, id);
    if let Some(pod) = sim.pods.remove(&id) {
        sim.cluster.store().remove(&pod.key);
        sim.cluster.forget(&pod.key.namespace, &pod.key.name);
    }
}

fn end_all(sim: &mut Sim, id: PodId, code: i32) {
    let runs = sim
        .pods
        .get(&id)
        .into_iter()
        .flat_map(|pod| &pod.containers)
        .filter_map(|part| part.run.as_ref());
    let runs: Vec<RunId> = runs.map(|run| run.id).collect();
    for run in runs {
        end_run(sim, run, code);
    }
}

/// Starts an ephemeral container that the pod's spec now has.
pub fn start_ephemeral(sim: &mut Sim, namespace: &str, pod: &str, container: &str) {
    let Some(id) = sim.pod_named(namespace, pod) else {
        return;
    };
    let Some(pod) = sim.pods.get_mut(&id) else {
        return;
    };
    let Some(object) = sim.cluster.store().get(&pod.key) else {
        return;
    };
    let spec = container_spec(&object, container);
    if spec["name"] != container || pod.containers.iter().any(|part| part.name == container) {
        return;
    }
    pod.containers.push(Part::new(&spec, Duty::Ephemeral));
    let place = pod.containers.len() - 1;
    report(sim, id);
    sim.after(
        300 * MILLISECOND,
        Step::Begin {
            pod: id,
            container: place,
        },
    );
}

/// The first process of a container has ended of itself.
pub fn end(sim: &mut Sim, id: PodId, container: &str, code: i32) {
    let part = sim
        .pods
        .get(&id)
        .and_then(|pod| pod.containers.iter().find(|part| part.name == container));
    if let Some(run) = part.and_then(|part| part.run.as_ref()).map(|run| run.id) {
        exit(sim, run, code);
    }
}

fn jitter_of(sim: &Sim, id: RunId, purpose: &str, low: i64, high: i64) -> i64 {
    let uid = sim.pods.get(&id.pod).map_or("", |pod| pod.uid.as_str());
    sim.seed
        .rng(&["jitter", purpose, uid, &id.run.to_string()])
        .i64(low..high)
        * MILLISECOND
}
