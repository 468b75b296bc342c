//! The time stamps that programs write at the front of their lines. Read by hand: this runs for every line.
//!
//! A stamp without a year or a date is a stamp but no time. One without a zone is taken as UTC, which is what containers
//! run on. What counts is the shape: clocks break, and a date that no calendar has is a stamp all the same, without a
//! time.

use super::calendar::{month, weekday};
use super::cursor::Cursor;
use crate::model::Time;

/// A stamp that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Nothing when the stamp leaves out the year or the date, or when no calendar has it.
    pub(super) time: Option<Time>,
    /// Whether it says which year it means.
    pub(super) has_year: bool,
    /// Whether it has fractions of a second, as stamps of logging libraries do and hand-made ones do not.
    pub(super) fine: bool,
}

impl Stamp {
    /// A stamp without a year.
    const fn of_clock(clock: Clock) -> Self {
        Self {
            time: None,
            has_year: false,
            fine: clock.fine,
        }
    }
}

/// A day of a calendar, or numbers that look like one.
#[derive(Clone, Copy)]
struct Date {
    year: u32,
    month: u32,
    day: u32,
}

/// A time of the day, in numbers of two digits; `nanos` below one second.
#[derive(Clone, Copy)]
struct Clock {
    hour: u32,
    minute: u32,
    second: u32,
    nanos: u32,
    fine: bool,
}

/// What a zone behind a stamp says.
enum Zone {
    /// Seconds east of UTC.
    Offset(i64),
    /// A name whose offset depends on the season.
    Named,
}

/// A stamp at the cursor, which moves behind it. Without one the cursor stays.
pub(super) fn stamp(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let mut there = *cursor;
    let stamp = match there.peek()? {
        b'0'..=b'9' => numeric(&mut there)?,
        b'A'..=b'Z' => with_names(&mut there)?,
        _ => return None,
    };
    *cursor = there;
    Some(stamp)
}

/// Reads one form of stamp.
type Reader = fn(&mut Cursor<'_>) -> Option<Stamp>;

fn numeric(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let digits = cursor.rest().iter().take_while(|b| b.is_ascii_digit()).count();
    if digits == 4
        && let Some(stamp) = common(cursor)
    {
        return Some(stamp);
    }
    let readers: &[Reader] = match (digits, cursor.peek_at(digits).unwrap_or(b'\n')) {
        (4, b'-' | b'/' | b'.') => &[full_date],
        (1, b':') => &[short_clock, time_of_day],
        (2, b':') => &[time_of_day],
        (1, b' ' | b'/' | b'-') | (2, b' ') => &[named_month],
        (2, b'/' | b'-') => &[named_month, short_date],
        (2, b'.') => &[short_date],
        (6, b' ') => &[packed_short, packed_short_date],
        (8, b' ' | b'-' | b'T' | b'.') => &[packed],
        (10 | 13, _) => &[since_epoch],
        _ => return None,
    };
    readers.iter().find_map(|read| {
        let mut there = *cursor;
        let stamp = read(&mut there)?;
        *cursor = there;
        Some(stamp)
    })
}

/// The shape that most stamps have, read at once: `2026-03-04T08:00:52`, with a blank or with slashes, too.
fn common(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let rest = cursor.rest();
    let (front, behind) = rest.split_first_chunk()?;
    let (back, behind) = behind.split_first_chunk()?;
    let [c2, e1, e2, ..] = *behind else { return None };
    let [_, _, _, _, s1, _, _, s2] = *front;
    let [_, _, t, _, _, c1, _, _] = *back;
    let shaped = s1 == s2 && matches!(s1, b'-' | b'/' | b'.') && matches!(t, b'T' | b' ') && c1 == b':' && c2 == b':';
    shaped.then_some(())?;
    let [y1, y2, y3, y4, _, m1, m2, _] = digits_of(*front, [255, 255, 255, 255, 0, 255, 255, 0])?;
    let [d1, d2, _, h1, h2, _, i1, i2] = digits_of(*back, [255, 255, 0, 255, 255, 0, 255, 255])?;
    let (e1, e2) = (e1.wrapping_sub(b'0'), e2.wrapping_sub(b'0'));
    (e1 < 10 && e2 < 10).then_some(())?;
    if let [_, _, _, b' ', b'A' | b'P', ..] = behind {
        // Perhaps the half of the day.
        return None;
    }
    let pair = |tens: u8, ones: u8| u32::from(tens * 10 + ones);
    let date = Date {
        year: pair(y1, y2) * 100 + pair(y3, y4),
        month: pair(m1, m2),
        day: pair(d1, d2),
    };
    let mut there = *cursor;
    there.skip(19);
    let stamp = ended(&mut there, date, [pair(h1, h2), pair(i1, i2), pair(e1, e2)])?;
    *cursor = there;
    Some(stamp)
}

/// The values of the eight digits, of those that the mask keeps. Nothing if one of them is none: all are looked at in
/// one word, where 10 and more reach the top bit of their byte.
fn digits_of(text: [u8; 8], mask: [u8; 8]) -> Option<[u8; 8]> {
    let values = (u64::from_ne_bytes(text) ^ u64::from_ne_bytes([b'0'; 8])) & u64::from_ne_bytes(mask);
    let beyond = values.wrapping_add(u64::from_ne_bytes([0x80 - 10; 8])) | values;
    (beyond & u64::from_ne_bytes([0x80; 8]) == 0).then(|| values.to_ne_bytes())
}

/// `2026-03-04T08:00:52.861903771+01:00`, `2026/03/04 08:00:52`, `2026-03-04 08:00:52,861 UTC` and the like.
fn full_date(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let year = cursor.digits(4)?;
    let separator = cursor.peek().filter(|b| matches!(b, b'-' | b'/' | b'.'))?;
    cursor.skip(1);
    let month = cursor.digits(2)?;
    cursor.eat(separator).then_some(())?;
    let day = cursor.digits(2)?;
    let date = Date { year, month, day };
    if !cursor.eat(b'T') && !cursor.eat_text(b" - ") {
        matches!(cursor.peek()?, b' ' | b'_' | b'-' | b':').then(|| cursor.skip(1))?;
        // An hour without its first digit, as MariaDB has it.
        cursor.eat(b' ');
    }
    if cursor.peek_at(2) == Some(b'.') {
        return dotted_clock(cursor, date);
    }
    dated(cursor, date)
}

/// `2026-03-04-08.03.57.123456`: the clock.
fn dotted_clock(cursor: &mut Cursor<'_>, date: Date) -> Option<Stamp> {
    let hour = cursor.digits(2)?;
    cursor.eat(b'.').then_some(())?;
    let minute = cursor.digits(2)?;
    cursor.eat(b'.').then_some(())?;
    let second = cursor.digits(2)?;
    ended(cursor, date, [hour, minute, second])
}

/// `20260304 08:03:57`, `20260304-8:3:57:606`, `20260304T080357Z`.
fn packed(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let start = *cursor;
    let stamp = packed_by_shape(cursor)?;
    let is_sure = stamp.time.is_some() || start.until(cursor).iter().any(|b| matches!(b, b':' | b'T'));
    is_sure.then_some(stamp)
}

fn packed_by_shape(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let (year, month, day) = (cursor.digits(4)?, cursor.digits(2)?, cursor.digits(2)?);
    let date = Date { year, month, day };
    matches!(cursor.peek()?, b' ' | b'-' | b'T' | b'.').then(|| cursor.skip(1))?;
    let digits = cursor.rest().iter().take_while(|b| b.is_ascii_digit()).count();
    if digits != 6 {
        return dated(cursor, date);
    }
    let clock = [cursor.digits(2)?, cursor.digits(2)?, cursor.digits(2)?];
    ended(cursor, date, clock)
}

/// What may follow on the seconds: a fraction, a zone.
fn ended(cursor: &mut Cursor<'_>, date: Date, clock: [u32; 3]) -> Option<Stamp> {
    let [hour, minute, second] = clock;
    let nanos = fraction(cursor);
    ends(cursor)?;
    let clock = Clock {
        hour,
        minute,
        second,
        nanos: nanos.unwrap_or(0),
        fine: nanos.is_some(),
    };
    Some(zoned(cursor, date, clock))
}

/// `260304 08:03:57`, with one or two blanks before a short hour.
fn packed_short_date(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let (year, month, day) = (2000 + cursor.digits(2)?, cursor.digits(2)?, cursor.digits(2)?);
    cursor.eat(b' ').then_some(())?;
    cursor.eat(b' ');
    dated(cursor, Date { year, month, day })
}

/// `081109 203615`: year, month, day, hour, minute, second. Numbers that no clock shows may be anything.
fn packed_short(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    packed_short_by_shape(cursor).filter(|stamp| stamp.time.is_some())
}

fn packed_short_by_shape(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let (year, month, day) = (2000 + cursor.digits(2)?, cursor.digits(2)?, cursor.digits(2)?);
    cursor.eat(b' ').then_some(())?;
    let (hour, minute, second) = (cursor.digits(2)?, cursor.digits(2)?, cursor.digits(2)?);
    ends(cursor)?;
    let clock = Clock {
        hour,
        minute,
        second,
        nanos: 0,
        fine: false,
    };
    Some(Stamp {
        time: time(Date { year, month, day }, clock),
        has_year: true,
        fine: false,
    })
}

/// A stamp of nothing but digits that no clock shows, `081199 203615` or `20269904 080357`, which is one only if more of
/// a header follows. The cursor moves behind it.
pub(super) fn doubtful(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let mut there = *cursor;
    let stamp = packed_short_by_shape(&mut there).or_else(|| {
        there = *cursor;
        packed_by_shape(&mut there)
    })?;
    *cursor = there;
    Some(stamp)
}

/// `17/06/09 20:10:40`, `03/04/2026, 8:03:57 AM`, `03-17 16:13:38.811`.
fn short_date(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let first = cursor.digits(2)?;
    let separator = cursor.peek().filter(|b| matches!(b, b'-' | b'/' | b'.'))?;
    cursor.skip(1);
    let second = cursor.digits(2)?;
    if cursor.eat(b' ') || cursor.eat(b'|') || cursor.eat(b'T') {
        let clock = clock(cursor)?;
        return Some(Stamp::of_clock(clock));
    }
    cursor.eat(separator).then_some(())?;
    let date = if let Some(year) = cursor.digits(4) {
        // With points or with a day that is no month the day is first. Else only the order with the month first is
        // written by libraries that leave out the name of the month.
        let day_first = separator == b'.' || first > 12;
        let (month, day) = if day_first { (second, first) } else { (first, second) };
        Date { year, month, day }
    } else {
        Date {
            year: 2000 + first,
            month: second,
            day: cursor.digits(2)?,
        }
    };
    cursor.eat(b',');
    cursor.eat(b' ').then_some(())?;
    dated(cursor, date)
}

/// `04 Mar 2026 08:11:01.803`, `04/Mar/2026:08:11:01 +0000`, `04-Mar-2026 08:11:01 UTC`.
fn named_month(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let day = cursor.day()?;
    let separator = cursor.peek().filter(|b| matches!(b, b' ' | b'/' | b'-'))?;
    cursor.skip(1);
    let month = month(cursor)?;
    cursor.eat(separator).then_some(())?;
    let Some(year) = cursor.digits(4) else {
        return time_of_day(cursor);
    };
    cursor.eat(b',');
    matches!(cursor.peek()?, b' ' | b':').then(|| cursor.skip(1))?;
    cursor.eat(b':');
    dated(cursor, Date { year, month, day })
}

/// `08:01:51.042`. One that no clock shows must have all its digits and must not go on: it may be an address.
fn time_of_day(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let start = *cursor;
    let clock = clock(cursor)?;
    let is_shown = clock.hour < 24 && clock.minute < 60 && clock.second < 61;
    let text = start.until(cursor);
    let is_whole = text.get(2) == Some(&b':')
        && text.get(5) == Some(&b':')
        && text.get(7).is_some_and(u8::is_ascii_digit)
        && text.get(8) != Some(&b':')
        && cursor.peek() != Some(b':');
    (is_shown || is_whole).then(|| Stamp::of_clock(clock))
}

/// `3:04PM`.
fn short_clock(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    cursor.digits(1)?;
    cursor.eat(b':').then_some(())?;
    cursor.digits(2)?;
    half_of_day(cursor)?;
    ends(cursor)?;
    Some(Stamp {
        time: None,
        has_year: false,
        fine: false,
    })
}

/// `1772611862.471` seconds or `1772611862471` milliseconds since 1970.
fn since_epoch(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let number = cursor.skip_while(|b| b.is_ascii_digit() || b == b'.');
    (number.len() > 10 && number.starts_with(b"1")).then_some(())?;
    ends(cursor)?;
    Some(Stamp {
        time: Some(epoch(number)?),
        has_year: true,
        fine: true,
    })
}

/// `Mar  4 08:03:57`, `Mar 04, 2026 8:03:57 AM`, `Sun Dec 04 04:47:44.123 2005`, `Sun, 04 Dec 2005 04:47:44 GMT`.
fn with_names(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    if weekday(cursor) {
        let comma = cursor.eat(b',');
        cursor.eat(b' ').then_some(())?;
        if comma {
            return named_month(cursor);
        }
    }
    let month = month(cursor)?;
    cursor.eat(b' ').then_some(())?;
    let day = cursor.day()?;
    let comma = cursor.eat(b',');
    cursor.eat(b' ').then_some(())?;
    if comma {
        let year = cursor.digits(4)?;
        cursor.eat(b' ').then_some(())?;
        return dated(cursor, Date { year, month, day });
    }
    let clock = clock(cursor)?;
    let year = year_behind(cursor);
    let time = year.and_then(|year| time(Date { year, month, day }, clock));
    Some(Stamp {
        time,
        has_year: year.is_some(),
        fine: clock.fine,
    })
}

/// ` 2026`, or ` UTC 2026` as `date` prints it.
fn year_behind(cursor: &mut Cursor<'_>) -> Option<u32> {
    let mut there = *cursor;
    there.eat(b' ').then_some(())?;
    if matches!(there.skip_while(|b| b.is_ascii_uppercase()), b"UTC" | b"GMT") {
        there.eat(b' ').then_some(())?;
    }
    let year = there.digits(4)?;
    matches!(there.peek(), Some(b']' | b' ') | None).then_some(())?;
    *cursor = there;
    Some(year)
}

fn dated(cursor: &mut Cursor<'_>, date: Date) -> Option<Stamp> {
    let clock = clock(cursor)?;
    Some(zoned(cursor, date, clock))
}

fn zoned(cursor: &mut Cursor<'_>, date: Date, clock: Clock) -> Stamp {
    let local = time(date, clock);
    let time = match zone(cursor) {
        None => local,
        Some(Zone::Offset(seconds)) => local.and_then(|local| local.0.checked_sub(seconds * 1_000_000_000).map(Time)),
        Some(Zone::Named) => None,
    };
    Stamp {
        time,
        has_year: true,
        fine: clock.fine,
    }
}

fn clock(cursor: &mut Cursor<'_>) -> Option<Clock> {
    let [mut hour, minute, second] = match whole_clock(cursor) {
        Some(numbers) => numbers,
        None => short_numbers(cursor)?,
    };
    let nanos = fraction(cursor);
    if let Some(afternoon) = half_of_day(cursor) {
        hour = hour % 12 + if afternoon { 12 } else { 0 };
    }
    ends(cursor)?;
    Some(Clock {
        hour,
        minute,
        second,
        nanos: nanos.unwrap_or(0),
        fine: nanos.is_some(),
    })
}

/// `08:03:57` with all its digits.
fn whole_clock(cursor: &mut Cursor<'_>) -> Option<[u32; 3]> {
    let text = *cursor.rest().first_chunk()?;
    let [_, _, c1, _, _, c2, _, _] = text;
    (c1 == b':' && c2 == b':').then_some(())?;
    let [h1, h2, _, i1, i2, _, e1, e2] = digits_of(text, [255, 255, 0, 255, 255, 0, 255, 255])?;
    cursor.skip(8);
    Some([[h1, h2], [i1, i2], [e1, e2]].map(|[tens, ones]| u32::from(tens * 10 + ones)))
}

/// The same with one or two digits each.
fn short_numbers(cursor: &mut Cursor<'_>) -> Option<[u32; 3]> {
    let number = |cursor: &mut Cursor<'_>| cursor.digits(2).or_else(|| cursor.digits(1));
    let hour = number(cursor)?;
    cursor.eat(b':').then_some(())?;
    let minute = number(cursor)?;
    cursor.eat(b':').then_some(())?;
    Some([hour, minute, number(cursor)?])
}

/// Up to nine digits behind a point, a comma or a colon count; more are skipped.
fn fraction(cursor: &mut Cursor<'_>) -> Option<u32> {
    let [b'.' | b',' | b':', behind @ ..] = cursor.rest() else {
        return None;
    };
    let (mut value, mut digits) = (0, 0);
    for byte in behind {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        if digits < 9 {
            value = value * 10 + u32::from(digit);
        }
        digits += 1;
    }
    (digits > 0).then_some(())?;
    cursor.skip(1 + digits);
    let unit = UNITS.get(digits).unwrap_or(&1);
    Some(value * unit)
}

/// Nanoseconds in the last of so many digits.
const UNITS: [u32; 10] = [
    1_000_000_000,
    100_000_000,
    10_000_000,
    1_000_000,
    100_000,
    10_000,
    1_000,
    100,
    10,
    1,
];

/// Whether ` AM` or ` PM` follows, and then whether it is the latter.
fn half_of_day(cursor: &mut Cursor<'_>) -> Option<bool> {
    let mut there = *cursor;
    there.eat(b' ');
    let afternoon = match there.peek()? {
        b'A' => false,
        b'P' => true,
        _ => return None,
    };
    there.skip(1);
    there.eat(b'M').then_some(())?;
    *cursor = there;
    Some(afternoon)
}

/// A stamp does not run on into a number or a word.
fn ends(cursor: &Cursor<'_>) -> Option<()> {
    match cursor.peek() {
        Some(b'Z') => Some(()),
        Some(byte) if byte.is_ascii_alphanumeric() => None,
        Some(_) | None => Some(()),
    }
}

fn zone(cursor: &mut Cursor<'_>) -> Option<Zone> {
    if cursor.eat(b'Z') {
        return Some(Zone::Offset(0));
    }
    let mut there = *cursor;
    there.eat(b' ');
    let zone = match there.peek()? {
        b'+' => offset(&mut there, 1)?,
        b'-' => offset(&mut there, -1)?,
        b'A'..=b'Z' => named_zone(&mut there)?,
        _ => return None,
    };
    *cursor = there;
    Some(zone)
}

fn offset(cursor: &mut Cursor<'_>, sign: i64) -> Option<Zone> {
    cursor.skip(1);
    let hours = cursor.digits(2)?;
    let minutes = if cursor.eat(b':') {
        cursor.digits(2)?
    } else {
        cursor.digits(2).unwrap_or(0)
    };
    cursor.peek().is_none_or(|b| !b.is_ascii_alphanumeric()).then_some(())?;
    Some(Zone::Offset(sign * i64::from(hours * 3600 + minutes * 60)))
}

fn named_zone(cursor: &mut Cursor<'_>) -> Option<Zone> {
    let name = cursor.skip_while(|b| b.is_ascii_uppercase());
    // Most often this is a level, and none ends like a zone.
    name.last().filter(|b| matches!(b, b'T' | b'C' | b'Z' | b'K'))?;
    match name {
        b"UTC" | b"GMT" | b"Z" => Some(Zone::Offset(0)),
        b"CET" | b"CEST" | b"EET" | b"EEST" | b"BST" | b"MSK" | b"IST" | b"JST" | b"EST" | b"EDT" | b"CST" | b"CDT"
        | b"MST" | b"MDT" | b"PST" | b"PDT" => Some(Zone::Named),
        _ => None,
    }
}

/// Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size, with or without a fraction.
pub(super) fn epoch(number: &[u8]) -> Option<Time> {
    let (value, length) = leading_digits(number, 19);
    // Digits of a second below its point.
    let digits = match length {
        9 | 10 => 0,
        12 | 13 => 3,
        15 | 16 => 6,
        18 | 19 => 9,
        _ => return None,
    };
    let nanos = i64::try_from(value).ok()?.checked_mul(i64::from(UNITS[digits]))?;
    let (_, rest) = number.split_at(length);
    let Some((point, fraction)) = rest.split_first() else {
        return Some(Time(nanos));
    };
    let (below, counted) = leading_digits(fraction, 9 - digits);
    let (_, rest) = fraction.split_at(counted);
    (*point == b'.' && rest.iter().all(u8::is_ascii_digit)).then_some(())?;
    let below = i64::try_from(below).ok()? * i64::from(UNITS[digits + counted]);
    Some(Time(nanos.checked_add(below)?))
}

/// The number that the digits at the front are, at most so many, and how many these are.
fn leading_digits(text: &[u8], most: usize) -> (u64, usize) {
    let mut value = 0_u64;
    let mut length = 0;
    for byte in text.iter().take(most) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value * 10 + u64::from(digit);
        length += 1;
    }
    (value, length)
}

/// The time of a date of the Gregorian calendar, for the years that `Time` can hold.
fn time(date: Date, clock: Clock) -> Option<Time> {
    let Date { year, month, day } = date;
    (matches!(year, 1700..=2260) && matches!(day, 1..=31)).then_some(())?;
    (clock.hour < 24 && clock.minute < 60 && clock.second < 61).then_some(())?;
    let before_month = DAYS_BEFORE.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    let leaps = |year: u32| year / 4 - year / 100 + year / 400;
    let leap_day = u32::from(month > 2) * (leaps(year) - leaps(year - 1));
    let days = year * 365 + leaps(year - 1) + before_month + leap_day + day;
    let seconds =
        (i64::from(days) - DAYS_TO_1970) * 86_400 + i64::from(clock.hour * 3600 + clock.minute * 60 + clock.second);
    Some(Time(seconds * 1_000_000_000 + i64::from(clock.nanos)))
}

/// Days of a year without a leap day in front of each month.
const DAYS_BEFORE: [u32; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/// What the days from the year 0 on come to on the first of January 1970, counted as above.
const DAYS_TO_1970: i64 = 1970 * 365 + 477 + 1;

#[cfg(test)]
mod tests {
    use super::*;

    /// The time and how much of the text was the stamp.
    fn check(text: &str, time: Option<&str>, stamp_text: &str) {
        let mut cursor = Cursor::new(text.as_bytes(), 0);
        let read = stamp(&mut cursor).unwrap_or_else(|| panic!("no stamp in {text:?}"));
        let expected = time.map(|time| time.parse::<jiff::Timestamp>().unwrap().as_nanosecond());
        assert_eq!(read.time.map(|time| i128::from(time.0)), expected, "{text:?}");
        assert_eq!(text.split_at(cursor.at()).0, stamp_text);
    }

    fn check_none(text: &str) {
        assert_eq!(stamp(&mut Cursor::new(text.as_bytes(), 0)), None, "{text:?}");
    }

    #[test]
    fn stamps_with_a_date_are_times() {
        let time = Some("2026-03-04T08:00:52Z");
        for text in [
            "2026-03-04T08:00:52Z",
            "2026-03-04 08:00:52",
            "2026/03/04 08:00:52",
            "2026-03-04 08:00:52 UTC",
            "2026-03-04T09:00:52+01:00",
            "2026-03-04 03:00:52 -0500",
            "2026-03-04T09:00:52+01",
            "04/Mar/2026:08:00:52 +0000",
            "04-Mar-2026 08:00:52 UTC",
            "4 Mar 2026 08:00:52",
            "20260304 08:00:52",
            "260304 080052",
            "26/03/04 08:00:52",
            "260304 08:00:52",
            "260304  8:00:52",
            "2026-03-04  8:00:52",
            "2026-03-04-08.00.52",
            "20260304T080052Z",
            "20260304T090052+0100",
            "04.03.2026 08:00:52",
            "2026.03.04 08:00:52",
            "4-Mar-2026::08:00:52",
            "Wed Mar  4 08:00:52 UTC 2026",
            "03/04/2026, 8:00:52 AM",
            "Mar 04, 2026 8:00:52 AM",
            "Wed Mar 04 08:00:52 2026",
            "Wed, 04 Mar 2026 08:00:52 GMT",
        ] {
            check(text, time, text);
            check(&format!("{text} x"), time, text);
        }
        check(
            "2026-03-04T20:00:52.5Z",
            Some("2026-03-04T20:00:52.5Z"),
            "2026-03-04T20:00:52.5Z",
        );
        check(
            "2026-03-04 08:00:52,861 INFO",
            Some("2026-03-04T08:00:52.861Z"),
            "2026-03-04 08:00:52,861",
        );
        check(
            "2024-02-29T00:00:00Z",
            Some("2024-02-29T00:00:00Z"),
            "2024-02-29T00:00:00Z",
        );
        check(
            "1969-12-31T23:59:59Z",
            Some("1969-12-31T23:59:59Z"),
            "1969-12-31T23:59:59Z",
        );
        check("1772611862.471 x", Some("2026-03-04T08:11:02.471Z"), "1772611862.471");
    }

    #[test]
    fn stamps_without_a_date_are_stamps() {
        check("08:01:51.042 [main]", None, "08:01:51.042");
        check("3:04PM INF", None, "3:04PM");
        check("Mar  4 08:03:57 host", None, "Mar  4 08:03:57");
        check("03-17 16:13:38.811  1702", None, "03-17 16:13:38.811");
        check("03-17|16:13:38] x", None, "03-17|16:13:38");
        check("04 Mar 08:00:52.803 # x", None, "04 Mar 08:00:52.803");
        check("2026-03-04 08:00:52 CET [1]", None, "2026-03-04 08:00:52 CET");
    }

    #[test]
    fn numbers_and_words_are_no_stamps() {
        for text in [
            "",
            "2026",
            "2026-03-04",
            "5:61:00",
            "52:54:00:12:34:56",
            "081199 203615",
            "12345678 999999",
            "12345678.999999",
            "6831646750.12",
            "10.0.0.1",
            "12:30",
            "Marble",
            "08:00:520",
            "20260304",
            "1234567890 x",
        ] {
            check_none(text);
        }
        check_none("99999999999999999999:00:00");
    }

    #[test]
    fn broken_clocks_write_stamps_without_a_time() {
        for text in [
            "2015-74-93 18:01:47,978",
            "7932/37/37 14:22:36",
            "2015-07-29T77:41:44.747Z",
            "0000-00-00-99.99.99",
            "Mar 94 25:61:90",
            "94 Mar 25:61:90",
            "Sun Dec 94 04:47:44 2005",
            "Sun Dec 04 77:47:44 7890",
            "17/96/09 20:10:40",
            "93/94/2026, 8:03:57 AM",
            "80.50 13:58:24",
            "65570859-09:49:46:933",
            "20269904T080357Z",
            "72:13:99.042",
        ] {
            check(text, None, text);
            check(&format!("{text} x"), None, text);
        }
        let mut cursor = Cursor::new(b"081199 203615 148 INFO", 0);
        assert!(doubtful(&mut cursor).is_some());
        assert_eq!(cursor.at(), 13);
        assert_eq!(doubtful(&mut Cursor::new(b"081199 2036157", 0)), None);
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for year in [1700, 1899, 1900, 1968, 1970, 1999, 2000, 2001, 2024, 2100, 2259] {
            for (month, day) in [(1, 1), (2, 28), (3, 1), (12, 31)] {
                let text = format!("{year}-{month:02}-{day:02}T08:03:57.25Z");
                check(&text, Some(&text), &text);
            }
        }
        check(
            "2000-02-29T00:00:00Z",
            Some("2000-02-29T00:00:00Z"),
            "2000-02-29T00:00:00Z",
        );
        check(
            "2024-12-31T23:59:59.1234567891Z",
            Some("2024-12-31T23:59:59.123456789Z"),
            "2024-12-31T23:59:59.1234567891Z",
        );
    }

    #[test]
    fn every_digit_of_the_common_shape_is_looked_at() {
        let good = "2026-03-04T08:00:52.5Z";
        for (at, byte) in good
            .bytes()
            .enumerate()
            .take(19)
            .filter(|(_, byte)| byte.is_ascii_digit())
        {
            for other in [b'/', b':', b'a', 0, 0xb0, 0xff] {
                let mut bad = good.as_bytes().to_vec();
                bad[at] = other;
                assert_eq!(common(&mut Cursor::new(&bad, 0)), None, "{byte} at {at} as {other}");
            }
        }
    }

    #[test]
    fn epochs_are_told_apart_by_size() {
        let expected = Some(Time(1_772_611_862_000_000_000));
        for number in [
            "1772611862",
            "1772611862.0",
            "1772611862000",
            "1772611862000000",
            "1772611862000000000",
        ] {
            assert_eq!(epoch(number.as_bytes()), expected, "{number}");
        }
        assert_eq!(epoch(b"1772611862.471867"), Some(Time(1_772_611_862_471_867_000)));
        assert_eq!(epoch(b"17"), None);
    }
}
