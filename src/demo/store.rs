//! What etcd is to a real cluster: the objects, their versions, and the bounded history that watches read.
//!
//! It knows nothing of kinds; an object is the JSON that the API serves.
#![expect(
    clippy::disallowed_types,
    reason = "API requests and the life of pods write from many tasks; the lock is never held across an await"
)]

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

/// Events kept for watches; an older watch is answered with 410 Gone. A real etcd is compacted every five minutes;
/// this holds more than an hour of a crash loop, in some tens of megabytes.
const HISTORY: usize = 4_000;

/// The version before the first write. A real cluster has written a few hundred objects of its own by the time a
/// user looks, so that small versions are long compacted.
const FIRST_VERSION: u64 = 1_200;

/// Names one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The plural, as in the URL: `pods`.
    pub resource: &'static str,
    /// Empty if the resource is cluster-wide.
    pub namespace: String,
    pub name: String,
}

impl Key {
    pub fn new(resource: &'static str, namespace: &str, name: &str) -> Self {
        Self {
            resource,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// The key that the object's own metadata give.
    pub fn of(resource: &'static str, object: &Value) -> Self {
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
        Self::new(resource, text("namespace"), text("name"))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Added,
    Modified,
    Deleted,
}

/// One write, as watches read it.
#[derive(Clone, Debug)]
pub struct Event {
    pub change: Change,
    /// The version of the write; a deleted object carries it too.
    pub version: u64,
    pub resource: &'static str,
    pub object: Arc<Value>,
    /// The object before the write; a watch with a selector needs it.
    pub previous: Option<Arc<Value>>,
}

/// The history no longer reaches back to the version asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compacted {
    /// The oldest version a watch can start from.
    pub oldest: u64,
}

/// A handle on the objects of one cluster.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Mutex<Inner>>,
    changed: watch::Sender<u64>,
    history: usize,
}

struct Inner {
    /// resource -> (namespace, name) -> object
    objects: BTreeMap<&'static str, BTreeMap<(String, String), Arc<Value>>>,
    version: u64,
    oldest: u64,
    events: VecDeque<Event>,
}

impl Default for Store {
    fn default() -> Self {
        Self::new()
    }
}

impl Store {
    pub fn new() -> Self {
        Self::with_history(HISTORY)
    }

    /// A store that keeps at most `history` events.
    pub fn with_history(history: usize) -> Self {
        let inner = Inner {
            objects: BTreeMap::new(),
            version: FIRST_VERSION,
            oldest: FIRST_VERSION,
            events: VecDeque::new(),
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
            changed: watch::Sender::new(FIRST_VERSION),
            history,
        }
    }

    /// Creates or replaces, and sets `metadata.resourceVersion`. An equal object is no write, as in a real cluster.
    pub fn put(&self, resource: &'static str, object: Value) -> Arc<Value> {
        let key = Key::of(resource, &object);
        let mut inner = self.lock();
        let previous = inner.get(&key);
        self.write(&mut inner, key, previous, object)
    }

    /// Changes an object in one step. `None` if it is absent; no event when nothing changed.
    pub fn update(&self, key: &Key, change: impl FnOnce(&mut Value)) -> Option<Arc<Value>> {
        let mut inner = self.lock();
        let previous = inner.get(key)?;
        let mut object = Value::clone(&previous);
        change(&mut object);
        Some(self.write(&mut inner, key.clone(), Some(previous), object))
    }

    /// Removes an object; gives what its deletion event shows.
    pub fn remove(&self, key: &Key) -> Option<Arc<Value>> {
        let mut inner = self.lock();
        let of_resource = inner.objects.get_mut(key.resource)?;
        let previous = of_resource.remove(&(key.namespace.clone(), key.name.clone()))?;
        let mut object = Value::clone(&previous);
        let version = inner.version + 1;
        stamp(&mut object, &Value::from(version.to_string()));
        let object = Arc::new(object);
        let change = Change::Deleted;
        let event = Event {
            change,
            version,
            resource: key.resource,
            object: Arc::clone(&object),
            previous: Some(previous),
        };
        self.record(&mut inner, event);
        Some(object)
    }

    pub fn get(&self, key: &Key) -> Option<Arc<Value>> {
        self.lock().get(key)
    }

    /// The objects of one resource, in one namespace or in all, by (namespace, name), and the version they are of.
    pub fn list(&self, resource: &str, namespace: Option<&str>) -> (Vec<Arc<Value>>, u64) {
        let inner = self.lock();
        let objects = inner.objects.get(resource).map_or_else(Vec::new, |of_resource| {
            of_resource
                .iter()
                .filter(|((of, _), _)| namespace.is_none_or(|wanted| wanted == of))
                .map(|(_, object)| Arc::clone(object))
                .collect()
        });
        (objects, inner.version)
    }

    /// The version of the newest write.
    pub fn version(&self) -> u64 {
        self.lock().version
    }

    /// The oldest version that [`Store::since`] still answers for.
    pub fn oldest(&self) -> u64 {
        self.lock().oldest
    }

    /// The events of one resource with a version greater than `version`, in order.
    pub fn since(&self, resource: &str, version: u64) -> Result<Vec<Event>, Compacted> {
        let inner = self.lock();
        if version < inner.oldest {
            return Err(Compacted { oldest: inner.oldest });
        }
        let first = inner.events.partition_point(|event| event.version <= version);
        Ok(inner
            .events
            .iter()
            .skip(first)
            .filter(|event| event.resource == resource)
            .cloned()
            .collect())
    }

    /// Tells of the newest version. A receiver may see several writes as one change.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Forgets the history, as etcd's compaction does: watches can only start from now.
    pub fn compact(&self) {
        let mut inner = self.lock();
        inner.oldest = inner.version;
        inner.events.clear();
    }

    fn write(&self, inner: &mut Inner, key: Key, previous: Option<Arc<Value>>, mut object: Value) -> Arc<Value> {
        if let Some(previous) = &previous {
            // Whatever version the writer sent: the comparison is about the rest.
            stamp(&mut object, &previous["metadata"]["resourceVersion"]);
            if object == **previous {
                return Arc::clone(previous);
            }
        }
        let version = inner.version + 1;
        stamp(&mut object, &Value::from(version.to_string()));
        let object = Arc::new(object);
        let of_resource = inner.objects.entry(key.resource).or_default();
        of_resource.insert((key.namespace, key.name), Arc::clone(&object));
        let change = if previous.is_some() {
            Change::Modified
        } else {
            Change::Added
        };
        let event = Event {
            change,
            version,
            resource: key.resource,
            object: Arc::clone(&object),
            previous,
        };
        self.record(inner, event);
        object
    }

    fn record(&self, inner: &mut Inner, event: Event) {
        inner.version = event.version;
        inner.events.push_back(event);
        while inner.events.len() > self.history {
            if let Some(forgotten) = inner.events.pop_front() {
                inner.oldest = forgotten.version;
            }
        }
        // Under the lock, so that receivers never see an older version after a newer one.
        self.changed.send_replace(inner.version);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Whoever panicked in a change has not written: the objects are whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn get(&self, key: &Key) -> Option<Arc<Value>> {
        let of_resource = self.objects.get(key.resource)?;
        of_resource.get(&(key.namespace.clone(), key.name.clone())).cloned()
    }
}

/// Sets the version; whatever is no object becomes one, since nothing else can carry it.
fn stamp(object: &mut Value, version: &Value) {
    for place in ["", "/metadata"] {
        if let Some(value) = object
            .pointer_mut(place)
            .filter(|value| !value.is_object() && !value.is_null())
        {
            *value = Value::Null;
        }
    }
    object["metadata"]["resourceVersion"] = version.clone();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn pod(namespace: &str, name: &str, phase: &str) -> Value {
        json!({"metadata": {"namespace": namespace, "name": name}, "status": {"phase": phase}})
    }

    fn changes(store: &Store, version: u64) -> Vec<(Change, String)> {
        let events = store.since("pods", version).unwrap();
        events
            .iter()
            .map(|e| (e.change, e.object["metadata"]["name"].as_str().unwrap().to_owned()))
            .collect()
    }

    #[test]
    fn a_write_bumps_the_version_and_is_seen_by_a_watch() {
        let store = Store::new();
        let start = store.version();
        let written = store.put("pods", pod("shop", "a", "Pending"));
        assert_eq!(written["metadata"]["resourceVersion"], json!((start + 1).to_string()));
        store.put("configmaps", pod("shop", "c", ""));
        let key = Key::new("pods", "shop", "a");
        store
            .update(&key, |pod| pod["status"]["phase"] = json!("Running"))
            .unwrap();
        let gone = store.remove(&key).unwrap();
        assert_eq!(gone["metadata"]["resourceVersion"], json!((start + 4).to_string()));
        let name = || "a".to_owned();
        let expected = [
            (Change::Added, name()),
            (Change::Modified, name()),
            (Change::Deleted, name()),
        ];
        assert_eq!(changes(&store, start), expected);
        assert_eq!(changes(&store, start + 1), &expected[1..]);
        assert!(store.get(&key).is_none());
        assert!(store.update(&key, |_| ()).is_none());
        assert!(store.remove(&key).is_none());
        assert_eq!(*store.changed().borrow(), start + 4);
    }

    #[test]
    fn an_equal_object_is_no_write() {
        let store = Store::new();
        store.put("pods", pod("shop", "a", "Pending"));
        let version = store.version();
        store.put("pods", pod("shop", "a", "Pending"));
        store
            .update(&Key::new("pods", "shop", "a"), |pod| {
                pod["status"]["phase"] = json!("Pending");
            })
            .unwrap();
        assert_eq!(store.version(), version);
    }

    #[test]
    fn an_object_without_metadata_is_stored_all_the_same() {
        let store = Store::new();
        for (value, name) in [
            (json!({"metadata": 3}), ""),
            (json!("x"), ""),
            (json!({"metadata": {"name": "n"}}), "n"),
        ] {
            store.put("pods", value);
            let key = Key::new("pods", "", name);
            store.update(&key, |pod| pod["metadata"] = json!([1])).unwrap();
            assert!(store.get(&key).unwrap()["metadata"]["resourceVersion"].is_string());
        }
    }

    #[test]
    fn lists_are_ordered_by_namespace_and_name() {
        let store = Store::new();
        for (namespace, name) in [("shop", "b"), ("kube-system", "z"), ("shop", "a")] {
            store.put("pods", pod(namespace, name, ""));
        }
        let names = |namespace: Option<&str>| {
            let (objects, version) = store.list("pods", namespace);
            assert_eq!(version, store.version());
            objects
                .iter()
                .map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(None), ["z", "a", "b"]);
        assert_eq!(names(Some("shop")), ["a", "b"]);
        assert!(names(Some("none")).is_empty());
    }

    #[test]
    fn old_history_is_compacted() {
        let store = Store::with_history(2);
        let start = store.version();
        assert!(
            store.since("pods", 1).is_err(),
            "small versions are gone from the start"
        );
        assert!(store.since("pods", start).unwrap().is_empty());
        for name in ["a", "b", "c"] {
            store.put("pods", pod("shop", name, ""));
        }
        assert_eq!(store.oldest(), start + 1);
        assert_eq!(store.since("pods", start).unwrap_err(), Compacted { oldest: start + 1 });
        assert_eq!(changes(&store, start + 1).len(), 2);
        store.compact();
        assert_eq!(store.oldest(), start + 3);
        assert!(changes(&store, start + 3).is_empty());
    }

    proptest! {
        #[test]
        fn replaying_the_history_gives_the_list(writes in prop::collection::vec((0_u8..4, 0_u8..3), 0..60)) {
            let store = Store::new();
            let start = store.version();
            for (name, what) in writes {
                let name = format!("pod-{name}");
                match what {
                    0 => drop(store.remove(&Key::new("pods", "shop", &name))),
                    phase => drop(store.put("pods", pod("shop", &name, &phase.to_string()))),
                }
            }
            let mut seen = BTreeMap::new();
            let mut last = start;
            for event in store.since("pods", start).unwrap() {
                prop_assert!(event.version > last);
                last = event.version;
                let key = Key::of("pods", &event.object);
                let before = match event.change {
                    Change::Added | Change::Modified => seen.insert(key, Arc::clone(&event.object)),
                    Change::Deleted => seen.remove(&key),
                };
                prop_assert_eq!(before.is_some(), event.change != Change::Added);
                prop_assert_eq!(before, event.previous);
            }
            prop_assert_eq!(seen.into_values().collect::<Vec<_>>(), store.list("pods", None).0);
        }
    }
}
