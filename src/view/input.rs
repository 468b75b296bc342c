//! A line that is being typed into, scrolled so that the cursor is in sight.

use tui_textarea::{CursorMove, TextArea};
use unicode_segmentation::UnicodeSegmentation as _;

use super::canvas::{Canvas, after, cells, first};
use crate::workspace::layout::Rect;
use crate::workspace::scene::{PromptScene, Tone};

/// What has been typed.
#[derive(Clone, Copy, Debug)]
pub struct Typed<'a> {
    pub text: &'a str,
    /// Columns from the start of the text.
    pub cursor: usize,
    /// Shown while the text is empty.
    pub placeholder: &'a str,
}

/// Paints the line and tells where the cursor is.
pub fn paint(canvas: &mut Canvas<'_>, place: Rect, typed: Typed<'_>) -> Option<(u16, u16)> {
    let place = canvas.area().intersection(place);
    if place.is_empty() {
        return None;
    }
    let plain = canvas.palette.tone(Tone::Plain);
    let mut area = TextArea::new(vec![typed.text.to_owned()]);
    area.set_style(plain);
    area.set_cursor_line_style(plain);
    area.set_cursor_style(plain);
    area.set_placeholder_text(typed.placeholder);
    area.set_placeholder_style(canvas.palette.tone(Tone::Dim));
    let before = characters_before(typed.text, typed.cursor);
    area.move_cursor(CursorMove::Jump(0, u16::try_from(before).unwrap_or(u16::MAX)));
    canvas.widget(place, &area);
    let (_, scrolled) = area.scroll_offset();
    let column = u16::try_from(area.screen_cursor().col)
        .unwrap_or(u16::MAX)
        .saturating_sub(scrolled);
    Some((place.x + column.min(place.width - 1), place.y))
}

/// A line of a pane that is typed into, with its label and what there is to say of it: `/time.?out      dev 0 · prod 12`
pub fn prompt(canvas: &mut Canvas<'_>, row: Rect, prompt: &PromptScene) -> Option<(u16, u16)> {
    canvas.clear(row);
    let key = canvas.palette.key();
    let label = canvas.fitted(row, &prompt.label, key);
    let room = after(row, label);
    // What is typed comes first; the counts have what it leaves, at most half.
    let typed = cells(&prompt.input).saturating_add(2);
    let info = cells(&prompt.info).min(room.width.saturating_sub(typed).max(room.width / 2));
    let dim = canvas.palette.tone(Tone::Dim);
    let input = first(room, room.width - info);
    let margin = u16::from(info > 0 && input.width > 1);
    canvas.right(first(after(room, input.width - margin), info), &prompt.info, dim);
    let input = first(input, input.width.saturating_sub(2 * margin).max(1));
    let typed = Typed {
        text: &prompt.input,
        cursor: prompt.cursor,
        placeholder: prompt.placeholder,
    };
    paint(canvas, input, typed)
}
/// How many characters stand before a column.
fn characters_before(text: &str, column: usize) -> usize {
    let mut used = 0;
    text.graphemes(true)
        .take_while(|grapheme| {
            used += usize::from(cells(grapheme));
            used <= column
        })
        .map(|grapheme| grapheme.chars().count())
        .sum()
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;

    use super::*;
    use crate::view::palette::Palette;

    fn check(text: &str, cursor: usize, expected: &str, at: u16) {
        let mut buffer = Buffer::empty(ratatui::layout::Rect::new(0, 0, 8, 1));
        let mut canvas = Canvas::new(&mut buffer, Palette::default());
        let typed = Typed {
            text,
            cursor,
            placeholder: "",
        };
        let found = paint(&mut canvas, Rect::new(1, 0, 6, 1), typed);
        let row = crate::view::sample::shown(&buffer.content);
        assert_eq!((row.as_str(), found), (expected, Some((at, 0))), "{text} {cursor}");
    }

    #[test]
    fn the_cursor_stays_in_sight() {
        check("abc", 3, " abc    ", 4);
        check("abc", 0, " abc    ", 1);
        check("abcdefghij", 10, " fghij  ", 6);
        check("abcdefghij", 2, " abcdef ", 3);
        check("日本", 2, " 日本   ", 3);
    }
}
