//! Records of many sources as one stream in the order of time. A record is held back for a moment, so that one that was
//! written earlier and arrives later still goes before it. No clock; who owns it gives it the time.
//!
//! Of one container the order of its log is the truth: stdout and stderr are stamped by different threads, and a node's
//! clock may be set back, so a record never goes before one of its own source. Between sources the stamp decides, as
//! the clock of its cluster is known to be wrong. What arrives too late for its place goes out at once and is marked as
//! late. What was written before its log was followed was never promised in order, as other logs may have been followed
//! before: that is history, not late. Without the late ones and history, the stream is in order.
//!
//! Records wait for as long as the hold-back, which bounds what is held under a flood, too; and there is a bound of
//! their number.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use super::record::Record;
use crate::model::{SourceId, Span, Time};
use crate::text::join::PATIENCE;

/// How long records are held back if nobody wants it otherwise.
pub const HOLD_BACK: Span = Span::from_millis(250);

/// Records held at most; beyond it the earliest go out before their time.
const MOST_HELD: usize = 200_000;

/// A finished record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    pub record: Record,
    /// When its first line arrived, by our clock.
    pub at: Time,
    /// It was written before its log was followed.
    pub history: bool,
}

/// A record in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub record: Record,
    /// It goes after records that were written later: it arrived too late, though its log was being followed.
    pub late: bool,
    /// It was written before its log was followed.
    pub history: bool,
}

/// What is held back.
#[derive(Debug)]
pub struct HoldBack {
    span: Span,
    most: usize,
    held: BTreeMap<Place, Held>,
    /// By when each has to go.
    due: BTreeSet<(Time, Place)>,
    sources: HashMap<SourceId, Waiting>,
    taken: u64,
    /// The latest time that went out.
    high: Time,
}

/// The order: by time, then by arrival.
type Place = (Time, u64);

#[derive(Debug)]
struct Held {
    due: Time,
    record: Record,
    history: bool,
}

/// The held records of one source.
#[derive(Debug)]
struct Waiting {
    count: usize,
    last: Time,
}

impl HoldBack {
    fn new(span: Span) -> Self {
        Self {
            span,
            most: MOST_HELD,
            held: BTreeMap::new(),
            due: BTreeSet::new(),
            sources: HashMap::new(),
            taken: 0,
            high: Time::MIN,
        }
    }

    /// For records as the engine finishes them: the last one of a log is there only once no more lines of it have come
    /// for a while, while others of the same time are finished by the next. That is not the delay of an arrival, and
    /// `span` is what is left for those.
    pub fn of_finished(span: Span) -> Self {
        Self::new(span + PATIENCE)
    }

    /// Takes a record of a source whose clock is ahead of ours by `ahead`.
    pub fn take(&mut self, arrived: Arrived, ahead: Span) {
        let Arrived { record, at, history } = arrived;
        let time = record.time + Span(ahead.nanos().saturating_neg());
        let waiting = self
            .sources
            .entry(record.source)
            .or_insert(Waiting { count: 0, last: time });
        waiting.count += 1;
        waiting.last = waiting.last.max(time);
        let place = (waiting.last, self.taken);
        self.taken += 1;
        let due = at + self.span;
        self.due.insert((due, place));
        self.held.insert(place, Held { due, record, history });
    }

    /// Clocks are found to be wrong in another way than before: what went out cannot be compared with what comes.
    pub fn clocks_changed(&mut self) {
        self.high = Time::MIN;
    }

    /// When `release` has something to give out again.
    pub fn next_due(&self) -> Option<Time> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Gives out what was held for long enough, and what goes before it.
    pub fn release(&mut self, now: Time, out: &mut Vec<Placed>) {
        let due = self.due.iter().take_while(|(due, _)| *due <= now);
        if let Some(last) = due.map(|(_, place)| *place).max() {
            while self.held.first_key_value().is_some_and(|(place, _)| *place <= last) {
                self.give_first(out);
            }
        }
        while self.held.len() > self.most {
            self.give_first(out);
        }
    }

    /// Gives out everything: nothing more will come.
    pub fn flush(&mut self, out: &mut Vec<Placed>) {
        while !self.held.is_empty() {
            self.give_first(out);
        }
    }

    fn give_first(&mut self, out: &mut Vec<Placed>) {
        let Some((place, Held { due, record, history })) = self.held.pop_first() else {
            return;
        };
        self.due.remove(&(due, place));
        if let Some(waiting) = self.sources.get_mut(&record.source) {
            waiting.count -= 1;
            if waiting.count == 0 {
                self.sources.remove(&record.source);
            }
        }
        let late = !history && place.0 < self.high;
        self.high = self.high.max(place.0);
        out.push(Placed { record, late, history });
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::logs::record::Content;
    use crate::model::{ContextId, Level, PatternId, RecordId};

    fn arrived(id: u64, source: u32, time: i64, at: i64) -> Arrived {
        let record = Record {
            id: RecordId(id),
            source: SourceId {
                context: ContextId(0),
                n: source,
            },
            time: Time::from_millis(time),
            content: Content::Text {
                level: Level::None,
                pattern: PatternId(0),
                bytes: Bytes::new(),
            },
        };
        Arrived {
            record,
            at: Time::from_millis(at),
            history: false,
        }
    }

    fn ids(placed: &[Placed]) -> Vec<(u64, bool)> {
        placed.iter().map(|placed| (placed.record.id.0, placed.late)).collect()
    }

    /// Records (source, stamp, arrival), in ms, and the order in which they go out, with those that are late.
    fn check(records: &[(u32, i64, i64)], expected: &[(u64, bool)]) {
        let mut held = HoldBack::new(Span::from_millis(250));
        let mut out = Vec::new();
        for (id, (source, time, at)) in (0..).zip(records) {
            held.release(Time::from_millis(*at), &mut out);
            held.take(arrived(id, *source, *time, *at), Span::ZERO);
        }
        held.flush(&mut out);
        assert_eq!(ids(&out), expected, "{records:?}");
    }

    #[test]
    fn who_comes_within_the_hold_back_goes_in_at_the_right_place() {
        check(&[(0, 100, 100), (1, 90, 200)], &[(1, false), (0, false)]);
        check(&[(0, 100, 100), (1, 90, 400)], &[(0, false), (1, true)]);
        // One source's log is in order, whatever its stamps say.
        check(
            &[(0, 100, 100), (0, 99, 101), (1, 98, 102)],
            &[(2, false), (0, false), (1, false)],
        );
        // Its clock is set back: its own order, marked once the others have gone on.
        check(
            &[(0, 100, 100), (0, 40, 500), (1, 500, 500)],
            &[(0, false), (1, true), (2, false)],
        );
    }

    #[test]
    fn history_is_never_late() {
        let mut held = HoldBack::new(Span::from_millis(250));
        let mut out = Vec::new();
        held.take(arrived(0, 0, 100, 100), Span::ZERO);
        held.flush(&mut out);
        let old = Arrived {
            history: true,
            ..arrived(1, 1, 50, 500)
        };
        held.take(old, Span::ZERO);
        held.flush(&mut out);
        held.take(arrived(2, 1, 60, 600), Span::ZERO);
        held.take(arrived(3, 1, 600, 600), Span::ZERO);
        held.flush(&mut out);
        assert_eq!(ids(&out), [(0, false), (1, false), (2, true), (3, false)]);
        let history: Vec<_> = out.iter().map(|placed| placed.history).collect();
        assert_eq!(history, [false, true, false, false]);
    }

    #[test]
    fn what_is_due_takes_with_it_what_goes_before_it_and_nothing_else() {
        let mut held = HoldBack::new(Span::from_millis(250));
        held.take(arrived(0, 0, 100, 100), Span::ZERO);
        held.take(arrived(1, 1, 50, 200), Span::ZERO);
        held.take(arrived(2, 2, 150, 200), Span::ZERO);
        assert_eq!(held.next_due(), Some(Time::from_millis(350)));
        let mut out = Vec::new();
        held.release(Time::from_millis(349), &mut out);
        assert_eq!(ids(&out), []);
        held.release(Time::from_millis(350), &mut out);
        assert_eq!(ids(&out), [(1, false), (0, false)]);
        assert_eq!(held.next_due(), Some(Time::from_millis(450)));
        held.flush(&mut out);
        assert_eq!((out.len(), held.next_due()), (3, None));
        assert!(held.sources.is_empty() && held.due.is_empty());
    }

    #[test]
    fn a_clock_that_is_known_to_be_wrong_does_not_decide() {
        let mut held = HoldBack::new(Span::from_millis(250));
        let hour = 3_600_000;
        held.take(arrived(0, 0, 100 + hour, 100), Span::from_millis(hour));
        held.take(arrived(1, 1, 90, 110), Span::ZERO);
        held.take(arrived(2, 1, 110, 120), Span::ZERO);
        let mut out = Vec::new();
        held.flush(&mut out);
        assert_eq!(ids(&out), [(1, false), (0, false), (2, false)]);
        assert_eq!(out[1].record.time, Time::from_millis(100 + hour), "its stamp stays");
        // What went out before it was known does not make all others late.
        held.take(arrived(3, 0, 130 + hour, 130), Span::ZERO);
        held.flush(&mut out);
        held.clocks_changed();
        held.take(arrived(4, 1, 140, 140), Span::ZERO);
        held.flush(&mut out);
        assert_eq!(ids(&out[3..]), [(3, false), (4, false)]);
    }

    #[test]
    fn a_flood_is_bounded() {
        let mut held = HoldBack::new(Span::from_millis(250));
        held.most = 100;
        let mut out = Vec::new();
        for id in 0..1000 {
            held.take(arrived(id, 0, 7, 7), Span::ZERO);
            held.release(Time::from_millis(7), &mut out);
            assert!(held.held.len() <= 100);
        }
        held.flush(&mut out);
        let expected: Vec<_> = (0..1000).map(|id| (id, false)).collect();
        assert_eq!(ids(&out), expected);
    }

    proptest! {
        /// Whatever comes when: nothing is lost, nobody waits longer than the hold-back, each source is in its order,
        /// what is neither late nor history is in the order of time; and with delays below the hold-back nothing is late.
        #[test]
        fn the_promises_hold(
            written in prop::collection::vec((0_u32..4, 0_i64..40, -2_i64..60, 0_i64..600), 1..200),
            opened in prop::array::uniform4(0_i64..2000),
            // Whether records come late, and whether clocks are set back, too.
            (wild, backward) in prop::sample::select(vec![(false, false), (true, false), (true, true)]),
        ) {
            let span = Span::from_millis(250);
            let mut held = HoldBack::new(span);
            let mut clock = 0;
            let mut free = [0; 4];
            let mut coming = Vec::new();
            for (source, pause, jitter, delay) in written {
                clock += pause;
                let slot = &mut free[source as usize];
                // A connection delivers in order; tame stamps are in the order of the log and delays are small.
                let at = if wild { clock + delay } else { clock + delay.min(249) };
                *slot = at.max(*slot);
                let stamp = if backward { clock + jitter } else { clock };
                if wild || *slot - clock < 250 {
                    coming.push((*slot, source, stamp));
                }
            }
            coming.sort_by_key(|(at, ..)| *at);
            let mut out = Vec::new();
            let mut given = Vec::new();
            for (id, (at, source, stamp)) in (0..).zip(&coming) {
                // Wakes up when told to, as the loop does.
                while let Some(due) = held.next_due().filter(|due| *due <= Time::from_millis(*at)) {
                    held.release(due, &mut out);
                    given.resize(out.len(), due);
                }
                let history = *stamp < opened[*source as usize];
                held.take(Arrived { history, ..arrived(id, *source, *stamp, *at) }, Span::ZERO);
            }
            while let Some(due) = held.next_due() {
                held.release(due, &mut out);
                given.resize(out.len(), due);
            }
            prop_assert_eq!(out.len(), coming.len());
            for (placed, given) in out.iter().zip(&given) {
                let (at, ..) = coming[usize::try_from(placed.record.id.0).unwrap()];
                prop_assert!(*given <= Time::from_millis(at) + span);
            }
            for source in 0..4 {
                let own: Vec<_> = out.iter().filter(|placed| placed.record.source.n == source).collect();
                prop_assert!(own.is_sorted_by_key(|placed| placed.record.id));
            }
            prop_assert!(out.iter().all(|placed| !(placed.late && placed.history)));
            let live: Vec<_> = out.iter().filter(|placed| !placed.late && !placed.history).collect();
            prop_assert!(backward || live.is_sorted_by_key(|placed| placed.record.time));
            if !wild {
                prop_assert!(out.is_sorted_by_key(|placed| placed.record.time));
                prop_assert!(out.iter().all(|placed| !placed.late));
            }
        }
    }
}
