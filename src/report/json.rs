//! JSON that may be printed to a terminal: what could steer or mislead one is escaped, so nothing is lost.

use std::fmt::Write as _;

use serde::Serialize;

/// One JSON text on one line. C1 controls and invisible or direction-changing characters are written as `\uXXXX`.
pub fn line(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string(value).map(|json| escaped(&json))
}

/// The same, indented for people.
pub fn pretty(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(value).map(|json| escaped(&json))
}

/// Outside its strings JSON is plain ASCII, so every such character stands in a string, where an escape means the same.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_treacherous(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// DEL, C1 controls, zero-width and bidirectional characters, tags.
const fn is_treacherous(c: char) -> bool {
    matches!(
        c,
        '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_is_escaped_and_nothing_is_lost() {
        let text = "a\u{1b}[31m\u{9b}2J\u{202e}b\u{e0041}é\u{7f}";
        let json = line(&text).unwrap();
        assert!(json.chars().all(|c| !c.is_control() && !is_treacherous(c)), "{json:?}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
