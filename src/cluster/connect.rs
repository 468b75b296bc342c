//! From a kubeconfig's context to clients: one for lists and exec sessions, one for watches, and several for logs.
//!
//! kube's own client speaks HTTP/1.1 alone, one connection per stream, and never notices a dead link. Watches and logs
//! therefore go over our own HTTP/2 stack, whose pings notice it; logs are spread over several connections because a
//! server lets about a hundred streams share one and makes further requests wait for ever. Behind a proxy all go over
//! kube's client, and whoever reads a stream has to be suspicious of its silence.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ClientBuilder, ConfigExt as _};
use kube::config::{ExecConfig, ExecInteractiveMode, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rustls::pki_types::ServerName;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};
use tower::{BoxError, ServiceBuilder};

use super::bucket::Bucket;
use super::cause::{Failure, plain};
use super::certificate;
use super::hold::Hold;
use super::kubeconfig::Offer;
use super::plugin::{self, Manner};
use super::proxy::ProxyVariables;
use super::trust::{Case, Verdict};
use crate::model::{Time, UnknownPlugin};

const CONNECT: Duration = Duration::from_secs(5);
/// Reading certificate and token files, which may lie on a network disk.
const BUILD: Duration = Duration::from_mins(1);
const PING_EVERY: Duration = Duration::from_secs(10);
const PING_ANSWER: Duration = Duration::from_secs(10);
/// What one stream may have sent that was not read yet.
const STREAM_WINDOW: u32 = 512 << 10;
/// Far more than all streams of a connection may have: h2 allows small frames to lie unread only up to half of this
/// window (counting their lack to 256 bytes each) and breaks the connection beyond; a log comes one line per frame.
/// An adaptive window begins at 64 KiB, which breaks with the first two hundred lines that wait.
const CONNECTION_WINDOW: u32 = 1 << 30;
/// How late a dead link is noticed by pings.
pub(super) const PING_BLINDNESS: Duration = Duration::from_secs(20);
const TCP_KEEPALIVE: Duration = Duration::from_secs(15);
/// The kernel gives up a connection whose bytes nobody has acknowledged for so long.
#[cfg(target_os = "linux")]
const TCP_UNANSWERED: Duration = Duration::from_secs(30);
/// Kubernetes allows 100 by default (`--http2-max-streams-per-connection`).
const STREAMS_PER_CONNECTION: usize = 80;
const WARM_UP: Duration = Duration::from_secs(20);
/// Log requests on their way at the same time.
const PARALLEL_OPENS: usize = 32;
/// Requests for logs: 30 a second, 10 at once; with all others they are not more than 50 in any second.
const PACE: Duration = Duration::from_micros(33_333);
const BURST: u32 = 10;
/// Logs that are read to their end and not followed, at the same time.
const BRIEF: usize = 16;

/// The clients of one context, with one set of credentials.
pub(super) struct Link {
    /// Counts the links of a context, so that a late complaint about an old one is known as such.
    pub(super) generation: u64,
    /// Lists, single questions, exec sessions.
    pub(super) api: Client,
    pub(super) watches: Client,
    shards: Vec<Shard>,
    /// Logs that are not followed.
    brief: Client,
    brief_room: Arc<Semaphore>,
    opens: Arc<Semaphore>,
    pace: Bucket,
    /// Whether the server wants to be left alone.
    pub(super) hold: Hold,
    made: Instant,
    /// When the credentials of a plugin expire, as far as it is known.
    pub(super) expires: Option<Time>,
    /// Until when the client certificate is good.
    pub(super) certificate: Option<Time>,
    /// Whether a plugin gave the credentials.
    pub(super) by_plugin: bool,
}

/// One connection's worth of log streams.
struct Shard {
    client: Client,
    room: Arc<Semaphore>,
    /// Whether its connection stands. Without a first request that brings it up, every waiting stream would open one.
    warm: AtomicBool,
    warming: Semaphore,
}

/// A log stream's seat on a connection.
pub(super) struct Seat {
    pub(super) client: Client,
    link: Arc<Link>,
    /// The connection of streams that it is on, if it is on one of those.
    shard: Option<usize>,
    _room: OwnedSemaphorePermit,
}

/// Why a context cannot be connected at all.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The kubeconfig cannot be used.
    Broken(Arc<str>),
    /// The credential plugin did not give credentials.
    NeedsLogin(Arc<str>),
    /// The credential plugin was not run, because nobody has allowed it.
    Asks(UnknownPlugin),
}

impl Refusal {
    /// Why, in a sentence.
    pub(super) fn words(&self) -> Arc<str> {
        match self {
            Self::Broken(cause) | Self::NeedsLogin(cause) => Arc::clone(cause),
            Self::Asks(plugin) => format!("nobody has allowed {:?} to run", plugin.command).into(),
        }
    }
}

/// How the clients are to be made.
#[derive(Clone, Debug, Default)]
pub(super) struct Attempt {
    pub(super) generation: u64,
    /// Log streams that there has to be room for.
    pub(super) streams: usize,
    /// Fingerprints of the plugins that were allowed in this run.
    pub(super) granted: BTreeSet<Arc<str>>,
    pub(super) manner: Manner,
}

/// Makes the clients. No request is sent, but a credential plugin is run.
pub(super) async fn connect(offer: &Offer, attempt: Attempt) -> Result<Link, Refusal> {
    let mut config = configured(offer).await?;
    let program = match plugin::needed(&config.auth_info) {
        Some(exec) => Some(admitted(offer, exec, &attempt.granted)?),
        None => None,
    };
    let by_plugin = program.is_some();
    let told = match program {
        Some(program) => plugin::resolve(&mut config.auth_info, &program, attempt.manner)
            .await
            .map_err(Refusal::NeedsLogin)?,
        None => None,
    };
    if let Some(exec) = &mut config.auth_info.exec {
        // Should a plugin ever be run by kube itself, it must not touch the terminal.
        exec.interactive_mode = Some(ExecInteractiveMode::Never);
    }
    let built = spawn_blocking(move || {
        build(&config, attempt.streams).map(|built| (built, certificate::until(&config.auth_info)))
    });
    match timeout(BUILD, built).await {
        Ok(Ok(Ok((clients, certificate)))) => Ok(Link {
            expires: told.into_iter().chain(certificate.filter(|_| by_plugin)).min(),
            certificate,
            by_plugin,
            ..clients.into_link(attempt.generation)
        }),
        Ok(Ok(Err(error))) => Err(Refusal::Broken(plain(&error).into())),
        Ok(Err(_)) => Err(Refusal::Broken("making the client failed".into())),
        Err(_) => Err(Refusal::Broken("reading the certificates took too long".into())),
    }
}

/// The file of the credential plugin, if it may run.
fn admitted(offer: &Offer, exec: &ExecConfig, granted: &BTreeSet<Arc<str>>) -> Result<PathBuf, Refusal> {
    let case = Case {
        exec,
        file: offer.file.as_deref(),
        written: offer.written,
        granted,
    };
    match offer.trust.judge(&case) {
        Verdict::Run(program) => Ok(program),
        Verdict::Ask(plugin) => Err(Refusal::Asks(plugin)),
        Verdict::Missing(why) => Err(Refusal::NeedsLogin(why)),
        Verdict::Refused(why) => Err(Refusal::Broken(why)),
    }
}

async fn configured(offer: &Offer) -> Result<Config, Refusal> {
    let kubeconfig = Kubeconfig::clone(&offer.kubeconfig);
    let proxy = proxy_named(&kubeconfig, &offer.name);
    let options = KubeConfigOptions {
        context: Some(offer.name.to_string()),
        ..KubeConfigOptions::default()
    };
    let broken = |error: &kube::config::KubeconfigError| Refusal::Broken(plain(error).into());
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| broken(&error))?;
    if let Some(provider) = &config.auth_info.auth_provider
        && provider.config.contains_key("cmd-path")
    {
        // kube would run the command without a time limit; kubectl dropped it in 1.26.
        return Err(Refusal::Broken(
            format!(
                "the auth provider {:?} is no longer supported; use a credential plugin",
                provider.name
            )
            .into(),
        ));
    }
    let decided = ProxyVariables::read().decide(proxy.as_deref(), &config.cluster_url);
    config.proxy_url = match decided.map(|url| url.parse()).transpose() {
        Ok(url) => url,
        Err(_) => return Err(Refusal::Broken("the proxy's address is not a URL".into())),
    };
    config.connect_timeout = Some(CONNECT);
    config.default_retry = false;
    Ok(config)
}

/// The proxy that the kubeconfig names for the cluster of a context.
fn proxy_named(kubeconfig: &Kubeconfig, context: &str) -> Option<String> {
    let context = kubeconfig
        .contexts
        .iter()
        .find(|named| named.name == context)?
        .context
        .as_ref()?;
    let cluster = kubeconfig.clusters.iter().find(|named| named.name == context.cluster)?;
    cluster.cluster.as_ref()?.proxy_url.clone()
}

struct Clients {
    api: Client,
    watches: Client,
    brief: Client,
    logs: Vec<Client>,
    /// They all heed it.
    hold: Hold,
}

impl Clients {
    fn into_link(self, generation: u64) -> Link {
        Link {
            generation,
            api: self.api,
            watches: self.watches,
            shards: self.logs.into_iter().map(Shard::new).collect(),
            brief: self.brief,
            brief_room: Arc::new(Semaphore::new(BRIEF)),
            opens: Arc::new(Semaphore::new(PARALLEL_OPENS)),
            pace: Bucket::new(PACE, BURST),
            hold: self.hold,
            made: Instant::now(),
            expires: None,
            certificate: None,
            by_plugin: false,
        }
    }
}

fn build(config: &Config, streams: usize) -> kube::Result<Clients> {
    let hold = Hold::new();
    let api = ClientBuilder::try_from(config.clone())?.with_layer(&hold).build();
    let shards = streams.div_ceil(STREAMS_PER_CONNECTION).max(1);
    if config.proxy_url.is_some() {
        return Ok(Clients {
            watches: api.clone(),
            brief: api.clone(),
            logs: vec![api.clone(); shards],
            api,
            hold,
        });
    }
    let tls = config.rustls_client_config()?;
    let logs = (0..shards)
        .map(|_| pinged(config, tls.clone(), &hold))
        .collect::<kube::Result<_>>()?;
    Ok(Clients {
        api,
        brief: pinged(config, tls.clone(), &hold)?,
        watches: pinged(config, tls, &hold)?,
        hold,
        logs,
    })
}

/// A client that prefers HTTP/2 and pings its connections.
fn pinged(config: &Config, tls: rustls::ClientConfig, hold: &Hold) -> kube::Result<Client> {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(CONNECT));
    connector.set_nodelay(true);
    connector.set_keepalive(Some(TCP_KEEPALIVE));
    connector.set_keepalive_interval(Some(TCP_KEEPALIVE));
    #[cfg(target_os = "linux")]
    connector.set_tcp_user_timeout(Some(TCP_UNANSWERED));
    let mut builder = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http();
    if let Some(name) = config
        .tls_server_name
        .clone()
        .and_then(|name| ServerName::try_from(name).ok())
    {
        builder = builder.with_server_name_resolver(hyper_rustls::FixedServerNameResolver::new(name));
    }
    let client: legacy::Client<_, Body> = legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .http2_keep_alive_interval(PING_EVERY)
        .http2_keep_alive_timeout(PING_ANSWER)
        .http2_keep_alive_while_idle(true)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .build(builder.enable_all_versions().wrap_connector(connector));
    let service = ServiceBuilder::new()
        .layer(hold.clone())
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(client);
    Ok(Client::new(service, config.default_namespace.clone()))
}

impl Shard {
    fn new(client: Client) -> Self {
        Self {
            client,
            room: Arc::new(Semaphore::new(STREAMS_PER_CONNECTION)),
            warm: AtomicBool::new(false),
            warming: Semaphore::new(1),
        }
    }

    /// Brings the connection up, one request for all who wait for it.
    async fn warm_up(&self) -> Result<(), Failure> {
        if self.warm.load(Ordering::Acquire) {
            return Ok(());
        }
        let Ok(_only) = self.warming.acquire().await else {
            return Ok(());
        };
        if self.warm.load(Ordering::Acquire) {
            return Ok(());
        }
        match timeout(WARM_UP, self.client.apiserver_version()).await {
            // Refused is an answer too: the connection stands.
            Ok(Ok(_) | Err(kube::Error::Api(_))) => {}
            Ok(Err(error)) => return Err(Failure::of(&error)),
            Err(_) => return Err(Failure::no_answer(WARM_UP)),
        }
        self.warm.store(true, Ordering::Release);
        Ok(())
    }
}

impl Link {
    /// A seat for one more log stream on the connection that has room.
    pub(super) async fn seat(self: Arc<Self>) -> Result<Seat, Failure> {
        for (n, shard) in self.shards.iter().enumerate() {
            let Ok(room) = Arc::clone(&shard.room).try_acquire_owned() else {
                continue;
            };
            self.hold.over().await;
            shard.warm_up().await?;
            return Ok(Seat {
                client: shard.client.clone(),
                shard: Some(n),
                _room: room,
                link: Arc::clone(&self),
            });
        }
        Err(Failure::broken("no connection has room for another log stream"))
    }

    /// A seat for a log that is read to its end as it is now.
    pub(super) async fn brief_seat(self: Arc<Self>) -> Result<Seat, Failure> {
        let room = Arc::clone(&self.brief_room).acquire_owned().await;
        Ok(Seat {
            client: self.brief.clone(),
            shard: None,
            _room: room.map_err(|_| Failure::broken("the connection was closed"))?,
            link: self,
        })
    }

    /// Waits until one of the few requests that may be on their way at a time can be sent. Nothing on the server's side
    /// protects the kubelets: requests for logs are exempt from its priority and fairness.
    pub(super) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        let turn = Arc::clone(&self.opens).acquire_owned().await.ok();
        loop {
            sleep(self.pace.take(self.made.elapsed())).await;
            if self.hold.left().is_zero() {
                return turn;
            }
            // Those who waited for it do not come all at once.
            self.hold.over().await;
        }
    }
}

impl Seat {
    /// The connection broke: the next stream has to bring it up anew.
    pub(super) fn broke(&self) {
        if let Some(shard) = self.shard.and_then(|shard| self.link.shards.get(shard)) {
            shard.warm.store(false, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::kubeconfig::Contexts;
    use super::*;

    async fn check(cluster: &str, user: &str, expected: Result<(), Refusal>) {
        let yaml = format!(
            "contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\nclusters: [{{name: c, cluster: {cluster}}}]\nusers: \
             [{{name: u, user: {user}}}]\n"
        );
        let offer = Contexts::from_yaml(&yaml)
            .unwrap()
            .choose(&["c".to_owned()])
            .unwrap()
            .remove(0);
        let attempt = Attempt {
            streams: 250,
            ..Attempt::default()
        };
        let connected = connect(&offer, attempt)
            .await
            .map(|link| assert_eq!(link.shards.len(), 4));
        assert_eq!(connected, expected);
    }

    #[tokio::test]
    async fn an_unusable_kubeconfig_says_what_is_wrong() {
        let broken = |words: &str| Err(Refusal::Broken(words.into()));
        let good = "{server: 'https://127.0.0.1:1'}";
        check(good, "{token: t}", Ok(())).await;
        check("{}", "{}", broken("cluster url is missing on selected cluster")).await;
        check(
            good,
            "{auth-provider: {name: gcp, config: {cmd-path: /bin/true}}}",
            broken("the auth provider \"gcp\" is no longer supported; use a credential plugin"),
        )
        .await;
        check(
            good,
            "{client-certificate: /nonexistent, client-key: /nonexistent}",
            broken("No such file or directory"),
        )
        .await;
        check(
            good,
            "{exec: {command: /nonexistent/p}}",
            Err(Refusal::NeedsLogin(
                "credential plugin \"/nonexistent/p\" cannot be run: No such file or directory".into(),
            )),
        )
        .await;
    }
}
