//! The same actors and the same engine without a screen: for pipelines.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::app::clock::Clock;
use crate::app::fan_in::FanIn;
use crate::app::fleet::{Fleet, Opening};
use crate::app::ingest::{self, Outlet};
use crate::app::printer::{self, Batch, End, Printed, Printer};
use crate::logs::Snapshot;
use crate::logs::engine::{EngineConfig, Fresh};
use crate::logs::holdback::{Arrived, HoldBack, Placed};
use crate::model::{Access, ClusterState, ContextId, Report, SourceId, Span, StreamState, Target};
use crate::term::signals::{Signal, Signals};
use crate::workspace::msg::OpenedContext;

/// How many batches of records may wait to be put in order; then the engine waits. The readers do not: what it does not
/// take fills their spool, and what finds no room there is dropped and told as a gap.
const OUTLET: usize = 8;

/// How long after ctrl-c the output may take what is left.
const GRACE: Duration = Duration::from_secs(2);

/// From here on a clock is wrong enough to decide nothing about the order: below it the estimate may be, too.
const WRONG: Span = Span::from_secs(1);

/// What is to be followed, and how.
#[derive(Debug)]
pub struct Asked {
    pub opening: Opening,
    /// For ever if none.
    pub run_for: Option<Span>,
    /// How long a record waits for earlier ones, once it may be complete.
    pub hold_back: Span,
}

/// Why a run without a screen ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The time that was asked for is over.
    Done,
    /// Whoever reads the output has gone.
    OutputClosed,
    Interrupted,
    Terminated,
}

/// Why it could not be run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Opening(String),
    #[error("start the engine: {0}")]
    Engine(io::Error),
    #[error("listen for signals: {0}")]
    Signals(io::Error),
    #[error("start the printing: {0}")]
    Printer(io::Error),
    #[error("write the output: {0}")]
    Output(io::Error),
}

/// What was learned by the end of a run.
#[derive(Debug)]
pub struct Outcome {
    pub ended: Ended,
    pub contexts: Vec<OpenedContext>,
    pub snapshot: Arc<Snapshot>,
    /// Contexts that were not live at the end, with what is known of why.
    pub unwatched: Vec<(ContextId, ClusterState)>,
    /// Namespaces of the others of which the pods could not be seen at the end.
    pub unseen: Vec<(ContextId, Arc<str>, Access)>,
    /// The containers that were being followed at the end, or should have been.
    pub streams: Vec<(Target, StreamState)>,
    /// What was limited at the end: what, and why.
    pub limits: BTreeMap<(ContextId, Arc<str>), Arc<str>>,
    /// How far the clocks of clusters are ahead of ours, where that is much.
    pub skews: BTreeMap<ContextId, Span>,
    pub printed: Printed,
    /// Nobody took from the output what was left to print.
    pub unwritten: bool,
}

/// Follows the logs that were asked for and hands every record to `print` once, in the order of time; see
/// `logs::holdback`. `print` may take its time.
pub async fn follow(
    asked: Asked,
    clock: Clock,
    print: impl FnMut(&Batch) -> io::Result<()> + Send + 'static,
) -> Result<Outcome, Error> {
    let (outlet, records) = mpsc::channel(OUTLET);
    let Printer { batches, mut end } = printer::start(print).map_err(Error::Printer)?;
    let mut run = Run::start(asked.opening, asked.run_for, clock, Some(outlet)).await?;
    let mut merge = Merge {
        held: HoldBack::of_finished(asked.hold_back),
        ready: Vec::new(),
        records,
        open: true,
        batches,
        contexts: run.contexts.clone().into(),
        snapshots: run.snapshots.clone(),
        skews: run.skews.subscribe(),
        clock,
    };
    let (mut ended, mut printing) = loop {
        tokio::select! {
            ended = run.end() => break (ended, None),
            printing = &mut end => break (Ended::OutputClosed, Some(printing)),
            _ = merge.step() => {}
        }
    };
    run.stop.cancel();
    if printing.is_none() {
        // What is still on its way through the engine, or held back, is printed too.
        tokio::select! {
            last = merge.finish(end) => printing = Some(last),
            gone = given_up(&mut run.signals, ended) => {
                ended = gone;
                run.halt.cancel();
            }
        }
    } else {
        drop(merge);
    }
    let (printed, unwritten) = match printing {
        Some(Ok((printed, End::Done))) => (printed, false),
        Some(Ok((printed, End::Closed))) => {
            ended = Ended::OutputClosed;
            (printed, false)
        }
        Some(Ok((_, End::Failed(error)))) => return Err(Error::Output(error)),
        Some(Err(_)) => return Err(Error::Output(io::Error::other("an internal error"))),
        None => (Printed::default(), true),
    };
    let outcome = run.close(ended).await;
    Ok(Outcome {
        printed,
        unwritten,
        ..outcome
    })
}

/// The end of waiting for somebody who does not read the output.
async fn given_up(signals: &mut Signals, ended: Ended) -> Ended {
    match ended {
        Ended::Interrupted | Ended::Terminated => {
            sleep(GRACE).await;
            ended
        }
        Ended::Done | Ended::OutputClosed => signalled(signals).await,
    }
}

/// Waits for a signal that asks to end.
async fn signalled(signals: &mut Signals) -> Ended {
    loop {
        match signals.next().await {
            Signal::Interrupt => return Ended::Interrupted,
            Signal::Terminate => return Ended::Terminated,
            // There is no terminal to give back: the next signal to look at.
            Signal::Stop => drop(crate::term::signals::stop_self()),
        }
    }
}

/// The records of all sources on their way to the printer.
struct Merge {
    held: HoldBack,
    /// In their order. They go when the printer has room; until then nothing more is taken.
    ready: Vec<Placed>,
    records: mpsc::Receiver<Vec<Arrived>>,
    /// More may come.
    open: bool,
    batches: mpsc::Sender<Batch>,
    contexts: Arc<[OpenedContext]>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    skews: watch::Receiver<Skews>,
    clock: Clock,
}

impl Merge {
    /// One step further; false if there is none. May be dropped while it waits without losing a record.
    async fn step(&mut self) -> bool {
        if !self.ready.is_empty() {
            self.send().await;
            return true;
        }
        if !self.open {
            self.held.flush(&mut self.ready);
            return !self.ready.is_empty();
        }
        let due = self.held.next_due().map(|due| Instant::now() + self.clock.until(due));
        tokio::select! {
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
            batch = self.records.recv() => match batch {
                Some(batch) => self.take(batch),
                None => self.open = false,
            }
        }
        self.held.release(self.clock.now(), &mut self.ready);
        true
    }

    fn take(&mut self, batch: Vec<Arrived>) {
        if self.skews.has_changed().unwrap_or(false) {
            self.held.clocks_changed();
        }
        let skews = self.skews.borrow_and_update();
        for arrived in batch {
            let ahead = skews.get(&arrived.record.source.context).copied();
            self.held.take(arrived, ahead.unwrap_or_default());
        }
    }

    async fn send(&mut self) {
        match self.batches.reserve().await {
            Ok(room) => room.send(Batch {
                records: std::mem::take(&mut self.ready),
                sources: Arc::clone(&self.snapshots.borrow().sources),
                contexts: Arc::clone(&self.contexts),
            }),
            // How it ended is told elsewhere.
            Err(_) => std::future::pending().await,
        }
    }

    async fn finish(mut self, end: oneshot::Receiver<(Printed, End)>) -> Printing {
        while !self.batches.is_closed() && self.step().await {}
        drop(self);
        end.await
    }
}

/// How the printing ended, unless its thread has failed.
type Printing = Result<(Printed, End), oneshot::error::RecvError>;

/// How far the clocks of clusters are ahead of ours, where it is known to be much.
type Skews = BTreeMap<ContextId, Span>;

/// Watches for `run_for`; the last snapshot has the findings.
pub async fn watch(opening: Opening, run_for: Span, clock: Clock) -> Result<Outcome, Error> {
    let mut run = Run::start(opening, Some(run_for), clock, None).await?;
    let ended = run.end().await;
    if ended != Ended::Done {
        run.halt.cancel();
    }
    Ok(run.close(ended).await)
}

struct Run {
    contexts: Vec<OpenedContext>,
    states: BTreeMap<ContextId, ClusterState>,
    namespaces: BTreeMap<(ContextId, Arc<str>), Access>,
    streams: BTreeMap<SourceId, Stream>,
    limits: BTreeMap<(ContextId, Arc<str>), Arc<str>>,
    skews: watch::Sender<Skews>,
    fleet: Fleet,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    engine: std::thread::JoinHandle<()>,
    signals: Signals,
    deadline: Option<Instant>,
    /// Nothing more is read; what was read goes on to the engine.
    stop: CancellationToken,
    /// Nor does the engine take anything more.
    halt: CancellationToken,
}

/// A container that is followed, or should be.
struct Stream {
    target: Target,
    state: StreamState,
}

impl Run {
    async fn start(
        opening: Opening,
        run_for: Option<Span>,
        clock: Clock,
        outlet: Option<Outlet>,
    ) -> Result<Self, Error> {
        let signals = Signals::listen().map_err(Error::Signals)?;
        let contexts = opening.contexts();
        let aliases = opening.aliases();
        let stop = CancellationToken::new();
        let mut fleet = opening.open(clock, &stop).await.map_err(Error::Opening)?;
        let config = EngineConfig {
            fresh: if outlet.is_some() { Fresh::Kept } else { Fresh::NotKept },
            aliases,
            ..EngineConfig::default()
        };
        let engine = ingest::Setup {
            config,
            contexts: contexts
                .iter()
                .map(|context| (context.id, Arc::clone(&context.name)))
                .collect(),
            inlets: FanIn::new(std::mem::take(&mut fleet.ingests)),
            outlet,
            // Nobody is there to choose.
            lens: watch::Sender::default().subscribe(),
        };
        let halt = CancellationToken::new();
        let (snapshots, engine) = ingest::start(engine, clock, halt.clone()).map_err(Error::Engine)?;
        let deadline = run_for.map(|span| Instant::now() + clock.until(clock.now() + span));
        Ok(Self {
            contexts,
            states: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            streams: BTreeMap::new(),
            limits: BTreeMap::new(),
            skews: watch::Sender::default(),
            fleet,
            snapshots,
            engine,
            signals,
            deadline,
            stop,
            halt,
        })
    }

    /// Waits for the end, meanwhile keeping what is reported of the clusters.
    async fn end(&mut self) -> Ended {
        let mut reports = Vec::new();
        loop {
            tokio::select! {
                ended = signalled(&mut self.signals) => return ended,
                true = self.fleet.reports.receive(&mut reports) => {
                    for report in reports.drain(..) {
                        self.learn(report);
                    }
                }
                () = sleep_until(self.deadline.unwrap_or_else(Instant::now)), if self.deadline.is_some() => {
                    return Ended::Done;
                }
            }
        }
    }

    fn learn(&mut self, report: Report) {
        match report {
            Report::StateChanged { context, state } => drop(self.states.insert(context, state)),
            Report::NamespaceChanged {
                context,
                namespace,
                access,
            } => drop(self.namespaces.insert((context, namespace), access)),
            Report::SourceOpened(source) => {
                let (target, state) = (source.target, StreamState::Opening);
                self.streams.insert(source.id, Stream { target, state });
            }
            Report::StreamChanged { source, state } => self.stream_changed(source, state),
            Report::Limited { context, what, cause } => drop(self.limits.insert((context, what), cause)),
            Report::LimitLifted { context, what } => drop(self.limits.remove(&(context, what))),
            Report::SkewEstimated { context, ahead } => self.skew_estimated(context, ahead),
            Report::VersionLearned { .. }
            | Report::PodsListed { .. }
            | Report::PodApplied(_)
            | Report::PodDeleted(_)
            | Report::EventsListed { .. }
            | Report::EventApplied { .. } => {}
        }
    }

    /// What was read to its end is not of interest any more.
    fn stream_changed(&mut self, source: SourceId, state: StreamState) {
        if matches!(state, StreamState::Ended | StreamState::Gone) {
            self.streams.remove(&source);
        } else if let Some(stream) = self.streams.get_mut(&source) {
            stream.state = state;
        }
    }

    fn skew_estimated(&self, context: ContextId, ahead: Option<Span>) {
        let wrong = ahead.filter(|ahead| ahead.nanos().saturating_abs() >= WRONG.nanos());
        self.skews.send_modify(|skews| match wrong {
            Some(ahead) => drop(skews.insert(context, ahead)),
            None => drop(skews.remove(&context)),
        });
    }

    async fn close(self, ended: Ended) -> Outcome {
        let unwatched: Vec<_> = self
            .contexts
            .iter()
            .filter_map(|context| self.states.get(&context.id).map(|state| (context.id, state.clone())))
            .filter(|(_, state)| !state.is_live())
            .collect();
        let unseen = self
            .namespaces
            .into_iter()
            .filter(|(_, access)| *access != Access::Open)
            .filter(|((context, _), _)| unwatched.iter().all(|(unwatched, _)| unwatched != context))
            .map(|((context, namespace), access)| (context, namespace, access))
            .collect();
        self.stop.cancel();
        let engine = self.engine;
        // A panic of the engine has printed itself; what it published last is what there is.
        drop(tokio::task::spawn_blocking(move || engine.join()).await);
        self.fleet.close().await;
        let snapshot = Arc::clone(&self.snapshots.borrow());
        Outcome {
            ended,
            contexts: self.contexts,
            snapshot,
            unwatched,
            unseen,
            streams: self
                .streams
                .into_values()
                .map(|stream| (stream.target, stream.state))
                .collect(),
            limits: self.limits,
            skews: self.skews.borrow().clone(),
            printed: Printed::default(),
            unwritten: false,
        }
    }
}
