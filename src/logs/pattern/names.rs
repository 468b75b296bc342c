//! What a word is by its form or its place: what happened, or the name of something.

use super::scan::{Item, Kind};
use super::words::{Words, is_failure};

/// Words whose next word says how something ended.
static OUTCOMES: Words = Words::new(&[b"code", b"errno", b"signal", b"status"]);

/// Whether a word says what happened by its form or its place alone, so that another word there is another event: the
/// class of an exception, an errno, a signal, what stands behind `code =`.
pub(super) fn is_telling(word: &[u8], before: &[Item], text: &[u8]) -> bool {
    if is_failure(word) {
        return true;
    }
    if word.len() >= 4 && word.iter().all(u8::is_ascii_uppercase) && is_code_name(word) {
        return true;
    }
    let mut words = before
        .iter()
        .rev()
        .filter(|item| !matches!(item.kind, Kind::Mark(b':' | b'=')));
    words
        .next()
        .is_some_and(|item| item.kind == Kind::Word && OUTCOMES.has(item.bytes(text)))
}

/// `ECONNREFUSED`, `SIGKILL`.
fn is_code_name(word: &[u8]) -> bool {
    (word.len() >= 5 && word.starts_with(b"E") && !word.starts_with(b"ERR") && !word.starts_with(b"EV"))
        || word.starts_with(b"SIG")
}

/// Words before the name of a thing.
static BEFORE_NAMES: Words = Words::new(&[
    b"of",
    b"for",
    b"from",
    b"to",
    b"by",
    b"in",
    b"on",
    b"at",
    b"with",
    b"into",
    b"user",
    b"group",
    b"queue",
    b"topic",
    b"table",
    b"host",
    b"node",
    b"pod",
    b"job",
    b"task",
    b"client",
    b"tenant",
    b"key",
    b"name",
    b"namespace",
    b"volume",
    b"service",
    b"container",
    b"image",
    b"region",
    b"zone",
    b"account",
    b"bucket",
    b"index",
    b"database",
    b"worker",
    b"session",
    b"device",
    b"cluster",
    b"consumer",
    b"producer",
    b"channel",
    b"stream",
    b"file",
]);

pub(super) fn is_before_name(word: &[u8]) -> bool {
    BEFORE_NAMES.has(word)
}

/// How much a word is written like a name that someone gave rather than like a word of a sentence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Likeness {
    /// `refused`.
    #[default]
    Word,
    /// `TimerQueue`; in errors more often what went wrong.
    Identifier,
    /// `mail-out`.
    Perhaps,
    /// `stock_levels`, `orders.v2`, `shop/cart`, `Zoë`.
    Name,
}

/// `TimerQueue`, unlike `OK` and `IDs`.
fn has_inner_capital(word: &[u8]) -> bool {
    let is_inner = |pair: &[u8]| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase();
    word.len() > 5 && word.windows(2).any(is_inner)
}

pub(super) fn likeness(word: &[u8]) -> Likeness {
    let bare = word.strip_suffix(b".").unwrap_or(word);
    if bare
        .iter()
        .any(|b| matches!(b, b'_' | b'.' | b'@' | b'$' | b'#' | b'/' | 0x80..) || b.is_ascii_digit())
    {
        Likeness::Name
    } else if bare.len() > 4 && bare.contains(&b'-') && !bare.starts_with(b"-") {
        Likeness::Perhaps
    } else if has_inner_capital(bare) {
        Likeness::Identifier
    } else {
        Likeness::Word
    }
}
