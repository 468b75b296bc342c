//! The order in which a program writes the fields of its JSON lines: one line after the other the same. What is at the
//! place of a key is compared with the key that was there last, which says what it means without being read again.

use super::role::Role;

/// Fields that are remembered: what tells of a line is among its first ones.
const MOST: usize = 12;

/// Bytes of a key with its quotes, its colon and the blanks behind that are remembered.
const LONGEST: usize = 24;

/// What the fields of the last lines of one source were, by their place.
#[derive(Clone, Debug, Default)]
pub(super) struct Layout(Vec<Key>);

/// A key as it is written, from its quote up to its value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    text: [u8; LONGEST],
    length: u8,
    /// Bytes of its name, which is behind the quote.
    name: u8,
    pub(super) role: Role,
}

impl Key {
    fn new(text: &[u8], name: usize, role: Role) -> Option<Self> {
        let mut copy = [0; LONGEST];
        copy.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self {
            text: copy,
            length: u8::try_from(text.len()).ok()?,
            name: u8::try_from(name).ok()?,
            role,
        })
    }

    /// Bytes up to its value.
    pub(super) fn length(&self) -> usize {
        usize::from(self.length)
    }

    pub(super) fn name(&self) -> &[u8] {
        self.text.get(1..1 + usize::from(self.name)).unwrap_or_default()
    }
}

impl Layout {
    /// The key that was at this place last, if it is there again.
    #[inline]
    pub(super) fn again(&self, place: usize, text: &[u8]) -> Option<&Key> {
        let key = self.0.get(place)?;
        let known = key.text.get(..key.length())?;
        text.starts_with(known).then_some(key)
    }

    /// Remembers a key: `text` is it up to its value, `name` the length of its name.
    pub(super) fn note(&mut self, place: usize, text: &[u8], name: usize, role: Role) {
        let Some(key) = Key::new(text, name, role) else { return };
        if let Some(known) = self.0.get_mut(place) {
            *known = key;
        } else if place == self.0.len() && place < MOST {
            self.0.push(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_again_at_its_place() {
        let mut layout = Layout::default();
        layout.note(0, b"\"ts\": ", 2, Role::Time);
        layout.note(1, b"\"msg\":", 3, Role::Message);
        assert_eq!(
            layout
                .again(0, b"\"ts\": 7")
                .map(|key| (key.length(), key.name(), key.role)),
            Some((6, &b"ts"[..], Role::Time))
        );
        assert!(layout.again(0, b"\"ts\":7").is_none() && layout.again(1, b"\"ts\": 7").is_none());
        layout.note(0, b"\"lvl\":", 3, Role::Level);
        assert!(layout.again(0, b"\"ts\": 7").is_none() && layout.again(0, b"\"lvl\":7").is_some());
    }

    #[test]
    fn what_is_too_long_or_too_far_is_not_remembered() {
        let mut layout = Layout::default();
        let long = b"\"a key that is longer than most\":";
        layout.note(0, long, long.len() - 3, Role::Other);
        assert!(layout.again(0, long).is_none());
        (0..100).for_each(|place| layout.note(place, b"\"a\":", 1, Role::Other));
        assert!(layout.again(MOST - 1, b"\"a\":1").is_some() && layout.again(MOST, b"\"a\":1").is_none());
    }
}
