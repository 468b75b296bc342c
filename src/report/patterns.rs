//! The patterns of some files, as text for people, as JSON and as tab-separated rows for programs.

use std::fmt::Write as _;

use serde::Serialize;

use crate::logs::census::{Counted, Totals};
use crate::model::Level;
use crate::report::json;
use crate::text::display;

/// A pattern for `kontrast patterns -o json`.
#[derive(Debug, Serialize)]
struct Object<'a> {
    /// Meaningful within this output alone.
    id: u32,
    /// Records.
    count: u64,
    level: &'a str,
    /// `<*>` stands for what varies.
    template: &'a str,
    /// Where its first record begins, counting the lines of all files from 1.
    first_line: u64,
    /// Where its last record ends.
    last_line: u64,
    /// Its first record; invalid UTF-8 is replaced.
    example: std::borrow::Cow<'a, str>,
}

/// How the text is to look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looks {
    /// Columns of the terminal; none: nothing is cut.
    pub width: Option<usize>,
    pub paint: Paint,
}

/// Whether errors and warnings are coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paint {
    Colored,
    #[default]
    Plain,
}

/// All patterns as one JSON array.
pub fn json(patterns: &[Counted]) -> Result<String, serde_json::Error> {
    let objects: Vec<_> = patterns
        .iter()
        .map(|pattern| Object {
            id: pattern.id.0,
            count: pattern.count,
            level: pattern.level.as_str(),
            template: &pattern.template,
            first_line: pattern.first_line,
            last_line: pattern.last_line,
            example: String::from_utf8_lossy(&pattern.example),
        })
        .collect();
    json::pretty(&objects)
}

/// All patterns as text, a line each, and a last line with the totals.
pub fn text(patterns: &[Counted], totals: Totals, looks: Looks) -> String {
    let mut out = String::new();
    let digits = patterns
        .first()
        .map_or(0, |most| grouped(most.count).len())
        .max(COUNT.len());
    // Writing to a string cannot fail.
    if !patterns.is_empty() {
        let _ = writeln!(out, "{COUNT:>digits$}    share  level  pattern");
    }
    for pattern in patterns {
        let front = format!(
            "{:>digits$}  {:>7}  {:<5}  ",
            grouped(pattern.count),
            share(pattern.count, totals.records),
            level_word(pattern.level),
        );
        let text = one_line(&pattern.template);
        let text = match looks.width {
            Some(width) => display::truncate(&text, width.saturating_sub(front.len()).max(NARROWEST)),
            None => text.as_str().into(),
        };
        let (on, off) = colour(pattern.level, looks.paint);
        let _ = writeln!(out, "{on}{front}{text}{off}");
    }
    let _ = writeln!(
        out,
        "{} lines, {} records, {} patterns",
        grouped(totals.lines),
        grouped(totals.records),
        grouped(u64::try_from(patterns.len()).unwrap_or(u64::MAX)),
    );
    out
}

const COUNT: &str = "count";
/// A pattern is cut to no less than this many columns.
const NARROWEST: usize = 20;

/// A template as one field of a row: tab, line feed and backslash as `\t`, `\n` and `\\`, and nothing that could
/// steer a terminal.
pub fn tsv_template(template: &str) -> String {
    let mut escaped = String::with_capacity(template.len());
    for c in template.chars() {
        match c {
            '\t' => escaped.push_str(r"\t"),
            '\n' => escaped.push_str(r"\n"),
            '\\' => escaped.push_str(r"\\"),
            c => escaped.push(c),
        }
    }
    display::plain(&escaped).into_owned()
}

fn one_line(template: &str) -> String {
    let mut lines = template.lines();
    let first = display::plain(lines.next().unwrap_or_default()).into_owned();
    lines.fold(first, |text, line| text + " ⏎ " + &display::plain(line.trim_start()))
}

/// Empty where the records say no level.
const fn level_word(level: Level) -> &'static str {
    match level {
        Level::None => "",
        Level::Trace | Level::Debug | Level::Info | Level::Warn => level.as_str(),
        Level::Error => "ERROR",
        Level::Fatal => "FATAL",
    }
}

const fn colour(level: Level, paint: Paint) -> (&'static str, &'static str) {
    match (paint, level) {
        (Paint::Colored, Level::Error | Level::Fatal) => ("\x1b[31m", "\x1b[0m"),
        (Paint::Colored, Level::Warn) => ("\x1b[33m", "\x1b[0m"),
        (Paint::Colored, Level::None | Level::Trace | Level::Debug | Level::Info) | (Paint::Plain, _) => ("", ""),
    }
}

/// The share of a whole in percent; a share that is not nothing is never shown as nothing.
fn share(part: u64, whole: u64) -> String {
    // Tenths of a percent, rounded.
    let tenths = (u128::from(part) * 1000 + u128::from(whole) / 2) / u128::from(whole.max(1));
    if tenths == 0 && part > 0 {
        "<0.1 %".to_owned()
    } else {
        format!("{}.{} %", tenths / 10, tenths % 10)
    }
}

/// A number with a comma before every three digits.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::model::PatternId;

    fn counted(id: u32, count: u64, level: Level, template: &str) -> Counted {
        Counted {
            id: PatternId(id),
            level,
            template: template.to_owned(),
            count,
            first_line: u64::from(id),
            last_line: 9,
            example: Bytes::from_static(b"an \xff example"),
        }
    }

    fn some() -> (Vec<Counted>, Totals) {
        let patterns = vec![
            counted(1, 12_345, Level::Info, "pump <*> started"),
            counted(2, 2, Level::Error, "KeyError: <*>\n  pump\u{1b}[2J failed"),
            counted(3, 1, Level::None, "plain"),
        ];
        let totals = Totals {
            lines: 1_012_350,
            records: 12_348,
        };
        (patterns, totals)
    }

    #[test]
    fn the_text_is_aligned_and_safe() {
        let (patterns, totals) = some();
        assert_eq!(
            text(&patterns, totals, Looks::default()),
            " count    share  level  pattern\n\
             12,345  100.0 %  info   pump <*> started\n     \
                  2   <0.1 %  ERROR  KeyError: <*> ⏎ pump␛[2J failed\n     \
                  1   <0.1 %         plain\n\
             1,012,350 lines, 12,348 records, 3 patterns\n"
        );
    }

    #[test]
    fn a_narrow_terminal_cuts_patterns_and_colour_marks_errors() {
        let (patterns, totals) = some();
        let looks = Looks {
            width: Some(44),
            paint: Paint::Colored,
        };
        let shown = text(&patterns, totals, looks);
        let error = shown.lines().nth(2).unwrap();
        assert!(error.starts_with("\x1b[31m") && error.ends_with("\x1b[0m"), "{error:?}");
        assert!(
            display::width(&error.replace("\x1b[31m", "").replace("\x1b[0m", "")) <= 44,
            "{error:?}"
        );
    }

    #[test]
    fn json_has_one_object_a_pattern() {
        let (patterns, _) = some();
        let json: serde_json::Value = serde_json::from_str(&json(&patterns).unwrap()).unwrap();
        assert_eq!(json.as_array().unwrap().len(), 3);
        assert_eq!(json[1]["level"], "error");
        assert_eq!(json[1]["template"], "KeyError: <*>\n  pump\u{1b}[2J failed");
        assert_eq!(json[0]["example"], "an \u{fffd} example");
    }

    #[test]
    fn a_template_is_one_field_of_a_row() {
        assert_eq!(tsv_template("a\tb\nc\\d\u{1b}"), r"a\tb\nc\\d␛");
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, expected) in [(0, "0"), (999, "999"), (1000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(grouped(number), expected);
        }
    }
}
