//! The logs: a column per cluster that all show one time, or one column for all.

use std::ops::Bound;

use crate::contrast::Finding;
use crate::logs::{Content, Filter, Position, Record, Scope, Snapshot};
use crate::model::{ContextId, Level};
use crate::text::display;
use crate::workspace::clusters::{Cluster, Clusters};
use crate::workspace::layout::Rect;
use crate::workspace::marks::Marks as PatternMarks;
use crate::workspace::panes::LogsPane;
use crate::workspace::panes::logs::{Follow, Search, ShownColumn};
use crate::workspace::scene::{LogColumn, LogRow, LogsScene, PromptScene, Span, Tone};
use crate::workspace::streams::StreamCensus;

use super::age::Moment;
use super::gutter::{self, Gutter};
use super::place::{Anchor, Placed, Spot, Strip};
use super::record::{Fold, Lines, Marks};
use super::streams::{self, Part};
use super::words;

/// Columns of the screen below which clusters are not shown beside each other.
const LEAST_COLUMN: u16 = 24;

/// Records counted as new before counting ends.
const MOST_NEW: usize = 1_000;

/// Gaps of a part of a cluster that are counted.
const MOST_GAPS: usize = 999;

/// What composing found out about the places on the screen, for the pane to remember.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// The cursor, on the line where it is.
    pub cursor: Option<Spot>,
    /// The record at the cursor in the focused column.
    pub selected: Option<Position>,
    pub column: Option<ContextId>,
    pub shown: Vec<ShownColumn>,
}

/// What holds a column.
#[derive(Clone, Copy, Debug)]
struct Held {
    cursor: Option<Spot>,
    /// The record that is to be marked as selected.
    selected: Option<Position>,
    focused: bool,
}

/// What the logs are composed of.
#[derive(Clone, Copy, Debug)]
pub struct Logs<'a> {
    pub pane: &'a LogsPane,
    pub snapshot: &'a Snapshot,
    pub clusters: &'a Clusters,
    pub marks: &'a PatternMarks,
    pub body: Rect,
}

impl Logs<'_> {
    pub fn compose(&self, moment: &mut Moment) -> (LogsScene, Settled) {
        let prompt_line = u16::from(self.pane.prompt.is_some() && self.body.height > 0);
        let body = Rect {
            height: self.body.height - prompt_line,
            ..self.body
        };
        let all = self.contexts();
        let focus = all.iter().position(|context| *context == self.pane.column).unwrap_or(0);
        let window = Window::new(all.len(), focus, body.width);
        let rects = body.columns(u16::try_from(window.count).unwrap_or(1));
        let contexts: Vec<_> = all.iter().copied().skip(window.first).take(rects.len()).collect();
        let focused = contexts.iter().position(|context| Some(context) == all.get(focus));

        let mut settled = Settled {
            cursor: self.pane_spot(),
            selected: None,
            column: all.get(focus).copied().flatten(),
            shown: Vec::new(),
        };
        // The focused column first: it says what time the others show.
        if let (Some(context), Some(rect)) = (all.get(focus), focused.and_then(|n| rects.get(n))) {
            let filter = self.pane.filter_of(*context);
            let placed = self.strip(&filter, without_header(*rect)).place(self.own_anchor());
            if let Some(placed) = placed {
                settled.selected = Some(placed.base.position);
                settled.cursor = Some(self.cursor_at(placed.base));
            }
        }
        let mut columns = Vec::new();
        for (n, (context, rect)) in contexts.iter().zip(rects).enumerate() {
            let held = Held {
                cursor: settled.cursor,
                selected: settled.selected.filter(|_| Some(n) == focused),
                focused: Some(n) == focused,
            };
            let (column, shown) = self.column(*context, rect, held, moment);
            columns.push(column);
            settled.shown.push(shown);
        }
        let scene = LogsScene {
            columns,
            prompt: self.prompt(),
            wrap: self.pane.wrap,
        };
        (scene, settled)
    }

    /// The columns that there are, shown or not.
    fn contexts(&self) -> Vec<Option<ContextId>> {
        columns(self.pane, self.clusters)
    }

    fn pane_spot(&self) -> Option<Spot> {
        self.pane.cursor.map(|position| Spot {
            position,
            line: self.pane.line,
        })
    }

    fn own_anchor(&self) -> Anchor {
        match (self.pane.follow, self.pane_spot()) {
            (Follow::Paused(_), Some(spot)) => Anchor::At(spot),
            (Follow::Newest, _) | (_, None) => Anchor::Newest,
        }
    }

    /// Where the cursor is once its column is placed: following, on the newest record, else where it was, on the line
    /// that was found for it.
    fn cursor_at(&self, base: Spot) -> Spot {
        match (self.pane.follow, self.pane.cursor) {
            (Follow::Paused(_), Some(position)) => Spot {
                position,
                line: base.line,
            },
            (Follow::Newest, _) | (_, None) => base,
        }
    }

    fn gutter(&self, filter: &Filter, columns: u16) -> Gutter {
        Gutter::new(gutter::Column {
            snapshot: self.snapshot,
            clusters: self.clusters,
            filter,
            timestamps: self.pane.timestamps,
            columns: usize::from(columns),
        })
    }

    /// Where times are shown, the lines need not tell them again; to see a line as it is, it is folded.
    const fn lines(&self) -> Lines {
        match (self.pane.wrap, self.pane.timestamps) {
            (true, _) => Lines::Folded,
            (false, false) => Lines::Cut,
            (false, true) => Lines::Compact,
        }
    }

    fn strip<'b>(&'b self, filter: &'b Filter, rect: Rect) -> Strip<'b> {
        Strip {
            snapshot: self.snapshot,
            filter,
            fold: Fold {
                columns: usize::from(rect.width),
                gutter: self.gutter(filter, rect.width).width(),
                lines: self.lines(),
            },
            height: usize::from(rect.height),
        }
    }

    fn column(
        &self,
        context: Option<ContextId>,
        whole: Rect,
        held: Held,
        moment: &mut Moment,
    ) -> (LogColumn, ShownColumn) {
        let rect = without_header(whole);
        let filter = self.pane.filter_of(context);
        let anchor = match (self.pane.follow, held.cursor) {
            (Follow::Newest, _) | (_, None) => Anchor::Newest,
            (Follow::Paused(_), Some(spot)) if held.focused => Anchor::At(spot),
            (Follow::Paused(_), Some(spot)) => Anchor::Around(spot.position.time, spot.line.max(0)),
        };
        let strip = self.strip(&filter, rect);
        let placed = strip.place(anchor);
        let selected = held.selected.filter(|_| !self.pane.is_following());
        let mut rows = Filled::new(rect.height);
        if let Some(placed) = &placed {
            let gutter = self.gutter(&filter, rect.width);
            self.fill(&mut rows, placed, &gutter, strip.fold, selected);
        }
        let column = LogColumn {
            context,
            rect,
            header: self.header(context, whole.width, moment),
            focused: held.focused,
            empty: placed.is_none().then(|| self.empty(context, moment)),
            rows: rows.rows,
        };
        let shown = ShownColumn {
            context,
            rect,
            lines: rows.positions,
        };
        (column, shown)
    }

    fn fill(&self, rows: &mut Filled, placed: &Placed<'_>, gutter: &Gutter, fold: Fold, selected: Option<Position>) {
        rows.skip = usize::try_from(-placed.first_line).unwrap_or(0);
        for record in &placed.records {
            let position = record.position();
            let place = match record.content {
                Content::Gap(_) => self.place_of(record),
                Content::Text { .. } => String::new(),
            };
            let marks = Marks {
                place: &place,
                query: self.pane.search.as_ref().map(|search| &search.query),
                whole: self.pane.filter.pattern.is_none()
                    && self
                        .pane
                        .marked
                        .is_some_and(|marked| self.snapshot.is_of(record, marked)),
                selected: selected == Some(position),
            };
            let mut composed = fold.compose(record, gutter.spans(record, self.clusters), marks);
            let context = record.source.context;
            let is_stale = self.clusters.get(context).is_some_and(Cluster::is_stale);
            for row in composed.iter_mut().filter(|_| is_stale) {
                row.stale = true;
            }
            if !rows.push(composed, position) {
                break;
            }
        }
    }

    /// `shop/api-1/app`, behind the cluster where they are merged.
    fn place_of(&self, record: &Record) -> String {
        let mut place = String::new();
        if self.pane.merged {
            place = self.clusters.name(record.source.context) + " ";
        }
        if let Some(source) = self.snapshot.sources.get(&record.source) {
            let (pod, container) = (&source.target.pod, &source.target.container);
            place.push_str(&words::safe(&format!("{}/{}/{container}", pod.namespace, pod.name)));
        }
        place
    }

    /// Known gaps in what a column shows: of a whole cluster all that were ever found, else those that are held.
    fn gaps(&self, context: Option<ContextId>) -> usize {
        let filter = match &self.pane.filter.scope {
            Scope::All => {
                let tallies = self.snapshot.tallies.iter();
                let of_column = tallies.filter(|(of, _)| context.is_none_or(|context| context == **of));
                let gaps: u64 = of_column.map(|(_, tally)| tally.gaps).sum();
                return usize::try_from(gaps).unwrap_or(usize::MAX);
            }
            Scope::Workload(_) | Scope::Pod(_) | Scope::Container(_) => gaps_of(&Filter {
                pattern: None,
                ..self.pane.filter_of(context)
            }),
        };
        let held = self.snapshot.after(&filter, Bound::Unbounded);
        held.filter(|record| is_gap(record)).take(MOST_GAPS).count()
    }

    fn header(&self, context: Option<ContextId>, width: u16, moment: &mut Moment) -> Vec<Span> {
        let shown = context.and_then(|context| self.clusters.get(context));
        let beginning = match shown {
            Some(cluster) => {
                let (state, tone) = words::state(cluster, moment);
                let mut header = words::cluster_spans(self.clusters, cluster.id);
                header.extend([Span::plain("  "), Span::new(state, tone)]);
                header
            }
            None => vec![Span::plain("all clusters").bold()],
        };
        // The mark of the focused column stands before it.
        let columns = usize::from(width).saturating_sub(1);
        let mut parts: Vec<Part> = match shown {
            Some(cluster) => aside(cluster, columns, moment),
            None => self
                .clusters
                .iter()
                .flat_map(|cluster| self.named_aside(cluster, columns, moment))
                .collect(),
        };
        let gaps = self.gaps(context);
        if gaps > 0 {
            let text = match gaps {
                1 => "1 gap".to_owned(),
                gaps => format!("{gaps} gaps"),
            };
            let tone = Tone::Warn;
            parts.push(Part { text, tone, rank: 5 });
        }
        parts.extend(streams::counted(&self.census(context)));
        streams::heading(beginning, parts, columns)
    }

    /// The same of one among several.
    fn named_aside(&self, cluster: &Cluster, columns: usize, moment: &mut Moment) -> Vec<Part> {
        let mut parts = aside(cluster, columns, moment);
        for part in &mut parts {
            part.text = format!("{} {}", self.clusters.name(cluster.id), part.text);
        }
        parts
    }

    fn census(&self, context: Option<ContextId>) -> StreamCensus {
        self.clusters.streams.census(context, &self.pane.filter.scope)
    }

    fn empty(&self, context: Option<ContextId>, moment: &mut Moment) -> String {
        let Some(cluster) = context.and_then(|context| self.clusters.get(context)) else {
            let lines = words::absences(self.clusters, moment);
            return if lines.is_empty() {
                self.no_lines(context)
            } else {
                lines.join("\n")
            };
        };
        let streams = self.census(context);
        match (words::absence(cluster, moment), &streams.refusal) {
            (Some(absence), _) => absence,
            (None, Some(cause)) if streams.followed() == 0 => format!("no access to logs: {}", words::safe(cause)),
            (None, Some(_) | None) => self.no_lines(context),
        }
    }

    fn no_lines(&self, context: Option<ContextId>) -> String {
        let streams = self.census(context);
        if self.pane.filter.pattern.is_some() {
            return "no record of this pattern here".to_owned();
        }
        if self.pane.filter.scope != Scope::All {
            return "no record of this here".to_owned();
        }
        match streams.waiting_for {
            _ if streams.followed() > 0 => "nothing written yet".to_owned(),
            _ if streams.cap.is_some() && streams.polled == 0 => {
                format!("not followed: {}", words::safe(&streams.cap.unwrap_or_default()))
            }
            Some(reason) => format!("waiting for the containers: {}", words::safe(&reason)),
            None if streams.opening > 0 => "opening the logs …".to_owned(),
            None => "no container to follow yet".to_owned(),
        }
    }

    fn prompt(&self) -> Option<PromptScene> {
        let prompt = self.pane.prompt.as_ref()?;
        let info = match (&prompt.error, &self.pane.search) {
            (Some(error), _) => error.clone(),
            (None, Some(search)) => counts(search, self.clusters),
            (None, None) => String::new(),
        };
        Some(PromptScene {
            label: "/".to_owned(),
            input: words::safe(prompt.input.text()),
            cursor: prompt.input.cursor(),
            placeholder: "regex, small letters match any case",
            info,
        })
    }

    /// The label of a pattern, else the end of its text.
    fn name_of(&self, finding: &Finding) -> String {
        let label = self.marks.label(finding.pattern);
        let line = if label.is_empty() {
            finding.template.lines().next_back().unwrap_or_default()
        } else {
            label
        };
        let line = words::safe(line.trim());
        if line.is_empty() {
            return words::BLANK.to_owned();
        }
        display::truncate(&line, 40).into_owned()
    }

    /// What the title says beside the pane's name.
    pub fn note(&self) -> Vec<Span> {
        let mut notes = Vec::new();
        if let Some(search) = self.pane.search.as_ref().filter(|_| self.pane.prompt.is_none()) {
            let text = format!(
                "/{}  {}",
                words::safe(search.query.text()),
                counts(search, self.clusters)
            );
            notes.push(Span::new(text, Tone::Accent));
        }
        let all = self.contexts().len();
        if all > self.pane.shown.len() && !self.pane.shown.is_empty() {
            notes.push(Span::dim(format!("{} of {all} clusters", self.pane.shown.len())));
        }
        if self.pane.merged {
            notes.push(Span::dim("merged"));
        }
        if self.pane.wrap {
            notes.push(Span::dim("wrap"));
        }
        notes.push(match self.pane.follow {
            Follow::Newest => Span::new("following", Tone::Good),
            Follow::Paused(since) => match self.new_since(since) {
                0 => Span::new("paused", Tone::Warn),
                new if new >= MOST_NEW => Span::new(format!("paused, over {} new", MOST_NEW - 1), Tone::Warn),
                new => Span::new(format!("paused, {new} new"), Tone::Warn),
            },
        });
        let mut spans = Vec::new();
        for note in notes {
            if !spans.is_empty() {
                spans.push(Span::dim(" · "));
            }
            spans.push(note);
        }
        spans
    }

    fn new_since(&self, position: Position) -> usize {
        let filter = self.pane.filter_of(self.pane.only_context());
        let newer = self.snapshot.after(&filter, Bound::Excluded(position));
        newer.take(MOST_NEW).count()
    }

    pub fn title(&self) -> Vec<Span> {
        let mut title = vec![Span::plain("Logs").bold()];
        match &self.pane.filter.scope {
            Scope::All => {}
            Scope::Workload(workload) => {
                title.push(Span::plain(words::safe(&format!(
                    " {}/{}",
                    workload.namespace, workload.name
                ))));
            }
            Scope::Pod(pod) => title.push(Span::plain(words::safe(&format!(" {}/{}", pod.namespace, pod.name)))),
            Scope::Container(target) => {
                let (pod, container) = (&target.pod, &target.container);
                let name = format!(" {}/{}/{container}", pod.namespace, pod.name);
                title.push(Span::plain(words::safe(&name)));
            }
        }
        let (word, pattern) = match (self.pane.filter.pattern, self.pane.marked) {
            (Some(pattern), _) => (" only ", Some(pattern)),
            (None, marked) => (" marked ", marked),
        };
        if let Some(finding) = pattern.and_then(|pattern| self.snapshot.finding(pattern)) {
            title.push(Span::new(word, Tone::Accent));
            title.push(Span::plain(self.name_of(finding)));
        } else if self.pane.filter.pattern.is_some() {
            // Nothing may be hidden without a word, even if no finding tells of the pattern at the moment.
            title.push(Span::new(" only one pattern", Tone::Accent));
        }
        title
    }
}

/// Narrowed so that the store passes over what holds neither gaps nor the worst records.
pub fn gaps_of(filter: &Filter) -> Filter {
    Filter {
        least: Level::Fatal,
        ..filter.clone()
    }
}

pub const fn is_gap(record: &Record) -> bool {
    matches!(record.content, Content::Gap(_))
}

/// What is to be known of a cluster beside its state: how old what is shown of it is, and how wrong its clocks are.
fn aside(cluster: &Cluster, columns: usize, moment: &mut Moment) -> Vec<Part> {
    let as_of = words::as_of(cluster, columns, moment).map(|text| Part {
        text,
        tone: Tone::Warn,
        rank: 0,
    });
    let skew = words::skew(cluster).map(|(text, tone)| Part { text, tone, rank: 4 });
    as_of.into_iter().chain(skew).collect()
}

/// The columns that a pane has, shown or not.
pub fn columns(pane: &LogsPane, clusters: &Clusters) -> Vec<Option<ContextId>> {
    if pane.merged || clusters.is_empty() {
        return vec![None];
    }
    match pane.only_context() {
        Some(context) => vec![Some(context)],
        None => clusters.ids().into_iter().map(Some).collect(),
    }
}

/// A strip of the focused column as it was last shown, for moving through it.
pub fn focused_strip<'a>(logs: &'a Logs<'a>, filter: &'a Filter) -> Strip<'a> {
    let focused = logs.pane.focused_column();
    let shown = logs.pane.shown.iter().find(|column| column.context == focused);
    logs.strip(filter, shown.map_or(logs.body, |column| column.rect))
}

const fn without_header(rect: Rect) -> Rect {
    let header = if rect.height > 0 { 1 } else { 0 };
    Rect {
        y: rect.y + header,
        height: rect.height - header,
        ..rect
    }
}

/// Which of the columns there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    first: usize,
    count: usize,
}

impl Window {
    fn new(all: usize, focus: usize, width: u16) -> Self {
        let fitting = usize::from((width + 1) / (LEAST_COLUMN + 1)).max(1);
        let count = fitting.min(all);
        Self {
            first: (focus + 1).saturating_sub(count),
            count,
        }
    }
}

/// The screen lines of a column as they are filled, with the record that each belongs to.
struct Filled {
    height: usize,
    /// Lines still to be left out at the top.
    skip: usize,
    rows: Vec<LogRow>,
    positions: Vec<Position>,
}

impl Filled {
    fn new(height: u16) -> Self {
        Self {
            height: usize::from(height),
            skip: 0,
            rows: Vec::new(),
            positions: Vec::new(),
        }
    }

    /// False once the column is full.
    fn push(&mut self, rows: Vec<LogRow>, position: Position) -> bool {
        let skipped = self.skip.min(rows.len());
        self.skip -= skipped;
        for row in rows.into_iter().skip(skipped) {
            if self.rows.len() >= self.height {
                return false;
            }
            self.rows.push(row);
            self.positions.push(position);
        }
        true
    }
}

/// `dev 0 · staging 0 · prod 12`
fn counts(search: &Search, clusters: &Clusters) -> String {
    let Some(found) = search.found.as_ref().filter(|found| found.finished) else {
        return "searching …".to_owned();
    };
    let counts: Vec<_> = clusters
        .iter()
        .map(|cluster| {
            let count = found.counts.get(&cluster.id).copied().unwrap_or(0);
            format!("{} {}", clusters.name(cluster.id), words::count(count))
        })
        .collect();
    let wrapped = if found.wrapped { " · from the other end" } else { "" };
    counts.join(" · ") + wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_focused_column_is_always_among_those_shown() {
        for all in 1..9 {
            for focus in 0..all {
                for width in 0..300 {
                    let window = Window::new(all, focus, width);
                    assert!(window.count >= 1 && window.first + window.count <= all);
                    assert!((window.first..window.first + window.count).contains(&focus));
                }
            }
        }
    }
}
