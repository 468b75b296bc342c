//! What was told of a source: its state, and which interval of its log is being delivered. Tells only what is new.

use crate::cluster::outlet::Outlet;
use crate::model::{Gap, Ingest, Line, Report, Source, SourceId, StreamState, Time};

/// The telling of one source.
pub(super) struct Told {
    source: SourceId,
    outlet: Outlet,
    state: Option<StreamState>,
    covered: bool,
    /// When the delivery stopped, while a quick resume is tried without a word: most breaks are blinks, of which
    /// nothing remains when the resume goes on where the log ended.
    stopped_at: Option<Time>,
}

impl Told {
    pub(super) fn new(source: SourceId, outlet: Outlet) -> Self {
        Self {
            source,
            outlet,
            state: None,
            covered: false,
            stopped_at: None,
        }
    }

    pub(super) async fn opened(&self, source: Source) {
        self.outlet.report(Report::SourceOpened(source.clone())).await;
        self.outlet.ingest(Ingest::SourceOpened(source)).await;
    }

    /// Nothing was told of its state yet.
    pub(super) fn is_new(&self) -> bool {
        self.state.is_none()
    }

    pub(super) fn is_live(&self) -> bool {
        self.state == Some(StreamState::Live)
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

    pub(super) async fn lines(&self, lines: Vec<Line>) {
        if !lines.is_empty() {
            self.outlet
                .ingest(Ingest::Lines {
                    source: self.source,
                    lines,
                })
                .await;
        }
    }

    pub(super) async fn gap(&self, gap: Gap) {
        self.outlet
            .ingest(Ingest::GapFound {
                source: self.source,
                gap,
            })
            .await;
    }

    pub(super) async fn ended(&self, at: Time) {
        self.outlet
            .ingest(Ingest::SourceEnded {
                source: self.source,
                at,
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
    pub(super) async fn cover(&mut self, from: Time) {
        if let Some(at) = self.stopped_at.take()
            && self.covered
            && from > at
        {
            self.uncover(at).await;
        }
        if !std::mem::replace(&mut self.covered, true) {
            self.outlet
                .ingest(Ingest::CoverageBegan {
                    source: self.source,
                    from,
                })
                .await;
        }
    }

    /// Up to `at` every line was delivered.
    pub(super) async fn uncover(&mut self, at: Time) {
        self.stopped_at = None;
        if std::mem::replace(&mut self.covered, false) {
            self.outlet
                .ingest(Ingest::CoverageEnded {
                    source: self.source,
                    at,
                })
                .await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::ContextId;

    #[tokio::test]
    async fn a_blink_leaves_no_hole_and_a_loss_leaves_its_own() {
        let (outlet, _reports, mut ingests) = Outlet::new(Arc::new(|| Time::from_secs(0)));
        let source = SourceId {
            context: ContextId(0),
            n: 0,
        };
        let mut told = Told::new(source, outlet);
        let at = Time::from_secs;
        told.cover(at(1)).await;
        // A blink: the resume goes on from the last line.
        told.stopped(at(10));
        assert_eq!(told.stopped(at(12)), at(10));
        told.cover(at(9)).await;
        // Lines are missing from 20 on.
        told.stopped(at(20));
        told.cover(at(25)).await;
        told.uncover(at(30)).await;
        told.uncover(at(31)).await;
        drop(told);
        let mut found = Vec::new();
        while let Some(ingest) = ingests.recv().await {
            found.push(ingest);
        }
        let expected = [
            Ingest::CoverageBegan { source, from: at(1) },
            Ingest::CoverageEnded { source, at: at(20) },
            Ingest::CoverageBegan { source, from: at(25) },
            Ingest::CoverageEnded { source, at: at(30) },
        ];
        assert_eq!(found, expected);
    }
}
