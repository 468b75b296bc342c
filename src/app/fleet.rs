//! All contexts that were opened, as one thing: their actors, and the embedded clusters if those are what is watched.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::app::clock::Clock;
use crate::app::fan_in::FanIn;
use crate::cluster::{self, Contexts, Controls, ExecEvent, ExecInput, Namespaces, Offer, Watching};
use crate::contrast::Aliases;
use crate::demo::{Demo, Scenario};
use crate::files::private;
use crate::model::{ContextId, ExecRequest, Ingest, Report};
use crate::workspace::msg::OpenedContext;

/// What is to be opened. Nothing is connected, and no server runs, before `open`.
#[derive(Debug)]
pub struct Opening {
    what: What,
    watching: Watching,
    /// Workloads that are compared as if they had one name.
    aliases: Aliases,
}

#[derive(Debug)]
enum What {
    Offers(Vec<Offer>),
    Embedded(Box<Embedded>),
}

/// The embedded clusters that a demo runs on.
#[derive(Debug)]
pub struct Embedded {
    pub scenario: Scenario,
    pub seed: u64,
    /// Where to leave a kubeconfig for other clients.
    pub kubeconfig: Option<PathBuf>,
}

/// The opened contexts.
pub struct Fleet {
    pub reports: FanIn<Report>,
    pub ingests: Vec<mpsc::Receiver<Ingest>>,
    /// In the order of their contexts.
    controls: Vec<Controls>,
    embedded: Option<Demo>,
}

impl Opening {
    pub fn of_contexts(offers: Vec<Offer>, watching: Watching) -> Self {
        Self {
            what: What::Offers(offers),
            watching,
            aliases: Aliases::default(),
        }
    }

    pub fn of_embedded(embedded: Embedded, watching: Watching) -> Self {
        Self {
            what: What::Embedded(Box::new(embedded)),
            watching,
            aliases: Aliases::default(),
        }
    }

    #[must_use]
    pub fn with_aliases(self, aliases: Aliases) -> Self {
        Self { aliases, ..self }
    }

    pub fn aliases(&self) -> Aliases {
        self.aliases.clone()
    }

    /// The contexts that will be opened, in the order of their columns.
    pub fn contexts(&self) -> Vec<OpenedContext> {
        let opened = |name: Arc<str>, namespace: Arc<str>| OpenedContext {
            id: ContextId(0),
            name,
            namespace,
            insecure: None,
            plugin: None,
        };
        let named: Vec<OpenedContext> = match &self.what {
            What::Offers(offers) => offers
                .iter()
                .map(|offer| OpenedContext {
                    insecure: offer.insecure,
                    plugin: offer.plugin.clone(),
                    ..opened(Arc::clone(&offer.name), Arc::clone(&offer.namespace))
                })
                .collect(),
            What::Embedded(embedded) => embedded
                .scenario
                .clusters()
                .into_iter()
                .map(|name| opened(name.into(), "".into()))
                .collect(),
        };
        let asked = match &self.watching.namespaces {
            Namespaces::OfContext => None,
            Namespaces::Listed(listed) => Some(listed.join(",").into()),
            Namespaces::All => Some(Arc::from("all namespaces")),
        };
        (0..)
            .zip(named)
            .map(|(id, named)| OpenedContext {
                id: ContextId(id),
                namespace: asked.clone().unwrap_or_else(|| Arc::clone(&named.namespace)),
                ..named
            })
            .collect()
    }

    /// Starts an actor for every context; each connects by itself.
    pub async fn open(self, clock: Clock, stop: &CancellationToken) -> Result<Fleet, String> {
        let (offers, embedded) = match self.what {
            What::Offers(offers) => (offers, None),
            What::Embedded(embedded) => {
                let demo = start(*embedded, clock).await?;
                (offers_of(&demo)?, Some(demo))
            }
        };
        let watching = Arc::new(self.watching);
        let now: cluster::Now = Arc::new(move || clock.now());
        let (mut controls, mut reports, mut ingests) = (Vec::new(), Vec::new(), Vec::new());
        for (id, offer) in (0..).zip(offers) {
            let handle = cluster::open(
                ContextId(id),
                offer,
                Arc::clone(&watching),
                Arc::clone(&now),
                stop.child_token(),
            );
            let (report, ingest, control) = handle.split();
            controls.push(control);
            reports.push(report);
            ingests.push(ingest);
        }
        Ok(Fleet {
            reports: FanIn::new(reports),
            ingests,
            controls,
            embedded,
        })
    }
}

impl Fleet {
    /// Starts a command in a container; what comes of it is told on the channel.
    pub fn exec(&self, request: ExecRequest) -> Option<(mpsc::Sender<ExecInput>, mpsc::Receiver<ExecEvent>)> {
        let context = request.target.pod.context;
        self.controls
            .get(usize::from(context.0))
            .map(|control| control.exec(request))
    }

    /// Lets a context that waits for its next try not wait any longer.
    pub fn retry(&self, context: ContextId) {
        if let Some(control) = self.controls.get(usize::from(context.0)) {
            control.retry();
        }
    }

    /// Lets a context's credential plugin run, the one of this fingerprint.
    pub fn allow(&self, context: ContextId, fingerprint: Arc<str>) {
        if let Some(control) = self.controls.get(usize::from(context.0)) {
            control.allow(fingerprint);
        }
    }

    /// Runs the credential plugin of a context with the terminal; the answer tells when the terminal is free again.
    pub fn login(&self, context: ContextId) -> Option<oneshot::Receiver<Result<(), Arc<str>>>> {
        self.controls.get(usize::from(context.0)).map(Controls::login)
    }

    /// Waits for everything that was started to end; the token that it was opened with has to be cancelled.
    pub async fn close(self) {
        for control in self.controls {
            control.closed().await;
        }
        if let Some(demo) = self.embedded {
            demo.stop().await;
        }
    }
}

async fn start(embedded: Embedded, clock: Clock) -> Result<Demo, String> {
    let demo = Demo::start(embedded.scenario, embedded.seed, clock.as_nanos())
        .await
        .map_err(|error| format!("start the embedded clusters: {error}"))?;
    if let Some(path) = &embedded.kubeconfig {
        private::write(path, demo.kubeconfig().as_bytes())
            .map_err(|error| format!("write the kubeconfig {}: {error}", path.display()))?;
    }
    Ok(demo)
}

/// The embedded clusters are reached as any cluster: through their kubeconfig.
fn offers_of(demo: &Demo) -> Result<Vec<Offer>, String> {
    Contexts::from_yaml(&demo.kubeconfig())
        .and_then(|contexts| contexts.choose(&demo.contexts()))
        .map_err(|error| format!("read the kubeconfig of the embedded clusters: {error}"))
}
