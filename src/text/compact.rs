//! A line shortened for a narrow column beside which its time and level are seen already: without its own stamp, and
//! with the message before what surrounds it. Not for copying, searching or counting: those take the line as it is.

use std::ops::Range;

use super::cursor::Cursor;
use super::escape::ESC;
use super::fields::{self, Field};
use super::header::{Format, Header};
use super::stamp;
use crate::model::Time;

/// Bytes of threads, loggers and the like that may stay before a message; more go behind it.
const LONGEST_LEAD: usize = 32;
/// How far from the front of a line its stamp is looked for, bytes.
const FARTHEST_STAMP: usize = 160;
/// Stamps that are no farther apart than this are the same to a reader, nanoseconds.
const NEAR: i64 = 5_000_000_000;
/// The steps in which time zones differ, and how far they reach, nanoseconds.
const ZONE_STEP: i64 = 15 * 60 * 1_000_000_000;
const FARTHEST_ZONE: i64 = 14 * 3_600 * 1_000_000_000;

/// A shortened line. It has no control character that the line had not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compact {
    pub text: Vec<u8>,
    /// From which byte on there are only fields and loggers, no message.
    pub details: usize,
}

/// The line without what is seen beside it, with the message first; nothing where it is best shown as it is.
///
/// `beside` is the time that is shown next to the line. A stamp that tells another time stays, whatever its zone: then
/// the clock is wrong or the line was held back, and both are worth seeing. Lines with colours are not touched.
pub fn compact(line: &[u8], header: &Header, beside: Time) -> Option<Compact> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if memchr::memchr(ESC, line).is_some() {
        return None;
    }
    let stamp = if is_redundant(header.time, beside) {
        OwnStamp::Redundant
    } else {
        OwnStamp::Telling
    };
    match (header.format, stamp) {
        (Format::Json, _) => json(line, header, stamp),
        (Format::Logfmt, _) => logfmt(line, header, stamp),
        (Format::None | Format::Word, _) | (_, OwnStamp::Telling) => None,
        (
            Format::Klog
            | Format::Access
            | Format::Syslog
            | Format::Redis
            | Format::Ruby
            | Format::Stamped
            | Format::Bracketed,
            OwnStamp::Redundant,
        ) => unstamped(line, header),
    }
}

/// Whether the stamp of a line says more than the time beside it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OwnStamp {
    Redundant,
    Telling,
}

/// A stamp without a date, or in a zone that is not known, cannot be compared and is taken as the same time.
fn is_redundant(own: Option<Time>, beside: Time) -> bool {
    let Some(own) = own else { return true };
    let apart = own.0.saturating_sub(beside.0);
    let within_zone = apart.rem_euclid(ZONE_STEP);
    within_zone.min(ZONE_STEP - within_zone) <= NEAR && apart.saturating_abs() <= FARTHEST_ZONE + NEAR
}

/// `INFO api.auth: user logged in`; a long lead goes behind: `order placed  INFO 1 --- [main] com.example.Orders`.
fn unstamped(line: &[u8], header: &Header) -> Option<Compact> {
    let head = line.get(..header.message.start)?;
    let message = line.get(header.message.start..)?;
    let lead = without_stamp(head)?;
    if let Some(answer) = answer(message).filter(|_| header.format == Format::Access && !lead.is_empty()) {
        return Some(request_first(answer, &lead));
    }
    if lead.len() <= LONGEST_LEAD || message.is_empty() {
        return finished([&lead, message].concat(), 0);
    }
    let end = lead.trim_ascii_end();
    let end = end
        .strip_suffix(b":")
        .or_else(|| end.strip_suffix(b"-"))
        .or_else(|| end.strip_suffix(b"|"))
        .unwrap_or(end);
    let text = [message, b"  ", end.trim_ascii()].concat();
    let details = message.len();
    Some(Compact { text, details })
}

/// What was asked for and how it was answered, and the rest of the line of a web server.
#[derive(Clone, Copy)]
struct Answer<'a> {
    /// `"GET / HTTP/1.1" 200 12`
    request: &'a [u8],
    /// Referrer, agent and the like, from the blank on.
    rest: &'a [u8],
}

fn answer(message: &[u8]) -> Option<Answer<'_>> {
    let mut cursor = Cursor::new(message, 0);
    fields::quoted(&mut cursor)?;
    let is_number = |b: u8| b.is_ascii_digit() || b == b'-';
    for _ in 0..2 {
        let mut there = cursor;
        let number = there.eat(b' ') && !there.skip_while(is_number).is_empty();
        if number && matches!(there.peek(), Some(b' ') | None) {
            cursor = there;
        }
    }
    let (request, rest) = message.split_at_checked(cursor.at())?;
    Some(Answer { request, rest })
}

/// The request and its status, which matter most, then who asked: `"GET / HTTP/1.1" 200 12 10.0.0.1 - - "-" "curl"`.
fn request_first(answer: Answer<'_>, lead: &[u8]) -> Compact {
    Compact {
        text: [answer.request, b" ", lead.trim_ascii(), answer.rest].concat(),
        details: answer.request.len(),
    }
}

/// The front of a line without the stamp in it, and with single blanks; nothing if there is no stamp.
fn without_stamp(head: &[u8]) -> Option<Vec<u8>> {
    let stamp = widened(head, find_stamp(head)?);
    let (before, behind) = (head.get(..stamp.start)?, head.get(stamp.end..)?);
    let mut kept = Vec::with_capacity(before.len() + behind.len() + 1);
    push_with_single_blanks(&mut kept, before);
    if kept.last().is_some_and(u8::is_ascii_alphanumeric) && !behind.is_empty() {
        kept.push(b' ');
    }
    push_with_single_blanks(&mut kept, behind);
    Some(kept)
}

/// The first stamp at the front of a line or behind a blank, a bracket or the like.
fn find_stamp(head: &[u8]) -> Option<Range<usize>> {
    let before = std::iter::once(&b' ').chain(head);
    let starts = before.take(FARTHEST_STAMP).enumerate();
    starts
        .filter(|(_, before)| matches!(before, b' ' | b'\t' | b'[' | b'(' | b'>' | b'|'))
        .find_map(|(at, _)| stamp_at(head, at).or_else(|| klog_stamp_at(head, at)))
}

fn stamp_at(head: &[u8], at: usize) -> Option<Range<usize>> {
    let mut cursor = Cursor::new(head, at);
    stamp::stamp(&mut cursor)?;
    Some(at..cursor.at())
}

/// `I0304 08:01:26.843002` without its letter.
fn klog_stamp_at(head: &[u8], at: usize) -> Option<Range<usize>> {
    let mut cursor = Cursor::new(head, at);
    cursor.peek().filter(u8::is_ascii_uppercase)?;
    cursor.skip(1);
    let date = cursor.skip_while(|b| b.is_ascii_digit());
    (matches!(date.len(), 4 | 8) && cursor.eat(b' ')).then_some(())?;
    stamp::stamp(&mut cursor)?;
    Some(at + 1..cursor.at())
}

/// With the brackets that hold nothing else, and the separator behind.
fn widened(head: &[u8], stamp: Range<usize>) -> Range<usize> {
    let before = stamp.start.checked_sub(1);
    let around = (before.and_then(|at| head.get(at)), head.get(stamp.end));
    let (start, end) = match (before, around) {
        (Some(before), (Some(b'['), Some(b']')) | (Some(b'('), Some(b')'))) => (before, stamp.end + 1),
        _ => (stamp.start, stamp.end),
    };
    let mut behind = Cursor::new(head, end);
    behind.skip_while(is_blank);
    for separator in [&b"- "[..], b"| ", b": ", b", ", b"-- ", b"--- "] {
        if behind.eat_text(separator) {
            break;
        }
    }
    behind.skip_while(is_blank);
    start..behind.at()
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn push_with_single_blanks(kept: &mut Vec<u8>, text: &[u8]) {
    for byte in text {
        if !is_blank(*byte) {
            kept.push(*byte);
        } else if kept.last().is_some_and(|last| *last != b' ') {
            kept.push(b' ');
        }
    }
}

/// `stock reserved sku=wool-rug quantity=5`
fn json(line: &[u8], header: &Header, stamp: OwnStamp) -> Option<Compact> {
    let object = memchr::memchr(b'{', line)?;
    let mut told = Told::new(stamp);
    let fields = members(line, object)?;
    let fields: Vec<_> = fields.iter().filter(|field| !told.tells(field)).collect();
    let message = fields.iter().find(|field| field.range == header.message);

    let mut text = front(line, object, stamp);
    push_blank(&mut text);
    if let Some(message) = message {
        match Value::of(line, message) {
            Value::Text(written) => unescape(&mut text, written, Quotes::Off),
            Value::Other(written) => text.extend_from_slice(written),
        }
    }
    let details = text.len();
    let is_detail = |field: &&&Field<'_>| field.range != header.message;
    let others = fields.iter().filter(is_detail);
    let (causes, rest): (Vec<&Field<'_>>, Vec<_>) = others.partition(|field| field.tells_cause());
    for field in causes.into_iter().chain(rest) {
        push_blank(&mut text);
        push_pair(&mut text, line, field);
    }
    finished(text, details)
}

/// What a log collector wrote before the object, without its stamp.
fn front(line: &[u8], object: usize, stamp: OwnStamp) -> Vec<u8> {
    let head = line.get(..object).unwrap_or_default();
    match stamp {
        OwnStamp::Redundant => without_stamp(head).unwrap_or_else(|| head.trim_ascii_start().to_vec()),
        OwnStamp::Telling => head.trim_ascii_start().to_vec(),
    }
}

/// The members of the object, which must go on to the end of the line and be whole.
fn members(line: &[u8], object: usize) -> Option<Vec<Field<'_>>> {
    let mut cursor = Cursor::new(line, object);
    cursor.skip(1);
    let mut fields = Vec::new();
    loop {
        let field = fields::json_field(&mut cursor)?;
        if let Value::Other(b"") = Value::of(line, &field) {
            return None;
        }
        fields.push(field);
        fields::skip_space(&mut cursor);
        if !cursor.eat(b',') {
            break;
        }
    }
    let ends = cursor.eat(b'}') && cursor.rest().trim_ascii().is_empty();
    ends.then_some(fields)
}

/// The value of a member as it is written.
enum Value<'a> {
    /// What is between the quotes.
    Text(&'a [u8]),
    Other(&'a [u8]),
}

impl<'a> Value<'a> {
    fn of(line: &[u8], field: &Field<'a>) -> Self {
        let before = field.range.start.checked_sub(1);
        if before.and_then(|before| line.get(before)) == Some(&b'"') {
            Self::Text(field.value)
        } else {
            Self::Other(field.value)
        }
    }
}

fn push_blank(text: &mut Vec<u8>) {
    if text.last().is_some_and(|last| *last != b' ') {
        text.push(b' ');
    }
}

/// `key=value`, in quotes where one could not see where it ends.
fn push_pair(text: &mut Vec<u8>, line: &[u8], field: &Field<'_>) {
    push_text(text, field.key);
    text.push(b'=');
    match Value::of(line, field) {
        Value::Text(written) => push_text(text, written),
        Value::Other(written) => text.extend_from_slice(written),
    }
}

fn push_text(text: &mut Vec<u8>, written: &[u8]) {
    let is_bare = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'=' | b'\\') || !byte.is_ascii();
    let opens = matches!(written.first(), None | Some(b'{' | b'['));
    if !opens && written.iter().all(is_bare) {
        text.extend_from_slice(written);
        return;
    }
    text.push(b'"');
    unescape(text, written, Quotes::On);
    text.push(b'"');
}

/// Whether text stands between quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quotes {
    On,
    Off,
}

/// The text of a JSON string. Control characters stay as they are written (`\n`, `\u001b`), so that nothing that was
/// text in the line becomes a command here; between quotes `\"` and `\\` stay too.
fn unescape(text: &mut Vec<u8>, written: &[u8], quotes: Quotes) {
    let mut cursor = Cursor::new(written, 0);
    loop {
        text.extend_from_slice(cursor.skip_while(|b| b != b'\\'));
        let start = cursor;
        if !cursor.eat(b'\\') {
            return;
        }
        match (cursor.peek(), quotes) {
            (Some(byte @ (b'"' | b'\\')), Quotes::Off) | (Some(byte @ b'/'), _) => {
                cursor.skip(1);
                text.push(byte);
                continue;
            }
            (Some(b'u'), _) => {
                if let Some(c) = code_point(&mut cursor) {
                    text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                    continue;
                }
                cursor.skip(1);
            }
            (Some(_), _) => cursor.skip(1),
            (None, _) => {}
        }
        text.extend_from_slice(start.until(&cursor));
    }
}

/// `u00e9`, or two of them for a character beyond the first plane; the cursor moves behind it.
fn code_point(cursor: &mut Cursor<'_>) -> Option<char> {
    let mut there = *cursor;
    let first = code_unit(&mut there)?;
    let mut c = char::decode_utf16([first]).next()?.ok();
    if c.is_none() && there.eat(b'\\') {
        c = char::decode_utf16([first, code_unit(&mut there)?]).next()?.ok();
    }
    let c = c.filter(|c| !c.is_control() && !matches!(c, '"' | '\\'))?;
    *cursor = there;
    Some(c)
}

fn code_unit(cursor: &mut Cursor<'_>) -> Option<u16> {
    cursor.eat(b'u').then_some(())?;
    let digits = cursor.rest().get(..4)?;
    let mut unit = 0;
    for digit in digits {
        let digit = char::from(*digit).to_digit(16)?;
        unit = unit * 16 + u16::try_from(digit).ok()?;
    }
    cursor.skip(4);
    Some(unit)
}

/// `up and running caller=main.go:1`. Words that are no pairs stay where they are among the pairs.
fn logfmt(line: &[u8], header: &Header, stamp: OwnStamp) -> Option<Compact> {
    let mut cursor = Cursor::new(line, 0);
    if stamp == OwnStamp::Redundant {
        // Moves behind the stamp of a collector if there is one.
        stamp::stamp(&mut cursor);
    }
    let mut told = Told::new(stamp);
    let mut message = Vec::new();
    let mut pieces: Vec<&[u8]> = Vec::new();
    loop {
        cursor.skip_while(is_blank);
        let start = cursor;
        match fields::logfmt_field(&mut cursor) {
            Some(field) if told.tells(&field) => {}
            Some(field) if field.range == header.message => unescape(&mut message, field.value, Quotes::Off),
            Some(_) => pieces.push(start.until(&cursor)),
            None if cursor.peek().is_none() => break,
            None => pieces.push(cursor.skip_while(|b| !is_blank(b))),
        }
    }
    let mut text = message;
    let details = text.len();
    for piece in pieces {
        push_blank(&mut text);
        text.extend_from_slice(piece);
    }
    finished(text, details)
}

/// Which fields are seen beside the line: the first that tells the level and the first that tells the time.
struct Told {
    level: bool,
    time: bool,
}

impl Told {
    fn new(stamp: OwnStamp) -> Self {
        Self {
            level: false,
            time: stamp == OwnStamp::Telling,
        }
    }

    fn tells(&mut self, field: &Field<'_>) -> bool {
        if !self.level && field.tells_level() {
            self.level = true;
            return true;
        }
        if !self.time && field.tells_time() {
            self.time = true;
            return true;
        }
        false
    }
}

/// Without a message there is nothing to be details of; without anything the line stays.
fn finished(text: Vec<u8>, details: usize) -> Option<Compact> {
    let details = if details == 0 { text.len() } else { details };
    (!text.is_empty()).then_some(Compact { text, details })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::header;
    use super::*;

    /// 2026-03-04 08:00:52 UTC
    const BESIDE: Time = Time(1_772_611_252_000_000_000);

    /// What is shown of a line, with `‖` before the details.
    fn shown(line: &[u8]) -> Option<String> {
        let compact = compact(line, &header::parse(line, Format::None), BESIDE)?;
        let (message, details) = compact.text.split_at(compact.details);
        let bar = if details.is_empty() { "" } else { "‖" };
        Some(String::from_utf8_lossy(message).into_owned() + bar + &String::from_utf8_lossy(details))
    }

    fn check(line: &str, expected: &str) {
        assert_eq!(shown(line.as_bytes()).as_deref(), Some(expected), "{line}");
    }

    fn check_as_it_is(line: &str) {
        assert_eq!(shown(line.as_bytes()), None, "{line}");
    }

    #[test]
    fn json_has_its_message_first() {
        check(
            r#"{"ts":"2026-03-04T08:00:52.227Z","level":"info","logger":"worker","msg":"stock reserved","sku":"wool-rug","n":5}"#,
            "stock reserved‖ logger=worker sku=wool-rug n=5",
        );
        check(
            r#"{"level":50,"time":1772611252471,"pid":1,"msg":"gone","a":{"b":[1,"}"]},"ok":true,"error":"end of file"} "#,
            r#"gone‖ error="end of file" pid=1 a={"b":[1,"}"]} ok=true"#,
        );
        check(
            r#"{"t":{"$date":"2026-03-04T08:00:52Z"},"s":"E","c":"NETWORK","msg":"closed"}"#,
            "closed‖ c=NETWORK",
        );
        check(r#"{"level":"warn","msg":"","n":1,"x":""}"#, r#"n=1 x="""#);
        check(
            r#"{"level":"info","severity":"bad","date":"soon","msg":"x"}"#,
            "x‖ severity=bad date=soon",
        );
        check(r#"{"msg":{"a":1},"level":"info"}"#, r#"{"a":1}"#);
    }

    #[test]
    fn json_behind_the_stamp_of_a_collector() {
        check(
            r#"2026-03-04T08:00:52.9Z stdout F {"level":"info","msg":"up","n":1}"#,
            "stdout F up‖ n=1",
        );
        check(r#"2026-03-04T08:00:52.9Z {"level":"info","msg":"up"}"#, "up");
        check(
            r#"2026-03-04T07:58:02Z{"level":"info","msg":"late"}"#,
            "2026-03-04T07:58:02Z late",
        );
    }

    #[test]
    fn strings_are_read_but_for_control_characters() {
        check(
            r#"{"msg":"say \"h\u00e9\" \ud83d\ude00 a\/b c\\d\n\u001b[31m\ud83d","level":"info"}"#,
            r#"say "hé" 😀 a/b c\d\n\u001b[31m\ud83d"#,
        );
        check(
            r#"{"msg":"größe","level":"info","k y":"a\"b","ü":"\u00fc","w":"x=y","u":"\u12"}"#,
            r#"größe‖ "k y"="a\"b" ü="ü" w="x=y" u="\u12""#,
        );
    }

    #[test]
    fn json_that_is_not_whole_or_no_object_stays() {
        for line in [
            r#"{"level":"info","msg":"cut off"#,
            r#"{"level":"info","msg":"x"} and more"#,
            r#"{"level":"info","msg":"x",}"#,
            r#"{"level":"info","msg":}"#,
            r#"{"level":"info"}"#,
            r#"["level","info"]"#,
            "{}",
            "{",
            r#""text""#,
        ] {
            check_as_it_is(line);
        }
    }

    #[test]
    fn logfmt_has_its_message_first() {
        check(
            r#"time="2026-03-04T08:00:52Z" level=warning msg="no \"route\"" host=a why="b c""#,
            r#"no "route"‖ host=a why="b c""#,
        );
        check(
            "ts=2026-03-04T08:00:52.9Z caller=main.go:1 level=info msg=up n=1",
            "up‖ caller=main.go:1 n=1",
        );
        check("level=info method=GET path=/x", "method=GET path=/x");
        check("level=info msg=up and so on n=\"1", "up‖ and so on n=\"1");
        check("2026-03-04T08:00:52.9Z level=info msg=up", "up");
    }

    #[test]
    fn requests_come_before_who_asked() {
        check(
            r#"10.244.0.33 - - [04/Mar/2026:08:00:52 +0000] "GET /\"x HTTP/1.1" 200 12 "-" "curl/8""#,
            r#""GET /\"x HTTP/1.1" 200 12‖ 10.244.0.33 - - "-" "curl/8""#,
        );
        check(
            r#"::1 - al [04/Mar/2026:08:00:52 +0000] "GET / HTTP/1.1" 304 - 7ms"#,
            r#""GET / HTTP/1.1" 304 -‖ ::1 - al 7ms"#,
        );
        check(
            r#"[GIN] 2026/03/04 - 08:00:52 | 500 |  1.2ms | 10.0.0.1 | GET  "/x""#,
            r#"[GIN] 500 |  1.2ms | 10.0.0.1 | GET  "/x""#,
        );
        check(
            r#"[2026-03-04T08:00:52.1Z] "GET /x HTTP/1.1" 503 UH"#,
            r#""GET /x HTTP/1.1" 503 UH"#,
        );
    }

    #[test]
    fn stamps_are_left_out_and_levels_stay() {
        check(
            "2026-03-04 08:00:52,584 INFO api.auth: user 7 logged in\r",
            "INFO api.auth: user 7 logged in",
        );
        check(
            "2026-03-04 08:00:52,584 - root - ERROR - no  way",
            "root - ERROR - no  way",
        );
        check(
            "I0304 08:00:52.597069       1 main.go:169] started",
            "I 1 main.go:169] started",
        );
        check("1:M 04 Mar 2026 08:00:52.803 # Client gone", "1:M # Client gone");
        check(
            "2026-03-04 08:00:52.516 UTC [39] ERROR:  duplicate key",
            "[39] ERROR: duplicate key",
        );
        check(
            "2026/03/04 08:00:52 [warn] 20#31: *8 an upstream",
            "[warn] 20#31: *8 an upstream",
        );
        check("[2026-03-04T08:00:52Z INFO  app::x] up", "[INFO app::x] up");
        check("[2026-03-04 08:00:52,1: INFO/Pool-2] up", "[INFO/Pool-2] up");
        check(
            "I, [2026-03-04T08:00:52.294028 #1]  INFO -- web: up",
            "I, [#1] INFO -- web: up",
        );
        check("<30>Mar  4 08:00:52 host tag[1]: up", "<30>host tag[1]: up");
        check("08:00:52.042 [main] INFO a.B - up", "[main] INFO a.B - up");
        check("web_1  | 2026-03-04 08:00:52 up", "web_1 | up");
    }

    #[test]
    fn a_long_lead_goes_behind_its_message() {
        check(
            "2026-03-04T08:00:52.330Z  INFO 1 --- [cart] [nio-8080-exec-1] com.example.CartController         : added",
            "added‖  INFO 1 --- [cart] [nio-8080-exec-1] com.example.CartController",
        );
        check(
            "2026-03-04 08:00:52,330 [http-nio-8080-exec-1] WARN  com.acme.orders.Service - slow - again",
            "slow - again‖  [http-nio-8080-exec-1] WARN com.acme.orders.Service",
        );
    }

    #[test]
    fn a_stamp_that_tells_another_time_stays() {
        check_as_it_is("2026-03-04 07:58:02,584 INFO api.auth: user");
        check_as_it_is("2025-03-04 08:00:52,584 INFO api.auth: user");
        check("2026-03-04 13:30:52,584 INFO in India", "INFO in India");
        check(
            r#"{"ts":"2026-03-04T07:58:02Z","level":"info","msg":"late"}"#,
            "late‖ ts=2026-03-04T07:58:02Z",
        );
        check(
            "ts=2026-03-04T07:58:02Z level=info msg=late",
            "late‖ ts=2026-03-04T07:58:02Z",
        );
    }

    #[test]
    fn lines_without_a_stamp_or_with_colours_stay() {
        for line in [
            "",
            "plain words",
            "ERROR: no stamp",
            "[    1.234567] kernel",
            "\x1b[2m2026-03-04T08:00:52Z\x1b[0m INFO up",
            "Traceback (most recent call last):",
        ] {
            check_as_it_is(line);
        }
    }

    fn hostile() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(&b"{\"level\":\"info\","[..]),
            Just(&b"\"msg\":\""[..]),
            Just(&b"\\u00"[..]),
            Just(&b"\\ud83d"[..]),
            Just(&b"\""[..]),
            Just(&b"}"[..]),
            Just(&b"{"[..]),
            Just(&b","[..]),
            Just(&b"2026-03-04 08:00:52 "[..]),
            Just(&b"[04/Mar/2026:08:00:52 +0000] "[..]),
            Just(&b"level=info msg="[..]),
            Just(&b"INFO "[..]),
            Just(&b"1 --- [x] a.b.C : "[..]),
            Just(&b"a=b "[..]),
            Just("é".as_bytes()),
            Just(&b"\xff\r\t "[..]),
        ];
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..80),
            proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat()),
        ]
    }

    proptest! {
        #[test]
        fn never_panics_and_adds_no_control_character(line in hostile()) {
            if let Some(compact) = compact(&line, &header::parse(&line, Format::None), BESIDE) {
                prop_assert!(compact.details <= compact.text.len());
                prop_assert!(!compact.text.is_empty());
                let controls = |text: &[u8]| text.iter().filter(|b| b.is_ascii_control()).count();
                prop_assert!(controls(&compact.text) <= controls(&line));
            }
        }

        #[test]
        fn lines_without_a_header_stay(line in "[a-z ]{0,60}") {
            prop_assert_eq!(shown(line.as_bytes()), None);
        }

        #[test]
        fn no_member_of_an_object_is_lost(words in proptest::collection::vec("[a-z]{1,8}", 1..8)) {
            let members: Vec<_> = words.iter().map(|word| format!("\"k_{word}\":\"v_{word}\"")).collect();
            let line = format!("{{\"level\":\"info\",\"msg\":\"m\",{}}}", members.join(","));
            let text = shown(line.as_bytes()).unwrap_or_default();
            for word in words {
                let pair = format!(" k_{word}=v_{word}");
                prop_assert!(text.contains(&pair), "{}", text);
            }
        }
    }
}
