//! How many lines each context sent lately, by arrival.

use std::collections::{BTreeMap, VecDeque};

use crate::model::{ContextId, Span, Time};

/// What "lately" is.
const WINDOW: Span = Span::from_secs(5);

/// Arrivals that are counted as one.
const STEP: Span = Span::from_millis(100);

/// Lines per context over the last seconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Rates(BTreeMap<ContextId, VecDeque<(Time, u64)>>);

impl Rates {
    pub(super) fn add(&mut self, context: ContextId, lines: u64, now: Time) {
        let arrivals = self.0.entry(context).or_default();
        match arrivals.back_mut() {
            Some((at, count)) if now.since(*at) < STEP => *count += lines,
            _ => arrivals.push_back((now, lines)),
        }
        forget(arrivals, now);
    }

    /// Lines per second.
    #[expect(clippy::cast_precision_loss, reason = "a rate to be shown")]
    pub(super) fn of(&mut self, context: ContextId, now: Time) -> f64 {
        let Some(arrivals) = self.0.get_mut(&context) else {
            return 0.0;
        };
        forget(arrivals, now);
        arrivals.iter().map(|(_, lines)| *lines).sum::<u64>() as f64 / WINDOW.as_secs_f64()
    }

    /// Whether a rate is another one than the arrivals kept say, because some of them are past.
    pub(super) fn moves(&self, now: Time) -> bool {
        self.next_move().is_some_and(|at| at <= now)
    }

    /// When a rate falls next if nothing arrives. A cluster that has gone silent must not keep its rate on the screen.
    pub(super) fn next_move(&self) -> Option<Time> {
        let oldest = self.0.values().filter_map(VecDeque::front).map(|(at, _)| *at).min();
        oldest.map(|at| at + WINDOW)
    }
}

fn forget(arrivals: &mut VecDeque<(Time, u64)>, now: Time) {
    while arrivals.front().is_some_and(|(at, _)| now.since(*at) >= WINDOW) {
        arrivals.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_of_the_last_five_seconds() {
        let mut rates = Rates::default();
        let context = ContextId(0);
        let at = Time::from_millis;
        rates.add(context, 100, at(0));
        rates.add(context, 50, at(4000));
        let close = |got: f64, wanted: f64| assert!((got - wanted).abs() < 1e-9, "{got}");
        close(rates.of(context, at(4000)), 30.0);
        assert!(!rates.moves(at(4999)) && rates.moves(at(5000)));
        assert_eq!(rates.next_move(), Some(at(5000)));
        close(rates.of(context, at(5000)), 10.0);
        assert_eq!(rates.next_move(), Some(at(9000)));
        close(rates.of(context, at(60_000)), 0.0);
        assert_eq!(rates.next_move(), None);
        close(rates.of(ContextId(1), at(0)), 0.0);
    }
}
