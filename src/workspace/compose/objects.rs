//! Workloads, pods and containers as rows with a cell per cluster, and what is wrong with the selected one.

use std::collections::BTreeSet;

use crate::model::{Access, ContainerRow, ContainerState, ContextId, PodKey, PodRow, Target, WorkloadKey};
use crate::text::display;
use crate::workspace::clusters::{Cluster, Clusters};
use crate::workspace::layout::Rect;
use crate::workspace::objects::{Census, Objects, Severity, trouble};
use crate::workspace::panes::{ObjectKey, ObjectsPane};
use crate::workspace::scene::{ObjectRow, ObjectsScene, Span, Tone};

use super::age::Moment;
use super::streams::{self, Known};
use super::words;

/// Versions of one workload in one cluster that are named; more are counted.
const MOST_VERSIONS: usize = 2;

const fn detail_lines(height: u16) -> u16 {
    match height {
        0..10 => 0,
        10..18 => 2,
        18.. => 3,
    }
}

/// How many rows a body has lines for.
pub fn row_count(body: Rect) -> usize {
    let detail = detail_lines(body.height);
    let rule = u16::from(detail > 0);
    usize::from(body.height.saturating_sub(1 + detail + rule))
}

/// The line of the body on which the first row is.
pub const FIRST_ROW: u16 = 1;

/// The pane's rows must be refreshed and its list settled.
pub fn compose(
    pane: &ObjectsPane,
    objects: &Objects,
    clusters: &Clusters,
    body: Rect,
    moment: &mut Moment,
) -> ObjectsScene {
    let window = pane.list.window();
    let shown = pane.rows().get(window.clone()).unwrap_or_default();
    let mut table = Table {
        pane,
        objects,
        clusters,
        moment,
    };
    let rows: Vec<_> = shown.iter().map(|key| table.row(key)).collect();
    let lines = usize::from(detail_lines(body.height));
    let detail = pane
        .list
        .selected()
        .map(|key| table.detail(key, lines))
        .unwrap_or_default();
    let selected = pane.list.index().and_then(|index| index.checked_sub(window.start));
    ObjectsScene {
        clusters: clusters
            .iter()
            .map(|cluster| (cluster.id, clusters.name(cluster.id)))
            .collect(),
        selected: selected.filter(|selected| *selected < rows.len()),
        above: window.start,
        total: pane.rows().len(),
        detail,
        empty: rows.is_empty().then(|| nothing_yet(clusters, table.moment)),
        rows,
    }
}

fn nothing_yet(clusters: &Clusters, moment: &mut Moment) -> String {
    let mut lines = words::absences(clusters, moment);
    if lines.is_empty() {
        lines.push(no_pods(clusters));
    }
    lines.join("\n")
}

/// Where it was looked in vain: a mistyped namespace exists everywhere and has no pods.
fn no_pods(clusters: &Clusters) -> String {
    let namespaces: BTreeSet<&str> = clusters.iter().map(|cluster| &*cluster.namespace).collect();
    let places: Vec<_> = namespaces
        .into_iter()
        .filter(|namespace| !namespace.is_empty())
        .map(words::safe)
        .collect();
    if places.is_empty() {
        return "no matching pods".to_owned();
    }
    format!("no matching pods in {}", places.join(", "))
}

/// The pane's name, and how old what is shown of a cluster is.
pub fn title(clusters: &Clusters, moment: &mut Moment) -> Vec<Span> {
    let mut title = vec![Span::plain("Objects").bold()];
    title.extend(words::ages(clusters, moment));
    title
}

pub fn note(pane: &ObjectsPane) -> Vec<Span> {
    super::status::position(pane.list.index(), pane.list.total())
}

/// What rows are made of.
struct Table<'a> {
    pane: &'a ObjectsPane,
    objects: &'a Objects,
    clusters: &'a Clusters,
    moment: &'a mut Moment,
}

impl Table<'_> {
    fn row(&mut self, key: &ObjectKey) -> ObjectRow {
        match key {
            ObjectKey::Namespace(namespace) => ObjectRow {
                depth: 0,
                mark: self.mark(key),
                name: vec![Span::new(words::safe(namespace), Tone::Accent).bold()],
                cells: self.empty_cells(),
            },
            ObjectKey::Workload(workload) => self.workload_row(key, workload),
            ObjectKey::Pod(pod) => self.pod_row(key, pod),
            ObjectKey::Container(target) => self.container_row(target),
        }
    }

    fn mark(&self, key: &ObjectKey) -> &'static str {
        if self.pane.is_expanded(key) { "▾" } else { "▸" }
    }

    fn empty_cells(&self) -> Vec<Vec<Span>> {
        vec![Vec::new(); self.clusters.len()]
    }

    fn workload_row(&mut self, key: &ObjectKey, workload: &WorkloadKey) -> ObjectRow {
        let mark = self.mark(key);
        let cells = self.clusters.iter().map(|cluster| {
            let cell = self
                .objects
                .workload(workload)
                .and_then(|workload| workload.cells.get(&cluster.id));
            match cell {
                Some(cell) => dimmed_if_stale(census_cell(&cell.census, self.moment), cluster),
                None => vec![not_there(cluster, &workload.namespace)],
            }
        });
        ObjectRow {
            depth: 1,
            mark,
            cells: cells.collect(),
            name: vec![
                Span::plain(words::safe(&workload.name)),
                Span::dim(format!(" {}", short_kind(workload.kind.as_str()))),
            ],
        }
    }

    fn pod_row(&mut self, key: &ObjectKey, pod: &PodKey) -> ObjectRow {
        let spans = self.objects.pod(pod).map(|row| pod_cell(row, self.moment));
        ObjectRow {
            depth: 2,
            mark: self.mark(key),
            name: vec![Span::new(words::safe(&pod.name), Tone::Cluster(pod.context))],
            cells: self.cells_of(pod.context, &spans.unwrap_or_default()),
        }
    }

    fn container_row(&mut self, target: &Target) -> ObjectRow {
        let container = self
            .objects
            .pod(&target.pod)
            .and_then(|pod| pod.container(&target.container));
        let mut spans = container
            .map(|row| container_cell(row, self.moment))
            .unwrap_or_default();
        if let Some(stream) = self.clusters.streams.of(target) {
            spans.push(Span::plain(" "));
            spans.extend(streams::in_a_row(stream, self.moment));
        }
        ObjectRow {
            depth: 3,
            mark: "",
            name: vec![Span::new(
                words::safe(&target.container),
                Tone::Cluster(target.pod.context),
            )],
            cells: self.cells_of(target.pod.context, &spans),
        }
    }

    fn cells_of(&self, context: ContextId, spans: &[Span]) -> Vec<Vec<Span>> {
        self.clusters
            .iter()
            .map(|cluster| {
                if cluster.id == context {
                    dimmed_if_stale(spans.to_vec(), cluster)
                } else {
                    Vec::new()
                }
            })
            .collect()
    }

    /// Exactly `lines` lines on what is wrong with an object.
    fn detail(&mut self, key: &ObjectKey, lines: usize) -> Vec<Vec<Span>> {
        let mut detail = match key {
            ObjectKey::Namespace(_) => Vec::new(),
            ObjectKey::Workload(workload) => self.workload_detail(workload),
            ObjectKey::Pod(pod) => self.pod_detail(pod),
            ObjectKey::Container(target) => self.container_detail(target),
        };
        detail.resize(lines, Vec::new());
        detail
    }

    /// How its log is read, and what is wrong with it.
    fn container_detail(&mut self, target: &Target) -> Vec<Vec<Span>> {
        let row = self
            .objects
            .pod(&target.pod)
            .and_then(|pod| pod.container(&target.container));
        let mut lines = Vec::new();
        if let Some(stream) = self.clusters.streams.of(target) {
            let known = Known {
                container: row,
                ..Known::default()
            };
            let (told, tone) = streams::sentence(stream, known, self.moment);
            lines.push(vec![Span::dim("log "), Span::new(told, tone)]);
        }
        lines.extend(row.map(|row| container_detail(row, self.moment)).unwrap_or_default());
        lines
    }

    /// Of the worst pod in each cluster.
    fn workload_detail(&mut self, workload: &WorkloadKey) -> Vec<Vec<Span>> {
        let Some(workload) = self.objects.workload(workload) else {
            return Vec::new();
        };
        let worst = workload.cells.values().filter_map(|cell| worst_pod(cell.pods.values()));
        let mut pods: Vec<_> = worst.filter(|pod| trouble(pod).is_some()).collect();
        pods.sort_by_key(|pod| trouble(pod).map(|(severity, _)| severity));
        pods.into_iter()
            .flat_map(|pod| {
                let cluster = words::cluster_span(self.clusters, pod.key.context);
                self.pod_detail(&pod.key).into_iter().take(1).map(move |mut line| {
                    line.insert(0, Span::plain(" "));
                    line.insert(0, cluster.clone());
                    line
                })
            })
            .collect()
    }

    fn pod_detail(&mut self, pod: &PodKey) -> Vec<Vec<Span>> {
        let mut lines = Vec::new();
        let Some(row) = self.objects.pod(pod) else { return lines };
        for container in &row.containers {
            lines.extend(container_detail(container, self.moment));
        }
        if let Some(event) = self.objects.warning(pod.context, "Pod", &pod.namespace, &pod.name) {
            let mut line = vec![
                Span::new(words::safe(&event.reason), Tone::Warn),
                Span::dim(format!(" {} ago", self.moment.age(event.last))),
            ];
            if event.count > 1 {
                line.push(Span::dim(format!(" ×{}", event.count)));
            }
            line.push(Span::plain(format!(" {}", words::safe(&event.message))));
            lines.push(line);
        }
        lines
    }
}

/// The pod of which there is most to be said.
pub fn worst_pod<'a>(pods: impl Iterator<Item = &'a PodRow>) -> Option<&'a PodRow> {
    pods.min_by_key(|pod| {
        let severity = trouble(pod).map(|(severity, _)| severity);
        (
            severity.is_none(),
            severity,
            std::cmp::Reverse(pod.restarts()),
            pod.key.clone(),
        )
    })
}

/// Kinds as kubectl's short names spell them.
fn short_kind(kind: &str) -> String {
    match kind {
        "Deployment" => "deploy".to_owned(),
        "StatefulSet" => "sts".to_owned(),
        "DaemonSet" => "ds".to_owned(),
        "CronJob" => "cj".to_owned(),
        other => words::safe(&other.to_lowercase()),
    }
}

fn not_there(cluster: &Cluster, namespace: &str) -> Span {
    match cluster.access(namespace) {
        Access::Forbidden => Span::new("no access", Tone::Warn),
        Access::Open => Span::dim("–"),
        Access::Lost => Span::dim("?"),
    }
}

fn dimmed_if_stale(mut spans: Vec<Span>, cluster: &Cluster) -> Vec<Span> {
    if cluster.is_stale() {
        for span in &mut spans {
            span.tone = Tone::Dim;
        }
    }
    spans
}

/// `2/3 CrashLoopBackOff ↻4 v1.2 2h`: what matters most first, for it may be cut.
fn census_cell(census: &Census, moment: &mut Moment) -> Vec<Span> {
    let worst = census.worst();
    let tone = match worst {
        Some((Severity::Bad, _)) => Tone::Bad,
        Some((Severity::Passing, _)) => Tone::Warn,
        None => Tone::Plain,
    };
    let mut words = Words::default();
    if census.active > 0 {
        words.push(format!("{}/{}", census.ready, census.active), tone);
    } else {
        words.push(format!("{} done", census.succeeded), Tone::Plain);
    }
    if let Some((_, reason)) = worst {
        words.push(words::safe(reason), tone);
    }
    words.push_restarts(census.restarts);
    let versions: Vec<_> = census.versions().collect();
    for version in versions.iter().take(MOST_VERSIONS) {
        words.push(display::truncate(&words::safe(version), 20).into_owned(), Tone::Plain);
    }
    if let Some(more) = versions.len().checked_sub(MOST_VERSIONS).filter(|more| *more > 0) {
        words.push(format!("+{more}"), Tone::Plain);
    }
    if let Some(youngest) = census.youngest() {
        words.push(moment.age(youngest), Tone::Dim);
    }
    words.0
}

/// `CrashLoopBackOff ↻4 2h node-1`
fn pod_cell(pod: &PodRow, moment: &mut Moment) -> Vec<Span> {
    let mut words = Words::default();
    let (status, tone) = match trouble(pod) {
        Some((Severity::Bad, reason)) => (reason, Tone::Bad),
        Some((Severity::Passing, reason)) => (reason, Tone::Warn),
        None => (pod.status(), Tone::Good),
    };
    words.push(words::safe(status), tone);
    words.push_restarts(u64::from(pod.restarts()));
    if !pod.version.is_empty() {
        words.push(
            display::truncate(&words::safe(&pod.version), 20).into_owned(),
            Tone::Plain,
        );
    }
    words.push(moment.age(pod.created), Tone::Dim);
    if !pod.node.is_empty() {
        words.push(words::safe(&pod.node), Tone::Dim);
    }
    words.0
}

/// `Running ↻4 2h`
fn container_cell(container: &ContainerRow, moment: &mut Moment) -> Vec<Span> {
    let mut words = Words::default();
    match &container.state {
        ContainerState::Waiting { reason, .. } => {
            let tone = if container.trouble().is_some() {
                Tone::Bad
            } else {
                Tone::Warn
            };
            words.push(words::safe(reason), tone);
        }
        ContainerState::Running { since } => {
            let tone = if container.ready { Tone::Good } else { Tone::Warn };
            words.push("Running".to_owned(), tone);
            words.push(moment.age(*since), Tone::Dim);
        }
        ContainerState::Terminated(end) => {
            let tone = if container.trouble().is_some() {
                Tone::Bad
            } else {
                Tone::Dim
            };
            words.push(words::safe(&end.reason), tone);
            words.push(format!("exit {}", end.exit_code), tone);
        }
        ContainerState::Unknown => words.push("Unknown".to_owned(), Tone::Warn),
    }
    words.push_restarts(u64::from(container.restarts));
    words.0
}

/// What is wrong with a container now, and how it ended last.
fn container_detail(container: &ContainerRow, moment: &mut Moment) -> Vec<Vec<Span>> {
    let name = || Span::dim(format!("{} ", words::safe(&container.name)));
    let mut lines = Vec::new();
    if let ContainerState::Waiting { reason, message } = &container.state
        && container.trouble().is_some()
    {
        lines.push(vec![
            name(),
            Span::new(words::safe(reason), Tone::Bad),
            Span::plain(format!(" {}", words::safe(message))),
        ]);
    }
    let ended = match &container.state {
        ContainerState::Terminated(end) if end.exit_code != 0 || end.signal != 0 => Some(end),
        ContainerState::Waiting { .. }
        | ContainerState::Running { .. }
        | ContainerState::Terminated(_)
        | ContainerState::Unknown => container.last.as_ref(),
    };
    if let Some(end) = ended {
        let mut line = vec![
            name(),
            Span::plain(format!("ended {} ago: ", moment.age(end.finished))),
            Span::new(
                format!("{}, exit {}", words::safe(&end.reason), end.exit_code),
                Tone::Bad,
            ),
        ];
        if end.signal != 0 {
            line.push(Span::new(format!(", signal {}", end.signal), Tone::Bad));
        }
        if let Some(message) = end.message.lines().rfind(|line| !line.trim().is_empty()) {
            line.push(Span::plain(format!(" · {}", words::safe(message))));
        }
        lines.push(line);
    }
    lines
}

/// Spans with blanks between them.
#[derive(Default)]
struct Words(Vec<Span>);

impl Words {
    fn push(&mut self, text: String, tone: Tone) {
        if text.is_empty() {
            return;
        }
        if !self.0.is_empty() {
            self.0.push(Span::plain(" "));
        }
        self.0.push(Span::new(text, tone));
    }

    fn push_restarts(&mut self, restarts: u64) {
        if restarts > 0 {
            self.push(format!("↻{}", words::count(restarts)), Tone::Warn);
        }
    }
}
