//! Which keys are one pattern, though words in them differ. Names made of letters alone look like constants to the
//! scanner; here the keys of one family are laid beside each other, and where many different words stand at one place,
//! that place is a variable. A pure function of the set of keys.
//!
//! Keys that share the most of their words with equally many others are candidates, as in Brain (Yu and others, TSC
//! 2023), but without regard to where the words stand, so that variables may be of several words. What all candidates
//! have in common, in order, is the frame; what stands between its parts is weighed gap by gap. A gap that is no
//! variable divides the candidates by what stands in it.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use super::leaf::{Leaf, VARIABLE, is_break, is_word, mark, mix};
use super::names::{Likeness, is_before_name, likeness};
use super::vocabulary::{Evidence, Vocabulary};

/// Different texts in one place that make it a variable. More for errors, whose words tell what went wrong.
const NAMES: usize = 4;
const NAMES_IN_ERRORS: usize = 7;

/// The same for the words to count as names elsewhere too.
const SURE: usize = 6;

/// The same at the end of a text, behind a colon.
const MANY: usize = 10;

/// Parts of a key that can be compared with others; longer keys stand alone.
const MOST_TOKENS: usize = 120;

/// Divisions of one set of candidates.
const DEEPEST: usize = 8;

const HOLD: usize = 3;

/// How often patterns are compared again, since fewer names are in the way.
const ROUNDS: usize = 4;

/// A key as it is compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member<'a> {
    pub(super) leaf: &'a Leaf,
    pub(super) is_error: bool,
}

/// Keys that are one pattern.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// Ascending, by their place among the members.
    pub(super) members: Vec<usize>,
    /// The constants and variables of the first member: what stands for each, and its place among the atoms.
    pub(super) cells: Vec<(u64, usize)>,
    /// Whether it is one key, and none of its words turned out to be a variable.
    pub(super) is_leaf: bool,
}

/// One part of a text, or several that became one variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Token {
    hash: u64,
    place: usize,
}

/// Keys that were found to be one so far.
#[derive(Clone, Debug)]
struct Unit {
    members: Vec<usize>,
    tokens: Vec<Token>,
    once: bool,
}

/// What was found among the members of one family.
#[derive(Clone, Debug)]
pub(super) struct Grouping {
    pub(super) groups: Vec<Group>,
    pub(super) evidence: Evidence,
}

/// Puts members of one family into groups.
pub(super) fn group(members: &[Member<'_>], vocabulary: &Vocabulary) -> Grouping {
    let mut names = BTreeSet::new();
    let mut units: Vec<Unit> = members
        .iter()
        .enumerate()
        .map(|(n, member)| Unit {
            members: vec![n],
            tokens: tokens(member.leaf),
            once: member.leaf.once,
        })
        .collect();
    let long = units
        .extract_if(.., |unit| unit.tokens.len() > MOST_TOKENS)
        .collect::<Vec<_>>();
    for _ in 0..ROUNDS {
        let before = units.len();
        let mut round = Round {
            members,
            vocabulary,
            names: &mut names,
            done: Vec::new(),
        };
        round.run(units);
        units = round.done;
        if units.len() == before {
            break;
        }
    }
    units.extend(long);
    let merged = units.iter().filter(|unit| unit.members.len() > 1);
    let constants: BTreeSet<u64> = merged.flat_map(|unit| words_of(&unit.tokens)).collect();
    let groups = units
        .into_iter()
        .map(|unit| Group {
            is_leaf: is_leaf(members, &unit),
            members: unit.members,
            cells: unit.tokens.iter().map(|token| (token.hash, token.place)).collect(),
        })
        .collect();
    Grouping {
        groups,
        evidence: Evidence {
            names: names.into_iter().collect(),
            constants: constants.into_iter().collect(),
        },
    }
}

fn is_leaf(members: &[Member<'_>], unit: &Unit) -> bool {
    let [only] = unit.members.as_slice() else { return false };
    let leaf = members.get(*only).map(|member| member.leaf);
    leaf.is_some_and(|leaf| {
        leaf.atoms
            .iter()
            .map(|atom| atom.hash)
            .eq(unit.tokens.iter().map(|token| token.hash))
    })
}

fn tokens(leaf: &Leaf) -> Vec<Token> {
    let atoms = leaf.atoms.iter().enumerate();
    atoms.map(|(place, atom)| Token { hash: atom.hash, place }).collect()
}

/// One comparison of all with all.
struct Round<'a> {
    members: &'a [Member<'a>],
    vocabulary: &'a Vocabulary,
    /// Words that are names for sure.
    names: &'a mut BTreeSet<u64>,
    done: Vec<Unit>,
}

impl Round<'_> {
    fn run(&mut self, mut units: Vec<Unit>) {
        // The order of arrival must not show in what the candidates have in common.
        units.sort_by_cached_key(|unit| hash_of_tokens(&unit.tokens));
        let frequency = self.frequencies(&units);
        let mut candidates: BTreeMap<u64, Vec<Unit>> = BTreeMap::new();
        for unit in units {
            match root(&unit.tokens, &frequency) {
                Some(root) => candidates.entry(root).or_default().push(unit),
                None => self.done.push(unit),
            }
        }
        for units in candidates.into_values() {
            self.resolve(units, DEEPEST);
        }
    }

    /// Merges candidates, or divides them by what stands in the gap with the fewest different texts.
    fn resolve(&mut self, mut units: Vec<Unit>, depth: usize) {
        if units.len() < 2 {
            return self.done.append(&mut units);
        }
        let frame = frame(&units);
        if !holds(&frame, &units) {
            return self.tell_apart(units, depth);
        }
        let frame = hollow(frame, &units);
        let places = places_of(&frame, &units);
        let mut variables = Vec::new();
        let mut divider: Option<Gap> = None;
        for n in 0..=frame.len() {
            let gap = self.gap(&units, &places, &frame, n);
            if gap.contents.len() < 2 {
                continue;
            }
            if gap.is_variable() {
                if gap.contents.len() >= SURE {
                    self.names
                        .extend(gap.contents.values().filter_map(|content| content.name));
                }
                variables.push(n);
            } else if divider.as_ref().is_none_or(|other| gap.parts() < other.parts()) {
                divider = Some(gap);
            }
        }
        for (unit, places) in units.iter_mut().zip(&places) {
            mask(&mut unit.tokens, places, &variables);
        }
        let Some(divider) = divider else {
            return self.done.extend(merged(units));
        };
        if depth == 0 {
            return self.done.append(&mut units);
        }
        let mut parts: BTreeMap<u64, Vec<Unit>> = BTreeMap::new();
        for (unit, content) in units.into_iter().zip(&divider.of_units) {
            let part = if divider.has_empty {
                u64::from(*content == EMPTY)
            } else {
                *content
            };
            parts.entry(part).or_default().push(unit);
        }
        for units in parts.into_values() {
            self.resolve(units, depth - 1);
        }
    }

    /// How many units have each word that is no name.
    fn frequencies(&self, units: &[Unit]) -> HashMap<u64, usize> {
        let mut frequency: HashMap<u64, usize> = HashMap::new();
        for word in units.iter().flat_map(|unit| words_of(&unit.tokens)) {
            if !self.vocabulary.is_name(word) {
                *frequency.entry(word).or_default() += 1;
            }
        }
        frequency
    }

    /// Candidates that have too little in common after all: the rarer words tell them apart.
    fn tell_apart(&mut self, mut units: Vec<Unit>, depth: usize) {
        if depth == 0 {
            return self.done.append(&mut units);
        }
        let all = units.len();
        let frequency = self.frequencies(&units);
        let mut candidates: BTreeMap<u64, Vec<Unit>> = BTreeMap::new();
        for unit in units {
            match rare_root(&unit.tokens, &frequency, all) {
                Some(root) => candidates.entry(root).or_default().push(unit),
                None => self.done.push(unit),
            }
        }
        for units in candidates.into_values() {
            self.resolve(units, depth - 1);
        }
    }

    /// What stands before the part `n` of the frame, in all units.
    fn gap(&self, units: &[Unit], places: &[Vec<usize>], frame: &[u64], n: usize) -> Gap {
        let first = units.first().and_then(|unit| self.leaf(unit));
        let mut gap = Gap {
            enclosed: enclosed(frame, n),
            is_reason: is_reason(frame, n),
            is_glued: true,
            is_first: !frame.iter().take(n).any(|hash| is_word(*hash)),
            frame: frame.iter().filter(|hash| is_word(**hash)).count(),
            is_error: units.first().is_some_and(|unit| {
                unit.members
                    .first()
                    .and_then(|n| self.members.get(*n))
                    .is_some_and(|member| member.is_error)
            }),
            ..Gap::default()
        };
        for (unit, places) in units.iter().zip(places) {
            let from = n.checked_sub(1).and_then(|n| places.get(n)).map_or(0, |at| at + 1);
            let to = places.get(n).copied().unwrap_or(unit.tokens.len());
            let content = unit.tokens.get(from..to).unwrap_or_default();
            if let (0, Some(leaf), Some(place)) = (gap.of_units.len(), first, from.checked_sub(1)) {
                let open = unit
                    .tokens
                    .get(place)
                    .filter(|token| token.hash == mark(b'('))
                    .and_then(|token| leaf.atoms.get(token.place));
                if frame.get(n) == Some(&mark(b')')) && open.is_some_and(|atom| !atom.blank) {
                    gap.enclosed = Enclosed::Argument;
                }
                gap.is_name = unit
                    .tokens
                    .get(place)
                    .and_then(|token| leaf.atoms.get(token.place))
                    .is_some_and(|atom| is_before_name(leaf.bytes(atom)));
            }
            let key = hash_of_tokens(content);
            gap.of_units.push(key);
            gap.has_empty |= content.is_empty();
            if let Some(leaf) = self.leaf(unit) {
                gap.is_glued &= content.is_empty() || is_glued(leaf, &unit.tokens, from, to);
            }
            gap.has_variable |= matches!(content, [Token { hash: VARIABLE, .. }]);
            let known = gap.contents.entry(key).or_insert_with(|| Content {
                once: true,
                units: 0,
                name: match content {
                    [only] if is_word(only.hash) => Some(only.hash),
                    _ => None,
                },
                is_known: content.iter().any(|token| is_word(token.hash))
                    && content
                        .iter()
                        .all(|token| !is_word(token.hash) || self.vocabulary.is_name(token.hash)),
                words: content.iter().filter(|token| is_word(token.hash)).count(),
                likeness: Likeness::Word,
            });
            known.units += 1;
            known.once &= unit.once;
            if let ([token], Some(leaf)) = (content, self.leaf(unit)) {
                known.likeness = leaf
                    .atoms
                    .get(token.place)
                    .map_or(Likeness::Word, |atom| likeness(leaf.bytes(atom)));
            }
        }
        gap.is_plural = is_plural(units, places, n, |unit| self.leaf(unit));
        if gap.has_empty && gap.is_glued {
            gap.has_empty = false;
            gap.has_variable = true;
        }
        gap
    }

    fn leaf(&self, unit: &Unit) -> Option<&Leaf> {
        let member = self.members.get(*unit.members.first()?)?;
        Some(member.leaf)
    }
}

/// What stands in one place of several keys.
#[derive(Debug, Default)]
struct Gap {
    contents: BTreeMap<u64, Content>,
    /// The key of each unit's content.
    of_units: Vec<u64>,
    has_empty: bool,
    /// In one of the units it is a variable already.
    has_variable: bool,
    enclosed: Enclosed,
    is_reason: bool,
    /// What stands there is written in one with a variable beside it.
    is_glued: bool,
    /// One word with and without its `s`.
    is_plural: bool,
    /// No constant word stands before it.
    is_first: bool,
    /// A word stands before it that names stand behind.
    is_name: bool,
    is_error: bool,
    /// Constant words around.
    frame: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Enclosed {
    #[default]
    Not,
    Quote,
    Bracket,
    /// `name(value)`.
    Argument,
}

#[derive(Debug)]
struct Content {
    /// One record had it so far.
    once: bool,
    units: usize,
    /// It is one word.
    name: Option<u64>,
    /// All its words are names elsewhere.
    is_known: bool,
    words: usize,
    likeness: Likeness,
}

/// The hash of no tokens at all.
const EMPTY: u64 = 0;

impl Gap {
    fn is_variable(&self) -> bool {
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
        if self.is_name && all(|content| content.words == 1) {
            return different >= 4;
        }
        different >= common
    }

    /// Sets that the candidates would be divided into.
    fn parts(&self) -> usize {
        if self.has_empty { 2 } else { self.contents.len() }
    }
}

fn hash_of_tokens(tokens: &[Token]) -> u64 {
    tokens.iter().fold(EMPTY, |key, token| mix(key, token.hash))
}

/// Each of its words once, in an order of their own.
fn words_of(tokens: &[Token]) -> Vec<u64> {
    let mut words: Vec<u64> = tokens.iter().map(|token| token.hash).filter(|hash| is_word(*hash)).collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// What stands for the words that equally many units have, where these are the most words; the more units the better.
fn root(tokens: &[Token], frequency: &HashMap<u64, usize>) -> Option<u64> {
    let words = words_by_frequency(tokens, frequency);
    let runs = words.chunk_by(|(one, _), (other, _)| one == other);
    let best = runs
        .filter(|run| run.first().is_some_and(|(frequency, _)| *frequency > 1))
        .max_by_key(|run| (run.len(), run.first().map(|(frequency, _)| *frequency)))?;
    Some(hash_of_root(best))
}

/// The same, but the fewer units the better; not what all of them have.
fn rare_root(tokens: &[Token], frequency: &HashMap<u64, usize>, all: usize) -> Option<u64> {
    let words = words_by_frequency(tokens, frequency);
    let runs = words.chunk_by(|(one, _), (other, _)| one == other);
    let best = runs
        .filter(|run| run.first().is_some_and(|(frequency, _)| *frequency > 1 && *frequency < all))
        .min_by_key(|run| (usize::MAX - run.len(), run.first().map(|(frequency, _)| *frequency)))?;
    Some(hash_of_root(best))
}

/// How many units have each word, and the word, ascending.
fn words_by_frequency(tokens: &[Token], frequency: &HashMap<u64, usize>) -> Vec<(usize, u64)> {
    let of = |word: u64| (frequency.get(&word).copied().unwrap_or_default(), word);
    let mut words: Vec<_> = words_of(tokens).into_iter().map(of).collect();
    words.sort_unstable();
    words
}

fn hash_of_root(words: &[(usize, u64)]) -> u64 {
    words.iter().fold(1, |key, (frequency, word)| {
        mix(mix(key, u64::try_from(*frequency).unwrap_or_default()), *word)
    })
}

/// What all units have in common, in order.
fn frame(units: &[Unit]) -> Vec<u64> {
    let mut frame: Vec<u64> = units
        .first()
        .map_or_else(Vec::new, |unit| unit.tokens.iter().map(|token| token.hash).collect());
    let mut table = Vec::new();
    for unit in units.iter().skip(1) {
        frame = common(&frame, &unit.tokens, &mut table);
        // Less is not enough, however much would be in common with the others.
        if !frame.iter().any(|hash| is_word(*hash)) {
            break;
        }
    }
    frame
}

/// The longest common subsequence.
fn common(frame: &[u64], tokens: &[Token], table: &mut Vec<u16>) -> Vec<u64> {
    if frame.len() == tokens.len() && frame.iter().zip(tokens).all(|(hash, token)| *hash == token.hash) {
        return frame.to_vec();
    }
    let width = tokens.len() + 1;
    table.clear();
    table.resize((frame.len() + 1) * width, 0);
    for (i, hash) in frame.iter().enumerate().rev() {
        for (j, token) in tokens.iter().enumerate().rev() {
            table[i * width + j] = if *hash == token.hash {
                table[(i + 1) * width + j + 1] + weight(*hash)
            } else {
                table[(i + 1) * width + j].max(table[i * width + j + 1])
            };
        }
    }
    let mut found = Vec::new();
    let (mut i, mut j) = (0, 0);
    while let (Some(hash), Some(token)) = (frame.get(i), tokens.get(j)) {
        if *hash == token.hash && table[i * width + j] == table[(i + 1) * width + j + 1] + weight(*hash) {
            found.push(*hash);
            (i, j) = (i + 1, j + 1);
        } else if table[(i + 1) * width + j] >= table[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    found
}

/// Words weigh more than what is between them.
const fn weight(hash: u64) -> u16 {
    if is_word(hash) || is_break(hash) { 4 } else { 1 }
}

/// The frame without what happens to be common inside brackets and quotes whose contents differ: a list or a phrase is
/// one value.
fn hollow(mut frame: Vec<u64>, units: &[Unit]) -> Vec<u64> {
    let mut at = 0;
    while at < frame.len() {
        let close = frame.get(at).copied().and_then(closing);
        let inner = frame.get(at + 1..).unwrap_or_default();
        let end = inner
            .iter()
            .take_while(|hash| !is_break(**hash))
            .position(|hash| Some(*hash) == close);
        // A quotation with a structure of its own is more than a phrase.
        let is_phrase = |end: usize| {
            let inner = inner.get(..end).unwrap_or_default();
            close == Some(mark(b']'))
                || inner
                    .iter()
                    .filter(|hash| is_word(**hash) || **hash == VARIABLE)
                    .count()
                    < 2
        };
        if let Some(end) = end.filter(|end| *end > 0 && is_phrase(*end)) {
            let all = places_of(&frame, units);
            let differs = units.iter().zip(&all).any(|(_, places)| {
                let (from, to) = (
                    places.get(at).copied().unwrap_or(0),
                    places.get(at + 1 + end).copied().unwrap_or(0),
                );
                to.saturating_sub(from) != end + 1
            });
            if differs {
                frame.drain(at + 1..=at + end);
            }
        }
        at += 1;
    }
    frame
}

fn places_of(frame: &[u64], units: &[Unit]) -> Vec<Vec<usize>> {
    units.iter().map(|unit| places(frame, &unit.tokens)).collect()
}

/// The bracket or quote that closes what this one opens, if lists and phrases stand in such.
fn closing(hash: u64) -> Option<u64> {
    [(b'[', b']'), (b'"', b'"'), (b'\'', b'\''), (b'`', b'`')]
        .into_iter()
        .find(|(open, _)| hash == mark(*open))
        .map(|(_, close)| mark(close))
}

/// Whether there is enough in common.
fn holds(frame: &[u64], units: &[Unit]) -> bool {
    let of_frame = frame.iter().filter(|hash| is_word(**hash)).count();
    let of_units: usize = units
        .iter()
        .map(|unit| unit.tokens.iter().filter(|token| is_word(token.hash)).count())
        .sum();
    (of_frame >= 2 || (of_frame == 1 && of_units <= 2 * units.len() && units.len() >= NAMES))
        && of_frame * HOLD >= of_units / units.len().max(1)
}

/// Where the parts of the frame stand.
fn places(frame: &[u64], tokens: &[Token]) -> Vec<usize> {
    let mut at = 0;
    let mut places = Vec::with_capacity(frame.len());
    for hash in frame {
        let rest = tokens.get(at..).unwrap_or_default();
        at += rest.iter().position(|token| token.hash == *hash).unwrap_or(rest.len());
        places.push(at);
        at += 1;
    }
    places
}

/// Puts variables where they stand, and joins neighbouring ones.
fn mask(tokens: &mut Vec<Token>, places: &[usize], variables: &[usize]) {
    if variables.is_empty() {
        return;
    }
    let mut masked = Vec::with_capacity(tokens.len());
    let mut from = 0;
    for n in 0..=places.len() {
        let to = places.get(n).copied().unwrap_or(tokens.len());
        let inner = tokens.get(from..to).unwrap_or_default();
        if variables.contains(&n) {
            if let Some(token) = inner.first() {
                masked.push(Token {
                    hash: VARIABLE,
                    ..*token
                });
            }
        } else {
            masked.extend_from_slice(inner);
        }
        masked.extend(tokens.get(to));
        from = to + 1;
    }
    *tokens = joined(masked);
}

/// What the scanner does with neighbouring variables, done again after words became some.
fn joined(tokens: Vec<Token>) -> Vec<Token> {
    let mut kept: Vec<Token> = Vec::with_capacity(tokens.len());
    for token in tokens {
        kept.push(token);
        if let (Some(open), [.., first, inner, _]) = (opening(token.hash), kept.as_slice())
            && first.hash == open
            && inner.hash == VARIABLE
        {
            let first = Token {
                hash: VARIABLE,
                ..*first
            };
            kept.truncate(kept.len() - 3);
            kept.push(first);
        }
        let join = match kept.as_slice() {
            [.., before, last] if before.hash == VARIABLE && last.hash == VARIABLE => 1,
            [.., before, between, last]
                if before.hash == VARIABLE
                    && last.hash == VARIABLE
                    && [b',', b':', b';', b'|'].iter().any(|m| between.hash == mark(*m)) =>
            {
                2
            }
            _ => 0,
        };
        kept.truncate(kept.len() - join);
    }
    kept
}

/// The bracket or quote that this one closes.
fn opening(hash: u64) -> Option<u64> {
    const PAIRS: [(u8, u8); 7] = [
        (b')', b'('),
        (b']', b'['),
        (b'}', b'{'),
        (b'>', b'<'),
        (b'"', b'"'),
        (b'\'', b'\''),
        (b'`', b'`'),
    ];
    PAIRS
        .iter()
        .find(|(close, _)| hash == mark(*close))
        .map(|(_, open)| mark(*open))
}

/// What stands around the part `n` of the frame. What is quoted behind a colon or a key is what was said, not a name.
fn enclosed(frame: &[u64], n: usize) -> Enclosed {
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
fn is_plural<'a>(units: &[Unit], places: &[Vec<usize>], n: usize, leaf: impl Fn(&Unit) -> Option<&'a Leaf>) -> bool {
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
fn is_glued(leaf: &Leaf, tokens: &[Token], from: usize, to: usize) -> bool {
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
fn is_reason(frame: &[u64], n: usize) -> bool {
    let ends = frame.get(n).is_none_or(|hash| is_break(*hash));
    ends && n.checked_sub(1).and_then(|n| frame.get(n)) == Some(&mark(b':'))
}

fn merged(units: Vec<Unit>) -> Option<Unit> {
    let mut units = units.into_iter();
    let mut first = units.next()?;
    for unit in units {
        if unit.members.first() < first.members.first() {
            first.tokens = unit.tokens;
        }
        first.members.extend(unit.members);
        first.members.sort_unstable();
        first.once = false;
    }
    Some(first)
}
