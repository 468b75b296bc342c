//! Guards the miner against a source that writes ever new text: it counts the different keys of one source, whatever
//! other sources do, and says when to take that source's records coarser.

/// Records over which different keys are counted.
const WINDOW: u32 = 5_000;

/// Bits of the map in which keys leave their mark: as many as twelve bits of a key can tell apart.
const BITS: usize = 4096;

/// Marks from which the source is taken coarser: those of different keys for a fifth of a window. With collisions n
/// keys leave m(1 - e^(-n/m)) marks (Whang and others 1990, linear counting).
const MARKS_OF_TOO_MANY: u32 = 887;

/// Marks at the end of a window up to which it is taken as before: those of a tenth.
const MARKS_OF_FEW: u32 = 470;

/// The different keys of one source.
#[derive(Clone, Debug)]
pub struct Guard {
    /// Nothing before the first record: most memory of sources that say little.
    map: Option<Box<[u64; BITS / 64]>>,
    marks: u32,
    records: u32,
    coarse: bool,
}

impl Default for Guard {
    fn default() -> Self {
        Self::new()
    }
}

impl Guard {
    pub const fn new() -> Self {
        Self {
            map: None,
            marks: 0,
            records: 0,
            coarse: false,
        }
    }

    /// Whether the source writes so much new text that its patterns are taken coarser.
    pub const fn is_coarse(&self) -> bool {
        self.coarse
    }

    /// Notes the key of a record; whether this record is to be taken coarser.
    pub(super) fn note(&mut self, key: u64) -> bool {
        let map = self.map.get_or_insert_with(|| Box::new([0; BITS / 64]));
        let bit = usize::try_from(key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 52).unwrap_or_default();
        if let Some(word) = map.get_mut(bit / 64) {
            let mask = 1 << (bit % 64);
            self.marks += u32::from(*word & mask == 0);
            *word |= mask;
        }
        self.records += 1;
        let was_coarse = self.coarse;
        self.coarse |= self.marks >= MARKS_OF_TOO_MANY;
        if self.records >= WINDOW {
            self.coarse &= self.marks > MARKS_OF_FEW;
            map.fill(0);
            self.marks = 0;
            self.records = 0;
        }
        was_coarse
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::pattern::leaf::mix;

    fn after(guard: &mut Guard, records: u64, different: u64) -> bool {
        for n in 0..records {
            guard.note(mix(7, n % different));
        }
        guard.is_coarse()
    }

    #[test]
    fn the_marks_are_those_of_the_counts() {
        let marks = |n: u32| f64::from(4096) * (1.0 - (-f64::from(n) / 4096.0).exp());
        assert!((marks(WINDOW / 5) - f64::from(MARKS_OF_TOO_MANY)).abs() < 1.0);
        assert!((marks(WINDOW / 10) - f64::from(MARKS_OF_FEW)).abs() < 1.0);
    }

    #[test]
    fn ever_new_text_is_taken_coarser_until_it_calms_down() {
        let mut guard = Guard::default();
        assert!(!after(&mut guard, 20_000, 300));
        assert!(after(&mut guard, 1_300, u64::MAX));
        // The window that it began in must end, and one with little news pass.
        assert!(!after(&mut guard, 10_000, 300));
    }
}
