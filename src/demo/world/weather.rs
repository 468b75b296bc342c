//! The faults of the scenario and of a test's control: when each comes, what it does to the cluster, when it is over.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::demo::clock::{MILLISECOND, SECOND, rfc3339};
use crate::demo::scenario::fault::{Fault, Kind};
use crate::demo::store::Key;
use crate::demo::trouble::Armed;
use crate::demo::world::birth::changed;
use crate::demo::world::life;
use crate::demo::world::notes::{Note, note};
use crate::demo::world::pods::report;
use crate::demo::world::sim::{Duty, Long, PodId, RunId, Sim, Step};

/// After so long without a word the node controller calls a node lost (`node-monitor-grace-period`, 40 s up to 1.31).
const GRACE: i64 = 40 * SECOND;
/// How long the run lives that a client misses.
const BRIEF: i64 = 40 * MILLISECOND;
/// Bytes of a long line, if the fault does not say.
const LONG: usize = 40_000;

/// Plans a fault's first time, counted from now.
pub fn plan(sim: &mut Sim, index: usize) {
    let Some(fault) = sim.faults.get(index).cloned() else {
        return;
    };
    let began = sim.clock.max(sim.now);
    if let Some(until) = fault.until {
        // Only the time matters: the fault itself is found by its place.
        sim.fault_ends.insert(index, began + until.nanos);
    }
    sim.at(began + fault.at.nanos, Step::Fault(index));
}

/// A fault comes.
pub fn strike(sim: &mut Sim, index: usize) {
    let Some(fault) = sim.faults.get(index).cloned() else {
        return;
    };
    let ends = sim.fault_ends.get(&index).copied();
    if ends.is_some_and(|ends| ends < sim.clock) {
        return;
    }
    if fault.kind.is_of_streams() {
        let from = Instant::now();
        let until = ends.map(|ends| from + Duration::from_nanos(u64::try_from(ends - sim.clock).unwrap_or(0)));
        sim.cluster.trouble().arm(Armed { fault, from, until });
        return;
    }
    let nth = sim.count(&format!("fault {index}"));
    let lasts = act(sim, &fault, index, nth);
    if lasts > 0 {
        sim.after(lasts, Step::Relief { fault: index, nth });
    }
    if let Some(every) = &fault.every {
        let wait = every.draw(&mut sim.seed.rng(&["fault", &index.to_string(), &nth.to_string()]));
        sim.after(lasts + wait, Step::Fault(index));
    }
}

/// Does what the fault does; gives how long it lasts, in nanoseconds.
fn act(sim: &mut Sim, fault: &Arc<Fault>, index: usize, nth: u64) -> i64 {
    let trouble = sim.cluster.trouble().clone();
    if !matches!(fault.kind, Kind::Disconnect | Kind::Status | Kind::Late) {
        trouble.book().count(fault.kind.name());
    }
    match fault.kind {
        // Each stream meets these by itself.
        Kind::Cut | Kind::Stall | Kind::Slow | Kind::ErrorText => return 0,
        Kind::Disconnect => trouble.disconnect(fault),
        Kind::BlackHole => {
            trouble.book().traffic().outage(fault.kind.name());
            trouble.listen(|listener| listener.silent += 1);
            return fault.duration();
        }
        Kind::RestartServer => {
            trouble.book().traffic().outage(fault.kind.name());
            trouble.listen(|listener| listener.down += 1);
            return fault.duration();
        }
        Kind::Status | Kind::Late => {
            trouble.refuse(name(index, nth), Arc::clone(fault));
            return fault.duration();
        }
        Kind::Rotate => {
            let (now, window) = (sim.clock, fault.window.map_or(0, |window| window.nanos));
            for run in runs(sim, fault, index, nth) {
                if let Some(run) = sim.run(run) {
                    run.instance.log.rotate(now, window);
                }
            }
        }
        Kind::LongLine => {
            let (now, cluster) = (sim.clock, sim.plan.cluster.name.clone());
            let long = Long {
                bytes: fault.bytes.unwrap_or(LONG),
                torn: fault.torn,
            };
            for run in runs(sim, fault, index, nth) {
                if let Some(run) = sim.run(run) {
                    run.write_long(now, &cluster, long);
                }
            }
        }
        Kind::Restart => {
            for run in runs(sim, fault, index, nth) {
                restart(sim, fault, run);
            }
        }
        Kind::DeletePod => {
            for pod in chosen(sim, fault, index, nth) {
                life::delete(sim, pod, 30);
            }
        }
        Kind::LoseNode => {
            for node in nodes(sim, fault, index, nth) {
                trouble.lose(sim.plan.cluster.nodes.get(node).map_or("", String::as_str));
                sim.after(GRACE, Step::Unheard(node));
            }
            return fault.duration();
        }
        Kind::Skew => sim.jump += fault.by.map_or(0, |by| by.0),
    }
    0
}

/// The process of a container ends, in the fault's way.
fn restart(sim: &mut Sim, fault: &Fault, run: RunId) {
    let code = i32::from(fault.exit.unwrap_or(137));
    if fault.twice {
        let next = life::restart_at_once(sim, run, code);
        sim.after(BRIEF, Step::Exit { run: next, code });
    } else {
        life::exit(sim, run, code);
    }
    if fault.forget {
        life::collect(sim, run);
    }
}

/// A fault that lasts is over.
pub fn relieve(sim: &mut Sim, index: usize, nth: u64) {
    let Some(fault) = sim.faults.get(index).cloned() else {
        return;
    };
    let trouble = sim.cluster.trouble().clone();
    match fault.kind {
        Kind::BlackHole => {
            trouble.book().traffic().over(fault.kind.name());
            trouble.listen(|listener| listener.silent = listener.silent.saturating_sub(1));
        }
        Kind::RestartServer => {
            trouble.book().traffic().over(fault.kind.name());
            trouble.listen(|listener| listener.down = listener.down.saturating_sub(1));
        }
        Kind::Status | Kind::Late => trouble.admit(name(index, nth)),
        Kind::LoseNode => {
            for node in nodes(sim, &fault, index, nth) {
                let name = sim.plan.cluster.nodes.get(node).cloned().unwrap_or_default();
                trouble.find(&name);
                report_node(sim, node, &Heard::Again);
            }
        }
        Kind::Cut
        | Kind::Stall
        | Kind::Slow
        | Kind::ErrorText
        | Kind::Disconnect
        | Kind::Rotate
        | Kind::LongLine
        | Kind::Restart
        | Kind::DeletePod
        | Kind::Skew => {}
    }
}

/// The node controller gives a node up, unless it has been heard of.
pub fn unheard(sim: &mut Sim, node: usize) {
    let name = sim.plan.cluster.nodes.get(node).cloned().unwrap_or_default();
    if sim.cluster.trouble().has_lost(&name) {
        report_node(sim, node, &Heard::Nothing);
    }
}

enum Heard {
    Nothing,
    Again,
}

/// Writes a node's conditions and the readiness of its pods.
fn report_node(sim: &mut Sim, node: usize, heard: &Heard) {
    let now = json!(rfc3339(sim.clock));
    let name = sim.plan.cluster.nodes.get(node).cloned().unwrap_or_default();
    let key = Key::new("nodes", "", &name);
    sim.cluster.store().update(&key, |object| {
        for condition in object["status"]["conditions"].as_array_mut().into_iter().flatten() {
            let (status, reason, message) = match (heard, condition["type"].as_str().unwrap_or_default()) {
                (Heard::Nothing, _) => ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."),
                (Heard::Again, "Ready") => ("True", "KubeletReady", "kubelet is posting ready status"),
                (Heard::Again, "MemoryPressure") => (
                    "False",
                    "KubeletHasSufficientMemory",
                    "kubelet has sufficient memory available",
                ),
                (Heard::Again, "DiskPressure") => ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                (Heard::Again, _) => (
                    "False",
                    "KubeletHasSufficientPID",
                    "kubelet has sufficient PID available",
                ),
            };
            if condition["status"] != status {
                condition["lastTransitionTime"] = now.clone();
            }
            condition["status"] = json!(status);
            condition["reason"] = json!(reason);
            condition["message"] = json!(message);
        }
    });
    let (reason, message) = match heard {
        Heard::Nothing => ("NodeNotReady", format!("Node {name} status is now: NodeNotReady")),
        Heard::Again => ("NodeReady", format!("Node {name} status is now: NodeReady")),
    };
    let pods: Vec<PodId> = sim
        .pods
        .iter()
        .filter(|(_, pod)| pod.node == Some(node))
        .map(|(id, _)| *id)
        .collect();
    for pod in pods {
        mark_pod(sim, pod, heard);
        changed(sim, pod);
    }
    if let Some(object) = sim.cluster.store().get(&key) {
        note(
            sim,
            &Note {
                kind: "Node",
                api_version: "v1",
                object: &object,
                field: None,
                reason,
                message,
                warning: false,
                component: "node-controller",
                host: "",
            },
        );
    }
}

/// The node controller takes `Ready` from the pods of a lost node; the kubelet gives it back when it reports again.
fn mark_pod(sim: &mut Sim, id: PodId, heard: &Heard) {
    match heard {
        Heard::Again => report(sim, id),
        Heard::Nothing => {
            let Some(key) = sim.pods.get(&id).map(|pod| pod.key.clone()) else {
                return;
            };
            let now = json!(rfc3339(sim.clock));
            sim.cluster.store().update(&key, |object| {
                let conditions = object["status"]["conditions"].as_array_mut();
                for condition in conditions.into_iter().flatten().filter(|one| one["type"] == "Ready") {
                    condition["status"] = json!("False");
                    condition["reason"] = json!("NodeNotReady");
                    condition["lastTransitionTime"] = now.clone();
                }
            });
        }
    }
}

/// The pods that a fault comes to, some of them if it says how many.
fn chosen(sim: &Sim, fault: &Fault, index: usize, nth: u64) -> Vec<PodId> {
    let is_about = |id: &PodId| {
        let Some(pod) = sim.pods.get(id).filter(|pod| !pod.deleting) else {
            return false;
        };
        let workload = pod.workload.and_then(|workload| sim.plan.workloads.get(workload));
        let workload = workload.map_or_else(String::new, |planned| {
            format!("{}/{}", planned.workload.namespace, planned.workload.name)
        });
        fault.is_about(&workload, &pod.key.name)
    };
    let mut pods: Vec<PodId> = sim.pods.keys().copied().filter(is_about).collect();
    if let Some(count) = fault.count {
        let purpose = ["fault pods", &index.to_string(), &nth.to_string()];
        sim.seed.rng(&purpose).shuffle(&mut pods);
        pods.truncate(count);
    }
    pods
}

/// The main containers of those pods that run.
fn runs(sim: &Sim, fault: &Fault, index: usize, nth: u64) -> Vec<RunId> {
    chosen(sim, fault, index, nth)
        .iter()
        .filter_map(|id| sim.pods.get(id))
        .flat_map(|pod| pod.containers.iter().filter(|part| part.duty == Duty::Main))
        .filter_map(|part| Some(part.run.as_ref()?.id))
        .collect()
}

/// The nodes of those pods. Which they are was decided when the fault came.
fn nodes(sim: &mut Sim, fault: &Fault, index: usize, nth: u64) -> Vec<usize> {
    if let Some(known) = sim.fault_nodes.remove(&(index, nth)) {
        return known;
    }
    let pods = chosen(sim, fault, index, nth);
    let mut nodes: Vec<usize> = pods.iter().filter_map(|id| sim.pods.get(id)?.node).collect();
    nodes.sort_unstable();
    nodes.dedup();
    sim.fault_nodes.insert((index, nth), nodes.clone());
    nodes
}

/// A number for one time of one fault.
fn name(index: usize, nth: u64) -> u64 {
    (u64::try_from(index).unwrap_or(0) << 32) | (nth & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Value;

    use super::*;
    use crate::demo::clock::Now;
    use crate::demo::scenario::Scenario;
    use crate::demo::world::{advance, past};

    const NOW: i64 = 1_795_361_426 * SECOND;

    const TOML: &str = r#"
        name = "small"
        title = "Three pods on two nodes"
        namespaces = ["shop"]
        history = "1s"
        [[clusters]]
        name = "dev"
        nodes = ["n1", "n2"]
        [[workloads]]
        kind = "Deployment"
        namespace = "shop"
        name = "gen"
        replicas = 3
        [[workloads.containers]]
        name = "gen"
        image = "gen:1"
        command = ["/gen"]
        rate = 10.0
        numbered = true
    "#;

    /// The cluster with one fault, and its past.
    fn world(fault: &str, seed: u64) -> Sim {
        let scenario = Scenario::parse(&format!("{TOML}\n[[fault]]\n{fault}"), Path::new("small.toml")).unwrap();
        past(scenario.plans().remove(0), seed, &(Arc::new(|| NOW) as Now)).0
    }

    fn pods(sim: &Sim) -> Vec<Arc<Value>> {
        sim.cluster.store().list("pods", Some("shop")).0
    }

    fn restarts(sim: &Sim) -> Vec<u64> {
        let of = |pod: &Arc<Value>| pod["status"]["containerStatuses"][0]["restartCount"].as_u64().unwrap();
        pods(sim).iter().map(of).collect()
    }

    #[test]
    fn containers_restart_again_and_again_by_the_seed() {
        let run = |seed: u64| {
            let mut sim = world("kind = \"restart\"\nat = \"5s\"\nevery = \"3s-9s\"\ncount = 1", seed);
            advance(&mut sim, NOW + 4 * SECOND);
            assert_eq!(restarts(&sim), [0, 0, 0]);
            advance(&mut sim, NOW + 120 * SECOND);
            restarts(&sim)
        };
        let counted = run(1);
        assert!(counted.iter().sum::<u64>() > 4, "{counted:?}");
        assert_eq!(counted, run(1));
        assert_ne!(counted, run(2));
    }

    #[test]
    fn a_fault_ends_when_it_is_told_to() {
        let mut sim = world("kind = \"rotate\"\nat = \"5s\"\nevery = \"5s\"\nuntil = \"22s\"", 1);
        advance(&mut sim, NOW + 60 * SECOND);
        assert_eq!(
            sim.cluster.trouble().book().faults().get("rotate"),
            Some(&4),
            "at 5, 10, 15 and 20 s"
        );
    }

    #[test]
    fn a_deleted_pod_is_replaced() {
        let mut sim = world(
            "kind = \"delete-pod\"\nat = \"5s\"\ncount = 1\nworkload = \"shop/gen\"",
            1,
        );
        let names = |sim: &Sim| -> Vec<String> {
            pods(sim)
                .iter()
                .map(|pod| pod["metadata"]["name"].to_string())
                .collect()
        };
        let before = names(&sim);
        advance(&mut sim, NOW + 60 * SECOND);
        let after = names(&sim);
        assert_eq!(after.len(), 3);
        assert_eq!(after.iter().filter(|name| before.contains(name)).count(), 2);
    }

    #[test]
    fn a_lost_node_is_not_ready_after_forty_seconds_and_comes_back() {
        let mut sim = world("kind = \"lose-node\"\nat = \"5s\"\nfor = \"60s\"\ncount = 1", 1);
        let ready = |objects: &[Arc<Value>]| -> Vec<String> {
            let of = |object: &Arc<Value>| {
                let conditions = object["status"]["conditions"].as_array().unwrap();
                let ready = conditions
                    .iter()
                    .find(|condition| condition["type"] == "Ready")
                    .unwrap();
                ready["status"].as_str().unwrap().to_owned()
            };
            objects.iter().map(of).collect()
        };
        let nodes = |sim: &Sim| sim.cluster.store().list("nodes", None).0;
        advance(&mut sim, NOW + 44 * SECOND);
        assert_eq!(ready(&nodes(&sim)), ["True", "True"], "nobody has noticed");
        advance(&mut sim, NOW + 46 * SECOND);
        let lost: Vec<_> = ready(&nodes(&sim))
            .into_iter()
            .filter(|ready| ready == "Unknown")
            .collect();
        assert_eq!(lost.len(), 1);
        assert!(ready(&pods(&sim)).contains(&"False".to_owned()));
        advance(&mut sim, NOW + 66 * SECOND);
        assert_eq!(ready(&nodes(&sim)), ["True", "True"]);
        assert_eq!(ready(&pods(&sim)), ["True", "True", "True"]);
    }

    #[test]
    fn a_clock_that_was_always_wrong_has_a_past_by_itself() {
        let sim = world("kind = \"skew\"\nby = \"-1h\"", 1);
        let logs = sim.pods.values().filter_map(|pod| pod.containers.first()?.run.as_ref());
        let stamps: Vec<i64> = logs
            .flat_map(|run| run.instance.log.read(0))
            .map(|entry| entry.nanos)
            .collect();
        let hour = 3600 * SECOND;
        assert!(
            !stamps.is_empty() && stamps.iter().all(|stamp| *stamp <= NOW - hour),
            "{stamps:?}"
        );
        assert_eq!(sim.cluster.now(), NOW - hour);
    }

    #[test]
    fn a_container_that_restarts_twice_at_once_leaves_only_the_run_between() {
        let mut sim = world("kind = \"restart\"\nat = \"5s\"\ncount = 1\ntwice = true", 1);
        advance(&mut sim, NOW + 40 * SECOND);
        let pod = pods(&sim)
            .into_iter()
            .find(|pod| pod["status"]["containerStatuses"][0]["restartCount"] == 2);
        let pod = pod.expect("a pod that has restarted twice");
        let name = pod["metadata"]["name"].as_str().unwrap();
        let previous = sim.cluster.previous("shop", name, "gen").unwrap();
        assert!(previous.log.len() < 10, "{} lines in 40 ms", previous.log.len());
        let last = &pod["status"]["containerStatuses"][0]["lastState"]["terminated"]["containerID"];
        assert_eq!(last, previous.id.as_str());
    }

    #[test]
    fn a_forgotten_run_has_a_status_and_no_log() {
        let mut sim = world("kind = \"restart\"\nat = \"5s\"\ncount = 1\nforget = true", 1);
        advance(&mut sim, NOW + 20 * SECOND);
        let pod = pods(&sim)
            .into_iter()
            .find(|pod| pod["status"]["containerStatuses"][0]["restartCount"] == 1);
        let pod = pod.expect("a pod that has restarted");
        assert!(pod["status"]["containerStatuses"][0]["lastState"]["terminated"]["containerID"].is_string());
        let name = pod["metadata"]["name"].as_str().unwrap();
        assert!(sim.cluster.previous("shop", name, "gen").is_none());
        assert!(sim.cluster.current("shop", name, "gen").is_some());
    }

    #[test]
    fn a_long_line_is_written_in_pieces_under_one_number() {
        let mut sim = world(
            "kind = \"long-line\"\nat = \"5s\"\nbytes = 40000\npod = \"gen-*\"\ncount = 1",
            1,
        );
        advance(&mut sim, NOW + 6 * SECOND);
        let logs = sim.pods.values().filter_map(|pod| pod.containers.first()?.run.as_ref());
        let entries: Vec<_> = logs.flat_map(|run| run.instance.log.read(0)).collect();
        let pieces: Vec<_> = entries.iter().filter(|entry| entry.bytes.len() > 1000).collect();
        let shapes: Vec<_> = pieces
            .iter()
            .map(|entry| (entry.bytes.len(), entry.partial, entry.number > 0))
            .collect();
        assert_eq!(
            shapes,
            [(16_384, true, true), (16_384, true, false), (7_232, false, false)]
        );
    }
}
