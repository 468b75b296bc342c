//! Records that are known at a glance: what differs from an earlier record in digits alone, and in none that matter, is
//! of the same leaf without being scanned. Most of what programs repeat is.
//!
//! A value that all records of a leaf had so far is shown as long as that holds. Records that look the same have it at
//! the same place, where it is compared.

use std::num::NonZeroU64;

use super::leaf::{hash_of, mix};
use crate::model::PatternId;

/// Records that are remembered; a further one takes the place of one of them.
const PLACES: usize = 32 * 1024;

/// The look of a record: its texts with every digit as zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look(u64);

/// What is known of records that look the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) key: u64,
    pub(super) leaf: PatternId,
    pub(super) shown: Shown,
}

/// Where values are that must be the same, by their bytes among the texts of a record. An empty place is none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shown {
    places: [(u16, u16); Self::MOST],
}

impl Shown {
    /// Values that are compared.
    const MOST: usize = 3;

    /// These places; nothing if they are too many or too far behind.
    pub(super) fn new(places: impl Iterator<Item = (usize, usize)>) -> Option<Self> {
        let mut shown = Self::default();
        for (n, (start, end)) in places.enumerate() {
            *shown.places.get_mut(n)? = (u16::try_from(start).ok()?, u16::try_from(end).ok()?);
        }
        Some(shown)
    }

    /// What stands for a look together with the values shown.
    fn check(&self, look: Look, texts: &[u8]) -> NonZeroU64 {
        let places = self.places.iter().take_while(|(start, end)| start < end);
        let check = places.fold(look.0, |hash, (start, end)| {
            let bytes = texts.get(usize::from(*start)..usize::from(*end)).unwrap_or_default();
            mix(hash, hash_of(bytes))
        });
        NonZeroU64::MIN | check
    }
}

/// One record that is remembered. Small, and none across two lines of the cache: the places are visited at random.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct Remembered {
    check: NonZeroU64,
    known: Known,
}

/// Looks of records that were scanned before, each at the place that its bits say.
#[derive(Clone, Debug)]
pub(super) struct Glances {
    /// Nothing before the first record.
    places: Vec<Option<Remembered>>,
}

impl Look {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Adds one text, after what stands for its role.
    pub(super) fn add(&mut self, role: u64, text: &[u8]) {
        let len = u64::try_from(text.len()).unwrap_or(u64::MAX);
        let (chunks, rest) = text.as_chunks::<8>();
        let start = mix(self.0, role ^ len << 8);
        let look = chunks.iter().fold(start, |look, chunk| {
            mix(look, without_digits(u64::from_le_bytes(*chunk)))
        });
        let mut last = [0; 8];
        last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.0 = mix(look, without_digits(u64::from_le_bytes(last)));
    }

    fn place(self) -> usize {
        usize::try_from(self.0 >> 40).unwrap_or_default() % PLACES
    }
}

/// Eight bytes with every digit as zero, all at once.
const fn without_digits(bytes: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * EACH;
    let low = bytes & !HIGH;
    // The high bit of each byte: whether it is at least `0`, and at least what follows `9`.
    let from_zero = low + (0x80 - 0x30) * EACH;
    let behind_nine = low + (0x80 - 0x3a) * EACH;
    let digits = from_zero & !behind_nine & !bytes & HIGH;
    bytes & !((digits >> 7) * 0x0f)
}

impl Glances {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new() }
    }

    /// What is known of a record of this look with these texts.
    pub(super) fn get(&self, look: Look, texts: &[u8]) -> Option<Known> {
        let remembered = self.places.get(look.place())?.as_ref()?;
        (remembered.check == remembered.known.shown.check(look, texts)).then_some(remembered.known)
    }

    /// Remembers what is known of all records of this look with the values shown that these texts have.
    pub(super) fn put(&mut self, look: Look, texts: &[u8], known: Known) {
        if self.places.is_empty() {
            self.places.resize(PLACES, None);
        }
        if let Some(place) = self.places.get_mut(look.place()) {
            let check = known.shown.check(look, texts);
            *place = Some(Remembered { check, known });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn look(text: &str) -> Look {
        let mut look = Look::new(7);
        look.add(1, text.as_bytes());
        look
    }

    #[test]
    fn digits_do_not_change_a_look_but_all_else_does() {
        assert_eq!(look("took 17 ms"), look("took 93 ms"));
        assert_eq!(look("a rather long line, 0 of 9"), look("a rather long line, 5 of 5"));
        for other in [
            "took 1 ms",
            "took 17 mS",
            "took 1: ms",
            "took 1/ ms",
            "took 17 ms ",
            "took 17 ms\0",
        ] {
            assert_ne!(look("took 17 ms"), look(other), "{other}");
        }
    }

    #[test]
    fn the_values_shown_must_be_the_same() {
        let mut glances = Glances::new();
        let texts = |port: &str| format!("to 10.0.0.7:{port} in 17 ms");
        let known = Known {
            key: 1,
            leaf: PatternId(2),
            shown: Shown::new([(3, 15)].into_iter()).unwrap(),
        };
        glances.put(look(&texts("443")), texts("443").as_bytes(), known);
        let known = |text: String| glances.get(look(&text), text.as_bytes()).map(|known| known.leaf);
        assert_eq!(known(texts("443").replace("17", "99")), Some(PatternId(2)));
        assert_eq!(known(texts("444")), None);
        assert!(Shown::new([(0, 1); 4].into_iter()).is_none());
        assert!(Shown::new([(70_000, 70_001)].into_iter()).is_none());
    }

    #[test]
    fn what_is_remembered_is_small() {
        assert_eq!(size_of::<Option<Remembered>>(), 32);
    }

    proptest! {
        #[test]
        fn only_digits_become_zeros(bytes in any::<[u8; 8]>()) {
            let expected = bytes.map(|b| if b.is_ascii_digit() { b'0' } else { b });
            prop_assert_eq!(without_digits(u64::from_le_bytes(bytes)).to_le_bytes(), expected);
        }
    }
}
