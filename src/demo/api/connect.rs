//! Exec and attach: what is refused before the upgrade, the websocket handshake, and the session behind it.

use std::sync::Arc;

use http::header::{
    CONNECTION, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use http::{HeaderMap, Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::logs::choose_container;
use super::query::Query;
use super::reply::{self, Body};
use super::status::Status;
use crate::demo::clock::Now;
use crate::demo::cluster::{Cluster, Instance, Request};
use crate::demo::exec::{self, Joining, Options, Protocol};
use crate::demo::shell::Start;

/// Marks an answer that comes from the node, or is no answer but a change of protocols: it has no `Audit-Id`.
#[derive(Clone, Copy)]
pub(super) struct Unaudited;

/// A session that a client asks for.
pub(super) struct Session<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) pod: &'a Value,
    pub(super) query: &'a Query,
    pub(super) headers: &'a HeaderMap,
    /// `None` if the connection cannot change its protocol.
    pub(super) upgrade: Option<OnUpgrade>,
    pub(super) tasks: &'a TaskTracker,
    pub(super) stop: CancellationToken,
    pub(super) now: Now,
}

enum Kind {
    Exec(Joining),
    Attach(Attached),
}

/// A container that a client attaches to.
struct Attached {
    instance: Arc<Instance>,
    cluster: Cluster,
    namespace: String,
    pod: String,
    container: String,
}

impl Session<'_> {
    pub(super) fn exec(self) -> Result<Response<Body>, Status> {
        let options = self.options();
        let argv = self.query.all("command");
        if argv.is_empty() {
            return Err(Status::bad_request(
                "you must specify at least one command for the container",
            ));
        }
        let instance = match self.running_instance()? {
            Ok(instance) => instance,
            Err(response) => return Ok(response),
        };
        let start = Start {
            inside: Arc::clone(&instance.inside),
            argv,
            tty: options.tty,
            stdin: options.stdin,
        };
        let container = instance.exit.clone();
        self.upgrade(options, Kind::Exec(Joining { start, container }))
    }

    pub(super) fn attach(self) -> Result<Response<Body>, Status> {
        let options = self.options();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match self.running_instance()? {
            Ok(instance) => {
                let attached = Attached {
                    instance,
                    cluster: self.cluster.clone(),
                    namespace: text(&self.pod["metadata"]["namespace"]),
                    pod: text(&self.pod["metadata"]["name"]),
                    container: choose_container(self.pod, self.query.get("container"))?,
                };
                self.upgrade(options, Kind::Attach(attached))
            }
            Err(response) => Ok(response),
        }
    }

    fn options(&self) -> Options {
        Options {
            stdin: self.query.is_set("stdin"),
            stdout: self.query.is_set("stdout"),
            stderr: self.query.is_set("stderr"),
            tty: self.query.is_set("tty"),
        }
    }

    /// The instance to talk to, or what the node answers when there is none.
    fn running_instance(&self) -> Result<Result<Arc<Instance>, Response<Body>>, Status> {
        let container = choose_container(self.pod, self.query.get("container"))?;
        if !["stdin", "stdout", "stderr"]
            .iter()
            .any(|stream| self.query.is_set(stream))
        {
            return Err(Status::bad_request(
                "you must specify at least 1 of stdin, stdout, stderr",
            ));
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (namespace, name) = (
            text(&self.pod["metadata"]["namespace"]),
            text(&self.pod["metadata"]["name"]),
        );
        if text(&self.pod["spec"]["nodeName"]).is_empty() {
            return Err(Status::bad_request(format!("pod {name} does not have a host assigned")));
        }
        let current = self.cluster.current(&namespace, &name, &container);
        Ok(current.filter(|instance| instance.is_running()).ok_or_else(|| {
            let message = format!("container not found (\"{container}\")");
            let mut response =
                reply::with_body(StatusCode::INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8", message);
            response.headers_mut().remove(http::header::CACHE_CONTROL);
            unaudited(response)
        }))
    }

    fn upgrade(mut self, options: Options, kind: Kind) -> Result<Response<Body>, Status> {
        let upgrade = self.upgrade.take();
        let header = |name: HeaderName| self.headers.get(name).and_then(|value| value.to_str().ok());
        let is_websocket = header(UPGRADE).is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"));
        let key = header(SEC_WEBSOCKET_KEY);
        let (true, Some(key), Some(upgrade)) = (is_websocket, key, upgrade) else {
            // SPDY, too, is refused so; a client that has websockets does not ask for it.
            return Err(Status::bad_request("Upgrade request required"));
        };
        let offered = header(SEC_WEBSOCKET_PROTOCOL).unwrap_or_default();
        let Some(protocol) = exec::choose(offered) else {
            let mut response = unaudited(reply::empty(StatusCode::FORBIDDEN));
            response.headers_mut().remove(http::header::CACHE_CONTROL);
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
            return Ok(response);
        };
        let response = switching(key, protocol);
        let serving = serve(upgrade, (protocol, options), kind, self.now);
        let stop = self.stop;
        self.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = serving => {}
            }
        });
        Ok(response)
    }
}

fn unaudited(mut response: Response<Body>) -> Response<Body> {
    response.extensions_mut().insert(Unaudited);
    response
}

fn switching(key: &str, protocol: Protocol) -> Response<Body> {
    let mut response = unaudited(reply::empty(StatusCode::SWITCHING_PROTOCOLS));
    let headers = response.headers_mut();
    headers.remove(http::header::CACHE_CONTROL);
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol.name()));
    response
}

async fn serve(upgrade: OnUpgrade, (protocol, options): (Protocol, Options), kind: Kind, now: Now) {
    // The client may be gone before the protocol has changed; then there is nobody to tell.
    let Ok(upgraded) = upgrade.await else { return };
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    match kind {
        Kind::Exec(joining) => exec::exec(socket, protocol, options, joining, now).await,
        Kind::Attach(attached) => {
            let Attached {
                instance,
                cluster,
                namespace,
                pod,
                container,
            } = attached;
            if let Some(code) = exec::attach(socket, protocol, options, instance, now).await {
                cluster.request(Request::EndContainer {
                    namespace,
                    pod,
                    container,
                    code,
                });
            }
        }
    }
}
