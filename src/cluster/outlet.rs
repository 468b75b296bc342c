//! Where the tasks of one context send what they learn. News for the loop go over a bounded channel. What the engine
//! has to hear lies in a spool until it takes it, so that a slow engine never slows the reading of a socket: a kubelet
//! that is not read fast enough loses lines without a word. The lines in the spool are charged to a budget until the
//! engine has taken them. While lines come fast they go on together, so that the engine is woken once for many.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::memory::Budget;
use super::skew::{Skew, correction};
use crate::model::{ContextId, Ingest, Line, Report, Span, Time};

/// The wall clock, as it is handed in.
pub type Now = Arc<dyn Fn() -> Time + Send + Sync>;

/// News wait here for the loop.
const REPORTS: usize = 1024;
/// Batches on the last step to the engine; all others wait in the spool.
const INGESTS: usize = 256;
/// What is taken out of the spool at once.
const TAKEN: usize = 256;
/// Batches of one source that lie behind each other go as one of at most so many lines, and so much that was charged:
/// what is on the last step is charged to nobody.
const TOGETHER: usize = 1024;
const TOGETHER_CHARGED: usize = 1 << 20;
/// How long what was told may wait for more. Readings of sockets are that far apart.
const PAUSE: Duration = Duration::from_millis(4);
/// Tellings that follow each other within this are a flow; others are not held up.
const FLOW: Duration = Duration::from_millis(12);
/// When it is looked after whether the engine has taken what was sent last.
const LANDING: Duration = Duration::from_millis(50);

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
        let mut told = Vec::new();
        let mut flying = Flying::default();
        let mut passed_at: Option<Instant> = None;
        while self.receive(&mut told, &mut flying).await > 0 {
            let little = told.len() < TAKEN;
            let mut taken = told.drain(..).peekable();
            while let Some(mut held) = taken.next() {
                let mut cost = held.charged();
                let mut charges = Charges {
                    _first: held.charge.take(),
                    more: Vec::new(),
                };
                while let Some(next) = taken
                    .next_if(|next| cost + next.charged() <= TOGETHER_CHARGED && together(&held.ingest, &next.ingest))
                {
                    cost += next.charged();
                    charges.more.extend(next.charge);
                    append(&mut held.ingest, next.ingest);
                }
                if !self.pass(held.ingest, &stop).await {
                    return;
                }
                flying.sent(charges);
                flying.landed(&self.engine);
            }
            let now = Instant::now();
            if little && passed_at.is_some_and(|at| now.saturating_duration_since(at) < FLOW) {
                // Nobody has to be waited for when all is over.
                tokio::select! {
                    () = sleep(PAUSE) => {}
                    () = stop.cancelled() => {}
                }
            }
            passed_at = Some(Instant::now());
        }
    }

    /// Waits for what is told next; meanwhile what the engine has taken is no longer charged.
    async fn receive(&mut self, told: &mut Vec<Held>, flying: &mut Flying) -> usize {
        loop {
            if flying.is_empty() {
                return self.held.recv_many(told, TAKEN).await;
            }
            if let Ok(received) = timeout(LANDING, self.held.recv_many(told, TAKEN)).await {
                return received;
            }
            flying.landed(&self.engine);
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

/// What the batches on the last step to the engine take of memory, in their order.
#[derive(Default)]
struct Flying(VecDeque<Charges>);

/// Those of one batch.
struct Charges {
    _first: Option<Charge>,
    more: Vec<Charge>,
}

impl Flying {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn sent(&mut self, charges: Charges) {
        self.0.push_back(charges);
    }

    /// Gives back the memory of what the engine has taken.
    fn landed(&mut self, engine: &mpsc::Sender<Ingest>) {
        let still = if engine.is_closed() {
            0
        } else {
            engine.max_capacity() - engine.capacity()
        };
        self.0.drain(..self.0.len().saturating_sub(still));
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
