//! The stamp that the kubelet puts in front of every line when it is asked for `timestamps=true`, as found in saved
//! files. Not the stamps that programs write themselves.

use super::cursor::Cursor;
use super::stamp;
use crate::model::Time;

/// How many lines of a file tell whether the kubelet stamped it.
const PROBED_LINES: usize = 64;
/// Programs write milliseconds or microseconds; the kubelet writes nanoseconds.
const MOST_DIGITS_OF_PROGRAMS: usize = 6;

/// The time in front of a line and where its text begins: RFC 3339 with `Z` or an offset and any number of fraction
/// digits (nine count), then one blank or the end of the line.
pub fn stamp(line: &[u8]) -> Option<(Time, usize)> {
    (line.get(10) == Some(&b'T')).then_some(())?;
    let mut cursor = Cursor::new(line, 0);
    let time = stamp::stamp(&mut cursor)?.time?;
    let text = line.get(..cursor.at())?;
    has_offset(text).then_some(())?;
    match cursor.peek() {
        None => Some((time, line.len())),
        Some(b' ') => Some((time, cursor.at() + 1)),
        Some(_) => None,
    }
}

/// `…Z` or `…+01:00`, with nothing between it and the seconds.
fn has_offset(stamp: &[u8]) -> bool {
    let signed = stamp.len().checked_sub(6).and_then(|at| stamp.get(at));
    let ends_well = stamp.last() == Some(&b'Z') || matches!(signed, Some(b'+' | b'-'));
    ends_well && stamp.iter().all(|b| !matches!(b, b' ' | b','))
}

/// Whether the kubelet stamped a file: its first lines (at most 64 that are not empty) all have a stamp, and at least
/// one of them more digits than programs write.
pub fn is_stamped(lines: &mut dyn Iterator<Item = &[u8]>) -> bool {
    let mut fine = false;
    for line in lines.filter(|line| !line.trim_ascii().is_empty()).take(PROBED_LINES) {
        if stamp(line).is_none() {
            return false;
        }
        fine |= fraction_digits(line) > MOST_DIGITS_OF_PROGRAMS;
    }
    fine
}

/// Digits behind the point of a stamp.
fn fraction_digits(line: &[u8]) -> usize {
    let fraction = line.get(b"2026-03-04T08:00:00.".len()..).unwrap_or_default();
    fraction.iter().take_while(|b| b.is_ascii_digit()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<(i64, &str)>) {
        let found = stamp(line.as_bytes()).map(|(time, at)| (time.0, line.split_at(at).1));
        assert_eq!(found, expected, "{line:?}");
    }

    #[test]
    fn stamps_of_any_precision_and_zone() {
        let second = 1_772_611_252_000_000_000;
        check("2026-03-04T08:00:52Z up", Some((second, "up")));
        check(
            "2026-03-04T08:00:52.861903771Z  up",
            Some((second + 861_903_771, " up")),
        );
        check("2026-03-04T09:00:52.5+01:00 ", Some((second + 500_000_000, "")));
        check("2026-03-04T03:00:52-05:00", Some((second, "")));
        check("2026-03-04T08:00:52.0000000001Z é", Some((second, "é")));
    }

    #[test]
    fn stamps_of_programs_are_not_the_kubelets() {
        for line in [
            "",
            "up",
            "2026-03-04 08:00:52.861903771Z up",
            "2026-03-04T08:00:52.861903771 up",
            "2026-03-04T08:00:52,861903771Z up",
            "2026-03-04T08:00:52.861903771 UTC up",
            "2026-03-04T08:00:52.861903771Zup",
            "2026-03-04T08:00:52.861903771Z\tup",
            "2026-13-04T08:00:52Z up",
        ] {
            check(line, None);
        }
    }

    fn check_file(text: &str, expected: bool) {
        assert_eq!(is_stamped(&mut text.lines().map(str::as_bytes)), expected, "{text}");
    }

    #[test]
    fn a_file_is_stamped_if_all_its_lines_are() {
        let nanos = "2026-03-04T08:00:52.861903771Z up";
        let micros = "2026-03-04T08:00:52.861903Z up";
        let whole = "2026-03-04T08:00:52Z up";
        check_file("", false);
        check_file("\n \n", false);
        check_file(nanos, true);
        check_file(&format!("\n{whole}\n\n{micros}\n{nanos}\n"), true);
        check_file(&format!("{micros}\n{micros}"), false);
        check_file(&format!("{nanos}\nup"), false);
        check_file(&format!("{}up", format!("{nanos}\n").repeat(PROBED_LINES)), true);
    }
}
