//! One key press, and how a keymap spells it: `g`, `G`, `ctrl-w`, `alt-enter`, `shift-tab`, `space`, `f5`. Not a chord.

use std::fmt;

/// A key with its modifiers, in one canonical form: a letter's case stands for shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub code: KeyCode,
    pub modifiers: Modifiers,
}

/// The modifiers held with a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Modifiers {
    pub ctrl: bool,
    pub alt: bool,
    pub shift: bool,
}

/// The keys that terminals tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyCode {
    Char(char),
    Enter,
    Esc,
    Tab,
    Backspace,
    Delete,
    Insert,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    F(u8),
}

/// Names of the keys that are not a printed character; the first name of a code is the one that is printed.
const NAMES: &[(&str, KeyCode)] = &[
    ("enter", KeyCode::Enter),
    ("return", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("escape", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pgup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
    ("pgdn", KeyCode::PageDown),
    ("space", KeyCode::Char(' ')),
    ("minus", KeyCode::Char('-')),
];

impl Key {
    /// The canonical key: terminals report `G` sometimes with and sometimes without shift, and ctrl with either case.
    pub const fn new(code: KeyCode, mut modifiers: Modifiers) -> Self {
        let code = match code {
            KeyCode::Char(c) if modifiers.ctrl => KeyCode::Char(c.to_ascii_lowercase()),
            KeyCode::Char(c) if modifiers.shift => KeyCode::Char(c.to_ascii_uppercase()),
            other => other,
        };
        if matches!(code, KeyCode::Char(_)) {
            modifiers.shift = false;
        }
        Self { code, modifiers }
    }

    /// A printed character without modifiers.
    pub const fn char(c: char) -> Self {
        Self::new(
            KeyCode::Char(c),
            Modifiers {
                ctrl: false,
                alt: false,
                shift: false,
            },
        )
    }

    /// Whether it says yes to a question.
    pub fn is_yes(self) -> bool {
        [KeyCode::Char('y'), KeyCode::Char('Y')].contains(&self.code)
    }

    /// Parses the spelling of a keymap; the error says what is wrong in it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut modifiers = Modifiers::default();
        let mut rest = text;
        loop {
            let (held, after) = match rest.split_once('-') {
                Some((prefix, after)) if !after.is_empty() => (prefix, after),
                _ => break,
            };
            match held.to_ascii_lowercase().as_str() {
                "ctrl" | "c" => modifiers.ctrl = true,
                "alt" | "a" | "meta" => modifiers.alt = true,
                "shift" | "s" => modifiers.shift = true,
                _ => return Err(format!("unknown modifier {held:?}; there are ctrl, alt and shift")),
            }
            rest = after;
        }
        let mut chars = rest.chars();
        let code = match (chars.next(), chars.next()) {
            (Some(c), None) if !c.is_control() => KeyCode::Char(c),
            _ => named(rest).ok_or_else(|| format!("unknown key {rest:?}"))?,
        };
        Ok(Self::new(code, modifiers))
    }
}

fn named(name: &str) -> Option<KeyCode> {
    let name = name.to_ascii_lowercase();
    if let Some(number) = name.strip_prefix('f').and_then(|number| number.parse().ok()) {
        return (1..=24).contains(&number).then_some(KeyCode::F(number));
    }
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, code)| *code)
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Modifiers { ctrl, alt, shift } = self.modifiers;
        for (held, name) in [(ctrl, "ctrl-"), (alt, "alt-"), (shift, "shift-")] {
            if held {
                f.write_str(name)?;
            }
        }
        match (NAMES.iter().find(|(_, code)| *code == self.code), self.code) {
            (Some((name, _)), _) => f.write_str(name),
            (None, KeyCode::Char(c)) => write!(f, "{c}"),
            (None, KeyCode::F(n)) => write!(f, "f{n}"),
            (None, other) => write!(f, "{other:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_have_one_canonical_form() {
        for (text, printed) in [
            ("ctrl-W", "ctrl-w"),
            ("shift-g", "G"),
            ("G", "G"),
            ("C-a", "ctrl-a"),
            ("-", "minus"),
            ("ctrl--", "ctrl-minus"),
        ] {
            assert_eq!(
                Key::parse(text).map(|key| key.to_string()),
                Ok(printed.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_key_says_why() {
        assert!(Key::parse("hyper-x").unwrap_err().contains("hyper"));
        assert!(Key::parse("entr").unwrap_err().contains("entr"));
        assert!(Key::parse("").is_err());
        assert!(Key::parse("f25").is_err());
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_to_the_same_key(
            c in any::<char>().prop_filter("no control characters", |c| !c.is_control()),
            ctrl in any::<bool>(),
            alt in any::<bool>(),
        ) {
            let key = Key::new(KeyCode::Char(c), Modifiers { ctrl, alt, shift: false });
            prop_assert_eq!(Key::parse(&key.to_string()), Ok(key));
        }
    }
}
