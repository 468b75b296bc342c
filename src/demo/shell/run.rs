//! The commands of a script, run: lists, pipelines, loops, functions, redirections.

use std::collections::VecDeque;
use std::sync::Arc;

use super::call::Stream;
use super::expand::{Boxed, MOST_VALUE};
use super::glob;
use super::interpreter::{Flow, MOST_DEPTH, Shell, Sink, Source, Streams};
use super::machine::Variable;
use super::programs::{self, Kind};
use super::syntax::{LoopKind, Node, Redirect, RedirectKind, Simple, Word};

impl Shell {
    pub fn node<'a>(&'a mut self, node: &'a Node, streams: Streams) -> Boxed<'a, Flow> {
        Box::pin(async move {
            if self.depth >= MOST_DEPTH {
                return self.failed(streams, "too many levels of recursion").await;
            }
            self.depth += 1;
            let flow = self.one(node, streams).await;
            self.depth = self.depth.saturating_sub(1);
            flow
        })
    }

    async fn one(&mut self, node: &Node, streams: Streams) -> Flow {
        match node {
            Node::Simple(simple) => self.simple(simple, streams).await,
            Node::Pipeline { stages, negated } => self.pipeline(stages, *negated, streams).await,
            Node::And(left, right) => self.and_or((left, right), true, streams).await,
            Node::Or(left, right) => self.and_or((left, right), false, streams).await,
            Node::List(nodes) => self.list(nodes, streams).await,
            Node::If { cases, otherwise } => self.conditional(cases, otherwise.as_deref(), streams).await,
            Node::Loop { kind, condition, body } => self.repeated(*kind, condition, body, streams).await,
            Node::For { name, words, body } => self.for_each(name, words.as_deref(), body, streams).await,
            Node::Case { word, arms } => self.case(word, arms, streams).await,
            Node::Subshell(node) => self.subshell(node, streams).await,
            Node::Group(node) => self.node(node, streams).await,
            Node::Function { name, body } => {
                self.functions.insert(name.clone(), Arc::clone(body));
                self.status = 0;
                Flow::Next
            }
            Node::Redirected { node, redirects } => self.redirected(node, redirects, streams).await,
        }
    }

    fn list<'a>(&'a mut self, nodes: &'a [Node], streams: Streams) -> Boxed<'a, Flow> {
        Box::pin(async move {
            for node in nodes {
                match self.node(node, streams).await {
                    Flow::Next => {}
                    other => return other,
                }
            }
            Flow::Next
        })
    }

    /// Tests a condition; what fails there does not end a script under `set -e`.
    fn condition<'a>(&'a mut self, node: &'a Node, streams: Streams) -> Boxed<'a, Flow> {
        Box::pin(async move {
            self.conditions += 1;
            let flow = self.node(node, streams).await;
            self.conditions = self.conditions.saturating_sub(1);
            flow
        })
    }

    fn and_or<'a>(
        &'a mut self,
        (left, right): (&'a Node, &'a Node),
        wanted: bool,
        streams: Streams,
    ) -> Boxed<'a, Flow> {
        Box::pin(async move {
            match self.condition(left, streams).await {
                Flow::Next => {}
                other => return other,
            }
            if (self.status == 0) == wanted {
                self.node(right, streams).await
            } else {
                Flow::Next
            }
        })
    }

    fn conditional<'a>(
        &'a mut self,
        cases: &'a [(Node, Node)],
        otherwise: Option<&'a Node>,
        streams: Streams,
    ) -> Boxed<'a, Flow> {
        Box::pin(async move {
            for (condition, body) in cases {
                match self.condition(condition, streams).await {
                    Flow::Next => {}
                    other => return other,
                }
                if self.status == 0 {
                    return self.node(body, streams).await;
                }
            }
            self.status = 0;
            match otherwise {
                Some(node) => self.node(node, streams).await,
                None => Flow::Next,
            }
        })
    }

    fn repeated<'a>(
        &'a mut self,
        kind: LoopKind,
        condition: &'a Node,
        body: &'a Node,
        streams: Streams,
    ) -> Boxed<'a, Flow> {
        Box::pin(async move {
            let mut last = 0;
            loop {
                match self.condition(condition, streams).await {
                    Flow::Next => {}
                    other => return other,
                }
                if (self.status == 0) != (kind == LoopKind::While) {
                    self.status = last;
                    return Flow::Next;
                }
                self.loops += 1;
                let flow = self.node(body, streams).await;
                self.loops = self.loops.saturating_sub(1);
                match inner(flow) {
                    Round::Go => last = self.status,
                    Round::Stop => return Flow::Next,
                    Round::Leave(flow) => return flow,
                }
            }
        })
    }

    fn for_each<'a>(
        &'a mut self,
        name: &'a str,
        words: Option<&'a [Word]>,
        body: &'a Node,
        streams: Streams,
    ) -> Boxed<'a, Flow> {
        Box::pin(async move {
            let values = match words {
                None => self.positional.clone(),
                Some(words) => match self.fields(words, streams).await {
                    Ok(values) => values,
                    Err(message) => return self.failed(streams, &message).await,
                },
            };
            self.status = 0;
            for value in values {
                self.machine.set(name, value);
                self.loops += 1;
                let flow = self.node(body, streams).await;
                self.loops = self.loops.saturating_sub(1);
                match inner(flow) {
                    Round::Go => {}
                    Round::Stop => return Flow::Next,
                    Round::Leave(flow) => return flow,
                }
            }
            Flow::Next
        })
    }

    fn case<'a>(&'a mut self, word: &'a Word, arms: &'a [(Vec<Word>, Node)], streams: Streams) -> Boxed<'a, Flow> {
        Box::pin(async move {
            let text = match self.text(word, streams).await {
                Ok(text) => text,
                Err(message) => return self.failed(streams, &message).await,
            };
            for (patterns, body) in arms {
                for pattern in patterns {
                    match self.pattern(pattern, streams).await {
                        Ok(pattern) if glob::fits(&pattern, &text) => return self.node(body, streams).await,
                        Ok(_) => {}
                        Err(message) => return self.failed(streams, &message).await,
                    }
                }
            }
            self.status = 0;
            Flow::Next
        })
    }

    /// A failed expansion ends a script and, at a prompt, the line.
    pub async fn failed(&mut self, streams: Streams, message: &str) -> Flow {
        self.complain(streams, message).await;
        self.status = 2;
        Flow::Failed
    }

    pub fn subshell<'a>(&'a mut self, node: &'a Node, streams: Streams) -> Boxed<'a, Flow> {
        Box::pin(async move {
            let scope = self.scope();
            self.node(node, streams).await;
            self.restore(scope);
            self.after()
        })
    }

    /// What a finished command means for a script under `set -e`.
    fn after(&self) -> Flow {
        let ends = self.settings.exit_on_error && self.status != 0 && self.conditions == 0;
        if ends { Flow::Exit } else { Flow::Next }
    }

    /// Stages run one after the other, each with all that the one before it wrote.
    fn pipeline<'a>(&'a mut self, stages: &'a [Node], negated: bool, streams: Streams) -> Boxed<'a, Flow> {
        Box::pin(async move {
            let bottom = self.held.len();
            let mut input = streams.input;
            if negated {
                self.conditions += 1;
            }
            let mut flow = Flow::Next;
            for (n, stage) in stages.iter().enumerate() {
                if n + 1 == stages.len() {
                    let last = Streams { input, ..streams };
                    flow = if n == 0 {
                        self.node(stage, last).await
                    } else {
                        self.subshell(stage, last).await
                    };
                    break;
                }
                let pipe = self.held.len();
                self.held.push(VecDeque::new());
                self.conditions += 1;
                self.subshell(
                    stage,
                    Streams {
                        input,
                        out: Sink::Held(pipe),
                        err: streams.err,
                    },
                )
                .await;
                self.conditions = self.conditions.saturating_sub(1);
                if std::mem::take(&mut self.overflowed) {
                    self.complain(streams, "pipe: more than 16 MiB, the rest is lost").await;
                }
                input = Source::Held(pipe);
            }
            self.held.truncate(bottom);
            if negated {
                self.conditions = self.conditions.saturating_sub(1);
                self.status = i32::from(self.status == 0);
            }
            flow
        })
    }

    fn redirected<'a>(&'a mut self, node: &'a Node, redirects: &'a [Redirect], streams: Streams) -> Boxed<'a, Flow> {
        Box::pin(async move {
            let bottom = (self.held.len(), self.paths.len());
            let flow = match self.redirect(redirects, streams).await {
                Ok(streams) => self.node(node, streams).await,
                Err(flow) => flow,
            };
            self.held.truncate(bottom.0);
            self.paths.truncate(bottom.1);
            flow
        })
    }

    /// Opens what the redirections name; the streams they lead to. A complaint sets the status.
    async fn redirect(&mut self, redirects: &[Redirect], outer: Streams) -> Result<Streams, Flow> {
        let mut streams = outer;
        for redirect in redirects {
            let target = match self.text(&redirect.target, outer).await {
                Ok(target) => target,
                Err(message) => return Err(self.failed(outer, &message).await),
            };
            let done = match redirect.kind {
                RedirectKind::Document => {
                    self.hold(target.into_bytes(), &mut streams);
                    Ok(())
                }
                RedirectKind::Read => self.open_to_read(&target, &mut streams),
                RedirectKind::Write | RedirectKind::Append => self.open_to_write(&target, redirect, &mut streams),
                RedirectKind::Duplicate => duplicate(redirect.descriptor, &target, &mut streams),
            };
            if let Err(message) = done {
                self.complain(outer, &message).await;
                self.status = 2;
                return Err(self.after());
            }
        }
        Ok(streams)
    }

    fn hold(&mut self, content: Vec<u8>, streams: &mut Streams) {
        streams.input = Source::Held(self.held.len());
        self.held.push(content.into());
    }

    fn open_to_read(&mut self, target: &str, streams: &mut Streams) -> Result<(), String> {
        if matches!(target, "/dev/stdin" | "/dev/tty") {
            return Ok(());
        }
        let path = self.machine.path(target);
        match self.machine.tree.read(&path).map(<[u8]>::to_vec) {
            Ok(_) if target == "/dev/null" => streams.input = Source::Nothing,
            Ok(content) => self.hold(content, streams),
            Err(trouble) => {
                let why = match trouble.text() {
                    "No such file or directory" => "No such file",
                    other => other,
                };
                return Err(format!("cannot open {target}: {why}"));
            }
        }
        Ok(())
    }

    fn open_to_write(&mut self, target: &str, redirect: &Redirect, streams: &mut Streams) -> Result<(), String> {
        let sink = match target {
            "/dev/null" => Sink::Nothing,
            "/dev/stdout" | "/proc/1/fd/1" => streams.out,
            "/dev/stderr" | "/proc/1/fd/2" => streams.err,
            "/dev/tty" => Sink::Console(Stream::Out),
            _ => {
                let path = self.machine.path(target);
                let tree = &mut self.machine.tree;
                let opened = if redirect.kind == RedirectKind::Append {
                    tree.append(&path, b"")
                } else {
                    tree.write(&path, Vec::new())
                };
                if let Err(trouble) = opened {
                    let why = match trouble.text() {
                        "No such file or directory" => "Directory nonexistent",
                        other => other,
                    };
                    return Err(format!("cannot create {target}: {why}"));
                }
                self.paths.push(path);
                Sink::File(self.paths.len() - 1)
            }
        };
        match redirect.descriptor {
            0 => {}
            2 => streams.err = sink,
            _ => streams.out = sink,
        }
        Ok(())
    }

    fn simple<'a>(&'a mut self, simple: &'a Simple, outer: Streams) -> Boxed<'a, Flow> {
        Box::pin(async move {
            // Loops give the other tasks their turn here, and are ended where nobody reads.
            tokio::task::yield_now().await;
            if self.console.gone || self.overflowed {
                self.status = 141;
                return Flow::Exit;
            }
            self.line = simple.line;
            let words = match self.fields(&simple.words, outer).await {
                Ok(words) => words,
                Err(message) => return self.failed(outer, &message).await,
            };
            let bottom = (self.held.len(), self.paths.len());
            let flow = match self.redirect(&simple.redirects, outer).await {
                Err(flow) => flow,
                Ok(streams) if words == ["exec"] => {
                    self.turn(streams);
                    self.status = 0;
                    return Flow::Next;
                }
                Ok(streams) => self.assigned(simple, &words, streams).await,
            };
            self.held.truncate(bottom.0);
            self.paths.truncate(bottom.1);
            flow
        })
    }

    /// `exec` with redirections only: from now on the session's streams lead there.
    fn turn(&mut self, streams: Streams) {
        self.turned = Streams {
            input: self.final_source(streams.input),
            out: self.final_sink(streams.out),
            err: self.final_sink(streams.err),
        };
    }

    /// Makes the assignments and runs the command, if there is one, with them.
    async fn assigned(&mut self, simple: &Simple, words: &[String], streams: Streams) -> Flow {
        if words.is_empty() && simple.words.is_empty() {
            self.status = 0;
        }
        let mut before: Vec<(String, Option<Variable>)> = Vec::new();
        for (name, word) in &simple.assignments {
            let value = match self.text(word, streams).await {
                Ok(value) if value.len() <= MOST_VALUE => value,
                Ok(_) => return self.failed(streams, "Out of space").await,
                Err(message) => return self.failed(streams, &message).await,
            };
            if words.is_empty() {
                self.machine.set(name, value);
            } else {
                before.push((name.clone(), self.machine.variables.get(name).cloned()));
                self.machine.export(name, &value);
            }
        }
        if words.is_empty() {
            return self.after();
        }
        if self.settings.trace {
            let line = format!("+ {}\n", words.join(" "));
            self.emit(streams.err, line.as_bytes()).await;
        }
        let flow = self.command(words, streams).await;
        for (name, variable) in before {
            match variable {
                Some(variable) => drop(self.machine.variables.insert(name, variable)),
                None => drop(self.machine.variables.remove(&name)),
            }
        }
        flow
    }

    /// Runs a command: a function, a builtin or a program.
    pub fn command<'a>(&'a mut self, words: &'a [String], streams: Streams) -> Boxed<'a, Flow> {
        Box::pin(async move {
            let Some(name) = words.first() else {
                return Flow::Next;
            };
            if let Some(body) = self.functions.get(name).cloned() {
                return self.function(&body, words, streams).await;
            }
            if let Some(flow) = self.builtin(words, streams).await {
                return match flow {
                    Flow::Next => self.after(),
                    other => other,
                };
            }
            self.status = self.program(words, streams).await;
            self.after()
        })
    }

    fn function<'a>(&'a mut self, body: &'a Node, words: &'a [String], streams: Streams) -> Boxed<'a, Flow> {
        Box::pin(async move {
            let parameters = words.get(1..).unwrap_or_default().to_vec();
            let outer = std::mem::replace(&mut self.positional, parameters);
            let flow = self.node(body, streams).await;
            self.positional = outer;
            match flow {
                flow @ (Flow::Exit | Flow::Failed) => flow,
                Flow::Next | Flow::Break(_) | Flow::Continue(_) | Flow::Return => self.after(),
            }
        })
    }

    /// Runs a program by name or path; its exit status.
    pub fn program<'a>(&'a mut self, words: &'a [String], streams: Streams) -> Boxed<'a, i32> {
        Box::pin(async move {
            let Some(name) = words.first() else { return 0 };
            match programs::kind(&self.machine, name) {
                Some(Kind::Special) => self.special(words, streams).await,
                Some(Kind::Plain(_)) => {
                    if let Some(status) = self.streaming(words, streams).await {
                        return status;
                    }
                    self.plain(words, streams).await.unwrap_or(127)
                }
                Some(Kind::Opaque) => {
                    let message = format!("{name}: cannot be run in an embedded cluster");
                    self.complain(streams, &message).await;
                    126
                }
                None if name.contains('/') && self.machine.tree.is_directory(&self.machine.path(name)) => {
                    let message = if self.name == "bash" {
                        format!("{name}: Is a directory")
                    } else {
                        format!("{name}: Permission denied")
                    };
                    self.complain(streams, &message).await;
                    126
                }
                None => {
                    let message = if self.name == "bash" {
                        format!("{name}: command not found")
                    } else {
                        format!("{name}: not found")
                    };
                    self.complain(streams, &message).await;
                    127
                }
            }
        })
    }
}

/// What a round of a loop leads to.
enum Round {
    Go,
    Stop,
    Leave(Flow),
}

fn inner(flow: Flow) -> Round {
    match flow {
        Flow::Next | Flow::Continue(0 | 1) => Round::Go,
        Flow::Break(0 | 1) => Round::Stop,
        Flow::Break(more) => Round::Leave(Flow::Break(more - 1)),
        Flow::Continue(more) => Round::Leave(Flow::Continue(more - 1)),
        other @ (Flow::Return | Flow::Exit | Flow::Failed) => Round::Leave(other),
    }
}

fn duplicate(descriptor: u8, target: &str, streams: &mut Streams) -> Result<(), String> {
    let sink = match target {
        "1" => streams.out,
        "2" => streams.err,
        "0" if descriptor == 0 => return Ok(()),
        "-" if descriptor == 0 => {
            streams.input = Source::Nothing;
            return Ok(());
        }
        "-" => Sink::Nothing,
        other => return Err(format!("{other}: Bad file descriptor")),
    };
    match descriptor {
        0 => return Err(format!("{target}: Bad file descriptor")),
        2 => streams.err = sink,
        _ => streams.out = sink,
    }
    Ok(())
}
