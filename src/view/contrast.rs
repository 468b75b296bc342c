//! The contrast: one line per pattern with its level, its verdict, how often each cluster has it, and its text; below
//! the list what is known of the selected one. Where the columns are depends on the pane and the clusters alone, so
//! that nothing moves sideways while counts grow.

use ratatui::style::{Modifier, Style};

use super::canvas::{Canvas, after, below, cells, first, line, span_cells};
use super::frame::{self, Extent};
use super::input;
use super::palette::Focus;
use super::sparkline;
use crate::workspace::layout::Rect;
use crate::workspace::scene::{ContrastCell, ContrastRow, ContrastScene, DetailScene, Span, Tone};

/// What is tried, widest first: columns of the sparklines, columns of a cluster's name at most, and what the text must
/// have left to allow both.
const SIZES: [(u16, u16, u16); 4] = [(12, 14, 56), (8, 14, 44), (5, 12, 36), (0, 12, 30)];
/// A count in its longest form, and the short form of any other cell.
const COUNT: u16 = 4;
/// The verdict that is longest without its cluster, with a blank: `missing `.
const VERDICT: u16 = 8;
const MOST_VERDICT: u16 = 22;
/// Where the verdict begins: behind the selection's mark, the level and a blank.
const VERDICT_AT: u16 = 3;
/// Columns of the text that clusters do not take.
const LEAST_TEXT: u16 = 8;
/// Text at least as wide as this leaves room for the workload beside it.
const WIDE_TEXT: u16 = 84;
const WORKLOAD: u16 = 20;

/// The columns of the table; positions count from the left of the pane.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    verdict: u16,
    spark: u16,
    gap: u16,
    /// The first cluster that there is room for.
    first: usize,
    /// The width of each cluster from there on.
    blocks: Vec<u16>,
    /// Clusters without room.
    hidden: usize,
    text_at: u16,
    text: u16,
    workload: u16,
}

/// Paints the pane and tells where the cursor is while something is typed.
pub fn paint(canvas: &mut Canvas<'_>, place: Rect, scene: &ContrastScene, focus: Focus) -> Option<(u16, u16)> {
    let prompt_line = u16::from(scene.prompt.is_some()).min(place.height);
    let upper = Rect {
        height: place.height - prompt_line,
        ..place
    };
    let below_table = detail_lines(&scene.detail, upper.height);
    let table = Rect {
        height: upper.height - below_table,
        ..upper
    };
    if let Some(reason) = &scene.empty {
        frame::empty(canvas, table, reason);
    } else {
        let plan = plan(scene, place.width);
        heading(canvas, line(table, 0), scene, &plan);
        rows(canvas, below(table, 1), scene, &plan, focus);
    }
    detail(
        canvas,
        Rect {
            height: below_table,
            ..below(upper, table.height)
        },
        &scene.detail,
    );
    let prompt = scene.prompt.as_ref()?;
    input::prompt(canvas, line(place, upper.height), prompt)
}

/// Lines for the detail and the rule above it.
fn detail_lines(detail: &DetailScene, height: u16) -> u16 {
    match u16::try_from(detail.lines.len()).unwrap_or(u16::MAX) {
        0 => 0,
        lines => lines.saturating_add(1).min(height.saturating_sub(2)),
    }
}

fn plan(scene: &ContrastScene, width: u16) -> Plan {
    let names: Vec<u16> = scene.clusters.iter().map(|(_, name)| cells(name)).collect();
    let longest = names.iter().copied().max().unwrap_or(0);
    let verdict = (VERDICT + longest).min(MOST_VERDICT).min((width / 4).max(9));
    // Two blanks before the text, and one column at the end for the scroll thumb.
    let around = VERDICT_AT + verdict + 2 + 1;
    let room = width.saturating_sub(around);
    for (spark, most_name, least) in SIZES {
        let blocks: Vec<u16> = names
            .iter()
            .map(|name| (*name).min(most_name).max(COUNT + spark + u16::from(spark > 0)))
            .collect();
        let used = blocks.iter().fold(0, |sum: u16, block| sum.saturating_add(block + 2));
        let text = room.saturating_sub(used);
        if text >= least {
            let workload = if text >= WIDE_TEXT { WORKLOAD } else { 0 };
            return Plan {
                verdict,
                spark,
                gap: 2,
                first: 0,
                blocks,
                hidden: 0,
                text_at: around - 1 + used,
                text: if workload > 0 { text - workload - 2 } else { text },
                workload,
            };
        }
    }
    narrow(
        names.len(),
        scene.column.unwrap_or(0),
        Rect::new(verdict, 0, room, 0),
        around - 1,
    )
}

/// Counts alone, of as many clusters as there is room for beside some text, the selected one among them.
fn narrow(clusters: usize, column: usize, place: Rect, text_at: u16) -> Plan {
    let block = COUNT + 1;
    let fitting = |room: u16| usize::from(room.saturating_sub(LEAST_TEXT) / block);
    let shown = if fitting(place.width) >= clusters {
        clusters
    } else {
        // One more for how many there are besides.
        fitting(place.width.saturating_sub(block)).min(clusters)
    };
    let hidden = clusters - shown;
    let blocks = u16::try_from(shown + usize::from(hidden > 0)).unwrap_or(u16::MAX);
    let used = blocks.saturating_mul(block);
    Plan {
        verdict: place.x,
        spark: 0,
        gap: 1,
        first: (column + 1).saturating_sub(shown).min(hidden),
        blocks: vec![COUNT; shown],
        hidden,
        text_at: text_at.saturating_add(used),
        text: place.width.saturating_sub(used),
        workload: 0,
    }
}

impl Plan {
    /// Where each cluster's block is in a line.
    fn places(&self, row: Rect) -> impl Iterator<Item = (usize, Rect)> {
        let mut at = VERDICT_AT + self.verdict;
        (self.first..).zip(self.blocks.iter().map(move |block| {
            at += self.gap;
            let place = first(after(row, at), *block);
            at += block;
            place
        }))
    }

    fn verdict_place(&self, row: Rect) -> Rect {
        first(after(row, VERDICT_AT), self.verdict)
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
    canvas.fitted(plan.verdict_place(row), "verdict", style);
    canvas.fitted(plan.text_place(row), "pattern", style);
    if plan.workload > 0 {
        canvas.fitted(plan.workload_place(row), "workload", style);
    }
    for (n, place) in plan.places(row) {
        let Some((context, name)) = scene.clusters.get(n) else {
            continue;
        };
        let mut style = canvas.palette.cluster(*context).add_modifier(Modifier::BOLD);
        if scene.column == Some(n) {
            style = canvas.palette.hit(style);
        }
        if place.width <= COUNT {
            // What is left of the name; the bar has it in full, in the same order.
            canvas.right(place, name_start(name, place.width), style);
        } else {
            canvas.right(place, name, style);
        }
    }
    if plan.hidden > 0 {
        let place = first(after(row, plan.text_at.saturating_sub(COUNT + 2)), COUNT);
        canvas.right(place, &format!("+{}", plan.hidden), style);
    }
}

/// As much of a name as fits: an ellipsis would take the place of a letter that tells clusters apart.
fn name_start(name: &str, columns: u16) -> &str {
    let mut end = 0;
    for (at, c) in name.char_indices() {
        let next = at + c.len_utf8();
        if name.get(..next).is_none_or(|start| cells(start) > columns) {
            break;
        }
        end = next;
    }
    name.get(..end).unwrap_or_default()
}

fn rows(canvas: &mut Canvas<'_>, place: Rect, scene: &ContrastScene, plan: &Plan, focus: Focus) {
    let last = scene.selected.map(|selected| selected + scene.with_selected);
    for (n, row) in (0..place.height).zip(&scene.rows) {
        let target = line(place, n);
        self::row(canvas, target, row, plan);
        let n = usize::from(n);
        if scene.selected.is_some_and(|selected| n >= selected) && last.is_some_and(|last| n <= last) {
            canvas.select(target, focus);
            let style = canvas.palette.select(canvas.palette.focus(), focus);
            canvas.text(target, "▌", style);
            if let Some((_, cell)) = plan.places(target).find(|(at, _)| scene.column == Some(*at)) {
                let palette = canvas.palette;
                canvas.restyle(cell, |style| palette.hit(style));
            }
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
    let level = canvas.palette.level(row.level);
    canvas.text(first(after(target, 1), 1), row.level.mark(), level);
    canvas.spans(plan.verdict_place(target), &row.verdict);
    text(canvas, plan.text_place(target), row);
    let dim = canvas.palette.tone(Tone::Dim);
    canvas.fitted(plan.workload_place(target), &row.workload, dim);
    // One scale for the line, so that its clusters can be compared.
    let most = row
        .cells
        .iter()
        .map(|cell| sparkline::peak(&cell.trend, plan.spark.into()))
        .max()
        .unwrap_or(0);
    for (n, place) in plan.places(target) {
        if let Some(cell) = row.cells.get(n) {
            self::cell(canvas, place, cell, plan.spark, Scale { most, tone: row.tone });
        }
    }
}

/// What stands before the text, and the text in what it leaves.
fn text(canvas: &mut Canvas<'_>, place: Rect, row: &ContrastRow) {
    if row.lead.is_empty() {
        canvas.fitted(place, &row.text, canvas.palette.tone(row.tone));
    } else {
        let mut spans = row.lead.clone();
        spans.push(Span::new(row.text.as_str(), row.tone));
        canvas.spans(place, &spans);
    }
}

/// What the bars of a line have in common.
#[derive(Clone, Copy)]
struct Scale {
    /// The count of the highest bar.
    most: u32,
    tone: Tone,
}

/// The count at the right end with the bars before it; a word where nothing was counted, and no bars.
fn cell(canvas: &mut Canvas<'_>, place: Rect, cell: &ContrastCell, columns: u16, scale: Scale) {
    let style = canvas.palette.tone(cell.tone);
    let text = if cells(&cell.text) > place.width {
        whole_number(&cell.short, place.width)
    } else {
        &cell.text
    };
    canvas.right(place, text, style);
    if columns == 0 || cell.trend.is_empty() {
        return;
    }
    let bars = sparkline::bars(&cell.trend, columns.into(), scale.most);
    let count = cells(text).max(COUNT);
    let room = Rect {
        width: place.width.saturating_sub(count + 1),
        ..place
    };
    let style = if scale.tone == Tone::Dim || cell.stale {
        canvas.palette.tone(Tone::Dim)
    } else {
        canvas.palette.cluster(cell.context)
    };
    spark(canvas, room, &bars, style);
}

/// The first digits of a number are another number: one that does not fit is not shown.
fn whole_number(text: &str, width: u16) -> &str {
    let is_number = text.starts_with(|first: char| first.is_ascii_digit());
    if is_number && cells(text) > width { "…" } else { text }
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

/// As the scene has folded it; where it was folded for another width, a line that is only words is folded once more.
fn detail(canvas: &mut Canvas<'_>, place: Rect, scene: &DetailScene) {
    if place.is_empty() {
        return;
    }
    frame::divider(canvas, line(place, 0), &scene.title);
    let inner = below(place, 1);
    let room = inner.width.saturating_sub(2);
    let mut n = 0;
    for spans in &scene.lines {
        match spans.as_slice() {
            [only] if span_cells(spans) > room => {
                let style = canvas.palette.span(only);
                for piece in frame::folded(&only.text, room.into()).take(usize::from(inner.height)) {
                    if n < inner.height {
                        canvas.text(after(line(inner, n), 1), piece, style);
                    }
                    n = n.saturating_add(1);
                }
            }
            spans => {
                if n < inner.height {
                    canvas.spans(first(after(line(inner, n), 1), room), spans);
                }
                n = n.saturating_add(1);
            }
        }
    }
    frame::thumb(
        canvas,
        inner,
        Extent {
            above: scene.above,
            shown: scene.lines.len(),
            total: scene.total,
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ContextId;

    fn scene(names: &[&str], column: Option<usize>) -> ContrastScene {
        ContrastScene {
            clusters: (0..)
                .zip(names)
                .map(|(n, name)| (ContextId(n), (*name).to_owned()))
                .collect(),
            column,
            ..ContrastScene::default()
        }
    }

    #[test]
    fn counts_are_whole_and_the_text_has_room_at_any_width() {
        let scene = scene(&["dev", "staging", "prod"], None);
        let mut before = 0;
        for width in 40..260 {
            let plan = plan(&scene, width);
            assert_eq!((plan.blocks.len(), plan.hidden), (3, 0), "{width}: {plan:?}");
            assert!(plan.blocks.iter().all(|block| *block >= COUNT), "{width}: {plan:?}");
            assert!(plan.text >= LEAST_TEXT, "{width}: {plan:?}");
            assert!(plan.spark >= before, "sparklines grow with the pane: {width}: {plan:?}");
            before = plan.spark;
            let workload = if plan.workload > 0 { plan.workload + 2 } else { 0 };
            assert_eq!(plan.text_at + plan.text + workload + 1, width, "{width}: {plan:?}");
        }
        assert_eq!(before, 12);
        assert_eq!(whole_number("1,149", 4), "…");
        assert_eq!(whole_number("1,149", 5), "1,149");
        assert_eq!(whole_number("deny", 4), "deny");
    }

    #[test]
    fn clusters_without_room_are_counted_and_the_selected_one_is_in_sight() {
        let names: Vec<String> = (0..30).map(|n| format!("cluster-{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for width in 40..120 {
            for column in [None, Some(0), Some(17), Some(29)] {
                let plan = plan(&scene(&names, column), width);
                assert_eq!(plan.hidden + plan.blocks.len(), 30, "{width}: {plan:?}");
                assert!(plan.hidden > 0 && plan.text >= LEAST_TEXT, "{width}: {plan:?}");
                let shown = plan.first..plan.first + plan.blocks.len();
                assert!(shown.contains(&column.unwrap_or(0)), "{width} {column:?}: {plan:?}");
            }
        }
    }

    #[test]
    fn names_are_cut_without_an_ellipsis() {
        assert_eq!(name_start("staging", 4), "stag");
        assert_eq!(name_start("日本語", 4), "日本");
        assert_eq!(name_start("日本語", 3), "日");
        assert_eq!(name_start("dev", 4), "dev");
    }
}
