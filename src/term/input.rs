//! What comes from the terminal, in our own words: keys, pastes, clicks and sizes.

use crossterm::event::{
    Event, EventStream, KeyCode as Code, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use futures::StreamExt;

use crate::workspace::key::{Key, KeyCode, Modifiers};

/// One thing that the user or the terminal did.
#[derive(Clone, Debug, PartialEq)]
pub enum Happened {
    Pressed(Key),
    Pasted(String),
    Resized {
        cols: u16,
        rows: u16,
    },
    Clicked {
        col: u16,
        row: u16,
    },
    /// The wheel over a cell: up is negative.
    Scrolled {
        col: u16,
        row: u16,
        lines: i16,
    },
}

/// The events of the terminal. While it exists a thread reads the terminal, so it has to be dropped before anybody
/// else may read from it.
pub struct Input(EventStream);

/// The terminal is gone or cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("failed to read the terminal: {0}")]
pub struct Lost(String);

/// Lines that one notch of a wheel moves.
const NOTCH: i16 = 3;

impl Input {
    #[expect(
        clippy::new_without_default,
        reason = "it starts a thread: more than a default value does"
    )]
    pub fn new() -> Self {
        Self(EventStream::new())
    }

    /// The next thing that matters to us; may be dropped while it waits without losing one.
    pub async fn next(&mut self) -> Result<Happened, Lost> {
        loop {
            match self.0.next().await {
                Some(Ok(event)) => {
                    if let Some(happened) = translate(event) {
                        return Ok(happened);
                    }
                }
                Some(Err(error)) => return Err(Lost(error.to_string())),
                None => return Err(Lost("end of input".to_owned())),
            }
        }
    }
}

fn translate(event: Event) -> Option<Happened> {
    match event {
        Event::Key(key) => pressed(key),
        Event::Paste(text) => Some(Happened::Pasted(text)),
        Event::Resize(cols, rows) => Some(Happened::Resized { cols, rows }),
        Event::Mouse(mouse) => moved(mouse),
        Event::FocusGained | Event::FocusLost => None,
    }
}

fn pressed(event: KeyEvent) -> Option<Happened> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let mut modifiers = Modifiers {
        ctrl: event.modifiers.contains(KeyModifiers::CONTROL),
        alt: event.modifiers.contains(KeyModifiers::ALT),
        shift: event.modifiers.contains(KeyModifiers::SHIFT),
    };
    let code = match event.code {
        Code::Char(c) if modifiers.ctrl => KeyCode::Char(as_printed(c)),
        Code::Char(c) => KeyCode::Char(c),
        Code::Enter => KeyCode::Enter,
        Code::Esc => KeyCode::Esc,
        Code::Tab => KeyCode::Tab,
        Code::BackTab => {
            modifiers.shift = true;
            KeyCode::Tab
        }
        Code::Backspace => KeyCode::Backspace,
        Code::Delete => KeyCode::Delete,
        Code::Insert => KeyCode::Insert,
        Code::Up => KeyCode::Up,
        Code::Down => KeyCode::Down,
        Code::Left => KeyCode::Left,
        Code::Right => KeyCode::Right,
        Code::Home => KeyCode::Home,
        Code::End => KeyCode::End,
        Code::PageUp => KeyCode::PageUp,
        Code::PageDown => KeyCode::PageDown,
        Code::F(n) => KeyCode::F(n),
        Code::Null => {
            modifiers.ctrl = true;
            KeyCode::Char(' ')
        }
        Code::CapsLock
        | Code::ScrollLock
        | Code::NumLock
        | Code::PrintScreen
        | Code::Pause
        | Code::Menu
        | Code::KeypadBegin
        | Code::Media(_)
        | Code::Modifier(_) => return None,
    };
    Some(Happened::Pressed(Key::new(code, modifiers)))
}

/// Terminals send one byte for ctrl-5 and ctrl-], which crossterm calls by the digit and keyboards and manuals by the
/// other character; the same for its three neighbours (0x1c to 0x1f).
const fn as_printed(held_with_ctrl: char) -> char {
    match held_with_ctrl {
        '4' => '\\',
        '5' => ']',
        '6' => '^',
        '7' => '_',
        other => other,
    }
}

fn moved(event: MouseEvent) -> Option<Happened> {
    let (col, row) = (event.column, event.row);
    match event.kind {
        MouseEventKind::Down(MouseButton::Left) => Some(Happened::Clicked { col, row }),
        MouseEventKind::ScrollUp => Some(Happened::Scrolled {
            col,
            row,
            lines: -NOTCH,
        }),
        MouseEventKind::ScrollDown => Some(Happened::Scrolled { col, row, lines: NOTCH }),
        MouseEventKind::Down(_)
        | MouseEventKind::Up(_)
        | MouseEventKind::Drag(_)
        | MouseEventKind::Moved
        | MouseEventKind::ScrollLeft
        | MouseEventKind::ScrollRight => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: Code, modifiers: KeyModifiers, expected: &str) {
        let happened = translate(Event::Key(KeyEvent::new(code, modifiers)));
        assert_eq!(
            happened,
            Some(Happened::Pressed(Key::parse(expected).unwrap())),
            "{expected}"
        );
    }

    #[test]
    fn keys_are_what_a_keymap_calls_them() {
        check(Code::Char('g'), KeyModifiers::NONE, "g");
        check(Code::Char('G'), KeyModifiers::SHIFT, "G");
        check(Code::Char('w'), KeyModifiers::CONTROL, "ctrl-w");
        check(Code::BackTab, KeyModifiers::SHIFT, "shift-tab");
        check(Code::Char(' '), KeyModifiers::NONE, "space");
        check(Code::F(5), KeyModifiers::NONE, "f5");
        check(Code::Char('5'), KeyModifiers::NONE, "5");
    }

    #[test]
    fn the_control_characters_after_escape_have_the_names_on_the_keyboard() {
        for (reported, expected) in [('4', "ctrl-\\"), ('5', "ctrl-]"), ('6', "ctrl-^"), ('7', "ctrl-_")] {
            check(Code::Char(reported), KeyModifiers::CONTROL, expected);
        }
    }

    #[test]
    fn a_release_is_no_press() {
        let event = KeyEvent::new_with_kind(Code::Char('q'), KeyModifiers::NONE, KeyEventKind::Release);
        assert_eq!(translate(Event::Key(event)), None);
    }
}
