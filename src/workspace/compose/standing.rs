//! How what has the focus is doing, in a sentence for the last line: the stream of the selected record or container,
//! else what is wrong with the cluster or with the worst of its streams.

use std::ops::Bound;

use crate::logs::{Filter, Scope, Snapshot};
use crate::model::{ContextId, SourceId, StreamState};
use crate::workspace::panes::{LogsPane, ObjectKey, ObjectsPane, Pane};
use crate::workspace::scene::Span;
use crate::workspace::state::State;
use crate::workspace::streams::Stream;

use super::age::Moment;
use super::streams::{self, Kept, Known};
use super::{bar, words};

/// Lines counted of a stream that is gone before counting ends.
const MOST_KEPT: usize = 10_000;

pub fn compose(state: &State, moment: &mut Moment) -> Vec<Span> {
    let told = match state.focused() {
        Some(Pane::Logs(pane)) => of_logs(state, pane, moment),
        Some(Pane::Objects(pane)) => of_objects(state, pane, moment),
        Some(Pane::Contrast(_) | Pane::Exec(_)) | None => None,
    };
    match told {
        Some(told) => told,
        // It has a line of its own.
        None if state.bar_rows() > 1 => Vec::new(),
        None => bar::trouble(&state.clusters, moment),
    }
}

fn of_logs(state: &State, pane: &LogsPane, moment: &mut Moment) -> Option<Vec<Span>> {
    let selected = pane.selected.filter(|_| !pane.is_following());
    let record = selected.and_then(|selected| state.snapshot.records.get(selected));
    if let Some(stream) = record.and_then(|record| state.clusters.streams.get(record.source)) {
        return Some(of_stream(state, stream, moment));
    }
    let context = pane.focused_column();
    of_cluster(state, context, moment).or_else(|| of_worst(state, context, &pane.filter.scope, moment))
}

fn of_objects(state: &State, pane: &ObjectsPane, moment: &mut Moment) -> Option<Vec<Span>> {
    let scope = match pane.list.selected()? {
        ObjectKey::Namespace(_) => return None,
        ObjectKey::Workload(workload) => Scope::Workload(workload.clone()),
        ObjectKey::Pod(pod) => Scope::Pod(pod.clone()),
        ObjectKey::Container(target) => {
            let stream = state.clusters.streams.of(target)?;
            return Some(of_stream(state, stream, moment));
        }
    };
    of_worst(state, None, &scope, moment)
}

/// Why one cluster is not well.
fn of_cluster(state: &State, context: Option<ContextId>, moment: &mut Moment) -> Option<Vec<Span>> {
    let cluster = state.clusters.get(context?)?;
    (cluster.urgency() < u8::MAX).then(|| bar::told(&state.clusters, cluster, moment))
}

fn of_worst(state: &State, context: Option<ContextId>, scope: &Scope, moment: &mut Moment) -> Option<Vec<Span>> {
    let worst = state.clusters.streams.worst(context, scope)?;
    Some(of_stream(state, worst, moment))
}

/// The state first: where there is little room it is what counts.
fn of_stream(state: &State, stream: &Stream, moment: &mut Moment) -> Vec<Span> {
    let container = stream.source.as_ref().and_then(|source| {
        let pod = state.objects.pod(&source.target.pod)?;
        pod.container(&source.target.container)
    });
    let kept = (stream.state == StreamState::Gone).then(|| kept(&state.snapshot, stream.id));
    let (told, tone) = streams::sentence(stream, Known { container, kept }, moment);
    let mut spans = vec![
        Span::new(told, tone),
        Span::dim(" · "),
        words::cluster_span(&state.clusters, stream.id.context),
    ];
    if let Some(source) = &stream.source {
        let (pod, container) = (&source.target.pod.name, &source.target.container);
        spans.push(Span::dim(words::safe(&format!(" {pod}/{container}"))));
    }
    spans
}

/// How many lines of a stream are held.
fn kept(snapshot: &Snapshot, id: SourceId) -> Kept {
    let Some(source) = snapshot.sources.get(&id) else {
        return Kept::Exactly(0);
    };
    let filter = Filter {
        context: Some(id.context),
        scope: Scope::Container(source.target.clone()),
        ..Filter::default()
    };
    let records = snapshot.before(&filter, Bound::Unbounded);
    let mut lines = 0;
    for record in records.filter(|record| record.source == id) {
        lines += record.lines().count();
        if lines > MOST_KEPT {
            return Kept::MoreThan(MOST_KEPT);
        }
    }
    Kept::Exactly(lines)
}
