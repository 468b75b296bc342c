//! What each pane remembers between frames: what is selected, followed, expanded, searched. Not what it shows.

pub mod list;
pub mod contrast;
pub mod objects;
pub mod logs;
pub mod exec;

use super::keymap::Scope;

pub use contrast::ContrastPane;
pub use exec::ExecPane;
pub use list::ListCursor;
pub use logs::LogsPane;
pub use objects::{ObjectKey, ObjectsPane};

/// One pane of the workspace.
#[derive(Debug)]
pub enum Pane {
    Contrast(Box<ContrastPane>),
    Objects(ObjectsPane),
    Logs(Box<LogsPane>),
    Exec(Box<ExecPane>),
}

impl Pane {
    /// Which keys hold in it.
    pub fn scope(&self) -> Scope {
        match self {
            Self::Contrast(_) => Scope::Contrast,
            Self::Objects(_) => Scope::Objects,
            Self::Logs(_) => Scope::Logs,
            Self::Exec(exec) if exec.is_typing() => Scope::Exec,
            Self::Exec(_) => Scope::ExecScroll,
        }
    }
}
