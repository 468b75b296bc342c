//! A place in a line, and the small steps that the readers of headers are made of. All steps are total: behind the end
//! of the line there is nothing.

use super::class::Class;
use super::escape;

/// A place in a line.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(line: &'a [u8], at: usize) -> Self {
        Self { line, at }
    }

    /// Bytes from the start of the line.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    pub(super) const fn line(&self) -> &'a [u8] {
        self.line
    }

    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.line.get(self.at..).unwrap_or_default()
    }

    /// What lies between here and a later place.
    #[inline]
    pub(super) fn until(&self, end: &Self) -> &'a [u8] {
        self.line.get(self.at..end.at).unwrap_or_default()
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    #[inline]
    pub(super) fn peek_at(&self, ahead: usize) -> Option<u8> {
        self.line.get(self.at + ahead).copied()
    }

    #[inline]
    pub(super) fn starts_with(&self, text: &[u8]) -> bool {
        self.rest().starts_with(text)
    }

    #[inline]
    pub(super) fn skip(&mut self, bytes: usize) {
        self.at = self.line.len().min(self.at.saturating_add(bytes));
    }

    #[inline]
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        if here {
            self.at += 1;
        }
        here
    }

    #[inline]
    pub(super) fn eat_text(&mut self, text: &[u8]) -> bool {
        let here = self.starts_with(text);
        if here {
            self.at += text.len();
        }
        here
    }

    #[inline]
    pub(super) fn skip_while(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|b| !belongs(*b)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// Past the bytes of a set.
    #[inline]
    pub(super) fn skip_class(&mut self, class: &Class) -> &'a [u8] {
        let rest = self.rest();
        let length = class.run(rest);
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    #[inline]
    pub(super) fn skip_colours(&mut self) {
        if self.peek() == Some(escape::ESC) {
            self.at += escape::colours(self.rest());
        }
    }

    /// Past blanks, tabs and colours.
    #[inline]
    pub(super) fn skip_blanks(&mut self) {
        // Mostly there is one blank.
        if self.peek() == Some(b' ') {
            self.at += 1;
        }
        if self.peek().is_some_and(|byte| byte <= b' ') {
            self.skip_blanks_here();
        }
    }

    fn skip_blanks_here(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                // Columns are padded with many.
                b' ' | b'\t' => {
                    self.skip_while(|b| matches!(b, b' ' | b'\t'));
                }
                escape::ESC if escape::colours(self.rest()) > 0 => self.skip_colours(),
                _ => break,
            }
        }
    }

    /// Exactly `count` decimal digits; the place stays where it is if there are fewer.
    #[inline]
    pub(super) fn digits(&mut self, count: usize) -> Option<u32> {
        let digits = self.rest().get(..count)?;
        let mut value = 0;
        for digit in digits {
            value = value * 10 + u32::from(decimal(*digit)?);
        }
        self.at += count;
        Some(value)
    }

    /// One or two digits, the first of which may be a blank.
    #[inline]
    pub(super) fn day(&mut self) -> Option<u32> {
        self.eat(b' ');
        self.digits(2).or_else(|| self.digits(1))
    }
}

fn decimal(digit: u8) -> Option<u8> {
    digit.is_ascii_digit().then(|| digit - b'0')
}
