//! What is around the panes: title lines, the rules between them, and how far one has scrolled.

use ratatui::style::Modifier;

use super::canvas::{Canvas, after, cells, line, span_cells};
use super::palette::Focus;
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
        width: inner.width.saturating_sub(note),
        ..inner
    };
    padded(canvas, name, &emphasised(pane));
    padded(canvas, after(inner, inner.width.saturating_sub(note)), &pane.note);
}

/// Columns for the note, which comes before the rest of a long title but not before its beginning.
fn note_columns(pane: &PaneScene, room: u16) -> u16 {
    let wanted = span_cells(&pane.note);
    if wanted == 0 {
        return 0;
    }
    let name = span_cells(&pane.title).min(12).saturating_add(2);
    // A blank on either side and one cell of the line behind it.
    let most = room.saturating_sub(name);
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
    if pane.focused {
        for (n, span) in spans.iter_mut().enumerate() {
            span.bold = true;
            if n == 0 && span.tone == Tone::Plain {
                span.tone = Tone::Accent;
            }
        }
    }
    spans
}

/// The rule left of a pane that is not at the left edge, joined to the title lines that it touches.
pub fn rule(canvas: &mut Canvas<'_>, pane: &PaneScene) {
    let Rect { x, y, width, height } = pane.rect;
    if x == 0 || width == 0 || height == 0 {
        return;
    }
    let style = canvas.palette.rule();
    for y in y + 1..y + height {
        let joint = match (canvas.symbol(x - 1, y), canvas.symbol(x + 1, y)) {
            ("─", "─") => "┼",
            ("─", _) => "┤",
            (_, "─") => "├",
            _ => "│",
        };
        canvas.text(
            Rect {
                x,
                y,
                width: 1,
                height: 1,
            },
            joint,
            style,
        );
    }
    let joint = match (canvas.symbol(x - 1, y), canvas.symbol(x + 1, y)) {
        ("━", "━") => "┯",
        ("━", _) => "┑",
        (_, "━") => "┍",
        ("─", _) => "┬",
        _ => "├",
    };
    canvas.text(
        Rect {
            x,
            y,
            width: 1,
            height: 1,
        },
        joint,
        style,
    );
}

/// Ends the rule of a pane in the title line below it.
pub fn rule_end(canvas: &mut Canvas<'_>, pane: &PaneScene) {
    let Rect { x, width, height, .. } = pane.rect;
    let y = pane.rect.bottom();
    if x == 0 || width == 0 || height == 0 {
        return;
    }
    let joint = match canvas.symbol(x, y) {
        "─" => "┴",
        "━" => "┷",
        _ => return,
    };
    let style = if joint == "┷" {
        canvas.palette.focus()
    } else {
        canvas.palette.rule()
    };
    canvas.text(
        Rect {
            x,
            y,
            width: 1,
            height: 1,
        },
        joint,
        style,
    );
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
    let room = usize::from(place.width.saturating_sub(4)).clamp(1, 60);
    let rows = crate::text::display::wrap(text, room);
    let style = canvas.palette.tone(Tone::Dim);
    let rows: Vec<&str> = rows
        .into_iter()
        .map(|range| text.get(range).unwrap_or_default().trim_end())
        .collect();
    let widest = rows.iter().map(|row| cells(row)).max().unwrap_or(0);
    let lines = u16::try_from(rows.len()).unwrap_or(u16::MAX);
    let top = place.height.saturating_sub(lines) / 3;
    let left = place.width.saturating_sub(widest) / 2;
    for (n, row) in (top..).zip(rows) {
        canvas.text(after(line(place, n), left), row, style);
    }
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
