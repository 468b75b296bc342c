//! The last line: what has just happened, and the keys that are useful here.

use super::canvas::{Canvas, after, cells, first, line, span_cells};
use crate::workspace::layout::Rect;
use crate::workspace::scene::{StatusLine, Tone};

/// Columns between two hints.
const GAP: u16 = 2;

/// Columns that the keys keep beside what stands at the right.
const LEAST_KEYS: u16 = 24;

/// What is at the right is not worth saying in less.
const LEAST_STANDING: u16 = 10;

/// Paints what fits; whole hints only, the most useful first.
pub fn paint(canvas: &mut Canvas<'_>, place: Rect, status: &StatusLine) {
    let whole = after(line(place, 0), 1);
    let row = standing(canvas, whole, status);
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

/// Paints the right end and gives back what is left before it.
fn standing(canvas: &mut Canvas<'_>, row: Rect, status: &StatusLine) -> Rect {
    let taken = span_cells(&status.left).max(LEAST_KEYS) + GAP + 1;
    let room = row.width.saturating_sub(taken);
    let wide = span_cells(&status.standing).min(room);
    if wide < LEAST_STANDING {
        return row;
    }
    let end = row.width - wide - 1;
    canvas.spans(first(after(row, end), wide), &status.standing);
    first(row, end.saturating_sub(GAP))
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;

    use super::*;
    use crate::view::palette::Palette;
    use crate::view::sample;
    use crate::workspace::scene::Span;

    fn check_beside(columns: u16, (notice, standing): (&str, &str), expected: &str) {
        let hints = [("enter", "open"), ("s", "shell"), ("?", "help")];
        let status = StatusLine {
            left: vec![Span::plain(notice)],
            hints: hints.map(|(key, what)| (key.to_owned(), what.to_owned())).to_vec(),
            standing: vec![Span::plain(standing)],
        };
        let mut buffer = Buffer::empty(ratatui::layout::Rect::new(0, 0, columns, 1));
        paint(
            &mut Canvas::new(&mut buffer, Palette::default()),
            Rect::new(0, 0, columns, 1),
            &status,
        );
        assert_eq!(sample::shown(&buffer.content).trim_end(), expected, "{columns}");
    }

    fn check(columns: u16, notice: &str, expected: &str) {
        check_beside(columns, (notice, ""), expected);
    }

    #[test]
    fn the_keys_stay_where_they_are_beside_what_stands_at_the_right() {
        let quiet = "quiet 12m · prod api-1/app";
        check_beside(
            70,
            ("", quiet),
            " enter open  s shell  ? help               quiet 12m · prod api-1/app",
        );
        check_beside(50, ("", quiet), " enter open  s shell       quiet 12m · prod api-…");
        check_beside(44, ("", quiet), " enter open  s shell       quiet 12m · pro…");
        check_beside(30, ("", quiet), " enter open  s shell  ? help");
        check_beside(
            60,
            ("copied", quiet),
            " copied   enter open  s shell    quiet 12m · prod api-1/app",
        );
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
