//! Rows of what makes pods: deployments, replica sets, stateful sets, daemon sets, jobs, cron jobs.

use serde_json::{Value, json};

use super::duration::{age, human};
use super::{AGE, Column, NAME, age_of, count, list, name, pairs, text_or_none};
use crate::demo::clock;

const CONTAINERS: Column = Column::wide("Containers").described("Names of each container in the template.");
const IMAGES: Column = Column::wide("Images").described("Images referenced by each container in the template.");
const SELECTOR: Column = Column::wide("Selector").described("Label selector for pods.");

const DEPLOYMENTS: &[Column] = &[
    NAME,
    Column::text("Ready").described("Number of the pod with ready state"),
    Column::number("Up-to-date"),
    Column::number("Available"),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];
const REPLICA_SETS: &[Column] = &[
    NAME,
    Column::number("Desired"),
    Column::number("Current"),
    Column::number("Ready"),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];
const STATEFUL_SETS: &[Column] = &[
    NAME,
    Column::text("Ready").described("Number of the pod with ready state"),
    AGE,
    CONTAINERS,
    IMAGES,
];
const DAEMON_SETS: &[Column] = &[
    NAME,
    Column::number("Desired"),
    Column::number("Current"),
    Column::number("Ready"),
    Column::number("Up-to-date"),
    Column::number("Available"),
    Column::text("Node Selector"),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];
const JOBS: &[Column] = &[
    NAME,
    Column::text("Status").described("Status of the job."),
    Column::text("Completions"),
    Column::text("Duration").described("Time required to complete the job."),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];
const CRON_JOBS: &[Column] = &[
    NAME,
    Column::text("Schedule"),
    Column::text("Timezone"),
    Column {
        kind: "boolean",
        ..Column::text("Suspend")
    },
    Column::number("Active"),
    Column::text("Last Schedule"),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

pub(super) fn columns(plural: &str) -> Option<&'static [Column]> {
    match plural {
        "deployments" => Some(DEPLOYMENTS),
        "replicasets" | "replicationcontrollers" => Some(REPLICA_SETS),
        "statefulsets" => Some(STATEFUL_SETS),
        "daemonsets" => Some(DAEMON_SETS),
        "jobs" => Some(JOBS),
        "cronjobs" => Some(CRON_JOBS),
        _ => None,
    }
}

pub(super) fn cells(plural: &str, object: &Value, now: i64) -> Option<Vec<Value>> {
    match plural {
        "deployments" => Some(deployment(object, now)),
        "replicasets" | "replicationcontrollers" => Some(replica_set(object, now)),
        "statefulsets" => Some(stateful_set(object, now)),
        "daemonsets" => Some(daemon_set(object, now)),
        "jobs" => Some(job(object, now)),
        "cronjobs" => Some(cron_job(object, now)),
        _ => None,
    }
}

fn of_each_container(template: &Value, field: &str) -> Value {
    let values: Vec<_> = list(&template["spec"]["containers"])
        .iter()
        .map(|container| container[field].as_str().unwrap_or_default())
        .collect();
    json!(values.join(","))
}

/// A label selector as text: `app=api,tier in (a,b)`.
pub(in super::super) fn selector(selector: &Value) -> String {
    let mut terms: Vec<String> = Vec::new();
    if selector["matchLabels"]
        .as_object()
        .is_some_and(|labels| !labels.is_empty())
    {
        terms.push(pairs(&selector["matchLabels"]));
    }
    for expression in list(&selector["matchExpressions"]) {
        let key = expression["key"].as_str().unwrap_or_default();
        let values: Vec<_> = list(&expression["values"]).iter().filter_map(Value::as_str).collect();
        let values = values.join(",");
        terms.push(match expression["operator"].as_str().unwrap_or_default() {
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            "NotIn" => format!("{key} notin ({values})"),
            _ => format!("{key} in ({values})"),
        });
    }
    if terms.is_empty() {
        return "<none>".to_owned();
    }
    terms.join(",")
}

/// The last columns of everything that has a template.
fn template_cells(object: &Value) -> [Value; 3] {
    let template = &object["spec"]["template"];
    [
        of_each_container(template, "name"),
        of_each_container(template, "image"),
        json!(selector(&object["spec"]["selector"])),
    ]
}

fn deployment(object: &Value, now: i64) -> Vec<Value> {
    let status = &object["status"];
    let ready = format!(
        "{}/{}",
        count(&status["readyReplicas"]),
        count(&object["spec"]["replicas"])
    );
    let mut cells = vec![
        name(object),
        json!(ready),
        json!(count(&status["updatedReplicas"])),
        json!(count(&status["availableReplicas"])),
        age_of(object, now),
    ];
    cells.extend(template_cells(object));
    cells
}

fn replica_set(object: &Value, now: i64) -> Vec<Value> {
    let status = &object["status"];
    let mut cells = vec![
        name(object),
        json!(count(&object["spec"]["replicas"])),
        json!(count(&status["replicas"])),
        json!(count(&status["readyReplicas"])),
        age_of(object, now),
    ];
    cells.extend(template_cells(object));
    cells
}

fn stateful_set(object: &Value, now: i64) -> Vec<Value> {
    let ready = format!(
        "{}/{}",
        count(&object["status"]["readyReplicas"]),
        count(&object["spec"]["replicas"])
    );
    let [names, images, _] = template_cells(object);
    vec![name(object), json!(ready), age_of(object, now), names, images]
}

fn daemon_set(object: &Value, now: i64) -> Vec<Value> {
    let status = &object["status"];
    let mut cells = vec![
        name(object),
        json!(count(&status["desiredNumberScheduled"])),
        json!(count(&status["currentNumberScheduled"])),
        json!(count(&status["numberReady"])),
        json!(count(&status["updatedNumberScheduled"])),
        json!(count(&status["numberAvailable"])),
        json!(pairs(&object["spec"]["template"]["spec"]["nodeSelector"])),
        age_of(object, now),
    ];
    cells.extend(template_cells(object));
    cells
}

fn job(object: &Value, now: i64) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let has = |kind: &str| {
        list(&status["conditions"])
            .iter()
            .any(|condition| condition["type"] == kind && condition["status"] == "True")
    };
    let state = ["Complete", "Failed", "Suspended"].into_iter().find(|kind| has(kind));
    let state = state.unwrap_or(if object["metadata"]["deletionTimestamp"].is_null() {
        "Running"
    } else {
        "Terminating"
    });
    let completions = match spec["completions"].as_i64() {
        Some(wanted) => format!("{}/{wanted}", count(&status["succeeded"])),
        None => format!("{}/1", count(&status["succeeded"])),
    };
    let time = |field: &str| status[field].as_str().and_then(clock::parse_rfc3339);
    let duration = time("startTime").map(|start| human(time("completionTime").unwrap_or(now) - start));
    let mut cells = vec![
        name(object),
        json!(state),
        json!(completions),
        json!(duration.unwrap_or_default()),
        age_of(object, now),
    ];
    cells.extend(template_cells(object));
    cells
}

fn cron_job(object: &Value, now: i64) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let last = match &status["lastScheduleTime"] {
        Value::Null => "<none>".to_owned(),
        time => age(time, now),
    };
    let template = &spec["jobTemplate"]["spec"]["template"];
    vec![
        name(object),
        spec["schedule"].clone(),
        text_or_none(&spec["timeZone"]),
        json!(spec["suspend"].as_bool().unwrap_or(false).to_string()),
        json!(list(&status["active"]).len()),
        json!(last),
        age_of(object, now),
        of_each_container(template, "name"),
        of_each_container(template, "image"),
        json!(selector(&spec["jobTemplate"]["spec"]["selector"])),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_shows_how_many_are_ready() {
        let object = json!({
            "metadata": {"name": "api", "creationTimestamp": "2026-11-22T15:30:00Z"},
            "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "api"}},
                     "template": {"spec": {"containers": [{"name": "api", "image": "shop/api:1"}]}}},
            "status": {"readyReplicas": 1, "updatedReplicas": 3}
        });
        let cells = deployment(&object, 1_795_361_426_000_000_000);
        assert_eq!(
            cells,
            [
                json!("api"),
                json!("1/3"),
                json!(3),
                json!(0),
                json!("26s"),
                json!("api"),
                json!("shop/api:1"),
                json!("app=api")
            ]
        );
    }

    #[test]
    fn a_selector_is_written_as_text() {
        let set = json!({"matchLabels": {"a": "b"}, "matchExpressions": [
            {"key": "x", "operator": "In", "values": ["1", "2"]}, {"key": "y", "operator": "DoesNotExist"}
        ]});
        assert_eq!(selector(&set), "a=b,x in (1,2),!y");
        assert_eq!(selector(&Value::Null), "<none>");
    }
}
