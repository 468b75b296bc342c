//! A shell from its start to its end: `sh -c`, a script, commands from standard input, or a prompt with a line editor.

use super::builtins::BUILTINS;
use super::console::interrupted;
use super::editor::{Editor, Step};
use super::expand::Boxed;
use super::interpreter::{Flow, Shell, Source, Streams};
use super::keys::Decoder;
use super::machine::Family;
use super::parser::parse;
use super::programs;
use super::syntax::{Bad, Needs, Node};
use super::tree::{Kind, base, resolve};

/// What a shell inside a shell counts towards the greatest depth: it takes that much more stack.
const SHELL_DEPTH: usize = 8;
/// The longest script that is read from standard input before it is refused, in bytes.
const MOST_SCRIPT: usize = 4 << 20;

/// What the lines read so far come to.
enum Read {
    Command(Node),
    Refused(Bad),
    /// Ctrl-C at the prompt.
    Abandoned,
    /// The end of input, with what was left open.
    End(Option<Bad>),
}

impl Shell {
    /// Runs a shell with the words behind its name; its exit status.
    pub fn run_shell<'a>(&'a mut self, name: &'a str, rest: &'a [String], streams: Streams) -> Boxed<'a, i32> {
        Box::pin(async move {
            let scope = self.scope();
            let outer = (self.name.clone(), self.interactive, self.line);
            self.machine.variables.retain(|_, variable| variable.exported);
            self.functions.clear();
            self.interactive = false;
            self.line = 1;
            self.name = match name {
                "bash" => "bash".to_owned(),
                "sh" | "ash" if self.machine.family() == Family::Alpine => "ash".to_owned(),
                _ => "sh".to_owned(),
            };
            self.depth += SHELL_DEPTH;
            let status = self.shell_words(rest, streams).await;
            self.depth = self.depth.saturating_sub(SHELL_DEPTH);
            self.restore(scope);
            (self.name, self.interactive, self.line) = outer;
            status
        })
    }

    fn shell_words<'a>(&'a mut self, rest: &'a [String], streams: Streams) -> Boxed<'a, i32> {
        Box::pin(async move {
            let (mut words, mut text, mut prompted) = (rest, false, false);
            while let Some((word, after)) = words
                .split_first()
                .filter(|(word, _)| word.len() > 1 && word.starts_with(['-', '+']))
            {
                words = after;
                match word.as_str() {
                    "--" => break,
                    "-o" | "+o" => words = after.get(1..).unwrap_or_default(),
                    long if long.starts_with("--") => {}
                    letters => {
                        text |= letters.contains('c');
                        prompted |= letters.contains('i');
                        self.settings.exit_on_error |= letters.contains('e');
                        self.settings.unset_is_error |= letters.contains('u');
                        self.settings.trace |= letters.contains('x');
                    }
                }
            }
            let Some((first, parameters)) = words.split_first() else {
                if text {
                    self.complain(streams, "-c requires an argument").await;
                    return 2;
                }
                let terminal = self.console.terminal.is_some();
                return if streams.input == Source::Console && (terminal || prompted) {
                    self.prompted(streams).await
                } else {
                    self.piped(streams).await
                };
            };
            if text {
                if let Some((name, parameters)) = parameters.split_first() {
                    name.clone_into(&mut self.name);
                    self.positional = parameters.to_vec();
                }
                self.script(first, streams).await;
                return self.status;
            }
            self.positional = parameters.to_vec();
            let path = self.machine.path(first);
            let Ok(content) = self.machine.tree.read(&path).map(<[u8]>::to_vec) else {
                let message = format!("cannot open {first}: No such file");
                self.line = 0;
                self.complain(streams, &message).await;
                return 2;
            };
            first.clone_into(&mut self.name);
            self.script(&String::from_utf8_lossy(&content), streams).await;
            self.status
        })
    }

    /// Commands from standard input without a prompt.
    fn piped(&mut self, streams: Streams) -> Boxed<'_, i32> {
        Box::pin(async move {
            let mut number = 1;
            loop {
                match self.next_piped(streams, &mut number).await {
                    Read::Command(node) => match self.node(&node, streams).await {
                        Flow::Exit | Flow::Failed => return self.status,
                        Flow::Next | Flow::Break(_) | Flow::Continue(_) | Flow::Return => {}
                    },
                    Read::Refused(bad) | Read::End(Some(bad)) => {
                        self.refuse(bad, streams).await;
                        return self.status;
                    }
                    Read::Abandoned => {}
                    Read::End(None) => return self.status,
                }
            }
        })
    }

    /// Reads one command that starts on the given line, and moves the number on.
    async fn next_piped(&mut self, streams: Streams, number: &mut usize) -> Read {
        let mut lines = Lines::new(*number);
        loop {
            let Some(line) = self.read_line(streams.input).await else {
                return Read::End(lines.open);
            };
            if let Some(read) = lines.add(&String::from_utf8_lossy(&line)) {
                *number = lines.next_line();
                return read;
            }
        }
    }

    /// A prompt, a line, its commands; again until the end of input or `exit`.
    fn prompted(&mut self, streams: Streams) -> Boxed<'_, i32> {
        Box::pin(async move {
            let terminal = self.console.terminal.clone();
            let level = terminal.as_ref().map_or(0, |terminal| terminal.enter_shell());
            self.interactive = true;
            let (mut editor, mut decoder, mut number) = (Editor::default(), Decoder::default(), 1);
            while !self.console.gone {
                self.line = number;
                match self.edit(&mut editor, &mut decoder).await {
                    Read::Command(node) => {
                        let interrupt = interrupted(terminal.clone(), level);
                        let flow = if self.console.start_foreground() {
                            self.console.raw(b"^C".to_vec()).await;
                            None
                        } else {
                            let flow = tokio::select! {
                                biased;
                                () = interrupt => None,
                                flow = self.node(&node, streams) => Some(flow),
                            };
                            if flow.is_none() {
                                self.console.flush();
                            }
                            flow
                        };
                        match flow {
                            // A failed expansion leaves the line, not the shell.
                            Some(Flow::Failed) => self.reset(),
                            Some(Flow::Exit) => break,
                            Some(Flow::Next | Flow::Break(_) | Flow::Continue(_) | Flow::Return) => {}
                            None => self.interrupted().await,
                        }
                    }
                    Read::Refused(bad) => self.refuse(bad, streams).await,
                    Read::Abandoned => self.status = 130,
                    Read::End(_) => break,
                }
                number += 1;
            }
            if let Some(terminal) = terminal {
                terminal.leave_shell();
                terminal.read_lines();
            }
            self.status
        })
    }

    async fn interrupted(&mut self) {
        self.reset();
        self.interactive = true;
        self.console.raw(b"\r\n".to_vec()).await;
        self.status = 130;
    }

    /// Reads one command at the prompt, over as many lines as it takes.
    async fn edit(&mut self, editor: &mut Editor, decoder: &mut Decoder) -> Read {
        let Some(terminal) = self.console.terminal.clone() else {
            let mut number = self.line;
            return self.next_piped(Streams::CONSOLE, &mut number).await;
        };
        terminal.read_keys();
        let mut lines = Lines::new(self.line);
        let mut prompt = self.prompt();
        loop {
            editor.begin(&prompt, terminal.size().columns);
            let line = loop {
                if !self.console.is_ready() {
                    let shown = editor.take_output();
                    self.console.raw(shown).await;
                }
                let Some(byte) = self.console.byte().await else {
                    return Read::End(None);
                };
                editor.resize(terminal.size().columns);
                let Some(key) = decoder.feed(byte) else { continue };
                match editor.key(key) {
                    Step::More => {}
                    Step::Line(line) => break line,
                    Step::Complete(before) => {
                        let (word, candidates) = self.candidates(&before);
                        editor.offer(&word, &candidates);
                    }
                    Step::Abandoned => {
                        let shown = editor.take_output();
                        self.console.raw(shown).await;
                        return Read::Abandoned;
                    }
                    Step::End => return Read::End(None),
                }
            };
            let shown = editor.take_output();
            self.console.raw(shown).await;
            if let Some(read) = lines.add(&line) {
                return read;
            }
            prompt = self.machine.variable("PS2").unwrap_or("> ").to_owned();
        }
    }

    /// `PS1` with its escapes, or what the shell comes with: `# ` for root and `$ ` for others in dash.
    fn prompt(&self) -> String {
        let mark = if self.machine.is_root() { '#' } else { '$' };
        // What Debian's bash and Alpine's ash come with.
        let usual = match self.name.as_str() {
            "bash" => "\\u@\\h:\\w\\$ ",
            "ash" => "\\w \\$ ",
            _ => "\\$ ",
        };
        let template = self.machine.variable("PS1").unwrap_or(usual);
        let (mut out, mut chars) = (String::new(), template.chars());
        while let Some(c) = chars.next() {
            if c != '\\' {
                out.push(c);
                continue;
            }
            match chars.next() {
                Some('w') => out.push_str(&self.machine.directory),
                Some('W') => out.push_str(base(&self.machine.directory)),
                Some('u') => out.push_str(&self.machine.user_name()),
                Some('h' | 'H') => out.push_str(&self.machine.inside.hostname),
                Some('$') => out.push(mark),
                Some('e') => out.push('\u{1b}'),
                Some('n') => out.push_str("\r\n"),
                Some('[' | ']') | None => {}
                Some(other) => out.extend(['\\', other]),
            }
        }
        out
    }

    /// The word before the cursor and what it may become: a command in the first place, else a path.
    fn candidates(&self, before: &str) -> (String, Vec<String>) {
        let word = before
            .rsplit([' ', '\t', ';', '|', '&', '<', '>', '='])
            .next()
            .unwrap_or_default();
        let earlier = before.strip_suffix(word).unwrap_or_default().trim_end();
        let first = earlier.is_empty() || earlier.ends_with([';', '|', '&']);
        if first && !word.contains('/') && !word.is_empty() {
            let names = programs::names(&self.machine)
                .into_iter()
                .chain(BUILTINS.iter().map(|name| (*name).to_owned()));
            let mut fitting: Vec<String> = names.filter(|name| name.starts_with(word)).collect();
            fitting.sort();
            fitting.dedup();
            return (word.to_owned(), fitting);
        }
        let name = word.rsplit('/').next().unwrap_or_default();
        let folder = word.strip_suffix(name).unwrap_or_default();
        let place = resolve(&self.machine.directory, folder);
        let entries = self.machine.tree.list(&place).into_iter();
        let fitting = entries
            .filter(|entry| entry.name.starts_with(name) && (!entry.name.starts_with('.') || name.starts_with('.')));
        let path = |entry: super::tree::Entry| {
            let end = if entry.kind == Kind::Directory { "/" } else { "" };
            format!("{folder}{}{end}", entry.name)
        };
        (word.to_owned(), fitting.map(path).collect())
    }
}

/// Lines that may not make a command yet.
struct Lines {
    text: String,
    first: usize,
    count: usize,
    open: Option<Bad>,
}

impl Lines {
    fn new(first: usize) -> Self {
        Self {
            text: String::new(),
            first,
            count: 0,
            open: None,
        }
    }

    fn next_line(&self) -> usize {
        self.first + self.count
    }

    /// Takes a line; what all of them come to, unless more is needed.
    fn add(&mut self, line: &str) -> Option<Read> {
        self.text.push_str(line);
        self.text.push('\n');
        self.count += 1;
        if self.text.len() > MOST_SCRIPT {
            let message = "Syntax error: command too long".to_owned();
            return Some(Read::Refused(Bad::Wrong {
                line: self.first,
                message,
            }));
        }
        // Parsing anew at every line of a long here-document would take quadratic time.
        if let Some(Bad::Incomplete { needs, .. }) = &self.open
            && !Needs::may_be(needs, line)
        {
            return None;
        }
        match parse(&self.text, self.first) {
            Ok(node) => Some(Read::Command(node)),
            Err(bad @ Bad::Incomplete { .. }) => {
                self.open = Some(bad);
                None
            }
            Err(bad @ Bad::Wrong { .. }) => Some(Read::Refused(bad)),
        }
    }
}
