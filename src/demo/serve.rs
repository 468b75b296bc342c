//! The embedded clusters on loopback: one TLS listener each, and an end that leaves no task behind.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::demo::api::{Api, Auth, Body, PeerCertificate, Tasks};
use crate::demo::clock::Now;
use crate::demo::cluster::Cluster;
use crate::demo::control::{self, Control};
use crate::demo::kubeconfig::{self, Credentials, Proof, Server};
use crate::demo::scenario::Scenario;
use crate::demo::tls::{Authority, TlsError};
use crate::demo::trouble::Trouble;
use crate::demo::wire::{Hold, Wire};
use crate::demo::world;

/// How long a client may take over the TLS handshake.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// After a connection that could not be taken.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long an open connection may take to end when the clusters stop.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// As a real API server's limit of streams on one HTTP/2 connection.
const STREAMS: u32 = 100;
/// The namespace in which every context of the kubeconfig starts.
const NAMESPACE: &str = "shop";

/// Why the embedded clusters cannot start.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("listen on loopback: {0}")]
    Listen(#[source] io::Error),
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Running clusters. They end with [`Demo::stop`]; when this is dropped, they end soon after.
pub struct Demo {
    tasks: Tasks,
    scenario: Scenario,
    clusters: Vec<Running>,
    kubeconfig: String,
    _stop_when_dropped: tokio_util::sync::DropGuard,
}

struct Running {
    name: String,
    api: Api,
    cluster: Cluster,
    /// Contexts of this cluster, each with its user.
    contexts: Vec<(String, String)>,
}

impl Demo {
    /// Starts the clusters of a scenario; the port of each is chosen by the system.
    pub async fn start(scenario: Scenario, seed: u64, now: Now) -> Result<Self, DemoError> {
        let tasks = Tasks::default();
        let guard = tasks.stop.clone().drop_guard();
        let clusters = world::start(&scenario, seed, &now, &tasks.tracker, &tasks.stop);
        let mut running = Vec::new();
        let mut servers = Vec::new();
        for cluster in clusters {
            let (started, server) = start_cluster(cluster, &tasks).await?;
            running.push(started);
            servers.push(server);
        }
        Ok(Self {
            tasks,
            scenario,
            clusters: running,
            kubeconfig: kubeconfig::write(&servers, NAMESPACE),
            _stop_when_dropped: guard,
        })
    }

    /// YAML for kubectl and everything else that reads a kubeconfig.
    pub fn kubeconfig(&self) -> String {
        self.kubeconfig.clone()
    }

    /// The clusters of the scenario in its order, which are the names of their administrators' contexts.
    pub fn contexts(&self) -> Vec<String> {
        self.clusters.iter().map(|cluster| cluster.name.clone()).collect()
    }

    /// The API behind a context of the kubeconfig without network and TLS, for a client that is mounted on it; it takes
    /// every request as the context's user's. Such a client has no exec, which needs a connection.
    pub fn api(&self, context: &str) -> Option<Api> {
        self.clusters.iter().find_map(|cluster| {
            let (_, user) = cluster.contexts.iter().find(|(named, _)| named == context)?;
            Some(cluster.api.trusting(user))
        })
    }

    /// What makes faults come and tells what the clusters know; it may outlive them.
    pub fn control(&self) -> Control {
        let clusters = self.clusters.iter().map(|running| running.cluster.clone());
        Control::new(self.scenario.clone(), clusters.collect())
    }

    /// Takes a control's lines from a Unix socket at this path, as [`Control::obey`] has them, until the clusters stop.
    #[cfg(unix)]
    pub fn listen_for_control(&self, path: &std::path::Path) -> io::Result<()> {
        let listener = tokio::net::UnixListener::bind(path)?;
        let serving = control::serve(listener, self.control(), self.tasks.stop.clone());
        self.tasks.tracker.spawn(serving);
        Ok(())
    }

    /// Ends every connection and task. Watches end cleanly, followed logs break, as when a real API server stops.
    pub async fn stop(self) {
        self.tasks.stop.cancel();
        self.tasks.tracker.close();
        self.tasks.tracker.wait().await;
    }
}

async fn start_cluster(cluster: Cluster, tasks: &Tasks) -> Result<(Running, Server), DemoError> {
    let name = cluster.name().to_owned();
    let authority = Authority::new(&name)?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(DemoError::Listen)?;
    let address = listener.local_addr().map_err(DemoError::Listen)?;
    let mut issued = Vec::new();
    let mut users = Vec::new();
    for (place, user) in cluster.users().iter().enumerate() {
        let client = authority.issue_client(user)?;
        issued.push((user.name.clone(), client.certificate_der));
        // The administrator shows a certificate and the others a token, so that both ways are used.
        let proof = if place == 0 {
            Proof::Certificate {
                certificate_pem: client.certificate_pem,
                key_pem: client.key_pem,
            }
        } else {
            Proof::Token(user.token.clone())
        };
        users.push(Credentials {
            name: user.name.clone(),
            proof,
        });
    }
    let server = Server {
        name: name.clone(),
        url: format!("https://{address}"),
        authority_pem: authority.certificate_pem(),
        users,
    };
    let auth = Auth::new(cluster.users()).with_certificates(issued);
    let api = Api::new(cluster.clone(), auth, tasks.clone());
    let acceptor = TlsAcceptor::from(Arc::new(authority.server_config()?));
    let site = Site {
        acceptor,
        api: api.clone(),
        tasks: tasks.clone(),
        trouble: cluster.trouble().clone(),
    };
    tasks.tracker.spawn(accept(listener, site));
    let contexts = server
        .users
        .iter()
        .map(|user| (server.context(user), user.name.clone()))
        .collect();
    let running = Running {
        name,
        api,
        cluster,
        contexts,
    };
    Ok((running, server))
}

/// Takes connections, except while the server is down: then its port is closed, so that they are refused.
async fn accept(listener: TcpListener, site: Site) {
    let Ok(address) = listener.local_addr() else { return };
    let mut listener = Some(listener);
    let mut weather = site.trouble.listener();
    loop {
        if weather.borrow_and_update().down > 0 {
            listener = None;
            tokio::select! {
                () = site.tasks.stop.cancelled() => return,
                // Its sender lives as long as the site.
                _ = weather.changed() => continue,
            }
        }
        let Some(open) = &listener else {
            match TcpListener::bind(address).await {
                Ok(again) => listener = Some(again),
                // A connection of before may hold the port for a moment.
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
            continue;
        };
        let accepted = tokio::select! {
            () = site.tasks.stop.cancelled() => return,
            _ = weather.changed() => {
                weather.mark_changed();
                continue;
            }
            accepted = open.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                site.trouble.book().traffic().connected();
                drop(site.tasks.tracker.spawn(serve(stream, site.clone())));
            }
            // The process is out of files, or the client has gone already: the next may do better.
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// What serves one cluster's connections.
#[derive(Clone)]
struct Site {
    acceptor: TlsAcceptor,
    api: Api,
    tasks: Tasks,
    trouble: Trouble,
}

async fn serve(stream: TcpStream, site: Site) {
    let Site {
        acceptor,
        api,
        tasks,
        trouble,
    } = site;
    // In a black hole nobody answers; who still waits when it is over is served.
    let mut weather = trouble.listener();
    tokio::select! {
        () = tasks.stop.cancelled() => return,
        _ = weather.wait_for(|listener| listener.silent == 0) => {}
    }
    // Without this a line of a log would wait for the acknowledgement of the one before; if it fails, it is only slower.
    drop(stream.set_nodelay(true));
    let handshake = tokio::time::timeout(HANDSHAKE_PATIENCE, acceptor.accept(stream));
    let stream = tokio::select! {
        () = tasks.stop.cancelled() => return,
        shaken = handshake => match shaken {
            Ok(Ok(stream)) => stream,
            // Whoever cannot do TLS is told so by TLS.
            Ok(Err(_)) | Err(_) => return,
        },
    };
    let (_, session) = stream.get_ref();
    let peer = session
        .peer_certificates()
        .and_then(<[_]>::first)
        .map(|certificate| PeerCertificate(Arc::from(certificate.as_ref())));
    let hold = trouble.wire();
    let is_own = stream.get_ref().1.alpn_protocol() != Some(b"h2");
    let wire = Wire::new(stream, hold.clone());
    let asked = Asked {
        peer,
        // Only where one request has the connection to itself may a fault of the request be one of the connection.
        wire: is_own.then_some(hold),
    };
    let service = service_fn(move |request| answer(api.clone(), asked.clone(), request));
    let mut builder = auto::Builder::new(Tracked(tasks.tracker.clone()));
    builder.http1().title_case_headers(true).timer(TokioTimer::new());
    builder.http2().max_concurrent_streams(STREAMS).timer(TokioTimer::new());
    let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(wire), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = tasks.stop.cancelled() => None,
    };
    if ended.is_none() {
        connection.as_mut().graceful_shutdown();
        // Whatever has not ended by then is cut off.
        drop(tokio::time::timeout(LAST_WORDS, connection).await);
    }
}

/// What a connection adds to its requests.
#[derive(Clone)]
struct Asked {
    peer: Option<PeerCertificate>,
    wire: Option<Hold>,
}

async fn answer(api: Api, asked: Asked, mut request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    if let Some(peer) = asked.peer {
        request.extensions_mut().insert(peer);
    }
    if let Some(wire) = asked.wire {
        request.extensions_mut().insert(wire);
    }
    api.oneshot(request).await
}

/// Runs the streams of an HTTP/2 connection as tasks that [`Demo::stop`] waits for.
#[derive(Clone)]
struct Tracked(TaskTracker);

impl<F> Executor<F> for Tracked
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}
