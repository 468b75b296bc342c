//! A part of the screen to paint on. Nothing painted through it lands outside, whatever the size.

use ratatui::buffer::Buffer;
use ratatui::style::{Modifier, Style};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use super::palette::{Focus, Palette};
use crate::text::display;
use crate::workspace::layout::Rect;
use crate::workspace::scene::{Span, Tone};

/// Bytes of safe text that take a column at least: a letter and eight marks.
const MOST_BYTES: usize = 9 * 4;

/// A clipped view of the frame, with the palette to paint in.
pub struct Canvas<'a> {
    buffer: &'a mut Buffer,
    clip: Rect,
    pub palette: Palette,
}

impl<'a> Canvas<'a> {
    /// The whole of a buffer.
    pub fn new(buffer: &'a mut Buffer, palette: Palette) -> Self {
        let area = buffer.area;
        let clip = Rect::new(area.x, area.y, area.width, area.height);
        Self { buffer, clip, palette }
    }

    pub fn area(&self) -> Rect {
        self.clip
    }

    /// The part of this canvas that lies in `rect`.
    pub fn within(&mut self, rect: Rect) -> Canvas<'_> {
        Canvas {
            clip: self.clip.intersection(rect),
            buffer: self.buffer,
            palette: self.palette,
        }
    }

    /// Writes text from the left of a one-line place; what does not fit is cut. The columns used.
    pub fn text(&mut self, place: Rect, text: &str, style: Style) -> u16 {
        let place = self.clip.intersection(place);
        if place.is_empty() {
            return 0;
        }
        self.heal(place);
        let (end, _) = self
            .buffer
            .set_stringn(place.x, place.y, text, place.width.into(), style);
        end - place.x
    }

    /// Writes one cell of another grid, which may be two columns wide; one without text is the second of those.
    pub fn cell(&mut self, place: Rect, text: &str, style: Style) {
        if text.is_empty() || !self.clip.contains(place.x, place.y) {
            return;
        }
        let wide = cells(text);
        let text = if wide > place.width { " " } else { text };
        if text.len() > 1 {
            self.text(
                Rect {
                    width: wide.min(place.width),
                    height: 1,
                    ..place
                },
                text,
                style,
            );
        } else if let Some(cell) = self.buffer.cell_mut((place.x, place.y)) {
            cell.set_symbol(text).set_style(style);
        }
    }

    /// Writes text that ends with `…` if it does not fit.
    pub fn fitted(&mut self, place: Rect, text: &str, style: Style) -> u16 {
        self.text(
            place,
            &display::truncate(head(text, place.width), place.width.into()),
            style,
        )
    }

    /// Writes fitted text to the right end of a place.
    pub fn right(&mut self, place: Rect, text: &str, style: Style) {
        let text = display::truncate(head(text, place.width), place.width.into());
        let width = cells(&text).min(place.width);
        self.text(
            Rect {
                x: place.right() - width,
                width,
                ..place
            },
            &text,
            style,
        );
    }

    /// Writes spans one after the other, the last with `…` if they do not fit. The columns used.
    pub fn spans(&mut self, place: Rect, spans: &[Span]) -> u16 {
        let mut used = 0;
        for (n, span) in spans.iter().enumerate() {
            let room = Rect {
                x: place.x.saturating_add(used),
                width: place.width - used,
                ..place
            };
            let more = spans
                .get(n + 1..)
                .is_some_and(|rest| rest.iter().any(|span| !span.text.is_empty()));
            let style = self.palette.span(span);
            let wide = cells(&span.text);
            if more && wide == room.width && wide > 0 {
                // Exactly full, and something is still to come: leave room for the mark of the cut.
                used += self.text(
                    Rect {
                        width: room.width - 1,
                        ..room
                    },
                    &span.text,
                    style,
                );
                let end = Rect {
                    x: place.x.saturating_add(used),
                    width: place.width - used,
                    ..place
                };
                return used + self.text(end, "…", style);
            }
            used += self.fitted(room, &span.text, style);
            self.bare_ends(room, &span.text);
            if wide > room.width {
                break;
            }
        }
        used
    }

    /// Takes the line from under the blanks around a word.
    fn bare_ends(&mut self, place: Rect, text: &str) {
        let (start, end) = (cells(text) - cells(text.trim_start()), cells(text.trim_end()));
        let bare = |style: Style| style.remove_modifier(Modifier::UNDERLINED);
        self.restyle(first(place, start), bare);
        self.restyle(after(first(place, cells(text)), end), bare);
    }

    /// Writes as much of spans as there is room for, the least telling left out first.
    pub fn telling_spans(&mut self, place: Rect, spans: &[Span]) -> u16 {
        let told = BREVITIES.map(|brevity| brevity.of(spans));
        let fits = |told: &&Vec<Span>| span_cells(told) <= place.width;
        let told = told.iter().find(fits).or(told.last());
        told.map_or(0, |told| self.spans(place, told))
    }

    /// Fills a place with one narrow symbol.
    pub fn fill(&mut self, place: Rect, symbol: &str, style: Style) {
        let place = self.clip.intersection(place);
        self.heal(place);
        for y in place.y..place.bottom() {
            for x in place.x..place.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.reset();
                    cell.set_symbol(symbol).set_style(style);
                }
            }
        }
    }

    /// Makes room for something that lies over the rest.
    pub fn clear(&mut self, place: Rect) {
        self.fill(place, " ", Style::new());
    }

    /// Changes how cells look that have been painted.
    pub fn restyle(&mut self, place: Rect, style: impl Fn(Style) -> Style) {
        self.restyle_cells(place, |_, before| style(before));
    }

    fn restyle_cells(&mut self, place: Rect, style: impl Fn(&str, Style) -> Style) {
        let place = self.clip.intersection(place);
        for y in place.y..place.bottom() {
            for x in place.x..place.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    let changed = style(cell.symbol(), cell.style());
                    cell.modifier = Modifier::empty();
                    cell.set_style(changed);
                }
            }
        }
    }

    /// Puts a place on the ground of a selection.
    pub fn select(&mut self, place: Rect, focused: Focus) {
        let palette = self.palette;
        self.restyle_cells(place, |symbol, style| {
            let selected = palette.select(style, focused);
            // Where a line marks the selection, it goes under words only.
            if symbol == " " {
                selected.remove_modifier(Modifier::UNDERLINED)
            } else {
                selected
            }
        });
    }

    /// The symbol that stands at a cell of this canvas.
    pub fn symbol(&self, x: u16, y: u16) -> &str {
        if !self.clip.contains(x, y) {
            return "";
        }
        self.buffer.cell((x, y)).map_or("", |cell| cell.symbol())
    }

    /// A widget of the terminal library, clipped as everything.
    pub fn widget(&mut self, place: Rect, widget: impl ratatui::widgets::Widget) {
        let place = self.clip.intersection(place);
        if !place.is_empty() {
            self.heal(place);
            let area = ratatui::layout::Rect::new(place.x, place.y, place.width, place.height);
            widget.render(area, self.buffer);
        }
    }

    /// A wide character whose right half is about to be painted over would hide what is painted there.
    fn heal(&mut self, place: Rect) {
        let Some(left) = place.x.checked_sub(1) else { return };
        for y in place.y..place.bottom() {
            if let Some(cell) = self.buffer.cell_mut((left, y))
                && cell.symbol().width() > 1
            {
                cell.set_symbol(" ");
            }
        }
    }
}

/// Columns of safe text, as the screen counts them.
pub fn cells(text: &str) -> u16 {
    u16::try_from(display::width(text)).unwrap_or(u16::MAX)
}

/// Enough of a text to fill so many columns and to see that it goes on; lines may be megabytes long.
fn head(text: &str, columns: u16) -> &str {
    let end = text.floor_char_boundary((usize::from(columns) + 1) * MOST_BYTES);
    text.get(..end).unwrap_or(text)
}

/// How much of a cell is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Brevity {
    All,
    /// Not what is dim anyway.
    Undimmed,
    /// The first word, and what is neither dim nor plain: what is wrong.
    Alarms,
}

/// From most to least.
pub const BREVITIES: [Brevity; 3] = [Brevity::All, Brevity::Undimmed, Brevity::Alarms];

impl Brevity {
    /// What is said of a cell. Where all of it is dim, as in a stale cluster, it is cut like what is plain.
    pub fn of(self, spans: &[Span]) -> Vec<Span> {
        let dimmed = spans.iter().all(|span| is_blank(span) || span.tone == Tone::Dim);
        let told = |n: usize, span: &Span| match self {
            Self::All => true,
            Self::Undimmed => dimmed || span.tone != Tone::Dim,
            Self::Alarms => n == 0 || !matches!(span.tone, Tone::Dim | Tone::Plain),
        };
        let mut kept: Vec<Span> = Vec::new();
        let mut left_out = false;
        for (n, span) in spans.iter().enumerate() {
            if !told(n, span) {
                left_out = true;
                continue;
            }
            let apart = kept.last().is_none_or(|last| last.text.ends_with(' ')) || span.text.starts_with(' ');
            if left_out && !apart {
                kept.push(Span::plain(" "));
            }
            left_out = false;
            kept.push(span.clone());
        }
        kept
    }
}

fn is_blank(span: &Span) -> bool {
    span.text.trim_start().is_empty()
}

/// A name that is cut in its middle where it does not fit: names of pods differ at their ends.
pub fn cut_inside(name: &str, columns: u16) -> String {
    let most = columns.saturating_sub(4).min(6);
    if cells(name) <= columns || most < 2 {
        return name.to_owned();
    }
    let mut used = 0;
    let ending = name.graphemes(true).rev().take_while(|grapheme| {
        used += cells(grapheme);
        used <= most
    });
    let bytes: usize = ending.map(str::len).sum();
    let (_, tail) = name.split_at_checked(name.len() - bytes).unwrap_or((name, ""));
    let start = display::truncate(name, usize::from(columns - cells(tail)));
    format!("{start}{tail}")
}

pub fn span_cells(spans: &[Span]) -> u16 {
    spans.iter().fold(0, |sum, span| sum.saturating_add(cells(&span.text)))
}

/// One line of a rectangle, counted from its top; empty if there are fewer.
pub fn line(rect: Rect, n: u16) -> Rect {
    let height = u16::from(n < rect.height);
    Rect {
        y: rect.y.saturating_add(n.min(rect.height)),
        height,
        ..rect
    }
}

/// What is left of a rectangle without its first columns.
pub fn after(rect: Rect, columns: u16) -> Rect {
    let columns = columns.min(rect.width);
    Rect {
        x: rect.x + columns,
        width: rect.width - columns,
        ..rect
    }
}

/// The first columns of a rectangle.
pub fn first(rect: Rect, columns: u16) -> Rect {
    Rect {
        width: rect.width.min(columns),
        ..rect
    }
}

/// What is left of a rectangle without its first lines.
pub fn below(rect: Rect, lines: u16) -> Rect {
    let lines = lines.min(rect.height);
    Rect {
        y: rect.y + lines,
        height: rect.height - lines,
        ..rect
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer(width: u16) -> Buffer {
        Buffer::empty(ratatui::layout::Rect::new(0, 0, width, 1))
    }

    fn row(buffer: &Buffer) -> String {
        super::super::sample::shown(&buffer.content)
    }

    fn check_spans(columns: u16, texts: &[&str], expected: &str) {
        let mut buffer = buffer(columns + 2);
        let spans: Vec<Span> = texts.iter().map(|text| Span::plain(*text)).collect();
        let used = Canvas::new(&mut buffer, Palette::default()).spans(Rect::new(0, 0, columns, 1), &spans);
        assert_eq!(
            (row(&buffer).trim_end(), used),
            (expected, cells(expected)),
            "{texts:?}"
        );
    }

    #[test]
    fn spans_end_with_a_mark_where_they_are_cut() {
        check_spans(9, &["only ", "prod"], "only prod");
        check_spans(8, &["only ", "prod"], "only pr…");
        check_spans(5, &["only ", "prod"], "only…");
        check_spans(5, &["only", "s", ""], "onlys");
        check_spans(3, &["日本語"], "日…");
        check_spans(0, &["x"], "");
    }

    #[test]
    fn nothing_is_painted_outside_of_the_clip() {
        let mut buffer = buffer(10);
        let mut canvas = Canvas::new(&mut buffer, Palette::default());
        let mut part = canvas.within(Rect::new(3, 0, 4, 1));
        part.fill(Rect::new(0, 0, 99, 9), "x", Style::new());
        part.text(Rect::new(5, 0, 99, 1), "日本", Style::new());
        part.text(Rect::new(0, 5, 99, 1), "below", Style::new());
        assert_eq!(row(&buffer), "   xx日   ");
    }

    #[test]
    fn half_of_a_wide_character_is_taken_away() {
        let mut buffer = buffer(6);
        let mut canvas = Canvas::new(&mut buffer, Palette::default());
        canvas.text(Rect::new(0, 0, 6, 1), "日本語", Style::new());
        canvas.text(Rect::new(3, 0, 1, 1), "|", Style::new());
        assert_eq!(row(&buffer), "日 |語");
    }

    fn check_telling(columns: u16, spans: &[Span], expected: &str) {
        let mut buffer = buffer(columns);
        Canvas::new(&mut buffer, Palette::default()).telling_spans(Rect::new(0, 0, columns, 1), spans);
        assert_eq!(row(&buffer).trim_end(), expected, "{columns}");
    }

    #[test]
    fn what_is_wrong_is_the_last_to_go() {
        let cell = [
            Span::plain("3/3"),
            Span::plain(" v1.2"),
            Span::dim(" 2h"),
            Span::new(" CrashLoopBackOff", Tone::Bad),
        ];
        check_telling(30, &cell, "3/3 v1.2 2h CrashLoopBackOff");
        check_telling(26, &cell, "3/3 v1.2 CrashLoopBackOff");
        check_telling(20, &cell, "3/3 CrashLoopBackOff");
        check_telling(12, &cell, "3/3 CrashLo…");
        let stale = [Span::dim("3/3"), Span::plain(" "), Span::dim("v1.2 2h")];
        check_telling(11, &stale, "3/3 v1.2 2h");
        check_telling(8, &stale, "3/3");
        let parted = ["0/3", " ", "v1.2", " "].map(Span::plain);
        let parted = [
            parted.to_vec(),
            vec![
                Span::new("↻4", Tone::Warn),
                Span::plain(" "),
                Span::new("Error", Tone::Bad),
            ],
        ];
        check_telling(12, &parted.concat(), "0/3 ↻4 Error");
    }

    #[test]
    fn names_are_cut_inside() {
        let check = |columns, expected| assert_eq!(cut_inside("api-7d9c5b6f4-x2k8p", columns), expected);
        check(19, "api-7d9c5b6f4-x2k8p");
        check(15, "api-7d9c…-x2k8p");
        check(9, "api…x2k8p");
        check(4, "api-7d9c5b6f4-x2k8p");
        assert_eq!(cut_inside("日本日本日本日本", 9), "日本…日本");
    }
}
