//! What happens to the workspace (`Msg`) and what it asks of the world (`Effect`), as plain data that can be recorded.

use std::sync::Arc;

use bytes::Bytes;

use crate::contrast::Lens;
use crate::logs::values::Values;
use crate::logs::{Direction, Filter, Found, Position, Query, Snapshot};
use crate::model::{ContextId, ExecEnd, ExecRequest, Insecure, PaneId, PatternId, Report, Time, UnknownPlugin};

use super::key::Key;
pub use super::layout::Size;

/// A context that was asked for, in the order asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedContext {
    pub id: ContextId,
    pub name: Arc<str>,
    /// The namespace that it looks into; empty for all.
    pub namespace: Arc<str>,
    /// What its connection lacks of safety, if anything.
    pub insecure: Option<Insecure>,
    /// The credential plugin that a login runs, with its arguments, if it has one.
    pub plugin: Option<Arc<str>>,
}

/// Something has happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Msg {
    /// The contexts of this run, before anything is heard of them.
    ContextsOpened(Vec<OpenedContext>),
    KeyPressed(Key),
    Pasted(String),
    Resized(Size),
    /// The mouse button went down at this cell.
    Clicked {
        x: u16,
        y: u16,
    },
    /// The wheel turned over this cell; positive `rows` towards the end.
    Scrolled {
        x: u16,
        y: u16,
        rows: i16,
    },
    Reported(Report),
    SnapshotTaken(Arc<Snapshot>),
    Searched {
        pane: PaneId,
        serial: u64,
        found: Found,
    },
    /// The values of a pattern, as they were asked for.
    ValuesRead {
        pane: PaneId,
        pattern: PatternId,
        values: Values,
    },
    ExecOpened {
        pane: PaneId,
    },
    ExecPrinted {
        pane: PaneId,
        bytes: Bytes,
    },
    ExecEnded {
        pane: PaneId,
        end: ExecEnd,
    },
    /// The time of an `Effect::WakeAt` has come.
    Woke,
    /// The process was asked to stop (ctrl-c as a signal).
    Interrupted,
    /// Something to know, such as a diagnostic of the keymap file.
    Noticed {
        text: Arc<str>,
    },
    /// Something that was asked for could not be done.
    Failed {
        what: Arc<str>,
        cause: Arc<str>,
    },
}

/// Something is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Quit,
    /// Stop the process as a shell's job (ctrl-z).
    Suspend,
    /// Paint every cell anew.
    Redraw,
    /// Send `Msg::Woke` at this time. A later one replaces an earlier one.
    WakeAt(Time),
    /// To the clipboard of the terminal.
    Copy(String),
    Bell,
    OpenExec {
        pane: PaneId,
        request: ExecRequest,
    },
    SendToExec {
        pane: PaneId,
        bytes: Bytes,
    },
    ResizeExec {
        pane: PaneId,
        cols: u16,
        rows: u16,
    },
    CloseExec {
        pane: PaneId,
    },
    /// Replaces a search of the same pane that is still running.
    Search(SearchRequest),
    CancelSearch {
        pane: PaneId,
    },
    /// One at a time for a pane.
    ReadValues(ValuesRequest),
    /// Compare through this from now on.
    SetLens(Lens),
    /// Connect now, not at the time of the next try.
    RetryCluster(ContextId),
    /// Give the terminal to the credential plugin of this context until it has ended.
    Login(ContextId),
    /// Let this plugin run in this context, and remember it.
    AllowPlugin {
        context: ContextId,
        plugin: UnknownPlugin,
    },
}

/// A search to run off the loop; its `Msg::Searched` carries the same pane and serial.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchRequest {
    pub pane: PaneId,
    pub serial: u64,
    pub query: Query,
    pub filter: Filter,
    pub from: Position,
    pub direction: Direction,
    pub snapshot: Arc<Snapshot>,
}

/// Values to read back off the loop; the `Msg::ValuesRead` of it carries the same pane and pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct ValuesRequest {
    pub pane: PaneId,
    pub pattern: PatternId,
    /// Values of one variable in one cluster at most.
    pub most: usize,
    pub snapshot: Arc<Snapshot>,
}
