//! News of the clusters and of what was read. What changes nothing costs no frame.

use std::sync::Arc;

use crate::logs::Snapshot;
use crate::model::{ContextId, Report, Time};
use crate::workspace::clusters::Cluster;
use crate::workspace::msg::{Effect, OpenedContext};
use crate::workspace::state::State;

pub fn open_contexts(state: &mut State, contexts: Vec<OpenedContext>, now: Time) -> Vec<Effect> {
    state.clusters.open(contexts, now);
    state.unsettled = true;
    Vec::new()
}

pub fn take_snapshot(state: &mut State, snapshot: Arc<Snapshot>) -> Vec<Effect> {
    if *snapshot == *state.snapshot {
        return Vec::new();
    }
    let news = !Arc::ptr_eq(&snapshot.findings, &state.snapshot.findings);
    state.snapshot = snapshot;
    state.unsettled = true;
    state.marks.follow(&state.snapshot);
    if news && state.ringer.hears(&state.snapshot, &state.marks) {
        return vec![Effect::Bell];
    }
    Vec::new()
}

pub fn report(state: &mut State, report: Report, now: Time) -> Vec<Effect> {
    let changed = take_in(state, report, now);
    state.unsettled |= changed;
    Vec::new()
}

/// True if anything changed.
fn take_in(state: &mut State, report: Report, now: Time) -> bool {
    match report {
        Report::StateChanged {
            context,
            state: changed,
        } => with_cluster(state, context, |cluster| cluster.change(changed, now)),
        Report::VersionLearned { context, version } => with_cluster(state, context, |cluster| {
            cluster.version.replace(version.clone()) != Some(version)
        }),
        Report::PodsListed { context, pods } => {
            let first = with_cluster(state, context, |cluster| !std::mem::replace(&mut cluster.listed, true));
            state.objects.list(context, pods) || first
        }
        Report::PodApplied(pod) => state.objects.apply(pod),
        Report::PodDeleted(key) => state.objects.delete(&key),
        Report::EventsListed { context, events } => {
            state.objects.list_events(context, events);
            true
        }
        Report::EventApplied { context, event } => {
            state.objects.note_event(context, event);
            true
        }
        Report::SourceOpened(source) => state.clusters.streams.open(source, now),
        Report::StreamChanged { source, state: changed } => state.clusters.streams.note(source, changed, now),
        Report::Limited { context, what, cause } => with_cluster(state, context, |cluster| {
            cluster.limits.insert(what, cause.clone()) != Some(cause)
        }),
        Report::LimitLifted { context, what } => {
            with_cluster(state, context, |cluster| cluster.limits.remove(&what).is_some())
        }
        Report::SkewEstimated { context, ahead } => with_cluster(state, context, |cluster| {
            std::mem::replace(&mut cluster.skew, ahead) != ahead
        }),
        Report::NamespaceChanged {
            context,
            namespace,
            access,
        } => with_cluster(state, context, |cluster| {
            cluster.namespaces.insert(namespace, access) != Some(access)
        }),
    }
}

fn with_cluster(state: &mut State, context: ContextId, change: impl FnOnce(&mut Cluster) -> bool) -> bool {
    state.clusters.get_mut(context).is_some_and(change)
}
