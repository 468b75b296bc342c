//! One call of a program: its words, what it reads, what it writes. A program here is a function of its call.

use super::machine::Machine;
use super::tree::Trouble;

/// The program reads standard input and was not given it yet; it has changed nothing and is called again.
///
/// Programs are plain functions. One that turns out to need its input stops with this, the interpreter waits until
/// the input has ended, and calls it once more with all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeedsInput;

/// An exit status, or the wish for input.
pub type Ended = Result<i32, NeedsInput>;

/// The name of an operand and what it holds.
pub type Content = (String, Vec<u8>);

/// The two streams a program writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Out,
    Err,
}

/// A terminal's size in cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    pub columns: u16,
    pub rows: u16,
}

/// What a program's standard output leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    Terminal(Size),
    Plain,
}

/// The shell that a program is inside of, as dash has its own `echo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inside<'a> {
    /// What stands before complaints: `sh: 1: `.
    pub prefix: &'a str,
    /// `echo` reads backslash escapes without `-e`, and knows no `-e`.
    pub escapes: bool,
}

pub struct Call<'a> {
    pub inside: Option<Inside<'a>>,
    pub name: &'a str,
    /// The words behind the name.
    pub words: &'a [String],
    pub machine: &'a mut Machine,
    pub screen: Screen,
    /// The session's terminal, wherever standard output leads.
    pub terminal: Option<Size>,
    pub input: Option<&'a [u8]>,
    /// What was written, in order.
    pub written: Vec<(Stream, Vec<u8>)>,
}

/// Options and operands of a call.
pub struct Options {
    given: Vec<(String, String)>,
    pub operands: Vec<String>,
}

impl Options {
    pub fn has(&self, name: &str) -> bool {
        self.given.iter().any(|(given, _)| given == name)
    }

    /// The last value given for any of these names.
    pub fn value(&self, names: &[&str]) -> Option<&str> {
        let mut given = self.given.iter().rev();
        given
            .find(|(name, _)| names.contains(&name.as_str()))
            .map(|(_, value)| value.as_str())
    }

    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.given
            .iter()
            .filter(move |(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    }
}

impl Call<'_> {
    pub fn out(&mut self, bytes: impl AsRef<[u8]>) {
        self.write(Stream::Out, bytes.as_ref());
    }

    pub fn line(&mut self, text: impl AsRef<[u8]>) {
        self.write(Stream::Out, text.as_ref());
        self.write(Stream::Out, b"\n");
    }

    /// A message in the usual form, `name: message`.
    pub fn complain(&mut self, message: impl AsRef<str>) {
        let prefix = self.inside.map_or("", |inside| inside.prefix);
        let text = format!("{prefix}{}: {}\n", self.name, message.as_ref());
        self.write(Stream::Err, text.as_bytes());
    }

    /// Text on standard error as it is.
    pub fn err(&mut self, text: impl AsRef<[u8]>) {
        self.write(Stream::Err, text.as_ref());
    }

    fn write(&mut self, stream: Stream, bytes: &[u8]) {
        match self.written.last_mut() {
            Some((last, held)) if *last == stream => held.extend_from_slice(bytes),
            _ => self.written.push((stream, bytes.to_vec())),
        }
    }

    /// All of standard input.
    pub fn input(&self) -> Result<Vec<u8>, NeedsInput> {
        self.input.map(<[u8]>::to_vec).ok_or(NeedsInput)
    }

    /// The content of an operand; `-` is standard input.
    pub fn read(&self, operand: &str) -> Result<Result<Vec<u8>, Trouble>, NeedsInput> {
        if matches!(operand, "-" | "/dev/stdin") {
            return self.input().map(Ok);
        }
        Ok(self.machine.tree.read(&self.machine.path(operand)).map(<[u8]>::to_vec))
    }

    /// The contents of all operands that can be read, each with its name; the others are complained about.
    /// Without operands: standard input, named `-`.
    pub fn read_all(&mut self, operands: &[String]) -> Result<(Vec<Content>, i32), NeedsInput> {
        if operands.is_empty() {
            return Ok((vec![("-".to_owned(), self.input()?)], 0));
        }
        let (mut contents, mut status) = (Vec::new(), 0);
        for operand in operands {
            match self.read(operand)? {
                Ok(content) => contents.push((operand.clone(), content)),
                Err(trouble) => {
                    let what = match self.name {
                        "head" | "tail" => format!("cannot open '{operand}' for reading"),
                        "sort" => format!("cannot read: {operand}"),
                        _ => operand.clone(),
                    };
                    self.complain(format!("{what}: {}", trouble.text()));
                    status = 1;
                }
            }
        }
        Ok((contents, status))
    }

    /// Splits the words by a list of options such as `["l", "n:", "color:"]`; a colon takes a value.
    /// None after a complaint about an option that is not in the list.
    pub fn options(&mut self, known: &[&str]) -> Option<Options> {
        let mut options = Options {
            given: Vec::new(),
            operands: Vec::new(),
        };
        let mut words = self.words.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                options.operands.extend(words.cloned());
                break;
            }
            let wrong = if let Some(long) = word.strip_prefix("--") {
                long_option(long, known, &mut words, &mut options)
            } else if let Some(letters) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
                short_options(letters, known, &mut words, &mut options)
            } else {
                options.operands.push(word.clone());
                None
            };
            if let Some(message) = wrong {
                self.complain(message);
                return None;
            }
        }
        Some(options)
    }
}

fn long_option(
    long: &str,
    known: &[&str],
    words: &mut std::slice::Iter<'_, String>,
    options: &mut Options,
) -> Option<String> {
    let (name, value) = long
        .split_once('=')
        .map_or((long, None), |(name, value)| (name, Some(value)));
    if name.len() > 1 && known.contains(&name) {
        options
            .given
            .push((name.to_owned(), value.unwrap_or_default().to_owned()));
        return None;
    }
    if name.len() > 1 && known.iter().any(|known| known.strip_suffix(':') == Some(name)) {
        let optional = name == "color";
        let value = match value {
            Some(value) => value.to_owned(),
            None if optional => "always".to_owned(),
            None => match words.next() {
                Some(value) => value.clone(),
                None => return Some(format!("option '--{name}' requires an argument")),
            },
        };
        options.given.push((name.to_owned(), value));
        return None;
    }
    Some(format!("unrecognized option '--{name}'"))
}

fn short_options(
    letters: &str,
    known: &[&str],
    words: &mut std::slice::Iter<'_, String>,
    options: &mut Options,
) -> Option<String> {
    let mut rest = letters.chars();
    while let Some(letter) = rest.next() {
        let name = letter.to_string();
        if known.contains(&name.as_str()) {
            options.given.push((name, String::new()));
            continue;
        }
        if !known.iter().any(|known| known.strip_suffix(':') == Some(&name)) {
            return Some(format!("invalid option -- '{letter}'"));
        }
        let attached: String = rest.by_ref().collect();
        let value = if attached.is_empty() {
            words.next().cloned()
        } else {
            Some(attached)
        };
        match value {
            Some(value) => options.given.push((name, value)),
            None => return Some(format!("option requires an argument -- '{letter}'")),
        }
    }
    None
}

/// The lines of a text without their ends; a missing last newline loses nothing.
pub fn lines(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    let body = content.strip_suffix(b"\n").unwrap_or(content);
    let empty = content.is_empty();
    body.split(|byte| *byte == b'\n').filter(move |_| !empty)
}
