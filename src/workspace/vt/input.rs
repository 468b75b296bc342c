//! Keys and pastes as an xterm sends them (terminfo `xterm-256color`; `ctlseqs`, "PC-Style Function Keys").

use crate::workspace::key::{Key, KeyCode, Modifiers};

const ESC: u8 = 0x1b;

/// What the program has asked of its terminal's keyboard.
#[derive(Clone, Copy, Debug, Default)]
pub struct Modes {
    /// DECCKM: arrows are sent as `ESC O A`.
    pub application_cursor: bool,
    /// LNM: enter sends a line feed too.
    pub newline: bool,
    pub bracketed_paste: bool,
}

/// The bytes of a key press.
pub fn key(key: Key, modes: Modes) -> Vec<u8> {
    let Modifiers { ctrl, alt, shift } = key.modifiers;
    let bytes = match key.code {
        KeyCode::Char(c) if ctrl => control(c),
        KeyCode::Char(c) => c.to_string().into_bytes(),
        KeyCode::Enter if modes.newline => b"\r\n".to_vec(),
        KeyCode::Enter => b"\r".to_vec(),
        KeyCode::Esc => vec![ESC],
        KeyCode::Tab if shift => b"\x1b[Z".to_vec(),
        KeyCode::Tab => b"\t".to_vec(),
        KeyCode::Backspace if ctrl => vec![0x08],
        KeyCode::Backspace => vec![0x7f],
        KeyCode::Up => return cursor('A', key.modifiers, modes),
        KeyCode::Down => return cursor('B', key.modifiers, modes),
        KeyCode::Right => return cursor('C', key.modifiers, modes),
        KeyCode::Left => return cursor('D', key.modifiers, modes),
        KeyCode::Home => return cursor('H', key.modifiers, modes),
        KeyCode::End => return cursor('F', key.modifiers, modes),
        KeyCode::Insert => return numbered(2, key.modifiers),
        KeyCode::Delete => return numbered(3, key.modifiers),
        KeyCode::PageUp => return numbered(5, key.modifiers),
        KeyCode::PageDown => return numbered(6, key.modifiers),
        KeyCode::F(number) => return function(number, key.modifiers),
    };
    if alt { [vec![ESC], bytes].concat() } else { bytes }
}

/// Ctrl with a character: `@` to `_` and letters are the codes below 32; digits are as on a VT220.
fn control(c: char) -> Vec<u8> {
    let code = match c {
        ' ' | '2' => 0x00,
        '3' => ESC,
        '4' => 0x1c,
        '5' => 0x1d,
        '6' => 0x1e,
        '7' | '/' | '-' => 0x1f,
        '8' | '?' => 0x7f,
        '@'..='_' | 'a'..='z' => u8::try_from(c).unwrap_or_default() & 0x1f,
        other => return other.to_string().into_bytes(),
    };
    vec![code]
}

/// `CSI 1 ; m A` with modifiers; without, `ESC O A` or `CSI A`.
fn cursor(end: char, modifiers: Modifiers, modes: Modes) -> Vec<u8> {
    match modifier_code(modifiers) {
        Some(code) => format!("\x1b[1;{code}{end}"),
        None if modes.application_cursor => format!("\x1bO{end}"),
        None => format!("\x1b[{end}"),
    }
    .into_bytes()
}

fn numbered(number: u8, modifiers: Modifiers) -> Vec<u8> {
    match modifier_code(modifiers) {
        Some(code) => format!("\x1b[{number};{code}~"),
        None => format!("\x1b[{number}~"),
    }
    .into_bytes()
}

/// F13 to F24 are shift with F1 to F12, as terminfo has it.
fn function(number: u8, mut modifiers: Modifiers) -> Vec<u8> {
    let number = if number > 12 {
        modifiers.shift = true;
        number - 12
    } else {
        number
    };
    let letter = match number {
        1 => 'P',
        2 => 'Q',
        3 => 'R',
        4 => 'S',
        5 => return numbered(15, modifiers),
        6..=10 => return numbered(number + 11, modifiers),
        11 | 12 => return numbered(number + 12, modifiers),
        _ => return Vec::new(),
    };
    match modifier_code(modifiers) {
        Some(code) => format!("\x1b[1;{code}{letter}"),
        None => format!("\x1bO{letter}"),
    }
    .into_bytes()
}

/// 1 and a bit for each modifier; none without any.
fn modifier_code(modifiers: Modifiers) -> Option<u8> {
    let bits = u8::from(modifiers.shift) + 2 * u8::from(modifiers.alt) + 4 * u8::from(modifiers.ctrl);
    (bits > 0).then_some(bits + 1)
}

/// Pasted text: line ends become what enter sends, and nothing in it can end the brackets or press a key.
pub fn paste(text: &str, modes: Modes) -> Vec<u8> {
    let typed = text.replace("\r\n", "\r").replace('\n', "\r");
    let harmless: String = typed
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\r' | '\t'))
        .collect();
    if modes.bracketed_paste {
        format!("\x1b[200~{harmless}\x1b[201~").into_bytes()
    } else {
        harmless.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(spelling: &str, expected: &str) {
        let parsed = Key::parse(spelling).expect(spelling);
        let sent = key(parsed, Modes::default());
        assert_eq!(String::from_utf8_lossy(&sent), expected, "{spelling}");
    }

    #[test]
    fn letters_and_controls() {
        check("a", "a");
        check("G", "G");
        check("ü", "ü");
        check("space", " ");
        check("alt-x", "\x1bx");
        check("ctrl-c", "\x03");
        check("ctrl-alt-c", "\x1b\x03");
        check("ctrl-space", "\0");
        check("ctrl-]", "\x1d");
        check("ctrl-\\", "\x1c");
        check("ctrl-_", "\x1f");
        check("ctrl-/", "\x1f");
        check("ctrl-1", "1");
    }

    #[test]
    fn editing_keys() {
        check("enter", "\r");
        check("alt-enter", "\x1b\r");
        check("tab", "\t");
        check("shift-tab", "\x1b[Z");
        check("esc", "\x1b");
        check("backspace", "\x7f");
        check("ctrl-backspace", "\x08");
        check("alt-backspace", "\x1b\x7f");
        check("delete", "\x1b[3~");
        check("insert", "\x1b[2~");
    }

    #[test]
    fn moving_keys() {
        check("up", "\x1b[A");
        check("left", "\x1b[D");
        check("home", "\x1b[H");
        check("end", "\x1b[F");
        check("ctrl-right", "\x1b[1;5C");
        check("alt-shift-up", "\x1b[1;4A");
        check("pageup", "\x1b[5~");
        check("ctrl-pagedown", "\x1b[6;5~");
    }

    #[test]
    fn function_keys() {
        check("f1", "\x1bOP");
        check("f4", "\x1bOS");
        check("f5", "\x1b[15~");
        check("f6", "\x1b[17~");
        check("f10", "\x1b[21~");
        check("f11", "\x1b[23~");
        check("f12", "\x1b[24~");
        check("f13", "\x1b[1;2P");
        check("f24", "\x1b[24;2~");
        check("ctrl-f1", "\x1b[1;5P");
    }

    #[test]
    fn modes_change_what_is_sent() {
        let application = Modes {
            application_cursor: true,
            newline: true,
            ..Modes::default()
        };
        let sent = |spelling| key(Key::parse(spelling).expect(spelling), application);
        assert_eq!(sent("up"), b"\x1bOA");
        assert_eq!(sent("home"), b"\x1bOH");
        assert_eq!(sent("ctrl-up"), b"\x1b[1;5A");
        assert_eq!(sent("enter"), b"\r\n");
    }

    #[test]
    fn a_paste_presses_no_key_but_enter() {
        let hostile = "rm x\r\nb\nc\td\x1b[201~\x03\u{9b}e\0";
        assert_eq!(paste(hostile, Modes::default()), b"rm x\rb\rc\td[201~e");
        let bracketed = Modes {
            bracketed_paste: true,
            ..Modes::default()
        };
        assert_eq!(paste(hostile, bracketed), b"\x1b[200~rm x\rb\rc\td[201~e\x1b[201~");
    }
}
