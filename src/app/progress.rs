//! The line on standard error that tells how far the reading of files is. Shown only on a terminal, and only when the
//! reading takes a while.

use std::io::{self, IsTerminal, Write};

use crate::app::clock::Clock;
use crate::model::{Span, Time};
use crate::report::progress::{Progress, line};
use crate::term::size;

/// What is over sooner needs no bar.
const PATIENCE: Span = Span::from_millis(1000);
/// Between two looks.
const APART: Span = Span::from_millis(100);
/// Where the terminal does not tell its width.
const WIDTH: usize = 80;

/// The line, if it is to be seen.
#[derive(Debug)]
pub struct Meter {
    clock: Clock,
    began: Time,
    next: Time,
    /// Columns; none where standard error is no terminal.
    width: Option<usize>,
    shown: Shown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Yes,
    No,
}

impl Meter {
    pub fn start(clock: Clock) -> Self {
        let began = clock.now();
        let width = io::stderr()
            .is_terminal()
            .then(|| size::columns().unwrap_or(WIDTH).saturating_sub(1));
        Self {
            clock,
            began,
            next: began + PATIENCE,
            width,
            shown: Shown::No,
        }
    }

    /// Shows what `progress` tells, if it is time to.
    pub fn update(&mut self, progress: impl FnOnce() -> Progress) {
        let Some(width) = self.width else { return };
        let now = self.clock.now();
        if now < self.next {
            return;
        }
        self.next = now + APART;
        self.shown = Shown::Yes;
        let line = line(&progress(), now.since(self.began), width);
        // Nothing depends on a bar that cannot be drawn.
        drop(write!(io::stderr(), "\r{line}\x1b[K"));
    }

    /// Takes the line away, before anything else is printed.
    pub fn clear(&mut self) {
        if self.shown == Shown::Yes {
            self.shown = Shown::No;
            // As above.
            drop(write!(io::stderr(), "\r\x1b[K"));
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.clear();
    }
}
