//! The workloads of all clusters: one line per workload, one cell per cluster, opened to pods and containers.

use ratatui::style::Modifier;

use super::canvas::{BREVITIES, Brevity, Canvas, after, below, cells, cut_inside, first, line, span_cells};
use super::columns::share;
use super::frame::{self, Extent};
use super::palette::Focus;
use crate::model::ContextId;
use crate::workspace::layout::Rect;
use crate::workspace::scene::{ObjectRow, ObjectsScene, Span, Tone};

/// Columns between two cells.
const GAP: u16 = 2;
const LEAST_NAME: u16 = 10;

pub fn paint(canvas: &mut Canvas<'_>, place: Rect, scene: &ObjectsScene, focus: Focus) {
    let detail = detail_lines(scene, place.height);
    let table = Rect {
        height: place.height - detail,
        ..place
    };
    if let Some(reason) = &scene.empty {
        frame::empty(canvas, table, reason);
    } else {
        let widths = widths(scene, table.width);
        heading(canvas, line(table, 0), scene, &widths);
        rows(canvas, below(table, 1), scene, &widths, focus);
    }
    self::detail(canvas, below(place, table.height), scene);
}

fn detail_lines(scene: &ObjectsScene, height: u16) -> u16 {
    match u16::try_from(scene.detail.len()).unwrap_or(u16::MAX) {
        0 => 0,
        lines => lines.saturating_add(1).min(height.saturating_sub(2)),
    }
}

/// The width of the name, then of each cluster's cells. A long name gives way a little before cells are cut.
fn widths(scene: &ObjectsScene, width: u16) -> Vec<u16> {
    let gaps = GAP.saturating_mul(u16::try_from(scene.clusters.len()).unwrap_or(u16::MAX));
    let room = width.saturating_sub(2);
    let named = scene.rows.iter().filter(|row| row.depth > 0);
    let longest = named.map(name_columns).max().unwrap_or(0).max(cells("workload"));
    let limits = [room * 2 / 5, room / 3].map(|most| longest.min(most.max(LEAST_NAME.min(room))));
    let plans = BREVITIES.map(|brevity| wanted(scene, brevity));
    let left = |name: u16| room.saturating_sub(name.saturating_add(gaps));
    let sum = |wanted: &[u16]| wanted.iter().fold(0, |sum: u16, cell| sum.saturating_add(*cell));
    let [wide, narrow] = limits;
    let fitting = plans.iter().find(|wanted| sum(wanted) <= left(wide));
    let (name, wanted) = match (fitting, plans.last()) {
        (Some(wanted), _) => (wide, wanted.as_slice()),
        (None, Some(wanted)) => (narrow, wanted.as_slice()),
        (None, None) => (wide, [].as_slice()),
    };
    let mut widths = vec![name];
    widths.extend(share(wanted, left(name)));
    widths
}

/// The widest cell of each cluster.
fn wanted(scene: &ObjectsScene, brevity: Brevity) -> Vec<u16> {
    let widest = |(n, (_, heading)): (usize, &(ContextId, String))| {
        let cells_of_cluster = scene.rows.iter().filter_map(|row| row.cells.get(n));
        cells_of_cluster
            .map(|cell| span_cells(&brevity.of(cell)))
            .max()
            .unwrap_or(0)
            .max(cells(heading))
    };
    scene.clusters.iter().enumerate().map(widest).collect()
}

fn name_columns(row: &ObjectRow) -> u16 {
    indent(row) + span_cells(&row.name)
}

/// Where a name begins, behind its mark: two columns deeper for each level, one below a namespace.
fn indent(row: &ObjectRow) -> u16 {
    match row.depth {
        0 => 2,
        depth => 1 + 2 * u16::from(depth),
    }
}

fn places(row: Rect, widths: &[u16]) -> impl Iterator<Item = Rect> {
    let mut at = 1;
    widths.iter().map(move |width| {
        let place = first(after(row, at), *width);
        at += width + GAP;
        place
    })
}

fn heading(canvas: &mut Canvas<'_>, row: Rect, scene: &ObjectsScene, widths: &[u16]) {
    let mut places = places(row, widths);
    if let Some(place) = places.next() {
        let style = canvas.palette.heading();
        canvas.fitted(place, "workload", style);
    }
    for (place, (context, name)) in places.zip(&scene.clusters) {
        let style = canvas.palette.cluster(*context).add_modifier(Modifier::BOLD);
        canvas.fitted(place, name, style);
    }
}

fn rows(canvas: &mut Canvas<'_>, place: Rect, scene: &ObjectsScene, widths: &[u16], focus: Focus) {
    for (n, row) in (0..place.height).zip(&scene.rows) {
        let target = line(place, n);
        self::row(canvas, target, row, widths);
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

fn row(canvas: &mut Canvas<'_>, target: Rect, row: &ObjectRow, widths: &[u16]) {
    let mut places = places(target, widths);
    let name = if row.depth == 0 {
        Some(after(target, 1))
    } else {
        places.next()
    };
    if let Some(place) = name {
        let at = indent(row);
        let dim = canvas.palette.tone(Tone::Dim);
        canvas.text(first(after(place, at - 2), 1), row.mark, dim);
        name_spans(canvas, after(place, at), row);
    }
    let cells = if row.depth == 0 { &[] } else { row.cells.as_slice() };
    for (place, cell) in places.zip(cells) {
        canvas.telling_spans(place, cell);
    }
}

/// A pod's name is cut in its middle; of the others the beginning tells most.
fn name_spans(canvas: &mut Canvas<'_>, place: Rect, row: &ObjectRow) {
    match row.name.split_first() {
        Some((first, rest)) if row.depth == 2 => {
            let room = place.width.saturating_sub(span_cells(&Brevity::Undimmed.of(rest)));
            let text = cut_inside(&first.text, room);
            let name: Vec<Span> = std::iter::once(Span { text, ..first.clone() })
                .chain(rest.iter().cloned())
                .collect();
            canvas.telling_spans(place, &name);
        }
        Some(_) | None => {
            canvas.telling_spans(place, &row.name);
        }
    }
}

fn detail(canvas: &mut Canvas<'_>, place: Rect, scene: &ObjectsScene) {
    if place.is_empty() {
        return;
    }
    frame::divider(canvas, line(place, 0), "");
    for (n, spans) in (1..place.height).zip(&scene.detail) {
        canvas.spans(after(line(place, n), 1), spans);
    }
}
