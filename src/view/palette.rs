//! What each tone looks like: in 256 colours, in the terminal's own sixteen, or without any colour at all.
//!
//! The colours are those of Okabe and Ito ("Color Universal Design", 2008), which people with any kind of colour
//! vision tell apart, at the nearest place in the 256-colour cube that is readable on dark and on light ground.
//! No meaning rests on colour alone: without it, weight, underline and reverse carry what words do not.

use ratatui::style::{Color, Modifier, Style};

use crate::model::{ContextId, Level};
use crate::text::display;
use crate::workspace::scene::{Span, Tone};

/// Sky blue, sand, reddish purple, bluish green, blue, brick, violet, grey. Orange and vermillion are left to warnings and
/// errors.
const CLUSTERS: [u8; 8] = [74, 180, 175, 72, 69, 173, 141, 109];

/// The same order in the terminal's own colours.
const CLUSTERS_OF_SIXTEEN: [Color; 8] = [
    Color::Cyan,
    Color::Yellow,
    Color::Magenta,
    Color::Green,
    Color::Blue,
    Color::LightRed,
    Color::LightMagenta,
    Color::LightCyan,
];

/// Terminals that are known by name to have no more than sixteen colours, and those that have none.
const SIXTEEN: [&str; 7] = [
    "linux",
    "ansi",
    "screen",
    "cygwin",
    "vt220-color",
    "xterm-16color",
    "xterm-color",
];
const WITHOUT: [&str; 6] = ["dumb", "vt100", "vt102", "vt220", "vt52", "xterm-mono"];

/// How tones become styles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    colors: Colors,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Colors {
    None,
    Sixteen,
    Many,
}

impl Default for Palette {
    fn default() -> Self {
        Self { colors: Colors::Many }
    }
}

impl Palette {
    /// No colour at all: bold, dim, underline and reverse only.
    pub const fn plain() -> Self {
        Self { colors: Colors::None }
    }

    /// The terminal's own sixteen colours.
    pub const fn sixteen() -> Self {
        Self {
            colors: Colors::Sixteen,
        }
    }

    /// The palette for a terminal, by `NO_COLOR`, `COLORTERM` and `TERM`.
    pub fn detect(no_color: bool, colorterm: Option<&str>, term: Option<&str>) -> Self {
        let term = term.unwrap_or_default();
        if no_color || WITHOUT.contains(&term) {
            return Self::plain();
        }
        let promised = colorterm.is_some_and(|promise| !promise.is_empty());
        if SIXTEEN.contains(&term) && !promised {
            Self::sixteen()
        } else {
            Self::default()
        }
    }

    pub fn tone(self, tone: Tone) -> Style {
        match tone {
            Tone::Plain => Style::new(),
            Tone::Dim => self.choose(Style::new().fg(Color::Indexed(245)), DIM, DIM),
            Tone::Good => self.choose(
                Style::new().fg(Color::Indexed(36)),
                Style::new().fg(Color::Green),
                Style::new(),
            ),
            Tone::Warn => self.choose(
                Style::new().fg(Color::Indexed(214)),
                Style::new().fg(Color::Yellow),
                Style::new().add_modifier(Modifier::UNDERLINED),
            ),
            Tone::Bad => self.choose(
                BOLD.fg(Color::Indexed(203)),
                BOLD.fg(Color::LightRed),
                BOLD.add_modifier(Modifier::UNDERLINED),
            ),
            Tone::Accent => self.choose(Style::new().fg(Color::Indexed(39)), Style::new().fg(Color::Cyan), BOLD),
            Tone::Cluster(context) => self.cluster(context),
        }
    }

    pub fn span(self, span: &Span) -> Style {
        let style = self.tone(span.tone);
        if span.bold {
            style.add_modifier(Modifier::BOLD)
        } else {
            style
        }
    }

    /// The colour of a cluster; the ninth has that of the first, in italics.
    pub fn cluster(self, context: ContextId) -> Style {
        let n = usize::from(context.0);
        let at = n % CLUSTERS.len();
        let style = match self.colors {
            Colors::None => return Style::new(),
            Colors::Sixteen => CLUSTERS_OF_SIXTEEN
                .get(at)
                .map_or_else(Style::new, |color| Style::new().fg(*color)),
            Colors::Many => CLUSTERS
                .get(at)
                .map_or_else(Style::new, |index| Style::new().fg(Color::Indexed(*index))),
        };
        if (n / CLUSTERS.len()) % 2 == 1 {
            style.add_modifier(Modifier::ITALIC)
        } else {
            style
        }
    }

    /// The text of a record; without colour an underlined page would be harder to read than a plain one.
    pub fn record(self, tone: Tone) -> Style {
        match (tone, self.colors) {
            (Tone::Bad, Colors::Many) => Style::new().fg(Color::Indexed(203)),
            (Tone::Bad, Colors::Sixteen) => Style::new().fg(Color::LightRed),
            (Tone::Bad, Colors::None) => BOLD,
            (Tone::Warn, Colors::None) => Style::new(),
            _ => self.tone(tone),
        }
    }

    pub fn level(self, level: Level) -> Style {
        match level {
            Level::Fatal | Level::Error => self.tone(Tone::Bad),
            Level::Warn => self.tone(Tone::Warn).add_modifier(Modifier::BOLD),
            Level::None | Level::Trace | Level::Debug | Level::Info => self.tone(Tone::Dim),
        }
    }

    /// Thin lines between things.
    pub fn rule(self) -> Style {
        self.choose(Style::new().fg(Color::Indexed(240)), DIM, DIM)
    }

    /// The line over the pane that has the focus.
    pub fn focus(self) -> Style {
        self.tone(Tone::Accent)
    }

    pub fn heading(self) -> Style {
        self.tone(Tone::Dim)
    }

    pub fn key(self) -> Style {
        self.tone(Tone::Accent).add_modifier(Modifier::BOLD)
    }

    /// Puts a cell on the ground of a selection; text keeps its colour where that is readable on it.
    pub fn select(self, style: Style, focused: Focus) -> Style {
        match (self.colors, focused) {
            (Colors::Many, focused) => {
                let ground = if focused == Focus::Here { 238 } else { 236 };
                let ink = match style.fg {
                    None | Some(Color::Reset) => Color::Indexed(255),
                    Some(Color::Indexed(240 | 245)) => Color::Indexed(250),
                    Some(color) => color,
                };
                style.fg(ink).bg(Color::Indexed(ground))
            }
            (Colors::Sixteen | Colors::None, Focus::Here) => style.add_modifier(Modifier::REVERSED),
            (Colors::Sixteen | Colors::None, Focus::Elsewhere) => style.add_modifier(Modifier::UNDERLINED),
        }
    }

    /// What is not any more what it was; the levels of records can still be told apart.
    pub fn faded(self, style: Style) -> Style {
        match (self.colors, style.fg) {
            (Colors::Many, None | Some(Color::Reset)) => style.fg(Color::Indexed(245)),
            (Colors::Many | Colors::Sixteen | Colors::None, _) => style.add_modifier(Modifier::DIM),
        }
    }

    /// What a search found. On the reversed ground of a selection it stands out by not being reversed.
    pub fn hit(self, style: Style) -> Style {
        match self.colors {
            Colors::Many => style.fg(Color::Indexed(16)).bg(Color::Indexed(221)),
            Colors::Sixteen | Colors::None if style.add_modifier.contains(Modifier::REVERSED) => style
                .remove_modifier(Modifier::REVERSED)
                .add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            Colors::Sixteen => style.fg(Color::Black).bg(Color::Yellow),
            Colors::None => style.add_modifier(Modifier::REVERSED | Modifier::BOLD),
        }
    }

    /// A record that is shown because of its pattern; quieter than what a search found.
    pub fn mark(self, style: Style) -> Style {
        match self.colors {
            Colors::Many => {
                let ink = match style.fg {
                    None | Some(Color::Reset) => Color::Indexed(255),
                    Some(color) => color,
                };
                style.fg(ink).bg(Color::Indexed(236)).add_modifier(Modifier::BOLD)
            }
            Colors::Sixteen | Colors::None => style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
        }
    }

    /// What a program asked for itself. Without colours, a ground of its own becomes reverse.
    pub fn of(self, asked: display::Style) -> Style {
        let mut style = Style::new();
        for (wanted, modifier) in [
            (asked.bold, Modifier::BOLD),
            (asked.dim, Modifier::DIM),
            (asked.italic, Modifier::ITALIC),
            (asked.underline, Modifier::UNDERLINED),
            (asked.reverse, Modifier::REVERSED),
        ] {
            if wanted {
                style = style.add_modifier(modifier);
            }
        }
        if self.colors == Colors::None {
            return if asked.bg.is_some() {
                style.add_modifier(Modifier::REVERSED)
            } else {
                style
            };
        }
        style.fg = asked.fg.map(color);
        style.bg = asked.bg.map(color);
        style
    }

    const fn choose(self, many: Style, sixteen: Style, none: Style) -> Style {
        match self.colors {
            Colors::Many => many,
            Colors::Sixteen => sixteen,
            Colors::None => none,
        }
    }
}

/// Whether the pane that is painted takes the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Focus {
    Here,
    Elsewhere,
}

impl From<bool> for Focus {
    fn from(focused: bool) -> Self {
        if focused { Self::Here } else { Self::Elsewhere }
    }
}

const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const DIM: Style = Style::new().add_modifier(Modifier::DIM);

const fn color(color: display::Color) -> Color {
    match color {
        display::Color::Indexed(index) => Color::Indexed(index),
        display::Color::Rgb(red, green, blue) => Color::Rgb(red, green, blue),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_the_colours_that_it_has() {
        let check = |no_color, colorterm, term, expected| {
            assert_eq!(
                Palette::detect(no_color, colorterm, term),
                expected,
                "{no_color} {colorterm:?} {term:?}"
            );
        };
        check(false, None, Some("xterm-256color"), Palette::default());
        check(false, Some("truecolor"), Some("screen"), Palette::default());
        check(false, None, None, Palette::default());
        check(false, None, Some("linux"), Palette::sixteen());
        check(false, Some(""), Some("screen"), Palette::sixteen());
        check(false, None, Some("dumb"), Palette::plain());
        check(true, Some("truecolor"), Some("xterm-256color"), Palette::plain());
    }

    #[test]
    fn eight_clusters_have_eight_looks_and_the_ninth_another() {
        for palette in [Palette::default(), Palette::sixteen()] {
            let looks: Vec<Style> = (0..9).map(|n| palette.cluster(ContextId(n))).collect();
            for (n, look) in looks.iter().enumerate() {
                assert!(!looks[..n].contains(look), "{n}");
            }
        }
    }

    #[test]
    fn without_colour_states_differ_by_weight() {
        let palette = Palette::plain();
        let tones = [Tone::Plain, Tone::Dim, Tone::Warn, Tone::Bad, Tone::Accent];
        let looks: Vec<Style> = tones.map(|tone| palette.tone(tone)).to_vec();
        for (n, look) in looks.iter().enumerate() {
            assert!(!looks[..n].contains(look), "{:?}", tones[n]);
        }
        let selected = palette.select(Style::new(), Focus::Here);
        assert_ne!(palette.hit(selected), selected);
        assert_ne!(palette.hit(Style::new()), Style::new());
    }
}
