//! All records of some files and their patterns, counted: what `kontrast patterns` prints. Keeps no record but one
//! example of each pattern. Knows neither files nor clusters.

use std::collections::VecDeque;

use bytes::Bytes;
use hashbrown::HashMap;

use crate::model::{Level, Line, PatternId};
use crate::text::envelope::{Envelope, Unwrapped, Unwrapper};
use crate::text::join::{Joined, Joiner};

use super::pattern::{Entry, Guard, Miner};

/// Bytes that an example may have; the rest is cut.
const LONGEST_EXAMPLE: usize = 16 * 1024;
/// Bytes that all examples together may have; patterns found after that have none.
const MOST_EXAMPLES: usize = 32 * 1024 * 1024;

/// Whether lines are joined to records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joining {
    Joined,
    /// Every line is a record.
    LineByLine,
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Lines of the files that it has.
    pub lines: u32,
    pub level: Level,
    /// As it was known when the record was read; `Census::root` tells what it is part of since.
    pub pattern: PatternId,
}

/// One pattern with what is known of its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    pub id: PatternId,
    pub level: Level,
    /// Raw words from outside; several lines for a trace.
    pub template: String,
    /// Records.
    pub count: u64,
    /// Where its first record begins, counting the lines of all sources from 1.
    pub first_line: u64,
    /// Where its last record ends.
    pub last_line: u64,
    /// Its first record as it was written, its lines joined with `\n`, cut at 16 KiB.
    pub example: Bytes,
}

/// How much was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub lines: u64,
    pub records: u64,
}

/// Reads one source after the other.
#[derive(Debug)]
pub struct Census {
    joining: Joining,
    miner: Miner,
    /// By the number of the pattern that was known when the record was read.
    found: Vec<Option<Found>>,
    totals: Totals,
    example_bytes: usize,
    source: Open,
    joined: Vec<Joined>,
}

/// The source that is being read.
#[derive(Debug, Default)]
struct Open {
    unwrapper: Unwrapper,
    joiner: Joiner,
    guard: Guard,
    /// Lines that went into the joiner.
    given: u64,
    /// Lines that came out of it.
    taken: u64,
    /// Given lines that stand for another number of lines of the file than one, and that number.
    uneven: VecDeque<(u64, u32)>,
}

#[derive(Clone, Debug)]
struct Found {
    count: u64,
    first_line: u64,
    last_line: u64,
    example: Bytes,
}

impl Census {
    pub fn new(joining: Joining) -> Self {
        Self {
            joining,
            miner: Miner::default(),
            found: Vec::new(),
            totals: Totals::default(),
            example_bytes: 0,
            source: Open::default(),
            joined: Vec::new(),
        }
    }

    /// Begins the next source; the one before was closed.
    pub fn open(&mut self, envelope: Envelope) {
        self.source = Open {
            unwrapper: Unwrapper::new(envelope),
            ..Open::default()
        };
    }

    /// Takes the source's next line, without its end, and tells of the records that are finished by it.
    pub fn push(&mut self, line: Bytes, each: impl FnMut(Row)) {
        if let Some(line) = self.source.unwrapper.push(line) {
            self.take(line);
            self.count(each);
        }
    }

    /// The end of the source.
    pub fn close(&mut self, each: impl FnMut(Row)) {
        for line in self.source.unwrapper.finish() {
            self.take(line);
        }
        self.source.joiner.flush(&mut self.joined);
        self.count(each);
    }

    /// Nothing more will come: groups the patterns for the last time.
    pub fn finish(&mut self) {
        self.miner.regroup();
    }

    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// How many patterns there are now.
    pub fn patterns(&self) -> usize {
        self.miner.patterns().iter().filter(|pattern| pattern.stands()).count()
    }

    /// What a pattern is part of by now.
    pub fn root(&self, pattern: PatternId) -> PatternId {
        self.miner.root(pattern)
    }

    /// The text of a pattern.
    pub fn template(&self, pattern: PatternId) -> &str {
        self.miner.pattern(pattern).map_or("", |pattern| pattern.text())
    }

    /// All patterns, the most frequent first; of equal ones the one that was met first.
    pub fn counted(&self) -> Vec<Counted> {
        let mut by_root: HashMap<PatternId, Found> = HashMap::new();
        for (pattern, found) in self.miner.patterns().iter().zip(&self.found) {
            let Some(found) = found else { continue };
            by_root
                .entry(self.miner.root(pattern.id))
                .and_modify(|whole| whole.add(found))
                .or_insert_with(|| found.clone());
        }
        let mut counted: Vec<_> = by_root
            .into_iter()
            .map(|(id, found)| Counted {
                id,
                level: self.miner.pattern(id).map_or(Level::None, |pattern| pattern.level),
                template: self.template(id).to_owned(),
                count: found.count,
                first_line: found.first_line,
                last_line: found.last_line,
                example: found.example,
            })
            .collect();
        counted.sort_unstable_by_key(|pattern| (std::cmp::Reverse(pattern.count), pattern.first_line, pattern.id));
        counted
    }

    fn take(&mut self, line: Unwrapped) {
        let source = &mut self.source;
        if line.lines != 1 {
            source.uneven.push_back((source.given, line.lines));
        }
        source.given += 1;
        let time = line.time.unwrap_or_default();
        let line = Line {
            time,
            bytes: line.bytes,
        };
        source.joiner.push(line, time, &mut self.joined);
        if self.joining == Joining::LineByLine {
            source.joiner.flush(&mut self.joined);
        }
    }

    /// Counts the records that came out of the joiner.
    fn count(&mut self, mut each: impl FnMut(Row)) {
        for joined in self.joined.drain(..) {
            let entry = Entry {
                level: joined.level,
                header: &joined.header,
                lines: &joined.lines,
            };
            let pattern = self.miner.learn(&entry, &mut self.source.guard);
            let lines = self.source.lines_of(joined.lines.len());
            let first_line = self.totals.lines + 1;
            self.totals.lines += u64::from(lines);
            self.totals.records += 1;
            let last_line = self.totals.lines;
            let Ok(index) = usize::try_from(pattern.0) else {
                continue;
            };
            if self.found.len() <= index {
                self.found.resize(index + 1, None);
            }
            match &mut self.found[index] {
                Some(found) => {
                    found.count += 1;
                    found.last_line = last_line;
                }
                slot => {
                    let example = example(&joined.lines, MOST_EXAMPLES - self.example_bytes);
                    self.example_bytes += example.len();
                    *slot = Some(Found {
                        count: 1,
                        first_line,
                        last_line,
                        example,
                    });
                }
            }
            each(Row {
                lines,
                level: joined.level,
                pattern,
            });
        }
    }
}

impl Open {
    /// How many lines of the file the next record has, which has this many lines.
    fn lines_of(&mut self, lines: usize) -> u32 {
        let lines = u32::try_from(lines).unwrap_or(u32::MAX);
        self.taken += u64::from(lines);
        let mut sum = lines;
        while let Some((_, uneven)) = self.uneven.pop_front_if(|(at, _)| *at < self.taken) {
            sum = sum.saturating_add(uneven).saturating_sub(1);
        }
        sum
    }
}

impl Found {
    fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.last_line = self.last_line.max(other.last_line);
        if other.first_line < self.first_line {
            self.first_line = other.first_line;
            if !other.example.is_empty() {
                self.example = other.example.clone();
            }
        }
    }
}

/// A copy, so that an example of one line does not hold the whole block of its file.
fn example(lines: &[Bytes], room: usize) -> Bytes {
    let mut room = room.min(LONGEST_EXAMPLE);
    let mut text = Vec::new();
    for (n, line) in lines.iter().enumerate() {
        let end: &[u8] = if n > 0 { b"\n" } else { b"" };
        for part in [end, line] {
            let (kept, _) = part.split_at(part.len().min(room));
            text.extend_from_slice(kept);
            room -= kept.len();
        }
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn census(sources: &[&str], joining: Joining) -> (Census, Vec<Row>) {
        let mut census = Census::new(joining);
        let mut rows = Vec::new();
        for text in sources {
            census.open(Envelope::of(text.lines().map(str::as_bytes)));
            for line in text.lines() {
                census.push(Bytes::copy_from_slice(line.as_bytes()), |row| rows.push(row));
            }
            census.close(|row| rows.push(row));
        }
        census.finish();
        (census, rows)
    }

    const TRACE: &str = "2026-03-04 08:00:01 ERROR pump failed\n\
        Traceback (most recent call last):\n  File \"a.py\", line 3, in f\nKeyError: 'valve'";

    #[test]
    fn every_line_is_counted_once_in_its_record() {
        let sources = [
            "2026-03-04 08:00:00 INFO pump 7 started\n\n2026-03-04 08:00:00 INFO pump 12 started",
            TRACE,
        ];
        let (census, rows) = census(&sources, Joining::Joined);
        let lines: Vec<_> = rows.iter().map(|row| row.lines).collect();
        assert_eq!(lines, [2, 1, 4]);
        assert_eq!(census.totals(), Totals { lines: 7, records: 3 });
        let counted = census.counted();
        let told: Vec<_> = counted
            .iter()
            .map(|found| (found.count, found.first_line, found.last_line))
            .collect();
        assert_eq!(told, [(2, 1, 3), (1, 4, 7)]);
        assert_eq!(counted[1].level, Level::Error);
        assert_eq!(counted[1].example, TRACE);
        assert_eq!(census.patterns(), 2);
    }

    #[test]
    fn without_joining_every_line_is_a_record() {
        let (census, rows) = census(&[TRACE], Joining::LineByLine);
        assert!(rows.iter().all(|row| row.lines == 1));
        assert_eq!(census.totals(), Totals { lines: 4, records: 4 });
    }

    #[test]
    fn a_line_in_parts_is_as_many_lines_as_it_has_parts() {
        let at = "2026-03-04T08:00:52.861903771Z";
        let text = format!("{at} stdout P level=info msg=\"a\n{at} stdout P b\n{at} stdout F c\"\n{at} stdout F x\n");
        let (census, rows) = census(&[&text], Joining::LineByLine);
        assert_eq!(rows.iter().map(|row| row.lines).collect::<Vec<_>>(), [3, 1]);
        assert_eq!(census.counted()[0].example, "level=info msg=\"abc\"");
    }

    #[test]
    fn names_that_turn_out_to_be_variables_are_one_pattern() {
        let text: String = [
            "oak", "elm", "fir", "yew", "ash", "box", "bay", "fig", "gum", "nut", "tea", "may",
        ]
        .iter()
        .flat_map(|name| [format!("level=info msg=\"forester visited the tree {name} today\"\n")])
        .collect();
        let (census, rows) = census(&[&text], Joining::Joined);
        let counted = census.counted();
        assert_eq!((counted.len(), counted[0].count), (1, 12), "{counted:?}");
        assert!(rows.iter().all(|row| census.root(row.pattern) == counted[0].id));
        assert_eq!(counted[0].example, text.lines().next().unwrap());
    }
}
