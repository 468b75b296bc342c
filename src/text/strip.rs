//! Escape sequences taken out of a line, for mining and matching. Not for display: what is left may hold any byte.

use std::borrow::Cow;

use super::escape::{self, ESC};

/// The line without colours and other escape sequences, itself where it has none.
pub fn without_escapes(bytes: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memchr(ESC, bytes) else {
        return Cow::Borrowed(bytes);
    };
    let mut kept = Vec::with_capacity(bytes.len());
    let (clean, mut rest) = bytes.split_at(first);
    kept.extend_from_slice(clean);
    while !rest.is_empty() {
        let (_, behind) = rest.split_at(escape::length(rest).min(rest.len()));
        let (clean, next) = behind.split_at(memchr::memchr(ESC, behind).unwrap_or(behind.len()));
        kept.extend_from_slice(clean);
        rest = next;
    }
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(line: &str, expected: &str) {
        assert_eq!(
            String::from_utf8_lossy(&without_escapes(line.as_bytes())),
            expected,
            "{line:?}"
        );
    }

    #[test]
    fn takes_sequences_out_and_leaves_text() {
        check("plain", "plain");
        check("\x1b[2m12:00\x1b[0m \x1b[32m INFO\x1b[0m up", "12:00  INFO up");
        check("a\x1b]0;title\x07b", "ab");
        check("a\x1b]0;title without end", "a0;title without end");
        check("a\x1b", "a");
    }

    #[test]
    fn a_line_without_escapes_is_not_copied() {
        assert!(matches!(without_escapes(b"plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn many_unfinished_strings_take_linear_time() {
        let line = b"\x1b]".repeat(500_000);
        assert!(without_escapes(&line).is_empty());
    }

    proptest! {
        #[test]
        fn never_panics_and_leaves_no_escape(line in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(!without_escapes(&line).contains(&ESC));
        }
    }
}
