//! Text of a script to its shape: lists, pipelines and compound commands. Words are read by `words`.

use std::sync::Arc;

use super::syntax::{Bad, LoopKind, Needs, Node, Redirect, RedirectKind, Simple, Word};
use super::words::{Reader, is_name, plain};

/// Words that mean something where a command begins.
const RESERVED: &[&str] = &[
    "!", "{", "}", "case", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in", "then", "until",
    "while",
];

/// Parses a whole script. `line` is the number of its first line.
pub fn parse(text: &str, line: usize) -> Result<Node, Bad> {
    let mut reader = Reader::new(text, line);
    let node = list(&mut reader)?;
    match reader.peek() {
        None => Ok(node),
        Some(_) => Err(unexpected(&mut reader)),
    }
}

/// Parses commands up to something that cannot begin one: the end, `)`, `fi`, `done` …
pub fn list(reader: &mut Reader) -> Result<Node, Bad> {
    reader.enter()?;
    let mut nodes = Vec::new();
    loop {
        reader.skip_space_and_lines();
        if at_end_of_list(reader) {
            break;
        }
        nodes.push(and_or(reader)?);
        reader.skip_blanks();
        match reader.peek() {
            Some(';') if reader.peek_at(1) == Some(';') => break,
            Some(';' | '&' | '\n') => reader.advance(),
            Some(_) | None => break,
        }
    }
    reader.leave();
    if nodes.len() == 1 {
        return Ok(nodes.swap_remove(0));
    }
    Ok(Node::List(nodes))
}

fn at_end_of_list(reader: &Reader) -> bool {
    if matches!(reader.peek(), None | Some(')' | ';' | '&' | '|')) {
        return true;
    }
    let word = reader.bare_word();
    matches!(
        word.as_str(),
        "}" | "do" | "done" | "elif" | "else" | "esac" | "fi" | "then" | "in"
    )
}

fn and_or(reader: &mut Reader) -> Result<Node, Bad> {
    let mut node = pipeline(reader)?;
    loop {
        reader.skip_blanks();
        if reader.take("&&") {
            reader.skip_space_and_lines();
            node = Node::And(Box::new(node), Box::new(pipeline(reader)?));
        } else if reader.take("||") {
            reader.skip_space_and_lines();
            node = Node::Or(Box::new(node), Box::new(pipeline(reader)?));
        } else {
            return Ok(node);
        }
    }
}

fn pipeline(reader: &mut Reader) -> Result<Node, Bad> {
    reader.skip_blanks();
    let mut negated = false;
    while reader.bare_word() == "!" {
        reader.advance();
        reader.skip_blanks();
        negated = !negated;
    }
    let mut stages = vec![command(reader)?];
    loop {
        reader.skip_blanks();
        if reader.peek() != Some('|') || reader.peek_at(1) == Some('|') {
            break;
        }
        reader.advance();
        reader.skip_space_and_lines();
        stages.push(command(reader)?);
    }
    if stages.len() == 1 && !negated {
        return Ok(stages.swap_remove(0));
    }
    Ok(Node::Pipeline { stages, negated })
}

fn command(reader: &mut Reader) -> Result<Node, Bad> {
    reader.skip_blanks();
    let node = match reader.peek() {
        Some('(') => subshell(reader)?,
        Some(_) | None => match reader.bare_word().as_str() {
            "{" => group(reader)?,
            "if" => conditional(reader)?,
            "while" => repeated(reader, LoopKind::While)?,
            "until" => repeated(reader, LoopKind::Until)?,
            "for" => for_each(reader)?,
            "case" => case(reader)?,
            "function" => {
                reader.take("function");
                return simple(reader);
            }
            _ => return simple(reader),
        },
    };
    let redirects = redirects(reader)?;
    if redirects.is_empty() {
        return Ok(node);
    }
    Ok(Node::Redirected {
        node: Box::new(node),
        redirects,
    })
}

fn subshell(reader: &mut Reader) -> Result<Node, Bad> {
    reader.advance();
    let body = body(reader)?;
    reader.skip_space_and_lines();
    if reader.take(")") {
        return Ok(Node::Subshell(Box::new(body)));
    }
    Err(unexpected(reader))
}

fn group(reader: &mut Reader) -> Result<Node, Bad> {
    reader.advance();
    let body = body(reader)?;
    expect(reader, "}")?;
    Ok(Node::Group(Box::new(body)))
}

/// A list that must not be empty; at the end of the text it is the missing last word that is complained about.
fn body(reader: &mut Reader) -> Result<Node, Bad> {
    let node = list(reader)?;
    if node == Node::List(Vec::new()) && reader.peek().is_some() {
        return Err(unexpected(reader));
    }
    Ok(node)
}

fn conditional(reader: &mut Reader) -> Result<Node, Bad> {
    let mut cases = Vec::new();
    expect(reader, "if")?;
    loop {
        let condition = body(reader)?;
        expect(reader, "then")?;
        cases.push((condition, body(reader)?));
        if !take_word(reader, "elif") {
            break;
        }
    }
    let otherwise = if take_word(reader, "else") {
        Some(Box::new(body(reader)?))
    } else {
        None
    };
    expect(reader, "fi")?;
    Ok(Node::If { cases, otherwise })
}

fn repeated(reader: &mut Reader, kind: LoopKind) -> Result<Node, Bad> {
    let word = reader.bare_word();
    reader.take(&word);
    let condition = Box::new(body(reader)?);
    let body = Box::new(do_done(reader)?);
    Ok(Node::Loop { kind, condition, body })
}

fn do_done(reader: &mut Reader) -> Result<Node, Bad> {
    expect(reader, "do")?;
    let body = body(reader)?;
    expect(reader, "done")?;
    Ok(body)
}

fn for_each(reader: &mut Reader) -> Result<Node, Bad> {
    expect(reader, "for")?;
    reader.skip_blanks();
    let name = reader.bare_word();
    if !is_name(&name) {
        return Err(reader.wrong("Syntax error: Bad for loop variable"));
    }
    reader.take(&name);
    reader.skip_space_and_lines();
    let words = if take_word(reader, "in") {
        let mut words = Vec::new();
        reader.skip_blanks();
        while let Some(word) = reader.word()? {
            words.push(word);
            reader.skip_blanks();
        }
        Some(words)
    } else {
        None
    };
    reader.skip_blanks();
    if reader.peek() == Some(';') {
        reader.advance();
    }
    let body = Box::new(do_done(reader)?);
    Ok(Node::For { name, words, body })
}

fn case(reader: &mut Reader) -> Result<Node, Bad> {
    expect(reader, "case")?;
    reader.skip_blanks();
    let Some(word) = reader.word()? else {
        return Err(unexpected(reader));
    };
    expect(reader, "in")?;
    let mut arms = Vec::new();
    while !take_word(reader, "esac") {
        reader.take("(");
        let patterns = case_patterns(reader)?;
        let node = list(reader)?;
        reader.skip_space_and_lines();
        if !reader.take(";;") && reader.bare_word() != "esac" {
            return Err(unexpected(reader));
        }
        arms.push((patterns, node));
    }
    Ok(Node::Case { word, arms })
}

fn case_patterns(reader: &mut Reader) -> Result<Vec<Word>, Bad> {
    let mut patterns = Vec::new();
    loop {
        reader.skip_blanks();
        let Some(pattern) = reader.word()? else {
            return Err(unexpected(reader));
        };
        patterns.push(pattern);
        reader.skip_blanks();
        if reader.take(")") {
            return Ok(patterns);
        }
        if !reader.take("|") {
            return Err(unexpected(reader));
        }
    }
}

fn simple(reader: &mut Reader) -> Result<Node, Bad> {
    reader.skip_blanks();
    let mut simple = Simple {
        line: reader.line(),
        ..Simple::default()
    };
    loop {
        reader.skip_blanks();
        if let Some(redirect) = redirect(reader)? {
            simple.redirects.push(redirect);
            continue;
        }
        if simple.words.is_empty()
            && let Some(name) = reader.assignment()
        {
            let value = reader.word()?.unwrap_or_default();
            simple.assignments.push((name, value));
            continue;
        }
        match reader.word()? {
            Some(word) => simple.words.push(word),
            None => break,
        }
        if let [first] = simple.words.as_slice()
            && reader.starts_with_parentheses()
            && let Some(name) = plain(first).filter(|name| is_name(name))
        {
            return function(reader, name);
        }
    }
    if simple.words.is_empty() && simple.assignments.is_empty() && simple.redirects.is_empty() {
        return Err(unexpected(reader));
    }
    Ok(Node::Simple(simple))
}

fn function(reader: &mut Reader, name: String) -> Result<Node, Bad> {
    reader.skip_blanks();
    reader.take("(");
    reader.skip_blanks();
    if !reader.take(")") {
        return Err(unexpected(reader));
    }
    reader.skip_space_and_lines();
    reader.enter()?;
    let body = Arc::new(command(reader)?);
    reader.leave();
    Ok(Node::Function { name, body })
}

fn redirects(reader: &mut Reader) -> Result<Vec<Redirect>, Bad> {
    let mut found = Vec::new();
    loop {
        reader.skip_blanks();
        match redirect(reader)? {
            Some(redirect) => found.push(redirect),
            None => return Ok(found),
        }
    }
}

fn redirect(reader: &mut Reader) -> Result<Option<Redirect>, Bad> {
    let (digits, first) = match reader.peek() {
        Some(c) if c.is_ascii_digit() => (1, reader.peek_at(1)),
        other => (0, other),
    };
    let default = match first {
        Some('<') => 0,
        Some('>') => 1,
        Some(_) | None => return Ok(None),
    };
    let descriptor = match reader.peek().and_then(|c| c.to_digit(10)) {
        Some(digit) => u8::try_from(digit).unwrap_or(default),
        None => default,
    };
    if digits == 1 {
        reader.advance();
    }
    let kind = if reader.take("<<<") {
        RedirectKind::Document
    } else if reader.take("<<") {
        return reader.document().map(|target| {
            Some(Redirect {
                descriptor,
                kind: RedirectKind::Document,
                target,
            })
        });
    } else if reader.take(">>") {
        RedirectKind::Append
    } else if reader.take(">&") || reader.take("<&") {
        RedirectKind::Duplicate
    } else if reader.take(">|") || reader.take(">") {
        RedirectKind::Write
    } else {
        reader.advance();
        RedirectKind::Read
    };
    reader.skip_blanks();
    match reader.word()? {
        Some(target) => Ok(Some(Redirect {
            descriptor,
            kind,
            target,
        })),
        None => Err(unexpected(reader)),
    }
}

/// Takes a reserved word if it is the next one.
fn take_word(reader: &mut Reader, word: &str) -> bool {
    reader.skip_space_and_lines();
    reader.bare_word() == word && reader.take(word)
}

fn expect(reader: &mut Reader, word: &str) -> Result<(), Bad> {
    if take_word(reader, word) {
        return Ok(());
    }
    let hint = format!(" (expecting \"{word}\")");
    Err(match unexpected(reader) {
        Bad::Incomplete { line, needs, message } => Bad::Incomplete {
            line,
            needs,
            message: message + &hint,
        },
        Bad::Wrong { line, message } => Bad::Wrong {
            line,
            message: message + &hint,
        },
    })
}

/// The complaint about what stands here, in dash's words.
fn unexpected(reader: &mut Reader) -> Bad {
    reader.skip_blanks();
    let word = reader.bare_word();
    let what = if RESERVED.contains(&word.as_str()) {
        Some(word)
    } else {
        reader.operator()
    };
    match (reader.peek(), what) {
        (None, _) => reader.incomplete(Needs::Anything, "Syntax error: end of file unexpected"),
        (Some('\n'), _) => reader.wrong("Syntax error: newline unexpected"),
        (Some(_), Some(what)) => reader.wrong(&format!("Syntax error: \"{what}\" unexpected")),
        (Some(_), None) => reader.wrong("Syntax error: word unexpected"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: &str) {
        let shown = match parse(text, 1) {
            Ok(node) => format!("{node:?}"),
            Err(Bad::Incomplete { message, .. }) => format!("incomplete: {message}"),
            Err(Bad::Wrong { line, message }) => format!("{line}: {message}"),
        };
        assert!(shown.contains(expected), "{text}: {shown}");
    }

    #[test]
    fn wrong_scripts_are_refused_as_dash_does() {
        check("fi", "1: Syntax error: \"fi\" unexpected");
        check("echo a\n)", "2: Syntax error: \")\" unexpected");
        check("a | ; b", "1: Syntax error: \";\" unexpected");
        check("a && && b", "1: Syntax error: \"&&\" unexpected");
        check("echo >\n", "1: Syntax error: newline unexpected");
        check(
            "if x; done",
            "1: Syntax error: \"done\" unexpected (expecting \"then\")",
        );
    }

    #[test]
    fn unfinished_scripts_ask_for_more() {
        for text in [
            "if true; then",
            "echo 'a",
            "echo \"a",
            "for x in a; do",
            "cat <<E\nabc",
            "a &&",
            "echo $(ls",
            "{ a",
            "( a",
            "f() {",
        ] {
            check(text, "incomplete: ");
        }
    }

    #[test]
    fn shapes_are_read() {
        check("a=1 b=2 echo x", "assignments: [(\"a\"");
        check("echo a=1", "assignments: []");
        check("! a | b", "negated: true");
        check("a || b && c", "And(Or(");
        check("f() { a; }", "Function { name: \"f\"");
        check("(a; b) 2>&1", "Redirected { node: Subshell");
        check("case x in a|b) c;; *) d; esac", "Case {");
        check("for i in 1 2; do a; done > f", "Redirected { node: For");
        check("if a; then b; elif c; then d; else e; fi", "otherwise: Some");
        check("echo done # not a comment 'here", "Simple");
        check("", "List([])");
        check("a; b &", "List");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-z$(){}<>|&;'\"`\\\\ \n#*~!0-9=:-]{0,60}") {
            drop(parse(&text, 1));
        }

        #[test]
        fn deep_nesting_is_refused_not_followed(open in prop::sample::select(vec!["(", "{ ", "$(", "if ", "`", "${a:-", "\"$(", "while "])) {
            drop(parse(&open.repeat(5000), 1));
        }
    }
}
