//! One context's actor: makes the link, hears what the feeds and streams say, and tells the rest of the program.

mod credentials;
mod following;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Event, Pod};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use self::credentials::{Asker, Made};
use super::access::{LogAccess, Told, ingest};
use super::cause::FailureKind;
use super::connect::Link;
use super::events::event_row;
use super::exec::Session;
use super::feed::{Fed, Feed, Line};
use super::followed::Followed;
use super::health::Health;
use super::kubeconfig::Offer;
use super::outlet::Outlet;
use super::query::Watching;
use super::rights::Rights;
use super::rota::{Rota, rota};
use super::rows::pod_row;
use super::shelf::Shelf;
use super::slots::Slots;
use super::stream::StreamNews;
use crate::model::{Access, ContextId, EventRow, PodRow, Report, Time};

/// News of the feeds wait here; a full channel makes the watches wait.
const NEWS: usize = 256;
const ANSWER: Duration = Duration::from_secs(20);
/// What the user asks of a context.
pub(super) enum Request {
    Retry,
    Exec(Session),
    /// The plugin of this fingerprint may run.
    Allow(Arc<str>),
    /// The terminal is the credential plugin's until this is answered; dropping it gives up.
    Login(oneshot::Sender<Result<(), Arc<str>>>),
}

enum News {
    Pods { scope: usize, fed: Fed<PodRow> },
    Events { scope: usize, fed: Fed<EventRow> },
    Version(Arc<str>),
    Rights { namespace: Arc<str>, rights: Rights },
}

/// What a context was opened with.
pub(super) struct Opened {
    pub(super) context: ContextId,
    pub(super) offer: Offer,
    pub(super) watching: Arc<Watching>,
    pub(super) outlet: Outlet,
    pub(super) requests: mpsc::UnboundedReceiver<Request>,
}

/// The one owner of what is known of a context.
pub(super) struct Actor {
    opened: Opened,
    scopes: Vec<Option<Arc<str>>>,
    health: Health,
    pods: Shelf<PodRow>,
    events: Shelf<EventRow>,
    followed: Followed,
    /// Which namespaces were listed before: what is new afterwards is read from its beginning.
    listed: Vec<bool>,
    /// What was last told of each namespace's events.
    event_limits: Vec<Option<Arc<str>>>,
    /// Log lines from before this are not asked for.
    bound: Time,
    sources: u32,
    links: watch::Sender<Option<Arc<Link>>>,
    retries: watch::Sender<u64>,
    generation: u64,
    /// Fingerprints of the plugins that were allowed in this run.
    granted: BTreeSet<Arc<str>>,
    /// The clients were made anew because of a 401, and no success came since.
    renewed: bool,
    renew_at: Option<Instant>,
    version: Option<Arc<str>>,
    logs: LogAccess,
    /// What reviews have said, by namespace, since the credentials were last made.
    rights: BTreeMap<Arc<str>, Rights>,
    /// What the engine was last told of the access to the logs.
    told_access: Option<Access>,
    told_namespaces: Told,
    /// What the screen was last told of the access to the pods.
    told_pods: Told,
    told_log_limits: BTreeMap<Arc<str>, Arc<str>>,
    /// What was last told of the end of the client certificate.
    told_certificate: Option<Arc<str>>,
    slots: Slots,
    /// Not yet running.
    rota: Option<Rota>,
    news: (mpsc::Sender<News>, mpsc::Receiver<News>),
    stream_news: (mpsc::Sender<StreamNews>, mpsc::Receiver<StreamNews>),
    connects: JoinSet<Made>,
    /// What a login has come to, until it is told to who asked.
    logged_in: Option<(Asker, Result<(), Arc<str>>)>,
    tasks: JoinSet<()>,
}

impl Actor {
    pub(super) fn new(opened: Opened) -> Self {
        let now = opened.outlet.now();
        let scopes = opened.watching.scopes(&opened.offer.namespace);
        let count = scopes.len();
        let (wishes, rota) = rota();
        Self {
            health: Health::new(count, now),
            pods: Shelf::new(count),
            events: Shelf::new(count),
            followed: Followed::default(),
            listed: vec![false; count],
            event_limits: vec![None; count],
            bound: now - opened.watching.since,
            sources: 0,
            links: watch::Sender::new(None),
            retries: watch::Sender::new(0),
            generation: 0,
            granted: BTreeSet::new(),
            renewed: false,
            renew_at: None,
            version: None,
            logs: LogAccess::default(),
            rights: BTreeMap::new(),
            told_access: None,
            told_namespaces: Told::default(),
            told_pods: Told::default(),
            told_log_limits: BTreeMap::new(),
            told_certificate: None,
            slots: Slots::new(opened.watching.most_streams, wishes),
            rota: Some(rota),
            news: mpsc::channel(NEWS),
            stream_news: mpsc::channel(NEWS),
            connects: JoinSet::new(),
            logged_in: None,
            tasks: JoinSet::new(),
            scopes,
            opened,
        }
    }

    /// Runs until it is dropped or nobody asks any more.
    pub(super) async fn run(&mut self) {
        let state = self.health.state().clone();
        self.report(Report::StateChanged {
            context: self.opened.context,
            state,
        })
        .await;
        self.start_feeds();
        if let Some(rota) = self.rota.take() {
            self.tasks.spawn(rota.run());
        }
        self.connect();
        loop {
            tokio::select! {
                Some(made) = self.connects.join_next() => self.connected(made),
                request = self.opened.requests.recv() => match request {
                    Some(Request::Retry) => self.retry(),
                    Some(Request::Exec(session)) => self.exec(session),
                    Some(Request::Allow(fingerprint)) => self.allow(fingerprint),
                    Some(Request::Login(done)) => self.login(done),
                    None => return,
                },
                Some(news) = self.news.1.recv() => self.hear(news).await,
                Some(news) = self.stream_news.1.recv() => self.hear_stream(news),
                Some(done) = self.tasks.join_next() => self.ended(done).await,
                () = until(self.renew_at) => self.connect(),
            }
            self.settle().await;
            self.answer_login();
        }
    }

    /// Ends all tasks and waits for them.
    pub(super) async fn shut_down(&mut self) {
        self.connects.shutdown().await;
        self.tasks.shutdown().await;
    }

    fn line(&self) -> Line {
        Line {
            links: self.links.subscribe(),
            retries: self.retries.subscribe(),
        }
    }

    fn start_feeds(&mut self) {
        let context = self.opened.context;
        for (scope, namespace) in self.scopes.clone().into_iter().enumerate() {
            let feed = |label: Option<String>, field: Option<String>| Feed {
                namespace: namespace.clone(),
                label_selector: label,
                field_selector: field,
                line: self.line(),
                now: Arc::clone(&self.opened.outlet.now),
            };
            let watching = &self.opened.watching;
            let pods = feed(watching.label_selector.clone(), watching.field_selector.clone());
            let events = feed(None, None);
            let (to_pods, to_events) = (self.news.0.clone(), self.news.0.clone());
            let slim = move |pod: Pod| pod_row(context, pod);
            self.tasks
                .spawn(pods.run(slim, move |fed| News::Pods { scope, fed }, to_pods));
            let slim = move |event: Event| event_row(context, event);
            self.tasks
                .spawn(events.run(slim, move |fed| News::Events { scope, fed }, to_events));
        }
    }

    async fn hear(&mut self, news: News) {
        match news {
            News::Pods { scope, fed } => self.hear_pods(scope, fed).await,
            News::Events { scope, fed } => self.hear_events(scope, fed).await,
            News::Version(version) => {
                self.version = Some(Arc::clone(&version));
                self.report(Report::VersionLearned {
                    context: self.opened.context,
                    version,
                })
                .await;
            }
            News::Rights { namespace, rights } => drop(self.rights.insert(namespace, rights)),
        }
    }

    async fn hear_pods(&mut self, scope: usize, fed: Fed<PodRow>) {
        match fed {
            Fed::Listed(rows) => self.pods_listed(scope, rows).await,
            Fed::Opened => self.live(scope),
            Fed::Applied(row) if self.opened.watching.wants_pod(&row) => {
                self.pods.apply(scope, Arc::clone(&row.key.uid), row.clone());
                self.report(Report::PodApplied(row.clone())).await;
                self.follow(&row, None);
            }
            Fed::Applied(_) => {}
            Fed::Deleted(row) => {
                if self.pods.remove(scope, &row.key.uid).is_some() {
                    self.followed.remove(&row.key.uid);
                    self.report(Report::PodDeleted(row.key)).await;
                }
            }
            Fed::Failed {
                failure,
                generation,
                next,
            } => {
                let failure = self.with_a_way_out(scope, failure);
                self.health.failed(scope, &failure, next);
                self.perhaps_unauthorized(&failure, generation);
            }
        }
    }

    async fn pods_listed(&mut self, scope: usize, mut rows: Vec<PodRow>) {
        rows.retain(|row| self.opened.watching.wants_pod(row));
        let gone = self
            .pods
            .list(scope, rows.iter().map(|row| (Arc::clone(&row.key.uid), row.clone())));
        for row in gone {
            self.followed.remove(&row.key.uid);
        }
        self.report(Report::PodsListed {
            context: self.opened.context,
            pods: self.pods.all(),
        })
        .await;
        let first = self
            .listed
            .get_mut(scope)
            .is_some_and(|listed| !std::mem::replace(listed, true));
        let tail = self.opened.watching.tail.filter(|_| first);
        for row in rows {
            self.follow(&row, tail);
        }
    }

    fn live(&mut self, scope: usize) {
        if self.health.is_failing(scope) {
            // The server is back: whatever waits for its next try need not wait any longer.
            self.retries.send_modify(|retries| *retries += 1);
        }
        self.health.live(scope);
        self.renewed = false;
        if self.version.is_none() {
            self.ask_version();
        }
        self.ask_rights(scope);
    }

    fn ask_version(&mut self) {
        let Some(link) = self.links.borrow().clone() else {
            return;
        };
        let news = self.news.0.clone();
        self.tasks.spawn(async move {
            // Without an answer it is asked again when the cluster is live the next time.
            if let Ok(Ok(info)) = timeout(ANSWER, link.api.apiserver_version()).await {
                drop(news.send(News::Version(info.git_version.into())).await);
            }
        });
    }

    async fn hear_events(&mut self, scope: usize, fed: Fed<EventRow>) {
        let context = self.opened.context;
        match fed {
            Fed::Listed(rows) => {
                self.events
                    .list(scope, rows.into_iter().map(|row| (Arc::clone(&row.uid), row)));
                self.report(Report::EventsListed {
                    context,
                    events: self.events.all(),
                })
                .await;
            }
            Fed::Opened => self.limit_events(scope, None).await,
            Fed::Applied(event) => {
                self.events.apply(scope, Arc::clone(&event.uid), event.clone());
                self.report(Report::EventApplied { context, event }).await;
            }
            // They go by age; what was shown of them may stay.
            Fed::Deleted(event) => drop(self.events.remove(scope, &event.uid)),
            Fed::Failed {
                failure, generation, ..
            } => {
                self.perhaps_unauthorized(&failure, generation);
                // A cluster that cannot be reached says so once, with its pods.
                if failure.is(FailureKind::Forbidden) || self.health.state().is_live() {
                    self.limit_events(scope, Some(failure.cause)).await;
                }
            }
        }
    }

    async fn limit_events(&mut self, scope: usize, limit: Option<Arc<str>>) {
        let Some(told) = self.event_limits.get_mut(scope) else {
            return;
        };
        if *told == limit {
            return;
        }
        told.clone_from(&limit);
        self.limit(self.what("events", scope), limit).await;
    }

    /// Without a cause the limit is no more.
    async fn limit(&self, what: Arc<str>, cause: Option<Arc<str>>) {
        let context = self.opened.context;
        self.report(match cause {
            Some(cause) => Report::Limited { context, what, cause },
            None => Report::LimitLifted { context, what },
        })
        .await;
    }

    fn what(&self, kind: &str, scope: usize) -> Arc<str> {
        match self.scopes.get(scope) {
            Some(Some(namespace)) => format!("{kind} in namespace {namespace}").into(),
            Some(None) | None => format!("{kind} of the cluster").into(),
        }
    }

    /// A task ended; that one failed is said, the others go on.
    async fn ended(&mut self, done: Result<(), JoinError>) {
        if done.is_err_and(|error| error.is_panic()) {
            let cause = "an internal error ended one of its tasks".into();
            self.limit("this context".into(), Some(cause)).await;
        }
    }

    /// Tells what has changed of the state, its limits and the access to the logs.
    async fn settle(&mut self) {
        let context = self.opened.context;
        let now = self.opened.outlet.now();
        if let Some(state) = self.health.settle(now) {
            self.report(Report::StateChanged { context, state }).await;
        }
        for (scope, cause) in self.health.limits() {
            self.limit(self.what("pods", scope), cause).await;
        }
        self.tell_certificate(now).await;
        self.tell_log_limits().await;
        self.tell_namespaces(now).await;
        self.tell_access(now);
    }

    /// Once per namespace and sentence. A cluster that is live again says it anew.
    async fn tell_log_limits(&mut self) {
        let live = self.health.state().is_live();
        let now = if live { self.unreadable() } else { BTreeMap::new() };
        let before = std::mem::replace(&mut self.told_log_limits, now);
        let what = |namespace: &str| format!("logs in namespace {namespace}").into();
        for (namespace, cause) in &self.told_log_limits {
            if before.get(namespace) != Some(cause) {
                self.limit(what(namespace), Some(Arc::clone(cause))).await;
            }
        }
        for namespace in before.keys().filter(|_| live) {
            if !self.told_log_limits.contains_key(namespace) {
                self.limit(what(namespace), None).await;
            }
        }
    }

    /// Before the context as a whole, so that it is never taken for live with all its namespaces when it is not.
    async fn tell_namespaces(&mut self, now: Time) {
        if !self.health.state().is_live() {
            return;
        }
        let context = self.opened.context;
        let scopes = self.scopes.iter().zip(self.health.access());
        let closed = scopes.filter(|(_, access)| *access != Access::Open);
        let pods: BTreeMap<_, _> = closed
            .filter_map(|(namespace, access)| Some((namespace.clone()?, access)))
            .collect();
        let mut all = pods.clone();
        let unreadable = self.unreadable().into_keys();
        all.extend(unreadable.map(|namespace| (namespace, Access::Forbidden)));
        for (namespace, access) in self.told_pods.update(pods) {
            self.report(Report::NamespaceChanged {
                context,
                namespace,
                access,
            })
            .await;
        }
        for (namespace, access) in self.told_namespaces.update(all) {
            let ingest = ingest(context, Some(namespace), access, now);
            self.opened.outlet.ingest(ingest);
        }
    }

    fn tell_access(&mut self, now: Time) {
        let access = self.access();
        if std::mem::replace(&mut self.told_access, access) == access {
            return;
        }
        if let Some(access) = access {
            let ingest = ingest(self.opened.context, None, access, now);
            self.opened.outlet.ingest(ingest);
        }
    }

    /// Nothing before the first answer.
    fn access(&self) -> Option<Access> {
        use crate::model::ClusterState as State;
        match self.health.state() {
            State::Live { .. } if self.logs.is_forbidden_altogether() => Some(Access::Forbidden),
            State::Live { .. } => Some(Access::Open),
            State::Forbidden { .. } => Some(Access::Forbidden),
            State::Connecting { .. }
            | State::Stale { .. }
            | State::NeedsLogin { .. }
            | State::Asks { .. }
            | State::Unreachable { .. }
            | State::Broken { .. } => self.told_access.map(|_| Access::Lost),
        }
    }

    async fn report(&self, report: Report) {
        self.opened.outlet.report(report).await;
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
