//! Words that say less than they seem to, because of what is beside them: one or many, states beside an arrow, names of
//! several words in quotes, requests that are the value of a field.

use super::super::classes::{Class, class};
use super::super::words::{CHANGES, METHODS, SAYINGS};
use super::{Item, Kind, Scanner};

/// Words of a name in quotes at most.
const LONGEST_TITLE: usize = 4;

impl Scanner<'_> {
    /// The bytes at the end of a word behind a number that are there only because it is not one: `3 files`, `2 entries`;
    /// and verbs behind such a word: `1 file is`, `3 files are`.
    pub(super) fn ending_of_many(&self, word: &[u8]) -> usize {
        let [rest @ .., last] = self.items.as_slice() else {
            return 0;
        };
        if self.is_number(last) {
            return plural(word);
        }
        let is_behind_number = || rest.last().is_some_and(|before| self.is_number(before));
        let is_verb = matches!(word, b"is" | b"are" | b"was" | b"were" | b"has" | b"have");
        if is_verb && last.kind == Kind::Word && is_behind_number() {
            return word.len();
        }
        0
    }

    fn is_number(&self, item: &Item) -> bool {
        item.kind == Kind::Variable && item.bytes(self.text).last().is_some_and(u8::is_ascii_digit)
    }

    /// For the last item; `(s)` behind it goes with it.
    pub(super) fn note_ending(&mut self, ending: usize) {
        let is_counted = matches!(self.items.as_slice(), [.., number, _] if self.is_number(number));
        let with_bracket = is_counted && self.text.get(self.at..self.at + 3) == Some(b"(s)");
        let ending = if with_bracket { 3 } else { ending };
        if with_bracket {
            self.at += 3;
        }
        let end = self.at;
        if ending > 0
            && let Some(last) = self.items.last_mut()
        {
            last.end = end;
            last.ending = u8::try_from(ending).unwrap_or_default();
        }
    }

    /// `->` or `=>` between blanks.
    pub(super) fn is_arrow(&self) -> bool {
        let is_blank = |b: u8| class(b) == Class::Blank;
        self.peek(1) == Some(b'>')
            && self.peek(2).is_some_and(is_blank)
            && self
                .at
                .checked_sub(1)
                .and_then(|at| self.text.get(at))
                .copied()
                .is_some_and(is_blank)
    }

    /// What stands beside an arrow are states or places, which vary.
    pub(super) fn arrow(&mut self) {
        let at = self.at;
        while let [rest @ .., last] = self.items.as_mut_slice()
            && last.kind == Kind::Word
        {
            last.kind = Kind::Variable;
            last.ending = 0;
            // `Pay Wall -> Home`: a state of several words.
            let is_capital = |item: &Item| self.text.get(item.start).is_some_and(u8::is_ascii_uppercase);
            let goes_on = is_capital(last)
                && rest.len() > 1
                && rest
                    .last()
                    .is_some_and(|before| before.kind == Kind::Word && is_capital(before));
            self.words = self.words.saturating_sub(1);
            self.merge();
            if !goes_on {
                break;
            }
            let end = self.items.pop().map_or(at, |item| item.end);
            if let Some(last) = self.items.last_mut() {
                last.end = end;
            }
        }
        self.push(Kind::Mark(b'>'), at, at + 2);
        self.at += 2;
        self.state();
    }

    /// Takes the word that follows for a variable, if there is nothing but letters in it.
    fn state(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let blanks = rest.iter().take_while(|b| class(**b) == Class::Blank).count();
        let word = rest.get(blanks..).unwrap_or_default();
        let length = word.iter().take_while(|b| is_of_state(**b)).count();
        if length > 0
            && word
                .get(length)
                .is_none_or(|b| !matches!(class(*b), Class::Dot | Class::Slash | Class::Digit) && *b != b'=')
        {
            let start = self.at + blanks;
            self.at = start + length;
            while word[0].is_ascii_uppercase() && self.is_before_capital() {
                self.at += 1;
                self.at += self
                    .text
                    .get(self.at..)
                    .unwrap_or_default()
                    .iter()
                    .take_while(|b| is_of_state(**b))
                    .count();
            }
            self.variable(start, self.at);
        }
    }

    fn is_before_capital(&self) -> bool {
        self.peek(0) == Some(b' ') && self.peek(1).is_some_and(|b| b.is_ascii_uppercase())
    }

    /// Behind `changed from`: two states with `to` between them.
    pub(super) fn change(&mut self) {
        let is_change = matches!(self.items.as_slice(), [.., verb, from]
            if from.kind == Kind::Word && from.bytes(self.text) == b"from"
                && verb.kind == Kind::Word && CHANGES.has(verb.bytes(self.text)));
        if !is_change {
            return;
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut words = rest.split(|b| *b == b' ').skip(1);
        let is_state =
            |word: Option<&[u8]>| word.is_some_and(|word| !word.is_empty() && word.iter().all(|b| is_of_state(*b)));
        if is_state(words.next()) && words.next() == Some(b"to") {
            self.state();
            let at = self.at + 1;
            self.push(Kind::Word, at, at + 2);
            self.at = at + 2;
            self.state();
        }
    }

    /// `"Weekly Digest"` behind a word: a name of several words. Behind a colon it is what someone said.
    pub(super) fn is_title(&self, start: usize, end: usize) -> bool {
        let Some(last) = self.items.last().filter(|last| last.kind == Kind::Word) else {
            return false;
        };
        let inner = self.text.get(start..end).unwrap_or_default();
        let words = || inner.split(|b| *b == b' ');
        let is_capital = |word: &[u8]| {
            word.first()
                .is_some_and(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        };
        // In the middle of a sentence any phrase is one.
        let goes_on = self
            .peek_word(end + 1)
            .is_some_and(|word| word.iter().all(u8::is_ascii_lowercase));
        inner.contains(&b' ')
            && inner.iter().any(|b| b.is_ascii_lowercase() || !b.is_ascii())
            && (goes_on || (words().count() <= LONGEST_TITLE && words().all(is_capital)))
            && !SAYINGS.has(last.bytes(self.text))
            && !METHODS.iter().any(|method| inner.starts_with(method))
    }

    /// The word behind the blank that is there.
    fn peek_word(&self, at: usize) -> Option<&[u8]> {
        let rest = self.text.get(at..)?.strip_prefix(b" ")?;
        let word = rest.split(|b| *b == b' ').next()?;
        (!word.is_empty()).then_some(word)
    }

    /// `request: "GET /x HTTP/1.1"`: not what the line is about, but what came along.
    pub(super) fn is_request_of_field(&self, start: usize, end: usize) -> bool {
        let inner = self.text.get(start..end).unwrap_or_default();
        let is_method = inner
            .split(|b| *b == b' ')
            .next()
            .is_some_and(|word| METHODS.contains(&word));
        is_method
            && inner.contains(&b' ')
            && matches!(self.items.as_slice(), [.., key, colon]
                if key.kind == Kind::Word && matches!(colon.kind, Kind::Mark(b':' | b'=')))
    }
}

fn is_of_state(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-' | 0x80..)
}

/// The length of the ending of an English plural.
fn plural(word: &[u8]) -> usize {
    if word.len() < 4
        || !word.ends_with(b"s")
        || word.ends_with(b"ss")
        || word.ends_with(b"us")
        || word.ends_with(b"is")
    {
        return 0;
    }
    let sibilants: [&[u8]; 5] = [b"ches", b"shes", b"xes", b"zes", b"sses"];
    if sibilants.iter().any(|ending| word.ends_with(ending)) {
        2
    } else {
        1
    }
}
