//! One embedded cluster as the API sees it: objects, container instances, users, and what controllers are asked.
#![expect(
    clippy::disallowed_types,
    reason = "the life of pods writes instances while requests read them; the lock is never held across an await"
)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch};

use crate::demo::clock::Now;
use crate::demo::container::Container;
use crate::demo::log::Log;
use crate::demo::scenario::fault::Fault;
use crate::demo::store::Store;
use crate::demo::trouble::Trouble;

/// One run of a container, from its start to its exit.
pub struct Instance {
    /// As in `containerID`: `containerd://` and 64 hex digits.
    pub id: String,
    pub inside: Arc<Container>,
    pub log: Log,
    /// `None` while it runs, then its exit status.
    pub exit: watch::Receiver<Option<i32>>,
}

impl Instance {
    pub fn is_running(&self) -> bool {
        self.exit.borrow().is_none()
    }
}

/// Someone who may ask the API, and what they may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: String,
    /// A member of `system:masters` may do everything.
    pub groups: Vec<String>,
    pub token: String,
    pub rules: Vec<Rule>,
}

/// One permission, like a rule of a Role bound in some namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Empty means everywhere.
    pub namespaces: Vec<String>,
    /// API groups; the legacy group is the empty string.
    pub groups: Vec<String>,
    /// Plurals and subresources such as `pods/log`; `*` is all of them.
    pub resources: Vec<String>,
    /// `*` is all of them.
    pub verbs: Vec<String>,
}

/// What the API asks of the controllers and kubelets after it has written an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Terminate a pod. Its owner replaces it.
    DeletePod {
        namespace: String,
        name: String,
        grace_seconds: u32,
    },
    /// Start an ephemeral container that the pod's spec now has.
    StartEphemeral {
        namespace: String,
        pod: String,
        container: String,
    },
    /// Someone who was attached to a container's shell has left it: its first process has ended.
    EndContainer {
        namespace: String,
        pod: String,
        container: String,
        code: i32,
    },
    /// Something goes wrong, by the control of a test.
    Fault(Box<Fault>),
    /// The spec of a workload has changed: make the pods follow it.
    Reconcile {
        resource: &'static str,
        namespace: String,
        name: String,
    },
}

/// A handle on one cluster.
#[derive(Clone)]
pub struct Cluster {
    name: Arc<str>,
    store: Store,
    users: Arc<[User]>,
    now: Now,
    instances: Arc<Mutex<HashMap<Place, Runs>>>,
    requests: mpsc::UnboundedSender<Request>,
    trouble: Trouble,
}

/// Namespace, pod, container.
type Place = (String, String, String);

#[derive(Default)]
struct Runs {
    current: Option<Arc<Instance>>,
    previous: Option<Arc<Instance>>,
}

impl Cluster {
    /// A cluster without objects; the receiver gets what [`Cluster::request`] is given.
    pub fn new(name: &str, users: Vec<User>, now: Now) -> (Self, mpsc::UnboundedReceiver<Request>) {
        // Unbounded: a request is a person's or a test's, and must not wait inside an API handler.
        let (requests, received) = mpsc::unbounded_channel();
        let cluster = Self {
            name: Arc::from(name),
            store: Store::new(),
            users: users.into(),
            now,
            instances: Arc::default(),
            requests,
            trouble: Trouble::default(),
        };
        (cluster, received)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    pub fn users(&self) -> &[User] {
        &self.users
    }

    /// Unix nanoseconds by the cluster's own clock.
    pub fn now(&self) -> i64 {
        (self.now)() + self.trouble.skew()
    }

    /// What is wrong with it.
    pub fn trouble(&self) -> &Trouble {
        &self.trouble
    }

    /// The running instance of a container, else the one that ended last.
    pub fn current(&self, namespace: &str, pod: &str, container: &str) -> Option<Arc<Instance>> {
        self.lock().get(&place(namespace, pod, container))?.current.clone()
    }

    /// The instance before the current one.
    pub fn previous(&self, namespace: &str, pod: &str, container: &str) -> Option<Arc<Instance>> {
        self.lock().get(&place(namespace, pod, container))?.previous.clone()
    }

    /// Asks the controllers; they answer by writing objects.
    pub fn request(&self, request: Request) {
        // Nobody listens only once the cluster is being stopped, and then nobody waits for the answer either.
        drop(self.requests.send(request));
    }

    /// Makes an instance the current one; the former becomes the previous one, and the one before is forgotten, as
    /// a kubelet keeps one dead instance.
    pub fn begin(&self, namespace: &str, pod: &str, container: &str, instance: Arc<Instance>) {
        let mut instances = self.lock();
        let runs = instances.entry(place(namespace, pod, container)).or_default();
        let current = runs.current.replace(instance);
        let forgotten = std::mem::replace(&mut runs.previous, current);
        drop(instances);
        if let Some(forgotten) = forgotten {
            forgotten.log.remove(self.now());
        }
    }

    /// Forgets the instances of a container that have ended.
    pub fn collect(&self, namespace: &str, pod: &str, container: &str) {
        let mut instances = self.lock();
        let runs = instances.entry(place(namespace, pod, container)).or_default();
        let current = runs.current.take_if(|current| !current.is_running());
        let gone = [current, runs.previous.take()];
        drop(instances);
        let now = self.now();
        gone.iter().flatten().for_each(|instance| instance.log.remove(now));
    }

    /// Forgets the instances of a pod that is gone.
    pub fn forget(&self, namespace: &str, pod: &str) {
        let now = self.now();
        self.lock().retain(|(of_namespace, of_pod, _), runs| {
            let stays = of_namespace != namespace || of_pod != pod;
            if !stays {
                let both = [&runs.current, &runs.previous].into_iter().flatten();
                both.for_each(|instance| instance.log.remove(now));
            }
            stays
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Place, Runs>> {
        // No code that can panic runs under this lock.
        self.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(namespace: &str, pod: &str, container: &str) -> Place {
    (namespace.to_owned(), pod.to_owned(), container.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn instance(id: &str) -> Arc<Instance> {
        let inside = Container {
            hostname: "api".to_owned(),
            image: "api:1".to_owned(),
            user: "root".to_owned(),
            workdir: "/".to_owned(),
            env: BTreeMap::new(),
            files: BTreeMap::new(),
            packages: BTreeMap::new(),
            os_packages: BTreeMap::new(),
            shell: true,
            command: vec!["api".to_owned()],
            started: 0,
        };
        let exit = watch::Sender::new(None).subscribe();
        Arc::new(Instance {
            id: id.to_owned(),
            inside: Arc::new(inside),
            log: Log::new(),
            exit,
        })
    }

    fn ids(cluster: &Cluster) -> [Option<String>; 2] {
        let id = |instance: Option<Arc<Instance>>| instance.map(|instance| instance.id.clone());
        [
            id(cluster.current("shop", "api-0", "api")),
            id(cluster.previous("shop", "api-0", "api")),
        ]
    }

    #[test]
    fn the_last_two_instances_are_kept() {
        let (cluster, _requests) = Cluster::new("prod", vec![], Arc::new(|| 7));
        assert_eq!(ids(&cluster), [None, None]);
        let some = |id: &str| Some(id.to_owned());
        cluster.begin("shop", "api-0", "api", instance("a"));
        assert_eq!(ids(&cluster), [some("a"), None]);
        cluster.begin("shop", "api-0", "api", instance("b"));
        cluster.begin("shop", "api-0", "api", instance("c"));
        assert_eq!(ids(&cluster), [some("c"), some("b")]);
        cluster.begin("shop", "api-1", "api", instance("d"));
        cluster.forget("shop", "api-0");
        assert_eq!(ids(&cluster), [None, None]);
        assert!(cluster.current("shop", "api-1", "api").is_some());
    }

    #[test]
    fn requests_reach_the_controllers_in_order() {
        let (cluster, mut requests) = Cluster::new("prod", vec![], Arc::new(|| 7));
        let delete = Request::DeletePod {
            namespace: "shop".to_owned(),
            name: "api-0".to_owned(),
            grace_seconds: 30,
        };
        cluster.request(delete.clone());
        assert_eq!(requests.try_recv().unwrap(), delete);
        drop(requests);
        cluster.request(delete);
    }
}
