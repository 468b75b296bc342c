//! Exec sessions, frame by frame, as a real cluster sends them.

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use kontrast::cluster::{ExecEvent, ExecInput};
use kontrast::model::{ClusterState, ContextId, ExecEnd, ExecRequest, Ingest, PodKey, Report, Target};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::{Fake, PATIENCE, Story, World, healthy, since, world};

struct Session {
    _story: Story,
    socket: WebSocketStream<TokioIo<Upgraded>>,
    uri: String,
    input: mpsc::Sender<ExecInput>,
    events: mpsc::Receiver<ExecEvent>,
}

fn request() -> ExecRequest {
    let pod = PodKey {
        context: ContextId(0),
        namespace: "shop".into(),
        name: "api-0".into(),
        uid: "uid-api-0".into(),
    };
    ExecRequest {
        target: Target {
            pod,
            container: "api".into(),
        },
        command: vec!["sh".to_owned(), "-c".to_owned(), "echo $TERM".to_owned()],
        cols: 80,
        rows: 24,
    }
}

async fn live(world: World) -> (Fake, Story) {
    let fake = Fake::start(world).await;
    let mut story = fake.open(since(600));
    story.until_state("live", ClusterState::is_live).await;
    (fake, story)
}

impl Session {
    async fn start() -> Self {
        let (mut fake, story) = live(world(vec![healthy()])).await;
        let (input, events) = story.handle.exec(request());
        let call = timeout(PATIENCE, fake.execs.recv()).await.unwrap().unwrap();
        let upgraded = timeout(PATIENCE, call.upgrade).await.unwrap().unwrap();
        let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        // The first frame is an empty one.
        let mut session = Self {
            _story: story,
            socket,
            uri: call.uri,
            input,
            events,
        };
        session.send(b"\x01").await;
        assert_eq!(session.event().await, ExecEvent::Opened);
        session
    }

    async fn send(&mut self, frame: &[u8]) {
        self.socket.send(Message::binary(frame.to_vec())).await.unwrap();
    }

    /// The next frame from the client that is not a ping.
    async fn frame(&mut self) -> Option<Vec<u8>> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.unwrap() {
                Some(Ok(Message::Binary(bytes))) => return Some(bytes.to_vec()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(_) | Err(_)) | None => return None,
            }
        }
    }

    async fn event(&mut self) -> ExecEvent {
        event(&mut self.events).await
    }
}

async fn event(events: &mut mpsc::Receiver<ExecEvent>) -> ExecEvent {
    timeout(PATIENCE, events.recv()).await.unwrap().unwrap()
}

#[tokio::test]
async fn keys_sizes_and_output_pass_and_the_exit_status_is_told() {
    let mut session = Session::start().await;
    for part in [
        "/namespaces/shop/pods/api-0/exec?",
        "stdin=true",
        "stdout=true",
        "tty=true",
        "container=api",
        "command=sh&command=-c&command=echo+%24TERM",
    ] {
        assert!(session.uri.contains(part), "{part} in {}", session.uri);
    }
    assert!(
        !session.uri.contains("stderr=true"),
        "a terminal has no separate errors"
    );
    assert_eq!(session.frame().await.unwrap(), b"\x04{\"Width\":80,\"Height\":24}");
    session
        .input
        .send(ExecInput::Bytes(Bytes::from_static(b"ls\r")))
        .await
        .unwrap();
    assert_eq!(session.frame().await.unwrap(), b"\0ls\r");
    session
        .input
        .send(ExecInput::Resized { cols: 120, rows: 40 })
        .await
        .unwrap();
    assert_eq!(session.frame().await.unwrap(), b"\x04{\"Width\":120,\"Height\":40}");
    session.input.send(ExecInput::Closed).await.unwrap();
    assert_eq!(session.frame().await.unwrap(), b"\xff\0");
    session.send(b"\x01app\r\n").await;
    assert_eq!(session.event().await, ExecEvent::Output(Bytes::from_static(b"app\r\n")));
    session.send(b"\x03{\"metadata\":{},\"status\":\"Failure\",\"reason\":\"NonZeroExitCode\",\"details\":{\"causes\":[{\"reason\":\"ExitCode\",\"message\":\"3\"}]}}").await;
    assert_eq!(session.event().await, ExecEvent::Ended(ExecEnd::Exited(3)));
}

#[tokio::test]
async fn a_command_that_is_not_there_is_refused() {
    let mut session = Session::start().await;
    session.send(b"\x03{\"status\":\"Failure\",\"code\":500,\"message\":\"OCI runtime exec failed: exec failed: unable to start container process: exec: \\\"sh\\\": executable file not found in $PATH\"}").await;
    let cause = "exec: \"sh\": executable file not found in $PATH".into();
    assert_eq!(session.event().await, ExecEvent::Ended(ExecEnd::Refused { cause }));
}

#[tokio::test]
async fn a_connection_that_dies_loses_the_session() {
    let Session {
        socket,
        mut events,
        input: _input,
        _story,
        ..
    } = Session::start().await;
    drop(socket);
    let ended = event(&mut events).await;
    assert!(matches!(&ended, ExecEvent::Ended(ExecEnd::Lost { .. })), "{ended:?}");
}

#[tokio::test]
async fn whoever_drops_the_keys_ends_the_session() {
    let mut session = Session::start().await;
    let (other, _) = mpsc::channel(1);
    drop(std::mem::replace(&mut session.input, other));
    while session.frame().await.is_some() {}
    assert_eq!(
        session.event().await,
        ExecEvent::Ended(ExecEnd::Lost { cause: "closed".into() })
    );
}

#[tokio::test]
async fn a_refusal_is_told_in_the_servers_words() {
    let sentence = "pods \"api-0\" is forbidden: User \"jane\" cannot get resource \"pods/exec\"";
    let refused = vec![("/api/v1/namespaces/shop/pods/api-0/exec", 403, sentence)];
    let (_fake, story) = live(World {
        refused,
        ..world(vec![healthy()])
    })
    .await;
    let (_input, mut events) = story.handle.exec(request());
    assert_eq!(
        event(&mut events).await,
        ExecEvent::Ended(ExecEnd::Refused { cause: sentence.into() })
    );
}

/// Rules of the core group.
fn rules(granted: &[(&str, &str)]) -> serde_json::Value {
    let rule = |(resource, verb): &(&str, &str)| json!({"apiGroups": [""], "resources": [resource], "verbs": [verb]});
    granted.iter().map(rule).collect()
}

#[tokio::test]
async fn a_session_that_would_be_refused_is_not_begun_and_the_missing_verb_is_named() {
    let (mut fake, story) = live(World {
        rules: Some(rules(&[("pods/log", "get"), ("pods/exec", "create")])),
        ..world(vec![healthy()])
    })
    .await;
    let (_input, mut events) = story.handle.exec(request());
    let cause = "pods/exec: get is missing in namespace shop".into();
    assert_eq!(event(&mut events).await, ExecEvent::Ended(ExecEnd::Refused { cause }));
    assert!(fake.execs.try_recv().is_err(), "it was begun");
    // Somebody grants it.
    fake.world
        .send_modify(|world| world.rules = Some(rules(&[("pods/exec", "get"), ("pods/exec", "create")])));
    let (_input, _events) = story.handle.exec(request());
    timeout(PATIENCE, fake.execs.recv()).await.unwrap().unwrap();
}

#[tokio::test]
async fn rights_are_asked_for_once_and_logs_that_none_may_read_are_told_before_there_are_any() {
    let (mut fake, mut story) = live(World {
        rules: Some(rules(&[("pods/exec", "get"), ("pods/exec", "create")])),
        ..world(vec![])
    })
    .await;
    let told = |report: &Report| match report {
        Report::Limited { what, cause, .. } => {
            &**what == "logs in namespace shop" && &**cause == "pods/log: get is missing in namespace shop"
        }
        _ => false,
    };
    story.until("the limit", |story| story.reports.iter().any(told)).await;
    story
        .until("the engine knows", |story| {
            story
                .ingests
                .iter()
                .any(|ingest| matches!(ingest, Ingest::Forbidden { namespace: Some(name), .. } if &**name == "shop"))
        })
        .await;
    // What is allowed is begun without another question.
    let (_input, _events) = story.handle.exec(request());
    timeout(PATIENCE, fake.execs.recv()).await.unwrap().unwrap();
    let mut asked = 0;
    while fake.reviews.try_recv().is_ok() {
        asked += 1;
    }
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn without_a_connection_nothing_is_started() {
    let story = Story::open_with(
        "{exec: {command: /nonexistent/plugin}}",
        "http://127.0.0.1:1",
        since(600),
    );
    let (_input, mut events) = story.handle.exec(request());
    let ended = event(&mut events).await;
    assert!(matches!(&ended, ExecEvent::Ended(ExecEnd::Refused { .. })), "{ended:?}");
}
