//! The rules of the house, checked: who may use whom, which crates, how long a file may be.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Crates that have an owner; any other crate may be used anywhere.
const GUARDED: &[&str] = &[
    "alacritty_terminal",
    "clap",
    "crossterm",
    "directories",
    "hyper",
    "hyper_rustls",
    "hyper_util",
    "k8s_openapi",
    "kube",
    "nucleo_matcher",
    "ratatui",
    "rcgen",
    "regex",
    "rustls",
    "serde",
    "tokio",
    "tokio_rustls",
    "tokio_tungstenite",
    "toml",
    "tui_textarea",
];

/// A crate that comes along with the one that a header names.
const ALONG: &[(&str, &str)] = &[
    ("hyper_rustls", "hyper"),
    ("hyper_util", "hyper"),
    ("tokio_rustls", "rustls"),
    ("tokio_tungstenite", "tokio"),
];

const MOST_LINES: usize = 600;

struct Room {
    name: String,
    may_use: Vec<String>,
    crates: Vec<String>,
    /// The files of the room in the order in which its header declares them.
    files: Vec<String>,
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn declared_modules(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| {
            line.strip_prefix("pub mod ")
                .or_else(|| line.strip_prefix("pub(crate) mod "))
                .or_else(|| line.strip_prefix("mod "))
        })
        .filter_map(|rest| rest.strip_suffix(';'))
        .map(str::to_owned)
        .collect()
}

/// The words of a header line such as `//! May use: model, text.`, which may run on over the next lines.
fn header_list(text: &str, label: &str, file: &Path) -> Vec<String> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("//! "));
    let mut list = lines
        .find_map(|line| line.strip_prefix(label))
        .unwrap_or_else(|| panic!("{}: the header has no `{label}` line", file.display()))
        .to_owned();
    while !list.trim_end().ends_with('.') {
        let Some(next) = lines.next() else { break };
        list.push(' ');
        list.push_str(next);
    }
    list.trim()
        .trim_end_matches('.')
        .split(',')
        .map(|word| word.trim().to_owned())
        .filter(|word| !matches!(word.as_str(), "" | "none" | "nothing"))
        .collect()
}

fn rooms() -> Vec<Room> {
    declared_modules(&read(&src().join("lib.rs")))
        .into_iter()
        .map(|name| {
            let path = src().join(format!("{name}.rs"));
            let text = read(&path);
            let may_use = header_list(&text, "May use:", &path);
            let crates = header_list(&text, "Crates:", &path);
            Room {
                may_use,
                crates,
                files: declared_modules(&text),
                name,
            }
        })
        .collect()
}

fn files_below(dir: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries {
        let path = entry.expect("a directory entry").path();
        if path.is_dir() {
            files_below(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

fn files_of(room: &Room) -> Vec<PathBuf> {
    let mut found = vec![src().join(format!("{}.rs", room.name))];
    files_below(&src().join(&room.name), &mut found);
    found.sort();
    found
}

/// The code of a file without its unit tests, comments and literals' contents as they stand.
fn product_code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    let code = code.split("#[cfg(test)]\n#[").next().unwrap_or(code);
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The first names after every `prefix::`, in plain and in grouped form: `crate::a::b` and `crate::{a::b, c}`.
fn names_after(code: &str, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        if code[..at]
            .chars()
            .next_back()
            .is_some_and(|c| is_name(c) || c == ':' || c == '$')
        {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        match rest.strip_prefix('{') {
            Some(group) => names.extend(grouped_names(group)),
            None => names.push(rest.chars().take_while(|c| is_name(*c)).collect()),
        }
    }
    names
}

/// The first name of each member of a `{...}` group, the text of which starts behind the brace.
fn grouped_names(group: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let (mut depth, mut in_name) = (1, true);
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => {
                names.push(String::new());
                in_name = true;
                continue;
            }
            c if depth == 1 && in_name && is_name(c) => names.last_mut().expect("a name").push(c),
            c if c.is_whitespace() => {}
            _ => in_name = false,
        }
        if depth == 0 {
            break;
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn uses_crate(code: &str, name: &str) -> bool {
    [format!("{name}::"), format!("use {name};"), format!("use {name} ")]
        .iter()
        .any(|form| {
            code.match_indices(form.as_str()).any(|(at, _)| {
                !code[..at]
                    .chars()
                    .next_back()
                    .is_some_and(|c| is_name(c) || c == ':' || c == '.')
            })
        })
}

#[test]
fn a_room_uses_only_rooms_above_it_that_its_header_names() {
    let rooms = rooms();
    let place: BTreeMap<&str, usize> = rooms
        .iter()
        .enumerate()
        .map(|(n, room)| (room.name.as_str(), n))
        .collect();
    let mut wrong = Vec::new();
    for (n, room) in rooms.iter().enumerate() {
        for named in &room.may_use {
            if place.get(named.as_str()).is_none_or(|at| *at >= n) {
                wrong.push(format!(
                    "src/{}.rs: may use `{named}`, which is not a room above it",
                    room.name
                ));
            }
        }
        for file in files_of(room) {
            for used in names_after(&product_code(&read(&file)), "crate::") {
                if used != room.name && place.contains_key(used.as_str()) && !room.may_use.contains(&used) {
                    wrong.push(format!(
                        "{}: uses `{used}`, which the header of `{}` does not name",
                        file.display(),
                        room.name
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_file_uses_only_files_of_its_room_declared_above_it() {
    let mut wrong = Vec::new();
    for room in rooms() {
        let inner = src().join(&room.name);
        for (n, name) in room.files.iter().enumerate() {
            let mut own = vec![inner.join(format!("{name}.rs"))];
            files_below(&inner.join(name), &mut own);
            for file in own {
                let code = product_code(&read(&file));
                let mut used = names_after(&code, &format!("crate::{}::", room.name));
                if file.parent() == Some(inner.as_path()) {
                    used.extend(names_after(&code, "super::"));
                }
                for used in used {
                    if room
                        .files
                        .iter()
                        .position(|file| *file == used)
                        .is_some_and(|at| at > n)
                    {
                        wrong.push(format!("{}: uses `{used}`, which is declared below it", file.display()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_guarded_crate_stays_with_its_owners() {
    let mut wrong = Vec::new();
    for room in rooms() {
        for file in files_of(&room) {
            let code = product_code(&read(&file));
            for name in GUARDED.iter().filter(|name| uses_crate(&code, name)) {
                let owner = ALONG
                    .iter()
                    .find(|(along, _)| along == name)
                    .map_or(*name, |(_, owner)| *owner);
                if !room.crates.iter().any(|named| named == name || named == owner) {
                    wrong.push(format!(
                        "{}: uses crate `{name}`, which the header of `{}` does not name",
                        file.display(),
                        room.name
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_file_says_what_it_is_and_is_one_idea_long() {
    let mut files = Vec::new();
    files_below(&src(), &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let text = read(&file);
        if !text.starts_with("//! ") {
            wrong.push(format!(
                "{}: the first line does not say what the file is",
                file.display()
            ));
        }
        let lines = text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or(&text)
            .lines()
            .count();
        if lines > MOST_LINES {
            wrong.push(format!(
                "{}: {lines} lines without its tests; more than {MOST_LINES} is a second idea",
                file.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn no_test_waits_by_sleeping() {
    let mut files = Vec::new();
    files_below(&src(), &mut files);
    files_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"), &mut files);
    let call = ["thread::", "sleep("].concat();
    let wrong: Vec<_> = files
        .iter()
        .filter(|file| read(file).contains(&call))
        .map(|file| file.display().to_string())
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn names_are_found_in_plain_and_grouped_form() {
    assert_eq!(names_after("use crate::model::Time;", "crate::"), ["model"]);
    assert_eq!(
        names_after("use crate::{\n    model::{Time, Span},\n    text,\n};", "crate::"),
        ["model", "text"]
    );
    assert_eq!(names_after("other_crate::x", "crate::"), Vec::<String>::new());
    assert!(uses_crate("let x = kube::Api::all(c);", "kube"));
    assert!(!uses_crate("let x = crate::kube::all(c);", "kube"));
}
