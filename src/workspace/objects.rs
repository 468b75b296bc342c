//! The pods of all clusters, sorted into workloads, with counts that are kept up to date one pod at a time.
//! Not what is selected or expanded; that is the pane's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{ContextId, EventRow, PodKey, PodRow, Time, WorkloadKey};

/// Events kept per context; the oldest go first.
const MOST_EVENTS: usize = 5_000;

/// Everything that the API servers told of pods and events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Objects {
    workloads: BTreeMap<WorkloadKey, Workload>,
    /// Where each pod is, to find it again when its owner has changed.
    places: BTreeMap<PodKey, WorkloadKey>,
    clusters: BTreeMap<ContextId, Census>,
    events: BTreeMap<ContextId, Events>,
    version: u64,
}

/// One workload in each cluster where it has pods.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workload {
    pub cells: BTreeMap<ContextId, Cell>,
}

/// The pods of one workload in one cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    pub pods: BTreeMap<PodKey, PodRow>,
    pub census: Census,
}

/// Pods counted. Adding and taking away are inverse, so that no message costs more than its own pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Pods that should run.
    pub active: u32,
    pub ready: u32,
    pub succeeded: u32,
    pub failed: u32,
    pub restarts: u64,
    versions: BTreeMap<Arc<str>, u32>,
    troubles: BTreeMap<(Severity, Arc<str>), u32>,
    created: BTreeMap<Time, u32>,
}

/// How bad a reason is; the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Bad,
    /// On its way, or only to be noticed.
    Passing,
}

/// Kind, namespace and name of what an event is about.
type About = (Arc<str>, Arc<str>, Arc<str>);

/// The events of one context, merged by their uid.
#[derive(Clone, Debug, Default, PartialEq)]
struct Events {
    by_uid: BTreeMap<Arc<str>, EventRow>,
    by_time: BTreeSet<(Time, Arc<str>)>,
    /// The newest warning about each object: its time and uid.
    newest: BTreeMap<About, (Time, Arc<str>)>,
}

impl Objects {
    /// Counts up with every change of pods.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// By namespace, kind and name.
    pub fn workloads(&self) -> impl Iterator<Item = (&WorkloadKey, &Workload)> {
        self.workloads.iter()
    }

    pub fn workload(&self, key: &WorkloadKey) -> Option<&Workload> {
        self.workloads.get(key)
    }

    pub fn pod(&self, key: &PodKey) -> Option<&PodRow> {
        let place = self.places.get(key)?;
        self.workloads.get(place)?.cells.get(&key.context)?.pods.get(key)
    }

    /// All pods of one cluster, counted.
    pub fn census(&self, context: ContextId) -> Option<&Census> {
        self.clusters.get(&context)
    }

    /// Whether the workloads are in more than one namespace.
    pub fn has_namespaces(&self) -> bool {
        let mut namespaces = self.workloads.keys().map(|key| &key.namespace);
        let first = namespaces.next();
        namespaces.next_back().is_some_and(|last| Some(last) != first)
    }

    /// Adds a pod or puts it in the place of its former self; true if anything changed.
    pub fn apply(&mut self, pod: PodRow) -> bool {
        if self.pod(&pod.key) == Some(&pod) {
            return false;
        }
        self.take_out(&pod.key);
        self.places.insert(pod.key.clone(), pod.workload.clone());
        self.clusters.entry(pod.key.context).or_default().add(&pod);
        let workload = self.workloads.entry(pod.workload.clone()).or_default();
        let cell = workload.cells.entry(pod.key.context).or_default();
        cell.census.add(&pod);
        cell.pods.insert(pod.key.clone(), pod);
        self.version += 1;
        true
    }

    /// Takes a pod away; true if it was there.
    pub fn delete(&mut self, key: &PodKey) -> bool {
        let was_there = self.take_out(key);
        self.version += u64::from(was_there);
        was_there
    }

    /// Takes a full list of one context: what is not in it is gone. True if anything changed.
    pub fn list(&mut self, context: ContextId, pods: Vec<PodRow>) -> bool {
        let listed: BTreeSet<&PodKey> = pods.iter().map(|pod| &pod.key).collect();
        let gone: Vec<PodKey> = self
            .places
            .keys()
            .filter(|key| key.context == context && !listed.contains(key))
            .cloned()
            .collect();
        let mut changed = !self.clusters.contains_key(&context);
        self.clusters.entry(context).or_default();
        for key in &gone {
            changed |= self.delete(key);
        }
        for pod in pods {
            if pod.key.context == context {
                changed |= self.apply(pod);
            }
        }
        changed
    }

    fn take_out(&mut self, key: &PodKey) -> bool {
        let Some(place) = self.places.remove(key) else {
            return false;
        };
        let Some(workload) = self.workloads.get_mut(&place) else {
            return false;
        };
        let Some(cell) = workload.cells.get_mut(&key.context) else {
            return false;
        };
        let Some(pod) = cell.pods.remove(key) else { return false };
        cell.census.take(&pod);
        if let Some(cluster) = self.clusters.get_mut(&key.context) {
            cluster.take(&pod);
        }
        if cell.pods.is_empty() {
            workload.cells.remove(&key.context);
        }
        if workload.cells.is_empty() {
            self.workloads.remove(&place);
        }
        true
    }

    /// Adds an event or merges it with its former self.
    pub fn note_event(&mut self, context: ContextId, event: EventRow) {
        self.events.entry(context).or_default().note(event);
    }

    /// Takes a full list of the events of one context.
    pub fn list_events(&mut self, context: ContextId, events: Vec<EventRow>) {
        let kept = self.events.entry(context).or_default();
        *kept = Events::default();
        for event in events {
            kept.note(event);
        }
    }

    /// The newest warning about an object.
    pub fn warning(&self, context: ContextId, kind: &str, namespace: &str, name: &str) -> Option<&EventRow> {
        let events = self.events.get(&context)?;
        let about = (Arc::from(kind), Arc::from(namespace), Arc::from(name));
        let (_, uid) = events.newest.get(&about)?;
        events.by_uid.get(uid)
    }
}

impl Events {
    fn note(&mut self, event: EventRow) {
        if let Some(former) = self.by_uid.get(&event.uid) {
            self.by_time.remove(&(former.last, former.uid.clone()));
        }
        self.by_time.insert((event.last, event.uid.clone()));
        if event.warning {
            let about = about(&event);
            let newest = self.newest.get(&about).map(|(time, _)| *time);
            if newest.is_none_or(|time| time <= event.last) {
                self.newest.insert(about, (event.last, event.uid.clone()));
            }
        }
        self.by_uid.insert(event.uid.clone(), event);
        while self.by_uid.len() > MOST_EVENTS {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((_, uid)) = self.by_time.pop_first() else {
            return;
        };
        let Some(event) = self.by_uid.remove(&uid) else { return };
        let about = about(&event);
        if self.newest.get(&about).is_some_and(|(_, newest)| *newest == uid) {
            self.newest.remove(&about);
        }
    }
}

fn about(event: &EventRow) -> About {
    let object = &event.about;
    (object.kind.clone(), object.namespace.clone(), object.name.clone())
}

impl Census {
    fn add(&mut self, pod: &PodRow) {
        match &*pod.phase {
            "Succeeded" => self.succeeded += 1,
            "Failed" => self.failed += 1,
            _ => {
                self.active += 1;
                self.ready += u32::from(pod.ready);
                count_up(&mut self.created, pod.created);
                if !pod.version.is_empty() {
                    count_up(&mut self.versions, pod.version.clone());
                }
            }
        }
        self.restarts += u64::from(pod.restarts());
        if let Some((severity, reason)) = trouble(pod) {
            count_up(&mut self.troubles, (severity, Arc::from(reason)));
        }
    }

    fn take(&mut self, pod: &PodRow) {
        match &*pod.phase {
            "Succeeded" => self.succeeded -= 1,
            "Failed" => self.failed -= 1,
            _ => {
                self.active -= 1;
                self.ready -= u32::from(pod.ready);
                count_down(&mut self.created, &pod.created);
                count_down(&mut self.versions, &pod.version);
            }
        }
        self.restarts -= u64::from(pod.restarts());
        if let Some((severity, reason)) = trouble(pod) {
            count_down(&mut self.troubles, &(severity, Arc::from(reason)));
        }
    }

    /// The worst thing that is said of any of the pods.
    pub fn worst(&self) -> Option<(Severity, &Arc<str>)> {
        self.troubles
            .first_key_value()
            .map(|((severity, reason), _)| (*severity, reason))
    }

    /// The versions that run, each once.
    pub fn versions(&self) -> impl Iterator<Item = &Arc<str>> {
        self.versions.keys()
    }

    /// When the youngest of the active pods was made.
    pub fn youngest(&self) -> Option<Time> {
        self.created.last_key_value().map(|(time, _)| *time)
    }
}

/// What is wrong with a pod in one word, if anything.
pub fn trouble(pod: &PodRow) -> Option<(Severity, &str)> {
    let status = pod.status();
    match status {
        "Succeeded" => None,
        "Running" if pod.ready => None,
        "Running" => Some((Severity::Passing, "NotReady")),
        "Pending" | "Terminating" | "" => Some((Severity::Passing, if status.is_empty() { "Unknown" } else { status })),
        _ => Some((Severity::Bad, status)),
    }
}

fn count_up<K: Ord>(counts: &mut BTreeMap<K, u32>, key: K) {
    *counts.entry(key).or_default() += 1;
}

fn count_down<K: Ord>(counts: &mut BTreeMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::model::{ContainerKind, ContainerRow, ContainerState, ObjectRef, WorkloadKind};

    use super::*;

    fn pod(context: u16, workload: &str, name: &str, status: u8) -> PodRow {
        let (phase, reason, ready) = [
            ("Running", "", true),
            ("Running", "", false),
            ("Pending", "", false),
            ("Failed", "Evicted", false),
            ("Succeeded", "", false),
            ("Running", "NodeLost", false),
        ][usize::from(status) % 6];
        PodRow {
            key: PodKey {
                context: ContextId(context),
                namespace: "shop".into(),
                name: name.into(),
                uid: name.into(),
            },
            workload: WorkloadKey {
                namespace: "shop".into(),
                kind: WorkloadKind::Deployment,
                name: workload.into(),
            },
            labels: Arc::default(),
            node: "n".into(),
            phase: phase.into(),
            reason: reason.into(),
            ready,
            deleting: false,
            created: Time::from_secs(i64::from(status)),
            version: if status.is_multiple_of(2) {
                "v1".into()
            } else {
                "v2".into()
            },
            default_container: "app".into(),
            containers: vec![ContainerRow {
                name: "app".into(),
                kind: ContainerKind::Main,
                image: "i".into(),
                ready,
                restarts: u32::from(status),
                id: "".into(),
                state: ContainerState::Running { since: Time(0) },
                last: None,
            }],
        }
    }

    fn event(uid: &str, last: i64, message: &str) -> EventRow {
        EventRow {
            uid: uid.into(),
            about: ObjectRef {
                context: ContextId(0),
                kind: "Pod".into(),
                namespace: "shop".into(),
                name: "api-1".into(),
            },
            warning: true,
            reason: "BackOff".into(),
            message: message.into(),
            source: "kubelet".into(),
            count: 1,
            first: Time(0),
            last: Time::from_secs(last),
        }
    }

    #[test]
    fn the_newest_warning_is_kept_and_memory_is_bounded() {
        let mut objects = Objects::default();
        objects.note_event(ContextId(0), event("b", 5, "newer"));
        objects.note_event(ContextId(0), event("a", 2, "older"));
        let warning = |objects: &Objects| {
            let found = objects.warning(ContextId(0), "Pod", "shop", "api-1");
            found.map(|event| event.message.to_string())
        };
        assert_eq!(warning(&objects).as_deref(), Some("newer"));
        for n in 0..MOST_EVENTS {
            objects.note_event(ContextId(0), event(&format!("x{n}"), 10, "flood"));
        }
        assert_eq!(objects.events[&ContextId(0)].by_uid.len(), MOST_EVENTS);
        assert_eq!(warning(&objects).as_deref(), Some("flood"));
        objects.list_events(ContextId(0), Vec::new());
        assert_eq!(warning(&objects), None);
    }

    #[test]
    fn a_list_takes_away_what_is_not_in_it_of_its_own_context_only() {
        let mut objects = Objects::default();
        objects.apply(pod(0, "api", "api-1", 0));
        objects.apply(pod(1, "api", "api-1", 0));
        assert!(objects.list(ContextId(0), vec![pod(0, "web", "web-1", 0)]));
        assert!(objects.pod(&pod(0, "api", "api-1", 0).key).is_none());
        assert!(objects.pod(&pod(1, "api", "api-1", 0).key).is_some());
        assert!(!objects.list(ContextId(0), vec![pod(0, "web", "web-1", 0)]), "no news");
    }

    proptest! {
        #[test]
        fn counts_are_those_of_a_fresh_count(
            changes in proptest::collection::vec((0u16..2, 0u8..3, 0u8..4, 0u8..6, any::<bool>()), 0..60)
        ) {
            let mut objects = Objects::default();
            let mut model: BTreeMap<PodKey, PodRow> = BTreeMap::new();
            for (context, workload, name, status, applied) in changes {
                let pod = pod(context, &format!("w{workload}"), &format!("p{name}"), status);
                if applied {
                    objects.apply(pod.clone());
                    model.insert(pod.key.clone(), pod);
                } else {
                    prop_assert_eq!(objects.delete(&pod.key), model.remove(&pod.key).is_some());
                }
            }
            let mut fresh = Objects::default();
            for pod in model.into_values() {
                fresh.apply(pod);
            }
            fresh.version = objects.version;
            objects.clusters.retain(|_, census| *census != Census::default());
            prop_assert_eq!(objects, fresh);
        }
    }
}
