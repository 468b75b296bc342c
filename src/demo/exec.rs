//! Exec and attach over an upgraded websocket: channels in frames, the status at the end. Not the process itself.
//!
//! Frame by frame as an API server of 1.36 with containerd answers: an empty first frame, then output as it comes,
//! a `Status` on the error channel, and a close with 1000.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::demo::clock::Now;
use crate::demo::cluster::Instance;
use crate::demo::log::Stream as LogStream;
use crate::demo::shell::{self, Ended, Input, Output, Size, Start};

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;
const RESIZE: u8 = 4;
/// In version 5: the channel in the next byte is closed.
const CLOSE: u8 = 255;

/// What a process that got SIGKILL leaves: 128 and the signal.
const KILLED: i32 = 137;

/// Messages that wait between the socket and the process, each way.
const MOST_WAITING: usize = 16;
/// How long a client may take to answer our close frame.
const GOODBYE: Duration = Duration::from_secs(5);

/// How channels are put into messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Binary messages; the status is plain text and only of a failure.
    Binary,
    /// The same as text: a digit, then base64.
    Base64,
    /// Binary, with a `Status` object.
    V4,
    Base64V4,
    /// Version 4 with a way to close standard input.
    V5,
}

impl Protocol {
    const ALL: [Self; 5] = [Self::Binary, Self::Base64, Self::V4, Self::Base64V4, Self::V5];

    /// The subprotocol's name, as the handshake answers it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Binary => "channel.k8s.io",
            Self::Base64 => "base64.channel.k8s.io",
            Self::V4 => "v4.channel.k8s.io",
            Self::Base64V4 => "v4.base64.channel.k8s.io",
            Self::V5 => "v5.channel.k8s.io",
        }
    }

    fn is_text(self) -> bool {
        match self {
            Self::Base64 | Self::Base64V4 => true,
            Self::Binary | Self::V4 | Self::V5 => false,
        }
    }

    fn message(self, channel: u8, payload: &[u8]) -> Message {
        if self.is_text() {
            let mut text = channel.to_string();
            STANDARD.encode_string(payload, &mut text);
            return Message::text(text);
        }
        let mut bytes = Vec::with_capacity(payload.len() + 1);
        bytes.push(channel);
        bytes.extend_from_slice(payload);
        Message::binary(bytes)
    }

    /// Channel and payload of a client's message; none if it is neither data nor well formed.
    fn parts(self, message: &Message) -> Option<(u8, Vec<u8>)> {
        match (message, self.is_text()) {
            (Message::Text(text), true) => {
                let (channel, payload) = text.as_bytes().split_first()?;
                Some((channel.checked_sub(b'0')?, STANDARD.decode(payload).ok()?))
            }
            (Message::Binary(bytes), false) => {
                let (channel, payload) = bytes.split_first()?;
                Some((*channel, payload.to_vec()))
            }
            (_, _) => None,
        }
    }
}

/// Picks from a `Sec-WebSocket-Protocol` header: version 5 wherever it is offered, else the first that is known.
pub fn choose(offered: &str) -> Option<Protocol> {
    let known = |name: &str| Protocol::ALL.into_iter().find(|protocol| protocol.name() == name);
    let offered: Vec<Protocol> = offered.split(',').map(str::trim).filter_map(known).collect();
    let newest = offered.iter().find(|protocol| **protocol == Protocol::V5);
    newest.or(offered.first()).copied()
}

/// The streams that the request asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the query parameters of the API, one by one"
)]
pub struct Options {
    pub stdin: bool,
    pub stdout: bool,
    pub stderr: bool,
    pub tty: bool,
}

impl Options {
    /// Where the empty first frame goes that tells the client that the connection stands.
    fn first_channel(self) -> u8 {
        match (self.stdout, self.stderr) {
            (true, _) => STDOUT,
            (false, true) => STDERR,
            (false, false) => STATUS,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NewSize {
    width: u16,
    height: u16,
}

/// The `Status` object, with the fields in the order in which the API server writes them.
#[derive(Serialize)]
struct Status {
    metadata: NoMetadata,
    #[serde(rename = "status")]
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
}

#[derive(Serialize)]
struct NoMetadata {}

#[derive(Serialize)]
struct Details {
    causes: [Cause; 1],
}

#[derive(Serialize)]
struct Cause {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    message: String,
}

impl Status {
    fn success() -> Self {
        Self {
            metadata: NoMetadata {},
            outcome: "Success",
            message: None,
            reason: None,
            details: None,
            code: None,
        }
    }

    fn failure(message: String, reason: &'static str, cause: Cause) -> Self {
        let details = Some(Details { causes: [cause] });
        Self {
            outcome: "Failure",
            message: Some(message),
            reason: Some(reason),
            details,
            ..Self::success()
        }
    }

    fn exited(status: i32, argv: &[String], protocol: Protocol) -> Self {
        if status == 0 {
            return Self::success();
        }
        // The kubelet's message up to version 4; the API server translates from version 5 on.
        let what = match protocol {
            Protocol::V5 => format!("command terminated with exit code {status}"),
            Protocol::Binary | Protocol::Base64 | Protocol::V4 | Protocol::Base64V4 => {
                format!("error executing command [{}], exit code {status}", argv.join(" "))
            }
        };
        let cause = Cause {
            reason: Some("ExitCode"),
            message: status.to_string(),
        };
        Self::failure(
            format!("command terminated with non-zero exit code: {what}"),
            "NonZeroExitCode",
            cause,
        )
    }

    fn not_found(what: &str, argv: &[String], protocol: Protocol) -> Self {
        let exec = exec_id(argv);
        let mut inner = format!(
            "error executing command in container: failed to exec in container: failed to start exec \"{exec}\": \
             OCI runtime exec failed: exec failed: unable to start container process: {what}"
        );
        if protocol == Protocol::V5 {
            inner = format!("Internal error occurred: {inner}");
        }
        let cause = Cause {
            reason: None,
            message: inner.clone(),
        };
        let status = Self::failure(format!("Internal error occurred: {inner}"), "InternalError", cause);
        Self {
            code: Some(500),
            ..status
        }
    }
}

/// 64 hex digits, the same for the same command.
fn exec_id(argv: &[String]) -> String {
    let part = |n: u64| {
        let mut hasher = DefaultHasher::new();
        (n, argv).hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    };
    (0..4).map(part).collect()
}

/// A process to start, and the exit status of the container that it runs in once there is one.
pub struct Joining {
    pub start: Start,
    pub container: watch::Receiver<Option<i32>>,
}

/// Runs a process for the client at the other end of the socket until it ends, the container ends or the client goes.
pub async fn exec<S>(ws: WebSocketStream<S>, protocol: Protocol, options: Options, joining: Joining, now: Now)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let argv = joining.start.argv.clone();
    let mut line = Line::new(ws, protocol, options);
    let process = |input, output| within(joining.container, shell::run(joining.start, now, input, output));
    let Some(ended) = line.carry(process).await else {
        return;
    };
    let status = match ended {
        Ended::Exited(status) => Status::exited(status, &argv, protocol),
        Ended::NotFound(what) => Status::not_found(&what, &argv, protocol),
    };
    line.end(&status).await;
}

/// A container takes all its processes with it.
async fn within(mut container: watch::Receiver<Option<i32>>, process: impl Future<Output = Ended>) -> Ended {
    let ended = async { container.wait_for(Option::is_some).await.is_ok() };
    tokio::select! {
        ended = process => ended,
        true = ended => Ended::Exited(KILLED),
    }
}

/// Shows what the instance writes from now on, until it ends or the client goes. An instance whose command is a shell
/// is a shell to talk to where standard input is asked for; then the status that the shell ended with is returned.
pub async fn attach<S>(
    ws: WebSocketStream<S>,
    protocol: Protocol,
    options: Options,
    instance: Arc<Instance>,
    now: Now,
) -> Option<i32>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut line = Line::new(ws, protocol, options);
    let inside = Arc::clone(&instance.inside);
    if options.stdin && shell::is_shell(&inside.command) {
        let argv = inside.command.clone();
        let start = Start {
            inside,
            argv,
            tty: options.tty,
            stdin: true,
        };
        let ended = line
            .carry(|input, output| shell::run(start, now, input, output))
            .await?;
        // Attaching has no exit status of its own: the container's is in the pod.
        line.end(&Status::success()).await;
        return match ended {
            Ended::Exited(status) => Some(status),
            Ended::NotFound(_) => None,
        };
    }
    line.carry(|input, output| follow(instance, options, input, output))
        .await?;
    line.end(&Status::success()).await;
    None
}

/// Copies the lines of a log from now on, until the instance has ended.
async fn follow(instance: Arc<Instance>, options: Options, input: mpsc::Receiver<Input>, output: mpsc::Sender<Output>) {
    // Nothing reads the input, but it must not be taken for closed.
    let _input = input;
    let end: &[u8] = if options.tty { b"\r\n" } else { b"\n" };
    let (mut changed, mut exit) = (instance.log.changed(), instance.exit.clone());
    let mut next = instance.log.len();
    loop {
        let ended = instance.log.is_ended() || exit.borrow_and_update().is_some();
        changed.mark_unchanged();
        let (entries, after) = instance.log.follow(next);
        next = after;
        for entry in entries {
            let bytes = [&entry.bytes[..], end].concat();
            let piece = match entry.stream {
                LogStream::Stderr if !options.tty => Output::Stderr(bytes),
                LogStream::Stdout | LogStream::Stderr => Output::Stdout(bytes),
            };
            if output.send(piece).await.is_err() {
                return;
            }
        }
        if ended {
            return;
        }
        tokio::select! {
            _ = changed.changed() => {}
            // The one who tells of the exit is gone only with the whole cluster.
            told = exit.changed() => if told.is_err() { return },
        }
    }
}

/// The socket and how to speak on it.
struct Line<S> {
    sink: SplitSink<WebSocketStream<S>, Message>,
    stream: SplitStream<WebSocketStream<S>>,
    protocol: Protocol,
    options: Options,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    fn new(ws: WebSocketStream<S>, protocol: Protocol, options: Options) -> Self {
        let (sink, stream) = ws.split();
        Self {
            sink,
            stream,
            protocol,
            options,
        }
    }

    /// Carries bytes both ways while the process runs; what it ended with, or none if the client went first.
    ///
    /// The socket is read while it is written, so that a client that sends much before it reads is not blocked; when
    /// the process does not read, what waits is bounded and the client has to wait too.
    async fn carry<T, F>(&mut self, process: impl FnOnce(mpsc::Receiver<Input>, mpsc::Sender<Output>) -> F) -> Option<T>
    where
        F: Future<Output = T>,
    {
        let (to_process, input) = mpsc::channel(MOST_WAITING);
        let (output, from_process) = mpsc::channel(MOST_WAITING);
        let process = process(input, output);
        let sending = send(&mut self.sink, from_process, self.protocol, self.options);
        let ended = tokio::select! {
            (ended, sent) = async { tokio::join!(process, sending) } => sent.ok().map(|()| ended),
            () = receive(&mut self.stream, &to_process, self.protocol) => None,
        };
        if ended.is_none() {
            self.wait_for_the_end().await;
        }
        ended
    }

    /// Sends the status and says goodbye.
    async fn end(mut self, status: &Status) {
        let payload = match self.protocol {
            Protocol::Binary | Protocol::Base64 => status.message.clone().map(String::into_bytes),
            Protocol::V4 | Protocol::Base64V4 | Protocol::V5 => serde_json::to_vec(status).ok(),
        };
        let close = CloseFrame {
            code: CloseCode::Normal,
            reason: "".into(),
        };
        let (sink, protocol) = (&mut self.sink, self.protocol);
        let goodbye = async {
            if let Some(payload) = payload {
                sink.send(protocol.message(STATUS, &payload)).await?;
            }
            sink.send(Message::Close(Some(close))).await
        };
        let drain = async { while let Some(Ok(_)) = self.stream.next().await {} };
        let both = async { tokio::join!(goodbye, drain) };
        // A client that is gone needs no goodbye, and one that does not answer gets no more time.
        drop(tokio::time::timeout(GOODBYE, both).await);
    }

    /// Reads on until the closing handshake is through: reading is what answers a close frame.
    async fn wait_for_the_end(&mut self) {
        let drain = async { while let Some(Ok(_)) = self.stream.next().await {} };
        drop(tokio::time::timeout(GOODBYE, drain).await);
    }
}

/// Sends the first frame and then all output, each piece on its channel, until the process has dropped its end.
async fn send<S: AsyncRead + AsyncWrite + Unpin>(
    sink: &mut SplitSink<WebSocketStream<S>, Message>,
    mut output: mpsc::Receiver<Output>,
    protocol: Protocol,
    options: Options,
) -> Result<(), Error> {
    sink.send(protocol.message(options.first_channel(), &[])).await?;
    while let Some(piece) = output.recv().await {
        let message = match piece {
            Output::Stdout(bytes) if options.stdout => protocol.message(STDOUT, &bytes),
            Output::Stderr(bytes) if options.stderr => protocol.message(STDERR, &bytes),
            Output::Stdout(_) | Output::Stderr(_) => continue,
        };
        sink.send(message).await?;
    }
    Ok(())
}

/// Hands on what the client sends until it closes. Pings are answered by the reading itself.
async fn receive<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut SplitStream<WebSocketStream<S>>,
    process: &mpsc::Sender<Input>,
    protocol: Protocol,
) {
    while let Some(Ok(message)) = stream.next().await {
        if message.is_close() {
            return;
        }
        let Some((channel, payload)) = protocol.parts(&message) else {
            continue;
        };
        let input = match channel {
            STDIN => Input::Bytes(payload),
            RESIZE => match serde_json::from_slice::<NewSize>(&payload) {
                Ok(size) => Input::Resized(Size {
                    columns: size.width,
                    rows: size.height,
                }),
                Err(_) => continue,
            },
            CLOSE if protocol == Protocol::V5 && payload.first() == Some(&STDIN) => Input::End,
            _ => continue,
        };
        if process.send(input).await.is_err() {
            // The process has ended and its status is on the way.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use tokio::io::DuplexStream;
    use tokio::sync::watch;
    use tokio::task::JoinSet;
    use tokio_tungstenite::tungstenite::protocol::Role;

    use super::*;
    use crate::demo::container::Container;
    use crate::demo::log::{Entry, Log};

    fn container(command: &[&str]) -> Arc<Container> {
        Arc::new(Container {
            hostname: "noisy-5756b687f5-lnf6d".to_owned(),
            image: "busybox".to_owned(),
            user: String::new(),
            workdir: String::new(),
            env: BTreeMap::new(),
            files: BTreeMap::new(),
            packages: BTreeMap::new(),
            os_packages: BTreeMap::new(),
            shell: true,
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            started: 0,
        })
    }

    fn now() -> Now {
        Arc::new(|| 0)
    }

    const OUTPUT: Options = Options {
        stdin: false,
        stdout: true,
        stderr: true,
        tty: false,
    };
    const TERMINAL: Options = Options {
        stdin: true,
        stdout: true,
        stderr: false,
        tty: true,
    };

    /// The client's end.
    struct Client {
        ws: WebSocketStream<DuplexStream>,
        protocol: Protocol,
        tasks: JoinSet<Option<i32>>,
    }

    async fn pair(room: usize) -> (WebSocketStream<DuplexStream>, WebSocketStream<DuplexStream>) {
        let (ours, theirs) = tokio::io::duplex(room);
        let server = WebSocketStream::from_raw_socket(ours, Role::Server, None).await;
        (
            server,
            WebSocketStream::from_raw_socket(theirs, Role::Client, None).await,
        )
    }

    impl Client {
        async fn exec(protocol: Protocol, options: Options, argv: &[&str]) -> Self {
            let forever = watch::Sender::new(None).subscribe();
            Self::exec_in(forever, protocol, options, argv).await
        }

        async fn exec_in(
            container: watch::Receiver<Option<i32>>,
            protocol: Protocol,
            options: Options,
            argv: &[&str],
        ) -> Self {
            let (server, ws) = pair(64 << 10).await;
            let argv = argv.iter().map(|word| (*word).to_owned()).collect();
            let start = Start {
                inside: self::container(&["sleep"]),
                argv,
                tty: options.tty,
                stdin: options.stdin,
            };
            let mut tasks = JoinSet::new();
            tasks.spawn(async move {
                exec(server, protocol, options, Joining { start, container }, now()).await;
                None
            });
            Self { ws, protocol, tasks }
        }

        async fn attach(options: Options, instance: Instance) -> Self {
            let (server, ws) = pair(64 << 10).await;
            let mut tasks = JoinSet::new();
            tasks.spawn(attach(server, Protocol::V5, options, Arc::new(instance), now()));
            Self {
                ws,
                protocol: Protocol::V5,
                tasks,
            }
        }

        async fn send(&mut self, channel: u8, payload: &str) {
            let message = self.protocol.message(channel, payload.as_bytes());
            self.ws.send(message).await.unwrap();
        }

        /// The next frame as `channel:payload`, `pong:...`, `close:code` or `end`.
        async fn frame(&mut self) -> String {
            let next = tokio::time::timeout(Duration::from_mins(1), self.ws.next())
                .await
                .expect("a frame");
            match next {
                None | Some(Err(_)) => "end".to_owned(),
                Some(Ok(Message::Close(close))) => format!("close:{}", close.map_or(0, |close| u16::from(close.code))),
                Some(Ok(Message::Pong(bytes))) => format!("pong:{}", String::from_utf8_lossy(&bytes)),
                Some(Ok(message)) => {
                    let (channel, payload) = self.protocol.parts(&message).expect("a well formed message");
                    format!("{channel}:{}", String::from_utf8_lossy(&payload))
                }
            }
        }

        async fn expect(&mut self, frames: &[&str]) {
            for frame in frames {
                assert_eq!(self.frame().await, *frame);
            }
        }

        /// Frames joined until a text has come: what a terminal writes may be cut anywhere.
        async fn until(&mut self, end: &str) -> String {
            let mut text = String::new();
            while !text.ends_with(end) {
                let frame = self.frame().await;
                text.push_str(
                    frame
                        .strip_prefix("1:")
                        .unwrap_or_else(|| panic!("{frame} after {text}")),
                );
            }
            text
        }

        async fn ended(&mut self) -> Option<i32> {
            tokio::time::timeout(Duration::from_mins(1), self.tasks.join_next())
                .await
                .expect("an end")
                .unwrap()
                .unwrap()
        }
    }

    const SUCCESS: &str = "3:{\"metadata\":{},\"status\":\"Success\"}";

    fn exit_status(what: &str, status: u8) -> String {
        format!(
            "3:{{\"metadata\":{{}},\"status\":\"Failure\",\"message\":\"command terminated with non-zero exit code: {what}\",\
             \"reason\":\"NonZeroExitCode\",\"details\":{{\"causes\":[{{\"reason\":\"ExitCode\",\"message\":\"{status}\"}}]}}}}"
        )
    }

    #[test]
    fn the_protocol_is_chosen_as_a_real_server_does() {
        let check = |offered: &str, expected: Option<&str>| {
            assert_eq!(choose(offered).map(Protocol::name), expected, "{offered}");
        };
        check("v5.channel.k8s.io,v4.channel.k8s.io", Some("v5.channel.k8s.io"));
        check("v4.channel.k8s.io, v5.channel.k8s.io", Some("v5.channel.k8s.io"));
        check("base64.channel.k8s.io,v4.channel.k8s.io", Some("base64.channel.k8s.io"));
        check("v9.channel.k8s.io", None);
        check("", None);
    }

    #[tokio::test(start_paused = true)]
    async fn success_is_told() {
        for protocol in [Protocol::V4, Protocol::V5] {
            let mut client = Client::exec(protocol, OUTPUT, &["sh", "-c", "echo out; echo err >&2; exit 0"]).await;
            client
                .expect(&["1:", "1:out\n", "2:err\n", SUCCESS, "close:1000", "end"])
                .await;
            client.ended().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_exit_status_is_told() {
        let argv = ["sh", "-c", "echo out; exit 3"];
        let mut client = Client::exec(Protocol::V4, OUTPUT, &argv).await;
        let status = exit_status("error executing command [sh -c echo out; exit 3], exit code 3", 3);
        client.expect(&["1:", "1:out\n", &status, "close:1000", "end"]).await;
        let mut client = Client::exec(Protocol::V5, OUTPUT, &argv).await;
        let status = exit_status("command terminated with exit code 3", 3);
        client.expect(&["1:", "1:out\n", &status, "close:1000", "end"]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn standard_input_is_closed_by_half() {
        let options = Options { stdin: true, ..OUTPUT };
        let mut client = Client::exec(Protocol::V5, options, &["cat"]).await;
        client.expect(&["1:"]).await;
        client.send(0, "hello\n").await;
        client.expect(&["1:hello\n"]).await;
        client.send(255, "\0").await;
        client.expect(&[SUCCESS, "close:1000", "end"]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_close_ends_the_process() {
        let options = Options { stdin: true, ..OUTPUT };
        let mut client = Client::exec(Protocol::V4, options, &["cat"]).await;
        client.expect(&["1:"]).await;
        client.send(0, "hello\n").await;
        client.expect(&["1:hello\n"]).await;
        let frame = CloseFrame {
            code: CloseCode::Normal,
            reason: "".into(),
        };
        client.ws.send(Message::Close(Some(frame))).await.unwrap();
        client.expect(&["close:1000", "end"]).await;
        client.ended().await;
        // So does a connection that is simply gone.
        let mut client = Client::exec(Protocol::V5, OUTPUT, &["sleep", "1000000"]).await;
        client.expect(&["1:"]).await;
        let Client { ws, mut tasks, .. } = client;
        drop(ws);
        assert!(tasks.join_next().await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_ends_with_its_container() {
        let exit = watch::Sender::new(None);
        let mut client = Client::exec_in(exit.subscribe(), Protocol::V5, TERMINAL, &["sh"]).await;
        client.expect(&["1:"]).await;
        assert_eq!(client.until("# ").await, "# ");
        exit.send_replace(Some(0));
        let status = exit_status("command terminated with exit code 137", 137);
        client.expect(&[&status, "close:1000", "end"]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_terminal_is_resized_and_pings_are_answered() {
        let mut client = Client::exec(Protocol::V5, TERMINAL, &["sh"]).await;
        client.expect(&["1:"]).await;
        client.send(4, "{\"Width\":100,\"Height\":30}").await;
        assert_eq!(client.until("# ").await, "# ");
        client.send(0, "stty size; tty\n").await;
        client
            .expect(&["1:stty size; tty\r\n", "1:30 100\r\n", "1:/dev/pts/0\r\n", "1:# "])
            .await;
        client.send(4, "{\"Width\":132,\"Height\":50}").await;
        client.send(4, "not a size").await;
        client.send(0, "stty size\n").await;
        assert_eq!(client.until("# ").await, "stty size\r\n50 132\r\n# ");
        client.ws.send(Message::Ping(Bytes::from_static(b"hi"))).await.unwrap();
        client.expect(&["pong:hi"]).await;
        client.send(0, "echo e >&2; exit 7\n").await;
        let status = exit_status("command terminated with exit code 7", 7);
        client
            .expect(&["1:echo e >&2; exit 7\r\n", "1:e\r\n", &status, "close:1000", "end"])
            .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_program_that_is_not_there_is_an_internal_error() {
        let mut client = Client::exec(Protocol::V5, OUTPUT, &["nosuchcmd"]).await;
        client.expect(&["1:"]).await;
        let frame = client.frame().await;
        let id = frame
            .split("exec \\\"")
            .nth(1)
            .and_then(|rest| rest.split("\\\"").next())
            .unwrap_or_default();
        assert!(id.len() == 64 && id.chars().all(|c| c.is_ascii_hexdigit()), "{frame}");
        let inner = format!(
            "Internal error occurred: error executing command in container: failed to exec in container: failed to start exec \\\"{id}\\\": \
             OCI runtime exec failed: exec failed: unable to start container process: exec: \\\"nosuchcmd\\\": executable file not found in $PATH"
        );
        let expected = format!(
            "3:{{\"metadata\":{{}},\"status\":\"Failure\",\"message\":\"Internal error occurred: {inner}\",\"reason\":\"InternalError\",\
             \"details\":{{\"causes\":[{{\"message\":\"{inner}\"}}]}},\"code\":500}}"
        );
        assert_eq!(frame, expected);
        assert_eq!(frame.len(), 2 + 768, "as long as a real one");
        client.expect(&["close:1000", "end"]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_old_protocol_is_text_without_a_status() {
        let mut client = Client::exec(Protocol::Base64, OUTPUT, &["id"]).await;
        let first = client.ws.next().await.unwrap().unwrap();
        assert_eq!(first, Message::text("1"));
        let second = client.ws.next().await.unwrap().unwrap();
        assert_eq!(
            second,
            Message::text("1dWlkPTAocm9vdCkgZ2lkPTAocm9vdCkgZ3JvdXBzPTAocm9vdCkK")
        );
        client.expect(&["close:1000", "end"]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_streams_that_were_asked_for_come() {
        let options = Options {
            stdout: false,
            ..OUTPUT
        };
        let mut client = Client::exec(Protocol::V5, options, &["sh", "-c", "echo out; echo err >&2"]).await;
        client.expect(&["2:", "2:err\n", SUCCESS, "close:1000"]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn much_flows_both_ways_without_a_deadlock() {
        let options = Options { stdin: true, ..OUTPUT };
        let client = Client::exec(Protocol::V5, options, &["cat"]).await;
        let Client {
            ws,
            protocol,
            mut tasks,
        } = client;
        let (mut sink, mut stream) = ws.split();
        let block = "x".repeat(10_000);
        let sender = async {
            for _ in 0..400 {
                sink.send(protocol.message(STDIN, block.as_bytes())).await.unwrap();
            }
            sink.send(protocol.message(CLOSE, &[STDIN])).await.unwrap();
        };
        let receiver = async {
            let mut total = 0;
            while let Some(Ok(message)) = stream.next().await {
                match protocol.parts(&message) {
                    Some((STDOUT, payload)) => total += payload.len(),
                    Some((STATUS, _)) => break,
                    Some(_) | None => {}
                }
            }
            total
        };
        let both = async { tokio::join!(sender, receiver) };
        let ((), total) = tokio::time::timeout(Duration::from_mins(10), both)
            .await
            .expect("no deadlock");
        assert_eq!(total, 4_000_000);
        drop((sink, stream));
        assert!(tasks.join_next().await.is_some());
    }

    fn entry(stream: LogStream, text: &'static str) -> Entry {
        Entry::new(0, stream, Bytes::from_static(text.as_bytes()))
    }

    #[tokio::test(start_paused = true)]
    async fn attach_shows_what_is_written_from_now_on() {
        let (exit, exited) = watch::channel(None);
        let log = Log::new();
        log.append(entry(LogStream::Stdout, "before"));
        let instance = Instance {
            id: String::new(),
            inside: container(&["worker"]),
            log: log.clone(),
            exit: exited,
        };
        let mut client = Client::attach(OUTPUT, instance).await;
        client.expect(&["1:"]).await;
        log.append(entry(LogStream::Stdout, "worker line 76"));
        log.append(entry(LogStream::Stderr, "worker err 76"));
        client.expect(&["1:worker line 76\n", "2:worker err 76\n"]).await;
        log.append(entry(LogStream::Stdout, "last"));
        log.end();
        exit.send_replace(Some(1));
        client.expect(&["1:last\n", SUCCESS, "close:1000", "end"]).await;
        assert_eq!(client.ended().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn attach_to_a_shell_talks_to_it() {
        let (_exit, exited) = watch::channel(None);
        let instance = Instance {
            id: String::new(),
            inside: container(&["/bin/sh"]),
            log: Log::new(),
            exit: exited,
        };
        let mut client = Client::attach(TERMINAL, instance).await;
        client.expect(&["1:", "1:# "]).await;
        client.send(0, "echo $((6*7))\r").await;
        assert_eq!(client.until("# ").await, "echo $((6*7))\r\n42\r\n# ");
        client.send(0, "exit 5\r").await;
        client.expect(&["1:exit 5\r\n", SUCCESS, "close:1000", "end"]).await;
        assert_eq!(client.ended().await, Some(5));
    }
}
