//! Syslog in its forms: RFC 3164, RFC 5424, journald, the kernel.

use super::class::Class;
use super::cursor::Cursor;
use super::known::carried;
use super::shape::{Format, Header};
use super::{level, piece, seek, stamp, tail};
use crate::model::{Level, Time};

/// `<30>…` of RFC 3164 or RFC 5424.
pub(super) fn with_priority(start: Cursor<'_>) -> Option<Header> {
    let mut cursor = start;
    cursor.skip(1);
    let digits = cursor.skip_while(|b| b.is_ascii_digit());
    (matches!(digits.len(), 1..=3) && cursor.eat(b'>')).then_some(())?;
    let priority = Cursor::new(digits, 0).digits(digits.len())?;
    let header = structured(cursor)
        .or_else(|| plain(cursor))
        .unwrap_or_else(|| bare(cursor));
    Some(Header {
        level: level::syslog(priority % 8),
        ..header
    })
}

/// RFC 5424 behind its priority: `1 stamp host app process id [data] message`.
fn structured(start: Cursor<'_>) -> Option<Header> {
    let mut cursor = start;
    cursor.eat_text(b"1 ").then_some(())?;
    let stamp = stamp::stamp(&mut cursor);
    if stamp.is_none() {
        cursor.eat(b'-').then_some(())?;
    }
    for _ in 0..4 {
        cursor.eat(b' ').then_some(())?;
        cursor.skip_while(|b| b != b' ');
    }
    cursor.eat(b' ').then_some(())?;
    if !cursor.eat(b'-') {
        skip_structured_data(&mut cursor)?;
    }
    cursor.eat(b' ');
    cursor.eat_text("\u{feff}".as_bytes());
    Some(Header {
        time: stamp.and_then(|stamp| stamp.time),
        ..Header::before(cursor, Format::Syslog)
    })
}

/// `[id key="value" …][…]`; a `]` inside of quotes does not end it.
fn skip_structured_data(cursor: &mut Cursor<'_>) -> Option<()> {
    while cursor.eat(b'[') {
        let mut quoted = false;
        loop {
            match cursor.peek()? {
                b'\\' => cursor.skip(1),
                b'"' => quoted = !quoted,
                b']' if !quoted => break,
                _ => {}
            }
            cursor.skip(1);
        }
        cursor.skip(1);
    }
    Some(())
}

/// What the kernel and small programs write behind a priority: the message, perhaps behind the time since the start.
fn bare(start: Cursor<'_>) -> Header {
    let mut cursor = start;
    if cursor.eat(b'[') {
        cursor.skip_blanks();
        let seconds = cursor.skip_while(|b| b.is_ascii_digit() || b == b'.');
        if seconds.contains(&b'.') && cursor.eat_text(b"] ") {
            return Header::before(cursor, Format::Syslog);
        }
    }
    Header::before(start, Format::Syslog)
}

/// RFC 3164 without its priority: `Mar  4 08:03:57 host tag[21]: message`, with or without the host. What the tag's
/// program wrote may have a header of its own, whose level counts.
pub(super) fn plain(start: Cursor<'_>) -> Option<Header> {
    let mut cursor = start;
    cursor.peek().filter(u8::is_ascii_uppercase)?;
    let stamp = stamp::stamp(&mut cursor)?;
    after_stamp(cursor, stamp)
}

/// The rest of it behind its stamp.
pub(super) fn after_stamp(start: Cursor<'_>, stamp: stamp::Stamp) -> Option<Header> {
    let mut cursor = start;
    (!stamp.has_year && cursor.eat(b' ')).then_some(())?;
    let mut hostless = cursor;
    let host = cursor.skip_class(&HOST);
    (!host.is_empty() && cursor.eat(b' ')).then_some(())?;
    let message = if tag(&mut cursor) {
        cursor
    } else {
        tag(&mut hostless).then_some(hostless)?
    };
    Some(tagged(message, stamp.time, Format::Syslog))
}

/// The message behind the tag of a program, whose own header counts.
pub(super) fn tagged(start: Cursor<'_>, time: Option<Time>, format: Format) -> Header {
    let mut cursor = start;
    cursor.skip_blanks();
    let header = Header {
        time,
        ..Header::before(cursor, format)
    };
    if let Some(inner) = carried(cursor) {
        return Header {
            level: inner.level,
            message: inner.message,
            ..header
        };
    }
    let stated = seek::leading_level(cursor).filter(|word| word.closing == tail::Closing::Colon);
    let stated = stated.or_else(|| seek::bracketed_level(cursor));
    Header {
        level: stated.map_or(Level::None, |word| word.level),
        ..header
    }
}

static HOST: Class = Class::from_but(b' ' + 1, b"|");

/// What is in a word of a program's name.
static PROGRAM: Class = Class::from_but(b' ' + 1, b":[");

/// `tag: `, `tag[21]: `, `tag[21] (part[7]): `, `Two Words[21]: `.
fn tag(cursor: &mut Cursor<'_>) -> bool {
    let mut there = *cursor;
    for _ in 0..3 {
        let word = there.skip_class(&PROGRAM);
        if word.is_empty() {
            return false;
        }
        if there.peek() == Some(b'[') {
            break;
        }
        if there.peek() == Some(b':') && is_one_word(cursor, &there) {
            break;
        }
        if !there.eat(b' ') {
            return false;
        }
    }
    if there.eat(b'[') {
        there.skip_while(|b| b != b']');
        there.skip(1);
        if there.starts_with(b" (") {
            there.skip(1);
            if piece::bracket(&mut there).is_none() {
                return false;
            }
        }
    }
    let found = there.eat(b':');
    if found {
        *cursor = there;
    }
    found
}

fn is_one_word(start: &Cursor<'_>, end: &Cursor<'_>) -> bool {
    !start.until(end).contains(&b' ')
}
