//! What is around the panes: title lines, the rules between them, and how far one has scrolled.

use ratatui::style::Modifier;

use super::canvas::{Canvas, after, cells, first, line, span_cells};
use super::palette::Focus;
use crate::text::display;
use crate::workspace::layout::Rect;
use crate::workspace::scene::{PaneScene, Span, Tone};

/// The title line: ` name ──────── note `. The focus is seen by its weight too, not only by its colour.
pub fn title(canvas: &mut Canvas<'_>, pane: &PaneScene) {
    let row = line(pane.rect, 0);
    let (symbol, style) = match Focus::from(pane.focused) {
        Focus::Here => ("━", canvas.palette.focus()),
        Focus::Elsewhere => ("─", canvas.palette.rule()),
    };
    canvas.fill(row, symbol, style);
    let inner = after(row, 2);
    let note = note_columns(pane, inner.width);
    let name = Rect {
        // Both have a blank at their ends; they share the one between them.
        width: inner.width.saturating_sub(note) + u16::from(note > 0),
        ..inner
    };
    padded(canvas, name, &emphasised(pane));
    let end = after(inner, inner.width.saturating_sub(note));
    padded(canvas, first(end, note.saturating_sub(1)), &pane.note);
}

/// Columns for the note, which comes before the rest of a long title but not before its beginning.
fn note_columns(pane: &PaneScene, room: u16) -> u16 {
    let wanted = span_cells(&pane.note);
    if wanted == 0 {
        return 0;
    }
    let name = span_cells(&pane.title).min(12).saturating_add(2);
    // A blank on either side and one cell of the line behind it.
    let most = (room + 1).saturating_sub(name).min(room);
    if most < 6 {
        0
    } else {
        wanted.saturating_add(3).min(most)
    }
}

fn padded(canvas: &mut Canvas<'_>, place: Rect, spans: &[Span]) {
    if spans.is_empty() || place.width < 3 {
        return;
    }
    let wide = span_cells(spans).min(place.width - 2);
    canvas.clear(Rect {
        width: wide + 2,
        ..place
    });
    canvas.spans(
        Rect {
            x: place.x + 1,
            width: wide,
            ..place
        },
        spans,
    );
}

fn emphasised(pane: &PaneScene) -> Vec<Span> {
    let mut spans = pane.title.clone();
    for (n, span) in spans.iter_mut().enumerate() {
        span.bold = pane.focused;
        if pane.focused && n == 0 && span.tone == Tone::Plain {
            span.tone = Tone::Accent;
        }
    }
    spans
}

/// The rule that keeps a pane apart from its neighbour on the left, joined to the lines that it touches.
pub fn rule(canvas: &mut Canvas<'_>, pane: Rect) {
    if pane.is_empty() || PaneScene::body_rect(pane).width == pane.width {
        return;
    }
    let x = pane.x;
    let style = canvas.palette.rule();
    for y in pane.y..=pane.bottom() {
        let sides = [canvas.symbol(x.saturating_sub(1), y), canvas.symbol(x + 1, y)].map(Line::of);
        let joint = if y == pane.y {
            from_here(sides)
        } else if y < pane.bottom() {
            across(sides)
        } else {
            match up_to(canvas.symbol(x, y)) {
                Some(joint) => joint,
                None => return,
            }
        };
        let place = Rect {
            x,
            y,
            width: 1,
            height: 1,
        };
        canvas.text(place, joint, style);
    }
}

/// What a cell beside a rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    None,
    Thin,
    Thick,
}

impl Line {
    fn of(symbol: &str) -> Self {
        match symbol {
            "─" => Self::Thin,
            "━" => Self::Thick,
            _ => Self::None,
        }
    }
}

/// A rule begins in its pane's title line.
const fn from_here(sides: [Line; 2]) -> &'static str {
    match sides {
        [Line::Thick, Line::Thick] => "┯",
        [Line::Thick, Line::Thin] => "┭",
        [Line::Thick, Line::None] => "┑",
        [Line::Thin, Line::Thick] => "┮",
        [Line::Thin, Line::Thin] => "┬",
        [Line::Thin, Line::None] => "┐",
        [Line::None, Line::Thick] => "┍",
        [Line::None, Line::Thin] => "┌",
        [Line::None, Line::None] => "╷",
    }
}

/// A rule goes on past lines on its sides.
const fn across(sides: [Line; 2]) -> &'static str {
    match sides {
        [Line::None, Line::None] => "│",
        [Line::None, Line::Thin] => "├",
        [Line::None, Line::Thick] => "┝",
        [Line::Thin, Line::None] => "┤",
        [Line::Thick, Line::None] => "┥",
        [Line::Thin, Line::Thin] => "┼",
        [Line::Thin, Line::Thick] => "┾",
        [Line::Thick, Line::Thin] => "┽",
        [Line::Thick, Line::Thick] => "┿",
    }
}

/// A rule ends in the title line below it.
fn up_to(symbol: &str) -> Option<&'static str> {
    match Line::of(symbol) {
        Line::Thin => Some("┴"),
        Line::Thick => Some("┷"),
        Line::None => None,
    }
}

/// A thin rule across a pane, with an optional word in it.
pub fn divider(canvas: &mut Canvas<'_>, place: Rect, word: &str) {
    let style = canvas.palette.rule();
    canvas.fill(place, "─", style);
    if !word.is_empty() && place.width > cells(word) + 5 {
        let heading = canvas.palette.heading();
        canvas.text(
            Rect {
                x: place.x + 2,
                width: cells(word) + 2,
                ..place
            },
            &format!(" {word} "),
            heading,
        );
    }
}

/// How far a list is scrolled.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    pub above: usize,
    pub shown: usize,
    pub total: usize,
}

/// A thumb in the last column of a list that does not fit; nothing otherwise.
pub fn thumb(canvas: &mut Canvas<'_>, place: Rect, extent: Extent) {
    let height = usize::from(place.height);
    if extent.total <= extent.shown || height == 0 || place.width == 0 {
        return;
    }
    let length = (height * extent.shown / extent.total).clamp(1, height);
    let hidden = extent.total - extent.shown;
    let top = (height - length) * extent.above.min(hidden) / hidden;
    let (Ok(top), Ok(length)) = (u16::try_from(top), u16::try_from(length)) else {
        return;
    };
    let style = canvas.palette.rule();
    canvas.fill(
        Rect {
            x: place.right() - 1,
            y: place.y + top,
            width: 1,
            height: length,
        },
        "▐",
        style,
    );
}

/// Says in the middle of a pane why it is empty.
pub fn empty(canvas: &mut Canvas<'_>, place: Rect, text: &str) {
    let room = usize::from(place.width.saturating_sub(2)).clamp(1, 60);
    let style = canvas.palette.tone(Tone::Dim);
    let rows: Vec<&str> = text.lines().flat_map(|line| folded(line, room)).collect();
    let widest = rows.iter().map(|row| cells(row)).max().unwrap_or(0);
    let lines = u16::try_from(rows.len()).unwrap_or(u16::MAX);
    let top = place.height.saturating_sub(lines) / 3;
    let left = place.width.saturating_sub(widest) / 2;
    for (n, row) in (top..).zip(rows) {
        canvas.text(after(line(place, n), left), row, style);
    }
}

/// The screen rows of a line of text.
pub fn folded(text: &str, columns: usize) -> impl Iterator<Item = &str> {
    let rows = display::wrap(text, columns).into_iter();
    rows.map(|range| text.get(range).unwrap_or_default().trim_end())
}

/// A thin box over the rest, emptied; the place inside of it.
pub fn panel(canvas: &mut Canvas<'_>, place: Rect, name: &str) -> Rect {
    // A blank column on either side keeps it apart from what it lies over.
    canvas.clear(Rect {
        x: place.x.saturating_sub(1),
        width: place.width.saturating_add(2),
        ..place
    });
    if place.width < 2 || place.height < 2 {
        return Rect::default();
    }
    let style = canvas.palette.focus();
    let (left, top) = (place.x, place.y);
    let (right, bottom) = (place.right() - 1, place.bottom() - 1);
    canvas.fill(line(place, 0), "─", style);
    canvas.fill(line(place, place.height - 1), "─", style);
    canvas.fill(Rect { width: 1, ..place }, "│", style);
    canvas.fill(
        Rect {
            x: right,
            width: 1,
            ..place
        },
        "│",
        style,
    );
    for (x, y, corner) in [
        (left, top, "╭"),
        (right, top, "╮"),
        (left, bottom, "╰"),
        (right, bottom, "╯"),
    ] {
        canvas.text(
            Rect {
                x,
                y,
                width: 1,
                height: 1,
            },
            corner,
            style,
        );
    }
    if !name.is_empty() && place.width > 6 {
        let room = Rect {
            x: left + 2,
            y: top,
            width: place.width - 4,
            height: 1,
        };
        canvas.fitted(room, &format!(" {name} "), style.add_modifier(Modifier::BOLD));
    }
    Rect {
        x: left + 1,
        y: top + 1,
        width: place.width - 2,
        height: place.height - 2,
    }
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;

    use super::*;
    use crate::model::PaneId;
    use crate::view::palette::Palette;
    use crate::view::sample;
    use crate::workspace::scene::{Body, LogsScene};

    fn canvas(rows: u16, columns: u16) -> Buffer {
        Buffer::empty(ratatui::layout::Rect::new(0, 0, columns, rows))
    }

    fn check_title(columns: u16, name: &str, note: &str, expected: &str) {
        let pane = PaneScene {
            id: PaneId(1),
            rect: Rect::new(0, 0, columns, 1),
            title: vec![Span::plain(name)],
            note: vec![Span::plain(note)],
            focused: false,
            body: Body::Logs(LogsScene::default()),
        };
        let mut buffer = canvas(1, columns);
        title(&mut Canvas::new(&mut buffer, Palette::default()), &pane);
        assert_eq!(sample::shown(&buffer.content), expected, "{columns}");
    }

    #[test]
    fn a_note_gives_way_to_the_beginning_of_a_title_only() {
        check_title(30, "logs", "paused", "── logs ───────────── paused ─");
        check_title(30, "logs", "", "── logs ──────────────────────");
        check_title(30, "logs of a long name", "paused", "── logs of a long na… paused ─");
        check_title(20, "logs", "paused, 214 new", "── logs paused, 2… ─");
        check_title(12, "logs", "paused, 214 new", "── logs ────");
        check_title(3, "logs", "paused", "───");
    }

    fn check_thumb(extent: Extent, expected: &str) {
        let mut buffer = canvas(6, 1);
        thumb(
            &mut Canvas::new(&mut buffer, Palette::default()),
            Rect::new(0, 0, 1, 6),
            extent,
        );
        assert_eq!(sample::shown(&buffer.content), expected, "{extent:?}");
    }

    #[test]
    fn the_thumb_is_as_long_and_as_low_as_what_is_shown() {
        check_thumb(
            Extent {
                above: 0,
                shown: 6,
                total: 6,
            },
            "      ",
        );
        check_thumb(
            Extent {
                above: 0,
                shown: 6,
                total: 12,
            },
            "▐▐▐   ",
        );
        check_thumb(
            Extent {
                above: 6,
                shown: 6,
                total: 12,
            },
            "   ▐▐▐",
        );
        check_thumb(
            Extent {
                above: 500,
                shown: 6,
                total: 1_000,
            },
            "  ▐   ",
        );
        check_thumb(
            Extent {
                above: 994,
                shown: 6,
                total: 1_000,
            },
            "     ▐",
        );
    }

    #[test]
    fn a_reason_is_folded_and_keeps_its_lines() {
        let mut buffer = canvas(6, 24);
        empty(
            &mut Canvas::new(&mut buffer, Palette::default()),
            Rect::new(0, 0, 24, 6),
            "dev: needs login\nprod: unreachable, refused",
        );
        let rows: Vec<String> = buffer
            .content
            .chunks(24)
            .map(|row| sample::shown(row).trim_end().to_owned())
            .collect();
        assert_eq!(
            rows,
            ["", "   dev: needs login", "   prod: unreachable,", "   refused", "", ""]
        );
    }
}
