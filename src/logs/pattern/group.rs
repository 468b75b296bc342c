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

use super::frame::{EMPTY, Token, Unit, frame, hash_of_tokens, holds, hollow, mask, places_of, words_of};
use super::gap::{Content, Enclosed, Gap, enclosed, is_glued, is_plural, is_reason};
use super::leaf::{Leaf, VARIABLE, is_word, mark, mix};
use super::names::{Likeness, is_before_name, likeness};
use super::vocabulary::{Evidence, Vocabulary};

/// Different words in one place for them to count as names elsewhere too.
const SURE: usize = 6;

/// Parts of a key that can be compared with others; longer keys stand alone.
const MOST_TOKENS: usize = 120;

/// Divisions of one set of candidates.
const DEEPEST: usize = 8;

/// How often patterns are compared again, since fewer names are in the way.
const ROUNDS: usize = 6;

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
    let mut order = Order::Rarest;
    for _ in 0..ROUNDS {
        let before = units.len();
        let mut round = Round {
            members,
            vocabulary,
            names: &mut names,
            order,
            done: Vec::new(),
        };
        round.run(units);
        units = round.done;
        match order {
            Order::Rarest if units.len() == before => order = Order::Commonest,
            Order::Commonest if units.len() == before => break,
            Order::Rarest | Order::Commonest => {}
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

/// Which words tell candidates apart that have too little in common. Where two places vary at once, each of the rarer
/// words is of one of these places, and only the more common ones are of the pattern.
#[derive(Clone, Copy, Debug)]
enum Order {
    Rarest,
    Commonest,
}

/// One comparison of all with all.
struct Round<'a> {
    members: &'a [Member<'a>],
    vocabulary: &'a Vocabulary,
    /// Words that are names for sure.
    names: &'a mut BTreeSet<u64>,
    order: Order,
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
            match root_of_some(&unit.tokens, &frequency, all, self.order) {
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
            is_behind_colon: n.checked_sub(1).and_then(|n| frame.get(n)) == Some(&mark(b':')),
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

/// What stands for the words that equally many units have, where these are the most words; the more units the better.
fn root(tokens: &[Token], frequency: &HashMap<u64, usize>) -> Option<u64> {
    let words = words_by_frequency(tokens, frequency);
    let runs = words.chunk_by(|(one, _), (other, _)| one == other);
    let best = runs
        .filter(|run| run.first().is_some_and(|(frequency, _)| *frequency > 1))
        .max_by_key(|run| (run.len(), run.first().map(|(frequency, _)| *frequency)))?;
    Some(hash_of_root(best))
}

/// The same, but not what all of them have, and in an order of choice.
fn root_of_some(tokens: &[Token], frequency: &HashMap<u64, usize>, all: usize, order: Order) -> Option<u64> {
    let words = words_by_frequency(tokens, frequency);
    let runs = words.chunk_by(|(one, _), (other, _)| one == other);
    let of = |run: &[(usize, u64)]| run.first().map_or(0, |(frequency, _)| *frequency);
    let best = runs
        .filter(|run| of(run) > 1 && of(run) < all)
        .max_by_key(|run| match order {
            Order::Rarest => (run.len(), usize::MAX - of(run)),
            Order::Commonest => (run.len(), of(run)),
        })?;
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
