//! Writes: create, replace, patch, delete, scale; each changes the store in one step and tells the controllers.

use std::sync::Arc;

use serde_json::{Value, json};

use super::digest::{suffix, uuid};
use super::patch;
use super::resource::Resource;
use super::status::Status;
use super::{table, validate};
use crate::demo::clock::{self, SECOND};
use crate::demo::cluster::{Cluster, Request};
use crate::demo::store::Key;

/// Kubernetes' own default where a pod names none.
const DEFAULT_GRACE: i64 = 30;

const MODIFIED: &str = "the object has been modified; please apply your changes to the latest version and try again";

/// Whether a write is stored or only answered (`dryRun=All`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Run {
    Real,
    Dry,
}

/// The place of a write.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) resource: &'a Resource,
    /// Empty where the resource is cluster-wide.
    pub(super) namespace: &'a str,
    pub(super) run: Run,
}

/// A new state of an object: replaced as a whole, or patched.
pub(super) enum Edit<'a> {
    Replace(&'a Value),
    Patch(patch::Kind, &'a Value),
}

impl Edit<'_> {
    fn apply(&self, old: &Value) -> Result<Value, Status> {
        match self {
            Self::Replace(new) => Ok((*new).clone()),
            Self::Patch(kind, patch) => kind.apply(old, patch).map_err(Status::bad_request),
        }
    }
}

/// What `DELETE` was told (`DeleteOptions`, in the body or the query).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DeleteOptions {
    pub(super) grace_seconds: Option<i64>,
    /// The deletion is off if the object is another one.
    pub(super) uid: Option<String>,
}

impl Site<'_> {
    fn key(&self, name: &str) -> Key {
        Key::new(self.resource.plural, self.namespace, name)
    }

    pub(super) fn get(&self, name: &str) -> Result<Arc<Value>, Status> {
        let found = self.cluster.store().get(&self.key(name));
        found.ok_or_else(|| Status::not_found(self.resource, name))
    }

    pub(super) fn create(&self, body: &Value) -> Result<Arc<Value>, Status> {
        let store = self.cluster.store();
        let object = self.complete(body)?;
        validate::created(self.resource, &object)?;
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        if store.get(&self.key(name)).is_some() {
            return Err(Status::already_exists(self.resource, name));
        }
        match self.run {
            Run::Dry => Ok(Arc::new(object)),
            Run::Real => {
                let written = store.put(self.resource.plural, object);
                self.tell_controllers(&written);
                Ok(written)
            }
        }
    }

    /// Fills in what the API server sets on a new object.
    fn complete(&self, body: &Value) -> Result<Value, Status> {
        if !body.is_object() {
            return Err(Status::bad_request("the body of the request is not an object"));
        }
        let mut object = body.clone();
        let asked = body["metadata"]["namespace"].as_str().unwrap_or(self.namespace);
        if asked != self.namespace {
            return Err(Status::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        let now = self.cluster.now();
        let seed = format!("{} {now} {}", self.cluster.name(), self.cluster.store().version());
        let metadata = &mut object["metadata"];
        if metadata["name"].as_str().unwrap_or_default().is_empty()
            && let Some(prefix) = metadata["generateName"].as_str()
        {
            metadata["name"] = json!(format!("{prefix}{}", suffix(&seed)));
        }
        if self.resource.is_namespaced {
            metadata["namespace"] = json!(self.namespace);
        }
        metadata["uid"] = json!(uuid(&seed));
        metadata["creationTimestamp"] = json!(clock::rfc3339(now));
        if object["spec"].is_object() {
            object["metadata"]["generation"] = json!(1);
        }
        match self.resource.plural {
            // Nothing schedules a pod that a client makes; it waits, as on a cluster without room.
            "pods" => object["status"] = json!({"phase": "Pending", "qosClass": "BestEffort"}),
            "namespaces" => object["status"] = json!({"phase": "Active"}),
            _ => {}
        }
        Ok(object)
    }

    pub(super) fn edit(&self, name: &str, edit: &Edit<'_>) -> Result<Arc<Value>, Status> {
        self.write(name, |old| {
            let new = edit.apply(old)?;
            self.check_identity(name, old, &new)?;
            let new = keep_fixed_fields(old, new, self.resource);
            validate::changed(self.resource, old, &new)?;
            Ok(new)
        })
    }

    /// `pods/NAME/ephemeralcontainers`: only the list of ephemeral containers is taken over.
    pub(super) fn edit_ephemeral(&self, name: &str, edit: &Edit<'_>) -> Result<Arc<Value>, Status> {
        let before = self.get(name)?;
        let written = self.write(name, |old| {
            let edited = edit.apply(old)?;
            self.check_identity(name, old, &edited)?;
            let mut new = old.clone();
            new["spec"]["ephemeralContainers"] = with_defaults(&edited["spec"]["ephemeralContainers"]);
            validate::ephemeral_containers(self.resource, old, &new)?;
            Ok(with_next_generation(old, new))
        })?;
        if self.run == Run::Real {
            self.start_new_containers(&before, &written);
        }
        Ok(written)
    }

    fn start_new_containers(&self, before: &Value, after: &Value) {
        let names = |pod: &Value| -> Vec<String> {
            let list = pod["spec"]["ephemeralContainers"].as_array();
            let names = list
                .into_iter()
                .flatten()
                .filter_map(|container| container["name"].as_str());
            names.map(str::to_owned).collect()
        };
        let known = names(before);
        for container in names(after).into_iter().filter(|name| !known.contains(name)) {
            self.cluster.request(Request::StartEphemeral {
                namespace: self.namespace.to_owned(),
                pod: after["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
                container,
            });
        }
    }

    /// `NAME/scale` of a workload.
    pub(super) fn scale(&self, name: &str) -> Result<Value, Status> {
        Ok(scale_of(&*self.get(name)?))
    }

    pub(super) fn edit_scale(&self, name: &str, edit: &Edit<'_>) -> Result<Value, Status> {
        let written = self.write(name, |old| {
            let scale = edit.apply(&scale_of(old))?;
            self.check_identity(name, old, &scale)?;
            validate::scale(&scale)?;
            let mut new = old.clone();
            new["spec"]["replicas"] = json!(scale["spec"]["replicas"].as_i64().unwrap_or(0));
            Ok(with_next_generation(old, new))
        })?;
        if self.run == Run::Real {
            self.tell_controllers(&written);
        }
        Ok(scale_of(&written))
    }

    fn write(&self, name: &str, change: impl FnOnce(&Value) -> Result<Value, Status>) -> Result<Arc<Value>, Status> {
        if self.run == Run::Dry {
            return Ok(Arc::new(change(&*self.get(name)?)?));
        }
        let mut refused = None;
        let written = self
            .cluster
            .store()
            .update(&self.key(name), |object| match change(object) {
                Ok(new) => *object = new,
                Err(status) => refused = Some(status),
            });
        if let Some(status) = refused {
            return Err(status);
        }
        let written = written.ok_or_else(|| Status::not_found(self.resource, name))?;
        self.tell_controllers(&written);
        Ok(written)
    }

    /// The new state must be of the same object and of the version that its author has seen.
    fn check_identity(&self, name: &str, old: &Value, new: &Value) -> Result<(), Status> {
        let named = new["metadata"]["name"].as_str().unwrap_or(name);
        if named != name {
            return Err(Status::bad_request(format!(
                "the name of the object ({named}) does not match the name on the URL ({name})"
            )));
        }
        let (old, new) = (&old["metadata"], &new["metadata"]);
        let conflict = |why: &str| Err(Status::conflict(self.resource, name, why));
        if let (Some(new), Some(old)) = (new["uid"].as_str(), old["uid"].as_str())
            && new != old
        {
            return conflict(&format!(
                "Precondition failed: UID in precondition: {new}, UID in object meta: {old}"
            ));
        }
        match new["resourceVersion"].as_str() {
            Some(seen) if !seen.is_empty() && old["resourceVersion"] != seen => conflict(MODIFIED),
            _ => Ok(()),
        }
    }

    fn tell_controllers(&self, object: &Value) {
        let is_workload = matches!(
            self.resource.plural,
            "deployments" | "replicasets" | "statefulsets" | "daemonsets" | "jobs" | "cronjobs"
        );
        if is_workload {
            self.cluster.request(Request::Reconcile {
                resource: self.resource.plural,
                namespace: self.namespace.to_owned(),
                name: object["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
            });
        }
    }

    /// What is shown of the deleted object: a pod, which takes its time to go, or nothing more than its name.
    pub(super) fn delete(&self, name: &str, options: &DeleteOptions) -> Result<Deleted, Status> {
        let object = self.get(name)?;
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
        if let Some(wanted) = options.uid.as_deref().filter(|wanted| *wanted != uid) {
            let why = format!("Precondition failed: UID in precondition: {wanted}, UID in object meta: {uid}");
            return Err(Status::conflict(self.resource, name, &why));
        }
        if self.resource.plural == "pods" {
            return self.delete_pod(&object, options).map(Deleted::Going);
        }
        if self.run == Run::Real {
            drop(self.cluster.store().remove(&self.key(name)));
            self.tell_controllers(&object);
        }
        Ok(Deleted::Gone(Status::deleted(self.resource, name, uid)))
    }

    fn delete_pod(&self, pod: &Value, options: &DeleteOptions) -> Result<Arc<Value>, Status> {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        let own_grace = pod["spec"]["terminationGracePeriodSeconds"]
            .as_i64()
            .unwrap_or(DEFAULT_GRACE);
        let grace = options.grace_seconds.unwrap_or(own_grace).max(0);
        let is_placed = pod["spec"]["nodeName"].as_str().is_some_and(|node| !node.is_empty());
        let until = clock::rfc3339(self.cluster.now().saturating_add(grace.saturating_mul(SECOND)));
        let mark = |pod: &Value| {
            let mut going = pod.clone();
            let metadata = &mut going["metadata"];
            // A pod that goes already goes no later for a second request.
            if metadata["deletionTimestamp"].is_null() || options.grace_seconds.is_some() {
                metadata["deletionTimestamp"] = json!(until);
                metadata["deletionGracePeriodSeconds"] = json!(grace);
                let generation = metadata["generation"].as_i64().unwrap_or(1);
                metadata["generation"] = json!(generation + 1);
            }
            Ok(going)
        };
        let going = self.write(name, mark)?;
        if self.run == Run::Real {
            if is_placed {
                self.cluster.request(Request::DeletePod {
                    namespace: self.namespace.to_owned(),
                    name: name.to_owned(),
                    grace_seconds: u32::try_from(grace).unwrap_or(u32::MAX),
                });
            } else {
                // No kubelet has it, so nobody would confirm its end.
                drop(self.cluster.store().remove(&self.key(name)));
            }
        }
        Ok(going)
    }
}

/// What a deletion leaves to show.
pub(super) enum Deleted {
    Going(Arc<Value>),
    Gone(Status),
}

/// Takes over from the old object what no client may change.
fn keep_fixed_fields(old: &Value, mut new: Value, resource: &Resource) -> Value {
    for name in [
        "uid",
        "creationTimestamp",
        "namespace",
        "name",
        "generateName",
        "generation",
        "managedFields",
    ] {
        match &old["metadata"][name] {
            Value::Null => {
                if let Some(metadata) = new["metadata"].as_object_mut() {
                    metadata.remove(name);
                }
            }
            value => new["metadata"][name] = value.clone(),
        }
    }
    new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"].clone();
    if resource.subresource("status").is_some() {
        new["status"] = old["status"].clone();
    }
    if let Some(fields) = new.as_object_mut() {
        for name in ["kind", "apiVersion"] {
            match old.get(name) {
                Some(value) => drop(fields.insert(name.to_owned(), value.clone())),
                None => drop(fields.remove(name)),
            }
        }
        fields.retain(|_, value| !value.is_null());
    }
    with_next_generation(old, new)
}

fn with_next_generation(old: &Value, mut new: Value) -> Value {
    if old["spec"] != new["spec"]
        && let Some(generation) = old["metadata"]["generation"].as_i64()
    {
        new["metadata"]["generation"] = json!(generation + 1);
    }
    new
}

/// What the API server fills in for a container that a client describes in short.
fn with_defaults(containers: &Value) -> Value {
    let list = containers.as_array().into_iter().flatten();
    let complete = |container: &Value| {
        let mut container = container.clone();
        let defaults = [
            ("resources", json!({})),
            ("terminationMessagePath", json!("/dev/termination-log")),
            ("terminationMessagePolicy", json!("File")),
            ("imagePullPolicy", json!(pull_policy(&container))),
        ];
        for (name, value) in defaults {
            if container[name].is_null() {
                container[name] = value;
            }
        }
        container
    };
    list.map(complete).collect()
}

fn pull_policy(container: &Value) -> &'static str {
    let image = container["image"].as_str().unwrap_or_default();
    let file = image.rsplit('/').next().unwrap_or_default();
    if file.ends_with(":latest") || !(file.contains(':') || file.contains('@')) {
        "Always"
    } else {
        "IfNotPresent"
    }
}

fn scale_of(object: &Value) -> Value {
    let metadata = &object["metadata"];
    json!({
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
            "creationTimestamp": metadata["creationTimestamp"],
        },
        "spec": {"replicas": object["spec"]["replicas"]},
        "status": {
            "replicas": object["status"]["replicas"].as_i64().unwrap_or(0),
            "selector": table::selector(&object["spec"]["selector"]),
        },
    })
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::UnboundedReceiver;

    use super::super::resource;
    use super::*;

    struct World {
        cluster: Cluster,
        requests: UnboundedReceiver<Request>,
        resources: Vec<Resource>,
    }

    impl World {
        fn new() -> Self {
            let (cluster, requests) = Cluster::new("prod", Vec::new(), Arc::new(|| 1_795_361_426 * SECOND));
            let store = cluster.store();
            let meta = |name: &str| json!({"name": name, "namespace": "shop", "uid": "u", "generation": 1, "creationTimestamp": "t"});
            store.put("configmaps", json!({"metadata": meta("c"), "data": {"a": "1"}}));
            store.put(
                "deployments",
                json!({"metadata": meta("api"), "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "api"}}},
                       "status": {"replicas": 2}}),
            );
            let spec = json!({"containers": [{"name": "api", "image": "i"}], "nodeName": "n", "terminationGracePeriodSeconds": 1});
            store.put("pods", json!({"metadata": meta("p"), "spec": spec}));
            Self {
                cluster,
                requests,
                resources: resource::all(),
            }
        }

        fn site(&self, plural: &str) -> Site<'_> {
            Site {
                cluster: &self.cluster,
                resource: self
                    .resources
                    .iter()
                    .find(|resource| resource.plural == plural)
                    .unwrap(),
                namespace: "shop",
                run: Run::Real,
            }
        }
    }

    #[test]
    fn a_write_of_an_old_version_is_a_conflict() {
        let world = World::new();
        let site = world.site("configmaps");
        let mut seen = Value::clone(&site.get("c").unwrap());
        seen["data"]["a"] = json!("2");
        let written = site.edit("c", &Edit::Replace(&seen)).unwrap();
        assert_eq!(written["data"]["a"], "2");
        let error = site.edit("c", &Edit::Replace(&seen)).unwrap_err();
        assert_eq!(error.code, 409);
        assert_eq!(
            error.message,
            "Operation cannot be fulfilled on configmaps \"c\": the object has been modified; please apply your changes to the \
             latest version and try again"
        );
        seen["metadata"].as_object_mut().unwrap().remove("resourceVersion");
        seen["metadata"]["uid"] = json!("other");
        assert_eq!(site.edit("c", &Edit::Replace(&seen)).unwrap_err().code, 409);
    }

    #[test]
    fn a_new_object_is_completed_and_must_be_new() {
        let world = World::new();
        let site = world.site("configmaps");
        let created = site
            .create(&json!({"metadata": {"generateName": "new-"}, "data": {}}))
            .unwrap();
        assert!(created["metadata"]["name"].as_str().unwrap().starts_with("new-"));
        assert_eq!(created["metadata"]["namespace"], "shop");
        let error = site.create(&json!({"metadata": {"name": "c"}})).unwrap_err();
        assert_eq!((error.code.as_u16(), error.reason), (409, Some("AlreadyExists")));
        assert_eq!(
            site.create(&json!({"metadata": {"name": "x", "namespace": "other"}}))
                .unwrap_err()
                .code,
            400
        );
    }

    #[test]
    fn scaling_changes_the_replicas_and_tells_the_controllers() {
        let mut world = World::new();
        let patch = json!({"spec": {"replicas": 3}});
        let scale = world
            .site("deployments")
            .edit_scale("api", &Edit::Patch(patch::Kind::Merge, &patch))
            .unwrap();
        assert_eq!(scale["spec"]["replicas"], 3);
        assert_eq!(scale["status"], json!({"replicas": 2, "selector": "app=api"}));
        let expected = Request::Reconcile {
            resource: "deployments",
            namespace: "shop".to_owned(),
            name: "api".to_owned(),
        };
        assert_eq!(world.requests.try_recv().unwrap(), expected);
        let patch = json!({"spec": {"replicas": -1}});
        let error = world
            .site("deployments")
            .edit_scale("api", &Edit::Patch(patch::Kind::Merge, &patch))
            .unwrap_err();
        assert_eq!(
            error.message,
            "Scale.autoscaling \"api\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0"
        );
    }

    #[test]
    fn a_deleted_pod_is_marked_and_its_kubelet_told() {
        let mut world = World::new();
        let dry = Site {
            run: Run::Dry,
            ..world.site("pods")
        };
        let options = DeleteOptions::default();
        assert!(matches!(dry.delete("p", &options), Ok(Deleted::Going(_))));
        assert!(world.site("pods").get("p").unwrap()["metadata"]["deletionTimestamp"].is_null());
        let Ok(Deleted::Going(pod)) = world.site("pods").delete("p", &options) else {
            panic!("not marked")
        };
        assert_eq!(pod["metadata"]["deletionTimestamp"], "2026-11-22T15:30:27Z");
        assert_eq!(pod["metadata"]["deletionGracePeriodSeconds"], 1);
        let expected = Request::DeletePod {
            namespace: "shop".to_owned(),
            name: "p".to_owned(),
            grace_seconds: 1,
        };
        assert_eq!(world.requests.try_recv().unwrap(), expected);
        let other = DeleteOptions {
            uid: Some("x".to_owned()),
            ..DeleteOptions::default()
        };
        assert_eq!(world.site("pods").delete("p", &other).err().unwrap().code, 409);
    }

    #[test]
    fn an_ephemeral_container_is_completed_and_started() {
        let mut world = World::new();
        let patch = json!({"spec": {"ephemeralContainers": [{"name": "dbg", "image": "busybox:1.36"}]}});
        let pod = world
            .site("pods")
            .edit_ephemeral("p", &Edit::Patch(patch::Kind::Strategic, &patch))
            .unwrap();
        assert_eq!(pod["metadata"]["generation"], 2);
        assert_eq!(
            pod["spec"]["ephemeralContainers"],
            json!([{"name": "dbg", "image": "busybox:1.36", "resources": {}, "terminationMessagePath": "/dev/termination-log",
                    "terminationMessagePolicy": "File", "imagePullPolicy": "IfNotPresent"}])
        );
        let expected = Request::StartEphemeral {
            namespace: "shop".to_owned(),
            pod: "p".to_owned(),
            container: "dbg".to_owned(),
        };
        assert_eq!(world.requests.try_recv().unwrap(), expected);
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let world = World::new();
        let patch = json!({});
        let error = world
            .site("deployments")
            .edit("none", &Edit::Patch(patch::Kind::Merge, &patch))
            .unwrap_err();
        assert_eq!(error.message, "deployments.apps \"none\" not found");
    }
}
