//! The last line: what has just happened, and the keys that are useful here.

use super::canvas::{Canvas, after, cells, line, span_cells};
use crate::workspace::layout::Rect;
use crate::workspace::scene::{StatusLine, Tone};

/// Columns between two hints.
const GAP: u16 = 2;

/// Paints what fits; whole hints only, the most useful first.
pub fn paint(canvas: &mut Canvas<'_>, place: Rect, status: &StatusLine) {
    let row = after(line(place, 0), 1);
    let mut used = canvas.spans(row, &status.left);
    if span_cells(&status.left) > 0 {
        used += GAP + 1;
    }
    let (key_style, dim) = (canvas.palette.key(), canvas.palette.tone(Tone::Dim));
    for (key, what) in &status.hints {
        let room = after(row, used);
        if cells(key).saturating_add(cells(what)).saturating_add(1) > room.width {
            break;
        }
        let written = canvas.text(room, key, key_style) + 1;
        used += written + canvas.text(after(room, written), what, dim) + GAP;
    }
}
