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

/// The text of a log, once it is as wanted.
async fn log_text(context: &Context, path: &str, is_wanted: impl Fn(&str) -> bool) -> String {
    let began = Instant::now();
    let mut every = tokio::time::interval(Duration::from_millis(20));
    loop {
        let response = context.get(path).await;
        let is_answered = response.status() == 200;
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        if is_answered && is_wanted(&text) {
            return text;
        }
        assert!(began.elapsed() < PATIENCE, "{path}: {text}");
        every.tick().await;
    }
}

#[tokio::test]
async fn the_log_of_a_removed_container_is_an_error_in_an_answer_that_is_well() {
    let demo = numbered().await;
    let context = Context::of(&demo, "dev");
    let pod = context.pod("app=gen").await;
    demo.control().fault("{kind = \"restart\", forget = true}").unwrap();
    let previous = format!("/api/v1/namespaces/shop/pods/{pod}/log?previous=true&timestamps=true");
    let text = log_text(&context, &previous, |_| true).await;
    let start = "unable to retrieve container logs for containerd://";
    assert!(text.starts_with(start) && !text.contains('\n'), "{text}");
    let current = format!("/api/v1/namespaces/shop/pods/{pod}/log");
    log_text(&context, &current, |text| text.contains("gen#1 1 ")).await;
    demo.stop().await;
}

#[tokio::test]
async fn a_container_that_restarts_twice_has_lost_the_run_that_was_followed() {
    let demo = numbered().await;
    let context = Context::of(&demo, "dev");
    let pod = context.pod("app=gen").await;
    let mut followed = Followed::open(&context).await;
    demo.control().fault("{kind = \"restart\", twice = true}").unwrap();
    followed.end().await;
    assert!(followed.is_told_to_be_whole(), "it is read to its end");
    let log = |query: &str| format!("/api/v1/namespaces/shop/pods/{pod}/log{query}");
    log_text(&context, &log(""), |text| text.contains("gen#2 1 ")).await;
    let previous = log_text(&context, &log("?previous=true"), |_| true).await;
    assert!(!previous.contains("gen#0 "), "{previous}");
    demo.stop().await;
}

#[tokio::test]
async fn a_renamed_file_is_not_served_and_its_follower_goes_on() {
    let demo = numbered().await;
    let context = Context::of(&demo, "dev");
    let pod = context.pod("app=gen").await;
    let log = format!("/api/v1/namespaces/shop/pods/{pod}/log");
    assert!(log_text(&context, &log, |_| true).await.contains("gen#0 1 "));
    let mut followed = Followed::open(&context).await;
    demo.control().fault("{kind = \"rotate\"}").unwrap();
    let text = log_text(&context, &log, |text| !text.is_empty() && !text.contains("gen#0 1 ")).await;
    let first = text.lines().next().unwrap().to_owned();
    while !followed.text().contains(&first) {
        followed.read().await.unwrap();
    }
    demo.stop().await;
}

#[tokio::test]
async fn a_late_answer_is_counted_as_a_log_that_is_being_opened() {
    let demo = numbered().await;
    let context = Context::of(&demo, "dev");
    let pod = context.pod("app=gen").await;
    let log = format!("/api/v1/namespaces/shop/pods/{pod}/log?tailLines=1");
    demo.control()
        .fault("{kind = \"late\", by = \"300ms\", for = \"1h\", requests = [\"log\"]}")
        .unwrap();
    let began = Instant::now();
    loop {
        let asked = Instant::now();
        assert_eq!(context.get(&log).await.status(), 200);
        if asked.elapsed() >= Duration::from_millis(300) {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "no answer was late");
    }
    let both = tokio::join!(context.get(&log), context.get(&log));
    assert_eq!((both.0.status().as_u16(), both.1.status().as_u16()), (200, 200));
    let record = demo.control().record();
    let last: serde_json::Value = serde_json::from_str(record.lines().last().unwrap()).unwrap();
    assert_eq!(last["traffic"]["opening"], 2);
    assert!(last["traffic"]["requests"].as_u64().unwrap() >= 4);
    demo.stop().await;
}

#[tokio::test]
async fn a_followed_log_stalls_is_slow_and_ends_with_an_errors_text() {
    let demo = numbered().await;
    let context = Context::of(&demo, "dev");
    let mut followed = Followed::open(&context).await;
    demo.control().fault("{kind = \"stall\", for = \"2s\"}").unwrap();
    let began = Instant::now();
    let mut longest = Duration::ZERO;
    while longest < Duration::from_millis(1500) {
        let before = Instant::now();
        followed.read().await.unwrap();
        longest = longest.max(before.elapsed());
        assert!(began.elapsed() < PATIENCE, "it never stalled");
    }
    demo.control()
        .fault("{kind = \"slow\", bytes-per-second = 20, for = \"1h\"}")
        .unwrap();
    let began = Instant::now();
    loop {
        let (before, had) = (Instant::now(), followed.bytes.len());
        followed.read().await.unwrap();
        if before.elapsed() > Duration::from_secs(1) && followed.bytes.len() - had < 200 {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "it never was slow");
    }
    demo.control()
        .fault("{kind = \"error-text\", text = \"too many open files\"}")
        .unwrap();
    followed.end().await;
    assert!(followed.is_told_to_be_whole());
    assert!(
        followed.text().contains("too many open files\r\n0\r\n\r\n"),
        "{}",
        followed.text()
    );
    demo.stop().await;
}
