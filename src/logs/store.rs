//! The records that are held, in the order of the screen. A persistent vector of chunks: a clone shares all of them, and
//! a change copies only the chunk it falls into. Bounded by bytes: the oldest go, and are counted.

use std::ops::Bound;
use std::sync::Arc;

use crate::model::{Level, PatternId, RecordId, SourceId, Time};

use super::filter::Filter;
use super::record::{Position, Record};

/// Records in one chunk at most. A late record moves half of these on average, a snapshot copies one chunk for it.
const CHUNK: usize = 512;

/// Arrivals in one block of the index from record to time.
const BLOCK: usize = 4096;

/// What a record costs beside its text, bytes: itself, the share of its chunk's spare room, its index entry, the
/// head of its shared text.
const OVERHEAD: usize = 160;

/// All records that are held, by time and then by arrival; late arrivals stand at their place.
#[derive(Clone, Default)]
pub struct Records {
    chunks: Arc<Vec<Arc<Chunk>>>,
    /// The chunk of the last insertion: neighbours mostly arrive together.
    near: usize,
    arrivals: Arc<Vec<Arrivals>>,
    len: usize,
    bytes: usize,
    dropped: u64,
}

/// Neighbouring records, never empty, and what can be said of them without looking.
#[derive(Clone, Default)]
struct Chunk {
    records: Vec<Record>,
    summary: Summary,
}

/// When the records of one block of ids were written.
#[derive(Clone, Default)]
struct Arrivals {
    times: Arc<Vec<Time>>,
    held: usize,
}

/// A small superset of what a chunk holds: "no" is sure, "yes" is likely.
#[derive(Clone, Default)]
pub(super) struct Summary {
    contexts: u64,
    levels: u8,
    sources: [u64; 4],
    patterns: [u64; 16],
}

/// Records that were let go. A chunk that a snapshot shares is not copied for that.
enum Gone {
    Chunk(Arc<Chunk>),
    Records(Vec<Record>),
}

impl Gone {
    fn records(&self) -> &[Record] {
        match self {
            Self::Chunk(chunk) => &chunk.records,
            Self::Records(records) => records,
        }
    }
}

impl Records {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Oldest records let go to stay in the bound.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// What is held costs about this many bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn get(&self, at: Position) -> Option<&Record> {
        let (chunk, index) = self.place(at);
        self.chunks
            .get(chunk)?
            .records
            .get(index)
            .filter(|record| record.position() == at)
    }

    /// Where the oldest record that is held stands.
    pub fn oldest(&self) -> Option<Position> {
        self.chunks.first().map(|chunk| chunk.first())
    }

    /// Where a record stands, if it is still held.
    pub fn position(&self, id: RecordId) -> Option<Position> {
        let (block, index) = block_of(id);
        let time = *self.arrivals.get(block)?.times.get(index)?;
        let at = Position { time, id };
        self.get(at).map(|_| at)
    }

    /// Ascending.
    pub fn after(&self, from: Bound<Position>) -> impl Iterator<Item = &Record> {
        self.after_in(from, |_| true)
    }

    /// Descending.
    pub fn before(&self, to: Bound<Position>) -> impl Iterator<Item = &Record> {
        self.before_in(to, |_| true)
    }

    /// Ascending, without the chunks that `admits` refuses.
    pub(super) fn after_in(
        &self,
        from: Bound<Position>,
        admits: impl Fn(&Summary) -> bool,
    ) -> impl Iterator<Item = &Record> {
        let (chunk, index) = match from {
            Bound::Unbounded => (0, 0),
            Bound::Included(at) => self.place(at),
            Bound::Excluded(at) => self.place_behind(at),
        };
        self.chunks
            .iter()
            .enumerate()
            .skip(chunk)
            .filter(move |(_, chunk)| admits(&chunk.summary))
            .flat_map(move |(n, held)| {
                let skipped = if n == chunk { index } else { 0 };
                held.records.iter().skip(skipped)
            })
    }

    /// Descending, without the chunks that `admits` refuses.
    pub(super) fn before_in(
        &self,
        to: Bound<Position>,
        admits: impl Fn(&Summary) -> bool,
    ) -> impl Iterator<Item = &Record> {
        let (chunk, index) = match to {
            Bound::Unbounded => (self.chunks.len(), 0),
            Bound::Included(at) => self.place_behind(at),
            Bound::Excluded(at) => self.place(at),
        };
        self.chunks
            .iter()
            .enumerate()
            .take(chunk + 1)
            .rev()
            .filter(move |(_, chunk)| admits(&chunk.summary))
            .flat_map(move |(n, held)| {
                let taken = if n == chunk { index } else { held.records.len() };
                held.records.iter().take(taken).rev()
            })
    }

    /// Puts a record at its place. Ids must be given in ascending order, as records arrive.
    pub fn insert(&mut self, record: Record) {
        self.note_arrival(&record);
        self.len += 1;
        self.bytes += cost(&record);
        let at = record.position();
        let chunks = Arc::make_mut(&mut self.chunks);
        let place = near_or_searched(chunks, self.near, at).min(chunks.len().saturating_sub(1));
        self.near = put(chunks, place, record);
    }

    /// Lets the oldest go until the rest costs at most `most` bytes.
    pub fn shrink_to(&mut self, most: usize) {
        while self.bytes > most && self.len > 0 {
            let gone = self.take_oldest();
            let gone = gone.records();
            self.len -= gone.len();
            self.dropped += u64::try_from(gone.len()).unwrap_or(u64::MAX);
            self.bytes -= gone.iter().map(cost).sum::<usize>();
            self.note_departures(gone);
        }
    }

    /// The oldest chunk, or the older half of the only one.
    fn take_oldest(&mut self) -> Gone {
        let chunks = Arc::make_mut(&mut self.chunks);
        self.near = self.near.saturating_sub(1);
        if chunks.len() > 1 {
            return Gone::Chunk(chunks.remove(0));
        }
        let Some(only) = chunks.first_mut() else {
            return Gone::Records(Vec::new());
        };
        let only = Arc::make_mut(only);
        let half = only.records.len().div_ceil(2);
        let gone = only.records.drain(..half).collect();
        only.summarise();
        if only.records.is_empty() {
            chunks.clear();
        }
        Gone::Records(gone)
    }

    fn note_arrival(&mut self, record: &Record) {
        let (block, index) = block_of(record.id);
        let arrivals = Arc::make_mut(&mut self.arrivals);
        while arrivals.len() <= block {
            arrivals.push(Arrivals::default());
        }
        if let Some(block) = arrivals.get_mut(block) {
            let times = Arc::make_mut(&mut block.times);
            // An id that was skipped stands nowhere: `get` finds no record at this position.
            times.resize(times.len().max(index), Time::MIN);
            times.push(record.time);
            block.held += 1;
        }
    }

    fn note_departures(&mut self, gone: &[Record]) {
        let arrivals = Arc::make_mut(&mut self.arrivals);
        let last = arrivals.len().saturating_sub(1);
        // Neighbours mostly arrived together, so a block is looked up once for many.
        for gone in gone.chunk_by(|one, next| block_of(one.id).0 == block_of(next.id).0) {
            let Some((block, held)) = gone.first().and_then(|first| {
                let (block, _) = block_of(first.id);
                Some((block, arrivals.get_mut(block)?))
            }) else {
                continue;
            };
            held.held = held.held.saturating_sub(gone.len());
            if held.held == 0 && block < last {
                held.times = Arc::default();
            }
        }
    }

    /// The first place whose record is at `at` or behind it.
    fn place(&self, at: Position) -> (usize, usize) {
        let chunk = searched(&self.chunks, at);
        let index = self.chunks.get(chunk).map_or(0, |chunk| {
            chunk.records.partition_point(|record| record.position() < at)
        });
        (chunk, index)
    }

    /// The first place whose record is behind `at`.
    fn place_behind(&self, at: Position) -> (usize, usize) {
        let (chunk, index) = self.place(at);
        let found = self.chunks.get(chunk).and_then(|chunk| chunk.records.get(index));
        match found {
            Some(record) if record.position() == at => (chunk, index + 1),
            _ => (chunk, index),
        }
    }
}

impl Chunk {
    fn last(&self) -> Position {
        self.records.last().map_or(Position::MIN, Record::position)
    }

    fn first(&self) -> Position {
        self.records.first().map_or(Position::MAX, Record::position)
    }

    fn summarise(&mut self) {
        self.summary = Summary::default();
        for record in &self.records {
            self.summary.add(record);
        }
    }
}

impl Summary {
    fn add(&mut self, record: &Record) {
        self.contexts |= 1 << (record.source.context.0 % 64);
        self.levels |= match record.pattern() {
            Some(_) => level_bit(record.level()),
            None => GAP_BIT,
        };
        set(&mut self.sources, source_hash(record.source));
        if let Some(pattern) = record.pattern() {
            set(&mut self.patterns, pattern_hash(pattern));
        }
    }

    /// Whether the chunk can hold a record that the filter wants; `masks` as `Masks` made them.
    pub(super) fn may_hold(&self, filter: &Filter, masks: &Masks) -> bool {
        let gaps = if filter.pattern.is_none() { GAP_BIT } else { 0 };
        let levels = !(level_bit(filter.least) - 1) & !GAP_BIT | gaps;
        self.levels & levels != 0
            && filter
                .context
                .is_none_or(|context| self.contexts & 1 << (context.0 % 64) != 0)
            && masks.patterns.is_none_or(|mask| overlap(&mask, &self.patterns))
            && masks.sources.is_none_or(|mask| overlap(&mask, &self.sources))
    }
}

/// The sources and patterns wanted, as a chunk's summary knows them; all where there is none.
#[derive(Clone, Debug, Default)]
pub(super) struct Masks {
    sources: Option<[u64; 4]>,
    patterns: Option<[u64; 16]>,
}

impl Masks {
    pub(super) fn want_sources(&mut self, sources: impl Iterator<Item = SourceId>) {
        let mut mask = [0; 4];
        sources.for_each(|source| set(&mut mask, source_hash(source)));
        self.sources = Some(mask);
    }

    pub(super) fn want_patterns(&mut self, patterns: impl Iterator<Item = PatternId>) {
        let mut mask = [0; 16];
        patterns.for_each(|pattern| set(&mut mask, pattern_hash(pattern)));
        self.patterns = Some(mask);
    }
}

fn overlap(one: &[u64], other: &[u64]) -> bool {
    one.iter().zip(other).any(|(a, b)| a & b != 0)
}

/// Above the bits of the seven levels.
const GAP_BIT: u8 = 1 << 7;

const fn level_bit(level: Level) -> u8 {
    1 << level as u8
}

fn set(bits: &mut [u64], hash: u64) {
    let (word, bit) = bit_of(bits.len(), hash);
    if let Some(word) = bits.get_mut(word) {
        *word |= bit;
    }
}

/// From the upper bits, where a multiplication mixes best.
fn bit_of(words: usize, hash: u64) -> (usize, u64) {
    let word = usize::try_from(hash >> 48).unwrap_or(0) % words;
    (word, 1 << (hash >> 40 & 63))
}

fn source_hash(source: SourceId) -> u64 {
    (u64::from(source.context.0) << 32 | u64::from(source.n)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn pattern_hash(pattern: PatternId) -> u64 {
    u64::from(pattern.0).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn cost(record: &Record) -> usize {
    record.bytes().len() + OVERHEAD
}

fn block_of(id: RecordId) -> (usize, usize) {
    let id = usize::try_from(id.0).unwrap_or(usize::MAX);
    (id / BLOCK, id % BLOCK)
}

/// The first chunk that reaches `at`.
fn searched(chunks: &[Arc<Chunk>], at: Position) -> usize {
    match chunks.last() {
        Some(last) if last.last() < at => chunks.len(),
        _ => chunks.partition_point(|chunk| chunk.last() < at),
    }
}

/// The same as `searched`, but looks at the chunk `near` first.
fn near_or_searched(chunks: &[Arc<Chunk>], near: usize, at: Position) -> usize {
    let is_near = chunks.get(near).is_some_and(|chunk| chunk.first() <= at)
        && match chunks.get(near + 1) {
            Some(next) => at < next.first(),
            None => true,
        };
    if is_near { near } else { searched(chunks, at) }
}

/// Puts the record into the chunk `place`, or into a new one beside it when that is full. Returns where it went.
fn put(chunks: &mut Vec<Arc<Chunk>>, place: usize, record: Record) -> usize {
    let at = record.position();
    let Some(chunk) = chunks.get_mut(place) else {
        return add_chunk(chunks, place, vec![record]);
    };
    if chunk.records.len() >= CHUNK {
        if chunk.last() < at {
            return add_chunk(chunks, place + 1, vec![record]);
        }
        let full = Arc::make_mut(chunk);
        let upper = full.records.split_off(CHUNK / 2);
        full.summarise();
        let goes_up = upper.first().is_some_and(|first| first.position() < at);
        add_chunk(chunks, place + 1, upper);
        return put(chunks, place + usize::from(goes_up), record);
    }
    let chunk = Arc::make_mut(chunk);
    chunk.summary.add(&record);
    if chunk.last() < at {
        chunk.records.push(record);
    } else {
        let index = chunk.records.partition_point(|held| held.position() < at);
        chunk.records.insert(index, record);
    }
    place
}

fn add_chunk(chunks: &mut Vec<Arc<Chunk>>, place: usize, records: Vec<Record>) -> usize {
    let mut chunk = Chunk {
        records,
        summary: Summary::default(),
    };
    chunk.summarise();
    let place = place.min(chunks.len());
    chunks.insert(place, Arc::new(chunk));
    place
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::logs::record::Content;
    use crate::model::ContextId;

    fn record(id: u64, time: i64, context: u16) -> Record {
        Record {
            id: RecordId(id),
            source: SourceId {
                context: ContextId(context),
                n: 0,
            },
            time: Time(time),
            content: Content::Text {
                level: Level::Info,
                pattern: PatternId(u32::try_from(time.unsigned_abs() % 7).unwrap()),
                bytes: Bytes::from_static(b"0123456789"),
            },
        }
    }

    fn ids<'a>(records: impl Iterator<Item = &'a Record>) -> Vec<u64> {
        records.map(|record| record.id.0).collect()
    }

    proptest! {
        /// Against a sorted map: every order of arrival, walks from every bound in both directions, and an old clone
        /// that must not change.
        #[test]
        fn is_an_ordered_map(times in prop::collection::vec(0_i64..400, 1..1800), from in 0_i64..400) {
            let mut records = Records::default();
            let mut model = BTreeMap::new();
            let mut old = (Records::default(), 0);
            for (id, time) in (1..).zip(&times) {
                records.insert(record(id, *time, 0));
                model.insert(record(id, *time, 0).position(), id);
                if id == 700 {
                    old = (records.clone(), records.len());
                }
            }
            prop_assert_eq!(records.len(), model.len());
            prop_assert_eq!(ids(records.after(Bound::Unbounded)), model.values().copied().collect::<Vec<_>>());
            prop_assert_eq!(ids(records.before(Bound::Unbounded)), model.values().rev().copied().collect::<Vec<_>>());
            let at = Position { time: Time(from), id: RecordId(300) };
            for from in [Bound::Included(at), Bound::Excluded(at)] {
                let range = model.range((from, Bound::Unbounded)).map(|(_, id)| *id).collect::<Vec<_>>();
                prop_assert_eq!(ids(records.after(from)), range);
                let range = model.range((Bound::Unbounded, from)).rev().map(|(_, id)| *id).collect::<Vec<_>>();
                prop_assert_eq!(ids(records.before(from)), range);
            }
            for (at, id) in &model {
                prop_assert_eq!(records.position(RecordId(*id)), Some(*at));
            }
            prop_assert_eq!(ids(old.0.after(Bound::Unbounded)).len(), old.1);
        }

        /// What a summary refuses is not there.
        #[test]
        fn no_chunk_is_skipped_that_holds_what_is_wanted(times in prop::collection::vec(0_i64..5000, 1..1500), pattern in 0_u32..7) {
            let mut records = Records::default();
            for (id, time) in (1..).zip(&times) {
                records.insert(record(id, *time, u16::try_from(time % 3).unwrap()));
            }
            let filter = Filter { context: Some(ContextId(1)), pattern: Some(PatternId(pattern)), ..Filter::default() };
            let wanted = |record: &&Record| filter.wants(record, |of| of == PatternId(pattern));
            let mut masks = Masks::default();
            masks.want_patterns([PatternId(pattern)].into_iter());
            let all = ids(records.after(Bound::Unbounded).filter(wanted));
            prop_assert_eq!(ids(records.after_in(Bound::Unbounded, |s| s.may_hold(&filter, &masks)).filter(wanted)), all);
        }

        /// The bound holds, the newest stay, and what went is counted.
        #[test]
        fn the_oldest_go_first(times in prop::collection::vec(0_i64..400, 1..1500), most in 0_usize..200_000) {
            let mut records = Records::default();
            for (id, time) in (1..).zip(&times) {
                records.insert(record(id, *time, 0));
                records.shrink_to(most);
                prop_assert!(records.bytes() <= most);
            }
            prop_assert_eq!(records.len() + usize::try_from(records.dropped()).unwrap(), times.len());
            prop_assert_eq!(ids(records.after(Bound::Unbounded)).len(), records.len());
            let bytes: usize = records.after(Bound::Unbounded).map(cost).sum();
            prop_assert_eq!(bytes, records.bytes());
        }
    }

    #[test]
    fn a_record_that_was_let_go_has_no_position() {
        let mut records = Records::default();
        for id in 1..=10_000 {
            records.insert(record(id, i64::try_from(id).unwrap(), 0));
        }
        records.shrink_to(1000 * (OVERHEAD + 10));
        assert_eq!(records.position(RecordId(1)), None);
        assert_eq!(
            records.oldest(),
            records.after(Bound::Unbounded).next().map(Record::position)
        );
        assert_eq!(records.position(RecordId(10_000)).map(|at| at.time), Some(Time(10_000)));
        assert!(
            records.arrivals.first().unwrap().times.is_empty(),
            "the index is let go too"
        );
    }

    #[test]
    fn a_level_filter_skips_quiet_chunks_but_not_gaps() {
        let mut summary = Summary::default();
        summary.add(&record(1, 1, 0));
        let errors = Filter {
            least: Level::Error,
            ..Filter::default()
        };
        assert!(!summary.may_hold(&errors, &Masks::default()));
        let mut gap = record(2, 2, 0);
        gap.content = Content::Gap(crate::model::Gap {
            from: Time(2),
            to: Time(3),
            cause: crate::model::GapCause::Rotated,
        });
        summary.add(&gap);
        assert!(summary.may_hold(&errors, &Masks::default()));
        let of_pattern = Filter {
            pattern: Some(PatternId(1)),
            ..errors
        };
        assert!(!summary.may_hold(&of_pattern, &Masks::default()));
    }
}
