//! Container logs: which instance is meant, which lines of it, and one HTTP chunk for each line.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream;
use http::{Response, StatusCode};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::follow::{self, Meeting, Of, Options};
use super::list::integer;
use super::query::Query;
use super::reply::{self, Body};
use super::status::{Cause, Status, Subject};
use crate::demo::clock::{self, SECOND};
use crate::demo::cluster::{Cluster, Instance};
use crate::demo::store::Key;
use crate::demo::wire::Hold;

impl Options {
    pub(super) fn parse(query: &Query, pod: &str, now: i64) -> Result<Self, Status> {
        let tail = integer(query, "tailLines")?;
        let limit = integer(query, "limitBytes")?;
        let since_seconds = integer(query, "sinceSeconds")?;
        let since_time = since_time(query)?;
        let mut causes = Vec::new();
        if let Some(lines) = tail.filter(|lines| *lines < 0) {
            let why = "must be greater than or equal to 0";
            causes.push(Cause::invalid("tailLines", &lines.to_string(), why));
        }
        if let Some(bytes) = limit.filter(|bytes| *bytes < 1) {
            causes.push(Cause::invalid(
                "limitBytes",
                &bytes.to_string(),
                "must be greater than 0",
            ));
        }
        if since_seconds.is_some() && since_time.is_some() {
            causes.push(Cause::forbidden(
                "",
                "at most one of `sinceTime` or `sinceSeconds` may be specified",
            ));
        }
        if let Some(seconds) = since_seconds.filter(|seconds| *seconds < 1) {
            causes.push(Cause::invalid(
                "sinceSeconds",
                &seconds.to_string(),
                "must be greater than 0",
            ));
        }
        // The feature gate PodLogsQuerySplitStreams is off by default.
        if query.get("stream").is_some() {
            causes.push(Cause::forbidden("stream", "may not be specified"));
        }
        if !causes.is_empty() {
            let subject = Subject {
                kind: "PodLogOptions",
                group: "",
                name: pod,
            };
            return Err(Status::invalid(&subject, causes));
        }
        let since_seconds = since_seconds.map(|seconds| now.saturating_sub(seconds.saturating_mul(SECOND)));
        Ok(Self {
            is_previous: query.is_set("previous"),
            follows: query.is_set("follow"),
            has_timestamps: query.is_set("timestamps"),
            since: since_seconds.or(since_time),
            tail: tail.map(|lines| usize::try_from(lines).unwrap_or(usize::MAX)),
            limit: limit.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
        })
    }
}

/// The API server passes the time on to the kubelet in whole seconds.
fn since_time(query: &Query) -> Result<Option<i64>, Status> {
    let Some(text) = query.get("sinceTime") else {
        return Ok(None);
    };
    let Some(nanos) = clock::parse_rfc3339(text) else {
        return Err(Status::bad_request(format!(
            "parsing time \"{text}\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"{text}\" as \"2006\""
        )));
    };
    Ok(Some(nanos - nanos.rem_euclid(SECOND)))
}

fn named<'a>(list: &'a Value, name: &str) -> Option<&'a Value> {
    list.as_array()?.iter().find(|item| item["name"] == name)
}

fn name_of(pod: &Value) -> &str {
    pod["metadata"]["name"].as_str().unwrap_or_default()
}

fn refuse(message: String) -> Status {
    Status::bad_request(message)
}

/// The container that a request for a log or a session means; `asked` may be left out where there is only one.
pub(super) fn choose_container(pod: &Value, asked: Option<&str>) -> Result<String, Status> {
    let spec = &pod["spec"];
    let lists = [
        &spec["initContainers"],
        &spec["containers"],
        &spec["ephemeralContainers"],
    ];
    let Some(asked) = asked else {
        return only_container(pod, &lists);
    };
    if lists.iter().any(|list| named(list, asked).is_some()) {
        return Ok(asked.to_owned());
    }
    Err(refuse(format!(
        "container {asked} is not valid for pod {}",
        name_of(pod)
    )))
}

fn only_container(pod: &Value, lists: &[&Value]) -> Result<String, Status> {
    let must = format!("a container name must be specified for pod {}", name_of(pod));
    match pod["spec"]["containers"].as_array().map_or(&[][..], Vec::as_slice) {
        [] => Err(refuse(must)),
        [only] => Ok(only["name"].as_str().unwrap_or_default().to_owned()),
        _ => {
            let names: Vec<_> = lists
                .iter()
                .filter_map(|list| list.as_array())
                .flatten()
                .filter_map(|container| container["name"].as_str())
                .collect();
            Err(refuse(format!("{must}, choose one of: [{}]", names.join(" "))))
        }
    }
}

/// The status of a container of any kind.
pub(super) fn container_status<'a>(pod: &'a Value, container: &str) -> Option<&'a Value> {
    [
        "containerStatuses",
        "initContainerStatuses",
        "ephemeralContainerStatuses",
    ]
    .iter()
    .find_map(|list| named(&pod["status"][*list], container))
}

/// The `containerID` whose log is meant, as the kubelet chooses it.
fn container_id(pod: &Value, container: &str, is_previous: bool) -> Result<String, Status> {
    let place = format!("container \"{container}\" in pod \"{}\"", name_of(pod));
    let Some(status) = container_status(pod, container) else {
        return Err(refuse(format!("{place} is not available")));
    };
    let id = |value: &Value| {
        value["containerID"]
            .as_str()
            .filter(|id| !id.is_empty())
            .map(str::to_owned)
    };
    let (state, last) = (&status["state"], &status["lastState"]["terminated"]);
    if is_previous {
        return id(last).ok_or_else(|| refuse(format!("previous terminated {place} not found")));
    }
    let found = if !state["running"].is_null() {
        id(status)
    } else if !state["terminated"].is_null() {
        id(&state["terminated"]).or_else(|| id(last))
    } else {
        id(last)
    };
    found.ok_or_else(|| match state["waiting"]["reason"].as_str() {
        Some("ErrImagePull") => refuse(format!("{place} is waiting to start: image can't be pulled")),
        Some("ImagePullBackOff") => refuse(format!("{place} is waiting to start: trying and failing to pull image")),
        Some(reason) => refuse(format!("{place} is waiting to start: {reason}")),
        None if !state["terminated"].is_null() => refuse(format!("{place} is terminated")),
        None => refuse(format!("{place} is waiting to start - no logs yet")),
    })
}

fn instance(cluster: &Cluster, pod: &Value, container: &str, id: &str) -> Option<Arc<Instance>> {
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let name = name_of(pod);
    let instances = [
        cluster.current(namespace, name, container),
        cluster.previous(namespace, name, container),
    ];
    instances.into_iter().flatten().find(|instance| instance.id == id)
}

/// What a request for a log came with.
pub(super) struct Asking<'a> {
    pub(super) query: &'a Query,
    /// The connection, where there is one.
    pub(super) wire: Option<Hold>,
    pub(super) stop: CancellationToken,
}

/// Answers `GET pods/NAME/log`.
pub(super) fn answer(cluster: &Cluster, pod: &Value, request: Asking<'_>) -> Result<Response<Body>, Status> {
    let query = request.query;
    let options = Options::parse(query, name_of(pod), cluster.now())?;
    let container = choose_container(pod, query.get("container"))?;
    if pod["spec"]["nodeName"].as_str().unwrap_or_default().is_empty() {
        return Ok(reply::empty(StatusCode::NO_CONTENT));
    }
    let id = container_id(pod, &container, options.is_previous)?;
    let node = pod["spec"]["nodeName"].as_str().unwrap_or_default();
    if cluster.trouble().has_lost(node) {
        return Err(unreachable(pod, &container));
    }
    let Some(instance) = instance(cluster, pod, &container, &id) else {
        // The header is long sent when the kubelet finds that the runtime has removed the container.
        let text = Bytes::from(format!("unable to retrieve container logs for {id}"));
        return Ok(reply::streamed("text/plain", stream::iter([Ok(text)]), StatusCode::OK));
    };
    let of = Of {
        pod: name_of(pod).to_owned(),
        workload: workload(cluster, pod),
        node: node.to_owned(),
        id: instance.id.clone(),
        wire: request.wire,
    };
    let trouble = cluster.trouble().clone();
    let lines = follow::lines(&instance.log, options, Meeting { trouble, of }, request.stop);
    Ok(reply::streamed("text/plain", lines, StatusCode::OK))
}

/// What the API server says when it cannot reach a kubelet.
pub(super) fn unreachable(pod: &Value, container: &str) -> Status {
    let host = pod["status"]["hostIP"].as_str().unwrap_or_default();
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let place = format!("{host}:10250/containerLogs/{namespace}/{}/{container}", name_of(pod));
    let message = format!("Get \"https://{place}\": dial tcp {host}:10250: connect: no route to host");
    Status {
        reason: None,
        ..Status::new(StatusCode::INTERNAL_SERVER_ERROR, "", message)
    }
}

/// `NAMESPACE/NAME` of what a pod belongs to: its owner, or the Deployment that owns its ReplicaSet.
fn workload(cluster: &Cluster, pod: &Value) -> String {
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let owner = &pod["metadata"]["ownerReferences"][0];
    let name = owner["name"].as_str().unwrap_or_default();
    let set = (owner["kind"] == "ReplicaSet")
        .then(|| cluster.store().get(&Key::new("replicasets", namespace, name)))
        .flatten();
    let above = set.and_then(|set| Some(set["metadata"]["ownerReferences"][0]["name"].as_str()?.to_owned()));
    format!("{namespace}/{}", above.as_deref().unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_795_361_426 * SECOND;

    #[test]
    fn wrong_options_are_refused() {
        let message = |query: &str| {
            Options::parse(&Query::parse(query), "multi", NOW)
                .err()
                .unwrap()
                .message
        };
        assert_eq!(
            message("stream=Stderr&limitBytes=60"),
            "PodLogOptions \"multi\" is invalid: stream: Forbidden: may not be specified"
        );
        assert_eq!(
            message("tailLines=-1"),
            "PodLogOptions \"multi\" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0"
        );
        assert!(message("sinceTime=x").starts_with("parsing time"));
        assert!(message("tailLines=x").starts_with("strconv.ParseInt"));
    }

    #[test]
    fn the_container_must_be_known() {
        let pod = json!({"metadata": {"name": "multi"}, "spec": {
            "initContainers": [{"name": "setup"}, {"name": "sidecar"}], "containers": [{"name": "web"}, {"name": "worker"}]
        }});
        let message = |asked: Option<&str>| choose_container(&pod, asked).unwrap_err().message;
        assert_eq!(
            message(None),
            "a container name must be specified for pod multi, choose one of: [setup sidecar web worker]"
        );
        assert_eq!(message(Some("nope")), "container nope is not valid for pod multi");
        assert_eq!(choose_container(&pod, Some("setup")).unwrap(), "setup");
    }

    #[test]
    fn the_instance_follows_from_the_status() {
        fn check(status: &Value, is_previous: bool, expected: Result<&str, &str>) {
            let mut status = status.clone();
            status["name"] = json!("app");
            let pod = json!({"metadata": {"name": "bad"}, "status": {"containerStatuses": [status]}});
            let found = container_id(&pod, "app", is_previous).map_err(|status| status.message);
            assert_eq!(found.as_deref().map_err(String::as_str), expected);
        }
        let waiting = |reason: &str| json!({"state": {"waiting": {"reason": reason}}});
        let pulling = "container \"app\" in pod \"bad\" is waiting to start: trying and failing to pull image";
        check(&waiting("ImagePullBackOff"), false, Err(pulling));
        let config = "container \"app\" in pod \"bad\" is waiting to start: CreateContainerConfigError";
        check(&waiting("CreateContainerConfigError"), false, Err(config));
        let none = "previous terminated container \"app\" in pod \"bad\" not found";
        check(&json!({"state": {"running": {}}, "containerID": "c1"}), true, Err(none));
        let crashed = json!({
            "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"containerID": "c1"}}
        });
        check(&crashed, false, Ok("c1"));
        check(&crashed, true, Ok("c1"));
        check(
            &json!({"state": {"terminated": {"containerID": "c2"}}}),
            false,
            Ok("c2"),
        );
    }
}
