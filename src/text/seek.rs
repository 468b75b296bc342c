//! Levels: at the front of a line, in a bracket, or behind a stamp and the pieces that headers have before their level.
//! What comes behind a stamp if there is no level. Nothing here decides whether a line has a header at all.

use super::class::Class;
use super::cursor::Cursor;
use super::escape::ESC;
use super::piece::{
    LONGEST, NAME, Token, bracket, caller, identifier, is_ids, is_qualified_class, is_technical, number, separator,
    token,
};
use super::tail::{Closing, Found, LONGEST_NAME, LevelWord, MOST_NAMES, MOST_PIECES, Seen, behind_bars, message};
use super::{level, stamp};
use crate::model::Level;

/// The level at the very front of a line.
pub(super) fn leading_level(start: Cursor<'_>) -> Option<LevelWord<'_>> {
    let mut cursor = start;
    cursor.peek().filter(|first| level::may_begin(*first))?;
    let word = cursor.skip_while(|b| b.is_ascii_alphabetic());
    let level = level::word(word)?;
    if matches!(word, b"note" | b"success" | b"panic" | b"alert" | b"failure") {
        return None;
    }
    let shouted = word.iter().all(u8::is_ascii_uppercase);
    let colon = {
        let mut behind = cursor;
        behind.skip_colours();
        behind.peek() == Some(b':')
    };
    match cursor.peek() {
        Some(b'[') if shouted => seconds_or_stamp(&mut cursor)?,
        Some(b' ' | b'\t' | b']' | b'|' | ESC) | None if shouted && word.len() > 3 && word != b"FINE" => {}
        Some(b'[') => return None,
        _ if colon => {}
        _ => return None,
    }
    cursor.skip_colours();
    if cursor.peek() == Some(b'[') && shouted {
        let mut there = cursor;
        if seconds_or_stamp(&mut there).is_some() {
            cursor = there;
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

/// logrus' `[0001]`, seconds since the start, or a stamp in its place.
fn seconds_or_stamp(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.skip(1);
    if stamp::stamp(cursor).is_none() {
        (!cursor.skip_while(|b| b.is_ascii_digit()).is_empty()).then_some(())?;
    }
    cursor.eat(b']').then_some(())
}

/// The level in a bracket: `[INFO]`, `[ info]`, `[core:error]`, `[INFO  relay::sink]`, `<Error>`; `[INF 12]` not.
pub(super) fn bracketed_level(start: Cursor<'_>) -> Option<LevelWord<'_>> {
    let mut cursor = start;
    let inner = bracket(&mut cursor)?;
    level_in_bracket(inner, cursor)
}

fn level_in_bracket<'a>(inner: &[u8], behind: Cursor<'a>) -> Option<LevelWord<'a>> {
    let mut cursor = behind;
    let word = match inner.iter().position(|b| *b == b' ') {
        Some(blank) => {
            let (word, target) = inner.split_at(blank);
            let shouted = word.iter().all(u8::is_ascii_uppercase);
            (shouted && is_technical(target.trim_ascii()) && !target.trim_ascii().contains(&b' ')).then_some(word)?
        }
        None => inner.rsplit(|b| *b == b':').next().unwrap_or(inner),
    };
    let level = level::word(word).or_else(|| system_priority(word, cursor))?;
    let mut behind = cursor;
    if behind.eat(b':') && matches!(behind.peek(), Some(b' ' | b'\t') | None) {
        cursor = behind;
    }
    Some(LevelWord {
        level,
        behind: cursor,
        closing: Closing::Bracket,
        starts: true,
    })
}

/// `MySQL` 8 has a priority `System` beside `Note`, always with the code of the message behind it.
fn system_priority(word: &[u8], behind: Cursor<'_>) -> Option<Level> {
    (word == b"System" && behind.starts_with(b" [MY-")).then_some(Level::Info)
}

/// What comes behind a stamp. `fine` stamps are a logging library's, whose patterns may have a bare logger before the
/// level.
pub(super) fn after_stamp(start: Cursor<'_>, fine: bool) -> Found<'_> {
    let mut start = start;
    start.eat_text(b", ");
    if let Some((word, seen)) = seek_level(start, fine) {
        let found = message(word.behind, word.closing, seen);
        return Found {
            level: word.level,
            ..found
        };
    }
    without_level(start)
}

/// The level behind pieces that only headers have, and what was passed.
pub(super) fn seek_level(start: Cursor<'_>, fine: bool) -> Option<(LevelWord<'_>, Seen)> {
    let mut cursor = start;
    let mut seen = Seen::default();
    let mut before = Closing::Blank;
    let most_names = if fine { MOST_NAMES } else { 2 };
    let mut words = usize::from(!fine);
    for _ in 0..MOST_PIECES {
        cursor.skip_blanks();
        let byte = cursor.peek()?;
        if !byte.is_ascii_alphanumeric() && separator(&mut cursor) {
            before = if byte == b'|' { Closing::Bar } else { Closing::Separator };
            continue;
        }
        if byte == b':' && cursor.at() == start.at() {
            // `…UTC:10.0.0.7(55032):bob@orders:[52]:ERROR:`
            let end = memchr::memmem::find(cursor.rest(), b"]:").filter(|end| *end < LONGEST)?;
            cursor.skip(end + 2);
            continue;
        }
        if byte.is_ascii_digit() || byte == b'*' {
            if let Some(stamp) = stamp::stamp(&mut cursor) {
                seen.time = seen.time.or(stamp.time);
                continue;
            }
            if number(&mut cursor) {
                seen.numbers += 1;
                continue;
            }
        } else if matches!(byte, b'[' | b'{' | b'(' | b'<') {
            let mut behind = cursor;
            if let Some(inner) = bracket(&mut behind) {
                if byte != b'{'
                    && let Some(word) = level_in_bracket(inner, behind)
                {
                    return Some((word, seen));
                }
                if !cursor.starts_with(b"{\"") {
                    cursor = behind;
                    continue;
                }
            }
        }
        let token = Token::at(cursor);
        if byte.is_ascii_alphabetic() || byte >= 0x80 {
            if let Some(word) = level_piece(cursor, token, before, seen) {
                return Some((word, seen));
            }
            if let Some(stamp) = named_stamp(&mut cursor) {
                seen.time = seen.time.or(stamp.time);
                continue;
            }
        }
        if token.has_colon() && caller(&mut cursor) {
            continue;
        }
        if token.has_square()
            && let Some(word) = level_in_name(cursor)
        {
            return Some((word, seen));
        }
        if seen.names >= most_names || !name_before_level(&mut cursor, token, &mut words) {
            return None;
        }
        seen.names += 1;
    }
    None
}

/// A stamp that begins with a weekday or a month, as the second one of a line.
fn named_stamp(cursor: &mut Cursor<'_>) -> Option<stamp::Stamp> {
    cursor.peek().filter(u8::is_ascii_uppercase)?;
    stamp::stamp(cursor)
}

/// `util.py[WARNING]: …`
fn level_in_name(start: Cursor<'_>) -> Option<LevelWord<'_>> {
    let mut cursor = start;
    let name = cursor.skip_class(&NAME);
    (!name.is_empty() && cursor.peek() == Some(b'[')).then_some(())?;
    bracketed_level(cursor)
}

/// A logger, host, user, thread or `key=value` without brackets before a level. A name that could be a word of a
/// sentence is taken once, or if a separator sets it off.
fn name_before_level(cursor: &mut Cursor<'_>, token: Token<'_>, words: &mut usize) -> bool {
    let mut there = *cursor;
    let name = token.text;
    there.skip(name.len());
    if name.is_empty() || name.len() > LONGEST_NAME {
        return false;
    }
    there.skip_colours();
    let ends = matches!(there.peek(), Some(b' ' | b'\t' | b'|'));
    if !ends || matches!(name.last(), Some(b',' | b'.' | b';' | b'!')) {
        return false;
    }
    if !token.is_technical() && !is_set_off(there) {
        let is_name =
            name.len() > 1 && name.iter().all(u8::is_ascii_alphanumeric) && name.iter().any(u8::is_ascii_lowercase);
        if *words > 0 || !is_name || !name.first().is_some_and(u8::is_ascii_lowercase) {
            return false;
        }
        *words += 1;
    }
    *cursor = there;
    true
}

/// Whether a separator follows.
fn is_set_off(end: Cursor<'_>) -> bool {
    let mut behind = end;
    behind.skip_blanks();
    behind.peek() == Some(b'|') || behind.starts_with(b"- ")
}

/// The rest of a bracket that began with a stamp: `… INFO  issuer::keys] message`, `…: INFO/ForkPoolWorker-23] message`.
pub(super) fn in_bracket(start: Cursor<'_>) -> Found<'_> {
    let mut found = Level::None;
    let mut cursor = start;
    for _ in 0..LONGEST {
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
            time: None,
            message: start,
            is_tagged: false,
        };
    }
    if found == Level::None {
        return after_stamp(cursor, true);
    }
    cursor.skip_blanks();
    Found {
        level: found,
        time: None,
        message: cursor,
        is_tagged: false,
    }
}

/// A level among the pieces: a shouted word, a quiet one that is set off, a single letter.
fn level_piece<'a>(start: Cursor<'a>, token: Token<'_>, before: Closing, seen: Seen) -> Option<LevelWord<'a>> {
    let mut cursor = start;
    match cursor.peek()? {
        first if first.is_ascii_lowercase() && !level::may_begin(first) && !token.has_dot() => None,
        b'A'..=b'Z' | b'a'..=b'z' | 0xc3..=0xe9 => {
            if cursor.eat_text(b"PHP ") {
                cursor.skip_blanks();
            }
            let mut word = cursor.skip_class(&LEVEL);
            if let Some(channel) = word.iter().rposition(|b| *b == b'.')
                && cursor.peek() == Some(b':')
            {
                // Monolog: `app.INFO:`.
                word = word.get(channel + 1..)?;
            }
            let level = level::word(word)
                .or_else(|| database_word(word, cursor))
                .or_else(|| foreign_word(word, cursor))
                .or_else(|| letter(word, cursor, seen))?;
            let shouted = word.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
            let coloured = cursor.peek() == Some(ESC);
            let closing = closing(&mut cursor);
            let set_off = match closing {
                Closing::Colon | Closing::Tab => true,
                Closing::Separator => before == Closing::Separator || shouted,
                Closing::Bar => before == Closing::Bar || shouted,
                Closing::Blank => shouted || coloured || cursor.starts_with(b"  ") || cursor.starts_with(b" ["),
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

/// What may be in a level and the channel in front of it.
static LEVEL: Class = Class::word_and(b"._").and_range(0x80, 0xff);

/// `LOG:` of Postgres and Nest, and the further lines of a database's message, which have no level.
fn database_word(word: &[u8], behind: Cursor<'_>) -> Option<Level> {
    word.first().filter(|b| b.is_ascii_uppercase())?;
    match word {
        b"LOG" => Some(Level::Info),
        b"DETAIL" | b"STATEMENT" | b"HINT" | b"CONTEXT" | b"QUERY" | b"LOCATION" => {
            (behind.peek() == Some(b':')).then_some(Level::None)
        }
        _ => None,
    }
}

/// A level in another language than English, which must be shouted and have a colon, as servers write it.
fn foreign_word(word: &[u8], behind: Cursor<'_>) -> Option<Level> {
    let shouted = !word.first()?.is_ascii_lowercase();
    (shouted && behind.peek() == Some(b':')).then_some(())?;
    level::foreign_word(word)
}

/// One letter before a component: `I NETWORK`, `I | etcdserver`, `D WindowManager`; behind process numbers before any
/// word.
fn letter(word: &[u8], behind: Cursor<'_>, seen: Seen) -> Option<Level> {
    let [letter] = word else { return None };
    match behind.peek()? {
        b' ' => {
            let next = behind.peek_at(1)?;
            let component = next.is_ascii_uppercase()
                || next == b'|'
                || (next == b'-' && behind.peek_at(2) == Some(b' '))
                || (seen.numbers > 0 && next.is_ascii_graphic());
            component.then_some(())?;
        }
        // `D/PowerManagerService( 1702): …`
        b'/' => {
            let mut tag = behind;
            tag.skip(1);
            tag.skip_while(|b| b != b'(' && b != b':' && b != b'\t');
            (tag.peek()? == b'(').then_some(())?;
        }
        _ => return None,
    }
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
    if there.eat_text(b"- ") {
        *cursor = there;
        return Closing::Separator;
    }
    if there.eat(b'|') {
        *cursor = there;
        return Closing::Bar;
    }
    Closing::Blank
}

/// Where the message begins behind a stamp when no level is to be found: past what only headers have.
fn without_level(start: Cursor<'_>) -> Found<'_> {
    let mut cursor = start;
    cursor.skip_blanks();
    let mut begins = cursor;
    let mut is_tagged = false;
    if cursor.peek() == Some(b'|') {
        cursor.skip(1);
        begins = behind_bars(cursor);
    } else {
        for _ in 0..MOST_PIECES {
            cursor.skip_blanks();
            if tag(&mut cursor) {
                is_tagged = true;
                begins = cursor;
                break;
            }
            let found = separator(&mut cursor) || caller(&mut cursor) || plain_bracket(&mut cursor);
            if !found {
                if program(&mut cursor) {
                    begins = cursor;
                }
                break;
            }
            begins = cursor;
        }
    }
    begins.skip_blanks();
    if begins.peek().is_none() {
        begins = start;
    }
    Found {
        level: Level::None,
        time: None,
        message: class_and_method(begins).unwrap_or(begins),
        is_tagged,
    }
}

/// `com.acme.Main run` and nothing else, as `java.util.logging` has it above the line with the level: no message.
fn class_and_method(start: Cursor<'_>) -> Option<Cursor<'_>> {
    let mut cursor = start;
    let class = identifier(&mut cursor);
    cursor.eat(b' ').then_some(())?;
    cursor.peek().filter(|_| class.contains(&b'.'))?;
    let method = cursor.skip_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'<' | b'>'));
    let ends = cursor.rest().trim_ascii_end().is_empty();
    (ends && !method.is_empty() && is_qualified_class(class) && class.contains(&b'.')).then_some(())?;
    cursor.skip(usize::MAX);
    Some(cursor)
}

/// The program that a line of syslog is from, with or without the host in front: `node1 systemd[1]: `,
/// `node1 kernel: `, `src@node1 ip_tables: `.
fn tag(cursor: &mut Cursor<'_>) -> bool {
    let mut there = *cursor;
    if process(&mut there) {
        *cursor = there;
        return true;
    }
    let host = there.skip_while(|b| b > b' ' && !matches!(b, b'|' | b'"' | b'[' | b'('));
    let is_host = host
        .iter()
        .any(|b| b.is_ascii_digit() || matches!(b, b'-' | b'@' | b'/' | b'.'))
        && !matches!(host.last(), Some(b':' | b',' | b'.'));
    if !is_host || !there.eat(b' ') {
        return false;
    }
    let mut plain = there;
    let found = process(&mut there) || {
        let name = plain.skip_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/'));
        let found = !name.is_empty() && plain.eat_text(b": ") && host.len() <= LONGEST_NAME;
        there = plain;
        found
    };
    if found {
        *cursor = there;
    }
    found
}

/// `crond(pam_unix)[2915]: `, `/usr/sbin/gmetad[1682]: `, `launchd[1] (com.acme.quicklook[71]): `.
fn process(cursor: &mut Cursor<'_>) -> bool {
    static PROGRAM: Class = Class::from_but(b' ' + 1, b"[|\":=");
    let mut there = *cursor;
    let name = there.skip_class(&PROGRAM);
    if name.is_empty() || name.len() > LONGEST_NAME || !there.eat(b'[') {
        return false;
    }
    let number = there.skip_while(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    if number.is_empty() || !there.eat(b']') {
        return false;
    }
    if there.starts_with(b" (") {
        there.skip(1);
        if bracket(&mut there).is_none() {
            return false;
        }
    }
    let found = there.eat(b':') && matches!(there.peek(), Some(b' ' | b'\t') | None);
    if found {
        *cursor = there;
    }
    found
}

/// A program before ` - `: `chrome.exe - `, `chrome.exe *64 - `.
fn program(cursor: &mut Cursor<'_>) -> bool {
    let mut there = *cursor;
    let name = token(&mut there);
    if name.is_empty() || name.len() > LONGEST_NAME {
        return false;
    }
    let mut found = there.eat_text(b" - ");
    if !found && there.eat_text(b" *") {
        found = !there.skip_while(|b| b.is_ascii_digit()).is_empty() && there.eat_text(b" - ");
    }
    let class = !found && is_qualified_class(name.strip_suffix(b":").unwrap_or_default()) && there.peek() == Some(b' ');
    if found || class {
        *cursor = there;
    }
    found || class
}

/// A bracket without blanks in it, or with identifiers only.
fn plain_bracket(cursor: &mut Cursor<'_>) -> bool {
    let mut there = *cursor;
    if there.peek() != Some(b'[') || there.peek_at(1) == Some(b'"') {
        return false;
    }
    let found = bracket(&mut there).is_some_and(|inner| !inner.contains(&b' ') || is_ids(inner))
        && matches!(there.peek(), Some(b' ' | b'[' | b':' | b'\t'));
    if found {
        there.eat_text(b": ");
        *cursor = there;
    }
    found
}
