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

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, DATE, HeaderValue, USER_AGENT};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::upgrade::OnUpgrade;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::auth::{Ask, Identity};
pub use self::auth::{Auth, PeerCertificate};
use self::connect::{Session, Unaudited};
use self::discovery::Asked;
use self::list::{ListOptions, list};
use self::logs::{Asking, answer as answer_log, choose_container, unreachable};
use self::mutate::{DeleteOptions, Deleted, Edit, Run, Site};
use self::query::Query;
pub use self::reply::Body;
use self::reply::Layout;
use self::resource::Resource;
use self::selector::Selection;
use self::show::{Form, Shown};
use self::status::{Details, Status};
use self::table::{Include, Rows};
use self::target::Target;
use self::view::{Page, View};
use self::watch::Watch;
use crate::demo::clock;
use crate::demo::cluster::Cluster;
use crate::demo::scenario::fault::Requests;
use crate::demo::wire::Hold;

/// Bytes of a request body that are read; the limit of a real API server.
const LARGEST_BODY: usize = 3 * 1024 * 1024;

/// The tasks that sessions run in, and the signal that ends them and every open stream.
#[derive(Clone, Default)]
pub struct Tasks {
    pub tracker: TaskTracker,
    pub stop: CancellationToken,
}

/// The API of one cluster. A cheap handle.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

struct Inner {
    cluster: Cluster,
    auth: Auth,
    resources: Vec<Resource>,
    tasks: Tasks,
    /// Requests so far, of which each has an `Audit-Id`.
    requests: AtomicU64,
}

impl Api {
    pub fn new(cluster: Cluster, auth: Auth, tasks: Tasks) -> Self {
        Self(Arc::new(Inner {
            cluster,
            auth,
            resources: resource::all(),
            tasks,
            requests: AtomicU64::new(0),
        }))
    }

    /// The same cluster for a client that is mounted without TLS and sends no credentials.
    #[must_use]
    pub fn trusting(&self, user: &str) -> Self {
        let Inner {
            cluster, auth, tasks, ..
        } = &*self.0;
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
        let answered = match read_body(&parts.method, body).await {
            Ok(body) => {
                let call = Call {
                    inner,
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
            let id = digest::uuid(&format!("request {request} of {}", self.cluster.name()));
            if let Ok(id) = HeaderValue::from_str(&id) {
                response.headers_mut().insert("audit-id", id);
            }
        }
        if self.cluster.trouble().skew() != 0
            && let Some(date) = clock::strftime("%a, %d %b %Y %H:%M:%S GMT", self.cluster.now())
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

fn shown(code: StatusCode, bytes: Vec<u8>) -> Response<Body> {
    reply::with_body(code, "application/json", bytes)
}

/// One request, read.
struct Call<'a> {
    inner: &'a Inner,
    parts: &'a Parts,
    query: &'a Query,
    layout: Layout,
    body: &'a Bytes,
}

/// What a request for a known resource is about.
struct Subject<'a> {
    resource: &'a Resource,
    target: &'a Target,
    identity: &'a Identity,
    verb: &'static str,
}

impl Subject<'_> {
    fn name(&self) -> &str {
        self.target.name.as_deref().unwrap_or_default()
    }

    fn namespace(&self) -> Option<&str> {
        // A namespace itself is cluster-wide, although rules look for it inside itself.
        self.target.namespace.as_deref().filter(|_| self.resource.is_namespaced)
    }
}

impl Call<'_> {
    async fn answer(&self, upgrade: Option<OnUpgrade>) -> Result<Response<Body>, Status> {
        let identity = self
            .inner
            .auth
            .authenticate(&self.parts.headers, &self.parts.extensions)?;
        let path = query::decode(self.parts.uri.path());
        let Some(target) = Target::parse(&path) else {
            return self.answer_path(&identity, &path);
        };
        let verb = target.verb(&self.parts.method, self.query);
        self.refuse(&target, verb)?;
        let ask = target.ask(verb);
        if !identity.may(&ask) {
            return Err(identity.refusal(&ask));
        }
        let found = self.inner.resources.iter().find(|resource| target.is_of(resource));
        let Some(resource) = found else {
            return Ok(reply::no_such_path());
        };
        let allowed = match target.subresource.as_deref() {
            None => resource.allows(verb),
            Some(name) => match resource.subresource(name) {
                Some(subresource) => subresource.verbs.contains(&verb),
                None => return Ok(reply::no_such_path()),
            },
        };
        let lacks_namespace = resource.is_namespaced && target.namespace.is_none();
        if !allowed || (lacks_namespace && !matches!(verb, "list" | "watch")) {
            return Err(Status::method_not_allowed());
        }
        let subject = Subject {
            resource,
            target: &target,
            identity: &identity,
            verb,
        };
        match target.subresource.as_deref() {
            None => self.answer_resource(&subject).await,
            Some(subresource) => self.answer_subresource(&subject, subresource, upgrade),
        }
    }

    /// A refusal that the scenario has for such requests now.
    fn refuse(&self, target: &Target, verb: &str) -> Result<(), Status> {
        let requests = match (target.subresource.as_deref(), verb) {
            (Some("log"), _) => Requests::Log,
            (Some("exec" | "attach"), _) => Requests::Exec,
            (_, "list") => Requests::List,
            (_, "watch") => Requests::Watch,
            _ => Requests::Get,
        };
        match self.inner.cluster.trouble().refusal(requests) {
            Some((code, retry_after)) => Err(Status::trouble(code, retry_after)),
            None => Ok(()),
        }
    }

    fn answer_path(&self, identity: &Identity, path: &str) -> Result<Response<Body>, Status> {
        let verb = self.parts.method.as_str().to_lowercase();
        if self.parts.method != Method::GET || !identity.may_get_path(path) {
            return Err(identity.refusal_of_path(&verb, path));
        }
        let asked = Asked {
            path,
            query: self.query,
            headers: &self.parts.headers,
            layout: self.layout,
        };
        Ok(discovery::answer(&self.inner.resources, &asked).unwrap_or_else(reply::no_such_path))
    }

    async fn answer_resource(&self, subject: &Subject<'_>) -> Result<Response<Body>, Status> {
        let now = self.inner.cluster.now();
        match subject.verb {
            "list" => self.list(subject).await,
            "watch" => self.watch(subject),
            "get" => {
                let object = self.site(subject)?.get(subject.name())?;
                Ok(shown(StatusCode::OK, self.view(subject)?.one(&object, now)))
            }
            "create" if subject.resource.group.starts_with("auth") => {
                let (code, review) = review::answer(subject.resource, subject.identity, &self.json()?, now)?;
                Ok(shown(code, self.view(subject)?.one(&review, now)))
            }
            "create" => {
                self.require_namespace(subject)?;
                let created = self.site(subject)?.create(&self.json()?)?;
                Ok(shown(StatusCode::CREATED, self.view(subject)?.one(&created, now)))
            }
            "update" | "patch" => {
                let body = self.json()?;
                let edited = self.site(subject)?.edit(subject.name(), &self.edit(&body)?)?;
                Ok(shown(StatusCode::OK, self.view(subject)?.one(&edited, now)))
            }
            "delete" => self.delete(subject),
            _ => self.delete_all(subject),
        }
    }

    fn answer_subresource(
        &self,
        subject: &Subject<'_>,
        subresource: &str,
        upgrade: Option<OnUpgrade>,
    ) -> Result<Response<Body>, Status> {
        let site = self.site(subject)?;
        let (name, now) = (subject.name(), self.inner.cluster.now());
        let is_get = subject.verb == "get";
        match subresource {
            "log" => {
                let asking = Asking {
                    query: self.query,
                    wire: self.parts.extensions.get::<Hold>().cloned(),
                    stop: self.inner.tasks.stop.clone(),
                };
                answer_log(&self.inner.cluster, &*site.get(name)?, asking)
            }
            "exec" | "attach" => self.connect(subject, subresource, upgrade),
            "scale" => {
                let scale = if is_get {
                    site.scale(name)?
                } else {
                    let body = self.json()?;
                    site.edit_scale(name, &self.edit(&body)?)?
                };
                let shown = Shown {
                    kind: "Scale",
                    api_version: "autoscaling/v1",
                    object: &scale,
                };
                Ok(reply::json(StatusCode::OK, self.layout, &shown))
            }
            "ephemeralcontainers" if !is_get => {
                let body = self.json()?;
                let pod = site.edit_ephemeral(name, &self.edit(&body)?)?;
                Ok(shown(StatusCode::OK, self.view(subject)?.one(&pod, now)))
            }
            _ => Ok(shown(StatusCode::OK, self.view(subject)?.one(&*site.get(name)?, now))),
        }
    }

    fn view(&self, subject: &Subject<'_>) -> Result<View, Status> {
        let accept = self.parts.headers.get(ACCEPT).and_then(|value| value.to_str().ok());
        Ok(View {
            rows: Rows {
                resource: subject.resource.clone(),
                include: Include::parse(self.query.get("includeObject")),
            },
            form: Form::accepted(accept)?,
            layout: self.layout,
        })
    }

    fn site<'a>(&'a self, subject: &'a Subject<'_>) -> Result<Site<'a>, Status> {
        let run = match self.query.get("dryRun") {
            None => Run::Real,
            Some("All") => Run::Dry,
            Some(other) => {
                let message = format!("dryRun: Unsupported value: \"{other}\": supported values: \"All\"");
                return Err(Status::bad_request(message));
            }
        };
        Ok(Site {
            cluster: &self.inner.cluster,
            resource: subject.resource,
            namespace: subject.namespace().unwrap_or_default(),
            run,
        })
    }

    fn selection(&self, subject: &Subject<'_>) -> Result<Selection, Status> {
        let selectors = (self.query.get("labelSelector"), self.query.get("fieldSelector"));
        Selection::parse(subject.resource, subject.namespace(), selectors)
    }

    async fn list(&self, subject: &Subject<'_>) -> Result<Response<Body>, Status> {
        let view = self.view(subject)?;
        let options = ListOptions::parse(self.query)?;
        let selection = self.selection(subject)?;
        let store = self.inner.cluster.store();
        let page = list(store, subject.resource.plural, &selection, &options).await?;
        Ok(shown(StatusCode::OK, view.page(&page, self.inner.cluster.now())))
    }

    fn watch(&self, subject: &Subject<'_>) -> Result<Response<Body>, Status> {
        let options = ListOptions::parse(self.query)?;
        let cluster = self.inner.cluster.clone();
        let watch = Watch {
            view: self.view(subject)?,
            selection: self.selection(subject)?,
            store: cluster.store().clone(),
            now: Arc::new(move || cluster.now()),
            stop: self.inner.tasks.stop.clone(),
        };
        let lines = watch.stream(self.query, &options)?;
        Ok(reply::streamed("application/json", lines, StatusCode::OK))
    }

    fn require_namespace(&self, subject: &Subject<'_>) -> Result<(), Status> {
        let Some(namespace) = subject.namespace() else {
            return Ok(());
        };
        let namespaces = self
            .inner
            .resources
            .iter()
            .find(|resource| resource.plural == "namespaces");
        let Some(resource) = namespaces else { return Ok(()) };
        let site = Site {
            cluster: &self.inner.cluster,
            resource,
            namespace: "",
            run: Run::Dry,
        };
        site.get(namespace).map(drop)
    }

    fn content_type(&self) -> &str {
        self.parts
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("application/json")
    }

    fn json(&self) -> Result<Value, Status> {
        let media = self.content_type().split(';').next().unwrap_or_default().trim();
        if media == protobuf::MEDIA_TYPE {
            // The kinds that clients send so and that are not read here can be sent as JSON.
            return protobuf::read(self.body).ok_or_else(|| Status::unsupported_media("application/json"));
        }
        if !(media == "application/json" || media.ends_with("patch+json")) {
            let accepted = if self.parts.method == Method::PATCH {
                patch::MEDIA_TYPES
            } else {
                "application/json"
            };
            return Err(Status::unsupported_media(accepted));
        }
        serde_json::from_slice(self.body).map_err(|error| {
            Status::bad_request(format!(
                "the object provided is unrecognized (must be of type JSON): {error}"
            ))
        })
    }

    fn edit<'a>(&self, body: &'a Value) -> Result<Edit<'a>, Status> {
        if self.parts.method == Method::PUT {
            return Ok(Edit::Replace(body));
        }
        let kind = patch::Kind::of_media_type(self.content_type());
        let kind = kind.ok_or_else(|| Status::unsupported_media(patch::MEDIA_TYPES))?;
        Ok(Edit::Patch(kind, body))
    }

    fn delete_options(&self) -> Result<DeleteOptions, Status> {
        let body = if self.body.is_empty() { json!({}) } else { self.json()? };
        let in_body = body["gracePeriodSeconds"].as_i64();
        Ok(DeleteOptions {
            grace_seconds: in_body.or(list::integer(self.query, "gracePeriodSeconds")?),
            uid: body["preconditions"]["uid"].as_str().map(str::to_owned),
        })
    }

    /// `dryRun` may stand in the body of a deletion, too.
    fn deletion_site<'a>(&'a self, subject: &'a Subject<'_>) -> Result<Site<'a>, Status> {
        let site = self.site(subject)?;
        let body = if self.body.is_empty() { json!({}) } else { self.json()? };
        let is_dry = body["dryRun"].as_array().is_some_and(|stages| !stages.is_empty());
        let run = if is_dry { Run::Dry } else { site.run };
        Ok(Site { run, ..site })
    }

    fn delete(&self, subject: &Subject<'_>) -> Result<Response<Body>, Status> {
        let options = self.delete_options()?;
        match self.deletion_site(subject)?.delete(subject.name(), &options)? {
            Deleted::Going(object) => {
                let now = self.inner.cluster.now();
                Ok(shown(StatusCode::OK, self.view(subject)?.one(&object, now)))
            }
            Deleted::Gone(status) => Ok(reply::status(self.layout, &status)),
        }
    }

    fn delete_all(&self, subject: &Subject<'_>) -> Result<Response<Body>, Status> {
        let options = self.delete_options()?;
        let selection = self.selection(subject)?;
        let site = self.deletion_site(subject)?;
        let (objects, version) = self
            .inner
            .cluster
            .store()
            .list(subject.resource.plural, subject.namespace());
        let chosen: Vec<_> = objects.into_iter().filter(|object| selection.matches(object)).collect();
        for object in &chosen {
            // One that has gone meanwhile is what was wanted.
            drop(site.delete(object["metadata"]["name"].as_str().unwrap_or_default(), &options));
        }
        let page = Page {
            objects: chosen,
            version,
            continue_token: None,
            remaining: None,
        };
        Ok(shown(
            StatusCode::OK,
            self.view(subject)?.page(&page, self.inner.cluster.now()),
        ))
    }

    fn connect(
        &self,
        subject: &Subject<'_>,
        subresource: &str,
        upgrade: Option<OnUpgrade>,
    ) -> Result<Response<Body>, Status> {
        let create = Ask {
            verb: "create",
            ..subject.target.ask(subject.verb)
        };
        // Whoever may only get must not run commands by way of a websocket's GET; the answer gives no reason.
        if !subject.identity.may(&create) {
            let details = Details {
                name: subject.name().to_owned(),
                kind: subject.resource.plural.to_owned(),
                ..Details::default()
            };
            let message = format!("pods \"{}\" is forbidden: ", subject.name());
            return Err(Status {
                nosniff: false,
                ..Status::forbidden(message, details)
            });
        }
        let cluster = self.inner.cluster.clone();
        let pod = self.site(subject)?.get(subject.name())?;
        let node = pod["spec"]["nodeName"].as_str().unwrap_or_default();
        if cluster.trouble().has_lost(node) {
            let container = choose_container(&pod, self.query.get("container"))?;
            return Err(unreachable(&pod, &container));
        }
        let session = Session {
            cluster: &self.inner.cluster,
            pod: &pod,
            query: self.query,
            headers: &self.parts.headers,
            upgrade,
            tasks: &self.inner.tasks.tracker,
            stop: self.inner.tasks.stop.clone(),
            now: Arc::new(move || cluster.now()),
        };
        match subresource {
            "exec" => session.exec(),
            _ => session.attach(),
        }
    }
}
