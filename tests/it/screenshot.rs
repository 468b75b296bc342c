//! Pictures of real frames: what the emulator of a test terminal shows, as SVG.

use std::fmt::Write as _;

use alacritty_terminal::term::cell::Flags;
use alacritty_terminal::vte::ansi::{Color, NamedColor, Rgb};

use crate::terminal::Terminal;

const CELL: (f64, f64) = (8.4, 18.0);
const BACKGROUND: Rgb = Rgb {
    r: 0x16,
    g: 0x18,
    b: 0x1d,
};
const FOREGROUND: Rgb = Rgb {
    r: 0xd8,
    g: 0xda,
    b: 0xde,
};

/// The screen as an SVG picture.
pub(crate) fn svg(terminal: &Terminal) -> String {
    let (cols, rows) = terminal.dimensions();
    let (width, height) = (f64::from(cols) * CELL.0 + 24.0, f64::from(rows) * CELL.1 + 24.0);
    let mut out = String::new();
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"ui-monospace, 'DejaVu Sans Mono', \
         Menlo, Consolas, monospace\" font-size=\"14\">\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{}\"/>",
        hex(BACKGROUND)
    );
    for row in 0..rows {
        let mut col = 0;
        while col < cols {
            let start = Style::at(terminal, row, col);
            let mut text = String::new();
            let from = col;
            while col < cols && Style::at(terminal, row, col) == start {
                let cell = terminal.cell(row, col);
                if !cell.flags.contains(Flags::WIDE_CHAR_SPACER) {
                    text.push(cell.c);
                }
                col += 1;
            }
            draw_run(&mut out, &start, &text, (from, col, row));
        }
    }
    out.push_str("</svg>\n");
    out
}

#[derive(PartialEq)]
struct Style {
    foreground: Rgb,
    background: Rgb,
    bold: bool,
    underline: bool,
}

impl Style {
    fn at(terminal: &Terminal, row: u16, col: u16) -> Self {
        let cell = terminal.cell(row, col);
        let (mut foreground, mut background) = (rgb(cell.fg, FOREGROUND), rgb(cell.bg, BACKGROUND));
        if cell.flags.contains(Flags::INVERSE) {
            std::mem::swap(&mut foreground, &mut background);
        }
        if cell.flags.contains(Flags::DIM) {
            foreground = Rgb {
                r: foreground.r / 2 + background.r / 2,
                g: foreground.g / 2 + background.g / 2,
                b: foreground.b / 2 + background.b / 2,
            };
        }
        Self {
            foreground,
            background,
            bold: cell.flags.contains(Flags::BOLD),
            underline: cell.flags.intersects(Flags::ALL_UNDERLINES),
        }
    }
}

fn draw_run(out: &mut String, style: &Style, text: &str, (from, to, row): (u16, u16, u16)) {
    let (x, y) = (12.0 + f64::from(from) * CELL.0, 12.0 + f64::from(row) * CELL.1);
    let width = f64::from(to - from) * CELL.0;
    if style.background != BACKGROUND {
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{}\"/>",
            CELL.1,
            hex(style.background)
        );
    }
    if text.trim().is_empty() {
        return;
    }
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let weight = if style.bold { " font-weight=\"bold\"" } else { "" };
    let line = if style.underline {
        " text-decoration=\"underline\""
    } else {
        ""
    };
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{width:.1}\" lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\" fill=\"{}\"{weight}{line}>{escaped}</text>",
        y + 13.5,
        hex(style.foreground)
    );
}

fn hex(color: Rgb) -> String {
    format!("#{:02x}{:02x}{:02x}", color.r, color.g, color.b)
}

fn rgb(color: Color, default: Rgb) -> Rgb {
    match color {
        Color::Spec(rgb) => rgb,
        Color::Indexed(n) => indexed(n),
        Color::Named(NamedColor::Foreground | NamedColor::Background) => default,
        Color::Named(named) => u8::try_from(named as usize).map_or(default, indexed),
    }
}

/// The 256 colours of xterm.
fn indexed(n: u8) -> Rgb {
    const BASE: [u32; 16] = [
        0x0016_181d,
        0x00cc_6666,
        0x0098_c379,
        0x00d1_9a66,
        0x0061_afef,
        0x00c6_78dd,
        0x0056_b6c2,
        0x00b8_bcc4,
        0x006b_7078,
        0x00e0_6c75,
        0x00a9_d18e,
        0x00e5_c07b,
        0x007c_c0ff,
        0x00d6_8fef,
        0x007f_dbe6,
        0x00f0_f0f0,
    ];
    let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
    match n {
        0..=15 => {
            let [_, r, g, b] = BASE[usize::from(n)].to_be_bytes();
            Rgb { r, g, b }
        }
        16..=231 => Rgb {
            r: level((n - 16) / 36),
            g: level((n - 16) / 6 % 6),
            b: level((n - 16) % 6),
        },
        232..=255 => {
            let grey = 8 + 10 * (n - 232);
            Rgb {
                r: grey,
                g: grey,
                b: grey,
            }
        }
    }
}
