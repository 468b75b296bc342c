//! Keys as sequences of tokens: what several of them have in common, in order, where it stands in each, and what is left
//! when a place in them turned out to be a variable.

use super::leaf::{VARIABLE, is_break, is_word, mark, mix};

/// Keys of two words that make one word of them a frame.
const MANY_SHORT: usize = 4;

/// A frame has at least one word for so many that its keys have.
const HOLD: usize = 3;

/// One part of a text, or several that became one variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) hash: u64,
    pub(super) place: usize,
}

/// Keys that were found to be one so far.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) members: Vec<usize>,
    pub(super) tokens: Vec<Token>,
    pub(super) once: bool,
}

/// The hash of no tokens at all.
pub(super) const EMPTY: u64 = 0;

pub(super) fn hash_of_tokens(tokens: &[Token]) -> u64 {
    tokens.iter().fold(EMPTY, |key, token| mix(key, token.hash))
}

/// Each of its words once, in an order of their own.
pub(super) fn words_of(tokens: &[Token]) -> Vec<u64> {
    let mut words: Vec<u64> = tokens
        .iter()
        .map(|token| token.hash)
        .filter(|hash| is_word(*hash))
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// What all units have in common, in order.
pub(super) fn frame(units: &[Unit]) -> Vec<u64> {
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
pub(super) fn common(frame: &[u64], tokens: &[Token], table: &mut Vec<u16>) -> Vec<u64> {
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
pub(super) const fn weight(hash: u64) -> u16 {
    if is_word(hash) || is_break(hash) { 4 } else { 1 }
}

/// The frame without what happens to be common inside brackets and quotes whose contents differ: a list or a phrase is
/// one value.
pub(super) fn hollow(mut frame: Vec<u64>, units: &[Unit]) -> Vec<u64> {
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

pub(super) fn places_of(frame: &[u64], units: &[Unit]) -> Vec<Vec<usize>> {
    units.iter().map(|unit| places(frame, &unit.tokens)).collect()
}

/// The bracket or quote that closes what this one opens, if lists and phrases stand in such.
pub(super) fn closing(hash: u64) -> Option<u64> {
    [(b'[', b']'), (b'"', b'"'), (b'\'', b'\''), (b'`', b'`')]
        .into_iter()
        .find(|(open, _)| hash == mark(*open))
        .map(|(_, close)| mark(close))
}

/// Whether there is enough in common.
pub(super) fn holds(frame: &[u64], units: &[Unit]) -> bool {
    let of_frame = frame.iter().filter(|hash| is_word(**hash)).count();
    let of_units: usize = units
        .iter()
        .map(|unit| unit.tokens.iter().filter(|token| is_word(token.hash)).count())
        .sum();
    (of_frame >= 2 || (of_frame == 1 && of_units <= 2 * units.len() && units.len() >= MANY_SHORT))
        && of_frame * HOLD >= of_units / units.len().max(1)
}

/// Where the parts of the frame stand.
pub(super) fn places(frame: &[u64], tokens: &[Token]) -> Vec<usize> {
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
pub(super) fn mask(tokens: &mut Vec<Token>, places: &[usize], variables: &[usize]) {
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
pub(super) fn joined(tokens: Vec<Token>) -> Vec<Token> {
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
pub(super) fn opening(hash: u64) -> Option<u64> {
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
