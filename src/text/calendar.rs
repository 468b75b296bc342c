//! The names of months and days of the week in time stamps.

use super::cursor::Cursor;

/// The number of the month whose short English name is at the cursor, which moves behind it.
pub(super) fn month(cursor: &mut Cursor<'_>) -> Option<u32> {
    let &[first, second, third] = cursor.rest().first_chunk()?;
    let month = match (first, second, third) {
        (b'J', b'a', b'n') => 1,
        (b'F', b'e', b'b') => 2,
        (b'M', b'a', b'r') => 3,
        (b'A', b'p', b'r') => 4,
        (b'M', b'a', b'y') => 5,
        (b'J', b'u', b'n') => 6,
        (b'J', b'u', b'l') => 7,
        (b'A', b'u', b'g') => 8,
        (b'S', b'e', b'p') => 9,
        (b'O', b'c', b't') => 10,
        (b'N', b'o', b'v') => 11,
        (b'D', b'e', b'c') => 12,
        _ => return None,
    };
    cursor.skip(3);
    Some(month)
}

/// Past the short English name of a day of the week.
pub(super) fn weekday(cursor: &mut Cursor<'_>) -> bool {
    let here = match cursor.rest().first_chunk() {
        Some(&[first, second, third]) => matches!(
            (first, second, third),
            (b'M', b'o', b'n')
                | (b'T', b'u', b'e')
                | (b'W', b'e', b'd')
                | (b'T', b'h', b'u')
                | (b'F', b'r', b'i')
                | (b'S', b'a', b't')
                | (b'S', b'u', b'n')
        ),
        None => false,
    };
    if here {
        cursor.skip(3);
    }
    here
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_by_their_case() {
        let read = |text: &str| month(&mut Cursor::new(text.as_bytes(), 0));
        assert_eq!(
            [read("Jan 1"), read("Dec"), read("dec"), read("De")],
            [Some(1), Some(12), None, None]
        );
        let mut cursor = Cursor::new(b"Sun Dec", 0);
        assert!(weekday(&mut cursor) && cursor.at() == 3 && !weekday(&mut cursor));
    }
}
