//! What is done in the contrast: examples, what is listed, pins and labels, and through what clusters are compared.

use crate::contrast::{Align, Lens};
use crate::logs::Direction;
use crate::logs::values::Values;
use crate::model::{PaneId, PatternId, Span};
use crate::workspace::bell::Bell;
use crate::workspace::compose::{contrast, words};
use crate::workspace::key::Key;
use crate::workspace::marks::Standing;
use crate::workspace::msg::Effect;
use crate::workspace::panes::contrast::{Asked, Detail, Levels, ListPrompt, Muted, Narrowing, Row, Verdicts};
use crate::workspace::panes::{ContrastPane, Pane};
use crate::workspace::prompt::{Edited, LineInput, Wish};
use crate::workspace::scene::{PaneScene, Tone};
use crate::workspace::state::State;

use super::logs::{self, Sought};
use super::search;

/// The windows to choose from, the longest first.
const WINDOWS: [Option<Span>; 4] = [
    None,
    Some(Span::from_secs(3600)),
    Some(Span::from_secs(900)),
    Some(Span::from_secs(300)),
];

/// What counts as near a start.
const NEAR_START: Span = Span::from_secs(60);

/// Where to go in the windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    Shorter,
    Longer,
}

/// Does something with the focused pane, if it is a contrast.
fn with_contrast(state: &mut State, change: impl FnOnce(&mut ContrastPane)) -> Vec<Effect> {
    match state.focused_mut() {
        Some(Pane::Contrast(pane)) => change(pane),
        Some(Pane::Objects(_) | Pane::Logs(_) | Pane::Exec(_)) | None => elsewhere(state),
    }
    Vec::new()
}

fn elsewhere(state: &mut State) {
    state.say("this is for a pattern in the contrast: go there first", Tone::Dim);
}

/// The pattern that a command is for.
fn sought(state: &State) -> Option<Sought> {
    let Some(Pane::Contrast(pane)) = state.focused() else {
        return None;
    };
    pane.target(&state.snapshot).map(|finding| Sought {
        pattern: finding.pattern,
        within: pane.cluster,
    })
}

/// The selected pattern's first record, or the muted patterns where their line is selected.
pub fn open(state: &mut State) -> Vec<Effect> {
    if let Some(sought) = sought(state) {
        return logs::open_example(state, sought);
    }
    match state.focused() {
        Some(Pane::Contrast(pane)) if pane.list.selected() == Some(&Row::Folded) => toggle_muted(state),
        Some(Pane::Contrast(_) | Pane::Objects(_) | Pane::Logs(_) | Pane::Exec(_)) | None => Vec::new(),
    }
}

/// The next record of the selected pattern from where the logs are, or its first one if they are elsewhere.
pub fn next_example(state: &mut State, direction: Direction) -> Vec<Effect> {
    let Some(sought) = sought(state) else {
        return with_contrast(state, |_| {});
    };
    let id = logs::in_sight(state);
    let snapshot = state.snapshot.clone();
    let is_there = state.logs_mut(id).is_some_and(|pane| {
        let marked = pane.marked.map(|pattern| snapshot.root(pattern));
        marked == Some(sought.pattern) && pane.marked_in == sought.within && !pane.is_following()
    });
    if !is_there {
        return logs::show_first_example(state, sought);
    }
    search::next_marked(state, id, direction);
    Vec::new()
}

pub fn toggle_detail(state: &mut State) -> Vec<Effect> {
    let focus = state.layout.focus();
    let solved = state.layout.solve(state.area());
    let body = solved.into_iter().find(|(id, _)| *id == focus);
    let body = body.map(|(_, rect)| PaneScene::body_rect(rect));
    let mut has_room = true;
    let effects = with_contrast(state, |pane| {
        pane.scroll = 0;
        pane.detail = match pane.detail {
            Detail::Brief => Detail::Full,
            Detail::Full => Detail::Brief,
        };
        has_room = pane.detail == Detail::Brief || body.is_some_and(|body| contrast::has_detail(pane, body));
    });
    if !has_room {
        state.say("there is no room for the detail: zoom the pane", Tone::Warn);
    }
    effects
}

/// `settle` keeps it within the detail.
pub fn scroll_detail(state: &mut State, by: isize) -> Vec<Effect> {
    with_contrast(state, |pane| pane.scroll = pane.scroll.saturating_add_signed(by))
}

pub fn toggle_errors(state: &mut State) -> Vec<Effect> {
    with_contrast(state, |pane| {
        pane.narrowing.levels = match pane.narrowing.levels {
            Levels::All => Levels::Errors,
            Levels::Errors => Levels::All,
        };
    })
}

pub fn next_verdict(state: &mut State) -> Vec<Effect> {
    with_contrast(state, |pane| pane.narrowing.verdicts = pane.narrowing.verdicts.next())
}

pub fn toggle_muted(state: &mut State) -> Vec<Effect> {
    with_contrast(state, |pane| {
        pane.muted = match pane.muted {
            Muted::Folded => Muted::Shown,
            Muted::Shown => Muted::Folded,
        };
    })
}

/// Gives the selected pattern this standing, or takes it back.
pub fn toggle_standing(state: &mut State, standing: Standing) -> Vec<Effect> {
    let Some((pattern, template)) = selected(state) else {
        return with_contrast(state, |_| {});
    };
    state.marks.change(pattern, &template, |mark| {
        mark.standing = if mark.standing == standing {
            Standing::Ranked
        } else {
            standing
        };
    });
    Vec::new()
}

fn selected(state: &State) -> Option<(PatternId, String)> {
    let Some(Pane::Contrast(pane)) = state.focused() else {
        return None;
    };
    let finding = pane.selected(&state.snapshot)?;
    Some((finding.pattern, finding.template.clone()))
}

/// Opens the line for a label, with the old one in it.
pub fn ask_label(state: &mut State) -> Vec<Effect> {
    let Some((pattern, template)) = selected(state) else {
        return with_contrast(state, |_| {});
    };
    let mut input = LineInput::default();
    input.paste(state.marks.label(pattern));
    with_contrast(state, |pane| {
        let about = Asked::Label { pattern, template };
        pane.prompt = Some(ListPrompt { input, about });
    })
}

/// Opens the line for the words to list by, with the old ones in it.
pub fn ask_words(state: &mut State) -> Vec<Effect> {
    with_contrast(state, |pane| {
        let before = pane.narrowing.words.clone();
        let mut input = LineInput::default();
        input.paste(&before);
        let about = Asked::Words { before };
        pane.prompt = Some(ListPrompt { input, about });
    })
}

/// A key while a line is being typed.
pub fn press(state: &mut State, key: Key) -> Vec<Effect> {
    match Wish::of(key) {
        Wish::GiveUp => give_up(state),
        Wish::Keep => keep(state),
        Wish::Edit => edit(state, |input| input.press(key)),
    }
}

/// Text pasted while a line is being typed.
pub fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    edit(state, |input| input.paste(text))
}

/// The list follows the words while they are typed.
fn edit(state: &mut State, change: impl FnOnce(&mut LineInput) -> Edited) -> Vec<Effect> {
    with_contrast(state, |pane| {
        let Some(prompt) = pane.prompt.as_mut() else { return };
        match (change(&mut prompt.input), &prompt.about) {
            (Edited::Changed, Asked::Words { .. }) => prompt.input.text().clone_into(&mut pane.narrowing.words),
            (Edited::Changed, Asked::Label { .. }) | (Edited::Unchanged, _) => {}
        }
    })
}

fn keep(state: &mut State) -> Vec<Effect> {
    let mut kept = None;
    let effects = with_contrast(state, |pane| kept = pane.prompt.take());
    let Some(prompt) = kept else { return effects };
    match prompt.about {
        Asked::Words { .. } => {}
        Asked::Label { pattern, template } => {
            let pattern = state.snapshot.root(pattern);
            let label = prompt.input.text().trim();
            state
                .marks
                .change(pattern, &template, |mark| label.clone_into(&mut mark.label));
        }
    }
    effects
}

fn give_up(state: &mut State) -> Vec<Effect> {
    with_contrast(state, |pane| match pane.prompt.take().map(|prompt| prompt.about) {
        Some(Asked::Words { before }) => pane.narrowing.words = before,
        Some(Asked::Label { .. }) | None => {}
    })
}

/// Takes back one thing that narrows what is listed or shown; `None` if there is none.
pub fn step_back(pane: &mut ContrastPane) -> Option<Vec<Effect>> {
    if pane.cluster.take().is_some() {
        return Some(Vec::new());
    }
    if pane.narrowing != Narrowing::default() {
        if pane.narrowing.words.is_empty() {
            pane.narrowing.levels = Levels::All;
            pane.narrowing.verdicts = Verdicts::All;
        } else {
            pane.narrowing.words.clear();
        }
        return Some(Vec::new());
    }
    if pane.detail == Detail::Full {
        pane.detail = Detail::Brief;
        pane.scroll = 0;
        return Some(Vec::new());
    }
    None
}

/// Goes round at the ends.
pub fn change_window(state: &mut State, to: Length) -> Vec<Effect> {
    let at = WINDOWS.iter().position(|window| *window == state.lens.window);
    let (at, count) = (at.unwrap_or(0), WINDOWS.len());
    let next = match to {
        Length::Shorter => (at + 1) % count,
        Length::Longer => (at + count - 1) % count,
    };
    let window = WINDOWS.get(next).copied().flatten();
    set_lens(state, Lens { window, ..state.lens })
}

pub fn next_alignment(state: &mut State) -> Vec<Effect> {
    let align = match state.lens.align {
        Align::Fitting => Align::WallClock,
        Align::WallClock => Align::SinceStart(NEAR_START),
        Align::SinceStart(_) => Align::Fitting,
    };
    set_lens(state, Lens { align, ..state.lens })
}

/// The title tells the lens once findings were made through it.
fn set_lens(state: &mut State, lens: Lens) -> Vec<Effect> {
    state.lens = lens;
    let (window, align) = words::lens(lens);
    state.say(format!("comparing {window}, {align}"), Tone::Plain);
    vec![Effect::SetLens(lens)]
}

pub fn toggle_bell(state: &mut State) -> Vec<Effect> {
    let (bell, text) = match state.ringer.bell {
        Bell::Off => (Bell::On, "the bell rings for new errors that only some clusters have"),
        Bell::On => (Bell::Off, "the bell is off"),
    };
    state.set_bell(bell);
    state.say(text, Tone::Good);
    Vec::new()
}

/// Values that were read back; a pane that is gone does not miss them.
pub fn take_values(state: &mut State, id: PaneId, pattern: PatternId, values: Values) -> Vec<Effect> {
    if let Some(pane) = state.contrast_mut(id) {
        pane.reading.take(pattern, values);
        state.unsettled = true;
    }
    Vec::new()
}
