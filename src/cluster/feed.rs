//! Lists one kind of object in one namespace, then watches it, for ever: what is there, what changes, what broke.
//!
//! kube's `watcher` would do most of it, but it keeps silent while it retries, has no time limit on lists, and mixes a
//! watch that ended as planned with one that broke.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::NamespaceResourceScope;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::{Api, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};

use super::backoff::Backoff;
use super::cause::{Failure, FailureKind};
use super::connect::Link;
use super::outlet::Now;
use crate::model::{Span, Time};

const PAGE: u32 = 500;
const ANSWER: Duration = Duration::from_secs(20);
/// The server ends a watch after this many seconds, and the next one goes on from there: a cheap proof of life.
const WATCH_SECS: u32 = 60;
/// A watch that is silent for longer than the server would let it live is dead.
const SILENCE: Duration = Duration::from_secs(75);
/// A connection that held this long was a good one: the next failure is a first failure.
const HEALTHY: Duration = Duration::from_secs(10);
/// Rights may be granted later.
const FORBIDDEN_PAUSE: Duration = Duration::from_mins(1);

/// The link to the cluster as the actor renews it, and the user's wish to try again at once.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) links: watch::Receiver<Option<Arc<Link>>>,
    pub(super) retries: watch::Receiver<u64>,
}

/// One list and watch.
pub(super) struct Feed {
    pub(super) namespace: Option<Arc<str>>,
    pub(super) label_selector: Option<String>,
    pub(super) field_selector: Option<String>,
    pub(super) line: Line,
    pub(super) now: Now,
}

/// What a feed has to say.
pub(super) enum Fed<R> {
    /// All there is.
    Listed(Vec<R>),
    /// The watch behind the list is open.
    Opened,
    Applied(R),
    Deleted(R),
    /// Tried in vain over the link of this generation; the next try is at `next`.
    Failed {
        failure: Failure,
        generation: u64,
        next: Time,
    },
}

/// How a watch came to its end.
enum WatchEnd {
    /// As planned; go on from the version reached.
    Over,
    Failed(Failure),
}

impl Line {
    /// The current link, once there is one. Wishes to try again from before are fulfilled by the try that follows.
    pub(super) async fn link(&mut self) -> Arc<Link> {
        self.retries.mark_unchanged();
        loop {
            if let Some(link) = self.links.borrow_and_update().clone() {
                return link;
            }
            if self.links.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits, unless the link is renewed or the user wants it now.
    pub(super) async fn pause(&mut self, pause: Duration) {
        tokio::select! {
            () = sleep(pause) => {}
            Ok(()) = self.links.changed() => {}
            Ok(()) = self.retries.changed() => {}
        }
    }

    /// Waits until the link is renewed or the user wants another try.
    pub(super) async fn renewal(&mut self) {
        tokio::select! {
            Ok(()) = self.links.changed() => {}
            Ok(()) = self.retries.changed() => {}
            else => std::future::pending().await,
        }
    }
}

impl Feed {
    /// Runs until it is dropped. `slim` makes a row of an object, `wrap` a message of the news.
    pub(super) async fn run<K, R, N>(
        mut self,
        slim: impl Fn(K) -> Option<R>,
        wrap: impl Fn(Fed<R>) -> N,
        news: mpsc::Sender<N>,
    ) where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        let mut backoff = Backoff::of_feed();
        loop {
            let link = self.line.link().await;
            link.hold.over().await;
            let begun = Instant::now();
            let failure = self.follow(&link, &slim, &|fed| wrap(fed), &news).await;
            if begun.elapsed() > HEALTHY {
                backoff.reset();
            }
            let pause = pause_after(&failure, &mut backoff).max(link.hold.left());
            if failure.is(FailureKind::Expired) && backoff.attempt() == 1 {
                continue;
            }
            let next = (self.now)() + Span::from_millis(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
            let unauthorized = failure.is(FailureKind::Unauthorized);
            let failed = Fed::Failed {
                failure,
                generation: link.generation,
                next,
            };
            drop(link);
            if news.send(wrap(failed)).await.is_err() {
                return;
            }
            if unauthorized {
                self.line.renewal().await;
            } else {
                self.line.pause(pause).await;
            }
        }
    }

    /// One list and the watches that go on from it, until something breaks.
    async fn follow<K, R, N>(
        &self,
        link: &Link,
        slim: &impl Fn(K) -> Option<R>,
        wrap: &impl Fn(Fed<R>) -> N,
        news: &mpsc::Sender<N>,
    ) -> Failure
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        let (rows, mut version) = match self.list(&self.api(&link.api), slim).await {
            Ok(listed) => listed,
            Err(failure) => return failure,
        };
        let closed = || Failure::broken("nobody listens");
        if news.send(wrap(Fed::Listed(rows))).await.is_err() {
            return closed();
        }
        let api = self.api(&link.watches);
        loop {
            let begun = Instant::now();
            let before = version.clone();
            link.hold.over().await;
            match self.watch(&api, &mut version, slim, wrap, news).await {
                WatchEnd::Over if begun.elapsed() < Duration::from_secs(1) && version == before => {
                    return Failure::broken("the server ended the watch at once");
                }
                WatchEnd::Over => {}
                WatchEnd::Failed(failure) => return failure,
            }
        }
    }

    fn api<K>(&self, client: &kube::Client) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        match &self.namespace {
            Some(namespace) => Api::namespaced(client.clone(), namespace),
            None => Api::all(client.clone()),
        }
    }

    async fn list<K, R>(&self, api: &Api<K>, slim: &impl Fn(K) -> Option<R>) -> Result<(Vec<R>, String), Failure>
    where
        K: Clone + DeserializeOwned + Debug,
    {
        let mut params = ListParams {
            limit: Some(PAGE),
            ..ListParams::default()
        };
        params.label_selector.clone_from(&self.label_selector);
        params.field_selector.clone_from(&self.field_selector);
        let mut rows = Vec::new();
        loop {
            let page = match timeout(ANSWER, api.list(&params)).await {
                Ok(answer) => answer.map_err(|error| Failure::of(&error))?,
                Err(_) => return Err(Failure::no_answer(ANSWER)),
            };
            rows.extend(page.items.into_iter().filter_map(slim));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params.continue_token = Some(token),
                None => return Ok((rows, page.metadata.resource_version.unwrap_or_default())),
            }
        }
    }

    async fn watch<K, R, N>(
        &self,
        api: &Api<K>,
        version: &mut String,
        slim: &impl Fn(K) -> Option<R>,
        wrap: &impl Fn(Fed<R>) -> N,
        news: &mpsc::Sender<N>,
    ) -> WatchEnd
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        let mut params = WatchParams::default().timeout(WATCH_SECS);
        params.label_selector.clone_from(&self.label_selector);
        params.field_selector.clone_from(&self.field_selector);
        let stream = match timeout(ANSWER, api.watch(&params, version)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return WatchEnd::Failed(Failure::of(&error)),
            Err(_) => return WatchEnd::Failed(Failure::no_answer(ANSWER)),
        };
        let mut stream = std::pin::pin!(stream);
        let mut fed = Some(Fed::Opened);
        loop {
            if let Some(fed) = fed.take()
                && news.send(wrap(fed)).await.is_err()
            {
                return WatchEnd::Failed(Failure::broken("nobody listens"));
            }
            let event = match timeout(SILENCE, stream.next()).await {
                Ok(Some(Ok(event))) => event,
                Ok(Some(Err(error))) => return WatchEnd::Failed(Failure::of(&error)),
                Ok(None) => return WatchEnd::Over,
                Err(_) => return WatchEnd::Failed(Failure::broken("the watch fell silent")),
            };
            let reached = |object: &K| object.resource_version();
            fed = match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    *version = reached(&object).unwrap_or_else(|| version.clone());
                    slim(object).map(Fed::Applied)
                }
                WatchEvent::Deleted(object) => {
                    *version = reached(&object).unwrap_or_else(|| version.clone());
                    slim(object).map(Fed::Deleted)
                }
                WatchEvent::Bookmark(bookmark) => {
                    *version = bookmark.metadata.resource_version;
                    None
                }
                WatchEvent::Error(status) => return WatchEnd::Failed(Failure::of_status(&status)),
            };
        }
    }
}

fn pause_after(failure: &Failure, backoff: &mut Backoff) -> Duration {
    let pause = backoff.next(fastrand::f64());
    let least = if failure.is(FailureKind::Forbidden) {
        FORBIDDEN_PAUSE
    } else {
        Duration::ZERO
    };
    pause.max(least).max(failure.retry_after.unwrap_or_default())
}
