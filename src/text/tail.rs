//! The part of a header that is put together from pieces: levels, threads, process numbers, loggers and separators in
//! whatever order a program's pattern has them. Nothing here decides whether a line has a header at all.

use super::cursor::Cursor;
use super::escape::ESC;
use super::level;
use crate::model::Level;

/// Pieces that are looked at before and behind a level.
const MOST_PIECES: usize = 8;
/// Longest thread, logger or span in brackets.
const LONGEST_BRACKET: usize = 120;

/// A level word in a header.
#[derive(Clone, Copy)]
pub(super) struct LevelWord<'a> {
    pub(super) level: Level,
    /// Behind the word, or behind the bracket around it.
    pub(super) behind: Cursor<'a>,
    pub(super) closing: Closing,
    /// Whether a record begins so. `Error: …` with a capital is also how an exception is printed.
    pub(super) starts: bool,
}

/// How the piece with the level ends, which tells what may follow.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Closing {
    Blank,
    Colon,
    Tab,
    Bracket,
    /// ` - ` or ` | ` on both sides.
    Separator,
}

/// What the rest of a header says.
pub(super) struct Found<'a> {
    pub(super) level: Level,
    pub(super) message: Cursor<'a>,
}

/// The level at the very front of a line.
pub(super) fn leading_level(start: Cursor<'_>) -> Option<LevelWord<'_>> {
    let mut cursor = start;
    let word = cursor.skip_while(|b| b.is_ascii_alphabetic());
    let level = level::word(word)?;
    if matches!(word, b"note" | b"success" | b"panic" | b"alert") {
        return None;
    }
    let shouted = word.iter().all(u8::is_ascii_uppercase);
    let colon = {
        let mut behind = cursor;
        behind.skip_colours();
        behind.peek() == Some(b':')
    };
    match cursor.peek() {
        Some(b'[') if shouted => {
            // logrus: seconds since the start.
            cursor.skip(1);
            cursor.skip_while(|b| b.is_ascii_digit());
            cursor.eat(b']').then_some(())?;
        }
        Some(b' ' | b'\t' | b']' | b'|' | ESC) | None if shouted && word.len() > 3 && word != b"FINE" => {}
        Some(b'[') => {
            cursor.skip_while(|b| b != b']');
            return None;
        }
        _ if colon => {}
        _ => return None,
    }
    cursor.skip_colours();
    if cursor.peek() == Some(b'[') && shouted {
        let mut seconds = cursor;
        seconds.skip(1);
        if !seconds.skip_while(|b| b.is_ascii_digit()).is_empty() && seconds.eat(b']') {
            cursor = seconds;
        }
    }
    let quiet = word.iter().all(u8::is_ascii_lowercase);
    Some(LevelWord {
        level,
        closing: closing(&mut cursor),
        behind: cursor,
        starts: shouted || quiet,
    })
}

/// The level in a bracket: `[INFO]`, `[ info]`, `[core:error]`, `[INF 12]` not.
pub(super) fn bracketed_level(start: Cursor<'_>) -> Option<LevelWord<'_>> {
    let mut cursor = start;
    let inner = bracket(&mut cursor)?;
    let word = inner.rsplit(|b| *b == b':').next().unwrap_or(inner);
    Some(LevelWord {
        level: level::word(word)?,
        behind: cursor,
        closing: Closing::Bracket,
        starts: true,
    })
}

/// What is in the bracket at the cursor without blanks and colours around it; the cursor moves behind the bracket.
fn bracket<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let close = match cursor.peek()? {
        b'[' => b']',
        b'{' => b'}',
        b'(' => b')',
        b'<' => b'>',
        _ => return None,
    };
    let open = cursor.peek()?;
    let mut there = *cursor;
    there.skip(1);
    there.skip_blanks();
    let start = there;
    let mut end = there;
    let mut depth = 1usize;
    for _ in 0..LONGEST_BRACKET {
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

/// What comes behind a stamp. `fine` stamps are a logging library's, whose patterns may have a bare logger before the
/// level.
pub(super) fn after_stamp(start: Cursor<'_>, fine: bool) -> Found<'_> {
    let mut cursor = start;
    let mut message = start;
    let mut loggers = 0;
    let mut closing_before = Closing::Blank;
    for _ in 0..MOST_PIECES {
        cursor.skip_blanks();
        if separator(&mut cursor) {
            closing_before = Closing::Separator;
            if message.at() == start.at() {
                message = cursor;
            }
            continue;
        }
        if let Some(word) = level_piece(cursor, closing_before) {
            return Found {
                level: word.level,
                message: self::message(word.behind, word.closing),
            };
        }
        if caller(&mut cursor) {
            message = cursor;
            continue;
        }
        if bracket_piece(&mut cursor) || number(&mut cursor) {
            continue;
        }
        if loggers > 0 || !bare_logger(&mut cursor, fine) {
            break;
        }
        loggers += 1;
    }
    message.skip_blanks();
    Found {
        level: Level::None,
        message,
    }
}

/// The rest of a bracket that began with a stamp: `… INFO  issuer::keys] message`, `…: INFO/ForkPoolWorker-23] message`.
pub(super) fn in_bracket(start: Cursor<'_>) -> Found<'_> {
    let mut found = Level::None;
    let mut cursor = start;
    for _ in 0..LONGEST_BRACKET {
        match cursor.peek() {
            None | Some(b']') => break,
            Some(b'A'..=b'Z') if found == Level::None => {
                let word = cursor.skip_while(|b| b.is_ascii_alphabetic());
                found = level::word(word).unwrap_or_default();
            }
            Some(b'a'..=b'z') if found == Level::None => {
                cursor.skip_while(|b| b > b' ' && b != b']');
            }
            Some(_) => cursor.skip(1),
        }
    }
    if !cursor.eat(b']') {
        return Found {
            level: found,
            message: start,
        };
    }
    if found == Level::None {
        return after_stamp(cursor, true);
    }
    cursor.skip_blanks();
    Found {
        level: found,
        message: cursor,
    }
}

/// ` - `, `| ` and the like between pieces.
fn separator(cursor: &mut Cursor<'_>) -> bool {
    for text in [&b", "[..], b"- ", b"| ", b"-- ", b"--- ", b": "] {
        if cursor.eat_text(text) {
            return true;
        }
    }
    false
}

/// A level among the pieces: a shouted word, a quiet one that is set off, one in brackets, a single letter.
fn level_piece(start: Cursor<'_>, before: Closing) -> Option<LevelWord<'_>> {
    let mut cursor = start;
    match cursor.peek()? {
        b'[' | b'(' => bracketed_level(start),
        b'A'..=b'Z' | b'a'..=b'z' => {
            if cursor.eat_text(b"PHP ") {
                cursor.skip_blanks();
            }
            let mut word = cursor.skip_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_'));
            if let Some(channel) = word.iter().rposition(|b| *b == b'.')
                && cursor.peek() == Some(b':')
            {
                // Monolog: `app.INFO:`.
                word = word.get(channel + 1..)?;
            }
            let level = level::word(word)
                .or_else(|| database_word(word, cursor))
                .or_else(|| letter(word, cursor))?;
            let shouted = word.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
            let coloured = cursor.peek() == Some(ESC);
            let closing = closing(&mut cursor);
            let set_off = match closing {
                Closing::Colon | Closing::Tab => true,
                Closing::Separator => before == Closing::Separator || shouted,
                Closing::Blank => shouted || coloured || cursor.starts_with(b"  "),
                Closing::Bracket => false,
            };
            let ends = matches!(
                cursor.peek(),
                None | Some(b' ' | b'\t' | b':' | b'|' | b'[' | b'/' | b',' | ESC)
            ) || closing != Closing::Blank;
            (set_off && ends).then_some(LevelWord {
                level,
                behind: cursor,
                closing,
                starts: true,
            })
        }
        _ => None,
    }
}

/// `LOG:` of Postgres and Nest, and the further lines of a database's message, which have no level.
fn database_word(word: &[u8], behind: Cursor<'_>) -> Option<Level> {
    match word {
        b"LOG" => Some(Level::Info),
        b"DETAIL" | b"STATEMENT" | b"HINT" | b"CONTEXT" | b"QUERY" | b"LOCATION" => {
            (behind.peek() == Some(b':')).then_some(Level::None)
        }
        _ => None,
    }
}

/// One letter before a component: `I NETWORK`, `I | etcdserver`, `D WindowManager`.
fn letter(word: &[u8], behind: Cursor<'_>) -> Option<Level> {
    let [letter] = word else { return None };
    let next = behind.peek_at(1)?;
    (behind.peek() == Some(b' ') && (next.is_ascii_uppercase() || next == b'|')).then_some(())?;
    level::letter(*letter)
}

/// Past what ends a level: a colon, a tab, a separator. Blanks and colours stay.
fn closing(cursor: &mut Cursor<'_>) -> Closing {
    let mut there = *cursor;
    there.skip_colours();
    if there.eat(b':') {
        *cursor = there;
        return Closing::Colon;
    }
    if there.eat(b'\t') {
        *cursor = there;
        return Closing::Tab;
    }
    there.skip_blanks();
    if there.eat_text(b"- ") || there.eat_text(b"| ") {
        *cursor = there;
        return Closing::Separator;
    }
    Closing::Blank
}

/// Where in the code: `main.go:45: ` or `filters.go:203 `.
fn caller(cursor: &mut Cursor<'_>) -> bool {
    let mut there = *cursor;
    let file = there.skip_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'/' | b'-' | b'@'));
    let is_file = file.contains(&b'.') && file.first().is_some_and(u8::is_ascii_alphabetic);
    let is_line = is_file && there.eat(b':') && !there.skip_while(|b| b.is_ascii_digit()).is_empty();
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

/// A thread, process or logger in brackets; not the JSON object of a message.
fn bracket_piece(cursor: &mut Cursor<'_>) -> bool {
    match cursor.peek() {
        Some(b'{') if cursor.starts_with(b"{\"") => false,
        Some(b'[' | b'{' | b'(' | b'<') => bracket(cursor).is_some(),
        Some(_) | None => false,
    }
}

/// A process number: `25746`, nginx's `41#39:` and `*274312`.
fn number(cursor: &mut Cursor<'_>) -> bool {
    let mut there = *cursor;
    there.eat(b'*');
    if there.skip_while(|b| b.is_ascii_digit()).is_empty() {
        return false;
    }
    if there.eat(b'#') {
        there.skip_while(|b| b.is_ascii_digit());
        there.eat(b':');
    }
    let ends = there.peek() == Some(b' ');
    if ends {
        *cursor = there;
    }
    ends
}

/// A logger or user without brackets before a level: dotted, with an `@`, or set off by ` - `; any name if the stamp is
/// a library's.
fn bare_logger(cursor: &mut Cursor<'_>, fine: bool) -> bool {
    let mut there = *cursor;
    let name = identifier(&mut there);
    there.skip_colours();
    if name.is_empty() || !matches!(there.peek(), Some(b' ' | b'\t')) {
        return false;
    }
    let qualified = name.iter().any(|b| matches!(b, b'.' | b'@' | b':' | b'-' | b'_'));
    let mut behind = there;
    behind.skip_blanks();
    let accepted = qualified || behind.starts_with(b"- ") || (fine && name.first().is_some_and(u8::is_ascii_lowercase));
    if accepted {
        *cursor = there;
    }
    accepted
}

/// A name with dots, slashes, `::` and the like; a colon at its end is not part of it.
fn identifier<'a>(cursor: &mut Cursor<'a>) -> &'a [u8] {
    let start = *cursor;
    if !cursor.peek().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_') {
        return &[];
    }
    loop {
        cursor.skip_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'$' | b'/' | b'@'));
        let goes_on = cursor.peek() == Some(b':')
            && cursor
                .peek_at(1)
                .is_some_and(|b| b.is_ascii_alphanumeric() || b == b':');
        if !goes_on || start.until(cursor).len() > LONGEST_BRACKET {
            return start.until(cursor);
        }
        cursor.skip_while(|b| b == b':');
    }
}

/// Where the message begins behind a level: past threads, process numbers, loggers, spans and separators.
pub(super) fn message(start: Cursor<'_>, closing: Closing) -> Cursor<'_> {
    let mut cursor = start;
    if closing == Closing::Tab {
        return behind_tabs(cursor);
    }
    if closing == Closing::Colon {
        return behind_colon(cursor);
    }
    let mut closing = closing;
    for _ in 0..MOST_PIECES {
        cursor.skip_blanks();
        if closing != Closing::Separator && separator(&mut cursor) {
            closing = Closing::Separator;
            continue;
        }
        let found = process_number(&mut cursor)
            || thread(&mut cursor)
            || span(&mut cursor)
            || caller(&mut cursor)
            || logger(&mut cursor);
        if !found {
            break;
        }
    }
    cursor.skip_blanks();
    cursor
}

/// `INFO\tscope\tcaller\tmessage\t{…}`: names end with tabs, and the message is the last before the fields.
fn behind_tabs(start: Cursor<'_>) -> Cursor<'_> {
    let mut cursor = start;
    for _ in 0..2 {
        let mut there = cursor;
        let name = there.skip_while(|b| b > b' ' && b != b'{');
        if name.is_empty() || !there.eat(b'\t') || there.peek() == Some(b'{') {
            break;
        }
        cursor = there;
    }
    cursor
}

/// `WARNING:root:message`; a blank behind the colon means that the message follows.
fn behind_colon(start: Cursor<'_>) -> Cursor<'_> {
    let mut cursor = start;
    if !matches!(cursor.peek(), Some(b' ' | b'\t' | ESC) | None) {
        let name = cursor.skip_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if !name.is_empty() && cursor.eat(b':') {
            return cursor;
        }
        return start;
    }
    cursor.skip_blanks();
    cursor
}

/// nginx's `41#39: *274312`, Spring's `7 ---`, pino's `(7):`, Erlang's `<0.1.0>`.
fn process_number(cursor: &mut Cursor<'_>) -> bool {
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
                Some(b' ') => digits.len() < 9 && there.starts_with(b" --- ") && separator_behind_blank(&mut there),
                Some(_) | None => false,
            }
        }
        Some(b'(') => bracket(&mut there).is_some_and(is_number) && there.eat(b':'),
        Some(b'<') => bracket(&mut there).is_some_and(is_number),
        Some(_) | None => false,
    };
    if found {
        *cursor = there;
    }
    found
}

fn separator_behind_blank(cursor: &mut Cursor<'_>) -> bool {
    cursor.skip_blanks();
    separator(cursor)
}

fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|b| b.is_ascii_digit() || *b == b'.')
}

/// `[main]`, `[source/common/http.cc:598]`; not `[part of a message]` and not `[tag]:`.
fn thread(cursor: &mut Cursor<'_>) -> bool {
    let mut there = *cursor;
    if there.peek() != Some(b'[') {
        return false;
    }
    let found = bracket(&mut there).is_some_and(|inner| !inner.contains(&b' ')) && there.peek() != Some(b':');
    if found {
        *cursor = there;
    }
    found
}

/// The span of tracing: `session{id=2587}: `.
fn span(cursor: &mut Cursor<'_>) -> bool {
    let mut there = *cursor;
    there.skip_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    there.skip_colours();
    let found =
        there.at() > cursor.at() && there.peek() == Some(b'{') && bracket(&mut there).is_some() && there.eat(b':');
    if found {
        *cursor = there;
    }
    found
}

/// A qualified name with a colon or a separator behind it: `com.fin.ledger.Closer: `, `relay::topology: `, `a.b.C - `,
/// `main            : `.
fn logger(cursor: &mut Cursor<'_>) -> bool {
    let mut there = *cursor;
    let name = identifier(&mut there);
    if name.is_empty() {
        return false;
    }
    there.skip_colours();
    let qualified = name.iter().any(|b| matches!(b, b'.' | b':' | b'$'));
    let found = if there.eat(b':') {
        qualified && matches!(there.peek(), Some(b' ' | b'\t' | ESC))
    } else {
        there.skip_blanks();
        there.eat_text(b": ") || (qualified && there.eat_text(b"- "))
    };
    if found {
        *cursor = there;
    }
    found
}
