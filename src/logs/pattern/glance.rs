//! Records that are known at a glance: what differs from an earlier record in digits alone, and in none that matter, is
//! of the same leaf without being scanned. Most of what programs repeat is.

use super::leaf::mix;
use crate::model::PatternId;

/// Records that are remembered; a further one takes the place of one of them.
const PLACES: usize = 32 * 1024;

/// The look of a record: its texts with every digit as zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look(u64);

/// What is known of a look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    look: u64,
    pub(super) key: u64,
    pub(super) leaf: PatternId,
}

/// Looks of records that were scanned before, each at the place that its bits say.
#[derive(Clone, Debug)]
pub(super) struct Glances {
    /// Nothing before the first record.
    places: Vec<Option<Known>>,
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

    pub(super) fn get(&self, look: Look) -> Option<Known> {
        let known = (*self.places.get(look.place())?)?;
        (known.look == look.0).then_some(known)
    }

    /// Remembers that all records of this look have this key and leaf.
    pub(super) fn put(&mut self, look: Look, key: u64, leaf: PatternId) {
        if self.places.is_empty() {
            self.places.resize(PLACES, None);
        }
        if let Some(place) = self.places.get_mut(look.place()) {
            *place = Some(Known {
                look: look.0,
                key,
                leaf,
            });
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

    proptest! {
        #[test]
        fn only_digits_become_zeros(bytes in any::<[u8; 8]>()) {
            let expected = bytes.map(|b| if b.is_ascii_digit() { b'0' } else { b });
            prop_assert_eq!(without_digits(u64::from_le_bytes(bytes)).to_le_bytes(), expected);
        }
    }
}
