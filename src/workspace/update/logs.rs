//! The switches of the logs, and what is opened in them from elsewhere.

use std::ops::Bound;

use crate::logs::{Filter, Position, Scope};
use crate::model::{ContextId, PaneId, PatternId};
use crate::workspace::msg::Effect;
use crate::workspace::panes::logs::Follow;
use crate::workspace::panes::{LogsPane, Pane};
use crate::workspace::scene::Tone;
use crate::workspace::state::State;

use super::arrange::{self, Kind};
use super::search;

/// Does something with the pane of logs that a command is for.
fn with_logs(state: &mut State, change: impl FnOnce(&mut LogsPane)) -> Vec<Effect> {
    if let Some(pane) = state.logs_pane().and_then(|id| state.logs_mut(id)) {
        change(pane);
    }
    Vec::new()
}

pub fn toggle_follow(state: &mut State) -> Vec<Effect> {
    let snapshot = state.snapshot.clone();
    with_logs(state, |pane| match pane.follow {
        Follow::Newest => pane.pause(&snapshot),
        Follow::Paused(_) => pane.follow = Follow::Newest,
    })
}

pub fn toggle_wrap(state: &mut State) -> Vec<Effect> {
    with_logs(state, |pane| pane.wrap = !pane.wrap)
}

pub fn toggle_timestamps(state: &mut State) -> Vec<Effect> {
    with_logs(state, |pane| pane.timestamps = !pane.timestamps)
}

pub fn toggle_merged(state: &mut State) -> Vec<Effect> {
    let snapshot = state.snapshot.clone();
    with_logs(state, |pane| {
        pane.merged = !pane.merged;
        if !pane.merged {
            // The selected record stays selected, in its own column.
            let selected = pane.selected.and_then(|selected| snapshot.records.get(selected));
            pane.column = selected.map(|record| record.source.context).or(pane.column);
        }
    })
}

/// Focuses the pane of logs that things are opened in; opens one if there is none.
fn focus(state: &mut State) -> PaneId {
    match state.logs_pane() {
        Some(id) => state.layout.set_focus(id),
        None => drop(arrange::show(state, Kind::Logs)),
    }
    state.layout.focus()
}

/// Shows only the logs of this, the newest.
pub fn open_scope(state: &mut State, scope: Scope) -> Vec<Effect> {
    let id = focus(state);
    let Some(pane) = state.logs_mut(id) else {
        return Vec::new();
    };
    pane.filter = Filter {
        scope,
        ..Filter::default()
    };
    pane.marked = None;
    pane.follow = Follow::Newest;
    pane.column = pane.only_context();
    search::clear(pane, id)
}

/// Shows the example of a finding among its neighbours, the records of its pattern marked.
pub fn open_finding(state: &mut State, pattern: PatternId) -> Vec<Effect> {
    let Some((position, context)) = example(state, pattern) else {
        state.say("no record of this pattern is held any more", Tone::Warn);
        return Vec::new();
    };
    let id = focus(state);
    let snapshot = state.snapshot.clone();
    let Some(pane) = state.logs_mut(id) else {
        return Vec::new();
    };
    pane.filter = Filter::default();
    pane.marked = Some(pattern);
    let effects = search::clear(pane, id);
    pane.jump(position, context, &snapshot);
    effects
}

/// The finding's own example if it is still held, else the oldest record of the pattern.
fn example(state: &State, pattern: PatternId) -> Option<(Position, ContextId)> {
    let snapshot = &state.snapshot;
    let own = snapshot
        .finding(pattern)
        .and_then(|finding| snapshot.position(finding.example))
        .and_then(|position| snapshot.records.get(position));
    let filter = Filter {
        pattern: Some(pattern),
        ..Filter::default()
    };
    let record = match own {
        Some(record) => record,
        None => snapshot.after(&filter, Bound::Unbounded).next()?,
    };
    Some((record.position(), record.source.context))
}

/// Only the records of a pattern, or all again: of the selected finding, the marked pattern, or the record under the
/// cursor.
pub fn only_pattern(state: &mut State) -> Vec<Effect> {
    match state.focused() {
        Some(Pane::Contrast(pane)) => match pane.list.selected().copied() {
            Some(pattern) => {
                let mut effects = open_finding(state, pattern);
                effects.extend(narrow(state, Some(pattern)));
                effects
            }
            None => Vec::new(),
        },
        Some(Pane::Logs(pane)) if pane.filter.pattern.is_some() => narrow(state, None),
        Some(Pane::Logs(pane)) => match pane.marked.or_else(|| pattern_at_cursor(state, pane)) {
            Some(pattern) => narrow(state, Some(pattern)),
            None => no_record(state),
        },
        Some(Pane::Objects(_) | Pane::Exec(_)) | None => Vec::new(),
    }
}

fn narrow(state: &mut State, pattern: Option<PatternId>) -> Vec<Effect> {
    with_logs(state, |pane| {
        pane.filter.pattern = pattern;
        pane.marked = pattern.or(pane.marked);
    })
}

/// Marks the records of the pattern of the record under the cursor, or none any more.
pub fn mark_pattern(state: &mut State) -> Vec<Effect> {
    let Some(Pane::Logs(pane)) = state.focused() else {
        return Vec::new();
    };
    match pattern_at_cursor(state, pane) {
        Some(pattern) => with_logs(state, |pane| {
            pane.marked = if pane.marked == Some(pattern) {
                None
            } else {
                Some(pattern)
            };
        }),
        None => no_record(state),
    }
}

fn pattern_at_cursor(state: &State, pane: &LogsPane) -> Option<PatternId> {
    if pane.is_following() {
        return None;
    }
    state.snapshot.records.get(pane.selected?)?.pattern()
}

fn no_record(state: &mut State) -> Vec<Effect> {
    state.say("no record is selected: move to one first", Tone::Dim);
    Vec::new()
}

/// Takes back one thing that narrows or marks what the pane shows; false if there is none.
pub fn step_back(pane: &mut LogsPane, id: PaneId) -> Option<Vec<Effect>> {
    if pane.search.is_some() {
        return Some(search::clear(pane, id));
    }
    if pane.filter.pattern.take().is_some() || pane.marked.take().is_some() {
        return Some(Vec::new());
    }
    if pane.filter.scope != Scope::All {
        pane.filter.scope = Scope::All;
        return Some(Vec::new());
    }
    None
}
