//! Focus, splits, zoom, closing: which panes there are and where.

use crate::model::PaneId;
use crate::workspace::layout::{Direction, Size, Split};
use crate::workspace::msg::Effect;
use crate::workspace::panes::{ContrastPane, ObjectsPane, Pane};
use crate::workspace::state::{Arranged, Over, State};

use super::exec;

/// Percent by which a pane grows or shrinks at a time.
const STEP: i16 = 5;

/// The panes that are not of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Contrast,
    Objects,
    Logs,
}

impl Kind {
    fn is(self, pane: &Pane) -> bool {
        match pane {
            Pane::Contrast(_) => self == Self::Contrast,
            Pane::Objects(_) => self == Self::Objects,
            Pane::Logs(_) => self == Self::Logs,
            Pane::Exec(_) => false,
        }
    }

    fn open(self) -> Pane {
        match self {
            Self::Contrast => Pane::Contrast(ContrastPane::default()),
            Self::Objects => Pane::Objects(ObjectsPane::default()),
            Self::Logs => Pane::Logs(Box::default()),
        }
    }
}

pub fn resize(state: &mut State, size: Size) -> Vec<Effect> {
    if size != state.size {
        state.size = size;
        state.arrange();
        state.unsettled = true;
    }
    Vec::new()
}

pub fn focus_next(state: &mut State) -> Vec<Effect> {
    state.layout.focus_next();
    Vec::new()
}

pub fn focus_previous(state: &mut State) -> Vec<Effect> {
    state.layout.focus_previous();
    Vec::new()
}

pub fn focus_towards(state: &mut State, direction: Direction) -> Vec<Effect> {
    let area = state.area();
    state.layout.focus_towards(direction, area);
    Vec::new()
}

pub fn zoom(state: &mut State) -> Vec<Effect> {
    state.layout.toggle_zoom();
    Vec::new()
}

pub fn grow(state: &mut State) -> Vec<Effect> {
    resize_focused(state, STEP)
}

pub fn shrink(state: &mut State) -> Vec<Effect> {
    resize_focused(state, -STEP)
}

fn resize_focused(state: &mut State, percent: i16) -> Vec<Effect> {
    state.layout.grow(percent);
    state.arranged = Arranged::ByHand;
    Vec::new()
}

/// Focuses the next pane of a kind, or opens one.
pub fn show(state: &mut State, kind: Kind) -> Vec<Effect> {
    let of_kind: Vec<PaneId> = state
        .layout
        .panes()
        .into_iter()
        .filter(|id| state.panes.get(id).is_some_and(|pane| kind.is(pane)))
        .collect();
    let focus = state.layout.focus();
    let at = of_kind.iter().position(|id| *id == focus);
    let next = at.map_or(0, |at| (at + 1) % of_kind.len());
    if let Some(id) = of_kind.get(next) {
        state.layout.set_focus(*id);
    } else {
        let id = state.add_pane(kind.open());
        place_beside_focus(state, id);
    }
    Vec::new()
}

/// Gives a new pane a place and the focus: beside the focused one where that is wide, else below it.
pub fn place_beside_focus(state: &mut State, id: PaneId) {
    let (area, focus) = (state.area(), state.layout.focus());
    let solved = state.layout.solve(area);
    let width = solved
        .iter()
        .find(|(pane, _)| *pane == focus)
        .map_or(0, |(_, rect)| rect.width);
    let split = if width >= 160 { Split::Beside } else { Split::Below };
    place(state, id, split);
}

fn place(state: &mut State, id: PaneId, split: Split) {
    let focus = state.layout.focus();
    state.layout.split(focus, split, id, 50);
    state.layout.set_focus(id);
    state.arranged = Arranged::ByHand;
}

/// Another view of the focused pane; of a shell, another shell in the same container.
pub fn split(state: &mut State, split: Split) -> Vec<Effect> {
    let copy = match state.focused() {
        Some(Pane::Contrast(pane)) => Pane::Contrast(pane.clone()),
        Some(Pane::Objects(pane)) => Pane::Objects(pane.clone()),
        Some(Pane::Logs(pane)) => Pane::Logs(Box::new(pane.copied())),
        Some(Pane::Exec(pane)) => exec::another(pane),
        None => return Vec::new(),
    };
    let id = state.add_pane(copy);
    place(state, id, split);
    exec::open_new(state, id)
}

/// Closes the focused pane; the last one asks to quit.
pub fn close(state: &mut State) -> Vec<Effect> {
    let focus = state.layout.focus();
    if !state.layout.close(focus) {
        state.overlay = Some(Over::Leaving);
        return Vec::new();
    }
    state.arranged = Arranged::ByHand;
    forget(state, focus)
}

/// Closes all panes but the focused one.
pub fn only(state: &mut State) -> Vec<Effect> {
    let focus = state.layout.focus();
    let closed = state.layout.only(focus);
    if !closed.is_empty() {
        state.arranged = Arranged::ByHand;
    }
    closed.into_iter().flat_map(|id| forget(state, id)).collect()
}

/// Ends what a pane that is gone has under way.
fn forget(state: &mut State, id: PaneId) -> Vec<Effect> {
    if state.last_logs == Some(id) {
        state.last_logs = None;
    }
    match state.panes.remove(&id) {
        Some(Pane::Exec(exec)) if !exec.has_ended() => vec![Effect::CloseExec { pane: id }],
        Some(Pane::Logs(logs)) if logs.search.as_ref().is_some_and(|search| search.running) => {
            vec![Effect::CancelSearch { pane: id }]
        }
        Some(Pane::Contrast(_) | Pane::Objects(_) | Pane::Logs(_) | Pane::Exec(_)) | None => Vec::new(),
    }
}
