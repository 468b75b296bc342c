//! What is on the screen, as plain data: which panes, which rows, which spans. Not how it looks; `view` paints it.
//!
//! Every string in here has been through `text::display`: it may be shown as it stands.

use std::ops::Range;

use compact_str::CompactString;

use crate::model::{ContextId, Level, PaneId};
use crate::text::display::{Run, Style};

use super::layout::{Rect, Size};

/// One whole frame. Equal scenes of equal size paint equal frames.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scene {
    pub size: Size,
    /// One per cluster, in the first line of the screen.
    pub bar: Vec<BarCell>,
    /// Lines that the bar takes at the top: 1, or 2 on screens that can spare one.
    pub bar_rows: u16,
    /// The second line of the bar: what is wrong with the cluster that needs it most. Empty when nothing is.
    pub trouble: Vec<Span>,
    pub panes: Vec<PaneScene>,
    /// The last line of the screen.
    pub status: StatusLine,
    pub overlay: Option<Overlay>,
    /// The screen is smaller than anything can be shown on; nothing else in the scene is filled in.
    pub too_small: bool,
}

/// What a piece of text means; `view` gives each its colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Plain,
    Dim,
    Good,
    Warn,
    Bad,
    Accent,
    /// The cluster's own colour.
    Cluster(ContextId),
}

/// A piece of one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub text: String,
    pub tone: Tone,
    pub bold: bool,
}

impl Span {
    pub fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self {
            text: text.into(),
            tone,
            bold: false,
        }
    }

    pub fn plain(text: impl Into<String>) -> Self {
        Self::new(text, Tone::Plain)
    }

    pub fn dim(text: impl Into<String>) -> Self {
        Self::new(text, Tone::Dim)
    }

    #[must_use]
    pub fn bold(mut self) -> Self {
        self.bold = true;
        self
    }
}

/// One cluster in the bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BarCell {
    pub context: ContextId,
    pub name: String,
    pub tone: Tone,
    /// `live`, `connecting`, `stale 12s`, `needs login 3m`, `forbidden 3m`, `unreachable 3m`, `broken 3m`.
    pub state: String,
    /// The cause in the server's words and when the next try is; empty while all is well.
    pub detail: String,
    /// Pods that are ready, and all that should be; `None` before the first list.
    pub pods: Option<(u32, u32)>,
    /// Lines per second, as `23/s`; `None` while nothing is read.
    pub rate: Option<String>,
    /// Known gaps in its log streams.
    pub gaps: u64,
    /// Others may read or change what goes there and back: `TLS OFF`.
    pub insecure: bool,
}

/// One pane. The first line of `rect` is the title; see [`PaneScene::body_rect`].
#[derive(Clone, Debug, PartialEq)]
pub struct PaneScene {
    pub id: PaneId,
    pub rect: Rect,
    pub title: Vec<Span>,
    /// At the right end of the title line: position, `paused`, `wrap`.
    pub note: Vec<Span>,
    pub focused: bool,
    pub body: Body,
}

impl PaneScene {
    /// Where the body of a pane is: below the title line and, unless the pane is at the left edge of the screen, to
    /// the right of a one-column rule that tells it from its neighbour.
    pub const fn body_rect(rect: Rect) -> Rect {
        let rule = if rect.x > 0 && rect.width > 0 { 1 } else { 0 };
        let title = if rect.height > 0 { 1 } else { 0 };
        Rect {
            x: rect.x + rule,
            y: rect.y + title,
            width: rect.width - rule,
            height: rect.height - title,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    Contrast(ContrastScene),
    Objects(ObjectsScene),
    Logs(LogsScene),
    Exec(ExecScene),
}

/// From the top: one heading line with the clusters, the rows, a rule line and the detail lines (neither when the detail
/// is empty), and the prompt if there is one. The rows are exactly those that fit between.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContrastScene {
    pub clusters: Vec<(ContextId, String)>,
    pub rows: Vec<ContrastRow>,
    /// An index into `rows`.
    pub selected: Option<usize>,
    /// Rows from the selected one on that are selected with it: counterparts.
    pub with_selected: usize,
    /// The cluster whose cells are selected, as an index into `clusters`.
    pub column: Option<usize>,
    /// How many rows are scrolled away above the first one.
    pub above: usize,
    /// How many rows there are altogether.
    pub total: usize,
    pub detail: DetailScene,
    pub prompt: Option<PromptScene>,
    /// What to say instead of rows.
    pub empty: Option<String>,
}

/// What is known of the selected finding, in lines that fit the body.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DetailScene {
    /// The word on the rule above it.
    pub title: String,
    /// As many as there is room for, padded with empty ones.
    pub lines: Vec<Vec<Span>>,
    /// How many lines are scrolled away above the first one.
    pub above: usize,
    /// How many lines there are altogether.
    pub total: usize,
}

/// One finding, a counterpart of the one above it, or the line that stands for muted ones.
#[derive(Clone, Debug, PartialEq)]
pub struct ContrastRow {
    /// `only prod`, the cluster in its colour.
    pub verdict: Vec<Span>,
    pub level: Level,
    /// What stands before the text: a mark, a label.
    pub lead: Vec<Span>,
    /// The first telling line of the template.
    pub text: String,
    /// `Tone::Dim` where it is alike everywhere.
    pub tone: Tone,
    /// One per cluster, in the order of `ContrastScene::clusters`; none on a line that is not of a finding.
    pub cells: Vec<ContrastCell>,
    pub workload: String,
}

/// One finding in one cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContrastCell {
    pub context: ContextId,
    /// `42`, `0`, `?`, `–`, `no access`; four columns at most where it is a number.
    pub text: String,
    /// The same in at most four columns.
    pub short: String,
    pub tone: Tone,
    /// Of a cluster that is not seen any more.
    pub stale: bool,
    /// Counts per equal slice of the window, oldest first; for a sparkline. Empty where nothing could be counted.
    pub trend: Vec<u32>,
}

/// From the top: one heading line with the clusters, the rows, and at the bottom a rule line and the detail lines
/// (neither when `detail` is empty). The rows are exactly those that fit between.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObjectsScene {
    pub clusters: Vec<(ContextId, String)>,
    pub rows: Vec<ObjectRow>,
    /// An index into `rows`.
    pub selected: Option<usize>,
    /// How many rows are scrolled away above the first one.
    pub above: usize,
    /// How many rows there are altogether.
    pub total: usize,
    /// What is wrong with the selected one: last termination, newest warning event.
    pub detail: Vec<Vec<Span>>,
    /// What to say instead of rows.
    pub empty: Option<String>,
}

/// A namespace, workload, pod or container.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectRow {
    /// 0 namespace, 1 workload, 2 pod, 3 container.
    pub depth: u8,
    /// `▸` can be expanded, `▾` is expanded, or empty.
    pub mark: &'static str,
    pub name: Vec<Span>,
    /// One per cluster, in the order of `ObjectsScene::clusters`; empty where the row is not in that cluster.
    pub cells: Vec<Vec<Span>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogsScene {
    pub columns: Vec<LogColumn>,
    /// The search line, in the last line of the body.
    pub prompt: Option<PromptScene>,
    /// Long lines are folded (the rows are already) instead of cut.
    pub wrap: bool,
}

/// The records of one cluster, or of all in one stream.
#[derive(Clone, Debug, PartialEq)]
pub struct LogColumn {
    /// `None`: merged.
    pub context: Option<ContextId>,
    /// Absolute; the header is in the line above it. Columns beside each other leave one column between them.
    pub rect: Rect,
    /// `prod  live`.
    pub header: Vec<Span>,
    pub focused: bool,
    /// One per screen line, from the top of `rect` on; at most as many as fit.
    pub rows: Vec<LogRow>,
    /// What to say instead of rows.
    pub empty: Option<String>,
}

/// One screen line of a log: a line of a record, or a piece of one where lines are folded.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRow {
    /// Time, cluster mark, pod, container; on continuation lines only an indent.
    pub gutter: Vec<Span>,
    pub text: String,
    /// The colours that the program itself asked for; byte ranges of `text`.
    pub styles: Vec<Run>,
    /// What the search found; byte ranges of `text`.
    pub hits: Vec<Range<usize>>,
    /// From the record's level.
    pub tone: Tone,
    /// Belongs to the record under the cursor.
    pub selected: bool,
    /// Of a cluster that is not seen any more.
    pub stale: bool,
    pub kind: RowKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// The first line of a record.
    First,
    /// A further line, or a folded piece.
    Continuation,
    /// Not a record: an interval that is known to be lost.
    Gap,
}

/// A program's screen. The grid is anchored at the top left of the body.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecScene {
    pub grid: ExecGrid,
    /// Where the cursor is in the grid (column, line), if it is to be shown.
    pub cursor: Option<(u16, u16)>,
    /// How many lines back the view is scrolled.
    pub scrolled: usize,
    /// Keys go to the program.
    pub typing: bool,
    /// `exited 0`, `session lost: …`; shown in the last line of the body.
    pub ended: Option<String>,
}

/// The cells of a terminal, line by line: `cells.len() == cols * rows`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExecGrid {
    pub cols: u16,
    pub rows: u16,
    pub cells: Vec<ExecCell>,
    pub cursor: Option<(u16, u16)>,
    pub scrolled: usize,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExecCell {
    pub text: CompactString,
    pub style: Style,
    /// Two columns wide: its right neighbour is a spacer with empty text.
    pub wide: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusLine {
    /// A notice, or the keys of a sequence that is not complete.
    pub left: Vec<Span>,
    /// (key, what it does), the most useful first.
    pub hints: Vec<(String, String)>,
    /// How what has the focus is doing; at the right end, so that the keys stay where they are.
    pub standing: Vec<Span>,
}

/// What lies over the panes and takes the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Overlay {
    Help(HelpScene),
    Palette(PaletteScene),
    /// A question or a plain message; its lines.
    Message(Vec<String>),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HelpScene {
    /// (heading, (keys, what they do)).
    pub sections: Vec<(String, Vec<(String, String)>)>,
    /// Lines scrolled away, of the lines that [`HelpScene::lines`] counts.
    pub scroll: usize,
}

impl HelpScene {
    /// How many lines the help is long: a heading per section, its bindings, and an empty line between sections.
    pub fn lines(&self) -> usize {
        let bindings: usize = self.sections.iter().map(|(_, bindings)| bindings.len() + 1).sum();
        bindings + self.sections.len().saturating_sub(1)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PaletteScene {
    pub input: String,
    /// In display columns from the start of `input`.
    pub cursor: usize,
    /// Only those that are to be shown; the best first.
    pub matches: Vec<PaletteItem>,
    pub error: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaletteItem {
    pub name: String,
    pub summary: String,
    pub keys: String,
    pub selected: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PromptScene {
    pub label: String,
    pub input: String,
    /// In display columns from the start of `input`.
    pub cursor: usize,
    /// Shown while the input is empty.
    pub placeholder: &'static str,
    /// `dev 0 · staging 0 · prod 12`, or what is wrong with the input.
    pub info: String,
}
