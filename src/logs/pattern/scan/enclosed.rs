//! What brackets, braces and quotation marks enclose: values, lists, places in a structure.

use super::super::classes::{is_quote, opening_of};
use super::{Item, Kind, Scanner};

impl Scanner<'_> {
    pub(super) fn mark(&mut self, mark: u8) {
        if is_quote(mark) {
            return self.quotation(mark);
        }
        let at = self.at;
        self.at += 1;
        if let Some(open) = opening_of(mark) {
            return self.close(open, mark, at);
        }
        if mark == b'{' && self.words > 0 {
            self.at = at;
            if let Some(end) = self.data_end() {
                self.at = end;
                return self.variable(at, end);
            }
            self.at = at + 1;
        }
        self.push(Kind::Mark(mark), at, at + 1);
    }

    /// The end of the braces that open here, if what they hold looks like members: `{a: 1}`, `{"a"=>[2]}`.
    fn data_end(&self) -> Option<usize> {
        let (mut depth, mut members) = (0_usize, false);
        for (n, byte) in self.text.get(self.at..)?.iter().enumerate() {
            match byte {
                b'{' => depth += 1,
                b'}' => depth -= 1,
                b':' | b'=' => members = true,
                _ => {}
            }
            if depth == 0 {
                return members.then_some(self.at + n + 1);
            }
        }
        None
    }

    /// A quoted word varies; a quoted sentence is scanned like any other text.
    fn quotation(&mut self, quote: u8) {
        let at = self.at;
        if self.quote == Some(quote) {
            self.quote = None;
            self.at += 1;
            return self.push(Kind::Mark(quote), at, at + 1);
        }
        match self.closing_quote(quote) {
            Some(end) if self.is_title(at + 1, end) || self.is_request_of_field(at + 1, end) => {
                self.at = end + 1;
                self.variable(at, end + 1);
            }
            Some(end) if !self.text.get(at..end).unwrap_or_default().contains(&b' ') => {
                self.at = end + 1;
                self.variable(at, end + 1);
            }
            Some(_) => {
                self.quote = Some(quote);
                self.at += 1;
                self.push(Kind::Mark(quote), at, at + 1);
            }
            None => {
                self.at += 1;
                self.push(Kind::Mark(quote), at, at + 1);
            }
        }
    }

    /// A bracket around nothing or around a variable varies as a whole.
    fn close(&mut self, open: u8, mark: u8, at: usize) {
        let opened = |item: &Item| item.kind == Kind::Mark(open);
        let n = self.items.len();
        if self.items.last().is_some_and(opened) {
            let start = self.items.pop().map_or(at, |item| item.start);
            return self.variable(start, at + 1);
        }
        if n >= 2 && self.items[n - 1].kind == Kind::Variable && opened(&self.items[n - 2]) {
            self.items.pop();
            let start = self.items.pop().map_or(at, |item| item.start);
            return self.variable(start, at + 1);
        }
        if self.is_index(open) {
            self.items.pop();
            self.words = self.words.saturating_sub(1);
            let start = self.items.pop().map_or(at, |item| item.start);
            return self.variable(start, at + 1);
        }
        if let Some(start) = self.opened_list(open) {
            let begin = self.items.get(start).map_or(at, |item| item.start);
            let words = self.items.drain(start..).filter(|item| item.kind == Kind::Word).count();
            self.words = self.words.saturating_sub(words);
            return self.variable(begin, at + 1);
        }
        self.push(Kind::Mark(mark), at, at + 1);
    }

    /// `[name][0]`, `[[name]`: brackets side by side behind some words are places in a structure.
    fn is_index(&self, open: u8) -> bool {
        let [rest @ .., first, inner] = self.items.as_slice() else {
            return false;
        };
        let is_beside = self.peek(0) == Some(open)
            || rest.last().is_some_and(|item| {
                item.end == first.start && (item.kind == Kind::Mark(open) || item.kind == Kind::Variable)
            });
        open == b'[' && first.kind == Kind::Mark(open) && inner.kind == Kind::Word && self.words > 1 && is_beside
    }

    /// Where the bracket opened, if all in it is words between commas: lists have any length and any members.
    fn opened_list(&self, open: u8) -> Option<usize> {
        let start = self.items.iter().rposition(|item| item.kind == Kind::Mark(open))?;
        let inner = self.items.get(start + 1..)?;
        let is_comma = |item: &Item| item.kind == Kind::Mark(b',');
        let alternates = inner.iter().enumerate().all(|(n, item)| match item.kind {
            Kind::Word | Kind::Variable => n % 2 == 0,
            Kind::Mark(b',') => n % 2 == 1,
            Kind::Mark(_) | Kind::Code | Kind::Status(_) => false,
        });
        (inner.len() % 2 == 1 && alternates && inner.iter().any(is_comma)).then_some(start)
    }
}
