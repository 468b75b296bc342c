//! Characters of a script to words: quotes, parameters, substitutions, here-documents. Commands are read by `parser`.

use std::sync::Arc;

use super::parser;
use super::syntax::{Bad, Change, Greed, Needs, Part, Quoting, Unset, Word};

/// How deep commands, words and substitutions may lie in one another.
const MOST_DEPTH: usize = 40;

/// A cursor over the script.
pub struct Reader {
    characters: Vec<char>,
    at: usize,
    line: usize,
    depth: usize,
    /// Where the line that announced here-documents ends, and where their bodies do.
    documents: Option<(usize, usize)>,
}

impl Reader {
    pub fn new(text: &str, line: usize) -> Self {
        Self {
            characters: text.chars().collect(),
            at: 0,
            line,
            depth: 0,
            documents: None,
        }
    }

    pub fn peek(&self) -> Option<char> {
        self.peek_at(0)
    }

    pub fn peek_at(&self, ahead: usize) -> Option<char> {
        self.characters.get(self.at + ahead).copied()
    }

    pub fn line(&self) -> usize {
        self.line
    }

    pub fn advance(&mut self) {
        if self.peek() == Some('\n') {
            self.line += 1;
            if let Some((newline, end)) = self.documents
                && newline == self.at
            {
                let body = self.characters.get(newline + 1..end).unwrap_or_default();
                self.line += body.iter().filter(|c| **c == '\n').count();
                self.at = end;
                self.documents = None;
                return;
            }
        }
        self.at = (self.at + 1).min(self.characters.len());
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.advance();
        }
    }

    /// Takes these characters if they come next.
    pub fn take(&mut self, text: &str) -> bool {
        let fits = text.chars().enumerate().all(|(n, c)| self.peek_at(n) == Some(c));
        if fits {
            text.chars().for_each(|_| self.advance());
        }
        fits
    }

    pub fn enter(&mut self) -> Result<(), Bad> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(self.wrong("Syntax error: too deeply nested"));
        }
        Ok(())
    }

    pub fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    pub fn wrong(&self, message: &str) -> Bad {
        Bad::Wrong {
            line: self.line,
            message: message.to_owned(),
        }
    }

    pub fn incomplete(&self, needs: Needs, message: &str) -> Bad {
        Bad::Incomplete {
            line: self.line,
            needs,
            message: message.to_owned(),
        }
    }

    fn unterminated(&self, quote: char) -> Bad {
        self.incomplete(Needs::Character(quote), "Syntax error: Unterminated quoted string")
    }

    fn missing_brace(&self) -> Bad {
        self.incomplete(Needs::Character('}'), "Syntax error: Missing '}'")
    }

    pub fn skip_blanks(&mut self) {
        loop {
            match (self.peek(), self.peek_at(1)) {
                (Some(' ' | '\t' | '\r'), _) => self.advance(),
                (Some('\\'), Some('\n')) => self.skip(2),
                (Some('#'), _) if self.at_word_start() => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.advance();
                    }
                }
                (Some(_) | None, _) => return,
            }
        }
    }

    fn at_word_start(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.characters.get(at));
        before.is_none_or(|c| ends_word(*c))
    }

    pub fn skip_space_and_lines(&mut self) {
        loop {
            self.skip_blanks();
            if self.peek() != Some('\n') {
                return;
            }
            self.advance();
        }
    }

    /// The next word as far as it is plain letters; empty where quoting or an operator starts.
    pub fn bare_word(&self) -> String {
        let rest = self.characters.get(self.at..).unwrap_or_default();
        rest.iter()
            .take_while(|c| !ends_word(**c) && !matches!(c, '\'' | '"' | '\\' | '$' | '`'))
            .collect()
    }

    /// The operator that comes next.
    pub fn operator(&self) -> Option<String> {
        let first = self.peek()?;
        let double = self.peek_at(1) == Some(first) && matches!(first, '&' | '|' | ';');
        match first {
            '&' | '|' | ';' if double => Some(format!("{first}{first}")),
            '&' | '|' | ';' | '(' | ')' | '<' | '>' => Some(first.to_string()),
            _ => None,
        }
    }

    pub fn starts_with_parentheses(&self) -> bool {
        let rest = self.characters.get(self.at..).unwrap_or_default();
        let mut rest = rest.iter().filter(|c| !matches!(c, ' ' | '\t'));
        rest.next() == Some(&'(') && rest.next() == Some(&')')
    }

    /// Takes `name=` where an assignment may stand.
    pub fn assignment(&mut self) -> Option<String> {
        let word = self.bare_word();
        let (name, _) = word.split_once('=')?;
        if !is_name(name) {
            return None;
        }
        self.take(&format!("{name}="));
        Some(name.to_owned())
    }

    /// Reads one word; none where none begins.
    pub fn word(&mut self) -> Result<Option<Word>, Bad> {
        let mut parts = Vec::new();
        if self.peek() == Some('~') && self.peek_at(1).is_none_or(|c| c == '/' || ends_word(c)) {
            self.advance();
            parts.push(Part::Home);
        }
        while let Some(c) = self.peek() {
            match c {
                '\'' => parts.push(self.single_quoted()?),
                '"' => self.double_quoted(&mut parts)?,
                '\\' => self.escaped(&mut parts),
                '$' => parts.push(self.dollar(Quoting::Open)?),
                '`' => parts.push(self.backquoted(Quoting::Open)?),
                c if ends_word(c) => break,
                c => {
                    self.advance();
                    push_literal(&mut parts, c, Quoting::Open);
                }
            }
        }
        Ok((!parts.is_empty()).then_some(Word(parts)))
    }

    fn escaped(&mut self, parts: &mut Vec<Part>) {
        self.advance();
        match self.peek() {
            Some('\n') => self.advance(),
            Some(c) => {
                self.advance();
                push_literal(parts, c, Quoting::Quoted);
            }
            None => push_literal(parts, '\\', Quoting::Quoted),
        }
    }

    fn single_quoted(&mut self) -> Result<Part, Bad> {
        self.advance();
        let mut text = String::new();
        loop {
            match self.peek() {
                Some('\'') => break self.advance(),
                Some(c) => text.push(c),
                None => return Err(self.unterminated('\'')),
            }
            self.advance();
        }
        Ok(Part::Literal(text, Quoting::Quoted))
    }

    fn double_quoted(&mut self, parts: &mut Vec<Part>) -> Result<(), Bad> {
        self.advance();
        // Even "" is a word.
        parts.push(Part::Literal(String::new(), Quoting::Quoted));
        loop {
            match self.peek() {
                Some('"') => break self.advance(),
                Some(_) => self.quoted_part(parts, '"')?,
                None => return Err(self.unterminated('"')),
            }
        }
        Ok(())
    }

    /// One character or expansion inside double quotes or a here-document.
    fn quoted_part(&mut self, parts: &mut Vec<Part>, end: char) -> Result<(), Bad> {
        match (self.peek(), self.peek_at(1)) {
            (Some('\\'), Some('\n')) => self.skip(2),
            (Some('\\'), Some(c)) if matches!(c, '$' | '`' | '\\') || c == end => {
                self.advance();
                self.advance();
                push_literal(parts, c, Quoting::Quoted);
            }
            (Some('$'), _) => parts.push(self.dollar(Quoting::Quoted)?),
            (Some('`'), _) => parts.push(self.backquoted(Quoting::Quoted)?),
            (Some(c), _) => {
                self.advance();
                push_literal(parts, c, Quoting::Quoted);
            }
            (None, _) => {}
        }
        Ok(())
    }

    fn dollar(&mut self, quoting: Quoting) -> Result<Part, Bad> {
        self.enter()?;
        let part = match self.peek_at(1) {
            Some('(') if self.peek_at(2) == Some('(') => self.arithmetic(quoting)?,
            Some('(') => self.command(quoting)?,
            Some('{') => self.braced(quoting)?,
            Some(c) if is_special(c) || c.is_ascii_digit() => {
                self.advance();
                self.advance();
                Part::Parameter {
                    name: c.to_string(),
                    change: Change::None,
                    quoting,
                }
            }
            Some(_) | None => {
                self.advance();
                let name = self.name();
                match name.as_str() {
                    "" => Part::Literal("$".to_owned(), Quoting::Quoted),
                    _ => Part::Parameter {
                        name,
                        change: Change::None,
                        quoting,
                    },
                }
            }
        };
        self.leave();
        Ok(part)
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(c) = self.peek().filter(|c| c.is_ascii_alphanumeric() || *c == '_') {
            if name.is_empty() && c.is_ascii_digit() {
                break;
            }
            name.push(c);
            self.advance();
        }
        name
    }

    fn command(&mut self, quoting: Quoting) -> Result<Part, Bad> {
        self.take("$(");
        let node = parser::list(self)?;
        self.skip_space_and_lines();
        if self.take(")") {
            return Ok(Part::Command(Arc::new(node), quoting));
        }
        match self.peek() {
            None => Err(self.incomplete(
                Needs::Character(')'),
                "Syntax error: end of file unexpected (expecting \")\")",
            )),
            Some(_) => {
                let what = self.operator().unwrap_or_else(|| self.bare_word());
                Err(self.wrong(&format!("Syntax error: \"{what}\" unexpected (expecting \")\")")))
            }
        }
    }

    fn backquoted(&mut self, quoting: Quoting) -> Result<Part, Bad> {
        self.enter()?;
        let line = self.line;
        self.advance();
        let mut text = String::new();
        loop {
            match self.peek() {
                Some('`') => break self.advance(),
                Some('\\') => {
                    self.advance();
                    match self.peek() {
                        Some(c @ ('`' | '\\' | '$')) => text.push(c),
                        Some(c) => text.extend(['\\', c]),
                        None => {}
                    }
                }
                Some(c) => text.push(c),
                None => {
                    return Err(self.incomplete(Needs::Character('`'), "Syntax error: EOF in backquote substitution"));
                }
            }
            self.advance();
        }
        let mut inner = Self::new(&text, line);
        inner.depth = self.depth;
        let node = parser::list(&mut inner)?;
        self.leave();
        match inner.peek() {
            None => Ok(Part::Command(Arc::new(node), quoting)),
            Some(c) => Err(self.wrong(&format!("Syntax error: \"{c}\" unexpected"))),
        }
    }

    fn arithmetic(&mut self, quoting: Quoting) -> Result<Part, Bad> {
        self.take("$((");
        let (mut parts, mut open) = (Vec::new(), 0_usize);
        loop {
            match (self.peek(), self.peek_at(1)) {
                (Some(')'), Some(')')) if open == 0 => break self.skip(2),
                (Some(c), _) => {
                    match c {
                        '(' => open += 1,
                        ')' => open = open.saturating_sub(1),
                        _ => {}
                    }
                    self.quoted_part(&mut parts, '"')?;
                }
                (None, _) => {
                    return Err(self.incomplete(Needs::Character(')'), "Syntax error: Missing '))'"));
                }
            }
        }
        Ok(Part::Arithmetic(Word(parts), quoting))
    }

    fn braced(&mut self, quoting: Quoting) -> Result<Part, Bad> {
        self.take("${");
        if self.peek() == Some('#') && self.peek_at(1).is_some_and(|c| c != '}') {
            self.advance();
            let name = self.parameter_name()?;
            return self.close_brace(Part::Parameter {
                name,
                change: Change::Length,
                quoting,
            });
        }
        let name = self.parameter_name()?;
        let unset = if self.take(":") { Unset::OrEmpty } else { Unset::Only };
        let change = match self.peek() {
            Some('}') if unset == Unset::Only => Change::None,
            Some(operator @ ('-' | '=' | '+' | '?')) => {
                self.advance();
                let word = self.brace_word(quoting)?;
                match operator {
                    '-' => Change::Default(word, unset),
                    '=' => Change::Assign(word, unset),
                    '+' => Change::Alternative(word, unset),
                    _ => Change::Require(word, unset),
                }
            }
            Some(operator @ ('#' | '%')) if unset == Unset::Only => {
                self.advance();
                let greed = if self.take(&operator.to_string()) {
                    Greed::Longest
                } else {
                    Greed::Shortest
                };
                let word = self.brace_word(Quoting::Open)?;
                if operator == '#' {
                    Change::CutPrefix(word, greed)
                } else {
                    Change::CutSuffix(word, greed)
                }
            }
            None => return Err(self.missing_brace()),
            Some(_) => return Err(self.wrong("Bad substitution")),
        };
        self.close_brace(Part::Parameter { name, change, quoting })
    }

    fn parameter_name(&mut self) -> Result<String, Bad> {
        if let Some(c) = self.peek().filter(|c| is_special(*c) || c.is_ascii_digit()) {
            self.advance();
            return Ok(c.to_string());
        }
        match self.name() {
            name if !name.is_empty() => Ok(name),
            _ if self.peek().is_none() => Err(self.missing_brace()),
            _ => Err(self.wrong("Bad substitution")),
        }
    }

    fn close_brace(&mut self, part: Part) -> Result<Part, Bad> {
        match self.peek() {
            Some('}') => {
                self.advance();
                Ok(part)
            }
            Some(_) => Err(self.wrong("Bad substitution")),
            None => Err(self.missing_brace()),
        }
    }

    /// The word inside `${name:-word}`, up to its brace.
    fn brace_word(&mut self, quoting: Quoting) -> Result<Word, Bad> {
        let mut parts = Vec::new();
        while let Some(c) = self.peek() {
            match (c, quoting) {
                ('}', _) => return Ok(Word(parts)),
                ('\'', Quoting::Open) => parts.push(self.single_quoted()?),
                ('"', _) => self.double_quoted(&mut parts)?,
                ('\\', Quoting::Open) => self.escaped(&mut parts),
                ('$', Quoting::Open) => parts.push(self.dollar(Quoting::Open)?),
                ('`', Quoting::Open) => parts.push(self.backquoted(Quoting::Open)?),
                (c, Quoting::Open) => {
                    self.advance();
                    push_literal(&mut parts, c, Quoting::Open);
                }
                (_, Quoting::Quoted) => self.quoted_part(&mut parts, '}')?,
            }
        }
        Err(self.missing_brace())
    }

    /// Reads the delimiter behind `<<` and the document itself, which starts on the next line.
    pub fn document(&mut self) -> Result<Word, Bad> {
        let strip = self.take("-");
        self.skip_blanks();
        let Some(delimiter) = self.word()? else {
            return Err(self.wrong("Syntax error: newline unexpected"));
        };
        let quoted = delimiter
            .0
            .iter()
            .any(|part| matches!(part, Part::Literal(_, Quoting::Quoted)));
        let delimiter: String = delimiter.0.iter().map(literal_text).collect();
        let incomplete = || self.incomplete(Needs::Line(delimiter.clone()), "Syntax error: end of file unexpected");
        let newline = match self.documents {
            Some((newline, _)) => newline,
            None => {
                let rest = self.characters.get(self.at..).unwrap_or_default();
                self.at + rest.iter().position(|c| *c == '\n').ok_or_else(incomplete)?
            }
        };
        let start = self.documents.map_or(newline + 1, |(_, end)| end);
        let rest: String = self.characters.get(start..).unwrap_or_default().iter().collect();
        let (mut text, mut end) = (String::new(), start);
        for line in rest.split_inclusive('\n') {
            end += line.chars().count();
            let kept = if strip { line.trim_start_matches('\t') } else { line };
            if kept.trim_end_matches('\n') == delimiter {
                self.documents = Some((newline, end));
                return self.document_word(text, quoted);
            }
            text.push_str(kept);
        }
        Err(incomplete())
    }

    fn document_word(&self, text: String, quoted: bool) -> Result<Word, Bad> {
        if quoted {
            return Ok(Word(vec![Part::Literal(text, Quoting::Quoted)]));
        }
        let mut inner = Self::new(&text, self.line);
        inner.depth = self.depth + 1;
        let mut parts = Vec::new();
        while inner.peek().is_some() {
            inner.quoted_part(&mut parts, '\\')?;
        }
        Ok(Word(parts))
    }
}

fn literal_text(part: &Part) -> String {
    match part {
        Part::Literal(text, _) => text.clone(),
        Part::Parameter { .. } | Part::Command(..) | Part::Arithmetic(..) | Part::Home => String::new(),
    }
}

fn push_literal(parts: &mut Vec<Part>, c: char, quoting: Quoting) {
    match parts.last_mut() {
        Some(Part::Literal(text, last)) if *last == quoting => text.push(c),
        _ => parts.push(Part::Literal(c.to_string(), quoting)),
    }
}

fn ends_word(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')')
}

fn is_special(c: char) -> bool {
    matches!(c, '?' | '$' | '#' | '@' | '*' | '!' | '-')
}

/// Whether this may name a variable.
pub fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The text of a word that is nothing but unquoted letters.
pub fn plain(word: &Word) -> Option<String> {
    match word.0.as_slice() {
        [Part::Literal(text, Quoting::Open)] => Some(text.clone()),
        _ => None,
    }
}
