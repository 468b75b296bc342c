//! Help while it is open.

use crate::workspace::command::Command;
use crate::workspace::compose::overlay;
use crate::workspace::key::Key;
use crate::workspace::keymap::{Lookup, Scope};
use crate::workspace::msg::Effect;
use crate::workspace::state::{Over, State};

/// Shows the keys of the pane that has the focus.
pub fn open(state: &mut State) -> Vec<Effect> {
    state.overlay = Some(Over::Help {
        scope: state.scope(),
        scroll: 0,
    });
    Vec::new()
}

/// A key while help is open: it scrolls or closes; everything else waits until it is closed.
pub fn press(state: &mut State, key: Key) -> Vec<Effect> {
    let page = isize::try_from(state.size.rows / 2).unwrap_or(1).max(1);
    match state.keymap.lookup(Scope::Help, &[key]) {
        Lookup::Command(Command::Up) => scroll(state, -1),
        Lookup::Command(Command::Down) => scroll(state, 1),
        Lookup::Command(Command::HalfPageUp | Command::PageUp) => scroll(state, -page),
        Lookup::Command(Command::HalfPageDown | Command::PageDown) => scroll(state, page),
        Lookup::Command(Command::Top) => scroll(state, isize::MIN),
        Lookup::Command(Command::Bottom) => scroll(state, isize::MAX),
        Lookup::Command(Command::Cancel | Command::Help | Command::ClosePane | Command::Quit) => close(state),
        Lookup::Unbound if super::keys::is_interrupt(key) => close(state),
        Lookup::Command(_) | Lookup::Pending | Lookup::Unbound => Vec::new(),
    }
}

pub fn close(state: &mut State) -> Vec<Effect> {
    state.overlay = None;
    Vec::new()
}

/// By lines, as far as there are any.
pub fn scroll(state: &mut State, by: isize) -> Vec<Effect> {
    let size = state.size;
    if let Some(Over::Help { scope, scroll }) = state.overlay.as_mut() {
        let last = overlay::last_scroll(&overlay::help(&state.keymap, *scope), size);
        *scroll = scroll.saturating_add_signed(by).min(last);
    }
    Vec::new()
}
