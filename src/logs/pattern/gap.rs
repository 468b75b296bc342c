//! What stands in one place of several keys, and whether that is a variable.

use std::collections::BTreeMap;

use super::frame::opening;
use super::frame::{Token, Unit};
use super::leaf::{Leaf, VARIABLE, is_break, is_word, mark};
use super::names::Likeness;

/// Different texts in one place that make it a variable. More for errors, whose words tell what went wrong.
const NAMES: usize = 4;
const NAMES_IN_ERRORS: usize = 7;

/// The same at the end of a text, behind a colon.
const MANY: usize = 10;

/// What stands in one place of several keys.
#[expect(clippy::struct_excessive_bools, reason = "each is evidence of its own")]
#[derive(Debug, Default)]
pub(super) struct Gap {
    pub(super) contents: BTreeMap<u64, Content>,
    /// The key of each unit's content.
    pub(super) of_units: Vec<u64>,
    pub(super) has_empty: bool,
    /// In one of the units it is a variable already.
    pub(super) has_variable: bool,
    pub(super) enclosed: Enclosed,
    pub(super) is_reason: bool,
    /// What stands there is written in one with a variable beside it.
    pub(super) is_glued: bool,
    /// One word with and without its `s`.
    pub(super) is_plural: bool,
    /// No constant word stands before it.
    pub(super) is_first: bool,
    /// A word stands before it that names stand behind.
    pub(super) is_name: bool,
    pub(super) is_error: bool,
    pub(super) is_behind_colon: bool,
    /// Constant words around.
    pub(super) frame: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Enclosed {
    #[default]
    Not,
    Quote,
    Bracket,
    /// `name(value)`.
    Argument,
}

#[derive(Debug)]
pub(super) struct Content {
    /// One record had it so far.
    pub(super) once: bool,
    pub(super) units: usize,
    /// It is one word.
    pub(super) name: Option<u64>,
    /// All its words are names elsewhere.
    pub(super) is_known: bool,
    pub(super) words: usize,
    pub(super) likeness: Likeness,
}

impl Gap {
    pub(super) fn is_variable(&self) -> bool {
        if self.has_empty {
            return false;
        }
        let different = self.contents.len();
        let all = |is: fn(&Content) -> bool| self.contents.values().all(is);
        let count = |is: fn(&Content) -> bool| self.contents.values().filter(|content| is(content)).count();
        let half = |count: usize| count * 2 >= different;
        let names = count(|content| content.likeness == Likeness::Name);
        let perhaps = count(|content| content.likeness >= Likeness::Perhaps);
        let open = self.frame >= 3 && all(|content| content.once && content.units == 1);
        let common = if self.is_error { NAMES_IN_ERRORS } else { NAMES };
        if all(|content| content.is_known) {
            return true;
        }
        if self.is_reason {
            return different >= MANY
                || (different >= 3 && half(names))
                || (different >= 5 && half(perhaps))
                || (open && different >= MANY - 2 && half(count(|content| content.words > 1)));
        }
        if self.has_variable {
            return true;
        }
        match self.enclosed {
            Enclosed::Quote => return true,
            Enclosed::Bracket | Enclosed::Argument if count(|content| content.words > 1) > 0 => return true,
            Enclosed::Bracket | Enclosed::Argument => return different >= 3,
            Enclosed::Not => {}
        }
        if self.is_plural {
            return true;
        }
        if self.is_first {
            return different >= common + 2 && all(|content| content.words == 1);
        }
        if half(names) && (!self.is_error || different >= 3) {
            return true;
        }
        if half(perhaps) && different >= 3 {
            return true;
        }
        let identifiers = count(|content| content.likeness >= Likeness::Identifier);
        if half(identifiers) && different >= 3 && !self.is_error && !self.is_behind_colon {
            return true;
        }
        if self.is_name && all(|content| content.words == 1) {
            return different >= 4;
        }
        different >= common
    }

    /// Sets that the candidates would be divided into.
    pub(super) fn parts(&self) -> usize {
        if self.has_empty { 2 } else { self.contents.len() }
    }
}

/// What stands around the part `n` of the frame. What is quoted behind a colon or a key is what was said, not a name.
pub(super) fn enclosed(frame: &[u64], n: usize) -> Enclosed {
    let before = |back: usize| n.checked_sub(back).and_then(|n| frame.get(n)).copied();
    let Some(open) = frame
        .get(n)
        .copied()
        .and_then(opening)
        .filter(|open| before(1) == Some(*open))
    else {
        return Enclosed::Not;
    };
    let is_said = before(2).is_some_and(|hash| hash == mark(b':') || hash == mark(b'='));
    match open {
        _ if open == mark(b'(') || is_said => Enclosed::Not,
        _ if open == mark(b'[') || open == mark(b'{') || open == mark(b'<') => Enclosed::Bracket,
        _ => Enclosed::Quote,
    }
}

/// Whether what stands before the part `n` of the frame is one word and its plural.
pub(super) fn is_plural<'a>(
    units: &[Unit],
    places: &[Vec<usize>],
    n: usize,
    leaf: impl Fn(&Unit) -> Option<&'a Leaf>,
) -> bool {
    let mut forms = [None; 2];
    for (unit, places) in units.iter().zip(places) {
        let from = n.checked_sub(1).and_then(|n| places.get(n)).map_or(0, |at| at + 1);
        let to = places.get(n).copied().unwrap_or(unit.tokens.len());
        let Some([token]) = unit.tokens.get(from..to) else {
            return false;
        };
        let Some(word) = leaf(unit).and_then(|leaf| Some(leaf.bytes(leaf.atoms.get(token.place)?))) else {
            return false;
        };
        match forms {
            [None, _] => forms[0] = Some(word),
            [Some(one), None] if one != word => forms[1] = Some(word),
            [Some(one), Some(other)] if one != word && other != word => return false,
            _ => {}
        }
    }
    let is = |one: &[u8], other: &[u8]| one.len() > 2 && other.strip_suffix(b"s") == Some(one);
    matches!(forms, [Some(one), Some(other)] if is(one, other) || is(other, one))
}

/// Whether at most one word, in one with a variable beside it: `LOCAL(0)` beside `10.0.0.1`.
pub(super) fn is_glued(leaf: &Leaf, tokens: &[Token], from: usize, to: usize) -> bool {
    let is_blank = |token: &Token| leaf.atoms.get(token.place).is_none_or(|atom| atom.blank);
    let content = tokens.get(from..to).unwrap_or_default();
    let before = from
        .checked_sub(1)
        .and_then(|at| tokens.get(at))
        .is_some_and(|token| token.hash == VARIABLE);
    let after = tokens.get(to).filter(|token| token.hash == VARIABLE);
    content.iter().filter(|token| is_word(token.hash)).count() <= 1
        && content.iter().skip(1).all(|token| !is_blank(token))
        && ((before && content.first().is_some_and(|token| !is_blank(token)))
            || after.is_some_and(|token| !is_blank(token)))
}

/// Whether the part `n` of the frame would be the end of a text behind a colon: that is where the reason stands.
pub(super) fn is_reason(frame: &[u64], n: usize) -> bool {
    let ends = frame.get(n).is_none_or(|hash| is_break(*hash));
    ends && n.checked_sub(1).and_then(|n| frame.get(n)) == Some(&mark(b':'))
}
