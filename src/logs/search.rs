//! The next match of a query in everything that is held, and how many there are in each context.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::model::ContextId;

use super::filter::Filter;
use super::query::Query;
use super::record::Position;
use super::snapshot::Snapshot;

/// How many records are looked at between two looks at the cancel flag: well below a millisecond of work.
const BETWEEN_LOOKS: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Towards newer records.
    Forward,
    /// Towards older records.
    Backward,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub hit: Option<Position>,
    /// There was none on that side; the hit was found from the other end.
    pub wrapped: bool,
    /// Matching records of each context, on both sides.
    pub counts: BTreeMap<ContextId, u64>,
    /// Everything was looked at; if not, the search was cancelled.
    pub finished: bool,
}

/// Looks at every record that the filter wants. The record at `from` itself is the last choice.
pub fn search(
    snapshot: &Snapshot,
    filter: &Filter,
    query: &Query,
    from: Position,
    direction: Direction,
    cancelled: &AtomicBool,
) -> Found {
    let mut matches = Matches::default();
    for (n, record) in snapshot.after(filter, Bound::Unbounded).enumerate() {
        if n % BETWEEN_LOOKS == 0 && cancelled.load(Ordering::Relaxed) {
            return matches.found(direction);
        }
        if query.is_match(record.bytes()) {
            matches.add(record.position(), record.source.context, from);
        }
    }
    matches.finished = true;
    matches.found(direction)
}

/// The matches that matter, of those seen so far in ascending order.
#[derive(Default)]
struct Matches {
    first: Option<Position>,
    last: Option<Position>,
    last_before: Option<Position>,
    first_after: Option<Position>,
    counts: BTreeMap<ContextId, u64>,
    finished: bool,
}

impl Matches {
    fn add(&mut self, at: Position, context: ContextId, from: Position) {
        *self.counts.entry(context).or_default() += 1;
        self.first.get_or_insert(at);
        self.last = Some(at);
        if at < from {
            self.last_before = Some(at);
        } else if at > from {
            self.first_after.get_or_insert(at);
        }
    }

    fn found(self, direction: Direction) -> Found {
        let (near, far) = match direction {
            Direction::Forward => (self.first_after, self.first),
            Direction::Backward => (self.last_before, self.last),
        };
        Found {
            hit: near.or(far),
            wrapped: near.is_none() && far.is_some(),
            counts: self.counts,
            finished: self.finished,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::logs::record::{Content, Record};
    use crate::logs::store::Records;
    use crate::model::{Level, PatternId, RecordId, SourceId, Time};

    fn at(n: u64) -> Position {
        Position {
            time: Time(i64::try_from(n).unwrap()),
            id: RecordId(n),
        }
    }

    fn snapshot(lines: &[(u16, &'static str)]) -> Snapshot {
        let mut records = Records::default();
        for (n, (context, line)) in (1..).zip(lines) {
            records.insert(Record {
                id: RecordId(n),
                source: SourceId {
                    context: ContextId(*context),
                    n: 0,
                },
                time: at(n).time,
                content: Content::Text {
                    level: Level::Info,
                    pattern: PatternId(1),
                    bytes: Bytes::from_static(line.as_bytes()),
                },
            });
        }
        Snapshot {
            records,
            ..Snapshot::default()
        }
    }

    #[test]
    fn the_next_match_is_found_and_the_ends_wrap() {
        let snapshot = snapshot(&[(0, "timeout"), (1, "ok"), (1, "Timeout"), (0, "ok"), (1, "timeout")]);
        let check = |from, direction, hit, wrapped| {
            let found = search(
                &snapshot,
                &Filter::default(),
                &Query::parse("timeout").unwrap(),
                from,
                direction,
                &AtomicBool::new(false),
            );
            assert_eq!((found.hit, found.wrapped), (hit, wrapped), "{from:?} {direction:?}");
            assert_eq!(found.counts, BTreeMap::from([(ContextId(0), 1), (ContextId(1), 2)]));
            assert!(found.finished);
        };
        check(at(1), Direction::Forward, Some(at(3)), false);
        check(at(5), Direction::Forward, Some(at(1)), true);
        check(at(3), Direction::Backward, Some(at(1)), false);
        check(at(1), Direction::Backward, Some(at(5)), true);
        check(Position::MIN, Direction::Forward, Some(at(1)), false);
        check(Position::MAX, Direction::Backward, Some(at(5)), false);
    }

    #[test]
    fn a_cancelled_search_says_so() {
        let found = search(
            &snapshot(&[(0, "x")]),
            &Filter::default(),
            &Query::parse("x").unwrap(),
            Position::MIN,
            Direction::Forward,
            &AtomicBool::new(true),
        );
        assert_eq!(found, Found::default());
    }

    #[test]
    fn the_filter_narrows_what_is_searched() {
        let found = search(
            &snapshot(&[(0, "x"), (1, "x")]),
            &Filter {
                context: Some(ContextId(1)),
                ..Filter::default()
            },
            &Query::parse("x").unwrap(),
            Position::MIN,
            Direction::Forward,
            &AtomicBool::new(false),
        );
        assert_eq!(found.hit, Some(at(2)));
        assert_eq!(found.counts, BTreeMap::from([(ContextId(1), 1)]));
    }
}
