//! What single bytes of log text can be: tables, and what follows from a few bytes side by side.

/// What a byte can be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Blank,
    Mark,
    Digit,
    Upper,
    Lower,
    Dot,
    Slash,
    /// Any other byte that may stand in a word.
    Joint,
}

pub(super) const CLASSES: [Class; 256] = classes();

pub(super) const fn classes() -> [Class; 256] {
    let mut table = [Class::Joint; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let b = byte as u8;
        table[byte] = match b {
            0..=b' ' | 0x7f => Class::Blank,
            b'=' | b':' | b',' | b';' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b'"' | b'\'' | b'`'
            | b'|' => Class::Mark,
            b'0'..=b'9' => Class::Digit,
            b'A'..=b'Z' => Class::Upper,
            b'a'..=b'z' | b'_' | 0x80.. => Class::Lower,
            b'.' => Class::Dot,
            b'/' | b'\\' => Class::Slash,
            _ => Class::Joint,
        };
        byte += 1;
    }
    table
}

pub(super) const fn class(byte: u8) -> Class {
    CLASSES[byte as usize]
}

/// For each byte what it adds to a sum of four counts: digits, other letters, slashes, dots; or that it needs a look.
pub(super) const LANES: [u64; 256] = lanes();

/// A byte that ends a word or counts only in some places.
pub(super) const LOOK: u64 = 1 << 63;

pub(super) const fn lanes() -> [u64; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let b = byte as u8;
        table[byte] = match class(b) {
            Class::Blank | Class::Mark => LOOK,
            Class::Digit => 1,
            Class::Upper => 1 << 16,
            Class::Lower => {
                if b.is_ascii_hexdigit() {
                    0
                } else {
                    1 << 16
                }
            }
            Class::Slash if b == b'\\' => LOOK,
            Class::Slash => 1 << 32,
            Class::Dot => 1 << 48,
            Class::Joint if b == b'@' || b == b'?' => LOOK,
            Class::Joint => 0,
        };
        byte += 1;
    }
    table
}

/// The length of groups of up to four hexadecimal digits between at least three colons, or two of them side by side.
pub(super) fn colon_hex_len(text: &[u8]) -> Option<usize> {
    let (mut colons, mut group, mut is_short, mut len) = (0, 0, false, 0);
    for byte in text.iter().take(48) {
        match byte {
            b':' => {
                is_short |= len > 0 && text.get(len - 1) == Some(&b':');
                colons += 1;
                group = 0;
            }
            b if b.is_ascii_hexdigit() => group += 1,
            _ => break,
        }
        if group > 4 {
            return None;
        }
        len += 1;
    }
    let ends = text.get(len).is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'_');
    // A full stop of the log, as in `state::`, is no end of an address.
    let is_address = is_short || (colons >= 3 && text.get(len - 1) != Some(&b':'));
    let has_digit = text.get(..len).is_some_and(|text| text.iter().any(u8::is_ascii_digit));
    (ends && is_address && (has_digit || colons >= 5)).then_some(len)
}

/// Without the full stop of a sentence.
pub(super) fn without_full_stop(word: &[u8]) -> &[u8] {
    word.strip_suffix(b".").unwrap_or(word)
}

pub(super) const fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

pub(super) const fn closing_of(open: u8) -> u8 {
    match open {
        b'{' => b'}',
        b'[' => b']',
        _ => b')',
    }
}

pub(super) const fn opening_of(close: u8) -> Option<u8> {
    match close {
        b'}' => Some(b'{'),
        b']' => Some(b'['),
        b')' => Some(b'('),
        b'>' => Some(b'<'),
        _ => None,
    }
}
