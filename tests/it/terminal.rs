//! A terminal for a program under test: a pseudo-terminal whose output is drawn by an emulator, so that a test reads
//! what a person would see and waits for it. No threads, no sleeping: every wait is a poll with a deadline.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use alacritty_terminal::event::{Event, EventListener, OnResize, WindowSize};
use alacritty_terminal::grid::Dimensions;
use alacritty_terminal::index::{Column, Line};
use alacritty_terminal::term::cell::Cell;
use alacritty_terminal::term::{Config, Term, TermMode};
use alacritty_terminal::tty::{self, Options, Pty, Shell};
use alacritty_terminal::vte::ansi::Processor;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long a test waits for anything before it says that it did not come.
const PATIENCE: Duration = Duration::from_secs(40);

/// From one look to the next where nothing tells of a change.
const MOMENT: Duration = Duration::from_millis(50);

/// A program in a terminal of its own.
pub(crate) struct Terminal {
    pty: Pty,
    term: Term<Replies>,
    parser: Processor,
    replies: std::sync::mpsc::Receiver<String>,
    size: Size,
    /// All bytes that the program wrote, for tests of what reaches the terminal.
    pub(crate) written: Vec<u8>,
    /// When each piece of output arrived, and how long it was.
    pub(crate) arrivals: Vec<(Instant, usize)>,
}

struct Replies(std::sync::mpsc::Sender<String>);

impl EventListener for Replies {
    fn send_event(&self, event: Event) {
        if let Event::PtyWrite(text) = event {
            // The terminal outlives its emulator only while it is dropped; nobody reads a reply then.
            drop(self.0.send(text));
        }
    }
}

#[derive(Clone, Copy)]
struct Size {
    cols: u16,
    rows: u16,
}

impl Dimensions for Size {
    fn total_lines(&self) -> usize {
        self.screen_lines()
    }

    fn screen_lines(&self) -> usize {
        usize::from(self.rows)
    }

    fn columns(&self) -> usize {
        usize::from(self.cols)
    }
}

impl Size {
    fn window(self) -> WindowSize {
        WindowSize {
            num_lines: self.rows,
            num_cols: self.cols,
            cell_width: 8,
            cell_height: 16,
        }
    }
}

impl Terminal {
    /// Starts `program` with `args` in a terminal of `cols` x `rows` with these variables added to the environment.
    pub(crate) fn start(program: &str, args: &[&str], env: &[(&str, &str)], (cols, rows): (u16, u16)) -> Self {
        let env: HashMap<_, _> = [("TERM", "xterm-256color"), ("COLORTERM", "truecolor")]
            .iter()
            .chain(env)
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let shell = Shell::new(program.to_owned(), args.iter().map(|arg| (*arg).to_owned()).collect());
        let size = Size { cols, rows };
        let options = Options {
            shell: Some(shell),
            env,
            ..Options::default()
        };
        let pty = tty::new(&options, size.window(), 0).expect("a pseudo-terminal");
        let (sender, replies) = std::sync::mpsc::channel();
        let term = Term::new(Config::default(), &size, Replies(sender));
        Self {
            pty,
            term,
            parser: Processor::new(),
            replies,
            size,
            written: Vec::new(),
            arrivals: Vec::new(),
        }
    }

    /// The screen's rows as text, without trailing blanks.
    pub(crate) fn rows(&self) -> Vec<String> {
        let grid = self.term.grid();
        (0..self.size.rows)
            .map(|row| {
                let line = &grid[Line(i32::from(row))];
                let text: String = (0..self.size.columns()).map(|col| line[Column(col)].c).collect();
                text.trim_end().to_owned()
            })
            .collect()
    }

    /// Columns and rows.
    pub(crate) fn dimensions(&self) -> (u16, u16) {
        (self.size.cols, self.size.rows)
    }

    pub(crate) fn cell(&self, row: u16, col: u16) -> &Cell {
        &self.term.grid()[Line(i32::from(row))][Column(usize::from(col))]
    }

    pub(crate) fn screen(&self) -> String {
        self.rows().join("\n")
    }

    pub(crate) fn mode(&self) -> TermMode {
        *self.term.mode()
    }

    /// Whether the terminal's line discipline is as a shell needs it: line by line, with echo and signals.
    pub(crate) fn is_cooked(&self) -> bool {
        use rustix::termios::{LocalModes, tcgetattr};
        tcgetattr(self.pty.file()).is_ok_and(|termios| {
            termios
                .local_modes
                .contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
        })
    }

    pub(crate) fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(self.pty.child())
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.pty.file().write(rest) {
                Ok(n) => rest = &rest[n..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    // The program does not read because it waits for its output to be read.
                    self.read_some(Duration::from_millis(20));
                }
                Err(error) => panic!("the terminal does not take input: {error}"),
            }
        }
    }

    /// Sends `key` again and again without reading, until the program is stuck with its output and takes no more.
    pub(crate) fn choke(&mut self, key: u8) {
        let second = Timespec::try_from(Duration::from_secs(1)).expect("a short time");
        while poll(&mut [PollFd::new(self.pty.file(), PollFlags::OUT)], Some(&second)).is_ok_and(|n| n > 0) {
            // One that was not taken is as good as one that was.
            drop(self.pty.file().write(&[key]));
        }
    }

    pub(crate) fn resize(&mut self, cols: u16, rows: u16) {
        self.size = Size { cols, rows };
        self.term.resize(self.size);
        self.pty.on_resize(self.size.window());
    }

    /// Waits until the screen satisfies `wanted`; panics with the screen if it never does.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, wanted: impl Fn(&Self) -> bool) -> Duration {
        let start = Instant::now();
        while !wanted(self) {
            let open = self.read_some(MOMENT);
            let seen = wanted(self);
            assert!(seen || open, "the program ended before: {what}\n{}", self.screen());
            assert!(
                seen || start.elapsed() < PATIENCE,
                "did not come: {what}\n{}",
                self.screen()
            );
        }
        start.elapsed()
    }

    #[track_caller]
    pub(crate) fn until_shows(&mut self, text: &str) -> Duration {
        self.until(text, |terminal| terminal.screen().contains(text))
    }

    /// Reads until the program has ended; its exit status.
    #[track_caller]
    pub(crate) fn until_ended(&mut self) -> ExitStatus {
        let status = self.await_end(|terminal| terminal.read_some(MOMENT));
        while self.read_some(Duration::ZERO) && self.pending() {}
        status
    }

    /// The same without reading what it writes.
    #[track_caller]
    pub(crate) fn until_ended_unread(&mut self) -> ExitStatus {
        self.await_end(|_| false)
    }

    /// `take` gives the program its time; false if it returned at once.
    #[track_caller]
    fn await_end(&mut self, take: impl Fn(&mut Self) -> bool) -> ExitStatus {
        use rustix::process::{WaitOptions, waitpid};
        let moment = Timespec::try_from(MOMENT).expect("a short time");
        let start = Instant::now();
        loop {
            if !take(self) {
                let _ = poll(&mut [], Some(&moment));
            }
            if let Ok(Some((_, status))) = waitpid(Some(self.pid()), WaitOptions::NOHANG) {
                return ExitStatusExt::from_raw(status.as_raw());
            }
            let late = start.elapsed() >= PATIENCE;
            assert!(!late, "the program does not end\n{}", self.screen());
        }
    }

    /// Waits until the program is stopped as by SIGSTOP.
    #[track_caller]
    pub(crate) fn until_stopped(&mut self) {
        use rustix::process::{WaitOptions, waitpid};
        let start = Instant::now();
        loop {
            self.read_some(Duration::from_millis(20));
            if let Ok(Some((_, status))) = waitpid(Some(self.pid()), WaitOptions::NOHANG | WaitOptions::UNTRACED) {
                assert!(status.stopped(), "the program ended instead of stopping: {status:?}");
                return;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "the program does not stop\n{}",
                self.screen()
            );
        }
    }

    /// Takes in whatever comes for `time`: for a test of what does *not* happen.
    pub(crate) fn watch(&mut self, time: Duration) {
        let start = Instant::now();
        while let Some(left) = time.checked_sub(start.elapsed()) {
            if !self.read_some(left) {
                return;
            }
        }
    }

    fn pending(&self) -> bool {
        self.readable(Duration::ZERO)
    }

    fn readable(&self, timeout: Duration) -> bool {
        let timeout = Timespec::try_from(timeout).expect("a short time");
        poll(&mut [PollFd::new(self.pty.file(), PollFlags::IN)], Some(&timeout)).is_ok_and(|n| n > 0)
    }

    /// Reads what is there or comes within `timeout`; false if the program's side is closed.
    fn read_some(&mut self, timeout: Duration) -> bool {
        if !self.readable(timeout) {
            return true;
        }
        let mut buffer = vec![0; 65536];
        match self.pty.file().read(&mut buffer) {
            // Linux answers EIO, not an end of file, when the other side is closed.
            Ok(0) => false,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
            Ok(n) => {
                let bytes = &buffer[..n];
                self.written.extend_from_slice(bytes);
                self.arrivals.push((Instant::now(), n));
                self.parser.advance(&mut self.term, bytes);
                while let Ok(reply) = self.replies.try_recv() {
                    self.send(reply.as_bytes());
                }
                true
            }
        }
    }
}

impl Drop for Terminal {
    /// A test that failed reads no more, and a program that cannot write does not end by being asked to.
    fn drop(&mut self) {
        // One that has ended is not there to be ended.
        let _ = rustix::process::kill_process(self.pid(), rustix::process::Signal::KILL);
    }
}
