//! A program's screen, cell by cell.

use super::canvas::{Canvas, after, line};
use super::frame;
use crate::workspace::layout::Rect;
use crate::workspace::scene::{ExecScene, Tone};

/// Paints the grid and tells where the program's cursor is, if keys go to it.
pub fn paint(canvas: &mut Canvas<'_>, place: Rect, scene: &ExecScene) -> Option<(u16, u16)> {
    let cols = usize::from(scene.grid.cols.max(1));
    for (n, row) in (0..place.height).zip(scene.grid.cells.chunks(cols)) {
        let target = line(place, n);
        for (x, cell) in (0..place.width).zip(row) {
            let style = canvas.palette.of(cell.style);
            canvas.cell(after(target, x), &cell.text, style);
        }
    }
    if scene.scrolled > 0 {
        let text = format!(" {} lines back ", scene.scrolled);
        let style = canvas.palette.tone(Tone::Warn);
        let last = line(place, place.height.saturating_sub(1));
        canvas.right(last, &text, style);
    }
    if let Some(end) = &scene.ended {
        let last = line(place, place.height.saturating_sub(1));
        frame::divider(canvas, last, "");
        let style = canvas.palette.tone(Tone::Warn);
        let used = canvas.fitted(after(last, 3), end, style);
        canvas.text(
            Rect {
                width: 1,
                ..after(last, 2)
            },
            " ",
            style,
        );
        canvas.text(
            Rect {
                width: 1,
                ..after(last, 3 + used)
            },
            " ",
            style,
        );
        return None;
    }
    let (x, y) = scene.cursor.filter(|_| scene.typing)?;
    let (x, y) = (place.x.checked_add(x)?, place.y.checked_add(y)?);
    place.contains(x, y).then_some((x, y))
}
