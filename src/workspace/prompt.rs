//! One line of input: the search line and the palette. The editing is tui-textarea's; the keys are those of a shell.

use tui_textarea::{CursorMove, TextArea};

use crate::text::display;

use super::key::{Key, KeyCode};

/// The most that can be typed, bytes; a pasted log file is not a query.
const LONGEST: usize = 4096;

/// What a key asks of a line that is being typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    GiveUp,
    Keep,
    Edit,
}

impl Wish {
    pub fn of(key: Key) -> Self {
        match key.code {
            KeyCode::Esc => Self::GiveUp,
            KeyCode::Char('c') if key.modifiers.ctrl => Self::GiveUp,
            KeyCode::Enter => Self::Keep,
            KeyCode::Char(_)
            | KeyCode::Tab
            | KeyCode::Backspace
            | KeyCode::Delete
            | KeyCode::Insert
            | KeyCode::Up
            | KeyCode::Down
            | KeyCode::Left
            | KeyCode::Right
            | KeyCode::Home
            | KeyCode::End
            | KeyCode::PageUp
            | KeyCode::PageDown
            | KeyCode::F(_) => Self::Edit,
        }
    }
}

/// What a key press did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edited {
    /// The text is another.
    Changed,
    /// Only the cursor moved, or nothing happened.
    Unchanged,
}

/// A line that is being typed.
#[derive(Clone, Debug, Default)]
pub struct LineInput {
    area: TextArea<'static>,
}

impl LineInput {
    pub fn text(&self) -> &str {
        self.area.lines().first().map_or("", String::as_str)
    }

    /// Columns from the start of the text, as it is shown, to the cursor.
    pub fn cursor(&self) -> usize {
        let before: String = self.text().chars().take(self.chars_before_cursor()).collect();
        display::width(&display::plain(&before))
    }

    /// Puts a caret under a byte of the text: columns from the start of the shown text.
    pub fn column_of(&self, byte: usize) -> usize {
        let before = self
            .text()
            .split_at_checked(byte)
            .map_or(self.text(), |(before, _)| before);
        display::width(&display::plain(before))
    }

    fn chars_before_cursor(&self) -> usize {
        let tui_textarea::DataCursor(_, column) = self.area.cursor();
        column
    }

    /// Edits by a key as a shell's line does: ctrl-a, ctrl-e, ctrl-u, ctrl-k, ctrl-w, alt-b, alt-f …
    pub fn press(&mut self, key: Key) -> Edited {
        let before = self.text().to_owned();
        self.edit(key);
        if self.text() == before {
            Edited::Unchanged
        } else {
            Edited::Changed
        }
    }

    fn edit(&mut self, key: Key) {
        let held = key.modifiers;
        let area = &mut self.area;
        match (key.code, held.ctrl, held.alt) {
            (KeyCode::Char('a'), true, false) | (KeyCode::Home, ..) => area.move_cursor(CursorMove::Head),
            (KeyCode::Char('e'), true, false) | (KeyCode::End, ..) => area.move_cursor(CursorMove::End),
            (KeyCode::Char('b'), false, true) | (KeyCode::Left, true, _) | (KeyCode::Left, _, true) => {
                area.move_cursor(CursorMove::WordBack);
            }
            (KeyCode::Char('f'), false, true) | (KeyCode::Right, true, _) | (KeyCode::Right, _, true) => {
                area.move_cursor(CursorMove::WordForward);
            }
            (KeyCode::Char('b'), true, false) | (KeyCode::Left, false, false) => area.move_cursor(CursorMove::Back),
            (KeyCode::Char('f'), true, false) | (KeyCode::Right, false, false) => {
                area.move_cursor(CursorMove::Forward);
            }
            (KeyCode::Char('u'), true, false) => {
                area.delete_line_by_head();
            }
            // At the end of the line it would join the next one, which there is not.
            (KeyCode::Char('k'), true, false) => {
                area.delete_line_by_end();
            }
            (KeyCode::Char('w'), true, false) | (KeyCode::Backspace, _, true) | (KeyCode::Backspace, true, _) => {
                area.delete_word();
            }
            (KeyCode::Char('d'), false, true) => {
                area.delete_next_word();
            }
            (KeyCode::Char('h'), true, false) | (KeyCode::Backspace, false, false) => {
                area.delete_char();
            }
            (KeyCode::Char('d'), true, false) | (KeyCode::Delete, ..) => {
                area.delete_next_char();
            }
            (KeyCode::Char(c), false, false) => self.insert(c),
            (
                KeyCode::Char(_)
                | KeyCode::Enter
                | KeyCode::Esc
                | KeyCode::Tab
                | KeyCode::Insert
                | KeyCode::Up
                | KeyCode::Down
                | KeyCode::PageUp
                | KeyCode::PageDown
                | KeyCode::F(_),
                ..,
            ) => {}
        }
    }

    /// Inserts text; a line break becomes a blank, other control characters are dropped.
    pub fn paste(&mut self, text: &str) -> Edited {
        let before = self.text().len();
        for c in text.trim_end_matches(['\r', '\n']).chars() {
            match c {
                '\r' | '\n' | '\t' => self.insert(' '),
                c => self.insert(c),
            }
        }
        if self.text().len() == before {
            Edited::Unchanged
        } else {
            Edited::Changed
        }
    }

    fn insert(&mut self, c: char) {
        if !c.is_control() && self.text().len() + c.len_utf8() <= LONGEST {
            self.area.insert_char(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(keys: &str, text: &str, cursor: usize) {
        let mut input = LineInput::default();
        for key in keys.split_whitespace() {
            input.press(Key::parse(key).unwrap());
        }
        assert_eq!((input.text(), input.cursor()), (text, cursor), "{keys}");
    }

    #[test]
    fn the_line_is_edited_as_in_a_shell() {
        check("a b c", "abc", 3);
        check("a b ctrl-a c", "cab", 1);
        check("a b ctrl-a ctrl-e c", "abc", 3);
        check("a b left ctrl-u", "b", 0);
        check("a b left ctrl-k", "a", 1);
        check("a b space c d ctrl-w", "ab ", 3);
        check("a b space c d alt-b x", "ab xcd", 4);
        check("a b space c d ctrl-a alt-f delete", "ab d", 3);
        check("a b backspace backspace backspace", "", 0);
        check("日 本 left", "日本", 2);
        check("ctrl-k ctrl-u enter tab", "", 0);
        check("a b ctrl-left ctrl-d", "b", 0);
    }

    #[test]
    fn what_is_pasted_stays_one_line_of_bounded_length() {
        let mut input = LineInput::default();
        assert_eq!(input.paste("a\nb\x1b[c\r\n"), Edited::Changed);
        assert_eq!(input.text(), "a b[c");
        assert_eq!(input.paste("\x07"), Edited::Unchanged);
        input.paste(&"é".repeat(9000));
        assert!(input.text().len() <= LONGEST);
        input.press(Key::char('x'));
        assert_eq!(input.press(Key::char('x')), Edited::Unchanged);
    }
}
