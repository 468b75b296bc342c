//! The one way by which anything from outside becomes displayable. What comes out has no control character, nothing
//! that turns the writing direction, nothing that is invisible, and no cell that is more than a few characters.
//!
//! Control characters are shown as their pictures (`␛`), 8-bit ones as `\x9b`, invisible and direction marks as
//! `<U+202E>`, bytes that are not UTF-8 as `�`. Sources: ECMA-48 for sequences, Unicode 16 `Cf` and
//! `Default_Ignorable_Code_Point` for what cannot be seen (the attacks of CVE-2021-42574 and CVE-2021-25743).

use std::borrow::Cow;
use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;

pub use super::cells::{truncate, width, wrap};

use super::cells::grapheme_width;
use super::escape::{self, ESC};

/// Characters that one cell may hold: a letter and eight marks.
const MOST_IN_CELL: usize = 9;
/// Columns from one tab stop to the next.
const TAB: usize = 4;

/// A colour as the log asked for it: one of the 256 of the terminal, or a mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    Indexed(u8),
    Rgb(u8, u8, u8),
}

/// How a piece of a line is to look. Blinking, hidden and struck text is shown as it is without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent attributes of a terminal cell")]
pub struct Style {
    pub fg: Option<Color>,
    pub bg: Option<Color>,
    pub bold: bool,
    pub dim: bool,
    pub italic: bool,
    pub underline: bool,
    pub reverse: bool,
}

/// A piece of a line in a style of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Bytes of the line's text, on grapheme boundaries.
    pub range: Range<usize>,
    pub style: Style,
}

/// One line of a log, safe to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pub text: String,
    /// In order, not overlapping, none of them in the default style.
    pub runs: Vec<Run>,
}

/// A name, a cause or any other one-line text from outside, made safe. Tabs become one blank, newlines `⏎`.
pub fn plain(text: &str) -> Cow<'_, str> {
    if is_printable_ascii(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let mut draft = Draft::default();
    for c in text.chars() {
        match c {
            '\t' => draft.visible.push(' '),
            '\n' => draft.visible.push('⏎'),
            c => draft.push(c),
        }
    }
    let safe = draft.finish().text;
    if safe == text {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(safe)
    }
}

/// One line of a log for the screen. Colours become runs and end with the line; every other sequence is shown, not
/// obeyed. Tabs are expanded to stops of four columns; one `\r` at the end of the line is dropped.
pub fn line(bytes: &[u8]) -> Line {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    if is_printable_ascii(bytes) {
        return Line {
            text: String::from_utf8_lossy(bytes).into_owned(),
            runs: Vec::new(),
        };
    }
    let mut draft = Draft::default();
    for chunk in bytes.utf8_chunks() {
        draft.push_coloured(chunk.valid());
        if !chunk.invalid().is_empty() {
            draft.visible.push(char::REPLACEMENT_CHARACTER);
        }
    }
    draft.finish()
}

fn is_printable_ascii(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| matches!(b, 0x20..=0x7e))
}

/// A line whose characters are visible but whose cells are not yet clamped and whose tabs are still tabs.
#[derive(Default)]
struct Draft {
    visible: String,
    style: Style,
    /// From which byte of `visible` on which style holds.
    changes: Vec<(usize, Style)>,
}

impl Draft {
    fn push_coloured(&mut self, text: &str) {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let colour = (u32::from(c) == u32::from(ESC)).then(|| escape::colour(rest.as_bytes()));
            let taken = if let Some((parameters, length)) = colour.flatten() {
                self.restyle(parameters);
                length
            } else {
                self.push(c);
                c.len_utf8()
            };
            rest = rest.split_at_checked(taken).map_or("", |(_, behind)| behind);
        }
    }

    fn restyle(&mut self, parameters: &[u8]) {
        self.style = restyled(self.style, parameters);
        self.changes.push((self.visible.len(), seen(self.style)));
    }

    /// One character; a tab stays a tab.
    fn push(&mut self, c: char) {
        match c {
            ' '..='~' | '\t' => self.visible.push(c),
            '\0'..='\u{1f}' => self.push_picture(0x2400 + u32::from(c)),
            '\u{7f}' => self.visible.push('␡'),
            '\u{80}'..='\u{9f}' => self.visible.push_str(&byte_escape(c)),
            c if is_invisible(c) => self.visible.push_str(&code_point(c)),
            c => self.visible.push(c),
        }
    }

    fn push_picture(&mut self, code: u32) {
        self.visible
            .push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
    }

    /// Clamps cells, expands tabs and settles the runs.
    fn finish(self) -> Line {
        if self.changes.is_empty() && is_printable_ascii(self.visible.as_bytes()) {
            return Line {
                text: self.visible,
                runs: Vec::new(),
            };
        }
        let mut typeset = Typeset::default();
        let mut changes = self.changes.iter().copied().peekable();
        for (at, grapheme) in self.visible.grapheme_indices(true) {
            let mut style = typeset.style;
            while let Some((_, changed)) = changes.next_if(|(from, _)| *from <= at) {
                style = changed;
            }
            typeset.switch_to(style);
            typeset.place(grapheme);
        }
        typeset.switch_to(Style::default());
        typeset.line
    }
}

/// The finished part of a line.
#[derive(Default)]
struct Typeset {
    line: Line,
    style: Style,
    /// Where the run in `style` begins.
    from: usize,
    column: usize,
}

impl Typeset {
    fn place(&mut self, grapheme: &str) {
        let before = self.line.text.len();
        if grapheme == "\t" {
            let blanks = TAB - self.column % TAB;
            self.line.text.extend(std::iter::repeat_n(' ', blanks));
            self.column += blanks;
            return;
        }
        let wide = grapheme_width(grapheme);
        if wide == 0 {
            self.spell_out(grapheme);
        } else if grapheme.len() > MOST_IN_CELL && grapheme.chars().count() > MOST_IN_CELL {
            self.cut_short(grapheme);
        } else {
            self.line.text.push_str(grapheme);
            self.column += wide;
            return;
        }
        self.column += self
            .line
            .text
            .split_at_checked(before)
            .map_or(0, |(_, placed)| width(placed));
    }

    /// Marks that stand on no letter would join the cell to their left.
    fn spell_out(&mut self, marks: &str) {
        for c in marks.chars().take(MOST_IN_CELL) {
            self.line.text.push_str(&code_point(c));
        }
        self.count_rest(marks);
    }

    fn cut_short(&mut self, grapheme: &str) {
        self.line.text.extend(grapheme.chars().take(MOST_IN_CELL));
        self.count_rest(grapheme);
    }

    fn count_rest(&mut self, grapheme: &str) {
        let rest = grapheme.chars().count().saturating_sub(MOST_IN_CELL);
        if rest > 0 {
            self.line.text.extend(["<+", &rest.to_string(), ">"]);
        }
    }

    fn switch_to(&mut self, style: Style) {
        if style == self.style {
            return;
        }
        let end = self.line.text.len();
        if self.style != Style::default() && end > self.from {
            self.line.runs.push(Run {
                range: self.from..end,
                style: self.style,
            });
        }
        self.from = end;
        self.style = style;
    }
}

fn byte_escape(c: char) -> String {
    format!("\\x{:02x}", u32::from(c))
}

fn code_point(c: char) -> String {
    format!("<U+{:04X}>", u32::from(c))
}

/// Characters that take no room of their own or turn the direction of others: Unicode's `Cf`, the default ignorable
/// code points, line and paragraph separators, non-characters. The two emoji variation selectors are harmless
/// and common, so they pass as marks.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{600}'..='\u{605}'
            | '\u{61c}'
            | '\u{6dd}'
            | '\u{70f}'
            | '\u{890}'..='\u{891}'
            | '\u{8e2}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fdd0}'..='\u{fdef}'
            | '\u{fe00}'..='\u{fe0d}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{fffe}'..='\u{ffff}'
            | '\u{110bd}'
            | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Text in the colour of its ground would be hidden text.
fn seen(style: Style) -> Style {
    if style.fg.is_some() && style.fg == style.bg {
        return Style {
            fg: None,
            bg: None,
            ..style
        };
    }
    style
}

/// The style after a colour sequence with these parameters. What is not known is skipped.
fn restyled(mut style: Style, parameters: &[u8]) -> Style {
    let mut parts = parameters.split(|b| *b == b';');
    while let Some(part) = parts.next() {
        let mut fields = part.split(|b| *b == b':').map(number);
        let code = fields.next().flatten().unwrap_or(0);
        match code {
            0 => style = Style::default(),
            1 => style.bold = true,
            2 => style.dim = true,
            3 => style.italic = true,
            4 => style.underline = fields.next() != Some(Some(0)),
            7 => style.reverse = true,
            21 => style.underline = true,
            22 => (style.bold, style.dim) = (false, false),
            23 => style.italic = false,
            24 => style.underline = false,
            27 => style.reverse = false,
            30..=37 => style.fg = indexed(code - 30),
            40..=47 => style.bg = indexed(code - 40),
            90..=97 => style.fg = indexed(code - 90 + 8),
            100..=107 => style.bg = indexed(code - 100 + 8),
            39 => style.fg = None,
            49 => style.bg = None,
            38 | 48 | 58 => {
                let rest: Vec<Option<u32>> = fields.take(6).collect();
                let color = if rest.is_empty() {
                    extended(&mut parts.by_ref().map(number))
                } else {
                    extended_by_colons(&rest)
                };
                match code {
                    38 => style.fg = color.or(style.fg),
                    48 => style.bg = color.or(style.bg),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    style
}

/// `5;n` or `2;r;g;b`.
fn extended(fields: &mut dyn Iterator<Item = Option<u32>>) -> Option<Color> {
    match fields.next()?? {
        5 => indexed(fields.next()??),
        2 => {
            let (red, green, blue) = (fields.next()?, fields.next()?, fields.next()?);
            mixed(red?, green?, blue?)
        }
        _ => None,
    }
}

/// `5:n`, `2:r:g:b`, or `2:space:r:g:b` with a colour space that nobody uses.
fn extended_by_colons(fields: &[Option<u32>]) -> Option<Color> {
    match *fields {
        [Some(5), Some(index), ..] => indexed(index),
        [Some(2), _, Some(red), Some(green), Some(blue), ..] | [Some(2), Some(red), Some(green), Some(blue)] => {
            mixed(red, green, blue)
        }
        _ => None,
    }
}

fn indexed(index: u32) -> Option<Color> {
    u8::try_from(index).ok().map(Color::Indexed)
}

fn mixed(red: u32, green: u32, blue: u32) -> Option<Color> {
    let part = |value| u8::try_from(value).ok();
    Some(Color::Rgb(part(red)?, part(green)?, part(blue)?))
}

/// A parameter; nothing for an empty one. Too large ones stay at the largest number.
fn number(digits: &[u8]) -> Option<u32> {
    (!digits.is_empty()).then(|| {
        digits.iter().fold(0u32, |value, digit| {
            value
                .saturating_mul(10)
                .saturating_add(u32::from(digit.wrapping_sub(b'0')))
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Introducers that must not reach a terminal, each followed by payloads and enders.
    const INTRODUCERS: [&str; 20] = [
        "\x1b[",
        "\x1b]",
        "\x1bP",
        "\x1bX",
        "\x1b^",
        "\x1b_",
        "\x1b(",
        "\x1b)",
        "\x1b#",
        "\x1b%",
        "\u{9b}",
        "\u{9d}",
        "\u{90}",
        "\u{98}",
        "\u{9e}",
        "\u{9f}",
        "\x1b[?",
        "\x1b[>",
        "\x1b[=",
        "\x1b\x1b[",
    ];
    const PAYLOADS: [&str; 16] = [
        "0;owned",
        "52;c;ZXZpbA==",
        "8;;http://evil",
        "777;notify;a;b",
        "9;4;1",
        "4;1;?",
        "6n",
        "c",
        "200000000E",
        "2J",
        "1049h",
        "5i",
        "8m",
        "0q",
        "999999999999999999999A",
        "1337;File=:AAAA",
    ];
    const ENDERS: [&str; 5] = ["", "\x07", "\x1b\\", "\u{9c}", "\x18"];
    const LONE: [&str; 24] = [
        "\r",
        "a\rb",
        "\x08\x08",
        "\x0b",
        "\x0c",
        "\x0e",
        "\x0f",
        "\x1bc",
        "\x1b7",
        "\x1b8",
        "\x1bD",
        "\x1bM",
        "\x1b=",
        "\x1bN",
        "\x7f",
        "\0",
        "\u{84}",
        "\u{85}",
        "\u{202e}evil",
        "\u{2066}x\u{2069}",
        "\u{200b}",
        "\u{feff}",
        "\u{2028}",
        "\u{e0041}",
    ];

    fn corpus() -> Vec<String> {
        let mut corpus: Vec<String> = LONE.iter().map(ToString::to_string).collect();
        for introducer in INTRODUCERS {
            for payload in PAYLOADS {
                for ender in ENDERS {
                    corpus.push(format!("{introducer}{payload}{ender}"));
                }
            }
        }
        corpus
    }

    fn assert_safe(text: &str) {
        for c in text.chars() {
            assert!(!c.is_control() && !is_invisible(c), "{c:?} in {text:?}");
        }
        for grapheme in text.graphemes(true) {
            assert!(
                grapheme.len() <= 64 && grapheme_width(grapheme) > 0,
                "{grapheme:?} in {text:?}"
            );
        }
    }

    fn assert_sound(line: &Line) {
        assert_safe(&line.text);
        let mut end = 0;
        for run in &line.runs {
            assert!(run.range.start >= end && run.range.start < run.range.end, "{line:?}");
            assert!(line.text.get(run.range.clone()).is_some(), "{line:?}");
            assert!(run.style != Style::default(), "{line:?}");
            end = run.range.end;
        }
        assert!(end <= line.text.len());
    }

    fn check(bytes: &[u8], expected: &str) {
        let shown = line(bytes);
        assert_sound(&shown);
        assert_eq!(shown.text, expected);
    }

    fn check_plain(text: &str, expected: &str) {
        assert_safe(&plain(text));
        assert_eq!(plain(text), expected);
    }

    fn fg(index: u8) -> Style {
        Style {
            fg: Some(Color::Indexed(index)),
            ..Style::default()
        }
    }

    fn check_runs(text: &str, expected: &[(&str, Style)]) {
        let shown = line(text.as_bytes());
        assert_sound(&shown);
        let runs: Vec<(&str, Style)> = shown
            .runs
            .iter()
            .map(|run| (shown.text.get(run.range.clone()).unwrap_or_default(), run.style))
            .collect();
        assert_eq!(runs, expected, "{text:?}");
    }

    #[test]
    fn every_payload_of_the_corpus_is_neutral() {
        let corpus = corpus();
        assert!(corpus.len() > 1_000);
        for payload in corpus {
            let embedded = format!("before {payload} after");
            assert_sound(&line(embedded.as_bytes()));
            assert_safe(&plain(&embedded));
            for shown in [line(embedded.as_bytes()).text, plain(&embedded).into_owned()] {
                assert!(shown.starts_with("before ") && shown.ends_with(" after"), "{shown:?}");
            }
        }
    }

    #[test]
    fn an_evil_line_changes_no_other() {
        let before = line(b"\x1b[31mred\x1b[0m and plain");
        for payload in corpus() {
            drop(line(payload.as_bytes()));
            assert_eq!(line(b"\x1b[31mred\x1b[0m and plain"), before);
        }
        check(b"\x1b[200000000E", "␛[200000000E");
    }

    #[test]
    fn sequences_are_shown_not_obeyed() {
        check(b"\x1b]0;owned\x07", "␛]0;owned␇");
        check(b"\x1b[2J\x1b[H", "␛[2J␛[H");
        check("\u{9b}31m".as_bytes(), "\\x9b31m");
        check(b"\x9b31m", "\u{fffd}31m");
        check(b"50%\rdone", "50%␍done");
        check(b"windows\r", "windows");
        check(b"caf\xc3", "caf\u{fffd}");
    }

    #[test]
    fn names_stay_on_one_line() {
        check_plain("checkout", "checkout");
        check_plain("zoë", "zoë");
        check_plain("a\tb\nc\r\x1b[31m", "a b⏎c␍␛[31m");
        check_plain("prod\u{202e}ved", "prod<U+202E>ved");
        check_plain("ad\u{200b}min", "ad<U+200B>min");
        assert!(matches!(plain("zoë"), Cow::Borrowed(_)));
    }

    #[test]
    fn tabs_go_to_the_next_stop() {
        check(b"a\tb", "a   b");
        check(b"\tat x", "    at x");
        check(b"abcd\tx", "abcd    x");
        check("日本\tx".as_bytes(), "日本    x");
        check("日\tx".as_bytes(), "日  x");
        check(b"\x1b[31ma\x1b[0m\tb", "a   b");
    }

    #[test]
    fn marks_are_counted_not_piled_up() {
        check("e\u{301}".as_bytes(), "e\u{301}");
        let zalgo = format!("e{}!", "\u{301}".repeat(1_000_000));
        check(zalgo.as_bytes(), &format!("e{}<+999992>!", "\u{301}".repeat(8)));
        let styled = format!("e{}", "\x1b[31m\u{301}".repeat(20));
        check(styled.as_bytes(), &format!("e{}<+12>", "\u{301}".repeat(8)));
        check("\u{301}x".as_bytes(), "<U+0301>x");
        let jamo = "\u{1100}".repeat(1_000);
        assert_sound(&line(jamo.as_bytes()));
    }

    #[test]
    fn colours_become_runs_and_end_with_the_line() {
        let bold_red = Style { bold: true, ..fg(1) };
        check_runs("plain", &[]);
        check_runs("\x1b[31mred\x1b[0m plain", &[("red", fg(1))]);
        check_runs("\x1b[31mred to the end", &[("red to the end", fg(1))]);
        check_runs("\x1b[1;31mred\x1b[22m less", &[("red", bold_red), (" less", fg(1))]);
        check_runs("\x1b[31ma\x1b[0m\x1b[31mb", &[("ab", fg(1))]);
        check_runs("\x1b[91ma\x1b[mb", &[("a", fg(9))]);
        check_runs("\x1b[38;5;200ma", &[("a", fg(200))]);
        check_runs("\x1b[38:5:200ma", &[("a", fg(200))]);
        let mixed = Style {
            fg: Some(Color::Rgb(1, 2, 3)),
            ..Style::default()
        };
        for sequence in ["38;2;1;2;3", "38:2:1:2:3", "38:2::1:2:3"] {
            check_runs(&format!("\x1b[{sequence}ma"), &[("a", mixed)]);
        }
        check_runs("\x1b[38;5;999;31ma", &[("a", fg(1))]);
        check_runs("\x1b[99999999999999999999ma", &[]);
    }

    #[test]
    fn text_cannot_be_hidden_by_colour() {
        check_runs("\x1b[8mhidden", &[]);
        check_runs("\x1b[30;40mhidden", &[]);
        check_runs(
            "\x1b[30;40mhidden\x1b[47mshown",
            &[(
                "shown",
                Style {
                    bg: Some(Color::Indexed(7)),
                    ..fg(0)
                },
            )],
        );
    }

    fn hostile() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..6),
            any::<char>().prop_map(|c| c.to_string().into_bytes()),
            "[\u{300}-\u{310}\u{1100}-\u{11ff}\u{94d}\u{915}\u{200d}\u{1f468}\u{1f1e6}\u{600}]{1,14}"
                .prop_map(String::into_bytes),
            "\x1b\\[[0-9;:]{0,8}m".prop_map(String::into_bytes),
            proptest::sample::select(corpus()).prop_map(String::into_bytes),
        ];
        proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_bytes_become_a_safe_line(bytes in hostile()) {
            let shown = line(&bytes);
            assert_sound(&shown);
            let by_grapheme: usize = shown.text.graphemes(true).map(grapheme_width).sum();
            prop_assert_eq!(width(&shown.text), by_grapheme);
        }

        #[test]
        fn what_is_safe_stays_as_it_is(bytes in hostile()) {
            let once = plain(&String::from_utf8_lossy(&bytes)).into_owned();
            assert_safe(&once);
            prop_assert!(matches!(plain(&once), Cow::Borrowed(same) if same == once));
        }
    }
}
