//! Expanding and collapsing, and what an object opens.

use crate::logs::Scope;
use crate::workspace::msg::Effect;
use crate::workspace::panes::{ObjectKey, ObjectsPane, Pane};
use crate::workspace::scene::Tone;
use crate::workspace::state::State;

use super::logs;

fn selected(state: &State) -> Option<ObjectKey> {
    match state.focused()? {
        Pane::Objects(pane) => pane.list.selected().cloned(),
        Pane::Contrast(_) | Pane::Logs(_) | Pane::Exec(_) => None,
    }
}

fn pane(state: &mut State) -> Option<&mut ObjectsPane> {
    match state.focused_mut()? {
        Pane::Objects(pane) => Some(pane),
        Pane::Contrast(_) | Pane::Logs(_) | Pane::Exec(_) => None,
    }
}

pub fn expand(state: &mut State) -> Vec<Effect> {
    if let Some(key) = selected(state)
        && let Some(pane) = pane(state)
    {
        pane.list.select(key.clone());
        pane.expand(&key);
    }
    Vec::new()
}

/// Collapses what is expanded; what is not gives the selection to what it is below of.
pub fn collapse(state: &mut State) -> Vec<Effect> {
    let Some(key) = selected(state) else { return Vec::new() };
    let parent = ObjectsPane::parent(&state.objects, &key);
    if let Some(pane) = pane(state) {
        if pane.is_expanded(&key) {
            pane.list.select(key.clone());
            pane.collapse(&key);
        } else if let Some(parent) = parent {
            pane.list.select(parent);
        }
    }
    Vec::new()
}

pub fn toggle(state: &mut State) -> Vec<Effect> {
    let Some(key) = selected(state) else { return Vec::new() };
    match pane(state) {
        Some(pane) if pane.is_expanded(&key) => {
            pane.list.select(key.clone());
            pane.collapse(&key);
            Vec::new()
        }
        Some(_) => expand(state),
        None => Vec::new(),
    }
}

/// Opens the logs of the selected object.
pub fn open_logs(state: &mut State) -> Vec<Effect> {
    match selected(state) {
        Some(ObjectKey::Namespace(_)) => toggle(state),
        Some(ObjectKey::Workload(workload)) => logs::open_scope(state, Scope::Workload(workload)),
        Some(ObjectKey::Pod(pod)) => logs::open_scope(state, Scope::Pod(pod)),
        Some(ObjectKey::Container(target)) => logs::open_scope(state, Scope::Container(target)),
        None => {
            state.say("no object is selected", Tone::Dim);
            Vec::new()
        }
    }
}
