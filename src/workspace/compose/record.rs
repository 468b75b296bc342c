//! One record as screen lines: its lines, folded or cut, with the colours it asked for and what the search found.

use std::ops::Range;

use crate::logs::{Content, Query, Record};
use crate::model::{Gap, Span as Lapse, Time};
use crate::text::compact::compact;
use crate::text::display::{self, Line, Run};
use crate::text::header::{self, Format};
use crate::workspace::scene::{LogRow, RowKind, Span, Tone};

use super::{age, words};

/// Bytes of one line that are shown. The rest is counted; copying takes all.
const MOST_LINE: usize = 16 * 1024;

/// The indent of further lines where the gutter is too wide to stay below it.
const LEAST_INDENT: usize = 2;

/// How lines go into a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fold {
    /// Columns altogether.
    pub columns: usize,
    /// Columns of the gutter before the first line of a record.
    pub gutter: usize,
    pub lines: Lines,
}

/// How the lines of records are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// As they were written, long ones folded.
    Folded,
    /// As they were written, long ones cut.
    Cut,
    /// Cut, and the first line of a record without what the gutter and the colours tell already. Searching still
    /// looks at the whole line: what is found in a part that is left out has no mark in the shown text.
    Compact,
}

/// What is to be marked in a record.
#[derive(Clone, Copy, Debug, Default)]
pub struct Marks<'a> {
    pub query: Option<&'a Query>,
    /// The record as a whole is marked.
    pub whole: bool,
    /// It is under the cursor.
    pub selected: bool,
    /// Where a gap is; the other records have a gutter.
    pub place: &'a str,
}

impl Fold {
    /// Blanks before further lines: below the text of the first one unless that leaves too little room.
    fn indent(self) -> usize {
        if self.gutter <= self.columns / 3 {
            self.gutter
        } else {
            LEAST_INDENT.min(self.columns / 3)
        }
    }

    /// How many screen lines a record takes; at least one.
    pub fn rows(self, record: &Record) -> usize {
        match &record.content {
            Content::Gap(_) => 1,
            Content::Text { bytes, .. } if self.lines != Lines::Folded => bytes.split(|byte| *byte == b'\n').count(),
            Content::Text { .. } => {
                let lines = record.lines().enumerate();
                lines
                    .map(|(n, line)| self.pieces(&shown(line).text, n == 0).len())
                    .sum()
            }
        }
    }

    /// Which bytes of a line's text go on which screen line; at least one piece.
    fn pieces(self, text: &str, first_line: bool) -> Vec<Range<usize>> {
        if self.lines != Lines::Folded {
            return vec![whole(text)];
        }
        let further = self.columns.saturating_sub(self.indent());
        if !first_line || self.indent() == self.gutter {
            return display::wrap(text, further);
        }
        let mut first = display::wrap(text, self.columns.saturating_sub(self.gutter));
        first.truncate(1);
        let end = first.first().map_or(0, |piece| piece.end);
        if let Some(rest) = text.get(end..).filter(|rest| !rest.is_empty()) {
            let rest = display::wrap(rest, further).into_iter();
            first.extend(rest.map(|piece| piece.start + end..piece.end + end));
        }
        first
    }

    /// The screen lines of a record.
    pub fn compose(self, record: &Record, gutter: Vec<Span>, marks: Marks<'_>) -> Vec<LogRow> {
        match &record.content {
            Content::Gap(gap) => vec![LogRow {
                gutter,
                text: match marks.place {
                    "" => gap_text(gap),
                    place => format!("{} · {place}", gap_text(gap)),
                },
                styles: Vec::new(),
                hits: Vec::new(),
                tone: Tone::Warn,
                selected: marks.selected,
                stale: false,
                kind: RowKind::Gap,
            }],
            Content::Text { level, .. } => {
                let mut draft = Draft {
                    fold: self,
                    gutter: Some(gutter),
                    marks,
                    tone: words::level_tone(*level),
                    rows: Vec::new(),
                };
                for (n, line) in record.lines().enumerate() {
                    let compacted = match self.lines {
                        Lines::Compact if n == 0 => compacted(line, record.time),
                        Lines::Compact | Lines::Cut | Lines::Folded => None,
                    };
                    draft.push_line(&compacted.unwrap_or_else(|| shown(line)), n == 0);
                }
                draft.rows
            }
        }
    }
}

/// The rows of one record as they are made.
struct Draft<'a> {
    fold: Fold,
    /// For the first row.
    gutter: Option<Vec<Span>>,
    marks: Marks<'a>,
    tone: Tone,
    rows: Vec<LogRow>,
}

impl Draft<'_> {
    fn push_line(&mut self, line: &Line, first: bool) {
        let hits: Vec<Range<usize>> = match self.marks.query {
            Some(query) => query.find_iter(&line.text).collect(),
            None if self.marks.whole => vec![whole(&line.text)],
            None => Vec::new(),
        };
        for piece in self.fold.pieces(&line.text, first) {
            let (gutter, kind) = match self.gutter.take() {
                Some(gutter) => (gutter, RowKind::First),
                None => (vec![Span::plain(" ".repeat(self.fold.indent()))], RowKind::Continuation),
            };
            self.rows.push(LogRow {
                gutter,
                text: line.text.get(piece.clone()).unwrap_or_default().to_owned(),
                styles: line.runs.iter().filter_map(|run| clipped_run(run, &piece)).collect(),
                hits: hits.iter().filter_map(|hit| clipped(hit, &piece)).collect(),
                tone: self.tone,
                selected: self.marks.selected,
                stale: false,
                kind,
            });
        }
    }
}

const fn whole(text: &str) -> Range<usize> {
    0..text.len()
}

/// A line made safe, as much of it as is shown.
fn shown(line: &[u8]) -> Line {
    match line.split_at_checked(MOST_LINE) {
        Some((start, rest)) if !rest.is_empty() => {
            let mut shown = display::line(start);
            let more = format!(" … and {} bytes", rest.len());
            shown.text.push_str(&more);
            shown
        }
        Some(_) | None => display::line(line),
    }
}

/// The first line of a record beside its time; nothing where the line is better shown as it is.
fn compacted(line: &[u8], beside: Time) -> Option<Line> {
    if line.len() > MOST_LINE {
        return None;
    }
    let compact = compact(line, &header::parse(line, Format::None), beside)?;
    let (message, details) = compact.text.split_at_checked(compact.details)?;
    let mut shown = display::line(message);
    if details.is_empty() {
        return Some(shown);
    }
    let from = shown.text.len();
    shown.text.push_str(&display::line(details).text);
    shown.runs.push(Run {
        range: from..shown.text.len(),
        style: display::Style {
            dim: true,
            ..display::Style::default()
        },
    });
    Some(shown)
}

fn clipped(range: &Range<usize>, piece: &Range<usize>) -> Option<Range<usize>> {
    let (start, end) = (range.start.max(piece.start), range.end.min(piece.end));
    (start < end).then(|| start - piece.start..end - piece.start)
}

fn clipped_run(run: &Run, piece: &Range<usize>) -> Option<Run> {
    let range = clipped(&run.range, piece)?;
    Some(Run {
        range,
        style: run.style,
    })
}

/// `gap 3.2 s: the kubelet rotated its file (14:03:07.120 – 14:03:10.344)`
fn gap_text(gap: &Gap) -> String {
    let lost = Lapse(gap.to.since(gap.from).nanos().max(0));
    format!(
        "gap {}: {} ({} – {})",
        words::lasting(lost),
        words::safe(&gap.cause.to_string()),
        age::clock(gap.from),
        age::clock(gap.to)
    )
}

/// The text of a record without anything that could do harm where it is pasted.
pub fn copied(record: &Record) -> String {
    match &record.content {
        Content::Gap(gap) => gap_text(gap),
        Content::Text { .. } => {
            let lines: Vec<_> = record.lines().map(|line| display::line(line).text).collect();
            lines.join("\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use crate::model::{ContextId, GapCause, Level, PatternId, RecordId, SourceId, Time};

    use super::*;

    fn record(text: impl Into<Bytes>) -> Record {
        Record {
            id: RecordId(1),
            source: SourceId {
                context: ContextId(0),
                n: 0,
            },
            time: Time(0),
            content: Content::Text {
                level: Level::Error,
                pattern: PatternId(0),
                bytes: text.into(),
            },
        }
    }

    fn check(fold: Fold, text: &'static str, expected: &[&str]) {
        let query = Query::parse("o").unwrap();
        let marks = Marks {
            query: Some(&query),
            ..Marks::default()
        };
        let gutter = vec![Span::plain("g".repeat(fold.gutter))];
        let rows: Vec<String> = fold
            .compose(&record(text), gutter, marks)
            .into_iter()
            .map(|row| {
                let gutter: String = row.gutter.into_iter().map(|span| span.text).collect();
                gutter + &row.text
            })
            .collect();
        assert_eq!(rows, expected);
    }

    #[test]
    fn lines_are_cut_or_folded_below_the_text_or_the_gutter() {
        let fold = |columns, gutter, lines| Fold { columns, gutter, lines };
        check(
            fold(12, 3, Lines::Cut),
            "one two three four\nx",
            &["gggone two three four", "   x"],
        );
        check(
            fold(12, 3, Lines::Folded),
            "one two three four\nx",
            &["gggone two ", "   three ", "   four", "   x"],
        );
        check(
            fold(10, 6, Lines::Folded),
            "abcdefghijkl\nx",
            &["ggggggabcd", "  efghijkl", "  x"],
        );
        check(fold(0, 6, Lines::Folded), "ab", &["gggggga", "b"]);
    }

    #[test]
    fn hits_and_colours_are_cut_with_their_line() {
        let query = Query::parse("cde").unwrap();
        let marks = Marks {
            query: Some(&query),
            ..Marks::default()
        };
        let fold = Fold {
            columns: 4,
            gutter: 0,
            lines: Lines::Folded,
        };
        let rows = fold.compose(&record("ab\x1b[31mcdef"), Vec::new(), marks);
        let hits: Vec<_> = rows.iter().map(|row| row.hits.clone()).collect();
        let runs: Vec<Vec<_>> = rows
            .iter()
            .map(|row| row.styles.iter().map(|run| run.range.clone()).collect())
            .collect();
        assert_eq!(hits.concat(), [2..4, 0..1]);
        assert_eq!(runs.concat(), [2..4, 0..2]);
    }

    const STAMPED: &str = r#"{"ts":"1970-01-01T00:00:00Z","level":"info","msg":"sold","sku":"rug"}"#;

    fn compact_row(text: &'static str, query: &str) -> LogRow {
        let query = Query::parse(query).unwrap();
        let marks = Marks {
            query: Some(&query),
            ..Marks::default()
        };
        let fold = Fold {
            columns: 80,
            gutter: 0,
            lines: Lines::Compact,
        };
        fold.compose(&record(text), Vec::new(), marks).remove(0)
    }

    #[test]
    fn a_compact_line_has_its_message_first_and_details_dim() {
        let row = compact_row(STAMPED, "rug");
        assert_eq!(row.text, "sold sku=rug");
        let dim = display::Style {
            dim: true,
            ..display::Style::default()
        };
        let details = Run {
            range: 4..12,
            style: dim,
        };
        assert_eq!(row.styles, [details]);
        let hits: Vec<_> = row.hits.iter().map(|hit| row.text.get(hit.clone())).collect();
        assert_eq!(hits, [Some("rug")]);
        assert_eq!(copied(&record(STAMPED)), STAMPED);
    }

    #[test]
    fn what_is_found_in_a_part_left_out_has_no_mark() {
        assert!(compact_row(STAMPED, "1970").hits.is_empty());
    }

    #[test]
    fn further_lines_and_coloured_ones_stay() {
        let fold = Fold {
            columns: 80,
            gutter: 0,
            lines: Lines::Compact,
        };
        let rows = fold.compose(
            &record(format!("1970-01-01 00:00:00 INFO up\n{STAMPED}")),
            Vec::new(),
            Marks::default(),
        );
        let texts: Vec<_> = rows.iter().map(|row| row.text.as_str()).collect();
        assert_eq!(texts, ["INFO up", STAMPED]);
        let row = compact_row("\x1b[31m1970-01-01 00:00:00\x1b[0m INFO up", "up");
        assert_eq!(row.text, "1970-01-01 00:00:00 INFO up");
        assert_eq!(row.styles[0].range, 0..19);
    }

    fn check_gap(cause: GapCause, millis: i64, expected: &str) {
        let from = Time::from_millis(50_587_120);
        let gap = Record {
            content: Content::Gap(Gap {
                from,
                to: from + Lapse::from_millis(millis),
                cause,
            }),
            ..record("")
        };
        let fold = Fold {
            columns: 80,
            gutter: 9,
            lines: Lines::Compact,
        };
        let marks = Marks {
            place: "prod shop/api-1/app",
            ..Marks::default()
        };
        let rows = fold.compose(&gap, Vec::new(), marks);
        let texts: Vec<_> = rows.iter().map(|row| (row.text.as_str(), row.kind)).collect();
        let text = format!("{expected} · prod shop/api-1/app");
        assert_eq!(texts, [(text.as_str(), RowKind::Gap)]);
        assert_eq!(copied(&gap), expected);
    }

    #[test]
    fn a_gap_says_how_long_why_and_when() {
        check_gap(
            GapCause::Rotated,
            3_224,
            "gap 3.2 s: the kubelet rotated its file (14:03:07.120 – 14:03:10.344)",
        );
        check_gap(
            GapCause::Restarted(2),
            400_000,
            "gap 7 min: 2 restarts not seen (14:03:07.120 – 14:09:47.120)",
        );
        check_gap(
            GapCause::Unreadable("\u{1b}[31mno".into()),
            0,
            "gap 0.0 s: the log could not be read: ␛[31mno (14:03:07.120 – 14:03:07.120)",
        );
        check_gap(
            GapCause::Dropped(17),
            -5,
            "gap 0.0 s: 17 lines dropped to keep up (14:03:07.120 – 14:03:07.115)",
        );
    }

    #[test]
    fn an_endless_line_is_cut_and_counted() {
        let rows = Fold {
            columns: 80,
            gutter: 0,
            lines: Lines::Cut,
        }
        .compose(&record(vec![b'x'; 1_000_000]), Vec::new(), Marks::default());
        assert!(rows[0].text.ends_with("… and 983616 bytes"), "{}", rows[0].text.len());
    }

    proptest! {
        #[test]
        fn the_count_is_that_of_the_rows(
            text in proptest::collection::vec(any::<u8>(), 0..200),
            columns in 0usize..60,
            gutter in 0usize..30,
            lines in proptest::sample::select(vec![Lines::Folded, Lines::Cut, Lines::Compact]),
        ) {
            let fold = Fold { columns, gutter, lines };
            let record = record(text);
            let rows = fold.compose(&record, Vec::new(), Marks { whole: true, ..Marks::default() });
            prop_assert_eq!(rows.len(), fold.rows(&record));
            for row in rows {
                for range in row.hits.iter().chain(row.styles.iter().map(|run| &run.range)) {
                    prop_assert!(row.text.get(range.clone()).is_some());
                }
            }
        }
    }
}
