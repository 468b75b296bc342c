//! Where quoted strings end. Most are short: the bytes near by are looked at eight at a time, which is less than it costs
//! to call a search for long texts.

/// How many words of eight bytes are looked at before a search for long texts takes over.
const NEAR: usize = 5;

const EACH: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * EACH;
const QUOTES: u64 = u64::from_le_bytes([b'"'; 8]);
const BACKSLASHES: u64 = u64::from_le_bytes([b'\\'; 8]);

/// Where the quote is that ends the text, whose opening quote is in front of it. One behind a backslash does not.
#[inline]
pub fn end(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += quote_or_backslash(text.get(at..)?)?;
        if text.get(at) == Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

#[inline]
fn quote_or_backslash(text: &[u8]) -> Option<usize> {
    let (words, rest) = text.as_chunks::<8>();
    for (n, bytes) in words.iter().take(NEAR).enumerate() {
        let word = u64::from_le_bytes(*bytes);
        let found = zeros(word ^ QUOTES) | zeros(word ^ BACKSLASHES);
        if found != 0 {
            return Some(8 * n + (found.trailing_zeros() / 8) as usize);
        }
    }
    if words.len() < NEAR {
        let found = rest.iter().position(|b| matches!(b, b'"' | b'\\'))?;
        return Some(8 * words.len() + found);
    }
    memchr::memchr2(b'"', b'\\', text.get(8 * NEAR..)?).map(|found| 8 * NEAR + found)
}

/// The high bit of every zero byte; above the lowest one others may be set, too.
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(EACH) & !word & HIGH
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn by_the_byte(text: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(byte) = text.get(at) {
            match byte {
                b'"' => return Some(at),
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        None
    }

    #[test]
    fn a_string_ends_at_its_first_quote_without_a_backslash() {
        assert_eq!(end(br#"abc" and "more""#), Some(3));
        assert_eq!(end(br#"a \" b \\" c"#), Some(9));
        assert_eq!(end(br#"no end \""#), None);
        assert_eq!(end(b"\\"), None);
        assert_eq!(end(b""), None);
        let long = format!("{}\\\"{}\" x", "y".repeat(70), "z".repeat(70));
        assert_eq!(end(long.as_bytes()), Some(142));
    }

    proptest! {
        #[test]
        fn it_is_the_same_as_by_the_byte(text in "[a!\"#\\\\\\[\u{a2}\u{dc}]{0,90}", bytes in prop::collection::vec(any::<u8>(), 0..90)) {
            prop_assert_eq!(end(text.as_bytes()), by_the_byte(text.as_bytes()));
            prop_assert_eq!(end(&bytes), by_the_byte(&bytes));
        }
    }
}
