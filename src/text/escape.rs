//! Where the escape sequences in a line are: ECMA-48 control sequences and strings, looked at one line at a time.
//! Only 7-bit forms count (`ESC` and a letter); the 8-bit ones are not valid UTF-8 and mean nothing here.

pub(super) const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;

/// The parameters of the colour sequence (SGR, `ESC [ … m`) that `bytes` begin with, and its whole length in bytes.
pub(super) fn colour(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let rest = bytes.strip_prefix(&[ESC, b'['])?;
    let end = rest.iter().position(|b| !matches!(b, b'0'..=b'9' | b';' | b':'))?;
    (rest.get(end) == Some(&b'm')).then_some((rest.get(..end)?, end + 3))
}

/// How many bytes of `bytes`, which begin with `ESC`, are an escape sequence. Of one that has no end only the
/// introducer counts, so that an unfinished title cannot hide the rest of a line.
pub(super) fn length(bytes: &[u8]) -> usize {
    match bytes.get(1) {
        Some(b'[') => control_sequence(bytes),
        Some(b']' | b'P' | b'X' | b'^' | b'_') => control_string(bytes),
        Some(0x20..=0x2f) => with_intermediates(bytes),
        Some(0x30..=0x7e) => 2,
        Some(_) | None => 1,
    }
}

/// `ESC [`, parameters and intermediates, one final byte.
fn control_sequence(bytes: &[u8]) -> usize {
    let inner = bytes.iter().skip(2);
    let inside = inner.take_while(|b| matches!(b, 0x20..=0x3f)).count();
    match bytes.get(2 + inside) {
        Some(0x40..=0x7e) => inside + 3,
        Some(_) | None => 2,
    }
}

/// `ESC ]` (title, link, clipboard, …) and its like up to `BEL` or `ESC \`; any other `ESC` breaks it off.
fn control_string(bytes: &[u8]) -> usize {
    let Some(inside) = bytes.get(2..).and_then(|rest| memchr::memchr2(BEL, ESC, rest)) else {
        return 2;
    };
    let end = 2 + inside;
    match (bytes.get(end), bytes.get(end + 1)) {
        (Some(&BEL), _) => end + 1,
        (Some(&ESC), Some(b'\\')) => end + 2,
        _ => 2,
    }
}

/// `ESC`, intermediates, one final byte: character sets (`ESC ( 0`) and the like.
fn with_intermediates(bytes: &[u8]) -> usize {
    let inside = bytes.iter().skip(1).take_while(|b| matches!(b, 0x20..=0x2f)).count();
    match bytes.get(1 + inside) {
        Some(0x30..=0x7e) => inside + 2,
        Some(_) | None => 1,
    }
}

/// How many bytes at the front of `bytes` are colour sequences.
pub(super) fn colours(bytes: &[u8]) -> usize {
    let mut skipped = 0;
    while let Some((_, length)) = bytes.get(skipped..).and_then(colour) {
        skipped += length;
    }
    skipped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &str, expected: usize) {
        assert_eq!(length(bytes.as_bytes()), expected, "{bytes:?}");
    }

    #[test]
    fn sequences_end_where_the_standard_says() {
        check("\x1b", 1);
        check("\x1b[31mred", 5);
        check("\x1b[?1049hx", 8);
        check("\x1b]0;title\x07rest", 10);
        check("\x1b]8;;http://x\x1b\\link", 15);
        check("\x1bPq#0\x1b\\x", 7);
        check("\x1b(0x", 3);
        check("\x1bcx", 2);
        check("\x1b\x1b[0m", 1);
    }

    #[test]
    fn one_without_an_end_is_its_introducer_alone() {
        check("\x1b]0;title and the rest", 2);
        check("\x1b]0;a\x1b[31mb", 2);
        check("\x1b[12", 2);
        check("\x1b[é", 2);
    }

    #[test]
    fn colours_have_digits_alone() {
        assert_eq!(colour(b"\x1b[1;31mx"), Some((&b"1;31"[..], 7)));
        assert_eq!(colour(b"\x1b[mx"), Some((&b""[..], 3)));
        assert_eq!(colour(b"\x1b[>4mx"), None);
        assert_eq!(colour(b"\x1b[31"), None);
        assert_eq!(colours(b"\x1b[0m\x1b[1mx\x1b[0m"), 8);
    }
}
