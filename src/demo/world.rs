//! Brings a scenario to life: one task for each cluster lives through its past at once and its present in real time.

pub mod seed;
pub mod sim;
pub mod notes;
pub mod helm;
pub mod inside;
pub mod pods;
pub mod objects;
pub mod chatter;
pub mod birth;
pub mod life;
pub mod sets;
pub mod rollout;
pub mod control;
pub mod weather;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::demo::clock::{Now, SECOND};
use crate::demo::cluster::{Cluster, Request, Rule, User};
use crate::demo::log::Stream;
use crate::demo::scenario::fault::Fault;
use crate::demo::scenario::{Plan, Scenario, template};
use crate::demo::store::Key;
use crate::demo::world::seed::Seed;
use crate::demo::world::sim::{Sim, Step};

/// When wall time is this far ahead of ours, in nanoseconds, the machine has slept: what was due is put off.
const SLEPT: i64 = 5 * SECOND;

/// Starts the clusters of a scenario, in its order. Their past has happened when this returns.
///
/// It must be called inside a tokio runtime. The tasks end when the token is cancelled.
pub fn start(
    scenario: &Scenario,
    seed: u64,
    now: &Now,
    tasks: &TaskTracker,
    token: &CancellationToken,
) -> Vec<Cluster> {
    let worlds = scenario.plans().into_iter().map(|plan| {
        let (sim, requests) = past(plan, seed, now);
        let cluster = sim.cluster.clone();
        tasks.spawn(present(sim, requests, token.clone()));
        cluster
    });
    worlds.collect()
}

/// Everything that happened in a cluster before now.
fn past(plan: Plan, seed: u64, now: &Now) -> (Sim, UnboundedReceiver<Request>) {
    let seed = Seed::new(seed, &plan.cluster.name);
    let (cluster, requests) = Cluster::new(&plan.cluster.name, users(&plan, &seed), now.clone());
    cluster.trouble().reseed(seed.rng(&["faults"]).u64(..));
    let skew: i64 = plan.faults.iter().filter_map(Fault::constant_skew).sum();
    cluster.trouble().jump(skew);
    let nanos = cluster.now();
    let mut sim = Sim::new(cluster, plan, seed, nanos);
    let plan = sim.plan.clone();
    objects::found(&mut sim, nanos);
    for (index, planned) in plan.workloads.iter().enumerate() {
        let first = if planned.change_at.is_some() {
            &planned.plain
        } else {
            &planned.workload
        };
        sim.at(nanos - first.started.nanos, Step::Install(index));
        if let Some(after) = planned.change_at {
            sim.at(nanos + after, Step::Change(index));
        }
    }
    for (index, event) in plan.events.iter().enumerate() {
        sim.at(nanos + event.at.nanos, Step::Happen(index));
    }
    advance(&mut sim, nanos);
    for fault in 0..sim.faults.len() {
        let is_done = sim
            .faults
            .get(fault)
            .is_some_and(|fault| fault.constant_skew().is_some());
        if !is_done {
            weather::plan(&mut sim, fault);
        }
    }
    (sim, requests)
}

/// Sleeps until something is due or asked for, and does it.
async fn present(mut sim: Sim, mut requests: UnboundedReceiver<Request>, token: CancellationToken) {
    let mut time = WorldTime {
        began: Instant::now(),
        origin: sim.now,
    };
    loop {
        let due = sim.next_due().map(|nanos| time.instant(nanos));
        tokio::select! {
            biased;
            () = token.cancelled() => return,
            request = requests.recv() => {
                let Some(request) = request else { return };
                let now = time.now(&mut sim);
                advance(&mut sim, now);
                answer(&mut sim, request);
                control::settle(&mut sim);
            }
            () = wait(due) => {
                let now = time.now(&mut sim);
                advance(&mut sim, now);
            }
        }
        time.jump(&mut sim);
    }
}

/// World time runs with tokio's clock; wall time is only looked at for whether the machine has slept.
struct WorldTime {
    began: Instant,
    /// World time at `began`, in Unix nanoseconds.
    origin: i64,
}

impl WorldTime {
    /// World time now; puts off what was due while the machine slept.
    fn now(&mut self, sim: &mut Sim) -> i64 {
        let slept = sim.cluster.now() - self.awake();
        if slept > SLEPT {
            self.origin += slept;
            sim.put_off(slept);
        }
        self.awake()
    }

    /// The clock jumps; nothing comes sooner or later for that.
    fn jump(&mut self, sim: &mut Sim) {
        let by = std::mem::take(&mut sim.jump);
        if by != 0 {
            self.origin += by;
            sim.put_off(by);
            sim.clock += by;
            sim.cluster.trouble().jump(by);
        }
    }

    fn awake(&self) -> i64 {
        let elapsed = i64::try_from(self.began.elapsed().as_nanos()).unwrap_or(i64::MAX);
        self.origin.saturating_add(elapsed)
    }

    fn instant(&self, nanos: i64) -> Instant {
        self.began + Duration::from_nanos(u64::try_from(nanos - self.origin).unwrap_or(0))
    }
}

async fn wait(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Does every step that is due by then, in order, and lets the controllers follow each.
fn advance(sim: &mut Sim, until: i64) {
    while let Some(step) = sim.take_due(until) {
        perform(sim, step);
        control::settle(sim);
    }
    sim.clock = sim.clock.max(until);
}

fn perform(sim: &mut Sim, step: Step) {
    match step {
        Step::Install(workload) => control::install(sim, workload),
        Step::Bind(pod) => birth::bind(sim, pod),
        Step::Admit(pod) => birth::admit(sim, pod),
        Step::Begin { pod, container } => life::begin(sim, pod, container),
        Step::Write { run, stderr, text } => {
            let stream = if stderr { Stream::Stderr } else { Stream::Stdout };
            chatter::write(sim, run, stream, text);
        }
        Step::Chat(run) => chatter::chat(sim, run),
        Step::Periodic { run, line } => chatter::periodic(sim, run, line),
        Step::Ready(run) => life::ready(sim, run),
        Step::Exit { run, code } => life::exit(sim, run, code),
        Step::BackOff(run) => life::back_off(sim, run),
        Step::Restart(run) => life::restart(sim, run),
        Step::Stopped(pod) => life::stopped(sim, pod),
        Step::Remove(pod) => life::remove(sim, pod),
        Step::Notice { pod, notice } => life::notice(sim, pod, notice),
        Step::Forget(event) => notes::forget(sim, event),
        Step::Heartbeat(node) => objects::heartbeat(sim, node),
        Step::Happen(event) => control::happen(sim, event),
        Step::Change(workload) => control::change(sim, workload),
        Step::Fault(fault) => weather::strike(sim, fault),
        Step::Relief { fault, nth } => weather::relieve(sim, fault, nth),
        Step::Unheard(node) => weather::unheard(sim, node),
    }
}

fn answer(sim: &mut Sim, request: Request) {
    match request {
        Request::DeletePod {
            namespace,
            name,
            grace_seconds,
        } => {
            if let Some(pod) = sim.pod_named(&namespace, &name) {
                life::delete(sim, pod, grace_seconds);
            }
        }
        Request::StartEphemeral {
            namespace,
            pod,
            container,
        } => {
            life::start_ephemeral(sim, &namespace, &pod, &container);
        }
        Request::EndContainer {
            namespace,
            pod,
            container,
            code,
        } => {
            if let Some(pod) = sim.pod_named(&namespace, &pod) {
                life::end(sim, pod, &container, code);
            }
        }
        Request::Fault(fault) => {
            sim.faults.push(Arc::new(*fault));
            weather::plan(sim, sim.faults.len() - 1);
        }
        Request::Reconcile {
            resource,
            namespace,
            name,
        } => {
            sim.dirty.insert(Key::new(resource, &namespace, &name));
        }
    }
}

/// `admin` may do everything; `jane` may look at one namespace and run commands there.
fn users(plan: &Plan, seed: &Seed) -> Vec<User> {
    let token = |name: &str| template::hex(40, &mut seed.rng(&["user token", name]));
    let texts = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let namespace = plan
        .namespaces
        .get(2)
        .or(plan.namespaces.first())
        .cloned()
        .unwrap_or_default();
    let rule = |groups: &[&str], resources: &[&str], verbs: &[&str]| Rule {
        namespaces: vec![namespace.clone()],
        groups: texts(groups),
        resources: texts(resources),
        verbs: texts(verbs),
    };
    let look = ["get", "list", "watch"];
    vec![
        User {
            name: "admin".to_owned(),
            groups: texts(&["system:masters"]),
            token: token("admin"),
            rules: vec![],
        },
        User {
            name: "jane".to_owned(),
            groups: texts(&["developers"]),
            token: token("jane"),
            rules: vec![
                rule(&[""], &["pods", "pods/log", "events", "services", "configmaps"], &look),
                rule(&[""], &["pods/exec"], &["get", "create"]),
                rule(
                    &["apps"],
                    &["deployments", "replicasets", "statefulsets", "daemonsets"],
                    &look,
                ),
                rule(&["batch"], &["jobs"], &look),
                rule(&["events.k8s.io"], &["events"], &look),
            ],
        },
    ]
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::demo::clock::{parse_rfc3339, rfc3339};

    const NOW: i64 = 1_795_361_426 * SECOND;

    /// The clusters of an embedded scenario, with their past, and no task.
    fn worlds(name: &str, seed: u64) -> Vec<Sim> {
        let now: Now = Arc::new(|| NOW);
        let plans = Scenario::embedded(name).unwrap().plans();
        plans.into_iter().map(|plan| past(plan, seed, &now).0).collect()
    }

    fn world(name: &str, cluster: &str, seed: u64) -> Sim {
        let plans = Scenario::embedded(name).unwrap().plans();
        let plan = plans.into_iter().find(|plan| plan.cluster.name == cluster).unwrap();
        past(plan, seed, &(Arc::new(|| NOW) as Now)).0
    }

    fn pods(sim: &Sim, app: &str) -> Vec<Arc<Value>> {
        let (pods, _) = sim.cluster.store().list("pods", None);
        pods.into_iter()
            .filter(|pod| pod["metadata"]["labels"]["app"] == app)
            .collect()
    }

    fn log(sim: &Sim, pod: &Value) -> Vec<String> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (namespace, name) = (text(&pod["metadata"]["namespace"]), text(&pod["metadata"]["name"]));
        let container = text(&pod["spec"]["containers"][0]["name"]);
        let instance = sim.cluster.current(&namespace, &name, &container).unwrap();
        instance
            .log
            .read(0)
            .iter()
            .map(|entry| String::from_utf8(entry.bytes.to_vec()).unwrap())
            .collect()
    }

    /// Everything there is to see in a cluster, as text.
    fn everything(sim: &Sim) -> String {
        let mut text = String::new();
        for event in [
            "pods",
            "deployments",
            "replicasets",
            "events",
            "nodes",
            "secrets",
            "services",
            "jobs",
        ] {
            for object in sim.cluster.store().list(event, None).0 {
                text.push_str(&object.to_string());
                text.push('\n');
            }
        }
        for pod in sim.cluster.store().list("pods", None).0 {
            text.push_str(&log(sim, &pod).join("\n"));
        }
        text
    }

    #[test]
    fn the_same_seed_gives_the_same_world() {
        let one = everything(&world("works-in-staging", "prod", 7));
        assert_eq!(one, everything(&world("works-in-staging", "prod", 7)));
        assert_ne!(one, everything(&world("works-in-staging", "prod", 8)));
        assert_ne!(one, everything(&world("works-in-staging", "dev", 7)));
    }

    #[test]
    fn another_time_moves_every_stamp_and_nothing_else() {
        let at = |nanos: i64| {
            let now: Now = Arc::new(move || nanos);
            let plan = Scenario::embedded("works-in-staging").unwrap().plans().remove(2);
            past(plan, 7, &now).0
        };
        let stamps = |sim: &Sim, now: i64| -> Vec<(String, i64)> {
            let (pods, _) = sim.cluster.store().list("pods", None);
            pods.iter()
                .flat_map(|pod| {
                    let name = pod["metadata"]["name"].as_str().unwrap();
                    let container = pod["spec"]["containers"][0]["name"].as_str().unwrap();
                    let namespace = pod["metadata"]["namespace"].as_str().unwrap();
                    let log = sim.cluster.current(namespace, name, container).unwrap().log.read(0);
                    log.into_iter()
                        .map(|entry| (name.to_owned(), entry.nanos - now))
                        .collect::<Vec<_>>()
                })
                .collect()
        };
        let later = NOW + 86_400 * SECOND;
        assert_eq!(stamps(&at(NOW), NOW), stamps(&at(later), later));
    }

    #[test]
    fn the_default_scenario_breaks_only_prod() {
        for sim in worlds("works-in-staging", 1) {
            let prod = sim.cluster.name() == "prod";
            let apis = pods(&sim, "api");
            assert_eq!(apis.len(), 3, "{}", sim.cluster.name());
            for pod in &apis {
                let restarts = pod["status"]["containerStatuses"][0]["restartCount"].as_u64().unwrap();
                assert_eq!(restarts > 3, prod, "{}: {restarts}", sim.cluster.name());
                let text = log(&sim, pod).join("\n");
                assert_eq!(
                    text.contains("failed to retrieve the complete list of projects from the server"),
                    prod
                );
                assert_eq!(text.contains("ModuleNotFoundError: No module named 'requests'"), prod);
            }
            let (all, _) = sim.cluster.store().list("pods", None);
            let broken = all.iter().filter(|pod| {
                let status = &pod["status"];
                status["phase"] != "Succeeded" && status["conditions"][2]["status"] != "True"
            });
            let names: Vec<_> = broken.map(|pod| pod["metadata"]["labels"]["app"].clone()).collect();
            assert!(
                names.iter().all(|app| prod && app == "api"),
                "{} {names:?}",
                sim.cluster.name()
            );
        }
    }

    #[test]
    fn a_crash_is_seen_soon_after_the_start() {
        for seed in 0..6 {
            let mut sim = world("works-in-staging", "prod", seed);
            let crashes = |sim: &Sim| {
                let statuses = pods(sim, "api");
                statuses
                    .iter()
                    .map(|pod| pod["status"]["containerStatuses"][0]["restartCount"].as_u64().unwrap())
                    .sum()
            };
            let before: u64 = crashes(&sim);
            advance(&mut sim, NOW + 10 * SECOND);
            assert!(crashes(&sim) > before, "seed {seed}");
        }
    }

    #[test]
    fn clusters_talk_all_the_time_but_do_not_shout() {
        for sim in worlds("works-in-staging", 1) {
            let (all, _) = sim.cluster.store().list("pods", None);
            let lines: usize = all.iter().map(|pod| log(&sim, pod).len()).sum();
            let seconds = usize::try_from(sim.plan.history / SECOND).unwrap();
            assert!(
                (8 * seconds..40 * seconds).contains(&lines),
                "{}: {lines} lines",
                sim.cluster.name()
            );
        }
    }

    /// What a watch of one container's status shows: restarts, state, Ready.
    fn transitions(sim: &Sim, pod: &str, since: u64) -> Vec<(u64, String, bool)> {
        let events = sim.cluster.store().since("pods", since).unwrap();
        let of_pod = events.iter().filter(|event| event.object["metadata"]["name"] == pod);
        of_pod
            .map(|event| {
                let status = &event.object["status"]["containerStatuses"][0];
                let (state, detail) = status["state"].as_object().unwrap().iter().next().unwrap();
                let reason = detail["reason"]
                    .as_str()
                    .map_or_else(String::new, |reason| format!(" {reason}"));
                let ready = &event.object["status"]["conditions"][2];
                assert_eq!(ready["type"], "Ready");
                (
                    status["restartCount"].as_u64().unwrap(),
                    format!("{state}{reason}"),
                    ready["status"] == "True",
                )
            })
            .collect()
    }

    #[test]
    fn a_crash_loop_goes_through_the_states_of_a_real_one() {
        let mut sim = world("works-in-staging", "prod", 3);
        let name = pods(&sim, "api")[0]["metadata"]["name"].as_str().unwrap().to_owned();
        let since = sim.cluster.store().version();
        advance(&mut sim, NOW + 900 * SECOND);
        let seen = transitions(&sim, &name, since);
        let restart = seen.iter().position(|(_, state, _)| state == "running").unwrap();
        let cycle: Vec<_> = seen.iter().skip(restart).take(4).collect();
        let n = cycle[0].0;
        assert_eq!(
            *cycle[0],
            (n, "running".to_owned(), true),
            "Ready for as long as it runs"
        );
        assert_eq!(*cycle[1], (n, "terminated Error".to_owned(), false));
        assert_eq!(*cycle[2], (n, "waiting CrashLoopBackOff".to_owned(), false));
        assert_eq!(*cycle[3], (n + 1, "running".to_owned(), true));
        let pod = sim.cluster.store().get(&Key::new("pods", "shop", &name)).unwrap();
        let last = &pod["status"]["containerStatuses"][0]["lastState"]["terminated"];
        assert_eq!(last["exitCode"], 1);
        assert!(sim.cluster.previous("shop", &name, "api").unwrap().log.is_ended());
        let (events, _) = sim.cluster.store().list("events", Some("shop"));
        let back_off = events.iter().find(|event| event["reason"] == "BackOff").unwrap();
        assert!(back_off["count"].as_u64().unwrap() > 3, "{back_off}");
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut sim = world("works-in-staging", "prod", 3);
        let pod = pods(&sim, "api")[0].clone();
        advance(&mut sim, NOW + 600 * SECOND);
        let id = sim
            .pod_named("shop", pod["metadata"]["name"].as_str().unwrap())
            .unwrap();
        assert_eq!(sim.pods[&id].containers[0].pause, sim.plan.backoff_max);
    }

    fn delete(sim: &mut Sim, pod: &Value, grace_seconds: u32) -> String {
        let name = pod["metadata"]["name"].as_str().unwrap().to_owned();
        let namespace = pod["metadata"]["namespace"].as_str().unwrap().to_owned();
        answer(
            sim,
            Request::DeletePod {
                namespace,
                name: name.clone(),
                grace_seconds,
            },
        );
        control::settle(sim);
        name
    }

    #[test]
    fn a_deleted_pod_terminates_and_is_replaced() {
        let mut sim = world("works-in-staging", "dev", 1);
        let before = pods(&sim, "api");
        let instance = sim
            .cluster
            .current("shop", before[0]["metadata"]["name"].as_str().unwrap(), "api")
            .unwrap();
        let name = delete(&mut sim, &before[0], 30);
        let key = Key::new("pods", "shop", &name);
        let pod = sim.cluster.store().get(&key).unwrap();
        assert_eq!(pod["metadata"]["deletionTimestamp"], rfc3339(NOW + 30 * SECOND));
        assert_eq!(pods(&sim, "api").len(), 4, "the replacement is there at once");
        assert!(instance.is_running());
        advance(&mut sim, NOW + 20 * SECOND);
        assert!(sim.cluster.store().get(&key).is_none());
        assert!(instance.log.is_ended());
        assert_eq!(*instance.exit.borrow(), Some(0));
        let after = pods(&sim, "api");
        assert_eq!(after.len(), 3);
        assert!(
            after
                .iter()
                .all(|pod| pod["status"]["conditions"][2]["status"] == "True")
        );
        assert!(after.iter().any(|pod| {
            before
                .iter()
                .all(|old| old["metadata"]["name"] != pod["metadata"]["name"])
        }));
    }

    #[test]
    fn without_grace_a_pod_is_gone_at_once() {
        let mut sim = world("quiet", "dev", 1);
        let pod = pods(&sim, "web")[0].clone();
        let name = delete(&mut sim, &pod, 0);
        assert!(sim.cluster.store().get(&Key::new("pods", "shop", &name)).is_none());
        assert!(sim.cluster.current("shop", &name, "web").is_none());
    }

    #[test]
    fn a_stateful_pod_comes_back_with_its_name() {
        let mut sim = world("works-in-staging", "dev", 1);
        let pod = pods(&sim, "db")[0].clone();
        delete(&mut sim, &pod, 30);
        advance(&mut sim, NOW + 60 * SECOND);
        let after = pods(&sim, "db")[0].clone();
        assert_eq!(after["metadata"]["name"], pod["metadata"]["name"]);
        assert_ne!(after["metadata"]["uid"], pod["metadata"]["uid"]);
    }

    fn change(sim: &mut Sim, name: &str, change: impl FnOnce(&mut Value)) {
        let key = Key::new("deployments", "shop", name);
        sim.cluster.store().update(&key, change).unwrap();
        let request = Request::Reconcile {
            resource: "deployments",
            namespace: key.namespace,
            name: key.name,
        };
        answer(sim, request);
        control::settle(sim);
    }

    #[test]
    fn a_deployment_follows_its_replicas() {
        let mut sim = world("quiet", "dev", 1);
        for (replicas, seconds) in [(5, 30), (1, 60), (0, 90)] {
            change(&mut sim, "web", |web| web["spec"]["replicas"] = Value::from(replicas));
            advance(&mut sim, NOW + seconds * SECOND);
            assert_eq!(pods(&sim, "web").len(), replicas);
            let web = sim
                .cluster
                .store()
                .get(&Key::new("deployments", "shop", "web"))
                .unwrap();
            assert_eq!(
                web["status"]["readyReplicas"].as_u64().unwrap_or(0),
                u64::try_from(replicas).unwrap()
            );
        }
    }

    #[test]
    fn a_changed_template_is_rolled_out_without_a_gap() {
        let mut sim = world("quiet", "dev", 1);
        let since = sim.cluster.store().version();
        change(&mut sim, "web", |web| {
            web["spec"]["template"]["spec"]["containers"][0]["image"] = "web:2".into();
        });
        advance(&mut sim, NOW + 60 * SECOND);
        let after = pods(&sim, "web");
        assert_eq!(after.len(), 2);
        assert!(after.iter().all(|pod| pod["spec"]["containers"][0]["image"] == "web:2"));
        let (sets, _) = sim.cluster.store().list("replicasets", Some("shop"));
        let mut sizes: Vec<_> = sets
            .iter()
            .map(|set| set["spec"]["replicas"].as_u64().unwrap())
            .collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [0, 2]);
        for event in sim.cluster.store().since("deployments", since).unwrap() {
            let ready = event.object["status"]["readyReplicas"].as_u64().unwrap_or(0);
            assert!(ready >= 2, "{}", event.object["status"]);
        }
    }

    #[test]
    fn going_back_to_the_image_before_heals_prod() {
        let mut sim = world("works-in-staging", "prod", 1);
        let (sets, _) = sim.cluster.store().list("replicasets", Some("shop"));
        let old = sets
            .iter()
            .find(|set| set["metadata"]["labels"]["app"] == "api" && set["spec"]["replicas"] == 0);
        let template = old.unwrap()["spec"]["template"].clone();
        change(&mut sim, "api", |api| {
            api["spec"]["template"] = template;
            api["spec"]["template"]["metadata"]["labels"]
                .as_object_mut()
                .unwrap()
                .remove("pod-template-hash");
        });
        advance(&mut sim, NOW + 60 * SECOND);
        let after = pods(&sim, "api");
        assert_eq!(after.len(), 3);
        assert!(
            after
                .iter()
                .all(|pod| pod["status"]["containerStatuses"][0]["restartCount"] == 0)
        );
        let (all, _) = sim.cluster.store().list("replicasets", Some("shop"));
        assert_eq!(all.len(), sets.len(), "the old ReplicaSet is used again");
    }

    #[test]
    fn a_deleted_deployment_takes_its_pods_along() {
        let mut sim = world("quiet", "dev", 1);
        sim.cluster.store().remove(&Key::new("deployments", "shop", "web"));
        answer(
            &mut sim,
            Request::Reconcile {
                resource: "deployments",
                namespace: "shop".to_owned(),
                name: "web".to_owned(),
            },
        );
        control::settle(&mut sim);
        advance(&mut sim, NOW + 10 * SECOND);
        assert!(pods(&sim, "web").is_empty());
        assert!(sim.cluster.store().list("replicasets", Some("shop")).0.is_empty());
    }

    #[test]
    fn an_ephemeral_container_starts_beside_the_others() {
        let mut sim = world("quiet", "dev", 1);
        let name = pods(&sim, "web")[0]["metadata"]["name"].as_str().unwrap().to_owned();
        let key = Key::new("pods", "shop", &name);
        sim.cluster.store().update(&key, |pod| {
            pod["spec"]["ephemeralContainers"] = serde_json::json!([{"name": "dbg", "image": "busybox:1.36"}]);
        });
        answer(
            &mut sim,
            Request::StartEphemeral {
                namespace: "shop".to_owned(),
                pod: name.clone(),
                container: "dbg".to_owned(),
            },
        );
        advance(&mut sim, NOW + SECOND);
        let pod = sim.cluster.store().get(&key).unwrap();
        let status = &pod["status"]["ephemeralContainerStatuses"][0];
        assert!(status["state"]["running"].is_object(), "{status}");
        assert_eq!(
            pod["status"]["conditions"][2]["status"], "True",
            "it does not count for readiness"
        );
        assert!(sim.cluster.current("shop", &name, "dbg").unwrap().inside.shell);
    }

    #[test]
    fn a_job_completes() {
        let sim = world("works-in-staging", "prod", 1);
        let pod = pods(&sim, "migrate")[0].clone();
        assert_eq!(pod["status"]["phase"], "Succeeded");
        let job = sim.cluster.store().get(&Key::new("jobs", "shop", "migrate")).unwrap();
        assert_eq!(job["status"]["succeeded"], 1);
        assert_eq!(job["status"]["conditions"][1]["type"], "Complete");
    }

    #[test]
    fn events_are_forgotten_after_an_hour() {
        let mut sim = world("quiet", "dev", 1);
        let pod = pods(&sim, "web")[0].clone();
        delete(&mut sim, &pod, 30);
        advance(&mut sim, NOW + 30 * SECOND);
        assert!(!sim.cluster.store().list("events", None).0.is_empty());
        advance(&mut sim, NOW + 3700 * SECOND);
        assert!(sim.cluster.store().list("events", None).0.is_empty());
    }

    #[test]
    fn what_prod_lacks_is_seen_from_inside() {
        for sim in worlds("works-in-staging", 1) {
            let name = pods(&sim, "api")[0]["metadata"]["name"].as_str().unwrap().to_owned();
            let inside = sim.cluster.current("shop", &name, "api").unwrap().inside.clone();
            let prod = sim.cluster.name() == "prod";
            assert_eq!(inside.packages.contains_key("requests"), !prod);
            let path = "/usr/local/lib/python3.12/site-packages/requests/__init__.py";
            assert_eq!(inside.files.contains_key(path), !prod);
            assert!(inside.packages.contains_key("Flask"));
            assert!(inside.files.contains_key("/app/app.py"), "{:?}", inside.files.keys());
            assert_eq!(inside.hostname, name);
        }
    }

    #[test]
    fn the_same_tag_has_another_digest_in_prod() {
        let digests = worlds("works-in-staging", 1);
        let digests: Vec<(Value, Value)> = digests
            .iter()
            .map(|sim| {
                let status = &pods(sim, "api")[0]["status"]["containerStatuses"][0];
                (status["image"].clone(), status["imageID"].clone())
            })
            .collect();
        assert_eq!(digests[0], digests[1]);
        assert_eq!(digests[0].0, digests[2].0);
        assert_ne!(digests[0].1, digests[2].1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_present_follows_the_clock_and_ends_with_the_token() {
        let began = Instant::now();
        let now: Now = Arc::new(move || NOW + i64::try_from(began.elapsed().as_nanos()).unwrap());
        let (tasks, token) = (TaskTracker::new(), CancellationToken::new());
        let scenario = Scenario::embedded("quiet").unwrap();
        let clusters = start(&scenario, 1, &now, &tasks, &token);
        let names: Vec<_> = clusters.iter().map(Cluster::name).collect();
        assert_eq!(names, ["dev", "staging", "prod"]);
        let store = clusters[0].store();
        let pod = store.list("pods", Some("shop")).0[0].clone();
        let name = pod["metadata"]["name"].as_str().unwrap();
        let log = clusters[0].current("shop", name, "web").unwrap().log.clone();
        let (mut changed, before) = (log.changed(), log.len());
        changed.wait_for(|lines| *lines > before).await.unwrap();
        let stamp = log.read(before)[0].nanos;
        assert!(
            (0..=2_000_000).contains(&(now() - stamp)),
            "written when it is due: {}",
            now() - stamp
        );
        let mut versions = store.changed();
        versions.mark_unchanged();
        let namespace = "shop".to_owned();
        clusters[0].request(Request::DeletePod {
            namespace,
            name: name.to_owned(),
            grace_seconds: 30,
        });
        versions.changed().await.unwrap();
        assert!(store.get(&Key::new("pods", "shop", name)).unwrap()["metadata"]["deletionTimestamp"].is_string());
        token.cancel();
        tasks.close();
        tasks.wait().await;
    }

    /// A world of one cluster with one Deployment whose container has these lines more.
    fn custom(container: &str, rest: &str) -> Sim {
        let text = format!(
            r#"
            name = "custom"
            title = "One workload"
            clusters = [{{ name = "one", nodes = ["n1"] }}]
            [[workloads]]
            kind = "Deployment"
            namespace = "default"
            name = "web"
            started = "10s"
            [[workloads.containers]]
            name = "web"
            image = "web:1.0.1"
            {container}
            {rest}
            "#
        );
        let scenario = Scenario::parse(&text, std::path::Path::new("custom")).unwrap_or_else(|e| panic!("{e}"));
        past(scenario.plans().remove(0), 1, &(Arc::new(|| NOW) as Now)).0
    }

    #[test]
    fn a_container_that_is_stuck_waits_for_ever() {
        let stuck = r#"stuck = { reason = "ImagePullBackOff", message = "Back-off pulling image" }"#;
        let mut sim = custom(stuck, "");
        advance(&mut sim, NOW + 100 * SECOND);
        let pod = pods(&sim, "web")[0].clone();
        assert_eq!(pod["status"]["phase"], "Pending");
        let status = &pod["status"]["containerStatuses"][0];
        assert_eq!(status["state"]["waiting"]["reason"], "ImagePullBackOff");
        assert!(status["containerID"].is_null());
        let name = pod["metadata"]["name"].as_str().unwrap();
        assert!(sim.cluster.current("default", name, "web").is_none());
    }

    #[test]
    fn an_exit_may_have_its_own_reason() {
        let sim = custom(r#"exit = { code = 137, reason = "OOMKilled", after = "3s" }"#, "");
        let pod = pods(&sim, "web")[0].clone();
        let status = &pod["status"]["containerStatuses"][0];
        assert_eq!(status["lastState"]["terminated"]["reason"], "OOMKilled", "{status}");
        assert_eq!(status["lastState"]["terminated"]["exitCode"], 137);
    }

    #[test]
    fn init_containers_run_first_and_one_after_another() {
        let inits = r#"
            [[workloads.containers]]
            name = "first"
            role = "init"
            image = "init:1"
            startup = "made it"
            exit = { code = 0, after = "20s" }
            [[workloads.containers]]
            name = "second"
            role = "init"
            image = "init:1"
            exit = { code = 0, after = "20s" }
        "#;
        let mut sim = custom("", inits);
        let look = |sim: &Sim| {
            let pod = pods(sim, "web")[0].clone();
            let state = |field: &str, place: usize| {
                let state = pod["status"][field][place]["state"].as_object().unwrap();
                let (kind, detail) = state.iter().next().unwrap();
                format!("{kind} {}", detail["reason"].as_str().unwrap_or_default())
            };
            let init = "initContainerStatuses";
            let states = [state(init, 0), state(init, 1), state("containerStatuses", 0)];
            (
                states,
                pod["status"]["conditions"][1]["status"] == "True",
                pod["status"]["phase"].clone(),
            )
        };
        let expect = |a: &str, b: &str, c: &str| [a.to_owned(), b.to_owned(), c.to_owned()];
        let waiting = "waiting PodInitializing";
        assert_eq!(
            look(&sim),
            (expect("running ", waiting, waiting), false, "Pending".into())
        );
        advance(&mut sim, NOW + 20 * SECOND);
        assert_eq!(
            look(&sim),
            (
                expect("terminated Completed", "running ", waiting),
                false,
                "Pending".into()
            )
        );
        advance(&mut sim, NOW + 60 * SECOND);
        let done = "terminated Completed";
        assert_eq!(look(&sim), (expect(done, done, "running "), true, "Running".into()));
        let name = pods(&sim, "web")[0]["metadata"]["name"].as_str().unwrap().to_owned();
        let first = sim.cluster.current("default", &name, "first").unwrap();
        assert_eq!(first.log.read(0)[0].bytes, "made it");
    }

    #[test]
    fn a_difference_may_come_by_a_rollout() {
        let change = r#"
            [workloads.in.one]
            at = "30s"
            [workloads.in.one.containers.web]
            image = "web:1.0.2"
            startup = "hello from the new one"
        "#;
        let mut sim = custom("", change);
        let image = |sim: &Sim| pods(sim, "web")[0]["spec"]["containers"][0]["image"].clone();
        advance(&mut sim, NOW + 29 * SECOND);
        assert_eq!(image(&sim), "web:1.0.1");
        let before = sim
            .cluster
            .store()
            .get(&Key::new("deployments", "default", "web"))
            .unwrap();
        advance(&mut sim, NOW + 60 * SECOND);
        assert_eq!(image(&sim), "web:1.0.2");
        assert_eq!(log(&sim, &pods(&sim, "web")[0]), ["hello from the new one"]);
        let after = sim
            .cluster
            .store()
            .get(&Key::new("deployments", "default", "web"))
            .unwrap();
        for kept in ["uid", "creationTimestamp"] {
            assert_eq!(before["metadata"][kept], after["metadata"][kept]);
        }
        assert_eq!(
            after["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
            "2"
        );
        assert_eq!(after["status"]["readyReplicas"], 1);
    }

    #[test]
    fn the_canary_warns_only_after_its_rollout() {
        let warnings = |sim: &Sim| -> usize {
            let pods = pods(sim, "checkout");
            pods.iter()
                .flat_map(|pod| log(sim, pod))
                .filter(|line| line.contains("rounding mode"))
                .count()
        };
        for (cluster, expected) in [("ap-1", true), ("eu-1", false)] {
            let mut sim = world("canary", cluster, 1);
            assert_eq!(warnings(&sim), 0, "{cluster}");
            advance(&mut sim, NOW + 60 * SECOND);
            assert_eq!(warnings(&sim) > 0, expected, "{cluster}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_has_slept_does_not_catch_up() {
        let began = Instant::now();
        let slept = Arc::new(AtomicI64::new(0));
        let wall = Arc::clone(&slept);
        let now: Now =
            Arc::new(move || NOW + i64::try_from(began.elapsed().as_nanos()).unwrap() + wall.load(Ordering::Relaxed));
        let (tasks, token) = (TaskTracker::new(), CancellationToken::new());
        let clusters = start(&Scenario::embedded("quiet").unwrap(), 1, &now, &tasks, &token);
        let pod = clusters[0].store().list("pods", Some("shop")).0[0].clone();
        let log = clusters[0]
            .current("shop", pod["metadata"]["name"].as_str().unwrap(), "web")
            .unwrap()
            .log
            .clone();
        let (mut changed, before) = (log.changed(), log.len());
        slept.store(3600 * SECOND, Ordering::Relaxed);
        changed.wait_for(|lines| *lines > before).await.unwrap();
        assert_eq!(log.len(), before + 1, "not one line for each two minutes of sleep");
        let stamp = log.read(before)[0].nanos;
        assert!((0..=2_000_000).contains(&(now() - stamp)), "{}", now() - stamp);
        token.cancel();
        tasks.close();
        tasks.wait().await;
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn whatever_is_asked_the_pods_follow_in_the_end(asked in prop::collection::vec((0_u8..4, 0_u32..6, 0_i64..9), 1..9)) {
            let mut sim = world("quiet", "dev", 1);
            for (what, number, wait) in asked {
                match what {
                    0 => change(&mut sim, "web", |web| web["spec"]["replicas"] = Value::from(number)),
                    1 => change(&mut sim, "web", |web| {
                        let image = format!("web:{number}");
                        web["spec"]["template"]["spec"]["containers"][0]["image"] = Value::from(image);
                    }),
                    2 => change(&mut sim, "web", |web| {
                        let kind = if number % 2 == 0 { "Recreate" } else { "RollingUpdate" };
                        web["spec"]["strategy"]["type"] = Value::from(kind);
                    }),
                    _ => {
                        let all = pods(&sim, "web");
                        if let Some(pod) = all.get(number as usize) {
                            delete(&mut sim, pod, number);
                        }
                    }
                }
                let until = sim.clock + wait * SECOND;
                advance(&mut sim, until);
            }
            let until = sim.clock + 120 * SECOND;
            advance(&mut sim, until);
            let web = sim.cluster.store().get(&Key::new("deployments", "shop", "web")).unwrap();
            let desired = web["spec"]["replicas"].as_u64().unwrap();
            let image = &web["spec"]["template"]["spec"]["containers"][0]["image"];
            let all = pods(&sim, "web");
            prop_assert_eq!(all.len() as u64, desired);
            prop_assert_eq!(sim.pods.len() as u64, desired);
            for pod in &all {
                prop_assert_eq!(&pod["spec"]["containers"][0]["image"], image);
                prop_assert_eq!(&pod["status"]["conditions"][2]["status"], "True");
            }
            prop_assert_eq!(web["status"]["readyReplicas"].as_u64().unwrap_or(0), desired);
        }
    }

    /// Any JSON, small.
    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-z%0-9]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(2, 8, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-z]{1,4}", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn no_object_that_a_user_writes_stops_the_world(place in 0_usize..16, value in any_json()) {
            let places = [
                "/metadata/annotations", "/metadata/labels", "/metadata/generation", "/spec", "/spec/replicas",
                "/spec/selector", "/spec/strategy", "/spec/strategy/rollingUpdate", "/spec/template",
                "/spec/template/metadata", "/spec/template/metadata/labels", "/spec/template/spec",
                "/spec/template/spec/containers", "/spec/template/spec/containers/0", "/spec/template/spec/volumes",
                "/status",
            ];
            let mut sim = world("quiet", "dev", 1);
            let key = Key::new("deployments", "shop", "web");
            for resource in ["deployments", "statefulsets", "daemonsets", "jobs", "replicasets"] {
                let mut object = Value::clone(&sim.cluster.store().get(&key).unwrap());
                if let Some(old) = object.pointer_mut(places[place]) {
                    *old = value.clone();
                }
                object["metadata"]["name"] = "other".into();
                sim.cluster.store().put(resource, object);
                let request = Request::Reconcile { resource, namespace: "shop".to_owned(), name: "other".to_owned() };
                answer(&mut sim, request);
                control::settle(&mut sim);
            }
            advance(&mut sim, NOW + 20 * SECOND);
            sim.cluster.store().update(&Key::of("pods", &pods(&sim, "web")[0]), |pod| pod["status"] = value.clone());
            let name = pods(&sim, "web")[0].clone();
            delete(&mut sim, &name, 1);
            advance(&mut sim, NOW + 40 * SECOND);
            prop_assert!(pods(&sim, "web").iter().filter(|pod| pod["metadata"]["ownerReferences"][0]["name"].as_str().is_some_and(|owner| owner.starts_with("web"))).count() >= 2);
        }
    }

    #[test]
    fn jane_sees_one_namespace() {
        let sim = world("works-in-staging", "prod", 1);
        let users = sim.cluster.users();
        assert_eq!(users[0].groups, ["system:masters"]);
        assert_eq!(users[1].name, "jane");
        assert!(users[1].rules.iter().all(|rule| rule.namespaces == ["shop"]));
        assert_ne!(users[0].token, users[1].token);
    }

    #[test]
    fn the_world_is_never_ahead_of_its_clock() {
        let sim = world("works-in-staging", "prod", 1);
        let (events, _) = sim.cluster.store().list("events", None);
        assert!(events.len() > 10);
        for event in events {
            let last = event["lastTimestamp"].as_str().or_else(|| event["eventTime"].as_str());
            assert!(parse_rfc3339(last.unwrap()).unwrap() <= NOW);
        }
        for pod in sim.cluster.store().list("pods", None).0 {
            let created = pod["metadata"]["creationTimestamp"]
                .as_str()
                .and_then(parse_rfc3339)
                .unwrap();
            assert!(created <= NOW);
        }
    }
}
