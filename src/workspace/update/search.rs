//! Searching the logs: the prompt, one request per change of its text, and what the answers do.

use std::ops::Bound;

use crate::logs::{Direction, Filter, Found, Position, Query, Record};
use crate::model::{ContextId, PaneId, RecordId};
use crate::workspace::compose::logs;
use crate::workspace::key::Key;
use crate::workspace::msg::{Effect, SearchRequest};
use crate::workspace::panes::logs::{Follow, Prompt, Search};
use crate::workspace::panes::{LogsPane, Pane};
use crate::workspace::prompt::{Edited, LineInput, Wish};
use crate::workspace::scene::Tone;
use crate::workspace::state::State;

use super::arrange::{self, Kind};

/// Opens the search line in the logs, wherever the focus is.
pub fn open(state: &mut State) -> Vec<Effect> {
    match state.logs_pane() {
        Some(id) => state.layout.set_focus(id),
        None => drop(arrange::show(state, Kind::Logs)),
    }
    if let Some(Pane::Logs(pane)) = state.focused_mut() {
        let prompt = Prompt {
            input: LineInput::default(),
            error: None,
            before: pane.place(),
            search_before: pane.search.take(),
        };
        pane.prompt = Some(prompt);
    }
    Vec::new()
}

/// A key while the search line is open.
pub fn press(state: &mut State, key: Key) -> Vec<Effect> {
    let id = state.layout.focus();
    let Some(pane) = state.logs_mut(id) else {
        return Vec::new();
    };
    let Some(prompt) = pane.prompt.as_mut() else {
        return Vec::new();
    };
    match Wish::of(key) {
        Wish::GiveUp => give_up(state, id),
        Wish::Keep => keep(pane),
        Wish::Edit => match prompt.input.press(key) {
            Edited::Changed => search_anew(state, id),
            Edited::Unchanged => Vec::new(),
        },
    }
}

/// Text pasted while the search line is open.
pub fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    let id = state.layout.focus();
    let prompt = state.logs_mut(id).and_then(|pane| pane.prompt.as_mut());
    match prompt.map(|prompt| prompt.input.paste(text)) {
        Some(Edited::Changed) => search_anew(state, id),
        Some(Edited::Unchanged) | None => Vec::new(),
    }
}

/// Closes the line and keeps its search. An input with a mistake in it stays open.
fn keep(pane: &mut LogsPane) -> Vec<Effect> {
    if pane.prompt.as_ref().is_some_and(|prompt| prompt.error.is_none()) {
        pane.prompt = None;
    }
    Vec::new()
}

/// Closes the line and goes back to where it was opened.
fn give_up(state: &mut State, id: PaneId) -> Vec<Effect> {
    let Some(pane) = state.logs_mut(id) else {
        return Vec::new();
    };
    let cancelled = stop(pane, id);
    if let Some(prompt) = pane.prompt.take() {
        pane.return_to(prompt.before);
        pane.search = prompt.search_before;
    }
    cancelled
}

/// Ends the search of a pane.
pub fn clear(pane: &mut LogsPane, id: PaneId) -> Vec<Effect> {
    let cancelled = stop(pane, id);
    pane.search = None;
    cancelled
}

fn stop(pane: &LogsPane, id: PaneId) -> Vec<Effect> {
    if pane.search.as_ref().is_some_and(|search| search.running) {
        vec![Effect::CancelSearch { pane: id }]
    } else {
        Vec::new()
    }
}

/// The text has changed: from where the line was opened, the nearest match of it. At the newest records that is the
/// last one, else the next one.
fn search_anew(state: &mut State, id: PaneId) -> Vec<Effect> {
    let Some(pane) = state.logs_mut(id) else {
        return Vec::new();
    };
    let mut effects = clear(pane, id);
    let Some(prompt) = pane.prompt.as_mut() else {
        return effects;
    };
    let before = prompt.before;
    prompt.error = None;
    if prompt.input.text().is_empty() {
        pane.return_to(before);
        return effects;
    }
    let query = match Query::parse(prompt.input.text()) {
        Ok(query) => query,
        Err(error) => {
            prompt.error = Some(match error.at {
                Some(at) => format!("{} at column {}", error.message, prompt.input.column_of(at) + 1),
                None => error.message,
            });
            return effects;
        }
    };
    let (from, direction) = match (before.follow, before.cursor) {
        (Follow::Paused(_), Some(cursor)) => (just_before(cursor), Direction::Forward),
        (Follow::Newest, _) | (_, None) => (Position::MAX, Direction::Backward),
    };
    effects.push(request(state, id, Asked { query, from, direction }));
    effects
}

/// The place before a record, so that the record itself is found first.
fn just_before(position: Position) -> Position {
    match position.id.0.checked_sub(1) {
        Some(id) => Position {
            id: RecordId(id),
            ..position
        },
        None => position,
    }
}

struct Asked {
    query: Query,
    from: Position,
    direction: Direction,
}

fn request(state: &mut State, id: PaneId, asked: Asked) -> Effect {
    state.serial += 1;
    let (serial, snapshot) = (state.serial, state.snapshot.clone());
    let mut filter = Filter::default();
    if let Some(pane) = state.logs_mut(id) {
        filter = pane.filter_of(pane.only_context());
        let found = pane.search.take().and_then(|search| search.found);
        pane.search = Some(Search {
            query: asked.query.clone(),
            serial,
            direction: asked.direction,
            found,
            running: true,
        });
    }
    Effect::Search(SearchRequest {
        pane: id,
        serial,
        query: asked.query,
        filter,
        from: asked.from,
        direction: asked.direction,
        snapshot,
    })
}

/// The next match in a direction; without a search, the next record of the marked pattern.
pub fn next(state: &mut State, direction: Direction) -> Vec<Effect> {
    let Some(id) = state.logs_pane() else { return Vec::new() };
    let Some(pane) = state.logs_mut(id) else {
        return Vec::new();
    };
    let from = place(pane);
    let mut effects = stop(pane, id);
    match (pane.search.as_ref().map(|search| search.query.clone()), pane.marked) {
        (Some(query), _) => effects.push(request(state, id, Asked { query, from, direction })),
        (None, Some(_)) => next_marked(state, id, direction),
        (None, None) => state.say("nothing to look for yet: search first", Tone::Dim),
    }
    effects
}

/// The next record of the marked pattern.
pub fn next_marked(state: &mut State, id: PaneId, direction: Direction) {
    let Some(pane) = state.logs_mut(id) else { return };
    let filter = Filter {
        pattern: pane.marked,
        ..pane.filter_of(pane.only_context().or(pane.marked_in))
    };
    let from = place(pane);
    step(
        state,
        id,
        &filter,
        Step {
            from,
            direction,
            what: "record of this pattern",
            wanted: is_text,
        },
    );
}

/// From where a pane goes on looking.
fn place(pane: &LogsPane) -> Position {
    match (pane.is_following(), pane.cursor) {
        (false, Some(cursor)) => cursor,
        (true, _) | (false, None) => Position::MAX,
    }
}

/// The next record of level error in the focused column.
pub fn next_error(state: &mut State, direction: Direction) -> Vec<Effect> {
    let Some(id) = state.logs_pane() else { return Vec::new() };
    let Some(pane) = state.logs_mut(id) else {
        return Vec::new();
    };
    let filter = Filter {
        least: crate::model::Level::Error,
        ..pane.column_filter()
    };
    let from = place(pane);
    step(
        state,
        id,
        &filter,
        Step {
            from,
            direction,
            what: "error",
            wanted: is_text,
        },
    );
    Vec::new()
}

/// The next gap in the focused column, whatever pattern it is narrowed to.
pub fn next_gap(state: &mut State, direction: Direction) -> Vec<Effect> {
    let Some(id) = state.logs_pane() else { return Vec::new() };
    let Some(pane) = state.logs_mut(id) else {
        return Vec::new();
    };
    let filter = logs::gaps_of(&Filter {
        pattern: None,
        ..pane.column_filter()
    });
    let from = place(pane);
    step(
        state,
        id,
        &filter,
        Step {
            from,
            direction,
            what: "gap",
            wanted: logs::is_gap,
        },
    );
    let snapshot = state.snapshot.clone();
    if let Some(pane) = state.logs_mut(id)
        && let Some(record) = pane.cursor.and_then(|cursor| snapshot.records.get(cursor))
        && logs::is_gap(record)
    {
        // A gap is of no pattern: it would not be in sight.
        pane.filter.pattern = None;
    }
    Vec::new()
}

#[derive(Clone, Copy)]
struct Step {
    from: Position,
    direction: Direction,
    what: &'static str,
    /// Which of the records that the filter wants.
    wanted: fn(&Record) -> bool,
}

const fn is_text(record: &Record) -> bool {
    !logs::is_gap(record)
}

/// Goes to the next wanted record at once: chunks without one are skipped by the store.
fn step(state: &mut State, id: PaneId, filter: &Filter, step: Step) {
    let snapshot = state.snapshot.clone();
    let is_wanted = |record: &&Record| (step.wanted)(record);
    let found = match step.direction {
        Direction::Forward => snapshot.after(filter, Bound::Excluded(step.from)).find(is_wanted),
        Direction::Backward => snapshot.before(filter, Bound::Excluded(step.from)).find(is_wanted),
    };
    if let (Some(record), Some(pane)) = (found, state.logs_mut(id)) {
        pane.jump(record.position(), record.source.context, &snapshot);
        return;
    }
    let which = match step.direction {
        Direction::Forward => "later",
        Direction::Backward => "earlier",
    };
    let place = filter
        .context
        .map(|context| format!(" in {}", state.clusters.name(context)));
    state.say(
        format!("no {which} {}{}", step.what, place.unwrap_or_default()),
        Tone::Dim,
    );
}

/// An answer; late ones are dropped.
pub fn take_answer(state: &mut State, id: PaneId, serial: u64, found: Found) -> Vec<Effect> {
    let snapshot = state.snapshot.clone();
    let Some(pane) = state.logs_mut(id) else {
        return Vec::new();
    };
    let Some(search) = pane.search.as_mut().filter(|search| search.serial == serial) else {
        return Vec::new();
    };
    search.running = false;
    let hit = found.hit.filter(|_| found.finished);
    let (finished, prompting) = (found.finished, pane.prompt.is_some());
    search.found = Some(found);
    let context = hit.and_then(|hit| snapshot.records.get(hit)).map(context_of);
    match (hit, context) {
        (Some(hit), Some(context)) => pane.jump(hit, context, &snapshot),
        (Some(_), None) => state.say("what was found is no longer held", Tone::Dim),
        (None, _) => {
            let before = pane.prompt.as_ref().map(|prompt| prompt.before);
            if let Some(before) = before {
                pane.return_to(before);
            }
            if finished && !prompting {
                state.say("no match", Tone::Dim);
            }
        }
    }
    state.unsettled = true;
    Vec::new()
}

fn context_of(record: &Record) -> ContextId {
    record.source.context
}
