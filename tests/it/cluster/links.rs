//! The actors against servers and proxies whose connections are as they may be: few streams on each, no HTTP/2, a
//! goodbye or a reset under many logs, a proxy of either kind between.

use std::collections::BTreeMap;

use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::demo::{now, story};
use super::*;

/// How the server's connections are.
#[derive(Clone, Copy, Debug)]
struct Manners {
    alpn: &'static [&'static str],
    streams: u32,
}

const USUAL: Manners = Manners {
    alpn: &["h2", "http/1.1"],
    streams: 100,
};

/// What happens to all connections that stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Stay,
    /// `GOAWAY`: what is under way goes on, nothing new is taken.
    Goodbye,
    Reset,
}

/// A log request: over which connection, in which version of HTTP.
#[derive(Debug)]
struct Seen {
    connection: usize,
    version: http::Version,
}

struct Site {
    address: std::net::SocketAddr,
    logs: mpsc::Receiver<LogCall>,
    seen: mpsc::UnboundedReceiver<Seen>,
    orders: watch::Sender<(u32, Order)>,
    _execs: mpsc::Receiver<ExecCall>,
    _tasks: JoinSet<()>,
}

impl Site {
    async fn start(manners: Manners, pods: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = acceptor(manners.alpn);
        let pods = (0..pods).map(|n| {
            let id = format!("id-{n}");
            pod(
                &format!("api-{n}"),
                "shop",
                &super::container(0, &id, &running(0), None),
            )
        });
        let world = watch::Sender::new(super::world(pods.collect()));
        let (to_logs, logs) = mpsc::channel(512);
        let (to_execs, execs) = mpsc::channel(8);
        let (to_seen, seen) = mpsc::unbounded_channel();
        let orders = watch::Sender::new((0, Order::Stay));
        // Nobody listens to these.
        let (reviews, asked) = (mpsc::channel(1).0, mpsc::unbounded_channel().0);
        let calls = Calls {
            logs: to_logs,
            execs: to_execs,
            reviews,
            asked,
        };
        let mut tasks = JoinSet::new();
        let ordered = orders.clone();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            for connection in 0.. {
                let (socket, _) = listener.accept().await.unwrap();
                let (acceptor, orders) = (acceptor.clone(), ordered.subscribe());
                let (world, calls, seen) = (world.subscribe(), calls.clone(), to_seen.clone());
                let answer = service_fn(move |request: Request<Incoming>| {
                    if request.uri().path().ends_with("/log") {
                        let version = request.version();
                        drop(seen.send(Seen { connection, version }));
                    }
                    answer(request, world.clone(), calls.clone())
                });
                connections.spawn(async move {
                    let Ok(socket) = acceptor.accept(socket).await else {
                        return;
                    };
                    let mut builder = auto::Builder::new(hyper_util::rt::TokioExecutor::new());
                    builder.http2().max_concurrent_streams(manners.streams);
                    let serving = builder.serve_connection_with_upgrades(TokioIo::new(socket), answer);
                    obey(std::pin::pin!(serving), orders).await;
                });
            }
        });
        Self {
            address,
            logs,
            seen,
            orders,
            _execs: execs,
            _tasks: tasks,
        }
    }

    fn story(&self, more: &str) -> Story {
        let yaml = format!(
            "contexts: [{{name: c, context: {{cluster: c, user: u, namespace: shop}}}}]\nclusters: [{{name: c, cluster: \
             {{server: 'https://{}', insecure-skip-tls-verify: true{more}}}}}]\nusers: [{{name: u, user: {{token: t}}}}]\n",
            self.address
        );
        story(&yaml, "c", &now(), since(600))
    }

    fn order(&self, order: Order) {
        self.orders.send_modify(|(n, now)| (*n, *now) = (*n + 1, order));
    }

    /// So many requests for logs, answered, by their pods. The actor is listened to meanwhile.
    async fn logs(&mut self, story: &mut Story, count: usize) -> BTreeMap<String, Log> {
        let mut logs = BTreeMap::new();
        let coming = async {
            while logs.len() < count {
                tokio::select! {
                    Some(call) = self.logs.recv() => {
                        let pod = call.uri.split('/').nth(6).unwrap().to_owned();
                        // Whoever gave up in between asks again.
                        if !call.reply.is_closed() {
                            logs.insert(pod, call.log());
                        }
                    }
                    Some(report) = story.handle.reports.recv() => story.reports.push(report),
                    Some(ingest) = story.handle.ingests.recv() => story.ingests.push(ingest),
                }
            }
        };
        assert!(
            timeout(PATIENCE, coming).await.is_ok(),
            "{} of {count} logs came",
            logs.len()
        );
        logs
    }

    /// Log requests by connection.
    fn by_connection(&mut self, version: http::Version) -> BTreeMap<usize, usize> {
        let mut counts = BTreeMap::new();
        while let Ok(seen) = self.seen.try_recv() {
            assert_eq!(seen.version, version);
            *counts.entry(seen.connection).or_default() += 1;
        }
        counts
    }
}

/// Serves until the connection ends or an order ends it.
async fn obey<S, E>(
    mut serving: std::pin::Pin<
        &mut auto::UpgradeableConnection<'_, TokioIo<tokio_rustls::server::TlsStream<TcpStream>>, S, E>,
    >,
    mut orders: watch::Receiver<(u32, Order)>,
) where
    S: hyper::service::Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>,
    S::Future: 'static,
    E: hyper_util::server::conn::auto::HttpServerConnExec<S::Future, Body>,
{
    loop {
        tokio::select! {
            _ = serving.as_mut() => return,
            Ok(()) = orders.changed() => match orders.borrow_and_update().1 {
                Order::Stay => {}
                Order::Goodbye => serving.as_mut().graceful_shutdown(),
                Order::Reset => return,
            },
        }
    }
}

fn acceptor(alpn: &[&str]) -> TlsAcceptor {
    let issued = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(issued.signing_key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![issued.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// All logs bring a line.
async fn all_speak(story: &mut Story, logs: &BTreeMap<String, Log>, at: i64, text: &str) {
    for log in logs.values() {
        log.lines(&[(at, text)]).await;
    }
    let count = logs.len();
    let said = |ingest: &Ingest| match ingest {
        Ingest::Lines { lines, .. } => lines.iter().filter(|line| line.bytes == text.as_bytes()).count(),
        _ => 0,
    };
    story
        .until(text, |story| story.ingests.iter().map(said).sum::<usize>() == count)
        .await;
}

#[tokio::test]
async fn no_log_waits_for_ever_where_few_may_share_a_connection() {
    let few = Manners { streams: 10, ..USUAL };
    let mut site = Site::start(few, 45).await;
    let mut story = site.story("");
    let logs = site.logs(&mut story, 45).await;
    all_speak(&mut story, &logs, 1000, "here").await;
    let counts = site.by_connection(http::Version::HTTP_2);
    assert!(
        counts.len() >= 5 && counts.values().all(|count| *count <= 10),
        "{counts:?}"
    );
}

#[tokio::test]
async fn logs_of_a_server_without_http_2_have_a_connection_each() {
    for alpn in [&["http/1.1"] as &[_], &[]] {
        let mut site = Site::start(Manners { alpn, ..USUAL }, 12).await;
        let mut story = site.story("");
        let logs = site.logs(&mut story, 12).await;
        all_speak(&mut story, &logs, 1000, "here").await;
        assert_eq!(site.by_connection(http::Version::HTTP_11).len(), 12);
    }
}

#[tokio::test]
async fn a_goodbye_lets_logs_go_on_and_takes_none_anew() {
    let mut site = Site::start(USUAL, 20).await;
    let mut story = site.story("");
    let mut logs = site.logs(&mut story, 20).await;
    all_speak(&mut story, &logs, 1000, "before").await;
    let before = site.by_connection(http::Version::HTTP_2);
    assert_eq!(before.values().sum::<usize>(), 20);
    site.order(Order::Goodbye);
    all_speak(&mut story, &logs, 2000, "after the goodbye").await;
    // An answer that ends is asked for again, over a connection that takes requests.
    drop(logs.remove("api-7"));
    let again = site.logs(&mut story, 1).await;
    assert!(again.contains_key("api-7"));
    let after = site.by_connection(http::Version::HTTP_2);
    assert!(
        after.keys().all(|connection| !before.contains_key(connection)),
        "{after:?}"
    );
}

#[tokio::test]
async fn a_reset_under_eighty_logs_brings_all_back() {
    let mut site = Site::start(USUAL, 80).await;
    let mut story = site.story("");
    let logs = site.logs(&mut story, 80).await;
    all_speak(&mut story, &logs, 1000, "before").await;
    site.order(Order::Reset);
    drop(logs);
    let again = site.logs(&mut story, 80).await;
    all_speak(&mut story, &again, 2000, "after").await;
}

/// A proxy that counts the connections that it was asked for.
async fn proxy(kind: &'static str) -> (String, mpsc::UnboundedReceiver<String>, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let login = if kind == "http" { "me:pa%40ss@" } else { "" };
    let url = format!("{kind}://{login}{}", listener.local_addr().unwrap());
    let (asked, heard) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let asked = asked.clone();
            connections.spawn(async move {
                let target = if kind == "http" {
                    connect_target(&mut client).await
                } else {
                    socks_target(&mut client).await
                };
                let mut server = TcpStream::connect(&target).await.unwrap();
                drop(asked.send(target));
                drop(copy_bidirectional(&mut client, &mut server).await);
            });
        }
    });
    (url, heard, tasks)
}

async fn connect_target(client: &mut TcpStream) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        head.push(char::from(client.read_u8().await.unwrap()));
    }
    // me:pa@ss
    assert!(head.to_lowercase().contains("proxy-authorization: basic"), "{head}");
    assert!(head.contains("bWU6cGFAc3M="), "{head}");
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    head.split(' ').nth(1).unwrap().to_owned()
}

async fn socks_target(client: &mut TcpStream) -> String {
    let mut greeting = [0; 2];
    client.read_exact(&mut greeting).await.unwrap();
    let mut methods = vec![0; usize::from(greeting[1])];
    client.read_exact(&mut methods).await.unwrap();
    client.write_all(&[5, 0]).await.unwrap();
    let mut wanted = [0; 4];
    client.read_exact(&mut wanted).await.unwrap();
    let host = if wanted[3] == 1 {
        let mut address = [0; 4];
        client.read_exact(&mut address).await.unwrap();
        std::net::Ipv4Addr::from(address).to_string()
    } else {
        let mut name = vec![0; usize::from(client.read_u8().await.unwrap())];
        client.read_exact(&mut name).await.unwrap();
        String::from_utf8(name).unwrap()
    };
    let port = client.read_u16().await.unwrap();
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
    format!("{host}:{port}")
}

#[tokio::test]
async fn logs_behind_a_proxy_share_connections_that_are_pinged() {
    for kind in ["http", "socks5"] {
        let mut site = Site::start(USUAL, 5).await;
        let (url, mut asked, _proxy) = proxy(kind).await;
        let mut story = site.story(&format!(", proxy-url: '{url}'"));
        let logs = site.logs(&mut story, 5).await;
        all_speak(&mut story, &logs, 1000, "here").await;
        assert_eq!(site.by_connection(http::Version::HTTP_2).len(), 1);
        assert_eq!(asked.recv().await.unwrap(), site.address.to_string());
    }
}
