//! Formats that are known by their first bytes: JSON, logfmt, klog, Ruby's and Redis' own, Android's.

use super::cursor::Cursor;
use super::fields::{self, Fields};
use super::layout::Layout;
use super::shape::{Format, Header};
use super::{level, stamp};
use crate::model::Level;

pub(super) fn json(cursor: Cursor<'_>) -> Option<Header> {
    Some(of_fields(cursor, fields::json(cursor, None)?, Format::Json))
}

/// The same where the lines before are known.
pub(super) fn json_again(cursor: Cursor<'_>, layout: &mut Layout) -> Option<Header> {
    Some(of_fields(cursor, fields::json(cursor, Some(layout))?, Format::Json))
}

pub(super) fn logfmt(cursor: Cursor<'_>) -> Option<Header> {
    let fields = fields::logfmt(cursor)?;
    Some(of_fields(cursor, fields, Format::Logfmt))
}

fn of_fields(cursor: Cursor<'_>, fields: Fields, format: Format) -> Header {
    let status = fields.status();
    let implied = || status.map_or(Level::None, level::status);
    Header {
        level: fields.level.unwrap_or_else(implied),
        time: fields.time,
        format,
        message: fields.message.unwrap_or(cursor.at()..cursor.line().len()),
        status,
        starts: true,
    }
}

/// klog and glog: letter, month and day (glog: also the year, in two digits or four), time, thread, `file:line]`.
pub(super) fn klog(start: Cursor<'_>) -> Option<Header> {
    let mut cursor = start;
    let level = level::letter(cursor.peek()?)?;
    cursor.skip(1);
    let mut dated = cursor;
    let digits = cursor.skip_while(|b| b.is_ascii_digit());
    matches!(digits.len(), 4 | 6 | 8).then_some(())?;
    cursor.eat(b' ').then_some(())?;
    stamp::stamp(&mut cursor)?;
    // klog leaves out the year; glog does not.
    let time = if digits.len() == 4 {
        None
    } else {
        stamp::stamp(&mut dated).and_then(|stamp| stamp.time)
    };
    let end = memchr::memchr(b']', cursor.rest()).filter(|end| *end < 120)?;
    cursor.skip(end + 1);
    cursor.eat(b' ');
    Some(Header {
        level,
        time,
        ..Header::before(cursor, Format::Klog)
    })
}

/// Ruby's `Logger`: `I, [2026-03-04T08:10:23.294028 #1]  INFO -- progname: …`
pub(super) fn ruby(start: Cursor<'_>) -> Option<Header> {
    let mut cursor = start;
    let level = level::letter(cursor.peek()?)?;
    cursor.skip(1);
    cursor.eat_text(b", [").then_some(())?;
    let stamp = stamp::stamp(&mut cursor)?;
    let end = memchr::memmem::find(cursor.rest(), b" -- ").filter(|end| *end < 60)?;
    cursor.skip(end + 4);
    cursor.skip_while(|b| b != b':');
    cursor.skip(1);
    cursor.skip_blanks();
    while request(&mut cursor) {}
    Some(Header {
        level,
        time: stamp.time,
        ..Header::before(cursor, Format::Ruby)
    })
}

/// `7:M 04 Mar 2026 08:11:01.803 * …`
pub(super) fn redis(start: Cursor<'_>) -> Option<Header> {
    let mut cursor = start;
    let process = cursor.skip_while(|b| b.is_ascii_digit());
    (process.len() <= 8 && cursor.eat(b':')).then_some(())?;
    matches!(cursor.peek()?, b'M' | b'S' | b'C' | b'X').then(|| cursor.skip(1))?;
    cursor.eat(b' ').then_some(())?;
    let stamp = stamp::stamp(&mut cursor)?;
    cursor.eat(b' ').then_some(())?;
    let level = match cursor.peek()? {
        b'.' | b'-' => Level::Debug,
        b'*' => Level::Info,
        b'#' => Level::Warn,
        _ => return None,
    };
    cursor.skip(1);
    cursor.skip_blanks();
    Some(Header {
        level,
        time: stamp.time,
        ..Header::before(cursor, Format::Redis)
    })
}

/// The id of a request that Rails tags its lines with: `[65f1b3c2-7a] `.
fn request(cursor: &mut Cursor<'_>) -> bool {
    let mut there = *cursor;
    let id = there
        .eat(b'[')
        .then(|| there.skip_while(|b| b.is_ascii_hexdigit() || b == b'-'));
    let found = id.is_some_and(|id| id.len() >= 7) && there.eat_text(b"] ");
    if found {
        *cursor = there;
    }
    found
}

/// Android: `W/ActivityManager( 1702): …`, and `I [stamp] …` with the level in front of a bracket.
pub(super) fn letter(start: Cursor<'_>) -> Option<Header> {
    let mut cursor = start;
    let level = level::letter(cursor.peek()?)?;
    cursor.skip(1);
    let mut time = None;
    if cursor.eat(b'/') {
        let tag = cursor.skip_while(|b| b > b' ' && b != b'(' || b == b' ');
        (!tag.is_empty() && tag.len() <= 40 && cursor.eat(b'(')).then_some(())?;
        cursor.skip_while(|b| b == b' ');
        (!cursor.skip_while(|b| b.is_ascii_digit()).is_empty() && cursor.eat_text(b"):")).then_some(())?;
    } else {
        cursor.eat_text(b" [").then_some(())?;
        time = stamp::stamp(&mut cursor)?.time;
        cursor.eat(b']').then_some(())?;
    }
    cursor.skip_blanks();
    Some(Header {
        level,
        time,
        ..Header::before(cursor, Format::Word)
    })
}

/// Erlang's `=CRASH REPORT==== 4-Mar-2026::08:00:00.123 ===`; the message is its kind.
pub(super) fn report(start: Cursor<'_>) -> Option<Header> {
    let mut cursor = start;
    cursor.eat(b'=').then_some(())?;
    let kind = cursor;
    let word = cursor.skip_while(|b| b.is_ascii_uppercase());
    cursor.eat_text(b" REPORT").then_some(())?;
    let end = cursor;
    cursor.eat_text(b"==== ").then_some(())?;
    let stamp = stamp::stamp(&mut cursor)?;
    let level = match word {
        b"CRASH" | b"ERROR" | b"SUPERVISOR" => Level::Error,
        b"WARNING" => Level::Warn,
        _ => Level::Info,
    };
    Some(Header {
        level,
        time: stamp.time,
        message: kind.at()..end.at(),
        ..Header::before(cursor, Format::Word)
    })
}

/// A header of the program inside of what a log collector wrote: JSON, klog or logfmt.
pub(super) fn carried(inner: Cursor<'_>) -> Option<Header> {
    match inner.peek()? {
        b'{' => json(inner),
        b'I' | b'W' | b'E' | b'F' => klog(inner),
        b'a'..=b'z' => logfmt(inner),
        _ => None,
    }
}

/// Whether a line without a header begins with the id of a request, as further lines of Rails' messages do.
pub(super) fn is_tagged_by_request(line: &[u8]) -> bool {
    request(&mut Cursor::new(line, 0))
}
