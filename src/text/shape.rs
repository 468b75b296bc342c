//! What a header can say.

use std::ops::Range;

use super::cursor::Cursor;
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
    pub(super) const fn none(line: &[u8]) -> Self {
        Self {
            level: Level::None,
            time: None,
            format: Format::None,
            message: 0..line.len(),
            status: None,
            starts: false,
        }
    }

    /// A header of this format in front of a message that begins at the cursor and goes on to the end of the line.
    pub(super) fn before(message: Cursor<'_>, format: Format) -> Self {
        Self {
            message: message.at()..message.line().len(),
            format,
            starts: true,
            ..Self::none(message.line())
        }
    }
}
