//! Bytes of a terminal to keys, as xterm sends them. Unknown sequences are swallowed, never shown.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Character(char),
    /// The letter with the control key, in lower case.
    Control(char),
    Alt(char),
    Enter,
    Tab,
    Backspace,
    Delete,
    Up,
    Down,
    Left,
    Right,
    WordLeft,
    WordRight,
    Home,
    End,
    PageUp,
    PageDown,
    /// A sequence that means nothing here.
    Unknown,
}

/// The longest sequence that is waited for; longer ones are taken as noise.
const MOST_HELD: usize = 16;

/// Bytes that do not make a key yet.
#[derive(Debug, Default)]
pub struct Decoder {
    held: Vec<u8>,
}

impl Decoder {
    /// Takes the next byte; a key when one is complete.
    pub fn feed(&mut self, byte: u8) -> Option<Key> {
        self.held.push(byte);
        let key = match self.held.as_slice() {
            [0x1b] | [0x1b, b'O'] => None,
            [0x1b, b'[', rest @ ..] => sequence(rest),
            [0x1b, b'O', last] => Some(named(*last)),
            [0x1b, 0x1b] => {
                self.held.truncate(1);
                return None;
            }
            [0x1b, 0x7f | 0x08] => Some(Key::Alt('\u{7f}')),
            [0x1b, byte] => Some(if byte.is_ascii_graphic() {
                Key::Alt(char::from(*byte))
            } else {
                Key::Unknown
            }),
            [byte] if byte.is_ascii() => Some(single(*byte)),
            bytes => utf8(bytes),
        };
        if key.is_some() {
            self.held.clear();
        } else if self.held.len() > MOST_HELD {
            self.held.clear();
            return Some(Key::Unknown);
        }
        key
    }
}

fn single(byte: u8) -> Key {
    match byte {
        b'\r' | b'\n' => Key::Enter,
        b'\t' => Key::Tab,
        0x7f | 0x08 => Key::Backspace,
        1..=26 => Key::Control(char::from(byte + 96)),
        0..=31 => Key::Unknown,
        byte => Key::Character(char::from(byte)),
    }
}

fn utf8(bytes: &[u8]) -> Option<Key> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.chars().next().map(Key::Character),
        // More bytes may complete it, unless it is wrong already.
        Err(error) if error.error_len().is_none() => None,
        Err(_) => Some(Key::Character(char::REPLACEMENT_CHARACTER)),
    }
}

fn sequence(rest: &[u8]) -> Option<Key> {
    let (last, parameters) = rest.split_last()?;
    if !(0x40..=0x7e).contains(last) {
        return None;
    }
    Some(match (parameters, last) {
        (b"1" | b"7", b'~') => Key::Home,
        (b"4" | b"8", b'~') => Key::End,
        (b"3", b'~') => Key::Delete,
        (b"5", b'~') => Key::PageUp,
        (b"6", b'~') => Key::PageDown,
        (b"1;5" | b"1;3", b'C') => Key::WordRight,
        (b"1;5" | b"1;3", b'D') => Key::WordLeft,
        (b"", last) => named(*last),
        (_, _) => Key::Unknown,
    })
}

fn named(last: u8) -> Key {
    match last {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'H' => Key::Home,
        b'F' => Key::End,
        _ => Key::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: &[Key]) {
        let mut decoder = Decoder::default();
        let keys: Vec<Key> = bytes.iter().filter_map(|byte| decoder.feed(*byte)).collect();
        assert_eq!(keys, expected, "{bytes:?}");
    }

    #[test]
    fn keys_are_read() {
        check(
            b"a\x01\r\t\x7f",
            &[
                Key::Character('a'),
                Key::Control('a'),
                Key::Enter,
                Key::Tab,
                Key::Backspace,
            ],
        );
        check(
            b"\x1b[A\x1bOB\x1b[3~\x1b[1;5D\x1bb",
            &[Key::Up, Key::Down, Key::Delete, Key::WordLeft, Key::Alt('b')],
        );
        check("é漢".as_bytes(), &[Key::Character('é'), Key::Character('漢')]);
        check(b"\xff\xc3a", &[Key::Character('\u{fffd}'), Key::Character('\u{fffd}')]);
        check(
            b"\x1b[200~x\x1b[<0;1;1M",
            &[Key::Unknown, Key::Character('x'), Key::Unknown],
        );
    }
}
