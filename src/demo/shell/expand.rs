//! Words of a script to words of a command: parameters, substitutions, splitting, file names.

use std::collections::VecDeque;
use std::pin::Pin;

use super::interpreter::{Shell, Sink, Streams};
use super::syntax::{Change, Greed, Part, Quoting, Unset, Word};
use super::system::FIRST_PROCESS;
use super::tree::Kind;
use super::{arithmetic, glob};

/// The longest value of a variable in bytes; longer ones come only from runaway loops.
pub const MOST_VALUE: usize = 1 << 20;
/// The most names that one pattern becomes.
const MOST_NAMES: usize = 10_000;

/// A complaint that ends the command.
pub type Expanded<T> = Result<T, String>;

pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A part of a word with its value.
enum Piece {
    /// As it stands: neither split nor matched.
    Fixed(String),
    /// Written in the script without quotes: matched against file names.
    Written(String),
    /// From an expansion without quotes: split and matched.
    Found(String),
    /// Between the parameters of `"$@"`.
    Break,
    /// `"$@"` without parameters: no word at all.
    Nothing,
}

impl Shell {
    /// The words that a list of words becomes.
    pub async fn fields(&mut self, words: &[Word], streams: Streams) -> Expanded<Vec<String>> {
        let mut found = Vec::new();
        for word in words {
            let pieces = self.pieces(word, streams).await?;
            for field in self.split(pieces) {
                self.match_files(&field, &mut found);
            }
        }
        Ok(found)
    }

    /// The text of a word that stays one, as in an assignment.
    pub async fn text(&mut self, word: &Word, streams: Streams) -> Expanded<String> {
        let pieces = self.pieces(word, streams).await?;
        let texts = pieces.into_iter().map(|piece| match piece {
            Piece::Fixed(text) | Piece::Written(text) | Piece::Found(text) => text,
            Piece::Break => " ".to_owned(),
            Piece::Nothing => String::new(),
        });
        Ok(texts.collect())
    }

    /// A word as a pattern: what was quoted fits only itself.
    pub async fn pattern(&mut self, word: &Word, streams: Streams) -> Expanded<String> {
        let pieces = self.pieces(word, streams).await?;
        let texts = pieces.into_iter().map(|piece| match piece {
            Piece::Fixed(text) => glob::escape(&text),
            Piece::Written(text) | Piece::Found(text) => text,
            Piece::Break => " ".to_owned(),
            Piece::Nothing => String::new(),
        });
        Ok(texts.collect())
    }

    fn pieces<'a>(&'a mut self, word: &'a Word, streams: Streams) -> Boxed<'a, Expanded<Vec<Piece>>> {
        Box::pin(async move {
            let mut pieces = Vec::new();
            for part in &word.0 {
                match part {
                    Part::Literal(text, Quoting::Open) => pieces.push(Piece::Written(text.clone())),
                    Part::Literal(text, Quoting::Quoted) => pieces.push(Piece::Fixed(text.clone())),
                    Part::Home => pieces.push(Piece::Fixed(self.machine.variable("HOME").unwrap_or("/").to_owned())),
                    Part::Command(node, quoting) => {
                        let text = self.substituted(node, streams).await;
                        pieces.push(piece(text, *quoting));
                    }
                    Part::Arithmetic(word, quoting) => {
                        let text = self.text(word, streams).await?;
                        let value = arithmetic::value(&text, &mut self.machine)?;
                        pieces.push(piece(value.to_string(), *quoting));
                    }
                    Part::Parameter { name, change, quoting } => {
                        self.parameter(name, change, *quoting, streams, &mut pieces).await?;
                    }
                }
            }
            Ok(pieces)
        })
    }

    /// What a command writes, without the newlines at its end.
    async fn substituted(&mut self, node: &super::syntax::Node, streams: Streams) -> String {
        let at = self.held.len();
        self.held.push(VecDeque::new());
        let scope = self.scope();
        self.node(
            node,
            Streams {
                out: Sink::Held(at),
                ..streams
            },
        )
        .await;
        self.restore(scope);
        let bytes: Vec<u8> = self.held.get_mut(at).map(std::mem::take).unwrap_or_default().into();
        self.held.truncate(at);
        self.overflowed = false;
        let text = String::from_utf8_lossy(&bytes);
        text.trim_end_matches('\n')
            .chars()
            .filter(|c| *c != '\0')
            .take(MOST_VALUE)
            .collect()
    }

    /// The value of a parameter; none if it is unset.
    fn value_of(&self, name: &str) -> Option<String> {
        match name {
            "?" => Some(self.status.to_string()),
            "$" => Some(FIRST_PROCESS.to_string()),
            "#" => Some(self.positional.len().to_string()),
            "@" => (!self.positional.is_empty()).then(|| self.positional.join(" ")),
            "*" => {
                let separators = self.machine.variable("IFS").unwrap_or(" ");
                let first: String = separators.chars().take(1).collect();
                (!self.positional.is_empty()).then(|| self.positional.join(&first))
            }
            "0" => Some(self.name.clone()),
            "-" => Some(if self.interactive { "i" } else { "" }.to_owned()),
            "!" => None,
            "RANDOM" | "PPID" => Some("0".to_owned()),
            name => match name.parse::<usize>() {
                Ok(n) => self.positional.get(n.checked_sub(1)?).cloned(),
                Err(_) => self.machine.variable(name).map(str::to_owned),
            },
        }
    }

    async fn parameter(
        &mut self,
        name: &str,
        change: &Change,
        quoting: Quoting,
        streams: Streams,
        pieces: &mut Vec<Piece>,
    ) -> Expanded<()> {
        if name == "@" && quoting == Quoting::Quoted && *change == Change::None {
            if self.positional.is_empty() {
                pieces.push(Piece::Nothing);
            }
            for (n, value) in self.positional.iter().enumerate() {
                if n > 0 {
                    pieces.push(Piece::Break);
                }
                pieces.push(Piece::Fixed(value.clone()));
            }
            return Ok(());
        }
        let value = self.value_of(name);
        let counts = |unset: Unset| match (&value, unset) {
            (None, _) => true,
            (Some(value), Unset::OrEmpty) => value.is_empty(),
            (Some(_), Unset::Only) => false,
        };
        let text = match change {
            Change::Default(word, unset) if counts(*unset) => return self.nested(word, quoting, streams, pieces).await,
            Change::Alternative(word, unset) if !counts(*unset) => {
                return self.nested(word, quoting, streams, pieces).await;
            }
            Change::Alternative(..) => String::new(),
            Change::Assign(word, unset) if counts(*unset) => {
                let text = self.text(word, streams).await?;
                self.machine.set(name, text.clone());
                text
            }
            Change::Require(word, unset) if counts(*unset) => {
                let message = self.text(word, streams).await?;
                let message = if message.is_empty() {
                    "parameter not set".to_owned()
                } else {
                    message
                };
                return Err(format!("{name}: {message}"));
            }
            Change::Length if matches!(name, "@" | "*") => self.positional.len().to_string(),
            Change::Length => value.unwrap_or_default().chars().count().to_string(),
            Change::CutPrefix(word, greed) => {
                let pattern = self.pattern(word, streams).await?;
                without_prefix(&value.unwrap_or_default(), &pattern, *greed)
            }
            Change::CutSuffix(word, greed) => {
                let pattern = self.pattern(word, streams).await?;
                without_suffix(&value.unwrap_or_default(), &pattern, *greed)
            }
            Change::None if value.is_none() && self.settings.unset_is_error && !matches!(name, "@" | "*" | "!") => {
                return Err(format!("{name}: parameter not set"));
            }
            Change::None | Change::Default(..) | Change::Assign(..) | Change::Require(..) => value.unwrap_or_default(),
        };
        pieces.push(piece(text, quoting));
        Ok(())
    }

    /// The word inside `${name:-word}`.
    async fn nested(
        &mut self,
        word: &Word,
        quoting: Quoting,
        streams: Streams,
        pieces: &mut Vec<Piece>,
    ) -> Expanded<()> {
        match quoting {
            Quoting::Open => {
                let inner = self.pieces(word, streams).await?;
                pieces.extend(inner.into_iter().map(|piece| match piece {
                    Piece::Written(text) => Piece::Found(text),
                    other => other,
                }));
            }
            Quoting::Quoted => {
                let text = self.text(word, streams).await?;
                pieces.push(Piece::Fixed(text));
            }
        }
        Ok(())
    }

    /// Splits pieces into fields, in which what must not be matched is escaped.
    fn split(&self, pieces: Vec<Piece>) -> Vec<String> {
        let separators = self.machine.variable("IFS").unwrap_or(" \t\n").to_owned();
        let (mut fields, mut current): (Vec<String>, Option<String>) = (Vec::new(), None);
        for piece in pieces {
            match piece {
                Piece::Fixed(text) => current.get_or_insert_default().push_str(&glob::escape(&text)),
                Piece::Written(text) => current.get_or_insert_default().push_str(&text),
                Piece::Break => fields.push(current.take().unwrap_or_default()),
                Piece::Nothing => {}
                Piece::Found(text) => {
                    for c in text.chars() {
                        if !separators.contains(c) {
                            let field = current.get_or_insert_default();
                            if c == '\\' {
                                field.push('\\');
                            }
                            field.push(c);
                        } else if c.is_whitespace() {
                            fields.extend(current.take());
                        } else {
                            fields.push(current.take().unwrap_or_default());
                        }
                    }
                }
            }
        }
        fields.extend(current);
        fields
    }

    /// The files that a field names, or the field itself if there are none.
    fn match_files(&self, field: &str, found: &mut Vec<String>) {
        if !glob::is_pattern(field) {
            return found.push(glob::unescape(field));
        }
        let (start, rest) = match field.strip_prefix('/') {
            Some(rest) => ("/".to_owned(), rest),
            None => (String::new(), field),
        };
        let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
        let mut paths = vec![start];
        for (n, part) in parts.iter().enumerate() {
            let last = n + 1 == parts.len();
            paths = paths
                .iter()
                .flat_map(|path| self.step(path, part, last))
                .take(MOST_NAMES)
                .collect();
        }
        if paths.is_empty() {
            return found.push(glob::unescape(field));
        }
        found.append(&mut paths);
    }

    /// The names in one directory that fit one part of a pattern.
    fn step(&self, path: &str, part: &str, last: bool) -> Vec<String> {
        let tree = &self.machine.tree;
        let joined = |name: &str| {
            if path.is_empty() || path.ends_with('/') {
                format!("{path}{name}")
            } else {
                format!("{path}/{name}")
            }
        };
        if !glob::is_pattern(part) {
            let name = joined(&glob::unescape(part));
            return if self.machine.exists(&name) {
                vec![name]
            } else {
                Vec::new()
            };
        }
        let entries = tree
            .list(&self.machine.path(if path.is_empty() { "." } else { path }))
            .into_iter();
        let fitting = entries.filter(|entry| last || entry.kind == Kind::Directory);
        let fitting = fitting
            .filter(|entry| (!entry.name.starts_with('.') || part.starts_with('.')) && glob::fits(part, &entry.name));
        fitting.map(|entry| joined(&entry.name)).collect()
    }
}

fn piece(text: String, quoting: Quoting) -> Piece {
    match quoting {
        Quoting::Open => Piece::Found(text),
        Quoting::Quoted => Piece::Fixed(text),
    }
}

/// The places between characters, from the front.
fn cuts(text: &str) -> Vec<usize> {
    // Longer values are not worth a quadratic search.
    text.char_indices()
        .map(|(at, _)| at)
        .chain([text.len()])
        .take(4096)
        .collect()
}

fn without_prefix(text: &str, pattern: &str, greed: Greed) -> String {
    let fits = |at: &usize| text.get(..*at).is_some_and(|head| glob::fits(pattern, head));
    let cuts = cuts(text);
    let cut = match greed {
        Greed::Shortest => cuts.iter().find(|at| fits(at)),
        Greed::Longest => cuts.iter().rev().find(|at| fits(at)),
    };
    cut.and_then(|at| text.get(*at..)).unwrap_or(text).to_owned()
}

fn without_suffix(text: &str, pattern: &str, greed: Greed) -> String {
    let fits = |at: &usize| text.get(*at..).is_some_and(|tail| glob::fits(pattern, tail));
    let cuts = cuts(text);
    let cut = match greed {
        Greed::Shortest => cuts.iter().rev().find(|at| fits(at)),
        Greed::Longest => cuts.iter().find(|at| fits(at)),
    };
    cut.and_then(|at| text.get(..*at)).unwrap_or(text).to_owned()
}
