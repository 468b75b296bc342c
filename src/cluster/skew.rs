//! How far the clocks of a cluster are ahead of ours, from what comes of it anyway. No clock: times are arguments.
//!
//! Two witnesses. A line cannot come before it was written: the stamp of a line minus the time of its arrival is at
//! most what its node's clock is ahead, and less by the line's delay. The best of the last half minute counts; a backlog
//! or a slow log only has worse ones. And the `Date` of an answer was read between question and answer, and cut to the
//! second: it says in what bounds the server's clock is, so that a log which is merely slow is not taken for a clock
//! that is behind.
//!
//! While the nodes' clocks agree with the server's, the truth lies between the bounds and so does the estimate: it is
//! wrong by at most one second and the time of the quickest question, and by the least delay of a line where lines flow.
//! No skew is claimed that is not proven: within the bounds, zero is preferred. Of nodes that disagree it is the one
//! that is furthest ahead. A clock that is set is noticed by the next `Date`, at the latest when the window is over.

#![expect(clippy::disallowed_types, reason = "all streams of a context witness one clock")]

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::model::{Span, Time};

/// Times of lines are looked at by slots of so much, and this many of them.
const SLOT: Span = Span::from_secs(5);
const LINE_SLOTS: i64 = 6;
/// Answers are rare.
const DATE_SLOTS: i64 = 60;
/// `Date` has whole seconds.
const SECOND: Span = Span::from_secs(1);
/// Below it a difference may be the estimate's own error: nothing is corrected by it.
const WRONG: Span = Span::from_secs(1);
/// Changes of less are not told: the order of records that are merged is not better than that.
const LEAST_CHANGE: Span = Span::from_millis(100);

/// The estimate of one context, shared by all who hear of its clocks.
#[derive(Debug, Default)]
pub(super) struct Skew {
    known: Mutex<Known>,
    /// What is corrected by, nanoseconds.
    correction: AtomicI64,
}

#[derive(Debug, Default)]
struct Known {
    estimator: Estimator,
    told: Option<Span>,
}

impl Skew {
    /// A line arrived. Gives back what there is to tell.
    pub(super) fn line(&self, now: Time, stamp: Time) -> Option<Span> {
        self.learn(|estimator| estimator.line(now, stamp))
    }

    /// An answer of the server: its `Date`, and when it was asked for and came.
    pub(super) fn date(&self, date: Time, asked: Time, now: Time) -> Option<Span> {
        self.learn(|estimator| estimator.date(date, asked, now))
    }

    fn learn(&self, learn: impl FnOnce(&mut Estimator)) -> Option<Span> {
        // A poisoned lock means that a test has panicked; the estimate is not worth another panic.
        let mut known = self.known.lock().ok()?;
        learn(&mut known.estimator);
        let ahead = known.estimator.ahead()?;
        if !is_news(known.told, ahead) {
            return None;
        }
        known.told = Some(ahead);
        self.correction.store(correction(ahead).nanos(), Ordering::Release);
        Some(ahead)
    }

    /// What has to be added to our time to have the cluster's.
    pub(super) fn correction(&self) -> Span {
        Span(self.correction.load(Ordering::Acquire))
    }
}

/// What is to be corrected by, if the clocks are ahead by so much: nothing if they are hardly wrong.
pub(super) fn correction(ahead: Span) -> Span {
    if magnitude(ahead) < WRONG { Span::ZERO } else { ahead }
}

fn is_news(told: Option<Span>, ahead: Span) -> bool {
    let before = told.unwrap_or_default();
    magnitude(Span(ahead.nanos().saturating_sub(before.nanos()))) >= LEAST_CHANGE
}

fn magnitude(span: Span) -> Span {
    Span(span.nanos().saturating_abs())
}

/// `Date: Tue, 24 Nov 2026 03:04:05 GMT`.
pub(super) fn date_of(head: &http::HeaderMap) -> Option<Time> {
    let date = head.get(http::header::DATE)?.to_str().ok()?;
    let date = jiff::fmt::rfc2822::parse(date).ok()?;
    i64::try_from(date.timestamp().as_nanosecond()).ok().map(Time)
}

/// The witnesses of one context.
#[derive(Debug, Default)]
pub(super) struct Estimator {
    /// The most that a line was ahead of us.
    lines: Best,
    /// The most that the server's clock is ahead of us at least.
    least: Best,
    /// The least that it is behind us at least, which bounds how far ahead it is.
    most: Best,
}

impl Estimator {
    pub(super) fn line(&mut self, now: Time, stamp: Time) {
        self.lines.add(now, stamp.since(now), LINE_SLOTS);
    }

    pub(super) fn date(&mut self, date: Time, asked: Time, now: Time) {
        let least = date.since(now);
        let most = (date + SECOND).since(asked.min(now));
        let contradicts = self.server().is_some_and(|(low, high)| low > most || high < least);
        if contradicts {
            // It was set.
            *self = Self::default();
        }
        self.least.add(now, least, DATE_SLOTS);
        self.most.add(now, opposite(most), DATE_SLOTS);
    }

    /// How far the clocks are ahead; nothing if that is not known.
    pub(super) fn ahead(&self) -> Option<Span> {
        let line = self.lines.best();
        let Some((least, most)) = self.server() else {
            // Whatever is behind may be slow.
            return line.filter(|ahead| *ahead > Span::ZERO);
        };
        let proven = line.map_or(least, |line| line.max(least));
        if proven > most {
            // A node that does not agree with its server.
            return Some(proven);
        }
        if proven <= Span::ZERO && Span::ZERO <= most {
            return Some(Span::ZERO);
        }
        let middle = Span(least.nanos() / 2 + most.nanos() / 2);
        Some(if line.is_some() { proven } else { middle })
    }

    /// In what bounds the server's clock is ahead.
    fn server(&self) -> Option<(Span, Span)> {
        Some((self.least.best()?, opposite(self.most.best()?)))
    }
}

fn opposite(span: Span) -> Span {
    Span(span.nanos().saturating_neg())
}

/// The greatest of the last slots of time.
#[derive(Debug, Default)]
struct Best(VecDeque<(i64, Span)>);

impl Best {
    fn add(&mut self, now: Time, span: Span, slots: i64) {
        let slot = now.nanos() / SLOT.nanos();
        match self.0.back_mut() {
            Some((last, best)) if *last >= slot => *best = span.max(*best),
            _ => self.0.push_back((slot, span)),
        }
        while self.0.front().is_some_and(|(first, _)| *first <= slot - slots) {
            self.0.pop_front();
        }
    }

    fn best(&self) -> Option<Span> {
        self.0.iter().map(|(_, span)| *span).max()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Time = Time::from_secs(1_800_000_000);

    fn at(millis: i64) -> Time {
        NOW + Span::from_millis(millis)
    }

    /// What the server's clock shows, cut to the second.
    fn shown(time: Time) -> Time {
        Time::from_secs(time.floor_secs())
    }

    #[test]
    fn a_slow_log_is_not_a_clock_that_is_behind() {
        let mut estimator = Estimator::default();
        estimator.line(at(0), at(-10_000));
        assert_eq!(estimator.ahead(), None, "nobody else has said anything");
        estimator.date(shown(at(0)), at(0), at(20));
        assert_eq!(estimator.ahead(), Some(Span::ZERO));
        // From the future comes no line: a node that does not agree with its server.
        estimator.line(at(30), at(5_000));
        assert_eq!(estimator.ahead(), Some(Span::from_millis(4_970)));
    }

    #[test]
    fn a_clock_that_is_set_is_noticed() {
        let mut estimator = Estimator::default();
        let hour = 3_600_000;
        estimator.date(shown(at(hour)), at(0), at(10));
        estimator.line(at(20), at(hour));
        assert_eq!(estimator.ahead(), Some(Span::from_millis(hour - 10)));
        estimator.date(shown(at(1_000)), at(1_000), at(1_010));
        assert_eq!(estimator.ahead(), Some(Span::ZERO));
        // Without another answer: when the window is over.
        estimator.line(at(2_000), at(9_000));
        assert_eq!(estimator.ahead(), Some(Span::from_secs(7)));
        estimator.line(at(40_000), at(39_990));
        assert_eq!(estimator.ahead(), Some(Span::ZERO));
    }

    #[test]
    fn only_changes_that_matter_are_told() {
        let check = |told: Option<i64>, ahead: i64, expected: bool| {
            let told = told.map(Span::from_millis);
            assert_eq!(is_news(told, Span::from_millis(ahead)), expected, "{told:?} {ahead}");
        };
        check(None, 0, false);
        check(None, 99, false);
        check(None, 100, true);
        check(Some(5_000), 5_099, false);
        check(Some(3_600_000), 3_599_900, true);
        check(Some(-5_000), 0, true);
        let skew = Skew::default();
        assert_eq!(skew.line(at(0), at(500)), Some(Span::from_millis(500)));
        assert_eq!(skew.correction(), Span::ZERO, "too little to correct");
        assert_eq!(skew.line(at(0), at(5_000)), Some(Span::from_millis(5_000)));
        assert_eq!(skew.correction(), Span::from_secs(5));
    }

    #[test]
    fn a_date_is_read_from_its_header() {
        let mut head = http::HeaderMap::new();
        assert_eq!(date_of(&head), None);
        head.insert(http::header::DATE, "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap());
        assert_eq!(date_of(&head), Some(Time::from_secs(784_111_777)));
        head.insert(http::header::DATE, "yesterday".parse().unwrap());
        assert_eq!(date_of(&head), None);
    }

    proptest! {
        /// Any skew, any delays: the truth is not further away than the bounds say.
        #[test]
        fn the_estimate_is_as_good_as_its_bounds(
            ahead in -3_600_000_i64..3_600_000,
            lines in prop::collection::vec((0_i64..25_000, 0_i64..20_000), 0..40),
            dates in prop::collection::vec((0_i64..25_000, 0_i64..2_000, 0.0..1.0_f64), 1..20),
        ) {
            let mut estimator = Estimator::default();
            let mut seen: Vec<(i64, Option<i64>, (i64, f64))> = Vec::new();
            seen.extend(lines.iter().map(|(when, delay)| (*when, Some(*delay), (0, 0.0))));
            seen.extend(dates.iter().map(|(when, trip, share)| (*when, None, (*trip, *share))));
            seen.sort_by_key(|(when, ..)| *when);
            for (when, delay, (trip, share)) in seen {
                if let Some(delay) = delay {
                    estimator.line(at(when), at(when - delay + ahead));
                } else {
                    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "small")]
                    let read = when - trip + (trip as f64 * share) as i64;
                    estimator.date(shown(at(read + ahead)), at(when - trip), at(when));
                }
            }
            let found = estimator.ahead().unwrap().as_millis();
            let trip = dates.iter().map(|(_, trip, _)| *trip).min().unwrap();
            let delay = lines.iter().map(|(_, delay)| *delay).min().unwrap_or(i64::MAX);
            prop_assert!((found - ahead).abs() <= 1_000 + trip, "{found} for {ahead}");
            if found != 0 && !lines.is_empty() {
                prop_assert!(found <= ahead && ahead - found <= delay, "{found} for {ahead}");
            }
        }

        /// However slow all logs are, no skew is claimed where there is none.
        #[test]
        fn nothing_is_claimed_of_right_clocks(
            lines in prop::collection::vec((0_i64..100_000, 0_i64..100_000), 0..60),
            dates in prop::collection::vec((0_i64..100_000, 0_i64..2_000), 1..20),
        ) {
            let mut estimator = Estimator::default();
            let mut seen: Vec<_> = lines.iter().map(|(when, delay)| (*when, Some(*delay), 0)).collect();
            seen.extend(dates.iter().map(|(when, trip)| (*when, None, *trip)));
            seen.sort();
            for (when, delay, trip) in seen {
                match delay {
                    Some(delay) => estimator.line(at(when), at(when - delay)),
                    None => estimator.date(shown(at(when)), at(when - trip), at(when)),
                }
                prop_assert!(estimator.ahead().is_none_or(|ahead| ahead == Span::ZERO));
            }
        }
    }
}
