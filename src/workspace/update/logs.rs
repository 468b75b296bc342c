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

/// A pattern, in one cluster or wherever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sought {
    pub pattern: PatternId,
    pub within: Option<ContextId>,
}

/// Shows the first example of a pattern among its neighbours, the records of the pattern marked, and gives the focus to
/// the logs.
pub fn open_example(state: &mut State, sought: Sought) -> Vec<Effect> {
    let Some(example) = example(state, sought) else {
        return no_example(state, sought);
    };
    let id = focus(state);
    show_example(state, id, sought, example)
}

/// The same without the focus where that is not needed to see it.
pub fn show_first_example(state: &mut State, sought: Sought) -> Vec<Effect> {
    let Some(example) = example(state, sought) else {
        return no_example(state, sought);
    };
    let id = in_sight(state);
    show_example(state, id, sought, example)
}

/// The pane of logs that things are shown in; it gets the focus only if it cannot be seen otherwise.
pub fn in_sight(state: &mut State) -> PaneId {
    match state.logs_pane() {
        Some(id) if state.is_in_sight(id) => id,
        Some(_) | None => focus(state),
    }
}

fn no_example(state: &mut State, sought: Sought) -> Vec<Effect> {
    let place = sought
        .within
        .map(|context| format!(" from {}", state.clusters.name(context)));
    let place = place.unwrap_or_default();
    state.say(format!("no record of this pattern{place} is held any more"), Tone::Warn);
    Vec::new()
}

fn show_example(
    state: &mut State,
    id: PaneId,
    sought: Sought,
    (position, context): (Position, ContextId),
) -> Vec<Effect> {
    let snapshot = state.snapshot.clone();
    let Some(pane) = state.logs_mut(id) else {
        return Vec::new();
    };
    pane.filter = Filter::default();
    pane.marked = Some(sought.pattern);
    pane.marked_in = sought.within;
    let effects = search::clear(pane, id);
    pane.jump(position, context, &snapshot);
    effects
}

/// The finding's own example if it is still held, else the oldest record of the pattern.
fn example(state: &State, sought: Sought) -> Option<(Position, ContextId)> {
    let snapshot = &state.snapshot;
    let own = snapshot
        .finding(sought.pattern)
        .and_then(|finding| snapshot.position(finding.example))
        .and_then(|position| snapshot.records.get(position))
        .filter(|record| sought.within.is_none_or(|context| context == record.source.context));
    let filter = Filter {
        pattern: Some(sought.pattern),
        context: sought.within,
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
        Some(Pane::Contrast(pane)) => {
            let sought = pane.target(&state.snapshot).map(|finding| Sought {
                pattern: finding.pattern,
                within: pane.cluster,
            });
            sought.map_or_else(Vec::new, |sought| only_sought(state, sought))
        }
        Some(Pane::Logs(pane)) if pane.filter.pattern.is_some() => narrow(state, None),
        Some(Pane::Logs(pane)) => match pane.marked.or_else(|| pattern_at_cursor(state, pane)) {
            Some(pattern) => narrow(state, Some(pattern)),
            None => no_record(state),
        },
        Some(Pane::Objects(_) | Pane::Exec(_)) | None => Vec::new(),
    }
}

fn only_sought(state: &mut State, sought: Sought) -> Vec<Effect> {
    let snapshot = state.snapshot.clone();
    let is_narrowed = |pane: &mut LogsPane| {
        let root = |pattern: Option<PatternId>| pattern.map(|pattern| snapshot.root(pattern));
        root(pane.filter.pattern) == root(Some(sought.pattern))
    };
    let id = state.logs_pane();
    if id.and_then(|id| state.logs_mut(id)).is_some_and(is_narrowed) {
        return narrow(state, None);
    }
    let Some(example) = example(state, sought) else {
        return no_example(state, sought);
    };
    let id = in_sight(state);
    let mut effects = show_example(state, id, sought, example);
    effects.extend(narrow(state, Some(sought.pattern)));
    effects
}

fn narrow(state: &mut State, pattern: Option<PatternId>) -> Vec<Effect> {
    with_logs(state, |pane| {
        pane.filter.pattern = pattern;
        if pattern.is_some() && pattern != pane.marked {
            pane.marked = pattern;
            pane.marked_in = None;
        }
    })
}

/// Marks the records of the pattern of the record under the cursor, or none any more.
pub fn mark_pattern(state: &mut State) -> Vec<Effect> {
    let Some(Pane::Logs(pane)) = state.focused() else {
        return Vec::new();
    };
    match pattern_at_cursor(state, pane) {
        Some(pattern) => with_logs(state, |pane| {
            pane.marked_in = None;
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
