//! What a write must satisfy before it is stored: names, required fields, fields that never change.

use serde_json::{Value, json};

use super::resource::Resource;
use super::status::{Cause, Status, Subject};

const NAME_RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
                         start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
                         '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

fn is_subdomain(name: &str) -> bool {
    let is_alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= 253
        && name.split('.').all(|label| {
            label.starts_with(is_alphanumeric)
                && label.ends_with(is_alphanumeric)
                && label.chars().all(|c| is_alphanumeric(c) || c == '-')
        })
}

fn invalid(resource: &Resource, object: &Value, causes: Vec<Cause>) -> Result<(), Status> {
    if causes.is_empty() {
        return Ok(());
    }
    let subject = Subject {
        kind: resource.kind,
        group: resource.group,
        name: object["metadata"]["name"].as_str().unwrap_or_default(),
    };
    Err(Status::invalid(&subject, causes))
}

/// A new object.
pub(super) fn created(resource: &Resource, object: &Value) -> Result<(), Status> {
    let mut causes = Vec::new();
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    if name.is_empty() {
        causes.push(Cause::required("metadata.name", "name or generateName is required"));
    } else if !is_subdomain(name) {
        causes.push(Cause::invalid("metadata.name", &json!(name).to_string(), NAME_RULE));
    }
    if resource.plural == "pods" && object["spec"]["containers"].as_array().is_none_or(Vec::is_empty) {
        causes.push(Cause::required("spec.containers", ""));
    }
    invalid(resource, object, causes)
}

/// A changed object.
pub(super) fn changed(resource: &Resource, old: &Value, new: &Value) -> Result<(), Status> {
    let mut causes = Vec::new();
    match resource.plural {
        "pods" if fixed_pod_spec(old) != fixed_pod_spec(new) => causes.push(Cause::forbidden(
            "spec",
            "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,\
             `spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),\
             `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
        )),
        "deployments" | "replicasets" | "statefulsets" | "daemonsets" | "jobs" => {
            causes.extend(replicas_cause(&new["spec"]["replicas"]));
            if old["spec"]["selector"] != new["spec"]["selector"] {
                let value = new["spec"]["selector"].to_string();
                causes.push(Cause::invalid("spec.selector", &value, "field is immutable"));
            }
        }
        _ => {}
    }
    invalid(resource, new, causes)
}

fn replicas_cause(replicas: &Value) -> Option<Cause> {
    let negative = replicas.as_i64().filter(|replicas| *replicas < 0)?;
    let why = "must be greater than or equal to 0";
    Some(Cause::invalid("spec.replicas", &negative.to_string(), why))
}

/// A `Scale` before it is written back.
pub(super) fn scale(scale: &Value) -> Result<(), Status> {
    let Some(cause) = replicas_cause(&scale["spec"]["replicas"]) else {
        return Ok(());
    };
    let subject = Subject {
        kind: "Scale",
        group: "autoscaling",
        name: scale["metadata"]["name"].as_str().unwrap_or_default(),
    };
    Err(Status::invalid(&subject, vec![cause]))
}

/// The part of a pod's spec that an update must leave alone.
fn fixed_pod_spec(pod: &Value) -> Value {
    let mut spec = pod["spec"].clone();
    if let Some(fields) = spec.as_object_mut() {
        for name in ["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"] {
            fields.remove(name);
        }
    }
    for list in ["containers", "initContainers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            if let Some(fields) = container.as_object_mut() {
                fields.remove("image");
            }
        }
    }
    spec
}

fn items(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

/// The ephemeral containers of a pod: new ones may come, old ones stay as they are.
pub(super) fn ephemeral_containers(resource: &Resource, old: &Value, new: &Value) -> Result<(), Status> {
    let mut causes = Vec::new();
    let before = items(&old["spec"]["ephemeralContainers"]);
    let after = items(&new["spec"]["ephemeralContainers"]);
    let others: Vec<_> = ["initContainers", "containers"]
        .iter()
        .flat_map(|list| items(&new["spec"][*list]))
        .collect();
    for (place, container) in after.iter().enumerate() {
        let field = |name: &str| format!("spec.ephemeralContainers[{place}].{name}");
        let text = |name: &str| container[name].as_str().unwrap_or_default();
        let is_same_name = |other: &Value| other["name"] == container["name"];
        let earlier = after.iter().take(place);
        if text("name").is_empty() {
            causes.push(Cause::required(&field("name"), ""));
        } else if others.iter().any(|other| is_same_name(other)) || earlier.into_iter().any(is_same_name) {
            causes.push(Cause::duplicate(&field("name"), text("name")));
        }
        if text("image").is_empty() {
            causes.push(Cause::required(&field("image"), ""));
        }
        let target = text("targetContainerName");
        if !target.is_empty() && !others.iter().any(|other| other["name"] == target) {
            causes.push(Cause::not_found(&field("targetContainerName"), target));
        }
    }
    for container in before {
        let name = container["name"].as_str().unwrap_or_default();
        match after.iter().find(|other| other["name"] == name) {
            Some(same) if same == container => {}
            Some(_) => causes.push(Cause::forbidden(
                "spec.ephemeralContainers",
                &format!("existing ephemeral containers \"{name}\" may not be changed\n"),
            )),
            None => causes.push(Cause::forbidden(
                "spec.ephemeralContainers",
                &format!("existing ephemeral containers \"{name}\" may not be removed\n"),
            )),
        }
    }
    invalid(resource, new, causes)
}

#[cfg(test)]
mod tests {
    use super::super::resource;
    use super::*;

    fn pods() -> Resource {
        resource::all()
            .into_iter()
            .find(|resource| resource.plural == "pods")
            .unwrap()
    }

    #[test]
    fn several_faults_are_told_at_once() {
        let error = created(
            &pods(),
            &json!({"metadata": {"name": "A_B"}, "spec": {"containers": []}}),
        )
        .unwrap_err();
        assert_eq!(error.code, 422);
        assert!(
            error
                .message
                .starts_with("Pod \"A_B\" is invalid: [metadata.name: Invalid value: \"A_B\": a lowercase RFC 1123")
        );
        assert!(error.message.ends_with(", spec.containers: Required value]"));
        assert_eq!(error.details.unwrap().causes.len(), 2);
        assert!(
            created(
                &pods(),
                &json!({"metadata": {"name": "a-b.c"}, "spec": {"containers": [{}]}})
            )
            .is_ok()
        );
    }

    #[test]
    fn an_ephemeral_container_needs_a_name_of_its_own() {
        let pod = |ephemeral: Value| json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "noisy"}], "ephemeralContainers": ephemeral}});
        let old = pod(json!([{"name": "dbg", "image": "busybox"}]));
        let message = |ephemeral: Value| {
            ephemeral_containers(&pods(), &old, &pod(ephemeral))
                .unwrap_err()
                .message
        };
        assert_eq!(
            message(json!([{"name": "noisy", "image": "busybox"}, {"name": "dbg", "image": "busybox"}])),
            "Pod \"p\" is invalid: spec.ephemeralContainers[0].name: Duplicate value: \"noisy\""
        );
        assert!(message(json!([{"name": "dbg", "image": "other"}])).contains("may not be changed"));
        assert!(message(json!([])).contains("may not be removed"));
    }

    #[test]
    fn only_an_image_of_a_pod_may_change() {
        let pod =
            |image: &str, command: &str| json!({"spec": {"containers": [{"image": image, "command": [command]}]}});
        assert!(changed(&pods(), &pod("a", "x"), &pod("b", "x")).is_ok());
        assert!(changed(&pods(), &pod("a", "x"), &pod("a", "y")).is_err());
    }
}
