//! A cluster made by hand, with the pods that a real server was asked about.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use kontrast::demo::api::{Api, Auth, Tasks};
use kontrast::demo::cluster::{Cluster, Instance, Rule, User};
use kontrast::demo::container::Container;
use kontrast::demo::log::{Entry, Log, Stream};
use serde_json::{Value, json};
use tokio::sync::watch;

/// 2026-11-22T15:30:05Z
const NOW: i64 = 1_795_361_405_000_000_000;

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn user(name: &str, groups: &[&str], rules: &[(&[&str], &[&str])]) -> User {
    let rule = |(resources, verbs): &(&[&str], &[&str])| Rule {
        namespaces: owned(&["shop"]),
        groups: owned(&[""]),
        resources: owned(resources),
        verbs: owned(verbs),
    };
    User {
        name: name.to_owned(),
        groups: owned(groups),
        token: format!("{name}-token"),
        rules: rules.iter().map(rule).collect(),
    }
}

fn users() -> Vec<User> {
    vec![
        user("admin", &["system:masters"], &[]),
        user(
            "jane",
            &["shop-viewers"],
            &[(&["pods", "pods/log"], &["get", "list", "watch"])],
        ),
        user("getter", &[], &[(&["pods/exec"], &["get"])]),
        user("creator", &[], &[(&["pods/exec"], &["create"])]),
    ]
}

fn metadata(namespace: &str, name: &str) -> Value {
    json!({
        "name": name, "namespace": namespace, "uid": format!("uid-of-{name}"), "generation": 1,
        "creationTimestamp": "2026-11-22T15:26:54Z", "labels": {"app": name.trim_end_matches("-0")}
    })
}

fn pod((namespace, name): (&str, &str), containers: &[&str], statuses: &Value) -> Value {
    let containers: Vec<_> = containers
        .iter()
        .map(|name| json!({"name": name, "image": "busybox:1.36"}))
        .collect();
    json!({
        "metadata": metadata(namespace, name),
        "spec": {"containers": containers, "nodeName": "prod-node-1", "terminationGracePeriodSeconds": 1},
        "status": {"phase": "Running", "podIP": "10.30.0.30", "containerStatuses": statuses}
    })
}

fn waiting(name: &str, reason: &str) -> Value {
    pod(
        ("misc", name),
        &["app"],
        &json!([{"name": "app", "state": {"waiting": {"reason": reason}}}]),
    )
}

fn multi() -> Value {
    let mut pod = pod(("misc", "multi"), &["web", "worker"], &json!([]));
    pod["spec"]["initContainers"] = json!([{"name": "setup"}, {"name": "sidecar", "restartPolicy": "Always"}]);
    pod
}

fn unschedulable() -> Value {
    let mut pod = pod(("misc", "unschedulable"), &["app"], &json!([]));
    pod["spec"].as_object_mut().unwrap().remove("nodeName");
    pod
}

fn crashed() -> Value {
    let statuses = json!([{
        "name": "api", "restartCount": 5, "ready": false,
        "state": {"terminated": {"exitCode": 1, "reason": "Error", "containerID": "containerd://1111"}},
        "lastState": {"terminated": {"finishedAt": "2026-11-22T15:28:42Z", "containerID": "containerd://0000"}}
    }]);
    pod(("shop", "api-0"), &["api"], &statuses)
}

fn noisy() -> Value {
    let status = json!([{"name": "noisy", "ready": true, "state": {"running": {}}, "lastState": {}, "containerID": "containerd://2222"}]);
    pod(("shop", "noisy"), &["noisy"], &status)
}

fn instance(id: &str, lines: &[(i64, &str)]) -> Arc<Instance> {
    let log = Log::new();
    for (nanos, text) in lines {
        log.append(Entry::new(
            *nanos,
            Stream::Stdout,
            Bytes::copy_from_slice(text.as_bytes()),
        ));
    }
    let inside = Container {
        hostname: "noisy".to_owned(),
        image: "busybox:1.36".to_owned(),
        user: "root".to_owned(),
        workdir: "/".to_owned(),
        env: BTreeMap::new(),
        files: BTreeMap::new(),
        packages: BTreeMap::new(),
        os_packages: BTreeMap::new(),
        shell: true,
        command: owned(&["noisy"]),
        started: NOW / 1_000_000_000,
    };
    Arc::new(Instance {
        id: id.to_owned(),
        inside: Arc::new(inside),
        log,
        exit: watch::Sender::new(None).subscribe(),
    })
}

/// The API of the cluster for whoever proves who they are.
pub(super) fn api() -> Api {
    // Nobody reads the requests: there are no controllers.
    let (cluster, _) = Cluster::new("prod", users(), Arc::new(|| NOW));
    let store = cluster.store();
    store.put(
        "namespaces",
        json!({"metadata": {"name": "shop"}, "status": {"phase": "Active"}}),
    );
    store.put(
        "namespaces",
        json!({"metadata": {"name": "misc"}, "status": {"phase": "Active"}}),
    );
    let waiting = [
        waiting("badimage", "ImagePullBackOff"),
        waiting("badconfig", "CreateContainerConfigError"),
    ];
    for pod in [crashed(), noisy(), multi(), unschedulable()]
        .into_iter()
        .chain(waiting)
    {
        store.put("pods", pod);
    }
    store.put(
        "deployments",
        json!({"metadata": metadata("shop", "api"), "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "api"}}}}),
    );
    store.put(
        "events",
        json!({
            "metadata": metadata("shop", "api-0.18ea67832dd0c735"), "type": "Warning", "reason": "BackOff", "count": 7,
            "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "api-0"},
            "message": "Back-off restarting failed container", "source": {"component": "kubelet"},
            "firstTimestamp": "2026-11-22T15:28:00Z", "lastTimestamp": "2026-11-22T15:30:00Z", "eventTime": null,
            "reportingComponent": "kubelet", "reportingInstance": "prod-node-1"
        }),
    );
    cluster.begin("shop", "api-0", "api", instance("containerd://1111", &[]));
    let lines = [(NOW - 1_500_000_000, "seq=1"), (NOW - 500_000_000, "seq=2")];
    cluster.begin("shop", "noisy", "noisy", instance("containerd://2222", &lines));
    let auth = Auth::new(cluster.users());
    Api::new(cluster, auth, Tasks::default())
}

/// The same for a client that is taken for that user.
pub(super) fn api_as(user: &str) -> Api {
    api().trusting(user)
}
