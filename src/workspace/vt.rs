//! An exec screen: what a program prints, as a grid of safe cells. A thin shell around the one terminal emulator.
//!
//! Nothing that the program asks of its terminal goes further than this file: titles are kept, the clipboard (OSC 52),
//! the bell and colour queries are ignored, and only the emulator's own answers go back to the program.

pub mod input;

use std::fmt;
use std::sync::mpsc;
use std::time::Duration;

use alacritty_terminal::event::{Event, EventListener};
use alacritty_terminal::grid::{Dimensions, Indexed, Scroll};
use alacritty_terminal::index::{Column, Line, Point};
use alacritty_terminal::term::cell::{Cell, Flags};
use alacritty_terminal::term::{Config, Osc52, TermMode, point_to_viewport};
use alacritty_terminal::vte::ansi::{Color as Ink, CursorShape, NamedColor, Processor, Timeout};
use compact_str::CompactString;

use self::input::Modes;
use super::key::Key;
use super::scene::{ExecCell, ExecGrid};
use crate::text::display::{self, Color, Style};

/// Lines kept above the screen.
const SCROLLBACK: usize = 10_000;

/// The emulator loops for ever at one column; beyond the most, a grid costs more memory than any screen shows.
const COLUMNS: (u16, u16) = (2, 1_000);
const ROWS: (u16, u16) = (1, 500);

/// Combining marks that one cell keeps.
const MOST_MARKS: usize = 4;

/// Bytes that are fed at once, and marks on a cell that are taken for hostile after them.
const SLICE: usize = 4_096;
const HEAP: usize = 64;

/// Bytes of one operating system command (a title, a link) that are read; the emulator itself would keep any number.
const MOST_COMMAND: usize = 4_096;

/// Columns of a title.
const MOST_TITLE: usize = 80;

/// The screen of one exec session.
pub struct Vt {
    term: alacritty_terminal::Term<Outlet>,
    parser: Processor<NeverHeldBack>,
    leash: Leash,
    events: mpsc::Receiver<Event>,
    title: Option<String>,
}

impl Vt {
    pub fn new(cols: u16, rows: u16) -> Self {
        let config = Config {
            scrolling_history: SCROLLBACK,
            osc52: Osc52::Disabled,
            ..Config::default()
        };
        let (outlet, events) = mpsc::channel();
        Self {
            term: alacritty_terminal::Term::new(config, &Dimension::clamped(cols, rows), Outlet(outlet)),
            parser: Processor::new(),
            leash: Leash::default(),
            events,
            title: None,
        }
    }

    /// Takes what the program printed; the result is to be sent to the program (it asked what its terminal is).
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        let bytes = self.leash.shorten(bytes);
        for slice in bytes.chunks(SLICE) {
            self.parser.advance(&mut self.term, slice);
            if !slice.is_ascii() {
                self.shed_marks();
            }
        }
        self.stay_within_history();
        self.answers()
    }

    /// Takes away heaps of combining marks, which the emulator piles on a cell without a bound. In slices and on the
    /// screen only, so a line that scrolls away has at most a slice of them.
    fn shed_marks(&mut self) {
        let heap = |cell: &Cell| cell.zerowidth().is_some_and(|marks| marks.len() > HEAP);
        let grid = self.term.grid();
        let rows = i32::try_from(grid.screen_lines()).unwrap_or(0);
        let columns = || (0..grid.columns()).map(Column);
        let places = (0..rows).flat_map(|row| columns().map(move |column| Point::new(Line(row), column)));
        let heaps: Vec<Point> = places.filter(|point| heap(&grid[*point])).collect();
        for point in heaps {
            self.term.grid_mut()[point].extra = None;
        }
    }

    fn answers(&mut self) -> Vec<u8> {
        let mut replies = Vec::new();
        for event in self.events.try_iter() {
            match event {
                Event::PtyWrite(reply) => replies.extend(reply.into_bytes()),
                Event::Title(title) => {
                    let safe = display::plain(title.trim()).into_owned();
                    self.title = (!safe.is_empty()).then(|| display::truncate(&safe, MOST_TITLE).into_owned());
                }
                Event::ResetTitle => self.title = None,
                _ => {}
            }
        }
        replies
    }

    /// At least 2 columns and 1 row; long lines wrap anew.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        self.term.resize(Dimension::clamped(cols, rows));
        self.stay_within_history();
    }

    /// Where the emulator takes lines out of the history, it may leave the view above the oldest one, and panics on
    /// the next look at it. A scroll by nothing puts it right.
    fn stay_within_history(&mut self) {
        self.scroll(0);
    }

    /// Positive: towards older lines.
    pub fn scroll(&mut self, lines: i32) {
        self.term.scroll_display(Scroll::Delta(lines));
    }

    pub fn scroll_to_bottom(&mut self) {
        self.term.scroll_display(Scroll::Bottom);
    }

    /// The bytes that a terminal sends for this key, in the modes that the program has set.
    pub fn encode_key(&self, key: Key) -> Vec<u8> {
        input::key(key, self.modes())
    }

    /// The bytes that a terminal sends for a paste.
    pub fn encode_paste(&self, text: &str) -> Vec<u8> {
        input::paste(text, self.modes())
    }

    fn modes(&self) -> Modes {
        let mode = self.term.mode();
        Modes {
            application_cursor: mode.contains(TermMode::APP_CURSOR),
            newline: mode.contains(TermMode::LINE_FEED_NEW_LINE),
            bracketed_paste: mode.contains(TermMode::BRACKETED_PASTE),
        }
    }

    /// What the program calls itself, safe to show.
    pub fn title(&self) -> Option<String> {
        self.title.clone()
    }

    pub fn scene(&self) -> ExecGrid {
        let content = self.term.renderable_content();
        let (cols, rows) = (self.term.columns(), self.term.screen_lines());
        let mut grid = ExecGrid {
            cols: u16::try_from(cols).unwrap_or(COLUMNS.1),
            rows: u16::try_from(rows).unwrap_or(ROWS.1),
            cells: Vec::with_capacity(cols * rows),
            cursor: None,
            scrolled: content.display_offset,
        };
        if content.cursor.shape != CursorShape::Hidden {
            grid.cursor = point_to_viewport(content.display_offset, content.cursor.point)
                .filter(|point| point.line < rows)
                .and_then(|point| Some((u16::try_from(point.column.0).ok()?, u16::try_from(point.line).ok()?)));
        }
        grid.cells
            .extend(content.display_iter.map(|indexed| safe_cell(&indexed)));
        for row in grid.cells.chunks_mut(cols) {
            mend_halves(row);
        }
        grid
    }

    /// The text of the rows in sight, without the blanks at their ends.
    pub fn rows(&self) -> Vec<String> {
        let grid = self.scene();
        grid.cells
            .chunks(usize::from(grid.cols))
            .map(|row| {
                row.iter()
                    .map(|cell| cell.text.as_str())
                    .collect::<String>()
                    .trim_end()
                    .to_owned()
            })
            .collect()
    }
}

impl fmt::Debug for Vt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vt")
            .field("columns", &self.term.columns())
            .field("rows", &self.term.screen_lines())
            .field("title", &self.title)
            .finish_non_exhaustive()
    }
}

fn safe_cell(indexed: &Indexed<&Cell>) -> ExecCell {
    let cell = indexed.cell;
    let style = style_of(cell);
    if cell.flags.contains(Flags::WIDE_CHAR_SPACER) {
        return ExecCell {
            style,
            ..ExecCell::default()
        };
    }
    if cell.c == ' ' || cell.c == '\t' || cell.flags.intersects(Flags::HIDDEN | Flags::LEADING_WIDE_CHAR_SPACER) {
        return ExecCell {
            text: CompactString::const_new(" "),
            style,
            wide: false,
        };
    }
    let wide = cell.flags.contains(Flags::WIDE_CHAR);
    let columns = if wide { 2 } else { 1 };
    let fits = |text: &CompactString| display::plain(text) == text.as_str() && display::width(text) == columns;
    let mut text = CompactString::from_iter([cell.c]);
    let bare = text.clone();
    // What chooses a presentation or joins emoji would change the width that the grid was laid out with.
    let marks = cell
        .zerowidth()
        .unwrap_or_default()
        .iter()
        .filter(|mark| !matches!(mark, '\u{200d}' | '\u{fe00}'..='\u{fe0f}'));
    text.extend(marks.take(MOST_MARKS));
    match [text, bare].into_iter().find(fits) {
        Some(text) => ExecCell { text, style, wide },
        None => ExecCell {
            text: CompactString::const_new("\u{fffd}"),
            style,
            wide: false,
        },
    }
}

/// Erasing, shifting and narrowing can leave one half of a wide character behind.
fn mend_halves(row: &mut [ExecCell]) {
    let mut behind_wide = false;
    for at in 0..row.len() {
        let spacer_follows = row.get(at + 1).is_some_and(|next| next.text.is_empty());
        let Some(cell) = row.get_mut(at) else { return };
        if cell.text.is_empty() && !behind_wide {
            cell.text = CompactString::const_new(" ");
        }
        if cell.wide && !spacer_follows {
            (cell.text, cell.wide) = (CompactString::const_new("\u{fffd}"), false);
        }
        behind_wide = cell.wide;
    }
}

fn style_of(cell: &Cell) -> Style {
    let (fg, dim_ink) = color_of(cell.fg);
    let (bg, _) = color_of(cell.bg);
    Style {
        fg,
        bg,
        bold: cell.flags.contains(Flags::BOLD),
        dim: dim_ink || cell.flags.contains(Flags::DIM),
        italic: cell.flags.contains(Flags::ITALIC),
        underline: cell.flags.intersects(Flags::ALL_UNDERLINES),
        reverse: cell.flags.contains(Flags::INVERSE),
    }
}

/// The colour, none for the terminal's own, and whether it is the dim variant.
fn color_of(ink: Ink) -> (Option<Color>, bool) {
    match ink {
        Ink::Spec(rgb) => (Some(Color::Rgb(rgb.r, rgb.g, rgb.b)), false),
        Ink::Indexed(index) => (Some(Color::Indexed(index)), false),
        Ink::Named(name) => {
            let number = name as usize;
            let dimmed = (NamedColor::DimBlack as usize..=NamedColor::DimWhite as usize).contains(&number);
            let index = if dimmed {
                number - NamedColor::DimBlack as usize
            } else {
                number
            };
            let color = u8::try_from(index).ok().filter(|index| *index < 16).map(Color::Indexed);
            (color, dimmed || name == NamedColor::DimForeground)
        }
    }
}

/// The size that the emulator is told.
struct Dimension {
    columns: usize,
    rows: usize,
}

impl Dimension {
    fn clamped(columns: u16, rows: u16) -> Self {
        Self {
            columns: columns.clamp(COLUMNS.0, COLUMNS.1).into(),
            rows: rows.clamp(ROWS.0, ROWS.1).into(),
        }
    }
}

impl Dimensions for Dimension {
    fn total_lines(&self) -> usize {
        self.rows
    }

    fn screen_lines(&self) -> usize {
        self.rows
    }

    fn columns(&self) -> usize {
        self.columns
    }
}

/// Where the emulator leaves its events; they are collected after each feed.
struct Outlet(mpsc::Sender<Event>);

impl EventListener for Outlet {
    fn send_event(&self, event: Event) {
        // The receiver lives as long as the emulator does.
        drop(self.0.send(event));
    }
}

/// Synchronised updates are applied as they come: frames are paced elsewhere, and holding them back needs a clock.
#[derive(Default)]
struct NeverHeldBack;

impl Timeout for NeverHeldBack {
    fn set_timeout(&mut self, _: Duration) {}

    fn clear_timeout(&mut self) {}

    fn pending_timeout(&self) -> bool {
        false
    }
}

/// Cuts operating system commands that never end, which the emulator would gather without a bound.
#[derive(Clone, Copy, Debug, Default)]
enum Leash {
    #[default]
    Ground,
    Escape,
    /// Inside of a command, with the bytes of it so far.
    Command(usize),
}

impl Leash {
    fn shorten(&mut self, bytes: &[u8]) -> Vec<u8> {
        bytes.iter().copied().filter(|byte| self.lets_through(*byte)).collect()
    }

    fn lets_through(&mut self, byte: u8) -> bool {
        *self = match (*self, byte) {
            // Controls are obeyed inside of an escape sequence, which goes on after them.
            (_, 0x1b) | (Self::Escape, 0..=0x17 | 0x19 | 0x1c..=0x1f | 0x7f) => Self::Escape,
            (Self::Escape, b']') => Self::Command(0),
            (Self::Command(length), byte) if !matches!(byte, 0x07 | 0x18 | 0x1a) => Self::Command(length + 1),
            _ => Self::Ground,
        };
        !matches!(self, Self::Command(length) if *length > MOST_COMMAND)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr as _;

    use super::*;
    use crate::workspace::key::KeyCode;

    fn printed(cols: u16, rows: u16, bytes: &[u8]) -> Vt {
        let mut vt = Vt::new(cols, rows);
        assert!(vt.feed(bytes).is_empty());
        vt
    }

    fn cell(vt: &Vt, x: usize, y: usize) -> ExecCell {
        let grid = vt.scene();
        grid.cells[y * usize::from(grid.cols) + x].clone()
    }

    #[test]
    fn text_lands_where_it_is_put() {
        let vt = printed(20, 3, b"one\r\ntwo\x1b[3;10Hthree\x1b[H");
        assert_eq!(vt.rows(), ["one", "two", "         three"]);
        assert_eq!(vt.scene().cursor, Some((0, 0)));
        assert_eq!(printed(20, 3, b"x\x1b[?25l").scene().cursor, None);
    }

    #[test]
    fn styles_are_kept() {
        let vt = printed(
            20,
            1,
            b"\x1b[1;31mr\x1b[0m\x1b[38;5;200;4mi\x1b[0m\x1b[48;2;1;2;3;7mx\x1b[0;2my\x1b[0;95mz",
        );
        let red = Style {
            fg: Some(Color::Indexed(1)),
            bold: true,
            ..Style::default()
        };
        assert_eq!(cell(&vt, 0, 0).style, red);
        let pink = Style {
            fg: Some(Color::Indexed(200)),
            underline: true,
            ..Style::default()
        };
        assert_eq!(cell(&vt, 1, 0).style, pink);
        let mixed = Style {
            bg: Some(Color::Rgb(1, 2, 3)),
            reverse: true,
            ..Style::default()
        };
        assert_eq!(cell(&vt, 2, 0).style, mixed);
        assert_eq!(
            cell(&vt, 3, 0).style,
            Style {
                dim: true,
                ..Style::default()
            }
        );
        assert_eq!(cell(&vt, 4, 0).style.fg, Some(Color::Indexed(13)));
        assert_eq!(cell(&vt, 9, 0).style, Style::default());
    }

    #[test]
    fn wide_characters_take_two_cells() {
        let vt = printed(8, 1, "日本e\u{301}".as_bytes());
        assert!(cell(&vt, 0, 0).wide && cell(&vt, 1, 0).text.is_empty());
        assert_eq!(cell(&vt, 4, 0).text, "e\u{301}");
        assert_eq!(vt.rows(), ["日本e\u{301}"]);
    }

    #[test]
    fn a_cell_is_as_wide_as_the_grid_says() {
        let zalgo = format!("e{}", "\u{301}".repeat(30));
        for (text, expected) in [
            ("\u{2764}\u{fe0f}x", "\u{2764}x"),
            ("a\u{202e}b", "a"),
            ("a\u{200d}b", "ab"),
            (zalgo.as_str(), "e\u{301}\u{301}\u{301}\u{301}"),
        ] {
            let row = printed(10, 1, text.as_bytes()).rows().concat();
            assert!(row.starts_with(expected), "{text:?}: {row:?}");
        }
    }

    #[test]
    fn marks_are_not_piled_up() {
        let mut vt = Vt::new(10, 2);
        vt.feed("x\r\n".repeat(9).as_bytes());
        vt.scroll(3);
        for _ in 0..10 {
            vt.feed(format!("\x1b[2;1He{}", "\u{301}".repeat(10_000)).as_bytes());
        }
        let marks = vt.term.grid()[Line(1)][Column(0)].zerowidth().map_or(0, <[char]>::len);
        assert!(marks <= SLICE, "{marks}");
    }

    #[test]
    fn a_terminal_answers_for_itself_only() {
        let mut vt = Vt::new(80, 24);
        assert_eq!(vt.feed(b"\x1b[6n"), b"\x1b[1;1R");
        assert_eq!(vt.feed(b"\x1b[c"), b"\x1b[?6c");
        assert_eq!(vt.feed(b"\x1b[18t"), b"\x1b[8;24;80t");
        for silent in [
            "\x1b]52;c;?\x07",
            "\x1b]52;c;ZXZpbA==\x07",
            "\x07",
            "\x1b]11;?\x07",
            "\x1b[14t",
            "\x1b[21t",
        ] {
            assert_eq!(vt.feed(silent.as_bytes()), b"", "{silent:?}");
        }
    }

    #[test]
    fn a_title_is_kept_and_safe() {
        let mut vt = printed(20, 1, b"\x1b]0;vim \xe2\x80\xae x\x07");
        assert_eq!(vt.title().as_deref(), Some("vim <U+202E> x"));
        vt.feed(b"\x1b]0;\x07");
        assert_eq!(vt.title(), None);
    }

    #[test]
    fn a_command_without_an_end_is_cut() {
        let mut leash = Leash::default();
        let mut kept = leash.shorten(b"before\x1b]0;").len();
        for _ in 0..100 {
            kept += leash.shorten(&[b'x'; 1_000]).len();
        }
        assert!(kept < MOST_COMMAND + 20, "{kept}");
        assert_eq!(leash.shorten(b"\x07after"), b"\x07after");
        assert_eq!(
            Leash::default().shorten(b"\x1b\x0b]0;title\x1b\\rest"),
            b"\x1b\x0b]0;title\x1b\\rest"
        );
    }

    #[test]
    fn synchronised_updates_do_not_wait() {
        assert_eq!(printed(20, 1, b"\x1b[?2026hshown").rows(), ["shown"]);
    }

    #[test]
    fn older_lines_scroll_back_into_sight() {
        let mut vt = Vt::new(20, 2);
        for n in 0..20 {
            vt.feed(format!("line {n}\r\n").as_bytes());
        }
        assert_eq!(vt.rows(), ["line 19", ""]);
        vt.scroll(5);
        assert_eq!(vt.rows(), ["line 14", "line 15"]);
        assert_eq!((vt.scene().scrolled, vt.scene().cursor), (5, None));
        vt.feed(b"line 20\r\n");
        assert_eq!(vt.rows(), ["line 14", "line 15"]);
        vt.scroll_to_bottom();
        assert_eq!(vt.rows(), ["line 20", ""]);
    }

    #[test]
    fn history_is_bounded() {
        let mut vt = Vt::new(10, 2);
        vt.feed("x\r\n".repeat(SCROLLBACK + 5_000).as_bytes());
        vt.scroll(i32::MAX / 2);
        assert_eq!(vt.scene().scrolled, SCROLLBACK);
    }

    #[test]
    fn narrowing_wraps_and_loses_nothing() {
        let mut vt = printed(20, 4, b"abcdefghijklmno");
        vt.resize(10, 4);
        vt.scroll(9);
        assert_eq!(vt.rows()[..2], ["abcdefghij", "klmno"]);
        vt.resize(0, 0);
        assert_eq!((vt.scene().cols, vt.scene().rows), (2, 1));
        vt.resize(40, 4);
        vt.scroll_to_bottom();
        assert_eq!(vt.rows().concat(), "abcdefghijklmno");
    }

    #[test]
    fn keys_follow_the_modes_of_the_program() {
        let up = Key::new(KeyCode::Up, crate::workspace::key::Modifiers::default());
        assert_eq!(printed(20, 1, b"").encode_key(up), b"\x1b[A");
        assert_eq!(printed(20, 1, b"\x1b[?1h").encode_key(up), b"\x1bOA");
        assert_eq!(printed(20, 1, b"\x1b[?2004h").encode_paste("a"), b"\x1b[200~a\x1b[201~");
    }

    #[test]
    fn a_lost_half_of_a_wide_character_is_mended() {
        let mut vt = printed(12, 3, "e\u{2764}       e👩\x1b[@".as_bytes());
        vt.resize(6, 2);
        assert!(vt.scene().cells.iter().all(|cell| !cell.wide));
        assert!(vt.rows().concat().contains('\u{fffd}'));
    }

    #[test]
    fn a_view_into_history_that_shrinks_stays_in_it() {
        let mut vt = printed(12, 3, "     e👩👩!A".as_bytes());
        vt.resize(4, 3);
        vt.scroll(2);
        vt.feed(b"\t   \x1b[M");
        assert_eq!(vt.scene().cells.len(), 12);
    }

    fn hostile() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..8),
            any::<char>().prop_map(|c| c.to_string().into_bytes()),
            "\x1b\\[[?>0-9;:]{0,6}[@-~]".prop_map(String::into_bytes),
            "\x1b\\][0-9]{1,3};[a-z]{0,4}(\x07|\x1b\\\\)?".prop_map(String::into_bytes),
            "[日本e\u{301}\u{200d}\u{fe0f}👩❤]{1,6}".prop_map(String::into_bytes),
        ];
        proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn whatever_is_printed_the_cells_are_safe(
            first in hostile(), second in hostile(), cols in 0..30u16, rows in 0..6u16, scroll in -9..9i32,
        ) {
            let mut vt = Vt::new(12, 3);
            vt.feed(&first);
            vt.resize(cols, rows);
            vt.scroll(scroll);
            vt.feed(&second);
            let grid = vt.scene();
            prop_assert_eq!(grid.cells.len(), usize::from(grid.cols) * usize::from(grid.rows));
            for row in grid.cells.chunks(usize::from(grid.cols)) {
                for (x, cell) in row.iter().enumerate() {
                    prop_assert!(display::plain(&cell.text) == cell.text.as_str(), "{:?}", cell);
                    prop_assert!(cell.text.width() <= if cell.wide { 2 } else { 1 }, "{:?}", cell);
                    prop_assert!(!cell.wide || row.get(x + 1).is_some_and(|next| next.text.is_empty()), "{:?}", row);
                    prop_assert!(!cell.text.is_empty() || x > 0 && row[x - 1].wide, "{:?}", row);
                }
            }
            if let Some((x, y)) = grid.cursor {
                prop_assert!(x < grid.cols && y < grid.rows);
            }
        }
    }
}
