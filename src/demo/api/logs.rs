//! Container logs: which instance is meant, which lines of it, and one HTTP chunk for each line.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, stream};
use http::{Response, StatusCode};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::list::integer;
use super::query::Query;
use super::reply::{self, Body};
use super::status::{Cause, Status, Subject};
use crate::demo::clock::{self, SECOND};
use crate::demo::cluster::{Cluster, Instance};
use crate::demo::log::{Entry, Log};

/// `PodLogOptions`.
struct Options {
    is_previous: bool,
    follows: bool,
    has_timestamps: bool,
    /// Unix nanoseconds; lines from before are left out.
    since: Option<i64>,
    /// Lines.
    tail: Option<usize>,
    /// Bytes of the answer, time stamps included.
    limit: Option<usize>,
}

impl Options {
    fn parse(query: &Query, pod: &str, now: i64) -> Result<Self, Status> {
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

/// Answers `GET pods/NAME/log`.
pub(super) fn answer(
    cluster: &Cluster,
    pod: &Value,
    query: &Query,
    stop: CancellationToken,
) -> Result<Response<Body>, Status> {
    let options = Options::parse(query, name_of(pod), cluster.now())?;
    let container = choose_container(pod, query.get("container"))?;
    if pod["spec"]["nodeName"].as_str().unwrap_or_default().is_empty() {
        return Ok(reply::empty(StatusCode::NO_CONTENT));
    }
    let id = container_id(pod, &container, options.is_previous)?;
    let Some(instance) = instance(cluster, pod, &container, &id) else {
        // The header is long sent when the kubelet finds that the runtime has removed the container.
        let text = Bytes::from(format!("unable to retrieve container logs for {id}"));
        return Ok(reply::streamed("text/plain", stream::iter([Ok(text)]), StatusCode::OK));
    };
    Ok(reply::streamed(
        "text/plain",
        lines(&instance.log, options, stop),
        StatusCode::OK,
    ))
}

fn lines(log: &Log, options: Options, stop: CancellationToken) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
    let reader = Reader::start(log, options, stop);
    stream::unfold(reader, |mut reader| async move {
        let piece = reader.next().await?;
        Some((piece, reader))
    })
}

struct Reader {
    log: Log,
    changed: tokio::sync::watch::Receiver<usize>,
    /// The number of the next line to read.
    at: usize,
    pending: VecDeque<Entry>,
    /// Bytes that may still be sent.
    left: usize,
    options: Options,
    stop: CancellationToken,
}

impl Reader {
    fn start(log: &Log, options: Options, stop: CancellationToken) -> Self {
        let changed = log.changed();
        let (entries, at) = log.follow(0);
        // The tail is counted in lines of the file; what is older than `since` is dropped from it afterwards.
        let first = options.tail.map_or(0, |tail| entries.len().saturating_sub(tail));
        let pending = entries
            .into_iter()
            .skip(first)
            .filter(|entry| options.is_wanted(entry))
            .collect();
        Self {
            log: log.clone(),
            changed,
            at,
            pending,
            left: options.limit.unwrap_or(usize::MAX),
            options,
            stop,
        }
    }

    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            if self.left == 0 {
                return None;
            }
            if let Some(entry) = self.pending.pop_front() {
                return Some(Ok(self.line(&entry)));
            }
            if !self.options.follows {
                return None;
            }
            // In this order, so that no line between the two looks is lost.
            let is_ended = self.log.is_ended();
            let (entries, at) = self.log.follow(self.at);
            self.at = at;
            self.pending
                .extend(entries.into_iter().filter(|entry| self.options.is_wanted(entry)));
            if self.pending.is_empty() {
                if is_ended {
                    return None;
                }
                tokio::select! {
                    () = self.stop.cancelled() => return Some(Err(io::ErrorKind::ConnectionAborted.into())),
                    changed = self.changed.changed() => changed.ok()?,
                }
            }
        }
    }

    fn line(&mut self, entry: &Entry) -> Bytes {
        let mut line = Vec::with_capacity(entry.bytes.len() + 36);
        if self.options.has_timestamps {
            line.extend_from_slice(clock::rfc3339_nano(entry.nanos).as_bytes());
            line.push(b' ');
        }
        line.extend_from_slice(&entry.bytes);
        line.push(b'\n');
        line.truncate(self.left);
        self.left -= line.len();
        Bytes::from(line)
    }
}

impl Options {
    fn is_wanted(&self, entry: &Entry) -> bool {
        self.since.is_none_or(|since| entry.nanos >= since)
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;
    use serde_json::json;

    use super::*;
    use crate::demo::log::Stream as Output;

    const NOW: i64 = 1_795_361_426 * SECOND;

    fn entry(nanos: i64, text: &str) -> Entry {
        Entry {
            nanos,
            stream: Output::Stdout,
            bytes: Bytes::copy_from_slice(text.as_bytes()),
        }
    }

    fn log() -> Log {
        let log = Log::new();
        for (ago, text) in [(4_000, "one"), (2_500, "two"), (1_200, "three"), (100, "four")] {
            log.append(entry(NOW - ago * 1_000_000, text));
        }
        log
    }

    async fn read(query: &str) -> String {
        let options = Options::parse(&Query::parse(query), "multi", NOW).unwrap();
        let pieces: Vec<_> = lines(&log(), options, CancellationToken::new())
            .map(Result::unwrap)
            .collect()
            .await;
        String::from_utf8(pieces.concat()).unwrap()
    }

    #[tokio::test]
    async fn the_wanted_lines_are_given() {
        assert_eq!(read("").await, "one\ntwo\nthree\nfour\n");
        assert_eq!(read("tailLines=2").await, "three\nfour\n");
        assert_eq!(read("tailLines=0").await, "");
        assert_eq!(read("sinceSeconds=2").await, "three\nfour\n");
        // 15:30:23.500 is cut to 15:30:23, and the bound is inclusive.
        assert_eq!(read("sinceTime=2026-11-22T15:30:23.900Z").await, "two\nthree\nfour\n");
        assert_eq!(read("tailLines=3&sinceSeconds=2").await, "three\nfour\n");
        assert_eq!(read("limitBytes=6").await, "one\ntw");
        assert_eq!(
            read("timestamps=true&tailLines=1").await,
            "2026-11-22T15:30:25.900000000Z four\n"
        );
    }

    #[tokio::test]
    async fn a_followed_log_gives_each_line_as_a_piece_until_its_end() {
        let log = log();
        let options = Options::parse(&Query::parse("follow=true&tailLines=1"), "multi", NOW).unwrap();
        let mut stream = Box::pin(lines(&log, options, CancellationToken::new()));
        assert_eq!(stream.next().await.unwrap().unwrap(), "four\n");
        log.append(entry(NOW, "five"));
        log.append(entry(NOW, "six"));
        assert_eq!(stream.next().await.unwrap().unwrap(), "five\n");
        assert_eq!(stream.next().await.unwrap().unwrap(), "six\n");
        log.end();
        assert!(stream.next().await.is_none());
    }

    #[tokio::test]
    async fn a_stopping_server_breaks_a_followed_log() {
        let options = Options::parse(&Query::parse("follow=true&tailLines=0"), "multi", NOW).unwrap();
        let stop = CancellationToken::new();
        let mut stream = Box::pin(lines(&log(), options, stop.clone()));
        stop.cancel();
        assert!(stream.next().await.unwrap().is_err());
    }

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
