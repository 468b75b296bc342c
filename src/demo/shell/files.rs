//! Programs that read, make and remove files, and that take paths apart: `cat`, `cp`, `rm`, `basename`, `test` …

use super::call::{Call, Ended};
use super::tree::{Kind, Trouble, base, parent};

pub fn cat(call: &mut Call<'_>) -> Ended {
    let Some(options) = call.options(&["n", "A", "e", "t", "u", "v"]) else {
        return Ok(1);
    };
    let (contents, status) = call.read_all(&options.operands)?;
    let mut number = 0;
    for (_, content) in contents {
        if !options.has("n") {
            call.out(content);
            continue;
        }
        for line in content.split_inclusive(|byte| *byte == b'\n') {
            number += 1;
            call.out(format!("{number:>6}\t"));
            call.out(line);
        }
    }
    Ok(status)
}

pub fn tee(call: &mut Call<'_>) -> Ended {
    let Some(options) = call.options(&["a", "i"]) else {
        return Ok(1);
    };
    let input = call.input()?;
    let mut status = 0;
    for operand in &options.operands {
        let path = call.machine.path(operand);
        let tree = &mut call.machine.tree;
        let done = if options.has("a") {
            tree.append(&path, &input)
        } else {
            tree.write(&path, input.clone())
        };
        status |= reported(call, operand, done);
    }
    call.out(input);
    Ok(status)
}

fn reported(call: &mut Call<'_>, operand: &str, done: Result<(), Trouble>) -> i32 {
    match done {
        Ok(()) => 0,
        Err(trouble) => {
            call.complain(format!("{operand}: {}", trouble.text()));
            1
        }
    }
}

pub fn mkdir(call: &mut Call<'_>) -> Ended {
    let Some(options) = call.options(&["p", "v", "m:", "parents"]) else {
        return Ok(1);
    };
    let parents = options.has("p") || options.has("parents");
    let mut status = i32::from(options.operands.is_empty());
    if status != 0 {
        call.complain("missing operand");
    }
    for operand in &options.operands {
        let path = call.machine.path(operand);
        let done = if parents {
            make_all(call, &path)
        } else {
            call.machine.tree.make_directory(&path)
        };
        if let Err(trouble) = done {
            call.complain(format!("cannot create directory '{operand}': {}", trouble.text()));
            status = 1;
        }
    }
    Ok(status)
}

fn make_all(call: &mut Call<'_>, path: &str) -> Result<(), Trouble> {
    let mut made = String::new();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        made = format!("{made}/{part}");
        match call.machine.tree.kind(&made) {
            Some(Kind::Directory) => {}
            Some(Kind::File | Kind::Device) => return Err(Trouble::NotDirectory),
            None => call.machine.tree.make_directory(&made)?,
        }
    }
    Ok(())
}

pub fn rm(call: &mut Call<'_>) -> Ended {
    let Some(options) = call.options(&["r", "R", "f", "v", "i", "d", "recursive", "force"]) else {
        return Ok(1);
    };
    let recursive = ["r", "R", "recursive"].iter().any(|name| options.has(name));
    let force = options.has("f") || options.has("force");
    let mut status = 0;
    if options.operands.is_empty() && !force {
        call.complain("missing operand");
        status = 1;
    }
    for operand in &options.operands {
        let path = call.machine.path(operand);
        let done = match call.machine.tree.kind(&path) {
            Some(Kind::Directory) if recursive => call.machine.tree.remove_directory(&path),
            Some(_) => call.machine.tree.remove_file(&path),
            None if force => Ok(()),
            None => Err(Trouble::Missing),
        };
        if let Err(trouble) = done {
            call.complain(format!("cannot remove '{operand}': {}", trouble.text()));
            status = 1;
        }
    }
    Ok(status)
}

pub fn rmdir(call: &mut Call<'_>) -> Ended {
    let mut status = 0;
    for operand in call.words {
        let path = call.machine.path(operand);
        let done = match call.machine.tree.kind(&path) {
            Some(Kind::Directory) if call.machine.tree.is_empty_directory(&path) => {
                call.machine.tree.remove_directory(&path)
            }
            Some(Kind::Directory) => Err(Trouble::NotEmpty),
            Some(Kind::File | Kind::Device) => Err(Trouble::NotDirectory),
            None => Err(Trouble::Missing),
        };
        if let Err(trouble) = done {
            call.complain(format!("failed to remove '{operand}': {}", trouble.text()));
            status = 1;
        }
    }
    Ok(status)
}

pub fn touch(call: &mut Call<'_>) -> Ended {
    let Some(options) = call.options(&["a", "c", "m", "t:", "d:"]) else {
        return Ok(1);
    };
    let mut status = 0;
    for operand in &options.operands {
        let path = call.machine.path(operand);
        if call.machine.tree.is_directory(&path) || options.has("c") {
            continue;
        }
        if let Err(trouble) = call.machine.tree.append(&path, b"") {
            call.complain(format!("cannot touch '{operand}': {}", trouble.text()));
            status = 1;
        }
    }
    Ok(status)
}

/// `cp FILE... TARGET`, and `mv` with the same words.
pub fn copy(call: &mut Call<'_>) -> Ended {
    let Some(options) = call.options(&["r", "R", "a", "f", "p", "v", "i", "n"]) else {
        return Ok(1);
    };
    let Some((target, sources)) = options.operands.split_last().filter(|(_, sources)| !sources.is_empty()) else {
        call.complain("missing file operand");
        return Ok(1);
    };
    let moving = call.name == "mv";
    let recursive = moving || ["r", "R", "a"].iter().any(|name| options.has(name));
    let into = call.machine.tree.is_directory(&call.machine.path(target));
    if sources.len() > 1 && !into {
        call.complain(format!("target '{target}': Not a directory"));
        return Ok(1);
    }
    let mut status = 0;
    for source in sources {
        let from = call.machine.path(source);
        let to = call.machine.path(&if into {
            format!("{target}/{}", base(source))
        } else {
            target.clone()
        });
        if let Err(message) = copy_one(call, (source, &from), &to, recursive) {
            call.complain(message);
            status = 1;
        } else if moving && from != to {
            let tree = &mut call.machine.tree;
            let removed = if tree.is_directory(&from) {
                tree.remove_directory(&from)
            } else {
                tree.remove_file(&from)
            };
            status |= reported(call, source, removed);
        }
    }
    Ok(status)
}

fn copy_one(call: &mut Call<'_>, (name, from): (&str, &str), to: &str, recursive: bool) -> Result<(), String> {
    let machine = &mut *call.machine;
    let failed = |trouble: Trouble| format!("cannot create '{to}': {}", trouble.text());
    match machine.tree.kind(from) {
        None => Err(format!("cannot stat '{name}': No such file or directory")),
        Some(Kind::Directory) if !recursive => Err(format!("-r not specified; omitting directory '{name}'")),
        Some(Kind::Directory) if to == from || to.starts_with(&format!("{from}/")) => {
            Err(format!("cannot copy a directory, '{name}', into itself, '{to}'"))
        }
        Some(Kind::Directory) => {
            if !machine.tree.is_directory(to) {
                machine.tree.make_directory(to).map_err(failed)?;
            }
            let mut waiting = vec![String::new()];
            while let Some(below) = waiting.pop() {
                for entry in machine.tree.list(&format!("{from}{below}")) {
                    let below = format!("{below}/{}", entry.name);
                    let target = format!("{to}{below}");
                    if entry.kind == Kind::Directory {
                        if !machine.tree.is_directory(&target) {
                            machine.tree.make_directory(&target).map_err(failed)?;
                        }
                        waiting.push(below);
                    } else {
                        let content = machine.tree.read(&format!("{from}{below}")).map_err(failed)?.to_vec();
                        machine.tree.write(&target, content).map_err(failed)?;
                    }
                }
            }
            Ok(())
        }
        Some(Kind::File | Kind::Device) => {
            let content = machine.tree.read(from).map_err(failed)?.to_vec();
            machine.tree.write(to, content).map_err(failed)
        }
    }
}

pub fn basename(call: &mut Call<'_>) -> Ended {
    let Some(path) = call.words.first() else {
        call.complain("missing operand");
        return Ok(1);
    };
    let name = base(path);
    let cut = call.words.get(1).and_then(|ending| name.strip_suffix(ending.as_str()));
    call.line(cut.filter(|cut| !cut.is_empty()).unwrap_or(name));
    Ok(0)
}

pub fn dirname(call: &mut Call<'_>) -> Ended {
    let Some(path) = call.words.first() else {
        call.complain("missing operand");
        return Ok(1);
    };
    let path = path.trim_end_matches('/');
    call.line(if path.contains('/') || path.is_empty() {
        parent(path)
    } else {
        ".".to_owned()
    });
    Ok(0)
}

pub fn realpath(call: &mut Call<'_>) -> Ended {
    let Some(options) = call.options(&["f", "e", "m"]) else {
        return Ok(1);
    };
    // Nothing here is a symbolic link, so a plain `readlink` finds none.
    if call.name == "readlink" && !options.has("f") && !options.has("e") {
        return Ok(1);
    }
    let mut status = 0;
    for operand in &options.operands {
        let path = call.machine.path(operand);
        if call.machine.exists(&parent(&path)) {
            call.line(path);
        } else {
            call.complain(format!("{operand}: No such file or directory"));
            status = 1;
        }
    }
    Ok(status)
}

pub fn pwd(call: &mut Call<'_>) -> Ended {
    let directory = call.machine.directory.clone();
    call.line(directory);
    Ok(0)
}

/// `test` and `[`.
pub fn test(call: &mut Call<'_>) -> Ended {
    let words: Vec<&str> = call.words.iter().map(String::as_str).collect();
    let words = match (call.name, words.as_slice()) {
        ("[", [inner @ .., "]"]) => inner.to_vec(),
        ("[", _) => {
            call.complain("missing ]");
            return Ok(2);
        }
        _ => words,
    };
    match alternatives(call, &words) {
        Ok(true) => Ok(0),
        Ok(false) => Ok(1),
        Err(message) => {
            call.complain(message);
            Ok(2)
        }
    }
}

fn alternatives(call: &Call<'_>, words: &[&str]) -> Result<bool, String> {
    // With three words or fewer POSIX reads by count, so that `[ -o = x ]` compares.
    if words.len() > 3 {
        if let Some(at) = words.iter().position(|word| *word == "-o") {
            let (left, right) = words.split_at(at);
            return Ok(alternatives(call, left)? | alternatives(call, right.get(1..).unwrap_or_default())?);
        }
        if let Some(at) = words.iter().position(|word| *word == "-a") {
            let (left, right) = words.split_at(at);
            return Ok(alternatives(call, left)? & alternatives(call, right.get(1..).unwrap_or_default())?);
        }
    }
    match words {
        [] => Ok(false),
        [word] | ["(", word, ")"] => Ok(!word.is_empty()),
        [left, operator, right] if is_binary(operator) => compare(left, operator, right),
        ["!", rest @ ..] => Ok(!alternatives(call, rest)?),
        [operator, word] => about(call, operator, word),
        [first, ..] => Err(format!("{first}: unexpected operator")),
    }
}

fn is_binary(word: &str) -> bool {
    matches!(
        word,
        "=" | "==" | "!=" | "<" | ">" | "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge"
    )
}

fn compare(left: &str, operator: &str, right: &str) -> Result<bool, String> {
    let number = |text: &str| {
        text.trim()
            .parse::<i64>()
            .map_err(|_| format!("Illegal number: {text}"))
    };
    Ok(match operator {
        "=" | "==" => left == right,
        "!=" => left != right,
        "<" => left < right,
        ">" => left > right,
        "-eq" => number(left)? == number(right)?,
        "-ne" => number(left)? != number(right)?,
        "-lt" => number(left)? < number(right)?,
        "-le" => number(left)? <= number(right)?,
        "-gt" => number(left)? > number(right)?,
        _ => number(left)? >= number(right)?,
    })
}

fn about(call: &Call<'_>, operator: &str, word: &str) -> Result<bool, String> {
    let machine = &call.machine;
    let path = machine.path(word);
    let kind = machine.tree.kind(&path);
    Ok(match operator {
        "-n" => !word.is_empty(),
        "-z" => word.is_empty(),
        "-e" | "-r" | "-w" => kind.is_some(),
        "-f" => kind == Some(Kind::File),
        "-d" => kind == Some(Kind::Directory),
        "-c" => kind == Some(Kind::Device),
        "-s" => kind.is_some() && machine.tree.size(&path) > 0,
        "-x" => kind == Some(Kind::Directory) || kind == Some(Kind::File) && super::listing::is_executable(&path),
        "-L" | "-h" | "-b" | "-p" | "-S" | "-u" | "-g" | "-k" => false,
        "-t" => call.terminal.is_some(),
        other => return Err(format!("{other}: unexpected operator")),
    })
}
