//! Shells: opening, typing, what they print, and their end.

use bytes::Bytes;

use crate::model::{ContainerKind, ContainerState, ExecEnd, PaneId, PodRow, Target};
use crate::workspace::compose::objects::worst_pod;
use crate::workspace::key::Key;
use crate::workspace::msg::Effect;
use crate::workspace::panes::exec::Stage;
use crate::workspace::panes::{ExecPane, LogsPane, ObjectKey, Pane};
use crate::workspace::scene::{PaneScene, Tone};
use crate::workspace::state::State;

use super::arrange;

/// The size of a screen before its pane has a place.
const UNPLACED: (u16, u16) = (80, 24);

/// Opens a shell in what is selected.
pub fn open_shell(state: &mut State) -> Vec<Effect> {
    let Some(target) = target(state) else {
        state.say("no container is selected for a shell", Tone::Dim);
        return Vec::new();
    };
    let id = state.add_pane(shell_in(target));
    arrange::place_with_room(state, id);
    open_new(state, id)
}

fn shell_in(target: Target) -> Pane {
    Pane::Exec(Box::new(ExecPane::new(target, UNPLACED.0, UNPLACED.1)))
}

/// Another shell in the same container.
pub fn another(pane: &ExecPane) -> Pane {
    shell_in(pane.target.clone())
}

/// Starts the session of a shell's pane that was just placed, in the size that it has there.
pub fn open_new(state: &mut State, id: PaneId) -> Vec<Effect> {
    let area = state.area();
    let solved = state.layout.solve(area);
    let rect = solved
        .iter()
        .find(|(pane, _)| *pane == id)
        .map(|(_, rect)| PaneScene::body_rect(*rect));
    let Some(pane) = state.exec_mut(id) else {
        return Vec::new();
    };
    if let Some(rect) = rect {
        pane.resize(rect.width, rect.height);
    }
    vec![Effect::OpenExec {
        pane: id,
        request: pane.request(),
    }]
}

fn target(state: &State) -> Option<Target> {
    match state.focused()? {
        Pane::Objects(pane) => match pane.list.selected()? {
            ObjectKey::Namespace(_) => None,
            ObjectKey::Workload(workload) => {
                let workload = state.objects.workload(workload)?;
                let pods = || workload.cells.values().flat_map(|cell| cell.pods.values());
                // There is no shell in a container that does not run, however bad it is.
                let running = worst_pod(pods().filter(|pod| default_runs(pod)));
                running.or_else(|| worst_pod(pods())).and_then(default_target)
            }
            ObjectKey::Pod(pod) => default_target(state.objects.pod(pod)?),
            ObjectKey::Container(target) => Some(target.clone()),
        },
        Pane::Logs(pane) if pane.is_following() => only_target(state, pane),
        Pane::Logs(pane) => {
            let record = state.snapshot.records.get(pane.selected?)?;
            let source = state.snapshot.sources.get(&record.source)?;
            Some(source.target.clone())
        }
        Pane::Exec(pane) => Some(pane.target.clone()),
        Pane::Contrast(_) => None,
    }
}

/// The container that the focused column reads, if it can be only one.
fn only_target(state: &State, pane: &LogsPane) -> Option<Target> {
    let filter = pane.column_filter();
    let mut targets = state
        .snapshot
        .sources
        .values()
        .filter(|source| filter.context.is_none_or(|context| context == source.id.context))
        .filter(|source| filter.scope.holds(source))
        .map(|source| &source.target);
    let first = targets.next()?;
    targets.all(|target| target == first).then(|| first.clone())
}

fn default_container(pod: &PodRow) -> Option<&str> {
    let named = (!pod.default_container.is_empty()).then_some(&*pod.default_container);
    named.or_else(|| {
        let main = pod
            .containers
            .iter()
            .find(|container| container.kind == ContainerKind::Main);
        main.map(|container| &*container.name)
    })
}

fn default_target(pod: &PodRow) -> Option<Target> {
    Some(Target {
        pod: pod.key.clone(),
        container: default_container(pod)?.into(),
    })
}

fn default_runs(pod: &PodRow) -> bool {
    default_container(pod)
        .and_then(|name| pod.container(name))
        .is_some_and(|container| matches!(container.state, ContainerState::Running { .. }))
}

/// Sends keys to the program that has the focus.
pub fn type_keys(state: &mut State, keys: &[Key]) -> Vec<Effect> {
    let id = state.layout.focus();
    let Some(pane) = state.exec_mut(id) else {
        return Vec::new();
    };
    let bytes: Vec<u8> = keys.iter().flat_map(|key| pane.vt.encode_key(*key)).collect();
    pane.vt.scroll_to_bottom();
    send(id, bytes)
}

pub fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    let id = state.layout.focus();
    match state.exec_mut(id) {
        Some(pane) if pane.is_typing() => send(id, pane.vt.encode_paste(text)),
        Some(_) | None => Vec::new(),
    }
}

fn send(pane: PaneId, bytes: Vec<u8>) -> Vec<Effect> {
    if bytes.is_empty() {
        return Vec::new();
    }
    vec![Effect::SendToExec {
        pane,
        bytes: Bytes::from(bytes),
    }]
}

pub fn leave(state: &mut State) -> Vec<Effect> {
    let id = state.layout.focus();
    if let Some(pane) = state.exec_mut(id) {
        pane.leave();
    }
    Vec::new()
}

/// Back to typing; a shell that has ended is closed instead.
pub fn enter(state: &mut State) -> Vec<Effect> {
    let id = state.layout.focus();
    match state.exec_mut(id) {
        Some(pane) if pane.has_ended() => arrange::close(state),
        Some(pane) => {
            pane.enter();
            Vec::new()
        }
        None => Vec::new(),
    }
}

pub fn opened(state: &mut State, id: PaneId) -> Vec<Effect> {
    if let Some(pane) = state.exec_mut(id)
        && pane.stage == Stage::Opening
    {
        pane.stage = Stage::Open;
        state.unsettled = true;
    }
    Vec::new()
}

pub fn printed(state: &mut State, id: PaneId, bytes: &[u8]) -> Vec<Effect> {
    let Some(pane) = state.exec_mut(id) else {
        return Vec::new();
    };
    let answers = pane.vt.feed(bytes);
    let ended = pane.has_ended();
    state.unsettled = true;
    if ended { Vec::new() } else { send(id, answers) }
}

pub fn ended(state: &mut State, id: PaneId, end: ExecEnd) -> Vec<Effect> {
    if let Some(pane) = state.exec_mut(id) {
        pane.stage = Stage::Ended(end);
        state.unsettled = true;
    }
    Vec::new()
}
