//! Events: what the scheduler, the kubelets and the controllers say about objects, counted when they repeat.

use serde_json::{Value, json};

use crate::demo::clock::{SECOND, parse_rfc3339, rfc3339, rfc3339_micro};
use crate::demo::store::Key;
use crate::demo::world::sim::{Sim, Step};

/// How long an event is kept after its last repetition, in nanoseconds (the API server's `--event-ttl`).
const KEPT: i64 = 3600 * SECOND;

/// What an event says.
pub struct Note<'a> {
    pub kind: &'a str,
    pub api_version: &'a str,
    pub object: &'a Value,
    /// Such as `spec.containers{api}`.
    pub field: Option<String>,
    pub reason: &'a str,
    pub message: String,
    pub warning: bool,
    /// `kubelet`, `deployment-controller` ...
    pub component: &'a str,
    /// The node, for a kubelet.
    pub host: &'a str,
}

/// Writes an event, or counts one up that says the same of the same object.
pub fn note(sim: &mut Sim, note: &Note<'_>) {
    let metadata = &note.object["metadata"];
    let text = |field: &str| metadata[field].as_str().unwrap_or_default();
    let (namespace, name, uid) = (text("namespace"), text("name"), text("uid"));
    let namespace = if namespace.is_empty() { "default" } else { namespace };
    let same = [
        "event",
        uid,
        note.reason,
        &note.message,
        note.field.as_deref().unwrap_or_default(),
    ];
    let mut rng = sim.seed.rng(&same);
    // A real name ends in the nanoseconds of the first occurrence; ours must follow from the seed alone.
    let key = Key::new("events", namespace, &format!("{name}.18{:014x}", rng.u64(..1 << 56)));
    let now = rfc3339(sim.clock);
    let counted = sim.cluster.store().update(&key, |event| {
        event["count"] = json!(event["count"].as_u64().unwrap_or(1) + 1);
        event["lastTimestamp"] = json!(now);
    });
    if counted.is_some() {
        return;
    }
    let mut involved = json!({
        "kind": note.kind,
        "namespace": namespace,
        "name": name,
        "uid": uid,
        "apiVersion": note.api_version,
        "resourceVersion": text("resourceVersion"),
    });
    if let Some(field) = &note.field {
        involved["fieldPath"] = json!(field);
    }
    let mut event = json!({
        "metadata": {
            "name": key.name,
            "namespace": namespace,
            "uid": sim.seed.uid(&["event uid", &key.name]),
            "creationTimestamp": now,
        },
        "involvedObject": involved,
        "reason": note.reason,
        "message": note.message,
        "type": if note.warning { "Warning" } else { "Normal" },
    });
    if note.component == "default-scheduler" {
        by_scheduler(&mut event, sim.clock);
    } else {
        event["source"] = json!({"component": note.component});
        if !note.host.is_empty() {
            event["source"]["host"] = json!(note.host);
        }
        event["firstTimestamp"] = json!(now);
        event["lastTimestamp"] = json!(now);
        event["count"] = json!(1);
        event["eventTime"] = Value::Null;
        event["reportingComponent"] = json!(note.component);
        event["reportingInstance"] = json!(note.host);
    }
    sim.cluster.store().put("events", event);
    sim.after(KEPT, Step::Forget(key));
}

/// The scheduler writes the newer kind of events.
fn by_scheduler(event: &mut Value, nanos: i64) {
    event["source"] = json!({});
    event["firstTimestamp"] = Value::Null;
    event["lastTimestamp"] = Value::Null;
    event["eventTime"] = json!(rfc3339_micro(nanos));
    event["action"] = json!("Binding");
    event["reportingComponent"] = json!("default-scheduler");
    event["reportingInstance"] = json!("default-scheduler-control-plane-1");
}

/// Removes an event that has not been repeated for an hour.
pub fn forget(sim: &mut Sim, key: Key) {
    let Some(event) = sim.cluster.store().get(&key) else {
        return;
    };
    let last = event["lastTimestamp"].as_str().or_else(|| event["eventTime"].as_str());
    let ends = last.and_then(parse_rfc3339).unwrap_or(0) + KEPT;
    if ends <= sim.clock {
        sim.cluster.store().remove(&key);
    } else {
        sim.at(ends, Step::Forget(key));
    }
}
