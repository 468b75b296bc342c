//! How long to wait before the next try: doubling, capped, jittered. Not a timer.

use std::time::Duration;

/// A row of failures, and the pause that each of them earns.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    base: Duration,
    most: Duration,
    attempt: u32,
}

impl Backoff {
    /// For lists, watches and connecting: half a second to 15 s.
    pub(super) const fn of_feed() -> Self {
        Self {
            base: Duration::from_millis(500),
            most: Duration::from_secs(15),
            attempt: 0,
        }
    }

    /// For log streams: a quarter of a second to 15 s.
    pub(super) const fn of_stream() -> Self {
        Self {
            base: Duration::from_millis(250),
            most: Duration::from_secs(15),
            attempt: 0,
        }
    }

    /// The next pause; `jitter` in 0..1 takes away up to half of it, so that contexts that broke together do not come
    /// back together.
    pub(super) fn next(&mut self, jitter: f64) -> Duration {
        let full = self.base.saturating_mul(1 << self.attempt.min(16)).min(self.most);
        self.attempt = self.attempt.saturating_add(1);
        full.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
    }

    /// Failures in a row so far.
    pub(super) const fn attempt(&self) -> u32 {
        self.attempt
    }

    pub(super) const fn reset(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_cap_and_start_again_after_a_success() {
        let mut backoff = Backoff::of_feed();
        let pauses: Vec<u128> = (0..7).map(|_| backoff.next(0.0).as_millis()).collect();
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
        backoff.reset();
        assert_eq!(backoff.next(1.0).as_millis(), 250);
        for _ in 0..100 {
            assert!(backoff.next(0.5) <= Duration::from_secs(15));
        }
    }
}
