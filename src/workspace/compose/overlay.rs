//! Help, palette and questions: what lies over the panes.

use crate::workspace::command::Command;
use crate::workspace::keymap::{Binding, Keymap, Lookup, Scope};
use crate::workspace::layout::Size;
use crate::workspace::scene::{HelpScene, Overlay, PaletteItem, PaletteScene};
use crate::workspace::state::{Over, Palette, State};

use super::words;

/// Lines of the screen that help and palette leave free, for their frames and what is around them.
const FRAME: u16 = 6;

pub fn compose(state: &State) -> Option<Overlay> {
    match state.overlay.as_ref()? {
        Over::Help { scope, scroll } => {
            let mut help = help(&state.keymap, *scope);
            help.scroll = (*scroll).min(last_scroll(&help, state.size));
            Some(Overlay::Help(help))
        }
        Over::Palette(palette) => Some(Overlay::Palette(self::palette(palette, state))),
        Over::Leaving => Some(Overlay::Message(leaving(state))),
        Over::Allowing { context, plugin } => {
            let name = state.clusters.name(*context);
            Some(Overlay::Message(vec![
                format!("Run this credential plugin for {name}? y / n"),
                words::safe(&plugin.command),
                "Its kubeconfig names it, and nobody has allowed it here before.".to_owned(),
            ]))
        }
    }
}

fn leaving(state: &State) -> Vec<String> {
    let mut lines = vec!["Leave Kontrast? y / n".to_owned()];
    let shells = state.open_shells();
    if shells > 0 {
        lines.push(match shells {
            1 => "1 shell is open and will be closed.".to_owned(),
            more => format!("{more} shells are open and will be closed."),
        });
    }
    lines
}

/// How far help can be scrolled on a screen of this size.
pub fn last_scroll(help: &HelpScene, size: Size) -> usize {
    help.lines()
        .saturating_sub(usize::from(size.rows.saturating_sub(FRAME)))
}

/// The live key bindings of a scope and of everywhere, one line per command.
pub fn help(keymap: &Keymap, scope: Scope) -> HelpScene {
    let mut sections = vec![section(scope, &keymap.bindings(scope))];
    if scope != Scope::Global {
        // What the pane itself binds means nothing else in it.
        let means_the_same = |binding: &Binding| {
            let meant = keymap.lookup(scope, &binding.keys);
            scope == Scope::Exec || meant == Lookup::Command(binding.command)
        };
        let mut everywhere = keymap.bindings(Scope::Global);
        everywhere.retain(means_the_same);
        sections.push(section(Scope::Global, &everywhere));
    }
    if matches!(scope, Scope::ExecScroll) {
        sections.push(section(Scope::Exec, &keymap.bindings(Scope::Exec)));
    }
    if matches!(scope, Scope::Logs) {
        sections.push((
            "columns".to_owned(),
            vec![
                (
                    "left, right".to_owned(),
                    "move between the clusters' columns, which share one time".to_owned(),
                ),
                ("UTC".to_owned(), "all times are in UTC".to_owned()),
            ],
        ));
    }
    sections.retain(|(_, bindings)| !bindings.is_empty());
    HelpScene { sections, scroll: 0 }
}

fn section(scope: Scope, bindings: &[Binding]) -> (String, Vec<(String, String)>) {
    let lines = Command::ALL
        .iter()
        .filter_map(|command| {
            let keys: Vec<_> = bindings
                .iter()
                .filter(|binding| binding.command == *command)
                .map(Binding::spelling)
                .collect();
            (!keys.is_empty()).then(|| (keys.join(", "), command.summary().to_owned()))
        })
        .collect();
    (heading(scope).to_owned(), lines)
}

const fn heading(scope: Scope) -> &'static str {
    match scope {
        Scope::Global => "everywhere",
        Scope::Contrast => "contrast",
        Scope::Objects => "objects",
        Scope::Logs => "logs",
        Scope::Exec => "in a shell",
        Scope::ExecScroll => "a shell whose keys were taken back",
        Scope::Help => "help",
    }
}

fn palette(palette: &Palette, state: &State) -> PaletteScene {
    let room = usize::from(state.size.rows.saturating_sub(FRAME)).max(1);
    let first = (palette.selected + 1).saturating_sub(room);
    let scope = state
        .focused()
        .map_or(Scope::Global, crate::workspace::panes::Pane::scope);
    let matches = palette
        .matches
        .iter()
        .enumerate()
        .skip(first)
        .take(room)
        .map(|(n, command)| PaletteItem {
            name: command.name().to_owned(),
            summary: command.summary().to_owned(),
            keys: keys_anywhere(&state.keymap, scope, *command),
            selected: n == palette.selected,
        })
        .collect();
    PaletteScene {
        input: words::safe(palette.input.text()),
        cursor: palette.input.cursor(),
        matches,
        error: palette.error.clone(),
    }
}

/// The keys of a command where the focus is, else where it has some.
fn keys_anywhere(keymap: &Keymap, scope: Scope, command: Command) -> String {
    keymap
        .keys_of(scope, command)
        .or_else(|| {
            Scope::ALL.iter().find_map(|other| {
                let keys = keymap.keys_of(*other, command)?;
                Some(format!("{keys} ({})", other.name()))
            })
        })
        .unwrap_or_default()
}
