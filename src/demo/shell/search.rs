//! Programs that match regular expressions: `grep` and `sed` (`s`, `p`, `d`, `q` with line and pattern addresses).

use regex::bytes::{Captures, Regex, RegexBuilder};

use super::call::{Call, Content, Ended, NeedsInput, Options, lines};
use super::tree::Kind;

/// How a pattern is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Fixed,
    Basic,
    Extended,
}

/// A POSIX pattern in the syntax of the `regex` crate. Back-references are not known there and are refused by it.
fn translated(pattern: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Fixed => return regex::escape(pattern),
        Dialect::Extended => return pattern.to_owned(),
        Dialect::Basic => {}
    }
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    let mut in_class = false;
    let mut first = true;
    while let Some(c) = chars.next() {
        match c {
            '[' if !in_class => {
                in_class = true;
                out.push('[');
            }
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            c if in_class => out.push(c),
            '\\' => match chars.next() {
                Some(special @ ('(' | ')' | '{' | '}' | '|' | '+' | '?')) => out.push(special),
                Some('<' | '>') => out.push_str("\\b"),
                Some(other) => out.extend(['\\', other]),
                None => out.push_str("\\\\"),
            },
            '(' | ')' | '{' | '}' | '|' | '+' | '?' => out.extend(['\\', c]),
            '*' if first => out.push_str("\\*"),
            c => out.push(c),
        }
        first = false;
    }
    out
}

fn compiled(pattern: &str, dialect: Dialect, any_case: bool) -> Result<Regex, String> {
    let mut builder = RegexBuilder::new(&translated(pattern, dialect));
    builder.case_insensitive(any_case).unicode(true).size_limit(1 << 20);
    builder
        .build()
        .map_err(|_| format!("Invalid regular expression: {pattern}"))
}

const GREP: &[&str] = &[
    "i", "n", "v", "r", "R", "c", "l", "q", "s", "o", "w", "x", "F", "E", "P", "h", "H", "e:", "m:", "A:", "B:", "C:",
    "color:", "include:",
];

pub fn grep(call: &mut Call<'_>) -> Ended {
    let Some(options) = call.options(GREP) else {
        return Ok(2);
    };
    let mut operands = options.operands.clone();
    let mut patterns: Vec<String> = options.values("e").map(str::to_owned).collect();
    if patterns.is_empty() {
        if operands.is_empty() {
            call.err("Usage: grep [OPTION]... PATTERNS [FILE]...\n");
            return Ok(2);
        }
        patterns.push(operands.remove(0));
    }
    let search = match Search::new(call.name, &patterns, &options) {
        Ok(search) => search,
        Err(message) => {
            call.complain(message);
            return Ok(2);
        }
    };
    let recursive = options.has("r") || options.has("R");
    if recursive {
        operands = files_below(call, &operands, options.value(&["include"]));
    }
    let show = Show {
        named: (operands.len() > 1 || recursive || options.has("H")) && !options.has("h"),
        numbered: options.has("n"),
        only: options.has("o"),
        counted: options.has("c"),
        names: options.has("l"),
        quiet: options.has("q"),
    };
    let (contents, trouble) = read_for_search(call, &operands, recursive)?;
    let mut found = false;
    for (name, content) in &contents {
        let name = if name == "-" { "(standard input)" } else { name };
        found |= show.matches(call, name, content, &search);
    }
    Ok(match (found, trouble) {
        (true, 0) => 0,
        (false, 0) => 1,
        (_, _) => 2,
    })
}

impl Search {
    fn new(name: &str, patterns: &[String], options: &Options) -> Result<Self, String> {
        let dialect = match name {
            _ if options.has("F") => Dialect::Fixed,
            "fgrep" => Dialect::Fixed,
            "egrep" => Dialect::Extended,
            _ if options.has("E") || options.has("P") => Dialect::Extended,
            _ => Dialect::Basic,
        };
        let alternatives = patterns.iter().flat_map(|pattern| pattern.split('\n'));
        let alternatives = alternatives.map(|pattern| format!("(?:{})", translated(pattern, dialect)));
        let mut pattern = alternatives.collect::<Vec<_>>().join("|");
        if options.has("w") {
            pattern = format!("\\b(?:{pattern})\\b");
        }
        if options.has("x") {
            pattern = format!("^(?:{pattern})$");
        }
        let count = |names: &[&str]| options.value(names).and_then(|count| count.parse().ok());
        Ok(Self {
            regex: compiled(&pattern, Dialect::Extended, options.has("i"))?,
            inverted: options.has("v"),
            most: count(&["m"]).unwrap_or(usize::MAX),
            before: count(&["B", "C"]).unwrap_or(0),
            after: count(&["A", "C"]).unwrap_or(0),
        })
    }
}

fn read_for_search(call: &mut Call<'_>, operands: &[String], quiet: bool) -> Result<(Vec<Content>, i32), NeedsInput> {
    if quiet && operands.is_empty() {
        return Ok((Vec::new(), 0));
    }
    call.read_all(operands)
}

fn files_below(call: &Call<'_>, operands: &[String], include: Option<&str>) -> Vec<String> {
    let starts = if operands.is_empty() {
        vec![".".to_owned()]
    } else {
        operands.to_vec()
    };
    let (mut files, mut waiting): (Vec<String>, Vec<String>) = (Vec::new(), starts.into_iter().rev().collect());
    while let Some(name) = waiting.pop() {
        let path = call.machine.path(&name);
        match call.machine.tree.kind(&path) {
            Some(Kind::Directory) => {
                let entries = call
                    .machine
                    .tree
                    .list(&path)
                    .into_iter()
                    .rev()
                    .filter(|entry| entry.kind != Kind::Device);
                waiting.extend(entries.map(|entry| format!("{}/{}", name.trim_end_matches('/'), entry.name)));
            }
            Some(_) if include.is_some_and(|include| !super::glob::fits(include, super::tree::base(&name))) => {}
            Some(_) | None => files.push(name),
        }
    }
    files
}

struct Search {
    regex: Regex,
    inverted: bool,
    most: usize,
    before: usize,
    after: usize,
}

#[expect(clippy::struct_excessive_bools, reason = "one field per option letter of grep")]
struct Show {
    named: bool,
    numbered: bool,
    only: bool,
    counted: bool,
    names: bool,
    quiet: bool,
}

impl Show {
    /// Writes what was found in one file; whether there was anything.
    fn matches(&self, call: &mut Call<'_>, name: &str, content: &[u8], search: &Search) -> bool {
        let all: Vec<&[u8]> = lines(content).collect();
        let hits = all
            .iter()
            .enumerate()
            .filter(|(_, line)| search.regex.is_match(line) != search.inverted);
        let hits: Vec<usize> = hits.map(|(n, _)| n).take(search.most).collect();
        let prefix = if self.named { format!("{name}:") } else { String::new() };
        if self.quiet {
        } else if self.names {
            if !hits.is_empty() {
                call.line(name);
            }
        } else if self.counted {
            call.line(format!("{prefix}{}", hits.len()));
        } else if self.only {
            for n in &hits {
                let line = all.get(*n).copied().unwrap_or_default();
                for part in search.regex.find_iter(line).filter(|part| !part.is_empty()) {
                    call.out(self.prefix(name, *n, ':'));
                    call.line(part.as_bytes());
                }
            }
        } else {
            self.lines(call, name, &all, &hits, search);
        }
        !hits.is_empty()
    }

    fn lines(&self, call: &mut Call<'_>, name: &str, all: &[&[u8]], hits: &[usize], search: &Search) {
        let mut next = 0;
        for hit in hits {
            let from = hit.saturating_sub(search.before).max(next);
            if from > next && next > 0 && search.before + search.after > 0 {
                call.line("--");
            }
            let to = hit.saturating_add(search.after).min(all.len().saturating_sub(1));
            for n in from..=to {
                let mark = if hits.binary_search(&n).is_ok() { ':' } else { '-' };
                call.out(self.prefix(name, n, mark));
                call.line(all.get(n).copied().unwrap_or_default());
            }
            next = next.max(to + 1);
        }
    }

    fn prefix(&self, name: &str, n: usize, mark: char) -> String {
        let name = if self.named {
            format!("{name}{mark}")
        } else {
            String::new()
        };
        let number = if self.numbered {
            format!("{}{mark}", n + 1)
        } else {
            String::new()
        };
        name + &number
    }
}

/// One command of a `sed` script.
struct Edit {
    from: Option<Address>,
    to: Option<Address>,
    action: Action,
}

enum Address {
    Line(usize),
    Last,
    Pattern(Regex),
}

enum Action {
    Substitute {
        regex: Regex,
        with: String,
        everywhere: bool,
        print: bool,
    },
    Print,
    Delete,
    Quit,
}

pub fn sed(call: &mut Call<'_>) -> Ended {
    let Some(options) = call.options(&["n", "e:", "E", "r", "i", "quiet"]) else {
        return Ok(1);
    };
    let mut operands = options.operands.clone();
    let mut scripts: Vec<String> = options.values("e").map(str::to_owned).collect();
    if scripts.is_empty() {
        if operands.is_empty() {
            call.err("Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...\n");
            return Ok(1);
        }
        scripts.push(operands.remove(0));
    }
    let dialect = if options.has("E") || options.has("r") {
        Dialect::Extended
    } else {
        Dialect::Basic
    };
    let edits = match read_script(&scripts.join("\n"), dialect) {
        Ok(edits) => edits,
        Err(message) => {
            call.complain(format!("-e expression #1, char {message}"));
            return Ok(1);
        }
    };
    let quiet = options.has("n") || options.has("quiet");
    let (contents, status) = call.read_all(&operands)?;
    if options.has("i") {
        for (name, content) in contents {
            let (path, edited) = (call.machine.path(&name), edited(&content, &edits, quiet));
            if let Err(trouble) = call.machine.tree.write(&path, edited) {
                call.complain(format!("{name}: {}", trouble.text()));
            }
        }
        return Ok(status);
    }
    let all: Vec<u8> = contents.into_iter().flat_map(|(_, content)| content).collect();
    call.out(edited(&all, &edits, quiet));
    Ok(status)
}

fn edited(content: &[u8], edits: &[Edit], quiet: bool) -> Vec<u8> {
    let all: Vec<&[u8]> = lines(content).collect();
    let mut inside = vec![false; edits.len()];
    let mut out = Vec::with_capacity(content.len());
    'lines: for (n, line) in all.iter().enumerate() {
        let place = (n + 1, n + 1 == all.len());
        let mut line = line.to_vec();
        let mut emit = |line: &[u8]| {
            out.extend_from_slice(line);
            out.push(b'\n');
        };
        for (edit, inside) in edits.iter().zip(&mut inside) {
            if !edit.applies(&line, place, inside) {
                continue;
            }
            match &edit.action {
                Action::Substitute {
                    regex,
                    with,
                    everywhere,
                    print,
                } => {
                    let limit = usize::from(!everywhere);
                    let changed = regex.replacen(&line, limit, |captures: &Captures<'_>| replacement(with, captures));
                    let hit = regex.is_match(&line);
                    line = changed.into_owned();
                    if *print && hit {
                        emit(&line);
                    }
                }
                Action::Print => emit(&line),
                Action::Delete => continue 'lines,
                Action::Quit => {
                    if !quiet {
                        emit(&line);
                    }
                    break 'lines;
                }
            }
        }
        if !quiet {
            emit(&line);
        }
    }
    out
}

fn replacement(with: &str, captures: &Captures<'_>) -> Vec<u8> {
    let group = |n: usize| {
        captures
            .get(n)
            .map(|found| found.as_bytes().to_vec())
            .unwrap_or_default()
    };
    let mut out = Vec::new();
    let mut chars = with.chars();
    while let Some(c) = chars.next() {
        match c {
            '&' => out.extend(group(0)),
            '\\' => match chars.next() {
                Some('n') => out.push(b'\n'),
                Some('t') => out.push(b'\t'),
                Some(digit) if digit.is_ascii_digit() => {
                    let n = digit.to_digit(10).and_then(|n| usize::try_from(n).ok());
                    out.extend(group(n.unwrap_or(0)));
                }
                Some(other) => out.extend(other.to_string().into_bytes()),
                None => {}
            },
            other => out.extend(other.to_string().into_bytes()),
        }
    }
    out
}

impl Edit {
    fn applies(&self, line: &[u8], (number, last): (usize, bool), inside: &mut bool) -> bool {
        let fits = |address: &Address| match address {
            Address::Line(wanted) => *wanted == number,
            Address::Last => last,
            Address::Pattern(regex) => regex.is_match(line),
        };
        match (&self.from, &self.to) {
            (None, _) => true,
            (Some(from), None) => fits(from),
            (Some(from), Some(to)) => {
                if !*inside {
                    *inside = fits(from);
                    // A range whose end line is already past is one line long.
                    let over = matches!(to, Address::Line(end) if *end <= number);
                    return std::mem::replace(inside, *inside && !over);
                }
                *inside = !fits(to);
                true
            }
        }
    }
}

fn read_script(script: &str, dialect: Dialect) -> Result<Vec<Edit>, String> {
    let mut reader = Script {
        rest: script.chars().collect(),
        at: 0,
        dialect,
    };
    let mut edits = Vec::new();
    loop {
        while reader.peek().is_some_and(|c| c.is_whitespace() || c == ';') {
            reader.at += 1;
        }
        if reader.peek().is_none() {
            return Ok(edits);
        }
        let edit = reader.edit().map_err(|message| format!("{}: {message}", reader.at))?;
        edits.push(edit);
    }
}

struct Script {
    rest: Vec<char>,
    at: usize,
    dialect: Dialect,
}

impl Script {
    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek();
        self.at += 1;
        c
    }

    fn edit(&mut self) -> Result<Edit, String> {
        let from = self.address()?;
        let to = if from.is_some() && self.peek() == Some(',') {
            self.at += 1;
            Some(self.address()?.ok_or("unexpected `,'")?)
        } else {
            None
        };
        while self.peek() == Some(' ') {
            self.at += 1;
        }
        let action = match self.next() {
            Some('p') => Action::Print,
            Some('d') => Action::Delete,
            Some('q') => Action::Quit,
            Some('s') => self.substitute()?,
            Some(c) => return Err(format!("unknown command: `{c}'")),
            None => return Err("missing command".to_owned()),
        };
        Ok(Edit { from, to, action })
    }

    fn address(&mut self) -> Result<Option<Address>, String> {
        match self.peek() {
            Some('$') => {
                self.at += 1;
                Ok(Some(Address::Last))
            }
            Some('/') => {
                self.at += 1;
                let pattern = self.until('/').ok_or("unterminated address regex")?;
                Ok(Some(Address::Pattern(compiled(&pattern, self.dialect, false)?)))
            }
            Some(c) if c.is_ascii_digit() => {
                let mut number = String::new();
                while let Some(c) = self.peek().filter(char::is_ascii_digit) {
                    number.push(c);
                    self.at += 1;
                }
                Ok(Some(Address::Line(number.parse().map_err(|_| "invalid line number")?)))
            }
            Some(_) | None => Ok(None),
        }
    }

    fn until(&mut self, end: char) -> Option<String> {
        let mut text = String::new();
        loop {
            match self.next()? {
                '\\' if self.peek() == Some(end) => text.extend(self.next()),
                '\\' => {
                    text.push('\\');
                    text.extend(self.next());
                }
                c if c == end => return Some(text),
                c => text.push(c),
            }
        }
    }

    fn substitute(&mut self) -> Result<Action, String> {
        let unterminated = || "unterminated `s' command".to_owned();
        let mark = self.next().ok_or_else(unterminated)?;
        let pattern = self.until(mark).ok_or_else(unterminated)?;
        let with = self.until(mark).ok_or_else(unterminated)?;
        let (mut everywhere, mut print, mut any_case) = (false, false, false);
        while let Some(flag) = self.peek().filter(|c| !matches!(c, ';' | '\n')) {
            match flag {
                'g' => everywhere = true,
                'p' => print = true,
                'i' | 'I' => any_case = true,
                ' ' => {}
                _ => return Err("unknown option to `s'".to_owned()),
            }
            self.at += 1;
        }
        let regex = compiled(&pattern, self.dialect, any_case)?;
        Ok(Action::Substitute {
            regex,
            with,
            everywhere,
            print,
        })
    }
}
