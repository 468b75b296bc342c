//! Which records stand on which lines of a column: around one that keeps its line, or down to the newest.

use std::ops::Bound;

use crate::logs::{Filter, Position, Record, Snapshot};
use crate::model::{RecordId, Time};

use super::record::Fold;

/// The records of one column, and its shape.
#[derive(Clone, Copy, Debug)]
pub struct Strip<'a> {
    pub snapshot: &'a Snapshot,
    pub filter: &'a Filter,
    pub fold: Fold,
    pub height: usize,
}

/// What a column is held by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The newest record ends on the last line.
    Newest,
    /// This record begins on this line; if it is not there, the one before it does.
    At(Spot),
    /// The last record up to this time begins on this line, even if there is nothing below it.
    Around(Time, isize),
}

/// A record and the line of the column on which it begins, which is negative if its beginning is scrolled away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    pub position: Position,
    pub line: isize,
}

/// Records that fill a column as far as there are any.
#[derive(Clone, Debug)]
pub struct Placed<'a> {
    pub records: Vec<&'a Record>,
    /// The line on which the first of them begins; zero or negative.
    pub first_line: isize,
    /// The record that the column is held by.
    pub base: Spot,
}

/// A move through the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    Newer,
    Older,
    /// By so many screen lines, towards newer ones where it is positive; the view moves with it.
    Lines(isize),
    Oldest,
}

impl<'a> Strip<'a> {
    fn rows(&self, record: &Record) -> isize {
        lines(self.fold.rows(record))
    }

    fn height(&self) -> isize {
        lines(self.height)
    }

    fn newer(&self, than: Position) -> impl Iterator<Item = &'a Record> {
        self.snapshot.after(self.filter, Bound::Excluded(than))
    }

    fn older(&self, than: Position) -> impl Iterator<Item = &'a Record> {
        self.snapshot.before(self.filter, Bound::Excluded(than))
    }

    /// The record at a position, else the one before it, else the first one.
    fn base(&self, at: Position) -> Option<&'a Record> {
        let mut up_to = self.snapshot.before(self.filter, Bound::Included(at));
        up_to.next().or_else(|| self.newer(at).next())
    }

    /// A line for a record on which it is in view: all of it if it fits, else the whole column is full of it.
    fn clamped(&self, line: isize, rows: isize) -> isize {
        let slack = self.height() - rows;
        line.clamp(slack.min(0), slack.max(0))
    }

    /// Fills the column; `None` if there is no record at all.
    pub fn place(&self, anchor: Anchor) -> Option<Placed<'a>> {
        let (base, wanted) = match anchor {
            Anchor::Newest => {
                let newest = self.snapshot.before(self.filter, Bound::Unbounded).next()?;
                (newest, self.height() - self.rows(newest))
            }
            Anchor::At(Spot { position, line }) => (self.base(position)?, line),
            Anchor::Around(time, line) => {
                let last = Position {
                    time,
                    id: RecordId(u64::MAX),
                };
                (self.base(last)?, line)
            }
        };
        let rows = self.rows(base);
        let line = self.clamped(wanted, rows);
        let position = base.position();
        let mut above = Pile::new(self.older(position), self.fold);
        let mut below = Pile::new(self.newer(position), self.fold);
        above.grow_to(line);
        // At the beginning of the records there is less above.
        let line = line.min(above.rows.max(0));
        below.grow_to(self.height() - line - rows);
        // At their end there is less below: the others come down, unless the line stands for a time.
        let missing = match anchor {
            Anchor::Newest | Anchor::At(_) => (self.height() - (line + rows + below.rows)).max(0),
            Anchor::Around(..) => 0,
        };
        above.grow_to(line + missing);
        let line = (line + missing).min(above.rows.max(line));
        let first_line = line - above.rows;
        let mut records = above.records;
        records.reverse();
        records.push(base);
        records.extend(below.records);
        Some(Placed {
            records,
            first_line,
            base: Spot { position, line },
        })
    }

    /// Where a move leads to; `None` if there is no record at all.
    pub fn moved(&self, from: Spot, motion: Motion) -> Option<Spot> {
        let base = self.base(from.position)?;
        let from = Spot {
            position: base.position(),
            line: from.line,
        };
        Some(match motion {
            Motion::Newer => self.newer_spot(from, base),
            Motion::Older => self.older_spot(from),
            Motion::Lines(by) if by >= 0 => self.forward(from, base, by),
            Motion::Lines(by) => self.backward(from, base, -by),
            Motion::Oldest => {
                let oldest = self.snapshot.after(self.filter, Bound::Unbounded).next()?;
                Spot {
                    position: oldest.position(),
                    line: 0,
                }
            }
        })
    }

    /// One that is longer than the column is read to its end first.
    fn newer_spot(&self, from: Spot, base: &Record) -> Spot {
        let end = from.line + self.rows(base);
        if end > self.height() {
            return Spot {
                line: from.line - 1,
                ..from
            };
        }
        self.newer(from.position).next().map_or(from, |next| Spot {
            position: next.position(),
            line: self.clamped(end, self.rows(next)),
        })
    }

    fn older_spot(&self, from: Spot) -> Spot {
        if from.line < 0 {
            return Spot {
                line: from.line + 1,
                ..from
            };
        }
        self.older(from.position).next().map_or(from, |previous| {
            let rows = self.rows(previous);
            Spot {
                position: previous.position(),
                line: self.clamped(from.line - rows, rows),
            }
        })
    }

    /// The view moves by so many lines, and the cursor to the record that comes to its line.
    fn forward(&self, from: Spot, base: &'a Record, by: isize) -> Spot {
        let (mut record, mut line, mut left) = (base, from.line, by);
        let keep = from.line.max(0);
        let mut newer = self.newer(from.position);
        loop {
            let hidden = (line + self.rows(record) - self.height()).clamp(0, left);
            (line, left) = (line - hidden, left - hidden);
            if left == 0 {
                break;
            }
            let Some(next) = newer.next() else { break };
            let below = line + self.rows(record);
            let needed = below - keep;
            if left < needed && left <= line {
                line -= left;
                break;
            }
            let scrolled = needed.clamp(0, left);
            (record, line, left) = (next, below - scrolled, left - scrolled);
        }
        Spot {
            position: record.position(),
            line,
        }
    }

    fn backward(&self, from: Spot, base: &'a Record, by: isize) -> Spot {
        let (mut record, mut line, mut left) = (base, from.line, by);
        let keep = from.line.max(0);
        let mut older = self.older(from.position);
        loop {
            let hidden = (-line).clamp(0, left);
            (line, left) = (line + hidden, left - hidden);
            if left == 0 {
                break;
            }
            let Some(previous) = older.next() else { break };
            let above = line - self.rows(previous);
            let needed = keep - above;
            if left < needed && line + self.rows(record) + left <= self.height() {
                line += left;
                break;
            }
            let scrolled = needed.clamp(0, left);
            (record, line, left) = (previous, above + scrolled, left - scrolled);
        }
        Spot {
            position: record.position(),
            line,
        }
    }
}

/// Records taken from an iterator until they make so many lines.
struct Pile<'a, I> {
    from: I,
    fold: Fold,
    records: Vec<&'a Record>,
    rows: isize,
}

impl<'a, I: Iterator<Item = &'a Record>> Pile<'a, I> {
    const fn new(from: I, fold: Fold) -> Self {
        Self {
            from,
            fold,
            records: Vec::new(),
            rows: 0,
        }
    }

    fn grow_to(&mut self, rows: isize) {
        while self.rows < rows {
            let Some(record) = self.from.next() else { return };
            self.rows += lines(self.fold.rows(record));
            self.records.push(record);
        }
    }
}

fn lines(count: usize) -> isize {
    isize::try_from(count).unwrap_or(isize::MAX / 4)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use crate::logs::{Content, Records};
    use crate::model::{ContextId, Level, PatternId, SourceId};

    use super::*;
    use crate::workspace::compose::record::Lines;

    /// Records of so many lines each, at times 0, 10, 20 …
    fn snapshot(line_counts: &[usize]) -> Snapshot {
        let mut records = Records::default();
        for (n, count) in (0..).zip(line_counts) {
            records.insert(Record {
                id: RecordId(n),
                source: SourceId {
                    context: ContextId(0),
                    n: 0,
                },
                time: at(n).time,
                content: Content::Text {
                    level: Level::Info,
                    pattern: PatternId(0),
                    bytes: Bytes::from(vec!["x"; *count].join("\n")),
                },
            });
        }
        Snapshot {
            records,
            ..Snapshot::default()
        }
    }

    fn at(n: u64) -> Position {
        Position {
            time: Time(i64::try_from(n).unwrap() * 10),
            id: RecordId(n),
        }
    }

    fn strip<'a>(snapshot: &'a Snapshot, filter: &'a Filter, height: usize) -> Strip<'a> {
        Strip {
            snapshot,
            filter,
            fold: Fold {
                columns: 10,
                gutter: 0,
                lines: Lines::Cut,
            },
            height,
        }
    }

    /// `expected`: first record, its line, the base, its line.
    fn check(line_counts: &[usize], height: usize, anchor: Anchor, expected: (u64, isize, u64, isize)) {
        let (snapshot, filter) = (snapshot(line_counts), Filter::default());
        let placed = strip(&snapshot, &filter, height).place(anchor).unwrap();
        let found = (
            placed.records[0].id.0,
            placed.first_line,
            placed.base.position.id.0,
            placed.base.line,
        );
        assert_eq!(found, expected);
    }

    fn spot(n: u64, line: isize) -> Spot {
        Spot { position: at(n), line }
    }

    #[test]
    fn the_newest_is_at_the_bottom_and_few_records_at_the_top() {
        check(&[1, 1, 1, 1], 3, Anchor::Newest, (1, 0, 3, 2));
        check(&[1, 1], 3, Anchor::Newest, (0, 0, 1, 1));
        check(&[1, 5], 3, Anchor::Newest, (1, -2, 1, -2));
        check(&[1, 3, 1], 3, Anchor::Newest, (1, -1, 2, 2));
    }

    #[test]
    fn a_record_keeps_its_line_unless_there_is_nothing_above_or_below() {
        check(&[1; 20], 5, Anchor::At(spot(10, 3)), (7, 0, 10, 3));
        check(&[1; 20], 5, Anchor::At(spot(1, 3)), (0, 0, 1, 1));
        check(&[1; 20], 5, Anchor::At(spot(19, 0)), (15, 0, 19, 4));
        check(&[1; 20], 5, Anchor::At(spot(10, 99)), (6, 0, 10, 4));
        check(&[1, 9, 1], 5, Anchor::At(spot(1, -6)), (1, -4, 1, -4));
        check(&[1; 20], 5, Anchor::Around(Time(105), 2), (8, 0, 10, 2));
        check(&[1; 20], 5, Anchor::Around(Time(-5), 2), (0, 0, 0, 0));
        check(&[1; 20], 5, Anchor::Around(Time(999), 2), (17, 0, 19, 2));
    }

    fn check_moves(line_counts: &[usize], height: usize, from: Spot, motion: Motion, expected: &[Spot]) {
        let (snapshot, filter) = (snapshot(line_counts), Filter::default());
        let strip = strip(&snapshot, &filter, height);
        let mut spot = from;
        for expected in expected {
            spot = strip.moved(spot, motion).unwrap();
            assert_eq!(spot, *expected);
        }
    }

    #[test]
    fn a_record_longer_than_the_column_is_read_line_by_line() {
        let lines = [1, 5, 1];
        let down = [spot(1, 0), spot(1, -1), spot(1, -2), spot(2, 2), spot(2, 2)];
        check_moves(&lines, 3, spot(0, 0), Motion::Newer, &down);
        let up = [spot(1, -2), spot(1, -1), spot(1, 0), spot(0, 0), spot(0, 0)];
        check_moves(&lines, 3, spot(2, 2), Motion::Older, &up);
    }

    #[test]
    fn pages_are_counted_in_lines() {
        check_moves(&[1; 20], 5, spot(0, 2), Motion::Lines(5), &[spot(5, 2), spot(10, 2)]);
        check_moves(&[1; 20], 5, spot(19, 2), Motion::Lines(-5), &[spot(14, 2), spot(9, 2)]);
        check_moves(&[1, 9, 1], 5, spot(0, 0), Motion::Lines(3), &[spot(1, -2), spot(2, 4)]);
        check_moves(&[3; 20], 6, spot(5, 3), Motion::Lines(4), &[spot(6, 2), spot(7, 1)]);
    }

    proptest! {
        #[test]
        fn the_base_is_in_view_and_the_column_is_full(
            line_counts in proptest::collection::vec(1usize..7, 1..15),
            height in 1usize..8,
            n in 0u64..15,
            line in -9isize..9,
            motions in proptest::collection::vec((0u8..4, -9isize..9), 0..20),
        ) {
            let (snapshot, filter) = (snapshot(&line_counts), Filter::default());
            let strip = strip(&snapshot, &filter, height);
            let mut at = spot(n, line);
            for (what, by) in motions {
                let motion = match what {
                    0 => Motion::Newer,
                    1 => Motion::Older,
                    2 => Motion::Lines(by),
                    _ => Motion::Oldest,
                };
                at = strip.moved(at, motion).unwrap();
                let placed = strip.place(Anchor::At(at)).unwrap();
                at = placed.base;
                let rows = lines(strip.fold.rows(snapshot.records.get(at.position).unwrap()));
                prop_assert!(at.line < lines(height) && at.line + rows > 0, "{:?}", at);
                prop_assert!(placed.first_line <= 0);
                let shown: usize = placed.records.iter().map(|record| strip.fold.rows(record)).sum();
                let filled = placed.first_line + lines(shown);
                let all: usize = line_counts.iter().sum();
                prop_assert!(filled >= lines(height.min(all)), "{placed:?}");
            }
        }
    }
}
