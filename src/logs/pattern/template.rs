//! The text of a pattern: constants as they stand, variables as `<*>`, but with their value while all records agree on it.

use super::parts::{Role, is_exception};
use super::scan::{Item, Kind};

/// Bytes of one value that are remembered; a longer one is masked from the start.
const LONGEST_VALUE: usize = 120;

/// Bytes of a template's text.
const LONGEST_TEXT: usize = 2048;

const MASK: &str = "<*>";

/// What stands for any variable in a key.
const VARIABLE: u64 = 1;

/// What stands for a mark in a key, beside the mark itself.
const MARK: u64 = 0x100;

/// What stands for the beginning of a text.
const BREAK: u64 = 0x1000;

/// Constant words of a pattern at least, beside the one that may vary.
const FRAME: usize = 2;

/// Words of one pattern that are tried as a variable.
const MOST_HOLES: usize = 24;

/// One part of a pattern: what it adds to the key, and how it is shown.
#[derive(Clone, Debug)]
pub(super) struct Atom<T> {
    hash: u64,
    shown: T,
}

/// How an atom is shown.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    /// A blank stands before it.
    blank: bool,
    /// Nothing for a variable that varied.
    text: Option<Box<str>>,
    is_name: bool,
}

/// A pattern's parts.
#[derive(Clone, Debug, Default)]
pub(super) struct Template {
    atoms: Vec<Atom<Shown>>,
    /// For each text whether it leads.
    leads: Vec<bool>,
    /// For each text whether it is called the cause of what is above it.
    causes: Vec<bool>,
    places: Vec<bool>,
    /// Variables that may still turn out to vary.
    open: usize,
    /// The status of an answered request: method and outcome are all that stays of it.
    request: Option<u16>,
    shown: String,
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
        Kind::Status(hundreds) => 0x200 + u64::from(hundreds),
        Kind::Code | Kind::Word => {
            let bytes = item.bytes(text);
            let mut hash = 0x1_0000 + u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            let mut chunks = bytes.chunks_exact(8);
            for chunk in &mut chunks {
                hash = mix(hash, u64::from_le_bytes(chunk.try_into().unwrap_or_default()));
            }
            let rest = chunks.remainder().iter().fold(0, |word, b| word << 8 | u64::from(*b));
            // Apart from all the small numbers above.
            mix(hash, rest) | 1 << 63
        }
    }
}

/// What the beginning of a text adds to the key.
pub(super) const fn hash_of_break(role: Role) -> u64 {
    BREAK + role as u64
}

impl Template {
    pub(super) fn fixed(text: &str) -> Self {
        Self {
            shown: text.to_owned(),
            ..Self::default()
        }
    }

    pub(super) fn of_request(status: Option<u16>) -> Self {
        Self {
            request: status,
            ..Self::default()
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.shown
    }

    /// Whether another record could change it.
    pub(super) fn is_open(&self) -> bool {
        self.open > 0
    }

    /// Adds one text of the first record.
    pub(super) fn add(&mut self, text: &[u8], items: &[Item], role: Role) {
        self.leads
            .push(matches!(role, Role::Failure | Role::Cause) && is_exception(text));
        self.causes.push(role == Role::Cause);
        self.places.push(role == Role::Place);
        self.atoms.push(Atom {
            hash: hash_of_break(role),
            shown: Shown {
                blank: false,
                text: None,
                is_name: false,
            },
        });
        let mut end = None;
        for (n, item) in items.iter().enumerate() {
            let bytes = item.bytes(text);
            let shown = match item.kind {
                Kind::Variable => (bytes.len() <= LONGEST_VALUE).then(|| String::from_utf8_lossy(bytes).into()),
                Kind::Status(hundreds) => Some(format!("{}xx", char::from(hundreds)).into()),
                Kind::Word | Kind::Mark(_) | Kind::Code => Some(String::from_utf8_lossy(bytes).into()),
            };
            self.open += usize::from(item.kind == Kind::Variable && shown.is_some());
            self.atoms.push(Atom {
                hash: hash(item, text),
                shown: Shown {
                    blank: end.is_some_and(|end| end < item.start),
                    text: shown,
                    is_name: n > 0 && item.kind == Kind::Word && may_be_name(bytes),
                },
            });
            end = Some(item.end);
        }
    }

    /// All texts of the first record were added.
    pub(super) fn close(&mut self) {
        self.show();
    }

    /// Compares with the texts of another record of the same pattern.
    pub(super) fn compare(&mut self) -> Comparison<'_> {
        Comparison {
            template: self,
            next: 0,
            changed: false,
        }
    }

    pub(super) fn key(&self, seed: u64) -> u64 {
        self.atoms.iter().fold(seed, |key, atom| mix(key, atom.hash))
    }

    /// The keys that this pattern would have if one of its words was a variable, each with the word's place.
    pub(super) fn holes(&self, seed: u64) -> Vec<(u64, usize)> {
        let words = self.atoms.iter().filter(|atom| atom.hash >> 63 == 1).count();
        if words <= FRAME {
            return Vec::new();
        }
        let names = self.atoms.iter().enumerate().filter(|(_, atom)| atom.shown.is_name);
        names
            .take(MOST_HOLES)
            .map(|(place, _)| {
                let bare = self.atoms.iter().map(|atom| Atom {
                    hash: atom.hash,
                    shown: (),
                });
                let mut atoms: Vec<_> = bare.collect();
                if let Some(atom) = atoms.get_mut(place) {
                    atom.hash = VARIABLE;
                }
                collapse(&mut atoms);
                (atoms.iter().fold(seed, |key, atom| mix(key, atom.hash)), place)
            })
            .collect()
    }

    /// Makes the word at `place` a variable. No value is shown any more, since the records of several patterns meet here.
    pub(super) fn open_hole(&mut self, place: usize) {
        for (n, atom) in self.atoms.iter_mut().enumerate() {
            if n == place || atom.hash == VARIABLE {
                atom.hash = VARIABLE;
                atom.shown.text = None;
                atom.shown.is_name = false;
            }
        }
        collapse(&mut self.atoms);
        self.open = 0;
        self.show();
    }

    fn show(&mut self) {
        let texts = self.texts();
        let lead = self.root_cause();
        let rest = (0..texts.len()).filter(|n| Some(*n) != lead);
        let mut shown = String::new();
        for n in lead.into_iter().chain(rest) {
            let Some(text) = texts.get(n) else { continue };
            // `Traceback (most recent call last):` says nothing beside the exception.
            if lead.is_some() && text.starts_with("Traceback (most recent call last)") {
                continue;
            }
            if !shown.is_empty() {
                shown.push('\n');
            }
            if self.places.get(n) == Some(&true) {
                shown.push_str("at ");
            }
            shown.push_str(text);
        }
        if let Some(status) = self.request {
            shown = format!("{shown} {MASK} {}xx", status / 100);
        }
        if shown.len() > LONGEST_TEXT {
            let end = shown.floor_char_boundary(LONGEST_TEXT);
            shown.truncate(end);
        }
        self.shown = shown;
    }

    /// The failure at the bottom of a chain: the last one that is called a cause, else the first, because Python tells
    /// a chain in the order in which it happened.
    fn root_cause(&self) -> Option<usize> {
        let called = self
            .leads
            .iter()
            .zip(&self.causes)
            .rposition(|(leads, cause)| *leads && *cause);
        called.or_else(|| self.leads.iter().position(|leads| *leads))
    }

    fn texts(&self) -> Vec<String> {
        let mut texts: Vec<String> = Vec::with_capacity(self.leads.len());
        for atom in &self.atoms {
            if is_break(atom.hash) {
                texts.push(String::new());
            } else if let Some(text) = texts.last_mut() {
                if atom.shown.blank {
                    text.push(' ');
                }
                text.push_str(atom.shown.text.as_deref().unwrap_or(MASK));
            }
        }
        texts
    }
}

const fn is_break(hash: u64) -> bool {
    hash >= BREAK && hash < BREAK + 0x10
}

/// Whether a word could be the name of something rather than say what happened: neither an exception's class nor a
/// word in capitals such as a signal.
fn may_be_name(word: &[u8]) -> bool {
    const CLASSES: [&[u8]; 6] = [b"Error", b"Exception", b"Fault", b"Failure", b"Warning", b"Interrupt"];
    word.len() > 1
        && word.iter().any(u8::is_ascii_lowercase)
        && !word.contains(&b'.')
        && !CLASSES.iter().any(|class| word.ends_with(class))
}

/// What the scanner does with neighbouring variables, done again after a word became one.
fn collapse<T>(atoms: &mut Vec<Atom<T>>) {
    let old = std::mem::take(atoms);
    for atom in old {
        let closes = opening(atom.hash);
        atoms.push(atom);
        if let Some(open) = closes
            && let [.., first, inner, _] = atoms.as_slice()
            && first.hash == open
            && inner.hash == VARIABLE
        {
            let n = atoms.len();
            // The variable takes the place of the bracket before it.
            atoms.swap(n - 3, n - 2);
            atoms.truncate(n - 2);
        }
        join(atoms);
    }
}

/// Joins the last variable with the one before it.
fn join<T>(atoms: &mut Vec<Atom<T>>) {
    let kept = match atoms.as_slice() {
        [.., before, last] if before.hash == VARIABLE && last.hash == VARIABLE => atoms.len() - 1,
        [.., before, mark, last]
            if before.hash == VARIABLE
                && last.hash == VARIABLE
                && [b',', b':', b';', b'|']
                    .iter()
                    .any(|m| mark.hash == MARK + u64::from(*m)) =>
        {
            atoms.len() - 2
        }
        _ => return,
    };
    atoms.truncate(kept);
}

/// The bracket that a bracket closes.
fn opening(hash: u64) -> Option<u64> {
    let pairs = [(b')', b'('), (b']', b'['), (b'}', b'{'), (b'>', b'<')];
    pairs
        .iter()
        .find(|(close, _)| hash == MARK + u64::from(*close))
        .map(|(_, open)| MARK + u64::from(*open))
}

/// One record against the values so far.
pub(super) struct Comparison<'a> {
    template: &'a mut Template,
    next: usize,
    changed: bool,
}

impl Comparison<'_> {
    pub(super) fn with(&mut self, text: &[u8], items: &[Item]) {
        // Behind the beginning of the text.
        self.next += 1;
        for item in items {
            let atom = self.template.atoms.get_mut(self.next);
            self.next += 1;
            let Some(atom) = atom.filter(|atom| atom.hash == VARIABLE) else {
                continue;
            };
            let Some(known) = &atom.shown.text else { continue };
            if String::from_utf8_lossy(item.bytes(text)) != **known {
                atom.shown.text = None;
                self.template.open -= 1;
                self.changed = true;
            }
        }
    }
}

impl Drop for Comparison<'_> {
    fn drop(&mut self) {
        if self.changed {
            self.template.show();
        }
    }
}
