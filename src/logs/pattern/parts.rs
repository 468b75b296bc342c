//! Which texts of a record make its pattern: the message, the error that goes with it, the exceptions of a trace. The
//! rest of a record, frames and other fields, varies.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

use super::words::is_failure;
use crate::text::header::{Format, Header};
use crate::text::lanes::any_three;
use crate::text::quote;
use crate::text::strip::without_escapes;

/// Texts of one record that are looked at.
const MOST_TEXTS: usize = 10;

/// Lines of one record that are looked at: traces that are longer repeat themselves.
const MOST_LINES: usize = 300;

/// Fields of one record that tell of its failure.
const MOST_ERRORS: usize = 6;

/// Bytes of texts for which room is kept from one record to the next.
const MOST_KEPT: usize = 64 * 1024;

/// Bytes of a JSON object that are walked.
const MOST_JSON: usize = 64 * 1024;

/// What a text of a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Message,
    /// An exception or the message of a crash: what a person wants to read first.
    Failure,
    /// The failure below the one before it, in the traces that have the cause last.
    Cause,
    /// Where it happened.
    Place,
}

/// Gives the texts of a record in their order, without escapes.
pub(super) fn texts(header: &Header, lines: &[Bytes], mut take: impl FnMut(&[u8], Role)) {
    let Some(first) = lines.first() else { return };
    let message = first.get(header.message.clone()).unwrap_or(first);
    let mut left = MOST_TEXTS;
    let mut give = |text: &[u8], role: Role| {
        let text = text.trim_ascii();
        if left > 0 && !text.is_empty() {
            left -= 1;
            take(&without_escapes(text), role);
        }
    };
    match header.format {
        Format::Access => give(method(first), Role::Message),
        Format::Json => of_json(first, header.message.clone(), &mut give),
        Format::Logfmt => {
            give(&unescaped(message), Role::Message);
            beside(first, &header.message, &mut give);
        }
        Format::None
        | Format::Klog
        | Format::Syslog
        | Format::Redis
        | Format::Ruby
        | Format::Stamped
        | Format::Bracketed
        | Format::Word => {
            if lines.len() > 1 && message.trim_ascii().first() == Some(&b'{') {
                let object = lines.join(&b"\n"[..]);
                of_json(&object, header.message.start..object.len(), &mut give);
                return;
            }
            give(message, Role::Message);
            beside(first, &(0..header.message.end), &mut give);
        }
    }
    if lines.len() > 1 {
        of_further_lines(lines, &mut give);
    }
}

/// The texts of one record, copied side by side: they are looked at more than once, and found only once.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    ends: Vec<(usize, Role)>,
}

impl Texts {
    /// Those of this record instead of those before.
    pub(super) fn gather(&mut self, header: &Header, lines: &[Bytes]) {
        // What one huge record took is not kept for ever.
        if self.bytes.capacity() > MOST_KEPT {
            *self = Self::default();
        }
        self.bytes.clear();
        self.ends.clear();
        texts(header, lines, |text, role| {
            self.bytes.extend_from_slice(text);
            self.ends.push((self.bytes.len(), role));
        });
    }

    /// All of them, side by side.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], Role)> {
        self.ends.iter().scan(0, |start, (end, role)| {
            let text = self.bytes.get(*start..*end)?;
            *start = *end;
            Some((text, *role))
        })
    }
}

/// The method of a request, as access logs of any format have it.
fn method(line: &[u8]) -> &[u8] {
    const METHODS: &[&[u8]] = &[
        b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"HEAD", b"OPTIONS", b"CONNECT", b"TRACE",
    ];
    let may_be =
        |word: &[u8]| matches!(word.len(), 3..=7) && matches!(word[0], b'G' | b'P' | b'D' | b'H' | b'O' | b'C' | b'T');
    line.split(|b| matches!(b, b' ' | b'"' | b'|' | b'\t'))
        .find(|word| may_be(word) && METHODS.contains(word))
        .unwrap_or(b"request")
}

/// The message, or the names of the fields where there is none, and the error.
fn of_json(line: &[u8], message: Range<usize>, give: &mut impl FnMut(&[u8], Role)) {
    let line = line.get(..MOST_JSON).unwrap_or(line);
    let begin = memchr::memchr(b'{', line).unwrap_or(0);
    if message.start > begin {
        give(&one_line(line.get(message).unwrap_or_default()), Role::Message);
    } else {
        let mut names = Vec::new();
        walk(line, begin, &mut |name, _| names.push(name));
        names.sort_unstable();
        names.dedup();
        give(&names.join(&b" "[..]), Role::Message);
    }
    errors_of_json(line, begin, give);
}

/// The fields of an object that tell of a failure, in an order of their own, since programs write them in any.
fn errors_of_json(line: &[u8], begin: usize, give: &mut impl FnMut(&[u8], Role)) {
    if !may_name_an_error(line) {
        return;
    }
    let mut errors = [(&b""[..], &b""[..]); MOST_ERRORS];
    let mut found = 0;
    walk(line, begin, &mut |name, value| {
        if let Some(place) = errors.get_mut(found).filter(|_| is_error_key(name)) {
            *place = (name, value);
            found += 1;
        }
    });
    let errors = errors.get_mut(..found).unwrap_or_default();
    errors.sort_unstable();
    for (_, value) in errors {
        match value.first() {
            Some(b'{') => walk(value, 0, &mut |name, value| {
                if matches!(name, b"type" | b"kind" | b"name" | b"class" | b"message" | b"msg") {
                    give_string(value, give);
                }
            }),
            _ => give_string(value, give),
        }
    }
}

fn give_string(value: &[u8], give: &mut impl FnMut(&[u8], Role)) {
    if let Some(inner) = value.strip_prefix(b"\"") {
        let inner = inner.strip_suffix(b"\"").unwrap_or(inner);
        give(&one_line(inner), Role::Message);
    }
}

/// Up to an escaped end of line, without the backslashes that a string needs for its quotes.
fn one_line(text: &[u8]) -> Cow<'_, [u8]> {
    let newline = |at: &usize| text.get(at + 1) == Some(&b'n');
    match memchr::memchr(b'\\', text) {
        None => Cow::Borrowed(text),
        Some(_) => unescaped(
            memchr::memchr_iter(b'\\', text)
                .find(newline)
                .and_then(|end| text.get(..end))
                .unwrap_or(text),
        ),
    }
}

/// Without the backslashes that a string needs for its quotes.
fn unescaped(text: &[u8]) -> Cow<'_, [u8]> {
    let Some(mut at) = memchr::memchr(b'\\', text) else {
        return Cow::Borrowed(text);
    };
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        let (before, escape) = rest.split_at(at);
        plain.extend_from_slice(before);
        let (byte, length) = match escape.get(1) {
            Some(byte @ (b'"' | b'\\' | b'/' | b'\'')) => (*byte, 2),
            Some(b't' | b'n' | b'r') => (b' ', 2),
            Some(_) | None => (b'\\', 1),
        };
        plain.push(byte);
        rest = escape.get(length..).unwrap_or_default();
        match memchr::memchr(b'\\', rest) {
            Some(next) => at = next,
            None => break,
        }
    }
    plain.extend_from_slice(rest);
    Cow::Owned(plain)
}

/// Whether a quotation begins as the keys below do. Most objects have none, and are not walked.
fn may_name_an_error(line: &[u8]) -> bool {
    any_three(line, |quote, e, next| {
        let next = next | 0x20;
        (quote ^ b'"') | ((e | 0x20) ^ b'e') | (next ^ b'r').min(next ^ b'x')
    })
}

fn is_error_key(name: &[u8]) -> bool {
    const KEYS: &[&[u8]] = &[
        b"error",
        b"err",
        b"exception",
        b"error.type",
        b"error.message",
        b"error_message",
        b"exception.type",
        b"exception.message",
    ];
    KEYS.iter().any(|key| key.eq_ignore_ascii_case(name))
}

/// Walks over the members of the object that begins at `at`: name, and value as it is written.
fn walk<'a>(text: &'a [u8], at: usize, visit: &mut impl FnMut(&'a [u8], &'a [u8])) {
    let mut at = at + 1;
    loop {
        at = skip_blanks_and_commas(text, at);
        let Some(end) = string_end(text, at) else { return };
        let name = text.get(at + 1..end - 1).unwrap_or_default();
        at = skip_blanks(text, end);
        if text.get(at) != Some(&b':') {
            return;
        }
        at = skip_blanks(text, at + 1);
        let end = value_end(text, at);
        if end <= at {
            return;
        }
        visit(name, text.get(at..end).unwrap_or_default());
        at = end;
    }
}

fn skip_blanks(text: &[u8], at: usize) -> usize {
    if text.get(at).is_some_and(|b| *b > b' ') {
        return at;
    }
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|b| b.is_ascii_whitespace()).count()
}

fn skip_blanks_and_commas(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest
        .iter()
        .take_while(|b| b.is_ascii_whitespace() || **b == b',')
        .count()
}

/// Behind the quoted string that begins at `at`.
fn string_end(text: &[u8], at: usize) -> Option<usize> {
    (text.get(at) == Some(&b'"')).then_some(())?;
    Some(at + 2 + quote::end(text.get(at + 1..)?)?)
}

fn value_end(text: &[u8], at: usize) -> usize {
    match text.get(at) {
        Some(b'"') => string_end(text, at).unwrap_or(text.len()),
        Some(b'{' | b'[') => nested_end(text, at),
        Some(_) => {
            let rest = text.get(at..).unwrap_or_default();
            at + rest.iter().take_while(|b| !matches!(b, b',' | b'}' | b']')).count()
        }
        None => at,
    }
}

fn nested_end(text: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => {
                at = string_end(text, at).unwrap_or(text.len());
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            break;
        }
    }
    at
}

/// The error that stands beside the message: in `err="…"` or in an object at the end of the line.
fn beside(line: &[u8], range: &Range<usize>, give: &mut impl FnMut(&[u8], Role)) {
    let before = line.get(..range.start).unwrap_or_default();
    let behind = line.get(range.end..).unwrap_or_default();
    if behind.is_empty() && memchr::memchr(b'=', before).is_none() {
        return;
    }
    if let Some(begin) = memchr::memchr(b'{', behind)
        && behind.ends_with(b"}")
    {
        return errors_of_json(behind, begin, give);
    }
    if !may_hold_an_error(line) {
        return;
    }
    for part in [before, behind] {
        let part = without_escapes(part);
        for key in [&b"err="[..], b"error="] {
            if let Some(value) = value_of(&part, key) {
                give(&one_line(value), Role::Message);
            }
        }
    }
}

/// Whether a key of an error stands somewhere, as far as can be told without taking escapes out.
fn may_hold_an_error(line: &[u8]) -> bool {
    memchr::memchr2_iter(b'=', b'\x1b', line).any(|at| {
        let before = line.get(..at).unwrap_or_default();
        line.get(at) != Some(&b'=') || before.ends_with(b"err") || before.ends_with(b"error")
    })
}

/// The value behind `key`, which ends with `=`.
fn value_of<'a>(text: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let at = memchr::memchr_iter(b'=', text).map(|at| at + 1).find(|at| {
        let before = text.get(..*at).and_then(|front| front.strip_suffix(key));
        before.is_some_and(|before| matches!(before.last(), None | Some(b' ' | b'\t' | b'"' | b'{' | b',')))
    })?;
    match string_end(text, at) {
        Some(end) => text.get(at + 1..end - 1),
        None => text.get(at..)?.split(|b| *b == b' ').next(),
    }
}

/// Traces give their exceptions and the frame on top; other records one line more.
fn of_further_lines(lines: &[Bytes], give: &mut impl FnMut(&[u8], Role)) {
    let lines = lines.get(..MOST_LINES).unwrap_or(lines);
    let cleaned = lines.iter().skip(1).map(|line| without_escapes(line));
    if !lines.iter().any(|line| is_trace(&without_escapes(line))) {
        // What a bracket opens is data.
        if lines
            .first()
            .is_some_and(|line| matches!(line.trim_ascii_end().last(), Some(b'{' | b'[' | b'(')))
        {
            return;
        }
        let mut further = cleaned.filter(|line| !line.trim_ascii().is_empty());
        if let Some(line) = further.next() {
            give(&line, Role::Message);
        }
        return;
    }
    let mut top = true;
    for line in cleaned {
        match trace_line(&line) {
            TraceLine::Failure(text) => give(text, Role::Failure),
            TraceLine::Cause(text) => give(text, Role::Cause),
            TraceLine::Text(text) => give(text, Role::Message),
            TraceLine::Frame(place) if top => {
                top = false;
                give(place, Role::Place);
            }
            TraceLine::Frame(_) | TraceLine::Noise => {}
        }
    }
}

fn is_trace(line: &[u8]) -> bool {
    let text = line.trim_ascii_start();
    text.starts_with(b"at ")
        || text.starts_with(b"File \"")
        || text.starts_with(b"Traceback (most recent")
        || text.starts_with(b"goroutine ")
        || text.starts_with(b"stack backtrace:")
        || is_panic(text)
        || (text.starts_with(b"from ") && memchr::memmem::find(text, b":in ").is_some())
        || text.starts_with(b"#0 ")
}

/// `thread 'main' panicked at …`, found by its rarest letter.
fn is_panic(text: &[u8]) -> bool {
    const WORDS: &[u8] = b" panicked at ";
    const BEFORE: usize = 6;
    memchr::memchr_iter(WORDS[BEFORE], text).any(|at| {
        let words = at.checked_sub(BEFORE).and_then(|start| text.get(start..));
        words.is_some_and(|words| words.starts_with(WORDS))
    })
}

/// A line of a trace below its first.
enum TraceLine<'a> {
    Failure(&'a [u8]),
    Cause(&'a [u8]),
    Text(&'a [u8]),
    Frame(&'a [u8]),
    Noise,
}

/// Words that introduce a further failure.
const CHAINED: &[&[u8]] = &[b"Suppressed: ", b"Wrapped by: ", b"panic: "];

/// Words that introduce the cause of the failure above it.
const CAUSED: &[&[u8]] = &[b"Caused by: ", b"---> "];

/// Lines of traces that say nothing of their own.
const NOISE: &[&[u8]] = &[
    b"goroutine ",
    b"created by ",
    b"exit status ",
    b"note: ",
    b"stack backtrace:",
    b"Stack backtrace:",
    b"Stack trace:",
    b"Node.js v",
    b"During handling of the above",
    b"The above exception was",
    b"Traceback (most recent",
    b"Require stack:",
    b"[signal ",
    b"...",
    b"}",
    b"]",
    b")",
    b"#",
    b"- /",
    b"(Use `node ",
    b"thrown in ",
];

fn trace_line(line: &[u8]) -> TraceLine<'_> {
    let text = line.trim_ascii();
    if let Some(chained) = CHAINED.iter().find_map(|words| text.strip_prefix(*words)) {
        return TraceLine::Failure(chained);
    }
    if let Some(cause) = CAUSED.iter().find_map(|words| text.strip_prefix(*words)) {
        return TraceLine::Cause(cause);
    }
    if let Some(frame) = text.strip_prefix(b"at ") {
        let end = memchr::memchr(b'(', frame).unwrap_or(frame.len());
        let place = frame.get(..end).unwrap_or(frame).trim_ascii_end();
        // Where a script has no function name there is only its place, which is a path.
        return TraceLine::Frame(place);
    }
    let indented = line.first().is_some_and(|b| matches!(b, b' ' | b'\t'));
    // Some loggers indent all of a record below its first line.
    if indented && is_failure(text.split(|b| *b == b':').next().unwrap_or_default()) && is_exception(text) {
        return TraceLine::Failure(text);
    }
    if indented || text.is_empty() || NOISE.iter().any(|words| text.starts_with(words)) || is_call(text) {
        TraceLine::Noise
    } else if is_exception(text) {
        TraceLine::Failure(text)
    } else {
        TraceLine::Text(text)
    }
}

/// `main.(*Keeper).abort({0xc000, 0x2a})`, a frame of Go.
fn is_call(text: &[u8]) -> bool {
    let opened = memchr::memchr(b'(', text);
    text.ends_with(b")") && opened.is_some_and(|at| !text.iter().take(at).any(|b| *b == b' '))
}

/// `decimal.InvalidOperation: …`, `KeyError: 'x'`, `errors.StoreUnavailable`: a class name alone or before a colon.
pub(super) fn is_exception(text: &[u8]) -> bool {
    let name = text.split(|b| *b == b':').next().unwrap_or_default();
    let last = name.rsplit(|b| *b == b'.').next().unwrap_or_default();
    last.first().is_some_and(u8::is_ascii_uppercase)
        && last.iter().any(u8::is_ascii_lowercase)
        && name
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'$'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::header;

    fn given(lines: &[&str]) -> Vec<String> {
        let lines: Vec<Bytes> = lines
            .iter()
            .map(|line| Bytes::copy_from_slice(line.as_bytes()))
            .collect();
        let mut out = Vec::new();
        let header = header::parse(&lines[0], Format::None);
        texts(&header, &lines, |text, _| {
            out.push(String::from_utf8_lossy(text).into_owned());
        });
        out
    }

    fn check(lines: &[&str], expected: &[&str]) {
        assert_eq!(given(lines), expected, "{lines:?}");
    }

    #[test]
    fn fields_give_message_and_error() {
        check(
            &[r#"{"ts":1772611290.6,"level":"error","msg":"failed","err":"connection refused","id":7}"#],
            &["failed", "connection refused"],
        );
        check(
            &[r#"{"level":"error","error":{"type":"Timeout","message":"too slow"},"message":"failed"}"#],
            &["failed", "Timeout", "too slow"],
        );
        check(&[r#"{"b":1,"a":{"x":[1,2]}}"#], &["a b"]);
        check(
            &[r#"level=error msg="it failed" err="no route" id=3"#],
            &["it failed", "no route"],
        );
    }

    #[test]
    fn a_python_trace_gives_its_exceptions() {
        check(
            &[
                "Traceback (most recent call last):",
                "  File \"/app/a.py\", line 1, in <module>",
                "    import requests",
                "ModuleNotFoundError: No module named 'requests'",
                "",
                "During handling of the above exception, another exception occurred:",
                "",
                "Traceback (most recent call last):",
                "  File \"/app/b.py\", line 2, in run",
                "    fail()",
                "app.errors.Unavailable: giving up",
            ],
            &[
                "Traceback (most recent call last):",
                "ModuleNotFoundError: No module named 'requests'",
                "app.errors.Unavailable: giving up",
            ],
        );
    }

    #[test]
    fn a_java_trace_gives_its_causes_and_its_top_frame() {
        check(
            &[
                "2026-03-04 08:01:30,600 ERROR [main] c.f.Poster: Posting failed",
                "java.lang.IllegalStateException: no balance",
                "\tat c.f.Journal.append(Journal.java:311)",
                "\tat c.f.Poster.run(Poster.java:41)",
                "Caused by: java.io.IOException: closed",
                "\tat c.f.Journal.close(Journal.java:350)",
                "\t... 5 more",
            ],
            &[
                "Posting failed",
                "java.lang.IllegalStateException: no balance",
                "c.f.Journal.append",
                "java.io.IOException: closed",
            ],
        );
    }

    #[test]
    fn a_request_gives_its_method() {
        check(
            &[r#"10.0.0.1 - - [04/Mar/2026:08:03:57 +0000] "GET /x HTTP/1.1" 200 12 "-" "curl""#],
            &["GET"],
        );
    }

    #[test]
    fn pretty_json_is_one_object() {
        check(&["{", "  \"level\": \"info\",", "  \"size\": 3", "}"], &["level size"]);
    }

    proptest! {
        #[test]
        fn never_panics(lines in prop::collection::vec("[ -~\t]{0,60}", 1..8), bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut lines: Vec<Bytes> = lines.into_iter().map(Bytes::from).collect();
            lines.push(Bytes::from(bytes));
            for format in [Format::None, Format::Json, Format::Logfmt, Format::Access] {
                let mut header = header::parse(&lines[0], Format::None);
                header.format = format;
                texts(&header, &lines, |_, _| {});
            }
        }
    }
}
