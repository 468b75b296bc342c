//! What is wrong with a file that a person wrote: where, what, and what to do about it.

use std::fmt;
use std::path::PathBuf;

/// One mistake in a file of the user's. `line` and `column` count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub file: PathBuf,
    pub line: usize,
    pub column: usize,
    pub message: String,
    pub hint: Option<String>,
}

impl Diagnostic {
    /// The diagnostic for the byte `offset` of `text`.
    pub fn at(file: impl Into<PathBuf>, text: &str, offset: usize, message: impl Into<String>) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self {
            file: file.into(),
            line,
            column,
            message: message.into(),
            hint: None,
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}:{}: {}",
            self.file.display(),
            self.line,
            self.column,
            self.message
        )?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_as_editors_count_it() {
        let at = |offset| {
            let diagnostic = Diagnostic::at("k.toml", "é = 1\nab\n", offset, "wrong");
            (diagnostic.line, diagnostic.column)
        };
        assert_eq!(at(0), (1, 1));
        assert_eq!(at(2), (1, 2));
        assert_eq!(at(8), (2, 2));
        assert_eq!(
            Diagnostic::at("k.toml", "x", 0, "no").hint("do").to_string(),
            "k.toml:1:1: no (do)"
        );
    }
}
