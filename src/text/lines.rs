//! The lines of a record: mostly one, which costs no allocation.

use std::ops::Deref;

use bytes::{Bytes, BytesMut};

/// At least one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lines {
    One(Bytes),
    Many(Vec<Bytes>),
}

impl Lines {
    pub(super) fn push(&mut self, line: Bytes) {
        match self {
            Self::One(first) => *self = Self::Many(vec![std::mem::take(first), line]),
            Self::Many(lines) => lines.push(line),
        }
    }

    /// Takes off the lines from `at` on; the first line stays in any case.
    pub(super) fn split_off(&mut self, at: usize) -> Option<Vec<Bytes>> {
        match self {
            Self::Many(lines) if (1..=lines.len()).contains(&at) => Some(lines.split_off(at)),
            Self::One(_) | Self::Many(_) => None,
        }
    }

    /// All lines as one text.
    pub fn into_text(self) -> Bytes {
        let lines = match self {
            Self::One(line) => return line,
            Self::Many(lines) => lines,
        };
        let mut text = BytesMut::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
        for (at, line) in lines.iter().enumerate() {
            if at > 0 {
                text.extend_from_slice(b"\n");
            }
            text.extend_from_slice(line);
        }
        text.freeze()
    }
}

impl Deref for Lines {
    type Target = [Bytes];

    fn deref(&self) -> &[Bytes] {
        match self {
            Self::One(line) => std::slice::from_ref(line),
            Self::Many(lines) => lines,
        }
    }
}

impl<'a> IntoIterator for &'a Lines {
    type Item = &'a Bytes;
    type IntoIter = std::slice::Iter<'a, Bytes>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_becomes_many_and_one_text() {
        let mut lines = Lines::One(Bytes::from_static(b"a"));
        assert_eq!(lines.clone().into_text(), "a");
        lines.push(Bytes::from_static(b"b"));
        lines.push(Bytes::from_static(b""));
        assert_eq!(
            (lines.len(), lines.clone().into_text()),
            (3, Bytes::from_static(b"a\nb\n"))
        );
        assert_eq!(lines.split_off(0), None);
        assert_eq!(lines.split_off(2), Some(vec![Bytes::new()]));
        assert_eq!(lines.into_text(), "a\nb");
    }
}
