//! Lines to records: what one logging call or one crash wrote, however many lines. A state machine for one source; the
//! time comes from outside.
//!
//! A line with a header of its own begins a record. Without one it belongs to the open record if it is blank or
//! indented, or if the record's trace says so; else it begins a record too. No line is ever lost or moved.

use bytes::Bytes;

use super::cursor::Cursor;
use super::fields;
use super::header::{self, Format, Header};
use super::trace::{Trace, is_exception, is_goroutine};
use crate::model::{Level, Line, Span, Time};

/// How long a record waits for a further line.
const PATIENCE: Span = Span::from_millis(200);
/// Lines and bytes that one record may have; what comes after begins another.
const MOST_LINES: usize = 500;
const MOST_BYTES: usize = 256 * 1024;

/// One record: what one logging call or one crash wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The kubelet's stamp of the first line.
    pub time: Time,
    /// At least one.
    pub lines: Vec<Bytes>,
    /// Of the first line.
    pub header: Header,
    /// The header's, or `Error` for a crash whose lines do not say so.
    pub level: Level,
}

/// Joins the lines of one source.
#[derive(Debug, Default)]
pub struct Joiner {
    open: Option<Open>,
    format: Format,
}

impl Joiner {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next line; appends to `out` what is finished by it.
    pub fn push(&mut self, line: Line, now: Time, out: &mut Vec<Joined>) {
        let header = header::parse(&line.bytes, self.format);
        if header.starts {
            self.format = header.format;
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
            Some(open) => match open.goes_on_with(&place) {
                None => Open::begun(line, header, now),
                Some(trace) if open.is_full_with(&line.bytes) => Open::carried_over(trace, line, header, now),
                Some(trace) => {
                    open.take(line.bytes, trace, now);
                    return;
                }
            },
        };
        self.flush(out);
        self.open = Some(next);
    }

    /// When the open record must be flushed, if there is one.
    pub fn due(&self) -> Option<Time> {
        self.open.as_ref().map(|open| open.last + PATIENCE)
    }

    /// Gives out the open record if its time has come.
    pub fn flush_due(&mut self, now: Time, out: &mut Vec<Joined>) {
        if self.due().is_some_and(|due| due <= now) {
            self.flush(out);
        }
    }

    /// Gives out the open record, as at the end of the source.
    pub fn flush(&mut self, out: &mut Vec<Joined>) {
        out.extend(self.open.take().map(Open::closed));
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
        lines: vec![line.bytes],
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
}

impl Open {
    fn begun(line: Line, header: Header, now: Time) -> Self {
        let place = Place::of(&line.bytes);
        let trace = match place.indent {
            _ if header.starts => Trace::None,
            0 => Trace::begun_by(place.text),
            _ => Trace::None.indented(place.text),
        };
        Self {
            trace,
            bytes: line.bytes.len(),
            last: now,
            indent: if header.starts { 0 } else { place.indent },
            announces: announces(place.text),
            object: place.text == b"{",
            record: single(line, header),
        }
    }

    /// A record that begins in the middle of one that was full.
    fn carried_over(trace: Trace, line: Line, header: Header, now: Time) -> Self {
        Self {
            trace,
            indent: 0,
            ..Self::begun(line, header, now)
        }
    }

    fn take(&mut self, line: Bytes, trace: Trace, now: Time) {
        let place = Place::of(&line);
        if self.object && self.record.level == Level::None {
            self.record.level = fields::json_member_level(place.text).unwrap_or_default();
        }
        self.announces = announces(place.text);
        self.trace = trace;
        self.bytes += line.len();
        self.last = now;
        self.record.lines.push(line);
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
            return (trace.is_crash() || place.indent > self.indent).then_some(trace);
        }
        if matches!(place.text, b"{" | b"[") {
            return self.announces.then_some(self.trace);
        }
        self.trace.continued_by(place.text).or_else(|| self.crash(place.text))
    }

    /// The crash that a program printed right behind the line that it logged about it.
    fn crash(&self, text: &[u8]) -> Option<Trace> {
        if self.trace.is_crash() || !self.record.header.starts {
            return None;
        }
        let level = self.record.header.level;
        let trace = Trace::begun_by(text);
        let belongs = match trace {
            Trace::Python => matches!(level, Level::None | Level::Warn | Level::Error | Level::Fatal),
            Trace::Go => is_goroutine(text) && level != Level::Info,
            Trace::Frames => is_exception(text) && level != Level::Info,
            Trace::None
            | Trace::PythonEnd
            | Trace::PythonChain
            | Trace::NodePlace
            | Trace::RustPanic
            | Trace::Rust
            | Trace::Ruby
            | Trace::Php => false,
        };
        belongs.then_some(trace)
    }

    fn closed(self) -> Joined {
        let mut record = self.record;
        if record.level == Level::None && self.trace.is_crash() {
            record.level = Level::Error;
        }
        record
    }
}

fn announces(text: &[u8]) -> bool {
    matches!(text.last(), Some(b':' | b'='))
}
