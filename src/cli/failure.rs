//! How a command fails: what is printed on stderr, and with which exit status.

use std::fmt;
use std::process::ExitCode;

use crate::text::display;

/// Why the program ends without having done what was asked.
#[derive(Debug)]
pub struct Failure {
    pub status: Status,
    pub message: String,
    /// What to do about it, in one sentence.
    pub hint: Option<String>,
}

/// The exit statuses; `--help` documents them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Failed = 1,
    Usage = 2,
    Lossy = 3,
    Unwatched = 4,
    Interrupted = 130,
    Terminated = 143,
}

impl Failure {
    /// Something that the user can put right: a name, a file, a flag.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            status: Status::Usage,
            message: message.into(),
            hint: None,
        }
    }

    /// Something that went wrong while it was being done: `what` fits behind "failed to".
    pub fn doing(what: &str, error: &dyn fmt::Display) -> Self {
        Self {
            status: Status::Failed,
            message: format!("failed to {what}: {error}"),
            hint: None,
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}

impl fmt::Display for Failure {
    /// Names and files come from outside, so the whole text is made safe for a terminal, line by line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, line) in self.message.lines().enumerate() {
            let label = if n == 0 { "error: " } else { "" };
            writeln!(f, "{label}{}", display::plain(line))?;
        }
        match &self.hint {
            Some(hint) => writeln!(f, "hint: {}", display::plain(hint)),
            None => Ok(()),
        }
    }
}
