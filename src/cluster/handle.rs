//! What the rest of the program holds of a context: its news, and the few things that can be asked of it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::actor::{Actor, Opened, Request};
use super::exec::{ExecEvent, ExecInput, Session};
use super::kubeconfig::Offer;
use super::outlet::{Now, Outlet};
use super::query::Watching;
use crate::model::{ClusterState, ContextId, ExecRequest, Ingest, Report};

/// Keys and pastes wait here for the network.
const KEYS: usize = 256;
/// Frames of output wait here for the screen; a full channel makes the server wait.
const OUTPUT: usize = 64;

/// An open context. Dropping it ends it.
#[derive(Debug)]
pub struct Handle {
    pub reports: mpsc::Receiver<Report>,
    pub ingests: mpsc::Receiver<Ingest>,
    controls: Controls,
}

/// The asking half of a handle, once its news have gone to their readers.
#[derive(Debug)]
pub struct Controls {
    requests: mpsc::UnboundedSender<Request>,
    stop: CancellationToken,
    root: JoinSet<()>,
}

/// Opens a context: starts its actor on the current runtime and returns at once.
#[expect(
    clippy::needless_pass_by_value,
    reason = "whoever opens hands its token over, as a task gets it"
)]
pub fn open(context: ContextId, offer: Offer, watching: Arc<Watching>, now: Now, stop: CancellationToken) -> Handle {
    let (outlet, ends) = Outlet::new(now);
    let (requests, asked) = mpsc::unbounded_channel();
    let stop = stop.child_token();
    let actor = Actor::new(Opened {
        context,
        offer,
        watching,
        outlet: outlet.clone(),
        requests: asked,
    });
    let mut root = JoinSet::new();
    root.spawn(live(actor, context, outlet, stop.clone()));
    // Not with `stop`: what was read before is passed on as long as somebody takes it.
    root.spawn(ends.spool.run(CancellationToken::new()));
    Handle {
        reports: ends.reports,
        ingests: ends.ingests,
        controls: Controls { requests, stop, root },
    }
}

async fn live(mut actor: Actor, context: ContextId, outlet: Outlet, stop: CancellationToken) {
    let panicked = tokio::select! {
        () = stop.cancelled() => false,
        ended = AssertUnwindSafe(actor.run()).catch_unwind() => ended.is_err(),
    };
    actor.shut_down().await;
    if panicked {
        let state = ClusterState::Broken {
            since: outlet.now(),
            cause: "an internal error".into(),
        };
        outlet.report(Report::StateChanged { context, state }).await;
    }
}

impl Handle {
    /// Tries at once whatever waits to be tried, with new credentials where they are missing.
    pub fn retry(&self) {
        self.controls.retry();
    }

    /// As `Controls::allow`.
    pub fn allow(&self, fingerprint: Arc<str>) {
        self.controls.allow(fingerprint);
    }

    /// As `Controls::login`.
    pub fn login(&self) -> oneshot::Receiver<Result<(), Arc<str>>> {
        self.controls.login()
    }

    /// Starts a command. Dropping the sender ends the session.
    pub fn exec(&self, request: ExecRequest) -> (mpsc::Sender<ExecInput>, mpsc::Receiver<ExecEvent>) {
        self.controls.exec(request)
    }

    /// Ends the context and waits until all of its tasks have ended.
    pub async fn closed(self) {
        let (reports, ingests, controls) = self.split();
        drop((reports, ingests));
        controls.closed().await;
    }

    /// The news for their readers, and what remains to be asked.
    pub fn split(self) -> (mpsc::Receiver<Report>, mpsc::Receiver<Ingest>, Controls) {
        (self.reports, self.ingests, self.controls)
    }
}

impl Controls {
    /// As `Handle::retry`.
    pub fn retry(&self) {
        // An actor that has ended has nothing to try.
        drop(self.requests.send(Request::Retry));
    }

    /// Lets the plugin of this fingerprint run in this context, now and until the end.
    pub fn allow(&self, fingerprint: Arc<str>) {
        // An actor that has ended runs nothing.
        drop(self.requests.send(Request::Allow(fingerprint)));
    }

    /// Runs the credential plugin with the terminal, which has to be free for it, and tells when it has ended and the
    /// terminal is free again. Dropping the answer ends the plugin.
    pub fn login(&self) -> oneshot::Receiver<Result<(), Arc<str>>> {
        let (done, answer) = oneshot::channel();
        // An actor that has ended drops the sender, which whoever waits for the answer sees.
        drop(self.requests.send(Request::Login(done)));
        answer
    }

    /// As `Handle::exec`.
    pub fn exec(&self, request: ExecRequest) -> (mpsc::Sender<ExecInput>, mpsc::Receiver<ExecEvent>) {
        let (input, keys) = mpsc::channel(KEYS);
        let (events, output) = mpsc::channel(OUTPUT);
        let session = Session {
            request,
            input: keys,
            events,
        };
        // An actor that has ended drops the session, which its owner sees as the end of the channel.
        drop(self.requests.send(Request::Exec(session)));
        (input, output)
    }

    /// As `Handle::closed`. Whoever holds the receiving ends has to read on or to drop them.
    pub async fn closed(mut self) {
        self.stop.cancel();
        while self.root.join_next().await.is_some() {}
    }
}
