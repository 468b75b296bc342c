//! One record as text for people and as one JSON object for programs.

use std::fmt::Write as _;

use serde::Serialize;

use crate::logs::record::{Content, Record};
use crate::model::{Source, Time};
use crate::report::json;
use crate::text::display;

/// A record for `kontrast logs -o ndjson`.
#[derive(Debug, Serialize)]
struct Object<'a> {
    cluster: &'a str,
    namespace: &'a str,
    pod: &'a str,
    container: &'a str,
    /// RFC 3339, nanoseconds, UTC.
    time: String,
    level: &'a str,
    /// Its lines, joined with line feeds; invalid UTF-8 is replaced.
    text: std::borrow::Cow<'a, str>,
    /// Present on a gap: lines that are known to be lost. `text` says why.
    #[serde(skip_serializing_if = "Option::is_none")]
    gap: Option<Lost>,
}

#[derive(Debug, Serialize)]
struct Lost {
    from: String,
    to: String,
}

/// The record as one line of JSON.
pub fn ndjson(cluster: &str, source: &Source, record: &Record) -> Result<String, serde_json::Error> {
    let (text, gap) = match &record.content {
        Content::Text { bytes, .. } => (String::from_utf8_lossy(bytes), None),
        Content::Gap(gap) => (
            gap.cause.to_string().into(),
            Some(Lost {
                from: rfc3339(gap.from),
                to: rfc3339(gap.to),
            }),
        ),
    };
    json::line(&Object {
        cluster,
        namespace: &source.target.pod.namespace,
        pod: &source.target.pod.name,
        container: &source.target.container,
        time: rfc3339(record.time),
        level: record.level().as_str(),
        text,
        gap,
    })
}

/// The record as text: its lines, each made safe, the first behind the name of its place.
pub fn text(cluster: &str, source: &Source, record: &Record) -> String {
    let pod = &source.target.pod;
    let place = format!("{cluster} {}/{} {}", pod.namespace, pod.name, source.target.container);
    let mut out = format!("{} │ ", display::plain(&place));
    match &record.content {
        Content::Gap(gap) => {
            // Writing to a string cannot fail.
            let (from, to) = (rfc3339(gap.from), rfc3339(gap.to));
            let _ = write!(out, "gap {from} – {to}: {}", display::plain(&gap.cause.to_string()));
        }
        Content::Text { bytes, .. } => {
            for (n, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
                if n > 0 {
                    out.push_str("\n  ");
                }
                out.push_str(&display::line(line).text);
            }
        }
    }
    out
}

/// RFC 3339 with nanoseconds, UTC.
pub fn rfc3339(time: Time) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(time.nanos()))
        .map_or_else(|_| "out of range".to_owned(), |stamp| format!("{stamp:.9}"))
}
