//! The questions that following a log asks of the server: for the log itself, and whose log it is by now.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use k8s_openapi::api::core::v1::Pod;
use kube::client::Body;
use kube::{Api, Client};
use tokio::time::timeout;

use super::instance::{Place, served};
use super::request::{Follows, LogRequest};
use super::split::Splitter;
use super::vigil::Newest;
use crate::cluster::cause::{Failure, FailureKind};
use crate::cluster::connect::Link;
use crate::cluster::rows::pod_row;
use crate::model::{Line, Target, Time};

const ANSWER: Duration = Duration::from_secs(20);
/// A longer line is not looked at.
const MOST_LINE_BYTES: usize = 1 << 20;
const MOST_ERROR_BYTES: usize = 64 * 1024;

/// What was asked, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) place: Place,
    pub(super) follows: Follows,
    pub(super) opened: Time,
}

/// The head of an answer.
pub(super) enum Answer {
    /// Its body is the log.
    Log(http::Response<Body>),
    /// 204: the pod has no node yet.
    Unscheduled,
    Refused(Failure),
}

/// What a log has at its end. `uri` asks for its last line.
pub(super) async fn newest(link: Arc<Link>, uri: String) -> Newest {
    let Some(body) = last_line(&link, uri).await else {
        return Newest::Unknown;
    };
    let is_empty = body.is_empty();
    let mut splitter = Splitter::default();
    splitter.feed(body);
    let last = splitter.next().or_else(|| splitter.finish());
    let stamped = last.and_then(|last| Some((last.time?, last.bytes)));
    match stamped {
        Some((time, bytes)) => Newest::Line(Line { time, bytes }),
        None if is_empty => Newest::Nothing,
        // The kubelet's complaint, perhaps.
        None => Newest::Unknown,
    }
}

async fn last_line(link: &Link, uri: String) -> Option<Bytes> {
    let request = http::Request::get(uri).body(Body::empty()).ok()?;
    let turn = link.turn().await;
    let answer = async {
        let response = link.api.send(request).await.ok()?;
        let good = response.status().is_success();
        let body = Limited::new(response.into_body(), MOST_LINE_BYTES)
            .collect()
            .await
            .ok()?;
        good.then(|| body.to_bytes())
    };
    let body = timeout(ANSWER, answer).await.ok()?;
    drop(turn);
    body
}

/// Whose log the server serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    Ours,
    Another,
    /// The server does not say.
    Unknown,
}

/// Asks for a log. An error is the connection's.
pub(super) async fn ask(link: &Link, client: &Client, request: LogRequest<'_>) -> Result<Answer, Failure> {
    let request = http::Request::get(request.uri()).body(Body::empty());
    let request = request.map_err(|error| Failure::broken(error.to_string()))?;
    let turn = link.turn().await;
    let response = match timeout(ANSWER, client.send(request)).await {
        Ok(answer) => answer.map_err(|error| Failure::of(&error))?,
        Err(_) => return Err(Failure::no_answer(ANSWER)),
    };
    drop(turn);
    if response.status() == http::StatusCode::NO_CONTENT {
        return Ok(Answer::Unscheduled);
    }
    if response.status().is_success() {
        return Ok(Answer::Log(response));
    }
    Ok(Answer::Refused(refusal(response).await))
}

async fn refusal(response: http::Response<Body>) -> Failure {
    let (head, body) = response.into_parts();
    let body = match timeout(ANSWER, Limited::new(body, MOST_ERROR_BYTES).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) | Err(_) => Bytes::new(),
    };
    Failure::of_answer(&head, &body)
}

/// Whether the log served at `place` is that of the instance `ours`, by the pod as it is now.
pub(super) async fn identity(link: &Link, target: &Target, ours: &Arc<str>, place: Place) -> Identity {
    let pods: Api<Pod> = Api::namespaced(link.api.clone(), &target.pod.namespace);
    // After a server's restart all streams may ask at once.
    let turn = link.turn().await;
    let pod = match timeout(ANSWER, pods.get(&target.pod.name)).await {
        Ok(Ok(pod)) => pod,
        Ok(Err(error)) if Failure::of(&error).is(FailureKind::NotFound) => return Identity::Another,
        Ok(Err(_)) | Err(_) => return Identity::Unknown,
    };
    drop(turn);
    let row = pod_row(target.pod.context, pod).filter(|row| row.key == target.pod);
    let id = row.and_then(|row| served(row.container(&target.container)?, place));
    if id.as_ref() == Some(ours) {
        Identity::Ours
    } else {
        Identity::Another
    }
}
