//! Identifiers out of a text: `cart-7d9f8b6c5-x2x4q` and `f4e3a05e-3189-ef1f-c99b-730154ee69f3` vary whatever letters and
//! digits they have, so records that differ in them alone need not be scanned to be known as one pattern.
//!
//! What is masked must make no difference to the scanner. Of a word with digits it looks at no more than whether its
//! first and its last byte are digits and whether it has letters, if the word is longer than a code or a group of an
//! address, has no capitals (exceptions have), is no key, and does not stand behind the number of a status.

use super::classes::{Class, class};

/// What stands for a letter or digit that makes no difference. A text that has it by itself is left alone.
const ANY: u8 = 0x7f;

/// Longer than a group of an address, and than the code of an outcome with a full stop.
const SHORTEST: usize = 5;

/// Bytes of a text that is looked at: the scanner sees all of it.
pub(super) const MOST_BYTES: usize = 4096;

const LETTER: u8 = 1;
const DIGIT: u8 = 2;
const JOINT: u8 = 4;

/// What a byte is in an identifier; zero if it is in none.
static PARTS: [u8; 256] = {
    let mut parts = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        parts[byte as usize] = match byte {
            b'a'..=b'z' => LETTER,
            b'0'..=b'9' => DIGIT,
            b'-' | b'.' | b'/' | b'_' => JOINT,
            _ => 0,
        };
        byte += 1;
    }
    parts
};

/// Adds the text to `masked`, with its identifiers masked; whether there were any.
pub(super) fn mask(text: &[u8], masked: &mut Vec<u8>) -> bool {
    if text.len() > MOST_BYTES || memchr::memchr(ANY, text).is_some() {
        return false;
    }
    let before = masked.len();
    masked.extend_from_slice(text);
    let copy = masked.get_mut(before..).unwrap_or_default();
    let mut found = false;
    let mut at = 0;
    while let Some(first) = text.get(at) {
        if PARTS[usize::from(*first)] == 0 {
            at += 1;
            continue;
        }
        let start = at;
        let mut parts = 0;
        while let Some(byte) = text.get(at) {
            let part = PARTS[usize::from(*byte)];
            if part == 0 {
                break;
            }
            parts |= part;
            at += 1;
        }
        if parts & (LETTER | DIGIT) == LETTER | DIGIT
            && let Some(from) = maskable(text, start, at)
        {
            mask_one(copy.get_mut(from..at).unwrap_or_default());
            found = true;
        }
    }
    found
}

/// Where the word begins to be any identifier, if what stands around it lets it be one.
fn maskable(text: &[u8], start: usize, end: usize) -> Option<usize> {
    let (before, word) = text.split_at(start);
    let ends = match word.get(end - start) {
        None => true,
        Some(b':' | b'\'' | b'=') => false,
        Some(byte) => matches!(class(*byte), Class::Blank | Class::Mark),
    };
    if end - start < SHORTEST || !ends || is_status(before) {
        return None;
    }
    match before.last() {
        None => Some(start),
        Some(b'\'') => None,
        // What is behind a colon may be a group of an address, but not behind a slash: `:443/api/x1`.
        Some(b':') => {
            let word = text.get(start..end)?;
            let slash = memchr::memchr(b'/', word)?;
            let is_rest = word.len() - slash > SHORTEST && word.get(slash..)?.iter().any(u8::is_ascii_digit);
            is_rest.then_some(start + slash)
        }
        Some(byte) => matches!(class(*byte), Class::Blank | Class::Mark).then_some(start),
    }
}

/// `200 `: words of a status may follow.
fn is_status(before: &[u8]) -> bool {
    matches!(before, [.., a, b, c, b' '] if a.is_ascii_digit() && b.is_ascii_digit() && c.is_ascii_digit())
}

fn mask_one(word: &mut [u8]) {
    let last = word.len() - 1;
    for (at, byte) in word.iter_mut().enumerate() {
        match PARTS[usize::from(*byte)] {
            DIGIT if at == 0 || at == last => *byte = b'0',
            JOINT => {}
            _ => *byte = ANY,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::scan::scan;
    use super::*;

    fn masked(text: &str) -> Option<String> {
        let mut out = Vec::new();
        mask(text.as_bytes(), &mut out).then(|| String::from_utf8(out).unwrap().replace('\x7f', "*"))
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(masked(text).as_deref().unwrap_or(text), expected);
    }

    #[test]
    fn identifiers_are_masked() {
        check("pod cart-7d9f8b6c5-x2x4q is up", "pod ****-*********-***** is up");
        check("order 0f4e-3189 placed", "order 0***-***0 placed");
        check("dial h1:443/api/x17/y", "dial h1:443/***/***/*");
        check("Get \"/api/x1/y\"", "Get \"/***/**/*\"");
    }

    #[test]
    fn what_may_count_is_left_alone() {
        for text in [
            "code 12345",
            "plain words",
            "a1b2",
            "Abc123",
            "key12=3",
            "fe80a:12ab3",
            "status 200 ok123",
            "it's12 o'clock5",
            "a+b12345",
            "h:80ab/x",
            "abc123\x7f",
        ] {
            assert_eq!(masked(text), None, "{text}");
        }
    }

    /// Other letters and digits in place of what is masked.
    fn redrawn(text: &[u8], masked: &[u8], mut draw: u64) -> Vec<u8> {
        let mut next = || {
            draw = draw
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(draw >> 40).unwrap()
        };
        let any = b"abcdefghijklmnopqrstuvwxyz0123456789";
        text.iter()
            .zip(masked)
            .map(|(byte, mask)| match mask {
                &ANY => any[next() % any.len()],
                b'0' if *byte != b'0' => b'0' + u8::try_from(next() % 10).unwrap(),
                _ => *byte,
            })
            .collect()
    }

    proptest! {
        /// The same mask, the same parts.
        #[test]
        fn what_is_masked_makes_no_difference_to_the_scanner(
            pieces in prop::collection::vec(
                prop_oneof![
                    4 => "[a-z0-9]{1,6}(-[a-z0-9]{1,6}){0,3}",
                    2 => "[a-z0-9./_-]{1,12}",
                    2 => "[a-zA-Z0-9.,;:=|'\"(){}\\[\\]<>/@?_ -]{1,5}",
                    1 => prop::sample::select(vec![
                        "exit code", "errno", "status", "200", "404", "http", "changed from", "to", "->", "=>", "GET", "in",
                        "Jan", "user", "error", "err=", "3", "files", "(s)", "\"Big Room", "SELECT", "://", "1:2:3:", "::", "<",
                    ]).prop_map(str::to_owned),
                ],
                1..9,
            ),
            gaps in prop::collection::vec(prop::sample::select(vec![" ", " ", " ", "", ": ", ", ", ",", "=", "\"", " \""]), 9),
            draw in any::<u64>(),
        ) {
            let text: String = pieces.iter().zip(&gaps).flat_map(|(piece, gap)| [piece.as_str(), *gap]).collect();
            let mut mask_of = Vec::new();
            if mask(text.as_bytes(), &mut mask_of) {
                let other = redrawn(text.as_bytes(), &mask_of, draw);
                let mut other_mask = Vec::new();
                if mask(&other, &mut other_mask) && other_mask == mask_of {
                    let (mut items, mut other_items) = (Vec::new(), Vec::new());
                    let steady = scan(text.as_bytes(), &mut items);
                    let other_steady = scan(&other, &mut other_items);
                    prop_assert_eq!(steady, other_steady);
                    prop_assert_eq!(&items, &other_items, "{} {}", text, String::from_utf8_lossy(&other));
                }
            }
        }
    }
}
