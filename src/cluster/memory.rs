//! How much all contexts together may hold in memory of two things that grow with the logs: lines that nobody has
//! taken yet, and the keys of lines that may come again. Counts bytes, holds none.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A number of bytes that several owners share.
#[derive(Debug)]
pub(super) struct Budget {
    used: AtomicUsize,
    most: usize,
}

/// The budgets of all contexts that were chosen together.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Lines that were read and that the engine has not taken yet.
    pub(super) spool: Arc<Budget>,
    /// Keys of lines that were shown.
    pub(super) seen: Arc<Budget>,
}

impl Default for Budget {
    fn default() -> Self {
        Self::of(64 << 20)
    }
}

impl Budget {
    pub(super) const fn of(most: usize) -> Self {
        Self {
            used: AtomicUsize::new(0),
            most,
        }
    }

    /// Takes so many bytes if they are there.
    pub(super) fn try_take(&self, bytes: usize) -> bool {
        let taken = self.used.try_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(bytes).filter(|used| *used <= self.most)
        });
        taken.is_ok()
    }

    /// Takes so many bytes whether they are there or not: the little that nobody can do without.
    pub(super) fn take(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether those who do not need theirs should let go of it.
    pub(super) fn is_tight(&self) -> bool {
        self.used() > self.most / 4 * 3
    }

    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_can_be_taken_and_not_more() {
        let budget = Budget::of(100);
        assert!(budget.try_take(70) && !budget.is_tight());
        assert!(!budget.try_take(31));
        assert!(budget.try_take(30) && budget.is_tight());
        budget.take(5);
        budget.give_back(50);
        assert_eq!(budget.used(), 55);
        assert!(!budget.try_take(usize::MAX));
    }
}
