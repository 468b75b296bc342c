//! Lines to records: what one logging call or one crash wrote, however many lines. A state machine for one source; the
//! time comes from outside.
//!
//! A line with a header of its own begins a record. Without one it belongs to the open record if it is blank or
//! indented, or if the record's trace says so; else it begins a record too. No line is ever lost or moved.

use bytes::Bytes;

use super::complaint::is_complaint;
pub use super::lines::Lines;

use super::cursor::Cursor;
use super::fields;
use super::header::{self, Format, Habit, Header};
use super::known::is_tagged_by_request;
use super::trace::{Trace, is_art, is_class_in_package, is_exception, is_goroutine, is_listed, is_statement};
use crate::model::{Level, Line, Span, Time};

/// How long a record waits for a further line.
pub const PATIENCE: Span = Span::from_millis(200);
/// The same in the middle of a trace or behind an announcement, where a further line is to be expected: a busy node
/// delivers a trace in pieces.
const PATIENCE_IN_TRACE: Span = Span::from_secs(1);
/// Lines and bytes that one record may have; what comes after begins another.
const MOST_LINES: usize = 500;
const MOST_BYTES: usize = 256 * 1024;

/// One record: what one logging call or one crash wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The kubelet's stamp of the first line.
    pub time: Time,
    pub lines: Lines,
    /// Of the first line.
    pub header: Header,
    /// The header's, or `Error` for a crash or a failed program whose lines do not say so.
    pub level: Level,
}

/// Joins the lines of one source.
#[derive(Debug, Default)]
pub struct Joiner {
    open: Option<Open>,
    habit: Habit,
}

impl Joiner {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next line; appends to `out` what is finished by it.
    pub fn push(&mut self, line: Line, now: Time, out: &mut Vec<Joined>) {
        let header = header::parse_next(&line.bytes, &mut self.habit);
        if header.starts {
            if let Some(open) = &mut self.open
                && open.waits_for_level(&header)
            {
                open.take_level(&line, &header, now);
                return;
            }
            self.habit.format = header.format;
            self.flush(out);
            if is_complete(&line.bytes, &header) {
                out.push(single(line, header));
            } else {
                self.open = Some(Open::begun(line, header, now));
            }
            return;
        }
        let place = Place::of(&line.bytes);
        let next = match &mut self.open {
            None => Open::begun(line, header, now),
            Some(open) if open.is_followed_by_banner(&place) => {
                let banner = open.split_off_blanks(line, now);
                self.flush(out);
                self.open = banner;
                return;
            }
            Some(open) => match open.goes_on_with(&place) {
                None => Open::begun(line, header, now),
                Some(trace) if open.is_full_with(&line.bytes) => Open::carried_over(trace, line, header, now),
                Some(trace) => {
                    open.take(line.bytes, line.time, trace, now);
                    return;
                }
            },
        };
        self.flush(out);
        self.open = Some(next);
    }

    /// When the open record must be flushed, if there is one.
    pub fn due(&self) -> Option<Time> {
        self.open.as_ref().map(|open| open.last + open.patience())
    }

    /// Gives out the open record if its time has come.
    pub fn flush_due(&mut self, now: Time, out: &mut Vec<Joined>) {
        if self.due().is_some_and(|due| due <= now) {
            self.flush(out);
        }
    }

    /// Gives out the open record, as at the end of the source.
    pub fn flush(&mut self, out: &mut Vec<Joined>) {
        if let Some(open) = self.open.take() {
            out.push(open.closed());
        }
    }
}

/// Whether nothing can belong to the record but this line.
fn is_complete(line: &[u8], header: &Header) -> bool {
    match header.format {
        Format::Json => line.trim_ascii_end().ends_with(b"}"),
        Format::Access => true,
        Format::None
        | Format::Logfmt
        | Format::Klog
        | Format::Syslog
        | Format::Redis
        | Format::Ruby
        | Format::Stamped
        | Format::Bracketed
        | Format::Word => false,
    }
}

fn single(line: Line, header: Header) -> Joined {
    Joined {
        time: line.time,
        lines: Lines::One(line.bytes),
        level: header.level,
        header,
    }
}

/// A line without what is in front of its text.
struct Place<'a> {
    /// Without the colours and blanks at its front.
    text: &'a [u8],
    /// Blanks and tabs at its front.
    indent: usize,
}

impl<'a> Place<'a> {
    fn of(line: &'a [u8]) -> Self {
        let mut cursor = Cursor::new(line, 0);
        cursor.skip_colours();
        let indent = cursor.skip_while(|b| matches!(b, b' ' | b'\t')).len();
        cursor.skip_colours();
        Self {
            text: cursor.rest().trim_ascii_end(),
            indent,
        }
    }
}

/// The record that may still grow.
#[derive(Debug)]
struct Open {
    record: Joined,
    trace: Trace,
    bytes: usize,
    /// When the last line arrived.
    last: Time,
    /// Of the first line: without a trace only deeper lines belong to it.
    indent: usize,
    /// The last line ends in `:` or `=`: what follows was announced.
    announces: bool,
    /// The first line is `{`: pretty-printed JSON.
    object: bool,
    /// Blank lines at its end, and when the first of them was written. A banner may take them over.
    blanks: usize,
    blank_since: Time,
    /// A further line is indented.
    indented: bool,
}

impl Open {
    /// A record that begins with a header: the front of its line needs no second look.
    fn begun_by_header(line: Line, header: Header, now: Time) -> Self {
        Self {
            trace: begun_by_message(&line.bytes, &header),
            bytes: line.bytes.len(),
            last: now,
            indent: 0,
            announces: announces(line.bytes.trim_ascii_end()),
            object: false,
            blanks: 0,
            indented: false,
            blank_since: line.time,
            record: single(line, header),
        }
    }

    fn begun(line: Line, header: Header, now: Time) -> Self {
        if header.starts {
            return Self::begun_by_header(line, header, now);
        }
        let place = Place::of(&line.bytes);
        let trace = match place.indent {
            _ if place.text.is_empty() => Trace::Picture,
            0 => Trace::begun_by(place.text),
            _ if is_art(place.text) => Trace::Picture,
            _ => Trace::None.indented(place.text),
        };
        Self {
            trace,
            bytes: line.bytes.len(),
            last: now,
            indent: place.indent,
            announces: announces(place.text),
            object: place.text == b"{",
            blanks: usize::from(place.text.is_empty()),
            indented: false,
            blank_since: line.time,
            record: single(line, header),
        }
    }

    /// Whether the record is the place in the code that `java.util.logging` prints above the line with the level.
    fn waits_for_level(&self, next: &Header) -> bool {
        let header = &self.record.header;
        header.starts
            && header.message.is_empty()
            && header.level == Level::None
            && self.record.lines.len() == 1
            && next.format == Format::Word
            && next.level != Level::None
            && next.time.is_none()
    }

    fn take_level(&mut self, line: &Line, header: &Header, now: Time) {
        self.record.level = header.level;
        self.take(line.bytes.clone(), line.time, self.trace, now);
    }

    /// Whether a blank line behind a complete record, and now an indented line or a drawn one, are a banner: programs
    /// print theirs between records.
    fn is_followed_by_banner(&self, place: &Place<'_>) -> bool {
        if self.blanks == 0 || self.blanks == self.record.lines.len() || self.announces || place.text.is_empty() {
            return false;
        }
        let drawn = is_art(place.text);
        let plain = matches!(self.trace, Trace::None | Trace::Listing) && !self.indented;
        let set_apart = plain && (drawn || (self.record.header.starts && place.indent > 0));
        let behind_frames = self.trace == Trace::Frames && self.record.header.starts && drawn;
        let first_is_blank = self
            .record
            .lines
            .first()
            .is_some_and(|line| line.trim_ascii().is_empty());
        let behind_banner = self.trace == Trace::Picture && first_is_blank && drawn;
        (set_apart && Trace::None.indented(place.text) == Trace::None) || behind_frames || behind_banner
    }

    /// The record that begins with the blank lines at the end of this one and goes on with `line`.
    fn split_off_blanks(&mut self, line: Line, now: Time) -> Option<Self> {
        let at = self.record.lines.len().checked_sub(self.blanks)?;
        let mut blanks = self.record.lines.split_off(at)?.into_iter();
        let first = Line {
            time: self.blank_since,
            bytes: blanks.next()?,
        };
        let header = header::parse(&first.bytes, Format::None);
        let mut banner = Self::begun(first, header, now);
        for bytes in blanks {
            banner.take(bytes, line.time, Trace::Picture, now);
        }
        banner.take(line.bytes, line.time, Trace::Picture, now);
        Some(banner)
    }

    /// A record that begins in the middle of one that was full.
    fn carried_over(trace: Trace, line: Line, header: Header, now: Time) -> Self {
        Self {
            trace,
            indent: 0,
            ..Self::begun(line, header, now)
        }
    }

    fn take(&mut self, line: Bytes, time: Time, trace: Trace, now: Time) {
        let place = Place::of(&line);
        if place.text.is_empty() {
            if self.blanks == 0 {
                self.blank_since = time;
            }
            self.blanks += 1;
        } else {
            self.blanks = 0;
            self.indented |= place.indent > 0;
        }
        if self.object && self.record.level == Level::None {
            self.record.level = fields::json_member_level(place.text).unwrap_or_default();
        }
        self.announces = announces(place.text) || (self.announces && place.text.is_empty());
        self.trace = trace;
        self.bytes += line.len();
        self.last = now;
        self.record.lines.push(line);
    }

    fn patience(&self) -> Span {
        let expects = self.announces || (self.trace.is_crash() && !self.trace.is_over());
        if expects { PATIENCE_IN_TRACE } else { PATIENCE }
    }

    fn is_full_with(&self, line: &[u8]) -> bool {
        self.record.lines.len() >= MOST_LINES || self.bytes + line.len() > MOST_BYTES
    }

    /// The trace behind the line if the line belongs to this record. The line has no header.
    fn goes_on_with(&self, place: &Place<'_>) -> Option<Trace> {
        if place.text.is_empty() {
            return Some(self.trace);
        }
        if place.indent > 0 {
            let trace = self.trace.indented(place.text);
            let deeper = place.indent > self.indent || trace == Trace::Picture;
            return (trace.is_crash() || deeper).then_some(trace);
        }
        if matches!(place.text, b"{" | b"[") {
            return self.announces.then_some(self.trace);
        }
        self.trace
            .continued_by(place.text)
            .or_else(|| self.crash(place.text))
            .or_else(|| self.more_of_the_message(place.text))
    }

    /// The further lines of a message whose logger writes them without a header: what it announced, what carries the
    /// same tag.
    fn more_of_the_message(&self, text: &[u8]) -> Option<Trace> {
        let header = &self.record.header;
        if !header.starts {
            return None;
        }
        if self.trace == Trace::Ruby && self.blanks > 0 {
            return Some(self.trace);
        }
        let tagged = match header.format {
            // Rails tags every line of a message with the request.
            Format::Ruby => is_tagged_by_request(text),
            // The steps of a slow request in Kubernetes.
            Format::Klog => text.starts_with(b"Trace[") && self.message().starts_with(b"Trace["),
            Format::None
            | Format::Json
            | Format::Logfmt
            | Format::Access
            | Format::Syslog
            | Format::Redis
            | Format::Stamped
            | Format::Bracketed
            | Format::Word => false,
        };
        if tagged || (header.level >= Level::Warn && text.starts_with(b"** ")) {
            return Some(self.trace);
        }
        let first = self.record.lines.len() == 1;
        let announced = self.announces && (first || self.trace == Trace::Listing);
        let begins_a_crash = Trace::begun_by(text).is_crash();
        let plain = matches!(self.trace, Trace::None | Trace::Listing);
        (plain && announced && !begins_a_crash).then(|| if is_listed(text) { Trace::Listing } else { self.trace })
    }

    fn message(&self) -> &[u8] {
        let first = self.record.lines.first();
        first
            .and_then(|line| line.get(self.record.header.message.clone()))
            .unwrap_or_default()
    }

    /// The crash that a program printed right behind the line that it logged about it.
    fn crash(&self, text: &[u8]) -> Option<Trace> {
        if self.trace.is_crash() || !self.record.header.starts {
            return None;
        }
        let level = self.record.header.level;
        let complains = level >= Level::Warn;
        let trace = Trace::begun_by(text);
        let accepted = match trace {
            Trace::Python => complains || level == Level::None,
            Trace::Go => is_goroutine(text) && level != Level::Info,
            Trace::Frames => is_exception(text) && level != Level::Info,
            Trace::Beam => complains,
            // `…: message` behind the place is how the interpreter reports an exception of its own.
            Trace::Ruby => complains && text.ends_with(b"'"),
            Trace::None if is_class_in_package(text) && complains => return Some(Trace::Frames),
            Trace::None
            | Trace::PythonEnd
            | Trace::PythonData
            | Trace::Over
            | Trace::PythonChain
            | Trace::GoPanic
            | Trace::NodePlace
            | Trace::RustPanic
            | Trace::Rust
            | Trace::Php
            | Trace::Unhandled
            | Trace::Native
            | Trace::Sanitizer
            | Trace::Hashes
            | Trace::FatalHashes
            | Trace::Threads
            | Trace::Sql
            | Trace::Picture
            | Trace::Listing => false,
        };
        accepted.then_some(trace)
    }

    fn closed(self) -> Joined {
        let mut record = self.record;
        if record.level == Level::None && (self.trace.is_crash() || complains(&record)) {
            record.level = Level::Error;
        }
        record
    }
}

/// What a message of a logger begins: further lines of a statement have no header.
fn begun_by_message(line: &[u8], header: &Header) -> Trace {
    let message = line.get(header.message.clone()).unwrap_or_default();
    if is_statement(message) { Trace::Sql } else { Trace::None }
}

/// Whether a line whose logger has no levels, or that no logger wrote, tells of a failure.
fn complains(record: &Joined) -> bool {
    let levelless = matches!(record.header.format, Format::None | Format::Stamped);
    let message = record
        .lines
        .first()
        .and_then(|line| line.get(record.header.message.clone()));
    levelless && message.is_some_and(is_complaint)
}

fn announces(text: &[u8]) -> bool {
    matches!(text.last(), Some(b':' | b'='))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn join(lines: &[&[u8]]) -> Vec<Joined> {
        let mut joiner = Joiner::new();
        let mut out = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let time = Time(i64::try_from(at).unwrap_or(0));
            let bytes = Bytes::copy_from_slice(line);
            joiner.push(Line { time, bytes }, Time(0), &mut out);
        }
        joiner.flush(&mut out);
        out
    }

    /// The records are separated by lines of `----` with the level of the record above.
    fn check(log: &str) {
        let lines: Vec<&str> = log.trim_matches('\n').lines().collect();
        let input: Vec<&[u8]> = lines
            .iter()
            .filter(|line| !line.starts_with("----"))
            .map(|line| line.as_bytes())
            .collect();
        let mut found = Vec::new();
        for record in join(&input) {
            found.extend(
                record
                    .lines
                    .iter()
                    .map(|line| String::from_utf8_lossy(line).into_owned()),
            );
            found.push(format!("---- {}", record.level.as_str()));
        }
        assert_eq!(found.join("\n"), lines.join("\n"));
    }

    #[test]
    fn a_trace_that_is_not_over_is_waited_for() {
        let mut joiner = Joiner::new();
        let mut out = Vec::new();
        for text in [
            "Traceback (most recent call last):",
            "  File \"/a.py\", line 1, in x",
            "    y",
        ] {
            let line = Line {
                time: Time(0),
                bytes: Bytes::from_static(text.as_bytes()),
            };
            joiner.push(line, Time(0), &mut out);
            assert_eq!(joiner.due(), Some(Time::from_millis(1_000)), "{text}");
        }
        let line = Line {
            time: Time(0),
            bytes: Bytes::from_static(b"KeyError: 'a'"),
        };
        joiner.push(line, Time(0), &mut out);
        assert_eq!((out.len(), joiner.due()), (0, Some(Time::from_millis(200))));
    }

    #[test]
    fn lines_with_headers_stand_alone() {
        check(
            "
2026-03-04 08:00:00,776 INFO up
---- info
2026-03-04 08:00:00,777 ERROR down
---- error
plain words
---- none
more words
---- none
",
        );
    }

    #[test]
    fn python_ends_with_the_exception() {
        check(
            "
starting
---- none
Traceback (most recent call last):
  File \"/app/main.py\", line 1, in <module>
    import missing
ModuleNotFoundError: No module named 'missing'
---- error
next words
---- none
",
        );
    }

    #[test]
    fn python_chains_and_logged_exceptions() {
        check(
            "
2026-03-04 08:00:00,776 - billing - ERROR - Lost database
Traceback (most recent call last):
  File \"/app/store.py\", line 118, in put
    cur.execute(sql, args)
db.OperationalError: server closed the connection
DETAIL:  Key (number)=(7) exists.

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File \"/app/run.py\", line 80, in run
    self.store.put(invoice)
    ~~~~~~~~~~~~~~^^^^^^^^^

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File \"/app/run.py\", line 81, in run
billing.errors.StoreUnavailable: giving up
---- error
2026-03-04 08:00:01,776 - billing - INFO - next
---- info
Traceback (most recent call last):
  File \"/app/run.py\", line 80, in run
KeyError: 'x'
---- error
Exception in thread Thread-1 (worker):
Traceback (most recent call last):
  File \"/usr/lib/python3.11/threading.py\", line 1038, in _bootstrap_inner
    self.run()
ZeroDivisionError: division by zero
---- error
",
        );
    }

    #[test]
    fn python_exception_groups() {
        check(
            "
  + Exception Group Traceback (most recent call last):
  |   File \"/app/run.py\", line 1, in <module>
  |     raise ExceptionGroup(\"many\", errors)
  | ExceptionGroup: many (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | ValueError: one
    +------------------------------------
---- error
",
        );
    }

    #[test]
    fn java_with_causes() {
        check(
            "
2026-03-04T08:00:00.336Z ERROR 1 --- [shop] [exec-1] com.shop.Cart : Request failed
com.shop.PaymentTimeoutException: basket 7 after 3000 ms
\tat com.shop.Cart.close(Cart.java:210)
\tat com.shop.Web$$Proxy20.submit(Unknown Source)
Caused by: java.net.ConnectException: Connection refused
\tat java.base/sun.nio.ch.Net.pollConnect(Native Method)
\t... 12 more
\tSuppressed: java.io.IOException: closed
\t\tat com.shop.Cart.close(Cart.java:350)
---- error
Exception in thread \"main\" java.lang.IllegalStateException: no port
\tat com.shop.App.main(App.java:3)
---- error
java.lang.OutOfMemoryError: Java heap space
\tat com.shop.App.main(App.java:3)
---- error
org.jetty.server.Server: started
---- none
WARN [main] a.b.C: locked
com.shop.stock.BasketLocked: basket 7
\tat com.shop.App.main(App.java:3)
---- warn
2026-03-04T08:00:00.336Z  INFO 1 --- [shop] [exec-1] com.shop.Cart : Next
---- info
",
        );
    }

    #[test]
    fn go_panics_one_after_the_other() {
        check(
            "
I0304 08:02:09.953810       1 controller.go:623] created
---- info
panic: assignment to entry in nil map [recovered]
\tpanic: again
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x4a]

goroutine 348 [running]:
main.(*Table).Put(0xc000, {0xc001, 0x4e})
\t/src/table.go:60 +0x9c
main.main.func1()
\t/src/main.go:6 +0x1d
created by main.main in goroutine 1
\t/src/main.go:5 +0x3a

goroutine 1 [select, 5 minutes]:
main.main()
\t/src/main.go:9 +0x1d
exit status 2
---- error
panic: second
---- error
panic: third
---- error
I0304 08:02:09.953810       1 controller.go:623] created
---- info
fatal error: concurrent map writes

goroutine 7 [running]:
main.add(...)
\t/src/main.go:9
---- error
F0304 08:02:09.953810       1 keeper.go:1] lease lost
goroutine 12 [running]:
main.main()
\t/src/main.go:9 +0x1d
---- fatal
runtime: goroutine stack exceeds 1000000000-byte limit
fatal error: stack overflow

runtime stack:
runtime.throw({0x46, 0xe})
\t/usr/lib/go/panic.go:1047 +0x5d
---- error
2026/03/04 08:00:00 http: panic serving 10.0.0.1:33: boom
goroutine 35 [running]:
net/http.(*conn).serve.func1()
\t/usr/lib/go/server.go:1850 +0xbf
---- error
",
        );
    }

    #[test]
    fn node_from_the_place_to_the_version() {
        check(
            "
/srv/app/src/server.js:10
    throw new TypeError('no price')
    ^

TypeError: no price
    at Basket.total (/srv/app/basket.js:50:11)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5) {
  code: 'ERR_PRICE'
}

Node.js v20.11.0
---- error
node:internal/modules/cjs/loader:1078
  throw err;
  ^

Error: Cannot find module './x'
Require stack:
- /srv/app/server.js
    at Module._load (node:internal/modules/cjs/loader:920:27)
---- error
TypeError: x is not a function
    at /srv/app/server.js:3:1
    at async main (/srv/app/server.js:9:1)
---- error
server listens
---- none
",
        );
    }

    #[test]
    fn dotnet() {
        check(
            "
fail: Invoice.Api.RenderController[0]
      Rendering failed.
      System.InvalidOperationException: not usable.
         at Invoice.Core.Renderer.Bind(Template t) in /src/Renderer.cs:line 140
---- error
info: Hosting.Diagnostics[2]
      Request finished
---- info
Unhandled exception. System.AggregateException: One or more jobs failed.
 ---> Invoice.Core.LedgerOffline: range 7
   at Invoice.Core.Numbering.Next(Int32 count) in /src/Numbering.cs:line 88
   --- End of inner exception stack trace ---
---- error
",
        );
    }

    #[test]
    fn rust_panics() {
        check(
            "
thread 'main' panicked at src/main.rs:2:5:
called `Result::unwrap()` on an `Err` value: Closed
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
---- error
thread 'relay' panicked at src/file.rs:77:14:
assertion `left == right` failed
  left: 1
 right: 2
stack backtrace:
   0: rust_begin_unwind
             at /rustc/59807616/library/std/src/panicking.rs:645:5
note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.
---- error
thread 'main' panicked at 'boom', src/main.rs:2:5
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
---- error
Error: cannot read the file

Caused by:
    0: no such file
---- error
",
        );
    }

    #[test]
    fn ruby_and_php() {
        check(
            "
/app/lib/sync.rb:40:in `fetch': reset by peer (Errno::ECONNRESET)
\tfrom /app/lib/job.rb:18:in `perform'
---- error
/app/lib/import.rb:42:in `fetch': undefined method (NoMethodError)
\tfrom /app/lib/job.rb:18:in `perform'
---- error
PHP Fatal error:  Uncaught LogicException: no in /srv/a.php:3
Stack trace:
#0 /srv/b.php(7): run()
#1 {main}
  thrown in /srv/a.php on line 3
---- error
",
        );
    }

    #[test]
    fn statements_and_pretty_json() {
        check(
            "
2026-03-04 08:00:00.900 UTC [52] app@orders STATEMENT:  INSERT INTO a (id)
\tSELECT id
\t  FROM b
---- none
effective settings:
{
  \"image\": \"x\",
  \"hosts\": [
    \"a\"
  ]
}
---- none
{
  \"level\": \"warn\",
  \"msg\": \"slow\"
}
---- warn
{
  \"n\": 1
}
---- none
\x1b[34mdebug\x1b[39m: payload: {
  \"n\": 1
}
---- debug
",
        );
    }

    #[test]
    fn banners_take_their_blank_line_along() {
        check(
            "

  .   ____          _
 /\\\\ / ___'_ __ _ _(_)
( ( )\\___ | '_ | '_| |
 =========|_|==========
  :: Frame ::     (v3.0)
---- none
2026-03-04 08:00:00,1 INFO  [main] a.b.C - up

  ##  ##      Broker 3.1
  ######  ##
---- info
2026-03-04 08:00:00,1 INFO  [main] a.b.C - up

---- info
2026-03-04 08:00:00,1 INFO  [main] a.b.C - options:

  a = b
---- info
"
            .replace("up\n\n  ##", "up\n---- info\n\n  ##")
            .replace("##\n---- info", "##\n---- none")
            .as_str(),
        );
        check(
            "
+----+------+
| id | name |
+----+------+
| 1  | a    |
+----+------+
---- none
done
---- none
",
        );
    }

    #[test]
    fn messages_go_on_below_what_announced_them() {
        check(
            "
2026-03-04 08:00:00.123 [error] <0.1.0> closing connection <0.2.0> (10.0.0.1:5000):
missed heartbeats from client
---- error
plain words
---- none
2026-03-04 08:00:00.123 [info] <0.1.0> effective settings:
image: x
hosts:
- a
---- info
plain words
---- none
I0304 08:02:09.953810       1 trace.go:236] Trace[12]: \"List\" url:/api (total time: 534ms):
Trace[12]: ---\"About to write a response\" 534ms
Trace[12]: [534.714ms] [534.553ms] END
---- info
http: TLS handshake error from 10.0.0.1:5000: EOF
---- error
F, [2026-03-04T08:01:13.245691 #7] FATAL -- : [fff344bd-703b] View::Error (gone)
    1: <h1>
[fff344bd-703b] app/views/show.html.erb:9:in `show'
---- fatal
2026-03-04 08:00:00,123 INFO sqlalchemy.engine.Engine SELECT id
FROM a
WHERE b = 1
---- info
2026-03-04 08:00:00,123 INFO sqlalchemy.engine.Engine [raw sql] ()
---- info
Mar 04, 2026 8:03:57 AM com.acme.Main run
SEVERE: cannot bind
java.net.BindException: in use
\tat com.acme.Main.run(Main.java:3)
---- error
Mar 04, 2026 8:03:58 AM com.acme.Main run
INFO: bound
---- info
",
        );
    }

    #[test]
    fn erlang_and_elixir() {
        check(
            "
08:00:00.123 [error] GenServer Shop.Cart terminating
** (RuntimeError) boom
    (shop 0.1.0) lib/shop/cart.ex:12: Shop.Cart.handle_info/2
Last message: :tick
State: %{}
---- error
08:00:00.124 [info] up
---- info
** (Mix) The database is gone
---- error
=CRASH REPORT==== 4-Mar-2026::08:00:00.123 ===
  crasher:
    pid: <0.1.0>
---- error
=PROGRESS REPORT==== 4-Mar-2026::08:00:00.123 ===
  started: x
---- info
",
        );
    }

    #[test]
    fn native_runtimes() {
        check(
            "
Unhandled exception:
Bad state: No element
#0      main (file:///app/bin/main.dart:3:3)
#1      _run (dart:isolate)
---- error
Fatal error: Index out of range: file Swift/Array.swift, line 600
Current stack trace:
0    libswiftCore.so     0x00007f2c reportFatalError + 112
---- error
terminate called after throwing an instance of 'std::runtime_error'
  what():  boom
---- error
=================================================================
==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x602
READ of size 4 at 0x602 thread T0
    #0 0x4 in main /a.c:5

freed by thread T0 here:
    #0 0x4 in free
SUMMARY: AddressSanitizer: heap-use-after-free /a.c:5 in main
==7==ABORTING
---- error
words
---- none
#
# A fatal error has been detected by the Java Runtime Environment:
#
#  SIGSEGV (0xb) at pc=0x7f, pid=1, tid=2
---- error
words
---- none
node:events:491
      throw er; // Unhandled 'error' event
      ^

Error: listen EADDRINUSE: address already in use :::3000
    at Server.setup (node:net:1463:16)
Emitted 'error' event on Server instance at:
    at emitErrorNT (node:net:1442:8) {
  code: 'EADDRINUSE',
}
---- error
[2026-03-04 08:00:00] production.ERROR: gone {\"exception\":\"[object] (E(code: 0): gone at /a.php:3)
[stacktrace]
#0 /srv/a.php(3): run()
#1 {main}
\"}
---- error
Traceback (most recent call last):
  File \"/a.py\", line 1, in x
model.ValidationError: 1 validation error for Cart
items.0.price
  Field required
---- error
done with it
---- none
",
        );
    }

    #[test]
    fn failures_without_a_level_are_errors() {
        check(
            "
+ /run.sh
---- none
sh: /run.sh: Permission denied
---- error
2009/11/10 23:00:00 listen tcp :80: bind: address already in use
---- error
2009/11/10 23:00:00 INFO last try: connection refused
---- info
",
        );
    }

    #[test]
    fn lines_that_are_all_indented_stand_alone() {
        check(
            "
  one
---- none
  two
    deeper
---- none
 three
---- none
",
        );
    }

    #[test]
    fn a_trace_that_was_joined_midway_holds_together() {
        check(
            "
\tat com.shop.Cart.close(Cart.java:210)
\tat com.shop.Web.submit(Web.java:77)
Caused by: java.net.ConnectException: Connection refused
\t... 12 more
---- error
",
        );
    }

    #[test]
    fn a_traceback_without_its_head_ends_all_the_same() {
        check(
            "
  File \"/app/run.py\", line 80, in run
    self.handle(job)
KeyError: 'x'
---- error
words
---- none
",
        );
    }

    fn line(text: &str) -> Line {
        Line {
            time: Time(7),
            bytes: Bytes::copy_from_slice(text.as_bytes()),
        }
    }

    #[test]
    fn a_record_waits_for_the_next_line_or_its_time() {
        let (mut joiner, mut out) = (Joiner::new(), Vec::new());
        assert_eq!(joiner.due(), None);
        joiner.push(line("one"), Time::from_millis(1_000), &mut out);
        assert_eq!((out.len(), joiner.due()), (0, Some(Time::from_millis(1_200))));
        joiner.push(line("  more"), Time::from_millis(1_100), &mut out);
        assert_eq!((out.len(), joiner.due()), (0, Some(Time::from_millis(1_300))));
        joiner.flush_due(Time::from_millis(1_299), &mut out);
        assert_eq!(out.len(), 0);
        joiner.flush_due(Time::from_millis(1_300), &mut out);
        assert_eq!((out.len(), joiner.due()), (1, None));
        joiner.push(line("two"), Time::from_millis(1_400), &mut out);
        joiner.push(line("three"), Time::from_millis(1_400), &mut out);
        assert_eq!(out.iter().map(|record| record.lines.len()).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn what_is_complete_by_itself_does_not_wait() {
        let (mut joiner, mut out) = (Joiner::new(), Vec::new());
        joiner.push(line(r#"{"level":"info","msg":"up"}"#), Time(0), &mut out);
        joiner.push(
            line("10.0.0.1 - - [04/Mar/2026:08:00:00 +0000] \"GET / HTTP/1.1\" 200 12"),
            Time(0),
            &mut out,
        );
        assert_eq!((out.len(), joiner.due()), (2, None));
    }

    #[test]
    fn records_are_bounded() {
        let frame = b"\tat com.shop.Cart.close(Cart.java:210)".as_slice();
        let records = join(&vec![frame; 1_200]);
        assert_eq!(
            records.iter().map(|record| record.lines.len()).collect::<Vec<_>>(),
            [500, 500, 200]
        );
        assert!(records.iter().all(|record| record.level == Level::Error));
        let long = format!(" {}", "x".repeat(100_000)).into_bytes();
        let records = join(&[b"first", &long, &long, &long]);
        assert_eq!(
            records.iter().map(|record| record.lines.len()).collect::<Vec<_>>(),
            [3, 1]
        );
        let records = join(&["x".repeat(300_000).as_bytes(), b"next"]);
        assert_eq!(records.len(), 2);
    }

    fn any_line() -> impl Strategy<Value = Vec<u8>> {
        let known = proptest::sample::select(vec![
            "",
            " ",
            "\tat a.b.C(D.java:1)",
            "Caused by: x.Y: z",
            "Traceback (most recent call last):",
            "  File \"a\", line 1, in b",
            "ValueError: x",
            "panic: x",
            "goroutine 1 [running]:",
            "main.main()",
            "{",
            "}",
            "  \"level\": \"error\"",
            "{\"level\":\"info\"}",
            "2026-03-04 08:00:00,1 ERROR x",
            "ERROR: x",
            "During handling of the above exception, another exception occurred:",
            "thread 'main' panicked at a.rs:1:1:",
            "note: x",
            "/srv/a.js:1",
            "words",
            "level=info msg=x",
            "x:",
            "\x1b[31mred",
        ]);
        prop_oneof![
            4 => known.prop_map(|line| line.as_bytes().to_vec()),
            1 => proptest::collection::vec(any::<u8>(), 0..20),
        ]
    }

    proptest! {
        #[test]
        fn no_line_is_lost_or_moved(lines in proptest::collection::vec(any_line(), 0..60)) {
            let lines: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
            let records = join(&lines);
            let joined: Vec<&[u8]> = records.iter().flat_map(|record| &record.lines).map(|line| &line[..]).collect();
            prop_assert_eq!(joined, lines);
            let mut at = 0;
            for record in &records {
                prop_assert_eq!(record.time, Time(at));
                at += i64::try_from(record.lines.len()).unwrap();
            }
        }
    }
}
