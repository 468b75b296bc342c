//! The pane of workloads, pods and containers: which rows there are, given what is expanded.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{PodKey, Target, WorkloadKey};
use crate::workspace::objects::Objects;

use super::list::ListCursor;

/// What a row stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectKey {
    Namespace(Arc<str>),
    Workload(WorkloadKey),
    Pod(PodKey),
    Container(Target),
}

#[derive(Clone, Debug, Default)]
pub struct ObjectsPane {
    pub list: ListCursor<ObjectKey>,
    /// Workloads and pods that show what is below them.
    expanded: BTreeSet<ObjectKey>,
    /// Namespaces that do not.
    folded: BTreeSet<Arc<str>>,
    rows: Vec<ObjectKey>,
    /// The version of the objects that `rows` were made of; `None` when the expansion has changed since.
    made_of: Option<u64>,
}

impl ObjectsPane {
    /// The rows from top to bottom, as last refreshed.
    pub fn rows(&self) -> &[ObjectKey] {
        &self.rows
    }

    /// The list with the rows that it moves in, brought up to date.
    pub fn list_in(&mut self, objects: &Objects) -> (&mut ListCursor<ObjectKey>, &[ObjectKey]) {
        self.refresh(objects);
        (&mut self.list, &self.rows)
    }

    /// Brings the rows up to date; costs nothing if no object has changed.
    pub fn refresh(&mut self, objects: &Objects) {
        if self.made_of == Some(objects.version()) {
            return;
        }
        self.made_of = Some(objects.version());
        self.rows = self.list_rows(objects);
    }

    fn list_rows(&self, objects: &Objects) -> Vec<ObjectKey> {
        let mut rows = Vec::new();
        let headings = objects.has_namespaces();
        let mut namespace: Option<&Arc<str>> = None;
        for (key, workload) in objects.workloads() {
            if headings && namespace != Some(&key.namespace) {
                namespace = Some(&key.namespace);
                rows.push(ObjectKey::Namespace(key.namespace.clone()));
            }
            if headings && self.folded.contains(&key.namespace) {
                continue;
            }
            let row = ObjectKey::Workload(key.clone());
            let expanded = self.expanded.contains(&row);
            rows.push(row);
            if expanded {
                for pod in workload.cells.values().flat_map(|cell| cell.pods.values()) {
                    let row = ObjectKey::Pod(pod.key.clone());
                    let expanded = self.expanded.contains(&row);
                    rows.push(row);
                    if expanded {
                        rows.extend(pod.containers.iter().map(|container| {
                            ObjectKey::Container(Target {
                                pod: pod.key.clone(),
                                container: container.name.clone(),
                            })
                        }));
                    }
                }
            }
        }
        rows
    }

    pub fn is_expanded(&self, key: &ObjectKey) -> bool {
        match key {
            ObjectKey::Namespace(namespace) => !self.folded.contains(namespace),
            ObjectKey::Workload(_) | ObjectKey::Pod(_) => self.expanded.contains(key),
            ObjectKey::Container(_) => false,
        }
    }

    pub fn expand(&mut self, key: &ObjectKey) {
        match key {
            ObjectKey::Namespace(namespace) => {
                self.folded.remove(namespace);
            }
            ObjectKey::Workload(_) | ObjectKey::Pod(_) => {
                self.expanded.insert(key.clone());
            }
            ObjectKey::Container(_) => {}
        }
        self.made_of = None;
    }

    pub fn collapse(&mut self, key: &ObjectKey) {
        match key {
            ObjectKey::Namespace(namespace) => {
                self.folded.insert(namespace.clone());
            }
            ObjectKey::Workload(_) | ObjectKey::Pod(_) => {
                self.expanded.remove(key);
            }
            ObjectKey::Container(_) => {}
        }
        self.made_of = None;
    }

    /// The row that the given one is below of.
    pub fn parent(objects: &Objects, key: &ObjectKey) -> Option<ObjectKey> {
        match key {
            ObjectKey::Namespace(_) => None,
            ObjectKey::Workload(workload) => objects
                .has_namespaces()
                .then(|| ObjectKey::Namespace(workload.namespace.clone())),
            ObjectKey::Pod(pod) => Some(ObjectKey::Workload(objects.pod(pod)?.workload.clone())),
            ObjectKey::Container(target) => Some(ObjectKey::Pod(target.pod.clone())),
        }
    }
}
