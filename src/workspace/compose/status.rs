//! The last line: a notice or the keys so far, the keys that are most useful where the focus is, and how what has the
//! focus is doing. And the position that the titles of lists show.

use crate::workspace::clusters::Cluster;
use crate::workspace::command::Command;
use crate::workspace::keymap::Scope;
use crate::workspace::panes::{LogsPane, Pane};
use crate::workspace::scene::{Span, StatusLine};
use crate::workspace::state::{Over, State};

use super::age::Moment;
use super::standing;

type Offer = (Command, &'static str);

/// What to offer, with the word that stands for it on the status line; the most useful first.
fn offers(state: &State, scope: Scope) -> Vec<Offer> {
    match (scope, state.focused()) {
        (Scope::Contrast, _) => vec![
            (Command::Activate, "records"),
            (Command::ToggleDetail, "detail"),
            (Command::OnlyPattern, "only these"),
            (Command::FilterPatterns, "filter"),
        ],
        (Scope::Objects, _) => vec![
            (Command::ToggleExpanded, "expand"),
            (Command::OpenLogs, "logs"),
            (Command::OpenShell, "shell"),
            (Command::Zoom, "zoom"),
        ],
        (Scope::Logs, Some(Pane::Logs(pane))) => offers_of_logs(pane),
        (Scope::Exec, _) => vec![(Command::LeaveShell, "leave the shell")],
        (Scope::ExecScroll, Some(Pane::Exec(pane))) if pane.has_ended() => vec![(Command::ClosePane, "close")],
        (Scope::ExecScroll, _) => vec![(Command::EnterShell, "type"), (Command::ClosePane, "close")],
        (Scope::Help, _) => vec![(Command::Cancel, "close")],
        (Scope::Logs | Scope::Global, _) => Vec::new(),
    }
}

/// A key that goes back and forth is called by where it would go now.
fn offers_of_logs(pane: &LogsPane) -> Vec<Offer> {
    let mut offers = vec![(Command::Search, "search")];
    offers.push((
        Command::ToggleFollow,
        if pane.is_following() { "pause" } else { "follow" },
    ));
    offers.push((Command::NextError, "next error"));
    offers.push((Command::ToggleMerged, if pane.merged { "split" } else { "merge" }));
    offers.push((Command::ToggleWrap, if pane.wrap { "cut" } else { "wrap" }));
    if pane.filter.pattern.is_some() {
        offers.push((Command::OnlyPattern, "all records"));
    } else if pane.marked.is_some() || !pane.is_following() {
        offers.push((Command::OnlyPattern, "only this pattern"));
    }
    offers
}

/// Offered wherever they have keys.
const EVERYWHERE: [Offer; 3] = [
    (Command::Help, "help"),
    (Command::OpenPalette, "commands"),
    (Command::FocusNext, "next pane"),
];

/// Offered last, where there is room.
const fn more_offers(scope: Scope) -> &'static [Offer] {
    match scope {
        Scope::Contrast => &[
            (Command::NextExample, "next record"),
            (Command::Pin, "pin"),
            (Command::Mute, "mute"),
            (Command::Label, "label"),
            (Command::Zoom, "zoom"),
        ],
        Scope::Global | Scope::Objects | Scope::Logs | Scope::Exec | Scope::ExecScroll | Scope::Help => &[],
    }
}

pub fn compose(state: &State, moment: &mut Moment) -> StatusLine {
    StatusLine {
        left: left(state),
        hints: hints(state),
        standing: if state.overlay.is_some() || state.is_prompting() {
            Vec::new()
        } else {
            standing::compose(state, moment)
        },
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
        Some(Over::Allowing { .. }) => vec![
            ("y".into(), "run it, and remember".into()),
            ("n".into(), "not now".into()),
        ],
        Some(Over::Palette(_)) => vec![("enter".into(), "do it".into()), ("esc".into(), "close".into())],
        Some(Over::Help { .. }) | None if state.is_prompting() => {
            vec![("enter".into(), "keep".into()), ("esc".into(), "give up".into())]
        }
        Some(Over::Help { .. }) | None => offered(state, state.scope()),
    }
}

fn offered(state: &State, scope: Scope) -> Vec<(String, String)> {
    // Where help is open, its key has closed it already.
    let everywhere = EVERYWHERE
        .into_iter()
        .filter(|(command, _)| scope != Scope::Help || *command != Command::Help);
    let wanting = state.clusters.iter().any(Cluster::wants_a_person);
    let login = wanting.then_some((Command::Login, "log in"));
    login
        .into_iter()
        .filter(|_| scope != Scope::Help)
        .chain(offers(state, scope))
        .chain(everywhere)
        .chain(more_offers(scope).iter().copied())
        .filter_map(|(command, what)| Some((state.keymap.keys_of(scope, command)?, what.to_owned())))
        .collect()
}

/// `3/12` for the title of a list.
pub fn position(index: Option<usize>, total: usize) -> Vec<Span> {
    match index {
        Some(index) => vec![Span::dim(format!("{}/{total}", index + 1))],
        None => Vec::new(),
    }
}
