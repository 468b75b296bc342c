//! From a command to the one function that does it.

use crate::logs::Direction;
use crate::workspace::clusters::Cluster;
use crate::workspace::command::Command;
use crate::workspace::layout::{self, Split};
use crate::workspace::marks::Standing;
use crate::workspace::msg::Effect;
use crate::workspace::panes::Pane;
use crate::workspace::scene::Tone;
use crate::workspace::state::State;

use super::arrange::Kind;
use super::contrast::Length;
use super::movement::{Move, Sideways};
use super::{arrange, contrast, copy, exec, help, login, logs, movement, objects, palette, search};

/// Does what was asked for in the focused pane, and remembers which logs had the focus.
pub fn run(state: &mut State, command: Command) -> Vec<Effect> {
    let effects = run_in_focus(state, command);
    let focus = state.layout.focus();
    if matches!(state.panes.get(&focus), Some(Pane::Logs(_))) {
        state.last_logs = Some(focus);
    }
    state.unsettled = true;
    effects
}

fn run_in_focus(state: &mut State, command: Command) -> Vec<Effect> {
    match command {
        Command::Quit => vec![Effect::Quit],
        Command::Help => help::open(state),
        Command::OpenPalette => palette::open(state),
        Command::Cancel => cancel(state),
        Command::Redraw => redraw(state),
        Command::Suspend => vec![Effect::Suspend],
        Command::ShowContrast => arrange::show(state, Kind::Contrast),
        Command::ShowObjects => arrange::show(state, Kind::Objects),
        Command::ShowLogs => arrange::show(state, Kind::Logs),
        Command::Activate => activate(state),
        Command::OpenLogs => objects::open_logs(state),
        Command::OpenShell => exec::open_shell(state),
        Command::RetryCluster => retry(state),
        Command::Login => login::login(state),
        Command::CopyLine => copy::copy(state),
        Command::Up => movement::go(state, Move::Up),
        Command::Down => movement::go(state, Move::Down),
        Command::HalfPageUp => movement::go(state, Move::HalfPages(-1)),
        Command::HalfPageDown => movement::go(state, Move::HalfPages(1)),
        Command::PageUp => movement::go(state, Move::HalfPages(-2)),
        Command::PageDown => movement::go(state, Move::HalfPages(2)),
        Command::Top => movement::go(state, Move::Top),
        Command::Bottom => movement::go(state, Move::Bottom),
        Command::Left => movement::sideways(state, Sideways::Left),
        Command::Right => movement::sideways(state, Sideways::Right),
        Command::Expand => objects::expand(state),
        Command::Collapse => objects::collapse(state),
        Command::ToggleExpanded => objects::toggle(state),
        Command::Search => search::open(state),
        Command::NextMatch => search::next(state, Direction::Forward),
        Command::PreviousMatch => search::next(state, Direction::Backward),
        Command::NextError => search::next_error(state, Direction::Forward),
        Command::PreviousError => search::next_error(state, Direction::Backward),
        Command::NextGap => search::next_gap(state, Direction::Forward),
        Command::PreviousGap => search::next_gap(state, Direction::Backward),
        Command::OnlyPattern => logs::only_pattern(state),
        Command::NextExample => contrast::next_example(state, Direction::Forward),
        Command::PreviousExample => contrast::next_example(state, Direction::Backward),
        Command::ToggleDetail => contrast::toggle_detail(state),
        Command::DetailDown => contrast::scroll_detail(state, 1),
        Command::DetailUp => contrast::scroll_detail(state, -1),
        Command::FilterPatterns => contrast::ask_words(state),
        Command::ErrorsOnly => contrast::toggle_errors(state),
        Command::NextVerdict => contrast::next_verdict(state),
        Command::Pin => contrast::toggle_standing(state, Standing::Pinned),
        Command::Mute => contrast::toggle_standing(state, Standing::Muted),
        Command::ShowMuted => contrast::toggle_muted(state),
        Command::Label => contrast::ask_label(state),
        Command::ShorterWindow => contrast::change_window(state, Length::Shorter),
        Command::LongerWindow => contrast::change_window(state, Length::Longer),
        Command::NextAlignment => contrast::next_alignment(state),
        Command::ToggleBell => contrast::toggle_bell(state),
        Command::ToggleFollow => logs::toggle_follow(state),
        Command::ToggleMerged => logs::toggle_merged(state),
        Command::ToggleWrap => logs::toggle_wrap(state),
        Command::ToggleTimestamps => logs::toggle_timestamps(state),
        Command::FocusNext => arrange::focus_next(state),
        Command::FocusPrevious => arrange::focus_previous(state),
        Command::FocusLeft => arrange::focus_towards(state, layout::Direction::Left),
        Command::FocusDown => arrange::focus_towards(state, layout::Direction::Down),
        Command::FocusUp => arrange::focus_towards(state, layout::Direction::Up),
        Command::FocusRight => arrange::focus_towards(state, layout::Direction::Right),
        Command::Zoom => arrange::zoom(state),
        Command::SplitRight => arrange::split(state, Split::Beside),
        Command::SplitBelow => arrange::split(state, Split::Below),
        Command::ClosePane => arrange::close(state),
        Command::OnlyPane => arrange::only(state),
        Command::GrowPane => arrange::grow(state),
        Command::ShrinkPane => arrange::shrink(state),
        Command::LeaveShell => exec::leave(state),
        Command::EnterShell => exec::enter(state),
    }
}

fn redraw(state: &mut State) -> Vec<Effect> {
    state.dirty = true;
    vec![Effect::Redraw]
}

/// Opens what is selected.
fn activate(state: &mut State) -> Vec<Effect> {
    match state.focused() {
        Some(Pane::Contrast(_)) => contrast::open(state),
        Some(Pane::Objects(_)) => objects::open_logs(state),
        Some(Pane::Logs(_)) => logs::mark_pattern(state),
        Some(Pane::Exec(_)) => exec::enter(state),
        None => Vec::new(),
    }
}

/// Goes back by one thing: the search, the pattern, the scope, what narrows the findings, the scrolling of a shell, the
/// zoom.
fn cancel(state: &mut State) -> Vec<Effect> {
    let focus = state.layout.focus();
    let back = match state.panes.get_mut(&focus) {
        Some(Pane::Logs(pane)) => logs::step_back(pane, focus),
        Some(Pane::Exec(pane)) if pane.vt.scene().scrolled > 0 => {
            pane.vt.scroll_to_bottom();
            Some(Vec::new())
        }
        Some(Pane::Contrast(pane)) => contrast::step_back(pane),
        Some(Pane::Objects(_) | Pane::Exec(_)) | None => None,
    };
    if back.is_none() && state.layout.zoomed() {
        state.layout.toggle_zoom();
    }
    back.unwrap_or_default()
}

/// Tries all clusters again that are not connected.
fn retry(state: &mut State) -> Vec<Effect> {
    let lost: Vec<_> = state
        .clusters
        .iter()
        .filter(|cluster| !cluster.state.is_live())
        .map(|cluster: &Cluster| cluster.id)
        .collect();
    if lost.is_empty() {
        state.say("all clusters are connected", Tone::Good);
    } else {
        let names: Vec<_> = lost.iter().map(|context| state.clusters.name(*context)).collect();
        state.say(format!("trying {} again", names.join(", ")), Tone::Plain);
    }
    lost.into_iter().map(Effect::RetryCluster).collect()
}
