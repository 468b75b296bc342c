//! `$((...))`: 64-bit integers that wrap, with C's operators and precedence. No shift.

use super::call::{Call, Ended};
use super::machine::Machine;
use super::words::is_name;

const MOST_DEPTH: usize = 40;

/// Operators from loosest to tightest; each level binds to the left.
const LEVELS: &[&[&str]] = &[
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["+", "-"],
    &["*", "/", "%"],
];

/// The value of an expression, or why it has none.
pub fn value(text: &str, machine: &mut Machine) -> Result<i64, String> {
    let Some((name, operator, rest)) = assignment(text) else {
        return compute(text, machine);
    };
    let right = compute(rest, machine)?;
    let value = match operator {
        None => right,
        Some(operator) => compute(&format!("{name} {operator} ({right})"), machine)?,
    };
    machine.set(name, value.to_string());
    Ok(value)
}

/// `name = rest` and `name += rest`, taken apart. Only one assignment, and only at the front.
fn assignment(text: &str) -> Option<(&str, Option<char>, &str)> {
    let (left, rest) = text.split_once('=').filter(|(_, rest)| !rest.starts_with('='))?;
    let operator = left.chars().last().filter(|c| matches!(c, '+' | '-' | '*' | '/' | '%'));
    let name = operator.and_then(|c| left.strip_suffix(c)).unwrap_or(left).trim();
    is_name(name).then_some((name, operator, rest))
}

/// `expr`: the words as one expression, or the one word that is none.
pub fn expr(call: &mut Call<'_>) -> Ended {
    let text = call.words.join(" ");
    match compute(&text.replace(" = ", " == "), call.machine) {
        Ok(value) => call.line(value.to_string()),
        Err(_) if call.words.len() == 1 => call.line(&text),
        Err(_) => {
            call.complain("syntax error");
            return Ok(2);
        }
    }
    Ok(i32::from(text == "0"))
}

fn compute(text: &str, machine: &Machine) -> Result<i64, String> {
    let mut reader = Reader {
        rest: text.chars().collect(),
        at: 0,
        machine,
        depth: 0,
        text,
    };
    if text.trim().is_empty() {
        return Ok(0);
    }
    let value = reader.level(0)?;
    reader.skip_blanks();
    if reader.at < reader.rest.len() {
        return Err(reader.wrong("expecting EOF"));
    }
    Ok(value)
}

struct Reader<'a> {
    rest: Vec<char>,
    at: usize,
    machine: &'a Machine,
    depth: usize,
    text: &'a str,
}

impl Reader<'_> {
    fn wrong(&self, what: &str) -> String {
        format!("arithmetic expression: {what}: \"{}\"", self.text)
    }

    fn skip_blanks(&mut self) {
        while self.rest.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
    }

    fn take(&mut self, operator: &str) -> bool {
        self.skip_blanks();
        let length = operator.chars().count();
        let fits = operator
            .chars()
            .enumerate()
            .all(|(n, c)| self.rest.get(self.at + n) == Some(&c));
        // `&` is not the start of `&&`, nor `|` of `||`.
        let next = self.rest.get(self.at + length);
        if !fits || (matches!(operator, "&" | "|") && next.is_some_and(|c| operator.starts_with(*c))) {
            return false;
        }
        self.at += length;
        true
    }

    fn level(&mut self, level: usize) -> Result<i64, String> {
        let Some(operators) = LEVELS.get(level) else {
            return self.unary();
        };
        let mut left = self.level(level + 1)?;
        while let Some(operator) = operators.iter().copied().find(|operator| self.take(operator)) {
            let right = self.level(level + 1)?;
            left = self.apply(left, operator, right)?;
        }
        Ok(left)
    }

    fn apply(&self, left: i64, operator: &str, right: i64) -> Result<i64, String> {
        Ok(match operator {
            "||" => i64::from(left != 0 || right != 0),
            "&&" => i64::from(left != 0 && right != 0),
            "|" => left | right,
            "^" => left ^ right,
            "&" => left & right,
            "==" => i64::from(left == right),
            "!=" => i64::from(left != right),
            "<=" => i64::from(left <= right),
            ">=" => i64::from(left >= right),
            "<" => i64::from(left < right),
            ">" => i64::from(left > right),
            "+" => left.wrapping_add(right),
            "-" => left.wrapping_sub(right),
            "*" => left.wrapping_mul(right),
            _ if right == 0 => return Err(self.wrong("division by zero")),
            "/" => left.wrapping_div(right),
            _ => left.wrapping_rem(right),
        })
    }

    fn unary(&mut self) -> Result<i64, String> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(self.wrong("too deeply nested"));
        }
        let value = if self.take("-") {
            self.unary()?.wrapping_neg()
        } else if self.take("+") {
            self.unary()?
        } else if self.take("!") {
            i64::from(self.unary()? == 0)
        } else if self.take("~") {
            !self.unary()?
        } else {
            self.primary()?
        };
        self.depth -= 1;
        Ok(value)
    }

    fn primary(&mut self) -> Result<i64, String> {
        if self.take("(") {
            let value = self.level(0)?;
            return if self.take(")") {
                Ok(value)
            } else {
                Err(self.wrong("expecting ')'"))
            };
        }
        let rest = self.rest.get(self.at..).unwrap_or_default();
        let word: String = rest
            .iter()
            .take_while(|c| c.is_ascii_alphanumeric() || **c == '_')
            .collect();
        self.at += word.len();
        if word.is_empty() {
            return Err(self.wrong("expecting primary"));
        }
        let text = match word.chars().next() {
            Some(c) if c.is_ascii_digit() => word,
            Some(_) | None => self.machine.variable(&word).unwrap_or("0").trim().to_owned(),
        };
        let number = match text.strip_prefix("0x") {
            Some(digits) => i64::from_str_radix(digits, 16),
            None => {
                if text.is_empty() {
                    Ok(0)
                } else {
                    text.parse()
                }
            }
        };
        number.map_err(|_| format!("Illegal number: {text}"))
    }
}
