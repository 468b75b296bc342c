//! Words with digits in them: most vary, but some say how something ended.

use super::super::classes::{Class, class, without_full_stop};
use super::super::words::{ANSWERS, DATES, PHRASES, Words, is_failure};
use super::{Kind, Scanner};

enum Outcome {
    Exit,
    Status,
}

impl Scanner<'_> {
    /// A word with a digit in it: varies, unless it is a code that says how something ended.
    pub(super) fn number(&mut self, start: usize, end: usize) {
        let number = self.text.get(start..end).unwrap_or_default();
        let digits = without_full_stop(number);
        if matches!(digits.len(), 1..=3) && digits.iter().all(u8::is_ascii_digit) {
            let outcome = self.outcome();
            self.is_steady &= outcome.is_none();
            match outcome {
                Some(Outcome::Status) if digits.len() == 3 && matches!(digits[0], b'1'..=b'5') => {
                    return self.push(Kind::Status(digits[0]), start, end);
                }
                Some(Outcome::Exit) if is_known_exit(digits) => return self.push(Kind::Code, start, end),
                None if number.len() == 3 => {
                    let is_phrased = self.is_before_phrase();
                    let is_answered = (self.is_request && self.ends_here()) || self.is_answer();
                    self.is_steady &= !is_phrased && !is_answered;
                    let phrase = if is_phrased { self.status_phrase(digits) } else { 0 };
                    if matches!(digits[0], b'1'..=b'5') && (phrase > 0 || is_answered) {
                        self.is_request = false;
                        self.at += phrase;
                        return self.push(Kind::Status(digits[0]), start, self.at);
                    }
                }
                Some(Outcome::Exit | Outcome::Status) | None => {}
            }
        }
        if number.last().is_some_and(u8::is_ascii_lowercase) && is_failure(number) {
            self.is_steady = false;
            return self.constant(start, end);
        }
        self.take_date_words();
        self.variable(start, end);
        self.skip_padding();
    }

    /// A month and a weekday before a number.
    fn take_date_words(&mut self) {
        for _ in 0..2 {
            if let Some(last) = self.items.last_mut()
                && last.kind == Kind::Word
                && DATES.has(last.bytes(self.text))
            {
                last.kind = Kind::Variable;
                self.words = self.words.saturating_sub(1);
                self.merge();
            }
        }
    }

    /// Whether a blank or nothing follows.
    fn ends_here(&self) -> bool {
        self.peek(0).is_none_or(|b| class(b) == Class::Blank || b == b',')
    }

    /// `Completed 200 in 5 ms`, `responded 503`: the word before says that a request was answered, and nothing is counted.
    fn is_answer(&self) -> bool {
        let is_answered =
            matches!(self.items.last(), Some(last) if last.kind == Kind::Word && ANSWERS.has(last.bytes(self.text)));
        let rest = self.text.get(self.at..).unwrap_or_default();
        is_answered
            && (rest.is_empty() || rest.starts_with(b" in ") || rest.starts_with(b" for ") || rest.starts_with(b" to "))
    }

    /// Whether words follow that may belong to an HTTP status.
    fn is_before_phrase(&self) -> bool {
        let next = self.peek(1).map(|b| b.to_ascii_uppercase());
        self.peek(0) == Some(b' ') && next.is_some_and(|b| PHRASES.iter().any(|(_, phrase)| phrase.first() == Some(&b)))
    }

    /// The length of the words that belong to this HTTP status, if they follow it.
    fn status_phrase(&self, status: &[u8]) -> usize {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let Some((_, phrase)) = PHRASES.iter().find(|(known, _)| *known == status) else {
            return 0;
        };
        let found = rest
            .get(1..=phrase.len())
            .is_some_and(|words| words.eq_ignore_ascii_case(phrase));
        if found && rest.first() == Some(&b' ') {
            phrase.len() + 1
        } else {
            0
        }
    }

    /// `==` behind a number in base 64.
    fn skip_padding(&mut self) {
        while self.peek(0) == Some(b'=')
            && self
                .peek(1)
                .is_none_or(|b| matches!(class(b), Class::Blank | Class::Mark))
        {
            self.at += 1;
            if let Some(last) = self.items.last_mut() {
                last.end = self.at;
            }
        }
    }

    /// Whether a word follows, also behind a bracket or colon.
    fn is_before_words(&self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut behind = rest.iter().skip_while(|b| matches!(b, b']' | b')' | b':'));
        behind.next() == Some(&b' ') && behind.next().is_some_and(u8::is_ascii_alphabetic)
    }

    /// What a number right here would stand for: `exit code 1`, `exited with 137`, `status 503`, `status code: 503`.
    fn outcome(&self) -> Option<Outcome> {
        let mut words = self
            .items
            .iter()
            .rev()
            .filter(|item| !matches!(item.kind, Kind::Mark(b':' | b'=')));
        let last = words.next().filter(|item| item.kind == Kind::Word)?.bytes(self.text);
        let before = words.next().map_or(&b""[..], |item| item.bytes(self.text));
        if !BEFORE_OUTCOMES.has(last) {
            return None;
        }
        // An errno with its words behind it says nothing that they do not.
        if ERRNO.has(last) && self.is_before_words() {
            return None;
        }
        if ERRNO.has(last) || SIGNAL.has(last) || (CODE_OR_NUMBER.has(last) && ERRORS.has(before)) {
            return Some(Outcome::Exit);
        }
        if EXITS.has(last) || (BEHIND_EXIT.has(last) && EXITS.has(before)) {
            return Some(Outcome::Exit);
        }
        (STATUS.has(last) || (CODE.has(last) && STATUS.has(before))).then_some(Outcome::Status)
    }
}

/// All words below that may stand right before the number of an outcome.
static BEFORE_OUTCOMES: Words = Words::new(&[
    b"errno",
    b"signal",
    b"code",
    b"number",
    b"exit",
    b"exited",
    b"exitcode",
    b"status",
    b"with",
    b"statuscode",
    b"http",
]);
static ERRNO: Words = Words::new(&[b"errno"]);
static SIGNAL: Words = Words::new(&[b"signal"]);
static CODE: Words = Words::new(&[b"code"]);
static CODE_OR_NUMBER: Words = Words::new(&[b"code", b"number"]);
static ERRORS: Words = Words::new(&[b"error", b"condition"]);
static EXITS: Words = Words::new(&[b"exit", b"exited", b"exitcode"]);
static BEHIND_EXIT: Words = Words::new(&[b"code", b"status", b"with"]);
static STATUS: Words = Words::new(&[b"status", b"statuscode", b"http"]);

/// Whether a code or signal is one of those that tell what happened: success, failure, misuse, not found, and the signals
/// that end processes, as such and with 128 added. What other numbers mean is up to each program.
fn is_known_exit(digits: &[u8]) -> bool {
    const KNOWN: [u16; 27] = [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 14, 15, 22, 64, 111, 124, 125, 126, 127, 130, 134, 137, 139, 143, 255,
    ];
    let number = digits
        .iter()
        .fold(0, |number, digit| 10 * number + u16::from(digit - b'0'));
    KNOWN.contains(&number)
}
