//! The embedded clusters over TLS: both HTTP versions, client certificates, chunks, websockets, and a quick end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use futures::{SinkExt as _, StreamExt as _};
use http::{Request, Version};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kontrast::demo::scenario::Scenario;
use kontrast::demo::serve::Demo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

/// Nothing here takes longer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn demo() -> Demo {
    let scenario = Scenario::embedded("works-in-staging").expect("the default scenario");
    Demo::start(scenario, 7, super::now())
        .await
        .expect("the clusters start")
}

/// What a kubeconfig says about one context.
pub(super) struct Context {
    pub(super) address: String,
    authority: Vec<u8>,
    /// Certificate and key, PEM.
    client: Option<(Vec<u8>, Vec<u8>)>,
    token: Option<String>,
}

impl Context {
    pub(super) fn of(demo: &Demo, name: &str) -> Self {
        let config: Value = serde_saphyr::from_str(&demo.kubeconfig()).unwrap();
        let named = |list: &str, name: &Value| {
            let items = config[list].as_array().unwrap();
            items
                .iter()
                .find(|item| item["name"] == *name)
                .unwrap_or_else(|| panic!("no {name} in {list}"))
                .clone()
        };
        let context = named("contexts", &Value::from(name))["context"].clone();
        let cluster = named("clusters", &context["cluster"])["cluster"].clone();
        let user = named("users", &context["user"])["user"].clone();
        let decode = |value: &Value| {
            base64::engine::general_purpose::STANDARD
                .decode(value.as_str().unwrap())
                .unwrap()
        };
        let has_certificate = user["client-certificate-data"].is_string();
        let server = cluster["server"].as_str().unwrap();
        Self {
            address: server.strip_prefix("https://").unwrap().to_owned(),
            authority: decode(&cluster["certificate-authority-data"]),
            client: has_certificate.then(|| {
                (
                    decode(&user["client-certificate-data"]),
                    decode(&user["client-key-data"]),
                )
            }),
            token: user["token"].as_str().map(str::to_owned),
        }
    }

    pub(super) async fn connect(&self, protocol: &str) -> TlsStream<TcpStream> {
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(&self.authority).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match &self.client {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => builder
                .with_client_auth_cert(
                    vec![CertificateDer::from_pem_slice(certificate).unwrap()],
                    PrivateKeyDer::from_pem_slice(key).unwrap(),
                )
                .unwrap(),
        };
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let stream = TcpStream::connect(&self.address).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
            .unwrap()
    }

    fn request(&self, path: &str) -> Request<Empty<bytes::Bytes>> {
        let mut request = Request::get(format!("https://{}{path}", self.address)).header("host", &self.address);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        request.body(Empty::new()).unwrap()
    }

    /// Over HTTP/1.1, with the driver of the connection.
    pub(super) async fn get(&self, path: &str) -> http::Response<hyper::body::Incoming> {
        let stream = TokioIo::new(self.connect("http/1.1").await);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(connection);
        let response = sender.send_request(self.request(path)).await.unwrap();
        // The connection lives as long as the test reads from it.
        tasks.detach_all();
        response
    }

    pub(super) async fn list(&self, path: &str) -> Value {
        let body = self.get(path).await.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice(&body).unwrap()
    }

    pub(super) async fn pod(&self, label: &str) -> String {
        let pods = self
            .list(&format!("/api/v1/namespaces/shop/pods?labelSelector={label}"))
            .await;
        let running = pods["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|pod| pod["status"]["phase"] == "Running");
        running.expect("a running pod")["metadata"]["name"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

#[tokio::test]
async fn both_http_versions_and_both_kinds_of_credentials_work() {
    let demo = demo().await;
    assert_eq!(demo.contexts(), ["dev", "staging", "prod"]);
    let admin = Context::of(&demo, "prod");
    let response = admin.get("/api/v1/namespaces").await;
    assert_eq!(
        (response.version(), response.status().as_u16()),
        (Version::HTTP_11, 200)
    );
    let stream = TokioIo::new(admin.connect("h2").await);
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
        .await
        .unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(connection);
    let response = sender.send_request(admin.request("/api/v1/nodes")).await.unwrap();
    assert_eq!((response.version(), response.status().as_u16()), (Version::HTTP_2, 200));
    let jane = Context::of(&demo, "prod-jane");
    assert_eq!(jane.get("/api/v1/namespaces/shop/pods").await.status(), 200);
    assert_eq!(jane.get("/api/v1/namespaces").await.status(), 403);
    let nobody = Context {
        token: None,
        ..Context::of(&demo, "prod-jane")
    };
    assert_eq!(nobody.get("/api/v1/namespaces").await.status(), 403);
    let elsewhere = Context {
        address: Context::of(&demo, "dev").address,
        ..Context::of(&demo, "prod-jane")
    };
    let strange = tokio::time::timeout(PATIENCE, TcpStream::connect(&elsewhere.address))
        .await
        .unwrap();
    assert!(strange.is_ok());
    demo.stop().await;
}

#[tokio::test]
async fn each_line_of_a_log_is_one_chunk() {
    let demo = demo().await;
    let admin = Context::of(&demo, "dev");
    let pod = admin.pod("app=api").await;
    let mut stream = admin.connect("http/1.1").await;
    let request = format!(
        "GET /api/v1/namespaces/shop/pods/{pod}/log?tailLines=20 HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        admin.address
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .unwrap()
        .unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, mut rest) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(
        head.contains("\r\nTransfer-Encoding: chunked") && head.contains("\r\nContent-Type: text/plain"),
        "{head}"
    );
    let mut chunks = 0;
    loop {
        let (size, after) = rest.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            break;
        }
        let (chunk, after) = after.split_at(size);
        assert_eq!(chunk.matches('\n').count(), 1, "{chunk:?}");
        assert!(chunk.ends_with('\n'));
        chunks += 1;
        rest = after.strip_prefix("\r\n").unwrap();
    }
    assert_eq!(chunks, 20);
    demo.stop().await;
}

#[tokio::test]
async fn the_clusters_stop_quickly_under_open_streams() {
    let demo = demo().await;
    let admin = Context::of(&demo, "staging");
    let pod = admin.pod("app=api").await;
    let mut watch = admin.get("/api/v1/pods?watch=1").await.into_body();
    let mut log = admin
        .get(&format!("/api/v1/namespaces/shop/pods/{pod}/log?follow=true"))
        .await
        .into_body();
    assert!(watch.frame().await.unwrap().is_ok() && log.frame().await.unwrap().is_ok());
    let begin = Instant::now();
    demo.stop().await;
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    let end = async |mut body: hyper::body::Incoming| loop {
        match body.frame().await {
            Some(Ok(_)) => {}
            Some(Err(_)) => return "broken",
            None => return "clean",
        }
    };
    assert_eq!((end(watch).await, end(log).await), ("clean", "broken"));
}

type Socket = tokio_tungstenite::WebSocketStream<TlsStream<TcpStream>>;

async fn open(context: &Context, path: &str, protocol: &'static str) -> Result<Socket, Error> {
    let stream = context.connect("http/1.1").await;
    let mut request = format!("wss://{}{path}", context.address)
        .into_client_request()
        .unwrap();
    request
        .headers_mut()
        .insert("sec-websocket-protocol", protocol.parse().unwrap());
    tokio_tungstenite::client_async(request, stream)
        .await
        .map(|(socket, _)| socket)
}

/// The frames until the close: channel and text.
async fn frames(mut socket: Socket) -> Vec<(u8, String)> {
    let mut frames = Vec::new();
    while let Some(Ok(message)) = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap() {
        if let Message::Binary(bytes) = message {
            let (channel, text) = bytes.split_first().unwrap();
            frames.push((*channel, String::from_utf8(text.to_vec()).unwrap()));
        }
    }
    frames
}

#[tokio::test]
async fn commands_run_over_websockets() {
    let demo = demo().await;
    let admin = Context::of(&demo, "dev");
    let pod = admin.pod("app=api").await;
    let exec = |rest: &str| format!("/api/v1/namespaces/shop/pods/{pod}/exec?stdout=true&stderr=true&{rest}");
    let path = exec("command=sh&command=-c&command=echo%20out%3B%20exit%203");
    let seen = frames(open(&admin, &path, "v5.channel.k8s.io").await.unwrap()).await;
    assert_eq!(seen[0], (1, String::new()), "the first frame is empty");
    assert_eq!(seen[1], (1, "out\n".to_owned()));
    let status: Value = serde_json::from_str(&seen[2].1).unwrap();
    assert_eq!(
        (seen[2].0, &status["details"]["causes"][0]["message"]),
        (3, &Value::from("3"))
    );
    let mut socket = open(&admin, &exec("stdin=true&command=cat"), "v5.channel.k8s.io")
        .await
        .unwrap();
    socket
        .send(Message::Binary(Bytes::from_static(b"\x00hello\n")))
        .await
        .unwrap();
    socket
        .send(Message::Binary(Bytes::from_static(b"\xff\x00")))
        .await
        .unwrap();
    let seen = frames(socket).await;
    assert!(seen.contains(&(1, "hello\n".to_owned())), "{seen:?}");
    match open(&admin, &exec("command=id"), "v9.channel.k8s.io").await {
        Err(Error::Http(response)) => {
            assert_eq!(response.status(), 403);
            assert!(response.headers().get("audit-id").is_none());
        }
        other => panic!("an unknown subprotocol is refused: {other:?}"),
    }
    demo.stop().await;
}
