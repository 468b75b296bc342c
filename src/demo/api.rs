//! The Kubernetes API of one cluster as a tower service: who asks, for what, may they, and then the answer.

mod digest;
mod resource;
mod query;
mod status;
mod reply;
mod show;
mod auth;
mod selector;
mod table;
mod view;
mod list;
mod watch;
mod follow;
mod logs;
mod connect;
mod openapi;
mod discovery;
mod review;
mod protobuf;
mod patch;
mod validate;
mod mutate;
mod target;
mod call;

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{DATE, HeaderValue, USER_AGENT};
use http::request::Parts;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Limited};
use hyper::upgrade::OnUpgrade;

pub use self::auth::{Auth, PeerCertificate};
pub use self::call::Tasks;
use self::call::{Call, Host};
use self::connect::Unaudited;
use self::query::Query;
pub use self::reply::Body;
use self::reply::Layout;
use self::status::Status;
use crate::demo::clock;
use crate::demo::cluster::Cluster;

/// Bytes of a request body that are read; the limit of a real API server.
const LARGEST_BODY: usize = 3 * 1024 * 1024;

/// The API of one cluster. A cheap handle.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

struct Inner {
    host: Host,
    /// Requests so far, of which each has an `Audit-Id`.
    requests: AtomicU64,
}

impl Api {
    pub fn new(cluster: Cluster, auth: Auth, tasks: Tasks) -> Self {
        Self(Arc::new(Inner {
            host: Host {
                cluster,
                auth,
                resources: resource::all(),
                tasks,
            },
            requests: AtomicU64::new(0),
        }))
    }

    /// The same cluster for a client that is mounted without TLS and sends no credentials.
    #[must_use]
    pub fn trusting(&self, user: &str) -> Self {
        let Host {
            cluster, auth, tasks, ..
        } = &self.0.host;
        Self::new(cluster.clone(), auth.clone().trusting(user), tasks.clone())
    }

    async fn answer<B>(self, mut request: Request<B>) -> Response<Body>
    where
        B: hyper::body::Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let upgrade = request.extensions_mut().remove::<OnUpgrade>();
        let (parts, body) = request.into_parts();
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        let layout = layout(&parts, &query);
        let inner = &*self.0;
        inner.host.cluster.trouble().book().traffic().asked();
        let answered = match read_body(&parts.method, body).await {
            Ok(body) => {
                let call = Call {
                    host: &inner.host,
                    parts: &parts,
                    query: &query,
                    layout,
                    body: &body,
                };
                call.answer(upgrade).await
            }
            Err(status) => Err(status),
        };
        let response = answered.unwrap_or_else(|status| reply::status(layout, &status));
        inner.with_audit_id(response)
    }
}

impl Inner {
    fn with_audit_id(&self, mut response: Response<Body>) -> Response<Body> {
        if response.extensions().get::<Unaudited>().is_none() {
            let request = self.requests.fetch_add(1, Ordering::Relaxed);
            let id = digest::uuid(&format!("request {request} of {}", self.host.cluster.name()));
            if let Ok(id) = HeaderValue::from_str(&id) {
                response.headers_mut().insert("audit-id", id);
            }
        }
        if self.host.cluster.trouble().skew() != 0
            && let Some(date) = clock::strftime("%a, %d %b %Y %H:%M:%S GMT", self.host.cluster.now())
            && let Ok(date) = HeaderValue::from_str(&date)
        {
            // In the place of the one that the HTTP server writes by the true time.
            response.headers_mut().insert(DATE, date);
        }
        response
    }
}

impl<B> tower::Service<Request<B>> for Api
where
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let api = self.clone();
        Box::pin(async move { Ok(api.answer(request).await) })
    }
}

/// People who look with curl or a browser get lines to read.
fn layout(parts: &Parts, query: &Query) -> Layout {
    let agent = parts
        .headers
        .get(USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let is_person = ["curl", "Wget", "Mozilla/5.0"]
        .iter()
        .any(|prefix| agent.starts_with(prefix));
    let is_pretty = if query.has("pretty") {
        query.is_set("pretty")
    } else {
        is_person
    };
    if is_pretty { Layout::Pretty } else { Layout::Compact }
}

async fn read_body<B>(method: &Method, body: B) -> Result<Bytes, Status>
where
    B: hyper::body::Body<Data = Bytes> + Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    if *method == Method::GET {
        return Ok(Bytes::new());
    }
    let collected = Limited::new(body, LARGEST_BODY).collect().await;
    collected
        .map(http_body_util::Collected::to_bytes)
        .map_err(|_| Status::too_large(LARGEST_BODY))
}
