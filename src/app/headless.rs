//! The same actors and the same engine without a screen: for pipelines.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::app::clock::Clock;
use crate::app::fan_in::FanIn;
use crate::app::fleet::{Fleet, Opening};
use crate::app::ingest::{self, Outlet};
use crate::logs::Snapshot;
use crate::logs::engine::{EngineConfig, Fresh};
use crate::logs::record::Record;
use crate::model::{Access, ClusterState, ContextId, Report, Span};
use crate::term::signals::{Signal, Signals};
use crate::workspace::msg::OpenedContext;

/// How many batches of records may wait to be printed; then the engine waits, and with it the readers.
const OUTLET: usize = 64;

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
}

/// Follows the logs of `opening` for `run_for` (for ever if none) and hands every record to `print` once.
pub async fn follow(
    opening: Opening,
    run_for: Option<Span>,
    clock: Clock,
    mut print: impl FnMut(&[Record], &Snapshot, &[OpenedContext]) -> io::Result<()>,
) -> Result<Outcome, Error> {
    let (outlet, mut records) = mpsc::channel(OUTLET);
    let mut run = Run::start(opening, run_for, clock, Some(outlet)).await?;
    let mut ended = None;
    while ended.is_none() {
        tokio::select! {
            end = run.end() => ended = Some(end),
            Some(batch) = records.recv() => ended = printed(print(&batch, &run.snapshots.borrow(), &run.contexts))?,
        }
    }
    // What is still on its way through the engine is printed too.
    run.stop.cancel();
    while let Some(batch) = records.recv().await {
        if ended != Some(Ended::OutputClosed) {
            ended = printed(print(&batch, &run.snapshots.borrow(), &run.contexts))?.or(ended);
        }
    }
    Ok(run.close(ended.unwrap_or(Ended::Done)).await)
}

/// Watches for `run_for`; the last snapshot has the findings.
pub async fn watch(opening: Opening, run_for: Span, clock: Clock) -> Result<Outcome, Error> {
    let mut run = Run::start(opening, Some(run_for), clock, None).await?;
    let ended = run.end().await;
    Ok(run.close(ended).await)
}

/// A closed pipe is an end, not an error: `kontrast logs | head`.
fn printed(result: io::Result<()>) -> Result<Option<Ended>, Error> {
    match result {
        Ok(()) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Some(Ended::OutputClosed)),
        Err(error) => Err(Error::Output(error)),
    }
}

struct Run {
    contexts: Vec<OpenedContext>,
    states: BTreeMap<ContextId, ClusterState>,
    namespaces: BTreeMap<(ContextId, Arc<str>), Access>,
    fleet: Fleet,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    engine: std::thread::JoinHandle<()>,
    signals: Signals,
    deadline: Option<Instant>,
    stop: CancellationToken,
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
        let (snapshots, engine) = ingest::start(engine, clock, stop.clone()).map_err(Error::Engine)?;
        let deadline = run_for.map(|span| Instant::now() + clock.until(clock.now() + span));
        Ok(Self {
            contexts,
            states: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            fleet,
            snapshots,
            engine,
            signals,
            deadline,
            stop,
        })
    }

    /// Waits for the end, meanwhile keeping what is reported of the clusters.
    async fn end(&mut self) -> Ended {
        let mut reports = Vec::new();
        loop {
            tokio::select! {
                signal = self.signals.next() => match signal {
                    Signal::Interrupt => return Ended::Interrupted,
                    Signal::Terminate => return Ended::Terminated,
                    // There is no terminal to give back: the next signal to look at.
                    Signal::Stop => drop(crate::term::signals::stop_self()),
                },
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
            Report::VersionLearned { .. }
            | Report::PodsListed { .. }
            | Report::PodApplied(_)
            | Report::PodDeleted(_)
            | Report::EventsListed { .. }
            | Report::EventApplied { .. }
            | Report::SourceOpened(_)
            | Report::StreamChanged { .. }
            | Report::SkewEstimated { .. }
            | Report::Limited { .. }
            | Report::LimitLifted { .. } => {}
        }
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
        }
    }
}
