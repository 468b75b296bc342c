//! What README says about flags and keys is what the program says. `UPDATE_DOCS=1 cargo test docs` writes it anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use kontrast::workspace::command::Command;
use kontrast::workspace::keymap::{Keymap, Scope};

use crate::served::kontrast;

/// Holds the part of README between `<!-- name -->` and `<!-- /name -->` against `expected`.
#[track_caller]
fn check(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = readme.split_once(&begin).expect("the part begins");
    let (part, after) = rest.split_once(&end).expect("the part ends");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{begin}{expected}{end}{after}")).unwrap();
        return;
    }
    assert_eq!(
        part, expected,
        "README is out of date; `UPDATE_DOCS=1 cargo test docs` writes it anew"
    );
}

#[test]
fn readme_shows_the_help_of_the_program() {
    let mut shown = String::new();
    for command in ["", "demo", "logs", "contrast", "patterns"] {
        let args: Vec<_> = command.split_whitespace().chain(["--help"]).collect();
        let output = kontrast(&args).env("COLUMNS", "100").output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        let title = ["kontrast", command].join(" ");
        writeln!(
            shown,
            "<details><summary><code>{}</code></summary>\n\n```text",
            title.trim()
        )
        .unwrap();
        writeln!(shown, "{}\n```\n\n</details>\n", help.trim_end()).unwrap();
    }
    check("flags", &shown);
}

#[test]
fn readme_shows_the_keys_of_the_default_keymap() {
    let keymap = Keymap::default_keys();
    let mut shown = String::new();
    for scope in Scope::ALL {
        let mut keys: BTreeMap<Command, Vec<String>> = BTreeMap::new();
        for binding in keymap.bindings(*scope) {
            keys.entry(binding.command)
                .or_default()
                .push(format!("`{}`", binding.spelling()));
        }
        writeln!(shown, "| {} | |\n|---|---|", scope.title()).unwrap();
        for (command, keys) in keys {
            writeln!(shown, "| {} | {} |", keys.join(" "), command.summary()).unwrap();
        }
        shown.push('\n');
    }
    check("keys", &shown);
}
