//! How long to wait before the next try: doubling, capped, jittered. Not a timer.

use std::time::Duration;

/// A row of failures, and the pause that each of them earns.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    base: Duration,
    most: Duration,
    /// How much of a pause jitter may take away.
    spread: f64,
    attempt: u32,
}

/// So many failures in a row are remembered of what breaks again and again, but brings something new each time.
const EASED: u32 = 2;

impl Backoff {
    /// For lists, watches and connecting: half a second to 5 s. A watch that is open again wakes the log streams, so that
    /// all is back within 10 s of a server's start.
    pub(super) const fn of_feed() -> Self {
        Self {
            base: Duration::from_millis(500),
            most: Duration::from_secs(5),
            spread: 0.5,
            attempt: 0,
        }
    }

    /// For log streams: a quarter of a second to 15 s, with full jitter, as hundreds of them break together.
    pub(super) const fn of_stream() -> Self {
        Self {
            base: Duration::from_millis(250),
            most: Duration::from_secs(15),
            spread: 1.0,
            attempt: 0,
        }
    }

    /// The next pause; `jitter` in 0..1 takes away a part of it, so that what broke together does not come back
    /// together.
    pub(super) fn next(&mut self, jitter: f64) -> Duration {
        let full = self.base.saturating_mul(1 << self.attempt.min(16)).min(self.most);
        self.attempt = self.attempt.saturating_add(1);
        full.mul_f64(1.0 - jitter.clamp(0.0, 1.0) * self.spread)
    }

    /// Failures in a row so far.
    pub(super) const fn attempt(&self) -> u32 {
        self.attempt
    }

    pub(super) const fn reset(&mut self) {
        self.attempt = 0;
    }

    /// The last try was not in vain, and yet too short to forget the failures: pauses stay at a second or less.
    pub(super) fn ease(&mut self) {
        self.attempt = self.attempt.min(EASED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_cap_and_start_again_after_a_success() {
        let mut backoff = Backoff::of_feed();
        let pauses: Vec<u128> = (0..6).map(|_| backoff.next(0.0).as_millis()).collect();
        assert_eq!(pauses, [500, 1000, 2000, 4000, 5000, 5000]);
        backoff.reset();
        assert_eq!(backoff.next(1.0).as_millis(), 250);
        for _ in 0..100 {
            assert!(backoff.next(0.5) <= Duration::from_secs(5));
        }
    }

    #[test]
    fn streams_that_bring_news_never_wait_for_more_than_a_second() {
        let mut backoff = Backoff::of_stream();
        let pauses: Vec<u128> = (0..8).map(|_| backoff.next(0.0).as_millis()).collect();
        assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
        backoff.ease();
        assert_eq!(backoff.next(0.0).as_millis(), 1000);
        backoff.ease();
        assert_eq!(backoff.next(0.5).as_millis(), 500);
        assert_eq!(backoff.next(1.0).as_millis(), 0, "the jitter is full");
        backoff.reset();
        backoff.ease();
        assert_eq!(backoff.attempt(), 0, "a first failure stays a first failure");
    }
}
