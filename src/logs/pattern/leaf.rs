//! What is kept of a key: the parts of its first record, and how they are shown. Constants stand as they are, variables
//! as `<*>`, but with their value while all records agree on it.

use super::names::is_telling;
use super::parts::{Role, is_exception};
use super::scan::{Item, Kind};

/// Bytes of one value or word that are remembered; what is longer is masked from the start.
const LONGEST_VALUE: usize = 120;

/// Bytes of one record that are remembered.
const LONGEST_ARENA: usize = 3 * 1024;

/// Parts of one record that are remembered.
const MOST_ATOMS: usize = 384;

/// Bytes of a pattern's text.
const LONGEST_TEXT: usize = 2048;

/// Constant words of a coarse pattern.
const COARSE_WORDS: usize = 3;

const MASK: &str = "<*>";

/// What stands for any variable in a key.
pub(super) const VARIABLE: u64 = 1;

/// What stands for a mark in a key, beside the mark itself.
pub(super) const MARK: u64 = 0x100;

/// What stands for an HTTP status, beside its hundreds.
const STATUS: u64 = 0x200;

/// What stands for the beginning of a text, beside its role.
const BREAK: u64 = 0x1000;

/// What stands for a text without any word, beside the number of its parts.
const WORDLESS: u64 = 0x2000;

/// Added to the beginning of a text that is an exception.
const LEADS: u64 = 8;

/// One part of a record: what it adds to the key, and its bytes among those that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Atom {
    pub(super) hash: u64,
    start: u16,
    end: u16,
    /// A blank stands before it.
    pub(super) blank: bool,
}

/// The first record of a key.
#[derive(Clone, Debug, Default)]
pub(super) struct Leaf {
    /// Leaves of different families are never one pattern: another level, outcome, exception class or sequence of texts.
    pub(super) family: u64,
    pub(super) atoms: Box<[Atom]>,
    /// Whether one record had it, so far.
    pub(super) once: bool,
    arena: Box<[u8]>,
    /// For each variable what stands for its value; nothing once it varied.
    values: Box<[Option<u32>]>,
    /// Variables that may still turn out to vary.
    open: usize,
    /// The status of an answered request: method and outcome are all that stays of it.
    request: Option<u16>,
}

/// Gathers the parts of a record on the way to a leaf.
#[derive(Debug, Default)]
pub(super) struct Builder {
    atoms: Vec<Atom>,
    arena: Vec<u8>,
    family: u64,
    request: Option<u16>,
}

/// A multiplication of 128 bits mixes every bit of both into every bit of the result.
pub(super) fn mix(key: u64, value: u64) -> u64 {
    let product = u128::from(key ^ 0x9E37_79B9_7F4A_7C15) * u128::from(value ^ 0xD6E8_FEB8_6659_FD93);
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of the product")]
    let (low, high) = (product as u64, (product >> 64) as u64);
    (low ^ high).rotate_left(23).wrapping_add(key)
}

/// What an item adds to the key.
pub(super) fn hash(item: &Item, text: &[u8]) -> u64 {
    match item.kind {
        Kind::Variable => VARIABLE,
        Kind::Mark(mark) => MARK + u64::from(mark),
        Kind::Status(hundreds) => STATUS + u64::from(hundreds),
        // Apart from all the small numbers above.
        Kind::Code | Kind::Word => hash_of(item.stem(text)) | 1 << 63,
    }
}

pub(super) fn hash_of(bytes: &[u8]) -> u64 {
    let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let seed = 0x1_0000 + len;
    match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        // Two halves, which may overlap, and what is between them.
        (Some(first), Some(last)) => {
            let between = bytes.get(8..bytes.len() - 8).unwrap_or_default();
            let hash = between.chunks(8).fold(seed, |hash, chunk| mix(hash, short(chunk)));
            mix(hash ^ u64::from_le_bytes(*first), u64::from_le_bytes(*last))
        }
        _ => mix(seed, short(bytes)),
    }
}

/// Up to eight bytes as a number.
fn short(bytes: &[u8]) -> u64 {
    if let Some(all) = bytes.first_chunk::<8>() {
        return u64::from_le_bytes(*all);
    }
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(first), Some(last)) => u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last)),
        _ => bytes.iter().fold(0, |word, b| word << 8 | u64::from(*b)),
    }
}

/// What stands for the value of a variable: its length, and its bytes or the most telling of them; odd if it has digits.
pub(super) fn value(item: &Item, text: &[u8]) -> u32 {
    let bytes = item.bytes(text);
    let (first, last) = (
        bytes.get(..8).unwrap_or(bytes),
        bytes.last_chunk::<8>().map_or(bytes, |last| &last[..]),
    );
    let middle = bytes.get(bytes.len() / 2..).unwrap_or_default();
    let middle = middle.get(..8).unwrap_or(middle);
    let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    #[expect(clippy::cast_possible_truncation, reason = "half of a hash is one")]
    let value = mix(
        short(first) ^ short(middle).rotate_left(31),
        short(last).wrapping_add(len),
    ) as u32;
    value & !1 | u32::from(bytes.iter().any(u8::is_ascii_digit))
}

/// What the beginning of a text adds to the key.
pub(super) const fn hash_of_break(role: Role) -> u64 {
    BREAK + role as u64
}

pub(super) const fn is_word(hash: u64) -> bool {
    hash >> 63 == 1
}

pub(super) const fn is_break(hash: u64) -> bool {
    hash >= BREAK && hash < BREAK + 0x10
}

pub(super) const fn mark(mark: u8) -> u64 {
    MARK + mark as u64
}

impl Builder {
    pub(super) fn new(seed: u64, request: Option<u16>) -> Self {
        Self {
            family: seed,
            request,
            ..Self::default()
        }
    }

    /// Adds one text of the record.
    pub(super) fn add(&mut self, text: &[u8], items: &[Item], role: Role) {
        let leads = matches!(role, Role::Failure | Role::Cause) && is_exception(text);
        let hash_of_break = hash_of_break(role) + if leads { LEADS } else { 0 };
        self.family = mix(self.family, hash_of_break);
        self.family = mix(self.family, hash_of_wordless(text, items));
        self.push(hash_of_break, &[], false);
        let mut end = None;
        for (n, item) in items.iter().enumerate() {
            let hash = hash(item, text);
            let tells = match item.kind {
                Kind::Code | Kind::Status(_) => true,
                // The class of the exception that leads.
                Kind::Word if leads && n == 0 => true,
                Kind::Word => is_telling(item.bytes(text), items.get(..n).unwrap_or_default(), text),
                Kind::Variable | Kind::Mark(_) => false,
            };
            if tells {
                self.family = mix(self.family, hash);
            }
            let blank = end.is_some_and(|end| end < item.start);
            match item.kind {
                Kind::Status(hundreds) => self.push(hash, &[hundreds, b'x', b'x'], blank),
                Kind::Word | Kind::Variable | Kind::Mark(_) | Kind::Code => self.push(hash, item.bytes(text), blank),
            }
            end = Some(item.end);
        }
    }

    fn push(&mut self, hash: u64, bytes: &[u8], blank: bool) {
        if self.atoms.len() >= MOST_ATOMS {
            return;
        }
        let is_kept = bytes.len() <= LONGEST_VALUE && self.arena.len() + bytes.len() <= LONGEST_ARENA;
        let start = self.arena.len();
        if is_kept {
            self.arena.extend_from_slice(bytes);
        }
        let at = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
        self.atoms.push(Atom {
            hash,
            start: at(start),
            end: at(self.arena.len()),
            blank,
        });
    }

    /// Only the first words stay.
    pub(super) fn coarsen(&mut self) {
        let mut words = 0;
        let end = self.atoms.iter().position(|atom| {
            words += usize::from(is_word(atom.hash));
            words > COARSE_WORDS
        });
        if let Some(end) = end {
            self.atoms.truncate(end);
            self.atoms.push(Atom {
                hash: VARIABLE,
                start: 0,
                end: 0,
                blank: true,
            });
        }
        self.family = mix(self.family, VARIABLE);
    }

    /// All texts were added; `values` are of its variables, in their order.
    pub(super) fn finish(self, values: &[u32]) -> Leaf {
        let variables = self.atoms.iter().filter(|atom| atom.hash == VARIABLE);
        let values: Box<[Option<u32>]> = variables
            .zip(values)
            .map(|(atom, value)| (atom.start < atom.end).then_some(*value))
            .collect();
        Leaf {
            family: self.family,
            once: true,
            atoms: self.atoms.into(),
            arena: self.arena.into(),
            open: values.iter().flatten().count(),
            values,
            request: self.request,
        }
    }
}

/// What a text without any word adds to the key: into how many parts blanks divide it.
pub(super) fn hash_of_wordless(text: &[u8], items: &[Item]) -> u64 {
    if items.iter().any(|item| matches!(item.kind, Kind::Word)) {
        return 0;
    }
    let parts = text
        .split(u8::is_ascii_whitespace)
        .filter(|part| !part.is_empty())
        .take(3)
        .count();
    WORDLESS + u64::try_from(parts).unwrap_or_default()
}

/// The first words of a record, as a coarse key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coarse {
    key: u64,
    words: usize,
}

impl Coarse {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            key: mix(seed, VARIABLE),
            words: 0,
        }
    }

    pub(super) fn add(&mut self, hash: u64) {
        if is_word(hash) && self.words < COARSE_WORDS {
            self.words += 1;
            self.key = mix(self.key, hash);
        }
    }

    pub(super) fn key(self) -> u64 {
        mix(self.key, VARIABLE)
    }
}

impl Leaf {
    /// Bytes that it costs.
    pub(super) fn cost(&self) -> usize {
        size_of::<Self>() + self.arena.len() + size_of_val(&*self.atoms) + size_of_val(&*self.values)
    }

    pub(super) fn bytes(&self, atom: &Atom) -> &[u8] {
        let range = usize::from(atom.start)..usize::from(atom.end);
        self.arena.get(range).unwrap_or_default()
    }

    /// Lets the values of another record of this key change what is shown as constant; whether that happened.
    pub(super) fn agree(&mut self, values: &[u32]) -> bool {
        if self.open == 0 {
            return false;
        }
        let before = self.open;
        for (known, value) in self.values.iter_mut().zip(values) {
            if known.is_some_and(|known| known != *value) {
                *known = None;
                self.open -= 1;
            }
        }
        self.open < before
    }

    /// Which of its variables, by their order, have digits and are shown with their value.
    pub(super) fn shown_with_digits(&self) -> impl Iterator<Item = usize> {
        let values = if self.open == 0 { &[][..] } else { &self.values };
        let shown = |(n, value): (usize, &Option<u32>)| value.is_some_and(|value| value & 1 == 1).then_some(n);
        values.iter().enumerate().filter_map(shown)
    }

    /// The text of this key alone.
    pub(super) fn text(&self) -> String {
        let mut values = self.values.iter();
        self.show(self.atoms.iter().map(|atom| {
            let is_masked = atom.hash == VARIABLE && values.next().is_none_or(Option::is_none);
            (*atom, is_masked)
        }))
    }

    /// The text of a pattern of several keys: what is not among these atoms varies.
    pub(super) fn text_of(&self, cells: impl Iterator<Item = (u64, usize)>) -> String {
        self.show(cells.filter_map(|(hash, at)| {
            let atom = self.atoms.get(at)?;
            Some((Atom { hash, ..*atom }, hash == VARIABLE))
        }))
    }

    fn show(&self, atoms: impl Iterator<Item = (Atom, bool)>) -> String {
        let mut texts: Vec<(u64, String)> = Vec::new();
        for (atom, is_masked) in atoms {
            if is_break(atom.hash) {
                texts.push((atom.hash - BREAK, String::new()));
            } else if let Some((_, text)) = texts.last_mut() {
                if atom.blank && !text.is_empty() {
                    text.push(' ');
                }
                if is_masked || atom.start == atom.end {
                    text.push_str(MASK);
                } else {
                    text.push_str(&String::from_utf8_lossy(self.bytes(&atom)));
                }
            }
        }
        let mut shown = in_one(&texts);
        if let Some(status) = self.request {
            shown = format!("{shown} {MASK} {}xx", status / 100);
        }
        if shown.is_empty() {
            "(blank line)".clone_into(&mut shown);
        }
        if shown.len() > LONGEST_TEXT {
            let end = shown.floor_char_boundary(LONGEST_TEXT);
            shown.truncate(end);
        }
        shown
    }
}

/// The texts below each other, the root cause first.
fn in_one(texts: &[(u64, String)]) -> String {
    let lead = root_cause(texts);
    let rest = (0..texts.len()).filter(|n| Some(*n) != lead);
    let mut shown = String::new();
    for n in lead.into_iter().chain(rest) {
        let Some((role, text)) = texts.get(n) else { continue };
        // `Traceback (most recent call last):` says nothing beside the exception.
        if lead.is_some() && text.starts_with("Traceback (most recent call last)") {
            continue;
        }
        if !shown.is_empty() {
            shown.push('\n');
        }
        if *role == Role::Place as u64 {
            shown.push_str("at ");
        }
        shown.push_str(text);
    }
    shown
}

/// The failure at the bottom of a chain: the last one that is called a cause, else the first, because Python tells
/// a chain in the order in which it happened.
fn root_cause(texts: &[(u64, String)]) -> Option<usize> {
    const CAUSE: u64 = Role::Cause as u64 + LEADS;
    let called = texts.iter().rposition(|(role, _)| *role == CAUSE);
    called.or_else(|| texts.iter().position(|(role, _)| *role >= LEADS))
}
