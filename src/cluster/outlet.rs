//! Where the tasks of one context send what they learn. News for the loop go over a bounded channel. What the engine
//! has to hear lies in a spool until it takes it, so that a slow engine never slows the reading of a socket: a kubelet
//! that is not read fast enough loses lines without a word. The lines in the spool are charged to a budget.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::memory::Budget;
use super::skew::{Skew, correction};
use crate::model::{ContextId, Ingest, Line, Report, Span, Time};

/// The wall clock, as it is handed in.
pub type Now = Arc<dyn Fn() -> Time + Send + Sync>;

/// News wait here for the loop.
const REPORTS: usize = 1024;
/// Batches on the last step to the engine; all others wait in the spool.
const INGESTS: usize = 16;
/// What is taken out of the spool at once.
const TAKEN: usize = 256;
/// Batches of one source that lie behind each other go as one of at most so many lines, and so much that was charged:
/// what is on the last step is charged to nobody.
const TOGETHER: usize = 1024;
const TOGETHER_CHARGED: usize = 1 << 20;

/// The sending ends.
#[derive(Clone)]
pub(super) struct Outlet {
    reports: mpsc::Sender<Report>,
    ingests: mpsc::UnboundedSender<Held>,
    pub(super) now: Now,
    pub(super) skew: Arc<Skew>,
}

/// The receiving ends.
pub(super) struct Ends {
    pub(super) reports: mpsc::Receiver<Report>,
    pub(super) ingests: mpsc::Receiver<Ingest>,
    pub(super) spool: Spool,
}

/// What the engine has not taken yet, in the order in which it was told.
pub(super) struct Spool {
    held: mpsc::UnboundedReceiver<Held>,
    engine: mpsc::Sender<Ingest>,
}

struct Held {
    ingest: Ingest,
    charge: Option<Charge>,
}

impl Held {
    fn charged(&self) -> usize {
        self.charge.as_ref().map_or(0, |charge| charge.bytes)
    }
}

/// Whose memory the lines of a source take.
#[derive(Clone, Debug)]
pub(super) struct Room {
    pub(super) own: Arc<Budget>,
    pub(super) shared: Arc<Budget>,
}

/// Memory taken; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Charge {
    room: Room,
    bytes: usize,
}

impl Room {
    /// Room for these lines, if there is any.
    pub(super) fn charge(&self, lines: &[Line]) -> Option<Charge> {
        let bytes = lines.iter().map(cost).sum();
        if !self.own.try_take(bytes) {
            return None;
        }
        if !self.shared.try_take(bytes) {
            self.own.give_back(bytes);
            return None;
        }
        Some(Charge {
            room: self.clone(),
            bytes,
        })
    }
}

/// The line, its place in a batch, and its stamp in the buffer that it is a part of.
fn cost(line: &Line) -> usize {
    line.bytes.len() + size_of::<Line>() + 40
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.room.own.give_back(self.bytes);
        self.room.shared.give_back(self.bytes);
    }
}

impl Outlet {
    pub(super) fn new(now: Now) -> (Self, Ends) {
        let (to_reports, reports) = mpsc::channel(REPORTS);
        let (to_spool, held) = mpsc::unbounded_channel();
        let (engine, ingests) = mpsc::channel(INGESTS);
        let outlet = Self {
            reports: to_reports,
            ingests: to_spool,
            now,
            skew: Arc::default(),
        };
        let spool = Spool { held, engine };
        (
            outlet,
            Ends {
                reports,
                ingests,
                spool,
            },
        )
    }

    /// Nobody to hear it is not an error: the program is about to end.
    pub(super) async fn report(&self, report: Report) {
        drop(self.reports.send(report).await);
    }

    /// Something small that has to be told, whatever waits.
    pub(super) fn ingest(&self, ingest: Ingest) {
        drop(self.ingests.send(Held { ingest, charge: None }));
    }

    pub(super) fn ingest_charged(&self, ingest: Ingest, charge: Charge) {
        let charge = Some(charge);
        drop(self.ingests.send(Held { ingest, charge }));
    }

    pub(super) fn now(&self) -> Time {
        (self.now)()
    }

    /// What was just learned of the clocks of the context, if it is worth telling. A screen that is behind hears the
    /// next one.
    pub(super) fn skewed(&self, context: ContextId, ahead: Option<Span>) {
        if let Some(ahead) = ahead {
            let by = correction(ahead);
            self.ingest(Ingest::ClockEstimated { context, ahead: by });
            let ahead = Some(ahead);
            drop(self.reports.try_send(Report::SkewEstimated { context, ahead }));
        }
    }
}

impl Spool {
    /// Passes on what is told until nobody tells anything any more. Once `stop` is given it waits for nobody.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut taken = Vec::new();
        while self.held.recv_many(&mut taken, TAKEN).await > 0 {
            let mut taken = taken.drain(..).peekable();
            while let Some(mut held) = taken.next() {
                let mut cost = held.charged();
                let mut charges = vec![held.charge.take()];
                while let Some(next) = taken
                    .next_if(|next| cost + next.charged() <= TOGETHER_CHARGED && together(&held.ingest, &next.ingest))
                {
                    cost += next.charged();
                    charges.push(next.charge);
                    append(&mut held.ingest, next.ingest);
                }
                if !self.pass(held.ingest, &stop).await {
                    return;
                }
                drop(charges);
            }
        }
    }

    /// Whether there is anybody left to take more.
    async fn pass(&self, ingest: Ingest, stop: &CancellationToken) -> bool {
        tokio::select! {
            biased;
            place = self.engine.reserve() => match place {
                Ok(place) => {
                    place.send(ingest);
                    true
                }
                Err(_) => false,
            },
            () = stop.cancelled() => false,
        }
    }
}

fn together(one: &Ingest, next: &Ingest) -> bool {
    match (one, next) {
        (
            Ingest::Lines { source, lines },
            Ingest::Lines {
                source: of,
                lines: more,
            },
        ) => source == of && lines.len() + more.len() <= TOGETHER,
        _ => false,
    }
}

fn append(one: &mut Ingest, next: Ingest) {
    if let (Ingest::Lines { lines, .. }, Ingest::Lines { lines: mut more, .. }) = (one, next) {
        lines.append(&mut more);
    }
}
