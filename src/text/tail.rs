//! The part of a header behind its level: threads, process numbers, loggers, spans and separators in whatever order a
//! program's pattern has them, up to where the message begins.

use super::cursor::Cursor;
use super::escape::ESC;
use super::piece::{
    Token, bracket, caller, identifier, is_camel, is_dotted, is_ids, is_number, is_qualified_class, is_technical,
    process_number, separator, span,
};
use super::stamp;
use crate::model::{Level, Time};

/// Pieces that are looked at before and behind a level.
pub(super) const MOST_PIECES: usize = 12;

/// Names among them.
pub(super) const MOST_NAMES: usize = 6;

/// Longest name or field before a level.
pub(super) const LONGEST_NAME: usize = 64;

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
    /// ` - ` on both sides.
    Separator,
    /// `|` between fields.
    Bar,
}

/// What the rest of a header says.
pub(super) struct Found<'a> {
    pub(super) level: Level,
    /// Of a stamp among the pieces.
    pub(super) time: Option<Time>,
    pub(super) message: Cursor<'a>,
    /// The message is that of a program whose name was in front, as in syslog.
    pub(super) is_tagged: bool,
}

/// What was seen in front of a level.
#[derive(Clone, Copy, Default)]
pub(super) struct Seen {
    /// Process and thread numbers.
    pub(super) numbers: usize,
    pub(super) names: usize,
    pub(super) time: Option<Time>,
}

/// Where the message begins among fields with `|` between them. The first field may be any name; further ones must not
/// look like words.
pub(super) fn behind_bars(start: Cursor<'_>) -> Cursor<'_> {
    let mut cursor = start;
    for at in 0..MOST_NAMES {
        let mut there = cursor;
        there.skip_blanks();
        let start = there;
        there.skip(memchr::memchr2(b'|', b'"', there.rest()).unwrap_or(usize::MAX));
        let field = start.until(&there);
        let name = field.trim_ascii();
        let is_name = name.len() <= LONGEST_NAME
            && !name.contains(&b' ')
            && (at == 0 || name.is_empty() || is_technical(name) || name.iter().all(u8::is_ascii_digit));
        if !is_name || !there.eat(b'|') {
            break;
        }
        cursor = there;
    }
    cursor.skip_blanks();
    // loguru: `module:function:line - message`.
    let mut there = cursor;
    let name = identifier(&mut there);
    if is_technical(name) && there.eat_text(b" - ") {
        cursor = there;
    }
    cursor
}

/// Where the message begins behind a level: past threads, process numbers, loggers, spans and separators.
pub(super) fn message(start: Cursor<'_>, closing: Closing, seen: Seen) -> Found<'_> {
    let mut walk = Walk {
        cursor: start,
        time: seen.time,
        numbers: seen.numbers,
        after: After::Level,
        separated: closing == Closing::Separator,
        set_off: matches!(closing, Closing::Bracket | Closing::Separator),
        expects_logger: false,
    };
    match closing {
        Closing::Tab => walk.cursor = behind_tabs(start),
        Closing::Colon => walk.cursor = behind_colon(start),
        Closing::Bar => walk.cursor = behind_bars_and_stamp(&mut walk, start),
        Closing::Blank | Closing::Bracket | Closing::Separator => walk.pieces(),
    }
    Found {
        level: Level::None,
        time: walk.time,
        message: walk.cursor,
        is_tagged: false,
    }
}

fn behind_bars_and_stamp<'a>(walk: &mut Walk<'a>, start: Cursor<'a>) -> Cursor<'a> {
    let mut there = start;
    there.skip_blanks();
    if let Some(stamp) = stamp::stamp(&mut there) {
        there.skip_blanks();
        if there.eat(b'|') {
            walk.time = walk.time.or(stamp.time);
            return behind_bars(there);
        }
    }
    behind_bars(start)
}

/// The last piece that was passed behind a level.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Level,
    Bracket,
    Name,
    Other,
}

/// A walk over the pieces between a level and the message.
struct Walk<'a> {
    cursor: Cursor<'a>,
    time: Option<Time>,
    /// Process numbers in front of the level: a library's pattern, in which a logger follows.
    numbers: usize,
    after: After,
    /// ` - ` or ` : ` was passed; the next one is part of the message.
    separated: bool,
    /// The level stands in brackets or between separators.
    set_off: bool,
    /// What was passed last is a header's because a logger follows.
    expects_logger: bool,
}

impl Walk<'_> {
    fn pieces(&mut self) {
        let mut last = self.cursor;
        for _ in 0..MOST_PIECES {
            self.cursor.skip_blanks();
            let here = self.cursor;
            if !self.piece() {
                break;
            }
            last = here;
        }
        self.cursor.skip_blanks();
        // A header is in front of something: `INFO [server.go:12] [Welcome]`.
        if self.cursor.rest().trim_ascii_end().is_empty() && self.after == After::Bracket {
            self.cursor = last;
        }
    }

    fn piece(&mut self) -> bool {
        let Some(byte) = self.cursor.peek() else { return false };
        let after = match byte {
            b'-' | b'|' | b':' | b'>' | b'=' => {
                let found = !self.separated && separator(&mut self.cursor);
                self.separated |= found;
                found.then_some(After::Other)
            }
            b'[' => self.square().then_some(After::Bracket),
            b'(' => self.round().then_some(After::Bracket),
            b'/' if self.after == After::Level => android_tag(&mut self.cursor).then_some(After::Name),
            b'0'..=b'9' | b'*' | b'<' | b'#' => {
                (self.stamp() || process_number(&mut self.cursor)).then_some(After::Other)
            }
            _ => self.word(),
        };
        self.after = after.unwrap_or(self.after);
        after.is_some()
    }

    fn stamp(&mut self) -> bool {
        let mut there = self.cursor;
        let stamp = stamp::stamp(&mut there).filter(|_| self.after != After::Name && self.time.is_none());
        match stamp {
            Some(stamp) => {
                self.time = self.time.or(stamp.time);
                self.cursor = there;
                true
            }
            None => false,
        }
    }

    /// `[main]`, `[source/common/http.cc:598]`, `[req-1 - -]`, `[1772611862.471]`; `[part of a message]` only if more of a
    /// header follows.
    fn square(&mut self) -> bool {
        let mut there = self.cursor;
        there.skip(1);
        if there.peek() == Some(b'"') {
            return false;
        }
        let stamp = stamp::stamp(&mut there).filter(|_| there.peek() == Some(b']'));
        there = self.cursor;
        let Some(inner) = bracket(&mut there) else { return false };
        let colon = there.starts_with(b": ");
        let accepted = stamp.is_some() || colon || !inner.contains(&b' ') || is_ids(inner) || is_header_at(there);
        if accepted {
            self.time = self.time.or(stamp.and_then(|stamp| stamp.time));
            there.eat(b':');
            self.cursor = there;
        }
        accepted
    }

    /// `(7): `, `(web/7 on host): `, `(7) : `; `(main) ` behind a bracket.
    fn round(&mut self) -> bool {
        let mut there = self.cursor;
        let Some(inner) = bracket(&mut there) else { return false };
        let colon = there.eat_text(b": ") || there.eat_text(b" : ");
        let thread = there.peek() == Some(b' ') && (self.after == After::Bracket || is_square_behind(there));
        let accepted = !inner.is_empty() && (colon || thread);
        if accepted {
            self.separated |= colon;
            self.cursor = there;
        }
        accepted
    }

    fn word(&mut self) -> Option<After> {
        let token = Token::at(self.cursor);
        let may_be_span = token.has_brace() || self.cursor.peek_at(token.text.len()) == Some(ESC);
        let passed = (may_be_span && span(&mut self.cursor)) || (token.has_colon() && caller(&mut self.cursor));
        if passed { Some(After::Other) } else { self.name(token) }
    }

    /// Whether what is behind a logger is behind the token or in it.
    fn may_be_logger(&self, token: Token<'_>) -> bool {
        let mut behind = self.cursor;
        behind.skip(token.text.len());
        behind.skip_blanks();
        token.has_colon() || matches!(behind.peek(), Some(b':' | b'-' | b'>'))
    }

    fn name(&mut self, token: Token<'_>) -> Option<After> {
        let any = self.expects_logger || (self.numbers > 0 && self.after == After::Level);
        if self.may_be_logger(token) && logger(&mut self.cursor, any) {
            return Some(After::Name);
        }
        let mut there = self.cursor;
        if there.eat_text(b"in ") && self.after == After::Level {
            // Flask: `ERROR in app: …`.
            let name = identifier(&mut there);
            if !name.is_empty() && there.eat_text(b": ") {
                self.cursor = there;
                return Some(After::Name);
            }
        }
        self.bare_name(token)
    }

    /// A name with nothing but blanks behind it, which is a header's only if it looks like no word at all or if more of
    /// the header follows.
    fn bare_name(&mut self, token: Token<'_>) -> Option<After> {
        let mut there = self.cursor;
        let name = token.text;
        there.skip(name.len());
        if name.is_empty() || name.len() > LONGEST_NAME || self.after == After::Name {
            return None;
        }
        there.skip_colours();
        let one_blank = there.eat(b' ');
        if !one_blank {
            return None;
        }
        let padded = there.peek() == Some(b' ');
        let column = name.len() > 1 && name.iter().all(u8::is_ascii_uppercase) && padded;
        let class = (token.has_dot() || token.has_colon())
            && (is_qualified_class(name) || (is_dotted(name) && (self.numbers > 0 || there.peek() == Some(b'['))));
        let dash = there.starts_with(b"- ")
            && self.set_off
            && name.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let spare = name == b"-" || name.starts_with(b"ThreadId(");
        let thread = token.is_technical() || name == b"main";
        let accepted = column || class || dash || spare || (thread && is_header_at(there));
        accepted.then(|| {
            self.expects_logger = !(column || class || dash || spare);
            self.cursor = there;
            if class { After::Name } else { After::Other }
        })
    }
}

/// `/PowerManagerService( 1702): ` behind the letter of the level.
fn android_tag(cursor: &mut Cursor<'_>) -> bool {
    let mut there = *cursor;
    there.skip(1);
    there.skip_while(|b| b != b'(' && b != b':');
    let found = bracket(&mut there).is_some_and(is_number) && there.eat(b':');
    if found {
        *cursor = there;
    }
    found
}

fn is_square_behind(cursor: Cursor<'_>) -> bool {
    let mut there = cursor;
    there.skip_blanks();
    there.peek() == Some(b'[')
}

/// Whether more of a header is at the cursor: a separator, or a logger with one.
fn is_header_at(cursor: Cursor<'_>) -> bool {
    let mut there = cursor;
    there.skip_blanks();
    let mut behind = there;
    if separator(&mut behind) {
        return true;
    }
    let name = identifier(&mut there);
    let plain = name.iter().all(u8::is_ascii_alphanumeric);
    there.skip_colours();
    there.eat_text(b": ") && !name.is_empty() && (!plain || is_camel(name) || name == b"main")
        || (there.eat_text(b" - ") && (!plain || is_camel(name) || name.first().is_some_and(u8::is_ascii_uppercase)))
        || there.eat_text(b" : ")
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
    logger(&mut cursor, false);
    cursor.skip_blanks();
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
    program_on_host(cursor).unwrap_or(cursor)
}

/// bunyan: `shop/7 on host: `.
fn program_on_host(start: Cursor<'_>) -> Option<Cursor<'_>> {
    let mut cursor = start;
    let name = cursor.skip_while(|b| b > b' ' && b != b'/');
    (!name.is_empty() && cursor.eat(b'/')).then_some(())?;
    (!cursor.skip_while(|b| b.is_ascii_digit()).is_empty() && cursor.eat_text(b" on ")).then_some(())?;
    cursor.skip_while(|b| b > b' ' && b != b':');
    cursor.eat_text(b": ").then_some(cursor)
}

/// A logger with a colon or a separator behind it: `com.fin.ledger.Closer: `, `relay::topology: `, `a.b.C - `,
/// `main            : `. `any` takes names that could be words.
fn logger(cursor: &mut Cursor<'_>, any: bool) -> bool {
    let mut there = *cursor;
    let name = identifier(&mut there);
    if name.is_empty() {
        return false;
    }
    there.skip_colours();
    let qualified = any || name.iter().any(|b| matches!(b, b'.' | b':' | b'$')) || is_camel(name);
    let found = if there.eat(b':') {
        qualified && matches!(there.peek(), Some(b' ' | b'\t' | ESC))
    } else {
        there.skip_blanks();
        there.eat_text(b": ") || (qualified && (there.eat_text(b"- ") || there.eat_text(b"> ")))
    };
    if found {
        *cursor = there;
    }
    found
}
