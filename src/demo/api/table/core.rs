//! Rows of the other kinds: nodes, events, services, namespaces, config maps, secrets.

use serde_json::{Value, json};

use super::duration::age;
use super::{AGE, Column, NAME, age_of, count, list, name, pairs, text_or_none};

const NODES: &[Column] = &[
    NAME,
    Column::text("Status").described("The status of the node"),
    Column::text("Roles").described("The roles of the node"),
    AGE,
    Column::text("Version").described("Kubelet Version reported by the node."),
    Column::wide("Internal-IP"),
    Column::wide("External-IP"),
    Column::wide("OS-Image"),
    Column::wide("Kernel-Version"),
    Column::wide("Container-Runtime"),
];
const EVENTS: &[Column] = &[
    Column::text("Last Seen").described("The time at which the most recent occurrence of this event was recorded."),
    Column::text("Type").described("Type of this event (Normal, Warning), new types could be added in the future"),
    Column::text("Reason"),
    Column::text("Object").described("The object that this event is about."),
    Column::wide("Subobject"),
    Column::wide("Source"),
    Column::text("Message").described("A human-readable description of the status of this operation."),
    Column::wide("First Seen"),
    Column::wide("Count"),
    Column { priority: 1, ..NAME },
];
const SERVICES: &[Column] = &[
    NAME,
    Column::text("Type"),
    Column::text("Cluster-IP"),
    Column::text("External-IP"),
    Column::text("Port(s)"),
    AGE,
    Column::wide("Selector"),
];
const NAMESPACES: &[Column] = &[
    NAME,
    Column::text("Status").described("The status of the namespace"),
    AGE,
];
const CONFIG_MAPS: &[Column] = &[NAME, Column::number("Data"), AGE];
const SECRETS: &[Column] = &[NAME, Column::text("Type"), Column::number("Data"), AGE];
const SERVICE_ACCOUNTS: &[Column] = &[NAME, Column::number("Secrets"), AGE];

pub(super) fn columns(plural: &str) -> Option<&'static [Column]> {
    match plural {
        "nodes" => Some(NODES),
        "events" => Some(EVENTS),
        "services" => Some(SERVICES),
        "namespaces" => Some(NAMESPACES),
        "configmaps" => Some(CONFIG_MAPS),
        "secrets" => Some(SECRETS),
        "serviceaccounts" => Some(SERVICE_ACCOUNTS),
        _ => None,
    }
}

pub(super) fn cells(plural: &str, object: &Value, now: i64) -> Option<Vec<Value>> {
    match plural {
        "nodes" => Some(node(object, now)),
        "services" => Some(service(object, now)),
        "namespaces" => {
            let phase = object["status"]["phase"].clone();
            Some(vec![name(object), phase, age_of(object, now)])
        }
        "configmaps" => {
            let size = size(&object["data"]) + size(&object["binaryData"]);
            Some(vec![name(object), json!(size), age_of(object, now)])
        }
        "secrets" => {
            let kind = object["type"].clone();
            Some(vec![
                name(object),
                kind,
                json!(size(&object["data"])),
                age_of(object, now),
            ])
        }
        "serviceaccounts" => {
            let secrets = list(&object["secrets"]).len();
            Some(vec![name(object), json!(secrets), age_of(object, now)])
        }
        _ => None,
    }
}

fn size(map: &Value) -> usize {
    map.as_object().map_or(0, serde_json::Map::len)
}

fn node(object: &Value, now: i64) -> Vec<Value> {
    let status = &object["status"];
    let address = |kind: &str| {
        let found = list(&status["addresses"])
            .iter()
            .find(|address| address["type"] == kind);
        found.map_or_else(|| json!("<none>"), |address| address["address"].clone())
    };
    let info = |field: &str| match status["nodeInfo"][field].as_str() {
        Some(text) if !text.is_empty() => json!(text),
        _ => json!("<unknown>"),
    };
    vec![
        name(object),
        json!(node_status(object)),
        json!(roles(object)),
        age_of(object, now),
        status["nodeInfo"]["kubeletVersion"].clone(),
        address("InternalIP"),
        address("ExternalIP"),
        info("osImage"),
        info("kernelVersion"),
        info("containerRuntimeVersion"),
    ]
}

fn node_status(object: &Value) -> String {
    let ready = list(&object["status"]["conditions"])
        .iter()
        .find(|condition| condition["type"] == "Ready");
    let state = match ready {
        Some(condition) if condition["status"] == "True" => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    if object["spec"]["unschedulable"] == true {
        return format!("{state},SchedulingDisabled");
    }
    state.to_owned()
}

fn roles(object: &Value) -> String {
    let labels = object["metadata"]["labels"].as_object();
    let roles: Vec<_> = labels
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
            Some(role) if !role.is_empty() => Some(role.to_owned()),
            _ if key == "kubernetes.io/role" => value.as_str().map(str::to_owned),
            _ => None,
        })
        .collect();
    if roles.is_empty() {
        return "<none>".to_owned();
    }
    roles.join(",")
}

fn service(object: &Value, now: i64) -> Vec<Value> {
    let spec = &object["spec"];
    let ports: Vec<_> = list(&spec["ports"])
        .iter()
        .map(|port| {
            let (number, protocol) = (count(&port["port"]), port["protocol"].as_str().unwrap_or("TCP"));
            match count(&port["nodePort"]) {
                0 => format!("{number}/{protocol}"),
                node_port => format!("{number}:{node_port}/{protocol}"),
            }
        })
        .collect();
    let ports = if ports.is_empty() {
        "<none>".to_owned()
    } else {
        ports.join(",")
    };
    let external = match spec["type"].as_str() {
        Some("LoadBalancer") => load_balancer(&object["status"]["loadBalancer"]),
        Some("ExternalName") => text_or_none(&spec["externalName"]),
        _ => match list(&spec["externalIPs"]) {
            [] => json!("<none>"),
            ips => json!(ips.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")),
        },
    };
    vec![
        name(object),
        spec["type"].clone(),
        text_or_none(&spec["clusterIP"]),
        external,
        json!(ports),
        age_of(object, now),
        json!(pairs(&spec["selector"])),
    ]
}

fn load_balancer(status: &Value) -> Value {
    let addresses: Vec<_> = list(&status["ingress"])
        .iter()
        .filter_map(|ingress| ingress["ip"].as_str().or_else(|| ingress["hostname"].as_str()))
        .collect();
    if addresses.is_empty() {
        return json!("<pending>");
    }
    json!(addresses.join(","))
}

pub(super) fn event_cells(event: &Value, now: i64) -> Vec<Value> {
    let first_of = |times: &[&Value]| {
        let found = times.iter().find(|time| !time.is_null());
        found.map_or_else(|| "<unknown>".to_owned(), |time| age(time, now))
    };
    let series = &event["series"];
    let last = first_of(&[
        &series["lastObservedTime"],
        &event["lastTimestamp"],
        &event["eventTime"],
    ]);
    let first = first_of(&[&event["firstTimestamp"], &event["eventTime"]]);
    let times = [&series["count"], &event["count"]]
        .into_iter()
        .find_map(Value::as_i64)
        .unwrap_or(1);
    let last_seen = match times {
        // A series that goes on says how often.
        n if !series.is_null() && n > 1 => format!("{last} (x{n} over {first})"),
        _ => last,
    };
    let involved = &event["involvedObject"];
    let text = |value: &Value| value.as_str().unwrap_or_default().trim().to_owned();
    let object = format!("{}/{}", text(&involved["kind"]).to_lowercase(), text(&involved["name"]));
    vec![
        json!(last_seen),
        event["type"].clone(),
        event["reason"].clone(),
        json!(object),
        json!(text(&involved["fieldPath"])),
        json!(source(event)),
        json!(text(&event["message"])),
        json!(first),
        json!(times),
        name(event),
    ]
}

fn source(event: &Value) -> String {
    let of = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let component = of(&event["source"]["component"])
        .or_else(|| of(&event["reportingComponent"]))
        .unwrap_or_default();
    let host = of(&event["source"]["host"]).or_else(|| of(&event["reportingInstance"]));
    match host {
        Some(host) => format!("{component}, {host}"),
        None => component,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_361_426_000_000_000;

    #[test]
    fn a_node_shows_its_state_and_versions() {
        let object = json!({
            "metadata": {"name": "n1", "creationTimestamp": "2026-11-22T15:30:00Z",
                         "labels": {"node-role.kubernetes.io/control-plane": ""}},
            "spec": {"unschedulable": true},
            "status": {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": "v1.36.2"},
                       "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]}
        });
        let cells = node(&object, NOW);
        let expected = [
            "n1",
            "Ready,SchedulingDisabled",
            "control-plane",
            "26s",
            "v1.36.2",
            "10.0.0.1",
            "<none>",
            "<unknown>",
        ];
        assert_eq!(cells[..8], expected.map(|text| json!(text)));
    }

    #[test]
    fn an_event_shows_what_happened_to_what() {
        let event = json!({
            "metadata": {"name": "api.1"}, "type": "Warning", "reason": "BackOff", "count": 7,
            "firstTimestamp": "2026-11-22T15:28:26Z", "lastTimestamp": "2026-11-22T15:30:06Z",
            "involvedObject": {"kind": "Pod", "name": "api", "fieldPath": "spec.containers{api}"},
            "source": {"component": "kubelet", "host": "n1"}, "message": "Back-off restarting failed container\n"
        });
        let expected = [
            json!("20s"),
            json!("Warning"),
            json!("BackOff"),
            json!("pod/api"),
            json!("spec.containers{api}"),
            json!("kubelet, n1"),
            json!("Back-off restarting failed container"),
            json!("2m"),
            json!(7),
            json!("api.1"),
        ];
        assert_eq!(event_cells(&event, NOW), expected);
    }

    #[test]
    fn a_service_shows_its_ports() {
        let object = json!({"metadata": {"name": "api"}, "spec": {"type": "NodePort", "clusterIP": "10.0.0.9",
            "ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]}});
        assert_eq!(service(&object, NOW)[4], "80:30080/TCP,53/UDP");
    }
}
