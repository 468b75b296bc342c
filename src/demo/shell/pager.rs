//! `less`: a text on the alternate screen, moved by keys. Keys in, frames out; it reads and writes nothing itself.

use unicode_width::UnicodeWidthChar;

use super::call::Size;
use super::keys::Key;

/// Enters the alternate screen; `LEAVE` gives the old one back.
pub const ENTER: &str = "\x1b[?1049h\x1b[?1h\x1b=";
pub const LEAVE: &str = "\x1b[?1l\x1b>\x1b[?1049l";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Draw,
    Quit,
}

pub struct Pager {
    title: String,
    lines: Vec<String>,
    rows: Vec<String>,
    size: Size,
    top: usize,
    /// What is being typed behind `/`.
    typing: Option<String>,
    sought: String,
    message: String,
}

impl Pager {
    pub fn new(title: &str, content: &[u8], size: Size) -> Self {
        let text = String::from_utf8_lossy(content);
        let mut pager = Self {
            title: title.to_owned(),
            lines: text.lines().map(shown).collect(),
            rows: Vec::new(),
            size,
            top: 0,
            typing: None,
            sought: String::new(),
            message: String::new(),
        };
        pager.resize(size);
        pager
    }

    /// Lays the lines out anew for a terminal of this size; an unknown size is 80 by 24.
    pub fn resize(&mut self, size: Size) {
        self.size = if size.columns == 0 || size.rows == 0 {
            Size { columns: 80, rows: 24 }
        } else {
            size
        };
        let columns = usize::from(self.size.columns);
        self.rows = self.lines.iter().flat_map(|line| wrapped(line, columns)).collect();
        self.move_to(self.top);
    }

    fn page(&self) -> usize {
        usize::from(self.size.rows).saturating_sub(1).max(1)
    }

    fn last_top(&self) -> usize {
        self.rows.len().saturating_sub(self.page())
    }

    fn move_to(&mut self, top: usize) {
        self.top = top.min(self.last_top());
    }

    pub fn key(&mut self, key: Key) -> Next {
        self.message.clear();
        if let Some(typed) = &mut self.typing {
            match key {
                Key::Character(c) => typed.push(c),
                Key::Backspace => drop(typed.pop()),
                Key::Enter => self.seek(),
                _ => self.typing = None,
            }
            return Next::Draw;
        }
        match key {
            Key::Character('q' | 'Q') => return Next::Quit,
            Key::Character('j' | 'e') | Key::Down | Key::Enter | Key::Control('n' | 'e') => self.move_to(self.top + 1),
            Key::Character('k' | 'y') | Key::Up | Key::Control('p' | 'y') => self.move_to(self.top.saturating_sub(1)),
            Key::Character(' ' | 'f') | Key::PageDown | Key::Control('f' | 'v') => self.move_to(self.top + self.page()),
            Key::Character('b') | Key::PageUp | Key::Control('b') => self.move_to(self.top.saturating_sub(self.page())),
            Key::Character('d') | Key::Control('d') => self.move_to(self.top + self.page() / 2),
            Key::Character('u') | Key::Control('u') => self.move_to(self.top.saturating_sub(self.page() / 2)),
            Key::Character('g' | '<') | Key::Home => self.move_to(0),
            Key::Character('G' | '>') | Key::End => self.move_to(usize::MAX),
            Key::Character('/') => self.typing = Some(String::new()),
            Key::Character('n') => self.seek_from(self.top + 1),
            _ => {}
        }
        Next::Draw
    }

    fn seek(&mut self) {
        let typed = self.typing.take().unwrap_or_default();
        if !typed.is_empty() {
            self.sought = typed;
        }
        self.seek_from(self.top);
    }

    fn seek_from(&mut self, from: usize) {
        let found = self
            .rows
            .iter()
            .skip(from)
            .position(|row| !self.sought.is_empty() && row.contains(&self.sought));
        match found {
            Some(at) => self.top = from + at,
            None => "Pattern not found".clone_into(&mut self.message),
        }
    }

    /// The whole screen.
    pub fn frame(&self) -> Vec<u8> {
        let mut out = "\x1b[H".to_owned();
        let mut visible = self.rows.iter().skip(self.top);
        for _ in 0..self.page() {
            out.push_str(visible.next().map_or("~", String::as_str));
            out.push_str("\x1b[K\r\n");
        }
        let status = match &self.typing {
            Some(typed) => format!("/{typed}"),
            None if !self.message.is_empty() => format!("\x1b[7m{}\x1b[0m", self.message),
            None if self.top >= self.last_top() => "\x1b[7m(END)\x1b[0m".to_owned(),
            None if self.top == 0 => format!("\x1b[7m{}\x1b[0m", self.title),
            None => ":".to_owned(),
        };
        out.push_str(&status);
        out.push_str("\x1b[K");
        out.into_bytes()
    }
}

/// A line with its control characters made visible and its tabs made spaces.
fn shown(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut column = 0;
    for c in line.chars() {
        match c {
            '\t' => {
                let gap = 8 - column % 8;
                out.extend(std::iter::repeat_n(' ', gap));
                column += gap;
            }
            c if c.is_control() => {
                out.push('^');
                out.push(
                    char::from_u32(u32::from(c) ^ 0x40)
                        .filter(|c| !c.is_control())
                        .unwrap_or('?'),
                );
                column += 2;
            }
            c => {
                out.push(c);
                column += c.width().unwrap_or(0);
            }
        }
    }
    out
}

fn wrapped(line: &str, columns: usize) -> Vec<String> {
    let (mut rows, mut row, mut width) = (Vec::new(), String::new(), 0);
    for c in line.chars() {
        let cells = c.width().unwrap_or(0);
        if width + cells > columns && !row.is_empty() {
            rows.push(std::mem::take(&mut row));
            width = 0;
        }
        row.push(c);
        width += cells;
    }
    rows.push(row);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pager() -> Pager {
        let lines: Vec<String> = (1..=50).map(|n| format!("line {n}\n")).collect();
        let text = lines.concat();
        Pager::new("file", text.as_bytes(), Size { columns: 20, rows: 5 })
    }

    fn check(keys: &str, first: &str, status: &str) {
        let mut pager = pager();
        for c in keys.chars() {
            let key = if c == '\n' { Key::Enter } else { Key::Character(c) };
            assert_eq!(pager.key(key), Next::Draw);
        }
        let frame = String::from_utf8(pager.frame()).unwrap();
        let rows: Vec<&str> = frame
            .strip_prefix("\x1b[H")
            .unwrap()
            .split("\x1b[K")
            .map(str::trim_start)
            .collect();
        assert_eq!((rows[0], rows[4]), (first, status), "{keys:?}");
    }

    #[test]
    fn keys_move_the_text() {
        check("", "line 1", "\x1b[7mfile\x1b[0m");
        check("jjk", "line 2", ":");
        check("  ", "line 9", ":");
        check("G", "line 47", "\x1b[7m(END)\x1b[0m");
        check("Gg", "line 1", "\x1b[7mfile\x1b[0m");
        check("/line 3\n", "line 3", ":");
        check("/line 3\nn", "line 30", ":");
        check("/nope\n", "line 1", "\x1b[7mPattern not found\x1b[0m");
        assert_eq!(pager().key(Key::Character('q')), Next::Quit);
    }

    #[test]
    fn a_new_size_lays_the_text_out_anew() {
        let mut pager = Pager::new("f", "abcdef\n\tx\n\u{1b}[31m".as_bytes(), Size { columns: 3, rows: 20 });
        assert_eq!(pager.rows, ["abc", "def", "   ", "   ", "  x", "^[[", "31m"]);
        pager.resize(Size { columns: 80, rows: 2 });
        assert_eq!(pager.rows.len(), 3);
        pager.key(Key::End);
        pager.resize(Size { columns: 80, rows: 50 });
        assert_eq!(pager.top, 0);
    }
}
