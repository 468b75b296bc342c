//! The pane of the logs: whose records, where in time, what is searched. What it shows is composed from this.

use crate::logs::{Direction, Filter, Found, Position, Query, Scope, Snapshot};
use crate::model::{ContextId, PatternId};
use crate::workspace::layout::Rect;
use crate::workspace::prompt::LineInput;

/// Whether the newest record is kept in view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    Newest,
    /// Stays where it is; the position is the newest record when it was paused, to count what came since.
    Paused(Position),
}

#[derive(Clone, Debug)]
pub struct LogsPane {
    /// What is wanted. Its `context` is not used: the columns say that.
    pub filter: Filter,
    /// The pattern whose records are marked.
    pub marked: Option<PatternId>,
    /// The one context in which marked records are walked, if they are not in all.
    pub marked_in: Option<ContextId>,
    pub merged: bool,
    pub wrap: bool,
    pub timestamps: bool,
    pub follow: Follow,
    /// The place that all columns show: a record of the focused column, or a place between records after the focus
    /// has come from another column. While following, the newest record as last shown.
    pub cursor: Option<Position>,
    /// On which line the record at the cursor begins; negative when its beginning is scrolled away.
    pub line: isize,
    /// The record at the cursor in the focused column, as last shown.
    pub selected: Option<Position>,
    /// The focused column; `None` for the first one.
    pub column: Option<ContextId>,
    pub search: Option<Search>,
    pub prompt: Option<Prompt>,
    /// Where the columns were when last shown.
    pub shown: Vec<ShownColumn>,
}

/// A column as last shown, for the mouse and for moving by pages.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownColumn {
    pub context: Option<ContextId>,
    pub rect: Rect,
    /// The record on each line.
    pub lines: Vec<Position>,
}

/// A search that is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    pub query: Query,
    /// Of the latest request for it; answers to earlier ones are late.
    pub serial: u64,
    pub direction: Direction,
    /// The latest answer.
    pub found: Option<Found>,
    /// An answer is still to come.
    pub running: bool,
}

/// The search line while it is open, and what to return to when it is given up.
#[derive(Clone, Debug)]
pub struct Prompt {
    pub input: LineInput,
    /// What is wrong with the input.
    pub error: Option<String>,
    pub before: Place,
    pub search_before: Option<Search>,
}

/// Where in the logs a pane is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub follow: Follow,
    pub cursor: Option<Position>,
    pub line: isize,
    pub column: Option<ContextId>,
}

impl Default for LogsPane {
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            marked: None,
            marked_in: None,
            merged: false,
            wrap: false,
            timestamps: true,
            follow: Follow::Newest,
            cursor: None,
            line: 0,
            selected: None,
            column: None,
            search: None,
            prompt: None,
            shown: Vec::new(),
        }
    }
}

impl LogsPane {
    /// The one context that can have records for this pane, if its scope is within one.
    pub fn only_context(&self) -> Option<ContextId> {
        match &self.filter.scope {
            Scope::All | Scope::Workload(_) => None,
            Scope::Pod(pod) => Some(pod.context),
            Scope::Container(target) => Some(target.pod.context),
        }
    }

    /// What the focused column wants.
    pub fn column_filter(&self) -> Filter {
        self.filter_of(self.focused_column())
    }

    /// What a column wants.
    pub fn filter_of(&self, context: Option<ContextId>) -> Filter {
        Filter {
            context,
            ..self.filter.clone()
        }
    }

    /// The context of the focused column; `None` if it is the merged one or nothing was shown yet.
    pub fn focused_column(&self) -> Option<ContextId> {
        if self.merged {
            return None;
        }
        self.column
            .or_else(|| self.shown.first().and_then(|column| column.context))
    }

    /// Another view of the same. A search whose answer is still to come will come to the first view only.
    #[must_use]
    pub fn copied(&self) -> Self {
        let answered = self.search.clone().filter(|search| search.found.is_some());
        Self {
            search: answered.map(|search| Search {
                running: false,
                ..search
            }),
            prompt: None,
            ..self.clone()
        }
    }

    pub fn is_following(&self) -> bool {
        self.follow == Follow::Newest
    }

    /// Stays where it is from now on.
    pub fn pause(&mut self, snapshot: &Snapshot) {
        if self.is_following() {
            let newest = snapshot.records.before(std::ops::Bound::Unbounded).next();
            self.follow = Follow::Paused(newest.map_or(Position::MIN, crate::logs::Record::position));
        }
    }

    pub fn place(&self) -> Place {
        Place {
            follow: self.follow,
            cursor: self.cursor,
            line: self.line,
            column: self.column,
        }
    }

    /// Goes to a record, on the line where it is if it is in view.
    pub fn jump(&mut self, to: Position, context: ContextId, snapshot: &Snapshot) {
        self.pause(snapshot);
        self.cursor = Some(to);
        self.selected = Some(to);
        self.column = Some(context);
        let shown = self
            .shown
            .iter()
            .find(|column| column.context.is_none_or(|shown| shown == context));
        let line = shown.and_then(|column| column.lines.iter().position(|at| *at == to));
        let line = line.unwrap_or(self.height() / 3);
        self.line = isize::try_from(line).unwrap_or(0);
    }

    pub fn return_to(&mut self, place: Place) {
        self.follow = place.follow;
        self.cursor = place.cursor;
        self.line = place.line;
        self.column = place.column;
    }

    /// Lines of a column, as last shown.
    pub fn height(&self) -> usize {
        self.shown.first().map_or(1, |column| usize::from(column.rect.height))
    }
}
