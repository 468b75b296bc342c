//! The shape of a parsed script: commands, words, redirections. Data only.

use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    Simple(Simple),
    Pipeline {
        stages: Vec<Node>,
        negated: bool,
    },
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    List(Vec<Node>),
    /// Condition and body of `if` and each `elif`, then `else`.
    If {
        cases: Vec<(Node, Node)>,
        otherwise: Option<Box<Node>>,
    },
    Loop {
        kind: LoopKind,
        condition: Box<Node>,
        body: Box<Node>,
    },
    /// Without words: over the positional parameters.
    For {
        name: String,
        words: Option<Vec<Word>>,
        body: Box<Node>,
    },
    Case {
        word: Word,
        arms: Vec<(Vec<Word>, Node)>,
    },
    Subshell(Box<Node>),
    Group(Box<Node>),
    Function {
        name: String,
        body: Arc<Node>,
    },
    Redirected {
        node: Box<Node>,
        redirects: Vec<Redirect>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoopKind {
    While,
    Until,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simple {
    /// Line in the script, from 1.
    pub line: usize,
    pub assignments: Vec<(String, Word)>,
    pub words: Vec<Word>,
    pub redirects: Vec<Redirect>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The descriptor that is changed: 0, 1 or 2.
    pub descriptor: u8,
    pub kind: RedirectKind,
    pub target: Word,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectKind {
    Read,
    Write,
    Append,
    /// `2>&1`: the target names a descriptor or `-`.
    Duplicate,
    /// The target is the text itself.
    Document,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word(pub Vec<Part>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quoting {
    /// The result is split into fields and matched against file names.
    Open,
    Quoted,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Literal(String, Quoting),
    Parameter {
        name: String,
        change: Change,
        quoting: Quoting,
    },
    Command(Arc<Node>, Quoting),
    Arithmetic(Word, Quoting),
    /// A leading `~`.
    Home,
}

/// What `${name...}` does with the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    None,
    Length,
    /// `${a:-b}`; for all of these, empty counts as unset where a colon stood.
    Default(Word, Unset),
    Assign(Word, Unset),
    Alternative(Word, Unset),
    Require(Word, Unset),
    CutPrefix(Word, Greed),
    CutSuffix(Word, Greed),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unset {
    OrEmpty,
    Only,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greed {
    Shortest,
    Longest,
}

/// Why a text is not a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bad {
    /// More lines may complete it; only a line that has what is needed can.
    Incomplete {
        line: usize,
        needs: Needs,
        message: String,
    },
    Wrong {
        line: usize,
        message: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Needs {
    Anything,
    Character(char),
    /// The whole line is this, after any tabs: the end of a here-document.
    Line(String),
}

impl Needs {
    /// Whether a further line can be what was missing.
    pub fn may_be(&self, line: &str) -> bool {
        match self {
            Self::Anything => true,
            Self::Character(c) => line.contains(*c),
            Self::Line(delimiter) => line.trim_start_matches('\t') == delimiter,
        }
    }
}
