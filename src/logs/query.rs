//! What is searched for: a regular expression with smart case, of bounded cost.

use std::ops::Range;

use regex::{Regex, RegexBuilder, bytes};

/// The longest pattern that is compiled, bytes.
const LONGEST: usize = 4 * 1024;

/// The largest compiled form, bytes.
const LARGEST: usize = 1024 * 1024;

/// A compiled search. Two are equal if their texts are.
#[derive(Clone, Debug)]
pub struct Query {
    text: String,
    /// Over what a container wrote, which may not be UTF-8.
    in_bytes: bytes::Regex,
    /// Over what is shown of it.
    in_text: Regex,
}

/// Why a text is not a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    pub message: String,
    /// The byte of the text it is about.
    pub at: Option<usize>,
}

impl Query {
    /// A text without a capital letter matches either case. `^` and `$` match at the lines of a record.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        if text.len() > LONGEST {
            return Err(QueryError {
                message: format!("a pattern may have at most {LONGEST} bytes"),
                at: Some(LONGEST),
            });
        }
        let any_case = !has_capital(text);
        let in_text = RegexBuilder::new(text)
            .case_insensitive(any_case)
            .multi_line(true)
            .size_limit(LARGEST)
            .build()
            .map_err(|error| explain(&error))?;
        let in_bytes = bytes::RegexBuilder::new(text)
            .case_insensitive(any_case)
            .multi_line(true)
            .size_limit(LARGEST)
            .build()
            .map_err(|error| explain(&error))?;
        Ok(Self {
            text: text.to_owned(),
            in_bytes,
            in_text,
        })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn is_match(&self, bytes: &[u8]) -> bool {
        self.in_bytes.is_match(bytes)
    }

    /// The places in a shown text, for highlighting; none is empty.
    pub fn find_iter(&self, text: &str) -> impl Iterator<Item = Range<usize>> {
        self.in_text
            .find_iter(text)
            .map(|found| found.range())
            .filter(|range| !range.is_empty())
    }
}

impl PartialEq for Query {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// Whether a capital letter is meant; the one in `\S` or `\p{Lu}` is a class, not a letter.
fn has_capital(text: &str) -> bool {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => skip_escape(&mut chars),
            c if c.is_uppercase() => return true,
            _ => {}
        }
    }
    false
}

/// Steps over what follows a backslash, with the braces of `\p{Greek}` or `\x{1F}`.
fn skip_escape(chars: &mut std::str::Chars<'_>) {
    let escaped = chars.next();
    if matches!(escaped, Some('p' | 'P' | 'x' | 'u' | 'U')) && chars.as_str().starts_with('{') {
        for c in chars.by_ref() {
            if c == '}' {
                break;
            }
        }
    }
}

fn explain(error: &regex::Error) -> QueryError {
    match error {
        regex::Error::Syntax(text) => QueryError {
            message: text
                .lines()
                .rev()
                .find_map(|line| line.strip_prefix("error: "))
                .unwrap_or("not a regular expression")
                .to_owned(),
            at: caret(text),
        },
        regex::Error::CompiledTooBig(limit) => QueryError {
            message: format!("this pattern compiles to more than {limit} bytes"),
            at: None,
        },
        other => QueryError {
            message: other.to_string(),
            at: None,
        },
    }
}

/// The byte at which the parser points with a caret below the pattern, both indented by four.
fn caret(text: &str) -> Option<usize> {
    let mut pattern = "";
    for line in text.lines() {
        if line.contains('^') && line.trim_matches([' ', '^']).is_empty() && !pattern.is_empty() {
            let column = line.chars().position(|c| c == '^')?.checked_sub(4)?;
            let shown = pattern.strip_prefix("    ")?;
            return Some(shown.char_indices().nth(column).map_or(shown.len(), |(at, _)| at));
        }
        pattern = line;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_capitals_matches_either_case() {
        let check = |query: &str, text: &str, matches| {
            assert_eq!(
                Query::parse(query).unwrap().is_match(text.as_bytes()),
                matches,
                "{query} in {text}"
            );
        };
        check("timeout", "Timeout waiting", true);
        check("Timeout", "timeout waiting", false);
        check(r"\Sout", "TIMEOUT", true);
        check(r"\p{Lu}out", "xOUT", true);
        check("^two", "one\ntwo", true);
        check("refused|reset", "connection reset", true);
    }

    #[test]
    fn bytes_that_are_not_text_are_searched_too() {
        assert!(Query::parse("bad").unwrap().is_match(b"\xff\xfe bad \x80"));
    }

    #[test]
    fn an_error_says_where() {
        let error = Query::parse("timeout(").unwrap_err();
        assert_eq!(error.at, Some(7), "{error:?}");
        assert_eq!(error.message, "unclosed group");
        assert_eq!(Query::parse("é[z-a]").unwrap_err().at, Some(3));
    }

    #[test]
    fn cost_is_bounded() {
        assert!(Query::parse(&"a".repeat(LONGEST + 1)).is_err());
        assert!(Query::parse(r"\pL{1000}{100}").is_err());
    }

    #[test]
    fn places_are_cut_at_characters_and_never_empty() {
        let query = Query::parse("ö+|x*").unwrap();
        assert_eq!(query.find_iter("aööxb").collect::<Vec<_>>(), [1..5, 5..6]);
        assert_eq!(query, Query::parse("ö+|x*").unwrap());
    }
}
