//! One record of the store: a log entry of one or several lines, or a gap. And the order that records have on the screen.

use bytes::Bytes;

use crate::model::{Gap, Level, PatternId, RecordId, SourceId, Time};

/// One log entry, or a known gap of one stream. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub id: RecordId,
    pub source: SourceId,
    /// The kubelet's stamp of its first line; for a gap, the last line known before it.
    pub time: Time,
    pub content: Content,
}

/// What a record holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Text {
        level: Level,
        pattern: PatternId,
        /// Its lines joined with `\n`, as the container wrote them: any encoding, any escapes.
        bytes: Bytes,
    },
    Gap(Gap),
}

/// The order of records on the screen: by time, then by arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    pub time: Time,
    pub id: RecordId,
}

impl Position {
    pub const MIN: Self = Self {
        time: Time::MIN,
        id: RecordId(u64::MIN),
    };
    pub const MAX: Self = Self {
        time: Time::MAX,
        id: RecordId(u64::MAX),
    };
}

impl Record {
    pub const fn position(&self) -> Position {
        Position {
            time: self.time,
            id: self.id,
        }
    }

    /// A gap has no level of its own.
    pub const fn level(&self) -> Level {
        match &self.content {
            Content::Text { level, .. } => *level,
            Content::Gap(_) => Level::None,
        }
    }

    pub const fn pattern(&self) -> Option<PatternId> {
        match &self.content {
            Content::Text { pattern, .. } => Some(*pattern),
            Content::Gap(_) => None,
        }
    }

    /// Its text as the container wrote it; empty for a gap.
    pub fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::Text { bytes, .. } => bytes,
            Content::Gap(_) => &[],
        }
    }

    /// Its lines, at least one for a text and none for a gap.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let text = match &self.content {
            Content::Text { bytes, .. } => Some(bytes.split(|byte| *byte == b'\n')),
            Content::Gap(_) => None,
        };
        text.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ContextId, GapCause};

    fn record(content: Content) -> Record {
        Record {
            id: RecordId(1),
            source: SourceId {
                context: ContextId(0),
                n: 0,
            },
            time: Time(5),
            content,
        }
    }

    #[test]
    fn a_text_has_its_lines_and_a_gap_has_none() {
        let text = record(Content::Text {
            level: Level::Error,
            pattern: PatternId(3),
            bytes: Bytes::from_static(b"one\n\ntwo"),
        });
        assert_eq!(text.lines().collect::<Vec<_>>(), [&b"one"[..], b"", b"two"]);
        assert_eq!((text.level(), text.pattern()), (Level::Error, Some(PatternId(3))));
        let gap = record(Content::Gap(Gap {
            from: Time(5),
            to: Time(9),
            cause: GapCause::Rotated,
        }));
        assert_eq!(gap.lines().count(), 0);
        assert_eq!(gap.pattern(), None);
    }

    #[test]
    fn time_orders_before_arrival() {
        let at = |time, id| Position {
            time: Time(time),
            id: RecordId(id),
        };
        assert!(Position::MIN < at(0, 9) && at(0, 9) < at(1, 2) && at(1, 2) < at(1, 3) && at(1, 3) < Position::MAX);
    }
}
