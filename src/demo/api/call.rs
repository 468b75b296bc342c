//! One request to a cluster: who asks, whether they may, and which of the resource's answers it gets.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::auth::{Ask, Auth, Identity};
use super::connect::Session;
use super::discovery::{self, Asked};
use super::list::{self, ListOptions, list};
use super::logs::{Asking, answer as answer_log, choose_container, unreachable};
use super::mutate::{DeleteOptions, Deleted, Edit, Run, Site};
use super::patch;
use super::protobuf;
use super::query::{self, Query};
use super::reply::{self, Body, Layout};
use super::resource::Resource;
use super::review;
use super::selector::Selection;
use super::show::{Form, Shown};
use super::status::{Details, Status};
use super::table::{Include, Rows};
use super::target::Target;
use super::view::{Page, View};
use super::watch::Watch;
use crate::demo::cluster::Cluster;
use crate::demo::scenario::fault::Requests;
use crate::demo::wire::Hold;

/// The tasks that sessions run in, and the signal that ends them and every open stream.
#[derive(Clone, Default)]
pub struct Tasks {
    pub tracker: TaskTracker,
    pub stop: CancellationToken,
}

fn shown(code: StatusCode, bytes: Vec<u8>) -> Response<Body> {
    reply::with_body(code, "application/json", bytes)
}

/// What answers: a cluster, who may ask it, and where its sessions run.
pub(super) struct Host {
    pub(super) cluster: Cluster,
    pub(super) auth: Auth,
    pub(super) resources: Vec<Resource>,
    pub(super) tasks: Tasks,
}

/// One request, read.
pub(super) struct Call<'a> {
    pub(super) host: &'a Host,
    pub(super) parts: &'a Parts,
    pub(super) query: &'a Query,
    pub(super) layout: Layout,
    pub(super) body: &'a Bytes,
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

/// Which requests a fault means that are refused or late.
fn requests(target: &Target, verb: &str) -> Requests {
    match (target.subresource.as_deref(), verb) {
        (Some("log"), _) => Requests::Log,
        (Some("exec" | "attach"), _) => Requests::Exec,
        (_, "list") => Requests::List,
        (_, "watch") => Requests::Watch,
        _ => Requests::Get,
    }
}

impl Call<'_> {
    pub(super) async fn answer(&self, upgrade: Option<OnUpgrade>) -> Result<Response<Body>, Status> {
        let identity = self
            .host
            .auth
            .authenticate(&self.parts.headers, &self.parts.extensions)?;
        let path = query::decode(self.parts.uri.path());
        let Some(target) = Target::parse(&path) else {
            return self.answer_path(&identity, &path);
        };
        let verb = target.verb(&self.parts.method, self.query);
        let requests = requests(&target, verb);
        let traffic = self.host.cluster.trouble().book().traffic();
        // Held until the answer begins.
        let _opening = (requests == Requests::Log).then(|| traffic.opening());
        self.refuse(requests)?;
        if let Some(late) = self.host.cluster.trouble().lateness(requests) {
            tokio::time::sleep(late).await;
        }
        let ask = target.ask(verb);
        if !identity.may(&ask) {
            return Err(identity.refusal(&ask));
        }
        let found = self.host.resources.iter().find(|resource| target.is_of(resource));
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
    fn refuse(&self, requests: Requests) -> Result<(), Status> {
        match self.host.cluster.trouble().refusal(requests) {
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
        Ok(discovery::answer(&self.host.resources, &asked).unwrap_or_else(reply::no_such_path))
    }

    async fn answer_resource(&self, subject: &Subject<'_>) -> Result<Response<Body>, Status> {
        let now = self.host.cluster.now();
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
        let (name, now) = (subject.name(), self.host.cluster.now());
        let is_get = subject.verb == "get";
        match subresource {
            "log" => {
                let asking = Asking {
                    query: self.query,
                    wire: self.parts.extensions.get::<Hold>().cloned(),
                    stop: self.host.tasks.stop.clone(),
                };
                answer_log(&self.host.cluster, &*site.get(name)?, asking)
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
            cluster: &self.host.cluster,
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
        let store = self.host.cluster.store();
        let page = list(store, subject.resource.plural, &selection, &options).await?;
        Ok(shown(StatusCode::OK, view.page(&page, self.host.cluster.now())))
    }

    fn watch(&self, subject: &Subject<'_>) -> Result<Response<Body>, Status> {
        let options = ListOptions::parse(self.query)?;
        let cluster = self.host.cluster.clone();
        let watch = Watch {
            view: self.view(subject)?,
            selection: self.selection(subject)?,
            store: cluster.store().clone(),
            now: Arc::new(move || cluster.now()),
            stop: self.host.tasks.stop.clone(),
        };
        let lines = watch.stream(self.query, &options)?;
        Ok(reply::streamed("application/json", lines, StatusCode::OK))
    }

    fn require_namespace(&self, subject: &Subject<'_>) -> Result<(), Status> {
        let Some(namespace) = subject.namespace() else {
            return Ok(());
        };
        let namespaces = self
            .host
            .resources
            .iter()
            .find(|resource| resource.plural == "namespaces");
        let Some(resource) = namespaces else { return Ok(()) };
        let site = Site {
            cluster: &self.host.cluster,
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
                let now = self.host.cluster.now();
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
            .host
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
            self.view(subject)?.page(&page, self.host.cluster.now()),
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
        let cluster = self.host.cluster.clone();
        let pod = self.site(subject)?.get(subject.name())?;
        let node = pod["spec"]["nodeName"].as_str().unwrap_or_default();
        if cluster.trouble().has_lost(node) {
            let container = choose_container(&pod, self.query.get("container"))?;
            return Err(unreachable(&pod, &container));
        }
        let session = Session {
            cluster: &self.host.cluster,
            pod: &pod,
            query: self.query,
            headers: &self.parts.headers,
            upgrade,
            tasks: &self.host.tasks.tracker,
            stop: self.host.tasks.stop.clone(),
            now: Arc::new(move || cluster.now()),
        };
        match subresource {
            "exec" => session.exec(),
            _ => session.attach(),
        }
    }
}
