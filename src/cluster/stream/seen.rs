//! Which lines of a source were shown, for as long as the server may send them again: 2 s for every resume, and one
//! kubelet file of 10 MiB for the replay that a slow reader gets when it is rotated twice.
//!
//! The keys lie in the order shown, so that a replay can be told from what: the index finds a key's place among them.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::cluster::memory::Budget;
use crate::model::{Span, Time};

/// One file of a kubelet with the default `containerLogMaxSize`.
const BYTES: u64 = 10 << 20;
/// What a line's stamp, stream and tag add to it in the kubelet's file.
const OVERHEAD: u64 = 41;
const SPAN: Span = Span::from_secs(2);
/// Together with the index for as many: 1 MiB.
const MOST_KEYS: usize = 60 * 1024;
/// So few are granted to everybody, whatever the budget says.
const LEAST_KEYS: usize = 1024;
const FIRST_KEYS: usize = 64;
/// Keys are forgotten so many at a time; a place is known to within as many.
const BLOCK: usize = 32;

/// The keys of shown lines.
#[derive(Debug)]
pub(super) struct Seen {
    keys: VecDeque<u64>,
    /// What was true before each block of keys.
    marks: VecDeque<Mark>,
    /// Open addressing with linear probing: for each key the low 16 bits of its number and 15 bits of its own. A zero
    /// is a free slot.
    index: Vec<u32>,
    /// How many keys are forgotten: the number of the first that is not.
    first: usize,
    high: Time,
    bytes: u64,
    /// Up to here something was forgotten that may come again: there was no room for it.
    forgotten: Option<Time>,
    charged: usize,
    budget: Arc<Budget>,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    /// The highest stamp.
    high: Time,
    bytes: u64,
}

/// Where among the lines shown one was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// The highest stamp shown a few lines before it; `Time::MIN` if it was among the first.
    pub(super) before: Time,
}

impl Default for Seen {
    fn default() -> Self {
        Self::new(Arc::default())
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        self.budget.give_back(self.charged);
    }
}

impl Seen {
    pub(super) fn new(budget: Arc<Budget>) -> Self {
        Self {
            keys: VecDeque::new(),
            marks: VecDeque::new(),
            index: Vec::new(),
            first: 0,
            high: Time::MIN,
            bytes: 0,
            forgotten: None,
            charged: 0,
            budget,
        }
    }

    pub(super) fn find(&self, key: u64) -> Option<Shown> {
        let (_, place) = self.slot(key)?;
        let mark = self.marks.get(place / BLOCK)?;
        Some(Shown { before: mark.high })
    }

    /// A key that is not there yet.
    pub(super) fn insert(&mut self, key: u64, time: Time, bytes: usize) {
        self.drop_unneeded();
        self.make_room();
        if self.keys.len().is_multiple_of(BLOCK) {
            self.marks.push_back(Mark {
                high: self.high,
                bytes: self.bytes,
            });
        }
        self.high = self.high.max(time);
        self.bytes += bytes as u64 + OVERHEAD;
        self.keys.push_back(key);
        self.enter(key, self.keys.len() - 1);
    }

    /// Something from this time or before may have been shown and is not known any more.
    pub(super) fn may_have_forgotten(&self, time: Time) -> bool {
        self.forgotten.is_some_and(|forgotten| time <= forgotten)
    }

    /// Nothing has come for long: others may need the memory more than the replay of this one's last file does.
    pub(super) fn rest(&mut self) {
        if !self.budget.is_tight() {
            return;
        }
        while self.is_older_than_span() {
            self.forget_block();
        }
        let capacity = self.keys.len().next_power_of_two().clamp(FIRST_KEYS, MOST_KEYS);
        if capacity < self.keys.capacity() {
            self.keys.shrink_to(capacity);
            self.marks.shrink_to(capacity / BLOCK);
            self.rebuild(capacity);
            let cost = cost(capacity);
            self.budget.give_back(self.charged.saturating_sub(cost));
            self.charged = self.charged.min(cost);
        }
    }

    /// Bytes of memory held.
    #[cfg(test)]
    fn held(&self) -> usize {
        self.keys.capacity() * size_of::<u64>()
            + self.index.capacity() * size_of::<u32>()
            + self.marks.capacity() * size_of::<Mark>()
    }

    fn drop_unneeded(&mut self) {
        let of_older_files = |seen: &Self| seen.marks.get(1).is_some_and(|mark| seen.bytes - mark.bytes >= BYTES);
        while self.is_older_than_span() && of_older_files(self) {
            self.drop_block();
        }
    }

    /// Whether a resume cannot bring the first block again.
    fn is_older_than_span(&self) -> bool {
        self.marks.get(1).is_some_and(|mark| self.high.since(mark.high) >= SPAN)
    }

    fn make_room(&mut self) {
        let (len, capacity) = (self.keys.len(), self.keys.capacity());
        if len < capacity.min(MOST_KEYS) {
            return;
        }
        let wanted = (capacity * 2).clamp(FIRST_KEYS, MOST_KEYS);
        if wanted <= len {
            return self.forget_block();
        }
        let more = cost(wanted).saturating_sub(self.charged);
        if wanted <= LEAST_KEYS {
            self.budget.take(more);
        } else if !self.budget.try_take(more) {
            return self.forget_block();
        }
        self.charged += more;
        self.keys.reserve_exact(wanted - len);
        self.marks.reserve_exact(wanted / BLOCK - self.marks.len());
        self.rebuild(wanted);
    }

    /// For lack of memory.
    fn forget_block(&mut self) {
        let high = self.marks.get(1).map_or(self.high, |mark| mark.high);
        self.forgotten = self.forgotten.max(Some(high));
        self.drop_block();
    }

    fn drop_block(&mut self) {
        self.marks.pop_front();
        for _ in 0..BLOCK {
            let Some(key) = self.keys.front().copied() else { return };
            self.leave(key);
            self.keys.pop_front();
            self.first = self.first.wrapping_add(1);
        }
    }

    fn rebuild(&mut self, capacity: usize) {
        self.index = vec![0; slots(capacity)];
        for place in 0..self.keys.len() {
            if let Some(key) = self.keys.get(place).copied() {
                self.enter(key, place);
            }
        }
    }

    fn enter(&mut self, key: u64, place: usize) {
        let number = self.first.wrapping_add(place) & 0xFFFF;
        let mut at = self.home(key);
        while self.index.get(at).is_some_and(|slot| *slot != 0) {
            at = self.after(at);
        }
        if let (Some(slot), Ok(number)) = (self.index.get_mut(at), u32::try_from(number)) {
            *slot = tag(key) | number;
        }
    }

    /// The slot of a key, and its place among the keys.
    fn slot(&self, key: u64) -> Option<(usize, usize)> {
        let mut at = self.home(key);
        loop {
            let slot = *self.index.get(at).filter(|slot| **slot != 0)?;
            if slot & 0xFFFF_0000 == tag(key) {
                let place = self.place(slot);
                if self.keys.get(place) == Some(&key) {
                    return Some((at, place));
                }
            }
            at = self.after(at);
        }
    }

    /// Empties the slot of a key, and closes the hole that this leaves in the row of those who had to step aside.
    fn leave(&mut self, key: u64) {
        let Some((mut hole, _)) = self.slot(key) else { return };
        let mut at = hole;
        loop {
            at = self.after(at);
            let Some(slot) = self.index.get(at).copied().filter(|slot| *slot != 0) else {
                break;
            };
            let Some(wanted) = self.keys.get(self.place(slot)).map(|key| self.home(*key)) else {
                break;
            };
            let mask = self.index.len() - 1;
            let (displaced, distance) = (at.wrapping_sub(wanted) & mask, at.wrapping_sub(hole) & mask);
            if displaced >= distance {
                if let Some(free) = self.index.get_mut(hole) {
                    *free = slot;
                }
                hole = at;
            }
        }
        if let Some(free) = self.index.get_mut(hole) {
            *free = 0;
        }
    }

    fn place(&self, slot: u32) -> usize {
        (slot as usize).wrapping_sub(self.first) & 0xFFFF
    }

    fn home(&self, key: u64) -> usize {
        usize::try_from(key & 0xFFFF_FFFF).unwrap_or(0) & self.index.len().wrapping_sub(1)
    }

    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.index.len() - 1)
    }
}

fn tag(key: u64) -> u32 {
    u32::try_from(key >> 48).unwrap_or(0) << 16 | 0x1_0000
}

fn slots(keys: usize) -> usize {
    (keys * 2).next_power_of_two()
}

fn cost(keys: usize) -> usize {
    keys * size_of::<u64>() + slots(keys) * size_of::<u32>() + keys / BLOCK * size_of::<Mark>()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// As a hash would.
    fn key(n: u64) -> u64 {
        (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    fn millis(n: u64) -> Time {
        Time::from_millis(i64::try_from(n).unwrap())
    }

    #[test]
    fn the_window_covers_time_and_bytes_and_is_bounded() {
        let budget = Arc::new(Budget::default());
        let mut seen = Seen::new(Arc::clone(&budget));
        for n in 0..1_000_000_u64 {
            seen.insert(key(n), millis(n / 10), 400);
            assert!(seen.find(key(n.saturating_sub(23_000))).is_some(), "{n}");
        }
        assert!(
            seen.find(key(970_000)).is_none(),
            "10 MiB are less than 24,000 such lines"
        );
        assert!(!seen.may_have_forgotten(millis(0)));
        // A flood within one instant is bounded, and known to be.
        for n in 1_000_000..3_000_000 {
            seen.insert(key(n), Time::from_secs(20_000), 100);
        }
        assert!(seen.find(key(2_999_999 - 61_000)).is_some());
        assert!(seen.may_have_forgotten(Time::from_secs(20_000)));
        assert!(seen.held() <= 1 << 20, "{}", seen.held());
        assert!(seen.charged >= seen.held() && budget.used() == seen.charged);
        drop(seen);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_place_is_known_to_within_a_block() {
        let mut seen = Seen::default();
        for n in 0..10_000 {
            seen.insert(key(n), millis(n), 100);
        }
        assert_eq!(seen.find(key(5)), Some(Shown { before: Time::MIN }));
        assert_eq!(seen.find(key(9_999)), Some(Shown { before: millis(9_983) }));
        assert_eq!(seen.find(key(320)), Some(Shown { before: millis(319) }));
    }

    #[test]
    fn many_share_what_there_is_and_those_at_rest_let_go() {
        let budget = Arc::new(Budget::of(1 << 20));
        let fill = |seen: &mut Seen, from: u64| {
            for n in from..from + 50_000 {
                seen.insert(key(n), millis(n), 10);
            }
        };
        let mut quiet = Seen::new(Arc::clone(&budget));
        fill(&mut quiet, 0);
        let mut busy: Vec<Seen> = (0..20).map(|_| Seen::new(Arc::clone(&budget))).collect();
        for seen in &mut busy {
            fill(seen, 0);
            assert!(seen.find(key(49_500)).is_some());
        }
        let least = cost(LEAST_KEYS) * 21;
        assert!(budget.used() <= (1 << 20) + least, "{}", budget.used());
        let before = busy[0].keys.len();
        quiet.rest();
        assert!(quiet.find(key(48_050)).is_some(), "2 s are kept");
        assert!(quiet.find(key(40_000)).is_none() && quiet.may_have_forgotten(millis(40_000)));
        fill(&mut busy[0], 50_000);
        assert!(busy[0].keys.len() > before);
        drop((quiet, busy));
        assert_eq!(budget.used(), 0);
    }

    proptest! {
        /// The index finds what a plain list finds, whatever the keys' homes.
        #[test]
        fn the_index_is_a_plain_list(keys in vec((0u64..40, 0u64..3), 1..400)) {
            // Few keys may stay, and all of them want the same few slots.
            let mut seen = Seen::new(Arc::new(Budget::of(0)));
            let mut known: VecDeque<u64> = VecDeque::new();
            for (n, (home, high)) in keys.into_iter().enumerate() {
                let key = home | high << 50;
                let shown = known.contains(&key);
                prop_assert_eq!(seen.find(key).is_some(), shown);
                if !shown {
                    seen.insert(key, Time(0), 0);
                    known.push_back(key);
                }
                if n % 50 == 49 && known.len() > BLOCK {
                    seen.drop_block();
                    known.drain(..BLOCK);
                }
            }
        }
    }
}
