//! The command palette: fuzzy over all commands, by name and by the names that fingers know.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use crate::workspace::command::Command;
use crate::workspace::key::{Key, KeyCode, Modifiers};
use crate::workspace::msg::Effect;
use crate::workspace::prompt::Edited;
use crate::workspace::state::{Over, Palette, State};

use super::commands;

pub fn open(state: &mut State) -> Vec<Effect> {
    state.overlay = Some(Over::Palette(Box::new(Palette {
        matches: matches(""),
        ..Palette::default()
    })));
    Vec::new()
}

/// A key while the palette is open.
pub fn press(state: &mut State, key: Key) -> Vec<Effect> {
    let Some(Over::Palette(palette)) = state.overlay.as_mut() else {
        return Vec::new();
    };
    let ctrl = key.modifiers.ctrl;
    if is_previous(key) {
        return step(palette, -1);
    }
    if is_next(key) {
        return step(palette, 1);
    }
    match key.code {
        KeyCode::Esc => close(state),
        KeyCode::Char('c' | 'g') if ctrl => close(state),
        KeyCode::Enter => choose(state),
        KeyCode::Backspace if palette.input.text().is_empty() => close(state),
        KeyCode::Char(_)
        | KeyCode::Up
        | KeyCode::Down
        | KeyCode::Tab
        | KeyCode::Backspace
        | KeyCode::Delete
        | KeyCode::Insert
        | KeyCode::Left
        | KeyCode::Right
        | KeyCode::Home
        | KeyCode::End
        | KeyCode::PageUp
        | KeyCode::PageDown
        | KeyCode::F(_) => {
            let edited = palette.input.press(key);
            match_anew(palette, edited)
        }
    }
}

fn is_previous(key: Key) -> bool {
    let Modifiers { ctrl, shift, .. } = key.modifiers;
    key.code == KeyCode::Up || (key.code == KeyCode::Char('p') && ctrl) || (key.code == KeyCode::Tab && shift)
}

fn is_next(key: Key) -> bool {
    let Modifiers { ctrl, shift, .. } = key.modifiers;
    key.code == KeyCode::Down || (key.code == KeyCode::Char('n') && ctrl) || (key.code == KeyCode::Tab && !shift)
}

/// Text pasted while the palette is open.
pub fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    let Some(Over::Palette(palette)) = state.overlay.as_mut() else {
        return Vec::new();
    };
    let edited = palette.input.paste(text);
    match_anew(palette, edited)
}

fn match_anew(palette: &mut Palette, edited: Edited) -> Vec<Effect> {
    match edited {
        Edited::Changed => {
            palette.matches = matches(palette.input.text().trim());
            palette.selected = 0;
            palette.error = None;
        }
        Edited::Unchanged => {}
    }
    Vec::new()
}

fn close(state: &mut State) -> Vec<Effect> {
    state.overlay = None;
    Vec::new()
}

/// Goes round at the ends.
fn step(palette: &mut Palette, by: isize) -> Vec<Effect> {
    let count = palette.matches.len();
    if count > 0 {
        let at = palette.selected.checked_add_signed(by).unwrap_or(count - 1);
        palette.selected = at % count;
    }
    Vec::new()
}

fn choose(state: &mut State) -> Vec<Effect> {
    let Some(Over::Palette(palette)) = state.overlay.as_mut() else {
        return Vec::new();
    };
    if let Some(command) = palette.matches.get(palette.selected).copied() {
        state.overlay = None;
        return commands::run(state, command);
    }
    let text = palette.input.text().trim().to_owned();
    let hint = Command::nearest(&text).map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"));
    let name = crate::workspace::compose::words::safe(&text);
    palette.error = Some(format!("there is no command {name}{hint}"));
    Vec::new()
}

/// The commands that fit what was typed: the one of that very name first, then the best. All for nothing typed.
fn matches(typed: &str) -> Vec<Command> {
    if typed.is_empty() {
        return Command::ALL.to_vec();
    }
    let pattern = Pattern::parse(typed, CaseMatching::Smart, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut score = |name: &str| pattern.score(Utf32Str::new(name, &mut buffer), &mut matcher);
    let exact = Command::parse(typed);
    let mut scored: Vec<(bool, u32, Command)> = Command::ALL
        .iter()
        .filter_map(|command| {
            let names = std::iter::once(command.name()).chain(command.aliases().iter().copied());
            let is_exact = exact == Some(*command);
            let best = names.filter_map(&mut score).max();
            let best = best.or(is_exact.then_some(0))?;
            Some((is_exact, best, *command))
        })
        .collect();
    // Stable: equals stay in the order of the catalogue.
    scored.sort_by_key(|(exact, score, _)| std::cmp::Reverse((*exact, *score)));
    scored.into_iter().map(|(_, _, command)| command).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_typed_in_full_comes_first() {
        assert_eq!(matches("q").first(), Some(&Command::Quit));
        assert_eq!(matches("N").first(), Some(&Command::PreviousMatch));
        assert_eq!(matches("po").first(), Some(&Command::ShowObjects));
        for command in Command::ALL {
            for name in [command.name()].iter().chain(command.aliases()) {
                assert_eq!(matches(name).first(), Some(command), "{name}");
            }
        }
    }

    #[test]
    fn letters_in_order_are_enough() {
        assert_eq!(matches("spri").first(), Some(&Command::SplitRight));
        assert_eq!(matches("xyzzy"), []);
        assert_eq!(matches("").len(), Command::ALL.len());
    }
}
