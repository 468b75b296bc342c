//! Shell patterns: `*`, `?`, `[a-z]`, as `fnmatch` and `case` read them. Not regular expressions.

/// Whether the whole of `text` fits `pattern`. A backslash takes the next character as it is.
///
/// Iterative with one remembered star, so that no pattern costs more than length times length.
pub fn fits(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, t));
            p += 1;
        } else if let Some(next) = text.get(t).and_then(|c| one(&pattern, p, *c)) {
            p = next;
            t += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            p = at + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

/// Where the pattern goes on if its element at `p` takes `c`.
fn one(pattern: &[char], p: usize, c: char) -> Option<usize> {
    match pattern.get(p)? {
        '?' => Some(p + 1),
        '[' => match class(pattern, p + 1, c) {
            Some((true, next)) => Some(next),
            Some((false, _)) => None,
            None => (c == '[').then_some(p + 1),
        },
        '\\' => (pattern.get(p + 1).copied().unwrap_or('\\') == c).then_some((p + 2).min(pattern.len())),
        literal => (*literal == c).then_some(p + 1),
    }
}

/// Reads a bracket expression behind its `[`: whether `c` is in it and where it ends; none if it never ends.
fn class(pattern: &[char], start: usize, c: char) -> Option<(bool, usize)> {
    let mut at = start;
    let negated = matches!(pattern.get(at)?, '!' | '^');
    if negated {
        at += 1;
    }
    let (first, mut found) = (at, false);
    loop {
        let low = *pattern.get(at)?;
        if low == ']' && at > first {
            return Some((found != negated, at + 1));
        }
        let ranged = pattern.get(at + 1) == Some(&'-') && pattern.get(at + 2).is_some_and(|high| *high != ']');
        if ranged {
            let high = *pattern.get(at + 2)?;
            found |= (low..=high).contains(&c);
            at += 3;
        } else {
            found |= low == c;
            at += 1;
        }
    }
}

/// Whether a word asks to be matched against file names.
pub fn is_pattern(word: &str) -> bool {
    let mut escaped = false;
    word.chars().any(|c| {
        let special = !escaped && matches!(c, '*' | '?' | '[');
        escaped = !escaped && c == '\\';
        special
    })
}

/// The text with every special character escaped, so that it fits only itself.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The inverse of `escape`.
pub fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str, expected: bool) {
        assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
    }

    #[test]
    fn patterns_fit_whole_words() {
        check("*.py", "main.py", true);
        check("*.py", "main.pyc", false);
        check("m?in*", "main.py", true);
        check("[a-m]*", "main", true);
        check("[!a-m]*", "main", false);
        check("[]x]", "]", true);
        check("[", "[", true);
        check("a\\*b", "a*b", true);
        check("a\\*b", "axb", false);
        check("*a*b*c*", "xxaxxbxxc", true);
        check("", "", true);
    }

    #[test]
    fn a_hostile_pattern_costs_little() {
        check(&"*a".repeat(200), &"a".repeat(199), false);
    }

    #[test]
    fn escaped_text_fits_only_itself() {
        check(&escape("a*[b]?"), "a*[b]?", true);
        assert_eq!(unescape(&escape("a*[b]\\?")), "a*[b]\\?");
        assert!(!is_pattern(&escape("a*b")));
    }
}
