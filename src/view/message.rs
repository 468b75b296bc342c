//! A question or a plain message in the middle of the screen.

use super::canvas::{Canvas, after, cells, first, line};
use super::frame;
use crate::workspace::layout::{Rect, Size};
use crate::workspace::scene::Tone;

/// Columns of text that are easy to read.
const MOST_COLUMNS: u16 = 76;

/// What there must be at least.
pub const LEAST: Size = Size { cols: 40, rows: 10 };

pub fn paint(canvas: &mut Canvas<'_>, area: Rect, lines: &[String]) {
    let room = area.width.saturating_sub(8).clamp(1, MOST_COLUMNS);
    let rows = folded(lines, room);
    let widest = rows.iter().map(|row| cells(row)).max().unwrap_or(0).min(room);
    let height = u16::try_from(rows.len())
        .unwrap_or(u16::MAX)
        .saturating_add(2)
        .min(area.height);
    let width = widest.saturating_add(6).min(area.width);
    let (x, y) = (area.x + (area.width - width) / 2, area.y + (area.height - height) / 3);
    let inner = frame::panel(canvas, Rect { x, y, width, height }, "");
    let inner = after(first(inner, inner.width.saturating_sub(2)), 2);
    let plain = canvas.palette.tone(Tone::Plain);
    for (n, row) in (0..inner.height).zip(&rows) {
        canvas.fitted(line(inner, n), row, plain);
    }
}

/// Says that the screen is too small, on whatever there is.
pub fn too_small(canvas: &mut Canvas<'_>, area: Rect, size: Size) {
    let Size { cols, rows } = LEAST;
    let text = format!(
        "Kontrast needs at least {cols}x{rows}, this is {}x{}",
        size.cols, size.rows
    );
    let lines = folded(&[text], area.width.max(1));
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(area.height);
    let top = (area.height - height) / 2;
    let plain = canvas.palette.tone(Tone::Plain);
    for (n, text) in (top..).zip(&lines) {
        let left = area.width.saturating_sub(cells(text)) / 2;
        canvas.text(after(line(area, n), left), text, plain);
    }
}

fn folded(lines: &[String], columns: u16) -> Vec<String> {
    let rows = lines.iter().flat_map(|line| frame::folded(line, columns.into()));
    rows.map(str::to_owned).collect()
}
