//! A running shell: its state, and where the streams of a command lead. What commands do is in the files below.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::call::{Call, Inside, NeedsInput, Screen, Stream};
use super::console::Console;
use super::machine::{Machine, Variable};
use super::programs::{self, Kind};
use super::syntax::Node;

/// The most bytes in one pipe: stages run one after the other, so a pipe holds all that its first stage writes.
const MOST_PIPED: usize = 16 << 20;
/// How deep functions, groups and substitutions may lie in one another while they run: what fits in half of a
/// worker thread's 2 MiB of stack in a debug build.
pub const MOST_DEPTH: usize = 48;

/// Where standard input comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Console,
    /// A place in `Shell::held`.
    Held(usize),
    Nothing,
}

/// Where an output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sink {
    Console(Stream),
    /// A place in `Shell::held`.
    Held(usize),
    /// A place in `Shell::paths`.
    File(usize),
    Nothing,
}

/// The three streams of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streams {
    pub input: Source,
    pub out: Sink,
    pub err: Sink,
}

impl Streams {
    pub const CONSOLE: Self = Self {
        input: Source::Console,
        out: Sink::Console(Stream::Out),
        err: Sink::Console(Stream::Err),
    };
}

/// How a command list goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    Next,
    /// Leave this many loops.
    Break(usize),
    /// Go on with the next round of the loop that is this many out.
    Continue(usize),
    Return,
    Exit,
    /// An expansion or redirection failed: a script ends, at a prompt only the line does.
    Failed,
}

/// `set -e`, `-u` and `-x`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    pub exit_on_error: bool,
    pub unset_is_error: bool,
    pub trace: bool,
}

/// What a subshell may change without its parent seeing it. Files are shared, as on a real system.
#[derive(Clone)]
pub struct Scope {
    variables: BTreeMap<String, Variable>,
    directory: String,
    functions: BTreeMap<String, Arc<Node>>,
    positional: Vec<String>,
    settings: Settings,
}

pub struct Shell {
    pub machine: Machine,
    pub console: Console,
    /// The name that stands before complaints: `sh`.
    pub name: String,
    /// The status of the last command, `$?`.
    pub status: i32,
    pub positional: Vec<String>,
    pub functions: BTreeMap<String, Arc<Node>>,
    pub settings: Settings,
    /// Contents of pipes, here-documents and redirected files, used as a stack.
    pub held: Vec<VecDeque<u8>>,
    /// Files that are written, used as a stack.
    pub paths: Vec<String>,
    /// Where `exec` has turned the session's own streams to.
    pub turned: Streams,
    pub depth: usize,
    /// How many loops are running around this place.
    pub loops: usize,
    /// How many conditions are being tested: there `set -e` does not count.
    pub conditions: usize,
    pub interactive: bool,
    /// The line that is run, for complaints.
    pub line: usize,
    /// A pipe was filled beyond its limit: the stage that fills it ends.
    pub overflowed: bool,
}

impl Shell {
    pub fn new(machine: Machine, console: Console) -> Self {
        Self {
            machine,
            console,
            name: String::new(),
            status: 0,
            positional: Vec::new(),
            functions: BTreeMap::new(),
            settings: Settings::default(),
            held: Vec::new(),
            paths: Vec::new(),
            turned: Streams::CONSOLE,
            depth: 0,
            loops: 0,
            conditions: 0,
            interactive: false,
            line: 1,
            overflowed: false,
        }
    }

    pub fn scope(&self) -> Scope {
        Scope {
            variables: self.machine.variables.clone(),
            directory: self.machine.directory.clone(),
            functions: self.functions.clone(),
            positional: self.positional.clone(),
            settings: self.settings,
        }
    }

    pub fn restore(&mut self, scope: Scope) {
        self.machine.variables = scope.variables;
        self.machine.directory = scope.directory;
        self.functions = scope.functions;
        self.positional = scope.positional;
        self.settings = scope.settings;
    }

    /// Forgets what an interrupted command had open.
    pub fn reset(&mut self) {
        self.held.clear();
        self.paths.clear();
        self.depth = 0;
        self.loops = 0;
        self.conditions = 0;
        self.overflowed = false;
    }

    /// Where a sink leads after `exec` has turned the session's streams.
    pub fn final_sink(&self, sink: Sink) -> Sink {
        match sink {
            Sink::Console(Stream::Out) => self.turned.out,
            Sink::Console(Stream::Err) => self.turned.err,
            other @ (Sink::Held(_) | Sink::File(_) | Sink::Nothing) => other,
        }
    }

    pub fn final_source(&self, source: Source) -> Source {
        if source == Source::Console {
            self.turned.input
        } else {
            source
        }
    }

    /// Writes to a stream, wherever it leads.
    pub async fn emit(&mut self, sink: Sink, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        match self.final_sink(sink) {
            Sink::Console(stream) => self.console.write(stream, bytes).await,
            Sink::Nothing => {}
            Sink::Held(at) => {
                let Some(held) = self.held.get_mut(at) else { return };
                let room = MOST_PIPED.saturating_sub(held.len());
                held.extend(bytes.iter().take(room));
                self.overflowed |= room < bytes.len();
            }
            Sink::File(at) => {
                let Some(path) = self.paths.get(at).cloned() else {
                    return;
                };
                if let Err(trouble) = self.machine.tree.append(&path, bytes) {
                    let message = format!("{}: write error: {}\n", self.name, trouble.text());
                    self.console.write(Stream::Err, message.as_bytes()).await;
                    self.status = 1;
                }
            }
        }
    }

    /// A complaint of the shell itself: `sh: 1: foo: not found`.
    pub async fn complain(&mut self, streams: Streams, message: &str) {
        let text = format!("{}{message}\n", self.prefix());
        self.emit(streams.err, text.as_bytes()).await;
    }

    /// What stands before a complaint. Alpine's shell does not count lines; bash says where only in scripts.
    fn prefix(&self) -> String {
        match self.name.as_str() {
            "" => String::new(),
            "bash" if self.interactive => "bash: ".to_owned(),
            "bash" => format!("bash: line {}: ", self.line),
            "ash" => "sh: ".to_owned(),
            name => format!("{name}: {}: ", self.line),
        }
    }

    /// What one read gives; none at the end.
    pub async fn read(&mut self, source: Source) -> Option<Vec<u8>> {
        match self.final_source(source) {
            Source::Console => self.console.read().await,
            Source::Nothing => None,
            Source::Held(at) => {
                let held = self.held.get_mut(at)?;
                (!held.is_empty()).then(|| held.drain(..).collect())
            }
        }
    }

    /// Everything up to the end of input, as far as one pipe may hold it.
    pub async fn read_to_end(&mut self, source: Source) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(bytes) = self.read(source).await {
            let room = MOST_PIPED.saturating_sub(all.len());
            all.extend(bytes.into_iter().take(room));
        }
        all
    }

    /// One line without its end; none at the end of input.
    pub async fn read_line(&mut self, source: Source) -> Option<Vec<u8>> {
        if self.final_source(source) == Source::Console && self.console.terminal.is_some() {
            let mut line = self.console.read().await?;
            line.pop_if(|byte| *byte == b'\n');
            return Some(line);
        }
        let source = self.final_source(source);
        let mut line = Vec::new();
        loop {
            let byte = match source {
                Source::Console => self.console.byte().await,
                Source::Held(at) => self.held.get_mut(at).and_then(VecDeque::pop_front),
                Source::Nothing => None,
            };
            match byte {
                Some(b'\n') => return Some(line),
                Some(byte) if line.len() < MOST_PIPED => line.push(byte),
                Some(_) => {}
                None => return (!line.is_empty()).then_some(line),
            }
        }
    }

    /// What standard output is for a program.
    pub fn screen(&self, streams: Streams) -> Screen {
        match (self.final_sink(streams.out), self.console.size()) {
            (Sink::Console(Stream::Out), Some(size)) => Screen::Terminal(size),
            (_, _) => Screen::Plain,
        }
    }

    /// Runs a program that is a plain function of its call.
    pub async fn plain(&mut self, words: &[String], streams: Streams) -> Option<i32> {
        let (name, rest) = words.split_first()?;
        let Some(Kind::Plain(program)) = programs::kind(&self.machine, name) else {
            return None;
        };
        let name = super::tree::base(name).to_owned();
        let own = programs::INSIDE.contains(&name.as_str())
            && !self.name.is_empty()
            && !words.iter().take(1).any(|word| word.contains('/'));
        let prefix = self.prefix();
        let mut input: Option<Vec<u8>> = None;
        loop {
            let screen = self.screen(streams);
            let inside = own.then_some(Inside {
                prefix: &prefix,
                escapes: self.name == "sh",
            });
            let mut call = Call {
                inside,
                name: &name,
                words: rest,
                machine: &mut self.machine,
                screen,
                terminal: self.console.terminal.as_ref().map(|terminal| terminal.size()),
                input: input.as_deref(),
                written: Vec::new(),
            };
            let ended = program(&mut call);
            let written = call.written;
            match ended {
                Ok(status) => {
                    self.show(written, streams).await;
                    return Some(status);
                }
                Err(NeedsInput) if input.is_some() => return Some(1),
                Err(NeedsInput) => input = Some(self.read_to_end(streams.input).await),
            }
        }
    }

    async fn show(&mut self, written: Vec<(Stream, Vec<u8>)>, streams: Streams) {
        for (stream, bytes) in written {
            let sink = match stream {
                Stream::Out => streams.out,
                Stream::Err => streams.err,
            };
            self.emit(sink, &bytes).await;
        }
    }
}
