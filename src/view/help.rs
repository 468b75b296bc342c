//! The keys of the focused pane, in as many columns as there is room for.

use ratatui::style::Modifier;

use super::canvas::{Canvas, after, cells, first, line};
use super::frame;
use crate::workspace::layout::Rect;
use crate::workspace::scene::{HelpScene, Tone};

/// Columns of one column of help at least and at most, and between two of them.
const COLUMN: u16 = 50;
const WIDEST: u16 = 66;
const GAP: u16 = 3;
const MOST_COLUMNS: u16 = 4;
const MOST_KEYS: u16 = 18;

#[derive(Clone, Copy, Debug)]
enum Entry<'a> {
    Heading(&'a str),
    Binding(&'a str, &'a str),
    Blank,
}

pub fn paint(canvas: &mut Canvas<'_>, area: Rect, help: &HelpScene) {
    let most = ((area.width.saturating_sub(4) + GAP) / (COLUMN + GAP)).clamp(1, MOST_COLUMNS);
    let height = area.height.saturating_sub(4).max(1);
    let columns = packed(help, most, height).unwrap_or_else(|| flowed(help, most, height));
    let count = u16::try_from(columns.len()).unwrap_or(1).max(1);
    let tallest = columns.iter().map(Vec::len).max().unwrap_or(0);
    let column_width = ((area.width.saturating_sub(4) + GAP) / count)
        .saturating_sub(GAP)
        .min(WIDEST);
    let width = (count * (column_width + GAP) - GAP + 4).min(area.width);
    let height = u16::try_from(tallest)
        .unwrap_or(height)
        .saturating_add(2)
        .min(area.height);
    let (x, y) = (area.x + (area.width - width) / 2, area.y + (area.height - height) / 2);
    let inner = frame::panel(canvas, Rect { x, y, width, height }, "help");
    let inner = after(first(inner, inner.width.saturating_sub(1)), 1);
    for (n, entries) in (0..count).zip(&columns) {
        let place = first(after(inner, n * (column_width + GAP)), column_width);
        let keys = keys_columns(entries);
        for (row, entry) in (0..place.height).zip(entries) {
            self::entry(canvas, line(place, row), *entry, keys);
        }
    }
}

fn keys_columns(entries: &[Entry<'_>]) -> u16 {
    let keys = entries.iter().map(|entry| match entry {
        Entry::Binding(keys, _) => cells(keys),
        Entry::Heading(_) | Entry::Blank => 0,
    });
    keys.max().unwrap_or(0).min(MOST_KEYS)
}

fn section<'a>(heading: &'a str, bindings: &'a [(String, String)]) -> Vec<Entry<'a>> {
    let bindings = bindings.iter().map(|(keys, what)| Entry::Binding(keys, what));
    std::iter::once(Entry::Heading(heading)).chain(bindings).collect()
}

/// Whole sections in the lowest columns that hold them all; none if they are too many for the screen.
fn packed(help: &HelpScene, columns: u16, most: u16) -> Option<Vec<Vec<Entry<'_>>>> {
    let sections: Vec<_> = help
        .sections
        .iter()
        .map(|(heading, bindings)| section(heading, bindings))
        .collect();
    let tallest = sections.iter().map(Vec::len).max()?;
    (tallest..=usize::from(most)).find_map(|height| {
        let filled = fill(&sections, height);
        (filled.len() <= usize::from(columns)).then_some(filled)
    })
}

fn fill<'a>(sections: &[Vec<Entry<'a>>], height: usize) -> Vec<Vec<Entry<'a>>> {
    let mut columns: Vec<Vec<Entry<'a>>> = Vec::new();
    for section in sections {
        match columns.last_mut() {
            Some(column) if column.len() + 1 + section.len() <= height => {
                column.push(Entry::Blank);
                column.extend(section);
            }
            _ => columns.push(section.clone()),
        }
    }
    columns
}

/// All lines one after the other from column to column, from the line on that the help is scrolled to.
fn flowed(help: &HelpScene, columns: u16, height: u16) -> Vec<Vec<Entry<'_>>> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for (heading, bindings) in &help.sections {
        if !entries.is_empty() {
            entries.push(Entry::Blank);
        }
        entries.extend(section(heading, bindings));
    }
    let room = usize::from(columns) * usize::from(height);
    let scroll = help.scroll.min(entries.len().saturating_sub(room));
    let shown = entries.get(scroll..).unwrap_or_default();
    shown
        .chunks(height.max(1).into())
        .take(columns.into())
        .map(<[_]>::to_vec)
        .collect()
}

fn entry(canvas: &mut Canvas<'_>, row: Rect, entry: Entry<'_>, keys_columns: u16) {
    match entry {
        Entry::Heading(text) => {
            let style = canvas
                .palette
                .tone(Tone::Plain)
                .add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
            canvas.fitted(row, text, style);
        }
        Entry::Binding(keys, what) => {
            let style = canvas.palette.key();
            canvas.fitted(first(row, keys_columns), keys, style);
            let plain = canvas.palette.tone(Tone::Plain);
            canvas.fitted(after(row, keys_columns + 2), what, plain);
        }
        Entry::Blank => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sections(sizes: &[usize]) -> HelpScene {
        let bindings = |count: &usize| vec![("k".to_owned(), "does it".to_owned()); *count];
        HelpScene {
            sections: sizes.iter().map(|count| ("name".to_owned(), bindings(count))).collect(),
            scroll: 0,
        }
    }

    fn heights(columns: &[Vec<Entry<'_>>]) -> Vec<usize> {
        columns.iter().map(Vec::len).collect()
    }

    #[test]
    fn sections_stay_whole_while_they_fit() {
        assert_eq!(
            packed(&sections(&[4, 4, 4]), 2, 30).map(|columns| heights(&columns)),
            Some(vec![11, 5])
        );
        assert_eq!(
            packed(&sections(&[4, 4, 4]), 3, 30).map(|columns| heights(&columns)),
            Some(vec![5, 5, 5])
        );
        assert!(packed(&sections(&[40]), 3, 30).is_none());
        assert!(packed(&sections(&[]), 3, 30).is_none());
    }

    #[test]
    fn what_does_not_fit_is_scrolled_to() {
        let mut help = sections(&[40]);
        assert_eq!(heights(&flowed(&help, 2, 15)), [15, 15]);
        help.scroll = 99;
        let columns = flowed(&help, 2, 15);
        assert_eq!(heights(&columns), [15, 15]);
        assert!(matches!(columns[1][14], Entry::Binding(..)));
    }
}
