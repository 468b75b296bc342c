//! What was told of a source: its state, and which interval of its log is being delivered. Tells only what is new.
//! Lines for which there is no room are dropped, counted, and told as a gap.

use std::sync::Arc;

use crate::cluster::memory::{Budget, Memory};
use crate::cluster::outlet::{Outlet, Room};
use crate::model::{Gap, GapCause, Ingest, Line, Report, Source, SourceId, StreamState, Target, Time};

/// One source may hold this much of what all share, so that a flood leaves room for the others.
const MOST_OF_ONE: usize = 16 << 20;

/// The telling of one source.
pub(super) struct Told {
    source: SourceId,
    outlet: Outlet,
    state: Option<StreamState>,
    covered: bool,
    /// When the delivery stopped, while a quick resume is tried without a word: most breaks are blinks, of which
    /// nothing remains when the resume goes on where the log ended.
    stopped_at: Option<Time>,
    room: Room,
    dropped: Option<Dropped>,
}

/// Lines that nobody had room for.
#[derive(Clone, Copy, Debug)]
struct Dropped {
    from: Time,
    to: Time,
    lines: u64,
}

impl Told {
    pub(super) fn new(source: SourceId, outlet: Outlet, memory: &Memory) -> Self {
        Self {
            source,
            outlet,
            state: None,
            covered: false,
            stopped_at: None,
            room: Room {
                own: Arc::new(Budget::of(MOST_OF_ONE)),
                shared: Arc::clone(&memory.spool),
            },
            dropped: None,
        }
    }

    pub(super) async fn opened(&self, source: Source) {
        self.outlet.report(Report::SourceOpened(source.clone())).await;
        self.outlet.ingest(Ingest::SourceOpened(source));
    }

    /// Nothing was told of its state yet.
    pub(super) fn is_new(&self) -> bool {
        self.state.is_none()
    }

    pub(super) fn is_live(&self) -> bool {
        matches!(self.state, Some(StreamState::Live | StreamState::Quiet { .. }))
    }

    /// The server refuses to serve it.
    pub(super) fn is_denied(&self) -> bool {
        matches!(self.state, Some(StreamState::Denied { .. }))
    }

    /// It is known that nothing newer is there.
    pub(super) fn is_quiet(&self) -> bool {
        matches!(self.state, Some(StreamState::Quiet { .. }))
    }

    /// Every line is being delivered, as far as was told.
    pub(super) fn is_covered(&self) -> bool {
        self.covered
    }

    pub(super) async fn state(&mut self, state: StreamState) {
        if self.state.as_ref() == Some(&state) {
            return;
        }
        self.state = Some(state.clone());
        self.outlet
            .report(Report::StreamChanged {
                source: self.source,
                state,
            })
            .await;
    }

    /// Never waits: what nobody has room for is dropped and counted.
    pub(super) fn lines(&mut self, lines: Vec<Line>) {
        let (Some(first), Some(last)) = (lines.first(), lines.last()) else {
            return;
        };
        let (first, last) = (first.time, last.time);
        let ahead = self.outlet.skew.line(self.outlet.now(), last);
        self.outlet.skewed(self.source.context, ahead);
        let count = lines.len() as u64;
        let Some(charge) = self.room.charge(&lines) else {
            let dropped = self.dropped.get_or_insert(Dropped {
                from: first,
                to: last,
                lines: 0,
            });
            dropped.from = dropped.from.min(first);
            dropped.to = dropped.to.max(last);
            dropped.lines += count;
            return;
        };
        self.tell_dropped();
        let source = self.source;
        self.outlet.ingest_charged(Ingest::Lines { source, lines }, charge);
    }

    /// Lines were dropped, and it was not told yet.
    pub(super) fn is_dropping(&self) -> bool {
        self.dropped.is_some()
    }

    /// Tells what was dropped so far.
    pub(super) fn tell_dropped(&mut self) {
        let Some(Dropped { from, to, lines }) = self.dropped.take() else {
            return;
        };
        let covered = self.covered;
        self.uncover_now(from);
        self.send_gap(Gap {
            from,
            to,
            cause: GapCause::Dropped(lines),
        });
        if covered {
            self.cover_now(to);
        }
    }

    pub(super) fn gap(&mut self, gap: Gap) {
        self.tell_dropped();
        self.send_gap(gap);
    }

    fn send_gap(&self, gap: Gap) {
        let source = self.source;
        self.outlet.ingest(Ingest::GapFound { source, gap });
    }

    pub(super) fn ended(&mut self, at: Time) {
        self.tell_dropped();
        let source = self.source;
        self.outlet.ingest(Ingest::SourceEnded { source, at });
    }

    /// Lines may come twice: there was no memory to know better.
    pub(super) async fn repeats(&self, target: &Target) {
        self.outlet
            .report(Report::Limited {
                context: self.source.context,
                what: format!("log of {}/{}", target.pod.name, target.container).into(),
                cause: "it is faster than can be remembered; some lines may be shown twice".into(),
            })
            .await;
    }

    /// Whether it has yet to be found out from when on lines are being delivered.
    pub(super) fn is_unsettled(&self) -> bool {
        !self.covered || self.stopped_at.is_some()
    }

    /// The delivery stopped, perhaps for a blink. Gives back when it stopped first.
    pub(super) fn stopped(&mut self, at: Time) -> Time {
        *self.stopped_at.get_or_insert(at)
    }

    /// When the delivery stopped, if it did.
    pub(super) fn stopped_at(&self) -> Option<Time> {
        self.stopped_at
    }

    /// From `from` on every line is being delivered.
    pub(super) fn cover(&mut self, from: Time) {
        self.tell_dropped();
        if let Some(at) = self.stopped_at.take()
            && self.covered
            && from > at
        {
            self.uncover(at);
        }
        self.cover_now(from);
    }

    /// Up to `at` every line was delivered.
    pub(super) fn uncover(&mut self, at: Time) {
        self.tell_dropped();
        self.stopped_at = None;
        self.uncover_now(at);
    }

    fn cover_now(&mut self, from: Time) {
        if !std::mem::replace(&mut self.covered, true) {
            let source = self.source;
            self.outlet.ingest(Ingest::CoverageBegan { source, from });
        }
    }

    fn uncover_now(&mut self, at: Time) {
        if std::mem::replace(&mut self.covered, false) {
            let source = self.source;
            self.outlet.ingest(Ingest::CoverageEnded { source, at });
        }
    }
}

impl Drop for Told {
    /// The program is about to end, perhaps because nobody takes anything.
    fn drop(&mut self) {
        self.tell_dropped();
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::sync::mpsc;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::cluster::outlet::Spool;
    use crate::model::ContextId;

    const SOURCE: SourceId = SourceId {
        context: ContextId(0),
        n: 0,
    };

    fn telling(memory: &Memory) -> (Told, Spool, mpsc::Receiver<Ingest>) {
        let (outlet, ends) = Outlet::new(Arc::new(|| Time::from_secs(0)));
        (Told::new(SOURCE, outlet, memory), ends.spool, ends.ingests)
    }

    async fn heard(spool: Spool, mut ingests: mpsc::Receiver<Ingest>) -> Vec<Ingest> {
        let mut heard = Vec::new();
        let listening = async {
            while let Some(ingest) = ingests.recv().await {
                heard.push(ingest);
            }
        };
        tokio::join!(spool.run(CancellationToken::new()), listening);
        heard
    }

    #[tokio::test]
    async fn a_blink_leaves_no_hole_and_a_loss_leaves_its_own() {
        let (mut told, spool, ingests) = telling(&Memory::default());
        let at = Time::from_secs;
        told.cover(at(1));
        // A blink: the resume goes on from the last line.
        told.stopped(at(10));
        assert_eq!(told.stopped(at(12)), at(10));
        told.cover(at(9));
        // Lines are missing from 20 on.
        told.stopped(at(20));
        told.cover(at(25));
        told.uncover(at(30));
        told.uncover(at(31));
        drop(told);
        let source = SOURCE;
        let expected = [
            Ingest::CoverageBegan { source, from: at(1) },
            Ingest::CoverageEnded { source, at: at(20) },
            Ingest::CoverageBegan { source, from: at(25) },
            Ingest::CoverageEnded { source, at: at(30) },
        ];
        assert_eq!(heard(spool, ingests).await, expected);
    }

    fn line(n: i64) -> Line {
        Line {
            time: Time::from_millis(n),
            bytes: Bytes::from(vec![b'x'; 1000]),
        }
    }

    /// Nobody takes anything for a while: each line is there afterwards, or lies in a gap that counts it.
    #[tokio::test]
    async fn a_stalled_consumer_loses_nothing_silently() {
        let memory = Memory::default();
        let (mut told, spool, ingests) = telling(&memory);
        told.cover(Time::from_secs(0));
        for n in 0..30_000 {
            told.lines(vec![line(n)]);
            assert!(memory.spool.used() <= MOST_OF_ONE);
        }
        assert!(told.is_dropping());
        told.ended(Time::from_secs(30));
        drop(told);
        let heard = heard(spool, ingests).await;
        assert_eq!(memory.spool.used(), 0);
        let mut came = Vec::new();
        let mut counted = 0;
        let mut holes = Vec::new();
        for ingest in &heard {
            match ingest {
                Ingest::Lines { lines, .. } => came.extend(lines.iter().map(|line| line.time)),
                Ingest::GapFound { gap, .. } => {
                    let GapCause::Dropped(lines) = gap.cause else {
                        panic!("{gap:?}")
                    };
                    counted += lines;
                    holes.push((gap.from, gap.to));
                }
                _ => {}
            }
        }
        assert_eq!(came.len() as u64 + counted, 30_000);
        assert!(counted > 10_000 && came.len() > 10_000, "{counted} dropped");
        assert_eq!(holes.len(), 1);
        let (from, to) = holes[0];
        assert!(came.iter().all(|time| *time < from) && to == Time::from_millis(29_999));
        let source = SOURCE;
        assert!(heard.contains(&Ingest::CoverageEnded { source, at: from }));
        assert!(heard.contains(&Ingest::CoverageBegan { source, from: to }));
    }

    #[tokio::test]
    async fn a_flood_leaves_room_for_the_others_and_room_comes_back() {
        let memory = Memory::default();
        let (mut flood, spool, ingests) = telling(&memory);
        let (mut other, other_spool, other_ingests) = telling(&memory);
        for n in 0..30_000 {
            flood.lines(vec![line(n)]);
        }
        other.lines(vec![line(0)]);
        assert!(flood.is_dropping() && !other.is_dropping());
        drop((spool, ingests));
        flood.lines(vec![line(30_000)]);
        assert!(!flood.is_dropping(), "what was not taken is given back with its owner");
        drop((other_spool, other_ingests));
        assert_eq!(memory.spool.used(), 0);
    }

    #[tokio::test]
    async fn what_was_dropped_before_the_end_is_told_at_the_end() {
        let memory = Memory::default();
        let (mut told, spool, ingests) = telling(&memory);
        for n in 0..30_000 {
            told.lines(vec![line(n)]);
        }
        assert!(told.is_dropping());
        drop(told);
        let heard = heard(spool, ingests).await;
        assert!(
            matches!(heard.last(), Some(Ingest::GapFound { .. })),
            "{:?}",
            heard.last()
        );
    }
}
