//! The pane of a program that runs in a container: its screen and whether keys go to it.

use crate::model::{ExecEnd, ExecRequest, Target};
use crate::workspace::vt::Vt;

/// The shell that is looked for: bash where there is one.
const SHELL: [&str; 3] = [
    "sh",
    "-c",
    "TERM=xterm-256color; export TERM; [ -x /bin/bash ] && exec /bin/bash || exec /bin/sh",
];

#[derive(Debug)]
pub struct ExecPane {
    pub target: Target,
    pub vt: Vt,
    pub cols: u16,
    pub rows: u16,
    pub stage: Stage,
    /// Keys go to the program.
    typing: bool,
}

/// How far the session has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    Opening,
    Open,
    Ended(ExecEnd),
}

impl ExecPane {
    pub fn new(target: Target, cols: u16, rows: u16) -> Self {
        let (cols, rows) = (cols.clamp(2, 1_000), rows.clamp(1, 500));
        Self {
            target,
            vt: Vt::new(cols, rows),
            cols,
            rows,
            stage: Stage::Opening,
            typing: true,
        }
    }

    pub fn request(&self) -> ExecRequest {
        ExecRequest {
            target: self.target.clone(),
            command: SHELL.map(str::to_owned).to_vec(),
            cols: self.cols,
            rows: self.rows,
        }
    }

    pub fn is_typing(&self) -> bool {
        self.typing && !self.has_ended()
    }

    pub fn has_ended(&self) -> bool {
        matches!(self.stage, Stage::Ended(_))
    }

    pub fn leave(&mut self) {
        self.typing = false;
    }

    /// Keys go to the program again, and its last lines are in view.
    pub fn enter(&mut self) {
        self.typing = true;
        self.vt.scroll_to_bottom();
    }

    /// Takes a new size; true if it is one.
    pub fn resize(&mut self, cols: u16, rows: u16) -> bool {
        let (cols, rows) = (cols.clamp(2, 1_000), rows.clamp(1, 500));
        if (cols, rows) == (self.cols, self.rows) {
            return false;
        }
        (self.cols, self.rows) = (cols, rows);
        self.vt.resize(cols, rows);
        true
    }
}
