//! The mouse: a click gives the focus and selects, the wheel scrolls what is under it.

use crate::model::PaneId;
use crate::workspace::compose::logs::{Logs, focused_strip};
use crate::workspace::compose::{contrast, objects};
use crate::workspace::layout::Rect;
use crate::workspace::msg::Effect;
use crate::workspace::panes::Pane;
use crate::workspace::scene::PaneScene;
use crate::workspace::state::{Over, State};

use super::help;
use super::movement::{self, Move};

/// Lines above the first row of the lists' bodies: their heading.
const HEADINGS: (u16, u16) = (contrast::FIRST_ROW, objects::FIRST_ROW);

pub fn click(state: &mut State, x: u16, y: u16) -> Vec<Effect> {
    if state.too_small() {
        return Vec::new();
    }
    state.unsettled = true;
    if state.overlay.is_some() {
        return help::close(state);
    }
    let area = state.area();
    let found = state
        .layout
        .solve(area)
        .into_iter()
        .find(|(_, rect)| rect.contains(x, y));
    let Some((id, rect)) = found else { return Vec::new() };
    state.layout.set_focus(id);
    let body = PaneScene::body_rect(rect);
    let below = |heading: u16| y.checked_sub(body.y + heading).map(usize::from);
    match state.panes.get_mut(&id) {
        Some(Pane::Contrast(pane)) => {
            if let Some(line) = below(HEADINGS.0) {
                let before = pane.list.selected().copied();
                pane.list.click(&pane.table.rows, line);
                pane.leave_variant(-1);
                if pane.list.selected().copied() != before {
                    pane.scroll = 0;
                }
            }
        }
        Some(Pane::Objects(pane)) => {
            if let Some(line) = below(HEADINGS.1) {
                let (list, rows) = pane.list_in(&state.objects);
                list.click(rows, line);
            }
        }
        Some(Pane::Logs(_)) => {
            state.last_logs = Some(id);
            click_in_logs(state, x, y);
        }
        Some(Pane::Exec(_)) | None => {}
    }
    Vec::new()
}

/// Focuses the column and selects the record; a click on the header only focuses.
fn click_in_logs(state: &mut State, x: u16, y: u16) {
    let focus = state.layout.focus();
    let State {
        panes,
        snapshot,
        clusters,
        marks,
        ..
    } = state;
    let Some(Pane::Logs(pane)) = panes.get_mut(&focus) else {
        return;
    };
    let within = |rect: Rect| x >= rect.x && x < rect.right() && y + 1 >= rect.y && y < rect.bottom();
    let Some(column) = pane.shown.iter().find(|column| within(column.rect)).cloned() else {
        return;
    };
    pane.column = column.context.or(pane.column);
    let line = y.checked_sub(column.rect.y).map(usize::from);
    let Some(position) = line.and_then(|line| column.lines.get(line)).copied() else {
        return;
    };
    let first = column.lines.iter().position(|at| *at == position).unwrap_or(0);
    let shown = column.lines.iter().filter(|at| **at == position).count();
    // Of the first record, the beginning may be out of sight.
    let whole = snapshot.records.get(position).map_or(shown, |record| {
        let logs = Logs {
            pane,
            snapshot,
            clusters,
            marks,
            body: column.rect,
        };
        let filter = pane.column_filter();
        focused_strip(&logs, &filter).fold.rows(record)
    });
    let hidden = if first == 0 && shown < column.lines.len() {
        whole.saturating_sub(shown)
    } else {
        0
    };
    pane.pause(snapshot);
    pane.cursor = Some(position);
    pane.selected = Some(position);
    pane.line = isize::try_from(first).unwrap_or(0) - isize::try_from(hidden).unwrap_or(0);
}

pub fn wheel(state: &mut State, at: (u16, u16), rows: i16) -> Vec<Effect> {
    if state.too_small() {
        return Vec::new();
    }
    state.unsettled = true;
    match state.overlay {
        Some(Over::Help { .. }) => return help::scroll(state, isize::from(rows)),
        Some(Over::Palette(_) | Over::Leaving | Over::Allowing { .. }) => return Vec::new(),
        None => {}
    }
    match state.layout.at(state.area(), at.0, at.1) {
        Some(pane) if scroll_detail(state, pane, at.1, rows) => Vec::new(),
        Some(pane) => movement::go_in(state, pane, Move::Wheel(rows)),
        None => Vec::new(),
    }
}

/// The detail of a contrast scrolls by itself; false where the wheel turned over something else.
fn scroll_detail(state: &mut State, id: PaneId, y: u16, rows: i16) -> bool {
    let solved = state.layout.solve(state.area());
    let Some((_, rect)) = solved.into_iter().find(|(pane, _)| *pane == id) else {
        return false;
    };
    match state.contrast_mut(id) {
        Some(pane) if contrast::is_in_detail(pane, PaneScene::body_rect(rect), y) => {
            pane.scroll = pane.scroll.saturating_add_signed(rows.into());
            true
        }
        Some(_) | None => false,
    }
}
