//! The last line: a notice or the keys so far, and the keys that are most useful where the focus is. And the position
//! that the titles of lists show.

use crate::workspace::command::Command;
use crate::workspace::keymap::{Keymap, Scope};
use crate::workspace::scene::{Span, StatusLine};
use crate::workspace::state::{Over, State};

/// What to offer, with the word that stands for it on the status line; the most useful first.
const fn offers(scope: Scope) -> &'static [(Command, &'static str)] {
    match scope {
        Scope::Contrast => &[
            (Command::Activate, "records"),
            (Command::OnlyPattern, "only these"),
            (Command::Zoom, "zoom"),
        ],
        Scope::Objects => &[
            (Command::ToggleExpanded, "expand"),
            (Command::OpenLogs, "logs"),
            (Command::OpenShell, "shell"),
            (Command::Zoom, "zoom"),
        ],
        Scope::Logs => &[
            (Command::Search, "search"),
            (Command::ToggleFollow, "follow"),
            (Command::NextError, "next error"),
            (Command::ToggleMerged, "merge"),
            (Command::ToggleWrap, "wrap"),
            (Command::OnlyPattern, "only this pattern"),
        ],
        Scope::Exec => &[(Command::LeaveShell, "leave the shell")],
        Scope::ExecScroll => &[(Command::EnterShell, "type"), (Command::ClosePane, "close")],
        Scope::Help => &[(Command::Cancel, "close")],
        Scope::Global => &[],
    }
}

/// Offered wherever they have keys.
const EVERYWHERE: [(Command, &str); 3] = [
    (Command::FocusNext, "next pane"),
    (Command::OpenPalette, "commands"),
    (Command::Help, "help"),
];

pub fn compose(state: &State) -> StatusLine {
    StatusLine {
        left: left(state),
        hints: hints(state),
    }
}

fn left(state: &State) -> Vec<Span> {
    if !state.pending.is_empty() {
        let keys: Vec<_> = state.pending.iter().map(ToString::to_string).collect();
        return vec![Span::plain(format!("{} …", keys.join(" ")))];
    }
    match &state.notice {
        Some(notice) => vec![Span::new(notice.text.clone(), notice.tone)],
        None => Vec::new(),
    }
}

fn hints(state: &State) -> Vec<(String, String)> {
    match state.overlay {
        Some(Over::Leaving) => vec![("y".into(), "quit".into()), ("n".into(), "stay".into())],
        Some(Over::Palette(_)) => vec![("enter".into(), "do it".into()), ("esc".into(), "close".into())],
        Some(Over::Help { .. }) | None if state.is_prompting() => {
            vec![("enter".into(), "keep".into()), ("esc".into(), "give up".into())]
        }
        Some(Over::Help { .. }) | None => offered(&state.keymap, state.scope()),
    }
}

fn offered(keymap: &Keymap, scope: Scope) -> Vec<(String, String)> {
    offers(scope)
        .iter()
        .chain(&EVERYWHERE)
        .filter_map(|(command, what)| Some((keymap.keys_of(scope, *command)?, (*what).to_owned())))
        .collect()
}

/// `3/12` for the title of a list.
pub fn position(index: Option<usize>, total: usize) -> Vec<Span> {
    match index {
        Some(index) => vec![Span::dim(format!("{}/{total}", index + 1))],
        None => Vec::new(),
    }
}
