//! What is said about an exec session from outside: what to start, and how it ended.

use std::sync::Arc;

use super::ids::Target;

/// A command to start in a container, in a terminal of this size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecRequest {
    pub target: Target,
    pub command: Vec<String>,
    pub cols: u16,
    pub rows: u16,
}

/// How an exec session came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecEnd {
    /// The command ended with this exit status.
    Exited(i32),
    /// It never began: the server's words.
    Refused { cause: Arc<str> },
    /// The connection broke while the command ran; what became of the command is not known.
    Lost { cause: Arc<str> },
}
