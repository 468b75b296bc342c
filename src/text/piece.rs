//! The pieces that headers are made of: brackets, process numbers, names, places in the code, separators. Each reader
//! moves the cursor behind the piece, or leaves it where it is. Nothing here decides what a piece means.

use super::class::Class;
use super::cursor::Cursor;
use super::escape::ESC;

/// Longest thread, logger or span in bytes.
pub(super) const LONGEST: usize = 120;

/// What is in the bracket at the cursor without blanks and colours around it; the cursor moves behind the bracket.
pub(super) fn bracket<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let open = cursor.peek()?;
    let close = match open {
        b'[' => b']',
        b'{' => b'}',
        b'(' => b')',
        b'<' => b'>',
        _ => return None,
    };
    let mut there = *cursor;
    there.skip(1);
    there.skip_blanks();
    let inside = there.rest();
    let near = inside.get(..LONGEST).unwrap_or(inside);
    let end = near.iter().position(|b| *b == close || *b == open || *b == ESC)?;
    if near.get(end) == Some(&close) {
        there.skip(end + 1);
        *cursor = there;
        let inner = near.get(..end)?;
        let blanks = inner.iter().rev().take_while(|b| **b == b' ').count();
        return inner.get(..end - blanks);
    }
    nested_bracket(cursor, there, [open, close])
}

/// A bracket with brackets or colours in it, from behind its first blanks.
fn nested_bracket<'a>(cursor: &mut Cursor<'a>, inside: Cursor<'a>, [open, close]: [u8; 2]) -> Option<&'a [u8]> {
    let mut there = inside;
    let start = there;
    let mut end = there;
    let mut depth = 1usize;
    for _ in 0..LONGEST {
        let byte = there.peek()?;
        if byte == ESC {
            let before = there.at();
            there.skip_colours();
            (there.at() > before).then_some(())?;
            continue;
        }
        there.skip(1);
        if byte == close {
            depth -= 1;
            if depth == 0 {
                *cursor = there;
                return Some(start.until(&end));
            }
        }
        if byte == open {
            depth += 1;
        }
        if byte != b' ' {
            end = there;
        }
    }
    None
}

/// Whether what is in a bracket is made of identifiers and not of words: `req-38101a0b 113d3a99 - -`, `pid 7:tid 1`,
/// `trace_id=0 span_id=0`.
pub(super) fn is_ids(inner: &[u8]) -> bool {
    let (mut ids, mut words) = (0usize, 0usize);
    for word in inner.split(|b| *b == b' ') {
        let is_id = word == b"-" || word.iter().any(|b| b.is_ascii_digit() || *b == b'=');
        ids += usize::from(is_id);
        words += usize::from(!is_id && !word.is_empty());
    }
    ids > 0 && ids >= words
}

/// A number with dots, as process numbers of Erlang have them.
pub(super) fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|b| b.is_ascii_digit() || *b == b'.')
}

/// ` - `, `| ` and the like between pieces.
pub(super) fn separator(cursor: &mut Cursor<'_>) -> bool {
    match cursor.peek() {
        Some(b'-') => {
            cursor.eat_text(b"- ") || cursor.eat_text(b"-- ") || cursor.eat_text(b"--- ") || cursor.eat_text(b"-> ")
        }
        Some(b'|') => cursor.eat_text(b"|-") || cursor.eat(b'|'),
        Some(b':') => cursor.eat_text(b": "),
        Some(b'>') => cursor.eat_text(b"> "),
        Some(b'=') => cursor.eat_text(b"==> ") || cursor.eat_text(b"=> "),
        Some(_) | None => false,
    }
}

/// Where in the code: `main.go:45: ` or `filters.go:203 `. A host with a port is none.
pub(super) fn caller(cursor: &mut Cursor<'_>) -> bool {
    let mut there = *cursor;
    if !there
        .peek()
        .is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'/' | b'.'))
    {
        return false;
    }
    let file = there.skip_class(&PATH);
    let is_line = there.eat(b':') && !there.skip_while(|b| b.is_ascii_digit()).is_empty() && is_source(file);
    if !is_line {
        return false;
    }
    there.eat(b':');
    if !matches!(there.peek(), Some(b' ' | b'\t')) {
        return false;
    }
    *cursor = there;
    true
}

static PATH: Class = Class::word_and(b"._/-@");

/// Whether the name is that of a file with source code.
fn is_source(file: &[u8]) -> bool {
    let Some(dot) = file.iter().rposition(|b| *b == b'.') else {
        return false;
    };
    let (_, ending) = file.split_at(dot + 1);
    match ending.len() {
        1 => matches!(ending, b"c" | b"h" | b"m"),
        2 => matches!(
            ending,
            b"go"
                | b"py"
                | b"rs"
                | b"cc"
                | b"kt"
                | b"rb"
                | b"js"
                | b"ts"
                | b"cs"
                | b"fs"
                | b"vb"
                | b"ex"
                | b"mm"
                | b"pl"
                | b"pm"
                | b"sh"
                | b"cr"
                | b"hs"
                | b"ml"
        ),
        3 => matches!(
            ending,
            b"pyx"
                | b"cpp"
                | b"cxx"
                | b"hpp"
                | b"clj"
                | b"erb"
                | b"mjs"
                | b"cjs"
                | b"tsx"
                | b"jsx"
                | b"php"
                | b"exs"
                | b"erl"
                | b"hrl"
                | b"lua"
                | b"zig"
                | b"nim"
                | b"sql"
        ),
        4 => matches!(ending, b"java" | b"dart"),
        5 => matches!(ending, b"scala" | b"swift"),
        6 => matches!(ending, b"groovy"),
        _ => false,
    }
}

/// A process number before a level: `25746`, nginx's `41#39:` and `*274312`, `HAProxy`'s `062/080000`.
pub(super) fn number(cursor: &mut Cursor<'_>) -> bool {
    let mut there = *cursor;
    there.eat(b'*');
    if there.skip_while(|b| b.is_ascii_digit()).is_empty() {
        return false;
    }
    if there.eat(b'#') || there.eat(b'/') {
        there.skip_while(|b| b.is_ascii_digit());
        there.eat(b':');
    }
    let ends = matches!(there.peek(), Some(b' ' | b'|' | b'\t'));
    if ends {
        *cursor = there;
    }
    ends
}

/// nginx's `41#39:` and `*274312`, Spring's `7 ---`, pino's `(7):`, Erlang's `<0.1.0>`, `HAProxy`'s `062/080000 (7) :`.
/// A bare number behind a level may be part of the message.
pub(super) fn process_number(cursor: &mut Cursor<'_>) -> bool {
    let mut there = *cursor;
    let found = match there.peek() {
        Some(b'*') => number(&mut there),
        Some(b'0'..=b'9') => {
            let digits = there.skip_while(|b| b.is_ascii_digit());
            match there.peek() {
                Some(b'#') => {
                    there = *cursor;
                    number(&mut there)
                }
                Some(b'/') => {
                    there = *cursor;
                    number(&mut there) && there.starts_with(b" (")
                }
                Some(b' ') => digits.len() < 9 && (there.eat_text(b" --- ") || there.starts_with(b" [")),
                Some(_) | None => false,
            }
        }
        Some(b'<') => bracket(&mut there).is_some_and(is_number),
        Some(b'#') => there.eat_text(b"#PID") && bracket(&mut there).is_some_and(is_number),
        Some(_) | None => false,
    };
    if found {
        *cursor = there;
    }
    found
}

/// The span of tracing: `session{id=2587}: `, or the part of one: `request{…}:` before the next.
pub(super) fn span(cursor: &mut Cursor<'_>) -> bool {
    let mut there = *cursor;
    there.skip_class(&NAME);
    there.skip_colours();
    let found = there.at() > cursor.at() && there.peek() == Some(b'{') && bracket(&mut there).is_some() && {
        there.skip_colours();
        there.eat(b':')
    };
    if found {
        *cursor = there;
    }
    found
}

/// Letters, digits, and the signs that plain names have.
pub(super) static NAME: Class = Class::word_and(b"_.-");

static IDENTIFIER: Class = Class::word_and(b"._-$/@#");

/// A name with dots, slashes, `::` and the like; a colon at its end is not part of it.
pub(super) fn identifier<'a>(cursor: &mut Cursor<'a>) -> &'a [u8] {
    let start = *cursor;
    if !cursor.peek().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_') {
        return &[];
    }
    loop {
        cursor.skip_class(&IDENTIFIER);
        let goes_on = cursor.peek() == Some(b':')
            && cursor
                .peek_at(1)
                .is_some_and(|b| b.is_ascii_alphanumeric() || b == b':');
        if !goes_on || start.until(cursor).len() > LONGEST {
            return start.until(cursor);
        }
        cursor.skip_while(|b| b == b':');
    }
}

const TOKEN: Class = Class::from_but(b' ' + 1, b"|\"");

/// What stands between blanks, up to `|` and quotes.
pub(super) fn token<'a>(cursor: &mut Cursor<'a>) -> &'a [u8] {
    static CLASS: Class = TOKEN;
    cursor.skip_class(&CLASS)
}

/// What stands between blanks, and what signs are in it.
#[derive(Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) text: &'a [u8],
    signs: u8,
}

const COLON: u8 = 1;
const SQUARE: u8 = 2;
const BRACE: u8 = 4;
const DOT: u8 = 8;
/// See `is_technical`; of the first byte it does not count.
const INNER: u8 = 16;
const END: u8 = 128;

static SIGNS: [u8; 256] = {
    let mut signs = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        if !TOKEN.0[byte] {
            signs[byte] |= END;
        }
        if TECHNICAL.0[byte] {
            signs[byte] |= INNER;
        }
        byte += 1;
    }
    signs[b':' as usize] |= COLON;
    signs[b'[' as usize] |= SQUARE;
    signs[b'{' as usize] |= BRACE;
    signs[b'.' as usize] |= DOT;
    signs
};

impl<'a> Token<'a> {
    /// The token at the cursor, which stays.
    #[inline]
    pub(super) fn at(cursor: Cursor<'a>) -> Self {
        let rest = cursor.rest();
        let sign = |byte: &u8| SIGNS[usize::from(*byte)];
        let first = rest.first().map_or(END, sign);
        if first & END != 0 {
            return Self { text: &[], signs: 0 };
        }
        let mut signs = first & !INNER;
        let inner = rest.iter().skip(1).position(|byte| {
            signs |= sign(byte);
            sign(byte) & END != 0
        });
        Self {
            text: inner.map_or(rest, |inner| rest.get(..=inner).unwrap_or_default()),
            signs,
        }
    }

    pub(super) const fn has_colon(self) -> bool {
        self.signs & COLON != 0
    }

    pub(super) const fn has_dot(self) -> bool {
        self.signs & DOT != 0
    }

    pub(super) const fn has_square(self) -> bool {
        self.signs & SQUARE != 0
    }

    pub(super) const fn has_brace(self) -> bool {
        self.signs & BRACE != 0
    }

    /// `is_technical` of its text.
    pub(super) const fn is_technical(self) -> bool {
        self.signs & INNER != 0
    }
}

/// What a word of a sentence has only as its first letter.
const TECHNICAL: Class = Class::of(b"._/@#=:$-").and_range(b'0', b'9').and_range(b'A', b'Z');

/// Whether a name is no word of a sentence: it has digits or signs in it, or capitals behind its first letter.
pub(super) fn is_technical(name: &[u8]) -> bool {
    static CLASS: Class = TECHNICAL;
    let inner = name.get(1..).unwrap_or_default();
    inner.iter().any(|b| CLASS.has(*b))
}

/// Whether a name is written as classes of several words are: `WindowManager`, but not `Starting`.
pub(super) fn is_camel(name: &[u8]) -> bool {
    let inner = name.get(1..).unwrap_or_default();
    let mixed = inner.iter().any(u8::is_ascii_uppercase) && inner.iter().any(u8::is_ascii_lowercase);
    mixed
        && name
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$'))
}

/// Whether a name is that of a class or module with its packages: `com.acme.Cart`, `Shop.Cart`, `relay::sink`.
pub(super) fn is_qualified_class(name: &[u8]) -> bool {
    if name.windows(2).any(|pair| pair == b"::") {
        return true;
    }
    if !name.contains(&b'.') {
        return false;
    }
    let mut parts = name.split(|b| *b == b'.');
    let mut capitals = 0usize;
    let mut count = 0usize;
    let identifiers = parts.all(|part| {
        count += 1;
        let begins = part.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_');
        let capital = part.first().is_some_and(u8::is_ascii_uppercase);
        capitals += usize::from(capital && part.iter().any(u8::is_ascii_lowercase));
        begins
            && part
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'#' | b'-'))
    });
    identifiers && count >= 2 && capitals > 0
}

/// Whether a name has dots between plain names, as modules have: `nova.compute.manager`. Files and hosts look so, too.
pub(super) fn is_dotted(name: &[u8]) -> bool {
    if !name.contains(&b'.') {
        return false;
    }
    let parts = name.split(|b| *b == b'.');
    let mut count = 0usize;
    let plain = parts.into_iter().all(|part| {
        count += 1;
        part.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_')
            && part
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$'))
    });
    plain && count >= 2 && !is_source(name)
}
