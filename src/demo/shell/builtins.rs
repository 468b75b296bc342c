//! Commands that change the shell itself: `cd`, `export`, `set`, `read`, `eval`, `exit`, `type` …

use super::expand::{Boxed, MOST_VALUE};
use super::interpreter::{Flow, Shell, Source, Streams};
use super::machine::Variable;
use super::parser::parse;
use super::programs;
use super::syntax::Bad;
use super::words::is_name;

pub const BUILTINS: &[&str] = &[
    ".", ":", "alias", "bg", "break", "cd", "command", "continue", "eval", "exec", "exit", "export", "fg", "hash",
    "jobs", "local", "read", "readonly", "return", "set", "shift", "source", "times", "trap", "type", "ulimit",
    "umask", "unalias", "unset", "wait",
];

impl Shell {
    /// Runs a builtin; none if the name is none. The status is set where the flow goes on.
    pub fn builtin<'a>(&'a mut self, words: &'a [String], streams: Streams) -> Boxed<'a, Option<Flow>> {
        Box::pin(async move {
            let (name, rest) = words.split_first()?;
            let number = || rest.first().map_or(Some(1), |word| word.parse::<usize>().ok());
            self.status = match name.as_str() {
                ":" | "alias" | "bg" | "fg" | "hash" | "jobs" | "trap" | "unalias" | "wait" | "times" => 0,
                "break" | "continue" if self.loops == 0 => 0,
                "break" => return Some(Flow::Break(number().unwrap_or(1))),
                "continue" => return Some(Flow::Continue(number().unwrap_or(1))),
                "exit" | "return" => return Some(self.leave(name, rest, streams).await),
                "cd" => self.change_directory(rest, streams).await,
                "export" | "readonly" | "local" => self.declare(name, rest, streams).await,
                "unset" => {
                    for name in rest.iter().filter(|word| !word.starts_with('-')) {
                        self.machine.variables.remove(name);
                        self.functions.remove(name);
                    }
                    0
                }
                "set" => self.set(rest, streams).await,
                "shift" => self.shift(number().unwrap_or(1), streams).await,
                "read" => self.read_variables(rest, streams).await,
                "umask" => self.answer(streams, "0022\n").await,
                "ulimit" => self.answer(streams, "unlimited\n").await,
                "type" => self.describe(rest, streams).await,
                "command" => return Some(self.past_functions(rest, streams).await),
                "exec" if rest.is_empty() => 0,
                "exec" => {
                    self.status = self.program(rest, streams).await;
                    return Some(Flow::Exit);
                }
                "eval" => return Some(self.script(&rest.join(" "), streams).await),
                "." | "source" => return Some(self.include(rest, streams).await),
                _ => return None,
            };
            Some(Flow::Next)
        })
    }

    async fn answer(&mut self, streams: Streams, text: &str) -> i32 {
        self.emit(streams.out, text.as_bytes()).await;
        0
    }

    async fn leave(&mut self, name: &str, rest: &[String], streams: Streams) -> Flow {
        let flow = if name == "exit" { Flow::Exit } else { Flow::Return };
        match rest.first().map(|word| word.parse::<i32>()) {
            None => {}
            // A status is one byte.
            Some(Ok(status)) => self.status = status & 0xff,
            Some(Err(_)) => {
                let message = format!("{name}: Illegal number: {}", rest.concat());
                self.complain(streams, &message).await;
                self.status = 2;
            }
        }
        flow
    }

    async fn change_directory(&mut self, rest: &[String], streams: Streams) -> i32 {
        let target = match rest
            .iter()
            .find(|word| word.len() < 2 || !word.starts_with('-'))
            .map(String::as_str)
        {
            None => self.machine.variable("HOME").unwrap_or("/").to_owned(),
            Some("-") => {
                let Some(old) = self.machine.variable("OLDPWD") else {
                    self.complain(streams, "cd: OLDPWD not set").await;
                    return 2;
                };
                old.to_owned()
            }
            Some(target) => target.to_owned(),
        };
        let path = self.machine.path(&target);
        if !self.machine.tree.is_directory(&path) {
            let message = if self.name == "bash" {
                format!("cd: {target}: No such file or directory")
            } else {
                format!("cd: can't cd to {target}")
            };
            self.complain(streams, &message).await;
            return if self.name == "bash" { 1 } else { 2 };
        }
        if rest.first().is_some_and(|word| word == "-") {
            self.emit(streams.out, format!("{path}\n").as_bytes()).await;
        }
        let old = std::mem::replace(&mut self.machine.directory, path.clone());
        self.machine.set("OLDPWD", old);
        self.machine.set("PWD", path);
        0
    }

    async fn declare(&mut self, command: &str, rest: &[String], streams: Streams) -> i32 {
        let exports = command == "export";
        let named: Vec<&String> = rest.iter().filter(|word| *word != "-p").collect();
        if named.is_empty() {
            let shown = self
                .machine
                .environment()
                .map(|(name, value)| format!("export {name}='{value}'\n"));
            let text: String = shown.collect();
            self.emit(streams.out, text.as_bytes()).await;
            return 0;
        }
        for word in named {
            let (name, value) = word
                .split_once('=')
                .map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
            if !is_name(name) {
                let message = format!("{command}: {name}: bad variable name");
                self.complain(streams, &message).await;
                return 2;
            }
            if let Some(value) = value {
                self.machine.set(name, value.chars().take(MOST_VALUE).collect());
            }
            if exports {
                let empty = || Variable {
                    value: String::new(),
                    exported: true,
                };
                self.machine
                    .variables
                    .entry(name.to_owned())
                    .or_insert_with(empty)
                    .exported = true;
            }
        }
        0
    }

    async fn set(&mut self, rest: &[String], streams: Streams) -> i32 {
        if rest.is_empty() {
            let shown = self
                .machine
                .variables
                .iter()
                .map(|(name, variable)| format!("{name}='{}'\n", variable.value));
            let text: String = shown.collect();
            self.emit(streams.out, text.as_bytes()).await;
            return 0;
        }
        let mut words = rest.iter();
        while let Some(word) = words.next() {
            let on = word.starts_with('-');
            match word.as_str() {
                "--" => {
                    self.positional = words.cloned().collect();
                    return 0;
                }
                "-o" | "+o" => match words.next().map(String::as_str) {
                    Some("errexit") => self.settings.exit_on_error = on,
                    Some("nounset") => self.settings.unset_is_error = on,
                    Some("xtrace") => self.settings.trace = on,
                    Some(_) | None => {}
                },
                flags if flags.len() > 1 && flags.starts_with(['-', '+']) => {
                    for flag in flags.chars().skip(1) {
                        match flag {
                            'e' => self.settings.exit_on_error = on,
                            'u' => self.settings.unset_is_error = on,
                            'x' => self.settings.trace = on,
                            _ => {}
                        }
                    }
                }
                first => {
                    self.positional = std::iter::once(first.to_owned()).chain(words.cloned()).collect();
                    return 0;
                }
            }
        }
        0
    }

    async fn shift(&mut self, count: usize, streams: Streams) -> i32 {
        if count > self.positional.len() {
            self.complain(streams, "shift: can't shift that many").await;
            return 2;
        }
        self.positional.drain(..count);
        0
    }

    /// `read [-r] [-p prompt] name...`: a line split over the names, the last of which gets the rest.
    async fn read_variables(&mut self, rest: &[String], streams: Streams) -> i32 {
        let (mut raw, mut names, mut words) = (false, Vec::new(), rest.iter());
        while let Some(word) = words.next() {
            match word.as_str() {
                "-r" => raw = true,
                "-p" => {
                    let prompt = words.next().cloned().unwrap_or_default();
                    if streams.input == Source::Console && self.console.terminal.is_some() {
                        self.emit(streams.err, prompt.as_bytes()).await;
                    }
                }
                name if is_name(name) => names.push(name.to_owned()),
                other => {
                    let message = format!("read: {other}: bad variable name");
                    self.complain(streams, &message).await;
                    return 2;
                }
            }
        }
        let line = self.read_line(streams.input).await;
        let status = i32::from(line.is_none());
        let text = String::from_utf8_lossy(&line.unwrap_or_default()).into_owned();
        let text = if raw { text } else { glob_free(&text) };
        let separators = self.machine.variable("IFS").unwrap_or(" \t\n").to_owned();
        let is_space = |c: char| separators.contains(c) && c.is_whitespace();
        let mut remaining = text.trim_matches(is_space);
        let last = names.len().saturating_sub(1);
        for (n, name) in names.iter().enumerate() {
            if n == last {
                self.machine.set(name, remaining.to_owned());
                break;
            }
            let (field, after) = remaining
                .split_once(|c: char| separators.contains(c))
                .unwrap_or((remaining, ""));
            let after = after.trim_start_matches(is_space);
            self.machine.set(name, field.to_owned());
            remaining = after;
        }
        status
    }

    async fn describe(&mut self, rest: &[String], streams: Streams) -> i32 {
        let mut status = 0;
        for name in rest.iter().filter(|word| !word.starts_with('-')) {
            let text = if self.functions.contains_key(name) {
                format!("{name} is a shell function\n")
            } else if is_builtin(name) {
                format!("{name} is a shell builtin\n")
            } else if let Some(place) = programs::place(&self.machine, name) {
                format!("{name} is {place}\n")
            } else {
                status = 127;
                format!("{name}: not found\n")
            };
            self.emit(streams.out, text.as_bytes()).await;
        }
        status
    }

    /// `command name...` runs a program past the functions; `command -v name` says where it is.
    async fn past_functions(&mut self, rest: &[String], streams: Streams) -> Flow {
        match rest.first().map(String::as_str) {
            Some("-V") => self.status = Box::pin(self.describe(rest, streams)).await,
            Some("-v") => {
                self.status = 0;
                for name in rest.iter().skip(1) {
                    let known = is_builtin(name) || self.functions.contains_key(name);
                    let found = if known {
                        Some(name.clone())
                    } else {
                        programs::place(&self.machine, name)
                    };
                    match found {
                        Some(place) => self.emit(streams.out, format!("{place}\n").as_bytes()).await,
                        None => self.status = 127,
                    }
                }
            }
            Some(_) => {
                let rest = rest.strip_prefix(&["-p".to_owned()]).unwrap_or(rest);
                if let Some(flow) = Box::pin(self.builtin(rest, streams)).await {
                    return flow;
                }
                self.status = self.program(rest, streams).await;
            }
            None => self.status = 0,
        }
        Flow::Next
    }

    fn include<'a>(&'a mut self, rest: &'a [String], streams: Streams) -> Boxed<'a, Flow> {
        Box::pin(async move {
            let Some(file) = rest.first() else {
                return self.failed(streams, ".: filename argument required").await;
            };
            let path = self.machine.path(file);
            let Ok(content) = self.machine.tree.read(&path).map(<[u8]>::to_vec) else {
                return self
                    .failed(streams, &format!(".: cannot open {file}: No such file"))
                    .await;
            };
            match self.script(&String::from_utf8_lossy(&content), streams).await {
                Flow::Return => Flow::Next,
                other => other,
            }
        })
    }

    /// Runs the text of a script in this shell.
    pub fn script<'a>(&'a mut self, text: &'a str, streams: Streams) -> Boxed<'a, Flow> {
        Box::pin(async move {
            match parse(text, 1) {
                Ok(node) => {
                    self.status = 0;
                    self.node(&node, streams).await
                }
                Err(bad) => {
                    self.refuse(bad, streams).await;
                    Flow::Failed
                }
            }
        })
    }

    /// Complains about a text that is no script.
    pub async fn refuse(&mut self, bad: Bad, streams: Streams) {
        let message = match bad {
            Bad::Incomplete { line, message, .. } | Bad::Wrong { line, message } => {
                self.line = line;
                message
            }
        };
        self.complain(streams, &message).await;
        self.status = 2;
    }
}

pub fn is_builtin(name: &str) -> bool {
    BUILTINS.contains(&name) || programs::INSIDE.contains(&name)
}

/// Without the backslashes that `read` takes as escapes.
fn glob_free(text: &str) -> String {
    super::glob::unescape(text)
}
