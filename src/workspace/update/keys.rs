//! From a key to whom it is for: what lies over the panes, the search line, a program, or the keymap.

use crate::model::Time;
use crate::workspace::key::{Key, KeyCode};
use crate::workspace::keymap::{Lookup, Scope};
use crate::workspace::msg::Effect;
use crate::workspace::panes::Pane;
use crate::workspace::scene::Tone;
use crate::workspace::state::{Over, State};

use super::{commands, contrast, exec, help, leave, login, palette, search};

pub fn press(state: &mut State, key: Key, now: Time) -> Vec<Effect> {
    state.unsettled = true;
    state.notice = None;
    match state.overlay {
        Some(Over::Help { .. }) => help::press(state, key),
        Some(Over::Palette(_)) => palette::press(state, key),
        Some(Over::Leaving) => leave::answer(state, key),
        Some(Over::Allowing { .. }) => login::answer(state, key),
        None if state.is_prompting() => press_in_prompt(state, key),
        None => look_up(state, key, now),
    }
}

fn press_in_prompt(state: &mut State, key: Key) -> Vec<Effect> {
    match state.focused() {
        Some(Pane::Contrast(_)) => contrast::press(state, key),
        Some(Pane::Logs(_)) => search::press(state, key),
        Some(Pane::Objects(_) | Pane::Exec(_)) | None => Vec::new(),
    }
}

fn paste_in_prompt(state: &mut State, text: &str) -> Vec<Effect> {
    match state.focused() {
        Some(Pane::Contrast(_)) => contrast::paste(state, text),
        Some(Pane::Logs(_)) => search::paste(state, text),
        Some(Pane::Objects(_) | Pane::Exec(_)) | None => Vec::new(),
    }
}

fn look_up(state: &mut State, key: Key, now: Time) -> Vec<Effect> {
    let scope = state.scope();
    state.pending.push(key);
    match state.keymap.lookup(scope, &state.pending) {
        Lookup::Command(command) => {
            state.pending.clear();
            state.interrupted = None;
            commands::run(state, command)
        }
        Lookup::Pending => Vec::new(),
        Lookup::Unbound => unbound(state, scope, now),
    }
}

fn unbound(state: &mut State, scope: Scope, now: Time) -> Vec<Effect> {
    let keys = std::mem::take(&mut state.pending);
    match (scope, keys.as_slice()) {
        (Scope::Exec, keys) => exec::type_keys(state, keys),
        (_, [key]) if is_interrupt(*key) => leave::interrupt(state, now),
        // Of a row of keys that leads nowhere, esc and ctrl-c are the way out.
        (_, [.., last]) if keys.len() > 1 && (last.code == KeyCode::Esc || is_interrupt(*last)) => Vec::new(),
        (_, keys) => {
            let spelled: Vec<_> = keys.iter().map(ToString::to_string).collect();
            state.say(format!("{} does nothing here", spelled.join(" ")), Tone::Dim);
            state.interrupted = None;
            Vec::new()
        }
    }
}

pub fn is_interrupt(key: Key) -> bool {
    key.code == KeyCode::Char('c') && key.modifiers.ctrl
}

pub fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    state.unsettled = true;
    match state.overlay {
        Some(Over::Palette(_)) => palette::paste(state, text),
        Some(Over::Help { .. } | Over::Leaving | Over::Allowing { .. }) => Vec::new(),
        None if state.is_prompting() => paste_in_prompt(state, text),
        None => exec::paste(state, text),
    }
}
