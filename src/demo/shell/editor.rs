//! The line editor of an interactive shell: keys in, bytes for the terminal out. Pure; it reads and writes nothing itself.

use unicode_width::UnicodeWidthChar;

use super::keys::Key;

/// The longest line in characters, and the most lines remembered.
const MOST_LINE: usize = 64 << 10;
const MOST_HISTORY: usize = 500;

/// What a key led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    More,
    Line(String),
    /// Ctrl-C: the line was given up.
    Abandoned,
    /// Ctrl-D on an empty line.
    End,
    /// Tab: the caller offers what the word before the cursor may become.
    Complete(String),
}

#[derive(Debug, Default)]
pub struct Editor {
    prompt: String,
    prompt_width: usize,
    columns: usize,
    line: Vec<char>,
    cursor: usize,
    /// Cells of the whole line.
    width: usize,
    /// The terminal's row that the cursor is on, from the prompt's.
    row: usize,
    history: Vec<String>,
    place: usize,
    draft: Vec<char>,
    killed: Vec<char>,
    out: Vec<u8>,
}

fn cells(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// Cells of a prompt, without its escape sequences.
fn visible_width(text: &str) -> usize {
    let (mut width, mut escaped) = (0, false);
    for c in text.chars() {
        match (escaped, c) {
            (false, '\u{1b}') => escaped = true,
            (false, '\n') => width = 0,
            (false, c) => width += cells(c),
            (true, c) if c.is_ascii_alphabetic() => escaped = false,
            (true, _) => {}
        }
    }
    width
}

impl Editor {
    /// Starts a line: shows the prompt. `columns` is the terminal's width; 0 is not known.
    pub fn begin(&mut self, prompt: &str, columns: u16) {
        prompt.clone_into(&mut self.prompt);
        self.prompt_width = visible_width(prompt);
        self.resize(columns);
        self.line.clear();
        self.cursor = 0;
        self.width = 0;
        self.row = 0;
        self.place = self.history.len();
        self.draft.clear();
        self.out.extend_from_slice(prompt.as_bytes());
    }

    pub fn resize(&mut self, columns: u16) {
        self.columns = if columns == 0 { 80 } else { usize::from(columns) };
    }

    /// The bytes for the terminal since the last call.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    pub fn key(&mut self, key: Key) -> Step {
        match key {
            Key::Character(c) => self.insert(c),
            Key::Enter => return self.finish(),
            Key::Tab => return Step::Complete(self.line.iter().take(self.cursor).collect()),
            Key::Backspace => self.erase(self.cursor.saturating_sub(1)),
            Key::Delete => self.delete(),
            Key::Left => self.go(self.cursor.saturating_sub(1)),
            Key::Right => self.go((self.cursor + 1).min(self.line.len())),
            Key::WordLeft => self.go(self.word_left()),
            Key::WordRight => self.go(self.word_right()),
            Key::Home => self.go(0),
            Key::End => self.go(self.line.len()),
            Key::Up => self.earlier(),
            Key::Down => self.later(),
            Key::Control(c) => return self.control(c),
            Key::Alt(c) => self.alt(c),
            Key::PageUp | Key::PageDown | Key::Unknown => {}
        }
        Step::More
    }

    fn control(&mut self, c: char) -> Step {
        match c {
            'a' => self.go(0),
            'e' => self.go(self.line.len()),
            'b' => self.go(self.cursor.saturating_sub(1)),
            'f' => self.go((self.cursor + 1).min(self.line.len())),
            'p' => self.earlier(),
            'n' => self.later(),
            'u' => self.kill(0, self.cursor),
            'k' => self.kill(self.cursor, self.line.len()),
            'w' => self.kill(self.space_left(), self.cursor),
            'y' => self.killed.clone().into_iter().for_each(|c| self.insert(c)),
            'l' => {
                self.out.extend_from_slice(b"\x1b[H\x1b[2J");
                self.row = 0;
                self.redraw();
            }
            'c' => {
                self.out.extend_from_slice(b"^C\r\n");
                return Step::Abandoned;
            }
            'd' if self.line.is_empty() => return Step::End,
            'd' => self.delete(),
            _ => {}
        }
        Step::More
    }

    fn alt(&mut self, c: char) {
        match c {
            'b' => self.go(self.word_left()),
            'f' => self.go(self.word_right()),
            'd' => self.kill(self.cursor, self.word_right()),
            '\u{7f}' => self.kill(self.word_left(), self.cursor),
            _ => {}
        }
    }

    fn finish(&mut self) -> Step {
        self.go(self.line.len());
        self.out.extend_from_slice(b"\r\n");
        let line: String = self.line.iter().collect();
        if !line.trim().is_empty() && self.history.last() != Some(&line) {
            self.history.push(line.clone());
            if self.history.len() > MOST_HISTORY {
                self.history.remove(0);
            }
        }
        Step::Line(line)
    }

    fn insert(&mut self, c: char) {
        if self.line.len() >= MOST_LINE {
            self.out.push(7);
            return;
        }
        let at_end = self.cursor == self.line.len();
        self.line.insert(self.cursor, c);
        self.cursor += 1;
        self.width += cells(c);
        if !at_end {
            return self.redraw();
        }
        self.out.extend_from_slice(c.to_string().as_bytes());
        let (row, column) = self.place_of(self.width);
        if column == 0 && cells(c) > 0 {
            // Leave the last column for good: terminals wrap only when more comes.
            self.out.extend_from_slice(b" \r");
        }
        self.row = row;
    }

    fn erase(&mut self, to: usize) {
        if to == self.cursor {
            return;
        }
        let simple = self.cursor == self.line.len() && self.place_of(self.width).1 > 0;
        let erased = self.line.get(to).copied().map_or(0, cells);
        self.line.remove(to);
        self.cursor = to;
        self.width -= erased;
        if simple && erased == 1 {
            self.out.extend_from_slice(b"\x08 \x08");
        } else {
            self.redraw();
        }
    }

    fn delete(&mut self) {
        if self.cursor < self.line.len() {
            let c = self.line.remove(self.cursor);
            self.width -= cells(c);
            self.redraw();
        }
    }

    fn kill(&mut self, from: usize, to: usize) {
        if from < to {
            self.killed = self.line.drain(from..to).collect();
            self.width -= self.killed.iter().copied().map(cells).sum::<usize>();
            self.cursor = from;
            self.redraw();
        }
    }

    fn space_left(&self) -> usize {
        self.left_until(char::is_whitespace)
    }

    fn word_left(&self) -> usize {
        self.left_until(|c| !c.is_alphanumeric())
    }

    /// Where the word before the cursor begins.
    fn left_until(&self, gap: fn(char) -> bool) -> usize {
        let mut at = self.cursor;
        let before = |at: usize| at.checked_sub(1).and_then(|at| self.line.get(at)).copied();
        while before(at).is_some_and(gap) {
            at -= 1;
        }
        while before(at).is_some_and(|c| !gap(c)) {
            at -= 1;
        }
        at
    }

    fn word_right(&self) -> usize {
        let rest = self.line.iter().enumerate().skip(self.cursor);
        let mut rest = rest.skip_while(|(_, c)| !c.is_alphanumeric());
        rest.find(|(_, c)| !c.is_alphanumeric())
            .map_or(self.line.len(), |(at, _)| at)
    }

    fn earlier(&mut self) {
        if self.place == 0 {
            return;
        }
        if self.place == self.history.len() {
            self.draft = self.line.clone();
        }
        self.place -= 1;
        self.show_remembered();
    }

    fn later(&mut self) {
        if self.place < self.history.len() {
            self.place += 1;
            self.show_remembered();
        }
    }

    fn show_remembered(&mut self) {
        let line = self.history.get(self.place).map(|line| line.chars().collect());
        self.line = line.unwrap_or_else(|| self.draft.clone());
        self.cursor = self.line.len();
        self.width = self.line.iter().copied().map(cells).sum();
        self.redraw();
    }

    /// Row and column of a place that many cells into the line.
    fn place_of(&self, width: usize) -> (usize, usize) {
        let at = self.prompt_width + width;
        (at / self.columns, at % self.columns)
    }

    fn cursor_place(&self) -> (usize, usize) {
        let before = self.line.iter().take(self.cursor).copied().map(cells).sum();
        self.place_of(before)
    }

    fn go(&mut self, to: usize) {
        if to == self.cursor {
            return;
        }
        let (_, from) = self.cursor_place();
        self.cursor = to;
        let (row, column) = self.cursor_place();
        if row != self.row {
            self.rows(row);
            self.at_column(column);
        } else if column < from {
            self.out.extend(std::iter::repeat_n(8, from - column));
        } else if column > from {
            self.out
                .extend_from_slice(format!("\x1b[{}C", column - from).as_bytes());
        }
    }

    fn at_column(&mut self, column: usize) {
        self.out.push(b'\r');
        if column > 0 {
            self.out.extend_from_slice(format!("\x1b[{column}C").as_bytes());
        }
    }

    fn rows(&mut self, to: usize) {
        let (count, way) = if to < self.row {
            (self.row - to, 'A')
        } else {
            (to - self.row, 'B')
        };
        if count > 0 {
            self.out.extend_from_slice(format!("\x1b[{count}{way}").as_bytes());
        }
        self.row = to;
    }

    /// Writes prompt and line anew from the prompt's row.
    fn redraw(&mut self) {
        self.rows(0);
        let text: String = self.line.iter().collect();
        self.out
            .extend_from_slice(format!("\r{}{text}", self.prompt).as_bytes());
        let (row, column) = self.place_of(self.width);
        if column == 0 && self.width > 0 {
            self.out.extend_from_slice(b" \r");
        }
        self.out.extend_from_slice(b"\x1b[J");
        self.row = row;
        let (row, column) = self.cursor_place();
        if self.cursor < self.line.len() {
            self.rows(row);
            self.at_column(column);
        }
    }

    /// Takes what the last word before the cursor may become: inserts what all agree on, else lists them.
    pub fn offer(&mut self, word: &str, candidates: &[String]) {
        let Some(first) = candidates.first() else {
            self.out.push(7);
            return;
        };
        let mut common: Vec<char> = first.chars().collect();
        for candidate in candidates {
            let same = common
                .iter()
                .zip(candidate.chars())
                .take_while(|(a, b)| **a == *b)
                .count();
            common.truncate(same);
        }
        let known = word.chars().count();
        if common.len() > known || candidates.len() == 1 {
            common.into_iter().skip(known).for_each(|c| self.insert(c));
            if candidates.len() == 1 && !first.ends_with('/') {
                self.insert(' ');
            }
            return;
        }
        let names: Vec<&str> = candidates.iter().map(|path| super::tree::base(path)).collect();
        self.out
            .extend_from_slice(format!("\r\n{}\r\n", names.join("  ")).as_bytes());
        self.row = 0;
        self.redraw();
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::Decoder;
    use super::*;
    use proptest::prelude::*;

    fn typed(editor: &mut Editor, bytes: &[u8]) -> Step {
        let mut decoder = Decoder::default();
        let mut last = Step::More;
        for byte in bytes {
            if let Some(key) = decoder.feed(*byte) {
                last = editor.key(key);
            }
        }
        last
    }

    fn check(bytes: &str, line: &str, output: &str) {
        let mut editor = Editor {
            history: vec!["first".to_owned(), "second".to_owned()],
            ..Editor::default()
        };
        editor.begin("# ", 20);
        let step = typed(&mut editor, bytes.as_bytes());
        let text = match step {
            Step::Line(line) => line,
            other => format!("{other:?}"),
        };
        assert_eq!(text, line, "{bytes:?}");
        assert_eq!(String::from_utf8_lossy(&editor.take_output()), output, "{bytes:?}");
    }

    #[test]
    fn what_is_typed_is_echoed() {
        check("ls\n", "ls", "# ls\r\n");
        check("é漢\r", "é漢", "# é漢\r\n");
        check("ab\x7fc\n", "ac", "# ab\x08 \x08c\r\n");
        check("\n", "", "# \r\n");
    }

    #[test]
    fn the_cursor_moves_and_the_line_follows() {
        check("ac\x1b[Db\n", "abc", "# ac\x08\r# abc\x1b[J\r\x1b[4C\x1b[1C\r\n");
        check(
            "abc\x01X\n",
            "Xabc",
            "# abc\x08\x08\x08\r# Xabc\x1b[J\r\x1b[3C\x1b[3C\r\n",
        );
        check("one two\x17\n", "one ", "# one two\r# one \x1b[J\r\n");
        check("one\x15two\n", "two", "# one\r# \x1b[Jtwo\r\n");
        check(
            "one\x01\x0b\x19\x19\n",
            "oneone",
            "# one\x08\x08\x08\r# \x1b[Joneone\r\n",
        );
    }

    #[test]
    fn history_goes_back_and_forth() {
        check("x\x1b[A\x1b[A\n", "first", "# x\r# second\x1b[J\r# first\x1b[J\r\n");
        check("x\x1b[A\x1b[B\n", "x", "# x\r# second\x1b[J\r# x\x1b[J\r\n");
        check(
            "\x1b[A\x1b[A\x1b[A\x1b[A\n",
            "first",
            "# \r# second\x1b[J\r# first\x1b[J\r\n",
        );
    }

    #[test]
    fn keys_end_the_line() {
        check("abc\x03", "Abandoned", "# abc^C\r\n");
        check("\x04", "End", "# ");
        check("ab\x01\x04\n", "b", "# ab\x08\x08\r# b\x1b[J\r\x1b[2C\x1b[1C\r\n");
        check("a\x0c\n", "a", "# a\x1b[H\x1b[2J\r# a\x1b[J\r\n");
    }

    #[test]
    fn a_line_wraps_at_the_terminal_s_edge() {
        let wide = "x".repeat(18);
        check(&format!("{wide}y\n"), &format!("{wide}y"), &format!("# {wide} \ry\r\n"));
        check(&format!("{wide}y\x7f\n"), &wide, &format!("# {wide} \ry\x08 \x08\r\n"));
        check(
            &format!("{wide}y\x01z\n"),
            &format!("z{wide}y"),
            &format!("# {wide} \ry\x1b[1A\r\x1b[2C\r# z{wide}y\x1b[J\x1b[1A\r\x1b[3C\x1b[1B\r\x1b[2C\r\n"),
        );
    }

    #[test]
    fn completion_inserts_what_is_certain() {
        let mut editor = Editor::default();
        editor.begin("# ", 80);
        assert_eq!(typed(&mut editor, b"cat ma\t"), Step::Complete("cat ma".to_owned()));
        editor.offer("ma", &["main.py".to_owned()]);
        assert_eq!(typed(&mut editor, b"\r"), Step::Line("cat main.py ".to_owned()));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), columns in 0_u16..30) {
            let mut editor = Editor::default();
            editor.begin("$ ", columns);
            let mut decoder = Decoder::default();
            for byte in bytes {
                match decoder.feed(byte).map(|key| editor.key(key)) {
                    Some(Step::Line(_) | Step::Abandoned | Step::End) => editor.begin("$ ", columns),
                    Some(Step::Complete(word)) => editor.offer(&word, &[format!("{word}a"), format!("{word}b/")]),
                    Some(Step::More) | None => {}
                }
                let width: usize = editor.line.iter().copied().map(cells).sum();
                prop_assert_eq!(editor.width, width);
                prop_assert!(editor.cursor <= editor.line.len());
            }
        }
    }
}
