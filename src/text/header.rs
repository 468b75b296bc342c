//! What the first line of a record says before its message: level, time, and where the message begins. One pass over
//! the front of the line, no allocation; a line that has none of the known headers has none.
//!
//! Level words count at the front alone. "error" in the middle of a sentence is not a level.

pub use super::shape::{Format, Header};

use super::access::{access, answered, gin, request_status};
use super::class::Class;
use super::cursor::Cursor;
use super::fields;
use super::known::{carried, json, json_again, klog, letter, logfmt, redis, report, ruby};
use super::layout::Layout;
use super::tail::{Found, LevelWord, Seen};
use super::{level, piece, seek, stamp, syslog, tail};
use crate::model::Level;

/// Reads the header of a line. `hint` is the format that was last seen in this container; it is tried first.
pub fn parse(line: &[u8], hint: Format) -> Header {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let start = Cursor::new(line, 0);
    let header = hinted(start, hint).or_else(|| at(start));
    header.map_or_else(|| Header::none(line), |header| without_fields(line, header))
}

/// What is known of a source from its lines before: the format of the last one, and how its programs write JSON.
#[derive(Clone, Debug, Default)]
pub struct Habit {
    pub format: Format,
    layout: Layout,
}

/// Reads the header of the next line of a source, as `parse` does.
pub fn parse_next(line: &[u8], habit: &mut Habit) -> Header {
    let start = Cursor::new(line.strip_suffix(b"\r").unwrap_or(line), 0);
    if habit.format == Format::Json
        && start.peek() == Some(b'{')
        && let Some(header) = json_again(start, &mut habit.layout)
    {
        return of_docker(start, header);
    }
    parse(line, habit.format)
}

/// The header with a message that ends before the fields that some loggers append to it.
fn without_fields(line: &[u8], header: Header) -> Header {
    let appends = match header.format {
        Format::Klog | Format::Stamped | Format::Bracketed | Format::Word | Format::Ruby => true,
        Format::None | Format::Json | Format::Logfmt | Format::Access | Format::Syslog | Format::Redis => false,
    };
    if !appends {
        return header;
    }
    let message = fields::without_trailing(line, header.message.clone());
    Header { message, ..header }
}

/// Calls `each` with the key and the value, as they are written, of every field of the line that tells why something
/// failed: `err`, `error`, `error.message`, `exception` and the like, in JSON, logfmt, or behind the message.
pub fn for_each_cause<'a>(line: &'a [u8], header: &Header, each: impl FnMut(&'a [u8], &'a [u8])) {
    match header.format {
        Format::Json => {
            let object = memchr::memchr(b'{', line).unwrap_or(line.len());
            fields::causes_in_json(Cursor::new(line, object), each);
        }
        Format::Logfmt => fields::causes_in_pairs(Cursor::new(line, 0), each),
        Format::Klog | Format::Stamped | Format::Bracketed | Format::Word | Format::Ruby => {
            let behind = Cursor::new(line, header.message.end);
            match memchr::memchr2(b'{', b'=', behind.rest()) {
                Some(at) if behind.rest().get(at) == Some(&b'{') => {
                    fields::causes_in_json(Cursor::new(line, behind.at() + at), each);
                }
                Some(_) => fields::causes_in_pairs(behind, each),
                None => {}
            }
        }
        Format::None | Format::Access | Format::Syslog | Format::Redis => {}
    }
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
        b'{' => json(cursor).map(|header| of_docker(cursor, header)),
        b'<' => syslog::with_priority(cursor),
        b'[' => bracketed(cursor),
        b'0'..=b'9' => stamped(cursor)
            .or_else(|| access(cursor))
            .or_else(|| redis(cursor))
            .or_else(|| epoch_in_front(cursor)),
        b' ' | b'\t' => padded_level(cursor),
        b':' => access(cursor),
        b'-' => epoch_in_front(cursor),
        b'A'..=b'Z' => month_first(cursor).or_else(|| named(cursor)),
        b'a'..=b'z' => level_word(cursor)
            .or_else(|| logfmt(cursor))
            .or_else(|| access(cursor))
            .or_else(|| prefixed(cursor))
            .or_else(|| level_of_program(cursor)),
        b'=' => report(cursor),
        b'_' | b'@' => logfmt(cursor),
        _ => None,
    }
}

/// A stamp that begins with the name of a month or a weekday: syslog's, or any other header behind it.
fn month_first(start: Cursor<'_>) -> Option<Header> {
    let mut cursor = start;
    let stamp = stamp::stamp(&mut cursor)?;
    syslog::after_stamp(cursor, stamp).or_else(|| {
        cursor.skip_colours();
        Some(after_stamp(cursor, stamp, Format::Stamped))
    })
}

/// A header that begins with a capital letter but with no stamp.
fn named(cursor: Cursor<'_>) -> Option<Header> {
    klog(cursor)
        .or_else(|| ruby(cursor))
        .or_else(|| letter(cursor))
        .or_else(|| level_word(cursor))
        .or_else(|| logfmt(cursor))
        .or_else(|| access(cursor))
        .or_else(|| prefixed(cursor))
        .or_else(|| epoch_in_front(cursor))
}

/// Docker's `json-file` wraps the line of a program: `{"log":"…","stream":"stdout",…}`. Its own header counts.
fn of_docker(start: Cursor<'_>, header: Header) -> Header {
    if header.level != Level::None || !start.starts_with(b"{\"log\":\"") {
        return header;
    }
    let wrapped = start.line().get(..header.message.end).unwrap_or_default();
    let line = wrapped.strip_suffix(b"\\n").unwrap_or(wrapped);
    match at(Cursor::new(line, header.message.start)) {
        Some(inner) => Header {
            level: inner.level,
            status: inner.status,
            message: inner.message,
            ..header
        },
        None => Header {
            message: header.message.start..line.len().max(header.message.start),
            ..header
        },
    }
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
    let word = seek::leading_level(cursor)?;
    let Found { message, time, .. } = tail::message(word.behind, word.closing, Seen::default());
    let mut header = Header {
        level: word.level,
        time,
        starts: word.starts,
        ..Header::before(message, Format::Word)
    };
    header.status = request_behind_dash(message);
    Some(header)
}

/// `10.0.0.7:41234 - "GET / HTTP/1.1" 200 OK`: the status.
fn request_behind_dash(message: Cursor<'_>) -> Option<u16> {
    let quote = memchr::memchr(
        b'"',
        message.rest().get(..MOST_BEFORE_REQUEST).unwrap_or(message.rest()),
    )?;
    let mut request = message;
    request.skip(quote);
    message
        .until(&request)
        .ends_with(b" - ")
        .then(|| request_status(request))?
}

/// Bytes of a message in front of the request that it is about.
const MOST_BEFORE_REQUEST: usize = 68;

/// A stamp, and whatever else a header has.
fn stamped(start: Cursor<'_>) -> Option<Header> {
    let mut cursor = start;
    let Some(stamp) = stamp::stamp(&mut cursor) else {
        let stamp = stamp::doubtful(&mut cursor)?;
        let header = after_stamp(cursor, stamp, Format::Stamped);
        return (header.level != Level::None).then_some(header);
    };
    cursor.skip_colours();
    Some(after_stamp(cursor, stamp, Format::Stamped))
}

static COLLECTOR: Class = Class::from_but(b' ' + 1, b"|=");

/// A collector's name in front of a stamp: `web_1  | 2026-03-04 …`, `nova-api.log 2026-03-04 08:00:00.008 …`.
fn prefixed(start: Cursor<'_>) -> Option<Header> {
    let mut cursor = start;
    let name = cursor.skip_class(&COLLECTOR);
    matches!(cursor.peek()?, b' ' | b'\t' | b'|').then_some(())?;
    cursor.skip_blanks();
    let barred = cursor.eat(b'|');
    cursor.skip_blanks();
    let stamp = stamp::stamp(&mut cursor)?;
    let is_file = stamp.fine && name.iter().any(|b| matches!(b, b'.' | b'_' | b'/'));
    let header = after_stamp(cursor, stamp, Format::Stamped);
    let sure = stamp.has_year && (barred || is_file);
    (sure || (header.level != Level::None && name.len() <= 40)).then_some(header)
}

/// `web: error: …`, `web: [emerg] …`. Such a line may be part of what another one announced.
fn level_of_program(start: Cursor<'_>) -> Option<Header> {
    let mut cursor = start;
    let name = cursor.skip_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/'));
    (name.len() <= 40 && cursor.eat_text(b": ")).then_some(())?;
    let word = match cursor.peek()? {
        b'[' => seek::bracketed_level(cursor)?,
        _ => seek::leading_level(cursor).filter(|word| word.closing == tail::Closing::Colon)?,
    };
    let found = tail::message(word.behind, word.closing, Seen::default());
    Some(Header {
        level: word.level,
        starts: false,
        ..Header::before(found.message, Format::Word)
    })
}

/// Seconds since 1970 behind a few fields, as the consoles of large machines have it:
/// `- 1772611862 2026.03.04 node7 2026-03-04-08.11.02.471867 node7 RAS KERNEL INFO …`, or with a colon: `1772611862: …`.
fn epoch_in_front(start: Cursor<'_>) -> Option<Header> {
    let mut cursor = start;
    for fields in 0..6 {
        let before = cursor;
        let field = piece::token(&mut cursor);
        let digits = field.strip_suffix(b":").unwrap_or(field);
        let is_number = digits.len() == 10 && digits.iter().all(u8::is_ascii_digit);
        if is_number && (fields > 0 || digits.len() < field.len()) {
            let (behind, again) = same_time_again(cursor);
            // A number that is no time of these decades may be anything, unless a stamp repeats it.
            if digits.starts_with(b"1") || again {
                let stamp = stamp::Stamp {
                    time: stamp::epoch(digits),
                    has_year: true,
                    fine: true,
                };
                return Some(after_stamp(behind, stamp, Format::Stamped));
            }
        }
        let shouted = field.len() > 1 && field.iter().all(u8::is_ascii_uppercase);
        let is_field = field == b"-" || shouted || piece::is_technical(field) || piece::is_number(field);
        let ended = before.at() < cursor.at() && cursor.eat(b' ');
        (is_field && ended).then_some(())?;
    }
    None
}

/// Behind the date and the stamp that repeat the seconds, with a node's name or a flag between them; whether there is
/// such a stamp.
fn same_time_again(start: Cursor<'_>) -> (Cursor<'_>, bool) {
    let mut cursor = start;
    let mut found = false;
    for _ in 0..4 {
        cursor.skip_blanks();
        if stamp::stamp(&mut cursor).is_some() {
            found = true;
            continue;
        }
        let mut there = cursor;
        let field = piece::token(&mut there);
        let is_flag = matches!(field, [digit] if digit.is_ascii_digit());
        there.skip_blanks();
        if !is_date(field) && !is_flag {
            if stamp::stamp(&mut there).is_none() {
                break;
            }
            found = true;
        }
        cursor = there;
    }
    (cursor, found)
}

/// `2026.03.04`, also with other signs between its numbers.
fn is_date(field: &[u8]) -> bool {
    field.len() == 10
        && field.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => matches!(byte, b'.' | b'-' | b'/'),
            _ => byte.is_ascii_digit(),
        })
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
    let found = seek::after_stamp(cursor, stamp.fine);
    let time = stamp.time.or(found.time);
    if found.is_tagged {
        return syslog::tagged(found.message, time, format);
    }
    let header = Header {
        level: found.level,
        time,
        ..Header::before(found.message, format)
    };
    answered(found.message, header)
}

/// A header of the program behind one of the log collector: CRI's `stdout F`, JSON, klog or logfmt behind a stamp.
fn inner_header(cursor: Cursor<'_>) -> Option<Header> {
    let mut inner = cursor;
    if inner.eat_text(b"stdout ") || inner.eat_text(b"stderr ") {
        matches!(inner.peek()?, b'F' | b'P').then(|| inner.skip(1))?;
        inner.eat(b' ').then_some(())?;
        return at(inner).or_else(|| Some(Header::before(inner, Format::Stamped)));
    }
    carried(inner)
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
    if let Some(word) = seek::bracketed_level(start) {
        return Some(of_bracket(&word));
    }
    uptime(start)
        .or_else(|| stamp_behind_bracket(start))
        .or_else(|| level_behind_bracket(start))
}

fn stamp_in_bracket(cursor: Cursor<'_>, stamp: stamp::Stamp) -> Header {
    let mut behind = cursor;
    behind.skip_colours();
    if behind.eat(b']') {
        return after_stamp(behind, stamp, Format::Bracketed);
    }
    let found = seek::in_bracket(behind);
    let header = Header {
        level: found.level,
        time: stamp.time,
        ..Header::before(found.message, Format::Bracketed)
    };
    answered(found.message, header)
}

/// `[    1.234567] …`, `[     0.001s]  INFO …`: seconds since the kernel or the program started.
fn uptime(start: Cursor<'_>) -> Option<Header> {
    let mut cursor = start;
    cursor.skip(1);
    cursor.skip_blanks();
    let seconds = cursor.skip_while(|b| b.is_ascii_digit() || b == b'.');
    cursor.eat(b's');
    (seconds.contains(&b'.') && cursor.eat(b']')).then_some(())?;
    let stamp = stamp::Stamp {
        time: None,
        has_year: false,
        fine: true,
    };
    Some(after_stamp(cursor, stamp, Format::Bracketed))
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

/// `[thread][LEVEL] …`, `[thread] LEVEL logger - …`
fn level_behind_bracket(start: Cursor<'_>) -> Option<Header> {
    let mut cursor = start;
    let end = memchr::memchr(b']', cursor.rest()).filter(|end| *end < 40)?;
    cursor.skip(end + 1);
    if let Some(word) = seek::bracketed_level(cursor) {
        return Some(of_bracket(&word));
    }
    cursor.skip_blanks();
    let header = level_word(cursor).filter(|header| header.starts)?;
    Some(Header {
        format: Format::Bracketed,
        ..header
    })
}

fn of_bracket(word: &LevelWord<'_>) -> Header {
    let found = tail::message(word.behind, word.closing, Seen::default());
    Header {
        level: word.level,
        time: found.time,
        ..Header::before(found.message, Format::Bracketed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Time;

    fn check(line: &str, format: Format, level: Level, message: &str) {
        let header = parse(line.as_bytes(), Format::None);
        let found = line.get(header.message.clone()).unwrap_or("not on a boundary");
        assert_eq!((header.format, header.level, found), (format, level, message), "{line}");
        assert_eq!(parse(line.as_bytes(), format), header, "with the hint: {line}");
        assert!(header.starts == (format != Format::None), "{line}");
    }

    /// A line of `formats.txt`: level, `T` if its time is known, the line with its message in `⟦⟧`.
    fn check_format(format: &str) {
        let (level, rest) = format.split_once(' ').unwrap();
        let (time, marked) = rest.split_once(' ').unwrap();
        let marked = marked.replace("\\t", "\t").replace("\\e", "\x1b");
        let (front, rest) = marked.split_once('⟦').unwrap();
        let (message, _) = rest.split_once('⟧').unwrap();
        let line = marked.replace(['⟦', '⟧'], "");
        let header = parse(line.as_bytes(), Format::None);
        let found = line.get(header.message.clone()).unwrap_or("not on a boundary");
        assert_eq!(
            (
                header.level.as_str(),
                header.time.is_some(),
                header.message.start,
                found
            ),
            (level, time == "T", front.len(), message),
            "{line}"
        );
        assert_eq!(parse(line.as_bytes(), header.format), header, "with the hint: {line}");
    }

    #[test]
    fn formats_of_the_world() {
        include_str!("header/formats.txt")
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .for_each(check_format);
    }

    #[test]
    fn broken_clocks_write_headers_without_a_time() {
        for [good, bad] in [
            [
                "2015-07-29 18:01:47,978 - INFO  [main:Peer@12] - up",
                "2015-74-93 18:01:47,978 - INFO  [main:Peer@12] - up",
            ],
            [
                "[Sun Dec 04 04:47:44 2005] [notice] up",
                "[Sun Dec 94 77:47:44 8005] [notice] up",
            ],
            [
                "Mar  4 05:11:20 node1 crond[12]: up",
                "Mar 94 25:61:90 node1 crond[12]: up",
            ],
            [
                "17/06/09 20:10:40 INFO Executor: up",
                "17/96/09 20:10:40 INFO Executor: up",
            ],
            ["081109 203615 148 INFO a.B: up", "981199 903675 148 INFO a.B: up"],
            ["20260304 080357 INFO a.B: up", "20269904 980397 INFO a.B: up"],
            [
                "- 1772611862 2026.03.04 n7 Mar 4 08:11:02 n7/n7 crond[12]: up",
                "- 6772611862 9926.93.04 n7 Mar 9 78:11:02 n7/n7 crond[12]: up",
            ],
            [
                "I0304 08:01:26.843002 7 a.go:203] up",
                "I9374 98:91:26.843002 7 a.go:203] up",
            ],
            [
                r#"10.0.0.1 - - [04/Mar/2026:08:03:57 +0000] "GET / HTTP/1.1" 200 1"#,
                r#"10.0.0.1 - - [94/Mar/9926:98:03:57 +0000] "GET / HTTP/1.1" 200 1"#,
            ],
            [
                r#"{"time":"2026-03-04T08:00:00Z","level":"info","msg":"up"}"#,
                r#"{"time":"2026-93-04T98:00:00Z","level":"info","msg":"up"}"#,
            ],
        ] {
            let (good, broken) = (
                parse(good.as_bytes(), Format::None),
                parse(bad.as_bytes(), Format::None),
            );
            assert!(broken.starts, "{bad}");
            assert_eq!(
                broken,
                Header {
                    time: broken.time,
                    ..good
                },
                "{bad}"
            );
        }
        for text in [
            "981199 903675 things",
            "20269904 980397 things",
            "- 6772611862 things were done",
        ] {
            assert!(!parse(text.as_bytes(), Format::None).starts, "{text}");
        }
    }

    #[test]
    fn json_loggers() {
        check(
            r#"{"level":"error","ts":1772611862.47,"caller":"a/b.go:1","msg":"gone","error":"eof"}"#,
            Format::Json,
            Level::Error,
            "gone",
        );
        check(
            r#"{"level":30,"time":1772611862471,"pid":1,"hostname":"a","msg":"up"}"#,
            Format::Json,
            Level::Info,
            "up",
        );
        check(
            r#"{"@timestamp":"2026-03-04T08:00:00.1Z","log.level":"WARN","message":"slow"}"#,
            Format::Json,
            Level::Warn,
            "slow",
        );
        check(
            r#"{"@t":"2026-03-04T08:00:00Z","@l":"Fatal","@m":"over"}"#,
            Format::Json,
            Level::Fatal,
            "over",
        );
        check(
            r#"{"t":{"$date":"2026-03-04T08:00:00Z"},"s":"E","c":"NETWORK","msg":"closed"}"#,
            Format::Json,
            Level::Error,
            "closed",
        );
        check(
            r#"{"severity":"NOTICE","message":"ok","logging.googleapis.com/trace":"x"}"#,
            Format::Json,
            Level::Info,
            "ok",
        );
        check(
            r#"{"method":"GET","path":"/x","status":502}"#,
            Format::Json,
            Level::Error,
            r#"{"method":"GET","path":"/x","status":502}"#,
        );
    }

    #[test]
    fn lines_that_docker_wrapped() {
        check(
            r#"{"log":"2026-03-04 08:00:00 ERROR gone\n","stream":"stderr","time":"2026-03-04T08:00:00.1Z"}"#,
            Format::Json,
            Level::Error,
            "gone",
        );
        check(
            r#"{"log":"plain words\n","stream":"stdout","time":"2026-03-04T08:00:00.1Z"}"#,
            Format::Json,
            Level::None,
            "plain words",
        );
        check(r#"{"log":"\n","stream":"stdout"}"#, Format::Json, Level::None, "");
    }

    #[test]
    fn logfmt_loggers() {
        check(
            r#"time="2026-03-04T08:00:00Z" level=warning msg="no route" host=a"#,
            Format::Logfmt,
            Level::Warn,
            "no route",
        );
        check(
            "ts=2026-03-04T08:00:00Z caller=main.go:1 level=info msg=up",
            Format::Logfmt,
            Level::Info,
            "up",
        );
        check(
            r#"t=2026-03-04T08:00:00Z lvl=eror msg="x" logger=y"#,
            Format::Logfmt,
            Level::Error,
            "x",
        );
        check(
            "time=2026-03-04T08:00:00.000Z level=DEBUG msg=tick n=1",
            Format::Logfmt,
            Level::Debug,
            "tick",
        );
    }

    #[test]
    fn go_loggers() {
        check(
            "I0507 12:04:17.597069       1 main.go:169] started",
            Format::Klog,
            Level::Info,
            "started",
        );
        check(
            r#"E0507 12:04:17.597069 7 sync.go:9] "Sync failed" pod="a/b" err="eof""#,
            Format::Klog,
            Level::Error,
            "Sync failed",
        );
        check(
            "F20260507 12:04:17.597069 7 main.cc:9] no",
            Format::Klog,
            Level::Fatal,
            "no",
        );
        check(
            "2009/11/10 23:00:00 listening on :80",
            Format::Stamped,
            Level::None,
            "listening on :80",
        );
        check(
            "2009/11/10 23:00:00 main.go:45: error while reading",
            Format::Stamped,
            Level::None,
            "error while reading",
        );
        check(
            "2009/11/10 23:00:00 error: no such file",
            Format::Stamped,
            Level::Error,
            "no such file",
        );
        check(
            "2009/11/10 23:00:00 [ERR] agent: failed",
            Format::Stamped,
            Level::Error,
            "agent: failed",
        );
        check(
            "2026-03-04T08:00:00.000Z [WARN]  raft: lost leader: index=7",
            Format::Stamped,
            Level::Warn,
            "raft: lost leader: index=7",
        );
        check(
            "INFO[0001] Starting up                 port=80",
            Format::Word,
            Level::Info,
            "Starting up",
        );
        check("\x1b[31mERRO\x1b[0m[0012] broken", Format::Word, Level::Error, "broken");
        check(
            "2016-10-03 12:04:17.597069 W | etcdserver: slow",
            Format::Stamped,
            Level::Warn,
            "etcdserver: slow",
        );
        check(
            "2026-03-04T08:00:00.050Z\tINFO\tsetup\tcmd/main.go:9\tup\t{\"a\": 1}",
            Format::Stamped,
            Level::Info,
            "up",
        );
        check(
            "2026-03-04T08:00:00.366363Z\tdebug\tca\tSkipping",
            Format::Stamped,
            Level::Debug,
            "Skipping",
        );
        check(
            "3:04PM WRN low on disk free=3",
            Format::Stamped,
            Level::Warn,
            "low on disk",
        );
        check(
            "[GIN] 2026/03/04 - 08:03:57 | 500 |  1.2ms | 10.0.0.1 | GET  \"/x\"",
            Format::Access,
            Level::Error,
            "500 |  1.2ms | 10.0.0.1 | GET  \"/x\"",
        );
        check(
            "[INFO] plugin/reload: Running",
            Format::Bracketed,
            Level::Info,
            "plugin/reload: Running",
        );
    }

    #[test]
    fn java_loggers() {
        check(
            "2026-03-04 08:00:00,978 INFO  [main] com.shop.Cart: added",
            Format::Stamped,
            Level::Info,
            "added",
        );
        check(
            "08:01:51.042 [main] ERROR c.f.Engine - gone",
            Format::Stamped,
            Level::Error,
            "gone",
        );
        check(
            "2026-03-04T08:00:00.336Z  WARN 1 --- [shop] [nio-8080-exec-11] com.shop.Client             : slow",
            Format::Stamped,
            Level::Warn,
            "slow",
        );
        check(
            "2026-03-04 08:00:00.336  INFO 1 --- [           main] com.shop.App : Started App in 2 s",
            Format::Stamped,
            Level::Info,
            "Started App in 2 s",
        );
        check(
            "[2026-03-04 08:00:00,321] WARN [Broker id=1] Lost (kafka.server.Broker)",
            Format::Bracketed,
            Level::Warn,
            "Lost",
        );
        check(
            "2015-07-29 17:41:41,536 - INFO  [main:QuorumPeer@1] - tick",
            Format::Stamped,
            Level::Info,
            "tick",
        );
        check(
            "[2026-03-04T08:00:00,123][INFO ][o.e.n.Node] started",
            Format::Bracketed,
            Level::Info,
            "started",
        );
        check(
            "17/06/09 20:10:40 INFO spark.SparkContext: Running",
            Format::Stamped,
            Level::Info,
            "Running",
        );
        check(
            "[ERROR] Failed to execute goal",
            Format::Bracketed,
            Level::Error,
            "Failed to execute goal",
        );
    }

    #[test]
    fn python_loggers() {
        check(
            "2026-03-04 08:00:00,776 - billing.vat - ERROR - no rate",
            Format::Stamped,
            Level::Error,
            "no rate",
        );
        check(
            "2026-03-04 08:00:00,776 root INFO up",
            Format::Stamped,
            Level::Info,
            "up",
        );
        check("WARNING:root:careful: hot", Format::Word, Level::Warn, "careful: hot");
        check(
            "INFO:     Started server process [1]",
            Format::Word,
            Level::Info,
            "Started server process [1]",
        );
        check(
            "[2026-03-04 08:00:25 +0000] [19] [INFO] Booting",
            Format::Bracketed,
            Level::Info,
            "Booting",
        );
        check(
            "[2026-03-04 08:00:03,024: ERROR/ForkPoolWorker-23] Task",
            Format::Bracketed,
            Level::Error,
            "Task",
        );
        check(
            "[2026-03-04 08:00:00,123] {dag.py:12} WARNING - late",
            Format::Bracketed,
            Level::Warn,
            "late",
        );
        check(
            "2026-03-04 08:00:00.123 | SUCCESS  | app.main:run:12 - done",
            Format::Stamped,
            Level::Info,
            "done",
        );
        check(
            "2026-03-04 08:00:00.008 25746 WARNING nova.compute [req-1] slow",
            Format::Stamped,
            Level::Warn,
            "slow",
        );
        check(
            "[I 2026-03-04 08:00:00.123 ServerApp] Kernel started",
            Format::Bracketed,
            Level::Info,
            "Kernel started",
        );
        check("CRITICAL out of memory", Format::Word, Level::Fatal, "out of memory");
    }

    #[test]
    fn servers_and_proxies() {
        check(
            "2026/03/04 08:00:00 [crit] 41#39: *274312 no space",
            Format::Stamped,
            Level::Fatal,
            "no space",
        );
        check(
            "10.0.0.1 - - [04/Mar/2026:08:00:00 +0000] \"GET / HTTP/1.1\" 200 12",
            Format::Access,
            Level::Info,
            "\"GET / HTTP/1.1\" 200 12",
        );
        check(
            "example.org:80 10.0.0.1 - bob [04/Mar/2026:08:00:00 +0000] \"GET / HTTP/1.1\" 503 0",
            Format::Access,
            Level::Error,
            "\"GET / HTTP/1.1\" 503 0",
        );
        check(
            "::1 - - [04/Mar/2026 08:00:00] \"GET \\\"/ HTTP/1.1\" 404 -",
            Format::Access,
            Level::Info,
            "\"GET \\\"/ HTTP/1.1\" 404 -",
        );
        check(
            "[2026-03-04T08:00:00.345Z] \"GET /x HTTP/2\" 503 UF \"-\"",
            Format::Access,
            Level::Error,
            "\"GET /x HTTP/2\" 503 UF \"-\"",
        );
        check(
            "[2026-03-04 08:00:00.101][5][critical][main] [source/server.cc:9] no config",
            Format::Bracketed,
            Level::Fatal,
            "no config",
        );
        check(
            "[Sun Dec 04 04:47:44.123 2005] [core:error] [pid 7:tid 1] AH1: x",
            Format::Bracketed,
            Level::Error,
            "AH1: x",
        );
        check(
            "[04-Mar-2026 08:00:00] NOTICE: ready",
            Format::Bracketed,
            Level::Info,
            "ready",
        );
        check(
            "[04-Mar-2026 08:00:00 UTC] PHP Warning:  odd",
            Format::Bracketed,
            Level::Warn,
            "odd",
        );
    }

    #[test]
    fn databases_and_system() {
        check(
            "2026-03-04 08:00:00.900 UTC [52] app@orders FATAL:  too many",
            Format::Stamped,
            Level::Fatal,
            "too many",
        );
        check(
            "2026-03-04 08:00:00.900 UTC [52] LOG:  ready",
            Format::Stamped,
            Level::Info,
            "ready",
        );
        check(
            "2026-03-04 08:00:00.900 UTC [52] app@orders DETAIL:  Key (id)",
            Format::Stamped,
            Level::None,
            "Key (id)",
        );
        check(
            "2026-03-04T08:00:00.597069Z 0 [Warning] [MY-010068] [Server] CA",
            Format::Stamped,
            Level::Warn,
            "CA",
        );
        check(
            "7:M 04 Mar 2026 08:00:00.803 # no memory",
            Format::Redis,
            Level::Warn,
            "no memory",
        );
        check(
            "2026-03-04T08:00:00.000+0000 I NETWORK  [conn1] end",
            Format::Stamped,
            Level::Info,
            "end",
        );
        check(
            "2026-03-04 08:00:00.123 [error] <0.123.0> closed",
            Format::Stamped,
            Level::Error,
            "closed",
        );
        check(
            "<131>1 2026-03-04T08:00:00.228Z host flowd 20 - [a b=\"]\"] overflow",
            Format::Syslog,
            Level::Error,
            "overflow",
        );
        check(
            "<30>Mar  4 08:03:57 host cron[21]: (bob) CMD",
            Format::Syslog,
            Level::Info,
            "(bob) CMD",
        );
        check(
            "Mar  4 08:03:57 node1 kubelet[7]: E0304 08:03:57.1 7 a.go:1] gone",
            Format::Syslog,
            Level::Error,
            "gone",
        );
        check(
            "[    1.234567] eth0: link up",
            Format::Bracketed,
            Level::None,
            "eth0: link up",
        );
    }

    #[test]
    fn other_languages() {
        check(
            "I, [2026-03-04T08:00:00.294028 #1]  INFO -- : Started",
            Format::Ruby,
            Level::Info,
            "Started",
        );
        check(
            "E, [2026-03-04T08:00:00.294028 #1] ERROR -- web: gone",
            Format::Ruby,
            Level::Error,
            "gone",
        );
        check(
            "\x1b[2m2026-03-04T08:00:00.2Z\x1b[0m \x1b[33m WARN\x1b[0m \x1b[2mrelay::sink\x1b[0m\x1b[2m:\x1b[0m full size=3",
            Format::Stamped,
            Level::Warn,
            "full",
        );
        check(
            "2026-03-04T08:00:00.2Z ERROR run{id=7}: relay::sink: gone",
            Format::Stamped,
            Level::Error,
            "gone",
        );
        check(" INFO relay::sink: up", Format::Word, Level::Info, "up");
        check(
            "[2026-03-04T08:00:00Z ERROR issuer::http] refused",
            Format::Bracketed,
            Level::Error,
            "refused",
        );
        check("info: Shop.Cart[0]", Format::Word, Level::Info, "Shop.Cart[0]");
        check(
            "\x1b[41m\x1b[30mfail\x1b[39m\x1b[22m\x1b[49m: Shop.Cart[0]",
            Format::Word,
            Level::Error,
            "Shop.Cart[0]",
        );
        check("[12:00:00 WRN] slow", Format::Bracketed, Level::Warn, "slow");
        check("\x1b[31merror\x1b[39m: gone", Format::Word, Level::Error, "gone");
        check(
            "[08:00:00.123] ERROR (7): gone",
            Format::Bracketed,
            Level::Error,
            "gone",
        );
        check(
            "[Nest] 1  - 03/04/2026, 8:03:57 AM     LOG [Router] mapped",
            Format::Bracketed,
            Level::Info,
            "mapped",
        );
        check(
            "[2026-03-04T08:00:00.367342+00:00] app.ERROR: Uncaught x {\"code\":1} []",
            Format::Bracketed,
            Level::Error,
            "Uncaught x",
        );
        check(
            "[2026/03/04 08:00:10] [ warn] [engine] retry",
            Format::Bracketed,
            Level::Warn,
            "retry",
        );
        check(
            "2026-03-04T08:00:00.1Z stderr F ERROR: x",
            Format::Word,
            Level::Error,
            "x",
        );
        check(
            "2026-03-04T08:00:00.1Z {\"level\":\"error\",\"msg\":\"x\"}",
            Format::Json,
            Level::Error,
            "x",
        );
    }

    #[test]
    fn pairs_in_a_sentence_are_part_of_it() {
        check(
            "[2026-03-04T08:00:00Z DEBUG a::b] served (7 bytes, etag ZtDTyoJTVW7OP5s=)",
            Format::Bracketed,
            Level::Debug,
            "served (7 bytes, etag ZtDTyoJTVW7OP5s=)",
        );
        check(
            "INFO key ZtDTyo== was read",
            Format::Word,
            Level::Info,
            "key ZtDTyo== was read",
        );
        check("INFO limit a=1 was hit", Format::Word, Level::Info, "limit a=1 was hit");
        check("INFO read key=7 n=\"two words\"", Format::Word, Level::Info, "read");
    }

    #[test]
    fn names_and_uptimes_in_front() {
        check(
            "web_1  | 2026-03-04 08:00:00 ERROR gone",
            Format::Stamped,
            Level::Error,
            "gone",
        );
        check(
            "nova-api.log.1 2026-03-04 08:00:00.008 25746 INFO nova.api up",
            Format::Stamped,
            Level::Info,
            "up",
        );
        check(
            "[     0.001s]  WARN ThreadId(01) proxy: slow",
            Format::Bracketed,
            Level::Warn,
            "proxy: slow",
        );
        check(
            "[0.123s][info][gc] GC(0) Pause",
            Format::Bracketed,
            Level::Info,
            "GC(0) Pause",
        );
        check("[main][ERROR] gone", Format::Bracketed, Level::Error, "gone");
        check(
            "2026-03-04 08:00:00, Info                  CBS    Loaded",
            Format::Stamped,
            Level::Info,
            "Loaded",
        );
        check(
            "03-17 16:13:38.811  1702  2395 D WindowManager: drawn",
            Format::Stamped,
            Level::Debug,
            "drawn",
        );
    }

    #[test]
    fn words_in_a_sentence_are_no_levels() {
        for line in [
            "",
            "an error occurred",
            "errors: 0",
            "no ERROR here",
            "information wants to be free",
            "Warned twice",
            "ERR100 cannot convert",
            "the level=error flag",
            "panic is not an option",
            "fatal error: all asleep",
            "note: run with `RUST_BACKTRACE=1`",
            "INFORMATION_SCHEMA",
            "    at x (y:1)",
            "[not a level] x",
            "{",
            "}",
            "[error",
            "<b>bold</b>",
            "http://example.org",
            "192.168.0.1 is down",
            "10 errors",
            "key=value only",
        ] {
            check(line, Format::None, Level::None, line);
        }
    }

    #[test]
    fn an_exceptions_error_has_a_level_but_begins_nothing() {
        let header = parse(b"Error: Cannot find module './x'", Format::None);
        assert_eq!((header.level, header.starts), (Level::Error, false));
    }

    #[test]
    fn times_and_status_are_read() {
        let header = parse(
            b"10.0.0.1 - - [04/Mar/2026:08:00:00 +0000] \"GET / HTTP/1.1\" 503 12",
            Format::None,
        );
        assert_eq!(
            (header.time, header.status),
            (Some(Time::from_secs(1_772_611_200)), Some(503))
        );
        let header = parse(
            b"INFO:     10.0.0.1:5000 - \"GET / HTTP/1.1\" 404 Not Found",
            Format::None,
        );
        assert_eq!((header.level, header.status), (Level::Info, Some(404)));
    }

    #[test]
    fn causes_are_found_behind_and_inside() {
        let causes = |line: &str| {
            let header = parse(line.as_bytes(), Format::None);
            let mut causes = Vec::new();
            for_each_cause(line.as_bytes(), &header, |key, value| {
                causes.push(format!(
                    "{}={}",
                    String::from_utf8_lossy(key),
                    String::from_utf8_lossy(value)
                ));
            });
            causes.join("|")
        };
        assert_eq!(
            causes(r#"{"level":"error","msg":"x","error":"eof","n":1}"#),
            "error=eof"
        );
        assert_eq!(
            causes(r#"{"msg":"x","err":{"type":"TypeError","message":"no","stack":"s"}}"#),
            "type=TypeError|message=no"
        );
        assert_eq!(causes(r#"level=error err="no such host" msg=x"#), "err=no such host");
        assert_eq!(
            causes(r#"E0507 12:04:17.597069 7 a.go:9] "Failed" pod="a" err="eof""#),
            "err=eof"
        );
        assert_eq!(
            causes("2026-03-04T08:00:00.050Z\tERROR\tsetup\tgone\t{\"error\": \"eof\"}"),
            "error=eof"
        );
        assert_eq!(causes("2026-03-04 08:00:00,1 ERROR gone"), "");
    }

    #[test]
    fn evil_lines_take_linear_time() {
        for piece in [
            "\x1b[",
            "[",
            "{\"a\":",
            "a=\"",
            " a=",
            "<1>",
            "\x1b[0m",
            "(",
            "2026-03-04 08:00:00 ",
            "\\\"",
            "a.",
        ] {
            let line = piece.repeat(200_000);
            parse(line.as_bytes(), Format::None);
            parse(format!("ERROR {line}").as_bytes(), Format::None);
            parse(format!("{{\"a\":{line}").as_bytes(), Format::None);
        }
    }

    proptest! {
        /// What was learned from the lines before changes nothing, however the fields come and go.
        #[test]
        fn habits_change_nothing(
            lines in proptest::collection::vec(
                proptest::collection::vec(
                    (
                        proptest::sample::select(vec!["level", "ts", "msg", "Msg", "log", "a\\\"b", "caller", "status"]),
                        proptest::sample::select(vec!["\"info\"", "\"a \\\" b\"", "17", "1772611862.5", "{\"level\":\"warn\"}", "null", ""]),
                        proptest::sample::select(vec![":", ": ", " :", ""]),
                        proptest::sample::select(vec![",", ", ", "", "}"]),
                    ),
                    0..6,
                ),
                1..12,
            ),
        ) {
            let mut habit = Habit { format: Format::Json, ..Habit::default() };
            for fields in lines {
                let fields = fields.iter().map(|(key, value, colon, end)| format!("\"{key}\"{colon}{value}{end}"));
                let line = format!("{{{}", fields.collect::<String>());
                prop_assert_eq!(parse_next(line.as_bytes(), &mut habit), parse(line.as_bytes(), Format::Json), "{}", line);
            }
        }

        #[test]
        fn any_bytes_have_a_sound_header(
            front in "(|\\[|<1>|\\{\"level\":|2026-03-04 08:00:00,1 |I0304 |ERROR |INFO\\[|a=1 |[0-9:/\\-]{0,12}|\x1b\\[31m|7:M |Mar  4 )",
            bytes in proptest::collection::vec(any::<u8>(), 0..60),
            text in "[\\[\\]{}()<>:=\"' \t#*|a-fA-F0-9.\\-]{0,60}",
        ) {
            for tail in [bytes, text.into_bytes()] {
                let line = [front.as_bytes(), &tail].concat();
                for hint in [Format::None, Format::Logfmt, Format::Access, Format::Klog] {
                    let header = parse(&line, hint);
                    prop_assert!(header.message.start <= header.message.end && header.message.end <= line.len());
                    for_each_cause(&line, &header, |_, _| {});
                }
            }
        }
    }
}
