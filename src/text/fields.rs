//! Level, time and message of a line that is made of fields: one JSON object or logfmt pairs. A scan that stops as soon
//! as it knows enough, not a parser: nothing is unescaped and nothing is allocated.

use std::ops::Range;

use super::class::Class;
use super::cursor::Cursor;
use super::layout::Layout;
use super::role::{Role, role};
use super::{level, piece, quote, stamp};
use crate::model::{Level, Time};

/// What was found in the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) level: Option<Level>,
    pub(super) time: Option<Time>,
    clock: ClockField,
    /// The message as it is written, without its quotes: bytes of the line.
    pub(super) message: Option<Range<usize>>,
    /// Whether `message` is from a field that is certainly the message.
    certain: bool,
    status: Option<u16>,
    request: bool,
}

/// Whether a field tells the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ClockField {
    #[default]
    Missing,
    /// Its value was not understood.
    Unread,
    /// Its value is a stamp, be it of a day that no calendar has.
    Read,
}

impl Fields {
    fn is_complete(&self) -> bool {
        self.level.is_some() && self.clock == ClockField::Read && self.certain
    }

    /// The HTTP status, if the fields are those of an answered request.
    pub(super) fn status(&self) -> Option<u16> {
        self.status.filter(|_| self.request)
    }

    fn take(&mut self, field: &Field<'_>) {
        self.take_as(role(field.key), field);
    }

    fn take_as(&mut self, role: Role, field: &Field<'_>) {
        match role {
            Role::Level if self.level.is_none() => self.level = level_of(field.value),
            Role::Time if self.clock != ClockField::Read => {
                let stamp = stamp_of(field.value);
                self.clock = if stamp.is_some() {
                    ClockField::Read
                } else {
                    ClockField::Unread
                };
                self.time = stamp.flatten();
            }
            Role::Message if !self.certain => {
                self.message = Some(field.range.clone());
                self.certain = true;
            }
            Role::PerhapsMessage if self.message.is_none() => self.message = Some(field.range.clone()),
            Role::Status => self.status = self.status.or_else(|| status_of(field.value)),
            Role::Request => self.request = true,
            Role::Level | Role::Time | Role::Message | Role::PerhapsMessage | Role::Other => {}
        }
    }
}

/// One field as it is written; the value is without its quotes.
pub(super) struct Field<'a> {
    pub(super) key: &'a [u8],
    pub(super) value: &'a [u8],
    /// Where the value is in the line.
    pub(super) range: Range<usize>,
}

impl Field<'_> {
    /// Whether the level of the line can be read from it.
    pub(super) fn tells_level(&self) -> bool {
        matches!(role(self.key), Role::Level) && level_of(self.value).is_some()
    }

    /// Whether the time of the line can be read from it, or be seen in it: `{"$date":…}`, as databases have it.
    pub(super) fn tells_time(&self) -> bool {
        matches!(role(self.key), Role::Time)
            && (stamp_of(self.value).is_some() || self.value.starts_with(b"{\"$date\":"))
    }

    /// Whether it tells why something failed.
    pub(super) fn tells_cause(&self) -> bool {
        is_cause(self.key)
    }
}

fn level_of(value: &[u8]) -> Option<Level> {
    if let Some(level) = level::word(value) {
        return Some(level);
    }
    if value == b"LOG" {
        return Some(Level::Info);
    }
    if let [single] = value
        && let Some(level) = level::letter(*single)
    {
        return Some(level);
    }
    whole_number(value)
        .map(level::number)
        .filter(|level| *level != Level::None)
}

/// The stamp that is the value, and the time that it means.
#[expect(clippy::option_option, reason = "outer: is it a stamp; inner: of which time")]
fn stamp_of(value: &[u8]) -> Option<Option<Time>> {
    let value = value.strip_prefix(b"{\"$date\":\"").unwrap_or(value);
    let is_number = value.get(..9).is_some_and(|front| front.iter().all(u8::is_ascii_digit));
    match is_number.then(|| stamp::epoch(value)).flatten() {
        Some(time) => Some(Some(time)),
        None => stamp::stamp(&mut Cursor::new(value, 0))
            .filter(|stamp| stamp.has_year)
            .map(|stamp| stamp.time),
    }
}

fn status_of(value: &[u8]) -> Option<u16> {
    let status = whole_number(value).filter(|status| matches!(status, 100..=599))?;
    u16::try_from(status).ok()
}

fn whole_number(digits: &[u8]) -> Option<u32> {
    if !matches!(digits.len(), 1..=6) {
        return None;
    }
    Cursor::new(digits, 0).digits(digits.len())
}

/// The fields of the JSON object that begins at the cursor. Nothing if it does not begin with a key, or is empty.
/// `layout` is of the lines before, if they are known.
pub(super) fn json(start: Cursor<'_>, mut layout: Option<&mut Layout>) -> Option<Fields> {
    let mut cursor = start;
    cursor.eat(b'{').then_some(())?;
    let mut fields = Fields::default();
    let (role, field) = json_field_at(&mut cursor, 0, layout.as_deref_mut())?;
    fields.take_as(role, &field);
    let mut place = 1;
    while !fields.is_complete() {
        skip_space(&mut cursor);
        if !cursor.eat(b',') {
            break;
        }
        let Some((role, field)) = json_field_at(&mut cursor, place, layout.as_deref_mut()) else {
            break;
        };
        if field.key == b"log" && field.value.starts_with(b"{") {
            fields.take_inner_level(Cursor::new(start.line(), field.range.start));
        } else {
            fields.take_as(role, &field);
        }
        place += 1;
    }
    Some(fields)
}

/// The member of a JSON object at the cursor and its role, which is known without reading the key if it is the one that
/// is always there.
fn json_field_at<'a>(cursor: &mut Cursor<'a>, place: usize, layout: Option<&mut Layout>) -> Option<(Role, Field<'a>)> {
    skip_space(cursor);
    let Some(layout) = layout else {
        let field = json_field(cursor)?;
        return Some((role(field.key), field));
    };
    let before = *cursor;
    let (role, key) = if let Some(known) = layout.again(place, cursor.rest()) {
        let name = cursor.rest().get(1..=known.name().len()).unwrap_or_default();
        cursor.skip(known.length());
        skip_space(cursor);
        (known.role, name)
    } else {
        let key = json_key(cursor)?;
        let role = role(key);
        layout.note(place, before.until(cursor), key.len(), role);
        (role, key)
    };
    Some((role, json_value(cursor, key)?))
}

impl Fields {
    /// The Elastic schema may nest: `"log":{"level":"error"}`.
    fn take_inner_level(&mut self, mut inner: Cursor<'_>) {
        inner.skip(1);
        if let Some(field) = json_field(&mut inner)
            && field.key == b"level"
        {
            self.take(&field);
        }
    }
}

/// The level that one member of a JSON object states, as on a line of pretty-printed JSON.
pub(super) fn json_member_level(line: &[u8]) -> Option<Level> {
    let mut cursor = Cursor::new(line, 0);
    let field = json_field(&mut cursor)?;
    match role(field.key) {
        Role::Level => level_of(field.value),
        Role::Time | Role::Message | Role::PerhapsMessage | Role::Status | Role::Request | Role::Other => None,
    }
}

/// The member of a JSON object at the cursor, which moves behind it.
pub(super) fn json_field<'a>(cursor: &mut Cursor<'a>) -> Option<Field<'a>> {
    skip_space(cursor);
    let key = json_key(cursor)?;
    json_value(cursor, key)
}

/// The key at the cursor, which moves to its value.
fn json_key<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let (key, _) = quoted(cursor)?;
    skip_space(cursor);
    cursor.eat(b':').then_some(())?;
    skip_space(cursor);
    Some(key)
}

#[inline]
fn json_value<'a>(cursor: &mut Cursor<'a>, key: &'a [u8]) -> Option<Field<'a>> {
    let start = *cursor;
    let (value, range) = match cursor.peek()? {
        b'"' => quoted(cursor)?,
        b'{' | b'[' => {
            skip_nested(cursor);
            (start.until(cursor), start.at()..cursor.at())
        }
        _ => {
            let value = cursor.skip_class(&BARE);
            (value, start.at()..cursor.at())
        }
    };
    Some(Field { key, value, range })
}

/// What is in a value of JSON without quotes or brackets.
static BARE: Class = Class::from_but(0, b",}] \t");

#[inline]
pub(super) fn skip_space(cursor: &mut Cursor<'_>) {
    if cursor.peek().is_some_and(|byte| byte > b' ') {
        return;
    }
    cursor.skip_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'));
}

/// A quoted string: what is between the quotes. Nothing if it does not end on this line.
pub(super) fn quoted<'a>(cursor: &mut Cursor<'a>) -> Option<(&'a [u8], Range<usize>)> {
    cursor.eat(b'"').then_some(())?;
    let start = *cursor;
    cursor.skip(quote::end(cursor.rest())?);
    let (inner, range) = (start.until(cursor), start.at()..cursor.at());
    cursor.skip(1);
    Some((inner, range))
}

/// Behind an object or a list, however deep.
fn skip_nested(cursor: &mut Cursor<'_>) {
    let mut depth = 0usize;
    while let Some(byte) = cursor.peek() {
        match byte {
            b'"' => {
                if quoted(cursor).is_none() {
                    cursor.skip(usize::MAX);
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        cursor.skip(1);
        if depth == 0 {
            return;
        }
    }
}

/// Words without `=` that logfmt may have before it stops looking like logfmt.
const MOST_BARE_WORDS: usize = 4;

/// The fields of logfmt pairs that begin at the cursor. Nothing if the line does not begin with a pair or no pair is one
/// of those that logs have.
pub(super) fn logfmt(start: Cursor<'_>) -> Option<Fields> {
    let mut cursor = start;
    let mut fields = Fields::default();
    fields.take(&logfmt_field(&mut cursor)?);
    let mut bare = 0;
    while !fields.is_complete() {
        cursor.skip_blanks();
        if cursor.peek().is_none() {
            break;
        }
        match logfmt_field(&mut cursor) {
            Some(field) => fields.take(&field),
            None if bare < MOST_BARE_WORDS => {
                bare += 1;
                cursor.skip_while(|b| b != b' ');
            }
            None => break,
        }
    }
    let known =
        fields.level.is_some() || fields.certain || (fields.clock != ClockField::Missing && fields.status.is_some());
    known.then_some(fields)
}

/// The pair at the cursor, which moves behind it; without one the cursor stays.
pub(super) fn logfmt_field<'a>(cursor: &mut Cursor<'a>) -> Option<Field<'a>> {
    cursor.skip_colours();
    let mut there = *cursor;
    if !matches!(there.peek()?, b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'@') {
        return None;
    }
    let key = there.skip_class(&KEY);
    there.skip_colours();
    there.eat(b'=').then_some(())?;
    there.skip_colours();
    let (value, range) = if there.peek() == Some(b'"') {
        quoted(&mut there)?
    } else {
        let start = there;
        let value = there.skip_while(|b| !matches!(b, b' ' | b'\t' | super::escape::ESC));
        // The end of base64, not a pair.
        (!matches!(value.first(), Some(b'=' | b')' | b']'))).then_some(())?;
        (value, start.at()..there.at())
    };
    *cursor = there;
    Some(Field { key, value, range })
}

/// Whether the value of this key tells why something failed.
fn is_cause(key: &[u8]) -> bool {
    matches!(
        key,
        b"err"
            | b"error"
            | b"errmsg"
            | b"error_message"
            | b"error.message"
            | b"error.type"
            | b"error.kind"
            | b"cause"
            | b"exception"
            | b"exception.type"
            | b"exception.message"
            | b"exc_info"
    )
}

/// The same inside of an object that is the value of such a key.
fn is_part_of_cause(key: &[u8]) -> bool {
    matches!(
        key,
        b"type" | b"name" | b"class" | b"kind" | b"code" | b"message" | b"msg"
    )
}

/// Calls `each` with every cause in the JSON object at the cursor.
pub(super) fn causes_in_json<'a>(start: Cursor<'a>, mut each: impl FnMut(&'a [u8], &'a [u8])) {
    for_each_member(start, |field| {
        if !is_cause(field.key) {
            return;
        }
        if field.value.starts_with(b"{") {
            for_each_member(Cursor::new(start.line(), field.range.start), |inner| {
                if is_part_of_cause(inner.key) {
                    each(inner.key, inner.value);
                }
            });
        } else {
            each(field.key, field.value);
        }
    });
}

fn for_each_member<'a>(start: Cursor<'a>, mut each: impl FnMut(Field<'a>)) {
    let mut cursor = start;
    cursor.skip(1);
    while let Some(field) = json_field(&mut cursor) {
        each(field);
        skip_space(&mut cursor);
        if !cursor.eat(b',') {
            break;
        }
    }
}

/// Calls `each` with every cause in the pairs behind the cursor; words between them do not matter.
pub(super) fn causes_in_pairs<'a>(start: Cursor<'a>, mut each: impl FnMut(&'a [u8], &'a [u8])) {
    let mut cursor = start;
    loop {
        cursor.skip_blanks();
        if cursor.peek().is_none() {
            return;
        }
        match logfmt_field(&mut cursor) {
            Some(field) if is_cause(field.key) => each(field.key, field.value),
            Some(_) => {}
            None => {
                cursor.skip(1);
                cursor.skip_while(|b| b != b' ' && b != b'\t');
            }
        }
    }
}

/// The message without the fields behind it: a string in quotes is the message itself; else pairs up to the end of the
/// line, an object behind a tab (zap) or Monolog's two at the end are cut off.
pub(super) fn without_trailing(line: &[u8], message: Range<usize>) -> Range<usize> {
    let text = line.get(message.clone()).unwrap_or_default();
    match (text.first(), text.last()) {
        (Some(b'"'), _) => {
            let mut cursor = Cursor::new(line, message.start);
            quoted(&mut cursor)
                .filter(|_| matches!(cursor.peek(), None | Some(b' ')))
                .map_or(message, |(_, inner)| inner)
        }
        (_, Some(b'}')) => {
            let object = memchr::memmem::find(text, b"\t{").or_else(|| object_behind(text));
            message.start..object.map_or(message.end, |at| message.start + at)
        }
        (Some(b'['), Some(b']')) if text.starts_with(b"[\"") => {
            // `["message"] [key=value]`
            let mut cursor = Cursor::new(line, message.start + 1);
            quoted(&mut cursor)
                .filter(|_| cursor.peek() == Some(b']'))
                .map_or(message, |(_, inner)| inner)
        }
        (_, Some(b')')) => {
            let logger = logger_behind(text);
            message.start..logger.map_or(message.end, |at| message.start + at)
        }
        (_, Some(b']')) if text.ends_with(b" []") => {
            let fields = memchr::memmem::find(text, b" {\"").or_else(|| Some(text.strip_suffix(b" [] []")?.len()));
            message.start..fields.map_or(message.end, |at| message.start + at)
        }
        _ => message.start..trailing_pairs(line, message),
    }
}

/// Where the JSON object begins that ends the message, if a sentence is in front that does not announce it.
fn object_behind(text: &[u8]) -> Option<usize> {
    let at = memchr::memmem::find(text, b" {\"")?;
    let before = text.get(..at)?.trim_ascii_end();
    (!matches!(before.last(), None | Some(b':' | b'=' | b',' | b'('))).then_some(before.len())
}

/// Where the logger begins that some patterns have at the end: ` (kafka.network.Acceptor)`.
fn logger_behind(text: &[u8]) -> Option<usize> {
    let at = memchr::memrchr(b'(', text)?;
    let name = text.get(at + 1..text.len() - 1)?;
    let before = text.get(..at)?;
    (before.ends_with(b" ") && name.contains(&b'.') && piece::is_qualified_class(name))
        .then(|| before.trim_ascii_end().len())
}

/// Where the pairs begin that go on to the end of the line; the end of the message if there are none.
fn trailing_pairs(line: &[u8], message: Range<usize>) -> usize {
    let mut from = message.start;
    while let Some(found) = line.get(from..message.end).and_then(|text| memchr::memchr(b'=', text)) {
        let equals = from + found;
        from = equals + 1;
        let Some(start) = start_of_pair(line, message.start, equals) else {
            continue;
        };
        let mut cursor = Cursor::new(line, start);
        while logfmt_field(&mut cursor).is_some() {
            cursor.skip_blanks();
        }
        if cursor.at() >= message.end {
            let text = line.get(message.start..start).unwrap_or_default().trim_ascii_end();
            // `created: id=7 size=3` is one sentence.
            let announces = matches!(text.last(), Some(b':' | b',' | b'('));
            return if announces {
                message.end
            } else {
                message.start + text.len()
            };
        }
        from = from.max(cursor.at());
    }
    message.end
}

/// Where the key before this `=` begins, if a blank is in front of it; colours may be around it.
fn start_of_pair(line: &[u8], least: usize, equals: usize) -> Option<usize> {
    let before = |end: usize| line.get(least..end).unwrap_or_default();
    let end = equals - colour_before(before(equals));
    let length = before(end).iter().rev().take_while(|b| is_in_key(**b)).count();
    let coloured = coloured_key(before(end));
    let start = end - coloured.unwrap_or(length);
    (length > 0 && before(start).last() == Some(&b' ')).then_some(start)
}

/// The length of a key with a colour in front that `text` ends in.
fn coloured_key(text: &[u8]) -> Option<usize> {
    let near = text.len().saturating_sub(64);
    let tail = text.get(near..)?;
    let escape = memchr::memrchr(super::escape::ESC, tail)?;
    let sequence = tail.get(escape..)?;
    let (_, length) = super::escape::colour(sequence)?;
    let key = sequence.get(length..)?;
    (!key.is_empty() && key.iter().all(|b| is_in_key(*b))).then_some(sequence.len())
}

static KEY: Class = Class::word_and(b"_.-@/");

fn is_in_key(byte: u8) -> bool {
    KEY.has(byte)
}

/// The length of the colour sequence that `text` ends in; 0 if it does not.
fn colour_before(text: &[u8]) -> usize {
    let near = text.len().saturating_sub(12);
    let tail = text.get(near..).unwrap_or_default();
    let Some(escape) = memchr::memrchr(super::escape::ESC, tail) else {
        return 0;
    };
    let sequence = tail.get(escape..).unwrap_or_default();
    match super::escape::colour(sequence) {
        Some((_, length)) if length == sequence.len() => length,
        Some(_) | None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fields: Option<Fields>, line: &str, level: Option<Level>, message: &str) {
        let fields = fields.unwrap_or_else(|| panic!("no fields in {line}"));
        assert_eq!(fields.level, level, "{line}");
        let found = fields.message.map(|range| line.get(range).unwrap());
        assert_eq!(found.unwrap_or_default(), message, "{line}");
    }

    fn check_json(line: &str, level: Option<Level>, message: &str) {
        check(json(Cursor::new(line.as_bytes(), 0), None), line, level, message);
    }

    fn check_logfmt(line: &str, level: Option<Level>, message: &str) {
        check(logfmt(Cursor::new(line.as_bytes(), 0)), line, level, message);
    }

    #[test]
    fn json_of_every_school() {
        check_json(r#"{"level":"warn","msg":"slow"}"#, Some(Level::Warn), "slow");
        check_json(
            r#"{"level":50,"time":1772611862471,"msg":"gone"}"#,
            Some(Level::Error),
            "gone",
        );
        check_json(
            r#"{"a":{"level":"fatal"},"severity":"ERROR","message":"x"}"#,
            Some(Level::Error),
            "x",
        );
        check_json(
            r#"{"a":["\"level\":"],"log.level": "INFO", "message" : "say \"hi\""}"#,
            Some(Level::Info),
            r#"say \"hi\""#,
        );
        check_json(r#"{"message":"x","log":{"level":"error"}}"#, Some(Level::Error), "x");
        check_json(r#"{"t":{"$date":"2026"},"s":"W","msg":"x"}"#, Some(Level::Warn), "x");
        check_json(r#"{"event":"login","level":"info"}"#, Some(Level::Info), "login");
        check_json(r#"{"event":"login","msg":"who"}"#, None, "who");
        check_json(r#"{"PRIORITY":"3","MESSAGE":"gone"}"#, Some(Level::Error), "gone");
        check_json(r#"{"error_severity":"LOG","message":"up"}"#, Some(Level::Info), "up");
        check_json(
            r#"{"Level":"Warning","MessageTemplate":"slow {x}","RenderedMessage":"slow 3"}"#,
            Some(Level::Warn),
            "slow {x}",
        );
        check_json(r#"{"@level":"warn","@message":"slow"}"#, Some(Level::Warn), "slow");
        check_json(r#"{"n":1}"#, None, "");
        check_json(
            r#"{"msg":"cut off in the mid"#.replace("\"msg\"", "\"n\":1,\"msg\"").as_str(),
            None,
            "",
        );
    }

    #[test]
    fn what_is_not_an_object_has_no_fields() {
        for line in ["{", "{}", "{main}", "{\"level", "{1:2}"] {
            assert_eq!(json(Cursor::new(line.as_bytes(), 0), None), None, "{line}");
        }
    }

    #[test]
    fn logfmt_in_any_order() {
        check_logfmt(
            "level=info msg=\"up and running\" n=1",
            Some(Level::Info),
            "up and running",
        );
        check_logfmt(
            "ts=2026-03-04T08:00:35.961Z caller=x.go:1 msg=done level=error",
            Some(Level::Error),
            "done",
        );
        check_logfmt("\x1b[36mlvl\x1b[0m=eror msg=x", Some(Level::Error), "x");
        check_logfmt("a=1 b=2 level=warn", Some(Level::Warn), "");
    }

    #[test]
    fn words_and_foreign_pairs_are_not_logfmt() {
        for line in [
            "a=1 b=2",
            "level is high",
            "x",
            "=x",
            "retry=3 then gave up on the whole thing level=error",
        ] {
            assert_eq!(logfmt(Cursor::new(line.as_bytes(), 0)), None, "{line}");
        }
    }

    #[test]
    fn a_status_counts_in_requests_only() {
        let status = |line: &str| json(Cursor::new(line.as_bytes(), 0), None).unwrap().status();
        assert_eq!(status(r#"{"method":"GET","status":503}"#), Some(503));
        assert_eq!(status(r#"{"job":"GET","status":503}"#), None);
    }
}
