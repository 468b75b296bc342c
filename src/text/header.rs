//! What the first line of a record says before its message: level, time, and where the message begins. One pass over
//! the front of the line, no allocation; a line that has none of the known headers has none.
//!
//! Level words count at the front alone. "error" in the middle of a sentence is not a level.

use std::ops::Range;

use super::cursor::Cursor;
use super::fields::{self, Fields};
use super::{level, stamp, tail};
use crate::model::{Level, Time};

/// Kinds of header. Lines of one program mostly share one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// No header.
    #[default]
    None,
    /// One JSON object.
    Json,
    /// `key=value` pairs.
    Logfmt,
    /// `I0304 08:01:26.843002       7 filters.go:203] …`
    Klog,
    /// The request log of a web server or proxy.
    Access,
    /// RFC 3164, RFC 5424 and what journald prints.
    Syslog,
    /// `7:M 04 Mar 2026 08:11:01.803 * …`
    Redis,
    /// `I, [2026-03-04T08:10:23.294028 #1]  INFO -- : …`
    Ruby,
    /// A time stamp first, then perhaps level, thread, logger.
    Stamped,
    /// The same with the stamp or the level in brackets.
    Bracketed,
    /// A level word first.
    Word,
}

/// What the front of a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub level: Level,
    /// The stamp of the line itself, if it has one with a date.
    pub time: Option<Time>,
    pub format: Format,
    /// Bytes of the line that are the message; the whole line if it has no header.
    pub message: Range<usize>,
    /// The status of an answered HTTP request.
    pub status: Option<u16>,
    /// Whether this is how a record begins: with a stamp or a level of its own.
    pub starts: bool,
}

impl Header {
    const fn none(line: &[u8]) -> Self {
        Self {
            level: Level::None,
            time: None,
            format: Format::None,
            message: 0..line.len(),
            status: None,
            starts: false,
        }
    }
}

/// Reads the header of a line. `hint` is the format that was last seen in this container; it is tried first.
pub fn parse(line: &[u8], hint: Format) -> Header {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let start = Cursor::new(line, 0);
    hinted(start, hint)
        .or_else(|| at(start))
        .unwrap_or_else(|| Header::none(line))
}

/// Formats that cannot be told from the first byte alone are worth a try before others.
fn hinted(start: Cursor<'_>, hint: Format) -> Option<Header> {
    match hint {
        Format::Logfmt => logfmt(start),
        Format::Access => access(start),
        Format::Klog => klog(start),
        Format::None
        | Format::Json
        | Format::Syslog
        | Format::Redis
        | Format::Ruby
        | Format::Stamped
        | Format::Bracketed
        | Format::Word => None,
    }
}

/// The header that begins at the cursor; its ranges are of the whole line.
fn at(start: Cursor<'_>) -> Option<Header> {
    let mut cursor = start;
    cursor.skip_colours();
    match cursor.peek()? {
        b'{' => json(cursor),
        b'<' => syslog_with_priority(cursor),
        b'[' => bracketed(cursor),
        b'0'..=b'9' => stamped(cursor).or_else(|| access(cursor)).or_else(|| redis(cursor)),
        b' ' | b'\t' => padded_level(cursor),
        b':' => access(cursor),
        b'A'..=b'Z' => klog(cursor)
            .or_else(|| ruby(cursor))
            .or_else(|| level_word(cursor))
            .or_else(|| syslog(cursor))
            .or_else(|| stamped(cursor))
            .or_else(|| logfmt(cursor))
            .or_else(|| access(cursor)),
        b'a'..=b'z' => level_word(cursor).or_else(|| logfmt(cursor)).or_else(|| access(cursor)),
        b'_' | b'@' => logfmt(cursor),
        _ => None,
    }
}

fn json(cursor: Cursor<'_>) -> Option<Header> {
    Some(of_fields(cursor, fields::json(cursor)?, Format::Json))
}

fn logfmt(cursor: Cursor<'_>) -> Option<Header> {
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

/// klog and glog: letter, month and day (glog: also the year), time, thread, `file:line]`.
fn klog(start: Cursor<'_>) -> Option<Header> {
    let mut cursor = start;
    let level = level::letter(cursor.peek()?)?;
    cursor.skip(1);
    let digits = cursor.skip_while(|b| b.is_ascii_digit());
    matches!(digits.len(), 4 | 8).then_some(())?;
    cursor.eat(b' ').then_some(())?;
    stamp::stamp(&mut cursor)?;
    let end = memchr::memchr(b']', cursor.rest()).filter(|end| *end < 120)?;
    cursor.skip(end + 1);
    cursor.eat(b' ');
    Some(Header {
        level,
        ..from(cursor, Format::Klog)
    })
}

fn from(cursor: Cursor<'_>, format: Format) -> Header {
    Header {
        message: cursor.at()..cursor.line().len(),
        format,
        starts: true,
        ..Header::none(cursor.line())
    }
}

/// Ruby's `Logger`: `I, [2026-03-04T08:10:23.294028 #1]  INFO -- : …`
fn ruby(start: Cursor<'_>) -> Option<Header> {
    let mut cursor = start;
    level::letter(cursor.peek()?)?;
    cursor.skip(1);
    cursor.eat_text(b", [").then_some(())?;
    let stamp = stamp::stamp(&mut cursor)?;
    let end = memchr::memchr(b']', cursor.rest()).filter(|end| *end < 40)?;
    cursor.skip(end + 1);
    let mut header = after_stamp(cursor, stamp, Format::Ruby);
    if let Some(message) = memchr::memmem::find(header_text(cursor, &header), b"-- ") {
        let mut named = Cursor::new(cursor.line(), header.message.start + message + 3);
        named.skip_while(|b| b != b':');
        if named.eat(b':') {
            named.skip_blanks();
            header.message.start = named.at();
        }
    }
    Some(header)
}

/// The first bytes of what the header takes as message.
fn header_text<'a>(cursor: Cursor<'a>, header: &Header) -> &'a [u8] {
    let message = cursor.line().get(header.message.clone()).unwrap_or_default();
    message.get(..8).unwrap_or(message)
}

/// `7:M 04 Mar 2026 08:11:01.803 * …`
fn redis(start: Cursor<'_>) -> Option<Header> {
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
        ..from(cursor, Format::Redis)
    })
}

/// ` INFO target: …`, as tracing writes it without a clock.
fn padded_level(start: Cursor<'_>) -> Option<Header> {
    let mut cursor = start;
    cursor.skip(1);
    cursor.peek().filter(u8::is_ascii_uppercase)?;
    level_word(cursor)
}

/// A line that begins with its level: `ERROR: …`, `WARNING:root:…`, `INFO[0001] …`, `info: Cat[0]`, `error: …`.
fn level_word(cursor: Cursor<'_>) -> Option<Header> {
    let word = tail::leading_level(cursor)?;
    let message = tail::message(word.behind, word.closing);
    let mut header = Header {
        level: word.level,
        starts: word.starts,
        ..from(message, Format::Word)
    };
    if let Some(quote) = memchr::memmem::find(message.rest(), b" - \"").filter(|at| *at < 64) {
        let mut request = message;
        request.skip(quote + 3);
        header.status = request_status(request).map(|(status, _)| status);
    }
    Some(header)
}

/// A stamp, and whatever else a header has.
fn stamped(start: Cursor<'_>) -> Option<Header> {
    let mut cursor = start;
    let stamp = stamp::stamp(&mut cursor)?;
    cursor.skip_colours();
    Some(after_stamp(cursor, stamp, Format::Stamped))
}

fn after_stamp(cursor: Cursor<'_>, stamp: stamp::Stamp, format: Format) -> Header {
    let mut cursor = cursor;
    cursor.skip_blanks();
    if let Some(inner) = inner_header(cursor) {
        return Header {
            time: stamp.time.or(inner.time),
            ..inner
        };
    }
    let found = tail::after_stamp(cursor, stamp.fine);
    let header = Header {
        level: found.level,
        time: stamp.time,
        ..from(found.message, format)
    };
    answered(found.message, header)
}

/// A header of the program behind one of the log collector: CRI's `stdout F`, JSON, klog or logfmt behind a stamp.
fn inner_header(cursor: Cursor<'_>) -> Option<Header> {
    let mut inner = cursor;
    if inner.eat_text(b"stdout ") || inner.eat_text(b"stderr ") {
        matches!(inner.peek()?, b'F' | b'P').then(|| inner.skip(1))?;
        inner.eat(b' ').then_some(())?;
        return at(inner).or_else(|| Some(from(inner, Format::Stamped)));
    }
    match inner.peek()? {
        b'{' => json(inner),
        b'I' | b'W' | b'E' | b'F' => klog(inner),
        b'a'..=b'z' => logfmt(inner),
        _ => None,
    }
}

/// A request behind a stamp in brackets, as Envoy writes it.
fn answered(message: Cursor<'_>, header: Header) -> Header {
    if header.level != Level::None || message.peek() != Some(b'"') {
        return header;
    }
    match request_status(message) {
        Some((status, _)) => Header {
            level: level::status(status),
            status: Some(status),
            format: Format::Access,
            ..header
        },
        None => header,
    }
}

/// `[stamp] …`, `[stamp LEVEL target] …`, `[LEVEL] …`, `[I stamp name] …`, `[Nest] 1 - stamp LEVEL …`.
fn bracketed(start: Cursor<'_>) -> Option<Header> {
    if start.starts_with(b"[GIN] ") {
        return gin(start);
    }
    let mut cursor = start;
    cursor.skip(1);
    cursor.skip_blanks();
    let mut letter = None;
    if cursor.peek_at(1) == Some(b' ')
        && let Some(level) = cursor.peek().and_then(level::letter)
    {
        letter = Some(level);
        cursor.skip(2);
    }
    if let Some(stamp) = stamp::stamp(&mut cursor) {
        let mut header = stamp_in_bracket(cursor, stamp);
        header.level = letter.unwrap_or(header.level);
        return Some(header);
    }
    if let Some(word) = tail::bracketed_level(start) {
        let message = tail::message(word.behind, word.closing);
        return Some(Header {
            level: word.level,
            ..from(message, Format::Bracketed)
        });
    }
    kernel(start).or_else(|| stamp_behind_bracket(start))
}

fn stamp_in_bracket(cursor: Cursor<'_>, stamp: stamp::Stamp) -> Header {
    let mut behind = cursor;
    behind.skip_colours();
    if behind.eat(b']') {
        return after_stamp(behind, stamp, Format::Bracketed);
    }
    let found = tail::in_bracket(behind);
    let header = Header {
        level: found.level,
        time: stamp.time,
        ..from(found.message, Format::Bracketed)
    };
    answered(found.message, header)
}

/// `[    1.234567] …`, seconds since the kernel started.
fn kernel(start: Cursor<'_>) -> Option<Header> {
    let mut cursor = start;
    cursor.skip(1);
    cursor.skip_blanks();
    let seconds = cursor.skip_while(|b| b.is_ascii_digit() || b == b'.');
    (seconds.contains(&b'.') && cursor.eat_text(b"] ")).then_some(())?;
    Some(from(cursor, Format::Bracketed))
}

/// `[name] 1  - 03/04/2026, 8:03:57 AM     LOG …`
fn stamp_behind_bracket(start: Cursor<'_>) -> Option<Header> {
    let mut cursor = start;
    let end = memchr::memchr(b']', cursor.rest()).filter(|end| *end < 40)?;
    cursor.skip(end + 1);
    cursor.skip_while(|b| matches!(b, b' ' | b'-'));
    if let Some(stamp) = stamp::stamp(&mut cursor) {
        return Some(after_stamp(cursor, stamp, Format::Bracketed));
    }
    cursor.skip_while(|b| b.is_ascii_digit());
    cursor.skip_while(|b| matches!(b, b' ' | b'-'));
    cursor.skip_colours();
    let stamp = stamp::stamp(&mut cursor)?;
    Some(after_stamp(cursor, stamp, Format::Bracketed))
}

/// `[GIN] 2026/03/04 - 08:03:57 | 200 |  1.2ms | 10.0.0.1 | GET  "/x"`
fn gin(start: Cursor<'_>) -> Option<Header> {
    let mut cursor = start;
    cursor.skip(6);
    let stamp = stamp::stamp(&mut cursor)?;
    cursor.skip_while(|b| matches!(b, b' ' | b'|'));
    cursor.skip_blanks();
    let message = cursor;
    let status = u16::try_from(cursor.digits(3)?).ok()?;
    Some(Header {
        level: level::status(status),
        time: stamp.time,
        status: Some(status),
        ..from(message, Format::Access)
    })
}

/// `10.0.0.1 - alice [04/Mar/2026:08:03:57 +0000] "GET / HTTP/1.1" 200 12 …`, with or without a host in front.
fn access(start: Cursor<'_>) -> Option<Header> {
    let mut cursor = start;
    let mut words = 0;
    while cursor.peek()? != b'[' {
        let word = cursor.skip_while(|b| b > b' ' && b != b'"');
        (!word.is_empty() && cursor.eat(b' ') && words < 4).then_some(())?;
        words += 1;
    }
    (words >= 3).then_some(())?;
    cursor.skip(1);
    let stamp = stamp::stamp(&mut cursor)?;
    cursor.eat_text(b"] ").then_some(())?;
    let (status, _) = request_status(cursor)?;
    Some(Header {
        level: level::status(status),
        time: stamp.time,
        status: Some(status),
        ..from(cursor, Format::Access)
    })
}

/// `"GET /path HTTP/1.1" 200`: the status and what follows it.
fn request_status(start: Cursor<'_>) -> Option<(u16, Cursor<'_>)> {
    let mut cursor = start;
    cursor.eat(b'"').then_some(())?;
    loop {
        let next = memchr::memchr2(b'"', b'\\', cursor.rest())?;
        cursor.skip(next);
        if cursor.eat(b'"') {
            break;
        }
        cursor.skip(2);
    }
    cursor.eat(b' ').then_some(())?;
    let status = cursor.digits(3).filter(|status| *status < 600)?;
    cursor.peek().is_none_or(|b| !b.is_ascii_alphanumeric()).then_some(())?;
    Some((u16::try_from(status).ok()?, cursor))
}

/// `<30>…` of RFC 3164 or RFC 5424.
fn syslog_with_priority(start: Cursor<'_>) -> Option<Header> {
    let mut cursor = start;
    cursor.skip(1);
    let digits = cursor.skip_while(|b| b.is_ascii_digit());
    (matches!(digits.len(), 1..=3) && cursor.eat(b'>')).then_some(())?;
    let priority = Cursor::new(digits, 0).digits(digits.len())?;
    let header = structured_syslog(cursor)
        .or_else(|| syslog(cursor))
        .unwrap_or_else(|| from(cursor, Format::Syslog));
    Some(Header {
        level: level::syslog(priority % 8),
        ..header
    })
}

/// RFC 5424 behind its priority: `1 stamp host app process id [data] message`.
fn structured_syslog(start: Cursor<'_>) -> Option<Header> {
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
        ..from(cursor, Format::Syslog)
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

/// RFC 3164 without its priority: `Mar  4 08:03:57 host tag[21]: message`. What the tag's program wrote may have a
/// header of its own, whose level counts.
fn syslog(start: Cursor<'_>) -> Option<Header> {
    let mut cursor = start;
    cursor.peek().filter(u8::is_ascii_uppercase)?;
    let stamp = stamp::stamp(&mut cursor).filter(|stamp| stamp.time.is_none())?;
    cursor.eat(b' ').then_some(())?;
    let host = cursor.skip_while(|b| b > b' ');
    (!host.is_empty() && cursor.eat(b' ')).then_some(())?;
    let tag = cursor.skip_while(|b| b > b' ' && b != b':' && b != b'[');
    (!tag.is_empty()).then_some(())?;
    if cursor.eat(b'[') {
        cursor.skip_while(|b| b != b']');
        cursor.skip(1);
    }
    cursor.eat(b':').then_some(())?;
    cursor.skip_blanks();
    let header = Header {
        time: stamp.time,
        ..from(cursor, Format::Syslog)
    };
    Some(match inner_header(cursor) {
        Some(inner) => Header {
            level: inner.level,
            message: inner.message,
            ..header
        },
        None => header,
    })
}
