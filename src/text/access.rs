//! Logs of answered HTTP requests: web servers, proxies, frameworks.

use super::class::Class;
use super::cursor::Cursor;
use super::shape::{Format, Header};
use super::{level, stamp};
use crate::model::Level;

/// What is in a field in front of the stamp.
static FIELD: Class = Class::from_but(b' ' + 1, b"\"");

/// `10.0.0.1 - alice [04/Mar/2026:08:03:57 +0000] "GET / HTTP/1.1" 200 12 …`, with or without a host in front.
pub(super) fn access(start: Cursor<'_>) -> Option<Header> {
    // Most lines that are none have no bracket at all.
    memchr::memchr(b'[', start.rest())?;
    let mut cursor = start;
    let mut words = 0;
    while cursor.peek()? != b'[' {
        (words < 4).then_some(())?;
        let word = cursor.skip_class(&FIELD);
        (!word.is_empty() && cursor.eat(b' ')).then_some(())?;
        words += 1;
    }
    (words >= 3).then_some(())?;
    cursor.skip(1);
    let stamp = stamp::stamp(&mut cursor)?;
    cursor.eat_text(b"] ").then_some(())?;
    let status = request_status(cursor)?;
    Some(Header {
        level: level::status(status),
        time: stamp.time,
        status: Some(status),
        ..Header::before(cursor, Format::Access)
    })
}

/// `"GET /path HTTP/1.1" 200`: the status.
pub(super) fn request_status(start: Cursor<'_>) -> Option<u16> {
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
    u16::try_from(status).ok()
}

/// `[GIN] 2026/03/04 - 08:03:57 | 200 |  1.2ms | 10.0.0.1 | GET  "/x"`
pub(super) fn gin(start: Cursor<'_>) -> Option<Header> {
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
        ..Header::before(message, Format::Access)
    })
}

/// A request behind a stamp in brackets, as Envoy writes it.
pub(super) fn answered(message: Cursor<'_>, header: Header) -> Header {
    if header.level != Level::None || message.peek() != Some(b'"') {
        return header;
    }
    match request_status(message) {
        Some(status) => Header {
            level: level::status(status),
            status: Some(status),
            format: Format::Access,
            ..header
        },
        None => header,
    }
}
