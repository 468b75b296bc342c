//! The objects that a scenario declares: namespaces, nodes, workloads, services, configuration.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::demo::clock::{SECOND, parse_rfc3339, rfc3339};
use crate::demo::scenario::shape::{Container, Kind, Role, Strategy, Workload};
use crate::demo::scenario::template;
use crate::demo::store::Key;
use crate::demo::world::helm::{self, Deployed};
use crate::demo::world::pods::node_ip;
use crate::demo::world::seed::{digest, image_size, template_hash};
use crate::demo::world::sim::{Sim, Step, plural};

const HEARTBEAT: i64 = 300 * SECOND;

/// What every cluster has before any workload.
pub fn found(sim: &mut Sim, now: i64) {
    let plan = sim.plan.clone();
    let born = now - plan.cluster.age.nanos;
    let namespaces = plan
        .namespaces
        .iter()
        .map(String::as_str)
        .chain(["kube-public", "kube-node-lease"]);
    for name in namespaces {
        let namespace = json!({
            "metadata": {
                "name": name,
                "uid": sim.seed.uid(&["namespace", name]),
                "creationTimestamp": rfc3339(born),
                "labels": {"kubernetes.io/metadata.name": name},
            },
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        });
        sim.cluster.store().put("namespaces", namespace);
    }
    for (index, name) in plan.cluster.nodes.iter().enumerate() {
        let node = node(sim, index, name, born);
        sim.cluster.store().put("nodes", node);
        // Spread, as real kubelets are.
        let first = now - HEARTBEAT + i64::try_from(index).unwrap_or(0) * 7 * SECOND;
        sim.at(first, Step::Heartbeat(index));
    }
    let spec = json!({
        "type": "ClusterIP", "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1"], "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster", "sessionAffinity": "None",
        "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": 6443}],
    });
    let metadata = json!({
        "name": "kubernetes", "namespace": "default", "uid": sim.seed.uid(&["service", "kubernetes"]),
        "creationTimestamp": rfc3339(born), "labels": {"component": "apiserver", "provider": "kubernetes"},
    });
    sim.cluster.store().put(
        "services",
        json!({"metadata": metadata, "spec": spec, "status": {"loadBalancer": {}}}),
    );
}

fn node(sim: &Sim, index: usize, name: &str, born: i64) -> Value {
    let cluster = &sim.plan.cluster;
    let mut rng = sim.seed.rng(&["node", name]);
    let machine = template::hex(32, &mut rng);
    let address = node_ip(index);
    let images = sim.plan.workloads.iter().flat_map(|planned| &planned.workload.containers).map(|container| {
        let digest = digest(&container.image, &container.build);
        let repository = container.image.rsplit_once(':').map_or(container.image.as_str(), |(name, _)| name);
        json!({"names": [format!("{repository}@{digest}"), container.image], "sizeBytes": image_size(&container.image)})
    });
    let images: Vec<Value> = images.collect();
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": status, "lastHeartbeatTime": rfc3339(born),
            "lastTransitionTime": rfc3339(born + 40 * SECOND), "reason": reason, "message": message,
        })
    };
    json!({
        "metadata": {
            "name": name,
            "uid": sim.seed.uid(&["node uid", name]),
            "creationTimestamp": rfc3339(born),
            "labels": {
                "beta.kubernetes.io/arch": "amd64",
                "beta.kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "topology.kubernetes.io/zone": format!("{}-{}", cluster.name, zone(index)),
            },
            "annotations": {
                "node.alpha.kubernetes.io/ttl": "0",
                "volumes.kubernetes.io/controller-managed-attach-detach": "true",
            },
        },
        "spec": {"podCIDR": format!("10.244.{index}.0/24"), "podCIDRs": [format!("10.244.{index}.0/24")]},
        "status": {
            "capacity": {"cpu": "4", "ephemeral-storage": "82043328Ki", "hugepages-1Gi": "0", "memory": "16384000Ki", "pods": "110"},
            "allocatable": {"cpu": "4", "ephemeral-storage": "75611131Ki", "hugepages-1Gi": "0", "memory": "16281600Ki", "pods": "110"},
            "conditions": [
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
                condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
            ],
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {
                "machineID": machine,
                "systemUUID": machine,
                "bootID": template::uuid(&mut rng),
                "kernelVersion": "6.12.48+deb13-amd64",
                "osImage": "Debian GNU/Linux 13 (trixie)",
                "containerRuntimeVersion": "containerd://2.1.9",
                "kubeletVersion": cluster.version,
                "kubeProxyVersion": "",
                "operatingSystem": "linux",
                "architecture": "amd64",
            },
            "images": images,
            "runtimeHandlers": [
                {"name": "", "features": {"recursiveReadOnlyMounts": true, "userNamespaces": false}},
                {"name": "runc", "features": {"recursiveReadOnlyMounts": true, "userNamespaces": false}},
            ],
            "features": {"supplementalGroupsPolicy": true},
        },
    })
}

fn zone(index: usize) -> char {
    char::from(b'a' + u8::try_from(index % 3).unwrap_or(0))
}

/// A kubelet writes its node's status every five minutes.
pub fn heartbeat(sim: &mut Sim, index: usize) {
    let Some(name) = sim.plan.cluster.nodes.get(index) else {
        return;
    };
    let now = json!(rfc3339(sim.clock));
    if sim.cluster.trouble().has_lost(name) {
        sim.after(HEARTBEAT, Step::Heartbeat(index));
        return;
    }
    sim.cluster.store().update(&Key::new("nodes", "", name), |node| {
        for condition in node["status"]["conditions"].as_array_mut().into_iter().flatten() {
            if let Some(condition) = condition.as_object_mut() {
                condition.insert("lastHeartbeatTime".to_owned(), now.clone());
            }
        }
    });
    sim.after(HEARTBEAT, Step::Heartbeat(index));
}

/// Everything that belongs to a workload but the pods, new or changed; gives the workload object's key.
pub fn declare(sim: &mut Sim, workload: &Workload) -> Key {
    let key = Key::new(plural(workload.kind), &workload.namespace, &workload.name);
    let old = sim.cluster.store().get(&key);
    let born = old
        .as_ref()
        .and_then(|old| old["metadata"]["creationTimestamp"].as_str().and_then(parse_rfc3339));
    let born = born.unwrap_or(sim.clock - (workload.age.nanos - workload.started.nanos).max(0));
    configuration(sim, workload, born);
    if let Some(port) = workload.service {
        service(sim, workload, port, born);
    }
    let template = pod_template(sim, workload);
    let mut metadata = metadata(sim, workload, born);
    let selector = json!({"matchLabels": {"app": workload.name}});
    let spec = match workload.kind {
        Kind::Deployment => {
            let revision = workload.revision.saturating_sub(1);
            if revision > 0 && old.is_none() {
                // The controller counts it up when it makes the new ReplicaSet.
                metadata["annotations"]["deployment.kubernetes.io/revision"] = json!(revision.to_string());
                older_replica_set(sim, workload, &metadata, &template, born);
            }
            json!({
                "replicas": workload.replicas, "selector": selector, "template": template,
                "strategy": strategy(workload.strategy), "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
            })
        }
        Kind::StatefulSet => json!({
            "replicas": workload.replicas, "selector": selector, "template": template, "serviceName": workload.name,
            "podManagementPolicy": "OrderedReady", "revisionHistoryLimit": 10,
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        }),
        Kind::DaemonSet => json!({
            "selector": selector, "template": template, "revisionHistoryLimit": 10,
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
        }),
        Kind::Job => job_spec(&template, &metadata),
    };
    if workload.kind == Kind::Job {
        metadata["creationTimestamp"] = json!(rfc3339(sim.clock));
    }
    let mut status = json!({});
    if let Some(old) = old {
        let generation = old["metadata"]["generation"].as_u64().unwrap_or(1);
        metadata["generation"] = json!(generation + 1);
        let revision = "deployment.kubernetes.io/revision";
        if let Some(number) = old["metadata"]["annotations"][revision].as_str() {
            metadata["annotations"][revision] = json!(number);
        }
        status = old["status"].clone();
    }
    sim.cluster.store().put(
        key.resource,
        json!({"metadata": metadata, "spec": spec, "status": status}),
    );
    if let Some(chart) = &workload.helm {
        let manifest = json!({"metadata": {"name": workload.name}, "spec": spec});
        let deployed = Deployed {
            first: born,
            last: sim.clock,
        };
        let uid = sim.seed.uid(&["release", &chart.release]);
        sim.cluster.store().put(
            "secrets",
            helm::release_secret(workload, chart, &manifest, &deployed, &uid),
        );
    }
    key
}

fn metadata(sim: &Sim, workload: &Workload, born: i64) -> Value {
    let mut metadata = json!({
        "name": workload.name,
        "namespace": workload.namespace,
        "uid": sim.seed.uid(&[plural(workload.kind), &workload.namespace, &workload.name]),
        "generation": workload.revision,
        "creationTimestamp": rfc3339(born),
        "labels": labels(workload),
    });
    let mut annotations: Map<String, Value> = workload
        .annotations
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    if let Some(helm) = &workload.helm {
        annotations.insert("meta.helm.sh/release-name".to_owned(), json!(helm.release));
        annotations.insert("meta.helm.sh/release-namespace".to_owned(), json!(workload.namespace));
    }
    metadata["annotations"] = Value::Object(annotations);
    metadata
}

fn labels(workload: &Workload) -> Map<String, Value> {
    let mut labels = Map::from_iter([("app".to_owned(), json!(workload.name))]);
    if let Some(helm) = &workload.helm {
        for (name, value) in [
            ("app.kubernetes.io/name", workload.name.clone()),
            ("app.kubernetes.io/instance", helm.release.clone()),
            ("app.kubernetes.io/version", helm.app_version.clone()),
            ("app.kubernetes.io/managed-by", "Helm".to_owned()),
            ("helm.sh/chart", format!("{}-{}", helm.chart, helm.version)),
        ] {
            labels.insert(name.to_owned(), json!(value));
        }
    }
    labels.extend(workload.labels.iter().map(|(name, value)| (name.clone(), json!(value))));
    labels
}

fn strategy(strategy: Strategy) -> Value {
    match strategy {
        Strategy::RollingUpdate => {
            json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}})
        }
        Strategy::Recreate => json!({"type": "Recreate"}),
    }
}

fn job_spec(template: &Value, metadata: &Value) -> Value {
    let mut template = template.clone();
    for (label, value) in [
        ("batch.kubernetes.io/controller-uid", "uid"),
        ("batch.kubernetes.io/job-name", "name"),
    ] {
        template["metadata"]["labels"][label] = metadata[value].clone();
    }
    json!({
        "parallelism": 1, "completions": 1, "backoffLimit": 6, "completionMode": "NonIndexed", "suspend": false,
        "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": metadata["uid"]}},
        "template": template, "podReplacementPolicy": "TerminatingOrFailed", "manualSelector": false,
    })
}

fn pod_template(sim: &Sim, workload: &Workload) -> Value {
    let containers = |role: Role| -> Vec<Value> {
        let of_role = workload.containers.iter().filter(|one| one.role == role);
        of_role.map(|one| container(sim, workload, one)).collect()
    };
    let init = containers(Role::Init);
    let account = workload.service_account.as_deref().unwrap_or("default");
    let mut spec = json!({
        "containers": containers(Role::Main),
        "restartPolicy": if workload.kind == Kind::Job { "Never" } else { "Always" },
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": account,
        "serviceAccount": account,
        "securityContext": {},
        "schedulerName": "default-scheduler",
    });
    if !init.is_empty() {
        spec["initContainers"] = json!(init);
    }
    if workload.host_network {
        spec["hostNetwork"] = json!(true);
    }
    let mut metadata = json!({"labels": labels(workload)});
    if !workload.pod_annotations.is_empty() {
        metadata["annotations"] = json!(workload.pod_annotations);
    }
    json!({"metadata": metadata, "spec": spec})
}

fn container(sim: &Sim, workload: &Workload, container: &Container) -> Value {
    let mut spec = json!({
        "name": container.name,
        "image": container.image,
        "resources": {"requests": {"cpu": container.cpu, "memory": container.memory}},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    });
    if let Some(limit) = &container.memory_limit {
        spec["resources"]["limits"] = json!({"memory": limit});
    }
    if !container.command.is_empty() {
        spec["command"] = json!(container.command);
    }
    if !container.args.is_empty() {
        spec["args"] = json!(container.args);
    }
    if let Some(port) = container.port {
        spec["ports"] = json!([{"name": "main", "containerPort": port, "protocol": "TCP"}]);
        if container.ready_after.is_some() {
            spec["readinessProbe"] = json!({
                "httpGet": {"path": "/healthz", "port": "main", "scheme": "HTTP"},
                "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3,
            });
        }
    }
    let mut from = Vec::new();
    if !workload.config.is_empty() {
        from.push(json!({"configMapRef": {"name": format!("{}-config", workload.name)}}));
    }
    if !workload.secret.is_empty() {
        from.push(json!({"secretRef": {"name": format!("{}-secret", workload.name)}}));
    }
    if !from.is_empty() {
        spec["envFrom"] = json!(from);
    }
    let env: Vec<Value> = container
        .env
        .iter()
        .map(|(name, value)| {
            let purpose = ["env", workload.name.as_str(), container.name.as_str(), name.as_str()];
            json!({"name": name, "value": sim.render(value, &workload.namespace, &purpose)})
        })
        .collect();
    if !env.is_empty() {
        spec["env"] = json!(env);
    }
    spec
}

fn configuration(sim: &Sim, workload: &Workload, born: i64) {
    let namespace = workload.namespace.as_str();
    let value = |kind: &str, name: &str, text| sim.render(text, namespace, &[kind, &workload.name, name]);
    if !workload.config.is_empty() {
        let data = workload
            .config
            .iter()
            .map(|(name, text)| (name.clone(), json!(value("config", name, text))));
        let data: Map<String, Value> = data.collect();
        let name = format!("{}-config", workload.name);
        let metadata = json!({
            "name": name, "namespace": namespace, "uid": sim.seed.uid(&["configmap", namespace, &name]),
            "creationTimestamp": rfc3339(born),
        });
        sim.cluster
            .store()
            .put("configmaps", json!({"metadata": metadata, "data": data}));
    }
    if !workload.secret.is_empty() {
        let data = workload.secret.iter().map(|(name, text)| {
            let value = value("secret", name, text);
            (name.clone(), json!(STANDARD.encode(value)))
        });
        let name = format!("{}-secret", workload.name);
        let data: Map<String, Value> = data.collect();
        let metadata = json!({
            "name": name, "namespace": namespace, "uid": sim.seed.uid(&["secret uid", namespace, &name]),
            "creationTimestamp": rfc3339(born),
        });
        sim.cluster
            .store()
            .put("secrets", json!({"metadata": metadata, "data": data, "type": "Opaque"}));
    }
}

fn service(sim: &Sim, workload: &Workload, port: u16, born: i64) {
    let purpose = ["service", workload.namespace.as_str(), workload.name.as_str()];
    let mut rng = sim.seed.rng(&purpose);
    let address = format!("10.96.{}.{}", rng.u8(1..255), rng.u8(1..255));
    // A StatefulSet's service has no address of its own.
    let address = if workload.kind == Kind::StatefulSet {
        "None".to_owned()
    } else {
        address
    };
    let service = json!({
        "metadata": {
            "name": workload.name, "namespace": workload.namespace, "uid": sim.seed.uid(&purpose),
            "creationTimestamp": rfc3339(born), "labels": labels(workload),
        },
        "spec": {
            "type": "ClusterIP", "clusterIP": address, "clusterIPs": [address], "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster", "sessionAffinity": "None",
            "selector": {"app": workload.name},
            "ports": [{"name": "main", "protocol": "TCP", "port": port, "targetPort": "main"}],
        },
        "status": {"loadBalancer": {}},
    });
    sim.cluster.store().put("services", service);
}

/// The ReplicaSet of the rollout before, scaled down: what `rollout undo` goes back to.
fn older_replica_set(sim: &Sim, workload: &Workload, deployment: &Value, template: &Value, born: i64) {
    let mut template = template.clone();
    let Some(image) = template["spec"]["containers"][0]["image"].as_str().and_then(older_tag) else {
        return;
    };
    template["spec"]["containers"][0]["image"] = json!(image);
    let mut set = replica_set(sim, deployment, &template, workload.revision - 1, 0);
    set["metadata"]["creationTimestamp"] = json!(rfc3339(born));
    sim.cluster.store().put("replicasets", set);
}

/// `api:1.8.3` came after `api:1.8.2`; no guess where the tag does not end in a number above 0.
fn older_tag(image: &str) -> Option<String> {
    let (rest, last) = image.rsplit_once('.')?;
    let number: u32 = last.parse().ok()?;
    Some(format!("{rest}.{}", number.checked_sub(1)?))
}

/// A ReplicaSet of a Deployment for one version of its template.
pub fn replica_set(sim: &Sim, deployment: &Value, template: &Value, revision: u32, replicas: u32) -> Value {
    let hash = template_hash(&template.to_string());
    let metadata = &deployment.get("metadata").unwrap_or(deployment);
    let text = |field: &str| metadata[field].as_str().unwrap_or_default();
    let name = format!("{}-{hash}", text("name"));
    let mut template = template.clone();
    template["metadata"]["labels"]["pod-template-hash"] = json!(hash);
    let mut annotations = metadata["annotations"].as_object().cloned().unwrap_or_default();
    annotations.insert(
        "deployment.kubernetes.io/revision".to_owned(),
        json!(revision.to_string()),
    );
    annotations.insert(
        "deployment.kubernetes.io/desired-replicas".to_owned(),
        json!(replicas.to_string()),
    );
    annotations.insert(
        "deployment.kubernetes.io/max-replicas".to_owned(),
        json!(replicas.to_string()),
    );
    json!({
        "metadata": {
            "name": name,
            "namespace": text("namespace"),
            "uid": sim.seed.uid(&["replicaset", text("namespace"), &name]),
            "generation": 1,
            "creationTimestamp": rfc3339(sim.clock),
            "labels": template["metadata"]["labels"],
            "annotations": annotations,
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "Deployment", "name": text("name"), "uid": text("uid"),
                "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": template["metadata"]["labels"]["app"], "pod-template-hash": hash}},
            "template": template,
        },
        "status": {"replicas": 0, "observedGeneration": 1},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_before_is_guessed_only_where_it_is_plain() {
        assert_eq!(older_tag("r.example/api:1.8.3").as_deref(), Some("r.example/api:1.8.2"));
        assert_eq!(older_tag("r.example/api:latest"), None);
        assert_eq!(older_tag("r.example/api:1.8.0"), None);
    }
}
