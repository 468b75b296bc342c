//! What can be said of the end of an answer that was cut off anywhere: in a stamp, in a character.

/// Without the beginning of a character at the end, of which the rest was cut off.
pub(super) fn whole_characters(bytes: &[u8]) -> &[u8] {
    let Some(last) = bytes.utf8_chunks().last() else {
        return bytes;
    };
    let begun = last.invalid();
    let is_cut = std::str::from_utf8(begun).is_err_and(|error| error.error_len().is_none());
    let end = bytes.len() - if is_cut { begun.len() } else { 0 };
    bytes.get(..end).unwrap_or(bytes)
}

/// Whether a line was cut in the middle of its stamp.
pub(super) fn is_begun_stamp(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|byte| byte.is_ascii_digit() || b"-:T.Z+".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_was_cut_is_left_out_whole() {
        for (bytes, whole) in [
            ("grö".as_bytes(), 4),
            (b"gr\xc3", 2),
            (b"gr\xe2\x82", 2),
            (b"a\xff", 2),
            (b"", 0),
        ] {
            assert_eq!(whole_characters(bytes).len(), whole);
        }
    }
}
