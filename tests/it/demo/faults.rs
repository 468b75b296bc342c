//! What goes wrong with the embedded clusters, as a client on the network meets it.

use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use kontrast::demo::Demo;
use kontrast::demo::scenario::Scenario;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::tls::Context;

/// Nothing here takes longer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

const NUMBERED: &str = r#"
name = "numbered"
title = "One container that writes numbered lines"
namespaces = ["shop"]
history = "1s"

[[clusters]]
name = "dev"
nodes = ["dev-1"]

[[workloads]]
kind = "DaemonSet"
namespace = "shop"
name = "gen"

[[workloads.containers]]
name = "gen"
image = "registry.example/test/gen:1"
command = ["/gen"]
rate = 200.0
numbered = true
"#;

async fn numbered() -> Demo {
    let scenario = Scenario::parse(NUMBERED, Path::new("numbered.toml")).unwrap();
    Demo::start(scenario, 3, super::now()).await.unwrap()
}

/// A log that is followed over a connection of its own, as bytes of HTTP.
struct Followed {
    stream: TlsStream<TcpStream>,
    bytes: Vec<u8>,
}

impl Followed {
    async fn open(context: &Context) -> Self {
        let pod = context.pod("app=gen").await;
        let mut stream = context.connect("http/1.1").await;
        let request = format!(
            "GET /api/v1/namespaces/shop/pods/{pod}/log?follow=true&tailLines=1 HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
            context.address
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut followed = Self {
            stream,
            bytes: Vec::new(),
        };
        while !followed.text().contains(" größe\n") {
            followed.read().await.unwrap();
        }
        followed
    }

    async fn read(&mut self) -> std::io::Result<usize> {
        let mut piece = [0; 4096];
        let read = timeout(PATIENCE, self.stream.read(&mut piece))
            .await
            .expect("in time")?;
        self.bytes.extend_from_slice(piece.get(..read).unwrap());
        Ok(read)
    }

    /// Reads until it ends; gives the error, if it ends with one.
    async fn end(&mut self) -> Option<ErrorKind> {
        loop {
            match self.read().await {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return Some(error.kind()),
            }
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// Whether the last chunk has come, which says that the body is whole.
    fn is_told_to_be_whole(&self) -> bool {
        self.bytes.ends_with(b"\r\n0\r\n\r\n")
    }
}

#[tokio::test]
async fn a_log_on_its_own_connection_is_cut_in_every_form() {
    let demo = numbered().await;
    let context = Context::of(&demo, "dev");
    for (how, is_whole, is_reset) in [
        ("eof", true, false),
        ("mid-line", true, false),
        ("mid-utf8", true, false),
        ("reset", false, true),
        ("half-close", false, false),
        ("mid-chunk", false, false),
    ] {
        let mut followed = Followed::open(&context).await;
        demo.control()
            .fault(&format!("{{kind = \"cut\", how = [\"{how}\"]}}"))
            .unwrap();
        let error = followed.end().await;
        assert_eq!(followed.is_told_to_be_whole(), is_whole, "{how}: {}", followed.text());
        assert_eq!(error == Some(ErrorKind::ConnectionReset), is_reset, "{how}: {error:?}");
        let body = followed.text();
        let cut_inside = match how {
            "mid-line" | "mid-utf8" => !body.trim_end_matches("\r\n0\r\n\r\n").ends_with('\n'),
            _ => true,
        };
        assert!(cut_inside, "{how}: {body}");
        if how == "mid-utf8" {
            assert!(followed.bytes.ends_with(b"gr\xc3\xb6\xc3\r\n0\r\n\r\n"), "{body}");
        }
    }
    demo.stop().await;
}

#[tokio::test]
async fn a_black_hole_takes_connections_and_says_nothing() {
    let demo = numbered().await;
    let context = Context::of(&demo, "dev");
    let mut followed = Followed::open(&context).await;
    let began = Instant::now();
    demo.control().fault("{kind = \"black-hole\", for = \"3s\"}").unwrap();
    // What is on its way comes, then nothing.
    let mut piece = [0; 4096];
    while timeout(Duration::from_millis(700), followed.stream.read(&mut piece))
        .await
        .is_ok()
    {}
    assert!(began.elapsed() < Duration::from_secs(3), "it never became silent");
    TcpStream::connect(&context.address).await.expect("accepted");
    assert!(
        timeout(Duration::from_millis(300), context.connect("http/1.1"))
            .await
            .is_err(),
        "nobody answers a handshake"
    );
    assert!(followed.read().await.unwrap() > 0, "it goes on");
    assert!(began.elapsed() > Duration::from_millis(2900));
    assert!(context.list("/api/v1/nodes").await["items"].is_array());
    demo.stop().await;
}

#[tokio::test]
async fn a_server_that_restarts_cuts_refuses_and_is_back() {
    let demo = numbered().await;
    let context = Context::of(&demo, "dev");
    let mut followed = Followed::open(&context).await;
    let began = Instant::now();
    demo.control()
        .fault("{\"kind\": \"restart-server\", \"for\": \"1500ms\"}")
        .unwrap();
    followed.end().await;
    assert!(!followed.is_told_to_be_whole());
    let mut refused = 0;
    let mut every = tokio::time::interval(Duration::from_millis(50));
    while TcpStream::connect(&context.address).await.is_err() {
        refused += 1;
        assert!(began.elapsed() < PATIENCE);
        every.tick().await;
    }
    assert!(refused > 0 && began.elapsed() > Duration::from_millis(1400));
    assert!(context.list("/api/v1/nodes").await["items"].is_array());
    demo.stop().await;
}

#[tokio::test]
async fn requests_of_a_kind_are_refused_for_a_while() {
    let demo = numbered().await;
    let context = Context::of(&demo, "dev");
    let pod = context.pod("app=gen").await;
    let log = format!("/api/v1/namespaces/shop/pods/{pod}/log?tailLines=1");
    for (code, reason) in [
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (410, "Expired"),
        (429, "TooManyRequests"),
        (500, "InternalError"),
        (503, "ServiceUnavailable"),
    ] {
        let fault =
            format!("{{kind = \"status\", code = {code}, retry-after = 7, requests = [\"log\"], for = \"300ms\"}}");
        demo.control().fault(&fault).unwrap();
        let began = Instant::now();
        let mut every = tokio::time::interval(Duration::from_millis(20));
        let refused = loop {
            let response = context.get(&log).await;
            if response.status() != 200 {
                break response;
            }
            assert!(began.elapsed() < PATIENCE, "{code} never came");
            every.tick().await;
        };
        assert_eq!(refused.status(), code);
        assert_eq!(refused.headers().get("retry-after").unwrap(), "7");
        let status = refused.into_body().collect().await.unwrap().to_bytes();
        let status: serde_json::Value = serde_json::from_slice(&status).unwrap();
        assert_eq!(status["reason"], reason);
        assert!(
            context.list("/api/v1/nodes").await["items"].is_array(),
            "other requests are answered"
        );
        while context.get(&log).await.status() != 200 {
            assert!(began.elapsed() < PATIENCE, "{code} never went");
            every.tick().await;
        }
    }
    demo.stop().await;
}

#[tokio::test]
async fn a_lost_node_has_no_logs_until_it_is_found() {
    let demo = numbered().await;
    let context = Context::of(&demo, "dev");
    let pod = context.pod("app=gen").await;
    let log = format!("/api/v1/namespaces/shop/pods/{pod}/log?tailLines=1");
    demo.control().fault("{kind = \"lose-node\", for = \"500ms\"}").unwrap();
    let began = Instant::now();
    let mut seen = Vec::new();
    while seen != [200, 500, 200] && seen != [500, 200] {
        let status = context.get(&log).await.status().as_u16();
        if seen.last() != Some(&status) {
            seen.push(status);
        }
        assert!(began.elapsed() < PATIENCE, "{seen:?}");
    }
    demo.stop().await;
}

#[tokio::test]
async fn a_clock_that_jumps_takes_stamps_and_dates_along() {
    let demo = numbered().await;
    let context = Context::of(&demo, "dev");
    let pod = context.pod("app=gen").await;
    let log = format!("/api/v1/namespaces/shop/pods/{pod}/log?tailLines=1&timestamps=true");
    let year = async || {
        let response = context.get(&log).await;
        let date = response.headers().get("date").unwrap().to_str().unwrap().to_owned();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        (body.get(..4).unwrap().to_owned(), date)
    };
    let (before, _) = year().await;
    demo.control().fault("{kind = \"skew\", by = \"-800d\"}").unwrap();
    let began = Instant::now();
    loop {
        let (now, date) = year().await;
        if now != before {
            assert!(now < before && date.contains(&now), "{now} {date}");
            break;
        }
        assert!(began.elapsed() < PATIENCE);
    }
    demo.stop().await;
}

#[tokio::test]
async fn a_socket_takes_faults_and_gives_the_record() {
    let demo = numbered().await;
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("control");
    demo.listen_for_control(&socket).unwrap();
    let stream = UnixStream::connect(&socket).await.unwrap();
    let (read, mut write) = stream.into_split();
    let mut answers = BufReader::new(read).lines();
    let record = dir.path().join("record.ndjson");
    for (line, expected) in [
        ("{kind = \"rotate\", workload = \"shop/gen\"}".to_owned(), "ok"),
        ("{kind = \"rotat\"}".to_owned(), "error: unknown variant `rotat`"),
        (
            "{kind = \"rotate\", workload = \"shop/gn\"}".to_owned(),
            "error: there is no workload `shop/gn`",
        ),
        (format!("record {}", record.display()), "ok"),
        (format!("record {}", record.display()), "error: write"),
    ] {
        write.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        let answer = timeout(PATIENCE, answers.next_line()).await.unwrap().unwrap().unwrap();
        assert!(answer.starts_with(expected), "{line}: {answer}");
    }
    let record = std::fs::read_to_string(record).unwrap();
    let run: serde_json::Value = serde_json::from_str(record.lines().next().unwrap()).unwrap();
    assert_eq!(run["namespace"], "shop");
    assert!(run["lines"].as_u64().unwrap() > 0);
    demo.stop().await;
}
