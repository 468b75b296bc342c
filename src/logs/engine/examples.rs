//! Which records stand for a pattern: a few of each leaf, so that some are held when the first ones are not.

use crate::logs::record::Position;
use crate::model::{PatternId, RecordId, Span};

/// The examples of all leaves.
#[derive(Clone, Debug, Default)]
pub(super) struct Examples(Vec<OfLeaf>);

/// Records of one leaf that can be shown, ascending and far apart.
#[derive(Clone, Debug, Default)]
struct OfLeaf {
    kept: Vec<Position>,
    latest: Option<Position>,
}

impl Examples {
    pub(super) fn note(&mut self, leaf: PatternId, at: Position) {
        let Ok(index) = usize::try_from(leaf.0) else { return };
        if self.0.len() <= index {
            self.0.resize_with(index + 1, OfLeaf::default);
        }
        self.0[index].note(at);
    }

    pub(super) fn forget_before(&mut self, oldest: Position) {
        for examples in &mut self.0 {
            examples.forget_before(oldest);
        }
    }

    /// The first record held of all the leaves of a pattern.
    pub(super) fn first(&self, leaves: &[PatternId]) -> RecordId {
        leaves
            .iter()
            .filter_map(|leaf| self.0.get(usize::try_from(leaf.0).ok()?)?.kept.first())
            .min()
            .map_or(RecordId(0), |at| at.id)
    }
}

impl OfLeaf {
    /// Examples kept of one pattern.
    const MOST: usize = 16;

    fn note(&mut self, at: Position) {
        self.latest = self.latest.max(Some(at));
        match self.kept.first() {
            None => self.kept.push(at),
            Some(first) if at < *first => self.kept.insert(0, at),
            Some(_) => self.spread(at),
        }
    }

    /// Keeps one from time to time, twice as seldom whenever the list is full.
    fn spread(&mut self, at: Position) {
        const APART: Span = Span::from_secs(10);
        let (Some(first), Some(last)) = (self.kept.first(), self.kept.last()) else {
            return;
        };
        let so_far = Span(last.time.since(first.time).nanos() / 8);
        if at.time.since(last.time) < so_far.max(APART) {
            return;
        }
        self.kept.push(at);
        if self.kept.len() > Self::MOST {
            let mut n = 0;
            self.kept.retain(|_| {
                n += 1;
                n % 2 == 1
            });
        }
    }

    /// Those that are no longer held are forgotten; the latest one may be the only one left.
    fn forget_before(&mut self, oldest: Position) {
        let gone = self.kept.iter().take_while(|at| **at < oldest).count();
        self.kept.drain(..gone);
        if let (true, Some(latest)) = (self.kept.is_empty(), self.latest) {
            self.kept.push(latest);
        }
    }
}
