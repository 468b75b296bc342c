//! The engine's own thread: batches in, snapshots out, at most one a frame.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::app::clock::Clock;
use crate::app::fan_in::FanIn;
use crate::contrast::Lens;
use crate::logs::Snapshot;
use crate::logs::engine::{Engine, EngineConfig};
use crate::logs::holdback::Arrived;
use crate::model::{ContextId, Ingest};

/// The shortest time between two snapshots: the screen shows no more than this anyway.
const FRAME: Duration = Duration::from_millis(16);

/// Where records go, each once, as soon as they are complete.
pub type Outlet = mpsc::Sender<Vec<Arrived>>;

/// What an engine works on.
pub struct Setup {
    pub config: EngineConfig,
    pub contexts: Vec<(ContextId, Arc<str>)>,
    pub inlets: FanIn<Ingest>,
    pub outlet: Option<Outlet>,
    /// Through what findings are made; it may change at any time.
    pub lens: watch::Receiver<Lens>,
}

/// Runs an engine on a thread of its own until `stop`, or until every sender is gone and all they sent is applied;
/// the last snapshot holds everything that was taken.
pub fn start(
    setup: Setup,
    clock: Clock,
    stop: CancellationToken,
) -> io::Result<(watch::Receiver<Arc<Snapshot>>, JoinHandle<()>)> {
    let mut engine = Engine::new(setup.config);
    engine.open_contexts(setup.contexts);
    let (publish, snapshots) = watch::channel(engine.snapshot(clock.now()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let worker = Worker {
        engine,
        clock,
        publish,
        outlet: setup.outlet,
    };
    let join = thread::Builder::new().name("engine".to_owned()).spawn(move || {
        runtime.block_on(worker.run(setup.inlets, setup.lens, stop));
    })?;
    Ok((snapshots, join))
}

struct Worker {
    engine: Engine,
    clock: Clock,
    publish: watch::Sender<Arc<Snapshot>>,
    outlet: Option<Outlet>,
}

impl Worker {
    async fn run(mut self, mut inlets: FanIn<Ingest>, mut lens: watch::Receiver<Lens>, stop: CancellationToken) {
        let mut batch = Vec::new();
        let mut next_frame = Instant::now();
        let mut unpublished = false;
        // Until nobody can choose another lens any more.
        let mut chooses = true;
        loop {
            let due = self.engine.next_due().map(|due| Instant::now() + self.clock.until(due));
            let wake = if unpublished {
                Some(due.map_or(next_frame, |due| due.min(next_frame)))
            } else {
                due
            };
            let open = tokio::select! {
                biased;
                () = stop.cancelled() => false,
                // A person waits for this one.
                changed = lens.changed(), if chooses => {
                    chooses = changed.is_ok();
                    self.engine.set_lens(*lens.borrow_and_update());
                    true
                }
                // Before the inlets: a flood must not keep waiting what is due.
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => true,
                open = inlets.receive(&mut batch) => open,
            };
            // What has arrived goes before what is due: a record must not be closed while its rest waits here.
            if open && batch.is_empty() {
                inlets.receive(&mut batch).now_or_never();
            }
            let now = self.clock.now();
            for message in batch.drain(..) {
                self.engine.apply(message, now);
            }
            if open {
                self.engine.tick(now);
            } else {
                self.engine.finish(now);
            }
            unpublished = true;
            if !open || Instant::now() >= next_frame {
                unpublished = false;
                next_frame = Instant::now() + FRAME;
                self.publish_changes();
                // After the snapshot and never without one: who prints a record looks up its source there.
                self.hand_out().await;
            }
            if !open {
                return;
            }
        }
    }

    async fn hand_out(&mut self) {
        let Some(outlet) = &self.outlet else { return };
        let fresh = self.engine.take_fresh();
        if !fresh.is_empty() && outlet.send(fresh).await.is_err() {
            self.outlet = None;
        }
    }

    fn publish_changes(&mut self) {
        let snapshot = self.engine.snapshot(self.clock.now());
        self.publish.send_if_modified(|published| {
            let changed = published.generation != snapshot.generation;
            *published = snapshot;
            changed
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Span;

    #[tokio::test]
    async fn findings_are_made_through_the_lens_that_was_chosen_last() {
        let (keep_open, inlet) = mpsc::channel(1);
        let lens = watch::Sender::default();
        let setup = Setup {
            config: EngineConfig::default(),
            contexts: vec![(ContextId(0), "dev".into())],
            inlets: FanIn::new(vec![inlet]),
            outlet: None,
            lens: lens.subscribe(),
        };
        let stop = CancellationToken::new();
        let (mut snapshots, engine) = start(setup, Clock::start(), stop.clone()).unwrap();
        assert_eq!(snapshots.borrow().lens, Lens::default());
        let wanted = Lens {
            window: Some(Span::from_secs(300)),
            ..Lens::default()
        };
        lens.send_replace(wanted);
        snapshots.wait_for(|snapshot| snapshot.lens == wanted).await.unwrap();
        // Nobody can choose any more: the last choice holds, and the engine goes on.
        drop(lens);
        let watched = Ingest::Watched {
            context: ContextId(0),
            namespace: None,
            at: crate::model::Time::from_secs(1),
            watched: true,
        };
        keep_open.send(watched).await.unwrap();
        drop(keep_open);
        while snapshots.changed().await.is_ok() {}
        assert_eq!(snapshots.borrow().lens, wanted);
        stop.cancel();
        engine.join().unwrap();
    }
}
