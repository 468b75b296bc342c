//! Watches: a stream of events from a version on, with bookmarks and an end.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, stream};
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::list::{ListOptions, integer};
use super::query::Query;
use super::reply::Layout;
use super::selector::Selection;
use super::status::Status;
use super::view::View;
use crate::demo::clock::Now;
use crate::demo::store::{Change, Event, Store};

/// Between two bookmarks.
const BOOKMARK_EVERY: Duration = Duration::from_mins(1);
/// The last bookmark comes so long before the end of the watch.
const BOOKMARK_BEFORE_END: Duration = Duration::from_secs(2);
/// A watch of a few seconds ends without a last bookmark.
const SHORTEST_WITH_BOOKMARK: Duration = Duration::from_secs(10);
/// Unless the client says how long a watch lasts, from half an hour up to an hour.
const SHORTEST_DEFAULT: u64 = 1800;

/// One watch, as its client asked for it.
pub(super) struct Watch {
    pub(super) view: View,
    pub(super) selection: Selection,
    pub(super) store: Store,
    pub(super) now: Now,
    pub(super) stop: CancellationToken,
}

/// Where a watch starts, what it adds, and when it ends.
struct Plan {
    start: Start,
    has_bookmarks: bool,
    lasts: Duration,
}

enum Start {
    /// With the state as synthetic events, then a bookmark if the client asked for the state by `sendInitialEvents`.
    State {
        is_bookmarked: bool,
    },
    After(u64),
}

fn plan(query: &Query, options: &ListOptions, store: &Store) -> Result<Plan, Status> {
    let start = match options.version {
        _ if options.wants_initial_events => Start::State { is_bookmarked: true },
        None | Some(0) => Start::State { is_bookmarked: false },
        Some(version) => Start::After(version),
    };
    let lasts = match integer(query, "timeoutSeconds")? {
        Some(seconds) if seconds > 0 => u64::try_from(seconds).unwrap_or(SHORTEST_DEFAULT),
        // Spread, so that many watches do not end at once.
        _ => SHORTEST_DEFAULT + store.version() * 7 % SHORTEST_DEFAULT,
    };
    Ok(Plan {
        start,
        has_bookmarks: query.is_set("allowWatchBookmarks"),
        lasts: Duration::from_secs(lasts),
    })
}

impl Watch {
    /// The lines of the watch, each one HTTP chunk.
    pub(super) fn stream(
        self,
        query: &Query,
        options: &ListOptions,
    ) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + 'static, Status> {
        let plan = plan(query, options, &self.store)?;
        let running = Running::start(self, &plan);
        Ok(stream::unfold(running, |mut running| async move {
            let line = running.next().await?;
            Some((Ok(line), running))
        }))
    }
}

struct Running {
    watch: Watch,
    /// Every event up to here has been looked at.
    version: u64,
    pending: VecDeque<Bytes>,
    changed: tokio::sync::watch::Receiver<u64>,
    next_bookmark: Option<Instant>,
    end: Instant,
    has_shown: bool,
    is_over: bool,
}

impl Running {
    fn start(watch: Watch, plan: &Plan) -> Self {
        let begin = Instant::now();
        let mut running = Self {
            changed: watch.store.changed(),
            watch,
            version: 0,
            pending: VecDeque::new(),
            next_bookmark: None,
            end: begin + plan.lasts,
            has_shown: false,
            is_over: false,
        };
        match plan.start {
            Start::After(version) => running.version = version,
            Start::State { is_bookmarked } => running.show_state(is_bookmarked && plan.has_bookmarks),
        }
        if plan.has_bookmarks {
            running.plan_bookmark(begin, plan.lasts >= SHORTEST_WITH_BOOKMARK);
        }
        running
    }

    fn plan_bookmark(&mut self, now: Instant, has_last: bool) {
        let last = self.end.checked_sub(BOOKMARK_BEFORE_END);
        self.next_bookmark = match last {
            Some(last) if has_last && last > now => Some(last.min(now + BOOKMARK_EVERY)),
            _ => Some(now + BOOKMARK_EVERY),
        };
    }

    fn show_state(&mut self, is_bookmarked: bool) {
        let resource = self.watch.view.rows.resource.plural;
        let (objects, version) = self
            .watch
            .store
            .list(resource, self.watch.selection.namespace.as_deref());
        for object in &objects {
            if self.watch.selection.matches(object) {
                self.show("ADDED", object);
            }
        }
        self.version = version;
        if is_bookmarked {
            let bookmark = self.watch.view.bookmark(version, true);
            self.pending.push_back(line("BOOKMARK", &bookmark));
        }
    }

    fn show(&mut self, kind: &str, object: &Value) {
        let now = (self.watch.now)();
        let shown = self.watch.view.watched(object, !self.has_shown, now);
        self.has_shown = true;
        self.pending.push_back(line(kind, &shown));
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(line) = self.pending.pop_front() {
                return Some(line);
            }
            if self.is_over || Instant::now() >= self.end {
                return None;
            }
            self.take_events();
            if self.pending.is_empty() {
                self.wait().await;
            }
        }
    }

    fn take_events(&mut self) {
        let newest = self.watch.store.version();
        match self
            .watch
            .store
            .since(self.watch.view.rows.resource.plural, self.version)
        {
            Ok(events) => {
                for event in &events {
                    self.version = self.version.max(event.version);
                    self.show_event(event);
                }
                self.version = self.version.max(newest);
            }
            Err(compacted) => {
                let message = format!("too old resource version: {} ({})", self.version, compacted.oldest);
                let status = Layout::Compact.write(&Status::expired(message));
                self.pending.push_back(line("ERROR", &status));
                self.is_over = true;
            }
        }
    }

    /// A change may make an object enter or leave the selection.
    fn show_event(&mut self, event: &Event) {
        let selects = |object: &Value| self.watch.selection.matches(object);
        let was = event.previous.as_deref().is_some_and(selects);
        let is = event.change != Change::Deleted && selects(&event.object);
        match (was, is) {
            (false, false) => {}
            (false, true) => self.show("ADDED", &Arc::clone(&event.object)),
            (true, true) => self.show("MODIFIED", &Arc::clone(&event.object)),
            (true, false) => {
                let mut last = event.previous.as_deref().cloned().unwrap_or_default();
                last["metadata"]["resourceVersion"] = json!(event.version.to_string());
                self.show("DELETED", &last);
            }
        }
    }

    /// Until something has changed, a bookmark is due, or the watch is over.
    async fn wait(&mut self) {
        let wake = self.next_bookmark.map_or(self.end, |at| at.min(self.end));
        tokio::select! {
            () = self.watch.stop.cancelled() => self.is_over = true,
            changed = self.changed.changed() => self.is_over = changed.is_err(),
            () = tokio::time::sleep_until(wake) => {}
        }
        let now = Instant::now();
        if self.next_bookmark.is_some_and(|at| now >= at) {
            self.take_events();
            let bookmark = self.watch.view.bookmark(self.version, false);
            self.pending.push_back(line("BOOKMARK", &bookmark));
            self.plan_bookmark(now, true);
        }
    }
}

fn line(kind: &str, object: &[u8]) -> Bytes {
    let mut line = format!("{{\"type\":\"{kind}\",\"object\":").into_bytes();
    line.extend_from_slice(object);
    line.extend_from_slice(b"}\n");
    Bytes::from(line)
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;

    use super::super::resource;
    use super::super::show::Form;
    use super::super::table::{Include, Rows};
    use super::*;
    use crate::demo::store::Key;

    fn pod(name: &str, app: &str) -> Value {
        json!({"metadata": {"namespace": "shop", "name": name, "labels": {"app": app}}})
    }

    fn lines(store: &Store, query: &str) -> std::pin::Pin<Box<dyn Stream<Item = (String, Value)>>> {
        let query = Query::parse(query);
        let resource = resource::all()
            .into_iter()
            .find(|resource| resource.plural == "pods")
            .unwrap();
        let selection = Selection::parse(&resource, Some("shop"), (query.get("labelSelector"), None)).unwrap();
        let watch = Watch {
            view: View {
                rows: Rows {
                    resource,
                    include: Include::Metadata,
                },
                form: Form::Plain,
                layout: Layout::Compact,
            },
            selection,
            store: store.clone(),
            now: Arc::new(|| 0),
            stop: CancellationToken::new(),
        };
        let stream = watch.stream(&query, &ListOptions::parse(&query).unwrap()).unwrap();
        Box::pin(stream.map(|line| {
            let mut event: Value = serde_json::from_slice(&line.unwrap()).unwrap();
            (event["type"].as_str().unwrap().to_owned(), event["object"].take())
        }))
    }

    async fn kinds(stream: impl Stream<Item = (String, Value)>) -> Vec<String> {
        let name = |object: &Value| object["metadata"]["name"].as_str().unwrap_or("-").to_owned();
        stream
            .map(|(kind, object)| format!("{kind} {}", name(&object)))
            .collect()
            .await
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_of_labels_enters_and_leaves_the_selection() {
        let store = Store::new();
        store.put("pods", pod("a", "api"));
        let stream = lines(&store, "watch=1&labelSelector=app=api&timeoutSeconds=5");
        store.put("pods", pod("b", "db"));
        store.put("pods", pod("b", "api"));
        store.put("pods", pod("a", "db"));
        store.remove(&Key::new("pods", "shop", "a"));
        store.remove(&Key::new("pods", "shop", "b"));
        assert_eq!(kinds(stream).await, ["ADDED a", "ADDED b", "DELETED a", "DELETED b"]);
    }

    #[tokio::test(start_paused = true)]
    async fn bookmarks_come_once_a_minute_and_before_the_end() {
        let store = Store::new();
        let stream = lines(&store, "watch=1&allowWatchBookmarks=true&timeoutSeconds=70");
        let begin = Instant::now();
        let seen: Vec<_> = stream
            .map(|(kind, _)| (kind, begin.elapsed().as_secs()))
            .collect()
            .await;
        assert_eq!(seen, [("BOOKMARK".to_owned(), 60), ("BOOKMARK".to_owned(), 68)]);
        assert_eq!(begin.elapsed().as_secs(), 70);
    }

    #[tokio::test(start_paused = true)]
    async fn initial_events_end_with_a_marked_bookmark() {
        let store = Store::new();
        store.put("pods", pod("a", "api"));
        let query = "watch=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=4";
        let mut stream = lines(&store, query);
        assert_eq!(stream.next().await.unwrap().0, "ADDED");
        let (kind, bookmark) = stream.next().await.unwrap();
        assert_eq!(kind, "BOOKMARK");
        assert_eq!(
            bookmark,
            json!({
                "kind": "Pod", "apiVersion": "v1", "spec": {"containers": null}, "status": {},
                "metadata": {
                    "resourceVersion": store.version().to_string(), "annotations": {"k8s.io/initial-events-end": "true"}
                }
            })
        );
        assert_eq!(stream.next().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_from_too_long_ago_is_gone() {
        let store = Store::new();
        let mut stream = lines(&store, "watch=1&resourceVersion=1&timeoutSeconds=4");
        let (kind, status) = stream.next().await.unwrap();
        assert_eq!(kind, "ERROR");
        let message = format!("too old resource version: 1 ({})", store.oldest());
        assert_eq!(
            status,
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
                   "reason": "Expired", "code": 410})
        );
        assert_eq!(stream.next().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_from_the_future_is_silent() {
        let store = Store::new();
        let stream = lines(&store, "watch=1&resourceVersion=99999999&timeoutSeconds=5");
        store.put("pods", pod("a", "api"));
        assert_eq!(kinds(stream).await, Vec::<String>::new());
    }
}
