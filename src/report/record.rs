//! One record as text for people and as one JSON object for programs.

use std::fmt::Write as _;

use serde::Serialize;

use crate::logs::holdback::Placed;
use crate::logs::record::Content;
use crate::model::{Gap, GapCause, Source, Time};
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
    /// Present, and true, on a record that arrived too late to go where it belongs by its time.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    late: bool,
    /// Present, and true, on a record that was written before its log was followed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    history: bool,
}

#[derive(Debug, Serialize)]
struct Lost {
    /// The last line known before it.
    from: String,
    /// The first line known after it.
    to: String,
    /// `rotated`, `restarted`, `unreadable` or `dropped`.
    cause: &'static str,
    /// How many lines, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<u64>,
}

impl Lost {
    fn new(gap: &Gap) -> Self {
        let (cause, lines) = match gap.cause {
            GapCause::Rotated => ("rotated", None),
            GapCause::Restarted(_) => ("restarted", None),
            GapCause::Unreadable(_) => ("unreadable", None),
            GapCause::Dropped(lines) => ("dropped", Some(lines)),
        };
        Self {
            from: rfc3339(gap.from),
            to: rfc3339(gap.to),
            cause,
            lines,
        }
    }
}

/// The record as one line of JSON.
pub fn ndjson(cluster: &str, source: &Source, placed: &Placed) -> Result<String, serde_json::Error> {
    let record = &placed.record;
    let (text, gap) = match &record.content {
        Content::Text { bytes, .. } => (String::from_utf8_lossy(bytes), None),
        Content::Gap(gap) => (gap.cause.to_string().into(), Some(Lost::new(gap))),
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
        late: placed.late,
        history: placed.history,
    })
}

/// The record as text: its lines, each made safe, the first behind the name of its place.
pub fn text(cluster: &str, source: &Source, placed: &Placed) -> String {
    let record = &placed.record;
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::{Value, json};

    use super::*;
    use crate::logs::record::Record;
    use crate::model::{
        ContainerKind, ContextId, Level, PatternId, PodKey, RecordId, SourceId, Target, WorkloadKey, WorkloadKind,
    };

    fn source() -> Source {
        let pod = PodKey {
            context: ContextId(0),
            namespace: "shop".into(),
            name: "api-1".into(),
            uid: "u".into(),
        };
        Source {
            id: SourceId {
                context: ContextId(0),
                n: 0,
            },
            target: Target {
                pod,
                container: "api".into(),
            },
            kind: ContainerKind::Main,
            workload: WorkloadKey {
                namespace: "shop".into(),
                kind: WorkloadKind::Pod,
                name: "api-1".into(),
            },
            restarts: 0,
            started: None,
            image: "api".into(),
        }
    }

    fn placed(content: Content, late: bool) -> Placed {
        let record = Record {
            id: RecordId(1),
            source: source().id,
            time: Time::from_secs(5),
            content,
        };
        Placed {
            record,
            late,
            history: !late,
        }
    }

    fn gap(cause: GapCause) -> Placed {
        let (from, to) = (Time::from_secs(5), Time::from_secs(9));
        placed(Content::Gap(Gap { from, to, cause }), false)
    }

    #[test]
    fn a_gap_says_from_when_to_when_why_and_how_much() {
        let check = |cause: GapCause, word: &str, lines: Option<u64>| {
            let line = ndjson("prod", &source(), &gap(cause)).unwrap();
            let object: Value = serde_json::from_str(&line).unwrap();
            let mut expected = json!({
                "from": "1970-01-01T00:00:05.000000000Z", "to": "1970-01-01T00:00:09.000000000Z", "cause": word,
            });
            if let Some(lines) = lines {
                expected["lines"] = lines.into();
            }
            assert_eq!(object["gap"], expected);
            assert!(object.get("late").is_none());
            assert_eq!(object["history"], true);
        };
        check(GapCause::Rotated, "rotated", None);
        check(GapCause::Restarted(2), "restarted", None);
        check(GapCause::Unreadable("no".into()), "unreadable", None);
        check(GapCause::Dropped(7), "dropped", Some(7));
        let row = text("prod", &source(), &gap(GapCause::Dropped(7)));
        assert!(
            row.starts_with("prod shop/api-1 api │ gap 1970-01-01T00:00:05"),
            "{row}"
        );
        assert!(row.ends_with("7 lines dropped to keep up"), "{row}");
    }

    #[test]
    fn a_late_record_is_marked_and_has_no_gap() {
        let content = Content::Text {
            level: Level::Info,
            pattern: PatternId(0),
            bytes: Bytes::from_static(b"hello"),
        };
        let line = ndjson("prod", &source(), &placed(content, true)).unwrap();
        let object: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&object["late"], &object["text"]), (&json!(true), &json!("hello")));
        assert!(object.get("gap").is_none() && object.get("history").is_none());
    }
}
