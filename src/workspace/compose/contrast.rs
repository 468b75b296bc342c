//! The findings as rows, and what is known of the selected one.

use crate::contrast::{Align, Cell, CellState, Finding, Verdict};
use crate::logs::{Record, Snapshot};
use crate::model::Level;
use crate::workspace::clusters::Clusters;
use crate::workspace::command::Command;
use crate::workspace::keymap::{Keymap, Scope};
use crate::workspace::layout::Rect;
use crate::workspace::marks::Standing;
use crate::workspace::panes::ContrastPane;
use crate::workspace::panes::contrast::{Asked, Detail, Levels, Listed, Row};
use crate::workspace::scene::{ContrastCell, ContrastRow, ContrastScene, DetailScene, PromptScene, Span, Tone};

use super::age::Moment;
use super::detail::{self, Detailed};
use super::words;

/// Rows that stay in the list beside a full detail.
const LEAST_ROWS: u16 = 9;

/// The line of the body on which the first row is.
pub const FIRST_ROW: u16 = 1;

/// Lines for the detail, without its rule. The same whatever is selected, so that nothing jumps.
fn detail_lines(detail: Detail, height: u16) -> u16 {
    match detail {
        Detail::Brief => match height {
            0..8 => 0,
            8..14 => 2,
            14..24 => 4,
            24.. => 7,
        },
        // The heading, the rule, and a third for the rows.
        Detail::Full => height.saturating_sub(2 + (height / 3).clamp(1, LEAST_ROWS)),
    }
}

fn prompt_lines(pane: &ContrastPane, height: u16) -> u16 {
    u16::from(pane.prompt.is_some() && height > 2)
}

/// How many rows a body has lines for.
pub fn row_count(pane: &ContrastPane, body: Rect) -> usize {
    let height = body.height - prompt_lines(pane, body.height);
    let detail = detail_lines(pane.detail, height);
    let rule = u16::from(detail > 0);
    usize::from(height.saturating_sub(FIRST_ROW + detail + rule))
}

/// Whether a body has room for any detail.
pub fn has_detail(pane: &ContrastPane, body: Rect) -> bool {
    detail_lines(pane.detail, body.height - prompt_lines(pane, body.height)) > 0
}

/// Whether a line of the screen is one of the detail.
pub fn is_in_detail(pane: &ContrastPane, body: Rect, y: u16) -> bool {
    let prompt = prompt_lines(pane, body.height);
    let lines = detail_lines(pane.detail, body.height - prompt);
    let end = body.bottom() - prompt;
    lines > 0 && y < end && y + lines >= end
}

/// What the pane is composed of; its list must be settled.
#[derive(Clone, Copy, Debug)]
pub struct Contrast<'a> {
    pub pane: &'a ContrastPane,
    pub listed: Listed<'a>,
    pub keymap: &'a Keymap,
    pub body: Rect,
}

impl Contrast<'_> {
    pub fn compose(&self, moment: &mut Moment) -> ContrastScene {
        let clusters = self.listed.clusters;
        let (list, table) = (&self.pane.list, &self.pane.table);
        let window = list.window();
        let rows: Vec<_> = window
            .clone()
            .filter_map(|at| Some(self.row(*table.rows.get(at)?, table.finding(at))))
            .collect();
        let selected = list.index().and_then(|index| index.checked_sub(window.start));
        let selected = selected.filter(|selected| *selected < rows.len());
        let column = self.pane.cluster;
        let column = column.and_then(|context| clusters.iter().position(|cluster| cluster.id == context));
        ContrastScene {
            clusters: clusters
                .iter()
                .map(|cluster| (cluster.id, clusters.name(cluster.id)))
                .collect(),
            with_selected: list
                .index()
                .map_or(0, |index| table.block(index).len().saturating_sub(1)),
            selected,
            column,
            above: window.start,
            total: table.rows.len(),
            empty: rows.is_empty().then(|| self.nothing(moment)),
            rows,
            detail: self.detail(),
            prompt: self.prompt(),
        }
    }

    /// Why there are no rows.
    fn nothing(&self, moment: &mut Moment) -> String {
        let Listed { snapshot, clusters, .. } = self.listed;
        if snapshot.findings.is_empty() {
            nothing_yet(snapshot, clusters, moment)
        } else if self.body.height < 2 {
            String::new()
        } else {
            format!(
                "none of {} patterns is like this; {} lists all",
                snapshot.findings.len(),
                self.keys_of(Command::Cancel)
            )
        }
    }

    fn keys_of(&self, command: Command) -> String {
        self.keymap
            .keys_of(Scope::Contrast, command)
            .unwrap_or_else(|| format!(":{}", command.name()))
    }

    fn row(&self, row: Row, finding: Option<usize>) -> ContrastRow {
        let finding = finding.and_then(|index| self.listed.snapshot.findings.get(index));
        match (row, finding) {
            (Row::Finding(_), Some(finding)) => self.finding(finding),
            (Row::Variant(_), Some(finding)) => ContrastRow {
                verdict: Vec::new(),
                level: Level::None,
                lead: vec![Span::dim(format!(
                    "└ {} ",
                    detail::written_in(finding, self.listed.clusters)
                ))],
                ..self.finding(finding)
            },
            (Row::Folded, _) | (_, None) => self.folded(),
        }
    }

    /// The line that stands for what is muted.
    fn folded(&self) -> ContrastRow {
        let (muted, keys) = (self.pane.table.muted, self.keys_of(Command::ShowMuted));
        ContrastRow {
            verdict: Vec::new(),
            level: Level::None,
            lead: vec![Span::dim(format!("{muted} muted ({keys} shows)"))],
            text: String::new(),
            tone: Tone::Dim,
            cells: Vec::new(),
            workload: String::new(),
        }
    }

    fn finding(&self, finding: &Finding) -> ContrastRow {
        let Listed { clusters, marks, .. } = self.listed;
        let standing = marks.standing(finding.pattern);
        let is_quiet = matches!(finding.verdict, Verdict::Same) || standing == Standing::Muted;
        let mut lead = Vec::new();
        match standing {
            Standing::Pinned => lead.push(Span::new("★ ", Tone::Accent)),
            Standing::Muted => lead.push(Span::dim("muted ")),
            Standing::Ranked => {}
        }
        let label = marks.label(finding.pattern);
        if !label.is_empty() {
            lead.push(Span::new(words::safe(label), Tone::Accent).bold());
            lead.push(Span::dim(" · "));
        }
        ContrastRow {
            verdict: words::verdict(clusters, &finding.verdict, finding.level),
            level: finding.level,
            lead,
            text: telling_text(&finding.template),
            tone: if is_quiet { Tone::Dim } else { Tone::Plain },
            cells: clusters
                .iter()
                .map(|cluster| {
                    let counted = finding.cells.iter().find(|cell| cell.context == cluster.id);
                    counted.map_or_else(|| told("?", Tone::Dim), |counted| cell(finding, counted))
                })
                .zip(clusters.iter())
                .map(|(cell, cluster)| ContrastCell {
                    context: cluster.id,
                    stale: cluster.is_stale(),
                    tone: if cluster.is_stale() { Tone::Dim } else { cell.tone },
                    ..cell
                })
                .collect(),
            workload: finding
                .workload
                .as_ref()
                .map_or_else(String::new, |workload| words::safe(&workload.name)),
        }
    }

    fn detail(&self) -> DetailScene {
        let height = self.body.height - prompt_lines(self.pane, self.body.height);
        let room = usize::from(detail_lines(self.pane.detail, height));
        if room == 0 {
            return DetailScene::default();
        }
        let told = self.told_of_selected(room);
        let total = told.len();
        let above = self.pane.scroll.min(total.saturating_sub(room));
        let mut lines: Vec<_> = told.into_iter().skip(above).take(room).collect();
        lines.resize(room, Vec::new());
        let title = match self.pane.detail {
            Detail::Brief => "evidence",
            Detail::Full => "detail",
        };
        DetailScene {
            title: title.to_owned(),
            lines,
            above,
            total,
        }
    }

    fn told_of_selected(&self, room: usize) -> Vec<Vec<Span>> {
        let Listed {
            snapshot,
            marks,
            clusters,
        } = self.listed;
        let table = &self.pane.table;
        let Some(index) = self.pane.list.index() else {
            return Vec::new();
        };
        let block: Vec<_> = table
            .block(index)
            .filter_map(|row| snapshot.findings.get(table.finding(row)?))
            .collect();
        let Some((finding, variants)) = block.split_first() else {
            return Vec::new();
        };
        let detailed = Detailed {
            finding,
            variants,
            label: marks.label(finding.pattern),
            example: example(snapshot, finding),
            values: self.pane.reading.of(finding.pattern),
            clusters,
            // A blank column at either side.
            columns: usize::from(self.body.width.saturating_sub(2)),
        };
        match self.pane.detail {
            Detail::Brief => detailed.brief(room),
            Detail::Full => detailed.full(),
        }
    }

    fn prompt(&self) -> Option<PromptScene> {
        let prompt = self.pane.prompt.as_ref().filter(|_| self.body.height > 2)?;
        let (label, placeholder, info) = match &prompt.about {
            Asked::Words { .. } => (
                "/",
                "words in text, label, verdict or cluster",
                format!(
                    "{} of {}",
                    self.pane.table.place(usize::MAX),
                    self.listed.snapshot.findings.len()
                ),
            ),
            Asked::Label { .. } => ("label: ", "a name of your own; none takes it away", String::new()),
        };
        Some(PromptScene {
            label: label.to_owned(),
            input: words::safe(prompt.input.text()),
            cursor: prompt.input.cursor(),
            placeholder,
            info,
        })
    }

    /// The pane's name, how old what is shown is where it is, through what the clusters are compared, what is left out, and what is to be known about the
    /// patterns of all.
    pub fn title(&self, moment: &mut Moment) -> Vec<Span> {
        let mut title = vec![Span::plain("Contrast").bold()];
        let lens = self.listed.snapshot.lens;
        if let Some(window) = lens.window {
            title.push(Span::plain(format!(" · last {}", words::round(window))));
        }
        match lens.align {
            Align::Fitting => {}
            Align::WallClock => title.push(Span::plain(" · by wall clock")),
            Align::SinceStart(span) => {
                title.push(Span::plain(format!(" · first {} after a start", words::round(span))));
            }
        }
        for part in self.narrowed() {
            title.push(Span::new(format!(" · {part}"), Tone::Accent));
        }
        title.extend(words::ages(self.listed.clusters, moment));
        if let Some(coarse) = self.coarse() {
            title.push(Span::dim(format!(" · {coarse}")));
        }
        title
    }

    fn narrowed(&self) -> Vec<String> {
        let narrowing = &self.pane.narrowing;
        let mut parts = Vec::new();
        match narrowing.levels {
            Levels::All => {}
            Levels::Errors => parts.push("errors".to_owned()),
        }
        let verdicts = narrowing.verdicts.name();
        if !verdicts.is_empty() {
            parts.push(verdicts.to_owned());
        }
        let words = narrowing.words.trim();
        if !words.is_empty() {
            parts.push(format!("/{}", words::safe(words)));
        }
        parts
    }

    /// Which sources are told apart less finely than the others.
    fn coarse(&self) -> Option<String> {
        let Listed { snapshot, clusters, .. } = self.listed;
        let first = *snapshot.coarse.first()?;
        let pod = snapshot.sources.get(&first).map_or_else(
            || "a container".to_owned(),
            |source| words::safe(&source.target.pod.name),
        );
        let place = clusters.name(first.context);
        Some(match snapshot.coarse.len() {
            1 => format!("patterns of {pod} ({place}) are coarse: it writes ever new text"),
            all => format!(
                "patterns of {pod} ({place}) and {} more are coarse: they write ever new text",
                all - 1
            ),
        })
    }

    /// What the title says beside the pane's name: where in the list one is.
    pub fn note(&self) -> Vec<Span> {
        let Some(index) = self.pane.list.index() else {
            return Vec::new();
        };
        let table = &self.pane.table;
        let total = table.place(usize::MAX);
        vec![Span::dim(format!("{}/{total}", table.place(index)))]
    }
}

/// The finding's example with the pod that wrote it.
fn example<'a>(snapshot: &'a Snapshot, finding: &Finding) -> Option<(&'a Record, &'a str)> {
    let record = snapshot.records.get(snapshot.position(finding.example)?)?;
    let source = snapshot.sources.get(&record.source);
    Some((record, source.map_or("", |source| &source.target.pod.name)))
}

fn nothing_yet(snapshot: &Snapshot, clusters: &Clusters, moment: &mut Moment) -> String {
    let mut lines = words::absences(clusters, moment);
    let records: u64 = snapshot.tallies.values().map(|tally| tally.records).sum();
    if lines.is_empty() || records > 0 {
        lines.insert(0, format!("no pattern yet in {} records", words::count(records)));
    }
    lines.join("\n")
}

/// A cell without a count.
fn told(text: &str, tone: Tone) -> ContrastCell {
    ContrastCell {
        context: crate::model::ContextId(0),
        text: text.to_owned(),
        short: text.to_owned(),
        tone,
        stale: false,
        trend: Vec::new(),
    }
}

fn cell(finding: &Finding, cell: &Cell) -> ContrastCell {
    let named = words::named_by(&finding.verdict).contains(&cell.context);
    let alarm = if finding.level.is_error() {
        Tone::Bad
    } else {
        Tone::Warn
    };
    let counted = |tone| ContrastCell {
        trend: cell.trend.clone(),
        ..told(&words::count(cell.count), tone)
    };
    let plain = match finding.verdict {
        Verdict::Same => Tone::Dim,
        Verdict::Only(_) | Verdict::More(_) | Verdict::Less(_) | Verdict::Missing(_) | Verdict::Unknown => Tone::Plain,
    };
    match cell.state {
        CellState::Present | CellState::More(_) if named => counted(alarm),
        CellState::Present | CellState::More(_) => counted(plain),
        CellState::Less(_) => counted(if named { Tone::Warn } else { plain }),
        CellState::Absent(_) => counted(if named { Tone::Warn } else { Tone::Good }),
        CellState::Unknown(_) if cell.count > 0 => counted(plain),
        CellState::Unknown(_) | CellState::NotWatched => told("?", Tone::Dim),
        CellState::NotDeployed => told("–", Tone::Dim),
        CellState::Forbidden => ContrastCell {
            short: "deny".to_owned(),
            ..told("no access", Tone::Warn)
        },
        CellState::Gap => told("gap", Tone::Warn),
    }
}

/// The line of a template by which a person knows it, safe; something is to be seen in any case.
fn telling_text(template: &str) -> String {
    let text = detail::safe_line(telling_line(template));
    if text.trim().is_empty() {
        words::BLANK.to_owned()
    } else {
        text
    }
}

/// The first line, but of a Python traceback the last, which names the exception.
fn telling_line(template: &str) -> &str {
    let mut lines = template.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or_default();
    if first.trim_start().starts_with("Traceback (most recent call last)") {
        return lines.rfind(|line| !line.starts_with([' ', '\t'])).unwrap_or(first);
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::panes::contrast::ListPrompt;
    use crate::workspace::prompt::LineInput;

    #[test]
    fn a_traceback_is_known_by_its_exception() {
        let traceback = "Traceback (most recent call last):\n  File \"a.py\", line <*>\n    x()\nKeyError: <*>\n";
        assert_eq!(telling_line(traceback), "KeyError: <*>");
        assert_eq!(telling_line("\n  panic: x\n\tat y"), "  panic: x");
        assert_eq!(telling_text(""), "(blank)");
        assert_eq!(telling_text(" \n\t"), "(blank)");
    }

    #[test]
    fn rows_detail_and_prompt_fill_the_body() {
        for height in 0..60 {
            let body = Rect::new(0, 0, 80, height);
            for detail in [Detail::Brief, Detail::Full] {
                for asked in [None, Some(Asked::Words { before: String::new() })] {
                    let pane = ContrastPane {
                        detail,
                        prompt: asked.map(|about| ListPrompt {
                            input: LineInput::default(),
                            about,
                        }),
                        ..ContrastPane::default()
                    };
                    let prompt = prompt_lines(&pane, height);
                    let lines = usize::from(detail_lines(detail, height - prompt));
                    let used = row_count(&pane, body) + 1 + lines + usize::from(lines > 0) + usize::from(prompt);
                    assert_eq!(used, usize::from(height.max(1)), "{height} {pane:?}");
                }
            }
        }
    }
}
