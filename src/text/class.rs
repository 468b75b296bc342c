//! Sets of bytes as tables: one look for each byte, however the set is made.

/// A set of bytes.
pub(super) struct Class(pub(super) [bool; 256]);

/// Letters and digits of ASCII.
const WORD: Class = Class::of(b"")
    .and_range(b'0', b'9')
    .and_range(b'a', b'z')
    .and_range(b'A', b'Z');

impl Class {
    /// Letters and digits of ASCII, and the signs.
    pub(super) const fn word_and(signs: &[u8]) -> Self {
        WORD.and(signs)
    }

    pub(super) const fn of(bytes: &[u8]) -> Self {
        Self([false; 256]).and(bytes)
    }

    pub(super) const fn and(mut self, signs: &[u8]) -> Self {
        let mut at = 0;
        while at < signs.len() {
            self.0[signs[at] as usize] = true;
            at += 1;
        }
        self
    }

    pub(super) const fn and_range(mut self, first: u8, last: u8) -> Self {
        let mut at = first as usize;
        while at <= last as usize {
            self.0[at] = true;
            at += 1;
        }
        self
    }

    /// All bytes from `first` on but these.
    pub(super) const fn from_but(first: u8, others: &[u8]) -> Self {
        let mut class = Self::of(b"").and_range(first, 255);
        let mut at = 0;
        while at < others.len() {
            class.0[others[at] as usize] = false;
            at += 1;
        }
        class
    }

    #[inline]
    pub(super) fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte)]
    }

    /// How many bytes at the front of the text are in the set.
    #[inline]
    pub(super) fn run(&self, text: &[u8]) -> usize {
        text.iter().position(|b| !self.has(*b)).unwrap_or(text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_have_what_they_are_made_of() {
        static NAME: Class = Class::word_and(b"._");
        static TOKEN: Class = Class::from_but(b' ' + 1, b"|");
        for byte in 0..=u8::MAX {
            let in_name = byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_');
            assert_eq!(NAME.has(byte), in_name, "{byte}");
            assert_eq!(TOKEN.has(byte), byte > b' ' && byte != b'|', "{byte}");
        }
        assert_eq!(NAME.run(b"a.b-c"), 3);
        assert_eq!(NAME.run(b"a.b_c"), 5);
    }
}
