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

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;

    use super::*;
    use crate::view::palette::Palette;
    use crate::view::sample;
    use crate::workspace::scene::Span;

    fn check(columns: u16, notice: &str, expected: &str) {
        let hints = [("enter", "open"), ("s", "shell"), ("?", "help")];
        let status = StatusLine {
            left: vec![Span::plain(notice)],
            hints: hints.map(|(key, what)| (key.to_owned(), what.to_owned())).to_vec(),
        };
        let mut buffer = Buffer::empty(ratatui::layout::Rect::new(0, 0, columns, 1));
        paint(
            &mut Canvas::new(&mut buffer, Palette::default()),
            Rect::new(0, 0, columns, 1),
            &status,
        );
        assert_eq!(sample::shown(&buffer.content).trim_end(), expected, "{columns}");
    }

    #[test]
    fn hints_are_whole_or_not_there() {
        check(40, "", " enter open  s shell  ? help");
        check(27, "", " enter open  s shell");
        check(40, "copied", " copied   enter open  s shell  ? help");
        check(20, "copied", " copied   enter open");
        check(12, "nothing to copy", " nothing to…");
    }
}
