//! Records as they were written: one column per cluster, or one for all, with a search line at the bottom.

use std::ops::Range;

use ratatui::style::{Modifier, Style};
use unicode_segmentation::UnicodeSegmentation as _;

use super::canvas::{Canvas, after, cells, first, line, span_cells};
use super::frame;
use super::input;
use super::palette::Focus;
use crate::workspace::layout::Rect;
use crate::workspace::scene::{LogColumn, LogRow, LogsScene, RowKind, Span, Tone};

/// Paints the columns and tells where the cursor is while a search is typed.
pub fn paint(canvas: &mut Canvas<'_>, place: Rect, scene: &LogsScene, focus: Focus) -> Option<(u16, u16)> {
    let alone = scene.columns.len() == 1;
    for column in &scene.columns {
        let focus = if column.focused { focus } else { Focus::Elsewhere };
        separator(canvas, place, column);
        if alone {
            header(canvas, column.rect, &column.header);
        } else {
            header_of_several(canvas, column, focus);
        }
        body(canvas, column, focus);
    }
    let prompt = scene.prompt.as_ref()?;
    input::prompt(canvas, line(place, place.height.saturating_sub(1)), prompt)
}

fn separator(canvas: &mut Canvas<'_>, place: Rect, column: &LogColumn) {
    let Some(x) = column.rect.x.checked_sub(1) else { return };
    if x >= place.x && place.height > 0 {
        let style = canvas.palette.rule();
        let top = column.rect.y.saturating_sub(1).max(place.y);
        let height = column.rect.bottom().saturating_sub(top);
        canvas.fill(
            Rect {
                x,
                y: top,
                width: 1,
                height,
            },
            "│",
            style,
        );
    }
}

fn header(canvas: &mut Canvas<'_>, column: Rect, spans: &[Span]) {
    if let Some(y) = column.y.checked_sub(1) {
        let row = Rect { y, height: 1, ..column };
        canvas.spans(row, spans);
    }
}

/// Marks the column whose records the keys move through.
fn header_of_several(canvas: &mut Canvas<'_>, column: &LogColumn, focus: Focus) {
    let mut spans = column.header.clone();
    if column.focused {
        let style = match focus {
            Focus::Here => canvas.palette.focus(),
            Focus::Elsewhere => canvas.palette.rule(),
        };
        let y = column.rect.y.saturating_sub(1);
        let mark = Rect {
            y,
            height: 1,
            ..column.rect
        };
        canvas.text(mark, "▌", style);
        for span in &mut spans {
            span.bold = true;
        }
    }
    header(canvas, after(column.rect, 1), &spans);
}

fn body(canvas: &mut Canvas<'_>, column: &LogColumn, focus: Focus) {
    if let Some(reason) = &column.empty {
        frame::empty(canvas, column.rect, reason);
        return;
    }
    let mut canvas = canvas.within(column.rect);
    for (n, row) in (0..column.rect.height).zip(&column.rows) {
        let target = line(column.rect, n);
        match row.kind {
            RowKind::Gap => gap(&mut canvas, target, row),
            RowKind::First | RowKind::Continuation => record(&mut canvas, target, row, focus),
        }
        if row.stale {
            let palette = canvas.palette;
            canvas.restyle(target, |style| palette.faded(style));
        }
    }
}

/// `┄┄ gap 12:03:01–12:03:09: rotated ┄┄┄`
fn gap(canvas: &mut Canvas<'_>, target: Rect, row: &LogRow) {
    let style = canvas.palette.tone(Tone::Warn).remove_modifier(Modifier::UNDERLINED);
    canvas.fill(target, "┄", style);
    let room = after(first(target, target.width.saturating_sub(2)), 2);
    let text = format!(" {} ", row.text.trim_matches(['┄', ' ']));
    canvas.fitted(room, &text, style);
    if row.selected {
        canvas.restyle(target, |style| style.add_modifier(Modifier::BOLD));
    }
}

fn record(canvas: &mut Canvas<'_>, target: Rect, row: &LogRow, focus: Focus) {
    let gutter = span_cells(&row.gutter).min(target.width);
    canvas.spans(first(target, gutter), &row.gutter);
    if row.selected {
        canvas.select(target, focus);
    }
    text(canvas, after(target, gutter), row, focus);
}

/// The text of a row in the colours of its level or its program, with what a search found.
fn text(canvas: &mut Canvas<'_>, place: Rect, row: &LogRow, focus: Focus) {
    let palette = canvas.palette;
    let ground = |style| {
        if row.selected {
            palette.select(style, focus)
        } else {
            style
        }
    };
    let looks = Looks {
        row,
        base: palette.record(row.tone),
    };
    let (mut piece, mut piece_style) = (String::new(), Style::new());
    let mut used = 0;
    let mut ahead = 0;
    for (at, grapheme) in row.text.grapheme_indices(true) {
        if used + ahead >= place.width {
            break;
        }
        let mut style = ground(looks.at(at, |asked| palette.of(asked)));
        if row.selected && grapheme == " " {
            // Where a line marks the selection, it goes under words only.
            style = style.remove_modifier(Modifier::UNDERLINED);
        }
        match found(&row.hits, at, |hit| hit) {
            Some(hit) if hit.len() == row.text.len() => style = palette.mark(style),
            Some(_) => style = palette.hit(style),
            None => {}
        }
        if style != piece_style && !piece.is_empty() {
            used += canvas.text(after(place, used), &piece, piece_style);
            piece.clear();
            ahead = 0;
        }
        piece_style = style;
        piece.push_str(grapheme);
        ahead += cells(grapheme);
    }
    canvas.text(after(place, used), &piece, piece_style);
    if wider(&row.text, place.width) {
        let end = after(place, place.width.saturating_sub(1));
        canvas.text(end, "…", ground(palette.tone(Tone::Dim)));
    }
}

/// Whether text needs more columns; looks no further than it must into a long line.
fn wider(text: &str, columns: u16) -> bool {
    let mut used = 0u16;
    text.graphemes(true).any(|grapheme| {
        used = used.saturating_add(cells(grapheme));
        used > columns
    })
}

/// What decides the look of a byte of a row.
struct Looks<'a> {
    row: &'a LogRow,
    base: Style,
}

impl Looks<'_> {
    /// A level's colour goes before what the program chose.
    fn at(&self, byte: usize, of: impl Fn(crate::text::display::Style) -> Style) -> Style {
        if self.row.tone != Tone::Plain {
            return self.base;
        }
        let run = found(&self.row.styles, byte, |run| &run.range);
        run.map_or(self.base, |run| of(run.style))
    }
}

/// The piece that a byte is in, of pieces in order.
fn found<T>(pieces: &[T], byte: usize, range: impl Fn(&T) -> &Range<usize>) -> Option<&T> {
    let at = pieces.partition_point(|piece| range(piece).end <= byte);
    pieces.get(at).filter(|piece| range(piece).contains(&byte))
}
