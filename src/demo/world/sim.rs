//! The state of one cluster's life: what is due when, which pods run, and the handles that the API reads.
//!
//! One task owns it; time is the time of the step being done, so the past is lived through by the same code as the
//! present, only without waiting.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

use bytes::Bytes;
use fastrand::Rng;
use serde_json::Value;
use tokio::sync::watch;

use crate::demo::cluster::{Cluster, Instance};
use crate::demo::log::{Entry, Stream};
use crate::demo::record;
use crate::demo::scenario::Plan;
use crate::demo::scenario::fault::Fault;
use crate::demo::scenario::shape::{self, Kind, Workload};
use crate::demo::scenario::template::{Scene, Template};
use crate::demo::store::Key;
use crate::demo::world::seed::Seed;

pub type PodId = u64;

/// Bytes of a line that containerd writes as one record.
const PIECE: usize = 16 * 1024;

/// One run of one container; a step for a run that has ended is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId {
    pub pod: PodId,
    /// Index into the pod's containers.
    pub container: usize,
    pub run: u64,
}

/// Something that is due.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A workload of the plan comes into being.
    Install(usize),
    /// The scheduler picks a node.
    Bind(PodId),
    /// The kubelet takes the pod up.
    Admit(PodId),
    /// A container starts.
    Begin {
        pod: PodId,
        container: usize,
    },
    Write {
        run: RunId,
        stderr: bool,
        text: String,
    },
    /// A record by weight.
    Chat(RunId),
    /// The record of the line with this index.
    Periodic {
        run: RunId,
        line: usize,
    },
    Ready(RunId),
    Exit {
        run: RunId,
        code: i32,
    },
    /// The kubelet looks at the pod and reports the back-off.
    BackOff(RunId),
    Restart(RunId),
    /// The containers of a pod that is being deleted have stopped.
    Stopped(PodId),
    Remove(PodId),
    Notice {
        pod: PodId,
        notice: usize,
    },
    /// An event that is not repeated is forgotten after an hour.
    Forget(Key),
    Heartbeat(usize),
    /// An event of the scenario.
    Happen(usize),
    /// The differences of a workload come.
    Change(usize),
    /// A fault comes.
    Fault(usize),
    /// A fault that lasts is over.
    Relief {
        fault: usize,
        /// Which of its times.
        nth: u64,
    },
    /// The node controller has not heard of a node for too long.
    Unheard(usize),
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    nanos: i64,
    /// Steps due at the same time keep the order in which they were planned.
    serial: u64,
    step: Step,
}

/// A pod as its kubelet knows it.
pub struct Pod {
    pub key: Key,
    pub uid: String,
    /// What controls it: a ReplicaSet, StatefulSet, DaemonSet or Job.
    pub owner: Option<Key>,
    /// Index into the plan's workloads; `None` for a pod that a user made.
    pub workload: Option<usize>,
    /// Which pod of its workload, for the scenario's lists by pod.
    pub ordinal: usize,
    /// Index into the plan's nodes, once it is bound.
    pub node: Option<usize>,
    pub ip: Option<String>,
    pub started: Option<i64>,
    pub containers: Vec<Part>,
    pub deleting: bool,
}

/// One container of a pod, over all its runs.
pub struct Part {
    pub name: String,
    pub image: String,
    pub duty: Duty,
    pub restarts: u32,
    pub state: State,
    /// How the run before the one in `state` ended.
    pub last: Option<Ended>,
    pub run: Option<Run>,
    pub ready: bool,
    /// Nanoseconds between the last exit and the next start.
    pub pause: i64,
}

impl Part {
    /// A container that has not started; `spec` is its entry in the pod's spec.
    pub fn new(spec: &Value, duty: Duty) -> Self {
        let text = |field: &str| spec[field].as_str().unwrap_or_default().to_owned();
        Self {
            name: text("name"),
            image: text("image"),
            duty,
            restarts: 0,
            state: State::Creating,
            last: None,
            run: None,
            ready: false,
            pause: 0,
        }
    }

    /// Whether it has ever run.
    pub fn has_run(&self) -> bool {
        match self.state {
            State::Creating | State::Stuck { .. } => false,
            State::Running { .. } | State::Ended(_) | State::BackOff => true,
        }
    }

    /// How it ended, if it has and does not start again at once.
    pub fn code(&self) -> Option<i32> {
        match &self.state {
            State::Ended(ended) => Some(ended.code),
            State::Creating | State::Stuck { .. } | State::Running { .. } | State::BackOff => None,
        }
    }

    /// An init container that has done its work.
    pub fn is_done(&self) -> bool {
        self.duty == Duty::Init && self.code() == Some(0)
    }
}

/// Which list of the pod's spec a container is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    Init,
    Main,
    Ephemeral,
}

impl Duty {
    /// The field of the spec.
    pub fn list(self) -> &'static str {
        match self {
            Self::Init => "initContainers",
            Self::Main => "containers",
            Self::Ephemeral => "ephemeralContainers",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Creating,
    /// It cannot start.
    Stuck {
        reason: String,
        message: String,
    },
    Running {
        since: i64,
    },
    Ended(Ended),
    BackOff,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub code: i32,
    pub reason: String,
    pub started: i64,
    pub finished: i64,
    pub id: String,
}

/// What writes into the log of an instance.
pub struct Run {
    pub id: RunId,
    pub instance: Arc<Instance>,
    pub exit: watch::Sender<Option<i32>>,
    pub started: i64,
    pub rng: Rng,
    /// Records written.
    pub seq: u64,
    /// Whether its lines are accounted for.
    pub is_numbered: bool,
    pub place: Place,
    pub behaviour: Option<Behaviour>,
}

/// Where a run is, for the texts that say so.
pub struct Place {
    pub namespace: String,
    pub pod: String,
    pub pod_ip: String,
    pub node: String,
    pub container: String,
}

/// Points to the container of the plan that a run behaves like.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    workload: usize,
    container: usize,
    /// Whether the cluster's differences hold.
    here: bool,
}

impl Behaviour {
    pub fn workload(self, plan: &Plan) -> Option<&Workload> {
        let planned = plan.workloads.get(self.workload)?;
        Some(if self.here { &planned.workload } else { &planned.plain })
    }

    pub fn container(self, plan: &Plan) -> Option<&shape::Container> {
        self.workload(plan)?.containers.get(self.container)
    }
}

pub struct Sim {
    pub cluster: Cluster,
    pub plan: Arc<Plan>,
    pub seed: Seed,
    /// Unix nanoseconds of the step being done.
    pub clock: i64,
    /// When the past ends and the present begins, in Unix nanoseconds.
    pub now: i64,
    /// Logs hold nothing but start-up lines from before this time.
    pub history: i64,
    pub pods: BTreeMap<PodId, Pod>,
    /// Workload objects whose pods have changed, for the controllers.
    pub dirty: BTreeSet<Key>,
    /// Workloads of the plan whose differences have come.
    pub changed: BTreeSet<usize>,
    /// The plan's faults, and those given since.
    pub faults: Vec<Arc<Fault>>,
    /// When those end that do, in Unix nanoseconds.
    pub fault_ends: BTreeMap<usize, i64>,
    /// The nodes that a fault has taken, by fault and which of its times.
    pub fault_nodes: BTreeMap<(usize, u64), Vec<usize>>,
    /// How far the clock is to jump, in nanoseconds.
    pub jump: i64,
    due: BinaryHeap<Reverse<Due>>,
    serial: u64,
    counters: BTreeMap<String, u64>,
}

impl Sim {
    pub fn new(cluster: Cluster, plan: Plan, seed: Seed, now: i64) -> Self {
        let history = now - plan.history;
        let faults = plan.faults.iter().cloned().map(Arc::new).collect();
        Self {
            faults,
            fault_ends: BTreeMap::new(),
            fault_nodes: BTreeMap::new(),
            jump: 0,
            cluster,
            plan: Arc::new(plan),
            seed,
            clock: 0,
            now,
            history,
            pods: BTreeMap::new(),
            dirty: BTreeSet::new(),
            changed: BTreeSet::new(),
            due: BinaryHeap::new(),
            serial: 0,
            counters: BTreeMap::new(),
        }
    }

    /// Plans a step at a time.
    pub fn at(&mut self, nanos: i64, step: Step) {
        self.serial += 1;
        self.due.push(Reverse(Due {
            nanos,
            serial: self.serial,
            step,
        }));
    }

    /// Plans a step so many nanoseconds from now.
    pub fn after(&mut self, nanos: i64, step: Step) {
        self.at(self.clock + nanos, step);
    }

    /// When the next step is due.
    pub fn next_due(&self) -> Option<i64> {
        self.due.peek().map(|Reverse(due)| due.nanos)
    }

    /// The next step if it is due by then; the clock moves to its time.
    pub fn take_due(&mut self, until: i64) -> Option<Step> {
        if self.next_due()? > until {
            return None;
        }
        let Reverse(due) = self.due.pop()?;
        self.clock = self.clock.max(due.nanos);
        Some(due.step)
    }

    /// Puts off everything that is due, after the machine has slept.
    pub fn put_off(&mut self, nanos: i64) {
        let mut due = std::mem::take(&mut self.due).into_vec();
        for Reverse(due) in &mut due {
            due.nanos += nanos;
        }
        self.due = due.into();
    }

    /// 0, 1, 2 ... for each name.
    pub fn count(&mut self, name: &str) -> u64 {
        let counter = self.counters.entry(name.to_owned()).or_default();
        *counter += 1;
        *counter - 1
    }

    pub fn pod_named(&self, namespace: &str, name: &str) -> Option<PodId> {
        self.pods
            .iter()
            .find(|(_, pod)| pod.key.namespace == namespace && pod.key.name == name)
            .map(|(id, _)| *id)
    }

    /// A run that has not ended.
    pub fn run(&mut self, id: RunId) -> Option<&mut Run> {
        let container = self.pods.get_mut(&id.pod)?.containers.get_mut(id.container)?;
        container.run.as_mut().filter(|run| run.id == id)
    }

    pub fn container(&mut self, id: RunId) -> Option<&mut Part> {
        self.pods.get_mut(&id.pod)?.containers.get_mut(id.container)
    }

    /// Whether this run is the newest of its container, running or not.
    pub fn is_newest(&self, id: RunId) -> bool {
        let container = self.pods.get(&id.pod).and_then(|pod| pod.containers.get(id.container));
        container.is_some_and(|container| u64::from(container.restarts) == id.run)
    }

    pub fn node_name(&self, pod: &Pod) -> &str {
        pod.node
            .and_then(|node| self.plan.cluster.nodes.get(node))
            .map_or("", String::as_str)
    }

    /// The planned workload that an object is, by its kind and name.
    pub fn workload_of(&self, resource: &str, namespace: &str, name: &str) -> Option<usize> {
        self.plan.workloads.iter().position(|planned| {
            let workload = &planned.workload;
            plural(workload.kind) == resource && workload.namespace == namespace && workload.name == name
        })
    }

    /// What a container of a pod behaves like: as the scenario says if it has the scenario's image, else as the
    /// workload does elsewhere.
    pub fn behaviour(&self, pod: &Pod, part: &Part) -> Option<Behaviour> {
        let workload = pod.workload?;
        let planned = self.plan.workloads.get(workload)?;
        let containers = &planned.workload.containers;
        let container = containers.iter().position(|one| one.name == part.name)?;
        let has_come = planned.change_at.is_none() || self.changed.contains(&workload);
        let here = has_come && containers.get(container)?.image == part.image;
        Some(Behaviour {
            workload,
            container,
            here,
        })
    }

    /// The container of the plan that [`Sim::behaviour`] points to.
    pub fn planned(&self, pod: &Pod, part: &Part) -> Option<&shape::Container> {
        self.behaviour(pod, part)?.container(&self.plan)
    }

    /// Renders a template for a value, outside any log.
    pub fn render(&self, text: &Template, namespace: &str, purpose: &[&str]) -> String {
        text.render_text(&self.scene(namespace, None), &mut self.seed.rng(purpose))
    }

    /// Renders a template that is about a pod.
    pub fn render_for(&self, pod: &Pod, text: &Template, purpose: &[&str]) -> String {
        text.render_text(&self.scene(&pod.key.namespace, Some(pod)), &mut self.seed.rng(purpose))
    }

    fn scene<'a>(&'a self, namespace: &'a str, pod: Option<&'a Pod>) -> Scene<'a> {
        Scene {
            nanos: self.clock,
            seq: 0,
            cluster: &self.plan.cluster.name,
            namespace,
            pod: pod.map_or("", |pod| &pod.key.name),
            pod_ip: pod.and_then(|pod| pod.ip.as_deref()).unwrap_or_default(),
            node: pod.map_or("", |pod| self.node_name(pod)),
            container: "",
            vars: &self.plan.cluster.vars,
            lists: &self.plan.lists,
        }
    }
}

impl Run {
    /// The next line of a numbered container.
    pub fn write_numbered(&mut self, nanos: i64, cluster: &str) {
        self.seq += 1;
        let text = self.numbered_text(cluster);
        let entry = Entry::new(nanos, Stream::Stdout, Bytes::from(text));
        self.instance.log.append(Entry {
            number: self.seq,
            ..entry
        });
    }

    /// A line of so many bytes, as the runtime writes it: in pieces.
    pub fn write_long(&mut self, nanos: i64, cluster: &str, long: Long) {
        self.seq += 1;
        let mut text = if self.is_numbered {
            self.numbered_text(cluster)
        } else {
            format!("INFO one line of {} bytes:", long.bytes)
        };
        text.push(' ');
        text.extend(std::iter::repeat_n('x', long.bytes.saturating_sub(text.len())));
        let number = if self.is_numbered { self.seq } else { 0 };
        let text = Bytes::from(text);
        let pieces = text.len().div_ceil(PIECE);
        for piece in 0..pieces {
            let (start, end) = (piece * PIECE, ((piece + 1) * PIECE).min(text.len()));
            let at = nanos + 1000 * i64::try_from(piece).unwrap_or(0);
            let entry = Entry::new(at, Stream::Stdout, text.slice(start..end));
            self.instance.log.append(Entry {
                partial: piece + 1 < pieces,
                number: if piece == 0 { number } else { 0 },
                ..entry
            });
            if piece == 0 && long.torn {
                self.write(at + 500, Stream::Stderr, "ERROR between two pieces".to_owned());
            }
        }
    }

    fn numbered_text(&self, cluster: &str) -> String {
        let Place {
            namespace,
            pod,
            container,
            ..
        } = &self.place;
        let source = format!("{cluster}/{namespace}/{pod}/{container}#{}", self.id.run);
        record::line(&source, self.seq)
    }

    pub fn write(&self, nanos: i64, stream: Stream, text: String) {
        self.instance.log.append(Entry::new(nanos, stream, Bytes::from(text)));
    }
}

/// A line that is longer than a runtime's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Long {
    pub bytes: usize,
    /// A line of stderr comes after the first piece.
    pub torn: bool,
}

/// The plural of a workload's kind, as in URLs.
pub fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::Deployment => "deployments",
        Kind::StatefulSet => "statefulsets",
        Kind::DaemonSet => "daemonsets",
        Kind::Job => "jobs",
    }
}
