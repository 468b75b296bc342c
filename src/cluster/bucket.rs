//! How often a cluster may be asked: so many times a second, and a number of times at once. Says how long to wait;
//! waits for nobody and knows no clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A token bucket, as one number: when it would be full again (the generic cell rate algorithm).
#[derive(Debug)]
pub(super) struct Bucket {
    full_at: AtomicU64,
    /// Nanoseconds.
    every: u64,
    burst: u64,
}

impl Bucket {
    /// One token each `every`, and room for `burst` of them.
    pub(super) const fn new(every: Duration, burst: u32) -> Self {
        let every = every.as_secs() * 1_000_000_000 + every.subsec_nanos() as u64;
        Self {
            full_at: AtomicU64::new(0),
            every,
            burst: burst as u64 * every,
        }
    }

    /// Takes a token at `now`, counted from any fixed moment. Gives back how long to wait for it.
    pub(super) fn take(&self, now: Duration) -> Duration {
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX / 2);
        let next = |full_at: u64| full_at.max(now).saturating_add(self.every);
        let before = self.full_at.update(Ordering::Relaxed, Ordering::Relaxed, next);
        Duration::from_nanos(next(before).saturating_sub(now.saturating_add(self.burst)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_the_rest_comes_at_the_rate() {
        let bucket = Bucket::new(Duration::from_millis(50), 50);
        let begun = Duration::from_secs(1000);
        let waits: Vec<_> = (0..100).map(|_| bucket.take(begun)).collect();
        assert!(waits[..50].iter().all(Duration::is_zero));
        assert_eq!(waits[50], Duration::from_millis(50));
        assert_eq!(waits[99], Duration::from_millis(2500));
        // In any second after that: what the rate allows, and no more than the burst after a rest.
        assert_eq!(bucket.take(begun + Duration::from_secs(3)), Duration::ZERO);
        let later = begun + Duration::from_secs(100);
        let free = (0..100).filter(|_| bucket.take(later).is_zero()).count();
        assert_eq!(free, 50);
    }
}
