//! Up, down, pages, ends, and between columns: the same keys in every pane.

use crate::logs::Position;
use crate::model::{ContextId, PaneId, RecordId};
use crate::workspace::compose::logs::{Logs, columns, focused_strip};
use crate::workspace::compose::place::{Motion, Spot};
use crate::workspace::layout::Rect;
use crate::workspace::msg::Effect;
use crate::workspace::panes::logs::Follow;
use crate::workspace::panes::{ContrastPane, ExecPane, ListCursor, Pane};
use crate::workspace::state::State;

/// Lines that any scrollback is shorter than.
const FAR: i32 = 1_000_000;

/// A move within a pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    Up,
    Down,
    /// By half pages: 1 is half a page down, -2 a whole one up.
    HalfPages(isize),
    Top,
    Bottom,
    /// The wheel: lines, positive towards the end.
    Wheel(i16),
}

/// A column to the left or right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sideways {
    Left,
    Right,
}

/// Moves in the focused pane.
pub fn go(state: &mut State, to: Move) -> Vec<Effect> {
    let focus = state.layout.focus();
    go_in(state, focus, to)
}

/// Moves in a pane, which need not have the focus.
pub fn go_in(state: &mut State, pane: PaneId, to: Move) -> Vec<Effect> {
    match state.panes.get_mut(&pane) {
        Some(Pane::Contrast(pane)) => in_contrast(pane, to),
        Some(Pane::Objects(pane)) => {
            let (list, rows) = pane.list_in(&state.objects);
            in_list(list, rows, to);
        }
        Some(Pane::Logs(_)) => in_logs(state, pane, to),
        Some(Pane::Exec(pane)) => in_exec(pane, to),
        None => {}
    }
    Vec::new()
}

/// A counterpart is passed over: it is selected with the row above it.
fn in_contrast(pane: &mut ContrastPane, to: Move) {
    let before = pane.list.selected().copied();
    in_list(&mut pane.list, &pane.table.rows, to);
    let down = match to {
        Move::Up | Move::Top | Move::Bottom => -1,
        Move::Down => 1,
        Move::HalfPages(halves) => halves.signum(),
        Move::Wheel(rows) => isize::from(rows.signum()),
    };
    pane.leave_variant(if down == 0 { -1 } else { down });
    if pane.list.selected().copied() != before {
        pane.scroll = 0;
    }
}

fn in_list<K: Clone + PartialEq>(list: &mut ListCursor<K>, rows: &[K], to: Move) {
    match to {
        Move::Up => list.step(rows, -1),
        Move::Down => list.step(rows, 1),
        Move::HalfPages(halves) => list.page(rows, halves),
        Move::Top => list.to_top(rows),
        Move::Bottom => list.to_bottom(rows),
        Move::Wheel(lines) => list.scroll(rows, isize::from(lines)),
    }
}

fn in_exec(pane: &mut ExecPane, to: Move) {
    let half = i32::from(pane.rows / 2).max(1);
    match to {
        Move::Up => pane.vt.scroll(1),
        Move::Down => pane.vt.scroll(-1),
        Move::HalfPages(halves) => pane.vt.scroll(-half * i32::try_from(halves).unwrap_or(0)),
        Move::Top => pane.vt.scroll(FAR),
        Move::Bottom => pane.vt.scroll_to_bottom(),
        Move::Wheel(lines) => pane.vt.scroll(-i32::from(lines)),
    }
}

fn in_logs(state: &mut State, id: PaneId, to: Move) {
    let State {
        panes,
        snapshot,
        clusters,
        marks,
        ..
    } = state;
    let Some(Pane::Logs(pane)) = panes.get_mut(&id) else {
        return;
    };
    let half = isize::try_from(pane.height() / 2).unwrap_or(0).max(1);
    let motion = match to {
        Move::Up => Motion::Older,
        Move::Down => Motion::Newer,
        Move::HalfPages(halves) => Motion::Lines(halves * half),
        Move::Top => Motion::Oldest,
        Move::Bottom => {
            pane.follow = Follow::Newest;
            return;
        }
        Move::Wheel(lines) => Motion::Lines(isize::from(lines)),
    };
    // Following, one is at the end already.
    if pane.is_following() && matches!(motion, Motion::Newer | Motion::Lines(0..)) {
        return;
    }
    let from = Spot {
        position: pane.cursor.unwrap_or(Position::MAX),
        line: pane.line,
    };
    let logs = Logs {
        pane,
        snapshot,
        clusters,
        marks,
        body: Rect::default(),
    };
    let filter = pane.column_filter();
    let moved = focused_strip(&logs, &filter).moved(from, motion);
    if let Some(spot) = moved {
        pane.pause(snapshot);
        (pane.cursor, pane.line) = (Some(spot.position), spot.line);
    }
}

/// Gives the focus to the next column of the logs. The time that is shown stays; the selected record is the last one
/// up to then in the other column.
pub fn sideways(state: &mut State, to: Sideways) -> Vec<Effect> {
    let focus = state.layout.focus();
    let State { panes, clusters, .. } = state;
    let pane = match panes.get_mut(&focus) {
        Some(Pane::Logs(pane)) => pane,
        Some(Pane::Contrast(pane)) => {
            pane.cluster = beside(pane.cluster, &clusters.ids(), to);
            return Vec::new();
        }
        Some(Pane::Objects(_) | Pane::Exec(_)) | None => return Vec::new(),
    };
    let all = columns(pane, clusters);
    let at = all
        .iter()
        .position(|context| *context == pane.focused_column())
        .unwrap_or(0);
    let next = match to {
        Sideways::Left => at.checked_sub(1),
        Sideways::Right => at.checked_add(1),
    };
    if let Some(next) = next.and_then(|next| all.get(next)) {
        pane.column = *next;
        pane.cursor = pane.cursor.map(|cursor| Position {
            id: RecordId(u64::MAX),
            ..cursor
        });
    }
    Vec::new()
}

/// The next of the clusters; left of the first one is the whole row.
fn beside(from: Option<ContextId>, all: &[ContextId], to: Sideways) -> Option<ContextId> {
    let at = from.and_then(|context| all.iter().position(|known| *known == context));
    match (to, at) {
        (Sideways::Left, Some(at)) => at.checked_sub(1).and_then(|at| all.get(at)).copied(),
        (Sideways::Left, None) => None,
        (Sideways::Right, Some(at)) => all.get(at + 1).or(all.get(at)).copied(),
        (Sideways::Right, None) => all.first().copied(),
    }
}
