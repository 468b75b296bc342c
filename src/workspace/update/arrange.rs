//! Focus, splits, zoom, closing: which panes there are and where.

use crate::model::PaneId;
use crate::workspace::layout::{Direction, Rect, Size, Split};
use crate::workspace::msg::Effect;
use crate::workspace::panes::{ObjectsPane, Pane};
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
            Self::Contrast => Pane::Contrast(Box::default()),
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
        place_with_room(state, id);
    }
    Vec::new()
}

/// A pane that is wider is split side by side.
const WIDE: u16 = 140;
/// What half of a pane must at least have, columns and rows, for something new to be read in it.
const READABLE: (u16, u16) = (60, 12);

/// Gives a new pane a place and the focus: half of the focused pane, or of the largest one where that is too small.
pub fn place_with_room(state: &mut State, id: PaneId) {
    let solved = state.layout.solve(state.area());
    let focus = state.layout.focus();
    let focused = solved.iter().find(|(pane, _)| *pane == focus);
    let largest = solved
        .iter()
        .max_by_key(|(_, rect)| u32::from(rect.width) * u32::from(rect.height));
    let chosen = focused.filter(|(_, rect)| is_readable(halved(*rect))).or(largest);
    let Some((at, rect)) = chosen else { return };
    state.layout.set_focus(*at);
    place(state, id, split_of(*rect));
}

const fn split_of(rect: Rect) -> Split {
    if rect.width >= WIDE {
        Split::Beside
    } else {
        Split::Below
    }
}

const fn halved(rect: Rect) -> (u16, u16) {
    match split_of(rect) {
        Split::Beside => (rect.width / 2, rect.height),
        Split::Below => (rect.width, rect.height / 2),
    }
}

const fn is_readable((cols, rows): (u16, u16)) -> bool {
    cols >= READABLE.0 && rows >= READABLE.1
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
        Some(Pane::Contrast(pane)) => Pane::Contrast(Box::new(pane.copied())),
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
