//! The contrast: one line per pattern with its verdict, its level, its text, and how often each cluster has it.

use ratatui::style::{Modifier, Style};

use super::canvas::{Canvas, after, below, cells, first, line, span_cells};
use super::columns::share;
use super::frame::{self, Extent};
use super::palette::Focus;
use super::sparkline;
use crate::workspace::layout::Rect;
use crate::workspace::scene::{ContrastRow, ContrastScene, Tone};

/// Columns of the sparklines that are tried, widest first, and what the text must have left to allow them.
const SPARKS: [(u16, u16); 4] = [(12, 56), (8, 44), (5, 40), (0, 18)];
const MOST_VERDICT: u16 = 18;
const MOST_NAME: u16 = 14;
/// What is left of a cluster's name on the smallest screens; the bar has them in full, in the same order.
const SHORT_NAME: u16 = 3;
/// Columns of the text that counts do not take.
const LEAST_TEXT: u16 = 6;
const MOST_WORKLOAD: u16 = 26;
/// Text at least as wide as this leaves room for the workload beside it.
const WIDE_TEXT: u16 = 72;

/// The columns of the table; positions count from the left of the pane.
#[derive(Debug)]
struct Plan {
    verdict: u16,
    level: u16,
    text: u16,
    text_at: u16,
    workload: u16,
    gap: u16,
    spark: u16,
    blocks: Vec<u16>,
}

pub fn paint(canvas: &mut Canvas<'_>, place: Rect, scene: &ContrastScene, focus: Focus) {
    let below_table = evidence_lines(scene, place.height);
    let table = Rect {
        height: place.height - below_table,
        ..place
    };
    if let Some(reason) = &scene.empty {
        frame::empty(canvas, table, reason);
    } else {
        let plan = plan(scene, place.width);
        heading(canvas, line(table, 0), scene, &plan);
        rows(canvas, below(table, 1), scene, &plan, focus);
    }
    evidence(canvas, below(place, table.height), &scene.evidence);
}

/// Lines for the evidence and the rule above it: as many as the scene has planned, whatever folding makes of them, so
/// that the rule stays where it is.
fn evidence_lines(scene: &ContrastScene, height: u16) -> u16 {
    match u16::try_from(scene.evidence.len()).unwrap_or(u16::MAX) {
        0 => 0,
        lines => lines.saturating_add(1).min(height.saturating_sub(2)),
    }
}

fn plan(scene: &ContrastScene, width: u16) -> Plan {
    let widest = |of: &dyn Fn(&ContrastRow) -> u16| scene.rows.iter().map(of).max().unwrap_or(0);
    let verdict = widest(&|row| span_cells(&row.verdict))
        .max(cells("verdict"))
        .min(MOST_VERDICT)
        .min(width / 3);
    // The selection's mark before the verdict, blanks around the level, and the scroll thumb at the end.
    let text_at = 1 + verdict + 1 + 1 + 1;
    let room = width.saturating_sub(text_at + 1);
    let counts: Vec<u16> = (0..scene.clusters.len())
        .map(|n| widest(&|row| row.cells.get(n).map_or(0, |cell| cells(&cell.text))))
        .collect();
    let longest_trend = widest(&|row| row.cells.iter().map(trend_columns).max().unwrap_or(0));
    let blocks_with = |spark: u16| -> Vec<u16> {
        let names = scene.clusters.iter().map(|(_, name)| cells(name).min(MOST_NAME));
        names
            .zip(&counts)
            .map(|(name, count)| name.max(count + spark + u16::from(spark > 0)))
            .collect()
    };
    let total = |blocks: &[u16], gap: u16| blocks.iter().fold(0u16, |sum, block| sum.saturating_add(block + gap));
    for (spark, least) in SPARKS {
        let spark = spark.min(longest_trend);
        let blocks = blocks_with(spark);
        let text = room.saturating_sub(total(&blocks, 2));
        if text >= least {
            let workload = widest(&|row| cells(&row.workload)).min(MOST_WORKLOAD);
            let workload = if text >= WIDE_TEXT && workload > 0 {
                workload.max(cells("workload"))
            } else {
                0
            };
            let text = if workload > 0 { text - workload - 2 } else { text };
            return Plan {
                verdict,
                level: 1 + verdict + 1,
                text,
                text_at,
                workload,
                gap: 2,
                spark,
                blocks,
            };
        }
    }
    let gaps = u16::try_from(counts.len()).unwrap_or(u16::MAX);
    let short = scene
        .clusters
        .iter()
        .zip(&counts)
        .map(|((_, name), count)| cells(name).min(SHORT_NAME).max(*count));
    // Half the room, but more before a number would be cut.
    let numbers = counts.iter().fold(0, |sum: u16, count| sum.saturating_add(*count));
    let most = (room / 2).saturating_sub(gaps).max(numbers);
    let most = most.min(room.saturating_sub(gaps.saturating_add(LEAST_TEXT)));
    let blocks = share(&short.collect::<Vec<_>>(), most);
    let text = room.saturating_sub(total(&blocks, 1));
    Plan {
        verdict,
        level: 1 + verdict + 1,
        text,
        text_at,
        workload: 0,
        gap: 1,
        spark: 0,
        blocks,
    }
}

fn trend_columns(cell: &crate::workspace::scene::ContrastCell) -> u16 {
    u16::try_from(cell.trend.len()).unwrap_or(u16::MAX)
}

impl Plan {
    /// Where each cluster's block is in a line.
    fn places(&self, row: Rect) -> impl Iterator<Item = Rect> {
        let workload = if self.workload > 0 { self.workload + 2 } else { 0 };
        let mut at = self.text_at + self.text + workload;
        self.blocks.iter().map(move |block| {
            at += self.gap;
            let place = first(after(row, at), *block);
            at += block;
            place
        })
    }

    fn text_place(&self, row: Rect) -> Rect {
        first(after(row, self.text_at), self.text)
    }

    fn workload_place(&self, row: Rect) -> Rect {
        first(after(row, self.text_at + self.text + 2), self.workload)
    }
}

fn heading(canvas: &mut Canvas<'_>, row: Rect, scene: &ContrastScene, plan: &Plan) {
    let style = canvas.palette.heading();
    canvas.fitted(first(after(row, 1), plan.verdict), "verdict", style);
    canvas.fitted(plan.text_place(row), "pattern", style);
    if plan.workload > 0 {
        canvas.fitted(plan.workload_place(row), "workload", style);
    }
    for (place, (context, name)) in plan.places(row).zip(&scene.clusters) {
        let style = canvas.palette.cluster(*context).add_modifier(Modifier::BOLD);
        if place.width <= SHORT_NAME {
            canvas.text(place, name, style);
        } else {
            canvas.right(place, name, style);
        }
    }
}

fn rows(canvas: &mut Canvas<'_>, place: Rect, scene: &ContrastScene, plan: &Plan, focus: Focus) {
    for (n, row) in (0..place.height).zip(&scene.rows) {
        let target = line(place, n);
        self::row(canvas, target, row, plan);
        if scene.selected == Some(n.into()) {
            canvas.select(target, focus);
            let style = canvas.palette.select(canvas.palette.focus(), focus);
            canvas.text(target, "▌", style);
        }
    }
    let shown = scene.rows.len().min(place.height.into());
    frame::thumb(
        canvas,
        place,
        Extent {
            above: scene.above,
            shown,
            total: scene.total,
        },
    );
}

fn row(canvas: &mut Canvas<'_>, target: Rect, row: &ContrastRow, plan: &Plan) {
    canvas.spans(first(after(target, 1), plan.verdict), &row.verdict);
    let level = canvas.palette.level(row.level);
    canvas.text(first(after(target, plan.level), 1), row.level.mark(), level);
    canvas.fitted(plan.text_place(target), &row.text, text_style(canvas, row));
    let dim = canvas.palette.tone(Tone::Dim);
    canvas.fitted(plan.workload_place(target), &row.workload, dim);
    // One scale for the line, so that its clusters can be compared.
    let most = row
        .cells
        .iter()
        .map(|cell| sparkline::peak(&cell.trend, plan.spark.into()))
        .max()
        .unwrap_or(0);
    for (place, cell) in plan.places(target).zip(&row.cells) {
        let count = cells(&cell.text).min(place.width);
        let style = canvas.palette.tone(cell.tone);
        canvas.right(place, whole_number(&cell.text, place.width), style);
        if plan.spark > 0 {
            let bars = sparkline::bars(&cell.trend, plan.spark.into(), most);
            let room = Rect {
                width: place.width.saturating_sub(count.max(count_columns(plan, place)) + 1),
                ..place
            };
            spark(canvas, room, &bars, canvas.palette.cluster(cell.context));
        }
    }
}

/// The first digits of a number are another number: one that does not fit is not shown.
fn whole_number(text: &str, width: u16) -> &str {
    let is_number = text.starts_with(|first: char| first.is_ascii_digit());
    if is_number && cells(text) > width { "…" } else { text }
}

/// The columns that are kept for counts: what the sparkline leaves of the block.
fn count_columns(plan: &Plan, place: Rect) -> u16 {
    place.width.saturating_sub(plan.spark + 1)
}

/// Bars in the cluster's colour, the flat ones dim: there was nothing.
fn spark(canvas: &mut Canvas<'_>, place: Rect, bars: &str, style: Style) {
    let dim = canvas.palette.rule();
    let mut at = place.width.saturating_sub(cells(bars));
    for bar in bars.chars() {
        let style = if bar == sparkline::NOTHING { dim } else { style };
        at += canvas
            .text(first(after(place, at), 1), bar.encode_utf8(&mut [0; 4]), style)
            .max(1);
    }
}

/// Errors and warnings that differ stand out; what is alike everywhere keeps quiet.
fn text_style(canvas: &Canvas<'_>, row: &ContrastRow) -> Style {
    let alike = row
        .verdict
        .iter()
        .all(|span| span.tone == Tone::Dim || span.text.is_empty());
    if alike {
        canvas.palette.tone(Tone::Dim)
    } else {
        Style::new()
    }
}

fn evidence(canvas: &mut Canvas<'_>, place: Rect, lines: &[String]) {
    if place.is_empty() {
        return;
    }
    frame::divider(canvas, line(place, 0), "evidence");
    // Where the scene has folded its lines for another width, they are folded once more.
    let room = usize::from(place.width.saturating_sub(2));
    let rows = lines.iter().flat_map(|text| frame::folded(text, room));
    for (n, row) in (1..place.height).zip(rows) {
        canvas.text(after(line(place, n), 1), row, Style::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ContextId, Level};
    use crate::workspace::scene::{ContrastCell, Span};

    #[test]
    fn counts_are_whole_in_a_narrow_pane() {
        let cell = |n: u16, count: &str| ContrastCell {
            context: ContextId(n),
            text: count.to_owned(),
            tone: Tone::Plain,
            trend: Vec::new(),
        };
        let scene = ContrastScene {
            clusters: ["dev", "staging", "prod"]
                .into_iter()
                .zip(0..)
                .map(|(name, n)| (ContextId(n), name.to_owned()))
                .collect(),
            rows: vec![ContrastRow {
                verdict: vec![Span::plain("only prod")],
                level: Level::Error,
                text: "an upstream response is buffered".to_owned(),
                cells: vec![cell(0, "142"), cell(1, "1,149"), cell(2, "202")],
                workload: String::new(),
            }],
            selected: None,
            above: 0,
            total: 1,
            evidence: Vec::new(),
            empty: None,
        };
        for width in 34..60 {
            let plan = plan(&scene, width);
            let enough = plan.blocks.iter().zip([3, 5, 3]).all(|(block, count)| *block >= count);
            assert!(enough, "{width}: {plan:?}");
            assert!(plan.text >= LEAST_TEXT, "{width}: {plan:?}");
        }
        assert_eq!(whole_number("1,149", 4), "…");
        assert_eq!(whole_number("1,149", 5), "1,149");
        assert_eq!(whole_number("no access", 4), "no access");
    }
}
