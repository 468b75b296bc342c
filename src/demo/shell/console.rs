//! The session's own standard streams: a keyboard that is read, an output with back-pressure, and the terminal between.
//!
//! Bytes are queued raw as they arrive and given their meaning when they are read, in lines or as keys. Only the
//! interrupt key means something on arrival: it must reach a program that reads nothing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::{mpsc, watch};

use super::call::{Size, Stream};

/// What the client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    Bytes(Vec<u8>),
    /// Standard input was closed.
    End,
    Resized(Size),
}

/// What the process writes. A terminal has one stream only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
}

/// Chunks of input that wait to be read; when they are used up the client is made to wait.
const MOST_CHUNKS: usize = 256;
/// The largest piece that is written at once, in bytes.
const PIECE: usize = 16 << 10;
/// The longest line that is edited in line mode; the kernel's own limit.
const MOST_LINE: usize = 4096;

const INTERRUPT: u8 = 0x03;
const END_OF_INPUT: u8 = 0x04;
const ERASE_WORD: u8 = 0x17;
const ERASE_LINE: u8 = 0x15;
const QUIT: u8 = 0x1c;

/// What the arriving and the reading side share of a terminal.
pub struct Terminal {
    size: watch::Sender<Size>,
    /// Counts interrupts; input from before an interrupt is thrown away.
    interrupts: watch::Sender<u64>,
    /// A program reads keys, so that no byte has a meaning of its own.
    keys: AtomicBool,
    /// How many interactive shells lie in one another: the innermost answers an interrupt.
    level: AtomicUsize,
}

impl Terminal {
    fn new() -> Self {
        Self {
            size: watch::Sender::new(Size::default()),
            interrupts: watch::Sender::new(0),
            keys: AtomicBool::new(false),
            level: AtomicUsize::new(0),
        }
    }

    pub fn size(&self) -> Size {
        *self.size.borrow()
    }

    pub fn sizes(&self) -> watch::Receiver<Size> {
        self.size.subscribe()
    }

    /// Starts or ends the reading of keys. An interactive shell and full-screen programs do.
    pub fn read_keys(&self) {
        self.keys.store(true, Ordering::SeqCst);
    }

    pub fn read_lines(&self) {
        self.keys.store(false, Ordering::SeqCst);
    }

    pub fn enter_shell(&self) -> usize {
        self.level.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub fn leave_shell(&self) {
        self.level.fetch_sub(1, Ordering::SeqCst);
    }

    fn interrupt(&self) {
        self.interrupts.send_modify(|count| *count += 1);
    }
}

/// Ends when the next interrupt comes that is for the shell at `level`; never without a terminal.
pub async fn interrupted(terminal: Option<Arc<Terminal>>, level: usize) {
    let Some(terminal) = terminal else {
        return std::future::pending().await;
    };
    let mut interrupts = terminal.interrupts.subscribe();
    while interrupts.changed().await.is_ok() {
        if terminal.level.load(Ordering::SeqCst) == level {
            return;
        }
    }
}

/// Input with the count of interrupts at its arrival.
type Chunk = (u64, Vec<u8>);

pub struct Console {
    queue: mpsc::Receiver<Chunk>,
    pending: VecDeque<u8>,
    /// The count of interrupts that the pending input belongs to.
    since: u64,
    output: mpsc::Sender<Output>,
    pub terminal: Option<Arc<Terminal>>,
    /// Nobody reads the output any more.
    pub gone: bool,
}

/// The side of a console that takes what arrives; `run` must be polled while the console is used.
pub struct Arrivals {
    input: mpsc::Receiver<Input>,
    queue: Option<mpsc::Sender<Chunk>>,
    output: mpsc::Sender<Output>,
    terminal: Option<Arc<Terminal>>,
}

/// What a process gets of its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attached {
    Nothing,
    Stdin,
    Terminal,
    /// A terminal that is only written.
    Screen,
}

pub fn open(attached: Attached, input: mpsc::Receiver<Input>, output: mpsc::Sender<Output>) -> (Console, Arrivals) {
    let (sender, queue) = mpsc::channel(MOST_CHUNKS);
    let terminal = matches!(attached, Attached::Terminal | Attached::Screen).then(|| Arc::new(Terminal::new()));
    let reads = matches!(attached, Attached::Terminal | Attached::Stdin);
    let console = Console {
        queue,
        pending: VecDeque::new(),
        since: 0,
        output: output.clone(),
        terminal: terminal.clone(),
        gone: false,
    };
    let arrivals = Arrivals {
        input,
        queue: reads.then_some(sender),
        output,
        terminal,
    };
    (console, arrivals)
}

impl Arrivals {
    /// Sorts what arrives, until the input is over; then waits for ever.
    pub async fn run(mut self) {
        while let Some(input) = self.input.recv().await {
            match input {
                Input::Bytes(bytes) => self.bytes(bytes).await,
                Input::End => self.queue = None,
                Input::Resized(size) => {
                    if let Some(terminal) = &self.terminal {
                        terminal.size.send_replace(size);
                    }
                }
            }
        }
        self.queue = None;
        std::future::pending::<()>().await;
    }

    async fn bytes(&self, mut bytes: Vec<u8>) {
        let mut count = 0;
        if let Some(terminal) = &self.terminal {
            if !terminal.keys.load(Ordering::SeqCst)
                && let Some(at) = last_interrupt(bytes.iter())
            {
                bytes.drain(..=at);
                // A full output means that there is too much to see already.
                drop(self.output.try_send(Output::Stdout(b"^C".to_vec())));
                terminal.interrupt();
            }
            count = *terminal.interrupts.borrow();
        }
        if let Some(queue) = &self.queue
            && !bytes.is_empty()
        {
            // The reading side is gone only when the session ends.
            drop(queue.send((count, bytes)).await);
        }
    }
}

fn last_interrupt<'a>(bytes: impl DoubleEndedIterator<Item = &'a u8> + ExactSizeIterator) -> Option<usize> {
    let mut bytes = bytes;
    bytes.rposition(|byte| matches!(*byte, INTERRUPT | QUIT))
}

impl Console {
    pub fn size(&self) -> Option<Size> {
        self.terminal.as_ref().map(|terminal| terminal.size())
    }

    /// The next byte as it was sent; none at the end of input.
    pub async fn byte(&mut self) -> Option<u8> {
        while self.pending.is_empty() {
            let chunk = self.queue.recv().await?;
            self.accept(chunk);
        }
        self.pending.pop_front()
    }

    fn accept(&mut self, (count, bytes): Chunk) {
        if count >= self.since {
            self.pending.extend(bytes);
        }
    }

    /// Whether a byte can be read at once.
    pub fn is_ready(&mut self) -> bool {
        self.take_arrived();
        !self.pending.is_empty()
    }

    fn take_arrived(&mut self) {
        while let Ok(chunk) = self.queue.try_recv() {
            self.accept(chunk);
        }
    }

    /// Gives the terminal to a program that reads lines. True if the input held back already has an interrupt for it.
    pub fn start_foreground(&mut self) -> bool {
        let Some(terminal) = self.terminal.clone() else {
            return false;
        };
        terminal.read_lines();
        self.take_arrived();
        let Some(at) = last_interrupt(self.pending.iter()) else {
            return false;
        };
        self.pending.drain(..=at);
        true
    }

    /// Throws away what was typed before the interrupt.
    pub fn flush(&mut self) {
        self.pending.clear();
        self.since = self
            .terminal
            .as_ref()
            .map_or(0, |terminal| *terminal.interrupts.borrow());
    }

    /// What a program gets from one read: a line from a terminal, else whatever is there. None at the end.
    pub async fn read(&mut self) -> Option<Vec<u8>> {
        if self.terminal.is_some() {
            return self.line().await;
        }
        let first = self.byte().await?;
        self.take_arrived();
        let rest = self.pending.drain(..);
        Some(std::iter::once(first).chain(rest).collect())
    }

    /// One line of a terminal in line mode, echoed, with the erase keys obeyed.
    async fn line(&mut self) -> Option<Vec<u8>> {
        let mut line: Vec<u8> = Vec::new();
        let mut echo: Vec<u8> = Vec::new();
        loop {
            if self.pending.is_empty() && !echo.is_empty() {
                self.raw(std::mem::take(&mut echo)).await;
            }
            let Some(byte) = self.byte().await else {
                return (!line.is_empty()).then_some(line);
            };
            match byte {
                b'\r' | b'\n' => {
                    line.push(b'\n');
                    echo.extend_from_slice(b"\r\n");
                    self.raw(echo).await;
                    return Some(line);
                }
                END_OF_INPUT => {
                    self.raw(echo).await;
                    return (!line.is_empty()).then_some(line);
                }
                0x08 | 0x7f => erase(&mut line, &mut echo),
                ERASE_LINE => {
                    while !line.is_empty() {
                        erase(&mut line, &mut echo);
                    }
                }
                ERASE_WORD => {
                    while line.last().is_some_and(u8::is_ascii_whitespace) {
                        erase(&mut line, &mut echo);
                    }
                    while line.last().is_some_and(|byte| !byte.is_ascii_whitespace()) {
                        erase(&mut line, &mut echo);
                    }
                }
                INTERRUPT | QUIT => {
                    self.raw(b"^C".to_vec()).await;
                    if let Some(terminal) = &self.terminal {
                        terminal.interrupt();
                    }
                    line.clear();
                    echo.clear();
                    // The interrupt ends whoever reads here.
                    tokio::task::yield_now().await;
                }
                _ if line.len() >= MOST_LINE => echo.push(7),
                byte => {
                    line.push(byte);
                    match byte {
                        0..=31 if byte != b'\t' => echo.extend([b'^', byte + 64]),
                        _ => echo.push(byte),
                    }
                }
            }
        }
    }

    /// Writes to one of the streams; a terminal gets carriage returns and has one stream.
    pub async fn write(&mut self, stream: Stream, bytes: &[u8]) {
        if self.terminal.is_some() {
            let mut out = Vec::with_capacity(bytes.len() + 16);
            for byte in bytes {
                if *byte == b'\n' {
                    out.push(b'\r');
                }
                out.push(*byte);
            }
            return self.raw(out).await;
        }
        for piece in bytes.chunks(PIECE) {
            let output = match stream {
                Stream::Out => Output::Stdout(piece.to_vec()),
                Stream::Err => Output::Stderr(piece.to_vec()),
            };
            self.gone |= self.output.send(output).await.is_err();
        }
    }

    /// Writes to standard output as it is.
    pub async fn raw(&mut self, bytes: Vec<u8>) {
        for piece in bytes.chunks(PIECE) {
            self.gone |= self.output.send(Output::Stdout(piece.to_vec())).await.is_err();
        }
    }
}

/// Takes the last character of a line, all of its bytes, and wipes it from the screen.
fn erase(line: &mut Vec<u8>, echo: &mut Vec<u8>) {
    let Some(mut last) = line.pop() else { return };
    while (0x80..0xc0).contains(&last) {
        match line.pop() {
            Some(byte) => last = byte,
            None => break,
        }
    }
    let cells = if last < 32 { 2 } else { 1 };
    for _ in 0..cells {
        echo.extend_from_slice(b"\x08 \x08");
    }
}
