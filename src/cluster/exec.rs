//! One exec session in a terminal: keys in, output out, how it ended. Own loop over the websocket, because kube's
//! `AttachedProcess` does not notice a dead connection.
//!
//! Channels (v4 and v5 of `channel.k8s.io`): 0 keys, 1 output, 3 the `Status` at the end, 4 the size, 255 close (v5).

use std::time::Duration;

use bytes::Bytes;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::AttachParams;
use kube::core::{Resource as _, Status};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::cause::{Failure, plain, sentence, short};
use crate::model::{ExecEnd, ExecRequest};

const ANSWER: Duration = Duration::from_secs(20);
const PING_EVERY: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(30);

const KEYS: u8 = 0;
const OUTPUT: u8 = 1;
const ERRORS: u8 = 2;
const STATUS: u8 = 3;
const SIZE: u8 = 4;
const CLOSE: u8 = 255;

/// What the user does in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecInput {
    Bytes(Bytes),
    Resized {
        cols: u16,
        rows: u16,
    },
    /// No more keys will come; the command may still write.
    Closed,
}

/// What becomes of a session. Dropping the input ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecEvent {
    Opened,
    Output(Bytes),
    Ended(ExecEnd),
}

/// A session that was asked for.
pub(super) struct Session {
    pub(super) request: ExecRequest,
    pub(super) input: mpsc::Receiver<ExecInput>,
    pub(super) events: mpsc::Sender<ExecEvent>,
}

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// What the server said of the command's end, and whether it ever wrote.
enum Said {
    Status(Box<Status>),
    Lost(String),
}

impl Session {
    /// Runs to the end of the command, of the connection, or of the user's interest.
    pub(super) async fn run(self, client: Client) {
        let events = self.events.clone();
        let end = self.converse(&client).await;
        drop(events.send(ExecEvent::Ended(end)).await);
    }

    /// There is no connection to run it over.
    pub(super) async fn refuse(self, cause: &str) {
        let end = ExecEnd::Refused { cause: cause.into() };
        drop(self.events.send(ExecEvent::Ended(end)).await);
    }

    async fn converse(mut self, client: &Client) -> ExecEnd {
        let (socket, can_close) = match self.open(client).await {
            Ok(opened) => opened,
            Err(failure) => return ExecEnd::Refused { cause: failure.cause },
        };
        drop(self.events.send(ExecEvent::Opened).await);
        let (sink, stream) = socket.split();
        let mut wrote = false;
        let said = tokio::select! {
            said = listen(stream, &self.events, &mut wrote) => said,
            () = speak(sink, &mut self.input, (self.request.cols, self.request.rows), can_close) => {
                Said::Lost("closed".to_owned())
            }
        };
        match said {
            Said::Lost(cause) => ExecEnd::Lost { cause: cause.into() },
            Said::Status(status) => end_of(&status, wrote),
        }
    }

    async fn open(&self, client: &Client) -> Result<(Socket, bool), Failure> {
        let target = &self.request.target;
        let params = AttachParams::interactive_tty().container(&*target.container);
        let path = Pod::url_path(&(), Some(&target.pod.namespace));
        let request = kube::core::Request::new(path).exec(&target.pod.name, &self.request.command, &params);
        let request = request.map_err(|error| Failure::broken(error.to_string()))?;
        match timeout(ANSWER, client.connect(request)).await {
            Ok(Ok(connection)) => {
                let can_close = connection.supports_stream_close();
                Ok((connection.into_stream(), can_close))
            }
            Ok(Err(error)) => Err(Failure::of(&error)),
            Err(_) => Err(Failure::no_answer(ANSWER)),
        }
    }
}

/// Passes the output on until the server says how it ended.
async fn listen(mut stream: SplitStream<Socket>, events: &mpsc::Sender<ExecEvent>, wrote: &mut bool) -> Said {
    loop {
        let message = match timeout(SILENCE, stream.next()).await {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(error))) => return Said::Lost(plain(&error)),
            Ok(None) => return Said::Lost("connection closed by the server".to_owned()),
            Err(_) => return Said::Lost(format!("no sign of life for {} s", SILENCE.as_secs())),
        };
        let mut bytes = match message {
            Message::Binary(bytes) if !bytes.is_empty() => bytes,
            Message::Close(_) => return Said::Lost("connection closed by the server".to_owned()),
            _ => continue,
        };
        let channel = bytes.split_to(1);
        match channel.first() {
            // Its first frame is an empty one.
            Some(&(OUTPUT | ERRORS)) if !bytes.is_empty() => {
                *wrote = true;
                drop(events.send(ExecEvent::Output(bytes)).await);
            }
            Some(&STATUS) => match serde_json::from_slice::<Status>(&bytes) {
                Ok(status) => return Said::Status(status.boxed()),
                Err(_) => return Said::Lost("the server's last word cannot be read".to_owned()),
            },
            _ => {}
        }
    }
}

/// Sends keys, sizes and pings until the user loses interest. A connection that cannot be written to is `listen`'s to
/// notice: the server's last word may still be on its way.
async fn speak(
    mut sink: SplitSink<Socket, Message>,
    input: &mut mpsc::Receiver<ExecInput>,
    (cols, rows): (u16, u16),
    can_close: bool,
) {
    let mut pings = interval(PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sent = sink.send(size(cols, rows)).await;
    while sent.is_ok() {
        let message = tokio::select! {
            _ = pings.tick() => Message::Ping(Bytes::new()),
            input = input.recv() => match input {
                Some(ExecInput::Bytes(bytes)) => framed(KEYS, &bytes),
                Some(ExecInput::Resized { cols, rows }) => size(cols, rows),
                Some(ExecInput::Closed) if can_close => Message::binary(vec![CLOSE, KEYS]),
                // The older protocol knows no end of the keys but the end of all: a terminal's ctrl-d has to do.
                Some(ExecInput::Closed) => framed(KEYS, b"\x04"),
                None => {
                    drop(sink.close().await);
                    return;
                }
            },
        };
        sent = sink.send(message).await;
    }
    std::future::pending::<()>().await;
}

fn framed(channel: u8, bytes: &[u8]) -> Message {
    Message::binary([&[channel], bytes].concat())
}

fn size(cols: u16, rows: u16) -> Message {
    framed(SIZE, format!(r#"{{"Width":{cols},"Height":{rows}}}"#).as_bytes())
}

/// The end that the server's last word tells. The exit status is among its causes; its message varies by runtime.
fn end_of(status: &Status, wrote: bool) -> ExecEnd {
    if status.is_success() {
        return ExecEnd::Exited(0);
    }
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let code = causes
        .filter(|cause| cause.reason == "ExitCode")
        .find_map(|cause| cause.message.parse().ok());
    match code {
        Some(code) => ExecEnd::Exited(code),
        None if wrote => ExecEnd::Lost {
            cause: innermost(status).into(),
        },
        None => ExecEnd::Refused {
            cause: innermost(status).into(),
        },
    }
}

/// The end of the server's sentence: each layer prefixes its own `error executing ...`.
fn innermost(status: &Status) -> String {
    match status.message.rsplit_once("unable to start container process: ") {
        Some((_, words)) => short(words),
        None => sentence(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, wrote: bool, expected: &ExecEnd) {
        assert_eq!(end_of(&serde_json::from_str(json).unwrap(), wrote), *expected);
    }

    /// The last words of real sessions.
    #[test]
    fn the_last_word_tells_the_end() {
        check(r#"{"metadata":{},"status":"Success"}"#, true, &ExecEnd::Exited(0));
        check(
            r#"{"metadata":{},"status":"Failure","message":"command terminated with non-zero exit code: error executing command [sh -c echo out; exit 3], exit code 3","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"3"}]}}"#,
            true,
            &ExecEnd::Exited(3),
        );
        let missing = r#"{"metadata":{},"status":"Failure","message":"Internal error occurred: error executing command in container: OCI runtime exec failed: exec failed: unable to start container process: exec: \"nosuchcmd\": executable file not found in $PATH","reason":"InternalError","details":{"causes":[{"message":"x"}]},"code":500}"#;
        let words = "exec: \"nosuchcmd\": executable file not found in $PATH";
        check(missing, false, &ExecEnd::Refused { cause: words.into() });
        check(
            r#"{"status":"Failure","message":"task gone","code":500}"#,
            true,
            &ExecEnd::Lost {
                cause: "task gone".into(),
            },
        );
    }

    #[test]
    fn frames_carry_their_channel() {
        assert_eq!(
            size(80, 24).into_data(),
            Bytes::from_static(b"\x04{\"Width\":80,\"Height\":24}")
        );
        assert_eq!(framed(KEYS, b"ls\r").into_data(), Bytes::from_static(b"\0ls\r"));
    }
}
