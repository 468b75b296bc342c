//! The command palette: a line to type into, and the commands that match it.

use ratatui::style::Modifier;

use super::canvas::{Canvas, after, below, cells, first, line};
use super::frame;
use super::input::{self, Typed};
use super::palette::Focus;
use crate::workspace::layout::Rect;
use crate::workspace::scene::{PaletteItem, PaletteScene, Tone};

const MOST_COLUMNS: u16 = 84;
const MOST_NAME: u16 = 22;
const MOST_KEYS: u16 = 20;

/// Paints the palette under the first line of the screen and tells where its cursor is.
pub fn paint(canvas: &mut Canvas<'_>, area: Rect, palette: &PaletteScene) -> Option<(u16, u16)> {
    let width = area.width.saturating_sub(4).min(MOST_COLUMNS).max(area.width.min(20));
    let items = u16::try_from(palette.matches.len()).unwrap_or(u16::MAX);
    let lines = items.saturating_add(u16::from(palette.error.is_some()));
    let height = lines.saturating_add(if lines > 0 { 4 } else { 3 }).min(area.height);
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y,
        width,
        height,
    };
    let inner = frame::panel(canvas, place, "");
    let inner = after(first(inner, inner.width.saturating_sub(1)), 1);
    let cursor = typed(canvas, line(inner, 0), palette);
    if lines > 0 && inner.height > 1 {
        frame::divider(canvas, line(inner, 1), "");
    }
    let list = below(inner, 2);
    let names = palette
        .matches
        .iter()
        .map(|item| cells(&item.name))
        .max()
        .unwrap_or(0)
        .min(MOST_NAME);
    for (n, item) in (0..list.height).zip(&palette.matches) {
        self::item(canvas, line(list, n), item, names);
    }
    if let Some(error) = &palette.error {
        let style = canvas.palette.tone(Tone::Warn);
        canvas.fitted(line(list, items), error, style);
    }
    cursor
}

fn typed(canvas: &mut Canvas<'_>, row: Rect, palette: &PaletteScene) -> Option<(u16, u16)> {
    let key = canvas.palette.key();
    let label = canvas.text(row, ": ", key);
    let typed = Typed {
        text: &palette.input,
        cursor: palette.cursor,
        placeholder: "command, or pods, deploy, logs …",
    };
    input::paint(canvas, after(row, label), typed)
}

fn item(canvas: &mut Canvas<'_>, row: Rect, item: &PaletteItem, names: u16) {
    let plain = canvas.palette.tone(Tone::Plain);
    let name = if item.selected {
        plain.add_modifier(Modifier::BOLD)
    } else {
        plain
    };
    canvas.fitted(first(row, names), &item.name, name);
    let keys = cells(&item.keys).min(MOST_KEYS).min(row.width / 3);
    let (key, dim) = (canvas.palette.key(), canvas.palette.tone(Tone::Dim));
    canvas.right(after(row, row.width - keys), &item.keys, key);
    let room = after(first(row, row.width.saturating_sub(keys + 1)), names + 2);
    canvas.fitted(room, &item.summary, dim);
    if item.selected {
        canvas.select(row, Focus::Here);
    }
}
