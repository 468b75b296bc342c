//! Which lines of a source were shown, for as long as the server may send them again: 2 s for every resume, and one
//! kubelet file of 10 MiB for the replay that a slow reader gets when it is rotated twice.

use hashbrown::HashSet;

use crate::model::{Span, Time};

/// One file of a kubelet with the default `containerLogMaxSize`.
const BYTES: usize = 10 << 20;
const SPAN: Span = Span::from_secs(2);
/// Short lines fill no file within this many; then the time alone counts.
const KEYS: usize = 1 << 16;
/// A flood: half of the window at a time may fall short of 2 s.
const MOST_KEYS: usize = 1 << 18;

/// The keys of shown lines, in two generations: the elder is dropped as a whole when the younger is big enough to
/// stand alone.
#[derive(Debug, Default)]
pub(super) struct Seen {
    young: HashSet<u64>,
    old: HashSet<u64>,
    young_bytes: usize,
    young_from: Option<Time>,
}

impl Seen {
    pub(super) fn contains(&self, key: u64) -> bool {
        self.young.contains(&key) || self.old.contains(&key)
    }

    pub(super) fn insert(&mut self, key: u64, time: Time, bytes: usize) {
        let from = *self.young_from.get_or_insert(time);
        let spans = time.since(from) >= SPAN;
        let big = self.young_bytes >= BYTES || self.young.len() >= KEYS;
        if (big && spans) || self.young.len() >= MOST_KEYS {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
            self.young_from = Some(time);
        }
        self.young.insert(key);
        self.young_bytes += bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_covers_time_and_bytes_and_is_bounded() {
        let mut seen = Seen::default();
        for n in 0..1_000_000_u64 {
            seen.insert(n, Time::from_millis(i64::try_from(n).unwrap() / 100), 100);
            assert!(seen.contains(n.saturating_sub(65_000)), "{n}");
        }
        assert!(!seen.contains(0));
        assert!(seen.young.len() + seen.old.len() <= 2 * MOST_KEYS);
        // A flood within one instant is bounded too.
        for n in 1_000_000..3_000_000 {
            seen.insert(n, Time::from_secs(20_000), 100);
        }
        assert!(seen.young.len() + seen.old.len() <= 2 * MOST_KEYS);
    }
}
