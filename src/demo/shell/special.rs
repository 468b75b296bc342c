//! Programs that run other programs, wait, or take the screen: `env`, `xargs`, `sleep`, `cat` as it reads, `less`, `top`.

use std::time::Duration;

use super::call::{NeedsInput, Screen, Size};
use super::expand::Boxed;
use super::interpreter::{Shell, Source, Streams};
use super::keys::{Decoder, Key};
use super::pager::{ENTER, LEAVE, Next, Pager};
use super::{programs, system};

/// The longest sleep in seconds; longer ones are as good as for ever.
const MOST_SLEEP: f64 = 1e9;

impl Shell {
    pub fn special<'a>(&'a mut self, words: &'a [String], streams: Streams) -> Boxed<'a, i32> {
        Box::pin(async move {
            let Some((name, rest)) = words.split_first() else {
                return 0;
            };
            match super::tree::base(name) {
                "env" => self.env(rest, streams).await,
                "less" | "more" => self.less(rest, streams).await,
                "nohup" => self.inner(rest, streams).await,
                "sleep" => self.sleep(rest, streams).await,
                "time" => self.time(rest, streams).await,
                "timeout" => self.timeout(rest, streams).await,
                "top" => self.top(rest, streams).await,
                "which" => self.which(rest, streams).await,
                "xargs" => self.xargs(rest, streams).await,
                shell => {
                    let shell = shell.to_owned();
                    Box::pin(self.run_shell(&shell, rest, streams)).await
                }
            }
        })
    }

    async fn inner(&mut self, words: &[String], streams: Streams) -> i32 {
        Box::pin(self.program(words, streams)).await
    }

    /// Programs that show their input as it comes, where it is still coming. None: run it as a plain function.
    pub async fn streaming(&mut self, words: &[String], streams: Streams) -> Option<i32> {
        let (name, rest) = words.split_first()?;
        let reads_nothing_else = rest.iter().all(|word| word == "-" || word == "-u");
        match super::tree::base(name) {
            "cat" if streams.input == Source::Console && reads_nothing_else => {
                while let Some(bytes) = self.console.read().await {
                    self.emit(streams.out, &bytes).await;
                    if self.console.gone || self.overflowed {
                        break;
                    }
                }
                Some(0)
            }
            "tail"
                if rest
                    .iter()
                    .any(|word| matches!(word.as_str(), "-f" | "-F" | "-fn" | "-n0f")) =>
            {
                let status = self.plain(words, streams).await;
                // Nothing else writes to the files of this session.
                if status == Some(0) {
                    std::future::pending().await
                } else {
                    status
                }
            }
            _ => None,
        }
    }

    async fn error(&mut self, streams: Streams, text: &str) {
        self.emit(streams.err, format!("{text}\n").as_bytes()).await;
    }

    async fn env(&mut self, rest: &[String], streams: Streams) -> i32 {
        let before = self.machine.variables.clone();
        let mut words = rest;
        while let Some((word, after)) = words.split_first() {
            match word.split_once('=') {
                Some((name, value)) => self.machine.export(name, value),
                None if matches!(word.as_str(), "-i" | "-") => self.machine.variables.clear(),
                None if word == "-u" => {
                    if let Some(name) = after.first() {
                        self.machine.variables.remove(name);
                    }
                    words = after.get(1..).unwrap_or_default();
                    continue;
                }
                None => break,
            }
            words = after;
        }
        let status = if words.is_empty() {
            let text = self.machine.environment_text();
            self.emit(streams.out, text.as_bytes()).await;
            0
        } else if let Some(word) = words
            .first()
            .filter(|word| programs::kind(&self.machine, word).is_none())
        {
            let message = format!("env: '{word}': No such file or directory");
            self.error(streams, &message).await;
            127
        } else {
            self.inner(words, streams).await
        };
        self.machine.variables = before;
        status
    }

    async fn sleep(&mut self, rest: &[String], streams: Streams) -> i32 {
        if rest.is_empty() {
            self.error(streams, "sleep: missing operand").await;
            return 1;
        }
        let mut total = 0.0;
        for word in rest {
            let Some(seconds) = seconds(word) else {
                let message = format!("sleep: invalid time interval '{word}'");
                self.error(streams, &message).await;
                return 1;
            };
            total += seconds;
        }
        tokio::time::sleep(Duration::from_secs_f64(total.min(MOST_SLEEP))).await;
        0
    }

    async fn time(&mut self, rest: &[String], streams: Streams) -> i32 {
        let before = self.machine.nanos();
        let status = self.inner(rest, streams).await;
        let took =
            Duration::from_nanos(u64::try_from(self.machine.nanos().saturating_sub(before)).unwrap_or(0)).as_secs_f64();
        let text = format!(
            "real\t{}m {took:.2}s\nuser\t0m 0.00s\nsys\t0m 0.00s",
            took.div_euclid(60.0)
        );
        self.error(streams, &text).await;
        status
    }

    async fn timeout(&mut self, rest: &[String], streams: Streams) -> i32 {
        let words: Vec<String> = rest.iter().skip_while(|word| word.starts_with('-')).cloned().collect();
        let Some((limit, command)) = words.split_first() else {
            self.error(streams, "timeout: missing operand").await;
            return 125;
        };
        let Some(limit) = seconds(limit) else {
            let message = format!("timeout: invalid time interval '{limit}'");
            self.error(streams, &message).await;
            return 125;
        };
        let limit = Duration::from_secs_f64(limit.min(MOST_SLEEP));
        tokio::time::timeout(limit, self.inner(command, streams))
            .await
            .unwrap_or(124)
    }

    async fn which(&mut self, rest: &[String], streams: Streams) -> i32 {
        let mut status = i32::from(rest.is_empty());
        for name in rest.iter().filter(|word| !word.starts_with('-')) {
            match programs::place(&self.machine, name) {
                Some(place) => self.emit(streams.out, format!("{place}\n").as_bytes()).await,
                None => status = 1,
            }
        }
        status
    }

    /// `xargs [-n N] [-I R] [-r] command...`: words of the input as arguments, at most `N` a time.
    async fn xargs(&mut self, rest: &[String], streams: Streams) -> i32 {
        let (mut most, mut replace, mut skip_empty, mut words) = (5000, None, false, rest);
        while let Some((word, after)) = words.split_first().filter(|(word, _)| word.starts_with('-')) {
            let (option, attached) = word.split_at_checked(2).unwrap_or((word, ""));
            let (value, next) = match after.split_first() {
                Some((value, next)) if attached.is_empty() => (value.as_str(), next),
                Some(_) | None => (attached, after),
            };
            words = match option {
                "-n" | "-L" => {
                    most = value.parse().unwrap_or(most).max(1);
                    next
                }
                "-I" => {
                    replace = Some(value.to_owned());
                    next
                }
                "-r" => {
                    skip_empty = true;
                    after
                }
                _ => after,
            };
        }
        let input = String::from_utf8_lossy(&self.read_to_end(streams.input).await).into_owned();
        let command = if words.is_empty() {
            vec!["echo".to_owned()]
        } else {
            words.to_vec()
        };
        let streams = Streams {
            input: Source::Nothing,
            ..streams
        };
        let calls: Vec<Vec<String>> = if let Some(mark) = &replace {
            let lines = input.lines().map(str::trim).filter(|line| !line.is_empty());
            let with = |line: &str| command.iter().map(|word| word.replace(mark.as_str(), line)).collect();
            lines.map(with).collect()
        } else {
            let items = input.split_whitespace();
            let items: Vec<String> = items.map(|item| item.trim_matches(['\'', '"']).to_owned()).collect();
            let with = |items: &[String]| [command.as_slice(), items].concat();
            match items.len() {
                0 if skip_empty => Vec::new(),
                0 => vec![with(&[])],
                _ => items.chunks(most).map(with).collect(),
            }
        };
        let mut status = 0;
        for words in calls {
            tokio::task::yield_now().await;
            if words
                .first()
                .is_some_and(|word| programs::kind(&self.machine, word).is_none())
            {
                let message = format!(
                    "xargs: {}: No such file or directory",
                    words.first().map_or("", String::as_str)
                );
                self.error(streams, &message).await;
                return 127;
            }
            if self.inner(&words, streams).await != 0 {
                status = 123;
            }
        }
        status
    }

    async fn less(&mut self, rest: &[String], streams: Streams) -> i32 {
        let file = rest.iter().find(|word| !word.starts_with(['-', '+']));
        let content = match file {
            Some(file) => match self.machine.tree.read(&self.machine.path(file)).map(<[u8]>::to_vec) {
                Ok(content) => content,
                Err(trouble) => {
                    let message = format!("{file}: {}", trouble.text());
                    self.error(streams, &message).await;
                    return 1;
                }
            },
            None if streams.input == Source::Console && self.console.terminal.is_some() => {
                self.error(streams, "Missing filename (\"less --help\" for help)").await;
                return 1;
            }
            None => self.read_to_end(streams.input).await,
        };
        let (Screen::Terminal(size), Some(terminal)) = (self.screen(streams), self.console.terminal.clone()) else {
            self.emit(streams.out, &content).await;
            return 0;
        };
        let title = file.map_or("(standard input)", String::as_str);
        let mut pager = Pager::new(title, &content, size);
        let (mut sizes, mut decoder) = (terminal.sizes(), Decoder::default());
        terminal.read_keys();
        self.console.raw(format!("{ENTER}\x1b[2J").into_bytes()).await;
        self.console.raw(pager.frame()).await;
        while !self.console.gone {
            let key = tokio::select! {
                byte = self.console.byte() => match byte {
                    Some(byte) => decoder.feed(byte),
                    None => break,
                },
                _ = sizes.changed() => {
                    pager.resize(terminal.size());
                    Some(Key::Unknown)
                }
            };
            match key.map(|key| pager.key(key)) {
                Some(Next::Quit) => break,
                Some(Next::Draw) if !self.console.is_ready() => self.console.raw(pager.frame()).await,
                Some(Next::Draw) | None => {}
            }
        }
        self.console.raw(LEAVE.as_bytes().to_vec()).await;
        terminal.read_lines();
        0
    }

    /// Processes once a second until `q`; once only with `-b` or `-n 1`.
    async fn top(&mut self, rest: &[String], streams: Streams) -> i32 {
        let once = rest
            .iter()
            .any(|word| word.starts_with("-b") || word == "-n1" || word == "-n");
        let terminal = self.console.terminal.clone();
        let (Screen::Terminal(_), Some(terminal), false) = (self.screen(streams), terminal, once) else {
            if !once {
                self.error(streams, "top: failed tty get").await;
                return 1;
            }
            let text = self.top_text();
            self.emit(streams.out, text.as_bytes()).await;
            return 0;
        };
        let mut sizes = terminal.sizes();
        terminal.read_keys();
        self.console.raw(format!("{ENTER}\x1b[2J").into_bytes()).await;
        while !self.console.gone {
            let frame = top_frame(&self.top_text(), terminal.size());
            self.console.raw(frame).await;
            tokio::select! {
                byte = self.console.byte() => match byte {
                    None | Some(b'q' | b'Q' | 0x03) => break,
                    Some(_) => {}
                },
                _ = sizes.changed() => {}
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
        self.console.raw(LEAVE.as_bytes().to_vec()).await;
        terminal.read_lines();
        0
    }

    fn top_text(&mut self) -> String {
        let words = [];
        let mut call = super::call::Call {
            inside: None,
            name: "uptime",
            words: &words,
            machine: &mut self.machine,
            screen: Screen::Plain,
            terminal: None,
            input: None,
            written: Vec::new(),
        };
        let header = match system::uptime(&mut call) {
            Ok(_) => call.written,
            Err(NeedsInput) => Vec::new(),
        };
        let header = header
            .first()
            .map(|(_, bytes)| String::from_utf8_lossy(bytes).trim().to_owned())
            .unwrap_or_default();
        let user = self.machine.user_name();
        let command = self.machine.inside.command.join(" ");
        format!(
            "top - {header}\nTasks:   3 total,   1 running,   2 sleeping,   0 stopped,   0 zombie\n\n    PID USER      PR  NI S  %CPU  %MEM COMMAND\n{:>7} {user:<8}  20   0 S   0.0   0.0 {command}\n{:>7} {user:<8}  20   0 S   0.0   0.0 sh\n{:>7} {user:<8}  20   0 R   0.0   0.0 top\n",
            1,
            system::FIRST_PROCESS,
            system::FIRST_PROCESS + 1
        )
    }
}

fn top_frame(text: &str, size: Size) -> Vec<u8> {
    let (columns, rows) = if size.columns == 0 {
        (80, 24)
    } else {
        (usize::from(size.columns), usize::from(size.rows))
    };
    let row = |line: &str| {
        let cut: String = line.chars().take(columns).collect();
        let (on, off) = if line.trim_start().starts_with("PID") {
            ("\x1b[7m", "\x1b[0m")
        } else {
            ("", "")
        };
        format!("{on}{cut}{off}\x1b[K")
    };
    let lines: Vec<String> = text.lines().take(rows.max(1)).map(row).collect();
    format!("\x1b[H{}\x1b[J", lines.join("\r\n")).into_bytes()
}

/// `1.5`, `2m`, `1h`: seconds; none if it is no time.
fn seconds(text: &str) -> Option<f64> {
    let (number, unit) = match text.chars().last()? {
        's' => (text.strip_suffix('s')?, 1.0),
        'm' => (text.strip_suffix('m')?, 60.0),
        'h' => (text.strip_suffix('h')?, 3600.0),
        'd' => (text.strip_suffix('d')?, 86_400.0),
        _ => (text, 1.0),
    };
    if text == "infinity" {
        return Some(MOST_SLEEP);
    }
    let number: f64 = number.parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number * unit)
}
