//! Programs that list files: `ls`, `find`, `du`, `stat`.

use super::call::{Call, Ended, Screen};
use super::glob;
use super::tree::{Entry, Kind, base, resolve};
use crate::demo::clock::strftime;

pub fn ls(call: &mut Call<'_>) -> Ended {
    let known = &[
        "l",
        "a",
        "A",
        "1",
        "R",
        "d",
        "h",
        "t",
        "r",
        "S",
        "F",
        "i",
        "n",
        "C",
        "all",
        "color:",
        "recursive",
        "human-readable",
    ];
    let Some(options) = call.options(known) else {
        return Ok(2);
    };
    let style = Style::new(call, &options);
    let operands = if options.operands.is_empty() {
        vec![".".to_owned()]
    } else {
        options.operands
    };
    let (mut files, mut folders, mut status) = (Vec::new(), Vec::new(), 0);
    for operand in operands {
        let path = call.machine.path(&operand);
        match call.machine.tree.kind(&path) {
            Some(Kind::Directory) if !style.itself => folders.push((operand, path)),
            Some(kind) => files.push((Entry { name: operand, kind }, path)),
            None => {
                let trouble = call.machine.tree.read(&path).err().map_or("", |trouble| trouble.text());
                call.complain(format!("cannot access '{operand}': {trouble}"));
                status = 2;
            }
        }
    }
    let mut first = files.is_empty();
    style.show(call, &files);
    let titled = folders.len() + files.len() > 1 || style.recursive || status != 0 && !folders.is_empty();
    folders.reverse();
    while let Some((name, path)) = folders.pop() {
        if titled {
            let gap = if std::mem::take(&mut first) { "" } else { "\n" };
            call.out(format!("{gap}{name}:\n"));
        }
        let entries = style.entries(call, &path);
        if style.long {
            let blocks: usize = entries
                .iter()
                .map(|(_, path)| call.machine.tree.size(path).div_ceil(4096) * 4)
                .sum();
            call.line(format!("total {blocks}"));
        }
        style.show(call, &entries);
        if style.recursive {
            let below = entries.into_iter().rev();
            let below =
                below.filter(|(entry, _)| entry.kind == Kind::Directory && entry.name != "." && entry.name != "..");
            folders.extend(below.map(|(entry, path)| (format!("{}/{}", name.trim_end_matches('/'), entry.name), path)));
        }
    }
    Ok(status)
}

#[expect(clippy::struct_excessive_bools, reason = "one field per option letter of ls")]
struct Style {
    long: bool,
    hidden: bool,
    dots: bool,
    recursive: bool,
    itself: bool,
    human: bool,
    by_size: bool,
    reversed: bool,
    colour: bool,
    /// Columns of the terminal that names are laid out over; none is one name a line.
    columns: Option<usize>,
}

impl Style {
    fn new(call: &Call<'_>, options: &super::call::Options) -> Self {
        let terminal = match call.screen {
            Screen::Terminal(size) => Some(if size.columns == 0 {
                80
            } else {
                usize::from(size.columns)
            }),
            Screen::Plain => None,
        };
        let dumb = call.machine.variable("TERM") == Some("dumb");
        let colour = match options.value(&["color"]) {
            Some("never" | "no" | "none") => false,
            Some("auto" | "tty" | "if-tty") | None => terminal.is_some() && !dumb,
            Some(_) => true,
        };
        Self {
            long: options.has("l") || options.has("n"),
            hidden: options.has("a") || options.has("A") || options.has("all"),
            dots: options.has("a") || options.has("all"),
            recursive: options.has("R") || options.has("recursive"),
            itself: options.has("d"),
            human: options.has("h") || options.has("human-readable"),
            by_size: options.has("S"),
            reversed: options.has("r"),
            colour,
            columns: if options.has("1") { None } else { terminal },
        }
    }

    fn entries(&self, call: &Call<'_>, folder: &str) -> Vec<(Entry, String)> {
        let tree = &call.machine.tree;
        let mut entries: Vec<(Entry, String)> = tree
            .list(folder)
            .into_iter()
            .filter(|entry| self.hidden || !entry.name.starts_with('.'))
            .map(|entry| {
                let path = resolve(folder, &entry.name);
                (entry, path)
            })
            .collect();
        if self.by_size {
            entries.sort_by_key(|(_, path)| std::cmp::Reverse(tree.size(path)));
        }
        if self.reversed {
            entries.reverse();
        }
        if self.dots {
            let dot = |name: &str| {
                (
                    Entry {
                        name: name.to_owned(),
                        kind: Kind::Directory,
                    },
                    resolve(folder, name),
                )
            };
            entries.splice(0..0, [dot("."), dot("..")]);
        }
        entries
    }

    fn show(&self, call: &mut Call<'_>, entries: &[(Entry, String)]) {
        if self.long {
            let lines = self.long_lines(call, entries);
            call.out(lines);
        } else if let Some(columns) = self.columns {
            call.out(self.in_columns(entries, columns));
        } else {
            for (entry, path) in entries {
                call.line(self.painted(entry, path));
            }
        }
    }

    fn painted(&self, entry: &Entry, path: &str) -> String {
        let colour = match entry.kind {
            Kind::Directory => "1;34",
            Kind::Device => "40;33;1",
            Kind::File if is_executable(path) => "1;32",
            Kind::File => return entry.name.clone(),
        };
        if self.colour {
            format!("\u{1b}[{colour}m{}\u{1b}[0m", entry.name)
        } else {
            entry.name.clone()
        }
    }

    /// The names down columns of equal width, as many columns as fit.
    fn in_columns(&self, entries: &[(Entry, String)], columns: usize) -> String {
        let longest = entries
            .iter()
            .map(|(entry, _)| entry.name.chars().count())
            .max()
            .unwrap_or(0);
        let across = (columns / (longest + 2)).max(1);
        let rows = entries.len().div_ceil(across);
        let mut text = String::new();
        for row in 0..rows {
            let mut in_row = entries.iter().skip(row).step_by(rows.max(1)).peekable();
            while let Some((entry, path)) = in_row.next() {
                text.push_str(&self.painted(entry, path));
                if in_row.peek().is_some() {
                    let gap = longest + 2 - entry.name.chars().count();
                    text.extend(std::iter::repeat_n(' ', gap));
                }
            }
            text.push('\n');
        }
        text
    }

    fn long_lines(&self, call: &Call<'_>, entries: &[(Entry, String)]) -> String {
        let started = call.machine.inside.started.saturating_mul(1_000_000_000);
        let time = strftime("%b %e %H:%M", started).unwrap_or_default();
        let sizes: Vec<String> = entries
            .iter()
            .map(|(_, path)| {
                let size = call.machine.tree.size(path);
                if self.human { human(size) } else { size.to_string() }
            })
            .collect();
        let wide = sizes.iter().map(String::len).max().unwrap_or(0);
        let lines = entries.iter().zip(&sizes).map(|((entry, path), size)| {
            let (mode, links) = (
                mode(entry.kind, path),
                if entry.kind == Kind::Directory { 2 } else { 1 },
            );
            format!(
                "{mode} {links} root root {size:>wide$} {time} {}\n",
                self.painted(entry, path)
            )
        });
        lines.collect()
    }
}

fn mode(kind: Kind, path: &str) -> &'static str {
    match kind {
        Kind::Directory if path == "/tmp" => "drwxrwxrwt",
        Kind::Directory => "drwxr-xr-x",
        Kind::Device => "crw-rw-rw-",
        Kind::File if is_executable(path) => "-rwxr-xr-x",
        Kind::File => "-rw-r--r--",
    }
}

/// Whether a file may be run: what lies in a `bin` folder, and scripts.
pub fn is_executable(path: &str) -> bool {
    path.contains("/bin/") || path.contains("/sbin/") || path.rsplit_once('.').is_some_and(|(_, ending)| ending == "sh")
}

/// Bytes as `ls -h` and `du -h` show them: one digit behind the point below ten.
pub fn human(bytes: usize) -> String {
    if bytes < 1024 {
        return bytes.to_string();
    }
    let (mut unit, mut size) = (0, bytes);
    while size >= 1024 * 1024 && unit < 3 {
        size = size.div_ceil(1024);
        unit += 1;
    }
    let letter = ["K", "M", "G", "T"].get(unit).copied().unwrap_or("T");
    let tenths = (size * 10).div_ceil(1024);
    if tenths < 100 {
        format!("{}.{}{letter}", tenths / 10, tenths % 10)
    } else {
        format!("{}{letter}", tenths.div_ceil(10))
    }
}

/// What `find` is asked to keep.
enum Test {
    Name(String),
    AnyCaseName(String),
    Path(String),
    Kind(Kind),
    Empty,
    Not(Box<Test>),
}

pub fn find(call: &mut Call<'_>) -> Ended {
    let words = call.words;
    let split = words
        .iter()
        .position(|word| word.starts_with('-') || word == "!")
        .unwrap_or(words.len());
    let (starts, expression) = words.split_at(split);
    let starts = if starts.is_empty() {
        vec![".".to_owned()]
    } else {
        starts.to_vec()
    };
    let (tests, deepest) = match tests(expression) {
        Ok(read) => read,
        Err(message) => {
            call.complain(message);
            return Ok(1);
        }
    };
    let mut status = 0;
    for start in starts {
        if !call.machine.exists(&start) {
            call.complain(format!("'{start}': No such file or directory"));
            status = 1;
        }
        let mut waiting = vec![(start, 0)];
        while let Some((name, depth)) = waiting.pop() {
            let path = call.machine.path(&name);
            let Some(kind) = call.machine.tree.kind(&path) else {
                continue;
            };
            if tests.iter().all(|test| holds(test, &name, &path, call)) {
                call.line(&name);
            }
            if kind == Kind::Directory && depth < deepest {
                let below = call.machine.tree.list(&path).into_iter().rev();
                waiting
                    .extend(below.map(|entry| (format!("{}/{}", name.trim_end_matches('/'), entry.name), depth + 1)));
            }
        }
    }
    Ok(status)
}

/// Tests that must all hold, and the greatest depth.
fn tests(expression: &[String]) -> Result<(Vec<Test>, usize), String> {
    let (mut tests, mut deepest, mut negated) = (Vec::new(), usize::MAX, false);
    let mut words = expression.iter();
    while let Some(word) = words.next() {
        let mut argument = || {
            words
                .next()
                .cloned()
                .ok_or_else(|| format!("missing argument to `{word}'"))
        };
        let test = match word.as_str() {
            "!" | "-not" => {
                negated = !negated;
                continue;
            }
            "-print" | "-xdev" | "-a" => continue,
            "-maxdepth" => {
                let depth = argument()?;
                deepest = depth.parse().map_err(|_| {
                    format!("Expected a positive decimal integer argument to -maxdepth, but got ‘{depth}’")
                })?;
                continue;
            }
            "-name" => Test::Name(argument()?),
            "-iname" => Test::AnyCaseName(argument()?.to_lowercase()),
            "-path" | "-wholename" => Test::Path(argument()?),
            "-empty" => Test::Empty,
            "-type" => match argument()?.as_str() {
                "f" => Test::Kind(Kind::File),
                "d" => Test::Kind(Kind::Directory),
                "c" => Test::Kind(Kind::Device),
                other => return Err(format!("Unknown argument to -type: {other}")),
            },
            other => return Err(format!("unknown predicate `{other}'")),
        };
        tests.push(if std::mem::take(&mut negated) {
            Test::Not(Box::new(test))
        } else {
            test
        });
    }
    Ok((tests, deepest))
}

fn holds(test: &Test, name: &str, path: &str, call: &Call<'_>) -> bool {
    let tree = &call.machine.tree;
    match test {
        Test::Name(pattern) => glob::fits(pattern, base(name)),
        Test::AnyCaseName(pattern) => glob::fits(pattern, &base(name).to_lowercase()),
        Test::Path(pattern) => glob::fits(pattern, name),
        Test::Kind(kind) => tree.kind(path) == Some(*kind),
        Test::Empty => {
            if tree.is_directory(path) {
                tree.is_empty_directory(path)
            } else {
                tree.size(path) == 0
            }
        }
        Test::Not(test) => !holds(test, name, path, call),
    }
}

/// Sizes in KiB of 4 KiB blocks, summed over the files below.
pub fn du(call: &mut Call<'_>) -> Ended {
    let Some(options) = call.options(&["s", "h", "a", "k", "c", "d:", "max-depth:"]) else {
        return Ok(1);
    };
    let operands = if options.operands.is_empty() {
        vec![".".to_owned()]
    } else {
        options.operands.clone()
    };
    let deepest = options.value(&["d", "max-depth"]).and_then(|depth| depth.parse().ok());
    let deepest = if options.has("s") {
        0
    } else {
        deepest.unwrap_or(usize::MAX)
    };
    let mut status = 0;
    for operand in operands {
        if !call.machine.exists(&operand) {
            call.complain(format!("cannot access '{operand}': No such file or directory"));
            status = 1;
            continue;
        }
        for name in below_first(call, &operand, deepest) {
            let kilobytes = call.machine.tree.total(&call.machine.path(&name)).div_ceil(4096) * 4 + 4;
            let size = if options.has("h") {
                human(kilobytes * 1024)
            } else {
                kilobytes.to_string()
            };
            call.line(format!("{size}\t{name}"));
        }
    }
    Ok(status)
}

/// A directory and those in it, each behind all that lie in it.
fn below_first(call: &Call<'_>, start: &str, deepest: usize) -> Vec<String> {
    let (mut order, mut waiting) = (Vec::new(), vec![(start.to_owned(), 0)]);
    while let Some((name, depth)) = waiting.pop() {
        if depth < deepest {
            let entries = call.machine.tree.list(&call.machine.path(&name)).into_iter();
            let folders = entries.filter(|entry| entry.kind == Kind::Directory);
            waiting.extend(folders.map(|entry| (format!("{}/{}", name.trim_end_matches('/'), entry.name), depth + 1)));
        }
        order.push(name);
    }
    order.reverse();
    order
}

pub fn stat(call: &mut Call<'_>) -> Ended {
    let Some(options) = call.options(&["c:", "format:"]) else {
        return Ok(1);
    };
    let format = options.value(&["c", "format"]).map(str::to_owned);
    let mut status = 0;
    for operand in &options.operands {
        let path = call.machine.path(operand);
        let Some(kind) = call.machine.tree.kind(&path) else {
            call.complain(format!("cannot statx '{operand}': No such file or directory"));
            status = 1;
            continue;
        };
        let size = call.machine.tree.size(&path);
        let what = match kind {
            Kind::File if size == 0 => "regular empty file",
            Kind::File => "regular file",
            Kind::Directory => "directory",
            Kind::Device => "character special file",
        };
        match &format {
            Some(format) => call.line(
                format
                    .replace("%s", &size.to_string())
                    .replace("%n", operand)
                    .replace("%F", what),
            ),
            None => call.line(format!(
                "  File: {operand}\n  Size: {size}\t{what}\nAccess: {}",
                mode(kind, &path)
            )),
        }
    }
    Ok(status)
}
