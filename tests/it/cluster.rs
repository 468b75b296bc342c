//! The actors against an API server whose every answer the test gives: breaks, rotations, restarts and refusals at the
//! very moment that matters. The embedded clusters never misbehave like this.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail their test by panicking")]

mod demo;
mod ends;
mod exec;
mod links;
mod limits;
mod streams;
mod train;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use kontrast::cluster::{Contexts, Handle, Namespaces, Watching, open};
use kontrast::model::{
    Access, ClusterState, ContextId, Gap, GapCause, Ingest, Report, SourceId, Span, StreamState, Time,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// Longer than any pause of the product: a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(30);
const NOW: Time = Time::from_secs(1_795_361_500);

type Body = BoxBody<Bytes, io::Error>;

/// What the server has to say, but for the logs.
#[derive(Clone, Debug, Default)]
struct World {
    pods: Vec<Value>,
    /// What a watch sends, all of it since the beginning.
    changes: Vec<Value>,
    /// Refusals by the beginning of the path.
    refused: Vec<(&'static str, u16, &'static str)>,
    /// What a review of the rules says; there is no such thing without them.
    rules: Option<Value>,
    /// The wish that goes with refusals, in seconds.
    retry_after: Option<u32>,
}

/// The server, and its side of the log requests.
struct Fake {
    url: String,
    world: watch::Sender<World>,
    logs: mpsc::Receiver<LogCall>,
    execs: mpsc::Receiver<ExecCall>,
    /// The path of each review that was asked for.
    reviews: mpsc::Receiver<String>,
    /// Every request, and when it came.
    asked: mpsc::UnboundedReceiver<(Instant, String)>,
    /// Whether it answers; if not, it ends every connection.
    up: watch::Sender<bool>,
    _tasks: JoinSet<()>,
}

/// A request for a log that waits for the test's answer.
struct LogCall {
    uri: String,
    reply: oneshot::Sender<Response<Body>>,
}

/// A request for an exec session that was accepted.
struct ExecCall {
    uri: String,
    upgrade: OnUpgrade,
}

/// The senders of requests that wait for the test.
#[derive(Clone)]
struct Calls {
    logs: mpsc::Sender<LogCall>,
    execs: mpsc::Sender<ExecCall>,
    reviews: mpsc::Sender<String>,
    asked: mpsc::UnboundedSender<(Instant, String)>,
}

/// The body of a log under way. Dropping it is a clean end.
struct Log(mpsc::Sender<Result<Bytes, io::Error>>);

impl LogCall {
    fn has(&self, part: &str) -> bool {
        self.uri.contains(part)
    }

    fn log(self) -> Log {
        let (lines, body) = mpsc::channel(16);
        let body = stream::unfold(body, |mut body| async move { Some((body.recv().await?, body)) });
        self.send(200, streaming(body));
        Log(lines)
    }

    fn refuse(self, code: u16, message: &str) {
        self.send(code, full(&status(code, message)));
    }

    /// 429, with the wish not to be asked again for so long.
    fn throttle(self, secs: u32) {
        let body = full(&status(429, "too many requests"));
        let response = Response::builder().status(429).header("retry-after", secs);
        assert!(self.reply.send(response.body(body).unwrap()).is_ok());
    }

    fn send(self, code: u16, body: Body) {
        let response = Response::builder().status(code).body(body).unwrap();
        assert!(self.reply.send(response).is_ok(), "nobody waits for {}", self.uri);
    }
}

impl Log {
    async fn text(&self, text: &str) {
        self.0.send(Ok(Bytes::copy_from_slice(text.as_bytes()))).await.unwrap();
    }

    async fn lines(&self, lines: &[(i64, &str)]) {
        for (millis, text) in lines {
            self.text(&line(*millis, text)).await;
        }
    }

    async fn cut(self) {
        self.0.send(Err(io::Error::other("cut"))).await.unwrap();
    }
}

/// A line with its stamp, in milliseconds since the beginning of the story.
fn line(millis: i64, text: &str) -> String {
    let stamp = jiff::Timestamp::from_millisecond(BEGIN * 1000 + millis).unwrap();
    format!("{stamp:.9} {text}\n")
}

const BEGIN: i64 = 1_795_361_400;

fn at(millis: i64) -> Time {
    Time::from_millis(BEGIN * 1000 + millis)
}

fn status(code: u16, message: &str) -> String {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}).to_string()
}

fn full(text: &str) -> Body {
    Full::new(Bytes::copy_from_slice(text.as_bytes()))
        .map_err(|never: Infallible| match never {})
        .boxed()
}

fn streaming(body: impl Stream<Item = Result<Bytes, io::Error>> + Send + Sync + 'static) -> Body {
    BodyExt::boxed(StreamBody::new(body.map(|bytes| bytes.map(Frame::data))))
}

impl Fake {
    async fn start(world: World) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let world = watch::Sender::new(world);
        let (to_logs, logs) = mpsc::channel(64);
        let (to_execs, execs) = mpsc::channel(8);
        let (to_reviews, reviews) = mpsc::channel(64);
        let (to_asked, asked) = mpsc::unbounded_channel();
        let calls = Calls {
            logs: to_logs,
            execs: to_execs,
            reviews: to_reviews,
            asked: to_asked,
        };
        let mut tasks = JoinSet::new();
        let told = world.subscribe();
        let up = watch::Sender::new(true);
        let mut is_up = up.subscribe();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let socket = tokio::select! {
                    accepted = listener.accept() => accepted.unwrap().0,
                    Some(_) = connections.join_next() => continue,
                    Ok(()) = is_up.changed() => {
                        if !*is_up.borrow_and_update() {
                            connections.shutdown().await;
                        }
                        continue;
                    }
                };
                if !*is_up.borrow() {
                    continue;
                }
                let (world, calls) = (told.clone(), calls.clone());
                connections.spawn(async move {
                    let answer = service_fn(move |request| answer(request, world.clone(), calls.clone()));
                    let served = hyper::server::conn::http1::Builder::new()
                        // It would be the true time, which is another than that of these tests.
                        .auto_date_header(false)
                        .serve_connection(TokioIo::new(socket), answer)
                        .with_upgrades();
                    // A body that the test cuts ends the connection with an error, as it should.
                    drop(served.await);
                });
            }
        });
        Self {
            url,
            world,
            logs,
            execs,
            reviews,
            asked,
            up,
            _tasks: tasks,
        }
    }

    fn open(&self, watching: Watching) -> Story {
        Story::open(&self.url, watching)
    }

    async fn next_log(&mut self) -> LogCall {
        timeout(PATIENCE, self.logs.recv())
            .await
            .expect("a request for a log")
            .unwrap()
    }

    /// The pod has changed: lists, single questions and watches say so.
    fn change(&self, kind: &str, pod: &Value) {
        self.world.send_modify(|world| {
            world
                .pods
                .retain(|known| known["metadata"]["uid"] != pod["metadata"]["uid"]);
            if kind != "DELETED" {
                world.pods.push(pod.clone());
            }
            let mut pod = pod.clone();
            pod["metadata"]["resourceVersion"] = json!((world.changes.len() + 1).to_string());
            world.changes.push(json!({"type": kind, "object": pod}));
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    world: watch::Receiver<World>,
    calls: Calls,
) -> Result<Response<Body>, Infallible> {
    let (path, query) = (
        request.uri().path().to_owned(),
        request.uri().query().unwrap_or_default().to_owned(),
    );
    drop(calls.asked.send((Instant::now(), format!("{path}?{query}"))));
    let known = world.borrow().clone();
    let respond = |code: u16, body: Body| Response::builder().status(code).body(body).unwrap();
    if let Some((_, code, message)) = known.refused.iter().find(|(start, _, _)| path.starts_with(start)) {
        let mut refusal = respond(*code, full(&status(*code, message)));
        if let Some(secs) = known.retry_after {
            refusal.headers_mut().insert("retry-after", secs.into());
        }
        return Ok(refusal);
    }
    if path == "/version" {
        return Ok(respond(
            200,
            full(
                r#"{"major":"1","minor":"36","gitVersion":"v1.36.2","gitCommit":"","gitTreeState":"","buildDate":"","goVersion":"","compiler":"","platform":""}"#,
            ),
        ));
    }
    if path.ends_with("/selfsubjectrulesreviews") {
        drop(calls.reviews.send(path).await);
        let reviewed = known.rules.map(|rules| {
            let status = json!({"resourceRules": rules, "nonResourceRules": [], "incomplete": false});
            json!({"metadata": {}, "spec": {}, "status": status}).to_string()
        });
        return Ok(match reviewed {
            Some(review) => respond(201, full(&review)),
            None => respond(404, full("404 page not found")),
        });
    }
    if path.ends_with("/log") {
        let (reply, replied) = oneshot::channel();
        let uri = format!("{path}?{query}");
        drop(calls.logs.send(LogCall { uri, reply }).await);
        // A test that has no answer is over; so is the connection.
        return Ok(replied.await.unwrap_or_else(|_| respond(503, full("the test is over"))));
    }
    if path.ends_with("/exec") {
        return Ok(accept(request, &calls).await);
    }
    if query.contains("watch=true") {
        let from = version(&query);
        let body = if path.ends_with("/pods") {
            changes(world, from, namespace(&path)).boxed()
        } else {
            stream::pending().boxed()
        };
        return Ok(respond(200, streaming(sync(body))));
    }
    let items = if path.ends_with("/events") {
        Vec::new()
    } else {
        known.pods.clone()
    };
    if let Some(name) = path.rsplit_once("/pods/").map(|(_, name)| name) {
        return Ok(match items.iter().find(|pod| pod["metadata"]["name"] == name) {
            Some(pod) => respond(200, full(&pod.to_string())),
            None => respond(404, full(&status(404, &format!("pods {name:?} not found")))),
        });
    }
    let items: Vec<_> = items
        .into_iter()
        .filter(|pod| namespace(&path).is_none_or(|name| pod["metadata"]["namespace"] == *name))
        .collect();
    let version = known.changes.len().to_string();
    let list = json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": version}, "items": items});
    Ok(respond(200, full(&list.to_string())))
}

/// Switches to a websocket, which goes to the test.
async fn accept(mut request: Request<Incoming>, calls: &Calls) -> Response<Body> {
    let key = request.headers().get("sec-websocket-key").unwrap().as_bytes();
    let accepted = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key);
    let uri = request.uri().to_string();
    drop(
        calls
            .execs
            .send(ExecCall {
                uri,
                upgrade: hyper::upgrade::on(&mut request),
            })
            .await,
    );
    let response = Response::builder()
        .status(101)
        .header("connection", "Upgrade")
        .header("upgrade", "websocket");
    let response = response
        .header("sec-websocket-accept", accepted)
        .header("sec-websocket-protocol", "v5.channel.k8s.io");
    response.body(full("")).unwrap()
}

fn version(query: &str) -> usize {
    let version = query.split('&').find_map(|pair| pair.strip_prefix("resourceVersion="));
    version.and_then(|version| version.parse().ok()).unwrap_or(0)
}

fn namespace(path: &str) -> Option<&str> {
    path.strip_prefix("/api/v1/namespaces/")?.split('/').next()
}

/// A body has to be `Sync`, a boxed stream is not; nobody else looks at it.
fn sync(
    mut body: stream::BoxStream<'static, Result<Bytes, io::Error>>,
) -> impl Stream<Item = Result<Bytes, io::Error>> + Send + Sync {
    let (chunks, received) = mpsc::channel(4);
    let mut pump = JoinSet::new();
    pump.spawn(async move {
        while let Some(chunk) = body.next().await {
            if chunks.send(chunk).await.is_err() {
                break;
            }
        }
    });
    stream::unfold((received, pump), |(mut received, pump)| async move {
        Some((received.recv().await?, (received, pump)))
    })
}

/// What a watch from this version on sends.
fn changes(
    world: watch::Receiver<World>,
    from: usize,
    namespace: Option<&str>,
) -> impl Stream<Item = Result<Bytes, io::Error>> + Send + 'static {
    let namespace = namespace.map(str::to_owned);
    let all = stream::unfold((world, from), |(mut world, at)| async move {
        loop {
            let change = world.borrow_and_update().changes.get(at).cloned();
            if let Some(change) = change {
                return Some((change, (world, at + 1)));
            }
            world.changed().await.ok()?;
        }
    });
    all.filter_map(move |change| {
        let ours = namespace
            .as_ref()
            .is_none_or(|name| change["object"]["metadata"]["namespace"] == *name);
        std::future::ready(ours.then(|| Ok(Bytes::from(format!("{change}\n")))))
    })
}

/// What is said here of the access to this namespace.
fn names(ingest: &Ingest, wanted: &str) -> Option<&'static str> {
    let (namespace, told) = match ingest {
        Ingest::Forbidden { namespace, .. } => (namespace, "forbidden"),
        Ingest::Watched {
            namespace,
            watched: true,
            ..
        } => (namespace, "watched"),
        Ingest::Watched { namespace, .. } => (namespace, "lost"),
        _ => return None,
    };
    (namespace.as_deref() == Some(wanted)).then_some(told)
}

/// An open context and all that it said.
struct Story {
    handle: Handle,
    reports: Vec<Report>,
    ingests: Vec<Ingest>,
}

impl Story {
    fn open(url: &str, watching: Watching) -> Self {
        Self::open_with("{token: t}", url, watching)
    }

    fn open_with(user: &str, url: &str, watching: Watching) -> Self {
        let yaml = format!(
            "contexts: [{{name: c, context: {{cluster: c, user: u, namespace: shop}}}}]\nclusters: [{{name: c, cluster: \
             {{server: '{url}'}}}}]\nusers: [{{name: u, user: {user}}}]\n"
        );
        let offer = Contexts::from_yaml(&yaml)
            .unwrap()
            .choose(&["c".to_owned()])
            .unwrap()
            .remove(0);
        let handle = open(
            ContextId(0),
            offer,
            Arc::new(watching),
            Arc::new(|| NOW),
            CancellationToken::new(),
        );
        Self {
            handle,
            reports: Vec::new(),
            ingests: Vec::new(),
        }
    }

    /// Listens until it is so.
    async fn until(&mut self, what: &str, so: impl Fn(&Self) -> bool) {
        self.until_for(PATIENCE, what, so).await;
    }

    /// Listens until it is so, for longer than usual.
    async fn until_for(&mut self, patience: Duration, what: &str, so: impl Fn(&Self) -> bool) {
        let listening = async {
            while !so(self) {
                tokio::select! {
                    Some(report) = self.handle.reports.recv() => self.reports.push(report),
                    Some(ingest) = self.handle.ingests.recv() => self.ingests.push(ingest),
                }
            }
        };
        let heard = timeout(patience, listening).await;
        assert!(
            heard.is_ok(),
            "waited in vain until {what}; heard {:#?}\n{:#?}",
            self.reports,
            self.ingests
        );
    }

    async fn until_state(&mut self, what: &str, so: impl Fn(&ClusterState) -> bool) {
        self.until(what, |story| story.state().is_some_and(&so)).await;
    }

    async fn until_lines(&mut self, n: u32, expected: &[&str]) {
        self.until(&format!("{expected:?} of {n}"), |story| {
            story.lines(n).len() >= expected.len()
        })
        .await;
        assert_eq!(self.lines(n), expected);
    }

    async fn until_ended(&mut self, n: u32) {
        let ended = |ingest: &Ingest| matches!(ingest, Ingest::SourceEnded { source, .. } if source.n == n);
        self.until(&format!("{n} ended"), |story| story.ingests.iter().any(ended))
            .await;
    }

    fn state(&self) -> Option<&ClusterState> {
        self.reports.iter().rev().find_map(|report| match report {
            Report::StateChanged { state, .. } => Some(state),
            _ => None,
        })
    }

    fn stream(&self, n: u32) -> Option<&StreamState> {
        self.reports.iter().rev().find_map(|report| match report {
            Report::StreamChanged { source, state } if source.n == n => Some(state),
            _ => None,
        })
    }

    fn lines(&self, n: u32) -> Vec<String> {
        let batches = self.ingests.iter().filter_map(|ingest| match ingest {
            Ingest::Lines { source, lines } if source.n == n => Some(lines),
            _ => None,
        });
        batches
            .flatten()
            .map(|line| String::from_utf8_lossy(&line.bytes).into_owned())
            .collect()
    }

    /// What the engine was told of one namespace.
    fn access(&self, namespace: &str) -> Vec<&'static str> {
        self.ingests
            .iter()
            .filter_map(|ingest| names(ingest, namespace))
            .collect()
    }

    fn lifted(&self) -> Vec<&str> {
        let lifted = self.reports.iter().filter_map(|report| match report {
            Report::LimitLifted { what, .. } => Some(&**what),
            _ => None,
        });
        lifted.collect()
    }

    fn limits(&self) -> Vec<(&str, &str)> {
        let limits = self.reports.iter().filter_map(|report| match report {
            Report::Limited { what, cause, .. } => Some((&**what, &**cause)),
            _ => None,
        });
        limits.collect()
    }

    /// Coverage and gaps of a source, in seconds of the story.
    fn coverage(&self, n: u32) -> Vec<String> {
        let secs = |time: Time| time.since(at(0)).as_millis();
        let told = self.ingests.iter().filter_map(|ingest| match ingest {
            Ingest::CoverageBegan { source, from } if source.n == n => Some(format!("from {}", secs(*from))),
            Ingest::CoverageEnded { source, at } if source.n == n => Some(format!("to {}", secs(*at))),
            Ingest::GapFound {
                source,
                gap: Gap { from, to, cause },
            } if source.n == n => Some(format!("gap {}..{} {cause:?}", secs(*from), secs(*to))),
            Ingest::SourceEnded { source, at } if source.n == n => Some(format!("end {}", secs(*at))),
            _ => None,
        });
        told.collect()
    }
}

fn pod(name: &str, namespace: &str, status: &Value) -> Value {
    json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {"name": name, "namespace": namespace, "uid": format!("uid-{name}"), "resourceVersion": "0"},
        "spec": {"containers": [{"name": "api", "image": "api:1"}]},
        "status": {"phase": "Running", "containerStatuses": [status]}
    })
}

fn stamp(millis: i64) -> String {
    jiff::Timestamp::from_second(BEGIN + millis / 1000).unwrap().to_string()
}

fn container(restarts: u32, id: &str, state: &Value, last: Option<Value>) -> Value {
    let last = last.map_or_else(|| json!({}), |last| json!({"terminated": last}));
    json!({"name": "api", "image": "", "imageID": "", "ready": true, "restartCount": restarts, "containerID": id,
        "state": state, "lastState": last})
}

fn running(since: i64) -> Value {
    json!({"running": {"startedAt": stamp(since)}})
}

fn terminated(id: &str, from: i64, to: i64) -> Value {
    json!({"exitCode": 1, "reason": "Error", "containerID": id, "startedAt": stamp(from), "finishedAt": stamp(to)})
}

/// One pod `api-0` in `shop` whose container has run since the beginning.
fn healthy() -> Value {
    pod("api-0", "shop", &container(0, "a", &running(0), None))
}

fn world(pods: Vec<Value>) -> World {
    World {
        pods,
        ..World::default()
    }
}

fn since(secs: i64) -> Watching {
    Watching {
        since: Span::from_secs(secs),
        ..Watching::default()
    }
}

const fn source(n: u32) -> SourceId {
    SourceId {
        context: ContextId(0),
        n,
    }
}

#[tokio::test]
async fn a_context_goes_live_and_tells_what_is_there() {
    let mut fake = Fake::start(world(vec![healthy()])).await;
    let mut story = fake.open(since(600));
    let log = fake.next_log().await;
    assert_eq!(
        log.uri,
        "/api/v1/namespaces/shop/pods/api-0/log?container=api&timestamps=true&follow=true&sinceSeconds=600"
    );
    let log = log.log();
    log.lines(&[(1000, "one"), (2000, "two")]).await;
    story.until_lines(0, &["one", "two"]).await;
    story
        .until("the version", |story| {
            story
                .reports
                .iter()
                .any(|report| matches!(report, Report::VersionLearned { version, .. } if &**version == "v1.36.2"))
        })
        .await;
    assert!(matches!(
        story.reports.first(),
        Some(Report::StateChanged {
            state: ClusterState::Connecting { .. },
            ..
        })
    ));
    story.until_state("live", ClusterState::is_live).await;
    let watched = Ingest::Watched {
        context: ContextId(0),
        namespace: None,
        at: NOW,
        watched: true,
    };
    story.until("watched", |story| story.ingests.contains(&watched)).await;
    assert_eq!(story.coverage(0), ["from 0"]);
    assert!(matches!(
        &story
            .ingests
            .iter()
            .find(|ingest| !matches!(ingest, Ingest::Watched { .. })),
        Some(Ingest::SourceOpened(_))
    ));
    // What comes later comes by the watch.
    fake.change(
        "ADDED",
        &pod("api-1", "shop", &container(0, "b", &running(50_000), None)),
    );
    story
        .until("the new pod", |story| {
            story
                .reports
                .iter()
                .any(|report| matches!(report, Report::PodApplied(row) if &*row.key.name == "api-1"))
        })
        .await;
    let second = fake.next_log().await;
    assert!(second.has("/pods/api-1/log"), "{}", second.uri);
    fake.change("DELETED", &healthy());
    story
        .until("the pod went", |story| {
            story
                .reports
                .iter()
                .any(|report| matches!(report, Report::PodDeleted(key) if &*key.name == "api-0"))
        })
        .await;
    drop(log);
    story
        .until("gone", |story| story.stream(0) == Some(&StreamState::Gone))
        .await;
    timeout(PATIENCE, story.handle.closed()).await.expect("all tasks end");
}

#[tokio::test]
async fn a_cut_log_goes_on_where_it_was_without_loss_or_repeat() {
    let mut fake = Fake::start(world(vec![healthy()])).await;
    let mut story = fake.open(since(600));
    let log = fake.next_log().await.log();
    log.lines(&[(1000, "one"), (2900, "two")]).await;
    log.text(line(3000, "three").trim_end_matches("ee\n")).await;
    story.until_lines(0, &["one", "two"]).await;
    log.cut().await;
    let again = fake.next_log().await;
    // Floor to the second, one second earlier.
    assert!(
        again.has(&format!("&sinceTime={}", stamp(1000).replace(':', "%3A"))),
        "{}",
        again.uri
    );
    assert!(!again.has("sinceSeconds") && !again.has("tailLines"), "{}", again.uri);
    let log = again.log();
    log.lines(&[
        (1000, "one"),
        (2900, "two"),
        (3000, "three"),
        (3000, "three"),
        (4000, "four"),
    ])
    .await;
    story.until_lines(0, &["one", "two", "three", "three", "four"]).await;
    // A blink leaves no trace in what is known to be covered.
    assert_eq!(story.coverage(0), ["from 0"]);
    // A clean end of the response means nothing either while the container runs.
    drop(log);
    let log = fake.next_log().await.log();
    log.lines(&[(3000, "three"), (3000, "three"), (4000, "four"), (5000, "five")])
        .await;
    story
        .until_lines(0, &["one", "two", "three", "three", "four", "five"])
        .await;
    assert_eq!(
        (story.coverage(0), story.stream(0)),
        (vec!["from 0".to_owned()], Some(&StreamState::Live))
    );
}

#[tokio::test]
async fn a_break_that_lasts_is_told_and_what_was_rotated_meanwhile_is_a_gap() {
    let mut fake = Fake::start(world(vec![healthy()])).await;
    let mut story = fake.open(since(600));
    let log = fake.next_log().await.log();
    log.lines(&[(1000, "one"), (2000, "two")]).await;
    story.until_lines(0, &["one", "two"]).await;
    drop(log);
    let refusal = "Get \"https://10.0.0.1:10250\": dial tcp: connect: connection refused";
    fake.next_log().await.refuse(500, refusal);
    story
        .until(
            "reconnecting",
            |story| matches!(story.stream(0), Some(StreamState::Reconnecting { cause, .. }) if &**cause == refusal),
        )
        .await;
    let log = fake.next_log().await.log();
    log.lines(&[(9000, "nine"), (9500, "ten")]).await;
    story.until_lines(0, &["one", "two", "nine", "ten"]).await;
    assert_eq!(
        story.coverage(0),
        ["from 0", "to 100000", "gap 2000..9000 Rotated", "from 9000"],
        "it ended when it broke, and goes on with the first line that is left"
    );
}

#[tokio::test]
async fn an_instance_is_read_to_its_end_and_the_next_one_from_its_beginning() {
    let mut fake = Fake::start(world(vec![healthy()])).await;
    let mut story = fake.open(since(600));
    let log = fake.next_log().await.log();
    log.lines(&[(1000, "one")]).await;
    story.until_lines(0, &["one"]).await;
    // It crashes; the kubelet has not read its last words when it starts the next one.
    let next = container(1, "b", &running(12_000), Some(terminated("a", 0, 11_000)));
    fake.change("MODIFIED", &pod("api-0", "shop", &next));
    drop(log);
    let (rest, next) = two(&mut fake).await;
    assert!(rest.has("previous=true") && !rest.has("follow=true"), "{}", rest.uri);
    assert!(next.has("follow=true") && next.has("sinceSeconds=600"), "{}", next.uri);
    let rest = rest.log();
    rest.lines(&[(1000, "one"), (10_500, "Traceback")]).await;
    rest.text(line(10_600, "no end").trim_end()).await;
    drop(rest);
    let next = next.log();
    next.lines(&[(12_500, "starting")]).await;
    story.until_ended(0).await;
    story.until_lines(1, &["starting"]).await;
    assert_eq!(story.lines(0), ["one", "Traceback", "no end"]);
    assert_eq!(story.coverage(0), ["from 0", "to 11000", "end 11000"]);
    assert_eq!(story.coverage(1), ["from 12000"]);
    // Reports have a channel of their own: this one may come later.
    story
        .until("the end is reported", |story| {
            story.stream(0) == Some(&StreamState::Ended)
        })
        .await;
}

/// The next two requests for logs, the one for a previous instance first.
async fn two(fake: &mut Fake) -> (LogCall, LogCall) {
    let (one, other) = (fake.next_log().await, fake.next_log().await);
    if one.has("previous=true") {
        (one, other)
    } else {
        (other, one)
    }
}

#[tokio::test]
async fn the_next_instances_lines_are_not_taken_for_this_ones() {
    let mut fake = Fake::start(world(vec![healthy()])).await;
    let mut story = fake.open(since(600));
    let log = fake.next_log().await.log();
    log.lines(&[(1000, "one")]).await;
    story.until_lines(0, &["one"]).await;
    // The container restarts, and the watch does not say so yet: only a question for the pod does.
    let restarted = pod(
        "api-0",
        "shop",
        &container(1, "b", &running(12_000), Some(terminated("a", 0, 11_000))),
    );
    fake.world.send_modify(|world| world.pods = vec![restarted.clone()]);
    drop(log);
    let log = fake.next_log().await.log();
    log.lines(&[(12_500, "of the next one")]).await;
    fake.change("MODIFIED", &restarted);
    let (rest, next) = two(&mut fake).await;
    let rest = rest.log();
    rest.lines(&[(1000, "one"), (10_500, "last words")]).await;
    drop(rest);
    next.log().lines(&[(12_500, "of the next one")]).await;
    story.until_ended(0).await;
    story.until_lines(1, &["of the next one"]).await;
    assert_eq!(story.lines(0), ["one", "last words"]);
}

#[tokio::test]
async fn a_log_that_cannot_be_read_is_a_gap_and_no_coverage() {
    let crashing = container(4, "b", &running(50_000), Some(terminated("a", 0, 11_000)));
    let mut fake = Fake::start(world(vec![pod("api-0", "shop", &crashing)])).await;
    let mut story = fake.open(since(600));
    let (previous, current) = two(&mut fake).await;
    let complaint = "unable to retrieve container logs for containerd://a";
    previous.log().text(complaint).await;
    let _current = current.log();
    story.until_ended(0).await;
    assert_eq!(
        story.coverage(0),
        [
            format!("gap 0..12000 {:?}", GapCause::Unreadable(complaint.into())),
            "end 11000".to_owned()
        ]
    );
    assert_eq!(story.lines(0), Vec::<String>::new());
}

#[tokio::test]
async fn a_container_that_has_not_started_is_waited_for() {
    let mut fake = Fake::start(world(vec![healthy()])).await;
    let mut story = fake.open(since(600));
    fake.next_log().await.refuse(
        400,
        "container \"api\" in pod \"api-0\" is waiting to start: ContainerCreating",
    );
    story
        .until("waiting", |story| {
            story.stream(0)
                == Some(&StreamState::Waiting {
                    reason: "ContainerCreating".into(),
                })
        })
        .await;
    fake.next_log().await.log().lines(&[(1000, "one")]).await;
    story.until_lines(0, &["one"]).await;
}

#[tokio::test]
async fn refused_logs_say_so_and_conclude_nothing() {
    let mut fake = Fake::start(world(vec![healthy()])).await;
    let mut story = fake.open(since(600));
    let sentence = "pods \"api-0\" is forbidden: User \"jane\" cannot get resource \"pods/log\" in API group \"\" in the namespace \"shop\"";
    fake.next_log().await.refuse(403, sentence);
    story
        .until("denied", |story| {
            story.stream(0) == Some(&StreamState::Denied { cause: sentence.into() })
        })
        .await;
    let forbidden = Ingest::Forbidden {
        context: ContextId(0),
        namespace: None,
        at: NOW,
    };
    story
        .until("forbidden", |story| story.ingests.contains(&forbidden))
        .await;
    story
        .until("limited", |story| {
            story.limits().contains(&("logs in namespace shop", sentence))
        })
        .await;
    // The right is granted, and the user asks for another try.
    story.handle.retry();
    fake.next_log().await.log().lines(&[(1000, "one")]).await;
    story.until_lines(0, &["one"]).await;
    let watched = Ingest::Watched {
        context: ContextId(0),
        namespace: None,
        at: NOW,
        watched: true,
    };
    story
        .until("watched", |story| {
            story
                .ingests
                .iter()
                .rev()
                .take_while(|ingest| **ingest != forbidden)
                .any(|ingest| *ingest == watched)
        })
        .await;
    story
        .until("no limit", |story| story.lifted() == ["logs in namespace shop"])
        .await;
    assert_eq!(story.access("shop"), ["forbidden", "watched"]);
}

/// That other logs of the cluster are open says nothing of the one that is denied.
#[tokio::test]
async fn logs_denied_in_one_namespace_conclude_nothing_there() {
    let pods = [("api-0", "shop"), ("api-1", "secret")].map(|(name, namespace)| {
        let id = format!("id-{name}");
        pod(name, namespace, &container(0, &id, &running(0), None))
    });
    let mut fake = Fake::start(world(pods.into())).await;
    let mut story = fake.open(Watching {
        namespaces: Namespaces::All,
        ..since(600)
    });
    let mut open = Vec::new();
    for _ in 0..2 {
        let call = fake.next_log().await;
        if call.has("/namespaces/secret/") {
            call.refuse(403, "pods \"api-1\" is forbidden");
        } else {
            open.push(call.log());
        }
    }
    story
        .until("forbidden", |story| story.access("secret") == ["forbidden"])
        .await;
    open[0].lines(&[(1000, "one")]).await;
    story
        .until("a line", |story| {
            story
                .ingests
                .iter()
                .any(|ingest| matches!(ingest, Ingest::Lines { .. }))
        })
        .await;
    assert_eq!(story.access("shop"), [""; 0]);
    // The right is granted, and taken away when the log breaks the next time.
    story.handle.retry();
    let log = fake.next_log().await.log();
    story
        .until("watched", |story| story.access("secret") == ["forbidden", "watched"])
        .await;
    log.cut().await;
    fake.next_log().await.refuse(403, "pods \"api-1\" is forbidden");
    let told = ["forbidden", "watched", "forbidden"];
    story
        .until("forbidden again", |story| story.access("secret") == told)
        .await;
}

#[tokio::test]
async fn one_forbidden_namespace_does_not_block_the_others() {
    let sentence =
        "pods is forbidden: User \"jane\" cannot list resource \"pods\" in API group \"\" in the namespace \"secret\"";
    let refused = vec![
        ("/api/v1/namespaces/secret/pods", 403, sentence),
        ("/api/v1/namespaces/shop/events", 403, "events is forbidden"),
    ];
    let fake = Fake::start(World {
        refused,
        ..world(vec![healthy()])
    })
    .await;
    let namespaces = Namespaces::Listed(vec!["secret".into(), "shop".into()]);
    let mut story = fake.open(Watching {
        namespaces,
        ..since(600)
    });
    story.until_state("live", ClusterState::is_live).await;
    story.until("limits", |story| story.limits().len() >= 2).await;
    let mut limits = story.limits();
    limits.sort_unstable();
    assert_eq!(
        limits,
        [
            ("events in namespace shop", "events is forbidden"),
            ("pods in namespace secret", sentence)
        ]
    );
    // Before the engine hears that the context is watched, it knows that this namespace is not.
    let whole = |ingest: &Ingest| matches!(ingest, Ingest::Watched { namespace: None, .. });
    story
        .until("the engine knows", |story| {
            story.access("secret").last() == Some(&"forbidden") && story.ingests.iter().any(whole)
        })
        .await;
    let first = story
        .ingests
        .iter()
        .find(|ingest| whole(ingest) || names(ingest, "secret").is_some());
    assert!(!first.is_some_and(whole), "{:?}", story.ingests);
    let seen = |story: &Story| {
        story.reports.iter().rev().find_map(|report| match report {
            Report::NamespaceChanged { namespace, access, .. } if &**namespace == "secret" => Some(*access),
            _ => None,
        })
    };
    story
        .until("no access", |story| seen(story) == Some(Access::Forbidden))
        .await;
    fake.world.send_modify(|world| world.refused.clear());
    story.handle.retry();
    story.until("access", |story| seen(story) == Some(Access::Open)).await;
    story
        .until("watched", |story| story.access("secret").last() == Some(&"watched"))
        .await;
    story
        .until("no limits", |story| {
            let mut lifted = story.lifted();
            lifted.sort_unstable();
            lifted == ["events in namespace shop", "pods in namespace secret"]
        })
        .await;
    assert_eq!(
        story
            .access("shop")
            .iter()
            .filter(|access| **access == "forbidden")
            .count(),
        0
    );
}

#[tokio::test]
async fn all_namespaces_forbidden_is_a_state() {
    let fake = Fake::start(World {
        refused: vec![("/api/v1/pods", 403, "pods is forbidden")],
        ..World::default()
    })
    .await;
    let mut story = fake.open(Watching {
        namespaces: Namespaces::All,
        ..since(600)
    });
    story
        .until_state(
            "forbidden",
            |state| matches!(state, ClusterState::Forbidden { cause, .. } if &**cause == "pods is forbidden; -n NAMESPACE watches one alone (this context's own is shop)"),
        )
        .await;
    let forbidden = Ingest::Forbidden {
        context: ContextId(0),
        namespace: None,
        at: NOW,
    };
    story
        .until("the engine knows", |story| story.ingests.contains(&forbidden))
        .await;
    fake.world.send_modify(|world| world.refused.clear());
    story.handle.retry();
    story.until_state("live", ClusterState::is_live).await;
}

#[tokio::test]
async fn bad_credentials_need_a_login_and_one_try_brings_it_back() {
    let fake = Fake::start(World {
        refused: vec![("/api", 401, "Unauthorized")],
        ..World::default()
    })
    .await;
    let mut story = fake.open(since(600));
    story
        .until_state(
            "needs login",
            |state| matches!(state, ClusterState::NeedsLogin { cause, .. } if &**cause == "Unauthorized"),
        )
        .await;
    fake.world.send_modify(|world| world.refused.clear());
    story.handle.retry();
    story.until_state("live", ClusterState::is_live).await;
}

#[tokio::test]
async fn an_unreachable_cluster_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut story = Story::open(&url, since(600));
    story.until_state("unreachable", |state| {
        matches!(state, ClusterState::Unreachable { cause, next, .. } if &**cause == "connection refused" && *next > NOW)
    }).await;
    assert!(story.ingests.is_empty(), "it was never watched");
    timeout(PATIENCE, story.handle.closed()).await.expect("all tasks end");
}

#[tokio::test]
async fn a_cluster_that_was_live_and_broke_is_stale_and_comes_back() {
    let fake = Fake::start(world(vec![healthy()])).await;
    let mut story = fake.open(since(600));
    story.until_state("live", ClusterState::is_live).await;
    // The watch is told that its version is too old, and the list fails.
    fake.world.send_modify(|world| {
        world.refused = vec![("/api/v1/namespaces/shop/pods", 500, "etcdserver: leader changed")];
        world.changes.push(json!({"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old", "metadata": {"namespace": "shop"}}}));
    });
    story
        .until_state(
            "stale",
            |state| matches!(state, ClusterState::Stale { cause, .. } if &**cause == "etcdserver: leader changed"),
        )
        .await;
    let lost = Ingest::Watched {
        context: ContextId(0),
        namespace: None,
        at: NOW,
        watched: false,
    };
    story.until("not watched", |story| story.ingests.contains(&lost)).await;
    fake.world.send_modify(|world| world.refused.clear());
    story.until_state("live again", ClusterState::is_live).await;
}

#[tokio::test]
async fn a_tail_covers_from_its_first_line() {
    let mut fake = Fake::start(world(vec![healthy()])).await;
    let mut story = fake.open(Watching {
        tail: Some(2),
        ..since(600)
    });
    let log = fake.next_log().await;
    assert!(log.has("&tailLines=2"), "{}", log.uri);
    log.log().lines(&[(5000, "five"), (6000, "six")]).await;
    story.until_lines(0, &["five", "six"]).await;
    assert_eq!(story.coverage(0), ["from 5000"]);
}
